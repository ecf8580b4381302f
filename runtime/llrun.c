/* SPDX-License-Identifier: MIT */
/*
 * llrun: apply a compiled policy, then execute a command under it. Top to bottom the order of things.
 *
 * MUST apply everything the policy says before the command starts, or exit 125 with one line that says why.
 * MUST verify the very bytes it uses: they are read into its own memory first, so that later writes to the file and
 * truncation cannot change or kill it.
 * MUST use only a blob that nobody but root and the caller could have written, unless told --trust-blob.
 * MUST NOT run with privileges that its caller does not have (AT_SECURE).
 */
#include "enter.h"
#include "msg.h"
#include "version.h"

enum { EXIT_REFUSED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

enum {
#define OPTION(id, name, arg, help) OPT_##id,
#include "options.def"
	OPTIONS
};

static const struct {
	const char *name, *arg, *help;
} options[OPTIONS] = {
#define OPTION(id, name, arg, help) {name, arg, help},
#include "options.def"
};

struct run {
	struct llrun_options options;
	const char *sets[LLPB_MAX_SLOTS + 1]; /* NULL-terminated */
	int keep[LLPB_MAX_KEEP];
	const char *given[OPTIONS]; /* values of the options seen; "" for those without argument */
	const char *blob; /* for messages, too */
	const char *const *command; /* argv of the command, NULL-terminated */
	uint32_t aux[K_AT_SECURE + 1]; /* the auxiliary vector, by type */
	uint32_t nsets, numbers[OPTIONS];
};

/* A failure, or the end (NULL); with the policy known, it may want the exit status of the tools whose names llrun's links bear. */
static _Noreturn void stop(const struct policy *policy, const struct llrun_error *error, int status)
{
	if (error)
		msg_error(error);
	for (;;)
		SYS(exit_group, policy && policy->blob.process->flags & LLPB_PROC_EXIT_1 ? 1 : status);
}

/* `what` is a sentence, or a system call when the result is negative. */
static _Noreturn void refuse(const char *what, long result, const char *object)
{
	struct llrun_error error;

	if (check_sys(&error, what, result, object) == 0)
		fail(&error, LLRUN_E_BLOB, what, object);
	stop(NULL, &error, EXIT_REFUSED);
}

/* ---- options ---- */

static void take_option(struct run *run, uint32_t option, const char *value)
{
	const char *rest = streq(options[option].arg, "N") ? number(value, &run->numbers[option]) : "";

	if (!rest || *rest)
		refuse("this option wants a number", 0, options[option].name);
	if (option != OPT_SET && option != OPT_KEEP_FD && run->given[option])
		refuse("option given twice", 0, options[option].name);
	run->given[option] = value;
	if (option == OPT_SET) {
		if (run->nsets == LLPB_MAX_SLOTS)
			refuse("more slots set than a policy can have", 0, value);
		run->sets[run->nsets++] = value;
		run->sets[run->nsets] = NULL;
	} else if (option == OPT_KEEP_FD) {
		if (run->options.nkeep_fds == LLPB_MAX_KEEP || SYS(fcntl, run->numbers[option], K_F_GETFD) < 0)
			refuse("--keep-fd wants an open descriptor, at most 32 of them", 0, value);
		run->keep[run->options.nkeep_fds++] = (int)run->numbers[option];
	} else if (option == OPT_AS_ABI) {
		run->options.flags |= LLRUN_AS_ABI;
		run->options.as_abi = run->numbers[option];
	}
}

/* "--name", "--name VALUE", "--name=VALUE". Returns the first word behind the option. */
static const char *const *parse_option(struct run *run, const char *const *argv)
{
	for (uint32_t i = 0; i < OPTIONS; i++) {
		const char *rest = after_prefix(*argv, options[i].name), *value = "";

		if (!rest || (*rest && !(*options[i].arg && *rest == '=')))
			continue;
		if (*options[i].arg)
			value = *rest ? rest + 1 : *++argv;
		if (!value)
			refuse("this option wants an argument", 0, options[i].name);
		take_option(run, i, value);
		return argv + 1;
	}
	refuse("unknown option; see llrun --help", 0, *argv);
}

static _Noreturn void help(int version)
{
	msg(1, "llrun %s (policy format %u): llrun [OPTIONS] POLICY.llb -- COMMAND...", LLC_VERSION, LLPB_VERSION);
	for (uint32_t i = 0; !version && i < OPTIONS; i++)
		msg(1, "  %s %s\n        %s", options[i].name, options[i].arg, options[i].help);
	stop(NULL, NULL, 0);
}

/* Options, the policy, then the command, with "--" ending the options wherever it stands. */
static void parse(struct run *run, const char *const *argv)
{
	int named = 0;

	while (*argv && !streq(*argv, "--")) {
		if (argv[0][0] == '-' && argv[0][1])
			argv = parse_option(run, argv);
		else if (!named)
			run->blob = *argv++;
		else
			break;
		named = !!run->blob + !!run->given[OPT_POLICY] + !!run->given[OPT_BLOB_FD];
	}
	if (run->given[OPT_HELP] || run->given[OPT_VERSION])
		help(!run->given[OPT_HELP]);
	if (!named && *argv && *++argv)
		named = !!(run->blob = *argv++);
	argv += *argv && streq(*argv, "--");
	if (named != 1)
		refuse(named ? "more than one policy given" : "no policy given; see llrun --help", 0, NULL);
	if (!*argv && !run->given[OPT_CHECK])
		refuse("no command given; see llrun --help", 0, NULL);
	run->command = argv;
}

/* ---- the blob ---- */

/* A FIFO must not hang the open, a terminal not become the controlling one; what was opened is looked at next. */
static long open_file(const char *path)
{
	return SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC | K_O_NONBLOCK | K_O_NOCTTY);
}

static long open_named(const char *const *envp, const char *name, char path[PATH_SIZE])
{
	const char *home = env_get(envp, "HOME"), *list = env_get(envp, "LLRUN_POLICY_PATH");
	long fd = -K_ENOENT;

	if (!is_bare(name) || !*name || *name == '.')
		refuse("not a policy name; a path is given without -p", 0, name);
	if (!list && home && *home && next_in(path, PATH_SIZE, &home, "/.config/llc-policy/", name, ".llb"))
		fd = open_file(path);
	list = list ? list : "/etc/llc-policy:" LLRUN_DATADIR ":/usr/share/llc-policy";
	while (fd == -K_ENOENT && next_in(path, PATH_SIZE, &list, "/", name, ".llb"))
		fd = open_file(path);
	return fd;
}

static long open_blob(struct run *run, char path[PATH_SIZE])
{
	const char *name = run->given[OPT_POLICY], *inherited = run->given[OPT_BLOB_FD];
	long fd = inherited ? (long)run->numbers[OPT_BLOB_FD]
		  : name    ? open_named(run->options.envp, name, path)
			    : open_file(run->blob);

	if (name && fd == -K_ENOENT)
		refuse("-p NAME: no NAME.llb in the directories that llrun --help names", 0, name);
	if (!run->blob)
		run->blob = inherited ? inherited : path;
	if (fd < 0)
		refuse("open", fd, run->blob);
	/* it would be passed on; the standard ones belong to the command all the same */
	if (inherited && fd > 2)
		SYS(fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	return fd;
}

/*
 * Refuses what may hold bytes that neither root nor the caller wrote; returns the size. In a user namespace root's files
 * show the overflow uid (65534), as /proc does then: they count as root's when the caller cannot write them. Elsewhere
 * that uid is a user. Nobody can write a sealed memfd.
 */
static size_t check_blob(const struct run *run, long fd)
{
	const int sealed = K_F_SEAL_SHRINK | K_F_SEAL_GROW | K_F_SEAL_WRITE;
	struct k_statx file, proc;
	long result = SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);

	if (result < 0)
		refuse("statx", result, run->blob);
	int owner = file.uid == 0 || file.uid == run->aux[K_AT_UID] || file.uid == run->aux[K_AT_EUID];
	if ((file.mode & K_S_IFMT) != K_S_IFREG || file.size > LLPB_MAX_SIZE)
		refuse("not a policy blob (not a regular file of at most 16 MiB)", 0, run->blob);
	if (!owner && file.uid == K_OVERFLOW_UID &&
	    SYS(statx, K_AT_FDCWD, "/proc", 0, K_STATX_BASIC_STATS, &proc) == 0 && proc.uid == K_OVERFLOW_UID) {
		result = SYS(faccessat2, fd, "", K_W_OK, K_AT_EMPTY_PATH | K_AT_EACCESS);
		owner = result == -K_EACCES || result == -K_EROFS || result == -K_EPERM;
	}
	if (run->given[OPT_TRUST_BLOB] || (owner && !(file.mode & 022)))
		return file.size;
	result = SYS(fcntl, fd, K_F_GET_SEALS);
	if (result > 0 && (result & sealed) == sealed)
		return file.size;
	refuse(owner ? "the policy is writable by group or others: chmod go-w it, or say --trust-blob"
		     : "the policy belongs neither to root nor to the caller: chown it, or say --trust-blob",
	       0, run->blob);
}

/* Up to this size the stack, beyond it a mapping; read, not mapped: a mapped file can change or shrink under us. */
#define SMALL_BLOB 16384

/* To the memory given, or to a new mapping: all of it will be written, so one call for all pages, not a fault for each. */
static const void *read_blob(const struct run *run, long fd, char *memory, size_t size)
{
	const int flags = K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_POPULATE;
	long at = memory ? (long)memory : SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, flags, -1), result;

	if (at < 0 && at > -4096)
		refuse("mmap", at, run->blob);
	for (size_t done = 0; done < size; done += (size_t)result) {
		result = SYS(pread64, fd, at + (long)done, size - done, done);
		if (result <= 0)
			refuse(result ? "pread64" : "the policy shrank while it was read", result, run->blob);
	}
	return (const void *)at;
}

/* ---- what the user is told ---- */

static void say_uncovered(const struct policy *policy, const char *severity)
{
	struct llrun_error lost;

	for (uint32_t next = 0; llrun_uncovered((const void *)policy, &next, &lost);)
		msg(2, "llrun: %s: %s is not covered on Landlock ABI %u: %s (%s:%u)", severity, lost.object,
		    policy->abi, lost.text, lost.file ? lost.file : "no source", lost.line);
}

/* make hands its job slots to children through two descriptors; without them a recursive make runs one job. */
static void note_jobserver(const struct policy *policy, const char *const *envp)
{
	const char *flags = policy->blob.process->flags & LLPB_PROC_CLOSE_FDS ? env_get(envp, "MAKEFLAGS") : NULL;
	uint32_t in, out;

	for (; flags && *flags; flags++) {
		const char *at = after_prefix(flags, "--jobserver-auth=");

		at = at ? at : after_prefix(flags, "--jobserver-fds=");
		at = at ? number(at, &in) : NULL;
		if (!at || *at != ',' || !number(at + 1, &out) || in <= 2 || process_kept(policy, in) == in ||
		    SYS(fcntl, in, K_F_GETFD) < 0)
			continue;
		msg(2, "llrun: note: closing make's jobserver; --keep-fd %u --keep-fd %u would keep it", in, out);
		return;
	}
}

/* The names of rights, and of capabilities. */
static const char *names(char out[PATH_SIZE], uint64_t fs, uint64_t net, uint64_t scope, uint64_t caps)
{
	uint32_t len = append(out, PATH_SIZE, 0, fs | net | scope | caps ? "" : " nothing");

#define ADD(mask, name, bit)              len = append(out, PATH_SIZE, len, mask >> (bit)&1 ? " " #name : "");
#define LL_FS(name, bit, abi, kind, help) ADD(fs, name, bit)
#define LL_NET(name, bit, abi, help)      ADD(net, name, bit)
#define LL_SCOPE(name, bit, abi, help)    ADD(scope, name, bit)
#define CAP(name, bit, dangerous, why)    ADD(caps, name, bit)
#include "access.def"
#include "caps.def"
	return out;
}

static void say_rule(const struct policy *policy, uint32_t rule, uint64_t access, int missing)
{
	const struct llpb_path *path = &policy->blob.paths[rule];
	char buffer[PATH_SIZE];

	msg(1, "layer %u path \"%s\":%s", path->layer, blob_str(&policy->blob, path->shown),
	    missing ? " does not exist, skipped" : names(buffer, access, 0, 0, 0));
}

/* Never inlined: its buffer would spread what llrun_start() uses over more pages of the stack, a fault each. */
static __attribute__((noinline)) void say_plan(const struct policy *policy)
{
	static const char *const how[LLPB_MECHANISMS] = {"NOT COVERED", "landlock", "seccomp", "namespace", "broker"};
	const struct blob *blob = &policy->blob;
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[policy->plan * blob->nlayers];
	char buffer[PATH_SIZE];

	msg(1, "policy \"%s\" from \"%s\" by %s", blob_str(blob, blob->meta->name),
	    blob_str(blob, blob->meta->source), blob_str(blob, blob->meta->compiler));
	msg(1, "kernel Landlock ABI %u, applied %u, plan %u", policy->host_abi, policy->abi, policy->plan);
	for (uint32_t i = 0; i < blob->nguarantees; i++)
		msg(1, "guarantee %s: %s", blob_str(blob, blob->guarantees[i].name),
		    how[blob->guarantees[i].mechanism[policy->plan]]);
	for (uint32_t i = 0; i < blob->nlosses; i++)
		if (blob->losses[i].first <= policy->plan && policy->plan <= blob->losses[i].last)
			msg(1, "loss: %s", blob_str(blob, blob->losses[i].text));
	for (uint32_t i = 0; i < blob->nlayers; i++)
		msg(1, "layer %u handles:%s", i,
		    names(buffer, attr[i].handled_access_fs, attr[i].handled_access_net, attr[i].scoped, 0));
	for (uint32_t i = 0; i < blob->nports; i++)
		msg(1, "layer %u port %u:%s", blob->ports[i].layer, (uint32_t)blob->ports[i].attr.port,
		    names(buffer, 0,
			  blob->ports[i].attr.allowed_access & attr[blob->ports[i].layer].handled_access_net, 0, 0));
	msg(1, "filter: %u instructions", policy->filter ? policy->filter->count : 0);
	msg(1, "capabilities dropped:%s; descriptors: %s", names(buffer, 0, 0, 0, blob->process->drop_caps),
	    blob->process->flags & LLPB_PROC_CLOSE_FDS ? "closed but for the kept ones" : "inherited");
}

/* ---- the command ---- */

/*
 * The first executable regular file in the caller's PATH, looked up before the restriction, so that what the policy
 * denies is a denial and never a different program.
 */
static const char *find_command(const struct policy *policy, const struct run *run, char path[PATH_SIZE])
{
	const char *name = *run->command, *list = env_get(run->options.envp, "PATH");
	int status = EXIT_NOT_FOUND;
	struct llrun_error error;
	struct k_statx file;

	if (!is_bare(name))
		return name;
	list = list ? list : "/usr/local/bin:/usr/bin:/bin";
	while (*name && next_in(path, PATH_SIZE, &list, "/", name, "")) {
		if (SYS(statx, K_AT_FDCWD, path, 0, K_STATX_BASIC_STATS, &file) < 0 ||
		    (file.mode & K_S_IFMT) != K_S_IFREG)
			continue;
		if (SYS(faccessat, K_AT_FDCWD, path, K_X_OK) == 0)
			return path;
		status = EXIT_NOT_EXECUTABLE;
	}
	fail(&error, LLRUN_E_BLOB, status == EXIT_NOT_FOUND ? "command not found" : "command not executable", name);
	stop(policy, &error, status);
}

static _Noreturn void execute(const struct policy *policy, const struct run *run, const char *path)
{
	const char *const *envp = run->options.envp;
	struct llrun_error error;

	if (policy->blob.process->flags & LLPB_PROC_ENV) {
		/* bounded by the environment the kernel accepted plus LLPB_MAX_ENV */
		const char **built = __builtin_alloca(llrun_env_size((const void *)policy, envp) * sizeof(*built));

		llrun_env_build((const void *)policy, envp, built);
		envp = built;
	}
	if (llrun_enter((const void *)policy, &error) < 0)
		stop(policy, &error, EXIT_REFUSED);
	long result = SYS(execve, path, run->command, envp);
	check_sys(&error, "execve", result, path);
	stop(policy, &error, result == -K_ENOENT && path == *run->command ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void init(struct run *run, const uintptr_t *stack)
{
	const uintptr_t *at = stack + 1 + stack[0] + 1;

	run->options = (struct llrun_options){.sets = run->sets, .keep_fds = run->keep, .flags = LLRUN_LEAVE_FDS};
	run->options.envp = (const char *const *)at;
	run->blob = run->sets[run->nsets = 0] = NULL;
	run->aux[K_AT_UID] = run->aux[K_AT_EUID] = run->aux[K_AT_SECURE] = UINT32_MAX;
	for (uint32_t i = 0; i < OPTIONS; i++)
		run->given[i] = NULL;
	while (*at++)
		;
	for (; *at != K_AT_NULL; at += 2)
		if (*at <= K_AT_SECURE)
			run->aux[*at] = (uint32_t)at[1];
}

_Noreturn void llrun_start(const uintptr_t *stack)
{
	char *path = NULL, *small = NULL;
	struct policy policy;
	struct llrun_error error;
	struct run run;

	init(&run, stack);
	if (run.aux[K_AT_SECURE])
		refuse("refusing to run set-user-ID, set-group-ID or with file capabilities (AT_SECURE)", 0, NULL);
	parse(&run, (const char *const *)(stack + 1) + !!stack[0]);
	/* Buffers of the size needed, where one is needed: each page of the stack that is touched costs a fault. */
	if (run.given[OPT_POLICY] || is_bare(*run.command))
		path = __builtin_alloca(PATH_SIZE);
	long fd = open_blob(&run, path);
	size_t size = check_blob(&run, fd);
	if (size <= SMALL_BLOB)
		small = __builtin_alloca_with_align(size + 8, 8 * sizeof(uint64_t));
	const void *blob = read_blob(&run, fd, small, size);
	if (policy_open(&policy, blob, size, &run.options, &error) < 0) {
		if (error.code == LLRUN_E_BLOB)
			refuse(error.text, 0, run.blob);
		if (error.code == LLRUN_E_REFUSED)
			say_uncovered(&policy, "refused");
		stop(&policy, &error, EXIT_REFUSED);
	}
	if (!run.given[OPT_QUIET])
		say_uncovered(&policy, "warning");
	const char *command = *run.command ? find_command(&policy, &run, path) : "none given";
	if (run.given[OPT_CHECK])
		say_plan(&policy);
	if (policy_fill(&policy, &run.options, run.given[OPT_CHECK] ? say_rule : NULL, &error) < 0)
		stop(&policy, &error, EXIT_REFUSED);
	if (run.given[OPT_CHECK]) {
		msg(1, "command: \"%s\"", command);
		stop(NULL, NULL, 0);
	}
	if (!run.given[OPT_QUIET])
		note_jobserver(&policy, run.options.envp);
	execute(&policy, &run, command);
}
