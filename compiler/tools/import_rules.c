/* SPDX-License-Identifier: MIT */
/*
 * Decisions about system calls as [seccomp]. Other formats compare registers as unsigned numbers of 64 bits; the
 * policy language compares what the kernel looks at, signed where the argument is. Each test is therefore spelled for
 * its argument, and a rule is split where architectures need different words.
 */
#include "import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "inspect.h"
#include "kernel_abi.h"
#include "sysdata.h"

/* ---- building ---- */

struct import_rule *import_rule(struct import *im, uint32_t action, const struct import_expr *when,
				const struct srcpos *pos)
{
	im->rules = arena_grow(im->arena, im->rules, &im->rules_cap, im->nrules + 1, sizeof(*im->rules));
	im->rules[im->nrules] = (struct import_rule){.action = action, .when = when, .pos = *pos};
	return &im->rules[im->nrules++];
}

void import_rule_call(struct import *im, struct import_rule *rule, const char *name, unsigned arches,
		      const struct srcpos *pos)
{
	rule->calls = arena_grow(im->arena, rule->calls, &rule->calls_cap, rule->ncalls + 1, sizeof(*rule->calls));
	rule->calls[rule->ncalls++] = (struct import_call){name, arches, *pos};
}

struct import_expr *import_expr(struct import *im, enum import_expr_kind kind, const struct import_expr *left,
				const struct import_expr *right, const struct srcpos *pos)
{
	struct import_expr *expr = arena_alloc(im->arena, sizeof(*expr));

	*expr = (struct import_expr){.kind = kind, .pos = *pos, .left = left, .right = right};
	return expr;
}

static int compare_names(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

static const char *find_syscall(const char *name)
{
	const char *const *names = syscall_names();
	size_t n = 0;

	while (names[n])
		n++;
	const char *const *found = bsearch(name, names, n, sizeof(*names), compare_names);
	return found ? *found : NULL;
}

const char *import_syscall(struct import *im, const char *name, const struct srcpos *pos, bool strict)
{
	const char *found = find_syscall(name);
	const char *near = found || im->notes_full ? NULL : diag_nearest(name, syscall_names());

	if (found)
		return found;
	if (strict) {
		struct diag_item *item =
			diag_report(im->diag, CHECK_UNKNOWN_SYSCALL, pos, "unknown system call \"%s\"", name);
		if (near)
			diag_note(im->diag, item, NULL, "did you mean \"%s\"?", near);
	} else {
		import_note(im, pos,
			    near ? "dropped: unknown system call \"%s\"; did you mean \"%s\"?"
				 : "dropped: unknown system call \"%s\"",
			    name, near);
	}
	return NULL;
}

const char *import_action(struct import *im, uint32_t action)
{
	char buffer[32];
	uint32_t data = action & K_SECCOMP_RET_DATA;

	if ((action & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_TRAP && data)
		return arena_printf(im->arena, "trap %u", data);
	return arena_strdup(im->arena, action_text(action, buffer));
}

unsigned import_arch_bits(const struct import *im)
{
	unsigned bits = 0;

	for (size_t i = 0; i < im->narches; i++)
		bits |= 1u << im->arches[i];
	return bits;
}

/* ---- conditions ---- */

enum said { SAID_NEVER, SAID_ALWAYS, SAID_TEXT, SAID_BAD };

/* A condition in the words of one call on one architecture. */
struct saying {
	enum said said;
	const char *text; /* SAID_TEXT; SAID_BAD: why not */
	bool loose; /* && or || stand in it without parentheses */
	const char *cut; /* an argument of which the kernel, and the policy, look at fewer bits */
};

struct sayer {
	struct arena *arena; /* for texts on their way */
	enum arch_id arch;
	const char *call;
};

static const struct saying never = {.said = SAID_NEVER}, always = {.said = SAID_ALWAYS};

static struct saying constant(bool truth)
{
	return truth ? always : never;
}

static uint64_t all_bits(const struct arg_info *arg)
{
	return arg->bits == 64 ? UINT64_MAX : (UINT64_C(1) << arg->bits) - 1;
}

static const char *number(const struct sayer *s, const struct arg_info *arg, uint64_t value)
{
	uint64_t all = all_bits(arg);

	if (arg->is_signed && value > all / 2)
		return arena_printf(s->arena, "-%" PRIu64, (all - value) + 1);
	return arena_printf(s->arena, value < 4096 ? "%" PRIu64 : "0x%" PRIx64, value);
}

static struct saying say(const struct sayer *s, const struct arg_info *arg, const char *relation, const char *value)
{
	return (struct saying){.said = SAID_TEXT,
			       .text = arena_printf(s->arena, "%s %s %s", arg->name, relation, value),
			       .cut = arg->bits < 64 ? arg->name : NULL};
}

/* Unsigned low..high. For a signed argument the upper half are the negative numbers. */
static struct saying say_range(const struct sayer *s, const struct arg_info *arg, uint64_t low, uint64_t high)
{
	uint64_t all = all_bits(arg), half = all / 2;

	if (low == 0 && high == all)
		return always;
	if (low == high)
		return say(s, arg, "==", number(s, arg, low));
	if (!arg->is_signed && low == 0)
		return say(s, arg, "<=", number(s, arg, high));
	if (!arg->is_signed && high == all)
		return say(s, arg, ">=", number(s, arg, low));
	if (arg->is_signed && low <= half && high > half)
		return say(s, arg, "in",
			   arena_printf(s->arena, "{%s..%s, %s..%s}", number(s, arg, low), number(s, arg, half),
					number(s, arg, half + 1), number(s, arg, high)));
	return say(s, arg, "in", arena_printf(s->arena, "%s..%s", number(s, arg, low), number(s, arg, high)));
}

/* -1 as an int may be written with 64 bits. */
static uint64_t narrow(const struct arg_info *arg, uint64_t value)
{
	uint64_t all = all_bits(arg);

	if (arg->bits == 32 && (value | all) == UINT64_MAX && (value & all) > all / 2)
		return value & all;
	return value;
}

static struct saying say_masked(const struct sayer *s, const struct arg_info *arg, const struct import_expr *e)
{
	uint64_t all = all_bits(arg), mask = e->mask & all, value = e->value & e->mask;
	bool equal = e->op == CMP_MASKED_EQ;

	if (value & ~all)
		return constant(!equal);
	if (!mask)
		return constant(equal);
	if (mask == all)
		return say(s, arg, equal ? "==" : "!=", number(s, arg, value));
	return (struct saying){.said = SAID_TEXT,
			       .text = arena_printf(s->arena, "%s & 0x%" PRIx64 " %s 0x%" PRIx64, arg->name, mask,
						    equal ? "==" : "!=", value),
			       .cut = arg->bits < 64 ? arg->name : NULL};
}

static struct saying say_pointer(const struct sayer *s, const struct arg_info *arg, const struct import_expr *e)
{
	if (!e->value && (e->op == CMP_EQ || e->op == CMP_NE))
		return say(s, arg, e->op == CMP_EQ ? "==" : "!=", "0");
	return (struct saying){
		.said = SAID_BAD,
		.text = arena_printf(s->arena, "%s of %s is a pointer, which says nothing", arg->name, s->call)};
}

static struct saying say_test(const struct sayer *s, const struct arg_info *arg, const struct import_expr *e)
{
	uint64_t all = all_bits(arg), value = narrow(arg, e->value);

	switch (e->op) {
	case CMP_EQ:
		return value > all ? never : say(s, arg, "==", number(s, arg, value));
	case CMP_NE:
		return value > all ? always : say(s, arg, "!=", number(s, arg, value));
	case CMP_LT:
		return !e->value ? never : e->value > all ? always : say_range(s, arg, 0, e->value - 1);
	case CMP_LE:
		return e->value > all ? always : say_range(s, arg, 0, e->value);
	case CMP_GT:
		return e->value >= all ? never : say_range(s, arg, e->value + 1, all);
	case CMP_GE:
		return e->value > all ? never : say_range(s, arg, e->value, all);
	case CMP_MASKED_EQ:
	case CMP_MASKED_NE:
		break;
	}
	return say_masked(s, arg, e);
}

static struct saying find_and_say(const struct sayer *s, const struct import_expr *e)
{
	struct arg_info arg;

	if (e->argument ? syscall_arg(s->arch, s->call, e->argument, &arg) != 0
			: !syscall_arg_at(s->arch, s->call, e->index, &arg))
		return (struct saying){
			.said = SAID_BAD,
			.text = e->argument
					? arena_printf(s->arena, "%s has no argument \"%s\"", s->call, e->argument)
					: arena_printf(s->arena, "%s has no argument number %u", s->call, e->index)};
	if (!arg.filterable)
		return (struct saying){.said = SAID_BAD,
				       .text = arena_printf(s->arena, "%s of %s comes in two registers on %s",
							    arg.name, s->call, arch_rows[s->arch].name)};
	return arg.kind == ARG_PTR ? say_pointer(s, &arg, e) : say_test(s, &arg, e);
}

static const char *bracketed(const struct sayer *s, const struct saying *one)
{
	return one->loose ? arena_printf(s->arena, "(%s)", one->text) : one->text;
}

static struct saying join(const struct sayer *s, bool both, struct saying left, struct saying right)
{
	enum said deciding = both ? SAID_NEVER : SAID_ALWAYS;

	if (left.said == SAID_BAD || right.said == deciding)
		return left.said == SAID_BAD ? left : right;
	if (right.said == SAID_BAD || left.said == deciding)
		return right.said == SAID_BAD ? right : left;
	if (left.said != SAID_TEXT)
		return right;
	if (right.said != SAID_TEXT || !strcmp(left.text, right.text))
		return left;
	return (struct saying){
		.said = SAID_TEXT,
		.text = both ? arena_printf(s->arena, "%s && %s", bracketed(s, &left), bracketed(s, &right))
			     : arena_printf(s->arena, "%s || %s", left.text, bracketed(s, &right)),
		.loose = true,
		.cut = left.cut ? left.cut : right.cut};
}

/* Longer conditions than the policy language takes; bounds the recursion. */
#define DEPTH_MAX 512

static struct saying say_expr(const struct sayer *s, const struct import_expr *e, unsigned depth)
{
	struct saying left, right;

	if (!e)
		return always;
	if (depth == DEPTH_MAX)
		return (struct saying){.said = SAID_BAD, .text = "too many conditions"};
	if (e->kind == IMPORT_TEST)
		return find_and_say(s, e);
	left = say_expr(s, e->left, depth + 1);
	if (e->kind == IMPORT_NOT) {
		if (left.said == SAID_TEXT)
			left.text = arena_printf(s->arena, "!(%s)", left.text);
		left.said = left.said == SAID_NEVER ? SAID_ALWAYS : left.said == SAID_ALWAYS ? SAID_NEVER : left.said;
		left.loose = false;
		return left;
	}
	right = say_expr(s, e->right, depth + 1);
	return join(s, e->kind == IMPORT_AND, left, right);
}

/* ---- lines: what will be a [[seccomp.rule]], or part of a list ---- */

struct line {
	const char **names;
	size_t count, cap;
	uint32_t action;
	const char *when, *cut, *comment; /* or NULL */
	unsigned arches; /* 0: all */
};

struct lines {
	struct import *im;
	struct line *items;
	size_t count, cap;
};

static unsigned arches_with(const struct import *im, const char *name)
{
	unsigned bits = 0;

	for (size_t i = 0; i < im->narches; i++)
		if (syscall_number(im->arches[i], name) >= 0)
			bits |= 1u << im->arches[i];
	return bits;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool has_name(const struct line *line, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (!strcmp(line->names[i], name))
			return true;
	return false;
}

static void add_name(struct lines *l, struct line *line, const char *name)
{
	line->names = arena_grow(l->im->arena, line->names, &line->cap, line->count + 1, sizeof(*line->names));
	line->names[line->count++] = name;
}

static void add_line(struct lines *l, size_t from, const struct import_rule *rule, const struct import_call *call,
		     const struct saying *saying, unsigned arches)
{
	const char *when = saying->said == SAID_TEXT ? arena_strdup(l->im->arena, saying->text) : NULL;

	if (arches == arches_with(l->im, call->name))
		arches = 0;
	for (size_t i = from; i < l->count; i++)
		if (l->items[i].arches == arches && same_text(l->items[i].when, when)) {
			if (!has_name(&l->items[i], call->name))
				add_name(l, &l->items[i], call->name);
			return;
		}
	l->items = arena_grow(l->im->arena, l->items, &l->cap, l->count + 1, sizeof(*l->items));
	l->items[l->count] = (struct line){
		.action = rule->action, .when = when, .cut = saying->cut, .arches = arches, .comment = rule->comment};
	add_name(l, &l->items[l->count++], call->name);
}

/* The architectures on which an earlier line decides about the call whatever its arguments, or in the same words. */
static unsigned decided(const struct lines *l, size_t upto, const char *name, const char *when)
{
	unsigned bits = 0;

	for (size_t i = 0; i < upto; i++)
		if ((!l->items[i].when || (when && !strcmp(l->items[i].when, when))) && has_name(&l->items[i], name))
			bits |= l->items[i].arches ? l->items[i].arches : arches_with(l->im, name);
	return bits;
}

static void cannot_say(struct import *im, const struct import_rule *rule, const struct import_call *call,
		       const char *why)
{
	if (rule->may_drop)
		import_note(im, &rule->pos, "dropped: a rule about %s, which then gets the default: %s", call->name,
			    why);
	else
		diag_report(im->diag, CHECK_UNSUPPORTED, &rule->pos, "this rule about %s cannot be expressed: %s",
			    call->name, why);
}

/* The architectures in `left` on which the rule says the same of the call as `one`. */
static unsigned saying_same(const struct lines *l, const struct import_rule *rule, const struct sayer *s,
			    const struct saying *one, unsigned left)
{
	unsigned arches = 0;

	for (size_t k = 0; k < l->im->narches; k++) {
		struct sayer other = {s->arena, l->im->arches[k], s->call};
		struct saying same;
		if (!(left >> other.arch & 1))
			continue;
		same = say_expr(&other, rule->when, 0);
		if (same.said == one->said && same_text(same.text, one->text))
			arches |= 1u << other.arch;
	}
	return arches;
}

static void add_saying(struct lines *l, size_t from, const struct import_rule *rule, const struct import_call *call,
		       const struct saying *one, unsigned arches)
{
	unsigned open = arches & ~decided(l, from, call->name, one->said == SAID_TEXT ? one->text : NULL);

	if (one->said == SAID_BAD)
		cannot_say(l->im, rule, call, one->text);
	else if (one->said == SAID_NEVER)
		import_note(l->im, &rule->pos, "dropped: no arguments of %s meet this condition", call->name);
	else if (open)
		add_line(l, from, rule, call, one, open);
	else
		import_note(l->im, &rule->pos, "dropped: earlier rules decide about %s", call->name);
}

static void add_call(struct lines *l, size_t from, const struct import_rule *rule, const struct import_call *call)
{
	unsigned left = call->arches & arches_with(l->im, call->name) & import_arch_bits(l->im);
	struct arena *scratch = arena_create();

	for (unsigned a = 0; a < ARCHES; a++) {
		struct sayer s = {scratch, (enum arch_id)a, call->name};
		struct saying one;
		unsigned arches;
		if (!(left >> a & 1))
			continue;
		one = say_expr(&s, rule->when, 0);
		arches = saying_same(l, rule, &s, &one, left);
		left &= ~arches;
		add_saying(l, from, rule, call, &one, arches);
	}
	arena_destroy(&scratch);
}

/* ---- writing ---- */

void import_put_bytes(FILE *out, const char *text, size_t len)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; len; p++, len--)
		if (*p < ' ' || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else
			fputc(*p, out);
	fputc('"', out);
}

void import_put_string(FILE *out, const char *text)
{
	import_put_bytes(out, text, strlen(text));
}

static size_t lines_with(const struct lines *l, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += has_name(&l->items[i], name);
	return n;
}

/* Lists say what happens whatever the arguments, everywhere, and nothing else may be said about their calls. */
static bool listed(const struct lines *l, const struct line *line, const char *name, uint32_t action)
{
	return line->action == action && !line->when && !line->arches && !line->comment && lines_with(l, name) == 1;
}

/* Names from column `indent`, so many to a row as fit. */
static void put_names(FILE *out, const char *const *names, size_t count)
{
	size_t column = 120;

	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(names[i]) + 4;
		bool wrap = count > 6 && column + len > 116;
		fputs(wrap ? "\n  " : i ? " " : "", out);
		column = wrap ? 2 + len : column + len;
		fprintf(out, "\"%s\"%s", names[i], i + 1 < count || count > 6 ? "," : "");
	}
	fputs(count > 6 ? "\n]\n" : "]\n", out);
}

static void put_list(const struct lines *l, const char *key, uint32_t action)
{
	const char **names = NULL;
	size_t count = 0, cap = 0;

	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < l->items[i].count; k++)
			if (listed(l, &l->items[i], l->items[i].names[k], action)) {
				names = arena_grow(l->im->arena, names, &cap, count + 1, sizeof(*names));
				names[count++] = l->items[i].names[k];
			}
	if (!count)
		return;
	fprintf(l->im->out, "%s = ", key);
	put_names(l->im->out, names, count);
}

static void put_line(const struct lines *l, const struct line *line)
{
	FILE *out = l->im->out;
	const char **names = arena_alloc(l->im->arena, (line->count + 1) * sizeof(*names));
	const char *separator = "";
	size_t count = 0;

	for (size_t i = 0; i < line->count; i++)
		if (!listed(l, line, line->names[i], K_SECCOMP_RET_ALLOW) &&
		    !listed(l, line, line->names[i], K_SECCOMP_RET_LOG))
			names[count++] = line->names[i];
	if (!count)
		return;
	fputc('\n', out);
	if (line->comment)
		fprintf(out, "# %s\n", line->comment);
	if (line->cut)
		fprintf(out, "# of %s only what the kernel reads is compared, not all 64 bits of the register\n",
			line->cut);
	fputs("[[seccomp.rule]]\nsyscall = ", out);
	put_names(out, names, count);
	fprintf(out, "action = \"%s\"\n", import_action(l->im, line->action));
	if (line->when) {
		fputs("when = ", out);
		import_put_string(out, line->when);
		fputc('\n', out);
	}
	if (!line->arches)
		return;
	fputs("arch = [", out);
	for (unsigned a = 0; a < ARCHES; a++)
		if (line->arches >> a & 1) {
			fprintf(out, "%s\"%s\"", separator, arch_rows[a].name);
			separator = ", ";
		}
	fputs("]\n", out);
}

/* Lines that say the same of calls about which nothing else is said: their order does not matter. */
static void merge_lines(struct lines *l)
{
	for (size_t i = 1; i < l->count; i++) {
		struct line *line = &l->items[i];
		for (size_t k = 0; k < i && line->count == 1 && lines_with(l, line->names[0]) == 1; k++) {
			struct line *into = &l->items[k];
			if (!into->count || into->action != line->action || into->arches != line->arches ||
			    !same_text(into->when, line->when) || !same_text(into->comment, line->comment))
				continue;
			add_name(l, into, line->names[0]);
			line->count = 0;
		}
	}
}

void import_write_rules(struct import *im)
{
	struct lines l = {.im = im};

	for (size_t i = 0; i < im->nrules; i++) {
		size_t before = l.count;
		for (size_t k = 0; k < im->rules[i].ncalls; k++)
			add_call(&l, before, &im->rules[i], &im->rules[i].calls[k]);
	}
	merge_lines(&l);
	fprintf(im->out, "\n[seccomp]\ndefault = \"%s\"\n", import_action(im, im->default_action));
	fprintf(im->out, "newer = \"%s\"\n",
		im->newer_enosys ? "errno ENOSYS" : import_action(im, im->default_action));
	put_list(&l, "allow", K_SECCOMP_RET_ALLOW);
	put_list(&l, "log", K_SECCOMP_RET_LOG);
	for (size_t i = 0; i < l.count; i++)
		put_line(&l, &l.items[i]);
}
