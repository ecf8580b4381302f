/* SPDX-License-Identifier: MIT */
/*
 * The PID namespace: its init, which reaps, and the process outside that waits for the command.
 *
 * MUST look to its caller like the command itself: signals, stops, exit status.
 * MUST NOT let anything in the namespace outlive the command, nor the process outside, however that ends.
 * MUST hold no capability and be closed to ptrace: the command sees its init, and on some hosts the process outside.
 */
#include "access.h"
#include "launch.h"
#include "msg.h"
#include "signals.h"
#include "view.h"

/* Nothing of these processes is for the command: neither capabilities nor memory (kernel/ptrace.c, dumpable). */
static int give_up(struct llrun_error *error)
{
	if (check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE") < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS") < 0)
		return -1;
	return process_drop(UINT64_MAX, error);
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

static int keep_only(uint32_t fd, struct llrun_error *error)
{
	long result = SYS(close_range, fd + 1, UINT32_MAX, 0) ?: fd ? SYS(close_range, 0, fd - 1, 0) : 0;

	return check_sys(error, "close_range", result, NULL);
}

/*
 * Waits for the end of the process outside; the kernel kills what is left in a namespace with its init. Orphans need no
 * attention: the children of a process that ignores SIGCHLD are reaped at their end (kernel/signal.c,
 * do_notify_parent()).
 */
static _Noreturn void be_init(const struct policy *policy, int outside)
{
	const struct k_sigaction ignore = {.handler = K_SIG_IGN};
	struct k_pollfd end = {outside, K_POLLIN, 0};
	struct llrun_error error;

	if (check_sys(&error, "rt_sigaction", SYS(rt_sigaction, K_SIGCHLD, &ignore, NULL, sizeof(ignore.mask)),
		      "SIGCHLD") < 0 ||
	    check_sys(&error, "chdir", SYS(chdir, "/"), "/") < 0 || give_up(&error) < 0 ||
	    enter_nothing(policy, &error) < 0 || keep_only((uint32_t)outside, &error) < 0)
		msg_error("llrun", &error);
	else
		SYS(ppoll, &end, 1);
	for (;;)
		SYS(exit_group, EXIT_REFUSED);
}

/* ---- the process outside ---- */

struct outside {
	struct held_signals held;
	int init, command;
	int ready[2]; /* a pair of sockets: the second is closed by who has become what it must be */
	int apart; /* the command has a session of its own: a terminal's signals do not reach it */
};

/* What the command sends to its parent is not for itself; what this process causes (SIGPIPE) neither. */
static void forward(const struct outside *out)
{
	const uint64_t all = ALL_SIGNALS;
	struct k_siginfo info;

	if (SYS(rt_sigtimedwait, &all, &info, NULL, sizeof(all)) < 0)
		return;
	int had = !out->apart && info.code == K_SI_KERNEL && K_SIG_BIT(info.signo) & OF_TERMINAL;
	int own = info.pid == SYS(getpid, 0) || info.pid == out->command;
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

/*
 * The command's descriptors are not held open for it; standard error stays for messages. The command is waited for first,
 * as its init does not end before that (kernel/pid_namespace.c, zap_pid_ns_processes()). Init is killed here, unless it
 * has ended before: then it has refused, and its status is ours.
 */
static _Noreturn void stand_by(struct outside *out)
{
	struct llrun_error error;
	int status, inits = K_SIGKILL, refused = give_up(&error) < 0 || keep_only(2, &error) < 0;

	if (refused) {
		msg_error("llrun", &error);
		SYS(kill, out->init, K_SIGKILL);
	}
	SYS(close, out->ready[1]); /* in the place of a standard error that there is not */
	while ((status = reap(out)) < 0)
		forward(out);
	SYS(kill, out->init, K_SIGKILL);
	SYS(wait4, out->init, &inits, 0);
	end_as(refused ? EXIT_REFUSED << 8 : inits & 0x7f ? status : inits);
}

/* Waits until the two others are ready, or at their end, which is the command's, too. */
static int be_command(struct outside *out, struct llrun_error *error)
{
	char byte;

	SYS(close, out->ready[1]);
	long result = SYS(read, out->ready[0], &byte, 1);
	SYS(close, out->ready[0]);
	return check_sys(error, "read", result, "init") < 0 ? -1 : swap_signals(&out->held, error);
}

int view_fork(const struct policy *policy, struct llrun_error *error)
{
	struct outside out = {.held = {.mask = ALL_SIGNALS, .sigchld = {.handler = K_SIG_DFL}}};
	long self = SYS(pidfd_open, SYS(getpid, 0), 0);

	out.apart = (policy->blob.process->flags & LLPB_PROC_NEW_SESSION) != 0;
	/* SIGCHLD must not be ignored: children would be reaped before anyone has asked for their status */
	if (check_sys(error, "pidfd_open", self, NULL) < 0 || swap_signals(&out.held, error) < 0 ||
	    check_sys(error, "socketpair", SYS(socketpair, K_AF_UNIX, K_SOCK_STREAM | K_SOCK_CLOEXEC, 0, out.ready),
		      NULL) < 0)
		return -1;
	/* the first process of the namespace is its init, whatever it does */
	out.init = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (out.init == 0)
		be_init(policy, (int)self);
	out.command = out.init < 0 ? out.init : (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (out.command > 0)
		stand_by(&out);
	SYS(close, self);
	return out.command < 0 ? check_sys(error, "clone", out.command, NULL) : be_command(&out, error);
}
