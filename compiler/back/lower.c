/* SPDX-License-Identifier: MIT */
/*
 * Rules, ports and slots: merged, ordered, anchored. The order is part of the meaning: a rule beneath a writable rule
 * is looked up from that rule's descriptor without following links, so that nothing planted by one run widens the
 * next, and therefore stands after it.
 */
#include "lower.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "path_tree.h"

int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	int x = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
	int y = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
	return x - y;
}

static int compare_low_paths(const void *left, const void *right)
{
	const struct low_path *a = left, *b = right;

	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	int order = compare_paths(a->rest, b->rest);
	if (order)
		return order;
	if ((a->flags ^ b->flags) & (LLPB_P_FOLLOW | LLPB_P_UID))
		return (a->flags & (LLPB_P_FOLLOW | LLPB_P_UID)) < (b->flags & (LLPB_P_FOLLOW | LLPB_P_UID)) ? -1 : 1;
	if (a->layer != b->layer)
		return a->layer < b->layer ? -1 : 1;
	/* equal rules merge; the earliest position stays, whatever the sort does with equals */
	if (a->pos.file != b->pos.file)
		return a->pos.file < b->pos.file ? -1 : 1;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	return a->pos.col < b->pos.col ? -1 : a->pos.col > b->pos.col;
}

static bool same_object(const struct low_path *a, const struct low_path *b)
{
	return a->slot == b->slot && !strcmp(a->rest, b->rest) &&
	       !((a->flags ^ b->flags) & (LLPB_P_FOLLOW | LLPB_P_UID));
}

static int compare_slots(const void *left, const void *right)
{
	return strcmp((*(const struct policy_slot *const *)left)->name,
		      (*(const struct policy_slot *const *)right)->name);
}

static void lower_slots(struct arena *arena, struct lowered *low)
{
	const struct policy *p = low->policy;

	low->slots = arena_alloc(arena, (p->nslots + 1) * sizeof(*low->slots));
	for (size_t i = 0; i < p->nslots; i++)
		if (p->slots[i].used && !p->slots[i].fixed)
			low->slots[low->nslots++] = &p->slots[i];
	if (low->nslots)
		qsort(low->slots, low->nslots, sizeof(*low->slots), compare_slots);
}

/*
 * A slot's value is looked up anew by each run. Where the policy makes something else writable, the value may lie in
 * it, and an earlier run may have put a link there: then links are refused, unless the policy says follow.
 */
static void choose_following(struct arena *arena, struct lowered *low)
{
	low->slot_follows = arena_alloc(arena, low->nslots + 1);
	for (size_t i = 0; i < low->nslots; i++) {
		low->slot_follows[i] = true;
		for (size_t j = 0; j < low->npaths; j++)
			if (low->paths[j].slot != (int)i && asked_rights(&low->paths[j]) & FS_PLANT)
				low->slot_follows[i] = low->slots[i]->follow;
	}
}

int slot_index(const struct lowered *low, int policy_slot)
{
	for (size_t i = 0; policy_slot >= 0 && i < low->nslots; i++)
		if (low->slots[i] == &low->policy->slots[policy_slot])
			return (int)i;
	return -1;
}

const char *shown_path(struct arena *arena, const struct policy *p, int slot, const char *rest, bool has_uid)
{
	const char *uid = has_uid ? strchr(rest, '\x01') : NULL;

	if (slot >= 0)
		return arena_printf(arena, "${%s}%s%s", p->slots[slot].name, *rest ? "/" : "", rest);
	if (uid)
		return arena_printf(arena, "%.*s${UID}%s", (int)(uid - rest), rest, uid + 1);
	return rest;
}

/*
 * After the move nothing lies above the new root, so that what a rule grants on a directory above it, it grants on the
 * root: that is what such a rule meant.
 */
static void become_root(struct arena *arena, const struct lowered *low, struct low_path *path)
{
	const struct policy_place *root = &low->policy->new_root;

	path->rest = root->rest;
	path->slot = slot_index(low, root->slot);
	path->shown = shown_path(arena, low->policy, root->slot, root->rest, root->uid);
	path->flags = root->uid ? LLPB_P_UID : 0;
	path->in_root = true;
}

static void lower_rule(struct arena *arena, struct lowered *low, const struct policy_rule *rule,
		       const struct policy_layer *layer, uint32_t index)
{
	struct low_path *path = &low->paths[low->npaths++];

	*path = (struct low_path){.rest = rule->rest,
				  .shown = shown_path(arena, low->policy, rule->slot, rule->rest, rule->uid),
				  .pos = rule->pos,
				  .programs = rule->programs,
				  .access = rule->access & (layer->handled | FS_RIGHT(refer)),
				  .layer = index,
				  .slot = slot_index(low, rule->slot)};
	path->flags = (rule->optional ? LLPB_P_OPTIONAL : 0) | (rule->follow ? LLPB_P_FOLLOW : 0) |
		      (rule->uid ? LLPB_P_UID : 0);
	enum root_relation relation = root_relation(low->policy, rule->slot, rule->rest);
	path->in_root = relation != ROOT_NONE;
	if (relation == ROOT_ABOVE)
		become_root(arena, low, path);
}

static void collect_rules(struct arena *arena, struct lowered *low)
{
	const struct policy *p = low->policy;
	size_t n = 0;

	for (size_t i = 0; i < p->nlayers; i++)
		n += p->layers[i].nrules + 1;
	low->paths = arena_alloc(arena, (n + 1) * sizeof(*low->paths));
	for (size_t i = 0; i < p->nlayers; i++) {
		const struct policy_layer *layer = &p->layers[i];
		for (size_t j = 0; j < layer->nrules; j++)
			lower_rule(arena, low, &layer->rules[j], layer, (uint32_t)i);
		low->nrules_written += layer->nrules;
		/* Documentation/userspace-api/landlock.rst: refer is denied by every layer that handles any right, even
		 * when it is not handled. A layer that does not speak of refer means to leave it alone. */
		if (layer->names_refer)
			continue;
		struct low_path *path = &low->paths[low->npaths++];
		*path = (struct low_path){.rest = "/",
					  .shown = "/",
					  .pos = layer->handled_pos,
					  .access = FS_RIGHT(refer),
					  .layer = (uint32_t)i,
					  .slot = -1,
					  .implied = true};
		if (p->has_root)
			become_root(arena, low, path);
	}
}

/* Rules on one object in one layer become one rule; required wins over optional. */
static void merge_rules(struct lowered *low)
{
	size_t n = 0;

	if (low->npaths)
		qsort(low->paths, low->npaths, sizeof(*low->paths), compare_low_paths);
	for (size_t i = 0; i < low->npaths; i++) {
		struct low_path *path = &low->paths[i], *last = n ? &low->paths[n - 1] : NULL;
		if (last && same_object(last, path) && last->layer == path->layer) {
			last->access |= path->access;
			last->implied = last->implied || path->implied;
			if (!(path->flags & LLPB_P_OPTIONAL))
				last->flags &= ~LLPB_P_OPTIONAL;
		} else {
			low->paths[n++] = *path;
		}
	}
	low->npaths = n;
}

static bool beneath(const struct low_path *path, const struct low_path *dir)
{
	size_t len = strlen(dir->rest);

	if (path->slot != dir->slot)
		return false;
	if (!len || !strcmp(dir->rest, "/")) /* a slot itself, or the root */
		return path->rest[len] != 0;
	return !strncmp(path->rest, dir->rest, len) && path->rest[len] == '/';
}

static void anchor(struct low_path *path, struct low_path *paths, size_t base)
{
	size_t len = strlen(paths[base].rest);

	path->anchor = LLPB_ANCHOR_RULE;
	path->base = (uint32_t)base;
	path->path = path->rest + len;
	path->path += *path->path == '/';
	paths[base].flags |= LLPB_P_KEEP;
}

/* Where the lookup starts when no rule above is writable. */
static void anchor_alone(const struct lowered *low, struct low_path *path)
{
	size_t len = path->in_root ? strlen(low->policy->new_root.rest) : 0;

	path->base = path->slot >= 0 && !path->in_root ? (uint32_t)path->slot : LLPB_NONE;
	path->anchor = path->in_root ? LLPB_ANCHOR_ROOT : path->slot >= 0 ? LLPB_ANCHOR_SLOT : LLPB_ANCHOR_NONE;
	path->path = path->rest + len;
	path->path += path->in_root && *path->path == '/';
}

/* The rules that lie above rules[i] and are writable form a stack; its top is where the lookup starts. */
static void anchor_rules(struct arena *arena, struct lowered *low)
{
	size_t *stack = arena_alloc(arena, (low->npaths + 1) * sizeof(*stack)), depth = 0;

	for (size_t i = 0; i < low->npaths; i++) {
		struct low_path *path = &low->paths[i];
		while (depth && !same_object(path, &low->paths[stack[depth - 1]]) &&
		       !beneath(path, &low->paths[stack[depth - 1]]))
			depth--;
		anchor_alone(low, path);
		if (path->anchor == LLPB_ANCHOR_ROOT && path->flags & LLPB_P_FOLLOW)
			continue; /* wherever its links lead, they stay in the root */
		if (i && same_object(path, path - 1)) { /* the same object in another layer: one lookup */
			size_t base = i - 1;
			while (base && low->paths[base].anchor == LLPB_ANCHOR_RULE && !*low->paths[base].path)
				base = low->paths[base].base;
			anchor(path, low->paths, base);
		} else if (depth) {
			anchor(path, low->paths, stack[depth - 1]);
		}
		if (asked_rights(path) & FS_PLANT)
			stack[depth++] = i;
	}
}

static int compare_ports(const void *left, const void *right)
{
	const struct policy_port *a = left, *b = right;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->pos.line != b->pos.line ? (a->pos.line < b->pos.line ? -1 : 1) : 0;
}

static void lower_ports(struct arena *arena, struct lowered *low)
{
	const struct policy *p = low->policy;

	low->ports = arena_alloc(arena, (p->nports + 1) * sizeof(*low->ports));
	if (p->nports) {
		memcpy(low->ports, p->ports, p->nports * sizeof(*low->ports));
		qsort(low->ports, p->nports, sizeof(*low->ports), compare_ports);
	}
	for (size_t i = 0; i < p->nports; i++) {
		struct policy_port port = low->ports[i];
		port.access &= p->net_handled;
		if (low->nports && low->ports[low->nports - 1].port == port.port)
			low->ports[low->nports - 1].access |= port.access;
		else if (port.access)
			low->ports[low->nports++] = port;
	}
}

static bool within_limits(struct diag *diag, const struct lowered *low)
{
	const struct policy *p = low->policy;
	size_t errors = diag_count(diag, SEVERITY_ERROR);

	if (low->nlayers > K_LANDLOCK_MAX_LAYERS)
		diag_report(diag, CHECK_LIMIT, &p->layers[K_LANDLOCK_MAX_LAYERS].pos,
			    "%u layers: the kernel stacks at most %d for a task, layers of outer sandboxes included",
			    low->nlayers, K_LANDLOCK_MAX_LAYERS);
	if (low->npaths > LLPB_MAX_PATHS)
		diag_report(diag, CHECK_LIMIT, NULL, "%zu path rules: a blob holds at most %d", low->npaths,
			    LLPB_MAX_PATHS);
	if (low->nslots > LLPB_MAX_SLOTS)
		diag_report(diag, CHECK_LIMIT, NULL, "%zu slots: a blob holds at most %d", low->nslots,
			    LLPB_MAX_SLOTS);
	if (p->nenv_pass + p->nenv_set > LLPB_MAX_ENV)
		diag_report(diag, CHECK_LIMIT, &p->env_pos, "%zu variables: a blob holds at most %d",
			    p->nenv_pass + p->nenv_set, LLPB_MAX_ENV);
	if (low->nmounts > LLPB_MAX_MOUNTS)
		diag_report(diag, CHECK_LIMIT, &p->mount_pos, "%zu mounts: a blob holds at most %d", p->nmounts,
			    LLPB_MAX_MOUNTS - 1);
	if (p->nkeep_fds > LLPB_MAX_KEEP)
		diag_report(diag, CHECK_LIMIT, &p->process_pos, "%zu kept descriptors: a blob holds at most %d",
			    p->nkeep_fds, LLPB_MAX_KEEP);
	return diag_count(diag, SEVERITY_ERROR) == errors;
}

struct lowered *lower_policy(struct arena *arena, struct diag *diag, const struct policy *policy,
			     const struct lower_options *options, bool *cannot_enforce)
{
	struct lowered *low = arena_alloc(arena, sizeof(*low));

	*cannot_enforce = false;
	low->policy = policy;
	low->nlayers = (uint32_t)policy->nlayers;
	if (!low->nlayers && ((policy->net_handled | policy->scoped) || policy->udp_deny))
		low->nlayers = 1;
	lower_slots(arena, low);
	collect_rules(arena, low);
	merge_rules(low);
	anchor_rules(arena, low);
	choose_following(arena, low);
	lower_ports(arena, low);
	if (!lower_broker(arena, diag, low))
		return NULL;
	lower_view(arena, low);
	if (!within_limits(diag, low))
		return NULL;
	if (!plan_policy(diag, low)) {
		*cannot_enforce = true;
		return NULL;
	}
	return filter_policy(arena, diag, low, options) ? low : NULL;
}
