/* SPDX-License-Identifier: MIT */
/* Arguments, constants, groups and replacements of system calls: lookups over the tables of schema/. */
#include <stdlib.h>
#include <string.h>

#include "sysdata.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MAX_ARGS     6

/* Every table begins its rows with a name and is sorted by it. */
static int by_name(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

#define FIND(table, name) bsearch(name, table, COUNT(table), sizeof((table)[0]), by_name)

/*
 * The large tables hold their names, not pointers: in a position-independent program every pointer is a relocation,
 * whose page is written before main(). Five thousand of them cost a fifth of the time that llc-policy takes to start.
 */
static int by_text(const void *key, const void *row)
{
	return strcmp(key, row);
}

#define FIND_TEXT(table, name) bsearch(name, table, COUNT(table), sizeof((table)[0]), by_text)

/* ---- arguments ---- */

struct arg_row {
	uint8_t kind;
	char names[ARG_NAMES][20]; /* the rest are "" */
};

struct args_row {
	char syscall[32];
	unsigned arches; /* bits of enum arch_id */
	struct arg_row args[MAX_ARGS];
};

#define ON(arch) (1U << ARCH_##arch)
#define EVERY    ((1U << ARCHES) - 1)
#define A(kind, ...)                                                                                                 \
	{                                                                                                            \
		ARG_##kind,                                                                                          \
		{                                                                                                    \
			__VA_ARGS__                                                                                  \
		}                                                                                                    \
	}
static const struct args_row args_table[] = {
#define ARGS(syscall, ...)          ARGS_(#syscall, __VA_ARGS__, )
#define ARGS_(syscall, arches, ...) {syscall, arches, {__VA_ARGS__}},
#include "args.def"
};
#undef A
#undef ON
#undef EVERY

static bool arch_is_32_bit(enum arch_id arch)
{
	return arch == ARCH_I386 || arch == ARCH_ARM;
}

/* The row for an architecture follows the general one. */
static const struct args_row *args_find(enum arch_id arch, const char *syscall)
{
	const struct args_row *row = FIND_TEXT(args_table, syscall), *best = NULL;

	if (row == NULL || arch >= ARCHES)
		return NULL;
	while (row > args_table && strcmp(row[-1].syscall, syscall) == 0)
		row--;
	for (; row < args_table + COUNT(args_table) && strcmp(row->syscall, syscall) == 0; row++)
		if ((row->arches & 1U << arch) != 0)
			best = row;
	return best;
}

static const struct kind_row {
	const char *name;
	uint8_t bits; /* 0: those of a register */
	bool is_signed;
	bool two; /* registers, where they have 32 bits */
} kinds[] = {
	[ARG_I32] = {"int", 32, true, false},
	[ARG_U32] = {"unsigned int", 32, false, false},
	[ARG_U16] = {"unsigned short", 16, false, false},
	[ARG_L] = {"long", 0, true, false},
	[ARG_UL] = {"unsigned long", 0, false, false},
	[ARG_I64] = {"loff_t", 64, true, true},
	[ARG_U64] = {"u64", 64, false, true},
	[ARG_PTR] = {"pointer", 0, false, false},
};

const char *arg_kind_name(enum arg_kind kind)
{
	return kinds[kind].name;
}

/*
 * Describes the n-th argument of the row. 64-bit arguments take two registers on 32-bit architectures, and on arm the
 * first of them is an even one (EABI, which the kernel's prototypes follow with unused arguments).
 */
static bool describe(const struct args_row *row, enum arch_id arch, unsigned n, struct arg_info *out)
{
	bool narrow = arch_is_32_bit(arch), split = false;
	const struct kind_row *kind = NULL;
	unsigned index = 0;

	for (unsigned i = 0; i <= n; i++) {
		if (i >= MAX_ARGS || row->args[i].names[0][0] == '\0')
			return false;
		index += split ? 2 : i > 0;
		kind = &kinds[row->args[i].kind];
		split = narrow && kind->two;
		if (split && arch == ARCH_ARM)
			index += index & 1;
	}
	out->name = row->args[n].names[0];
	out->index = index;
	out->kind = (enum arg_kind)row->args[n].kind;
	out->bits = kind->bits != 0 ? kind->bits : narrow ? 32 : 64;
	out->width = out->bits == 64 && !narrow ? 64 : 32;
	out->is_signed = kind->is_signed;
	out->filterable = !split;
	return true;
}

static bool has_name(const struct arg_row *arg, const char *name)
{
	for (size_t i = 0; i < ARG_NAMES && arg->names[i][0] != '\0'; i++)
		if (strcmp(arg->names[i], name) == 0)
			return true;
	return false;
}

int syscall_arg(enum arch_id arch, const char *syscall, const char *argument, struct arg_info *out)
{
	const struct args_row *row = args_find(arch, syscall);

	if (row == NULL)
		return ARG_UNKNOWN_CALL;
	for (unsigned n = 0; n < MAX_ARGS; n++)
		if (has_name(&row->args[n], argument) && describe(row, arch, n, out))
			return 0;
	return ARG_UNKNOWN_NAME;
}

bool syscall_arg_nth(enum arch_id arch, const char *syscall, unsigned n, struct arg_info *out)
{
	const struct args_row *row = args_find(arch, syscall);

	return row != NULL && n < MAX_ARGS && describe(row, arch, n, out);
}

bool syscall_arg_at(enum arch_id arch, const char *syscall, unsigned index, struct arg_info *out)
{
	for (unsigned n = 0; syscall_arg_nth(arch, syscall, n, out); n++)
		if (out->index == index || (!out->filterable && out->index + 1 == index))
			return true;
	return false;
}

/* ---- constants ---- */

#define ABSENT INT64_MIN

enum family_id {
#define FAMILY(id, arguments, meaning) FAMILY_##id,
#include "constants.def"
};

static const struct family_row {
	const char *arguments, *meaning;
} families[] = {
#define FAMILY(id, arguments, meaning) [FAMILY_##id] = {arguments, meaning},
#include "constants.def"
};

struct constant_row {
	char name[56];
	uint16_t family;
	int64_t values[ARCHES];
};

static const struct constant_row constants[] = {
#define CONSTANT(name, family, v)      {name, FAMILY_##family, {v, v, v, v, v, v, v}},
#define CONSTANT_ON(name, family, ...) {name, FAMILY_##family, {__VA_ARGS__}},
#include "constants.def"
};

bool constant_find(enum arch_id arch, const char *name, uint64_t *value)
{
	const struct constant_row *row = FIND_TEXT(constants, name);

	if (row == NULL || arch >= ARCHES || row->values[arch] == ABSENT)
		return false;
	*value = (uint64_t)row->values[arch];
	return true;
}

bool constant_known(const char *name)
{
	return FIND_TEXT(constants, name) != NULL;
}

const char *const *constant_names(void)
{
	static const char *names[COUNT(constants) + 1];

	/* the first one is set last */
	for (size_t i = COUNT(constants); names[0] == NULL && i > 0; i--)
		names[i - 1] = constants[i - 1].name;
	return names;
}

const char *constant_meaning(const char *name)
{
	const struct constant_row *row = FIND_TEXT(constants, name);

	return row != NULL ? families[row->family].meaning : NULL;
}

/* Does text match a pattern that ends at `end`, "*" standing for any characters? Patterns are the tables' own. */
static bool matches(const char *pattern, const char *end, const char *text)
{
	for (; pattern < end; pattern++, text++) {
		if (*pattern == '*') {
			for (;; text++) {
				if (matches(pattern + 1, end, text))
					return true;
				if (*text == '\0')
					return false;
			}
		}
		if (*pattern != *text)
			return false;
	}
	return *text == '\0';
}

/* The first word of a list, and behind it; false at the end. */
static bool next_word(const char **list, const char **word, size_t *length)
{
	*word = *list + strspn(*list, " ");
	*length = strcspn(*word, " ");
	*list = *word + *length;
	return *length > 0;
}

unsigned constant_fits(const char *name, const char *syscall, const struct arg_info *argument)
{
	const struct constant_row *row = FIND_TEXT(constants, name);
	const char *list = row != NULL ? families[row->family].arguments : "", *word;
	size_t length;

	while (next_word(&list, &word, &length)) {
		const char *dot = memchr(word, '.', length), *end = word + length;

		if (matches(word, dot, syscall) && matches(dot + 1, end, argument->name))
			return memchr(word, '*', length) ? 1 : 2;
	}
	return 0;
}

/* ---- groups ---- */

static const struct group_row groups[] = {
#define GROUP(name, help, members) {name, help, members},
#include "groups.def"
};

static const char *const names_of_groups[] = {
#define GROUP(name, help, members) name,
#include "groups.def"
	NULL,
};

static const struct danger_row {
	const char *name, *reason;
} dangers[] = {
#define DANGER(name, reason) {#name, reason},
#include "groups.def"
};

const char *danger_reason(const char *syscall)
{
	const struct danger_row *row = FIND(dangers, syscall);

	return row != NULL ? row->reason : NULL;
}

enum call_index {
#define SYSCALL(name, ...) CALL_##name,
#include "syscalls.def"
	CALLS
};

/* Which calls and groups an expansion has met. */
struct selection {
	bool calls[CALLS];
	bool groups[COUNT(groups)];
};

struct word {
	const char *text;
	size_t length;
};

/* The order of strcmp(), for a word without a terminator. */
static int by_word(const void *key, const void *row)
{
	const struct word *word = key;
	const char *name = *(const char *const *)row;
	int order = strncmp(word->text, name, word->length);

	return order != 0 ? order : name[word->length] == '\0' ? 0 : -1;
}

static size_t call_index(const char *const *name)
{
	return (size_t)(name - syscall_names());
}

static void select_call(struct selection *selection, struct word word)
{
	const char *const *name = bsearch(&word, syscall_names(), CALLS, sizeof(const char *), by_word);

	if (name != NULL)
		selection->calls[call_index(name)] = true;
}

static void select_dangers(struct selection *selection)
{
	for (size_t i = 0; i < COUNT(dangers); i++)
		select_call(selection, (struct word){dangers[i].name, strlen(dangers[i].name)});
}

static void select_group(struct selection *selection, const struct group_row *group)
{
	const char *list = group->members;
	struct word word;

	if (selection->groups[group - groups])
		return;
	selection->groups[group - groups] = true;
	while (next_word(&list, &word.text, &word.length)) {
		if (*word.text == '*') {
			memset(selection->calls, true, sizeof(selection->calls));
		} else if (*word.text == '!') {
			select_dangers(selection);
		} else if (*word.text == '@') {
			const struct group_row *nested =
				bsearch(&word, groups, COUNT(groups), sizeof(groups[0]), by_word);

			if (nested != NULL)
				select_group(selection, nested);
		} else {
			select_call(selection, word);
		}
	}
}

const struct group_row *group_find(const char *name)
{
	return FIND(groups, name);
}

const char *const *group_names(void)
{
	return names_of_groups;
}

size_t group_members(const char *name, const char **out, size_t cap)
{
	const struct group_row *group = group_find(name);
	struct selection selection = {0};
	size_t count = 0;

	if (group == NULL)
		return 0;
	select_group(&selection, group);
	for (size_t i = 0; i < CALLS; i++) {
		if (!selection.calls[i])
			continue;
		if (count < cap)
			out[count] = syscall_names()[i];
		count++;
	}
	return count;
}

bool group_has(const char *name, const char *syscall)
{
	const char *const *call = bsearch(syscall, syscall_names(), CALLS, sizeof(const char *), by_name);
	const struct group_row *group = group_find(name);
	struct selection selection = {0};

	if (group == NULL || call == NULL)
		return false;
	select_group(&selection, group);
	return selection.calls[call_index(call)];
}

/* ---- calls that an architecture does not have ---- */

static const struct advice_row {
	const char *syscall, *instead, *text;
} advice[] = {
#define ADVICE(syscall, instead, text) {#syscall, instead, text},
#include "advice.def"
};

const char *syscall_advice(enum arch_id arch, const char *name)
{
	const struct advice_row *row = FIND(advice, name);

	if (row == NULL || arch >= ARCHES || syscall_number(arch, name) >= 0)
		return NULL;
	while (row > advice && strcmp(row[-1].syscall, name) == 0)
		row--;
	for (; row < advice + COUNT(advice) && strcmp(row->syscall, name) == 0; row++)
		if (*row->instead == '\0' || syscall_number(arch, row->instead) >= 0)
			return row->text;
	return NULL;
}
