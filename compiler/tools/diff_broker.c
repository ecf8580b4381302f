/* SPDX-License-Identifier: MIT */
/* What the broker does for the command, and what the command sees mounted, of two policies. */
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diff.h"
#include "grants.h"
#include "inspect.h"

#define ALL_ROWS ((UINT32_C(1) << ABI_ROWS) - 1)

static void say(struct diff *diff, enum diff_way way, const char *area, const char *text, const char *file,
		uint32_t line)
{
	struct diff_item item = {.way = way, .area = area, .text = text, .rows = ALL_ROWS};

	item.file = file && *file ? file : NULL;
	item.line = line;
	diff_add(diff, diff->count, item);
}

/* ---- files that the broker opens ---- */

static const char *may_name(unsigned bit)
{
	static const char *const names[MAY_BITS] = {
		"read", "write", "create", "rename, link and remove in", "publish to", "publish over what is in"};

	return bit < MAY_BITS ? names[bit] : NULL;
}

static bool is_tree(const struct llpb_broker *e)
{
	return covers_tree(e->kind, e->flags);
}

static bool lies_beneath(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	return !strcmp(parent, "/") || (!strncmp(path, parent, len) && (!path[len] || path[len] == '/'));
}

/* What is granted on the very path, or on everything beneath it. */
static unsigned granted(const struct blob *blob, const char *path, bool beneath)
{
	unsigned grants = 0;

	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *e = &blob->broker[i];
		const char *at = blob_str(blob, e->shown);

		if (is_tree(e) ? lies_beneath(path, at) : !beneath && !strcmp(path, at))
			grants |= grants_of(e->kind, e->flags);
	}
	return grants;
}

/* Of every path that `blob` names: what it grants there and `other` does not. */
static void say_files(struct diff *diff, const struct blob *blob, const struct blob *other, enum diff_way way)
{
	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *e = &blob->broker[i];
		const char *path = blob_str(blob, e->shown);
		unsigned tree = granted(blob, path, true) & ~granted(other, path, true);
		unsigned exact = granted(blob, path, false) & ~granted(other, path, false) & ~tree;

		if (tree)
			say(diff, way, "broker",
			    arena_printf(diff->arena, "%s \"%s\" and beneath", diff_rights(diff, tree, may_name),
					 path),
			    blob_str(blob, e->file), e->line);
		if (exact)
			say(diff, way, "broker",
			    arena_printf(diff->arena, "%s \"%s\"", diff_rights(diff, exact, may_name), path),
			    blob_str(blob, e->file), e->line);
	}
}

/* ---- mounts that the broker makes ---- */

static const struct llpb_broker *same_mount(const struct blob *blob, const struct blob *of,
					    const struct llpb_broker *e)
{
	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *o = &blob->broker[i];

		if (o->kind == e->kind && !strcmp(blob_str(blob, o->shown), blob_str(of, e->shown)) &&
		    !strcmp(blob_str(blob, o->source), blob_str(of, e->source)) &&
		    !strcmp(blob_str(blob, o->type), blob_str(of, e->type)))
			return o;
	}
	return NULL;
}

static const char *mount_text(const struct diff *diff, const struct blob *blob, const struct llpb_broker *e)
{
	const char *path = blob_str(blob, e->shown), *source = blob_str(blob, e->source);

	if (e->kind == LLPB_B_TMPFS)
		return arena_printf(diff->arena, "mount a tmpfs on \"%s\"", path);
	if (e->kind == LLPB_B_BIND)
		return arena_printf(diff->arena, "mount \"%s\" on \"%s\"", source, path);
	return arena_printf(diff->arena, "attach %s \"%s\" at \"%s\"", blob_str(blob, e->type), source, path);
}

static void say_mounts(struct diff *diff, const struct blob *blob, const struct blob *other, enum diff_way way)
{
	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *e = &blob->broker[i], *o = same_mount(other, blob, e);
		const char *text = mount_text(diff, blob, e), *file = blob_str(blob, e->file);

		if (!names_mount(e->kind))
			continue;
		if (!o)
			say(diff, way, "broker", text, file, e->line);
		else if (o->flags & ~e->flags & LLPB_B_READ_ONLY)
			say(diff, way, "broker", arena_printf(diff->arena, "%s for writing", text), file, e->line);
		else if (o->flags & ~e->flags & LLPB_B_NO_FD)
			say(diff, way, "broker", arena_printf(diff->arena, "%s as a descriptor", text), file,
			    e->line);
		else if (way == DIFF_WIDENED && o->attrs != e->attrs)
			say(diff, DIFF_CHANGED, "broker", arena_printf(diff->arena, "%s: attributes", text), file,
			    e->line);
	}
}

/* An exception on a path that the old policy covers, but does not name, holds for where its links lead. */
static bool newly_named(const struct diff *diff, const struct llpb_broker *e)
{
	const char *path = blob_str(diff->new, e->shown);
	bool covered = false;

	for (uint32_t i = 0; i < diff->old->nbroker; i++) {
		const struct llpb_broker *o = &diff->old->broker[i];
		const char *at = blob_str(diff->old, o->shown);

		if (names_mount(o->kind))
			continue;
		if (!strcmp(path, at))
			return false;
		covered |= is_tree(o) && lies_beneath(path, at);
	}
	return covered && !names_mount(e->kind) && !(e->flags & LLPB_B_NOFOLLOW);
}

/* How the object of an exception is found. */
static void say_lookup(struct diff *diff)
{
	for (uint32_t i = 0; i < diff->new->nbroker; i++) {
		const struct llpb_broker *e = &diff->new->broker[i];
		const char *path = blob_str(diff->new, e->shown), *file = blob_str(diff->new, e->file);

		if (newly_named(diff, e))
			say(diff, DIFF_WIDENED, "broker",
			    arena_printf(diff->arena, "\"%s\" is named now, which holds for where its links lead",
					 path),
			    file, e->line);
		for (uint32_t j = 0; j < diff->old->nbroker; j++) {
			const struct llpb_broker *o = &diff->old->broker[j];

			if (o->kind != e->kind || strcmp(path, blob_str(diff->old, o->shown)) ||
			    strcmp(blob_str(diff->new, e->source), blob_str(diff->old, o->source)))
				continue;
			if ((o->flags ^ e->flags) & LLPB_B_NOFOLLOW)
				say(diff, e->flags & LLPB_B_NOFOLLOW ? DIFF_NARROWED : DIFF_WIDENED, "broker",
				    arena_printf(diff->arena, "\"%s\": whether symbolic links lead there", path),
				    file, e->line);
			if ((o->flags ^ e->flags) & LLPB_B_OPTIONAL)
				say(diff, DIFF_CHANGED, "broker",
				    arena_printf(diff->arena, "\"%s\": whether it may be missing", path), file,
				    e->line);
		}
	}
}

/* ---- the view ---- */

static const struct llpb_mount *view_of(const struct blob *blob)
{
	return blob->nmounts ? &blob->mounts[0] : NULL;
}

static const struct {
	uint32_t space;
	const char *text;
} spaces[] = {
	{K_CLONE_NEWNS, "a mount namespace of its own"},    {K_CLONE_NEWPID, "a PID namespace of its own"},
	{K_CLONE_NEWNET, "a network namespace of its own"}, {K_CLONE_NEWIPC, "an IPC namespace of its own"},
	{K_CLONE_NEWUTS, "a UTS namespace of its own"},     {K_CLONE_NEWCGROUP, "a cgroup namespace of its own"},
};

static void compare_view(struct diff *diff)
{
	const struct llpb_mount *old = view_of(diff->old), *new = view_of(diff->new);
	uint32_t was = old ? old->spaces : 0, is = new ? new->spaces : 0;
	const char *root = new ? blob_str(diff->new, new->shown_source) : "";
	const char *old_root = old ? blob_str(diff->old, old->shown_source) : "";

	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		if ((was ^ is) & spaces[i].space)
			say(diff, is & spaces[i].space ? DIFF_NARROWED : DIFF_WIDENED, "view",
			    arena_printf(diff->arena, "%s%s", is & spaces[i].space ? "" : "no longer ",
					 spaces[i].text),
			    NULL, 0);
	if (strcmp(root, old_root))
		say(diff, !*old_root ? DIFF_NARROWED : DIFF_WIDENED, "view",
		    arena_printf(diff->arena, "root \"%s\" → \"%s\"", *old_root ? old_root : "/", *root ? root : "/"),
		    NULL, 0);
	if (strcmp(new ? blob_str(diff->new, new->target) : "", old ? blob_str(diff->old, old->target) : ""))
		say(diff, DIFF_CHANGED, "view", "the working directory", NULL, 0);
	if (((old ? old->flags : 0) ^ (new ? new->flags : 0)) & LLPB_MT_AS_ROOT)
		say(diff, DIFF_CHANGED, "view", "user and group in the namespace", NULL, 0);
}

static const struct llpb_mount *same_view_mount(const struct blob *blob, const struct blob *of,
						const struct llpb_mount *m)
{
	for (uint32_t i = 1; i < blob->nmounts; i++) {
		const struct llpb_mount *o = &blob->mounts[i];

		if (o->kind == m->kind && !strcmp(blob_str(blob, o->shown_target), blob_str(of, m->shown_target)) &&
		    !strcmp(blob_str(blob, o->shown_source), blob_str(of, m->shown_source)))
			return o;
	}
	return NULL;
}

static const char *view_text(const struct diff *diff, const struct blob *blob, const struct llpb_mount *m)
{
	const char *target = blob_str(blob, m->shown_target);

	if (m->kind == LLPB_MT_BIND)
		return arena_printf(diff->arena, "\"%s\" seen at \"%s\"", blob_str(blob, m->shown_source), target);
	if (m->kind == LLPB_MT_PROC)
		return arena_printf(diff->arena, "a proc at \"%s\"", target);
	return arena_printf(diff->arena, "what is at \"%s\" hidden by an empty tmpfs", target);
}

static const struct {
	uint32_t attr;
	const char *text;
} attrs[] = {
	{K_MOUNT_ATTR_RDONLY, "for reading only"},
	{K_MOUNT_ATTR_NOSUID, "without set-user-ID"},
	{K_MOUNT_ATTR_NODEV, "without devices"},
	{K_MOUNT_ATTR_NOEXEC, "without execution"},
};

static void compare_mount(struct diff *diff, const struct llpb_mount *old, const struct llpb_mount *new)
{
	const char *text = view_text(diff, diff->new, new);

	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++)
		if ((old->attrs ^ new->attrs) & attrs[i].attr)
			say(diff, new->attrs &attrs[i].attr ? DIFF_NARROWED : DIFF_WIDENED, "view",
			    arena_printf(diff->arena, "%s%s %s", text, new->attrs &attrs[i].attr ? "" : ", no longer",
					 attrs[i].text),
			    NULL, 0);
	if (((old->flags ^ new->flags) & (LLPB_MT_FOLLOW_SOURCE | LLPB_MT_FOLLOW_TARGET)))
		say(diff,
		    new->flags & ~old->flags &(LLPB_MT_FOLLOW_SOURCE | LLPB_MT_FOLLOW_TARGET) ? DIFF_WIDENED
											      : DIFF_NARROWED,
		    "view", arena_printf(diff->arena, "%s: whether symbolic links lead there", text), NULL, 0);
	if (((old->flags ^ new->flags) & (LLPB_MT_CREATE | LLPB_MT_OPTIONAL)) ||
	    strcmp(blob_str(diff->old, old->size), blob_str(diff->new, new->size)) ||
	    strcmp(blob_str(diff->old, old->inodes), blob_str(diff->new, new->inodes)) ||
	    strcmp(blob_str(diff->old, old->mode), blob_str(diff->new, new->mode)))
		say(diff, DIFF_CHANGED, "view", arena_printf(diff->arena, "%s: how it is made", text), NULL, 0);
}

/* A tmpfs takes away what was to be seen; a bind or a proc adds to it. */
static void say_view(struct diff *diff, const struct blob *blob, const struct blob *other, bool added)
{
	for (uint32_t i = 1; i < blob->nmounts; i++) {
		const struct llpb_mount *m = &blob->mounts[i], *o = same_view_mount(other, blob, m);
		bool opens = m->kind != LLPB_MT_TMPFS;

		if (o && added)
			compare_mount(diff, o, m);
		else if (!o)
			say(diff, opens == added ? DIFF_WIDENED : DIFF_NARROWED, "view",
			    arena_printf(diff->arena, "%s%s", added ? "" : "no longer ", view_text(diff, blob, m)),
			    NULL, 0);
	}
}

void diff_supervised(struct diff *diff)
{
	if (blob_brokered(diff->old) != blob_brokered(diff->new))
		say(diff, DIFF_CHANGED, "broker",
		    blob_brokered(diff->new) ? "runs under llrund" : "no longer runs under llrund", NULL, 0);
	say_files(diff, diff->new, diff->old, DIFF_WIDENED);
	say_files(diff, diff->old, diff->new, DIFF_NARROWED);
	say_mounts(diff, diff->new, diff->old, DIFF_WIDENED);
	say_mounts(diff, diff->old, diff->new, DIFF_NARROWED);
	say_lookup(diff);
	compare_view(diff);
	say_view(diff, diff->new, diff->old, true);
	say_view(diff, diff->old, diff->new, false);
}
