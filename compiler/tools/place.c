/* SPDX-License-Identifier: MIT */
/*
 * Paths of operations to the directories that Landlock looks at. The kernel itself resolves everything but the last
 * component; that one is taken by hand, because what matters besides the object is the directory it was found in. From
 * there ".." leads up the way security/landlock/fs.c, is_access_to_paths_allowed(), goes: out of a mount to the directory
 * that holds its mount point.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"

#define MAX_LINKS 40 /* include/linux/namei.h, MAXSYMLINKS */

void place_push(struct place *place, uint32_t node)
{
	if (place->count == place->cap) {
		place->cap = place->cap ? 2 * place->cap : 64;
		uint32_t *grown = realloc(place->nodes, place->cap * sizeof(*grown));
		if (!grown)
			abort();
		place->nodes = grown;
	}
	place->nodes[place->count++] = node;
}

void place_set_text(struct place *place, const char *text)
{
	size_t need = strlen(text) + 1;

	if (need > place->text_cap) {
		free(place->text);
		place->text = malloc(need);
		if (!place->text)
			abort();
		place->text_cap = need;
	}
	memcpy(place->text, text, need);
}

void place_done(struct place *place)
{
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	if (place->object_fd >= 0)
		close(place->object_fd);
	free(place->nodes);
	free(place->text);
	*place = (struct place){.dir_fd = -1, .object_fd = -1};
}

static void place_clear(struct place *place)
{
	struct place old = *place;

	if (old.dir_fd >= 0)
		close(old.dir_fd);
	if (old.object_fd >= 0)
		close(old.object_fd);
	*place = (struct place){.nodes = old.nodes,
				.cap = old.cap,
				.text = old.text,
				.text_cap = old.text_cap,
				.dir_fd = -1,
				.object_fd = -1};
}

static uint64_t device_of(const struct statx *st)
{
	return makedev(st->stx_dev_major, st->stx_dev_minor);
}

#define WANTED (STATX_BASIC_STATS | STATX_MNT_ID)

/* ---- the last component ---- */

static void become(char path[2 * K_PATH_MAX], const char *text)
{
	snprintf(path, 2 * K_PATH_MAX, "%s", text);
}

/* Cuts path into directory and last component; the component is written to place. */
static void split(struct place *place, char path[2 * K_PATH_MAX])
{
	size_t len = strlen(path);

	place->slash = len && path[len - 1] == '/';
	while (len && path[len - 1] == '/')
		path[--len] = 0;
	if (!len) {
		place->last = LAST_ROOT;
		become(path, "/");
		return;
	}
	char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	place->last = !strcmp(name, ".") ? LAST_DOT : !strcmp(name, "..") ? LAST_DOTDOT : LAST_NAME;
	snprintf(place->name, sizeof(place->name), "%.*s", (int)sizeof(place->name) - 1, name);
	place->too_long = strlen(name) >= sizeof(place->name);
	if (place->last != LAST_NAME)
		return;
	if (slash > path)
		*slash = 0;
	else
		become(path, slash ? "/" : ".");
}

/*
 * The directory; where it does not exist, the deepest one above that does: for what the policy would say if it did. The
 * name is then no longer one in that directory.
 */
static int open_directory(struct place *place, int base, char path[2 * K_PATH_MAX])
{
	int fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && !place->err)
		place->err = errno;
	while (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		char *slash = strrchr(path, '/');
		place->name[0] = 0;
		if (!slash || !strcmp(path, "/"))
			become(path, slash ? "/" : ".");
		else
			*(slash > path ? slash : slash + 1) = 0;
		fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (!slash)
			break;
	}
	return fd;
}

/* For "x/..": the mount of x, which is where the kernel takes the name ".." to be. */
static uint64_t mount_above(int base, const char *path)
{
	char parent[2 * K_PATH_MAX];
	struct statx st;
	char *slash;

	snprintf(parent, sizeof(parent), "%.*s", (int)sizeof(parent) - 1, path);
	slash = strrchr(parent, '/');
	if (!slash)
		become(parent, ".");
	else
		slash[slash == parent] = 0;
	return statx(base, parent, 0, WANTED, &st) ? 0 : st.stx_mnt_id;
}

/* One step along a symbolic link: path becomes where it leads; *base the directory that a relative one starts in. */
static bool follow_link(struct place *place, int *base, char path[2 * K_PATH_MAX])
{
	ssize_t n = readlinkat(place->dir_fd, place->name, path, K_PATH_MAX);

	if (n < 0 || n >= K_PATH_MAX)
		return false;
	path[n] = 0;
	if (place->slash)
		snprintf(path + n, 2, "/");
	if (*base >= 0)
		close(*base);
	*base = place->dir_fd;
	place->dir_fd = -1;
	return true;
}

/* Fills dir_fd and name, following the last component as told; *st is the object when there is one. */
static bool find_last(struct place *place, char path[2 * K_PATH_MAX], unsigned flags, struct statx *st)
{
	bool found = false;
	int base = AT_FDCWD;

	for (int links = 0; links <= MAX_LINKS; links++) {
		bool slash = place->slash;
		split(place, path);
		place->slash |= slash && links;
		if (place->last != LAST_NAME)
			place->parent_mount = mount_above(base, path);
		place->dir_fd = open_directory(place, base, path);
		if (place->last != LAST_NAME || place->dir_fd < 0)
			break;
		found = place->name[0] && !place->too_long &&
			!statx(place->dir_fd, place->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, WANTED, st);
		if (!found || !S_ISLNK(st->stx_mode) || !(flags & PLACE_FOLLOW) || !follow_link(place, &base, path))
			break;
	}
	if (base >= 0)
		close(base);
	/* the root, ".", "..": the directory is the object */
	if (place->last != LAST_NAME && place->dir_fd >= 0)
		return !statx(place->dir_fd, "", AT_EMPTY_PATH, WANTED, st);
	return found;
}

/* ---- upwards ---- */

/* The directory of fd and all above it; closes fd. */
static void climb(struct world *world, struct place *place, int fd)
{
	struct statx at, last = {0};

	for (bool first = true; fd >= 0; first = false) {
		if (statx(fd, "", AT_EMPTY_PATH, WANTED, &at))
			break;
		/* ".." of the root is the root */
		if (!first && at.stx_ino == last.stx_ino && at.stx_mnt_id == last.stx_mnt_id &&
		    device_of(&at) == device_of(&last))
			break;
		if (first)
			place->mount = at.stx_mnt_id;
		place_push(place, world_inode(world, device_of(&at), at.stx_ino));
		if (at.stx_mnt_id == place->mount && place->mount_root == place->count - 2)
			place->mount_root = place->count - 1;
		last = at;
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
	}
	if (fd >= 0)
		close(fd);
}

static void name_place(struct place *place)
{
	char link[40], path[K_PATH_MAX + sizeof(place->name) + 2];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place->dir_fd);
	ssize_t n = readlink(link, path, K_PATH_MAX);

	if (n <= 0 || n >= K_PATH_MAX || path[0] != '/' || place->err)
		return;
	path[n] = 0;
	if (place->last == LAST_NAME)
		snprintf(path + n, sizeof(path) - (size_t)n, "%s%s", n > 1 ? "/" : "", place->name);
	place_set_text(place, path);
}

static void resolve(struct world *world, struct place *place, char path[2 * K_PATH_MAX], unsigned flags)
{
	struct statx st;
	int fd = -1;

	if (flags & PLACE_FOLLOW) {
		/* the errno of the whole walk, as the kernel gives it */
		fd = open(path, O_PATH | O_CLOEXEC);
		place->err = fd < 0 ? errno : 0;
	}
	place->exists = find_last(place, path, flags, &st) && !place->err;
	if (fd >= 0)
		close(fd);
	if (place->dir_fd < 0)
		return;
	if (place->exists) {
		place->mode = st.stx_mode;
		place_push(place, world_inode(world, device_of(&st), st.stx_ino));
	} else {
		place_push(place, NODE_NONE);
	}
	place->mount_root = 0;
	int dir = place->last == LAST_NAME ? dup(place->dir_fd)
					   : openat(place->dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->last == LAST_ROOT) {
		close(dir);
		place->mount = st.stx_mnt_id;
	} else {
		climb(world, place, dir);
	}
	if (place->last == LAST_NAME)
		place->parent_mount = place->mount;
	place->object_mount = place->exists ? st.stx_mnt_id : place->mount;
	place->mounted = place->object_mount != place->mount;
	name_place(place);
}

/* ---- as text ---- */

static void textual(struct world *world, struct place *place, char *path)
{
	size_t len = strlen(path);

	place->slash = len > 1 && path[len - 1] == '/';
	path_normalize(path);
	place_set_text(place, path);
	place->object_tag = view_tag_of(world, path);
	for (;;) {
		place_push(place, world_text(world, path));
		char *slash = strrchr(path, '/');
		if (!slash || !strcmp(path, "/"))
			break;
		*(slash > path ? slash : slash + 1) = 0;
		if (place->count == 1)
			place->tag = view_tag_of(world, path);
	}
	place->last = place->count == 1 && !strcmp(path, "/") ? LAST_ROOT : LAST_NAME;
	place->mount_root = place->count - 1;
	place->exists = true;
}

void place_find(struct world *world, struct place *place, const char *path, unsigned flags)
{
	char buffer[2 * K_PATH_MAX + 2], expanded[2 * K_PATH_MAX], inside[2 * K_PATH_MAX];
	const char *full = world_expand(world, path, expanded);

	place_clear(place);
	place_set_text(place, path);
	place->unbound = !full;
	place->namespaced = world->blob->nmounts;
	if (full && world->in_view && names_slot(path)) {
		full = view_name(world, full, inside);
		place->outside = !full;
	}
	if (!full || strlen(full) >= K_PATH_MAX) {
		place->err = full ? ENAMETOOLONG : ENOENT;
		return;
	}
	become(buffer, full);
	if (world->textual)
		textual(world, place, buffer);
	else if (world->in_view)
		place_find_in_view(world, place, buffer, flags);
	else
		resolve(world, place, buffer, flags);
}

/* ---- the object ---- */

int place_object(const struct place *place, const char **name)
{
	*name = place->object_fd >= 0 ? "" : place->last == LAST_NAME ? place->name : ".";
	return !place->exists ? -1 : place->object_fd >= 0 ? place->object_fd : place->dir_fd;
}

int place_open(const struct place *place)
{
	const char *name;
	char link[40];
	int fd = place_object(place, &name);

	if (fd < 0 || *name)
		return fd < 0 ? -1 : openat(fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* proc_pid_mountinfo(5): the first field is the mount's number, the fourth what of the file system it shows. */
bool place_is_whole(const struct place *place)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, root[K_PATH_MAX];
	size_t cap = 0;
	uint64_t mount;
	bool whole = false;

	while (mounts && getline(&line, &cap, mounts) > 0)
		whole |= sscanf(line, "%" SCNu64 " %*s %*s %4095s", &mount, root) == 2 &&
			 mount == place->object_mount && !strcmp(root, "/");
	free(line);
	if (mounts)
		fclose(mounts);
	return whole;
}

bool place_holds_entries(const struct place *place)
{
	int fd = place->dir_fd < 0
			 ? -1
			 : openat(place->dir_fd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char entries[1024];
	ssize_t n = fd < 0 ? 0 : getdents64(fd, entries, sizeof(entries)), third = 0;

	/* "." and ".." fit the first read with room for a third */
	for (ssize_t at = 0; at < n; at += ((struct dirent64 *)(void *)(entries + at))->d_reclen)
		third++;
	if (fd >= 0)
		close(fd);
	return third > 2;
}
