/* SPDX-License-Identifier: MIT */
/*
 * daemon_client with what `llrun --socket` does beside it, written by hand: the same system calls for the policy, the
 * current directory, the limits, the signals, the token, the server's user; nothing is checked that costs no call.
 *
 *   service_client SOCKET TOKEN POLICY CMD ARGS...
 */
#include "service.h"
#include "sys.h"

ENTRY;

struct vector {
	const void *base;
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
	int level, type, fds[SERVICE_FDS + 1];
};
struct polled {
	int fd;
	short events, revents;
};

static long connect_to(const char *path)
{
	struct {
		unsigned short family;
		char path[108];
	} address = {.family = 1};
	unsigned peer[3], size = sizeof(peer), len = 0;
	long server = sys3(__NR_socket, 1, 5 | 02000000, 0);

	for (; path[len] && len < sizeof(address.path) - 1; len++)
		address.path[len] = path[len];
	if (sys3(__NR_connect, server, PTR(&address), (long)(3 + len)) ||
	    sys5(__NR_getsockopt, server, 1, 17, PTR(peer), PTR(&size)))
		return -1;
	return server;
}

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
	long server = connect_to(argv[1]), token = sys4(__NR_openat, -100, PTR(argv[2]), 02000000, 0);
	if (size <= 0 || signals < 0 || cwd < 0 || server < 0 || token < 0)
		return 4;
	for (int i = 0; i < 3; i++)
		sys3(__NR_fcntl, i, 1, 0);
	request.policy_size = (unsigned)size;
	request.argc = (unsigned)argc - 4;
	request.pad = 0;
	struct rights rights = {16 + SERVICE_FDS * sizeof(int), 1, 1, {(int)token, (int)cwd, 0, 1, 2, 0}};
	struct vector parts[3] = {{&request, sizeof(request)}, {policy, (unsigned long)size}, strings(argv, envp)};
	struct message message = {.vector = parts, .vectors = 3, .control = &rights, .control_size = sizeof(rights)};
	if (sys3(__NR_sendmsg, server, PTR(&message), 0x4000) <= 0)
		return 5;
	struct polled polled[2] = {{(int)server, 1, 0}, {(int)signals, 1, 0}};
	sys5(__NR_ppoll, PTR(polled), 2, 0, 0, 8);
	if (polled[1].revents)
		return sys3(__NR_read, signals, PTR(info), 128) > 0 ? 6 : 7;
	return sys3(__NR_read, server, PTR(&reply), sizeof(reply)) == sizeof(int) ? reply.status : 8;
}
