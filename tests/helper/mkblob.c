/* SPDX-License-Identifier: MIT */
/* mkblob OUTPUT < description: write the blob described on standard input (see tests/lib/mkblob.h), mode 0644. */
#include "mkblob.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char text[1 << 20];
	size_t len = fread(text, 1, sizeof(text) - 1, stdin), size;
	unsigned char *blob = mkblob(text, &size);
	int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;

	(void)len;
	if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, blob, size) != (ssize_t)size) {
		perror("mkblob");
		return 2;
	}
	free(blob);
	return 0;
}
