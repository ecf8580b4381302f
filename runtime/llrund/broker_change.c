/* SPDX-License-Identifier: MIT */
/*
 * Calls that make, move and remove names, in scratch trees; and from there into exports, which is a publication.
 *
 * MUST act on the directory that was compared and a name in it, never on a path.
 */
#include "audit.h"
#include "broker.h"

/* A name in a directory of the caller's: what an *at call means. */
struct spot {
	int dir; /* -1: none */
	char *leaf;
	uint32_t grants;
};

static void leave_spot(const struct spot *spot)
{
	if (spot->dir >= 0)
		SYS(close, spot->dir);
}

static int ends_with_slash(const char *leaf)
{
	while (leaf[1])
		leaf++;
	return *leaf == '/';
}

/* 0, or -1 where the kernel had better answer. The spot is the caller's to leave either way. */
static int find_spot(struct request *r, int dirfd, uint64_t address, char *path, struct spot *spot)
{
	spot->dir = -1;
	if (copy_string(r, address, path, PATH_SIZE - 1) < 0)
		return -1;
	long dir = lookup_parent(r, dirfd, path, &spot->leaf);
	if (dir < 0)
		return -1;
	spot->dir = (int)dir;
	spot->grants = granted_new(r, spot->dir, "");
	return spot->grants & (IN_SCRATCH | IN_EXPORT) ? 0 : -1;
}

static enum verdict reply(struct request *r, long result)
{
	r->result = result;
	return REPLY;
}

/* ---- one name ---- */

/* The kernel's call. */
typedef long change(const struct spot *spot, uint64_t argument);
struct one_name {
	change *how;
	int makes; /* the name: else it takes it away */
	enum audit_event event;
	const char *operation;
};

static long make_dir(const struct spot *spot, uint64_t mode)
{
	return SYS(mkdirat, spot->dir, spot->leaf, mode & 07777);
}

static long make_node(const struct spot *spot, uint64_t mode)
{
	return SYS(mknodat, spot->dir, spot->leaf, mode & (K_S_IFMT | 07777), 0);
}

static long remove_name(const struct spot *spot, uint64_t flags)
{
	return SYS(unlinkat, spot->dir, spot->leaf, flags);
}

static const struct one_name a_dir = {make_dir, 1, AUDIT_E_BROKER_MKDIR, "mkdir"};
static const struct one_name a_node = {make_node, 1, AUDIT_E_BROKER_MKNOD, "mknod"};
static const struct one_name no_file = {remove_name, 0, AUDIT_E_BROKER_UNLINK, "unlink"};
static const struct one_name no_dir = {remove_name, 0, AUDIT_E_BROKER_RMDIR, "rmdir"};

/* What can be told of a change without trying, so that the log has one record of it: where nobody writes one, nothing. */
static long foresee(const struct request *r, const struct spot *spot, int makes)
{
	struct file_id id;

	if (!r->broker->job->audit)
		return 0;
	long found = identify(spot->dir, spot->leaf, K_AT_SYMLINK_NOFOLLOW, &id);
	return !makes ? found : found == 0 ? -K_EEXIST : 0;
}

static const char *logged_name(struct request *r, const struct spot *spot, uint32_t which)
{
	return told_name(r, spot->dir, spot->leaf, which);
}

static long change_spot(struct request *r, const struct spot *spot, const struct one_name *what, uint64_t argument)
{
	const struct told told = {what->event,
				  what->operation,
				  "scratch",
				  NULL,
				  {AUDIT_F_PATH, AUDIT_FIELDS},
				  {logged_name(r, spot, 0), NULL}};
	long result = act_as(r, what->makes);

	result = tell_before(r, &told, result < 0 ? result : foresee(r, spot, what->makes));
	if (result == 0)
		result = tell_after(r, &told, what->how(spot, argument));
	act_as_self(r);
	return result;
}

static enum verdict change_one(struct request *r, int dirfd, uint64_t address, const struct one_name *what,
			       uint64_t argument)
{
	struct spot spot;
	enum verdict verdict = LEAVE;

	if (find_spot(r, dirfd, address, r->path, &spot) == 0 && spot.grants & IN_SCRATCH)
		verdict = reply(r, change_spot(r, &spot, what, argument));
	leave_spot(&spot);
	return verdict;
}

#define ARG(n) (r->notif.data.args[n])

enum verdict on_mkdirat(struct request *r)
{
	return change_one(r, (int)ARG(0), ARG(1), &a_dir, ARG(2));
}

enum verdict on_mkdir(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), &a_dir, ARG(1));
}

/* Regular files, FIFOs and sockets; 0 is a regular file. Devices are the kernel's to refuse. */
static enum verdict node(struct request *r, int dirfd, uint64_t address, uint64_t mode)
{
	uint64_t type = mode & K_S_IFMT;

	if (type && type != K_S_IFREG && type != K_S_IFIFO && type != K_S_IFSOCK)
		return LEAVE;
	return change_one(r, dirfd, address, &a_node, mode);
}

enum verdict on_mknodat(struct request *r)
{
	return node(r, (int)ARG(0), ARG(1), ARG(2));
}

enum verdict on_mknod(struct request *r)
{
	return node(r, K_AT_FDCWD, ARG(0), ARG(1));
}

enum verdict on_unlinkat(struct request *r)
{
	if ((uint32_t)ARG(2) & ~(uint32_t)K_AT_REMOVEDIR)
		return LEAVE;
	return change_one(r, (int)ARG(0), ARG(1), ARG(2) & K_AT_REMOVEDIR ? &no_dir : &no_file, (uint32_t)ARG(2));
}

enum verdict on_unlink(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), &no_file, 0);
}

enum verdict on_rmdir(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), &no_dir, K_AT_REMOVEDIR);
}

/* ---- symbolic links ---- */

static enum verdict make_link(struct request *r, uint64_t target, int dirfd, uint64_t address)
{
	struct spot spot;
	enum verdict verdict = LEAVE;

	if (find_spot(r, dirfd, address, r->path, &spot) == 0 && spot.grants & IN_SCRATCH &&
	    copy_string(r, target, r->other, PATH_SIZE - 1) == 0) {
		const struct told told = {AUDIT_E_BROKER_SYMLINK,
					  "symlink",
					  "scratch",
					  NULL,
					  {AUDIT_F_TARGET, AUDIT_F_PATH},
					  {r->other, logged_name(r, &spot, 0)}};
		long result = still_there(r) ? act_as(r, 0) : -K_ESRCH;

		result = tell_before(r, &told, result < 0 ? result : foresee(r, &spot, 1));
		if (result == 0)
			result = tell_after(r, &told, SYS(symlinkat, r->other, spot.dir, spot.leaf));
		act_as_self(r);
		verdict = reply(r, result);
	}
	leave_spot(&spot);
	return verdict;
}

enum verdict on_symlinkat(struct request *r)
{
	return make_link(r, ARG(0), (int)ARG(1), ARG(2));
}

enum verdict on_symlink(struct request *r)
{
	return make_link(r, ARG(0), K_AT_FDCWD, ARG(1));
}

/* ---- two names ---- */

/* The source is gone when it still is what was copied. */
static long unlink_source(const struct spot *from, const struct file_id *copied)
{
	struct file_id id;

	if (identify(from->dir, from->leaf, K_AT_SYMLINK_NOFOLLOW, &id) < 0 || !same_object(&id, copied))
		return 0;
	return SYS(unlinkat, from->dir, from->leaf, 0);
}

/* What the log says of a call with two names; those are made here, while the directories are open. */
static struct told told_of_two(struct request *r, enum audit_event event, const char *operation,
			       const struct spot *from, const struct spot *to)
{
	int scratch = (to->grants & IN_SCRATCH) != 0;

	return (struct told){event,
			     scratch ? operation : "publish",
			     scratch ? "scratch" : "export",
			     NULL,
			     {AUDIT_F_OLD_PATH, AUDIT_F_NEW_PATH},
			     {from ? logged_name(r, from, 0) : r->path, logged_name(r, to, 1)}};
}

/* The copy is complete before the log is told, and gets its name afterwards. A name that the log cannot hold is none. */
static long publish_spot(struct request *r, const struct told *told, const struct spot *from, const struct spot *to,
			 int replace, int move)
{
	struct copy copy = {.fd = -1};
	long result = can_tell(r, told) ? 0 : -K_ENAMETOOLONG;

	if (result == 0 && (ends_with_slash(from->leaf) || ends_with_slash(to->leaf)) &&
	    identify(from->dir, from->leaf, K_AT_SYMLINK_NOFOLLOW, &copy.id) == 0)
		result = -K_ENOTDIR;
	if (result < 0)
		return tell_denied(r, told, result);
	result = publish_copy(r, from->dir, from->leaf, to->dir, to->leaf, replace, &copy);
	if (copy.denied)
		return tell_denied(r, told, result);
	int failed = result < 0;
	result = tell_before(r, told, result);
	if (result < 0 && !failed)
		publish_drop(&copy);
	if (result < 0)
		return result;
	result = tell_after(r, told, publish_name(r, &copy, to->leaf, replace));
	return result < 0 || !move ? result : unlink_source(from, &copy.id);
}

static long move_in_scratch(struct request *r, const struct told *told, const struct spot *from,
			    const struct spot *to, uint64_t flags)
{
	long result = foresee(r, from, 0);

	if (result == 0 && flags == K_RENAME_NOREPLACE)
		result = foresee(r, to, 1);
	result = tell_before(r, told, result);
	return result < 0 ? result
			  : tell_after(r, told, SYS(renameat2, from->dir, from->leaf, to->dir, to->leaf, flags));
}

/*
 * A file of a tree that may not be read, or not be written, must not become one of a tree that may: as Landlock refuses
 * (security/landlock/fs.c, current_check_refer_path()), with the error number that programs copy on.
 */
static int gains(const struct spot *from, const struct spot *to)
{
	return to->grants & IN_SCRATCH && to->grants & ~from->grants & (MAY_READ | MAY_WRITE);
}

/* Is this directory the one that `fd` is open on, or above it? Yes, where it cannot be told. */
static int is_above(const struct file_id *dir, int fd)
{
	struct file_id id, last = {.ino = 0};
	long at = SYS(fcntl, fd, K_F_DUPFD_CLOEXEC, 3);
	int found = 0, is_root = 0;

	while (at >= 0 && !found && !is_root) {
		long up = SYS(openat, at, "..", K_O_ANCHOR);

		found = identify((int)at, "", K_AT_EMPTY_PATH, &id) < 0 || same_object(&id, dir);
		is_root = same_object(&id, &last) && id.mount == last.mount;
		last = id;
		SYS(close, at);
		at = up;
	}
	if (at >= 0)
		SYS(close, at);
	return found || at < 0;
}

/*
 * A tree of the policy is where it was when the run started. Moved away and back by a name of the tree around it, it would
 * take along what was put into it meanwhile, by that other name and under the other tree's rights. EBUSY, as of a mount.
 */
static int holds_tree(const struct request *r, const struct spot *spot)
{
	struct file_id id;

	if (identify(spot->dir, spot->leaf, K_AT_SYMLINK_NOFOLLOW, &id) < 0 || (id.mode & K_S_IFMT) != K_S_IFDIR)
		return 0;
	for (uint32_t i = 0; i < r->broker->count; i++) {
		const struct exception *e = &r->broker->exceptions[i];

		if (e->fd >= 0 && is_tree(e) && is_above(&id, e->fd))
			return 1;
	}
	return 0;
}

static long move(struct request *r, const struct spot *from, const struct spot *to, uint64_t flags)
{
	const struct told told = told_of_two(r, AUDIT_E_BROKER_RENAME, "rename", from, to);
	long result = act_as(r, 0);

	if (gains(from, to) || (to->grants & IN_SCRATCH && flags & K_RENAME_EXCHANGE && gains(to, from)))
		return tell_denied(r, &told, -K_EXDEV);
	if (holds_tree(r, from) || (flags & K_RENAME_EXCHANGE && holds_tree(r, to)))
		return tell_denied(r, &told, -K_EBUSY);
	if (result < 0)
		return tell_before(r, &told, result);
	if (to->grants & IN_SCRATCH)
		return move_in_scratch(r, &told, from, to, flags);
	if (flags & ~(uint64_t)K_RENAME_NOREPLACE)
		return tell_denied(r, &told, -K_EINVAL);
	return publish_spot(r, &told, from, to, !flags && to->grants & MAY_REPLACE, 1);
}

/* Publications take long, and must not take all the threads. True: `verdict` is what comes of this one now. */
static int must_wait(struct request *r, enum audit_event event, const struct spot *from, const struct spot *to,
		     enum verdict *verdict)
{
	if (to->grants & IN_SCRATCH || publish_begin(r))
		return 0;
	*verdict = LATER;
	if (r->result < 0) {
		const struct told told = told_of_two(r, event, NULL, from, to);

		*verdict = reply(r, tell_before(r, &told, r->result));
	}
	return 1;
}

static void has_published(struct request *r, const struct spot *to)
{
	if (!(to->grants & IN_SCRATCH))
		publish_end(r->broker);
}

static enum verdict rename_spots(struct request *r, int from_fd, uint64_t from_path, int to_fd, uint64_t to_path,
				 uint64_t flags)
{
	struct spot from, to = {.dir = -1};
	enum verdict verdict = LEAVE;

	/* exchanging with an export would put its file into scratch, where it can be written */
	if (flags != 0 && flags != K_RENAME_NOREPLACE && flags != K_RENAME_EXCHANGE)
		return LEAVE;
	if (find_spot(r, from_fd, from_path, r->path, &from) == 0 && from.grants & IN_SCRATCH &&
	    find_spot(r, to_fd, to_path, r->other, &to) == 0 &&
	    !must_wait(r, AUDIT_E_BROKER_RENAME, &from, &to, &verdict)) {
		long result = move(r, &from, &to, flags);

		act_as_self(r);
		has_published(r, &to);
		verdict = reply(r, result);
	}
	leave_spot(&from);
	leave_spot(&to);
	return verdict;
}

enum verdict on_renameat(struct request *r)
{
	return rename_spots(r, (int)ARG(0), ARG(1), (int)ARG(2), ARG(3), 0);
}

enum verdict on_renameat2(struct request *r)
{
	return rename_spots(r, (int)ARG(0), ARG(1), (int)ARG(2), ARG(3), (uint32_t)ARG(4));
}

enum verdict on_rename(struct request *r)
{
	return rename_spots(r, K_AT_FDCWD, ARG(0), K_AT_FDCWD, ARG(1), 0);
}

/* ---- hard links ---- */

/*
 * A file without a name, that the broker made. Numbers of inodes are used again: one that has a name, and had the number
 * of one that is gone, must not get another, by which it could be written.
 */
static int is_made(struct broker *broker, int fd)
{
	struct k_statx file = {.nlink = 1};
	struct file_id id;
	int found = 0;

	if (identify(fd, "", K_AT_EMPTY_PATH, &id) < 0 ||
	    SYS(statx, fd, "", K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC, K_STATX_BASIC_STATS, &file) < 0 || file.nlink)
		return 0;
	spin_lock(&broker->lock);
	for (uint32_t i = 0; i < BROKER_MADE && i < broker->nmade; i++)
		found |= same_object(&broker->made[i], &id);
	spin_unlock(&broker->lock);
	return found;
}

/* "/proc/self/fd/N", the caller's: how an O_TMPFILE file gets its name. Returns N or -1. */
static int own_descriptor(const struct request *r, const char *path)
{
	char number_[12];
	uint32_t fd;
	const char *rest = after_prefix(path, "/proc/");
	const char *self = rest ? after_prefix(rest, "self/fd/") : NULL;

	if (rest && !self && (self = after_prefix(rest, "thread-self/fd/")) == NULL) {
		self = after_prefix(rest, decimal(number_, r->notif.pid));
		self = self ? after_prefix(self, "/fd/") : NULL;
	}
	rest = self ? number(self, &fd) : NULL;
	return rest && !*rest ? (int)fd : -1;
}

static enum verdict link_unnamed(struct request *r, int fd, const struct spot *to)
{
	char rest[20], number_[12];

	append(rest, sizeof(rest), append(rest, sizeof(rest), 0, "/fd/"), decimal(number_, (uint32_t)fd));
	long file = open_proc(r, rest, K_O_PATH);
	if (file < 0 || !still_there(r) || !is_made(r->broker, (int)file)) {
		if (file >= 0)
			SYS(close, file);
		return LEAVE;
	}
	char number_of_ours[12];
	const struct told told = told_of_two(r, AUDIT_E_BROKER_LINK, "link", NULL, to);
	long result = act_as(r, 0);
	result = tell_before(r, &told, result < 0 ? result : foresee(r, to, 1));
	if (result == 0)
		result = tell_after(r, &told,
				    SYS(linkat, r->broker->self, decimal(number_of_ours, (uint32_t)file), to->dir,
					to->leaf, K_AT_SYMLINK_FOLLOW));
	act_as_self(r);
	SYS(close, file);
	return reply(r, result);
}

static long link_in_scratch(struct request *r, const struct told *told, const struct spot *from,
			    const struct spot *to)
{
	long result = foresee(r, from, 0);

	result = tell_before(r, told, result < 0 ? result : foresee(r, to, 1));
	return result < 0 ? result : tell_after(r, told, SYS(linkat, from->dir, from->leaf, to->dir, to->leaf, 0));
}

static long link_spot(struct request *r, const struct spot *from, const struct spot *to)
{
	const struct told told = told_of_two(r, AUDIT_E_BROKER_LINK, "link", from, to);
	long result = act_as(r, 0);

	if (gains(from, to))
		return tell_denied(r, &told, -K_EXDEV);
	if (result < 0)
		return tell_before(r, &told, result);
	return to->grants & IN_SCRATCH ? link_in_scratch(r, &told, from, to) : publish_spot(r, &told, from, to, 0, 0);
}

static enum verdict link_named(struct request *r, int dirfd, const struct spot *to)
{
	struct spot from = {.dir = -1};
	long dir = lookup_parent(r, dirfd, r->path, &from.leaf);
	enum verdict verdict = LEAVE;

	if (dir < 0)
		return LEAVE;
	from.dir = (int)dir;
	from.grants = granted_new(r, from.dir, "");
	if (from.grants & IN_SCRATCH && !must_wait(r, AUDIT_E_BROKER_LINK, &from, to, &verdict)) {
		long result = link_spot(r, &from, to);

		act_as_self(r);
		has_published(r, to);
		verdict = reply(r, result);
	}
	leave_spot(&from);
	return verdict;
}

/* A source that is a link, and to be followed, is left to the kernel: but for the one way to name an O_TMPFILE file. */
static enum verdict link_spots(struct request *r, int from_fd, uint64_t from_path, int to_fd, uint64_t to_path,
			       uint32_t flags)
{
	struct spot to = {.dir = -1};
	enum verdict verdict = LEAVE;
	struct file_id id;
	int own = -1;

	if (flags & ~(uint32_t)(K_AT_SYMLINK_FOLLOW | K_AT_EMPTY_PATH) ||
	    copy_string(r, from_path, r->path, PATH_SIZE - 1) < 0 ||
	    find_spot(r, to_fd, to_path, r->other, &to) < 0) {
		leave_spot(&to);
		return LEAVE;
	}
	if (flags & K_AT_EMPTY_PATH && !r->path[0])
		own = from_fd;
	else if (flags & K_AT_SYMLINK_FOLLOW)
		own = own_descriptor(r, r->path);
	if (own >= 0) {
		verdict = to.grants & IN_SCRATCH ? link_unnamed(r, own, &to) : LEAVE;
	} else if (r->path[0]) {
		long object = flags & K_AT_SYMLINK_FOLLOW ? lookup(r, from_fd, r->path, K_O_NOFOLLOW, 0) : -1;
		int is_link = object >= 0 && identify((int)object, "", K_AT_EMPTY_PATH, &id) == 0 &&
			      (id.mode & K_S_IFMT) == K_S_IFLNK;

		if (object >= 0)
			SYS(close, object);
		verdict = is_link ? LEAVE : link_named(r, from_fd, &to);
	}
	leave_spot(&to);
	return verdict;
}

enum verdict on_linkat(struct request *r)
{
	return link_spots(r, (int)ARG(0), ARG(1), (int)ARG(2), ARG(3), (uint32_t)ARG(4));
}

enum verdict on_link(struct request *r)
{
	return link_spots(r, K_AT_FDCWD, ARG(0), K_AT_FDCWD, ARG(1), 0);
}
