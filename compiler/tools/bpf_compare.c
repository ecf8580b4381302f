/* SPDX-License-Identifier: MIT */
/*
 * Both programs are walked as one: the second begins where the first has returned, with all that is then known of the
 * call. A branch on a word goes both ways if some value of the word is still possible on each. Words are independent of
 * each other (a program compares with constants only), so a way is possible when each word is.
 */
#include "bpf_compare.h"

#include <stdlib.h>
#include <string.h>

#define WAYS_MAX   (1u << 18)
#define BUDGET_MAX ((size_t)1 << 24)

/* ---- one word ---- */

struct search {
	const struct word_test *tests;
	uint16_t *undecided; /* 33 lists of room for all tests */
	size_t room, *budget;
};

/* -1: fails, 0: still equal, 1: holds whatever follows. From the highest bit down, as numbers are compared. */
static int step(const struct word_test *test, int bit, uint32_t choice)
{
	uint32_t have = test->mask >> bit & choice, want = test->value >> bit & 1;

	if (have == want)
		return 0;
	if (test->op == WORD_NE)
		return 1;
	if (have > want)
		return test->op == WORD_GT || test->op == WORD_GE ? 1 : -1;
	return test->op == WORD_LT || test->op == WORD_LE ? 1 : -1;
}

static bool holds_when_equal(enum word_op op)
{
	return op == WORD_EQ || op == WORD_LE || op == WORD_GE;
}

static bool choose(struct search *s, int bit, size_t count, uint32_t so_far, uint32_t *example)
{
	const uint16_t *now = s->undecided + s->room * (size_t)(bit + 1);
	uint16_t *next = s->undecided + s->room * (size_t)bit;
	uint32_t matters = 0;

	*example = so_far;
	if (!count || !*s->budget || !--*s->budget)
		return true;
	if (bit < 0) {
		for (size_t i = 0; i < count; i++)
			if (!holds_when_equal(s->tests[now[i]].op))
				return false;
		return true;
	}
	for (size_t i = 0; i < count; i++)
		matters |= s->tests[now[i]].mask >> bit & 1;
	for (uint32_t choice = 0; choice <= matters; choice++) {
		size_t left = 0, i = 0;

		for (; i < count; i++) {
			int result = step(&s->tests[now[i]], bit, choice);
			if (result < 0)
				break;
			if (!result)
				next[left++] = now[i];
		}
		if (i == count && choose(s, bit - 1, left, so_far | choice << bit, example))
			return true;
	}
	return false;
}

bool word_satisfiable(const struct word_test *tests, size_t count, uint32_t *example, size_t *budget)
{
	struct search s = {.tests = tests, .room = count ? count : 1, .budget = budget};
	bool found;

	s.undecided = calloc(33 * s.room, sizeof(*s.undecided));
	if (!s.undecided)
		abort();
	for (size_t i = 0; i < count; i++)
		s.undecided[32 * s.room + i] = (uint16_t)i;
	found = choose(&s, 31, count, 0, example);
	free(s.undecided);
	return found;
}

/* ---- two programs ---- */

struct word {
	bool known;
	uint32_t value;
	struct word_test *tests;
	size_t ntests, cap;
};

struct walk {
	const struct bpf_program *programs[2];
	struct word words[BPF_DATA_WORDS];
	uint32_t first; /* what the first program returned */
	size_t ways, budget;
	bpf_difference *difference;
	void *context;
};

/* The accumulator: a word under a mask; the mask 0 is the constant 0. */
struct accumulator {
	uint32_t word, mask;
};

static void push(struct word *word, struct word_test test)
{
	if (word->ntests == word->cap) {
		word->cap = word->cap ? 2 * word->cap : 16;
		word->tests = realloc(word->tests, word->cap * sizeof(*word->tests));
		if (!word->tests)
			abort();
	}
	word->tests[word->ntests++] = test;
}

static struct word_test test_of(const struct k_sock_filter *insn, uint32_t mask, bool taken)
{
	switch (insn->code) {
	case K_BPF_JEQ_K:
		return (struct word_test){mask, insn->k, taken ? WORD_EQ : WORD_NE};
	case K_BPF_JGT_K:
		return (struct word_test){mask, insn->k, taken ? WORD_GT : WORD_LE};
	case K_BPF_JGE_K:
		return (struct word_test){mask, insn->k, taken ? WORD_GE : WORD_LT};
	default: /* K_BPF_JSET_K */
		return (struct word_test){mask & insn->k, 0, taken ? WORD_NE : WORD_EQ};
	}
}

static bool holds(const struct word_test *test, uint32_t value)
{
	const uint32_t have = value & test->mask;

	if (have == test->value)
		return holds_when_equal(test->op);
	if (test->op == WORD_NE)
		return true;
	return have > test->value ? test->op == WORD_GT || test->op == WORD_GE
				  : test->op == WORD_LT || test->op == WORD_LE;
}

static void compare_ends(struct walk *w, uint32_t second)
{
	uint32_t words[BPF_DATA_WORDS];
	bool by_arguments = false;

	if (w->first == second)
		return;
	for (size_t i = 0; i < BPF_DATA_WORDS; i++) {
		struct word *word = &w->words[i];
		words[i] = word->value;
		if (!word->known)
			word_satisfiable(word->tests, word->ntests, &words[i], &w->budget);
		by_arguments |= i >= K_SECCOMP_DATA_ARGS / 4 && word->ntests;
	}
	w->difference(w->context, words, w->first, second, by_arguments);
}

static void follow(struct walk *w, unsigned side, size_t pc, struct accumulator acc);

static void branch(struct walk *w, unsigned side, size_t pc, struct accumulator acc)
{
	const struct k_sock_filter *insn = &w->programs[side]->insns[pc];
	struct word *word = &w->words[acc.word];

	for (int taken = 0; taken < 2; taken++) {
		struct word_test test = test_of(insn, acc.mask, taken);
		bool possible, decided = word->known || !acc.mask;
		uint32_t example;

		if (decided) {
			possible = holds(&test, word->value);
		} else {
			push(word, test);
			possible = word_satisfiable(word->tests, word->ntests, &example, &w->budget);
		}
		if (possible)
			follow(w, side, pc + 1 + (taken ? insn->jt : insn->jf), acc);
		if (!decided)
			word->ntests--;
	}
}

static void follow(struct walk *w, unsigned side, size_t pc, struct accumulator acc)
{
	for (;; pc++) {
		const struct k_sock_filter *insn = &w->programs[side]->insns[pc];

		switch (insn->code) {
		case K_BPF_LD_W_ABS:
			acc = (struct accumulator){insn->k / 4, UINT32_MAX};
			break;
		case K_BPF_AND_K:
			acc.mask &= insn->k;
			break;
		case K_BPF_JA:
			pc += insn->k;
			break;
		case K_BPF_RET_K:
			if (side) {
				compare_ends(w, insn->k);
			} else {
				w->first = insn->k;
				follow(w, 1, 0, (struct accumulator){0, 0});
			}
			return;
		default: /* bpf_valid(): a conditional jump */
			if (!w->budget || w->ways == WAYS_MAX)
				return;
			w->ways++;
			branch(w, side, pc, acc);
			return;
		}
	}
}

bool bpf_compare(const struct bpf_program *before, const struct bpf_program *after, const struct bpf_calls *calls,
		 bpf_difference *difference, void *context)
{
	struct walk w = {
		.programs = {before, after}, .budget = BUDGET_MAX, .difference = difference, .context = context};
	struct word *nr = &w.words[K_SECCOMP_DATA_NR / 4], *arch = &w.words[K_SECCOMP_DATA_ARCH / 4];

	nr->known = calls->nr_known;
	nr->value = calls->nr;
	arch->known = calls->arch_known;
	arch->value = calls->arch;
	for (size_t i = 0; i < calls->nnr_tests; i++)
		push(nr, calls->nr_tests[i]);
	for (size_t i = 0; i < calls->narch_tests; i++)
		push(arch, calls->arch_tests[i]);
	follow(&w, 0, 0, (struct accumulator){0, 0});
	for (size_t i = 0; i < BPF_DATA_WORDS; i++)
		free(w.words[i].tests);
	return w.budget && w.ways < WAYS_MAX;
}
