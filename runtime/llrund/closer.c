/* SPDX-License-Identifier: MIT */
/*
 * The closers of a process.
 *
 * close(2) asks the file system first (->flush; fs/open.c, filp_flush()): a FUSE server or an NFS server need not
 * answer, and FUSE waits for that unkillably. Who gives the last reference back does what that takes (fs/file_table.c,
 * __fput()): a TCP socket lingers. The last reference may also lie in the queue of a socket that is closed itself.
 *
 * MUST be processes, not threads: a thread that cannot be killed keeps its whole process from its end.
 * MUST NOT do anything but throw away.
 */
#include "closer.h"

#include "clone.h"
#include "confine.h"
#include "disks.h"
#include "kernel_broker.h"

#define QUEUE      8192u /* a power of two: many, what one packet brings, and all connections */
#define STACK_SIZE 16384u
#define SHORT_MS   20 /* after this a close that waits is interrupted, and from then on */
#define LONG_MS    1000 /* so often */
#define SMALL      2048 /* blocks that one packet's files may have for it to be closed at once: 1 MiB */

#define YIELDS 180 /* looks that leave the CPU to a closer, */
#define MOMENTS                                                                                                      \
	1000 /* and then so many a millisecond apart: on a busy machine closers are late without being stuck */

enum { STARTING, READY, FAILED };

struct queue {
	int fds[QUEUE];
	uint32_t head, tail; /* head: the next to be put; tail: the next to be closed */
};

struct closer {
	struct queue *queue;
	uint32_t state;
	int pid;
	int fd; /* that it closes, or is about to; -1: none */
	uint32_t count; /* of those it has closed */
	/* of the process that they belong to */
	uint32_t seen; /* `count` at the last look */
	uint32_t signals; /* sent since that changed */
	uint64_t next; /* milliseconds: when to send another */
	uint32_t gone; /* 1 + the `count` at which `fd` was seen to be out of the table */
};

/*
 * Files, and connections: what these have in their queues has no descriptor, so that no file system is asked
 * (net/unix/scm.c, unix_destruct_scm()). Who waits for the end of a pipe that lies there must not wait for files.
 */
static struct {
	struct closer closers[CLOSERS + CONNECTION_CLOSERS];
	struct queue files, connections;
	uint32_t room;
	uint64_t due; /* milliseconds: when connections are closed */
	int parent;
	struct disks disks;
} all;
#define NCLOSERS (CLOSERS + CONNECTION_CLOSERS)

/* ---- the closers ---- */

/* One closer: where there is more, it wakes another before it may wait itself. */
static void wake_one(struct queue *queue)
{
	SYS(futex, &queue->head, K_FUTEX_WAKE_PRIVATE, 1);
}

/* Only that a wait ends. */
static void interrupted(int signal)
{
	(void)signal;
}

#ifdef __x86_64__
/* There the kernel wants to be told how a handler returns (arch/x86/kernel/signal_64.c). */
void signal_return(void);
__asm__(".pushsection .text\n"
	"signal_return:\n\t"
	"mov $15, %eax\n\t" /* rt_sigreturn */
	"syscall\n"
	".popsection");
static const struct k_sigaction interrupt = {
	.handler = (uintptr_t)interrupted, .flags = K_SA_RESTORER, .restorer = (uintptr_t)signal_return};
#else
static const struct k_sigaction interrupt = {.handler = (uintptr_t)interrupted};
#endif

static uint32_t length(const struct queue *queue)
{
	return __atomic_load_n(&queue->head, __ATOMIC_SEQ_CST) - __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST);
}

/* Read before it is taken: whoever else takes it moves the tail. The taker is known before the descriptor is gone. */
static int take(struct closer *self)
{
	struct queue *queue = self->queue;

	for (;;) {
		uint32_t tail = __atomic_load_n(&queue->tail, __ATOMIC_SEQ_CST);
		uint32_t head = __atomic_load_n(&queue->head, __ATOMIC_SEQ_CST);

		if (tail == head) {
			__atomic_store_n(&self->fd, -1, __ATOMIC_SEQ_CST);
			SYS(futex, &queue->head, K_FUTEX_WAIT_PRIVATE, head, 0);
			continue;
		}
		int fd = __atomic_load_n(&queue->fds[tail % QUEUE], __ATOMIC_SEQ_CST);
		__atomic_store_n(&self->fd, fd, __ATOMIC_SEQ_CST);
		if (__atomic_compare_exchange_n(&queue->tail, &tail, tail + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return fd;
	}
}

static int confine_closer(struct llrun_error *error)
{
	static const struct confine_row rows[] = {
		CONFINE_ANY(close),        CONFINE_ANY(recvfrom), CONFINE_ANY(futex),
		CONFINE_ANY(rt_sigreturn), CONFINE_ANY(exit),     CONFINE_ANY(exit_group),
	};

	if (check_sys(error, "prctl", SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL), "PR_SET_PDEATHSIG") < 0 ||
	    check_sys(error, "rt_sigaction", SYS(rt_sigaction, K_SIGALRM, &interrupt, 0, sizeof(uint64_t)), NULL) < 0)
		return -1;
	SYS(prctl, K_PR_SET_NAME, "llrund-closer");
	/* it has died already */
	if (SYS(getppid, 0) != all.parent)
		return -1;
	return confine(rows, sizeof(rows) / sizeof(rows[0]), 0, error);
}

/* A client whose packets were not read would get ECONNRESET before what it was told (net/unix/af_unix.c). */
static void empty(int connection)
{
	char byte;

	for (uint32_t i = 0; i < 32; i++)
		if (SYS(recvfrom, connection, &byte, 1, K_MSG_DONTWAIT) <= 0)
			break;
}

static long be_closer(void *argument)
{
	struct closer *self = argument;
	struct llrun_error error;
	uint32_t state = confine_closer(&error) < 0 ? FAILED : READY;

	__atomic_store_n(&self->state, state, __ATOMIC_SEQ_CST);
	SYS(futex, &self->state, K_FUTEX_WAKE_PRIVATE, 1);
	while (state == READY) {
		int fd = take(self);

		if (length(self->queue))
			wake_one(self->queue);
		if (self->queue == &all.connections)
			empty(fd);
		SYS(close, fd);
		/* in this order: who sees the new count sees no old descriptor */
		__atomic_store_n(&self->fd, -1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&self->count, 1, __ATOMIC_SEQ_CST);
	}
	return 1;
}

/* Without it all files are others' business. */
static void read_disks(void)
{
	char text[4096];
	long fd = SYS(openat, K_AT_FDCWD, "/proc/self/mountinfo", K_O_RDONLY | K_O_CLOEXEC), size = fd;

	while (size >= 0 && (size = SYS(read, fd, text, sizeof(text))) > 0)
		disks_read(&all.disks, text, (size_t)size);
	if (fd >= 0)
		SYS(close, fd);
}

int closers_start(struct llrun_error *error)
{
	struct k_clone_args args = {.flags = K_CLONE_VM | K_CLONE_FILES, .stack_size = STACK_SIZE};
	struct k_rlimit files = {.current = 0};
	long at =
		SYS(mmap, 0, NCLOSERS * STACK_SIZE, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1);

	if (at < 0 && at > -4096)
		return check_sys(error, "mmap", at, NULL);
	if (check_sys(error, "prlimit64", SYS(prlimit64, 0, K_RLIMIT_NOFILE, 0, &files), NULL) < 0)
		return -1;
	all.room = files.current / 4 < CLOSERS_MANY ? (uint32_t)files.current / 4 : CLOSERS_MANY;
	all.parent = (int)SYS(getpid, 0);
	read_disks();
	for (uint32_t i = 0; i < NCLOSERS; i++) {
		struct closer *closer = &all.closers[i];

		closer->fd = -1;
		closer->queue = i < CLOSERS ? &all.files : &all.connections;
		args.stack = (uint64_t)at + i * STACK_SIZE;
		closer->pid = (int)clone_call(&args, be_closer, closer);
		if (check_sys(error, "clone3", closer->pid, "a closer") < 0)
			return -1;
		while (__atomic_load_n(&closer->state, __ATOMIC_SEQ_CST) == STARTING)
			SYS(futex, &closer->state, K_FUTEX_WAIT_PRIVATE, STARTING, 0);
		if (closer->state == FAILED)
			return fail(error, LLRUN_E_BLOB, "a process that closes descriptors cannot confine itself",
				    NULL);
	}
	return 0;
}

/* ---- who has something to close ---- */

/*
 * Does closing it wait for nobody? A pipe, what has seals (mm/memfd.c: a memfd, a file of a tmpfs): the kernel's own;
 * /dev/null and its kin; a directory by O_PATH: nothing was opened (fs/open.c, do_dentry_open()). A file on a local disk
 * waits for that disk, as the daemon does anyway.
 * Since the start another file system may have been mounted from a device with that number; no file of FUSE has the
 * attribute "no dump" to be asked about (fs/fuse/dir.c, fuse_fill_attr()), while those of disks.c all do. None of these
 * questions goes to a file system: statx(2) is answered from memory with DONT_SYNC.
 *
 * The last close of a file without a name gives its blocks back, which takes seconds for a large one in many pieces:
 * *room is what may be given back yet, in blocks of 512 bytes.
 */
static int is_harmless(int fd, uint64_t *room)
{
	struct k_statx file;

	if (SYS(statx, fd, "", K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC, K_STATX_BASIC_STATS, &file) < 0)
		return 0;
	switch (file.mode & K_S_IFMT) {
	case K_S_IFIFO:
		return 1;
	case K_S_IFCHR:
		return file.rdev_major == 1;
	case K_S_IFDIR:
		return !!(SYS(fcntl, fd, K_F_GETFL) & K_O_PATH);
	case K_S_IFREG:
		if (file.blocks > *room)
			return 0;
		*room -= file.blocks;
		return (file.attributes_mask & K_STATX_ATTR_NODUMP &&
			disks_have(&all.disks, file.dev_major, file.dev_minor)) ||
		       SYS(fcntl, fd, K_F_GET_SEALS) >= 0;
	default:
		return 0;
	}
}

static void put(struct queue *queue, const int *fds, uint32_t count)
{
	uint32_t head = queue->head;

	for (uint32_t i = 0; i < count; i++)
		__atomic_store_n(&queue->fds[(head + i) % QUEUE], fds[i], __ATOMIC_SEQ_CST);
	__atomic_store_n(&queue->head, head + count, __ATOMIC_SEQ_CST);
}

/* Nobody waits for it: some are closed together, by closers_look(). */
void closers_take_connection(int fd)
{
	put(&all.connections, &fd, 1);
}

void closers_take(int *fds, uint32_t count)
{
	uint64_t room = SMALL;
	uint32_t rest = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (fds[i] >= 0 && !is_harmless(fds[i], &room))
			fds[rest++] = fds[i];
		else if (fds[i] >= 0)
			SYS(close, fds[i]);
	}
	if (!rest)
		return;
	put(&all.files, fds, rest);
	wake_one(&all.files);
}

int closers_have_room(uint32_t limit)
{
	uint32_t allowed = limit < all.room ? limit : all.room;

	return length(&all.files) + length(&all.connections) < allowed;
}

/* A number that was out of the table unseen may be somebody else's by now: after a second of closing it is. */
static int is_gone(struct closer *closer)
{
	uint32_t count = __atomic_load_n(&closer->count, __ATOMIC_SEQ_CST);
	int fd = __atomic_load_n(&closer->fd, __ATOMIC_SEQ_CST);

	if (fd < 0 || closer->gone == count + 1)
		return 1;
	if (SYS(fcntl, fd, K_F_GETFD) >= 0 && !(closer->seen == count && closer->signals > 1))
		return 0;
	closer->gone = count + 1;
	return 1;
}

static int is_clear(void)
{
	if (length(&all.files))
		return 0;
	for (uint32_t i = 0; i < CLOSERS; i++)
		if (!is_gone(&all.closers[i]))
			return 0;
	return 1;
}

int closers_clear(int patient)
{
	for (uint32_t i = 0; i < YIELDS + MOMENTS; i++) {
		struct k_timespec moment = {.nsec = 1000000};

		if (is_clear())
			return 1;
		if (!patient)
			return 0;
		if (i < YIELDS)
			SYS(sched_yield, 0);
		else
			SYS(ppoll, 0, 0, &moment, 0);
	}
	return 0;
}

/* Milliseconds until it is to be looked at again. */
static uint64_t look(struct closer *closer, uint64_t now)
{
	uint32_t count = __atomic_load_n(&closer->count, __ATOMIC_SEQ_CST);

	if (closer->seen != count || !closer->next) {
		closer->seen = count;
		closer->signals = 0;
		closer->next = now + SHORT_MS;
	} else if (closer->next <= now) {
		SYS(kill, closer->pid, K_SIGALRM);
		closer->signals++;
		closer->next = now + LONG_MS;
	}
	return closer->next - now;
}

/* The same of connections that nobody closes yet. */
static uint64_t look_at_connections(uint64_t now)
{
	if (!all.due)
		all.due = now + SHORT_MS;
	if (now < all.due)
		return all.due - now;
	all.due = 0;
	wake_one(&all.connections);
	return SHORT_MS;
}

static uint64_t milliseconds(void)
{
	struct k_timespec time = {.sec = 0};

	SYS(clock_gettime, K_CLOCK_MONOTONIC, &time);
	return (uint64_t)time.sec * 1000 + (uint64_t)time.nsec / 1000000;
}

int closers_look(void)
{
	uint64_t next = length(&all.files) ? SHORT_MS : UINT64_MAX, now = 0;

	if (length(&all.connections)) {
		now = milliseconds();
		uint64_t wait = look_at_connections(now);
		next = wait < next ? wait : next;
	}
	for (uint32_t i = 0; i < NCLOSERS; i++) {
		struct closer *closer = &all.closers[i];

		if (__atomic_load_n(&closer->fd, __ATOMIC_SEQ_CST) < 0) {
			closer->next = 0;
			continue;
		}
		now = now ? now : milliseconds();
		uint64_t wait = look(closer, now);
		next = wait < next ? wait : next;
	}
	return next == UINT64_MAX ? -1 : (int)next;
}

int closers_include(int pid)
{
	for (uint32_t i = 0; i < NCLOSERS; i++)
		if (all.closers[i].pid == pid)
			return 1;
	return 0;
}
