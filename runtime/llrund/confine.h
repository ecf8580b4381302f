/* SPDX-License-Identifier: MIT */
/* Self-confinement of llrund's own processes: what a bug in them could be used for is what is listed, and no more. */
#ifndef LLRUND_CONFINE_H
#define LLRUND_CONFINE_H

#include "enter.h"

/*
 * A system call that is allowed: always, or when the low 32 bits of one argument, masked, have a value. Several rows
 * for one call are alternatives. Only arguments that the kernel takes as 32 bits (descriptors, flags, commands) can be
 * compared this way; of a wider one only bits that must be clear.
 */
struct confine_row {
	uint16_t nr;
	uint8_t any; /* allowed whatever its arguments */
	uint8_t arg;
	uint32_t mask, value;
};
#define CONFINE_ANY(name)                                                                                            \
	{                                                                                                            \
		.nr = NR_##name, .any = 1                                                                            \
	}
#define CONFINE_ARG(name, number, bits, is)                                                                          \
	{                                                                                                            \
		.nr = NR_##name, .arg = (number), .mask = (bits), .value = (is)                                      \
	}

#define CONFINE_MAX_ROWS 96

/*
 * Restrict the calling thread for good: not dumpable (nobody of the same user may trace it or read its memory), every
 * capability but `keep_caps` dropped, no_new_privs, and a filter that kills the process at any call that no row allows.
 * Rows of one call stand together. Threads started afterwards inherit all of it; the caller's other threads do not.
 * Returns 0, or -1 with *error filled; then the process must not go on.
 */
int confine(const struct confine_row *rows, uint32_t nrows, uint64_t keep_caps, struct llrun_error *error);

#endif
