/* SPDX-License-Identifier: MIT */
/* Differences as text, JSON and SARIF 2.1.0. */
#include <stdlib.h>

#include "access.h"
#include "arena.h"
#include "diag.h"
#include "diff.h"
#include "text.h"
#include "version.h"

/* "ABI 0-11", "ABI 3, 5-7" */
static const char *rows_text(struct arena *arena, uint32_t rows)
{
	const char *text = "ABI ";

	for (unsigned row = 0; row < ABI_ROWS; row++) {
		unsigned last = row;

		if (!(rows >> row & 1))
			continue;
		while (last + 1 < ABI_ROWS && rows >> (last + 1) & 1)
			last++;
		text = arena_printf(arena, "%s%s%u", text, text[4] ? ", " : "", row);
		if (last > row)
			text = arena_printf(arena, "%s-%u", text, last);
		row = last;
	}
	return text;
}

static const char *policy_name(const struct blob *blob)
{
	const char *name = blob_str(blob, blob->meta->name);

	return *name ? name : blob_str(blob, blob->meta->source);
}

void diff_print(FILE *out, const struct diff *diff)
{
	if (!diff->count)
		fputs("the same: nothing widened, narrowed or changed\n", out);
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_item *item = &diff->items[i];

		fprintf(out, "%-8s %-8s ", diff_way_names[item->way], item->area);
		put_text(out, item->text);
		fprintf(out, "  [%s]", rows_text(diff->arena, item->rows));
		if (item->file) {
			fputs("  (", out);
			put_text(out, item->file);
			fprintf(out, ":%u)", item->line);
		}
		fputc('\n', out);
	}
}

/* jansson answers NULL only when memory is exhausted: json_text() makes any bytes UTF-8. */
static json_t *must(json_t *json)
{
	if (!json)
		abort();
	return json;
}

static void write_out(FILE *out, json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

	if (!text)
		abort();
	fprintf(out, "%s\n", text);
	free(text);
	json_decref(json);
}

void diff_json(FILE *out, const struct diff *diff)
{
	json_t *items = must(json_array());
	size_t counts[DIFF_WAYS] = {0};

	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_item *item = &diff->items[i];
		json_t *abis = must(json_array());

		for (unsigned row = 0; row < ABI_ROWS; row++)
			if (item->rows >> row & 1)
				json_append(abis, json_integer(row));
		counts[item->way]++;
		json_t *json = must(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "way", diff_way_names[item->way],
					      "area", item->area, "text", must(json_text(item->text)), "abis", abis,
					      "file", item->file ? must(json_text(item->file)) : json_null(), "line",
					      item->file ? must(json_integer(item->line)) : json_null()));
		if (item->path)
			json_object_set_new(json, "path", must(json_text(item->path)));
		json_append(items, json);
	}
	write_out(out,
		  must(json_pack("{s:o, s:o, s:I, s:I, s:I, s:o}", "old", must(json_text(policy_name(diff->old))),
				 "new", must(json_text(policy_name(diff->new))), "widened",
				 (json_int_t)counts[DIFF_WIDENED], "narrowed", (json_int_t)counts[DIFF_NARROWED],
				 "changed", (json_int_t)counts[DIFF_CHANGED], "items", items)));
}

static json_t *sarif_result(const struct diff *diff, const struct diff_item *item)
{
	static const char *const levels[DIFF_WAYS] = {"warning", "note", "note"};
	const char *text =
		arena_printf(diff->arena, "%s: %s [%s]", item->area, item->text, rows_text(diff->arena, item->rows));
	const char *file = item->file ? item->file : blob_str(diff->new, diff->new->meta->source);
	json_t *result = must(json_pack("{s:s, s:s, s:{s:o}}", "ruleId", diff_way_names[item->way], "level",
					levels[item->way], "message", "text", must(json_text(text))));

	/* section 3.27.12: a result has locations only where there is a file */
	if (*file && json_object_set_new(result, "locations",
					 json_pack("[{s:{s:{s:o}, s:{s:I}}}]", "physicalLocation", "artifactLocation",
						   "uri", must(json_string(report_uri(diff->arena, file))), "region",
						   "startLine", (json_int_t)(item->file ? item->line : 1))))
		abort();
	return result;
}

void diff_sarif(FILE *out, const struct diff *diff)
{
	json_t *results = must(json_array()), *rules = must(json_array());

	for (unsigned way = 0; way < DIFF_WAYS; way++)
		json_append(rules, json_pack("{s:s}", "id", diff_way_names[way]));
	for (size_t i = 0; i < diff->count; i++)
		json_append(results, sarif_result(diff, &diff->items[i]));
	write_out(out, must(json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:o}]}", "$schema",
				      "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
				      "tool", "driver", "name", "llc-policy", "version", LLC_VERSION, "rules", rules,
				      "results", results)));
}
