/* SPDX-License-Identifier: MIT */
/*
 * libllrun: run children under a compiled policy from inside a program.
 *
 *	llrun_prepare(&policy, blob, size, &options, &error);	once: verify, open the paths, fill the rulesets
 *	child = vfork();					for every child:
 *	if (child == 0 && llrun_enter(&policy, &error) == 0)
 *		execve(...);
 *
 * No function prints, exits, allocates from a heap, or refers to a symbol of a libc; all are async-signal-safe, so
 * that llrun_enter() may be called between vfork(2) and execve(2). They are raw system calls: errno is not touched.
 *
 * llrun_enter() restricts the calling thread and what it starts afterwards, not the other threads of the process
 * (landlock_restrict_self(2) and seccomp(2) without TSYNC work that way). It is meant for a child; a call in a process
 * with other threads leaves those unrestricted, and nothing can be undone. What it did before an error stays done: the
 * child must exit.
 */
#ifndef LLRUN_H
#define LLRUN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum llrun_code {
	LLRUN_OK,
	LLRUN_E_BLOB, /* text: what is wrong with the blob */
	LLRUN_E_ABI, /* as_abi is more than this kernel has */
	LLRUN_E_REFUSED, /* the policy refuses this kernel: llrun_uncovered() tells what would be lost */
	LLRUN_E_ARCH, /* the blob has no filter for this architecture */
	LLRUN_E_SLOT, /* text and object: the slot and what is wrong with its value */
	LLRUN_E_SYSCALL /* sys failed with err on object */
};

/* Everything is borrowed: string constants, the blob, the policy, or the caller's options. */
struct llrun_error {
	enum llrun_code code;
	int err; /* positive error number, or 0 */
	const char *text; /* a sentence without a dot, or NULL when sys and err say it */
	const char *sys; /* system call, or NULL */
	const char *object; /* path, port, slot or guarantee, or NULL; may hold any byte */
	const char *file; /* policy source, NULL when unknown */
	uint32_t line;
};

#define LLRUN_AS_ABI    (1u << 0) /* use as_abi */
#define LLRUN_LEAVE_FDS (1u << 1) /* leave up to 32 descriptors to close-on-exec: for callers about to exec */

/* All zero is a good default. */
struct llrun_options {
	/* NAME=PATH for slots with from = "arg", NULL-terminated, or NULL. PATH is absolute or relative to the current
	 * directory; its symlinks are followed. */
	const char *const *sets;
	const int
		*keep_fds; /* beside the policy's keep_fds; used by llrun_enter(), must live as long as the policy */
	const char *const *envp; /* for slots with from = "env:NAME"; NULL: all unset */
	uint32_t nkeep_fds;
	uint32_t flags;
	uint32_t as_abi; /* apply the plan of this Landlock ABI, at most the kernel's */
};

/* Opaque. Holds descriptors (close-on-exec) and pointers into the blob. Not to be copied. */
struct llrun_policy {
	uint64_t opaque[56];
};

/*
 * Policies with a broker, mounts, a root or namespaces are refused (LLRUN_E_BLOB): those are llrun's to make.
 *
 * Verify `size` bytes at `blob` (8-aligned; must stay unchanged as long as the policy is used), choose the plan for
 * this kernel, bind the slots, open every path and fill the rulesets. Returns 0, or -1 with *error filled and
 * (without LLRUN_LEAVE_FDS) no descriptor left open; llrun_release() is then not needed, and harmless. Needs 8 KiB of
 * stack and 4 bytes per path rule.
 *
 * Rulesets hold the files and directories that the paths named at this moment: prepare again when they are replaced.
 */
int llrun_prepare(struct llrun_policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		  struct llrun_error *error);

/*
 * Apply: umask, new session, no_new_privs, capabilities, Landlock layers, descriptors, system call filter last.
 * Returns 0, or -1 with *error filled (LLRUN_E_SYSCALL).
 */
int llrun_enter(const struct llrun_policy *policy, struct llrun_error *error);

/* Close what llrun_prepare() opened. The policy may then be prepared again. */
void llrun_release(struct llrun_policy *policy);

/*
 * The policy's environment from the caller's. llrun_env_size() is the number of pointers, the final NULL included,
 * that llrun_env_build() may write to `out`. Strings are borrowed from envp and from the blob.
 */
size_t llrun_env_size(const struct llrun_policy *policy, const char *const *envp);
void llrun_env_build(const struct llrun_policy *policy, const char *const *envp, const char **out);

/*
 * The guarantees of the policy that this kernel does not cover, one by one: start with *next = 0, call until it
 * returns 0. Each fills object (its name), text (what is lost), file and line. Valid after llrun_prepare() returned 0
 * or failed with LLRUN_E_REFUSED.
 */
int llrun_uncovered(const struct llrun_policy *policy, uint32_t *next, struct llrun_error *guarantee);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
