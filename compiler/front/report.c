/* SPDX-License-Identifier: MIT */
/* Diagnostics as text: message, source line, caret, notes. JSON and SARIF are in report_json.c. */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag_item.h"
#include "source.h"
#include "utf8.h"

#define MAX_SHOWN 100
#define PROGRAM   "llc-policy"

/* Of a long source line, this many bytes before and after the reported place are shown. */
#define LINE_BEFORE 80
#define LINE_AFTER  80

struct text {
	struct arena *arena;
	char *bytes;
	size_t len, cap;
};

static void put(struct text *t, const char *bytes, size_t len)
{
	t->bytes = arena_grow(t->arena, t->bytes, &t->cap, t->len + len + 1, 1);
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

static void put_string(struct text *t, const char *string)
{
	put(t, string, strlen(string));
}

static void put_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_format(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_string(t, arena_vprintf(t->arena, format, args));
	va_end(args);
}

static void put_times(struct text *t, char c, size_t n)
{
	while (n--)
		put(t, &c, 1);
}

/* One character of the input as a terminal may show it. Returns the bytes taken; columns and bytes of its picture. */
static size_t picture(const char *from, size_t len, char out[16], size_t *out_len, size_t *columns)
{
	uint32_t code;
	size_t n = utf8_decode(from, len, &code);

	if (n && utf8_printable(code)) {
		memcpy(out, from, n);
		*out_len = n;
		*columns = utf8_width(code);
		return n;
	}
	if (n > 1)
		*out_len = (size_t)snprintf(out, 16, "\\u{%X}", (unsigned)code);
	else
		*out_len = (size_t)snprintf(out, 16, "\\x%02X", (unsigned)(unsigned char)*from);
	*columns = *out_len;
	return n ? n : 1;
}

static void put_printable(struct text *t, const char *from, size_t len)
{
	while (len) {
		char out[16];
		size_t out_len, columns, n = picture(from, len, out, &out_len, &columns);

		put(t, out, out_len);
		from += n;
		len -= n;
	}
}

char *report_printable(struct arena *arena, const char *text, size_t len)
{
	struct text t = {.arena = arena};

	put(&t, "", 0);
	put_printable(&t, text, len);
	return t.bytes;
}

static bool inside_character(const char *line, size_t len, size_t at)
{
	return at < len && ((unsigned char)line[at] & 0xc0) == 0x80;
}

/* The part of the line that is shown, around the bytes [from, to). */
static void window(const char *line, size_t len, size_t from, size_t *start, size_t *end)
{
	*start = from > LINE_BEFORE && len > LINE_BEFORE + LINE_AFTER ? from - LINE_BEFORE : 0;
	*end = len - *start > LINE_BEFORE + LINE_AFTER ? *start + LINE_BEFORE + LINE_AFTER : len;
	/* at most three continuation bytes make a character; more of them are garbage that may be cut anywhere */
	for (int i = 0; i < 3 && *start && inside_character(line, len, *start); i++)
		--*start;
	for (int i = 0; i < 3 && inside_character(line, len, *end); i++)
		++*end;
}

/* Marks below one character: a caret where the range begins, ~ along it, blanks before it. */
static void put_marks(struct text *marks, bool first, bool within, char c, size_t columns)
{
	if (first) {
		put_string(marks, "^");
		put_times(marks, '~', columns ? columns - 1 : 0);
	} else if (c == '\t' && !within) {
		put_string(marks, "\t");
	} else {
		put_times(marks, within ? '~' : ' ', columns);
	}
}

/* The source line and below it the caret line. Both are made in one walk, so that they cannot differ in width: what is
 * a tab above is a tab below, what is shown as an escape has a mark of the escape's width. */
static void put_excerpt(struct text *t, const struct sources *sources, const struct srcpos *pos)
{
	struct text marks = {.arena = t->arena};
	size_t len, from, to, start, end, n;
	const char *line = source_line(sources, pos->file, pos->line, &len);

	if (!line)
		return;
	from = pos->col ? pos->col - 1 : 0;
	from = from < len ? from : len;
	to = pos->end_line > pos->line ? len : pos->end_col ? pos->end_col - 1 : 0;
	window(line, len, from, &start, &end);
	put_string(t, start ? "  …" : "  ");
	put_string(&marks, start ? "   " : "  ");
	for (size_t at = start; at < end; at += n) {
		bool first = at <= from && from < end;
		char out[16] = "\t";
		size_t out_len = 1, columns = 1;

		n = line[at] == '\t' ? 1 : picture(line + at, end - at, out, &out_len, &columns);
		put(t, out, out_len);
		first = first && at + n > from;
		if (first || at < from || at < to)
			put_marks(&marks, first, at >= from && at < to, line[at], columns);
	}
	put_string(t, end < len ? "…\n" : "\n");
	if (from >= end)
		put_string(&marks, "^");
	put(t, marks.bytes, marks.len);
	put_string(t, "\n");
}

const char *report_severity(enum severity severity)
{
	static const char *const names[] = {
		[SEVERITY_OFF] = "none",
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return names[severity];
}

static void put_line(struct text *t, const struct sources *sources, const struct srcpos *pos, const char *severity,
		     const char *message, const char *check)
{
	const char *name = source_name(sources, pos->file);

	put_printable(t, name ? name : PROGRAM, strlen(name ? name : PROGRAM));
	if (name)
		put_format(t, ":%u:%u", pos->line, pos->col);
	put_format(t, ": %s: ", severity);
	put_printable(t, message, strlen(message));
	if (check)
		put_format(t, " [%s]", check);
	put_string(t, "\n");
}

static void put_message(struct text *t, const struct sources *sources, const struct srcpos *pos, const char *severity,
			const char *message, const char *check)
{
	put_line(t, sources, pos, severity, message, check);
	if (source_shown(sources, pos->file))
		put_excerpt(t, sources, pos);
}

static void put_item(struct text *t, const struct sources *sources, const struct diag_item *item)
{
	put_message(t, sources, &item->pos, report_severity(item->severity), item->text,
		    check_rows[item->check].name);
	if (source_name(sources, item->pos.file) && !source_shown(sources, item->pos.file))
		put_line(t, sources, &item->pos, report_severity(SEVERITY_NOTE),
			 "no excerpt: this does not begin like a policy, with version = 1", NULL);
	/* a note without a place of its own belongs to the item's, whose line was just shown */
	for (const struct diag_note *note = item->notes; note; note = note->next)
		if (note->pos.file == SRC_NONE)
			put_line(t, sources, &item->pos, report_severity(SEVERITY_NOTE), note->text, NULL);
		else
			put_message(t, sources, &note->pos, report_severity(SEVERITY_NOTE), note->text, NULL);
}

/* How many of each severity are shown: errors must not be crowded out by warnings that stand before them. */
static void share_places(const struct diag *diag, size_t places[SEVERITY_ERROR + 1])
{
	size_t left = MAX_SHOWN;

	for (int s = SEVERITY_ERROR; s > SEVERITY_OFF; s--) {
		size_t n = s < (int)diag->least ? 0 : diag_count(diag, (enum severity)s);

		places[s] = n < left ? n : left;
		left -= places[s];
	}
}

static void put_summary(struct text *t, const struct diag *diag, size_t shown)
{
	const char *separator = "";
	bool hidden = false;
	size_t total = 0;

	for (int s = SEVERITY_ERROR; s > SEVERITY_OFF && s >= (int)diag->least; s--)
		total += diag_count(diag, (enum severity)s);
	if (total > shown)
		put_format(t, "… and %zu more\n", total - shown);
	for (int s = SEVERITY_ERROR; s > SEVERITY_OFF; s--) {
		size_t n = diag_count(diag, (enum severity)s);

		if (!n)
			continue;
		if (s < (int)diag->least && !hidden && *separator)
			separator = "; ";
		hidden = s < (int)diag->least;
		put_format(t, "%s%zu %s%s", separator, n, report_severity((enum severity)s), n == 1 ? "" : "s");
		separator = ", ";
	}
	if (hidden)
		put_string(t, " not shown: llc-policy lint prints them");
	put_string(t, *separator ? "\n" : "");
}

char *diag_text(struct diag *diag)
{
	struct text t = {.arena = diag->arena};
	size_t places[SEVERITY_ERROR + 1], shown = 0;

	diag_settle(diag);
	share_places(diag, places);
	put(&t, "", 0);
	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_item *item = diag->items[i];

		if (!places[item->severity])
			continue;
		places[item->severity]--;
		put_item(&t, diag->sources, item);
		shown++;
	}
	put_summary(&t, diag, shown);
	return t.bytes;
}

void diag_print(struct diag *diag, enum report_format format, FILE *out)
{
	switch (format) {
	case REPORT_TEXT:
		fputs(diag_text(diag), out);
		break;
	case REPORT_JSON:
		report_json(diag, out);
		break;
	case REPORT_SARIF:
		report_sarif(diag, out);
		break;
	}
}
