/* SPDX-License-Identifier: MIT */
/*
 * What dump and doctor both want to know about a compiled policy. Everything is computed from a struct blob that
 * blob_open() accepted, so from any bytes at all: nothing here trusts the compiler that wrote them.
 */
#ifndef COMPILER_INSPECT_H
#define COMPILER_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "blob.h"
#include "filter.h"

/* A blob in memory of its own. */
struct blob_file {
	struct blob blob;
	void *data;
};

/* Read and verify. Returns false after one line on stderr that begins with `command`; otherwise blob_unload(). */
bool blob_load(struct blob_file *file, const char *command, const char *path);
void blob_unload(struct blob_file *file);

/* Names by bit number or value; NULL when there is none. */
const char *fs_right_name(unsigned bit);
const char *net_right_name(unsigned bit);
const char *scope_name(unsigned bit);
const char *log_flag_name(unsigned bit);
const char *cap_name(unsigned number);
const char *mount_attr_name(unsigned bit); /* MOUNT_ATTR_* of a mount object */
const char *broker_kind_name(uint32_t kind);
const char *broker_flag_name(unsigned bit); /* LLPB_B_* */
const char *mechanism_name(uint8_t mechanism);
const char *companion_name(unsigned companion);
/* Of one bit of llpb_mount.spaces. */
const char *namespace_name(unsigned bit);
const char *mount_kind_name(uint32_t kind);
/* The row of an AUDIT_ARCH_* value, or ARCHES. */
enum arch_id arch_by_audit(uint32_t audit_arch);

/* A complete path as a policy would spell it, ${SLOT} and ${UID} included; longer ones begin with "…". */
#define PATH_TEXT_MAX 8192
const char *path_text(const struct blob *blob, uint32_t index, char text[PATH_TEXT_MAX]);
/* Did path_text() leave something out? */
bool path_text_cut(const char *text);

/* Index of the highest ABI the blob has a plan for. */
static inline uint32_t newest_plan(const struct blob *blob)
{
	return blob->nplans - 1;
}

static inline const struct k_landlock_ruleset_attr *ruleset_of(const struct blob *blob, uint32_t plan, uint32_t layer)
{
	return &blob->rulesets[plan * blob->nlayers + layer];
}

/* ---- companion filters ---- */

/* Is the filter part of what a plan installs? */
static inline bool has_companion(const struct blob *blob, uint32_t plan, unsigned companion)
{
	return blob->plans[plan].flags & LLPB_COMPANION(companion);
}

/* In [companions]: the policy asks for the filter, or (false in *value) refuses it. */
bool companion_said(const struct blob *blob, unsigned companion, bool *value);
/* Does a companion that every plan has answer the call so, whatever its arguments? */
bool companion_answers(const struct blob *blob, const char *call, uint32_t action);

/* ---- what a filter answers, whatever the arguments of the call ---- */

#define VERDICTS_MAX 8
struct verdicts {
	uint32_t action[VERDICTS_MAX]; /* distinct, in program order; more than one: arguments decide */
	size_t count;
	bool overflow;
};

struct bpf_scope {
	bool nr_known;
	uint32_t nr;
	uint32_t arch;
};

/*
 * Add to *out every value the program may return for a call within scope. Exact but for branches that contradict
 * each other on arguments. The program must pass bpf_valid().
 */
void filter_verdicts(const struct bpf_program *program, const struct bpf_scope *scope, struct verdicts *out);
/* The same where some arguments are known. */
struct bpf_args {
	unsigned known; /* bit n: value[n] is */
	uint64_t value[6];
};
void filter_verdicts_of(const struct bpf_program *program, const struct bpf_scope *scope, const struct bpf_args *args,
			struct verdicts *out);
/* The same for calls of every other architecture, and for numbers with the x32 bit. */
void filter_foreign(const struct bpf_program *program, uint32_t audit_arch, struct verdicts *out);
void filter_x32(const struct bpf_program *program, uint32_t audit_arch, struct verdicts *out);

/* The calls with a name that a program does not simply allow, by number. All members but the first two begin as zero. */
struct call_walk {
	const struct bpf_program *program;
	enum arch_id arch;
	uint32_t nr, next; /* nr: the number of the call that call_next() named */
	struct verdicts verdicts; /* what that one gets */
	struct verdicts unnamed; /* complete at the end: what numbers without a name get */
};
const char *call_next(struct call_walk *walk); /* NULL at the end */

/* Calls that may be allowed, and those among them whose answer the kernel keeps in its bitmap: it proves that arguments
 * do not matter (kernel/seccomp.c, seccomp_is_const_allow()) and then runs no program for them. */
struct constant_calls {
	size_t allowed, constant, nothers;
	uint16_t others[1024]; /* numbers of those that are not */
};
/* Does the jump's condition hold for the accumulator's value? */
bool jump_holds(const struct k_sock_filter *insn, uint32_t value);
void filter_constant(const struct bpf_program *program, enum arch_id arch, struct constant_calls *out);
/* "constant-time: N of M allowed calls; by arguments: …" and a newline. */
void put_constant(FILE *out, const struct bpf_program *program, enum arch_id arch);

/* For each instruction, the offset in struct seccomp_data that the accumulator was loaded from, or UINT32_MAX. */
void filter_operands(const struct bpf_program *program, uint32_t *offsets);
/* The program of a filter; false when it is not one the kernel would accept. */
bool filter_program(const struct blob *blob, const struct llpb_filter *filter, struct bpf_program *program);
/* "allow", "errno EPERM", "kill_process", …; the buffer is used for the unnamed ones. */
const char *action_text(uint32_t action, char buffer[32]);

/* System calls of any supported architecture have lower numbers. */
#define SYSCALL_NUMBERS 1024

#endif
