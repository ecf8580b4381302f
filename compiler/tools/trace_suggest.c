/* SPDX-License-Identifier: MIT */
/*
 * What would have to be granted for all that was refused. A program that the policy does not let start, or whose loader
 * finds a library closed, ends at the first of its files: what it needs besides to start is known from the files
 * (elfdeps.h) and belongs to the same request. A program that ends at the first refusal asks for one thing after the other:
 * trace.c then runs it again under what was suggested so far.
 */
#include <stdlib.h>
#include <string.h>

#include "additions_toml.h"
#include "arena.h"
#include "elfdeps.h"
#include "text.h"
#include "trace.h"

struct suggestion {
	const struct trial *trial; /* that is being looked at */
	struct additions_set set;
	bool grown;
	const char **hopeless; /* what no addition allows, as lines */
	size_t nhopeless, hopeless_cap;
	const char **started; /* programs whose closure is in the set */
	size_t nstarted, started_cap;
};

static void merge_denied(struct suggestion *s, enum operation_id id, const char *path)
{
	const struct trial *t = s->trial;
	struct operation op = {.id = id, .path = path};
	struct addition additions[ADDITIONS_MAX];
	const char *why;
	size_t n = decide_additions(t->world, t->abi, t->arch, &op, additions, &why);

	for (size_t i = 0; i < n; i++)
		s->grown |= additions_merge(&s->set, &additions[i]);
}

static void merge_closure(struct suggestion *s, const struct closure *closure)
{
	for (size_t i = 0; i < closure->nentries; i++) {
		const struct closure_entry *entry = &closure->entries[i];
		merge_denied(s, entry->kind == CLOSURE_PROGRAM ? OP_EXEC : OP_READ, entry->real);
	}
}

static bool begun(struct suggestion *s, const char *program)
{
	for (size_t i = 0; i < s->nstarted; i++)
		if (!strcmp(s->started[i], program))
			return true;
	s->started = arena_grow(s->trial->arena, s->started, &s->started_cap, s->nstarted + 1, sizeof(*s->started));
	s->started[s->nstarted++] = program;
	return false;
}

/* `file`: only if the program needs it to start; NULL: in any case. */
static void merge_program(struct suggestion *s, const char *program, const char *file)
{
	struct closure_options options = {.path = getenv("PATH"), .library_path = getenv("LD_LIBRARY_PATH")};
	struct closure *closure;
	bool needed = !file;

	if (*program != '/' || begun(s, program))
		return;
	closure = closure_create(s->trial->arena, &options);
	if (closure_add(closure, program) == CLOSURE_OK) {
		for (size_t i = 0; !needed && i < closure->nentries; i++)
			needed = !strcmp(closure->entries[i].real, file);
		if (needed)
			merge_closure(s, closure);
	}
	closure_close(closure);
}

static void add_hopeless(struct suggestion *s, const struct refusal *r)
{
	const char *line = arena_printf(s->set.arena, "%s: %s", r->operation, r->hopeless);

	for (size_t i = 0; i < s->nhopeless; i++)
		if (!strcmp(s->hopeless[i], line))
			return;
	s->hopeless = arena_grow(s->set.arena, s->hopeless, &s->hopeless_cap, s->nhopeless + 1, sizeof(*s->hopeless));
	s->hopeless[s->nhopeless++] = line;
}

struct suggestion *suggestion_create(struct arena *arena)
{
	struct suggestion *s = arena_alloc(arena, sizeof(*s));

	s->set.arena = arena;
	return s;
}

bool suggestion_add(struct suggestion *s, const struct trial *trial)
{
	s->trial = trial;
	s->grown = false;
	for (size_t i = 0; i < trial->n; i++) {
		const struct refusal *r = trial->refusals[i];
		for (size_t j = 0; j < r->nadditions; j++)
			s->grown |= additions_merge(&s->set, &r->additions[j]);
		if (r->op.id == OP_EXEC && r->nadditions)
			merge_program(s, r->op.path, NULL);
		else if (r->op.id == OP_READ && r->nadditions && r->program && strstr(r->op.path, ".so"))
			merge_program(s, r->program, r->op.path);
		if (!r->nadditions && r->hopeless)
			add_hopeless(s, r);
	}
	return s->grown;
}

bool suggestion_any(const struct suggestion *s)
{
	return s->set.n;
}

bool suggestion_apply(const struct suggestion *s, struct policy_base *base, enum arch_id arch, struct compilation *c,
		      struct blob *out)
{
	return additions_apply(base, arch, s->set.items, s->set.n, c, out);
}

void suggestion_put(FILE *out, struct suggestion *s, const struct blob *blob, unsigned abi)
{
	fputs("version = 1\n", out);
	for (size_t i = 0; i < s->nhopeless; i++) {
		fputs("# ", out);
		put_text(out, s->hopeless[i]);
		fputc('\n', out);
	}
	additions_put(out, blob, abi, &s->set);
}
