/* SPDX-License-Identifier: MIT */
/*
 * The socket, and the directory of mode 0700 beside it.
 *
 * MUST NOT remove or replace anything that an llrund did not make: what lies at the path is ours exactly when it is the
 * same file as PATH.d/socket.
 * MUST NOT let two daemons serve one path: PATH.d/lock is held as long as the process lives.
 */
#include "serve.h"

struct identity identity_of(const struct k_statx *file)
{
	return (struct identity){file->ino, file->dev_major, file->dev_minor};
}

int same_file(const struct identity *a, const struct identity *b)
{
	return a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

static long look(int dir, const char *name, struct k_statx *file)
{
	return SYS(statx, dir, name, K_AT_SYMLINK_NOFOLLOW, K_STATX_BASIC_STATS, file);
}

static const char not_a_socket[] = "something that is not a socket is in the way; remove it, or choose another path";
static const char not_ours[] = "a socket that llrund did not make is in the way; remove it";

/* Asked again with the lock held, in clear_path(): here so that nothing is made beside what is another's. */
static int check_path(const struct listener *listener, struct llrun_error *error)
{
	struct k_statx file, dir;

	if (look(K_AT_FDCWD, listener->path, &file) < 0)
		return 0;
	if ((file.mode & K_S_IFMT) != K_S_IFSOCK)
		return fail(error, LLRUN_E_BLOB, not_a_socket, listener->path);
	/* ours has another name in PATH.d; systemd's has not */
	if (listener->path != listener->address && look(K_AT_FDCWD, listener->dir_path, &dir) == -K_ENOENT)
		return fail(error, LLRUN_E_BLOB, not_ours, listener->path);
	return 0;
}

/* PATH.d: made if need be, and nobody else's. */
static int open_dir(struct listener *listener, struct llrun_error *error)
{
	char *path = listener->dir_path;
	const uint32_t size = sizeof(listener->dir_path);
	struct k_statx file;

	append(path, size, append(path, size, 0, listener->path), PROTO_DIR_SUFFIX);
	if (check_path(listener, error) < 0)
		return -1;
	long result = SYS(mkdirat, K_AT_FDCWD, path, 0700);
	if (result != -K_EEXIST && check_sys(error, "mkdir", result, path) < 0)
		return -1;
	listener->dir = (int)SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_DIRECTORY | K_O_NOFOLLOW | K_O_CLOEXEC);
	if (check_sys(error, "open", listener->dir, path) < 0)
		return -1;
	if (check_sys(error, "statx", SYS(statx, listener->dir, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file),
		      path) < 0)
		return -1;
	if (file.uid != (uint32_t)SYS(getuid, 0) || file.mode & 077)
		return fail(error, LLRUN_E_BLOB,
			    "the directory PATH.d beside the socket must be the user's own, of mode 0700", path);
	return 0;
}

static long make_file(const struct listener *listener, const char *name, int flags)
{
	return SYS(openat, listener->dir, name, K_O_RDWR | K_O_CREAT | K_O_NOFOLLOW | K_O_CLOEXEC | flags, 0600);
}

#define LOCK_PATIENCE 50 /* moments of 10 ms */

/* The lock stays in place at the end: without it another could lock a new one while somebody waits for the old. */
static int take_lock(struct listener *listener, struct llrun_error *error)
{
	long fd = make_file(listener, "lock", 0);

	if (check_sys(error, "open", fd, "PATH.d/lock") < 0)
		return -1;
	long result = SYS(flock, fd, K_LOCK_EX | K_LOCK_NB);
	/* a daemon that was killed has closers that are about to die, too */
	for (uint32_t i = 0; i < LOCK_PATIENCE && result == -K_EAGAIN; i++) {
		struct k_timespec moment = {.nsec = 10000000};

		SYS(ppoll, 0, 0, &moment, 0);
		result = SYS(flock, fd, K_LOCK_EX | K_LOCK_NB);
	}
	listener->lock = (int)fd;
	if (result == -K_EAGAIN)
		return fail(error, LLRUN_E_BLOB, "another llrund serves this path", listener->path);
	return check_sys(error, "flock", result, "PATH.d/lock");
}

/* A new file every time: descriptors of an old one are worth nothing. */
static int make_token(struct listener *listener, struct llrun_error *error)
{
	SYS(unlinkat, listener->dir, "token", 0);
	listener->token = (int)make_file(listener, "token", K_O_EXCL);
	if (check_sys(error, "open", listener->token, "PATH.d/token") < 0 ||
	    check_sys(error, "statx", place_of(listener->token, &listener->token_at), "PATH.d/token") < 0)
		return -1;
	return 0;
}

static int is_ours(const struct listener *listener, const struct k_statx *file)
{
	struct k_statx own;

	if (look(listener->dir, "socket", &own) < 0)
		return 0;
	const struct identity a = identity_of(&own), b = identity_of(file);
	return same_file(&a, &b);
}

/* With the lock held, a socket of ours is one that a daemon left behind that could not clean up. */
static int clear_path(const struct listener *listener, struct llrun_error *error)
{
	struct k_statx file;
	long result = look(K_AT_FDCWD, listener->path, &file);

	if (result == -K_ENOENT)
		return 0;
	if (check_sys(error, "statx", result, listener->path) < 0)
		return -1;
	if ((file.mode & K_S_IFMT) != K_S_IFSOCK)
		return fail(error, LLRUN_E_BLOB, not_a_socket, listener->path);
	if (!is_ours(listener, &file))
		return fail(error, LLRUN_E_BLOB, not_ours, listener->path);
	return check_sys(error, "unlink", SYS(unlinkat, K_AT_FDCWD, listener->path, 0), listener->path);
}

/* The short name of PATH.d/socket, whatever the length of PATH. */
static void own_address(const struct listener *listener, struct k_sockaddr_un *address)
{
	char digits[12];
	uint32_t len = append(address->path, sizeof(address->path), 0, "/proc/self/fd/");

	len = append(address->path, sizeof(address->path), len, decimal(digits, (uint32_t)listener->dir));
	append(address->path, sizeof(address->path), len, "/socket");
	address->family = K_AF_UNIX;
}

/* Bound in our own directory, listening, then linked to its path: link(2) replaces nothing, and nobody sees a socket
 * that does not listen. */
static int make_socket(struct listener *listener, struct llrun_error *error)
{
	struct k_sockaddr_un address;
	struct k_statx file;

	listener->socket = (int)SYS(socket, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC | K_SOCK_NONBLOCK, 0);
	own_address(listener, &address);
	SYS(unlinkat, listener->dir, "socket", 0);
	if (check_sys(error, "socket", listener->socket, NULL) < 0 ||
	    check_sys(error, "bind", SYS(bind, listener->socket, &address, sizeof(address)), "PATH.d/socket") < 0 ||
	    check_sys(error, "listen", SYS(listen, listener->socket, 128), listener->path) < 0 ||
	    check_sys(error, "link", SYS(linkat, listener->dir, "socket", K_AT_FDCWD, listener->path, 0),
		      listener->path) < 0 ||
	    check_sys(error, "statx", look(listener->dir, "socket", &file), listener->path) < 0)
		return -1;
	listener->socket_id = identity_of(&file);
	listener->own = 1;
	return 0;
}

static long socket_option(int fd, int option)
{
	int value = -1;
	uint32_t size = sizeof(value);

	return SYS(getsockopt, fd, K_SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

/* sd_listen_fds(3), for the one socket there can be: descriptor 3. */
static int take_socket(struct listener *listener, const char *const *envp, struct llrun_error *error)
{
	const char *pid = env_get(envp, "LISTEN_PID"), *fds = env_get(envp, "LISTEN_FDS");
	struct k_sockaddr_un address = {.family = 0};
	uint32_t for_pid = 0, size = sizeof(address);

	if (!pid || !fds || !number(pid, &for_pid) || for_pid != (uint32_t)SYS(getpid, 0))
		return fail(error, LLRUN_E_BLOB, "--systemd: no socket was handed over (LISTEN_PID, LISTEN_FDS)",
			    NULL);
	if (!streq(fds, "1") || socket_option(3, K_SO_ACCEPTCONN) != 1 ||
	    socket_option(3, K_SO_DOMAIN) != K_AF_UNIX || socket_option(3, K_SO_TYPE) != K_SOCK_SEQPACKET)
		return fail(error, LLRUN_E_BLOB,
			    "--systemd: what was handed over is not one listening socket (ListenSequentialPacket=)",
			    NULL);
	if (check_sys(error, "getsockname", SYS(getsockname, 3, &address, &size), NULL) < 0 ||
	    check_sys(error, "fcntl", SYS(fcntl, 3, K_F_SETFD, K_FD_CLOEXEC), NULL) < 0 ||
	    check_sys(error, "fcntl", SYS(fcntl, 3, K_F_SETFL, K_O_RDWR | K_O_NONBLOCK), NULL) < 0)
		return -1;
	append(listener->address, sizeof(listener->address), 0, address.path);
	listener->path = listener->address;
	listener->socket = 3;
	return *listener->path == '/'
		       ? 0
		       : fail(error, LLRUN_E_BLOB, "--systemd: the socket has no absolute path", listener->path);
}

int listen_open(struct listener *listener, const char *path, const char *const *envp, struct llrun_error *error)
{
	uint32_t len = 0;

	*listener = (struct listener){.path = path, .socket = -1, .dir = -1, .lock = -1, .token = -1};
	if (!path && take_socket(listener, envp, error) < 0)
		return -1;
	while (listener->path[len])
		len++;
	if (len == 0 || len >= K_SUN_PATH)
		return fail(error, LLRUN_E_BLOB, "not the path of a socket (1 to 107 bytes)", path);
	/* everything made here is the user's alone */
	SYS(umask, 077);
	if (open_dir(listener, error) < 0 || take_lock(listener, error) < 0 || make_token(listener, error) < 0)
		return -1;
	return path ? clear_path(listener, error) < 0 ? -1 : make_socket(listener, error) : 0;
}

static void remove_socket(const struct listener *listener)
{
	struct k_statx file;

	if (look(K_AT_FDCWD, listener->path, &file) == 0) {
		const struct identity there = identity_of(&file);

		if (same_file(&there, &listener->socket_id))
			SYS(unlinkat, K_AT_FDCWD, listener->path, 0);
	}
	SYS(unlinkat, listener->dir, "socket", 0);
}

/* Unlocked, not closed: a closer that still waits has a copy of the descriptor. */
void listen_close(struct listener *listener)
{
	SYS(unlinkat, listener->dir, "token", 0);
	if (listener->own)
		remove_socket(listener);
	SYS(flock, listener->lock, K_LOCK_UN);
}
