/* SPDX-License-Identifier: MIT */
/* A policy in words. */
#ifndef RUNTIME_LLRUND_CHECK_H
#define RUNTIME_LLRUND_CHECK_H

#include "launch.h"

/* --check: what is enforced; then, rule by rule, what each path grants. */
void say_plan(const struct policy *policy);
rule_report say_rule;
/*
 * For struct policy.mounted, where struct policy.host_attrs keeps the host as it is: a target that a run would create is
 * named and its mount left out, with result 0; any other result is returned.
 */
int say_target(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error);
/* After a failure: that it may be for want of what was left out. */
void say_left_out(void);
/* The names of rights, and of capabilities, each after a space. */
const char *names(char out[PATH_SIZE], uint64_t fs, uint64_t net, uint64_t scope, uint64_t caps);

#endif
