/* SPDX-License-Identifier: MIT */
/* What an exception of [broker] grants: for the compiler, the tools that tell of it, and llrund, which keeps to it. */
#ifndef SCHEMA_GRANTS_H
#define SCHEMA_GRANTS_H

#include "llpb.h"

/* On a file that the exception covers, or on the names in a directory that it covers. */
enum {
	MAY_READ = 1 << 0,
	MAY_WRITE = 1 << 1,
	MAY_CREATE = 1 << 2,
	IN_SCRATCH = 1 << 3, /* names are made, moved and removed */
	IN_EXPORT = 1 << 4, /* files are published to it */
	MAY_REPLACE = 1 << 5, /* and over what is there */
	MAY_BITS = 6
};

/* `kind`: LLPB_B_READ and so on; flags: LLPB_B_TREE and so on. */
static inline int names_mount(uint32_t kind)
{
	return kind > LLPB_B_EXPORT;
}

/* Does it hold for everything beneath its path, too? */
static inline int covers_tree(uint32_t kind, uint32_t flags)
{
	return kind == LLPB_B_SCRATCH || kind == LLPB_B_EXPORT || flags & LLPB_B_TREE;
}

/* Of those that name files; the others grant a mount, and nothing before it is there. */
static inline uint32_t grants_of(uint32_t kind, uint32_t flags)
{
	uint32_t read = flags & LLPB_B_NO_READ ? 0 : MAY_READ, write = flags & LLPB_B_NO_WRITE ? 0 : MAY_WRITE;

	switch (kind) {
	case LLPB_B_READ:
		return MAY_READ;
	case LLPB_B_WRITE:
		return read | write | (flags & LLPB_B_CREATE ? MAY_CREATE : 0);
	case LLPB_B_SCRATCH:
		return read | write | (write ? MAY_CREATE : 0) | IN_SCRATCH;
	case LLPB_B_EXPORT:
		return IN_EXPORT | (flags & LLPB_B_OVERWRITE ? MAY_REPLACE : 0);
	default:
		return 0;
	}
}

#endif
