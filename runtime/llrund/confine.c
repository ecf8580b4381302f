/* SPDX-License-Identifier: MIT */
/*
 * Self-confinement.
 *
 * MUST kill, not refuse: a call that is not listed is a bug or an attack, and an error number could be handled.
 * MUST look at the architecture first, and at x32's bit through the exact comparison of the number.
 */
#include "confine.h"

#include "kernel_run.h"

/* Four instructions of prologue, at most six for a row, the kill at the end. */
#define MAX_INSNS (4 + 6 * CONFINE_MAX_ROWS + 1)

struct program {
	uint32_t count;
	struct k_sock_filter insns[MAX_INSNS];
};

static void put(struct program *program, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	program->insns[program->count++] = (struct k_sock_filter){code, jt, jf, k};
}

/*
 * One row: does the number match, does the argument, then allow. The number is loaded anew when an argument took its
 * place. Little-endian: the low half of an argument comes first.
 */
static void put_row(struct program *program, const struct confine_row *row)
{
	if (row->any) {
		put(program, K_BPF_JEQ_K, 0, 1, row->nr);
		put(program, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ALLOW);
		return;
	}
	put(program, K_BPF_JEQ_K, 0, 5, row->nr);
	put(program, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_ARGS + 8u * row->arg);
	put(program, K_BPF_AND_K, 0, 0, row->mask);
	put(program, K_BPF_JEQ_K, 0, 1, row->value);
	put(program, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ALLOW);
	put(program, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_NR);
}

static long install(const struct confine_row *rows, uint32_t nrows)
{
	struct program program;

	if (nrows > CONFINE_MAX_ROWS)
		return -K_EINVAL;
	program.count = 0;
	put(&program, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_ARCH);
	put(&program, K_BPF_JEQ_K, 1, 0, SYS_AUDIT_ARCH);
	put(&program, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_KILL_PROCESS);
	put(&program, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_NR);
	for (uint32_t i = 0; i < nrows; i++)
		put_row(&program, &rows[i]);
	put(&program, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_KILL_PROCESS);
	const struct k_sock_fprog fprog = {(uint16_t)program.count, program.insns};
	return SYS(seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &fprog);
}

int confine(const struct confine_row *rows, uint32_t nrows, uint64_t keep_caps, struct llrun_error *error)
{
	if (check_sys(error, "prctl", SYS(prctl, K_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE") < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS") < 0 ||
	    process_drop(~keep_caps, error) < 0)
		return -1;
	return check_sys(error, "seccomp", install(rows, nrows), "confine");
}
