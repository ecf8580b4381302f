/* SPDX-License-Identifier: MIT */
/* The filter's answers: the blob's own programs, run on the calls that an operation makes. */
#include <errno.h>
#include <string.h>

#include "decide_impl.h"
#include "inspect.h"

#define MAX_ERRNO 4095 /* include/linux/err.h: what a filter returns is cut to it (kernel/seccomp.c) */

static const struct llpb_filter *filter_of(const struct asking *a, int *missing)
{
	return blob_filter(a->world->blob, a->plan, arch_rows[a->arch].audit_arch, missing);
}

bool filter_exists(const struct asking *a)
{
	int missing = 0;

	filter_of(a, &missing);
	return !missing;
}

/* The kernel's order of precedence, kernel/seccomp.c, seccomp_run_filters(): the lowest wins, as a signed number. */
static uint32_t strictest(const struct verdicts *verdicts)
{
	uint32_t action = verdicts->action[0];

	for (size_t i = 1; i < verdicts->count; i++)
		if ((int32_t)(verdicts->action[i] & K_SECCOMP_RET_ACTION_FULL) <
		    (int32_t)(action & K_SECCOMP_RET_ACTION_FULL))
			action = verdicts->action[i];
	return action;
}

static bool lets_pass(uint32_t action)
{
	action &= K_SECCOMP_RET_ACTION_FULL;
	return action == K_SECCOMP_RET_ALLOW || action == K_SECCOMP_RET_LOG;
}

/* What the program sees of an action. A tracer or a listener that is not there makes the call fail with ENOSYS. */
static void answer(struct decision_step *step, uint32_t action)
{
	uint32_t data = action & K_SECCOMP_RET_DATA;

	step->action = action;
	step->allowed = lets_pass(action);
	switch (action & K_SECCOMP_RET_ACTION_FULL) {
	case K_SECCOMP_RET_ALLOW:
	case K_SECCOMP_RET_LOG:
		return;
	case K_SECCOMP_RET_ERRNO:
		step->err = (int)(data > MAX_ERRNO ? MAX_ERRNO : data);
		return;
	case K_SECCOMP_RET_TRACE:
	case K_SECCOMP_RET_USER_NOTIF:
		step->err = ENOSYS;
		return;
	default:
		step->kills = true;
	}
}

/* ---- who says it ---- */

static const struct {
	unsigned companion;
	const char *call;
	uint32_t action;
} closings[] = {
#define CLOSES(id, call, argument, mask, value, error) {COMPANION_##id, #call, ANSWER_##error},
#define CLOSES_IOCTL(id, request, error)               {COMPANION_##id, "ioctl", ANSWER_##error},
#include "companions.def"
	/* compiler/back/companion.c, socketpair_rule(), ulp_rule(), limits_rule() */
	{COMPANION_UNIX_SOCKETS, "socketpair", ANSWER_EACCES},
	{COMPANION_FAMILIES, "socketpair", ANSWER_EACCES},
	{COMPANION_PROTOCOLS, "setsockopt", ANSWER_EACCES},
	{COMPANION_LIMITS, "prlimit64", ANSWER_EPERM},
};

/* compiler/back/companion.c, socket_rule(): by family, then by type. */
static unsigned socket_companion(const struct bpf_args *args)
{
	bool inet = args->value[0] == 2 || args->value[0] == 10;
	uint64_t type = args->value[1] & 0xf;

	if ((args->known & 3) != 3 || (!inet && args->value[0] != 1))
		return COMPANION_FAMILIES;
	if (!inet)
		return COMPANION_UNIX_SOCKETS;
	return type == 1 ? COMPANION_TCP : type == 2 ? COMPANION_UDP : COMPANION_PROTOCOLS;
}

/* The companion of this plan that gives such an answer to the call, or COMPANIONS. */
static unsigned companion_of(const struct asking *a, const char *call, uint32_t action, const struct bpf_args *args)
{
	const struct blob *blob = a->world->blob;

	if (!strcmp(call, "socket") && action == ANSWER_EACCES &&
	    has_companion(blob, a->plan, socket_companion(args)))
		return socket_companion(args);
	for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++)
		if (has_companion(blob, a->plan, closings[i].companion) && action == closings[i].action &&
		    !strcmp(call, closings[i].call))
			return closings[i].companion;
	return COMPANIONS;
}

bool companion_may_close(const struct blob *blob, uint32_t plan, const char *call)
{
	bool sockets = has_companion(blob, plan, COMPANION_FAMILIES) ||
		       has_companion(blob, plan, COMPANION_UNIX_SOCKETS) ||
		       has_companion(blob, plan, COMPANION_TCP) || has_companion(blob, plan, COMPANION_UDP) ||
		       has_companion(blob, plan, COMPANION_PROTOCOLS);

	if (sockets && !strcmp(call, "socket"))
		return true;
	for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++)
		if (has_companion(blob, plan, closings[i].companion) && !strcmp(call, closings[i].call))
			return true;
	return false;
}

/* Which guarantee each companion keeps: its name in guarantees.def. */
static uint32_t guarantee_of(const struct asking *a, unsigned companion)
{
	static const char *const names[GUARANTEES + 1] = {
#define LL_GUARANTEE(id, name, kind, help) [GUARANTEE_##id] = name,
#include "guarantees.def"
	};
	enum { GUARANTEE_NONE = GUARANTEES };
	static const unsigned kept[COMPANIONS + 1] = {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) [COMPANION_##id] = GUARANTEE_##guarantee,
#include "companions.def"
		[COMPANIONS] = GUARANTEE_SECCOMP,
	};
	const struct blob *blob = a->world->blob;

	for (uint32_t i = 0; names[kept[companion]] && i < blob->nguarantees; i++)
		if (!strcmp(blob_str(blob, blob->guarantees[i].name), names[kept[companion]]))
			return i;
	return LLPB_NONE;
}

/* kernel/seccomp.c, seccomp_uprobe_exception(): uretprobe(2) and uprobe(2) pass every filter. */
static bool exempt(const struct asking *a, uint32_t nr)
{
	return a->arch == ARCH_X86_64 && (nr == 335 || nr == 336);
}

/*
 * Adds what the broker's program says of the call: installed first, so that the policy's own answers weigh more unless
 * they permit. What it sends to the broker goes on, there or in the kernel. Returns whether it alone decides.
 */
static bool ask_notify(struct asking *a, const struct bpf_scope *scope, const struct bpf_args *args,
		       struct verdicts *verdicts)
{
	const struct llpb_filter *filter =
		blob_brokered(a->world->blob) ? blob_notify(a->world->blob, arch_rows[a->arch].audit_arch) : NULL;
	struct verdicts more = {0};
	struct bpf_program program;
	bool alone = false;

	if (filter && filter_program(a->world->blob, filter, &program))
		filter_verdicts_of(&program, scope, args, &more);
	a->unnotified = !more.overflow;
	for (size_t i = 0; i < more.count; i++) {
		uint32_t action = more.action[i] & K_SECCOMP_RET_ACTION_FULL;
		a->unnotified &= action != K_SECCOMP_RET_USER_NOTIF;
		if (action == K_SECCOMP_RET_USER_NOTIF || action == K_SECCOMP_RET_ALLOW)
			continue;
		/* both programs are asked about every call: what is certain of one stands, unless the other is stricter */
		alone = more.count == 1 && verdicts->count == 1 && lets_pass(verdicts->action[0]);
		if (alone)
			verdicts->action[0] = more.action[i];
		else if (verdicts->count < VERDICTS_MAX)
			verdicts->action[verdicts->count++] = more.action[i];
	}
	return alone;
}

static bool judge(struct asking *a, const char *call, uint32_t nr, const struct bpf_args *args)
{
	int missing;
	const struct llpb_filter *filter = filter_of(a, &missing);
	const bool foreign = a->op->id == OP_SYSCALL && a->op->foreign;
	struct bpf_scope scope = {true, nr, arch_rows[foreign ? a->op->entry : a->arch].audit_arch};
	struct verdicts verdicts = {0};
	struct bpf_program program;
	bool some = false, every = true;

	if ((!filter && !blob_brokered(a->world->blob)) || a->world->lifted_filter || (!foreign && exempt(a, nr)))
		return true;
	struct decision_step *step = step_add(a, BY_FILTER, call);
	/* what the kernel would not install keeps llrun from starting anything */
	if (!filter)
		verdicts = (struct verdicts){.action = {K_SECCOMP_RET_ALLOW}, .count = 1};
	else if (!filter_program(a->world->blob, filter, &program))
		verdicts = (struct verdicts){.action = {K_SECCOMP_RET_KILL_PROCESS}, .count = 1};
	else
		filter_verdicts_of(&program, &scope, args, &verdicts);
	if (ask_notify(a, &scope, args, &verdicts))
		step->reason = "closed in every run with a broker";
	for (size_t i = 0; i < verdicts.count; i++) {
		some |= lets_pass(verdicts.action[i]);
		every &= lets_pass(verdicts.action[i]);
	}
	answer(step, strictest(&verdicts));
	step->unsure = verdicts.overflow || (some && !every);
	if (step->allowed)
		return true;
	step->companion = companion_of(a, call, step->action, args);
	step->guarantee = guarantee_of(a, step->companion);
	a->refused = true;
	return false;
}

bool ask_filter(struct asking *a, const struct call_form *forms, size_t nforms, const char **call)
{
	for (size_t i = 0; i < nforms; i++) {
		int nr = syscall_number(a->arch, forms[i].name);
		struct bpf_args args = {.known = 0x3f};

		if (nr < 0)
			continue;
		*call = forms[i].name;
		memcpy(args.value, forms[i].args, sizeof(args.value));
		return judge(a, forms[i].name, (uint32_t)nr, &args);
	}
	return true;
}

bool ask_syscall(struct asking *a)
{
	struct bpf_args args = {.known = a->op->known};

	memcpy(args.value, a->op->args, sizeof(args.value));
	return judge(a, a->op->call, a->op->nr, &args);
}
