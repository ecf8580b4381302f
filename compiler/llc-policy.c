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
	[CMD_COMPILE] = cmd_compile,
	[CMD_LINT] = cmd_lint,
	[CMD_DUMP] = cmd_dump,
	[CMD_DOCTOR] = cmd_doctor,
};

int main(int argc, char **argv)
{
	/* a closed pipe is an error of fwrite(), reported like any other; not a death by signal */
	signal(SIGPIPE, SIG_IGN);
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
	say(stderr, "llc-policy: unknown command \"%s\"; see llc-policy --help", argv[1]);
	return 2;
}
