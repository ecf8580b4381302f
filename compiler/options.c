/* SPDX-License-Identifier: MIT */
/* Table-driven option parser; see options.h. */
#include "options.h"

#include <string.h>

#include "diag.h"
#include "text.h"
#include "version.h"

const struct command_row command_rows[COMMANDS] = {
#define COMMAND(id, name_, arguments_, help_) [CMD_##id] = {.name = name_, .arguments = arguments_, .help = help_},
#include "options.def"
};

const struct option_row option_rows[OPTIONS] = {
#define OPTION(id, commands_, letter_, name_, argument_, help_)                                                      \
	[OPT_##id] = {.commands = commands_, .letter = letter_, .name = name_, .argument = argument_, .help = help_},
#include "options.def"
};

void options_begin(struct options *opts, enum command_id command, int argc, char **argv)
{
	*opts = (struct options){.command = command, .argc = argc, .argv = argv, .next = 1};
}

/* Operands are gathered at the front of argv[1..], in order, so that options may stand between them. */
static void keep_operand(struct options *opts, char *word)
{
	opts->argv[1 + opts->noperands++] = word;
}

static const struct option_row *find_long(const struct options *opts, const char *name, size_t len)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if ((option_rows[i].commands & (1u << opts->command)) && strlen(option_rows[i].name) == len &&
		    !memcmp(option_rows[i].name, name, len))
			return &option_rows[i];
	return NULL;
}

static const struct option_row *find_short(const struct options *opts, char letter)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if ((option_rows[i].commands & (1u << opts->command)) && option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

static enum option_id take_value(struct options *opts, const struct option_row *row, const char *attached)
{
	enum option_id id = (enum option_id)(row - option_rows);

	if (!row->argument) {
		opts->value = NULL;
		return attached ? OPT_EXCESS_VALUE : id;
	}
	if (!attached && opts->next < opts->argc)
		attached = opts->argv[opts->next++];
	opts->value = attached;
	return attached ? id : OPT_NO_VALUE;
}

static enum option_id long_option(struct options *opts, const char *name)
{
	const char *equals = strchr(name, '=');
	const struct option_row *row = find_long(opts, name, equals ? (size_t)(equals - name) : strlen(name));

	return row ? take_value(opts, row, equals ? equals + 1 : NULL) : OPT_UNKNOWN;
}

static enum option_id short_option(struct options *opts)
{
	const struct option_row *row = find_short(opts, *opts->cluster);

	if (!row)
		return OPT_UNKNOWN;
	const char *rest = opts->cluster + 1;
	opts->cluster = !row->argument && *rest ? rest : NULL;
	return take_value(opts, row, row->argument && *rest ? rest : NULL);
}

enum option_id options_next(struct options *opts)
{
	if (opts->cluster)
		return short_option(opts);
	while (opts->next < opts->argc) {
		char *word = opts->argv[opts->next++];
		opts->word = word;
		if (opts->command_follows && (opts->ended || word[0] != '-' || !word[1])) {
			opts->index = opts->next - 1;
			return OPT_END;
		}
		if (opts->ended || word[0] != '-' || !word[1]) {
			keep_operand(opts, word);
		} else if (!strcmp(word, "--")) {
			opts->ended = true;
		} else if (word[1] == '-') {
			return long_option(opts, word + 2);
		} else {
			/* -MD FILE is spelled as compilers spell it */
			if (!strcmp(word, "-MD"))
				return long_option(opts, word + 1);
			opts->cluster = word + 1;
			return short_option(opts);
		}
	}
	opts->index = opts->command_follows ? opts->argc : 1;
	opts->argc = opts->command_follows ? opts->argc : 1 + opts->noperands;
	return OPT_END;
}

static void print_option(FILE *out, const struct option_row *row)
{
	char left[64];
	int n = row->letter ? snprintf(left, sizeof(left), "-%c, ", row->letter)
			    : snprintf(left, sizeof(left), "    ");

	snprintf(left + n, sizeof(left) - (size_t)n, "--%s%s%s", row->name, row->argument ? " " : "",
		 row->argument ? row->argument : "");
	fprintf(out, "  %-32s %s\n", left, row->help);
}

void options_usage(FILE *out, enum command_id command)
{
	if (command == COMMANDS) {
		fputs("usage: llc-policy COMMAND [OPTIONS] ...\n\ncommands:\n", out);
		for (size_t i = 0; i < COMMANDS; i++)
			fprintf(out, "  %-9s %-18s %s\n", command_rows[i].name, command_rows[i].arguments,
				command_rows[i].help);
		fputs("\nllc-policy COMMAND --help, or llc-policy help COMMAND, lists the options of a command.\n"
		      "exit status: 0 ok, 1 the policy has errors, 2 usage, 3 the target or host cannot enforce it\n",
		      out);
		return;
	}
	fprintf(out, "usage: llc-policy %s [OPTIONS] %s\n%s\n\noptions:\n", command_rows[command].name,
		command_rows[command].arguments, command_rows[command].help);
	for (size_t i = 0; i < OPTIONS; i++)
		if (option_rows[i].commands & (1u << command))
			print_option(out, &option_rows[i]);
}

/* The long option of the command that is nearest to the word, without what follows "="; or NULL. */
static const char *nearest(const struct options *opts)
{
	const char *names[OPTIONS + 1] = {NULL};
	char word[64];
	size_t n = 0, len = strcspn(opts->word, "=");

	/* one dash is another tool's habit, and of one letter nothing is near */
	size_t dashes = strncmp(opts->word, "--", 2) ? 1 : 2;
	if (len >= sizeof(word) || len < dashes + 2)
		return NULL;
	memcpy(word, opts->word + dashes, len - dashes);
	word[len - dashes] = '\0';
	for (size_t i = 0; i < OPTIONS; i++)
		if (option_rows[i].commands & (1u << opts->command))
			names[n++] = option_rows[i].name;
	return diag_nearest(word, names);
}

int options_fail(const struct options *opts, enum option_id opt)
{
	const char *command = command_rows[opts->command].name;

	if (opt == OPT_HELP) {
		options_usage(stdout, opts->command);
		return fflush(stdout) ? 2 : 0;
	}
	if (opt == OPT_VERSION) {
		puts(LLC_VERSION_STRING);
		return fflush(stdout) ? 2 : 0;
	}
	const char *what = opt == OPT_NO_VALUE       ? "needs an argument"
			   : opt == OPT_EXCESS_VALUE ? "takes no argument"
						     : "is not an option of this command";
	const char *near = opt == OPT_UNKNOWN ? nearest(opts) : NULL;
	/* these two go by their own names, too */
	bool own = opts->command == CMD_RUNLOCK || opts->command == CMD_LANDRUN;
	const char *program = own ? "" : "llc-policy ";
	if (near)
		say(stderr, "%s%s: %s %s; did you mean --%s?", program, command, opts->word, what, near);
	else
		say(stderr, "%s%s: %s %s; see %s%s --help", program, command, opts->word, what, program, command);
	return 2;
}
