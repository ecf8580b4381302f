/* SPDX-License-Identifier: MIT */
/* Where two filters answer differently: by following both programs at once, not by trying values. */
#ifndef COMPILER_BPF_COMPARE_H
#define COMPILER_BPF_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"

#define BPF_DATA_WORDS 16 /* struct seccomp_data: nr, arch, instruction pointer, six arguments, in words of 32 bits */

/* A test of one word: (word & mask) OP value, unsigned. */
enum word_op { WORD_EQ, WORD_NE, WORD_LT, WORD_LE, WORD_GT, WORD_GE };
struct word_test {
	uint32_t mask, value;
	enum word_op op;
};

/*
 * Is there a word for which all tests hold? One is left in *example. Exact; *budget counts the steps down, and at zero
 * the answer is yes (masked inequalities are as hard as satisfiability; filters that people write need few steps).
 */
bool word_satisfiable(const struct word_test *tests, size_t count, uint32_t *example, size_t *budget);

/* Which calls to compare. */
struct bpf_calls {
	bool nr_known, arch_known;
	uint32_t nr, arch;
	const struct word_test *nr_tests, *arch_tests; /* where not known: restrict them */
	size_t nnr_tests, narch_tests;
};

/* Called for every pair of ways through the programs that end differently: an example of such a call, the answers,
 * and whether arguments had a say. */
typedef void bpf_difference(void *context, const uint32_t words[BPF_DATA_WORDS], uint32_t before, uint32_t after,
			    bool by_arguments);

/*
 * Compare what two valid programs (bpf_valid()) answer. Returns false when there were too many ways to follow: then
 * nothing is proven. Complete otherwise: no call that is not reported is answered differently.
 */
bool bpf_compare(const struct bpf_program *before, const struct bpf_program *after, const struct bpf_calls *calls,
		 bpf_difference *difference, void *context);

#endif
