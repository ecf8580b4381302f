/* SPDX-License-Identifier: MIT */
/*
 * POLICY.lock: what the programs of [command] need to start, as it was found on one system, with digests. It lies beside
 * POLICY.toml, is reviewed and committed with it, and is all that the compiler sees of that system: same policy, same
 * lock, same bytes. `compile --update-lock` writes it (tools/lock_update.c), `doctor` compares it (tools/lock_host.c).
 *
 * It is TOML in exactly one spelling: sorted, a line for each file. A lock that --update-lock would have spelled
 * otherwise was edited, and is refused.
 */
#ifndef COMPILER_LOCK_H
#define COMPILER_LOCK_H

#include "policy.h"

/* Where names of programs are looked up, in place of the caller's PATH. */
#define LOCK_PATH    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define LOCK_VERSION 1

struct lock_file {
	const char *path; /* absolute, without links */
	bool execute; /* else it is only read */
	const char *sha256; /* 64 digits; NULL: a file that changes with every installation, and may be missing */
	const char **programs; /* those that need it, sorted */
	size_t nprograms, programs_cap;
	const char *why; /* what it is, and whose: "library of /usr/bin/curl" */
	struct srcpos pos;
};

struct lock {
	/* what it was made for */
	const char *program;
	const char **dependencies; /* sorted, each once */
	size_t ndependencies;
	const char *library_path; /* LD_LIBRARY_PATH as [env] sets it, or NULL */
	const char *machine; /* whose programs they are: as --arch has it, or uname(2) */
	/* what it is made of */
	struct lock_file *files; /* by path, each once */
	size_t nfiles, files_cap;
};

/* POLICY.lock for POLICY.toml; NULL for a policy that is not a file. */
const char *lock_name(struct arena *arena, const char *policy);
/* What a lock for this policy begins with; files and machine are left empty. */
void lock_for_policy(const struct policy *policy, struct lock *lock);
/* A source that was read. False after errors were reported. */
bool lock_parse(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file, struct lock *lock);
/* The one spelling. */
const char *lock_text(struct arena *arena, const struct lock *lock, size_t *len);
/* Sorts the files, and the programs of each. */
void lock_sort(struct lock *lock);
/* Why a lock cannot hold such a path, or NULL. */
const char *lock_bad_path(const char *path);

#endif
