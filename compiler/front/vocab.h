/* SPDX-License-Identifier: MIT */
/* Lookups over the tables of schema/: words of the policy language and what they stand for. */
#ifndef COMPILER_VOCAB_H
#define COMPILER_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vocab {
	VOCAB_COMPAT,
	VOCAB_BUNDLE,
	VOCAB_FS, /* value: FS_RIGHT() bit */
	VOCAB_UDP,
	VOCAB_NET, /* value: NET_RIGHT() bit; TCP only, as in landlockd's format */
	VOCAB_SYSCALL, /* any system call of any architecture; value 0 */
	VOCAB_SLOT_TYPE,
	VOCAB_CAP, /* value: capability bit, or the set of "@dangerous" and "@all" */
	VOCAB_ABSOLUTE, /* any absolute path */
	VOCAB_FS_TYPE,
	VOCAB_MOUNT_ATTR,
	VOCAB_ADDFD_ACTION,
	VOCAB_ADDFD_MODE,
	VOCAB_BROKER_MODE,
	VOCAB_CALL, /* an element of a list of system calls; read by seccomp.c */
	VOCAB_ACTION, /* an action of a filter; read by seccomp.c */
	VOCAB_ARCH, /* value: enum arch_id */
	VOCAB_EXPECT, /* value: 1 allow, 0 deny */
	VOCAB_NAMESPACE, /* value: CLONE_NEW* */
	VOCAB_USER,
	VOCABS
};

/* What a word stands for; false when it is not in the vocabulary. value may be NULL. */
bool vocab_find(enum vocab vocab, const char *word, uint64_t *value);
/* All words, NULL-terminated; static. Empty for VOCAB_ABSOLUTE. */
const char *const *vocab_words(enum vocab vocab);
/* "right", "capability", …: for messages. */
const char *vocab_noun(enum vocab vocab);

/* Number of an error name such as "EPERM", or 0. */
unsigned errno_find(const char *name);
const char *const *errno_names(void);
/* Name of an error number, or NULL. */
const char *errno_name(unsigned number);

struct bundle_path {
	const char *bundle, *path;
	int group; /* enum path_group */
	bool optional;
	const char *why;
};
extern const struct bundle_path bundle_paths[];
extern const size_t bundle_paths_count;

/* Kernel release in which a Landlock ABI appeared, "5.13"; "" for 0. */
const char *abi_kernel(unsigned abi);

#endif
