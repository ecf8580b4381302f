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

static const char *const compat_words[] = {"strict", "best-effort", NULL};
static const char *const udp_words[] = {"deny", "allow", NULL};
static const char *const slot_words[] = {"dir", "file", NULL};
static const char *const fs_type_words[] = {"tmpfs", "proc", NULL};
static const char *const attr_words[] = {"readonly", "nosuid", "nodev", "noexec", NULL};
static const char *const action_words[] = {"open", "open_tree", "scratch_open", "fsopen", "fsmount", NULL};
static const char *const mode_words[] = {"read", "write", NULL};
static const char *const arch_words[] = {"x86_64", "aarch64", "i386", "arm", "riscv64", "s390x", "ppc64le", NULL};
static const char *const no_words[] = {NULL};
static const char *const action_names[] = {
#define ACTION(name, value, data, lo, hi, help) #name,
#include "actions.def"
	NULL};
static const char *const fs_words[] = {
#define LL_FS(name, bit, abi, kind, help) #name,
#include "access.def"
	NULL};
static const char *const net_words[] = {
#define LL_NET(name, bit, abi, help) #name,
#include "access.def"
	NULL};
static const char *const cap_words[] = {
#define CAP(name, number, dangerous, why) #name,
#include "caps.def"
	"@dangerous", "@all", NULL};
static const char *const bundle_words[] = {
#define BUNDLE(name, help) #name,
#include "bundles.def"
	NULL};

static const struct {
	const char *const *words;
	const char *noun;
} vocabs[VOCABS] = {
	[VOCAB_COMPAT] = {compat_words, "compatibility mode"},
	[VOCAB_BUNDLE] = {bundle_words, "bundle"},
	[VOCAB_FS] = {fs_words, "file system right"},
	[VOCAB_UDP] = {udp_words, "setting of udp"},
	[VOCAB_NET] = {net_words, "network right"},
	[VOCAB_SYSCALL] = {NULL, "system call"},
	[VOCAB_SLOT_TYPE] = {slot_words, "slot type"},
	[VOCAB_CAP] = {cap_words, "capability"},
	[VOCAB_ABSOLUTE] = {no_words, "absolute path"},
	[VOCAB_FS_TYPE] = {fs_type_words, "file system type"},
	[VOCAB_MOUNT_ATTR] = {attr_words, "mount attribute"},
	[VOCAB_ADDFD_ACTION] = {action_words, "action"},
	[VOCAB_ADDFD_MODE] = {mode_words, "mode"},
	[VOCAB_CALL] = {NULL, "system call"},
	[VOCAB_ACTION] = {action_names, "action"},
	[VOCAB_ARCH] = {arch_words, "architecture"},
};

const char *const *vocab_words(enum vocab vocab)
{
	return vocab == VOCAB_SYSCALL || vocab == VOCAB_CALL ? syscall_names() : vocabs[vocab].words;
}

const char *vocab_noun(enum vocab vocab)
{
	return vocabs[vocab].noun;
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
