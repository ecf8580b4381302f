/* SPDX-License-Identifier: MIT */
/*
 * The view: namespaces, mounts, the new root. Made in the process that becomes the command, or its parent.
 *
 * MUST leave nothing on the host: every mount is in a namespace that ends with its processes, and none propagates.
 * MUST look every place up once and use the descriptor from then on: between two lookups of a path it may become a link.
 * MUST create a target only where the policy says so, and follow links only where it says so.
 * MUST NOT run when the blob asks for no view: a policy without mounts never needs a namespace.
 */
#include "kernel_run.h"
#include "view.h"

struct making {
	struct policy *policy;
	const struct blob *blob;
	int slots[LLPB_MAX_SLOTS];
	int mounts[LLPB_MAX_MOUNTS]; /* by index: the tree to attach, then the mount; -1: none, or left out */
	int root_place; /* where the root is attached: on itself */
};

/* ---- the user namespace ---- */

/*
 * Nobody but the caller exists in the namespace. Its groups cannot be mapped without privileges, and without "deny" the
 * kernel refuses the map of groups: a group that denies access could be dropped (user_namespaces(7)).
 */
static int make_namespaces(const struct llpb_mount *view, struct llrun_error *error)
{
	char text[40], digits[2][12];
	const char *uid = decimal(digits[0], (uint32_t)SYS(getuid, 0));
	const char *gid = decimal(digits[1], (uint32_t)SYS(getgid, 0));
	const char *root = view->flags & LLPB_MT_AS_ROOT ? "0" : NULL;
	const struct {
		const char *path, *parts[4];
	} files[] = {{"/proc/self/setgroups", {"deny", "", "", ""}},
		     {"/proc/self/uid_map", {root ? root : uid, " ", uid, " 1"}},
		     {"/proc/self/gid_map", {root ? root : gid, " ", gid, " 1"}}};
	int result = check_sys(error, "unshare", SYS(unshare, K_CLONE_NEWUSER | view->spaces), NULL);

	for (uint32_t i = 0; i < 3 && result == 0; i++) {
		long fd = SYS(openat, K_AT_FDCWD, files[i].path, K_O_WRONLY | K_O_CLOEXEC);
		uint32_t len = 0;
		for (uint32_t part = 0; part < 4; part++)
			len = append(text, sizeof(text), len, files[i].parts[part]);
		result = check_sys(error, "write", fd < 0 ? fd : SYS(write, fd, text, len), files[i].path);
		SYS(close, fd);
	}
	return result;
}

/* Any socket takes requests about interfaces (net/socket.c, sock_do_ioctl()). */
static int raise_loopback(struct llrun_error *error)
{
	struct k_ifreq request = {.name = "lo", .flags = K_IFF_UP};
	long fd = SYS(socket, K_AF_UNIX, K_SOCK_DGRAM | K_SOCK_CLOEXEC, 0);

	if (check_sys(error, "socket", fd, NULL) < 0)
		return -1;
	long result = SYS(ioctl, fd, K_SIOCSIFFLAGS, &request);
	SYS(close, fd);
	return check_sys(error, "ioctl", result, "SIOCSIFFLAGS lo");
}

/* ---- places ---- */

/* A descriptor; a negative error number. "" is the place it starts from. */
static long look_up(int base, const char *path, uint64_t resolve)
{
	const struct k_open_how how = {K_O_ANCHOR, 0, resolve};

	return *path ? SYS(openat2, base, path, &how, sizeof(how)) : SYS(fcntl, base, K_F_DUPFD_CLOEXEC, 3);
}

struct place {
	int base;
	char path[PATH_SIZE];
};

/*
 * What lies in a slot stays in it, unless links are followed; in the root they are followed, and stay there. Returns a
 * descriptor or a negative error number; *place is where it was looked for.
 */
static long open_place(const struct making *m, struct place *place, const char *path, uint32_t slot, uint32_t follow,
		       uint32_t in_root)
{
	uint64_t links = follow ? 0 : K_RESOLVE_NO_SYMLINKS;
	uint64_t inside = in_root ? K_RESOLVE_IN_ROOT : follow || slot == LLPB_NONE ? 0 : K_RESOLVE_BENEATH;

	place->base = in_root ? m->policy->root : slot == LLPB_NONE ? K_AT_FDCWD : m->slots[slot];
	path_with_uid(place->path, path);
	if (place->base < 0 && place->base != K_AT_FDCWD)
		return place->base = -K_ENOENT; /* an optional slot that is unbound */
	return look_up(place->base, place->path, links | inside);
}

/*
 * Component by component, so that no link is followed; the last one is a directory or an empty file. `path` is cut at
 * its slashes.
 */
static long create_target(long at, char *path, int dir, const char **sys)
{
	for (char *end = path; at >= 0 && *path; path = end) {
		while (*end && *end != '/')
			end++;
		int as_dir = dir || *end;
		if (*end)
			*end++ = 0;
		*sys = as_dir ? "mkdirat" : "mknodat";
		long next = as_dir ? SYS(mkdirat, at, path, 0755) : SYS(mknodat, at, path, K_S_IFREG | 0644, 0);
		if (next == 0 || next == -K_EEXIST) {
			*sys = "openat2";
			next = look_up((int)at, path, K_RESOLVE_NO_SYMLINKS | K_RESOLVE_BENEATH);
		}
		SYS(close, at);
		at = next;
	}
	return at;
}

static int is_dir(int fd)
{
	struct k_statx file;

	return SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file) == 0 &&
	       (file.mode & K_S_IFMT) == K_S_IFDIR;
}

static long open_target(const struct making *m, const struct llpb_mount *mount, int tree, const char **sys)
{
	struct place place;
	long fd = open_place(m, &place, blob_str(m->blob, mount->target), mount->target_slot,
			     mount->flags & LLPB_MT_FOLLOW_TARGET, mount->flags & LLPB_MT_IN_ROOT);

	if (fd != -K_ENOENT || !(mount->flags & LLPB_MT_CREATE) || place.base == -K_ENOENT)
		return fd;
	int absolute = *place.path == '/';
	return create_target(look_up(place.base, absolute ? "/" : "", 0), place.path + absolute, is_dir(tree), sys);
}

/* ---- mounts ---- */

static int set_attrs(int fd, uint32_t attrs, uint32_t recursive, const char *object, struct llrun_error *error)
{
	const struct k_mount_attr attr = {.set = attrs};

	return check_sys(error, "mount_setattr",
			 attrs ? SYS(mount_setattr, fd, "", K_AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) : 0,
			 object);
}

/* A copy of the tree at fd, attached nowhere. What is set on its mounts stays set: no flag is cleared, ever. */
static int copy_tree(long fd, uint32_t attrs, const char *object, struct llrun_error *error)
{
	const uint32_t flags = K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | K_AT_EMPTY_PATH | K_AT_RECURSIVE;
	long tree = SYS(open_tree, fd, "", flags);

	if (check_sys(error, "open_tree", tree, object) < 0)
		return -1;
	return set_attrs((int)tree, attrs, K_AT_RECURSIVE, object, error) < 0 ? -1 : (int)tree;
}

/* A read-only tmpfs is made writable first: targets are created in it. */
static int new_mount(const struct blob *blob, const struct llpb_mount *mount, struct llrun_error *error)
{
	const char *type = mount->kind == LLPB_MT_PROC ? "proc" : "tmpfs";
	const char *const options[][2] = {{"size", blob_str(blob, mount->size)},
					  {"nr_inodes", blob_str(blob, mount->inodes)},
					  {"mode", blob_str(blob, mount->mode)}};
	const uint32_t attrs = mount->kind == LLPB_MT_TMPFS ? mount->attrs & ~K_MOUNT_ATTR_RDONLY : mount->attrs;
	long fs = SYS(fsopen, type, K_FSOPEN_CLOEXEC), result = 0;

	if (check_sys(error, "fsopen", fs, type) < 0)
		return -1;
	for (uint32_t i = 0; i < 3 && result == 0; i++)
		if (*options[i][1])
			result = SYS(fsconfig, fs, K_FSCONFIG_SET_STRING, options[i][0], options[i][1], 0);
	if (result == 0)
		result = SYS(fsconfig, fs, K_FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (check_sys(error, "fsconfig", result, type) < 0)
		return -1;
	result = SYS(fsmount, fs, K_FSMOUNT_CLOEXEC, attrs);
	SYS(close, fs);
	return check_sys(error, "fsmount", result, type) < 0 ? -1 : (int)result;
}

/* ---- the steps: each for every record, the view first ---- */

/* Sources are what they were before any of these mounts: so all of them first. */
static int make_tree(struct making *m, uint32_t i, struct llrun_error *error)
{
	const struct llpb_mount *mount = &m->blob->mounts[i];
	const char *shown = blob_str(m->blob, mount->shown_source);
	struct place place;

	m->mounts[i] = -1;
	if (mount->kind == LLPB_MT_TMPFS || mount->kind == LLPB_MT_PROC)
		return (m->mounts[i] = new_mount(m->blob, mount, error)) < 0 ? -1 : 0;
	if (!*shown) /* a view without a root */
		return 0;
	long fd = open_place(m, &place, blob_str(m->blob, mount->source), mount->source_slot,
			     mount->flags & LLPB_MT_FOLLOW_SOURCE, 0);
	if ((fd == -K_ENOENT || fd == -K_ENOTDIR) && mount->flags & LLPB_MT_OPTIONAL)
		return 0;
	if (mount->kind == LLPB_MT_VIEW && fd >= 0 && !is_dir((int)fd))
		fd = -K_ENOTDIR;
	if (check_sys(error, "openat2", fd, shown) < 0)
		return -1;
	m->mounts[i] = copy_tree(fd, mount->attrs, shown, error);
	if (mount->kind == LLPB_MT_VIEW)
		m->root_place = (int)fd;
	else
		SYS(close, fd);
	return m->mounts[i] < 0 ? -1 : 0;
}

/*
 * The root is mounted on itself: pivot_root(2) wants a mount, and whatever names a path beneath it meets this one. What
 * is mounted over the root takes its place for what comes after.
 */
static int attach_tree(struct making *m, uint32_t i, struct llrun_error *error)
{
	const struct llpb_mount *mount = &m->blob->mounts[i];
	int root = mount->kind == LLPB_MT_VIEW, tree = m->mounts[i];
	const char *shown = blob_str(m->blob, root ? mount->shown_source : mount->shown_target), *sys = "openat2";

	if (tree < 0)
		return 0;
	long target = root ? m->root_place : open_target(m, mount, tree, &sys);
	if (check_sys(error, sys, target, shown) < 0)
		return -1;
	long result = SYS(move_mount, tree, "", target, "", K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH);
	SYS(close, target);
	if (root || (mount->flags & LLPB_MT_IN_ROOT && !*blob_str(m->blob, mount->target)))
		m->policy->root = tree;
	return check_sys(error, "move_mount", result, shown);
}

/* The targets in it have been created by now. */
static int seal_tmpfs(struct making *m, uint32_t i, struct llrun_error *error)
{
	const struct llpb_mount *mount = &m->blob->mounts[i];
	uint32_t attrs = mount->kind == LLPB_MT_TMPFS ? mount->attrs & K_MOUNT_ATTR_RDONLY : 0;

	return set_attrs(m->mounts[i], attrs, 0, blob_str(m->blob, mount->shown_target), error);
}

static int make_mounts(struct making *m, struct llrun_error *error)
{
	static int (*const steps[])(struct making * m, uint32_t i,
				    struct llrun_error * error) = {make_tree, attach_tree, seal_tmpfs};
	const struct blob *blob = m->blob;
	const struct k_mount_attr private = {.set = m->policy->host_attrs, .propagation = K_MS_PRIVATE};
	uint32_t first = blob->npaths + blob->nports + blob->nslots;
	int result = check_sys(error, "mount_setattr",
			       SYS(mount_setattr, K_AT_FDCWD, "/", K_AT_RECURSIVE, &private, sizeof(private)), "/");

	for (uint32_t step = 0; step < 3; step++)
		for (uint32_t i = 0; i < blob->nmounts && result == 0; i++) {
			result = blame(blob, error, first + i, steps[step](m, i, error));
			if (m->policy->mounted && (result < 0 || (step == 1 && m->mounts[i] >= 0)))
				result = m->policy->mounted(m->policy, i, result, error);
		}
	return result;
}

/* ---- the order of it ---- */

/*
 * A mount over the working directory, or above it, does not change what "." is: the command would begin in what the
 * mount hides. So the directory is entered again by its name, which is "(unreachable)/..." when it lies in no mount of
 * ours (fs/d_path.c, getcwd()). With a directory of its own the command does not begin here, but ${CWD} of a rule is
 * found anew all the same.
 */
static int reenter(const struct blob *blob, long len, const char *cwd, struct llrun_error *error)
{
	long result = len < 0 ? len : *cwd == '/' ? SYS(chdir, cwd) : -K_ENOENT;

	if (blob_has_root(blob) || *blob_str(blob, blob->mounts->target))
		return 0;
	if (check_sys(error, len < 0 ? "getcwd" : "chdir", result, len < 0 ? NULL : cwd) == 0)
		return 0;
	error->text = "a mount hides the working directory, or it is gone; [runtime] cwd names another";
	return -1;
}

int view_make(struct policy *policy, const struct llrun_options *options, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	const struct llpb_mount *view = blob->mounts;
	struct making m = {.policy = policy, .blob = blob};
	char cwd[PATH_SIZE];
	uint32_t count;

	if (!blob->nmounts)
		return 0;
	long len = SYS(getcwd, cwd, sizeof(cwd));
	if (((view->spaces || view->flags & LLPB_MT_AS_ROOT) && make_namespaces(view, error) < 0) ||
	    (view->spaces & K_CLONE_NEWPID && view_fork(policy, error) < 0) ||
	    (view->spaces & K_CLONE_NEWNET && raise_loopback(error) < 0))
		return blame(blob, error, blob->npaths + blob->nports + blob->nslots, -1);
	if (!(view->spaces & K_CLONE_NEWNS))
		return 0;
	if (bind_slots(policy, options, m.slots, &count, error) < 0 || make_mounts(&m, error) < 0)
		return -1;
	return reenter(blob, len, cwd, error);
}

/*
 * The old root is stacked on the new one for a moment (both arguments "."), so that no directory of the root is needed
 * to put it in: fs/namespace.c, pivot_root().
 */
int view_enter(const struct policy *policy, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	const char *cwd = blob->nmounts ? blob_str(blob, blob->mounts->target) : "";

	if (blob->nmounts && blob_has_root(blob) &&
	    (check_sys(error, "fchdir", SYS(fchdir, policy->root), NULL) < 0 ||
	     check_sys(error, "pivot_root", SYS(pivot_root, ".", "."), NULL) < 0 ||
	     check_sys(error, "umount2", SYS(umount2, ".", K_MNT_DETACH), NULL) < 0 ||
	     check_sys(error, "chdir", SYS(chdir, "/"), "/") < 0))
		return -1;
	return *cwd ? blame(blob, error, blob->npaths + blob->nports + blob->nslots,
			    check_sys(error, "chdir", SYS(chdir, cwd), cwd))
		    : 0;
}
