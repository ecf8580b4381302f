/* SPDX-License-Identifier: MIT */
/*
 * llc-trace: observes one command for llc-policy trace, by the programs of calls.bpf.c. A program of its own, so that
 * llc-policy needs no libbpf and keeps starting fast; it is the part that needs privileges (CAP_BPF, CAP_PERFMON), and
 * it does nothing but load, wait and hand over.
 *
 *	standard input	struct trace_watch; then nothing, until the other end is closed: that ends the observation
 *	standard output	a TRACE_K_READY head, then heads with their parts, TRACE_K_LOST, TRACE_K_DONE
 *	--probe		load the programs and say "ok"; or why they cannot be loaded
 *
 * The programs are loaded by the kernel itself where it can do that: bpftool's "light" skeleton is a program that loads
 * programs, and the kernel (5.17 and later) fits them to its own structures. Older ones are served by libbpf, which reads
 * all of the kernel's BTF for it, some MiB: tens of milliseconds.
 *
 * Exit status: 0; 1 when it cannot observe, with one line on standard error.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "calls.h"
#include "calls.light.h"
#include "calls.skel.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"

/* What one processor has sent of a call so far. */
struct gathered {
	uint32_t parts;
	char text[TRACE_PARTS][TRACE_PART_MAX];
};

struct observer {
	struct calls_light *light; /* one of the two */
	struct calls_bpf *programs;
	const struct calls_stats *stats; /* theirs */
	int events;
	struct ring_buffer *buffer;
	struct gathered *gathered; /* by processor */
	unsigned processors;
	uint64_t lost; /* heads that came without a part of theirs */
	bool failed; /* to write */
};

static bool read_all(int fd, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)to + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static void put(struct observer *o, const void *from, size_t size)
{
	for (size_t done = 0; !o->failed && done < size;) {
		ssize_t n = write(STDOUT_FILENO, (const char *)from + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		o->failed = n <= 0;
		done += n > 0 ? (size_t)n : 0;
	}
}

static void put_call(struct observer *o, struct gathered *from, const struct trace_head *head)
{
	if ((from->parts & head->parts) != head->parts) {
		o->lost++;
	} else {
		put(o, head, sizeof(*head));
		for (unsigned i = 0; i < TRACE_PARTS; i++)
			if (head->parts >> i & 1)
				put(o, from->text[i], head->size[i]);
	}
	from->parts = 0;
}

/* One record; sizes are those that the programs wrote, and are looked at all the same. */
static int take(void *context, void *data, size_t size)
{
	struct observer *o = context;
	const struct calls_part *part = data;
	const struct calls_head *head = data;

	if (size < sizeof(part->cpu) + sizeof(part->part) || part->cpu >= o->processors)
		return 0;
	struct gathered *from = &o->gathered[part->cpu];
	if (part->part == TRACE_PARTS && size >= sizeof(*head)) {
		put_call(o, from, &head->head);
	} else if (part->part < TRACE_PARTS && size >= CALLS_PART_SIZE(0) && part->size <= TRACE_PART_MAX &&
		   size >= CALLS_PART_SIZE(part->size)) {
		memcpy(from->text[part->part], part->text, part->size);
		from->parts |= 1u << part->part;
	}
	return o->failed ? -EPIPE : 0;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* The reason in words that say what to do. */
static bool complain(const char *what, int error)
{
	if (access(BTF_FILE, R_OK))
		fprintf(stderr, "llc-trace: %s: %s; needed: a kernel built with CONFIG_DEBUG_INFO_BTF=y\n", BTF_FILE,
			strerror(errno));
	else if (error == EPERM || error == EACCES)
		fprintf(stderr, "llc-trace: %s: %s; needed: CAP_BPF and CAP_PERFMON (or root)\n", what,
			strerror(error));
	else
		fprintf(stderr, "llc-trace: %s: %s\n", what, strerror(error));
	return false;
}

/* Without `watch` both end where they would begin to observe. They return a negative error number. */
static int load_light(struct observer *o, const struct trace_watch *watch)
{
	int error;

	o->light = calls_light__open();
	if (!o->light)
		return -ENOMEM;
	if (watch)
		o->light->rodata->watch = *watch;
	error = calls_light__load(o->light);
	if (!error && watch)
		error = calls_light__attach(o->light);
	if (error) {
		calls_light__destroy(o->light);
		o->light = NULL;
		return error;
	}
	o->stats = &o->light->bss->stats;
	o->events = o->light->maps.events.map_fd;
	return 0;
}

static int load_by_libbpf(struct observer *o, const struct trace_watch *watch)
{
	int error;

	o->programs = calls_bpf__open();
	if (!o->programs)
		return -errno;
	if (watch)
		o->programs->rodata->watch = *watch;
	error = calls_bpf__load(o->programs);
	if (!error && watch)
		error = calls_bpf__attach(o->programs);
	o->stats = &o->programs->bss->stats;
	o->events = bpf_map__fd(o->programs->maps.events);
	return error;
}

static bool load(struct observer *o, const struct trace_watch *watch)
{
	int error = load_light(o, watch);

	if (error)
		error = load_by_libbpf(o, watch);
	if (error)
		return complain("the kernel does not take the programs", -error);
	if (!watch)
		return true;
	o->processors = (unsigned)libbpf_num_possible_cpus();
	o->gathered = calloc(o->processors, sizeof(*o->gathered));
	o->buffer = ring_buffer__new(o->events, take, o, NULL);
	return o->gathered && o->buffer ? true : complain("the ring buffer", errno);
}

static void unload(struct observer *o)
{
	ring_buffer__free(o->buffer);
	calls_light__destroy(o->light);
	calls_bpf__destroy(o->programs);
	free(o->gathered);
}

static void observe(struct observer *o)
{
	struct pollfd ready[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
				  {.fd = ring_buffer__epoll_fd(o->buffer), .events = POLLIN}};
	struct trace_head head = {.kind = TRACE_K_READY};

	put(o, &head, sizeof(head));
	do {
		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			break;
		ring_buffer__consume(o->buffer);
	} while (!o->failed && !ready[0].revents);
	/* calls of the processes that are gone by now are in the buffer already */
	ring_buffer__consume(o->buffer);
	head = (struct trace_head){.kind = TRACE_K_LOST,
				   .args = {o->stats->lost + o->lost, o->stats->unfollowed, o->stats->marked}};
	put(o, &head, sizeof(head));
	head = (struct trace_head){.kind = TRACE_K_DONE};
	put(o, &head, sizeof(head));
}

int main(int argc, char **argv)
{
	static struct trace_watch watch;
	struct observer o = {0};
	bool probe = argc == 2 && !strcmp(argv[1], "--probe"), fine;

	/* Who could make it run with privileges that the caller lacks could look into any process by it. */
	if (getauxval(AT_SECURE)) {
		fputs("llc-trace: refusing to run set-user-ID or with file capabilities\n", stderr);
		return 1;
	}
	if (argc > 1 + probe) {
		fputs("llc-trace: started by llc-policy trace; by hand: llc-trace --probe\n", stderr);
		return 1;
	}
	/* what interrupts the command is not for us: the end of standard input is */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	libbpf_set_print(quiet);
	if (!probe && !read_all(STDIN_FILENO, &watch, sizeof(watch))) {
		fputs("llc-trace: standard input is not from llc-policy trace\n", stderr);
		return 1;
	}
	fine = load(&o, probe ? NULL : &watch);
	if (fine && probe)
		puts("ok");
	else if (fine)
		observe(&o);
	unload(&o);
	return fine && !o.failed && !fflush(stdout) ? 0 : 1;
}
