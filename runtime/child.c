/* SPDX-License-Identifier: MIT */
/*
 * Signals, stops and the end of a child.
 *
 * MUST look to its caller like the command itself: signals, stops, exit status.
 */
#include "child.h"

#define ALL_SIGNALS UINT64_MAX
/* Sent by a terminal to a whole process group: a command that is in ours has got them already. */
#define OF_TERMINAL                                                                                                  \
	(K_SIG_BIT(K_SIGHUP) | K_SIG_BIT(K_SIGINT) | K_SIG_BIT(K_SIGQUIT) | K_SIG_BIT(K_SIGCONT) |                   \
	 K_SIG_BIT(K_SIGTSTP) | K_SIG_BIT(K_SIGTTIN) | K_SIG_BIT(K_SIGTTOU) | K_SIG_BIT(K_SIGWINCH))

static long mask_signals(int how, uint64_t mask, uint64_t *old)
{
	return SYS(rt_sigprocmask, how, &mask, old, sizeof(mask));
}

static void set_default(int signal)
{
	const struct k_sigaction action = {.handler = K_SIG_DFL};

	SYS(rt_sigaction, signal, &action, NULL, sizeof(action.mask));
}

/*
 * A blocked signal is queued even when the caller ignores it (kernel/signal.c, sig_ignored()), so that the command may
 * decide. Only SIGCHLD must not be ignored: children would be reaped before anyone has asked for their status.
 */
int child_watch(struct child *child, struct llrun_error *error)
{
	const uint64_t all = ALL_SIGNALS;
	const struct k_sigaction action = {.handler = K_SIG_DFL};

	*child = (struct child){.signals = -1};
	if (check_sys(error, "rt_sigprocmask", mask_signals(K_SIG_BLOCK, all, &child->mask), NULL) < 0 ||
	    check_sys(error, "rt_sigaction",
		      SYS(rt_sigaction, K_SIGCHLD, &action, &child->sigchld, sizeof(action.mask)), NULL) < 0)
		return -1;
	child->signals = (int)SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC | K_SFD_NONBLOCK);
	return check_sys(error, "signalfd4", child->signals, NULL);
}

int child_release(const struct child *child, struct llrun_error *error)
{
	if (check_sys(error, "rt_sigaction",
		      SYS(rt_sigaction, K_SIGCHLD, &child->sigchld, NULL, sizeof(child->sigchld.mask)), NULL) < 0)
		return -1;
	return check_sys(error, "rt_sigprocmask", mask_signals(K_SIG_SETMASK, child->mask, NULL), NULL);
}

/* The command has stopped: so does this process, for whoever waits for it; and goes on with SIGCONT, which is forwarded. */
static void stop_too(int signal)
{
	int as = signal == K_SIGTSTP || signal == K_SIGTTIN || signal == K_SIGTTOU ? signal : K_SIGSTOP;

	set_default(as);
	SYS(kill, SYS(getpid, 0), as);
	mask_signals(K_SIG_UNBLOCK, K_SIG_BIT(as), NULL);
	mask_signals(K_SIG_BLOCK, ALL_SIGNALS, NULL);
}

static void reap(struct child *child)
{
	int status;
	long pid;

	while (!child->ended && (pid = SYS(wait4, -1, &status, K_WNOHANG | K_WSTOPPED)) > 0) {
		if (pid != child->pid)
			continue;
		if ((status & 0xff) == 0x7f)
			stop_too(status >> 8 & 0xff);
		else
			child->status = status, child->ended = 1;
	}
}

/* What the command sends to its parent is not for itself; what this process causes (SIGPIPE) neither. */
static void forward(const struct child *child)
{
	struct k_signalfd_siginfo info;
	uint32_t self = (uint32_t)SYS(getpid, 0);

	while (SYS(read, child->signals, &info, sizeof(info)) == sizeof(info)) {
		int had = !child->apart && info.code == K_SI_KERNEL && K_SIG_BIT(info.signo) & OF_TERMINAL;

		if (info.signo != K_SIGCHLD && !had && info.pid != self && info.pid != (uint32_t)child->pid)
			SYS(kill, child->pid, info.signo);
	}
}

void child_serve(struct child *child)
{
	forward(child);
	reap(child);
}

/* No core file of ours beside that of the command. */
_Noreturn void child_leave(const struct child *child)
{
	int signal = child->status & 0x7f;

	if (signal) {
		SYS(prctl, K_PR_SET_DUMPABLE, 0);
		set_default(signal);
		SYS(kill, SYS(getpid, 0), signal);
		mask_signals(K_SIG_UNBLOCK, K_SIG_BIT(signal), NULL);
	}
	for (;;)
		SYS(exit_group, signal ? 128 + signal : child->status >> 8 & 0xff);
}
