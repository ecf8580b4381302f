/* SPDX-License-Identifier: MIT */
/*
 * The builder interface: what the lexer and the grammar, which know the shape of TOML, call; compiler/front/toml.c
 * implements it and knows what the shapes mean. Nobody else includes this.
 *
 * Nothing is copied on the way: a word is a slice of the text being parsed. Every builder reports its own errors and
 * returns something usable (a placeholder value), so that one bad value does not hide the errors behind it.
 */
#ifndef GRAMMAR_TOML_BUILD_H
#define GRAMMAR_TOML_BUILD_H

#include "toml.h"

/* What the lexer recognised by its looks. */
enum toml_shape {
	SHAPE_BARE, /* key only */
	SHAPE_BASIC, /* "…" */
	SHAPE_LITERAL, /* '…' */
	SHAPE_ML_BASIC, /* """…""" */
	SHAPE_ML_LITERAL, /* '''…''' */
	SHAPE_DECIMAL,
	SHAPE_BASED, /* 0x, 0o, 0b */
	SHAPE_FLOAT,
	SHAPE_BOOLEAN,
	SHAPE_OFFSET_DATETIME,
	SHAPE_LOCAL_DATETIME,
	SHAPE_LOCAL_DATE,
	SHAPE_LOCAL_TIME,
	SHAPE_UNKNOWN, /* a word that is none of these; punctuation */
	SHAPES
};

struct toml_word {
	enum toml_shape shape;
	const char *ptr; /* with its quotes */
	size_t len;
};

/* A key, dots and all: its parts, decoded. */
struct toml_part {
	struct toml_string text;
	struct srcpos pos;
	struct toml_part *next;
};

struct toml_key {
	struct toml_part *first, *last;
	size_t count;
};

struct toml_bracket {
	char kind; /* '[' or '{' */
	struct srcpos pos;
};

/* The lexer's state. Brackets decide what a newline, a comma and a word mean, so the lexer counts them itself. */
struct toml_scan {
	const char *text;
	size_t len;
	uint32_t file;
	size_t at; /* offset of the next byte, which stands at line, col */
	uint32_t line, col;
	size_t token_at; /* the same for the start of the token */
	uint32_t token_line, token_col;
	bool joining; /* inside a multi-line string: the token goes on */
	bool at_newline; /* the last token was NEWLINE: recovery has no line to skip */
	bool at_end; /* and it was made at the end of the file */
	bool stop; /* no more tokens: after an error behind which nothing can be told apart */
	char unclosed; /* recovery: the kind of the innermost bracket that was open, or 0 */
	struct toml_bracket open[TOML_MAX_DEPTH];
	size_t depth;
};

struct toml_build;

/* toml.l: read the text of the builder's source. Errors were reported when it returns. */
void toml_read_shape(struct toml_build *build, const char *text, size_t len);
/* Forget the open brackets and go on at the next line, or behind the brackets. */
void toml_resync(void *scanner);

/* toml.c, for all */
struct arena *toml_arena(struct toml_build *build);
struct toml_scan *toml_scan(struct toml_build *build);
_Noreturn void toml_no_memory(struct toml_build *build);
/* A word in the wrong place; at most one per line, what follows on the line would only be its consequence. */
void toml_syntax_error(struct toml_build *build, const struct srcpos *pos, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A word that is what it should be but has no meaning: reading goes on behind it. */
void toml_value_error(struct toml_build *build, const struct srcpos *pos, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Text of the input as a message may quote it: not longer than a few words. */
const char *toml_quote(struct toml_build *build, const char *text, size_t len);
/* The same for the token last read; "the end of the line". */
const char *toml_found(struct toml_build *build);

/* toml_scalar.c: the content of a key or string word, escapes resolved */
struct toml_string toml_decode(struct toml_build *build, struct toml_word word, const struct srcpos *pos);

/* toml.c, for the grammar. Every pos is that of the symbol the call makes. */
bool toml_key_add(struct toml_build *build, struct toml_key *key, struct toml_word word, const struct srcpos *pos);
/* toml_scalar.c, with toml_value_new() of toml.c */
struct toml_value *toml_scalar(struct toml_build *build, struct toml_word word, const struct srcpos *pos);
struct toml_value *toml_value_new(struct toml_build *build, enum toml_type type, const struct srcpos *pos);
struct toml_value *toml_array(struct toml_build *build);
void toml_array_add(struct toml_value *array, struct toml_value *element);
struct toml_value *toml_inline_table(struct toml_build *build);
/* table NULL: the one of the last header */
void toml_set(struct toml_build *build, struct toml_value *table, const struct toml_key *key,
	      struct toml_value *value);
struct toml_value *toml_close(struct toml_value *value, const struct srcpos *pos);
void toml_header(struct toml_build *build, const struct toml_key *key, const struct srcpos *pos,
		 bool array_of_tables);

#endif
