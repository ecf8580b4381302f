/* SPDX-License-Identifier: MIT */
/* llc-policy compile --update-lock; see lock_tools.h. */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "compile.h"
#include "lock_tools.h"
#include "output.h"
#include "source.h"
#include "text.h"

static const char command[] = "llc-policy compile";

/* ---- what was not found, what cannot be known ---- */

static bool has_bundle(const struct policy *policy, const char *name, size_t len)
{
	const struct policy_layer *fs = &policy->layers[0];

	for (size_t i = 0; i < fs->nrules; i++)
		if (fs->rules[i].bundle && strlen(fs->rules[i].bundle) == len &&
		    !memcmp(fs->rules[i].bundle, name, len))
			return true;
	return false;
}

/* The closure advises in the options of `run`: "add --with nss,tls", "add them with --rox or --ro". Here these are keys of
 * [fs]. NULL: the policy has them already. */
static const char *advice_for_policy(struct arena *arena, const struct policy *policy, const char *warning)
{
	const char *text = "", *dashes = strstr(warning, "--");
	bool heeded = false;

	for (; dashes; dashes = strstr(warning, "--")) {
		text = arena_printf(arena, "%s%.*s", text, (int)(dashes - warning), warning);
		warning = dashes + 2;
		if (strncmp(warning, "with ", 5))
			continue;
		warning += 5;
		text = arena_printf(arena, "%swith = [", text);
		heeded = true;
		for (size_t len; (len = strcspn(warning, ", ")) > 0; warning += warning[len] == ',' ? len + 1 : len) {
			heeded = heeded && has_bundle(policy, warning, len);
			text = arena_printf(arena, "%s\"%.*s\"%s", text, (int)len, warning,
					    warning[len] == ',' ? ", " : "] to [fs]");
		}
	}
	return heeded ? NULL : arena_printf(arena, "%s%s", text, warning);
}

static void say_warnings(struct arena *arena, const struct policy *policy, const struct lock_found *found)
{
	for (size_t i = 0; i < found->nwarnings; i++) {
		const char *text = advice_for_policy(arena, policy, found->warnings[i]);
		if (text)
			say(stderr, "%s: note: %s", command, text);
	}
}

/* ---- what changed ---- */

struct changes {
	size_t added, changed, removed;
};

static bool same_file(const struct lock_file *a, const struct lock_file *b)
{
	bool same = a->execute == b->execute && !a->sha256 == !b->sha256;

	return same && (!a->sha256 || !strcmp(a->sha256, b->sha256));
}

/* Both are sorted. */
static struct changes compare(const struct lock *old, const struct lock *new)
{
	struct changes result = {0, 0, 0};
	size_t i = 0, k = 0;

	while (i < old->nfiles || k < new->nfiles) {
		int order = i == old->nfiles   ? 1
			    : k == new->nfiles ? -1
					       : strcmp(old->files[i].path, new->files[k].path);
		result.removed += order < 0;
		result.added += order > 0;
		result.changed += !order && !same_file(&old->files[i], &new->files[k]);
		i += order <= 0;
		k += order >= 0;
	}
	return result;
}

/* The lock as it is now; a damaged one counts as none: it is what the user asks to have written anew. */
static bool read_old(struct compilation *c, const char *name, struct lock *old, const char **text, size_t *len)
{
	uint32_t file = source_open_at(c->sources, c->diag, NULL, name);

	*old = (struct lock){0};
	*text = file == SRC_NONE ? NULL : source_text(c->sources, file, len);
	return *text && lock_parse(c->arena, c->diag, c->sources, file, old);
}

static int write_lock(struct compilation *c, const char *name, const struct lock *lock, bool quiet)
{
	const char *old_text;
	struct lock old;
	size_t len, old_len = 0;
	const char *text = lock_text(c->arena, lock, &len);
	bool known = read_old(c, name, &old, &old_text, &old_len);

	if (old_text && len == old_len && !memcmp(text, old_text, len)) {
		if (!quiet)
			say(stdout, "%s: %zu files, as it was", name, lock->nfiles);
		return 0;
	}
	if (!output_file(command, name, text, len))
		return 1;
	struct changes changes = compare(known ? &old : &(struct lock){0}, lock);
	if (!quiet)
		say(stdout, "%s: %zu files: %zu added, %zu changed, %zu removed", name, lock->nfiles, changes.added,
		    changes.changed, changes.removed);
	return 0;
}

/* ---- all of it ---- */

static int update(struct compilation *c, const char *name, const struct lock_place *place, bool quiet)
{
	struct lock wanted;
	struct lock_found found;

	if (!c->policy->has_command) {
		say(stderr, "%s: --update-lock: the policy has no [command]", command);
		return 1;
	}
	if (!name) {
		say(stderr, "%s: --update-lock: a policy from standard input has no place for a lock", command);
		return 2;
	}
	lock_for_policy(c->policy, &wanted);
	lock_resolve(c->arena, &wanted, place, &found);
	for (size_t i = 0; i < found.nproblems; i++)
		say(stderr, "%s: %s", command, found.problems[i]);
	if (found.nproblems)
		return 1;
	if (!quiet)
		say_warnings(c->arena, c->policy, &found);
	return write_lock(c, name, &found.lock, quiet);
}

int lock_update(const char *policy, const struct policy_options *options, const struct lock_place *place, bool quiet)
{
	struct compilation c;
	int status = 1;

	compilation_begin(&c);
	c.policy_options = *options;
	c.policy_options.without_lock = true;
	/* what the checks think of it is said when it is compiled */
	if (compilation_check(&c, source_open(c.sources, c.diag, policy)) || c.policy)
		status = update(&c, lock_name(c.arena, policy), place, quiet);
	else
		diag_print(c.diag, REPORT_TEXT, stderr);
	compilation_end(&c);
	return status;
}
