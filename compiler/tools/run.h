/* SPDX-License-Identifier: MIT */
/*
 * llc-policy run, and the tools whose options it also takes: flags and sandbox.toml → a request → the text of a policy
 * → the one pipeline (compile.h) → a sealed memfd → llrun. What runs is what --save writes.
 *
 * All functions that return bool have said on stderr what is wrong when they return false; nothing was run then.
 */
#ifndef COMPILER_RUN_H
#define COMPILER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compile.h"
#include "options.h"

enum run_level { RUN_ERROR, RUN_WARN, RUN_INFO, RUN_DEBUG };

/* Switches: options without a value, and booleans of sandbox.toml. */
enum run_flag {
	RUN_UNRESTRICTED_FS,
	RUN_UNRESTRICTED_NET,
	RUN_UNRESTRICTED_SCOPED,
	RUN_ALLOW_UDP,
	RUN_BEST_EFFORT,
	RUN_IGNORE_MISSING,
	RUN_LOG_SAME_EXEC_OFF,
	RUN_LOG_NEW_EXEC,
	RUN_LOG_SUBDOMAINS_OFF,
	RUN_NO_IMPORT,
	RUN_ADD_EXEC,
	RUN_LDD,
	RUN_TRUST_CONFIG,
	RUN_PRINT,
	RUN_FLAGS
};

/* How the tools differ. */
struct run_tool {
	enum command_id command;
	const char *level_variable; /* environment variable with the default of --log-level, or NULL */
	bool exit_1; /* own failures exit 1, not 125, 126 and 127 */
	bool lenient; /* what an unrestricted subject makes pointless is a notice, not an error */
	bool commas; /* lists are split at commas */
	bool config; /* reads sandbox.toml */
	bool import; /* program and libraries are granted unless -d; else by --add-exec and --ldd */
	bool best_effort;
	bool unix_closed; /* pathname sockets are closed unless granted */
	bool tcp_only; /* network rules are about TCP alone: UDP, other families and listen(2) stay open */
};

struct run_path {
	int group; /* enum path_group: GROUP_RO to GROUP_UNIX */
	const char *path; /* absolute */
	const char *origin; /* who asked: "--ro", "sandbox.toml:3", "library of /bin/true" */
	bool config; /* from sandbox.toml */
	bool imported; /* found by run_import(), not asked for */
	bool here; /* it took this system, and its working directory, to tell what it means */
};

struct run_port {
	unsigned port;
	bool bind;
	const char *origin;
	bool config;
};

struct run_word {
	const char *name; /* of a variable, a program, a bundle */
	const char *value; /* of a variable that is set; NULL: passed */
	const char *origin;
	bool config;
};

struct run_words {
	struct run_word *items;
	size_t n, cap;
};

struct run {
	const struct run_tool *tool;
	struct compilation c;
	enum run_level level;
	bool flags[RUN_FLAGS];
	struct run_path *paths;
	size_t npaths, paths_cap;
	struct run_port *ports;
	size_t nports, ports_cap;
	struct run_words env, programs, bundles;
	const char *policy, *save, *sysroot; /* --policy, --save, --sysroot, or NULL */
	const char *cwd;
	struct closure *closure; /* of the command; made by run_check() */
	char **command; /* NULL-terminated; empty: none */
	/* what is being added now */
	const char *anchor; /* where relative paths start */
	bool in_config;
};

/* One line on stderr, if the level asks for it; bytes that a terminal would act on are escaped. */
void run_say(const struct run *run, enum run_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* run_options.c. Returns false with *status set when there is nothing to run: --help, or misuse. */
bool run_options(struct run *run, int argc, char **argv, int *status);

/* run_request.c: one element each; origin is kept. */
bool run_add_path(struct run *run, int group, const char *path, const char *origin);
bool run_add_port(struct run *run, bool bind, const char *text, const char *origin);
bool run_add_env(struct run *run, const char *text, const char *origin);
void run_add_word(struct run *run, struct run_words *words, const char *name, const char *value, const char *origin);
/* Contradictions, paths that do not exist. Opens run->closure. */
bool run_check(struct run *run);

/* run_config.c: the table of the command in sandbox.toml, if there is one that may be used. */
bool run_config(struct run *run);
/* run_trust.c: was this very text, at this absolute path, recorded? */
bool trust_known(const char *path, const char *text, size_t len);

/* run_import.c: what the command and --executable-dependency need to start. *status: the exit status of a failure. */
bool run_import(struct run *run, int *status);

/* run_text.c: the policy as TOML; belongs to the arena. */
const char *run_text(struct run *run, size_t *len);

/* run_exec.c: does not return but for failures. */
void run_exec(struct run *run);

#endif
