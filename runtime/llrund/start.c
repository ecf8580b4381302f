/* SPDX-License-Identifier: MIT */
/*
 * A job's way to its command: what a direct run inherits from its caller is set here, from what the client sent; then
 * the same sequence as llrun's.
 *
 * MUST leave no descriptor of the daemon to the command: all are close-on-exec, and closed before.
 * MUST die with the spawner.
 * MUST NOT write to memory of the spawner's but its own `struct start` and stack: it may share all of it (CLONE_VM).
 */
#include "start.h"

#include "audit.h"
#include "msg.h"
#include "signals.h"
#include "supervise.h"

#define SMALL_WORDS 8192u /* pointers to strings, there too */

static const struct llpb_header *header_of(const struct start *start)
{
	return start->request.run.blob_size < sizeof(struct llpb_header) ? NULL : (const void *)start->payload;
}

/* What the header says is verified by the child; here it only decides how the child is made. */
static uint32_t features(const struct start *start)
{
	return header_of(start) ? header_of(start)->features : 0;
}

int start_is_supervised(const struct start *start)
{
	return start->audit || start->request.run.flags & PROTO_F_TTY || features(start) & LLPB_F_BROKER;
}

int start_needs_fork(const struct start *start)
{
	const struct proto_request *run = &start->request.run;

	return start_is_supervised(start) || features(start) & LLPB_F_MOUNTS || start->payload != start->buffer ||
	       run->nargs + run->nenv > SMALL_WORDS;
}

/* ---- what is inherited ---- */

/* Out of the way of the numbers that kept descriptors shall have. */
static int move_up(struct start *start, struct llrun_error *error)
{
	const struct proto_request *run = &start->request.run;
	uint32_t above = run->nkeep ? run->keep[run->nkeep - 1] + 1 : 0;

	if (start->audit) {
		start->audit->fd = (int)SYS(fcntl, start->audit->fd, K_F_DUPFD_CLOEXEC, above ? above : 3);
		if (check_sys(error, "fcntl", start->audit->fd, "the audit log") < 0)
			return -1;
	}
	for (uint32_t i = START_CWD; above && i < start->nfds; i++) {
		start->fds[i] = (int)SYS(fcntl, start->fds[i], K_F_DUPFD_CLOEXEC, above);
		if (check_sys(error, "fcntl", start->fds[i], "--keep-fd") < 0)
			return -1;
	}
	return 0;
}

/* The numbers that the command shall have; the rest is closed, so that a small RLIMIT_NOFILE leaves room. */
static int take_descriptors(struct start *start, struct llrun_error *error)
{
	const struct proto_request *run = &start->request.run;
	uint32_t next = START_STDIO, from = 3;
	long result = move_up(start, error);

	for (int fd = 0; fd < 3 && result >= 0; fd++)
		result = run->stdio >> fd & 1 ? SYS(dup3, start->fds[next++], fd, 0) : SYS(close, fd) & 0;
	for (uint32_t i = 0; i < run->nkeep && result >= 0; i++)
		result = SYS(dup3, start->fds[next++], run->keep[i], 0);
	if (check_sys(error, "dup3", result, NULL) < 0 ||
	    check_sys(error, "fchdir", SYS(fchdir, start->fds[START_CWD]), "the client's current directory") < 0)
		return -1;
	if (start->warm)
		return 0;
	for (uint32_t i = 0; i < run->nkeep && result >= 0; i++) {
		if (run->keep[i] > from)
			result = SYS(close_range, from, run->keep[i] - 1, 0);
		from = run->keep[i] + 1;
	}
	/* the log stays, above all of them, until the command starts */
	if (result >= 0 && start->audit) {
		uint32_t log = (uint32_t)start->audit->fd;

		result = log > from ? SYS(close_range, from, log - 1, 0) : 0;
		from = log + 1;
	}
	return check_sys(error, "close_range", result < 0 ? result : SYS(close_range, from, UINT32_MAX, 0), NULL);
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * A hard limit above the daemon's own cannot be had without privilege: the daemon's, then, and it is said. `has`: what
 * this process is known to have; NULL: others of its user may have changed it, so that all are set.
 */
static int set_limits(const struct start *start, const struct k_rlimit *has, struct llrun_error *error)
{
	const struct proto_request *run = &start->request.run;
	struct k_rlimit own = {0, 0}, limit;
	int lowered = 0;

	for (uint32_t i = 0; i < K_RLIM_NLIMITS; i++) {
		limit = run->limits[i];
		if (has && limit.current == has[i].current && limit.max == has[i].max)
			continue;
		long result = SYS(prlimit64, 0, i, &limit, &own);
		if (result == -K_EPERM) {
			lowered = 1;
			if (SYS(prlimit64, 0, i, 0, &own) == 0)
				limit.max = at_most(limit.max, own.max);
			limit.current = at_most(limit.current, limit.max);
			result = SYS(prlimit64, 0, i, &limit);
		}
		if (check_sys(error, "prlimit64", result, NULL) < 0)
			return -1;
	}
	if (lowered && !(run->flags & PROTO_F_QUIET))
		msg(2, "llrun: note: resource limits above those of the daemon are the daemon's");
	return 0;
}

static int set_signals(const struct start *start, struct llrun_error *error)
{
	const struct k_sigaction ignore = {.handler = K_SIG_IGN};
	const uint64_t unchangeable = K_SIG_BIT(K_SIGKILL) | K_SIG_BIT(K_SIGSTOP);
	uint64_t ignored = start->request.ignored & ~unchangeable;
	long result = 0;

	for (uint32_t signal = 1; signal <= K_NSIG && ignored >> (signal - 1) && result >= 0; signal++)
		if (ignored & K_SIG_BIT(signal))
			result = SYS(rt_sigaction, signal, &ignore, 0, sizeof(uint64_t));
	if (result >= 0)
		result = SYS(rt_sigprocmask, K_SIG_SETMASK, &start->request.run.blocked, 0, sizeof(uint64_t));
	return check_sys(error, "rt_sigprocmask", result, NULL);
}

/*
 * A process group of its own, so that signals reach all of a job, and so that stops work: a group whose leader's parent
 * is of the same session is not an orphaned one. Who becomes a session's leader must not have led a group before: other
 * jobs are of the same session, and may join any group in it, which then keeps setsid(2) from succeeding.
 */
static int own_group(const struct llpb_process *process, struct llrun_error *error)
{
	if (process->flags & LLPB_PROC_NEW_SESSION)
		return 0;
	return check_sys(error, "setpgid", SYS(setpgid, 0, 0), NULL);
}

/* Of the supervisor, which is a group's or a terminal's; who is none asks the policy first. */
static int set_group(const struct start *start, struct llrun_error *error)
{
	if (start->request.run.flags & PROTO_F_TTY)
		return check_sys(error, "setsid", SYS(setsid, 0), NULL);
	return start_is_supervised(start) ? check_sys(error, "setpgid", SYS(setpgid, 0, 0), NULL) : 0;
}

static int tie_to_parent(const struct start *start, struct llrun_error *error)
{
	long result = SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL);

	/* it has died already */
	if (SYS(getppid, 0) != start->parent)
		SYS(exit_group, EXIT_REFUSED);
	return check_sys(error, "prctl", result, "PR_SET_PDEATHSIG");
}

/* What costs no privilege that the policy drops. */
static int set_rest(const struct start *start, const struct k_rlimit *has, struct llrun_error *error)
{
	SYS(umask, start->request.run.umask);
	return set_limits(start, has, error) < 0 ? -1 : set_signals(start, error);
}

static int inherit(struct start *start, struct llrun_error *error)
{
	int terminal = start->request.run.flags & PROTO_F_TTY;

	/* what its own memory was hidden for, a child that writes its own /proc/self/uid_map must not hide */
	if (start->forked && features(start) & LLPB_F_MOUNTS &&
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 1), "PR_SET_DUMPABLE") < 0)
		return -1;
	if (tie_to_parent(start, error) < 0 || set_group(start, error) < 0 || take_descriptors(start, error) < 0 ||
	    (terminal && check_sys(error, "ioctl", SYS(ioctl, 0, K_TIOCSCTTY, 0), "TIOCSCTTY") < 0))
		return -1;
	return set_rest(start, NULL, error);
}

/* ---- what is run ---- */

static const char *pointers(const char **out, const char *at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, at = proto_next(at))
		out[i] = at;
	out[count] = NULL;
	return at;
}

void start_describe(const struct proto_request *request, const char *payload, struct run *run, const char **words)
{
	const char *at = payload + request->blob_size, **envp = words + request->nargs + 1;

	*run = (struct run){.fd = -1, .blob = at};
	run->argv = run->command = words;
	at = pointers(words, proto_next(at), request->nargs);
	run->nsets = request->nsets;
	at = pointers(run->sets, at, request->nsets);
	pointers(envp, at, request->nenv);
	run->options = (struct llrun_options){.sets = run->sets, .keep_fds = run->keep, .envp = envp};
	run->options.flags = LLRUN_LEAVE_FDS | (request->flags & PROTO_F_AS_ABI ? LLRUN_AS_ABI : 0);
	run->options.as_abi = request->as_abi;
	run->options.nkeep_fds = request->nkeep;
	for (uint32_t i = 0; i < request->nkeep; i++)
		run->keep[i] = (int)request->keep[i];
	run->given[OPT_QUIET] = request->flags & PROTO_F_QUIET ? "" : NULL;
}

/* In the job's main process: the foreground group of its terminal. */
static int take_terminal(struct job *job, struct llrun_error *error)
{
	int group = (int)SYS(getpid, 0);

	(void)job;
	if (check_sys(error, "setpgid", SYS(setpgid, 0, 0), NULL) < 0)
		return -1;
	/* a background process that sets the foreground group is stopped, unless it blocks the signal */
	const uint64_t stop = K_SIG_BIT(K_SIGTTOU);
	uint64_t mask = 0;
	SYS(rt_sigprocmask, K_SIG_BLOCK, &stop, &mask, sizeof(stop));
	int result = check_sys(error, "ioctl", SYS(ioctl, 0, K_TIOCSPGRP, &group), "TIOCSPGRP");
	SYS(rt_sigprocmask, K_SIG_SETMASK, &mask, 0, sizeof(mask));
	return result;
}

/* `entered`: of start->warm, what is left to do; NULL: all. */
static int execute(struct start *start, const struct policy *entered, struct run *run, struct llrun_error *error)
{
	struct audited audited = {.audit = start->audit};
	static const struct job_hooks with_terminal = {.child = take_terminal};
	int terminal = start->request.run.flags & PROTO_F_TTY;
	struct policy *policy = &audited.policy;
	char *path = __builtin_alloca(PATH_SIZE);

	if (start->warm) {
		*policy = entered ? *entered : *start->warm;
		policy->keep_fds = run->keep;
		policy->nkeep_fds = 0;
		run->filled = 1;
	} else if (/* in place: nobody writes to it */
		   run_read(run, policy, (void *)(uintptr_t)start->payload, start->request.run.blob_size, error) < 0)
		return error->code == LLRUN_E_BLOB ? EXIT_REFUSED : run_status(policy, EXIT_REFUSED);
	if (!run->given[OPT_QUIET])
		say_uncovered(policy, "warning");
	if (start_is_supervised(start))
		return run_supervised(run, &audited, NULL, terminal ? &with_terminal : NULL, error);
	if (!entered && own_group(policy->blob.process, error) < 0)
		return EXIT_REFUSED;
	return run_command(run, policy, path, error);
}

static int say(const struct llrun_error *error, int status)
{
	if (error->code)
		msg_error("llrun", error);
	return status;
}

/* In its caller's frame, which lives as long as the child, room for what the rest is called with. */
#define WORDS(start)                                                                                                 \
	__builtin_alloca(((start)->request.run.nargs + (start)->request.run.nenv + 2) * sizeof(const char *))

static int run_job(struct start *start, const struct policy *entered, const char **words, struct llrun_error *error)
{
	int status = EXIT_REFUSED;
	struct run run;

	start_describe(&start->request.run, start->payload, &run, words);
	if (start->note && !run.given[OPT_QUIET])
		msg(2, "llrun: note: %s", start->note);
	if (!start->audit || audit_job(start->audit, run.options.envp, error) == 0)
		status = execute(start, entered, &run, error);
	/* nor is it stopped while it has the lock of the log: that would stop the daemon */
	if (start->audit)
		mask_signals(K_SIG_BLOCK, ALL_SIGNALS, NULL);
	audit_refusal(start->audit, &run, error, status);
	return say(error, status);
}

long start_job(void *argument)
{
	struct llrun_error error = {.code = LLRUN_OK};
	struct start *start = argument;

	if (inherit(start, &error) < 0)
		return say(&error, EXIT_REFUSED);
	const char **words = WORDS(start);
	return run_job(start, NULL, words, &error);
}

/* ---- before there is a job ---- */

/*
 * What follows the filter, if that is installed before the job comes: whatever the program answers must not depend on
 * anything but the number. It may be installed then, and costs the run nothing (50 us of the 100 that a policy takes).
 */
static int allows(const struct policy *policy, uint32_t nr)
{
	const struct k_sock_filter *insns = policy->blob.insns + policy->filter->first;
	uint32_t value = 0, known = 0, own = 0, at = 0;

	while (at < policy->filter->count) {
		const struct k_sock_filter *insn = &insns[at++];
		uint32_t k = insn->k;
		int yes = insn->code == K_BPF_JEQ_K   ? value == k
			  : insn->code == K_BPF_JGT_K ? value > k
			  : insn->code == K_BPF_JGE_K ? value >= k
						      : (value & k) != 0;

		switch (insn->code) {
		case K_BPF_LD_W_ABS:
			/* prlimit64: of this process, which the companion `limits` lets pass */
			own = nr == NR_prlimit64 && k - K_SECCOMP_DATA_ARGS < 8;
			known = k == K_SECCOMP_DATA_NR || k == K_SECCOMP_DATA_ARCH || own;
			value = own ? 0 : k == K_SECCOMP_DATA_NR ? nr : SYS_AUDIT_ARCH;
			break;
		case K_BPF_JA:
			at += k;
			break;
		case K_BPF_RET_K:
			return k == K_SECCOMP_RET_ALLOW;
		case K_BPF_JEQ_K:
		case K_BPF_JGT_K:
		case K_BPF_JGE_K:
		case K_BPF_JSET_K:
			if (!known)
				return 0;
			at += yes ? insn->jt : insn->jf;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

static int filter_may_come_first(const struct policy *policy)
{
	static const uint32_t needed[] = {NR_recvmsg,
					  NR_fchdir,
					  NR_close_range,
					  NR_umask,
					  NR_prlimit64,
					  NR_rt_sigaction,
					  NR_rt_sigprocmask,
					  NR_setsid,
					  NR_setpgid,
					  NR_getpgid,
					  NR_getppid,
					  NR_prctl,
					  NR_capget,
					  NR_capset,
					  NR_statx,
					  NR_faccessat,
					  NR_fcntl,
					  NR_write,
					  NR_execve,
					  NR_exit,
					  NR_sched_getattr,
					  NR_ioprio_get,
					  NR_sched_getaffinity,
					  NR_rt_sigpending,
					  NR_exit_group};

	for (uint32_t i = 0; policy->filter && i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!allows(policy, needed[i]))
			return 0;
	return 1;
}

/*
 * What any process of the user, and so a job without the companion `limits`, can change of a parked child, and what its
 * own job would then begin with. The kernel asks of all this for the user alone (kernel/sys.c, check_prlimit_permission();
 * kernel/sched/syscalls.c, check_same_owner()). What it does not fill is zero.
 */
struct condition {
	struct k_rlimit limits[K_RLIM_NLIMITS];
	uint64_t scheduling[8]; /* struct sched_attr: policy, nice value, priority */
	uint64_t processors[128]; /* of all that a kernel can have; they may be fewer */
	long io;
	uint64_t pending; /* signals, all of which are blocked */
};

static int look_at_self(struct condition *condition)
{
	const uint32_t attr_size = sizeof(condition->scheduling);
	long result = 0;

	__builtin_memset(condition, 0, sizeof(*condition));
	for (uint32_t i = 0; i < K_RLIM_NLIMITS && result >= 0; i++)
		result = SYS(prlimit64, 0, i, 0, &condition->limits[i]);
	condition->io = SYS(ioprio_get, K_IOPRIO_WHO_PROCESS, 0);
	if (result < 0 || SYS(sched_getattr, 0, condition->scheduling, attr_size, 0) < 0 ||
	    SYS(sched_getaffinity, 0, sizeof(condition->processors), condition->processors) < 0 ||
	    SYS(rt_sigpending, &condition->pending, sizeof(condition->pending)) < 0)
		return -1;
	return 0;
}

/* Is this child as it was made? With the limits of the spawner, from which the job's are set, and no signal pending. */
static int is_as_made(const struct start *start, const struct condition *made)
{
	struct condition now;

	return look_at_self(&now) == 0 && !now.pending && same_words(now.limits, start->limits, sizeof(now.limits)) &&
	       same_words(now.scheduling, made->scheduling, sizeof(now.scheduling)) &&
	       same_words(now.processors, made->processors, sizeof(now.processors)) && now.io == made->io;
}

/* Behind the standard ones, which a job's own become by being received. */
#define CHANNEL 3

/* Capabilities stay until the job is there: its directory and its limits may need them, as in a run that was not parked. */
static int enter_early(const struct start *start, struct policy *policy, struct llrun_error *error)
{
	const uint64_t all = UINT64_MAX;

	*policy = *start->warm;
	/* what is sent to a job before it has begun waits, as it would for one that is about to */
	if (check_sys(error, "rt_sigprocmask", SYS(rt_sigprocmask, K_SIG_SETMASK, &all, NULL, sizeof(all)), NULL) <
		    0 ||
	    tie_to_parent(start, error) < 0 || own_group(policy->blob.process, error) < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS") < 0 ||
	    landlock_restrict(policy, error) < 0)
		return -1;
	for (uint32_t i = 0; i < K_LANDLOCK_MAX_LAYERS; i++)
		policy->rulesets[i] = -1;
	/* nothing of other jobs, nothing of the daemon but the channel */
	if (start->pair[1] != CHANNEL &&
	    check_sys(error, "dup3", SYS(dup3, start->pair[1], CHANNEL, K_O_CLOEXEC), NULL) < 0)
		return -1;
	if (check_sys(error, "close_range", SYS(close_range, CHANNEL + 1, UINT32_MAX, 0), NULL) < 0 ||
	    check_sys(error, "close_range", SYS(close_range, 0, 2, 0), NULL) < 0)
		return -1;
	if (!filter_may_come_first(policy))
		return 0;
	if (process_filter(policy, error) < 0)
		return -1;
	policy->filter = NULL;
	return 0;
}

int start_receive(int channel, int fds[PARKED_FDS], uint32_t flags)
{
	char byte;
	struct {
		struct k_cmsghdr header;
		int fds[PARKED_FDS];
	} control = {.header = {.size = 0}};
	struct k_iovec iov = {&byte, 1};
	struct k_msghdr message = {.iov = &iov, .niov = 1, .control = &control, .control_size = sizeof(control)};

	if (SYS(recvmsg, channel, &message, flags) != 1 || control.header.size != sizeof(control))
		return -1;
	for (uint32_t i = 0; i < PARKED_FDS; i++)
		fds[i] = control.fds[i];
	return 0;
}

/* It is left where it is, so that the spawner can have it back. */
static void wait_for_job(void)
{
	char byte;
	struct k_iovec iov = {&byte, 1};
	struct k_msghdr message = {.iov = &iov, .niov = 1};

	SYS(recvmsg, CHANNEL, &message, K_MSG_PEEK);
}

/* What was free became the standard ones. Whoever is not as it was made ends: the spawner starts the job anew. */
static int take_job(struct start *start, const struct condition *made, struct llrun_error *error)
{
	int fds[PARKED_FDS] = {-1, -1, -1, -1};

	wait_for_job();
	if (!is_as_made(start, made))
		SYS(exit_group, EXIT_REFUSED);
	int result = start_receive(CHANNEL, fds, 0);
	__atomic_store_n(&start->stage, (uint32_t)STAGE_TAKEN, __ATOMIC_RELEASE);
	if (result < 0 || fds[0] != 0 || fds[1] != 1 || fds[2] != 2)
		SYS(exit_group, EXIT_REFUSED);
	if (check_sys(error, "fchdir", SYS(fchdir, fds[3]), "the client's current directory") < 0 ||
	    check_sys(error, "close_range", SYS(close_range, CHANNEL, UINT32_MAX, 0), NULL) < 0)
		return -1;
	return set_rest(start, start->limits, error);
}

long start_parked(void *argument)
{
	struct llrun_error error = {.code = LLRUN_OK};
	struct start *start = argument;
	struct condition made;
	struct policy policy;

	if (look_at_self(&made) < 0 || enter_early(start, &policy, &error) < 0)
		return EXIT_REFUSED;
	if (take_job(start, &made, &error) < 0)
		return say(&error, EXIT_REFUSED);
	const char **words = WORDS(start);
	return run_job(start, &policy, words, &error);
}
