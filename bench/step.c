/* SPDX-License-Identifier: MIT */
/*
 * step PROGRAM ARGS...: single-steps a program from its first instruction to its own successful execve and prints
 * "INSTRUCTIONS CPUIDS": what no noise can move. CPUID is counted because it traps in every virtual machine (one
 * microsecond on plain KVM, five nested), and a C library's start-up executes dozens.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int step_to_exec(pid_t pid, long *instructions, long *cpuids)
{
	int status;

	for (;;) {
		struct user_regs_struct regs;
		long word;

		if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
			return -1;
		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.rip, 0);
		if (errno)
			return -1;
		++*instructions;
		*cpuids += (word & 0xffff) == 0xa20f;
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) || waitpid(pid, &status, 0) != pid)
			return -1;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			return -1; /* it ended without an execve */
		if (status >> 16 == PTRACE_EVENT_EXEC)
			return 0;
	}
}

int main(int argc, char **argv)
{
	long instructions = 0, cpuids = 0;
	int status, failed;
	pid_t pid;

	if (argc < 2)
		return 2;
	pid = fork();
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(126);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
		fprintf(stderr, "step: %s does not start\n", argv[1]);
		return 1;
	}
	failed = ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) ||
		 step_to_exec(pid, &instructions, &cpuids);
	if (failed) {
		fprintf(stderr, "step: %s did not reach an execve\n", argv[1]);
		return 1;
	}
	printf("%ld %ld\n", instructions, cpuids);
	return 0;
}
