/* SPDX-License-Identifier: MIT */
/*
 * A process that stands for its child: it passes signals on, stops and goes on with it, and ends as it ended.
 *
 *	child_watch(&child, &error);		signals are blocked from here on
 *	child.pid = clone(...);			in the child: child_release()
 *	poll(child.signals); child_serve(&child);	until child.ended
 *	child_leave(&child);
 */
#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include "enter.h"
#include "kernel_run.h"

struct child {
	struct k_sigaction sigchld; /* the caller's */
	uint64_t mask; /* the caller's */
	int signals; /* signalfd, close-on-exec, does not block */
	int pid; /* set by the user */
	int apart; /* in a session of its own: a terminal's signals do not reach it */
	int status; /* as wait4(2) gives it, once `ended` */
	int ended;
};

/* Blocks every signal and opens child->signals. 0, or -1 with *error. */
int child_watch(struct child *child, struct llrun_error *error);
/* In the child: signals as they were. 0, or -1 with *error. */
int child_release(const struct child *child, struct llrun_error *error);
/* Passes on what has arrived, reaps, stops when the child has stopped. Other children are reaped, too. */
void child_serve(struct child *child);
/* Dies by the signal that the child died of, or exits with its status. */
_Noreturn void child_leave(const struct child *child);

#endif
