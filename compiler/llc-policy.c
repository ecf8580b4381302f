/* SPDX-License-Identifier: MIT */
/* llc-policy: the command table. Exit status: 0 ok, 1 the policy has errors, 2 usage, 3 the target or host cannot
 * enforce it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "text.h"
#include "tools.h"
#include "version.h"

static int (*const commands[COMMANDS])(int argc, char **argv) = {
	[CMD_COMPILE] = cmd_compile, [CMD_LINT] = cmd_lint,     [CMD_DUMP] = cmd_dump,
	[CMD_RUN] = cmd_run,         [CMD_TRUST] = cmd_trust,   [CMD_RUNLOCK] = cmd_runlock,
	[CMD_LANDRUN] = cmd_landrun, [CMD_IMPORT] = cmd_import, [CMD_EXPORT] = cmd_export,
	[CMD_DIFF] = cmd_diff,       [CMD_TEST] = cmd_test,     [CMD_DOCTOR] = cmd_doctor,
};

/* A closed pipe is an error of fwrite(), reported like any other; not a death by signal. */
static void (*caller_sigpipe)(int);

/* Those end as another program, which must find the signal as the caller left it. */
#define BECOMES_COMMAND (CMD_BIT(RUN) | CMD_BIT(RUNLOCK) | CMD_BIT(LANDRUN))

static int run_command(size_t command, int argc, char **argv)
{
	if (BECOMES_COMMAND & 1u << command)
		signal(SIGPIPE, caller_sigpipe);
	return commands[command](argc, argv);
}

/* An installed link; or COMMANDS. */
static size_t named_by_link(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL, *name = slash ? slash + 1 : program;

	if (name && !strcmp(name, command_rows[CMD_RUNLOCK].name))
		return CMD_RUNLOCK;
	return name && !strcmp(name, command_rows[CMD_LANDRUN].name) ? CMD_LANDRUN : COMMANDS;
}

int main(int argc, char **argv)
{
	size_t link = named_by_link(argc ? argv[0] : NULL);

	caller_sigpipe = signal(SIGPIPE, SIG_IGN);
	if (link != COMMANDS)
		return run_command(link, argc, argv);
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
			return run_command(i, argc - 1, argv + 1);
	say(stderr, "llc-policy: unknown command \"%s\"; see llc-policy --help", argv[1]);
	return 2;
}
