/* SPDX-License-Identifier: MIT */
/*
 * Where the audit log goes, and that the command cannot follow.
 *
 * MUST refuse a log that the command could write to: such a log proves nothing.
 */
#include "audit.h"
#include "kernel_run.h"
#include "signals.h"
#include "supervise.h"
#include "view.h"

/* ---- opening ---- */

static long open_descriptor(const char *text)
{
	uint32_t fd;
	const char *rest = number(text, &fd);

	if (!rest || *rest)
		return -K_EINVAL;
	long result = SYS(fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	return result < 0 ? result : (long)fd;
}

/* Connections, not datagrams: the reader can tell ours from one that the command makes (SO_PEERCRED). */
static long open_socket(const char *path)
{
	struct k_sockaddr_un address = {.family = K_AF_UNIX};
	static const int types[] = {K_SOCK_STREAM, K_SOCK_SEQPACKET};
	long result = -K_ENAMETOOLONG;
	uint32_t len = append(address.path, sizeof(address.path), 0, path);

	for (uint32_t i = 0; !path[len] && i < 2 && (i == 0 || result == -K_EPROTOTYPE); i++) {
		long fd = SYS(socket, K_AF_UNIX, types[i] | K_SOCK_CLOEXEC, 0);

		result = fd < 0 ? fd : SYS(connect, fd, &address, sizeof(address));
		if (result == 0)
			return fd;
		if (fd >= 0)
			SYS(close, fd);
	}
	return result;
}

/* A FIFO without a reader must not hang us; for a socket's path the kernel says ENXIO. */
static long open_log(const char *path)
{
	const int flags = K_O_WRONLY | K_O_APPEND | K_O_CREAT | K_O_CLOEXEC | K_O_NOCTTY | K_O_NONBLOCK;

	return SYS(openat, K_AT_FDCWD, path, flags, 0600);
}

/*
 * A record that a full disk has cut has no end: the first one that is appended must not become a part of it. Where the
 * file may not be read nobody can tell.
 */
static long end_line(int fd)
{
	char link[32] = "/proc/self/fd/", digits[12], last = '\n';
	struct k_statx file;
	long result = SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);

	if (result < 0 || (file.mode & K_S_IFMT) != K_S_IFREG || !file.size)
		return result;
	append(link, sizeof(link), 14, decimal(digits, (uint32_t)fd));
	long log = SYS(openat, K_AT_FDCWD, link, K_O_RDONLY | K_O_CLOEXEC);
	if (log < 0)
		return 0;
	result = SYS(pread64, log, &last, 1, file.size - 1);
	SYS(close, log);
	return result < 0 || last == '\n' ? result : SYS(write, fd, "\n", 1);
}

static int is_word(const char *text)
{
	uint32_t len = 0;

	for (; text[len]; len++) {
		char c = text[len];

		if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') && c != '.' && c != '_' &&
		    c != ':' && c != '-')
			return 0;
	}
	return len > 0 && len <= 64;
}

static void hex(char *out, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * count] = 0;
}

int audit_job(struct audit *audit, const char *const *envp, struct llrun_error *error)
{
	const char *given = env_get(envp, "LLRUND_JOB_ID");
	uint8_t random[8];

	if (given && *given) {
		append(audit->job_id, sizeof(audit->job_id), 0, given);
		return is_word(given) ? 0
				      : fail(error, LLRUN_E_BLOB,
					     "LLRUND_JOB_ID wants 1 to 64 letters, digits or . _ : -", given);
	}
	long result = SYS(getrandom, random, sizeof(random), 0);
	hex(audit->job_id, random, sizeof(random));
	return check_sys(error, "getrandom", result, NULL);
}

int audit_open(struct audit *audit, const char *destination, const char *const *envp, struct llrun_error *error)
{
	const char *descriptor = after_prefix(destination, "fd:"), *socket = after_prefix(destination, "unix:");

	*audit = (struct audit){.destination = destination};
	long page =
		SYS(mmap, 0, sizeof(*audit->shared), K_PROT_READ | K_PROT_WRITE, K_MAP_SHARED | K_MAP_ANONYMOUS, -1);
	if (page < 0 && page > -4096)
		return check_sys(error, "mmap", page, NULL);
	audit->shared = (struct audit_shared *)page;
	long fd = descriptor ? open_descriptor(descriptor) : socket ? open_socket(socket) : open_log(destination);
	audit->fd = (int)fd;
	if (check_sys(error, socket ? "connect" : descriptor ? "fcntl" : "open", fd, destination) < 0) {
		error->text = fd == -K_ENXIO ? "the audit log has no reader" : "the audit log cannot be opened";
		return -1;
	}
	if (check_sys(error, "write", end_line(audit->fd), destination) < 0)
		return -1;
	return audit_job(audit, envp, error);
}

void audit_policy(struct audit *audit, const struct blob *blob)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < sizeof(blob->meta->source_digest); i++)
		any |= blob->meta->source_digest[i];
	audit->policy = *blob_str(blob, blob->meta->name) ? blob_str(blob, blob->meta->name) : NULL;
	if (any)
		hex(audit->digest, blob->meta->source_digest, sizeof(blob->meta->source_digest));
}

/* ---- out of the command's reach ---- */

static int same_file(const struct k_statx *a, const struct k_statx *b)
{
	int device = (a->mode & K_S_IFMT) == K_S_IFCHR && (b->mode & K_S_IFMT) == K_S_IFCHR;

	if (device)
		return a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor;
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

struct holder {
	const struct policy *policy;
	const struct k_statx *log;
	int found; /* a descriptor of the command's that is the log; -1 */
};

static void compare(void *context, int dir, uint32_t fd)
{
	struct holder *holder = context;
	struct k_statx file;
	int closes = holder->policy->blob.process->flags & LLPB_PROC_CLOSE_FDS;

	(void)dir;
	if ((fd > 2 && closes && process_kept(holder->policy, fd) != fd) || SYS(fcntl, fd, K_F_GETFD) != 0)
		return;
	if (SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file) == 0 && same_file(&file, holder->log))
		holder->found = (int)fd;
}

static int check_descriptors(const struct audit *audit, const struct policy *policy, const struct k_statx *log,
			     struct llrun_error *error)
{
	struct holder holder = {policy, log, -1};
	long dir = SYS(openat, K_AT_FDCWD, "/proc/self/fd", K_O_RDONLY | K_O_DIRECTORY | K_O_CLOEXEC);

	if (check_sys(error, "openat", dir, "/proc/self/fd") < 0)
		return -1;
	each_number((int)dir, compare, &holder);
	SYS(close, dir);
	return holder.found < 0
		       ? 0
		       : fail(error, LLRUN_E_BLOB, "the command has the audit log open, and could write to it",
			      audit->destination);
}

/* Where the log lies, found before the view is made: Landlock knows files by what they are, not by where they are seen. */
struct place_of_log {
	int fd, dir;
	const char *leaf; /* its name there */
	int fifo;
};

/*
 * Can the file be replaced? Renamed to itself it stays what it is, but Landlock is asked (fs/namei.c, do_renameat2());
 * the directory's mode is not, so that is asked for itself.
 */
static int is_replaceable(const struct place_of_log *log)
{
	return SYS(faccessat, log->dir, ".", K_W_OK | K_X_OK) == 0 &&
	       SYS(renameat2, log->dir, log->leaf, log->dir, log->leaf, 0) == 0;
}

/*
 * Landlock knows this right from ABI 3 on; before, only a filter can hold it back. Nothing is cut: no file may become
 * longer than 0 bytes here, and the kernel asks for permission first (fs/open.c, vfs_truncate(); fs/attr.c,
 * inode_newsize_ok()).
 */
static int is_truncatable(const struct policy *policy, const char *path)
{
	const struct llpb_filter *filter = policy->filter;
	const struct k_sock_fprog program = {filter ? (uint16_t)filter->count : 0,
					     filter ? policy->blob.insns + filter->first : NULL};
	const struct k_rlimit none = {0, 0};

	if (mask_signals(K_SIG_BLOCK, K_SIG_BIT(K_SIGXFSZ), NULL) < 0 ||
	    SYS(prlimit64, 0, K_RLIMIT_FSIZE, &none) < 0 ||
	    (filter && SYS(seccomp, K_SECCOMP_SET_MODE_FILTER, filter->flags, &program) < 0))
		return 1;
	return SYS(truncate, path, INT64_MAX) == -K_EFBIG;
}

/* Whoever reads from a FIFO takes the records away from their reader. */
static int is_drainable(const struct place_of_log *log, int proc, const char *name)
{
	return log->fifo && SYS(openat, proc, name, K_O_RDONLY | K_O_NONBLOCK | K_O_NOCTTY) >= 0;
}

enum { UNKNOWN, OUT_OF_REACH, WITHIN_REACH };

/* What is tried here are not the command's mounts; but what fails now fails for the command. */
static int failed_mount(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error)
{
	return result < 0 ? audit_mount(policy, i, result, error) : result;
}

/* In a child: with the policy's view, layers and capabilities, try. Why it cannot be tried is in *error. */
static void try(uint32_t *reach, struct policy *policy, const struct llrun_options *options,
		const struct place_of_log *log, struct llrun_error *error)
{
	/* the view may have another /proc; and what goes on in it may be another process: so "self" is looked up there */
	long proc = SYS(openat, K_AT_FDCWD, "/proc", K_O_ANCHOR | K_O_DIRECTORY);
	char digits[12], name[24] = "self/fd/";

	append(name, sizeof(name), 8, decimal(digits, (uint32_t)log->fd));
	policy->mounted = failed_mount;
	/* nor is what is denied now a denial of the command's */
	if (policy->abi >= 7)
		policy->restrict_flags |= K_LANDLOCK_LOG_SAME_EXEC_OFF;
	if (check_sys(error, "openat", proc, "/proc") < 0 || view_make(policy, options, error) < 0 ||
	    policy_fill(policy, options, NULL, error) < 0 || process_settings(policy, error) < 0 ||
	    process_drop(policy->blob.process->drop_caps, error) < 0 || landlock_restrict(policy, error) < 0)
		return;
	long fd = SYS(openat, proc, name, K_O_WRONLY | K_O_APPEND | K_O_NONBLOCK | K_O_NOCTTY);
	*reach = WITHIN_REACH;
	if (fd >= 0 || fd == -K_ENXIO || is_drainable(log, (int)proc, name) || is_replaceable(log) ||
	    SYS(fchdir, proc) < 0)
		return;
	/* the filter may end this process, which then could not have done it */
	*reach = OUT_OF_REACH;
	if (is_truncatable(policy, name))
		*reach = WITHIN_REACH;
}

/* The kernel's name of the log; "" where no path leads to it: of a pipe, a socket, a file without a name. */
static int name_log(const struct audit *audit, char path[PATH_SIZE], struct k_statx *file, struct llrun_error *error)
{
	char link[32] = "/proc/self/fd/", digits[12];

	if (check_sys(error, "statx", SYS(statx, audit->fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, file),
		      audit->destination) < 0)
		return -1;
	append(link, sizeof(link), 14, decimal(digits, (uint32_t)audit->fd));
	long len = SYS(readlinkat, K_AT_FDCWD, link, path, PATH_SIZE - 1);
	path[len < 0 || *path != '/' || file->nlink == 0 ? 0 : len] = 0;
	return check_sys(error, "readlinkat", len, link);
}

/* Cuts the path before its last name, *leaf. A descriptor, or -1. */
static int open_dir(const struct audit *audit, char *path, const char **leaf, struct llrun_error *error)
{
	uint32_t cut = 0;

	for (uint32_t i = 0; path[i]; i++)
		cut = path[i] == '/' ? i : cut;
	path[cut] = 0;
	*leaf = path + cut + 1;
	long dir = SYS(openat, K_AT_FDCWD, cut ? path : "/", K_O_ANCHOR | K_O_DIRECTORY);
	return check_sys(error, "openat", dir, audit->destination) < 0 ? -1 : (int)dir;
}

int audit_dir(const struct audit *audit, int *dir, struct llrun_error *error)
{
	char path[PATH_SIZE];
	const char *leaf;
	struct k_statx file;

	*dir = -1;
	if (!audit)
		return 0;
	if (name_log(audit, path, &file, error) < 0)
		return -1;
	return *path && (*dir = open_dir(audit, path, &leaf, error)) < 0 ? -1 : 0;
}

/*
 * What the child has found. All signals are blocked in it (job_init()), so that of those that others send only SIGKILL
 * ends it, and what a filter ends it with is another one. Whoever is killed has shown nothing.
 */
static int judge(const struct audit *audit, int status, const struct outcome *why, struct llrun_error *error)
{
	uint32_t reach = (status & 0x7f) == K_SIGKILL ? UNKNOWN : audit->shared->reach;

	if (reach == OUT_OF_REACH)
		return 0;
	if (reach == WITHIN_REACH)
		return audit_within_reach(audit, error);
	if (!why->status)
		return fail(error, LLRUN_E_BLOB,
			    "whether the policy lets the command write the audit log could not be tried",
			    audit->destination);
	*error = outcome_error(why);
	return -1;
}

/* The kernel knows best what the policy permits. */
static int check_path(const struct audit *audit, struct policy *policy, const struct llrun_options *options,
		      struct place_of_log *log, struct outcome *why, struct llrun_error *error)
{
	uint32_t *reach = &audit->shared->reach;
	int status = 0;

	*reach = UNKNOWN;
	long child = SYS(clone, K_SIGCHLD, 0, 0, 0, 0);

	if (child == 0) {
		struct llrun_error refusal = {.code = LLRUN_OK};

		try(reach, policy, options, log, &refusal);
		if (refusal.code)
			outcome_set(why, &refusal, EXIT_REFUSED);
		SYS(exit_group, 0);
		__builtin_trap(); /* a filter that does not let it end */
	}
	SYS(close, log->dir);
	if (check_sys(error, "clone", child, NULL) < 0 ||
	    check_sys(error, "wait4", SYS(wait4, child, &status, 0), NULL) < 0)
		return -1;
	return judge(audit, status, why, error);
}

int audit_within_reach(const struct audit *audit, struct llrun_error *error)
{
	return fail(error, LLRUN_E_BLOB,
		    "the policy lets the command write or replace the audit log, or read from it as a FIFO; write it "
		    "elsewhere",
		    audit->destination);
}

int audit_check(const struct audit *audit, struct policy *policy, const struct llrun_options *options,
		struct outcome *why, struct llrun_error *error)
{
	struct place_of_log place = {.fd = audit->fd};
	char path[PATH_SIZE];
	struct k_statx log, named;

	if (name_log(audit, path, &log, error) < 0 || check_descriptors(audit, policy, &log, error) < 0)
		return -1;
	if (!*path)
		return 0;
	if (log.nlink > 1)
		return fail(error, LLRUN_E_BLOB, "the audit log has other names (hard links)", audit->destination);
	place.fifo = (log.mode & K_S_IFMT) == K_S_IFIFO;
	place.dir = open_dir(audit, path, &place.leaf, error);
	if (place.dir < 0)
		return -1;
	if (SYS(statx, place.dir, place.leaf, K_AT_SYMLINK_NOFOLLOW, K_STATX_BASIC_STATS, &named) < 0 ||
	    !same_file(&named, &log))
		return fail(error, LLRUN_E_BLOB, "the audit log is not found by its name: it was renamed or removed",
			    audit->destination);
	return check_path(audit, policy, options, &place, why, error);
}
