/* SPDX-License-Identifier: MIT */
/*
 * The audit log: JSON lines, one write each. events.def says what there is.
 *
 *	audit_event(audit, RUN_EXIT, AUDIT_NUMBER(PID, pid), AUDIT_NUMBER(STATUS, status));
 *
 * A NULL audit is a log that nobody asked for: everything succeeds and does nothing. Usable from several threads and
 * from forked children: order, sequence and failure are in memory that they share.
 */
#ifndef RUNTIME_LLRUND_AUDIT_H
#define RUNTIME_LLRUND_AUDIT_H

#include "launch.h"

enum audit_field {
#define FIELD(id, name, type, help) AUDIT_F_##id,
#include "llrund/events.def"
	AUDIT_FIELDS
};

enum audit_event {
#define EVENT(id, name, required, optional, help) AUDIT_E_##id,
#include "llrund/events.def"
	AUDIT_EVENTS
};

/* A member: its number (BOOL: 0 or 1), or its text; WORDS are words with spaces between them; a NAME is one
 * of this program's own words, at most 40 bytes, and never cut. Borrowed. */
struct audit_value {
	enum audit_field field;
	int64_t number;
	const char *text;
};
/* Optional members are left out when they are this, or NULL; a text that is always there becomes null. */
#define AUDIT_NONE INT64_MIN
#define AUDIT_NUMBER(id, value)                                                                                      \
	{                                                                                                            \
		.field = AUDIT_F_##id, .number = (value)                                                             \
	}
#define AUDIT_TEXT(id, value)                                                                                        \
	{                                                                                                            \
		.field = AUDIT_F_##id, .text = (value)                                                               \
	}
/* Of a system call's result: the error number, or nothing. */
#define AUDIT_ERRNO(result) AUDIT_NUMBER(ERRNO, (result) < 0 ? -(int64_t)(result) : AUDIT_NONE)

#define AUDIT_RECORD 4096 /* bytes of the longest record: PIPE_BUF, so that a pipe takes it whole or not at all */

struct audit_shared {
	uint32_t lock;
	uint32_t failed; /* a positive error number: a record could not be written */
	uint64_t seq;
	uint32_t reach; /* audit_check()'s child: what the command could do to the log */
};

struct audit {
	int fd; /* close-on-exec */
	struct audit_shared *shared;
	const char *destination; /* as given, for messages */
	char job_id[65];
	const char *policy; /* name, or NULL */
	char digest[65]; /* "" is null */
};

/*
 * Opens what `destination` names: "fd:N", "unix:PATH" (a stream or seqpacket socket), or else a file, which is made
 * (mode 0600) or appended to. `envp` is for LLRUND_JOB_ID. Returns 0, or -1 with *error.
 */
int audit_open(struct audit *audit, const char *destination, const char *const *envp, struct llrun_error *error);
/* Another job's records from here on. 0, or -1 with *error. */
int audit_job(struct audit *audit, const char *const *envp, struct llrun_error *error);
/* From here on records name the policy. The blob is borrowed. */
void audit_policy(struct audit *audit, const struct blob *blob);
/*
 * Refuses (-1, *error) a log that the command could write to: one that it has open, or a file that the policy lets it
 * write or replace; and a policy under which that cannot be tried. Before any thread is started; not to be asked of a
 * policy that is filled. `why` is shared memory, which *error may speak from; it is as it was when the result is 0.
 */
struct outcome;
int audit_check(const struct audit *audit, struct policy *policy, const struct llrun_options *options,
		struct outcome *why, struct llrun_error *error);
/* The same refusal, of what exceptions of a broker reach. Always -1. */
int audit_within_reach(const struct audit *audit, struct llrun_error *error);
/* The directory that holds the log, in *dir (O_PATH; -1: no path leads to the log). 0, or -1 with *error. */
int audit_dir(const struct audit *audit, int *dir, struct llrun_error *error);
/*
 * One record. Returns 0, or -1 when it, or one before, could not be written: then what it tells of must not happen, and
 * a run must end. Waits 5 seconds at most for a reader that is slow.
 */
int audit_write(struct audit *audit, enum audit_event event, const struct audit_value *values, size_t count);
/* Would a record hold all of these values, uncut? Always, where there is no log. */
int audit_fits(const struct audit *audit, enum audit_event event, const struct audit_value *values, size_t count);
#define audit_event(audit, event, ...)                                                                               \
	audit_write(audit, AUDIT_E_##event, (const struct audit_value[]){__VA_ARGS__},                               \
		    sizeof((const struct audit_value[]){__VA_ARGS__}) / sizeof(struct audit_value))

/* run.refused: *error as it was printed. */
int audit_refusal(struct audit *audit, const struct run *run, const struct llrun_error *error, int status);
/* What this kernel will enforce: everything but the path rules. */
int audit_grants(struct audit *audit, const struct policy *policy);

/* The policy with its log, for the path rules, which the child reports as it adds them. */
struct audited {
	struct policy policy; /* first: audit_rule() is given its address */
	struct audit *audit;
};
rule_report audit_rule;
/* The same for struct policy.mounted. */
int audit_mount(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error);

/* The error number of the record that could not be written, or 0. */
int audit_failed(const struct audit *audit);

#endif
