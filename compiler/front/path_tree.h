/* SPDX-License-Identifier: MIT */
/*
 * The rule paths of all layers as one tree, with the rights that hold at each: a directory's grants flow to everything
 * beneath it, layers intersect. The checks and the lowering ask it instead of comparing every rule with every other.
 * Lexical: symbolic links and mounts of a host are not looked at.
 */
#ifndef COMPILER_PATH_TREE_H
#define COMPILER_PATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"

/* Rights that let the workload change what a path beneath the rule leads to. */
#define FS_PLANT                                                                                                     \
	(FS_RIGHT(make_sym) | FS_RIGHT(make_dir) | FS_RIGHT(make_reg) | FS_RIGHT(make_fifo) | FS_RIGHT(make_sock) |  \
	 FS_RIGHT(make_char) | FS_RIGHT(make_block) | FS_RIGHT(remove_file) | FS_RIGHT(remove_dir) |                 \
	 FS_RIGHT(refer))

struct arena;
struct policy;
struct policy_rule;

struct path_ref {
	const struct policy_rule *rule;
	size_t layer;
	struct path_node *node;
	struct path_ref *next; /* next rule with the same path, in the order of the policy */
	unsigned told; /* for the checks: classes of complaints already made about this rule */
};

struct path_node {
	int slot; /* policy_rule.slot */
	const char *key; /* policy_rule.rest without a leading slash; "" the slot itself, or / */
	struct path_node *parent; /* nearest node above, or NULL */
	struct path_ref *refs;
	uint64_t *granted; /* per layer: rights that hold here, this path's own and inherited */
	uint64_t *beneath; /* per layer: rights granted here, above or anywhere beneath */
	uint64_t effective; /* rights that every layer leaves here */
	uint64_t reachable; /* rights effective here or somewhere beneath */
};

struct path_tree {
	const struct policy *policy;
	struct path_node **nodes; /* sorted: a path stands before everything beneath it */
	size_t nnodes;
	struct path_ref *refs; /* in the order of the policy */
	size_t nrefs;
	uint64_t base; /* rights effective where no rule applies: those that no layer handles */
};

/* Memory is O(rules * layers): the caller has made sure that there are at most K_LANDLOCK_MAX_LAYERS layers. */
struct path_tree *path_tree_build(struct arena *arena, const struct policy *policy);
/* Is `key` at `slot` the path of `node`, or beneath it? */
bool path_node_contains(const struct path_node *node, int slot, const char *key);
/* The deepest node that contains the path, or NULL. */
struct path_node *path_tree_above(const struct path_tree *tree, int slot, const char *key);
/* Rights effective at a path; .base where no rule applies. */
uint64_t path_tree_rights(const struct path_tree *tree, int slot, const char *key);
/* Are all `rights` effective together at the path or at one rule path beneath it? */
bool path_tree_has_all(const struct path_tree *tree, int slot, const char *key, uint64_t rights);
/* The nearest rule at or above `node` that grants one of `rights` in `layer` (SIZE_MAX: in any), or NULL. */
struct path_ref *path_node_granting(struct path_node *node, size_t layer, uint64_t rights);

#endif
