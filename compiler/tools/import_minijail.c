/* SPDX-License-Identifier: MIT */
/*
 * minijail's policy text, as its launcher parses it: one call a line, `name: 1`, an action, `return ERRNO`, or
 * comparisons of arg0 to arg5 joined with && and ||, and perhaps `; return ERRNO` for when they fail. What is not named
 * ends the process. Everything else is refused: the language of its offline compiler, and files read by @include, which
 * a policy includes under its own rules.
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
#include "sysdata.h"
#include "vocab.h"

struct minijail {
	struct import *im;
	struct srcpos pos; /* of the line */
	const char *p; /* the rest of it */
	const char *start;
	const char **names; /* seen before */
	size_t nnames, names_cap;
	bool failed; /* this line */
};

static void refuse(struct minijail *m, const char *format, const char *what)
{
	struct srcpos pos = m->pos;

	if (m->failed)
		return;
	m->failed = true;
	pos.col = pos.end_col = (uint32_t)(m->p - m->start) + 1;
	diag_report(m->im->diag, CHECK_UNSUPPORTED, &pos, format, what);
}

static void blanks(struct minijail *m)
{
	while (*m->p == ' ' || *m->p == '\t' || *m->p == '\r')
		m->p++;
}

static bool take(struct minijail *m, const char *word)
{
	blanks(m);
	if (strncmp(m->p, word, strlen(word)))
		return false;
	m->p += strlen(word);
	return true;
}

static const char *take_word(struct minijail *m)
{
	size_t n = 0;

	blanks(m);
	while (isalnum((unsigned char)m->p[n]) || m->p[n] == '_' || m->p[n] == '-')
		n++;
	m->p += n;
	return arena_strndup(m->im->arena, m->p - n, n);
}

/* ---- values ---- */

static bool name_value(struct minijail *m, const char *name, uint64_t *value)
{
	for (size_t i = 0; i < m->im->narches; i++) {
		uint64_t here;
		if (!constant_find(m->im->arches[i], name, &here)) {
			refuse(m, "unknown constant \"%s\"", name);
			return false;
		}
		if (i && here != *value) {
			refuse(m, "%s differs between the architectures: import for each of them with --arch", name);
			return false;
		}
		*value = here;
	}
	return true;
}

static bool take_constant(struct minijail *m, uint64_t *value)
{
	bool invert = take(m, "~");
	const char *word = take_word(m);
	char *end;

	errno = 0;
	*value = strtoull(word, &end, 0);
	if (!*word || (isdigit((unsigned char)*word) && (*end || errno))) {
		refuse(m, "a number or the name of a constant is missing%s", "");
		return false;
	}
	if (*word == '-') {
		refuse(m, "a negative number: what it means depends on the register: %s", word);
		return false;
	}
	if (!isdigit((unsigned char)*word) && !name_value(m, word, value))
		return false;
	*value = invert ? ~*value : *value;
	return true;
}

static uint64_t take_value(struct minijail *m)
{
	uint64_t value = 0, one;

	do {
		if (!take_constant(m, &one))
			return 0;
		value |= one;
		blanks(m);
	} while (m->p[0] == '|' && m->p[1] != '|' && take(m, "|"));
	return value;
}

/* ---- expressions ---- */

static const struct import_expr *test(struct minijail *m)
{
	static const struct {
		const char *text;
		enum cmp_op op;
	} relations[] = {{"==", CMP_EQ}, {"!=", CMP_NE}, {"<=", CMP_LE},
			 {">=", CMP_GE}, {"<", CMP_LT},  {">", CMP_GT}};
	struct import_expr *e = import_expr(m->im, IMPORT_TEST, NULL, NULL, &m->pos);
	const char *word = take_word(m);
	size_t i = 0;

	if (strncmp(word, "arg", 3) || word[3] < '0' || word[3] > '5' || word[4]) {
		refuse(m, "\"%s\": expected an action, or arg0 to arg5", word);
		return e;
	}
	e->index = (unsigned)(word[3] - '0');
	blanks(m);
	if (m->p[0] == '&' && m->p[1] != '&' && take(m, "&")) {
		e->op = CMP_MASKED_NE;
		e->mask = take_value(m);
		return e;
	}
	if (take(m, "in ")) {
		e->op = CMP_MASKED_EQ;
		e->mask = ~take_value(m);
		return e;
	}
	while (i < sizeof(relations) / sizeof(relations[0]) && !take(m, relations[i].text))
		i++;
	if (i == sizeof(relations) / sizeof(relations[0])) {
		refuse(m, "%s: an operator is missing", word);
		return e;
	}
	e->op = relations[i].op;
	e->value = take_value(m);
	return e;
}

static const struct import_expr *expression(struct minijail *m)
{
	const struct import_expr *any = NULL;

	do {
		const struct import_expr *all = test(m);
		while (!m->failed && take(m, "&&"))
			all = import_expr(m->im, IMPORT_AND, all, test(m), &m->pos);
		any = any ? import_expr(m->im, IMPORT_OR, any, all, &m->pos) : all;
	} while (!m->failed && take(m, "||"));
	return any;
}

/* ---- lines ---- */

static void decide(struct minijail *m, const char *name, uint32_t action, const struct import_expr *when)
{
	struct import_rule *rule = import_rule(m->im, action, when, &m->pos);

	import_rule_call(m->im, rule, name, (1u << ARCHES) - 1, &m->pos);
}

static uint32_t take_errno(struct minijail *m)
{
	const char *word = take_word(m);
	char *end;
	unsigned long number = strtoul(word, &end, 0);

	if (isdigit((unsigned char)*word) && !*end && number > 0 && number <= 4095)
		return K_SECCOMP_RET_ERRNO | (uint32_t)number;
	if (errno_find(word))
		return K_SECCOMP_RET_ERRNO | errno_find(word);
	refuse(m, "return %s: an error from 1 to 4095 is missing", word);
	return 0;
}

/* A line that is an action and nothing else. */
static bool take_action(struct minijail *m, uint32_t *action)
{
	static const struct {
		const char *word;
		uint32_t action;
	} words[] = {{"1", K_SECCOMP_RET_ALLOW},
		     {"allow", K_SECCOMP_RET_ALLOW},
		     {"kill", K_SECCOMP_RET_KILL_PROCESS},
		     {"kill-process", K_SECCOMP_RET_KILL_PROCESS},
		     {"kill-thread", K_SECCOMP_RET_KILL_THREAD},
		     {"trap", K_SECCOMP_RET_TRAP},
		     {"trace", K_SECCOMP_RET_TRACE},
		     {"log", K_SECCOMP_RET_LOG}};
	const char *before = m->p, *word = take_word(m);

	if (!strcmp(word, "return")) {
		*action = take_errno(m);
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].word)) {
			*action = words[i].action;
			return true;
		}
	m->p = before;
	return false;
}

static void remember(struct minijail *m, const char *name)
{
	for (size_t i = 0; i < m->nnames; i++)
		if (!strcmp(m->names[i], name))
			refuse(m, "a second line about %s", name);
	m->names = arena_grow(m->im->arena, m->names, &m->names_cap, m->nnames + 1, sizeof(*m->names));
	m->names[m->nnames++] = name;
}

static void line(struct minijail *m)
{
	const char *word, *name;
	uint32_t action = K_SECCOMP_RET_ALLOW, otherwise = 0;
	const struct import_expr *when = NULL;

	blanks(m);
	if (!*m->p || *m->p == '#')
		return;
	if (*m->p == '@') {
		refuse(m, "%s: not imported: import that file by itself, and include the policy it gives", m->p);
		return;
	}
	word = take_word(m);
	if (!take(m, ":")) {
		refuse(m, "\"%s\": a colon is missing; lists, and options of the offline compiler, are not imported",
		       word);
		return;
	}
	name = import_syscall(m->im, word, &m->pos, true);
	if (!name)
		return;
	if (!take_action(m, &action)) {
		when = expression(m);
		if (!m->failed && take(m, ";")) {
			if (take(m, "return"))
				otherwise = take_errno(m);
			else
				refuse(m, "after a semicolon only \"return\" is known%s", "");
		}
	}
	blanks(m);
	if (*m->p && *m->p != '#')
		refuse(m, "\"%s\" behind the line", m->p);
	remember(m, name);
	if (m->failed)
		return;
	decide(m, name, action, when);
	if (otherwise)
		decide(m, name, otherwise, NULL);
}

void import_minijail(struct import *im, uint32_t file)
{
	struct minijail m = {.im = im};
	const char *text;
	size_t len;

	im->default_action = K_SECCOMP_RET_KILL_PROCESS;
	for (uint32_t number = 1; (text = source_line(im->sources, file, number, &len)); number++) {
		m.pos = (struct srcpos){file, number, 1, number, (uint32_t)len + 1};
		m.start = m.p = arena_strndup(im->arena, text, len);
		m.failed = false;
		if (strlen(m.start) != len)
			refuse(&m, "a NUL byte%s", "");
		else if (len && text[len - 1] == '\\')
			refuse(&m, "a line that goes on in the next%s", "");
		else
			line(&m);
	}
}
