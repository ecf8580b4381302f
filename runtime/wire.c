/* SPDX-License-Identifier: MIT */
/*
 * The socket between llrun and llrund.
 *
 * MUST NOT hand a descriptor to a server of another user.
 */
#include "wire.h"

/*
 * The daemon makes the token before it serves. One that systemd starts for this very connection has yet to: a socket that
 * can be connected to, without a token beside it, is given TOKEN_PATIENCE moments of 10 ms, or until it says something or
 * hangs up, which llrund would not. Nothing else tells a server that has not been started from one that is none of ours.
 */
#define TOKEN_PATIENCE 400

static int open_token(const char *name, int server)
{
	for (uint32_t i = 0;; i++) {
		struct k_timespec moment = {.nsec = 10000000}; /* the call counts it down */
		struct k_pollfd said = {server, K_POLLIN, 0};
		/* NONBLOCK: whatever else may lie there */
		int fd = (int)SYS(openat, K_AT_FDCWD, name, K_O_RDONLY | K_O_NONBLOCK | K_O_NOCTTY | K_O_CLOEXEC);

		if (fd != -K_ENOENT || server < 0 || i == TOKEN_PATIENCE || SYS(ppoll, &said, 1, &moment, 0, 0))
			return fd;
	}
}

int wire_connect(const char *path, int proofs[PROTO_FD_CWD], char name[K_SUN_PATH + 16], struct llrun_error *error)
{
	struct k_sockaddr_un address = {.family = K_AF_UNIX};
	struct k_ucred server = {.uid = UINT32_MAX};
	uint32_t size = sizeof(server), len = append(address.path, sizeof(address.path), 0, path);

	if (path[len] || !len)
		return fail(error, LLRUN_E_BLOB, "not the path of a socket (1 to 107 bytes)", path);
	append(name, K_SUN_PATH + 16, append(name, K_SUN_PATH, 0, path), PROTO_DIR_SUFFIX PROTO_TOKEN);
	/* before connecting: the request follows at once, and is there when the server has woken up */
	proofs[PROTO_FD_TOKEN] = open_token(name, -1);
	proofs[PROTO_FD_ROOT] = (int)SYS(openat, K_AT_FDCWD, "/", K_O_ANCHOR);
	int fd = (int)SYS(socket, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0);
	if (check_sys(error, "open", proofs[PROTO_FD_ROOT], "/") < 0 || check_sys(error, "socket", fd, path) < 0 ||
	    check_sys(error, "connect", SYS(connect, fd, &address, sizeof(address)), path) < 0 ||
	    check_sys(error, "getsockopt", SYS(getsockopt, fd, K_SOL_SOCKET, K_SO_PEERCRED, &server, &size), path) <
		    0)
		return -1;
	if (server.uid != 0 && server.uid != (uint32_t)SYS(getuid, 0))
		return fail(error, LLRUN_E_BLOB, "the server belongs to another user: ask as that one", path);
	if (proofs[PROTO_FD_TOKEN] == -K_ENOENT)
		proofs[PROTO_FD_TOKEN] = open_token(name, fd);
	return check_sys(error, "open", proofs[PROTO_FD_TOKEN], name) < 0 ? -1 : fd;
}

long wire_send(int to, struct k_iovec *parts, uint32_t nparts, const int *fds, uint32_t nfds)
{
	struct {
		struct k_cmsghdr header;
		int fds[PROTO_MAX_FDS];
	} control;
	struct k_msghdr message = {.iov = parts, .niov = nparts, .control = &control};

	for (uint32_t i = 0; i < nfds; i++)
		control.fds[i] = fds[i];
	control.header = (struct k_cmsghdr){sizeof(control.header) + nfds * sizeof(int), K_SOL_SOCKET, K_SCM_RIGHTS};
	message.control_size = nfds ? (control.header.size + 7) & ~(size_t)7 : 0;
	return SYS(sendmsg, to, &message, K_MSG_NOSIGNAL);
}
