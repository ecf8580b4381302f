/* SPDX-License-Identifier: MIT */
/*
 * Conditions on one system call of one architecture, as alternatives of conjunctions of unsigned comparisons: what
 * struct filter is made of. No alternatives: never; an alternative without comparisons: always.
 */
#ifndef COMPILER_CONDS_H
#define COMPILER_CONDS_H

#include "cond.h"
#include "filter.h"

struct diag;

struct cond_clause {
	struct filter_cond *conds;
	size_t nconds;
};

struct cond_cases {
	struct cond_clause *clauses;
	size_t count, cap;
	bool too_many; /* more than COND_MAX_CASES: count says nothing then */
};

#define COND_MAX_CASES 512

struct cond_site {
	struct arena *arena;
	struct diag *diag;
	enum arch_id arch;
	const char *call; /* name, or "nr:…" */
};

/* Resolve and lower, negated if asked. False after errors were reported; too many alternatives are one. */
bool cond_lower(const struct cond_site *site, const struct cond *cond, bool negate, struct cond_cases *out);
/* Both: alternatives that nothing can meet are dropped. */
void cond_both(struct arena *arena, const struct cond_cases *a, const struct cond_cases *b, struct cond_cases *out);
/* Can any arguments meet all comparisons? Errs on the side of yes. */
bool cond_possible(const struct filter_cond *conds, size_t nconds);

#endif
