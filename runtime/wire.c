/* SPDX-License-Identifier: MIT */
/*
 * The socket between llrun and llrund.
 *
 * MUST NOT hand a descriptor to a server of another user.
 */
#include "wire.h"

int wire_connect(const char *path, struct llrun_error *error)
{
	struct k_sockaddr_un address = {.family = K_AF_UNIX};
	struct k_ucred server = {.uid = UINT32_MAX};
	uint32_t size = sizeof(server), len = append(address.path, sizeof(address.path), 0, path);

	if (path[len] || !len)
		return fail(error, LLRUN_E_BLOB, "not the path of a socket (1 to 107 bytes)", path);
	int fd = (int)SYS(socket, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0);
	if (check_sys(error, "socket", fd, NULL) < 0 ||
	    check_sys(error, "connect", SYS(connect, fd, &address, sizeof(address)), path) < 0 ||
	    check_sys(error, "getsockopt", SYS(getsockopt, fd, K_SOL_SOCKET, K_SO_PEERCRED, &server, &size), path) <
		    0)
		return -1;
	if (server.uid != 0 && server.uid != (uint32_t)SYS(getuid, 0))
		return fail(error, LLRUN_E_BLOB, "the server at this socket belongs to another user", path);
	return fd;
}

/*
 * The daemon makes the token before it serves. One that systemd starts for this very connection has yet to: a socket that
 * can be connected to, without a token beside it, is given TOKEN_PATIENCE moments of 10 ms.
 */
#define TOKEN_PATIENCE 400

int wire_token(const char *path, char name[K_SUN_PATH + 16], struct llrun_error *error)
{
	append(name, K_SUN_PATH + 16, append(name, K_SUN_PATH, 0, path), PROTO_DIR_SUFFIX PROTO_TOKEN);
	int fd = (int)SYS(openat, K_AT_FDCWD, name, K_O_RDONLY | K_O_CLOEXEC);

	for (uint32_t i = 0; fd == -K_ENOENT && i < TOKEN_PATIENCE; i++) {
		struct k_timespec moment = {.nsec = 10000000};
		SYS(ppoll, NULL, 0, &moment, NULL, 0);
		fd = (int)SYS(openat, K_AT_FDCWD, name, K_O_RDONLY | K_O_CLOEXEC);
	}
	return check_sys(error, "open", fd, name) < 0 ? -1 : fd;
}

long wire_send(int to, struct k_iovec *parts, uint32_t nparts, const int *fds, uint32_t nfds)
{
	struct {
		struct k_cmsghdr header;
		int fds[PROTO_MAX_FDS + 2];
	} control;
	struct k_msghdr message = {.iov = parts, .niov = nparts};

	for (uint32_t i = 0; i < nfds; i++)
		control.fds[i] = fds[i];
	control.header = (struct k_cmsghdr){sizeof(control.header) + nfds * sizeof(int), K_SOL_SOCKET, K_SCM_RIGHTS};
	if (nfds) {
		message.control = &control;
		message.control_size = (control.header.size + 7) & ~(size_t)7;
	}
	return SYS(sendmsg, to, &message, K_MSG_NOSIGNAL);
}
