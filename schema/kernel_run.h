/* SPDX-License-Identifier: MIT */
/*
 * The kernel interface of running somebody else's command: processes, signals, sockets, descriptors, terminals. Like
 * kernel_abi.h written from the kernel's documentation, because the runtime has no libc; tests/unit/kernel_run_test.c
 * compares it with the system's headers. x86_64 and aarch64 agree on everything here but where it says so.
 */
/* clang-format off: comments stand in columns */
#ifndef SCHEMA_KERNEL_RUN_H
#define SCHEMA_KERNEL_RUN_H

#include "kernel_abi.h"

/* ---- processes: include/uapi/linux/sched.h, wait.h, prctl.h, asm-generic/resource.h ---- */

#define K_CLONE_VM             0x00000100u
#define K_CLONE_FS             0x00000200u
#define K_CLONE_FILES          0x00000400u
#define K_CLONE_SIGHAND        0x00000800u
#define K_CLONE_PIDFD          0x00001000u
#define K_CLONE_THREAD         0x00010000u
#define K_CLONE_CHILD_CLEARTID 0x00200000u
#define K_CLONE_INTO_CGROUP    0x200000000u

struct k_clone_args { /* CLONE_ARGS_SIZE_VER2, Linux 5.7 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
		cgroup;
};
_Static_assert(sizeof(struct k_clone_args) == 88, "UAPI size");

#define K_P_ALL         0
#define K_P_PID         1
#define K_WNOHANG       1
#define K_WSTOPPED      2
#define K_WEXITED       4
#define K_WCONTINUED    8
#define K_WNOWAIT       0x01000000
#define K_WALL          0x40000000
#define K_CLD_EXITED    1
#define K_CLD_KILLED    2
#define K_CLD_DUMPED    3
#define K_CLD_TRAPPED   4
#define K_CLD_STOPPED   5
#define K_CLD_CONTINUED 6

struct k_siginfo { /* as waitid(2) fills it: include/uapi/asm-generic/siginfo.h, _sigchld */
	int32_t signo, error, code, pad, pid;
	uint32_t uid;
	int32_t status;
	uint32_t rest[25];
};
_Static_assert(sizeof(struct k_siginfo) == 128, "UAPI size");

#define K_PR_SET_PDEATHSIG       1
#define K_PR_GET_DUMPABLE        3
#define K_PR_SET_DUMPABLE        4
#define K_PR_SET_NAME            15
#define K_PR_SET_CHILD_SUBREAPER 36
#define K_PR_GET_NO_NEW_PRIVS    39

#define K_RLIM_NLIMITS  16
#define K_RLIMIT_FSIZE  1
#define K_RLIMIT_NOFILE 7
struct k_rlimit {
	uint64_t current, max;
};

/* ---- signals: include/uapi/asm-generic/signal.h, linux/signalfd.h ---- */

#define K_SIGHUP          1
#define K_SIGINT          2
#define K_SIGQUIT         3
#define K_SIGABRT         6
#define K_SIGKILL         9
#define K_SIGPIPE         13
#define K_SIGALRM         14
#define K_SIGTERM         15
#define K_SIGCHLD         17
#define K_SIGCONT         18
#define K_SIGSTOP         19
#define K_SIGTSTP         20
#define K_SIGTTIN         21
#define K_SIGTTOU         22
#define K_SIGXFSZ         25
#define K_SIGWINCH        28
#define K_NSIG            64
#define K_SIG_BIT(signal) (UINT64_C(1) << ((signal)-1))

#define K_IOPRIO_WHO_PROCESS 1

#define K_SIG_BLOCK   0
#define K_SIG_UNBLOCK 1
#define K_SIG_SETMASK 2
#define K_SIG_DFL     ((uintptr_t)0)
#define K_SIG_IGN     ((uintptr_t)1)
#define K_SA_RESTORER 0x04000000ul /* x86_64 */
/*
 * include/uapi/asm-generic/signal.h; with a restorer wherever SA_RESTORER is defined, which arm64 does, too, for 32-bit
 * programs (arch/arm64/include/uapi/asm/signal.h). Neither default nor ignore needs one.
 */
struct k_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

#define K_SFD_CLOEXEC  02000000
#define K_SFD_NONBLOCK 04000
#define K_SI_USER      0
#define K_SI_KERNEL    0x80
struct k_signalfd_siginfo {
	uint32_t signo;
	int32_t error, code;
	uint32_t pid;
	uint32_t rest[28];
};
_Static_assert(sizeof(struct k_signalfd_siginfo) == 128, "UAPI size");

/* ---- sockets: include/uapi/linux/un.h, include/linux/socket.h, asm-generic/socket.h ---- */

#define K_AF_UNIX        1
#define K_SOCK_STREAM    1
#define K_SOCK_DGRAM     2
#define K_SOCK_SEQPACKET 5
#define K_SOCK_NONBLOCK  04000
#define K_SOCK_CLOEXEC   02000000
#define K_SOL_SOCKET     1
#define K_SCM_RIGHTS     1
#define K_SCM_MAX_FD     253 /* include/net/scm.h */
#define K_SO_TYPE        3
#define K_SO_PEERCRED    17
#define K_SO_ACCEPTCONN  30
#define K_SO_DOMAIN      39
#define K_SO_PEERPIDFD   77 /* Linux 6.5 */
/* linux/pidfd.h, Linux 6.13: _IOWR(0xff, 11, struct pidfd_info), of its first version */
#define K_PIDFD_GET_INFO           0xc040ff0bu
#define K_PIDFD_INFO_CGROUPID      (1u << 2)
#define K_PIDFD_GET_NET_NAMESPACE  0xff04u /* Linux 6.11: _IO(0xff, 4) */
#define K_PIDFD_GET_USER_NAMESPACE 0xff09u
struct k_pidfd_info {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};
_Static_assert(sizeof(struct k_pidfd_info) == 64, "UAPI size");
#define K_MSG_PEEK         0x2
#define K_MSG_CTRUNC       0x8
#define K_MSG_TRUNC        0x20
#define K_MSG_DONTWAIT     0x40
#define K_MSG_NOSIGNAL     0x4000
#define K_MSG_CMSG_CLOEXEC 0x40000000
#define K_SHUT_RDWR        2

#define K_SUN_PATH 108
struct k_sockaddr_un {
	uint16_t family;
	char path[K_SUN_PATH];
};
struct k_iovec {
	const void *base;
	size_t size;
};
struct k_msghdr {
	void *name;
	uint32_t name_size, pad;
	struct k_iovec *iov;
	size_t niov;
	void *control;
	size_t control_size;
	uint32_t flags, pad2;
};
_Static_assert(sizeof(struct k_msghdr) == 56, "UAPI size");
struct k_cmsghdr { /* data follow; the whole is rounded up to 8 */
	size_t size;
	int32_t level, type;
};
struct k_ucred {
	int32_t pid;
	uint32_t uid, gid;
};

/* ---- audit: include/uapi/linux/netlink.h, audit.h ---- */

#define K_AF_NETLINK            16
#define K_SOCK_RAW              3
#define K_SO_RCVBUF             8
#define K_NETLINK_AUDIT         9
#define K_NLMSG_ERROR           2
#define K_NLM_F_REQUEST         1
#define K_AUDIT_GET             1000
#define K_AUDIT_SYSCALL         1300
#define K_AUDIT_EOE             1320
#define K_AUDIT_LANDLOCK_ACCESS 1423
#define K_AUDIT_LANDLOCK_DOMAIN 1424
#define K_AUDIT_GROUP_READLOG   (1u << 0) /* 1 << (AUDIT_NLGRP_READLOG - 1) */
struct k_sockaddr_nl {
	uint16_t family, pad;
	uint32_t pid, groups;
};
struct k_nlmsghdr {
	uint32_t size;
	uint16_t type, flags;
	uint32_t seq, pid;
};
struct k_audit_status { /* the beginning of struct audit_status */
	uint32_t mask, enabled;
};

/* ---- waiting: include/uapi/asm-generic/poll.h, linux/eventpoll.h, linux/inotify.h, linux/time.h ---- */

#define K_POLLIN    0x001
#define K_POLLPRI   0x002
#define K_POLLOUT   0x004
#define K_POLLERR   0x008
#define K_POLLHUP   0x010
#define K_POLLRDHUP 0x2000
struct k_pollfd {
	int32_t fd;
	int16_t events, revents;
};
struct k_timespec {
	int64_t sec, nsec;
};
struct k_dirent64 { /* include/linux/dirent.h */
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};
struct k_itimerspec {
	struct k_timespec interval, value;
};
#define K_CLOCK_REALTIME  0
#define K_CLOCK_MONOTONIC 1
#define K_TFD_CLOEXEC     02000000
#define K_TFD_NONBLOCK    04000

#define K_EPOLL_CLOEXEC 02000000
#define K_EPOLL_CTL_ADD 1
#define K_EPOLL_CTL_DEL 2
struct k_epoll_event {
	uint32_t events;
	uint64_t data;
}
#ifdef __x86_64__
__attribute__((packed))
#endif
;

#define K_IN_CLOEXEC     02000000
#define K_IN_NONBLOCK    04000
#define K_IN_ATTRIB      0x00000004u
#define K_IN_MOVED_FROM  0x00000040u
#define K_IN_MOVED_TO    0x00000080u
#define K_IN_CREATE      0x00000100u
#define K_IN_DELETE      0x00000200u
#define K_IN_DELETE_SELF 0x00000400u
#define K_IN_MOVE_SELF   0x00000800u
#define K_IN_UNMOUNT     0x00002000u
#define K_IN_Q_OVERFLOW  0x00004000u
#define K_IN_IGNORED     0x00008000u
#define K_IN_ONLYDIR     0x01000000u
struct k_inotify_event { /* a name of `size` bytes follows, padded with NULs */
	int32_t wd;
	uint32_t mask, cookie, size;
};

/* ---- futexes: include/uapi/linux/futex.h ---- */

#define K_FUTEX_WAIT     0
#define K_FUTEX_WAKE     1
#define K_FUTEX_WAITERS  0x80000000u
#define K_FUTEX_TID_MASK 0x3fffffffu
struct k_robust_list_head {
	uintptr_t list; /* itself: empty */
	long offset; /* from an entry to its futex */
	uintptr_t pending; /* the entry being taken or given back */
};

/* ---- files: include/uapi/asm-generic/fcntl.h, linux/memfd.h, linux/stat.h, linux/magic.h ---- */

#define K_O_EXCL              0200
#define K_AT_SYMLINK_NOFOLLOW 0x100
#define K_AT_REMOVEDIR        0x200
#define K_AT_STATX_DONT_SYNC  0x4000 /* never asks a server, so that nobody's can stall us */
#define K_STATX_ATTR_NODUMP   0x40u /* of attributes, attributes_mask */
#define K_STATX_MNT_ID        0x1000u /* spare[0] of struct k_statx */
#define K_O_APPEND            02000
#define K_S_IFSOCK            0140000
#define K_S_IFCHR             0020000
#define K_S_IFIFO             0010000
#define K_S_IFLNK             0120000
#define K_F_GETFL             3
#define K_F_SETFL             4
#define K_F_ADD_SEALS         1033
#define K_F_SEAL_SEAL         0x0001
#define K_MFD_CLOEXEC         1
#define K_MFD_ALLOW_SEALING   2
#define K_LOCK_EX             2
#define K_LOCK_NB             4
#define K_LOCK_UN             8
#define K_PROT_EXEC           4
#define K_MAP_SHARED          1
#define K_MAP_NORESERVE       0x4000

/* ---- terminals: include/uapi/asm-generic/ioctls.h, termbits.h ---- */

#define K_TCGETS      0x5401
#define K_TCSETS      0x5402
#define K_TCSETSW     0x5403
#define K_TIOCSCTTY   0x540e
#define K_TIOCOUTQ    0x5411 /* SIOCOUTQ: bytes that the other end has yet to read */
#define K_TIOCGPGRP   0x540f
#define K_TIOCSPGRP   0x5410
#define K_TIOCGWINSZ  0x5413
#define K_TIOCSWINSZ  0x5414
#define K_TIOCNOTTY   0x5422
#define K_TIOCGPTPEER 0x5441
#define K_TIOCSPTLCK  0x40045431u

#define K_IGNBRK 0x1u
#define K_BRKINT 0x2u
#define K_PARMRK 0x8u
#define K_ISTRIP 0x20u
#define K_INLCR  0x40u
#define K_IGNCR  0x80u
#define K_ICRNL  0x100u
#define K_IXON   0x400u
#define K_OPOST  0x1u
#define K_ISIG   0x1u
#define K_ICANON 0x2u
#define K_ECHO   0x8u
#define K_ECHONL 0x40u
#define K_IEXTEN 0x8000u
#define K_VTIME  5
#define K_VMIN   6
struct k_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
};
_Static_assert(sizeof(struct k_termios) == 36, "UAPI size");
struct k_winsize {
	uint16_t rows, columns, xpixels, ypixels;
};

#endif
