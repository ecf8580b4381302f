/* SPDX-License-Identifier: MIT */
/*
 * The processes of test --live. The first one goes where the operation is tried: it makes the policy's view, through the
 * launcher's own code, makes the files that the operation needs there, and removes them afterwards. The second one is
 * its child, enters the sandbox and does the one thing; with a broker it becomes llrun, and the thing is done by
 * llc-perform, which llrund starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "perform_impl.h"

static _Noreturn void leave(void)
{
	_exit(0);
}

static _Noreturn void fail_child(const struct actor *a, const char *what, const char *why)
{
	struct perform_report *report = &a->shared->report;

	snprintf(report->why, sizeof(report->why), "%s%s%s", what, why ? ": " : "", why ? why : "");
	report->refused = true;
	leave();
}

/* ---- what must be there before, and be gone afterwards ---- */

static void need_free(const struct actor *a, const char *path)
{
	struct stat st;

	if (path && !(lstat(path, &st) && errno == ENOENT))
		fail_child(
			a,
			arena_printf(a->arena,
				     "%s is there (or cannot be looked at), and would be lost if the policy failed",
				     path),
			NULL);
}

/* Only what was free before; a directory by CREATE is empty. */
static void clear(const char *path)
{
	if (path && unlink(path) && (errno == EISDIR || errno == EPERM))
		rmdir(path);
}

static void make_file(const struct actor *a, const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);

	if (fd < 0) {
		int err = errno;
		if (path == a->to.text)
			clear(a->path.text);
		fail_child(a, arena_printf(a->arena, "%s cannot be made for the test", path), strerror(err));
	}
	close(fd);
}

/* Opening a device may rewind a tape, start a watchdog, hang up a line; opening a pipe wakes who waits at its other end. */
static void need_harmless(const struct actor *a)
{
	struct stat st;

	if (!perform_acts[a->op->id].opens || stat(a->path.text, &st))
		return;
	if (S_ISFIFO(st.st_mode))
		fail_child(a, "a named pipe: opening it has effects on who uses it, and is not tried", NULL);
	if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) && !(S_ISCHR(st.st_mode) && major(st.st_rdev) == 1))
		fail_child(
			a,
			"a device other than those of memory (/dev/null and its like): opening it may have effects, "
			"and is not tried",
			NULL);
}

/* Is the directory of the path in a tmpfs that the policy has mounted? */
static bool in_new_tmpfs(const struct actor *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash > path ? arena_strndup(a->arena, path, (size_t)(slash - path)) : "/";
	dev_t devices[LLPB_MAX_MOUNTS];
	size_t count = place_devices(a, devices, LLPB_MAX_MOUNTS);
	struct stat st;

	if (stat(dir, &st))
		return false;
	while (count && devices[count - 1] != st.st_dev)
		count--;
	return count;
}

/* A new tmpfs is empty: what is asked about it is made, and goes with it. */
static void fill_tmpfs(const struct actor *a)
{
	struct stat st;

	if (!lstat(a->path.text, &st) || errno != ENOENT || !in_new_tmpfs(a, a->path.text))
		return;
	if (a->op->id != OP_LIST)
		make_file(a, a->path.text);
	else if (mkdir(a->path.text, 0700))
		fail_child(a, a->path.text, strerror(errno));
}

static void prepare(const struct actor *a)
{
	const struct act *act = &perform_acts[a->op->id];
	bool in_view = a->how->stage != PERFORM_OUTSIDE && perform_has_view(a->how->blob) && !perform_brokered(a);

	need_harmless(a);
	if (act->looks && in_view)
		fill_tmpfs(a);
	if (!act->needs_path_free)
		return;
	need_free(a, a->path.text);
	need_free(a, a->to.text);
	if (act->makes_path)
		make_file(a, a->path.text);
	if (act->makes_to)
		make_file(a, a->to.text);
}

/* ---- the second process ---- */

/* Stop at the call before it is carried out: of the policy's filter every refusal outranks this. */
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
		fail_child(a, "seccomp", strerror(errno));
}

/* As perform_act() wants it. */
static void limit_files(const struct actor *a)
{
	const struct rlimit none = {0, 0};

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &none))
		fail_child(a, "RLIMIT_FSIZE", strerror(errno));
}

#define ARGUMENTS_MAX (16 + 2 * LLPB_MAX_SLOTS)

/* llrun hands the run over to llrund, which starts the program in memory: no rule needs to grant it. */
static _Noreturn void become_llrun(const struct actor *a)
{
	const char *argv[ARGUMENTS_MAX], *const *set = a->how->sets;
	const char *memory = arena_printf(a->arena, "%d", a->memory);
	const char *program = arena_printf(a->arena, "%d", a->program);
	size_t n = 0;

	argv[n++] = "llrun";
	argv[n++] = "--quiet";
	argv[n++] = "--blob-fd";
	argv[n++] = arena_printf(a->arena, "%d", a->blob);
	argv[n++] = "--keep-fd";
	argv[n++] = memory;
	argv[n++] = "--keep-fd";
	argv[n++] = program;
	for (; set && *set && n < ARGUMENTS_MAX - 6; set++) {
		argv[n++] = "--set";
		argv[n++] = *set;
	}
	argv[n++] = "--";
	argv[n++] = arena_printf(a->arena, "/proc/self/fd/%s", program);
	argv[n++] = memory;
	argv[n] = NULL;
	for (int fds[] = {a->blob, a->program, a->memory}, i = 0; i < 3; i++)
		if (fcntl(fds[i], F_SETFD, 0))
			fail_child(a, "fcntl", strerror(errno));
	if (dup2(a->messages, 2) < 0)
		fail_child(a, "dup2", strerror(errno));
	execv(a->llrun, (char *const *)(uintptr_t)argv);
	fail_child(a, a->llrun, strerror(errno));
}

static void refuse(const struct actor *a, const struct llrun_error *error)
{
	const char *what = error->object ? error->object : error->sys ? error->sys : "the policy";
	const char *why = error->text ? error->text : strerror(error->err);

	fail_child(a, what, error->sys && error->object ? arena_printf(a->arena, "%s: %s", error->sys, why) : why);
}

static _Noreturn void try(struct actor *a, const struct llrun_policy *policy)
{
	struct llrun_error error;

	if (sigprocmask(SIG_SETMASK, &a->mask, NULL))
		fail_child(a, "sigprocmask", strerror(errno));
	if (a->op->id == OP_SYSCALL)
		trace_call(a);
	if (a->op->id == OP_TRUNCATE)
		limit_files(a);
	if (perform_brokered(a))
		become_llrun(a);
	if (a->how->stage == PERFORM_UNDER && llrun_enter(policy, &error))
		refuse(a, &error);
	perform_answer(a->shared);
	leave();
}

/* ---- the first process ---- */

static void go_there(const struct actor *a, struct llrun_policy *policy, bool rehearsal)
{
	struct llrun_options options = {.sets = a->how->sets, .envp = (const char *const *)environ};
	struct llrun_error error;

	if (!perform_prepare(policy, a->how->blob->header, a->how->size, &options, rehearsal, &error))
		return;
	/* of all calls that make a view, only mkdirat and mknodat write to a file system of the host */
	if (rehearsal && error.err == EROFS && error.sys && !strncmp(error.sys, "mk", 2))
		fail_child(a,
			   arena_printf(a->arena, "the policy makes %s on this host; make it beforehand",
					error.object ? error.object : "a mount's target"),
			   NULL);
	refuse(a, &error);
}

_Noreturn void perform_rehearse(struct actor *a)
{
	struct llrun_policy policy;

	go_there(a, &policy, true);
	need_harmless(a);
	a->shared->report.answered = true;
	leave();
}

/* Until it has ended; a signal that ends all ends it first, so that what was made can be removed. */
static int wait_for(const struct actor *a, pid_t pid, int *status)
{
	pid_t ended;

	while (!(ended = waitpid(pid, status, WNOHANG))) {
		int number = sigwaitinfo(&a->signals, NULL);
		if (number > 0 && number != SIGCHLD)
			kill(pid, SIGKILL);
	}
	return ended == pid ? 0 : -1;
}

_Noreturn void perform_child(struct actor *a)
{
	struct llrun_policy policy;
	int status = 0;
	pid_t pid;
	char byte;

	if (read(a->go, &byte, 1) != 1)
		leave();
	if (a->how->stage != PERFORM_OUTSIDE && !perform_brokered(a))
		go_there(a, &policy, false);
	if (!place_is_same(&a->path) || !place_is_same(&a->to)) {
		a->shared->report.err = ENOENT;
		a->shared->report.answered = true;
		leave();
	}
	prepare(a);
	pid = fork();
	if (pid == 0)
		try(a, &policy);
	if (pid < 0 || wait_for(a, pid, &status))
		fail_child(a, "no child", strerror(errno));
	a->shared->status = status;
	if (perform_acts[a->op->id].needs_path_free) {
		clear(a->path.text);
		clear(a->to.text);
	}
	leave();
}
