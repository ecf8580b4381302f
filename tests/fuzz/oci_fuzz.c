/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a document of another tool; the first byte chooses which. Beyond not crashing: what is
 * accepted is written as TOML, and what is refused has an error.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "import.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void run_format(struct import *im, uint32_t file, unsigned format)
{
	im->merge = true;
	switch (format) {
	case 'm':
		import_minijail(im, file);
		break;
	case 'k':
		import_kafel(im, file);
		break;
	case 'l':
		import_landlockconfig(im, &file, 1);
		return;
	case 'd':
		import_landlockd(im, file);
		return;
	default:
		import_oci(im, file);
	}
	if (!import_failed(im))
		import_write_rules(im);
}

static void check_policy(struct import *im, const char *text, size_t size)
{
	uint32_t file = source_from_memory(im->sources, "policy.toml", text, size);

	must(toml_parse(im->arena, im->diag, file, text, size) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct sources *sources = sources_create(arena);
	struct import im = {.arena = arena,
			    .sources = sources,
			    .diag = diag_create(arena, sources),
			    .arches = {ARCH_X86_64, ARCH_S390X, ARCH_I386},
			    .narches = 3,
			    .enosys = true};
	unsigned format = size && strchr("mkld", data[0]) && data[0] ? data[0] : '{';
	size_t skip = format != '{';
	char *text = malloc(size + 1), *out = NULL; /* exactly as long as the input: a read past its end is seen */
	size_t out_size = 0;

	must(text != NULL);
	if (size > skip)
		memcpy(text, data + skip, size - skip);
	text = realloc(text, size - skip + !(size - skip));
	must(text != NULL);
	im.out = open_memstream(&out, &out_size);
	must(im.out != NULL);
	run_format(&im, source_from_memory(sources, "fuzz", text, size - skip), format);
	must(!fclose(im.out));
	if (!import_failed(&im))
		check_policy(&im, out, out_size);
	free(out);
	free(text);
	arena_destroy(&arena);
	return 0;
}
