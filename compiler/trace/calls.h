/* SPDX-License-Identifier: MIT */
/* Records of the ring buffer, from calls.bpf.c to llc-trace. */
#ifndef COMPILER_TRACE_CALLS_H
#define COMPILER_TRACE_CALLS_H

#include "event.h"

/* The parts of a call come first, its head last. A program is not interrupted by another on its processor: what arrives
 * from one processor belongs together. */
struct calls_part {
	uint32_t cpu;
	uint32_t part; /* enum trace_part; TRACE_PARTS: the record is a struct calls_head */
	uint32_t size;
	char text[TRACE_PART_MAX];
};
#define CALLS_PART_SIZE(size) (__builtin_offsetof(struct calls_part, text) + (size))

struct calls_head {
	uint32_t cpu;
	uint32_t part; /* TRACE_PARTS */
	struct trace_head head;
};

/* Directories arrive as their names from the last to the first, each with its NUL; at most so many of them. */
#define CALLS_DEPTH 100

struct calls_stats {
	uint64_t lost; /* calls without room in the buffer */
	uint64_t unfollowed; /* processes without room for their mark */
	uint64_t marked; /* the command's process has made itself known */
};

#endif
