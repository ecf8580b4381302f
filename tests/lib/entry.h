/* SPDX-License-Identifier: MIT */
/* System calls with any number through either entry of x86_64, and children that make them under a filter. */
#ifndef TESTS_ENTRY_H
#define TESTS_ENTRY_H

#include <stdbool.h>

#include "filter.h"

#ifdef __x86_64__

/* The raw result: -errno on failure. data->arch is not looked at; arguments as registers. */
long entry_call64(const struct bpf_data *data);
long entry_call32(const struct bpf_data *data);
/* For children under a filter: exit_group(status) and nothing else. */
void entry_exit(int status);
/* no_new_privs and the filter, on this thread: 0 or an errno. */
int entry_install(const struct bpf_program *program);
/* Runs body in a child, which then exits with 0 unless body has ended it; the wait status, or -1. */
int entry_child(void (*body)(const void *), const void *data);
/* Calls that the kernel lets past every filter. */
bool entry_exempt(const struct bpf_data *data);

#endif
#endif
