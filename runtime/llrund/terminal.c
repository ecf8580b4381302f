/* SPDX-License-Identifier: MIT */
/*
 * A terminal for a command that the daemon runs: this process has the real one, as the caller's job that it is, and its
 * child, a client like any other, the one made for the command. llrun leaves such runs to llrund run, which has room
 * for this.
 *
 * MUST leave the terminal as it found it, whenever it stops, ends or fails.
 * MUST look to its caller like the command itself: signals, stops, exit status.
 * MUST NOT let the client outlive it: the command ends with that one.
 */
#include "terminal.h"

#include "remote.h"
#include "signals.h"

#define NO_CLIENT 0 /* it has been waited for: its number is nobody's */

struct relay {
	int master; /* of the command's terminal; -1: the real one has hung up, and so has this */
	int client, signals;
	int out; /* the real one, without waiting where that can be had; or -1: nothing is printed any more */
	int changed; /* the client has, and that is to be looked at still */
	int raw; /* the real terminal has been changed, `saved` is what it was */
	int input; /* standard input is worth reading */
	int closed; /* nobody has the command's terminal open any more */
	struct k_termios saved;
	uint32_t pending; /* bytes of `typed` that the command has yet to get */
	char typed[256];
};

/* ---- the real one ---- */

static void restore(struct relay *relay)
{
	if (relay->raw)
		SYS(ioctl, 0, K_TCSETSW, &relay->saved);
	relay->raw = 0;
}

/* Another job of the shell owns the terminal while this one is in the background: hands off. */
static int in_foreground(void)
{
	int group = 0;

	return SYS(ioctl, 0, K_TIOCGPGRP, &group) == 0 && group == SYS(getpgid, 0);
}

static void pass_size(const struct relay *relay)
{
	struct k_winsize size;

	if (SYS(ioctl, 0, K_TIOCGWINSZ, &size) == 0)
		SYS(ioctl, relay->master, K_TIOCSWINSZ, &size);
}

/* Every key goes through: the command's own terminal makes signals, echo and lines of them. */
static void make_raw(struct relay *relay)
{
	struct k_termios raw;

	relay->input = in_foreground();
	/* one that SIGSTOP has stopped finds the terminal changed by others, and what it was before is known */
	if (!relay->input || (!relay->raw && SYS(ioctl, 0, K_TCGETS, &relay->saved) < 0))
		return;
	raw = relay->saved;
	raw.iflag &= ~(K_IGNBRK | K_BRKINT | K_PARMRK | K_ISTRIP | K_INLCR | K_IGNCR | K_ICRNL | K_IXON);
	raw.oflag &= ~K_OPOST;
	raw.lflag &= ~(K_ECHO | K_ECHONL | K_ICANON | K_ISIG | K_IEXTEN);
	raw.cc[K_VMIN] = 1;
	raw.cc[K_VTIME] = 0;
	relay->raw = SYS(ioctl, 0, K_TCSETSW, &raw) == 0;
	pass_size(relay);
}

/* ---- bytes ---- */

static void take_signal(struct relay *relay);

/* How the client has ended: a CLD_ code; 0: it has not. */
static int client_end(const struct relay *relay)
{
	struct k_siginfo info = {.pid = 0};

	if (relay->client == NO_CLIENT)
		return K_CLD_EXITED;
	SYS(waitid, K_P_PID, relay->client, &info, K_WEXITED | K_WNOHANG | K_WNOWAIT, 0);
	return info.pid ? info.code : 0;
}

/* What a command that a signal has killed had yet to say, nobody says. */
static int is_killed(const struct relay *relay)
{
	int end = client_end(relay);

	return end && end != K_CLD_EXITED;
}

/* A terminal that takes nothing, as after Ctrl-S, keeps no signal from the command. */
static void wait_for_terminal(struct relay *relay)
{
	struct k_pollfd fds[] = {{relay->out, K_POLLOUT, 0}, {relay->signals, K_POLLIN, 0}};

	SYS(ppoll, fds, 2);
	if (fds[1].revents)
		take_signal(relay);
	if (relay->changed && is_killed(relay))
		relay->out = -1;
}

/* Nobody is left to tell of a real terminal that takes nothing any more. */
static void print(struct relay *relay, const char *bytes, long size)
{
	while (size > 0 && relay->out >= 0) {
		long put = SYS(write, relay->out, bytes, size);

		if (put == -K_EAGAIN) {
			wait_for_terminal(relay);
			continue;
		}
		if (put <= 0)
			return;
		bytes += put;
		size -= put;
	}
}

/* Returns 0 or less when there is nothing (more). Reading makes the kernel deliver what it has (n_tty.c). */
static long relay_output(struct relay *relay)
{
	char bytes[4096];
	long got = SYS(read, relay->master, bytes, sizeof(bytes));

	print(relay, bytes, got);
	return got;
}

/* What the command has written by now: a terminal holds at most 640 KiB (tty_buffer.c), and somebody may still write. */
static void drain(struct relay *relay)
{
	for (uint32_t i = 0; i < 256 && relay_output(relay) > 0; i++)
		;
}

/* The process group that the command's terminal would tell. Returns 0 when there is none. */
static int tell_foreground(const struct relay *relay, uint32_t signal)
{
	int group = 0;

	return SYS(ioctl, relay->master, K_TIOCGPGRP, &group) == 0 && group > 1 && SYS(kill, -group, signal) == 0;
}

/*
 * One that gives nothing and is no terminal any more has hung up (tty_io.c, hung_up_tty_fops), and so does the other one:
 * who leads its session is no shell that would tell.
 */
static void read_typed(struct relay *relay)
{
	long count = SYS(read, 0, relay->typed, sizeof(relay->typed));

	if (count > 0)
		relay->pending = (uint32_t)count;
	else
		relay->input = count == -K_EAGAIN || (count == 0 && is_terminal(0));
	if (count == 0 && !relay->input) {
		tell_foreground(relay, K_SIGHUP);
		SYS(close, relay->master);
		relay->master = -1;
	}
}

static void pass_typed(struct relay *relay)
{
	long count = SYS(write, relay->master, relay->typed, relay->pending);

	relay->pending -= count > 0 ? (uint32_t)count : 0;
	for (uint32_t i = 0; count > 0 && i < relay->pending; i++)
		relay->typed[i] = relay->typed[i + (uint32_t)count];
}

/* ---- signals ---- */

static _Noreturn void end(struct relay *relay, int status)
{
	relay->client = NO_CLIENT;
	drain(relay);
	restore(relay);
	end_as(status);
}

/*
 * The client stops when the command has. Where nobody can continue this process (an orphaned group) it does not stop,
 * and goes on at once: so SIGCONT is its own, and one with that of who continues it.
 */
static void look_at_client(struct relay *relay)
{
	int status;

	relay->changed = 0;
	while (SYS(wait4, relay->client, &status, K_WNOHANG | K_WSTOPPED) > 0) {
		if ((status & 0xff) != 0x7f)
			end(relay, status);
		drain(relay);
		restore(relay);
		stop_by(status >> 8 & 0xff, 0);
		SYS(kill, SYS(getpid, 0), K_SIGCONT);
	}
}

/*
 * As the real terminal sends its signals to all of its foreground group, they go to all of the other one's. When the
 * command has ended they end what is left to do: to say what it has written.
 */
static void pass_signal(struct relay *relay, const struct k_signalfd_siginfo *info)
{
	int of_terminal = info->code == K_SI_KERNEL && K_SIG_BIT(info->signo) & OF_TERMINAL;

	if (client_end(relay))
		relay->out = info->signo == K_SIGCONT ? relay->out : -1;
	else if (!of_terminal || !tell_foreground(relay, info->signo))
		SYS(kill, relay->client, info->signo);
}

static void take_signal(struct relay *relay)
{
	struct k_signalfd_siginfo info;

	if (SYS(read, relay->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.signo == K_SIGCHLD)
		relay->changed = 1;
	else if (info.signo == K_SIGWINCH)
		pass_size(relay);
	else
		pass_signal(relay, &info);
	if (info.signo == K_SIGCONT)
		make_raw(relay);
}

static _Noreturn void stay(struct relay *relay)
{
	const uint32_t how = K_O_WRONLY | K_O_NONBLOCK | K_O_NOCTTY | K_O_CLOEXEC;
	long out = SYS(openat, K_AT_FDCWD, "/proc/self/fd/1", how);

	/* the caller's own must not become non-blocking: it is others', too */
	relay->out = out < 0 ? 1 : (int)out;
	make_raw(relay);
	for (;;) {
		struct k_pollfd fds[] = {{relay->signals, K_POLLIN, 0},
					 {relay->closed ? -1 : relay->master,
					  (int16_t)(K_POLLIN | (relay->pending ? K_POLLOUT : 0)), 0},
					 {relay->input && !relay->pending ? 0 : -1, K_POLLIN, 0}};

		SYS(ppoll, fds, 3);
		if (fds[1].revents & (K_POLLIN | K_POLLHUP))
			relay->closed = relay_output(relay) < 0 && fds[1].revents & K_POLLHUP;
		if (fds[1].revents & K_POLLOUT)
			pass_typed(relay);
		if (fds[2].revents)
			read_typed(relay);
		if (fds[0].revents)
			take_signal(relay);
		while (relay->changed)
			look_at_client(relay);
	}
}

/* ---- the client ---- */

/* A group of its own, not an orphaned one: it gets what this process passes on, and can stop. */
static int be_client(int parent, struct llrun_error *error)
{
	long result = SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL);

	/* it has died already */
	if (SYS(getppid, 0) != parent)
		SYS(exit_group, EXIT_REFUSED);
	if (check_sys(error, "prctl", result, "PR_SET_PDEATHSIG") < 0)
		return -1;
	return check_sys(error, "setpgid", SYS(setpgid, 0, 0), NULL);
}

/* In the place of every standard descriptor that is a terminal; what is this program's own is close-on-exec. */
static int take_terminal(int slave, struct llrun_error *error)
{
	long result = 0;

	for (int fd = 0; fd < 3 && result >= 0; fd++)
		if (SYS(fcntl, fd, K_F_GETFD) == 0 && is_terminal(fd))
			result = SYS(dup3, slave, fd, 0);
	SYS(close, slave);
	return check_sys(error, "dup3", result, NULL);
}

static int make_terminal(struct relay *relay, struct llrun_error *error)
{
	struct k_termios termios;
	int unlock = 0;

	relay->master = (int)SYS(openat, K_AT_FDCWD, "/dev/ptmx", K_O_RDWR | K_O_NOCTTY | K_O_CLOEXEC | K_O_NONBLOCK);
	if (check_sys(error, "open", relay->master, "/dev/ptmx") < 0 ||
	    check_sys(error, "ioctl", SYS(ioctl, relay->master, K_TIOCSPTLCK, &unlock), "TIOCSPTLCK") < 0)
		return -1;
	long slave = SYS(ioctl, relay->master, K_TIOCGPTPEER, K_O_RDWR | K_O_NOCTTY | K_O_CLOEXEC);
	if (check_sys(error, "ioctl", slave, "TIOCGPTPEER") < 0)
		return -1;
	if (SYS(ioctl, 0, K_TCGETS, &termios) == 0)
		SYS(ioctl, slave, K_TCSETS, &termios);
	pass_size(relay);
	return (int)slave;
}

int terminal_relay(struct llrun_error *error)
{
	const uint64_t all = ALL_SIGNALS;
	/* SIGCHLD must not be ignored: a child would be reaped before its status is asked for */
	struct held_signals held = {.mask = all, .sigchld = {.handler = K_SIG_DFL}};
	int parent = (int)SYS(getpid, 0);
	struct relay relay = {.closed = 0};
	int slave = make_terminal(&relay, error);

	if (slave < 0 || swap_signals(&held, error) < 0)
		return -1;
	/* without waiting: who waits for the real terminal takes signals, too */
	relay.signals = (int)SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC | K_SFD_NONBLOCK);
	if (check_sys(error, "signalfd4", relay.signals, NULL) < 0)
		return -1;
	relay.client = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (check_sys(error, "clone", relay.client, NULL) < 0)
		return -1;
	SYS(close, relay.client ? slave : relay.master);
	if (relay.client)
		stay(&relay);
	SYS(close, relay.signals);
	if (be_client(parent, error) < 0 || take_terminal(slave, error) < 0)
		return -1;
	return swap_signals(&held, error);
}
