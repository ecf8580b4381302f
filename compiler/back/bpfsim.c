/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of a filter, re-implemented: what a program answers, whether it would be accepted, which system
 * calls the allow bitmap proves, and what installing it costs. One interpreter serves the answer and the proof: the
 * proof is a run in which nothing but the number and the architecture is known.
 */
#include "filter.h"

#define DATA_WORDS 16 /* struct seccomp_data is 64 bytes */

struct machine {
	const struct bpf_program *program;
	uint32_t words[DATA_WORDS];
	uint32_t known; /* how many of the words, from the first on, may be loaded */
	unsigned steps;
};

static bool branch(const struct k_sock_filter *insn, uint32_t a)
{
	switch (insn->code) {
	case K_BPF_JEQ_K:
		return a == insn->k;
	case K_BPF_JGT_K:
		return a > insn->k;
	case K_BPF_JGE_K:
		return a >= insn->k;
	default:
		return (a & insn->k) != 0;
	}
}

/* False where the program cannot go on: an unknown word, an instruction outside of the subset, the end. */
static bool execute(struct machine *m, uint32_t *result)
{
	const struct bpf_program *p = m->program;
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->count; pc++) {
		const struct k_sock_filter *insn = &p->insns[pc];

		m->steps++;
		switch (insn->code) {
		case K_BPF_LD_W_ABS:
			if (insn->k % 4 != 0 || insn->k / 4 >= m->known)
				return false;
			a = m->words[insn->k / 4];
			break;
		case K_BPF_AND_K:
			a &= insn->k;
			break;
		case K_BPF_JA:
			if (insn->k >= p->count)
				return false;
			pc += insn->k;
			break;
		case K_BPF_JEQ_K:
		case K_BPF_JGT_K:
		case K_BPF_JGE_K:
		case K_BPF_JSET_K:
			pc += branch(insn, a) ? insn->jt : insn->jf;
			break;
		case K_BPF_RET_K:
			*result = insn->k;
			return true;
		default:
			return false;
		}
	}
	return false;
}

static void put64(uint32_t words[2], bool big_endian, uint64_t value)
{
	words[big_endian ? 1 : 0] = (uint32_t)value;
	words[big_endian ? 0 : 1] = (uint32_t)(value >> 32);
}

uint32_t bpf_simulate(const struct bpf_program *program, bool big_endian, const struct bpf_data *data,
		      unsigned *steps)
{
	struct machine m = {.program = program, .words = {data->nr, data->arch}, .known = DATA_WORDS};
	uint32_t result = K_SECCOMP_RET_KILL_PROCESS;

	put64(&m.words[2], big_endian, data->ip);
	for (size_t i = 0; i < 6; i++)
		put64(&m.words[K_SECCOMP_DATA_ARGS / 4 + 2 * i], big_endian, data->args[i]);
	/* A program that bpf_valid() refuses never reaches a kernel; answer as for a corrupt action. */
	if (!execute(&m, &result))
		result = K_SECCOMP_RET_KILL_PROCESS;
	if (steps != NULL)
		*steps = m.steps;
	return result;
}

/* kernel/seccomp.c, seccomp_is_const_allow(): AND, JA, JEQ, JGE, JGT, JSET with a constant and loads of nr and
 * arch are followed, anything else ends the proof; only RET ALLOW without data counts. */
bool bpf_const_allow(const struct bpf_program *program, uint32_t arch, uint32_t nr, unsigned *steps)
{
	struct machine m = {.program = program, .words = {nr, arch}, .known = K_SECCOMP_DATA_ARCH / 4 + 1};
	uint32_t result = 0;
	bool decided = execute(&m, &result);

	if (steps != NULL)
		*steps = m.steps;
	return decided && result == K_SECCOMP_RET_ALLOW;
}

/* seccomp_check_filter() and bpf_check_classic(), kernel/seccomp.c and net/core/filter.c */
static bool insn_valid(const struct k_sock_filter *insn, size_t pc, size_t count)
{
	switch (insn->code) {
	case K_BPF_LD_W_ABS:
		return insn->k % 4 == 0 && insn->k < DATA_WORDS * 4;
	case K_BPF_AND_K:
	case K_BPF_RET_K:
		return true;
	case K_BPF_JA:
		return insn->k < count - pc - 1;
	case K_BPF_JEQ_K:
	case K_BPF_JGT_K:
	case K_BPF_JGE_K:
	case K_BPF_JSET_K:
		return pc + insn->jt + 1 < count && pc + insn->jf + 1 < count;
	default:
		return false;
	}
}

bool bpf_valid(const struct k_sock_filter *insns, size_t count)
{
	if (count == 0 || count > K_BPF_MAXINSNS || insns[count - 1].code != K_BPF_RET_K)
		return false;
	for (size_t pc = 0; pc < count; pc++)
		if (!insn_valid(&insns[pc], pc, count))
			return false;
	return true;
}

static uint64_t table_steps(const struct bpf_program *program, const struct arch_row *row)
{
	uint64_t total = 0;
	unsigned steps = 0;

	for (uint32_t nr = 0; nr < row->native_nrs; nr++) {
		bpf_const_allow(program, row->audit_arch, nr, &steps);
		total += steps;
	}
	return total;
}

/* seccomp_cache_prepare(): the whole native table, then the compat table. */
uint64_t bpf_install_steps(const struct bpf_program *program, enum arch_id arch)
{
	const struct arch_row *row = &arch_rows[arch];
	uint64_t total = table_steps(program, row);

	if (row->compat != ARCHES)
		total += table_steps(program, &arch_rows[row->compat]);
	return total;
}

/* net/core/filter.c, bpf_convert_filter(). eBPF immediates are signed: a comparison with a constant from 2^31 on
 * needs it in a register first. JSET has no inverse, so only its false side can fall through. */
static uint32_t converted(const struct k_sock_filter *insn)
{
	uint32_t wide = insn->k >> 31;

	switch (insn->code) {
	case K_BPF_JEQ_K:
	case K_BPF_JGT_K:
	case K_BPF_JGE_K:
		return wide + (insn->jt == 0 || insn->jf == 0 ? 1 : 2);
	case K_BPF_JSET_K:
		return wide + (insn->jf == 0 ? 1 : 2);
	case K_BPF_RET_K:
		return 2;
	default:
		return 1;
	}
}

uint32_t bpf_converted_length(const struct k_sock_filter *insns, size_t count)
{
	uint32_t length = 3; /* clear A, clear X, save the context */

	for (size_t i = 0; i < count; i++)
		length += converted(&insns[i]);
	return length;
}

/* Fitted on 62 programs, three runs, R2 0.998: docs/performance.md. */
double bpf_install_cost(size_t count, uint64_t steps)
{
	return 14.7 + 0.216 * (double)count + 0.00242 * (double)steps;
}
