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
	int mounts[LLPB_MAX_MOUNTS]; /* by index: the tree to attach, then the mount; -1: left out */
};

/* ---- the user namespace ---- */

static int write_file(const char *path, const char *text, struct llrun_error *error)
{
	uint32_t len = 0;
	long fd = SYS(openat, K_AT_FDCWD, path, K_O_WRONLY | K_O_CLOEXEC), result = 0;

	if (check_sys(error, "write", fd, path) < 0)
		return -1;
	while (text[len])
		len++;
	result = SYS(write, fd, text, len);
	SYS(close, fd);
	return check_sys(error, "write", result, path);
}

static int write_map(const char *path, int as_root, uint32_t id, struct llrun_error *error)
{
	char text[40], digits[12];
	uint32_t len = append(text, sizeof(text), 0, as_root ? "0" : decimal(digits, id));

	len = append(text, sizeof(text), len, " ");
	len = append(text, sizeof(text), len, decimal(digits, id));
	append(text, sizeof(text), len, " 1");
	return write_file(path, text, error);
}

/*
 * Nobody but the caller exists in the namespace. Its groups cannot be mapped without privileges, and without "deny" the
 * kernel refuses the map of groups: a group that denies access could be dropped (user_namespaces(7)).
 */
static int make_namespaces(const struct llpb_mount *view, struct llrun_error *error)
{
	uint32_t uid = (uint32_t)SYS(getuid, 0), gid = (uint32_t)SYS(getgid, 0);
	int as_root = (view->flags & LLPB_MT_AS_ROOT) != 0;

	if (check_sys(error, "unshare", SYS(unshare, K_CLONE_NEWUSER | view->spaces), NULL) < 0 ||
	    write_file("/proc/self/setgroups", "deny", error) < 0 ||
	    write_map("/proc/self/uid_map", as_root, uid, error) < 0)
		return -1;
	return write_map("/proc/self/gid_map", as_root, gid, error);
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

/* What lies in a slot stays in it, unless links are followed. */
static long open_source(const struct making *m, const struct llpb_mount *mount)
{
	uint64_t links = mount->flags & LLPB_MT_FOLLOW_SOURCE ? 0 : K_RESOLVE_NO_SYMLINKS;
	char full[PATH_SIZE];
	const char *path = path_with_uid(full, blob_str(m->blob, mount->source));

	if (mount->source_slot == LLPB_NONE)
		return look_up(K_AT_FDCWD, path, links);
	return m->slots[mount->source_slot] < 0
		       ? -K_ENOENT
		       : look_up(m->slots[mount->source_slot], path, links ? links | K_RESOLVE_BENEATH : 0);
}

/* Component by component, so that no link is followed; the last one is a directory or an empty file. */
static long create_target(long at, const char *path, int dir, const char **sys)
{
	char name[256];

	for (long next; *path; at = next) {
		uint32_t len = 0;

		while (*path == '/')
			path++;
		while (*path && *path != '/' && len < sizeof(name) - 1)
			name[len++] = *path++;
		name[len] = 0;
		long made = *path || dir ? SYS(mkdirat, at, name, 0755) : SYS(mknodat, at, name, K_S_IFREG | 0644, 0);
		*sys = "mkdirat";
		if (made < 0 && made != -K_EEXIST)
			return made;
		*sys = "openat2";
		next = look_up((int)at, name, K_RESOLVE_NO_SYMLINKS | K_RESOLVE_BENEATH);
		SYS(close, at);
		if (next < 0)
			return next;
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
	uint64_t links = mount->flags & LLPB_MT_FOLLOW_TARGET ? 0 : K_RESOLVE_NO_SYMLINKS;
	char full[PATH_SIZE];
	const char *path = path_with_uid(full, blob_str(m->blob, mount->target));
	int base = K_AT_FDCWD;

	if (mount->flags & LLPB_MT_IN_ROOT) {
		base = m->policy->root;
		links |= K_RESOLVE_IN_ROOT;
	} else if (mount->target_slot != LLPB_NONE) {
		base = m->slots[mount->target_slot];
		links = links ? links | K_RESOLVE_BENEATH : 0;
	}
	if (base < 0 && base != K_AT_FDCWD)
		return -K_ENOENT;
	long fd = look_up(base, path, links);
	if (fd != -K_ENOENT || !(mount->flags & LLPB_MT_CREATE))
		return fd;
	long start = look_up(base, base == K_AT_FDCWD ? "/" : "", 0);
	return start < 0 ? start : create_target(start, path, is_dir(tree), sys);
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

static int attach(int tree, int target, const char *object, struct llrun_error *error)
{
	return check_sys(error, "move_mount",
			 SYS(move_mount, tree, "", target, "", K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH),
			 object);
}

/* A read-only tmpfs is made writable first: targets are created in it. */
int new_mount(const struct blob *blob, const struct llpb_mount *mount, struct llrun_error *error)
{
	const char *type = mount->kind == LLPB_MT_PROC ? "proc" : "tmpfs";
	const struct {
		const char *name, *value;
	} options[] = {
		{"size", blob_str(blob, mount->size)},
		{"nr_inodes", blob_str(blob, mount->inodes)},
		{"mode", blob_str(blob, mount->mode)},
	};
	const uint32_t attrs = mount->kind == LLPB_MT_TMPFS ? mount->attrs & ~K_MOUNT_ATTR_RDONLY : mount->attrs;
	long fs = SYS(fsopen, type, K_FSOPEN_CLOEXEC), result = 0;

	if (check_sys(error, "fsopen", fs, type) < 0)
		return -1;
	for (uint32_t i = 0; i < 3 && result == 0; i++)
		if (*options[i].value)
			result = SYS(fsconfig, fs, K_FSCONFIG_SET_STRING, options[i].name, options[i].value, 0);
	if (result == 0)
		result = SYS(fsconfig, fs, K_FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (check_sys(error, "fsconfig", result, type) < 0)
		return -1;
	result = SYS(fsmount, fs, K_FSMOUNT_CLOEXEC, attrs);
	SYS(close, fs);
	return check_sys(error, "fsmount", result, type) < 0 ? -1 : (int)result;
}

/* Sources are what they were before any of these mounts: so all of them first. */
static int take_source(struct making *m, uint32_t i, struct llrun_error *error)
{
	const struct llpb_mount *mount = &m->blob->mounts[i];
	const char *shown = blob_str(m->blob, mount->shown_source);

	m->mounts[i] = -1;
	if (mount->kind != LLPB_MT_BIND)
		return 0;
	long fd = open_source(m, mount);
	if ((fd == -K_ENOENT || fd == -K_ENOTDIR) && mount->flags & LLPB_MT_OPTIONAL)
		return 0;
	if (check_sys(error, "openat2", fd, shown) < 0)
		return -1;
	m->mounts[i] = copy_tree(fd, mount->attrs, shown, error);
	SYS(close, fd);
	return m->mounts[i] < 0 ? -1 : 0;
}

static int place_mount(struct making *m, uint32_t i, struct llrun_error *error)
{
	const struct llpb_mount *mount = &m->blob->mounts[i];
	const char *shown = blob_str(m->blob, mount->shown_target);
	int bind = mount->kind == LLPB_MT_BIND;

	if (bind && m->mounts[i] < 0)
		return 0;
	if (!bind)
		m->mounts[i] =
			mount->kind == LLPB_MT_PROC ? init_take(m->policy, error) : new_mount(m->blob, mount, error);
	if (m->mounts[i] < 0)
		return -1;
	const char *sys = "openat2";
	long target = open_target(m, mount, m->mounts[i], &sys);
	if (check_sys(error, sys, target, shown) < 0)
		return -1;
	int result = attach(m->mounts[i], (int)target, shown, error);
	SYS(close, target);
	/* over the root: what is mounted from now on lies in this one */
	if (mount->flags & LLPB_MT_IN_ROOT && !*blob_str(m->blob, mount->target))
		m->policy->root = m->mounts[i];
	return result;
}

/* The root is mounted on itself: pivot_root(2) wants a mount, and whatever names a path beneath it meets this one. */
static int take_root(struct making *m, struct llrun_error *error)
{
	const struct llpb_mount *view = m->blob->mounts;
	const char *shown = blob_str(m->blob, view->shown_source);
	long fd = open_source(m, view);

	if (check_sys(error, "openat2", fd >= 0 && !is_dir((int)fd) ? -K_ENOTDIR : fd, shown) < 0)
		return -1;
	m->policy->root = copy_tree(fd, view->attrs, shown, error);
	int result = m->policy->root < 0 ? -1 : attach(m->policy->root, (int)fd, shown, error);
	SYS(close, fd);
	return result;
}

/* To whoever wants to know: the end of a record, good or bad. */
static int told(const struct making *m, uint32_t i, int result, int done, const struct llrun_error *error)
{
	int there = result < 0 || i == 0 || m->mounts[i] >= 0;

	if (m->policy->mounted && there && (done || result < 0))
		m->policy->mounted(m->policy, i, result, error);
	return result;
}

static int make_mounts(struct making *m, struct llrun_error *error)
{
	const struct blob *blob = m->blob;
	const struct k_mount_attr private = {.propagation = K_MS_PRIVATE};
	uint32_t first = blob->npaths + blob->nports + blob->nslots;
	int result = check_sys(error, "mount_setattr",
			       SYS(mount_setattr, K_AT_FDCWD, "/", K_AT_RECURSIVE, &private, sizeof(private)), "/");

	for (uint32_t i = 1; result == 0 && i < blob->nmounts; i++)
		result = told(m, i, blame(blob, error, first + i, take_source(m, i, error)), 0, error);
	if (result == 0 && blob_has_root(blob))
		result = told(m, 0, blame(blob, error, first, take_root(m, error)), 1, error);
	for (uint32_t i = 1; result == 0 && i < blob->nmounts; i++)
		result = told(m, i, blame(blob, error, first + i, place_mount(m, i, error)), 1, error);
	for (uint32_t i = 1; result == 0 && i < blob->nmounts; i++)
		if (blob->mounts[i].kind == LLPB_MT_TMPFS)
			result = set_attrs(m->mounts[i], blob->mounts[i].attrs & K_MOUNT_ATTR_RDONLY, 0,
					   blob_str(blob, blob->mounts[i].shown_target), error);
	return result;
}

/* ---- the order of it ---- */

/*
 * A mount over the working directory, or above it, does not change what "." is: the command would begin in what the
 * mount hides. So the directory is entered again by its name.
 */
static int reenter(const char *cwd, struct llrun_error *error)
{
	long result = SYS(chdir, cwd);

	if (check_sys(error, "chdir", result, cwd) < 0) {
		error->text = "a mount hides the working directory; [runtime] cwd names another";
		return -1;
	}
	return 0;
}

int view_make(struct policy *policy, const struct llrun_options *options, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	const struct llpb_mount *view = blob->mounts;
	struct making m = {.policy = policy, .blob = blob};
	char cwd[PATH_SIZE];
	uint32_t count;
	int result = 0;

	if (!blob->nmounts)
		return 0;
	long len = SYS(getcwd, cwd, sizeof(cwd));
	if (view->spaces || view->flags & LLPB_MT_AS_ROOT)
		result = make_namespaces(view, error);
	if (result == 0 && view->spaces & K_CLONE_NEWPID)
		result = init_start(policy, error);
	if (result == 0 && view->spaces & K_CLONE_NEWNET)
		result = raise_loopback(error);
	if (result < 0 || !(view->spaces & K_CLONE_NEWNS))
		return blame(blob, error, blob->npaths + blob->nports + blob->nslots, result);
	if (bind_slots(policy, options, m.slots, &count, error) < 0 || make_mounts(&m, error) < 0)
		return -1;
	/* with a directory of its own the command does not begin here; ${CWD} of a rule is found anew all the same */
	int elsewhere = blob_has_root(blob) || *blob_str(blob, view->target);
	/* "(unreachable)/..." when it lies in no mount of ours: fs/d_path.c, getcwd() */
	if (len < 0 || *cwd != '/')
		return elsewhere ? 0 : check_sys(error, "getcwd", len < 0 ? len : -K_ENOENT, NULL);
	return reenter(cwd, error) < 0 && !elsewhere ? -1 : 0;
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
