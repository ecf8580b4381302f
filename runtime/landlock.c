/* SPDX-License-Identifier: MIT */
/*
 * Slots, rule paths, rulesets, layers.
 *
 * MUST open every path of the policy; only what the blob marks optional may be missing (ENOENT, ENOTDIR).
 * MUST NOT follow a symlink, nor leave the anchor, in an anchored lookup, unless the rule says follow.
 * MUST NOT bind a slot to the root directory, unless the slot says allow_root.
 */
#include "access.h"
#include "enter.h"

/* In place of a descriptor: an optional path that does not exist; a path beneath an optional slot that is unbound. */
enum { MISSING = -1, UNBOUND = -2 };

struct anchors {
	int slots[LLPB_MAX_SLOTS];
	int *rules;		/* per path rule up to the last one with LLPB_P_KEEP */
	uint32_t nslots, nrules;
	int leave;		/* to close-on-exec */
};

static int is_missing(long result)
{
	return result == -K_ENOENT || result == -K_ENOTDIR;
}

long landlock_abi(void)
{
	return SYS(landlock_create_ruleset, 0, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
}

static const struct k_landlock_ruleset_attr *layer_attr(const struct policy *policy, uint32_t layer)
{
	return &policy->blob.rulesets[policy->plan * policy->blob.nlayers + layer];
}

static int create_rulesets(struct policy *policy, struct llrun_error *error)
{
	for (uint32_t layer = 0; layer < policy->blob.nlayers; layer++) {
		const struct k_landlock_ruleset_attr *attr = layer_attr(policy, layer);
		long fd;

		/* the kernel answers ENOMSG to a ruleset that handles nothing */
		if (!(attr->handled_access_fs | attr->handled_access_net | attr->scoped))
			continue;
		fd = SYS(landlock_create_ruleset, attr, policy->blob.plans[policy->plan].attr_size, 0);
		if (fd < 0)
			return fail_sys(policy, error, "landlock_create_ruleset", fd, NULL, LLPB_NONE);
		policy->rulesets[layer] = (int)fd;
	}
	return 0;
}

/* ---- slots ---- */

static const char *slot_value(const struct blob *blob, const struct llpb_slot *slot,
			      const struct llrun_options *options)
{
	const char *value = slot->from == LLPB_SLOT_CWD ? "." : NULL;

	if (slot->from == LLPB_SLOT_ENV)
		value = env_get(options->envp, blob_str(blob, slot->variable));
	for (uint32_t i = 0; slot->from == LLPB_SLOT_ARG && i < options->nsets; i++)
		if (streq(options->sets[i].name, blob_str(blob, slot->name)))
			value = options->sets[i].value;
	return value && *value ? value : blob_str(blob, slot->fallback);
}

/* Every --set must name a slot that wants it, once. */
static int check_sets(const struct policy *policy, const struct llrun_options *options, struct llrun_error *error)
{
	for (uint32_t i = 0; i < options->nsets; i++) {
		const char *name = options->sets[i].name;
		uint32_t slot = 0, earlier = 0;

		while (slot < policy->blob.nslots && !(policy->blob.slots[slot].from == LLPB_SLOT_ARG &&
						       streq(name, blob_str(&policy->blob, policy->blob.slots[slot].name))))
			slot++;
		while (!streq(name, options->sets[earlier].name))
			earlier++;
		if (slot == policy->blob.nslots || earlier < i)
			return fail(policy, error, LLRUN_E_SLOT,
				    earlier < i ? "slot set twice" : "the policy has no slot of this name to set", name,
				    LLPB_NONE);
	}
	return 0;
}

/* What makes the opened file unfit for the slot, or NULL. */
static const char *slot_unfit(const struct llpb_slot *slot, const struct k_statx *file, const struct k_statx *root)
{
	int dir = (file->mode & K_S_IFMT) == K_S_IFDIR;

	if (slot->flags & LLPB_SLOT_DIR && !dir)
		return "slot must be a directory";
	if (slot->flags & LLPB_SLOT_FILE && dir)
		return "slot must not be a directory";
	if (!(slot->flags & LLPB_SLOT_ALLOW_ROOT) && file->ino == root->ino && file->dev_major == root->dev_major &&
	    file->dev_minor == root->dev_minor)
		return "slot is the root directory, without allow_root";
	return NULL;
}

static int bind_slot(const struct policy *policy, const struct llrun_options *options, uint32_t i,
		     struct anchors *anchors, struct llrun_error *error)
{
	const struct llpb_slot *slot = &policy->blob.slots[i];
	const char *name = blob_str(&policy->blob, slot->name);
	const char *value = slot_value(&policy->blob, slot, options);
	uint32_t source = policy->blob.npaths + policy->blob.nports + i;
	struct k_statx file, root;
	const char *unfit;
	long fd, result;

	if (!*value)
		return fail(policy, error, LLRUN_E_SLOT, "slot is unset or empty and has no default", name, source);
	fd = SYS(openat, K_AT_FDCWD, value, K_O_PATH | K_O_CLOEXEC);
	anchors->slots[i] = fd < 0 ? UNBOUND : (int)fd;
	anchors->nslots = i + 1;
	if (is_missing(fd) && slot->flags & LLPB_SLOT_OPTIONAL)
		return 0;
	if (fd < 0)
		return fail_sys(policy, error, "openat", fd, value, source);
	result = SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);
	if (result == 0)
		result = SYS(statx, K_AT_FDCWD, "/", 0, K_STATX_BASIC_STATS, &root);
	if (result < 0)
		return fail_sys(policy, error, "statx", result, value, source);
	unfit = slot_unfit(slot, &file, &root);
	return unfit ? fail(policy, error, LLRUN_E_SLOT, unfit, name, source) : 0;
}

/* ---- paths ---- */

/* Copy `path` with the byte 0x01 replaced by the real user's number. Returns NULL when it gets too long. */
static const char *expand_uid(char out[K_PATH_MAX], const char *path)
{
	uint32_t len = 0;

	for (; *path && len < K_PATH_MAX - 12; path++) {
		uint32_t uid = (uint32_t)SYS(getuid, 0), scale = 1;

		if (*path != 1) {
			out[len++] = *path;
			continue;
		}
		while (uid / scale >= 10)
			scale *= 10;
		for (; scale; scale /= 10)
			out[len++] = (char)('0' + uid / scale % 10);
	}
	out[len] = 0;
	return *path ? NULL : out;
}

/* A descriptor of the caller's own, or a negative error number. */
static long open_from(const struct llpb_path *rule, int base, const char *path)
{
	struct k_open_how how;

	if (rule->anchor == LLPB_ANCHOR_NONE)
		return SYS(openat, base, path, K_O_PATH | K_O_CLOEXEC);
	if (!*path)
		return SYS(fcntl, base, K_F_DUPFD_CLOEXEC, 3);
	if (rule->flags & LLPB_P_FOLLOW)
		return SYS(openat, base, path, K_O_PATH | K_O_CLOEXEC);
	how.flags = K_O_PATH | K_O_CLOEXEC;
	how.mode = 0;
	how.resolve = K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS;
	return SYS(openat2, base, path, &how, sizeof(how));
}

/* Apart: a page of the stack that is touched costs a fault, and few rules need this one. */
static __attribute__((noinline)) long open_with_uid(const struct llpb_path *rule, int base, const char *path)
{
	char expanded[K_PATH_MAX];

	path = expand_uid(expanded, path);
	if (!path)
		return -K_ENAMETOOLONG;
	return open_from(rule, base, path);
}

/* Sets *unbound when the rule hangs on an optional slot that is unbound, and is optional therefore. */
static long open_rule(const struct blob *blob, uint32_t i, const struct anchors *anchors, int *unbound)
{
	const struct llpb_path *rule = &blob->paths[i];
	const char *path = blob_str(blob, rule->path);
	int base = K_AT_FDCWD;

	*unbound = 0;
	if (rule->anchor != LLPB_ANCHOR_NONE)
		base = rule->anchor == LLPB_ANCHOR_SLOT ? anchors->slots[rule->base] : anchors->rules[rule->base];
	*unbound = base == UNBOUND;
	if (base < 0 && rule->anchor != LLPB_ANCHOR_NONE)
		return -K_ENOENT;
	return rule->flags & LLPB_P_UID ? open_with_uid(rule, base, path) : open_from(rule, base, path);
}

/*
 * The kernel answers EINVAL to directory rights on a file: no stat needed, the second try tells. Returns 0 or a
 * negative error number; *granted is what the rule gives on this plan.
 */
static long add_path(const struct policy *policy, const struct llpb_path *rule, int fd, uint64_t *granted)
{
	uint64_t handled = layer_attr(policy, rule->layer)->handled_access_fs;
	uint64_t masks[2] = { rule->dir_access & handled, rule->file_access & handled };
	struct k_landlock_path_beneath_attr attr;
	long result = 0;

	attr.parent_fd = fd;
	for (uint32_t i = 0; i < 2; i++) {
		*granted = attr.allowed_access = masks[i];
		/* nothing to grant on this plan; the kernel would answer ENOMSG */
		if (!masks[i])
			return 0;
		result = SYS(landlock_add_rule, policy->rulesets[rule->layer], K_LANDLOCK_RULE_PATH_BENEATH, &attr);
		if (result != -K_EINVAL || masks[0] == masks[1])
			break;
	}
	return result;
}

static int add_rule(const struct policy *policy, uint32_t i, struct anchors *anchors, rule_report *report,
		    struct llrun_error *error)
{
	const struct llpb_path *rule = &policy->blob.paths[i];
	int unbound, keep = i < anchors->nrules;
	long fd = open_rule(&policy->blob, i, anchors, &unbound), result = 0;
	uint64_t granted = 0;

	if (keep)
		anchors->rules[i] = unbound ? UNBOUND : fd < 0 ? MISSING : (int)fd;
	if (fd < 0 && !unbound && !(is_missing(fd) && rule->flags & LLPB_P_OPTIONAL))
		return fail_sys(policy, error, rule->anchor == LLPB_ANCHOR_NONE ? "openat" : "openat2", fd,
				blob_str(&policy->blob, rule->shown), i);
	if (fd >= 0)
		result = add_path(policy, rule, (int)fd, &granted);
	if (fd >= 0 && !anchors->leave && !(keep && rule->flags & LLPB_P_KEEP)) {
		SYS(close, fd);
		if (keep)
			anchors->rules[i] = MISSING;
	}
	if (result < 0)
		return fail_sys(policy, error, "landlock_add_rule", result, blob_str(&policy->blob, rule->shown), i);
	if (report)
		report(policy, i, granted, fd < 0);
	return 0;
}

/* ---- ports ---- */

const char *decimal(char out[12], uint64_t number)
{
	char *at = out + 11;

	*at = 0;
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	return at;
}

static int add_port(const struct policy *policy, uint32_t i, struct llrun_error *error)
{
	const struct llpb_port *port = &policy->blob.ports[i];
	struct k_landlock_net_port_attr attr = port->attr;
	long result;

	attr.allowed_access &= layer_attr(policy, port->layer)->handled_access_net;
	if (!attr.allowed_access)
		return 0;
	result = SYS(landlock_add_rule, policy->rulesets[port->layer], K_LANDLOCK_RULE_NET_PORT, &attr);
	return result < 0 ? fail_sys(policy, error, "landlock_add_rule", result, decimal(error->number, attr.port),
				     policy->blob.npaths + i) : 0;
}

/* ---- all of it ---- */

static int fill(struct policy *policy, const struct llrun_options *options, struct anchors *anchors,
		rule_report *report, struct llrun_error *error)
{
	int result = check_sets(policy, options, error);

	for (uint32_t i = 0; result == 0 && i < policy->blob.nslots; i++)
		result = bind_slot(policy, options, i, anchors, error);
	if (result == 0)
		result = create_rulesets(policy, error);
	for (uint32_t i = 0; result == 0 && i < policy->blob.npaths; i++)
		result = add_rule(policy, i, anchors, report, error);
	for (uint32_t i = 0; result == 0 && i < policy->blob.nports; i++)
		result = add_port(policy, i, error);
	return result;
}

/*
 * Up to 32 descriptors are cheaper left to close-on-exec than closed one by one (docs/performance.md). The array of
 * anchors is on the stack: 4 bytes per rule up to the last one that others are anchored to, 256 KiB at the limit.
 */
int landlock_fill(struct policy *policy, const struct llrun_options *options, rule_report *report,
		  struct llrun_error *error)
{
	struct anchors anchors;
	int result;

	anchors.leave = options->flags & LLRUN_LEAVE_FDS && policy->blob.npaths + policy->blob.nslots <= 32;
	anchors.nslots = 0;
	anchors.nrules = policy->blob.npaths;
	while (anchors.nrules && !(policy->blob.paths[anchors.nrules - 1].flags & LLPB_P_KEEP))
		anchors.nrules--;
	anchors.rules = __builtin_alloca(sizeof(int) * (anchors.nrules + 1));
	for (uint32_t i = 0; i < anchors.nrules; i++)
		anchors.rules[i] = MISSING;
	result = fill(policy, options, &anchors, report, error);
	for (uint32_t i = 0; !anchors.leave && i < anchors.nrules; i++)
		if (anchors.rules[i] >= 0)
			SYS(close, anchors.rules[i]);
	for (uint32_t i = 0; !anchors.leave && i < anchors.nslots; i++)
		if (anchors.slots[i] >= 0)
			SYS(close, anchors.slots[i]);
	return result;
}

int landlock_restrict(const struct policy *policy, struct llrun_error *error)
{
	uint32_t flags = policy->blob.plans[policy->plan].restrict_flags;

	for (uint32_t layer = 0; layer < policy->blob.nlayers; layer++) {
		long result = policy->rulesets[layer] < 0 ? 0 :
			      SYS(landlock_restrict_self, policy->rulesets[layer], flags);

		if (result < 0)
			return fail_sys(policy, error, "landlock_restrict_self", result, NULL, LLPB_NONE);
	}
	return 0;
}

void landlock_release(struct policy *policy)
{
	for (uint32_t layer = 0; layer < K_LANDLOCK_MAX_LAYERS; layer++) {
		if (policy->rulesets[layer] >= 0)
			SYS(close, policy->rulesets[layer]);
		policy->rulesets[layer] = -1;
	}
}
