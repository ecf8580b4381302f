/* SPDX-License-Identifier: MIT */
/*
 * Inside of the checks: what a check is given, and the functions that checks.c runs in order. A function serves one
 * row of checks.def or several; it is called once per row, with the row's id.
 */
#ifndef COMPILER_CHECKS_H
#define COMPILER_CHECKS_H

#include <stdint.h>

#include "diag.h"
#include "policy.h"

struct path_node;
struct path_tree;

struct judge {
	struct arena *arena;
	struct diag *diag;
	const struct policy *policy;
	const struct path_tree *tree; /* NULL when there are too many layers: nothing about paths can hold then */
	struct srcpos top; /* where to report what the document lacks */
};

/* Position of [table] key, of the table when it has no such key, of the document's first key when there is no table. */
struct srcpos judge_key_pos(const struct judge *j, const char *table, const char *key);
/* Report, and say what to write instead (advice, one note without a position; NULL: nothing). */
void judge_say(const struct judge *j, enum check_id id, const struct srcpos *pos, const char *advice,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* "read_file, read_dir"; with quotes = "\"": "\"read_file\", \"read_dir\"". */
const char *judge_rights(const struct judge *j, uint64_t rights, const char *quotes);

/* checks.c: may the call pass [seccomp], on some architecture, with some arguments? */
bool may_pass(const struct policy *p, const char *name);

typedef void check_fn(struct judge *j, enum check_id id);

/* checks_fs.c: rules, layers */
check_fn check_path_duplicate, check_right_not_handled, check_no_effect, check_path_shadowed, check_nested_writable,
	check_right_needs_abi, check_dir_right_on_file, check_layer_conflict, check_exec_not_granted,
	check_loader_not_granted, check_no_dev_null, check_right_unhandled, check_unix_unrestricted,
	check_write_execute, check_loader_exec;
/* checks_broker.c: [broker] */
check_fn check_broker_overlap, check_broker_unreachable, check_broker_static;
/*
 * checks_mounts.c: what the policy's mounts make of a path, given as in struct path_node. The innermost mount at or above
 * it, or NULL; whether it is one of the host's still, and which (a bind is its source, what lies in a tmpfs or a proc of
 * the policy is nobody else's); and what of the rights the mount's attributes leave.
 */
const struct policy_mount *view_mount(const struct policy *p, int slot, const char *key);
bool view_source(const struct judge *j, int slot, const char *key, struct path_node *source);
uint64_t view_rights(const struct policy *p, int slot, const char *key, uint64_t rights);
/* Calls `told` for each name by which the command reaches a path of the host, until one says true. */
struct bound_name {
	int slot;
	const char *key;
	const struct policy_mount *bind; /* that the name leads through, or NULL */
};
bool view_names(const struct judge *j, int slot, const char *key,
		bool (*told)(void *data, const struct bound_name *name), void *data);

/* checks_mounts.c: rules and mounts together */
check_fn check_rule_hidden, check_mount_not_granted, check_mount_read_only;
/* checks_places.c: paths that mean something on every Linux */
check_fn check_grant_on_root, check_place, check_proc_self, check_git_hooks, check_writable_policy;

#endif
