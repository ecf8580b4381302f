/* SPDX-License-Identifier: MIT */
/* What schema/kernel_abi.h says about namespaces, mounts and interfaces, against the system's headers. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <stddef.h>

#include "kernel_abi.h"
#include "tap.h"

#define SAME(ours, theirs)                                                                                           \
	tap_ok((unsigned long long)(K_##ours) == (unsigned long long)(theirs), "K_" #ours " is the "                 \
									       "system's " #theirs)

static void namespaces(void)
{
	SAME(CLONE_NEWNS, CLONE_NEWNS);
	SAME(CLONE_NEWCGROUP, CLONE_NEWCGROUP);
	SAME(CLONE_NEWUTS, CLONE_NEWUTS);
	SAME(CLONE_NEWIPC, CLONE_NEWIPC);
	SAME(CLONE_NEWUSER, CLONE_NEWUSER);
	SAME(CLONE_NEWPID, CLONE_NEWPID);
	SAME(CLONE_NEWNET, CLONE_NEWNET);
}

static void mounts(void)
{
	SAME(MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY);
	SAME(MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSUID);
	SAME(MOUNT_ATTR_NODEV, MOUNT_ATTR_NODEV);
	SAME(MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC);
	SAME(OPEN_TREE_CLONE, OPEN_TREE_CLONE);
	SAME(OPEN_TREE_CLOEXEC, OPEN_TREE_CLOEXEC);
	SAME(MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_F_EMPTY_PATH);
	SAME(MOVE_MOUNT_T_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH);
	SAME(FSOPEN_CLOEXEC, FSOPEN_CLOEXEC);
	SAME(FSMOUNT_CLOEXEC, FSMOUNT_CLOEXEC);
	SAME(FSCONFIG_SET_STRING, FSCONFIG_SET_STRING);
	SAME(FSCONFIG_CMD_CREATE, FSCONFIG_CMD_CREATE);
	SAME(MS_PRIVATE, MS_PRIVATE);
	tap_ok(sizeof(struct k_mount_attr) == sizeof(struct mount_attr) &&
		       offsetof(struct k_mount_attr, propagation) == offsetof(struct mount_attr, propagation),
	       "struct mount_attr");
}

static void interfaces(void)
{
	SAME(IFF_UP, IFF_UP);
	SAME(SIOCSIFFLAGS, SIOCSIFFLAGS);
	tap_ok(sizeof(struct k_ifreq) == sizeof(struct ifreq) &&
		       offsetof(struct k_ifreq, flags) == offsetof(struct ifreq, ifr_ifru.ifru_flags),
	       "struct ifreq");
}

int main(void)
{
	namespaces();
	mounts();
	interfaces();
	return tap_done();
}
