/* SPDX-License-Identifier: MIT */
/*
 * atcall NUMBER HOOK PROGRAM ARGS...: run PROGRAM; when it first enters system call NUMBER, stop it, run HOOK with
 * sh -c, let it go on. For races that must happen every time. Exit status: PROGRAM's, 128+N when it dies by signal N,
 * 99 when the call was never made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct __ptrace_syscall_info info;
	int status, done = 0;
	long number;
	pid_t child;

	if (argc < 4)
		return 2;
	number = strtol(argv[1], NULL, 0);
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[3], argv + 3);
		_exit(2);
	}
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		int sig = WSTOPSIG(status);

		if (sig == (SIGTRAP | 0x80) && !done &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && (long)info.entry.nr == number)
			done = system(argv[2]) == 0;
		sig = sig == (SIGTRAP | 0x80) || sig == SIGTRAP ? 0 : sig;
		ptrace(done ? PTRACE_CONT : PTRACE_SYSCALL, child, NULL, (void *)(long)sig);
	}
	if (!done)
		return 99;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
