/* SPDX-License-Identifier: MIT */
/* llc-policy run and its names runlock and landrun: top to bottom the order of things; see run.h. */
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "arena.h"
#include "blob.h"
#include "dump.h"
#include "elfdeps.h"
#include "host.h"
#include "output.h"
#include "source.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

enum { EXIT_REFUSED = 125 };

static const struct run_tool tools[] = {
	{.command = CMD_RUN, .config = true, .import = true, .unix_closed = true},
	{.command = CMD_RUNLOCK,
	 .level_variable = "LANDRUN_LOG_LEVEL",
	 .exit_1 = true,
	 .lenient = true,
	 .commas = true,
	 .config = true,
	 .import = true,
	 .best_effort = true,
	 .tcp_only = true},
	{.command = CMD_LANDRUN,
	 .level_variable = "LANDRUN_LOG_LEVEL",
	 .exit_1 = true,
	 .lenient = true,
	 .commas = true,
	 .unix_closed = true,
	 .tcp_only = true},
};

void run_say(const struct run *run, enum run_level level, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	if (level > run->level)
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	say(stderr, "%s%s: %s%s", run->tool->exit_1 ? "" : "llc-policy ", command_rows[run->tool->command].name,
	    level == RUN_WARN ? "warning: " : "", n < 0 ? "out of memory" : text);
	if (n >= 0)
		free(text);
}

/* ---- the policy to begin with ---- */

/*
 * Options add to it. An option for a subject that the policy leaves open would not add but restrict, and one that opens a
 * subject contradicts it: both are errors.
 */
static bool fits(const struct run *run, const struct policy *p)
{
	bool net = p->has_net && !p->net_unrestricted && p->net_plain;
	const struct {
		bool asked, possible;
		const char *what, *why;
	} rows[] = {
		{run->npaths || run->bundles.n, p->has_fs && !p->fs_unrestricted, "paths", "no restricting [fs]"},
		{run->nports || run->flags[RUN_ALLOW_UDP], net, "ports and UDP",
		 "no restricting [net] with the plain keys"},
		{run->env.n, p->has_env, "variables", "no [env]: all of them are passed"},
		{run->flags[RUN_UNRESTRICTED_FS] || run->flags[RUN_UNRESTRICTED_NET] ||
			 run->flags[RUN_UNRESTRICTED_SCOPED],
		 false, "--unrestricted-…", "restrictions of its own; take them out there"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].asked && !rows[i].possible) {
			run_say(run, RUN_ERROR, "%s cannot be added: %s has %s", rows[i].what, run->policy,
				rows[i].why);
			return false;
		}
	return true;
}

static bool begin_policy(struct run *run)
{
	struct compilation c;
	bool fine;

	if (!run->policy)
		return true;
	if (*run->policy != '/')
		run->policy = arena_printf(run->c.arena, "%s/%s", run->cwd, run->policy);
	compilation_begin(&c);
	fine = compilation_check(&c, source_open(c.sources, c.diag, run->policy));
	if (!fine)
		diag_print(c.diag, REPORT_TEXT, stderr);
	else
		fine = fits(run, c.policy);
	if (fine && c.policy->lock_path)
		run->c.policy_options.lock = arena_strdup(run->c.arena, c.policy->lock_path);
	/* nothing to import where files are open */
	if (fine && (!c.policy->has_fs || c.policy->fs_unrestricted))
		run->flags[RUN_NO_IMPORT] = true;
	compilation_end(&c);
	return fine;
}

/* ---- the one pipeline ---- */

static void choose_checks(struct run *run)
{
	for (int i = 0; i < CHECKS; i++)
		if (check_rows[i].severity == SEVERITY_NOTE ||
		    (check_rows[i].severity == SEVERITY_WARNING && run->level < RUN_INFO))
			diag_set_severity(run->c.diag, (enum check_id)i, SEVERITY_OFF);
}

static bool compile(struct run *run)
{
	size_t len;
	const char *text = run_text(run, &len);
	uint32_t file = source_from_memory(run->c.sources, "<command line>", text, len);

	if (run->level >= RUN_DEBUG)
		fputs(text, stderr);
	if (host_arch() != ARCHES) {
		run->c.arches[0] = host_arch();
		run->c.narches = 1;
	}
	choose_checks(run);
	run->c.exit_1 = run->tool->exit_1;
	bool fine = compilation_run(&run->c, file);
	diag_print(run->c.diag, REPORT_TEXT, stderr);
	if (!fine)
		return false;
	return !run->save || output_file("llc-policy run: --save", run->save, text, len);
}

static int print(const struct run *run)
{
	struct blob blob;

	if (blob_open(&blob, run->c.blob, run->c.blob_size)) {
		run_say(run, RUN_ERROR, "the blob cannot be read back");
		return EXIT_REFUSED;
	}
	dump_text(stdout, &blob, false);
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	run_say(run, RUN_ERROR, "standard output: %s", strerror(errno));
	return EXIT_REFUSED;
}

/* llrun would refuse as well; it knows neither the options nor the one that helps. */
static bool enforceable(const struct run *run)
{
	const struct lowered *low = run->c.lowered;
	long host = host_landlock_abi();
	size_t abi = host < ABI_NEWEST ? (size_t)host : ABI_NEWEST;
	struct blob blob;

	if (host < 0 || !(low->plans[abi].flags & LLPB_PLAN_REFUSE) ||
	    blob_open(&blob, run->c.blob, run->c.blob_size))
		return true;
	for (uint32_t i = 0; i < blob.nguarantees; i++)
		if (blob.guarantees[i].flags & LLPB_G_FIRM && blob.guarantees[i].mechanism[abi] == LLPB_M_NOT_COVERED)
			run_say(run, RUN_ERROR, "Landlock ABI %zu, which this kernel has, cannot keep %s: %s", abi,
				blob_str(&blob, blob.guarantees[i].name), blob_str(&blob, blob.guarantees[i].text));
	run_say(run, RUN_ERROR, "not run; ABI %u (Linux %s) keeps all of it%s", low->min_abi,
		abi_kernel(low->min_abi), low->policy->strict && abi ? "; --best-effort runs it here, without" : "");
	return false;
}

static int prepare_and_run(struct run *run)
{
	int status = EXIT_REFUSED;

	if (!run_config(run) || !run_check(run) || !begin_policy(run) || !run_import(run, &status) || !compile(run))
		return status;
	if (run->flags[RUN_PRINT])
		return print(run);
	if (!*run->command || run->sysroot)
		return 0;
	if (enforceable(run))
		run_exec(run);
	return EXIT_REFUSED;
}

static int command(const struct run_tool *tool, int argc, char **argv)
{
	struct run run = {.tool = tool, .level = RUN_WARN};
	char *cwd = getcwd(NULL, 0);
	int status;

	compilation_begin(&run.c);
	run.anchor = run.cwd = cwd;
	if (!cwd || *cwd != '/') {
		run_say(&run, RUN_ERROR, "the working directory: %s", cwd ? "not below the root" : strerror(errno));
		status = EXIT_REFUSED;
	} else if (run_options(&run, argc, argv, &status)) {
		status = prepare_and_run(&run);
	} else if (status) {
		status = EXIT_REFUSED; /* usage, too: 2 is an exit status of commands */
	}
	if (run.closure)
		closure_close(run.closure);
	compilation_end(&run.c);
	free(cwd);
	return status && tool->exit_1 ? 1 : status;
}

int cmd_run(int argc, char **argv)
{
	return command(&tools[0], argc, argv);
}

int cmd_runlock(int argc, char **argv)
{
	return command(&tools[1], argc, argv);
}

int cmd_landrun(int argc, char **argv)
{
	return command(&tools[2], argc, argv);
}
