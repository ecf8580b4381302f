/* SPDX-License-Identifier: MIT */
/* The arena: a list of chunks, each filled from its start. See arena.h. */
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

/* Under AddressSanitizer every allocation is a chunk of its own: an overrun then lands in a red zone instead of in the
 * neighbouring allocation. */
#if defined(__SANITIZE_ADDRESS__)
#define CHUNK_SIZE 0u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHUNK_SIZE 0u
#endif
#endif
#ifndef CHUNK_SIZE
#define CHUNK_SIZE (64u << 10)
#endif

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct chunk *chunks; /* the newest first; only that one is filled */
	void (*no_memory)(size_t size);
};

static void print_and_abort(size_t size)
{
	fprintf(stderr, "llc-policy: out of memory (%zu bytes)\n", size);
	abort();
}

_Noreturn void arena_exhausted(struct arena *arena, size_t size)
{
	arena->no_memory(size);
	abort(); /* a handler that returns has nothing to return to */
}

struct arena *arena_create(void)
{
	struct arena *arena = malloc(sizeof(*arena));

	if (!arena) {
		print_and_abort(sizeof(*arena));
		return NULL;
	}
	*arena = (struct arena){.no_memory = print_and_abort};
	return arena;
}

void arena_set_handler(struct arena *arena, void (*handler)(size_t size))
{
	arena->no_memory = handler;
}

void arena_destroy(struct arena **arena)
{
	struct chunk *next;

	if (!*arena)
		return;
	for (struct chunk *c = (*arena)->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(*arena);
	*arena = NULL;
}

static struct chunk *add_chunk(struct arena *arena, size_t size)
{
	size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	struct chunk *c;

	if (room > SIZE_MAX - sizeof(*c))
		arena_exhausted(arena, size);
	/* calloc: large chunks come zeroed from the kernel without being touched */
	c = calloc(1, sizeof(*c) + room);
	if (!c)
		arena_exhausted(arena, size);
	c->size = room;
	/* A chunk made for one large allocation is full at birth: keep filling the one before it. */
	if (size > CHUNK_SIZE / 4 && arena->chunks) {
		c->next = arena->chunks->next;
		arena->chunks->next = c;
	} else {
		c->next = arena->chunks;
		arena->chunks = c;
	}
	return c;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct chunk *c = arena->chunks;
	void *p;

	if (size > SIZE_MAX - align)
		arena_exhausted(arena, size);
	size = (size + !size + align - 1) / align * align;
	if (!c || c->size - c->used < size)
		c = add_chunk(arena, size);
	p = c->bytes + c->used;
	c->used += size;
	return p;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		arena_exhausted(arena, len);
	copy = arena_alloc(arena, len + 1);
	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0) /* longer than INT_MAX: no message or name here can be */
		arena_exhausted(arena, SIZE_MAX);
	text = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, args);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void *arena_grow(struct arena *arena, void *items, size_t *cap, size_t need, size_t item_size)
{
	size_t wanted = *cap ? *cap : 8;
	void *grown;

	if (need <= *cap)
		return items;
	while (wanted < need)
		wanted = wanted > SIZE_MAX / 2 ? need : wanted * 2;
	if (item_size && wanted > SIZE_MAX / item_size)
		arena_exhausted(arena, SIZE_MAX);
	grown = arena_alloc(arena, wanted * item_size);
	if (*cap)
		memcpy(grown, items, *cap * item_size);
	*cap = wanted;
	return grown;
}
