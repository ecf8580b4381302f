/* SPDX-License-Identifier: MIT */
/* Signals of a process that stands for its child: how it begins, and how it ends. */
#include "signals.h"

#include "enter.h"

int swap_signals(struct held_signals *held, struct llrun_error *error)
{
	long result = SYS(rt_sigprocmask, K_SIG_SETMASK, &held->mask, &held->mask, sizeof(held->mask))
			      ?: SYS(rt_sigaction, K_SIGCHLD, &held->sigchld, &held->sigchld, sizeof(held->mask));

	return check_sys(error, "rt_sigaction", result, "SIGCHLD");
}

/* The end of a command leaves no second core file. */
_Noreturn void end_as(int status)
{
	int signal = status & 0x7f;

	if (signal) {
		SYS(prctl, K_PR_SET_DUMPABLE, 0);
		set_default(signal);
		SYS(kill, SYS(getpid, 0), signal);
		mask_signals(K_SIG_UNBLOCK, K_SIG_BIT(signal), NULL);
	}
	for (;;)
		SYS(exit_group, signal ? 128 + signal : status >> 8 & 0xff);
}
