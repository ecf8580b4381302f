/* SPDX-License-Identifier: MIT */
/* A blob as text, JSON or TOML. Each takes any blob that blob_open() accepted. */
#ifndef COMPILER_DUMP_H
#define COMPILER_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "blob.h"

/* Text: stable, one fact per line, for reading and for diff(1). Errors of `out` are left for ferror(). */
void dump_text(FILE *out, const struct blob *blob, bool bpf);
/* The part of it that says what covers each guarantee on each Landlock ABI. */
void dump_coverage(FILE *out, const struct blob *blob);
/* JSON: one object. Returns false when memory or `out` failed. */
bool dump_json(FILE *out, const struct blob *blob, bool bpf);
/*
 * TOML that compiles to the same rules. Returns NULL, or what the policy language cannot express: nothing useful
 * was then written.
 */
const char *dump_toml(FILE *out, const struct blob *blob);
/* dump_calls.c: [seccomp] in its general form; whether deny and errno say the same; whether text compiles to the same filters. */
void dump_calls(FILE *out, const struct blob *blob);
bool dump_plain_calls(const struct blob *blob);
bool dump_matches(const struct blob *blob, const char *text, size_t size);
/* The instructions of one filter, one line each. The filter must be valid. */
void dump_bpf(FILE *out, const struct blob *blob, const struct llpb_filter *filter);

#endif
