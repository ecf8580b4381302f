/* SPDX-License-Identifier: MIT */
/*
 * The simulator against the kernel, and the assembler against libseccomp. Children install filters and make calls;
 * every action is an errno (or ends the child), so that no call is carried out, whatever its number and arguments.
 *   filter_live_test [SEED]
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "entry.h"
#include "filter.h"
#include "filters.h"
#include "tap.h"

#define ERRNO(n)     (K_SECCOMP_RET_ERRNO | (n))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

/* ---- libseccomp ---- */

static bool export_program(scmp_filter_ctx ctx, struct bpf_program *out)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	bool passed = fd >= 0 && seccomp_export_bpf(ctx, fd) == 0;
	off_t size = passed ? lseek(fd, 0, SEEK_END) : 0;

	out->count = (size_t)size / sizeof(*out->insns);
	out->insns = arena_alloc(arena, (size_t)size + 1);
	passed = passed && size > 0 && pread(fd, out->insns, (size_t)size, 0) == size;
	close(fd);
	return passed;
}

static const enum scmp_compare compare_op[] = {
	[CMP_EQ] = SCMP_CMP_EQ,
	[CMP_NE] = SCMP_CMP_NE,
	[CMP_LT] = SCMP_CMP_LT,
	[CMP_LE] = SCMP_CMP_LE,
	[CMP_GT] = SCMP_CMP_GT,
	[CMP_GE] = SCMP_CMP_GE,
	[CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static int add_clause(scmp_filter_ctx ctx, uint32_t nr, const struct filter_clause *clause)
{
	struct scmp_arg_cmp args[6];

	for (size_t i = 0; i < clause->nconds; i++) {
		const struct filter_cond *c = &clause->conds[i];
		bool masked = c->op == CMP_MASKED_EQ;

		args[i] = (struct scmp_arg_cmp){c->arg, compare_op[c->op], masked ? c->mask : c->value,
						masked ? c->value : 0};
	}
	return seccomp_rule_add_exact_array(ctx, clause->action, (int)nr, (unsigned)clause->nconds, args);
}

/* libseccomp's program for the same decisions. It has one action for all x32 and foreign calls. */
static bool libseccomp_program(const struct filter *f, uint32_t level, struct bpf_program *out)
{
	scmp_filter_ctx ctx = seccomp_init(f->default_action);
	bool passed = ctx != NULL && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, level) == 0 &&
		      seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, f->foreign_action) == 0;

	for (size_t i = 0; passed && i < f->nrules; i++) {
		const struct filter_rule *rule = &f->rules[i];

		for (size_t j = 0; passed && j < rule->nclauses; j++)
			passed = add_clause(ctx, rule->nr, &rule->clauses[j]) == 0;
		if (passed && rule->nclauses == 0)
			passed = seccomp_rule_add(ctx, rule->action, (int)rule->nr, 0) == 0;
	}
	passed = passed && export_program(ctx, out);
	seccomp_release(ctx);
	return passed;
}

/* What libseccomp can say: one action per rule besides the default, 64-bit comparisons, one per argument. */
static void make_expressible(struct filter *f, struct rng *rng)
{
	f->default_action = K_SECCOMP_RET_ALLOW;
	f->foreign_action = f->x32_action = K_SECCOMP_RET_KILL_PROCESS;
	f->newer_from = 0;
	for (size_t i = 0; i < f->nrules; i++) {
		struct filter_rule *rule = &f->rules[i];
		uint32_t action = ERRNO(1 + rng_below(rng, 4));

		rule->action = rule->nclauses == 0 ? action : f->default_action;
		if (rule->nclauses > 1)
			rule->nclauses = 1;
		for (size_t j = 0; j < rule->nclauses; j++) {
			struct filter_clause *clause = &rule->clauses[j];

			clause->action = action;
			for (size_t k = 0; k < clause->nconds; k++) {
				struct filter_cond *c = &clause->conds[k];

				c->arg = (uint8_t)k;
				c->width = 64;
				if (c->op == CMP_MASKED_NE)
					c->op = CMP_MASKED_EQ;
				if (c->op == CMP_MASKED_EQ)
					c->value &= c->mask;
			}
		}
	}
}

/* -1 is x32's to us and the default's to libseccomp. */
static bool same_answers(const struct filter *f, const struct bpf_program *ours, const struct bpf_program *theirs,
			 struct rng *rng)
{
	for (unsigned i = 0; i < 2000; i++) {
		struct bpf_data d = filter_probe(f, rng);
		uint32_t a = bpf_simulate(ours, false, &d, NULL), b = bpf_simulate(theirs, false, &d, NULL);

		if (a != b && d.nr != UINT32_MAX) {
			tap_note("nr %x arch %08x args %llx %llx %llx: ours %08x, libseccomp's %08x, evaluator %08x",
				 d.nr, d.arch, (unsigned long long)d.args[0], (unsigned long long)d.args[1],
				 (unsigned long long)d.args[2], a, b, filter_evaluate(f, &d));
			return false;
		}
	}
	return true;
}

static void test_libseccomp(struct rng *rng)
{
	static const struct filter_shape shape = {30, 330, 1, 12};
	enum { FILTERS = 100 };

	for (uint32_t level = 1; level <= 2; level++) {
		bool passed = true;
		size_t ours = 0, theirs = 0;

		for (unsigned i = 0; passed && i < FILTERS; i++) {
			struct filter f = filter_random(arena, rng, ARCH_X86_64, &shape);
			struct bpf_program a = {NULL, 0}, b = {NULL, 0};
			size_t kept = 0;

			/* libseccomp takes numbers from 0x40000000 on for pseudo numbers */
			for (size_t j = 0; j < f.nrules; j++)
				if (f.rules[j].nr < shape.numbers)
					f.rules[kept++] = f.rules[j];
			f.nrules = kept;
			make_expressible(&f, rng);
			passed = bpf_assemble(arena, &f, &a) == NULL && libseccomp_program(&f, level, &b) &&
				 bpf_valid(b.insns, b.count) && same_answers(&f, &a, &b, rng);
			ours += a.count;
			theirs += b.count;
		}
		tap_ok(passed, "%d random filters answer as libseccomp's, level %u (%zu instructions, theirs %zu)",
		       FILTERS, level, ours, theirs);
	}
}

#ifdef __x86_64__

struct probe {
	struct bpf_data data;
	uint32_t expected; /* the action: an errno */
	long result;
};

enum { PROBES_MAX = 4096 };

static struct probe *probes; /* shared with the children */

struct run {
	const struct bpf_program *program;
	unsigned count;
};

static void run_probes(const void *data)
{
	const struct run *run = data;
	unsigned count = run->count;
	int error = entry_install(run->program);

	if (error != 0)
		entry_exit(100);
	for (unsigned i = 0; i < count; i++) {
		struct probe *p = &probes[i];

		p->result = p->data.arch == K_AUDIT_ARCH_X86_64 ? entry_call64(&p->data) : entry_call32(&p->data);
	}
}

static void disagreement(const struct probe *p, const char *who, long answer)
{
	tap_note("nr %x arch %08x args %llx %llx: expected %08x, %s: %lx", p->data.nr, p->data.arch,
		 (unsigned long long)p->data.args[0], (unsigned long long)p->data.args[1], p->expected, who,
		 (unsigned long)answer);
}

/* The simulator is asked first: a wrong program never gets to answer a random call for real. */
static bool simulator_agrees(const struct bpf_program *program, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t simulated = bpf_simulate(program, false, &probes[i].data, NULL);

		if (simulated != probes[i].expected) {
			disagreement(&probes[i], "the simulator", (long)simulated);
			return false;
		}
	}
	return true;
}

static bool kernel_agrees(const struct bpf_program *program, unsigned count)
{
	struct run run = {program, count};
	int status = simulator_agrees(program, count) ? entry_child(run_probes, &run) : -1;

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		tap_note("the child ended with wait status %#x", (unsigned)status);
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		if (probes[i].result != -(long)(probes[i].expected & K_SECCOMP_RET_DATA)) {
			disagreement(&probes[i], "the kernel", probes[i].result);
			return false;
		}
	}
	return true;
}

/* The only call that a probing child needs. */
#define NEEDED ((uint32_t)SYS_exit_group)

/* Only calls whose answer is an errno: whatever else a mistake in here asks for, random calls are not carried out. */
static void probe(unsigned *count, const struct filter *f, struct bpf_data d)
{
	uint32_t expected = filter_evaluate(f, &d);

	if (*count < PROBES_MAX && !entry_exempt(&d) && (expected & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_ERRNO)
		probes[(*count)++] = (struct probe){.data = d, .expected = expected};
}

static bool have_compat;

static void getpid32(const void *data)
{
	(void)data;
	entry_exit(entry_call32(&(struct bpf_data){.nr = 20}) == getpid() ? 0 : 1);
}

/* Every number with an errno of its own. */
static void test_numbers(void)
{
	enum { NUMBERS = 1024 };
	struct filter_rule rules[NUMBERS];
	struct filter f = {
		.default_action = ERRNO(3001),
		.foreign_action = ERRNO(3002),
		.x32_action = ERRNO(3003),
		.newer_from = NUMBERS + 100,
		.newer_action = ERRNO(3004),
		.rules = rules,
		.nrules = NUMBERS,
	};
	struct bpf_program p = {NULL, 0};
	unsigned count = 0;
	const char *error;

	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		rules[nr] =
			(struct filter_rule){.nr = nr, .action = nr == NEEDED ? K_SECCOMP_RET_ALLOW : ERRNO(1 + nr)};
	for (uint32_t nr = 0; nr < NUMBERS + 200; nr++)
		probe(&count, &f, (struct bpf_data){.nr = nr, .arch = K_AUDIT_ARCH_X86_64});
	for (uint32_t nr = 0; nr < 600; nr++)
		probe(&count, &f, (struct bpf_data){.nr = nr | K_X32_SYSCALL_BIT, .arch = K_AUDIT_ARCH_X86_64});
	for (uint32_t nr = 0; nr < NUMBERS && have_compat; nr++)
		probe(&count, &f, (struct bpf_data){.nr = nr, .arch = K_AUDIT_ARCH_I386});
	probe(&count, &f, (struct bpf_data){.nr = UINT32_MAX, .arch = K_AUDIT_ARCH_X86_64});
	probe(&count, &f, (struct bpf_data){.nr = 0x3fffffff, .arch = K_AUDIT_ARCH_X86_64});
	probe(&count, &f, (struct bpf_data){.nr = 0x80000000, .arch = K_AUDIT_ARCH_X86_64});
	error = bpf_assemble(arena, &f, &p);
	tap_ok(error == NULL && kernel_agrees(&p, count),
	       "numbers 0 to %d, x32, -1%s: the kernel's answers are the simulator's (%u calls, %zu instructions)",
	       NUMBERS + 199, have_compat ? ", int 0x80" : "", count, p.count);
}

static uint32_t as_errno(uint32_t action)
{
	return ERRNO(1 + (action >> 16) % 1000 + (action & 0xf) * 1000 % 3000);
}

/* Answers that do nothing, except that the child may end. */
static void make_harmless(struct filter *f)
{
	f->default_action = as_errno(f->default_action);
	f->foreign_action = as_errno(f->foreign_action);
	f->x32_action = as_errno(f->x32_action);
	f->newer_action = as_errno(f->newer_action);
	for (size_t i = f->nrules; i-- > 0;) {
		struct filter_rule *rule = &f->rules[i];

		if (rule->nr == NEEDED) {
			*rule = f->rules[--f->nrules];
			continue;
		}
		rule->action = as_errno(rule->action);
		for (size_t j = 0; j < rule->nclauses; j++)
			rule->clauses[j].action = as_errno(rule->clauses[j].action);
	}
	/* filter_random() leaves room for one rule more than it makes */
	f->rules[f->nrules++] = (struct filter_rule){.nr = NEEDED, .action = K_SECCOMP_RET_ALLOW};
}

static bool random_round(struct rng *rng, const struct filter_shape *shape)
{
	struct filter f = filter_random(arena, rng, ARCH_X86_64, shape);
	struct bpf_program p;
	unsigned count = 0;

	make_harmless(&f);
	if (bpf_assemble(arena, &f, &p) != NULL)
		return false;
	for (unsigned i = 0; i < 600; i++) {
		struct bpf_data d = filter_probe(&f, rng);

		if (d.arch != K_AUDIT_ARCH_X86_64)
			d.arch = K_AUDIT_ARCH_I386;
		if (d.arch == K_AUDIT_ARCH_X86_64 || have_compat)
			probe(&count, &f, d);
	}
	return kernel_agrees(&p, count);
}

static void test_random(struct rng *rng)
{
	static const struct {
		const char *what;
		unsigned rounds;
		struct filter_shape shape;
	} rows[] = {
		{"many clauses", 100, {4, 12, 16, 12}},
		{"many rules", 60, {150, 480, 3, 12}},
		{"hundreds of distinct leaves", 5, {700, 480, 6, 12}},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool passed = true;

		for (unsigned round = 0; passed && round < rows[i].rounds; round++) {
			arena_destroy(&arena);
			arena = arena_create();
			passed = random_round(rng, &rows[i].shape);
		}
		tap_ok(passed, "%u random filters, the kernel's answers are the simulator's: %s", rows[i].rounds,
		       rows[i].what);
	}
}

/* ---- actions that end the caller ---- */

struct end {
	const struct bpf_program *program;
	struct bpf_data call;
};

static void install_and_call(const void *data)
{
	const struct end *end = data;

	if (entry_install(end->program) != 0)
		entry_exit(100);
	if (end->call.arch == K_AUDIT_ARCH_X86_64)
		entry_call64(&end->call);
	else
		entry_call32(&end->call);
}

static void test_kill(void)
{
	static const struct {
		const char *what;
		struct bpf_data call;
		uint32_t action;
		bool killed;
	} rows[] = {
		{"an allowed call", {.nr = SYS_getppid, .arch = K_AUDIT_ARCH_X86_64}, K_SECCOMP_RET_ALLOW, false},
		{"KILL_PROCESS", {.nr = SYS_getppid, .arch = K_AUDIT_ARCH_X86_64}, K_SECCOMP_RET_KILL_PROCESS, true},
		{"KILL_THREAD", {.nr = SYS_getppid, .arch = K_AUDIT_ARCH_X86_64}, K_SECCOMP_RET_KILL_THREAD, true},
		{"TRAP", {.nr = SYS_getppid, .arch = K_AUDIT_ARCH_X86_64}, K_SECCOMP_RET_TRAP, true},
		{"an x32 number",
		 {.nr = SYS_getppid | K_X32_SYSCALL_BIT, .arch = K_AUDIT_ARCH_X86_64},
		 K_SECCOMP_RET_ALLOW,
		 true},
		{"number -1", {.nr = UINT32_MAX, .arch = K_AUDIT_ARCH_X86_64}, K_SECCOMP_RET_ALLOW, true},
		{"the 32-bit gate", {.nr = 64, .arch = K_AUDIT_ARCH_I386}, K_SECCOMP_RET_ALLOW, true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct filter_rule rule = {.nr = SYS_getppid, .action = rows[i].action};
		struct filter f = {
			.default_action = K_SECCOMP_RET_ALLOW,
			.foreign_action = K_SECCOMP_RET_KILL_PROCESS,
			.x32_action = K_SECCOMP_RET_KILL_PROCESS,
			.rules = &rule,
			.nrules = 1,
		};
		struct bpf_program p;
		struct end end = {&p, rows[i].call};
		int status;

		if (rows[i].call.arch == K_AUDIT_ARCH_I386 && !have_compat) {
			tap_skip(rows[i].what, "this kernel has no 32-bit gate");
			continue;
		}
		if (!tap_ok(bpf_assemble(arena, &f, &p) == NULL, "%s: assembled", rows[i].what))
			continue;
		status = entry_child(install_and_call, &end);
		tap_ok(rows[i].killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS
				      : WIFEXITED(status) && WEXITSTATUS(status) == 0,
		       "%s: the caller %s", rows[i].what, rows[i].killed ? "dies of SIGSYS" : "lives");
	}
}

/* ---- the converted length, measured by how much still fits on the task ---- */

/* kernel/seccomp.c, seccomp_attach_filter(): converted lengths, and 4 more for each filter that is there already. */
#define PENALTY 4

/* Loads that lead to an allowing return; `charge` is what the filter takes from the budget once it is installed. */
static struct bpf_program filler(uint32_t charge)
{
	uint32_t loads = charge - PENALTY - bpf_converted_length(&(struct k_sock_filter){K_BPF_RET_K, 0, 0, 0}, 1);
	struct bpf_program p = {arena_alloc(arena, (loads + 1) * sizeof(*p.insns)), loads + 1};

	for (uint32_t i = 0; i < loads; i++)
		p.insns[i] = (struct k_sock_filter){K_BPF_LD_W_ABS, 0, 0, 0};
	p.insns[loads] = (struct k_sock_filter){K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ALLOW};
	return p;
}

struct budget {
	struct bpf_program fillers[32];
	size_t count;
	const struct bpf_program *last;
};

static void fill_and_install(const void *data)
{
	const struct budget *b = data;

	for (size_t i = 0; i < b->count; i++)
		if (entry_install(&b->fillers[i]) != 0)
			entry_exit(100);
	entry_exit(entry_install(b->last));
}

/* What installing the program answers when `left` instructions of the budget are left. */
static int install_with(const struct bpf_program *p, uint32_t left)
{
	struct budget b = {.last = p};
	uint32_t spend = K_SECCOMP_MAX_INSNS_PER_PATH - left;
	int status;

	for (; spend > 4000; spend -= 2000)
		b.fillers[b.count++] = filler(2000);
	b.fillers[b.count++] = filler(spend);
	status = entry_child(fill_and_install, &b);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool length_measured(const struct bpf_program *p)
{
	uint32_t length = bpf_converted_length(p->insns, p->count);
	int exact = install_with(p, length), less = install_with(p, length - 1);

	if (exact == 0 && less == ENOMEM)
		return true;
	tap_note("%zu instructions, %u converted: errno %d with that much left, %d with one less", p->count, length,
		 exact, less);
	return false;
}

static bool unfiltered(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0;
}

static int jit_harden(void)
{
	FILE *file = fopen("/proc/sys/net/core/bpf_jit_harden", "r");
	int value = 0;

	if (file != NULL) {
		if (fscanf(file, "%d", &value) != 1)
			value = 0;
		fclose(file);
	}
	return value;
}

static void test_converted(struct rng *rng)
{
	static const struct filter_shape shape = {60, 480, 6, 12};
	enum { FILTERS = 20 };
	bool passed = true;
	size_t total = 0;

	/* A child under the tests' own filter starts with less, and blinding constants makes programs longer. */
	if (!unfiltered() || jit_harden() != 0) {
		tap_skip("converted length", "a filter is installed already, or the JIT hardens programs");
		return;
	}
	for (unsigned i = 0; passed && i < FILTERS; i++) {
		struct filter f = filter_random(arena, rng, ARCH_X86_64, &shape);
		struct bpf_program p;

		make_harmless(&f);
		passed = bpf_assemble(arena, &f, &p) == NULL && length_measured(&p);
		total += p.count;
	}
	tap_ok(passed, "%d filters fit into a budget of exactly their converted length (%zu instructions)", FILTERS,
	       total);
}

static void test_live(struct rng *rng)
{
	probes = mmap(NULL, PROBES_MAX * sizeof(*probes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!tap_ok(probes != MAP_FAILED, "memory to share with the children"))
		return;
	have_compat = entry_child(getpid32, NULL) == 0;
	if (!have_compat)
		tap_skip("int 0x80", "this kernel has no 32-bit gate");
	test_numbers();
	test_random(rng);
	test_kill();
	test_converted(rng);
}

#else

static void test_live(struct rng *rng)
{
	(void)rng;
	tap_skip("live filters", "written for x86_64");
}

#endif

int main(int argc, char **argv)
{
	struct rng rng = {argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL)};

	arena = arena_create();
	tap_note("seed %llu", (unsigned long long)rng.state);
	test_libseccomp(&rng);
	test_live(&rng);
	arena_destroy(&arena);
	return tap_done();
}
