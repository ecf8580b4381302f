/* SPDX-License-Identifier: MIT */
/*
 * The tree over the system call number. Installing a filter costs by its length and by the instructions that the
 * kernel steps through when it runs it once for every number of the table (kernel/seccomp.c,
 * seccomp_cache_prepare()); a dynamic programme over the spans finds the cheapest tree. A node either splits a
 * range of spans in two (JGE), or names the single numbers that stand out from one background decision, one after
 * the other (JEQ).
 */
#include <string.h>

#include "arena.h"
#include "bpf_graph.h"

/*
 * The model of bpf_install_cost() in units of 10 ps, so that no floating point decides about a layout. An
 * instruction costs a fifth less here than the fit says: the sum hardly differs (0.1 % for the two marks in
 * tests/unit/bpf_test.c), and steps are also what the kernel takes at run time for every call that it cannot answer
 * from the bitmap.
 */
#define INSN_COST 17000
#define STEP_COST 242u
/* With weights: what one instruction more on the mean path may cost at installation. Ten instructions' length. */
#define MEAN_STEP_COST 216000u

/* Cubic time and square memory end here; more spans are halved first. */
#define EXACT_MAX 128
#define CHAIN_MAX 32

#define SPLIT 0xffffu /* in `how`: split in two; else a chain, with this background span */

/*
 * Costs of trees over at most EXACT_MAX spans have fewer than 31 bits: no more than 128 instructions, and no more than
 * 128 steps of at most 330,000 each (1,024 numbers of a table, and MEAN_STEP_COST for all weight together).
 */
typedef int32_t cost;

struct layout {
	struct graph *graph;
	const struct span *spans;
	const uint64_t *before; /* cost of one step for all numbers before span i */
	size_t base; /* first span of the part that the tables describe */
	cost (*down)[EXACT_MAX + 1],
		(*up)[EXACT_MAX + 1]; /* cheapest tree for spans i to j-1: down[i][j] == up[j][i] */
	uint16_t (*how)[EXACT_MAX + 1];
	uint16_t same[EXACT_MAX]; /* first span with the same decision */
};

/* ---- what a step costs, per span ---- */

static uint64_t capped_total(const struct filter *filter, unsigned *shift)
{
	uint64_t total = 0;

	for (size_t i = 0; i < filter->nweights; i++)
		total += filter->weights[i];
	/* The products below stay under 2^64. */
	for (*shift = 0; total >> *shift > UINT64_C(1) << 40;)
		++*shift;
	return total >> *shift;
}

static uint64_t *step_costs(struct arena *arena, const struct filter *filter, const struct span *spans, size_t count)
{
	uint64_t *before = arena_alloc(arena, (count + 1) * sizeof(*before));
	uint64_t table = arch_rows[filter->arch].native_nrs, sum = 0, total = 0;
	unsigned shift = 0;
	size_t nr = 0;

	if (filter->weights != NULL)
		total = capped_total(filter, &shift);
	for (size_t i = 0; i <= count; i++) {
		uint64_t start = spans[i].start;

		for (; total != 0 && nr < filter->nweights && nr < start; nr++)
			sum += filter->weights[nr];
		/* i: among trees that cost the same, the balanced one */
		before[i] = STEP_COST * (start < table ? start : table) + i;
		if (total != 0)
			before[i] += MEAN_STEP_COST * (sum >> shift) / total;
	}
	return before;
}

static cost weight(const struct layout *l, size_t i, size_t j)
{
	return (cost)(l->before[l->base + j] - l->before[l->base + i]);
}

/* ---- chains ---- */

static const struct span *span(const struct layout *l, size_t i)
{
	return &l->spans[l->base + i];
}

static bool single(const struct layout *l, size_t i)
{
	return span(l, i)[1].start - span(l, i)->start == 1;
}

/* The decision that a chain over the spans first to last-1 leaves for the end: that of the only wide ones, else
 * the most frequent. Grows with `last`, so that the search asks once per range. */
struct background {
	size_t first, last;
	size_t span; /* a span with that decision */
	size_t others; /* spans with another decision */
	bool wide, impossible;
	uint16_t count[EXACT_MAX]; /* by layout.same */
};

static void background_add(const struct layout *l, struct background *b)
{
	size_t i = b->last++, same = l->same[i];

	b->count[same]++;
	if (!single(l, i)) {
		b->impossible |= b->wide && b->span != same;
		b->wide = true;
		b->span = same;
	} else if (!b->wide && b->count[same] > b->count[b->span]) {
		b->span = same;
	}
	b->others = b->last - b->first - b->count[b->span];
}

struct chain {
	size_t spans[CHAIN_MAX]; /* heaviest first */
	size_t length;
};

static void chain_insert(const struct layout *l, struct chain *chain, size_t s)
{
	size_t at = chain->length++;

	for (; at > 0 && weight(l, s, s + 1) > weight(l, chain->spans[at - 1], chain->spans[at - 1] + 1); at--)
		chain->spans[at] = chain->spans[at - 1];
	chain->spans[at] = s;
}

static bool chain_collect(const struct layout *l, size_t i, size_t j, size_t background, struct chain *chain)
{
	uint32_t leaf = span(l, background)->leaf;

	chain->length = 0;
	for (size_t s = i; s < j; s++) {
		if (span(l, s)->leaf == leaf)
			continue;
		if (chain->length == CHAIN_MAX)
			return false;
		chain_insert(l, chain, s);
	}
	return true;
}

/* Whoever is found at position q has taken q + 1 steps; the background takes all of them. */
static cost chain_cost(const struct layout *l, size_t i, size_t j, const struct chain *chain)
{
	cost left = weight(l, i, j), sum = INSN_COST * (cost)chain->length;

	for (size_t q = 0; q < chain->length; q++) {
		sum += left;
		left -= weight(l, chain->spans[q], chain->spans[q] + 1);
	}
	return sum;
}

/* ---- the search ---- */

#define LANES 4
typedef cost lanes __attribute__((vector_size(LANES * sizeof(cost))));

/* The least down[m] + up[m] for m from i + 1 to j - 1: the innermost loop of the search. Which m, build() asks again. */
static cost least_split(const cost *down, const cost *up, size_t i, size_t j)
{
	lanes least = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, d, u, less;
	size_t m = i + 1;
	cost best;

	for (; m + LANES <= j; m += LANES) {
		memcpy(&d, down + m, sizeof(d));
		memcpy(&u, up + m, sizeof(u));
		d += u;
		less = d < least;
		least = (d & less) | (least & ~less);
	}
	best = least[0];
	for (size_t lane = 1; lane < LANES; lane++)
		best = least[lane] < best ? least[lane] : best;
	for (; m < j; m++)
		best = down[m] + up[m] < best ? down[m] + up[m] : best;
	return best;
}

static void best_split(struct layout *l, size_t i, size_t j)
{
	l->down[i][j] = least_split(l->down[i], l->up[j], i, j) + INSN_COST + weight(l, i, j);
	l->how[i][j] = SPLIT;
}

static void try_chain(struct layout *l, size_t i, size_t j, const struct background *b)
{
	cost *best = &l->down[i][j], sum;
	struct chain chain;

	if (b->impossible || (cost)b->others * INSN_COST >= *best || !chain_collect(l, i, j, b->span, &chain))
		return;
	sum = chain_cost(l, i, j, &chain);
	if (sum < *best) {
		*best = sum;
		l->how[i][j] = (uint16_t)b->span;
	}
}

static void find_same(struct layout *l, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t first = 0;

		while (span(l, first)->leaf != span(l, i)->leaf)
			first++;
		l->same[i] = (uint16_t)first;
	}
}

static void search(struct layout *l, size_t base, size_t count)
{
	l->base = base;
	find_same(l, count);
	for (size_t i = count; i-- > 0;) {
		struct background b = {.first = i, .last = i, .span = l->same[i]};

		l->down[i][i + 1] = l->up[i + 1][i] = 0;
		background_add(l, &b);
		for (size_t j = i + 2; j <= count; j++) {
			best_split(l, i, j);
			background_add(l, &b);
			try_chain(l, i, j, &b);
			l->up[j][i] = l->down[i][j];
		}
	}
}

/* ---- from the choice to nodes ---- */

static struct test number_test(uint16_t code, const struct span *s)
{
	return (struct test){code, K_SECCOMP_DATA_NR / 4, FULL_MASK, (uint32_t)s->start};
}

static uint32_t build(struct layout *l, size_t i, size_t j);

/* Where the search split: at the first border whose trees cost least together. */
static uint32_t build_split(struct layout *l, size_t i, size_t j)
{
	cost least = least_split(l->down[i], l->up[j], i, j);
	size_t at = i + 1;
	uint32_t low;

	while (l->down[i][at] + l->up[j][at] != least)
		at++;
	low = build(l, i, at);
	return graph_test(l->graph, number_test(K_BPF_JGE_K, span(l, at)), build(l, at, j), low);
}

static uint32_t build(struct layout *l, size_t i, size_t j)
{
	struct chain chain;
	uint32_t node;

	if (j - i == 1)
		return span(l, i)->leaf;
	if (l->how[i][j] == SPLIT)
		return build_split(l, i, j);
	node = span(l, l->how[i][j])->leaf;
	chain_collect(l, i, j, l->how[i][j], &chain);
	for (size_t q = chain.length; q-- > 0;)
		node = graph_test(l->graph, number_test(K_BPF_JEQ_K, span(l, chain.spans[q])),
				  span(l, chain.spans[q])->leaf, node);
	return node;
}

/* The border in the middle half whose sides weigh most alike: the depth stays logarithmic whatever the weights. */
static size_t halve(const uint64_t *before, size_t i, size_t j)
{
	size_t quarter = (j - i) / 4, best = i + quarter;
	uint64_t least = UINT64_MAX;

	for (size_t m = i + quarter; m <= j - quarter; m++) {
		uint64_t left = before[m] - before[i], right = before[j] - before[m];
		uint64_t apart = left > right ? left - right : right - left;

		if (apart < least) {
			least = apart;
			best = m;
		}
	}
	return best;
}

static uint32_t divide(struct layout *l, size_t i, size_t j)
{
	size_t middle;
	uint32_t low;

	if (j - i <= EXACT_MAX) {
		search(l, i, j - i);
		return build(l, 0, j - i);
	}
	middle = halve(l->before, i, j);
	low = divide(l, i, middle);
	return graph_test(l->graph, number_test(K_BPF_JGE_K, &l->spans[middle]), divide(l, middle, j), low);
}

uint32_t dispatch_build(struct graph *graph, const struct filter *filter, const struct span *spans, size_t count)
{
	/* one set for all filters of a compilation: every cell is written before it is read */
	static cost down[EXACT_MAX + 1][EXACT_MAX + 1], up[EXACT_MAX + 1][EXACT_MAX + 1];
	static uint16_t how[EXACT_MAX + 1][EXACT_MAX + 1];
	struct layout l = {.graph = graph, .spans = spans, .down = down, .up = up, .how = how};

	l.before = step_costs(graph->arena, filter, spans, count);
	return divide(&l, 0, count);
}
