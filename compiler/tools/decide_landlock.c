/* SPDX-License-Identifier: MIT */
/*
 * Landlock's answers, as security/landlock/fs.c, net.c and task.c compute them: for each layer the rights that are asked
 * for, from which the rules on the object and on every directory above it are taken away. What is left is denied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decide_impl.h"
#include "inspect.h"

static const struct k_landlock_ruleset_attr *layer_attr(const struct asking *a, uint32_t layer)
{
	return ruleset_of(a->world->blob, a->plan, layer);
}

/*
 * security/landlock/ruleset.c, landlock_upgrade_handled_access_masks(): a layer that handles any file right handles
 * refer, which ABI 1 always denied.
 */
static uint64_t handled_fs(const struct asking *a, uint32_t layer)
{
	uint64_t handled = layer_attr(a, layer)->handled_access_fs;

	return handled ? handled | FS_RIGHT(refer) : 0;
}

/* ---- steps ---- */

struct decision_step *step_add(struct asking *a, enum decider by, const char *call)
{
	struct decision *out = a->out;
	/* the last one is overwritten where an operation has more of them than anyone would read */
	size_t at = out->nsteps < DECISION_STEPS ? out->nsteps++ : DECISION_STEPS - 1;
	struct decision_step *step = &out->steps[at];

	memset(step, 0, offsetof(struct decision_step, layers));
	step->by = by;
	step->call = call;
	step->allowed = true;
	step->companion = COMPANIONS;
	step->guarantee = LLPB_NONE;
	return step;
}

static struct decision_step *landlock_step(struct asking *a, enum right_class class, uint64_t asked, const char *call)
{
	struct decision_step *step = step_add(a, BY_LANDLOCK, call);

	step->rights = class;
	step->asked = asked;
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++) {
		step->layers[i].asked = step->layers[i].missing = 0;
		memset(step->layers[i].rule, 0xff, sizeof(step->layers[i].rule));
	}
	return step;
}

/* Texts of steps outlive the places, of which there are two. What a directory is asked about is the directory's. */
static void set_subject(struct asking *a, struct decision_step *step, const struct place *place, size_t first)
{
	struct text *text = &a->world->texts[step - a->out->steps];
	size_t need = strlen(place->text) + 2;

	if (need > text->cap) {
		free(text->bytes);
		text->bytes = malloc(need);
		if (!text->bytes)
			abort();
		text->cap = need;
	}
	memcpy(text->bytes, place->text, need - 1);
	char *slash = first ? strrchr(text->bytes, '/') : NULL;
	if (slash)
		slash[slash == text->bytes] = 0;
	step->subject = text->bytes;
	step->node = first < place->count ? place->nodes[first] : NODE_NONE;
	step->directory = first || S_ISDIR(place->mode);
}

/* Which guarantee of the policy a denial keeps, for its place in the source. */
static uint32_t guarantee_of(const struct asking *a, const char *name)
{
	const struct blob *blob = a->world->blob;

	for (uint32_t i = 0; i < blob->nguarantees; i++)
		if (!strcmp(blob_str(blob, blob->guarantees[i].name), name) &&
		    blob->guarantees[i].mechanism[a->plan] == LLPB_M_LANDLOCK)
			return i;
	return LLPB_NONE;
}

static bool refuse(struct asking *a, struct decision_step *step, int err, const char *guarantee)
{
	step->allowed = false;
	step->err = err;
	step->guarantee = guarantee_of(a, guarantee);
	a->refused = true;
	return false;
}

static const char *fs_guarantee(uint64_t missing)
{
	static const struct {
		uint64_t right;
		const char *name;
	} rows[] = {{FS_RIGHT(truncate), "fs.truncate"},
		    {FS_RIGHT(ioctl_dev), "fs.ioctl_dev"},
		    {FS_RIGHT(resolve_unix), "fs.unix"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!(missing & ~rows[i].right))
			return rows[i].name;
	return "fs";
}

/* ---- layers ---- */

static void masks_begin(const struct asking *a, uint64_t request, struct masks *masks)
{
	*masks = (struct masks){{0}};
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++)
		masks->denied[i] = request & handled_fs(a, i);
}

static uint64_t masks_left(const struct asking *a, const struct masks *masks)
{
	uint64_t left = 0;

	for (uint32_t i = 0; i < a->world->blob->nlayers; i++)
		left |= masks->denied[i];
	return left;
}

/* Notes which rule gave what, for those rights that the step asks about. */
static void note_rule(struct decision_step *step, const struct rule *rule, uint64_t given)
{
	struct layer_answer *layer = &step->layers[rule->layer];

	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if ((given & step->asked) >> bit & 1 && layer->rule[bit] == LLPB_NONE)
			layer->rule[bit] = rule->index;
}

/*
 * Takes what the rules on one node grant, of `request`, out of the masks. `directory`: what the node is, where the world
 * does not know (textual). True when nothing of the request is left.
 */
static bool masks_take(const struct asking *a, uint32_t node, bool directory, uint64_t request, struct masks *masks,
		       struct decision_step *step)
{
	const struct world *w = a->world;
	uint64_t left = 0;

	for (uint32_t i = node == NODE_NONE ? LLPB_NONE : w->nodes[node].first_rule; i != LLPB_NONE;
	     i = w->rules[i].next) {
		const struct rule *rule = &w->rules[i];
		uint64_t handled = layer_attr(a, rule->layer)->handled_access_fs;
		uint64_t access = rule_access(rule, handled, w->textual ? directory : rule->directory) & request;
		if (step)
			note_rule(step, rule, access & masks->denied[rule->layer]);
		masks->denied[rule->layer] &= ~access;
	}
	for (uint32_t i = 0; i < w->blob->nlayers; i++)
		left |= masks->denied[i] & request;
	return !left;
}

static void masks_report(const struct asking *a, const struct masks *before, const struct masks *after,
			 struct decision_step *step)
{
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++) {
		step->layers[i].asked |= before->denied[i];
		step->layers[i].missing |= after->denied[i];
	}
}

/* The walk from nodes[first] to the root. */
static bool ask_nodes(struct asking *a, const struct place *place, size_t first, uint64_t rights, const char *call)
{
	struct decision_step *step;
	struct masks before, masks;

	masks_begin(a, rights, &before);
	if (!masks_left(a, &before))
		return true;
	step = landlock_step(a, RIGHTS_FS, rights, call);
	/* what does not exist yet has no rule of its own */
	set_subject(a, step, place, place->count > 1 && place->nodes[0] == NODE_NONE ? 1 : first);
	masks = before;
	for (size_t i = first; i < place->count; i++)
		if (masks_take(a, place->nodes[i], i || S_ISDIR(place->mode), rights, &masks, step))
			break;
	masks_report(a, &before, &masks, step);
	return masks_left(a, &masks) ? refuse(a, step, EACCES, fs_guarantee(masks_left(a, &masks))) : true;
}

bool ask_object(struct asking *a, const struct place *place, uint64_t rights, const char *call)
{
	return ask_nodes(a, place, 0, rights, call);
}

bool ask_directory(struct asking *a, const struct place *place, uint64_t rights, const char *call)
{
	return ask_nodes(a, place, place->count > 1 || !place->count, rights, call);
}

/* ---- rename, link: security/landlock/fs.c, current_check_refer_path() ---- */

/* The files of the system, one row each, for what their making needs. */
static uint64_t make_right(mode_t mode)
{
	for (size_t i = 0; i < NODE_IDS; i++)
		if (node_rows[i].type == (mode & S_IFMT))
			return node_rows[i].right;
	return FS_RIGHT(make_reg);
}

static uint64_t remove_right(const struct place *place)
{
	if (!place->exists)
		return 0;
	return S_ISDIR(place->mode) ? FS_RIGHT(remove_dir) : FS_RIGHT(remove_file);
}

/* One of the two directories of a move, and what is known about it. */
struct side {
	const struct place *place;
	size_t first; /* index of the directory in the place's nodes */
	uint64_t request;
	struct masks masks; /* rights denied there */
	bool allowed;
	struct masks child; /* rights that the moved object does not have by a rule of its own */
	bool child_directory;
	struct decision_step *step;
};

#define EVERY_RIGHT (~UINT64_C(0))

/* collect_domain_accesses(): from the directory to the root of its mount. */
static void side_begin(struct asking *a, struct side *side, const char *call)
{
	const struct place *place = side->place;

	side->step = landlock_step(a, RIGHTS_FS, side->request, call);
	set_subject(a, side->step, place, side->first);
	masks_begin(a, EVERY_RIGHT, &side->masks);
	/* first 0: the root of a mount, with nothing above it there */
	size_t last = side->first ? place->mount_root : 0;
	for (size_t i = side->first; i <= last && i < place->count && !side->allowed; i++)
		side->allowed = masks_take(a, place->nodes[i], true, EVERY_RIGHT, &side->masks, side->step);
	masks_begin(a, EVERY_RIGHT, &side->child);
	side->child_directory = S_ISDIR(place->mode);
	if ((!place->mounted || !side->first) && place->count)
		masks_take(a, place->nodes[0], side->child_directory, EVERY_RIGHT, &side->child, NULL);
}

/* What an object on side `from` has not, and would have on side `to`: no_more_access() is that there is nothing. */
static uint64_t gained(const struct side *from, const struct side *to, uint32_t layer)
{
	uint64_t relevant = from->child_directory ? EVERY_RIGHT : FS_FILE_RIGHTS;

	return from->masks.denied[layer] & from->child.denied[layer] & ~to->masks.denied[layer] & relevant;
}

static bool gains(const struct asking *a, const struct side *from, const struct side *to)
{
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++)
		if (gained(from, to, i))
			return true;
	return false;
}

/* scope_to_request() */
static void side_narrow(const struct asking *a, struct side *side)
{
	uint64_t left = 0;

	for (uint32_t i = 0; !side->allowed && i < a->world->blob->nlayers; i++)
		left |= side->masks.denied[i] &= side->request;
	side->allowed |= !left;
}

/* is_access_to_paths_allowed() with two requests: from the root of the mount upwards. */
static bool sides_walk(struct asking *a, struct side *from, struct side *to, bool exchange)
{
	const struct place *place = to->place;
	uint64_t wanted[2] = {EVERY_RIGHT, EVERY_RIGHT};
	bool whole = true;

	for (size_t i = place->mount_root; i < place->count && !(from->allowed && to->allowed); i++) {
		if (whole && !gains(a, from, to) && !(exchange && gains(a, to, from))) {
			whole = false;
			wanted[0] = from->request;
			wanted[1] = to->request;
			side_narrow(a, from);
			side_narrow(a, to);
		}
		from->allowed =
			from->allowed || masks_take(a, place->nodes[i], true, wanted[0], &from->masks, from->step);
		to->allowed = to->allowed || masks_take(a, place->nodes[i], true, wanted[1], &to->masks, to->step);
	}
	return from->allowed && to->allowed;
}

static uint64_t side_report(const struct asking *a, struct side *side)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < a->world->blob->nlayers; i++) {
		side->step->layers[i].asked = side->request & handled_fs(a, i);
		/* allowed: the walk ended as soon as nothing of the request was left */
		side->step->layers[i].missing = side->allowed ? 0 : side->masks.denied[i] & side->request;
		missing |= side->step->layers[i].missing;
	}
	return missing;
}

/* The move itself is granted on both sides, but the object would have more rights at its new place. */
static bool refuse_gain(struct asking *a, const struct side *from, const struct side *to, bool exchange,
			const char *call)
{
	struct decision_step *step = landlock_step(a, RIGHTS_FS, 0, call);

	/* no rule can name a symbolic link: what it leads to would get the grant */
	set_subject(a, step, from->place, S_ISLNK(from->place->mode) || from->place->mounted);
	step->gains = true;
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++) {
		uint64_t more = gained(from, to, i) | (exchange ? gained(to, from, i) : 0);
		step->layers[i].asked = step->layers[i].missing = more;
		step->asked |= more;
	}
	return refuse(a, step, EXDEV, "fs");
}

static bool ask_move(struct asking *a, struct side *from, struct side *to, bool exchange, const char *call)
{
	side_begin(a, from, call);
	side_begin(a, to, call);
	if (sides_walk(a, from, to, exchange)) {
		side_report(a, from);
		side_report(a, to);
		return true;
	}
	uint64_t left = side_report(a, from), right = side_report(a, to);
	/* is_eacces(): a missing right other than refer comes first */
	int err = (left | right) & ~FS_RIGHT(refer) ? EACCES : EXDEV;
	if (left)
		refuse(a, from->step, err, "fs");
	if (right)
		refuse(a, to->step, err, "fs");
	return left | right ? false : refuse_gain(a, from, to, exchange, call);
}

bool ask_refer(struct asking *a, const struct place *from, const struct place *to, bool removable, bool exchange,
	       const char *call)
{
	struct side left = {.place = from, .first = 1}, right = {.place = to, .first = 1};

	masks_begin(a, EVERY_RIGHT, &left.masks);
	if (!masks_left(a, &left.masks))
		return true;
	left.request = exchange ? make_right(to->mode) : 0;
	right.request = make_right(from->mode);
	if (removable) {
		left.request |= remove_right(from);
		right.request |= remove_right(to);
	}
	if (from->count > 1 && to->count > 1 && from->nodes[1] == to->nodes[1])
		return ask_directory(a, to, left.request | right.request, call);
	/* link(2) of the root of a mount, within it: its parent is itself (old_parent) */
	if (from->mounted && from->object_mount == to->mount) {
		if (to->count > 1 && to->nodes[1] == from->nodes[0] && place_is_whole(from))
			return ask_directory(a, to, left.request | right.request, call);
		left.first = 0;
	}
	left.request |= FS_RIGHT(refer);
	right.request |= FS_RIGHT(refer);
	return ask_move(a, &left, &right, exchange, call);
}

/* ---- ports and scopes ---- */

static void grant_port(const struct asking *a, uint64_t right, unsigned bit, struct decision_step *step)
{
	for (size_t i = 0; i < a->world->nports; i++) {
		const struct port_rule *rule = &a->world->ports[i];
		struct layer_answer *layer = &step->layers[rule->layer];
		if (rule->port != a->op->port || !(rule->access & layer->missing & right))
			continue;
		layer->missing = 0;
		layer->rule[bit] = rule->index;
	}
}

bool ask_port(struct asking *a, uint64_t right, const char *call)
{
	const struct blob *blob = a->world->blob;
	struct decision_step *step;
	uint64_t asked = 0, missing = 0;
	unsigned bit = 0;

	while (!(right >> bit & 1))
		bit++;
	for (uint32_t i = 0; i < blob->nlayers; i++)
		asked |= layer_attr(a, i)->handled_access_net & right;
	if (!asked)
		return true;
	step = landlock_step(a, RIGHTS_NET, right, call);
	step->port = a->op->port;
	for (uint32_t i = 0; i < blob->nlayers; i++)
		step->layers[i].asked = step->layers[i].missing = layer_attr(a, i)->handled_access_net & right;
	grant_port(a, right, bit, step);
	for (uint32_t i = 0; i < blob->nlayers; i++)
		missing |= step->layers[i].missing;
	if (!missing)
		return true;
	return refuse(a, step, EACCES,
		      right == NET_RIGHT(bind_tcp)      ? "net.bind_tcp"
		      : right == NET_RIGHT(connect_tcp) ? "net.connect_tcp"
							: "net.udp");
}

bool ask_scope(struct asking *a, uint64_t scope, const char *call)
{
	const struct blob *blob = a->world->blob;
	struct decision_step *step;
	uint64_t asked = 0;

	for (uint32_t i = 0; i < blob->nlayers; i++)
		asked |= layer_attr(a, i)->scoped & scope & ~a->world->lifted_scopes;
	if (!asked)
		return true;
	step = landlock_step(a, RIGHTS_SCOPE, scope, call);
	for (uint32_t i = 0; i < blob->nlayers; i++)
		step->layers[i].asked = step->layers[i].missing = layer_attr(a, i)->scoped & scope;
	return refuse(a, step, EPERM, scope == SCOPE_RIGHT(signal) ? "scope.signal" : "scope.abstract_unix_socket");
}

/*
 * security/landlock/fs.c, hook_sb_mount(), hook_move_mount(), hook_sb_umount(), hook_sb_pivotroot(): no mount changes in a
 * domain that handles any file right, because rules hold by the hierarchy of mounts.
 */
bool ask_mount(struct asking *a, const char *call)
{
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++)
		if (handled_fs(a, i))
			return refuse(a, landlock_step(a, RIGHTS_FS, 0, call), EPERM, "fs");
	return true;
}
