/* SPDX-License-Identifier: MIT */
/* Observation by llc-trace, which loads programs into the kernel; see trace.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "sibling.h"
#include "trace.h"

struct helper {
	pid_t pid;
	int to, from, said; /* its standard input, output and error */
	bool done; /* it has handed over everything */
	bool began; /* it has seen the command's process */
};

/* Descriptors 0, 1 and 2 are the command's: none of ours is there. */
static bool high_pipe(int ends[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC))
		return false;
	for (int i = 0; i < 2; i++) {
		ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(low[i]);
	}
	return ends[0] >= 0 && ends[1] >= 0;
}

static bool helper_start(struct helper *h, const char *path, const char *option)
{
	const char *argv[] = {"llc-trace", option, NULL};
	int in[2], out[2], err[2];

	if (!high_pipe(in) || !high_pipe(out) || !high_pipe(err))
		return false;
	h->pid = fork();
	if (h->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execv(path, (char *const *)(void *)argv);
		dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	h->to = in[1];
	h->from = out[0];
	h->said = err[0];
	return h->pid > 0;
}

static void helper_end(struct helper *h)
{
	if (h->to >= 0)
		close(h->to);
	close(h->from);
	close(h->said);
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool transfer(int fd, void *bytes, size_t size, bool in)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = in ? read(fd, (char *)bytes + done, size - done)
			       : write(fd, (char *)bytes + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Its one line, without what names it. */
static const char *helper_said(struct helper *h, struct arena *arena)
{
	char text[1024];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(h->said, text + len, sizeof(text) - 1 - len)) != 0)
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			break;
	text[len] = 0;
	text[strcspn(text, "\n")] = 0;
	const char *line = strncmp(text, "llc-trace: ", 11) ? text : text + 11;
	return arena_strdup(arena, *line ? line : "llc-trace does not answer");
}

const char *trace_bpf_missing(struct arena *arena)
{
	struct helper h = {.to = -1};
	const char *path = sibling_program(arena, "llc-trace", LLC_LIBEXECDIR), *why;
	char answer[4] = "";

	if (access(path, X_OK))
		return arena_printf(arena, "%s: %s", path, strerror(errno));
	if (!helper_start(&h, path, "--probe"))
		return arena_printf(arena, "%s: %s", path, strerror(errno));
	bool ok = transfer(h.from, answer, 2, true) && !strcmp(answer, "ok");
	why = ok ? NULL : helper_said(&h, arena);
	helper_end(&h);
	return why;
}

/* ---- events ---- */

/* Names from the last to the first become a path. */
static void turn(char *text, size_t size)
{
	char path[TRACE_PART_MAX + 2];
	size_t at = sizeof(path) - 1;

	path[at] = 0;
	for (size_t i = 0; i < size;) {
		size_t len = strnlen(text + i, size - i);
		if (len && len < at) {
			at -= len;
			memcpy(path + at, text + i, len);
			path[--at] = '/';
		}
		i += len + 1;
	}
	if (!path[at])
		path[--at] = '/';
	memcpy(text, path + at, sizeof(path) - at);
}

static bool is_name_list(unsigned part)
{
	return part == TRACE_BASE || part == TRACE_BASE2 || part == TRACE_FILE || part == TRACE_EXE;
}

static bool take_call(struct trace_run *run, struct helper *h, const struct trace_head *head)
{
	static char text[TRACE_PARTS][TRACE_PART_MAX + 2];
	struct trace_event event = {.head = *head};

	for (unsigned i = 0; i < TRACE_PARTS; i++) {
		if (!(head->parts >> i & 1))
			continue;
		if (!head->size[i] || head->size[i] > TRACE_PART_MAX ||
		    !transfer(h->from, text[i], head->size[i], true))
			return false;
		text[i][head->size[i]] = 0;
		if (is_name_list(i))
			turn(text[i], head->size[i]);
		event.part[i] = text[i];
	}
	run->sink(run->context, &event);
	return true;
}

static bool take(struct trace_run *run, struct helper *h)
{
	struct trace_head head;

	if (!transfer(h->from, &head, sizeof(head), true))
		return false;
	if (head.kind == TRACE_K_CALL || head.kind == TRACE_K_SIGSYS)
		return take_call(run, h, &head);
	if (head.kind == TRACE_K_LOST) {
		run->lost += head.args[0];
		run->unfollowed += head.args[1];
		h->began = head.args[2];
	}
	h->done = head.kind == TRACE_K_DONE;
	return head.kind == TRACE_K_LOST || head.kind == TRACE_K_DONE;
}

static void reap(struct trace_run *run, const struct helper *h)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid != h->pid)
			trace_note_end(run, pid, status);
}

/* Until the last process of the command is gone; then the helper is told so, and says what is left. */
static void watch(struct trace_run *run, struct helper *h, int signals)
{
	struct pollfd ready[2] = {{.fd = h->from, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (!h->done) {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			return;
		if (ready[0].revents && !take(run, h))
			return;
		if (ready[1].revents & POLLIN)
			while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
				;
		reap(run, h);
		if (h->to >= 0 && run->ended && (trace_interrupted() || !trace_has_children(h->pid))) {
			close(h->to);
			h->to = -1;
		}
		ready[0].revents = ready[1].revents = 0;
	}
}

static void mark(void *context)
{
	const struct trace_run *run = context;

	/* no kernel knows it, so that no kernel does anything */
	prctl(TRACE_MARK, run->watch.cookie, 0, 0, 0);
}

static bool begin(struct trace_run *run, struct helper *h, struct arena *arena, const char **why)
{
	const char *path = sibling_program(arena, "llc-trace", LLC_LIBEXECDIR);
	struct trace_head head;

	if (getrandom(&run->watch.cookie, sizeof(run->watch.cookie), 0) != (ssize_t)sizeof(run->watch.cookie) ||
	    access(path, X_OK) || !helper_start(h, path, NULL)) {
		*why = arena_printf(arena, "%s: %s", path, strerror(errno));
		return false;
	}
	if (transfer(h->to, &run->watch, sizeof(run->watch), false) && transfer(h->from, &head, sizeof(head), true) &&
	    head.kind == TRACE_K_READY)
		return true;
	*why = helper_said(h, arena);
	helper_end(h);
	return false;
}

bool trace_by_bpf(struct trace_run *run, struct arena *arena, const char **why)
{
	struct helper h = {.to = -1};
	struct trace_child child;
	sigset_t mask;
	int signals;

	if (!begin(run, &h, arena, why))
		return false;
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &run->mask);
	run->masked = true;
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || !trace_fork(run, &child, mark, run)) {
		*why = arena_printf(arena, "the command's process: %s", strerror(errno));
		helper_end(&h);
		sigprocmask(SIG_SETMASK, &run->mask, NULL);
		run->masked = false;
		return false;
	}
	trace_go(run, &child);
	watch(run, &h, signals);
	/* nothing more was seen, and that is said */
	run->blind = !h.done || !h.began;
	while (!run->ended) {
		int status;
		pid_t pid = waitpid(run->command, &status, 0);
		if (pid > 0)
			trace_note_end(run, pid, status);
		else if (errno != EINTR)
			break;
	}
	close(signals);
	helper_end(&h);
	sigprocmask(SIG_SETMASK, &run->mask, NULL);
	run->masked = false;
	return true;
}
