/* SPDX-License-Identifier: MIT */
/*
 * The filters: what [seccomp] denies, and the companion rules that close on a given ABI what Landlock leaves open
 * there, with the errno Landlock would give (EACCES).
 */
#include <string.h>

#include "arena.h"
#include "callrules.h"
#include "diag.h"
#include "lower.h"
#include "sysdata.h"

#define ERRNO(n) (K_SECCOMP_RET_ERRNO | (n))
#define DENY     ERRNO(13) /* EACCES */
#define ABSENT   ERRNO(38) /* ENOSYS: libc falls back */

/* include/uapi/linux/socket.h, net.h, in.h, tcp.h; MSG_FASTOPEN: include/linux/socket.h */
#define AF_UNIX        1
#define AF_INET        2
#define AF_INET6       10
#define AF_NETLINK     16
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_SEQPACKET 5
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define NETLINK_ROUTE  0
#define MSG_FASTOPEN   0x20000000u
#define TCP_ULP        31

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
	{NEED_TRUNCATE, "truncate", 0, 0, 0, DENY},
	{NEED_TRUNCATE, "truncate64", 0, 0, 0, DENY},
	{NEED_TRUNCATE, "open", 1, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY},
	{NEED_TRUNCATE, "open", 1, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY},
	{NEED_TRUNCATE, "openat", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY},
	{NEED_TRUNCATE, "openat", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY},
	{NEED_TRUNCATE, "open_by_handle_at", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC, DENY},
	{NEED_TRUNCATE, "open_by_handle_at", 2, K_O_TRUNC | K_O_ACCMODE, K_O_TRUNC | K_O_ACCMODE, DENY},
	{NEED_TRUNCATE, "openat2", 0, 0, 0, ABSENT}, /* flags behind a pointer */
	{NEED_NO_LISTEN, "listen", 0, 0, 0, DENY},
	{NEED_NO_FASTOPEN, "sendto", 3, MSG_FASTOPEN, MSG_FASTOPEN, DENY},
	{NEED_NO_FASTOPEN, "sendmsg", 2, MSG_FASTOPEN, MSG_FASTOPEN, DENY},
	{NEED_NO_FASTOPEN, "sendmmsg", 3, MSG_FASTOPEN, MSG_FASTOPEN, DENY},
	/* These make, copy and remove trees without any path hook of the kernel, in a directory opened for reading:
	 * include/uapi/linux/btrfs.h; fs/ocfs2/ocfs2_fs.h, OCFS2_IOC_REFLINK; bcachefs, BCH_IOCTL_SUBVOLUME_* */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x50009401, DENY}, /* BTRFS_IOC_SNAP_CREATE */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x5000940e, DENY}, /* BTRFS_IOC_SUBVOL_CREATE */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x5000940f, DENY}, /* BTRFS_IOC_SNAP_DESTROY */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x50009417, DENY}, /* BTRFS_IOC_SNAP_CREATE_V2 */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x50009418, DENY}, /* BTRFS_IOC_SUBVOL_CREATE_V2 */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x5000943f, DENY}, /* BTRFS_IOC_SNAP_DESTROY_V2 */
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x40186f04, DENY},
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x4020bc10, DENY},
	{NEED_NO_SUBVOL, "ioctl", 1, ~0u, 0x4020bc11, DENY},
	/* io_uring carries out its requests past every filter: closed wherever a filter matters */
	{~0u, "io_uring_setup", 0, 0, 0, ABSENT},
	{~0u, "io_uring_enter", 0, 0, 0, ABSENT},
	{~0u, "io_uring_register", 0, 0, 0, ABSENT},
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

static void allow_inet(struct builder *b, struct filter_rule *rule, uint32_t type, uint32_t protocol)
{
	static const uint32_t families[] = {AF_INET, AF_INET6};
	const uint32_t protocols[] = {0, protocol};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 2; j++) {
			const struct filter_cond conds[] = {equals(0, families[i]), masked(1, SOCK_TYPE_MASK, type),
							    equals(2, protocols[j])};
			add_clause(b, rule, conds, 3, K_SECCOMP_RET_ALLOW);
		}
}

/* socket(2) as an allowlist: families and protocols yet to come stay closed. */
static void socket_rule(struct builder *b, int nr, unsigned needs)
{
	const struct filter_cond local = equals(0, AF_UNIX);
	const struct filter_cond route[] = {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)};
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
	static const uint32_t types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	struct filter_rule *rule = add_rule(b, nr, needs & NEED_FAMILIES ? DENY : K_SECCOMP_RET_ALLOW);

	for (size_t i = 0; needs & NEED_NO_UNIX && i < 2; i++) {
		const struct filter_cond conds[] = {local, masked(1, SOCK_TYPE_MASK, types[i])};
		add_clause(b, rule, conds, 2, K_SECCOMP_RET_ALLOW);
	}
	add_clause(b, rule, &local, 1, needs & NEED_NO_UNIX ? DENY : K_SECCOMP_RET_ALLOW);
}

static void socket_rules(struct builder *b, unsigned needs)
{
	int nr = syscall_number(b->filter->arch, "socket"), pair = syscall_number(b->filter->arch, "socketpair");

	if (!(needs & (NEED_FAMILIES | NEED_NO_UNIX)))
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

	if (needs & NEED_NO_ULP && nr >= 0)
		add_clause(b, add_rule(b, nr, K_SECCOMP_RET_ALLOW), ulp, 2, DENY);
}

static void companion_rules(struct builder *b, unsigned needs)
{
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		const struct companion *row = &companions[i];
		int nr = syscall_number(b->filter->arch, row->name);
		if (!(needs & row->need) || nr < 0)
			continue;
		struct filter_rule *rule = filter_find(b->filter, (uint32_t)nr);
		if (!rule)
			rule = add_rule(b, nr, row->mask ? K_SECCOMP_RET_ALLOW : row->action);
		if (row->mask) {
			struct filter_cond cond = masked(row->arg, row->mask, row->value);
			add_clause(b, rule, &cond, 1, row->action);
		}
	}
}

/* Calls that pass uninspected as those of another architecture would pass the companion rules, too. */
static bool open_elsewhere(struct diag *diag, const struct policy *p, unsigned needs)
{
	const struct {
		const struct policy_action *action;
		const char *key;
	} keys[] = {{&p->foreign_action, "foreign_arch"}, {&p->x32_action, "x32"}};
	bool open = false;

	for (size_t i = 0; needs & ~(unsigned)NEED_POLICY && i < 2; i++) {
		if (!keys[i].action->given || !action_yields(keys[i].action->value))
			continue;
		diag_report(diag, CHECK_BAD_VALUE, &keys[i].action->pos,
			    "%s lets calls pass that [fs] or [net] closes by the filter: they must fail or kill",
			    keys[i].key);
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
	    (open_elsewhere(diag, p, needs) || !callrules_filter(arena, diag, p, arch, &filter)))
		return false;
	socket_rules(&b, needs);
	ulp_rule(&b, needs);
	companion_rules(&b, needs);
	filter_compose(arena, &filter, &closed);
	const char *why = bpf_assemble(arena, &filter, program);
	if (why)
		diag_report(diag, CHECK_LIMIT, p->has_seccomp ? &p->seccomp_pos : NULL,
			    "the filter for %s cannot be built: %s", arch_rows[arch].name, why);
	return !why && !exec_blocked(diag, p, arch, program);
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

	low->filters = arena_alloc(arena, ABI_ROWS * options->narches * sizeof(*low->filters));
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
	return true;
}
