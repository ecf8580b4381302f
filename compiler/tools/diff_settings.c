/* SPDX-License-Identifier: MIT */
/* What is left of two policies: which kernels may run them, slots, flags of rules, environment, process, log. */
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diff.h"
#include "inspect.h"

#define ALL_ROWS ((UINT32_C(1) << ABI_ROWS) - 1)

static void say(struct diff *diff, enum diff_way way, const char *area, const char *text)
{
	diff_add(diff, diff->count, (struct diff_item){.way = way, .area = area, .text = text, .rows = ALL_ROWS});
}

static void say_flag(struct diff *diff, bool was, bool is, enum diff_way when_new, const char *area,
		     const char *gained, const char *lost)
{
	if (was != is)
		say(diff,
		    is                         ? when_new
		    : when_new == DIFF_WIDENED ? DIFF_NARROWED
					       : DIFF_WIDENED,
		    area, is ? gained : lost);
}

/* ---- kernels ---- */

static bool runs(const struct blob *blob, uint32_t row)
{
	return !(blob->plans[diff_plan(blob, row)].flags & LLPB_PLAN_REFUSE);
}

static void compare_rows(struct diff *diff)
{
	for (uint32_t row = 0; row < ABI_ROWS; row++) {
		bool was = runs(diff->old, row), is = runs(diff->new, row);
		if (was != is)
			diff_add(diff, 0,
				 (struct diff_item){.way = is ? DIFF_WIDENED : DIFF_NARROWED,
						    .area = "plan",
						    .rows = UINT32_C(1) << row,
						    .text = is ? "runs there now, and was refused"
							       : "refused there now, and ran"});
	}
}

/* ---- slots ---- */

static const struct llpb_slot *slot_named(const struct blob *blob, const char *name)
{
	for (uint32_t i = 0; i < blob->nslots; i++)
		if (!strcmp(blob_str(blob, blob->slots[i].name), name))
			return &blob->slots[i];
	return NULL;
}

static const char *slot_source(const struct diff *diff, const struct blob *blob, const struct llpb_slot *slot)
{
	static const char *const from[LLPB_SLOT_FROMS] = {"--set", "env:", "the current directory"};
	const char *fallback = blob_str(blob, slot->fallback);

	return arena_printf(diff->arena, "%s%s%s%s", from[slot->from], blob_str(blob, slot->variable),
			    *fallback ? ", default " : "", fallback);
}

static const struct {
	uint32_t flag;
	enum diff_way when_set;
	const char *text;
} slot_flags[] = {
	{LLPB_SLOT_DIR, DIFF_NARROWED, "must be a directory"},
	{LLPB_SLOT_FILE, DIFF_NARROWED, "must not be a directory"},
	{LLPB_SLOT_ALLOW_ROOT, DIFF_WIDENED, "may be the root directory"},
	{LLPB_SLOT_OPTIONAL, DIFF_CHANGED, "may be missing"},
	{LLPB_SLOT_FOLLOW, DIFF_WIDENED, "follows symbolic links"},
};

static void compare_slots(struct diff *diff)
{
	struct arena *arena = diff->arena;

	for (uint32_t i = 0; i < diff->new->nslots; i++) {
		const struct llpb_slot *new = &diff->new->slots[i];
		const char *name = blob_str(diff->new, new->name);
		const struct llpb_slot *old = slot_named(diff->old, name);

		if (!old)
			continue; /* what its rules grant has been said */
		const char *was = slot_source(diff, diff->old, old), *is = slot_source(diff, diff->new, new);
		if (strcmp(was, is)) /* other places are granted: some that were not */
			say(diff, DIFF_WIDENED, "slot", arena_printf(arena, "${%s}: %s → %s", name, was, is));
		for (size_t f = 0; f < sizeof(slot_flags) / sizeof(*slot_flags); f++) {
			const char *text = slot_flags[f].text;
			say_flag(diff, old->flags & slot_flags[f].flag, new->flags &slot_flags[f].flag,
				 slot_flags[f].when_set, "slot", arena_printf(arena, "${%s} %s", name, text),
				 arena_printf(arena, "${%s} no longer %s", name, text));
		}
	}
}

/* ---- how the paths of rules are opened ---- */

static uint32_t flags_of(const struct blob *blob, const char *text, bool *found)
{
	uint32_t flags = 0;

	*found = false;
	for (uint32_t i = 0; i < blob->npaths; i++) {
		char path[PATH_TEXT_MAX];
		if (strcmp(path_text(blob, i, path), text))
			continue;
		flags |= blob->paths[i].flags | (blob->paths[i].anchor == LLPB_ANCHOR_NONE ? LLPB_P_FOLLOW : 0);
		*found = true;
	}
	return flags;
}

/* Beneath a path that the old policy names, so that diff_fs.c may find nothing new there; "/" covers what links lead to, too. */
static bool covered(const struct blob *blob, const char *text)
{
	for (uint32_t i = 0; i < blob->npaths; i++) {
		char buffer[PATH_TEXT_MAX];
		const char *parent = path_text(blob, i, buffer);
		size_t len = strlen(parent);

		if (strcmp(parent, "/") && !strncmp(text, parent, len) && text[len] == '/')
			return true;
	}
	return false;
}

static void compare_rule_flags(struct diff *diff)
{
	struct arena *arena = diff->arena;

	for (uint32_t i = 0; i < diff->new->npaths; i++) {
		char buffer[PATH_TEXT_MAX];
		const char *text = path_text(diff->new, i, buffer);
		bool found;
		uint32_t is = flags_of(diff->new, text, &found), was = flags_of(diff->old, text, &found);
		size_t first = diff->count;

		if (!found && covered(diff->old, text) &&
		    (is & LLPB_P_FOLLOW || diff->new->paths[i].anchor == LLPB_ANCHOR_ROOT)) {
			say(diff, DIFF_WIDENED, "fs",
			    arena_printf(arena,
					 "\"%s\" has a rule of its own now, which holds for where its links lead",
					 text));
			diff_place(diff->new, i, &diff->items[first]);
		}
		if (!found || !((was ^ is) & (LLPB_P_FOLLOW | LLPB_P_OPTIONAL)))
			continue;
		say_flag(diff, was & LLPB_P_FOLLOW, is & LLPB_P_FOLLOW, DIFF_WIDENED, "fs",
			 arena_printf(arena, "\"%s\" is opened through symbolic links", text),
			 arena_printf(arena, "\"%s\" is no longer opened through symbolic links", text));
		if ((was ^ is) & LLPB_P_OPTIONAL)
			say(diff, DIFF_CHANGED, "fs",
			    arena_printf(arena, is & LLPB_P_OPTIONAL ? "\"%s\" may be missing" : "\"%s\" must exist",
					 text));
		for (; first < diff->count; first++)
			diff_place(diff->new, i, &diff->items[first]);
	}
}

/* ---- environment ---- */

enum passes { ABSENT, FIXED, CALLERS };

/* What becomes of a variable; *value is that of FIXED. As llrun_env_build(): set wins. */
static enum passes passes(const struct blob *blob, const char *name, const char **value)
{
	enum passes result = blob->process->flags & LLPB_PROC_ENV ? ABSENT : CALLERS;
	size_t len = strlen(name);

	*value = "";
	for (uint32_t i = 0; i < blob->nenv; i++) {
		const char *text = blob_str(blob, blob->env[i].text);

		if (blob->env[i].op == LLPB_ENV_SET && !strncmp(text, name, len) && text[len] == '=') {
			*value = text + len + 1;
			return FIXED;
		}
		if (blob->env[i].op == LLPB_ENV_PASS && !strcmp(text, name))
			result = CALLERS;
		if (blob->env[i].op == LLPB_ENV_PASS_PREFIX && !strncmp(text, name, strlen(text)))
			result = CALLERS;
	}
	return result;
}

/* In the words of a policy; who reads of LD_PRELOAD wants to see what it is set to. */
static const char *outcome_text(struct arena *arena, enum passes outcome, const char *value)
{
	return outcome == ABSENT    ? "absent"
	       : outcome == CALLERS ? "the caller's"
				    : arena_printf(arena, "set to \"%s\"", value);
}

/*
 * What the command may be told: anything, one value, or nothing. Where the new policy allows it what the old one did not,
 * that has widened: a value of LD_PRELOAD or PATH decides which code runs, within the rules.
 */
static enum diff_way variable_way(enum passes was, enum passes is)
{
	if (is == CALLERS)
		return DIFF_WIDENED;
	return is == FIXED && was != CALLERS ? DIFF_WIDENED : DIFF_NARROWED;
}

static void compare_variable(struct diff *diff, const char *name, const char *shown)
{
	const char *old_value, *new_value;
	enum passes was = passes(diff->old, name, &old_value), is = passes(diff->new, name, &new_value);
	size_t first = diff->count;

	if (was == is && !strcmp(old_value, new_value))
		return;
	while (first && !strcmp(diff->items[first - 1].area, "env"))
		first--;
	diff_add(diff, first,
		 (struct diff_item){.way = variable_way(was, is),
				    .area = "env",
				    .rows = ALL_ROWS,
				    .text = arena_printf(diff->arena, "%s: %s → %s", shown,
							 outcome_text(diff->arena, was, old_value),
							 outcome_text(diff->arena, is, new_value))});
}

/* Every name that either policy speaks of, one that begins with each prefix and no more, and one of nothing. */
static void compare_environment(struct diff *diff)
{
	static const char other[] = "\x01"; /* in no name that a policy can hold */
	const struct blob *const both[2] = {diff->old, diff->new};

	compare_variable(diff, other, "any other variable");
	for (unsigned side = 0; side < 2; side++)
		for (uint32_t i = 0; i < both[side]->nenv; i++) {
			const char *text = blob_str(both[side], both[side]->env[i].text);
			const char *name = arena_strndup(diff->arena, text, strcspn(text, "="));

			if (both[side]->env[i].op == LLPB_ENV_PASS_PREFIX)
				compare_variable(diff, arena_printf(diff->arena, "%s%s", name, other),
						 arena_printf(diff->arena, "%s*", name));
			else
				compare_variable(diff, name, name);
		}
}

/* ---- process ---- */

static bool keeps(const struct blob *blob, uint32_t fd)
{
	for (uint32_t i = 0; i < blob->process->nkeep; i++)
		if (blob->process->keep[i] == fd)
			return true;
	return false;
}

static void compare_kept(struct diff *diff, const struct blob *one, const struct blob *two, enum diff_way way)
{
	for (uint32_t i = 0; i < one->process->nkeep; i++) {
		uint32_t fd = one->process->keep[i];
		if (!keeps(two, fd))
			say(diff, way, "process", arena_printf(diff->arena, "descriptor %u is kept", fd));
	}
}

static void compare_process(struct diff *diff)
{
	const struct llpb_process *old = diff->old->process, *new = diff->new->process;
	uint64_t kept = old->drop_caps & ~new->drop_caps, dropped = new->drop_caps & ~old->drop_caps;

	if (kept)
		say(diff, DIFF_WIDENED, "process",
		    arena_printf(diff->arena, "no longer dropped: %s", diff_rights(diff, kept, cap_name)));
	if (dropped)
		say(diff, DIFF_NARROWED, "process",
		    arena_printf(diff->arena, "dropped: %s", diff_rights(diff, dropped, cap_name)));
	say_flag(diff, old->flags & LLPB_PROC_CLOSE_FDS, new->flags &LLPB_PROC_CLOSE_FDS, DIFF_NARROWED, "process",
		 "descriptors are closed", "descriptors are inherited");
	say_flag(diff, old->flags & LLPB_PROC_NEW_SESSION, new->flags &LLPB_PROC_NEW_SESSION, DIFF_NARROWED,
		 "process", "a session of its own", "the caller's session");
	if (new->flags & LLPB_PROC_CLOSE_FDS) {
		compare_kept(diff, diff->new, diff->old, DIFF_WIDENED);
		compare_kept(diff, diff->old, diff->new, DIFF_NARROWED);
	}
	if ((old->flags ^ new->flags) & (LLPB_PROC_UMASK | LLPB_PROC_EXIT_1) || old->umask != new->umask)
		say(diff, DIFF_CHANGED, "process", "umask or exit status of own failures");
	if (diff->old->plans[newest_plan(diff->old)].restrict_flags !=
	    diff->new->plans[newest_plan(diff->new)].restrict_flags)
		say(diff, DIFF_CHANGED, "audit", "what the kernel logs");
}

void diff_settings(struct diff *diff)
{
	compare_rows(diff);
	compare_slots(diff);
	compare_rule_flags(diff);
	compare_environment(diff);
	compare_process(diff);
}
