/* SPDX-License-Identifier: MIT */
/*
 * blob_open() on good blobs, on every truncation and every flipped bit of them, and on blobs that are wrong in one
 * field and right in their checksum: one line per rule of schema/llpb.h, with the reason it must give.
 */
#include "blob.h"
#include "mkblob.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

/* Every section is used, every record kind occurs, every optional field is set somewhere. */
static const char full[] = "name full\n"
			   "layers 2\n"
			   "handled 0 all all all\n"
			   "handled 1 ro none none\n"
			   "slot work arg dir\n"
			   "slot home env:HOME dir optional default=/tmp\n"
			   "slot here cwd\n"
			   "path 0 rox /usr\n"
			   "path 0 rw build slot=0 keep\n"
			   "path 0 ro nested/dir rule=1 optional\n"
			   "path 1 ro /run/user/%01 uid\n"
			   "path 1 rw - slot=2 follow\n"
			   "path 1 ro etc root\n"
			   "view 0x20020000 root=/srv/root cwd=/build attrs=1 follow_source\n"
			   "tmpfs tmp in_root create size=1048576 mode=0700 attrs=6\n"
			   "bind src work in_root from=2 attrs=1 optional\n"
			   "bind /usr - at=0 follow_target attrs=9\n"
			   "proc proc in_root create attrs=14\n"
			   "port 0 3 443\n"
			   "port 0 2 0\n"
			   "deny 101 1\n"
			   "env pass PATH\n"
			   "env prefix LC_\n"
			   "env prefix\n"
			   "env set CI=1\n"
			   "close_fds\n"
			   "umask 022\n"
			   "keep 5\n"
			   "keep 9\n"
			   "drop 0x200000\n"
			   "guarantee fs firm 011111111111\n"
			   "guarantee extra extra 000000000002\n"
			   "loss 0 1 refer\n"
			   "refuse 0\n"
			   "min_abi 1\n";

static const char *const good[] = {
	full,
	"",
	"plans 1\nbest-effort\nguarantee fs firm 0\n",
	"layers 16\nstripped\n",
	"view 0 cwd=/tmp\n",
	"view 0x40000000\n",
	"view 0x20000\ntmpfs /tmp\nbind /a /b\n",
	"allow_filter\nlayers 1\nhandled 0 rw none none\npath 0 ro /\nplans 16\n",
};

static const char *open_copy(const unsigned char *blob, size_t size)
{
	/* exactly as long as it says, so that a sanitizer sees the first byte beyond */
	unsigned char *copy = malloc(size ? size : 1);
	struct blob out;
	const char *reason;

	if (!copy)
		abort();
	if (size)
		memcpy(copy, blob, size);
	reason = blob_open(&out, copy, size);
	free(copy);
	return reason;
}

/* Touch what the reader promises. */
static unsigned walk(const struct blob *blob)
{
	unsigned sum = 0;
	int missing;

	for (uint32_t i = 0; i < blob->npaths; i++)
		sum += (unsigned)strlen(blob_str(blob, blob->paths[i].path)) + blob->paths[i].layer;
	for (uint32_t i = 0; i < blob->nmounts; i++)
		sum += (unsigned)strlen(blob_str(blob, blob->mounts[i].target)) + (unsigned)blob_has_root(blob);
	for (uint32_t i = 0; i < blob->nenv; i++)
		sum += (unsigned)strlen(blob_str(blob, blob->env[i].text));
	for (uint32_t i = 0; i < blob->nplans; i++) {
		const struct llpb_filter *filter = blob_filter(blob, i, K_AUDIT_ARCH_X86_64, &missing);

		sum += filter ? blob->insns[filter->first + filter->count - 1].k : 0;
	}
	return sum;
}

static void accept_good(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct blob blob;
		size_t size;
		unsigned char *data = mkblob(good[i], &size);
		const char *reason = blob_open(&blob, data, size);

		tap_ok(!reason, "good blob %zu is accepted%s%s", i, reason ? ": " : "", reason ? reason : "");
		if (!reason)
			walk(&blob);
		free(data);
	}
}

static void refuse_truncated(void)
{
	size_t size, refused = 0;
	unsigned char *data = mkblob(full, &size);

	for (size_t len = 0; len < size; len++)
		refused += open_copy(data, len) != NULL;
	tap_ok(refused == size, "all %zu truncations are refused (%zu)", size, refused);
	free(data);
}

static void refuse_flipped(void)
{
	size_t size, refused = 0;
	unsigned char *data = mkblob(full, &size);

	for (size_t bit = 0; bit < size * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		refused += open_copy(data, size) != NULL;
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	tap_ok(refused == size * 8, "all %zu single flipped bits are refused (%zu)", size * 8, refused);
	free(data);
}

/* Any field wrong, checksum right: refused or accepted, but never read outside; the walk must survive. */
static void survive_sealed_flips(void)
{
	size_t size, accepted = 0;
	unsigned char *data = mkblob(full, &size);

	for (size_t bit = 0; bit < size * 8; bit++) {
		struct blob blob;

		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		mkblob_seal(data, size);
		if (!blob_open(&blob, data, size)) {
			accepted++;
			walk(&blob);
		}
		data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	tap_ok(accepted < size * 8, "flipped bits with a right checksum: %zu of %zu are another valid blob", accepted,
	       size * 8);
	free(data);
}

struct mangled {
	unsigned char *data;
	size_t size;
	struct llpb_header *header;
	struct llpb_plan *plans;
	struct k_landlock_ruleset_attr *rulesets;
	struct llpb_path *paths;
	struct llpb_port *ports;
	struct llpb_slot *slots;
	struct llpb_filter *filters;
	struct k_sock_filter *insns;
	struct llpb_env *env;
	struct llpb_process *process;
	struct llpb_guarantee *guarantees;
	struct llpb_loss *losses;
	struct llpb_source *source;
	struct llpb_meta *meta;
	struct llpb_mount *mounts;
	char *strings;
};

static void mangle_open(struct mangled *m)
{
	m->data = mkblob(full, &m->size);
	m->header = (void *)m->data;
	m->plans = mkblob_at(m->data, LLPB_S_PLANS);
	m->rulesets = mkblob_at(m->data, LLPB_S_RULESETS);
	m->paths = mkblob_at(m->data, LLPB_S_PATHS);
	m->ports = mkblob_at(m->data, LLPB_S_PORTS);
	m->slots = mkblob_at(m->data, LLPB_S_SLOTS);
	m->filters = mkblob_at(m->data, LLPB_S_FILTERS);
	m->insns = mkblob_at(m->data, LLPB_S_INSNS);
	m->env = mkblob_at(m->data, LLPB_S_ENV);
	m->process = mkblob_at(m->data, LLPB_S_PROCESS);
	m->guarantees = mkblob_at(m->data, LLPB_S_GUARANTEES);
	m->losses = mkblob_at(m->data, LLPB_S_LOSSES);
	m->source = mkblob_at(m->data, LLPB_S_SOURCE);
	m->meta = mkblob_at(m->data, LLPB_S_META);
	m->mounts = mkblob_at(m->data, LLPB_S_MOUNTS);
	m->strings = mkblob_at(m->data, LLPB_S_STRINGS);
}

static void mangle_check(struct mangled *m, const char *expected, const char *what)
{
	const char *reason;

	mkblob_seal(m->data, m->size);
	reason = open_copy(m->data, m->size);
	if (!tap_ok(expected ? reason && !strcmp(reason, expected) : !reason, "%s: %s", what,
		    expected ? expected : "accepted"))
		tap_note("got: %s", reason ? reason : "accepted");
	free(m->data);
}

/* Change one thing of the good blob, make the checksum right, expect this reason (NULL: accepted). */
#define MANGLE(expected, code)                                                                                       \
	do {                                                                                                         \
		struct mangled m;                                                                                    \
		mangle_open(&m);                                                                                     \
		code;                                                                                                \
		mangle_check(&m, expected, #code);                                                                   \
	} while (0)

#define NO_BLOB      "not a policy blob (or too short): llc-policy compile makes one of a TOML policy"
#define BOUNDS(name) "section " name ": out of bounds or order"
#define COUNT(name)  "section " name ": wrong count"
#define RECORD(name) "section " name ": invalid record"
#define TOO_FAR      (m.header->section[LLPB_S_STRINGS].size)

static void mangle_header(void)
{
	MANGLE(NULL, (void)0);
	MANGLE(NO_BLOB, m.header->magic[0] = 'L');
	MANGLE(NO_BLOB, m.header->magic[1] = 'l');
	MANGLE("damaged (by a transfer in text mode)", m.header->magic[4] = '\n');
	MANGLE("newer than this program: update", m.header->last_compat = 2; m.header->version = 2);
	MANGLE("newer than this program: update", m.header->last_compat = 2);
	MANGLE(NULL, m.header->version = 2);
	MANGLE("damaged (version)", m.header->last_compat = 0);
	MANGLE("damaged (version)", m.header->version = 0);
	MANGLE("damaged (its size is not the one it states)", m.header->total_size += 8);
	MANGLE("damaged (its size is not the one it states)", m.header->total_size -= 8);
	MANGLE("needs a feature that this version does not have: update this program", m.header->features = 1u << 31);
	MANGLE("invalid header", m.header->header_size -= 8);
	MANGLE("invalid header", m.header->header_size += 8);
	MANGLE("invalid header", m.header->version = 2; m.header->header_size += 4);
	MANGLE("invalid header", m.header->version = 2; m.header->header_size = 1u << 30);
	MANGLE("invalid header", m.header->nlayers = 17);
	MANGLE("invalid header", m.header->reserved = 1);
	MANGLE("invalid header", m.header->features = 0);
	MANGLE(COUNT("rulesets"), m.header->nlayers = 1);
}

static void mangle_extents(void)
{
	struct llpb_header header;
	size_t size;
	unsigned char *blob = mkblob(full, &size);

	memcpy(&header, blob, sizeof(header));
	free(blob);
	MANGLE(BOUNDS("plans"), m.header->section[LLPB_S_PLANS].off += 4);
	MANGLE(BOUNDS("plans"), m.header->section[LLPB_S_PLANS].off += 8);
	MANGLE(BOUNDS("plans"), m.header->section[LLPB_S_PLANS].off = 0);
	MANGLE(BOUNDS("paths"), m.header->section[LLPB_S_PATHS].off -= 8);
	MANGLE(BOUNDS("paths"), m.header->section[LLPB_S_PATHS].off = m.header->section[LLPB_S_PORTS].off);
	MANGLE(BOUNDS("ports"), m.header->section[LLPB_S_PORTS].off = UINT32_MAX - 7);
	MANGLE(BOUNDS("slots"), m.header->section[LLPB_S_SLOTS].size = UINT32_MAX);
	MANGLE(BOUNDS("strings"), m.header->section[LLPB_S_STRINGS].size += 8);
	MANGLE(BOUNDS("slots"), m.header->section[LLPB_S_PORTS].size += (uint32_t)sizeof(struct llpb_port));
	MANGLE(BOUNDS("slots"), m.header->section[LLPB_S_PORTS].size -= (uint32_t)sizeof(struct llpb_port));
	MANGLE(COUNT("plans"), m.header->section[LLPB_S_PLANS].size = 0);
	MANGLE(COUNT("paths"), m.header->section[LLPB_S_PATHS].size -= 4);
	MANGLE(COUNT("process"), m.header->section[LLPB_S_PROCESS].size = 0);
	MANGLE(COUNT("meta"), m.header->section[LLPB_S_META].size = 0);
	MANGLE("invalid header", m.header->section[LLPB_S_MOUNTS].size = 0);
	MANGLE(COUNT("mounts"), m.header->section[LLPB_S_MOUNTS].size = 8);
	MANGLE(COUNT("broker"), m.header->section[LLPB_S_BROKER].size = 8);
	MANGLE(COUNT("strings"), m.header->section[LLPB_S_STRINGS].size = 0);
	MANGLE("strings are not terminated", m.header->section[LLPB_S_STRINGS].size -= 1);
	MANGLE("strings are not terminated", m.strings[0] = 'x');
	MANGLE("strings are not terminated", m.strings[m.header->section[LLPB_S_STRINGS].size - 1] = 'x');
	if (header.section[LLPB_S_STRINGS].size % 8)
		MANGLE("padding is not zero", m.data[m.size - 1] = 1);
}

static void mangle_plans(void)
{
	MANGLE(RECORD("plans"), m.plans[3].flags = 2);
	MANGLE(RECORD("plans"), m.plans[0].flags = 0); /* strict, and "fs" is not covered there */
	MANGLE(RECORD("plans"), m.plans[1].flags = LLPB_PLAN_REFUSE); /* it is min_abi */
	MANGLE(NULL, m.plans[2].flags = LLPB_PLAN_REFUSE);
	MANGLE(RECORD("plans"), m.plans[0].attr_size = 8);
	MANGLE(RECORD("plans"), m.plans[1].attr_size = 0);
	MANGLE(RECORD("plans"), m.plans[5].attr_size = 12);
	MANGLE(RECORD("plans"), m.plans[5].attr_size = 32);
	MANGLE(RECORD("plans"), m.plans[5].attr_size = 56);
	MANGLE(RECORD("plans"), m.plans[6].restrict_flags = 1);
	MANGLE(NULL, m.plans[7].restrict_flags = 7);
	MANGLE(RECORD("plans"), m.plans[7].restrict_flags = 8);
	MANGLE(RECORD("rulesets"), m.plans[6].attr_size = 16); /* the scopes would not reach the kernel */
	MANGLE(RECORD("rulesets"), m.plans[4].attr_size = 8);
	MANGLE(RECORD("rulesets"), m.rulesets[2].handled_access_fs |= 1u << 13);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 11].handled_access_fs |= 1u << 17);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 3].handled_access_net = 1);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 5].scoped = 1);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 9].quiet_access_fs = 1);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 10].quiet_access_fs = 1);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 11].quiet_scoped = 1);
	MANGLE(RECORD("rulesets"), m.rulesets[2 * 10 + 1].quiet_access_net = 1);
	MANGLE(RECORD("plans"), m.meta->min_abi = 13);
	MANGLE(RECORD("meta"), m.meta->min_abi = 17);
	MANGLE(RECORD("plans"), m.meta->min_abi = 3);
	MANGLE(RECORD("meta"), m.meta->flags |= 8);
	MANGLE(RECORD("meta"), m.meta->name = TOO_FAR);
	MANGLE(RECORD("meta"), m.meta->compiler = TOO_FAR);
	MANGLE(RECORD("meta"), m.meta->syscalls = TOO_FAR);
	MANGLE(RECORD("meta"), m.meta->source = TOO_FAR);
}

static void mangle_rules(void)
{
	MANGLE(RECORD("paths"), m.paths[0].path = TOO_FAR);
	MANGLE(RECORD("paths"), m.paths[0].path = LLPB_NONE);
	MANGLE(RECORD("paths"), m.paths[0].shown = TOO_FAR);
	MANGLE(RECORD("paths"), m.paths[0].shown = 0);
	MANGLE(RECORD("paths"), m.paths[0].path = m.paths[1].path); /* relative without an anchor */
	MANGLE(RECORD("paths"), m.paths[1].path = m.paths[0].path); /* absolute with one */
	MANGLE(RECORD("paths"), m.paths[0].layer = 2);
	MANGLE(RECORD("paths"), m.paths[0].flags = 16);
	MANGLE(RECORD("paths"), m.paths[0].anchor = LLPB_ANCHORS);
	MANGLE(RECORD("paths"), m.paths[0].base = 0);
	MANGLE(RECORD("paths"), m.paths[1].base = 3);
	MANGLE(RECORD("paths"), m.paths[2].base = 2); /* itself */
	MANGLE(RECORD("paths"), m.paths[2].base = 3); /* later */
	MANGLE(RECORD("paths"), m.paths[2].base = 0); /* its descriptor is not kept */
	MANGLE(RECORD("paths"), m.paths[2].base = LLPB_NONE);
	MANGLE(RECORD("paths"), m.paths[0].file_access = 1u << 3);
	MANGLE(RECORD("paths"), m.paths[0].dir_access = UINT64_C(1) << 17);
	MANGLE(RECORD("ports"), m.ports[0].attr.port = 65536);
	MANGLE(RECORD("ports"), m.ports[0].attr.port = UINT64_MAX);
	MANGLE(NULL, m.ports[0].attr.port = 65535);
	MANGLE(RECORD("ports"), m.ports[0].attr.allowed_access = 16);
	MANGLE(RECORD("ports"), m.ports[1].layer = 2);
	MANGLE(RECORD("ports"), m.ports[1].reserved = 1);
	MANGLE(RECORD("slots"), m.slots[0].name = 0);
	MANGLE(RECORD("slots"), m.slots[0].name = TOO_FAR);
	MANGLE(RECORD("slots"), m.slots[0].from = LLPB_SLOT_FROMS);
	MANGLE(RECORD("slots"), m.slots[0].from = LLPB_SLOT_ENV); /* no variable */
	MANGLE(RECORD("slots"), m.slots[1].from = LLPB_SLOT_ARG); /* a variable for nothing */
	MANGLE(RECORD("slots"), m.slots[0].variable = TOO_FAR);
	MANGLE(RECORD("slots"), m.slots[0].fallback = TOO_FAR);
	MANGLE(RECORD("slots"), m.slots[0].flags = 32);
	MANGLE(RECORD("slots"), m.slots[0].flags = LLPB_SLOT_DIR | LLPB_SLOT_FILE);
	MANGLE(RECORD("slots"), m.slots[2].reserved = 1);
}

static void mangle_filters(void)
{
	MANGLE(RECORD("filters"), m.filters[0].flags = 1);
	MANGLE(RECORD("filters"), m.filters[0].group = LLPB_NONE);
	MANGLE(RECORD("filters"), m.filters[0].count = 0);
	MANGLE(RECORD("filters"), m.filters[0].count = 2);
	MANGLE(RECORD("filters"), m.filters[0].count++);
	MANGLE(RECORD("filters"), m.filters[0].count--); /* does not end in a return */
	MANGLE(RECORD("filters"), m.filters[0].count = UINT32_MAX);
	MANGLE(RECORD("filters"), m.filters[0].first = 1);
	MANGLE(RECORD("filters"), m.filters[0].first = UINT32_MAX);
	MANGLE(RECORD("filters"), m.filters[0].arch++);
	MANGLE(RECORD("filters"), m.insns[0].k = K_SECCOMP_DATA_NR);
	MANGLE(RECORD("filters"), m.insns[0].code = K_BPF_RET_K);
	MANGLE(RECORD("filters"), m.insns[1].k++);
	MANGLE(RECORD("filters"), m.insns[1].code = K_BPF_JGE_K);
	MANGLE(RECORD("filters"), m.insns[1].jt = 5);
	MANGLE(NULL, m.insns[1].jt = 4);
	MANGLE(RECORD("filters"), m.insns[4].jf = 2);
	MANGLE(RECORD("filters"), m.insns[4].code = K_BPF_JA; m.insns[4].k = 2);
	MANGLE(RECORD("filters"), m.insns[4].code = K_BPF_JA; m.insns[4].k = UINT32_MAX);
	MANGLE(RECORD("filters"), m.insns[6].code = K_BPF_LD_W_ABS);
}

static void mangle_rest(void)
{
	MANGLE(RECORD("env"), m.env[0].op = LLPB_ENV_OPS);
	MANGLE(RECORD("env"), m.env[0].text = TOO_FAR);
	MANGLE(RECORD("env"), m.env[0].text = 0);
	MANGLE(RECORD("env"), m.env[0].op = LLPB_ENV_SET); /* no '=' */
	MANGLE(RECORD("env"), m.env[3].op = LLPB_ENV_PASS); /* '=' in a name */
	MANGLE(RECORD("env"), m.strings[m.env[3].text] = '='); /* no name */
	MANGLE(RECORD("env"), m.process->flags &= ~LLPB_PROC_ENV);
	MANGLE(RECORD("process"), m.process->flags |= 32);
	MANGLE(RECORD("process"), m.process->umask = 01000);
	MANGLE(RECORD("process"), m.process->flags &= ~LLPB_PROC_UMASK);
	MANGLE(RECORD("process"), m.process->reserved = 1);
	MANGLE(RECORD("process"), m.process->nkeep = 33);
	MANGLE(RECORD("process"), m.process->nkeep = UINT32_MAX);
	MANGLE(RECORD("process"), m.process->nkeep = 3);
	MANGLE(RECORD("process"), m.process->nkeep = 1);
	MANGLE(RECORD("process"), m.process->keep[0] = 2);
	MANGLE(RECORD("process"), m.process->keep[1] = 5);
	MANGLE(RECORD("process"), m.process->keep[1] = 4);
	MANGLE(RECORD("process"), m.process->keep[1] = UINT32_MAX);
	MANGLE(RECORD("process"), m.process->keep[31] = 40);
	MANGLE(RECORD("guarantees"), m.guarantees[0].name = 0);
	MANGLE(RECORD("guarantees"), m.guarantees[0].name = TOO_FAR);
	MANGLE(RECORD("guarantees"), m.guarantees[0].text = TOO_FAR);
	MANGLE(RECORD("guarantees"), m.guarantees[0].file = TOO_FAR);
	MANGLE(RECORD("guarantees"), m.guarantees[0].flags = 2);
	MANGLE(RECORD("guarantees"), m.guarantees[0].reserved = 1);
	MANGLE(RECORD("guarantees"), m.guarantees[0].mechanism[3] = LLPB_MECHANISMS);
	MANGLE(RECORD("guarantees"), m.guarantees[0].mechanism[12] = 1);
	MANGLE(RECORD("plans"), m.guarantees[0].mechanism[3] = 0); /* strict, firm, lost, and the plan runs */
	MANGLE(NULL, m.guarantees[0].mechanism[3] = 0; m.meta->flags &= ~LLPB_META_STRICT);
	MANGLE(RECORD("losses"), m.losses[0].text = 0);
	MANGLE(RECORD("losses"), m.losses[0].text = TOO_FAR);
	MANGLE(RECORD("losses"), m.losses[0].first = 12);
	MANGLE(RECORD("losses"), m.losses[0].last = 12);
	MANGLE(RECORD("losses"), m.losses[0].reserved = 1);
	MANGLE(RECORD("source"), m.source[0].file = TOO_FAR);
	MANGLE(RECORD("source"), m.source[0].line = 0);
}

/* full: 0 the view, 1 a tmpfs, 2 and 3 binds, 4 a proc */
static void mangle_mounts(void)
{
	MANGLE(RECORD("mounts"), m.mounts[0].kind = LLPB_MT_TMPFS);
	MANGLE(RECORD("mounts"), m.mounts[1].kind = LLPB_MT_VIEW);
	MANGLE(RECORD("mounts"), m.mounts[1].kind = LLPB_MT_KINDS);
	MANGLE(RECORD("mounts"), m.mounts[1].kind = LLPB_MT_BIND);
	MANGLE(RECORD("mounts"), m.mounts[2].kind = LLPB_MT_TMPFS);
	MANGLE(RECORD("mounts"), m.mounts[1].flags |= 1u << 6);
	MANGLE(RECORD("mounts"), m.mounts[1].flags |= LLPB_MT_AS_ROOT);
	MANGLE(RECORD("mounts"), m.mounts[1].flags |= LLPB_MT_OPTIONAL);
	MANGLE(RECORD("mounts"), m.mounts[4].flags |= LLPB_MT_FOLLOW_SOURCE);
	MANGLE(NULL, m.mounts[4].flags |= LLPB_MT_FOLLOW_TARGET);
	MANGLE(NULL, m.mounts[0].flags |= LLPB_MT_AS_ROOT);
	MANGLE(RECORD("mounts"), m.mounts[0].flags |= LLPB_MT_CREATE);
	MANGLE(RECORD("mounts"), m.mounts[0].flags |= LLPB_MT_IN_ROOT);
	MANGLE(RECORD("mounts"), m.mounts[0].attrs = 1 << 4);
	MANGLE(RECORD("mounts"), m.mounts[2].attrs |= 1u << 20);
	MANGLE(RECORD("mounts"), m.mounts[0].spaces |= K_CLONE_NEWUSER);
	MANGLE(RECORD("mounts"), m.mounts[0].spaces &= ~K_CLONE_NEWNS);
	MANGLE(RECORD("mounts"), m.mounts[0].spaces &= ~K_CLONE_NEWPID); /* there is a proc */
	MANGLE(NULL, m.mounts[0].spaces |= K_CLONE_NEWNET | K_CLONE_NEWIPC | K_CLONE_NEWUTS | K_CLONE_NEWCGROUP);
	MANGLE(RECORD("mounts"), m.mounts[1].spaces = K_CLONE_NEWNS);
	MANGLE(RECORD("mounts"), m.mounts[0].source = TOO_FAR);
	MANGLE(RECORD("mounts"), m.mounts[0].source = m.mounts[2].source); /* relative */
	MANGLE(RECORD("paths"), m.mounts[0].source = 0); /* a path rule is beneath the root */
	MANGLE(RECORD("mounts"), m.mounts[0].source_slot = 3);
	MANGLE(RECORD("mounts"), m.mounts[0].target = m.mounts[1].target); /* relative */
	MANGLE(NULL, m.mounts[0].target = 0);
	MANGLE(RECORD("mounts"), m.mounts[0].target_slot = 0);
	MANGLE(RECORD("mounts"), m.mounts[0].shown_source = 0);
	MANGLE(RECORD("mounts"), m.mounts[0].size = m.mounts[1].size);
	MANGLE(RECORD("mounts"), m.mounts[1].source = m.mounts[3].source);
	MANGLE(RECORD("mounts"), m.mounts[1].source_slot = 0);
	MANGLE(RECORD("mounts"), m.mounts[1].target = TOO_FAR);
	MANGLE(RECORD("mounts"), m.mounts[1].target = m.mounts[0].target); /* absolute */
	MANGLE(NULL, m.mounts[1].target = 0); /* the root itself */
	MANGLE(RECORD("mounts"), m.mounts[1].target_slot = 0);
	MANGLE(RECORD("mounts"), m.mounts[1].flags &= ~LLPB_MT_IN_ROOT);
	MANGLE(RECORD("mounts"), m.mounts[1].shown_target = 0);
	MANGLE(RECORD("mounts"), m.mounts[1].shown_source = m.mounts[1].shown_target);
	MANGLE(RECORD("mounts"), m.mounts[2].source_slot = LLPB_NONE);
	MANGLE(RECORD("mounts"), m.mounts[2].source_slot = 3);
	MANGLE(NULL, m.mounts[2].source = 0); /* the slot itself */
	MANGLE(RECORD("mounts"), m.mounts[2].source = m.mounts[3].source); /* absolute, with a slot */
	MANGLE(RECORD("mounts"), m.mounts[2].shown_source = 0);
	MANGLE(RECORD("mounts"), m.mounts[2].size = m.mounts[1].size);
	MANGLE(RECORD("mounts"), m.mounts[2].inodes = TOO_FAR);
	MANGLE(RECORD("mounts"), m.mounts[2].mode = m.mounts[1].mode);
	MANGLE(RECORD("mounts"), m.mounts[3].source = 0);
	MANGLE(RECORD("mounts"), m.mounts[3].target_slot = 3);
	MANGLE(RECORD("mounts"), m.mounts[3].target_slot = LLPB_NONE);
	MANGLE(RECORD("mounts"), m.mounts[4].reserved = 1);
	MANGLE(RECORD("mounts"), m.mounts[4].source_slot = 1);
	MANGLE(RECORD("paths"), m.paths[5].base = 0); /* beneath the root */
	MANGLE(RECORD("paths"), m.paths[5].path = m.paths[0].path); /* absolute */
	MANGLE(RECORD("paths"), m.paths[0].anchor = LLPB_ANCHORS);
}

/* Two filters of one architecture and group, and a source map of the wrong length, need a blob built for it. */
static void refuse_built(void)
{
	size_t size;
	unsigned char *blob = mkblob(full, &size);
	struct llpb_header *header = (void *)blob;
	struct blob out;
	unsigned char unaligned[sizeof(struct llpb_header) + 16];

	header->section[LLPB_S_SOURCE].size -= 8;
	mkblob_seal(blob, size);
	tap_ok(blob_open(&out, blob, size) != NULL, "a source map of the wrong length is refused");
	free(blob);
	blob = mkblob("path 0 ro /usr\n", &size);
	tap_ok(blob_open(&out, blob, size) != NULL, "a path in a policy without layers is refused");
	free(blob);
	memset(unaligned, 0, sizeof(unaligned));
	tap_ok(!strcmp(blob_open(&out, (char *)((uintptr_t)(unaligned + 8) & ~(uintptr_t)7) + 1, 64),
		       "not 8-aligned in memory"),
	       "memory that is not 8-aligned is refused");
	tap_ok(!strcmp(open_copy((const unsigned char *)"", 0), NO_BLOB), "nothing at all is refused");
	tap_ok(!strcmp(open_copy((const unsigned char *)"version = 1\n[fs]\nro = [\"/usr\"]\n", 32), NO_BLOB),
	       "a policy's source is refused");
}

static void choose_filter(void)
{
	size_t size;
	unsigned char *data = mkblob("deny 101 1\n", &size);
	struct blob blob;
	int missing = -1;

	if (tap_ok(!blob_open(&blob, data, size), "a blob with a filter opens")) {
		uint32_t arch = blob.filters[0].arch;

		tap_ok(blob_filter(&blob, 3, arch, &missing) == blob.filters && !missing,
		       "its architecture has the filter");
		tap_ok(!blob_filter(&blob, 3, K_AUDIT_ARCH_S390X, &missing) && missing,
		       "another architecture misses it");
	}
	free(data);
	data = mkblob("", &size);
	tap_ok(!blob_open(&blob, data, size) && !blob_filter(&blob, 3, K_AUDIT_ARCH_S390X, &missing) && !missing,
	       "without a filter nothing is missing");
	free(data);
}

int main(void)
{
	accept_good();
	refuse_truncated();
	refuse_flipped();
	survive_sealed_flips();
	mangle_header();
	mangle_extents();
	mangle_plans();
	mangle_rules();
	mangle_filters();
	mangle_rest();
	mangle_mounts();
	refuse_built();
	choose_filter();
	return tap_done();
}
