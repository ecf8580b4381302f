/* SPDX-License-Identifier: MIT */
/* See perform.h. The order is that of run_command() in command.c. */
#include "perform.h"
#include "view.h"

int perform_prepare(struct llrun_policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		    int rehearsal, struct llrun_error *error)
{
	struct policy *p = (struct policy *)policy;

	error->code = LLRUN_OK;
	if (policy_open(p, blob, size, options, error) < 0)
		return -1;
	p->host_attrs = rehearsal ? K_MOUNT_ATTR_RDONLY : 0;
	if (view_make(p, options, error) < 0 || policy_fill(p, options, NULL, error) < 0)
		return -1;
	return view_enter(p, error);
}
