/* SPDX-License-Identifier: MIT */
/* Programs of this project that start each other; see sibling.h. */
#include "sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
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

int sibling_bytes(const void *bytes, size_t size)
{
	int low = memfd_create("policy", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (low >= 0)
		close(low);
	for (size_t done = 0; fd >= 0 && done < size;) {
		ssize_t n = write(fd, (const char *)bytes + done, size - done);
		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && (lseek(fd, 0, SEEK_CUR) != (off_t)size ||
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))) {
		close(fd);
		fd = -1;
	}
	return fd;
}
