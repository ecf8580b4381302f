/* SPDX-License-Identifier: MIT */
/* Which rule of a policy comes nearest to what the kernel has denied. Explains; decides nothing. */
#include "denials.h"
#include "store.h"

/* ---- where the rules' paths lead ---- */

/* The real path of what is at `path`, or `path` as it is. A policy with mounts speaks of another view than ours. */
static void resolve(const struct policy *policy, char path[PATH_SIZE])
{
	char link[32] = "/proc/self/fd/", digits[12];
	long fd = policy->blob.header->features & LLPB_F_MOUNTS ? -1 : SYS(openat, K_AT_FDCWD, path, K_O_ANCHOR);

	if (fd < 0)
		return;
	append(link, sizeof(link), 14, decimal(digits, (uint32_t)fd));
	long len = SYS(readlinkat, K_AT_FDCWD, link, path, PATH_SIZE - 1);
	if (len > 0)
		path[len] = 0;
	SYS(close, fd);
}

static void place(struct places *places, const struct llpb_path *rule, const struct llrun_options *options,
		  char path[PATH_SIZE])
{
	const struct blob *blob = &places->policy->blob;
	const char *base = rule->anchor == LLPB_ANCHOR_SLOT   ? slot_value(blob, &blob->slots[rule->base], options)
			   : rule->anchor == LLPB_ANCHOR_RULE ? places->paths[rule->base]
							      : "";
	char full[PATH_SIZE];
	const char *rest = path_with_uid(full, blob_str(blob, rule->path));
	uint32_t len = append(path, PATH_SIZE, 0, base);

	if (*base && *rest)
		len = append(path, PATH_SIZE, len, "/");
	append(path, PATH_SIZE, len, rest);
	resolve(places->policy, path);
}

int places_find(struct places *places, const struct policy *policy, const struct llrun_options *options,
		struct llrun_error *error)
{
	const int flags = K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE;
	size_t count = policy->blob.npaths, size = count * (sizeof(char *) + PATH_SIZE) + PATH_SIZE;
	long memory = SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, flags, -1);
	char path[PATH_SIZE];

	if (memory < 0 && memory > -4096)
		return check_sys(error, "mmap", memory, NULL);
	struct store store = {(char *)memory + count * sizeof(char *), (char *)memory + size};
	*places = (struct places){policy, (const char **)memory};
	for (size_t i = 0; i < count; i++) {
		place(places, &policy->blob.paths[i], options, path);
		places->paths[i] = keep(&store, path);
	}
	return 0;
}

/* ---- the nearest rule ---- */

/* The length of `rule` when `path` is it or lies beneath it, else -1. */
static int64_t beneath(const char *path, const char *rule)
{
	const char *rest = after_prefix(path, rule);
	int64_t len = 0;

	while (rule[len])
		len++;
	return rest && (!*rest || *rest == '/' || (len && rule[len - 1] == '/')) ? len : -1;
}

/* In one layer: what is granted there, and the longest rule. */
static uint64_t look(const struct places *places, const struct denial *denial, uint32_t layer, struct nearest *out)
{
	const struct blob *blob = &places->policy->blob;
	uint64_t granted = 0;
	int64_t longest = -1;

	for (uint32_t i = 0; denial->path && i < blob->npaths; i++) {
		int64_t len = blob->paths[i].layer == layer ? beneath(denial->path, places->paths[i]) : -1;

		if (len < 0)
			continue;
		granted |= blob->paths[i].dir_access | blob->paths[i].file_access;
		if (len > longest) {
			longest = len;
			out->source = i;
			out->path = blob_str(blob, blob->paths[i].shown);
		}
	}
	return granted;
}

static uint64_t look_port(const struct places *places, const struct denial *denial, uint32_t layer,
			  struct nearest *out)
{
	const struct blob *blob = &places->policy->blob;
	uint64_t granted = 0;

	for (uint32_t i = 0; i < blob->nports; i++)
		if (blob->ports[i].layer == layer && (int64_t)blob->ports[i].attr.port == denial->port) {
			granted |= blob->ports[i].attr.allowed_access;
			out->source = (int64_t)blob->npaths + i;
		}
	return granted;
}

/* The first layer that handles what was denied and does not grant all of it. */
int nearest_rule(const struct places *places, const struct denial *denial, struct nearest *out)
{
	const struct blob *blob = &places->policy->blob;
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[places->policy->plan * blob->nlayers];

	for (uint32_t layer = 0; layer < blob->nlayers; layer++) {
		uint64_t fs = denial->fs & attr[layer].handled_access_fs;
		uint64_t net = denial->net & attr[layer].handled_access_net;

		*out = (struct nearest){.layer = layer, .source = -1};
		if ((fs && fs & ~look(places, denial, layer, out)) ||
		    (net && net & ~look_port(places, denial, layer, out)) || denial->scope & attr[layer].scoped)
			return 1;
	}
	return 0;
}
