/* SPDX-License-Identifier: MIT */
/*
 * What the policy decides and what the companion rules close, in one decision per call: the stricter of the two, and
 * of two that are equally strict the policy's. `allow` never loosens a companion; the error of a denial is the policy's.
 */
#include <string.h>

#include "arena.h"
#include "callrules.h"
#include "conds.h"

static uint32_t stricter(uint32_t policy, uint32_t companion)
{
	return action_yields(policy) && !action_permits(companion) ? companion : policy;
}

static void add_clause(struct arena *arena, struct filter_rule *rule, const struct filter_clause *a,
		       const struct filter_clause *b, uint32_t action)
{
	size_t na = a ? a->nconds : 0, nb = b ? b->nconds : 0, cap = rule->nclauses;
	struct filter_cond *conds = arena_alloc(arena, (na + nb + 1) * sizeof(*conds));

	if (na)
		memcpy(conds, a->conds, na * sizeof(*conds));
	if (nb)
		memcpy(conds + na, b->conds, nb * sizeof(*conds));
	if (!cond_possible(conds, na + nb))
		return;
	rule->clauses = arena_grow(arena, rule->clauses, &cap, rule->nclauses + 1, sizeof(*rule->clauses));
	rule->clauses[rule->nclauses++] = (struct filter_clause){.conds = conds, .nconds = na + nb, .action = action};
}

/* Every decision of the policy, in order, wherever a clause of the companion (NULL: what it leaves) holds. */
static void policy_within(struct arena *arena, const struct filter_rule *policy,
			  const struct filter_clause *companion, uint32_t action, struct filter_rule *out)
{
	uint32_t last = stricter(policy->action, action);
	bool same = true;

	for (size_t i = 0; i < policy->nclauses; i++)
		same = same && stricter(policy->clauses[i].action, action) == last;
	for (size_t i = 0; !same && i < policy->nclauses; i++)
		add_clause(arena, out, companion, &policy->clauses[i], stricter(policy->clauses[i].action, action));
	if (companion)
		add_clause(arena, out, companion, NULL, last);
	else
		out->action = last;
}

/* The first clause of both that holds: pairs in lexicographic order are tried like the two lists one after the other. */
static struct filter_rule both(struct arena *arena, const struct filter_rule *policy,
			       const struct filter_rule *companion)
{
	struct filter_rule out = {.nr = policy->nr};

	for (size_t i = 0; i < companion->nclauses; i++)
		policy_within(arena, policy, &companion->clauses[i], companion->clauses[i].action, &out);
	policy_within(arena, policy, NULL, companion->action, &out);
	return out;
}

void filter_compose(struct arena *arena, struct filter *policy, const struct filter *companions)
{
	struct filter_rule *rules = arena_alloc(arena, (policy->nrules + companions->nrules + 1) * sizeof(*rules));
	size_t n = 0;

	for (size_t i = 0; i < policy->nrules; i++) {
		const struct filter_rule *companion = filter_find(companions, policy->rules[i].nr);
		rules[n++] = companion ? both(arena, &policy->rules[i], companion) : policy->rules[i];
	}
	for (size_t i = 0; i < companions->nrules; i++) {
		const struct filter_rule *companion = &companions->rules[i];
		const struct filter_rule otherwise = {.nr = companion->nr,
						      .action = filter_otherwise(policy, companion->nr)};
		if (!filter_find(policy, companion->nr) && action_yields(otherwise.action))
			rules[n++] = both(arena, &otherwise, companion);
	}
	policy->rules = rules;
	policy->nrules = n;
}
