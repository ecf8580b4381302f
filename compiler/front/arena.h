/* SPDX-License-Identifier: MIT */
/* One arena per compilation: allocate, never free in between, destroy at the end. Out of memory: one message, exit 2
 * is the wrong answer for a library, so arena_alloc() calls the arena's handler, which by default prints and aborts. */
#ifndef COMPILER_ARENA_H
#define COMPILER_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena **arena);
/* What to do when memory is exhausted; must not return. */
void arena_set_handler(struct arena *arena, void (*handler)(size_t size));
/* Calls that handler: for code that gets memory elsewhere (the lexer's buffer). */
_Noreturn void arena_exhausted(struct arena *arena, size_t size);
/* Zeroed memory, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* Copy of len bytes plus a NUL. */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Grow an array to at least `need` elements: `items` may be NULL, `*cap` its capacity. Returns the array. */
void *arena_grow(struct arena *arena, void *items, size_t *cap, size_t need, size_t item_size);

#endif
