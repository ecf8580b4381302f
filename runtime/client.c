/* SPDX-License-Identifier: MIT */
/*
 * What llrun leaves to llrund: a run that needs a supervisor (a brokered policy, --audit, --check) is handed over whole.
 *
 * MUST NOT look llrund up in PATH, which the caller's environment controls: it is the file beside this program, else
 * the one of the installation.
 */
#include "launch.h"

/*
 * llrund run FD ARGUMENTS-OF-LLRUN: FD is the policy that this process has opened, so that the name is not looked up
 * twice, or "-".
 */
void run_hand_over(struct run *run, struct llrun_error *error)
{
	uint32_t count = 0;
	char path[PATH_SIZE], fd[12];

	while (run->argv[count])
		count++;
	const char **argv = __builtin_alloca((count + 4) * sizeof(*argv));

	argv[0] = "llrund";
	argv[1] = "run";
	/* a number of its own: where a standard one was closed, the policy has that */
	argv[2] = run->fd < 0 ? "-" : decimal(fd, (uint32_t)SYS(fcntl, run->fd, K_F_DUPFD, 3));
	argv[3] = NULL;
	for (uint32_t i = 1; i <= count; i++)
		argv[2 + i] = run->argv[i];
	long len = SYS(readlinkat, K_AT_FDCWD, "/proc/self/exe", path, PATH_SIZE - sizeof("llrund")),
	     result = -K_ENOENT;
	while (len > 0 && path[len - 1] != '/')
		len--;
	if (len > 0) {
		append(path, PATH_SIZE, (uint32_t)len, "llrund");
		result = SYS(execve, path, argv, run->options.envp);
	}
	if (result == -K_ENOENT) {
		append(path, PATH_SIZE, 0, LLRUN_BINDIR "/llrund");
		result = SYS(execve, path, argv, run->options.envp);
	}
	check_sys(error, "execve", result, path);
	if (result == -K_ENOENT)
		fail(error, LLRUN_E_BLOB,
		     "not found, and this run needs it (a broker, --audit, --check, --socket on a tty): install it",
		     path);
}
