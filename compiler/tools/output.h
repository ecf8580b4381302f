/* SPDX-License-Identifier: MIT */
/* Files written whole or not at all. */
#ifndef COMPILER_OUTPUT_H
#define COMPILER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Replace `path` by `size` bytes with mode 0644 whatever the umask: written beside it, synced, renamed; on any failure
 * the old file stays whole. A symbolic link is followed; "-" and what is not a regular file (a terminal, a pipe,
 * /dev/full) are written to directly. Returns false after one line on stderr that begins with `command`.
 */
bool output_file(const char *command, const char *path, const void *bytes, size_t size);

#endif
