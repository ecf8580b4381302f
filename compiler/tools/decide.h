/* SPDX-License-Identifier: MIT */
/*
 * What a compiled policy answers to an operation, computed from the blob that is enforced, in the kernel's order: the
 * system call filter, then the walk of the path, then Landlock. The one engine behind `why`, `test`, `diff` and
 * `trace`.
 *
 *	world_open()		binds a blob to files: slots and rule paths become directories and files, as llrun binds them
 *	operation_parse()	words to an operation
 *	decide()		one operation on one Landlock ABI: every step that the kernel takes, and the one that decides
 *	decide_additions()	on denial: the least that would have to be granted besides
 *
 * Files are seen in one of two ways. Resolved: the file system of this machine, symbolic links, mounts and hard links
 * included, as the calling process sees it. Textual: paths are compared component by component, everything exists and
 * is what the operation needs; slots without a value stand for themselves ("${CWD}/x").
 *
 * Out of scope, and left to `decision.note`: permission bits, ACLs and capabilities of who will run it are looked at
 * for the calling user only (access_errno); busy files (ETXTBSY, EBUSY), quotas, immutable files, other LSMs.
 */
#ifndef COMPILER_DECIDE_H
#define COMPILER_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "access.h"
#include "blob.h"
#include "filter.h"

struct arena;

/* ---- operations: schema/operations.def ---- */

enum operation_id {
#define OPERATION(id, word, arguments, help) OP_##id,
#include "operations.def"
	OPERATION_IDS
};

enum node_id {
#define NODE(id, word, type, right, help) NODE_##id,
#include "operations.def"
	NODE_IDS
};

enum peer { PEER_TCP, PEER_UDP, PEER_UNIX, PEER_ABSTRACT };

struct operation {
	enum operation_id id;
	enum node_id node; /* OP_CREATE */
	enum peer peer; /* OP_CONNECT, OP_BIND */
	const char *path; /* absolute, or beginning with a slot: "${CWD}/x"; or the name of an abstract socket */
	const char *to; /* OP_RENAME, OP_EXCHANGE, OP_LINK */
	uint32_t port;
	uint32_t request; /* OP_IOCTL */
	const char *call; /* OP_SYSCALL: name as given */
	uint32_t nr; /* its number on the architecture it was parsed for */
	bool foreign; /* OP_SYSCALL: through the entry of another architecture, as 32-bit programs call ... */
	enum arch_id entry; /* ... which is this one; numbers and arguments are its own */
	uint64_t args[6]; /* OP_SYSCALL */
	unsigned known; /* bit n: args[n] was given */
};

struct operation_row {
	const char *word, *arguments, *help;
};
extern const struct operation_row operation_rows[OPERATION_IDS];

/*
 * Words to an operation. Numbers and arguments of system calls are those of `arch`. Strings are borrowed from words.
 * Returns NULL, or what is wrong, allocated in the arena.
 */
const char *operation_parse(struct arena *arena, enum arch_id arch, const char *const *words, size_t nwords,
			    struct operation *op);
/* A line to words: blanks separate, double quotes join, a backslash takes the next byte as it is; "#" begins a comment.
 * Returns NULL, or what is wrong. */
const char *operation_words(struct arena *arena, const char *line, const char *const **words, size_t *nwords);
/* The operation as words again; paths with blanks are quoted. */
const char *operation_text(struct arena *arena, enum arch_id arch, const struct operation *op);
struct arg_info;
/* The value of a call's argument: constants joined by "|" where the argument takes such, and what is left as a number. */
const char *argument_text(struct arena *arena, enum arch_id arch, const char *call, const struct arg_info *info,
			  uint64_t value);

/* ---- a policy bound to files ---- */

struct world_options {
	const char *const *sets; /* NAME=PATH for slots, NULL-terminated, or NULL */
	const char *const *envp; /* for slots of the environment, or NULL */
	bool textual;
	const char *origin; /* the file that the blob was read or compiled from, or NULL; must outlive the world */
};

/* Why llrun would refuse to run here: a path that does not exist, a slot without a value. The rule then grants nothing. */
struct world_problem {
	const char *text; /* what is wrong */
	const char *object; /* path or slot */
	int err; /* or 0 */
	const char *file; /* place in the policy, or NULL */
	uint32_t line;
};

struct world;
/* The blob must stay open as long as the world. Never NULL. */
struct world *world_open(const struct blob *blob, const struct world_options *options);
void world_close(struct world *world);
const struct world_problem *world_problems(const struct world *world, size_t *count);
/* The plan that llrun takes on a kernel of that ABI. */
uint32_t world_plan(const struct world *world, unsigned abi);

/* ---- decisions ---- */

enum decider {
	BY_NOBODY, /* nothing refuses */
	BY_PLAN, /* llrun does not run this policy on that ABI, or on that architecture */
	BY_FILTER, /* seccomp */
	BY_KERNEL, /* the kernel itself, with or without a policy: no such file, … */
	BY_LANDLOCK,
	BY_NAMESPACE, /* what is mounted */
	BY_BROKER,
	DECIDERS
};
extern const char *const decider_names[DECIDERS]; /* "seccomp", "landlock", … */

enum right_class { RIGHTS_FS, RIGHTS_NET, RIGHTS_SCOPE };
#define RIGHT_BITS 17 /* of the class with the most */

/* What one Landlock layer says. */
struct layer_answer {
	uint64_t asked; /* rights that the operation needs and that the layer handles */
	uint64_t missing; /* those that no rule grants */
	/* a rule that grants, by right: index in paths, or npaths + index in ports; LLPB_NONE: not granted, not asked */
	uint32_t rule[RIGHT_BITS];
};

/* One question that the kernel asks on the way. */
struct decision_step {
	enum decider by; /* BY_FILTER, BY_KERNEL, BY_LANDLOCK, … */
	bool allowed;
	bool unsure; /* BY_FILTER: arguments that were not given decide */
	int err; /* what it answers, when not allowed; 0 with `kills` */
	bool kills; /* the filter kills the process or the thread */
	uint32_t action; /* BY_FILTER: the strictest answer */
	unsigned
		companion; /* BY_FILTER, denied: the enum llpb_companion that closes the call; COMPANIONS: [seccomp] does */
	const char *call; /* the system call that was asked about */
	uint32_t record; /* BY_BROKER: index in broker */
	const char *reason; /* BY_BROKER, BY_FILTER, refused: why, static; or NULL */
	/* BY_NAMESPACE */
	uint32_t mount; /* the mount that refuses, index in mounts; LLPB_NONE: the namespace itself does */
	uint32_t attr; /* its K_MOUNT_ATTR_* */
	uint32_t space; /* the namespace: K_CLONE_NEW* */
	/* BY_LANDLOCK */
	enum right_class rights;
	uint64_t asked; /* of any layer */
	const char *subject; /* RIGHTS_FS: the file or directory; of the world, until the next decide() */
	uint32_t node; /* of subject, for decide_additions() */
	bool directory; /* of subject */
	bool gains; /* what is missing: rights that a moved object has not, and would have at its new place */
	uint32_t port;
	struct layer_answer layers[K_LANDLOCK_MAX_LAYERS]; /* blob.nlayers */
	uint32_t guarantee; /* what the denial keeps: index in guarantees, or LLPB_NONE */
};

#define DECISION_STEPS 24

struct decision {
	bool allowed; /* the policy lets it pass; what does not exist is taken as existing for this */
	bool unsure; /* OP_SYSCALL: depends on arguments that were not given; allowed is false then */
	enum decider by; /* of a denial; BY_NOBODY when allowed */
	/* What the program sees: 0, an errno. With allowed it is the kernel's own answer (ENOENT, …). */
	int err;
	bool kills;
	int kernel_err; /* the kernel's own answer, whatever the policy says; 0 */
	int access_err; /* the calling user's permissions refuse: EACCES, EPERM, EROFS; 0 */
	const char *note; /* something to know, or NULL; static */
	struct decision_step steps[DECISION_STEPS]; /* in the kernel's order, to the one that refuses */
	size_t nsteps;
	size_t decisive; /* the step that refuses; nsteps when none does */
};

/* The operation must have been parsed for `arch`. */
void decide(struct world *world, unsigned abi, enum arch_id arch, const struct operation *op, struct decision *out);

/* Where the policy says what a rule of struct layer_answer says; false when the blob is stripped. */
bool rule_place(const struct blob *blob, uint32_t rule, const char **file, uint32_t *line);
/* Where a mount lies; for the view itself, its root. */
const char *mount_text(const struct blob *blob, uint32_t mount);
/* The same for the mount, the namespace or the exception that a step is about; "" and 0 when stripped, or of others. */
void step_place(const struct blob *blob, const struct decision_step *step, const char **file, uint32_t *line);

/* ---- what would have to be granted ---- */

enum addition_kind {
	ADD_PATH, /* rights on a path, in one layer */
	ADD_PORT,
	ADD_SCOPE, /* the scope must not be restricted */
	ADD_CALL, /* the system call must not be denied */
	ADD_UDP, /* udp = "allow" */
	ADD_COMPANION, /* the companion filter `call` must be refused: [companions] */
	ADD_EDIT, /* no addition: what stands in the policy already must change */
	ADD_KINDS
};

struct addition {
	enum addition_kind kind;
	uint32_t layer; /* ADD_PATH, ADD_PORT */
	const char *path; /* ADD_PATH: absolute, or with its slot; of the world */
	bool directory; /* of path: the rights hold for all that is beneath it */
	uint64_t rights; /* FS_RIGHT(), NET_RIGHT() or SCOPE_RIGHT() */
	uint32_t port;
	const char *call;
	const char *when; /* ADD_CALL: the condition, as in [[seccomp.rule]]; of the world; or NULL: always */
	const char *change; /* ADD_EDIT: what to write, in words, with its place; of the world */
	const char *file; /* or "" */
	uint32_t line;
	uint32_t mount, attr, space; /* ADD_EDIT: as in struct decision_step */
	const char *opens; /* what it opens, where that took a compilation to know; of the world; or NULL */
};
#define ADDITIONS_MAX 64

/*
 * The least that makes a denied operation pass on that ABI, proven by deciding again with it. Returns how many; 0 when
 * nothing does, with *why (static, or of the world) saying why not.
 */
size_t decide_additions(struct world *world, unsigned abi, enum arch_id arch, const struct operation *op,
			struct addition out[ADDITIONS_MAX], const char **why);
/* The addition as TOML, comments before it; lines end with a newline. Where the file allows it, ready to be appended. */
void addition_toml(FILE *out, const struct blob *blob, const struct addition *addition);
/* What else it opens, as one line without a newline, computed on this machine's files (resolved worlds). */
void addition_opens(FILE *out, const struct world *world, const struct addition *addition);

#endif
