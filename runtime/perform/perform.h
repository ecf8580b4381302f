/* SPDX-License-Identifier: MIT */
/*
 * One operation of schema/operations.def, asked of this kernel for llc-policy test --live: by a process that has entered
 * the sandbox the way a command does. What asks and who answers share memory, which no filter and no rule can keep
 * from them. The same code is in llc-policy, whose children become the sandboxed process by fork(2) alone, and in
 * llc-perform, which llrund starts under policies with a broker. No libc: a filter need permit nothing for its start.
 */
#ifndef RUNTIME_PERFORM_H
#define RUNTIME_PERFORM_H

#include "enter.h"

enum perform_op {
#define OPERATION(id, word, arguments, help) PERFORM_##id,
#include "operations.def"
	PERFORM_OPS
};

struct perform_request {
	enum perform_op op;
	uint32_t node; /* CREATE: type bits of st_mode */
	int by_open; /* CREATE: a regular file by open(2), not by mknod(2) */
	int inet; /* CONNECT, BIND: a port; else a UNIX socket */
	int stream; /* a TCP port */
	int abstract; /* the name of `path` is an abstract one */
	uint32_t address; /* IPv4, in network order */
	uint16_t port; /* in network order */
	int pid; /* SIGNAL */
	uint32_t request; /* IOCTL */
	uint32_t nr; /* SYSCALL */
	uint64_t args[6];
	char path[PATH_SIZE], to[PATH_SIZE];
};

struct perform_report {
	volatile int entered; /* what follows is the operation's own */
	volatile int answered;
	volatile int err; /* of the operation; 0: it succeeded */
	volatile int refused; /* the sandbox could not be entered, or nothing was tried: `why` */
	char why[512];
};

struct perform_shared {
	struct perform_request request;
	struct perform_report report;
	volatile int status; /* of the process that tried, as wait4(2) gives it */
};

#pragma GCC visibility push(default)

/* Carries it out: 0, or the error number. TRUNCATE wants RLIMIT_FSIZE to be 0 and SIGXFSZ ignored. */
int perform_act(const struct perform_request *request);
/* Carries it out and reports. */
void perform_answer(struct perform_shared *shared);

/*
 * llrun_prepare() for any policy: the view is made, in this process, and entered. What is left is llrun_enter(); with a
 * PID namespace in a child, as this process stays outside. A policy with a broker cannot be entered that way.
 * With `rehearsal` nothing is created on the host: where a target would be, mkdirat or mknodat fails with EROFS.
 */
int perform_prepare(struct llrun_policy *policy, const void *blob, size_t size, const struct llrun_options *options,
		    int rehearsal, struct llrun_error *error);

#pragma GCC visibility pop

#endif
