/* SPDX-License-Identifier: MIT */
/*
 * The language of [seccomp] against its definition: random policies are compiled, and the program's answer is that of
 * an evaluator that walks the source rules with numbers of any width, for every constant -1, 0 and +1, garbage in the
 * high words, x32 and foreign calls, the largest numbers and -1. Companion rules are joined by what they are to do: the
 * stricter answer of the policy and of a filter without [seccomp].
 *   seccomp_lang_test [SEED [POLICIES]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callrules.h"
#include "calls.h"
#include "random.h"

#define POLICIES 5000
#define INPUTS   24
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const nets[] = {
	"",
	"[net]\n",
	"[net]\nconnect_tcp = [443]\n",
	"[net]\nudp = \"allow\"\n",
	"[companions]\nterminal = true\nmetadata = true\nmemory_files = true\ntruncate = true\nfamilies = true\ntcp "
	"= true\n",
};

static uint32_t companion_answer(const struct bpf_program *companions, enum arch_id arch, const struct bpf_data *data)
{
	const char *name = data->nr <= INT32_MAX ? syscall_name(arch, (int)data->nr) : NULL;

	if (data->arch != arch_rows[arch].audit_arch || (arch_rows[arch].x32 && data->nr & K_X32_SYSCALL_BIT))
		return K_SECCOMP_RET_ALLOW; /* the policy has keys of its own for them */
	if (companions)
		return bpf_simulate(companions, arch_rows[arch].big_endian, data, NULL);
	return name && !strncmp(name, "io_uring_", 9) ? K_SECCOMP_RET_ERRNO | 38 : K_SECCOMP_RET_ALLOW;
}

static bool agree(const struct writing *w, const struct policy *p, const struct bpf_program *program,
		  const struct bpf_program *companions, size_t *inputs)
{
	size_t rounds = INPUTS * (2 + p->ncalls);

	for (size_t i = 0; i < rounds; i++) {
		struct bpf_data data;
		calls_input(w, &data);
		uint32_t got = bpf_simulate(program, arch_rows[w->arch].big_endian, &data, NULL);
		uint32_t want = calls_answer(p, w->arch, &data),
			 companion = companion_answer(companions, w->arch, &data);
		if (action_yields(want) && companion != K_SECCOMP_RET_ALLOW)
			want = companion;
		++*inputs;
		/* the kernel asks no filter about uretprobe and uprobe */
		if (got == want)
			continue;
		printf("# %s: nr %u arch %08x args %llx %llx %llx %llx %llx %llx: %08x, not %08x\n# %s\n",
		       arch_rows[w->arch].name, data.nr, data.arch, (unsigned long long)data.args[0],
		       (unsigned long long)data.args[1], (unsigned long long)data.args[2],
		       (unsigned long long)data.args[3], (unsigned long long)data.args[4],
		       (unsigned long long)data.args[5], got, want, w->text);
		return false;
	}
	return true;
}

static struct compilation only_companions[COUNT(nets)][ARCHES];
static const struct bpf_program *companion_programs[COUNT(nets)][ARCHES];

static char *companion_texts[COUNT(nets)][ARCHES];

static void compile_companions(void)
{
	for (size_t net = 1; net < COUNT(nets); net++)
		for (int arch = 0; arch < ARCHES; arch++) {
			struct compilation *c = &only_companions[net][arch];
			char *text;
			int len = asprintf(&text, "version = 1\n[policy]\ncompat = \"best-effort\"\n%s", nets[net]);
			if (len < 0)
				abort();
			companion_texts[net][arch] = text;
			companion_programs[net][arch] = calls_compile(c, text, (size_t)len, (enum arch_id)arch);
		}
}

/* False: disagreement. *compiled counts what the compiler took. */
static bool one_policy(size_t *compiled, size_t *inputs, size_t *refused)
{
	struct writing *w = calloc(1, sizeof(*w));
	size_t net = below(4) ? 0 : below(COUNT(nets));
	struct compilation c;
	bool fine = true;

	if (!w)
		abort();
	w->arch = (enum arch_id)below(ARCHES);
	calls_write(w, nets[net]);
	const struct bpf_program *program = calls_compile(&c, w->text, w->len, w->arch);
	if (program) {
		++*compiled;
		fine = agree(w, c.policy, program, companion_programs[net][w->arch], inputs);
	} else if (++*refused % 200 == 1) {
		char *said = diag_text(c.diag);
		said[strcspn(said, "\n")] = 0;
		printf("# refused: %s\n", said);
	}
	compilation_end(&c);
	free(w);
	return fine;
}

int main(int argc, char **argv)
{
	size_t wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : POLICIES, compiled = 0, inputs = 0, refused = 0;
	bool fine = true;

	random_begin(argc > 1 ? argv[1] : NULL);
	compile_companions();
	while (fine && compiled < wanted && refused < 2 * wanted)
		fine = one_policy(&compiled, &inputs, &refused);
	printf("# %zu policies, %zu inputs, %zu refused\n", compiled, inputs, refused);
	printf("1..2\n");
	printf("%sok 1 every answer is that of the rules\n", fine ? "" : "not ");
	printf("%sok 2 enough policies were compiled\n", compiled >= wanted ? "" : "not ");
	for (size_t net = 1; net < COUNT(nets); net++)
		for (int arch = 0; arch < ARCHES; arch++) {
			compilation_end(&only_companions[net][arch]);
			free(companion_texts[net][arch]);
		}
	return fine && compiled >= wanted ? 0 : 1;
}
