/* SPDX-License-Identifier: MIT */
/*
 * What daemon_client and daemon_floor, and service_client and daemon_floor_service, say to each other: three descriptors
 * and the arguments; or those below with this, the policy's bytes, arguments, environment.
 */
#ifndef BENCH_SERVICE_H
#define BENCH_SERVICE_H

#include "sys.h"

/* Descriptors: token, root, current directory, standard input, output and error. */
enum { SERVICE_TOKEN, SERVICE_ROOT, SERVICE_CWD, SERVICE_STDIO, SERVICE_FDS = SERVICE_STDIO + 3 };

struct service_request {
	unsigned long limits[32], blocked;
	unsigned umask, policy_size, argc, pad;
};

/* ---- the clients' side ---- */

struct vector {
	const void *base;
	unsigned long size;
};

/* Connects to a SOCK_SEQPACKET socket; or -1. */
static inline long service_connect(const char *path)
{
	struct {
		unsigned short family;
		char path[108];
	} address = {.family = 1};
	unsigned len = 0;

	for (; path[len] && len < sizeof(address.path) - 1; len++)
		address.path[len] = path[len];
	long server = sys3(__NR_socket, 1, 5 | 02000000, 0);
	return server < 0 || sys3(__NR_connect, server, PTR(&address), (long)(3 + len)) ? -1 : server;
}

/* One packet with descriptors, at most SERVICE_FDS; its size, or a negative error number. */
static inline long service_send(long server, const struct vector *parts, unsigned long nparts, const int *fds,
				unsigned long nfds)
{
	struct {
		unsigned long size;
		int level, type, fds[SERVICE_FDS];
	} rights = {16 + nfds * sizeof(int), 1, 1, {0}};
	struct {
		void *name;
		unsigned name_size, pad;
		const struct vector *parts;
		unsigned long nparts;
		void *control;
		unsigned long control_size;
		int flags;
	} message = {.parts = parts, .nparts = nparts, .control = &rights, .control_size = (rights.size + 7) & ~7ul};

	for (unsigned long i = 0; i < nfds; i++)
		rights.fds[i] = fds[i];
	return sys3(__NR_sendmsg, server, PTR(&message), 0x4000);
}

#endif
