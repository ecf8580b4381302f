/* SPDX-License-Identifier: MIT */
/*
 * [seccomp] out of programs, for dump --toml: what every call gets, as default, lists and rules. What arguments decide
 * is in a program in too many forms to be read back: where the companion rules do not explain it, compiling the result
 * gives another program, and dump_matches() says so.
 */
#include "dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compile.h"
#include "inspect.h"
#include "source.h"

struct answers {
	const struct blob *blob;
	enum arch_id arches[ARCHES];
	size_t narches;
	uint32_t otherwise, newer, foreign, x32;
};

/* Higher is weaker: the kernel's order of precedence (kernel/seccomp.c, seccomp_run_filters()). */
static bool weaker(uint32_t a, uint32_t b)
{
	return (int32_t)(a & K_SECCOMP_RET_ACTION_FULL) > (int32_t)(b & K_SECCOMP_RET_ACTION_FULL);
}

static void weakest(const struct verdicts *verdicts, uint32_t *action, bool *found)
{
	for (size_t i = 0; i < verdicts->count; i++) {
		if (!*found || weaker(verdicts->action[i], *action))
			*action = verdicts->action[i];
		*found = true;
	}
}

/* What the policy says of a call: companion rules only ever take away from it, on some ABIs or for some arguments. */
static uint32_t answer_to(const struct answers *a, enum arch_id arch, uint32_t nr)
{
	uint32_t action = K_SECCOMP_RET_KILL_PROCESS;
	bool found = false;

	for (uint32_t i = 0; i < a->blob->nfilters; i++) {
		const struct llpb_filter *filter = &a->blob->filters[i];
		struct bpf_scope scope = {true, nr, filter->arch};
		struct verdicts verdicts = {0};
		struct bpf_program program;

		if (filter->arch != arch_rows[arch].audit_arch || filter->group == LLPB_GROUP_NOTIFY ||
		    !filter_program(a->blob, filter, &program))
			continue;
		filter_verdicts(&program, &scope, &verdicts);
		weakest(&verdicts, &action, &found);
	}
	return action;
}

static void survey_others(struct answers *a)
{
	struct verdicts foreign = {0}, x32 = {0};
	bool found = false;

	for (uint32_t i = 0; i < a->blob->nfilters; i++) {
		enum arch_id arch = arch_by_audit(a->blob->filters[i].arch);
		struct bpf_program program;

		if (arch == ARCHES || a->blob->filters[i].group == LLPB_GROUP_NOTIFY ||
		    !filter_program(a->blob, &a->blob->filters[i], &program))
			continue;
		filter_foreign(&program, a->blob->filters[i].arch, &foreign);
		if (arch_rows[arch].x32)
			filter_x32(&program, a->blob->filters[i].arch, &x32);
	}
	a->foreign = a->x32 = K_SECCOMP_RET_KILL_PROCESS;
	weakest(&foreign, &a->foreign, &found);
	found = false;
	weakest(&x32, &a->x32, &found);
}

/* The last number with a name, arm's private ones aside; above it a call is newer. */
static uint32_t last_named(enum arch_id arch)
{
	uint32_t last = 0;

	for (uint32_t nr = 0; nr < SYSCALL_NUMBERS; nr++)
		if (syscall_name(arch, (int)nr))
			last = nr;
	return last;
}

static void survey(struct answers *a, const struct blob *blob)
{
	*a = (struct answers){.blob = blob};
	for (int arch = 0; arch < ARCHES; arch++)
		for (uint32_t i = 0; i < blob->nfilters; i++)
			if (blob->filters[i].arch == arch_rows[arch].audit_arch) {
				a->arches[a->narches++] = (enum arch_id)arch;
				break;
			}
	survey_others(a);
	if (!a->narches)
		return;
	uint32_t last = last_named(a->arches[0]), gap = last;
	while (gap && syscall_name(a->arches[0], (int)gap))
		gap--;
	a->newer = answer_to(a, a->arches[0], SYSCALL_NUMBERS - 1);
	a->otherwise = gap ? answer_to(a, a->arches[0], gap) : a->newer;
}

/* An action as the language writes it. */
static void put_action(FILE *out, const char *key, uint32_t action)
{
	char buffer[32];

	fprintf(out, "%s = \"%s\"\n", key, action_text(action, buffer));
}

/* Architectures on which a call gets the action; *having: those that have the call. */
static unsigned where(const struct answers *a, const char *name, uint32_t action, unsigned *having)
{
	unsigned bits = 0;

	*having = 0;
	for (size_t i = 0; i < a->narches; i++) {
		int nr = syscall_number(a->arches[i], name);
		if (nr < 0)
			continue;
		*having |= 1U << a->arches[i];
		bits |= (unsigned)(answer_to(a, a->arches[i], (uint32_t)nr) == action) << a->arches[i];
	}
	return bits;
}

/* The names that get the action on exactly these architectures (0: wherever they exist); returns how many. */
static size_t put_names(FILE *out, const struct answers *a, const char *key, uint32_t action, unsigned arches)
{
	size_t n = 0;

	for (const char *const *name = syscall_names(); *name; name++) {
		unsigned having, bits = where(a, *name, action, &having);
		if (!bits || (arches ? bits != arches || bits == having : bits != having))
			continue;
		if (!n++)
			fprintf(out, arches || strcmp(key, "allow") ? "\n[[seccomp.rule]]\n%s = [\n" : "%s = [\n",
				key);
		fprintf(out, "  \"%s\",\n", *name);
	}
	if (n)
		fputs("]\n", out);
	return n;
}

static void put_rule(FILE *out, const struct answers *a, uint32_t action, unsigned arches)
{
	const char *separator = "arch = [";

	if (!put_names(out, a, "syscall", action, arches))
		return;
	put_action(out, "action", action);
	for (int arch = 0; arches && arch < ARCHES; arch++)
		if (arches >> arch & 1) {
			fprintf(out, "%s\"%s\"", separator, arch_rows[arch].name);
			separator = ", ";
		}
	fputs(arches ? "]\n" : "", out);
}

struct distinct {
	uint32_t actions[64];
	unsigned arches[64];
	size_t count;
};

static void note_pair(struct distinct *d, uint32_t action, unsigned arches)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->actions[i] == action && d->arches[i] == arches)
			return;
	if (d->count < 64) {
		d->actions[d->count] = action;
		d->arches[d->count++] = arches;
	}
}

/* The pairs of action and architectures that need rules, in the order in which the names bring them up. */
static void collect(const struct answers *a, struct distinct *d)
{
	for (const char *const *name = syscall_names(); *name; name++)
		for (size_t i = 0; i < a->narches; i++) {
			int nr = syscall_number(a->arches[i], *name);
			uint32_t action = nr < 0 ? a->otherwise : answer_to(a, a->arches[i], (uint32_t)nr);
			unsigned having, bits = where(a, *name, action, &having);
			/* in an allow list a call that a companion closes must be named to be told from the others */
			bool added = weaker(a->otherwise, action) && companion_answers(a->blob, *name, action);
			if (action != a->otherwise && !added)
				note_pair(d, action, bits == having ? 0 : bits);
		}
}

/* Numbers without a name that get something else than their neighbours. */
static void put_numbers(FILE *out, const struct answers *a)
{
	for (uint32_t nr = 0; a->narches && nr < SYSCALL_NUMBERS; nr++) {
		uint32_t action = answer_to(a, a->arches[0], nr);
		if (syscall_name(a->arches[0], (int)nr) ||
		    action == (nr > last_named(a->arches[0]) ? a->newer : a->otherwise))
			continue;
		fprintf(out, "\n[[seccomp.rule]]\nsyscall = \"nr:%" PRIu32 "\"\n", nr);
		put_action(out, "action", action);
	}
}

bool dump_plain_calls(const struct blob *blob)
{
	struct answers a;
	struct distinct d = {0};
	size_t errors = 0;

	survey(&a, blob);
	if (a.otherwise != K_SECCOMP_RET_ALLOW || a.newer != K_SECCOMP_RET_ALLOW ||
	    a.foreign != K_SECCOMP_RET_KILL_PROCESS || a.x32 != K_SECCOMP_RET_KILL_PROCESS)
		return false;
	collect(&a, &d);
	for (size_t i = 0; i < d.count; i++) {
		if ((d.actions[i] & K_SECCOMP_RET_ACTION_FULL) != K_SECCOMP_RET_ERRNO || d.arches[i])
			return false;
		errors++;
	}
	return errors <= 1;
}

void dump_calls(FILE *out, const struct blob *blob)
{
	struct distinct d = {0};
	struct answers a;

	survey(&a, blob);
	collect(&a, &d);
	fputs("\n[seccomp]\n", out);
	put_action(out, "default", a.otherwise);
	put_action(out, "newer", a.newer);
	put_action(out, "foreign_arch", a.foreign);
	put_action(out, "x32", a.x32);
	if (a.otherwise != K_SECCOMP_RET_ALLOW)
		put_names(out, &a, "allow", K_SECCOMP_RET_ALLOW, 0);
	for (size_t i = 0; i < d.count; i++)
		if (d.actions[i] != K_SECCOMP_RET_ALLOW || d.arches[i])
			put_rule(out, &a, d.actions[i], d.arches[i]);
	put_numbers(out, &a);
}

/* ---- is what was written what was read? ---- */

static const struct low_filter *filter_of(const struct lowered *low, uint32_t group, enum arch_id arch)
{
	for (size_t i = 0; i < low->nfilters; i++)
		if (low->filters[i].group == group && low->filters[i].arch == arch)
			return &low->filters[i];
	return NULL;
}

static bool same_filters(const struct lowered *low, const struct blob *blob)
{
	for (uint32_t abi = 0; abi <= blob->nplans; abi++)
		for (uint32_t i = 0; i < blob->nfilters; i++) {
			const struct llpb_filter *row = &blob->filters[i];
			uint32_t group = abi < blob->nplans ? low->plans[abi].group : LLPB_GROUP_NOTIFY;
			const struct low_filter *filter = filter_of(low, group, arch_by_audit(row->arch));
			if (row->group != (abi < blob->nplans ? blob->plans[abi].filter_group : group))
				continue;
			if (!filter || filter->program.count != row->count ||
			    memcmp(filter->program.insns, &blob->insns[row->first],
				   row->count * sizeof(struct k_sock_filter)))
				return false;
		}
	return true;
}

bool dump_matches(const struct blob *blob, const char *text, size_t size)
{
	struct compilation c;
	struct answers a;

	survey(&a, blob);
	compilation_begin(&c);
	memcpy(c.arches, a.arches, sizeof(a.arches));
	c.narches = a.narches;
	bool fine = compilation_run(&c, source_from_memory(c.sources, "<dump>", text, size));
	fine = fine && same_filters(c.lowered, blob);
	compilation_end(&c);
	return fine;
}
