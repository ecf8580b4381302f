/* SPDX-License-Identifier: MIT */
/* The collector of diagnostics. See diag.h; the rendering is in report.c and report_json.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag_item.h"
#include "source.h"

const struct check_row check_rows[CHECKS] = {
#define CHECK(id, name, severity, fixed, help) [CHECK_##id] = {name, severity, fixed, help},
#include "checks.def"
};

/* Longest text of a diagnostic: a name may be megabytes long in hostile input. Of longer ones, start and end are kept. */
#define TEXT_HEAD 400
#define TEXT_TAIL 200

enum check_id check_find(const char *name)
{
	for (unsigned i = 0; i < CHECKS; i++) {
		if (!strcmp(check_rows[i].name, name))
			return (enum check_id)i;
	}
	return CHECKS;
}

struct diag *diag_create(struct arena *arena, struct sources *sources)
{
	struct diag *diag = arena_alloc(arena, sizeof(*diag));

	diag->arena = arena;
	diag->sources = sources;
	diag->settled = true;
	for (unsigned i = 0; i < CHECKS; i++)
		diag->severities[i] = check_rows[i].severity;
	return diag;
}

bool diag_set_severity(struct diag *diag, enum check_id check, enum severity severity)
{
	if (check >= CHECKS || check_rows[check].fixed)
		return false;
	diag->severities[check] = severity;
	return true;
}

enum severity diag_severity(const struct diag *diag, enum check_id check)
{
	return diag->severities[check];
}

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

static char *bounded_text(struct arena *arena, const char *format, va_list args)
{
	char *text = arena_vprintf(arena, format, args);
	size_t len = strlen(text), head = TEXT_HEAD, tail = len - TEXT_TAIL;

	if (len <= TEXT_HEAD + TEXT_TAIL)
		return text;
	while (head && is_continuation(text[head]))
		head--;
	while (tail < len && is_continuation(text[tail]))
		tail++;
	return arena_printf(arena, "%.*s … %s", (int)head, text, text + tail);
}

static struct srcpos position(const struct srcpos *pos)
{
	return pos ? *pos : (struct srcpos){.file = SRC_NONE};
}

/*
 * A message's arguments may be of the file's text. Of a file that must not be told, the check speaks for itself. The name
 * of what is not there is of our vocabulary.
 */
static bool is_hidden(const struct diag *diag, enum check_id check, const struct srcpos *pos, const char *format)
{
	return check != CHECK_MISSING_KEY && pos && pos->file != SRC_NONE &&
	       !source_shown(diag->sources, pos->file) && strchr(format, '%');
}

struct diag_item *diag_vreport(struct diag *diag, enum check_id check, const struct srcpos *pos, const char *format,
			       va_list args)
{
	enum severity severity = diag->severities[check];
	struct diag_item *item;

	if (severity == SEVERITY_OFF)
		return NULL;
	if (diag->kept[severity] == DIAG_MAX_KEPT) {
		diag->dropped[severity]++;
		return NULL;
	}
	item = arena_alloc(diag->arena, sizeof(*item));
	*item = (struct diag_item){.check = check, .severity = severity, .pos = position(pos)};
	item->text = is_hidden(diag, check, pos, format) ? check_rows[check].help
							 : bounded_text(diag->arena, format, args);
	item->notes_end = &item->notes;
	diag->items = arena_grow(diag->arena, diag->items, &diag->cap, diag->count + 1, sizeof(struct diag_item *));
	diag->items[diag->count++] = item;
	diag->kept[severity]++;
	diag->settled = false;
	return item;
}

struct diag_item *diag_report(struct diag *diag, enum check_id check, const struct srcpos *pos, const char *format,
			      ...)
{
	struct diag_item *item;
	va_list args;

	va_start(args, format);
	item = diag_vreport(diag, check, pos, format, args);
	va_end(args);
	return item;
}

void diag_note(struct diag *diag, struct diag_item *item, const struct srcpos *pos, const char *format, ...)
{
	struct diag_note *note;
	va_list args;

	if (!item || is_hidden(diag, item->check, &item->pos, format) || is_hidden(diag, item->check, pos, format))
		return;
	note = arena_alloc(diag->arena, sizeof(*note));
	note->pos = position(pos);
	va_start(args, format);
	note->text = bounded_text(diag->arena, format, args);
	va_end(args);
	*item->notes_end = note;
	item->notes_end = &note->next;
}

static int by_number(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* Position first; then by rule and text, so that the order does not depend on the order of the checks' running. */
static int compare_items(const void *pa, const void *pb)
{
	const struct diag_item *a = *(struct diag_item *const *)pa, *b = *(struct diag_item *const *)pb;
	const int order[] = {
		by_number(a->pos.file, b->pos.file),       by_number(a->pos.line, b->pos.line),
		by_number(a->pos.col, b->pos.col),         by_number(a->pos.end_line, b->pos.end_line),
		by_number(a->pos.end_col, b->pos.end_col), by_number(a->check, b->check),
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i])
			return order[i];
	}
	return strcmp(a->text, b->text);
}

void diag_settle(struct diag *diag)
{
	size_t kept = 0;

	if (diag->settled)
		return;
	qsort(diag->items, diag->count, sizeof(struct diag_item *), compare_items);
	for (size_t i = 0; i < diag->count; i++) {
		struct diag_item *item = diag->items[i];

		if (!kept || compare_items(&item, &diag->items[kept - 1]))
			diag->items[kept++] = item;
		else
			diag->kept[item->severity]--;
	}
	diag->count = kept;
	diag->settled = true;
}

void diag_show(struct diag *diag, enum severity least)
{
	diag->least = least;
}

size_t diag_count(const struct diag *diag, enum severity severity)
{
	/* The promise of const is about what was reported; settling changes its representation only. */
	diag_settle((struct diag *)diag);
	return diag->kept[severity] + diag->dropped[severity];
}

#define NEAREST_MAX 64 /* longer words are not misspelt names */

static int folded(char c)
{
	return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein (adjacent transposition costs 1); letters in either case and - _ are the same. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t rows[3][NEAREST_MAX + 1], *above = rows[0], *before = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		before[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = above;

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t other = folded(a[i - 1]) != folded(b[j - 1]);

			row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + other);
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]))
				row[j] = least(row[j], above[j - 2] + 1);
		}
		above = before;
		before = row;
		row = spare;
	}
	return before[nb];
}

const char *diag_nearest(const char *word, const char *const *words)
{
	size_t len = strlen(word), limit = len < 6 ? 1 : len / 3, best = 2 * (limit + 1);
	const char *nearest = NULL;

	if (!len || len > NEAREST_MAX)
		return NULL;
	for (; *words; words++) {
		size_t other = strlen(*words), distance, score;

		if (other > NEAREST_MAX)
			continue;
		distance = edit_distance(word, len, *words, other);
		/* of two equally near the one of the same length: letters are swapped more often than lost */
		score = 2 * distance + (other != len);
		/* a distance as long as the word means that nothing of it is left */
		if (score < best && distance < len && distance < other) {
			best = score;
			nearest = *words;
		}
	}
	return nearest;
}

void diag_suggest(struct diag *diag, struct diag_item *item, const char *word, const char *const *words)
{
	const char *near = diag_nearest(word, words);
	char known[160] = "";
	size_t len = 0;

	for (size_t i = 0; !near && words[i] && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "", words[i]);
	if (near)
		diag_note(diag, item, NULL, "did you mean \"%s\"?", near);
	else if (len && len < sizeof(known))
		diag_note(diag, item, NULL, "known here: %s", known);
}
