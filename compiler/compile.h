/* SPDX-License-Identifier: MIT */
/* The pipeline, once: text → tree → typed policy → checks → lowering → blob. Used by the commands, the tests, the
 * fuzzers and the benchmark. Prints nothing; what there is to say is in .diag. */
#ifndef COMPILER_COMPILE_H
#define COMPILER_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "lower.h"
#include "policy.h"

struct compilation {
	struct arena *arena;
	struct sources *sources;
	struct diag *diag;
	enum arch_id arches[ARCHES]; /* default: x86_64, aarch64 */
	size_t narches;
	struct policy_options policy_options;
	bool strip;
	bool exit_1; /* own failures of llrun exit 1: no key of the language, a matter of who compiles */
	const char *blob_path; /* where the blob will be written, for the checks; or NULL */
	/* results */
	struct policy *policy; /* or NULL */
	struct lowered *lowered; /* or NULL */
	uint8_t *blob; /* or NULL; belongs to the arena */
	size_t blob_size;
	bool cannot_enforce; /* the only fault: min_abi is lower than what the guarantees need */
};

void compilation_begin(struct compilation *c);
void compilation_end(struct compilation *c);
/* "x86_64,aarch64": false with *bad set (arena) when a name is unknown or repeated. */
bool compilation_arches(struct compilation *c, const char *list, const char **bad);
/* Up to the checks. False after errors. */
bool compilation_check(struct compilation *c, uint32_t file);
/* The rest, of a policy that was checked, and possibly changed since. */
bool compilation_lower(struct compilation *c);
/* All of it. False after errors. */
bool compilation_run(struct compilation *c, uint32_t file);

#endif
