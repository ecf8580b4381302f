/* SPDX-License-Identifier: MIT */
/*
 * What it costs to load a filter, and to make a call under it. A filter cannot be taken off again: every figure comes
 * from a child of its own. Programs take turns within a round, so that a slow phase of the machine meets all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "docker.h"

enum { WARMUP = 3, BATCHES = 20, CALLS = 500 };

struct subject {
	const struct bpf_program *program;
	long nr; /* -1: the load itself */
	unsigned long argument;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double load(const struct bpf_program *program)
{
	struct k_sock_fprog fprog = {(uint16_t)program->count, program->insns};
	double start = now();

	if (syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &fprog))
		_exit(1);
	return now() - start;
}

static double call(long nr, unsigned long argument)
{
	double least = 0;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		double start = now(), each;

		for (unsigned i = 0; i < CALLS; i++)
			syscall(nr, argument, 0, 0);
		each = (now() - start) / CALLS;
		if (!batch || each < least)
			least = each;
	}
	return least;
}

/* Nanoseconds, or a negative number. */
static double measure(const struct subject *subject, volatile double *shared)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		double loading = 0;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			_exit(1);
		if (subject->program)
			loading = load(subject->program);
		*shared = subject->nr < 0 ? loading : call(subject->nr, subject->argument);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status ? *shared : -1;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One run; all is rounds figures of each program. */
static bool time_run(struct timing *timings, size_t count, unsigned rounds, unsigned run, struct subject subject,
		     double *all, volatile double *shared)
{
	for (unsigned round = 0; round < rounds + WARMUP; round++)
		for (size_t i = 0; i < count; i++) {
			double figure;

			subject.program = timings[i].program;
			figure = measure(&subject, shared);
			if (figure < 0) {
				fprintf(stderr, "docker: a filtered child failed\n");
				return false;
			}
			if (round >= WARMUP)
				all[i * rounds + round - WARMUP] = figure;
		}
	for (size_t i = 0; i < count; i++) {
		qsort(all + i * rounds, rounds, sizeof(*all), ascending);
		timings[i].least[run] = all[i * rounds];
		timings[i].median[run] = all[i * rounds + rounds / 2];
	}
	return true;
}

static bool time_subject(struct timing *timings, size_t count, unsigned rounds, unsigned runs, struct subject subject)
{
	double *all = calloc(count * rounds, sizeof(*all));
	double *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool passed = all && shared != MAP_FAILED;

	for (unsigned run = 0; passed && run < runs; run++)
		passed = time_run(timings, count, rounds, run, subject, all, shared);
	if (shared != MAP_FAILED)
		munmap(shared, sizeof(*shared));
	free(all);
	return passed;
}

bool time_load(struct timing *timings, size_t count, unsigned rounds, unsigned runs)
{
	return time_subject(timings, count, rounds, runs, (struct subject){.nr = -1});
}

bool time_call(struct timing *timings, size_t count, unsigned rounds, unsigned runs, long nr, unsigned long argument)
{
	return time_subject(timings, count, rounds, runs, (struct subject){.nr = nr, .argument = argument});
}
