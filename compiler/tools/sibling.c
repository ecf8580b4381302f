/* SPDX-License-Identifier: MIT */
/* Programs of this project that start each other; see sibling.h. */
#include "sibling.h"

#include <string.h>
#include <unistd.h>

#include "arena.h"

const char *sibling_program(struct arena *arena, const char *name, const char *directory)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;

	if (slash && n < (ssize_t)sizeof(self) - 1) {
		const char *path = arena_printf(arena, "%.*s/%s", (int)(slash - self), self, name);
		if (!access(path, F_OK))
			return path;
	}
	return arena_printf(arena, "%s/%s", directory, name);
}
