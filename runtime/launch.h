/* SPDX-License-Identifier: MIT */
/*
 * What llrun and the children that llrund starts have in common: llrun's command line, the policy's file, the command,
 * and the one sequence that leads into it. Nothing here exits: a refusal is a result, and what to say about it.
 */
#ifndef RUNTIME_LAUNCH_H
#define RUNTIME_LAUNCH_H

#include "enter.h"

enum { EXIT_REFUSED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

enum {
#define OPTION(id, name, arg, help) OPT_##id,
#include "options.def"
	OPTIONS
};

struct option {
	const char *name, *arg, *help;
};

/* One run: what was asked for. Everything is borrowed: arguments, environment, buffers of the caller. */
struct run {
	struct llrun_options options;
	const char *sets[LLPB_MAX_SLOTS + 1]; /* NULL-terminated */
	int keep[LLPB_MAX_KEEP + 1]; /* one more than can be asked for: a supervisor's channel */
	const char *given[OPTIONS]; /* values of the options seen; "" for those without argument */
	const char *blob; /* for messages, too */
	const char *const *command; /* argv of the command, NULL-terminated */
	const char *const *argv; /* llrun's own */
	uint32_t aux[K_AT_SECURE + 1]; /* the auxiliary vector, by type */
	uint32_t nsets, numbers[OPTIONS];
	int filled; /* the policy has its rulesets already */
	rule_report *report; /* called for every path rule, or NULL */
	int fd; /* of the blob, close-on-exec; -1: not open */
};

/* ---- arguments.c ---- */

/* From the stack that the kernel made. */
void run_init(struct run *run, const uintptr_t *stack);
/*
 * "--name", "--name VALUE", "--name=VALUE" at argv: *which row of the table, *value ("" without argument). Returns the
 * first word behind it, or NULL and *error.
 */
const char *const *option_parse(const struct option *options, uint32_t count, const char *const *argv,
				uint32_t *which, const char **value, struct llrun_error *error);
/* Options, the policy, then the command. 0 or -1; OPT_HELP and OPT_VERSION are only noted. */
int run_parse(struct run *run, const char *const *argv, struct llrun_error *error);
void option_help(const struct option *options, uint32_t count);
void run_help(const struct run *run);

/* ---- command.c ---- */

/* Opens the policy asked for; `path` is PATH_SIZE for run->blob with -p NAME. Sets run->fd and run->blob; 0 or -1. */
int run_open(struct run *run, char *path, struct llrun_error *error);
/* The size of what run->fd is, or a refusal of what others than root and the caller could have written: -1. */
long run_check(const struct run *run, struct llrun_error *error);
/*
 * Reads it (or, without run->fd, finds it there), to `memory` (8-aligned, `size` bytes) or, when that is NULL, to a new
 * mapping, verifies it and chooses the plan. Returns 0 or -1.
 */
int run_read(const struct run *run, struct policy *policy, void *memory, size_t size, struct llrun_error *error);
/*
 * From the plan to the command: looks it up (`path`: PATH_SIZE bytes, needed for a bare word), fills the rulesets,
 * enters, executes (--check: says what would be executed). Returns only on failure, with *error (code LLRUN_OK: nothing
 * to say) and the exit status.
 */
int run_command(const struct run *run, struct policy *policy, char *path, struct llrun_error *error);
/* The exit status of a refusal: the policy may want that of the tools whose names llrun's links bear. */
int run_status(const struct policy *policy, int status);

/* ---- client.c ---- */

/* Execute llrund in this process's place, with the same arguments and the policy that is open. Returns on failure only. */
void run_hand_over(struct run *run, struct llrun_error *error);

/* ---- report.c ---- */

/* The guarantees lost on this kernel, one line each. */
void say_uncovered(const struct policy *policy, const char *severity);
/* A note when make's jobserver is among the descriptors about to be closed. */
void note_jobserver(const struct policy *policy, const char *const *envp);

#endif
