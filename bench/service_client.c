/* SPDX-License-Identifier: MIT */
/*
 * daemon_client with what `llrun --socket` does beside it, written by hand: the same system calls for the policy, the
 * current directory, the limits, the signals, the token, the server's user; nothing is checked that costs no call.
 *
 *   service_client SOCKET TOKEN POLICY CMD ARGS...
 */
#include "service.h"

ENTRY;

struct polled {
	int fd;
	short events, revents;
};

/* The arguments from the fourth on and the environment lie one behind the other: one piece. */
static struct vector strings(char **argv, char **envp)
{
	const char *end = argv[4];

	while (*envp)
		end = *envp++;
	while (*end)
		end++;
	return (struct vector){argv[4], (unsigned long)(end + 1 - argv[4])};
}

int run(int argc, char **argv, char **envp)
{
	unsigned long all = ~0ul, statx[32], info[16];
	unsigned peer[3], peer_size = sizeof(peer);
	struct service_request request;
	char policy[16384], termios[64];
	struct {
		int status;
		char rest[1020];
	} reply;

	if (argc < 5)
		return 2;
	long blob = sys4(__NR_openat, -100, PTR(argv[3]), 02000000, 0);
	if (sys5(__NR_statx, blob, PTR(""), 0x1000, 0x7ff, PTR(statx)))
		return 3;
	sys3(__NR_ioctl, 0, 0x5401, PTR(termios));
	long size = sys4(__NR_pread64, blob, PTR(policy), sizeof(policy), 0);
	sys4(__NR_rt_sigprocmask, 2, PTR(&all), PTR(&request.blocked), 8);
	long signals = sys4(__NR_signalfd4, -1, PTR(&all), 8, 02000000);
	long cwd = sys4(__NR_openat, -100, PTR("."), 012200000, 0);
	request.umask = (unsigned)sys3(__NR_umask, 077, 0, 0);
	for (int i = 0; i < 16; i++)
		sys4(__NR_prlimit64, 0, i, 0, PTR(&request.limits[2 * i]));
	for (int i = 0; i < 3; i++)
		sys3(__NR_fcntl, i, 1, 0);
	long token = sys4(__NR_openat, -100, PTR(argv[2]), 02004000, 0),
	     root = sys4(__NR_openat, -100, PTR("/"), 012000000, 0);
	long server = service_connect(argv[1]);
	if (size <= 0 || signals < 0 || cwd < 0 || server < 0 || token < 0 || root < 0 ||
	    sys5(__NR_getsockopt, server, 1, 17, PTR(peer), PTR(&peer_size)))
		return 4;
	request.policy_size = (unsigned)size;
	request.argc = (unsigned)argc - 4;
	request.pad = 0;
	const int fds[SERVICE_FDS] = {(int)token, (int)root, (int)cwd, 0, 1, 2};
	const struct vector parts[3] = {
		{&request, sizeof(request)}, {policy, (unsigned long)size}, strings(argv, envp)};
	if (service_send(server, parts, 3, fds, SERVICE_FDS) <= 0)
		return 5;
	struct polled polled[2] = {{(int)server, 1, 0}, {(int)signals, 1, 0}};
	sys5(__NR_ppoll, PTR(polled), 2, 0, 0, 8);
	if (polled[1].revents)
		return sys3(__NR_read, signals, PTR(info), 128) > 0 ? 6 : 7;
	return sys3(__NR_read, server, PTR(&reply), sizeof(reply)) == sizeof(int) ? reply.status : 8;
}
