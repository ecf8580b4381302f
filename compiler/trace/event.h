/* SPDX-License-Identifier: MIT */
/*
 * What is seen of a call that failed: the contract of llc-policy trace, of its two ways to observe (ptrace, and the
 * programs of calls.bpf.c that llc-trace loads), and the form in which llc-trace hands it over. Fixed sizes, no pointers,
 * host byte order: both ends are programs of one build on one machine.
 */
#ifndef COMPILER_TRACE_EVENT_H
#define COMPILER_TRACE_EVENT_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define TRACE_CALLS 1024 /* system calls of any supported architecture have lower numbers */
#define TRACE_ARGS  6
#define TRACE_COMM  16

/* Strings that belong to a call. */
enum trace_part {
	TRACE_PATH, /* the path argument, as passed */
	TRACE_PATH2, /* of calls with two */
	TRACE_BASE, /* the directory that PATH starts from, where it is relative */
	TRACE_BASE2,
	TRACE_FILE, /* what the descriptor operated on leads to */
	TRACE_MEMORY, /* an address of a socket, or struct open_how */
	TRACE_EXE, /* the program that runs in the process */
	TRACE_PARTS
};
#define TRACE_PART_MAX 4096 /* PATH_MAX, its NUL included */

/* Which arguments of a call those strings come from: an index, or -1. */
struct trace_shape {
	int8_t path, path2; /* pointer to a path */
	int8_t dir, dir2; /* descriptor that it starts from; -1: the working directory */
	int8_t file; /* descriptor */
	int8_t memory, memory_size; /* pointer and size; memory_size -1: a struct msghdr, whose address is meant */
	uint8_t watch; /* TRACE_W_* */
};
#define TRACE_W_ALWAYS 1u /* what no policy allows, or Landlock may refuse: EACCES, EPERM, EXDEV */
#define TRACE_W_FILTER 2u /* a filter of the policy may refuse it, or its view: their errors */

/* Everything a backend must know: what to report. */
struct trace_watch {
	struct trace_shape shapes[TRACE_CALLS];
	uint64_t errors[TRACE_CALLS * 4 /
			64]; /* bit per error number that a filter of the policy, or its view, may answer with */
	/* Numbers of the calls that sandbox a process; what failed before was llrun's own. */
	int32_t restrict_self, seccomp, prctl;
	uint32_t reserved;
	uint64_t cookie; /* by which the command's process makes itself known: prctl(TRACE_MARK, cookie) */
};
#define TRACE_MARK 0x4c6c5472 /* an option that no kernel has: EINVAL */

enum trace_kind {
	TRACE_K_CALL, /* a call failed */
	TRACE_K_SIGSYS, /* a filter answered with a signal, or the end of the process */
	TRACE_K_LOST, /* args: calls that did not fit, processes that could not be followed, whether it began at all */
	TRACE_K_READY, /* the observer waits for the command */
	TRACE_K_DONE /* everything seen was handed over */
};

struct trace_head {
	uint32_t kind;
	int32_t pid;
	int32_t nr;
	int32_t result; /* negative error number; of TRACE_K_SIGSYS 0 */
	uint32_t foreign; /* made through another architecture's entry: nr is of that one */
	uint32_t parts; /* bit per part that follows, in order */
	uint64_t args[TRACE_ARGS];
	char comm[TRACE_COMM];
	uint16_t size[TRACE_PARTS]; /* bytes of each part; strings with their NUL */
	uint16_t cut; /* bit per part that was longer, or could not be read */
};

#endif
