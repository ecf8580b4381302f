/* SPDX-License-Identifier: MIT */
/* Programs of this project that start each other. */
#ifndef COMPILER_SIBLING_H
#define COMPILER_SIBLING_H

struct arena;

/* The path of a program: beside this one, wherever it was installed, else in `directory`; never through PATH, which is
 * the caller's. Whether it exists there is found when it is executed. */
const char *sibling_program(struct arena *arena, const char *name, const char *directory);

#endif
