/* SPDX-License-Identifier: MIT */
/*
 * Failed calls → what the policy refused. Who refused cannot be seen from an error number, so every one is decided again:
 * by the filter's own program with the registers of the call, and by the engine behind `why`. A failure is the policy's
 * when both the answer and the error agree, and when permission bits would not have refused anyway.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "arena.h"
#include "inspect.h"
#include "sysdata.h"
#include "trace.h"

enum capability {
#define CAP(name, number, dangerous, why) CAPABILITY_##name = number,
#include "caps.def"
};

/* ---- counting ---- */

static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619;
	return hash;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static uint32_t *slot(struct trial *t, const struct refusal *r)
{
	uint32_t hash = hash_text(hash_text(hash_text(2166136261u, r->process), r->operation), r->path);

	for (size_t i = (hash + (uint32_t)r->err) & (t->table_size - 1);; i = (i + 1) & (t->table_size - 1)) {
		const struct refusal *other = t->table[i] ? t->refusals[t->table[i] - 1] : NULL;
		if (!other || (other->err == r->err && same_text(other->operation, r->operation) &&
			       same_text(other->path, r->path) && same_text(other->process, r->process)))
			return &t->table[i];
	}
}

static void grow(struct trial *t)
{
	if (t->n * 2 < t->table_size)
		return;
	t->table_size = t->table_size ? t->table_size * 2 : 64;
	t->table = arena_alloc(t->arena, t->table_size * sizeof(*t->table));
	for (size_t i = 0; i < t->n; i++)
		*slot(t, t->refusals[i]) = (uint32_t)i + 1;
}

/* The refusal itself, if it was seen before; else a copy that is to be completed, its count 1. */
static struct refusal *count(struct trial *t, const struct refusal *seen)
{
	struct refusal *r;
	uint32_t *at;

	grow(t);
	at = slot(t, seen);
	if (*at) {
		t->refusals[*at - 1]->count++;
		return NULL;
	}
	r = arena_alloc(t->arena, sizeof(*r));
	*r = *seen;
	r->count = 1;
	r->process = arena_strdup(t->arena, seen->process);
	r->operation = arena_strdup(t->arena, seen->operation);
	r->path = seen->path ? arena_strdup(t->arena, seen->path) : NULL;
	r->program = seen->program ? arena_strdup(t->arena, seen->program) : NULL;
	r->op.path = r->op.path ? arena_strdup(t->arena, r->op.path) : NULL;
	r->op.to = r->op.to ? arena_strdup(t->arena, r->op.to) : NULL;
	t->refusals = arena_grow(t->arena, t->refusals, &t->cap, t->n + 1, sizeof(struct refusal *));
	t->refusals[t->n++] = r;
	*at = (uint32_t)t->n;
	return r;
}

/* ---- answers ---- */

/*
 * What lies in /proc belongs to one process. The engine has looked at ours in place of the one that asked: no rule could
 * name that, and what a rule can grant is /proc.
 */
static bool is_own_proc(const char *path, size_t *len)
{
	char own[32];

	*len = (size_t)snprintf(own, sizeof(own), "/proc/%d", (int)getpid());
	return path && !strncmp(path, own, *len) && (path[*len] < '0' || path[*len] > '9');
}

static const char *without_pid(struct arena *arena, const char *text)
{
	const char *out = "";
	size_t len;

	for (const char *at; (at = strstr(text, "/proc/")); text = at + len) {
		bool own = is_own_proc(at, &len);
		len = own ? len : strlen("/proc/");
		out = arena_printf(arena, "%s%.*s%s", out, (int)(at - text), text, own ? "/proc/self" : "/proc/");
	}
	return arena_printf(arena, "%s%s", out, text);
}

/* What `why` says of the step that refuses. */
static const char *answer_text(const struct trial *t, const struct decision *d)
{
	char *text = NULL;
	const char *copy;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		abort();
	if (d->decisive < d->nsteps)
		answer_step(memory, t->arena, t->blob, &d->steps[d->decisive]);
	fclose(memory);
	copy = without_pid(t->arena, text);
	free(text);
	return copy;
}

static const char *directory_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash > path ? arena_strndup(arena, path, (size_t)(slash - path)) : "/";
}

/* Made since the command began. */
static bool is_born(const struct trial *t, const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) || !(st.stx_mask & STATX_BTIME))
		return false;
	return st.stx_btime.tv_sec > t->began.tv_sec ||
	       (st.stx_btime.tv_sec == t->began.tv_sec && st.stx_btime.tv_nsec >= (unsigned)t->began.tv_nsec);
}

/* A rule binds what exists before the command starts: for what the command itself made, the directory it lies in. */
static void take_addition(struct trial *t, struct refusal *r, const struct addition *addition)
{
	struct addition *a = &r->additions[r->nadditions++];
	size_t len;

	*a = *addition;
	a->call = a->call ? arena_strdup(t->arena, a->call) : NULL;
	a->when = a->when ? arena_strdup(t->arena, a->when) : NULL;
	if (!a->path)
		return;
	if (a->kind == ADD_PATH && is_own_proc(a->path, &len)) {
		a->path = "/proc";
		a->directory = true;
		return;
	}
	a->path = arena_strdup(t->arena, a->path);
	while (a->kind == ADD_PATH && a->path[1] && is_born(t, a->path)) {
		a->path = directory_of(t->arena, a->path);
		a->directory = true;
	}
}

/* The engine grants nothing to a file that does not exist: what the call would have made gets its rights there. */
static size_t absent_additions(struct trial *t, const struct operation *op, const struct decision *d,
			       struct addition out[ADDITIONS_MAX])
{
	const struct decision_step *step = &d->steps[d->decisive];
	size_t n = 0;

	for (uint32_t i = 0; d->decisive < d->nsteps && i < t->blob->nlayers; i++)
		if (step->layers[i].missing)
			out[n++] = (struct addition){.kind = ADD_PATH,
						     .layer = i,
						     .path = directory_of(t->arena, op->path),
						     .directory = true,
						     .rights = step->layers[i].missing};
	return n;
}

/* What is made with O_TRUNC now is emptied by the next run, which shall not be refused then. */
static void add_truncate(const struct trial *t, struct addition *addition)
{
	const struct blob *blob = t->blob;
	const struct k_landlock_ruleset_attr *attr =
		&blob->rulesets[world_plan(t->world, t->abi) * blob->nlayers + addition->layer];

	if (addition->kind == ADD_PATH && addition->rights & FS_RIGHT(make_reg))
		addition->rights |= FS_RIGHT(truncate) & attr->handled_access_fs;
}

static void complete(struct trial *t, struct refusal *r, const struct trace_op *wanted, const struct decision *d)
{
	const struct operation *op = &wanted->op;
	struct addition additions[ADDITIONS_MAX];
	size_t n;

	r->by = d->by;
	r->answer = answer_text(t, d);
	n = wanted->absent ? absent_additions(t, op, d, additions)
			   : decide_additions(t->world, t->abi, t->arch, op, additions, &r->hopeless);
	r->additions = arena_alloc(t->arena, n * sizeof(*r->additions) + 1);
	for (size_t i = 0; i < n; i++) {
		if (wanted->empties)
			add_truncate(t, &additions[i]);
		take_addition(t, r, &additions[i]);
	}
	if (n)
		r->hopeless = NULL;
}

/* ---- the filter ---- */

/* Arguments that the filter looks at for this call, as far as they mean the same elsewhere: no pointers. */
static unsigned telling_arguments(const struct trial *t, const char *name, uint32_t nr)
{
	struct bpf_scope scope = {.nr_known = true, .nr = nr, .arch = arch_rows[t->arch].audit_arch};
	struct verdicts verdicts = {.count = 0};
	struct arg_info info;
	unsigned known = 0;

	filter_verdicts(&t->program, &scope, &verdicts);
	if (verdicts.count < 2)
		return 0;
	for (unsigned n = 0; n < TRACE_ARGS; n++)
		if (syscall_arg_nth(t->arch, name, n, &info) && info.kind != ARG_PTR)
			known |= 1u << info.index;
	return known;
}

static const char *called_path(struct arena *arena, const struct trace_event *event)
{
	if (event->part[TRACE_PATH])
		return trace_resolve(arena, event->part[TRACE_BASE], event->part[TRACE_PATH], false);
	return event->part[TRACE_FILE];
}

static void filter_refused(struct trial *t, struct arena *arena, const struct trace_event *event, uint32_t action)
{
	const struct trace_head *head = &event->head;
	const char *name = syscall_name(t->arch, head->nr);
	struct operation op = {.id = OP_SYSCALL, .nr = (uint32_t)head->nr, .call = name};
	struct refusal seen = {.process = head->comm, .call = name, .err = -head->result}, *r;
	struct decision *d;

	seen.program = event->part[TRACE_EXE];
	memcpy(op.args, head->args, sizeof(op.args));
	op.known = name ? telling_arguments(t, name, op.nr) : 0;
	seen.operation = name ? operation_text(arena, t->arch, &op) : arena_printf(arena, "syscall nr:%d", head->nr);
	seen.path = called_path(arena, event);
	op.known = (1u << TRACE_ARGS) - 1;
	seen.op = op;
	r = count(t, &seen);
	if (!r)
		return;
	r->by = BY_FILTER;
	char text[32];
	r->answer = arena_printf(t->arena, "  seccomp: nr:%d answers %s\n", head->nr, action_text(action, text));
	if (name) {
		d = arena_alloc(arena, sizeof(*d));
		decide(t->world, t->abi, t->arch, &op, d);
		if (!d->allowed && d->by == BY_FILTER)
			complete(t, r, &(struct trace_op){.op = op}, d);
	}
	if (t->found)
		t->found(t->context, r);
}

/* Did the policy's filter answer that? It is asked with the very registers, so there is no doubt. */
static bool judge_filter(struct trial *t, struct arena *arena, const struct trace_event *event)
{
	const struct trace_head *head = &event->head;
	struct bpf_data data = {.nr = (uint32_t)head->nr, .arch = arch_rows[t->arch].audit_arch};
	uint32_t action, error;
	bool signals;

	if (!t->filtered || head->foreign)
		return false;
	memcpy(data.args, head->args, sizeof(data.args));
	action = bpf_simulate(&t->program, arch_rows[t->arch].big_endian, &data, NULL);
	error = action & K_SECCOMP_RET_DATA;
	signals = (action & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_KILL_PROCESS ||
		  (action & K_SECCOMP_RET_ACTION_FULL) <= K_SECCOMP_RET_TRAP;
	if (head->kind == TRACE_K_SIGSYS ? !signals
					 : (action & K_SECCOMP_RET_ACTION_FULL) != K_SECCOMP_RET_ERRNO ||
						   (int)(error > 4095 ? 4095 : error) != -head->result)
		return false;
	filter_refused(t, arena, event, action);
	return true;
}

/* ---- capabilities ---- */

/* What [process] drop_caps took and this user would have had; `need` says what for. */
static void capability_refused(struct trial *t, const struct trace_event *event, const char *operation,
			       const char *path, const char *need)
{
	struct refusal seen = {.process = event->head.comm, .operation = operation, .path = path}, *r;

	seen.call = syscall_name(t->arch, event->head.nr);
	seen.err = -event->head.result;
	seen.op.id = OPERATION_IDS;
	r = count(t, &seen);
	if (!r)
		return;
	r->by = BY_KERNEL;
	r->answer = arena_printf(t->arena, "  capabilities: %s, taken by drop_caps in [process]\n", need);
	r->hopeless = "no rule grants a capability; drop_caps may leave it to the command";
	if (t->found)
		t->found(t->context, r);
}

/* A call that needs a capability, not one that names a file. */
static bool judge_capability(struct trial *t, struct arena *arena, const struct trace_event *event)
{
	static const struct {
		const char *call, *name;
		unsigned cap;
	} rows[] = {
#define NEEDS(call, cap) {#call, #cap, CAPABILITY_##cap},
#include "trace_caps.def"
	};
	const char *name = syscall_name(t->arch, event->head.nr);

	for (size_t i = 0; name && event->head.result == -EPERM && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].call, name) && t->blob->process->drop_caps >> rows[i].cap & 1 &&
		    trace_has_cap(rows[i].cap)) {
			capability_refused(t, event, arena_printf(arena, "syscall %s", name),
					   called_path(arena, event),
					   arena_printf(arena, "it needs %s", rows[i].name));
			return true;
		}
	return false;
}

/* ---- Landlock ---- */

static bool has_domain(const struct trial *t)
{
	const struct k_landlock_ruleset_attr *attr = &t->blob->rulesets[t->plan * t->blob->nlayers];
	uint64_t any = 0;

	for (uint32_t i = 0; i < t->blob->nlayers; i++)
		any |= attr[i].handled_access_fs | attr[i].handled_access_net | attr[i].scoped;
	return any;
}

/* Ours is not to look into other users' processes, nor to mount without the capability, with or without a policy. */
static bool lacks_privilege(const struct trace_op *op)
{
	if (op->op.id != OP_SYSCALL)
		return false;
	return op->always ? geteuid() && !trace_has_cap(CAPABILITY_sys_ptrace) : !trace_has_cap(CAPABILITY_sys_admin);
}

static void refused(struct trial *t, struct arena *arena, const struct trace_event *event, const struct trace_op *op,
		    const struct decision *d)
{
	struct refusal seen = {.process = event->head.comm,
			       .err = -event->head.result,
			       .op = op->op,
			       .by = BY_LANDLOCK},
		       *r;
	struct operation shown = op->op;

	shown.known = 0;
	seen.call = syscall_name(t->arch, event->head.nr);
	seen.program = event->part[TRACE_EXE];
	seen.operation = operation_text(arena, t->arch, &shown);
	if (op->op.id == OP_SYSCALL)
		seen.path = called_path(arena, event);
	r = count(t, &seen);
	if (!r)
		return;
	if (op->always)
		r->answer = arena_printf(t->arena, "  landlock: %s\n", r->hopeless = op->always);
	else
		complete(t, r, op, d);
	if (t->found)
		t->found(t->context, r);
}

enum finding { NOT_REFUSED, REFUSED, BY_BITS };

static enum finding judge_operation(struct trial *t, struct arena *arena, const struct trace_event *event,
				    const struct trace_op *op, struct decision *d)
{
	int err = -event->head.result;
	/* what the command sees of a view are other files, of which only the engine knows */
	bool in_view = t->blob->nmounts;

	if (lacks_privilege(op) || (!in_view && trace_access_fails(op, 0)))
		return BY_BITS;
	if (!in_view && trace_access_fails(op, t->blob->process->drop_caps)) {
		capability_refused(t, event, operation_text(arena, t->arch, &op->op), NULL,
				   "file permissions refuse this user without the capabilities");
		return REFUSED;
	}
	if (op->always) {
		if (!has_domain(t) || err != EPERM)
			return NOT_REFUSED;
		refused(t, arena, event, op, d);
		return REFUSED;
	}
	decide(t->world, t->abi, t->arch, &op->op, d);
	if (d->access_err && d->access_err == err)
		return BY_BITS;
	if (d->allowed || d->by == BY_PLAN || d->by == BY_FILTER)
		return NOT_REFUSED;
	if (d->steps[d->decisive].err != err)
		return NOT_REFUSED;
	refused(t, arena, event, op, d);
	return REFUSED;
}

static void judge_operations(struct trial *t, struct arena *arena, const struct trace_event *event)
{
	struct trace_op ops[TRACE_OPS];
	struct decision *d = arena_alloc(arena, sizeof(*d));
	size_t n = trace_operations(arena, t->arch, event, ops);
	enum finding worst = NOT_REFUSED;

	for (size_t i = 0; i < n && worst != BY_BITS; i++) {
		if (ops[i].last && worst == REFUSED)
			continue;
		enum finding finding = judge_operation(t, arena, event, &ops[i], d);
		worst = finding != NOT_REFUSED ? finding : worst;
	}
	t->by_permissions += worst == BY_BITS;
	t->otherwise += worst == NOT_REFUSED;
}

void trace_judge(void *context, const struct trace_event *event)
{
	struct trial *t = context;
	/* what is needed for this event alone */
	struct arena *arena = arena_create();

	if (event->head.foreign && event->head.kind == TRACE_K_CALL)
		t->foreign++;
	else if (!judge_filter(t, arena, event) && event->head.kind == TRACE_K_CALL &&
		 !judge_capability(t, arena, event))
		judge_operations(t, arena, event);
	arena_destroy(&arena);
}
