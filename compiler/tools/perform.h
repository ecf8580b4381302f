/* SPDX-License-Identifier: MIT */
/*
 * One operation, done for real on this kernel, with and without a policy. What is asked of the kernel is harmless:
 * programs are stopped before their first instruction, system calls before they are carried out, and nothing is
 * removed, truncated or renamed that was there before.
 */
#ifndef COMPILER_PERFORM_H
#define COMPILER_PERFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "decide.h"

struct arena;

enum performance_stage {
	PERFORM_OUTSIDE, /* without the policy: the host's own file where a mount of the policy shows one */
	PERFORM_IN_VIEW, /* in its namespaces and mounts, with nothing restricted */
	PERFORM_UNDER, /* as a command of llrun */
};

struct performance {
	enum performance_stage stage;
	const struct blob *blob;
	size_t size; /* of the blob, bytes */
	const char *const *sets; /* NAME=PATH for slots, NULL-terminated, or NULL */
};

enum performed_kind {
	PERFORMED_DONE, /* it was carried out, or the kernel's objection has nothing to do with who asks */
	PERFORMED_REFUSED, /* .err */
	PERFORMED_KILLED, /* by the filter */
	PERFORMED_NOT, /* .why: nothing was asked of the kernel, or the answer was lost */
	PERFORMED_STUCK, /* .why: it did not end, and was killed */
};

struct performed {
	enum performed_kind kind;
	int err;
	const char *why; /* in the arena */
};

/*
 * Paths of the operation are absolute, and those of the host, as in the policy's rules: perform_path() resolves slots.
 * In a view with a root of its own they lose the root's path; what is not beneath the root is not there (ENOENT), unless
 * the same file has the same name in it.
 *
 * A view is made for it, but nothing on this host: when the policy would have a mount's target created here, that is
 * PERFORMED_NOT. SIGHUP, SIGINT and SIGTERM are taken back until what was made for the operation is gone again.
 */
struct performed perform(struct arena *arena, const struct performance *how, const struct operation *op);

/* The path with its slot replaced by the slot's value, as llrun finds it; NULL when it has none. */
const char *perform_path(struct arena *arena, const struct blob *blob, const char *const *sets, const char *path);

#endif
