/* SPDX-License-Identifier: MIT */
/*
 * The tables [mount] and [runtime]: what the command sees in place of the host's files. landlockd's form is the plain
 * one here: strings where a table may stand, read_only by default.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "kernel_abi.h"
#include "llpb.h"
#include "reader.h"

#define TMPFS_ATTRS (K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV)
#define PROC_ATTRS  (TMPFS_ATTRS | K_MOUNT_ATTR_NOEXEC)

static struct policy_mount *add_mount(struct reader *r, enum mount_kind kind, const struct toml_value *table)
{
	struct policy *p = r->policy;
	bool given = table->type == TOML_TABLE;

	p->mounts = arena_grow(r->arena, p->mounts, &p->mounts_cap, p->nmounts + 1, sizeof(*p->mounts));
	p->mounts[p->nmounts] = (struct policy_mount){
		.kind = kind,
		.attrs = given ? (uint32_t)word_bits(table, "options", VOCAB_MOUNT_ATTR) : 0,
		.create = given && get_bool(table, "create", false),
		.follow = given && get_bool(table, "follow", false),
		.optional = given && get_bool(table, "optional", false),
	};
	return &p->mounts[p->nmounts];
}

/* Bytes, or K, M, G of them: as plain bytes, so that how it was written does not change the blob. */
static const char *read_size(struct reader *r, const struct toml_value *table)
{
	static const char units[] = "KMG";
	const char *text = get_text(table, "size"), *unit;
	char *end;

	if (!text)
		return NULL;
	uint64_t size = strtoull(text, &end, 10);
	unsigned shift = *end && (unit = strchr(units, *end)) && !end[1] ? 10 * (unsigned)(unit - units + 1) : 0;
	if (*text < '0' || *text > '9' || (*end && !shift) || !size || size > (uint64_t)INT64_MAX >> shift) {
		struct srcpos pos = pos_of(table, "size");
		diag_report(r->diag, CHECK_BAD_VALUE, &pos,
			    "size \"%s\": a number of bytes above 0, or one with K, M or G, such as \"64M\"", text);
		return NULL;
	}
	return arena_printf(r->arena, "%" PRIu64, size << shift);
}

static void read_tmpfs_options(struct reader *r, const struct toml_value *table, struct policy_mount *mount)
{
	const struct toml_value *inodes = get(table, "inodes", TOML_INTEGER);
	int mode = read_octal(r, table, "mode", "1777");

	mount->size = read_size(r, table);
	if (inodes)
		mount->inodes = arena_printf(r->arena, "%" PRId64, inodes->integer);
	if (mode >= 0)
		mount->mode = arena_printf(r->arena, "%04o", (unsigned)mode);
}

/* A target as a string, or as a table { path, ... }. */
static void read_target(struct reader *r, const struct toml_value *value, enum mount_kind kind)
{
	struct policy_mount *mount = add_mount(r, kind, value);
	bool table = value->type == TOML_TABLE;

	mount->attrs |= kind == MOUNT_PROC ? PROC_ATTRS : TMPFS_ATTRS;
	if (kind == MOUNT_TMPFS) {
		mount->mode = "0700";
		if (table)
			read_tmpfs_options(r, value, mount);
	}
	if (read_place(r, table ? get(value, "path", TOML_STRING) : value, &mount->target))
		r->policy->nmounts++;
}

static void read_bind(struct reader *r, const struct toml_value *table)
{
	if (table->type != TOML_TABLE)
		return;
	struct policy_mount *mount = add_mount(r, MOUNT_BIND, table);
	if (get_bool(table, "read_only", true))
		mount->attrs |= K_MOUNT_ATTR_RDONLY;
	bool source = read_place(r, get(table, "source", TOML_STRING), &mount->source);
	if (read_place(r, get(table, "target", TOML_STRING), &mount->target) && source)
		r->policy->nmounts++;
}

void read_mount(struct reader *r, const struct toml_value *mount)
{
	r->policy->has_mount = true;
	r->policy->mount_pos = mount->pos;
	if (!mount->count)
		diag_report(r->diag, CHECK_MISSING_KEY, &mount->pos, "[mount] needs tmpfs, bind or proc");
	for (const struct toml_value *value = first(mount, "tmpfs"); value; value = value->next)
		read_target(r, value, MOUNT_TMPFS);
	for (const struct toml_value *value = first(mount, "bind"); value; value = value->next)
		read_bind(r, value);
	for (const struct toml_value *value = first(mount, "proc"); value; value = value->next)
		read_target(r, value, MOUNT_PROC);
}

void read_runtime(struct reader *r, const struct toml_value *runtime)
{
	struct policy *p = r->policy;
	const struct toml_value *cwd = get(runtime, "cwd", TOML_STRING);
	const char *user = get_text(runtime, "user");
	struct policy_place place;
	uint64_t as_root = 0;

	p->has_runtime = true;
	p->runtime_pos = runtime->pos;
	if (!runtime->count)
		diag_report(r->diag, CHECK_MISSING_KEY, &runtime->pos, "[runtime] needs root, cwd, isolate or user");
	p->has_root = read_place(r, get(runtime, "root", TOML_STRING), &p->new_root);
	p->root_read_only = get_bool(runtime, "root_read_only", false);
	p->isolate |= (uint32_t)word_bits(runtime, "isolate", VOCAB_NAMESPACE);
	if (user && vocab_find(VOCAB_USER, user, &as_root))
		p->as_root = as_root;
	if (text_of(cwd) && cwd->string.ptr[0] == '/' && read_place(r, cwd, &place)) {
		p->cwd = place.rest;
		p->cwd_pos = cwd->pos;
	}
	if (toml_get(runtime, "root_read_only") && !toml_get(runtime, "root"))
		diag_report(r->diag, CHECK_MISSING_KEY, &runtime->pos, "root_read_only needs root in [runtime]");
	if (p->has_root && p->new_root.slot < 0 && !strcmp(p->new_root.rest, "/"))
		diag_report(r->diag, CHECK_BAD_VALUE, &p->new_root.pos,
			    "the root directory is / without being told; leave root out");
}

/* ---- what spans the mounts ---- */

static bool same_place(const struct policy_place *a, const struct policy_place *b)
{
	return a->slot == b->slot && !strcmp(a->rest, b->rest);
}

bool place_beneath(const struct policy_place *place, int slot, const char *rest)
{
	size_t len = strlen(rest);

	if (place->slot != slot)
		return false;
	if (!len || !strcmp(rest, "/"))
		return place->rest[len] != 0;
	return !strncmp(place->rest, rest, len) && place->rest[len] == '/';
}

/*
 * landlockd mounts before it changes the root: what lies outside it is lost there, although the author wanted the command
 * to see it, as the example of its own README does. So it means the same path in the new root, and so does an exception
 * of the broker, which speaks of what the command can see. In the language of [fs] such a path is an error.
 */
static bool is_landlockds(const struct policy *p)
{
	bool is = p->has_root && p->new_root.slot < 0 && !p->new_root.uid && p->nlayers;

	for (size_t i = 0; i < p->nlayers; i++)
		is &= !p->layers[i].plain;
	return is;
}

static const char *in_root(struct reader *r, const char *path)
{
	const char *root = r->policy->new_root.rest;
	const struct policy_place place = {.slot = -1, .rest = path};

	if (!strcmp(path, root) || place_beneath(&place, -1, root))
		return path;
	return arena_printf(r->arena, "%s%s", root, strcmp(path, "/") ? path : "");
}

static void move_into_root(struct reader *r, const struct srcpos *pos, int slot, const char **path, const char **rest)
{
	const char *moved = slot < 0 ? in_root(r, *rest) : *rest;

	if (moved == *rest)
		return;
	diag_note(
		r->diag,
		diag_report(r->diag, CHECK_ROOT_OUTSIDE, pos,
			    "\"%s\" lies outside the root \"%s\": taken as \"%s\", which the command sees as \"%s\"",
			    *path, r->policy->new_root.path, moved, *rest),
		NULL, "with runtime.root, paths are those of the host: write \"%s\"", moved);
	*path = *rest = moved;
}

static void move_all_into_root(struct reader *r)
{
	const struct policy *p = r->policy;

	for (size_t i = 0; i < p->nmounts; i++) {
		struct policy_place *target = &p->mounts[i].target;
		move_into_root(r, &target->pos, target->uid ? 0 : target->slot, &target->path, &target->rest);
	}
	for (size_t i = 0; i < p->nexceptions; i++) {
		struct policy_exception *e = &p->exceptions[i];
		move_into_root(r, &e->place.pos, e->place.uid ? 0 : e->place.slot, &e->place.path, &e->place.rest);
		if (e->kind == LLPB_B_BIND)
			e->source = in_root(r, e->source);
	}
}

/* What is mounted outside the new root disappears with the old one. */
static void check_target(struct reader *r, const struct policy_mount *mount)
{
	const struct policy *p = r->policy;
	const struct policy_place *target = &mount->target;

	if (!p->has_root) {
		if (target->slot < 0 && !strcmp(target->rest, "/"))
			diag_report(r->diag, CHECK_BAD_VALUE, &target->pos,
				    "a mount on / would not be seen: give [runtime] root a directory to mount on");
		return;
	}
	if (same_place(target, &p->new_root) || place_beneath(target, p->new_root.slot, p->new_root.rest))
		return;
	struct diag_item *item = diag_report(r->diag, CHECK_MOUNT_LOST, &target->pos,
					     "\"%s\" lies outside the root \"%s\": the command would not see it",
					     target->path, p->new_root.path);
	diag_note(r->diag, item, NULL, "with runtime.root, targets are paths of the host: write \"%s%s\"",
		  p->new_root.path, target->slot < 0 ? target->rest : "/...");
}

/* The innermost other mount that a target lies beneath, or NULL. */
static const struct policy_mount *mount_above(const struct policy *p, const struct policy_mount *mount)
{
	const struct policy_mount *found = NULL;

	for (size_t i = 0; i < p->nmounts; i++) {
		const struct policy_mount *other = &p->mounts[i];
		if (place_beneath(&mount->target, other->target.slot, other->target.rest) &&
		    (!found || place_beneath(&other->target, found->target.slot, found->target.rest)))
			found = other;
	}
	return found;
}

/* A new file system holds nothing, a read-only one takes nothing: where neither target nor its mount can come from. */
static void check_above(struct reader *r, const struct policy_mount *mount)
{
	const struct policy_mount *above = mount_above(r->policy, mount);
	struct diag_item *item = NULL;

	if (above && mount->create &&
	    (above->kind == MOUNT_PROC || (above->kind == MOUNT_BIND && above->attrs & K_MOUNT_ATTR_RDONLY)))
		item = diag_report(r->diag, CHECK_MOUNT_TARGET, &mount->target.pos,
				   "\"%s\" cannot be created: a %s lies above it", mount->target.path,
				   above->kind == MOUNT_PROC ? "proc" : "read-only bind");
	else if (above && !mount->create && above->kind == MOUNT_TMPFS)
		item = diag_report(r->diag, CHECK_MOUNT_TARGET, &mount->target.pos,
				   "\"%s\" does not exist in the empty tmpfs above it; add create = true",
				   mount->target.path);
	else if (!above && mount->create && r->policy->root_read_only)
		diag_report(r->diag, CHECK_MOUNT_TARGET, &mount->target.pos,
			    "\"%s\" cannot be created: root_read_only; create it beforehand", mount->target.path);
	if (item)
		diag_note(r->diag, item, &above->target.pos, "mounted here");
}

/* In a user namespace where the caller is 0 nobody knows any more what number ${UID} was to be. */
static void check_uid(struct reader *r)
{
	const struct policy *p = r->policy;

	for (size_t i = 0; p->as_root && i < p->nlayers; i++)
		for (size_t k = 0; k < p->layers[i].nrules; k++)
			if (p->layers[i].rules[k].uid)
				diag_report(r->diag, CHECK_BAD_SLOT, &p->layers[i].rules[k].pos,
					    "${UID} beside user = \"root\": inside, the caller is 0");
}

static void check_duplicate(struct reader *r, const struct policy_mount *mount)
{
	for (size_t i = 0; &r->policy->mounts[i] < mount; i++)
		if (same_place(&r->policy->mounts[i].target, &mount->target))
			diag_note(r->diag,
				  diag_report(r->diag, CHECK_MOUNT_TARGET, &mount->target.pos,
					      "two mounts on \"%s\": only one of them could be seen",
					      mount->target.path),
				  &r->policy->mounts[i].target.pos, "the other one");
}

void check_view(struct reader *r)
{
	check_uid(r);
	if (is_landlockds(r->policy))
		move_all_into_root(r);
	for (size_t i = 0; i < r->policy->nmounts; i++) {
		check_target(r, &r->policy->mounts[i]);
		check_duplicate(r, &r->policy->mounts[i]);
		check_above(r, &r->policy->mounts[i]);
	}
}
