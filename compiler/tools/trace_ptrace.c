/* SPDX-License-Identifier: MIT */
/*
 * Observation by ptrace(2), which needs no privileges: see trace.h.
 *
 * Where no filter of the policy can refuse a call, a filter of ours makes the watched calls stop (SECCOMP_RET_TRACE) and
 * the others run at full speed. Where one can, its answer takes precedence over ours (kernel/seccomp.c: ERRNO is stricter
 * than TRACE), and a call that it refuses would pass unseen: every call stops then, when it enters and when it returns.
 *
 * A process stands still while its call is told, so that paths are resolved as it would have found them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "host.h"
#include "trace.h"

/* One thread. */
struct tracee {
	pid_t tid; /* 0: unused */
	bool stands; /* stopped at birth, until its parent's stop tells whose child it is */
	bool known; /* that stop has come */
	bool armed; /* sandboxed: what failed before was llrun's own */
	bool inside; /* a call has begun and not returned */
	bool told; /* of the call it is in: a signal answered it, which was told */
	uint32_t arch;
	int nr;
	uint64_t args[TRACE_ARGS];
};

struct session {
	struct trace_run *run;
	struct tracee *table; /* open addressing by tid */
	size_t size, used; /* size is a power of two */
	bool fast;
	uint32_t arch; /* of calls that are told in full */
	char *text[TRACE_PARTS]; /* TRACE_PART_MAX each */
};

/* ---- threads ---- */

static size_t slot_of(const struct session *s, pid_t tid)
{
	return (size_t)((uint32_t)tid * UINT32_C(2654435761)) & (s->size - 1);
}

static struct tracee *find(const struct session *s, pid_t tid)
{
	for (size_t i = s->size ? slot_of(s, tid) : 0; s->size && s->table[i].tid; i = (i + 1) & (s->size - 1))
		if (s->table[i].tid == tid)
			return &s->table[i];
	return NULL;
}

static struct tracee *insert(struct session *s, const struct tracee *tracee)
{
	size_t i = slot_of(s, tracee->tid);

	while (s->table[i].tid)
		i = (i + 1) & (s->size - 1);
	s->table[i] = *tracee;
	s->used++;
	return &s->table[i];
}

static bool grow(struct session *s)
{
	struct tracee *old = s->table;
	size_t size = s->size;

	if (s->used * 2 < s->size)
		return true;
	s->table = calloc(size ? size * 2 : 64, sizeof(*s->table));
	if (!s->table) {
		s->table = old;
		return false;
	}
	s->size = size ? size * 2 : 64;
	s->used = 0;
	for (size_t i = 0; i < size; i++)
		if (old[i].tid)
			insert(s, &old[i]);
	free(old);
	return true;
}

/* NULL: no memory, and it is counted. */
static struct tracee *add(struct session *s, pid_t tid)
{
	struct tracee *tracee = find(s, tid), fresh = {.tid = tid};

	if (tracee)
		return tracee;
	if (!grow(s)) {
		s->run->unfollowed++;
		return NULL;
	}
	return insert(s, &fresh);
}

/* Closing the gap, so that searches need no tombstones. */
static void drop(struct session *s, pid_t tid)
{
	struct tracee *gone = find(s, tid);

	if (!gone)
		return;
	size_t i = (size_t)(gone - s->table);
	s->table[i].tid = 0;
	s->used--;
	for (size_t j = (i + 1) & (s->size - 1); s->table[j].tid; j = (j + 1) & (s->size - 1)) {
		struct tracee moved = s->table[j];
		s->table[j].tid = 0;
		s->used--;
		insert(s, &moved);
	}
}

/* ---- strings of a call ---- */

static size_t read_memory(pid_t tid, uint64_t address, void *to, size_t size)
{
	struct iovec local = {to, size}, remote = {(void *)(uintptr_t)address, size};
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	return n > 0 ? (size_t)n : 0;
}

/* Page by page: the string may end where memory does. */
static size_t read_string(pid_t tid, uint64_t address, char text[TRACE_PART_MAX])
{
	size_t len = 0;

	while (len < TRACE_PART_MAX) {
		size_t chunk = 4096 - (size_t)((address + len) & 4095);
		chunk = chunk < TRACE_PART_MAX - len ? chunk : TRACE_PART_MAX - len;
		size_t n = read_memory(tid, address + len, text + len, chunk);
		char *end = n ? memchr(text + len, 0, n) : NULL;
		if (end)
			return (size_t)(end - text) + 1;
		if (n < chunk)
			return 0;
		len += n;
	}
	text[TRACE_PART_MAX - 1] = 0;
	return TRACE_PART_MAX;
}

static void set_part(struct session *s, struct trace_event *event, unsigned part, size_t size)
{
	if (!size || size == TRACE_PART_MAX)
		event->head.cut |= (uint16_t)(1u << part);
	if (!size)
		return;
	event->head.parts |= 1u << part;
	event->head.size[part] = (uint16_t)size;
	event->part[part] = s->text[part];
}

/* What a link of /proc says: a path, or nothing that is one. */
static void link_part(struct session *s, struct trace_event *event, unsigned part, const char *link)
{
	ssize_t n = readlink(link, s->text[part], TRACE_PART_MAX - 1);

	if (n <= 0 || s->text[part][0] != '/')
		return;
	s->text[part][n] = 0;
	set_part(s, event, part, (size_t)n + 1);
}

static void descriptor_part(struct session *s, struct trace_event *event, unsigned part, pid_t tid, int fd)
{
	char link[64];

	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)tid, fd);
	link_part(s, event, part, link);
}

static void path_part(struct session *s, struct trace_event *event, unsigned second, pid_t tid, int pointer, int dir)
{
	unsigned part = TRACE_PATH + second, base = TRACE_BASE + second;
	char link[64];

	set_part(s, event, part, read_string(tid, event->head.args[pointer], s->text[part]));
	if (!event->part[part])
		return;
	if (*event->part[part] != '/') {
		descriptor_part(s, event, base, tid, dir >= 0 ? (int)event->head.args[dir] : AT_FDCWD);
		return;
	}
	snprintf(link, sizeof(link), "/proc/%d/root", (int)tid);
	link_part(s, event, base, link);
	if (event->part[base] && !event->part[base][1])
		event->part[base] = NULL;
}

static void memory_part(struct session *s, struct trace_event *event, pid_t tid, const struct trace_shape *shape)
{
	struct {
		uint64_t name;
		uint32_t size;
	} message = {event->head.args[shape->memory], 0};

	if (shape->memory_size >= 0)
		message.size = (uint32_t)event->head.args[shape->memory_size];
	else if (read_memory(tid, message.name, &message, sizeof(message)) != sizeof(message))
		return;
	if (!message.name || !message.size)
		return;
	message.size = message.size > 128 ? 128 : message.size;
	char *text = s->text[TRACE_MEMORY];
	uint16_t family = 0;
	set_part(s, event, TRACE_MEMORY, read_memory(tid, message.name, text, message.size));
	memcpy(&family, text, sizeof(family));
	/* a relative name of a UNIX socket */
	if (event->head.size[TRACE_MEMORY] > 2 && family == AF_UNIX && text[2] && text[2] != '/')
		descriptor_part(s, event, TRACE_BASE, tid, AT_FDCWD);
}

static void read_parts(struct session *s, struct trace_event *event, pid_t tid)
{
	const struct trace_shape *shape = &s->run->watch.shapes[event->head.nr & (TRACE_CALLS - 1)];
	char link[64];

	if (shape->path >= 0)
		path_part(s, event, 0, tid, shape->path, shape->dir);
	if (shape->path2 >= 0)
		path_part(s, event, 1, tid, shape->path2, shape->dir2);
	if (shape->file >= 0)
		descriptor_part(s, event, TRACE_FILE, tid, (int)event->head.args[shape->file]);
	if (shape->memory >= 0)
		memory_part(s, event, tid, shape);
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)tid);
	link_part(s, event, TRACE_EXE, link);
}

/* ---- telling ---- */

static void read_comm(pid_t tid, char comm[TRACE_COMM])
{
	char path[64];
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, comm, TRACE_COMM - 1);
		close(fd);
	}
	n = n > 0 ? n : 0;
	comm[n] = 0;
	comm[strcspn(comm, "\n")] = 0;
}

static void tell(struct session *s, const struct tracee *tracee, uint32_t kind, int result)
{
	struct trace_event event = {.head = {.kind = kind, .pid = tracee->tid, .nr = tracee->nr, .result = result}};

	event.head.foreign = tracee->arch != s->arch;
	memcpy(event.head.args, tracee->args, sizeof(event.head.args));
	read_comm(tracee->tid, event.head.comm);
	/* what a filter ends, it ends for its number and arguments: nothing else is told of it */
	if (kind == TRACE_K_CALL && !event.head.foreign && tracee->nr >= 0 && tracee->nr < TRACE_CALLS)
		read_parts(s, &event, tracee->tid);
	s->run->sink(s->run->context, &event);
}

static bool wanted(const struct session *s, const struct tracee *tracee, int64_t result)
{
	const struct trace_watch *watch = &s->run->watch;
	unsigned why;
	uint64_t error = (uint64_t)-result;

	if (result >= 0 || result < -4095 || tracee->nr < 0 || tracee->nr >= TRACE_CALLS)
		return false;
	why = watch->shapes[tracee->nr].watch;
	if (why & TRACE_W_ALWAYS && (error == EPERM || error == EACCES || error == EXDEV))
		return true;
	return why & TRACE_W_FILTER && watch->errors[error / 64] >> (error % 64) & 1;
}

static void call_begins(struct tracee *tracee, const struct __ptrace_syscall_info *info)
{
	const bool entry = info->op == PTRACE_SYSCALL_INFO_ENTRY;

	tracee->inside = true;
	tracee->told = false;
	tracee->arch = info->arch;
	tracee->nr = (int)(entry ? info->entry.nr : info->seccomp.nr);
	for (int i = 0; i < TRACE_ARGS; i++)
		tracee->args[i] = entry ? info->entry.args[i] : info->seccomp.args[i];
}

static void call_returns(struct session *s, struct tracee *tracee, int64_t result)
{
	const struct trace_watch *watch = &s->run->watch;
	bool began = tracee->inside;

	tracee->inside = false;
	if (!began)
		return;
	if (tracee->armed && wanted(s, tracee, result))
		tell(s, tracee, TRACE_K_CALL, (int)result);
	if (result == 0 && (tracee->nr == watch->restrict_self || tracee->nr == watch->seccomp ||
			    (tracee->nr == watch->prctl && tracee->args[0] == PR_SET_SECCOMP)))
		tracee->armed = true;
}

/* ---- stops ---- */

static void resume(struct session *s, pid_t tid, bool to_return, int sig)
{
	ptrace(s->fast && !to_return ? PTRACE_CONT : PTRACE_SYSCALL, tid, 0, (long)sig);
}

static void syscall_stop(struct session *s, struct tracee *tracee)
{
	struct __ptrace_syscall_info info;
	long n = ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, sizeof(info), &info);
	bool begins = n > 0 && (info.op == PTRACE_SYSCALL_INFO_ENTRY || info.op == PTRACE_SYSCALL_INFO_SECCOMP);

	if (begins)
		call_begins(tracee, &info);
	else if (n > 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
		call_returns(s, tracee, info.exit.rval);
	resume(s, tracee->tid, begins, 0);
}

/* A filter's signal to a process that lives on; the one that kills does not stop here (SA_IMMUTABLE). */
static void signal_stop(struct session *s, struct tracee *tracee, int sig)
{
	siginfo_t info;

	if (sig == SIGSYS && !ptrace(PTRACE_GETSIGINFO, tracee->tid, 0, &info) &&
	    info.si_code == 1 /* SYS_SECCOMP */ && tracee->armed) {
		tell(s, tracee, TRACE_K_SIGSYS, 0);
		tracee->told = true;
	}
	resume(s, tracee->tid, false, sig);
}

static void child_born(struct session *s, struct tracee *parent)
{
	unsigned long tid;
	bool armed = parent->armed;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &tid))
		return;
	/* the table may move */
	struct tracee *child = add(s, (pid_t)tid);
	if (!child)
		return;
	child->known = true;
	child->armed = armed;
	if (child->stands)
		resume(s, child->tid, false, 0);
	child->stands = false;
}

/* The thread that executed goes on under the number of its process; the others are gone. */
static void executed(struct session *s, struct tracee *tracee)
{
	unsigned long former;

	if (!ptrace(PTRACE_GETEVENTMSG, tracee->tid, 0, &former) && (pid_t)former != tracee->tid) {
		struct tracee *old = find(s, (pid_t)former);
		if (old) {
			pid_t tid = tracee->tid;
			*tracee = *old;
			tracee->tid = tid;
			drop(s, (pid_t)former);
		}
	}
}

/* A thread is about to end, its memory and names still there. Every thread of a process that a filter kills ends like
 * that: whose last call it was, the filter's program tells. */
static void ends(struct session *s, struct tracee *tracee)
{
	unsigned long status;

	if (tracee->armed && !tracee->told && !ptrace(PTRACE_GETEVENTMSG, tracee->tid, 0, &status) &&
	    (status & 0x7f) == SIGSYS)
		tell(s, tracee, TRACE_K_SIGSYS, 0);
}

static void event_stop(struct session *s, struct tracee *tracee, int event, int sig)
{
	pid_t tid = tracee->tid;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		child_born(s, tracee);
		break;
	case PTRACE_EVENT_EXEC:
		executed(s, tracee);
		break;
	case PTRACE_EVENT_EXIT:
		ends(s, tracee);
		break;
	case PTRACE_EVENT_SECCOMP:
		syscall_stop(s, tracee);
		return;
	case PTRACE_EVENT_STOP:
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			ptrace(PTRACE_LISTEN, tid, 0, 0);
			return;
		}
		if (!tracee->known) {
			tracee->stands = true;
			return;
		}
		break;
	default:
		break;
	}
	/* a vfork(2) or clone(2) that is watched for itself has yet to return */
	struct tracee *now = find(s, tid);
	resume(s, tid, now && now->inside, 0);
}

static void ended(struct session *s, pid_t tid, int status)
{
	drop(s, tid);
	trace_note_end(s->run, tid, status);
}

static void stopped(struct session *s, pid_t tid, int status)
{
	struct tracee *tracee = add(s, tid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!tracee)
		resume(s, tid, false, 0);
	else if (event)
		event_stop(s, tracee, event, sig);
	else if (sig == (SIGTRAP | 0x80))
		syscall_stop(s, tracee);
	else
		signal_stop(s, tracee, sig);
}

static void watch(struct session *s)
{
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno != EINTR)
			break;
		if (tid < 0 && s->run->ended && trace_interrupted())
			break;
		if (tid > 0 && WIFSTOPPED(status))
			stopped(s, tid, status);
		else if (tid > 0)
			ended(s, tid, status);
	}
}

/* ---- start ---- */

struct own_filter {
	struct bpf_program program;
};

/* Makes watched calls stop. The command gets no_new_privs here, a moment before llrun sets it. */
static void install(void *context)
{
	const struct own_filter *own = context;
	struct {
		unsigned short len;
		const struct k_sock_filter *filter;
	} program = {(unsigned short)own->program.count, own->program.insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &program)) {
		dprintf(STDERR_FILENO, "llc-policy trace: seccomp: %s\n", strerror(errno));
		_exit(125);
	}
}

static bool own_filter(struct own_filter *own, const struct trace_run *run, struct arena *arena, enum arch_id arch)
{
	struct filter filter = {.arch = arch,
				.default_action = K_SECCOMP_RET_ALLOW,
				.foreign_action = K_SECCOMP_RET_ALLOW,
				.x32_action = K_SECCOMP_RET_ALLOW};

	filter.rules = arena_alloc(arena, TRACE_CALLS * sizeof(*filter.rules));
	for (uint32_t nr = 0; nr < TRACE_CALLS; nr++)
		if (run->watch.shapes[nr].watch || (int)nr == run->watch.restrict_self)
			filter.rules[filter.nrules++] = (struct filter_rule){.nr = nr, .action = K_SECCOMP_RET_TRACE};
	return !bpf_assemble(arena, &filter, &own->program);
}

/* The policy's own action `trace` asks a tracer, and gets ENOSYS without: it must get that from us, too. */
static bool seize(pid_t pid, bool fast)
{
	return !ptrace(PTRACE_SEIZE, pid, 0,
		       PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			       PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | (fast ? PTRACE_O_TRACESECCOMP : 0) |
			       PTRACE_O_EXITKILL);
}

bool trace_by_ptrace(struct trace_run *run, struct arena *arena, const char **why)
{
	struct session s = {.run = run};
	enum arch_id arch = host_arch();
	struct trace_child child;
	struct own_filter own;

	s.fast = !run->filtered && arch < ARCHES && own_filter(&own, run, arena, arch);
	s.arch = arch < ARCHES ? arch_rows[arch].audit_arch : 0;
	for (unsigned i = 0; i < TRACE_PARTS; i++)
		s.text[i] = arena_alloc(arena, TRACE_PART_MAX);
	if (!trace_fork(run, &child, s.fast ? install : NULL, &own)) {
		*why = arena_printf(arena, "the command's process: %s", strerror(errno));
		return false;
	}
	struct tracee *tracee = seize(child.pid, s.fast) ? add(&s, child.pid) : NULL;
	if (!tracee) {
		*why = arena_printf(arena, "ptrace: %s; a container's seccomp filter, or kernel.yama.ptrace_scope=3",
				    strerror(errno));
		close(child.go);
		waitpid(child.pid, NULL, 0);
		return false;
	}
	tracee->known = true;
	/* in the other mode it has to stop once, to be resumed by PTRACE_SYSCALL */
	if (!s.fast)
		ptrace(PTRACE_INTERRUPT, child.pid, 0, 0);
	trace_go(run, &child);
	watch(&s);
	free(s.table);
	return true;
}
