/* SPDX-License-Identifier: MIT */
/*
 * The PID namespace: its init, which reaps, and the process outside that waits for the command.
 *
 * MUST NOT let anything in the namespace outlive the command, nor the process outside, however that ends.
 * MUST hold no capability and be closed to ptrace: the command sees its init, and on some hosts the process outside.
 */
#include "access.h"
#include "child.h"
#include "view.h"

/* What init has made: a mount, or -1 and why not. Pointers hold: both processes have the same memory, copied. */
struct init_report {
	int fd;
	struct llrun_error error;
};

/* Nothing of these processes is for the command: neither capabilities nor memory (kernel/ptrace.c, dumpable). */
static int give_up(struct llrun_error *error)
{
	struct k_cap_header header = {.version = K_LINUX_CAPABILITY_VERSION_3};
	const struct k_cap_data none[2] = {{{0}}};

	if (check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE") < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS") < 0)
		return -1;
	return check_sys(error, "capset", SYS(capset, &header, none), NULL);
}

/* A domain that grants nothing: what would be left to do for one who took this process over. */
static int enter_nothing(const struct policy *policy, struct llrun_error *error)
{
	const struct k_landlock_ruleset_attr attr = {.handled_access_fs = abi_fs_mask(policy->plan)};

	if (!policy->plan)
		return 0;
	long fd = SYS(landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (check_sys(error, "landlock_create_ruleset", fd, NULL) < 0)
		return -1;
	return check_sys(error, "landlock_restrict_self", SYS(landlock_restrict_self, fd, 0), NULL);
}

/* The descriptors are shared with the process outside up to here: what is made in this namespace reaches it that way. */
static void keep_only(int fd)
{
	if (fd > 0)
		SYS(close_range, 0, fd - 1, K_CLOSE_RANGE_UNSHARE);
	SYS(close_range, fd + 1, UINT32_MAX, K_CLOSE_RANGE_UNSHARE);
}

/*
 * Makes what only a process of the namespace can make, then waits until the process outside has closed its end of the
 * channel, which it does by ending; the kernel kills what is left in a namespace with its init. Orphans need no
 * attention: the children of a process that ignores SIGCHLD are reaped at their end (kernel/signal.c,
 * do_notify_parent()).
 */
static _Noreturn void be_init(const struct policy *policy, int channel)
{
	const struct k_sigaction ignore = {.handler = K_SIG_IGN};
	const struct blob *blob = &policy->blob;
	struct init_report report = {.fd = -1};

	SYS(rt_sigaction, K_SIGCHLD, &ignore, NULL, sizeof(ignore.mask));
	SYS(chdir, "/");
	for (uint32_t i = 1; i < blob->nmounts; i++)
		if (blob->mounts[i].kind == LLPB_MT_PROC) {
			report.fd = new_mount(blob, &blob->mounts[i], &report.error);
			SYS(write, channel, &report, sizeof(report));
		}
	keep_only(channel);
	if (give_up(&report.error) == 0 && enter_nothing(policy, &report.error) == 0)
		SYS(read, channel, &report, 1);
	for (;;)
		SYS(exit_group, 1);
}

int init_start(struct policy *policy, struct llrun_error *error)
{
	int ends[2];

	if (check_sys(error, "socketpair", SYS(socketpair, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0, ends),
		      NULL) < 0)
		return -1;
	/* the first process of the namespace is its init, whatever it does */
	policy->init = (int)SYS(clone, K_CLONE_FILES | K_SIGCHLD, 0, 0, 0, 0);
	if (policy->init == 0)
		be_init(policy, ends[0]);
	policy->init_channel = ends[1];
	return check_sys(error, "clone", policy->init, NULL);
}

int init_take(const struct policy *policy, struct llrun_error *error)
{
	struct init_report report;
	long size = SYS(read, policy->init_channel, &report, sizeof(report));

	if (size != sizeof(report))
		return check_sys(error, "read", size < 0 ? size : -K_ESRCH, "the PID namespace's init");
	*error = report.error;
	return report.fd;
}

/* Standard error stays for messages; the command's other descriptors are not held open for it. */
static _Noreturn void stand_by(struct child *child, int init, int end)
{
	struct llrun_error error;
	struct k_pollfd signals = {0, K_POLLIN, 0};

	SYS(dup3, child->signals, 0, K_O_CLOEXEC);
	SYS(dup3, end, 1, K_O_CLOEXEC);
	SYS(close_range, 3, UINT32_MAX, K_CLOSE_RANGE_UNSHARE);
	child->signals = 0;
	if (give_up(&error) < 0)
		SYS(kill, init, K_SIGKILL);
	while (!child->ended) {
		SYS(ppoll, &signals, 1, 0, 0);
		child_serve(child);
	}
	SYS(kill, init, K_SIGKILL);
	SYS(wait4, init, NULL, 0);
	child_leave(child);
}

int view_fork(const struct policy *policy, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	struct child child;

	if (!blob->nmounts || !(blob->mounts->spaces & K_CLONE_NEWPID))
		return 0;
	if (child_watch(&child, error) < 0)
		return -1;
	child.pid = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (child.pid == 0)
		return child_release(&child, error);
	if (check_sys(error, "clone", child.pid, NULL) < 0)
		return -1;
	child.apart = (blob->process->flags & LLPB_PROC_NEW_SESSION) != 0;
	stand_by(&child, policy->init, policy->init_channel);
}
