/* SPDX-License-Identifier: MIT */
/* [seccomp] as decisions of one architecture; see callrules.h. */
#include "callrules.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "conds.h"
#include "diag.h"
#include "sysdata.h"

/* Numbers of calls proper; arm has a few private ones far above (arch/arm/include/uapi/asm/unistd.h). */
#define ORDINARY_NUMBERS 1024

/* What is decided about a number so far. */
struct decision {
	uint32_t nr;
	struct filter_clause *clauses;
	size_t nclauses, cap;
	uint32_t action;
	bool closed; /* nothing is left to decide */
	const struct policy_call_rule *closer; /* the rule that closed it; NULL: a list */
	const struct policy_call_rule *last; /* the last rule with a condition */
	const char *name; /* as it wrote the call */
	unsigned arches; /* of all rules that took part in closing it */
	bool waived; /* a rule with `override` took part: what comes later may be in vain */
	bool watched; /* left says exactly what is left */
	struct cond_cases left;
};

struct caller {
	struct arena *arena;
	struct diag *diag;
	const struct policy *policy;
	enum arch_id arch;
	struct decision *decisions;
	size_t count, cap;
	size_t where[ORDINARY_NUMBERS]; /* 1 + index, or 0 */
	bool failed;
};

int call_number(enum arch_id arch, const char *text)
{
	if (!strncmp(text, "nr:", 3))
		return (int)strtol(text + 3, NULL, 10);
	return syscall_number(arch, text);
}

bool action_permits(uint32_t action)
{
	return action == K_SECCOMP_RET_ALLOW || action == K_SECCOMP_RET_LOG;
}

bool action_yields(uint32_t action)
{
	uint32_t kind = action & K_SECCOMP_RET_ACTION_FULL;

	return action_permits(action) || kind == K_SECCOMP_RET_USER_NOTIF || kind == K_SECCOMP_RET_TRACE;
}

struct filter_rule *filter_find(const struct filter *filter, uint32_t nr)
{
	for (size_t i = 0; i < filter->nrules; i++)
		if (filter->rules[i].nr == nr)
			return &filter->rules[i];
	return NULL;
}

uint32_t filter_otherwise(const struct filter *filter, uint32_t nr)
{
	return filter->newer_from && nr >= filter->newer_from ? filter->newer_action : filter->default_action;
}

/* ---- decisions ---- */

static struct decision *find_decision(const struct caller *c, uint32_t nr)
{
	if (nr < ORDINARY_NUMBERS)
		return c->where[nr] ? &c->decisions[c->where[nr] - 1] : NULL;
	for (size_t i = 0; i < c->count; i++)
		if (c->decisions[i].nr == nr)
			return &c->decisions[i];
	return NULL;
}

static struct decision *decision_of(struct caller *c, uint32_t nr)
{
	struct decision *d = find_decision(c, nr);

	if (d)
		return d;
	c->decisions = arena_grow(c->arena, c->decisions, &c->cap, c->count + 1, sizeof(*c->decisions));
	d = &c->decisions[c->count++];
	*d = (struct decision){.nr = nr, .watched = true};
	d->left.clauses = arena_alloc(c->arena, sizeof(*d->left.clauses));
	d->left.count = d->left.cap = 1; /* one case without conditions: all */
	if (nr < ORDINARY_NUMBERS)
		c->where[nr] = c->count;
	return d;
}

static void close_decision(struct decision *d, uint32_t action, const struct policy_call_rule *closer)
{
	d->closed = true;
	d->action = action;
	d->closer = closer;
	d->waived |= closer && closer->override;
	if (closer)
		d->arches = d->nclauses ? d->arches & closer->arches : closer->arches;
}

static void add_clauses(struct caller *c, struct decision *d, const struct cond_cases *cases, uint32_t action)
{
	d->clauses = arena_grow(c->arena, d->clauses, &d->cap, d->nclauses + cases->count, sizeof(*d->clauses));
	for (size_t i = 0; i < cases->count; i++)
		d->clauses[d->nclauses++] = (struct filter_clause){
			.conds = cases->clauses[i].conds, .nconds = cases->clauses[i].nconds, .action = action};
}

/* ---- rules ---- */

/* Told once per name that was written, and only when no architecture of the rule has anything left to decide. */
static void unreachable(struct caller *c, const struct decision *d, const struct policy_name *name, unsigned arches,
			uint32_t action)
{
	/* without a closer: the same name twice in the lists; deny-duplicate and syscall-conflict speak of that */
	if (name->group || !d->closer || d->waived || arches & ~d->arches)
		return;
	/* nor where another file of an include has decided the same */
	if (d->closer->pos.file != name->pos.file && !d->nclauses && d->action == action)
		return;
	struct diag_item *item = diag_report(c->diag, CHECK_RULE_UNREACHABLE, &name->pos,
					     "nothing is left to decide about %s here", name->text);
	diag_note(c->diag, item, &d->closer->pos, "this rule decides first");
}

/* After the cases: what is left, as far as it can be kept track of. */
static void narrow(struct caller *c, struct decision *d, const struct cond_cases *others, bool known)
{
	struct cond_cases left;

	d->watched = d->watched && known;
	if (!d->watched)
		return;
	cond_both(c->arena, &d->left, others, &left);
	d->watched = !left.too_many;
	d->left = left;
}

static void conditional(struct caller *c, struct decision *d, const struct policy_call_rule *rule,
			const struct policy_name *name)
{
	const struct cond_site site = {c->arena, c->diag, c->arch, name->text};
	struct cond_cases cases, others, reached;

	if (!cond_lower(&site, rule->when, false, &cases)) {
		c->failed = true;
		return;
	}
	bool known = cond_lower(&site, rule->when, true, &others);
	if (!cases.count) {
		diag_report(c->diag, CHECK_CONDITION_NEVER, &rule->when->pos,
			    "no arguments of %s meet this condition", name->text);
		return;
	}
	if (known && !others.count)
		diag_report(c->diag, CHECK_CONDITION_ALWAYS, &rule->when->pos,
			    "all arguments of %s meet this condition", name->text);
	if (d->watched)
		cond_both(c->arena, &d->left, &cases, &reached);
	if (d->watched && !reached.count && !reached.too_many) {
		if (d->waived)
			return;
		diag_report(c->diag, CHECK_RULE_UNREACHABLE, &rule->when->pos,
			    "earlier rules decide about every %s that meets this condition", name->text);
		return;
	}
	d->arches = d->nclauses ? d->arches & rule->arches : rule->arches;
	d->waived |= rule->override;
	add_clauses(c, d, &cases, rule->action.value);
	d->last = rule;
	d->name = name->text;
	narrow(c, d, &others, known);
	if (d->watched && !d->left.count)
		close_decision(d, rule->action.value, rule);
}

static void apply_rule(struct caller *c, const struct policy_call_rule *rule)
{
	if (!(rule->arches >> c->arch & 1))
		return;
	for (size_t i = 0; i < rule->ncalls; i++) {
		int nr = call_number(c->arch, rule->calls[i].text);
		struct decision *d = nr < 0 ? NULL : decision_of(c, (uint32_t)nr);
		if (d && d->closed)
			unreachable(c, d, &rule->calls[i], rule->arches, rule->action.value);
		else if (d && rule->when)
			conditional(c, d, rule, &rule->calls[i]);
		else if (d)
			close_decision(d, rule->action.value, rule);
	}
}

static void apply_list(struct caller *c, const struct policy_name *names, size_t count, uint32_t action)
{
	for (size_t i = 0; i < count; i++) {
		int nr = call_number(c->arch, names[i].text);
		struct decision *d = nr < 0 ? NULL : decision_of(c, (uint32_t)nr);
		if (d && d->closed)
			unreachable(c, d, &names[i], (1u << ARCHES) - 1, action);
		else if (d)
			close_decision(d, action, NULL);
	}
}

/* ---- the filter ---- */

/* Numbers above every one that the table has, but for arm's private ones. */
static uint32_t first_unknown(enum arch_id arch)
{
	int last = 0;

	for (size_t i = 0; syscall_names()[i]; i++) {
		int nr = syscall_number_at(arch, i);
		if (nr < ORDINARY_NUMBERS && nr > last)
			last = nr;
	}
	return (uint32_t)last + 1;
}

/* Known calls are not newer, wherever their numbers are. */
static void close_private(struct caller *c)
{
	for (size_t i = 0; syscall_names()[i]; i++) {
		int nr = syscall_number_at(c->arch, i);
		if (nr >= ORDINARY_NUMBERS && !decision_of(c, (uint32_t)nr)->closed)
			close_decision(decision_of(c, (uint32_t)nr), c->policy->default_action.value, NULL);
	}
}

static void set_weights(const struct caller *c, struct filter *filter)
{
	const struct policy *p = c->policy;
	uint32_t *weights = arena_alloc(c->arena, ORDINARY_NUMBERS * sizeof(*weights));
	size_t n = 0;

	for (size_t i = 0; i < p->nweights; i++) {
		int nr = call_number(c->arch, p->weights[i].call);
		if (nr < 0 || nr >= ORDINARY_NUMBERS)
			continue;
		weights[nr] = p->weights[i].weight > weights[nr] ? p->weights[i].weight : weights[nr];
		n = (size_t)nr >= n ? (size_t)nr + 1 : n;
	}
	filter->weights = n ? weights : NULL;
	filter->nweights = n;
}

/* Conditions, and the same answer whether they hold or not. */
static void check_effect(const struct caller *c, const struct decision *d, uint32_t action)
{
	for (size_t i = 0; i < d->nclauses; i++)
		if (d->clauses[i].action != action)
			return;
	if (d->nclauses && d->closer != d->last)
		diag_report(c->diag, CHECK_NO_EFFECT, &d->last->when_pos,
			    "the condition changes nothing: %s gets the same where it does not hold", d->name);
}

static void write_rules(const struct caller *c, struct filter *filter)
{
	filter->rules = arena_alloc(c->arena, (c->count + 1) * sizeof(*filter->rules));
	for (size_t i = 0; i < c->count; i++) {
		const struct decision *d = &c->decisions[i];
		uint32_t action = d->closed ? d->action : filter_otherwise(filter, d->nr);
		check_effect(c, d, action);
		filter->rules[filter->nrules++] = (struct filter_rule){
			.nr = d->nr, .clauses = d->clauses, .nclauses = d->nclauses, .action = action};
	}
}

bool callrules_filter(struct arena *arena, struct diag *diag, const struct policy *policy, enum arch_id arch,
		      struct filter *filter)
{
	struct caller c = {.arena = arena, .diag = diag, .policy = policy, .arch = arch};

	*filter = (struct filter){.arch = arch,
				  .default_action = policy->default_action.value,
				  .foreign_action = policy->foreign_action.value,
				  .x32_action = policy->x32_action.value,
				  .newer_action = policy->newer_action.value};
	for (size_t i = 0; i < policy->ncalls; i++)
		apply_rule(&c, &policy->calls[i]);
	apply_list(&c, policy->deny, policy->ndeny, K_SECCOMP_RET_ERRNO | policy->deny_errno);
	apply_list(&c, policy->log, policy->nlog, K_SECCOMP_RET_LOG);
	apply_list(&c, policy->allow, policy->nallow, K_SECCOMP_RET_ALLOW);
	if (filter->newer_action != filter->default_action) {
		filter->newer_from = first_unknown(arch);
		close_private(&c);
	}
	write_rules(&c, filter);
	set_weights(&c, filter);
	return !c.failed;
}
