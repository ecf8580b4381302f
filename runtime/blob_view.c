/* SPDX-License-Identifier: MIT */
/*
 * The reader of compiled policies: what spans the fields of a view and its mounts. The rules of runtime/blob.c hold
 * here, too.
 */
#include "blob.h"

static int has_place(const struct blob *blob, uint32_t text, uint32_t slot)
{
	return *blob_str(blob, text) || slot != LLPB_NONE;
}

/* Absolute where the lookup starts at the root directory, relative where it starts at a slot or at the new root. */
static int place_ok(const struct blob *blob, uint32_t text, uint32_t slot, uint32_t in_root)
{
	int absolute = *blob_str(blob, text) == '/';

	if (slot != LLPB_NONE)
		return slot < blob->nslots && !absolute && !in_root;
	return in_root ? !absolute && blob_has_root(blob) : absolute || !*blob_str(blob, text);
}

/* A root, a mount or a new user: each needs the namespace that makes it private. */
static int view_ok(const struct blob *blob, const struct llpb_mount *m)
{
	uint32_t root = has_place(blob, m->source, m->source_slot) ? LLPB_MT_FOLLOW_SOURCE : 0;

	return !(m->flags & ~(LLPB_MT_AS_ROOT | root)) && (root || !m->attrs) && m->target_slot == LLPB_NONE &&
	       ((!root && blob->nmounts == 1) || m->spaces & K_CLONE_NEWNS) &&
	       (m->spaces || m->flags & LLPB_MT_AS_ROOT || *blob_str(blob, m->target)) &&
	       !*blob_str(blob, m->shown_source) == !root;
}

int mount_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_mount *m = &blob->mounts[i];
	uint32_t flags = LLPB_MT_IN_ROOT | LLPB_MT_CREATE | LLPB_MT_FOLLOW_TARGET;
	uint32_t in_root = m->flags & LLPB_MT_IN_ROOT;
	int options = *blob_str(blob, m->size) || *blob_str(blob, m->inodes) || *blob_str(blob, m->mode);

	if ((m->kind == LLPB_MT_VIEW) != (i == 0) || (options && m->kind != LLPB_MT_TMPFS) ||
	    !place_ok(blob, m->source, m->source_slot, 0) || !place_ok(blob, m->target, m->target_slot, in_root))
		return 0;
	if (i == 0)
		return view_ok(blob, m);
	if (m->kind == LLPB_MT_BIND)
		flags |= LLPB_MT_OPTIONAL | LLPB_MT_FOLLOW_SOURCE;
	return !(m->flags & ~flags) && !m->spaces &&
	       has_place(blob, m->source, m->source_slot) == (m->kind == LLPB_MT_BIND) &&
	       (in_root || has_place(blob, m->target, m->target_slot)) && *blob_str(blob, m->shown_target) &&
	       !*blob_str(blob, m->shown_source) == (m->kind != LLPB_MT_BIND) &&
	       (m->kind != LLPB_MT_PROC || blob->mounts->spaces & K_CLONE_NEWPID);
}
