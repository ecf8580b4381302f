/* SPDX-License-Identifier: MIT */
/*
 * The least that a daemon can do to run a command for daemon_client under policy P: one process, one client at a time,
 * a child that shares its memory, the policy from constants. With "warm" the ruleset is filled once, before the first
 * client; otherwise in every child.
 *
 *   daemon_floor SOCKET cold|warm [CPU]
 *
 * With -DSERVICE, for service_client: the same with the system calls of llrund's service, still in one process that asks
 * nothing of their answers: who the peer is, and where; the job's directory, limits, mask, group, environment, the end of
 * what it leaves in its group. The token is the file SOCKET.token.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy_p.h"
#include "service.h"
#include "sys.h"

#ifdef SERVICE
enum { FDS = SERVICE_FDS, HEAD = sizeof(struct service_request) };
#else
enum { FDS = 3, HEAD = 0 };
#endif
static const char *floor_environment[1024] = {"PATH=/usr/bin:/bin", NULL};
static long warm = -1;

static long make_ruleset(void)
{
	struct k_landlock_ruleset_attr attr = {P_HANDLED_FS, P_HANDLED_NET, 0, 0, 0, 0};
	long ruleset = sys3(__NR_landlock_create_ruleset, PTR(&attr), 24, 0);

	for (unsigned i = 0; i < P_COUNT(p_paths) && ruleset >= 0; i++) {
		struct k_landlock_path_beneath_attr rule = {.allowed_access = p_paths[i].access};
		long fd = sys4(__NR_openat, AT_FDCWD, PTR(p_paths[i].path), O_PATH | O_CLOEXEC, 0);

		rule.parent_fd = (int32_t)fd;
		if (fd < 0 || sys4(__NR_landlock_add_rule, ruleset, K_LANDLOCK_RULE_PATH_BENEATH, PTR(&rule), 0))
			return -1;
		sys3(__NR_close, fd, 0, 0);
	}
	return sys4(__NR_landlock_add_rule, ruleset, K_LANDLOCK_RULE_NET_PORT, PTR(&p_port), 0) ? -1 : ruleset;
}

static void be_child(char *const *argv, const int *fds)
{
	struct k_sock_fprog program = {P_COUNT(p_filter), p_filter};

	for (int i = 0; i < 3; i++)
		sys3(__NR_dup2, fds[FDS - 3 + i], i, 0);
#ifdef SERVICE
	unsigned long mask = 0;
	sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sys3(__NR_getppid, 0, 0, 0);
	sys3(__NR_setpgid, 0, 0, 0);
	sys3(__NR_fchdir, fds[SERVICE_CWD], 0, 0);
	sys3(__NR_close_range, 3 + (warm >= 0), ~0u, 0);
	sys3(__NR_umask, 022, 0, 0);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, PTR(&mask), 0, 8);
#endif
	if (sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	long ruleset = warm >= 0 ? warm : make_ruleset();
	if (ruleset < 0 || sys3(__NR_landlock_restrict_self, ruleset, 0, 0))
		return;
	if (warm < 0)
		sys3(__NR_close, ruleset, 0, 0);
	if (sys3(__NR_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, PTR(&program)))
		return;
	sys3(__NR_execve, PTR(argv[0]), PTR(argv), PTR(floor_environment));
}

/* The child shares memory and stack until it executes: it must not return from here. */
static __attribute__((noinline)) long spawn(char *const *argv, const int *fds, int *pidfd)
{
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD, .exit_signal = SIGCHLD};

	args.pidfd = (__u64)PTR(pidfd);
	long pid = sys3(__NR_clone3, PTR(&args), sizeof(args), 0);
	if (pid == 0) {
		be_child(argv, fds);
		sys3(__NR_exit_group, 126, 0, 0);
	}
	return pid;
}

static int run_command(char *const *argv, const int *fds)
{
	siginfo_t info = {0};
	int pidfd = -1;

	if (spawn(argv, fds, &pidfd) < 0 || waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED))
		return 125;
#ifdef SERVICE
	kill(-info.si_pid, SIGKILL);
#endif
	close(pidfd);
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

#ifdef SERVICE
/* As llrund looks at a peer: peer.c, cgroup.c. */
static void look(int client, const int *fds)
{
	char path[64], text[16384];
	struct ucred peer = {0};
	unsigned long file[32];
	unsigned long info[8] = {4};
	socklen_t size = sizeof(peer), pidfd_size = sizeof(int);
	int pidfd = -1;

	getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	getsockopt(client, SOL_SOCKET, 77, &pidfd, &pidfd_size);
	snprintf(path, sizeof(path), "/proc/%d/status", peer.pid);
	int status = open(path, O_RDONLY | O_CLOEXEC);
	if (read(status, text, sizeof(text)) <= 0)
		exit(1);
	close(status);
	sys4(__NR_pidfd_send_signal, pidfd, 0, 0, 0);
	for (int i = SERVICE_TOKEN; i <= SERVICE_ROOT; i++) {
		fcntl(fds[i], F_GETFL);
		sys5(__NR_statx, fds[i], PTR(""), AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0x17ff, PTR(file));
	}
	int network = ioctl(pidfd, 0xff04, 0);
	sys5(__NR_statx, network, PTR(""), AT_EMPTY_PATH, 0x7ff, PTR(file));
	close(network);
	sys3(__NR_ioctl, pidfd, 0xc040ff0b, PTR(info));
	close(pidfd);
}

static void take_environment(const char *at, const char *end)
{
	unsigned count = 0;

	for (; at < end && count < P_COUNT(floor_environment) - 1; at += strlen(at) + 1)
		floor_environment[count++] = at;
	floor_environment[count] = NULL;
}
#endif

static void serve(int client)
{
	static char bytes[65536];
	char control[CMSG_SPACE(FDS * sizeof(int))] __attribute__((aligned(8))), *argv[64];
	struct iovec vector = {bytes, sizeof(bytes)};
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t size = recvmsg(client, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[FDS], count = 0;

	if (!header || header->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(fds, CMSG_DATA(header), sizeof(fds));
	char *at = bytes + HEAD;
	int most = 63;
#ifdef SERVICE
	const struct service_request *request = (const void *)bytes;
	look(client, fds);
	at += request->policy_size;
	most = (int)request->argc;
#endif
	for (; at < bytes + size && count < most && count < 63; at += strlen(at) + 1)
		argv[count++] = at;
	argv[count] = NULL;
#ifdef SERVICE
	take_environment(at, bytes + size);
#endif
	int status = run_command(argv, fds);
	for (int i = 0; i < FDS; i++)
		close(fds[i]);
	send(client, &status, sizeof(status), MSG_NOSIGNAL);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	if (argc > 3)
		pin(atoi(argv[3]));
	strcpy(address.sun_path, argv[1]);
	int server = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, 64)) {
		perror(argv[1]);
		return 1;
	}
	if (strcmp(argv[2], "warm") == 0 && (warm = make_ruleset()) < 0) {
		perror("ruleset");
		return 1;
	}
#ifdef SERVICE
	/* stays open, so that a peer's is found in the cache */
	if (open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) < 0)
		return 1;
#endif
	for (;;) {
		int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0) {
			serve(client);
			close(client);
		}
	}
}
