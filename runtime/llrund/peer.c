/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end. A job runs with the daemon's rights, so that no peer may have fewer: the daemon must not be a
 * way out of a sandbox.
 *
 * MUST refuse what it cannot find out.
 * MUST NOT wait for anything that a peer controls: a descriptor of its may belong to a file system that never answers.
 */
#include "serve.h"

#include "msg.h"
#include "status.h"

static int copy_line(char *out, uint32_t size, const char *line)
{
	uint32_t len = 0;

	while (line && len < size - 1 && line[len] && line[len] != '\n') {
		out[len] = line[len];
		len++;
	}
	out[len] = 0;
	return line && line[len] == '\n';
}

#define STATUS_SIZE 16384

/* All of /proc/PID/status, or -1. */
static int read_status(const char *process, char text[STATUS_SIZE])
{
	char path[40];

	append(path, sizeof(path), append(path, sizeof(path), append(path, sizeof(path), 0, "/proc/"), process),
	       "/status");
	long size = status_read(SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC), text, STATUS_SIZE);
	return size > 0 && size < STATUS_SIZE - 1 ? 0 : -1;
}

/* What such a text tells of a process. */
struct standing {
	const char *uids, *gids, *groups, *pids; /* there; or NULL */
	uint64_t ignored, permitted, bounding, no_new_privs, filters; /* UINT64_MAX: not told */
};

static const char *next_field(const char **at, const char *name)
{
	const char *value = status_field(*at, name);

	*at = value ? value : *at;
	return value;
}

/* Each behind the one before, in the kernel's order (fs/proc/array.c): the text is long. */
static void standing_of(const char *at, struct standing *standing)
{
	standing->uids = next_field(&at, "Uid");
	standing->gids = next_field(&at, "Gid");
	standing->groups = next_field(&at, "Groups");
	standing->pids = next_field(&at, "NSpid");
	standing->ignored = status_value(next_field(&at, "SigIgn"), 16);
	standing->permitted = status_value(next_field(&at, "CapPrm"), 16);
	standing->bounding = status_value(next_field(&at, "CapBnd"), 16);
	standing->no_new_privs = status_value(next_field(&at, "NoNewPrivs"), 10);
	standing->filters = status_value(next_field(&at, "Seccomp"), 10);
	/* before Linux 5.9 there is no number of filters, only whether there are some */
	const char *filters = next_field(&at, "Seccomp_filters");
	standing->filters = filters ? status_value(filters, 10) : standing->filters;
}

/*
 * Is this its one number? There is one for each namespace from that of /proc on; a kernel that has no such namespaces
 * does not tell.
 */
static int numbered(const struct standing *standing, const char *process)
{
	return !standing->pids || status_same(standing->pids, process);
}

static int own_root(struct self *self, struct llrun_error *error)
{
	int fd = (int)SYS(openat, K_AT_FDCWD, "/", K_O_ANCHOR | K_O_DIRECTORY);

	if (check_sys(error, "open", fd, "/") < 0)
		return -1;
	int result = place_of(fd, &self->root);
	SYS(close, fd);
	return check_sys(error, "statx", result, "/");
}

int peer_self(struct self *self, struct llrun_error *error)
{
	struct standing standing = {.gids = NULL};
	char text[STATUS_SIZE], digits[12];

	*self = (struct self){.uid = (uint32_t)SYS(getuid, 0)};
	if (read_status("self", text) == 0)
		standing_of(text, &standing);
	if (!copy_line(self->gid, sizeof(self->gid), standing.gids) ||
	    !copy_line(self->groups, sizeof(self->groups), standing.groups))
		return fail(error, LLRUN_E_BLOB, "cannot tell what this process is, and would not know its peers",
			    "/proc/self/status");
	/* numbers of peers would be looked up as those of others */
	if (!numbered(&standing, decimal(digits, (uint32_t)SYS(getpid, 0))))
		return fail(error, LLRUN_E_BLOB, "shows another PID namespace, by which no peer can be known",
			    "/proc");
	self->permitted = standing.permitted;
	self->bounding = standing.bounding;
	self->no_new_privs = (uint32_t)standing.no_new_privs;
	self->filters = (uint32_t)standing.filters;
	return own_root(self, error);
}

/* Real, effective, saved and file system user: all the same one. */
static int uids_are(const char *at, uint32_t uid)
{
	uint32_t one;

	for (int i = 0; i < 4; i++) {
		at = at ? number(at, &one) : NULL;
		if (!at || one != uid)
			return 0;
		at += *at == '\t';
	}
	return 1;
}

/* Is it less than what the daemon is? What is not told counts as refused. */
static const char *less_than(const struct self *self, const struct standing *peer)
{
	if (peer->no_new_privs > self->no_new_privs)
		return "a sandboxed process (no_new_privs) may not ask; run the command directly";
	if (peer->filters > self->filters)
		return "a sandboxed process (seccomp) may not ask; run the command directly";
	if (self->permitted & ~peer->permitted || self->bounding & ~peer->bounding || peer->permitted == UINT64_MAX ||
	    peer->bounding == UINT64_MAX)
		return "a process with fewer capabilities than the daemon may not ask; run the command directly";
	return NULL;
}

const char *peer_check(const struct self *self, int connection, struct peer *peer)
{
	struct k_ucred cred = {.pid = 0, .uid = UINT32_MAX};
	uint32_t size = sizeof(cred), pidfd_size = sizeof(peer->pidfd);
	char text[STATUS_SIZE], digits[12];
	const char *process;
	struct standing standing;

	*peer = (struct peer){.pidfd = -1, .uid = UINT32_MAX};
	if (SYS(getsockopt, connection, K_SOL_SOCKET, K_SO_PEERCRED, &cred, &size) < 0 || cred.pid <= 0)
		return "the kernel does not tell who is asking (another PID namespace?)";
	peer->pid = cred.pid;
	peer->uid = cred.uid;
	if (cred.uid != self->uid && cred.uid != 0)
		return "the daemon belongs to another user";
	long pinned = SYS(getsockopt, connection, K_SOL_SOCKET, K_SO_PEERPIDFD, &peer->pidfd, &pidfd_size);
	if (pinned < 0)
		peer->pidfd = -1;
	/* of a process that has ended and been reaped there is none (before Linux 6.16), and its number may be another's */
	if (pinned < 0 && pinned != -K_ENOPROTOOPT)
		return pinned == -K_ESRCH || pinned == -K_EINVAL ? "the asking process is gone"
								 : "cannot tell what the asking process is";
	process = decimal(digits, (uint32_t)cred.pid);
	if (read_status(process, text) < 0)
		return "cannot tell what the asking process is";
	standing_of(text, &standing);
	if (!uids_are(standing.uids, cred.uid))
		return "cannot tell what the asking process is";
	const char *why = less_than(self, &standing);
	if (why)
		return why;
	if (!numbered(&standing, process))
		return "the asking process is in another PID namespace than the daemon";
	if (cred.uid == self->uid &&
	    (!status_same(standing.gids, self->gid) || !status_same(standing.groups, self->groups)))
		return "the daemon has other groups than the asking process; start it anew";
	/* what was read is of that very process when it is there still */
	if (peer->pidfd >= 0 && SYS(pidfd_send_signal, peer->pidfd, 0) < 0)
		return "the asking process is gone";
	peer->ignored = standing.ignored;
	return NULL;
}

/* No file system is asked: a client may have chosen it. The result is one of statx(2). */
int place_of(int fd, struct place *place)
{
	struct k_statx file;
	long result = SYS(statx, fd, "", K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC, K_STATX_BASIC_STATS | K_STATX_MNT_ID,
			  &file);

	place->file = identity_of(&file);
	place->mount = file.mask & K_STATX_MNT_ID ? file.spare[0] : 0;
	return (int)result;
}

static int is_at(int fd, const struct place *place)
{
	struct place found;

	return place_of(fd, &found) == 0 && same_file(&found.file, &place->file) && found.mount == place->mount;
}

/*
 * O_PATH needs no right to read: a sandbox could have that. Nor, of Landlock, does the access mode 3, which is for ioctls
 * alone (security/landlock/fs.c, get_required_file_open_access(): the file has neither FMODE_READ nor FMODE_WRITE).
 * Every mount has a number of its own, in every mount namespace: who opened the file in another one reached it by
 * another mount.
 */
int peer_token(const struct listener *listener, int fd)
{
	long flags = SYS(fcntl, fd, K_F_GETFL), mode = flags & K_O_ACCMODE;

	return flags >= 0 && !(flags & K_O_PATH) && (mode == K_O_RDONLY || mode == K_O_RDWR) &&
	       is_at(fd, &listener->token_at);
}

/*
 * A proof by possession, as the token is: who has a descriptor of that directory by that mount reaches from it whatever
 * the daemon reaches (fchdir(2), openat(2)), and is kept from nothing by another root.
 */
int peer_root(const struct self *self, int fd)
{
	long flags = SYS(fcntl, fd, K_F_GETFL);

	return flags >= 0 && flags & K_O_PATH && is_at(fd, &self->root);
}

/* ---- its namespaces ---- */

/* In another user namespace a process has every capability, as /proc tells it, and none over what is the daemon's. */
static const struct {
	uint32_t request;
	const char *own, *name, *untold, *other;
} spaces[SPACES] = {
	[SPACE_NETWORK] = {K_PIDFD_GET_NET_NAMESPACE, "/proc/self/ns/net", "/ns/net",
			   "cannot tell which network the asking process has",
			   "the asking process is in another network namespace than the daemon"},
	[SPACE_USER] = {K_PIDFD_GET_USER_NAMESPACE, "/proc/self/ns/user", "/ns/user",
			"cannot tell which user namespace the asking process is in",
			"the asking process is in another user namespace than the daemon"},
};

static int space_at(int at, const char *path, uint32_t flags, struct identity *space)
{
	struct k_statx file;

	if (SYS(statx, at, path, flags, K_STATX_BASIC_STATS, &file) < 0)
		return -1;
	*space = identity_of(&file);
	return 0;
}

/*
 * A namespace by the pidfd, for which no directory of /proc is made (fs/pidfs.c), is that of this very process; by its
 * number, of whoever has that now. Older kernels (Linux 6.11 was the first) do not know the one: ENOTTY.
 */
static int space_of(uint32_t which, int pid, int pidfd, struct identity *space, int *pinned)
{
	char path[40], digits[12];
	long fd = SYS(ioctl, pidfd, spaces[which].request, 0);

	*pinned = fd >= 0;
	if (fd >= 0) {
		int result = space_at((int)fd, "", K_AT_EMPTY_PATH, space);

		SYS(close, fd);
		return result;
	}
	uint32_t len = append(path, sizeof(path), 0, "/proc/");
	len = append(path, sizeof(path), len, decimal(digits, (uint32_t)pid));
	append(path, sizeof(path), len, spaces[which].name);
	return space_at(K_AT_FDCWD, path, 0, space);
}

int spaces_own(struct space own[SPACES], struct llrun_error *error)
{
	for (uint32_t i = 0; i < SPACES; i++) {
		own[i].fd = (int)SYS(openat, K_AT_FDCWD, spaces[i].own, K_O_RDONLY | K_O_CLOEXEC);
		if (check_sys(error, "open", own[i].fd, spaces[i].own) < 0 ||
		    check_sys(error, "statx", space_at(own[i].fd, "", K_AT_EMPTY_PATH, &own[i].id), spaces[i].own) <
			    0)
			return -1;
	}
	return 0;
}

const char *spaces_differ(const struct space own[SPACES], int pid, int pidfd)
{
	struct identity space;
	int pinned = 1, all = 1;

	for (uint32_t i = 0; i < SPACES; i++, all &= pinned) {
		if (space_of(i, pid, pidfd, &space, &pinned) < 0)
			return spaces[i].untold;
		if (!same_file(&space, &own[i].id))
			return spaces[i].other;
	}
	/* no pidfd, on an older kernel: EBADF */
	return !all && SYS(pidfd_send_signal, pidfd, 0) == -K_ESRCH ? "the asking process is gone" : NULL;
}
