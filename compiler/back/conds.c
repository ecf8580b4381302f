/* SPDX-License-Identifier: MIT */
/*
 * From the tree of a condition to alternatives (conds.h). Negations are pushed down to the tests; a test becomes a set
 * of spans of values, in an order in which signed values follow each other, and then unsigned comparisons of as many
 * bits as the kernel looks at (reference: 32-bit arguments compared as 64 were CVE-2019-7303 and CVE-2019-10063).
 */
#include "conds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "sysdata.h"

/* Alternatives before the impossible ones are dropped, and comparisons of one alternative. */
#define PRODUCT_MAX 8192
#define CONDS_MAX   256

/* ---- can anything meet all of these? ---- */

/* What is known of one argument: bits, bounds. */
struct bounds {
	uint64_t low, high, mask, value, all;
};

/* The least x >= from with (x & mask) == value and x <= high; false when there is none. */
static bool least(const struct bounds *b, uint64_t from, uint64_t *x)
{
	uint64_t flip = 0, found = 0;

	for (uint64_t bit = UINT64_C(1) << 63; bit; bit >>= 1) {
		uint64_t want = b->mask & bit ? b->value & bit : from & bit;
		if (want > (from & bit)) { /* above already: the rest as low as possible */
			found |= bit | (b->value & (bit - 1));
			break;
		}
		if (want < (from & bit)) { /* below: go back to where a free bit could be raised */
			if (!flip)
				return false;
			found = (found & ~(flip | (flip - 1))) | flip | (b->value & (flip - 1));
			break;
		}
		if (!(b->mask & bit) && !want && b->all & bit)
			flip = bit;
		found |= want;
	}
	*x = found;
	return found <= b->high;
}

static bool power_of_two(uint64_t x)
{
	return x && !(x & (x - 1));
}

static bool learn_bits(struct bounds *b, uint64_t mask, uint64_t value)
{
	if (value & ~mask || (b->value ^ value) & b->mask & mask)
		return false;
	b->mask |= mask;
	b->value |= value;
	return true;
}

/* What a comparison says, but for unequalities. False: it contradicts what is known. */
static bool learn(struct bounds *b, const struct filter_cond *c)
{
	switch (c->op) {
	case CMP_EQ:
		return learn_bits(b, b->all, c->value);
	case CMP_MASKED_EQ:
		return learn_bits(b, c->mask, c->value);
	case CMP_MASKED_NE:
		if (!c->mask && !c->value)
			return false;
		return !power_of_two(c->mask) || (c->value & ~c->mask) || learn_bits(b, c->mask, c->value ^ c->mask);
	case CMP_LT:
	case CMP_LE:
		if (c->op == CMP_LT && !c->value)
			return false;
		if (c->value - (c->op == CMP_LT) < b->high)
			b->high = c->value - (c->op == CMP_LT);
		return b->low <= b->high;
	case CMP_GT:
	case CMP_GE:
		if (c->op == CMP_GT && c->value >= b->all)
			return false;
		if (c->value + (c->op == CMP_GT) > b->low)
			b->low = c->value + (c->op == CMP_GT);
		return b->low <= b->high;
	case CMP_NE:
		break;
	}
	return true;
}

/* The mask of an unequality that x fails, or 0. */
static uint64_t refuses(const struct filter_cond *c, uint64_t x, uint64_t all)
{
	uint64_t mask = c->op == CMP_NE ? all : c->mask;

	return (c->op == CMP_NE || c->op == CMP_MASKED_NE) && (x & mask) == c->value ? mask : 0;
}

static bool argument_possible(const struct filter_cond *conds, size_t nconds, uint8_t arg, uint8_t width)
{
	uint64_t all = width == 32 ? UINT32_MAX : UINT64_MAX, x = 0;
	struct bounds b = {.high = all, .all = all, .mask = ~all};
	size_t tries = 2 * nconds + 64;

	for (size_t i = 0; i < nconds; i++)
		if (conds[i].arg == arg && !learn(&b, &conds[i]))
			return false;
	for (x = b.low; tries--;) {
		uint64_t mask = 0;
		if (!least(&b, x, &x))
			return false;
		for (size_t i = 0; !mask && i < nconds; i++)
			mask = conds[i].arg == arg ? refuses(&conds[i], x, all) : 0;
		if (!mask)
			return true;
		mask &= ~b.mask; /* what can vary */
		uint64_t next = (x | ((mask & -mask) - 1)) + 1; /* the next value with other bits there */
		if (!mask || next <= x)
			return false;
		x = next;
	}
	return true;
}

bool cond_possible(const struct filter_cond *conds, size_t nconds)
{
	unsigned seen = 0;

	for (size_t i = 0; i < nconds; i++) {
		if (seen >> conds[i].arg & 1)
			continue;
		seen |= 1u << conds[i].arg;
		if (!argument_possible(conds, nconds, conds[i].arg, conds[i].width))
			return false;
	}
	return true;
}

/* ---- alternatives ---- */

static void add_case(struct arena *arena, struct cond_cases *cases, const struct filter_cond *a, size_t na,
		     const struct filter_cond *b, size_t nb)
{
	struct filter_cond *conds = arena_alloc(arena, (na + nb + 1) * sizeof(*conds));

	if (na)
		memcpy(conds, a, na * sizeof(*a));
	if (nb)
		memcpy(conds + na, b, nb * sizeof(*b));
	if (!cond_possible(conds, na + nb))
		return;
	if (cases->count == COND_MAX_CASES || na + nb > CONDS_MAX) {
		cases->too_many = true;
		return;
	}
	cases->clauses = arena_grow(arena, cases->clauses, &cases->cap, cases->count + 1, sizeof(*cases->clauses));
	cases->clauses[cases->count++] = (struct cond_clause){conds, na + nb};
}

void cond_both(struct arena *arena, const struct cond_cases *a, const struct cond_cases *b, struct cond_cases *out)
{
	*out = (struct cond_cases){.too_many = a->too_many || b->too_many};
	if (a->count * b->count > PRODUCT_MAX)
		out->too_many = true;
	for (size_t i = 0; !out->too_many && i < a->count; i++)
		for (size_t j = 0; !out->too_many && j < b->count; j++)
			add_case(arena, out, a->clauses[i].conds, a->clauses[i].nconds, b->clauses[j].conds,
				 b->clauses[j].nconds);
}

static void either(struct arena *arena, const struct cond_cases *a, const struct cond_cases *b,
		   struct cond_cases *out)
{
	const struct cond_cases *sides[] = {a, b};

	*out = (struct cond_cases){.too_many = a->too_many || b->too_many};
	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; !out->too_many && i < sides[s]->count; i++)
			add_case(arena, out, sides[s]->clauses[i].conds, sides[s]->clauses[i].nconds, NULL, 0);
}

/* ---- constants ---- */

struct constant {
	uint64_t bits;
	bool minus; /* written with a sign */
	bool pattern; /* bits rather than a number: ~, or a name whose value is negative */
};

static bool find_constant(const struct cond_site *site, const struct cond_value *value, struct constant *out)
{
	if (constant_find(site->arch, value->name, &out->bits)) {
		out->pattern = out->bits >> 63;
		return true;
	}
	if (constant_known(value->name)) {
		diag_report(site->diag, CHECK_UNKNOWN_CONSTANT, &value->pos, "%s does not have the constant %s",
			    arch_rows[site->arch].name, value->name);
		return false;
	}
	struct diag_item *item =
		diag_report(site->diag, CHECK_UNKNOWN_CONSTANT, &value->pos, "unknown constant %s", value->name);
	const char *near = diag_nearest(value->name, constant_names());
	if (near)
		diag_note(site->diag, item, NULL, "did you mean %s?", near);
	return false;
}

static bool negate_constant(const struct cond_site *site, const struct cond_value *value, struct constant *c)
{
	if (c->bits > UINT64_C(1) << 63) {
		diag_report(site->diag, CHECK_CONSTANT_RANGE, &value->pos, "a negative number of more than 64 bits");
		return false;
	}
	c->bits = -c->bits;
	c->minus = c->bits != 0;
	return true;
}

static bool evaluate(const struct cond_site *site, const struct cond_value *value, struct constant *out)
{
	struct constant right;

	*out = (struct constant){.bits = value->number};
	switch (value->kind) {
	case COND_NUMBER:
		return true;
	case COND_NAME:
		return find_constant(site, value, out);
	case COND_NEGATE:
		return evaluate(site, value->left, out) && negate_constant(site, value, out);
	case COND_INVERT:
		if (!evaluate(site, value->left, out))
			return false;
		*out = (struct constant){.bits = ~out->bits, .pattern = true};
		return true;
	case COND_BITS_OR:
		break;
	}
	if (!evaluate(site, value->left, out) || !evaluate(site, value->right, &right))
		return false;
	out->bits |= right.bits;
	out->minus |= right.minus;
	out->pattern |= right.pattern;
	return true;
}

/* Does the constant fit so many bits? ordered: as a number, which a pattern of bits is not to a signed argument. */
static bool fits(const struct constant *c, const struct arg_info *arg, bool ordered)
{
	unsigned bits = arg->bits;
	uint64_t above = bits == 64 ? 0 : c->bits >> bits, sign = c->bits >> (bits - 1) & 1;

	if (c->minus && !arg->is_signed)
		return false;
	if (c->minus || (c->pattern && above)) {
		bool extended = bits == 64 || above == UINT64_MAX >> bits;
		return extended && (sign || (c->pattern && !ordered));
	}
	return !above && !(ordered && arg->is_signed && sign && !c->pattern);
}

/* A name that belongs to other arguments is a number as any other, and hardly the one that was meant. */
static void check_families(const struct cond_site *site, const struct cond_value *value, const struct arg_info *arg)
{
	if (value->kind == COND_NAME && !constant_fits(value->name, site->call, arg))
		diag_report(site->diag, CHECK_CONSTANT_FAMILY, &value->pos,
			    "%s is no value of %s's %s: it belongs to %s", value->name, site->call, arg->name,
			    constant_meaning(value->name));
	if (value->left)
		check_families(site, value->left, arg);
	if (value->right)
		check_families(site, value->right, arg);
}

static bool constant_of(const struct cond_site *site, const struct cond *test, const struct cond_value *value,
			const struct arg_info *arg, bool ordered, uint64_t *out)
{
	struct constant c;

	if (!evaluate(site, value, &c))
		return false;
	if (arg->name)
		check_families(site, value, arg);
	if (!fits(&c, arg, ordered)) {
		diag_report(site->diag, CHECK_CONSTANT_RANGE, &value->pos,
			    "the constant does not fit: %s of %s has %u bits (%s)", test->argument, site->call,
			    arg->bits, arg_kind_name(arg->kind));
		return false;
	}
	*out = arg->bits == 64 ? c.bits : c.bits & ((UINT64_C(1) << arg->bits) - 1);
	return true;
}

/* ---- arguments ---- */

static const char *list_arguments(const struct cond_site *site)
{
	const char *list = "";
	struct arg_info arg;

	for (unsigned n = 0; syscall_arg_nth(site->arch, site->call, n, &arg); n++)
		list = arena_printf(site->arena, "%s%s%s", list, n ? ", " : "", arg.name);
	return list;
}

static bool unknown_argument(const struct cond_site *site, const struct cond *test)
{
	const char *names[7] = {NULL}, *list = list_arguments(site);
	struct arg_info arg;
	unsigned n = 0;

	while (n < 6 && syscall_arg_nth(site->arch, site->call, n, &arg))
		names[n++] = arg.name;
	struct diag_item *item = diag_report(site->diag, CHECK_UNKNOWN_ARGUMENT, &test->argument_pos,
					     "%s has no argument \"%s\"", site->call, test->argument);
	const char *near = diag_nearest(test->argument, names);
	if (near)
		diag_note(site->diag, item, NULL, "did you mean \"%s\"?", near);
	else if (constant_known(test->argument))
		diag_note(site->diag, item, NULL, "the argument stands on the left, the constant on the right");
	else
		diag_note(site->diag, item, NULL, *list ? "its arguments are %s" : "it takes no arguments%s", list);
	return false;
}

/* arg0 to arg5: the register; of a number without a name nothing else is known. */
static bool find_register(const struct cond_site *site, unsigned index, struct arg_info *arg)
{
	bool narrow = site->arch == ARCH_I386 || site->arch == ARCH_ARM;

	if (strncmp(site->call, "nr:", 3))
		return syscall_arg_at(site->arch, site->call, index, arg);
	*arg = (struct arg_info){.index = index, .kind = ARG_UL, .width = narrow ? 32 : 64, .filterable = true};
	arg->bits = arg->width;
	return true;
}

static bool find_argument(const struct cond_site *site, const struct cond *test, struct arg_info *arg)
{
	const char *name = test->argument;
	bool numbered = !strncmp(name, "arg", 3) && name[3] >= '0' && name[3] <= '5' && !name[4];

	/* the call's own names first: prctl(2) calls its second argument arg2 */
	if (syscall_arg(site->arch, site->call, name, arg) &&
	    !(numbered && find_register(site, (unsigned)(name[3] - '0'), arg)))
		return unknown_argument(site, test);
	if (arg->filterable)
		return true;
	diag_report(site->diag, CHECK_BAD_CONDITION, &test->argument_pos,
		    "%s of %s comes in two registers on %s: it cannot be tested there; guard the rule with arch",
		    name, site->call, arch_rows[site->arch].name);
	return false;
}

/* ---- spans of values ---- */

struct span {
	uint64_t low, high;
};

struct spans {
	struct span *items;
	size_t count, cap;
};

static void add_span(struct arena *arena, struct spans *s, uint64_t low, uint64_t high)
{
	s->items = arena_grow(arena, s->items, &s->cap, s->count + 1, sizeof(*s->items));
	s->items[s->count++] = (struct span){low, high};
}

static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;

	return a->low < b->low ? -1 : a->low > b->low;
}

/* Ascending, apart from each other. */
static void tidy(struct spans *s)
{
	size_t n = 0;

	if (s->count)
		qsort(s->items, s->count, sizeof(*s->items), compare_spans);
	for (size_t i = 0; i < s->count; i++) {
		struct span *last = n ? &s->items[n - 1] : NULL;
		if (last && (last->high == UINT64_MAX || s->items[i].low <= last->high + 1))
			last->high = s->items[i].high > last->high ? s->items[i].high : last->high;
		else
			s->items[n++] = s->items[i];
	}
	s->count = n;
}

static void complement(struct arena *arena, const struct spans *in, uint64_t all, struct spans *out)
{
	uint64_t from = 0;

	*out = (struct spans){0};
	for (size_t i = 0; i < in->count; i++) {
		if (in->items[i].low > from)
			add_span(arena, out, from, in->items[i].low - 1);
		if (in->items[i].high == all)
			return;
		from = in->items[i].high + 1;
	}
	add_span(arena, out, from, all);
}

/* Back from the order of signed values, in which the sign bit is turned, to bits. */
static void unsign(struct arena *arena, const struct spans *in, uint64_t sign, struct spans *out)
{
	*out = (struct spans){0};
	for (size_t i = 0; i < in->count; i++) {
		const struct span *s = &in->items[i];
		if (s->low < sign && s->high >= sign) {
			add_span(arena, out, s->low ^ sign, sign | (sign - 1));
			add_span(arena, out, 0, s->high ^ sign);
		} else {
			add_span(arena, out, s->low ^ sign, s->high ^ sign);
		}
	}
	tidy(out);
}

struct test {
	const struct cond_site *site;
	const struct cond *cond;
	struct arg_info arg;
	uint64_t all, sign; /* all bits; the sign bit, or 0 */
};

static bool set_spans(const struct test *t, struct spans *s)
{
	for (const struct cond_item *item = t->cond->items; item; item = item->next) {
		uint64_t low, high;
		if (!constant_of(t->site, t->cond, item->low, &t->arg, item->high, &low))
			return false;
		low ^= t->sign;
		high = low;
		if (item->high && !constant_of(t->site, t->cond, item->high, &t->arg, true, &high))
			return false;
		if (item->high)
			high ^= t->sign;
		if (low > high) {
			diag_report(t->site->diag, CHECK_BAD_CONDITION, &item->low->pos,
				    "the range ends before it begins");
			return false;
		}
		add_span(t->site->arena, s, low, high);
	}
	tidy(s);
	return true;
}

/* The values that meet a test, in signed order for a signed argument. */
static bool test_spans(const struct test *t, struct spans *s)
{
	enum cond_relation relation = t->cond->relation;
	struct arena *arena = t->site->arena;
	uint64_t c;

	if (relation == COND_IN)
		return set_spans(t, s);
	if (!constant_of(t->site, t->cond, t->cond->value, &t->arg, relation != COND_EQ && relation != COND_NE, &c))
		return false;
	c ^= t->sign;
	if ((relation == COND_EQ || relation == COND_NE || relation == COND_LE || relation == COND_GE))
		add_span(arena, s, relation == COND_LE ? 0 : c, relation == COND_GE ? t->all : c);
	else if (relation == COND_LT && c)
		add_span(arena, s, 0, c - 1);
	else if (relation == COND_GT && c < t->all)
		add_span(arena, s, c + 1, t->all);
	return true;
}

/* ---- tests ---- */

static struct filter_cond compare(const struct test *t, enum cmp_op op, uint64_t mask, uint64_t value)
{
	return (struct filter_cond){
		.arg = (uint8_t)t->arg.index, .width = (uint8_t)t->arg.width, .op = op, .mask = mask, .value = value};
}

static void span_case(const struct test *t, const struct span *s, struct cond_cases *out)
{
	struct filter_cond conds[2];
	size_t n = 0;

	if (s->low == s->high)
		conds[n++] = compare(t, CMP_EQ, 0, s->low);
	else if (s->low)
		conds[n++] = compare(t, CMP_GE, 0, s->low);
	if (s->low != s->high && s->high != t->all)
		conds[n++] = compare(t, CMP_LE, 0, s->high);
	add_case(t->site->arena, out, conds, n, NULL, 0);
}

/* Of an argument narrower than its word: aligned blocks, each one masked comparison. */
static void span_blocks(const struct test *t, const struct span *s, struct cond_cases *out)
{
	for (uint64_t low = s->low; low <= s->high;) {
		uint64_t size = low ? low & -low : t->all + 1;
		while (low + size - 1 > s->high)
			size >>= 1;
		struct filter_cond cond = compare(t, CMP_MASKED_EQ, t->all & ~(size - 1), low);
		add_case(t->site->arena, out, &cond, cond.mask != 0, NULL, 0);
		low += size;
	}
}

/* "None of these" as one alternative, where all that is excluded are single values. */
static bool exclusions(const struct test *t, const struct spans *s, struct cond_cases *out)
{
	struct filter_cond conds[CONDS_MAX];
	struct spans others;

	complement(t->site->arena, s, t->all, &others);
	if (!s->count || others.count >= CONDS_MAX || (s->count == 1 && s->items[0].low == s->items[0].high))
		return false;
	for (size_t i = 0; i < others.count; i++) {
		if (others.items[i].low != others.items[i].high)
			return false;
		conds[i] = t->arg.bits < t->arg.width ? compare(t, CMP_MASKED_NE, t->all, others.items[i].low)
						      : compare(t, CMP_NE, 0, others.items[i].low);
	}
	add_case(t->site->arena, out, conds, others.count, NULL, 0);
	return true;
}

static bool lower_spans(const struct test *t, bool negate, struct cond_cases *out)
{
	struct spans found = {0}, turned, plain;

	if (!test_spans(t, &found))
		return false;
	if (negate != (t->cond->relation == COND_NE)) {
		complement(t->site->arena, &found, t->all, &turned);
		found = turned;
	}
	plain = found;
	if (t->sign)
		unsign(t->site->arena, &found, t->sign, &plain);
	if (exclusions(t, &plain, out))
		return true;
	for (size_t i = 0; i < plain.count; i++) {
		if (t->arg.bits < t->arg.width)
			span_blocks(t, &plain.items[i], out);
		else
			span_case(t, &plain.items[i], out);
	}
	return true;
}

static bool masked_set(const struct test *t, uint64_t mask, bool negate, struct cond_cases *out)
{
	struct filter_cond conds[CONDS_MAX];
	size_t n = 0;

	for (const struct cond_item *item = t->cond->items; item; item = item->next) {
		uint64_t value;
		if (item->high || n == CONDS_MAX) {
			diag_report(t->site->diag, CHECK_BAD_CONDITION, &item->low->pos,
				    item->high ? "behind a mask there are no ranges: list the values"
					       : "too many values");
			return false;
		}
		if (!constant_of(t->site, t->cond, item->low, &t->arg, false, &value))
			return false;
		conds[n++] = compare(t, negate ? CMP_MASKED_NE : CMP_MASKED_EQ, mask, value);
	}
	if (negate)
		add_case(t->site->arena, out, conds, n, NULL, 0);
	for (size_t i = 0; !negate && i < n; i++)
		add_case(t->site->arena, out, &conds[i], 1, NULL, 0);
	return true;
}

static bool lower_masked(const struct test *t, bool negate, struct cond_cases *out)
{
	enum cond_relation relation = t->cond->relation;
	uint64_t mask, value = 0;

	if (!constant_of(t->site, t->cond, t->cond->mask, &t->arg, false, &mask))
		return false;
	if (relation == COND_IN)
		return masked_set(t, mask, negate, out);
	if (relation != COND_EQ && relation != COND_NE && relation != COND_ANY_BIT) {
		diag_report(t->site->diag, CHECK_BAD_CONDITION, &t->cond->pos,
			    "behind a mask there are == != and in only");
		return false;
	}
	if (relation != COND_ANY_BIT && !constant_of(t->site, t->cond, t->cond->value, &t->arg, false, &value))
		return false;
	struct filter_cond cond =
		compare(t, negate != (relation != COND_EQ) ? CMP_MASKED_NE : CMP_MASKED_EQ, mask, value);
	add_case(t->site->arena, out, &cond, 1, NULL, 0);
	return true;
}

/* A pointer says whether it is NULL; what it points to can change after the filter has looked. */
static bool pointer_test(const struct test *t)
{
	const struct cond *cond = t->cond;
	struct constant c = {.bits = 1};

	if (t->arg.kind != ARG_PTR)
		return true;
	if (!cond->mask && (cond->relation == COND_EQ || cond->relation == COND_NE)) {
		if (!evaluate(t->site, cond->value, &c))
			return false;
		if (!c.bits)
			return true;
	}
	diag_report(t->site->diag, CHECK_BAD_CONDITION, &cond->pos,
		    "%s of %s is a pointer: it can be compared with 0 only, by == or !=", cond->argument,
		    t->site->call);
	return false;
}

static bool lower_test(const struct cond_site *site, const struct cond *cond, bool negate, struct cond_cases *out)
{
	struct test t = {.site = site, .cond = cond};

	*out = (struct cond_cases){0};
	if (!find_argument(site, cond, &t.arg) || !pointer_test(&t))
		return false;
	t.all = t.arg.bits == 64 ? UINT64_MAX : (UINT64_C(1) << t.arg.bits) - 1;
	t.sign = t.arg.is_signed ? UINT64_C(1) << (t.arg.bits - 1) : 0;
	return cond->mask ? lower_masked(&t, negate, out) : lower_spans(&t, negate, out);
}

static bool lower(const struct cond_site *site, const struct cond *cond, bool negate, struct cond_cases *out)
{
	struct cond_cases left, right;

	if (cond->kind == COND_TEST)
		return lower_test(site, cond, negate, out);
	if (cond->kind == COND_NOT)
		return lower(site, cond->left, !negate, out);
	/* both sides, so that one run reports the mistakes of each */
	bool fine = lower(site, cond->left, negate, &left);
	if (!lower(site, cond->right, negate, &right) || !fine)
		return false;
	if ((cond->kind == COND_AND) != negate)
		cond_both(site->arena, &left, &right, out);
	else
		either(site->arena, &left, &right, out);
	return true;
}

bool cond_lower(const struct cond_site *site, const struct cond *cond, bool negate, struct cond_cases *out)
{
	if (!lower(site, cond, negate, out))
		return false;
	if (out->too_many && !negate)
		diag_report(site->diag, CHECK_LIMIT, &cond->pos, "the condition has more than %d alternatives",
			    COND_MAX_CASES);
	return !out->too_many;
}
