/* SPDX-License-Identifier: MIT */
/* A job from the spawner's memory to the command: what runs between clone3(2) and execve(2). */
#ifndef LLRUND_START_H
#define LLRUND_START_H

#include "launch.h"
#include "serve.h"

/* Everything that the child uses. With CLONE_VM it lies in memory that the spawner leaves alone until `busy` is 0. */
struct start {
	uint32_t busy; /* the kernel clears it when the child has left this memory, and not before */
	int forked; /* the child has memory of its own */
	int parent; /* process id of the spawner */
	uint32_t nfds;
	int fds[SPAWN_MAX_FDS]; /* as enum below */
	const char *payload; /* `buffer`, or mapped; NULL: not there */
	const struct k_rlimit *limits; /* the spawner's own */
	const char *note; /* for the user, or NULL */
	struct audit *audit; /* or NULL; a job is supervised then */
	const struct policy *warm; /* with its rulesets filled; NULL: not */
	uint32_t stage; /* enum start_stage */
	int pid, pair[2]; /* of a parked child, which reads from the second */
	struct spawn_request request;
	char *buffer; /* PAYLOAD_SMALL + 8 bytes, 8-aligned */
};
enum { START_CONNECTION, START_PEER, START_CWD, START_STDIO }; /* a memfd with the payload is the last */
_Static_assert((int)START_CWD == (int)PROTO_FD_CWD, "the first two stand in the place of the request's proofs");

/* Of a child that is made before its job. */
enum start_stage {
	STAGE_NONE, /* it was not, or its job has ended */
	STAGE_PARKED, /* it waits */
	STAGE_ENDING, /* it has been killed, waiting */
	STAGE_GIVEN, /* the job is sent */
	STAGE_TAKEN /* the child's own word: it has it */
};
/* What it is sent: standard input, output, error, the current directory. */
#define PARKED_FDS 4

/* Is this a job that stays under a process of its own: with a terminal, with a broker? */
int start_is_supervised(const struct start *start);
/* Does it need a memory of its own: what it maps stays mapped, what it does takes more stack than it gets otherwise? */
int start_needs_fork(const struct start *start);

/* What a request asks for, as llrun has it. `words` has room for all arguments and variables, and two more. */
void start_describe(const struct proto_request *request, const char *payload, struct run *run, const char **words);

/* In the child: does not return while all is well; otherwise the exit status, and what is wrong is said. */
long start_job(void *start);

/* The same for one that waits for its job, in start->warm's domain: the channel is start->pair[1]. */
long start_parked(void *start);
/* A job's descriptors, with these flags of recvmsg(2). 0, or -1: there is none, or not as it shall be. */
int start_receive(int channel, int fds[PARKED_FDS], uint32_t flags);

#define START_STACK (512u << 10)

/* Are both the same? They are 8-aligned; the size is a multiple of 8. */
static inline int same_words(const void *a, const void *b, size_t size)
{
	const uint64_t *x = a, *y = b;
	size_t left = size / 8;

	while (left && x[left - 1] == y[left - 1])
		left--;
	return !left;
}

#endif
