/* SPDX-License-Identifier: MIT */
/* schema/syscalls.def against libseccomp, which knows fewer calls, and against the system's headers. */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "tap.h"

#define LAST_NUMBER  1024
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t count_names(void)
{
	size_t count = 0;

	while (syscall_names()[count] != NULL)
		count++;
	return count;
}

static void test_lookup(void)
{
	const char *const *names = syscall_names();
	bool sorted = true, found = true;

	for (size_t i = 0; names[i] != NULL; i++) {
		sorted &= i == 0 || strcmp(names[i - 1], names[i]) < 0;
		found &= syscall_known(names[i]);
	}
	tap_ok(sorted, "%zu names are sorted and distinct", count_names());
	tap_ok(found, "each of them is found");
	tap_ok(!syscall_known("") && !syscall_known("openat3") && !syscall_known("zzz") && !syscall_known("OPENAT"),
	       "other names are not");
	tap_ok(syscall_number(ARCH_X86_64, "openat3") == -1, "an unknown name has no number");
	tap_ok(syscall_number(ARCHES, "openat") == -1, "nor has any on an unknown architecture");
	tap_ok(syscall_name(ARCH_X86_64, -1) == NULL && syscall_name(ARCH_X86_64, 400) == NULL &&
		       syscall_name(ARCHES, 0) == NULL,
	       "numbers without a call have no name");
}

static void test_arches(void)
{
	static const uint32_t audit[ARCHES] = {
		[ARCH_X86_64] = SCMP_ARCH_X86_64,   [ARCH_AARCH64] = SCMP_ARCH_AARCH64,
		[ARCH_I386] = SCMP_ARCH_X86,        [ARCH_ARM] = SCMP_ARCH_ARM,
		[ARCH_RISCV64] = SCMP_ARCH_RISCV64, [ARCH_S390X] = SCMP_ARCH_S390X,
		[ARCH_PPC64LE] = SCMP_ARCH_PPC64LE,
	};
	bool passed = true;

	for (int arch = 0; arch < ARCHES; arch++)
		passed &= arch_rows[arch].audit_arch == audit[arch] &&
			  arch_find(arch_rows[arch].name) == (enum arch_id)arch;
	tap_ok(passed, "%d architectures have libseccomp's audit numbers and are found by name", ARCHES);
	tap_ok(arch_find("x86-64") == ARCHES && arch_find("") == ARCHES, "other names are not");
	for (int arch = 0; arch < ARCHES; arch++)
		passed &= arch_rows[arch].big_endian == (arch == ARCH_S390X) &&
			  arch_rows[arch].x32 == (arch == ARCH_X86_64);
	tap_ok(passed, "s390x is big-endian, x86_64 has x32");
}

/* A number has one name, and it leads back. */
static void test_inverse(enum arch_id arch)
{
	const char *const *names = syscall_names();
	unsigned checked = 0;
	bool passed = true;

	for (size_t i = 0; names[i] != NULL; i++) {
		int number = syscall_number(arch, names[i]);
		const char *back = syscall_name(arch, number);

		if (number < 0)
			continue;
		checked++;
		if (back == NULL || strcmp(back, names[i]) != 0) {
			tap_note("%s is %d, which is %s", names[i], number, back != NULL ? back : "nothing");
			passed = false;
		}
	}
	tap_ok(passed && checked > 300, "%s: %u names and numbers are one to one", arch_rows[arch].name, checked);
}

/* Number by number: the other direction of libseccomp answers pseudo numbers for the children of socketcall(2) and ipc(2). */
static void test_libseccomp(enum arch_id arch)
{
	unsigned checked = 0;
	bool passed = true;

	for (int number = 0; number <= LAST_NUMBER; number++) {
		char *theirs = seccomp_syscall_resolve_num_arch(arch_rows[arch].audit_arch, number);
		const char *ours = syscall_name(arch, number);

		if (theirs == NULL)
			continue;
		checked++;
		if (ours == NULL || strcmp(ours, theirs) != 0) {
			tap_note("%d: libseccomp says %s, the table %s", number, theirs,
				 ours != NULL ? ours : "nothing");
			passed = false;
		}
		free(theirs);
	}
	tap_ok(passed && checked > 300, "%s: the %u numbers that libseccomp knows", arch_rows[arch].name, checked);
}

/* And name by name: what libseccomp denies to have is not in the table, unless it does not know the name at all. */
static void test_absent(enum arch_id arch)
{
	const char *const *names = syscall_names();
	unsigned absent = 0;
	bool passed = true;

	for (size_t i = 0; names[i] != NULL; i++) {
		int theirs = seccomp_syscall_resolve_name_arch(arch_rows[arch].audit_arch, names[i]);
		int ours = syscall_number(arch, names[i]);

		absent += ours < 0;
		/* from -10000 down: "not on this architecture" */
		if ((theirs >= 0 && theirs != ours) || (theirs <= -10000 && ours >= 0)) {
			tap_note("%s: libseccomp says %d, the table %d", names[i], theirs, ours);
			passed = false;
		}
	}
	tap_ok(passed && absent > 30, "%s: the %u calls that it does not have", arch_rows[arch].name, absent);
}

/* "#define __NR_name number" */
static void test_header(enum arch_id arch, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256], name[64];
	unsigned checked = 0;
	bool passed = true;
	int number;

	if (file == NULL) {
		tap_skip(path, "not installed");
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "#define __NR_%63s %d", name, &number) != 2)
			continue;
		checked++;
		if (syscall_number(arch, name) != number) {
			tap_note("%s: %d in the header, %d in the table", name, number, syscall_number(arch, name));
			passed = false;
		}
	}
	fclose(file);
	tap_ok(passed && checked > 300, "%s: the %u calls of %s", arch_rows[arch].name, checked, path);
}

/* Calls that neither source above knows: from the kernel's tables, as the release that the table states. */
static void test_newest(void)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
		{"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
		{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
		{"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
		{"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
		{"file_setattr", 469},      {"listns", 470},           {"rseq_slice_yield", 471},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool passed = true;

		for (int arch = 0; arch < ARCHES; arch++)
			passed &= syscall_number((enum arch_id)arch, rows[i].name) == rows[i].number;
		tap_ok(passed, "%s is %d everywhere", rows[i].name, rows[i].number);
	}
	tap_ok(syscall_number(ARCH_X86_64, "uretprobe") == 335 && syscall_number(ARCH_X86_64, "uprobe") == 336 &&
		       syscall_number(ARCH_AARCH64, "uprobe") == -1,
	       "uprobes have calls on x86_64 only");
	tap_ok(strcmp(syscall_table_release(), "7.0") == 0, "complete for %s", syscall_table_release());
}

int main(void)
{
	test_lookup();
	test_arches();
	for (int arch = 0; arch < ARCHES; arch++) {
		test_inverse((enum arch_id)arch);
		test_libseccomp((enum arch_id)arch);
		test_absent((enum arch_id)arch);
	}
	test_header(ARCH_X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
	test_header(ARCH_I386, "/usr/include/x86_64-linux-gnu/asm/unistd_32.h");
	test_newest();
	return tap_done();
}
