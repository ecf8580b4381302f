/* SPDX-License-Identifier: MIT */
/* llrun --socket PATH: the command is run by llrund, and it looks as if it ran here. */
#ifndef RUNTIME_REMOTE_H
#define RUNTIME_REMOTE_H

#include "llrun.h"

struct client {
	const char *socket; /* path */
	const char *name; /* of the policy, for messages */
	const void *blob; /* read and its owner checked; the daemon verifies it */
	size_t blob_size;
	const char *const *command, *const *sets, *const *envp; /* NULL-terminated each */
	const int *keep; /* open descriptors that the command shall have, too */
	uint32_t nkeep;
	uint32_t flags; /* PROTO_F_QUIET, PROTO_F_AS_ABI */
	uint32_t as_abi;
};

/*
 * Hands the command to the daemon and stays until it ends: relays signals, stops and the terminal, then exits with its
 * status or dies by its signal. Failures of its own: one message, exit status 125.
 */
_Noreturn void client_run(const struct client *client);

#endif
