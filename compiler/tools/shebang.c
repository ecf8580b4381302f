/* SPDX-License-Identifier: MIT */
/* #! lines, byte by byte as the kernel reads them: a path it would not see must not be granted in its place. */
#include "elfdeps_impl.h"

#include <string.h>

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Both look at `last`, too; NULL: none. */
static const char *find_text(const char *first, const char *last)
{
	for (; first <= last; first++)
		if (!blank(*first))
			return first;
	return NULL;
}

static const char *find_end(const char *first, const char *last)
{
	for (; first <= last; first++)
		if (blank(*first) || !*first)
			return first;
	return NULL;
}

/* strnchr() of lib/string.c: a NUL ends the text */
static const char *line_end(const char head[SHEBANG_BYTES])
{
	for (size_t i = 0; i < SHEBANG_BYTES && head[i]; i++)
		if (head[i] == '\n')
			return head + i;
	return NULL;
}

static void copy(char out[SHEBANG_BYTES], const char *from, const char *to)
{
	size_t len = strnlen(from, (size_t)(to - from));

	memcpy(out, from, len);
	out[len] = 0;
}

bool shebang_parse(const char head[SHEBANG_BYTES], char name[SHEBANG_BYTES], char argument[SHEBANG_BYTES])
{
	const char *last = head + SHEBANG_BYTES - 1, *end = line_end(head), *first, *separator;

	if (head[0] != '#' || head[1] != '!')
		return false;
	if (!end) {
		first = find_text(head + 2, last);
		/* nothing but blanks, or a path that may have been cut */
		if (!first || !find_end(first, last))
			return false;
		end = last;
	}
	while (blank(end[-1]))
		end--;
	first = find_text(head + 2, end);
	if (!first || first == end)
		return false;
	separator = find_end(first, end);
	copy(name, first, separator ? separator : end);
	argument[0] = 0;
	if (separator && *separator && separator < end) {
		const char *text = find_text(separator, end);

		if (text)
			copy(argument, text, end);
	}
	return true;
}

/* ---- env(1) ---- */

/* The next word as env -S splits; false: none, or one that depends on the environment. */
static bool next_word(const char **at, char word[SHEBANG_BYTES])
{
	const char *p = *at;
	char quote = 0;
	size_t len = 0;

	p += strspn(p, " \t\v\f\r\n");
	if (!*p || *p == '#')
		return false;
	for (; *p && (quote || !strchr(" \t\v\f\r\n", *p)); p++) {
		if (*p == '$' && quote != '\'')
			return false;
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
			continue;
		}
		if (*p == '\\' && p[1] && quote != '\'')
			p++;
		word[len++] = *p;
	}
	word[len] = 0;
	*at = p;
	return !quote;
}

/* Long options take a value after '='; of the short ones, these take one, here or as the next word. */
static bool takes_next(const char *option)
{
	return !strcmp(option, "-u") || !strcmp(option, "-C") || !strcmp(option, "--unset") ||
	       !strcmp(option, "--chdir");
}

static bool splits(const char **argument)
{
	static const char *const forms[] = {"-S", "-vS", "-iS", "-viS", "-ivS", "--split-string="};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (!strncmp(*argument, forms[i], strlen(forms[i]))) {
			*argument += strlen(forms[i]);
			return true;
		}
	return false;
}

const char *shebang_env(const char *argument, char program[SHEBANG_BYTES])
{
	bool options = true;

	if (!splits(&argument)) {
		/* one word, blanks and all */
		if (!*argument || *argument == '-' || strchr(argument, '='))
			return NULL;
		copy(program, argument, argument + strnlen(argument, SHEBANG_BYTES - 1));
		return program;
	}
	while (next_word(&argument, program)) {
		if (options && program[0] == '-') {
			options = strcmp(program, "--") != 0;
			if (takes_next(program) && !next_word(&argument, program))
				return NULL;
			continue;
		}
		if (!strchr(program, '='))
			return program;
		options = false;
	}
	return NULL;
}
