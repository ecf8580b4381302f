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
#include "load.h"
#include "source.h"
#include "sysdata.h"
#include "text.h"

/* ---- a changed policy ---- */

static void change_path(struct arena *arena, struct policy *p, const struct addition *a)
{
	struct policy_layer *layer = &p->layers[a->layer];

	layer->rules = arena_grow(arena, layer->rules, &layer->rules_cap, layer->nrules + 1, sizeof(*layer->rules));
	layer->rules[layer->nrules++] =
		(struct policy_rule){.path = a->path,
				     .rest = a->path,
				     .group = GROUP_UNIX,
				     .access = a->rights,
				     .optional = true, /* a command may have removed it since */
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
static void change_call(struct arena *arena, struct policy *p, const struct addition *a, const struct cond *when)
{
	struct policy_name *name = arena_alloc(arena, sizeof(*name));

	*name = (struct policy_name){.text = a->call};
	p->calls = arena_grow(arena, p->calls, &p->calls_cap, p->ncalls + 1, sizeof(*p->calls));
	memmove(p->calls + 1, p->calls, p->ncalls++ * sizeof(*p->calls));
	p->calls[0] = (struct policy_call_rule){.calls = name,
						.ncalls = 1,
						.action = {.given = true, .value = K_SECCOMP_RET_ALLOW},
						.when = when,
						.override = true,
						.arches = (1u << ARCHES) - 1};
}

/* The condition as the policy's own reader has it, from a rule of its own. NULL: it is none; the arena is c's. */
static const struct cond *read_when(struct compilation *c, const struct addition *a)
{
	const char *text = arena_printf(c->arena,
					"version = 1\n[[seccomp.rule]]\nsyscall = \"%s\"\naction = \"errno "
					"EPERM\"\narch = [\"%s\"]\nwhen = \"%s\"\n",
					a->call, arch_rows[c->arches[0]].name, a->when);
	struct compilation rule = *c;

	rule.policy = NULL;
	if (!compilation_check(&rule, source_from_memory(c->sources, "<when>", text, strlen(text))))
		return NULL;
	return rule.policy->ncalls ? rule.policy->calls[0].when : NULL;
}

static unsigned companion_named(const char *name)
{
	unsigned i = 0;

	while (i < COMPANIONS && strcmp(companion_name(i), name))
		i++;
	return i;
}

/* As compiler/front/policy.c, read_net(), reads the plain keys. */
static void change_net(struct arena *arena, struct policy *p, const struct addition *a)
{
	/* one edit may follow another */
	p->udp_deny = (p->udp_deny || p->isolate & K_CLONE_NEWNET) && a->rights != NET_RIGHT(connect_send_udp);
	p->isolate &= ~(uint32_t)K_CLONE_NEWNET;
	p->net_unrestricted = false;
	p->net_plain = p->has_udp = true;
	p->net_handled = NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp);
	if (a->rights != NET_RIGHT(connect_tcp))
		return;
	change_port(arena, p, a);
}

static void change_processes(struct policy *p)
{
	size_t kept = 0;

	p->isolate &= ~(uint32_t)K_CLONE_NEWPID;
	for (size_t i = 0; i < p->nmounts; i++)
		if (p->mounts[i].kind != MOUNT_PROC)
			p->mounts[kept++] = p->mounts[i];
	p->nmounts = kept;
}

/* False: what it is about is not found under that name. */
static bool change_line(struct arena *arena, struct policy *p, const struct addition *a)
{
	bool found = a->space == K_CLONE_NEWNET || a->space == K_CLONE_NEWPID;

	if (a->space == K_CLONE_NEWNET)
		change_net(arena, p, a);
	else if (a->space == K_CLONE_NEWPID)
		change_processes(p);
	else if (a->space && !a->mount)
		found = !(p->root_read_only = false);
	for (size_t i = 0; !found && a->space && i < p->nmounts; i++)
		if (!strcmp(p->mounts[i].target.path, a->path)) {
			p->mounts[i].attrs &= ~a->attr;
			found = true;
		}
	for (size_t i = 0; !a->space && i < p->nexceptions; i++)
		if (p->exceptions[i].kind == (a->rights ? LLPB_B_READ : LLPB_B_EXPORT) &&
		    !strcmp(p->exceptions[i].place.path, a->path)) {
			if (a->rights)
				p->exceptions[i].kind = LLPB_B_WRITE;
			else
				p->exceptions[i].flags |= LLPB_B_OVERWRITE;
			found = true;
		}
	return found;
}

static bool change(struct compilation *c, const struct addition *a)
{
	const struct cond *when = a->when ? read_when(c, a) : NULL;
	struct policy *p = c->policy;

	if (a->when && !when)
		return false;
	if (a->kind == ADD_EDIT)
		return change_line(c->arena, p, a);
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
		change_call(c->arena, p, a, when);
	} else if (a->kind == ADD_SCOPE) {
		p->scoped &= ~a->rights;
	}
	return true;
}

/* The blob as a policy again. SRC_NONE: that is not possible. */
static uint32_t open_base(struct policy_base *base, struct compilation *c)
{
	uint32_t file = SRC_NONE;
	char *text = NULL;
	size_t size;
	FILE *toml = base->source ? NULL : open_memstream(&text, &size);
	bool readable = toml && !dump_toml(toml, base->blob);

	if (toml)
		fclose(toml);
	if (readable)
		file = source_from_memory(c->sources, "<addition>", arena_strndup(c->arena, text, size), size);
	free(text);
	if (!readable && !base->looked)
		base->source = base->origin ? policy_source(base->arena, base->blob, base->origin) : NULL;
	base->looked = true;
	return readable || !base->source ? file : source_open(c->sources, c->diag, base->source);
}

bool additions_apply(struct policy_base *base, enum arch_id arch, const struct addition *additions, size_t n,
		     struct compilation *c, struct blob *out)
{
	compilation_begin(c);
	c->arches[0] = arch;
	c->narches = 1;
	if (!compilation_check(c, open_base(base, c)))
		return false;
	c->policy->min_abi_rises = true;
	for (size_t i = 0; i < n; i++)
		if (!change(c, &additions[i]))
			return false;
	return compilation_lower(c) && !blob_open(out, c->blob, c->blob_size);
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

/* What the policy with the addition decides, and what it opens (unless NULL). False: it cannot be compiled here. */
static bool decide_changed(struct additions *a, const struct addition *addition, struct decision *decision,
			   const char **opens)
{
	struct world *w = a->world;
	const struct world_options options = {.sets = w->sets, .envp = w->envp, .textual = w->textual};
	struct compilation c;
	struct blob blob;
	bool compiled = additions_apply(&a->base, a->arch, addition, 1, &c, &blob);

	if (compiled) {
		struct world *world = world_open(&blob, &options);
		decide(world, a->abi, a->arch, a->op, decision);
		world_close(world);
	}
	if (compiled && opens)
		*opens = opens_text(w, &blob, c.arena);
	compilation_end(&c);
	return compiled;
}

static bool passes_filter(struct additions *a, struct addition *addition)
{
	struct decision decision;
	const char *opens;

	if (!decide_changed(a, addition, &decision, &opens) || decision.by == BY_FILTER || decision.by == BY_PLAN)
		return false;
	addition->opens = opens;
	return true;
}

bool edit_fails(struct additions *a, const struct addition *edit, enum decider by)
{
	struct decision decision;

	return decide_changed(a, edit, &decision, NULL) && !decision.allowed &&
	       (decision.by == by || decision.by == BY_PLAN);
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
static bool readable(struct additions *a)
{
	struct compilation c;
	struct blob blob;
	bool fine = additions_apply(&a->base, a->arch, NULL, 0, &c, &blob);

	compilation_end(&c);
	return fine;
}

/* ---- arguments ---- */

/* What the accumulator may hold when an instruction is reached. */
struct reach {
	bool here, known; /* known: the number or the architecture, under a mask */
	uint32_t value;
};

static void arrive(struct reach *at, struct reach now)
{
	now.known &= !at->here || (at->known && at->value == now.value);
	now.here = true;
	*at = now;
}

/* Words of seccomp_data that the program looks at on its ways for this call, whatever the arguments are: bits. */
static unsigned words_tested(const struct bpf_program *program, uint32_t arch, uint32_t nr, struct arena *arena)
{
	struct reach *at = arena_alloc(arena, (program->count + 1) * sizeof(*at));
	unsigned words = 0;

	at[0].here = true;
	/* jumps only lead forward: each instruction is seen after all that lead to it */
	for (size_t pc = 0; pc < program->count; pc++) {
		const struct k_sock_filter *insn = &program->insns[pc];
		struct reach now = at[pc];

		if (!now.here || insn->code == K_BPF_RET_K)
			continue;
		if (insn->code == K_BPF_JA) {
			arrive(&at[pc + 1 + insn->k], now);
		} else if (insn->code == K_BPF_LD_W_ABS) {
			bool is_nr = insn->k == K_SECCOMP_DATA_NR;
			words |= 1u << insn->k / 4;
			arrive(&at[pc + 1], (struct reach){.known = is_nr || insn->k == K_SECCOMP_DATA_ARCH,
							   .value = is_nr ? nr : arch});
		} else if (insn->code == K_BPF_AND_K) {
			now.value &= insn->k;
			arrive(&at[pc + 1], now);
		} else { /* bpf_valid(): a conditional jump */
			if (!now.known || jump_holds(insn, now.value))
				arrive(&at[pc + 1 + insn->jt], now);
			if (!now.known || !jump_holds(insn, now.value))
				arrive(&at[pc + 1 + insn->jf], now);
		}
	}
	return words;
}

/* The arguments that the filter of this plan looks at for the call: bits. */
static unsigned arguments_tested(const struct additions *a)
{
	const struct blob *blob = a->world->blob;
	uint32_t arch = arch_rows[a->arch].audit_arch;
	struct bpf_program program;
	unsigned words = 0, tested = 0;
	int missing = 0;
	const struct llpb_filter *filter = blob_filter(blob, world_plan(a->world, a->abi), arch, &missing);
	struct arena *arena = arena_create();

	if (filter && filter_program(blob, filter, &program))
		words = words_tested(&program, arch, a->op->nr, arena);
	arena_destroy(&arena);
	for (unsigned i = 0; i < 6; i++)
		if (words >> (K_SECCOMP_DATA_ARGS / 4 + 2 * i) & 3)
			tested |= 1u << i;
	return tested;
}

/*
 * What was said of the arguments, as a condition; NULL: nothing that a condition could test. Of a call that was observed
 * all arguments are known, and only those that the filter asks for mean anything.
 */
static const char *condition(const struct additions *a)
{
	const unsigned all = 0x3f, tested = arguments_tested(a);
	struct arena *arena = a->world->arena;
	unsigned wanted = a->op->known & tested;
	const char *text = NULL;
	struct arg_info info;

	if (!wanted && a->op->known != all)
		wanted = a->op->known;
	for (unsigned i = 0; i < 6; i++) {
		if (!(wanted >> i & 1) || !syscall_arg_at(a->arch, a->op->call, i, &info) || !info.filterable ||
		    info.kind == ARG_PTR)
			continue;
		const char *value = argument_text(arena, a->arch, a->op->call, &info, a->op->args[i]);
		text = arena_printf(arena, strchr(value, '|') ? "%s%s%s == (%s)" : "%s%s%s == %s", text ? text : "",
				    text ? " and " : "", info.name, value);
	}
	return text;
}

/*
 * A rule of [seccomp] that comes first decides, whatever a filter that cannot be read back says of the call; unless
 * another table has it closed, which no rule opens.
 */
static bool take_untried(struct additions *a, const struct decision_step *step, const char *when)
{
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

	a->why = step->reason
			 ? "a run whose exceptions are all mode = \"static\" has no broker, and is not closed for it"
		 : a->op->id != OP_SYSCALL ? NULL
		 : a->op->foreign ? "no rule names calls of another architecture: [seccomp] foreign_arch decides "
				    "about all of them"
		 : arch_rows[a->arch].x32 && a->op->nr & K_X32_SYSCALL_BIT
			 ? "no rule names x32 numbers: [seccomp] x32 decides about all of them"
			 : NULL;
	if (a->why)
		return false;
	if (step->companion < COMPANIONS)
		other = (struct addition){.kind = ADD_COMPANION, .call = companion_name(step->companion)};
	else if (a->op->id == OP_SYSCALL && a->op->known)
		other.when = condition(a);
	if (take_socket(a) || take(a, other))
		return true;
	bool fixed = !readable(a);
	if (fixed && take_untried(a, step, other.when))
		return true;
	if (fixed)
		a->why = "a filter that tests arguments can be changed and tried only where its source is: ask about "
			 "POLICY.toml, or keep it beside the blob";
	else if (step->companion == COMPANION_UNIX_SOCKETS)
		a->why = "no single socket can be granted on that ABI; [fs] without the key unix leaves all of them "
			 "open";
	else if (step->companion == COMPANION_TCP)
		a->why = "a port in connect_tcp or bind_tcp lets TCP sockets be made; which one is wanted shows only "
			 "then";
	else
		a->why = "no single key of the policy lifts what the filter does";
	return false;
}
