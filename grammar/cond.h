/* SPDX-License-Identifier: MIT */
/*
 * Conditions on the arguments of a system call (`when` of [[seccomp.rule]]): the tree, and the builder interface
 * between the grammar (cond.l, cond.y: shape only) and compiler/front/cond.c. Names of arguments and constants stay
 * words here: what they stand for differs from call to call and from architecture to architecture.
 */
#ifndef GRAMMAR_COND_H
#define GRAMMAR_COND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "toml.h"

struct sources;

enum cond_value_kind { COND_NUMBER, COND_NAME, COND_BITS_OR, COND_INVERT, COND_NEGATE };

/* A constant: numbers and names, joined with | ~ and -. */
struct cond_value {
	enum cond_value_kind kind;
	struct srcpos pos;
	uint64_t number; /* COND_NUMBER */
	const char *name; /* COND_NAME */
	const struct cond_value *left, *right; /* right: COND_BITS_OR only */
};

/* An element of a set, or a range from low to high, both included; high is NULL for an element. */
struct cond_item {
	const struct cond_value *low, *high;
	struct cond_item *next;
};

enum cond_kind { COND_AND, COND_OR, COND_NOT, COND_TEST };
enum cond_relation { COND_EQ, COND_NE, COND_LT, COND_LE, COND_GT, COND_GE, COND_ANY_BIT, COND_IN };

struct cond {
	enum cond_kind kind;
	struct srcpos pos;
	const struct cond *left, *right; /* COND_NOT: left only */
	/* COND_TEST */
	const char *argument;
	struct srcpos argument_pos;
	const struct cond_value *mask; /* or NULL */
	enum cond_relation relation;
	const struct cond_value *value; /* of the six comparisons */
	const struct cond_item *items; /* COND_IN, in order */
};

/* Nodes of one condition: bounds every recursion over it. */
#define COND_MAX_NODES 4096

/*
 * The condition that a TOML string holds, or NULL after an error was reported. Positions are those of the text in the
 * source. Memory belongs to the arena. Reentrant.
 */
const struct cond *cond_parse(struct arena *arena, struct diag *diag, const struct sources *sources,
			      const struct toml_value *string);

/* ---- for cond.l, cond.y and front/cond.c alone ---- */

struct cond_word {
	const char *ptr;
	size_t len;
};

struct cond_scan {
	const char *text;
	size_t len, at;
	struct srcpos *places; /* of every byte of the text, and of its end */
	size_t token_at;
};

struct cond_build;

struct arena *cond_arena(struct cond_build *build);
struct cond_scan *cond_scan(struct cond_build *build);
_Noreturn void cond_no_memory(struct cond_build *build);
void cond_error(struct cond_build *build, const struct srcpos *pos, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct cond *cond_node(struct cond_build *build, enum cond_kind kind, const struct srcpos *pos,
		       const struct cond *left, const struct cond *right);
/* A test of an argument: its relation is set by cond_relate(). */
struct cond *cond_argument(struct cond_build *build, struct cond_word name, const struct srcpos *pos);
struct cond *cond_mask(struct cond *test, const struct cond_value *mask);
struct cond *cond_relate(struct cond *test, enum cond_relation relation, const struct cond_value *value,
			 const struct srcpos *pos);
struct cond *cond_in(struct cond *test, struct cond_item *items, const struct srcpos *pos);
struct cond_value *cond_number(struct cond_build *build, struct cond_word word, const struct srcpos *pos);
struct cond_value *cond_name(struct cond_build *build, struct cond_word word, const struct srcpos *pos);
struct cond_value *cond_join(struct cond_build *build, enum cond_value_kind kind, const struct srcpos *pos,
			     const struct cond_value *left, const struct cond_value *right);
/* Items are chained last to first while they are read; cond_in() turns them round. */
struct cond_item *cond_item(struct cond_build *build, struct cond_item *before, const struct cond_value *low,
			    const struct cond_value *high);
void cond_finish(struct cond_build *build, const struct cond *cond);
/* The scanner and the parser, over cond_scan(build). */
void cond_read(struct cond_build *build);

#endif
