/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a lock. Beyond not crashing: what is refused has an error, what is accepted is sorted and
 * canonical, and is spelled again byte for byte.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "lock.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check(struct arena *arena, const struct lock *lock, const char *text, size_t len)
{
	size_t own_len;
	const char *own = lock_text(arena, lock, &own_len);

	must(own_len == len && !memcmp(own, text, len));
	for (size_t i = 0; i < lock->nfiles; i++) {
		must(!lock_bad_path(lock->files[i].path) && lock->files[i].pos.line > 0);
		must(!i || strcmp(lock->files[i - 1].path, lock->files[i].path) < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct sources *sources = sources_create(arena);
	struct diag *diag = diag_create(arena, sources);
	const char *text = arena_strndup(arena, (const char *)data, size);
	uint32_t file = source_from_memory(sources, "fuzz.lock", text, size);
	struct lock lock;

	if (lock_parse(arena, diag, sources, file, &lock))
		check(arena, &lock, text, size);
	else
		must(diag_count(diag, SEVERITY_ERROR) > 0 && *diag_text(diag));
	arena_destroy(&arena);
	return 0;
}
