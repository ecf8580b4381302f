/* SPDX-License-Identifier: MIT */
/*
 * bpf_assemble() against an evaluator of the decisions (tests/lib/filters.c), and the simulator's own rules.
 *   bpf_test [SEED]      the seed of the random part; it is printed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "filter.h"
#include "filters.h"
#include "tap.h"

#define ALLOW        K_SECCOMP_RET_ALLOW
#define EPERM_       (K_SECCOMP_RET_ERRNO | 1)
#define KILL         K_SECCOMP_RET_KILL_PROCESS
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static struct filter base_filter(void)
{
	return (struct filter){.default_action = EPERM_, .foreign_action = KILL, .x32_action = KILL};
}

/* ---- program and evaluator agree ---- */

static bool agree(const struct filter *f, const struct bpf_program *p, const struct bpf_data *d)
{
	uint32_t expected = filter_evaluate(f, d);
	uint32_t actual = bpf_simulate(p, arch_rows[f->arch].big_endian, d, NULL);

	if (expected == actual)
		return true;
	tap_note("%s nr %u arch %08x args %llx %llx %llx: expected %08x, got %08x", arch_rows[f->arch].name, d->nr,
		 d->arch, (unsigned long long)d->args[0], (unsigned long long)d->args[1],
		 (unsigned long long)d->args[2], expected, actual);
	return false;
}

static bool agree_around(const struct filter *f, const struct bpf_program *p, struct rng *rng, unsigned probes)
{
	for (unsigned i = 0; i < probes; i++) {
		struct bpf_data d = filter_probe(f, rng);

		if (!agree(f, p, &d))
			return false;
	}
	return true;
}

/* The proof must hold for every argument, and cover each number that is allowed whatever the clauses. */
static bool proof_holds(const struct filter *f, const struct bpf_program *p, struct rng *rng)
{
	uint32_t arch = arch_rows[f->arch].audit_arch;

	for (size_t i = 0; i < f->nrules; i++) {
		const struct filter_rule *rule = &f->rules[i];
		bool always = rule->action == ALLOW, proven = bpf_const_allow(p, arch, rule->nr, NULL);
		struct bpf_data d = filter_probe(f, rng);

		for (size_t j = 0; j < rule->nclauses; j++)
			always &= rule->clauses[j].action == ALLOW;
		d.nr = rule->nr;
		d.arch = arch;
		if ((always && !proven) || (proven && filter_evaluate(f, &d) != ALLOW)) {
			tap_note("nr %u: always %d, proven %d", rule->nr, always, proven);
			return false;
		}
	}
	return true;
}

/* One return per action, unless the program is longer than a jump. */
static bool returns_shared(const struct bpf_program *p)
{
	for (size_t i = 0; i < p->count && p->count <= 256; i++)
		for (size_t j = 0; j < i; j++)
			if (p->insns[i].code == K_BPF_RET_K &&
			    memcmp(&p->insns[i], &p->insns[j], sizeof(p->insns[i])) == 0)
				return false;
	return true;
}

/* The order of the rules is not part of the input. */
static bool deterministic(struct filter *f, const struct bpf_program *p, struct rng *rng)
{
	struct bpf_program again;

	for (size_t i = f->nrules; i > 1; i--) {
		size_t j = rng_below(rng, (uint32_t)i);
		struct filter_rule swap = f->rules[i - 1];

		f->rules[i - 1] = f->rules[j];
		f->rules[j] = swap;
	}
	return bpf_assemble(arena, f, &again) == NULL && again.count == p->count &&
	       memcmp(again.insns, p->insns, p->count * sizeof(*p->insns)) == 0;
}

static bool random_round(struct rng *rng, const struct filter_shape *shape, unsigned probes)
{
	struct filter f = filter_random(arena, rng, (enum arch_id)rng_below(rng, ARCHES), shape);
	uint32_t weights[512];
	struct bpf_program p;
	const char *error;

	if (rng_below(rng, 3) == 0) {
		for (size_t i = 0; i < COUNT(weights); i++)
			weights[i] = rng_below(rng, 8) == 0 ? (uint32_t)rng_next(rng) >> rng_below(rng, 32) : 0;
		f.weights = weights;
		f.nweights = COUNT(weights);
	}
	error = bpf_assemble(arena, &f, &p);
	if (error != NULL) {
		tap_note("%s", error);
		return false;
	}
	return bpf_valid(p.insns, p.count) && agree_around(&f, &p, rng, probes) && proof_holds(&f, &p, rng) &&
	       returns_shared(&p) && deterministic(&f, &p, rng);
}

static void test_random(uint64_t seed)
{
	static const struct {
		const char *what;
		unsigned rounds, probes;
		struct filter_shape shape;
	} rows[] = {
		{"small filters", 3000, 60, {6, 12, 4, 12}},
		{"one rule with many clauses", 500, 200, {1, 4, 24, 4}},
		{"numbers only", 300, 200, {200, 480, 0, 3}},
		{"mixed", 200, 500, {120, 480, 3, 12}},
		{"hundreds of distinct leaves", 20, 3000, {700, 480, 6, 12}},
	};
	struct rng rng = {seed};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned round = 0;

		for (; round < rows[i].rounds; round++) {
			uint64_t start = rng.state;
			bool passed;

			arena_destroy(&arena);
			arena = arena_create();
			passed = random_round(&rng, &rows[i].shape, rows[i].probes);
			if (!passed) {
				tap_note("state %llx", (unsigned long long)start);
				break;
			}
		}
		tap_ok(round == rows[i].rounds, "%u random filters agree with the evaluator: %s", rows[i].rounds,
		       rows[i].what);
	}
}

/* ---- every operator ---- */

static bool operator_agrees(enum arch_id arch, struct filter_cond cond)
{
	static const uint64_t garbage[] = {0, 0x100000000, 0x8000000000000000, 0xffffffff00000000,
					   0xdeadbeef00000000};
	struct filter_clause clause = {.conds = &cond, .nconds = 1, .action = ALLOW};
	struct filter_rule rule = {.nr = 7, .clauses = &clause, .nclauses = 1, .action = EPERM_};
	struct filter f = base_filter();
	struct bpf_program p;
	bool passed = true;

	f.arch = arch;
	f.rules = &rule;
	f.nrules = 1;
	if (bpf_assemble(arena, &f, &p) != NULL || !bpf_valid(p.insns, p.count))
		return false;
	for (size_t g = 0; g < COUNT(garbage); g++)
		for (uint64_t near = 0; near < 3; near++)
			for (unsigned bit = 0; bit <= 64; bit += 8) {
				struct bpf_data d = {.nr = 7, .arch = arch_rows[arch].audit_arch};

				d.args[cond.arg] = (cond.value + near - 1) ^ garbage[g];
				if (bit < 64)
					d.args[cond.arg] ^= UINT64_C(1) << bit;
				passed &= agree(&f, &p, &d);
			}
	return passed;
}

static void test_operators(void)
{
	static const uint64_t values[] = {
		0,           1,           0x5412,      0x7fffffff,         0x80000000,         0xffffffff,
		0x100000000, 0x100000001, 0x1ffffffff, 0x5412541200000000, 0x8000000000000000, UINT64_MAX};
	static const uint64_t masks[] = {
		0, 1, 0xff, 0x80000000, 0xffffffff, 0x100000000, 0xffffffff00000000, 0x7e020000, UINT64_MAX};
	static const char *const names[] = {"==", "!=", "<", "<=", ">", ">=", "masked ==", "masked !="};

	for (unsigned op = 0; op < COUNT(names); op++) {
		bool passed = true;
		unsigned tried = 0;

		for (size_t i = 0; i < COUNT(values) * COUNT(masks) * ARCHES * 2; i++) {
			struct filter_cond cond = {
				.arg = (uint8_t)(i % 6),
				.width = i % 2 != 0 ? 32 : 64,
				.op = (enum cmp_op)op,
				.mask = masks[i / 2 % COUNT(masks)],
				.value = values[i / 2 / COUNT(masks) % COUNT(values)],
			};

			if (cond.width == 32 && (cond.value > UINT32_MAX || cond.mask > UINT32_MAX))
				continue;
			passed &= operator_agrees((enum arch_id)(i / 2 / COUNT(masks) / COUNT(values)), cond);
			tried++;
		}
		tap_ok(passed, "%s on both widths and every architecture (%u conditions)", names[op], tried);
	}
}

/* ---- the shape of programs ---- */

static struct filter_cond equals(uint8_t arg, uint8_t width, uint64_t value)
{
	return (struct filter_cond){.arg = arg, .width = width, .op = CMP_EQ, .value = value};
}

/* One clause per rule: argument 0 is its number → ERRNO(1 + n); so every leaf differs. */
static struct filter distinct_leaves(uint32_t rules)
{
	struct filter f = base_filter();

	f.nrules = rules;
	f.rules = arena_alloc(arena, (rules + 1) * sizeof(*f.rules));
	for (uint32_t i = 0; i < rules; i++) {
		struct filter_cond *cond = arena_alloc(arena, sizeof(*cond));
		struct filter_clause *clause = arena_alloc(arena, sizeof(*clause));

		*cond = equals(0, 32, i);
		*clause = (struct filter_clause){.conds = cond, .nconds = 1, .action = K_SECCOMP_RET_ERRNO | (1 + i)};
		f.rules[i] = (struct filter_rule){.nr = i, .clauses = clause, .nclauses = 1, .action = ALLOW};
	}
	return f;
}

static bool leaves_agree(const struct filter *f, const struct bpf_program *p)
{
	for (uint32_t nr = 0; nr <= f->nrules; nr++)
		for (uint32_t off = 0; off < 3; off++) {
			struct bpf_data d = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64, .args = {nr + off - 1}};

			if (!agree(f, p, &d))
				return false;
		}
	return true;
}

static size_t count_code(const struct bpf_program *p, uint16_t code)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += p->insns[i].code == code;
	return count;
}

/* From short to long programs one rule at a time: some jump is exactly 255, and the next is one too far. */
static void test_distances(void)
{
	bool full = false, long_jump = false, passed = true;

	for (uint32_t rules = 0; rules <= 420 && passed; rules += rules < 200 ? 1 : 11) {
		struct filter f = distinct_leaves(rules);
		struct bpf_program p;

		passed = bpf_assemble(arena, &f, &p) == NULL && bpf_valid(p.insns, p.count) && leaves_agree(&f, &p);
		for (size_t i = 0; passed && i < p.count; i++) {
			full |= p.insns[i].jt == 255 || p.insns[i].jf == 255;
			long_jump |= p.insns[i].code == K_BPF_JA && p.insns[i].k >= 255;
		}
	}
	tap_ok(passed, "0 to 420 distinct leaves agree with the evaluator");
	tap_ok(full, "some test jumps over exactly 255 instructions");
	tap_ok(long_jump, "what is further away is reached by a long jump");
}

/* A program of exactly 256 tests and a return behind them: the first test reaches 255 instructions far, and with
 * one more it does not. All clauses of one rule, so the tests stand in one row. */
static struct filter one_rule(struct filter_rule *rule, uint32_t clauses)
{
	struct filter f = base_filter();

	*rule = (struct filter_rule){.nr = 1, .nclauses = clauses, .action = ALLOW};
	rule->clauses = arena_alloc(arena, (clauses + 1) * sizeof(*rule->clauses));
	for (uint32_t i = 0; i < clauses; i++) {
		rule->clauses[i] = (struct filter_clause){.nconds = 1, .action = K_SECCOMP_RET_LOG};
		rule->clauses[i].conds = arena_alloc(arena, sizeof(struct filter_cond));
		rule->clauses[i].conds[0] = equals(0, 32, 2 * i);
	}
	f.rules = rule;
	f.nrules = 1;
	return f;
}

static bool row_agrees(const struct filter *f, const struct bpf_program *p, uint32_t clauses)
{
	for (uint32_t value = 0; value <= 2 * clauses + 1; value++)
		for (uint32_t nr = 0; nr < 3; nr++) {
			struct bpf_data d = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64, .args = {value}};

			if (!agree(f, p, &d))
				return false;
		}
	return true;
}

static void test_row(void)
{
	static const uint32_t sizes[] = {1, 2, 253, 254, 255, 256, 257, 258, 510, 511, 512, 513, 1000};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct filter_rule rule;
		struct filter f = one_rule(&rule, sizes[i]);
		struct bpf_program p = {NULL, 0};
		const char *error = bpf_assemble(arena, &f, &p);

		tap_ok(error == NULL && bpf_valid(p.insns, p.count) && row_agrees(&f, &p, sizes[i]),
		       "a row of %u tests: %zu instructions, %zu returns", sizes[i], p.count,
		       count_code(&p, K_BPF_RET_K));
	}
}

static void test_limit(void)
{
	size_t longest = 0, clauses = 4000;
	const char *error = NULL;

	for (; error == NULL && clauses < 4200; clauses++) {
		struct filter_rule rule;
		struct filter f = one_rule(&rule, (uint32_t)clauses);
		struct bpf_program p;

		error = bpf_assemble(arena, &f, &p);
		if (error == NULL && bpf_valid(p.insns, p.count))
			longest = p.count;
	}
	tap_ok(longest == K_BPF_MAXINSNS, "a program of exactly 4096 instructions is assembled (longest %zu)",
	       longest);
	tap_ok(error != NULL && strcmp(error, "filter too long") == 0, "one test more is refused: %s", error);
}

static const char *assemble_cond(struct filter_cond cond)
{
	struct filter_clause clause = {.conds = &cond, .nconds = 1, .action = ALLOW};
	struct filter_rule rule = {.nr = 1, .clauses = &clause, .nclauses = 1, .action = EPERM_};
	struct filter f = base_filter();
	struct bpf_program p;

	f.rules = &rule;
	f.nrules = 1;
	return bpf_assemble(arena, &f, &p);
}

static void test_errors(void)
{
	static const struct {
		const char *what;
		struct filter_cond cond;
		bool good;
	} rows[] = {
		{"argument 5", {5, 64, CMP_EQ, 0, 1}, true},
		{"argument 6", {6, 64, CMP_EQ, 0, 1}, false},
		{"width 16", {0, 16, CMP_EQ, 0, 1}, false},
		{"a 32-bit value", {0, 32, CMP_EQ, 0, 0xffffffff}, true},
		{"a 33-bit value on a 32-bit argument", {0, 32, CMP_EQ, 0, 0x100000000}, false},
		{"a 33-bit mask on a 32-bit argument", {0, 32, CMP_MASKED_EQ, 0x100000000, 0}, false},
		{"a stray mask where none is used", {0, 32, CMP_EQ, 0x100000000, 0}, true},
		{"an operator that does not exist", {0, 64, (enum cmp_op)8, 0, 0}, false},
		{"a masked value outside of its mask", {0, 64, CMP_MASKED_EQ, 1, 2}, true},
	};
	struct filter_rule twice[] = {{.nr = 3, .action = ALLOW}, {.nr = 1}, {.nr = 3, .action = ALLOW}};
	struct filter f = base_filter();
	struct bpf_program p;
	const char *error;

	for (size_t i = 0; i < COUNT(rows); i++) {
		error = assemble_cond(rows[i].cond);
		tap_ok(rows[i].good ? error == NULL : error != NULL && strcmp(error, "bad condition") == 0, "%s: %s",
		       rows[i].what, rows[i].good ? "accepted" : "bad condition");
	}
	f.rules = twice;
	f.nrules = COUNT(twice);
	error = bpf_assemble(arena, &f, &p);
	tap_ok(error != NULL && strcmp(error, "two rules for one system call number") == 0,
	       "a number with two rules");
}

static void test_small(void)
{
	struct filter_rule rule = {.nr = 39, .action = ALLOW};
	struct filter f = base_filter();
	struct bpf_program p;
	struct rng rng = {1};

	f.default_action = f.foreign_action = f.x32_action = ALLOW;
	tap_ok(bpf_assemble(arena, &f, &p) == NULL && p.count == 1 && p.insns[0].k == ALLOW,
	       "nothing to say: one return");
	f = base_filter();
	tap_ok(bpf_assemble(arena, &f, &p) == NULL && p.count == 6 && agree_around(&f, &p, &rng, 5000),
	       "no rules: the default, x32 and foreign calls");
	f.rules = &rule;
	f.nrules = 1;
	tap_ok(bpf_assemble(arena, &f, &p) == NULL && p.count == 8 && agree_around(&f, &p, &rng, 5000), "one rule");
	rule.action = EPERM_;
	tap_ok(bpf_assemble(arena, &f, &p) == NULL && p.count == 6, "a rule that repeats the default costs nothing");
	f.arch = ARCH_AARCH64;
	tap_ok(bpf_assemble(arena, &f, &p) == NULL && p.count == 4 && agree_around(&f, &p, &rng, 5000),
	       "everything denied: the number is not even loaded");
}

/* A permissive default lets no x32 number through, the last plain one keeps the default, and -1 is x32. */
static void test_x32(void)
{
	static const struct {
		uint32_t nr, action;
	} rows[] = {{0, ALLOW}, {0x3fffffff, ALLOW}, {0x40000000, KILL}, {0x400001ff, KILL}, {0xffffffff, KILL}};
	struct filter f = base_filter();
	struct bpf_program p;

	f.default_action = ALLOW;
	if (bpf_assemble(arena, &f, &p) != NULL)
		p.count = 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bpf_data d = {.nr = rows[i].nr, .arch = K_AUDIT_ARCH_X86_64};

		tap_ok(bpf_simulate(&p, false, &d, NULL) == rows[i].action, "allowing by default: number %08x",
		       rows[i].nr);
	}
}

/* Calls newer than the table have an action of their own, as far as the x32 numbers where there are any. */
static void test_newer(void)
{
	static const struct {
		enum arch_id arch;
		uint32_t from, nr, action;
	} rows[] = {
		{ARCH_X86_64, 472, 471, EPERM_},
		{ARCH_X86_64, 472, 472, ALLOW},
		{ARCH_X86_64, 472, 500, K_SECCOMP_RET_LOG},
		{ARCH_X86_64, 472, 501, ALLOW},
		{ARCH_X86_64, 472, 0x3fffffff, ALLOW},
		{ARCH_X86_64, 472, 0x40000000, KILL},
		{ARCH_X86_64, 0x40000000, 0x3fffffff, EPERM_},
		{ARCH_X86_64, 0x50000000, 0x4fffffff, KILL},
		{ARCH_X86_64, 0x50000000, 0x50000000, KILL},
		{ARCH_AARCH64, 0x50000000, 0x4fffffff, EPERM_},
		{ARCH_AARCH64, 0x50000000, 0x50000000, ALLOW},
		{ARCH_AARCH64, 0xffffffff, 0xffffffff, ALLOW},
	};
	struct filter_rule rule = {.nr = 500, .action = K_SECCOMP_RET_LOG};
	struct filter f = base_filter();
	struct bpf_program p;

	f.newer_action = ALLOW;
	f.rules = &rule;
	f.nrules = 1;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bpf_data d = {.nr = rows[i].nr, .arch = arch_rows[rows[i].arch].audit_arch};

		f.arch = rows[i].arch;
		f.newer_from = rows[i].from;
		tap_ok(bpf_assemble(arena, &f, &p) == NULL && bpf_simulate(&p, false, &d, NULL) == rows[i].action,
		       "newer than %x on %s: number %x", rows[i].from, arch_rows[f.arch].name, d.nr);
	}
}

/* ---- leaves ---- */

/* Conditions that cover everything between them, all allowing: the kernel must see a plain allow. */
static void test_leaf_proofs(void)
{
	static const struct {
		const char *what;
		struct filter_cond a, b; /* two clauses; both allow, the rest is denied */
		bool proven;
	} rows[] = {
		{"== or !=", {0, 64, CMP_EQ, 0, 5}, {0, 64, CMP_NE, 0, 5}, true},
		{"< or >=", {1, 64, CMP_LT, 0, 0x500000000}, {1, 64, CMP_GE, 0, 0x500000000}, true},
		{">= or <", {1, 64, CMP_GE, 0, 0x500000005}, {1, 64, CMP_LT, 0, 0x500000005}, true},
		{"< or >= one less", {1, 32, CMP_LT, 0, 500}, {1, 32, CMP_GE, 0, 499}, true},
		{"< or >", {1, 32, CMP_LT, 0, 500}, {1, 32, CMP_GT, 0, 500}, false},
		{"bit set or not", {2, 32, CMP_MASKED_EQ, 8, 8}, {2, 32, CMP_MASKED_EQ, 8, 0}, true},
		{"masked == or masked !=",
		 {2, 64, CMP_MASKED_EQ, 0xff00000000ff, 7},
		 {2, 64, CMP_MASKED_NE, 0xff00000000ff, 7},
		 true},
		{"at least 0", {0, 32, CMP_GE, 0, 0}, {0, 32, CMP_EQ, 0, 9}, true},
		{"mask 0", {0, 64, CMP_MASKED_EQ, 0, 0}, {0, 64, CMP_EQ, 0, 9}, true},
		{"== on different arguments", {0, 32, CMP_EQ, 0, 5}, {1, 32, CMP_NE, 0, 5}, false},
		{"64 and 32 bits", {0, 64, CMP_EQ, 0, 5}, {0, 32, CMP_NE, 0, 5}, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct filter_cond a = rows[i].a, b = rows[i].b;
		struct filter_clause clauses[] = {{&a, 1, ALLOW}, {&b, 1, ALLOW}};
		struct filter_rule rule = {.nr = 9, .clauses = clauses, .nclauses = 2, .action = EPERM_};
		struct filter f = base_filter();
		struct bpf_program p = {NULL, 0};
		struct rng rng = {i};

		f.rules = &rule;
		f.nrules = 1;
		tap_ok(bpf_assemble(arena, &f, &p) == NULL && agree_around(&f, &p, &rng, 2000) &&
			       bpf_const_allow(&p, K_AUDIT_ARCH_X86_64, 9, NULL) == rows[i].proven,
		       "%s: %s", rows[i].what, rows[i].proven ? "an unconditional allow" : "asks the arguments");
	}
}

/* Arguments are loaded in no other number's way, and equal leaves are one. */
static void test_leaf_sharing(void)
{
	struct filter_cond cond = equals(1, 32, 0x5412);
	struct filter_clause clause = {.conds = &cond, .nconds = 1, .action = EPERM_};
	struct filter_rule rules[300];
	struct filter f = base_filter();
	struct bpf_program p = {NULL, 0};
	bool proven = true;

	f.default_action = ALLOW;
	f.rules = rules;
	f.nrules = COUNT(rules);
	for (uint32_t i = 0; i < COUNT(rules); i++)
		rules[i] = (struct filter_rule){.nr = i, .clauses = &clause, .nclauses = 1, .action = ALLOW};
	bpf_assemble(arena, &f, &p);
	tap_ok(p.count == 10, "300 numbers with one leaf: %zu instructions", p.count);
	for (uint32_t nr = 300; nr < 470; nr++)
		proven &= bpf_const_allow(&p, K_AUDIT_ARCH_X86_64, nr, NULL);
	tap_ok(proven, "numbers without a condition stay constant");
	tap_ok(!bpf_const_allow(&p, K_AUDIT_ARCH_X86_64, 299, NULL), "a number with a condition is not");
}

/* Leaves that differ in nothing but a mask: what counts as equal must be all of it. */
static void test_leaf_masks(void)
{
	enum { RULES = 700 };
	struct filter_rule rules[RULES];
	struct filter_clause clauses[RULES];
	struct filter_cond conds[RULES];
	struct filter f = base_filter();
	struct bpf_program p = {NULL, 0};
	bool passed;

	f.rules = rules;
	f.nrules = RULES;
	for (uint32_t i = 0; i < RULES; i++) {
		conds[i] = (struct filter_cond){0, 32, CMP_MASKED_EQ, 4 * i + 3, 1};
		clauses[i] = (struct filter_clause){&conds[i], 1, ALLOW};
		rules[i] = (struct filter_rule){.nr = i, .clauses = &clauses[i], .nclauses = 1, .action = EPERM_};
	}
	passed = bpf_assemble(arena, &f, &p) == NULL && bpf_valid(p.insns, p.count);
	for (uint32_t nr = 0; passed && nr < RULES; nr++)
		for (uint32_t bit = 0; passed && bit < 12; bit++) {
			struct bpf_data d = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64, .args = {1 ^ (1u << bit)}};

			passed = agree(&f, &p, &d);
		}
	tap_ok(passed, "%d leaves that differ in their masks only: %zu instructions", RULES, p.count);
}

/* ---- weights ---- */

static unsigned steps_of(const struct bpf_program *p, uint32_t nr)
{
	struct bpf_data d = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64};
	unsigned steps;

	bpf_simulate(p, false, &d, &steps);
	return steps;
}

static size_t mark_rules(struct filter_rule *rules)
{
	size_t count = 0;

	for (size_t i = 0; allow_mark[i][1] != 0; i++)
		for (uint32_t nr = allow_mark[i][0]; nr <= allow_mark[i][1]; nr++)
			rules[count++] = (struct filter_rule){.nr = nr, .action = ALLOW};
	return count;
}

/* The hottest of several numbers that stand out is asked for first, whatever its place. All lie above the
 * numbers that installation walks, which one test keeps away from them; so it is load, arch, load, that test,
 * its own, return. */
static void test_hottest(void)
{
	uint32_t weights[560] = {[510] = 1, [520] = 1, [540] = 1000, [550] = 30};
	struct filter_rule rules[5];
	struct filter f = base_filter();
	struct bpf_program p = {NULL, 0};
	struct bpf_data d = {.nr = 540, .arch = K_AUDIT_ARCH_AARCH64};
	unsigned steps = 0;

	f.arch = ARCH_AARCH64;
	f.rules = rules;
	f.nrules = COUNT(rules);
	f.weights = weights;
	f.nweights = COUNT(weights);
	for (uint32_t i = 0; i < COUNT(rules); i++)
		rules[i] = (struct filter_rule){.nr = 510 + 10 * i, .action = ALLOW};
	if (bpf_assemble(arena, &f, &p) == NULL)
		bpf_simulate(&p, false, &d, &steps);
	tap_ok(steps == 6, "the hottest number takes %u instructions", steps);
}

static void test_weights(void)
{
	uint32_t weights[400] = {[0] = 500, [1] = 400, [202] = 1000, [228] = 90, [257] = 60, [9] = 10};
	struct filter_rule rules[320];
	struct filter f = base_filter();
	struct bpf_program plain = {NULL, 0}, shaped = {NULL, 0};
	double before = 0, after = 0, total = 0;

	f.rules = rules;
	f.nrules = mark_rules(rules);
	bpf_assemble(arena, &f, &plain);
	f.weights = weights;
	f.nweights = COUNT(weights);
	bpf_assemble(arena, &f, &shaped);
	for (uint32_t nr = 0; nr < COUNT(weights); nr++) {
		before += weights[nr] * steps_of(&plain, nr);
		after += weights[nr] * steps_of(&shaped, nr);
		total += weights[nr];
	}
	tap_ok(after / total <= 6.3 && after < before,
	       "weights shorten the mean path: %.2f instructions, %.2f without", after / total, before / total);
	tap_ok(shaped.count <= plain.count + 6, "and cost few instructions: %zu, %zu without", shaped.count,
	       plain.count);
}

/* ---- costs ---- */

static void mark(const char *name, const struct filter *f, size_t insns, uint64_t steps)
{
	struct bpf_program p = {NULL, 0};
	const char *error = bpf_assemble(arena, f, &p);
	uint64_t actual = bpf_install_steps(&p, ARCH_X86_64);
	double cost = bpf_install_cost(p.count, actual), goal = bpf_install_cost(insns, steps);

	tap_ok(error == NULL && p.count <= insns, "%s: %zu instructions, mark %zu", name, p.count, insns);
	tap_ok(actual <= steps, "%s: %llu steps at installation, mark %llu", name, (unsigned long long)actual,
	       (unsigned long long)steps);
	tap_ok(cost <= goal * 1.05, "%s: modelled cost %.2f us, mark %.2f us", name, cost, goal);
}

/* The marks are those of the layout that the cost model was fitted with. */
static void test_marks(void)
{
	struct filter_rule rules[320];
	struct filter f = base_filter();

	f.rules = rules;
	f.nrules = mark_rules(rules);
	mark("300 names allowed", &f, 51, 5843);
	f.default_action = ALLOW;
	for (f.nrules = 0; deny_mark[f.nrules] != NULL; f.nrules++)
		rules[f.nrules] = (struct filter_rule){
			.nr = (uint32_t)syscall_number(ARCH_X86_64, deny_mark[f.nrules]),
			.action = EPERM_,
		};
	mark("40 names denied", &f, 33, 5140);
}

/* reference: the measured table in bpf_convert_filter()'s terms */
static void test_converted(void)
{
	static const struct {
		const char *what;
		struct k_sock_filter insn;
		uint32_t length;
	} rows[] = {
		{"load", {K_BPF_LD_W_ABS, 0, 0, 0}, 1},
		{"and", {K_BPF_AND_K, 0, 0, 0xffffffff}, 1},
		{"long jump", {K_BPF_JA, 0, 0, 1}, 1},
		{"test with a side that falls through", {K_BPF_JEQ_K, 1, 0, 1}, 1},
		{"inverted test", {K_BPF_JGE_K, 0, 1, 1}, 1},
		{"test with two targets", {K_BPF_JEQ_K, 1, 2, 1}, 2},
		{"two targets and a constant of 32 bits", {K_BPF_JGT_K, 1, 2, 0x80000000}, 3},
		{"falls through with a constant of 32 bits", {K_BPF_JEQ_K, 0, 1, 0xffffffff}, 2},
		{"JSET has no inverse", {K_BPF_JSET_K, 0, 1, 1}, 2},
		{"JSET", {K_BPF_JSET_K, 1, 0, 1}, 1},
		{"return", {K_BPF_RET_K, 0, 0, ALLOW}, 2},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		tap_ok(bpf_converted_length(&rows[i].insn, 1) == rows[i].length + 3, "%s: %u after conversion",
		       rows[i].what, rows[i].length);
}

/* ---- what the kernel would refuse ---- */

static void test_valid(void)
{
	static const struct k_sock_filter ret = {K_BPF_RET_K, 0, 0, ALLOW};
	static const struct {
		const char *what;
		struct k_sock_filter insn; /* stands before two returns */
		bool valid;
	} rows[] = {
		{"load of the number", {K_BPF_LD_W_ABS, 0, 0, 0}, true},
		{"load of the last word", {K_BPF_LD_W_ABS, 0, 0, 60}, true},
		{"load past the end", {K_BPF_LD_W_ABS, 0, 0, 64}, false},
		{"load far past the end", {K_BPF_LD_W_ABS, 0, 0, 0xfffffffc}, false},
		{"unaligned load", {K_BPF_LD_W_ABS, 0, 0, 2}, false},
		{"jump to the last instruction", {K_BPF_JA, 0, 0, 1}, true},
		{"jump past the last instruction", {K_BPF_JA, 0, 0, 2}, false},
		{"jump that wraps", {K_BPF_JA, 0, 0, 0xffffffff}, false},
		{"test to the last instruction", {K_BPF_JEQ_K, 1, 0, 0}, true},
		{"yes-side past the end", {K_BPF_JEQ_K, 2, 0, 0}, false},
		{"no-side past the end", {K_BPF_JSET_K, 0, 2, 0}, false},
		{"and", {K_BPF_AND_K, 0, 0, 0}, true},
		{"byte load", {0x30, 0, 0, 0}, false},
		{"comparison with X", {0x1d, 0, 0, 0}, false},
		{"opcode 0", {0, 0, 0, 0}, false},
	};
	struct k_sock_filter *insns = arena_alloc(arena, (K_BPF_MAXINSNS + 1) * sizeof(*insns));

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct k_sock_filter program[] = {rows[i].insn, ret, ret};

		tap_ok(bpf_valid(program, 3) == rows[i].valid, "%s: %s", rows[i].what,
		       rows[i].valid ? "valid" : "refused");
	}
	for (size_t i = 0; i <= K_BPF_MAXINSNS; i++)
		insns[i] = ret;
	tap_ok(!bpf_valid(insns, 0), "an empty program is refused");
	tap_ok(bpf_valid(insns, K_BPF_MAXINSNS), "4096 instructions are valid");
	tap_ok(!bpf_valid(insns, K_BPF_MAXINSNS + 1), "4097 are refused");
	insns[K_BPF_MAXINSNS - 1].code = K_BPF_LD_W_ABS;
	tap_ok(!bpf_valid(insns, K_BPF_MAXINSNS), "a program that does not end in a return is refused");
}

/* kernel/seccomp.c, seccomp_is_const_allow(): only a plain ALLOW counts, only two words may be loaded. */
static void test_const_allow(void)
{
	static const struct {
		const char *what;
		struct k_sock_filter insns[2];
		bool proven;
	} rows[] = {
		{"ALLOW", {{K_BPF_LD_W_ABS, 0, 0, 0}, {K_BPF_RET_K, 0, 0, ALLOW}}, true},
		{"ALLOW after the architecture", {{K_BPF_LD_W_ABS, 0, 0, 4}, {K_BPF_RET_K, 0, 0, ALLOW}}, true},
		{"ALLOW with data", {{K_BPF_LD_W_ABS, 0, 0, 0}, {K_BPF_RET_K, 0, 0, ALLOW | 1}}, false},
		{"LOG", {{K_BPF_LD_W_ABS, 0, 0, 0}, {K_BPF_RET_K, 0, 0, K_SECCOMP_RET_LOG}}, false},
		{"ALLOW after an argument", {{K_BPF_LD_W_ABS, 0, 0, 16}, {K_BPF_RET_K, 0, 0, ALLOW}}, false},
		{"ALLOW after the ip", {{K_BPF_LD_W_ABS, 0, 0, 8}, {K_BPF_RET_K, 0, 0, ALLOW}}, false},
		{"ALLOW after AND", {{K_BPF_AND_K, 0, 0, 7}, {K_BPF_RET_K, 0, 0, ALLOW}}, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct k_sock_filter insns[2] = {rows[i].insns[0], rows[i].insns[1]};
		struct bpf_program p = {insns, 2};

		tap_ok(bpf_const_allow(&p, K_AUDIT_ARCH_X86_64, 1, NULL) == rows[i].proven, "%s: %s", rows[i].what,
		       rows[i].proven ? "proven" : "not proven");
	}
}

static double milliseconds(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)(now.tv_sec - since->tv_sec) * 1e3 + (double)(now.tv_nsec - since->tv_nsec) / 1e6;
}

/* Reported, and bounded only against a layout search that has stopped being polynomial. */
static void test_time(void)
{
	static const uint32_t sizes[] = {40, 128, 300, 470};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct filter f = distinct_leaves(sizes[i]);
		struct bpf_program p = {NULL, 0};
		struct timespec start;
		double took;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
		bpf_assemble(arena, &f, &p);
		took = milliseconds(&start);
		tap_ok(p.count != 0 && took < 1000, "%u distinct leaves: %zu instructions", sizes[i], p.count);
		tap_note("assembled in %.2f ms", took);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);

	arena = arena_create();
	test_small();
	test_x32();
	test_newer();
	test_errors();
	test_operators();
	test_distances();
	test_row();
	test_limit();
	test_leaf_proofs();
	test_leaf_sharing();
	test_leaf_masks();
	test_hottest();
	test_weights();
	test_marks();
	test_converted();
	test_valid();
	test_const_allow();
	test_time();
	tap_note("seed %llu", (unsigned long long)seed);
	test_random(seed);
	arena_destroy(&arena);
	return tap_done();
}
