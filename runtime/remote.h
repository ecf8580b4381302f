/* SPDX-License-Identifier: MIT */
/* The client of the daemon: what llrun has of it, and what llrund adds for terminals. */
#ifndef RUNTIME_REMOTE_H
#define RUNTIME_REMOTE_H

#include "launch.h"
#include "llrund/proto.h"

#define RELAY_PARTS (LLPB_MAX_SLOTS + 8)

struct relay {
	const struct run *run;
	const struct terminal *terminal; /* NULL: the command has our descriptors as they are */
	int server, signals;
	uint32_t pending; /* bytes of `typed` that the command has yet to get */
	/* the terminal's own */
	int master; /* of the one made for the command */
	int raw; /* the real terminal has been changed, `saved` is what it was */
	int input; /* standard input is worth reading */
	int hung_up; /* nobody has the command's terminal open now; somebody may again */
	struct k_termios saved;
	char typed[256];
	struct proto_request request;
	/* the request, and what travels behind it: the policy, its name, arguments, slots one by one, variables */
	uint32_t nparts;
	struct k_iovec parts[RELAY_PARTS];
};

/* Standard input and output are a terminal: the command gets one of its own. */
struct terminal {
	int (*is)(int fd);
	int (*make)(struct relay *relay); /* returns its slave */
	void (*raw)(struct relay *relay); /* in the foreground, every key goes through */
	void (*restore)(struct relay *relay);
	void (*size)(struct relay *relay);
	void (*wait)(struct relay *relay, struct k_pollfd fds[4]); /* for [0], [1], and its own, which it handles */
	void (*finish)(struct relay *relay); /* the rest of the output */
};
extern const struct terminal terminal_relay; /* llrund/terminal.c */

/*
 * `size`: of the policy, as run_check() says. Hands the command to the daemon at run->given[OPT_SOCKET] and stays until it ends: relays signals, stops and the
 * terminal, then exits with its status or dies by its signal. Failures of its own: one message, EXIT_REFUSED.
 */
_Noreturn void run_remote(const struct run *run, size_t size, const struct terminal *terminal);
/* result, or the end when it is an error number */
long must(struct relay *relay, const char *what, long result, const char *object);
/* Does a run need a terminal of its own? */
int remote_on_terminal(void);

#endif
