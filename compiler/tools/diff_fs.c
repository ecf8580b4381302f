/* SPDX-License-Identifier: MIT */
/*
 * Path rules of two policies. What is permitted on a path depends on the rules on it and its parents alone, so the rule
 * paths of both policies together divide all paths into regions that can be enumerated: one for each such path, and
 * for paths beneath no rule. Landlock's rules: security/landlock/fs.c, is_access_to_paths_allowed().
 *
 * A slot's value is unknown: its tree may lie beneath any absolute path or other slot's path. Within one layer grants
 * are a union, so nothing new comes of that; with several layers the regions of different roots are combined.
 */
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diff.h"
#include "inspect.h"

#define COMBINATIONS_MAX (1u << 18)

/* What the rules on one path grant, by layer. */
struct grants {
	uint64_t dir[K_LANDLOCK_MAX_LAYERS], file[K_LANDLOCK_MAX_LAYERS];
};

struct side {
	const struct blob *blob;
	struct grants own; /* of the rules on the path itself */
	uint64_t all[K_LANDLOCK_MAX_LAYERS]; /* with those on its parents: for a directory and what is beneath */
};

struct node {
	const char *text;
	size_t parent; /* an index; that of "/" is its own */
	size_t root; /* the node where its tree begins: "/" or a slot */
	struct side sides[2]; /* old, new */
};

struct tree {
	struct diff *diff;
	struct node *nodes;
	size_t count;
	uint32_t rows;
};

/* ---- the regions ---- */

/* '/' before any other byte: parents come before children, and children before what only begins alike */
static int compare_paths(const void *a, const void *b)
{
	const unsigned char *one = *(const unsigned char *const *)a, *two = *(const unsigned char *const *)b;

	while (*one && *one == *two)
		one++, two++;
	return (*one == '/' ? 1 : *one) - (*two == '/' ? 1 : *two);
}

static bool beneath(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	if (!strcmp(parent, "/"))
		return true;
	return !strncmp(path, parent, len) && (!path[len] || path[len] == '/');
}

static const char *rule_path(struct diff *diff, const struct blob *blob, uint32_t rule)
{
	char buffer[PATH_TEXT_MAX];
	const char *text = path_text(blob, rule, buffer);

	if (path_text_cut(text))
		diff_add(diff, 0,
			 (struct diff_item){.way = DIFF_WIDENED,
					    .area = "fs",
					    .rows = diff_common_rows(diff),
					    .text = "a path too long to be compared"});
	return arena_strdup(diff->arena, text);
}

static void find_parent(struct tree *tree, size_t index)
{
	struct node *node = &tree->nodes[index];
	size_t at = index ? index - 1 : 0;

	while (at && !beneath(node->text, tree->nodes[at].text))
		at = tree->nodes[at].parent;
	node->parent = at;
	node->root = !at && node->text[0] != '/' ? index : tree->nodes[at].root;
}

static size_t find_node(const struct tree *tree, const char *text)
{
	size_t low = 0, high = tree->count;

	while (low + 1 < high) {
		size_t middle = (low + high) / 2;
		if (compare_paths(&tree->nodes[middle].text, &text) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void plant(struct tree *tree)
{
	struct diff *diff = tree->diff;
	size_t n = diff->old->npaths + (size_t)diff->new->npaths + 1, kept = 1;
	const char **paths = arena_alloc(diff->arena, n * sizeof(*paths));

	paths[0] = "/";
	for (uint32_t i = 0; i < diff->old->npaths; i++)
		paths[1 + i] = rule_path(diff, diff->old, i);
	for (uint32_t i = 0; i < diff->new->npaths; i++)
		paths[1 + diff->old->npaths + i] = rule_path(diff, diff->new, i);
	qsort(paths, n, sizeof(*paths), compare_paths);
	for (size_t i = 1; i < n; i++)
		if (strcmp(paths[i], paths[kept - 1]))
			paths[kept++] = paths[i];
	tree->nodes = arena_alloc(diff->arena, kept * sizeof(*tree->nodes));
	tree->count = kept;
	for (size_t i = 0; i < kept; i++) {
		tree->nodes[i].text = paths[i];
		find_parent(tree, i);
	}
}

static void take_rules(struct tree *tree, unsigned which, const struct blob *blob)
{
	for (uint32_t i = 0; i < blob->npaths; i++) {
		const struct llpb_path *path = &blob->paths[i];
		struct grants *own = &tree->nodes[find_node(tree, rule_path(tree->diff, blob, i))].sides[which].own;

		own->dir[path->layer] |= path->dir_access;
		own->file[path->layer] |= path->file_access;
	}
	for (size_t i = 0; i < tree->count; i++)
		for (uint32_t layer = 0; layer < blob->nlayers; layer++) {
			struct node *node = &tree->nodes[i];
			node->sides[which].all[layer] = node->sides[which].own.dir[layer];
			if (i)
				node->sides[which].all[layer] |= tree->nodes[node->parent].sides[which].all[layer];
		}
}

/* ---- what is permitted ---- */

static uint64_t permitted(const struct blob *blob, uint32_t row, const uint64_t granted[])
{
	uint64_t known = abi_fs_mask(row) | FS_RIGHT(refer), rights = known;
	uint32_t plan = diff_plan(blob, row);

	for (uint32_t layer = 0; layer < blob->nlayers; layer++) {
		uint64_t handled = ruleset_of(blob, plan, layer)->handled_access_fs, grants = granted[layer];

		/* a layer that handles any right refuses to link and rename into another directory unless it grants
		 * refer; ABI 1 cannot grant it */
		if (handled)
			handled |= FS_RIGHT(refer);
		if (row < 2)
			grants &= ~FS_RIGHT(refer);
		rights &= ~handled | grants;
	}
	return rights;
}

struct delta {
	uint64_t gained, lost;
};

static struct delta delta_of(const struct tree *tree, uint32_t row, const uint64_t *const granted[2])
{
	uint64_t old = permitted(tree->diff->old, row, granted[0]), new = permitted(tree->diff->new, row, granted[1]);

	return (struct delta){new & ~old, old & ~new};
}

static struct delta node_delta(const struct tree *tree, size_t index, uint32_t row)
{
	const struct node *node = &tree->nodes[index];
	const uint64_t *const granted[2] = {node->sides[0].all, node->sides[1].all};

	return delta_of(tree, row, granted);
}

/* The path as a file: what its parents grant, and the file part of its own rules. */
static struct delta file_delta(const struct tree *tree, size_t index, uint32_t row)
{
	const struct node *node = &tree->nodes[index], *parent = &tree->nodes[node->parent];
	uint64_t granted[2][K_LANDLOCK_MAX_LAYERS];
	const uint64_t *const both[2] = {granted[0], granted[1]};

	for (unsigned side = 0; side < 2; side++)
		for (uint32_t layer = 0; layer < K_LANDLOCK_MAX_LAYERS; layer++)
			granted[side][layer] =
				node->sides[side].own.file[layer] | (index ? parent->sides[side].all[layer] : 0);
	struct delta delta = delta_of(tree, row, both);
	return (struct delta){delta.gained & FS_FILE_RIGHTS, delta.lost & FS_FILE_RIGHTS};
}

/* ---- what is said ---- */

/* The rule that says it: the first of that path in the policy that permits more. */
static void place(const struct tree *tree, const char *text, struct diff_item *item)
{
	const struct blob *blob = item->way == DIFF_WIDENED ? tree->diff->new : tree->diff->old;

	for (uint32_t i = 0; i < blob->npaths && !item->file; i++) {
		char path[PATH_TEXT_MAX];
		if (!strcmp(path_text(blob, i, path), text))
			diff_place(blob, i, item);
	}
}

/* The rows of each right of one way; rights with the same rows share an item. */
struct gathered {
	uint32_t rows[64];
};

static void gather(struct gathered *all, uint64_t rights, uint32_t row)
{
	for (unsigned bit = 0; rights; bit++, rights >>= 1)
		if (rights & 1)
			all->rows[bit] |= UINT32_C(1) << row;
}

static void say_rights(struct tree *tree, enum diff_way way, const struct gathered *all, const char *where,
		       const char *path)
{
	uint64_t said = 0;

	for (unsigned bit = 0; bit < 64; bit++) {
		struct diff_item item = {.way = way, .area = "fs", .rows = all->rows[bit], .path = path};

		if (!item.rows || said >> bit & 1)
			continue;
		for (unsigned other = bit; other < 64; other++)
			if (all->rows[other] == item.rows)
				item.rights |= UINT64_C(1) << other;
		said |= item.rights;
		item.text = arena_printf(tree->diff->arena, "%s %s",
					 diff_rights(tree->diff, item.rights, fs_right_name), where);
		if (path)
			place(tree, path, &item);
		diff_add(tree->diff, tree->diff->count, item);
	}
}

static void say_node(struct tree *tree, size_t index)
{
	const struct node *node = &tree->nodes[index];
	const char *where = arena_printf(tree->diff->arena, "\"%s\" and beneath", node->text);
	const char *as_file = arena_printf(tree->diff->arena, "\"%s\" if it is a file", node->text);
	struct gathered gained = {{0}}, lost = {{0}}, file_gained = {{0}}, file_lost = {{0}};

	for (uint32_t row = 0; row < ABI_ROWS; row++) {
		struct delta here, above = {0, 0}, file;

		if (!(tree->rows >> row & 1))
			continue;
		here = node_delta(tree, index, row);
		file = file_delta(tree, index, row);
		if (index)
			above = node_delta(tree, node->parent, row);
		gather(&gained, here.gained & ~above.gained, row);
		gather(&lost, here.lost & ~above.lost, row);
		gather(&file_gained, file.gained & ~above.gained & ~here.gained, row);
		gather(&file_lost, file.lost & ~above.lost & ~here.lost, row);
	}
	say_rights(tree, DIFF_WIDENED, &gained, where, node->text);
	say_rights(tree, DIFF_NARROWED, &lost, where, node->text);
	say_rights(tree, DIFF_WIDENED, &file_gained, as_file, node->text);
	say_rights(tree, DIFF_NARROWED, &file_lost, as_file, node->text);
}

/* ---- several layers, several roots ---- */

struct combination {
	struct tree *tree;
	size_t *roots, nroots;
	size_t *picked; /* by root: a node, or `none` */
	size_t tried;
};
#define NONE SIZE_MAX

static void say_combination(struct combination *c)
{
	struct diff *diff = c->tree->diff;
	uint64_t granted[2][K_LANDLOCK_MAX_LAYERS] = {{0}};
	const uint64_t *const both[2] = {granted[0], granted[1]};
	const char *where = NULL;
	struct gathered gained = {{0}}, lost = {{0}};
	unsigned places = 0;

	for (size_t i = 0; i < c->nroots; i++) {
		if (c->picked[i] == NONE)
			continue;
		const struct node *node = &c->tree->nodes[c->picked[i]];
		where = where ? arena_printf(diff->arena, "%s and beneath \"%s\"", where, node->text)
			      : arena_printf(diff->arena, "what is beneath \"%s\"", node->text);
		places += c->picked[i] != 0;
		for (unsigned side = 0; side < 2; side++)
			for (uint32_t layer = 0; layer < K_LANDLOCK_MAX_LAYERS; layer++)
				granted[side][layer] |= node->sides[side].all[layer];
	}
	for (uint32_t row = 0; places > 1 && row < ABI_ROWS; row++) {
		if (!(c->tree->rows >> row & 1))
			continue;
		struct delta delta = delta_of(c->tree, row, both);
		/* what one of the places shows by itself has been said */
		for (size_t i = 0; i < c->nroots; i++) {
			if (c->picked[i] == NONE)
				continue;
			struct delta alone = node_delta(c->tree, c->picked[i], row);
			delta.gained &= ~alone.gained;
			delta.lost &= ~alone.lost;
		}
		gather(&gained, delta.gained, row);
		gather(&lost, delta.lost, row);
	}
	say_rights(c->tree, DIFF_WIDENED, &gained, where, NULL);
	say_rights(c->tree, DIFF_NARROWED, &lost, where, NULL);
}

static bool combine(struct combination *c, size_t root)
{
	if (root == c->nroots) {
		say_combination(c);
		return ++c->tried < COMBINATIONS_MAX;
	}
	for (size_t i = 0; i < c->tree->count; i++) {
		if (c->tree->nodes[i].root != c->roots[root])
			continue;
		c->picked[root] = i;
		if (!combine(c, root + 1))
			return false;
	}
	c->picked[root] = NONE;
	return !root || combine(c, root + 1);
}

static void say_combinations(struct tree *tree)
{
	struct arena *arena = tree->diff->arena;
	struct combination c = {.tree = tree};

	c.roots = arena_alloc(arena, tree->count * sizeof(*c.roots));
	c.picked = arena_alloc(arena, tree->count * sizeof(*c.picked));
	for (size_t i = 0; i < tree->count; i++)
		if (tree->nodes[i].root == i)
			c.roots[c.nroots++] = i;
	if (c.nroots < 2 || (tree->diff->old->nlayers < 2 && tree->diff->new->nlayers < 2))
		return;
	if (!combine(&c, 0))
		diff_add(tree->diff, tree->diff->count,
			 (struct diff_item){.way = DIFF_WIDENED,
					    .area = "fs",
					    .rows = tree->rows,
					    .text = "slots and layers in more combinations than could be compared"});
}

void diff_files(struct diff *diff)
{
	struct tree tree = {.diff = diff, .rows = diff_common_rows(diff)};

	plant(&tree);
	take_rules(&tree, 0, diff->old);
	take_rules(&tree, 1, diff->new);
	for (size_t i = 0; i < tree.count; i++)
		say_node(&tree, i);
	say_combinations(&tree);
}
