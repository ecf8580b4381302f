/* SPDX-License-Identifier: MIT */
/* A policy in words. */
#ifndef RUNTIME_LLRUND_CHECK_H
#define RUNTIME_LLRUND_CHECK_H

#include "launch.h"

/* --check: what is enforced; then, rule by rule, what each path grants. */
void say_plan(const struct policy *policy);
rule_report say_rule;
/* The names of rights, and of capabilities, each after a space. */
const char *names(char out[PATH_SIZE], uint64_t fs, uint64_t net, uint64_t scope, uint64_t caps);

#endif
