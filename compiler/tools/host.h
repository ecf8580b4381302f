/* SPDX-License-Identifier: MIT */
/*
 * What this kernel offers to this process, asked by system call and never by version: a distribution backports, a
 * container filters. Nothing here changes the calling process; what cannot be undone is tried in a child.
 */
#ifndef COMPILER_HOST_H
#define COMPILER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"

enum landlock_state {
	LANDLOCK_AVAILABLE,
	LANDLOCK_NOT_BUILT, /* ENOSYS, and nothing speaks for a filter */
	LANDLOCK_DISABLED, /* EOPNOTSUPP: built, not in lsm= */
	LANDLOCK_FILTERED, /* an error, although the kernel lists Landlock among its active LSMs */
	LANDLOCK_AMBIGUOUS, /* ENOSYS or EPERM under a seccomp filter */
	LANDLOCK_BROKEN, /* any other error */
};

#define HOST_TEXT 256

struct host {
	char release[HOST_TEXT], machine[HOST_TEXT];
	enum landlock_state landlock;
	int landlock_errno;
	unsigned abi; /* 0 without Landlock */
	uint64_t errata; /* bit n - 1: erratum n is fixed */
	bool errata_known;
	unsigned layers_left; /* rulesets that can still be stacked: 16 outside of any domain */
	char lsm[HOST_TEXT]; /* active LSMs, "" when securityfs is not readable */
	bool seccomp;
	int seccomp_errno;
	uint32_t actions; /* bit per row of host_actions */
	int filters; /* seccomp filters already in force here; -1: unknown */
	bool no_new_privs; /* already set */
	int no_new_privs_errno; /* 0: can be set */
	int userns_errno; /* 0: a user namespace can be made, and something be mounted in it */
	const char *userns_remedy; /* what would change that here; or NULL */
	int openat2_errno, close_range_errno;
	int yama; /* ptrace_scope, -1: no Yama */
	bool audit; /* the kernel has an audit log */
};

struct host_action {
	const char *name;
	uint32_t action;
};
#define HOST_ACTIONS 6
extern const struct host_action host_actions[HOST_ACTIONS];

void host_probe(struct host *host);
/* Landlock's ABI by system call: 0 when the kernel has none, -errno when the answer is none of these. */
long host_landlock_abi(void);
/* Install the program in a child: 0, or the error number; ENOMEM: too long together with those in force. */
int host_tries_filter(const struct bpf_program *program);
/* The architecture this process runs on, or ARCHES. */
enum arch_id host_arch(void);

#endif
