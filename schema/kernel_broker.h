/* SPDX-License-Identifier: MIT */
/*
 * The kernel interface of answering for another process: seccomp user notification, its memory, its files. Written like
 * kernel_run.h; tests/unit/kernel_broker_test.c compares it with the system's headers.
 */
/* clang-format off: comments stand in columns */
#ifndef SCHEMA_KERNEL_BROKER_H
#define SCHEMA_KERNEL_BROKER_H

#include "kernel_run.h"

/* ---- include/uapi/linux/seccomp.h ---- */

struct k_seccomp_data {
	int32_t nr;
	uint32_t arch;
	uint64_t ip, args[6];
};
struct k_seccomp_notif {
	uint64_t id;
	uint32_t pid; /* of the thread, as the reader of the listener sees it */
	uint32_t flags;
	struct k_seccomp_data data;
};
struct k_seccomp_notif_resp {
	uint64_t id;
	int64_t val;
	int32_t error;
	uint32_t flags;
};
struct k_seccomp_notif_addfd {
	uint64_t id;
	uint32_t flags, srcfd, newfd, newfd_flags;
};
_Static_assert(sizeof(struct k_seccomp_notif) == 80 && sizeof(struct k_seccomp_notif_resp) == 24 &&
		       sizeof(struct k_seccomp_notif_addfd) == 24,
	       "UAPI size");

#define K_SECCOMP_FILTER_FLAG_NEW_LISTENER   0x08u
#define K_SECCOMP_FILTER_FLAG_WAIT_KILLABLE  0x20u /* Linux 5.19 */
#define K_SECCOMP_USER_NOTIF_FLAG_CONTINUE   1u
#define K_SECCOMP_ADDFD_FLAG_SEND            2u /* Linux 5.14 */
#define K_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1u /* Linux 6.6 */
#define K_SECCOMP_IOCTL_NOTIF_RECV           0xc0502100u
#define K_SECCOMP_IOCTL_NOTIF_SEND           0xc0182101u
#define K_SECCOMP_IOCTL_NOTIF_ID_VALID       0x40082102u
#define K_SECCOMP_IOCTL_NOTIF_ADDFD          0x40182103u
#define K_SECCOMP_IOCTL_NOTIF_SET_FLAGS      0x40082104u

/* include/uapi/linux/futex.h */
#define K_FUTEX_WAIT_PRIVATE (128 | K_FUTEX_WAIT)
#define K_FUTEX_WAKE_PRIVATE (128 | K_FUTEX_WAKE)

/* ---- files: include/uapi/asm-generic/fcntl.h, linux/openat2.h, linux/fcntl.h, linux/fs.h, linux/magic.h ---- */

#define K_O_APPEND  02000
#define K_O_DSYNC   010000
#define K_O_SYNC    04010000
#define K_O_NOATIME 01000000
#define K_O_TMPFILE 020000000 /* with O_DIRECTORY */
#ifdef __aarch64__
#define K_O_LARGEFILE 0400000
#define K_O_DIRECT    0200000
#else
#define K_O_LARGEFILE 0100000
#define K_O_DIRECT    040000
#endif
/* fs/fcntl.c, VALID_OPEN_FLAGS: openat(2) ignores any other, openat2(2) refuses it */
#define K_O_VALID                                                                                                    \
	(K_O_ACCMODE | K_O_CREAT | K_O_EXCL | K_O_NOCTTY | K_O_TRUNC | K_O_APPEND | K_O_NONBLOCK | K_O_SYNC |        \
	 020000 /* FASYNC */ | K_O_DIRECT | K_O_LARGEFILE | K_O_DIRECTORY | K_O_NOFOLLOW | K_O_NOATIME |             \
	 K_O_CLOEXEC | K_O_PATH | K_O_TMPFILE)

#define K_RESOLVE_NO_XDEV 0x01
#define K_RESOLVE_IN_ROOT 0x10
#define K_RESOLVE_CACHED  0x20
#define K_RESOLVE_VALID   0x3f
#define K_OPEN_HOW_SIZE   24u
#define K_PAGE_SIZE       4096u /* the least there is: a copy that stays within it crosses no page */

#define K_AT_SYMLINK_FOLLOW 0x400
#define K_RENAME_NOREPLACE  1u
#define K_RENAME_EXCHANGE   2u
#define K_S_IFIFO           0010000
#define K_S_IFCHR           0020000
#define K_S_IFBLK           0060000
#define K_STATX_TYPE        0x1u
#define K_STATX_INO         0x100u
#define K_F_SETFL           4
#define K_FICLONE           0x40049409u
#define K_PROC_SUPER_MAGIC  0x9fa0

/* mount(2), umount2(2): include/uapi/linux/mount.h; the first four agree with MOUNT_ATTR_* */
#define K_MS_RDONLY       1u
#define K_MS_NOSUID       2u
#define K_MS_NODEV        4u
#define K_MS_NOEXEC       8u
#define K_MS_BIND         0x1000u
#define K_MS_REC          0x4000u
#define K_MS_SILENT       0x8000u
#define K_MS_RELATIME     0x200000u
#define K_UMOUNT_NOFOLLOW 8u

struct k_statfs { /* 64-bit architectures: include/uapi/asm-generic/statfs.h */
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree, fsid;
	int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct k_statfs) == 120, "UAPI size");

#endif
