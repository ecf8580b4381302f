/* SPDX-License-Identifier: MIT */
/* The process of the command: its start, its signals, its end; see trace.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"

/* For the handler, which can be given nothing. */
static volatile pid_t signalled;
static volatile sig_atomic_t interrupted, passed_on;

/* What the terminal sends, the command has got as well; what somebody sends to us is meant for it. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	passed_on = 1;
	if (!signalled)
		interrupted = 1;
	else if (info->si_code != SI_KERNEL)
		kill(signalled, sig);
	errno = saved;
}

void trace_signals(const struct trace_run *run)
{
	static const int passed[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO};

	signalled = run->command;
	/* no SA_RESTART: who waits looks at trace_interrupted() */
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &action, NULL);
}

bool trace_was_signalled(void)
{
	return passed_on;
}

bool trace_interrupted(void)
{
	return interrupted;
}

bool trace_note_end(struct trace_run *run, pid_t pid, int status)
{
	if (pid != run->command || run->ended || (!WIFEXITED(status) && !WIFSIGNALED(status)))
		return false;
	run->ended = true;
	run->status = status;
	signalled = 0;
	return true;
}

/* The child's half. Nothing of ours is left open for it: every descriptor of this program is close-on-exec. */
static _Noreturn void become(const struct trace_run *run, int go, void (*prepare)(void *), void *context)
{
	char byte;
	ssize_t n;

	do
		n = read(go, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(EXIT_REFUSED);
	signal(SIGPIPE, run->sigpipe);
	if (run->masked)
		sigprocmask(SIG_SETMASK, &run->mask, NULL);
	if (run->keep)
		fcntl(run->keep, F_SETFD, 0);
	if (prepare)
		prepare(context);
	execv(run->program, run->argv);
	dprintf(STDERR_FILENO, "llc-policy trace: %s: %s\n", run->program, strerror(errno));
	_exit(EXIT_REFUSED);
}

bool trace_fork(struct trace_run *run, struct trace_child *child, void (*prepare)(void *context), void *context)
{
	int ends[2];

	/* what its processes leave behind becomes ours: waited for, and no zombie of anybody */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) || pipe2(ends, O_CLOEXEC))
		return false;
	fflush(NULL);
	child->pid = fork();
	if (child->pid == 0) {
		close(ends[1]);
		become(run, ends[0], prepare, context);
	}
	close(ends[0]);
	child->go = ends[1];
	if (child->pid < 0) {
		close(child->go);
		return false;
	}
	run->command = child->pid;
	trace_signals(run);
	return true;
}

void trace_go(const struct trace_run *run, struct trace_child *child)
{
	if (run->starts)
		run->starts(run->starts_context);
	while (write(child->go, "", 1) < 0 && errno == EINTR)
		;
	close(child->go);
}

static bool is_child(const char *name, pid_t except)
{
	char path[64], text[512];
	ssize_t n;
	int fd;

	if (*name < '1' || *name > '9' || atoi(name) == except)
		return false;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	/* "PID (name) STATE PPID", and the name may hold anything */
	const char *end = strrchr(text, ')');
	return end && strlen(end) > 4 && atoi(end + 4) == getpid();
}

/* CONFIG_PROC_CHILDREN: the kernel has the list. False when it does not tell. */
static bool listed_children(pid_t except, bool *found)
{
	char path[64];
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *list = fopen(path, "re");
	if (!list)
		return false;
	*found = false;
	while (fscanf(list, "%d", &pid) == 1)
		*found |= pid != except;
	fclose(list);
	return true;
}

bool trace_has_children(pid_t except)
{
	bool found = false;
	DIR *proc;

	if (listed_children(except, &found))
		return found;
	proc = opendir("/proc");
	if (!proc)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(proc));)
		found = is_child(entry->d_name, except);
	closedir(proc);
	return found;
}
