/* SPDX-License-Identifier: MIT */
/*
 * See perform.h. A child enters the sandbox through the launcher's own core and does the one thing; its answer comes
 * back through shared memory, which no filter and no rule can keep from it. The child is traced from before it enters,
 * so that an exec can be stopped when it has succeeded, and a system call that the policy lets pass before it is carried
 * out: a filter under the policy's answers RET_TRACE, which every refusal of the policy's filter outranks
 * (Documentation/userspace-api/seccomp_filter.rst).
 */
#include "perform.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "arena.h"
#include "llrun.h"

struct report {
	volatile bool entered, answered;
	volatile int err;
	volatile bool refused; /* llrun_prepare() or llrun_enter() failed */
	char why[256];
};

struct actor {
	struct arena *arena;
	const struct performance *how;
	const struct operation *op;
	struct report *report;
	int go; /* the child waits here until it is traced */
	int listener; /* of an abstract socket, or -1 */
};

/* ---- the operations: 0 or an errno ---- */

static int result(long ret)
{
	return ret < 0 ? errno : 0;
}

static int try_open(const struct actor *a, int flags)
{
	return result(open(a->op->path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

static int do_read(const struct actor *a)
{
	return try_open(a, O_RDONLY);
}

static int do_write(const struct actor *a)
{
	return try_open(a, O_WRONLY);
}

static int do_list(const struct actor *a)
{
	return try_open(a, O_RDONLY | O_DIRECTORY);
}

static int do_exec(const struct actor *a)
{
	char *const argv[] = {(char *)(uintptr_t)a->op->path, NULL}, *const envp[] = {NULL};

	return result(execve(a->op->path, argv, envp));
}

static int do_create(const struct actor *a)
{
	const char *path = a->op->path;

	switch (a->op->node) {
	case NODE_FILE:
		return result(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
	case NODE_DIR:
		return result(mkdir(path, 0700));
	case NODE_SYMLINK:
		return result(symlink("nowhere", path));
	case NODE_REGULAR:
		return result(mknod(path, S_IFREG | 0600, 0));
	case NODE_FIFO:
		return result(mknod(path, S_IFIFO | 0600, 0));
	case NODE_SOCKET:
		return result(mknod(path, S_IFSOCK | 0600, 0));
	case NODE_CHAR:
		return result(mknod(path, S_IFCHR | 0600, 0x103));
	case NODE_BLOCK:
		return result(mknod(path, S_IFBLK | 0600, 0x700));
	case NODE_IDS:
		break;
	}
	return EINVAL;
}

static int do_remove(const struct actor *a)
{
	return result(unlink(a->op->path));
}

/* To the size it has. */
static int do_truncate(const struct actor *a)
{
	struct stat st;

	return stat(a->op->path, &st) ? errno : result(truncate(a->op->path, st.st_size));
}

static int do_ioctl(const struct actor *a)
{
	char buffer[4096];
	int fd = open(a->op->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	return result(ioctl(fd, a->op->request ? a->op->request : TCGETS, buffer));
}

static int do_rename(const struct actor *a)
{
	return result(rename(a->op->path, a->op->to));
}

static int do_exchange(const struct actor *a)
{
	return result(renameat2(AT_FDCWD, a->op->path, AT_FDCWD, a->op->to, RENAME_EXCHANGE));
}

static int do_link(const struct actor *a)
{
	return result(link(a->op->path, a->op->to));
}

static socklen_t unix_address(struct sockaddr_un *address, const char *name, bool abstract)
{
	size_t len = strlen(name);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len + abstract >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path + abstract, name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
}

static int connect_unix(const struct actor *a)
{
	struct sockaddr_un address;
	socklen_t len = unix_address(&address, a->op->path, a->op->peer == PEER_ABSTRACT);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !len)
		return fd < 0 ? errno : ENAMETOOLONG;
	return result(connect(fd, (struct sockaddr *)&address, len));
}

static int do_port(const struct actor *a)
{
	bool tcp = a->op->peer == PEER_TCP, binds = a->op->id == OP_BIND;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)a->op->port)};
	int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return errno;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return result((binds ? bind : connect)(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int do_connect(const struct actor *a)
{
	return a->op->peer == PEER_UNIX || a->op->peer == PEER_ABSTRACT ? connect_unix(a) : do_port(a);
}

/* Signal 0 to whoever asked: permission is checked, nothing is sent. */
static int do_signal(const struct actor *a)
{
	(void)a;
	return result(kill(getppid(), 0));
}

static int do_syscall(const struct actor *a)
{
	const uint64_t *v = a->op->args;

	return result(syscall((long)a->op->nr, v[0], v[1], v[2], v[3], v[4], v[5]));
}

/* What counts as done: the kernel objects to these after it has asked the policy. 0 ends a list. */
static const struct act {
	int (*act)(const struct actor *a);
	int beyond[6];
	bool needs_path_free, makes_path, makes_to, traced;
} acts[OPERATION_IDS] = {
	[OP_READ] = {.act = do_read},
	[OP_WRITE] = {.act = do_write, .beyond = {ENXIO}},
	[OP_LIST] = {.act = do_list},
	[OP_EXEC] = {.act = do_exec, .beyond = {ENOEXEC}, .traced = true},
	[OP_CREATE] = {.act = do_create, .needs_path_free = true},
	[OP_REMOVE] = {.act = do_remove, .needs_path_free = true, .makes_path = true},
	[OP_TRUNCATE] = {.act = do_truncate},
	[OP_IOCTL] = {.act = do_ioctl, .beyond = {ENOTTY, EINVAL}},
	[OP_RENAME] = {.act = do_rename, .needs_path_free = true, .makes_path = true},
	[OP_EXCHANGE] = {.act = do_exchange, .needs_path_free = true, .makes_path = true, .makes_to = true},
	[OP_LINK] = {.act = do_link, .needs_path_free = true, .makes_path = true},
	[OP_CONNECT] = {.act = do_connect,
			.beyond = {ECONNREFUSED, EINPROGRESS, EHOSTUNREACH, ENETUNREACH, EAGAIN, EPROTOTYPE}},
	[OP_BIND] = {.act = do_port, .beyond = {EADDRINUSE}},
	[OP_SIGNAL] = {.act = do_signal},
	[OP_SYSCALL] = {.act = do_syscall, .traced = true},
};

static bool is_beyond(const struct actor *a, int err)
{
	const int *beyond = acts[a->op->id].beyond;

	for (size_t i = 0; i < sizeof(acts->beyond) / sizeof(*acts->beyond); i++)
		if (err && beyond[i] == err)
			return true;
	return false;
}

/* ---- the child ---- */

static _Noreturn void leave(void)
{
	_exit(0);
}

static _Noreturn void fail(struct report *report, const char *what, const char *why)
{
	snprintf(report->why, sizeof(report->why), "%s: %s", what, why);
	report->refused = true;
	leave();
}

/* Stop at the call before it is carried out. The filter is under the policy's, which comes later. */
static void trace_call(const struct actor *a)
{
	struct k_sock_filter insns[] = {
		{.code = K_BPF_LD_W_ABS, .k = K_SECCOMP_DATA_NR},
		{.code = K_BPF_JEQ_K, .jt = 0, .jf = 1, .k = a->op->nr},
		{.code = K_BPF_RET_K, .k = K_SECCOMP_RET_TRACE},
		{.code = K_BPF_RET_K, .k = K_SECCOMP_RET_ALLOW},
	};
	struct k_sock_fprog program = {sizeof(insns) / sizeof(*insns), insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &program))
		fail(a->report, "seccomp", strerror(errno));
}

static void enter_sandbox(const struct actor *a)
{
	struct llrun_options options = {.sets = a->how->sets, .envp = (const char *const *)environ};
	struct llrun_policy policy;
	struct llrun_error error;

	if (llrun_prepare(&policy, a->how->blob->header, a->how->size, &options, &error) ||
	    llrun_enter(&policy, &error))
		fail(a->report, error.object ? error.object : "the policy",
		     error.text ? error.text : strerror(error.err));
}

static _Noreturn void child(const struct actor *a)
{
	char byte;

	if (read(a->go, &byte, 1) != 1)
		leave();
	if (a->op->id == OP_SYSCALL)
		trace_call(a);
	if (a->how->blob)
		enter_sandbox(a);
	a->report->entered = true;
	a->report->err = acts[a->op->id].act(a);
	a->report->answered = true;
	leave();
}

/* ---- the parent ---- */

static struct performed answer_of(const struct actor *a, int status, bool stopped)
{
	const struct report *report = a->report;
	struct performed out = {.kind = PERFORMED_NOT};

	if (report->refused)
		out.why = arena_strdup(a->arena, report->why);
	else if (stopped)
		out.kind = PERFORMED_DONE;
	else if (report->answered) {
		out.err = report->err;
		out.kind = report->err && !is_beyond(a, report->err) ? PERFORMED_REFUSED : PERFORMED_DONE;
	} else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		out.kind = PERFORMED_KILLED;
	else
		out.why = "the process that tried ended without an answer";
	return out;
}

/* Until the child is gone; true when it was stopped because what it asked for was granted. */
static bool watch(const struct actor *a, pid_t pid, int *status)
{
	bool granted = false;

	while (waitpid(pid, status, __WALL) == pid && WIFSTOPPED(*status)) {
		int event = *status >> 16, number = WSTOPSIG(*status);

		if ((event == PTRACE_EVENT_EXEC || event == PTRACE_EVENT_SECCOMP) && a->report->entered) {
			granted = true;
			kill(pid, SIGKILL);
			continue;
		}
		/* SIGTRAP announces events; others are the child's own, such as SIGSYS of RET_TRAP */
		ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)(event || number == SIGTRAP ? 0 : number));
	}
	return granted;
}

static struct performed run_child(struct actor *a)
{
	const uintptr_t options = PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;
	struct performed out = {.kind = PERFORMED_NOT};
	int pipes[2], status = 0;
	bool traced;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC)) {
		out.why = "no pipe";
		return out;
	}
	a->go = pipes[0];
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(a);
	traced = pid > 0 && !ptrace(PTRACE_SEIZE, pid, NULL, (void *)options);
	if (pid > 0 && (traced || !acts[a->op->id].traced))
		traced = write(pipes[1], "", 1) == 1;
	else
		out.why = pid < 0 ? "no child" : "this system lets nobody trace processes";
	close(pipes[0]);
	close(pipes[1]);
	if (pid > 0) {
		bool granted = watch(a, pid, &status);
		if (!out.why)
			out = answer_of(a, status, granted);
	}
	return out;
}

/* ---- what must be there before, and be gone afterwards ---- */

static bool is_free(const char *path)
{
	struct stat st;

	return lstat(path, &st) && errno == ENOENT;
}

static const char *make_file(struct arena *arena, const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return arena_printf(arena, "%s cannot be made for the test: %s", path, strerror(errno));
	close(fd);
	return NULL;
}

/* Only what was free before; a directory by CREATE is empty. */
static void clear(const char *path)
{
	if (path && unlink(path) && (errno == EISDIR || errno == EPERM))
		rmdir(path);
}

static const char *prepare(struct arena *arena, const struct operation *op)
{
	const struct act *act = &acts[op->id];
	const char *why = NULL;

	/* carried out, with and without the policy: only what asks and changes nothing */
	if (op->id == OP_IOCTL && op->request && op->request != TCGETS)
		return "a request other than TCGETS may change something, and is not tried";
	if (!act->needs_path_free)
		return NULL;
	if (!is_free(op->path))
		return arena_printf(arena,
				    "%s is there (or cannot be looked at), and would be lost if the policy failed",
				    op->path);
	if (op->to && !is_free(op->to))
		return arena_printf(arena,
				    "%s is there (or cannot be looked at), and would be lost if the policy failed",
				    op->to);
	if (act->makes_path)
		why = make_file(arena, op->path);
	if (!why && act->makes_to) {
		why = make_file(arena, op->to);
		if (why)
			clear(op->path);
	}
	return why;
}

/* An abstract name that nobody listens at cannot be refused: there must be somebody, outside the sandbox. */
static int listen_abstract(const struct operation *op)
{
	struct sockaddr_un address;
	socklen_t len;
	int fd;

	if (op->id != OP_CONNECT || op->peer != PEER_ABSTRACT)
		return -1;
	len = unix_address(&address, op->path, true);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && len && !bind(fd, (struct sockaddr *)&address, len))
		listen(fd, 1);
	return fd;
}

struct performed perform(struct arena *arena, const struct performance *how, const struct operation *op)
{
	struct actor a = {.arena = arena, .how = how, .op = op};
	struct performed out = {.kind = PERFORMED_NOT, .why = prepare(arena, op)};

	if (out.why)
		return out;
	a.report = mmap(NULL, sizeof(*a.report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	a.listener = listen_abstract(op);
	if (a.report == MAP_FAILED) {
		out.why = "no memory to share";
	} else {
		memset(a.report, 0, sizeof(*a.report));
		out = run_child(&a);
		munmap(a.report, sizeof(*a.report));
	}
	if (a.listener >= 0)
		close(a.listener);
	if (acts[op->id].needs_path_free) {
		clear(op->path);
		clear(op->to);
	}
	return out;
}

/* ---- slots ---- */

static const char *slot_value(struct arena *arena, const struct blob *blob, const struct llpb_slot *slot,
			      const char *const *sets)
{
	const char *name = blob_str(blob, slot->name), *fallback = blob_str(blob, slot->fallback), *value = NULL;
	size_t len = strlen(name);
	char cwd[4096];

	if (slot->from == LLPB_SLOT_CWD)
		return getcwd(cwd, sizeof(cwd)) ? arena_strdup(arena, cwd) : NULL;
	if (slot->from == LLPB_SLOT_ENV)
		value = getenv(blob_str(blob, slot->variable));
	for (; slot->from == LLPB_SLOT_ARG && sets && *sets; sets++)
		if (!strncmp(*sets, name, len) && (*sets)[len] == '=')
			value = *sets + len + 1;
	if (!value || !*value)
		value = *fallback ? fallback : NULL;
	return value;
}

/* Slots that every policy may use, and that a blob has only when a rule does. */
static const char *builtin_value(struct arena *arena, const char *name)
{
	char cwd[4096];

	if (!strcmp(name, "CWD"))
		return getcwd(cwd, sizeof(cwd)) ? arena_strdup(arena, cwd) : NULL;
	if (!strcmp(name, "TMPDIR"))
		return getenv(name) && *getenv(name) ? getenv(name) : "/tmp";
	return !strcmp(name, "HOME") ? getenv(name) : NULL;
}

const char *perform_path(struct arena *arena, const struct blob *blob, const char *const *sets, const char *path)
{
	const char *end = strchr(path, '}'), *name, *value;

	if (strncmp(path, "${", 2) || !end)
		return path;
	name = arena_strndup(arena, path + 2, (size_t)(end - path) - 2);
	value = builtin_value(arena, name);
	for (uint32_t i = 0; i < blob->nslots; i++)
		if (!strcmp(name, blob_str(blob, blob->slots[i].name)))
			value = slot_value(arena, blob, &blob->slots[i], sets);
	return value && *value ? arena_printf(arena, "%s%s", value, end + 1) : NULL;
}
