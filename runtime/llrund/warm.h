/* SPDX-License-Identifier: MIT */
/*
 * Warm rulesets: filled once in the spawner, used by the children that it starts. For large policies: below about 20
 * rules filling costs less than asking whether it is still right.
 */
#ifndef LLRUND_WARM_H
#define LLRUND_WARM_H

#include "serve.h"
#include "start.h"

#define WARM_RULES 16 /* path rules of a policy from which on it is kept */

/* Without inotify there is nothing to keep, and all runs fill their own. */
void warm_init(struct board *board);
/*
 * The policy of this job with rulesets that hold what its paths name now; or NULL: the child fills its own. Then, when
 * that may change, a thread begins to fill them for later jobs. The policy stays as long as start->warm and start->busy.
 */
const struct policy *warm_find(struct start *start);
/* spawner.c: does a child use this policy still? */
int warm_used(const struct policy *policy);

#endif
