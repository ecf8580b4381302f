/* SPDX-License-Identifier: MIT */
/*
 * bpf_assemble(): decisions per number become a graph (bpf_leaf.c, bpf_dispatch.c), the graph becomes instructions
 * here. Classic BPF only jumps forward, at most 255 instructions by a test and any distance by JA, so the program
 * is written from its end to its start: every target has its place before the first jump to it.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "bpf_graph.h"

#define JUMP_MAX 255

static const char too_long[] = "filter too long";

/* ---- instructions ---- */

/* A node can be entered at its test, when the accumulator holds its word masked; at the AND before it, when the
 * word is there but needs a mask; or at the load before both. */
enum entry { AT_TEST, AT_MASK, AT_LOAD, ENTRIES };

struct place {
	uint16_t at[ENTRIES]; /* instructions from there to the end of the program, that one included; 0: nowhere */
	bool wanted[ENTRIES];
};

struct emitter {
	const struct graph *graph;
	struct place *places; /* per node */
	struct k_sock_filter *insns; /* the program backwards */
	size_t count;
	bool overflow;
};

static enum entry entry_from(const struct graph *g, uint32_t from, uint32_t to)
{
	const struct test *have = &g->nodes[from].test, *want = &g->nodes[to].test;

	if (want->code == K_BPF_RET_K)
		return AT_TEST;
	if (have->word != want->word || (want->mask & ~have->mask) != 0)
		return AT_LOAD;
	return have->mask == want->mask ? AT_TEST : AT_MASK;
}

/* Returns the place of the instruction: its distance to the end. */
static uint16_t push(struct emitter *e, uint16_t code, size_t jt, size_t jf, uint32_t k)
{
	if (e->count == K_BPF_MAXINSNS) {
		e->overflow = true;
		return (uint16_t)e->count;
	}
	e->insns[e->count++] = (struct k_sock_filter){code, (uint8_t)jt, (uint8_t)jf, k};
	return (uint16_t)e->count;
}

/* A test placed next would stand at count + 1 and skips what is between it and the target. */
static size_t distance(const struct emitter *e, const uint16_t *target)
{
	return e->count - *target;
}

/* Brings the target within a test's reach: by a copy of a return, by a long jump to anything else. Later tests,
 * which stand earlier in the program, use the copy or the jump as well. */
static void reach(struct emitter *e, uint32_t node, uint16_t *target)
{
	const struct test *test = &e->graph->nodes[node].test;

	if (distance(e, target) <= JUMP_MAX)
		return;
	if (test->code == K_BPF_RET_K)
		*target = push(e, K_BPF_RET_K, 0, 0, test->k);
	else
		*target = push(e, K_BPF_JA, 0, 0, (uint32_t)distance(e, target));
}

static void emit_test(struct emitter *e, uint32_t at)
{
	const struct node *node = &e->graph->nodes[at];
	struct place *place = &e->places[at];
	uint16_t *yes = &e->places[node->yes].at[entry_from(e->graph, at, node->yes)];
	uint16_t *no = &e->places[node->no].at[entry_from(e->graph, at, node->no)];

	/* A long jump for one side may push the other out of reach. */
	reach(e, node->yes, yes);
	reach(e, node->no, no);
	reach(e, node->yes, yes);
	place->at[AT_TEST] = push(e, node->test.code, distance(e, yes), distance(e, no), node->test.k);
	if (node->test.mask != FULL_MASK && (place->wanted[AT_MASK] || place->wanted[AT_LOAD]))
		place->at[AT_MASK] = push(e, K_BPF_AND_K, 0, 0, node->test.mask);
	if (place->wanted[AT_LOAD])
		place->at[AT_LOAD] = push(e, K_BPF_LD_W_ABS, 0, 0, 4u * node->test.word);
}

static bool emitted(const struct emitter *e, uint32_t node)
{
	return e->places[node].at[AT_TEST] != 0;
}

/* Depth first, the "yes" side further down: neighbours in the tree stay neighbours in the program. */
static void emit_all(struct emitter *e, uint32_t root, uint32_t *stack)
{
	size_t depth = 0;

	stack[depth++] = root;
	while (depth > 0 && !e->overflow) {
		uint32_t at = stack[depth - 1];
		const struct node *node = &e->graph->nodes[at];

		if (node->test.code == K_BPF_RET_K) {
			e->places[at].at[AT_TEST] = push(e, K_BPF_RET_K, 0, 0, node->test.k);
			depth--;
		} else if (!emitted(e, node->yes)) {
			stack[depth++] = node->yes;
		} else if (!emitted(e, node->no)) {
			stack[depth++] = node->no;
		} else {
			emit_test(e, at);
			depth--;
		}
	}
}

/* Marks how each node below the root is entered; returns how many there are. */
static size_t mark_entries(const struct graph *g, struct place *places, uint32_t root)
{
	size_t reached = 0;

	places[root].wanted[AT_LOAD] = true;
	for (size_t i = root + (size_t)1; i-- > 0;) {
		const struct node *node = &g->nodes[i];
		const bool *wanted = places[i].wanted;

		if (!wanted[AT_TEST] && !wanted[AT_MASK] && !wanted[AT_LOAD])
			continue;
		reached++;
		if (node->test.code == K_BPF_RET_K)
			continue;
		places[node->yes].wanted[entry_from(g, (uint32_t)i, node->yes)] = true;
		places[node->no].wanted[entry_from(g, (uint32_t)i, node->no)] = true;
	}
	return reached;
}

static const char *emit(const struct graph *g, uint32_t root, struct bpf_program *out)
{
	/* not from the arena, which would zero 32 KiB for every filter */
	static struct k_sock_filter backwards[K_BPF_MAXINSNS];
	struct emitter e = {.graph = g};
	size_t reached;

	e.places = arena_alloc(g->arena, g->count * sizeof(*e.places));
	reached = mark_entries(g, e.places, root);
	if (reached > K_BPF_MAXINSNS)
		return too_long;
	e.insns = backwards;
	emit_all(&e, root, arena_alloc(g->arena, (reached + 1) * sizeof(uint32_t)));
	if (e.overflow)
		return too_long;
	out->insns = arena_alloc(g->arena, e.count * sizeof(*out->insns));
	out->count = e.count;
	for (size_t i = 0; i < e.count; i++)
		out->insns[i] = e.insns[e.count - 1 - i];
	return NULL;
}

/* ---- decisions per number ---- */

static bool valid_condition(const struct filter_cond *c)
{
	bool masked = c->op == CMP_MASKED_EQ || c->op == CMP_MASKED_NE;

	if (c->arg > 5 || (c->width != 32 && c->width != 64) || c->op > CMP_MASKED_NE)
		return false;
	return c->width == 64 || (c->value <= UINT32_MAX && (!masked || c->mask <= UINT32_MAX));
}

static bool valid_rule(const struct filter_rule *rule)
{
	for (size_t i = 0; i < rule->nclauses; i++)
		for (size_t j = 0; j < rule->clauses[i].nconds; j++)
			if (!valid_condition(&rule->clauses[i].conds[j]))
				return false;
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = (*(const struct filter_rule *const *)a)->nr, y = (*(const struct filter_rule *const *)b)->nr;

	return x < y ? -1 : x > y;
}

static const char *sort_rules(struct arena *arena, const struct filter *filter, const struct filter_rule ***out)
{
	const struct filter_rule **rules = arena_alloc(arena, (filter->nrules + 1) * sizeof(*rules));

	for (size_t i = 0; i < filter->nrules; i++) {
		rules[i] = &filter->rules[i];
		if (!valid_rule(rules[i]))
			return "bad condition";
	}
	qsort(rules, filter->nrules, sizeof(*rules), by_number);
	for (size_t i = 1; i < filter->nrules; i++)
		if (rules[i]->nr == rules[i - 1]->nr)
			return "two rules for one system call number";
	*out = rules;
	return NULL;
}

struct spans {
	struct span *items;
	size_t count;
};

static void add_span(struct spans *spans, uint64_t start, uint32_t leaf)
{
	if (spans->count > 0 && spans->items[spans->count - 1].start == start)
		spans->count--;
	if (spans->count > 0 && spans->items[spans->count - 1].leaf == leaf)
		return;
	spans->items[spans->count++] = (struct span){start, leaf};
}

/* What holds for numbers without a rule, from a number on. */
struct zone {
	uint64_t start;
	uint32_t action;
};

static size_t zones(const struct filter *filter, struct zone zone[4])
{
	bool x32 = arch_rows[filter->arch].x32;
	size_t count = 0;

	zone[count++] = (struct zone){0, filter->default_action};
	if (filter->newer_from != 0 && !(x32 && filter->newer_from >= K_X32_SYSCALL_BIT))
		zone[count++] = (struct zone){filter->newer_from, filter->newer_action};
	if (x32)
		zone[count++] = (struct zone){K_X32_SYSCALL_BIT, filter->x32_action};
	zone[count] = (struct zone){UINT64_C(1) << 32, 0};
	return count;
}

static const char *lower_rules(struct graph *g, const struct filter *filter, struct spans *spans)
{
	bool big_endian = arch_rows[filter->arch].big_endian;
	const struct filter_rule **rules = NULL;
	const char *error = sort_rules(g->arena, filter, &rules);
	struct zone zone[4];
	size_t nzones = zones(filter, zone), at = 0;

	if (error != NULL)
		return error;
	spans->items = arena_alloc(g->arena, (2 * filter->nrules + 5) * sizeof(*spans->items));
	for (size_t z = 0; z < nzones; z++) {
		uint32_t otherwise = graph_return(g, zone[z].action), leaf;

		add_span(spans, zone[z].start, otherwise);
		for (; at < filter->nrules && rules[at]->nr < zone[z + 1].start; at++) {
			if (!leaf_build(g, rules[at], big_endian, &leaf))
				return too_long;
			add_span(spans, rules[at]->nr, leaf);
			add_span(spans, rules[at]->nr + UINT64_C(1), otherwise);
		}
	}
	/* A rule for the last number of a zone leaves an empty span there, which the next zone replaces. */
	add_span(spans, UINT64_C(1) << 32, UINT32_MAX);
	spans->count--;
	return NULL;
}

const char *bpf_assemble(struct arena *arena, const struct filter *filter, struct bpf_program *out)
{
	struct test arch = {K_BPF_JEQ_K, K_SECCOMP_DATA_ARCH / 4, FULL_MASK, arch_rows[filter->arch].audit_arch};
	struct graph graph = {.arena = arena};
	struct spans spans = {.count = 0};
	const char *error = lower_rules(&graph, filter, &spans);
	uint32_t root;

	if (error != NULL)
		return error;
	root = dispatch_build(&graph, filter, spans.items, spans.count);
	root = graph_test(&graph, arch, root, graph_return(&graph, filter->foreign_action));
	return emit(&graph, root, out);
}
