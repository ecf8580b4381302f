/* SPDX-License-Identifier: MIT */
/*
 * The one collector of everything the compiler has to say about a policy. Nothing else in front/ and back/ writes
 * to stderr. Diagnostics are kept, sorted by position, de-duplicated and rendered by report.c as text
 * (file:line:col: error: … [check-name], source line, caret, notes), JSON or SARIF.
 */
#ifndef COMPILER_DIAG_H
#define COMPILER_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "toml.h"

struct arena;
struct sources;

enum severity { SEVERITY_OFF, SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* Every rule that can speak, one row each in checks.def: CHECK(ID, "kebab-name", SEVERITY, "help"). Errors of the
 * language itself (toml-syntax, unknown-key, wrong-type, …) are rows too, whose severity -W/-Wno- cannot lower. */
enum check_id {
#define CHECK(id, name, severity, fixed, help) CHECK_##id,
#include "checks.def"
	CHECKS
};

struct check_row {
	const char *name;
	enum severity severity;
	bool fixed; /* the severity cannot be changed from the command line */
	const char *help;
};
extern const struct check_row check_rows[CHECKS];
/* CHECKS when there is no such row. */
enum check_id check_find(const char *name);

struct diag;

struct diag *diag_create(struct arena *arena, struct sources *sources);
/* From -W, -E, -Wno-: false when the check is unknown or fixed. */
bool diag_set_severity(struct diag *diag, enum check_id check, enum severity severity);
enum severity diag_severity(const struct diag *diag, enum check_id check);

/*
 * Report. pos may be NULL (no position: printed with the program's name). Returns a handle for diag_note(), valid
 * until the collector is destroyed; NULL when the check is off, or when so many were reported before that this one is
 * only counted. The text has no final dot and no newline. Non-printing bytes in %s arguments are escaped when rendered.
 * At a place in a file whose text must not be told (source_shown()), a format with arguments is replaced by the check's
 * help, and a note with arguments is left out.
 */
struct diag_item;
struct diag_item *diag_report(struct diag *diag, enum check_id check, const struct srcpos *pos, const char *format,
			      ...) __attribute__((format(printf, 4, 5)));
struct diag_item *diag_vreport(struct diag *diag, enum check_id check, const struct srcpos *pos, const char *format,
			       va_list args) __attribute__((format(printf, 4, 0)));
/* "first defined here", "did you mean …": attached to an item, printed after it. item may be NULL (check off). */
void diag_note(struct diag *diag, struct diag_item *item, const struct srcpos *pos, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Items below `least` are counted, but not printed as text: compile leaves advice to lint. */
void diag_show(struct diag *diag, enum severity least);
size_t diag_count(const struct diag *diag, enum severity severity);

/* The word in `words` (NULL-terminated) nearest to `word` by edit distance, or NULL when nothing is near. */
const char *diag_nearest(const char *word, const char *const *words);
/* Notes on `item` the word nearest to `word`, or all of the NULL-terminated list where they fit one line. */
void diag_suggest(struct diag *diag, struct diag_item *item, const char *word, const char *const *words);

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_SARIF };
/* At most 100 diagnostics in text form, then a count; JSON and SARIF are complete and valid when empty. */
void diag_print(struct diag *diag, enum report_format format, FILE *out);
/* For SARIF: a URI reference (RFC 3986) for a file name of any bytes (3.4.3). Memory is the arena's. */
char *report_uri(struct arena *arena, const char *name);
/* The rendered text form as one arena string (tests and fuzzers). */
char *diag_text(struct diag *diag);

#endif
