/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what elfdeps reads: a program (ELF file or script, with all it leads to on this system), a #! line's
 * argument, an ld.so.cache. Nothing is executed. No crash, no endless work.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elfdeps_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void fuzz_program(struct arena *arena, const uint8_t *data, size_t size)
{
	const struct closure_options options = {.path = "/bin:/usr/bin", .cwd = "/"};
	struct closure *closure;
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	closure = closure_create(arena, &options);
	closure_add(closure, path);
	for (size_t i = 0; i < closure->nentries; i++)
		sink += strlen(closure->entries[i].real) + closure->entries[i].nnames;
	for (size_t i = 0; i < closure->nmissing; i++)
		sink += strlen(closure->missing[i].name) + strlen(closure->missing[i].why);
	closure_close(closure);
	close(fd);
}

static void fuzz_cache(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"libc.so.6", "a", ""};
	static const struct elf_object programs[] = {{.machine = EM_X86_64, .elf_class = ELFCLASS64}, {0}};
	unsigned char *copy = malloc(size + 1);
	struct ld_cache cache;
	struct ld_cache_hit hit;

	if (!copy)
		return;
	memcpy(copy, data, size);
	if (ld_cache_open(&cache, copy, size, ELFDATA2LSB))
		for (size_t i = 0; i < 6; i++)
			for (size_t at = 0; ld_cache_next(&cache, names[i / 2], &programs[i % 2], &at, &hit);)
				sink += strlen(hit.path);
	free(copy);
}

static void fuzz_env(const uint8_t *data, size_t size)
{
	char argument[SHEBANG_BYTES] = "", word[SHEBANG_BYTES];

	memcpy(argument, data, size < sizeof(argument) ? size : sizeof(argument) - 1);
	if (shebang_env(argument, word))
		sink += strlen(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();

	fuzz_program(arena, data, size);
	fuzz_cache(data, size);
	fuzz_env(data, size);
	arena_destroy(&arena);
	return 0;
}
