/* SPDX-License-Identifier: MIT */
/* Locks of [command] (front/lock.h) and the systems they are made on and compared with. */
#ifndef COMPILER_LOCK_TOOLS_H
#define COMPILER_LOCK_TOOLS_H

#include "filter.h"
#include "lock.h"

struct lock_place {
	const char *sysroot; /* resolve inside this directory; NULL: this system */
	enum arch_id arch; /* whose programs; ARCHES: this machine's */
};

struct lock_found {
	struct lock lock; /* sorted; complete when there are no problems */
	const char **problems; /* what is missing and who needs it, one line each */
	size_t nproblems, problems_cap;
	const char **warnings; /* what cannot be known from the files */
	size_t nwarnings, warnings_cap;
};

/* The closure of the programs that `wanted` names, with digests. All of it belongs to the arena. */
void lock_resolve(struct arena *arena, const struct lock *wanted, const struct lock_place *place,
		  struct lock_found *found);
/* The architecture as --arch has it, or what uname(2) says. */
const char *lock_machine(struct arena *arena, const struct lock_place *place);

/*
 * compile --update-lock: find what the [command] of a policy needs, and write its lock if that changed. Returns the exit
 * status; all that is wrong was said on stderr. quiet: no summary on stdout, no warnings.
 */
int lock_update(const char *policy, const struct policy_options *options, const struct lock_place *place, bool quiet);

#endif
