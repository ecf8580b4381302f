/* SPDX-License-Identifier: MIT */
/* What the user is told about a run: warnings and notes. Nothing here is needed to enforce the policy. */
#include "launch.h"
#include "msg.h"

void say_uncovered(const struct policy *policy, const char *severity)
{
	struct llrun_error lost;

	for (uint32_t next = 0; llrun_uncovered((const void *)policy, &next, &lost);)
		msg(2, "llrun: %s: %s is not covered on Landlock ABI %u: %s (%s:%u)", severity, lost.object,
		    policy->abi, lost.text, lost.file ? lost.file : "no source", lost.line);
}

/* make hands its job slots to children through two descriptors; without them a recursive make runs one job. */
void note_jobserver(const struct policy *policy, const char *const *envp)
{
	const char *flags = policy->blob.process->flags & LLPB_PROC_CLOSE_FDS ? env_get(envp, "MAKEFLAGS") : NULL;
	uint32_t in, out;

	for (; flags && *flags; flags++) {
		const char *at = after_prefix(flags, "--jobserver-auth=");

		at = at ? at : after_prefix(flags, "--jobserver-fds=");
		at = at ? number(at, &in) : NULL;
		if (!at || *at != ',' || !number(at + 1, &out) || in <= 2 || process_kept(policy, in) == in ||
		    SYS(fcntl, in, K_F_GETFD) < 0)
			continue;
		msg(2, "llrun: note: closing make's jobserver; --keep-fd %u --keep-fd %u would keep it", in, out);
		return;
	}
}
