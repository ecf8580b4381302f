/* SPDX-License-Identifier: MIT */
/* What would have to be granted, as lines of a policy; see additions_toml.h. */
#include "additions_toml.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "arena.h"
#include "inspect.h"
#include "policy.h"
#include "text.h"
#include "utf8.h"
#include "vocab.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_object(const struct addition *a, const struct addition *b)
{
	return a->kind == b->kind && a->layer == b->layer && a->port == b->port && same_text(a->path, b->path) &&
	       same_text(a->call, b->call) && same_text(a->when, b->when) && same_text(a->change, b->change);
}

bool additions_merge(struct additions_set *set, const struct addition *addition)
{
	struct addition *item;

	for (size_t i = 0; i < set->n; i++)
		if (same_object(&set->items[i], addition)) {
			bool grows = addition->rights & ~set->items[i].rights;
			set->items[i].rights |= addition->rights;
			return grows;
		}
	set->items = arena_grow(set->arena, set->items, &set->cap, set->n + 1, sizeof(*set->items));
	item = &set->items[set->n++];
	*item = *addition;
	item->path = addition->path ? arena_strdup(set->arena, addition->path) : NULL;
	item->call = addition->call ? arena_strdup(set->arena, addition->call) : NULL;
	item->when = addition->when ? arena_strdup(set->arena, addition->when) : NULL;
	item->change = addition->change ? arena_strdup(set->arena, addition->change) : NULL;
	item->file = addition->file ? arena_strdup(set->arena, addition->file) : NULL;
	item->opens = NULL;
	return true;
}

static int by_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int by_object(const void *left, const void *right)
{
	const struct addition *a = left, *b = right;
	int order = (a->kind > b->kind) - (a->kind < b->kind);

	order = order ? order : (a->layer > b->layer) - (a->layer < b->layer);
	order = order ? order : by_text(a->path, b->path);
	order = order ? order : (a->when != NULL) - (b->when != NULL);
	order = order ? order : by_text(a->call, b->call);
	order = order ? order : by_text(a->when, b->when);
	order = order ? order : by_text(a->change, b->change);
	return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* ---- paths ---- */

static const char *const group_keys[] = {
	[GROUP_RO] = "ro", [GROUP_ROX] = "rox", [GROUP_RW] = "rw", [GROUP_RWX] = "rwx", [GROUP_UNIX] = "unix"};
#define GROUP_KEYS (sizeof(group_keys) / sizeof(group_keys[0]))

static bool is_plain(const struct blob *blob, const struct addition *a)
{
	return a->layer == 0 && blob->meta->flags & LLPB_META_PLAIN_FS;
}

/* The language has no paths with control characters or bytes that are not UTF-8. */
static bool is_nameable(const char *path)
{
	uint32_t code;

	for (size_t len; *path; path += len) {
		len = utf8_decode(path, strnlen(path, 4), &code);
		if (!len || !utf8_printable(code))
			return false;
	}
	return true;
}

static void put_nameless(FILE *out, const struct additions_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		if (set->items[i].kind != ADD_PATH || is_nameable(set->items[i].path))
			continue;
		fputs("# no policy can name this path: ", out);
		put_text(out, set->items[i].path);
		fputc('\n', out);
	}
}

/* Does a directory above get all of it as well? Then there is nothing to write, nor where there is no way to. */
static bool is_left_out(const struct additions_set *set, const struct addition *a)
{
	if (!is_nameable(a->path))
		return true;
	for (size_t i = 0; i < set->n; i++) {
		const struct addition *b = &set->items[i];
		size_t len = b->kind == ADD_PATH && b->directory ? strlen(b->path) : 0;
		if (len && b != a && b->layer == a->layer && !(a->rights & ~b->rights) &&
		    !strncmp(a->path, b->path, len) && (a->path[len] == '/' || !b->path[1]))
			return true;
	}
	return false;
}

/* A command may remove what it was refused first. A rule for what does not exist would keep it from starting. */
static bool is_gone(const char *path)
{
	struct stat st;

	return lstat(path, &st) && errno == ENOENT;
}

/* The group that stands for these very rights, or GROUP_KEYS. */
static size_t group_of(const struct addition *a, unsigned abi)
{
	for (size_t g = 0; g < GROUP_KEYS; g++) {
		uint64_t rights = path_group_rights((enum path_group)g) & abi_fs_mask(abi);
		if (group_keys[g] && a->rights == (a->directory ? rights : rights & FS_FILE_RIGHTS))
			return g;
	}
	return GROUP_KEYS;
}

static void put_rights(FILE *out, uint64_t rights, const char *(*name)(unsigned))
{
	const char *separator = "[";

	for (unsigned bit = 0; bit < 64; bit++)
		if (rights >> bit & 1) {
			fprintf(out, "%s\"%s\"", separator, name(bit));
			separator = ", ";
		}
	fputc(']', out);
}

static void put_group(FILE *out, const struct blob *blob, unsigned abi, const struct additions_set *set, size_t group,
		      bool *begun)
{
	bool any = false;

	for (size_t i = 0; i < set->n; i++) {
		const struct addition *a = &set->items[i];
		if (a->kind != ADD_PATH || !is_plain(blob, a) || group_of(a, abi) != group || is_left_out(set, a))
			continue;
		if (!*begun)
			fputs("\n[fs]\n", out);
		*begun = true;
		if (!any)
			fprintf(out, "%s = [\n", group_keys[group]);
		fputs(is_gone(a->path) ? "\t{ path = " : "\t", out);
		put_toml(out, a->path);
		fputs(is_gone(a->path) ? ", optional = true },\n" : ",\n", out);
		any = true;
	}
	if (any)
		fputs("]\n", out);
}

/* Does the bundle's path grant all of it? Both as the kernel finds them: bundles name links, additions what they lead to. */
static bool in_bundle(const struct addition *a, const struct bundle_path *path)
{
	char real[PATH_MAX];
	size_t len;

	if (a->rights & ~path_group_rights((enum path_group)path->group) || !realpath(path->path, real))
		return false;
	len = strlen(real);
	return !strncmp(a->path, real, len) && (!a->path[len] || a->path[len] == '/');
}

static bool in_bundle_named(const struct addition *a, const char *bundle)
{
	for (size_t i = 0; i < bundle_paths_count; i++)
		if (!strcmp(bundle_paths[i].bundle, bundle) && in_bundle(a, &bundle_paths[i]))
			return true;
	return false;
}

/* What a bundle stands for is better asked for by its name; but that grants more, and is not for us to decide. */
static void put_bundles(FILE *out, const struct blob *blob, const struct additions_set *set)
{
	static const struct {
		const char *name, *help;
	} bundles[] = {
#define BUNDLE(name, help) {#name, help},
#include "bundles.def"
	};

	for (size_t b = 0; b < sizeof(bundles) / sizeof(bundles[0]); b++) {
		size_t paths = 0;
		for (size_t i = 0; i < set->n; i++)
			paths += set->items[i].kind == ADD_PATH && is_plain(blob, &set->items[i]) &&
				 in_bundle_named(&set->items[i], bundles[b].name);
		if (paths)
			fprintf(out, "# [fs] with = [\"%s\"] would grant %zu of these paths, and more: %s\n",
				bundles[b].name, paths, bundles[b].help);
	}
}

static void put_paths(FILE *out, const struct blob *blob, unsigned abi, const struct additions_set *set)
{
	bool begun = false;

	for (size_t g = 0; g < GROUP_KEYS; g++)
		if (group_keys[g])
			put_group(out, blob, abi, set, g, &begun);
	for (size_t i = 0; i < set->n; i++) {
		const struct addition *a = &set->items[i];
		bool plain = is_plain(blob, a);
		if (a->kind != ADD_PATH || (plain && group_of(a, abi) != GROUP_KEYS) || is_left_out(set, a))
			continue;
		if (plain)
			fputs("\n[[fs.rule]]\npath = ", out);
		else
			fprintf(out,
				"\n# in the [[fs_layer]] that is layer %" PRIu32 ":\n# [[fs_layer.rule]]\n# path = ",
				a->layer);
		put_toml(out, a->path);
		fputs(plain ? "\naccess = " : "\n# allowed_access = ", out);
		put_rights(out, a->rights, fs_right_name);
		fputs(plain && is_gone(a->path) ? "\noptional = true\n" : "\n", out);
	}
}

/* ---- ports, scopes, calls ---- */

/* The key of [net] that stands for a right, or NULL. */
static const char *port_key(uint64_t right)
{
	return right == NET_RIGHT(connect_tcp) ? "connect_tcp" : right == NET_RIGHT(bind_tcp) ? "bind_tcp" : NULL;
}

static void put_ports(FILE *out, const struct additions_set *set, uint64_t right, bool *begun)
{
	bool any = false;

	for (size_t i = 0; i < set->n; i++) {
		const struct addition *a = &set->items[i];
		if (a->kind != ADD_PORT || !(a->rights & right))
			continue;
		if (!*begun)
			fputs("\n[net]\n", out);
		*begun = true;
		if (any)
			fputs(", ", out);
		else
			fprintf(out, "%s = [", port_key(right));
		fprintf(out, "%" PRIu32, a->port);
		any = true;
	}
	if (any)
		fputs("]\n", out);
}

static void put_scopes(FILE *out, const struct additions_set *set)
{
	uint64_t scopes = 0;

	for (size_t i = 0; i < set->n; i++)
		scopes |= set->items[i].kind == ADD_SCOPE ? set->items[i].rights : 0;
	if (scopes)
		fputs("\n[scope]\n", out);
	for (unsigned bit = 0; bit < 64; bit++)
		if (scopes >> bit & 1)
			fprintf(out, "%s = false\n", scope_name(bit));
}

static void put_companions(FILE *out, const struct additions_set *set)
{
	bool begun = false;

	for (size_t i = 0; i < set->n; i++) {
		if (set->items[i].kind != ADD_COMPANION)
			continue;
		fprintf(out, "%s%s = false\n", begun ? "" : "\n[companions]\n", set->items[i].call);
		begun = true;
	}
}

static bool has_udp(const struct additions_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->items[i].kind == ADD_UDP)
			return true;
	return false;
}

void put_call_granted(FILE *out, const struct addition *a)
{
	fputs("action = \"allow\"\n", out);
	if (a->when) {
		fputs("when = ", out);
		put_toml(out, a->when);
		fputc('\n', out);
	}
	fputs("override = true\n", out);
}

static void end_calls(FILE *out, const struct addition *last)
{
	fputs("]\n", out);
	put_call_granted(out, last);
}

/* One rule for all calls that are granted as they are; the set is sorted, and they come first. */
static void put_calls(FILE *out, const struct additions_set *set)
{
	const struct addition *last = NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct addition *a = &set->items[i];
		if (a->kind != ADD_CALL)
			continue;
		bool joins = last && !last->when && !a->when;
		if (last && !joins)
			end_calls(out, last);
		fputs(joins ? ", " : "\n[[seccomp.rule]]\nsyscall = [", out);
		put_toml(out, a->call);
		last = a;
	}
	if (last)
		end_calls(out, last);
}

void additions_put(FILE *out, const struct blob *blob, unsigned abi, struct additions_set *set)
{
	bool begun = false;

	if (set->n)
		qsort(set->items, set->n, sizeof(*set->items), by_object);
	put_nameless(out, set);
	for (size_t i = 0; i < set->n; i++)
		if (set->items[i].kind == ADD_EDIT)
			addition_toml(out, blob, &set->items[i]);
	put_bundles(out, blob, set);
	put_paths(out, blob, abi, set);
	put_ports(out, set, NET_RIGHT(connect_tcp), &begun);
	put_ports(out, set, NET_RIGHT(bind_tcp), &begun);
	if (has_udp(set))
		fputs(begun ? "udp = \"allow\"\n" : "\n[net]\nudp = \"allow\"\n", out);
	put_scopes(out, set);
	put_companions(out, set);
	put_calls(out, set);
}
