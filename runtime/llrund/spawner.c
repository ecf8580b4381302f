/* SPDX-License-Identifier: MIT */
/*
 * The spawner: starts jobs, waits for them, ends what they leave behind.
 *
 * MUST NOT wait for anything but its packets and its children: what may block (paths, programs) is the child's business,
 * and closing is the closers'.
 * MUST NOT start a child while descriptors of another client wait to be closed: the child would have to close them, too.
 * MUST NOT look into what a client sent but for the fixed-size request and the end of its strings: that is for the child.
 * MUST end every job whose client is gone, and all of them before itself.
 */
#include "cgroup.h"
#include "children.h"
#include "closer.h"
#include "msg.h"
#include "nursery.h"
#include "serve.h"
#include "start.h"
#include "warm.h"
#include "wire.h"

/* For a job that takes long what its client does not wait for is begun after this: more than a tick, so that no timer is
 * programmed on a busy CPU (kernel/time/hrtimer.c, hrtimer_reprogram()). */
#define LATER_MS 10
#ifndef IDLE_TIME
#define IDLE_TIME 60 /* seconds without news, after which parked children are ended; tests have another */
#endif

#define END_MS      3000
#define END_STEP_MS 100
#define STOPPERS    16 /* clients that have asked for the end, and are told of it; more are told when the front ends */

struct job_slot {
	int pid; /* 0: none */
	uint32_t generation;
	int connection;
	int terminal, supervised;
	int killed; /* by us */
	uint64_t told[2]; /* signals passed on while a parked child had not taken the job: to it; to its group */
	struct start *parked; /* the job was given to a parked child; or NULL */
};

static struct {
	struct server *server;
	struct space spaces[SPACES];
	struct job_slot jobs[MAX_JOBS];
	struct k_rlimit limits[K_RLIM_NLIMITS]; /* our own, which children start with */
	int signals, front, running, stopping;
	int stoppers[STOPPERS]; /* connections that wait for the end */
	uint32_t nstoppers;
	int refill; /* parked children may be missing */
	int orphans; /* there may be some, and nothing runs */
	int answered; /* a client, since the last wait */
	int unclear; /* at the last look: descriptors that wait to be closed */
	int children; /* /proc: the list of our children */
	uint16_t likely[MAX_JOBS]; /* slots, by the last digits of process ids */
	struct start copied; /* of a child with memory of its own, when there is none else */
} spawner;

/* ---- to the client ---- */

static void reply(int connection, enum proto_kind kind, int status, const char *text)
{
	struct proto_reply packet = {
		.magic = PROTO_MAGIC, .version = PROTO_VERSION, .kind = (uint16_t)kind, .status = status};
	struct k_iovec iov = {&packet, PROTO_REPLY_HEAD};
	struct k_msghdr message = {.iov = &iov, .niov = 1};

	if (text)
		packet.size = append(packet.text, sizeof(packet.text), 0, text) + 1;
	iov.size += packet.size;
	/* a client that does not read is not waited for */
	SYS(sendmsg, connection, &message, K_MSG_NOSIGNAL | K_MSG_DONTWAIT);
}

/* Said before the client hears of it: the front asks when the client leaves. */
static void set_ended(uint32_t slot, uint32_t generation)
{
	__atomic_store_n(&spawner.server->board->ended[slot], generation, __ATOMIC_RELEASE);
}

/* ---- starting ---- */

static long clone_either(struct start *start, struct k_clone_args *args, int shared)
{
	if (shared)
		return child_clone(start, args, start_job);
	/* a copy of our memory: the stack, too, so that the child returns here */
	start->forked = 1;
	long pid = SYS(clone3, args, sizeof(*args));
	if (pid == 0)
		SYS(exit_group, start_job(start));
	return pid;
}

/*
 * We may not move processes to the client's control group, or there is none by now. A limit of that group which has been
 * reached (EAGAIN, EBUSY, ENOMEM) holds for the job.
 */
static int may_not_join(long error)
{
	return error == -K_EACCES || error == -K_EPERM || error == -K_ENOENT || error == -K_ENODEV ||
	       error == -K_EOPNOTSUPP;
}

/* In the client's control group where that is permitted: the kernel asks for the right to move processes there. */
static long start_child(struct start *start, int shared, long group)
{
	struct k_clone_args args = {.exit_signal = K_SIGCHLD};

	start->note = NULL;
	if (group >= 0) {
		args.flags = K_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)group;
	}
	long pid = group < -1 ? group : clone_either(start, &args, shared);
	if (group != -1 && may_not_join(pid)) {
		start->note = "the command runs in the daemon's control group: it may not be put into the caller's";
		args = (struct k_clone_args){.exit_signal = K_SIGCHLD};
		pid = clone_either(start, &args, shared);
	}
	return pid;
}

/* A parked child is in our control group, and has the standard descriptors where a job's are to be. */
static struct start *parked_child(const struct start *start, long group)
{
	struct start *parked =
		start->warm && group == -1 && start->request.run.stdio == 7 ? parked_for(start->warm) : NULL;

	spawner.refill |= start->warm != NULL;
	if (!parked || parked_give(parked, start) < 0)
		return NULL;
	spawner.server->board->taken++;
	return parked;
}

static const char *start_run(struct start *start)
{
	const struct spawn_request *request = &start->request;
	struct job_slot *job = &spawner.jobs[request->slot];
	const char *why = spaces_differ(spawner.spaces, request->peer, start->fds[START_PEER]);

	if (!why)
		start->payload = payload_get(&request->run, start->fds[start->nfds - 1], start->buffer, &why);
	if (!start->payload)
		return why;
	int shared = child_memory_is(start) && !start_needs_fork(start);
	start->warm = shared ? warm_find(start) : NULL;
	start->parent = spawner.server->main;
	start->limits = spawner.limits;
	long group = cgroup_of(request->peer, start->fds[START_PEER]);
	struct start *parked = parked_child(start, group);
	/* one that ran out of that group's memory would be killed with all that have the same (mm/oom_kill.c) */
	long pid = parked ? parked->pid : start_child(start, shared && group < 0, group);
	if (group >= 0)
		SYS(close, group);
	if (pid < 0)
		return group < 0 ? "the daemon cannot start a process"
				 : "the daemon cannot start a process in the caller's control group (a limit of it?)";
	*job = (struct job_slot){.pid = (int)pid,
				 .generation = request->generation,
				 .connection = start->fds[START_CONNECTION],
				 .terminal = !!(request->run.flags & PROTO_F_TTY),
				 .supervised = start_is_supervised(start),
				 .parked = parked};
	spawner.likely[(uint32_t)pid % MAX_JOBS] = (uint16_t)request->slot;
	spawner.running++;
	spawner.server->board->started++;
	return NULL;
}

/* `start`: with the request. */
static void take_run(struct start *start, int *fds, uint32_t nfds)
{
	const struct spawn_request *request = &start->request;
	const char *why = NULL;

	start->nfds = nfds;
	start->payload = NULL;
	start->warm = NULL;
	start->audit = spawner.server->audit;
	for (uint32_t i = 0; i < nfds; i++)
		start->fds[i] = fds[i];
	if (spawner.jobs[request->slot].pid || spawner.stopping)
		why = "the daemon is stopping";
	else if (spawner.server->board->stuck)
		why = CLOSERS_WHY;
	why = why ? why : start_run(start);
	if (why)
		audit_event(start->audit, DAEMON_REQUEST, AUDIT_NUMBER(PID, request->peer),
			    AUDIT_TEXT(COMMAND, "run"), AUDIT_TEXT(DECISION, "deny"), AUDIT_TEXT(REASON, why));
	if (why) {
		set_ended(request->slot, request->generation);
		reply(fds[START_CONNECTION], PROTO_REFUSED, 0, why);
	} else
		fds[START_CONNECTION] = -1;
	/* the front's own */
	SYS(close, fds[START_PEER]);
	fds[START_PEER] = -1;
	closers_take(fds, nfds);
	child_unmap(start);
}

static void signal_job(const struct job_slot *job, uint32_t signal, int group)
{
	/* a supervisor passes it on; a group may be gone, or not be there yet */
	if (!group || job->supervised || SYS(kill, -job->pid, signal) < 0)
		SYS(kill, job->pid, signal);
}

/*
 * The parked child ended before it took its job (somebody has killed or changed it): the job gets a child of its own,
 * and what its client has sent it meanwhile. Returns 0 when the job is lost, or is to end anyway.
 */
static int start_anew(struct job_slot *job)
{
	struct start *start = job->parked;
	long pid = -1;

	if (!start || start->pid != job->pid || !parked_has_not_taken(start) || !parked_take_back(start))
		return 0;
	if (!job->killed)
		pid = start_child(start, 1, -1);
	/* the child reads its own array still */
	for (uint32_t i = START_CWD; i < start->nfds; i++) {
		int fd = start->fds[i];

		closers_take(&fd, 1);
	}
	if (pid < 0)
		return 0;
	job->parked = NULL;
	job->pid = (int)pid;
	for (uint32_t signal = 1; signal <= K_NSIG; signal++)
		for (int group = 0; group < 2; group++)
			if (job->told[group] & K_SIG_BIT(signal))
				signal_job(job, signal, group);
	return 1;
}

/* ---- signals to jobs ---- */

/*
 * A parked child that finds one ends rather than take its job: it may be another job's doing. SIGCONT discards stops that
 * are pending, as the kernel does it.
 */
static void pass_on(struct job_slot *job, uint32_t signal, int group)
{
	const uint64_t stops =
		K_SIG_BIT(K_SIGSTOP) | K_SIG_BIT(K_SIGTSTP) | K_SIG_BIT(K_SIGTTIN) | K_SIG_BIT(K_SIGTTOU);

	for (int i = 0; i < 2 && signal == K_SIGCONT; i++)
		job->told[i] &= ~stops;
	if (job->parked && parked_has_not_taken(job->parked))
		job->told[group] |= K_SIG_BIT(signal);
	signal_job(job, signal, group);
}

static void kill_job(struct job_slot *job)
{
	job->killed = 1;
	SYS(kill, -job->pid, K_SIGKILL);
	SYS(kill, job->pid, K_SIGKILL);
}

/* `size`: of the request in `start` and what follows; fewer bytes than a request are none. */
static void take_request(struct start *start, size_t size, int *fds, uint32_t nfds)
{
	const struct spawn_request *request = &start->request;
	const size_t head = sizeof(*request) - sizeof(request->run);
	struct job_slot *job = &spawner.jobs[request->slot % MAX_JOBS];
	int current = job->pid && job->generation == request->generation;

	if (size >= sizeof(*request) && request->slot < MAX_JOBS) {
		if (request->kind == SPAWN_RUN && nfds > START_STDIO - 1 &&
		    proto_request_ok(&request->run, size - head, nfds, 1)) {
			take_run(start, fds, nfds);
			return;
		}
		if (request->kind == SPAWN_STOP && nfds == 1 && spawner.nstoppers < STOPPERS) {
			spawner.stoppers[spawner.nstoppers++] = fds[0];
			return;
		}
		if (request->kind == SPAWN_GONE && current)
			kill_job(job);
		if (request->kind == SPAWN_SIGNAL && current && request->run.signal - 1 < K_NSIG)
			pass_on(job, request->run.signal, !!(request->run.flags & PROTO_F_GROUP));
	}
	closers_take(fds, nfds);
}

/* -1: the front is gone. */
static int receive(void)
{
	/* where a child will read it, if there is one */
	struct start *free = child_memory(), *start = free ? free : &spawner.copied;
	struct {
		struct k_cmsghdr header;
		int fds[K_SCM_MAX_FD];
	} control = {.header = {.size = 0}};
	struct k_iovec iov[2] = {{&start->request, sizeof(start->request)}, {start->buffer, PROTO_INLINE}};
	struct k_msghdr message = {.iov = iov, .niov = 2, .control = &control, .control_size = sizeof(control)};

	/* once, not at every request that comes while it is so */
	uint32_t *stuck = &spawner.server->board->stuck;
	*stuck = !closers_clear(!*stuck) || !closers_have_room(CLOSERS_SOME);
	long size = SYS(recvmsg, spawner.server->channel, &message, K_MSG_CMSG_CLOEXEC | K_MSG_DONTWAIT);
	uint32_t nfds = 0;

	if (size == -K_EAGAIN || size == -K_EINTR)
		return 0;
	if (size <= 0)
		return -1;
	if (message.control_size >= sizeof(control.header) && control.header.type == K_SCM_RIGHTS)
		nfds = (uint32_t)((control.header.size - sizeof(control.header)) / sizeof(int));
	take_request(start, (size_t)size, control.fds, nfds);
	return 0;
}

/* ---- the end of jobs ---- */

/* Mostly where the number points: the slots are many. */
static struct job_slot *find_job(int pid)
{
	struct job_slot *likely = &spawner.jobs[spawner.likely[(uint32_t)pid % MAX_JOBS]];

	if (likely->pid == pid)
		return likely;
	for (uint32_t i = 0; i < MAX_JOBS; i++)
		if (spawner.jobs[i].pid == pid)
			return &spawner.jobs[i];
	return NULL;
}

/*
 * The stop of a terminal's job is its supervisor's, which nothing but SIGSTOP stops: it leads an orphaned group.
 */
static void job_changed(struct job_slot *job, const struct k_siginfo *info)
{
	if (info->code == K_CLD_STOPPED) {
		int unread = 0;

		/* one is enough for a client that does not read, and leaves room for the end */
		if (SYS(ioctl, job->connection, K_TIOCOUTQ, &unread) < 0 || unread)
			return;
		reply(job->connection, PROTO_STOPPED, job->terminal ? K_SIGTSTP : info->status, NULL);
		return;
	}
	set_ended((uint32_t)(job - spawner.jobs), job->generation);
	reply(job->connection, info->code == K_CLD_EXITED ? PROTO_EXITED : PROTO_KILLED, info->status, NULL);
}

/*
 * The kernel makes us the parent of what a job leaves behind. What has left the job's group as well belongs to nobody
 * that could be told, while several run; so it ends when none does. The front is not among these children: its end is
 * told by no signal, and only __WCLONE would find it.
 */
static void end_orphans(void)
{
	char list[4096];
	uint32_t pid;
	long size = SYS(pread64, spawner.children, list, sizeof(list) - 1);

	list[size > 0 ? size : 0] = 0;
	for (const char *at = list, *next; (next = number(at, &pid)) && *next == ' '; at = next + 1)
		if ((int)pid != spawner.front && !parked_is((int)pid) && !closers_include((int)pid) &&
		    !warm_filler_is((int)pid))
			SYS(kill, pid, K_SIGKILL);
}

/* What is left of its group ends with a job; the leader is reaped after that, so that the number is the group's still. */
static void tidy(struct job_slot *job)
{
	SYS(kill, -job->pid, K_SIGKILL);
	SYS(waitid, K_P_PID, job->pid, 0, K_WNOHANG | K_WEXITED, 0);
	closers_take_connection(job->connection);
	job->pid = 0;
	spawner.running--;
	spawner.answered = 1;
}

/* A job that is stopped before it has begun would have to be continued by somebody. */
static void child_changed(const struct k_siginfo *info)
{
	struct job_slot *job = find_job(info->pid);
	int ended = info->code != K_CLD_STOPPED && info->code != K_CLD_TRAPPED;
	int waiting = parked_changed(info->pid, !ended);

	/* it has made us its tracer, and waits for an answer: there will be none */
	if (info->code == K_CLD_TRAPPED) {
		SYS(kill, info->pid, K_SIGKILL);
		waiting = 1;
	}
	if (!ended && job && job->parked && job->parked->pid == job->pid && parked_has_not_taken(job->parked)) {
		SYS(kill, job->pid, K_SIGKILL);
		waiting = 1;
	}
	int anew = !waiting && ended && job && start_anew(job);
	if (job && !waiting && !anew)
		job_changed(job, info);
	if (job && ended && !anew)
		tidy(job);
	else
		SYS(waitid, K_P_PID, info->pid, 0, K_WNOHANG | (ended ? K_WEXITED : K_WSTOPPED), 0);
}

static void reap(void)
{
	struct k_siginfo info = {.pid = 0};

	while (SYS(waitid, K_P_ALL, 0, &info, K_WEXITED | K_WSTOPPED | K_WNOHANG | K_WNOWAIT, 0) == 0 && info.pid) {
		child_changed(&info);
		info.pid = 0;
	}
	spawner.orphans = !spawner.running;
	spawner.server->board->parked = parked_any();
}

/* ---- the end of all ---- */

/* What a file system that does not answer keeps from dying is left behind after END_MS without any progress. */
static void end_all(void)
{
	parked_end(NULL);
	for (uint32_t i = 0; i < MAX_JOBS; i++)
		if (spawner.jobs[i].pid) {
			kill_job(&spawner.jobs[i]);
			SYS(shutdown, spawner.jobs[i].connection, K_SHUT_RDWR);
		}
	for (uint32_t ms = 0; ms < END_MS; ms += END_STEP_MS) {
		struct k_siginfo info = {.pid = 0};
		struct k_pollfd fd = {spawner.signals, K_POLLIN, 0};
		struct k_timespec step = {.nsec = 1000000 * END_STEP_MS};
		struct k_signalfd_siginfo signal;

		end_orphans();
		if (SYS(waitid, K_P_ALL, 0, &info, K_WEXITED | K_WNOHANG, 0) == -K_ECHILD)
			return;
		if (info.pid)
			ms = 0;
		else
			SYS(ppoll, &fd, 1, &step, 0);
		SYS(read, spawner.signals, &signal, sizeof(signal));
	}
	msg(2, "llrund: warning: processes that were killed do not end (a file system that does not answer?)");
}

/* The first asks the front to stop when all jobs have ended; the second ends them. */
static void stop(void)
{
	parked_end(NULL);
	if (!spawner.stopping++)
		SYS(write, spawner.server->channel, "", 1);
	else
		for (uint32_t i = 0; i < MAX_JOBS; i++)
			if (spawner.jobs[i].pid)
				kill_job(&spawner.jobs[i]);
}

/* One of them; if there are more, there is news still. */
static void take_signal(void)
{
	struct k_signalfd_siginfo info;

	if (SYS(read, spawner.signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.signo == K_SIGCHLD)
		reap();
	else
		stop();
}

static int open_children(void)
{
	char path[64], digits[12];
	uint32_t len = append(path, sizeof(path), 0, "/proc/self/task/");

	len = append(path, sizeof(path), len, decimal(digits, (uint32_t)SYS(getpid, 0)));
	append(path, sizeof(path), len, "/children");
	return (int)SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC);
}

/* The nursery's: one piece of what no client waits for, under the lock. */
static int do_chores(void)
{
	int more = 0;

	if (spawner.stopping)
		spawner.refill = 0;
	children_sweep();
	if (spawner.orphans && !spawner.running)
		end_orphans();
	spawner.orphans = 0;
	if (spawner.refill) {
		/* parked children would have to close what waits for that */
		spawner.unclear = !closers_clear(0);
		more = !spawner.unclear && parked_refill(spawner.server->main, spawner.limits);
		spawner.refill = more || spawner.unclear;
	}
	spawner.server->board->parked = parked_any();
	return more;
}

static int has_chores(void)
{
	return spawner.refill || spawner.orphans;
}

static void end_idle(void)
{
	warm_cool();
	parked_end(NULL);
	spawner.server->board->parked = parked_any();
}

/*
 * Until something happens. The nursery is woken when a client has been answered; what cannot be done then, or is to be
 * done while a job runs, some time later.
 */
static void wait_for_news(struct k_pollfd fds[3])
{
	int ms = closers_look();
	const struct k_timespec later = {.nsec = LATER_MS * 1000000}, idle = {.sec = IDLE_TIME},
				closing = {ms / 1000, ms % 1000 * 1000000};
	const struct k_timespec *most = ms >= 0 ? &closing : parked_any() ? &idle : NULL;

	if (has_chores() && spawner.answered)
		nursery_wake(spawner.refill && parked_few());
	else if (has_chores() && !(spawner.unclear && ms >= 0) && (ms < 0 || ms > LATER_MS))
		most = &later;
	spawner.answered = 0;
	nursery_leave();
	long news = SYS(ppoll, fds, 3, most, 0);
	nursery_enter();
	if (news || !most)
		return;
	if (most == &idle)
		end_idle();
	else if (has_chores())
		nursery_wake(1);
}

static int init(struct server *server, int front, struct llrun_error *error)
{
	const uint64_t taken =
		K_SIG_BIT(K_SIGCHLD) | K_SIG_BIT(K_SIGTERM) | K_SIG_BIT(K_SIGINT) | K_SIG_BIT(K_SIGHUP);

	static char buffer[PAYLOAD_SMALL + 8] __attribute__((aligned(8)));

	spawner.server = server;
	spawner.front = front;
	spawner.copied.buffer = buffer;
	for (uint32_t i = 0; i < MAX_JOBS; i++)
		server->board->ended[i] = 0;
	if (closers_start(error) < 0)
		return -1;
	cgroup_init();
	warm_init(server->board);
	for (uint32_t i = 0; i < K_RLIM_NLIMITS; i++)
		if (check_sys(error, "prlimit64", SYS(prlimit64, 0, i, 0, &spawner.limits[i]), NULL) < 0)
			return -1;
	spawner.signals = (int)SYS(signalfd4, -1, &taken, sizeof(taken), K_SFD_CLOEXEC | K_SFD_NONBLOCK);
	if (check_sys(error, "signalfd4", spawner.signals, NULL) < 0)
		return -1;
	spawner.children = open_children();
	if (check_sys(error, "openat", spawner.children, "/proc/self/task") < 0)
		return -1;
	if (spaces_own(spawner.spaces, error) < 0)
		return -1;
	nursery_enter();
	return nursery_start(do_chores, error);
}

int spawner_run(struct server *server, int front)
{
	struct llrun_error error;
	struct k_siginfo info = {.status = 125};
	int alive = 1;

	if (init(server, front, &error) < 0) {
		msg_error("llrund", &error);
		return 125;
	}
	while (alive) {
		/* the channel does not end with the front: its closers hold it, too */
		struct k_pollfd fds[] = {
			{server->channel, K_POLLIN, 0}, {spawner.signals, K_POLLIN, 0}, {server->front, K_POLLIN, 0}};

		wait_for_news(fds);
		if (server->board->stuck)
			server->board->stuck = !closers_clear(0) || !closers_have_room(CLOSERS_SOME);
		if (fds[1].revents)
			take_signal();
		/* one: where there are more, ppoll(2) tells. What the front has sent comes before its end */
		alive = fds[0].revents ? receive() == 0 : !fds[2].revents;
	}
	end_all();
	SYS(waitid, K_P_PID, front, &info, K_WEXITED | K_WALL, 0);
	return info.code == K_CLD_EXITED ? info.status : 125;
}

void spawner_goodbye(void)
{
	for (uint32_t i = 0; i < spawner.nstoppers; i++)
		SYS(shutdown, spawner.stoppers[i], K_SHUT_RDWR);
}
