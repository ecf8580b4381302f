/* SPDX-License-Identifier: MIT */
/*
 * Raw x86_64 system calls and an entry point for the freestanding programs of the benchmark. Deliberately not
 * runtime/sys.h: the floor must not get faster or slower with the launcher it is compared with.
 */
#ifndef BENCH_SYS_H
#define BENCH_SYS_H

#ifndef __x86_64__
#error "the floor of the benchmark is written for x86_64"
#endif

#include <asm/unistd.h>

static inline __attribute__((always_inline)) long sys4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return ret;
}

/* prctl(2) refuses PR_SET_NO_NEW_PRIVS unless its fifth argument is zero too. */
static inline __attribute__((always_inline)) long sys5(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline __attribute__((always_inline)) long sys3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
}

#define PTR(p) ((long)(p))

/* Calls run(argc, argv, envp) and exits with what it returns. */
#define ENTRY                                                                                                        \
	__asm__(".text\n.globl _start\n.type _start,@function\n_start:\n"                                            \
		"xor %ebp,%ebp\n"                                                                                    \
		"mov (%rsp),%edi\n"                                                                                  \
		"lea 8(%rsp),%rsi\n"                                                                                 \
		"lea 16(%rsp,%rdi,8),%rdx\n"                                                                         \
		"and $-16,%rsp\n"                                                                                    \
		"call run\n"                                                                                         \
		"mov %eax,%edi\n"                                                                                    \
		"mov $231,%eax\n"                                                                                    \
		"syscall\n")
int run(int argc, char **argv, char **envp);

#endif
