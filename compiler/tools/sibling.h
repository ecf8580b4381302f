/* SPDX-License-Identifier: MIT */
/* Programs of this project that start each other. */
#ifndef COMPILER_SIBLING_H
#define COMPILER_SIBLING_H

#include <stddef.h>

struct arena;

/* The path of a program: beside this one, wherever it was installed, else in `directory`; never through PATH, which is
 * the caller's. Whether it exists there is found when it is executed. */
const char *sibling_program(struct arena *arena, const char *name, const char *directory);
/*
 * Bytes for such a program, in a memfd: sealed, so that nobody can change them, which is why llrun takes a policy from one
 * whatever its mode. Close-on-exec; never 0, 1 or 2, which are the command's even where the caller left one of them
 * closed. -1 with errno.
 */
int sibling_bytes(const void *bytes, size_t size);

#endif
