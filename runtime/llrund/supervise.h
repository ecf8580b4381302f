/* SPDX-License-Identifier: MIT */
/*
 * A job: one workload, started and watched by this process, which is its ancestor (so that Yama lets a broker read its
 * memory) and the reaper of its orphans.
 *
 *	job_init(&job, &run, &policy, &error);		once; signals are blocked from here on
 *	job_start(&job, &error);			forks; the child goes through run_command()
 *	job_wait(&job);					until it has ended, and everything it left behind
 *	job_leave(&job);				the way it ended
 *
 * Hooks are how the broker and the daemon take part; each may be NULL.
 */
#ifndef RUNTIME_LLRUND_SUPERVISE_H
#define RUNTIME_LLRUND_SUPERVISE_H

#include "audit.h"
#include "kernel_run.h"
#include "launch.h"
#include "signals.h"

struct job;

struct job_hooks {
	/* In the child, first of all: what a job gets from elsewhere. 0, or -1 with *error. */
	int (*child)(struct job *job, struct llrun_error *error);
	/* In the supervisor: the child has sent a descriptor over its end of the channel; the hook owns it now. */
	void (*received)(struct job *job, int fd);
	/* The main process has ended and is reaped; survivors are about to be killed. */
	void (*ended)(struct job *job);
};

/* Why a command was not started, in memory that supervisor and child share: after a fork pointers tell nothing. */
struct outcome {
	int32_t status; /* exit status of the refusal; 0: none */
	enum llrun_code code;
	int32_t err;
	uint32_t line;
	char text[256], sys[32], file[256], object[PATH_SIZE];
};

/* *error can be had back by outcome_error(), in another process that shares the memory: its texts are copied. */
void outcome_set(struct outcome *outcome, const struct llrun_error *error, int status);
/* The texts are those of the outcome. */
struct llrun_error outcome_error(const struct outcome *outcome);

/* Something else to wait for: `ready` is called when fd is readable, or at its end. */
struct watch {
	int fd; /* -1: none */
	void (*ready)(struct job *job, int fd);
};

#define JOB_WATCHES 4

struct job {
	struct run *run;
	struct policy *policy;
	struct audit *audit; /* or NULL */
	struct denials *denials; /* of denials.c, or NULL */
	struct broker *broker; /* of broker.c, or NULL */
	const struct job_hooks *hooks;
	void *context; /* the hooks' own */
	struct outcome *outcome;
	struct watch watches[JOB_WATCHES];
	struct held_signals held; /* the caller's */
	int signals; /* signalfd */
	int tasks; /* the directory of this process's threads in /proc */
	int channel; /* a seqpacket socket between supervisor and child, each has its end; -1 once the command runs */
	int child; /* 0 in the child */
	int status; /* as wait4(2) gives it, once `ended` */
	const struct stand_in *relay; /* what stands between this process and the caller, or NULL */
	int started, ended;
	int leader; /* this process leads a session, the command a group of its own in it */
};

/* Blocks signals and becomes the reaper. `audit`, `hooks` and `context` are set afterwards, if at all. 0, or -1 with *error. */
int job_init(struct job *job, struct run *run, struct policy *policy, struct llrun_error *error);
/*
 * The supervisor's own failure before the command has started. The child is killed: whatever it would call, its way out
 * included, may be a call that waits for a broker.
 */
void job_refuse(struct job *job, const struct llrun_error *error);
/* 0, or -1 with *error: nothing was started. A refusal by the child is found in job->outcome by job_wait(). */
int job_start(struct job *job, struct llrun_error *error);
/* Call `ready` whenever `fd` can be read. At most JOB_WATCHES, for more is a mistake in this program, and its end. */
void job_watch(struct job *job, int fd, void (*ready)(struct job *job, int fd));
void job_wait(struct job *job);
/*
 * A relay: the process that the caller knows, while its child is the supervisor. `stop` and `stopping` are memory that
 * both share: the signal that the command has stopped by, for the relay to stop by, too; and that it is about to.
 */
struct stand_in {
	int pid;
	uint32_t stop, stopping;
};
/*
 * Before everything else, in a process that may have children it knows nothing of (a shell gives them to what it
 * executes): forks. Returns in the child, which goes on as the supervisor and has only its own children; the caller
 * stays behind as what the world sees, passes signals on, and ends as the child ends. So whichever of the two is killed,
 * the other ends what is left. Returns NULL with *error when that fails.
 */
const struct stand_in *job_relay(struct llrun_error *error);
/* Dies by the signal that the command died of, or exits with its status. */
_Noreturn void job_leave(const struct job *job);

/*
 * run.c: all of a supervised run from the opened policy, `relay` as of job_relay() or NULL; `terminal`, or NULL: this
 * process leads the session of one. Returns only when nothing was started: the exit status, with *error.
 */
int run_supervised(struct run *run, struct audited *audited, const struct stand_in *relay,
		   const struct job_hooks *terminal, struct llrun_error *error);

/* Calls `use` with every number that is a name in an open directory of /proc. */
void each_number(int dir, void (*use)(void *context, int dir, uint32_t number), void *context);
/* "1234 5678 ": the children of a thread, the oldest first, from its process's /proc/PID/task; "" when they cannot be read. */
#define CHILDREN 4096 /* bytes of the list */
void read_children(int dir, uint32_t thread, char list[CHILDREN]);

#endif
