/* SPDX-License-Identifier: MIT */
/*
 * Publication: a file of a scratch tree becomes one of an export, as a copy. A rename or link would leave whoever has it
 * open for writing a way into what was published.
 *
 * MUST publish regular files only, with a mode that gives nobody but the owner more than reading.
 * MUST NOT replace a file unless the policy says so, nor leave a half-written one under its name.
 */
#include "broker.h"

#define CHUNK (4u << 20) /* between two looks whether the caller still waits */

static long copy_by_hand(struct request *r, int in, int out)
{
	long got, put;

	for (uint64_t copied = 0; (got = SYS(read, in, r->text, PATH_SIZE - 1)) > 0; copied += (uint64_t)got) {
		for (long done = 0; done < got; done += put) {
			put = SYS(write, out, r->text + done, got - done);
			if (put < 0)
				return put;
		}
		if (copied / CHUNK != (copied + (uint64_t)got) / CHUNK && !still_there(r))
			return -K_EINTR;
	}
	return got;
}

/* Sharing the blocks, then the kernel's own copy, then bytes. */
static long copy_data(struct request *r, int in, int out)
{
	long result = SYS(ioctl, out, K_FICLONE, in), any = 0;

	if (result == 0)
		return 0;
	while ((result = SYS(copy_file_range, in, 0, out, 0, CHUNK)) > 0) {
		any = 1;
		if (!still_there(r))
			return -K_EINTR;
	}
	if (result == 0 && any)
		return 0;
	/* also where it says 0 of a file that has no size, but content */
	return result == 0 || result == -K_EXDEV || result == -K_EINVAL || result == -K_ENOSYS ||
			       result == -K_EOPNOTSUPP
		       ? copy_by_hand(r, in, out)
		       : result;
}

/* A name that nobody has: of this process, counted. */
static const char *temporary(struct request *r, char name[48])
{
	char digits[12];
	uint32_t len = append(name, 48, 0, ".llrund-");
	uint32_t serial = __atomic_add_fetch(&r->broker->serial, 1, __ATOMIC_RELAXED);

	len = append(name, 48, len, decimal(digits, (uint32_t)SYS(getpid, 0)));
	len = append(name, 48, len, "-");
	append(name, 48, len, decimal(digits, serial));
	return name;
}

static long open_source(int from, const char *leaf, struct copy *copy)
{
	const struct k_open_how how = {K_O_RDONLY | K_O_CLOEXEC | K_O_NOFOLLOW | K_O_NONBLOCK | K_O_NOCTTY, 0,
				       K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS};
	long fd = identify(from, leaf, K_AT_SYMLINK_NOFOLLOW, &copy->id);

	/* before it is opened: the open of a device does something */
	copy->denied = fd == 0 && (copy->id.mode & K_S_IFMT) != K_S_IFREG;
	if (fd == 0 && !copy->denied)
		fd = SYS(openat2, from, leaf, &how, sizeof(how));
	if (fd < 0)
		return fd == -K_ELOOP ? -K_EACCES : fd;
	if (!copy->denied && identify((int)fd, "", K_AT_EMPTY_PATH, &copy->id) == 0 &&
	    (copy->id.mode & K_S_IFMT) == K_S_IFREG)
		return fd;
	if (!copy->denied)
		SYS(close, fd);
	copy->denied = 1;
	return -K_EACCES;
}

/* Without a name where the file system can, so that nothing is left behind when we die. */
static long open_copy(struct request *r, int to, char name[48])
{
	long fd = SYS(openat, to, ".", K_O_TMPFILE | K_O_DIRECTORY | K_O_WRONLY | K_O_CLOEXEC, 0600);

	name[0] = 0;
	if (fd != -K_EOPNOTSUPP && fd != -K_EISDIR && fd != -K_ENOENT)
		return fd;
	return SYS(openat, to, temporary(r, name), K_O_CREAT | K_O_EXCL | K_O_WRONLY | K_O_CLOEXEC | K_O_NOFOLLOW,
		   0600);
}

static long give_name(struct request *r, const struct copy *copy, const char *name, int replace)
{
	char number[12], temp[48];
	const char *own = decimal(number, (uint32_t)copy->fd);
	long result = 0;

	append(temp, sizeof(temp), 0, copy->temp);
	if (!temp[0] && !replace)
		return SYS(linkat, r->broker->self, own, copy->to, name, K_AT_SYMLINK_FOLLOW);
	if (!temp[0])
		result = SYS(linkat, r->broker->self, own, copy->to, temporary(r, temp), K_AT_SYMLINK_FOLLOW);
	if (result == 0 && replace)
		result = SYS(renameat2, copy->to, temp, copy->to, name, 0);
	else if (result == 0)
		result = SYS(linkat, copy->to, temp, copy->to, name, 0);
	if (result < 0 || !replace)
		SYS(unlinkat, copy->to, temp, 0);
	return result;
}

static long fill_copy(struct request *r, int in, struct copy *copy)
{
	long result = copy_data(r, in, copy->fd);

	if (result == 0)
		result = SYS(fchmod, copy->fd, copy->id.mode & 0755);
	if (result == 0)
		result = SYS(fsync, copy->fd);
	if (result < 0)
		publish_drop(copy);
	return result;
}

long publish_copy(struct request *r, int from, const char *leaf, int to, const char *name, int replace,
		  struct copy *copy)
{
	struct file_id there;

	*copy = (struct copy){.fd = -1, .to = to};
	long in = open_source(from, leaf, copy);
	if (in < 0)
		return in;
	/* told before the work is done; link and rename will ask again */
	copy->denied = !replace && identify(to, name, K_AT_SYMLINK_NOFOLLOW, &there) == 0;
	long result = copy->denied ? -K_EEXIST : open_copy(r, to, copy->temp);
	if (result >= 0) {
		copy->fd = (int)result;
		result = fill_copy(r, (int)in, copy);
	}
	SYS(close, in);
	return result;
}

long publish_name(struct request *r, struct copy *copy, const char *name, int replace)
{
	long result = give_name(r, copy, name, replace);

	SYS(close, copy->fd);
	copy->fd = -1;
	return result;
}

void publish_drop(struct copy *copy)
{
	if (copy->temp[0])
		SYS(unlinkat, copy->to, copy->temp, 0);
	if (copy->fd >= 0)
		SYS(close, copy->fd);
	copy->fd = -1;
}

/* ---- one after the other ---- */

int publish_begin(struct request *r)
{
	struct broker *broker = r->broker;

	spin_lock(&broker->lock);
	int now = broker->publishing < PUBLICATIONS, queued = !now && broker->waiting < BROKER_WAITING;
	if (now)
		broker->publishing++;
	else if (queued)
		broker->queue[(broker->first + broker->waiting++) % BROKER_WAITING] = r->notif;
	spin_unlock(&broker->lock);
	r->result = now || queued ? 0 : -K_EAGAIN;
	return now;
}

void publish_end(struct broker *broker)
{
	spin_lock(&broker->lock);
	broker->publishing--;
	spin_unlock(&broker->lock);
}

/*
 * Whoever has published asks, before it does anything else: then nothing stays in the queue, as calls get there only
 * while others publish.
 */
int publish_next(struct request *r)
{
	struct broker *broker = r->broker;

	if (r->last || !__atomic_load_n(&broker->waiting, __ATOMIC_ACQUIRE))
		return 0;
	spin_lock(&broker->lock);
	int any = broker->waiting && broker->publishing < PUBLICATIONS;
	if (any) {
		r->notif = broker->queue[broker->first];
		broker->first = (broker->first + 1) % BROKER_WAITING;
		broker->waiting--;
	}
	spin_unlock(&broker->lock);
	return any;
}
