/* SPDX-License-Identifier: MIT */
/*
 * A policy's view for the decision engine: which mounts there are and where, as runtime/mounts.c makes them. Sources are
 * opened as they are before any mount; targets are looked up one after the other, in what has been mounted by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"

#define PATH_BYTES (2 * K_PATH_MAX)

/* The canonical path of a descriptor, in the arena; NULL: there is none. */
static const char *real_path(struct world *world, int fd)
{
	char link[40], path[K_PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || path[0] != '/')
		return NULL;
	path[n] = 0;
	return arena_strdup(world->arena, path);
}

static uint32_t source_number(const struct world *world, uint32_t mount)
{
	const struct blob *blob = world->blob;

	return blob->npaths + blob->nports + blob->nslots + mount;
}

/* runtime/mounts.c, open_source(): a descriptor, or -1 with errno. */
static int open_source(const struct world *world, const struct llpb_mount *mount, const int *slots)
{
	uint64_t links = mount->flags & LLPB_MT_FOLLOW_SOURCE ? 0 : K_RESOLVE_NO_SYMLINKS;
	const char *path = world_with_uid(world, blob_str(world->blob, mount->source));
	int base = AT_FDCWD;

	if (mount->source_slot != LLPB_NONE) {
		base = slots[mount->source_slot];
		links = links ? links | K_RESOLVE_BENEATH : 0;
	}
	errno = ENOENT;
	if (base < 0 && base != AT_FDCWD)
		return -1;
	if (!*path)
		return fcntl(base, F_DUPFD_CLOEXEC, 3);
	const struct k_open_how how = {K_O_ANCHOR, 0, links};
	return (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
}

static void add_mount(struct world *world, const struct llpb_mount *mount, int fd, const char *at)
{
	const char *from = mount->kind == LLPB_MT_BIND && fd >= 0 ? real_path(world, fd) : NULL;
	uint32_t kept = mount->kind == LLPB_MT_TMPFS ? K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV : 0;

	world->mounts = arena_grow(world->arena, world->mounts, &world->mounts_cap, world->nmounts + 1,
				   sizeof(*world->mounts));
	world->mounts[world->nmounts++] = (struct view_mount){.at = at,
							      .from = from,
							      .fd = fd,
							      .attrs = mount->attrs | kept,
							      .record = (uint32_t)(mount - world->blob->mounts),
							      .create = mount->flags & LLPB_MT_CREATE};
}

/* Where the target is, with what is mounted so far; NULL: nowhere, and noted. */
static const char *target_of(struct world *world, uint32_t index)
{
	const struct llpb_mount *mount = &world->blob->mounts[index];
	const char *target = world_with_uid(world, blob_str(world->blob, mount->target)), *base = NULL;
	char *canonical = arena_alloc(world->arena, PATH_BYTES);
	bool in_root = mount->flags & LLPB_MT_IN_ROOT;
	struct view_spot spot;

	if (in_root)
		base = world->root;
	else if (mount->target_slot != LLPB_NONE)
		base = world->slot_paths[mount->target_slot];
	if (mount->target_slot != LLPB_NONE && !in_root && !base) {
		world_problem(world, source_number(world, index), "a mount has no target",
			      blob_str(world->blob, mount->shown_target), ENOENT);
		return NULL;
	}
	int err = view_look_up(world, in_root, in_root ? NULL : base, target, mount->flags & LLPB_MT_FOLLOW_TARGET,
			       canonical, &spot);
	if (err == ENOENT && mount->flags & LLPB_MT_CREATE) {
		snprintf(canonical, PATH_BYTES, "%s/%s", base ? base : "", target);
		path_normalize(canonical);
	} else if (err) {
		world_problem(world, source_number(world, index), "the target of a mount cannot be opened",
			      blob_str(world->blob, mount->shown_target), err);
		return NULL;
	}
	return canonical;
}

static void take_root(struct world *world, const int *slots)
{
	const struct llpb_mount *view = world->blob->mounts;
	int fd = open_source(world, view, slots);

	world->root = fd < 0 ? NULL : real_path(world, fd);
	if (world->root) {
		add_mount(world, view, fd, world->root);
		return;
	}
	world_problem(world, source_number(world, 0), "the new root cannot be opened",
		      blob_str(world->blob, view->shown_source), errno);
	/* nothing is there */
	world->root = "/";
	add_mount(world, view, -1, world->root);
}

void view_open(struct world *world, const int *slots)
{
	const struct blob *blob = world->blob;
	int sources[LLPB_MAX_MOUNTS];

	world->spaces = blob->mounts->spaces;
	if (!(world->spaces & K_CLONE_NEWNS))
		return;
	for (uint32_t i = 0; i < blob->nslots; i++)
		world->slot_paths[i] = slots[i] < 0 ? NULL : real_path(world, slots[i]);
	for (uint32_t i = 1; i < blob->nmounts; i++) {
		const struct llpb_mount *mount = &blob->mounts[i];
		sources[i] = mount->kind == LLPB_MT_BIND   ? open_source(world, mount, slots)
			     : mount->kind == LLPB_MT_PROC ? open("/proc", O_PATH | O_CLOEXEC)
							   : -1;
		if (mount->kind == LLPB_MT_BIND && sources[i] < 0 &&
		    !(mount->flags & LLPB_MT_OPTIONAL && (errno == ENOENT || errno == ENOTDIR)))
			world_problem(world, source_number(world, i), "the source of a mount cannot be opened",
				      blob_str(blob, mount->shown_source), errno);
	}
	if (blob_has_root(blob))
		take_root(world, slots);
	for (uint32_t i = 1; i < blob->nmounts; i++) {
		bool skipped = blob->mounts[i].kind == LLPB_MT_BIND && sources[i] < 0;
		const char *at = skipped ? NULL : target_of(world, i);
		if (at)
			add_mount(world, &blob->mounts[i], sources[i], at);
		else if (sources[i] >= 0)
			close(sources[i]);
	}
	world->in_view = true;
}

/* ---- rules ---- */

/* runtime/landlock.c, open_from(), in the view. */
int view_bind_rule(struct world *world, uint32_t index, const char **rule_paths, struct view_spot *spot)
{
	const struct llpb_path *rule = &world->blob->paths[index];
	const char *path = blob_str(world->blob, rule->path), *base = NULL;
	char *canonical = arena_alloc(world->arena, PATH_BYTES);
	bool root = rule->anchor == LLPB_ANCHOR_ROOT, links = rule->flags & LLPB_P_FOLLOW || root;

	if (rule->flags & LLPB_P_UID)
		path = world_with_uid(world, path);
	if (rule->anchor == LLPB_ANCHOR_NONE)
		links = true;
	else if (!root)
		base = (rule->anchor == LLPB_ANCHOR_SLOT ? world->slot_paths : rule_paths)[rule->base];
	if (rule->anchor != LLPB_ANCHOR_NONE && !root && !base)
		return ENOENT;
	int err = view_look_up(world, root, base, path, links, canonical, spot);
	if (!err)
		rule_paths[index] = canonical;
	return err;
}

/* ---- names ---- */

/* What comes behind `base` in a path at or beneath it, "" or "/..."; NULL: it is elsewhere. */
static const char *behind(const char *path, const char *base)
{
	size_t len = strcmp(base, "/") ? strlen(base) : 0;

	return strncmp(path, base, len) || (path[len] && path[len] != '/') ? NULL : path + len;
}

/* Outside of a new root is what it shows by a bind mount: the last one counts. */
const char *view_name(const struct world *world, const char *path, char out[PATH_BYTES])
{
	const char *rest = world->root ? behind(path, world->root) : path;

	for (size_t i = world->nmounts; !rest && i-- > 0;) {
		const struct view_mount *mount = &world->mounts[i];
		const char *in_bind = mount->from ? behind(path, mount->from) : NULL;
		if (!in_bind || snprintf(out, PATH_BYTES, "%s%s", mount->at, in_bind) >= PATH_BYTES)
			continue;
		rest = behind(out, world->root);
	}
	return rest && !*rest ? "/" : rest;
}

/* ---- as text ---- */

/* Of devices nothing is known there: nodev is left out. */
void view_open_texts(struct world *world)
{
	const struct blob *blob = world->blob;

	for (uint32_t i = 0; i < blob->nmounts; i++) {
		const struct llpb_mount *mount = &blob->mounts[i];
		uint32_t attrs = mount->attrs & (K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOEXEC);
		if (!i && !blob_has_root(blob))
			continue;
		world->mounts = arena_grow(world->arena, world->mounts, &world->mounts_cap, world->nmounts + 1,
					   sizeof(*world->mounts));
		world->mounts[world->nmounts++] = (struct view_mount){
			.at = world_text_of(world, i ? mount->shown_target : mount->shown_source),
			.from = mount->kind == LLPB_MT_BIND ? world_text_of(world, mount->shown_source) : NULL,
			.fd = -1,
			.attrs = attrs,
			.record = i};
	}
}

uint32_t view_tag_of(const struct world *world, const char *text)
{
	size_t found = 0;

	for (size_t i = 0; i < world->nmounts; i++)
		if (behind(text, world->mounts[i].at) &&
		    (!found || strlen(world->mounts[i].at) >= strlen(world->mounts[found - 1].at)))
			found = i + 1;
	return (uint32_t)found;
}

const char *view_bound_text(const struct world *world, const struct view_mount *mount, const char *text,
			    char out[PATH_BYTES])
{
	const char *rest = mount->from ? behind(text, mount->from) : NULL;

	if (!rest || snprintf(out, PATH_BYTES, "%s%s", mount->at, rest) >= PATH_BYTES)
		return NULL;
	return &world->mounts[view_tag_of(world, out) - 1] == mount ? out : NULL;
}
