/* SPDX-License-Identifier: MIT */
/*
 * kafel's policy language: blocks of actions over calls with conditions on named arguments, the first that holds
 * decides. Refused, with the place: #include, comparisons of one argument with another, calls by number, guards by
 * architecture, USER_NOTIF, and a mask beside a comparison without parentheses.
 */
#include "import.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "kernel_abi.h"
#include "source.h"

#define DEPTH_MAX 64

struct token {
	const char *text; /* "" at the end */
	struct srcpos pos;
};

struct define {
	const char *name;
	uint64_t value;
};

/* POLICY name { … }: where its first token is; read when it is used. */
struct block {
	const char *name;
	size_t begin;
	bool used;
};

struct kafel {
	struct import *im;
	struct token *tokens;
	size_t ntokens, tokens_cap, at;
	struct define *defines;
	size_t ndefines, defines_cap;
	struct block *blocks;
	size_t nblocks, blocks_cap;
	const char **arguments; /* declared for the call at hand, or NULL */
	size_t narguments;
	unsigned depth;
	bool failed, has_default;
};

static void refuse(struct kafel *k, const struct srcpos *pos, const char *format, const char *what)
{
	if (!k->failed)
		diag_report(k->im->diag, CHECK_UNSUPPORTED, pos, format, what);
	k->failed = true;
}

/* ---- words ---- */

static size_t comment_length(const char *p)
{
	const char *end;

	if (p[0] == '/' && p[1] == '/')
		return strcspn(p, "\n");
	if (p[0] != '/' || p[1] != '*')
		return 0;
	end = strstr(p + 2, "*/");
	return end ? (size_t)(end + 2 - p) : strlen(p);
}

static size_t token_length(const char *p)
{
	static const char *const pairs[] = {"==", "!=", "<=", ">=", "&&", "||"};
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	if (*p == '#')
		for (n = 1; isalpha((unsigned char)p[n]);)
			n++;
	for (size_t i = 0; !n && i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!strncmp(p, pairs[i], 2))
			n = 2;
	return n ? n : 1;
}

static void split(struct kafel *k, uint32_t file, const char *p)
{
	struct srcpos pos = {file, 1, 1, 1, 1};

	while (*p) {
		size_t skip = isspace((unsigned char)*p) ? 1 : comment_length(p);
		size_t n = skip ? skip : token_length(p);
		pos.end_line = pos.line;
		pos.end_col = pos.col + (uint32_t)n;
		if (!skip) {
			k->tokens = arena_grow(k->im->arena, k->tokens, &k->tokens_cap, k->ntokens + 2,
					       sizeof(*k->tokens));
			k->tokens[k->ntokens++] = (struct token){arena_strndup(k->im->arena, p, n), pos};
		}
		for (; n; n--, p++) {
			pos.col = *p == '\n' ? 1 : pos.col + 1;
			pos.line += *p == '\n';
		}
	}
	k->tokens = arena_grow(k->im->arena, k->tokens, &k->tokens_cap, k->ntokens + 1, sizeof(*k->tokens));
	k->tokens[k->ntokens] = (struct token){"", pos};
}

static const struct token *peek(const struct kafel *k)
{
	return &k->tokens[k->at];
}

static const struct token *next(struct kafel *k)
{
	const struct token *token = peek(k);

	k->at += *token->text != 0;
	return token;
}

static bool take(struct kafel *k, const char *text)
{
	if (strcmp(peek(k)->text, text))
		return false;
	k->at++;
	return true;
}

static void need(struct kafel *k, const char *text)
{
	if (!k->failed && !take(k, text))
		refuse(k, &peek(k)->pos, "expected \"%s\"", text);
}

static bool is_name(const struct token *token)
{
	return isalpha((unsigned char)*token->text) || *token->text == '_';
}

static bool find_value(const struct kafel *k, const struct token *token, uint64_t *value)
{
	char *end;

	for (size_t i = 0; i < k->ndefines; i++)
		if (!strcmp(k->defines[i].name, token->text)) {
			*value = k->defines[i].value;
			return true;
		}
	errno = 0;
	*value = strtoull(token->text, &end, 0);
	return isdigit((unsigned char)*token->text) && !*end && !errno;
}

static uint64_t need_value(struct kafel *k, uint64_t most)
{
	const struct token *token = next(k);
	uint64_t value = 0;

	if (!find_value(k, token, &value) || value > most)
		refuse(k, &token->pos, "expected a number that fits, found \"%s\"", token->text);
	return value;
}

/* ---- expressions ---- */

struct operand {
	const struct token *argument; /* or NULL: value alone */
	bool masked, bracketed;
	uint64_t value; /* or the mask */
};

static bool operand(struct kafel *k, struct operand *out);

static bool operand_part(struct kafel *k, struct operand *out)
{
	const struct token *token = peek(k);

	*out = (struct operand){0};
	if (take(k, "(")) {
		bool fine = ++k->depth < DEPTH_MAX && operand(k, out) && take(k, ")");
		k->depth--;
		out->bracketed = true;
		return fine;
	}
	if (find_value(k, token, &out->value)) {
		k->at++;
		return true;
	}
	if (!is_name(token))
		return false;
	out->argument = token;
	k->at++;
	return true;
}

/* Constants may be joined by | and &, and one argument masked by &. */
static bool operand(struct kafel *k, struct operand *out)
{
	struct operand right;

	if (!operand_part(k, out))
		return false;
	while (!strcmp(peek(k)->text, "&") || !strcmp(peek(k)->text, "|")) {
		bool both = *next(k)->text == '&';
		if (!operand_part(k, &right))
			return false;
		if (!out->argument && !right.argument) {
			out->value = both ? out->value & right.value : out->value | right.value;
			continue;
		}
		if (!both || (out->argument && right.argument) || out->masked || right.masked)
			return false;
		*out = (struct operand){.argument = out->argument ? out->argument : right.argument,
					.masked = true,
					.value = out->argument ? right.value : out->value};
	}
	return true;
}

static void find_argument(struct kafel *k, const struct token *token, struct import_expr *e)
{
	e->argument = token->text;
	for (size_t i = 0; i < k->narguments; i++)
		if (!strcmp(k->arguments[i], token->text)) {
			e->argument = NULL;
			e->index = (unsigned)i;
			return;
		}
	if (k->arguments)
		refuse(k, &token->pos, "\"%s\" is not one of the declared arguments", token->text);
}

static const struct import_expr *comparison(struct kafel *k, struct operand left, size_t relation,
					    struct operand right)
{
	static const enum cmp_op ops[] = {CMP_EQ, CMP_NE, CMP_LE, CMP_GE, CMP_LT, CMP_GT};
	static const size_t turned[] = {0, 1, 3, 2, 5, 4};
	const struct srcpos *pos = &peek(k)->pos;
	struct import_expr *e = import_expr(k->im, IMPORT_TEST, NULL, NULL, pos);

	if (!left.argument && right.argument) {
		struct operand swap = left;
		left = right;
		right = swap;
		relation = turned[relation];
	}
	if (!left.argument || right.argument) {
		refuse(k, pos,
		       left.argument ? "two arguments compared with each other%s"
				     : "a comparison without an argument%s",
		       "");
		return e;
	}
	find_argument(k, left.argument, e);
	e->op = ops[relation];
	e->value = right.value;
	if (!left.masked)
		return e;
	e->mask = left.value;
	if (e->op != CMP_EQ && e->op != CMP_NE)
		refuse(k, pos, "a masked argument compared for order%s", "");
	else if (!left.bracketed)
		refuse(k, pos, "a mask beside a comparison: write (%s & MASK)", left.argument->text);
	else if (right.value & ~left.value)
		refuse(k, pos, "a constant with bits outside of the mask%s", "");
	e->op = e->op == CMP_EQ ? CMP_MASKED_EQ : CMP_MASKED_NE;
	return e;
}

static const struct import_expr *either(struct kafel *k);

/* operand relation operand, or NULL with the place restored. */
static const struct import_expr *relation(struct kafel *k)
{
	static const char *const words[] = {"==", "!=", "<=", ">=", "<", ">"};
	struct operand left, right;
	size_t start = k->at, i = 0;

	if (operand(k, &left)) {
		while (i < 6 && !take(k, words[i]))
			i++;
		if (i < 6 && operand(k, &right))
			return comparison(k, left, i, right);
	}
	k->at = start;
	return NULL;
}

static const struct import_expr *unit(struct kafel *k)
{
	const struct token *token = peek(k);
	const struct import_expr *inner = relation(k);

	if (inner || k->failed)
		return inner;
	if (++k->depth >= DEPTH_MAX) {
		refuse(k, &token->pos, "nested too deep at \"%s\"", token->text);
	} else if (take(k, "!") || take(k, "not")) {
		inner = import_expr(k->im, IMPORT_NOT, unit(k), NULL, &token->pos);
	} else if (take(k, "(")) {
		inner = either(k);
		need(k, ")");
	} else {
		refuse(k, &token->pos, "a condition is missing at \"%s\"", token->text);
	}
	k->depth--;
	return inner;
}

static const struct import_expr *both(struct kafel *k)
{
	const struct import_expr *all = unit(k);

	while (!k->failed && (take(k, "&&") || take(k, "and")))
		all = import_expr(k->im, IMPORT_AND, all, unit(k), &peek(k)->pos);
	return all;
}

static const struct import_expr *either(struct kafel *k)
{
	const struct import_expr *any = both(k);

	/* a comma is an "or" of the lowest precedence, which among "or"s is no difference */
	while (!k->failed && (take(k, "||") || take(k, "or") || take(k, ",")))
		any = import_expr(k->im, IMPORT_OR, any, both(k), &peek(k)->pos);
	return any;
}

/* ---- statements ---- */

static const struct action {
	const char *word;
	uint32_t action;
	bool number;
} actions[] = {
	{"ALLOW", K_SECCOMP_RET_ALLOW, false},
	{"LOG", K_SECCOMP_RET_LOG, false},
	{"KILL", K_SECCOMP_RET_KILL_THREAD, false},
	{"DENY", K_SECCOMP_RET_KILL_THREAD, false},
	{"KILL_THREAD", K_SECCOMP_RET_KILL_THREAD, false},
	{"KILL_PROCESS", K_SECCOMP_RET_KILL_PROCESS, false},
	{"ERRNO", K_SECCOMP_RET_ERRNO, true},
	{"TRAP", K_SECCOMP_RET_TRAP, true},
	{"TRACE", K_SECCOMP_RET_TRACE, true},
};

static bool take_action(struct kafel *k, uint32_t *action)
{
	size_t i = 0;

	while (i < sizeof(actions) / sizeof(actions[0]) && strcmp(actions[i].word, peek(k)->text))
		i++;
	if (i == sizeof(actions) / sizeof(actions[0]))
		return false;
	const struct token *word = next(k);
	*action = actions[i].action;
	if (!actions[i].number)
		return true;
	need(k, "(");
	uint64_t number = k->failed ? 0 : need_value(k, *action == K_SECCOMP_RET_ERRNO ? 4095 : 65535);
	need(k, ")");
	if (!k->failed && *action == K_SECCOMP_RET_ERRNO && !number)
		refuse(k, &word->pos, "%s(0) feigns success: the policy language has no such action", word->text);
	*action |= (uint32_t)number;
	return true;
}

static void declared_arguments(struct kafel *k)
{
	size_t cap = 0;

	k->arguments = NULL;
	k->narguments = 0;
	if (!take(k, "("))
		return;
	k->arguments = arena_grow(k->im->arena, NULL, &cap, 6, sizeof(*k->arguments));
	while (!k->failed && !take(k, ")")) {
		if (k->narguments == 6 || !is_name(peek(k)))
			refuse(k, &peek(k)->pos, "expected at most six names of arguments, found \"%s\"",
			       peek(k)->text);
		else
			k->arguments[k->narguments++] = next(k)->text;
		take(k, ",");
	}
}

static void call(struct kafel *k, uint32_t action)
{
	const struct token *token = next(k);
	const struct import_expr *when = NULL;
	const char *name;

	if (!is_name(token) || !strcmp(token->text, "SYSCALL")) {
		refuse(k, &token->pos, "expected the name of a system call, found \"%s\"", token->text);
		return;
	}
	name = import_syscall(k->im, token->text, &token->pos, true);
	declared_arguments(k);
	if (!k->failed && take(k, "{") && !take(k, "}")) {
		when = either(k);
		need(k, "}");
	}
	if (!name || k->failed)
		return;
	struct import_rule *rule = import_rule(k->im, action, when, &token->pos);
	import_rule_call(k->im, rule, name, (1u << ARCHES) - 1, &token->pos);
}

static void calls(struct kafel *k, uint32_t action)
{
	need(k, "{");
	while (!k->failed && !take(k, "}")) {
		call(k, action);
		if (!take(k, ",") && strcmp(peek(k)->text, "}"))
			refuse(k, &peek(k)->pos, "expected \",\" or \"}\", found \"%s\"", peek(k)->text);
	}
}

static void statements(struct kafel *k, bool inside);

static void use_block(struct kafel *k, const struct token *name)
{
	size_t i = 0, back = k->at;

	while (i < k->nblocks && strcmp(k->blocks[i].name, name->text))
		i++;
	if (i == k->nblocks || k->blocks[i].used) {
		refuse(k, &name->pos, i == k->nblocks ? "no POLICY \"%s\" before this" : "%s is used twice",
		       name->text);
		return;
	}
	k->blocks[i].used = true;
	k->at = k->blocks[i].begin;
	statements(k, true);
	k->at = back;
}

static void define(struct kafel *k)
{
	const struct token *name = next(k);
	uint64_t value, known;

	if (!is_name(name) || find_value(k, name, &known)) {
		refuse(k, &name->pos, "#define %s: a new name is missing", name->text);
		return;
	}
	value = need_value(k, UINT64_MAX);
	k->defines = arena_grow(k->im->arena, k->defines, &k->defines_cap, k->ndefines + 1, sizeof(*k->defines));
	k->defines[k->ndefines++] = (struct define){name->text, value};
}

/* Remembered, and skipped: a block says nothing until it is used. */
static void block(struct kafel *k)
{
	const struct token *name = next(k);
	unsigned depth = 1;

	for (size_t i = 0; i < k->nblocks; i++)
		if (!strcmp(k->blocks[i].name, name->text))
			refuse(k, &name->pos, "a second POLICY \"%s\"", name->text);
	need(k, "{");
	k->blocks = arena_grow(k->im->arena, k->blocks, &k->blocks_cap, k->nblocks + 1, sizeof(*k->blocks));
	k->blocks[k->nblocks++] = (struct block){.name = name->text, .begin = k->at};
	while (depth && !k->failed) {
		const struct token *token = next(k);
		depth += !strcmp(token->text, "{");
		depth -= !strcmp(token->text, "}");
		if (!*token->text)
			refuse(k, &token->pos, "the end of POLICY %s is missing", name->text);
	}
}

static void use(struct kafel *k)
{
	if (++k->depth >= DEPTH_MAX)
		refuse(k, &peek(k)->pos, "nested too deep at \"%s\"", peek(k)->text);
	do
		use_block(k, next(k));
	while (!k->failed && take(k, ","));
	k->depth--;
}

static void default_action(struct kafel *k)
{
	const struct token *token = peek(k);
	uint32_t action;

	if (k->has_default || !take_action(k, &action)) {
		refuse(k, &token->pos, k->has_default ? "a second DEFAULT %s" : "expected an action, found \"%s\"",
		       token->text);
		return;
	}
	k->has_default = true;
	k->im->default_action = action;
}

static void statements(struct kafel *k, bool inside)
{
	uint32_t action;

	while (!k->failed && *peek(k)->text && !(inside && take(k, "}"))) {
		const struct token *token = peek(k);
		if (take(k, "USE"))
			use(k);
		else if (!inside && take(k, "POLICY"))
			block(k);
		else if (!inside && take(k, "DEFAULT"))
			default_action(k);
		else if (!inside && take(k, "#define"))
			define(k);
		else if (take_action(k, &action))
			calls(k, action);
		else if (!take(k, ";") && !take(k, ","))
			refuse(k, &token->pos, "\"%s\" is not imported", token->text);
	}
}

void import_kafel(struct import *im, uint32_t file)
{
	struct kafel k = {.im = im};
	size_t len;
	const char *text = source_text(im->sources, file, &len);
	const char *copy = arena_strndup(im->arena, text, len);

	im->default_action = K_SECCOMP_RET_KILL_THREAD;
	if (strlen(copy) != len) {
		struct srcpos pos = {file, 1, 1, 1, 1};
		refuse(&k, &pos, "a NUL byte%s", "");
		return;
	}
	split(&k, file, copy);
	statements(&k, false);
	for (size_t i = 0; i < k.nblocks; i++)
		if (!k.blocks[i].used)
			import_note(im, NULL, "left out: POLICY %s, which nothing uses", k.blocks[i].name);
}
