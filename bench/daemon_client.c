/* SPDX-License-Identifier: MIT */
/*
 * The least that a client of a daemon can do: connect, hand over standard input, output and error and the arguments,
 * wait for four bytes of exit status. What `llrun --socket` does beside that (environment, directory, limits, signals,
 * the proof that it is no sandbox) is not here on purpose: this is the floor.
 *
 *   daemon_client SOCKET CMD ARGS...
 */
#include "service.h"

ENTRY;

int run(int argc, char **argv, char **envp)
{
	const int fds[3] = {0, 1, 2};
	char bytes[3000];
	unsigned size = 0;
	int status;

	(void)envp;
	if (argc < 3)
		return 2;
	long server = service_connect(argv[1]);
	if (server < 0)
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
	if (service_send(server, &vector, 1, fds, 3) != (long)size)
		return 5;
	if (sys3(__NR_read, server, PTR(&status), sizeof(status)) != sizeof(status))
		return 6;
	return status;
}
