/* SPDX-License-Identifier: MIT */
/* What the collector keeps: shared by diag.c, which fills it, and report*.c, which render it. Nobody else. */
#ifndef COMPILER_DIAG_ITEM_H
#define COMPILER_DIAG_ITEM_H

#include "diag.h"

struct diag_note {
	struct srcpos pos;
	const char *text;
	struct diag_note *next;
};

struct diag_item {
	enum check_id check;
	enum severity severity; /* when it was reported */
	struct srcpos pos; /* file SRC_NONE: none */
	const char *text;
	struct diag_note *notes, **notes_end;
};

struct diag {
	struct arena *arena;
	struct sources *sources;
	enum severity severities[CHECKS];
	struct diag_item **items;
	size_t count, cap;
	size_t kept[SEVERITY_ERROR + 1]; /* how many of items have this severity */
	size_t dropped[SEVERITY_ERROR + 1]; /* reported when DIAG_MAX_KEPT of the severity were there */
	enum severity least; /* what is below is not shown as text */
	bool settled; /* sorted, and no item twice */
};

/* Items kept of each severity: hostile input must not fill the memory with complaints. Later ones are only counted. */
#define DIAG_MAX_KEPT 10000

/* Sort by position and drop what is there twice. */
void diag_settle(struct diag *diag);

void report_json(struct diag *diag, FILE *out);
void report_sarif(struct diag *diag, FILE *out);

/* Text as it may be shown: what is not printable, and what is not UTF-8, as escapes. Arena string. */
char *report_printable(struct arena *arena, const char *text, size_t len);
const char *report_severity(enum severity severity); /* "note", "warning", "error"; "none" for off */

#endif
