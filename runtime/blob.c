/* SPDX-License-Identifier: MIT */
/*
 * The reader of compiled policies.
 *
 * MUST accept any bytes without reading outside them, in time linear in their number.
 * MUST verify every rule that schema/llpb.h states, so that no user of struct blob has to check anything: what one
 * field alone tells is a row of blob.def, what spans fields or records is a function here.
 * MUST NOT allocate, print, or call anything outside this file: compiler, tests and fuzzers link it too.
 */
#include "blob.h"

#include "access.h"

/* Strict policies carry their refusals: a plan that leaves a firm guarantee open, or is below min_abi, refuses. */
static int plan_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_plan *plan = &blob->plans[i];
	uint32_t size = plan->attr_size, strict = blob->meta->flags & LLPB_META_STRICT;
	int must_refuse = i < blob->meta->min_abi;

	for (uint32_t g = 0; g < blob->nguarantees && strict; g++)
		must_refuse |= blob->guarantees[g].flags & LLPB_G_FIRM &&
			       blob->guarantees[g].mechanism[i] == LLPB_M_NOT_COVERED;
	return (plan->flags & LLPB_PLAN_REFUSE ? i != blob->meta->min_abi : !must_refuse) &&
	       !(plan->restrict_flags & ~abi_log_mask(i)) &&
	       (i == 0 ? size == 0 : size == 8 || size == 16 || size == 24 || size == 48);
}

/* Rights that this ABI has, within the bytes that the kernel will read: what lies beyond would be lost silently. */
static int ruleset_ok(const struct blob *blob, uint32_t i)
{
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[i];
	uint32_t level = i / blob->nlayers, size = blob->plans[level].attr_size;

	return !(attr->handled_access_fs & ~(size < 8 ? 0 : abi_fs_mask(level))) &&
	       !(attr->handled_access_net & ~(size < 16 ? 0 : abi_net_mask(level))) &&
	       !(attr->scoped & ~(size < 24 ? 0 : abi_scope_mask(level)));
}

static int path_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_path *path = &blob->paths[i];
	int absolute = *blob_str(blob, path->path) == '/';

	if (path->anchor == LLPB_ANCHOR_NONE || path->anchor == LLPB_ANCHOR_ROOT)
		return path->base == LLPB_NONE && absolute == !path->anchor && (absolute || blob_has_root(blob));
	if (path->anchor == LLPB_ANCHOR_SLOT)
		return path->base < blob->nslots && !absolute;
	return path->anchor == LLPB_ANCHOR_RULE && path->base < i && !absolute &&
	       blob->paths[path->base].flags & LLPB_P_KEEP;
}

static int slot_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_slot *slot = &blob->slots[i];

	return (*blob_str(blob, slot->variable) != 0) == (slot->from == LLPB_SLOT_ENV) &&
	       !(slot->flags & LLPB_SLOT_DIR && slot->flags & LLPB_SLOT_FILE);
}

/*
 * A program begins by looking at the architecture (system call numbers mean nothing before that), its jumps stay
 * inside, and its last instruction returns; the kernel checks the rest (kernel/seccomp.c).
 */
static int filter_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_filter *filter = &blob->filters[i];
	const struct k_sock_filter *insn = blob->insns + (filter->first < blob->ninsns ? filter->first : 0);

	for (uint32_t k = 0; k < i; k++)
		if (blob->filters[k].arch == filter->arch && blob->filters[k].group == filter->group)
			return 0;
	if (filter->count < 3 || filter->first > blob->ninsns || filter->count > blob->ninsns - filter->first)
		return 0;
	for (uint32_t k = 0; k < filter->count; k++) {
		uint32_t left = filter->count - k - 1, jump = (insn[k].code & 7) == (K_BPF_JA & 7);

		if (insn[k].code == K_BPF_JA ? insn[k].k >= left : jump && (insn[k].jt >= left || insn[k].jf >= left))
			return 0;
	}
	return insn[0].code == K_BPF_LD_W_ABS && insn[0].k == K_SECCOMP_DATA_ARCH && insn[1].code == K_BPF_JEQ_K &&
	       insn[1].k == filter->arch && insn[filter->count - 1].code == K_BPF_RET_K;
}

static int env_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_env *env = &blob->env[i];
	const char *text = blob_str(blob, env->text), *equals = text;

	while (*equals && *equals != '=')
		equals++;
	return blob->process->flags & LLPB_PROC_ENV && (*equals == '=') == (env->op == LLPB_ENV_SET) &&
	       (equals != text || env->op == LLPB_ENV_PASS_PREFIX);
}

static int process_ok(const struct blob *blob, uint32_t i)
{
	const struct llpb_process *process = &blob->process[i];

	for (uint32_t k = 0, above = 2; k < LLPB_MAX_KEEP; above = process->keep[k++])
		if (k < process->nkeep ? process->keep[k] <= above || process->keep[k] > INT32_MAX : process->keep[k])
			return 0;
	return !process->umask || process->flags & LLPB_PROC_UMASK;
}

static int guarantee_ok(const struct blob *blob, uint32_t i)
{
	for (uint32_t k = 0; k < LLPB_PLAN_MAX; k++)
		if (blob->guarantees[i].mechanism[k] >= (k < blob->nplans ? LLPB_MECHANISMS : 1))
			return 0;
	return 1;
}

static const struct section {
	uint32_t record, min, max;
	int (*ok)(const struct blob *blob, uint32_t i);
	const char *extent, *count, *content;
} sections[LLPB_SECTIONS] = {
#define SAY(name, what)                                     "section " name ": " what
#define SAYS(name)                                          SAY(name, "out of bounds or order"), SAY(name, "wrong count"), SAY(name, "invalid record")
#define SECTION(id, name, type, field, count, min, max, ok) {sizeof(type), min, max, ok, SAYS(name)},
#include "blob.def"
};

static const struct field {
	uint8_t section, offset, size;
	enum { BELOW, NAME, FROM, MASK } kind;
	uint64_t limit;
} fields[] = {
#define FIELD(section, type, member, kind, limit)                                                                    \
	{LLPB_S_##section, offsetof(type, member), sizeof(((type *)0)->member), kind, limit},
#include "blob.def"
};

/* Fields first: the functions rely on them. */
static const char *check_records(const struct blob *blob, const uint32_t counts[LLPB_SECTIONS])
{
	const uint32_t own[] = {blob->strings_size, blob->nlayers, blob->nplans};

	for (const struct field *f = fields; f < fields + sizeof(fields) / sizeof(fields[0]); f++) {
		const char *at = (const char *)blob->header + blob->header->section[f->section].off + f->offset;
		uint64_t limit = f->limit < PLANS ? f->limit : own[TEXT - f->limit];
		uint64_t none = f->kind == MASK ? ~limit : 0, from = f->kind == FROM ? limit : 0;
		uint64_t below = f->kind == MASK || f->kind == FROM ? UINT64_MAX : limit;

		for (uint32_t i = 0; i < counts[f->section]; i++, at += sections[f->section].record) {
			uint64_t value = f->size == 8 ? *(const uint64_t *)(const void *)at
						      : *(const uint32_t *)(const void *)at;

			if (value & none || value < from || value >= below ||
			    (f->kind == NAME && !*blob_str(blob, (uint32_t)value)))
				return sections[f->section].content;
		}
	}
	for (uint32_t s = 0; s < LLPB_SECTIONS; s++)
		for (uint32_t i = 0; sections[s].ok && i < counts[s]; i++)
			if (!sections[s].ok(blob, i))
				return sections[s].content;
	return NULL;
}

/* Damage first, then what only a newer compiler would write: a flipped bit is not a missing feature. */
static const char *check_header(const struct llpb_header *header, size_t size)
{
	static const unsigned char magic[9] = LLPB_MAGIC;
	uint32_t same = 0;

	if ((uintptr_t)header % 8)
		return "not 8-aligned in memory";
	while (size >= sizeof(*header) && same < 8 && header->magic[same] == magic[same])
		same++;
	if (same < 8)
		return same < 4 ? "not a policy blob (or too short): llc-policy compile makes one of a TOML policy"
				: "damaged (by a transfer in text mode)";
	if (header->last_compat - 1u >= LLPB_VERSION || header->version < header->last_compat)
		return header->last_compat > LLPB_VERSION ? "newer than this program: update" : "damaged (version)";
	if (header->total_size != size || size % 8 || size > LLPB_MAX_SIZE)
		return "damaged (its size is not the one it states)";
	if (header->checksum != llpb_checksum((const void *)header, size / 8, LLPB_CHECKSUM_WORD))
		return "damaged (checksum)";
	if (header->features & ~LLPB_F_KNOWN)
		return "needs a feature that this version does not have: update this program";
	return header->header_size < sizeof(*header) || header->header_size > size || header->header_size % 8 ||
			       (header->header_size > sizeof(*header) && header->version <= LLPB_VERSION) ||
			       header->nlayers > K_LANDLOCK_MAX_LAYERS || header->reserved ||
			       !(header->features & LLPB_F_MOUNTS) != !header->section[LLPB_S_MOUNTS].size
		       ? "invalid header"
		       : NULL;
}

/* Each section, and the end of the file, lies where the one before ends, rounded up to 8. Fills the numbers of records. */
static const char *check_extents(const struct llpb_header *header, uint32_t counts[LLPB_SECTIONS])
{
	const unsigned char *bytes = (const void *)header;
	uint32_t end = header->header_size;

	for (uint32_t s = 0; s <= LLPB_SECTIONS; s++) {
		uint32_t off = s < LLPB_SECTIONS ? header->section[s].off : header->total_size;
		uint32_t size = s < LLPB_SECTIONS ? header->section[s].size : 0;

		if (off % 8 || off < end || off - end >= 8 || off > header->total_size ||
		    size > header->total_size - off)
			return s < LLPB_SECTIONS ? sections[s].extent : "padding is not zero";
		while (end < off)
			if (bytes[end++])
				return "padding is not zero";
		end = off + size;
		if (s == LLPB_SECTIONS)
			break;
		counts[s] = size / sections[s].record;
		if (size % sections[s].record || counts[s] < sections[s].min || counts[s] > sections[s].max)
			return sections[s].count;
	}
	end = header->section[LLPB_S_STRINGS].off;
	return bytes[end] || bytes[end + counts[LLPB_S_STRINGS] - 1] ? "strings are not terminated" : NULL;
}

const char *blob_open(struct blob *blob, const void *data, size_t size)
{
	const struct llpb_header *header = data;
	uint32_t counts[LLPB_SECTIONS], rulesets = 0, sources = 0, one = 0;
	const char *reason = check_header(header, size) ?: check_extents(header, counts);

	if (reason)
		return reason;
	blob->header = header;
	blob->nlayers = header->nlayers;
#define SECTION(id, name, type, field, count, min, max, ok)                                                          \
	field = (const void *)((const char *)data + header->section[LLPB_S_##id].off);                               \
	count = counts[LLPB_S_##id];
#include "blob.def"
	(void)one; /* the sections that hold exactly one record */
	if (rulesets != blob->nplans * blob->nlayers)
		return sections[LLPB_S_RULESETS].count;
	if (sources && sources != blob->npaths + blob->nports + blob->nslots + blob->nmounts)
		return sections[LLPB_S_SOURCE].count;
	blob->source = sources ? blob->source : NULL;
	return check_records(blob, counts);
}

const struct llpb_filter *blob_filter(const struct blob *blob, uint32_t plan, uint32_t audit_arch, int *missing)
{
	uint32_t group = blob->plans[plan].filter_group;

	const struct llpb_filter *found = NULL;

	for (uint32_t i = 0; i < blob->nfilters; i++)
		if (blob->filters[i].group == group && blob->filters[i].arch == audit_arch && !blob->filters[i].flags)
			found = &blob->filters[i];
	*missing = group != LLPB_NONE && !found;
	return found;
}
