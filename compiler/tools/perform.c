/* SPDX-License-Identifier: MIT */
/*
 * See perform.h. A child goes where the operation is tried, and its child does the one thing; the answer comes back
 * through shared memory. All of them are traced from before they enter anything, so that an exec can be stopped when it
 * has succeeded, and a system call that the policy lets pass before it is carried out: a filter under the policy's
 * answers RET_TRACE, which every refusal of the policy's filter outranks
 * (Documentation/userspace-api/seccomp_filter.rst).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"
#include "inspect.h"
#include "perform_impl.h"
#include "sibling.h"

const struct act perform_acts[OPERATION_IDS] = {
	[OP_READ] = {.opens = true, .looks = true},
	[OP_WRITE] = {.beyond = {ENXIO}, .opens = true, .looks = true},
	[OP_LIST] = {.looks = true},
	[OP_EXEC] = {.beyond = {ENOEXEC}, .traced = true, .looks = true},
	[OP_CREATE] = {.needs_path_free = true},
	[OP_REMOVE] = {.needs_path_free = true, .makes_path = true},
	[OP_TRUNCATE] = {.beyond = {EFBIG}, .looks = true},
	[OP_IOCTL] = {.beyond = {ENOTTY, EINVAL}, .opens = true},
	[OP_RENAME] = {.needs_path_free = true, .makes_path = true},
	[OP_EXCHANGE] = {.needs_path_free = true, .makes_path = true, .makes_to = true},
	[OP_LINK] = {.needs_path_free = true, .makes_path = true},
	[OP_CONNECT] = {.beyond = {ECONNREFUSED, EINPROGRESS, EHOSTUNREACH, ENETUNREACH, EAGAIN, EPROTOTYPE}},
	[OP_BIND] = {.beyond = {EADDRINUSE}},
	[OP_SYSCALL] = {.traced = true},
};

bool perform_brokered(const struct actor *a)
{
	return a->how->stage == PERFORM_UNDER && blob_brokered(a->how->blob);
}

static bool is_isolated(const struct performance *how)
{
	return how->blob->nmounts && how->blob->mounts->spaces & K_CLONE_NEWNET;
}

/* Of another network, the kernel says what it says of a host that is not there: then it is the view that refuses. */
static bool refused_by_view(const struct actor *a, int err)
{
	if (a->op->id != OP_CONNECT)
		return false;
	if (a->op->peer == PEER_ABSTRACT)
		return err == ECONNREFUSED; /* somebody listens: listen_abstract() */
	return a->op->peer <= PEER_UDP && is_isolated(a->how) && (err == ENETUNREACH || err == EHOSTUNREACH);
}

static bool is_beyond(const struct actor *a, int err)
{
	const int *beyond = perform_acts[a->op->id].beyond;

	if (refused_by_view(a, err))
		return false;
	for (size_t i = 0; i < sizeof(perform_acts->beyond) / sizeof(*perform_acts->beyond); i++)
		if (err && beyond[i] == err)
			return true;
	return false;
}

/* ---- the answer ---- */

/* The first line that llrun or llrund has said. */
static const char *message(const struct actor *a)
{
	char text[512];
	ssize_t n = a->messages < 0 ? 0 : pread(a->messages, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return "the process that tried ended without an answer";
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return arena_strdup(a->arena, text);
}

static struct performed answer_of(const struct actor *a, bool granted)
{
	const struct perform_report *report = &a->shared->report;
	int status = a->shared->status;
	struct performed out = {.kind = PERFORMED_NOT};

	if (report->refused)
		out.why = arena_strdup(a->arena, report->why);
	else if (granted)
		out.kind = PERFORMED_DONE;
	else if (report->answered) {
		out.err = report->err;
		out.kind = report->err && !is_beyond(a, report->err) ? PERFORMED_REFUSED : PERFORMED_DONE;
	} else if (report->entered && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		out.kind = PERFORMED_KILLED;
	else
		out.why = message(a);
	return out;
}

/* ---- tracing ---- */

/* What is stopped has been granted: an exec, or a call that is about to be carried out, of the process that tries. */
static bool is_granted(const struct actor *a, pid_t pid, int event, pid_t *last)
{
	bool entered = a->shared->report.entered;

	/* llrun, llrund, llc-perform: the last of them is the one that tries */
	if (event == PTRACE_EVENT_EXEC && !entered)
		*last = pid;
	return entered && (event == PTRACE_EVENT_EXEC || event == PTRACE_EVENT_SECCOMP) &&
	       (!perform_brokered(a) || pid == *last);
}

/* ---- waiting ---- */

#define PATIENCE    60 /* seconds until an operation counts as stuck: none takes one */
#define GRACE       5 /* seconds for cleaning up */
#define WATCHED_MAX 64 /* of one operation; there are five at most */

struct watch {
	const struct actor *a;
	pid_t last; /* that has become another program before anything was tried */
	bool granted; /* one was stopped because what it asked for was granted */
	pid_t pids[WATCHED_MAX]; /* that have not ended; nobody else reaps them, so that the numbers stay theirs */
	size_t count;
};

static void remember(struct watch *w, pid_t pid, bool ended)
{
	size_t at = 0;

	while (at < w->count && w->pids[at] != pid)
		at++;
	if (ended && at < w->count)
		w->pids[at] = w->pids[--w->count];
	else if (!ended && at == w->count && at < WATCHED_MAX)
		w->pids[w->count++] = pid;
}

static void handle(struct watch *w, pid_t pid, int status)
{
	int event = status >> 16, number = WSTOPSIG(status);

	remember(w, pid, !WIFSTOPPED(status));
	if (!WIFSTOPPED(status))
		return;
	if (is_granted(w->a, pid, event, &w->last)) {
		w->granted = true;
		kill(pid, SIGKILL);
		return;
	}
	/* without an event it is the child's own, such as SIGSYS of RET_TRAP: PTRACE_SEIZE never says SIGTRAP for one */
	ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)(event ? 0 : number));
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Until all of them are gone. Returns 0, or the signal that ended it; SIGALRM: PATIENCE was over. */
static int watch(struct watch *w)
{
	time_t end = seconds() + PATIENCE;
	int reason = 0, status;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
			handle(w, pid, status);
		if (pid < 0)
			return reason;
		time_t now = seconds();
		struct timespec left = {.tv_sec = end > now ? end - now : 0};
		int number = sigtimedwait(&w->a->signals, NULL, &left);
		if (number == SIGCHLD || (number < 0 && errno != EAGAIN))
			continue;
		/* gently first: one of them removes what was made for the operation */
		for (size_t i = 0; i < w->count; i++)
			kill(w->pids[i], reason ? SIGKILL : SIGTERM);
		reason = reason ? reason : number < 0 ? SIGALRM : number;
		end = seconds() + GRACE;
	}
}

/* What is ignored (nohup) stays so. SIGCHLD must not be: nobody could wait (kernel/signal.c, do_notify_parent()). */
static void hold_signals(struct actor *a)
{
	struct sigaction action;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&a->signals);
	sigaddset(&a->signals, SIGCHLD);
	for (int signals[] = {SIGHUP, SIGINT, SIGTERM}, i = 0; i < 3; i++)
		if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&a->signals, signals[i]);
	sigprocmask(SIG_BLOCK, &a->signals, &a->mask);
}

/* A signal that ended the operation ends this program, now that all is as it was. */
static void release_signals(const struct actor *a, int reason)
{
	if (reason && reason != SIGALRM)
		raise(reason);
	sigprocmask(SIG_SETMASK, &a->mask, NULL);
}

static struct performed watched_answer(struct actor *a, pid_t pid)
{
	struct watch w = {.a = a, .last = -1, .pids = {pid}, .count = 1};
	int reason = watch(&w);

	release_signals(a, reason);
	if (reason == SIGALRM)
		return (struct performed){
			.kind = PERFORMED_STUCK,
			.why = arena_printf(a->arena, "has not ended after %d seconds, and was killed", PATIENCE)};
	return answer_of(a, w.granted);
}

static struct performed run_child(struct actor *a)
{
	const uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
				  PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	struct performed out = {.kind = PERFORMED_NOT}, answer = out;
	int pipes[2];
	bool traced;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		out.why = "no pipe";
		return out;
	}
	a->go = pipes[0];
	fflush(NULL);
	hold_signals(a);
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		perform_child(a);
	}
	traced = pid > 0 && !ptrace(PTRACE_SEIZE, pid, NULL, (void *)options);
	if (pid < 0)
		out.why = "no child";
	else if (!traced && perform_acts[a->op->id].traced)
		out.why = "this system lets nobody trace processes";
	else if (write(pipes[1], "", 1) != 1)
		out.why = "the child is gone";
	close(pipes[0]);
	close(pipes[1]);
	if (pid > 0)
		answer = watched_answer(a, pid);
	else
		release_signals(a, 0);
	return out.why ? out : answer;
}

/* ---- before ---- */

static bool creates_targets(const struct blob *blob)
{
	for (uint32_t i = 1; i < blob->nmounts; i++)
		if (blob->mounts[i].flags & LLPB_MT_CREATE)
			return true;
	return false;
}

/*
 * NULL, or why it is not tried. A policy under review must not leave anything on this host; and what a path leads to in
 * a view that llrund makes can only be seen in one.
 */
static const char *rehearse(struct actor *a)
{
	struct perform_report *report = &a->shared->report;
	const char *why = NULL;
	pid_t pid;

	if (a->how->stage == PERFORM_OUTSIDE || !(perform_brokered(a) || creates_targets(a->how->blob)) ||
	    !perform_has_view(a->how->blob))
		return NULL;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		perform_rehearse(a);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (report->refused)
		why = arena_strdup(a->arena, report->why);
	else if (!report->answered)
		why = "the view of the policy could not be looked at beforehand";
	*report = (struct perform_report){.err = 0};
	return why;
}

/* ---- what the child is told ---- */

/*
 * An address of this host that a process of another network cannot reach, and that sends nothing to anybody else. Where
 * the network is the host's, the loopback does.
 */
static bool own_address(const struct performance *how, uint32_t *address)
{
	struct ifaddrs *list, *at;
	bool found = !is_isolated(how);

	*address = htonl(INADDR_LOOPBACK);
	if (found || getifaddrs(&list))
		return found;
	for (at = list; at && !found; at = at->ifa_next) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)at->ifa_addr;
		if (!in || in->sin_family != AF_INET || ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
			continue;
		*address = in->sin_addr.s_addr;
		found = true;
	}
	freeifaddrs(list);
	return found;
}

/* NULL, or why it cannot be asked. */
static const char *fill_request(const struct actor *a)
{
	const struct operation *op = a->op;
	struct perform_request *r = &a->shared->request;
	bool address = op->id == OP_CONNECT || op->id == OP_BIND, inet = address && op->peer <= PEER_UDP;

	if ((a->path.text && strlen(a->path.text) >= sizeof(r->path)) ||
	    (a->to.text && strlen(a->to.text) >= sizeof(r->to)))
		return "a path is too long";
	r->op = (enum perform_op)op->id;
	r->node = node_rows[op->node].type;
	r->by_open = op->node == NODE_FILE;
	r->inet = inet;
	r->stream = op->peer == PEER_TCP;
	r->abstract = op->id == OP_CONNECT && op->peer == PEER_ABSTRACT;
	r->port = htons((uint16_t)op->port);
	r->pid = getpid();
	r->request = op->request;
	r->nr = op->nr;
	memcpy(r->args, op->args, sizeof(r->args));
	snprintf(r->path, sizeof(r->path), "%s", a->path.text ? a->path.text : "");
	snprintf(r->to, sizeof(r->to), "%s", a->to.text ? a->to.text : "");
	if (inet && op->id == OP_BIND)
		r->address = htonl(INADDR_LOOPBACK);
	else if (inet && !own_address(a->how, &r->address))
		return "this host has no address but the loopback's, which the command has as well";
	return NULL;
}

/* An abstract name that nobody listens at cannot be refused: there must be somebody, outside the sandbox. */
static int listen_abstract(const struct operation *op)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len;
	int fd;

	if (op->id != OP_CONNECT || op->peer != PEER_ABSTRACT || !op->path)
		return -1;
	len = strlen(op->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || len + 1 >= sizeof(address.sun_path))
		return fd;
	memcpy(address.sun_path + 1, op->path, len);
	if (!bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)))
		listen(fd, 1);
	return fd;
}

/* ---- llrun, for policies with a broker ---- */

static int memory_file(const void *bytes, size_t size)
{
	int fd = memfd_create("llc-policy-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	for (size_t done = 0; fd >= 0 && done < size;) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);
		if (n < 0) {
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return fd;
}

static int copy_of(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), fd = from < 0 ? -1 : memory_file(NULL, 0);
	struct stat st;

	if (fd >= 0 && (fstat(from, &st) || sendfile(fd, from, NULL, (size_t)st.st_size) != st.st_size)) {
		close(fd);
		fd = -1;
	}
	if (from >= 0)
		close(from);
	return fd;
}

/* The filter sends the call to the broker: what that lets pass is carried out, whoever traces. */
static bool is_notified(const struct actor *a)
{
	const struct llpb_filter *filter = blob_notify(a->how->blob, SYS_AUDIT_ARCH);
	const struct bpf_scope scope = {true, a->op->nr, SYS_AUDIT_ARCH};
	const struct bpf_args args = {.known = 0};
	struct verdicts verdicts = {0};
	struct bpf_program program;

	if (filter && filter_program(a->how->blob, filter, &program))
		filter_verdicts_of(&program, &scope, &args, &verdicts);
	for (size_t i = 0; i < verdicts.count; i++)
		if ((verdicts.action[i] & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_USER_NOTIF)
			return true;
	return false;
}

/* NULL, or why not. Descriptors are closed by perform(). */
static const char *open_llrun(struct actor *a)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const struct act *act = &perform_acts[a->op->id];
	const char *program = sibling_program(a->arena, "llc-perform", LLC_LIBEXECDIR);

	if (a->op->id == OP_SYSCALL && is_notified(a))
		return "the broker is asked about this call, and what it lets pass would be carried out";
	if (perform_has_view(a->how->blob) && (act->needs_path_free || a->path.foreign || a->to.foreign))
		return "the view of a policy with a broker is made by llrund: nothing can be prepared in it";
	a->llrun = sibling_program(a->arena, "llrun", LLC_BINDIR);
	a->program = copy_of(program);
	if (a->program < 0)
		return arena_printf(a->arena, "%s: %s", program, strerror(errno));
	a->blob = memory_file(a->how->blob->header, a->how->size);
	a->messages = memory_file(NULL, 0);
	return a->blob < 0 || a->messages < 0 || fcntl(a->blob, F_ADD_SEALS, seals) ? "no memory file" : NULL;
}

/* ---- the whole ---- */

static struct performed prepared(struct actor *a)
{
	struct performed out = {.kind = PERFORMED_NOT};

	/* carried out, with and without the policy: only what asks and changes nothing */
	if (a->op->id == OP_IOCTL && a->op->request && a->op->request != 0x5401)
		out.why = "a request other than TCGETS may change something, and is not tried";
	else if (a->op->id == OP_SYSCALL && a->op->foreign)
		out.why = "a call of another architecture is not tried";
	else
		out.why = fill_request(a);
	if (!out.why && perform_brokered(a))
		out.why = open_llrun(a);
	if (!out.why)
		out.why = rehearse(a);
	return out.why ? out : run_child(a);
}

struct performed perform(struct arena *arena, const struct performance *how, const struct operation *op)
{
	struct actor a = {.arena = arena, .how = how, .op = op, .blob = -1, .program = -1, .messages = -1};
	struct performed out = {.kind = PERFORMED_NOT, .why = "no memory to share"};
	bool named = op->id == OP_CONNECT && op->peer == PEER_ABSTRACT;
	void *shared;

	a.path = place_of(arena, how, named ? NULL : op->path);
	if (named)
		a.path.text = op->path;
	a.to = place_of(arena, how, op->to);
	a.memory = memory_file(NULL, 0);
	if (a.memory < 0 || ftruncate(a.memory, sizeof(*a.shared)))
		return out;
	shared = mmap(NULL, sizeof(*a.shared), PROT_READ | PROT_WRITE, MAP_SHARED, a.memory, 0);
	a.listener = listen_abstract(op);
	if (shared != MAP_FAILED) {
		a.shared = shared;
		out = prepared(&a);
		munmap(shared, sizeof(*a.shared));
	}
	for (int fds[] = {a.listener, a.memory, a.blob, a.program, a.messages}, i = 0; i < 5; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return out;
}
