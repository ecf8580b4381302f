/* SPDX-License-Identifier: MIT */
/*
 * The command line of llrun, which llrund takes over with a supervised run.
 *
 * MUST refuse what it does not know: an option that is ignored may have been meant to protect.
 */
#include "launch.h"
#include "msg.h"
#include "version.h"

static const struct option options[OPTIONS] = {
#define OPTION(id, name, arg, help) {name, arg, help},
#include "options.def"
};

static int take_option(struct run *run, uint32_t option, const char *value, struct llrun_error *error)
{
	const char *rest = streq(options[option].arg, "N") ? number(value, &run->numbers[option]) : "";

	if (!rest || *rest)
		return fail(error, LLRUN_E_BLOB, "this option wants a number", options[option].name);
	if (option != OPT_SET && option != OPT_KEEP_FD && run->given[option])
		return fail(error, LLRUN_E_BLOB, "option given twice", options[option].name);
	run->given[option] = value;
	if (option == OPT_SET) {
		if (run->nsets == LLPB_MAX_SLOTS)
			return fail(error, LLRUN_E_BLOB, "more slots set than a policy can have", value);
		run->sets[run->nsets++] = value;
		run->sets[run->nsets] = NULL;
	} else if (option == OPT_KEEP_FD) {
		if (run->options.nkeep_fds == LLPB_MAX_KEEP || SYS(fcntl, run->numbers[option], K_F_GETFD) < 0)
			return fail(error, LLRUN_E_BLOB, "--keep-fd wants an open descriptor, at most 32 of them",
				    value);
		run->keep[run->options.nkeep_fds++] = (int)run->numbers[option];
	} else if (option == OPT_AS_ABI) {
		run->options.flags |= LLRUN_AS_ABI;
		run->options.as_abi = run->numbers[option];
	}
	return 0;
}

const char *const *option_parse(const struct option *table, uint32_t count, const char *const *argv, uint32_t *which,
				const char **value, struct llrun_error *error)
{
	for (uint32_t i = 0; i < count; i++) {
		const char *rest = after_prefix(*argv, table[i].name);

		if (!rest || (*rest && !(*table[i].arg && *rest == '=')))
			continue;
		*which = i;
		*value = !*table[i].arg ? "" : *rest ? rest + 1 : *++argv;
		if (*value)
			return argv + 1;
		fail(error, LLRUN_E_BLOB, "this option wants an argument", table[i].name);
		return NULL;
	}
	fail(error, LLRUN_E_BLOB, "unknown option; see --help", *argv);
	return NULL;
}

void option_help(const struct option *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		msg(1, "  %s %s\n        %s", table[i].name, table[i].arg, table[i].help);
}

void run_help(const struct run *run)
{
	msg(1, "llrun %s (policy format %u): llrun [OPTIONS] POLICY.llb -- COMMAND...", LLC_VERSION, LLPB_VERSION);
	option_help(options, run->given[OPT_HELP] ? OPTIONS : 0);
}

/* "--" ends the options wherever it stands. */
int run_parse(struct run *run, const char *const *argv, struct llrun_error *error)
{
	const char *value;
	uint32_t which;
	int named = 0;

	while (*argv && !streq(*argv, "--")) {
		if (argv[0][0] == '-' && argv[0][1]) {
			argv = option_parse(options, OPTIONS, argv, &which, &value, error);
			if (!argv || take_option(run, which, value, error) < 0)
				return -1;
		} else if (!named)
			run->blob = *argv++;
		else
			break;
		named = !!run->blob + !!run->given[OPT_POLICY] + !!run->given[OPT_BLOB_FD];
	}
	if (run->given[OPT_HELP] || run->given[OPT_VERSION])
		return 0;
	if (!named && *argv && *++argv)
		named = !!(run->blob = *argv++);
	run->command = argv + (*argv && streq(*argv, "--"));
	const char *wrong = named > 1                                  ? "more than one policy given"
			    : !named                                   ? "no policy given; see llrun --help"
			    : !*run->command && !run->given[OPT_CHECK] ? "no command given; see llrun --help"
								       : NULL;
	return wrong ? fail(error, LLRUN_E_BLOB, wrong, NULL) : 0;
}

void run_init(struct run *run, const uintptr_t *stack)
{
	const uintptr_t *at = stack + 1 + stack[0] + 1;

	run->options = (struct llrun_options){.sets = run->sets, .keep_fds = run->keep, .flags = LLRUN_LEAVE_FDS};
	run->options.envp = (const char *const *)at;
	run->argv = (const char *const *)(stack + 1);
	run->blob = run->sets[run->nsets = 0] = NULL;
	run->command = NULL;
	run->report = NULL;
	run->fd = -1;
	run->filled = 0;
	run->aux[K_AT_UID] = run->aux[K_AT_EUID] = run->aux[K_AT_SECURE] = UINT32_MAX;
	for (uint32_t i = 0; i < OPTIONS; i++)
		run->given[i] = NULL;
	while (*at++)
		;
	for (; *at != K_AT_NULL; at += 2)
		if (*at <= K_AT_SECURE)
			run->aux[*at] = (uint32_t)at[1];
}
