/* SPDX-License-Identifier: MIT */
/*
 * Between the files of test --live: perform.c (who asks), perform_child.c (the process that tries), perform_path.c (what
 * a path of the host is called where it is tried).
 */
#ifndef COMPILER_PERFORM_IMPL_H
#define COMPILER_PERFORM_IMPL_H

#include <signal.h>
#include <sys/types.h>

#include "perform.h"
#include "perform/perform.h"

/* Where a path leads on the host; what does not exist is looked for in its directory. */
struct identity {
	bool known, of_directory;
	dev_t device;
	ino_t inode;
};

/* A path as the child says it. */
struct place_name {
	const char *text; /* NULL: the operation has none */
	bool foreign; /* not beneath the view's root: only what is the same file there is meant */
	struct identity host;
};

struct actor {
	struct arena *arena;
	const struct performance *how;
	const struct operation *op;
	struct perform_shared *shared;
	struct place_name path, to;
	int go; /* the child waits here until it is traced */
	sigset_t signals, mask; /* blocked and waited for: SIGCHLD, and those that end all; what was blocked before */
	int listener; /* of an abstract socket, or -1 */
	/* under a policy with a broker: what llrun is started with, descriptors above the standard ones */
	const char *llrun;
	int blob, program, memory, messages;
};

/* What the operations need, and what counts as done. */
struct act {
	int beyond[6]; /* the kernel objects to these after it has asked the policy; 0 ends the list */
	bool needs_path_free, makes_path, makes_to; /* names of the test's own */
	bool traced; /* cannot be tried without */
	bool opens, looks; /* the path is opened; it must exist */
};
extern const struct act perform_acts[OPERATION_IDS];

bool perform_brokered(const struct actor *a); /* llrund supervises */
bool perform_has_view(const struct blob *blob);

/* perform_child.c: the process that goes there, has it tried in one of its own, and cleans up. */
_Noreturn void perform_child(struct actor *a);
/*
 * A process that makes the view and looks around in it: report.answered when nothing speaks against the operation, else
 * report.refused. Nothing on the host is made, opened or changed.
 */
_Noreturn void perform_rehearse(struct actor *a);

/* perform_path.c */
struct place_name place_of(struct arena *arena, const struct performance *how, const char *path);
/* Does it lead, here and now, where it leads on the host? */
bool place_is_same(const struct place_name *place);
/* The device of every tmpfs that the policy mounts, of its view, which this process is in; how many. */
size_t place_devices(const struct actor *a, dev_t *devices, size_t room);

#endif
