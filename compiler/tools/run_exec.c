/* SPDX-License-Identifier: MIT */
/* From the blob to llrun; see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "run.h"
#include "sibling.h"

void run_exec(struct run *run)
{
	const char *path = sibling_program(run->c.arena, "llrun", LLC_BINDIR);
	int fd = sibling_bytes(run->c.blob, run->c.blob_size);
	size_t n = 0, words = 0;

	if (fd < 0 || fcntl(fd, F_SETFD, 0)) {
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
