/* SPDX-License-Identifier: MIT */
/*
 * Seccomp filters for tests: an evaluator of struct filter that shares nothing with the compiler, random filters, and
 * the calls at which a wrong filter shows.
 */
#ifndef TESTS_FILTERS_H
#define TESTS_FILTERS_H

#include "filter.h"

struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *rng);
uint32_t rng_below(struct rng *rng, uint32_t bound);

/* What the filter says about a call, straight from filter.h's words. */
uint32_t filter_evaluate(const struct filter *filter, const struct bpf_data *data);

struct filter_shape {
	uint32_t rules; /* at most */
	uint32_t numbers; /* most numbers are below */
	uint32_t clauses; /* per rule, at most */
	uint32_t actions; /* distinct, at most 12 */
};

/* Everything in it is allocated from the arena. */
struct filter filter_random(struct arena *arena, struct rng *rng, enum arch_id arch,
			    const struct filter_shape *shape);

/* A call at or next to a border of the filter: rule numbers and constants -1/0/+1, single bits of masks flipped,
 * garbage in the high halves, x32 and foreign calls. */
struct bpf_data filter_probe(const struct filter *filter, struct rng *rng);

/* The two lists whose cost is the mark: 40 names denied, 300 numbers of x86_64 allowed. */
extern const char *const deny_mark[41];
/* First and last number of each run, up to a run that is { 0, 0 }. */
extern const uint16_t allow_mark[][2];

#endif
