/* SPDX-License-Identifier: MIT */
/* llc-policy dump --bpf: a disassembly that names what is compared. */
#include "dump.h"

#include <inttypes.h>

#include "inspect.h"

#define UNKNOWN_OPERAND UINT32_MAX

static void put_operand(FILE *out, uint32_t offset)
{
	uint32_t arg = (offset - K_SECCOMP_DATA_ARGS) / 8;

	if (offset == K_SECCOMP_DATA_NR)
		fputs("nr", out);
	else if (offset == K_SECCOMP_DATA_ARCH)
		fputs("arch", out);
	else if (offset < K_SECCOMP_DATA_ARGS)
		fprintf(out, "ip+%" PRIu32, offset - 8);
	else
		fprintf(out, "arg%" PRIu32 ".%s", arg, offset % 8 ? "high" : "low");
}

static void put_target(FILE *out, size_t here, const struct k_sock_filter *insn, const char *test)
{
	fprintf(out, "%-6s 0x%08" PRIx32 "  then %zu else %zu", test, insn->k, here + 1 + insn->jt,
		here + 1 + insn->jf);
}

static void put_insn(FILE *out, size_t here, const struct k_sock_filter *insn)
{
	char buffer[32];

	switch (insn->code) {
	case K_BPF_LD_W_ABS:
		fputs("load   ", out);
		put_operand(out, insn->k);
		break;
	case K_BPF_JEQ_K:
		put_target(out, here, insn, "if ==");
		break;
	case K_BPF_JGT_K:
		put_target(out, here, insn, "if >");
		break;
	case K_BPF_JGE_K:
		put_target(out, here, insn, "if >=");
		break;
	case K_BPF_JSET_K:
		put_target(out, here, insn, "if &");
		break;
	case K_BPF_JA:
		fprintf(out, "jump   %zu", here + 1 + insn->k);
		break;
	case K_BPF_AND_K:
		fprintf(out, "and    0x%08" PRIx32, insn->k);
		break;
	case K_BPF_RET_K:
		fprintf(out, "return %s", action_text(insn->k, buffer));
		break;
	default:
		fprintf(out, "code 0x%02x jt %u jf %u k 0x%08" PRIx32, insn->code, insn->jt, insn->jf, insn->k);
	}
}

/* What a comparison compares with: the name of a call or of an architecture. */
static void put_meaning(FILE *out, const struct k_sock_filter *insn, uint32_t operand, enum arch_id arch)
{
	bool compares = insn->code == K_BPF_JEQ_K || insn->code == K_BPF_JGT_K || insn->code == K_BPF_JGE_K;
	const char *name = NULL;

	if (!compares || operand == UNKNOWN_OPERAND)
		return;
	if (operand == K_SECCOMP_DATA_NR && arch < ARCHES && insn->k < SYSCALL_NUMBERS)
		name = syscall_name(arch, (int)insn->k);
	else if (operand == K_SECCOMP_DATA_ARCH && arch_by_audit(insn->k) < ARCHES)
		name = arch_rows[arch_by_audit(insn->k)].name;
	fputs("  # ", out);
	put_operand(out, operand);
	if (name)
		fprintf(out, " %s", name);
}

void dump_bpf(FILE *out, const struct blob *blob, const struct llpb_filter *filter)
{
	static uint32_t operands[K_BPF_MAXINSNS];
	struct bpf_program program;

	if (!filter_program(blob, filter, &program))
		return;
	filter_operands(&program, operands);
	for (size_t i = 0; i < program.count; i++) {
		fprintf(out, "    %4zu: ", i);
		put_insn(out, i, &program.insns[i]);
		put_meaning(out, &program.insns[i], operands[i], arch_by_audit(filter->arch));
		fputc('\n', out);
	}
}
