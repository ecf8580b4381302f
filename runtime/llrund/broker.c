/* SPDX-License-Identifier: MIT */
/*
 * The broker's threads, and how the listener gets to them.
 *
 * MUST answer "continue" to whatever the policy does not name: the kernel's own check then decides. It grants nothing.
 * MUST NOT let one call that waits hold up another: there is always a thread that listens, and the last of them waits
 * for nothing.
 * MUST NOT let the command start before it serves.
 */
#include "broker.h"

#include "audit.h"
#include "clone.h"
#include "confine.h"
#include "msg.h"

#define MAX_THREADS 32
#define STACK_SIZE  65536
#define WATCH_NS    10000000 /* a call may hold others up this long, twice at most */

static handler roots_change, ids_change, both_change, capabilities_go, on_clone3;
#define on_chroot     roots_change
#define on_pivot_root roots_change
#define on_unshare    both_change
#define on_setns      both_change
#define on_setuid     ids_change
#define on_setgid     ids_change
#define on_setreuid   ids_change
#define on_setregid   ids_change
#define on_setgroups  ids_change
#define on_setresuid  ids_change
#define on_setresgid  ids_change
#define on_setfsuid   ids_change
#define on_setfsgid   ids_change
#define on_capset     ids_change
#define on_prctl      capabilities_go
#define on_clone      capabilities_go

static const struct {
	int nr;
	handler *handle;
} calls[] = {
#ifdef __x86_64__
#define BROKERED(name, class, x86_64, aarch64) {x86_64, on_##name},
#else
#define BROKERED(name, class, x86_64, aarch64) {aarch64, on_##name},
#endif
#include "broker.def"
};

/* Before the call is carried out: whoever looks later looks closely. */
static enum verdict roots_change(struct request *r)
{
	__atomic_store_n(&r->broker->roots_vary, 1, __ATOMIC_RELEASE);
	return LEAVE;
}

static enum verdict ids_change(struct request *r)
{
	__atomic_store_n(&r->broker->ids_vary, 1, __ATOMIC_RELEASE);
	return LEAVE;
}

/* A user namespace takes capabilities away. */
static enum verdict both_change(struct request *r)
{
	roots_change(r);
	return ids_change(r);
}

static int never_waits(handler *handle)
{
	return handle == roots_change || handle == ids_change || handle == both_change || handle == capabilities_go ||
	       handle == on_clone3;
}

/* ---- answers ---- */

static void send_reply(const struct request *r, long result, uint32_t flags)
{
	struct k_seccomp_notif_resp reply = {.id = r->notif.id, .flags = flags};

	if (result < 0)
		reply.error = (int32_t)result;
	else
		reply.val = flags ? 0 : result;
	SYS(ioctl, r->broker->listener, K_SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/*
 * The caller's table may be full: the error is its own then. What is open for writing is answered in two steps: when the
 * caller closes it and executes the file, or makes its mount read-only, no descriptor of ours may be in the way.
 */
static void send_descriptor(const struct request *r)
{
	const struct k_seccomp_notif_addfd add = {.id = r->notif.id,
						  .flags = r->writes ? 0 : K_SECCOMP_ADDFD_FLAG_SEND,
						  .srcfd = (uint32_t)r->fd,
						  .newfd_flags = r->fd_flags};
	long result = SYS(ioctl, r->broker->listener, K_SECCOMP_IOCTL_NOTIF_ADDFD, &add);

	SYS(close, r->fd);
	if (result != -K_ENOENT && (result < 0 || r->writes))
		send_reply(r, result, 0);
}

/*
 * The last thread does nothing that may wait. The log says when that begins, and when it ends how many calls were left to
 * the kernel.
 */
static enum verdict leave_it(struct request *r)
{
	if (r->broker->left++ == 0)
		audit_event(r->broker->job->audit, BROKER_SATURATED, AUDIT_NUMBER(PID, r->notif.pid),
			    AUDIT_NUMBER(COUNT, AUDIT_NONE),
			    AUDIT_TEXT(REASON, "all threads wait: brokered calls are left to the kernel"));
	return LEAVE;
}

static void say_relieved(struct request *r)
{
	if (r->broker->left)
		audit_event(r->broker->job->audit, BROKER_SATURATED, AUDIT_NUMBER(PID, r->notif.pid),
			    AUDIT_NUMBER(COUNT, r->broker->left),
			    AUDIT_TEXT(REASON, "a thread is free again: calls were left to the kernel"));
	r->broker->left = 0;
}

/* What a rule of the policy wants reported, and the broker has no other part in. */
static enum verdict report(struct request *r)
{
	char text[16], digits[12];

	append(text, sizeof(text), append(text, sizeof(text), 0, "nr:"), decimal(digits, (uint32_t)r->notif.data.nr));
	audit_event(r->broker->job->audit, BROKER_CALL, AUDIT_NUMBER(PID, r->notif.pid), AUDIT_TEXT(SYSCALL, text));
	return LEAVE;
}

/*
 * By a user namespace, too: in one of its own a process has no capability over files that are not that one's. Any other
 * operation is here because the policy wants it reported.
 */
static enum verdict capabilities_go(struct request *r)
{
	static const struct {
		int nr;
		uint64_t mask, value;
	} losses[] = {
#define BROKER_LOSS(name, mask, value) {NR_##name, mask, value},
#include "broker.def"
	};

	for (uint32_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (r->notif.data.nr == losses[i].nr && (r->notif.data.args[0] & losses[i].mask) == losses[i].value)
			return ids_change(r);
	return report(r);
}

/* Whoever deceives us here, with another thread, gives his own rights away. The last thread does not wait for memory. */
static enum verdict on_clone3(struct request *r)
{
	uint64_t flags;

	if (!r->last && copy_bytes(r, r->notif.data.args[0], &flags, sizeof(flags)) == (long)sizeof(flags) &&
	    !(flags & K_CLONE_NEWUSER))
		return LEAVE;
	return ids_change(r);
}

static enum verdict decide(struct request *r)
{
	/* a log that has failed: nothing more is done that it would have to tell of */
	if (r->notif.data.arch != SYS_AUDIT_ARCH || audit_failed(r->broker->job->audit))
		return LEAVE;
	for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].nr == r->notif.data.nr)
			return r->last && !never_waits(calls[i].handle) ? leave_it(r) : calls[i].handle(r);
	return report(r);
}

static void answer(struct request *r, enum verdict verdict)
{
	switch (verdict) {
	case LEAVE:
		send_reply(r, 0, K_SECCOMP_USER_NOTIF_FLAG_CONTINUE);
		break;
	case REPLY:
		send_reply(r, r->result, 0);
		break;
	case HAND_OVER:
		send_descriptor(r);
		break;
	case GONE:
	case LATER:
		break;
	}
}

/* ---- threads ---- */

/* Nobody is left who could call: the kernel then answers at once, again and again. */
static int is_over(const struct broker *broker)
{
	struct k_pollfd fd = {broker->listener, K_POLLIN, 0};
	struct k_timespec now = {0, 0};

	return SYS(ppoll, &fd, 1, &now) > 0 && fd.revents & (K_POLLHUP | K_POLLERR);
}

/* The next call, in r->notif. False: there will be none. */
static int receive(struct request *r)
{
	for (;;) {
		r->notif = (struct k_seccomp_notif){.id = 0}; /* the kernel insists: seccomp_notify_recv() */
		long result = SYS(ioctl, r->broker->listener, K_SECCOMP_IOCTL_NOTIF_RECV, &r->notif);
		if (result >= 0)
			return 1;
		if (result != -K_EINTR && (result != -K_ENOENT || is_over(r->broker)))
			return 0;
	}
}

static void wait_on(uint32_t *word, uint32_t value)
{
	SYS(futex, word, K_FUTEX_WAIT_PRIVATE, value, 0);
}

static void wake(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	SYS(futex, word, K_FUTEX_WAKE_PRIVATE, 1);
}

/* Somebody else listens: until called for. */
static void park(struct request *r)
{
	struct broker *broker = r->broker;

	__atomic_store_n(&r->called, 0, __ATOMIC_RELEASE);
	spin_lock(&broker->lock);
	broker->parked[broker->nparked++] = r;
	spin_unlock(&broker->lock);
	while (!__atomic_load_n(&r->called, __ATOMIC_ACQUIRE))
		wait_on(&r->called, 0);
}

/* False: nobody is parked. */
static int call_parked(struct broker *broker)
{
	struct request *r = NULL;

	spin_lock(&broker->lock);
	if (broker->nparked)
		r = broker->parked[--broker->nparked];
	spin_unlock(&broker->lock);
	if (r)
		wake(&r->called, 1);
	return r != NULL;
}

/* The last thread's end as the listener. What it counted is said before another may count. */
static int hand_over(struct request *r)
{
	spin_lock(&r->broker->lock);
	uint32_t spare = r->broker->nparked;
	spin_unlock(&r->broker->lock);
	if (spare)
		say_relieved(r);
	return spare && call_parked(r->broker);
}

/*
 * One thread listens and decides, so that it finds its memory warm. A call may wait for a file system that does not
 * answer: then the watch makes another thread the listener, and this one, when it is done, is spare. The last one that
 * may be started waits for nothing but the log; it hands over as soon as another is spare.
 */
static long serve(void *argument)
{
	struct request *r = argument;
	struct broker *broker = r->broker;

	while (publish_next(r) || receive(r)) {
		/* nobody else counts: one thread at a time listens */
		uint32_t count = __atomic_load_n(&broker->calls, __ATOMIC_RELAXED) + 1, mine = count | 1u << 31;

		__atomic_store_n(&broker->calls, count, __ATOMIC_RELAXED);
		__atomic_store_n(&broker->working, r->last ? 0 : mine, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&broker->watch_sleeps, __ATOMIC_SEQ_CST) && !r->last)
			wake(&broker->watch_sleeps, 0);
		r->writes = r->acts = 0;
		enum verdict verdict = decide(r);
		int listens = r->last ? !hand_over(r)
				      : __atomic_compare_exchange_n(&broker->working, &mine, 0, 0, __ATOMIC_ACQ_REL,
								    __ATOMIC_RELAXED);
		answer(r, verdict);
		if (listens)
			continue;
		while (publish_next(r))
			answer(r, decide(r));
		park(r);
	}
	return 0;
}

static long start_thread(struct broker *broker, long (*run)(void *argument), int last);

/* False: not now. There is always one that listens or is parked once the last one was started. */
static int replace_listener(struct broker *broker)
{
	return call_parked(broker) ||
	       (broker->threads <= MAX_THREADS && start_thread(broker, serve, broker->threads == MAX_THREADS) >= 0);
}

/* While there are calls, a look every few milliseconds whether one of them is still the same. */
static _Noreturn long watch(void *argument)
{
	struct broker *broker = ((struct request *)argument)->broker;
	uint32_t seen = 0;

	for (;;) {
		uint32_t working = __atomic_load_n(&broker->working, __ATOMIC_SEQ_CST);

		if (!working && seen == __atomic_load_n(&broker->calls, __ATOMIC_RELAXED)) {
			__atomic_store_n(&broker->watch_sleeps, 1, __ATOMIC_SEQ_CST);
			if (!__atomic_load_n(&broker->working, __ATOMIC_SEQ_CST))
				wait_on(&broker->watch_sleeps, 1);
			__atomic_store_n(&broker->watch_sleeps, 0, __ATOMIC_SEQ_CST);
			continue;
		}
		seen = __atomic_load_n(&broker->calls, __ATOMIC_RELAXED);
		struct k_timespec interval = {0, WATCH_NS}; /* the kernel writes to it what was left */
		SYS(ppoll, NULL, 0, &interval);
		uint32_t same = working;
		if (working &&
		    __atomic_compare_exchange_n(&broker->working, &same, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) &&
		    !replace_listener(broker))
			__atomic_store_n(&broker->working, working, __ATOMIC_RELEASE);
	}
}

/* Its own umask, not its own descriptors: without CLONE_FS. The request lies below the stack. */
static long start_thread(struct broker *broker, long (*run)(void *argument), int last)
{
	size_t size = sizeof(struct request) + STACK_SIZE;
	long at = SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1);

	if (at < 0 && at > -4096)
		return at;
	struct request *r = (struct request *)at;
	r->broker = broker;
	r->last = last;
	const struct k_clone_args args = {
		.flags = K_CLONE_VM | K_CLONE_FILES | K_CLONE_SIGHAND | K_CLONE_THREAD,
		.stack = ((uint64_t)at + sizeof(*r) + 15) & ~UINT64_C(15),
		.stack_size = (STACK_SIZE - 16) & ~UINT64_C(15),
	};
	long result = clone_call(&args, run, r);
	if (result < 0)
		SYS(munmap, at, size);
	else if (run == serve)
		broker->threads++;
	return result;
}

/* ---- confinement ---- */

/* What supervisor and broker do from here on. */
static const struct confine_row rows[] = {
	CONFINE_ANY(read),
	CONFINE_ANY(write),
	CONFINE_ANY(close),
	CONFINE_ANY(mmap),
	CONFINE_ANY(munmap),
	CONFINE_ANY(rt_sigaction),
	CONFINE_ANY(rt_sigprocmask),
	CONFINE_ANY(ioctl),
	CONFINE_ANY(getpid),
	CONFINE_ANY(sendmsg),
	CONFINE_ANY(recvmsg),
	CONFINE_ANY(exit),
	CONFINE_ANY(exit_group),
	CONFINE_ANY(wait4),
	CONFINE_ANY(waitid),
	CONFINE_ANY(kill),
	CONFINE_ANY(fcntl),
	CONFINE_ANY(fsync),
	CONFINE_ANY(ftruncate),
	CONFINE_ANY(fchmod),
	CONFINE_ANY(umask),
	CONFINE_ANY(getuid),
	CONFINE_ANY(setgroups),
	CONFINE_ANY(setfsuid),
	CONFINE_ANY(setfsgid),
	CONFINE_ANY(capget),
	CONFINE_ANY(capset),
	CONFINE_ANY(fstatfs),
	CONFINE_ANY(prctl),
	CONFINE_ANY(clock_gettime),
	CONFINE_ANY(openat),
	CONFINE_ANY(openat2),
	CONFINE_ANY(mkdirat),
	CONFINE_ANY(mknodat),
	CONFINE_ANY(unlinkat),
	CONFINE_ANY(renameat2),
	CONFINE_ANY(linkat),
	CONFINE_ANY(symlinkat),
	CONFINE_ANY(readlinkat),
	CONFINE_ANY(ppoll),
	CONFINE_ANY(getdents64),
	CONFINE_ANY(process_vm_readv),
	CONFINE_ANY(copy_file_range),
	CONFINE_ANY(statx),
	/* threads of this process; never a process */
	CONFINE_ANY(clone3),
	CONFINE_ANY(rt_sigreturn),
	CONFINE_ANY(dup3),
	CONFINE_ANY(gettid),
	CONFINE_ANY(sched_yield),
	CONFINE_ANY(futex),
	CONFINE_ANY(getppid),
	CONFINE_ANY(recvfrom),
	CONFINE_ANY(set_robust_list),
};
/* Where mounts are declared. */
static const struct confine_row mount_rows[] = {
	CONFINE_ANY(open_tree), CONFINE_ANY(move_mount),    CONFINE_ANY(fsopen),  CONFINE_ANY(fsconfig),
	CONFINE_ANY(fsmount),   CONFINE_ANY(mount_setattr), CONFINE_ANY(umount2), CONFINE_ANY(fchdir),
	CONFINE_ANY(chdir),     CONFINE_ANY(memfd_create),
};
#define NROWS         (sizeof(rows) / sizeof(rows[0]))
#define NMOUNT_ROWS   (sizeof(mount_rows) / sizeof(mount_rows[0]))
#define CAP_SYS_ADMIN 21

/* No capability that the command may not hold, but one where there are mounts to make, in the command's namespace. */
static int confine_broker(const struct broker *broker, struct llrun_error *error)
{
	struct confine_row all[NROWS + NMOUNT_ROWS];
	uint64_t caps = ~broker->job->policy->blob.process->drop_caps;
	uint32_t count = 0;

	for (uint32_t i = 0; i < NROWS; i++)
		all[count++] = rows[i];
	if (broker->mounts)
		caps |= UINT64_C(1) << CAP_SYS_ADMIN;
	for (uint32_t i = 0; broker->mounts && i < NMOUNT_ROWS; i++)
		all[count++] = mount_rows[i];
	return confine(all, count, caps, error);
}

/* ---- the listener ---- */

static int send_listener(int channel, int listener)
{
	struct k_iovec iov = {"l", 1};
	struct {
		struct k_cmsghdr header;
		int fd, pad;
	} control = {{sizeof(control.header) + sizeof(control.fd), K_SOL_SOCKET, K_SCM_RIGHTS}, listener, 0};
	const struct k_msghdr message = {
		.iov = &iov, .niov = 1, .control = &control, .control_size = sizeof(control)};

	return (int)SYS(sendmsg, channel, &message, K_MSG_NOSIGNAL);
}

/* In the child, as late as can be: a call that is notified waits until the broker serves. */
static int surrender(const struct policy *policy, struct llrun_error *error)
{
	const struct llpb_filter *filter = blob_notify(&policy->blob, SYS_AUDIT_ARCH);
	char ready;

	if (!filter)
		return fail(error, LLRUN_E_ARCH, "the policy has no notify program for this architecture", NULL);
	const struct k_sock_fprog program = {(uint16_t)filter->count, policy->blob.insns + filter->first};
	long listener = SYS(seccomp, K_SECCOMP_SET_MODE_FILTER, filter->flags, &program);
	if (listener == -K_EBUSY)
		return fail(error, LLRUN_E_BLOB,
			    "a broker already answers for this process: brokered runs cannot be nested", NULL);
	if (listener == -K_EINVAL)
		return fail(error, LLRUN_E_BLOB, "this kernel cannot broker: Linux 5.19 or later is needed", NULL);
	if (check_sys(error, "seccomp", listener, "notify program") < 0)
		return -1;
	int sent = send_listener(policy->channel, (int)listener);
	SYS(close, listener);
	if (check_sys(error, "sendmsg", sent, "listener") < 0)
		return -1;
	/* the end of the channel: the supervisor has said why */
	if (SYS(read, policy->channel, &ready, 1) == 1)
		return 0;
	error->code = LLRUN_OK;
	return -1;
}

static int open_proc_dirs(struct broker *broker, struct llrun_error *error)
{
	struct k_statfs fs;
	long proc = SYS(openat, K_AT_FDCWD, "/proc", K_O_ANCHOR | K_O_DIRECTORY);

	if (check_sys(error, "openat", proc, "/proc") < 0)
		return -1;
	if (SYS(fstatfs, proc, &fs) < 0 || fs.type != K_PROC_SUPER_MAGIC)
		return fail(error, LLRUN_E_BLOB, "no proc file system there, and a broker needs one", "/proc");
	broker->proc = (int)proc;
	broker->self = (int)SYS(openat, proc, "self/fd", K_O_ANCHOR | K_O_DIRECTORY);
	return check_sys(error, "openat", broker->self, "/proc/self/fd");
}

/*
 * With a PID namespace the job's child is not the command but its parent, which is closed to all; its children are the
 * namespace's init and, the younger one, the command (runtime/init.c).
 */
static uint32_t find_command(const struct broker *broker)
{
	uint32_t child = (uint32_t)broker->job->child, pid = child, next;
	char list[CHILDREN], path[32], digits[12];

	if (!(broker->job->policy->blob.mounts->spaces & K_CLONE_NEWPID))
		return child;
	append(path, sizeof(path), append(path, sizeof(path), 0, decimal(digits, child)), "/task");
	long dir = SYS(openat, broker->proc, path, K_O_ANCHOR | K_O_DIRECTORY);
	read_children((int)dir, child, list);
	for (const char *at = number(list, &next); at; at = number(at + (*at == ' '), &next))
		pid = next;
	if (dir >= 0)
		SYS(close, dir);
	return pid;
}

static int join_one(struct broker *broker, const char *name, int type, struct llrun_error *error)
{
	char path[32], digits[12];
	uint32_t len = append(path, sizeof(path), 0, decimal(digits, find_command(broker)));

	append(path, sizeof(path), len, name);
	long fd = SYS(openat, broker->proc, path, K_O_RDONLY | K_O_CLOEXEC);
	if (check_sys(error, "openat", fd, name) < 0)
		return -1;
	long result = SYS(setns, fd, type);
	SYS(close, fd);
	return check_sys(error, "setns", result, name);
}

/* Is there a slot that the working directory decides? */
static int uses_cwd(const struct broker *broker)
{
	const struct blob *blob = &broker->job->policy->blob;

	for (uint32_t i = 0; i < blob->nslots; i++)
		if (*slot_value(blob, &blob->slots[i], &broker->job->run->options) != '/')
			return 1;
	return 0;
}

/* In another view: where the caller's directory is not to be found there, a slot must not become the root. */
static int go_back(const struct broker *broker, const char *cwd, struct llrun_error *error)
{
	if (!uses_cwd(broker))
		return 0;
	/* "(unreachable)...": not in its own root */
	return check_sys(error, "chdir", *cwd == '/' ? SYS(chdir, cwd) : -K_ENOENT, "${CWD}");
}

/*
 * The paths of the policy and of the command are those of its mount namespace: so this process goes there, before it has
 * threads (kernel/user_namespace.c, userns_install()). What it needs of the other is open.
 */
static int join(struct broker *broker, struct llrun_error *error)
{
	const struct blob *blob = &broker->job->policy->blob;
	char cwd[PATH_SIZE];

	if (!blob->nmounts || !(blob->mounts->spaces & K_CLONE_NEWNS))
		return 0;
	if (SYS(getcwd, cwd, sizeof(cwd)) < 0)
		*cwd = 0;
	if (join_one(broker, "/ns/user", K_CLONE_NEWUSER, error) < 0 ||
	    join_one(broker, "/ns/mnt", K_CLONE_NEWNS, error) < 0)
		return -1;
	return go_back(broker, cwd, error);
}

int broker_check(struct run *run, struct policy *policy, const char *cwd, struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	static struct broker broker;
	static struct job job;

	job.run = run;
	job.policy = policy;
	broker.job = &job;
	/* without it names are not known, and two are one only where they are the same file */
	broker.self = (int)SYS(openat, K_AT_FDCWD, "/proc/self/fd", K_O_ANCHOR | K_O_DIRECTORY);
	if (blob->nmounts && blob->mounts->spaces & K_CLONE_NEWNS && go_back(&broker, cwd, error) < 0)
		return -1;
	return broker_open_exceptions(&broker, error);
}

/* Is an object one through which the log could be changed: the log itself, or a directory above it? */
static int reaches(const struct broker *broker, const struct file_id *id, int is_log)
{
	for (uint32_t i = 0; i < broker->count; i++) {
		const struct exception *e = &broker->exceptions[i];
		const struct llpb_broker *record = e->record;
		uint32_t grants = grants_of(record->kind, record->flags);
		struct file_id source;

		if (record->kind == LLPB_B_BIND) {
			const char *path = blob_str(&broker->job->policy->blob, record->source);
			if (!(record->flags & LLPB_B_READ_ONLY) &&
			    identify(K_AT_FDCWD, path, K_AT_SYMLINK_NOFOLLOW, &source) == 0 &&
			    same_object(&source, id))
				return 1;
		} else if (e->fd >= 0 && grants & (MAY_WRITE | IN_SCRATCH | MAY_REPLACE) && (is_log || is_tree(e)) &&
			   same_object(&e->id, id)) {
			return 1;
		}
	}
	return 0;
}

/*
 * What audit_check() cannot ask Landlock: do exceptions, or what may be bound at run time, reach the log? By what its
 * directories are, not by their names: those are other ones in the command's view. `dir`: -1, or spent.
 */
static int check_log(struct broker *broker, long dir, struct llrun_error *error)
{
	const struct audit *audit = broker->job->audit;
	struct file_id id, last = {.ino = 0};
	int found, is_root = dir < 0;

	if (!audit)
		return 0;
	if (check_sys(error, "statx", identify(audit->fd, "", K_AT_EMPTY_PATH, &id), audit->destination) < 0)
		return -1;
	for (found = reaches(broker, &id, 1); !found && !is_root; last = id) {
		if (check_sys(error, "statx", identify((int)dir, "", K_AT_EMPTY_PATH, &id), audit->destination) < 0)
			return -1;
		is_root = same_object(&id, &last) && id.mount == last.mount;
		found = reaches(broker, &id, 0);
		long up = SYS(openat, dir, "..", K_O_ANCHOR);
		SYS(close, dir);
		if (check_sys(error, "openat", dir = up, audit->destination) < 0)
			return -1;
	}
	if (dir >= 0)
		SYS(close, dir);
	return found ? audit_within_reach(audit, error) : 0;
}

static int start(struct broker *broker, struct llrun_error *error)
{
	int log_dir;

	if (audit_dir(broker->job->audit, &log_dir, error) < 0 || open_proc_dirs(broker, error) < 0 ||
	    join(broker, error) < 0 ||
	    check_sys(error, "statx", identify(K_AT_FDCWD, "/", 0, &broker->root), "/") < 0 ||
	    broker_open_exceptions(broker, error) < 0 || check_log(broker, log_dir, error) < 0)
		return -1;
	broker->uid = (uint32_t)SYS(setfsuid, -1);
	broker->gid = (uint32_t)SYS(setfsgid, -1);
	/* since Linux 6.6; without it calls take longer, that is all */
	SYS(ioctl, broker->listener, K_SECCOMP_IOCTL_NOTIF_SET_FLAGS, K_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	if (confine_broker(broker, error) < 0 ||
	    check_sys(error, "read", remember_self(broker), "/proc/thread-self/status") < 0)
		return -1;
	if (check_sys(error, "clone3", start_thread(broker, serve, 0), NULL) < 0)
		return -1;
	return check_sys(error, "clone3", start_thread(broker, watch, 0), NULL);
}

/* The hook of the job: the child waits for the answer. */
static void received(struct job *job, int fd)
{
	struct broker *broker = job->broker;
	struct llrun_error error = {.code = LLRUN_OK};

	broker->listener = fd;
	if (start(broker, &error) == 0 &&
	    audit_event(job->audit, BROKER_START, AUDIT_NUMBER(PID, SYS(getpid, 0)),
			AUDIT_NUMBER(RULES, broker->count)) == 0 &&
	    SYS(write, job->channel, "r", 1) == 1)
		return;
	if (error.code)
		msg_error("llrun", &error);
	job_refuse(job, &error);
}

/* No more calls can come but those of processes that are about to be killed. */
static void ended(struct job *job)
{
	struct broker *broker = job->broker;

	if (broker->listener >= 0)
		audit_event(job->audit, BROKER_END, AUDIT_NUMBER(PID, SYS(getpid, 0)),
			    AUDIT_TEXT(REASON, "the command has ended"),
			    AUDIT_NUMBER(COUNT, __atomic_load_n(&broker->calls, __ATOMIC_RELAXED)));
}

void broker_attach(struct broker *broker, struct job *job)
{
	*broker = (struct broker){.job = job, .listener = -1};
	broker->hooks = job->hooks ? *job->hooks : (struct job_hooks){NULL, NULL, NULL};
	broker->hooks.received = received;
	broker->hooks.ended = ended;
	job->broker = broker;
	job->hooks = &broker->hooks;
	job->policy->surrender = surrender;
}
