/* SPDX-License-Identifier: MIT */
/* Architectures, and the numbers of the system calls on each: lookup over schema/syscalls.def. */
#include <stdlib.h>
#include <string.h>

#include "filter.h"

/*
 * native_nrs only weighs the layout of filters. x86_64 and i386 are the tables that the install-time model was
 * fitted on; the others are NR_syscalls of Linux 6.18. Compat: arch/{x86,arm64}/include/asm/seccomp.h; riscv
 * prepares no second bitmap, and that of s390's 31-bit programs is not counted.
 */
const struct arch_row arch_rows[ARCHES] = {
	[ARCH_X86_64] = {"x86_64", K_AUDIT_ARCH_X86_64, false, true, 470, ARCH_I386},
	[ARCH_AARCH64] = {"aarch64", K_AUDIT_ARCH_AARCH64, false, false, 470, ARCH_ARM},
	[ARCH_I386] = {"i386", K_AUDIT_ARCH_I386, false, false, 457, ARCHES},
	[ARCH_ARM] = {"arm", K_AUDIT_ARCH_ARM, false, false, 470, ARCHES},
	[ARCH_RISCV64] = {"riscv64", K_AUDIT_ARCH_RISCV64, false, false, 470, ARCHES},
	[ARCH_S390X] = {"s390x", K_AUDIT_ARCH_S390X, true, false, 470, ARCHES},
	[ARCH_PPC64LE] = {"ppc64le", K_AUDIT_ARCH_PPC64LE, false, false, 470, ARCHES},
};

/* The name itself, not a pointer to it: see by_text() in sysdata.c. */
struct syscall_row {
	char name[32];
	int32_t numbers[ARCHES];
};

static const struct syscall_row table[] = {
#define SYSCALL(name, x86_64, aarch64, i386, arm, riscv64, s390x, ppc64le)                                           \
	{#name,                                                                                                      \
	 {[ARCH_X86_64] = (x86_64),                                                                                  \
	  [ARCH_AARCH64] = (aarch64),                                                                                \
	  [ARCH_I386] = (i386),                                                                                      \
	  [ARCH_ARM] = (arm),                                                                                        \
	  [ARCH_RISCV64] = (riscv64),                                                                                \
	  [ARCH_S390X] = (s390x),                                                                                    \
	  [ARCH_PPC64LE] = (ppc64le)}},
#include "syscalls.def"
};

static const char *const names[] = {
#define SYSCALL(name, ...) #name,
#include "syscalls.def"
	NULL,
};

#define ROWS (sizeof(table) / sizeof(table[0]))

enum arch_id arch_find(const char *name)
{
	int arch = 0;

	while (arch < ARCHES && strcmp(arch_rows[arch].name, name) != 0)
		arch++;
	return (enum arch_id)arch;
}

static int by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct syscall_row *)row)->name);
}

static const struct syscall_row *find(const char *name)
{
	return bsearch(name, table, ROWS, sizeof(table[0]), by_name);
}

int syscall_number(enum arch_id arch, const char *name)
{
	const struct syscall_row *row = find(name);

	return row != NULL && arch < ARCHES ? row->numbers[arch] : -1;
}

int syscall_number_at(enum arch_id arch, size_t index)
{
	return table[index].numbers[arch];
}

/* Numbers below this are found by an index that is built at the first question; arm has a few private ones above. */
#define INDEXED 1024

static const char *name_of_ordinary(enum arch_id arch, int number)
{
	static uint16_t rows[ARCHES][INDEXED]; /* 1 + row, or 0 */
	static bool built[ARCHES];

	for (size_t i = built[arch] ? 0 : ROWS; i > 0; i--) {
		int nr = table[i - 1].numbers[arch];
		if (nr >= 0 && nr < INDEXED)
			rows[arch][nr] = (uint16_t)i;
	}
	built[arch] = true;
	return rows[arch][number] ? table[rows[arch][number] - 1].name : NULL;
}

const char *syscall_name(enum arch_id arch, int number)
{
	if (number < 0 || arch >= ARCHES)
		return NULL;
	if (number < INDEXED)
		return name_of_ordinary(arch, number);
	for (size_t i = 0; i < ROWS; i++)
		if (table[i].numbers[arch] == number)
			return table[i].name;
	return NULL;
}

bool syscall_known(const char *name)
{
	return find(name) != NULL;
}

const char *const *syscall_names(void)
{
	return names;
}

/*
 * 471, rseq_slice_yield, is the last number that 7.0 has. Its commit carries every architecture's table, and calls
 * proposed for later releases count on from 472.
 */
const char *syscall_table_release(void)
{
	return "7.0";
}
