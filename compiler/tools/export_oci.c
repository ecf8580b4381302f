/* SPDX-License-Identifier: MIT */
/*
 * What a program answers, as an OCI profile. For each system call every way through the program is followed. What a way
 * demands of an argument is a set of bit patterns (mask, value) that exclude each other; SCMP_CMP_MASKED_EQ says exactly
 * one of them, so that a way becomes one entry for each combination. Ways exclude each other too: the order of the
 * entries, which libseccomp does not promise, means nothing.
 */
#include "export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "inspect.h"
#include "kernel_abi.h"

/* Entries for one call, and patterns of one word: a profile with more is of no use to anyone. */
#define ENTRIES_MAX  4096
#define PATTERNS_MAX 1024
#define STEPS_MAX    100000
#define DEPTH_MAX    512
#define WORDS        12
#define EPERM_ERROR  1

struct pattern {
	uint32_t mask, value;
};

struct patterns {
	struct pattern *items;
	size_t count, cap;
};

/* The accumulator: a constant, a masked word of an argument, or something else. */
struct value {
	enum { VALUE_CONSTANT, VALUE_WORD, VALUE_OTHER } kind;
	uint32_t constant, mask;
	unsigned word;
};

struct way {
	struct patterns words[WORDS]; /* by offset in struct seccomp_data; count 0: anything */
	struct value a;
};

/* An entry of syscalls. Of each argument (x & mask) == value; mask 0: anything. */
struct entry {
	const char **names;
	size_t count, cap;
	uint32_t action;
	struct {
		uint64_t mask, value;
	} args[6];
	bool conditional;
};

struct entries {
	struct entry *items;
	size_t count, cap;
};

struct follower {
	struct arena *arena;
	const struct bpf_program *program;
	enum arch_id arch;
	uint32_t nr, default_action;
	const char *name;
	size_t steps, depth;
	const char *why; /* it cannot be said */
	struct entries list;
};

/* ---- patterns ---- */

static void add_pattern(struct follower *f, struct patterns *p, uint32_t mask, uint32_t value)
{
	if (p->count == PATTERNS_MAX) {
		f->why = "too many alternatives";
		return;
	}
	p->items = arena_grow(f->arena, p->items, &p->cap, p->count + 1, sizeof(*p->items));
	p->items[p->count++] = (struct pattern){mask, value};
}

/* (x & mask) == value, or everything else: the bits above equal and this one not, for each bit. */
static void equal_patterns(struct follower *f, struct patterns *p, uint32_t mask, uint32_t value, bool equal)
{
	uint32_t above = 0;

	if (value & ~mask) {
		if (!equal)
			add_pattern(f, p, 0, 0);
		return;
	}
	if (equal) {
		add_pattern(f, p, mask, value);
		return;
	}
	for (uint32_t bit = UINT32_C(1) << 31; bit; bit >>= 1)
		if (mask & bit) {
			add_pattern(f, p, above | bit, (value & above) | (~value & bit));
			above |= bit;
		}
}

/* (x & mask) >= from, or the contrary; false when the mask has holes. */
static bool order_patterns(struct follower *f, struct patterns *p, uint32_t mask, uint64_t from, bool reached)
{
	uint32_t above = ~mask, bit;

	if (mask & (mask + 1))
		return false;
	above = 0;
	if (from > mask) {
		if (!reached)
			add_pattern(f, p, 0, 0);
		return true;
	}
	for (bit = mask ^ mask >> 1; bit; bit >>= 1) {
		/* the bits above are those of `from`, and this one settles it */
		if (reached && !(from & bit))
			add_pattern(f, p, above | bit, ((uint32_t)from & above) | bit);
		if (!reached && from & bit)
			add_pattern(f, p, above | bit, (uint32_t)from & above);
		above |= bit;
	}
	if (reached)
		add_pattern(f, p, mask, (uint32_t)from);
	return true;
}

static void intersect(struct follower *f, const struct patterns *a, const struct patterns *b, struct patterns *out)
{
	*out = (struct patterns){0};
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < b->count && !f->why; k++) {
			const struct pattern *x = &a->items[i], *y = &b->items[k];
			if (!((x->value ^ y->value) & x->mask & y->mask))
				add_pattern(f, out, x->mask | y->mask, x->value | y->value);
		}
}

/* ---- one entry for each combination ---- */

static const struct patterns *patterns_of(const struct way *way, unsigned word)
{
	static struct pattern any;
	static const struct patterns anything = {&any, 1, 0};

	return way->words[word].count ? &way->words[word] : &anything;
}

static void set_argument(const struct follower *f, struct entry *entry, unsigned index, const struct pattern *first,
			 const struct pattern *second)
{
	/* the word at the lower address is the upper one where bytes are big-endian */
	const struct pattern *low = arch_rows[f->arch].big_endian ? second : first;
	const struct pattern *high = arch_rows[f->arch].big_endian ? first : second;

	entry->args[index].mask = (uint64_t)high->mask << 32 | low->mask;
	entry->args[index].value = (uint64_t)high->value << 32 | low->value;
	entry->conditional |= entry->args[index].mask != 0;
}

static const char *action_word(uint32_t action)
{
	switch (action & K_SECCOMP_RET_ACTION_FULL) {
	case K_SECCOMP_RET_ALLOW:
		return "SCMP_ACT_ALLOW";
	case K_SECCOMP_RET_ERRNO:
		return "SCMP_ACT_ERRNO";
	case K_SECCOMP_RET_KILL_PROCESS:
		return "SCMP_ACT_KILL_PROCESS";
	case K_SECCOMP_RET_KILL_THREAD:
		return "SCMP_ACT_KILL_THREAD";
	case K_SECCOMP_RET_TRAP:
		return action & K_SECCOMP_RET_DATA ? NULL : "SCMP_ACT_TRAP";
	case K_SECCOMP_RET_TRACE:
		return "SCMP_ACT_TRACE";
	case K_SECCOMP_RET_LOG:
		return "SCMP_ACT_LOG";
	default:
		return NULL;
	}
}

static void add_name(struct arena *arena, struct entry *entry, const char *name)
{
	entry->names = arena_grow(arena, entry->names, &entry->cap, entry->count + 1, sizeof(*entry->names));
	entry->names[entry->count++] = name;
}

static struct entry *add_entry(struct arena *arena, struct entries *list, const char *name, uint32_t action)
{
	struct entry *entry;

	list->items = arena_grow(arena, list->items, &list->cap, list->count + 1, sizeof(*list->items));
	entry = &list->items[list->count++];
	*entry = (struct entry){.action = action};
	add_name(arena, entry, name);
	return entry;
}

static void put_combination(struct follower *f, const struct way *way, const size_t choice[WORDS], uint32_t action)
{
	struct entry *entry;

	if (f->list.count == ENTRIES_MAX) {
		f->why = "too many combinations of arguments";
		return;
	}
	entry = add_entry(f->arena, &f->list, f->name, action);
	for (unsigned i = 0; i < 6; i++)
		set_argument(f, entry, i, &patterns_of(way, 2 * i)->items[choice[2 * i]],
			     &patterns_of(way, 2 * i + 1)->items[choice[2 * i + 1]]);
}

static void put_way(struct follower *f, const struct way *way, uint32_t action)
{
	size_t choice[WORDS] = {0};
	unsigned word;

	if (action == f->default_action)
		return;
	if (!action_word(action)) {
		f->why = "an action that profiles do not have";
		return;
	}
	do {
		put_combination(f, way, choice, action);
		for (word = 0; word < WORDS && ++choice[word] == patterns_of(way, word)->count; word++)
			choice[word] = 0;
	} while (word < WORDS && !f->why);
}

/* ---- following ---- */

static void load(struct follower *f, struct value *a, uint32_t offset)
{
	*a = (struct value){.kind = VALUE_CONSTANT, .mask = UINT32_MAX};
	if (offset == K_SECCOMP_DATA_NR) {
		a->constant = f->nr;
	} else if (offset == K_SECCOMP_DATA_ARCH) {
		a->constant = arch_rows[f->arch].audit_arch;
	} else if (offset >= 16 && offset < 64 && offset % 4 == 0) {
		a->kind = VALUE_WORD;
		a->word = (offset - 16) / 4;
	} else {
		a->kind = VALUE_OTHER;
	}
}

/* What taking, or not taking, the jump says about the word. False: it has no patterns. */
static bool branch_patterns(struct follower *f, const struct k_sock_filter *insn, uint32_t mask, bool taken,
			    struct patterns *out)
{
	*out = (struct patterns){0};
	switch (insn->code) {
	case K_BPF_JEQ_K:
		equal_patterns(f, out, mask, insn->k, taken);
		return true;
	case K_BPF_JSET_K:
		equal_patterns(f, out, mask & insn->k, 0, !taken);
		return true;
	case K_BPF_JGE_K:
		return order_patterns(f, out, mask, insn->k, taken);
	default: /* K_BPF_JGT_K */
		return order_patterns(f, out, mask, (uint64_t)insn->k + 1, taken);
	}
}

static void follow(struct follower *f, size_t at, const struct way *from);

static void branch(struct follower *f, const struct way *way, size_t at, bool taken)
{
	const struct k_sock_filter *insn = &f->program->insns[at];
	size_t to = at + 1 + (taken ? insn->jt : insn->jf);
	struct patterns said, both;
	struct way next = *way;

	if (way->a.kind == VALUE_CONSTANT) {
		if (jump_holds(insn, way->a.constant) == taken)
			follow(f, to, way);
		return;
	}
	if (way->a.kind != VALUE_WORD || !branch_patterns(f, insn, way->a.mask, taken, &said)) {
		f->why = "a comparison that profiles do not have";
		return;
	}
	intersect(f, patterns_of(way, way->a.word), &said, &both);
	if (!both.count)
		return;
	next.words[way->a.word] = both;
	follow(f, to, &next);
}

/* Jumps lead forward: every way ends. */
static void follow(struct follower *f, size_t at, const struct way *from)
{
	struct way way = *from;

	for (; !f->why; at++) {
		const struct k_sock_filter *insn = &f->program->insns[at];
		if (++f->steps > STEPS_MAX || f->depth > DEPTH_MAX) {
			f->why = "too many ways through the filter";
			return;
		}
		switch (insn->code) {
		case K_BPF_RET_K:
			put_way(f, &way, insn->k);
			return;
		case K_BPF_JA:
			at += insn->k;
			break;
		case K_BPF_JEQ_K:
		case K_BPF_JGT_K:
		case K_BPF_JGE_K:
		case K_BPF_JSET_K:
			f->depth++;
			branch(f, &way, at, true);
			branch(f, &way, at, false);
			f->depth--;
			return;
		case K_BPF_LD_W_ABS:
			load(f, &way.a, insn->k);
			break;
		case K_BPF_AND_K:
			way.a.constant &= insn->k;
			way.a.mask &= insn->k;
			break;
		default:
			way.a.kind = VALUE_OTHER;
		}
	}
}

/* ---- the profile ---- */

struct profile {
	struct arena *arena;
	const struct bpf_program *program;
	enum arch_id arch;
	uint32_t default_action;
	struct entries constant, conditional;
	bool lossy;
	size_t lost;
};

static uint32_t answer(const struct profile *p, uint32_t nr)
{
	return bpf_simulate(p->program, arch_rows[p->arch].big_endian,
			    &(struct bpf_data){.nr = nr, .arch = arch_rows[p->arch].audit_arch}, NULL);
}

static uint32_t last_number(enum arch_id arch)
{
	uint32_t nr = SYSCALL_NUMBERS;

	while (nr && !syscall_name(arch, (int)nr - 1))
		nr--;
	return nr;
}

/* What numbers below the last get that are no call; where there are none, what the first one above gets. */
static uint32_t default_of(const struct profile *p)
{
	uint32_t last = last_number(p->arch);

	for (uint32_t nr = 0; nr < last; nr++)
		if (!syscall_name(p->arch, (int)nr))
			return answer(p, nr);
	return answer(p, last);
}

/* Calls with one answer whatever the arguments stand together, by answer. */
static void add_constant(struct profile *p, const char *name, uint32_t action)
{
	size_t i = 0;

	if (action == p->default_action)
		return;
	while (i < p->constant.count && p->constant.items[i].action != action)
		i++;
	if (i < p->constant.count)
		add_name(p->arena, &p->constant.items[i], name);
	else
		add_entry(p->arena, &p->constant, name, action);
}

/* What a profile cannot say is denied: by its default where that denies. */
static void lose(struct profile *p, const char *name, const char *why)
{
	bool open = p->default_action == K_SECCOMP_RET_ALLOW || p->default_action == K_SECCOMP_RET_LOG;

	fprintf(stderr, "llc-policy export: %s: %s%s\n", name, why, p->lossy ? ": denied" : "");
	p->lost++;
	if (open)
		add_constant(p, name, K_SECCOMP_RET_ERRNO | EPERM_ERROR);
}

static void add_conditional(struct profile *p, const char *name, uint32_t nr)
{
	struct follower f = {.arena = p->arena,
			     .program = p->program,
			     .arch = p->arch,
			     .nr = nr,
			     .name = name,
			     .default_action = p->default_action};
	struct entries *all = &p->conditional;

	follow(&f, 0, &(struct way){.a = {.kind = VALUE_OTHER}});
	if (f.why) {
		lose(p, name, f.why);
		return;
	}
	all->items = arena_grow(p->arena, all->items, &all->cap, all->count + f.list.count + 1, sizeof(*all->items));
	if (f.list.count)
		memcpy(all->items + all->count, f.list.items, f.list.count * sizeof(*all->items));
	all->count += f.list.count;
}

static void add_calls(struct profile *p)
{
	for (const char *const *name = syscall_names(); *name; name++) {
		int nr = syscall_number(p->arch, *name);
		struct verdicts verdicts = {0};
		if (nr < 0)
			continue;
		filter_verdicts(p->program, &(struct bpf_scope){true, (uint32_t)nr, arch_rows[p->arch].audit_arch},
				&verdicts);
		if (verdicts.count != 1 || verdicts.overflow)
			add_conditional(p, *name, (uint32_t)nr);
		else if (!action_word(verdicts.action[0]))
			lose(p, *name, "an action that profiles do not have");
		else
			add_constant(p, *name, verdicts.action[0]);
	}
}

static void note(const char *text)
{
	fprintf(stderr, "llc-policy export: note: %s\n", text);
}

static bool kills(uint32_t action)
{
	return action == K_SECCOMP_RET_KILL_PROCESS || action == K_SECCOMP_RET_KILL_THREAD;
}

static void note_others(const struct profile *p)
{
	struct verdicts others = {0};
	uint32_t newer = answer(p, last_number(p->arch));
	bool killed = true;

	filter_foreign(p->program, arch_rows[p->arch].audit_arch, &others);
	if (arch_rows[p->arch].x32)
		filter_x32(p->program, arch_rows[p->arch].audit_arch, &others);
	for (size_t i = 0; i < others.count; i++)
		killed &= kills(others.action[i]);
	if (!killed || others.overflow)
		note("calls of other architectures and of x32 end the thread under a profile; the filter answers "
		     "otherwise");
	if (newer != p->default_action)
		note("calls newer than this program's table get the profile's default, or ENOSYS from runc");
}

static const char *const arch_words[ARCHES] = {
	[ARCH_X86_64] = "SCMP_ARCH_X86_64",   [ARCH_AARCH64] = "SCMP_ARCH_AARCH64", [ARCH_I386] = "SCMP_ARCH_X86",
	[ARCH_ARM] = "SCMP_ARCH_ARM",         [ARCH_RISCV64] = "SCMP_ARCH_RISCV64", [ARCH_S390X] = "SCMP_ARCH_S390X",
	[ARCH_PPC64LE] = "SCMP_ARCH_PPC64LE",
};

/* ---- writing: 64-bit masks are unsigned, which jansson cannot write; names are those of the table ---- */

static void put_action(FILE *out, const char *indent, const char *action_key, const char *errno_key, uint32_t action)
{
	uint32_t kind = action & K_SECCOMP_RET_ACTION_FULL;

	fprintf(out, "%s\"%s\": \"%s\"", indent, action_key, action_word(action));
	if (kind == K_SECCOMP_RET_ERRNO || kind == K_SECCOMP_RET_TRACE)
		fprintf(out, ",\n%s\"%s\": %u", indent, errno_key, action & K_SECCOMP_RET_DATA);
}

static void put_args(FILE *out, const struct entry *entry)
{
	const char *separator = ",\n      \"args\": [";

	for (unsigned i = 0; i < 6; i++) {
		uint64_t mask = entry->args[i].mask, value = entry->args[i].value;
		if (!mask)
			continue;
		fprintf(out, "%s\n        { \"index\": %u, ", separator, i);
		if (mask == UINT64_MAX)
			fprintf(out, "\"value\": %" PRIu64 ", \"op\": \"SCMP_CMP_EQ\" }", value);
		else
			fprintf(out,
				"\"value\": %" PRIu64 ", \"valueTwo\": %" PRIu64 ", \"op\": \"SCMP_CMP_MASKED_EQ\" }",
				mask, value);
		separator = ",";
	}
	fputs("\n      ]", out);
}

static void put_entries(FILE *out, const struct entries *list, const char **separator)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct entry *entry = &list->items[i];
		fprintf(out, "%s\n    {\n      \"names\": [", *separator);
		for (size_t k = 0; k < entry->count; k++)
			fprintf(out, "%s\n        \"%s\"", k ? "," : "", entry->names[k]);
		fputs("\n      ],\n", out);
		put_action(out, "      ", "action", "errnoRet", entry->action);
		if (entry->conditional)
			put_args(out, entry);
		fputs("\n    }", out);
		*separator = ",";
	}
}

static void put_profile(FILE *out, const struct profile *p)
{
	const char *separator = "";

	fputs("{\n", out);
	put_action(out, "  ", "defaultAction", "defaultErrnoRet", p->default_action);
	fprintf(out, ",\n  \"architectures\": [ \"%s\" ],\n  \"syscalls\": [", arch_words[p->arch]);
	put_entries(out, &p->constant, &separator);
	put_entries(out, &p->conditional, &separator);
	fputs("\n  ]\n}\n", out);
}

bool export_oci(struct arena *arena, FILE *out, enum arch_id arch, const struct bpf_program *program, bool lossy)
{
	struct profile p = {.arena = arena, .program = program, .arch = arch, .lossy = lossy};

	p.default_action = default_of(&p);
	if (!action_word(p.default_action)) {
		fputs("llc-policy export: the default is an action that profiles do not have\n", stderr);
		return false;
	}
	add_calls(&p);
	note_others(&p);
	if (p.lost && !lossy) {
		fprintf(stderr, "llc-policy export: %zu calls cannot be expressed; --lossy denies them\n", p.lost);
		return false;
	}
	put_profile(out, &p);
	return true;
}
