/* SPDX-License-Identifier: MIT */
/*
 * The mount program: what the mounts, the root and the namespaces of a policy become, in the order in which llrun makes
 * them. A mount stands after the one it lies beneath, whatever their kinds and whatever the order in the policy.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "lower.h"
#include "path_tree.h"
#include "vocab.h"

enum root_relation root_relation(const struct policy *p, int slot, const char *rest)
{
	const struct policy_place place = {.slot = slot, .rest = rest}, *root = &p->new_root;

	if (!p->has_root)
		return ROOT_NONE;
	if (place_beneath(&place, root->slot, root->rest) || (slot == root->slot && !strcmp(rest, root->rest)))
		return ROOT_WITHIN;
	return place_beneath(root, slot, rest) ? ROOT_ABOVE : ROOT_NONE;
}

/*
 * May the command, in one run, put a symbolic link where a later run will look this path up? Beneath a rule that lets it
 * make entries, and beneath what is mounted for it to write. A slot's value is anybody's.
 */
static bool can_be_planted(const struct lowered *low, const struct policy_place *place)
{
	const struct policy *p = low->policy;

	if (place->slot >= 0)
		return true;
	/* the rules as written: those above a new root have become rules on the root */
	for (size_t i = 0; i < p->nlayers; i++)
		for (size_t j = 0; j < p->layers[i].nrules; j++)
			if (p->layers[i].rules[j].access & FS_PLANT &&
			    place_beneath(place, p->layers[i].rules[j].slot, p->layers[i].rules[j].rest))
				return true;
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind == MOUNT_BIND && !(p->mounts[i].attrs & K_MOUNT_ATTR_RDONLY) &&
		    place_beneath(place, p->mounts[i].source.slot, p->mounts[i].source.rest))
			return true;
	return false;
}

/* A path of the record: "" and no slot when there is none. */
static void place(struct arena *arena, const struct lowered *low, const struct policy_place *from, const char **text,
		  int *slot, const char **shown)
{
	*text = *shown = "";
	*slot = -1;
	if (!from->path)
		return;
	*text = from->rest;
	*slot = slot_index(low, from->slot);
	*shown = shown_path(arena, low->policy, from->slot, from->rest, from->uid);
}

static void lower_mount(struct arena *arena, struct lowered *low, const struct policy_mount *from)
{
	static const enum llpb_mount_kind kinds[] = {
		[MOUNT_TMPFS] = LLPB_MT_TMPFS, [MOUNT_BIND] = LLPB_MT_BIND, [MOUNT_PROC] = LLPB_MT_PROC};
	struct low_mount *m = &low->mounts[low->nmounts++];
	const struct policy_place *root = &low->policy->new_root;

	*m = (struct low_mount){.kind = kinds[from->kind],
				.attrs = from->attrs,
				.size = from->size ? from->size : "",
				.inodes = from->inodes ? from->inodes : "",
				.mode = from->mode ? from->mode : "",
				.pos = from->target.pos};
	m->flags = (from->create ? LLPB_MT_CREATE : 0) | (from->optional ? LLPB_MT_OPTIONAL : 0);
	place(arena, low, &from->source, &m->source, &m->source_slot, &m->shown_source);
	place(arena, low, &from->target, &m->target, &m->target_slot, &m->shown_target);
	m->key = m->target;
	if (from->source.path && (from->follow || !can_be_planted(low, &from->source)))
		m->flags |= LLPB_MT_FOLLOW_SOURCE;
	if (from->follow || !can_be_planted(low, &from->target))
		m->flags |= LLPB_MT_FOLLOW_TARGET;
	if (root_relation(low->policy, from->target.slot, from->target.rest) != ROOT_WITHIN)
		return;
	m->flags |= LLPB_MT_IN_ROOT;
	m->target_slot = -1;
	m->target += strlen(root->rest);
	m->target += *m->target == '/';
}

/* Those without a slot first; the root's own mount before what lies in it. */
static int compare_mounts(const void *left, const void *right)
{
	const struct low_mount *a = left, *b = right;

	if (a->target_slot != b->target_slot)
		return a->target_slot < b->target_slot ? -1 : 1;
	return compare_paths(a->key, b->key);
}

static void lower_root(struct arena *arena, struct lowered *low, struct low_mount *view)
{
	const struct policy *p = low->policy;

	place(arena, low, &p->new_root, &view->source, &view->source_slot, &view->shown_source);
	view->attrs = p->root_read_only ? K_MOUNT_ATTR_RDONLY : 0;
	view->pos = p->new_root.pos;
	if (!can_be_planted(low, &p->new_root))
		view->flags |= LLPB_MT_FOLLOW_SOURCE;
}

static bool has_proc(const struct policy *p)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind == MOUNT_PROC)
			return true;
	return false;
}

void lower_view(struct arena *arena, struct lowered *low)
{
	const struct policy *p = low->policy;
	struct low_mount view = {.kind = LLPB_MT_VIEW,
				 .source_slot = -1,
				 .target_slot = -1,
				 .source = "",
				 .shown_source = "",
				 .shown_target = "",
				 .size = "",
				 .inodes = "",
				 .mode = "",
				 .target = p->cwd ? p->cwd : "",
				 .flags = p->as_root ? LLPB_MT_AS_ROOT : 0,
				 .spaces = p->isolate,
				 .pos = p->has_runtime                ? p->runtime_pos
					: p->has_mount                ? p->mount_pos
					: p->isolate & K_CLONE_NEWNET ? p->isolate_pos
								      : p->broker_pos};

	low->drop_caps = p->drop_caps;
	for (size_t i = 0; i < low->nexceptions; i++)
		low->private_mounts |= low->exceptions[i].kind >= LLPB_B_TMPFS;
	if (p->has_root)
		lower_root(arena, low, &view);
	if (p->nmounts || p->has_root || low->private_mounts)
		view.spaces |= K_CLONE_NEWNS;
	if (has_proc(p))
		view.spaces |= K_CLONE_NEWPID;
	if (!view.spaces && !p->as_root && !p->cwd)
		return;
	/* what the user namespace gives was nobody's before: none of it is for the command, unless the policy says so */
	if ((view.spaces || p->as_root) && !p->has_drop_caps)
		vocab_find(VOCAB_CAP, "@all", &low->drop_caps);
	low->mounts = arena_alloc(arena, (p->nmounts + 1) * sizeof(*low->mounts));
	low->mounts[low->nmounts++] = view;
	for (size_t i = 0; i < p->nmounts; i++)
		lower_mount(arena, low, &p->mounts[i]);
	qsort(low->mounts + 1, p->nmounts, sizeof(*low->mounts), compare_mounts);
}
