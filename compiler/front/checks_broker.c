/* SPDX-License-Identifier: MIT */
/* Checks of [broker]: trees that lie in one another, exceptions that nothing reaches, exceptions that Landlock could grant. */
#include <string.h>

#include "access.h"
#include "checks.h"
#include "grants.h"

/* What is published must stay as it was: nothing that writes may reach it. */
static void overlap(const struct judge *j, enum check_id id, const struct policy_exception *e,
		    const struct policy_exception *export)
{
	bool inside = rule_within(&e->place, &export->place);

	if (!inside && !(covers_tree(e->kind, e->flags) && rule_within(&export->place, &e->place)))
		return;
	judge_say(j, id, &e->place.pos, "use directories beside each other",
		  "\"%s\" %s the export \"%s\": what is published there could be changed", e->place.path,
		  !strcmp(e->place.rest, export->place.rest) ? "is"
		  : inside                                   ? "lies in"
							     : "contains",
		  export->place.path);
}

static bool is_target(const struct policy_exception *e)
{
	return e->kind >= LLPB_B_TMPFS;
}

void check_broker_overlap(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; i < p->nexceptions; i++)
		for (size_t k = 0; k < p->nexceptions; k++) {
			const struct policy_exception *a = &p->exceptions[i], *b = &p->exceptions[k];
			if ((a->kind == LLPB_B_SCRATCH || a->kind == LLPB_B_WRITE) && b->kind == LLPB_B_EXPORT)
				overlap(j, id, a, b);
			if (k < i && is_target(a) && is_target(b) && !strcmp(a->place.rest, b->place.rest) &&
			    a->kind != b->kind)
				judge_say(j, id, &a->place.pos, NULL, "\"%s\" is the target of two kinds of mounts",
					  a->place.path);
		}
}

/* ---- what cannot be reached, or can be reached without the broker ---- */

/* Do the rules let the command write somewhere in it? Where no layer handles that, right-unhandled speaks. */
static bool rules_let_write(const struct policy *p, const struct policy_rule *place)
{
	bool handled = false;

	for (size_t i = 0; i < p->nlayers; i++) {
		const struct policy_layer *layer = &p->layers[i];
		bool granted = !(layer->handled & FS_RIGHT(write_file));
		handled |= !granted;
		for (size_t k = 0; k < layer->nrules; k++)
			granted |= layer->rules[k].access & FS_RIGHT(write_file) &&
				   (rule_within(place, &layer->rules[k]) || rule_within(&layer->rules[k], place));
		if (!granted)
			return false;
	}
	return handled;
}

void check_broker_unreachable(struct judge *j, enum check_id id)
{
	static const char *const calls[LLPB_B_KINDS] = {
		[LLPB_B_READ] = "openat",      [LLPB_B_WRITE] = "openat", [LLPB_B_SCRATCH] = "openat",
		[LLPB_B_EXPORT] = "renameat2", [LLPB_B_TMPFS] = "mount",  [LLPB_B_BIND] = "mount",
		[LLPB_B_OBJECT] = "fsopen",
	};
	const struct policy *p = j->policy;
	bool scratch = false;

	for (size_t i = 0; i < p->nexceptions; i++)
		scratch |= p->exceptions[i].kind == LLPB_B_SCRATCH || is_target(&p->exceptions[i]);
	for (size_t i = 0; i < p->nexceptions; i++) {
		const struct policy_exception *e = &p->exceptions[i];
		if (!may_pass(p, calls[e->kind]))
			judge_say(j, id, &e->place.pos, "a denial wins over the broker: take it out of [seccomp]",
				  "nothing reaches \"%s\": the filter refuses %s", e->place.path, calls[e->kind]);
		else if (e->kind == LLPB_B_EXPORT && !scratch)
			judge_say(
				j, id, &e->place.pos,
				"add scratch; one with mode = \"static\" is a rule, past which nothing is published",
				"nothing can be published in \"%s\": no scratch", e->place.path);
		else if (e->kind == LLPB_B_EXPORT && rules_let_write(p, &e->place))
			judge_say(j, id, &e->place.pos, "grant no writing there, nor above it or beneath it",
				  "the export \"%s\" can be written without the broker: what is published there "
				  "could be "
				  "changed",
				  e->place.path);
		else if (e->kind == LLPB_B_OBJECT && !strcmp(e->type, "proc"))
			judge_say(j, id, &e->place.pos, "use [mount] proc",
				  "\"%s\": a proc of the host's processes cannot be mounted in a user namespace",
				  e->place.path);
	}
}

/* ---- what Landlock could do ---- */

static bool granted_already(const struct policy *p, const struct policy_exception *e)
{
	const uint64_t rights = FS_RIGHT(read_file) | (e->kind == LLPB_B_READ ? 0 : FS_RIGHT(write_file)) |
				(e->kind == LLPB_B_SCRATCH ? FS_RIGHT(make_reg) : 0);

	for (size_t i = 0; i < p->nlayers; i++) {
		uint64_t left = rights & p->layers[i].handled;
		for (size_t k = 0; k < p->layers[i].nrules; k++)
			if (rule_within(&e->place, &p->layers[i].rules[k]))
				left &= ~p->layers[i].rules[k].access;
		if (left)
			return false;
	}
	return true;
}

void check_broker_static(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const uint32_t gated = LLPB_B_NO_READ | LLPB_B_NO_WRITE;
	bool exports = false;

	for (size_t i = 0; i < p->nexceptions; i++)
		exports |= p->exceptions[i].kind == LLPB_B_EXPORT;
	for (size_t i = 0; i < p->nexceptions; i++) {
		const struct policy_exception *e = &p->exceptions[i];
		bool single = e->kind == LLPB_B_WRITE && e->flags & LLPB_B_CREATE && !(e->flags & LLPB_B_TREE);
		if (e->kind > LLPB_B_SCRATCH || e->flags & gated)
			continue;
		if (granted_already(p, e))
			judge_say(j, id, &e->place.pos, "take it out, unless each call is to be recorded",
				  "\"%s\": [fs] grants that already", e->place.path);
		else if (!single && !(e->kind == LLPB_B_SCRATCH && exports))
			judge_say(j, id, &e->place.pos, "say mode = \"static\", unless each call is to be recorded",
				  "\"%s\": Landlock rules can grant the same, without a supervisor", e->place.path);
	}
}
