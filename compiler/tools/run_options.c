/* SPDX-License-Identifier: MIT */
/* The command line of the runners; see run.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "arena.h"
#include "policy.h"
#include "run.h"

enum kind { NOT_OURS, A_FLAG, A_PATH, A_PORT, AN_ENV, A_BUNDLE, A_PROGRAM, A_LEVEL, A_POLICY, A_SAVE, A_SYSROOT };

static const struct {
	enum kind kind;
	int which; /* flag, path group, or whether a port is bound */
} kinds[OPTIONS] = {
	[OPT_RO] = {A_PATH, GROUP_RO},
	[OPT_ROX] = {A_PATH, GROUP_ROX},
	[OPT_RW] = {A_PATH, GROUP_RW},
	[OPT_RWX] = {A_PATH, GROUP_RWX},
	[OPT_UNIX] = {A_PATH, GROUP_UNIX},
	[OPT_BIND_TCP] = {A_PORT, true},
	[OPT_CONNECT_TCP] = {A_PORT, false},
	[OPT_ENV] = {AN_ENV, 0},
	[OPT_WITH] = {A_BUNDLE, 0},
	[OPT_PROGRAM] = {A_PROGRAM, 0},
	[OPT_UNRESTRICTED_FS] = {A_FLAG, RUN_UNRESTRICTED_FS},
	[OPT_UNRESTRICTED_NET] = {A_FLAG, RUN_UNRESTRICTED_NET},
	[OPT_UNRESTRICTED_SCOPED] = {A_FLAG, RUN_UNRESTRICTED_SCOPED},
	[OPT_ALLOW_UDP] = {A_FLAG, RUN_ALLOW_UDP},
	[OPT_BEST_EFFORT] = {A_FLAG, RUN_BEST_EFFORT},
	[OPT_IGNORE_MISSING] = {A_FLAG, RUN_IGNORE_MISSING},
	[OPT_LOG_ORIGINATING] = {A_FLAG, RUN_LOG_SAME_EXEC_OFF},
	[OPT_LOG_SUBPROCESSES] = {A_FLAG, RUN_LOG_NEW_EXEC},
	[OPT_LOG_SUBDOMAINS] = {A_FLAG, RUN_LOG_SUBDOMAINS_OFF},
	[OPT_NO_IMPORT] = {A_FLAG, RUN_NO_IMPORT},
	[OPT_ADD_EXEC] = {A_FLAG, RUN_ADD_EXEC},
	[OPT_LDD] = {A_FLAG, RUN_LDD},
	[OPT_TRUST_CONFIG] = {A_FLAG, RUN_TRUST_CONFIG},
	[OPT_PRINT] = {A_FLAG, RUN_PRINT},
	[OPT_LOG_LEVEL] = {A_LEVEL, 0},
	[OPT_POLICY] = {A_POLICY, 0},
	[OPT_SAVE] = {A_SAVE, 0},
	[OPT_SYSROOT] = {A_SYSROOT, 0},
};

static bool set_level(struct run *run, const char *from, const char *word)
{
	static const char *const names[] = {
		[RUN_ERROR] = "error", [RUN_WARN] = "warn", [RUN_INFO] = "info", [RUN_DEBUG] = "debug"};

	for (int i = RUN_ERROR; i <= RUN_DEBUG; i++)
		if (!strcasecmp(word, names[i])) {
			run->level = (enum run_level)i;
			return true;
		}
	run_say(run, RUN_ERROR, "%s %s: error, warn, info or debug", from, word);
	return false;
}

static bool add_element(struct run *run, enum option_id opt, const char *text)
{
	const char *origin = arena_printf(run->c.arena, "--%s", option_rows[opt].name);

	if (kinds[opt].kind == A_PATH)
		return run_add_path(run, kinds[opt].which, text, origin);
	if (kinds[opt].kind == A_PORT)
		return run_add_port(run, kinds[opt].which, text, origin);
	if (kinds[opt].kind == AN_ENV)
		return run_add_env(run, text, origin);
	run_add_word(run, kinds[opt].kind == A_BUNDLE ? &run->bundles : &run->programs, text, NULL, origin);
	return true;
}

/*
 * A list split at commas. The tools that do so have no escape: in "A=x,y" the y would be the name of another variable,
 * which is then handed out unseen. That is refused; the words of the refusal say both ways out.
 */
static bool add_list(struct run *run, enum option_id opt, const char *text)
{
	bool assigned = false;

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		const char *word = arena_strndup(run->c.arena, p, len);
		if (kinds[opt].kind == AN_ENV && assigned && !strchr(word, '=')) {
			run_say(run, RUN_ERROR,
				"--env %s: is \"%s\" part of the value, or a variable? llc-policy run --env '%s' for "
				"the one, "
				"--env %.*s --env %s for the other",
				text, word, text, (int)(p - text - 1), text, word);
			return false;
		}
		assigned |= strchr(word, '=') != NULL;
		if (!add_element(run, opt, word))
			return false;
		p += len;
		if (!*p)
			return true;
	}
}

static bool take(struct run *run, enum option_id opt, const char *value)
{
	switch (kinds[opt].kind) {
	case A_FLAG:
		run->flags[kinds[opt].which] = true;
		return true;
	case A_PATH:
	case A_PORT:
	case AN_ENV:
		return run->tool->commas ? add_list(run, opt, value) : add_element(run, opt, value);
	case A_BUNDLE:
		return add_list(run, opt, value);
	case A_PROGRAM:
		return add_element(run, opt, value);
	case A_LEVEL:
		return set_level(run, "--log-level", value);
	case A_POLICY:
		run->policy = value;
		return true;
	case A_SAVE:
		run->save = value;
		return true;
	case A_SYSROOT:
		run->sysroot = value;
		return true;
	case NOT_OURS:
		break;
	}
	return false;
}

static bool is_list(enum option_id opt)
{
	return kinds[opt].kind >= A_PATH && kinds[opt].kind <= A_PROGRAM;
}

static bool default_level(struct run *run)
{
	const char *variable = run->tool->level_variable, *word = variable ? getenv(variable) : NULL;

	return !word || !*word || set_level(run, variable, word);
}

/* Nothing enters the sysroot: what would run here are this system's programs, granted the files of another. */
static bool runs_elsewhere(const struct run *run)
{
	if (!run->sysroot || run->save || run->flags[RUN_PRINT])
		return false;
	run_say(run, RUN_ERROR, "--sysroot %s: nothing can be run there; say --save FILE.toml or --print",
		run->sysroot);
	return true;
}

bool run_options(struct run *run, int argc, char **argv, int *status)
{
	struct options opts;
	bool seen[OPTIONS] = {false};
	enum option_id opt;

	*status = EXIT_FAILURE;
	if (!default_level(run))
		return false;
	options_begin(&opts, run->tool->command, argc, argv);
	opts.command_follows = true;
	while ((opt = options_next(&opts)) != OPT_END) {
		if (opt >= OPTIONS || kinds[opt].kind == NOT_OURS) {
			*status = options_fail(&opts, opt);
			return false;
		}
		if (seen[opt] && !is_list(opt)) {
			run_say(run, RUN_ERROR, "%s: given twice", opts.word);
			return false;
		}
		seen[opt] = true;
		if (!take(run, opt, opts.value))
			return false;
	}
	if (runs_elsewhere(run))
		return false;
	run->command = argv + opts.index;
	if (*run->command || (run->tool->command == CMD_RUN && (run->save || run->flags[RUN_PRINT])))
		return true;
	run_say(run, RUN_ERROR, "no command given; see %s --help",
		run->tool->command == CMD_RUN ? "llc-policy run" : command_rows[run->tool->command].name);
	return false;
}
