/* SPDX-License-Identifier: MIT */
/* ELF files for tests: 64-bit, little-endian, a few hundred bytes, all that a loader looks at and nothing to run. */
#ifndef TESTS_MKELF_H
#define TESTS_MKELF_H

#include <stddef.h>
#include <stdint.h>

struct mkelf {
	uint16_t machine; /* 0: EM_X86_64 */
	uint16_t type; /* 0: ET_DYN */
	const char *interp, *soname, *rpath, *runpath, *auxiliary;
	const char *needed[6];
	const char *imports[4];
	uint64_t flags_1;
};

/* In malloc()ed memory of exactly its size. */
unsigned char *mkelf(const struct mkelf *elf, size_t *size);

#endif
