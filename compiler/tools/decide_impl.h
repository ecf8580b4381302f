/* SPDX-License-Identifier: MIT */
/*
 * Between the files of the decision engine: world.c (a blob bound to files), place.c (paths of operations),
 * decide_landlock.c (layers), decide_filter.c (system calls), decide.c (the order of all that), additions.c.
 */
#ifndef COMPILER_DECIDE_IMPL_H
#define COMPILER_DECIDE_IMPL_H

#include <sys/types.h>

#include "decide.h"

/* No node: what has no rule of its own, because it does not exist or cannot be named. */
#define NODE_NONE UINT32_MAX

/* A path rule of the blob, or one that an addition would make. */
struct rule {
	uint32_t node, layer;
	uint32_t index; /* in blob->paths, or LLPB_NONE */
	uint32_t next; /* the next rule of the node, or LLPB_NONE */
	uint64_t dir_access, file_access;
	bool directory; /* what the rule was bound to; textual: unknown, and true */
};

/* A port rule likewise. */
struct port_rule {
	uint32_t layer, index;
	uint64_t access, port;
};

/* A directory or file: an inode of a file system; textual: a canonical path. */
struct node {
	uint64_t device, inode;
	const char *text; /* textual: the path, else NULL */
	uint32_t first_rule; /* or LLPB_NONE */
};

/* How an operation names its last component. */
enum last { LAST_NAME, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/*
 * Where a path leads. nodes[0] is the object, NODE_NONE where it does not exist; then its directory, the directory of
 * that, up to the root, through mount points as Landlock walks (security/landlock/fs.c, is_access_to_paths_allowed()):
 * from the root of a mount to the directory that holds its mount point.
 */
struct place {
	uint32_t *nodes;
	size_t count, cap;
	size_t mount_root; /* index of the last node of the mount that the object's directory is in */
	uint64_t mount; /* its identity; 0 textual */
	uint64_t object_mount; /* of the object; another than `mount` where something is mounted on it */
	uint32_t tag, object_tag; /* mounts of the view, from 1, of the directory and of the object; 0: none */
	uint64_t parent_mount; /* of what the path says before its last component: another than `mount` for "x/.." */
	bool mounted;
	bool too_long; /* the last component: no file system takes it */
	bool exists;
	mode_t mode; /* of the object; 0 when it does not exist */
	bool slash; /* the path ends with a slash */
	bool unbound; /* it begins with a slot that has no value here */
	bool namespaced; /* the command is in a user namespace of its own */
	bool outside; /* it is a path of the host that the view does not show */
	enum last last;
	int err; /* of the walk to the object's directory or, with PLACE_FOLLOW, to the object; 0 */
	int dir_fd; /* of the object's directory, or -1 */
	int object_fd; /* of the object, where its name leads to something else: in a view; or -1 */
	char name[256]; /* in that directory */
	char *text; /* for messages: the real path */
	size_t text_cap;
};

/* One mount of the policy's view. */
struct view_mount {
	const char *at; /* canonical path of its target */
	const char *from; /* that of its source, before anything was mounted; or NULL */
	int fd; /* its root, O_PATH; -1: a new tmpfs */
	uint32_t attrs; /* K_MOUNT_ATTR_* */
	uint32_t lifted; /* those that an addition takes away */
	uint32_t record; /* index in blob->mounts */
	bool create; /* llrun makes the target */
};

/* The last component is followed when it is a symbolic link. */
#define PLACE_FOLLOW (1u << 0)

struct world {
	const struct blob *blob;
	struct arena *arena;
	bool textual;
	const char *const *sets, *const *envp;
	const char *origin; /* of the blob, or NULL */
	const char *slot_text[LLPB_MAX_SLOTS]; /* what replaces ${NAME} in paths of operations, or NULL */
	const char *slot_paths[LLPB_MAX_SLOTS]; /* the canonical path of what it was opened to; in a view; or NULL */
	struct node *nodes;
	size_t nnodes, nodes_cap;
	uint32_t *table; /* of nodes by hash; a power of two */
	size_t table_size;
	struct rule *rules;
	size_t nrules, rules_cap;
	struct port_rule *ports;
	size_t nports, ports_cap;
	struct world_problem *problems;
	size_t nproblems, problems_cap;
	struct view_mount *mounts;
	size_t nmounts, mounts_cap;
	const char *root; /* of the view, under its path outside; NULL: the same as outside */
	bool in_view; /* paths are walked in the view */
	uint32_t spaces; /* K_CLONE_NEW*: namespaces that the command gets */
	struct exception {
		const struct llpb_broker *record;
		uint32_t node; /* or NODE_NONE */
		uint32_t dir; /* of what does not exist yet and may be created, with leaf; or NODE_NONE */
		const char *leaf; /* or NULL */
		const char *path; /* its real name */
		uint64_t mount;
		bool lifted; /* an addition lets an export replace, what is for reading be written */
	} * exceptions;
	size_t nexceptions;
	struct place places[2];
	struct text {
		char *bytes;
		size_t cap;
	} texts[DECISION_STEPS]; /* subjects of the last decision's steps */
	/* what an addition lifts, for the proof that it suffices */
	uint64_t lifted_scopes;
	bool lifted_filter;
	uint32_t lifted_spaces;
};

/* ---- world.c ---- */

/* The node, made on first sight. Memory that is exhausted ends the program, as in the arena. */
uint32_t world_inode(struct world *world, uint64_t device, uint64_t inode);
uint32_t world_text(struct world *world, const char *path);
void world_add_rule(struct world *world, const struct rule *rule);
/* The one that was added last goes. */
void world_drop_rule(struct world *world);
void world_add_port(struct world *world, const struct port_rule *rule);
/* What the rule grants on a plan, to a file or a directory: as runtime/landlock.c, grant(). */
uint64_t rule_access(const struct rule *rule, uint64_t handled, bool directory);
/*
 * A path of an operation with ${UID} and its slot replaced, in a view by the slot's own path there: what begins with a
 * slot is named as in the policy. NULL: the slot is unknown, or has no value.
 */
const char *world_expand(struct world *world, const char *path, char out[2 * K_PATH_MAX]);
/* Textual: a string of the blob that shows a path, expanded and canonical; of the world. */
const char *world_text_of(struct world *world, uint32_t shown);
/* Does the path begin with a slot? */
bool names_slot(const char *path);
/* ".", ".." and repeated slashes taken out, as text; "" becomes "/". */
void path_normalize(char *path);

void world_problem(struct world *world, uint32_t source, const char *text, const char *object, int err);
/* ${UID}, which is the byte 0x01 in the blob, as a number. */
const char *world_with_uid(const struct world *world, const char *path);

/* ---- world_view.c, place_view.c ---- */

/* Where a look-up in the view ends. */
struct view_spot {
	uint32_t node;
	mode_t mode;
};
/* Takes the mounts of the blob; the descriptors of its slots, or negative numbers. */
void view_open(struct world *world, const int *slots);
/* 0 or an errno. rule_paths: canonical, by index of the rule, for those that are anchored there. */
int view_bind_rule(struct world *world, uint32_t index, const char **rule_paths, struct view_spot *spot);
/* The command's name for a path of the host, as in the policy's rules; NULL: the view does not show it. */
const char *view_name(const struct world *world, const char *path, char out[2 * K_PATH_MAX]);
/* From the root, the new root, or a canonical path `base`; 0 or an errno. canonical: 2 * K_PATH_MAX bytes. */
int view_look_up(struct world *world, bool in_root, const char *base, const char *path, bool links, char *canonical,
		 struct view_spot *out);
/* Textual: the mounts as texts; for what they permit, as nothing is looked up. */
void view_open_texts(struct world *world);
/* The mount that covers a text, its number from 1; 0: none. */
uint32_t view_tag_of(const struct world *world, const char *text);
/* The name under which a bind shows what the text names; NULL: it does not. */
const char *view_bound_text(const struct world *world, const struct view_mount *mount, const char *text,
			    char out[2 * K_PATH_MAX]);
void place_find_in_view(struct world *world, struct place *place, const char *path, unsigned flags);

/* ---- place.c ---- */

void place_push(struct place *place, uint32_t node);
void place_set_text(struct place *place, const char *text);

/* Paths of operations to nodes. Until place_done(). */
void place_find(struct world *world, struct place *place, const char *path, unsigned flags);
void place_done(struct place *place);
/* May the calling user do this (R_OK, W_OK, X_OK) to the object, or to its directory; 0 or an errno. */
int place_access(const struct place *place, int mode);
int place_dir_access(const struct place *place, int mode);
/* May the object get another name: fs/namei.c, may_linkat(); 0 or EPERM. */
int place_link_access(const struct place *place);
/* The object: a descriptor or -1, and a name to go with it, which is "" for the descriptor itself. */
int place_object(const struct place *place, const char **name);
/* A mount shows its file system from the root on, not a part of it as bind mounts do. */
bool place_is_whole(const struct place *place);
/* The object for reading, or -1. */
int place_open(const struct place *place);
/* A directory with entries. */
bool place_holds_entries(const struct place *place);

/* ---- decide_landlock.c ---- */

extern const struct node_row {
	const char *word;
	mode_t type;
	uint64_t right;
} node_rows[NODE_IDS];

/* The rights of a class that are denied still, by layer: is_access_to_paths_allowed()'s masks, turned round. */
struct masks {
	uint64_t denied[K_LANDLOCK_MAX_LAYERS];
};

struct asking {
	struct world *world;
	unsigned abi;
	uint32_t plan;
	enum arch_id arch;
	const struct operation *op;
	struct decision *out;
	bool refused; /* by the policy: nothing more is asked */
	bool unnotified; /* the call that the filter was asked about last does not reach the broker */
};

struct decision_step *step_add(struct asking *a, enum decider by, const char *call);
/* Each returns false when the policy refuses. */
bool ask_object(struct asking *a, const struct place *place, uint64_t rights, const char *call);
bool ask_directory(struct asking *a, const struct place *place, uint64_t rights, const char *call);
bool ask_refer(struct asking *a, const struct place *from, const struct place *to, bool removable, bool exchange,
	       const char *call);
bool ask_port(struct asking *a, uint64_t right, const char *call);
bool ask_scope(struct asking *a, uint64_t scope, const char *call);
bool ask_mount(struct asking *a, const char *call);

/* ---- decide_broker.c ---- */

void broker_bind(struct world *world);
/* Does the broker do it? Then a step says so, and Landlock is not asked. */
bool broker_opens(struct asking *a, const struct place *place, int mode, const char *call);
bool broker_creates(struct asking *a, const struct place *place, const char *call);
bool broker_truncates(struct asking *a, const struct place *place, const char *call);
bool broker_changes(struct asking *a, const struct place *place, const char *call);
/* MOVE_WITHIN a scratch tree; MOVE_OUT: into an export, as a copy, or refused, and the step says how that ends. */
enum broker_move { MOVE_NOT, MOVE_WITHIN, MOVE_OUT };
enum broker_move broker_moves(struct asking *a, const struct place *from, const struct place *to, const char *call);

/*
 * An exception whose name is the path, and that grants the rights, but to what had the name when the world was opened:
 * llrund knows a file by that, and it was replaced, or made, since. NULL: none. For worlds that are as old as the run
 * they tell of, as trace's is: what was refused then needs no rule, but a new run.
 */
const struct llpb_broker *broker_outlived(const struct world *world, const char *path, uint64_t rights);

/* The first exception of the kind that holds what the step is about, as a rule would; NULL for the first at all. */
const struct exception *exception_holds(const struct world *world, uint32_t kind, const struct decision_step *step);

/* ---- decide_filter.c ---- */

/* A call with all arguments known; the first of names that the architecture has. */
struct call_form {
	const char *name;
	uint64_t args[6];
};
bool ask_filter(struct asking *a, const struct call_form *forms, size_t nforms, const char **call);
/* OP_SYSCALL. */
bool ask_syscall(struct asking *a);
/* Whether there is a filter for this plan and architecture, or none is needed. */
bool filter_exists(const struct asking *a);
/* Is there a companion filter in this plan that closes the call, or forms of it? */
bool companion_may_close(const struct blob *blob, uint32_t plan, const char *call);

#endif
