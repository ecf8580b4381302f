/* SPDX-License-Identifier: MIT */
/*
 * libllrun's public functions: the order of things, and errors. llrun itself goes through the same functions.
 *
 * MUST leave no descriptor behind when llrun_prepare() fails.
 * MUST treat every failure as final: nothing is skipped that the blob does not say may be skipped.
 * llrun_enter() MUST NOT write to the policy: after vfork(2) it is the parent's memory.
 */
#include "enter.h"

int fail(struct llrun_error *error, enum llrun_code code, const char *text, const char *object)
{
	*error = (struct llrun_error){.code = code, .text = text, .object = object};
	return -1;
}

int check_sys(struct llrun_error *error, const char *sys, long result, const char *object)
{
	if (result >= 0)
		return 0;
	*error = (struct llrun_error){.code = LLRUN_E_SYSCALL, .sys = sys, .err = (int)-result, .object = object};
	return -1;
}

/* The error number tells a kernel built without Landlock from one that has it switched off (hints.def). */
static int refuse_plan(struct policy *policy, long answer, struct llrun_error *error)
{
	if (policy->abi || check_sys(error, "landlock_create_ruleset", answer, NULL) == 0)
		return fail(error, LLRUN_E_REFUSED, "the Landlock ABI is too old; the policy's min_abi is",
			    decimal(policy->number, policy->blob.meta->min_abi));
	error->code = LLRUN_E_REFUSED;
	error->text = "the policy cannot be enforced without it";
	return -1;
}

int policy_open(struct policy *policy, const void *data, size_t size, const struct llrun_options *options,
		struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	const char *reason = blob_open(&policy->blob, data, size);
	long answer = SYS(landlock_create_ruleset, 0, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
	/* not built; switched off at boot. Anything else (a container's filter says EPERM) is not an answer. */
	long abi = answer == -K_ENOSYS || answer == -K_EOPNOTSUPP ? 0 : answer;
	int no_filter;

	/* first, so that llrun_release() may follow any failure */
	for (uint32_t i = 0; i < K_LANDLOCK_MAX_LAYERS; i++)
		policy->rulesets[i] = -1;
	policy->root = K_AT_FDCWD;
	policy->keep_fds = options->keep_fds;
	policy->nkeep_fds = options->nkeep_fds;
	policy->surrender = NULL;
	policy->mounted = NULL;
	policy->host_attrs = 0;
	if (reason)
		return fail(error, LLRUN_E_BLOB, reason, NULL);
	if (check_sys(error, "landlock_create_ruleset", abi, NULL) < 0)
		return -1;
	policy->host_abi = (uint32_t)abi;
	policy->abi = options->flags & LLRUN_AS_ABI ? options->as_abi : policy->host_abi;
	if (policy->abi > policy->host_abi)
		return fail(error, LLRUN_E_ABI, "this kernel's Landlock ABI is older than the one asked for", NULL);
	/* a kernel newer than the blob keeps the blob's meaning */
	policy->plan = policy->abi < blob->nplans ? policy->abi : blob->nplans - 1;
	policy->restrict_flags = blob->plans[policy->plan].restrict_flags;
	if (blob->plans[policy->plan].flags & LLPB_PLAN_REFUSE)
		return refuse_plan(policy, answer, error);
	policy->filter = blob_filter(blob, policy->plan, SYS_AUDIT_ARCH, &no_filter);
	return no_filter ? fail(error, LLRUN_E_ARCH,
				"the policy has no filter for this architecture: compile it with --arch", NULL)
			 : 0;
}

int llrun_prepare(struct llrun_policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		  struct llrun_error *error)
{
	struct policy *p = (struct policy *)policy;

	error->code = LLRUN_OK;
	if (policy_open(p, blob, size, options, error) < 0)
		return -1;
	if (blob_brokered(&p->blob) || p->blob.nmounts)
		return fail(error, LLRUN_E_BLOB, "has a broker, mounts or namespaces: run it through llrun", NULL);
	return policy_fill(p, options, NULL, error);
}

/*
 * no_new_privs comes before the capabilities (it is what keeps dropped ones from coming back at execve) and before
 * Landlock and seccomp (which demand it of the unprivileged); the descriptors of the rulesets are needed until the
 * layers are on; the filter is last, so that it need not permit anything above.
 */
int llrun_enter(const struct llrun_policy *policy, struct llrun_error *error)
{
	const struct policy *p = (const struct policy *)policy;

	error->code = LLRUN_OK;
	if (process_settings(p, error) < 0 || process_drop(p->blob.process->drop_caps, error) < 0 ||
	    landlock_restrict(p, error) < 0 || process_close_fds(p, error) < 0)
		return -1;
	return process_filter(p, error);
}

int llrun_uncovered(const struct llrun_policy *policy, uint32_t *next, struct llrun_error *guarantee)
{
	const struct policy *p = (const struct policy *)policy;
	const struct blob *blob = &p->blob;

	while (*next < blob->nguarantees) {
		const struct llpb_guarantee *g = &blob->guarantees[(*next)++];

		if (!(g->flags & LLPB_G_FIRM) || g->mechanism[p->plan] != LLPB_M_NOT_COVERED)
			continue;
		fail(guarantee, LLRUN_E_REFUSED, blob_str(blob, g->text), blob_str(blob, g->name));
		guarantee->file = *blob_str(blob, g->file) ? blob_str(blob, g->file) : NULL;
		guarantee->line = g->line;
		return 1;
	}
	return 0;
}
