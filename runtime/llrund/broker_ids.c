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

/* Do both say the same after a label? */
static int same_line(const char *one, const char *other, const char *label)
{
	one = status_line(one, label);
	other = status_line(other, label);
	while (one && other && *one == *other && *one && *one != '\n')
		one++, other++;
	return one && other && *one == *other;
}

static long set_ids(const char *status)
{
	uint32_t uid = last_id(status_line(status, "Uid:")), gid = last_id(status_line(status, "Gid:"));

	SYS(setfsgid, gid);
	SYS(setfsuid, uid);
	/* neither tells whether it succeeded: asked with an id that nobody has, they say which is set */
	return (uint32_t)SYS(setfsgid, -1) == gid && (uint32_t)SYS(setfsuid, -1) == uid ? 0 : -K_EPERM;
}

/* From one to the other: groups need a capability, so they go first; ids take capabilities away, so these come last. */
/* Capabilities that a process has over a user namespace of its own are none over files (capable_wrt_inode_uidgid()). */
static int has_own_users(const struct request *r)
{
	char path[32], digits[12];
	struct file_id own, its;

	append(path, sizeof(path), append(path, sizeof(path), 0, decimal(digits, r->notif.pid)), "/ns/user");
	return identify(r->broker->proc, "thread-self/ns/user", 0, &own) < 0 ||
	       identify(r->broker->proc, path, 0, &its) < 0 || !still_there(r) || !same_object(&own, &its);
}

static long become(const struct request *r, const char *from, const char *to)
{
	static const char *const labels[] = {"Uid:", "Gid:", "Groups:", "CapEff:"};
	long result = 0;

	for (uint32_t i = 0; i < 4; i++)
		if (!status_line(to, labels[i]))
			return -K_EPERM;
	if (!same_line(from, to, "Groups:"))
		result = set_groups(status_line(to, "Groups:"));
	if (result == 0 && !(same_line(from, to, "Uid:") && same_line(from, to, "Gid:")))
		result = set_ids(to);
	if (result == 0 && has_own_users(r))
		result = set_capabilities(0);
	else if (result == 0 && !same_line(from, to, "CapEff:"))
		result = set_capabilities(in_base(skip_blanks(status_line(to, "CapEff:")), 16));
	return result;
}

static long read_status(long fd, char *status, size_t size)
{
	long got = fd < 0 ? fd : SYS(read, fd, status, size - 1);

	status[got < 0 ? 0 : got] = 0;
	if (fd >= 0)
		SYS(close, fd);
	return got;
}

static long own_status(const struct request *r, char *status, size_t size)
{
	return read_status(SYS(openat, r->broker->proc, "thread-self/status", K_O_RDONLY | K_O_CLOEXEC), status,
			   size);
}

long act_as(struct request *r, int with_umask)
{
	int vary = (int)__atomic_load_n(&r->broker->ids_vary, __ATOMIC_ACQUIRE);
	char status[STATUS_SIZE], own[STATUS_SIZE];

	r->acts = 0;
	if (!with_umask && !vary)
		return 0;
	long result = read_status(open_proc(r, "/status", K_O_RDONLY), status, sizeof(status));
	if (result < 0)
		return result;
	const char *mask = status_line(status, "Umask:");
	if (!still_there(r) || !mask)
		return -K_ESRCH;
	SYS(umask, in_base(skip_blanks(mask), 8));
	if (!vary)
		return 0;
	result = own_status(r, own, sizeof(own));
	r->acts = 1;
	return result < 0 ? result : become(r, own, status);
}

/* Back again: what is permitted was kept. A thread that cannot be itself again must not go on. */
void act_as_self(struct request *r)
{
	char status[STATUS_SIZE];

	if (!r->acts)
		return;
	r->acts = 0;
	set_capabilities(~UINT64_C(0));
	SYS(setfsuid, r->broker->uid);
	SYS(setfsgid, r->broker->gid);
	set_capabilities(~UINT64_C(0));
	if (own_status(r, status, sizeof(status)) < 0 ||
	    (!same_line(r->broker->status, status, "Groups:") &&
	     set_groups(status_line(r->broker->status, "Groups:")) < 0) ||
	    !same_line(r->broker->status, status, "Uid:") || !same_line(r->broker->status, status, "Gid:"))
		SYS(exit_group, 125);
}

long remember_self(struct broker *broker)
{
	return read_status(SYS(openat, broker->proc, "thread-self/status", K_O_RDONLY | K_O_CLOEXEC), broker->status,
			   sizeof(broker->status));
}
