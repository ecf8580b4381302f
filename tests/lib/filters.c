/* SPDX-License-Identifier: MIT */
#include "filters.h"

#include "arena.h"

const char *const deny_mark[41] = {
	"mount",
	"umount2",
	"pivot_root",
	"swapon",
	"swapoff",
	"reboot",
	"sethostname",
	"setdomainname",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"ptrace",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"process_vm_readv",
	"process_vm_writev",
	"kcmp",
	"acct",
	"quotactl",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"lookup_dcookie",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"setns",
	NULL,
};

const uint16_t allow_mark[][2] = {
	{0, 47},    {49, 52},   {54, 67},   {69, 100},  {102, 102}, {104, 132}, {134, 140}, {142, 152}, {156, 158},
	{160, 162}, {174, 174}, {177, 178}, {180, 211}, {213, 222}, {224, 226}, {228, 245}, {247, 247}, {252, 257},
	{259, 259}, {261, 269}, {271, 271}, {273, 280}, {283, 297}, {299, 302}, {306, 307}, {309, 309}, {314, 319},
	{322, 322}, {324, 330}, {332, 334}, {424, 424}, {434, 441}, {443, 450}, {0, 0},
};

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
	return (uint32_t)(rng_next(rng) >> 32) % bound;
}

/* ---- evaluation ---- */

static bool holds(const struct filter_cond *c, const struct bpf_data *data)
{
	uint64_t arg = data->args[c->arg];

	if (c->width == 32)
		arg &= UINT32_MAX;
	switch (c->op) {
	case CMP_EQ:
		return arg == c->value;
	case CMP_NE:
		return arg != c->value;
	case CMP_LT:
		return arg < c->value;
	case CMP_LE:
		return arg <= c->value;
	case CMP_GT:
		return arg > c->value;
	case CMP_GE:
		return arg >= c->value;
	case CMP_MASKED_EQ:
		return (arg & c->mask) == c->value;
	case CMP_MASKED_NE:
		break;
	}
	return (arg & c->mask) != c->value;
}

static bool clause_holds(const struct filter_clause *clause, const struct bpf_data *data)
{
	for (size_t i = 0; i < clause->nconds; i++)
		if (!holds(&clause->conds[i], data))
			return false;
	return true;
}

static uint32_t rule_evaluate(const struct filter_rule *rule, const struct bpf_data *data)
{
	for (size_t i = 0; i < rule->nclauses; i++)
		if (clause_holds(&rule->clauses[i], data))
			return rule->clauses[i].action;
	return rule->action;
}

uint32_t filter_evaluate(const struct filter *filter, const struct bpf_data *data)
{
	if (data->arch != arch_rows[filter->arch].audit_arch)
		return filter->foreign_action;
	for (size_t i = 0; i < filter->nrules; i++)
		if (filter->rules[i].nr == data->nr)
			return rule_evaluate(&filter->rules[i], data);
	if (arch_rows[filter->arch].x32 && data->nr >= 0x40000000)
		return filter->x32_action;
	if (filter->newer_from != 0 && data->nr >= filter->newer_from)
		return filter->newer_action;
	return filter->default_action;
}

/* ---- random filters ---- */

static const uint32_t actions[12] = {
	K_SECCOMP_RET_ALLOW,      K_SECCOMP_RET_ERRNO | 1, K_SECCOMP_RET_KILL_PROCESS, K_SECCOMP_RET_ERRNO | 38,
	K_SECCOMP_RET_LOG,        K_SECCOMP_RET_TRAP | 5,  K_SECCOMP_RET_TRACE | 7,    K_SECCOMP_RET_KILL_THREAD,
	K_SECCOMP_RET_USER_NOTIF, K_SECCOMP_RET_ALLOW | 1, K_SECCOMP_RET_ERRNO | 4095, K_SECCOMP_RET_ERRNO,
};

static const uint64_t borders[] = {
	0,
	1,
	2,
	3,
	0x10,
	0x7fffffff,
	0x80000000,
	0xfffffffe,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x1ffffffff,
	0x7fffffffffffffff,
	0x8000000000000000,
	0xffffffff00000000,
	0xffffffffffffffff,
};

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static uint64_t random_value(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return rng_below(rng, 8);
	case 1:
		return rng_next(rng) >> rng_below(rng, 64);
	default:
		return borders[rng_below(rng, COUNT(borders))];
	}
}

static uint64_t random_mask(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0:
		return UINT64_C(1) << rng_below(rng, 64);
	case 1:
		return rng_next(rng) & rng_next(rng);
	default:
		return random_value(rng);
	}
}

static struct filter_cond random_cond(struct rng *rng)
{
	struct filter_cond c = {
		/* few arguments, so that conditions meet */
		.arg = (uint8_t)(rng_below(rng, 3) != 0 ? rng_below(rng, 2) : rng_below(rng, 6)),
		.width = rng_below(rng, 2) != 0 ? 64 : 32,
		.op = (enum cmp_op)rng_below(rng, 8),
		.mask = random_mask(rng),
		.value = random_value(rng),
	};

	if (rng_below(rng, 4) != 0 && (c.op == CMP_MASKED_EQ || c.op == CMP_MASKED_NE))
		c.value &= c.mask;
	if (c.width == 32) {
		c.mask &= UINT32_MAX;
		c.value &= UINT32_MAX;
	}
	return c;
}

static uint32_t random_action(struct rng *rng, const struct filter_shape *shape)
{
	return actions[rng_below(rng, shape->actions)];
}

static void random_rule(struct arena *arena, struct rng *rng, const struct filter_shape *shape, struct filter_rule *r)
{
	r->action = random_action(rng, shape);
	r->nclauses = rng_below(rng, 2) != 0 ? 0 : rng_below(rng, shape->clauses + 1);
	r->clauses = arena_alloc(arena, (r->nclauses + 1) * sizeof(*r->clauses));
	for (size_t i = 0; i < r->nclauses; i++) {
		struct filter_clause *c = &r->clauses[i];

		c->action = random_action(rng, shape);
		c->nconds = rng_below(rng, 16) != 0 ? 1 + rng_below(rng, 3) : 0;
		c->conds = arena_alloc(arena, (c->nconds + 1) * sizeof(*c->conds));
		for (size_t j = 0; j < c->nconds; j++)
			c->conds[j] = random_cond(rng);
	}
}

static uint32_t random_number(struct rng *rng, const struct filter_shape *shape)
{
	static const uint32_t odd[] = {0x3fffffff, 0x40000000, 0x40000001, 0x7fffffff,
				       0x80000000, 0xfffffffe, 0xffffffff};

	return rng_below(rng, 40) == 0 ? odd[rng_below(rng, COUNT(odd))] : rng_below(rng, shape->numbers);
}

struct filter filter_random(struct arena *arena, struct rng *rng, enum arch_id arch, const struct filter_shape *shape)
{
	uint32_t wanted = rng_below(rng, shape->rules + 1);
	struct filter f = {
		.arch = arch,
		.default_action = random_action(rng, shape),
		.foreign_action = random_action(rng, shape),
		.x32_action = random_action(rng, shape),
		.newer_from = rng_below(rng, 2) != 0 ? 1 + rng_below(rng, 2 * shape->numbers) : 0,
		.newer_action = random_action(rng, shape),
	};

	f.rules = arena_alloc(arena, (wanted + 1) * sizeof(*f.rules));
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t nr = random_number(rng, shape);
		size_t j = 0;

		while (j < f.nrules && f.rules[j].nr != nr)
			j++;
		if (j < f.nrules)
			continue;
		f.rules[f.nrules].nr = nr;
		random_rule(arena, rng, shape, &f.rules[f.nrules++]);
	}
	return f;
}

/* ---- calls ---- */

static uint64_t near(struct rng *rng, const struct filter_cond *c)
{
	uint64_t value = c->value;

	switch (rng_below(rng, 6)) {
	case 0:
		value--;
		break;
	case 1:
		value++;
		break;
	case 2:
		value ^= UINT64_C(1) << rng_below(rng, 64);
		break;
	case 3: /* what the mask does not look at may be anything */
		value = (value & c->mask) | (rng_next(rng) & ~c->mask);
		break;
	default:
		break;
	}
	if (rng_below(rng, 3) == 0)
		value ^= rng_next(rng) << 32;
	return value;
}

static void aim(const struct filter_rule *rule, struct rng *rng, struct bpf_data *data)
{
	for (size_t i = 0; i < rule->nclauses; i++)
		for (size_t j = 0; j < rule->clauses[i].nconds; j++)
			if (rng_below(rng, 2) != 0)
				data->args[rule->clauses[i].conds[j].arg] = near(rng, &rule->clauses[i].conds[j]);
}

struct bpf_data filter_probe(const struct filter *filter, struct rng *rng)
{
	struct bpf_data data = {
		.nr = (uint32_t)random_value(rng),
		.arch = arch_rows[filter->arch].audit_arch,
		.ip = rng_next(rng),
	};

	for (size_t i = 0; i < 6; i++)
		data.args[i] = random_value(rng);
	if (rng_below(rng, 16) == 0)
		data.arch = arch_rows[rng_below(rng, ARCHES)].audit_arch;
	if (filter->nrules != 0 && rng_below(rng, 8) != 0) {
		const struct filter_rule *rule = &filter->rules[rng_below(rng, (uint32_t)filter->nrules)];

		data.nr = rule->nr;
		aim(rule, rng, &data);
		if (rng_below(rng, 4) == 0)
			data.nr += rng_below(rng, 3) - 1;
		if (rng_below(rng, 32) == 0)
			data.nr ^= 0x40000000;
	} else if (rng_below(rng, 2) != 0) {
		data.nr = filter->newer_from + rng_below(rng, 3) - 1;
	}
	return data;
}
