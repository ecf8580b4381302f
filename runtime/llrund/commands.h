/* SPDX-License-Identifier: MIT */
/* The commands of llrund, and the options of all of them: options.def. */
#ifndef RUNTIME_LLRUND_COMMANDS_H
#define RUNTIME_LLRUND_COMMANDS_H

#include "launch.h"

enum {
#define OPTION(id, name, arg, help) LLRUND_##id,
#include "llrund/options.def"
	LLRUND_OPTIONS
};
/* for option_parse() */
extern const struct option llrund_options[LLRUND_OPTIONS];

/*
 * What follows the command's name, NULL-terminated, and a fresh run (run_init()) with environment and auxiliary vector.
 * Returns the exit status.
 */
typedef int command(struct run *run, const char *const *argv);

#define COMMAND(id, name, arguments, help) command command_##name;
#include "llrund/options.def"

/* "llrund: …" on standard error. Returns EXIT_REFUSED. */
int refuse(const struct llrun_error *error);

#endif
