/* SPDX-License-Identifier: MIT */
/*
 * llrun --socket PATH: a command that llrund runs behaves as if it had been run here.
 *
 * MUST talk only to a server of its own user or of root: it hands over its environment.
 * MUST send what a direct run would inherit, and nothing as a path: descriptors, limits, umask, environment.
 * MUST leave the terminal as it found it, whenever it stops, ends or fails.
 */
#include "launch.h"
#include "msg.h"
#include "wire.h"

struct relay {
	const struct run *run;
	int server, signals;
	int master; /* of the terminal made for the command; -1: none */
	int raw; /* the real terminal has been changed, `saved` is what it was */
	int input; /* standard input is worth reading */
	int hung_up; /* nobody has the command's terminal open now; somebody may again */
	struct k_termios saved;
	uint32_t pending; /* bytes of `typed` that the command has yet to get */
	char typed[256];
	struct proto_request request;
};

static void terminal_restore(struct relay *relay)
{
	if (relay->raw)
		SYS(ioctl, 0, K_TCSETSW, &relay->saved);
	relay->raw = 0;
}

static _Noreturn void refuse(struct relay *relay, const struct llrun_error *error)
{
	terminal_restore(relay);
	msg_error("llrun", error);
	for (;;)
		SYS(exit_group, EXIT_REFUSED);
}

static _Noreturn void refuse_text(struct relay *relay, const char *text)
{
	struct llrun_error error;

	fail(&error, LLRUN_E_BLOB, text, relay->run->given[OPT_SOCKET]);
	refuse(relay, &error);
}

static long must(struct relay *relay, const char *what, long result, const char *object)
{
	struct llrun_error error;

	if (check_sys(&error, what, result, object) < 0)
		refuse(relay, &error);
	return result;
}

/* ---- the terminal ---- */

/* Another job of the shell owns the terminal while this one is in the background: hands off. */
static int in_foreground(void)
{
	int group = 0;

	return SYS(ioctl, 0, K_TIOCGPGRP, &group) == 0 && group == SYS(getpgid, 0);
}

static void terminal_size(const struct relay *relay)
{
	struct k_winsize size;

	if (SYS(ioctl, 0, K_TIOCGWINSZ, &size) == 0)
		SYS(ioctl, relay->master, K_TIOCSWINSZ, &size);
}

/* Every key goes through: the command's own terminal makes signals, echo and lines of them. */
static void terminal_raw(struct relay *relay)
{
	struct k_termios raw;

	relay->input = relay->master >= 0 && in_foreground();
	if (!relay->input || SYS(ioctl, 0, K_TCGETS, &relay->saved) < 0)
		return;
	raw = relay->saved;
	raw.iflag &= ~(K_IGNBRK | K_BRKINT | K_PARMRK | K_ISTRIP | K_INLCR | K_IGNCR | K_ICRNL | K_IXON);
	raw.oflag &= ~K_OPOST;
	raw.lflag &= ~(K_ECHO | K_ECHONL | K_ICANON | K_ISIG | K_IEXTEN);
	raw.cc[K_VMIN] = 1;
	raw.cc[K_VTIME] = 0;
	relay->raw = SYS(ioctl, 0, K_TCSETSW, &raw) == 0;
	terminal_size(relay);
}

static int is_terminal(int fd)
{
	struct k_termios termios;

	return SYS(ioctl, fd, K_TCGETS, &termios) == 0;
}

/* A terminal for the command where input and output are one: the slave, or -1. What is piped needs none. */
static int terminal_make(struct relay *relay)
{
	struct k_termios termios;
	int unlock = 0;

	relay->master = -1;
	if (!is_terminal(0) || !is_terminal(1))
		return -1;
	long master = SYS(openat, K_AT_FDCWD, "/dev/ptmx", K_O_RDWR | K_O_NOCTTY | K_O_CLOEXEC | K_O_NONBLOCK);
	relay->master = (int)must(relay, "open", master, "/dev/ptmx");
	must(relay, "ioctl", SYS(ioctl, master, K_TIOCSPTLCK, &unlock), "TIOCSPTLCK");
	long slave = must(relay, "ioctl", SYS(ioctl, master, K_TIOCGPTPEER, K_O_RDWR | K_O_NOCTTY | K_O_CLOEXEC),
			  "TIOCGPTPEER");
	if (SYS(ioctl, 0, K_TCGETS, &termios) == 0)
		SYS(ioctl, slave, K_TCSETS, &termios);
	terminal_size(relay);
	relay->request.flags |= PROTO_F_TTY;
	return (int)slave;
}

/* All that the command wrote is there once it has ended: reading makes the kernel deliver it (n_tty.c). */
static long terminal_output(const struct relay *relay)
{
	char bytes[4096];
	long got = SYS(read, relay->master, bytes, sizeof(bytes)), done = 0, put = 1;

	while (done < got && put > 0) {
		put = SYS(write, 1, bytes + done, got - done);
		done += put;
	}
	return got;
}

static void terminal_input(struct relay *relay)
{
	long count = relay->pending ? 0 : SYS(read, 0, relay->typed, sizeof(relay->typed));

	if (!relay->pending && count <= 0)
		relay->input = count == -K_EAGAIN || count == -K_EINTR;
	relay->pending += count > 0 ? (uint32_t)count : 0;
	count = relay->pending ? SYS(write, relay->master, relay->typed, relay->pending) : 0;
	if (count <= 0)
		return;
	relay->pending -= (uint32_t)count;
	for (uint32_t i = 0; i < relay->pending; i++)
		relay->typed[i] = relay->typed[i + (uint32_t)count];
}

/* ---- the request ---- */

static void put(struct relay *relay, long fd, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;)
		done += (size_t)must(relay, "write", SYS(write, fd, (const char *)bytes + done, size - done),
				     "payload");
	relay->request.payload_size += (uint32_t)size;
	if (relay->request.payload_size > PROTO_MAX_PAYLOAD)
		refuse_text(relay, "arguments and environment are too long");
}

/* Strings stand one behind the other on the stack that the kernel made: as many as touch go in one call. */
static uint32_t put_strings(struct relay *relay, long fd, const char *const *strings)
{
	uint32_t count = 0;

	while (strings[count]) {
		const char *first = strings[count], *end = first;

		for (; strings[count] == end; count++)
			end = proto_next(end);
		put(relay, fd, first, (size_t)(end - first));
	}
	return count;
}

/* What run_check() has seen, and what lies there now: the daemon verifies the bytes that it gets. */
static void put_blob(struct relay *relay, long fd)
{
	char bytes[16384];
	long count = sizeof(bytes);

	while (count == sizeof(bytes) && relay->request.blob_size <= LLPB_MAX_SIZE) {
		count = SYS(pread64, relay->run->fd, bytes, sizeof(bytes), relay->request.blob_size);
		must(relay, "pread64", count, relay->run->blob);
		put(relay, fd, bytes, (size_t)count);
		relay->request.blob_size += (uint32_t)count;
	}
	if (relay->request.blob_size % 8)
		refuse_text(relay, "the policy is damaged (its size)");
}

static int make_payload(struct relay *relay)
{
	const struct run *run = relay->run;
	struct proto_request *request = &relay->request;
	const char *const name[] = {run->blob, NULL};
	long fd = must(relay, "memfd_create", SYS(memfd_create, "llrun", K_MFD_CLOEXEC | K_MFD_ALLOW_SEALING), NULL);

	put_blob(relay, fd);
	put_strings(relay, fd, name);
	request->nargs = put_strings(relay, fd, run->command);
	request->nsets = put_strings(relay, fd, run->sets);
	request->nenv = put_strings(relay, fd, run->options.envp);
	must(relay, "fcntl", SYS(fcntl, fd, K_F_ADD_SEALS, PROTO_SEALS | K_F_SEAL_SEAL), "F_ADD_SEALS");
	return (int)fd;
}

/* Standard ones that are open, then the kept ones in ascending order. Returns the end of `fds`. */
static int *add_descriptors(struct relay *relay, int *fds, int terminal)
{
	struct proto_request *request = &relay->request;
	uint32_t nkeep = relay->run->options.nkeep_fds;

	for (int fd = 0; fd < 3; fd++) {
		/* closed, or this program's own in the place of a closed one: those are close-on-exec */
		if (SYS(fcntl, fd, K_F_GETFD) != 0)
			continue;
		request->stdio |= 1u << fd;
		*fds++ = terminal >= 0 && is_terminal(fd) ? terminal : fd;
	}
	for (uint32_t above = 2, i = 0; i < nkeep; i++) {
		uint32_t next = UINT32_MAX;

		for (uint32_t k = 0; k < nkeep; k++)
			if ((uint32_t)relay->run->keep[k] > above && (uint32_t)relay->run->keep[k] < next)
				next = (uint32_t)relay->run->keep[k];
		if (next == UINT32_MAX)
			break;
		request->keep[request->nkeep++] = above = next;
		*fds++ = (int)next;
	}
	return fds;
}

static void send_packet(struct relay *relay, const int *fds, uint32_t nfds)
{
	must(relay, "sendmsg", wire_send(relay->server, &relay->request, sizeof(relay->request), fds, nfds),
	     relay->run->given[OPT_SOCKET]);
}

static void send_run(struct relay *relay)
{
	struct proto_request *request = &relay->request;
	int fds[PROTO_MAX_FDS], terminal = terminal_make(relay);
	char name[K_SUN_PATH + 16];
	struct llrun_error error;

	fds[0] = wire_token(relay->run->given[OPT_SOCKET], name, &error);
	if (fds[0] < 0)
		refuse(relay, &error);
	fds[1] = make_payload(relay);
	fds[2] = (int)must(relay, "open", SYS(openat, K_AT_FDCWD, ".", K_O_ANCHOR | K_O_DIRECTORY), ".");
	request->command = PROTO_RUN;
	request->flags |= relay->run->given[OPT_QUIET] ? PROTO_F_QUIET : 0;
	request->flags |= relay->run->options.flags & LLRUN_AS_ABI ? PROTO_F_AS_ABI : 0;
	request->as_abi = relay->run->options.flags & LLRUN_AS_ABI ? relay->run->options.as_abi : 0;
	request->umask = (uint32_t)SYS(umask, 077) & 0777;
	for (uint32_t i = 0; i < K_RLIM_NLIMITS; i++)
		must(relay, "prlimit64", SYS(prlimit64, 0, i, 0, &request->limits[i]), NULL);
	const int *end = add_descriptors(relay, fds + 3, terminal);
	send_packet(relay, fds, (uint32_t)(end - fds));
	if (terminal >= 0)
		SYS(close, terminal);
}

static void send_signal(struct relay *relay, uint32_t signal, uint32_t flags)
{
	relay->request = (struct proto_request){.magic = PROTO_MAGIC,
						.version = PROTO_VERSION,
						.command = PROTO_SIGNAL,
						.flags = flags,
						.signal = signal};
	send_packet(relay, NULL, 0);
}

/* ---- until it ends ---- */

/* Every signal is blocked here: unblocked, it does what it does. The end of a command leaves no second core file. */
static void raise(uint32_t signal)
{
	uint64_t mask = K_SIG_BIT(signal);

	SYS(kill, SYS(getpid, 0), signal);
	SYS(rt_sigprocmask, K_SIG_UNBLOCK, &mask, 0, sizeof(mask));
	SYS(rt_sigprocmask, K_SIG_BLOCK, &mask, 0, sizeof(mask));
}

static _Noreturn void end(struct relay *relay, uint32_t signal, int status)
{
	const struct k_sigaction by_default = {.handler = K_SIG_DFL};

	while (relay->master >= 0 && terminal_output(relay) > 0)
		;
	terminal_restore(relay);
	if (signal) {
		SYS(prctl, K_PR_SET_DUMPABLE, 0);
		SYS(rt_sigaction, signal, &by_default, 0, sizeof(uint64_t));
		raise(signal);
		status = 128 + (int)signal;
	}
	for (;;)
		SYS(exit_group, status);
}

static void take_reply(struct relay *relay)
{
	struct proto_reply reply;
	long size = SYS(read, relay->server, &reply, sizeof(reply));

	if (size == -K_EINTR || size == -K_EAGAIN)
		return;
	if (size <= 0)
		refuse_text(relay, "the daemon went away, and what it ran with it");
	if (size < (long)PROTO_REPLY_HEAD || reply.magic != PROTO_MAGIC || reply.version != PROTO_VERSION)
		refuse_text(relay, "not an llrund of this version");
	uint32_t signal = (uint32_t)reply.status - 1 < K_NSIG ? (uint32_t)reply.status : K_SIGKILL;
	if (reply.kind == PROTO_EXITED || reply.kind == PROTO_KILLED)
		end(relay, reply.kind == PROTO_KILLED ? signal : 0, reply.status & 0xff);
	if (reply.kind == PROTO_STOPPED) {
		/* where nobody can continue this process (an orphaned group) it does not stop, and goes on at once */
		terminal_restore(relay);
		raise(signal);
		terminal_raw(relay);
		send_signal(relay, K_SIGCONT, 0);
		return;
	}
	reply.text[PROTO_TEXT_SIZE - 1] = 0;
	refuse_text(relay, size > (long)PROTO_REPLY_HEAD ? reply.text : "refused without a reason");
}

/*
 * As a terminal sends them to all of a foreground group, the kernel's own go to all of the job. SIGCHLD is none of the
 * command's; a new size reaches it through its terminal, where it has one.
 */
static void take_signal(struct relay *relay)
{
	struct k_signalfd_siginfo info;

	if (SYS(read, relay->signals, &info, sizeof(info)) != sizeof(info) || info.signo == K_SIGCHLD)
		return;
	if (info.signo == K_SIGCONT)
		terminal_raw(relay);
	if (info.signo == K_SIGWINCH && relay->master >= 0)
		terminal_size(relay);
	else
		send_signal(relay, info.signo, info.code == K_SI_KERNEL ? PROTO_F_GROUP : 0);
}

/* A terminal that nobody has open is always ready: look again later. */
static void wait_for_any(struct relay *relay, struct k_pollfd fds[4])
{
	const struct k_timespec later = {.nsec = 20000000};

	fds[0] = (struct k_pollfd){relay->server, K_POLLIN, 0};
	fds[1] = (struct k_pollfd){relay->signals, K_POLLIN, 0};
	fds[2] = (struct k_pollfd){relay->hung_up ? -1 : relay->master,
				   (int16_t)(K_POLLIN | (relay->pending ? K_POLLOUT : 0)), 0};
	fds[3] = (struct k_pollfd){relay->input && !relay->pending ? 0 : -1, K_POLLIN, 0};
	SYS(ppoll, fds, 4, relay->hung_up ? &later : NULL);
	relay->hung_up = 0;
}

static _Noreturn void relay_all(struct relay *relay)
{
	struct k_pollfd fds[4];

	for (;;) {
		wait_for_any(relay, fds);
		if (fds[2].revents & (K_POLLIN | K_POLLHUP))
			relay->hung_up = terminal_output(relay) < 0 && fds[2].revents & K_POLLHUP;
		if (fds[3].revents || fds[2].revents & K_POLLOUT)
			terminal_input(relay);
		if (fds[1].revents)
			take_signal(relay);
		if (fds[0].revents)
			take_reply(relay);
	}
}

_Noreturn void run_remote(const struct run *run)
{
	const uint64_t all = ~(uint64_t)0;
	struct llrun_error error;
	struct relay relay;

	relay.run = run;
	relay.raw = relay.input = relay.hung_up = 0;
	relay.master = -1;
	relay.pending = 0;
	relay.request = (struct proto_request){.magic = PROTO_MAGIC, .version = PROTO_VERSION};
	must(&relay, "rt_sigprocmask", SYS(rt_sigprocmask, K_SIG_SETMASK, &all, &relay.request.blocked, sizeof(all)),
	     NULL);
	relay.signals = (int)must(&relay, "signalfd", SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC), NULL);
	relay.server = wire_connect(run->given[OPT_SOCKET], &error);
	if (relay.server < 0)
		refuse(&relay, &error);
	send_run(&relay);
	terminal_raw(&relay);
	relay_all(&relay);
}
