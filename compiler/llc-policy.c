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

static int (*const commands[COMMANDS])(int argc, char **argv) = {
	[CMD_COMPILE] = cmd_compile, [CMD_LINT] = cmd_lint,     [CMD_DUMP] = cmd_dump,
	[CMD_RUN] = cmd_run,         [CMD_TRUST] = cmd_trust,   [CMD_RUNLOCK] = cmd_runlock,
	[CMD_LANDRUN] = cmd_landrun, [CMD_IMPORT] = cmd_import, [CMD_EXPORT] = cmd_export,
	[CMD_DIFF] = cmd_diff,       [CMD_TEST] = cmd_test,     [CMD_DOCTOR] = cmd_doctor,
	[CMD_WHY] = cmd_why,         [CMD_TRACE] = cmd_trace,
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
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], command_rows[i].name))
			return commands[i](argc - 1, argv + 1);
	return unknown_command(argv[1]);
}
