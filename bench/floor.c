/* SPDX-License-Identifier: MIT */
/*
 * The floor: what `llrun P.llb -- cmd` would cost if the policy were written into the program by hand. The same
 * system calls in the same order, from constants; every answer is checked, and each failure has its own exit status.
 */
#include "policy_p.h"
#include "sys.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>

ENTRY;

static int add_paths(long ruleset)
{
	for (unsigned i = 0; i < P_COUNT(p_paths); i++) {
		struct k_landlock_path_beneath_attr attr = {.allowed_access = p_paths[i].access};
		long fd = sys4(__NR_openat, AT_FDCWD, PTR(p_paths[i].path), O_PATH | O_CLOEXEC, 0);

		if (fd < 0)
			return 10;
		attr.parent_fd = (int32_t)fd;
		if (sys4(__NR_landlock_add_rule, ruleset, K_LANDLOCK_RULE_PATH_BENEATH, PTR(&attr), 0))
			return 11;
		sys3(__NR_close, fd, 0, 0);
	}
	return 0;
}

static int restrict_files_and_ports(void)
{
	/* the three fields of ABI 6 */
	struct k_landlock_ruleset_attr attr = {P_HANDLED_FS, P_HANDLED_NET, 0, 0, 0, 0};
	long ruleset = sys3(__NR_landlock_create_ruleset, PTR(&attr), 24, 0);
	int failed;

	if (ruleset < 0)
		return 12;
	failed = add_paths(ruleset);
	if (failed)
		return failed;
	if (sys4(__NR_landlock_add_rule, ruleset, K_LANDLOCK_RULE_NET_PORT, PTR(&p_port), 0))
		return 13;
	if (sys3(__NR_landlock_restrict_self, ruleset, 0, 0))
		return 14;
	sys3(__NR_close, ruleset, 0, 0);
	return 0;
}

int run(int argc, char **argv, char **envp)
{
	struct k_sock_fprog program = {P_COUNT(p_filter), p_filter};
	int failed;

	if (argc < 2)
		return 2;
	if (sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 15;
	failed = restrict_files_and_ports();
	if (failed)
		return failed;
	if (sys3(__NR_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, PTR(&program)))
		return 16;
	sys3(__NR_execve, PTR(argv[1]), PTR(argv + 1), PTR(envp));
	return 127;
}
