/* SPDX-License-Identifier: MIT */
/* schema/kernel_broker.h against the system's headers, as far as these know what it has. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kernel_broker.h"
#include "tap.h"

#define SAME(ours, theirs) tap_ok((unsigned long)(ours) == (unsigned long)(theirs), "%s", #theirs)

static void seccomp_interface(void)
{
	SAME(sizeof(struct k_seccomp_data), sizeof(struct seccomp_data));
	SAME(sizeof(struct k_seccomp_notif), sizeof(struct seccomp_notif));
	SAME(sizeof(struct k_seccomp_notif_resp), sizeof(struct seccomp_notif_resp));
	SAME(sizeof(struct k_seccomp_notif_addfd), sizeof(struct seccomp_notif_addfd));
	SAME(K_SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	SAME(K_SECCOMP_USER_NOTIF_FLAG_CONTINUE, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	SAME(K_SECCOMP_ADDFD_FLAG_SEND, SECCOMP_ADDFD_FLAG_SEND);
	SAME(K_SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_RECV);
	SAME(K_SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_IOCTL_NOTIF_SEND);
	SAME(K_SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_ID_VALID);
	SAME(K_SECCOMP_IOCTL_NOTIF_ADDFD, SECCOMP_IOCTL_NOTIF_ADDFD);
#ifdef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	SAME(K_SECCOMP_FILTER_FLAG_WAIT_KILLABLE, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
#endif
#ifdef SECCOMP_IOCTL_NOTIF_SET_FLAGS
	SAME(K_SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_IOCTL_NOTIF_SET_FLAGS);
#endif
}

static void files(void)
{
	SAME(K_O_CREAT, O_CREAT);
	SAME(K_O_EXCL, O_EXCL);
	SAME(K_O_APPEND, O_APPEND);
	SAME(K_O_SYNC, O_SYNC);
	SAME(K_O_DSYNC, O_DSYNC);
	SAME(K_O_NOATIME, O_NOATIME);
	SAME(K_O_TMPFILE | K_O_DIRECTORY, O_TMPFILE);
	SAME(K_O_DIRECT, O_DIRECT);
	SAME(K_OPEN_HOW_SIZE, sizeof(struct open_how));
	SAME(K_RESOLVE_NO_XDEV, RESOLVE_NO_XDEV);
	SAME(K_RESOLVE_IN_ROOT, RESOLVE_IN_ROOT);
	SAME(K_AT_SYMLINK_FOLLOW, AT_SYMLINK_FOLLOW);
	SAME(K_RENAME_NOREPLACE, RENAME_NOREPLACE);
	SAME(K_RENAME_EXCHANGE, RENAME_EXCHANGE);
	SAME(K_S_IFIFO, S_IFIFO);
	SAME(K_S_IFCHR, S_IFCHR);
	SAME(K_S_IFBLK, S_IFBLK);
	SAME(K_F_SETFL, F_SETFL);
	SAME(K_FICLONE, FICLONE);
	SAME(K_PROC_SUPER_MAGIC, PROC_SUPER_MAGIC);
	SAME(K_STATX_TYPE, STATX_TYPE);
	SAME(K_STATX_INO, STATX_INO);
	SAME(sizeof(struct k_statfs), sizeof(struct statfs));
}

static void mounts(void)
{
	SAME(K_MS_RDONLY, MS_RDONLY);
	SAME(K_MS_NOSUID, MS_NOSUID);
	SAME(K_MS_NODEV, MS_NODEV);
	SAME(K_MS_NOEXEC, MS_NOEXEC);
	SAME(K_MS_BIND, MS_BIND);
	SAME(K_MS_REC, MS_REC);
	SAME(K_MS_SILENT, MS_SILENT);
	SAME(K_MS_RELATIME, MS_RELATIME);
	SAME(K_UMOUNT_NOFOLLOW, UMOUNT_NOFOLLOW);
	SAME(K_MNT_DETACH, MNT_DETACH);
}

int main(void)
{
	seccomp_interface();
	files();
	mounts();
	return tap_done();
}
