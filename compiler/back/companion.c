/* SPDX-License-Identifier: MIT */
/*
 * The filters: what [seccomp] denies, and the companion rules (schema/companions.def) that close on a given ABI what
 * Landlock leaves open there.
 */
#include <string.h>

#include "arena.h"
#include "callrules.h"
#include "diag.h"
#include "lower.h"
#include "sysdata.h"

#define DENY ANSWER_EACCES

/* include/uapi/linux/socket.h, net.h, in.h, tcp.h */
#define AF_UNIX        1
#define AF_INET        2
#define AF_INET6       10
#define AF_NETLINK     16
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_SEQPACKET 5
#define SOCK_PACKET    10
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define NETLINK_ROUTE  0
#define TCP_ULP        31

/* A call is denied when (argument & mask) == value; mask 0: always. */
static const struct closing {
	enum llpb_companion companion;
	const char *call;
	uint8_t arg;
	bool coded; /* value is an ioctl request of _IOW() */
	uint32_t mask, value, action;
} closings[] = {
#define CLOSES(id, call, argument, mask, value, error)                                                               \
	{COMPANION_##id, #call, argument, false, mask, value, ANSWER_##error},
#define CLOSES_IOCTL(id, request, error) {COMPANION_##id, "ioctl", 1, true, ~0u, request, ANSWER_##error},
#include "companions.def"
};

struct builder {
	struct arena *arena;
	struct filter *filter;
	size_t cap;
};

static struct filter_rule *add_rule(struct builder *b, int nr, uint32_t action)
{
	struct filter *f = b->filter;

	f->rules = arena_grow(b->arena, f->rules, &b->cap, f->nrules + 1, sizeof(*f->rules));
	f->rules[f->nrules] = (struct filter_rule){.nr = (uint32_t)nr, .action = action};
	return &f->rules[f->nrules++];
}

static void add_clause(struct builder *b, struct filter_rule *rule, const struct filter_cond *conds, size_t nconds,
		       uint32_t action)
{
	size_t cap = rule->nclauses;

	rule->clauses = arena_grow(b->arena, rule->clauses, &cap, rule->nclauses + 1, sizeof(*rule->clauses));
	struct filter_clause *clause = &rule->clauses[rule->nclauses++];
	clause->conds = arena_alloc(b->arena, nconds * sizeof(*conds));
	memcpy(clause->conds, conds, nconds * sizeof(*conds));
	clause->nconds = nconds;
	clause->action = action;
}

/* All arguments tested here are int or unsigned int: the low word only (reference: CVE-2019-7303). */
static struct filter_cond equals(uint8_t arg, uint32_t value)
{
	return (struct filter_cond){.arg = arg, .width = 32, .op = CMP_EQ, .value = value};
}

static struct filter_cond masked(uint8_t arg, uint32_t mask, uint32_t value)
{
	return (struct filter_cond){.arg = arg, .width = 32, .op = CMP_MASKED_EQ, .mask = mask, .value = value};
}

static const uint32_t inet_families[] = {AF_INET, AF_INET6};

static void inet_sockets(struct builder *b, struct filter_rule *rule, uint32_t type, uint32_t protocol,
			 uint32_t action)
{
	const uint32_t protocols[] = {0, protocol};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++) {
			const struct filter_cond conds[] = {equals(0, inet_families[i]),
							    masked(1, SOCK_TYPE_MASK, type), equals(2, protocols[j])};
			add_clause(b, rule, conds, 3, action);
		}
}

/* Where only one of families and protocols is closed: the raw sockets of inet, then the rest of it. SOCK_PACKET of inet
 * makes a packet socket: net/socket.c, __sock_create(). */
static void other_inet(struct builder *b, struct filter_rule *rule, uint32_t raw, uint32_t rest)
{
	for (size_t i = 0; i < 2; i++) {
		const struct filter_cond conds[] = {equals(0, inet_families[i]), masked(1, SOCK_TYPE_MASK, SOCK_RAW)},
					 packet[] = {conds[0], masked(1, SOCK_TYPE_MASK, SOCK_PACKET)};
		add_clause(b, rule, conds, 2, raw);
		add_clause(b, rule, packet, 2, raw);
		add_clause(b, rule, conds, 1, rest);
	}
}

static uint32_t closed_by(unsigned needs, unsigned companion)
{
	return needs & companion ? DENY : K_SECCOMP_RET_ALLOW;
}

/* socket(2) as an allowlist: families and protocols yet to come stay closed. No clause says what follows from the rest. */
static void socket_rule(struct builder *b, int nr, unsigned needs)
{
	const struct filter_cond local = equals(0, AF_UNIX);
	const struct filter_cond route[] = {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)};
	uint32_t families = closed_by(needs, NEED_FAMILIES), protocols = closed_by(needs, NEED_PROTOCOLS);
	struct filter_rule *rule = add_rule(b, nr, families);

	add_clause(b, rule, &local, 1, closed_by(needs, NEED_UNIX_SOCKETS));
	if (families == DENY)
		add_clause(b, rule, route, 2, K_SECCOMP_RET_ALLOW);
	if (closed_by(needs, NEED_TCP) != protocols)
		inet_sockets(b, rule, SOCK_STREAM, IPPROTO_TCP, closed_by(needs, NEED_TCP));
	if (closed_by(needs, NEED_UDP) != protocols)
		inet_sockets(b, rule, SOCK_DGRAM, IPPROTO_UDP, closed_by(needs, NEED_UDP));
	if (families != protocols)
		other_inet(b, rule, families, protocols);
}

/*
 * Where UNIX sockets are closed, pairs stay possible, but of connected types only: a datagram socket of a pair (or a raw
 * one, which net/unix/af_unix.c, unix_create() turns into that) can be connected anew, or send to any address.
 */
static void socketpair_rule(struct builder *b, int nr, unsigned needs)
{
	const struct filter_cond local = equals(0, AF_UNIX);
	static const uint32_t types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	struct filter_rule *rule = add_rule(b, nr, closed_by(needs, NEED_FAMILIES));

	for (size_t i = 0; needs & NEED_UNIX_SOCKETS && i < 2; i++) {
		const struct filter_cond conds[] = {local, masked(1, SOCK_TYPE_MASK, types[i])};
		add_clause(b, rule, conds, 2, K_SECCOMP_RET_ALLOW);
	}
	add_clause(b, rule, &local, 1, closed_by(needs, NEED_UNIX_SOCKETS));
}

static void socket_rules(struct builder *b, unsigned needs)
{
	int nr = syscall_number(b->filter->arch, "socket"), pair = syscall_number(b->filter->arch, "socketpair");

	if (!(needs & (NEED_FAMILIES | NEED_PROTOCOLS | NEED_UNIX_SOCKETS | NEED_TCP | NEED_UDP)))
		return;
	if (nr >= 0)
		socket_rule(b, nr, needs);
	if (pair >= 0)
		socketpair_rule(b, pair, needs);
}

/* "smc" makes an SMC socket of a TCP one, which no Landlock right sees: Linux 5.17 to 6.19, net/smc/af_smc.c, smc_ulp_init() */
static void ulp_rule(struct builder *b, unsigned needs)
{
	const struct filter_cond ulp[] = {equals(1, IPPROTO_TCP), equals(2, TCP_ULP)};
	int nr = syscall_number(b->filter->arch, "setsockopt");

	if (needs & NEED_PROTOCOLS && !(needs & NEED_TCP) && nr >= 0)
		add_clause(b, add_rule(b, nr, K_SECCOMP_RET_ALLOW), ulp, 2, DENY);
}

/* Libraries name the caller by 0, and who only asks passes no new limits; the filter does not know the caller's own id. */
static void limits_rule(struct builder *b, unsigned needs)
{
	const struct filter_cond others[] = {{.arg = 0, .width = 32, .op = CMP_NE, .value = 0},
					     {.arg = 2, .width = 64, .op = CMP_NE, .value = 0}};
	int nr = syscall_number(b->filter->arch, "prlimit64");

	if (needs & NEED_LIMITS && nr >= 0)
		add_clause(b, add_rule(b, nr, K_SECCOMP_RET_ALLOW), others, 2, ANSWER_EPERM);
}

/* powerpc puts the direction of a request into its three highest bits, and _IOC_WRITE is 4: asm/ioctl.h */
static uint32_t request_on(enum arch_id arch, uint32_t request)
{
	return arch == ARCH_PPC64LE ? (request & 0x1fffffff) | 4u << 29 : request;
}

static void companion_rules(struct builder *b, unsigned needs)
{
	for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++) {
		const struct closing *row = &closings[i];
		int nr = syscall_number(b->filter->arch, row->call);
		if (!(needs & 2u << row->companion) || nr < 0)
			continue;
		struct filter_rule *rule = filter_find(b->filter, (uint32_t)nr);
		if (!rule)
			rule = add_rule(b, nr, row->mask ? K_SECCOMP_RET_ALLOW : row->action);
		if (row->mask) {
			uint32_t value = row->coded ? request_on(b->filter->arch, row->value) : row->value;
			struct filter_cond cond = masked(row->arg, row->mask, value);
			add_clause(b, rule, &cond, 1, row->action);
		}
	}
}

/* Calls that pass uninspected as those of another architecture would pass the companion rules, too. */
static bool open_elsewhere(struct diag *diag, const struct policy *p, unsigned needs, bool brokered)
{
	const struct {
		const struct policy_action *action;
		const char *key;
	} keys[] = {{&p->foreign_action, "foreign_arch"}, {&p->x32_action, "x32"}};
	bool open = false;

	for (size_t i = 0; (needs & ~(unsigned)(NEED_POLICY | NEED_IO_URING) || brokered) && i < 2; i++) {
		if (!keys[i].action->given || !action_yields(keys[i].action->value))
			continue;
		diag_report(diag, CHECK_BAD_VALUE, &keys[i].action->pos,
			    "%s lets calls pass that %s: they must fail or kill", keys[i].key,
			    brokered ? "[broker] has the filter close"
				     : "companion filters close ([fs], [net], [scope], [companions])");
		open = true;
	}
	return open;
}

/* llrun executes the command under the filter; what it passes are pointers. */
static bool exec_blocked(struct diag *diag, const struct policy *p, enum arch_id arch,
			 const struct bpf_program *program)
{
	struct bpf_data data = {.nr = (uint32_t)syscall_number(arch, "execve"), .arch = arch_rows[arch].audit_arch};

	for (size_t i = 0; i < 3; i++)
		data.args[i] = 0x10000;
	if (action_permits(bpf_simulate(program, arch_rows[arch].big_endian, &data, NULL)))
		return false;
	struct diag_item *item = diag_report(diag, CHECK_EXEC_BLOCKED, &p->seccomp_pos,
					     "execve is not allowed: the command itself could not be started");
	diag_note(diag, item, NULL, "allow execve; what may be executed is limited by [fs] rox");
	return true;
}

static void policy_filter(struct filter *filter, enum arch_id arch)
{
	*filter = (struct filter){.arch = arch,
				  .default_action = K_SECCOMP_RET_ALLOW,
				  .foreign_action = K_SECCOMP_RET_KILL_PROCESS,
				  .x32_action = K_SECCOMP_RET_KILL_PROCESS};
}

static bool build_filter(struct arena *arena, struct diag *diag, const struct lowered *low, enum arch_id arch,
			 unsigned needs, struct bpf_program *program)
{
	const struct policy *p = low->policy;
	struct filter filter, closed = {.arch = arch};
	struct builder b = {.arena = arena, .filter = &closed};

	policy_filter(&filter, arch);
	if (needs & NEED_POLICY &&
	    (open_elsewhere(diag, p, needs, low->brokered) || !callrules_filter(arena, diag, p, arch, &filter)))
		return false;
	notify_strip(&filter);
	socket_rules(&b, needs);
	ulp_rule(&b, needs);
	limits_rule(&b, needs);
	companion_rules(&b, needs);
	filter_compose(arena, &filter, &closed);
	const char *why = bpf_assemble(arena, &filter, program);
	if (why)
		diag_report(diag, CHECK_LIMIT, p->has_seccomp ? &p->seccomp_pos : NULL,
			    "the filter for %s cannot be built: %s", arch_rows[arch].name, why);
	return !why && !exec_blocked(diag, p, arch, program);
}

/* What read_rule() in front/seccomp.c refuses by name, written as a number. */
static bool handover_blocked(struct diag *diag, const struct policy *p, enum arch_id arch)
{
	for (size_t i = 0; i < p->ncalls; i++) {
		const struct policy_call_rule *rule = &p->calls[i];
		if (rule->action.value != K_SECCOMP_RET_USER_NOTIF || !(rule->arches >> arch & 1))
			continue;
		for (size_t k = 0; k < rule->ncalls; k++)
			if (call_number(arch, rule->calls[k].text) == syscall_number(arch, HANDOVER_CALL)) {
				diag_report(diag, CHECK_UNSUPPORTED, &rule->calls[k].pos,
					    "on %s this is " HANDOVER_CALL ", with which a run is handed to its "
					    "supervisor: with notify it would never start",
					    arch_rows[arch].name);
				return true;
			}
	}
	return false;
}

/* The notify program holds on every plan: one for each architecture. */
static bool build_notify(struct arena *arena, struct diag *diag, struct lowered *low, enum arch_id arch)
{
	const struct policy *p = low->policy;
	struct low_filter *out = &low->filters[low->nfilters++];
	struct filter filter;

	out->arch = arch;
	out->group = LLPB_GROUP_NOTIFY;
	policy_filter(&filter, arch);
	if (p->has_seccomp && (open_elsewhere(diag, p, 0, true) || handover_blocked(diag, p, arch) ||
			       !callrules_filter(arena, diag, p, arch, &filter)))
		return false;
	const char *why = notify_filter(arena, low, &filter, &out->program);
	if (why)
		diag_report(diag, CHECK_LIMIT, &p->broker_pos, "the notify program for %s cannot be built: %s",
			    arch_rows[arch].name, why);
	return !why;
}

static size_t targets_with(const struct lower_options *options, unsigned arches, const char *name, size_t *targets)
{
	size_t n = 0;

	*targets = 0;
	for (size_t i = 0; i < options->narches; i++) {
		*targets += arches >> options->arches[i] & 1;
		n += (arches >> options->arches[i] & 1) && call_number(options->arches[i], name) >= 0;
	}
	return n;
}

/* On one architecture: an error where no target has the call and something was to be let through. */
static void missing_call(struct diag *diag, const struct policy_name *name, enum arch_id arch, bool deny,
			 bool nowhere)
{
	const char *advice = deny ? NULL : syscall_advice(arch, name->text);
	struct diag_item *item = NULL;

	if (nowhere && !deny)
		diag_report(diag, CHECK_UNKNOWN_SYSCALL, &name->pos, "%s does not exist on %s%s%s", name->text,
			    arch_rows[arch].name, advice ? ": " : "", advice ? advice : "");
	else
		item = diag_report(diag, CHECK_SYSCALL_OTHER_ARCH, &name->pos, "%s does not have the system call %s",
				   arch_rows[arch].name, name->text);
	if (item && advice)
		diag_note(diag, item, NULL, "there: %s", advice);
}

static void note_names(struct diag *diag, const struct policy_name *names, size_t count, unsigned arches, bool deny,
		       const struct lower_options *options)
{
	for (size_t i = 0; i < count; i++) {
		size_t targets, found = names[i].group ? 0 : targets_with(options, arches, names[i].text, &targets);
		if (names[i].group || found == targets)
			continue;
		for (size_t j = 0; j < options->narches; j++)
			if (arches >> options->arches[j] & 1 && call_number(options->arches[j], names[i].text) < 0)
				missing_call(diag, &names[i], options->arches[j], deny, !found);
	}
}

/* A name that a target does not know decides nothing there; say so once. */
static void note_other_arches(struct diag *diag, const struct policy *p, const struct lower_options *options)
{
	const unsigned every = (1u << ARCHES) - 1;

	note_names(diag, p->deny, p->ndeny, every, true, options);
	note_names(diag, p->log, p->nlog, every, false, options);
	note_names(diag, p->allow, p->nallow, every, false, options);
	for (size_t i = 0; i < p->ncalls; i++)
		note_names(diag, p->calls[i].calls, p->calls[i].ncalls, p->calls[i].arches,
			   !action_yields(p->calls[i].action.value), options);
}

bool filter_policy(struct arena *arena, struct diag *diag, struct lowered *low, const struct lower_options *options)
{
	size_t errors = diag_count(diag, SEVERITY_ERROR);

	low->filters = arena_alloc(arena, (ABI_ROWS + 1) * options->narches * sizeof(*low->filters));
	note_other_arches(diag, low->policy, options);
	if (diag_count(diag, SEVERITY_ERROR) > errors)
		return false;
	for (unsigned abi = 0; abi < ABI_ROWS; abi++) {
		struct low_plan *plan = &low->plans[abi];
		uint32_t group = 0;
		plan->group = LLPB_NONE;
		if (!plan->needs)
			continue;
		while (group < low->ngroups && low->group_needs[group] != plan->needs)
			group++;
		plan->group = group;
		if (group < low->ngroups)
			continue;
		low->group_needs[low->ngroups++] = plan->needs;
		for (size_t i = 0; i < options->narches; i++) {
			struct low_filter *filter = &low->filters[low->nfilters++];
			filter->arch = options->arches[i];
			filter->group = group;
			if (!build_filter(arena, diag, low, options->arches[i], plan->needs, &filter->program))
				return false;
		}
	}
	for (size_t i = 0; low->brokered && i < options->narches; i++)
		if (!build_notify(arena, diag, low, options->arches[i]))
			return false;
	return true;
}
