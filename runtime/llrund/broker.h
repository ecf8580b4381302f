/* SPDX-License-Identifier: MIT */
/*
 * The broker of one job: answers the calls that the notify program sends. See docs/security-model.md.
 *
 *	broker_attach(&broker, &job)		before job_start(): the child will surrender its listener
 *	...					job_wait() receives it; the broker's threads start before the command does
 */
#ifndef RUNTIME_LLRUND_BROKER_H
#define RUNTIME_LLRUND_BROKER_H

#include "grants.h"
#include "kernel_broker.h"
#include "supervise.h"

/* What tells one file from another, whatever its name. */
struct file_id {
	uint64_t ino, mount;
	uint32_t dev_major, dev_minor;
	uint16_t mode;
};

/* A record of the table, opened. */
struct exception {
	const struct llpb_broker *record;
	const char *leaf; /* name of a file in fd that did not exist when the run started; else NULL */
	const char *path; /* what the kernel calls fd: tells where to look, never decides */
	struct file_id id; /* of fd */
	int fd; /* O_PATH; -1: optional, and missing; or a mount */
	int mounted, mounting; /* a mount of the command's: id is its root's; or is about to be */
	uint32_t plain; /* MAY_* of a regular file that is no tree; 0: a longer look is needed */
};

#define STATUS_SIZE    4096
#define BROKER_THREADS 34 /* that there may be, and some */
#define BROKER_MADE    64
#define BROKER_LEASES  32
#define PUBLICATIONS   16 /* at once: half of the threads, the others are for what does not take long */
#define BROKER_WAITING 64 /* publications that wait for their turn, without a thread */

/*
 * A token that was handed over, a file in memory: what it stands for, and what it is good for next. The kernel hands no
 * O_PATH descriptors over, which mount objects are (kernel/seccomp.c, seccomp_notify_addfd(): fget()).
 */
enum { LEASE_USED, LEASE_CONTEXT, LEASE_CREATED, LEASE_MOUNT };
struct lease {
	const struct exception *exception; /* NULL: none */
	struct file_id id; /* of the token */
	int kind;
	int mount; /* LEASE_MOUNT: the mount object */
};

struct request;

struct broker {
	struct job *job;
	struct job_hooks hooks; /* the job's, and ours */
	struct exception *exceptions;
	uint32_t count;
	uint32_t mounts; /* there are records of mounts */
	/* of the exceptions: how many name single objects, and trees */
	uint32_t singles, trees;
	uint32_t vague; /* one is of a file that did not exist, or a mount */
	int listener;
	int proc; /* the directory /proc: paths in it are relative */
	uint32_t uid, gid; /* of the broker, as it acts on files */
	char status[STATUS_SIZE]; /* what /proc says of it then */
	struct file_id users; /* its user namespace */
	int self; /* the directory of our own descriptors in it */
	struct file_id root; /* of the workload */
	/* what the calling processes may have changed by now; never cleared */
	uint32_t roots_vary, ids_vary;
	uint32_t threads; /* that serve */
	uint32_t calls;
	uint32_t
		working; /* what the listener is at: a number of its own for every call; 0: nothing, or it listens no more */
	uint32_t watch_sleeps;
	uint32_t nparked;
	struct request *parked[BROKER_THREADS]; /* spare threads */
	uint32_t serial; /* of temporary names */
	uint32_t lock, nmade;
	uint32_t left; /* calls left to the kernel since the last thread is the listener */
	uint32_t publishing, waiting, first; /* `waiting` of queue[], from `first` on */
	struct k_seccomp_notif queue[BROKER_WAITING];
	uint32_t nleases;
	struct lease leases[BROKER_LEASES]; /* the last ones */
	struct file_id made[BROKER_MADE]; /* the last O_TMPFILE files: linkat(2) may name them */
};

/* Lets the job's child surrender its listener. The broker must live as long as the job. */
void broker_attach(struct broker *broker, struct job *job);

/*
 * Of --check: the table is looked up as a run would, by a process that is in the command's view. `cwd`: where it was
 * before it entered that; "" where that is not known.
 */
int broker_check(struct run *run, struct policy *policy, const char *cwd, struct llrun_error *error);

/* ---- between the broker's files ---- */

/* What to do about a call. */
enum verdict {
	LEAVE, /* not ours: the kernel carries it out, under Landlock */
	REPLY, /* done: request.result */
	HAND_OVER, /* request.fd is the result */
	GONE, /* the caller has died, or is another one by now */
	LATER /* in the queue: answered when its turn comes */
};

/* One call. Lives on a thread's own memory; paths are copies. */
struct request {
	struct broker *broker;
	struct k_seccomp_notif notif;
	long result; /* value, or negative error number */
	int fd; /* to hand over; closed afterwards */
	uint32_t fd_flags;
	int writes; /* fd is open for writing */
	int acts; /* in the caller's place, until act_as_self() */
	int last; /* of the last thread: does nothing that may wait */
	uint32_t called; /* a futex: this thread is the listener again */
	char path[PATH_SIZE], other[PATH_SIZE]; /* what the call names */
	char shown[PATH_SIZE], text[PATH_SIZE]; /* names by the kernel; work space */
	char names[2][PATH_SIZE]; /* of what a change is about, for the log */
};

typedef enum verdict handler(struct request *r);

/* resolve.c */

/* Opens what the records name. 0, or -1 with *error (with file and line). */
int broker_open_exceptions(struct broker *broker, struct llrun_error *error);
/* 0, or a negative error number. */
long identify(int fd, const char *path, int flags, struct file_id *id);
int same_object(const struct file_id *a, const struct file_id *b);
/* The root of the mount that the command has made of an exception: of the mount, what it shows has other names, too. */
int is_mount(const struct exception *e, const struct file_id *id);
/* Is the caller still the one that asked? */
int still_there(const struct request *r);
/* The string at an address of the caller: 0 or a negative error number. A string of `size` bytes is too long. */
long copy_string(const struct request *r, uint64_t address, char *out, uint32_t size);
long copy_bytes(const struct request *r, uint64_t address, void *out, size_t size);
/* "PID", then `rest`, in /proc of the calling thread: an O_PATH descriptor, or with other flags. */
long open_proc(const struct request *r, const char *rest, int flags);
/*
 * An O_PATH descriptor of what the caller means by path, looked up from where the caller stands, or a negative error
 * number. -EXDEV where it cannot be told.
 */
long lookup(struct request *r, int dirfd, const char *path, uint64_t flags, uint64_t resolve);
/*
 * Splits request.path or .other in place: the directory that holds what it names, and the last name (a "/" may follow
 * it). Negative where the kernel had better answer.
 */
long lookup_parent(struct request *r, int dirfd, char *path, char **leaf);
/* MAY_* and IN_* for an object, of which one record is noted in *which (may be NULL). */
uint32_t granted(struct request *r, int fd, const struct file_id *id, const struct exception **which);
/* The same for a name in a directory that does not exist. */
uint32_t granted_new(struct request *r, int parent, const char *leaf);
int is_tree(const struct exception *e);
/* What of a path comes after a directory's: "" or "/...", the root's after its slash; NULL where it lies elsewhere. */
const char *rest_within(const char *path, const char *dir);
/* The kernel's name of a descriptor of ours, in request.shown. */
const char *show(struct request *r, int fd);

static inline void spin_lock(uint32_t *word)
{
	while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
		;
}

static inline void spin_unlock(uint32_t *word)
{
	__atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

/* broker_ids.c: act as the caller would: ids, capabilities and umask of this thread. 0, or negative: then do not act. */
long act_as(struct request *r, int with_umask);
void act_as_self(struct request *r);
long remember_self(struct broker *broker);

/* broker_open.c */
handler on_openat, on_openat2, on_open, on_creat, on_truncate;
/* broker_mount.c */
handler on_mount, on_umount2, on_open_tree, on_move_mount, on_fsopen, on_fsconfig, on_fsmount, on_mount_setattr;
/* broker_change.c */
handler on_mkdirat, on_mkdir, on_mknodat, on_mknod, on_unlinkat, on_unlink, on_rmdir, on_renameat, on_renameat2,
	on_rename, on_linkat, on_link, on_symlinkat, on_symlink;

/* told.c: what the log says of a call that changes something. */
struct told {
	enum audit_event event;
	const char *operation, *scope, *syscall; /* syscall: NULL where the event does not name it */
	enum audit_field fields[2]; /* the second may be AUDIT_FIELDS: none */
	const char *texts[2]; /* borrowed */
};
/*
 * MUST be called before the deed: what cannot be written to the log does not happen. `result` is what is known already: 0,
 * or the error that the deed would end with. Returns it, or -EACCES when the log does not take the record.
 */
long tell_before(struct request *r, const struct told *told, long result);
/* After the deed: of its failure, which the log does not know yet. Returns `result`. */
long tell_after(struct request *r, const struct told *told, long result);
/* It is not permitted. Returns `result`, a negative error number. */
long tell_denied(struct request *r, const struct told *told, long result);
/* Would the log hold the texts whole? */
int can_tell(const struct request *r, const struct told *told);
/* "DIRECTORY/NAME" in r->names[which]; "" where there is no log. */
const char *told_name(struct request *r, int dir, const char *leaf, uint32_t which);

/* publish.c: a copy of a scratch file, complete, but for its name in the directory `to`. */
struct copy {
	int fd; /* -1: none */
	int to; /* borrowed */
	int denied; /* this file may not be published */
	char temp[48]; /* where the file system cannot do without; "" */
	struct file_id id; /* of what was copied */
};
/*
 * 0 or a negative error number; nothing is left then. -EACCES with copy->denied for what is no regular file, -EEXIST with
 * copy->denied when `name` exists and is not to be replaced.
 */
long publish_copy(struct request *r, int from, const char *leaf, int to, const char *name, int replace,
		  struct copy *copy);
/* Gives it the name: which must not exist, unless `replace`. 0 or a negative error number; the copy is spent either way. */
long publish_name(struct request *r, struct copy *copy, const char *name, int replace);
/* It is not to be after all. */
void publish_drop(struct copy *copy);
/* At most PUBLICATIONS at once. False: this call waits for its turn (verdict LATER), or, r->result set, cannot. */
int publish_begin(struct request *r);
void publish_end(struct broker *broker);
/* A call whose turn has come, in r->notif. */
int publish_next(struct request *r);

#endif
