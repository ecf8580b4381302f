/* SPDX-License-Identifier: MIT */
/* llc-policy: the command table. Exit status: 0 ok, 1 the policy has errors, 2 usage, 3 the target or host cannot
 * enforce it. */
#include <stdio.h>
#include <string.h>

#include "diag.h"
#include "options.h"
#include "text.h"
#include "tools.h"
#include "version.h"

static int cmd_help(int argc, char **argv);

static int (*const commands[COMMANDS])(int argc, char **argv) = {
	[CMD_COMPILE] = cmd_compile, [CMD_LINT] = cmd_lint,     [CMD_DUMP] = cmd_dump,
	[CMD_RUN] = cmd_run,         [CMD_TRUST] = cmd_trust,   [CMD_RUNLOCK] = cmd_runlock,
	[CMD_LANDRUN] = cmd_landrun, [CMD_IMPORT] = cmd_import, [CMD_EXPORT] = cmd_export,
	[CMD_DIFF] = cmd_diff,       [CMD_TEST] = cmd_test,     [CMD_DOCTOR] = cmd_doctor,
	[CMD_WHY] = cmd_why,         [CMD_TRACE] = cmd_trace,   [CMD_HELP] = cmd_help,
};

/* An installed link; or COMMANDS. */
static size_t named_by_link(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL, *name = slash ? slash + 1 : program;

	if (name && !strcmp(name, command_rows[CMD_RUNLOCK].name))
		return CMD_RUNLOCK;
	return name && !strcmp(name, command_rows[CMD_LANDRUN].name) ? CMD_LANDRUN : COMMANDS;
}

static int unknown_command(const char *word)
{
	const char *names[COMMANDS + 1] = {NULL}, *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = command_rows[i].name;
	near = diag_nearest(word, names);
	say(stderr, "llc-policy: unknown command \"%s\"; %s%s%s", word,
	    near ? "did you mean \"" : "see llc-policy --help", near ? near : "", near ? "\"?" : "");
	return 2;
}

static size_t find_command(const char *word)
{
	size_t i = 0;

	while (i < COMMANDS && strcmp(word, command_rows[i].name))
		i++;
	return i;
}

static int cmd_help(int argc, char **argv)
{
	struct options opts;
	size_t command = COMMANDS;
	enum option_id opt;

	options_begin(&opts, CMD_HELP, argc, argv);
	opt = options_next(&opts);
	if (opt != OPT_END)
		return options_fail(&opts, opt);
	if (opts.argc - opts.index > 1) {
		fputs("llc-policy help: one command, please; see llc-policy help\n", stderr);
		return 2;
	}
	if (opts.index < opts.argc) {
		command = find_command(opts.argv[opts.index]);
		if (command == COMMANDS)
			return unknown_command(opts.argv[opts.index]);
	}
	options_usage(stdout, (enum command_id)command);
	return fflush(stdout) ? 2 : 0;
}

int main(int argc, char **argv)
{
	size_t link = named_by_link(argc ? argv[0] : NULL);

	if (link != COMMANDS)
		return commands[link](argc, argv);
	if (argc < 2) {
		options_usage(stderr, COMMANDS);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		options_usage(stdout, COMMANDS);
		return fflush(stdout) ? 2 : 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts(LLC_VERSION_STRING);
		return fflush(stdout) ? 2 : 0;
	}
	size_t command = find_command(argv[1]);
	return command < COMMANDS ? commands[command](argc - 1, argv + 1) : unknown_command(argv[1]);
}
