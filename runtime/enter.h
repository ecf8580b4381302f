/* SPDX-License-Identifier: MIT */
/* What the files of libllrun share, and llrun.c sees: the prepared policy and the steps of llrun_prepare(). */
#ifndef RUNTIME_ENTER_H
#define RUNTIME_ENTER_H

#include "blob.h"
#include "llrun.h"
#include "sys.h"

/* The content of struct llrun_policy, which callers only hold. */
struct policy {
	struct blob blob;
	const int *keep_fds;
	const struct llpb_filter *filter;
	uint32_t nkeep_fds;
	uint32_t host_abi;
	uint32_t abi;				/* the one applied: host_abi or as_abi */
	uint32_t plan;				/* the row of the blob: min(abi, newest) */
	int rulesets[K_LANDLOCK_MAX_LAYERS];	/* -1: nothing to enforce */
} __attribute__((may_alias));

_Static_assert(sizeof(struct policy) <= sizeof(struct llrun_policy), "opaque storage");

/* Called for every path rule: the rights granted; 0 with `missing` set when an optional path does not exist. */
typedef void rule_report(const struct policy *policy, uint32_t rule, uint64_t access, int missing);

/* Fill *error and return -1. `source` is an index in LLPB_S_SOURCE, or LLPB_NONE. */
int fail(const struct policy *policy, struct llrun_error *error, enum llrun_code code, const char *text,
	 const char *object, uint32_t source);
int fail_sys(const struct policy *policy, struct llrun_error *error, const char *sys, long result, const char *object,
	     uint32_t source);

/* llrun_prepare() in two steps: verify and choose the plan; then open the paths and fill the rulesets. */
int policy_open(struct policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		struct llrun_error *error);
int policy_fill(struct policy *policy, const struct llrun_options *options, rule_report *report,
		struct llrun_error *error);

/* landlock.c: the kernel's ABI, or a negative error number. */
long landlock_abi(void);
const char *decimal(char out[12], uint64_t number);
int landlock_fill(struct policy *policy, const struct llrun_options *options, rule_report *report,
		  struct llrun_error *error);
int landlock_restrict(const struct policy *policy, struct llrun_error *error);
void landlock_release(struct policy *policy);

/* process.c */
int process_session(const struct policy *policy, struct llrun_error *error);
int process_privileges(const struct policy *policy, struct llrun_error *error);
int process_close_fds(const struct policy *policy, struct llrun_error *error);
int process_filter(const struct policy *policy, struct llrun_error *error);
int process_keeps(const struct policy *policy, uint32_t fd);
/* Value of NAME in an environment (NULL: none), or NULL. */
const char *env_get(const char *const *envp, const char *name);

#endif
