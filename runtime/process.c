/* SPDX-License-Identifier: MIT */
/*
 * What is set on the process beside Landlock: umask, session, privileges, descriptors, filter, environment.
 *
 * MUST make every setting that the blob asks for, or fail.
 * MUST drop capabilities only after no_new_privs.
 */
#include "enter.h"

/*
 * setsid(2) refuses a process group leader, which is what an interactive shell makes of its jobs: such a process first
 * joins its parent's group. That fails in turn (and is reported) in a session leader and in a pipeline's first process.
 */
static long new_session(void)
{
	long result = SYS(setsid, 0);

	if (result != -K_EPERM)
		return result;
	SYS(setpgid, 0, SYS(getpgid, SYS(getppid, 0)));
	return SYS(setsid, 0);
}

int process_session(const struct policy *policy, struct llrun_error *error)
{
	const struct llpb_process *process = policy->blob.process;
	long result = 0;

	if (process->flags & LLPB_PROC_UMASK)
		SYS(umask, process->umask);
	if (process->flags & LLPB_PROC_NEW_SESSION)
		result = new_session();
	return result < 0 ? fail_sys(policy, error, "setsid", result, NULL, LLPB_NONE) : 0;
}

/*
 * Dropping them from permitted, effective and inheritable is enough, the bounding set needs nothing: at execve(2) by
 * root, or of a file with capabilities, the kernel computes a larger permitted set and then, under no_new_privs,
 * intersects it with the old one (security/commoncap.c, cap_bprm_creds_from_file(): LSM_UNSAFE_NO_NEW_PRIVS). The
 * ambient set follows (cap_capset() intersects it with permitted and inheritable).
 */
static int drop_capabilities(const struct policy *policy, struct llrun_error *error)
{
	uint64_t drop = policy->blob.process->drop_caps;
	struct k_cap_header header;
	struct k_cap_data data[2];
	uint32_t held = 0;
	long result;

	header.version = K_LINUX_CAPABILITY_VERSION_3;
	header.pid = 0;
	result = SYS(capget, &header, data);
	if (result < 0)
		return fail_sys(policy, error, "capget", result, NULL, LLPB_NONE);
	for (uint32_t i = 0; i < 2; i++, drop >>= 32) {
		uint32_t mask = (uint32_t)drop;

		held |= (data[i].effective | data[i].permitted | data[i].inheritable) & mask;
		data[i].effective &= ~mask;
		data[i].permitted &= ~mask;
		data[i].inheritable &= ~mask;
	}
	result = held ? SYS(capset, &header, data) : 0;
	return result < 0 ? fail_sys(policy, error, "capset", result, NULL, LLPB_NONE) : 0;
}

int process_privileges(const struct policy *policy, struct llrun_error *error)
{
	long result = SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1);

	if (result < 0)
		return fail_sys(policy, error, "prctl", result, "PR_SET_NO_NEW_PRIVS", LLPB_NONE);
	return policy->blob.process->drop_caps ? drop_capabilities(policy, error) : 0;
}

int process_keeps(const struct policy *policy, uint32_t fd)
{
	const struct llpb_process *process = policy->blob.process;
	int kept = fd <= 2;

	for (uint32_t i = 0; i < process->nkeep; i++)
		kept |= process->keep[i] == fd;
	for (uint32_t i = 0; i < policy->nkeep_fds; i++)
		kept |= (uint32_t)policy->keep_fds[i] == fd;
	return kept;
}

/* The lowest kept descriptor from `from` up, or UINT32_MAX. */
static uint32_t next_kept(const struct policy *policy, uint32_t from)
{
	const struct llpb_process *process = policy->blob.process;
	uint32_t next = UINT32_MAX;

	for (uint32_t i = 0; i < process->nkeep; i++)
		if (process->keep[i] >= from && process->keep[i] < next)
			next = process->keep[i];
	for (uint32_t i = 0; i < policy->nkeep_fds; i++)
		if ((uint32_t)policy->keep_fds[i] >= from && (uint32_t)policy->keep_fds[i] < next)
			next = (uint32_t)policy->keep_fds[i];
	return next;
}

int process_close_fds(const struct policy *policy, struct llrun_error *error)
{
	uint32_t from = 3, kept;
	long result = 0;

	if (!(policy->blob.process->flags & LLPB_PROC_CLOSE_FDS))
		return 0;
	do {
		kept = next_kept(policy, from);
		if (kept > from)
			result = SYS(close_range, from, kept == UINT32_MAX ? kept : kept - 1, 0);
		from = kept + 1;
	} while (result == 0 && kept != UINT32_MAX);
	return result < 0 ? fail_sys(policy, error, "close_range", result, NULL, LLPB_NONE) : 0;
}

int process_filter(const struct policy *policy, struct llrun_error *error)
{
	const struct llpb_filter *filter = policy->filter;
	struct k_sock_fprog program;
	long result;

	if (!filter)
		return 0;
	program.len = (uint16_t)filter->count;
	program.filter = policy->blob.insns + filter->first;
	result = SYS(seccomp, K_SECCOMP_SET_MODE_FILTER, filter->flags, &program);
	return result < 0 ? fail_sys(policy, error, "seccomp", result, NULL, LLPB_NONE) : 0;
}

/* Does `entry` set the variable of `name`, which ends at NUL or '='? Returns the value, or NULL. */
static const char *env_value(const char *entry, const char *name)
{
	while (*name && *name != '=' && *entry == *name)
		entry++, name++;
	return (!*name || *name == '=') && *entry == '=' ? entry + 1 : NULL;
}

const char *env_get(const char *const *envp, const char *name)
{
	for (; envp && *envp; envp++) {
		const char *value = env_value(*envp, name);

		if (value)
			return value;
	}
	return NULL;
}

/* A variable passes when a row names it, and none sets it. */
static int env_passes(const struct blob *blob, const char *entry)
{
	int pass = 0;

	for (uint32_t i = 0; i < blob->nenv; i++) {
		const char *text = blob_str(blob, blob->env[i].text);

		if (blob->env[i].op == LLPB_ENV_PASS_PREFIX)
			pass |= after_prefix(entry, text) != NULL;
		else if (env_value(entry, text) && blob->env[i].op == LLPB_ENV_SET)
			return 0;
		else
			pass |= env_value(entry, text) != NULL;
	}
	return pass;
}

size_t llrun_env_size(const struct llrun_policy *policy, const char *const *envp)
{
	size_t size = ((const struct policy *)policy)->blob.nenv + (size_t)1;

	for (; envp && *envp; envp++)
		size++;
	return size;
}

void llrun_env_build(const struct llrun_policy *policy, const char *const *envp, const char **out)
{
	const struct blob *blob = &((const struct policy *)policy)->blob;
	int all = !(blob->process->flags & LLPB_PROC_ENV);

	for (; envp && *envp; envp++)
		if (all || env_passes(blob, *envp))
			*out++ = *envp;
	for (uint32_t i = 0; i < blob->nenv; i++)
		if (blob->env[i].op == LLPB_ENV_SET)
			*out++ = blob_str(blob, blob->env[i].text);
	*out = NULL;
}
