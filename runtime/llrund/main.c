/* SPDX-License-Identifier: MIT */
/*
 * llrund: the supervisor. This file is its command line.
 *
 * MUST NOT run with privileges that its caller does not have (AT_SECURE).
 */
#include "commands.h"
#include "msg.h"
#include "version.h"

static const struct {
	const char *name, *arguments, *help;
	command *run;
} commands[] = {
#define COMMAND(id, name, arguments, help) {#name, arguments, help, command_##name},
#include "llrund/options.def"
};

const struct option llrund_options[LLRUND_OPTIONS] = {
#define OPTION(id, name, arg, help) {name, arg, help},
#include "llrund/options.def"
};

int refuse(const struct llrun_error *error)
{
	msg_error("llrund", error);
	return EXIT_REFUSED;
}

static int say_usage(int version)
{
	msg(1, "llrund %s (policy format %u): llrund COMMAND [OPTIONS]", LLC_VERSION, LLPB_VERSION);
	for (uint32_t i = 0; !version && i < sizeof(commands) / sizeof(commands[0]); i++)
		msg(1, "  %s %s\n        %s", commands[i].name, commands[i].arguments, commands[i].help);
	option_help(llrund_options, version ? 0 : LLRUND_OPTIONS);
	return 0;
}

/*
 * Where a standard descriptor is closed, no file of ours may take its number: it would be taken for the command's, or be
 * replaced by what stands in for that. Close-on-exec: for the command it stays closed.
 */
static int fill_standard(struct llrun_error *error)
{
	long fd = 0;

	while (fd >= 0 && fd < 3)
		fd = SYS(openat, K_AT_FDCWD, "/", K_O_ANCHOR | K_O_DIRECTORY);
	if (fd >= 0)
		SYS(close, fd);
	return check_sys(error, "openat", fd, "/");
}

static int dispatch(struct run *run, const char *const *argv)
{
	const char *name = *argv ? *argv : "";
	struct llrun_error error;

	if (run->aux[K_AT_SECURE]) {
		fail(&error, LLRUN_E_BLOB,
		     "refusing to run set-user-ID, set-group-ID or with file capabilities (AT_SECURE)", NULL);
		return refuse(&error);
	}
	if (fill_standard(&error) < 0)
		return refuse(&error);
	if (streq(name, llrund_options[LLRUND_HELP].name) || streq(name, llrund_options[LLRUND_VERSION].name))
		return say_usage(streq(name, llrund_options[LLRUND_VERSION].name));
	for (uint32_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (streq(name, commands[i].name))
			return commands[i].run(run, argv + 1);
	fail(&error, LLRUN_E_BLOB, *name ? "unknown command; see llrund --help" : "no command; see llrund --help",
	     *name ? name : NULL);
	return refuse(&error);
}

_Noreturn void program_start(const uintptr_t *stack)
{
	struct run run;

	run_init(&run, stack);
	int status = dispatch(&run, run.argv + !!stack[0]);
	for (;;)
		SYS(exit_group, status);
}
