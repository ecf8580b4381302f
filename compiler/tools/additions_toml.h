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

void additions_merge(struct additions_set *set, const struct addition *addition);
/*
 * Tables of a policy fragment, without `version`: to be pasted, or included. Paths go to the groups of [fs] where a
 * group stands for exactly the rights asked for on `abi`, else to [[fs.rule]]. A layer that comes from [[fs_layer]]
 * cannot be added to from outside: its rules are printed as comments. Order depends on the set alone.
 */
void additions_put(FILE *out, const struct blob *blob, unsigned abi, struct additions_set *set);

#endif
