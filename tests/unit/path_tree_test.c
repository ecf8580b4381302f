/* SPDX-License-Identifier: MIT */
/* The tree of rule paths against the definition: a right holds at a path when every layer that handles it has a rule
 * at or above the path that grants it. Random policies; the seed is printed. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "path_tree.h"
#include "policy.h"
#include "tap.h"

#define ROUNDS     3000
#define MAX_LAYERS 4
#define MAX_RULES  12
#define RIGHTS     4

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Names that are prefixes of each other, and bytes on both sides of '/'. */
static const char *random_path(struct arena *arena, int slot)
{
	static const char *const names[] = {"a", "ab", "a-b", "a!", "b", "0"};
	const char *path = slot < 0 ? "/" : "";

	for (unsigned depth = pick(4); depth; depth--)
		path = arena_printf(arena, "%s%s%s", path, !*path || path[strlen(path) - 1] == '/' ? "" : "/",
				    names[pick(sizeof(names) / sizeof(names[0]))]);
	return path;
}

static struct policy *random_policy(struct arena *arena)
{
	struct policy *p = arena_alloc(arena, sizeof(*p));

	p->nlayers = 1 + pick(MAX_LAYERS);
	p->layers = arena_alloc(arena, p->nlayers * sizeof(*p->layers));
	for (size_t i = 0; i < p->nlayers; i++) {
		struct policy_layer *layer = &p->layers[i];
		layer->handled = 1 + pick((1u << RIGHTS) - 1);
		layer->nrules = pick(MAX_RULES);
		layer->rules = arena_alloc(arena, (layer->nrules + 1) * sizeof(*layer->rules));
		for (size_t k = 0; k < layer->nrules; k++) {
			int slot = (int)pick(3) - 1;
			layer->rules[k] = (struct policy_rule){.slot = slot,
							       .rest = random_path(arena, slot),
							       .access = 1 + pick((1u << RIGHTS) - 1)};
		}
	}
	return p;
}

static const char *without_slash(const char *path)
{
	return *path == '/' ? path + 1 : path;
}

/* The definition, component by component. */
static bool at_or_above(const char *dir, const char *path)
{
	while (*dir) {
		size_t n = strcspn(dir, "/");
		if (strcspn(path, "/") != n || memcmp(dir, path, n))
			return false;
		dir += n + (dir[n] == '/');
		path += n + (path[n] == '/');
	}
	return true;
}

static uint64_t granted(const struct policy_layer *layer, int slot, const char *key)
{
	uint64_t rights = 0;

	for (size_t k = 0; k < layer->nrules; k++)
		if (layer->rules[k].slot == slot && at_or_above(without_slash(layer->rules[k].rest), key))
			rights |= layer->rules[k].access;
	return rights;
}

static uint64_t model(const struct policy *p, int slot, const char *key)
{
	uint64_t rights = ~UINT64_C(0);

	for (size_t i = 0; i < p->nlayers; i++)
		rights &= granted(&p->layers[i], slot, key) | ~p->layers[i].handled;
	return rights;
}

/* Every path of any rule is a place where the rights change: what is reachable is found among them. */
static uint64_t model_reachable(const struct policy *p, int slot, const char *key)
{
	uint64_t rights = model(p, slot, key);

	for (size_t i = 0; i < p->nlayers; i++)
		for (size_t k = 0; k < p->layers[i].nrules; k++) {
			const struct policy_rule *rule = &p->layers[i].rules[k];
			if (rule->slot == slot && at_or_above(key, without_slash(rule->rest)))
				rights |= model(p, slot, without_slash(rule->rest));
		}
	return rights;
}

static bool nodes_agree(const struct policy *p, const struct path_tree *tree)
{
	for (size_t i = 0; i < tree->nnodes; i++) {
		const struct path_node *node = tree->nodes[i];
		if (node->effective != model(p, node->slot, node->key) ||
		    node->reachable != model_reachable(p, node->slot, node->key))
			return false;
		for (size_t l = 0; l < p->nlayers; l++)
			if (node->granted[l] != granted(&p->layers[l], node->slot, node->key))
				return false;
		for (size_t k = 0; k < i; k++)
			if (tree->nodes[k]->slot == node->slot && !strcmp(tree->nodes[k]->key, node->key))
				return false;
	}
	return true;
}

static bool lookups_agree(struct arena *arena, const struct policy *p, const struct path_tree *tree)
{
	for (int n = 0; n < 8; n++) {
		int slot = (int)pick(3) - 1;
		const char *key = without_slash(random_path(arena, slot));
		uint64_t rights = 1 + pick((1u << RIGHTS) - 1);
		bool all = !(rights & ~model(p, slot, key));
		for (size_t i = 0; i < tree->nnodes; i++)
			if (tree->nodes[i]->slot == slot && at_or_above(key, tree->nodes[i]->key))
				all |= !(rights & ~model(p, slot, tree->nodes[i]->key));
		if (path_tree_rights(tree, slot, key) != model(p, slot, key) ||
		    path_tree_has_all(tree, slot, key, rights) != all)
			return false;
	}
	return true;
}

/* Every rule stands in exactly one node, in the order of the policy. */
static bool refs_complete(const struct policy *p, const struct path_tree *tree)
{
	size_t total = 0, seen = 0;

	for (size_t i = 0; i < p->nlayers; i++)
		total += p->layers[i].nrules;
	for (size_t i = 0; i < tree->nnodes; i++)
		for (const struct path_ref *ref = tree->nodes[i]->refs; ref; ref = ref->next, seen++)
			if (ref->node != tree->nodes[i] || (ref->next && ref->next <= ref))
				return false;
	return seen == total && tree->nrefs == total;
}

static bool granting_agrees(const struct policy *p, const struct path_tree *tree)
{
	for (size_t i = 0; i < tree->nnodes; i++)
		for (uint64_t right = 1; right < 1u << RIGHTS; right <<= 1)
			for (size_t l = 0; l < p->nlayers; l++) {
				const struct path_ref *ref = path_node_granting(tree->nodes[i], l, right);
				bool has = granted(&p->layers[l], tree->nodes[i]->slot, tree->nodes[i]->key) & right;
				if (has != (ref != NULL) ||
				    (ref && (ref->layer != l || !(ref->rule->access & right))))
					return false;
			}
	return true;
}

int main(void)
{
	const char *text = getenv("SEED");
	unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)time(NULL);
	bool nodes = true, lookups = true, refs = true, granting = true;

	srand(seed);
	tap_note("SEED=%u", seed);
	for (int round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_create();
		const struct policy *p = random_policy(arena);
		const struct path_tree *tree = path_tree_build(arena, p);
		nodes &= nodes_agree(p, tree);
		lookups &= lookups_agree(arena, p, tree);
		refs &= refs_complete(p, tree);
		granting &= granting_agrees(p, tree);
		arena_destroy(&arena);
	}
	tap_ok(nodes, "%d random policies: granted, effective and reachable rights at every rule path", ROUNDS);
	tap_ok(lookups, "rights at paths between and beneath the rules");
	tap_ok(refs, "every rule stands in one node, in the order of the policy");
	tap_ok(granting, "the rule that grants a right is found where one does");
	return tap_done();
}
