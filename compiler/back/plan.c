/* SPDX-License-Identifier: MIT */
/*
 * One row per Landlock ABI: what the rulesets handle, which guarantees hold and by what, what the filter must add.
 * Design: the cheapest mechanism that is sound; what none covers is said to be uncovered.
 */
#include <string.h>

#include "diag.h"
#include "lower.h"
#include "vocab.h"

static const struct {
	const char *name;
	bool firm;
} guarantee_rows[GUARANTEES] = {
#define FIRM                               true
#define EXTRA                              false
#define LL_GUARANTEE(id, name, kind, help) [GUARANTEE_##id] = {name, kind},
#include "guarantees.def"
};

/* First ABI that has a right: the lowest whose mask contains it. */
static unsigned since(uint64_t right, uint64_t (*mask)(unsigned abi))
{
	unsigned abi = 0;

	while (abi < ABI_NEWEST && (mask(abi) & right) != right)
		abi++;
	return abi;
}

static uint64_t handled_anywhere(const struct policy *p)
{
	uint64_t handled = 0;

	for (size_t i = 0; i < p->nlayers; i++)
		handled |= p->layers[i].handled;
	return handled;
}

static bool grants_anywhere(const struct lowered *low, uint64_t right)
{
	for (size_t i = 0; i < low->npaths; i++)
		if (asked_rights(&low->paths[i]) & right)
			return true;
	return false;
}

static bool grants_port(const struct lowered *low, uint64_t right, unsigned port)
{
	for (size_t i = 0; i < low->nports; i++)
		if (low->ports[i].access & right && (port > 65535 || low->ports[i].port == port))
			return true;
	return false;
}
#define ANY_PORT 65536

static struct low_guarantee *promise(struct lowered *low, enum guarantee id, const struct srcpos *pos)
{
	struct low_guarantee *g = &low->guarantees[low->nguarantees++];

	*g = (struct low_guarantee){.id = id, .pos = *pos, .firm = guarantee_rows[id].firm};
	return g;
}

static struct low_guarantee *promised(struct lowered *low, enum guarantee id)
{
	for (size_t i = 0; i < low->nguarantees; i++)
		if (low->guarantees[i].id == id)
			return &low->guarantees[i];
	return NULL;
}

static void cover(struct low_guarantee *g, unsigned first, unsigned last, enum llpb_mechanism mechanism)
{
	for (unsigned abi = first; abi <= last; abi++)
		g->mechanism[abi] = (uint8_t)mechanism;
}

static void lose(struct lowered *low, unsigned first, unsigned last, const char *text)
{
	low->losses[low->nlosses++] = (struct low_loss){.text = text, .first = first, .last = last};
}

static void need(struct lowered *low, unsigned first, unsigned last, unsigned needs)
{
	for (unsigned abi = first; abi <= last; abi++)
		low->plans[abi].needs |= needs;
}

static bool refused(const struct policy *p, enum llpb_companion id)
{
	return p->companions[id].said && !p->companions[id].value;
}

static bool asked(const struct policy *p, enum llpb_companion id)
{
	return p->companions[id].said && p->companions[id].value;
}

/* Add a companion filter to some plans; false when the policy refuses it. */
static bool close_by(struct lowered *low, unsigned first, unsigned last, enum llpb_companion id)
{
	low->wanted |= 2u << id;
	if (refused(low->policy, id))
		return false;
	need(low, first, last, 2u << id);
	return true;
}

/* A guarantee that only a companion gives: who refuses it has said that it is meant. */
static void promise_closed(struct lowered *low, enum guarantee guarantee, const struct srcpos *pos, unsigned first,
			   enum llpb_companion id)
{
	const struct policy_companion *said = &low->policy->companions[id];
	struct low_guarantee *g = promise(low, guarantee, said->said ? &said->pos : pos);

	if (close_by(low, first, ABI_NEWEST, id))
		cover(g, first, ABI_NEWEST, LLPB_M_SECCOMP);
	else
		g->firm = false;
}

/* Where the policy asks for a right: the first layer that handles it. */
static const struct srcpos *handled_at(const struct policy *p, uint64_t right)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (p->layers[i].handled & right)
			return p->layers[i].plain ? &p->layers[i].pos : &p->layers[i].handled_pos;
	return &p->fs_pos;
}

/* [fs] handles every right there is; a [[fs_layer]] names what it wants. */
static bool named_in_layer(const struct policy *p, uint64_t right)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (!p->layers[i].plain && p->layers[i].handled & right)
			return true;
	return false;
}

/*
 * May a filter stand in for truncate? It closes truncation without write access only: what is open for writing can be
 * emptied. So each layer that handles truncate must handle write_file too, and grant neither without the other.
 */
static bool truncate_follows_write(const struct lowered *low)
{
	const struct policy *p = low->policy;
	const uint64_t write = FS_RIGHT(write_file), both = write | FS_RIGHT(truncate);

	for (size_t i = 0; i < p->nlayers; i++)
		if (p->layers[i].handled & FS_RIGHT(truncate) && !(p->layers[i].handled & write))
			return false;
	for (size_t i = 0; i < low->npaths; i++)
		if (p->layers[low->paths[i].layer].handled & FS_RIGHT(truncate) &&
		    (low->paths[i].access & both) == write)
			return false;
	return true;
}

static void plan_fs(struct lowered *low)
{
	const struct policy *p = low->policy;
	uint64_t handled = handled_anywhere(p);
	unsigned truncate = since(FS_RIGHT(truncate), abi_fs_mask), ioctl = since(FS_RIGHT(ioctl_dev), abi_fs_mask);
	unsigned resolve = since(FS_RIGHT(resolve_unix), abi_fs_mask);

	if (handled & abi_fs_mask(1))
		cover(promise(low, GUARANTEE_FS, handled_at(p, abi_fs_mask(1))), 1, ABI_NEWEST, LLPB_M_LANDLOCK);
	if (handled & FS_RIGHT(truncate)) {
		struct low_guarantee *g = promise(low, GUARANTEE_FS_TRUNCATE, handled_at(p, FS_RIGHT(truncate)));
		cover(g, truncate, ABI_NEWEST, LLPB_M_LANDLOCK);
		/* best-effort: the filter closes what it can, covered or not */
		if (handled & FS_RIGHT(write_file) && close_by(low, 1, truncate - 1, COMPANION_TRUNCATE)) {
			if (truncate_follows_write(low))
				cover(g, 1, truncate - 1, LLPB_M_SECCOMP);
			lose(low, 1, truncate - 1,
			     "truncate(2) is denied and openat2(2) answers ENOSYS, on granted files too");
		}
	}
	if (handled & FS_RIGHT(ioctl_dev))
		cover(promise(low,
			      named_in_layer(p, FS_RIGHT(ioctl_dev)) ? GUARANTEE_FS_IOCTL_DEV_FIRM
								     : GUARANTEE_FS_IOCTL_DEV,
			      handled_at(p, FS_RIGHT(ioctl_dev))),
		      ioctl, ABI_NEWEST, LLPB_M_LANDLOCK);
	if (grants_anywhere(low, FS_RIGHT(refer)))
		lose(low, 1, since(FS_RIGHT(refer), abi_fs_mask) - 1,
		     "no file can be renamed or linked into another directory (EXDEV)");
	if (!(handled & FS_RIGHT(resolve_unix)))
		return;
	struct low_guarantee *g =
		promise(low, GUARANTEE_UNIX, p->has_unix ? &p->unix_pos : handled_at(p, FS_RIGHT(resolve_unix)));
	cover(g, resolve, ABI_NEWEST, LLPB_M_LANDLOCK);
	if (p->has_unix && !grants_anywhere(low, FS_RIGHT(resolve_unix)) &&
	    close_by(low, 0, resolve - 1, COMPANION_UNIX_SOCKETS)) {
		cover(g, 0, resolve - 1, LLPB_M_SECCOMP);
		lose(low, 0, resolve - 1,
		     "no UNIX socket can be created, within the sandbox neither (socketpair works)");
	}
}

/* Beside the TCP rights, where [net] has the plain form and TCP sockets can be made: what they do not see. */
static void plan_tcp_gaps(struct lowered *low, unsigned tcp)
{
	const struct policy *p = low->policy;

	if (p->net_plain && p->net_handled & NET_RIGHT(connect_tcp))
		promise_closed(low, GUARANTEE_FAST_OPEN, &p->net_pos, tcp, COMPANION_FAST_OPEN);
	/* a server must listen on the port that it may bind: what it could take besides is lint's to say */
	if (p->net_plain && p->net_handled & NET_RIGHT(bind_tcp) &&
	    !grants_port(low, NET_RIGHT(bind_tcp), ANY_PORT)) {
		promise_closed(low, GUARANTEE_LISTEN, &p->net_pos, tcp, COMPANION_LISTEN);
		if (!refused(p, COMPANION_LISTEN))
			lose(low, tcp, ABI_NEWEST,
			     "listen(2) is denied, on UNIX sockets too: it would bind any TCP port; a port in "
			     "bind_tcp allows it");
	}
	for (unsigned abi = 0; abi < tcp; abi++)
		for (size_t i = 0; i < low->nguarantees && low->plans[abi].needs & NEED_TCP; i++)
			if (low->guarantees[i].id == GUARANTEE_FAST_OPEN || low->guarantees[i].id == GUARANTEE_LISTEN)
				cover(&low->guarantees[i], abi, abi, LLPB_M_SECCOMP);
}

static void plan_tcp(struct lowered *low, bool families, bool sockets)
{
	static const struct {
		uint64_t right;
		enum guarantee id;
	} rights[] = {
		{NET_RIGHT(connect_tcp), GUARANTEE_CONNECT_TCP},
		{NET_RIGHT(bind_tcp), GUARANTEE_BIND_TCP},
	};
	const struct policy *p = low->policy;
	unsigned tcp = since(NET_RIGHT(connect_tcp), abi_net_mask);
	bool closed = families && close_by(low, 0, sockets ? tcp - 1 : ABI_NEWEST, COMPANION_TCP);
	/* AF_SMC and MPTCP make TCP connections of their own */
	bool alone = !refused(p, COMPANION_FAMILIES) && !refused(p, COMPANION_PROTOCOLS);

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		if (!(p->net_handled & rights[i].right))
			continue;
		struct low_guarantee *g = promise(low, rights[i].id, &p->net_pos);
		cover(g, tcp, ABI_NEWEST, LLPB_M_LANDLOCK);
		if (closed && !sockets && alone)
			cover(g, 0, tcp - 1, LLPB_M_SECCOMP);
	}
	if (closed && sockets)
		lose(low, 0, tcp - 1, "no TCP socket can be created");
}

/* reference: what Landlock leaves open beside its TCP rights, and which filter closes it */
static void plan_net(struct lowered *low)
{
	const struct policy *p = low->policy;
	unsigned tcp = since(NET_RIGHT(connect_tcp), abi_net_mask), udp = since(NET_RIGHT(bind_udp), abi_net_mask);
	bool granted = grants_port(low, NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp), ANY_PORT);
	bool families = p->net_plain || p->udp_deny, sockets = granted || !p->net_plain;

	if (p->isolate & K_CLONE_NEWNET) {
		/* vsock reaches the hypervisor, alg the kernel: families that know no network namespaces */
		cover(promise(low, GUARANTEE_ISOLATED_NET, &p->isolate_pos), 0, ABI_NEWEST, LLPB_M_NAMESPACE);
		promise_closed(low, GUARANTEE_SOCKET, &p->isolate_pos, 0, COMPANION_FAMILIES);
		return;
	}
	if (!p->has_net || p->net_unrestricted)
		return;
	plan_tcp(low, families, sockets);
	if (p->udp_deny || p->net_handled & (NET_RIGHT(bind_udp) | NET_RIGHT(connect_send_udp))) {
		struct low_guarantee *g = promise(low, GUARANTEE_UDP, &p->udp_pos);
		cover(g, udp, ABI_NEWEST, LLPB_M_LANDLOCK);
		if (p->udp_deny && close_by(low, 0, ABI_NEWEST, COMPANION_UDP))
			cover(g, 0, udp - 1, LLPB_M_SECCOMP);
	}
	if (!families)
		return;
	promise_closed(low, GUARANTEE_SOCKET, &p->net_pos, 0, COMPANION_FAMILIES);
	promise_closed(low, GUARANTEE_PROTOCOLS, &p->net_pos, 0, COMPANION_PROTOCOLS);
	if (sockets || refused(p, COMPANION_TCP))
		plan_tcp_gaps(low, tcp);
}

static void plan_rest(struct lowered *low)
{
	const struct policy *p = low->policy;
	unsigned scope = since(SCOPE_RIGHT(signal), abi_scope_mask),
		 resolve = since(FS_RIGHT(resolve_unix), abi_fs_mask);

	if (p->scoped & SCOPE_RIGHT(abstract_unix_socket)) {
		struct low_guarantee *g = promise(low, GUARANTEE_ABSTRACT_UNIX, &p->scope_pos);
		for (unsigned abi = 0; abi < scope && abi < resolve; abi++)
			if (low->plans[abi].needs & NEED_UNIX_SOCKETS)
				cover(g, abi, abi, LLPB_M_SECCOMP);
		if (p->isolate &
		    K_CLONE_NEWNET) /* net/unix/af_unix.c: abstract names belong to a network namespace */
			cover(g, 0, scope - 1, LLPB_M_NAMESPACE);
		cover(g, scope, ABI_NEWEST, LLPB_M_LANDLOCK);
	}
	if (p->scoped & SCOPE_RIGHT(signal)) {
		struct low_guarantee *g = promise(low, GUARANTEE_SIGNAL, &p->scope_pos);
		if (low->nmounts && low->mounts->spaces & K_CLONE_NEWPID)
			cover(g, 0, scope - 1, LLPB_M_NAMESPACE);
		cover(g, scope, ABI_NEWEST, LLPB_M_LANDLOCK);
	}
	if (p->has_seccomp) {
		cover(promise(low, GUARANTEE_SECCOMP, &p->seccomp_pos), 0, ABI_NEWEST, LLPB_M_SECCOMP);
		need(low, 0, ABI_NEWEST, NEED_POLICY);
	}
	if (p->log_flags) {
		unsigned abi = 0;
		while ((abi_log_mask(abi) & p->log_flags) != p->log_flags)
			abi++;
		cover(promise(low, GUARANTEE_AUDIT, &p->audit_pos), abi, ABI_NEWEST, LLPB_M_LANDLOCK);
	}
}

static void plan_rulesets(struct lowered *low)
{
	static const uint32_t sizes[] = {
#define LL_ABI(n, kernel, size, help) size,
#include "abi.def"
	};
	const struct policy *p = low->policy;
	uint64_t net = p->net_handled | (p->udp_deny ? NET_RIGHT(bind_udp) | NET_RIGHT(connect_send_udp) : 0);

	for (unsigned abi = 0; abi < ABI_ROWS; abi++) {
		struct low_plan *plan = &low->plans[abi];
		plan->attr_size = sizes[abi];
		plan->restrict_flags = p->log_flags & abi_log_mask(abi);
		for (size_t i = 0; i < p->nlayers; i++) {
			uint64_t handled = p->layers[i].handled | (p->layers[i].names_refer ? 0 : FS_RIGHT(refer));
			plan->attr[i].handled_access_fs = handled & abi_fs_mask(abi);
		}
		if (low->nlayers) {
			plan->attr[0].handled_access_net = net & abi_net_mask(abi);
			plan->attr[0].scoped = p->scoped & abi_scope_mask(abi);
		}
	}
}

/*
 * Landlock refuses mount(2) and its kin where a layer handles any file system right (security/landlock/fs.c,
 * hook_sb_mount()), except mount_setattr(2), which nobody can use without CAP_SYS_ADMIN in the namespace that owns the
 * mounts. Elsewhere a filter does it: a program may make itself a user namespace of its own and mount there.
 */
static void plan_view(struct lowered *low)
{
	const uint64_t admin = UINT64_C(1) << 21; /* CAP_SYS_ADMIN */
	uint32_t spaces = low->nmounts ? low->mounts->spaces : 0;

	if (spaces & K_CLONE_NEWPID)
		cover(promise(low, GUARANTEE_ISOLATED_PID, &low->mounts->pos), 0, ABI_NEWEST, LLPB_M_NAMESPACE);
	if (!(spaces & K_CLONE_NEWNS) || low->private_mounts)
		return;
	struct low_guarantee *g = promise(low, GUARANTEE_VIEW, &low->mounts->pos);
	for (unsigned abi = 0; abi < ABI_ROWS; abi++) {
		uint64_t handled = 0;
		for (uint32_t layer = 0; layer < low->nlayers; layer++)
			handled |= low->plans[abi].attr[layer].handled_access_fs;
		if ((handled && low->drop_caps & admin) || close_by(low, abi, abi, COMPANION_MOUNTS))
			cover(g, abi, abi, LLPB_M_NAMESPACE);
	}
}

/* Linux 5.19 is the first that can answer for a process without being interrupted (WAIT_KILLABLE_RECV): ABI 2. */
static void plan_broker(struct lowered *low)
{
	if (low->brokered)
		cover(promise(low, GUARANTEE_BROKER, &low->policy->broker_pos), 2, ABI_NEWEST, LLPB_M_BROKER);
}

static const struct low_guarantee *uncovered(const struct lowered *low, unsigned abi)
{
	for (size_t i = 0; i < low->nguarantees; i++)
		if (low->guarantees[i].firm && !low->guarantees[i].mechanism[abi])
			return &low->guarantees[i];
	return NULL;
}

/* Which rows run. Row 0 is a kernel without Landlock: only when nothing needs it, or by min_abi = 0. */
static bool choose_rows(struct diag *diag, struct lowered *low)
{
	const struct policy *p = low->policy;
	unsigned covered = 0;

	while (covered < ABI_ROWS && uncovered(low, covered))
		covered++;
	low->covered_abi = covered;
	unsigned lowest = p->strict || !covered ? covered : 1;
	if (p->min_abi >= 0) {
		if (p->strict && (unsigned)p->min_abi < covered && !p->min_abi_rises) {
			const struct low_guarantee *g = uncovered(low, (unsigned)p->min_abi);
			struct diag_item *item =
				diag_report(diag, CHECK_MIN_ABI, &p->min_abi_pos,
					    "min_abi = %d: nothing covers \"%s\" below ABI %u (Linux %s)", p->min_abi,
					    guarantee_rows[g->id].name, covered, abi_kernel(covered));
			diag_note(diag, item, &g->pos, "asked for here; compat = \"best-effort\" runs without it");
			return false;
		}
		if (!p->strict || (unsigned)p->min_abi > covered)
			lowest = (unsigned)p->min_abi;
	}
	low->min_abi = lowest;
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		if (abi < lowest || (p->strict && uncovered(low, abi)))
			low->plans[abi].flags |= LLPB_PLAN_REFUSE;
	return true;
}

static const struct companion_row {
	const char *name;
	bool reached; /* io_uring can do the same */
	int covers[2]; /* enum guarantee, or -1 */
} companion_rows[COMPANIONS] = {
#define REACHED        true
#define BEYOND         false
#define GUARANTEE_NONE (-1)
#define COMPANION(id, name, mode, uring, guarantee, second, help, open)                                              \
	[COMPANION_##id] = {#name, uring, {GUARANTEE_##guarantee, GUARANTEE_##second}},
#include "companions.def"
};

/* Does the filter keep all of the guarantee, wherever Landlock does not? */
static bool keeps(const struct lowered *low, enum llpb_companion id)
{
	return id != COMPANION_TRUNCATE || truncate_follows_write(low);
}

/* In every plan; what the policy's tables promise already is covered where it was not, the rest is promised here. */
static void plan_asked(struct lowered *low, enum llpb_companion id)
{
	const struct policy_companion *said = &low->policy->companions[id];

	low->wanted |= 2u << id;
	need(low, 0, ABI_NEWEST, 2u << id);
	for (size_t i = 0; keeps(low, id) && i < 2 && companion_rows[id].covers[i] >= 0; i++) {
		enum guarantee guarantee = (enum guarantee)companion_rows[id].covers[i];
		struct low_guarantee *g = promised(low, guarantee);
		if (!g && !i)
			g = promise(low, guarantee, &said->pos);
		for (unsigned abi = 0; g && abi < ABI_ROWS; abi++)
			if (!g->mechanism[abi])
				cover(g, abi, abi, LLPB_M_SECCOMP);
	}
}

/*
 * Subvolumes are made and removed by ioctl(2) on a directory open for reading, past every Landlock hook; of terminals
 * Landlock sees those alone that are opened inside. Closed where [fs] speaks of them and there is a filter anyway;
 * elsewhere the coverage says that nothing covers it.
 */
static void plan_beside(struct lowered *low, enum llpb_companion id, uint64_t rights)
{
	const struct policy *p = low->policy;

	if (asked(p, id) || !p->nlayers || !p->layers[0].plain || !(p->layers[0].handled & rights))
		return;
	struct low_guarantee *g = promise(low, (enum guarantee)companion_rows[id].covers[0], &p->fs_pos);
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		if ((low->plans[abi].needs || low->brokered) && close_by(low, abi, abi, id))
			cover(g, abi, abi, LLPB_M_SECCOMP);
}

/*
 * Landlock's scope of signals does not hold prlimit(2) back, by which a process of the same user ends as by a signal:
 * RLIMIT_CPU, RLIMIT_FSIZE. A policy of Landlock alone gets no filter for it, which would double what it costs.
 */
static void plan_limits(struct lowered *low)
{
	const struct policy *p = low->policy;

	if (asked(p, COMPANION_LIMITS) || (!(p->scoped & SCOPE_RIGHT(signal)) && !low->brokered))
		return;
	struct low_guarantee *g = promise(low, GUARANTEE_LIMITS, low->brokered ? &p->broker_pos : &p->scope_pos);
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		if ((low->plans[abi].needs || low->brokered) && close_by(low, abi, abi, COMPANION_LIMITS))
			cover(g, abi, abi, LLPB_M_SECCOMP);
}

/* A filter that io_uring goes around keeps nothing; what the plan has by Landlock stays. */
static void uncover_reached(struct lowered *low)
{
	for (size_t id = 0; id < COMPANIONS; id++)
		for (size_t i = 0; companion_rows[id].reached && i < 2; i++) {
			struct low_guarantee *g =
				companion_rows[id].covers[i] < 0
					? NULL
					: promised(low, (enum guarantee)companion_rows[id].covers[i]);
			for (unsigned abi = 0; g && abi < ABI_ROWS; abi++)
				if (g->mechanism[abi] == LLPB_M_SECCOMP)
					g->mechanism[abi] = LLPB_M_NOT_COVERED;
		}
}

/* Wherever there is a filter; in the coverage where that is on every ABI. The broker's program closes it by itself. */
static void plan_io_uring(struct diag *diag, struct lowered *low)
{
	const struct policy *p = low->policy;
	bool everywhere = true;

	for (unsigned abi = 0; abi < ABI_ROWS; abi++) {
		everywhere = everywhere && low->plans[abi].needs;
		if (low->plans[abi].needs)
			close_by(low, abi, abi, COMPANION_IO_URING);
	}
	if (low->brokered && refused(p, COMPANION_IO_URING))
		diag_report(diag, CHECK_BAD_VALUE, &p->companions[COMPANION_IO_URING].pos,
			    "io_uring = false beside [broker]: what io_uring carries out would pass the broker by");
	if (everywhere && !asked(p, COMPANION_IO_URING))
		promise_closed(low, GUARANTEE_IO_URING,
			       p->has_seccomp ? &p->seccomp_pos
			       : p->has_net   ? &p->net_pos
					      : &p->fs_pos,
			       0, COMPANION_IO_URING);
	if (refused(p, COMPANION_IO_URING))
		uncover_reached(low);
}

static void plan_companions(struct diag *diag, struct lowered *low)
{
	const struct policy *p = low->policy;

	for (unsigned id = 0; id < COMPANIONS; id++)
		if (asked(p, id))
			plan_asked(low, id);
	plan_beside(low, COMPANION_SUBVOLUMES, FS_RIGHT(make_dir) | FS_RIGHT(remove_dir));
	plan_beside(low, COMPANION_TERMINAL, FS_RIGHT(ioctl_dev));
	plan_limits(low);
	plan_io_uring(diag, low);
	if (asked(p, COMPANION_METADATA))
		lose(low, 0, ABI_NEWEST,
		     "no mode, owner, time or attribute can be changed, of granted files neither");
	if (asked(p, COMPANION_MEMORY_FILES))
		lose(low, 0, ABI_NEWEST,
		     "memfd_create(2) needs MFD_NOEXEC_SEAL, which kernels before 6.3 do not have");
	for (unsigned id = 0; id < COMPANIONS; id++)
		if (refused(p, id) && !(low->wanted & 2u << id))
			diag_report(diag, CHECK_NO_EFFECT, &p->companions[id].pos,
				    "%s = false changes nothing: the policy has no table that would add this filter",
				    companion_rows[id].name);
}

bool plan_policy(struct diag *diag, struct lowered *low)
{
	plan_rulesets(low);
	plan_fs(low);
	plan_net(low);
	plan_rest(low);
	plan_view(low);
	plan_broker(low);
	plan_companions(diag, low);
	return choose_rows(diag, low);
}
