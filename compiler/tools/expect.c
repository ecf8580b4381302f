/* SPDX-License-Identifier: MIT */
/* See expect.h. */
#include "expect.h"

#include <string.h>

#include "arena.h"
#include "diag.h"

#define WORDS_MAX 32

struct words {
	const char *word[WORDS_MAX];
	size_t count;
};

static bool add(struct words *words, const char *word)
{
	if (!word)
		return true;
	if (words->count == WORDS_MAX)
		return false;
	words->word[words->count++] = word;
	return true;
}

/* Blanks separate. What an operation takes from a key of its own is added whole, whatever is in it. */
static bool add_split(struct arena *arena, struct words *words, const char *text)
{
	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");
		if (!add(words, arena_strndup(arena, text, len)))
			return false;
		text += len;
	}
	return true;
}

static bool gather(struct arena *arena, struct words *words, const struct policy_test *test)
{
	return add_split(arena, words, test->op) && (!test->syscall || add_split(arena, words, test->syscall)) &&
	       add(words, test->path) && add(words, test->to) &&
	       (test->port < 0 || add(words, arena_printf(arena, "%d", test->port)));
}

static bool read_one(struct arena *arena, struct diag *diag, struct expectation *e, unsigned wanted)
{
	const char *why = "no architecture of the blob is one of the test's";
	struct words words = {.count = 0};

	if (!gather(arena, &words, e->test)) {
		diag_report(diag, CHECK_BAD_VALUE, &e->test->op_pos, "more words than any operation takes");
		return false;
	}
	for (unsigned arch = 0; arch < ARCHES; arch++) {
		const char *wrong;

		if (!(wanted & e->test->arches & 1u << arch))
			continue;
		wrong = operation_parse(arena, (enum arch_id)arch, words.word, words.count, &e->ops[arch]);
		if (wrong)
			why = wrong;
		else
			e->arches |= 1u << arch;
	}
	for (unsigned arch = 0; arch < ARCHES && !e->text; arch++)
		if (e->arches & 1u << arch)
			e->text = operation_text(arena, (enum arch_id)arch, &e->ops[arch]);
	if (!e->text)
		diag_report(diag, CHECK_BAD_VALUE, &e->test->op_pos, "%s", why);
	return e->text;
}

struct expectation *expectations_read(struct arena *arena, struct diag *diag, const struct policy *policy,
				      const enum arch_id *arches, size_t narches)
{
	struct expectation *all = arena_alloc(arena, (policy->ntests + 1) * sizeof(*all));
	unsigned wanted = 0;
	bool fine = true;

	for (size_t i = 0; i < narches; i++)
		wanted |= 1u << arches[i];
	for (size_t i = 0; i < policy->ntests; i++) {
		all[i].test = &policy->tests[i];
		fine = read_one(arena, diag, &all[i], wanted) && fine;
	}
	return fine ? all : NULL;
}
