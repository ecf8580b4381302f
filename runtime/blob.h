/* SPDX-License-Identifier: MIT */
/*
 * The reader of compiled policies. blob_open() verifies everything once; afterwards every pointer here is in
 * bounds, every index valid, every string terminated, and nothing can fail. No allocation, no libc symbol.
 */
#ifndef RUNTIME_BLOB_H
#define RUNTIME_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "llpb.h"

struct blob {
	const struct llpb_header *header;
	const struct llpb_plan *plans;
	uint32_t nplans;
	const struct k_landlock_ruleset_attr *rulesets; /* [plan * nlayers + layer] */
	uint32_t nlayers;
	const struct llpb_path *paths;
	uint32_t npaths;
	const struct llpb_port *ports;
	uint32_t nports;
	const struct llpb_slot *slots;
	uint32_t nslots;
	const struct llpb_filter *filters;
	uint32_t nfilters;
	const struct k_sock_filter *insns;
	uint32_t ninsns;
	const struct llpb_env *env;
	uint32_t nenv;
	const struct llpb_process *process;
	const struct llpb_guarantee *guarantees;
	uint32_t nguarantees;
	const struct llpb_loss *losses;
	uint32_t nlosses;
	const struct llpb_source *source; /* npaths + nports + nslots + nmounts records, or NULL */
	const struct llpb_mount *mounts; /* the first is the view; none without LLPB_F_MOUNTS */
	uint32_t nmounts;
	const struct llpb_meta *meta;
	const struct llpb_broker *broker;
	uint32_t nbroker;
	const char *strings;
	uint32_t strings_size;
};

/*
 * Verify `size` bytes at `data` (8-aligned, private to the caller: a mapping that others can change is not) and fill
 * *blob. Returns NULL, or a static one-line reason, e.g. "not a policy blob (bad magic)", "damaged (checksum)",
 * "written by a newer compiler", "section paths: out of bounds". Linear in size, allocation-free, safe on any bytes.
 */
const char *blob_open(struct blob *blob, const void *data, size_t size);

/* blob_mounts.c: what spans the fields of a mount, for blob_open(). */
int mount_ok(const struct blob *blob, uint32_t i);

/* Does the view have a root of its own? */
static inline int blob_has_root(const struct blob *blob)
{
	return blob->nmounts && (blob->strings[blob->mounts->source] || blob->mounts->source_slot != LLPB_NONE);
}

/* A string of the blob by offset; never NULL. */
static inline const char *blob_str(const struct blob *blob, uint32_t off)
{
	return blob->strings + off;
}

/* The program for an architecture and plan, or NULL when the plan has none; *missing is set to 1 when the plan has a
 * filter group but no program for this architecture. */
const struct llpb_filter *blob_filter(const struct blob *blob, uint32_t plan, uint32_t audit_arch, int *missing);

/* Does the policy need llrund? */
static inline int blob_brokered(const struct blob *blob)
{
	return (blob->header->features & LLPB_F_BROKER) != 0;
}
/*
 * blob_broker.c: is record i of the broker table well-formed? For blob_open(). Not linked into llrun, where it is NULL:
 * llrun hands such a blob to llrund, which verifies it, and itself reads no record of that table.
 */
__attribute__((weak)) int broker_ok(const struct blob *blob, uint32_t i);
/* blob_broker.c: the program that sends calls to the broker on this architecture, or NULL. */
const struct llpb_filter *blob_notify(const struct blob *blob, uint32_t audit_arch);

#endif
