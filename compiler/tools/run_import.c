/* SPDX-License-Identifier: MIT */
/* What the command needs to start, granted without being asked for: its closure; see elfdeps.h and run.h. */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "elfdeps.h"
#include "policy.h"
#include "run.h"

enum { EXIT_REFUSED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* landrun asks for the halves one by one */
static bool wanted(const struct run *run, enum closure_kind kind)
{
	bool program = kind == CLOSURE_PROGRAM || kind == CLOSURE_INTERPRETER;

	return run->tool->import || run->flags[program ? RUN_ADD_EXEC : RUN_LDD];
}

static void grant(struct run *run, const struct closure_entry *entry)
{
	int group = entry->rights & CLOSURE_EXECUTE ? GROUP_ROX : GROUP_RO;
	const char *origin = entry->needed_by ? arena_printf(run->c.arena, "%s of %s",
							     closure_kind_names[entry->kind], entry->needed_by)
					      : closure_kind_names[entry->kind];

	if (!wanted(run, entry->kind))
		return;
	size_t n = run->npaths;
	if (!run_add_path(run, group, entry->real, origin) || run->npaths == n)
		return;
	run->paths[n].imported = true;
	run_say(run, RUN_INFO, "granted %s: %s (%s)", group == GROUP_ROX ? "rox" : "ro", entry->real, origin);
}

static bool add(struct run *run, struct closure *closure, const char *program, int *status)
{
	size_t before = closure->nmissing;
	enum closure_status result = closure_add(closure, program);

	if (result == CLOSURE_OK)
		return true;
	*status = result == CLOSURE_NOT_FOUND        ? EXIT_NOT_FOUND
		  : result == CLOSURE_NOT_EXECUTABLE ? EXIT_NOT_EXECUTABLE
						     : EXIT_REFUSED;
	for (size_t i = before; i < closure->nmissing; i++) {
		const struct closure_missing *m = &closure->missing[i];
		run_say(run, RUN_ERROR, "%s: %s%s%s", m->name, m->why, m->needed_by ? "; needed by " : "",
			m->needed_by ? m->needed_by : "");
	}
	if (before == closure->nmissing)
		run_say(run, RUN_ERROR, "%s: cannot be examined", program);
	return false;
}

/* Without these variables setlocale(3) stays with "C", and opens nothing. */
static bool has_locale(const struct run *run)
{
	for (size_t i = 0; i < run->env.n; i++)
		if (!strncmp(run->env.items[i].name, "LANG", 4) || !strncmp(run->env.items[i].name, "LC_", 3))
			return true;
	return false;
}

static bool has_bundle(const struct run *run, const char *name, size_t len)
{
	if (len == 6 && !memcmp(name, "locale", len) && !has_locale(run))
		return true;
	for (size_t i = 0; i < run->bundles.n; i++)
		if (strlen(run->bundles.items[i].name) == len && !memcmp(run->bundles.items[i].name, name, len))
			return true;
	return false;
}

/* Has the user done what a warning advises: named the bundles, or any path at all? */
static bool heeded(const struct run *run, const char *warning)
{
	static const char advice[] = "add --with ";
	const char *name = strstr(warning, advice);

	if (!name) {
		for (size_t i = 0; i < run->npaths; i++)
			if (!run->paths[i].imported)
				return true;
		return false;
	}
	for (name += sizeof(advice) - 1;; name++) {
		size_t len = strcspn(name, ",");
		if (!has_bundle(run, name, len))
			return false;
		name += len;
		if (!*name)
			return true;
	}
}

/* Through the links the flags that a warning names may not exist: there it is information. */
static void say_unknowable(const struct run *run, const struct closure *closure)
{
	for (size_t i = 0; i < closure->nwarnings; i++)
		run_say(run, run->tool->command != CMD_RUN || heeded(run, closure->warnings[i]) ? RUN_INFO : RUN_WARN,
			"%s", closure->warnings[i]);
}

bool run_import(struct run *run, int *status)
{
	struct closure *closure = run->closure;
	bool any = run->tool->import ? !run->flags[RUN_NO_IMPORT] : run->flags[RUN_ADD_EXEC] || run->flags[RUN_LDD];
	bool fine = true;

	if (!any || run->flags[RUN_UNRESTRICTED_FS] || (!*run->command && !run->programs.n))
		return true;
	if (*run->command)
		fine = add(run, closure, *run->command, status);
	for (size_t i = 0; fine && i < run->programs.n; i++)
		if (!add(run, closure, run->programs.items[i].name, status)) {
			/* not the command itself is missing */
			*status = EXIT_REFUSED;
			fine = false;
		}
	for (size_t i = 0; fine && i < closure->nentries; i++)
		grant(run, &closure->entries[i]);
	if (fine)
		say_unknowable(run, closure);
	return fine;
}
