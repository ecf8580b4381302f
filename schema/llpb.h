/* SPDX-License-Identifier: MIT */
/*
 * LLPB, the compiled policy. This header is the format; docs/blob-format.md explains it in prose.
 *
 * Written by compiler/back/blob_write.c (the only writer), read through runtime/blob.c (the only reader; llrun,
 * llrund, dump, doctor, the tests and the fuzzers all use it). tests/mkblob.c is a second, independent encoder.
 *
 * Little-endian, 8-aligned, offsets from the first byte of the file, no pointers. Every section is an extent;
 * sections do not overlap, appear in the order of enum llpb_section, and the gaps between them (and between the
 * strings and the end) are zero, fewer than 8 bytes each. The file ends with the last section, padded to 8.
 * Reserved fields are zero, and the reader checks that.
 */
/* clang-format off: comments stand in columns */
#ifndef SCHEMA_LLPB_H
#define SCHEMA_LLPB_H

#include <stdint.h>

#include "kernel_abi.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "LLPB is read in place: little-endian hosts only"
#endif

/* The high bit, CR LF, ^Z: damage by text-mode transfers is recognised (the PNG idea). */
#define LLPB_MAGIC      "\x89LPB\r\n\x1a\n"
#define LLPB_MAGIC_WORD UINT64_C(0x0a1a0a0d42504c89)
/* version: what wrote it. last_compat: the oldest reader that may read it. A reader of version R accepts a blob
 * when last_compat <= R. */
#define LLPB_VERSION     1
#define LLPB_LAST_COMPAT 1

#define LLPB_MAX_SIZE    (16u << 20)
#define LLPB_MAX_PATHS   65536
#define LLPB_MAX_PORTS   65536
#define LLPB_MAX_SLOTS   64
#define LLPB_MAX_ENV     4096
#define LLPB_MAX_FILTERS 128
#define LLPB_MAX_NOTES   256 /* guarantees, losses */
#define LLPB_MAX_BROKER  4096
#define LLPB_MAX_MOUNTS  256 /* the view included */
#define LLPB_PLAN_MAX    16
#define LLPB_NONE        UINT32_MAX

struct llpb_extent {
	uint32_t off; /* bytes from the start of the file, multiple of 8 */
	uint32_t size; /* bytes, without padding */
};

enum llpb_section {
	LLPB_S_PLANS, /* struct llpb_plan[], one per Landlock ABI, index = ABI; 1 to LLPB_PLAN_MAX */
	LLPB_S_RULESETS, /* struct k_landlock_ruleset_attr[nplans * nlayers]: plan-major */
	LLPB_S_PATHS, /* struct llpb_path[], in the order they are added */
	LLPB_S_PORTS, /* struct llpb_port[] */
	LLPB_S_SLOTS, /* struct llpb_slot[] */
	LLPB_S_FILTERS, /* struct llpb_filter[], at most one per (architecture, group) */
	LLPB_S_INSNS, /* struct k_sock_filter[], all programs */
	LLPB_S_ENV, /* struct llpb_env[] */
	LLPB_S_PROCESS, /* struct llpb_process, exactly one */
	LLPB_S_GUARANTEES, /* struct llpb_guarantee[]: the coverage matrix */
	LLPB_S_LOSSES, /* struct llpb_loss[]: notes on what the workload loses on old kernels */
	LLPB_S_SOURCE, /* struct llpb_source[]: per path, port, slot, mount in that order; or empty (stripped) */
	LLPB_S_META, /* struct llpb_meta, exactly one */
	LLPB_S_MOUNTS, /* struct llpb_mount[], the first of them the view; empty without LLPB_F_MOUNTS */
	LLPB_S_BROKER, /* struct llpb_broker[]: what llrund may do for the command; with LLPB_F_BROKER only */
	LLPB_S_STRINGS, /* NUL-terminated strings; first and last byte are NUL, so offset 0 is "" */
	LLPB_SECTIONS
};

/* Incompatible features: a reader refuses a blob with a bit it does not know. */
#define LLPB_F_MOUNTS (1u << 0) /* namespaces, mounts, a new root or working directory: LLPB_S_MOUNTS */
#define LLPB_F_BROKER (1u << 1) /* the run needs llrund: broker records, notify programs */
#define LLPB_F_KNOWN  (LLPB_F_MOUNTS | LLPB_F_BROKER) /* what runtime/blob.c of this version understands */

struct llpb_header {
	uint8_t magic[8];
	uint16_t version;
	uint16_t last_compat;
	uint32_t header_size; /* sizeof(struct llpb_header) of the writer; >= the reader's */
	uint32_t total_size; /* bytes; equals the size of the file; multiple of 8 */
	uint32_t features; /* LLPB_F_* */
	uint64_t checksum; /* llpb_checksum() of the whole file with this field zero */
	uint32_t nlayers; /* rulesets per plan, 0 to K_LANDLOCK_MAX_LAYERS */
	uint32_t reserved;
	struct llpb_extent section[LLPB_SECTIONS];
};
_Static_assert(sizeof(struct llpb_header) == 40 + 8 * LLPB_SECTIONS, "no hidden padding");

/* Plan: what to do on one Landlock ABI. All decisions of the compiler; the launcher only indexes. */
#define LLPB_PLAN_REFUSE (1u << 0) /* strict: a firm guarantee is uncovered; or the ABI is below min_abi */

/* The companion filters that the programs of filter_group hold: bit LLPB_COMPANION_SHIFT + the row's place. */
enum llpb_companion {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) COMPANION_##id,
#include "companions.def"
	COMPANIONS
};
#define LLPB_COMPANION_SHIFT 8
#define LLPB_COMPANION(id)   (1u << (LLPB_COMPANION_SHIFT + (id)))
#define LLPB_COMPANION_KNOWN (((1u << COMPANIONS) - 1) << LLPB_COMPANION_SHIFT)
#define LLPB_PLAN_KNOWN      (LLPB_PLAN_REFUSE | LLPB_COMPANION_KNOWN)

struct llpb_plan {
	uint32_t attr_size; /* bytes of struct k_landlock_ruleset_attr to hand to the kernel */
	uint32_t restrict_flags; /* landlock_restrict_self() flags, for every layer */
	uint32_t filter_group; /* which filters apply: struct llpb_filter.group, or LLPB_NONE */
	uint32_t flags; /* LLPB_PLAN_*, LLPB_COMPANION() */
};
_Static_assert(sizeof(struct llpb_plan) == 16, "layout");

/* Where the lookup of a path starts. */
enum llpb_anchor {
	LLPB_ANCHOR_NONE, /* path is absolute: openat(AT_FDCWD, path) */
	LLPB_ANCHOR_SLOT, /* path is relative to slot[base]; "" is the slot itself */
	LLPB_ANCHOR_RULE, /* path is relative to the descriptor of paths[base], base < this index */
	LLPB_ANCHOR_ROOT, /* path is relative to the new root, and its links stay in there; "" is the root itself */
	LLPB_ANCHORS
};

#define LLPB_P_OPTIONAL (1u << 0) /* ENOENT and ENOTDIR skip the rule */
#define LLPB_P_FOLLOW   (1u << 1) /* an anchored lookup may follow symlinks and leave its anchor */
#define LLPB_P_KEEP     (1u << 2) /* a later rule is anchored here: keep the descriptor */
#define LLPB_P_UID      (1u << 3) /* the byte 0x01 in path stands for the decimal real uid */
#define LLPB_P_KNOWN    0xfu

struct llpb_path {
	uint64_t dir_access; /* tried first, masked by the plan's handled rights */
	uint64_t file_access; /* tried when the kernel answers EINVAL to dir_access; subset of FS_FILE_RIGHTS */
	uint32_t path; /* string */
	uint32_t layer;
	uint32_t anchor; /* enum llpb_anchor */
	uint32_t base; /* slot or path index, or LLPB_NONE */
	uint32_t flags; /* LLPB_P_* */
	uint32_t shown; /* string: the canonical path, slots as ${NAME}, for messages */
};
_Static_assert(sizeof(struct llpb_path) == 40, "layout");

struct llpb_port {
	struct k_landlock_net_port_attr attr; /* masked by the plan's handled rights */
	uint32_t layer;
	uint32_t reserved;
};
_Static_assert(sizeof(struct llpb_port) == 24, "layout");

/* Slot: a late-bound directory or file. */
enum llpb_slot_from {
	LLPB_SLOT_ARG, /* llrun --set NAME=PATH */
	LLPB_SLOT_ENV, /* environment variable `variable` */
	LLPB_SLOT_CWD, /* the current directory of the caller */
	LLPB_SLOT_FROMS
};
#define LLPB_SLOT_DIR        (1u << 0) /* must be a directory */
#define LLPB_SLOT_FILE       (1u << 1) /* must not be a directory */
#define LLPB_SLOT_ALLOW_ROOT (1u << 2) /* may be the root directory */
#define LLPB_SLOT_OPTIONAL   (1u << 3) /* ENOENT and ENOTDIR leave it unbound; its rules are then optional too */
#define LLPB_SLOT_FOLLOW     (1u << 4) /* symbolic links in the value are followed */
#define LLPB_SLOT_KNOWN      0x1fu

struct llpb_slot {
	uint32_t name; /* string, without ${} */
	uint32_t from; /* enum llpb_slot_from */
	uint32_t variable; /* string: environment variable for LLPB_SLOT_ENV, else "" */
	uint32_t fallback; /* string: default path when unset or empty, or "" for none */
	uint32_t flags; /* LLPB_SLOT_* */
	uint32_t reserved;
};
_Static_assert(sizeof(struct llpb_slot) == 24, "layout");

/* A BPF program for one architecture and plan group. */
struct llpb_filter {
	uint32_t arch; /* AUDIT_ARCH_* */
	uint32_t group;
	uint32_t first; /* index in LLPB_S_INSNS */
	uint32_t count; /* 1 to K_BPF_MAXINSNS */
	uint32_t converted; /* instructions after the kernel's conversion to eBPF, for stacking limits */
	uint32_t flags; /* seccomp(2) SET_MODE_FILTER flags; 0, or LLPB_NOTIFY_FLAGS */
};
_Static_assert(sizeof(struct llpb_filter) == 24, "layout");
/* The program whose USER_NOTIF answers reach the broker, on every plan: installed before the plan's own. */
#define LLPB_GROUP_NOTIFY 0xfffffffeu
#define LLPB_NOTIFY_FLAGS 0x28u /* SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */

/* Environment program. Absent (no records and no LLPB_PROC_ENV): inherit everything. */
enum llpb_env_op {
	LLPB_ENV_PASS, /* text is a variable's name */
	LLPB_ENV_PASS_PREFIX, /* text is a prefix; every variable that begins with it passes */
	LLPB_ENV_SET, /* text is NAME=VALUE, replaces a passed variable of that name */
	LLPB_ENV_OPS
};
struct llpb_env {
	uint32_t op;
	uint32_t text; /* string */
};

#define LLPB_PROC_ENV         (1u << 0) /* the environment program applies */
#define LLPB_PROC_CLOSE_FDS   (1u << 1) /* close every descriptor above 2 that is not kept */
#define LLPB_PROC_NEW_SESSION (1u << 2) /* setsid(2) */
#define LLPB_PROC_EXIT_1      (1u << 3) /* own failures exit 1 (runlock and landrun links), not 125/126/127 */
#define LLPB_PROC_UMASK       (1u << 4) /* set the umask */
#define LLPB_PROC_KNOWN       0x1fu
#define LLPB_MAX_KEEP         32

struct llpb_process {
	uint64_t drop_caps; /* bit n: capability n is dropped from permitted, effective and inheritable */
	uint32_t flags; /* LLPB_PROC_* */
	uint32_t umask; /* 0 to 0777, with LLPB_PROC_UMASK */
	uint32_t nkeep; /* used entries of keep, ascending */
	uint32_t reserved;
	uint32_t keep[LLPB_MAX_KEEP];
};
_Static_assert(sizeof(struct llpb_process) == 24 + 4 * LLPB_MAX_KEEP, "layout");

/* The coverage matrix: one record per guarantee the policy gives. */
enum llpb_mechanism {
	LLPB_M_NOT_COVERED,
	LLPB_M_LANDLOCK,
	LLPB_M_SECCOMP,
	LLPB_M_NAMESPACE,
	LLPB_M_BROKER,
	LLPB_MECHANISMS
};
#define LLPB_G_FIRM (1u << 0) /* uncovered: refuse in strict mode, print in best-effort */
struct llpb_guarantee {
	uint32_t name; /* string, e.g. "net.connect_tcp" */
	uint32_t text; /* string: what it means */
	uint32_t file; /* string: where the policy asks for it; "" when stripped */
	uint32_t line; /* 0 when stripped */
	uint32_t flags; /* LLPB_G_* */
	uint32_t reserved;
	uint8_t mechanism[LLPB_PLAN_MAX]; /* enum llpb_mechanism per plan; 0 beyond the last plan */
};
_Static_assert(sizeof(struct llpb_guarantee) == 40, "layout");

/* Something the workload loses on old kernels: printed by --check and dump, never a refusal. */
struct llpb_loss {
	uint32_t text; /* string */
	uint32_t first; /* first and last plan (ABI) it is true of */
	uint32_t last;
	uint32_t reserved;
};

struct llpb_source {
	uint32_t file; /* string, a base name */
	uint32_t line; /* from 1 */
};

/*
 * What the broker does for the command, beyond what Landlock grants it. The objects are opened before the command
 * starts, in its root, and compared by descriptor afterwards.
 */
enum llpb_broker_kind {
	LLPB_B_READ, /* open for reading: a file or directory, or with TREE everything beneath */
	LLPB_B_WRITE, /* open in any mode */
	LLPB_B_SCRATCH, /* a tree: create, open, rename, link, remove */
	LLPB_B_EXPORT, /* a tree that receives copies of scratch files, by rename and link */
	LLPB_B_TMPFS, /* mount an empty tmpfs on path */
	LLPB_B_BIND, /* mount `source` on path */
	LLPB_B_OBJECT, /* attach a file system made by fsopen(`source`); one record per place, in order of the name */
	LLPB_B_KINDS
};

#define LLPB_B_TREE      (1u << 0) /* READ, WRITE: with everything beneath */
#define LLPB_B_CREATE    (1u << 1) /* WRITE: files that do not exist are created */
#define LLPB_B_OVERWRITE (1u << 2) /* EXPORT: files that exist are replaced */
#define LLPB_B_OPTIONAL  (1u << 3) /* ENOENT and ENOTDIR drop the record */
#define LLPB_B_NOFOLLOW  (1u << 4) /* beneath something writable: no symlink on the way */
#define LLPB_B_UID       (1u << 5) /* the byte 0x01 in path stands for the decimal real uid */
#define LLPB_B_NO_READ   (1u << 6) /* WRITE, SCRATCH: not opened for reading */
#define LLPB_B_NO_WRITE  (1u << 7) /* SCRATCH: not opened for writing */
#define LLPB_B_READ_ONLY (1u << 8) /* BIND */
#define LLPB_B_NO_FD     (1u << 9) /* BIND: not through open_tree; OBJECT: not at all */

struct llpb_broker {
	uint32_t kind; /* enum llpb_broker_kind; the records are sorted by it */
	uint32_t flags; /* LLPB_B_* that the kind has */
	uint32_t path; /* string */
	uint32_t anchor; /* LLPB_ANCHOR_NONE or LLPB_ANCHOR_SLOT */
	uint32_t base; /* slot index, or LLPB_NONE */
	uint32_t attrs; /* OBJECT: MOUNT_ATTR_* that may be set */
	uint32_t source; /* string: BIND an absolute path, OBJECT its name; else "" */
	uint32_t type; /* string: OBJECT "tmpfs" or "proc"; else "" */
	uint32_t shown; /* string: path with slots as ${NAME}, for messages */
	uint32_t file; /* string: where the policy asks for it; "" when stripped */
	uint32_t line; /* 0 when stripped */
	uint32_t reserved;
};
_Static_assert(sizeof(struct llpb_broker) == 48, "layout");

/*
 * The view: namespaces, root and mounts, in the order in which they are made (a mount beneath another one after it).
 * Record 0 is LLPB_MT_VIEW, and there is no other of that kind. Sources are looked up before anything is mounted,
 * targets one after the other. What the caller asks of a path:
 *	absolute		target_slot LLPB_NONE, without LLPB_MT_IN_ROOT
 *	relative to a slot	target_slot an index; "" the slot itself
 *	relative to the root	LLPB_MT_IN_ROOT; "" the root itself
 * The byte 0x01 in source and target stands for the decimal real uid.
 */
enum llpb_mount_kind {
	LLPB_MT_VIEW, /* source: the new root, "" without a slot: none. target: the working directory in it, or "" */
	LLPB_MT_TMPFS, /* a new tmpfs at target; no source */
	LLPB_MT_BIND, /* source, with all that is mounted beneath it, at target */
	LLPB_MT_PROC, /* a new proc at target; no source; needs K_CLONE_NEWPID */
	LLPB_MT_KINDS
};
#define LLPB_MT_IN_ROOT       (1u << 0) /* target is relative to the new root */
#define LLPB_MT_CREATE        (1u << 1) /* a missing target is created, with the directories above it */
#define LLPB_MT_OPTIONAL      (1u << 2) /* ENOENT and ENOTDIR of the source skip the mount */
#define LLPB_MT_FOLLOW_SOURCE (1u << 3) /* symbolic links in source are followed */
#define LLPB_MT_FOLLOW_TARGET (1u << 4) /* symbolic links in target are followed */
#define LLPB_MT_AS_ROOT       (1u << 5) /* VIEW: user and group 0 in the user namespace, not the caller's numbers */
#define LLPB_MT_KNOWN         0x3fu
/* The namespaces that VIEW may ask for; with any of them, or AS_ROOT, a user namespace is made first. */
#define LLPB_MT_SPACES                                                                                               \
	(K_CLONE_NEWNS | K_CLONE_NEWPID | K_CLONE_NEWNET | K_CLONE_NEWIPC | K_CLONE_NEWUTS | K_CLONE_NEWCGROUP)
#define LLPB_MT_ATTRS (K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV | K_MOUNT_ATTR_NOEXEC)

struct llpb_mount {
	uint32_t kind; /* enum llpb_mount_kind */
	uint32_t flags; /* LLPB_MT_* */
	uint32_t attrs; /* LLPB_MT_ATTRS to set, with what is mounted beneath; those set already stay */
	uint32_t spaces; /* VIEW: LLPB_MT_SPACES */
	uint32_t source; /* string */
	uint32_t source_slot; /* or LLPB_NONE */
	uint32_t target; /* string */
	uint32_t target_slot; /* or LLPB_NONE */
	uint32_t shown_source; /* string: the canonical path, slots as ${NAME}, for messages; "" without source */
	uint32_t shown_target; /* string: the same, never "" but in VIEW */
	uint32_t size; /* string: the tmpfs option size, or "" */
	uint32_t inodes; /* string: the tmpfs option nr_inodes, or "" */
	uint32_t mode; /* string: the tmpfs option mode, or "" */
	uint32_t reserved;
};
_Static_assert(sizeof(struct llpb_mount) == 56, "layout");

#define LLPB_META_STRICT (1u << 0) /* compat = "strict" */
/* What the rulesets alone do not tell; dump --toml needs it to find the same source form again. */
#define LLPB_META_PLAIN_FS  (1u << 1) /* layer 0 comes from [fs]; else from the first [[fs_layer]], if any */
#define LLPB_META_PLAIN_NET (1u << 2) /* [net] has the plain keys, not landlockd's form */
/* LLPB_COMPANION() bits: the policy itself asks for the filter (then every plan has it) or refuses it (then none). */
#define LLPB_META_KNOWN (0x7u | LLPB_COMPANION_KNOWN)
struct llpb_meta {
	uint32_t name; /* string: policy.name, or "" */
	uint32_t compiler; /* string: "llc-policy 0.1.0" */
	uint32_t syscalls; /* string: kernel release of schema/syscalls.def */
	uint32_t source; /* string: base name of the policy file, or "" when stripped */
	uint32_t min_abi; /* lowest plan that is not refused */
	uint32_t flags; /* LLPB_META_* */
	uint8_t source_digest[32]; /* SHA-256 of the source and what it includes, as read; zero when stripped */
};
_Static_assert(sizeof(struct llpb_meta) == 56, "layout");

/*
 * Damage detection, not authentication. Word i goes to lane i mod 4, the lanes are folded at the end. Every step is a
 * bijection of the running value and of the word, so any change confined to one aligned 8-byte word changes the
 * result. Four lanes, because one is a chain of dependent multiplications. `skip` is the index of the word that counts
 * as zero (the checksum field itself).
 */
static inline uint64_t llpb_mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 29;
}

static inline uint64_t llpb_checksum(const uint64_t *words, uint64_t count, uint64_t skip)
{
	uint64_t a = UINT64_C(0x6c6c2d706f6c6963), b = a + 1, c = a + 2, d = a + 3, i = 0;

	for (; i + 4 <= count; i += 4) {
		a = llpb_mix(a, i == skip ? 0 : words[i]);
		b = llpb_mix(b, i + 1 == skip ? 0 : words[i + 1]);
		c = llpb_mix(c, i + 2 == skip ? 0 : words[i + 2]);
		d = llpb_mix(d, i + 3 == skip ? 0 : words[i + 3]);
	}
	if (i < count)
		a = llpb_mix(a, words[i]);
	if (i + 1 < count)
		b = llpb_mix(b, words[i + 1]);
	if (i + 2 < count)
		c = llpb_mix(c, words[i + 2]);
	return llpb_mix(llpb_mix(llpb_mix(llpb_mix(count, a), b), c), d);
}
#define LLPB_CHECKSUM_WORD 3 /* offsetof(struct llpb_header, checksum) / 8 */

#endif
