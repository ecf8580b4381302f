/* SPDX-License-Identifier: MIT */
/* llc-policy diff: two policies compared by what they permit; the parts are in diff_*.c. */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "arena.h"
#include "compile.h"
#include "inspect.h"
#include "load.h"
#include "options.h"
#include "text.h"
#include "tools.h"

const char *const diff_way_names[DIFF_WAYS] = {"widened", "narrowed", "changed"};

/* ---- for the parts ---- */

void diff_add(struct diff *diff, size_t first, struct diff_item item)
{
	for (size_t i = first; i < diff->count; i++)
		if (diff->items[i].way == item.way && !strcmp(diff->items[i].area, item.area) &&
		    !strcmp(diff->items[i].text, item.text)) {
			diff->items[i].rows |= item.rows;
			return;
		}
	diff->items = arena_grow(diff->arena, diff->items, &diff->cap, diff->count + 1, sizeof(*diff->items));
	diff->items[diff->count++] = item;
}

uint32_t diff_plan(const struct blob *blob, uint32_t row)
{
	return row < newest_plan(blob) ? row : newest_plan(blob);
}

uint32_t diff_common_rows(const struct diff *diff)
{
	uint32_t rows = 0;

	for (uint32_t row = 0; row < ABI_ROWS; row++)
		if (!((diff->old->plans[diff_plan(diff->old, row)].flags |
		       diff->new->plans[diff_plan(diff->new, row)].flags) &
		      LLPB_PLAN_REFUSE))
			rows |= UINT32_C(1) << row;
	return rows;
}

void diff_place(const struct blob *blob, uint32_t record, struct diff_item *item)
{
	if (!blob->source || !*blob_str(blob, blob->source[record].file))
		return;
	item->file = blob_str(blob, blob->source[record].file);
	item->line = blob->source[record].line;
}

const char *diff_rights(const struct diff *diff, uint64_t rights, const char *(*name)(unsigned bit))
{
	const char *text = "";

	for (unsigned bit = 0; bit < 64; bit++)
		if (rights >> bit & 1)
			text = arena_printf(diff->arena, "%s%s%s", text, *text ? ", " : "",
					    name(bit) ? name(bit) : "an unknown right");
	return text;
}

static int compare_items(const void *a, const void *b)
{
	const struct diff_item *one = *(const struct diff_item *const *)a, *two = *(const struct diff_item *const *)b;

	if (one->way != two->way)
		return one->way < two->way ? -1 : 1;
	return one < two ? -1 : one > two;
}

void diff_blobs(struct diff *diff)
{
	const struct diff_item **order;
	struct diff_item *sorted;

	diff_settings(diff);
	diff_files(diff);
	diff_ports(diff);
	diff_calls(diff);
	diff_supervised(diff);
	order = arena_alloc(diff->arena, (diff->count + 1) * sizeof(const struct diff_item *));
	sorted = arena_alloc(diff->arena, (diff->count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < diff->count; i++)
		order[i] = &diff->items[i];
	qsort(order, diff->count, sizeof(const struct diff_item *), compare_items);
	for (size_t i = 0; i < diff->count; i++)
		sorted[i] = *order[i];
	diff->items = sorted;
}

/* ---- the command ---- */

struct settings {
	enum report_format format;
	bool fail_on[DIFF_WAYS];
};

static bool set_fail_on(struct settings *s, const char *words)
{
	static const char *const names[DIFF_WAYS] = {"widen", "narrow", "change"};

	for (const char *at = words;; at++) {
		size_t len = strcspn(at, ","), way = 0;

		while (way < DIFF_WAYS && (strlen(names[way]) != len || strncmp(at, names[way], len)))
			way++;
		if (way == DIFF_WAYS) {
			say(stderr, "llc-policy diff: --fail-on %s: widen, narrow, change, or several with commas",
			    words);
			return false;
		}
		s->fail_on[way] = true;
		at += len;
		if (!*at)
			return true;
	}
}

static int take_options(struct settings *s, struct options *opts)
{
	enum option_id opt;

	while ((opt = options_next(opts)) != OPT_END) {
		if (opt == OPT_FORMAT) {
			if (!report_format_named("diff", opts->value, &s->format))
				return 2;
		} else if (opt == OPT_FAIL_ON) {
			if (!set_fail_on(s, opts->value))
				return 2;
		} else {
			return options_fail(opts, opt);
		}
	}
	if (opts->argc - opts->index != 2) {
		fputs("llc-policy diff: the old policy and the new one, please; see llc-policy diff --help\n",
		      stderr);
		return 2;
	}
	return -1;
}

static int compare(const struct settings *s, const struct blob *old, const struct blob *new)
{
	static void (*const print[])(FILE *, const struct diff *) = {
		[REPORT_TEXT] = diff_print, [REPORT_JSON] = diff_json, [REPORT_SARIF] = diff_sarif};
	struct diff diff = {.arena = arena_create(), .old = old, .new = new};
	int status = 0;

	diff_blobs(&diff);
	print[s->format](stdout, &diff);
	for (size_t i = 0; i < diff.count; i++)
		if (s->fail_on[diff.items[i].way])
			status = 1;
	arena_destroy(&diff.arena);
	if (fflush(stdout)) {
		perror("llc-policy diff: standard output");
		return 2;
	}
	return status;
}

int cmd_diff(int argc, char **argv)
{
	struct settings s = {.format = REPORT_TEXT};
	struct blob_file old, new;
	struct options opts;
	int status;

	options_begin(&opts, CMD_DIFF, argc, argv);
	status = take_options(&s, &opts);
	if (status >= 0)
		return status;
	/* what cannot be read widens nothing and proves nothing: 2, never 0 or 1 */
	if (!policy_load(&old, "diff", opts.argv[opts.index]))
		return 2;
	if (!policy_load(&new, "diff", opts.argv[opts.index + 1])) {
		blob_unload(&old);
		return 2;
	}
	status = compare(&s, &old.blob, &new.blob);
	blob_unload(&old);
	blob_unload(&new);
	return status;
}
