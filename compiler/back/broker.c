/* SPDX-License-Identifier: MIT */
/* The broker's part of a blob: its records, sorted and anchored, and the program that sends calls to it. */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "callrules.h"
#include "diag.h"
#include "grants.h"
#include "lower.h"
#include "path_tree.h"

/* ---- records ---- */

/* "/" sorts before every other byte, as in lower.c: order is by tree. */
static int compare_exceptions(const void *left, const void *right)
{
	const struct low_exception *a = left, *b = right;
	int order = strcmp(a->source, b->source);

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == LLPB_B_OBJECT && order)
		return order;
	order = strcmp(a->shown, b->shown) ? strcmp(a->shown, b->shown) : order;
	return order ? order : a->pos.line != b->pos.line ? (a->pos.line < b->pos.line ? -1 : 1) : 0;
}

static bool lies_beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (!len || !strcmp(dir, "/"))
		return path[len] != 0;
	return !strncmp(path, dir, len) && path[len] == '/';
}

/* May the command put a link on the way to this place? Then none is followed there. */
static bool beneath_writable(const struct lowered *low, const struct policy_rule *place, int slot)
{
	const struct policy *p = low->policy;

	for (size_t i = 0; i < low->npaths; i++)
		if (low->paths[i].slot == slot && asked_rights(&low->paths[i]) & FS_PLANT &&
		    lies_beneath(place->rest, low->paths[i].rest))
			return true;
	for (size_t i = 0; i < p->nexceptions; i++)
		if (p->exceptions[i].kind == LLPB_B_SCRATCH && p->exceptions[i].place.slot == place->slot &&
		    lies_beneath(place->rest, p->exceptions[i].place.rest))
			return true;
	return false;
}

/*
 * With [runtime] root the policy speaks of paths of the host, and the broker looks them up where the command is: without
 * the root's own path. NULL after a report.
 */
static const char *in_new_root(struct diag *diag, const struct policy *p, const struct policy_rule *place,
			       const char *rest)
{
	const char *root = p->new_root.rest;
	size_t len = strlen(root);

	if (place->slot == p->new_root.slot && !strcmp(rest, root))
		return "/";
	if (place->slot == p->new_root.slot && lies_beneath(rest, root))
		return rest + len - (rest[len] != '/');
	diag_report(diag, CHECK_BAD_PATH, &place->pos,
		    "path \"%s\": the command cannot see it: not in the root \"%s\"", place->path, p->new_root.path);
	return NULL;
}

static void lower_exception(struct arena *arena, struct diag *diag, struct lowered *low,
			    const struct policy_exception *e)
{
	struct low_exception *out = &low->exceptions[low->nexceptions++];
	const struct policy_rule *place = &e->place;

	*out = (struct low_exception){.kind = e->kind,
				      .flags = e->flags,
				      .path = place->rest,
				      .shown = shown_path(arena, low->policy, place->slot, place->rest, place->uid),
				      .source = e->source,
				      .type = e->type,
				      .attrs = e->attrs,
				      .pos = place->pos,
				      .slot = slot_index(low, place->slot)};
	if (low->policy->has_root) {
		const char *path = in_new_root(diag, low->policy, place, place->rest);
		const char *source =
			e->kind != LLPB_B_BIND ? e->source : in_new_root(diag, low->policy, place, e->source);
		out->path = path ? path : "/";
		out->source = source ? source : "/";
		out->slot = -1;
	}
	out->flags |= (place->optional ? LLPB_B_OPTIONAL : 0) | (place->uid ? LLPB_B_UID : 0);
	if (e->kind <= LLPB_B_EXPORT && beneath_writable(low, place, slot_index(low, place->slot)))
		out->flags |= LLPB_B_NOFOLLOW;
}

/* The same place twice: what either grants. */
static void merge_exceptions(struct lowered *low)
{
	const uint32_t both = LLPB_B_OPTIONAL | LLPB_B_NO_READ | LLPB_B_NO_WRITE | LLPB_B_READ_ONLY | LLPB_B_NO_FD;
	size_t n = 0;

	for (size_t i = 0; i < low->nexceptions; i++) {
		struct low_exception *e = &low->exceptions[i], *last = n ? &low->exceptions[n - 1] : NULL;
		if (!last || last->kind != e->kind || strcmp(last->shown, e->shown) ||
		    strcmp(last->source, e->source) || strcmp(last->type, e->type)) {
			low->exceptions[n++] = *e;
			continue;
		}
		last->flags = (last->flags & e->flags & both) | ((last->flags | e->flags) & ~both);
		last->attrs |= e->attrs;
	}
	low->nexceptions = n;
}

static bool notifies(const struct policy *p)
{
	for (size_t i = 0; i < p->ncalls; i++)
		if ((p->calls[i].action.value & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_USER_NOTIF)
			return true;
	return false;
}

bool lower_broker(struct arena *arena, struct diag *diag, struct lowered *low)
{
	const struct policy *p = low->policy;

	size_t errors = diag_count(diag, SEVERITY_ERROR);

	low->brokered = p->nexceptions || notifies(p);
	low->exceptions = arena_alloc(arena, (p->nexceptions + 1) * sizeof(*low->exceptions));
	for (size_t i = 0; i < p->nexceptions; i++)
		lower_exception(arena, diag, low, &p->exceptions[i]);
	if (low->nexceptions)
		qsort(low->exceptions, low->nexceptions, sizeof(*low->exceptions), compare_exceptions);
	merge_exceptions(low);
	if (low->nexceptions > LLPB_MAX_BROKER)
		diag_report(diag, CHECK_LIMIT, &p->broker_pos, "%zu exceptions: a blob holds at most %d",
			    low->nexceptions, LLPB_MAX_BROKER);
	return diag_count(diag, SEVERITY_ERROR) == errors;
}

/* ---- the notify program ---- */

enum broker_class { CLASS_OPEN, CLASS_CHANGE, CLASS_TRUNCATE, CLASS_MOUNT, CLASS_VIEW, CLASS_IDS, CLASS_CAPS };

static const struct {
	const char *name;
	enum broker_class class;
} calls[] = {
#define BROKERED(name, class, x86_64, aarch64) {#name, CLASS_##class},
#include "broker.def"
};

static const struct {
	const char *name;
	uint32_t action;
} closed[] = {
#define BROKER_CLOSED(name, errno) {#name, K_SECCOMP_RET_ERRNO | (errno)},
#include "broker.def"
};

static unsigned wanted_classes(const struct lowered *low)
{
	static const unsigned classes[LLPB_B_KINDS] = {
		[LLPB_B_READ] = 1 << CLASS_OPEN,
		[LLPB_B_WRITE] = 1 << CLASS_OPEN | 1 << CLASS_TRUNCATE,
		[LLPB_B_SCRATCH] = 1 << CLASS_OPEN | 1 << CLASS_CHANGE | 1 << CLASS_TRUNCATE,
		[LLPB_B_EXPORT] = 1 << CLASS_CHANGE,
		/* what lies in such a mount no rule can name: the broker opens it */
		[LLPB_B_TMPFS] = 1 << CLASS_OPEN | 1 << CLASS_CHANGE | 1 << CLASS_TRUNCATE | 1 << CLASS_MOUNT,
		[LLPB_B_BIND] = 1 << CLASS_OPEN | 1 << CLASS_CHANGE | 1 << CLASS_TRUNCATE | 1 << CLASS_MOUNT,
		[LLPB_B_OBJECT] = 1 << CLASS_OPEN | 1 << CLASS_CHANGE | 1 << CLASS_TRUNCATE | 1 << CLASS_MOUNT,
	};
	unsigned wanted = 1 << CLASS_VIEW | 1 << CLASS_IDS | 1 << CLASS_CAPS;

	for (size_t i = 0; i < low->nexceptions; i++)
		wanted |= classes[low->exceptions[i].kind];
	return wanted;
}

/* ---- opens that no exception could be meant by ---- */

/* Does every layer let everything be read? By not handling it, or by a rule for the root, which covers all mounts. */
static bool reads_everything(const struct lowered *low)
{
	const uint64_t reads = FS_RIGHT(read_file) | FS_RIGHT(read_dir);
	const struct policy *p = low->policy;

	for (size_t layer = 0; layer < p->nlayers; layer++) {
		uint64_t left = reads & p->layers[layer].handled;
		for (size_t i = 0; i < low->npaths; i++)
			if (low->paths[i].layer == layer && low->paths[i].slot < 0 &&
			    !strcmp(low->paths[i].rest, "/"))
				left &= ~low->paths[i].access;
		if (left)
			return false;
	}
	return !p->has_root;
}

static bool handles_ioctl(const struct policy *p)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (p->layers[i].handled & FS_RIGHT(ioctl_dev))
			return true;
	return false;
}

/*
 * Where Landlock lets everything be read, an exception for writing adds nothing to that. But one for reading is there to
 * be recorded; one for a single file may be of a device, on which ioctl_dev binds what the broker did not open; and what
 * lies in a mount of the command's no rule can name.
 */
static bool adds_reading(const struct lowered *low, const struct low_exception *e)
{
	if (names_mount(e->kind) || e->kind == LLPB_B_READ)
		return true;
	return !reads_everything(low) || (!covers_tree(e->kind, e->flags) && handles_ioctl(low->policy));
}

/* What opens the broker may have a part in. */
struct opens {
	uint32_t grants; /* MAY_*, of all exceptions together */
	bool reads; /* opens for nothing but reading among them */
};

static struct opens brokered_opens(const struct lowered *low)
{
	struct opens opens = {0, false};

	for (size_t i = 0; i < low->nexceptions; i++) {
		const struct low_exception *e = &low->exceptions[i];
		uint32_t grants = names_mount(e->kind) ? MAY_READ | MAY_WRITE : grants_of(e->kind, e->flags);

		opens.grants |= grants;
		opens.reads |= grants & MAY_READ && adds_reading(low, e);
	}
	return opens;
}

static void skip_where(struct arena *arena, struct filter_rule *rule, uint8_t arg, uint64_t mask, uint64_t value)
{
	struct filter_cond *cond = arena_alloc(arena, sizeof(*cond));

	*cond = (struct filter_cond){.arg = arg, .width = 32, .op = CMP_MASKED_EQ, .mask = mask, .value = value};
	rule->clauses[rule->nclauses++] =
		(struct filter_clause){.conds = cond, .nconds = 1, .action = K_SECCOMP_RET_ALLOW};
}

/*
 * An open that asks for what no exception grants stays with the kernel, whatever it names: the broker need not see it.
 * O_PATH descriptors carry no right: Landlock does not restrict them.
 */
static void skip_opens(struct arena *arena, const struct lowered *low, struct filter_rule *rule, uint8_t arg)
{
	const struct opens opens = brokered_opens(low);

	rule->clauses = arena_alloc(arena, 5 * sizeof(*rule->clauses));
	skip_where(arena, rule, arg, K_O_PATH, K_O_PATH);
	if (!(opens.grants & MAY_READ)) /* O_RDONLY, O_RDWR */
		skip_where(arena, rule, arg, K_O_WRONLY, 0);
	else if (!opens.reads)
		skip_where(arena, rule, arg, K_O_ACCMODE | K_O_CREAT | K_O_TRUNC, K_O_RDONLY);
	if (opens.grants & MAY_WRITE)
		return;
	skip_where(arena, rule, arg, K_O_WRONLY, K_O_WRONLY);
	skip_where(arena, rule, arg, K_O_RDWR, K_O_RDWR);
	skip_where(arena, rule, arg, K_O_TRUNC, K_O_TRUNC);
}

static struct filter_rule *rule_for(struct filter *filter, const char *name, uint32_t action)
{
	int nr = syscall_number(filter->arch, name);
	struct filter_rule *rule = nr < 0 ? NULL : filter_find(filter, (uint32_t)nr);

	if (nr >= 0 && !rule)
		rule = &filter->rules[filter->nrules++];
	if (rule)
		*rule = (struct filter_rule){.nr = (uint32_t)nr, .action = action};
	return rule;
}

/* By the first argument of the calls of CLASS_CAPS. */
static const struct {
	const char *name;
	uint64_t mask, value;
} losses[] = {
#define BROKER_LOSS(name, mask, value) {#name, mask, value},
#include "broker.def"
};
#define NLOSSES (sizeof(losses) / sizeof(losses[0]))

/* What else of the call the policy wants reported stays: the first clause that holds decides. */
static void notify_losses(struct arena *arena, struct filter *filter, const char *name)
{
	const struct filter_rule *told = filter_find(filter, (uint32_t)syscall_number(filter->arch, name));
	const struct filter_rule was = told ? *told : (struct filter_rule){.action = K_SECCOMP_RET_ALLOW};
	struct filter_rule *rule = rule_for(filter, name, was.action);

	rule->clauses = arena_alloc(arena, (NLOSSES + was.nclauses) * sizeof(*rule->clauses));
	for (size_t i = 0; i < NLOSSES; i++)
		if (!strcmp(name, losses[i].name)) {
			skip_where(arena, rule, 0, losses[i].mask, losses[i].value);
			rule->clauses[rule->nclauses - 1].action = K_SECCOMP_RET_USER_NOTIF;
		}
	for (size_t i = 0; i < was.nclauses; i++)
		rule->clauses[rule->nclauses++] = was.clauses[i];
}

static uint32_t only_notify(uint32_t action)
{
	return (action & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_USER_NOTIF ? action : K_SECCOMP_RET_ALLOW;
}

/* What [[seccomp.rule]] wants reported; its other decisions are the policy's own program's. */
static void policy_notifies(struct arena *arena, const struct filter *policy, struct filter *out)
{
	for (size_t i = 0; i < policy->nrules; i++) {
		struct filter_rule rule = policy->rules[i];
		bool any = only_notify(rule.action) != K_SECCOMP_RET_ALLOW;
		rule.action = only_notify(rule.action);
		rule.clauses = arena_alloc(arena, (rule.nclauses + 1) * sizeof(*rule.clauses));
		for (size_t k = 0; k < rule.nclauses; k++) {
			rule.clauses[k] = policy->rules[i].clauses[k];
			rule.clauses[k].action = only_notify(rule.clauses[k].action);
			any |= rule.clauses[k].action != K_SECCOMP_RET_ALLOW;
		}
		if (any)
			out->rules[out->nrules++] = rule;
	}
}

void notify_strip(struct filter *filter)
{
	for (size_t i = 0; i < filter->nrules; i++) {
		struct filter_rule *rule = &filter->rules[i];
		if (only_notify(rule->action) != K_SECCOMP_RET_ALLOW)
			rule->action = K_SECCOMP_RET_ALLOW;
		for (size_t k = 0; k < rule->nclauses; k++)
			if (only_notify(rule->clauses[k].action) != K_SECCOMP_RET_ALLOW)
				rule->clauses[k].action = K_SECCOMP_RET_ALLOW;
	}
}

const char *notify_filter(struct arena *arena, const struct lowered *low, const struct filter *policy,
			  struct bpf_program *program)
{
	struct filter filter = {.arch = policy->arch,
				.default_action = K_SECCOMP_RET_ALLOW,
				.foreign_action = policy->foreign_action,
				.x32_action = policy->x32_action};
	const size_t ncalls = sizeof(calls) / sizeof(calls[0]), nclosed = sizeof(closed) / sizeof(closed[0]);
	unsigned wanted = wanted_classes(low);

	filter.rules = arena_alloc(arena, (policy->nrules + ncalls + nclosed) * sizeof(*filter.rules));
	policy_notifies(arena, policy, &filter);
	for (size_t i = 0; i < ncalls; i++) {
		const char *name = calls[i].name;
		bool opens = !strcmp(name, "openat") || !strcmp(name, "open");
		if (!(wanted >> calls[i].class & 1) ||
		    (!strcmp(name, "creat") && !(brokered_opens(low).grants & MAY_WRITE)))
			continue;
		if (calls[i].class == CLASS_CAPS) {
			notify_losses(arena, &filter, name);
			continue;
		}
		struct filter_rule *rule = rule_for(&filter, name, K_SECCOMP_RET_USER_NOTIF);
		if (rule && opens)
			skip_opens(arena, low, rule, name[4] ? 2 : 1);
	}
	for (size_t i = 0; i < nclosed; i++)
		rule_for(&filter, closed[i].name, closed[i].action);
	return bpf_assemble(arena, &filter, program);
}
