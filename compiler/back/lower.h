/* SPDX-License-Identifier: MIT */
/*
 * The policy made ready for the blob: everything decided, nothing encoded. Flow: lower.c (rules, ports, slots) →
 * plan.c (one row per Landlock ABI, guarantees and what covers them) → companion.c (filters) → blob_write.c (bytes).
 * All memory belongs to the arena of the compilation.
 */
#ifndef COMPILER_LOWER_H
#define COMPILER_LOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "filter.h"
#include "llpb.h"
#include "policy.h"

struct low_path {
	const char *path; /* what to open, relative to the anchor */
	const char *rest; /* canonical path within its root (slot or /) */
	const char *shown;
	struct srcpos pos;
	const char *programs; /* of [command], that need it; NULL: the policy itself names it */
	uint64_t access;
	uint32_t layer;
	uint32_t anchor, base, flags; /* as in struct llpb_path */
	int slot; /* index in lowered.slots, or -1 */
	bool in_root; /* beneath the new root, or itself */
	bool implied; /* refer is granted to undo the kernel's implicit refusal, not because the policy asks */
};

/* What the policy itself asks for. */
static inline uint64_t asked_rights(const struct low_path *path)
{
	return path->access & ~(path->implied ? FS_RIGHT(refer) : 0);
}

/* What the filter of a plan must close because Landlock cannot on that ABI: bits. */
enum need {
	NEED_POLICY = 1 << 0, /* [seccomp] */
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) NEED_##id = 2 << COMPANION_##id,
#include "companions.def"
};

struct low_plan {
	struct k_landlock_ruleset_attr attr[K_LANDLOCK_MAX_LAYERS];
	uint32_t attr_size, restrict_flags, flags;
	uint32_t group; /* or LLPB_NONE */
	unsigned needs;
};

struct low_guarantee {
	enum guarantee id;
	struct srcpos pos;
	bool firm;
	uint8_t mechanism[LLPB_PLAN_MAX];
};

/* A record of the mount program; strings are never NULL. */
struct low_mount {
	enum llpb_mount_kind kind;
	uint32_t flags, attrs, spaces;
	int source_slot, target_slot; /* index in lowered.slots, or -1 */
	const char *source, *target, *shown_source, *shown_target, *size, *inodes, *mode;
	const char *key; /* the target's path: parents first */
	struct srcpos pos;
};

struct low_loss {
	const char *text;
	uint32_t first, last;
};

struct low_filter {
	enum arch_id arch;
	uint32_t group;
	struct bpf_program program;
};

/* A record of the broker table. */
struct low_exception {
	uint32_t kind, flags, attrs; /* as in struct llpb_broker */
	const char *path, *shown, *source, *type;
	struct srcpos pos;
	int slot; /* index in lowered.slots, or -1 */
};

struct lowered {
	const struct policy *policy;
	uint32_t nlayers;
	struct low_path *paths;
	size_t npaths, nrules_written; /* after and before merging */
	struct policy_port *ports; /* merged, ascending */
	size_t nports;
	const struct policy_slot **slots; /* the used ones, by name */
	size_t nslots;
	bool *slot_follows; /* links in its value are followed */
	bool brokered; /* LLPB_F_BROKER */
	struct low_exception *exceptions; /* sorted, merged */
	size_t nexceptions;
	struct low_mount *mounts; /* the view first; none when the policy needs none */
	size_t nmounts;
	bool private_mounts; /* the broker mounts at run time */
	uint64_t drop_caps;
	struct low_plan plans[ABI_ROWS];
	struct low_guarantee guarantees[GUARANTEES];
	size_t nguarantees;
	struct low_loss losses[16];
	size_t nlosses;
	unsigned wanted; /* needs before the policy's refusals */
	struct low_filter *filters;
	size_t nfilters;
	unsigned ngroups;
	unsigned group_needs[ABI_ROWS];
	bool exit_1; /* LLPB_PROC_EXIT_1 */
	unsigned min_abi; /* lowest plan that is not refused */
	unsigned covered_abi; /* lowest ABI on which every firm guarantee is covered; ABI_ROWS: none */
};

struct lower_options {
	const enum arch_id *arches;
	size_t narches;
};

/*
 * NULL after errors were reported (limits, min_abi, unsupported tables); *cannot_enforce is set when the only fault
 * is that the policy promises what its min_abi cannot keep (exit status 3).
 */
struct lowered *lower_policy(struct arena *arena, struct diag *diag, const struct policy *policy,
			     const struct lower_options *options, bool *cannot_enforce);

/* broker.c: the exceptions, after the path rules. False after a report. */
bool lower_broker(struct arena *arena, struct diag *diag, struct lowered *low);
/* broker.c: the program that sends calls to the broker, beside the policy's filter. NULL, or why it cannot be built. */
const char *notify_filter(struct arena *arena, const struct lowered *low, const struct filter *policy,
			  struct bpf_program *program);
/* broker.c: in the policy's own program such calls pass: the notify program is the one with a listener. */
void notify_strip(struct filter *filter);
/* view.c: namespaces, root, mounts. After the rules, which say what the command can write. */
void lower_view(struct arena *arena, struct lowered *low);
/* Is a path the new root or beneath it, or above it? Neither, without one. */
enum root_relation { ROOT_NONE, ROOT_WITHIN, ROOT_ABOVE };
enum root_relation root_relation(const struct policy *p, int slot, const char *rest);
/* The canonical spelling of a path, slots included: how it was written must not change a byte of the blob. */
const char *shown_path(struct arena *arena, const struct policy *p, int slot, const char *rest, bool uid);
/* Index in lowered.slots, or -1. */
int slot_index(const struct lowered *low, int policy_slot);
/* "/" sorts before every other byte, so that a directory is followed by what lies beneath it. */
int compare_paths(const char *a, const char *b);

/* plan.c: rulesets, guarantees, losses, needs, min_abi. */
bool plan_policy(struct diag *diag, struct lowered *low);
/* companion.c: the filters of every group and architecture. */
bool filter_policy(struct arena *arena, struct diag *diag, struct lowered *low, const struct lower_options *options);

struct sources;
/* blob_write.c: the bytes. strip leaves out file names, lines and the digest of the source. */
uint8_t *blob_write(struct arena *arena, struct diag *diag, const struct sources *sources, const struct lowered *low,
		    bool strip, size_t *size);

#endif
