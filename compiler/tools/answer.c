/* SPDX-License-Identifier: MIT */
/* Decisions in words; see answer.h. */
#include "answer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "inspect.h"
#include "text.h"
#include "vocab.h"

const char *answer_errno(struct arena *arena, int err)
{
	const char *name = errno_name((unsigned)err);

	return name ? name : arena_printf(arena, "errno %d", err);
}

static const char *rights_text(struct arena *arena, enum right_class class, uint64_t rights)
{
	const char *(*name)(unsigned) = class == RIGHTS_FS    ? fs_right_name
					: class == RIGHTS_NET ? net_right_name
							      : scope_name;
	const char *text = "";

	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if (rights >> bit & 1)
			text = arena_printf(arena, "%s%s%s", text, *text ? ", " : "", name(bit));
	return text;
}

const char *answer_place(struct arena *arena, const char *file, uint32_t line)
{
	return file && *file ? arena_printf(arena, " (%s:%" PRIu32 ")", file, line) : "";
}

static const char *rule_text(struct arena *arena, const struct blob *blob, uint32_t rule)
{
	const char *file = NULL;
	uint32_t line = 0;

	rule_place(blob, rule, &file, &line);
	if (rule >= blob->npaths)
		return arena_printf(arena, "port %" PRIu64 "%s", blob->ports[rule - blob->npaths].attr.port,
				    answer_place(arena, file, line));
	return arena_printf(arena, "\"%s\"%s", blob_str(blob, blob->paths[rule].shown),
			    answer_place(arena, file, line));
}

static const char *guarantee_text(struct arena *arena, const struct blob *blob, uint32_t guarantee)
{
	if (guarantee == LLPB_NONE)
		return "";
	const struct llpb_guarantee *g = &blob->guarantees[guarantee];
	return answer_place(arena, blob_str(blob, g->file), g->line);
}

/* Which rules give what one layer grants: one line for each rule. */
static void print_grants(FILE *out, struct arena *arena, const struct blob *blob, const struct decision_step *step,
			 uint32_t layer)
{
	const struct layer_answer *answer = &step->layers[layer];
	uint64_t done = 0;

	for (unsigned bit = 0; bit < RIGHT_BITS; bit++) {
		uint64_t same = 0;
		if (answer->rule[bit] == LLPB_NONE || done >> bit & 1)
			continue;
		for (unsigned other = bit; other < RIGHT_BITS; other++)
			if (answer->rule[other] == answer->rule[bit])
				same |= UINT64_C(1) << other;
		done |= same;
		say(out, "  landlock, layer %" PRIu32 ": %s by %s", layer, rights_text(arena, step->rights, same),
		    rule_text(arena, blob, answer->rule[bit]));
	}
}

static const char *missing_of(struct arena *arena, const struct decision_step *step, uint64_t missing)
{
	const char *rights = rights_text(arena, step->rights, missing);

	if (step->rights == RIGHTS_SCOPE)
		return arena_printf(arena, "the scope %s is restricted", rights);
	if (step->rights == RIGHTS_NET)
		return arena_printf(arena, "no rule grants %s of port %" PRIu32, rights, step->port);
	if (!step->asked)
		return "mounting is denied wherever files are restricted";
	if (step->gains)
		return arena_printf(arena, "%s would get %s at its new place", step->subject, rights);
	return arena_printf(arena, "no rule grants %s on %s%s", rights, step->subject,
			    step->directory && strcmp(step->subject, "/") ? "/" : "");
}

static void print_landlock(FILE *out, struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	bool said = false;

	for (uint32_t i = 0; i < blob->nlayers; i++) {
		print_grants(out, arena, blob, step, i);
		if (!step->layers[i].missing)
			continue;
		say(out, "  landlock, layer %" PRIu32 "%s: %s", i, guarantee_text(arena, blob, step->guarantee),
		    missing_of(arena, step, step->layers[i].missing));
		said = true;
	}
	if (!step->allowed && !said)
		say(out, "  landlock%s: %s", guarantee_text(arena, blob, step->guarantee),
		    missing_of(arena, step, step->asked));
}

/* What of the view it is. */
static const char *namespace_text(struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	if (step->space == K_CLONE_NEWNET)
		return "the network is isolated";
	if (step->space == K_CLONE_NEWPID)
		return "processes outside of it are not in there";
	return arena_printf(arena, "\"%s\" is %s", mount_text(blob, step->mount),
			    step->attr == K_MOUNT_ATTR_RDONLY   ? "mounted read-only"
			    : step->attr == K_MOUNT_ATTR_NOEXEC ? "mounted without execution"
								: "mounted without devices");
}

void answer_step(FILE *out, struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	char buffer[32];
	const char *file;
	uint32_t line;

	step_place(blob, step, &file, &line);
	if (step->by == BY_LANDLOCK)
		print_landlock(out, arena, blob, step);
	else if (step->by == BY_FILTER && !step->allowed)
		say(out, "  seccomp%s%s%s: %s answers %s%s%s%s", guarantee_text(arena, blob, step->guarantee),
		    step->companion < COMPANIONS ? ", companion " : "",
		    step->companion < COMPANIONS ? companion_name(step->companion) : "", step->call,
		    action_text(step->action, buffer), step->unsure ? ", or not, as its arguments are" : "",
		    step->reason ? ": " : "", step->reason ? step->reason : "");
	else if (step->by == BY_FILTER)
		say(out, "  seccomp: %s is let through", step->call);
	else if (step->by == BY_BROKER)
		say(out,
		    step->allowed ? "  broker: llrund carries out %s: exception \"%s\"%s%s%s"
				  : "  broker: llrund refuses %s: exception \"%s\"%s%s%s",
		    step->call, step->subject, answer_place(arena, file, line), step->reason ? ": " : "",
		    step->reason ? step->reason : "");
	else if (step->by == BY_NAMESPACE)
		say(out, "  namespace: %s answers %s, in the view that the policy makes: %s%s", step->call,
		    answer_errno(arena, step->err), namespace_text(arena, blob, step),
		    answer_place(arena, file, line));
	else if (step->by == BY_KERNEL)
		say(out, "  kernel: %s answers %s, whatever the policy says", step->call,
		    answer_errno(arena, step->err));
}

void answer_addition(FILE *out, const struct world *world, const struct blob *blob, const struct addition *addition)
{
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		abort();
	addition_toml(memory, blob, addition);
	fclose(memory);
	rest = text;
	while ((line = strsep(&rest, "\n")) && *line)
		fprintf(out, "  %s: %s\n", addition->kind == ADD_EDIT ? "edit" : "add",
			addition->kind == ADD_EDIT ? line + strspn(line, "# ") : line);
	free(text);
	fputs("  opens: ", out);
	addition_opens(out, world, addition);
	fputc('\n', out);
}

json_t *answer_addition_json(const struct world *world, const struct blob *blob, const struct addition *addition)
{
	char *texts[2] = {NULL, NULL};
	json_t *toml;
	size_t size;

	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&texts[i], &size);
		if (!out)
			abort();
		if (i)
			addition_opens(out, world, addition);
		else
			addition_toml(out, blob, addition);
		fclose(out);
	}
	toml = json_string(texts[0]);
	json_t *object =
		json_pack("{s:o, s:o}", "toml", toml ? toml : json_text(texts[0]), "opens", json_text(texts[1]));
	free(texts[0]);
	free(texts[1]);
	if (object && addition->kind == ADD_EDIT)
		json_object_set_new(object, "edit", json_text(addition->change));
	if (object && addition->kind == ADD_EDIT && addition->file && *addition->file) {
		json_object_set_new(object, "file", json_text(addition->file));
		json_object_set_new(object, "line", json_integer(addition->line));
	}
	return object;
}
