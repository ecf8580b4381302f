/* SPDX-License-Identifier: MIT */
/* Control groups: /proc/PID/cgroup has a line "0::/path" for version 2, beneath where that is mounted. */
#include "cgroup.h"

#include "kernel_run.h"
#include "sys.h"
#include "text.h"

static char mounted[256]; /* "": nowhere */
static char own[PATH_SIZE];
static uint64_t own_number; /* 0: not told */

static long read_file(const char *path, char *text, size_t size)
{
	long fd = SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC);
	long count = fd < 0 ? fd : SYS(read, fd, text, size - 1);

	text[count > 0 ? count : 0] = 0;
	if (fd >= 0)
		SYS(close, fd);
	return count;
}

/* The path behind "0::", without the newline; "" when there is none. */
static void group_of(const char *process, char group[PATH_SIZE])
{
	static const char prefix[] = "0::";
	char path[32], text[PATH_SIZE];
	uint32_t len = append(path, sizeof(path), append(path, sizeof(path), 0, "/proc/"), process);

	group[0] = text[0] = 0;
	append(path, sizeof(path), len, "/cgroup");
	if (read_file(path, text, sizeof(text)) < 0)
		return;
	for (const char *at = text; *at;) {
		const char *value = after_prefix(at, prefix);

		for (len = 0; value && value[len] && value[len] != '\n'; len++)
			group[len] = value[len];
		group[len] = 0;
		if (value)
			return;
		while (*at && *at++ != '\n')
			;
	}
}

/* A field of a line, fields being separated by one space; copied up to `size`. */
static void copy_field(char *out, uint32_t size, const char *line, uint32_t field)
{
	uint32_t len = 0;

	for (; *line && *line != '\n' && field; line++)
		field -= *line == ' ';
	while (len < size - 1 && line[len] && line[len] != ' ' && line[len] != '\n') {
		out[len] = line[len];
		len++;
	}
	out[len] = 0;
}

/* The group's number (of version 2), which newer kernels tell at a tenth of the price of its path; or 0. */
static uint64_t number_of(int pidfd)
{
	struct k_pidfd_info info = {.mask = K_PIDFD_INFO_CGROUPID};

	return SYS(ioctl, pidfd, K_PIDFD_GET_INFO, &info) == 0 && info.mask & K_PIDFD_INFO_CGROUPID ? info.cgroup : 0;
}

/* "36 35 98:0 /root /mounted/at options… - cgroup2 source options" */
void cgroup_init(void)
{
	static char text[65536];
	const char *line = text;
	long fd = SYS(openat, K_AT_FDCWD, "/proc/self/mountinfo", K_O_RDONLY | K_O_CLOEXEC), count = fd;

	/* a piece at a time; what is beyond the buffer is not looked at */
	for (size_t done = 0; count >= 0 && done < sizeof(text) - 1; done += (size_t)count) {
		count = SYS(read, fd, text + done, sizeof(text) - 1 - done);
		if (count == 0)
			break;
	}
	if (fd >= 0)
		SYS(close, fd);

	while (*line && !*mounted) {
		const char *at = line, *type = NULL;

		for (; *at && *at != '\n'; at++)
			type = type ? type : after_prefix(at, " - cgroup2 ");
		if (type)
			copy_field(mounted, sizeof(mounted), line, 4);
		line = at + (*at == '\n');
	}
	group_of("self", own);
	fd = SYS(pidfd_open, SYS(getpid, 0), 0);
	own_number = number_of((int)fd);
	if (fd >= 0)
		SYS(close, fd);
}

long cgroup_of(int pid, int pidfd)
{
	char digits[12], path[PATH_SIZE], group[PATH_SIZE];

	if (!*mounted || (own_number && number_of(pidfd) == own_number))
		return -1;
	group_of(decimal(digits, (uint32_t)pid), group);
	if (!*group || streq(group, own))
		return -1;
	append(path, sizeof(path), append(path, sizeof(path), 0, mounted), group);
	long fd = SYS(openat, K_AT_FDCWD, path, K_O_ANCHOR | K_O_DIRECTORY);
	return fd == -1 ? -K_EACCES : fd;
}
