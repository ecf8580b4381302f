/* SPDX-License-Identifier: MIT */
/* Nodes of the decision graph: one per distinct content, each in the one form that its meaning has. */
#include <string.h>

#include "arena.h"
#include "bpf_graph.h"

static uint32_t mix(uint32_t hash, uint32_t value)
{
	hash ^= value;
	hash *= 0x9e3779b1u;
	return hash ^ (hash >> 15);
}

static uint32_t hash_node(const struct node *node)
{
	uint32_t hash = mix(node->test.code, node->test.word);

	hash = mix(mix(hash, node->test.mask), node->test.k);
	return mix(mix(hash, node->yes), node->no);
}

static bool same_node(const struct node *a, const struct node *b)
{
	return a->test.code == b->test.code && a->test.word == b->test.word && a->test.mask == b->test.mask &&
	       a->test.k == b->test.k && a->yes == b->yes && a->no == b->no;
}

/* The bucket that holds the node, or the empty one where it belongs. */
static uint32_t *bucket(const struct graph *graph, const struct node *node)
{
	size_t i = hash_node(node) & (graph->nbuckets - 1);

	while (graph->buckets[i] != 0 && !same_node(&graph->nodes[graph->buckets[i] - 1], node))
		i = (i + 1) & (graph->nbuckets - 1);
	return &graph->buckets[i];
}

static void grow_buckets(struct graph *graph)
{
	graph->nbuckets = graph->nbuckets != 0 ? 2 * graph->nbuckets : 512;
	graph->buckets = arena_alloc(graph->arena, graph->nbuckets * sizeof(*graph->buckets));
	for (size_t i = 0; i < graph->count; i++)
		*bucket(graph, &graph->nodes[i]) = (uint32_t)i + 1;
}

static uint32_t intern(struct graph *graph, struct node node)
{
	uint32_t *slot;

	if (2 * graph->count >= graph->nbuckets)
		grow_buckets(graph);
	slot = bucket(graph, &node);
	if (*slot == 0) {
		graph->nodes = arena_grow(graph->arena, graph->nodes, &graph->capacity, graph->count + 1,
					  sizeof(*graph->nodes));
		graph->nodes[graph->count++] = node;
		*slot = (uint32_t)graph->count;
	}
	return *slot - 1;
}

uint32_t graph_return(struct graph *graph, uint32_t action)
{
	return intern(graph, (struct node){.test = {.code = K_BPF_RET_K, .mask = FULL_MASK, .k = action}});
}

static bool single_bit(uint32_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* (word & mask) == k. JSET saves the AND, and the reload after it, where it can say the same. */
static uint32_t masked_equal(struct graph *graph, struct test test, uint32_t yes, uint32_t no)
{
	if ((test.k & ~test.mask) != 0)
		return no;
	if (test.mask == 0)
		return yes;
	if (test.mask == FULL_MASK)
		return intern(graph, (struct node){test, yes, no});
	if (test.k == 0)
		return graph_test(graph, (struct test){K_BPF_JSET_K, test.word, FULL_MASK, test.mask}, no, yes);
	if (single_bit(test.mask))
		return graph_test(graph, (struct test){K_BPF_JSET_K, test.word, FULL_MASK, test.mask}, yes, no);
	return intern(graph, (struct node){test, yes, no});
}

uint32_t graph_test(struct graph *graph, struct test test, uint32_t yes, uint32_t no)
{
	if (yes == no)
		return yes;
	if (test.code == K_BPF_JGT_K) {
		if (test.k == UINT32_MAX)
			return no;
		test.code = K_BPF_JGE_K;
		test.k++;
	}
	if (test.code == K_BPF_JEQ_K)
		return masked_equal(graph, test, yes, no);
	if (test.k == 0)
		return test.code == K_BPF_JGE_K ? yes : no;
	if (test.code == K_BPF_JGE_K && test.k == UINT32_MAX)
		test.code = K_BPF_JEQ_K;
	/* "at least 1" and "any bit" are both "not 0" */
	if ((test.code == K_BPF_JGE_K && test.k == 1) || (test.code == K_BPF_JSET_K && test.k == FULL_MASK))
		return intern(graph, (struct node){{K_BPF_JEQ_K, test.word, FULL_MASK, 0}, no, yes});
	return intern(graph, (struct node){test, yes, no});
}
