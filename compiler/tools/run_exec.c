/* SPDX-License-Identifier: MIT */
/* From the blob to llrun; see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "run.h"
#include "sibling.h"

/*
 * Nobody can change a sealed memfd, which is why llrun takes one whatever its mode. Descriptors 0 to 2 belong to the
 * command: where the caller left one of them closed, the blob must not be found there.
 */
static int seal_blob(const struct run *run)
{
	int fd = memfd_create("policy", MFD_ALLOW_SEALING), low = -1;

	if (fd >= 0 && fd <= STDERR_FILENO) {
		low = fd;
		fd = fcntl(low, F_DUPFD, STDERR_FILENO + 1);
		close(low);
	}
	for (size_t done = 0; fd >= 0 && done < run->c.blob_size;) {
		ssize_t n = write(fd, run->c.blob + done, run->c.blob_size - done);
		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return -1;
	return fd;
}

void run_exec(struct run *run)
{
	const char *path = sibling_program(run->c.arena, "llrun", LLC_BINDIR);
	int fd = seal_blob(run);
	size_t n = 0, words = 0;

	if (fd < 0) {
		run_say(run, RUN_ERROR, "the policy cannot be handed to llrun: memfd: %s", strerror(errno));
		return;
	}
	while (run->command[words])
		words++;
	const char **argv = arena_alloc(run->c.arena, (words + 8) * sizeof(*argv));
	argv[n++] = "llrun";
	if (run->level == RUN_ERROR)
		argv[n++] = "--quiet";
	argv[n++] = "--blob-fd";
	argv[n++] = arena_printf(run->c.arena, "%d", fd);
	argv[n++] = "--";
	memcpy(argv + n, run->command, (words + 1) * sizeof(*argv));
	run_say(run, RUN_INFO, "running %s by %s", run->command[0], path);
	fflush(NULL);
	/* what execve(2) takes are not pointers to const, for the sake of old programs; it changes nothing */
	execv(path, (char *const *)(void *)argv);
	run_say(run, RUN_ERROR, "%s: %s; llrun is installed beside llc-policy", path, strerror(errno));
	close(fd);
}
