/* SPDX-License-Identifier: MIT */
/* Diagnostics as JSON and as SARIF 2.1.0 (OASIS; the section numbers below are of that standard). Both are complete:
 * what the text form cuts after its first hundred stands here. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag_item.h"
#include "source.h"
#include "utf8.h"
#include "version.h"

/* jansson answers NULL when memory is exhausted, and json_pack() also for text that is not UTF-8. The text was made
 * printable before, so NULL is memory; a report that silently lacks a finding must not be written. */
static json_t *must(json_t *json)
{
	if (!json) {
		fputs("llc-policy: out of memory for the report\n", stderr);
		abort();
	}
	return json;
}

static const char *printable(const struct diag *diag, const char *text)
{
	return report_printable(diag->arena, text, strlen(text));
}

static void append(json_t *array, json_t *item)
{
	if (json_array_append_new(array, item))
		must(NULL);
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		must(NULL);
}

static void write_out(json_t *json, FILE *out)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (!text)
		must(NULL);
	fputs(text, out);
	fputc('\n', out);
	free(text);
	json_decref(json);
}

static json_t *json_place(const struct diag *diag, const char *text, const struct srcpos *pos)
{
	const char *name = source_name(diag->sources, pos->file);

	if (!name)
		return must(json_pack("{s:s, s:n, s:n, s:n, s:n, s:n}", "message", printable(diag, text), "file",
				      "line", "column", "endLine", "endColumn"));
	return must(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "message", printable(diag, text), "file",
			      printable(diag, name), "line", (json_int_t)pos->line, "column", (json_int_t)pos->col,
			      "endLine", (json_int_t)pos->end_line, "endColumn", (json_int_t)pos->end_col));
}

static json_t *json_item(const struct diag *diag, const struct diag_item *item)
{
	json_t *notes = must(json_array());
	json_t *json = must(json_pack("{s:s, s:s}", "check", check_rows[item->check].name, "severity",
				      report_severity(item->severity)));
	json_t *place = json_place(diag, item->text, &item->pos);

	for (const struct diag_note *note = item->notes; note; note = note->next)
		append(notes, json_place(diag, note->text, &note->pos));
	if (json_object_update(json, place))
		must(NULL);
	json_decref(place);
	set(json, "notes", notes);
	return json;
}

void report_json(struct diag *diag, FILE *out)
{
	json_t *items = must(json_array());
	size_t dropped = 0;
	json_t *json;

	diag_settle(diag);
	for (size_t i = 0; i < diag->count; i++)
		append(items, json_item(diag, diag->items[i]));
	json = must(json_pack("{s:o, s:I, s:I}", "diagnostics", items, "errors",
			      (json_int_t)diag_count(diag, SEVERITY_ERROR), "warnings",
			      (json_int_t)diag_count(diag, SEVERITY_WARNING)));
	for (int s = SEVERITY_NOTE; s <= SEVERITY_ERROR; s++)
		dropped += diag->dropped[s];
	if (dropped)
		set(json, "omitted", must(json_integer((json_int_t)dropped)));
	write_out(json, out);
}

char *report_uri(struct arena *arena, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *uri = arena_alloc(arena, strlen("file://") + 3 * strlen(name) + 1), *p = uri;

	if (*name == '/')
		p += sprintf(p, "file://");
	for (; *name; name++) {
		if (strchr(plain, *name))
			*p++ = *name;
		else
			p += sprintf(p, "%%%02X", (unsigned)(unsigned char)*name);
	}
	return uri;
}

/* SARIF counts columns in characters (columnKind below), we count bytes. */
static uint32_t character_column(const struct sources *sources, uint32_t file, uint32_t line, uint32_t col)
{
	size_t len, n;
	const char *text = source_line(sources, file, line, &len);
	uint32_t column = 1;

	if (!text)
		return col ? col : 1;
	for (size_t at = 0; at + 1 < col && at < len; at += n, column++) {
		uint32_t code;

		n = utf8_decode(text + at, len - at, &code);
		n = n ? n : 1;
	}
	return column;
}

static json_t *sarif_location(const struct diag *diag, const struct srcpos *pos)
{
	const char *name = source_name(diag->sources, pos->file);
	uint32_t end_line = pos->end_line > pos->line ? pos->end_line : pos->line;
	uint32_t start = character_column(diag->sources, pos->file, pos->line, pos->col);
	uint32_t end = character_column(diag->sources, pos->file, end_line, pos->end_col);

	return must(json_pack("{s:{s:{s:s}, s:{s:I, s:I, s:I, s:I}}}", "physicalLocation", "artifactLocation", "uri",
			      report_uri(diag->arena, name), "region", "startLine", (json_int_t)pos->line,
			      "startColumn", (json_int_t)start, "endLine", (json_int_t)end_line, "endColumn",
			      (json_int_t)(end_line == pos->line && end < start ? start : end)));
}

static bool has_place(const struct diag *diag, const struct srcpos *pos)
{
	return pos->line && source_name(diag->sources, pos->file);
}

static json_t *sarif_message(const struct diag *diag, const char *text)
{
	return must(json_pack("{s:s}", "text", printable(diag, text)));
}

/* A note without a place cannot be a related location (3.34 wants one): its text joins the message. */
static json_t *sarif_result_message(const struct diag *diag, const struct diag_item *item)
{
	const char *text = item->text;

	for (const struct diag_note *note = item->notes; note; note = note->next) {
		if (!has_place(diag, &note->pos))
			text = arena_printf(diag->arena, "%s; %s", text, note->text);
	}
	return sarif_message(diag, text);
}

static json_t *sarif_result(const struct diag *diag, const struct diag_item *item)
{
	json_t *locations = must(json_array()), *related = must(json_array()), *result;

	if (has_place(diag, &item->pos))
		append(locations, sarif_location(diag, &item->pos));
	for (const struct diag_note *note = item->notes; note; note = note->next) {
		json_t *location;

		if (!has_place(diag, &note->pos))
			continue;
		location = sarif_location(diag, &note->pos);
		set(location, "message", sarif_message(diag, note->text));
		append(related, location);
	}
	result = must(json_pack("{s:s, s:I, s:s, s:o, s:o}", "ruleId", check_rows[item->check].name, "ruleIndex",
				(json_int_t)item->check, "level", report_severity(item->severity), "message",
				sarif_result_message(diag, item), "locations", locations));
	if (json_array_size(related))
		set(result, "relatedLocations", related);
	else
		json_decref(related);
	return result;
}

static json_t *sarif_rules(void)
{
	json_t *rules = must(json_array());

	for (unsigned i = 0; i < CHECKS; i++) {
		const struct check_row *row = &check_rows[i];

		append(rules,
		       must(json_pack("{s:s, s:{s:s}, s:{s:s, s:b}}", "id", row->name, "shortDescription", "text",
				      row->help, "defaultConfiguration", "level", report_severity(row->severity),
				      "enabled", row->severity != SEVERITY_OFF)));
	}
	return rules;
}

void report_sarif(struct diag *diag, FILE *out)
{
	json_t *results = must(json_array());

	diag_settle(diag);
	for (size_t i = 0; i < diag->count; i++)
		append(results, sarif_result(diag, diag->items[i]));
	write_out(
		must(json_pack(
			"{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:s, s:o}]}", "$schema",
			"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
			"version", "2.1.0", "runs", "tool", "driver", "name", "llc-policy", "version", LLC_VERSION,
			"rules", sarif_rules(), "columnKind", "unicodeCodePoints", "results", results)),
		out);
}
