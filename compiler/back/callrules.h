/* SPDX-License-Identifier: MIT */
/* [seccomp] as decisions of one architecture; companion.c joins them with what the other tables need. */
#ifndef COMPILER_CALLRULES_H
#define COMPILER_CALLRULES_H

#include "filter.h"
#include "policy.h"

struct diag;

/* Number of a name or of "nr:NUMBER"; -1 where the architecture does not have it. */
int call_number(enum arch_id arch, const char *text);

/*
 * Fill in *filter from the policy's [seccomp]. For every call: the rules in order, then deny, log, allow; then newer,
 * then default. False after errors were reported.
 */
bool callrules_filter(struct arena *arena, struct diag *diag, const struct policy *policy, enum arch_id arch,
		      struct filter *filter);

/* Does the call get through, whatever a tracer or supervisor would say? (allow and log) */
bool action_permits(uint32_t action);
/* Weaker than an errno in the kernel's order of precedence (kernel/seccomp.c, seccomp_run_filters()). */
bool action_yields(uint32_t action);

/* compose.c: add the companion rules to the policy's decisions; the stricter of the two holds. */
void filter_compose(struct arena *arena, struct filter *policy, const struct filter *companions);

struct filter_rule *filter_find(const struct filter *filter, uint32_t nr);
/* What a number without a rule gets. */
uint32_t filter_otherwise(const struct filter *filter, uint32_t nr);

#endif
