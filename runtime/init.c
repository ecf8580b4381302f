/* SPDX-License-Identifier: MIT */
/*
 * The PID namespace: its init, which reaps, and the process outside that waits for the command.
 *
 * MUST look to its caller like the command itself: signals, stops, exit status.
 * MUST NOT let anything in the namespace outlive the command, nor the process outside, however that ends.
 * MUST hold no capability and be closed to ptrace: the command sees its init, and on some hosts the process outside.
 */
#include "access.h"
#include "kernel_run.h"
#include "signals.h"
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

/* ---- the process outside ---- */

struct outside {
	struct k_sigaction sigchld; /* the caller's */
	uint64_t mask; /* the caller's */
	int signals; /* signalfd */
	int command;
	int apart; /* the command has a session of its own: a terminal's signals do not reach it */
};

/* SIGCHLD must not be ignored: children would be reaped before anyone has asked for their status. */
static int watch(struct outside *out, struct llrun_error *error)
{
	const uint64_t all = ALL_SIGNALS;
	const struct k_sigaction action = {.handler = K_SIG_DFL};

	if (check_sys(error, "rt_sigprocmask", mask_signals(K_SIG_BLOCK, all, &out->mask), NULL) < 0 ||
	    check_sys(error, "rt_sigaction",
		      SYS(rt_sigaction, K_SIGCHLD, &action, &out->sigchld, sizeof(action.mask)), NULL) < 0)
		return -1;
	out->signals = (int)SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC);
	return check_sys(error, "signalfd4", out->signals, NULL);
}

static int release(const struct outside *out, struct llrun_error *error)
{
	if (check_sys(error, "rt_sigaction",
		      SYS(rt_sigaction, K_SIGCHLD, &out->sigchld, NULL, sizeof(out->sigchld.mask)), NULL) < 0)
		return -1;
	return check_sys(error, "rt_sigprocmask", mask_signals(K_SIG_SETMASK, out->mask, NULL), NULL);
}

/* What the command sends to its parent is not for itself; what this process causes (SIGPIPE) neither. */
static void forward(const struct outside *out)
{
	struct k_signalfd_siginfo info;

	if (SYS(read, out->signals, &info, sizeof(info)) != sizeof(info))
		return;
	int had = !out->apart && info.code == K_SI_KERNEL && K_SIG_BIT(info.signo) & OF_TERMINAL;
	int own = info.pid == (uint32_t)SYS(getpid, 0) || info.pid == (uint32_t)out->command;
	if (info.signo != K_SIGCHLD && !had && !own)
		SYS(kill, out->command, info.signo);
}

/* The command's status as wait4(2) gives it, when it has ended; else -1. */
static int reap(const struct outside *out)
{
	int status;

	while (SYS(wait4, out->command, &status, K_WNOHANG | K_WSTOPPED) > 0)
		if ((status & 0xff) != 0x7f)
			return status;
		else
			stop_by(status >> 8 & 0xff, 0);
	return -1;
}

/* Standard error stays for messages; the command's other descriptors are not held open for it. */
static _Noreturn void stand_by(struct outside *out, int init, int channel)
{
	struct llrun_error error;
	int status;

	SYS(dup3, out->signals, 0, K_O_CLOEXEC);
	SYS(dup3, channel, 1, K_O_CLOEXEC);
	SYS(close_range, 3, UINT32_MAX, K_CLOSE_RANGE_UNSHARE);
	out->signals = 0;
	if (give_up(&error) < 0)
		SYS(kill, init, K_SIGKILL);
	while ((status = reap(out)) < 0)
		forward(out);
	SYS(kill, init, K_SIGKILL);
	SYS(wait4, init, NULL, 0);
	if (status & 0x7f)
		die_by(status & 0x7f);
	for (;;)
		SYS(exit_group, status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff);
}

int view_fork(const struct policy *policy, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	struct outside out = {.signals = -1};

	if (!blob->nmounts || !(blob->mounts->spaces & K_CLONE_NEWPID))
		return 0;
	if (watch(&out, error) < 0)
		return -1;
	out.command = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (out.command == 0)
		return release(&out, error);
	if (check_sys(error, "clone", out.command, NULL) < 0)
		return -1;
	out.apart = (blob->process->flags & LLPB_PROC_NEW_SESSION) != 0;
	stand_by(&out, policy->init, policy->init_channel);
}
