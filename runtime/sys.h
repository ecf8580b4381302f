/* SPDX-License-Identifier: MIT */
/*
 * System calls without a libc: numbers, one instruction, error numbers. A negative result is a negated error number.
 * Usable between vfork(2) and execve(2), and next to any libc: no errno, no TLS, no symbol.
 */
#ifndef RUNTIME_SYS_H
#define RUNTIME_SYS_H

#include "kernel_abi.h"

/* X(name, x86_64, aarch64): arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
#define EACH_SYSCALL(X)                                                                                              \
	X(write, 1, 64)                                                                                              \
	X(close, 3, 57)                                                                                              \
	X(mmap, 9, 222)                                                                                              \
	X(pread64, 17, 67)                                                                                           \
	X(execve, 59, 221)                                                                                           \
	X(fcntl, 72, 25)                                                                                             \
	X(umask, 95, 166)                                                                                            \
	X(getuid, 102, 174)                                                                                          \
	X(setpgid, 109, 154)                                                                                         \
	X(getppid, 110, 173)                                                                                         \
	X(setsid, 112, 157)                                                                                          \
	X(getpgid, 121, 155)                                                                                         \
	X(capget, 125, 90)                                                                                           \
	X(capset, 126, 91)                                                                                           \
	X(prctl, 157, 167)                                                                                           \
	X(exit_group, 231, 94)                                                                                       \
	X(openat, 257, 56)                                                                                           \
	X(faccessat, 269, 48)                                                                                        \
	X(seccomp, 317, 277)                                                                                         \
	X(statx, 332, 291)                                                                                           \
	X(close_range, 436, 436)                                                                                     \
	X(openat2, 437, 437)                                                                                         \
	X(faccessat2, 439, 439)                                                                                      \
	X(landlock_create_ruleset, 444, 444)                                                                         \
	X(landlock_add_rule, 445, 445)                                                                               \
	X(landlock_restrict_self, 446, 446)

enum {
#if defined(__x86_64__) && !defined(__ILP32__)
#define X(name, x86_64, aarch64) NR_##name = x86_64,
#define SYS_AUDIT_ARCH           K_AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define X(name, x86_64, aarch64) NR_##name = aarch64,
#define SYS_AUDIT_ARCH           K_AUDIT_ARCH_AARCH64
#else
#error "the launcher knows x86_64 and aarch64"
#endif
	EACH_SYSCALL(X)
#undef X
};

enum {
#define LL_ERRNO(name, number, text) K_##name = (number),
#include "errno.def"
};

static inline long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
#else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#endif
}

/* SYS(openat, K_AT_FDCWD, path, flags): up to six arguments, the rest are zero (prctl(2) insists on that). */
#define SYS(...) SYS_PAD(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define SYS_PAD(name, a, b, c, d, e, f, ...)                                                                         \
	sys_call(NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
