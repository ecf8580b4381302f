/* SPDX-License-Identifier: MIT */
/*
 * The decision graph between struct filter and instructions. Private to compiler/back/bpf*.c. A node is either a
 * return or a test of one 32-bit word of struct seccomp_data with two successors. Equal nodes are one node, so
 * equal leaves, equal tails and equal returns are shared by construction; a test whose successors are equal does
 * not exist. Successors are always older, so a smaller index means further down: a loop from high to low visits
 * every node before its successors.
 */
#ifndef COMPILER_BPF_GRAPH_H
#define COMPILER_BPF_GRAPH_H

#include "filter.h"

#define FULL_MASK UINT32_MAX

struct test {
	uint16_t code; /* K_BPF_JEQ_K, K_BPF_JGE_K, K_BPF_JGT_K (only as input) or K_BPF_JSET_K */
	uint16_t word; /* index into struct seccomp_data */
	uint32_t mask; /* applied before the comparison; JEQ only, FULL_MASK elsewhere */
	uint32_t k;
};

struct node {
	struct test test; /* code K_BPF_RET_K: the end, with action test.k */
	uint32_t yes, no;
};

struct graph {
	struct arena *arena;
	struct node *nodes;
	size_t count, capacity;
	uint32_t *buckets; /* index + 1; open addressing */
	size_t nbuckets; /* a power of two, or 0 */
};

/* One decision for the numbers from `start` to before the next span's start. */
struct span {
	uint64_t start;
	uint32_t leaf;
};

uint32_t graph_return(struct graph *graph, uint32_t action);
/* Simplified: tests that cannot go both ways answer the successor. */
uint32_t graph_test(struct graph *graph, struct test test, uint32_t yes, uint32_t no);

/* What a rule's clauses decide, once the number is known. False when a rule has too many tests. */
bool leaf_build(struct graph *graph, const struct filter_rule *rule, bool big_endian, uint32_t *leaf);

/* A tree over the number, cheapest by the installation model and the filter's weights where it has some. The
 * first span starts at 0; after the last one stands one more that starts at 2^32. */
uint32_t dispatch_build(struct graph *graph, const struct filter *filter, const struct span *spans, size_t count);

#endif
