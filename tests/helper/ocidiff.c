/* SPDX-License-Identifier: MIT */
/*
 * What a blob's filter answers, against another authority, for every system call number and boundary values of every
 * argument:
 *	ocidiff profile FILE.json BLOB ARCH enosys|exact [CAP_...]	libseccomp's filter, built here from the profile as
 *									runc would; x86_64 alone
 *	ocidiff blobs BLOB BLOB ARCH					another blob's
 *	ocidiff size BLOB ARCH						prints the number of instructions
 * Shares nothing with the importer but the tables of calls and the simulator.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inspect.h"
#include "kernel_abi.h"
#include "sysdata.h"

#define POOL_MAX 4096
#define NUMBERS  1024

static uint64_t pool[POOL_MAX];
static size_t npool;
static enum arch_id arch;
static int failures;
static unsigned long answers;
static int highest = -1; /* of the profile's calls */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "ocidiff: %s\n", what);
	exit(2);
}

/* ---- probes ---- */

static void add_value(uint64_t value)
{
	for (size_t i = 0; i < npool; i++)
		if (pool[i] == value)
			return;
	if (npool < POOL_MAX)
		pool[npool++] = value;
}

static void add_around(uint64_t value)
{
	for (int d = -1; d <= 1; d++) {
		add_value(value + (uint64_t)(int64_t)d);
		add_value((value + (uint64_t)(int64_t)d) | UINT64_C(0xdead) << 32);
	}
	add_value(~value);
	for (unsigned bit = 0; bit < 64; bit++)
		add_value(value ^ UINT64_C(1) << bit);
}

/* Half the constants of a filter are halves of 64-bit ones. */
static void add_program(const struct bpf_program *program)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->insns[i].code != K_BPF_RET_K && program->insns[i].k > NUMBERS)
			add_around(program->insns[i].k);
	for (uint64_t value = 0; value < 48; value++)
		add_value(value);
	add_value(UINT64_MAX);
}

static uint32_t ask(const struct bpf_program *program, const struct bpf_data *data)
{
	return bpf_simulate(program, arch_rows[arch].big_endian, data, NULL);
}

static void disagree(const struct bpf_data *data, unsigned index, uint32_t a, uint32_t b)
{
	const char *name = syscall_name(arch, (int)data->nr);
	char one[32], two[32];

	if (failures++ < 20)
		printf("%s (%u) arg%u=0x%llx: %s, expected %s\n", name ? name : "?", data->nr, index,
		       (unsigned long long)data->args[index], action_text(a, one), action_text(b, two));
}

/* ---- the blob ---- */

static struct bpf_program load_program(const char *path)
{
	static struct blob_file files[2];
	static int used;
	struct blob_file *file = &files[used++];
	struct bpf_program program;

	if (!blob_load(file, "ocidiff", path))
		exit(2);
	for (uint32_t i = 0; i < file->blob.nfilters; i++)
		if (file->blob.filters[i].arch == arch_rows[arch].audit_arch &&
		    file->blob.filters[i].group == file->blob.plans[newest_plan(&file->blob)].filter_group) {
			if (!filter_program(&file->blob, &file->blob.filters[i], &program))
				die("not a valid program");
			return program;
		}
	die("no filter for this architecture");
}

/* ---- the profile ---- */

static uint32_t action_of(const char *name, json_t *number)
{
	uint16_t data = number ? (uint16_t)json_integer_value(number) : EPERM;

	if (!strcmp(name, "SCMP_ACT_ALLOW"))
		return SCMP_ACT_ALLOW;
	if (!strcmp(name, "SCMP_ACT_ERRNO"))
		return SCMP_ACT_ERRNO(data);
	if (!strcmp(name, "SCMP_ACT_LOG"))
		return SCMP_ACT_LOG;
	if (!strcmp(name, "SCMP_ACT_TRAP"))
		return SCMP_ACT_TRAP;
	if (!strcmp(name, "SCMP_ACT_KILL_PROCESS"))
		return SCMP_ACT_KILL_PROCESS;
	if (!strcmp(name, "SCMP_ACT_KILL") || !strcmp(name, "SCMP_ACT_KILL_THREAD"))
		return SCMP_ACT_KILL_THREAD;
	die("an action that this test does not know");
}

static enum scmp_compare operator_of(const char *name)
{
	static const char *const names[] = {"", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

	for (int i = SCMP_CMP_NE; i <= SCMP_CMP_MASKED_EQ; i++)
		if (!strncmp(name, "SCMP_CMP_", 9) && !strcmp(name + 9, names[i]))
			return (enum scmp_compare)i;
	die("an operator that this test does not know");
}

static bool in_list(json_t *list, const char *word)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) if (!strcmp(json_string_value(one), word)) return true;
	return false;
}

static bool held(const char *cap, char **caps)
{
	while (*caps && strcmp(*caps, cap))
		caps++;
	return *caps;
}

static bool applies(json_t *entry, char **caps)
{
	json_t *in = json_object_get(entry, "includes"), *out = json_object_get(entry, "excludes"), *one;
	size_t i;

	if (in_list(json_object_get(out, "arches"), "amd64"))
		return false;
	if (json_array_size(json_object_get(in, "arches")) && !in_list(json_object_get(in, "arches"), "amd64"))
		return false;
	json_array_foreach(json_object_get(in, "caps"), i, one) if (!held(json_string_value(one), caps)) return false;
	json_array_foreach(json_object_get(out, "caps"), i, one) if (held(json_string_value(one), caps)) return false;
	return true;
}

/* libseccomp may be older than the profile: the number is then the table's. */
static int number_of(const char *name)
{
	int theirs = seccomp_syscall_resolve_name(name), ours = syscall_number(arch, name);

	if (theirs >= 0 && theirs != ours)
		die(name);
	return ours;
}

static void add_rules(scmp_filter_ctx ctx, uint32_t action, int nr, json_t *args)
{
	struct scmp_arg_cmp cmps[6];
	unsigned seen = 0, n = 0;
	bool twice = false;
	json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
	{
		unsigned index = (unsigned)json_integer_value(json_object_get(arg, "index"));
		uint64_t a = (uint64_t)json_integer_value(json_object_get(arg, "value"));
		uint64_t b = (uint64_t)json_integer_value(json_object_get(arg, "valueTwo"));
		if (n == 6)
			die("too many conditions");
		twice |= seen >> index & 1;
		seen |= 1u << index;
		cmps[n++] = (struct scmp_arg_cmp){index, operator_of(json_string_value(json_object_get(arg, "op"))),
						  a, b};
		add_around(a);
		add_around(b);
	}
	if (!twice && seccomp_rule_add_array(ctx, action, nr, n, cmps) < 0)
		die("libseccomp refuses a rule");
	for (i = 0; twice && i < n; i++)
		if (seccomp_rule_add_array(ctx, action, nr, 1, &cmps[i]) < 0)
			die("libseccomp refuses a rule");
}

static void add_entry(scmp_filter_ctx ctx, uint32_t fallback, json_t *entry, char **caps)
{
	uint32_t action =
		action_of(json_string_value(json_object_get(entry, "action")), json_object_get(entry, "errnoRet"));
	bool counts = applies(entry, caps) && action != fallback;
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(entry, "names"), i, name)
	{
		int nr = number_of(json_string_value(name));
		highest = nr > highest && nr < NUMBERS ? nr : highest;
		if (nr >= 0 && counts)
			add_rules(ctx, action, nr, json_object_get(entry, "args"));
	}
}

static struct bpf_program export_program(scmp_filter_ctx ctx)
{
	static struct k_sock_filter insns[65536];
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t size;

	if (fd < 0 || seccomp_export_bpf(ctx, fd) < 0 || lseek(fd, 0, SEEK_SET))
		die("libseccomp cannot export");
	size = read(fd, insns, sizeof(insns));
	close(fd);
	if (size <= 0)
		die("libseccomp exported nothing");
	return (struct bpf_program){insns, (size_t)size / sizeof(*insns)};
}

static struct bpf_program build_profile(const char *path, char **caps)
{
	json_t *root = json_load_file(path, 0, NULL), *entry;
	uint32_t fallback;
	scmp_filter_ctx ctx;
	size_t i;

	if (!root)
		die("cannot read the profile");
	fallback = action_of(json_string_value(json_object_get(root, "defaultAction")),
			     json_object_get(root, "defaultErrnoRet"));
	ctx = seccomp_init(fallback);
	if (!ctx)
		die("libseccomp cannot start");
	json_array_foreach(json_object_get(root, "syscalls"), i, entry) add_entry(ctx, fallback, entry, caps);
	struct bpf_program program = export_program(ctx);
	seccomp_release(ctx);
	json_decref(root);
	return program;
}

/* ---- comparisons ---- */

/* The kernel reads so much of an argument, and the blob's filter compares so much. */
static uint64_t as_read(uint32_t nr, unsigned index, uint64_t value)
{
	const char *name = syscall_name(arch, (int)nr);
	struct arg_info info;

	if (!name || !syscall_arg_at(arch, name, index, &info) || info.bits == 64)
		return value;
	return value & ((UINT64_C(1) << info.bits) - 1);
}

/* Arguments are not looked at: a few values will do. */
static size_t probes(const struct bpf_program *ours, const struct bpf_program *theirs, uint32_t nr)
{
	struct verdicts verdicts = {0};

	filter_verdicts(ours, &(struct bpf_scope){true, nr, arch_rows[arch].audit_arch}, &verdicts);
	filter_verdicts(theirs, &(struct bpf_scope){true, nr, arch_rows[arch].audit_arch}, &verdicts);
	return verdicts.count > 1 || npool < 32 ? npool : 32;
}

static void compare_call(const struct bpf_program *ours, const struct bpf_program *theirs, uint32_t nr, bool profile,
			 bool enosys)
{
	struct bpf_data data = {.nr = nr, .arch = arch_rows[arch].audit_arch}, read;
	size_t n = probes(ours, theirs, nr);

	for (unsigned index = 0; index < 6; index++)
		for (size_t i = 0; i < n; i++) {
			read = data;
			read.args[index] = profile ? as_read(nr, index, pool[i]) : pool[i];
			data.args[index] = pool[i];
			uint32_t expected =
				enosys && (int)nr > highest ? K_SECCOMP_RET_ERRNO | ENOSYS : ask(theirs, &read);
			uint32_t got = ask(ours, &data);
			if (got != expected)
				disagree(&data, index, got, expected);
			data.args[index] = 0;
			answers++;
		}
}

static void compare_all(const struct bpf_program *ours, const struct bpf_program *theirs, bool profile, bool enosys)
{
	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		compare_call(ours, theirs, nr, profile, enosys);
	compare_call(ours, theirs, 0x3fffffff, profile, enosys);
}

/* Calls of another architecture and of x32 end the process, as an import promises. */
static void check_foreign(const struct bpf_program *ours)
{
	struct verdicts others = {0};

	filter_foreign(ours, arch_rows[arch].audit_arch, &others);
	if (arch_rows[arch].x32)
		filter_x32(ours, arch_rows[arch].audit_arch, &others);
	if (others.count != 1 || others.action[0] != K_SECCOMP_RET_KILL_PROCESS) {
		failures++;
		puts("foreign calls do not end the process");
	}
}

int main(int argc, char **argv)
{
	if (argc < 4)
		die("usage: ocidiff profile|blobs|size ...");
	arch = arch_find(argv[!strcmp(argv[1], "size") ? 3 : 4]);
	if (arch == ARCHES)
		die("unknown architecture");
	if (!strcmp(argv[1], "size")) {
		printf("%zu\n", load_program(argv[2]).count);
		return 0;
	}
	if (!strcmp(argv[1], "blobs")) {
		struct bpf_program a = load_program(argv[2]), b = load_program(argv[3]);
		add_program(&a);
		add_program(&b);
		compare_all(&a, &b, false, false);
	} else {
		struct bpf_program ours = load_program(argv[3]), theirs = build_profile(argv[2], argv + 6);
		add_program(&ours);
		compare_all(&ours, &theirs, true, !strcmp(argv[5], "enosys"));
		check_foreign(&ours);
	}
	printf("%lu answers, %d differ\n", answers, failures);
	return failures || !answers;
}
