/* SPDX-License-Identifier: MIT */
/*
 * The reader of compiled policies.
 *
 * MUST accept any bytes without reading outside them, in time linear in their number.
 * MUST verify every rule that schema/llpb.h states, so that no user of struct blob has to check anything.
 * MUST NOT allocate, print, or call anything outside this file: compiler, tests and fuzzers link it too.
 */
#include "blob.h"

#include "access.h"

/* What blob_open() says about a section. One row each: where it lies, how many records, how one is checked. */
#define EACH_SECTION(X)                                                                                           \
	X(PLANS, "plans", struct llpb_plan, 1, LLPB_PLAN_MAX, plan_ok)                                            \
	X(RULESETS, "rulesets", struct k_landlock_ruleset_attr, 0, LLPB_PLAN_MAX * K_LANDLOCK_MAX_LAYERS,         \
	  ruleset_ok)                                                                                             \
	X(PATHS, "paths", struct llpb_path, 0, LLPB_MAX_PATHS, path_ok)                                           \
	X(PORTS, "ports", struct llpb_port, 0, LLPB_MAX_PORTS, port_ok)                                           \
	X(SLOTS, "slots", struct llpb_slot, 0, LLPB_MAX_SLOTS, slot_ok)                                           \
	X(FILTERS, "filters", struct llpb_filter, 0, LLPB_MAX_FILTERS, filter_ok)                                 \
	X(INSNS, "instructions", struct k_sock_filter, 0, LLPB_MAX_SIZE / 8, any_ok)                              \
	X(ENV, "env", struct llpb_env, 0, LLPB_MAX_ENV, env_ok)                                                   \
	X(PROCESS, "process", struct llpb_process, 1, 1, process_ok)                                              \
	X(GUARANTEES, "guarantees", struct llpb_guarantee, 0, LLPB_MAX_NOTES, guarantee_ok)                       \
	X(LOSSES, "losses", struct llpb_loss, 0, LLPB_MAX_NOTES, loss_ok)                                         \
	X(SOURCE, "source", struct llpb_source, 0, LLPB_MAX_SIZE / 8, source_ok)                                  \
	X(META, "meta", struct llpb_meta, 1, 1, meta_ok)                                                          \
	X(MOUNTS, "mounts", uint64_t, 0, 0, any_ok)                                                               \
	X(BROKER, "broker", uint64_t, 0, 0, any_ok)                                                               \
	X(STRINGS, "strings", char, 1, LLPB_MAX_SIZE, any_ok)

static int string_ok(const struct blob *blob, uint32_t off)
{
	return off < blob->strings_size;
}

static int string_set(const struct blob *blob, uint32_t off)
{
	return string_ok(blob, off) && *blob_str(blob, off);
}

static int any_ok(const struct blob *blob, uint32_t i)
{
	(void)blob;
	(void)i;
	return 1;
}

/* Strict policies carry their refusals: a plan that leaves a firm guarantee open, or is below min_abi, refuses. */
static int plan_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_plan *plan = &blob->plans[i];
	uint32_t size = plan->attr_size;
	int must_refuse = i < blob->meta->min_abi;

	for (uint32_t g = 0; g < blob->nguarantees && blob->meta->flags & LLPB_META_STRICT; g++)
		must_refuse |= blob->guarantees[g].flags & LLPB_G_FIRM &&
			       blob->guarantees[g].mechanism[i] == LLPB_M_NOT_COVERED;
	if (plan->flags & ~LLPB_PLAN_REFUSE || plan->restrict_flags & ~abi_log_mask(i) ||
	    plan->flags < (must_refuse ? LLPB_PLAN_REFUSE : 0))
		return 0;
	if (i == blob->meta->min_abi && plan->flags)
		return 0;
	return i == 0 ? size == 0 : size == 8 || size == 16 || size == 24 || size == 48;
}

/* The kernel reads attr_size bytes: what lies beyond would be lost silently. */
static int ruleset_ok(const struct blob *blob, uint32_t i)
{
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[i];
	uint32_t level = i / blob->nlayers;
	uint32_t size = blob->plans[level].attr_size;
	int quiet = level >= 10;

	if ((attr->handled_access_fs && size < 8) || (attr->handled_access_net && size < 16) ||
	    (attr->scoped && size < 24) ||
	    ((attr->quiet_access_fs | attr->quiet_access_net | attr->quiet_scoped) && (size < 48 || !quiet)))
		return 0;
	return !(attr->handled_access_fs & ~abi_fs_mask(level)) && !(attr->handled_access_net & ~abi_net_mask(level)) &&
	       !(attr->scoped & ~abi_scope_mask(level)) && !(attr->quiet_access_fs & ~attr->handled_access_fs) &&
	       !(attr->quiet_access_net & ~attr->handled_access_net) && !(attr->quiet_scoped & ~attr->scoped);
}

static int path_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_path *path = &blob->paths[i];

	if (!string_ok(blob, path->path) || !string_set(blob, path->shown) || path->layer >= blob->nlayers ||
	    path->flags & ~LLPB_P_KNOWN || path->dir_access & ~abi_fs_mask(LLPB_PLAN_MAX) ||
	    path->file_access & ~FS_FILE_RIGHTS)
		return 0;
	if (path->anchor == LLPB_ANCHOR_NONE)
		return path->base == LLPB_NONE && *blob_str(blob, path->path) == '/';
	if (*blob_str(blob, path->path) == '/')
		return 0;
	if (path->anchor == LLPB_ANCHOR_SLOT)
		return path->base < blob->nslots;
	return path->anchor == LLPB_ANCHOR_RULE && path->base < i && blob->paths[path->base].flags & LLPB_P_KEEP;
}

static int port_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_port *port = &blob->ports[i];

	return port->attr.port <= 65535 && !(port->attr.allowed_access & ~abi_net_mask(LLPB_PLAN_MAX)) &&
	       port->layer < blob->nlayers && !port->reserved;
}

static int slot_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_slot *slot = &blob->slots[i];
	const uint32_t type = LLPB_SLOT_DIR | LLPB_SLOT_FILE;

	return string_set(blob, slot->name) && string_ok(blob, slot->variable) && string_ok(blob, slot->fallback) &&
	       slot->from < LLPB_SLOT_FROMS && string_set(blob, slot->variable) == (slot->from == LLPB_SLOT_ENV) &&
	       !(slot->flags & ~LLPB_SLOT_KNOWN) && (slot->flags & type) != type && !slot->reserved;
}

/* Jumps stay inside and the last instruction returns; the kernel checks the rest (kernel/seccomp.c). */
static int program_ok(const struct k_sock_filter *insn, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t left = count - i - 1;

		if (insn[i].code == K_BPF_JA ? insn[i].k >= left :
		    (insn[i].code & 7) == (K_BPF_JA & 7) && (insn[i].jt >= left || insn[i].jf >= left))
			return 0;
	}
	return insn[count - 1].code == K_BPF_RET_K;
}

/* A program begins by looking at the architecture: system call numbers mean nothing before that. */
static int filter_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_filter *filter = &blob->filters[i];
	const struct k_sock_filter *insn = blob->insns + (filter->first < blob->ninsns ? filter->first : 0);

	for (uint32_t k = 0; k < i; k++)
		if (blob->filters[k].arch == filter->arch && blob->filters[k].group == filter->group)
			return 0;
	if (filter->flags || filter->group == LLPB_NONE || filter->count < 3 || filter->count > K_BPF_MAXINSNS ||
	    filter->first > blob->ninsns || filter->count > blob->ninsns - filter->first)
		return 0;
	return insn[0].code == K_BPF_LD_W_ABS && insn[0].k == K_SECCOMP_DATA_ARCH && insn[1].code == K_BPF_JEQ_K &&
	       insn[1].k == filter->arch && program_ok(insn, filter->count);
}

static int env_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_env *env = &blob->env[i];
	const char *text = blob_str(blob, string_ok(blob, env->text) ? env->text : 0);
	const char *equals = text;

	while (*equals && *equals != '=')
		equals++;
	return string_ok(blob, env->text) && env->op < LLPB_ENV_OPS && blob->process->flags & LLPB_PROC_ENV &&
	       (*equals == '=') == (env->op == LLPB_ENV_SET) &&
	       (equals != text || env->op == LLPB_ENV_PASS_PREFIX);
}

static int process_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_process *process = &blob->process[i];
	uint32_t above = 2;

	if (process->flags & ~LLPB_PROC_KNOWN || process->nkeep > LLPB_MAX_KEEP || process->reserved ||
	    process->umask > (process->flags & LLPB_PROC_UMASK ? 0777u : 0u))
		return 0;
	for (uint32_t k = 0; k < LLPB_MAX_KEEP; k++) {
		if (k < process->nkeep ? process->keep[k] <= above || process->keep[k] > INT32_MAX : process->keep[k])
			return 0;
		above = process->keep[k];
	}
	return 1;
}

static int guarantee_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_guarantee *guarantee = &blob->guarantees[i];

	for (uint32_t k = 0; k < LLPB_PLAN_MAX; k++)
		if (guarantee->mechanism[k] >= (k < blob->nplans ? LLPB_MECHANISMS : 1))
			return 0;
	return string_set(blob, guarantee->name) && string_ok(blob, guarantee->text) &&
	       string_ok(blob, guarantee->file) && !(guarantee->flags & ~LLPB_G_FIRM) && !guarantee->reserved;
}

static int loss_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_loss *loss = &blob->losses[i];

	return string_set(blob, loss->text) && loss->first <= loss->last && loss->last < blob->nplans && !loss->reserved;
}

static int source_ok(const struct blob *blob, uint32_t i)
{
	return string_ok(blob, blob->source[i].file) && blob->source[i].line;
}

static int meta_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_meta *meta = &blob->meta[i];

	return string_ok(blob, meta->name) && string_ok(blob, meta->compiler) && string_ok(blob, meta->syscalls) &&
	       string_ok(blob, meta->source) && meta->min_abi <= blob->nplans && !(meta->flags & ~LLPB_META_KNOWN);
}

static const struct section {
	uint32_t record, min, max;
	int (*ok)(const struct blob *blob, uint32_t i);
	const char *extent, *count, *content;
} sections[LLPB_SECTIONS] = {
#define ROW(id, name, type, min, max, ok)                                                                         \
	[LLPB_S_##id] = { sizeof(type), min, max, ok, "section " name ": out of bounds or out of order",          \
			  "section " name ": wrong number of records", "section " name ": invalid record" },
	EACH_SECTION(ROW)
};

static int zeros(const unsigned char *bytes, uint32_t from, uint32_t to)
{
	while (from < to && !bytes[from])
		from++;
	return from == to;
}

/* Damage first, then what only a newer compiler would write: a flipped bit is not a missing feature. */
static const char *check_header(const struct llpb_header *header, size_t size)
{
	static const unsigned char magic[9] = LLPB_MAGIC;
	uint32_t same = 0;

	if (size < sizeof(*header))
		return "not a policy blob (too short)";
	while (same < 8 && header->magic[same] == magic[same])
		same++;
	if (same < 8)
		return same < 4 ? "not a policy blob (bad magic)" : "damaged (by a transfer in text mode)";
	if (header->last_compat > LLPB_VERSION)
		return "written by a newer compiler";
	if (header->last_compat == 0 || header->version < header->last_compat)
		return "damaged (version)";
	if (header->total_size != size || size % 8 || size > LLPB_MAX_SIZE)
		return "damaged (its size is not the one it states)";
	if (header->checksum != llpb_checksum((const void *)header, size / 8, LLPB_CHECKSUM_WORD))
		return "damaged (checksum)";
	if (header->features & ~LLPB_F_KNOWN)
		return "needs a feature that this version does not have";
	if (header->header_size < sizeof(*header) || header->header_size > size || header->header_size % 8 ||
	    (header->header_size > sizeof(*header) && header->version <= LLPB_VERSION))
		return "invalid header size";
	if (header->nlayers > K_LANDLOCK_MAX_LAYERS || header->reserved)
		return "invalid header";
	return NULL;
}

/* Each section begins where the one before ends, rounded up to 8. */
static const char *check_extents(const struct llpb_header *header)
{
	const unsigned char *bytes = (const void *)header;
	uint32_t end = header->header_size;

	for (uint32_t s = 0; s < LLPB_SECTIONS; s++) {
		const struct llpb_extent *extent = &header->section[s];
		uint32_t count = extent->size / sections[s].record;

		if (extent->off % 8 || extent->off < end || extent->off - end >= 8 ||
		    extent->off > header->total_size || extent->size > header->total_size - extent->off)
			return sections[s].extent;
		if (extent->size % sections[s].record || count < sections[s].min || count > sections[s].max)
			return sections[s].count;
		if (!zeros(bytes, end, extent->off))
			return "padding is not zero";
		end = extent->off + extent->size;
	}
	if (header->total_size - end >= 8 || !zeros(bytes, end, header->total_size))
		return "padding is not zero";
	return bytes[header->section[LLPB_S_STRINGS].off] || bytes[end - 1] ? "strings are not terminated" : NULL;
}

static void locate(struct blob *blob, const struct llpb_header *header)
{
	const char *base = (const char *)header;

#define AT(id) ((const void *)(base + header->section[id].off))
#define COUNT(id) (header->section[id].size / sections[id].record)
#define TAKE(field, id) (blob->field = AT(id), blob->n##field = COUNT(id))
	blob->header = header;
	blob->nlayers = header->nlayers;
	blob->rulesets = AT(LLPB_S_RULESETS);
	blob->process = AT(LLPB_S_PROCESS);
	blob->source = COUNT(LLPB_S_SOURCE) ? AT(LLPB_S_SOURCE) : NULL;
	blob->meta = AT(LLPB_S_META);
	blob->strings = AT(LLPB_S_STRINGS);
	blob->strings_size = COUNT(LLPB_S_STRINGS);
	TAKE(plans, LLPB_S_PLANS);
	TAKE(paths, LLPB_S_PATHS);
	TAKE(ports, LLPB_S_PORTS);
	TAKE(slots, LLPB_S_SLOTS);
	TAKE(filters, LLPB_S_FILTERS);
	TAKE(insns, LLPB_S_INSNS);
	TAKE(env, LLPB_S_ENV);
	TAKE(guarantees, LLPB_S_GUARANTEES);
	TAKE(losses, LLPB_S_LOSSES);
}

const char *blob_open(struct blob *blob, const void *data, size_t size)
{
	const struct llpb_header *header = data;
	const char *reason = (uintptr_t)data % 8 ? "not 8-aligned in memory" : check_header(header, size);
	uint32_t sources;

	if (!reason)
		reason = check_extents(header);
	if (reason)
		return reason;
	locate(blob, header);
	if (header->section[LLPB_S_RULESETS].size / sizeof(*blob->rulesets) != blob->nplans * blob->nlayers)
		return sections[LLPB_S_RULESETS].count;
	sources = blob->npaths + blob->nports + blob->nslots;
	if (blob->source && COUNT(LLPB_S_SOURCE) != sources)
		return sections[LLPB_S_SOURCE].count;
	for (uint32_t s = 0; s < LLPB_SECTIONS; s++) {
		uint32_t count = sections[s].ok == any_ok ? 0 : COUNT(s);	/* a division: not once per record */

		for (uint32_t i = 0; i < count; i++)
			if (!sections[s].ok(blob, i))
				return sections[s].content;
	}
	return NULL;
}

const struct llpb_filter *blob_filter(const struct blob *blob, uint32_t plan, uint32_t audit_arch, int *missing)
{
	uint32_t group = blob->plans[plan].filter_group;

	*missing = 0;
	for (uint32_t i = 0; group != LLPB_NONE && i < blob->nfilters; i++)
		if (blob->filters[i].group == group && blob->filters[i].arch == audit_arch)
			return &blob->filters[i];
	*missing = group != LLPB_NONE;
	return NULL;
}
