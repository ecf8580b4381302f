/* SPDX-License-Identifier: MIT */
/*
 * What is set on the process beside Landlock: umask, session, privileges, descriptors, filter, environment.
 *
 * MUST make every setting that the blob asks for, or fail.
 * MUST drop capabilities only after no_new_privs, which is set whatever the policy says.
 */
#include "enter.h"

/*
 * setsid(2) refuses a process group leader, which is what an interactive shell makes of its jobs: such a process first
 * joins its parent's group. That fails in turn (and is reported) in a session leader and in a pipeline's first process.
 */
int process_settings(const struct policy *policy, struct llrun_error *error)
{
	const struct llpb_process *process = policy->blob.process;
	long result = process->flags & LLPB_PROC_NEW_SESSION ? SYS(setsid, 0) : 0;

	if (result == -K_EPERM) {
		SYS(setpgid, 0, SYS(getpgid, SYS(getppid, 0)));
		result = SYS(setsid, 0);
	}
	if (process->flags & LLPB_PROC_UMASK)
		SYS(umask, process->umask);
	if (check_sys(error, "setsid", result, NULL) < 0)
		return -1;
	return check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS");
}

/*
 * Dropping them from permitted, effective and inheritable is enough, the bounding set needs nothing: at execve(2) by
 * root, or of a file with capabilities, the kernel computes a larger permitted set and then, under no_new_privs,
 * intersects it with the old one (security/commoncap.c, cap_bprm_creds_from_file(): LSM_UNSAFE_NO_NEW_PRIVS). The
 * ambient set follows (cap_capset() intersects it with permitted and inheritable).
 */
int process_drop(uint64_t drop, struct llrun_error *error)
{
	struct k_cap_header header = {.version = K_LINUX_CAPABILITY_VERSION_3};
	struct k_cap_data data[2];
	uint32_t held = 0;

	if (!drop)
		return 0;
	if (check_sys(error, "capget", SYS(capget, &header, data), NULL) < 0)
		return -1;
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t *set = &data[i / 3].sets[i % 3], mask = (uint32_t)(i < 3 ? drop : drop >> 32);

		held |= *set & mask;
		*set &= ~mask;
	}
	return held ? check_sys(error, "capset", SYS(capset, &header, data), NULL) : 0;
}

uint32_t process_kept(const struct policy *policy, uint32_t from)
{
	const struct llpb_process *process = policy->blob.process;
	uint32_t lowest = UINT32_MAX;

	for (uint32_t i = 0; i < process->nkeep + policy->nkeep_fds; i++) {
		uint32_t fd = i < process->nkeep ? process->keep[i] : (uint32_t)policy->keep_fds[i - process->nkeep];

		if (fd >= from && fd < lowest)
			lowest = fd;
	}
	return lowest;
}

int process_close_fds(const struct policy *policy, struct llrun_error *error)
{
	int all = policy->blob.process->flags & LLPB_PROC_CLOSE_FDS;
	long result = 0;

	for (uint32_t from = 3, kept = 0; all && result == 0 && kept != UINT32_MAX; from = kept + 1) {
		kept = process_kept(policy, from);
		if (kept > from)
			result = SYS(close_range, from, kept == UINT32_MAX ? kept : kept - 1, 0);
	}
	return check_sys(error, "close_range", result, NULL);
}

int process_filter(const struct policy *policy, struct llrun_error *error)
{
	const struct llpb_filter *filter = policy->filter;

	if (policy->surrender ? policy->surrender(policy, error) < 0 : blob_brokered(&policy->blob))
		return policy->surrender ? -1 : fail(error, LLRUN_E_BLOB, "needs llrund: run it through llrun", NULL);
	if (!filter)
		return 0;
	const struct k_sock_fprog program = {(uint16_t)filter->count, policy->blob.insns + filter->first};
	return check_sys(error, "seccomp", SYS(seccomp, K_SECCOMP_SET_MODE_FILTER, filter->flags, &program), NULL);
}

/* A variable passes when a row names it, and none sets it. */
static int env_passes(const struct blob *blob, const char *entry)
{
	int pass = 0;

	for (uint32_t i = 0; i < blob->nenv; i++) {
		const char *text = blob_str(blob, blob->env[i].text);
		int match = (blob->env[i].op == LLPB_ENV_PASS_PREFIX ? after_prefix : env_value)(entry, text) != NULL;

		if (match && blob->env[i].op == LLPB_ENV_SET)
			return 0;
		pass |= match;
	}
	return pass;
}

size_t llrun_env_size(const struct llrun_policy *policy, const char *const *envp)
{
	size_t size = ((const struct policy *)policy)->blob.nenv + (size_t)1;

	while (envp && *envp++)
		size++;
	return size;
}

void llrun_env_build(const struct llrun_policy *policy, const char *const *envp, const char **out)
{
	const struct blob *blob = &((const struct policy *)policy)->blob;

	for (; envp && *envp; envp++)
		if (!(blob->process->flags & LLPB_PROC_ENV) || env_passes(blob, *envp))
			*out++ = *envp;
	for (uint32_t i = 0; i < blob->nenv; i++)
		if (blob->env[i].op == LLPB_ENV_SET)
			*out++ = blob_str(blob, blob->env[i].text);
	*out = NULL;
}
