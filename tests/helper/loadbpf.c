/* SPDX-License-Identifier: MIT */
/* loadbpf FILE COMMAND...: install the instructions of the file with seccomp(2), as any launcher would, and exec. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static struct sock_filter insns[4096];
	struct sock_fprog program = {.filter = insns};
	int fd = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	ssize_t size = fd < 0 ? -1 : read(fd, insns, sizeof(insns));

	if (size <= 0 || size % (ssize_t)sizeof(insns[0])) {
		fputs("loadbpf: no instructions\n", stderr);
		return 125;
	}
	program.len = (unsigned short)((size_t)size / sizeof(insns[0]));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
		perror("loadbpf: seccomp");
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror("loadbpf: exec");
	return 127;
}
