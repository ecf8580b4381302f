/* SPDX-License-Identifier: MIT */
/* The pipeline; see compile.h. */
#include "compile.h"

#include <string.h>

#include "arena.h"
#include "expect.h"
#include "source.h"

void compilation_begin(struct compilation *c)
{
	*c = (struct compilation){.arches = {ARCH_X86_64, ARCH_AARCH64}, .narches = 2};
	c->arena = arena_create();
	c->sources = sources_create(c->arena);
	c->diag = diag_create(c->arena, c->sources);
}

void compilation_end(struct compilation *c)
{
	arena_destroy(&c->arena);
}

/* The order of the names is not part of the meaning: filters are written in the order of enum arch_id. */
bool compilation_arches(struct compilation *c, const char *list, const char **bad)
{
	bool wanted[ARCHES] = {false};

	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		const char *name = arena_strndup(c->arena, p, len);
		enum arch_id arch = arch_find(name);
		if (arch == ARCHES || wanted[arch]) {
			*bad = name;
			return false;
		}
		wanted[arch] = true;
		p += len;
		if (!*p)
			break;
	}
	c->narches = 0;
	for (int arch = 0; arch < ARCHES; arch++)
		if (wanted[arch])
			c->arches[c->narches++] = (enum arch_id)arch;
	return true;
}

bool compilation_check(struct compilation *c, uint32_t file)
{
	size_t len;

	if (file == SRC_NONE)
		return false;
	const char *text = source_text(c->sources, file, &len);
	struct toml_value *root = toml_parse(c->arena, c->diag, file, text, len);
	if (root)
		c->policy = policy_read(c->arena, c->diag, c->sources, file, root, &c->policy_options);
	if (c->policy) {
		c->policy->blob_path = c->blob_path;
		checks_run(c->arena, c->diag, c->policy);
		expectations_read(c->arena, c->diag, c->policy, c->arches, c->narches);
	}
	return c->policy && !diag_count(c->diag, SEVERITY_ERROR);
}

bool compilation_lower(struct compilation *c)
{
	const struct lower_options options = {.arches = c->arches, .narches = c->narches};

	c->lowered = lower_policy(c->arena, c->diag, c->policy, &options, &c->cannot_enforce);
	if (c->lowered)
		c->lowered->exit_1 = c->exit_1;
	if (c->lowered)
		c->blob = blob_write(c->arena, c->diag, c->sources, c->lowered, c->strip, &c->blob_size);
	return c->blob && !diag_count(c->diag, SEVERITY_ERROR);
}

bool compilation_run(struct compilation *c, uint32_t file)
{
	return compilation_check(c, file) && compilation_lower(c);
}
