/* SPDX-License-Identifier: MIT */
/*
 * The operations, by the system calls that a C library makes for them; see perform.h.
 *
 * MUST ask and change nothing that was there: what is made and removed was made for the purpose.
 */
#include "kernel_broker.h"
#include "kernel_run.h"
#include "perform.h"

#define TCGETS_  0x5401 /* include/uapi/asm-generic/ioctls.h */
#define AF_INET_ 2 /* include/linux/socket.h */

/* What C libraries use and the launcher does not: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
enum {
#ifdef __x86_64__
	NR_libc_rename = 82,
	NR_libc_mkdir = 83,
	NR_libc_link = 86,
	NR_libc_unlink = 87,
	NR_libc_symlink = 88,
#else
	NR_libc_renameat = 38,
#endif
};

static long open_path(const char *path, int flags)
{
	return SYS(openat, K_AT_FDCWD, path, flags | K_O_CLOEXEC | K_O_NONBLOCK | K_O_NOCTTY);
}

static long do_read(const struct perform_request *r)
{
	return open_path(r->path, K_O_RDONLY);
}

static long do_write(const struct perform_request *r)
{
	return open_path(r->path, K_O_WRONLY);
}

static long do_list(const struct perform_request *r)
{
	return open_path(r->path, K_O_RDONLY | K_O_DIRECTORY);
}

static long do_exec(const struct perform_request *r)
{
	const char *const argv[] = {r->path, NULL}, *const envp[] = {NULL};

	return SYS(execve, r->path, argv, envp);
}

static long make_dir(const char *path)
{
#ifdef __x86_64__
	return SYS(libc_mkdir, path, 0700);
#else
	return SYS(mkdirat, K_AT_FDCWD, path, 0700);
#endif
}

static long make_link(const char *path)
{
#ifdef __x86_64__
	return SYS(libc_symlink, "nowhere", path);
#else
	return SYS(symlinkat, "nowhere", K_AT_FDCWD, path);
#endif
}

/* Devices: /dev/null, /dev/loop0. */
static long do_create(const struct perform_request *r)
{
	long device = r->node == K_S_IFCHR ? 0x103 : r->node == K_S_IFBLK ? 0x700 : 0;

	if (r->by_open)
		return SYS(openat, K_AT_FDCWD, r->path, K_O_CREAT | K_O_EXCL | K_O_WRONLY | K_O_CLOEXEC, 0600);
	if (r->node == K_S_IFDIR)
		return make_dir(r->path);
	return r->node == K_S_IFLNK ? make_link(r->path) : SYS(mknodat, K_AT_FDCWD, r->path, r->node | 0600, device);
}

static long do_remove(const struct perform_request *r)
{
#ifdef __x86_64__
	return SYS(libc_unlink, r->path);
#else
	return SYS(unlinkat, K_AT_FDCWD, r->path, 0);
#endif
}

/*
 * To more than any file's size, where the limit on that is 0: nothing changes. The kernel asks Landlock first (fs/open.c,
 * vfs_truncate(): security_path_truncate()) and says EFBIG afterwards (fs/attr.c, inode_newsize_ok(), from the file
 * system's setattr). The current size would cut off what another process has just written.
 */
static long do_truncate(const struct perform_request *r)
{
	return SYS(truncate, r->path, INT64_MAX);
}

static long do_ioctl(const struct perform_request *r)
{
	char buffer[4096];
	long fd = open_path(r->path, K_O_RDONLY);

	return fd < 0 ? fd : SYS(ioctl, fd, r->request ? r->request : TCGETS_, buffer);
}

static long do_rename(const struct perform_request *r)
{
#ifdef __x86_64__
	return SYS(libc_rename, r->path, r->to);
#else
	return SYS(libc_renameat, K_AT_FDCWD, r->path, K_AT_FDCWD, r->to);
#endif
}

static long do_exchange(const struct perform_request *r)
{
	return SYS(renameat2, K_AT_FDCWD, r->path, K_AT_FDCWD, r->to, K_RENAME_EXCHANGE);
}

static long do_link(const struct perform_request *r)
{
#ifdef __x86_64__
	return SYS(libc_link, r->path, r->to);
#else
	return SYS(linkat, K_AT_FDCWD, r->path, K_AT_FDCWD, r->to, 0);
#endif
}

static long connect_unix(const struct perform_request *r)
{
	struct k_sockaddr_un address = {.family = K_AF_UNIX};
	uint32_t room = sizeof(address.path) - (uint32_t)r->abstract, len = 0;
	long fd = SYS(socket, K_AF_UNIX, K_SOCK_STREAM | K_SOCK_CLOEXEC | K_SOCK_NONBLOCK, 0);

	while (len < room && r->path[len]) {
		address.path[len + (uint32_t)r->abstract] = r->path[len];
		len++;
	}
	if (fd < 0 || r->path[len])
		return fd < 0 ? fd : -K_ENAMETOOLONG;
	return SYS(connect, fd, &address, offsetof(struct k_sockaddr_un, path) + len + 1);
}

/* include/uapi/linux/in.h */
struct inet_address {
	uint16_t family, port;
	uint32_t address;
	uint8_t zero[8];
};

static long do_port(const struct perform_request *r, int binds)
{
	const struct inet_address address = {.family = AF_INET_, .port = r->port, .address = r->address};
	int type = (r->stream ? K_SOCK_STREAM : K_SOCK_DGRAM) | K_SOCK_CLOEXEC | K_SOCK_NONBLOCK;
	long fd = SYS(socket, AF_INET_, type, 0);

	if (fd < 0)
		return fd;
	return binds ? SYS(bind, fd, &address, sizeof(address)) : SYS(connect, fd, &address, sizeof(address));
}

static long do_connect(const struct perform_request *r)
{
	return r->inet ? do_port(r, 0) : connect_unix(r);
}

static long do_bind(const struct perform_request *r)
{
	return do_port(r, 1);
}

/* Signal 0: permission is checked, nothing is sent. */
static long do_signal(const struct perform_request *r)
{
	return SYS(kill, r->pid, 0);
}

static long do_syscall(const struct perform_request *r)
{
	const uint64_t *v = r->args;

	return sys_call((long)r->nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]);
}

static long (*const acts[PERFORM_OPS])(const struct perform_request *r) = {
	[PERFORM_READ] = do_read,         [PERFORM_WRITE] = do_write,   [PERFORM_LIST] = do_list,
	[PERFORM_EXEC] = do_exec,         [PERFORM_CREATE] = do_create, [PERFORM_REMOVE] = do_remove,
	[PERFORM_TRUNCATE] = do_truncate, [PERFORM_IOCTL] = do_ioctl,   [PERFORM_RENAME] = do_rename,
	[PERFORM_EXCHANGE] = do_exchange, [PERFORM_LINK] = do_link,     [PERFORM_CONNECT] = do_connect,
	[PERFORM_BIND] = do_bind,         [PERFORM_SIGNAL] = do_signal, [PERFORM_SYSCALL] = do_syscall,
};

/* What a successful call returns may be an address; an error number is one of the last 4095 (include/linux/err.h). */
int perform_act(const struct perform_request *request)
{
	long result = acts[request->op](request);

	return result < 0 && result >= -4095 ? (int)-result : 0;
}

void perform_answer(struct perform_shared *shared)
{
	shared->report.entered = 1;
	shared->report.err = perform_act(&shared->request);
	shared->report.answered = 1;
}
