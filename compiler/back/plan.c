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

	*g = (struct low_guarantee){.id = id, .pos = *pos};
	return g;
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
		if (truncate_follows_write(low))
			cover(g, 1, truncate - 1, LLPB_M_SECCOMP);
		/* best-effort: the filter closes what it can, covered or not */
		if (handled & FS_RIGHT(write_file)) {
			need(low, 1, truncate - 1, NEED_TRUNCATE);
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
	if (p->has_unix && !grants_anywhere(low, FS_RIGHT(resolve_unix))) {
		cover(g, 0, resolve - 1, LLPB_M_SECCOMP);
		need(low, 0, resolve - 1, NEED_NO_UNIX);
		lose(low, 0, resolve - 1,
		     "no UNIX socket can be created, within the sandbox neither (socketpair works)");
	}
}

/* reference: what Landlock leaves open beside its TCP rights, and which filter closes it */
static void plan_net(struct lowered *low)
{
	const struct policy *p = low->policy;
	unsigned tcp = since(NET_RIGHT(connect_tcp), abi_net_mask), udp = since(NET_RIGHT(bind_udp), abi_net_mask);
	bool granted = grants_port(low, NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp), ANY_PORT);
	static const struct {
		uint64_t right;
		enum guarantee id;
	} rights[] = {
		{NET_RIGHT(connect_tcp), GUARANTEE_CONNECT_TCP},
		{NET_RIGHT(bind_tcp), GUARANTEE_BIND_TCP},
	};

	if (!p->has_net || p->net_unrestricted)
		return;
	bool families = p->net_plain || p->udp_deny, sockets = granted || !p->net_plain;
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		if (!(p->net_handled & rights[i].right))
			continue;
		struct low_guarantee *g = promise(low, rights[i].id, &p->net_pos);
		cover(g, tcp, ABI_NEWEST, LLPB_M_LANDLOCK);
		if (families && !sockets)
			cover(g, 0, tcp - 1, LLPB_M_SECCOMP);
	}
	if (p->udp_deny || p->net_handled & (NET_RIGHT(bind_udp) | NET_RIGHT(connect_send_udp))) {
		struct low_guarantee *g = promise(low, GUARANTEE_UDP, &p->udp_pos);
		cover(g, udp, ABI_NEWEST, LLPB_M_LANDLOCK);
		if (p->udp_deny)
			cover(g, 0, udp - 1, LLPB_M_SECCOMP);
	}
	if (!families)
		return;
	cover(promise(low, GUARANTEE_SOCKET, &p->net_pos), 0, ABI_NEWEST, LLPB_M_SECCOMP);
	need(low, 0, ABI_NEWEST, NEED_FAMILIES | (p->udp_deny ? 0 : NEED_UDP_OK));
	if (!sockets)
		return;
	need(low, tcp, ABI_NEWEST, NEED_TCP_OK);
	lose(low, 0, tcp - 1, "no TCP socket can be created");
	need(low, tcp, ABI_NEWEST, NEED_NO_ULP);
	if (p->net_plain && p->net_handled & NET_RIGHT(connect_tcp))
		need(low, tcp, ABI_NEWEST, NEED_NO_FASTOPEN);
	/* a server must listen on the port that it may bind: what it could take besides is lint's to say */
	if (p->net_plain && p->net_handled & NET_RIGHT(bind_tcp) &&
	    !grants_port(low, NET_RIGHT(bind_tcp), ANY_PORT)) {
		need(low, tcp, ABI_NEWEST, NEED_NO_LISTEN);
		lose(low, tcp, ABI_NEWEST,
		     "listen(2) is denied, on UNIX sockets too: it would bind any TCP port; a port in bind_tcp "
		     "allows it");
	}
}

static void plan_rest(struct lowered *low)
{
	const struct policy *p = low->policy;
	unsigned scope = since(SCOPE_RIGHT(signal), abi_scope_mask),
		 resolve = since(FS_RIGHT(resolve_unix), abi_fs_mask);

	if (p->scoped & SCOPE_RIGHT(abstract_unix_socket)) {
		struct low_guarantee *g = promise(low, GUARANTEE_ABSTRACT_UNIX, &p->scope_pos);
		for (unsigned abi = 0; abi < scope && abi < resolve; abi++)
			if (low->plans[abi].needs & NEED_NO_UNIX)
				cover(g, abi, abi, LLPB_M_SECCOMP);
		cover(g, scope, ABI_NEWEST, LLPB_M_LANDLOCK);
	}
	if (p->scoped & SCOPE_RIGHT(signal))
		cover(promise(low, GUARANTEE_SIGNAL, &p->scope_pos), scope, ABI_NEWEST, LLPB_M_LANDLOCK);
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

static const struct low_guarantee *uncovered(const struct lowered *low, unsigned abi)
{
	for (size_t i = 0; i < low->nguarantees; i++)
		if (guarantee_rows[low->guarantees[i].id].firm && !low->guarantees[i].mechanism[abi])
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
		if (p->strict && (unsigned)p->min_abi < covered) {
			const struct low_guarantee *g = uncovered(low, (unsigned)p->min_abi);
			struct diag_item *item =
				diag_report(diag, CHECK_MIN_ABI, &p->min_abi_pos,
					    "min_abi = %d: nothing covers \"%s\" below ABI %u (Linux %s)", p->min_abi,
					    guarantee_rows[g->id].name, covered, abi_kernel(covered));
			diag_note(diag, item, &g->pos, "asked for here; compat = \"best-effort\" runs without it");
			return false;
		}
		lowest = (unsigned)p->min_abi;
	}
	low->min_abi = lowest;
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		if (abi < lowest || (p->strict && uncovered(low, abi)))
			low->plans[abi].flags |= LLPB_PLAN_REFUSE;
	return true;
}

/*
 * Subvolumes are made and removed by ioctl(2) on a directory open for reading, past every Landlock hook. Closed where
 * [fs] speaks of directories and there is a filter anyway; elsewhere the coverage says that nothing covers it.
 */
static void plan_subvolumes(struct lowered *low)
{
	const struct policy *p = low->policy;

	if (!p->nlayers || !p->layers[0].plain ||
	    !(p->layers[0].handled & (FS_RIGHT(make_dir) | FS_RIGHT(remove_dir))))
		return;
	struct low_guarantee *g = promise(low, GUARANTEE_FS_SUBVOLUMES, &p->fs_pos);
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		if (low->plans[abi].needs) {
			need(low, abi, abi, NEED_NO_SUBVOL);
			cover(g, abi, abi, LLPB_M_SECCOMP);
		}
}

bool plan_policy(struct diag *diag, struct lowered *low)
{
	plan_rulesets(low);
	plan_fs(low);
	plan_net(low);
	plan_rest(low);
	plan_subvolumes(low);
	return choose_rows(diag, low);
}
