/* SPDX-License-Identifier: MIT */
/*
 * A terminal for a command that the daemon runs. llrun leaves such runs to llrund run, which has room for this.
 *
 * MUST leave the terminal as it found it, whenever it stops, ends or fails.
 */
#include "remote.h"

static void terminal_restore(struct relay *relay)
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

static void terminal_size(struct relay *relay)
{
	struct k_winsize size;

	if (SYS(ioctl, 0, K_TIOCGWINSZ, &size) == 0)
		SYS(ioctl, relay->master, K_TIOCSWINSZ, &size);
}

/* Every key goes through: the command's own terminal makes signals, echo and lines of them. */
static void terminal_raw(struct relay *relay)
{
	struct k_termios raw;

	relay->input = in_foreground();
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

static void terminal_finish(struct relay *relay)
{
	while (terminal_output(relay) > 0)
		;
}

/* A terminal that nobody has open is always ready: look again later. */
static void terminal_wait(struct relay *relay, struct k_pollfd fds[4])
{
	const struct k_timespec later = {.nsec = 20000000};

	fds[2] = (struct k_pollfd){relay->hung_up ? -1 : relay->master,
				   (int16_t)(K_POLLIN | (relay->pending ? K_POLLOUT : 0)), 0};
	fds[3] = (struct k_pollfd){relay->input && !relay->pending ? 0 : -1, K_POLLIN, 0};
	SYS(ppoll, fds, 4, relay->hung_up ? &later : NULL);
	relay->hung_up = 0;
	if (fds[2].revents & (K_POLLIN | K_POLLHUP))
		relay->hung_up = terminal_output(relay) < 0 && fds[2].revents & K_POLLHUP;
	if (fds[3].revents || fds[2].revents & K_POLLOUT)
		terminal_input(relay);
}

const struct terminal terminal_relay = {.is = is_terminal,
					.make = terminal_make,
					.raw = terminal_raw,
					.restore = terminal_restore,
					.size = terminal_size,
					.wait = terminal_wait,
					.finish = terminal_finish};
