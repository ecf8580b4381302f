/* SPDX-License-Identifier: MIT */
/* The socket between llrun and llrund: connecting, and packets with descriptors. */
#ifndef RUNTIME_WIRE_H
#define RUNTIME_WIRE_H

#include "enter.h"
#include "llrund/proto.h"

/*
 * A connection, close-on-exec, to a server of the caller's user or of root, and what a first request begins with: its
 * token, and our root directory. Or -1 with *error, whose object may be in `name`.
 */
int wire_connect(const char *path, int proofs[PROTO_FD_CWD], char name[K_SUN_PATH + 16], struct llrun_error *error);
/* One packet of these parts. Returns its size or a negative error number. */
long wire_send(int to, struct k_iovec *parts, uint32_t nparts, const int *fds, uint32_t nfds);

#endif
