/* SPDX-License-Identifier: MIT */
/* Checks of rules and mounts together: what the one makes of the other. Lexical, as the rules are. */
#include "checks.h"

#include <string.h>

#include "access.h"
#include "arena.h"
#include "grants.h"
#include "kernel_abi.h"
#include "path_tree.h"

#define WRITES                                                                                                       \
	(FS_RIGHT(write_file) | FS_RIGHT(truncate) | FS_RIGHT(make_reg) | FS_RIGHT(make_dir) | FS_RIGHT(make_sym) |  \
	 FS_RIGHT(make_sock) | FS_RIGHT(make_fifo) | FS_RIGHT(remove_file) | FS_RIGHT(remove_dir))

/* ---- what a path leads to ---- */

static const char *key_of(const struct policy_place *place)
{
	return place->rest + (*place->rest == '/');
}

/* What comes behind `dir` in a path at or beneath it, "" or "/..." ("x" where dir is ""); NULL: it is elsewhere. */
static const char *key_behind(const char *key, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(key, dir, len) || (len && key[len] && key[len] != '/') ? NULL : key + len;
}

static const char *key_join(struct arena *arena, const char *dir, const char *behind)
{
	return *dir && *behind && *behind != '/' ? arena_printf(arena, "%s/%s", dir, behind)
	       : *dir                            ? arena_printf(arena, "%s%s", dir, behind)
						 : behind + (*behind == '/');
}

const struct policy_mount *view_mount(const struct policy *p, int slot, const char *key)
{
	const struct policy_mount *found = NULL;

	for (size_t i = 0; i < p->nmounts; i++) {
		const struct policy_place *target = &p->mounts[i].target;
		if (target->slot == slot && key_behind(key, key_of(target)) &&
		    (!found || strlen(key_of(target)) >= strlen(key_of(&found->target))))
			found = &p->mounts[i];
	}
	return found;
}

bool view_source(const struct judge *j, int slot, const char *key, struct path_node *source)
{
	const struct policy_mount *mount = view_mount(j->policy, slot, key);

	*source = (struct path_node){.slot = slot, .key = key};
	if (!mount || mount->kind != MOUNT_BIND)
		return !mount;
	source->slot = mount->source.slot;
	source->key = key_join(j->arena, key_of(&mount->source), key_behind(key, key_of(&mount->target)));
	return true;
}

uint64_t view_rights(const struct policy *p, int slot, const char *key, uint64_t rights)
{
	const struct policy_mount *mount = view_mount(p, slot, key);
	bool of_root = p->has_root && p->new_root.slot == slot && key_behind(key, key_of(&p->new_root));
	uint32_t attrs = mount ? mount->attrs : of_root && p->root_read_only ? K_MOUNT_ATTR_RDONLY : 0;

	if (attrs & K_MOUNT_ATTR_RDONLY)
		rights &= ~(uint64_t)WRITES;
	return attrs & K_MOUNT_ATTR_NOEXEC ? rights & ~(uint64_t)FS_RIGHT(execute) : rights;
}

bool view_names(const struct judge *j, int slot, const char *key,
		bool (*told)(void *data, const struct bound_name *name), void *data)
{
	const struct policy *p = j->policy;
	bool visible = !p->has_root || (p->new_root.slot == slot && key_behind(key, key_of(&p->new_root)));

	if (visible && !view_mount(p, slot, key) && told(data, &(struct bound_name){.slot = slot, .key = key}))
		return true;
	for (size_t i = 0; i < p->nmounts; i++) {
		const struct policy_mount *bind = &p->mounts[i];
		const char *behind = bind->kind == MOUNT_BIND && bind->source.slot == slot
					     ? key_behind(key, key_of(&bind->source))
					     : NULL;
		struct bound_name name = {.slot = bind->target.slot, .bind = bind};
		if (!behind)
			continue;
		name.key = key_join(j->arena, key_of(&bind->target), behind);
		if (view_mount(p, name.slot, name.key) == bind && told(data, &name))
			return true;
	}
	return false;
}

/* ---- rules that mounts hide ---- */

/* Is the rule's path the place, or beneath it? */
static bool at_or_beneath(const struct policy_rule *rule, const struct policy_place *place)
{
	const struct policy_place path = {.slot = rule->slot, .rest = rule->rest};

	return place->path && ((rule->slot == place->slot && !strcmp(rule->rest, place->rest)) ||
			       place_beneath(&path, place->slot, place->rest));
}

/* Is it above the place? */
static bool above(const struct policy_rule *rule, const struct policy_place *place)
{
	return place->path && place_beneath(place, rule->slot, rule->rest);
}

/* The innermost mount at or above the rule's path. */
static const struct policy_mount *mount_of(const struct policy *p, const struct policy_rule *rule)
{
	return view_mount(p, rule->slot, rule->rest + (*rule->rest == '/'));
}

/* In a tmpfs of the policy there are the places that its own mounts need, and nothing else. */
static bool made_for_a_mount(const struct policy *p, const struct policy_rule *rule)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (above(rule, &p->mounts[i].target))
			return true;
	return false;
}

static bool is_of_mount(const struct policy_rule *rule, const struct policy_mount *mount)
{
	return rule->slot == mount->target.slot && !strcmp(rule->rest, mount->target.rest);
}

/* A rule holds for what is bound from its path, wherever that is mounted: it is the same directory. */
static bool bound_from(const struct policy *p, const struct policy_rule *rule)
{
	for (size_t i = 0; i < p->nmounts; i++)
		if (at_or_beneath(rule, &p->mounts[i].source))
			return true;
	return false;
}

static bool is_lost_in_tmpfs(const struct policy *p, const struct policy_rule *rule, const struct policy_mount *mount)
{
	return mount && mount->kind == MOUNT_TMPFS && !is_of_mount(rule, mount) && !made_for_a_mount(p, rule);
}

static bool is_left_outside(const struct policy *p, const struct policy_rule *rule, const struct policy_mount *mount)
{
	return !mount && p->has_root && !at_or_beneath(rule, &p->new_root) && !above(rule, &p->new_root);
}

static void say_left_outside(struct judge *j, enum check_id id, const struct policy_rule *rule)
{
	judge_say(j, id, &rule->pos, "name the path beneath the root as the host has it, or bind it into the root",
		  "\"%s\" lies outside the root \"%s\": the command cannot reach it", rule->path,
		  j->policy->new_root.path);
}

static void check_hidden_rule(struct judge *j, enum check_id id, const struct policy_rule *rule)
{
	const struct policy *p = j->policy;
	const struct policy_mount *mount = mount_of(p, rule);

	if (is_lost_in_tmpfs(p, rule, mount))
		judge_say(j, id, &rule->pos, "grant the tmpfs itself; what is made in it is beneath it",
			  "\"%s\" lies in the empty tmpfs on \"%s\": there is no such path when rules are looked up",
			  rule->path, mount->target.path);
	else if (is_left_outside(p, rule, mount) && !bound_from(p, rule))
		say_left_outside(j, id, rule);
}

/* Directly in the tmpfs, a file that the broker may create is a name in a directory that is there. */
static bool can_be_made(const struct policy_exception *e, const struct policy_mount *mount)
{
	const char *name = e->place.rest + strlen(mount->target.rest);

	return e->flags & LLPB_B_CREATE && !covers_tree(e->kind, e->flags) && !strchr(name + 1, '/');
}

/* The broker looks the exception up in the finished view, and only there. */
static void check_hidden_exception(struct judge *j, enum check_id id, const struct policy_exception *e)
{
	const struct policy *p = j->policy;
	const struct policy_mount *mount = mount_of(p, &e->place);

	if (is_lost_in_tmpfs(p, &e->place, mount) && !can_be_made(e, mount))
		judge_say(j, id, &e->place.pos,
			  "bind what is meant into the tmpfs, or grant the tmpfs itself by a rule",
			  "\"%s\" lies in the empty tmpfs on \"%s\": there is no such path when the broker starts",
			  e->place.path, mount->target.path);
	else if (is_left_outside(p, &e->place, mount))
		say_left_outside(j, id, &e->place);
}

/* What the mounts make unreachable. Of a bundle, what is not there is meant to be left out. */
void check_rule_hidden(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; i < p->nlayers; i++)
		for (size_t k = 0; k < p->layers[i].nrules; k++)
			if (p->layers[i].rules[k].group != GROUP_BUNDLE)
				check_hidden_rule(j, id, &p->layers[i].rules[k]);
	/* what is mounted at run time is mounted on what the command has made by then */
	for (size_t i = 0; i < p->nexceptions; i++)
		if (!names_mount(p->exceptions[i].kind))
			check_hidden_exception(j, id, &p->exceptions[i]);
}

static bool grants_there(const struct policy_rule *rule, const struct policy_mount *mount)
{
	return above(rule, &mount->target) || at_or_beneath(rule, &mount->target) ||
	       at_or_beneath(rule, &mount->source);
}

static bool granted(const struct policy_layer *layer, const struct policy_mount *mount)
{
	for (size_t k = 0; k < layer->nrules; k++)
		if (grants_there(&layer->rules[k], mount))
			return true;
	return false;
}

/* By the broker, whatever the layers say. */
static bool brokered(const struct policy *p, const struct policy_mount *mount)
{
	for (size_t i = 0; i < p->nexceptions; i++)
		if (!names_mount(p->exceptions[i].kind) && grants_there(&p->exceptions[i].place, mount))
			return true;
	return false;
}

void check_mount_not_granted(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t m = 0; m < p->nmounts; m++)
		for (size_t i = 0; i < p->nlayers; i++)
			if (p->layers[i].handled && !granted(&p->layers[i], &p->mounts[m]) &&
			    !brokered(p, &p->mounts[m])) {
				judge_say(j, id, &p->mounts[m].target.pos,
					  "a rule on it, above it or beneath it, in every layer",
					  "\"%s\" is mounted, but no rule grants anything there",
					  p->mounts[m].target.path);
				break;
			}
}

void check_mount_read_only(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; i < p->nlayers; i++)
		for (size_t k = 0; k < p->layers[i].nrules; k++) {
			const struct policy_rule *rule = &p->layers[i].rules[k];
			const struct policy_mount *mount = mount_of(p, rule);
			if (mount && mount->attrs & K_MOUNT_ATTR_RDONLY && rule->access & WRITES)
				judge_say(j, id, &rule->pos,
					  mount->kind == MOUNT_BIND
						  ? "read_only = false on the mount, if that is meant"
						  : "leave readonly out, if that is meant",
					  "\"%s\" is granted for writing, but mounted read-only on \"%s\"",
					  rule->path, mount->target.path);
		}
}
