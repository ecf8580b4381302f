/* SPDX-License-Identifier: MIT */
/* Decisions in words, for `why` and `trace`: lines that begin with two blanks. */
#ifndef COMPILER_ANSWER_H
#define COMPILER_ANSWER_H

#include <jansson.h>
#include <stdio.h>

#include "decide.h"

struct arena;

/* "EACCES", or "errno N"; static or of the arena. */
const char *answer_errno(struct arena *arena, int err);
/* " (FILE:LINE)", or "" without a file. */
const char *answer_place(struct arena *arena, const char *file, uint32_t line);
/* Who was asked on the way, and what he said: the rules that grant, what no rule grants, the filter's answer. */
void answer_step(FILE *out, struct arena *arena, const struct blob *blob, const struct decision_step *step);
/* What to add, and what else that opens. Memory that is exhausted ends the program. */
void answer_addition(FILE *out, const struct world *world, const struct blob *blob, const struct addition *addition);
/* The same as {"toml", "opens"}, and of an edit "edit", "file" and "line"; a new reference, NULL when memory is exhausted. */
json_t *answer_addition_json(const struct world *world, const struct blob *blob, const struct addition *addition);

#endif
