/* SPDX-License-Identifier: MIT */
/*
 * The spawner's second thread, for what no client waits for: parked children, and what is left of jobs that have ended.
 * One lock guards all of the spawner's state; the spawner lets go of it only to wait for news.
 */
#ifndef LLRUND_NURSERY_H
#define LLRUND_NURSERY_H

#include "enter.h"

/*
 * Starts the thread, once. work() is one short piece, called under the lock, and must not wait for anything; false: there
 * is no more, until nursery_wake(). 0, or -1 with *error.
 */
int nursery_start(int (*work)(void), struct llrun_error *error);

/* The lock. Free, it costs no system call. */
void nursery_enter(void);
void nursery_leave(void);

/* There is work: for some milliseconds later, with what else comes by then; `now`: for at once. With the lock held. */
void nursery_wake(int now);

#endif
