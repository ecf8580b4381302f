/* SPDX-License-Identifier: MIT */
/*
 * The command line of llc-policy, from options.def: the one place that parses arguments.
 *
 *     struct options opts;
 *     options_begin(&opts, CMD_DUMP, argc, argv);		argv[0] is the command's own name
 *     while ((opt = options_next(&opts)) != OPT_END)
 *             switch (opt) { case OPT_JSON: …  default: return options_fail(&opts, opt); }
 *     opts.argv[opts.index .. opts.argc - 1]			operands, in order
 *
 * `--opt=value`, `--opt value`, `-oVALUE`, `-o VALUE`; `--` ends options; options and operands may be mixed,
 * unless what follows is a command with options of its own.
 * --help and --version are answered by options_fail(): it prints and returns the exit status (0, or 2 for misuse,
 * after one line on stderr that names the word).
 */
#ifndef COMPILER_OPTIONS_H
#define COMPILER_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum command_id {
#define COMMAND(id, name, arguments, help) CMD_##id,
#include "options.def"
	COMMANDS
};
#define CMD_BIT(id) (1u << CMD_##id)
#define CMD_ANY     (~0u)

enum option_id {
#define OPTION(id, commands, letter, name, argument, help) OPT_##id,
#include "options.def"
	OPTIONS,
	OPT_END, /* no more options */
	OPT_UNKNOWN, /* .word is not an option of this command */
	OPT_NO_VALUE, /* .word needs an argument */
	OPT_EXCESS_VALUE, /* .word takes no argument */
};

struct command_row {
	const char *name, *arguments, *help;
};
extern const struct command_row command_rows[COMMANDS];

struct option_row {
	unsigned commands;
	int letter;
	const char *name, *argument, *help;
};
extern const struct option_row option_rows[OPTIONS];

struct options {
	enum command_id command;
	int argc;
	char **argv;
	int index; /* after OPT_END: first operand */
	const char *value; /* argument of the option just returned */
	const char *word; /* the word it came from, for messages */
	const char *cluster; /* private: rest of a word of short options */
	int next, noperands; /* private */
	bool ended; /* private: -- seen */
	bool command_follows; /* set it after options_begin(): the first operand ends the options */
};

void options_begin(struct options *opts, enum command_id command, int argc, char **argv);
enum option_id options_next(struct options *opts);
int options_fail(const struct options *opts, enum option_id opt);
void options_usage(FILE *out, enum command_id command); /* COMMANDS: the program itself */

#endif
