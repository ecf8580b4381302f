/* SPDX-License-Identifier: MIT */
/* A policy for the commands that explain one: its blob, or its source, compiled in memory. */
#ifndef COMPILER_LOAD_H
#define COMPILER_LOAD_H

#include <stdbool.h>

#include "diag.h"
#include "inspect.h"

/*
 * What begins as a blob is verified as one; anything else is compiled as a policy, its errors printed on standard
 * error as compile prints them. "-" is standard input. Returns false after that; otherwise blob_unload().
 */
bool policy_load(struct blob_file *file, const char *command, const char *path);

/*
 * The source that the blob was compiled from, when `path` is that or when it lies beside the blob at `path` and compiles
 * to the very same bytes (so not after -D); else NULL. Memory is the arena's.
 */
const char *policy_source(struct arena *arena, const struct blob *blob, const char *path);

/* "text", "json", "sarif"; false after one line on stderr. */
bool report_format_named(const char *command, const char *name, enum report_format *format);

#endif
