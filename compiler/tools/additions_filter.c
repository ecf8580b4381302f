/* SPDX-License-Identifier: MIT */
/*
 * Additions for what the filter denies. A filter is compiled from more than one line of a policy, so a candidate is
 * tried in earnest: the blob is turned back into a policy, changed, compiled, and the operation decided by the result.
 * The comparison of both blobs says what else it opens.
 */
#include <stdlib.h>
#include <string.h>

#include "additions.h"
#include "arena.h"
#include "compile.h"
#include "diff.h"
#include "dump.h"
#include "inspect.h"
#include "source.h"
#include "sysdata.h"
#include "text.h"

/* ---- a changed policy ---- */

static void change_path(struct arena *arena, struct policy *p, const struct addition *a)
{
	struct policy_layer *layer = &p->layers[a->layer];

	layer->rules = arena_grow(arena, layer->rules, &layer->rules_cap, layer->nrules + 1, sizeof(*layer->rules));
	layer->rules[layer->nrules++] = (struct policy_rule){.path = a->path,
							     .rest = a->path,
							     .group = GROUP_UNIX,
							     .access = a->rights,
							     .slot = -1,
							     .pos = layer->pos};
}

static void change_port(struct arena *arena, struct policy *p, const struct addition *a)
{
	p->ports = arena_grow(arena, p->ports, &p->ports_cap, p->nports + 1, sizeof(*p->ports));
	p->ports[p->nports++] =
		(struct policy_port){.port = (uint16_t)a->port, .access = a->rights, .pos = p->net_pos};
}

/* Rules come before lists, and the first that holds decides. */
static void change_call(struct arena *arena, struct policy *p, const struct addition *a)
{
	struct policy_name *name = arena_alloc(arena, sizeof(*name));

	*name = (struct policy_name){.text = a->call};
	p->calls = arena_grow(arena, p->calls, &p->calls_cap, p->ncalls + 1, sizeof(*p->calls));
	memmove(p->calls + 1, p->calls, p->ncalls++ * sizeof(*p->calls));
	p->calls[0] = (struct policy_call_rule){.calls = name,
						.ncalls = 1,
						.action = {.given = true, .value = K_SECCOMP_RET_ALLOW},
						.override = true,
						.arches = (1u << ARCHES) - 1};
}

static unsigned companion_named(const char *name)
{
	unsigned i = 0;

	while (i < COMPANIONS && strcmp(companion_name(i), name))
		i++;
	return i;
}

/* The blob's oldest ABI may be the computed one: what only a newer Landlock can grant moves it. */
static void raise_min_abi(struct policy *p, const struct addition *a)
{
	uint64_t (*mask)(unsigned) = a->kind == ADD_PORT ? abi_net_mask : abi_fs_mask;

	while (p->strict && p->min_abi >= 0 && p->min_abi < ABI_NEWEST && a->rights & ~mask((unsigned)p->min_abi))
		p->min_abi++;
}

static void change(struct compilation *c, const struct addition *a)
{
	struct policy *p = c->policy;

	if (a->kind == ADD_PATH || a->kind == ADD_PORT)
		raise_min_abi(p, a);
	if (a->kind == ADD_PATH && a->layer < p->nlayers) {
		change_path(c->arena, p, a);
	} else if (a->kind == ADD_PORT) {
		change_port(c->arena, p, a);
	} else if (a->kind == ADD_UDP) {
		p->udp_deny = false;
		p->has_udp = true;
	} else if (a->kind == ADD_COMPANION && companion_named(a->call) < COMPANIONS) {
		p->companions[companion_named(a->call)] = (struct policy_companion){.said = true, .value = false};
	} else if (a->kind == ADD_CALL) {
		change_call(c->arena, p, a);
	}
}

/* The blob with the addition, or without one (NULL). False: the language cannot express the blob, or the result is no policy. */
static bool changed(struct compilation *c, const struct blob *blob, enum arch_id arch,
		    const struct addition *addition, struct blob *out)
{
	char *text = NULL;
	size_t size;
	FILE *toml = open_memstream(&text, &size);
	bool fine = toml && !dump_toml(toml, blob);

	if (toml)
		fclose(toml);
	compilation_begin(c);
	c->arches[0] = arch;
	c->narches = 1;
	if (fine)
		fine = compilation_check(c, source_from_memory(c->sources, "<addition>", text, size));
	if (fine && addition)
		change(c, addition);
	fine = fine && compilation_lower(c) && !blob_open(out, c->blob, c->blob_size);
	free(text);
	return fine;
}

/* ---- candidates ---- */

/* What the new policy permits and the old one does not; of the world. */
static const char *opens_text(struct world *world, const struct blob *new, struct arena *arena)
{
	struct diff diff = {.arena = arena, .old = world->blob, .new = new};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *separator = "";

	if (!out)
		abort();
	diff_blobs(&diff);
	for (size_t i = 0; i < diff.count; i++) {
		if (diff.items[i].way != DIFF_WIDENED)
			continue;
		fprintf(out, "%s%s: ", separator, diff.items[i].area);
		put_text(out, diff.items[i].text);
		separator = "; ";
	}
	fclose(out);
	const char *kept = arena_strdup(world->arena, text);
	free(text);
	return kept;
}

static bool passes_filter(const struct additions *a, struct addition *addition)
{
	struct world *w = a->world;
	const struct world_options options = {.sets = w->sets, .envp = w->envp, .textual = w->textual};
	struct decision decision;
	struct compilation c;
	struct blob blob;
	bool passes = changed(&c, w->blob, a->arch, addition, &blob);

	if (passes) {
		struct world *world = world_open(&blob, &options);
		decide(world, a->abi, a->arch, a->op, &decision);
		passes = decision.by != BY_FILTER && decision.by != BY_PLAN;
		world_close(world);
	}
	if (passes)
		addition->opens = opens_text(w, &blob, c.arena);
	compilation_end(&c);
	return passes;
}

static bool take(struct additions *a, struct addition addition)
{
	if (a->count == ADDITIONS_MAX || !passes_filter(a, &addition))
		return false;
	a->list[a->count++] = addition;
	a->world->lifted_filter = true;
	/* Landlock is asked about the port as well */
	if (addition.kind == ADD_PORT)
		world_add_port(a->world,
			       &(struct port_rule){addition.layer, LLPB_NONE, addition.rights, addition.port});
	return true;
}

/* What the tables beside [seccomp] say of sockets. */
static bool take_socket(struct additions *a)
{
	const struct operation *op = a->op;
	bool connects = op->id == OP_CONNECT;

	if (op->id == OP_SYSCALL && op->call && !strcmp(op->call, "socket"))
		return take(a, (struct addition){.kind = ADD_UDP});
	if (op->id != OP_CONNECT && op->id != OP_BIND)
		return false;
	if (op->peer == PEER_TCP)
		return take(a, (struct addition){.kind = ADD_PORT,
						 .port = op->port,
						 .rights = connects ? NET_RIGHT(connect_tcp) : NET_RIGHT(bind_tcp)});
	if (op->peer == PEER_UDP)
		return take(a, (struct addition){.kind = ADD_UDP});
	return op->peer == PEER_UNIX &&
	       take(a, (struct addition){.kind = ADD_PATH, .path = op->path, .rights = FS_RIGHT(resolve_unix)});
}

/* Can the blob be turned back into a policy at all? */
static bool readable(const struct additions *a)
{
	struct compilation c;
	struct blob blob;
	bool fine = changed(&c, a->world->blob, a->arch, NULL, &blob);

	compilation_end(&c);
	return fine;
}

/* Does the answer hang on that argument, the others being as they are? */
static bool is_telling(const struct additions *a, const struct bpf_program *program, const struct bpf_scope *scope,
		       unsigned index)
{
	struct bpf_args args = {.known = a->op->known & ~(1u << index)};
	struct verdicts verdicts = {0};

	memcpy(args.value, a->op->args, sizeof(args.value));
	filter_verdicts_of(program, scope, &args, &verdicts);
	return verdicts.count > 1 || verdicts.overflow;
}

/* The arguments that made the filter refuse, as a condition; NULL: all, or none that means the same in another run. */
static const char *telling_condition(const struct additions *a)
{
	const struct world *w = a->world;
	const struct bpf_scope scope = {true, a->op->nr, arch_rows[a->arch].audit_arch};
	int missing = 0;
	const struct llpb_filter *filter = blob_filter(w->blob, world_plan(a->world, a->abi), scope.arch, &missing);
	const char *text = NULL;
	struct bpf_program program;
	struct arg_info info;

	if (a->op->id != OP_SYSCALL || !filter || !filter_program(w->blob, filter, &program))
		return NULL;
	for (unsigned i = 0; i < 6; i++) {
		if (!(a->op->known >> i & 1) || !syscall_arg_at(a->arch, a->op->call, i, &info) || !info.filterable ||
		    info.kind == ARG_PTR || !is_telling(a, &program, &scope, i))
			continue;
		const char *value = argument_text(w->arena, a->arch, a->op->call, &info, a->op->args[i]);
		text = arena_printf(w->arena, strchr(value, '|') ? "%s%s%s == (%s)" : "%s%s%s == %s",
				    text ? text : "", text ? " and " : "", info.name, value);
	}
	return text;
}

/*
 * A rule of [seccomp] that comes first decides, whatever a filter that cannot be read back says of the call; unless
 * another table has it closed, which no rule opens.
 */
static bool take_untried(struct additions *a, const struct decision_step *step)
{
	const char *when = telling_condition(a);

	if (a->count == ADDITIONS_MAX ||
	    companion_may_close(a->world->blob, world_plan(a->world, a->abi), step->call))
		return false;
	a->list[a->count++] =
		(struct addition){.kind = ADD_CALL,
				  .call = step->call,
				  .when = when,
				  .opens = when ? "the call with these arguments" : "the call with any arguments"};
	a->world->lifted_filter = true;
	return true;
}

bool filter_addition(struct additions *a, const struct decision_step *step)
{
	struct addition other = {.kind = ADD_CALL, .call = step->call};

	if (step->companion < COMPANIONS)
		other = (struct addition){.kind = ADD_COMPANION, .call = companion_name(step->companion)};
	if (take_socket(a) || take(a, other))
		return true;
	bool fixed = !readable(a);
	if (fixed && take_untried(a, step))
		return true;
	if (fixed)
		a->why =
			"a filter that tests arguments cannot be changed and tried here; see that line of the policy";
	else if (step->companion == COMPANION_UNIX_SOCKETS)
		a->why = "no single socket can be granted on that ABI; [fs] without the key unix leaves all of them "
			 "open";
	else
		a->why = "no single key of the policy lifts what the filter does";
	return false;
}
