/* SPDX-License-Identifier: MIT */
/*
 * llc-policy trace: run a command under its policy, see every call that fails, ask the decision engine which of them the
 * policy refused, say what would have to be granted.
 *
 *	trace.c			the command
 *	trace_watch.c		which calls, which errors: from the blob
 *	trace_run.c		the command's process, signals, ends
 *	trace_ptrace.c		observer without privileges
 *	trace_bpf.c		observer by llc-trace
 *	trace_ops.c		a failed call → operations, as `why` names them
 *	trace_judge.c		operations → refusals, counted
 *	trace_access.c		what permission bits refuse anyway
 *	trace_report.c		text and JSON
 *	trace_suggest.c		what to add, as TOML
 */
#ifndef COMPILER_TRACE_H
#define COMPILER_TRACE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#include "decide.h"
#include "trace/event.h"

struct arena;

/* ---- observation ---- */

/* A call that failed; valid until the sink returns. */
struct trace_event {
	struct trace_head head;
	const char
		*part[TRACE_PARTS]; /* NULL: there is none; strings are terminated, directories are absolute paths */
};

enum trace_backend { TRACE_AUTO, TRACE_EBPF, TRACE_PTRACE };

enum { EXIT_REFUSED = 125 }; /* of llrun and of trace: no command was started */

struct trace_run {
	const char *program; /* llrun */
	char *const *argv;
	int keep; /* a descriptor that it inherits; 0: none */
	struct trace_watch watch;
	bool filtered; /* a filter of the policy, or its broker, may refuse calls */
	void (*sigpipe)(int); /* what the command finds, as its caller left it */
	bool masked; /* signals are blocked here that are not for the command: it finds `mask` */
	sigset_t mask;
	void (*sink)(void *context, const struct trace_event *event);
	void *context;
	/* told when everything is ready, before the command starts; or NULL */
	void (*starts)(void *context);
	void *starts_context;
	/* results */
	pid_t command;
	bool ended; /* the command's own process; status is its wait status */
	int status;
	uint64_t lost; /* calls that were seen and could not be kept */
	uint64_t unfollowed; /* processes that could not be followed */
	bool blind; /* the observer ended before the command did */
};

/* trace_watch.c: for the filters of this plan on this architecture. */
void trace_watch(struct trace_run *run, const struct blob *blob, uint32_t plan, enum arch_id arch);

/*
 * Each runs the command to the end of its last process. Returns true when it ran, whatever became of it; false when it
 * was not started, with the reason in *why (static or of the arena).
 */
bool trace_by_ptrace(struct trace_run *run, struct arena *arena, const char **why);
bool trace_by_bpf(struct trace_run *run, struct arena *arena, const char **why);
/* What keeps llc-trace from observing here, or NULL; the sentence belongs to the arena. */
const char *trace_bpf_missing(struct arena *arena);

/* trace_run.c */

/* A process that waits for trace_go(), then calls prepare(context) and becomes run->program. -1 with errno. */
struct trace_child {
	pid_t pid;
	int go; /* writing end */
};
bool trace_fork(struct trace_run *run, struct trace_child *child, void (*prepare)(void *context), void *context);
void trace_go(const struct trace_run *run, struct trace_child *child);
/* Signals that end a command are its business while it runs: they are passed on, and the report still comes. */
void trace_signals(const struct trace_run *run);
/* Did a signal come that was meant for the command? Whoever sent it does not want it to be run again. */
bool trace_was_signalled(void);
/* A signal came after the command's own process had ended: what it left behind is not waited for any longer. */
bool trace_interrupted(void);
/* Take note of a wait status; true when it was the command's own process. */
bool trace_note_end(struct trace_run *run, pid_t pid, int status);
/* Is there a child of this process other than `except`? */
bool trace_has_children(pid_t except);

/* ---- operations ---- */

/* What a call wanted, in the words of `why`; a call may want several things. */
struct trace_op {
	struct operation op;
	bool absent; /* decided as if the path existed: a file that the call would have made, or that is gone by now */
	bool last; /* asked only where none of the others was refused */
	bool empties; /* OP_CREATE: with O_TRUNC, which the kernel asks about once the file is there: with the next run */
	const char *always; /* not NULL: no rule can allow it; why the policy is the reason */
};
#define TRACE_OPS 4
/* Strings belong to the arena. Returns how many; 0: nothing that Landlock could have refused. */
size_t trace_operations(struct arena *arena, enum arch_id arch, const struct trace_event *event,
			struct trace_op out[TRACE_OPS]);
/* The path as the kernel would find it: absolute, symbolic links of its directories followed, of itself too with
 * `follow`; as text where it does not exist any longer. */
const char *trace_resolve(struct arena *arena, const char *base, const char *path, bool follow);

/* ---- refusals ---- */

/* An operation that the policy refused, however often. Strings belong to the arena. */
struct refusal {
	const char *process; /* name of the program, as ps(1) shows it */
	const char *operation; /* in the words of `why` */
	const char *call; /* that was refused first, static; or NULL */
	const char *path; /* of a system call that names one, or NULL; in the operation otherwise */
	const char *program; /* that the process runs, or NULL */
	int err; /* what the process got; 0: it was killed, or got SIGSYS */
	enum decider by;
	const char *answer; /* lines of `why`: who denies, and by what */
	const char *hopeless; /* why no addition helps, or NULL */
	struct addition *additions;
	size_t nadditions;
	uint64_t count;
	struct operation op;
};

struct trial {
	struct arena *arena;
	const struct blob *blob;
	struct world *world;
	unsigned abi;
	enum arch_id arch;
	uint32_t plan;
	struct timespec began; /* what is younger was made by the command, or in its time */
	bool filtered;
	struct bpf_program program;
	/* told of each refusal when it is new; or NULL */
	void (*found)(void *context, const struct refusal *refusal);
	void *context;
	struct refusal **refusals;
	size_t n, cap;
	uint32_t *table; /* of refusals by what they are: index + 1 */
	size_t table_size;
	/* failed calls that the policy did not cause */
	uint64_t by_permissions; /* permission bits refuse them without it, too */
	uint64_t otherwise; /* anything else */
	uint64_t foreign; /* of another architecture: not looked into */
};

/* trace_judge.c: the sink of a struct trace_run; context is the trial. */
void trace_judge(void *context, const struct trace_event *event);
/* trace_access.c: would the operation have failed without a policy, for this user without these capabilities? */
bool trace_access_fails(const struct trace_op *op, uint64_t dropped_caps);
bool trace_has_cap(unsigned cap);

/* trace_report.c */
struct trace_summary {
	const char *backend; /* "eBPF", "ptrace" */
	const char *fallback; /* why not the other, or NULL */
	const struct trace_run *run;
};
void trace_put_refusal(FILE *out, const struct trial *trial, const struct refusal *refusal, bool counted);
void trace_put_text(FILE *out, const struct trial *trial, const struct trace_summary *summary);
bool trace_put_json(FILE *out, const struct trial *trial, const struct trace_summary *summary);
bool trace_put_json_refusal(FILE *out, const struct trial *trial, const struct refusal *refusal);

/* trace_suggest.c: what would have to be granted for all that was refused, in one run or several. */
struct suggestion;
struct policy_base;
struct compilation;
struct suggestion *suggestion_create(struct arena *arena);
/* Takes in what a trial has found; true when there was something new. The trial's world must still be open. */
bool suggestion_add(struct suggestion *s, const struct trial *trial);
/* Is there anything to add? */
bool suggestion_any(const struct suggestion *s);
/* The policy with all of it; see additions_apply(). */
bool suggestion_apply(const struct suggestion *s, struct policy_base *base, enum arch_id arch, struct compilation *c,
		      struct blob *out);
/* As a policy fragment, for the policy that `blob` was compiled from. */
void suggestion_put(FILE *out, struct suggestion *s, const struct blob *blob, unsigned abi);

#endif
