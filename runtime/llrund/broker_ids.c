/* SPDX-License-Identifier: MIT */
/*
 * Acting in a caller's place: its umask, and where processes of the run may have changed them, its ids and
 * capabilities. All of these belong to a thread: the kernel's calls, not a libc's, change one thread only. A thread of the
 * broker has a umask of its own, because it was started without CLONE_FS.
 */
#include "broker.h"

/* What /proc/PID/status says after a label, or NULL. */
static const char *status_line(const char *status, const char *label)
{
	for (const char *at = status; *at; at++)
		if ((at == status || at[-1] == '\n') && after_prefix(at, label))
			return after_prefix(at, label);
	return NULL;
}

static uint64_t in_base(const char *at, uint32_t base)
{
	uint64_t value = 0;

	for (;; at++) {
		uint32_t digit = *at >= '0' && *at <= '9'   ? (uint32_t)(*at - '0')
				 : *at >= 'a' && *at <= 'f' ? (uint32_t)(*at - 'a') + 10
							    : 99;
		if (digit >= base)
			return value;
		value = value * base + digit;
	}
}

static const char *skip_blanks(const char *at)
{
	while (*at == '\t' || *at == ' ')
		at++;
	return at;
}

/* "Uid:" real, effective, saved, file system. */
static uint32_t last_id(const char *line)
{
	uint32_t id = 0;

	line = skip_blanks(line);
	for (const char *next; (next = number(line, &id)) && *next != '\n' && *next; line = skip_blanks(next))
		;
	return id;
}

#define MAX_GROUPS 256

static long set_groups(const char *line)
{
	uint32_t groups[MAX_GROUPS], count = 0;

	line = skip_blanks(line);
	for (const char *next; count < MAX_GROUPS && (next = number(line, &groups[count])); count++)
		line = skip_blanks(next);
	return *line == '\n' ? SYS(setgroups, count, groups) : -K_EPERM;
}

static long set_capabilities(uint64_t effective)
{
	struct k_cap_header header = {.version = K_LINUX_CAPABILITY_VERSION_3};
	struct k_cap_data data[2];
	long result = SYS(capget, &header, data);

	if (result < 0)
		return result;
	for (uint32_t i = 0; i < 2; i++)
		data[i].sets[0] = data[i].sets[1] & (uint32_t)(effective >> 32 * i);
	return SYS(capset, &header, data);
}

/* Groups need a capability, so they go first; the ids take capabilities away, so these come last. */
static long become(const char *status)
{
	const char *uid = status_line(status, "Uid:"), *gid = status_line(status, "Gid:");
	const char *groups = status_line(status, "Groups:"), *caps = status_line(status, "CapEff:");

	if (!uid || !gid || !groups || !caps)
		return -K_EPERM;
	long result = set_groups(groups);
	SYS(setfsgid, last_id(gid));
	SYS(setfsuid, last_id(uid));
	/* neither tells whether it succeeded: asked with an id that nobody has, they say which is set */
	if ((uint32_t)SYS(setfsgid, -1) != last_id(gid) || (uint32_t)SYS(setfsuid, -1) != last_id(uid))
		return -K_EPERM;
	return result < 0 ? result : set_capabilities(in_base(skip_blanks(caps), 16));
}

static long read_status(const struct request *r, long fd, char *status, size_t size)
{
	(void)r;
	long got = fd < 0 ? fd : SYS(read, fd, status, size - 1);

	status[got < 0 ? 0 : got] = 0;
	if (fd >= 0)
		SYS(close, fd);
	return got;
}

long act_as(struct request *r, int with_umask)
{
	int vary = (int)__atomic_load_n(&r->broker->ids_vary, __ATOMIC_ACQUIRE);
	char status[PATH_SIZE];

	if (!with_umask && !vary)
		return 0;
	long result = read_status(r, open_proc(r, "/status", K_O_RDONLY), status, sizeof(status));
	if (result < 0)
		return result;
	const char *mask = status_line(status, "Umask:");
	if (!still_there(r) || !mask)
		return -K_ESRCH;
	SYS(umask, in_base(skip_blanks(mask), 8));
	return vary ? become(status) : 0;
}

/* Back again: what is permitted was kept, so nothing here can be refused. */
void act_as_self(struct request *r)
{
	char status[PATH_SIZE];

	if (!__atomic_load_n(&r->broker->ids_vary, __ATOMIC_ACQUIRE))
		return;
	set_capabilities(~UINT64_C(0));
	SYS(setfsuid, r->broker->uid);
	SYS(setfsgid, r->broker->gid);
	set_capabilities(~UINT64_C(0));
	if (read_status(r, SYS(openat, r->broker->proc, "self/status", K_O_RDONLY | K_O_CLOEXEC), status,
			sizeof(status)) > 0 &&
	    status_line(status, "Groups:"))
		set_groups(status_line(status, "Groups:"));
}
