/* SPDX-License-Identifier: MIT */
/*
 * Signals of a process that stands for its child: it passes them on, stops and goes on with it, and ends as it ended.
 * All of them are blocked there and read from a signalfd. A blocked signal is queued even when it is ignored
 * (kernel/signal.c, sig_ignored()), so that the command may decide.
 */
#ifndef RUNTIME_SIGNALS_H
#define RUNTIME_SIGNALS_H

#include "kernel_run.h"
#include "sys.h"

#define ALL_SIGNALS UINT64_MAX
/* Sent by a terminal to a whole process group: a command that is in ours has got them already. */
#define OF_TERMINAL                                                                                                  \
	(K_SIG_BIT(K_SIGHUP) | K_SIG_BIT(K_SIGINT) | K_SIG_BIT(K_SIGQUIT) | K_SIG_BIT(K_SIGCONT) |                   \
	 K_SIG_BIT(K_SIGTSTP) | K_SIG_BIT(K_SIGTTIN) | K_SIG_BIT(K_SIGTTOU) | K_SIG_BIT(K_SIGWINCH))

struct llrun_error;

/* What becomes of signals: which are blocked, and what SIGCHLD does. */
struct held_signals {
	uint64_t mask;
	struct k_sigaction sigchld;
};
/*
 * What *held says against what holds, which *held says then: the kernel reads the new before it writes the old. 0, or -1
 * with *error.
 */
int swap_signals(struct held_signals *held, struct llrun_error *error);

static inline long mask_signals(int how, uint64_t mask, uint64_t *old)
{
	return SYS(rt_sigprocmask, how, &mask, old, sizeof(mask));
}

static inline void set_default(int signal)
{
	const struct k_sigaction action = {.handler = K_SIG_DFL};

	SYS(rt_sigaction, signal, &action, NULL, sizeof(action.mask));
}

/*
 * The command has stopped by this signal: so does this process, for whoever waits for it, and goes on with SIGCONT. All
 * but SIGSTOP do not stop who leads a session: nobody in it could continue him.
 */
static inline void stop_by(int signal, int leader)
{
	int gentle = signal == K_SIGTSTP || signal == K_SIGTTIN || signal == K_SIGTTOU;
	int as = gentle && !leader ? signal : K_SIGSTOP;

	set_default(as);
	SYS(kill, SYS(getpid, 0), as);
	mask_signals(K_SIG_UNBLOCK, K_SIG_BIT(as), NULL);
	mask_signals(K_SIG_BLOCK, ALL_SIGNALS, NULL);
}

/* The way a command has ended, in the words of wait4(2): dies by its signal, or exits with its status. */
_Noreturn void end_as(int status);

#endif
