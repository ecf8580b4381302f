/* SPDX-License-Identifier: MIT */
/*
 * Slots, rule paths, rulesets, layers.
 *
 * MUST open every path of the policy; only what the blob marks optional may be missing (ENOENT, ENOTDIR).
 * MUST NOT follow a symlink, nor leave the anchor, in an anchored lookup, unless the rule says follow.
 * MUST NOT bind a slot to the root directory, unless the slot says allow_root.
 */
#include "enter.h"

/* In place of a descriptor: an optional path that does not exist; a path beneath an optional slot that is unbound. */
enum { MISSING = -1, UNBOUND = -2 };

struct anchors {
	int slots[LLPB_MAX_SLOTS];
	int *rules; /* what LLPB_P_KEEP keeps open, by index of the rule */
	uint32_t nslots, nrules; /* how many there are so far */
	int leave; /* to close-on-exec */
};

static int is_missing(long result)
{
	return result == -K_ENOENT || result == -K_ENOTDIR;
}

static const struct k_landlock_ruleset_attr *layer_attr(const struct policy *policy, uint32_t layer)
{
	return &policy->blob.rulesets[policy->plan * policy->blob.nlayers + layer];
}

/* ---- slots ---- */

/* Every NAME=PATH must be for a slot that wants it, once. */
static int check_sets(const struct blob *blob, const struct llrun_options *options, struct llrun_error *error)
{
	for (const char *const *set = options->sets; set && *set; set++) {
		const char *value = NULL;

		for (uint32_t i = 0; i < blob->nslots && !value; i++)
			if (blob->slots[i].from == LLPB_SLOT_ARG)
				value = env_value(*set, blob_str(blob, blob->slots[i].name));
		if (!value || env_get(options->sets, *set) != value)
			return fail(error, LLRUN_E_SLOT,
				    value ? "slot set twice" : "no slot of this name takes --set", *set);
	}
	return 0;
}

const char *slot_value(const struct blob *blob, const struct llpb_slot *slot, const struct llrun_options *options)
{
	int arg = slot->from == LLPB_SLOT_ARG;
	const char *name = blob_str(blob, arg ? slot->name : slot->variable);
	const char *value = slot->from == LLPB_SLOT_CWD ? "." : env_get(arg ? options->sets : options->envp, name);

	return value && *value ? value : blob_str(blob, slot->fallback);
}

static int bind_slot(const struct blob *blob, const struct llpb_slot *slot, const struct llrun_options *options,
		     int *bound, struct llrun_error *error)
{
	const char *name = blob_str(blob, slot->name), *path = slot_value(blob, slot, options);
	int arg = slot->from == LLPB_SLOT_ARG;
	struct k_statx file, root;

	if (!*path)
		return fail(error, LLRUN_E_SLOT,
			    arg ? "the slot has no value: give --set NAME=PATH"
				: "the slot has no value: set the variable",
			    arg ? name : blob_str(blob, slot->variable));
	const struct k_open_how how = {K_O_ANCHOR, 0, slot->flags & LLPB_SLOT_FOLLOW ? 0 : K_RESOLVE_NO_SYMLINKS};
	long fd = SYS(openat2, K_AT_FDCWD, path, &how, sizeof(how));
	*bound = fd < 0 ? UNBOUND : (int)fd;
	if (fd < 0)
		return is_missing(fd) && slot->flags & LLPB_SLOT_OPTIONAL ? 0 : check_sys(error, "openat2", fd, path);
	long result = SYS(statx, K_AT_FDCWD, "/", 0, K_STATX_BASIC_STATS, &root)
			      ?: SYS(statx, fd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS, &file);
	if (result < 0)
		return check_sys(error, "statx", result, path);
	int dir = (file.mode & K_S_IFMT) == K_S_IFDIR;
	if (slot->flags & (dir ? LLPB_SLOT_FILE : LLPB_SLOT_DIR))
		return fail(error, LLRUN_E_SLOT, dir ? "must not be a directory" : "must be a directory", name);
	if (!(slot->flags & LLPB_SLOT_ALLOW_ROOT) && file.ino == root.ino && file.dev_major == root.dev_major &&
	    file.dev_minor == root.dev_minor)
		return fail(error, LLRUN_E_SLOT, "slot is the root directory, without allow_root", name);
	return 0;
}

int blame(const struct blob *blob, struct llrun_error *error, uint32_t source, int result)
{
	if (result < 0 && blob->source) {
		error->file = blob_str(blob, blob->source[source].file);
		error->line = blob->source[source].line;
	}
	return result;
}

int bind_slots(const struct policy *policy, const struct llrun_options *options, int *slots, uint32_t *count,
	       struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	int result = check_sets(blob, options, error);

	for (*count = 0; result == 0 && *count < blob->nslots; ++*count)
		result = blame(blob, error, blob->npaths + blob->nports + *count,
			       bind_slot(blob, &blob->slots[*count], options, &slots[*count], error));
	return result;
}

/* ---- paths ---- */

const char *path_with_uid(char full[PATH_SIZE], const char *path)
{
	char uid[12];

	*full = 0;
	for (uint32_t len = 0; *path; path++) {
		const char one[2] = {*path, 0};
		len = append(full, PATH_SIZE, len, *path == 1 ? decimal(uid, (uint32_t)SYS(getuid, 0)) : one);
	}
	return full;
}

/* A descriptor of the caller's own, or a negative error number. */
static long open_from(const struct llpb_path *rule, int base, const char *path)
{
	int root = rule->anchor == LLPB_ANCHOR_ROOT;
	const struct k_open_how how = {K_O_ANCHOR, 0,
				       root ? K_RESOLVE_IN_ROOT : K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS};

	if (rule->anchor != LLPB_ANCHOR_NONE && !*path)
		return SYS(fcntl, base, K_F_DUPFD_CLOEXEC, 3);
	if (rule->anchor == LLPB_ANCHOR_NONE || (rule->flags & LLPB_P_FOLLOW && !root))
		return SYS(openat, base, path, K_O_ANCHOR);
	return SYS(openat2, base, path, &how, sizeof(how));
}

/*
 * The byte 0x01 stands for the real user's number. Apart from open_from(): a page of the stack that is touched costs a
 * fault, and few rules need this one.
 */
static __attribute__((noinline)) long open_with_uid(const struct llpb_path *rule, int base, const char *path)
{
	char full[PATH_SIZE];

	return open_from(rule, base, path_with_uid(full, path));
}

/* Sets *base to UNBOUND when the rule hangs on an optional slot that is unbound, and is optional therefore. */
static long open_rule(const struct policy *policy, const struct llpb_path *rule, const struct anchors *anchors,
		      int *base)
{
	const int *fds = rule->anchor == LLPB_ANCHOR_SLOT ? anchors->slots : anchors->rules;
	const char *path = blob_str(&policy->blob, rule->path);

	*base = rule->base == LLPB_NONE ? policy->root : fds[rule->base];
	if (*base == MISSING || *base == UNBOUND)
		return -K_ENOENT;
	return rule->flags & LLPB_P_UID ? open_with_uid(rule, *base, path) : open_from(rule, *base, path);
}

/*
 * The kernel answers EINVAL to directory rights on a file: no stat needed, the second try tells. Returns 0 or a
 * negative error number; *granted is what the rule gives on this plan.
 */
static long grant(const struct policy *policy, const struct llpb_path *rule, int fd, uint64_t *granted)
{
	uint64_t handled = layer_attr(policy, rule->layer)->handled_access_fs;
	uint64_t masks[2] = {rule->dir_access & handled, rule->file_access & handled};
	struct k_landlock_path_beneath_attr attr = {.parent_fd = fd};
	long result = -K_EINVAL;

	for (uint32_t i = 0; i < 2 && result == -K_EINVAL; i++) {
		*granted = attr.allowed_access = masks[i];
		/* nothing to grant on this plan; the kernel would answer ENOMSG */
		if (!masks[i])
			return 0;
		result = SYS(landlock_add_rule, policy->rulesets[rule->layer], K_LANDLOCK_RULE_PATH_BENEATH, &attr);
	}
	return result;
}

static int add_rule(const struct policy *policy, uint32_t i, struct anchors *anchors, rule_report *report,
		    struct llrun_error *error)
{
	const struct llpb_path *rule = &policy->blob.paths[i];
	const char *shown = blob_str(&policy->blob, rule->shown);
	int base, keep = rule->flags & LLPB_P_KEEP;
	long fd = open_rule(policy, rule, anchors, &base), result;
	uint64_t granted = 0;

	if (fd < 0 && base != UNBOUND && !(is_missing(fd) && rule->flags & LLPB_P_OPTIONAL))
		return check_sys(error, rule->anchor == LLPB_ANCHOR_NONE ? "openat" : "openat2", fd, shown);
	anchors->rules[anchors->nrules++] = base == UNBOUND ? UNBOUND : keep && fd >= 0 ? (int)fd : MISSING;
	result = fd < 0 ? 0 : grant(policy, rule, (int)fd, &granted);
	if (fd >= 0 && !keep && !anchors->leave)
		SYS(close, fd);
	if (report && result >= 0)
		report(policy, i, granted, fd < 0);
	return check_sys(error, "landlock_add_rule", result, shown);
}

/* ---- ports and all of it ---- */

static int add_port(struct policy *policy, const struct llpb_port *port, struct llrun_error *error)
{
	struct k_landlock_net_port_attr attr = port->attr;
	long result = 0;

	attr.allowed_access &= layer_attr(policy, port->layer)->handled_access_net;
	if (attr.allowed_access)
		result = SYS(landlock_add_rule, policy->rulesets[port->layer], K_LANDLOCK_RULE_NET_PORT, &attr);
	return check_sys(error, "landlock_add_rule", result, decimal(policy->number, (uint32_t)attr.port));
}

static int create_ruleset(struct policy *policy, uint32_t layer, struct llrun_error *error)
{
	const struct k_landlock_ruleset_attr *attr = layer_attr(policy, layer);

	/* the kernel answers ENOMSG to a ruleset that handles nothing */
	if (!(attr->handled_access_fs | attr->handled_access_net | attr->scoped))
		return 0;
	long fd = SYS(landlock_create_ruleset, attr, policy->blob.plans[policy->plan].attr_size, 0);
	policy->rulesets[layer] = fd < 0 ? MISSING : (int)fd;
	return check_sys(error, "landlock_create_ruleset", fd, NULL);
}

static void close_all(const int *fds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			SYS(close, fds[i]);
}

/*
 * Up to 32 descriptors are cheaper left to close-on-exec than closed one by one (docs/performance.md). The anchors are
 * on the stack, 4 bytes per rule: 256 KiB at the limit of the format.
 */
int policy_fill(struct policy *policy, const struct llrun_options *options, rule_report *report,
		struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	struct anchors anchors;
	int result;

	anchors.leave = options->flags & LLRUN_LEAVE_FDS && blob->npaths + blob->nslots <= 32;
	anchors.nslots = anchors.nrules = 0;
	anchors.rules = __builtin_alloca(sizeof(int) * (blob->npaths + 1));
	result = bind_slots(policy, options, anchors.slots, &anchors.nslots, error);
	for (uint32_t i = 0; result == 0 && i < blob->nlayers; i++)
		result = create_ruleset(policy, i, error);
	for (uint32_t i = 0; result == 0 && i < blob->npaths; i++)
		result = blame(blob, error, i, add_rule(policy, i, &anchors, report, error));
	for (uint32_t i = 0; result == 0 && i < blob->nports; i++)
		result = blame(blob, error, blob->npaths + i, add_port(policy, &blob->ports[i], error));
	close_all(anchors.slots, anchors.leave ? 0 : anchors.nslots);
	close_all(anchors.rules, anchors.leave ? 0 : anchors.nrules);
	if (result < 0)
		llrun_release((struct llrun_policy *)policy);
	return result;
}

int landlock_restrict(const struct policy *policy, struct llrun_error *error)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < policy->blob.nlayers; i++)
		if (policy->rulesets[i] >= 0)
			result = check_sys(error, "landlock_restrict_self",
					   SYS(landlock_restrict_self, policy->rulesets[i], policy->restrict_flags),
					   NULL);
	return result;
}

void llrun_release(struct llrun_policy *policy)
{
	int *rulesets = ((struct policy *)policy)->rulesets;

	close_all(rulesets, K_LANDLOCK_MAX_LAYERS);
	for (uint32_t i = 0; i < K_LANDLOCK_MAX_LAYERS; i++)
		rulesets[i] = MISSING;
}
