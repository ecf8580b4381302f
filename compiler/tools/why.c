/* SPDX-License-Identifier: MIT */
/*
 * llc-policy why: what a policy answers to operations, by which rule, and what to write to change it. Exit status: 0
 * everything is allowed, 1 something is denied, 2 usage, or a policy or an operation that cannot be read.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "arena.h"
#include "decide.h"
#include "host.h"
#include "inspect.h"
#include "load.h"
#include "options.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

enum { ALLOWED, DENIED, UNUSABLE };

struct why {
	struct blob_file file;
	struct world *world;
	enum arch_id arch;
	unsigned abi;
	bool as_abi, all_abis, json, textual;
	const char *sets[LLPB_MAX_SLOTS + 1];
	size_t nsets;
	json_t *results;
	struct decision decision;
	int status;
};

extern char **environ;

/* ---- words for answers ---- */

/* "allowed", "denied", … and what the program sees. */
static const char *outcome(struct arena *arena, const struct decision *d)
{
	const char *word = d->unsure ? "depends on arguments" : d->allowed ? "allowed" : "denied";

	if (d->by == BY_PLAN)
		return "refused: llrun does not run this policy there";
	if (d->kills)
		return arena_printf(arena, "%s, killed", word);
	if (!d->err && !d->allowed && !d->unsure)
		return "denied, and made to look like success";
	if (!d->err)
		return word;
	if (d->allowed && d->access_err)
		return arena_printf(arena, "allowed, but this user gets %s", answer_errno(arena, d->err));
	return arena_printf(arena, "%s, %s%s", word, d->allowed ? "but the kernel says " : "",
			    answer_errno(arena, d->err));
}

/* ---- text ---- */

static void print_additions(struct why *w, const struct operation *op)
{
	struct addition additions[ADDITIONS_MAX];
	const char *reason;
	size_t count = decide_additions(w->world, w->abi, w->arch, op, additions, &reason);

	if (!count)
		say(stdout, "  add: nothing: %s", reason);
	for (size_t i = 0; i < count; i++)
		answer_addition(stdout, w->world, &w->file.blob, &additions[i]);
}

static void print_decision(struct why *w, struct arena *arena, const struct operation *op)
{
	const struct decision *d = &w->decision;

	say(stdout, "%s: %s", operation_text(arena, w->arch, op), outcome(arena, d));
	for (size_t i = 0; i < d->nsteps; i++)
		answer_step(stdout, arena, &w->file.blob, &d->steps[i]);
	if (d->note)
		say(stdout, "  note: %s", d->note);
	if (!d->allowed)
		print_additions(w, op);
}

/* ---- JSON ---- */

static json_t *must(json_t *json)
{
	if (!json)
		abort();
	return json;
}

static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must(value)))
		abort();
}

static json_t *json_rights(enum right_class class, uint64_t rights)
{
	static const char *(*const names[])(unsigned) = {
		[RIGHTS_FS] = fs_right_name, [RIGHTS_NET] = net_right_name, [RIGHTS_SCOPE] = scope_name};
	json_t *list = must(json_array());

	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if (rights >> bit & 1)
			json_append(list, json_string(names[class](bit)));
	return list;
}

static void put_place(json_t *object, const char *file, uint32_t line)
{
	if (!file || !*file)
		return;
	put(object, "file", json_text(file));
	put(object, "line", json_integer(line));
}

static json_t *json_rule(const struct blob *blob, uint32_t rule, enum right_class class, unsigned bit)
{
	json_t *object = must(json_object());
	const char *file = NULL;
	uint32_t line = 0;

	put(object, "right", json_rights(class, UINT64_C(1) << bit));
	if (rule < blob->npaths)
		put(object, "path", json_text(blob_str(blob, blob->paths[rule].shown)));
	else
		put(object, "port", json_integer((json_int_t)blob->ports[rule - blob->npaths].attr.port));
	if (rule_place(blob, rule, &file, &line))
		put_place(object, file, line);
	return object;
}

static json_t *json_layer(const struct blob *blob, const struct decision_step *step, uint32_t layer)
{
	const struct layer_answer *answer = &step->layers[layer];
	json_t *object = must(json_object()), *rules = must(json_array());

	put(object, "layer", json_integer(layer));
	put(object, "asked", json_rights(step->rights, answer->asked));
	put(object, "missing", json_rights(step->rights, answer->missing));
	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if (answer->rule[bit] != LLPB_NONE)
			json_append(rules, json_rule(blob, answer->rule[bit], step->rights, bit));
	put(object, "rules", rules);
	return object;
}

static void put_landlock(json_t *object, const struct blob *blob, const struct decision_step *step)
{
	json_t *layers = must(json_array());

	if (step->subject) {
		put(object, "path", json_text(step->subject));
		put(object, "directory", json_boolean(step->directory));
	}
	if (step->rights == RIGHTS_NET)
		put(object, "port", json_integer(step->port));
	put(object, "asked", json_rights(step->rights, step->asked));
	put(object, "gains", json_boolean(step->gains));
	for (uint32_t i = 0; i < blob->nlayers; i++)
		if (step->layers[i].asked)
			json_append(layers, json_layer(blob, step, i));
	put(object, "layers", layers);
}

static json_t *json_step(struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	json_t *object = must(json_object());
	char buffer[32];
	const char *file;
	uint32_t line;

	put(object, "by", json_string(decider_names[step->by]));
	put(object, "allowed", json_boolean(step->allowed));
	if (step->call)
		put(object, "call", json_text(step->call));
	if (step->err)
		put(object, "errno", json_string(answer_errno(arena, step->err)));
	if (step->by == BY_FILTER)
		put(object, "action", json_string(action_text(step->action, buffer)));
	if (step->by == BY_FILTER && !step->allowed && step->companion < COMPANIONS)
		put(object, "companion", json_string(companion_name(step->companion)));
	if (step->by == BY_LANDLOCK)
		put_landlock(object, blob, step);
	if (step->by == BY_BROKER)
		put(object, "exception", json_text(step->subject));
	if (step->by == BY_BROKER && step->reason)
		put(object, "reason", json_string(step->reason));
	if (step->by == BY_NAMESPACE && step->mount != LLPB_NONE)
		put(object, "mount", json_text(mount_text(blob, step->mount)));
	if (step->by == BY_BROKER || step->by == BY_NAMESPACE) {
		step_place(blob, step, &file, &line);
		put_place(object, file, line);
	}
	if (step->guarantee != LLPB_NONE) {
		const struct llpb_guarantee *g = &blob->guarantees[step->guarantee];
		put(object, "guarantee", json_text(blob_str(blob, g->name)));
		put_place(object, blob_str(blob, g->file), g->line);
	}
	return object;
}

static json_t *json_additions(const struct why *w, const struct operation *op, const char **reason)
{
	struct addition additions[ADDITIONS_MAX];
	size_t count = decide_additions(w->world, w->abi, w->arch, op, additions, reason);
	json_t *list = must(json_array());

	for (size_t i = 0; i < count; i++)
		json_append(list, must(answer_addition_json(w->world, &w->file.blob, &additions[i])));
	return list;
}

static json_t *json_decision(const struct why *w, struct arena *arena, const struct operation *op)
{
	const struct decision *d = &w->decision;
	json_t *object = must(json_object()), *steps = must(json_array());
	const char *reason = NULL;

	put(object, "operation", json_text(operation_text(arena, w->arch, op)));
	put(object, "abi", json_integer(w->abi));
	put(object, "decision", json_string(d->unsure ? "depends" : d->allowed ? "allow" : "deny"));
	put(object, "by", json_string(decider_names[d->by]));
	put(object, "errno", d->err ? json_string(answer_errno(arena, d->err)) : json_null());
	put(object, "killed", json_boolean(d->kills));
	for (size_t i = 0; i < d->nsteps; i++)
		json_append(steps, json_step(arena, &w->file.blob, &d->steps[i]));
	put(object, "steps", steps);
	if (d->note)
		put(object, "note", json_string(d->note));
	if (!d->allowed && !w->all_abis) {
		put(object, "additions", json_additions(w, op, &reason));
		if (reason)
			put(object, "no_addition", json_string(reason));
	}
	return object;
}

/* ---- operations ---- */

static void print_row(struct why *w, struct arena *arena)
{
	const struct decision *d = &w->decision;
	const char *by = d->by == BY_NOBODY || d->by == BY_PLAN ? "" : decider_names[d->by];

	say(stdout, "  abi %-2u %-9s %s%s%s", w->abi, abi_kernel(w->abi), outcome(arena, d), *by ? ", by " : "", by);
}

static void decide_once(struct why *w, struct arena *arena, const struct operation *op)
{
	decide(w->world, w->abi, w->arch, op, &w->decision);
	/* rows that do not run refuse nothing to anybody */
	if (!w->decision.allowed && !(w->all_abis && w->decision.by == BY_PLAN) && w->status == ALLOWED)
		w->status = DENIED;
	if (w->json)
		json_append(w->results, json_decision(w, arena, op));
	else if (w->all_abis)
		print_row(w, arena);
	else
		print_decision(w, arena, op);
}

/* `where` comes before what is wrong: the line of standard input. */
static void answer(struct why *w, struct arena *arena, const char *const *words, size_t nwords, const char *where)
{
	struct operation op;
	const char *wrong = operation_parse(arena, w->arch, words, nwords, &op);

	if (wrong) {
		say(stderr, "llc-policy why: %s%s", where, wrong);
		w->status = UNUSABLE;
		return;
	}
	if (!w->all_abis) {
		decide_once(w, arena, &op);
		return;
	}
	if (!w->json)
		say(stdout, "%s:", operation_text(arena, w->arch, &op));
	for (w->abi = 0; w->abi < w->file.blob.nplans; w->abi++)
		decide_once(w, arena, &op);
}

static void answer_line(struct why *w, const char *line, unsigned number)
{
	struct arena *arena = arena_create();
	const char *const *words;
	size_t nwords;
	const char *wrong = operation_words(arena, line, &words, &nwords);
	const char *where = arena_printf(arena, "line %u: ", number);

	if (wrong) {
		say(stderr, "llc-policy why: %s%s", where, wrong);
		w->status = UNUSABLE;
	} else if (nwords) {
		answer(w, arena, words, nwords, where);
	}
	arena_destroy(&arena);
}

static void answer_input(struct why *w)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	for (unsigned number = 1; (len = getline(&line, &cap, stdin)) >= 0; number++) {
		if (memchr(line, 0, (size_t)len)) {
			say(stderr, "llc-policy why: line %u: a NUL byte", number);
			w->status = UNUSABLE;
			continue;
		}
		answer_line(w, line, number);
	}
	free(line);
	if (ferror(stdin)) {
		fputs("llc-policy why: reading standard input failed\n", stderr);
		w->status = UNUSABLE;
	}
}

/* ---- the command ---- */

static void print_problems(const struct why *w)
{
	size_t count;
	const struct world_problem *problems = world_problems(w->world, &count);

	for (size_t i = 0; i < count; i++) {
		const struct world_problem *p = &problems[i];
		struct arena *arena = arena_create();
		say(stderr, "llc-policy why: llrun would refuse to run here: %s: \"%s\"%s%s%s", p->text, p->object,
		    p->err ? ": " : "", p->err ? strerror(p->err) : "", answer_place(arena, p->file, p->line));
		arena_destroy(&arena);
	}
}

static bool choose_abi(struct why *w, const char *value)
{
	char *end;
	unsigned long abi = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || abi > LLPB_PLAN_MAX) {
		say(stderr, "llc-policy why: --as-abi %s: a Landlock ABI is a number from 0 to %d", value,
		    LLPB_PLAN_MAX);
		return false;
	}
	w->abi = (unsigned)abi;
	w->as_abi = true;
	return true;
}

static bool choose_arch(struct why *w, const char *name)
{
	w->arch = arch_find(name);
	if (w->arch == ARCHES)
		say(stderr, "llc-policy why: --arch %s: no such architecture", name);
	return w->arch != ARCHES;
}

static bool choose_set(struct why *w, const char *value)
{
	if (!strchr(value, '=') || w->nsets == LLPB_MAX_SLOTS) {
		say(stderr, "llc-policy why: --set %s: NAME=PATH expected, at most %d of them", value,
		    LLPB_MAX_SLOTS);
		return false;
	}
	w->sets[w->nsets++] = value;
	return true;
}

/* 0, or -1 - the exit status. */
static int read_options(struct why *w, struct options *opts)
{
	enum option_id opt;
	bool fine = true;

	while (fine && (opt = options_next(opts)) != OPT_END)
		if (opt == OPT_JSON)
			w->json = true;
		else if (opt == OPT_ALL_ABIS)
			w->all_abis = true;
		else if (opt == OPT_NO_RESOLVE)
			w->textual = true;
		else if (opt == OPT_AS_ABI)
			fine = choose_abi(w, opts->value);
		else if (opt == OPT_ONE_ARCH)
			fine = choose_arch(w, opts->value);
		else if (opt == OPT_SET)
			fine = choose_set(w, opts->value);
		else
			return -1 - options_fail(opts, opt);
	if (fine && w->all_abis && w->as_abi) {
		fputs("llc-policy why: --as-abi and --all-abis exclude each other\n", stderr);
		fine = false;
	}
	return fine ? 0 : -1 - UNUSABLE;
}

static bool open_policy(struct why *w, const char *path)
{
	const struct world_options options = {
		.sets = w->sets, .envp = (const char *const *)environ, .textual = w->textual, .origin = path};
	long abi = host_landlock_abi();

	if (!policy_load(&w->file, "why", path))
		return false;
	if (!w->as_abi)
		w->abi = abi > 0 ? (unsigned)abi : 0;
	w->world = world_open(&w->file.blob, &options);
	print_problems(w);
	return true;
}

static void close_policy(struct why *w)
{
	if (w->json && json_dumpf(w->results, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER))
		w->status = UNUSABLE;
	if (w->json)
		putchar('\n');
	json_decref(w->results);
	world_close(w->world);
	blob_unload(&w->file);
	if (fflush(stdout) || ferror(stdout)) {
		fputs("llc-policy why: writing standard output failed\n", stderr);
		w->status = UNUSABLE;
	}
}

int cmd_why(int argc, char **argv)
{
	static struct why w;
	struct options opts;

	w.arch = host_arch();
	options_begin(&opts, CMD_WHY, argc, argv);
	int status = read_options(&w, &opts);
	if (status)
		return -1 - status;
	const char *const *words = (const char *const *)&opts.argv[opts.index];
	size_t nwords = (size_t)(opts.argc - opts.index);
	if (nwords < 2 || w.arch == ARCHES) {
		fputs("llc-policy why: POLICY and an operation expected, or - for operations on standard input; see "
		      "llc-policy why --help\n",
		      stderr);
		return UNUSABLE;
	}
	bool input = nwords == 2 && !strcmp(opts.argv[opts.argc - 1], "-");
	if (input && !strcmp(words[0], "-")) {
		fputs("llc-policy why: standard input is either the policy or the operations\n", stderr);
		return UNUSABLE;
	}
	if (!open_policy(&w, words[0]))
		return UNUSABLE;
	w.results = w.json ? must(json_array()) : NULL;
	if (input) {
		answer_input(&w);
	} else {
		struct arena *arena = arena_create();
		answer(&w, arena, words + 1, nwords - 1, "");
		arena_destroy(&arena);
	}
	close_policy(&w);
	return w.status;
}
