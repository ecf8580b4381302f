/* SPDX-License-Identifier: MIT */
/* What the files of libllrun share, and llrun.c sees: the prepared policy and the steps of llrun_prepare(). */
#ifndef RUNTIME_ENTER_H
#define RUNTIME_ENTER_H

#include "blob.h"
#include "llrun.h"
#include "sys.h"
#include "text.h"

/* The content of struct llrun_policy, which callers only hold. */
struct policy {
	struct blob blob;
	const int *keep_fds;
	const struct llpb_filter *filter;
	uint32_t nkeep_fds;
	uint32_t host_abi;
	uint32_t abi; /* the one applied: host_abi or as_abi */
	uint32_t plan; /* the row of the blob: min(abi, newest) */
	uint32_t restrict_flags; /* the plan's; a supervisor may add to them */
	int rulesets[K_LANDLOCK_MAX_LAYERS]; /* -1: nothing to enforce */
	int root; /* where rules beneath the view's root are looked up; else AT_FDCWD */
	char number[12]; /* a port or an ABI, for an error */
	/* Installs the notify program and gives its listener to the broker, before the plan's filter; NULL: no broker. */
	int (*surrender)(const struct policy *policy, struct llrun_error *error);
	int channel; /* where surrender() sends it */
	/*
	 * Called for every record of the mount program, NULL: for none. With *error when `result` is negative; what it
	 * returns is the result from there on: 0 goes on without that mount.
	 */
	int (*mounted)(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error);
	/*
	 * Set on every mount of the host that the view shows: K_MOUNT_ATTR_RDONLY when nothing is to be run, so that no
	 * target is created but in file systems that end with the view.
	 */
	uint64_t host_attrs;
} __attribute__((may_alias));

_Static_assert(sizeof(struct policy) <= sizeof(struct llrun_policy), "opaque storage");

/* Called for every path rule: the rights granted; 0 with `missing` set when an optional path does not exist. */
typedef void rule_report(const struct policy *policy, uint32_t rule, uint64_t access, int missing);

/* Fill *error, without a position, and return -1. */
int fail(struct llrun_error *error, enum llrun_code code, const char *text, const char *object);
/* The same for the result of a system call when it is negative; else 0. */
int check_sys(struct llrun_error *error, const char *sys, long result, const char *object);

/* llrun_prepare() in two steps: verify and choose the plan; then open the paths and fill the rulesets. */
int policy_open(struct policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		struct llrun_error *error);
int policy_fill(struct policy *policy, const struct llrun_options *options, rule_report *report,
		struct llrun_error *error);

/* landlock.c; policy_fill() is there, too */
/* What a slot is bound to: a path, or "" when it has no value and no default. */
const char *slot_value(const struct blob *blob, const struct llpb_slot *slot, const struct llrun_options *options);
/* The descriptors of the blob's slots, -1 or less where an optional one is missing; *count of them are open, or might be. */
int bind_slots(const struct policy *policy, const struct llrun_options *options, int *slots, uint32_t *count,
	       struct llrun_error *error);
/* When result is negative: where the policy asks for what failed, an index of LLPB_S_SOURCE. Returns result. */
int blame(const struct blob *blob, struct llrun_error *error, uint32_t source, int result);
/* The path in `full`, the byte 0x01 replaced by the real user's number. */
const char *path_with_uid(char full[PATH_SIZE], const char *path);
int landlock_restrict(const struct policy *policy, struct llrun_error *error);

/* llrun.c, llrund/main.c: the first instruction after start.S; `stack` as the kernel made it */
_Noreturn void program_start(const uintptr_t *stack);

/* process.c */
int process_settings(const struct policy *policy, struct llrun_error *error);
/* Capabilities: bit n is the one of number n. */
int process_drop(uint64_t drop, struct llrun_error *error);
int process_close_fds(const struct policy *policy, struct llrun_error *error);
int process_filter(const struct policy *policy, struct llrun_error *error);
/* The lowest descriptor from `from` up that stays open, or UINT32_MAX. */
uint32_t process_kept(const struct policy *policy, uint32_t from);

#endif
