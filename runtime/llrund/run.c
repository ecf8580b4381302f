/* SPDX-License-Identifier: MIT */
/* llrund run FD ARGUMENTS: one supervised run, handed over by llrun with its own arguments. */
#include "audit.h"
#include "broker.h"
#include "check.h"
#include "commands.h"
#include "denials.h"
#include "msg.h"
#include "proto.h"
#include "remote.h"
#include "supervise.h"
#include "terminal.h"

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

int run_supervised(struct run *run, struct audited *audited, const struct stand_in *relay,
		   const struct job_hooks *terminal, struct llrun_error *error)
{
	struct policy *policy = &audited->policy;
	struct broker broker;
	struct job job;

	if (audited->audit) {
		audit_policy(audited->audit, &policy->blob);
		run->report = audit_rule;
		policy->mounted = audit_mount;
	}
	/* without it, the kernel logs nothing that happens after execve(2) */
	if (policy->abi >= 7)
		policy->restrict_flags |= K_LANDLOCK_LOG_NEW_EXEC_ON;
	/* first: a caller that ignores SIGCHLD would keep every wait from its result */
	if (job_init(&job, run, policy, error) < 0 ||
	    (audited->audit && audit_check(audited->audit, policy, &run->options, job.outcome, error) < 0))
		return run_status(policy, EXIT_REFUSED);
	job.audit = audited->audit;
	job.relay = relay;
	job.hooks = terminal;
	job.leader = terminal != NULL;
	if (blob_brokered(&policy->blob))
		broker_attach(&broker, &job);
	int started =
		audit_grants(job.audit, policy) == 0 && denials_open(&job, error) == 0 && job_start(&job, error) == 0;
	if (!started && !audit_failed(job.audit))
		return run_status(policy, EXIT_REFUSED);
	if (started) {
		job_wait(&job);
		denials_close(&job);
	}
	job_leave(&job);
}

/*
 * llrun leaves a run through the daemon to this program when it is one with a terminal. That the policy may be used is
 * known before there is another one.
 */
static int run_through(struct run *run, const char *fd, char path[PATH_SIZE], struct llrun_error *error)
{
	int terminal = is_terminal(0) && is_terminal(1);
	long size;

	if (run->given[OPT_AUDIT])
		fail(error, LLRUN_E_BLOB,
		     "the daemon keeps no log of one run: --audit and --socket exclude each other", NULL);
	else if (take_policy(run, fd, path, error) == 0 && (size = run_check(run, error)) >= 0 &&
		 (!terminal || terminal_relay(error) == 0))
		run_remote(run, (size_t)size, terminal ? PROTO_F_TTY : 0);
	msg_error("llrun", error);
	return EXIT_REFUSED;
}

/* Everything but the command, in words. */
static int check(struct run *run, const char *fd, char path[PATH_SIZE], struct llrun_error *error)
{
	struct policy policy;
	int status = open_policy(run, fd, &policy, path, error);
	char cwd[PATH_SIZE];

	if (status == 0) {
		say_plan(&policy);
		if (SYS(getcwd, cwd, sizeof(cwd)) < 0)
			*cwd = 0;
		run->report = say_rule;
		policy.host_attrs = K_MOUNT_ATTR_RDONLY;
		policy.mounted = say_target;
		status = run_command(run, &policy, path, error);
		if (status == 0 && blob_brokered(&policy.blob) && broker_check(run, &policy, cwd, error) < 0)
			status = EXIT_REFUSED;
		if (status)
			say_left_out();
	}
	if (error->code)
		msg_error("llrun", error);
	return status;
}

int command_run(struct run *run, const char *const *argv)
{
	struct llrun_error error = {.code = LLRUN_OK};
	struct audited audited = {.audit = NULL};
	struct audit audit;
	char path[PATH_SIZE];

	if (!*argv || run_parse(run, argv + 1, &error) < 0 || !run->command ||
	    (!*run->command && !run->given[OPT_CHECK])) {
		if (!error.code)
			fail(&error, LLRUN_E_BLOB, "run is for llrun, which starts it; see llrun --help", NULL);
		return refuse(&error);
	}
	if (run->given[OPT_CHECK])
		return check(run, *argv, path, &error);
	if (run->given[OPT_SOCKET])
		return run_through(run, *argv, path, &error);
	const struct stand_in *relay = job_relay(&error);
	if (!relay)
		return refuse(&error);
	if (run->given[OPT_AUDIT]) {
		if (audit_open(&audit, run->given[OPT_AUDIT], run->options.envp, &error) < 0)
			return refuse(&error);
		audited.audit = &audit;
	}
	int status = open_policy(run, *argv, &audited.policy, path, &error);
	if (!status)
		status = run_supervised(run, &audited, relay, NULL, &error);
	audit_refusal(audited.audit, run, &error, status);
	msg_error("llrun", &error);
	return status;
}
