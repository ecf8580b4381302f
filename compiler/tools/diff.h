/* SPDX-License-Identifier: MIT */
/*
 * What one compiled policy permits and another does not, by operation, for every Landlock ABI. Each mechanism is
 * compared by itself and completely: a right that Landlock newly grants counts even where a filter still denies the
 * call. Paths are compared as written, slots as unknown places, any of which may lie beneath any other path.
 */
#ifndef COMPILER_DIFF_H
#define COMPILER_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "blob.h"

struct arena;

enum diff_way { DIFF_WIDENED, DIFF_NARROWED, DIFF_CHANGED, DIFF_WAYS };
extern const char *const diff_way_names[DIFF_WAYS];

struct diff_item {
	enum diff_way way;
	const char *area; /* fs, net, scope, syscall, env, process, slot, plan, … */
	const char *text;
	uint32_t rows; /* bit n: so on Landlock ABI n */
	const char *
		file; /* where the policy says so: the new one's place if widened, the old one's if narrowed; or NULL */
	uint32_t line;
	/* what the text says, for programs */
	const char *path; /* fs: the path, and all that is beneath it; or NULL */
	uint64_t rights; /* fs, net, scope: bits */
	uint32_t first_port, last_port; /* net */
};

struct diff {
	struct arena *arena;
	const struct blob *old, *new;
	struct diff_item *items;
	size_t count, cap;
};

/* Fill diff->items, sorted by way, then as found. Memory belongs to the arena. */
void diff_blobs(struct diff *diff);

/* ---- for the parts of it ---- */

/* The same text in the same area and way becomes one item with more rows, among the items from `first` on. */
void diff_add(struct diff *diff, size_t first, struct diff_item item);
/* Rows that both would run; a row that only one of them has or runs is an item of its own (diff_settings.c). */
uint32_t diff_common_rows(const struct diff *diff);
/* The plan of a blob for Landlock ABI `row`, as llrun chooses it. */
uint32_t diff_plan(const struct blob *blob, uint32_t row);
/* Source position of a record by its number in the source map: paths, ports, slots in that order. */
void diff_place(const struct blob *blob, uint32_t record, struct diff_item *item);

void diff_files(struct diff *diff);
void diff_ports(struct diff *diff);
void diff_calls(struct diff *diff);
void diff_settings(struct diff *diff);
void diff_supervised(struct diff *diff);

/* "read_file, write_file": names of rights by `name`, in the arena. */
const char *diff_rights(const struct diff *diff, uint64_t rights, const char *(*name)(unsigned bit));

/* Reports. */
void diff_print(FILE *out, const struct diff *diff);
void diff_json(FILE *out, const struct diff *diff);
void diff_sarif(FILE *out, const struct diff *diff);

#endif
