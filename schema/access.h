/* SPDX-License-Identifier: MIT */
/* Constants derived from access.def, abi.def and guarantees.def; usable by compiler, runtime and tests. */
#ifndef SCHEMA_ACCESS_H
#define SCHEMA_ACCESS_H

#include <stdint.h>

#define FILE_RIGHT(bit) (UINT64_C(1) << (bit))
#define DIR_RIGHT(bit)  UINT64_C(0)

enum {
#define LL_FS(name, bit, abi, kind, help) FS_##name##_BIT = bit,
#define LL_NET(name, bit, abi, help)      NET_##name##_BIT = bit,
#define LL_SCOPE(name, bit, abi, help)    SCOPE_##name##_BIT = bit,
#define LL_LOG(name, bit, abi, help)      LOG_##name##_BIT = bit,
#include "access.def"
};

#define FS_RIGHT(name)    (UINT64_C(1) << FS_##name##_BIT)
#define NET_RIGHT(name)   (UINT64_C(1) << NET_##name##_BIT)
#define SCOPE_RIGHT(name) (UINT64_C(1) << SCOPE_##name##_BIT)
#define LOG_FLAG(name)    (UINT32_C(1) << LOG_##name##_BIT)

/* Rights that a rule on a file may carry; every other fs right is directory-only (EINVAL on a file). */
#define FS_FILE_RIGHTS                                                                                               \
	(FS_RIGHT(execute) | FS_RIGHT(write_file) | FS_RIGHT(read_file) | FS_RIGHT(truncate) | FS_RIGHT(ioctl_dev) | \
	 FS_RIGHT(resolve_unix))

static inline uint64_t abi_fs_mask(unsigned level)
{
	uint64_t mask = 0;
#define LL_FS(name, bit, abi, kind, help)                                                                            \
	if (level >= (abi))                                                                                          \
		mask |= UINT64_C(1) << (bit);
#include "access.def"
	return mask;
}

static inline uint64_t abi_net_mask(unsigned level)
{
	uint64_t mask = 0;
#define LL_NET(name, bit, abi, help)                                                                                 \
	if (level >= (abi))                                                                                          \
		mask |= UINT64_C(1) << (bit);
#include "access.def"
	return mask;
}

static inline uint64_t abi_scope_mask(unsigned level)
{
	uint64_t mask = 0;
#define LL_SCOPE(name, bit, abi, help)                                                                               \
	if (level >= (abi))                                                                                          \
		mask |= UINT64_C(1) << (bit);
#include "access.def"
	return mask;
}

static inline uint32_t abi_log_mask(unsigned level)
{
	uint32_t mask = 0;
#define LL_LOG(name, bit, abi, help)                                                                                 \
	if (level >= (abi))                                                                                          \
		mask |= UINT32_C(1) << (bit);
#include "access.def"
	return mask;
}

enum {
#define LL_ABI(n, kernel, size, help) ABI_ROW_##n,
#include "abi.def"
	ABI_ROWS
};
#define ABI_NEWEST (ABI_ROWS - 1)

enum guarantee {
#define LL_GUARANTEE(id, name, kind, help) GUARANTEE_##id,
#include "guarantees.def"
	GUARANTEES
};

#endif
