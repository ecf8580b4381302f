/* SPDX-License-Identifier: MIT */
/*
 * From a rule's clauses to tests of argument words. First word for word, sharing the way on after each failed
 * clause; then once more along every path with what the path already knows, so that a question is not asked twice
 * and a rule whose every way ends in the same action becomes that action. The kernel's allow bitmap cannot see
 * through an argument load (kernel/seccomp.c, seccomp_is_const_allow()), so this is what keeps such calls cached.
 */
#include "arena.h"
#include "bpf_graph.h"

/* Bounds of the second pass: beyond them the first pass's nodes stay, which decide the same. */
#define PATH_GROWTH   4
#define PATH_DEPTH    256
#define PATH_REFUSALS 24
/* A graph that long cannot come from a filter that fits. */
#define GRAPH_MAX (1u << 20)

#define WORDS 16

struct words {
	uint16_t low, high;
};

/* struct seccomp_data keeps an argument in the byte order of the machine. */
static struct words argument(uint8_t arg, bool big_endian)
{
	uint16_t first = (uint16_t)(K_SECCOMP_DATA_ARGS / 4 + 2 * arg);

	if (big_endian)
		return (struct words){.low = (uint16_t)(first + 1), .high = first};
	return (struct words){.low = first, .high = (uint16_t)(first + 1)};
}

struct split {
	struct words words;
	bool wide;
	uint32_t mask_low, mask_high, low, high;
};

static uint32_t equal(struct graph *g, const struct split *s, uint32_t yes, uint32_t no)
{
	struct test low = {K_BPF_JEQ_K, s->words.low, s->mask_low, s->low};
	struct test high = {K_BPF_JEQ_K, s->words.high, s->mask_high, s->high};
	uint32_t rest = graph_test(g, low, yes, no);

	return s->wide ? graph_test(g, high, rest, no) : rest;
}

/* code is JGT or JGE */
static uint32_t ordered(struct graph *g, const struct split *s, uint16_t code, uint32_t yes, uint32_t no)
{
	struct test above = {K_BPF_JGT_K, s->words.high, FULL_MASK, s->high};
	struct test same = {K_BPF_JEQ_K, s->words.high, FULL_MASK, s->high};
	uint32_t rest = graph_test(g, (struct test){code, s->words.low, FULL_MASK, s->low}, yes, no);

	if (!s->wide)
		return rest;
	if (rest == yes) { /* at least high:00000000: the high word alone decides */
		above.code = K_BPF_JGE_K;
		return graph_test(g, above, yes, no);
	}
	return graph_test(g, above, yes, graph_test(g, same, rest, no));
}

static uint32_t condition(struct graph *g, const struct filter_cond *c, bool big_endian, uint32_t yes, uint32_t no)
{
	struct split s = {
		.words = argument(c->arg, big_endian),
		.wide = c->width == 64,
		.mask_low = FULL_MASK,
		.mask_high = FULL_MASK,
		.low = (uint32_t)c->value,
		.high = (uint32_t)(c->value >> 32),
	};

	switch (c->op) {
	case CMP_MASKED_EQ:
	case CMP_MASKED_NE:
		s.mask_low = (uint32_t)c->mask;
		s.mask_high = (uint32_t)(c->mask >> 32);
		return c->op == CMP_MASKED_EQ ? equal(g, &s, yes, no) : equal(g, &s, no, yes);
	case CMP_EQ:
		return equal(g, &s, yes, no);
	case CMP_NE:
		return equal(g, &s, no, yes);
	case CMP_GT:
		return ordered(g, &s, K_BPF_JGT_K, yes, no);
	case CMP_LE:
		return ordered(g, &s, K_BPF_JGT_K, no, yes);
	case CMP_GE:
		return ordered(g, &s, K_BPF_JGE_K, yes, no);
	case CMP_LT:
		break;
	}
	return ordered(g, &s, K_BPF_JGE_K, no, yes);
}

/* ---- what a path knows ---- */

struct word_facts {
	uint32_t min, max;
	uint32_t known, value; /* bits that are certain, and what they are */
};

struct refusal {
	uint32_t word, mask, value; /* (word & mask) != value */
};

struct facts {
	struct word_facts words[WORDS];
	struct refusal refusals[PATH_REFUSALS];
	size_t nrefusals;
};

enum answer { NO, YES, OPEN };

static bool refused(const struct facts *facts, uint32_t word, uint32_t mask, uint32_t value)
{
	for (size_t i = 0; i < facts->nrefusals; i++) {
		const struct refusal *r = &facts->refusals[i];

		if (r->word == word && r->mask == mask && r->value == value)
			return true;
	}
	return false;
}

static enum answer answer_equal(const struct facts *facts, uint32_t word, uint32_t mask, uint32_t value)
{
	const struct word_facts *w = &facts->words[word];

	if (((w->value ^ value) & w->known & mask) != 0 || refused(facts, word, mask, value))
		return NO;
	if ((mask & ~w->known) == 0)
		return YES;
	if (mask == FULL_MASK && (value < w->min || value > w->max))
		return NO;
	return OPEN;
}

static enum answer answer(const struct facts *facts, const struct test *test)
{
	const struct word_facts *w = &facts->words[test->word];
	enum answer zero;

	switch (test->code) {
	case K_BPF_JEQ_K:
		return answer_equal(facts, test->word, test->mask, test->k);
	case K_BPF_JGE_K:
		if (w->min >= test->k)
			return YES;
		return w->max < test->k ? NO : OPEN;
	default:
		if ((w->value & w->known & test->k) != 0)
			return YES;
		zero = answer_equal(facts, test->word, test->k, 0);
		return zero == OPEN ? OPEN : zero == YES ? NO : YES;
	}
}

static void learn_equal(struct facts *facts, uint32_t word, uint32_t mask, uint32_t value)
{
	struct word_facts *w = &facts->words[word];

	w->known |= mask;
	w->value = (w->value & ~mask) | value;
	if (w->known == FULL_MASK)
		w->min = w->max = w->value;
}

static void learn_unequal(struct facts *facts, uint32_t word, uint32_t mask, uint32_t value)
{
	struct word_facts *w = &facts->words[word];

	if (mask == FULL_MASK && value == w->min && w->min < w->max)
		w->min++;
	else if (mask == FULL_MASK && value == w->max && w->min < w->max)
		w->max--;
	else if (facts->nrefusals < PATH_REFUSALS)
		facts->refusals[facts->nrefusals++] = (struct refusal){word, mask, value};
	if (w->min == w->max)
		learn_equal(facts, word, FULL_MASK, w->min);
}

static void learn(struct facts *facts, const struct test *test, bool holds)
{
	struct word_facts *w = &facts->words[test->word];
	bool jset = test->code == K_BPF_JSET_K;

	if (test->code == K_BPF_JGE_K) {
		if (holds)
			w->min = test->k;
		else
			w->max = test->k - 1;
		if (w->min == w->max)
			learn_equal(facts, test->word, FULL_MASK, w->min);
		return;
	}
	/* a mask with one bit and a mask without any bit set are equalities */
	if (jset && holds && (test->k & (test->k - 1)) == 0)
		learn_equal(facts, test->word, test->k, test->k);
	else if (jset && holds)
		learn_unequal(facts, test->word, test->k, 0);
	else if (jset)
		learn_equal(facts, test->word, test->k, 0);
	else if (holds)
		learn_equal(facts, test->word, test->mask, test->k);
	else
		learn_unequal(facts, test->word, test->mask, test->k);
}

struct walk {
	struct graph *graph;
	size_t steps, max_steps;
};

static uint32_t walk(struct walk *w, uint32_t at, const struct facts *facts, unsigned depth)
{
	struct graph *g = w->graph;
	struct facts yes_facts, no_facts;
	struct test test;
	uint32_t yes, no;

	for (;;) {
		enum answer known;

		test = g->nodes[at].test;
		if (test.code == K_BPF_RET_K || depth == PATH_DEPTH || ++w->steps > w->max_steps)
			return at;
		known = answer(facts, &test);
		if (known == OPEN)
			break;
		at = known == YES ? g->nodes[at].yes : g->nodes[at].no;
	}
	yes_facts = no_facts = *facts;
	learn(&yes_facts, &test, true);
	learn(&no_facts, &test, false);
	yes = walk(w, g->nodes[at].yes, &yes_facts, depth + 1);
	no = walk(w, g->nodes[at].no, &no_facts, depth + 1);
	return graph_test(g, test, yes, no);
}

static uint32_t simplify(struct graph *g, uint32_t plain, size_t plain_nodes)
{
	struct walk w = {.graph = g, .max_steps = PATH_GROWTH * (plain_nodes + 16)};
	struct facts nothing = {.nrefusals = 0};

	for (size_t i = 0; i < WORDS; i++)
		nothing.words[i].max = UINT32_MAX;
	return walk(&w, plain, &nothing, 0);
}

/* Nodes from index `first` on that lead from `root`: what choosing it adds to the program. */
static size_t new_nodes(const struct graph *g, uint32_t root, size_t first)
{
	size_t count = 0;
	uint8_t *marks;

	if (root < first)
		return 0;
	marks = arena_alloc(g->arena, root - first + 1);
	marks[root - first] = 1;
	for (size_t i = root + (size_t)1; i-- > first;) {
		if (!marks[i - first])
			continue;
		count++;
		if (g->nodes[i].test.code == K_BPF_RET_K)
			continue;
		if (g->nodes[i].yes >= first)
			marks[g->nodes[i].yes - first] = 1;
		if (g->nodes[i].no >= first)
			marks[g->nodes[i].no - first] = 1;
	}
	return count;
}

/* Clauses from the last to the first, so that each finds where to go on when it fails. */
static bool plain_leaf(struct graph *g, const struct filter_rule *rule, bool big_endian, uint32_t *leaf)
{
	uint32_t otherwise = graph_return(g, rule->action);
	size_t first = g->count;

	for (size_t i = rule->nclauses; i-- > 0;) {
		const struct filter_clause *clause = &rule->clauses[i];
		uint32_t next = graph_return(g, clause->action);

		for (size_t j = clause->nconds; j-- > 0;) {
			next = condition(g, &clause->conds[j], big_endian, next, otherwise);
			if (g->count - first > K_BPF_MAXINSNS)
				return false;
		}
		otherwise = next;
	}
	*leaf = otherwise;
	return g->count < GRAPH_MAX;
}

bool leaf_build(struct graph *graph, const struct filter_rule *rule, bool big_endian, uint32_t *leaf)
{
	size_t first = graph->count, plain_nodes;
	uint32_t simplified;

	if (!plain_leaf(graph, rule, big_endian, leaf))
		return false;
	plain_nodes = new_nodes(graph, *leaf, first);
	simplified = simplify(graph, *leaf, plain_nodes);
	if (new_nodes(graph, simplified, first) <= plain_nodes)
		*leaf = simplified;
	return true;
}
