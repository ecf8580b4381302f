/* SPDX-License-Identifier: MIT */
/* llrund run FD ARGUMENTS: one supervised run, handed over by llrun with its own arguments. */
#include "commands.h"
#include "msg.h"
#include "supervise.h"

/* The policy as llrun has opened it, or "-". */
static int take_policy(struct run *run, const char *fd, char path[PATH_SIZE], struct llrun_error *error)
{
	uint32_t given;
	const char *rest = number(fd, &given);

	if (!rest)
		return run_open(run, path, error);
	if (*rest || SYS(fcntl, given, K_F_GETFD) < 0)
		return fail(error, LLRUN_E_BLOB, "not a descriptor", fd);
	run->fd = (int)given;
	if (!run->blob)
		run->blob = run->given[OPT_POLICY] ? run->given[OPT_POLICY] : run->given[OPT_BLOB_FD];
	if (given > 2)
		SYS(fcntl, given, K_F_SETFD, K_FD_CLOEXEC);
	return 0;
}

static int open_policy(struct run *run, const char *fd, struct policy *policy, char path[PATH_SIZE],
		       struct llrun_error *error)
{
	if (take_policy(run, fd, path, error) < 0)
		return EXIT_REFUSED;
	long size = run_check(run, error);
	if (size < 0)
		return EXIT_REFUSED;
	if (run_read(run, policy, NULL, (size_t)size, error) < 0)
		return error->code == LLRUN_E_BLOB ? EXIT_REFUSED : run_status(policy, EXIT_REFUSED);
	if (!run->given[OPT_QUIET])
		say_uncovered(policy, "warning");
	return 0;
}

int command_run(struct run *run, const char *const *argv)
{
	struct llrun_error error = {.code = LLRUN_OK};
	char path[PATH_SIZE];
	struct policy policy;
	struct job job;

	if (!*argv || run_parse(run, argv + 1, &error) < 0 || !run->command || !*run->command) {
		if (!error.code)
			fail(&error, LLRUN_E_BLOB, "run is for llrun, which starts it; see llrun --help", NULL);
		return refuse(&error);
	}
	int status = open_policy(run, *argv, &policy, path, &error);
	if (status == 0 && (job_init(&job, run, &policy, &error) < 0 || job_start(&job, &error) < 0))
		status = EXIT_REFUSED;
	if (status) {
		msg_error("llrun", &error);
		return status;
	}
	job_wait(&job);
	job_leave(&job);
}
