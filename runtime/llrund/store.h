/* SPDX-License-Identifier: MIT */
/* Text that stays: in a mapping of what it can need at most, of which only what is written takes memory. */
#ifndef RUNTIME_LLRUND_STORE_H
#define RUNTIME_LLRUND_STORE_H

#include "text.h"

struct store {
	char *at, *end;
};

/* A copy of the text, after the one before. It lives as long as the mapping. */
static inline const char *keep(struct store *store, const char *text)
{
	char *start = store->at;
	uint32_t room = (uint32_t)(store->end - start);

	store->at += append(start, room < PATH_SIZE ? room : PATH_SIZE, 0, text) + 1;
	return start;
}

#endif
