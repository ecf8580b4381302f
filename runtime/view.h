/* SPDX-License-Identifier: MIT */
/*
 * The view of a policy that asks for one: namespaces, mounts, a root of its own. Each function does nothing for the
 * others. In this order, in the process that becomes the command:
 *
 *	view_make()	namespaces, mounts, the root at its staging place
 *	policy_fill()	rule paths are looked up in the new mounts, before the move
 *	view_enter()	the move into the root; the working directory
 *	view_fork()	with a PID namespace: the command is another process from here on
 */
#ifndef RUNTIME_VIEW_H
#define RUNTIME_VIEW_H

#include "enter.h"

/* mounts.c: 0, or -1 with *error: what was made then ends with this process. */
int view_make(struct policy *policy, const struct llrun_options *options, struct llrun_error *error);
int view_enter(const struct policy *policy, struct llrun_error *error);

/* A new tmpfs or proc, attached nowhere: a descriptor, or -1. */
int new_mount(const struct blob *blob, const struct llpb_mount *mount, struct llrun_error *error);

/* init.c: the first process of a new PID namespace. 0, or -1. */
int init_start(struct policy *policy, struct llrun_error *error);
/* The next proc of the mount program: it is made by init, because a process sees its own PID namespace. A descriptor, or -1. */
int init_take(const struct policy *policy, struct llrun_error *error);

/*
 * init.c: returns 0 in the process that is to become the command, -1 with *error when there is none. Its parent does not
 * return: it looks like the command to whoever started it, and ends as it ended.
 */
int view_fork(const struct policy *policy, struct llrun_error *error);

#endif
