/* SPDX-License-Identifier: MIT */
/*
 * llc-policy import: documents of other tools as a policy. A reader per format (import_oci.c, import_minijail.c, …)
 * fills in decisions about system calls or writes tables itself; import_rules.c turns decisions into [seccomp].
 * Errors go to the collector, with their place; what is left out or means something else here is a note, printed on
 * standard error and written into the policy as a comment. Nothing is written after an error.
 */
#ifndef COMPILER_IMPORT_H
#define COMPILER_IMPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "filter.h"
#include "toml.h"

/* A condition on arguments as other formats have them: unsigned comparisons, of the whole register. */
enum import_expr_kind { IMPORT_TEST, IMPORT_AND, IMPORT_OR, IMPORT_NOT };

struct import_expr {
	enum import_expr_kind kind;
	struct srcpos pos;
	const struct import_expr *left, *right; /* IMPORT_NOT: left only */
	const char *argument; /* a name, or NULL: the register */
	unsigned index; /* 0 to 5 */
	enum cmp_op op;
	uint64_t mask, value;
};

struct import_call {
	const char *name; /* one of syscall_names() */
	unsigned arches; /* bits of enum arch_id */
	struct srcpos pos;
};

/* A decision. Rules of one call are tried in order; the first whose condition holds decides. */
struct import_rule {
	struct import_call *calls;
	size_t ncalls, calls_cap;
	uint32_t action; /* K_SECCOMP_RET_* | data */
	const struct import_expr *when; /* or NULL: always */
	struct srcpos pos;
	bool may_drop; /* what cannot be said may be left out: the default is stricter */
	const char *comment; /* or NULL */
};

/* A document about which there is more to tell is none that anybody wrote: an error. */
#define IMPORT_NOTES_MAX 4096

struct import_note {
	struct srcpos pos;
	const char *text;
};

struct import {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	/* options */
	enum arch_id arches[ARCHES];
	size_t narches;
	uint64_t caps; /* bits */
	unsigned kernel_major, kernel_minor; /* 0.0: any */
	bool merge, enosys;
	/* results */
	struct import_note *notes;
	size_t nnotes, notes_cap;
	bool notes_full;
	uint32_t default_action;
	bool newer_enosys;
	struct import_rule *rules;
	size_t nrules, rules_cap;
	FILE *out; /* the policy, in memory */
};

/* Something that was left out or approximated: "dropped: …", "approximated: …", "weaker: …". pos may be NULL. */
void import_note(struct import *im, const struct srcpos *pos, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool import_failed(const struct import *im);
/* "6.12"; false when it is nothing of the kind. */
bool import_release(const char *text, unsigned *major, unsigned *minor);
unsigned import_arch_bits(const struct import *im); /* of im->arches */

/* ---- import_json.c ---- */

/*
 * A JSON file as the tree that toml_parse() would make of it, or NULL after an error: duplicate keys, invalid UTF-8,
 * too deep. An integer above INT64_MAX keeps its bits in .integer, and its .count is 1. null: a member is absent where
 * absent is true, as in documents that Go writes; elsewhere it is an error.
 */
struct toml_value *import_json(struct import *im, uint32_t file, bool absent);
/* Name and value, NULL-terminated by the name; *value belongs to the tree. */
struct import_key {
	const char *name;
	enum toml_type type;
	const struct toml_value **value;
};
/*
 * Take the members of a table apart. Absent ones are NULL, those of a wrong type are errors. Unknown ones are errors
 * where strict, else notes: whoever reads such documents ignores them. False after an error.
 */
bool import_keys(struct import *im, const struct toml_value *table, const char *what, const struct import_key *keys,
		 bool strict);
/* The text of a string; NULL after an error: no string, empty, or with a NUL. */
const char *import_text(struct import *im, const struct toml_value *value, const char *what);
/* An unsigned integer of at most `most`; false after an error. */
bool import_number(struct import *im, const struct toml_value *value, const char *what, uint64_t most,
		   uint64_t *number);

/* ---- import_rules.c ---- */

struct import_rule *import_rule(struct import *im, uint32_t action, const struct import_expr *when,
				const struct srcpos *pos);
void import_rule_call(struct import *im, struct import_rule *rule, const char *name, unsigned arches,
		      const struct srcpos *pos);
struct import_expr *import_expr(struct import *im, enum import_expr_kind kind, const struct import_expr *left,
				const struct import_expr *right, const struct srcpos *pos);
/* A name as syscall_names() has it, or NULL after a note or, where strict, an error. */
const char *import_syscall(struct import *im, const char *name, const struct srcpos *pos, bool strict);
/* "allow", "errno EPERM", "trap 7", … as a policy spells it. */
const char *import_action(struct import *im, uint32_t action);
/* Write [seccomp] to im->out. */
void import_write_rules(struct import *im);
/* A basic TOML string; the second may hold NUL bytes. */
void import_put_string(FILE *out, const char *text);
void import_put_bytes(FILE *out, const char *text, size_t len);

/* ---- the formats: fill in im, or report errors ---- */

void import_oci(struct import *im, uint32_t file);
void import_minijail(struct import *im, uint32_t file);
void import_kafel(struct import *im, uint32_t file);
void import_landlockd(struct import *im, uint32_t file);
/* Several files are composed as the library does it. */
void import_landlockconfig(struct import *im, const uint32_t *files, size_t nfiles);

#endif
