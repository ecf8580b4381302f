/* SPDX-License-Identifier: MIT */
/* What service_client and daemon_floor_service say to each other: this, the policy's bytes, arguments, environment. */
#ifndef BENCH_SERVICE_H
#define BENCH_SERVICE_H

/* Descriptors: token, current directory, standard input, output and error. */
#define SERVICE_FDS 5

struct service_request {
	unsigned long limits[32], blocked;
	unsigned umask, policy_size, argc, pad;
};

#endif
