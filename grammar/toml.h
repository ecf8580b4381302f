/* SPDX-License-Identifier: MIT */
/*
 * TOML 1.0.0: the tree, and the builder interface between the grammar (toml.l, toml.y: shape only) and
 * compiler/front/toml.c (meaning: duplicate and redefinition rules, escapes, numbers, dates, UTF-8).
 * Knows TOML and nothing of policies.
 */
#ifndef GRAMMAR_TOML_H
#define GRAMMAR_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diag;

/* A range of source text. file is an index into the source table (compiler/front/source.h); line and column
 * count from 1, columns in bytes; end is exclusive. file == SRC_NONE: no position. */
struct srcpos {
	uint32_t file;
	uint32_t line, col;
	uint32_t end_line, end_col;
};
#define SRC_NONE UINT32_MAX

enum toml_type {
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOLEAN,
	TOML_OFFSET_DATETIME,
	TOML_LOCAL_DATETIME,
	TOML_LOCAL_DATE,
	TOML_LOCAL_TIME,
	TOML_ARRAY,
	TOML_TABLE,
};

struct toml_string {
	const char *ptr; /* NUL-terminated for convenience; may contain NUL bytes (\u0000): use len */
	size_t len;
};

/* Normalised date-time: the text in RFC 3339 form as toml-test wants it ("T" and "Z" upper case). */
struct toml_value {
	enum toml_type type;
	struct srcpos pos; /* the value's own text; for a [table] its header */
	union {
		struct toml_string string; /* TOML_STRING, and the text of the four date-time types */
		int64_t integer;
		double real;
		bool boolean;
		struct toml_value *first; /* TOML_ARRAY: elements through .next, in order */
		struct toml_entry *entries; /* TOML_TABLE: in order of first definition */
	};
	size_t count; /* elements or entries */
	struct toml_value *next; /* next element of the array this value stands in */
	/* how a table or array came to be; the duplicate rules need it, readers may ask */
	bool inline_form; /* { … } or [ … ]: closed */
	bool implicit; /* made by a longer header or dotted key, never written itself */
	bool dotted; /* made by a dotted key */
	bool array_of_tables; /* TOML_ARRAY made by [[…]] */
};

struct toml_entry {
	struct toml_string key;
	struct srcpos key_pos;
	struct toml_value *value;
	struct toml_entry *next;
};

/* Bound on the nesting of arrays and inline tables, and on the number of parts of a dotted key. */
#define TOML_MAX_DEPTH 128

/*
 * Parse the source file with index `file` (already read by source.c). Returns the root table, or NULL after
 * reporting at least one error to `diag` (every error that can be told apart is reported in one run; the
 * parser recovers at line ends). Memory belongs to `arena`. `text` is borrowed for the time of the call.
 * Reentrant. Never exits, never prints.
 */
struct toml_value *toml_parse(struct arena *arena, struct diag *diag, uint32_t file, const char *text, size_t len);

/* The value of `key` in `table`, or NULL. */
struct toml_entry *toml_get(const struct toml_value *table, const char *key);

const char *toml_type_name(enum toml_type type); /* "string", "integer", … with article-free English names */

#endif
