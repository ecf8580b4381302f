/* SPDX-License-Identifier: MIT */
/*
 * The filters: what [seccomp] denies, and the companion rules that close on a given ABI what Landlock leaves open
 * there, with the errno Landlock would give (EACCES).
 */
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "lower.h"

#define ERRNO(n) (K_SECCOMP_RET_ERRNO | (n))
#define DENY ERRNO(13)		/* EACCES */
#define ABSENT ERRNO(38)	/* ENOSYS: libc falls back */

/* include/uapi/linux/socket.h, net.h, in.h, tcp.h; MSG_FASTOPEN: include/linux/socket.h */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define NETLINK_ROUTE 0
#define MSG_FASTOPEN 0x20000000u
#define TCP_ULP 31

/*
 * Deny rows. A call is denied when (argument & mask) == value; mask 0: always.
 * O_TRUNC needs no write access to be carried out (fs/namei.c, handle_truncate); the access modes 0 and 3 open without
 * FMODE_WRITE, which is what Landlock looks at below ABI 3.
 */
static const struct companion {
	unsigned need;
	const char *name;
	uint8_t arg;
	uint32_t mask, value;
	uint32_t action;
} companions[] = {
	{ NEED_TRUNCATE, "truncate", 0, 0, 0, DENY },
	{ NEED_TRUNCATE, "truncate64", 0, 0, 0, DENY },
	{ NEED_TRUNCATE, "open", 1, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY },
	{ NEED_TRUNCATE, "open", 1, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY },
	{ NEED_TRUNCATE, "openat", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY },
	{ NEED_TRUNCATE, "openat", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY },
	{ NEED_TRUNCATE, "open_by_handle_at", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY },
	{ NEED_TRUNCATE, "open_by_handle_at", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY },
	{ NEED_TRUNCATE, "openat2", 0, 0, 0, ABSENT },	/* flags behind a pointer */
	{ NEED_NO_LISTEN, "listen", 0, 0, 0, DENY },
	{ NEED_NO_FASTOPEN, "sendto", 3, MSG_FASTOPEN, MSG_FASTOPEN, DENY },
	{ NEED_NO_FASTOPEN, "sendmsg", 2, MSG_FASTOPEN, MSG_FASTOPEN, DENY },
	{ NEED_NO_FASTOPEN, "sendmmsg", 3, MSG_FASTOPEN, MSG_FASTOPEN, DENY },
	/* io_uring carries out its requests past every filter: closed wherever a filter matters */
	{ ~0u, "io_uring_setup", 0, 0, 0, ABSENT },
	{ ~0u, "io_uring_enter", 0, 0, 0, ABSENT },
	{ ~0u, "io_uring_register", 0, 0, 0, ABSENT },
};

struct builder {
	struct arena *arena;
	struct filter *filter;
	size_t cap;
};

static struct filter_rule *find_rule(const struct filter *filter, int nr)
{
	for (size_t i = 0; i < filter->nrules; i++)
		if (filter->rules[i].nr == (uint32_t)nr)
			return &filter->rules[i];
	return NULL;
}

static struct filter_rule *add_rule(struct builder *b, int nr, uint32_t action)
{
	struct filter *f = b->filter;

	f->rules = arena_grow(b->arena, f->rules, &b->cap, f->nrules + 1, sizeof(*f->rules));
	f->rules[f->nrules] = (struct filter_rule){ .nr = (uint32_t)nr, .action = action };
	return &f->rules[f->nrules++];
}

static void add_clause(struct builder *b, struct filter_rule *rule, const struct filter_cond *conds, size_t nconds, uint32_t action)
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
	return (struct filter_cond){ .arg = arg, .width = 32, .op = CMP_EQ, .value = value };
}

static struct filter_cond masked(uint8_t arg, uint32_t mask, uint32_t value)
{
	return (struct filter_cond){ .arg = arg, .width = 32, .op = CMP_MASKED_EQ, .mask = mask, .value = value };
}

static void allow_inet(struct builder *b, struct filter_rule *rule, uint32_t type, uint32_t protocol)
{
	static const uint32_t families[] = { AF_INET, AF_INET6 };
	const uint32_t protocols[] = { 0, protocol };

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++) {
			const struct filter_cond conds[] = { equals(0, families[i]), masked(1, SOCK_TYPE_MASK, type),
							     equals(2, protocols[j]) };
			add_clause(b, rule, conds, 3, K_SECCOMP_RET_ALLOW);
		}
}

/* socket(2) as an allowlist: families and protocols yet to come stay closed. */
static void socket_rule(struct builder *b, int nr, unsigned needs)
{
	const struct filter_cond local = equals(0, AF_UNIX);
	const struct filter_cond route[] = { equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE) };
	struct filter_rule *rule = add_rule(b, nr, needs & NEED_FAMILIES ? DENY : K_SECCOMP_RET_ALLOW);

	add_clause(b, rule, &local, 1, needs & NEED_NO_UNIX ? DENY : K_SECCOMP_RET_ALLOW);
	if (!(needs & NEED_FAMILIES))
		return;
	add_clause(b, rule, route, 2, K_SECCOMP_RET_ALLOW);
	if (needs & NEED_TCP_OK)
		allow_inet(b, rule, SOCK_STREAM, IPPROTO_TCP);
	if (needs & NEED_UDP_OK)
		allow_inet(b, rule, SOCK_DGRAM, IPPROTO_UDP);
}

/*
 * Where UNIX sockets are closed, pairs stay possible, but of connected types only: a datagram socket of a pair (or a raw
 * one, which net/unix/af_unix.c, unix_create() turns into that) can be connected anew, or send to any address.
 */
static void socketpair_rule(struct builder *b, int nr, unsigned needs)
{
	const struct filter_cond local = equals(0, AF_UNIX);
	static const uint32_t types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct filter_rule *rule = add_rule(b, nr, needs & NEED_FAMILIES ? DENY : K_SECCOMP_RET_ALLOW);

	for (size_t i = 0; needs & NEED_NO_UNIX && i < 2; i++) {
		const struct filter_cond conds[] = { local, masked(1, SOCK_TYPE_MASK, types[i]) };
		add_clause(b, rule, conds, 2, K_SECCOMP_RET_ALLOW);
	}
	add_clause(b, rule, &local, 1, needs & NEED_NO_UNIX ? DENY : K_SECCOMP_RET_ALLOW);
}

static void socket_rules(struct builder *b, unsigned needs)
{
	int nr = syscall_number(b->filter->arch, "socket"), pair = syscall_number(b->filter->arch, "socketpair");

	if (!(needs & (NEED_FAMILIES | NEED_NO_UNIX)))
		return;
	if (nr >= 0 && !find_rule(b->filter, nr))
		socket_rule(b, nr, needs);
	if (pair >= 0 && !find_rule(b->filter, pair))
		socketpair_rule(b, pair, needs);
}

/* "smc" makes an SMC socket of a TCP one, which no Landlock right sees: Linux 5.17 to 6.19, net/smc/af_smc.c, smc_ulp_init() */
static void ulp_rule(struct builder *b, unsigned needs)
{
	const struct filter_cond ulp[] = { equals(1, IPPROTO_TCP), equals(2, TCP_ULP) };
	int nr = syscall_number(b->filter->arch, "setsockopt");

	if (needs & NEED_NO_ULP && nr >= 0 && !find_rule(b->filter, nr))
		add_clause(b, add_rule(b, nr, K_SECCOMP_RET_ALLOW), ulp, 2, DENY);
}

static void companion_rules(struct builder *b, unsigned needs)
{
	const char *last = NULL;

	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		const struct companion *row = &companions[i];
		int nr = syscall_number(b->filter->arch, row->name);
		if (!(needs & row->need) || nr < 0)
			continue;
		struct filter_rule *rule = find_rule(b->filter, nr);
		bool mine = last && !strcmp(last, row->name);
		if (rule && !mine)
			continue;	/* the policy's own decision about the whole call stands */
		if (!rule)
			rule = add_rule(b, nr, row->mask ? K_SECCOMP_RET_ALLOW : row->action);
		if (row->mask) {
			struct filter_cond cond = masked(row->arg, row->mask, row->value);
			add_clause(b, rule, &cond, 1, row->action);
		}
		last = row->name;
	}
}

static void policy_rules(struct builder *b, const struct policy *p)
{
	for (size_t i = 0; i < p->ndeny; i++) {
		int nr = syscall_number(b->filter->arch, p->deny[i].text);
		if (nr >= 0 && !find_rule(b->filter, nr))
			add_rule(b, nr, ERRNO(p->deny_errno));
	}
}

static bool build_filter(struct arena *arena, struct diag *diag, const struct lowered *low, enum arch_id arch,
			 unsigned needs, struct bpf_program *program)
{
	struct filter filter = { .arch = arch,
				 .default_action = K_SECCOMP_RET_ALLOW,
				 .foreign_action = K_SECCOMP_RET_KILL_PROCESS,
				 .x32_action = K_SECCOMP_RET_KILL_PROCESS };
	struct builder b = { .arena = arena, .filter = &filter };

	if (needs & NEED_POLICY)
		policy_rules(&b, low->policy);
	socket_rules(&b, needs);
	ulp_rule(&b, needs);
	companion_rules(&b, needs);
	const char *why = bpf_assemble(arena, &filter, program);
	if (why)
		diag_report(diag, CHECK_LIMIT, low->policy->has_seccomp ? &low->policy->seccomp_pos : NULL,
			    "the filter for %s cannot be built: %s", arch_rows[arch].name, why);
	return !why;
}

/* A name that no target knows denies nothing there; say so once. */
static void note_other_arches(struct diag *diag, const struct policy *p, const struct lower_options *options)
{
	for (size_t i = 0; i < p->ndeny; i++)
		for (size_t j = 0; j < options->narches; j++)
			if (syscall_number(options->arches[j], p->deny[i].text) < 0)
				diag_report(diag, CHECK_SYSCALL_OTHER_ARCH, &p->deny[i].pos, "%s does not have the system call %s",
					    arch_rows[options->arches[j]].name, p->deny[i].text);
}

bool filter_policy(struct arena *arena, struct diag *diag, struct lowered *low, const struct lower_options *options)
{
	low->filters = arena_alloc(arena, ABI_ROWS * options->narches * sizeof(*low->filters));
	note_other_arches(diag, low->policy, options);
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
	return true;
}
