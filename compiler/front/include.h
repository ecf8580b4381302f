/* SPDX-License-Identifier: MIT */
/* `include`: documents made one. What each says stays where it was written: positions carry the file. */
#ifndef COMPILER_INCLUDE_H
#define COMPILER_INCLUDE_H

#include "policy.h"

#define INCLUDE_MAX_DEPTH 16
#define INCLUDE_MAX_FILES 256

/*
 * The document of `file` with everything it includes, or the document alone after errors were reported: a file that
 * cannot be read or parsed, a cycle, too many levels or files, two files that say different things where only one can
 * hold. Fills in p->files.
 */
struct toml_value *include_all(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file,
			       struct toml_value *root, struct policy *p);
/* Add a file to p->files, once. */
void include_remember(struct arena *arena, struct policy *p, uint32_t file);
/* A path as written in `file`, relative to the directory of that file. */
const char *include_path(struct arena *arena, const struct sources *sources, uint32_t file, const char *path);

/* Do two values say the same? Positions do not count. */
bool include_same(const struct toml_value *a, const struct toml_value *b);

#endif
