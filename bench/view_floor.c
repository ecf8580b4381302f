/* SPDX-License-Identifier: MIT */
/*
 * The floor of a view: a root with a tmpfs and a read-only bind in it, beneath one Landlock layer, by hand. The same
 * system calls in the same order as llrun makes for the policy that bench/run writes, from constants; every answer is
 * checked. Usage: view_floor ROOT COMMAND...: ROOT/tmp is the tmpfs, ROOT/usr becomes /usr.
 */
#include "policy_p.h"
#include "sys.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>

ENTRY;

#define RECURSIVE 0x8000
#define EMPTY     0x1000
#define PATHS     (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

static const char *root;

static long open_path(long dir, const char *path, uint64_t resolve)
{
	const struct open_how how = {O_PATH | O_CLOEXEC, 0, resolve};

	return sys4(__NR_openat2, dir, PTR(path), PTR(&how), sizeof(how));
}

static int write_text(const char *path, const char *text, long size)
{
	long fd = sys4(__NR_openat, AT_FDCWD, PTR(path), O_WRONLY | O_CLOEXEC, 0);

	return fd < 0 || sys3(__NR_write, fd, PTR(text), size) != size || sys3(__NR_close, fd, 0, 0);
}

static long digits(char *out, unsigned long id)
{
	char reverse[12];
	long n = 0;

	for (long i = 0; i == 0 || id; i++, id /= 10)
		reverse[n++] = (char)('0' + id % 10);
	for (long i = 0; i < n; i++)
		out[i] = reverse[n - 1 - i];
	return n;
}

static int write_map(const char *path, unsigned long id)
{
	char text[32];
	long n = digits(text, id);

	text[n++] = ' ';
	n += digits(text + n, id);
	text[n++] = ' ';
	text[n++] = '1';
	return write_text(path, text, n);
}

static int namespaces(void)
{
	const struct mount_attr private = {.propagation = 1 << 18 /* MS_PRIVATE */};
	unsigned long uid = (unsigned long)sys3(__NR_getuid, 0, 0, 0),
		      gid = (unsigned long)sys3(__NR_getgid, 0, 0, 0);

	return sys3(__NR_unshare, CLONE_NEWUSER | CLONE_NEWNS, 0, 0) ||
	       write_text("/proc/self/setgroups", "deny", 4) || write_map("/proc/self/uid_map", uid) ||
	       write_map("/proc/self/gid_map", gid) ||
	       sys5(__NR_mount_setattr, AT_FDCWD, PTR("/"), RECURSIVE, PTR(&private), sizeof(private));
}

static long copy(long fd, uint64_t attrs)
{
	const struct mount_attr attr = {.attr_set = attrs};
	long tree = sys3(__NR_open_tree, fd, PTR(""), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | EMPTY | RECURSIVE);

	if (attrs && sys5(__NR_mount_setattr, tree, PTR(""), EMPTY | RECURSIVE, PTR(&attr), sizeof(attr)))
		return -1;
	return tree;
}

static int attach(long tree, long target)
{
	return sys5(__NR_move_mount, tree, PTR(""), target, PTR(""), PATHS) != 0;
}

static int attach_in(long dir, const char *name, long tree)
{
	long target = open_path(dir, name, RESOLVE_IN_ROOT);

	return target < 0 || attach(tree, target) || sys3(__NR_close, target, 0, 0);
}

static long new_tmpfs(void)
{
	long fs = sys3(__NR_fsopen, PTR("tmpfs"), FSOPEN_CLOEXEC, 0), mount;

	if (fs < 0 || sys5(__NR_fsconfig, fs, FSCONFIG_SET_STRING, PTR("mode"), PTR("0700"), 0) ||
	    sys5(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0))
		return -1;
	mount = sys3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	sys3(__NR_close, fs, 0, 0);
	return mount;
}

static long mounts(void)
{
	struct statx file;
	long source = open_path(AT_FDCWD, "/usr", 0), bind = copy(source, MOUNT_ATTR_RDONLY), dir, tree, tmpfs;

	if (bind < 0 || sys3(__NR_close, source, 0, 0))
		return -1;
	dir = open_path(AT_FDCWD, root, 0);
	if (sys5(__NR_statx, dir, PTR(""), EMPTY, STATX_BASIC_STATS, PTR(&file)))
		return -1;
	tree = copy(dir, 0);
	if (tree < 0 || attach(tree, dir) || sys3(__NR_close, dir, 0, 0))
		return -1;
	tmpfs = new_tmpfs();
	if (tmpfs < 0 || attach_in(tree, "tmp", tmpfs) || attach_in(tree, "usr", bind))
		return -1;
	return tree;
}

static long fill(long tree)
{
	struct k_landlock_ruleset_attr attr = {P_HANDLED_FS, 0, 0, 0, 0, 0};
	struct k_landlock_path_beneath_attr rule = {.allowed_access = P_RX};
	long ruleset = sys3(__NR_landlock_create_ruleset, PTR(&attr), 24, 0);

	rule.parent_fd = (int32_t)sys3(__NR_fcntl, tree, F_DUPFD_CLOEXEC, 3);
	return sys4(__NR_landlock_add_rule, ruleset, K_LANDLOCK_RULE_PATH_BENEATH, PTR(&rule), 0) ? -1 : ruleset;
}

static int enter(long tree, long ruleset)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];

	if (sys3(__NR_fchdir, tree, 0, 0) || sys3(__NR_pivot_root, PTR("."), PTR("."), 0) ||
	    sys3(__NR_umount2, PTR("."), 2 /* MNT_DETACH */, 0) || sys3(__NR_chdir, PTR("/"), 0, 0) ||
	    sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sys3(__NR_capget, PTR(&header), PTR(caps), 0))
		return 1;
	caps[0] = caps[1] = (struct __user_cap_data_struct){0, 0, 0};
	return sys3(__NR_capset, PTR(&header), PTR(caps), 0) || sys3(__NR_landlock_restrict_self, ruleset, 0, 0) ||
	       sys3(__NR_close_range, 3, ~0u, 0);
}

int run(int argc, char **argv, char **envp)
{
	char cwd[4096];
	long tree, ruleset;

	if (argc < 3)
		return 2;
	root = argv[1];
	if (sys3(__NR_getcwd, PTR(cwd), sizeof(cwd), 0) < 0 || namespaces())
		return 10;
	tree = mounts();
	if (tree < 0 || sys3(__NR_chdir, PTR(cwd), 0, 0))
		return 11;
	ruleset = fill(tree);
	if (ruleset < 0 || enter(tree, ruleset))
		return 12;
	sys3(__NR_execve, PTR(argv[2]), PTR(argv + 2), PTR(envp));
	return 127;
}
