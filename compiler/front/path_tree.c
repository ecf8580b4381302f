/* SPDX-License-Identifier: MIT */
/* Rule paths as a tree; see path_tree.h. */
#include "path_tree.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "policy.h"

/* '/' sorts before every other byte, so that a path is followed at once by everything beneath it. */
static int path_byte(char c)
{
	return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

static int key_compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return path_byte(*a) - path_byte(*b);
}

static int node_compare(const struct path_node *a, const struct path_node *b)
{
	return a->slot != b->slot ? (a->slot < b->slot ? -1 : 1) : key_compare(a->key, b->key);
}

static const char *rule_key(const struct policy_rule *rule)
{
	return rule->rest + (rule->rest[0] == '/');
}

static int ref_compare(const void *left, const void *right)
{
	const struct path_ref *a = *(struct path_ref *const *)left, *b = *(struct path_ref *const *)right;

	if (a->rule->slot != b->rule->slot)
		return a->rule->slot < b->rule->slot ? -1 : 1;
	int order = key_compare(rule_key(a->rule), rule_key(b->rule));
	return order ? order : a < b ? -1 : a > b;
}

bool path_node_contains(const struct path_node *node, int slot, const char *key)
{
	size_t len = strlen(node->key);

	return node->slot == slot && !strncmp(node->key, key, len) && (!len || !key[len] || key[len] == '/');
}

static void collect(struct path_tree *tree, struct arena *arena)
{
	const struct policy *p = tree->policy;
	size_t total = 0;

	for (size_t i = 0; i < p->nlayers; i++)
		total += p->layers[i].nrules;
	tree->refs = arena_alloc(arena, (total + 1) * sizeof(*tree->refs));
	for (size_t i = 0; i < p->nlayers; i++)
		for (size_t j = 0; j < p->layers[i].nrules; j++)
			tree->refs[tree->nrefs++] = (struct path_ref){.rule = &p->layers[i].rules[j], .layer = i};
}

static struct path_node *add_node(struct path_tree *tree, struct arena *arena, const struct policy_rule *rule)
{
	struct path_node *node = arena_alloc(arena, sizeof(*node));
	size_t masks = tree->policy->nlayers * sizeof(uint64_t);

	node->slot = rule->slot;
	node->key = rule_key(rule);
	node->granted = arena_alloc(arena, masks);
	node->beneath = arena_alloc(arena, masks);
	if (tree->nnodes) {
		node->parent = tree->nodes[tree->nnodes - 1];
		while (node->parent && !path_node_contains(node->parent, node->slot, node->key))
			node->parent = node->parent->parent;
	}
	if (node->parent)
		memcpy(node->granted, node->parent->granted, masks);
	tree->nodes[tree->nnodes++] = node;
	return node;
}

static void link_nodes(struct path_tree *tree, struct arena *arena)
{
	struct path_ref **sorted = arena_alloc(arena, (tree->nrefs + 1) * sizeof(struct path_ref *));
	struct path_ref **tail = NULL;
	struct path_node *node = NULL;

	for (size_t i = 0; i < tree->nrefs; i++)
		sorted[i] = &tree->refs[i];
	qsort(sorted, tree->nrefs, sizeof(struct path_ref *), ref_compare);
	tree->nodes = arena_alloc(arena, (tree->nrefs + 1) * sizeof(struct path_node *));
	for (size_t i = 0; i < tree->nrefs; i++) {
		const struct path_node here = {.slot = sorted[i]->rule->slot, .key = rule_key(sorted[i]->rule)};
		if (!node || node_compare(node, &here)) {
			node = add_node(tree, arena, sorted[i]->rule);
			tail = &node->refs;
		}
		sorted[i]->node = node;
		*tail = sorted[i];
		tail = &sorted[i]->next;
		node->granted[sorted[i]->layer] |= sorted[i]->rule->access;
	}
}

/* Downwards the intersection over the layers, upwards what is reachable beneath. */
static void evaluate(struct path_tree *tree)
{
	const struct policy *p = tree->policy;

	tree->base = ~UINT64_C(0);
	for (size_t l = 0; l < p->nlayers; l++)
		tree->base &= ~p->layers[l].handled;
	for (size_t i = tree->nnodes; i-- > 0;) {
		struct path_node *node = tree->nodes[i];
		node->effective = ~UINT64_C(0);
		for (size_t l = 0; l < p->nlayers; l++) {
			node->effective &= node->granted[l] | ~p->layers[l].handled;
			node->beneath[l] |= node->granted[l];
			if (node->parent)
				node->parent->beneath[l] |= node->beneath[l];
		}
		node->reachable |= node->effective;
		if (node->parent)
			node->parent->reachable |= node->reachable;
	}
}

struct path_tree *path_tree_build(struct arena *arena, const struct policy *policy)
{
	struct path_tree *tree = arena_alloc(arena, sizeof(*tree));

	tree->policy = policy;
	collect(tree, arena);
	link_nodes(tree, arena);
	evaluate(tree);
	return tree;
}

struct path_node *path_tree_above(const struct path_tree *tree, int slot, const char *key)
{
	struct path_node *best = NULL;

	for (size_t i = 0; i < tree->nnodes; i++)
		if (path_node_contains(tree->nodes[i], slot, key))
			best = tree->nodes[i]; /* sorted: a later one that contains the path lies deeper */
	return best;
}

uint64_t path_tree_rights(const struct path_tree *tree, int slot, const char *key)
{
	const struct path_node *node = path_tree_above(tree, slot, key);

	return node ? node->effective : tree->base;
}

bool path_tree_has_all(const struct path_tree *tree, int slot, const char *key, uint64_t rights)
{
	const struct path_node here = {.slot = slot, .key = key};

	if (!(rights & ~path_tree_rights(tree, slot, key)))
		return true;
	for (size_t i = 0; i < tree->nnodes; i++)
		if (!(rights & ~tree->nodes[i]->effective) &&
		    path_node_contains(&here, tree->nodes[i]->slot, tree->nodes[i]->key))
			return true;
	return false;
}

struct path_ref *path_node_granting(struct path_node *node, size_t layer, uint64_t rights)
{
	for (; node; node = node->parent)
		for (struct path_ref *ref = node->refs; ref; ref = ref->next)
			if ((ref->rule->access & rights) && (layer == SIZE_MAX || ref->layer == layer))
				return ref;
	return NULL;
}
