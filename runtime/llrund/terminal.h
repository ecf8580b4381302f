/* SPDX-License-Identifier: MIT */
/* A terminal of its own for a command that the daemon runs. */
#ifndef RUNTIME_LLRUND_TERMINAL_H
#define RUNTIME_LLRUND_TERMINAL_H

#include "llrun.h"

/*
 * Forks. Returns 0 in the child, which is to be the daemon's client, with a new terminal wherever its standard
 * descriptors were one; and -1 with *error, in either. The caller stays behind with the real terminal, relays bytes,
 * size, signals and stops, and ends as the child ends.
 */
int terminal_relay(struct llrun_error *error);

#endif
