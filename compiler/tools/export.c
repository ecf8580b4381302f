/* SPDX-License-Identifier: MIT */
/* llc-policy export: the filter of a blob as raw instructions, as a C header, or as an OCI profile. */
#include "export.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "access.h"
#include "arena.h"
#include "inspect.h"
#include "options.h"
#include "output.h"
#include "text.h"
#include "tools.h"

enum form { FORM_BPF, FORM_C, FORM_OCI, FORMS };
static const char *const form_names[FORMS] = {"bpf", "c", "oci"};

struct export
{
	struct arena *arena;
	const struct blob *blob;
	const char *path;
	enum form form;
	const char *arch; /* NULL: this machine's, or the only one; for C all */
	unsigned abi;
	bool lossy;
	FILE *out;
};

static bool fail(const struct export *e, const char *why, const char *what)
{
	fprintf(stderr, "llc-policy export: %s: %s%s\n", e->path, why, what);
	return false;
}

/* ---- which filter ---- */

/* NULL: none for the architecture. */
static const struct llpb_filter *find_filter(const struct export *e, enum arch_id arch)
{
	const struct blob *blob = e->blob;
	uint32_t plan = e->abi < blob->nplans ? e->abi : newest_plan(blob), group = blob->plans[plan].filter_group;

	for (uint32_t i = 0; i < blob->nfilters; i++)
		if (blob->filters[i].group == group && blob->filters[i].arch == arch_rows[arch].audit_arch)
			return &blob->filters[i];
	return NULL;
}

static size_t count_arches(const struct export *e, enum arch_id *only)
{
	size_t n = 0;

	for (unsigned a = 0; a < ARCHES; a++)
		if (find_filter(e, (enum arch_id)a)) {
			*only = (enum arch_id)a;
			n++;
		}
	return n;
}

static enum arch_id this_machine(void)
{
	struct utsname name;

	return uname(&name) ? ARCHES : arch_find(name.machine);
}

static bool choose_arch(const struct export *e, enum arch_id *arch)
{
	size_t n = count_arches(e, arch);
	enum arch_id here = this_machine();

	if (!n)
		return fail(e, "no system call filter in it", "");
	if (e->arch) {
		*arch = arch_find(e->arch);
		if (*arch == ARCHES || !find_filter(e, *arch))
			return fail(e, "no filter for ", e->arch);
		return true;
	}
	if (n > 1 && (here == ARCHES || !find_filter(e, here)))
		return fail(e, "filters of several architectures: choose one with --arch", "");
	if (n > 1)
		*arch = here;
	return true;
}

static bool program_of(const struct export *e, enum arch_id arch, struct bpf_program *program)
{
	if (filter_program(e->blob, find_filter(e, arch), program))
		return true;
	return fail(e, "not a program that the kernel accepts: the filter for ", arch_rows[arch].name);
}

/* ---- forms ---- */

/* struct sock_filter as the architecture has it in memory. */
static void put_instruction(FILE *out, const struct k_sock_filter *insn, bool big_endian)
{
	uint8_t bytes[8] = {(uint8_t)insn->code,
			    (uint8_t)(insn->code >> 8),
			    insn->jt,
			    insn->jf,
			    (uint8_t)insn->k,
			    (uint8_t)(insn->k >> 8),
			    (uint8_t)(insn->k >> 16),
			    (uint8_t)(insn->k >> 24)};
	const uint8_t turned[8] = {bytes[1], bytes[0], bytes[2], bytes[3], bytes[7], bytes[6], bytes[5], bytes[4]};

	fwrite(big_endian ? turned : bytes, 1, sizeof(bytes), out);
}

static bool export_bpf(const struct export *e)
{
	struct bpf_program program;
	enum arch_id arch;

	if (!choose_arch(e, &arch) || !program_of(e, arch, &program))
		return false;
	for (size_t i = 0; i < program.count; i++)
		put_instruction(e->out, &program.insns[i], arch_rows[arch].big_endian);
	return true;
}

/* What compilers define for an architecture. */
static const char *const macros[ARCHES] = {
	[ARCH_X86_64] = "defined(__x86_64__) && !defined(__ILP32__)",
	[ARCH_AARCH64] = "defined(__aarch64__)",
	[ARCH_I386] = "defined(__i386__)",
	[ARCH_ARM] = "defined(__arm__)",
	[ARCH_RISCV64] = "defined(__riscv) && __riscv_xlen == 64",
	[ARCH_S390X] = "defined(__s390x__)",
	[ARCH_PPC64LE] = "defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)",
};

/* The policy's name as an identifier; of the path's last part where it has none. */
static const char *identifier(const struct export *e)
{
	const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path;
	size_t len = strcspn(name, ".");
	char *text;

	if (e->blob->meta->name) {
		name = blob_str(e->blob, e->blob->meta->name);
		len = strlen(name);
	}
	text = arena_printf(e->arena, "_%.*s", (int)(len < 200 ? len : 200), name);
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return isalpha((unsigned char)text[1]) ? text + 1 : arena_printf(e->arena, "policy%s", text);
}

static bool put_c_array(const struct export *e, enum arch_id arch, const char *name)
{
	struct bpf_program program;

	if (!program_of(e, arch, &program))
		return false;
	fprintf(e->out, "static const struct sock_filter %s_filter[] = {\n", name);
	for (size_t i = 0; i < program.count; i++)
		fprintf(e->out, "\t{ 0x%02x, %u, %u, 0x%08" PRIx32 " },\n", program.insns[i].code,
			program.insns[i].jt, program.insns[i].jf, program.insns[i].k);
	fputs("};\n", e->out);
	return true;
}

static bool export_c(const struct export *e)
{
	const char *name = identifier(e), *word = "#if";
	enum arch_id only;

	if (e->arch ? !choose_arch(e, &only) : !count_arches(e, &only) && !choose_arch(e, &only))
		return false;
	fputs("/* Written by llc-policy export c. Only the system call filter: what Landlock does is not in it. */\n",
	      e->out);
	fprintf(e->out, "#ifndef %s_FILTER_H\n#define %s_FILTER_H\n#include <linux/filter.h>\n\n", name, name);
	for (unsigned a = 0; a < ARCHES; a++) {
		if (!find_filter(e, (enum arch_id)a) || (e->arch && a != only))
			continue;
		fprintf(e->out, "%s %s\n", word, macros[a]);
		if (!put_c_array(e, (enum arch_id)a, name))
			return false;
		word = "#elif";
	}
	fprintf(e->out, "#else\n#error \"no filter for this architecture\"\n#endif\n\n#endif\n");
	return true;
}

static bool export_profile(const struct export *e)
{
	struct bpf_program program;
	enum arch_id arch;

	return choose_arch(e, &arch) && program_of(e, arch, &program) &&
	       export_oci(e->arena, e->out, arch, &program, e->lossy);
}

/* ---- command ---- */

/* Filters differ between ABIs where they close what Landlock leaves open; the others' launchers have no Landlock. */
static void note_abis(const struct export *e)
{
	for (uint32_t i = 1; i < e->blob->nplans; i++)
		if (e->blob->plans[i].filter_group != e->blob->plans[0].filter_group) {
			fprintf(stderr,
				"llc-policy export: note: filters differ between Landlock ABIs; this is that of ABI "
				"%u (--abi)\n",
				e->abi < e->blob->nplans ? e->abi : newest_plan(e->blob));
			break;
		}
	if (e->blob->nlayers)
		fputs("llc-policy export: note: the policy has Landlock rules, which no filter enforces\n", stderr);
}

static int write_export(struct export *e, const char *output)
{
	static bool (*const writers[FORMS])(const struct export *) = {export_bpf, export_c, export_profile};
	char *text = NULL;
	size_t size = 0;
	bool fine;

	e->out = open_memstream(&text, &size);
	if (!e->out) {
		perror("llc-policy export");
		return 2;
	}
	fine = writers[e->form](e);
	if (fclose(e->out)) {
		perror("llc-policy export");
		free(text);
		return 2;
	}
	if (fine)
		note_abis(e);
	int status = !fine ? 1 : output_file("llc-policy export", output, text, size) ? 0 : 2;
	free(text);
	return status;
}

static bool set_abi(struct export *e, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || n > ABI_NEWEST) {
		fprintf(stderr, "llc-policy export: --abi %s: a number from 0 to %u\n", text, (unsigned)ABI_NEWEST);
		return false;
	}
	e->abi = (unsigned)n;
	return true;
}

static bool set_form(struct export *e, const char *name)
{
	for (e->form = 0; e->form < FORMS; e->form++)
		if (!strcmp(name, form_names[e->form]))
			return true;
	fprintf(stderr, "llc-policy export: unknown form \"%s\"; known are bpf, c and oci\n", name);
	return false;
}

/* 0, or an exit status plus 1: --help is one, and succeeds. */
static int read_options(struct export *e, struct options *opts, const char **output)
{
	enum option_id opt;

	while ((opt = options_next(opts)) != OPT_END)
		if (opt == OPT_OUTPUT)
			*output = opts->value;
		else if (opt == OPT_ARCH)
			e->arch = opts->value;
		else if (opt == OPT_LOSSY)
			e->lossy = true;
		else if (opt != OPT_ABI)
			return options_fail(opts, opt) + 1;
		else if (!set_abi(e, opts->value))
			return 3;
	if (opts->argc - opts->index == 2)
		return set_form(e, opts->argv[opts->index]) ? 0 : 3;
	fputs("llc-policy export: FORM and POLICY.llb expected; see llc-policy export --help\n", stderr);
	return 3;
}

int cmd_export(int argc, char **argv)
{
	struct export e = {.abi = ABI_NEWEST};
	const char *output = "-";
	struct blob_file file;
	struct options opts;
	int status;

	options_begin(&opts, CMD_EXPORT, argc, argv);
	status = read_options(&e, &opts, &output);
	if (status)
		return status - 1;
	e.path = opts.argv[opts.index + 1];
	if (!blob_load(&file, "export", e.path))
		return 1;
	e.blob = &file.blob;
	e.arena = arena_create();
	status = write_export(&e, output);
	arena_destroy(&e.arena);
	blob_unload(&file);
	return status;
}
