/* SPDX-License-Identifier: MIT */
/*
 * Mounts at run time, in the workload's own mount namespace, which this process has joined: tmpfs and binds by mount(2),
 * and by the calls that pass descriptors; on the targets that the policy declares, and nowhere else.
 *
 * MUST mount on the object that was compared (a descriptor), never on a path.
 * MUST know a mount object by what it is, not by the number of its descriptor: those are closed, passed and used again.
 * MUST record what is mounted, changed and unmounted before it is (told.c): what the log does not take does not happen.
 */
#include "audit.h"
#include "broker.h"

#define MS_FLAGS (K_MS_RDONLY | K_MS_NOSUID | K_MS_NODEV | K_MS_NOEXEC)

static const char *text_of(const struct request *r, uint32_t string)
{
	return blob_str(&r->broker->job->policy->blob, string);
}

static enum verdict reply(struct request *r, long result)
{
	r->result = result;
	return REPLY;
}

static enum verdict give(struct request *r, long fd, int cloexec)
{
	r->fd = fd < 0 ? -1 : (int)fd;
	r->result = fd;
	r->fd_flags = cloexec ? K_O_CLOEXEC : 0;
	return fd < 0 ? REPLY : HAND_OVER;
}

/* As a result: the broker's own refusal, which the caller gets as EACCES, and the log as such. */
#define DENIED (-4096L)

#define COMMON                                                                                                       \
	AUDIT_NUMBER(PID, r->notif.pid), AUDIT_TEXT(OPERATION, operation),                                           \
		AUDIT_TEXT(PATH, e ? text_of(r, e->record->shown) : NULL),                                           \
		AUDIT_TEXT(OBJECT, e && e->record->kind == LLPB_B_OBJECT ? text_of(r, e->record->source) : NULL),    \
		AUDIT_TEXT(SOURCE, e && e->record->kind == LLPB_B_BIND ? text_of(r, e->record->source) : NULL),      \
		AUDIT_NUMBER(READ_ONLY, e && e->record->kind == LLPB_B_BIND                                          \
						? !!(e->record->flags & LLPB_B_READ_ONLY)                            \
						: AUDIT_NONE),                                                       \
		AUDIT_TEXT(DECISION, denied       ? "deny"                                                           \
				     : result < 0 ? "error"                                                          \
						  : "allow"),                                                        \
		AUDIT_ERRNO(result)
/* Returns `result`, or -EACCES where it is DENIED, or the log does not take the record. */
#define TELL(event, name)                                                                                            \
	static long tell_##name(struct request *r, const struct exception *e, long result)                           \
	{                                                                                                            \
		const char *operation = #name;                                                                       \
		int denied = result == DENIED;                                                                       \
		result = denied ? -K_EACCES : result;                                                                \
                                                                                                                     \
		return audit_event(r->broker->job->audit, event, COMMON) < 0 ? -K_EACCES : result;                   \
	}
typedef long teller(struct request *r, const struct exception *e, long result);
TELL(BROKER_FSOPEN, fsopen)
TELL(BROKER_FSCONFIG, fsconfig)
TELL(BROKER_FSMOUNT, fsmount)
TELL(BROKER_OPEN_TREE, open_tree)
TELL(BROKER_MOUNT, mount)
TELL(BROKER_MOVE_MOUNT, move_mount)
TELL(BROKER_MOUNT_SETATTR, mount_setattr)
TELL(BROKER_UMOUNT, umount)

/* ---- what is meant ---- */

/* Does the path of the policy lead to this object? Without links: they could be the command's. */
static int leads_to(const char *path, const struct file_id *id)
{
	const struct k_open_how how = {K_O_ANCHOR, 0, K_RESOLVE_NO_SYMLINKS};
	struct file_id found;
	long fd = SYS(openat2, K_AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0)
		return 0;
	int same = identify((int)fd, "", K_AT_EMPTY_PATH, &found) == 0 && same_object(&found, id) &&
		   found.mount == id->mount;
	SYS(close, fd);
	return same;
}

/* An exception of a kind whose path leads to `target`, and whose source to `source` (NULL: any). */
static struct exception *find(struct request *r, uint32_t kind, const struct file_id *target,
			      const struct file_id *source)
{
	for (uint32_t i = 0; i < r->broker->count; i++) {
		struct exception *e = &r->broker->exceptions[i];

		if (e->record->kind == kind && (!target || leads_to(text_of(r, e->record->path), target)) &&
		    (!source || leads_to(text_of(r, e->record->source), source)))
			return e;
	}
	return NULL;
}

static void leave_place(int fd)
{
	if (fd >= 0)
		SYS(close, fd);
}

/* A place that the caller names by directory and path; a descriptor in *fd, or -1. */
static int find_place(struct request *r, int dirfd, uint64_t address, char *path, int *fd, struct file_id *id)
{
	*fd = -1;
	if (copy_string(r, address, path, PATH_SIZE - 1) < 0 || !path[0])
		return -1;
	*fd = (int)lookup(r, dirfd, path, 0, 0);
	if (*fd >= 0 && identify(*fd, "", K_AT_EMPTY_PATH, id) == 0)
		return 0;
	leave_place(*fd);
	*fd = -1;
	return -1;
}

/* ---- what was mounted ---- */

/* Once: what a second mount covers could be reached no more, nor be unmounted. */
static int begin_mount(struct broker *broker, struct exception *e)
{
	spin_lock(&broker->lock);
	int free = !e->mounted && !e->mounting;
	e->mounting |= free;
	spin_unlock(&broker->lock);
	return free;
}

/*
 * From here on what lies in the mount is the command's: no rule of Landlock could be added for it. The mount is found
 * again by path and compared, not held open: it could not be unmounted.
 */
static void end_mount(struct broker *broker, struct exception *e, const struct file_id *id, int mounted)
{
	spin_lock(&broker->lock);
	if (mounted) {
		e->id = *id;
		__atomic_store_n(&broker->vague, 1, __ATOMIC_RELEASE);
		__atomic_store_n(&e->mounted, 1, __ATOMIC_RELEASE);
	}
	e->mounting = 0;
	spin_unlock(&broker->lock);
}

/* The mount is known by what it is before it is attached: its target's path may lead elsewhere a moment later. */
static long attach(struct request *r, long mount, int target, struct exception *e, teller *tell)
{
	const uint64_t flags = K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH;
	struct file_id id;
	long result = mount < 0 ? mount : identify((int)mount, "", K_AT_EMPTY_PATH, &id);
	int ours = result >= 0 && begin_mount(r->broker, e);

	result = tell(r, e, result >= 0 && !ours ? -K_EBUSY : result);
	if (ours && result >= 0) {
		result = SYS(move_mount, mount, "", target, "", flags);
		if (result < 0)
			tell(r, e, result);
	}
	if (ours)
		end_mount(r->broker, e, &id, result >= 0);
	if (mount >= 0)
		SYS(close, mount);
	return result;
}

static long set_attributes(long mount, uint64_t set)
{
	const struct k_mount_attr attr = {.set = set};

	return SYS(mount_setattr, mount, "", K_AT_EMPTY_PATH | K_AT_RECURSIVE, &attr, sizeof(attr));
}

/* A copy of the tree, attached nowhere. */
static long clone_tree(int source, int read_only)
{
	long mount = SYS(open_tree, source, "", K_OPEN_TREE_CLONE | K_O_CLOEXEC | K_AT_EMPTY_PATH | K_AT_RECURSIVE);
	long result = mount < 0 || !read_only ? 0 : set_attributes(mount, K_MOUNT_ATTR_RDONLY);

	if (result == 0)
		return mount;
	SYS(close, mount);
	return result;
}

/* Set-user-ID programs and devices have no place in what the command fills. */
static long new_filesystem(const char *type, uint64_t attrs)
{
	long context = SYS(fsopen, type, K_FSOPEN_CLOEXEC), result = context;

	if (context < 0)
		return context;
	if (streq(type, "tmpfs"))
		result = SYS(fsconfig, context, K_FSCONFIG_SET_STRING, "mode", "700", 0);
	if (result >= 0)
		result = SYS(fsconfig, context, K_FSCONFIG_CMD_CREATE, 0, 0, 0);
	if (result >= 0)
		result = SYS(fsmount, context, K_FSMOUNT_CLOEXEC, attrs | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV);
	SYS(close, context);
	return result;
}

/* ---- mount(2), umount2(2) ---- */

static enum verdict bind(struct request *r, int from, const struct file_id *source, int to,
			 const struct file_id *target, int read_only, teller *tell)
{
	struct exception *e = find(r, LLPB_B_BIND, target, source);

	if (!e)
		return LEAVE;
	long mount = clone_tree(from, read_only || e->record->flags & LLPB_B_READ_ONLY);
	return reply(r, attach(r, mount, to, e, tell));
}

/*
 * A call that no declared mount is made by, on the place of one: refused, so that the log has it. What is elsewhere is
 * left to the kernel.
 */
static enum verdict refuse_at(struct request *r, const struct file_id *target, teller *tell)
{
	for (uint32_t i = 0; i < r->broker->count; i++) {
		const struct exception *e = &r->broker->exceptions[i];

		if (names_mount(e->record->kind) && leads_to(text_of(r, e->record->path), target))
			return reply(r, tell(r, e, DENIED));
	}
	return LEAVE;
}

/* The file system of the type, or the bind, that is declared for the place; LEAVE: neither. */
static enum verdict mount_at(struct request *r, int to, const struct file_id *target)
{
	const uint64_t *args = r->notif.data.args;
	uint64_t flags = args[3] & ~(uint64_t)(K_MS_SILENT | K_MS_REC | K_MS_RELATIME);
	struct file_id source;
	enum verdict verdict = LEAVE;
	int from = -1;
	char type[32];

	if (args[4] && (copy_string(r, args[4], type, sizeof(type)) < 0 || type[0]))
		return LEAVE;
	if (flags & K_MS_BIND && !(flags & ~(uint64_t)(K_MS_BIND | MS_FLAGS))) {
		if (find_place(r, K_AT_FDCWD, args[0], r->path, &from, &source) == 0 && still_there(r))
			verdict = bind(r, from, &source, to, target, (flags & K_MS_RDONLY) != 0, tell_mount);
	} else if (!(flags & ~(uint64_t)MS_FLAGS) && copy_string(r, args[2], type, sizeof(type)) == 0 &&
		   streq(type, "tmpfs") && still_there(r)) {
		struct exception *e = find(r, LLPB_B_TMPFS, target, NULL);

		/* MS_* and MOUNT_ATTR_* agree on these four: include/uapi/linux/mount.h */
		if (e)
			verdict = reply(r, attach(r, new_filesystem("tmpfs", flags), to, e, tell_mount));
	}
	leave_place(from);
	return verdict;
}

enum verdict on_mount(struct request *r)
{
	struct file_id target;
	int to;

	if (find_place(r, K_AT_FDCWD, r->notif.data.args[1], r->other, &to, &target) < 0)
		return LEAVE;
	enum verdict verdict = mount_at(r, to, &target);
	if (verdict == LEAVE && still_there(r))
		verdict = refuse_at(r, &target, tell_mount);
	leave_place(to);
	return verdict;
}

/* In the directory that holds it, by its last name: a mount point cannot be renamed, the directory is ours to stand in. */
static long unmount(struct request *r, const struct exception *e, uint64_t flags)
{
	char *leaf;
	struct file_id id;

	append(r->other, PATH_SIZE, 0, text_of(r, e->record->path));
	for (leaf = r->other; *leaf; leaf++)
		;
	while (leaf[-1] != '/')
		leaf--;
	append(r->text, PATH_SIZE, 0, leaf);
	*leaf = 0;
	const struct k_open_how how = {K_O_ANCHOR | K_O_DIRECTORY, 0, K_RESOLVE_NO_SYMLINKS};
	long dir = SYS(openat2, K_AT_FDCWD, r->other, &how, sizeof(how));
	if (dir < 0)
		return tell_umount(r, e, dir);
	long result = SYS(fchdir, dir);
	SYS(close, dir);
	if (result == 0 && (identify(K_AT_FDCWD, r->text, K_AT_SYMLINK_NOFOLLOW, &id) < 0 || !is_mount(e, &id)))
		result = -K_EINVAL;
	result = tell_umount(r, e, result);
	if (result == 0) {
		result = SYS(umount2, r->text, flags | K_UMOUNT_NOFOLLOW);
		if (result < 0)
			tell_umount(r, e, result);
	}
	SYS(chdir, "/");
	return result;
}

enum verdict on_umount2(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	struct file_id id;
	int fd;

	if (find_place(r, K_AT_FDCWD, args[0], r->path, &fd, &id) < 0)
		return LEAVE;
	leave_place(fd);
	for (uint32_t i = 0; i < r->broker->count; i++) {
		struct exception *e = &r->broker->exceptions[i];

		if (!is_mount(e, &id))
			continue;
		if (args[1] & ~(uint64_t)(K_MNT_DETACH | K_UMOUNT_NOFOLLOW))
			return reply(r, tell_umount(r, e, DENIED));
		long result = unmount(r, e, args[1]);
		spin_lock(&r->broker->lock);
		e->mounted = result < 0;
		spin_unlock(&r->broker->lock);
		return reply(r, result);
	}
	return LEAVE;
}

/* ---- mount objects ---- */

/* A new token, in the oldest one's place. */
static long grant_lease(struct request *r, const struct exception *e, int kind, int mount)
{
	struct lease lease = {.exception = e, .kind = kind, .mount = mount}, old;
	long token = SYS(memfd_create, "llrund", K_MFD_CLOEXEC);
	long result = token < 0 ? token : identify((int)token, "", K_AT_EMPTY_PATH, &lease.id);

	if (result < 0) {
		leave_place((int)token);
		leave_place(mount);
		return result;
	}
	spin_lock(&r->broker->lock);
	struct lease *place = &r->broker->leases[r->broker->nleases++ % BROKER_LEASES];
	old = *place;
	*place = lease;
	spin_unlock(&r->broker->lock);
	if (old.exception && old.kind == LEASE_MOUNT)
		SYS(close, old.mount);
	return token;
}

static struct lease *lease_of(struct broker *broker, const struct file_id *id, int kind)
{
	for (uint32_t i = 0; i < BROKER_LEASES; i++)
		if (broker->leases[i].exception && broker->leases[i].kind == kind &&
		    same_object(&broker->leases[i].id, id))
			return &broker->leases[i];
	return NULL;
}

/* A token, which is nothing before it is handed over: where the log does not take the record it is not. */
static long told(struct request *r, const struct exception *e, long token, teller *tell)
{
	long result = tell(r, e, token);

	if (token >= 0 && result < 0)
		SYS(close, token);
	return result;
}

/* The identity of what one of the caller's descriptors is open on. */
static int token_id(struct request *r, int callers, struct file_id *id)
{
	char rest[20], digits[12];

	if (callers < 0)
		return -1;
	append(rest, sizeof(rest), append(rest, sizeof(rest), 0, "/fd/"), decimal(digits, (uint32_t)callers));
	long fd = open_proc(r, rest, K_O_PATH);
	int result = fd < 0 || !still_there(r) ? -1 : (int)identify((int)fd, "", K_AT_EMPTY_PATH, id);
	leave_place((int)fd);
	return result;
}

/* The lease of a descriptor of the caller's; it is good for `next` from here on. False: none of that kind. */
static int take_lease(struct request *r, int callers, int kind, int next, struct lease *taken)
{
	struct file_id id;

	if (token_id(r, callers, &id) < 0)
		return 0;
	spin_lock(&r->broker->lock);
	struct lease *lease = lease_of(r->broker, &id, kind);
	if (lease) {
		*taken = *lease;
		lease->kind = next;
	}
	spin_unlock(&r->broker->lock);
	return lease != NULL;
}

/* It was not used after all. */
static void return_lease(struct request *r, const struct lease *taken)
{
	spin_lock(&r->broker->lock);
	struct lease *lease = lease_of(r->broker, &taken->id, LEASE_USED);
	if (lease)
		lease->kind = taken->kind;
	spin_unlock(&r->broker->lock);
	if (!lease && taken->kind == LEASE_MOUNT)
		SYS(close, taken->mount);
}

enum verdict on_open_tree(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	uint32_t flags = (uint32_t)args[2], known = K_OPEN_TREE_CLONE | K_O_CLOEXEC | K_AT_RECURSIVE;
	enum verdict verdict = LEAVE;
	struct file_id id;
	int fd;

	if (flags & ~known || !(flags & K_OPEN_TREE_CLONE))
		return LEAVE;
	if (find_place(r, (int)args[0], args[1], r->path, &fd, &id) == 0) {
		struct exception *e = find(r, LLPB_B_BIND, NULL, &id);
		if (e && !(e->record->flags & LLPB_B_NO_FD)) {
			long mount = clone_tree(fd, (e->record->flags & LLPB_B_READ_ONLY) != 0);
			if (mount >= 0)
				mount = grant_lease(r, e, LEASE_MOUNT, (int)mount);
			verdict = give(r, told(r, e, mount, tell_open_tree), (flags & K_O_CLOEXEC) != 0);
		}
	}
	leave_place(fd);
	return verdict;
}

/* Another record of the same object or source may name the target. */
static struct exception *place_of(struct request *r, const struct exception *leased, const struct file_id *target)
{
	const char *source = text_of(r, leased->record->source);

	for (uint32_t i = 0; i < r->broker->count; i++) {
		struct exception *e = &r->broker->exceptions[i];

		if (e->record->kind == leased->record->kind && streq(text_of(r, e->record->source), source) &&
		    (e->record->flags & LLPB_B_READ_ONLY) == (leased->record->flags & LLPB_B_READ_ONLY) &&
		    leads_to(text_of(r, e->record->path), target))
			return e;
	}
	return NULL;
}

enum verdict on_move_mount(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	struct file_id source, target;
	enum verdict verdict = LEAVE;
	int from = -1, to = -1;

	if (args[4] == 0) { /* path to path: what it comes to is a bind */
		if (find_place(r, (int)args[0], args[1], r->path, &from, &source) == 0 &&
		    find_place(r, (int)args[2], args[3], r->other, &to, &target) == 0)
			verdict = bind(r, from, &source, to, &target, 0, tell_move_mount);
	} else if (args[4] == K_MOVE_MOUNT_F_EMPTY_PATH &&
		   find_place(r, (int)args[2], args[3], r->other, &to, &target) == 0) {
		struct lease lease;
		int leased = take_lease(r, (int)args[0], LEASE_MOUNT, LEASE_USED, &lease);
		struct exception *e = leased ? place_of(r, lease.exception, &target) : NULL;

		if (e) {
			verdict = reply(r, attach(r, lease.mount, to, e, tell_move_mount));
		} else if (leased) {
			return_lease(r, &lease);
			verdict = reply(r, tell_move_mount(r, lease.exception, DENIED));
		}
	}
	leave_place(from);
	leave_place(to);
	return verdict;
}

/* By the policy's name for it; the descriptor that is handed over stands for it, and can do nothing. */
enum verdict on_fsopen(struct request *r)
{
	const uint64_t *args = r->notif.data.args;

	if (args[1] & ~(uint64_t)K_FSOPEN_CLOEXEC || copy_string(r, args[0], r->path, 256) < 0 || !still_there(r))
		return LEAVE;
	for (uint32_t i = 0; i < r->broker->count; i++) {
		const struct exception *e = &r->broker->exceptions[i];

		if (e->record->kind != LLPB_B_OBJECT || e->record->flags & LLPB_B_NO_FD ||
		    !streq(text_of(r, e->record->source), r->path))
			continue;
		return give(r, told(r, e, grant_lease(r, e, LEASE_CONTEXT, -1), tell_fsopen),
			    (args[1] & K_FSOPEN_CLOEXEC) != 0);
	}
	return LEAVE;
}

/* Creation only, once: an object has no parameters but those of the policy. */
enum verdict on_fsconfig(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	int create = args[1] == K_FSCONFIG_CMD_CREATE && !args[2] && !args[3] && !args[4];
	long result = create ? 0 : DENIED;
	struct lease lease;

	if (!take_lease(r, (int)args[0], LEASE_CONTEXT, create ? LEASE_CREATED : LEASE_CONTEXT, &lease))
		return LEAVE;
	return reply(r, tell_fsconfig(r, lease.exception, result));
}

enum verdict on_fsmount(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	long mount = DENIED;
	struct lease lease;

	if (!take_lease(r, (int)args[0], LEASE_CREATED, LEASE_USED, &lease))
		return LEAVE;
	const struct exception *e = lease.exception;
	if (!(args[1] & ~(uint64_t)K_FSMOUNT_CLOEXEC) && !(args[2] & ~(uint64_t)e->record->attrs))
		mount = new_filesystem(text_of(r, e->record->type), args[2]);
	if (mount >= 0)
		mount = grant_lease(r, e, LEASE_MOUNT, (int)mount);
	return give(r, told(r, e, mount, tell_fsmount), (args[1] & K_FSMOUNT_CLOEXEC) != 0);
}

/* Attributes can be added to what was mounted here; never taken away. */
enum verdict on_mount_setattr(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	struct k_mount_attr attr;
	struct file_id id;
	int fd;

	if (args[2] || args[4] != sizeof(attr) || copy_bytes(r, args[3], &attr, sizeof(attr)) != (long)sizeof(attr) ||
	    find_place(r, (int)args[0], args[1], r->path, &fd, &id) < 0)
		return LEAVE;
	for (uint32_t i = 0; i < r->broker->count; i++) {
		const struct exception *e = &r->broker->exceptions[i];
		uint64_t may = e->record->kind == LLPB_B_OBJECT ? e->record->attrs : MS_FLAGS;

		if (!is_mount(e, &id))
			continue;
		int fine = !attr.clear && !attr.propagation && !attr.userns_fd && !(attr.set & ~may);
		long result = tell_mount_setattr(r, e, fine ? 0 : DENIED);
		if (result == 0) {
			result = set_attributes(fd, attr.set);
			if (result < 0)
				tell_mount_setattr(r, e, result);
		}
		leave_place(fd);
		return reply(r, result);
	}
	leave_place(fd);
	return LEAVE;
}
