/* SPDX-License-Identifier: MIT */
/*
 * closure [--sysroot DIR] [--path DIRS] [--library-path DIRS] [--cwd DIR] [--machine EM] [--time] PROGRAM...
 * One line per fact, words between tabs:
 *   KIND RIGHTS REAL NAMES NEEDED_BY VARIANT	(names between blanks)
 *   missing NAME NEEDED_BY WHY
 *   warning TEXT
 * Exit status: 0, 1 (incomplete), 126, 127; 2 usage.
 */
#include "elfdeps.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "text.h"

static void word(const char *text, char end)
{
	put_text(stdout, text ? text : "-");
	putchar(end);
}

static void print(const struct closure *closure)
{
	for (size_t i = 0; i < closure->nentries; i++) {
		const struct closure_entry *e = &closure->entries[i];

		word(closure_kind_names[e->kind], '\t');
		word(e->rights & CLOSURE_EXECUTE ? "rx" : "r", '\t');
		word(e->real, '\t');
		for (size_t n = 0; n < e->nnames; n++)
			word(e->names[n], n + 1 < e->nnames ? ' ' : '\t');
		word(e->needed_by, '\t');
		word(e->variant, '\n');
	}
	for (size_t i = 0; i < closure->nmissing; i++) {
		word("missing", '\t');
		word(closure->missing[i].name, '\t');
		word(closure->missing[i].needed_by, '\t');
		word(closure->missing[i].why, '\n');
	}
	for (size_t i = 0; i < closure->nwarnings; i++) {
		word("warning", '\t');
		word(closure->warnings[i], '\n');
	}
}

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"sysroot", required_argument, NULL, 's'},
		{"path", required_argument, NULL, 'p'},
		{"library-path", required_argument, NULL, 'l'},
		{"cwd", required_argument, NULL, 'c'},
		{"machine", required_argument, NULL, 'm'},
		{"time", no_argument, NULL, 't'},
		{0},
	};
	static const int statuses[] = {[CLOSURE_OK] = 0,
				       [CLOSURE_INCOMPLETE] = 1,
				       [CLOSURE_NOT_EXECUTABLE] = 126,
				       [CLOSURE_NOT_FOUND] = 127};
	struct closure_options options = {.path = getenv("PATH")};
	struct arena *arena = arena_create();
	enum closure_status worst = CLOSURE_OK;
	struct closure *closure;
	int option, timed = 0;
	double begin;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.sysroot = optarg;
			break;
		case 'p':
			options.path = optarg;
			break;
		case 'l':
			options.library_path = optarg;
			break;
		case 'c':
			options.cwd = optarg;
			break;
		case 'm':
			options.machine = (uint16_t)atoi(optarg);
			break;
		case 't':
			timed = 1;
			break;
		default:
			return 2;
		}
	}
	begin = milliseconds();
	closure = closure_create(arena, &options);
	for (; optind < argc; optind++) {
		enum closure_status status = closure_add(closure, argv[optind]);

		worst = status > worst ? status : worst;
	}
	closure_close(closure);
	if (timed)
		printf("time\t%.2f\t%zu\n", milliseconds() - begin, closure->nentries);
	else
		print(closure);
	arena_destroy(&arena);
	return statuses[worst];
}
