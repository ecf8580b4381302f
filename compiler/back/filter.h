/* SPDX-License-Identifier: MIT */
/*
 * From decisions about system calls to classic BPF. Three stages, each usable alone:
 *   struct filter      per system call number of one architecture: a decision (back/lower.c fills it)
 *   bpf_assemble()     decisions → instructions (cost-model layout, shared returns, long jumps)
 *   bpf_simulate()     what the kernel would answer; bpf_install_steps(), bpf_converted_length() its costs
 */
#ifndef COMPILER_FILTER_H
#define COMPILER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_abi.h"

struct arena;

/* ---- syscalls: schema/syscalls.def ---- */

enum arch_id { ARCH_X86_64, ARCH_AARCH64, ARCH_I386, ARCH_ARM, ARCH_RISCV64, ARCH_S390X, ARCH_PPC64LE, ARCHES };

struct arch_row {
	const char *name; /* as on the command line: x86_64, aarch64, … */
	uint32_t audit_arch;
	bool big_endian;
	bool x32; /* numbers with K_X32_SYSCALL_BIT arrive under this architecture */
	uint32_t native_nrs; /* size of the kernel's allow bitmap for this architecture: SECCOMP_ARCH_NATIVE_NR */
	enum arch_id compat; /* whose bitmap a 64-bit kernel prepares as well: SECCOMP_ARCH_COMPAT; ARCHES: none */
};
extern const struct arch_row arch_rows[ARCHES];
enum arch_id arch_find(const char *name); /* ARCHES when unknown */

/* Number of a system call on an architecture, or -1; names are libseccomp's and the kernel's. */
int syscall_number(enum arch_id arch, const char *name);
int syscall_number_at(enum arch_id arch, size_t index); /* of syscall_names()[index], or -1 */
const char *syscall_name(enum arch_id arch, int number); /* or NULL */
bool syscall_known(const char *name); /* on any architecture */
const char *const *syscall_names(void); /* sorted, NULL-terminated */
const char *syscall_table_release(void); /* kernel release the table is complete for */

/* ---- decisions ---- */

/* Answers of companion filters, by the words of schema/companions.def. */
enum companion_answer {
	ANSWER_EPERM = K_SECCOMP_RET_ERRNO | 1,
	ANSWER_EACCES = K_SECCOMP_RET_ERRNO | 13,
	ANSWER_ENOSYS = K_SECCOMP_RET_ERRNO | 38
};

enum cmp_op { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_MASKED_EQ, CMP_MASKED_NE };

struct filter_cond {
	uint8_t arg; /* 0 to 5 */
	uint8_t width; /* 32: the low word only; 64: both */
	enum cmp_op op; /* unsigned */
	uint64_t mask; /* CMP_MASKED_* */
	uint64_t value;
};

/* Conditions are and-ed; clauses are tried in order; the first that holds decides. */
struct filter_clause {
	struct filter_cond *conds;
	size_t nconds;
	uint32_t action; /* K_SECCOMP_RET_* | data */
};

struct filter_rule {
	uint32_t nr;
	struct filter_clause *clauses;
	size_t nclauses;
	uint32_t action; /* when no clause holds */
};

struct filter {
	enum arch_id arch;
	uint32_t default_action; /* numbers without a rule */
	uint32_t foreign_action; /* another architecture */
	uint32_t x32_action; /* x32 numbers, where arch_row.x32; also -1, a tracer's "skip this call" */
	uint32_t newer_from; /* numbers from here on without a rule: newer_action; 0: the default */
	uint32_t newer_action;
	struct filter_rule *rules; /* any order; one per number */
	size_t nrules;
	const uint32_t *weights; /* optional: frequency per number 0..nweights-1; NULL: install cost */
	size_t nweights;
};

struct bpf_program {
	struct k_sock_filter *insns;
	size_t count;
};

/*
 * Deterministic. Returns NULL or a static message: "filter too long" (more than K_BPF_MAXINSNS instructions, or a
 * single rule with more tests than that before simplification), "two rules for one system call number",
 * "bad condition" (no such argument, width or operator; a value or mask wider than a 32-bit argument).
 * A masked comparison whose value has bits outside the mask is not an error: it never, or always, holds.
 */
const char *bpf_assemble(struct arena *arena, const struct filter *filter, struct bpf_program *out);

struct bpf_data {
	uint32_t nr, arch;
	uint64_t ip;
	uint64_t args[6];
};
/*
 * The filter's return value. steps, if not NULL, receives the instructions executed. Programs are those of
 * bpf_assemble(), or any that pass bpf_valid(). The kernel asks no filter about uretprobe and uprobe (335 and 336 on
 * x86_64): kernel/seccomp.c, seccomp_uprobe_exception().
 */
uint32_t bpf_simulate(const struct bpf_program *program, bool big_endian, const struct bpf_data *data,
		      unsigned *steps);
/* The checks of the kernel's seccomp_check_filter() for the instructions this compiler emits. */
bool bpf_valid(const struct k_sock_filter *insns, size_t count);
/* The kernel's seccomp_is_const_allow(): is `nr` allowed whatever the arguments, provably. steps as above. */
bool bpf_const_allow(const struct bpf_program *program, uint32_t arch, uint32_t nr, unsigned *steps);
/* Emulated steps at installation, native and compat tables together (reference: kernel/seccomp.c). */
uint64_t bpf_install_steps(const struct bpf_program *program, enum arch_id arch);
/* Length after the kernel's classic-to-eBPF conversion. */
uint32_t bpf_converted_length(const struct k_sock_filter *insns, size_t count);
/* Microseconds by the measured model 14.7 + 0.216 * instructions + 0.00242 * steps. */
double bpf_install_cost(size_t count, uint64_t steps);

#endif
