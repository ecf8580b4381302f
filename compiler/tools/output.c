/* SPDX-License-Identifier: MIT */
/* Files written whole or not at all; see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

static bool complain(const char *command, const char *what, const char *path)
{
	say(stderr, "%s: %s %s: %s", command, what, path, strerror(errno));
	return false;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

static bool write_through(const char *command, const char *path, int fd, const void *bytes, size_t size)
{
	bool fine = fd >= 0 && write_all(fd, bytes, size);

	if (!fine)
		complain(command, fd < 0 ? "cannot open" : "cannot write", path);
	if (fd > STDERR_FILENO && close(fd) && fine)
		fine = complain(command, "cannot close", path);
	return fine;
}

/* After a crash the name leads to the old file or to the new one, whole: the directory need not be synced for that. */
static bool replace(const char *command, const char *path, const void *bytes, size_t size)
{
	size_t len = strlen(path);
	char *temporary = malloc(len + 8);
	bool fine = false;
	int fd;

	if (!temporary)
		return complain(command, "cannot write", path);
	memcpy(temporary, path, len);
	memcpy(temporary + len, ".XXXXXX", 8);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		complain(command, "cannot write beside", path);
		free(temporary);
		return false;
	}
	if (!write_all(fd, bytes, size) || fchmod(fd, 0644) || fsync(fd))
		complain(command, "cannot write", path);
	else if (rename(temporary, path))
		complain(command, "cannot replace", path);
	else
		fine = true;
	close(fd);
	if (!fine)
		unlink(temporary);
	free(temporary);
	return fine;
}

bool output_file(const char *command, const char *path, const void *bytes, size_t size)
{
	struct stat st;
	char *target;
	bool fine;

	if (!strcmp(path, "-"))
		return write_through(command, "standard output", STDOUT_FILENO, bytes, size);
	if (stat(path, &st))
		return errno == ENOENT ? replace(command, path, bytes, size)
				       : complain(command, "cannot write", path);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return complain(command, "cannot write", path);
	}
	if (!S_ISREG(st.st_mode))
		return write_through(command, path, open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), bytes, size);
	target = realpath(path, NULL);
	if (!target)
		return complain(command, "cannot write", path);
	fine = replace(command, target, bytes, size);
	free(target);
	return fine;
}
