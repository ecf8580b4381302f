/* SPDX-License-Identifier: MIT */
/*
 * The daemon: two processes.
 *
 *	front    confined; owns the listening socket, speaks to clients, decides who may ask and whether a request is one
 *	spawner  the main process, unconfined because what confines it would confine what it starts; ancestor and reaper
 *	         of all jobs; takes packets of one fixed size from the front, and writes the end of a job to its client
 *
 * A connection and its job share a number below MAX_JOBS, its slot; the generation tells one user of a slot from the next.
 */
#ifndef LLRUND_SERVE_H
#define LLRUND_SERVE_H

#include "audit.h"
#include "enter.h"
#include "kernel_run.h"
#include "llrund/proto.h"

#define MAX_JOBS 512 /* connections at once, which jobs keep */

/* ---- front → spawner ---- */

enum spawn_kind { SPAWN_RUN = 1, SPAWN_SIGNAL, SPAWN_GONE, SPAWN_STOP };
/* With SPAWN_STOP: a connection whose end is the answer, when everything has ended. */
/* With SPAWN_RUN: those of the request, but the connection and the process of the peer (a pidfd, or the connection again)
 * in the place of token and root. An inline payload follows. */
struct spawn_request {
	uint32_t kind; /* enum spawn_kind */
	uint32_t slot, generation;
	int32_t peer; /* process */
	uint64_t ignored; /* signals that the client ignores */
	struct proto_request run; /* SPAWN_SIGNAL: its signal and flags */
};
#define SPAWN_MAX_FDS PROTO_MAX_FDS

/* Spawner → front: one byte, stop accepting and end with the last job. */

/* Written by the spawner, read by the front: nothing need be said when a client leaves a job that has ended. */
struct board {
	uint32_t ended[MAX_JOBS]; /* the generation that has */
	uint32_t stuck; /* descriptors that the spawner has to close stay open: no more runs */
	uint32_t started, warm_entries, warm_hits, warm_fills;
	uint32_t parked, taken; /* children that wait for a job; jobs that have got one */
};

/* ---- listen.c ---- */

struct identity {
	uint64_t inode;
	uint32_t major, minor;
};

/* A file, and the mount that it was reached by. Every mount has a number of its own, in every mount namespace. */
struct place {
	struct identity file;
	uint64_t mount;
};

struct listener {
	const char *path;
	int socket;
	int dir; /* PATH.d, ours alone */
	int lock; /* held by the spawner alone */
	int token; /* held open: its inode number is not given to another file */
	int own; /* the socket is of our making, and is removed at the end */
	struct identity socket_id;
	struct place token_at;
	char address[K_SUN_PATH + 1]; /* the path of a socket that systemd made */
	char dir_path[K_SUN_PATH + 8]; /* PATH.d */
};

/* A new socket at `path`; or, NULL, the one that systemd hands over. 0 or -1 with *error. */
int listen_open(struct listener *listener, const char *path, const char *const *envp, struct llrun_error *error);
/* Removes the socket when it is ours still. */
void listen_close(struct listener *listener);
struct identity identity_of(const struct k_statx *file);
int same_file(const struct identity *a, const struct identity *b);

/* ---- peer.c ---- */

/* What the daemon is, taken before it confines itself: no peer may be less. */
struct self {
	uint32_t uid;
	uint64_t permitted, bounding;
	uint32_t no_new_privs, filters;
	struct place root;
	char gid[128], groups[4096]; /* as /proc/PID/status shows them */
};

struct peer {
	int pid;
	int pidfd; /* -1: an older kernel */
	uint32_t uid;
	uint64_t ignored;
};

int peer_self(struct self *self, struct llrun_error *error);
/* Whose connection is it, and may it ask? NULL, or why not. peer->pidfd is the caller's to close, in both cases. */
const char *peer_check(const struct self *self, int connection, struct peer *peer);
/* Where an open descriptor is; 0, or -1. */
int place_of(int fd, struct place *place);
/* Is this descriptor the token, opened for reading, in the daemon's own mount namespace? */
int peer_token(const struct listener *listener, int fd);
/* Is it one of the daemon's own root directory, by O_PATH, and in the same mount namespace? Closing it is harmless then. */
int peer_root(const struct self *self, int fd);

/* A namespace of the daemon's. Looking at a peer's needs the spawner's capabilities. */
enum { SPACE_NETWORK, SPACE_USER, SPACES };
struct space {
	int fd; /* stays open: the kernel finds what others open of it in its cache */
	struct identity id;
};
int spaces_own(struct space own[SPACES], struct llrun_error *error);
/* NULL, or why what such a process asks for cannot be run here. `pidfd`: of `pid`, or another descriptor of ours. */
const char *spaces_differ(const struct space own[SPACES], int pid, int pidfd);

/* ---- payload.c ---- */

#define PAYLOAD_SMALL (128u << 10) /* read; what is larger is mapped */

/*
 * The payload of a request, as the request says: in `buffer` (PAYLOAD_SMALL + 1 bytes, 8-aligned), where an inline one is
 * already; or, of a sealed memfd, mapped, which the caller undoes. Or NULL and why not.
 */
const char *payload_get(const struct proto_request *request, int fd, char *buffer, const char **why);

/* ---- front.c, spawner.c ---- */

struct server {
	struct listener listener;
	struct self self;
	struct board *board; /* shared */
	struct audit *audit; /* or NULL */
	int channel; /* each process has its end */
	int front; /* of the spawner: a pidfd of the other */
	int main; /* the process id of the spawner */
};

/* Confines itself; returns the exit status when the last job has ended after a request to stop. */
int front_run(struct server *server);
int spawner_run(struct server *server, int front);
/* At last: tells who has asked for the end. */
void spawner_goodbye(void);

#endif
