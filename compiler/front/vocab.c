/* SPDX-License-Identifier: MIT */
/* Lookups over the tables of schema/; see vocab.h. Every array here is an expansion of one .def file. */
#include "vocab.h"

#include <string.h>

#include "access.h"
#include "filter.h"
#include "policy.h"

struct word {
	enum vocab vocab;
	const char *text;
	uint64_t value;
};

#define CAP(name, number, dangerous, why) | ((dangerous) ? UINT64_C(1) << (number) : 0)
static const uint64_t dangerous_caps = 0
#include "caps.def"
	;
#define CAP(name, number, dangerous, why) | UINT64_C(1) << (number)
static const uint64_t all_caps = 0
#include "caps.def"
	;

static const struct word words[] = {
#define WORD(vocab, text, value, help) {vocab, text, value},
#include "vocab.def"
#define LL_FS(name, bit, abi, kind, help) {VOCAB_FS, #name, UINT64_C(1) << (bit)},
#define LL_NET(name, bit, abi, help)      {VOCAB_NET, #name, UINT64_C(1) << (bit)},
#include "access.def"
#define CAP(name, number, dangerous, why) {VOCAB_CAP, #name, UINT64_C(1) << (number)},
#include "caps.def"
#define BUNDLE(name, help) {VOCAB_BUNDLE, #name, 0},
#include "bundles.def"
};

bool vocab_find(enum vocab vocab, const char *word, uint64_t *value)
{
	uint64_t found = 0;

	if (vocab == VOCAB_SYSCALL)
		return syscall_known(word);
	if (vocab == VOCAB_ABSOLUTE)
		return word[0] == '/';
	if (vocab == VOCAB_CALL || vocab == VOCAB_ACTION)
		return true; /* seccomp.c reads them, and says what is wrong */
	if (vocab == VOCAB_CAP && (!strcmp(word, "@dangerous") || !strcmp(word, "@all"))) {
		found = word[1] == 'd' ? dangerous_caps : all_caps;
	} else {
		size_t i = 0;
		while (i < sizeof(words) / sizeof(words[0]) &&
		       (words[i].vocab != vocab || strcmp(words[i].text, word)))
			i++;
		if (i == sizeof(words) / sizeof(words[0]))
			return false;
		found = words[i].value;
	}
	if (value)
		*value = found;
	return true;
}

static const char *const nouns[VOCABS] = {
	[VOCAB_COMPAT] = "compatibility mode",
	[VOCAB_BUNDLE] = "bundle",
	[VOCAB_FS] = "file system right",
	[VOCAB_UDP] = "setting of udp",
	[VOCAB_NET] = "network right",
	[VOCAB_SYSCALL] = "system call",
	[VOCAB_SLOT_TYPE] = "slot type",
	[VOCAB_CAP] = "capability",
	[VOCAB_ABSOLUTE] = "absolute path",
	[VOCAB_FS_TYPE] = "file system type",
	[VOCAB_MOUNT_ATTR] = "mount attribute",
	[VOCAB_ADDFD_ACTION] = "action",
	[VOCAB_ADDFD_MODE] = "mode",
	[VOCAB_BROKER_MODE] = "mode",
	[VOCAB_CALL] = "system call",
	[VOCAB_ACTION] = "action",
	[VOCAB_ARCH] = "architecture",
	[VOCAB_EXPECT] = "expectation",
	[VOCAB_NAMESPACE] = "namespace",
	[VOCAB_USER] = "user",
};

static const char *const action_names[] = {
#define ACTION(name, value, data, lo, hi, help) #name,
#include "actions.def"
	NULL};

/* The words of one vocabulary out of the table of all: gathered at each call, always the same. */
const char *const *vocab_words(enum vocab vocab)
{
	static const char *gathered[VOCABS][sizeof(words) / sizeof(words[0]) + 3];
	size_t n = 0;

	if (vocab == VOCAB_SYSCALL || vocab == VOCAB_CALL)
		return syscall_names();
	if (vocab == VOCAB_ACTION)
		return action_names;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].vocab == vocab)
			gathered[vocab][n++] = words[i].text;
	if (vocab == VOCAB_CAP) {
		gathered[vocab][n++] = "@dangerous";
		gathered[vocab][n++] = "@all";
	}
	return gathered[vocab];
}

const char *vocab_noun(enum vocab vocab)
{
	return nouns[vocab];
}

static const struct {
	const char *name;
	unsigned number;
} errnos[] = {
#define LL_ERRNO(name, number, help) {#name, number},
#include "errno.def"
};

static const char *const errno_list[] = {
#define LL_ERRNO(name, number, help) #name,
#include "errno.def"
	NULL};

unsigned errno_find(const char *name)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (!strcmp(errnos[i].name, name))
			return errnos[i].number;
	return 0;
}

const char *const *errno_names(void)
{
	return errno_list;
}

const char *errno_name(unsigned number)
{
	for (size_t i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (errnos[i].number == number)
			return errnos[i].name;
	return NULL;
}

#define RO  GROUP_RO
#define ROX GROUP_ROX
#define RW  GROUP_RW
const struct bundle_path bundle_paths[] = {
#define BUNDLE_PATH(bundle, path, group, optional, why) {#bundle, path, group, optional, why},
#include "bundles.def"
};
const size_t bundle_paths_count = sizeof(bundle_paths) / sizeof(bundle_paths[0]);

const char *abi_kernel(unsigned abi)
{
	static const char *const kernels[] = {
#define LL_ABI(n, kernel, size, help) kernel,
#include "abi.def"
	};
	return abi < sizeof(kernels) / sizeof(kernels[0]) ? kernels[abi] : "";
}
