/* SPDX-License-Identifier: MIT */
/* The other function that a compiler may call on its own (runtime/mem.c): llrun copies nothing large enough. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	char *at = to;

#ifdef __x86_64__
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
#else
	for (size_t i = 0; i < size; i++)
		((volatile char *)at)[i] = ((const char *)from)[i];
#endif
	return to;
}
