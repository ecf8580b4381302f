/* SPDX-License-Identifier: MIT */
/*
 * The whole compiler on arbitrary bytes: it must end with diagnostics or with a blob, never both an error and a blob; the
 * blob must pass the runtime's own verification, be the same a second time, and every report must be printable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "blob.h"
#include "compile.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "compile_fuzz: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	abort();
}

static bool compile(struct compilation *c, const uint8_t *data, size_t size)
{
	compilation_begin(c);
	return compilation_run(c, source_from_memory(c->sources, "fuzz.toml", (const char *)data, size));
}

/* What is said about the bytes is made of the bytes: all three forms must survive them. */
static void report(struct compilation *c)
{
	static const enum report_format formats[] = {REPORT_TEXT, REPORT_JSON, REPORT_SARIF};
	char *text = NULL;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		FILE *out = open_memstream(&text, &len);

		require(out, "open_memstream", NULL);
		diag_print(c->diag, formats[i], out);
		require(!fclose(out), "report not printed", NULL);
		free(text);
		text = NULL;
	}
}

static void verify(const struct compilation *c)
{
	uint64_t *words = malloc(c->blob_size); /* of its own size: a reader that goes beyond it is seen */
	struct blob blob;
	const char *reason;

	require(words && c->blob_size % 8 == 0, "size of the blob", NULL);
	memcpy(words, c->blob, c->blob_size);
	reason = blob_open(&blob, words, c->blob_size);
	require(!reason, "the reader refuses what the compiler wrote", reason);
	free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct compilation first, again;

	if (compile(&first, data, size)) {
		require(first.blob && !diag_count(first.diag, SEVERITY_ERROR),
			"success without a blob, or with errors", NULL);
		verify(&first);
		require(compile(&again, data, size), "an error the second time only", NULL);
		require(again.blob_size == first.blob_size && !memcmp(again.blob, first.blob, first.blob_size),
			"not the same bytes the second time", NULL);
		compilation_end(&again);
	} else {
		require(diag_count(first.diag, SEVERITY_ERROR), "failure without an error", NULL);
	}
	report(&first);
	compilation_end(&first);
	return 0;
}
