/* SPDX-License-Identifier: MIT */
/*
 * The kernel interface this project relies on, written from the kernel's documentation so that neither
 * the compiler nor the launcher depends on the age of the system's headers (Debian 12's linux/landlock.h
 * stops at ABI 2). tests/unit/kernel_abi_test.c compares every value with the system's headers where those
 * are new enough. Names carry the prefix K_ so that both can be included in one file.
 */
/* clang-format off: comments stand in columns */
#ifndef SCHEMA_KERNEL_ABI_H
#define SCHEMA_KERNEL_ABI_H

#include <stddef.h>
#include <stdint.h>

/* ---- Landlock: Documentation/userspace-api/landlock.rst, include/uapi/linux/landlock.h ---- */

struct k_landlock_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped; /* ABI 6 */
	uint64_t quiet_access_fs; /* ABI 10 */
	uint64_t quiet_access_net; /* ABI 10 */
	uint64_t quiet_scoped; /* ABI 10 */
};

struct k_landlock_path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct k_landlock_net_port_attr {
	uint64_t allowed_access;
	uint64_t port; /* host byte order */
};

_Static_assert(sizeof(struct k_landlock_ruleset_attr) == 48, "UAPI size, ABI 10");
_Static_assert(sizeof(struct k_landlock_path_beneath_attr) == 12, "packed in the UAPI");
_Static_assert(sizeof(struct k_landlock_net_port_attr) == 16, "UAPI size");

#define K_LANDLOCK_CREATE_RULESET_VERSION (1u << 0)
#define K_LANDLOCK_CREATE_RULESET_ERRATA  (1u << 1)
#define K_LANDLOCK_RULE_PATH_BENEATH      1
#define K_LANDLOCK_RULE_NET_PORT          2
#define K_LANDLOCK_MAX_LAYERS             16
#define K_LANDLOCK_LOG_SAME_EXEC_OFF      (1u << 0) /* landlock_restrict_self(2), ABI 7 */
#define K_LANDLOCK_LOG_NEW_EXEC_ON        (1u << 1)

/* ---- seccomp and classic BPF: include/uapi/linux/seccomp.h, filter.h, bpf_common.h, audit.h ---- */

struct k_sock_filter {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};

struct k_sock_fprog {
	uint16_t len;
	const struct k_sock_filter *filter;
};

_Static_assert(sizeof(struct k_sock_filter) == 8, "UAPI size");

#define K_SECCOMP_SET_MODE_FILTER  1
#define K_SECCOMP_GET_ACTION_AVAIL 2

#define K_SECCOMP_RET_KILL_PROCESS 0x80000000u
#define K_SECCOMP_RET_KILL_THREAD  0x00000000u
#define K_SECCOMP_RET_TRAP         0x00030000u
#define K_SECCOMP_RET_ERRNO        0x00050000u
#define K_SECCOMP_RET_USER_NOTIF   0x7fc00000u
#define K_SECCOMP_RET_TRACE        0x7ff00000u
#define K_SECCOMP_RET_LOG          0x7ffc0000u
#define K_SECCOMP_RET_ALLOW        0x7fff0000u
#define K_SECCOMP_RET_ACTION_FULL  0xffff0000u
#define K_SECCOMP_RET_DATA         0x0000ffffu

#define K_BPF_MAXINSNS 4096
/* Sum over a task's filters of converted length + 4 per filter: kernel/seccomp.c, MAX_INSNS_PER_PATH. */
#define K_SECCOMP_MAX_INSNS_PER_PATH 32768

#define K_BPF_LD_W_ABS 0x20
#define K_BPF_JA       0x05
#define K_BPF_JEQ_K    0x15
#define K_BPF_JGT_K    0x25
#define K_BPF_JGE_K    0x35
#define K_BPF_JSET_K   0x45
#define K_BPF_AND_K    0x54
#define K_BPF_RET_K    0x06

/* Offsets in struct seccomp_data; the halves of an argument follow the byte order of the target. */
#define K_SECCOMP_DATA_NR   0
#define K_SECCOMP_DATA_ARCH 4
#define K_SECCOMP_DATA_ARGS 16

#define K_AUDIT_ARCH_I386    0x40000003u
#define K_AUDIT_ARCH_X86_64  0xc000003eu
#define K_AUDIT_ARCH_ARM     0x40000028u
#define K_AUDIT_ARCH_AARCH64 0xc00000b7u
#define K_AUDIT_ARCH_RISCV64 0xc00000f3u
#define K_AUDIT_ARCH_S390X   0x80000016u
#define K_AUDIT_ARCH_PPC64LE 0xc0000015u
/* x32 numbers arrive with AUDIT_ARCH_X86_64 and this bit: arch/x86/include/uapi/asm/unistd.h */
#define K_X32_SYSCALL_BIT 0x40000000u

/* ---- openat2(2): include/uapi/linux/openat2.h ---- */

struct k_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

#define K_RESOLVE_NO_MAGICLINKS 0x02
#define K_RESOLVE_NO_SYMLINKS   0x04
#define K_RESOLVE_BENEATH       0x08
#define K_RESOLVE_IN_ROOT       0x10

/* ---- files and processes: include/uapi/asm-generic/fcntl.h, linux/stat.h, linux/prctl.h, linux/capability.h ---- */

#define K_AT_FDCWD      (-100)
#define K_AT_EACCESS    0x200
#define K_AT_EMPTY_PATH 0x1000
#define K_W_OK          2
#define K_X_OK          1
#define K_PATH_MAX      4096
#define K_OVERFLOW_UID  65534 /* kernel/sys.c, DEFAULT_OVERFLOWUID */
#define K_O_RDONLY      0
#define K_O_WRONLY      1
#define K_O_RDWR        2
#define K_O_ACCMODE     3
#define K_O_CREAT       0100
#define K_O_NOCTTY      0400
#define K_O_TRUNC       01000
#define K_O_NONBLOCK    04000
#define K_O_CLOEXEC     02000000
#define K_O_PATH        010000000
#define K_O_ANCHOR      (K_O_PATH | K_O_CLOEXEC) /* a place to start from: no right to read comes with it */
/* O_DIRECTORY and O_NOFOLLOW differ between architectures. */
#if defined(__aarch64__) || defined(__arm__) || defined(__powerpc__)
#define K_O_DIRECTORY 040000
#define K_O_NOFOLLOW  0100000
#else
#define K_O_DIRECTORY 0200000
#define K_O_NOFOLLOW  0400000
#endif

#define K_S_IFMT  0170000
#define K_S_IFREG 0100000
#define K_S_IFDIR 0040000

#define K_PROT_READ     1
#define K_PROT_WRITE    2
#define K_MAP_PRIVATE   2
#define K_MAP_ANONYMOUS 0x20
#define K_MAP_POPULATE  0x8000

#define K_PR_SET_NO_NEW_PRIVS 38
#define K_PR_CAPBSET_DROP     24
#define K_PR_SET_SECUREBITS   28
#define K_PR_CAP_AMBIENT      47

#define K_F_DUPFD         0
#define K_F_GETFD         1
#define K_F_SETFD         2
#define K_F_DUPFD_CLOEXEC 1030
#define K_F_GET_SEALS     1034
#define K_FD_CLOEXEC      1
#define K_F_SEAL_SHRINK   0x0002
#define K_F_SEAL_GROW     0x0004
#define K_F_SEAL_WRITE    0x0008

#define K_CLOSE_RANGE_UNSHARE (1u << 1)
#define K_CLOSE_RANGE_CLOEXEC (1u << 2)

#define K_LINUX_CAPABILITY_VERSION_3 0x20080522u

struct k_cap_header {
	uint32_t version;
	int32_t pid;
};

struct k_cap_data { /* [0]: capabilities 0 to 31, [1]: 32 to 63 */
	uint32_t sets[3]; /* effective, permitted, inheritable */
};

/* statx(2), include/uapi/linux/stat.h: one layout on every architecture, unlike struct stat. */
#define K_STATX_BASIC_STATS 0x7ffu

struct k_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare[14];
};

_Static_assert(sizeof(struct k_statx) == 256, "UAPI size");

/* ---- namespaces and mounts: include/uapi/linux/sched.h, linux/mount.h ---- */

#define K_CLONE_NEWNS     0x00020000u
#define K_CLONE_NEWCGROUP 0x02000000u
#define K_CLONE_NEWUTS    0x04000000u
#define K_CLONE_NEWIPC    0x08000000u
#define K_CLONE_NEWUSER   0x10000000u
#define K_CLONE_NEWPID    0x20000000u
#define K_CLONE_NEWNET    0x40000000u

#define K_MOUNT_ATTR_RDONLY 0x1u
#define K_MOUNT_ATTR_NOSUID 0x2u
#define K_MOUNT_ATTR_NODEV  0x4u
#define K_MOUNT_ATTR_NOEXEC 0x8u

#define K_AT_RECURSIVE            0x8000u
#define K_OPEN_TREE_CLONE         1u
#define K_OPEN_TREE_CLOEXEC       02000000u /* O_CLOEXEC */
#define K_MOVE_MOUNT_F_EMPTY_PATH 0x4u
#define K_MOVE_MOUNT_T_EMPTY_PATH 0x40u
#define K_FSOPEN_CLOEXEC          1u
#define K_FSMOUNT_CLOEXEC         1u
#define K_FSCONFIG_SET_STRING     1
#define K_FSCONFIG_CMD_CREATE     6
#define K_MS_PRIVATE              0x40000u
#define K_MNT_DETACH              2

struct k_mount_attr { /* mount_setattr(2) */
	uint64_t set, clear, propagation, userns_fd;
};

/* ---- network interfaces: include/uapi/linux/if.h, sockios.h ---- */

#define K_IFF_UP       1
#define K_SIOCSIFFLAGS 0x8914
struct k_ifreq {
	char name[16];
	int16_t flags;
	char rest[22];
};
_Static_assert(sizeof(struct k_ifreq) == 40, "UAPI size");

/* elf auxiliary vector: include/uapi/linux/auxvec.h */
#define K_AT_NULL   0
#define K_AT_UID    11
#define K_AT_EUID   12
#define K_AT_SECURE 23

#endif
