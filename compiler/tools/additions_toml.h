/* SPDX-License-Identifier: MIT */
/*
 * What would have to be granted, as lines of a policy. Additions of many decisions are merged: what one path, one port,
 * one call is asked for becomes one rule, and nothing is there that no decision asked for.
 */
#ifndef COMPILER_ADDITIONS_TOML_H
#define COMPILER_ADDITIONS_TOML_H

#include <stdio.h>

#include "decide.h"

struct additions_set {
	struct arena *arena;
	struct addition *items; /* one per kind, layer and object; strings belong to the arena */
	size_t n, cap;
};

/* Returns whether the set has become larger by it. */
bool additions_merge(struct additions_set *set, const struct addition *addition);
/* What a policy can be changed from: its blob, by dump --toml; or, where that cannot read a filter back, its source. */
struct policy_base {
	const struct blob *blob;
	const char *origin; /* the file that it was read from, beside which the source may lie; or NULL */
	struct arena *arena;
	const char *source; /* that was found */
	bool looked; /* for it */
};
struct compilation;
/*
 * The policy with these additions, compiled for one architecture; *out lies in c, which the caller ends in any case. False:
 * there is no policy to change, or the result is none. additions_filter.c.
 */
bool additions_apply(struct policy_base *base, enum arch_id arch, const struct addition *additions, size_t n,
		     struct compilation *c, struct blob *out);
/*
 * Tables of a policy fragment, without `version`: to be pasted, or included. Paths go to the groups of [fs] where a
 * group stands for exactly the rights asked for on `abi`, else to [[fs.rule]]. A layer that comes from [[fs_layer]]
 * cannot be added to from outside: its rules are printed as comments. Order depends on the set alone.
 */
void additions_put(FILE *out, const struct blob *blob, unsigned abi, struct additions_set *set);
/* Of a rule that grants a call as ADD_CALL does: what follows the line with its name. */
void put_call_granted(FILE *out, const struct addition *addition);

#endif
