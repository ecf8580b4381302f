/* SPDX-License-Identifier: MIT */
/* exec argv[1]: what any launcher pays before it does anything. */
#include "sys.h"

ENTRY;

int run(int argc, char **argv, char **envp)
{
	if (argc < 2)
		return 2;
	sys3(__NR_execve, PTR(argv[1]), PTR(argv + 1), PTR(envp));
	return 127;
}
