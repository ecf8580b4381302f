/* SPDX-License-Identifier: MIT */
/* Inside of doctor: its findings, and those who make them (doctor.c: host and blob; doctor_lock.c: the lock). */
#ifndef COMPILER_DOCTOR_H
#define COMPILER_DOCTOR_H

#include <stdbool.h>

#include "host.h"

enum finding_status {
	OK,
	NOTE, /* worth knowing; nothing is lost that the policy promises */
	MISSING /* the host lacks it */
};

struct finding {
	const char *code; /* stays the same from version to version */
	enum finding_status status;
	const char *found, *needed, *fix; /* the last two may be NULL */
};

struct doctor {
	struct arena *arena;
	struct host host;
	const struct blob *blob; /* or NULL */
	const char *blob_path; /* of the blob, or of the lock */
	bool lock_only;
	const char *sysroot; /* where a lock's files are looked for, or NULL */
	struct finding *findings;
	size_t count, cap;
	bool verbose; /* print every difference of a lock */
	bool cannot; /* a blob was given and cannot be enforced; or nothing could be */
	bool stale; /* a lock was given, and --update-lock would change it */
};

void doctor_find(struct doctor *d, const char *code, enum finding_status status, const char *found,
		 const char *needed, const char *fix);
/* A lock against this host, or the sysroot. False after an error was printed: it cannot be read. */
bool doctor_lock(struct doctor *d, const char *path);
/* The lock that the blob's source map names, if it lies beside the blob. */
void doctor_lock_of_blob(struct doctor *d);

#endif
