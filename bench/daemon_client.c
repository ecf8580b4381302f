/* SPDX-License-Identifier: MIT */
/*
 * The least that a client of a daemon can do: connect, hand over standard input, output and error and the arguments,
 * wait for four bytes of exit status. What `llrun --socket` does beside that (environment, directory, limits, signals,
 * the proof that it is no sandbox) is not here on purpose: this is the floor.
 *
 *   daemon_client SOCKET CMD ARGS...
 */
#include "sys.h"

ENTRY;

struct address {
	unsigned short family;
	char path[108];
};
struct vector {
	void *base;
	unsigned long size;
};
struct message {
	void *name;
	unsigned name_size, pad;
	struct vector *vector;
	unsigned long vectors;
	void *control;
	unsigned long control_size;
	int flags;
};
struct rights {
	unsigned long size;
	int level, type, fds[4];
};

int run(int argc, char **argv, char **envp)
{
	struct address address = {.family = 1};
	struct rights rights = {16 + 3 * sizeof(int), 1, 1, {0, 1, 2, 0}};
	char bytes[3000];
	unsigned size = 0, len = 0;
	int status;

	(void)envp;
	if (argc < 3)
		return 2;
	for (; argv[1][len] && len < sizeof(address.path) - 1; len++)
		address.path[len] = argv[1][len];
	/* AF_UNIX, SOCK_SEQPACKET, close-on-exec */
	long server = sys3(__NR_socket, 1, 5 | 02000000, 0);
	if (server < 0 || sys3(__NR_connect, server, PTR(&address), (long)(3 + len)))
		return 3;
	for (int i = 2; i < argc; i++)
		for (const char *at = argv[i];; at++) {
			if (size == sizeof(bytes))
				return 4;
			bytes[size++] = *at;
			if (!*at)
				break;
		}
	struct vector vector = {bytes, size};
	struct message message = {.vector = &vector, .vectors = 1, .control = &rights, .control_size = 32};
	if (sys3(__NR_sendmsg, server, PTR(&message), 0x4000) != (long)size)
		return 5;
	if (sys3(__NR_read, server, PTR(&status), sizeof(status)) != sizeof(status))
		return 6;
	return status;
}
