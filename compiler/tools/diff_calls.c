/* SPDX-License-Identifier: MIT */
/*
 * Filters of two policies. For every architecture that either speaks of, every number with a name and the rest of the
 * numbers as one: bpf_compare() follows both programs and finds each pair of different answers.
 */
#include <string.h>

#include "access.h"
#include "arena.h"
#include "bpf_compare.h"
#include "decide.h"
#include "diff.h"
#include "inspect.h"
#include "sysdata.h"

/* What a filter leaves to others counts between what it allows and what it denies: a tracer, or the broker, decides. */
static int openness(uint32_t action)
{
	switch (action & K_SECCOMP_RET_ACTION_FULL) {
	case K_SECCOMP_RET_ALLOW:
	case K_SECCOMP_RET_LOG:
		return 2;
	case K_SECCOMP_RET_USER_NOTIF:
	case K_SECCOMP_RET_TRACE:
		return 1;
	default:
		return 0;
	}
}

/* One line of the report; an architecture more for each on which the same holds. */
struct answer {
	const char *calls, *arches;
	uint32_t before, after, rows;
};

/* Calls that both answer alike whatever their arguments: one item names them all. */
struct bucket {
	uint32_t before, after;
	unsigned numbers; /* of the SYSCALL_NUMBERS with and without x32 bit */
	unsigned unnamed;
	bool rest; /* every other number, too */
	const char *names;
};

struct calls {
	struct diff *diff;
	struct answer *answers;
	size_t nanswers, answers_cap;
	uint32_t rows;
	enum arch_id arch; /* whose calls; ARCHES: of no architecture that has a name */
	const char *arch_name;
	bool rest; /* what is being compared: not one number, but all without a name */
	struct bucket *buckets;
	size_t nbuckets, buckets_cap;
};

static const char *call_name(const struct calls *c, uint32_t nr)
{
	uint32_t plain = nr & ~K_X32_SYSCALL_BIT;
	const char *name;

	if (c->arch == ARCHES || plain >= SYSCALL_NUMBERS || (nr != plain && !arch_rows[c->arch].x32))
		return NULL;
	name = syscall_name(c->arch, (int)plain);
	return name && nr != plain ? arena_printf(c->diff->arena, "%s (x32)", name) : name;
}

/* "socket(domain=AF_INET, type=SOCK_STREAM)": the arguments that are not zero. */
static const char *example_text(const struct calls *c, const uint32_t words[BPF_DATA_WORDS])
{
	struct arena *arena = c->diff->arena;
	const char *name = call_name(c, words[0]), *separator = "";
	const char *text = name ? arena_printf(arena, "%s(", name) : arena_printf(arena, "number 0x%x(", words[0]);
	bool big = c->arch != ARCHES && arch_rows[c->arch].big_endian;

	for (unsigned i = 0; i < 6; i++) {
		const uint32_t *half = &words[K_SECCOMP_DATA_ARGS / 4 + 2 * i];
		uint64_t value = (uint64_t)half[!big] << 32 | half[big];
		struct arg_info info;

		if (!value)
			continue;
		if (name && syscall_arg_at(c->arch, name, i, &info))
			text = arena_printf(arena, "%s%s%s=%s", text, separator, info.name,
					    argument_text(arena, c->arch, name, &info, value));
		else
			text = arena_printf(arena, "%s%sa%u=0x%llx", text, separator, i, (unsigned long long)value);
		separator = ", ";
	}
	return arena_printf(arena, "%s)", text);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

static void say_answer(struct calls *c, const char *calls, uint32_t before, uint32_t after)
{
	struct arena *arena = c->diff->arena;

	for (size_t i = 0; i < c->nanswers; i++) {
		struct answer *a = &c->answers[i];

		if (a->before != before || a->after != after || a->rows != c->rows || strcmp(a->calls, calls))
			continue;
		/* the rows of one architecture come one after the other: its name is the last one, if any */
		if (!ends_with(a->arches, c->arch_name))
			a->arches = arena_printf(arena, "%s, %s", a->arches, c->arch_name);
		return;
	}
	c->answers = arena_grow(arena, c->answers, &c->answers_cap, c->nanswers + 1, sizeof(*c->answers));
	c->answers[c->nanswers++] = (struct answer){calls, c->arch_name, before, after, c->rows};
}

static void say_answers(const struct calls *c, size_t begin)
{
	for (size_t i = 0; i < c->nanswers; i++) {
		const struct answer *a = &c->answers[i];
		int was = openness(a->before), is = openness(a->after);
		char one[32], two[32];
		struct diff_item item = {
			.way = is > was   ? DIFF_WIDENED
			       : is < was ? DIFF_NARROWED
					  : DIFF_CHANGED,
			.area = "syscall",
			.rows = a->rows,
		};

		item.text = arena_printf(c->diff->arena, "%s on %s: %s → %s", a->calls, a->arches,
					 action_text(a->before, one), action_text(a->after, two));
		diff_add(c->diff, begin, item);
	}
}

static struct bucket *bucket_of(struct calls *c, uint32_t before, uint32_t after)
{
	for (size_t i = 0; i < c->nbuckets; i++)
		if (c->buckets[i].before == before && c->buckets[i].after == after)
			return &c->buckets[i];
	c->buckets = arena_grow(c->diff->arena, c->buckets, &c->buckets_cap, c->nbuckets + 1, sizeof(*c->buckets));
	c->buckets[c->nbuckets] = (struct bucket){.before = before, .after = after};
	return &c->buckets[c->nbuckets++];
}

static void note(void *context, const uint32_t words[BPF_DATA_WORDS], uint32_t before, uint32_t after,
		 bool by_arguments)
{
	struct calls *c = context;
	struct arena *arena = c->diff->arena;
	const char *name = call_name(c, words[0]);
	struct bucket *bucket;

	if (by_arguments) {
		say_answer(c, example_text(c, words), before, after);
		return;
	}
	bucket = bucket_of(c, before, after);
	if (c->rest) {
		bucket->rest = true;
		return;
	}
	bucket->numbers++;
	bucket->unnamed += !name;
	if (name)
		bucket->names = bucket->names ? arena_printf(arena, "%s, %s", bucket->names, name) : name;
}

static void say_buckets(struct calls *c)
{
	struct arena *arena = c->diff->arena;

	for (size_t i = 0; i < c->nbuckets; i++) {
		const struct bucket *b = &c->buckets[i];
		const char *text = b->names ? b->names : "", *separator = b->names ? ", " : "";

		if (b->rest && b->numbers == 2 * SYSCALL_NUMBERS)
			text = "every call";
		else if (b->rest)
			text = arena_printf(arena, "%s%severy number without a name", text, separator);
		else if (b->unnamed)
			text = arena_printf(arena, "%s%s%u numbers without a name", text, separator, b->unnamed);
		say_answer(c, text, b->before, b->after);
	}
	c->nbuckets = 0;
}

static void compare(struct calls *c, const struct bpf_program *old, const struct bpf_program *new,
		    const struct bpf_calls *calls)
{
	struct diff_item item = {.way = DIFF_WIDENED, .area = "syscall", .rows = c->rows};

	if (bpf_compare(old, new, calls, note, c))
		return;
	item.text = arena_printf(c->diff->arena, "%s on %s: conditions in more combinations than could be compared",
				 calls->nr_known ? "a call" : "unnamed calls", c->arch_name);
	diff_add(c->diff, 0, item);
}

/* Numbers of named calls one by one, with and without the x32 bit; the others as one. */
static void compare_numbers(struct calls *c, struct bpf_calls calls, const struct bpf_program *old,
			    const struct bpf_program *new)
{
	static const uint32_t blocks[] = {0, K_X32_SYSCALL_BIT};
	const struct word_test others[] = {{~(SYSCALL_NUMBERS - 1u), blocks[0], WORD_NE},
					   {~(SYSCALL_NUMBERS - 1u), blocks[1], WORD_NE}};

	calls.nr_known = true;
	for (size_t b = 0; b < 2; b++)
		for (uint32_t nr = 0; nr < SYSCALL_NUMBERS; nr++) {
			calls.nr = blocks[b] + nr;
			compare(c, old, new, &calls);
		}
	calls.nr_known = false;
	calls.nr_tests = others;
	calls.nnr_tests = 2;
	c->rest = true;
	compare(c, old, new, &calls);
	c->rest = false;
	say_buckets(c);
}

/* A program for one architecture meets calls of the others, too: a 64-bit kernel runs 32-bit programs. */
static void compare_programs(struct calls *c, const struct bpf_program *old, const struct bpf_program *new)
{
	struct word_test others[ARCHES];
	struct bpf_calls calls = {.arch_known = true};
	const char *host = c->arch_name;

	if (old->count == new->count && !memcmp(old->insns, new->insns, old->count * sizeof(*old->insns)))
		return;
	for (unsigned i = 0; i < ARCHES; i++) {
		c->arch = (enum arch_id)i;
		c->arch_name = !strcmp(host, arch_rows[i].name) ? host
								: arena_printf(c->diff->arena, "%s of a host with %s",
									       arch_rows[i].name, host);
		calls.arch = arch_rows[i].audit_arch;
		others[i] = (struct word_test){UINT32_MAX, calls.arch, WORD_NE};
		compare_numbers(c, calls, old, new);
	}
	calls = (struct bpf_calls){.arch_tests = others, .narch_tests = ARCHES};
	c->arch = ARCHES;
	c->arch_name = arena_printf(c->diff->arena, "other architectures of a host with %s", host);
	compare_numbers(c, calls, old, new);
}

/* ---- which programs ---- */

static struct k_sock_filter allow_all = {.code = K_BPF_RET_K, .k = K_SECCOMP_RET_ALLOW};

enum found { FOUND, MISSING, DAMAGED };

static enum found program_of(const struct blob *blob, uint32_t row, uint32_t audit_arch, struct bpf_program *program)
{
	int missing = 0;
	const struct llpb_filter *filter = blob_filter(blob, diff_plan(blob, row), audit_arch, &missing);

	*program = (struct bpf_program){&allow_all, 1};
	if (!filter)
		return missing ? MISSING : FOUND;
	return filter_program(blob, filter, program) ? FOUND : DAMAGED;
}

struct pair {
	struct bpf_program old, new;
	enum found had, has;
};

static void say_whole(struct calls *c, enum diff_way way, const char *text)
{
	diff_add(c->diff, 0,
		 (struct diff_item){.way = way,
				    .area = "syscall",
				    .rows = c->rows,
				    .text = arena_printf(c->diff->arena, "%s: %s", c->arch_name, text)});
}

static void compare_pair(struct calls *c, const struct pair *pair)
{
	if (pair->had == DAMAGED || pair->has == DAMAGED)
		say_whole(c, DIFF_WIDENED, "a filter that no kernel accepts");
	else if (pair->had == MISSING && pair->has == FOUND)
		say_whole(c, DIFF_WIDENED, "runs there now; it had no filter for it, and was refused");
	else if (pair->has == MISSING && pair->had == FOUND)
		say_whole(c, DIFF_NARROWED, "no filter for it any more: refused there");
	else if (pair->had == FOUND)
		compare_programs(c, &pair->old, &pair->new);
}

static bool same_pair(const struct pair *a, const struct pair *b)
{
	return a->old.insns == b->old.insns && a->new.insns == b->new.insns && a->had == b->had && a->has == b->has;
}

/* Rows that share their programs are compared once. */
static void compare_arch(struct calls *c, enum arch_id arch)
{
	const struct diff *diff = c->diff;
	uint32_t common = diff_common_rows(diff), done = 0;
	struct pair pairs[LLPB_PLAN_MAX];

	for (uint32_t row = 0; row < ABI_ROWS; row++) {
		struct pair *pair = &pairs[row];
		pair->had = program_of(diff->old, row, arch_rows[arch].audit_arch, &pair->old);
		pair->has = program_of(diff->new, row, arch_rows[arch].audit_arch, &pair->new);
	}
	for (uint32_t row = 0; row < ABI_ROWS; row++) {
		if (!((common & ~done) >> row & 1))
			continue;
		c->rows = 0;
		for (uint32_t other = row; other < ABI_ROWS; other++)
			if (common >> other & 1 && same_pair(&pairs[row], &pairs[other]))
				c->rows |= UINT32_C(1) << other;
		done |= c->rows;
		c->arch_name = arch_rows[arch].name;
		compare_pair(c, &pairs[row]);
	}
}

void diff_calls(struct diff *diff)
{
	struct calls c = {.diff = diff};
	size_t begin = diff->count;

	for (unsigned i = 0; i < ARCHES; i++)
		compare_arch(&c, (enum arch_id)i);
	say_answers(&c, begin);
}
