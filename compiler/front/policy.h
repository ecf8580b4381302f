/* SPDX-License-Identifier: MIT */
/*
 * The typed policy: what the TOML tree means, with the position of everything. Made by policy_read(), judged by
 * checks.c, lowered by back/lower.c. All memory belongs to the arena of the compilation.
 */
#ifndef COMPILER_POLICY_H
#define COMPILER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "llpb.h"
#include "toml.h"

struct arena;
struct cond;
struct diag;
struct sources;

enum path_group { GROUP_RO, GROUP_ROX, GROUP_RW, GROUP_RWX, GROUP_UNIX, GROUP_EXACT, GROUP_BUNDLE, GROUP_LOCK };

/* Built-in slots; user slots follow in policy.slots. */
struct policy_slot {
	const char *name;
	struct srcpos pos;
	bool builtin; /* CWD, HOME, TMPDIR: entered when used */
	bool dir; /* else: a file */
	enum { SLOT_FROM_ARG, SLOT_FROM_ENV, SLOT_FROM_CWD } from;
	const char *variable; /* SLOT_FROM_ENV */
	const char *fallback; /* or NULL */
	bool allow_root, optional, follow;
	const char *fixed; /* -D NAME=VALUE, or NULL */
	bool used;
};

struct policy_rule {
	const char *path; /* as written, slots not expanded; for a bundle the bundle's path */
	struct srcpos pos; /* of the path (or of the bundle's name) */
	struct srcpos access_pos; /* of the list of rights; else that of the path */
	enum path_group group;
	const char *bundle; /* GROUP_BUNDLE */
	const char *programs; /* GROUP_LOCK: which of the command's programs need the file, e.g. "curl, git" */
	uint64_t access; /* all rights asked for; directory-only ones are dropped on files */
	bool optional, follow;
	int slot; /* index in policy.slots the path begins with, or -1 */
	const char *rest; /* canonical path: absolute, or relative to the slot ("" the slot itself) */
	bool uid; /* rest contains ${UID}, written there as the byte 0x01 */
};

struct policy_layer {
	struct srcpos pos;
	bool plain; /* from [fs] */
	uint64_t handled; /* [fs]: everything but `unrestricted`; [[fs_layer]]: the list */
	struct srcpos handled_pos;
	bool names_refer; /* the policy itself speaks of refer in this layer */
	struct policy_rule *rules;
	size_t nrules, rules_cap;
};

/* A path outside the rules: of a mount, a root. */
struct policy_place {
	const char *path; /* as written; NULL: none */
	struct srcpos pos;
	int slot; /* as in a rule */
	const char *rest;
	bool uid;
};

enum mount_kind { MOUNT_TMPFS, MOUNT_BIND, MOUNT_PROC };

struct policy_mount {
	enum mount_kind kind;
	struct policy_place source, target; /* source: of a bind */
	uint32_t attrs; /* K_MOUNT_ATTR_* */
	const char *size, *inodes, *mode; /* of a tmpfs, as the kernel takes them; NULL: its default */
	bool create, optional, follow;
};

struct policy_port {
	uint16_t port;
	uint64_t access; /* NET_RIGHT() bits */
	struct srcpos pos;
};

struct policy_name {
	const char *text;
	struct srcpos pos;
	const char *group; /* of system calls: the group that brought it, or NULL */
};

struct policy_action {
	bool given;
	uint32_t value; /* K_SECCOMP_RET_* | data */
	struct srcpos pos;
};

/* What a brokered run needs before anything is answered: no rule may notify it. */
#define HANDOVER_CALL "sendmsg"

/* [[seccomp.rule]] */
struct policy_call_rule {
	struct srcpos pos;
	struct policy_name *calls;
	size_t ncalls;
	struct policy_action action;
	const struct cond *when; /* or NULL: always */
	struct srcpos when_pos;
	unsigned arches; /* bits of enum arch_id */
	bool override; /* stands before all that do not; they may speak of its calls, in vain */
};

/* [companions] */
struct policy_companion {
	bool said, value;
	struct srcpos pos;
};

/* What the broker may do: a record of the broker table. */
struct policy_exception {
	struct policy_rule place; /* path, slot, rest, uid, optional and positions; not its rights */
	uint32_t kind; /* enum llpb_broker_kind */
	uint32_t flags; /* LLPB_B_* but OPTIONAL, UID and NOFOLLOW */
	const char *source, *type; /* "" when the kind has none */
	uint32_t attrs; /* MOUNT_ATTR_* */
};

struct policy_weight {
	const char *call;
	uint32_t weight;
};

/* [[test]] */
struct policy_test {
	struct srcpos pos, op_pos;
	const char *op, *path, *to, *syscall; /* as written, or NULL */
	int port; /* -1: none */
	bool allow;
	uint16_t err; /* 0: any */
	uint32_t abis; /* bit n: ABI n; 0: all */
	unsigned arches; /* bits of enum arch_id */
};

struct policy {
	struct toml_value *root; /* includes merged */
	uint32_t file; /* the main source */
	uint32_t *files; /* it, and all that was read for it, in the order of reading */
	size_t nfiles, files_cap;
	const char *source_path; /* its name as given; NULL, "-" or "<…>" when it is not a file */
	const char *blob_path; /* where compile writes, or NULL; not read by policy_read() */
	const char *name; /* or NULL */
	bool strict;
	int min_abi; /* -1: computed */
	bool min_abi_rises; /* to what the guarantees need: of a blob read back, which does not tell a stated one */
	struct srcpos min_abi_pos;

	bool has_fs, fs_unrestricted;
	struct srcpos fs_pos;
	bool has_unix; /* the key is present, even when empty */
	struct srcpos unix_pos;
	struct policy_layer *layers; /* [fs] first when present, then [[fs_layer]] in order */
	size_t nlayers, layers_cap;

	bool has_net, net_unrestricted, net_plain;
	struct srcpos net_pos;
	uint64_t net_handled; /* TCP rights only; UDP is `udp_deny` */
	bool udp_deny, has_udp;
	struct srcpos udp_pos;
	struct policy_port *ports;
	size_t nports, ports_cap;

	bool has_scope, scope_unrestricted;
	struct srcpos scope_pos;
	uint64_t scoped; /* SCOPE_RIGHT() bits */

	bool has_seccomp;
	struct srcpos seccomp_pos;
	struct policy_name *deny;
	size_t ndeny;
	uint16_t deny_errno;
	struct srcpos errno_pos;
	struct policy_action default_action, foreign_action, x32_action, newer_action; /* filled in, given or not */
	struct policy_name *allow, *log;
	size_t nallow, nlog;
	struct policy_call_rule *calls; /* in order: the first that holds decides */
	size_t ncalls, calls_cap;
	struct policy_weight *weights; /* how often calls are made, as far as the policy says */
	size_t nweights, weights_cap;

	struct policy_companion companions[COMPANIONS]; /* by enum llpb_companion */
	bool has_command;
	struct srcpos command_pos;
	const char *program; /* has_command: never NULL */
	const char **dependencies; /* sorted, each once */
	size_t ndependencies;
	const char *lock_path; /* of the lock that was read, or NULL */

	bool has_env;
	struct srcpos env_pos;
	struct policy_name *env_pass;
	size_t nenv_pass;
	struct policy_name *env_set; /* NAME=VALUE */
	size_t nenv_set;

	bool has_process;
	struct srcpos process_pos;
	uint64_t drop_caps;
	bool has_drop_caps; /* the key is present */
	bool close_fds, new_session;
	int *keep_fds;
	size_t nkeep_fds;
	int umask; /* -1: inherited */

	bool has_audit;
	struct srcpos audit_pos;
	uint32_t log_flags; /* LOG_FLAG() bits */

	bool has_mount, has_runtime;
	struct srcpos mount_pos, runtime_pos;
	struct policy_mount *mounts; /* in the order of the policy */
	size_t nmounts, mounts_cap;
	bool has_root, root_read_only, as_root;
	struct policy_place new_root;
	const char *cwd; /* canonical, absolute; or NULL */
	struct srcpos cwd_pos;
	uint32_t isolate; /* K_CLONE_NEW*: runtime.isolate, and net.isolate */
	struct srcpos isolate_pos; /* of net.isolate */

	bool has_broker;
	struct srcpos broker_pos;
	struct policy_exception *exceptions; /* the brokered ones; in the order of the document */
	size_t nexceptions, exceptions_cap;

	struct policy_slot *slots;
	size_t nslots, slots_cap;

	struct policy_test *tests; /* no part of what is enforced */
	size_t ntests, tests_cap;
};

struct policy_define {
	const char *name;
	const char *value;
};

struct policy_options {
	const struct policy_define *defines; /* -D */
	size_t ndefines;
	const char *lock; /* where the closure of [command] is; NULL: beside the policy */
	bool without_lock; /* [command] is read, its closure is not: for those who look for it */
};

/*
 * From a parsed document. Returns NULL after errors (all of them reported to diag). What the document says is
 * complete and typed afterwards: names are resolved to bits, paths canonical, defaults filled in. The checks have
 * not run.
 */
struct policy *policy_read(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file,
			   struct toml_value *root, const struct policy_options *options);

/* Does the place lie beneath the path? Lexical. */
bool place_beneath(const struct policy_place *place, int slot, const char *rest);

/* Is the rule's path `dir`'s, or beneath it, as both are written? Lexical. */
bool rule_within(const struct policy_rule *rule, const struct policy_rule *dir);

/* Rights of a group on a directory; on a file, intersect with FS_FILE_RIGHTS. */
uint64_t path_group_rights(enum path_group group);

/* Run every check on a policy that was read without errors (checks.c). */
void checks_run(struct arena *arena, struct diag *diag, const struct policy *policy);

#endif
