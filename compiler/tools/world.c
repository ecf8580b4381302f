/* SPDX-License-Identifier: MIT */
/*
 * A policy bound to files: slots and rule paths of a blob become inodes, or canonical texts, with the look-ups that
 * llrun makes (runtime/landlock.c): the same calls, flags and conditions, so that a rule binds here to what it binds
 * there. What would make llrun refuse is noted, and grants nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"

/* In place of a descriptor, as there: an optional path that does not exist; one beneath an unbound optional slot. */
enum { MISSING = -1, UNBOUND = -2 };

/* ---- nodes ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t hash_node(const struct node *node)
{
	uint64_t hash = mix(mix(1, node->device), node->inode);

	for (const char *c = node->text; c && *c; c++)
		hash = mix(hash, (unsigned char)*c);
	return hash;
}

static bool same_node(const struct node *a, const struct node *b)
{
	return a->device == b->device && a->inode == b->inode && !a->text == !b->text &&
	       (!a->text || !strcmp(a->text, b->text));
}

/* The slot of the table where the node is, or would be. */
static size_t table_slot(const struct world *world, const struct node *node)
{
	size_t slot = hash_node(node) & (world->table_size - 1);

	while (world->table[slot] != NODE_NONE && !same_node(&world->nodes[world->table[slot]], node))
		slot = (slot + 1) & (world->table_size - 1);
	return slot;
}

static void grow_table(struct world *world)
{
	world->table_size = world->table_size ? 2 * world->table_size : 256;
	world->table = arena_alloc(world->arena, world->table_size * sizeof(*world->table));
	memset(world->table, 0xff, world->table_size * sizeof(*world->table));
	for (size_t i = 0; i < world->nnodes; i++)
		world->table[table_slot(world, &world->nodes[i])] = (uint32_t)i;
}

static uint32_t intern(struct world *world, struct node node)
{
	size_t slot = table_slot(world, &node);

	if (world->table[slot] != NODE_NONE)
		return world->table[slot];
	if (2 * (world->nnodes + 1) > world->table_size) {
		grow_table(world);
		slot = table_slot(world, &node);
	}
	world->nodes =
		arena_grow(world->arena, world->nodes, &world->nodes_cap, world->nnodes + 1, sizeof(*world->nodes));
	if (node.text)
		node.text = arena_strdup(world->arena, node.text);
	node.first_rule = LLPB_NONE;
	world->nodes[world->nnodes] = node;
	world->table[slot] = (uint32_t)world->nnodes;
	return (uint32_t)world->nnodes++;
}

uint32_t world_inode(struct world *world, uint64_t device, uint64_t inode)
{
	return intern(world, (struct node){.device = device, .inode = inode});
}

uint32_t world_text(struct world *world, const char *path)
{
	return intern(world, (struct node){.text = path});
}

void world_add_rule(struct world *world, const struct rule *rule)
{
	struct node *node = &world->nodes[rule->node];

	world->rules =
		arena_grow(world->arena, world->rules, &world->rules_cap, world->nrules + 1, sizeof(*world->rules));
	world->rules[world->nrules] = *rule;
	world->rules[world->nrules].next = node->first_rule;
	node->first_rule = (uint32_t)world->nrules++;
}

void world_drop_rule(struct world *world)
{
	const struct rule *rule = &world->rules[--world->nrules];

	world->nodes[rule->node].first_rule = rule->next;
}

void world_add_port(struct world *world, const struct port_rule *rule)
{
	world->ports =
		arena_grow(world->arena, world->ports, &world->ports_cap, world->nports + 1, sizeof(*world->ports));
	world->ports[world->nports++] = *rule;
}

/* The kernel answers EINVAL to rights of directories on a file, and llrun then takes the mask for files. */
uint64_t rule_access(const struct rule *rule, uint64_t handled, bool directory)
{
	uint64_t access = rule->dir_access & handled;

	return !directory && access & ~FS_FILE_RIGHTS ? rule->file_access & handled : access;
}

/* ---- problems ---- */

void world_problem(struct world *world, uint32_t source, const char *text, const char *object, int err)
{
	const struct blob *blob = world->blob;
	struct world_problem *problem;

	world->problems = arena_grow(world->arena, world->problems, &world->problems_cap, world->nproblems + 1,
				     sizeof(*world->problems));
	problem = &world->problems[world->nproblems++];
	*problem = (struct world_problem){.text = text, .object = object, .err = err};
	if (blob->source && source != LLPB_NONE) {
		problem->file = blob_str(blob, blob->source[source].file);
		problem->line = blob->source[source].line;
	}
}

/* ---- slots ---- */

static const char *value_of(const char *const *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list++)
		if (!strncmp(*list, name, len) && (*list)[len] == '=')
			return *list + len + 1;
	return NULL;
}

static const char *slot_value(const struct world *world, const struct llpb_slot *slot)
{
	const struct blob *blob = world->blob;
	const char *value;

	if (slot->from == LLPB_SLOT_ARG)
		value = value_of(world->sets, blob_str(blob, slot->name));
	else if (slot->from == LLPB_SLOT_ENV)
		value = value_of(world->envp, blob_str(blob, slot->variable));
	else
		value = world->textual ? NULL : ".";
	return value && *value ? value : blob_str(blob, slot->fallback);
}

static int open_how(int base, const char *path, uint64_t resolve)
{
	const struct k_open_how how = {K_O_ANCHOR, 0, resolve};

	return (int)syscall(SYS_openat2, base, path, &how, sizeof(how));
}

/* What is wrong with what a slot was opened to; NULL: nothing. */
static const char *slot_fault(const struct llpb_slot *slot, int fd)
{
	struct stat file, root;

	if (fstat(fd, &file) || stat("/", &root))
		return "cannot be looked at";
	bool dir = S_ISDIR(file.st_mode);
	if (slot->flags & (dir ? LLPB_SLOT_FILE : LLPB_SLOT_DIR))
		return dir ? "the slot must not be a directory" : "the slot must be a directory";
	if (!(slot->flags & LLPB_SLOT_ALLOW_ROOT) && file.st_ino == root.st_ino && file.st_dev == root.st_dev)
		return "the slot is the root directory, without allow_root";
	return NULL;
}

static int bind_slot(struct world *world, uint32_t index)
{
	const struct blob *blob = world->blob;
	const struct llpb_slot *slot = &blob->slots[index];
	const char *value = slot_value(world, slot), *name = blob_str(blob, slot->name), *fault;
	uint32_t source = blob->npaths + blob->nports + index;

	if (!*value) {
		world_problem(world, source,
			      slot->from == LLPB_SLOT_ARG ? "the slot has no value and no default; give it by --set"
							  : "the slot has no value and no default; set its variable",
			      slot->from == LLPB_SLOT_ARG ? name : blob_str(blob, slot->variable), 0);
		return MISSING;
	}
	world->slot_text[index] = value;
	int fd = open_how(AT_FDCWD, value, slot->flags & LLPB_SLOT_FOLLOW ? 0 : K_RESOLVE_NO_SYMLINKS);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && slot->flags & LLPB_SLOT_OPTIONAL)
		return UNBOUND;
	if (fd < 0) {
		world_problem(world, source, "the value of a slot cannot be opened", value, errno);
		return MISSING;
	}
	fault = slot_fault(slot, fd);
	if (!fault)
		return fd;
	world_problem(world, source, fault, name, 0);
	close(fd);
	return MISSING;
}

/* runtime/landlock.c, check_sets() */
static void check_sets(struct world *world)
{
	const struct blob *blob = world->blob;

	for (const char *const *set = world->sets; set && *set; set++) {
		const char *value = NULL, *first = NULL;
		for (uint32_t i = 0; i < blob->nslots && !value; i++) {
			const char *name = blob_str(blob, blob->slots[i].name);
			size_t len = strlen(name);
			if (blob->slots[i].from != LLPB_SLOT_ARG || strncmp(*set, name, len) || (*set)[len] != '=')
				continue;
			value = *set + len + 1;
			first = value_of(world->sets, name);
		}
		if (!value || value != first)
			world_problem(world, LLPB_NONE,
				      value ? "the slot is set twice" : "no slot of this name takes --set", *set, 0);
	}
}

/* ---- rules ---- */

struct anchors {
	int slots[LLPB_MAX_SLOTS];
	int *rules;
};

const char *world_with_uid(const struct world *world, const char *path)
{
	char *out = arena_alloc(world->arena, 12 * strlen(path) + 1), *end = out;

	for (; *path; path++)
		if (*path == 1)
			end += sprintf(end, "%u", (unsigned)getuid());
		else
			*end++ = *path;
	return out;
}

/* A descriptor, UNBOUND, or MISSING with errno. */
static int open_rule(struct world *world, const struct anchors *anchors, const struct llpb_path *rule)
{
	const char *path = blob_str(world->blob, rule->path);
	int base = AT_FDCWD;

	if (rule->anchor != LLPB_ANCHOR_NONE)
		base = (rule->anchor == LLPB_ANCHOR_SLOT ? anchors->slots : anchors->rules)[rule->base];
	errno = ENOENT;
	if (base == MISSING || base == UNBOUND)
		return base;
	if (rule->flags & LLPB_P_UID)
		path = world_with_uid(world, path);
	if (rule->anchor != LLPB_ANCHOR_NONE && !*path)
		return fcntl(base, F_DUPFD_CLOEXEC, 3);
	if (rule->anchor == LLPB_ANCHOR_NONE || rule->flags & LLPB_P_FOLLOW)
		return openat(base, path, K_O_ANCHOR);
	return open_how(base, path, K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS);
}

static void add_bound(struct world *world, uint32_t index, uint32_t node, bool directory)
{
	const struct llpb_path *path = &world->blob->paths[index];

	world_add_rule(world, &(struct rule){.node = node,
					     .layer = path->layer,
					     .index = index,
					     .dir_access = path->dir_access,
					     .file_access = path->file_access,
					     .directory = directory});
}

static void bind_rule(struct world *world, struct anchors *anchors, uint32_t index)
{
	const struct llpb_path *path = &world->blob->paths[index];
	const char *shown = blob_str(world->blob, path->shown);
	int fd = open_rule(world, anchors, path);
	bool missing = errno == ENOENT || errno == ENOTDIR;
	struct stat st;

	anchors->rules[index] = fd >= 0 && !(path->flags & LLPB_P_KEEP) ? MISSING : fd;
	if (fd == UNBOUND || (fd < 0 && missing && path->flags & LLPB_P_OPTIONAL))
		return;
	if (fd < 0 || fstat(fd, &st)) {
		world_problem(world, index, "the path of a rule cannot be opened", shown, errno);
		return;
	}
	add_bound(world, index, world_inode(world, st.st_dev, st.st_ino), S_ISDIR(st.st_mode));
	if (!(path->flags & LLPB_P_KEEP))
		close(fd);
}

static void bind_rules_in_view(struct world *world)
{
	const struct blob *blob = world->blob;
	const char **rule_paths = arena_alloc(world->arena, (blob->npaths + 1) * sizeof(*rule_paths));

	for (uint32_t i = 0; i < blob->npaths; i++) {
		struct view_spot spot;
		int err = view_bind_rule(world, i, rule_paths, &spot);
		if (!err)
			add_bound(world, i, spot.node, S_ISDIR(spot.mode));
		else if ((err != ENOENT && err != ENOTDIR) || !(blob->paths[i].flags & LLPB_P_OPTIONAL))
			world_problem(world, i, "the path of a rule cannot be opened",
				      blob_str(blob, blob->paths[i].shown), err);
	}
}

static void bind_files(struct world *world)
{
	const struct blob *blob = world->blob;
	struct anchors anchors = {.rules = arena_alloc(world->arena, (blob->npaths + 1) * sizeof(int))};

	memset(anchors.rules, 0xff, blob->npaths * sizeof(int)); /* MISSING */
	for (uint32_t i = 0; i < blob->nslots; i++)
		anchors.slots[i] = bind_slot(world, i);
	if (blob->nmounts)
		view_open(world, anchors.slots);
	if (world->in_view)
		bind_rules_in_view(world);
	for (uint32_t i = 0; !world->in_view && i < blob->npaths; i++)
		bind_rule(world, &anchors, i);
	for (uint32_t i = 0; i < blob->nslots; i++)
		if (anchors.slots[i] >= 0)
			close(anchors.slots[i]);
	for (uint32_t i = 0; i < blob->npaths; i++)
		if (anchors.rules[i] >= 0)
			close(anchors.rules[i]);
}

/* ---- texts ---- */

void path_normalize(char *path)
{
	char *out = path, *in = path, *base = path;

	/* what a slot stands for is not walked out of: "${CWD}/.." keeps its dots and matches nothing */
	if (!strncmp(path, "${", 2) && strchr(path, '}'))
		out = in = base = strchr(path, '}') + 1;
	/* what a blob shows may be anything: without a slash there is nothing to take apart, nor room for one */
	if (*in && *in != '/')
		return;
	while (*in) {
		in += strspn(in, "/");
		size_t len = strcspn(in, "/");
		if (len == 2 && !strncmp(in, "..", 2) && base == path) {
			while (out > base && *--out != '/')
				;
		} else if (len && !(len == 1 && *in == '.')) {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}
	if (out == path)
		*out++ = '/';
	*out = 0;
}

bool names_slot(const char *path)
{
	return !strncmp(path, "${", 2) && strncmp(path, "${UID}", 6) && strchr(path, '}');
}

/* Slots that every policy may use, and that a blob has only when a rule does: compiler/front/policy.c. */
static const char *builtin_value(const struct world *world, const char *name)
{
	const char *value = value_of(world->envp, name);

	if (!strcmp(name, "CWD"))
		return world->textual ? NULL : ".";
	if (!strcmp(name, "TMPDIR"))
		return value && *value ? value : "/tmp";
	return !strcmp(name, "HOME") && value && *value ? value : NULL;
}

/* In a view a relative value would be looked up from its root. */
static const char *slot_replacement(struct world *world, const char *name)
{
	const struct blob *blob = world->blob;
	const char *value = NULL;

	for (uint32_t i = 0; i < blob->nslots; i++)
		if (!strcmp(blob_str(blob, blob->slots[i].name), name))
			return (world->in_view ? world->slot_paths : world->slot_text)[i];
	value = builtin_value(world, name);
	char *real = value && world->in_view ? realpath(value, NULL) : NULL;
	if (real)
		value = arena_strdup(world->arena, real);
	free(real);
	return value;
}

/* Everywhere else ${UID} stands for itself, as in `shown` of the blob's paths. */
static void replace_uid(char path[2 * K_PATH_MAX])
{
	char rest[2 * K_PATH_MAX];

	for (char *at = path; (at = strstr(at, "${UID}"));) {
		snprintf(rest, sizeof(rest), "%s", at + 6);
		at += snprintf(at, (size_t)(path + 2 * K_PATH_MAX - at), "%u", (unsigned)getuid());
		snprintf(at, (size_t)(path + 2 * K_PATH_MAX - at), "%s", rest);
	}
}

const char *world_expand(struct world *world, const char *path, char out[2 * K_PATH_MAX])
{
	size_t len = names_slot(path) ? strcspn(path, "}") + 1 : 0;
	const char *value = "";

	if (len)
		value = slot_replacement(world, arena_strndup(world->arena, path + 2, len - 3));
	if (!value)
		return world->textual ? path : NULL;
	/* what is cut off here is too long for the kernel anyway */
	snprintf(out, 2 * K_PATH_MAX, "%s%s", value, path + len);
	if (!world->textual)
		replace_uid(out);
	return out;
}

const char *world_text_of(struct world *world, uint32_t shown)
{
	char buffer[2 * K_PATH_MAX];
	const char *text = world_expand(world, blob_str(world->blob, shown), buffer);
	char *copy = arena_alloc(world->arena, strlen(text) + 2);

	/* what a slot without a value begins stands for itself: there is always a text */
	snprintf(copy, strlen(text) + 2, "%s", text);
	path_normalize(copy);
	return copy;
}

/* `shown` is the canonical path, with slots as ${NAME} and ${UID} spelled out. */
static void bind_texts(struct world *world)
{
	const struct blob *blob = world->blob;
	char *buffer = arena_alloc(world->arena, 2 * K_PATH_MAX);

	for (uint32_t i = 0; i < blob->nslots; i++) {
		const char *value = slot_value(world, &blob->slots[i]);
		world->slot_text[i] = *value == '/' ? value : NULL;
	}
	view_open_texts(world);
	for (uint32_t i = 0; i < blob->npaths; i++) {
		const char *text = world_text_of(world, blob->paths[i].shown);
		add_bound(world, i, world_text(world, text), true);
		for (size_t m = 0; m < world->nmounts; m++) {
			const char *name = view_bound_text(world, &world->mounts[m], text, buffer);
			if (name)
				add_bound(world, i, world_text(world, name), true);
		}
	}
}

/* ---- the world ---- */

static void bind_ports(struct world *world)
{
	const struct blob *blob = world->blob;

	for (uint32_t i = 0; i < blob->nports; i++) {
		const struct llpb_port *port = &blob->ports[i];
		world_add_port(world, &(struct port_rule){port->layer, blob->npaths + i, port->attr.allowed_access,
							  port->attr.port});
	}
}

struct world *world_open(const struct blob *blob, const struct world_options *options)
{
	struct arena *arena = arena_create();
	struct world *world = arena_alloc(arena, sizeof(*world));

	world->blob = blob;
	world->arena = arena;
	world->textual = options->textual;
	world->sets = options->sets;
	world->envp = options->envp;
	world->origin = options->origin;
	for (size_t i = 0; i < 2; i++)
		world->places[i].dir_fd = world->places[i].object_fd = -1;
	grow_table(world);
	check_sets(world);
	if (world->textual)
		bind_texts(world);
	else
		bind_files(world);
	bind_ports(world);
	if (blob->nbroker)
		broker_bind(world);
	return world;
}

void world_close(struct world *world)
{
	struct arena *arena = world->arena;

	for (size_t i = 0; i < 2; i++)
		place_done(&world->places[i]);
	for (size_t i = 0; i < world->nmounts; i++)
		if (world->mounts[i].fd >= 0)
			close(world->mounts[i].fd);
	for (size_t i = 0; i < DECISION_STEPS; i++)
		free(world->texts[i].bytes);
	arena_destroy(&arena);
}

const struct world_problem *world_problems(const struct world *world, size_t *count)
{
	*count = world->nproblems;
	return world->problems;
}

uint32_t world_plan(const struct world *world, unsigned abi)
{
	return abi < world->blob->nplans ? abi : world->blob->nplans - 1;
}

/* The line of [net] isolate is that of its guarantee; processes are apart by [mount] proc or by [runtime]. */
static bool space_place(const struct blob *blob, uint32_t space, const char **file, uint32_t *line)
{
	for (uint32_t i = 0; i < blob->nguarantees && space == K_CLONE_NEWNET; i++) {
		const struct llpb_guarantee *g = &blob->guarantees[i];
		if (strcmp(blob_str(blob, g->name), "net.isolate"))
			continue;
		*file = blob_str(blob, g->file);
		*line = g->line;
		return true;
	}
	return false;
}

static uint32_t proc_mount(const struct blob *blob)
{
	for (uint32_t i = 1; i < blob->nmounts; i++)
		if (blob->mounts[i].kind == LLPB_MT_PROC)
			return i;
	return 0;
}

const char *mount_text(const struct blob *blob, uint32_t mount)
{
	const struct llpb_mount *m = &blob->mounts[mount];

	return blob_str(blob, mount ? m->shown_target : m->shown_source);
}

void step_place(const struct blob *blob, const struct decision_step *step, const char **file, uint32_t *line)
{
	*file = "";
	*line = 0;
	if (step->by == BY_BROKER) {
		*file = blob_str(blob, blob->broker[step->record].file);
		*line = blob->broker[step->record].line;
	} else if (step->by == BY_NAMESPACE && !space_place(blob, step->space, file, line) && blob->source) {
		uint32_t mount = step->mount == LLPB_NONE ? proc_mount(blob) : step->mount;
		const struct llpb_source *source = &blob->source[blob->npaths + blob->nports + blob->nslots + mount];
		*file = blob_str(blob, source->file);
		*line = source->line;
	}
}

bool rule_place(const struct blob *blob, uint32_t rule, const char **file, uint32_t *line)
{
	if (!blob->source || rule == LLPB_NONE)
		return false;
	*file = blob_str(blob, blob->source[rule].file);
	*line = blob->source[rule].line;
	return true;
}
