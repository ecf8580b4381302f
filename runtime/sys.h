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
	X(read, 0, 63)                                                                                               \
	X(write, 1, 64)                                                                                              \
	X(close, 3, 57)                                                                                              \
	X(mmap, 9, 222)                                                                                              \
	X(mprotect, 10, 226)                                                                                         \
	X(munmap, 11, 215)                                                                                           \
	X(rt_sigaction, 13, 134)                                                                                     \
	X(rt_sigprocmask, 14, 135)                                                                                   \
	X(rt_sigreturn, 15, 139)                                                                                     \
	X(ioctl, 16, 29)                                                                                             \
	X(pread64, 17, 67)                                                                                           \
	X(writev, 20, 66)                                                                                            \
	X(sched_yield, 24, 124)                                                                                      \
	X(getpid, 39, 172)                                                                                           \
	X(socket, 41, 198)                                                                                           \
	X(connect, 42, 203)                                                                                          \
	X(sendto, 44, 206)                                                                                           \
	X(recvfrom, 45, 207)                                                                                         \
	X(sendmsg, 46, 211)                                                                                          \
	X(recvmsg, 47, 212)                                                                                          \
	X(shutdown, 48, 210)                                                                                         \
	X(bind, 49, 200)                                                                                             \
	X(listen, 50, 201)                                                                                           \
	X(getsockname, 51, 204)                                                                                      \
	X(socketpair, 53, 199)                                                                                       \
	X(setsockopt, 54, 208)                                                                                       \
	X(getsockopt, 55, 209)                                                                                       \
	X(clone, 56, 220)                                                                                            \
	X(execve, 59, 221)                                                                                           \
	X(exit, 60, 93)                                                                                              \
	X(wait4, 61, 260)                                                                                            \
	X(kill, 62, 129)                                                                                             \
	X(fcntl, 72, 25)                                                                                             \
	X(flock, 73, 32)                                                                                             \
	X(fsync, 74, 82)                                                                                             \
	X(truncate, 76, 45)                                                                                          \
	X(ftruncate, 77, 46)                                                                                         \
	X(getcwd, 79, 17)                                                                                            \
	X(chdir, 80, 49)                                                                                             \
	X(fchdir, 81, 50)                                                                                            \
	X(fchmod, 91, 52)                                                                                            \
	X(umask, 95, 166)                                                                                            \
	X(getuid, 102, 174)                                                                                          \
	X(getgid, 104, 176)                                                                                          \
	X(setpgid, 109, 154)                                                                                         \
	X(getppid, 110, 173)                                                                                         \
	X(setsid, 112, 157)                                                                                          \
	X(setgroups, 116, 159)                                                                                       \
	X(getpgid, 121, 155)                                                                                         \
	X(setfsuid, 122, 151)                                                                                        \
	X(setfsgid, 123, 152)                                                                                        \
	X(capget, 125, 90)                                                                                           \
	X(capset, 126, 91)                                                                                           \
	X(rt_sigpending, 127, 136)                                                                                   \
	X(rt_sigtimedwait, 128, 137)                                                                                 \
	X(statfs, 137, 43)                                                                                           \
	X(fstatfs, 138, 44)                                                                                          \
	X(pivot_root, 155, 41)                                                                                       \
	X(prctl, 157, 167)                                                                                           \
	X(umount2, 166, 39)                                                                                          \
	X(gettid, 186, 178)                                                                                          \
	X(futex, 202, 98)                                                                                            \
	X(sched_getaffinity, 204, 123)                                                                               \
	X(getdents64, 217, 61)                                                                                       \
	X(clock_gettime, 228, 113)                                                                                   \
	X(exit_group, 231, 94)                                                                                       \
	X(epoll_ctl, 233, 21)                                                                                        \
	X(waitid, 247, 95)                                                                                           \
	X(ioprio_get, 252, 31)                                                                                       \
	X(inotify_add_watch, 254, 27)                                                                                \
	X(inotify_rm_watch, 255, 28)                                                                                 \
	X(openat, 257, 56)                                                                                           \
	X(mkdirat, 258, 34)                                                                                          \
	X(mknodat, 259, 33)                                                                                          \
	X(unlinkat, 263, 35)                                                                                         \
	X(linkat, 265, 37)                                                                                           \
	X(symlinkat, 266, 36)                                                                                        \
	X(readlinkat, 267, 78)                                                                                       \
	X(faccessat, 269, 48)                                                                                        \
	X(ppoll, 271, 73)                                                                                            \
	X(unshare, 272, 97)                                                                                          \
	X(set_robust_list, 273, 99)                                                                                  \
	X(epoll_pwait, 281, 22)                                                                                      \
	X(timerfd_create, 283, 85)                                                                                   \
	X(timerfd_settime, 286, 86)                                                                                  \
	X(accept4, 288, 242)                                                                                         \
	X(signalfd4, 289, 74)                                                                                        \
	X(epoll_create1, 291, 20)                                                                                    \
	X(dup3, 292, 24)                                                                                             \
	X(inotify_init1, 294, 26)                                                                                    \
	X(prlimit64, 302, 261)                                                                                       \
	X(setns, 308, 268)                                                                                           \
	X(process_vm_readv, 310, 270)                                                                                \
	X(sched_getattr, 315, 275)                                                                                   \
	X(renameat2, 316, 276)                                                                                       \
	X(seccomp, 317, 277)                                                                                         \
	X(getrandom, 318, 278)                                                                                       \
	X(memfd_create, 319, 279)                                                                                    \
	X(copy_file_range, 326, 285)                                                                                 \
	X(statx, 332, 291)                                                                                           \
	X(pidfd_send_signal, 424, 424)                                                                               \
	X(open_tree, 428, 428)                                                                                       \
	X(move_mount, 429, 429)                                                                                      \
	X(fsopen, 430, 430)                                                                                          \
	X(fsconfig, 431, 431)                                                                                        \
	X(fsmount, 432, 432)                                                                                         \
	X(pidfd_open, 434, 434)                                                                                      \
	X(clone3, 435, 435)                                                                                          \
	X(close_range, 436, 436)                                                                                     \
	X(openat2, 437, 437)                                                                                         \
	X(faccessat2, 439, 439)                                                                                      \
	X(mount_setattr, 442, 442)                                                                                   \
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
