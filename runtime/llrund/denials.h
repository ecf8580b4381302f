/* SPDX-License-Identifier: MIT */
/*
 * What Landlock denies the command, from the kernel's audit log into ours; and the rule that would have allowed it.
 *
 * The kernel multicasts its records to whoever holds CAP_AUDIT_READ (kernel/audit.c, audit_multicast_bind()). This only
 * listens: nothing of the host's auditing is changed.
 */
#ifndef RUNTIME_LLRUND_DENIALS_H
#define RUNTIME_LLRUND_DENIALS_H

#include "supervise.h"

/*
 * Before job_start(), with job->audit set: listens when that is permitted, and says in the log (kernel.log) whether.
 * Returns 0, or -1 with *error when memory is missing. job->denials stays NULL where there is nothing to listen to.
 */
int denials_open(struct job *job, struct llrun_error *error);
/* Reads what has arrived; for a watch. */
void denials_ready(struct job *job, int fd);
/* After the last process has ended: waits for the rest, a second at most, and closes. */
void denials_close(struct job *job);

/* ---- nearest.c ---- */

/* Where the policy's paths lead, looked up once. */
struct places {
	const struct policy *policy;
	const char **paths; /* by rule; NULL: not there */
};

/* Returns 0, or -1 with *error. Strings and array are never freed: they live as long as the run. */
int places_find(struct places *places, const struct policy *policy, const struct llrun_options *options,
		struct llrun_error *error);

/* Something denied: rights as bits of their kind, on a path or a port. */
struct denial {
	uint64_t fs, net, scope;
	const char *path; /* NULL: none */
	int64_t port; /* AUDIT_NONE: none */
};
/* What of the policy it was about. */
struct nearest {
	uint32_t layer; /* that does not grant it */
	int64_t source; /* record of the source map, or -1: no rule is near */
	const char *path; /* as the policy writes it, or NULL */
};
/* 1, or 0 when no layer is known to have done it. */
int nearest_rule(const struct places *places, const struct denial *denial, struct nearest *out);

#endif
