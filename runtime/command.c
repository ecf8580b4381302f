/* SPDX-License-Identifier: MIT */
/*
 * From a policy's file to the running command: the sequence, written once for llrun and llrund.
 *
 * MUST apply everything the policy says before the command starts, or refuse.
 * MUST verify the very bytes it uses: they are read into its own memory first, so that later writes to the file and
 * truncation cannot change or kill it.
 * MUST use only a blob that nobody but root and the caller could have written, unless told --trust-blob.
 */
#include "launch.h"
#include "msg.h"
#include "view.h"

/* ---- the blob ---- */

/* A FIFO must not hang the open, a terminal not become the controlling one; what was opened is looked at next. */
static long open_file(const char *path)
{
	return SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC | K_O_NONBLOCK | K_O_NOCTTY);
}

/* In the order of the manual page. The first that is there is taken: one that cannot be opened ends the search, too. */
static long open_named(const char *const *envp, const char *name, char *path)
{
	const char *config = env_get(envp, "XDG_CONFIG_HOME"), *data = env_get(envp, "LLRUN_POLICY_SYSTEM_DIR");
	const char *lists[] = {env_get(envp, "LLRUN_POLICY_PATH"), config && *config ? config : env_get(envp, "HOME"),
			       data && *data ? data : LLRUN_DATADIR ":/usr/share/llc-policy", "/etc/llc-policy"};
	const char *const below = lists[1] == config ? "/llc-policy/" : "/.config/llc-policy/";
	long fd = -K_ENOENT;

	for (int i = 0, empty; i < 4; i++)
		for (; fd == -K_ENOENT && lists[i]; fd = empty ? fd : open_file(path)) {
			empty = !*lists[i] || *lists[i] == ':';
			next_in(path, PATH_SIZE, &lists[i], i == 1 ? below : "/", name, ".llb");
		}
	return fd;
}

int run_open(struct run *run, char *path, struct llrun_error *error)
{
	const char *name = run->given[OPT_POLICY], *inherited = run->given[OPT_BLOB_FD];

	if (name && (!is_bare(name) || !*name || *name == '.'))
		return fail(error, LLRUN_E_BLOB, "not a policy name; a path is given without -p", name);
	long fd = inherited ? (long)run->numbers[OPT_BLOB_FD]
		  : name    ? open_named(run->options.envp, name, path)
			    : open_file(run->blob);
	if (name && fd == -K_ENOENT)
		return fail(error, LLRUN_E_BLOB, "no such policy in any directory that llrun --help names", name);
	if (!run->blob)
		run->blob = inherited ? inherited : path;
	/* it would be passed on; the standard ones belong to the command all the same */
	if (inherited && fd > 2)
		SYS(fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	run->fd = (int)fd;
	return check_sys(error, "open", fd, run->blob);
}

/*
 * In a user namespace root's files show the overflow uid (65534), as /proc does then: they count as root's when the
 * caller cannot write them. Elsewhere that uid is a user. Nobody can write a sealed memfd.
 */
long run_check(const struct run *run, struct llrun_error *error)
{
	const int sealed = K_F_SEAL_SHRINK | K_F_SEAL_GROW | K_F_SEAL_WRITE;
	struct k_statx file, proc;
	long result = SYS(statx, run->fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);

	if (check_sys(error, "statx", result, run->blob) < 0)
		return -1;
	int owner = file.uid == 0 || file.uid == run->aux[K_AT_UID] || file.uid == run->aux[K_AT_EUID];
	if ((file.mode & K_S_IFMT) != K_S_IFREG || file.size > LLPB_MAX_SIZE)
		return fail(error, LLRUN_E_BLOB, "not a policy blob (not a regular file of at most 16 MiB)",
			    run->blob);
	if (!owner && file.uid == K_OVERFLOW_UID &&
	    SYS(statx, K_AT_FDCWD, "/proc", 0, K_STATX_BASIC_STATS, &proc) == 0 && proc.uid == K_OVERFLOW_UID) {
		result = SYS(faccessat2, run->fd, "", K_W_OK, K_AT_EMPTY_PATH | K_AT_EACCESS);
		owner = result == -K_EACCES || result == -K_EROFS || result == -K_EPERM;
	}
	if (run->given[OPT_TRUST_BLOB] || (owner && !(file.mode & 022)))
		return (long)file.size;
	result = SYS(fcntl, run->fd, K_F_GET_SEALS);
	if (result > 0 && (result & sealed) == sealed)
		return (long)file.size;
	return fail(error, LLRUN_E_BLOB,
		    owner ? "the policy is writable by group or others: chmod go-w it, or say --trust-blob"
			  : "the policy belongs neither to root nor to the caller: chown it, or say --trust-blob",
		    run->blob);
}

/*
 * Read, not mapped: a mapped file can change or shrink under us. All of a new mapping will be written, so one call for
 * all pages, not a fault for each.
 */
int run_read(const struct run *run, struct policy *policy, void *memory, size_t size, struct llrun_error *error)
{
	const int flags = K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_POPULATE;
	long at = memory ? (long)memory : SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, flags, -1), result;

	if (at < 0 && at > -4096)
		return check_sys(error, "mmap", at, run->blob);
	for (size_t done = run->fd < 0 ? size : 0; done < size; done += (size_t)result) {
		result = SYS(pread64, run->fd, at + (long)done, size - done, done);
		if (result == 0)
			return fail(error, LLRUN_E_BLOB, "the policy shrank while it was read", run->blob);
		if (check_sys(error, "pread64", result, run->blob) < 0)
			return -1;
	}
	if (policy_open(policy, (const void *)at, size, &run->options, error) == 0)
		return 0;
	if (error->code == LLRUN_E_BLOB)
		error->object = run->blob;
	if (error->code == LLRUN_E_REFUSED)
		say_uncovered(policy, "refused");
	return -1;
}

/* ---- the command ---- */

int run_status(const struct policy *policy, int status)
{
	return policy->blob.process->flags & LLPB_PROC_EXIT_1 ? 1 : status;
}

/*
 * The first executable regular file in the caller's PATH, looked up before the restriction, so that what the policy
 * denies is a denial and never a different program. Returns 0 or the exit status.
 */
static int find_command(const struct run *run, char *path, struct llrun_error *error)
{
	const char *name = *run->command, *list = env_get(run->options.envp, "PATH");
	int status = EXIT_NOT_FOUND;
	struct k_statx file;

	list = list ? list : "/usr/local/bin:/usr/bin:/bin";
	while (*name && next_in(path, PATH_SIZE, &list, "/", name, "")) {
		if (SYS(statx, K_AT_FDCWD, path, 0, K_STATX_BASIC_STATS, &file) < 0 ||
		    (file.mode & K_S_IFMT) != K_S_IFREG)
			continue;
		if (SYS(faccessat, K_AT_FDCWD, path, K_X_OK) == 0)
			return 0;
		status = EXIT_NOT_EXECUTABLE;
	}
	fail(error, LLRUN_E_BLOB, status == EXIT_NOT_FOUND ? "command not found" : "command not executable", name);
	return status;
}

static int execute(const struct run *run, const struct policy *policy, const char *path, struct llrun_error *error)
{
	const char *const *envp = run->options.envp;

	if (policy->blob.process->flags & LLPB_PROC_ENV) {
		/* bounded by the environment the kernel accepted plus LLPB_MAX_ENV */
		const char **built = __builtin_alloca(llrun_env_size((const void *)policy, envp) * sizeof(*built));

		llrun_env_build((const void *)policy, envp, built);
		envp = built;
	}
	if (llrun_enter((const void *)policy, error) < 0)
		return EXIT_REFUSED;
	long result = SYS(execve, path, run->command, envp);
	check_sys(error, "execve", result, path);
	return result == -K_ENOENT && path == *run->command ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

int run_command(const struct run *run, struct policy *policy, char *path, struct llrun_error *error)
{
	const char *command = *run->command ? *run->command : "none given";
	int status = 0;

	if (view_make(policy, &run->options, error) < 0 ||
	    (!run->filled && policy_fill(policy, &run->options, run->report, error) < 0) ||
	    view_enter(policy, error) < 0)
		status = EXIT_REFUSED;
	if (status == 0 && is_bare(*run->command)) {
		status = find_command(run, path, error);
		command = path;
	}
	if (status == 0 && run->given[OPT_CHECK]) {
		msg(1, "command: \"%s\"", command);
		error->code = LLRUN_OK;
		return 0;
	}
	if (status == 0 && !run->given[OPT_QUIET])
		note_jobserver(policy, run->options.envp);
	return run_status(policy, status ? status : execute(run, policy, command, error));
}
