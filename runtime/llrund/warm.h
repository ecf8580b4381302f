/* SPDX-License-Identifier: MIT */
/*
 * Warm rulesets: filled once in the spawner, used by the children that it starts. For large policies: below about 20
 * rules filling costs less than asking whether it is still right.
 */
#ifndef LLRUND_WARM_H
#define LLRUND_WARM_H

#include "serve.h"
#include "start.h"

#define WARM_RULES 16 /* path rules of a policy from which on it is kept at first sight, with fewer at the second */

/* Without inotify there is nothing to keep, and all runs fill their own. */
void warm_init(struct board *board);
/*
 * The policy of this job with rulesets that hold what its paths name now; or NULL: the child fills its own. Then, when
 * that may change, a process of its own begins to fill them for later jobs. The policy
 * stays as long as start->warm and start->busy.
 */
const struct policy *warm_find(struct start *start);
/* Is this the process that fills them? */
int warm_filler_is(int pid);
#define WARM_ENTRIES 16
/* The policy of entry `i` when it is ready and a job has used it since warm_cool(), and how many parked children it is
 * to have: enough for the jobs that came since warm_served(), so that none is missed; or NULL. */
const struct policy *warm_hot(uint32_t i, uint32_t *parked);
void warm_served(void);
/* Nothing runs any more: no policy is expected soon. */
void warm_cool(void);

#endif
