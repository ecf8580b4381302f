/* SPDX-License-Identifier: MIT */
/*
 * llc-policy test: what a policy says of itself in [[test]], asked of its blob for every Landlock ABI and architecture,
 * and with --live of this kernel. A denial by the kernel proves something only when the same operation succeeds without
 * the policy: that is tried, too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "arena.h"
#include "compile.h"
#include "expect.h"
#include "host.h"
#include "inspect.h"
#include "options.h"
#include "perform.h"
#include "source.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

enum outcome { PASSED, FAILED, SKIPPED };

struct result {
	const char *name; /* the same wherever the test stands */
	const char *place; /* file:line of its table */
	enum outcome outcome;
	const char *why; /* lines; NULL of PASSED: nothing to say */
};

struct run {
	struct compilation c;
	struct blob blob;
	const char **sets; /* NULL-terminated */
	size_t nsets;
	bool live, junit;
	struct result *results;
	size_t nresults, cap;
};

static void record(struct run *run, const struct expectation *e, const char *prefix, enum outcome outcome,
		   const char *why)
{
	struct arena *arena = run->c.arena;
	const struct srcpos *pos = &e->test->pos;

	run->results = arena_grow(arena, run->results, &run->cap, run->nresults + 1, sizeof(*run->results));
	run->results[run->nresults++] = (struct result){
		arena_printf(arena, "%s%s: %s", prefix, e->text, e->test->allow ? "allow" : "deny"),
		arena_printf(arena, "%s:%u", source_name(run->c.sources, pos->file), pos->line), outcome, why};
}

/* ---- by the blob ---- */

static const char *answer_text(struct arena *arena, bool allowed, bool kills, int err)
{
	if (allowed)
		return "allowed";
	if (kills)
		return "killed";
	return arena_printf(arena, "denied with %s",
			    errno_name((unsigned)err) ? errno_name((unsigned)err) : "no error");
}

static const char *wrong_answer(struct arena *arena, const struct policy_test *test, const struct decision *d)
{
	if (d->by == BY_PLAN)
		return test->abis ? "the policy does not run there" : NULL;
	if (d->unsure)
		return "depends on arguments that the test does not give";
	if (d->allowed == test->allow && (!test->err || (!d->kills && d->err == test->err)))
		return NULL;
	return arena_printf(arena, "%s%s", answer_text(arena, d->allowed, d->kills, d->err),
			    d->allowed ? "" : arena_printf(arena, " by %s", decider_names[d->by]));
}

/* What `why` says of it: the step that refuses and what to add, or the rules that allow. */
static const char *explain(struct run *run, struct world *world, unsigned abi, enum arch_id arch,
			   const struct expectation *e, const struct decision *d)
{
	struct addition additions[ADDITIONS_MAX];
	struct arena *arena = run->c.arena;
	const char *reason, *kept;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (size_t i = 0; i < d->nsteps && d->by != BY_PLAN; i++)
		if (d->allowed ? d->steps[i].by != BY_FILTER : i == d->decisive)
			answer_step(out, arena, &run->blob, &d->steps[i]);
	if (!d->allowed && e->test->allow && !d->unsure) {
		size_t count = decide_additions(world, abi, arch, &e->ops[arch], additions, &reason);
		if (!count)
			say(out, "  add: nothing: %s", reason);
		for (size_t i = 0; i < count; i++)
			answer_addition(out, world, &run->blob, &additions[i]);
	}
	fclose(out);
	kept = arena_strdup(arena, text);
	free(text);
	return kept;
}

/* One line per run of ABIs with the same wrong answer; *explained: of the first of all, NULL until there is one. */
static const char *ask_rows(struct run *run, struct world *world, const struct expectation *e, enum arch_id arch,
			    const char **explained)
{
	struct arena *arena = run->c.arena;
	const char *why = "", *last = NULL, *answer;
	unsigned first = 0;

	for (unsigned abi = 0; abi <= ABI_ROWS; abi++) {
		struct decision decision;

		answer = NULL;
		if (abi < ABI_ROWS && (!e->test->abis || e->test->abis >> abi & 1)) {
			decide(world, abi, arch, &e->ops[arch], &decision);
			answer = wrong_answer(arena, e->test, &decision);
			if (answer && !*explained)
				*explained = explain(run, world, abi, arch, e, &decision);
		}
		if (last && (!answer || strcmp(last, answer)))
			why = arena_printf(arena, "%sABI %u to %u on %s: %s\n", why, first, abi - 1,
					   arch_rows[arch].name, last);
		if (answer && (!last || strcmp(last, answer)))
			first = abi;
		last = answer;
	}
	return why;
}

static bool runs_somewhere(const struct run *run)
{
	for (uint32_t i = 0; i < run->blob.nplans; i++)
		if (!(run->blob.plans[i].flags & LLPB_PLAN_REFUSE))
			return true;
	return false;
}

static void ask_blob(struct run *run, const struct expectation *all)
{
	const struct world_options options = {.textual = true, .sets = run->sets};
	struct world *world = world_open(&run->blob, &options);

	for (size_t i = 0; i < run->c.policy->ntests; i++) {
		const char *why = runs_somewhere(run) ? "" : "the policy runs nowhere\n", *explained = NULL;

		for (unsigned arch = 0; arch < ARCHES; arch++)
			if (all[i].arches & 1u << arch)
				why = arena_printf(run->c.arena, "%s%s", why,
						   ask_rows(run, world, &all[i], (enum arch_id)arch, &explained));
		if (explained)
			why = arena_printf(run->c.arena, "%s%s", why, explained);
		record(run, &all[i], "", *why ? FAILED : PASSED, *why ? why : NULL);
	}
	world_close(world);
}

/* ---- by the kernel ---- */

static bool resolve_slots(struct run *run, struct operation *op)
{
	const char *from = op->path ? perform_path(run->c.arena, &run->blob, run->sets, op->path) : NULL;
	const char *to = op->to ? perform_path(run->c.arena, &run->blob, run->sets, op->to) : NULL;
	bool fine = (!op->path || from) && (!op->to || to);

	op->path = from;
	op->to = to;
	return fine;
}

#define LIVE "live: "

static const char *performed_text(struct arena *arena, const struct performed *p)
{
	return answer_text(arena, p->kind == PERFORMED_DONE, p->kind == PERFORMED_KILLED, p->err);
}

/*
 * The same operation without what denied it: first in the policy's view with nothing restricted; then, when it is the
 * view that denies, outside of it. *where is for people; NULL: there is no other way.
 */
static struct performed control(struct run *run, const struct operation *op, const char **where)
{
	struct performance how = {
		.stage = PERFORM_IN_VIEW, .blob = &run->blob, .size = run->c.blob_size, .sets = run->sets};
	struct performed out = {.kind = PERFORMED_NOT};

	if (run->blob.nmounts) {
		*where = "the same, in the policy's view with nothing restricted";
		out = perform(run->c.arena, &how, op);
	}
	if (out.kind == PERFORMED_DONE)
		return out;
	how.stage = PERFORM_OUTSIDE;
	*where = run->blob.nmounts ? "the same, outside of the policy's view" : NULL;
	return perform(run->c.arena, &how, op);
}

static void judge(struct run *run, const struct expectation *e, const struct operation *op)
{
	struct arena *arena = run->c.arena;
	const struct performance with = {
		.stage = PERFORM_UNDER, .blob = &run->blob, .size = run->c.blob_size, .sets = run->sets};
	const struct policy_test *test = e->test;
	struct performed inside = perform(arena, &with, op), outside;
	const char *where = NULL;

	if (inside.kind == PERFORMED_NOT) {
		record(run, e, LIVE, SKIPPED, inside.why);
		return;
	}
	if (inside.kind == PERFORMED_STUCK) {
		record(run, e, LIVE, FAILED, arena_printf(arena, "%s\n", inside.why));
		return;
	}
	if (inside.kind == PERFORMED_DONE) {
		record(run, e, LIVE, test->allow ? PASSED : FAILED, test->allow ? NULL : "allowed by this kernel\n");
		return;
	}
	outside = control(run, op, &where);
	if (outside.kind == PERFORMED_STUCK)
		record(run, e, LIVE, FAILED, arena_printf(arena, "without the policy it %s\n", outside.why));
	else if (outside.kind != PERFORMED_DONE)
		record(run, e, LIVE, SKIPPED,
		       outside.kind == PERFORMED_NOT ? outside.why
						     : arena_printf(arena, "without the policy it is %s, too",
								    performed_text(arena, &outside)));
	else if (test->allow || (test->err && (inside.kind == PERFORMED_KILLED || inside.err != test->err)))
		record(run, e, LIVE, FAILED,
		       arena_printf(arena, "%s by this kernel\n", performed_text(arena, &inside)));
	else
		record(run, e, LIVE, PASSED,
		       where ? arena_printf(arena, "%s; control: %s\n", performed_text(arena, &inside), where)
			     : NULL);
}

static void ask_kernel(struct run *run, const struct expectation *all)
{
	long abi = host_landlock_abi();
	unsigned row = abi < 0 ? 0 : abi < ABI_NEWEST ? (unsigned)abi : ABI_NEWEST;
	enum arch_id arch = host_arch();

	for (size_t i = 0; i < run->c.policy->ntests; i++) {
		struct operation op;

		if (arch == ARCHES || !(all[i].arches & 1u << arch)) {
			record(run, &all[i], LIVE, SKIPPED, "not about this machine's architecture");
			continue;
		}
		op = all[i].ops[arch];
		if (all[i].test->abis && !(all[i].test->abis >> row & 1))
			record(run, &all[i], LIVE, SKIPPED,
			       arena_printf(run->c.arena, "not about this kernel, which has Landlock ABI %ld", abi));
		else if (!resolve_slots(run, &op))
			record(run, &all[i], LIVE, SKIPPED, "a slot without a value; say --set NAME=PATH");
		else
			judge(run, &all[i], &op);
	}
}

/* ---- reports ---- */

/* A number sign in a name would begin a directive: "# SKIP" in a path must not pass for one. */
static void put_name(FILE *out, struct arena *arena, const char *name)
{
	for (size_t len; *name; name += len) {
		len = strcspn(name, "#");
		put_text(out, arena_strndup(arena, name, len));
		if (name[len] == '#') {
			fputs("\\#", out);
			len++;
		}
	}
}

/* TAP version 13; the lines of an explanation follow their test. */
static void print_tap(FILE *out, const struct run *run)
{
	for (size_t i = 0; i < run->nresults; i++) {
		const struct result *r = &run->results[i];

		fprintf(out, "%sok %zu - ", r->outcome == FAILED ? "not " : "", i + 1);
		put_name(out, run->c.arena, arena_printf(run->c.arena, "%s (%s)", r->name, r->place));
		if (r->outcome == SKIPPED)
			say(out, " # SKIP %s", r->why);
		else
			fputc('\n', out);
		for (const char *line = r->why && r->outcome != SKIPPED ? r->why : ""; *line;
		     line += strcspn(line, "\n") + 1) {
			fprintf(out, "# ");
			say(out, "%.*s", (int)strcspn(line, "\n"), line);
		}
	}
	fprintf(out, "1..%zu\n", run->nresults);
}

static void put_xml(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<' || c == '>' || c == '&' || c == '"')
			fprintf(out, "&#%u;", c);
		else if (c == '\n' || (c >= 0x20 && c < 0x7f))
			fputc(c, out);
		else /* XML 1.0 has no way to say most control characters */
			fprintf(out, "\\x%02x", c);
	}
}

/* A report's reader shows the attribute first: one line; the text has them all. */
static void put_xml_outcome(FILE *out, struct arena *arena, const struct result *r)
{
	static const char *const elements[] = {[PASSED] = "system-out", [FAILED] = "failure", [SKIPPED] = "skipped"};
	const char *element = elements[r->outcome];

	if (!r->why)
		return;
	fprintf(out, "    <%s", element);
	if (r->outcome != PASSED) {
		fputs(" message=\"", out);
		put_xml(out, arena_strndup(arena, r->why, strcspn(r->why, "\n")));
		fputc('"', out);
	}
	fputc('>', out);
	put_xml(out, r->why);
	fprintf(out, "</%s>\n", element);
}

/* How many results before this one have its name. */
static size_t earlier(const struct run *run, size_t index)
{
	size_t count = 0;

	for (size_t i = 0; i < index; i++)
		count += !strcmp(run->results[i].name, run->results[index].name);
	return count;
}

/* Reports are compared from run to run by class and name: neither may depend on where in the file the test stands. */
static void put_case(FILE *out, const struct run *run, size_t index)
{
	const struct result *r = &run->results[index];
	const char *name = run->c.policy->name;
	size_t before = earlier(run, index);

	fputs("  <testcase classname=\"", out);
	put_xml(out, name && *name ? name : source_name(run->c.sources, run->c.policy->file));
	fputs("\" name=\"", out);
	put_xml(out, r->name);
	if (before)
		fprintf(out, " #%zu", before + 1);
	fputs("\">\n    <properties><property name=\"place\" value=\"", out);
	put_xml(out, r->place);
	fputs("\"/></properties>\n", out);
	put_xml_outcome(out, run->c.arena, r);
	fputs("  </testcase>\n", out);
}

static void print_junit(FILE *out, const struct run *run)
{
	size_t count[3] = {0};

	for (size_t i = 0; i < run->nresults; i++)
		count[run->results[i].outcome]++;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"", out);
	put_xml(out, source_name(run->c.sources, run->c.policy->file));
	fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\">\n", run->nresults, count[FAILED],
		count[SKIPPED]);
	for (size_t i = 0; i < run->nresults; i++)
		put_case(out, run, i);
	fputs("</testsuite>\n", out);
}

/* ---- the command ---- */

static bool add_set(struct run *run, const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1]) {
		say(stderr, "llc-policy test: --set %s: write NAME=PATH", text);
		return false;
	}
	run->sets[run->nsets++] = text;
	return true;
}

static int take_options(struct run *run, struct options *opts)
{
	enum option_id opt;

	while ((opt = options_next(opts)) != OPT_END) {
		if (opt == OPT_LIVE) {
			run->live = true;
		} else if (opt == OPT_SET) {
			if (!add_set(run, opts->value))
				return 2;
		} else if (opt == OPT_REPORT) {
			run->junit = !strcmp(opts->value, "junit");
			if (!run->junit && strcmp(opts->value, "tap")) {
				say(stderr, "llc-policy test: --format %s: tap or junit", opts->value);
				return 2;
			}
		} else {
			return options_fail(opts, opt);
		}
	}
	if (opts->argc - opts->index != 1) {
		fputs("llc-policy test: one policy, please; see llc-policy test --help\n", stderr);
		return 2;
	}
	return -1;
}

static int test_policy(struct run *run, const char *path)
{
	struct compilation *c = &run->c;
	const struct expectation *all;
	int status = 0;

	diag_show(c->diag, SEVERITY_ERROR);
	if (!compilation_run(c, source_open(c->sources, c->diag, path)) ||
	    !(all = expectations_read(c->arena, c->diag, c->policy, c->arches, c->narches)) ||
	    blob_open(&run->blob, c->blob, c->blob_size)) {
		diag_print(c->diag, REPORT_TEXT, stderr);
		return 1;
	}
	if (!c->policy->ntests) {
		say(stderr, "llc-policy test: %s has no [[test]]: nothing was tested", path);
		return 1;
	}
	ask_blob(run, all);
	if (run->live)
		ask_kernel(run, all);
	(run->junit ? print_junit : print_tap)(stdout, run);
	for (size_t i = 0; i < run->nresults; i++)
		if (run->results[i].outcome == FAILED)
			status = 1;
	if (fflush(stdout)) {
		perror("llc-policy test: standard output");
		return 2;
	}
	return status;
}

int cmd_test(int argc, char **argv)
{
	struct run run = {.live = false};
	struct options opts;
	int status;

	compilation_begin(&run.c);
	run.sets = arena_alloc(run.c.arena, ((size_t)argc + 1) * sizeof(*run.sets));
	options_begin(&opts, CMD_TEST, argc, argv);
	status = take_options(&run, &opts);
	if (status < 0)
		status = test_policy(&run, opts.argv[opts.index]);
	compilation_end(&run.c);
	return status;
}
