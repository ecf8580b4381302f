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

/* "DIRECTORY/NAME" for the log. */
static const char *name_spot(struct request *r, const struct spot *spot, char *out)
{
	uint32_t len = append(out, PATH_SIZE, 0, show(r, spot->dir));

	append(out, PATH_SIZE, append(out, PATH_SIZE, len, "/"), spot->leaf);
	return out;
}

static const char *decision(long result)
{
	return result < 0 ? "error" : "allow";
}

#define COMMON(name)                                                                                                 \
	AUDIT_NUMBER(PID, r->notif.pid), AUDIT_TEXT(OPERATION, name), AUDIT_TEXT(DECISION, decision(result)),        \
		AUDIT_ERRNO(result), AUDIT_TEXT(SCOPE, "scratch")

static enum verdict reply(struct request *r, long result)
{
	r->result = result;
	return REPLY;
}

/* ---- one name ---- */

typedef long change(struct request *r, const struct spot *spot, uint64_t argument);

static long make_dir(struct request *r, const struct spot *spot, uint64_t mode)
{
	long result = act_as(r, 1);

	result = result < 0 ? result : SYS(mkdirat, spot->dir, spot->leaf, mode & 07777);
	audit_event(r->broker->job->audit, BROKER_MKDIR, COMMON("mkdir"),
		    AUDIT_TEXT(PATH, name_spot(r, spot, r->text)));
	return result;
}

static long make_node(struct request *r, const struct spot *spot, uint64_t mode)
{
	long result = act_as(r, 1);

	result = result < 0 ? result : SYS(mknodat, spot->dir, spot->leaf, mode & (K_S_IFMT | 07777), 0);
	audit_event(r->broker->job->audit, BROKER_MKNOD, COMMON("mknod"),
		    AUDIT_TEXT(PATH, name_spot(r, spot, r->text)));
	return result;
}

static long remove_name(struct request *r, const struct spot *spot, uint64_t flags)
{
	long result = act_as(r, 0);

	result = result < 0 ? result : SYS(unlinkat, spot->dir, spot->leaf, flags);
	if (flags & K_AT_REMOVEDIR)
		audit_event(r->broker->job->audit, BROKER_RMDIR, COMMON("rmdir"),
			    AUDIT_TEXT(PATH, name_spot(r, spot, r->text)));
	else
		audit_event(r->broker->job->audit, BROKER_UNLINK, COMMON("unlink"),
			    AUDIT_TEXT(PATH, name_spot(r, spot, r->text)));
	return result;
}

static enum verdict change_one(struct request *r, int dirfd, uint64_t address, change *how, uint64_t argument)
{
	struct spot spot;
	enum verdict verdict = LEAVE;

	if (find_spot(r, dirfd, address, r->path, &spot) == 0 && spot.grants & IN_SCRATCH) {
		verdict = reply(r, how(r, &spot, argument));
		act_as_self(r);
	}
	leave_spot(&spot);
	return verdict;
}

#define ARG(n) (r->notif.data.args[n])

enum verdict on_mkdirat(struct request *r)
{
	return change_one(r, (int)ARG(0), ARG(1), make_dir, ARG(2));
}

enum verdict on_mkdir(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), make_dir, ARG(1));
}

/* Regular files, FIFOs and sockets; 0 is a regular file. Devices are the kernel's to refuse. */
static enum verdict node(struct request *r, int dirfd, uint64_t address, uint64_t mode)
{
	uint64_t type = mode & K_S_IFMT;

	if (type && type != K_S_IFREG && type != K_S_IFIFO && type != K_S_IFSOCK)
		return LEAVE;
	return change_one(r, dirfd, address, make_node, mode);
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
	return change_one(r, (int)ARG(0), ARG(1), remove_name, (uint32_t)ARG(2));
}

enum verdict on_unlink(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), remove_name, 0);
}

enum verdict on_rmdir(struct request *r)
{
	return change_one(r, K_AT_FDCWD, ARG(0), remove_name, K_AT_REMOVEDIR);
}

/* ---- symbolic links ---- */

static enum verdict make_link(struct request *r, uint64_t target, int dirfd, uint64_t address)
{
	struct spot spot;
	enum verdict verdict = LEAVE;

	if (find_spot(r, dirfd, address, r->path, &spot) == 0 && spot.grants & IN_SCRATCH &&
	    copy_string(r, target, r->other, PATH_SIZE - 1) == 0) {
		long result = still_there(r) ? act_as(r, 0) : -K_ESRCH;

		result = result < 0 ? result : SYS(symlinkat, r->other, spot.dir, spot.leaf);
		act_as_self(r);
		audit_event(r->broker->job->audit, BROKER_SYMLINK, COMMON("symlink"), AUDIT_TEXT(TARGET, r->other),
			    AUDIT_TEXT(PATH, name_spot(r, &spot, r->text)));
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
static long unlink_source(struct request *r, const struct spot *from, const struct file_id *copied)
{
	struct file_id id;

	if (identify(from->dir, from->leaf, K_AT_SYMLINK_NOFOLLOW, &id) < 0 || !same_object(&id, copied))
		return 0;
	(void)r;
	return SYS(unlinkat, from->dir, from->leaf, 0);
}

static long publish_spot(struct request *r, const struct spot *from, const struct spot *to, int replace, int move)
{
	struct file_id id;
	long result = identify(from->dir, from->leaf, K_AT_SYMLINK_NOFOLLOW, &id);

	if (result == 0 && (ends_with_slash(from->leaf) || ends_with_slash(to->leaf)))
		result = -K_ENOTDIR;
	if (result == 0)
		result = publish(r, from->dir, from->leaf, to->dir, to->leaf, replace);
	return result < 0 || !move ? result : unlink_source(r, from, &id);
}

static long move(struct request *r, const struct spot *from, const struct spot *to, uint64_t flags)
{
	long result = act_as(r, 0);

	if (result < 0)
		return result;
	if (to->grants & IN_SCRATCH)
		return SYS(renameat2, from->dir, from->leaf, to->dir, to->leaf, flags);
	if (flags & ~(uint64_t)K_RENAME_NOREPLACE)
		return -K_EINVAL;
	return publish_spot(r, from, to, !flags && to->grants & MAY_REPLACE, 1);
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
	    find_spot(r, to_fd, to_path, r->other, &to) == 0) {
		long result = move(r, &from, &to, flags);

		act_as_self(r);
		verdict = reply(r, result);
		name_spot(r, &from, r->text);
		leave_spot(&from);
		from.dir = -1;
		append(r->path, PATH_SIZE, 0, r->text);
		audit_event(r->broker->job->audit, BROKER_RENAME, COMMON("rename"), AUDIT_TEXT(OLD_PATH, r->path),
			    AUDIT_TEXT(NEW_PATH, name_spot(r, &to, r->text)));
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
	struct k_statx file;
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
	long result = act_as(r, 0);
	result = result < 0 ? result
			    : SYS(linkat, r->broker->self, decimal(number_of_ours, (uint32_t)file), to->dir, to->leaf,
				  K_AT_SYMLINK_FOLLOW);
	act_as_self(r);
	SYS(close, file);
	audit_event(r->broker->job->audit, BROKER_LINK, COMMON("link"), AUDIT_TEXT(OLD_PATH, r->path),
		    AUDIT_TEXT(NEW_PATH, name_spot(r, to, r->text)));
	return reply(r, result);
}

static enum verdict link_named(struct request *r, int dirfd, const struct spot *to)
{
	struct spot from = {.dir = -1};
	long dir = lookup_parent(r, dirfd, r->path, &from.leaf), result;

	if (dir < 0)
		return LEAVE;
	from.dir = (int)dir;
	if (!(granted_new(r, from.dir, "") & IN_SCRATCH)) {
		leave_spot(&from);
		return LEAVE;
	}
	result = act_as(r, 0);
	if (result == 0)
		result = to->grants & IN_SCRATCH ? SYS(linkat, from.dir, from.leaf, to->dir, to->leaf, 0)
						 : publish_spot(r, &from, to, 0, 0);
	act_as_self(r);
	name_spot(r, &from, r->text);
	leave_spot(&from);
	append(r->path, PATH_SIZE, 0, r->text);
	audit_event(r->broker->job->audit, BROKER_LINK, COMMON("link"), AUDIT_TEXT(OLD_PATH, r->path),
		    AUDIT_TEXT(NEW_PATH, name_spot(r, to, r->text)));
	return reply(r, result);
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
