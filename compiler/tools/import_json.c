/* SPDX-License-Identifier: MIT */
/*
 * JSON with positions. jansson judges the text; it keeps no positions, so that the text, known to be valid by then, is
 * walked a second time beside its tree: members come in the order of the text.
 */
#include "import.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "source.h"

struct walk {
	struct import *im;
	const char *p, *end;
	uint32_t file, line, col;
	bool absent;
};

static void step(struct walk *w)
{
	if (*w->p++ == '\n') {
		w->line++;
		w->col = 1;
	} else {
		w->col++;
	}
}

/* To the next byte that is not between two things. */
static void skip(struct walk *w)
{
	while (w->p < w->end && strchr(" \t\r\n,:", *w->p))
		step(w);
}

static struct srcpos here(const struct walk *w)
{
	return (struct srcpos){w->file, w->line, w->col, w->line, w->col};
}

static void skip_string(struct walk *w)
{
	for (step(w); w->p < w->end && *w->p != '"'; step(w))
		if (*w->p == '\\')
			step(w);
	step(w);
}

static void skip_word(struct walk *w)
{
	while (w->p < w->end && !strchr(" \t\r\n,:]}", *w->p))
		step(w);
}

static void walk_number(struct walk *w, const char *text, size_t len, struct toml_value *value)
{
	const char *digits = arena_strndup(w->im->arena, text, len);

	value->type = TOML_INTEGER;
	errno = 0;
	if (strpbrk(digits, ".eE")) {
		value->type = TOML_FLOAT;
		value->real = strtod(digits, NULL);
		errno = 0;
	} else if (*digits == '-') {
		value->integer = strtoll(digits, NULL, 10);
	} else {
		uint64_t number = strtoull(digits, NULL, 10);
		value->integer = (int64_t)number;
		value->count = number > INT64_MAX;
	}
	if (errno)
		diag_report(w->im->diag, CHECK_BAD_VALUE, &value->pos, "a number of more than 64 bits");
}

static struct toml_value *walk_value(struct walk *w, json_t *json);

static void walk_array(struct walk *w, json_t *json, struct toml_value *value)
{
	struct toml_value **link = &value->first;
	json_t *element;
	size_t i;

	value->type = TOML_ARRAY;
	step(w);
	json_array_foreach(json, i, element)
	{
		struct toml_value *one = walk_value(w, element);
		if (!one) {
			struct srcpos pos = here(w);
			diag_report(w->im->diag, CHECK_WRONG_TYPE, &pos, "null in an array");
			continue;
		}
		*link = one;
		link = &one->next;
		value->count++;
	}
	skip(w);
	step(w);
}

static void walk_object(struct walk *w, json_t *json, struct toml_value *value)
{
	struct toml_entry **link = &value->entries;
	const char *key;
	json_t *member;

	value->type = TOML_TABLE;
	step(w);
	json_object_foreach(json, key, member)
	{
		struct toml_entry *entry = arena_alloc(w->im->arena, sizeof(*entry));
		skip(w);
		entry->key_pos = here(w);
		entry->key = (struct toml_string){arena_strdup(w->im->arena, key), strlen(key)};
		skip_string(w);
		entry->key_pos.end_line = w->line;
		entry->key_pos.end_col = w->col;
		entry->value = walk_value(w, member);
		if (!entry->value && !w->absent)
			diag_report(w->im->diag, CHECK_WRONG_TYPE, &entry->key_pos, "\"%s\" is null", key);
		if (!entry->value)
			continue;
		*link = entry;
		link = &entry->next;
		value->count++;
	}
	skip(w);
	step(w);
}

/* NULL: null. Recursion is bounded by jansson's (JSON_PARSER_MAX_DEPTH, 2048). */
static struct toml_value *walk_value(struct walk *w, json_t *json)
{
	struct toml_value *value = arena_alloc(w->im->arena, sizeof(*value));
	const char *start;

	skip(w);
	start = w->p;
	value->pos = here(w);
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		walk_object(w, json, value);
		return value; /* its position stays its first byte */
	case JSON_ARRAY:
		walk_array(w, json, value);
		return value;
	case JSON_STRING:
		value->type = TOML_STRING;
		value->string.ptr = arena_strdup(w->im->arena, json_string_value(json));
		value->string.len = strlen(value->string.ptr);
		skip_string(w);
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		skip_word(w);
		walk_number(w, start, (size_t)(w->p - start), value);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		value->type = TOML_BOOLEAN;
		value->boolean = json_is_true(json);
		skip_word(w);
		break;
	case JSON_NULL:
		skip_word(w);
		return NULL;
	}
	value->pos.end_line = w->line;
	value->pos.end_col = w->col;
	return value;
}

struct toml_value *import_json(struct import *im, uint32_t file, bool absent)
{
	struct walk w = {.im = im, .file = file, .line = 1, .col = 1, .absent = absent};
	struct toml_value *value;
	json_error_t error;
	size_t len;
	json_t *json;

	w.p = source_text(im->sources, file, &len);
	w.end = w.p + len;
	/* integers as reals: jansson's are signed, and masks are not; the digits are read again from the text */
	json = json_loadb(w.p, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (!json) {
		uint32_t line = error.line > 0 ? (uint32_t)error.line : 1,
			 col = error.column > 0 ? (uint32_t)error.column : 1;
		struct srcpos pos = {file, line, col, line, col};
		diag_report(im->diag, CHECK_SOURCE_UNREADABLE, &pos, "not JSON: %s", error.text);
		return NULL;
	}
	value = walk_value(&w, json);
	json_decref(json);
	return import_failed(im) ? NULL : value;
}

/* ---- taking a tree apart ---- */

static const struct import_key *find_key(const struct import_key *keys, const char *name)
{
	while (keys->name && strcmp(keys->name, name))
		keys++;
	return keys->name ? keys : NULL;
}

static void unknown_key(struct import *im, const struct toml_entry *entry, const char *what, bool strict)
{
	if (strict)
		diag_report(im->diag, CHECK_UNKNOWN_KEY, &entry->key_pos, "unknown key \"%s\" in %s", entry->key.ptr,
			    what);
	else
		import_note(im, &entry->key_pos, "dropped: unknown key \"%s\" in %s", entry->key.ptr, what);
}

bool import_keys(struct import *im, const struct toml_value *table, const char *what, const struct import_key *keys,
		 bool strict)
{
	size_t errors = diag_count(im->diag, SEVERITY_ERROR);

	for (const struct import_key *key = keys; key->name; key++)
		*key->value = NULL;
	if (table->type != TOML_TABLE) {
		diag_report(im->diag, CHECK_WRONG_TYPE, &table->pos, "%s: expected a table, found %s", what,
			    toml_type_name(table->type));
		return false;
	}
	for (const struct toml_entry *entry = table->entries; entry; entry = entry->next) {
		const struct import_key *key = find_key(keys, entry->key.ptr);
		if (!key)
			unknown_key(im, entry, what, strict);
		else if (entry->value->type != key->type)
			diag_report(im->diag, CHECK_WRONG_TYPE, &entry->value->pos,
				    "\"%s\" in %s: expected %s, found %s", key->name, what, toml_type_name(key->type),
				    toml_type_name(entry->value->type));
		else
			*key->value = entry->value;
	}
	return diag_count(im->diag, SEVERITY_ERROR) == errors;
}

const char *import_text(struct import *im, const struct toml_value *value, const char *what)
{
	if (value->type != TOML_STRING)
		diag_report(im->diag, CHECK_WRONG_TYPE, &value->pos, "%s: expected a string, found %s", what,
			    toml_type_name(value->type));
	else if (!value->string.len || strlen(value->string.ptr) != value->string.len)
		diag_report(im->diag, CHECK_BAD_VALUE, &value->pos, "%s: an empty string, or one with a NUL", what);
	else
		return value->string.ptr;
	return NULL;
}

bool import_number(struct import *im, const struct toml_value *value, const char *what, uint64_t most,
		   uint64_t *number)
{
	*number = 0;
	if (value->type != TOML_INTEGER) {
		diag_report(im->diag, CHECK_WRONG_TYPE, &value->pos, "%s: expected an integer, found %s", what,
			    toml_type_name(value->type));
		return false;
	}
	*number = (uint64_t)value->integer;
	if ((value->integer >= 0 || value->count) && *number <= most)
		return true;
	diag_report(im->diag, CHECK_BAD_VALUE, &value->pos, "%s: a number from 0 to %llu", what,
		    (unsigned long long)most);
	return false;
}
