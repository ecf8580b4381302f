/* SPDX-License-Identifier: MIT */
/*
 * One workload from fork to the end of its last process.
 *
 * MUST look to its caller like the command itself: signals, stops, exit status.
 * MUST NOT let the command outlive it, nor anything that the command leaves behind outlive the run.
 * MUST NOT hold open what the workload has closed: a pipe's other end waits for that.
 */
#include "supervise.h"

#include "commands.h"
#include "msg.h"
#include "signals.h"

/* SIGCHLD must not be ignored: children would be reaped before anyone has asked for their status. */
int job_init(struct job *job, struct run *run, struct policy *policy, struct llrun_error *error)
{
	const uint64_t all = ALL_SIGNALS;

	*job = (struct job){.run = run, .policy = policy, .channel = -1, .signals = -1};
	job->held = (struct held_signals){.mask = all, .sigchld = {.handler = K_SIG_DFL}};
	for (uint32_t i = 0; i < JOB_WATCHES; i++)
		job->watches[i].fd = -1;
	long page =
		SYS(mmap, 0, sizeof(*job->outcome), K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_ANONYMOUS, -1);
	if (page < 0 && page > -4096)
		return check_sys(error, "mmap", page, NULL);
	job->outcome = (struct outcome *)page;
	/* survivors are found there; by then a broker may have entered a mount namespace that has no /proc */
	job->tasks = (int)SYS(openat, K_AT_FDCWD, "/proc/self/task", K_O_ANCHOR | K_O_DIRECTORY);
	if (check_sys(error, "openat", job->tasks, "/proc/self/task") < 0)
		return -1;
	if (swap_signals(&job->held, error) < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER") < 0)
		return -1;
	job->signals = (int)SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC | K_SFD_NONBLOCK);
	return check_sys(error, "signalfd4", job->signals, NULL);
}

void job_watch(struct job *job, int fd, void (*ready)(struct job *job, int fd))
{
	for (uint32_t i = 0; i < JOB_WATCHES; i++)
		if (job->watches[i].fd < 0) {
			job->watches[i] = (struct watch){fd, ready};
			return;
		}
	__builtin_trap();
}

/* ---- the child ---- */

static void copy(char *out, uint32_t size, const char *text)
{
	append(out, size, 0, text ? text : "");
}

void outcome_set(struct outcome *outcome, const struct llrun_error *error, int status)
{
	copy(outcome->text, sizeof(outcome->text), error->text);
	copy(outcome->sys, sizeof(outcome->sys), error->sys);
	copy(outcome->file, sizeof(outcome->file), error->file);
	copy(outcome->object, sizeof(outcome->object), error->object);
	outcome->code = error->code;
	outcome->err = error->err;
	outcome->line = error->line;
	outcome->status = status;
}

struct llrun_error outcome_error(const struct outcome *outcome)
{
	return (struct llrun_error){.code = outcome->code,
				    .text = *outcome->text ? outcome->text : NULL,
				    .sys = *outcome->sys ? outcome->sys : NULL,
				    .object = *outcome->object ? outcome->object : NULL,
				    .err = outcome->err,
				    .file = *outcome->file ? outcome->file : NULL,
				    .line = outcome->line};
}

/*
 * The channel is kept through close_range(2) and closes at execve(2): its end tells the supervisor that the command
 * runs. The death signal stays set across execve(2), as no_new_privs lets nobody gain what would clear it.
 */
static _Noreturn void be_child(struct job *job, int parent)
{
	struct llrun_error error = {.code = LLRUN_OK};
	struct run *run = job->run;
	char path[PATH_SIZE];
	int status = EXIT_REFUSED;

	long result = SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL);
	/* too late: it has died already */
	if (SYS(getppid, 0) != parent)
		SYS(exit_group, EXIT_REFUSED);
	run->keep[job->policy->nkeep_fds++] = job->policy->channel = job->channel;
	if (check_sys(&error, "prctl", result, "PR_SET_PDEATHSIG") == 0 && swap_signals(&job->held, &error) == 0 &&
	    (!job->hooks || !job->hooks->child || job->hooks->child(job, &error) == 0))
		status = run_command(run, job->policy, path, &error);
	outcome_set(job->outcome, &error, status);
	if (error.code)
		msg_error("llrun", &error);
	for (;;)
		SYS(exit_group, status);
}

/* ---- descriptors ---- */

void each_number(int dir, void (*use)(void *context, int dir, uint32_t number), void *context)
{
	char buffer[2048] __attribute__((aligned(8)));
	uint32_t number_;
	long size;

	while ((size = SYS(getdents64, dir, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < size;) {
			const struct k_dirent64 *entry = (const void *)(buffer + at);
			const char *rest = number(entry->name, &number_);

			at += entry->size;
			if (rest && !*rest)
				use(context, dir, number_);
		}
}

/* All of this program's own descriptors are close-on-exec; the others are the command's, which has its own by now. */
static void close_inherited(void *context, int dir, uint32_t fd)
{
	(void)context, (void)dir;
	if (fd > 2 && SYS(fcntl, fd, K_F_GETFD) == 0)
		SYS(close, fd);
}

/*
 * Standard input and output go, too; standard error stays for messages. Something must stand in their place, or the
 * next file opened would be taken for one of them.
 */
static int drop_descriptors(struct job *job, struct llrun_error *error)
{
	int dir = (int)SYS(openat, K_AT_FDCWD, "/proc/self/fd", K_O_RDONLY | K_O_DIRECTORY | K_O_CLOEXEC);

	if (check_sys(error, "openat", dir, "/proc/self/fd") < 0 ||
	    check_sys(error, "dup3", SYS(dup3, job->signals, 0, K_O_CLOEXEC), NULL) < 0 ||
	    check_sys(error, "dup3", SYS(dup3, job->signals, 1, K_O_CLOEXEC), NULL) < 0)
		return -1;
	each_number(dir, close_inherited, NULL);
	SYS(close, dir);
	return 0;
}

/*
 * What the child has is not this process's any more; and nobody of the same user may reach the log, or anything else,
 * through /proc/PID/fd. -1: the child is killed.
 */
static int be_alone(struct job *job, struct llrun_error *error)
{
	if (drop_descriptors(job, error) == 0 &&
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE") == 0)
		return 0;
	SYS(kill, job->child, K_SIGKILL);
	return -1;
}

int job_start(struct job *job, struct llrun_error *error)
{
	int ends[2], parent = (int)SYS(getpid, 0);

	if (check_sys(error, "socketpair", SYS(socketpair, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0, ends),
		      NULL) < 0)
		return -1;
	job->child = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	job->channel = ends[job->child != 0];
	SYS(close, ends[job->child == 0]);
	if (job->child == 0)
		be_child(job, parent);
	if (check_sys(error, "clone", job->child, NULL) < 0)
		return -1;
	return be_alone(job, error);
}

/* ---- signals ---- */

/*
 * With a relay, that one stops, and the supervisor does not: it has to see the command go on, whoever continues it, and
 * to continue the relay then. The relay may be just before its stop, which would undo a SIGCONT that comes too early.
 */
static void pass_stop(struct stand_in *relay, int signal)
{
	const struct k_timespec moment = {0, 1000000};

	__atomic_store_n(&relay->stop, (uint32_t)signal, __ATOMIC_SEQ_CST);
	SYS(kill, relay->pid, K_SIGCHLD);
	while (!signal && __atomic_load_n(&relay->stopping, __ATOMIC_SEQ_CST) && SYS(getppid, 0) == relay->pid) {
		SYS(kill, relay->pid, K_SIGCONT);
		SYS(ppoll, 0, 0, &moment, 0);
	}
}

static void take_stop(const struct job *job, struct stand_in *relay)
{
	uint32_t signal;

	__atomic_store_n(&relay->stopping, 1, __ATOMIC_SEQ_CST);
	signal = __atomic_exchange_n(&relay->stop, 0, __ATOMIC_SEQ_CST);
	if (signal)
		stop_by((int)signal, job->leader);
	__atomic_store_n(&relay->stopping, 0, __ATOMIC_SEQ_CST);
}

static void take_stops(struct job *job)
{
	const int continued = job->relay ? K_WCONTINUED : 0;
	struct k_siginfo info = {.pid = 0};

	while (SYS(waitid, K_P_PID, job->child, &info, K_WSTOPPED | continued | K_WNOHANG, 0) == 0 && info.pid) {
		if (info.code == K_CLD_TRAPPED)
			SYS(kill, job->child, K_SIGKILL);
		else if (job->relay)
			pass_stop((struct stand_in *)job->relay, info.code == K_CLD_STOPPED ? info.status : 0);
		else
			stop_by(info.status, job->leader);
		info.pid = 0;
	}
}

/*
 * Who has made this process his tracer (PTRACE_TRACEME) stops at every signal and waits for an answer, which wait4(2)
 * tells whatever its options are (kernel/exit.c, wait_task_stopped()). There will be none: he is killed.
 */
static void reap(struct job *job)
{
	int status;
	long pid;

	while (!job->ended && (pid = SYS(wait4, -1, &status, K_WNOHANG)) > 0) {
		if ((status & 0xff) == 0x7f)
			SYS(kill, pid, K_SIGKILL);
		else if (pid == job->child)
			job->status = status, job->ended = 1;
	}
	if (!job->ended)
		take_stops(job);
}

/*
 * What the command sends to its parent is not for itself; what this process causes (SIGPIPE) neither. With a relay, what
 * others send is for that one, which sends it on: a signal for the whole process group arrives here as well.
 */
static void forward(struct job *job)
{
	struct k_signalfd_siginfo info;
	uint32_t self = (uint32_t)SYS(getpid, 0);

	while (SYS(read, job->signals, &info, sizeof(info)) == sizeof(info)) {
		int terminal = info.code == K_SI_KERNEL && K_SIG_BIT(info.signo) & OF_TERMINAL;
		int other = job->relay ? info.pid != (uint32_t)job->relay->pid
				       : info.pid == self || info.pid == (uint32_t)job->child;

		if (info.signo != K_SIGCHLD && !terminal && !other)
			SYS(kill, job->leader && info.signo == K_SIGCONT ? -job->child : job->child, info.signo);
	}
}

/* ---- the channel ---- */

/* A message with a descriptor; or the end: the command runs, or has ended before it did. */
static void receive(struct job *job)
{
	char byte;
	struct k_iovec iov = {&byte, 1};
	struct {
		struct k_cmsghdr header;
		int fd, pad;
	} control = {.fd = -1};
	struct k_msghdr message = {.iov = &iov, .niov = 1, .control = &control, .control_size = sizeof(control)};

	if (SYS(recvmsg, job->channel, &message, K_MSG_CMSG_CLOEXEC | K_MSG_DONTWAIT) <= 0) {
		SYS(close, job->channel);
		job->channel = -1;
		return;
	}
	if (control.fd < 0 || control.header.type != K_SCM_RIGHTS)
		return;
	if (job->hooks && job->hooks->received)
		job->hooks->received(job, control.fd);
	else
		SYS(close, control.fd);
}

void job_refuse(struct job *job, const struct llrun_error *error)
{
	outcome_set(job->outcome, error, run_status(job->policy, EXIT_REFUSED));
	SYS(kill, job->child, K_SIGKILL);
	SYS(close, job->channel);
	job->channel = -1;
}

/* ---- the end ---- */

void read_children(int dir, uint32_t thread, char list[CHILDREN])
{
	char path[32], digits[12];
	uint32_t len = append(path, sizeof(path), 0, decimal(digits, thread));

	append(path, sizeof(path), len, "/children");
	long fd = SYS(openat, dir, path, K_O_RDONLY | K_O_CLOEXEC);
	long size = fd < 0 ? 0 : SYS(read, fd, list, CHILDREN - 1);
	list[size > 0 ? size : 0] = 0;
	if (fd >= 0)
		SYS(close, fd);
}

/* A number that is cut at the end is left for the next look. */
static const char *next_child(const char *at, uint32_t *pid)
{
	const char *rest = number(at, pid);

	return rest && *rest ? rest + 1 : NULL;
}

struct strays {
	const char *others; /* children that are not ours to end */
	uint32_t killed;
};

static int is_listed(const char *list, uint32_t pid)
{
	uint32_t one;

	while ((list = next_child(list, &one)))
		if (one == pid)
			return 1;
	return 0;
}

static void kill_children(void *context, int dir, uint32_t thread)
{
	struct strays *strays = context;
	char list[CHILDREN];
	uint32_t pid;

	read_children(dir, thread, list);
	for (const char *at = list; (at = next_child(at, &pid));)
		if (!is_listed(strays->others, pid) && SYS(kill, pid, K_SIGKILL) == 0)
			strays->killed++;
}

static uint32_t kill_strays(const struct job *job, const char *others)
{
	struct strays strays = {others, 0};
	long dir = SYS(openat, job->tasks, ".", K_O_RDONLY | K_O_DIRECTORY | K_O_CLOEXEC);

	each_number((int)dir, kill_children, &strays);
	SYS(close, dir);
	return strays.killed;
}

/*
 * Whoever is left is our child by now, or becomes it when its parent dies: kill, reap, look again, until there is
 * nobody. A process with a pending SIGKILL does not fork (kernel/fork.c, copy_process()).
 */
static void end_survivors(struct job *job)
{
	uint32_t killed = 0;
	int status;
	long pid;

	while ((pid = SYS(wait4, -1, &status, K_WNOHANG)) != -K_ECHILD) {
		if (pid == 0) {
			kill_strays(job, "");
			pid = SYS(wait4, -1, &status, 0);
		}
		killed += pid > 0 && (status & 0x7f) == K_SIGKILL;
	}
	if (killed)
		audit_event(job->audit, RUN_SURVIVORS, AUDIT_NUMBER(COUNT, killed));
}

/* ---- what the log says of it ---- */

static void say_refused(struct job *job)
{
	const struct llrun_error error = outcome_error(job->outcome);

	audit_refusal(job->audit, job->run, &error, job->outcome->status);
}

static void say_started(struct job *job)
{
	const struct run *run = job->run;
	uint32_t argc = 0;

	while (run->command[argc])
		argc++;
	job->started = 1;
	audit_event(job->audit, RUN_START, AUDIT_NUMBER(PID, job->child), AUDIT_TEXT(POLICY_FILE, run->blob),
		    AUDIT_TEXT(ARGV0, *run->command), AUDIT_NUMBER(ARGC, argc));
}

static void say_ended(struct job *job)
{
	if (!job->started)
		return;
	if (job->status & 0x7f)
		audit_event(job->audit, RUN_SIGNAL, AUDIT_NUMBER(PID, job->child),
			    AUDIT_NUMBER(SIGNAL, job->status & 0x7f), AUDIT_NUMBER(CORE, job->status >> 7 & 1));
	else
		audit_event(job->audit, RUN_EXIT, AUDIT_NUMBER(PID, job->child),
			    AUDIT_NUMBER(STATUS, job->status >> 8 & 0xff));
}

/* ---- all of it ---- */

static void wait_for_something(struct job *job)
{
	struct k_pollfd fds[2 + JOB_WATCHES] = {{job->signals, K_POLLIN, 0}, {job->channel, K_POLLIN, 0}};

	for (uint32_t i = 0; i < JOB_WATCHES; i++)
		fds[2 + i] = (struct k_pollfd){job->watches[i].fd, K_POLLIN, 0};
	SYS(ppoll, fds, 2 + JOB_WATCHES, 0, 0);
	if (fds[1].revents)
		receive(job);
	for (uint32_t i = 0; i < JOB_WATCHES; i++)
		if (fds[2 + i].revents)
			job->watches[i].ready(job, fds[2 + i].fd);
}

/*
 * The channel is at its end before the command's end is noticed: both come from the same process, in this order. What
 * cannot be told to the log must not go on: a failure of the log ends the run.
 */
void job_wait(struct job *job)
{
	while (!job->ended) {
		wait_for_something(job);
		forward(job);
		reap(job);
		while (job->ended && job->channel >= 0)
			receive(job);
		if (job->channel < 0 && !job->started && !job->outcome->status)
			say_started(job);
		if (!job->ended && (audit_failed(job->audit) || (job->relay && SYS(getppid, 0) != job->relay->pid)))
			SYS(kill, job->child, K_SIGKILL);
	}
	if (job->outcome->status) {
		job->status = job->outcome->status << 8;
		say_refused(job);
	}
	say_ended(job);
	if (job->hooks && job->hooks->ended)
		job->hooks->ended(job);
	end_survivors(job);
}

/* The caller's side: what is left when the supervisor has been killed is ours now. */
static _Noreturn void be_relay(struct job *job, struct stand_in *relay, const char *others)
{
	struct llrun_error error;
	int status;
	long pid;

	if (be_alone(job, &error) < 0)
		SYS(exit_group, refuse(&error));
	while (!job->ended) {
		wait_for_something(job);
		forward(job);
		take_stop(job, relay);
		/* the supervisor's own stops are no one's business: it is not the command */
		while (!job->ended && (pid = SYS(wait4, -1, &status, K_WNOHANG)) > 0)
			if (pid == job->child)
				job->status = status, job->ended = 1;
	}
	while (kill_strays(job, others))
		SYS(wait4, -1, &status, 0);
	job_leave(job);
}

const struct stand_in *job_relay(struct llrun_error *error)
{
	long memory =
		SYS(mmap, 0, sizeof(struct stand_in), K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_ANONYMOUS, -1);
	struct stand_in *relay = (struct stand_in *)memory;
	char others[CHILDREN];
	struct job job;

	if (memory < 0 && memory > -4096)
		check_sys(error, "mmap", memory, NULL);
	if ((memory < 0 && memory > -4096) || job_init(&job, NULL, NULL, error) < 0)
		return NULL;
	relay->pid = (int)SYS(getpid, 0);
	read_children(job.tasks, (uint32_t)relay->pid, others);
	job.child = (int)SYS(clone, K_SIGCHLD, 0, 0, 0, 0);
	if (check_sys(error, "clone", job.child, NULL) < 0)
		return NULL;
	if (job.child)
		be_relay(&job, relay, others);
	/* a signal that job_wait() looks at, and that does nothing before: it then finds another parent */
	long result = SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGCHLD);
	SYS(close, job.signals);
	SYS(close, job.tasks);
	if (check_sys(error, "prctl", result, "PR_SET_PDEATHSIG") < 0 || swap_signals(&job.held, error) < 0)
		return NULL;
	return relay;
}

static const char *why_muted(int err)
{
	return err == K_EFBIG
		       ? "the audit log cannot be written beyond this process's limit on file sizes, which the "
			 "command may have set (prlimit): the run was ended"
		       : "the audit log cannot be written: the run was ended";
}

/* There is no core file of ours beside that of the command: not dumpable. */
_Noreturn void job_leave(const struct job *job)
{
	int status = job->status;

	if (audit_failed(job->audit)) {
		const struct llrun_error error = {.code = LLRUN_E_SYSCALL,
						  .sys = "write",
						  .err = audit_failed(job->audit),
						  .object = job->audit->destination,
						  .text = why_muted(audit_failed(job->audit))};

		msg_error("llrund", &error);
		status = run_status(job->policy, EXIT_REFUSED) << 8;
	}
	end_as(status);
}
