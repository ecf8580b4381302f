/* SPDX-License-Identifier: MIT */
/* The client of the daemon: what llrun has of it, and what llrund adds for terminals. */
#ifndef RUNTIME_REMOTE_H
#define RUNTIME_REMOTE_H

#include "launch.h"

/*
 * `size`: of the policy, as run_check() says. Hands the command to the daemon at run->given[OPT_SOCKET] and stays until
 * it ends: relays signals and stops, then exits with its status or dies by its signal. `flags`: PROTO_F_TTY or 0.
 * Failures of its own: one message, EXIT_REFUSED.
 */
_Noreturn void run_remote(const struct run *run, size_t size, uint32_t flags);
/* A run whose standard input and output are one needs one of its own. */
int is_terminal(int fd);

#endif
