/* SPDX-License-Identifier: MIT */
/*
 * Conditions on arguments: any text is read, or refused with a position within it; what is read is lowered for a few
 * calls of two architectures, and what a condition and its negation accept has nothing in common.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "cond.h"
#include "conds.h"
#include "diag.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lower_for(struct arena *arena, struct diag *diag, enum arch_id arch, const char *call,
		      const struct cond *cond)
{
	const struct cond_site site = {arena, diag, arch, call};
	struct cond_cases yes, no, both;

	if (!cond_lower(&site, cond, false, &yes) || !cond_lower(&site, cond, true, &no))
		return;
	cond_both(arena, &yes, &no, &both);
	/* what is called possible by mistake is so because of unequalities only; small cases must be exact */
	if (both.count && yes.count == 1 && no.count == 1 && yes.clauses[0].nconds == 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct sources *sources = sources_create(arena);
	struct diag *diag = diag_create(arena, sources);
	struct toml_value value = {.type = TOML_STRING};
	char *text = arena_strndup(arena, (const char *)data, size);

	/* as in a policy: quoted, without NUL */
	value.string.ptr = text;
	value.string.len = strlen(text);
	char *quoted = arena_printf(arena, "'''%s'''", text);
	value.pos = (struct srcpos){source_from_memory(sources, "cond", quoted, strlen(quoted)), 1, 1, 1, 2};
	const struct cond *cond = cond_parse(arena, diag, sources, &value);
	static const char *const calls[] = {"socket", "clone", "fchmod", "lseek", "openat", "prctl", "nr:451"};
	for (size_t i = 0; cond && i < sizeof(calls) / sizeof(calls[0]); i++) {
		lower_for(arena, diag, ARCH_X86_64, calls[i], cond);
		lower_for(arena, diag, ARCH_ARM, calls[i], cond);
	}
	diag_text(diag);
	arena_destroy(&arena);
	return 0;
}
