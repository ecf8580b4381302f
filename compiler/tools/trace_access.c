/* SPDX-License-Identifier: MIT */
/*
 * Whether an operation would have failed without a policy: permission bits, ACLs and read-only mounts, as the kernel
 * answers for this process, with the capabilities that the command has. Several of Landlock's hooks come before these
 * checks (security_path_unlink() before may_delete()), so that an error alone does not tell who refused; and a grant
 * would not help there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace.h"

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct data[2];
};

static bool get_caps(struct caps *caps)
{
	*caps = (struct caps){.head = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return !syscall(SYS_capget, &caps->head, caps->data);
}

bool trace_has_cap(unsigned cap)
{
	struct caps caps;

	return get_caps(&caps) && caps.data[cap / 32].effective >> (cap % 32) & 1;
}

static bool directory_fails(const char *path, bool removes)
{
	char dir[TRACE_PART_MAX + 256];
	const char *slash = strrchr(path, '/');
	struct stat parent, file;
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash || len >= sizeof(dir))
		return false;
	memcpy(dir, path, len);
	memcpy(dir + len, len ? "" : "/", len ? 1 : 2);
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) && errno != ENOENT)
		return true;
	/* fs/namei.c, check_sticky() */
	return removes && geteuid() && !stat(dir, &parent) && parent.st_mode & S_ISVTX &&
	       parent.st_uid != geteuid() && !lstat(path, &file) && file.st_uid != geteuid();
}

static bool object_fails(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) && errno != ENOENT && errno != ENOTDIR;
}

static bool fails(const struct trace_op *op)
{
	const char *path = op->op.path;

	switch (op->op.id) {
	case OP_READ:
	case OP_LIST:
		return op->absent ? directory_fails(path, false) : object_fails(path, R_OK);
	case OP_WRITE:
	case OP_TRUNCATE:
		return op->absent ? directory_fails(path, false) : object_fails(path, W_OK);
	case OP_EXEC:
		return object_fails(path, X_OK);
	case OP_CREATE:
		return directory_fails(path, false);
	case OP_REMOVE:
		return directory_fails(path, true);
	case OP_RENAME:
	case OP_EXCHANGE:
		return directory_fails(path, true) || directory_fails(op->op.to, true);
	case OP_LINK:
		return directory_fails(op->op.to, false);
	case OP_CONNECT:
		return op->op.peer == PEER_UNIX && object_fails(path, W_OK);
	case OP_IOCTL:
	case OP_BIND:
	case OP_SIGNAL:
	case OP_SYSCALL:
	case OPERATION_IDS:
	default:
		return false;
	}
}

bool trace_access_fails(const struct trace_op *op, uint64_t dropped_caps)
{
	struct caps before, now;
	bool result, less;

	if (!get_caps(&before))
		return fails(op);
	now = before;
	now.data[0].effective &= ~(uint32_t)dropped_caps;
	now.data[1].effective &= ~(uint32_t)(dropped_caps >> 32);
	less = memcmp(&now, &before, sizeof(now)) && !syscall(SYS_capset, &now.head, now.data);
	result = fails(op);
	/* lowered in the effective set only: raising it again cannot fail */
	if (less)
		syscall(SYS_capset, &before.head, before.data);
	return result;
}
