/* SPDX-License-Identifier: MIT */
/*
 * The view of a policy that asks for one: namespaces, mounts, a root of its own. Each function does nothing for the
 * others. In this order, in the process that becomes the command:
 *
 *	view_make()	namespaces, mounts, the root at its staging place; with a PID namespace the command is another
 *			process from here on
 *	policy_fill()	rule paths are looked up in the new mounts, before the move
 *	view_enter()	the move into the root; the working directory
 */
#ifndef RUNTIME_VIEW_H
#define RUNTIME_VIEW_H

#include "enter.h"

/* mounts.c: 0, or -1 with *error: what was made then ends with this process. */
int view_make(struct policy *policy, const struct llrun_options *options, struct llrun_error *error);
int view_enter(const struct policy *policy, struct llrun_error *error);

/*
 * init.c: for one that has asked for a PID namespace. Returns 0 in the process that is to become the command, and -1 with
 * *error when there is none. Its parent does not return: it looks like the command to whoever started it, and ends as it
 * ended.
 */
int view_fork(const struct policy *policy, struct llrun_error *error);

#endif
