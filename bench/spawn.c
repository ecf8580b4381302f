/* SPDX-License-Identifier: MIT */
/*
 * How long does it take to start a program? Runs every command of a plan once per round, in an order shuffled anew
 * each round, so that a slow phase of the machine hits all of them alike, and prints rows of the benchmark's table.
 *
 *   spawn [-n ROUNDS] [-w WARMUP] [-r RUNS] [-c CPU] [-p PAUSE] [-d DETAIL] PLAN
 *
 * PAUSE: microseconds before every command, so that what a daemon puts off until its client has gone is nobody's time.
 *
 * PLAN, line by line ('#' begins a comment, single quotes keep an argument together):
 *   cmd NAME[/EVERY] ARGV...             run once per round, or once every EVERY rounds
 *   ratio TITLE | A[-B] / C[-D] | TARGET paired: the quotient is taken within a round
 *   ms TITLE | A | TARGET                milliseconds
 *   us TITLE | A[-B] | TARGET            microseconds
 *   kib TITLE | A | TARGET               peak resident memory
 * TARGET is "<= 1.08", ">= 8" or "-". argv[0] "@hand" and "@enter" are in-process launchers (embed.c).
 *
 * A measured figure is the median over the rounds of a run; the row shows the worst run, then every run, then the
 * figure made of the minima of all runs. A command that fails once is not run again: its rows say so and the exit
 * status is 1. Commands a row names but the plan lacks (a peer that is not installed) make the row "not measured".
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "embed.h"

enum { MAX_COMMANDS = 64, MAX_ROWS = 64, MAX_ARGS = 64, MAX_RUNS = 16, TERMS = 4 };

struct command {
	const char *name;
	char *argv[MAX_ARGS + 1];
	unsigned every;
	const struct embed *embed;
	double *us; /* [run * rounds + round]; NAN where it did not run */
	long peak_kib;
	bool failed;
	int status;
};

enum row_kind { ROW_RATIO, ROW_MS, ROW_US, ROW_KIB, ROW_KINDS };
static const char *const row_kinds[ROW_KINDS] = {"ratio", "ms", "us", "kib"};
static const double row_scale[ROW_KINDS] = {1, 1e-3, 1, 1};

struct row {
	enum row_kind kind;
	const char *title, *target;
	const char *term[TERMS]; /* A - B / C - D; NULL where absent */
};

static struct command commands[MAX_COMMANDS];
static unsigned ncommands;
static struct row rows[MAX_ROWS];
static unsigned nrows;
static unsigned rounds = 400, warmup = 10, runs = 3, pause_us;
static FILE *table, *messages; /* this program's own output; see redirect() */
static int complaints; /* what the commands write to their standard error; shown when one fails */

/* A fixed environment: what the caller exports must not move the figures. */
static char path_variable[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin", home_variable[] = "HOME=/root",
	    language[] = "LANG=C";
static char *const environment[] = {path_variable, home_variable, language, NULL};

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("spawn: ", messages);
	vfprintf(messages, format, args);
	fputc('\n', messages);
	va_end(args);
	exit(2);
}

/* ---- the plan ---- */

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (isspace((unsigned char)*text))
		text++;
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* Split in place at blanks; single quotes keep an argument together. */
static unsigned split(char *text, char **argv, unsigned max)
{
	unsigned n = 0;

	for (;;) {
		char stop = ' ';

		while (*text == ' ' || *text == '\t')
			text++;
		if (!*text)
			return n;
		if (n == max)
			die("too many arguments");
		if (*text == '\'')
			stop = *text++;
		argv[n++] = text;
		text = stop == ' ' ? text + strcspn(text, " \t") : strchr(text, stop);
		if (!text)
			die("unbalanced quote");
		if (*text)
			*text++ = '\0';
	}
}

static struct command *find_command(const char *name)
{
	for (unsigned i = 0; i < ncommands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void add_command(char *text)
{
	struct command *command = &commands[ncommands];
	char *slash;

	if (ncommands == MAX_COMMANDS)
		die("more than %d commands", MAX_COMMANDS);
	command->name = text;
	text += strcspn(text, " \t");
	if (*text)
		*text++ = '\0';
	command->every = 1;
	slash = strchr(command->name, '/');
	if (slash) {
		*slash = '\0';
		command->every = (unsigned)strtoul(slash + 1, NULL, 10);
	}
	if (!split(text, command->argv, MAX_ARGS) || !command->every || find_command(command->name))
		die("bad command '%s'", command->name);
	if (*command->argv[0] == '@') {
		command->embed = embed_find(command->argv[0] + 1);
		if (!command->embed)
			die("%s: no such launcher", command->argv[0]);
	}
	ncommands++;
}

static void add_row(enum row_kind kind, char *text)
{
	struct row *row = &rows[nrows];
	char *expr = strchr(text, '|'), *target = expr ? strchr(expr + 1, '|') : NULL, *over;

	if (!target || nrows == MAX_ROWS)
		die("bad row '%s'", text);
	nrows++;
	*expr++ = '\0';
	*target++ = '\0';
	row->kind = kind;
	row->title = trim(text);
	row->target = trim(target);
	over = strstr(expr, " / ");
	if (over)
		*over = '\0';
	for (unsigned half = 0; half < 2; half++) {
		char *a = half ? over ? over + 3 : NULL : expr;
		char *b = a ? strstr(a, " - ") : NULL;

		if (b)
			*b = '\0';
		row->term[2 * half] = a ? trim(a) : NULL;
		row->term[2 * half + 1] = b ? trim(b + 3) : NULL;
	}
}

static void read_plan(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		die("%s: %s", path, strerror(errno));
	while (getline(&line, &size, file) > 0) {
		char *text = trim(line), *rest = text + strcspn(text, " \t");
		enum row_kind kind = 0;

		if (!*text || *text == '#')
			continue;
		if (*rest)
			*rest++ = '\0';
		rest = strdup(rest);
		if (!rest)
			die("out of memory");
		if (!strcmp(text, "cmd")) {
			add_command(rest);
			continue;
		}
		while (kind < ROW_KINDS && strcmp(text, row_kinds[kind]))
			kind++;
		if (kind == ROW_KINDS)
			die("%s: unknown word '%s'", path, text);
		add_row(kind, rest);
	}
	free(line);
	fclose(file);
}

/* ---- running ---- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Its own frame: the child of vfork shares the stack, and nothing of the caller may be clobbered. */
static __attribute__((noinline)) pid_t launch(const struct command *command)
{
	pid_t pid = vfork();

	if (pid == 0) {
		char *const *argv = command->argv;

		if (command->embed) {
			int failed = command->embed->enter();

			if (failed)
				_exit(failed);
			argv += command->embed->skip;
		}
		execve(argv[0], argv, environment);
		_exit(126);
	}
	return pid;
}

static void show_complaints(const struct command *command)
{
	char text[4096];
	ssize_t n = pread(complaints, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	fprintf(messages, "spawn: %s: failed with wait status %#x\n%s", command->name, (unsigned)command->status,
		text);
}

/* One spawn, from before vfork to after wait4; NAN when it failed. */
static double measure(struct command *command)
{
	struct rusage usage;
	double start, end;
	pid_t pid;

	if (pause_us)
		usleep(pause_us);
	if (ftruncate(complaints, 0))
		die("ftruncate: %s", strerror(errno));
	start = now_us();
	pid = launch(command);
	if (pid < 0)
		die("vfork: %s", strerror(errno));
	while (wait4(pid, &command->status, 0, &usage) < 0)
		if (errno != EINTR)
			die("wait4: %s", strerror(errno));
	end = now_us();
	if (command->status) {
		command->failed = true;
		show_complaints(command);
		return NAN;
	}
	if (usage.ru_maxrss > command->peak_kib)
		command->peak_kib = usage.ru_maxrss;
	return end - start;
}

static uint32_t next_random(void)
{
	static uint32_t state = 0x9e3779b9; /* fixed: the orders are the same every time */

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void shuffle(unsigned *order, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned j = next_random() % i, kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static void run_all(unsigned run)
{
	unsigned order[MAX_COMMANDS];

	for (unsigned i = 0; i < ncommands; i++)
		order[i] = i;
	for (unsigned round = 0; round < warmup + rounds; round++) {
		shuffle(order, ncommands);
		for (unsigned i = 0; i < ncommands; i++) {
			struct command *command = &commands[order[i]];
			double us = NAN;

			/* what runs rarely is warmed up once: it is slow, and its first run is not its price */
			if (!command->failed && (round < warmup ? round == 0 || command->every == 1
								: (round - warmup) % command->every == 0))
				us = measure(command);
			if (round >= warmup)
				command->us[run * rounds + round - warmup] = us;
		}
	}
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sort the numbers of `values` that are not NAN to its front; how many. */
static unsigned compact(double *values, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (!isnan(values[i]))
			values[kept++] = values[i];
	qsort(values, kept, sizeof(*values), by_value);
	return kept;
}

static double middle(const double *sorted, unsigned n)
{
	if (!n)
		return NAN;
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* (a - b) / (c - d) */
static double combine(const double value[TERMS], const struct row *row)
{
	double over = value[0] - (row->term[1] ? value[1] : 0);
	double under = row->term[2] ? value[2] - (row->term[3] ? value[3] : 0) : 1;

	return over / under * row_scale[row->kind];
}

static double median_of_run(const struct row *row, struct command *const term[TERMS], unsigned run)
{
	double *figures = calloc(rounds, sizeof(*figures)), result;
	unsigned n;

	if (!figures)
		die("out of memory");
	for (unsigned round = 0; round < rounds; round++) {
		double value[TERMS] = {0};

		for (unsigned t = 0; t < TERMS; t++)
			if (term[t])
				value[t] = term[t]->us[run * rounds + round];
		figures[round] = combine(value, row);
	}
	n = compact(figures, rounds);
	result = middle(figures, n);
	free(figures);
	return result;
}

static double minimum(const struct command *command)
{
	double least = INFINITY;

	for (unsigned i = 0; i < runs * rounds; i++)
		if (command->us[i] < least) /* false for NAN */
			least = command->us[i];
	return least;
}

static double of_minima(const struct row *row, struct command *const term[TERMS])
{
	double value[TERMS] = {0};

	for (unsigned t = 0; t < TERMS; t++)
		if (term[t])
			value[t] = minimum(term[t]);
	return combine(value, row);
}

/* ---- the table: | what | target | worst of the runs | the runs | of minima | verdict | ---- */

static void print_unmeasured(const struct row *row, const char *why, const char *name)
{
	fprintf(table, "| %s | %s | - | %s %s | - | not measured |\n", row->title, row->target, why, name);
}

static const char *number(double value, enum row_kind kind)
{
	static char text[MAX_RUNS + 4][32];
	static unsigned next;
	char *out = text[next++ % (MAX_RUNS + 4)];
	int decimals = kind == ROW_RATIO && value < 3 ? 3 : kind == ROW_KIB ? 0 : 2;

	snprintf(out, sizeof(text[0]), "%.*f", decimals, value);
	return out;
}

static void print_figures(const struct row *row, const double *figure, unsigned n, double least)
{
	static const char *const unit[ROW_KINDS] = {"", " ms", " us", " KiB"};
	bool at_least = !strncmp(row->target, ">=", 2), at_most = !strncmp(row->target, "<=", 2);
	const char *verdict = "";
	double sorted[MAX_RUNS], worst;

	memcpy(sorted, figure, n * sizeof(*figure));
	qsort(sorted, n, sizeof(*sorted), by_value);
	worst = at_least ? sorted[0] : at_most ? sorted[n - 1] : middle(sorted, n);
	if (at_least || at_most) {
		double limit = strtod(row->target + 2, NULL);

		verdict = (at_least ? worst >= limit : worst <= limit) ? "ok" : "short";
	}
	fprintf(table, "| %s | %s | %s%s |", row->title, row->target, number(worst, row->kind), unit[row->kind]);
	for (unsigned i = 0; i < n && n > 1; i++)
		fprintf(table, " %s", number(figure[i], row->kind));
	fprintf(table, " | %s | %s |\n", isnan(least) ? "" : number(least, row->kind), verdict);
}

static void print_row(const struct row *row)
{
	struct command *term[TERMS] = {NULL};
	double figure[MAX_RUNS];

	for (unsigned t = 0; t < TERMS; t++) {
		if (!row->term[t])
			continue;
		term[t] = find_command(row->term[t]);
		if (!term[t] || term[t]->failed) {
			print_unmeasured(row, term[t] ? "failed:" : "not here:", row->term[t]);
			return;
		}
	}
	if (row->kind == ROW_KIB) {
		figure[0] = (double)term[0]->peak_kib;
		print_figures(row, figure, 1, NAN);
		return;
	}
	for (unsigned run = 0; run < runs; run++)
		figure[run] = median_of_run(row, term, run);
	print_figures(row, figure, runs, of_minima(row, term));
}

/* | command | min | median | p95 |, over all runs, microseconds */
static void print_detail(FILE *out, const struct command *command)
{
	double *all = malloc(runs * rounds * sizeof(*all));
	unsigned n;

	if (!all)
		die("out of memory");
	memcpy(all, command->us, runs * rounds * sizeof(*all));
	n = compact(all, runs * rounds);
	if (n)
		fprintf(out, "| %s | %u | %.1f | %.1f | %.1f |\n", command->name, n, all[0], middle(all, n),
			all[(n * 95 - 1) / 100]);
	free(all);
}

/* ---- */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("CPU %d: %s", cpu, strerror(errno));
}

static void prepare(void)
{
	for (unsigned i = 0; i < ncommands; i++) {
		commands[i].us = malloc(runs * rounds * sizeof(double));
		if (!commands[i].us)
			die("out of memory");
		if (commands[i].embed) {
			const char *error = commands[i].embed->prepare(commands[i].argv);

			if (error)
				die("%s: %s", commands[i].name, error);
		}
	}
}

/*
 * What the commands print is not wanted; what this program prints is: its own stdout and stderr move to other
 * descriptors, which the commands do not inherit.
 */
static void redirect(void)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *own_out, *own_err;

	complaints = memfd_create("stderr", MFD_CLOEXEC);
	if (out < 0 || err < 0 || null < 0 || complaints < 0 || fcntl(complaints, F_SETFL, O_APPEND))
		die("descriptors: %s", strerror(errno));
	own_out = fdopen(out, "w");
	own_err = fdopen(err, "w");
	if (!own_out || !own_err)
		die("out of memory");
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(complaints, STDERR_FILENO) < 0)
		die("descriptors: %s", strerror(errno));
	table = own_out;
	messages = own_err;
}

static unsigned natural(const char *text, unsigned max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || !value || value > max)
		die("'%s' is not a number from 1 to %u", text, max);
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	const char *detail = NULL;
	int failed = 0;

	messages = stderr;
	for (int option; (option = getopt(argc, argv, "n:w:r:c:p:d:")) != -1;) {
		switch (option) {
		case 'n':
			rounds = natural(optarg, 1000000);
			break;
		case 'w':
			warmup = natural(optarg, 1000000);
			break;
		case 'r':
			runs = natural(optarg, MAX_RUNS);
			break;
		case 'c':
			pin(atoi(optarg));
			break;
		case 'p':
			pause_us = natural(optarg, 100000);
			break;
		case 'd':
			detail = optarg;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 1)
		die("one plan, please");
	read_plan(argv[optind]);
	prepare();
	redirect();
	for (unsigned run = 0; run < runs; run++)
		run_all(run);
	for (unsigned i = 0; i < nrows; i++)
		print_row(&rows[i]);
	if (detail) {
		FILE *out = fopen(detail, "ae");

		if (!out)
			die("%s: %s", detail, strerror(errno));
		for (unsigned i = 0; i < ncommands; i++)
			print_detail(out, &commands[i]);
		fclose(out);
	}
	for (unsigned i = 0; i < ncommands; i++)
		failed |= commands[i].failed;
	return failed;
}
