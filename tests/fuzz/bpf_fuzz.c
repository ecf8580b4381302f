/* SPDX-License-Identifier: MIT */
/*
 * Bytes as a filter and calls: the assembled program must be valid and answer every call as the evaluator of the
 * decisions does. Six bytes of header, then records: a rule, a clause, a condition of the last clause, or a call.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "filter.h"
#include "filters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RULES_MAX = 512, CLAUSES_MAX = 64, CONDS_MAX = 6, CALLS_MAX = 256 };

struct input {
	const uint8_t *bytes;
	size_t left;
};

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes > 0 && in->left > 0; bytes--, in->left--)
		value = value << 8 | *in->bytes++;
	return value;
}

/* Few bytes reach the values where words and signs end. */
static uint64_t take_value(struct input *in)
{
	uint8_t shape = (uint8_t)take(in, 1);
	uint64_t value = shape & 0x80 ? take(in, 8) : take(in, 1);

	value = (shape & 0x40 ? ~value : value) << (shape & 0x3f);
	return value;
}

static uint32_t take_number(struct input *in)
{
	uint32_t number = (uint32_t)take(in, 2);

	return number < 0x800 ? number : (uint32_t)take_value(in);
}

static uint32_t take_action(struct input *in)
{
	uint8_t choice = (uint8_t)take(in, 1);

	return choice < 16 ? K_SECCOMP_RET_ALLOW : K_SECCOMP_RET_ERRNO | choice;
}

static struct filter_cond take_cond(struct input *in)
{
	uint8_t what = (uint8_t)take(in, 1);
	struct filter_cond c = {
		.arg = (uint8_t)(what % 6), .width = what & 0x80 ? 64 : 32, .op = (enum cmp_op)(what / 6 % 8)};

	c.mask = take_value(in);
	c.value = take_value(in);
	if (c.width == 32) {
		c.mask &= UINT32_MAX;
		c.value &= UINT32_MAX;
	}
	return c;
}

static struct filter_rule *find_rule(struct filter *f, uint32_t nr)
{
	for (size_t i = 0; i < f->nrules; i++)
		if (f->rules[i].nr == nr)
			return &f->rules[i];
	return NULL;
}

static void take_rule(struct input *in, struct arena *arena, struct filter *f)
{
	uint32_t nr = take_number(in);
	struct filter_rule rule = {.nr = nr, .action = take_action(in)};

	if (f->nrules == RULES_MAX || find_rule(f, nr) != NULL)
		return;
	rule.clauses = arena_alloc(arena, CLAUSES_MAX * sizeof(*rule.clauses));
	f->rules[f->nrules++] = rule;
}

static void take_clause(struct input *in, struct arena *arena, struct filter *f)
{
	struct filter_rule *rule = f->nrules > 0 ? &f->rules[f->nrules - 1] : NULL;
	struct filter_clause clause = {.action = take_action(in)};

	if (rule == NULL || rule->nclauses == CLAUSES_MAX)
		return;
	clause.conds = arena_alloc(arena, CONDS_MAX * sizeof(*clause.conds));
	rule->clauses[rule->nclauses++] = clause;
}

static void take_into_clause(struct input *in, struct filter *f)
{
	struct filter_rule *rule = f->nrules > 0 ? &f->rules[f->nrules - 1] : NULL;
	struct filter_clause *clause = rule != NULL && rule->nclauses > 0 ? &rule->clauses[rule->nclauses - 1] : NULL;
	struct filter_cond cond = take_cond(in);

	if (clause != NULL && clause->nconds < CONDS_MAX)
		clause->conds[clause->nconds++] = cond;
}

static struct bpf_data take_call(struct input *in, const struct filter *f)
{
	struct bpf_data d = {.nr = take_number(in), .arch = arch_rows[f->arch].audit_arch};

	for (size_t i = 0; i < 6; i++)
		d.args[i] = take_value(in);
	return d;
}

static void check(const struct filter *f, const struct bpf_program *p, const struct bpf_data *d)
{
	const struct arch_row *row = &arch_rows[f->arch];
	uint32_t expected = filter_evaluate(f, d);

	if (bpf_simulate(p, row->big_endian, d, NULL) != expected)
		abort();
	if (bpf_const_allow(p, row->audit_arch, d->nr, NULL) && expected != K_SECCOMP_RET_ALLOW)
		abort();
}

/* The calls in the input, and those around the filter's own borders. */
static void check_all(const struct filter *f, const struct bpf_data *calls, size_t count, uint64_t seed)
{
	struct arena *arena = arena_create();
	struct rng rng = {seed};
	struct bpf_program p;
	const char *error = bpf_assemble(arena, f, &p);

	if (error != NULL && strcmp(error, "filter too long") != 0)
		abort();
	if (error == NULL && !bpf_valid(p.insns, p.count))
		abort();
	for (size_t i = 0; error == NULL && i < count; i++)
		check(f, &p, &calls[i]);
	for (size_t i = 0; error == NULL && i < CALLS_MAX; i++) {
		struct bpf_data d = filter_probe(f, &rng);

		if (d.arch == arch_rows[f->arch].audit_arch)
			check(f, &p, &d);
	}
	arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct bpf_data *calls = arena_alloc(arena, CALLS_MAX * sizeof(*calls));
	struct input in = {data, size};
	struct filter f = {.arch = (enum arch_id)(take(&in, 1) % ARCHES)};
	size_t count = 0;

	f.default_action = take_action(&in);
	f.foreign_action = take_action(&in);
	f.x32_action = take_action(&in);
	f.newer_action = take_action(&in);
	f.newer_from = take(&in, 1) & 1 ? take_number(&in) : 0;
	f.rules = arena_alloc(arena, RULES_MAX * sizeof(*f.rules));
	while (in.left > 0)
		switch (take(&in, 1) % 4) {
		case 0:
			take_rule(&in, arena, &f);
			break;
		case 1:
			take_clause(&in, arena, &f);
			break;
		case 2:
			take_into_clause(&in, &f);
			break;
		default:
			if (count < CALLS_MAX)
				calls[count++] = take_call(&in, &f);
			break;
		}
	check_all(&f, calls, count, size);
	arena_destroy(&arena);
	return 0;
}
