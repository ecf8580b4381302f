/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as TOML. Beyond not crashing: a refused document has an error with a position inside the text, an
 * accepted one is a tree whose strings are UTF-8 and whose depth is bounded; and the report can be rendered.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "source.h"
#include "toml.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_string(const struct toml_string *string)
{
	uint32_t code;

	must(string->ptr[string->len] == '\0');
	for (size_t at = 0, n; at < string->len; at += n) {
		n = utf8_decode(string->ptr + at, string->len - at, &code);
		must(n > 0);
	}
}

static void check_pos(const struct srcpos *pos)
{
	must(pos->line >= 1 && pos->col >= 1);
	must(pos->end_line > pos->line || (pos->end_line == pos->line && pos->end_col >= pos->col));
}

static void check_value(const struct toml_value *value, unsigned depth)
{
	size_t n = 0;

	must(depth <= TOML_MAX_DEPTH);
	check_pos(&value->pos);
	if (value->type == TOML_TABLE) {
		for (const struct toml_entry *e = value->entries; e; e = e->next, n++) {
			check_string(&e->key);
			check_pos(&e->key_pos);
			check_value(e->value, depth + 1);
		}
		must(n == value->count);
	} else if (value->type == TOML_ARRAY) {
		for (const struct toml_value *v = value->first; v; v = v->next, n++)
			check_value(v, depth + 1);
		must(n == value->count);
	} else if (value->type == TOML_STRING || value->type >= TOML_OFFSET_DATETIME) {
		check_string(&value->string);
	}
}

static void render(struct diag *diag, enum report_format format)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	must(out != NULL);
	diag_print(diag, format, out);
	must(fclose(out) == 0);
	for (size_t i = 0; i < len; i++)
		must((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t');
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_create();
	struct sources *sources = sources_create(arena);
	struct diag *diag = diag_create(arena, sources);
	char *text = malloc(size ? size : 1); /* exactly as long as the input: a read past its end is seen */
	struct toml_value *root;
	uint32_t file;

	must(text != NULL);
	memcpy(text, data, size);
	file = source_from_memory(sources, "fuzz.toml", text, size);
	root = toml_parse(arena, diag, file, text, size);
	must(!root == (diag_count(diag, SEVERITY_ERROR) > 0));
	/* one report per input: most of the time is to go into parsing */
	if (root)
		check_value(root, 0);
	else
		render(diag, (enum report_format)(size % (REPORT_SARIF + 1)));
	free(text);
	arena_destroy(&arena);
	return 0;
}
