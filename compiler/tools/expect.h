/* SPDX-License-Identifier: MIT */
/* The [[test]] tables of a policy as operations; see llc-policy test. */
#ifndef COMPILER_EXPECT_H
#define COMPILER_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "decide.h"
#include "policy.h"

struct arena;
struct diag;

struct expectation {
	const struct policy_test *test;
	const char *text; /* the operation in words */
	struct operation ops[ARCHES]; /* by architecture, where asked */
	unsigned arches; /* bits of enum arch_id */
};

/*
 * Every [[test]] of the policy, for those of the architectures on which its system call exists. Errors go to diag with
 * their position, so that compile and lint refuse what test could not ask; NULL then. Memory belongs to the arena.
 */
struct expectation *expectations_read(struct arena *arena, struct diag *diag, const struct policy *policy,
				      const enum arch_id *arches, size_t narches);

#endif
