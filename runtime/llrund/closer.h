/* SPDX-License-Identifier: MIT */
/*
 * Closing descriptors of clients: close(2) waits for as long as the file's owner likes, so that neither process of the
 * daemon does it itself.
 */
#ifndef LLRUND_CLOSER_H
#define LLRUND_CLOSER_H

#include "enter.h"

#define CLOSERS            8 /* files whose close waits at the same time before others wait behind them */
#define CONNECTION_CLOSERS 2

/*
 * Starts this process's closers, which see its memory and descriptors, and confine themselves. Once, before there are
 * other processes or threads to be confused with. 0, or -1 with *error.
 */
int closers_start(struct llrun_error *error);

/*
 * Takes the descriptors over, those that are none (-1) excepted, and changes the array. Never waits; what is known to close
 * at once is closed at once.
 */
void closers_take(int *fds, uint32_t count);
/* The same, some time later, with a socket that a client has the other end of, and may have filled with anything. */
void closers_take_connection(int fd);

/* Do fewer than so many wait to be closed? Fewer where the process may not have many. */
#define CLOSERS_SOME 1024 /* then no more files are taken */
#define CLOSERS_MANY 4096 /* and then no more connections */
int closers_have_room(uint32_t limit);

/*
 * Is nothing that was taken over in the table of descriptors any more, of which a child would get a copy, and close it?
 * `patient`: waits a second for that. To be asked before new descriptors come, which get the old ones' numbers.
 */
int closers_clear(int patient);

/*
 * To be called whenever the process has waited: signals those that linger (a socket's linger ends with a signal).
 * Returns how long the process may wait next, in milliseconds; -1: nothing is being closed.
 */
int closers_look(void);

/* Is this one of them? */
int closers_include(int pid);

#define CLOSERS_WHY                                                                                                  \
	"files that others have sent do not close (a file system that does not answer?); the daemon takes no more"

#endif
