/* SPDX-License-Identifier: MIT */
/* Calls by number under filters, in children: entry.h. */
#include "entry.h"

#ifdef __x86_64__

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

long entry_call64(const struct bpf_data *d)
{
	register long r10 __asm__("r10") = (long)d->args[3];
	register long r8 __asm__("r8") = (long)d->args[4];
	register long r9 __asm__("r9") = (long)d->args[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)d->nr), "D"(d->args[0]), "S"(d->args[1]), "d"(d->args[2]), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The 32-bit gate; the sixth argument would be in the frame pointer, and no filter sees past the architecture. */
long entry_call32(const struct bpf_data *d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)d->nr), "b"(d->args[0]), "c"(d->args[1]), "d"(d->args[2]), "S"(d->args[3]),
			   "D"(d->args[4])
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

/* Not _exit(), nor a function that the compiler knows not to return: a sanitizer makes calls of its own before those,
 * which the filters would answer. */
void entry_exit(int status)
{
	entry_call64(&(struct bpf_data){.nr = SYS_exit_group, .args = {(uint64_t)status}});
	__asm__ volatile("ud2");
}

int entry_install(const struct bpf_program *p)
{
	struct k_sock_fprog fprog = {(uint16_t)p->count, p->insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	return syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &fprog) == 0 ? 0 : errno;
}

/* Runs body in a child; its wait status. The child ends by exit_group. */
int entry_child(void (*body)(const void *), const void *data)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		body(data);
		entry_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* uretprobe(2) and uprobe(2) are the kernel's own traps: kernel/seccomp.c, seccomp_uprobe_exception(), lets them
 * pass every filter, and the first of them, called from elsewhere, ends the process. */
bool entry_exempt(const struct bpf_data *d)
{
	return d->arch == K_AUDIT_ARCH_X86_64 && (d->nr == 335 || d->nr == 336);
}

#endif
