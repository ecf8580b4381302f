/* SPDX-License-Identifier: MIT */
/* llc-policy trace: the command; see trace.h. */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "additions_toml.h"
#include "arena.h"
#include "compile.h"
#include "host.h"
#include "inspect.h"
#include "options.h"
#include "sibling.h"
#include "text.h"
#include "tools.h"

/* Own failures: as llrun's, for an exit status of 1, 2 or 3 may be the command's. */
struct tracing {
	struct arena *arena;
	struct blob_file file;
	struct trial trial;
	struct trace_run run;
	enum trace_backend backend;
	bool json, suggest, follow, trust, as_abi;
	const char *as_abi_text, *output;
	const char **sets; /* NULL-terminated */
	size_t nsets, sets_cap;
	const char *policy;
	char **command;
	FILE *out;
	struct timespec prepared;
	/* --suggest */
	unsigned rounds; /* 0: once */
	struct suggestion *suggestion;
	struct compilation compilation; /* of the policy with what was suggested so far */
	bool compiled;
	struct blob changed[2]; /* in it; the world of the one is open while the other is made */
	off_t input; /* where the command's standard input began; -1: it cannot be read again */
	bool incomplete; /* failed calls were not seen */
};

static bool complain(const char *what, const char *object)
{
	say(stderr, "llc-policy trace: %s%s%s", object ? object : "", object ? ": " : "", what);
	return false;
}

/* ---- options ---- */

static bool take_backend(struct tracing *t, const char *word)
{
	static const char *const names[] = {[TRACE_AUTO] = "auto", [TRACE_EBPF] = "ebpf", [TRACE_PTRACE] = "ptrace"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(word, names[i])) {
			t->backend = (enum trace_backend)i;
			return true;
		}
	return complain("not a way to observe: auto, ebpf or ptrace", word);
}

static bool take_set(struct tracing *t, const char *word)
{
	t->sets = arena_grow(t->arena, t->sets, &t->sets_cap, t->nsets + 2, sizeof(*t->sets));
	t->sets[t->nsets++] = word;
	t->sets[t->nsets] = NULL;
	return strchr(word, '=') ? true : complain("--set wants NAME=PATH", word);
}

static bool take_abi(struct tracing *t, const char *word)
{
	char *end;

	errno = 0;
	unsigned long abi = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || abi > 1000)
		return complain("--as-abi wants a number", word);
	t->as_abi = true;
	t->as_abi_text = word;
	t->trial.abi = (unsigned)abi;
	return true;
}

static bool take_rounds(struct tracing *t, const char *word)
{
	char *end;

	errno = 0;
	unsigned long rounds = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || rounds < 1 || rounds > 1000)
		return complain("--rounds wants a number from 1 to 1000", word);
	t->rounds = (unsigned)rounds;
	return true;
}

/* Switches. */
static bool *flag_of(struct tracing *t, enum option_id opt)
{
	return opt == OPT_JSON         ? &t->json
	       : opt == OPT_SUGGEST    ? &t->suggest
	       : opt == OPT_FOLLOW     ? &t->follow
	       : opt == OPT_TRUST_BLOB ? &t->trust
				       : NULL;
}

/* *known: it is an option of this command. */
static bool take_option(struct tracing *t, const struct options *opts, enum option_id opt, bool *known)
{
	bool *flag = flag_of(t, opt);

	*known = true;
	if (flag)
		return *flag = true, true;
	if (opt == OPT_OUTPUT)
		return t->output = opts->value, true;
	if (opt == OPT_BACKEND)
		return take_backend(t, opts->value);
	if (opt == OPT_SET)
		return take_set(t, opts->value);
	if (opt == OPT_AS_ABI)
		return take_abi(t, opts->value);
	if (opt == OPT_ROUNDS)
		return take_rounds(t, opts->value);
	return *known = false;
}

/* POLICY.llb is the one operand before the command, "--" between them or not. */
static bool parse(struct tracing *t, int argc, char **argv, int *status)
{
	struct options opts;
	enum option_id opt;
	bool known;

	options_begin(&opts, CMD_TRACE, argc, argv);
	opts.command_follows = true;
	*status = EXIT_REFUSED;
	while ((opt = options_next(&opts)) != OPT_END)
		if (!take_option(t, &opts, opt, &known)) {
			if (!known && options_fail(&opts, opt) == 0)
				*status = 0;
			return false;
		}
	if (opts.index >= opts.argc)
		return complain("no policy given; see llc-policy trace --help", NULL);
	t->policy = argv[opts.index];
	t->command = argv + opts.index + 1;
	if (*t->command && !strcmp(*t->command, "--"))
		t->command++;
	if (!*t->command)
		return complain("no command given; see llc-policy trace --help", NULL);
	if (t->rounds && !t->suggest)
		return complain("a command is run again for --suggest only", "--rounds");
	return true;
}

/* ---- preparation ---- */

static bool bind_policy(struct tracing *t, const struct blob *blob)
{
	struct trial *trial = &t->trial;
	long abi = host_landlock_abi();
	struct world_options options = {
		.sets = t->sets, .envp = (const char *const *)(void *)environ, .origin = t->policy};
	const struct llpb_filter *filter;
	int missing = 0;

	trial->arena = t->arena;
	trial->blob = blob;
	trial->arch = host_arch();
	if (trial->arch == ARCHES)
		return complain("system calls of this architecture are not known", NULL);
	if (!t->as_abi || (long)trial->abi > abi)
		trial->abi = abi > 0 ? (unsigned)abi : 0;
	trial->world = world_open(blob, &options);
	trial->plan = world_plan(trial->world, trial->abi);
	filter = blob_filter(blob, trial->plan, arch_rows[trial->arch].audit_arch, &missing);
	trial->filtered = filter && filter_program(blob, filter, &trial->program);
	trace_watch(&t->run, blob, trial->plan, trial->arch);
	return true;
}

/* `fd`: of the blob, or -1: the policy as given. */
static void build_command(struct tracing *t, int fd)
{
	size_t words = 0, n = 0;

	while (t->command[words])
		words++;
	const char **argv = arena_alloc(t->arena, (words + 2 * t->nsets + 10) * sizeof(*argv));
	argv[n++] = "llrun";
	if (t->trust && fd < 0)
		argv[n++] = "--trust-blob";
	if (fd >= 0) {
		argv[n++] = "--blob-fd";
		argv[n++] = arena_printf(t->arena, "%d", fd);
	}
	if (t->as_abi_text) {
		argv[n++] = "--as-abi";
		argv[n++] = t->as_abi_text;
	}
	for (size_t i = 0; i < t->nsets; i++) {
		argv[n++] = "--set";
		argv[n++] = t->sets[i];
	}
	argv[n++] = "--";
	if (fd < 0) {
		argv[n++] = t->policy;
		argv[n++] = "--";
	}
	memcpy(argv + n, t->command, (words + 1) * sizeof(*argv));
	t->run.program = sibling_program(t->arena, "llrun", LLC_BINDIR);
	t->run.argv = (char *const *)(void *)argv;
}

static bool open_output(struct tracing *t)
{
	int fd;

	t->out = t->output ? stdout : stderr;
	if (!t->output || !strcmp(t->output, "-"))
		return true;
	fd = open(t->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	t->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	return t->out ? true : complain(strerror(errno), t->output);
}

/* ---- the run ---- */

static void follow(void *context, const struct refusal *refusal)
{
	struct tracing *t = context;

	if (t->json)
		trace_put_json_refusal(t->out, &t->trial, refusal);
	else
		trace_put_refusal(t->out, &t->trial, refusal, false);
	fflush(t->out);
}

/*
 * Files are dated by the ticks of this clock. The command starts with another one than its preparation: what is older was
 * there before, what is not was made from then on.
 */
static void await_tick(void *context)
{
	const struct timespec pause = {.tv_nsec = 500000};
	struct tracing *t = context;
	struct timespec *now = &t->trial.began;

	/* of all runs, the first began */
	if (now->tv_sec)
		return;
	while (!clock_gettime(CLOCK_REALTIME_COARSE, now) && now->tv_sec == t->prepared.tv_sec &&
	       now->tv_nsec == t->prepared.tv_nsec)
		nanosleep(&pause, NULL);
}

static bool observe(struct tracing *t, struct trace_summary *summary)
{
	const char *why = NULL;

	clock_gettime(CLOCK_REALTIME_COARSE, &t->prepared);
	t->run.starts = await_tick;
	t->run.starts_context = t;
	t->run.sink = trace_judge;
	t->run.context = &t->trial;
	if (t->follow) {
		t->trial.found = follow;
		t->trial.context = t;
	}
	summary->backend = "eBPF";
	if (t->backend != TRACE_PTRACE && trace_by_bpf(&t->run, t->arena, &why))
		return true;
	if (t->backend == TRACE_EBPF)
		return complain(why, "cannot observe by eBPF");
	summary->fallback = t->backend == TRACE_AUTO ? why : NULL;
	summary->backend = "ptrace";
	return trace_by_ptrace(&t->run, t->arena, &why) ? true : complain(why, "cannot observe by ptrace");
}

static bool report(struct tracing *t, const struct trace_summary *summary)
{
	bool ok = true;

	if (t->suggest)
		suggestion_put(t->out, t->suggestion, &t->file.blob, t->trial.abi);
	else if (t->json)
		ok = trace_put_json(t->out, &t->trial, summary);
	else
		trace_put_text(t->out, &t->trial, summary);
	/* what a suggestion is silent about must be heard all the same */
	if (t->suggest && t->incomplete)
		complain("some failed calls were not seen: the suggestion may be incomplete", NULL);
	if (t->suggest && WIFEXITED(t->run.status) && WEXITSTATUS(t->run.status) == EXIT_REFUSED)
		complain("exit status 125: unless that is the command's own, llrun did not start it: what it said is "
			 "to be mended first",
			 NULL);
	ok = !fflush(t->out) && !ferror(t->out) && ok;
	if (t->out != stderr && t->out != stdout)
		ok = !fclose(t->out) && ok;
	if (ok && t->suggest && suggestion_any(t->suggestion) && t->out != stdout && t->out != stderr)
		say(stderr,
		    "llc-policy trace: suggestion written: read it, then write include = [\"%s\"] above the tables "
		    "of "
		    "the policy (a path from there), and compile that",
		    t->output);
	return ok ? true : complain("writing the report failed", t->output);
}

/* ---- one run after the other ---- */

static void close_round(struct tracing *t)
{
	if (t->trial.world)
		world_close(t->trial.world);
	t->trial = (struct trial){.abi = t->trial.abi, .began = t->trial.began};
	if (t->run.keep)
		close(t->run.keep);
	t->run = (struct trace_run){.sigpipe = t->run.sigpipe, .status = t->run.status};
	if (t->compiled)
		compilation_end(&t->compilation);
	t->compiled = false;
}

/* Runs the command, by what is behind `fd` if that is not -1. */
static bool run_once(struct tracing *t, const struct blob *blob, int fd, struct trace_summary *summary)
{
	t->run.keep = fd > 0 ? fd : 0;
	if (!bind_policy(t, blob))
		return false;
	build_command(t, fd);
	if (!observe(t, summary))
		return false;
	t->incomplete |= t->run.lost || t->run.unfollowed || t->run.blind;
	return true;
}

/* The policy with what was suggested so far, in memory. */
static int prepare_next(struct tracing *t, struct blob *next)
{
	struct policy_base base = {.blob = &t->file.blob, .origin = t->policy, .arena = t->arena};
	struct compilation c;
	bool fine = suggestion_apply(t->suggestion, &base, t->trial.arch, &c, next);
	int fd = fine ? sibling_bytes(c.blob, c.blob_size) : -1;

	if (fd < 0) {
		complain(fine       ? strerror(errno)
			 : c.policy ? "the policy does not compile with what is suggested: apply it, and see why"
				    : "the filter of this policy tests arguments, and its source is not beside "
				      "it: apply what is suggested, and trace again",
			 "not run again");
		compilation_end(&c);
		return -1;
	}
	close_round(t);
	t->compilation = c;
	t->compiled = true;
	if (t->input >= 0)
		lseek(STDIN_FILENO, t->input, SEEK_SET);
	return fd;
}

/*
 * A program that ends at the first thing it is refused has more to ask for. Never again unasked: it would then be given
 * what it wants before anybody has read what that is, and do twice what it does.
 */
static bool wants_another(const struct tracing *t, unsigned round)
{
	if (round >= t->rounds || trace_was_signalled())
		return false;
	if (WIFEXITED(t->run.status))
		say(stderr,
		    "llc-policy trace: run %u: exit status %d, %zu refused; again, with what was suggested so far",
		    round, WEXITSTATUS(t->run.status), t->trial.n);
	else
		say(stderr, "llc-policy trace: run %u: signal %d, %zu refused; again, with what was suggested so far",
		    round, WTERMSIG(t->run.status), t->trial.n);
	return true;
}

static bool run_all(struct tracing *t, struct trace_summary *summary)
{
	const struct blob *blob = &t->file.blob;
	int fd = -1;

	for (unsigned round = 1; run_once(t, blob, fd, summary); round++) {
		if (!t->suggest || !suggestion_add(t->suggestion, &t->trial) || !wants_another(t, round))
			return true;
		fd = prepare_next(t, &t->changed[round % 2]);
		if (fd < 0)
			return true;
		blob = &t->changed[round % 2];
	}
	return false;
}

/* As the command ended, so do we; without a core of ours. */
static int end_like(int status)
{
	struct rlimit none = {0, 0};

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

static int trace(struct tracing *t)
{
	struct trace_summary summary = {.run = &t->run};
	int status = EXIT_REFUSED;

	if (!blob_load(&t->file, "trace", t->policy))
		return status;
	if (open_output(t) && run_all(t, &summary))
		status = report(t, &summary) ? -1 : EXIT_REFUSED;
	close_round(t);
	blob_unload(&t->file);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	struct tracing t = {.arena = arena_create(), .input = lseek(STDIN_FILENO, 0, SEEK_CUR)};
	int status;

	t.run.sigpipe = signal(SIGPIPE, SIG_IGN);
	t.suggestion = suggestion_create(t.arena);
	if (parse(&t, argc, argv, &status))
		status = trace(&t);
	arena_destroy(&t.arena);
	return status < 0 ? end_like(t.run.status) : status;
}
