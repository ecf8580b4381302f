/* SPDX-License-Identifier: MIT */
/*
 * What permissions say to the calling user. A view is made in a user namespace in which only the caller's own user and
 * group exist (runtime/mounts.c): there, capabilities hold for files of that user and group alone (kernel/capability.c,
 * capable_wrt_inode_uidgid()).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decide_impl.h"

static bool in_group(gid_t group)
{
	static gid_t groups[65536];
	int count = getgroups(sizeof(groups) / sizeof(groups[0]), groups);

	while (count > 0 && groups[count - 1] != group)
		count--;
	return group == getegid() || count > 0;
}

/* fs/namei.c, acl_permission_check(): the mode's bits, whatever capabilities would permit. */
static int by_mode(const struct stat *st, int mode)
{
	unsigned shift = st->st_uid == geteuid() ? 6 : in_group(st->st_gid) ? 3 : 0;

	return (st->st_mode >> shift & (unsigned)mode) == (unsigned)mode ? 0 : EACCES;
}

static int access_at(const struct place *place, int fd, const char *name, int mode)
{
	const int flags = *name ? 0 : AT_EMPTY_PATH;
	struct stat st;

	if (fd < 0)
		return 0;
	if (faccessat(fd, name, mode, AT_EACCESS | flags))
		return errno;
	if (!place->namespaced || fstatat(fd, name, &st, flags) || (st.st_uid == geteuid() && st.st_gid == getegid()))
		return 0;
	return by_mode(&st, mode);
}

int place_access(const struct place *place, int mode)
{
	const char *name;
	int fd = place_object(place, &name);

	return access_at(place, fd, name, mode);
}

int place_dir_access(const struct place *place, int mode)
{
	return access_at(place, place->dir_fd, ".", mode);
}

static bool hardlinks_are_protected(void)
{
	int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC);
	char value = '0';
	bool protected = fd >= 0 && read(fd, &value, 1) == 1 && value == '1';

	if (fd >= 0)
		close(fd);
	return protected;
}

int place_link_access(const struct place *place)
{
	const char *name;
	int fd = place_object(place, &name);
	const mode_t group = S_ISGID | S_IXGRP;
	struct stat st;

	if (fd < 0 || !hardlinks_are_protected() ||
	    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) || st.st_uid == geteuid() ||
	    (!geteuid() && !place->namespaced))
		return 0;
	if (!S_ISREG(st.st_mode) || st.st_mode & S_ISUID || (st.st_mode & group) == group)
		return EPERM;
	return access_at(place, fd, name, R_OK | W_OK) ? EPERM : 0;
}
