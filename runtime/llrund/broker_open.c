/* SPDX-License-Identifier: MIT */
/*
 * open(2), openat(2), openat2(2), creat(2), truncate(2).
 *
 * MUST open what was resolved and compared, not its path again.
 * MUST hand over nothing but regular files, directories, and devices that the policy names: the open of anything else
 * waits for others, and would hold a thread.
 */
#include "audit.h"
#include "broker.h"

/* What a descriptor opened so can do: with O_RDWR it reads, too, and O_TRUNC writes. */
static uint32_t needed(uint64_t flags)
{
	uint64_t mode = flags & K_O_ACCMODE;

	return (mode == K_O_WRONLY ? 0 : MAY_READ) | (mode != K_O_RDONLY || flags & K_O_TRUNC ? MAY_WRITE : 0);
}

static const char *operation_of(uint64_t flags)
{
	static const char *const names[] = {"read", "write", "read_write", "unknown"};

	return flags & K_O_CREAT ? "create" : names[flags & K_O_ACCMODE];
}

static enum verdict give(struct request *r, uint64_t flags, long fd)
{
	r->fd = fd < 0 ? -1 : (int)fd;
	r->result = fd;
	r->fd_flags = flags & K_O_CLOEXEC ? K_O_CLOEXEC : 0;
	r->writes = (flags & K_O_ACCMODE) != K_O_RDONLY;
	return fd < 0 ? REPLY : HAND_OVER;
}

/* What happened; a record that cannot be written undoes it. */
static enum verdict opened(struct request *r, const char *call, uint64_t flags, const char *scope, long fd)
{
	struct audit *audit = r->broker->job->audit;

	if (audit && audit_event(audit, BROKER_OPEN, AUDIT_NUMBER(PID, r->notif.pid), AUDIT_TEXT(SYSCALL, call),
				 AUDIT_TEXT(SCOPE, scope), AUDIT_TEXT(OPERATION, operation_of(flags)),
				 AUDIT_TEXT(PATH, fd < 0 ? r->path : show(r, (int)fd)),
				 AUDIT_TEXT(DECISION, fd < 0 ? "error" : "allow"), AUDIT_ERRNO(fd)) < 0) {
		if (fd >= 0)
			SYS(close, fd);
		return give(r, flags, -K_EACCES);
	}
	return give(r, flags, fd);
}

/* Of an open that changes something, and cannot be undone: told before and, when it fails, afterwards. */
static struct told told_of(const char *call, uint64_t flags, const char *scope, const char *path)
{
	return (struct told){AUDIT_E_BROKER_OPEN,          operation_of(flags), scope, call,
			     {AUDIT_F_PATH, AUDIT_FIELDS}, {path, NULL}};
}

/* Of an object named by the policy that this call may not have: the kernel decides, but the log knows. */
static enum verdict refused(struct request *r, const char *call, int object, uint64_t flags)
{
	audit_event(r->broker->job->audit, BROKER_OPEN, AUDIT_NUMBER(PID, r->notif.pid), AUDIT_TEXT(SYSCALL, call),
		    AUDIT_TEXT(SCOPE, "exception"), AUDIT_TEXT(OPERATION, operation_of(flags)),
		    AUDIT_TEXT(PATH, show(r, object)), AUDIT_TEXT(DECISION, "deny"), AUDIT_NUMBER(ERRNO, K_EACCES));
	return LEAVE;
}

static const char *scope_of(uint32_t grants)
{
	return grants & IN_SCRATCH ? "scratch" : "exception";
}

/* Through our own descriptor: the object that was compared, whatever its name stands for by now. */
static long reopen(struct request *r, int fd, uint64_t flags)
{
	char number[12];

	return SYS(openat, r->broker->self, decimal(number, (uint32_t)fd),
		   (flags & ~(uint64_t)(K_O_CREAT | K_O_EXCL | K_O_NOFOLLOW)) | K_O_CLOEXEC | K_O_NOCTTY);
}

/* Waiting is the caller's to do, not ours; it gets what it asked for. */
static long reopen_device(struct request *r, int fd, uint64_t flags)
{
	long opened_ = reopen(r, fd, flags | K_O_NONBLOCK);

	if (opened_ >= 0 && !(flags & K_O_NONBLOCK))
		SYS(fcntl, opened_, K_F_SETFL, SYS(fcntl, opened_, K_F_GETFL) & ~K_O_NONBLOCK);
	return opened_;
}

/* ---- files made just now that have no name ---- */

static void note_made(struct broker *broker, int fd)
{
	struct file_id id;

	if (identify(fd, "", K_AT_EMPTY_PATH, &id) < 0)
		return;
	spin_lock(&broker->lock);
	broker->made[broker->nmade++ % BROKER_MADE] = id;
	spin_unlock(&broker->lock);
}

static enum verdict open_unnamed(struct request *r, const char *call, int dir, const struct k_open_how *how)
{
	struct file_id id;
	struct k_open_how real = {how->flags | K_O_CLOEXEC, how->mode & 07777, K_RESOLVE_BENEATH};

	if (identify(dir, "", K_AT_EMPTY_PATH, &id) < 0 ||
	    (needed(how->flags) | MAY_CREATE) & ~granted(r, dir, &id, NULL))
		return LEAVE;
	long fd = act_as(r, 1);
	fd = fd < 0 ? fd : SYS(openat2, dir, ".", &real, sizeof(real));
	act_as_self(r);
	if (fd >= 0)
		note_made(r->broker, (int)fd);
	return opened(r, call, how->flags | K_O_CREAT, "scratch", fd);
}

/* ---- files that exist ---- */

static enum verdict open_truncating(struct request *r, const char *call, int object, uint64_t flags,
				    const char *scope)
{
	const struct told told = told_of(call, flags, scope, show(r, object));
	long fd = act_as(r, 0);

	fd = tell_before(r, &told, fd);
	if (fd == 0)
		fd = tell_after(r, &told, reopen(r, object, flags));
	act_as_self(r);
	return give(r, flags, fd);
}

static enum verdict open_object(struct request *r, const char *call, int object, const struct k_open_how *how)
{
	const struct exception *which = NULL;
	struct file_id id;

	if (identify(object, "", K_AT_EMPTY_PATH, &id) < 0)
		return LEAVE;
	uint32_t type = id.mode & K_S_IFMT;
	if (type != K_S_IFREG && type != K_S_IFDIR && type != K_S_IFCHR)
		return LEAVE;
	uint32_t grants = granted(r, object, &id, &which);
	uint64_t flags = how->flags & ~(uint64_t)K_O_CREAT;
	int named = which && !(which->record->flags & LLPB_B_TREE) && which->record->kind <= LLPB_B_WRITE;
	if (!grants || (type == K_S_IFDIR && how->flags & K_O_CREAT) || (type == K_S_IFCHR && !named))
		return LEAVE;
	if (needed(flags) & ~grants)
		return grants & IN_EXPORT ? LEAVE : refused(r, call, object, flags);
	if (flags & K_O_TRUNC && type == K_S_IFREG)
		return open_truncating(r, call, object, flags | (how->flags & K_O_CLOEXEC), scope_of(grants));
	long fd = act_as(r, 0);
	fd = fd < 0 ? fd : type == K_S_IFCHR ? reopen_device(r, object, flags) : reopen(r, object, flags);
	act_as_self(r);
	return opened(r, call, flags | (how->flags & K_O_CLOEXEC), scope_of(grants), fd);
}

/* ---- files that do not ---- */

/*
 * Something else may stand there by now, put by another thread of the caller: no link is followed, a FIFO does not
 * block, and what is no regular file is not handed over.
 */
static long create(struct request *r, const struct told *told, int dir, const char *leaf,
		   const struct k_open_how *how)
{
	const struct k_open_how real = {how->flags | K_O_CLOEXEC | K_O_NOFOLLOW | K_O_NOCTTY | K_O_NONBLOCK,
					how->mode & 07777, K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS};
	struct file_id id;
	long fd = act_as(r, 1);

	fd = tell_before(r, told, fd);
	if (fd == 0)
		fd = tell_after(r, told, SYS(openat2, dir, leaf, &real, sizeof(real)));
	act_as_self(r);
	if (fd < 0)
		return fd;
	if (identify((int)fd, "", K_AT_EMPTY_PATH, &id) < 0 || (id.mode & K_S_IFMT) != K_S_IFREG) {
		SYS(close, fd);
		return tell_after(r, told, -K_EACCES);
	}
	if (!(how->flags & K_O_NONBLOCK))
		SYS(fcntl, fd, K_F_SETFL, SYS(fcntl, fd, K_F_GETFL) & ~K_O_NONBLOCK);
	return fd;
}

/* A link that leads nowhere would be created through by the kernel: left to it. */
static enum verdict open_new(struct request *r, const char *call, int dirfd, const struct k_open_how *how)
{
	char *leaf, *end;
	long dir, fd;

	append(r->other, PATH_SIZE, 0, r->path);
	dir = how->resolve & (K_RESOLVE_BENEATH | K_RESOLVE_IN_ROOT) ? -K_EXDEV
								     : lookup_parent(r, dirfd, r->other, &leaf);
	if (dir < 0)
		return LEAVE;
	for (end = leaf; *end; end++)
		;
	uint32_t grants = end[-1] == '/' ? 0 : granted_new(r, (int)dir, leaf);
	const char *name = told_name(r, (int)dir, leaf, 0);
	const struct told told = told_of(call, how->flags, scope_of(grants), name);
	fd = !((needed(how->flags) | MAY_CREATE) & ~grants) ? create(r, &told, (int)dir, leaf, how) : -K_ELOOP;
	SYS(close, dir);
	return fd == -K_ELOOP ? LEAVE : give(r, how->flags, fd);
}

/* ---- any ---- */

/* The kernel's own answers to what no file could be opened with: fs/open.c, build_open_flags(). */
static int is_odd(const struct k_open_how *how)
{
	const uint64_t unnamed = K_O_TMPFILE | K_O_DIRECTORY;

	return how->flags & K_O_PATH || (how->flags & K_O_ACCMODE) == K_O_ACCMODE ||
	       how->resolve & ~(uint64_t)K_RESOLVE_VALID || how->flags & ~(uint64_t)K_O_VALID ||
	       (how->flags & K_O_TMPFILE && (how->flags & unnamed) != unnamed) ||
	       (how->flags & K_O_CREAT && how->flags & K_O_DIRECTORY) || how->mode & ~UINT64_C(07777);
}

/* Regular and exact, with all that is asked for. */
static int opens_plainly(const struct exception *e, uint32_t needs)
{
	return e->plain && !(needs & ~e->plain);
}

/*
 * An exception by the very path that it is known by. What stands there by now may be a FIFO: the open of one waits, and
 * that of a file under a lease, which is left to the long way. Returns whether that has decided.
 */
static int open_exact(struct request *r, const char *call, const struct k_open_how *how, enum verdict *verdict)
{
	/* of the kind that needs no look at anything else */
	const uint64_t plain = K_O_ACCMODE | K_O_CLOEXEC | K_O_LARGEFILE | K_O_NONBLOCK | K_O_NOCTTY | K_O_NOFOLLOW;
	const struct k_open_how real = {how->flags | K_O_CLOEXEC | K_O_NOCTTY | K_O_NONBLOCK, 0,
					K_RESOLVE_NO_SYMLINKS};
	const struct broker *broker = r->broker;
	const struct exception *e = broker->exceptions, *end = how->flags & ~plain ? e : e + broker->count;
	uint32_t needs = needed(how->flags);
	struct file_id id;

	while (e < end && !(opens_plainly(e, needs) && streq(e->path, r->path)))
		e++;
	if (e == end || __atomic_load_n(&broker->ids_vary, __ATOMIC_ACQUIRE))
		return 0;
	*verdict = GONE;
	if (!still_there(r))
		return 1;
	long fd = SYS(openat2, K_AT_FDCWD, r->path, &real, sizeof(real));
	if (fd < 0)
		return 0;
	if (identify((int)fd, "", K_AT_EMPTY_PATH, &id) == 0 && same_object(&id, &e->id)) {
		if (!(how->flags & K_O_NONBLOCK))
			SYS(fcntl, fd, K_F_SETFL, 0);
		*verdict = opened(r, call, how->flags, "exception", fd);
		return 1;
	}
	SYS(close, fd);
	return 0;
}

/* "/a/b", not "/a//b", "/a/./b", "/a/../b". */
static int is_normal(const char *path)
{
	for (; *path; path++)
		if (*path == '/' && (path[1] == '/' || path[1] == '.'))
			return 0;
	return 1;
}

static int is_name_outside(const struct broker *broker, const char *name)
{
	for (uint32_t i = 0; i < broker->count; i++) {
		const struct exception *e = &broker->exceptions[i];

		if (e->fd >= 0 && is_tree(e) && rest_within(name, e->path))
			return 0;
	}
	return 1;
}

/* Does a path lead to where it says, or nowhere? A directory is asked for: what is none is no descriptor to close. */
static int has_no_links(const char *path)
{
	const struct k_open_how how = {K_O_ANCHOR | K_O_DIRECTORY, 0, K_RESOLVE_NO_SYMLINKS};
	long fd = is_normal(path) ? SYS(openat2, K_AT_FDCWD, path, &how, sizeof(how)) : -K_ELOOP;

	if (fd >= 0)
		SYS(close, fd);
	return fd >= 0 || fd == -K_ENOTDIR || fd == -K_ENOENT;
}

/*
 * Does an absolute path surely lead into none of the trees? granted() goes by the kernel's name of the object: the path
 * itself, where no link is on the way.
 */
static int is_outside(struct request *r, const struct k_open_how *how)
{
	const struct k_open_how follow = {K_O_ANCHOR | (how->flags & K_O_NOFOLLOW), 0, K_RESOLVE_NO_MAGICLINKS};
	const struct broker *broker = r->broker;

	if (!broker->trees)
		return 1;
	if (!is_name_outside(broker, r->path))
		return 0;
	if (has_no_links(r->path))
		return 1;
	long fd = SYS(openat2, K_AT_FDCWD, r->path, &follow, sizeof(follow));
	if (fd < 0)
		return 1;
	int outside = is_name_outside(broker, show(r, (int)fd));
	SYS(close, fd);
	return outside;
}

/* Is it none of the single files, under no name that they have? */
static int is_unnamed(const struct request *r, const struct k_open_how *how)
{
	const struct broker *broker = r->broker;
	struct file_id id;
	uint32_t any = 0;

	if (!broker->singles)
		return 1;
	/* what cannot be found: the kernel will say so */
	if (identify(K_AT_FDCWD, r->path, how->flags & K_O_NOFOLLOW ? K_AT_SYMLINK_NOFOLLOW : 0, &id) < 0)
		return 1;
	for (uint32_t i = 0; i < broker->count; i++)
		any |= broker->exceptions[i].fd >= 0 && same_object(&broker->exceptions[i].id, &id);
	return !any;
}

/*
 * The way of most calls: an absolute path of an exact exception, or of nothing that is named here. Returns whether it
 * has decided. Where the command could change what lies on the way the long way is taken.
 *
 * That nothing is named is decided from what was read of the caller without asking whether it is the caller still, and
 * by paths that others may change meanwhile: the answer is "continue" then, which grants nothing, whoever gets it and
 * whatever it opens. All that such a race can cost is an exception that, a moment earlier or later, would have held.
 */
static int open_quickly(struct request *r, const char *call, const struct k_open_how *how, enum verdict *verdict)
{
	if (r->path[0] != '/' || how->resolve || __atomic_load_n(&r->broker->roots_vary, __ATOMIC_ACQUIRE))
		return 0;
	if (open_exact(r, call, how, verdict))
		return 1;
	*verdict = LEAVE;
	return !__atomic_load_n(&r->broker->vague, __ATOMIC_ACQUIRE) && !(how->flags & (K_O_CREAT | K_O_TMPFILE)) &&
	       is_outside(r, how) && is_unnamed(r, how);
}

static enum verdict do_open(struct request *r, const char *call, int dirfd, uint64_t address,
			    const struct k_open_how *how)
{
	enum verdict verdict = LEAVE;

	if (is_odd(how) || copy_string(r, address, r->path, PATH_SIZE - 1) < 0 || !r->path[0])
		return LEAVE;
	if (open_quickly(r, call, how, &verdict))
		return verdict;
	long object = lookup(r, dirfd, r->path, how->flags & (K_O_NOFOLLOW | K_O_DIRECTORY), how->resolve);
	if (object == -K_ENOENT && how->flags & K_O_CREAT && !(how->flags & K_O_TMPFILE))
		return open_new(r, call, dirfd, how);
	if (object < 0)
		return object == -K_ESRCH ? GONE : LEAVE;
	if ((how->flags & K_O_TMPFILE) == K_O_TMPFILE)
		verdict = open_unnamed(r, call, (int)object, how);
	else if (!(how->flags & K_O_CREAT && how->flags & K_O_EXCL))
		verdict = open_object(r, call, (int)object, how);
	SYS(close, object);
	return verdict;
}

/* Before openat2(2) the kernel ignored what it did not know, and the mode of what is not created. */
static enum verdict open_plain(struct request *r, const char *call, int dirfd, uint64_t path, uint64_t flags,
			       uint64_t mode)
{
	struct k_open_how how = {flags & K_O_VALID, 0, 0};

	if (how.flags & (K_O_CREAT | K_O_TMPFILE))
		how.mode = mode & 07777;
	return do_open(r, call, dirfd, path, &how);
}

enum verdict on_openat(struct request *r)
{
	const uint64_t *args = r->notif.data.args;

	return open_plain(r, "openat", (int)args[0], args[1], (uint32_t)args[2], args[3]);
}

enum verdict on_open(struct request *r)
{
	const uint64_t *args = r->notif.data.args;

	return open_plain(r, "open", K_AT_FDCWD, args[0], (uint32_t)args[1], args[2]);
}

enum verdict on_creat(struct request *r)
{
	const uint64_t *args = r->notif.data.args;

	return open_plain(r, "creat", K_AT_FDCWD, args[0], K_O_CREAT | K_O_WRONLY | K_O_TRUNC, args[1]);
}

/* A caller newer than this program asks for something else when bytes that are not known here are not zero. */
enum verdict on_openat2(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	struct k_open_how how;

	if (args[3] < K_OPEN_HOW_SIZE || args[3] > K_PAGE_SIZE ||
	    copy_bytes(r, args[2], &how, sizeof(how)) != sizeof(how))
		return LEAVE;
	for (uint64_t at = sizeof(how), step; at < args[3]; at += step) {
		step = args[3] - at < PATH_SIZE ? args[3] - at : PATH_SIZE;
		if (copy_bytes(r, args[2] + at, r->text, step) != (long)step)
			return LEAVE;
		for (uint64_t i = 0; i < step; i++)
			if (r->text[i])
				return LEAVE;
	}
	if (how.mode && !(how.flags & (K_O_CREAT | K_O_TMPFILE)))
		return LEAVE;
	return do_open(r, "openat2", (int)args[0], args[1], &how);
}

enum verdict on_truncate(struct request *r)
{
	const uint64_t *args = r->notif.data.args;
	struct file_id id;

	if ((int64_t)args[1] < 0 || copy_string(r, args[0], r->path, PATH_SIZE - 1) < 0 || !r->path[0])
		return LEAVE;
	long object = lookup(r, K_AT_FDCWD, r->path, 0, 0), fd = -K_EACCES;
	if (object < 0)
		return LEAVE;
	int regular = identify((int)object, "", K_AT_EMPTY_PATH, &id) == 0 && (id.mode & K_S_IFMT) == K_S_IFREG;
	uint32_t grants = regular ? granted(r, (int)object, &id, NULL) : 0;
	if (grants & MAY_WRITE) {
		fd = act_as(r, 0);
		fd = fd < 0 ? fd : reopen(r, (int)object, K_O_WRONLY);
		act_as_self(r);
	}
	SYS(close, object);
	if (!(grants & MAY_WRITE))
		return LEAVE;
	const struct told told = {AUDIT_E_BROKER_OPEN,
				  "write",
				  scope_of(grants),
				  "truncate",
				  {AUDIT_F_PATH, AUDIT_FIELDS},
				  {fd < 0 ? r->path : show(r, (int)fd), NULL}};
	r->result = tell_before(r, &told, fd < 0 ? fd : 0);
	if (r->result == 0)
		r->result = tell_after(r, &told, SYS(ftruncate, fd, args[1]));
	if (fd >= 0)
		SYS(close, fd);
	return REPLY;
}
