/* SPDX-License-Identifier: MIT */
/* TOML on standard input, toml-test's tagged JSON on standard output. Exit 1 and messages for input that is not TOML. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "arena.h"
#include "diag.h"
#include "source.h"
#include "toml.h"

static json_t *must(json_t *json)
{
	if (!json) {
		fputs("toml-decoder: cannot build the JSON document\n", stderr);
		exit(2);
	}
	return json;
}

static const char *tag_of(enum toml_type type)
{
	switch (type) {
	case TOML_STRING:
		return "string";
	case TOML_INTEGER:
		return "integer";
	case TOML_FLOAT:
		return "float";
	case TOML_BOOLEAN:
		return "bool";
	case TOML_OFFSET_DATETIME:
		return "datetime";
	case TOML_LOCAL_DATETIME:
		return "datetime-local";
	case TOML_LOCAL_DATE:
		return "date-local";
	case TOML_LOCAL_TIME:
		return "time-local";
	case TOML_ARRAY:
	case TOML_TABLE:
		break;
	}
	return NULL;
}

static json_t *float_text(double real)
{
	if (isnan(real))
		return must(json_string("nan"));
	if (isinf(real))
		return must(json_string(real < 0 ? "-inf" : "inf"));
	return must(json_sprintf("%.17g", real));
}

static json_t *scalar_text(const struct toml_value *value)
{
	if (value->type == TOML_INTEGER)
		return must(json_sprintf("%" PRId64, value->integer));
	if (value->type == TOML_FLOAT)
		return float_text(value->real);
	if (value->type == TOML_BOOLEAN)
		return must(json_string(value->boolean ? "true" : "false"));
	return must(json_stringn(value->string.ptr, value->string.len));
}

/* Recursion is bounded: the parser refuses trees deeper than TOML_MAX_DEPTH. */
static json_t *to_json(const struct toml_value *value)
{
	json_t *json;

	if (value->type == TOML_TABLE) {
		json = must(json_object());
		for (const struct toml_entry *e = value->entries; e; e = e->next) {
			if (json_object_setn_new(json, e->key.ptr, e->key.len, to_json(e->value)))
				must(NULL);
		}
		return json;
	}
	if (value->type == TOML_ARRAY) {
		json = must(json_array());
		for (const struct toml_value *v = value->first; v; v = v->next) {
			if (json_array_append_new(json, to_json(v)))
				must(NULL);
		}
		return json;
	}
	return must(json_pack("{s:s, s:o}", "type", tag_of(value->type), "value", scalar_text(value)));
}

static int decode(struct arena *arena)
{
	struct sources *sources = sources_create(arena);
	struct diag *diag = diag_create(arena, sources);
	uint32_t file = source_open(sources, diag, "-");
	source_show(sources, file); /* no policy */
	struct toml_value *root = NULL;
	const char *text;
	json_t *json;
	size_t len;

	if (file != SRC_NONE) {
		text = source_text(sources, file, &len);
		root = toml_parse(arena, diag, file, text, len);
	}
	if (!root) {
		diag_print(diag, REPORT_TEXT, stderr);
		return 1;
	}
	json = to_json(root);
	if (json_dumpf(json, stdout, JSON_INDENT(1)) || putchar('\n') == EOF || fflush(stdout))
		return 2;
	json_decref(json);
	return 0;
}

int main(void)
{
	struct arena *arena = arena_create();
	int status = decode(arena);

	arena_destroy(&arena);
	return status;
}
