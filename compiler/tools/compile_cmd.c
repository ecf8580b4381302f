/* SPDX-License-Identifier: MIT */
/* llc-policy compile and llc-policy lint. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "blob.h"
#include "compile.h"
#include "dump.h"
#include "expect.h"
#include "host.h"
#include "inspect.h"
#include "load.h"
#include "lock_tools.h"
#include "options.h"
#include "output.h"
#include "source.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

#define ABI_HOST  (-2)
#define ABI_UNSET (-1)

struct settings {
	const char *output, *depfile;
	bool check, quiet, coverage, update_lock;
	const char *sysroot;
	int target_abi;
	enum report_format format;
};

/* ---- options that both commands share ---- */

static bool set_severity(struct diag *diag, const char *name, enum severity severity)
{
	if (!strcmp(name, "all")) {
		for (int i = 0; i < CHECKS; i++) {
			/* -Wall: all that is off by default; -Eall: all that would be a warning */
			enum severity now = diag_severity(diag, (enum check_id)i);
			if (i != CHECK_ALWAYS_FAIL &&
			    (severity == SEVERITY_ERROR ? now == SEVERITY_WARNING : now < severity))
				diag_set_severity(diag, (enum check_id)i, severity);
		}
		return true;
	}
	if (severity == SEVERITY_WARNING && !strncmp(name, "no-", 3)) {
		name += 3;
		severity = SEVERITY_OFF;
	}
	enum check_id check = check_find(name);
	if (check == CHECKS) {
		const char *names[CHECKS + 1] = {NULL};
		for (int i = 0; i < CHECKS; i++)
			names[i] = check_rows[i].name;
		const char *near = diag_nearest(name, names);
		say(stderr, "llc-policy: unknown check \"%s\"%s%s%s; see lint --list-checks", name,
		    near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
		return false;
	}
	if (!diag_set_severity(diag, check, severity)) {
		say(stderr, "llc-policy: %s is an error of the language and stays one", name);
		return false;
	}
	return true;
}

static bool add_define(struct compilation *c, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t n = c->policy_options.ndefines;
	struct policy_define *defines = arena_alloc(c->arena, (n + 1) * sizeof(*defines));

	if (!equals || equals == text || !equals[1]) {
		say(stderr, "llc-policy: -D %s: write NAME=VALUE", text);
		return false;
	}
	if (n)
		memcpy(defines, c->policy_options.defines, n * sizeof(*defines));
	defines[n] = (struct policy_define){arena_strndup(c->arena, text, (size_t)(equals - text)), equals + 1};
	c->policy_options.defines = defines;
	c->policy_options.ndefines = n + 1;
	return true;
}

static bool set_arches(struct compilation *c, const char *list)
{
	const char *bad = NULL;

	if (compilation_arches(c, list, &bad))
		return true;
	fputs("llc-policy: --arch ", stderr);
	put_text(stderr, list);
	fputs(": \"", stderr);
	put_text(stderr, bad);
	fputs("\" is unknown or repeated; known are", stderr);
	for (int i = 0; i < ARCHES; i++)
		fprintf(stderr, " %s", arch_rows[i].name);
	fputc('\n', stderr);
	return false;
}

static bool set_target(struct settings *s, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!strcmp(text, "host")) {
		s->target_abi = ABI_HOST;
		return true;
	}
	if (!*text || *end || n < 0 || n > 1000) {
		say(stderr, "llc-policy: --target-abi %s: a Landlock ABI number, or host", text);
		return false;
	}
	s->target_abi = (int)n;
	return true;
}

/* False: status is the exit status. */
static bool take_option(struct settings *s, struct compilation *c, const struct options *opts, enum option_id opt,
			int *status)
{
	bool fine = true;

	*status = 2;
	if (opt == OPT_ARCH) {
		fine = set_arches(c, opts->value);
	} else if (opt == OPT_DEFINE) {
		fine = add_define(c, opts->value);
	} else if (opt == OPT_FORMAT) {
		fine = report_format_named(command_rows[opts->command].name, opts->value, &s->format);
	} else if (opt == OPT_WARN) {
		fine = set_severity(c->diag, opts->value, SEVERITY_WARNING);
	} else if (opt == OPT_ERROR) {
		fine = set_severity(c->diag, opts->value, SEVERITY_ERROR);
	} else if (opt == OPT_OUTPUT) {
		s->output = opts->value;
	} else if (opt == OPT_CHECK) {
		s->check = true;
	} else if (opt == OPT_TARGET_ABI) {
		fine = set_target(s, opts->value);
	} else if (opt == OPT_DEPFILE) {
		s->depfile = opts->value;
	} else if (opt == OPT_UPDATE_LOCK) {
		s->update_lock = true;
	} else if (opt == OPT_SYSROOT) {
		s->sysroot = opts->value;
	} else if (opt == OPT_STRIP) {
		c->strip = true;
	} else if (opt == OPT_COVERAGE) {
		s->coverage = true;
	} else if (opt == OPT_QUIET) {
		s->quiet = true;
	} else {
		*status = options_fail(opts, opt);
		fine = false;
	}
	return fine;
}

/* Text goes to stderr, as compilers do; JSON and SARIF are the command's output. */
static bool report(const struct settings *s, struct compilation *c)
{
	FILE *out = s->format == REPORT_TEXT ? stderr : stdout;

	diag_print(c->diag, s->format, out);
	return !fflush(out) && !ferror(out);
}

/* ---- compile ---- */

static const char *default_output(struct compilation *c, const char *policy)
{
	size_t len = strlen(policy);

	if (len > 5 && !strcmp(policy + len - 5, ".toml"))
		len -= 5;
	return arena_printf(c->arena, "%.*s.llb", (int)len, policy);
}

static bool row_runs(const struct lowered *low, int abi)
{
	return abi >= 0 && !(low->plans[abi < ABI_NEWEST ? abi : ABI_NEWEST].flags & LLPB_PLAN_REFUSE);
}

static const char *kernel_text(struct compilation *c, unsigned abi)
{
	return abi ? arena_printf(c->arena, "Landlock ABI %u (Linux %s)", abi, abi_kernel(abi)) : "any kernel";
}

static void summary(const struct settings *s, struct compilation *c)
{
	const struct lowered *low = c->lowered;
	int abi = (int)host_landlock_abi();

	put_text(stdout, s->output);
	printf(": %zu bytes, %zu path rule%s (%zu written), %zu port%s", c->blob_size, low->npaths,
	       low->npaths == 1 ? "" : "s", low->nrules_written, low->nports, low->nports == 1 ? "" : "s");
	if (low->nfilters)
		printf(", %u filter%s", low->ngroups, low->ngroups == 1 ? "" : "s");
	printf("; min_abi %u: runs on %s%s\n", low->min_abi, kernel_text(c, low->min_abi),
	       low->min_abi ? " and later" : "");
	if (low->covered_abi < ABI_ROWS && low->covered_abi != low->min_abi)
		say(stdout, "%s: every guarantee holds from %s on", s->output, kernel_text(c, low->covered_abi));
	for (size_t i = 0; i < low->nfilters; i++)
		if (low->filters[i].group == low->plans[ABI_NEWEST].group) {
			put_text(stdout, s->output);
			printf(": %s: ", arch_rows[low->filters[i].arch].name);
			put_constant(stdout, &low->filters[i].program, low->filters[i].arch);
		}
	if (!row_runs(low, abi))
		say(stdout, "%s: this host has Landlock ABI %d and would refuse it", s->output, abi < 0 ? 0 : abi);
}

/* A name in a make rule: make's own escapes for space, # and $. */
static void print_make_name(FILE *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ' ' || *name == '#' || *name == '\\')
			fputc('\\', out);
		if (*name == '$')
			fputc('$', out);
		fputc(*name, out);
	}
}

/* The policy and all that was read for it. */
static bool write_depfile(const struct settings *s, const struct compilation *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return false;
	print_make_name(out, s->output);
	fputc(':', out);
	for (size_t i = 0; i < c->policy->nfiles; i++) {
		if (!strcmp(source_name(c->sources, c->policy->files[i]), "<stdin>"))
			continue;
		fputc(' ', out);
		print_make_name(out, source_name(c->sources, c->policy->files[i]));
	}
	fputc('\n', out);
	bool fine = !fclose(out) && output_file("llc-policy compile", s->depfile, text, size);
	free(text);
	return fine;
}

/* The blob on disk, byte for byte: a check that any rebuild elsewhere can repeat. */
static int compare_blob(const struct settings *s, const struct compilation *c)
{
	FILE *in = fopen(s->output, "rb");
	uint8_t *bytes = malloc(c->blob_size + 1);
	size_t n;

	if (!in || !bytes) {
		say(stderr, "llc-policy compile: %s: %s; write it with llc-policy compile -o %s", s->output,
		    strerror(errno), s->output);
		free(bytes);
		if (in)
			fclose(in);
		return 1;
	}
	n = fread(bytes, 1, c->blob_size + 1, in);
	bool same = !ferror(in) && n == c->blob_size && !memcmp(bytes, c->blob, n);
	fclose(in);
	free(bytes);
	if (!same)
		say(stderr,
		    "llc-policy compile: %s is not what the policy compiles to; write it anew with llc-policy "
		    "compile -o %s",
		    s->output, s->output);
	return same ? 0 : 1;
}

static int check_target(const struct settings *s, struct compilation *c)
{
	int abi = s->target_abi == ABI_HOST ? (int)host_landlock_abi() : s->target_abi;

	if (s->target_abi == ABI_UNSET || row_runs(c->lowered, abi))
		return 0;
	say(stderr, "llc-policy compile: Landlock ABI %d cannot run this policy: it needs %s", abi < 0 ? 0 : abi,
	    kernel_text(c, c->lowered->min_abi));
	return 3;
}

/* The same regular file under any name; a terminal or /dev/null may be both. */
static bool same_file(const char *a, const char *b)
{
	struct stat one, two;

	return a && strcmp(a, "-") && !stat(a, &one) && S_ISREG(one.st_mode) && !stat(b, &two) &&
	       one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

/* What was included is written as little as the policy itself. */
static bool overwrites_source(const struct settings *s, const struct compilation *c)
{
	for (size_t i = 1; i < c->policy->nfiles; i++) {
		const char *name = source_name(c->sources, c->policy->files[i]);
		if (!same_file(s->output, name) && !same_file(s->depfile, name))
			continue;
		say(stderr, "llc-policy compile: %s is part of the policy and would be overwritten", name);
		return true;
	}
	return false;
}

static int finish_compile(struct settings *s, struct compilation *c)
{
	int status = check_target(s, c);

	if (status)
		return status;
	if (s->check)
		return compare_blob(s, c);
	if (overwrites_source(s, c))
		return 2;
	if (!output_file("llc-policy compile", s->output, c->blob, c->blob_size))
		return 1;
	if (s->depfile && !write_depfile(s, c))
		return 1;
	if (!s->quiet && s->format == REPORT_TEXT && strcmp(s->output, "-"))
		summary(s, c);
	return 0;
}

/* The programs of one architecture: the one that was asked for, or this machine's. */
static int update_lock(const struct settings *s, const struct compilation *c, const char *policy)
{
	const struct lock_place place = {s->sysroot, c->narches == 1 ? c->arches[0] : ARCHES};
	bool quiet = s->quiet || s->format != REPORT_TEXT || !strcmp(s->output, "-");

	return lock_update(policy, &c->policy_options, &place, quiet);
}

static bool fit_together(const struct settings *s)
{
	if (s->sysroot && !s->update_lock)
		say(stderr, "llc-policy compile: --sysroot is where --update-lock looks; compiling looks nowhere");
	else if (s->check && s->update_lock)
		say(stderr, "llc-policy compile: --check writes nothing, --update-lock does; take one of them");
	else
		return true;
	return false;
}

static int compile_one(struct settings *s, struct compilation *c, const char *policy)
{
	if (!s->output && !strcmp(policy, "-")) {
		say(stderr, "llc-policy compile: standard input has no name to give the blob; say -o FILE");
		return 2;
	}
	if (!s->check && (same_file(s->output, policy) || same_file(s->depfile, policy))) {
		say(stderr, "llc-policy compile: %s is the policy itself and would be overwritten", policy);
		return 2;
	}
	if (!s->output)
		s->output = default_output(c, policy);
	if (s->update_lock) {
		int status = update_lock(s, c, policy);
		if (status)
			return status;
	}
	c->blob_path = s->output;
	bool fine = compilation_run(c, source_open(c->sources, c->diag, policy));
	size_t errors = diag_count(c->diag, SEVERITY_ERROR);

	if ((!s->quiet || errors) && !report(s, c))
		return 2;
	if (!fine)
		return c->cannot_enforce && errors == 1 ? 3 : 1;
	return finish_compile(s, c);
}

int cmd_compile(int argc, char **argv)
{
	struct settings s = {.target_abi = ABI_UNSET};
	struct compilation c;
	struct options opts;
	enum option_id opt;
	int status = 0;

	compilation_begin(&c);
	diag_show(c.diag, SEVERITY_WARNING); /* advice belongs to lint */
	options_begin(&opts, CMD_COMPILE, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END)
		if (!take_option(&s, &c, &opts, opt, &status))
			goto out;
	if (s.quiet)
		diag_show(c.diag, SEVERITY_ERROR);
	if (opts.argc - opts.index != 1) {
		fputs("llc-policy compile: one policy, please; see llc-policy compile --help\n", stderr);
		status = 2;
		goto out;
	}
	status = fit_together(&s) ? compile_one(&s, &c, opts.argv[opts.index]) : 2;
	if (!status && fflush(stdout)) {
		perror("llc-policy compile: standard output");
		status = 2;
	}
out:
	compilation_end(&c);
	return status;
}

/* ---- lint ---- */

static int list_checks(void)
{
	static const char *const severities[] = {
		[SEVERITY_OFF] = "off",
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	for (int i = 0; i < CHECKS; i++)
		printf("%-28s %-8s%s %s\n", check_rows[i].name, severities[check_rows[i].severity],
		       check_rows[i].fixed ? "!" : " ", check_rows[i].help);
	return fflush(stdout) ? 2 : 0;
}

/* From the blob, as everything that explains a policy: what is printed is what would be enforced. */
static void print_coverage(struct compilation *c, const struct lowered *low, const char *path)
{
	struct blob blob;
	size_t size;
	const uint8_t *bytes = blob_write(c->arena, c->diag, c->sources, low, false, &size);

	if (!bytes || blob_open(&blob, bytes, size))
		return;
	printf("%s\n", path);
	dump_coverage(stdout, &blob);
}

/* Every file is a compilation of its own; the collector is shared, so that one report covers all. */
static void lint_one(const struct settings *s, struct compilation *c, const char *path)
{
	const struct lower_options options = {.arches = c->arches, .narches = c->narches};
	size_t errors = diag_count(c->diag, SEVERITY_ERROR);
	uint32_t file = source_open(c->sources, c->diag, path);
	size_t len;
	bool cannot_enforce;

	if (file == SRC_NONE)
		return;
	const char *text = source_text(c->sources, file, &len);
	struct toml_value *root = toml_parse(c->arena, c->diag, file, text, len);
	struct policy *policy =
		root ? policy_read(c->arena, c->diag, c->sources, file, root, &c->policy_options) : NULL;
	if (!policy)
		return;
	checks_run(c->arena, c->diag, policy);
	expectations_read(c->arena, c->diag, policy, c->arches, c->narches);
	if (diag_count(c->diag, SEVERITY_ERROR) != errors || policy->has_mount || policy->has_runtime ||
	    policy->has_broker)
		return;
	struct lowered *low = lower_policy(c->arena, c->diag, policy, &options, &cannot_enforce);
	if (low && s->coverage)
		print_coverage(c, low, path);
}

int cmd_lint(int argc, char **argv)
{
	struct settings s = {.target_abi = ABI_UNSET};
	struct compilation c;
	struct options opts;
	enum option_id opt;
	int status = 0;

	compilation_begin(&c);
	options_begin(&opts, CMD_LINT, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END) {
		if (opt == OPT_LIST_CHECKS) {
			status = list_checks();
			goto out;
		}
		if (!take_option(&s, &c, &opts, opt, &status))
			goto out;
	}
	if (opts.index == opts.argc) {
		fputs("llc-policy lint: which policies? see llc-policy lint --help\n", stderr);
		status = 2;
		goto out;
	}
	if (s.coverage && s.format != REPORT_TEXT) {
		fputs("llc-policy lint: --coverage is text; JSON has it in llc-policy dump --json\n", stderr);
		status = 2;
		goto out;
	}
	for (int i = opts.index; i < opts.argc; i++)
		lint_one(&s, &c, opts.argv[i]);
	if (!report(&s, &c))
		status = 2;
	else
		status = diag_count(c.diag, SEVERITY_ERROR) ? 1 : 0;
out:
	compilation_end(&c);
	return status;
}
