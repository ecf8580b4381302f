/* SPDX-License-Identifier: MIT */
/* What llc-policy trace prints; see trace.h. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "answer.h"
#include "arena.h"
#include "text.h"
#include "trace.h"

static const char *error_text(const struct trial *trial, const struct refusal *r)
{
	return r->err ? answer_errno(trial->arena, r->err) : "SIGSYS";
}

void trace_put_refusal(FILE *out, const struct trial *trial, const struct refusal *r, bool counted)
{
	if (counted)
		fprintf(out, "refused %" PRIu64 "x: ", r->count);
	else
		fputs("refused: ", out);
	put_text(out, r->process);
	fputs(": ", out);
	put_text(out, r->operation);
	if (r->path) {
		fputs(" (", out);
		put_text(out, r->path);
		fputc(')', out);
	}
	fprintf(out, ": %s\n%s", error_text(trial, r), r->answer);
	for (size_t i = 0; i < r->nadditions; i++)
		answer_addition(out, trial->world, trial->blob, &r->additions[i]);
	if (r->hopeless)
		say(out, "  add: nothing: %s", r->hopeless);
}

static void put_losses(FILE *out, const struct trial *trial, const struct trace_run *run)
{
	if (run->lost)
		fprintf(out, "LOST: %" PRIu64 " failed calls were not looked into: the buffer was full\n", run->lost);
	if (run->unfollowed)
		fprintf(out, "LOST: %" PRIu64 " times a process could not be followed\n", run->unfollowed);
	if (run->blind)
		fputs("LOST: the observer ended before the command; what came then is not here\n", out);
	if (trial->foreign)
		fprintf(out, "not looked into: %" PRIu64 " failed calls of another architecture\n", trial->foreign);
}

static void put_end(FILE *out, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_REFUSED)
		fputs("exit status 125: unless that is the command's own, llrun did not start it, and nothing of it "
		      "was "
		      "seen; what llrun said is the reason\n",
		      out);
	else if (WIFEXITED(status))
		fprintf(out, "exit status %d\n", WEXITSTATUS(status));
	else
		fprintf(out, "ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

void trace_put_text(FILE *out, const struct trial *trial, const struct trace_summary *summary)
{
	uint64_t total = 0;

	for (size_t i = 0; i < trial->n; i++) {
		trace_put_refusal(out, trial, trial->refusals[i], true);
		total += trial->refusals[i]->count;
	}
	fprintf(out, "refused: %zu operation%s in %" PRIu64 " call%s; observed by %s", trial->n,
		trial->n == 1 ? "" : "s", total, total == 1 ? "" : "s", summary->backend);
	if (summary->fallback) {
		fputs(" (not by eBPF: ", out);
		put_text(out, summary->fallback);
		fputc(')', out);
	}
	fputc('\n', out);
	if (trial->by_permissions)
		fprintf(out, "not the policy: %" PRIu64 " failed calls that permissions refuse without it, too\n",
			trial->by_permissions);
	if (trial->otherwise)
		fprintf(out, "not the policy: %" PRIu64 " failed calls for reasons of their own\n", trial->otherwise);
	put_losses(out, trial, summary->run);
	put_end(out, summary->run->status);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text)
{
	return text ? json_text(text) : json_null();
}

/* Lines of text, without what they begin with. */
static json_t *lines_json(char *text)
{
	json_t *list = json_array();

	for (char *line; (line = strsep(&text, "\n"));)
		if (*line)
			json_append(list, json_text(line + strspn(line, " ")));
	return list;
}

static json_t *additions_json(const struct trial *trial, const struct refusal *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nadditions; i++)
		json_append(list, answer_addition_json(trial->world, trial->blob, &r->additions[i]));
	return list;
}

static json_t *answer_json(const struct refusal *r)
{
	char *copy = strdup(r->answer);
	json_t *list;

	if (!copy)
		abort();
	list = lines_json(copy);
	free(copy);
	return list;
}

static json_t *refusal_json(const struct trial *trial, const struct refusal *r)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "count", (json_int_t)r->count,
			 "process", text_or_null(r->process), "operation", text_or_null(r->operation), "call",
			 text_or_null(r->call), "path", text_or_null(r->path), "error",
			 text_or_null(error_text(trial, r)), "by", decider_names[r->by], "answer", answer_json(r),
			 "additions", additions_json(trial, r), "hopeless", text_or_null(r->hopeless));
}

bool trace_put_json_refusal(FILE *out, const struct trial *trial, const struct refusal *refusal)
{
	json_t *line = refusal_json(trial, refusal);
	bool ok = line && !json_dumpf(line, out, JSON_COMPACT) && fputc('\n', out) != EOF;

	json_decref(line);
	return ok;
}

bool trace_put_json(FILE *out, const struct trial *trial, const struct trace_summary *summary)
{
	const struct trace_run *run = summary->run;
	json_t *list = json_array(), *root;
	bool exited = WIFEXITED(run->status), ok;

	for (size_t i = 0; i < trial->n; i++)
		json_append(list, refusal_json(trial, trial->refusals[i]));
	root = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "backend", summary->backend,
			 "fallback", text_or_null(summary->fallback), "refusals", list, "by_permissions",
			 (json_int_t)trial->by_permissions, "otherwise", (json_int_t)trial->otherwise, "foreign",
			 (json_int_t)trial->foreign, "lost", (json_int_t)run->lost, "unfollowed",
			 (json_int_t)run->unfollowed, "blind", run->blind, "exit",
			 exited ? json_integer(WEXITSTATUS(run->status)) : json_null(), "signal",
			 exited ? json_null() : json_integer(WTERMSIG(run->status)));
	ok = root && !json_dumpf(root, out, JSON_INDENT(2)) && fputc('\n', out) != EOF;
	json_decref(root);
	return ok;
}
