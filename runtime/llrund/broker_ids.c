/* SPDX-License-Identifier: MIT */
/*
 * Acting in a caller's place: its umask, and where processes of the run may have changed them, its ids and
 * capabilities. All of these belong to a thread: the kernel's calls, not a libc's, change one thread only. A thread of the
 * broker has a umask of its own, because it was started without CLONE_FS.
 */
#include "broker.h"
#include "status.h"

static const char *skip_blanks(const char *at)
{
	while (*at == '\t' || *at == ' ')
		at++;
	return at;
}

/* "Uid" real, effective, saved, file system. */
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

static int same(const char *one, const char *other, const char *name)
{
	return status_same(status_field(one, name), status_field(other, name));
}

static long set_ids(const char *status)
{
	uint32_t uid = last_id(status_field(status, "Uid")), gid = last_id(status_field(status, "Gid"));

	SYS(setfsgid, gid);
	SYS(setfsuid, uid);
	/* neither tells whether it succeeded: asked with an id that nobody has, they say which is set */
	return (uint32_t)SYS(setfsgid, -1) == gid && (uint32_t)SYS(setfsuid, -1) == uid ? 0 : -K_EPERM;
}

/* Capabilities that a process has over a user namespace of its own are none over files (capable_wrt_inode_uidgid()). */
static int has_own_users(const struct request *r)
{
	char path[32], digits[12];
	struct file_id its;

	append(path, sizeof(path), append(path, sizeof(path), 0, decimal(digits, r->notif.pid)), "/ns/user");
	return identify(r->broker->proc, path, 0, &its) < 0 || !still_there(r) ||
	       !same_object(&r->broker->users, &its);
}

/* From one to the other: groups need a capability, so they go first; ids take capabilities away, so these come last. */
static long become(const struct request *r, const char *from, const char *to)
{
	static const char *const labels[] = {"Uid", "Gid", "Groups"};
	uint64_t effective = status_number(to, "CapEff", 16);
	long result = effective == UINT64_MAX ? -K_EPERM : 0;

	for (uint32_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (!status_field(to, labels[i]))
			return -K_EPERM;
	if (result == 0 && !same(from, to, "Groups"))
		result = set_groups(status_field(to, "Groups"));
	if (result == 0 && !(same(from, to, "Uid") && same(from, to, "Gid")))
		result = set_ids(to);
	if (result == 0 && has_own_users(r))
		result = set_capabilities(0);
	else if (result == 0 && !same(from, to, "CapEff"))
		result = set_capabilities(effective);
	return result;
}

static long own_status(const struct request *r, char *status, size_t size)
{
	return status_read(SYS(openat, r->broker->proc, "thread-self/status", K_O_RDONLY | K_O_CLOEXEC), status,
			   size);
}

long act_as(struct request *r, int with_umask)
{
	int vary = (int)__atomic_load_n(&r->broker->ids_vary, __ATOMIC_ACQUIRE);
	char status[STATUS_SIZE], own[STATUS_SIZE];

	r->acts = 0;
	if (!with_umask && !vary)
		return 0;
	long result = status_read(open_proc(r, "/status", K_O_RDONLY), status, sizeof(status));
	if (result < 0)
		return result;
	uint64_t mask = status_number(status, "Umask", 8);
	if (!still_there(r) || mask == UINT64_MAX)
		return -K_ESRCH;
	SYS(umask, mask);
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
	    (!same(r->broker->status, status, "Groups") &&
	     set_groups(status_field(r->broker->status, "Groups")) < 0) ||
	    !same(r->broker->status, status, "Uid") || !same(r->broker->status, status, "Gid"))
		SYS(exit_group, 125);
}

long remember_self(struct broker *broker)
{
	long result = status_read(SYS(openat, broker->proc, "thread-self/status", K_O_RDONLY | K_O_CLOEXEC),
				  broker->status, sizeof(broker->status));

	return result < 0 ? result : identify(broker->proc, "thread-self/ns/user", 0, &broker->users);
}
