/* SPDX-License-Identifier: MIT */
/* Docker's default profile: libseccomp's programs of it, and what programs cost when they are loaded and run. */
#ifndef BENCH_DOCKER_H
#define BENCH_DOCKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"

/* ---- docker_profile.c ---- */

struct profile;

/* The profile as x86_64 without added capabilities sees it; NULL after a message to standard error. */
struct profile *profile_read(const char *path);
void profile_free(struct profile *profile);
/*
 * libseccomp's program, as a list (1) or a tree (2), with x32 and foreign calls killed as ours. False after a message.
 * The instructions belong to the arena.
 */
bool profile_libseccomp(const struct profile *profile, uint32_t level, struct arena *arena, struct bpf_program *out);
/* What the profile allows whatever the arguments: a flag for each number below `numbers`. Returns how many. */
size_t profile_allowed(const struct profile *profile, bool *allowed, uint32_t numbers);

/* ---- docker_time.c: each figure [run] of a program, nanoseconds; programs take turns within a round ---- */

enum { MAX_PROGRAMS = 4, MAX_RUNS = 16 };

struct timing {
	const struct bpf_program *program; /* or NULL: no filter */
	double median[MAX_RUNS], least[MAX_RUNS];
};

/* seccomp(SECCOMP_SET_MODE_FILTER) alone, in a child each. False after a message. */
bool time_load(struct timing *timings, size_t count, unsigned rounds, unsigned runs);
/* One call of `nr` with its first argument, in a child for every round. Median and least are those of the rounds' least. */
bool time_call(struct timing *timings, size_t count, unsigned rounds, unsigned runs, long nr, unsigned long argument);

#endif
