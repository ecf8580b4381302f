/* SPDX-License-Identifier: MIT */
/* Launchers without a wrapper program: the policy is applied in the caller's vfork child. */
#ifndef BENCH_EMBED_H
#define BENCH_EMBED_H

struct embed {
	const char *name;
	int skip; /* arguments before the target's */
	/* Once, in the parent. NULL or what went wrong. */
	const char *(*prepare)(char *const argv[]);
	/* In the child, which shares the parent's memory: no allocation, no libc state. 0 or an exit status. */
	int (*enter)(void);
};

const struct embed *embed_find(const char *name);

#endif
