/* SPDX-License-Identifier: MIT */
/* What a compiler may call on its own even without a C library (GCC manual, "Standards"): aarch64's does, to clear a structure. */
#include <stddef.h>

void *memset(void *to, int byte, size_t size);

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = (char)byte; /* volatile: or this loop becomes a call of itself */
	return to;
}
