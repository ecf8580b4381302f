/* SPDX-License-Identifier: MIT */
/*
 * llrun: apply a compiled policy, then execute a command under it. main, top to bottom the order of things.
 *
 * MUST apply everything the policy says before the command starts, or exit 125 with one line that says why.
 * MUST verify the very bytes it uses: they are read into its own memory first, so that later writes to the file and
 * truncation cannot change or kill it.
 * MUST use only a blob that nobody but root and the caller could have written, unless told --trust-blob.
 * MUST NOT run with privileges that its caller does not have (AT_SECURE).
 */
#include "access.h"
#include "enter.h"
#include "msg.h"
#include "version.h"

enum { EXIT_REFUSED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

enum option {
#define OPTION(id, name, arg, help) OPT_##id,
#include "options.def"
	OPTIONS
};

static const struct {
	const char *name, *arg, *help;
} options[OPTIONS] = {
#define OPTION(id, name, arg, help) { name, arg, help },
#include "options.def"
};

struct run {
	struct llrun_options options;
	struct llrun_set sets[LLPB_MAX_SLOTS];
	int keep[LLPB_MAX_KEEP];
	const char *given[OPTIONS];		/* values of the options seen; "" for those without argument */
	const char *blob;			/* for messages, too */
	const char *const *command;		/* argv of the command, NULL-terminated */
	const char *const *envp;
	uint32_t uid, euid, secure;
};

static _Noreturn void quit(int status)
{
	for (;;)
		SYS(exit_group, status);
}

/* A failure once the policy is known: it may want the exit status of the tools whose names llrun's links bear. */
static _Noreturn void stop(const struct policy *policy, const struct llrun_error *error, int status)
{
	msg_error(error);
	quit(policy && policy->blob.process->flags & LLPB_PROC_EXIT_1 ? 1 : status);
}

static _Noreturn void refuse(const char *text, const char *object)
{
	struct llrun_error error;

	fail(NULL, &error, LLRUN_E_BLOB, text, object, LLPB_NONE);
	stop(NULL, &error, EXIT_REFUSED);
}

static _Noreturn void refuse_sys(const char *sys, long result, const char *object)
{
	struct llrun_error error;

	fail_sys(NULL, &error, sys, result, object, LLPB_NONE);
	stop(NULL, &error, EXIT_REFUSED);
}

/* Decimal digits, at most INT32_MAX. Returns what follows, or NULL. */
static const char *number(const char *text, uint32_t *out)
{
	uint64_t value = 0;
	const char *at = text;

	while (*at >= '0' && *at <= '9' && value <= INT32_MAX)
		value = value * 10 + (uint64_t)(*at++ - '0');
	*out = (uint32_t)value;
	return at == text || value > INT32_MAX ? NULL : at;
}

/* ---- options ---- */

static _Noreturn void help(void)
{
	msg_line(1, "usage: llrun [options] POLICY.llb -- COMMAND [ARGUMENT...]");
	for (uint32_t i = 0; i < OPTIONS; i++)
		msg_line(1, "  %s %s\n        %s", options[i].name, options[i].arg, options[i].help);
	msg_line(1, "exit status: the command's own; 125 refused, 126 not executable, 127 not found");
	quit(0);
}

static uint32_t number_of(const char *value, const char *option)
{
	uint32_t n;
	const char *rest = number(value, &n);

	if (!rest || *rest)
		refuse("this option wants a number", option);
	return n;
}

static void add_set(struct run *run, const char *value)
{
	char *equals = (char *)value;	/* the strings of argv are ours to write */

	while (*equals && *equals != '=')
		equals++;
	if (!*equals || run->options.nsets == LLPB_MAX_SLOTS)
		refuse("--set wants NAME=PATH, once per slot", value);
	*equals = 0;
	run->sets[run->options.nsets].name = value;
	run->sets[run->options.nsets++].value = equals + 1;
}

static void add_keep(struct run *run, const char *value)
{
	uint32_t fd = number_of(value, "--keep-fd");

	if (run->options.nkeep_fds == LLPB_MAX_KEEP || SYS(fcntl, fd, K_F_GETFD) < 0)
		refuse("--keep-fd wants an open descriptor, at most 32 of them", value);
	run->keep[run->options.nkeep_fds++] = (int)fd;
}

static void take_option(struct run *run, uint32_t option, const char *value)
{
	if (option == OPT_HELP)
		help();
	if (option == OPT_VERSION) {
		msg_line(1, "llrun %s, policy format %u", LLC_VERSION, LLPB_VERSION);
		quit(0);
	}
	if (option == OPT_SET)
		add_set(run, value);
	else if (option == OPT_KEEP_FD)
		add_keep(run, value);
	else if (run->given[option])
		refuse("option given twice", options[option].name);
	else
		run->given[option] = value ? value : "";
}

/* "--name", "--name VALUE", "--name=VALUE". Returns the first word behind the option. */
static const char *const *parse_option(struct run *run, const char *const *argv)
{
	for (uint32_t i = 0; i < OPTIONS; i++) {
		const char *rest = after_prefix(*argv, options[i].name);
		int wants = *options[i].arg != 0;

		if (!rest || (*rest && !(wants && *rest == '=')))
			continue;
		if (wants && !*rest && !argv[1])
			refuse("this option wants an argument", options[i].name);
		take_option(run, i, !wants ? NULL : *rest ? rest + 1 : argv[1]);
		return argv + 1 + (wants && !*rest);
	}
	refuse("unknown option; see llrun --help", *argv);
}

/* Options, the policy, then the command, with "--" ending the options wherever it stands. */
static void parse(struct run *run, const char *const *argv)
{
	int named;

	for (;;) {
		named = !!run->blob + !!run->given[OPT_POLICY] + !!run->given[OPT_BLOB_FD];
		if (*argv && argv[0][0] == '-' && argv[0][1] && !streq(*argv, "--"))
			argv = parse_option(run, argv);
		else if (*argv && !named && !streq(*argv, "--"))
			run->blob = *argv++;
		else
			break;
	}
	if (*argv && streq(*argv, "--"))
		argv++;
	if (!named && *argv) {
		run->blob = *argv++;
		argv += *argv && streq(*argv, "--");
	}
	if (!named && !run->blob)
		refuse("no policy given; see llrun --help", NULL);
	if (named > 1)
		refuse("more than one policy given", run->blob);
	if (!*argv && !run->given[OPT_CHECK])
		refuse("no command given; see llrun --help", NULL);
	run->command = argv;
	if (run->given[OPT_AS_ABI]) {
		run->options.flags |= LLRUN_AS_ABI;
		run->options.as_abi = number_of(run->given[OPT_AS_ABI], "--as-abi");
	}
}

/* ---- the blob ---- */

static uint32_t append(char *out, uint32_t len, const char *text)
{
	while (*text && len < K_PATH_MAX)
		out[len++] = *text++;
	return len;
}

/* The next DIRECTORY, infix, name, suffix of a colon-separated list; an empty element is the current directory. */
static int next_in(char out[K_PATH_MAX + 1], const char **list, const char *infix, const char *name, const char *suffix)
{
	const char *at = *list;
	uint32_t len = 0;

	if (!at)
		return 0;
	for (; *at && *at != ':'; at++)
		if (len < K_PATH_MAX)
			out[len++] = *at;
	*list = *at ? at + 1 : NULL;
	if (!len)
		out[len++] = '.';
	len = append(out, append(out, append(out, len, infix), name), suffix);
	out[len] = 0;	/* too long for the kernel, too: ENAMETOOLONG */
	return 1;
}

/* A FIFO must not hang the open, a terminal not become the controlling one; what was opened is looked at next. */
static long open_file(const char *path)
{
	return SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC | K_O_NONBLOCK | K_O_NOCTTY);
}

static long open_named(struct run *run, const char *name, char path[K_PATH_MAX + 1])
{
	const char *lists[2] = { env_get(run->envp, "HOME"), "/etc/llc-policy:" LLRUN_DATADIR ":/usr/share/llc-policy" };
	const char *const infixes[2] = { "/.config/llc-policy/", "/" };
	const char *own = env_get(run->envp, "LLRUN_POLICY_PATH");
	long fd = -K_ENOENT;

	for (const char *at = name; *name == '.' || *at || at == name; at++)
		if (*name == '.' || *at == '/' || !*at)
			refuse("not a policy name; a path is given without -p", name);
	if (own || (lists[0] && !*lists[0]))
		lists[0] = NULL;
	if (own)
		lists[1] = own;
	for (uint32_t i = 0; i < 2; i++)
		while (fd == -K_ENOENT && next_in(path, &lists[i], infixes[i], name, ".llb"))
			fd = open_file(path);
	run->blob = fd == -K_ENOENT ? name : path;
	return fd;
}

/*
 * Why a file may hold what neither root nor the caller wrote, or NULL. In a user namespace root's files show the
 * overflow uid (65534): they count as root's when the caller cannot write them. Nobody can write a sealed memfd.
 */
static const char *untrusted(const struct run *run, long fd, const struct k_statx *file)
{
	const int sealed = K_F_SEAL_SHRINK | K_F_SEAL_GROW | K_F_SEAL_WRITE;
	int owner = file->uid == 0 || file->uid == run->uid || file->uid == run->euid;
	long result;

	if (!owner && file->uid == K_OVERFLOW_UID) {
		result = SYS(faccessat2, fd, "", K_W_OK, K_AT_EMPTY_PATH | K_AT_EACCESS);
		owner = result == -K_EACCES || result == -K_EROFS || result == -K_EPERM;
	}
	if (owner && !(file->mode & 022))
		return NULL;
	result = SYS(fcntl, fd, K_F_GET_SEALS);
	if (result > 0 && (result & sealed) == sealed)
		return NULL;
	return owner ? "the policy is writable by group or others: chmod go-w it, or say --trust-blob" :
		       "the policy belongs neither to root nor to the caller: chown it, or say --trust-blob";
}

/* Refuses what is no blob to trust; returns its size. */
static size_t check_blob(const struct run *run, long fd)
{
	struct k_statx file;
	long result = SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);
	const char *reason;

	if (result < 0)
		refuse_sys("statx", result, run->blob);
	if ((file.mode & K_S_IFMT) != K_S_IFREG)
		refuse("the policy is not a regular file", run->blob);
	reason = run->given[OPT_TRUST_BLOB] ? NULL : untrusted(run, fd, &file);
	if (!reason && file.size > LLPB_MAX_SIZE)
		reason = "not a policy blob (too large)";
	if (reason)
		refuse(reason, run->blob);
	return file.size;
}

/* Up to this size the stack, beyond it a mapping; read, not mapped: a mapped file can change or shrink under us. */
#define SMALL_BLOB 16384

/* All of it will be written at once: one call for all pages instead of a fault for each. */
static void *map_memory(const struct run *run, size_t size)
{
	long at = SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_POPULATE, -1);

	if (at < 0 && at > -4096)
		refuse_sys("mmap", at, run->blob);
	return (void *)at;
}

static void read_blob(const struct run *run, long fd, char *at, size_t size)
{
	long result;

	for (size_t done = 0; done < size; done += (size_t)result) {
		result = SYS(pread64, fd, at + done, size - done, done);
		if (result < 0)
			refuse_sys("pread64", result, run->blob);
		if (result == 0)
			refuse("the policy shrank while it was read", run->blob);
	}
}

static long open_blob(struct run *run, char path[K_PATH_MAX + 1])
{
	const char *given = run->given[OPT_BLOB_FD];
	long fd;

	if (given) {
		run->blob = given;
		fd = number_of(given, "--blob-fd");
		/* inherited, so that it would be passed on; the standard ones belong to the command all the same */
		if (fd > 2)
			SYS(fcntl, fd, K_F_SETFD, K_FD_CLOEXEC);
	} else if (run->given[OPT_POLICY]) {
		fd = open_named(run, run->given[OPT_POLICY], path);
	} else {
		fd = open_file(run->blob);
	}
	if (fd < 0)
		refuse_sys("open", fd, run->blob);
	return fd;
}

/* ---- what the user is told ---- */

static void say_uncovered(const struct policy *policy, const char *severity)
{
	struct llrun_error lost;
	uint32_t next = 0;

	while (llrun_uncovered((const void *)policy, &next, &lost))
		msg_line(2, "llrun: %s: %s is not covered on Landlock ABI %u: %s (%s:%u)", severity, lost.object, policy->abi,
			 lost.text, lost.file ? lost.file : "no source", lost.line);
}

static int closes(const struct policy *policy, uint32_t fd)
{
	return !process_keeps(policy, fd) && SYS(fcntl, fd, K_F_GETFD) >= 0;
}

/* make hands its job slots to children through two descriptors; without them a recursive make runs one job. */
static void note_jobserver(const struct policy *policy, const char *const *envp)
{
	int closing = policy->blob.process->flags & LLPB_PROC_CLOSE_FDS;
	const char *flags = closing ? env_get(envp, "MAKEFLAGS") : NULL;
	uint32_t in, out;

	for (; flags && *flags; flags++) {
		const char *at = after_prefix(flags, "--jobserver-auth=");

		at = at ? at : after_prefix(flags, "--jobserver-fds=");
		at = at ? number(at, &in) : NULL;
		if (!at || *at != ',' || !number(at + 1, &out) || !(closes(policy, in) || closes(policy, out)))
			continue;
		msg_line(2, "llrun: note: closing make's jobserver; --keep-fd %u --keep-fd %u would keep it", in, out);
		return;
	}
}

static void add_rights(struct msg *msg, uint64_t fs, uint64_t net, uint64_t scope)
{
#define LL_FS(name, bit, abi, kind, help)                                                                         \
	if (fs >> (bit)&1)                                                                                        \
		msg_add(msg, " %s", #name);
#define LL_NET(name, bit, abi, help)                                                                              \
	if (net >> (bit)&1)                                                                                       \
		msg_add(msg, " %s", #name);
#define LL_SCOPE(name, bit, abi, help)                                                                            \
	if (scope >> (bit)&1)                                                                                     \
		msg_add(msg, " %s", #name);
#include "access.def"
}

static void say_rule(const struct policy *policy, uint32_t rule, uint64_t access, int missing)
{
	const struct blob *blob = &policy->blob;
	struct msg msg;

	msg.fd = 1;
	msg.len = 0;
	msg_add(&msg, "layer %u path \"%s\":", blob->paths[rule].layer, blob_str(blob, blob->paths[rule].shown));
	add_rights(&msg, access, 0, 0);
	if (!access)
		msg_add(&msg, missing ? " does not exist, skipped" : " nothing that this plan handles");
	msg_end(&msg);
}

static void say_plan(const struct policy *policy)
{
	static const char *const mechanisms[LLPB_MECHANISMS] = { "NOT COVERED", "landlock", "seccomp", "namespace", "broker" };
	const struct blob *blob = &policy->blob;
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[policy->plan * blob->nlayers];
	struct msg msg;

	msg_line(1, "policy \"%s\" from \"%s\" by %s", blob_str(blob, blob->meta->name), blob_str(blob, blob->meta->source),
		 blob_str(blob, blob->meta->compiler));
	msg_line(1, "kernel Landlock ABI %u, applied %u, plan %u", policy->host_abi, policy->abi, policy->plan);
	for (uint32_t i = 0; i < blob->nguarantees; i++)
		msg_line(1, "guarantee %s: %s", blob_str(blob, blob->guarantees[i].name),
			 mechanisms[blob->guarantees[i].mechanism[policy->plan]]);
	for (uint32_t i = 0; i < blob->nlosses; i++)
		if (blob->losses[i].first <= policy->plan && policy->plan <= blob->losses[i].last)
			msg_line(1, "loss: %s", blob_str(blob, blob->losses[i].text));
	msg.fd = 1;
	msg.len = 0;
	for (uint32_t i = 0; i < blob->nlayers; i++) {
		msg_add(&msg, "layer %u handles:", i);
		add_rights(&msg, attr[i].handled_access_fs, attr[i].handled_access_net, attr[i].scoped);
		msg_end(&msg);
	}
	for (uint32_t i = 0; i < blob->nports; i++) {
		msg_add(&msg, "layer %u port %u:", blob->ports[i].layer, (uint32_t)blob->ports[i].attr.port);
		add_rights(&msg, 0, blob->ports[i].attr.allowed_access & attr[blob->ports[i].layer].handled_access_net, 0);
		msg_end(&msg);
	}
	msg_line(1, "filter: %u instructions", policy->filter ? policy->filter->count : 0);
	msg_line(1, "capabilities dropped: 0x%llx", (unsigned long long)blob->process->drop_caps);
	msg_line(1, "descriptors: %s", blob->process->flags & LLPB_PROC_CLOSE_FDS ? "closed but for the kept ones" : "inherited");
}

/* ---- the command ---- */

static int is_bare(const char *name)
{
	while (name && *name && *name != '/')
		name++;
	return name && !*name;
}

/*
 * The first executable regular file in the caller's PATH, looked up before the restriction, so that what the policy
 * denies is a denial and never a different program. Returns NULL with *status set.
 */
static const char *find_command(const struct run *run, char path[K_PATH_MAX + 1], int *status)
{
	const char *name = *run->command, *list = env_get(run->envp, "PATH");
	struct k_statx file;

	*status = EXIT_NOT_FOUND;
	if (!is_bare(name))
		return name;
	if (!list)
		list = "/usr/local/bin:/usr/bin:/bin";
	while (*name && next_in(path, &list, "/", name, "")) {
		if (SYS(statx, K_AT_FDCWD, path, 0, K_STATX_BASIC_STATS, &file) < 0 || (file.mode & K_S_IFMT) != K_S_IFREG)
			continue;
		if (SYS(faccessat, K_AT_FDCWD, path, K_X_OK) == 0)
			return path;
		*status = EXIT_NOT_EXECUTABLE;
	}
	return NULL;
}

static _Noreturn void execute(const struct policy *policy, const struct run *run, const char *path)
{
	const char *const *envp = run->envp;
	struct llrun_error error;
	long result;

	if (policy->blob.process->flags & LLPB_PROC_ENV) {
		/* bounded by the environment the kernel accepted plus LLPB_MAX_ENV */
		const char **built = __builtin_alloca(llrun_env_size((const void *)policy, envp) * sizeof(*built));

		llrun_env_build((const void *)policy, envp, built);
		envp = built;
	}
	if (llrun_enter((const void *)policy, &error) < 0)
		stop(policy, &error, EXIT_REFUSED);
	result = SYS(execve, path, run->command, envp);
	fail_sys(policy, &error, "execve", result, path, LLPB_NONE);
	stop(policy, &error, result == -K_ENOENT && path == *run->command ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void init(struct run *run, const uintptr_t *stack)
{
	const uintptr_t *at = stack + 1 + stack[0] + 1;

	run->options = (struct llrun_options){ .sets = run->sets, .keep_fds = run->keep };
	run->options.envp = run->envp = (const char *const *)at;
	for (uint32_t i = 0; i < OPTIONS; i++)
		run->given[i] = NULL;
	run->blob = NULL;
	run->uid = run->euid = run->secure = UINT32_MAX;
	while (*at++)
		;
	for (; *at != K_AT_NULL; at += 2) {
		if (at[0] == K_AT_UID)
			run->uid = (uint32_t)at[1];
		else if (at[0] == K_AT_EUID)
			run->euid = (uint32_t)at[1];
		else if (at[0] == K_AT_SECURE)
			run->secure = (uint32_t)at[1];
	}
}

_Noreturn void llrun_start(const uintptr_t *stack);
_Noreturn void llrun_start(const uintptr_t *stack)
{
	const char *command = NULL;
	char *path = NULL, *blob;
	struct policy policy;
	struct llrun_error error;
	struct run run;
	size_t size;
	long fd;
	int status;

	init(&run, stack);
	if (run.secure)
		refuse("refusing to run set-user-ID, set-group-ID or with file capabilities (AT_SECURE)", NULL);
	parse(&run, (const char *const *)(stack + 1) + !!stack[0]);
	run.options.flags |= LLRUN_LEAVE_FDS;
	/* Buffers of the size needed, where one is needed: each page of the stack that is touched costs a fault. */
	if (run.given[OPT_POLICY] || is_bare(*run.command))
		path = __builtin_alloca(K_PATH_MAX + 1);
	fd = open_blob(&run, path);
	size = check_blob(&run, fd);
	blob = size > SMALL_BLOB ? map_memory(&run, size) : __builtin_alloca_with_align(size, 8 * sizeof(uint64_t));
	read_blob(&run, fd, blob, size);
	if (policy_open(&policy, blob, size, &run.options, &error) < 0) {
		if (error.code == LLRUN_E_REFUSED)
			say_uncovered(&policy, "refused");
		if (error.code == LLRUN_E_BLOB)
			refuse(error.text, run.blob);
		stop(&policy, &error, EXIT_REFUSED);
	}
	if (!run.given[OPT_QUIET])
		say_uncovered(&policy, "warning");
	if (*run.command && !(command = find_command(&run, path, &status))) {
		fail(&policy, &error, LLRUN_E_SYSCALL, status == EXIT_NOT_FOUND ? "command not found" : "command not executable",
		     *run.command, LLPB_NONE);
		stop(&policy, &error, status);
	}
	if (run.given[OPT_CHECK])
		say_plan(&policy);
	if (policy_fill(&policy, &run.options, run.given[OPT_CHECK] ? say_rule : NULL, &error) < 0)
		stop(&policy, &error, EXIT_REFUSED);
	if (run.given[OPT_CHECK]) {
		msg_line(1, "command: \"%s\"", command ? command : "none given");
		quit(0);
	}
	if (!run.given[OPT_QUIET])
		note_jobserver(&policy, run.envp);
	execute(&policy, &run, command);
}
