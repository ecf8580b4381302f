/* SPDX-License-Identifier: MIT */
/* The broker table of a blob: what blob_open() checks of it beyond single fields, and how it is reached. */
#include "blob.h"

/* Which flags a record of a kind may have; whether `source` and `type` are set. Mounts need the workload's own namespace. */
static const struct {
	uint32_t flags;
	uint8_t source, type, mount;
} kinds[LLPB_B_KINDS] = {
#define PLACE (LLPB_B_OPTIONAL | LLPB_B_NOFOLLOW | LLPB_B_UID)
	[LLPB_B_READ] = {PLACE | LLPB_B_TREE, 0, 0, 0},
	[LLPB_B_WRITE] = {PLACE | LLPB_B_TREE | LLPB_B_CREATE | LLPB_B_NO_READ, 0, 0, 0},
	[LLPB_B_SCRATCH] = {PLACE | LLPB_B_NO_READ | LLPB_B_NO_WRITE, 0, 0, 0},
	[LLPB_B_EXPORT] = {PLACE | LLPB_B_OVERWRITE, 0, 0, 0},
	[LLPB_B_TMPFS] = {0, 0, 0, 1},
	[LLPB_B_BIND] = {LLPB_B_READ_ONLY | LLPB_B_NO_FD, 1, 0, 1},
	[LLPB_B_OBJECT] = {LLPB_B_NO_FD, 1, 1, 1},
#undef PLACE
};

int broker_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_broker *record = &blob->broker[i];
	const char *path = blob_str(blob, record->path), *source = blob_str(blob, record->source);
	uint32_t needs = LLPB_F_BROKER | (kinds[record->kind].mount ? LLPB_F_MOUNTS : 0);
	int slot = record->anchor == LLPB_ANCHOR_SLOT && !kinds[record->kind].mount;

	/* elsewhere it would be the host's namespace that is mounted in */
	if (kinds[record->kind].mount && !(blob->nmounts && blob->mounts->spaces & K_CLONE_NEWNS))
		return 0;
	return (blob->header->features & needs) == needs && !(record->flags & ~kinds[record->kind].flags) &&
	       (i == 0 || blob->broker[i - 1].kind <= record->kind) && (slot || record->anchor == LLPB_ANCHOR_NONE) &&
	       (*path == '/') == !slot && (slot ? record->base < blob->nslots : record->base == LLPB_NONE) &&
	       (*source != 0) == kinds[record->kind].source && (record->kind != LLPB_B_BIND || *source == '/') &&
	       (*blob_str(blob, record->type) != 0) == kinds[record->kind].type &&
	       (kinds[record->kind].type || !record->attrs);
}

const struct llpb_filter *blob_notify(const struct blob *blob, uint32_t audit_arch)
{
	for (uint32_t i = 0; i < blob->nfilters; i++)
		if (blob->filters[i].group == LLPB_GROUP_NOTIFY && blob->filters[i].arch == audit_arch &&
		    blob->filters[i].flags == LLPB_NOTIFY_FLAGS)
			return &blob->filters[i];
	return NULL;
}
