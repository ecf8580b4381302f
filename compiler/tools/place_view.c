/* SPDX-License-Identifier: MIT */
/*
 * Paths in a view: what the command sees of a policy that mounts, or that has a root of its own. Nothing is mounted here
 * and no privilege needed: paths are walked component by component, and where the walk arrives at the target of a mount
 * it goes on in that mount's source. Names are those of the caller's file system with the mounts in place, the new root
 * under its own path, as runtime/mounts.c makes them before the move into the root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"

#define MAX_LINKS 40 /* include/linux/namei.h, MAXSYMLINKS */
#define MAX_DEPTH 256 /* directories above one another that are told apart */

/* A directory or file that the walk has come to. */
struct spot {
	int fd; /* O_PATH, or -1 in a new tmpfs */
	uint32_t node;
	uint64_t mount;
	uint32_t tag; /* number of the view's mount that it is in, 0 for what was there before */
	mode_t mode;
	size_t length; /* of the path that leads here */
};

struct walk {
	struct world *world;
	struct spot spots[MAX_DEPTH];
	size_t depth, base; /* ".." does not lead above the base */
	char path[2 * K_PATH_MAX]; /* canonical, of the last spot */
	char left[2 * K_PATH_MAX]; /* what is still to be walked */
	bool links; /* symbolic links may be followed on the way */
	bool last_link; /* and in the last component */
	unsigned followed;
};

static void pop(struct walk *w)
{
	struct spot *spot = &w->spots[--w->depth];

	if (spot->fd >= 0)
		close(spot->fd);
	w->path[w->depth ? w->spots[w->depth - 1].length : 0] = 0;
}

static void walk_end(struct walk *w)
{
	while (w->depth)
		pop(w);
}

static bool is_beneath(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	return !strncmp(path, parent, len) && path[len] == '/';
}

/* The mount that covers the path, the last one first; NULL: none. */
static const struct view_mount *mount_at(const struct world *world, const char *path)
{
	for (size_t i = world->nmounts; i-- > 0;)
		if (!strcmp(world->mounts[i].at, path))
			return &world->mounts[i];
	return NULL;
}

/* In a new tmpfs, and where llrun would make a target, are the directories on the way to targets. */
static bool leads_to_target(const struct world *world, const char *path, bool created)
{
	for (size_t i = 0; i < world->nmounts; i++)
		if (is_beneath(world->mounts[i].at, path) && (!created || world->mounts[i].create))
			return true;
	return false;
}

/* ---- steps ---- */

static int push(struct walk *w, struct spot spot, const struct statx *st)
{
	if (st) {
		spot.node = world_inode(w->world, makedev(st->stx_dev_major, st->stx_dev_minor), st->stx_ino);
		spot.mount = (uint64_t)spot.tag << 48 | st->stx_mnt_id;
		spot.mode = st->stx_mode;
	} else {
		/* no path of a file system begins like that */
		char name[2 * K_PATH_MAX + 8];
		snprintf(name, sizeof(name), "new:%s", w->path);
		spot.node = world_text(w->world, name);
		spot.mount = (uint64_t)spot.tag << 48;
		spot.mode = S_IFDIR | 0755;
	}
	if (w->depth == MAX_DEPTH) {
		if (spot.fd >= 0)
			close(spot.fd);
		return ENAMETOOLONG;
	}
	spot.length = strlen(w->path);
	w->spots[w->depth++] = spot;
	return 0;
}

static int push_mount(struct walk *w, const struct view_mount *mount)
{
	struct spot spot = {.fd = -1, .tag = (uint32_t)(mount - w->world->mounts) + 1};
	struct statx st;

	if (mount->fd < 0)
		return push(w, spot, NULL);
	spot.fd = fcntl(mount->fd, F_DUPFD_CLOEXEC, 3);
	if (spot.fd < 0 || statx(spot.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st))
		return errno;
	return push(w, spot, &st);
}

static int splice_link(struct walk *w, int dir, const char *name)
{
	char target[2 * K_PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, K_PATH_MAX - 1);

	if (n < 0)
		return errno;
	if (++w->followed > MAX_LINKS)
		return ELOOP;
	target[n] = 0;
	if ((size_t)n + 1 + strlen(w->left) >= sizeof(target))
		return ENAMETOOLONG;
	if (target[0] == '/')
		while (w->depth > w->base)
			pop(w);
	snprintf(target + n, sizeof(target) - (size_t)n, "%s%s", *w->left ? "/" : "", w->left);
	memcpy(w->left, target, strlen(target) + 1);
	return 0;
}

/* The component `name` of the last spot, whose path w->path is already. `more`: something comes after it. */
static int enter(struct walk *w, const char *name, bool more)
{
	const struct view_mount *mount = mount_at(w->world, w->path);
	const struct spot *parent = &w->spots[w->depth - 1];
	struct spot spot = {.fd = -1, .tag = parent->tag};
	struct statx st;

	if (mount)
		return push_mount(w, mount);
	if (parent->fd >= 0)
		spot.fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (spot.fd < 0 && parent->fd >= 0 && errno != ENOENT)
		return errno;
	if (spot.fd < 0)
		return leads_to_target(w->world, w->path, parent->fd >= 0) ? push(w, spot, NULL) : ENOENT;
	if (statx(spot.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st)) {
		close(spot.fd);
		return EIO;
	}
	if (!S_ISLNK(st.stx_mode) || !(more || w->last_link))
		return push(w, spot, &st);
	close(spot.fd);
	w->path[parent->length] = 0;
	return w->links ? splice_link(w, parent->fd, name) : ELOOP;
}

/* Takes the next component out of w->left; its length. */
static size_t next_component(struct walk *w, char name[256])
{
	size_t skip = strspn(w->left, "/"), len = strcspn(w->left + skip, "/");

	if (len > 255)
		return len;
	memcpy(name, w->left + skip, len);
	name[len] = 0;
	memmove(w->left, w->left + skip + len, strlen(w->left + skip + len) + 1);
	return len;
}

/* Walks w->left; 0 or an errno. Where it stops, *missing says whether only the last component was not there. */
static int walk_on(struct walk *w, char name[256], bool *missing)
{
	int err = 0;

	*missing = false;
	while (!err && w->left[strspn(w->left, "/")]) {
		if (!S_ISDIR(w->spots[w->depth - 1].mode))
			return ENOTDIR;
		size_t len = next_component(w, name);
		if (len > 255) {
			*missing = !w->left[strspn(w->left, "/") + len];
			return ENAMETOOLONG;
		}
		bool more = w->left[0] != 0;
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			if (w->depth > w->base)
				pop(w);
			continue;
		}
		size_t at = strlen(w->path);
		at -= at == 1; /* beneath the root there is a slash already */
		if (at + strlen(name) + 2 > sizeof(w->path))
			return ENAMETOOLONG;
		snprintf(w->path + at, sizeof(w->path) - at, "/%s", name);
		err = enter(w, name, more);
		if (err)
			w->path[w->spots[w->depth - 1].length] = 0;
		*missing = err == ENOENT && !w->left[strspn(w->left, "/")];
	}
	return err;
}

/* From the root, or from the new root, which ".." does not leave. */
static int walk_begin(struct walk *w, struct world *world, bool in_root)
{
	const struct view_mount *mount = mount_at(world, "/");
	struct spot spot = {.fd = -1};
	struct statx st;
	char name[256];
	bool missing;
	int err;

	*w = (struct walk){.world = world, .path = "/", .base = 1, .links = true, .last_link = true};
	if (mount) {
		err = push_mount(w, mount);
	} else {
		spot.fd = open("/", O_PATH | O_CLOEXEC);
		err = spot.fd < 0 || statx(spot.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &st)
			      ? EIO
			      : push(w, spot, &st);
	}
	if (err || !in_root || !world->root)
		return err;
	snprintf(w->left, sizeof(w->left), "%s", world->root);
	err = walk_on(w, name, &missing);
	w->base = w->depth;
	return err;
}

/* ---- for rules and targets ---- */

int view_look_up(struct world *world, bool in_root, const char *base, const char *path, bool links, char *canonical,
		 struct view_spot *out)
{
	struct walk *w = malloc(sizeof(*w));
	char name[256];
	bool missing;

	if (!w)
		abort();
	int err = walk_begin(w, world, in_root);
	if (!err && base) {
		snprintf(w->left, sizeof(w->left), "%s", base);
		err = walk_on(w, name, &missing);
	}
	w->links = w->last_link = links;
	w->last_link = true;
	snprintf(w->left, sizeof(w->left), "%s", path);
	if (!err)
		err = walk_on(w, name, &missing);
	if (!err) {
		const struct spot *spot = &w->spots[w->depth - 1];
		*out = (struct view_spot){.node = spot->node, .mode = spot->mode};
		memcpy(canonical, w->path, strlen(w->path) + 1);
	}
	walk_end(w);
	free(w);
	return err;
}

/* ---- for operations ---- */

static enum last last_of(const char *path)
{
	size_t len = strlen(path);

	while (len && path[len - 1] == '/')
		len--;
	if (!len)
		return LAST_ROOT;
	size_t start = len;
	while (start && path[start - 1] != '/')
		start--;
	if (len - start == 1 && path[start] == '.')
		return LAST_DOT;
	return len - start == 2 && !strncmp(path + start, "..", 2) ? LAST_DOTDOT : LAST_NAME;
}

/* The walk has ended at the object, or at the directory that does not have it. */
static void fill_place(struct walk *w, struct place *place, const char *name)
{
	size_t top = w->depth - 1;
	const struct spot *object = place->exists ? &w->spots[top] : NULL;
	size_t dir = place->exists && top >= w->base ? top - 1 : top;
	const struct spot *parent = &w->spots[dir];

	place_push(place, object ? object->node : NODE_NONE);
	for (size_t i = dir + 1; i-- + 1 > w->base;) {
		if (object && top == dir && i == top)
			continue;
		place_push(place, w->spots[i].node);
		if (w->spots[i].mount == parent->mount && place->mount_root == place->count - 2)
			place->mount_root = place->count - 1;
	}
	place->mode = object ? object->mode : 0;
	place->mount = place->parent_mount = parent->mount;
	place->object_mount = object ? object->mount : parent->mount;
	place->mounted = place->object_mount != place->mount;
	place->tag = parent->tag;
	place->object_tag = object ? object->tag : parent->tag;
	place->dir_fd = parent->fd >= 0 ? fcntl(parent->fd, F_DUPFD_CLOEXEC, 3) : -1;
	snprintf(place->name, sizeof(place->name), "%s", name);
	place_set_text(place, w->path);
	if (!object && *name) {
		char full[2 * K_PATH_MAX + 256];
		snprintf(full, sizeof(full), "%s/%s", strcmp(w->path, "/") ? w->path : "", name);
		place_set_text(place, full);
	}
	/* its name leads to what the mount covers */
	if (object && place->mounted && object->fd >= 0)
		place->object_fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 3);
}

void place_find_in_view(struct world *world, struct place *place, const char *path, unsigned flags)
{
	struct walk *w = malloc(sizeof(*w));
	size_t len = strlen(path);
	char name[256] = "";
	bool missing = false;

	if (!w)
		abort();
	int err = walk_begin(w, world, true);
	place->slash = len && path[len - 1] == '/';
	place->last = last_of(path);
	w->last_link = flags & PLACE_FOLLOW;
	snprintf(w->left, sizeof(w->left), "%s", path);
	/* a name that is made or removed is not followed for its slashes */
	while (!(flags & PLACE_FOLLOW) && len > 1 && w->left[len - 1] == '/')
		w->left[--len] = 0;
	if (!err)
		err = walk_on(w, name, &missing);
	place->exists = !err;
	if (!err && place->slash && flags & PLACE_FOLLOW && !S_ISDIR(w->spots[w->depth - 1].mode))
		err = ENOTDIR;
	place->too_long = err == ENAMETOOLONG && missing;
	/* of a name that is to be made or removed, only the way to it must be there */
	if (err && (flags & PLACE_FOLLOW || !missing))
		place->err = err;
	if (w->depth)
		fill_place(w, place, name);
	walk_end(w);
	free(w);
}
