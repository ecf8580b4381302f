/* SPDX-License-Identifier: MIT */
/* Children of the spawner that share its memory until they execute, and those of them that wait for a job. */
#ifndef LLRUND_CHILDREN_H
#define LLRUND_CHILDREN_H

#include "start.h"

/* Memory and a stack whose last child has left them; or NULL: all are in use. */
struct start *child_memory(void);
/* What children that have left their memory were given a job by is closed, and the memory free again. */
void children_sweep(void);
/* What is mapped for a child that has memory of its own by now, or was never made. */
void child_unmap(struct start *start);
/* Is this one of them, and not the caller's own? */
int child_memory_is(const struct start *start);
/* clone3(2) of a child at function(start), in `start` of child_memory(). Returns its id or a negative error number. */
long child_clone(struct start *start, struct k_clone_args *args, long (*function)(void *start));
/* Does a child use this policy still? */
int child_uses(const struct policy *policy);

/*
 * Parked children: made for a warm policy before there is a job. Each is a process in the policy's domain, mostly under
 * its filter, too, without a descriptor but the one by which it gets the job's.
 */
#define PARKED_LEAST 2 /* for a policy that runs ask for; */
#define PARKED_MOST  16 /* and where many do */
#define PARKED_ALL   32 /* half of those that there is memory for, so that what is not parked is not forked, either */

/* One for this policy, or NULL. */
struct start *parked_for(const struct policy *policy);
/*
 * Gives it the job in `start`: its request, its payload, the descriptors of its directory and of standard input, output
 * and error, which stay the caller's as well. 0 or a negative error number: not given.
 */
long parked_give(struct start *parked, const struct start *start);
/* This child has died or stopped. Was it waiting for a job? Then that is all there is to it; `stopped`: it is killed. */
int parked_changed(int pid, int stopped);
/* It has been given a job, and has it taken it? */
int parked_has_not_taken(const struct start *parked);
/* After the death of one that has not: the descriptors are in its start->fds as parked_give() found them. 0: lost. */
int parked_take_back(struct start *parked);
/* Are there so few for a policy that they should become more at once? */
int parked_few(void);
/*
 * One for a warm policy that has fewer than warm_hot() says; `parent` and `limits` are the spawner's. False: none is
 * missing, or cannot be made.
 */
int parked_refill(int parent, const struct k_rlimit *limits);
/* Ends those of a policy; NULL: all. They are reaped like all children. */
void parked_end(const struct policy *policy);
/* Is it one that waits for a job, or has been ended? */
int parked_is(int pid);
/* How many there are. */
uint32_t parked_any(void);

#endif
