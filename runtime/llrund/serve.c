/* SPDX-License-Identifier: MIT */
/*
 * llrund serve: two processes, made before either is confined.
 *
 * MUST NOT hand the spawner's confinement to jobs, which is why it has none: only its memory is hidden.
 */
#include "serve.h"

#include "commands.h"
#include "msg.h"

/* Nothing of whoever starts the daemon is left to jobs: descriptors, terminal, ignored signals. */
static int forget_caller(int systemd, const struct audit *audit, struct llrun_error *error)
{
	const struct k_sigaction by_default = {.handler = K_SIG_DFL};
	/* SIGXFSZ: what a limit keeps from the log is an error of write(2) then, and not the end of this process */
	const uint64_t taken = K_SIG_BIT(K_SIGCHLD) | K_SIG_BIT(K_SIGTERM) | K_SIG_BIT(K_SIGINT) |
			       K_SIG_BIT(K_SIGHUP) | K_SIG_BIT(K_SIGXFSZ);
	struct k_rlimit files;

	for (uint32_t signal = 1; signal <= K_NSIG; signal++)
		SYS(rt_sigaction, signal, &by_default, 0, sizeof(uint64_t));
	long null = SYS(openat, K_AT_FDCWD, "/dev/null", K_O_RDWR);
	for (uint32_t fd = 0; fd < 3 && null >= 0; fd++)
		if (SYS(fcntl, fd, K_F_GETFD) < 0)
			null = SYS(dup3, null, fd, 0);
	uint32_t from = systemd ? 4 : 3;
	if (audit && audit->fd >= (int)from) {
		if (audit->fd > (int)from)
			SYS(close_range, from, audit->fd - 1, 0);
		from = (uint32_t)audit->fd + 1;
	}
	if (check_sys(error, "open", null, "/dev/null") < 0 ||
	    check_sys(error, "close_range", SYS(close_range, from, UINT32_MAX, 0), NULL) < 0 ||
	    check_sys(error, "rt_sigprocmask", SYS(rt_sigprocmask, K_SIG_SETMASK, &taken, 0, sizeof(taken)), NULL) <
		    0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER") < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE") < 0)
		return -1;
	/* a job must not find the daemon's terminal as its own */
	long terminal = SYS(openat, K_AT_FDCWD, "/dev/tty", K_O_RDWR | K_O_CLOEXEC);
	if (SYS(setsid, 0) < 0 && terminal >= 0)
		SYS(ioctl, terminal, K_TIOCNOTTY);
	if (terminal >= 0)
		SYS(close, terminal);
	if (SYS(prlimit64, 0, K_RLIMIT_NOFILE, 0, &files) == 0) {
		files.current = files.max;
		SYS(prlimit64, 0, K_RLIMIT_NOFILE, &files);
	}
	return 0;
}

static int be_front(struct server *server, int channel, int other)
{
	SYS(close, other);
	SYS(close, server->listener.lock);
	server->channel = channel;
	SYS(prctl, K_PR_SET_NAME, "llrund-front");
	/* read only from here on; the spawner writes */
	if (SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL) < 0 || SYS(getppid, 0) != server->main ||
	    SYS(mprotect, server->board, sizeof(*server->board), K_PROT_READ) < 0)
		return EXIT_REFUSED;
	return front_run(server);
}

static int start(struct server *server, struct llrun_error *error)
{
	int ends[2] = {-1, -1}, pidfd = -1;
	/* no exit signal: not one of the children that jobs and their orphans are */
	const struct k_clone_args args = {.flags = K_CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd};
	long board =
		SYS(mmap, 0, sizeof(*server->board), K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_ANONYMOUS, -1);

	server->main = (int)SYS(getpid, 0);
	if (board < 0 && board > -4096)
		return check_sys(error, "mmap", board, NULL);
	server->board = (struct board *)board;
	if (check_sys(error, "socketpair", SYS(socketpair, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0, ends),
		      NULL) < 0)
		return -1;
	long front = SYS(clone3, &args, sizeof(args));
	if (front == 0)
		SYS(exit_group, be_front(server, ends[1], ends[0]));
	if (check_sys(error, "clone3", front, NULL) < 0)
		return -1;
	SYS(close, ends[1]);
	SYS(close, server->listener.socket);
	server->channel = ends[0];
	server->front = pidfd;
	return (int)front;
}

static int parse(const char *const *argv, const char **path, const char **audit, struct llrun_error *error)
{
	int systemd = 0;

	*path = *audit = NULL;
	while (*argv) {
		const char *value;
		uint32_t which;

		argv = option_parse(llrund_options, LLRUND_OPTIONS, argv, &which, &value, error);
		if (!argv)
			return -1;
		if (which == LLRUND_SOCKET)
			*path = value;
		else if (which == LLRUND_AUDIT)
			*audit = value;
		else if (which == LLRUND_SYSTEMD)
			systemd = 1;
		else
			return fail(error, LLRUN_E_BLOB, "not an option of this command", argv[-1]);
	}
	return systemd == !*path ? systemd
				 : fail(error, LLRUN_E_BLOB, "serve wants --socket PATH or --systemd", NULL);
}

int command_serve(struct run *run, const char *const *argv)
{
	struct llrun_error error;
	struct server server = {.audit = NULL};
	const char *path, *destination;
	struct audit audit;
	int systemd = parse(argv, &path, &destination, &error);

	if (systemd >= 0 && destination) {
		if (audit_open(&audit, destination, run->options.envp, &error) < 0)
			return refuse(&error);
		server.audit = &audit;
	}
	if (systemd < 0 || forget_caller(systemd, server.audit, &error) < 0 || peer_self(&server.self, &error) < 0 ||
	    listen_open(&server.listener, path, run->options.envp, &error) < 0)
		return refuse(&error);
	if (server.self.no_new_privs)
		msg(2, "llrund: note: this daemon has no_new_privs, by which it would know a sandboxed client; its "
		       "token remains");
	int front = start(&server, &error);
	if (front < 0)
		return refuse(&error);
	int status = EXIT_REFUSED;
	if (audit_event(server.audit, DAEMON_LISTEN, AUDIT_NUMBER(PID, server.main),
			AUDIT_TEXT(SOCKET, server.listener.path), AUDIT_TEXT(MODE, path ? "socket" : "systemd")) == 0)
		status = spawner_run(&server, front);
	listen_close(&server.listener);
	audit_event(server.audit, DAEMON_EXIT, AUDIT_NUMBER(PID, server.main),
		    AUDIT_TEXT(SOCKET, server.listener.path), AUDIT_TEXT(REASON, status ? "failure" : "stopped"));
	spawner_goodbye();
	return status;
}
