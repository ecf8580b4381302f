/* SPDX-License-Identifier: MIT */
/* The table of input files: names, bytes, lines. Positions (struct srcpos) refer to it by index. */
#ifndef COMPILER_SOURCE_H
#define COMPILER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diag;
struct srcpos;

#define SOURCE_MAX_SIZE (16u << 20)

struct sources;

struct sources *sources_create(struct arena *arena);
/*
 * Read a regular file (or "-" for standard input). Returns its index, or SRC_NONE after an error was reported to
 * diag: unreadable, not a regular file, of procfs, larger than SOURCE_MAX_SIZE. The name is kept as given, for messages.
 */
uint32_t source_open(struct sources *sources, struct diag *diag, const char *path);
/* The same for a file that a document names at pos; "-" is a name like any other. */
uint32_t source_open_at(struct sources *sources, struct diag *diag, const struct srcpos *pos, const char *path);
/* Text from memory (tests, fuzzers, the flag front end). Borrowed, must outlive the sources. */
uint32_t source_from_memory(struct sources *sources, const char *name, const char *text, size_t len);
/*
 * May its text be told in a message? A policy under review may name, or be a link to, any file that its reviewer can
 * read, and messages end in public logs. So only of a file whose first key is `version = 1`, and of what does not come
 * from a file. source_show(): of one that the user has named as something else than a policy, such as a profile to import.
 */
bool source_shown(const struct sources *sources, uint32_t file);
void source_show(struct sources *sources, uint32_t file);
const char *source_name(const struct sources *sources, uint32_t file);
const char *source_text(const struct sources *sources, uint32_t file, size_t *len);
/* One line without its line ending; NULL when there is no such line. */
const char *source_line(const struct sources *sources, uint32_t file, uint32_t line, size_t *len);

#endif
