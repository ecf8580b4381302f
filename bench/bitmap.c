/* SPDX-License-Identifier: MIT */
/*
 * bitmap FILTERS: the compiler's proof of what the kernel caches (bpf_const_allow) against a clock. Random filters
 * decide about harmless calls, by argument or not, behind a row of loads that takes long: a call that is answered
 * from the kernel's bitmap does not pay for it. One row of the table.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "filter.h"

/* They change nothing, whatever their arguments. */
static const long calls[] = {SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_getgid, SYS_geteuid, SYS_getegid};

enum { CALLS = sizeof(calls) / sizeof(*calls), LOADS = 3000, BATCHES = 12, TIMES = 40 };

static uint64_t state;

static size_t below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* A condition that an argument of 0 meets or not, by chance: it is not the answer that is asked. */
static struct filter_cond random_cond(void)
{
	static const enum cmp_op ops[] = {CMP_EQ, CMP_NE, CMP_LT, CMP_GE, CMP_MASKED_EQ, CMP_MASKED_NE};

	return (struct filter_cond){.arg = (uint8_t)below(6),
				    .width = below(2) ? 32 : 64,
				    .op = ops[below(6)],
				    .mask = below(256),
				    .value = below(4)};
}

static struct filter random_filter(struct arena *arena)
{
	struct filter f = {.arch = ARCH_X86_64,
			   .default_action = K_SECCOMP_RET_ALLOW,
			   .foreign_action = below(2) ? K_SECCOMP_RET_ALLOW : K_SECCOMP_RET_KILL_PROCESS,
			   .x32_action = below(2) ? K_SECCOMP_RET_ALLOW : K_SECCOMP_RET_KILL_PROCESS};

	f.rules = arena_alloc(arena, CALLS * sizeof(*f.rules));
	for (size_t i = 0; i < CALLS; i++) {
		struct filter_rule *rule = &f.rules[f.nrules++];

		*rule = (struct filter_rule){.nr = (uint32_t)calls[i], .action = K_SECCOMP_RET_ALLOW};
		if (below(4) == 0)
			rule->action = K_SECCOMP_RET_ERRNO | 1;
		rule->nclauses = below(3);
		rule->clauses = arena_alloc(arena, (rule->nclauses + 1) * sizeof(*rule->clauses));
		for (size_t k = 0; k < rule->nclauses; k++) {
			rule->clauses[k] = (struct filter_clause){.nconds = 1, .action = K_SECCOMP_RET_ALLOW};
			if (below(2))
				rule->clauses[k].action = K_SECCOMP_RET_ERRNO | 2;
			rule->clauses[k].conds = arena_alloc(arena, sizeof(*rule->clauses[k].conds));
			rule->clauses[k].conds[0] = random_cond();
		}
	}
	return f;
}

/* LOADS loads of the number, which the kernel's emulation can follow, before the program. */
static struct bpf_program delay(struct arena *arena, const struct bpf_program *program)
{
	struct bpf_program p = {arena_alloc(arena, (LOADS + program->count) * sizeof(*p.insns)),
				LOADS + program->count};

	for (size_t i = 0; i < LOADS; i++)
		p.insns[i] = (struct k_sock_filter){K_BPF_LD_W_ABS, 0, 0, 0};
	for (size_t i = 0; i < program->count; i++)
		p.insns[LOADS + i] = program->insns[i];
	return p;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double least_time(long nr)
{
	double least = 0;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		double start = now(), each;

		for (unsigned i = 0; i < TIMES; i++)
			syscall(nr, 0, 0, 0, 0, 0, 0);
		each = (now() - start) / TIMES;
		least = !batch || each < least ? each : least;
	}
	return least;
}

/* Nanoseconds of each call under the program, in a child. */
static bool measure(const struct bpf_program *program, double *shared)
{
	struct k_sock_fprog fprog = {(uint16_t)program->count, program->insns};
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &fprog))
			_exit(1);
		for (size_t i = 0; i < CALLS; i++)
			shared[i] = least_time(calls[i]);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* What the loads cost a call that runs them: half of that tells the two kinds apart. */
static double threshold(struct arena *arena, double *shared)
{
	struct k_sock_filter allow[] = {{K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ALLOW}};
	struct k_sock_filter deny[] = {{K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ERRNO | 1}};
	/* exit_group must pass: one test of the number before the denial */
	struct k_sock_filter leave[] = {{K_BPF_JEQ_K, 0, 1, SYS_exit_group}, allow[0], deny[0]};
	struct bpf_program cached = {allow, 1}, filtered = {leave, 3};
	double low;

	cached = delay(arena, &cached);
	filtered = delay(arena, &filtered);
	if (!measure(&cached, shared))
		return -1;
	low = shared[0];
	return measure(&filtered, shared) ? (low + shared[0]) / 2 : -1;
}

struct counts {
	unsigned right, constant, total;
};

static bool one_filter(double limit, double *shared, struct counts *counts)
{
	struct arena *arena = arena_create();
	struct filter filter = random_filter(arena);
	struct bpf_program program;
	bool passed = !bpf_assemble(arena, &filter, &program);

	if (passed) {
		program = delay(arena, &program);
		passed = measure(&program, shared);
	}
	for (size_t i = 0; passed && i < CALLS; i++) {
		bool constant = bpf_const_allow(&program, K_AUDIT_ARCH_X86_64, (uint32_t)calls[i], NULL);

		counts->right += constant == (shared[i] < limit);
		counts->constant += constant;
		counts->total++;
	}
	arena_destroy(&arena);
	return passed;
}

int main(int argc, char **argv)
{
	unsigned filters = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	double *shared =
		mmap(NULL, CALLS * sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct arena *arena = arena_create();
	struct counts counts = {0};
	bool passed = filters && shared != MAP_FAILED;
	double limit = passed ? threshold(arena, shared) : -1;

	passed = passed && limit > 0;
	state = (uint64_t)now() | 1;
	for (unsigned i = 0; passed && i < filters; i++)
		passed = one_filter(limit, shared, &counts);
	arena_destroy(&arena);
	if (!passed) {
		fprintf(stderr, "bitmap: %s\n",
			filters ? "a child under its filter failed" : "usage: bitmap FILTERS");
		return 1;
	}
	printf("| calls of random filters whose proof of constant time agrees with the clock | all | %u of %u | "
	       "%u constant, told apart at %.0f ns |  | %s |\n",
	       counts.right, counts.total, counts.constant, limit, counts.right == counts.total ? "ok" : "short");
	return 0;
}
