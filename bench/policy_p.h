/* SPDX-License-Identifier: MIT */
/*
 * Policy P by hand: 8 path rules, 1 port, a deny list of 40 system calls. bench/policies/P.toml says the same, and
 * bench/compare.c proves it before anything is measured. The rights are written as numbers on purpose: nothing here
 * comes from the compiler.
 */
#ifndef BENCH_POLICY_P_H
#define BENCH_POLICY_P_H

#include "kernel_abi.h"

#define P_HANDLED_FS  0xffffu /* every right of ABI 5 */
#define P_HANDLED_NET 0x3u /* bind_tcp, connect_tcp */

#define P_EXECUTE    0x1u
#define P_WRITE_FILE 0x2u
#define P_READ_FILE  0x4u
#define P_READ_DIR   0x8u
#define P_TRUNCATE   0x4000u
#define P_IOCTL_DEV  0x8000u
#define P_RX         (P_EXECUTE | P_READ_FILE | P_READ_DIR)

#define P_PATHS(X)                                                                                                   \
	X("/usr", P_RX)                                                                                              \
	X("/etc", P_RX)                                                                                              \
	X("/proc", P_RX)                                                                                             \
	X("/tmp", P_HANDLED_FS)                                                                                      \
	X("/dev/null", P_WRITE_FILE | P_READ_FILE | P_TRUNCATE | P_IOCTL_DEV)                                        \
	X("/dev/urandom", P_READ_FILE)                                                                               \
	X("/var/lib", P_RX)                                                                                          \
	X("/home", P_RX)

#define P_PORT        443
#define P_PORT_ACCESS 0x2u

/* A decision tree over the 40 numbers, laid out by the cost of installing it (see docs/performance.md). */
#define P_FILTER(X)                                                                                                  \
	X(0x20, 0, 0, 0x00000004)                                                                                    \
	X(0x15, 1, 0, 0xc000003e)                                                                                    \
	X(0x06, 0, 0, 0x80000000)                                                                                    \
	X(0x20, 0, 0, 0x00000000)                                                                                    \
	X(0x35, 11, 0, 0x000000f6)                                                                                   \
	X(0x35, 1, 0, 0x0000009b)                                                                                    \
	X(0x15, 23, 24, 0x00000065)                                                                                  \
	X(0x35, 5, 0, 0x000000b1)                                                                                    \
	X(0x35, 2, 0, 0x000000a3)                                                                                    \
	X(0x35, 0, 20, 0x0000009c)                                                                                   \
	X(0x15, 19, 20, 0x0000009f)                                                                                  \
	X(0x35, 0, 18, 0x000000ac)                                                                                   \
	X(0x35, 17, 18, 0x000000af)                                                                                  \
	X(0x15, 16, 0, 0x000000b3)                                                                                   \
	X(0x15, 15, 0, 0x000000d4)                                                                                   \
	X(0x15, 14, 15, 0x000000e3)                                                                                  \
	X(0x35, 10, 0, 0x00000144)                                                                                   \
	X(0x35, 2, 0, 0x0000012a)                                                                                    \
	X(0x35, 12, 0, 0x000000fb)                                                                                   \
	X(0x15, 11, 10, 0x000000f7)                                                                                  \
	X(0x35, 2, 0, 0x00000134)                                                                                    \
	X(0x35, 0, 8, 0x0000012b)                                                                                    \
	X(0x15, 7, 8, 0x00000131)                                                                                    \
	X(0x35, 1, 0, 0x0000013a)                                                                                    \
	X(0x15, 6, 5, 0x00000135)                                                                                    \
	X(0x35, 0, 5, 0x00000140)                                                                                    \
	X(0x15, 4, 3, 0x00000142)                                                                                    \
	X(0x35, 0, 3, 0x000001a9)                                                                                    \
	X(0x35, 0, 1, 0x000001b2)                                                                                    \
	X(0x35, 2, 1, 0x40000000)                                                                                    \
	X(0x06, 0, 0, 0x00050001)                                                                                    \
	X(0x06, 0, 0, 0x7fff0000)                                                                                    \
	X(0x06, 0, 0, 0x80000000)

struct p_path {
	const char *path;
	uint64_t access;
};

static const struct p_path p_paths[] = {
#define X(path, access) {path, access},
	P_PATHS(X)
#ifdef FLOOR_MORE
/* for the slope: further path rules, one X() per line */
#include FLOOR_MORE
#endif
#undef X
};

static const struct k_landlock_net_port_attr p_port = {P_PORT_ACCESS, P_PORT};

static const struct k_sock_filter p_filter[] = {
#define X(code, jt, jf, k) {code, jt, jf, k},
	P_FILTER(X)
#undef X
};

#define P_COUNT(a) (sizeof(a) / sizeof(*(a)))

#endif
