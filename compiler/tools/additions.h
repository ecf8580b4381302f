/* SPDX-License-Identifier: MIT */
/* Between additions.c, additions_filter.c and additions_view.c. */
#ifndef COMPILER_ADDITIONS_H
#define COMPILER_ADDITIONS_H

#include "additions_toml.h"
#include "decide_impl.h"

/* What an open for writing asks of Landlock. */
#define FS_OPEN_TO_WRITE (FS_RIGHT(read_file) | FS_RIGHT(write_file) | FS_RIGHT(truncate))

struct additions {
	struct world *world;
	unsigned abi;
	enum arch_id arch;
	const struct operation *op;
	struct addition *list;
	uint32_t nodes[ADDITIONS_MAX]; /* ADD_PATH: what the path leads to */
	size_t count;
	bool proven; /* by other means than deciding again in this world */
	const char *why; /* why there is none */
	struct policy_base base; /* of the world's blob */
};

/* What the filter of a plan denies: a change of the policy, tried by compiling it. */
bool filter_addition(struct additions *a, const struct decision_step *step);
/* The policy was compiled with the edit, and `by` refuses still; what cannot be compiled again here has not failed. */
bool edit_fails(struct additions *a, const struct addition *edit, enum decider by);

/* What a mount or a namespace, or the broker refuses: an edit. What it lifts in the world is for edits_undo(). */
bool view_addition(struct additions *a, const struct decision_step *step);
bool broker_addition(struct additions *a, const struct decision_step *step);
/* For writing, of a file that [broker] allow_read has: its entry belongs in allow_write. */
bool exception_addition(struct additions *a, const struct decision_step *step);
void edits_undo(struct world *world);

#endif
