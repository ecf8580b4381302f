/* SPDX-License-Identifier: MIT */
/*
 * llrun: apply a compiled policy, then execute a command under it. Top to bottom the order of things.
 *
 * MUST apply everything the policy says before the command starts, or exit 125 with one line that says why.
 * MUST NOT run with privileges that its caller does not have (AT_SECURE).
 */
#include "launch.h"
#include "msg.h"
#include "remote.h"

/* A failure, or the end. */
static _Noreturn void stop(const struct llrun_error *error, int status)
{
	if (error->code)
		msg_error("llrun", error);
	for (;;)
		SYS(exit_group, status);
}

/* Up to this size the stack, beyond it a mapping. */
#define SMALL_BLOB 16384

_Noreturn void program_start(const uintptr_t *stack)
{
	char *path = NULL, *small = NULL;
	struct llrun_error error = {.code = LLRUN_OK};
	struct policy policy;
	struct run run;

	run_init(&run, stack);
	if (run.aux[K_AT_SECURE]) {
		fail(&error, LLRUN_E_BLOB,
		     "refusing to run set-user-ID, set-group-ID or with file capabilities (AT_SECURE)", NULL);
		stop(&error, EXIT_REFUSED);
	}
	if (run_parse(&run, run.argv + !!stack[0], &error) < 0)
		stop(&error, EXIT_REFUSED);
	if (run.given[OPT_HELP] || run.given[OPT_VERSION]) {
		run_help(&run);
		stop(&error, 0);
	}
	/* Buffers of the size needed, where one is needed: each page of the stack that is touched costs a fault. */
	if (run.given[OPT_POLICY] || is_bare(*run.command))
		path = __builtin_alloca(PATH_SIZE);
	if (run.given[OPT_AUDIT] || run.given[OPT_CHECK]) {
		run_hand_over(&run, &error);
		stop(&error, EXIT_REFUSED);
	}
	long size = run_open(&run, path, &error) < 0 ? -1 : run_check(&run, &error);
	if (size < 0)
		stop(&error, EXIT_REFUSED);
	if (run.given[OPT_SOCKET]) {
		if (!is_terminal(0) || !is_terminal(1))
			run_remote(&run, (size_t)size, 0);
		run_hand_over(&run, &error);
		stop(&error, EXIT_REFUSED);
	}
	if (size <= SMALL_BLOB)
		small = __builtin_alloca_with_align((size_t)size + 8, 8 * sizeof(uint64_t));
	if (run_read(&run, &policy, small, (size_t)size, &error) < 0)
		stop(&error, error.code == LLRUN_E_BLOB ? EXIT_REFUSED : run_status(&policy, EXIT_REFUSED));
	if (blob_brokered(&policy.blob)) {
		run_hand_over(&run, &error);
		stop(&error, run_status(&policy, EXIT_REFUSED));
	}
	if (!run.given[OPT_QUIET])
		say_uncovered(&policy, "warning");
	stop(&error, run_command(&run, &policy, path, &error));
}
