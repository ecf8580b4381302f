/* SPDX-License-Identifier: MIT */
/*
 * What is known about system calls beyond their numbers: arguments, symbolic constants, groups, replacements.
 * Everything points into static tables (schema/{args,constants,groups,advice}.def); nothing is allocated.
 */
#ifndef COMPILER_SYSDATA_H
#define COMPILER_SYSDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"

/* ---- arguments ---- */

enum arg_kind {
	ARG_I32, /* int: the low word, signed */
	ARG_U32, /* unsigned int: the low word */
	ARG_U16, /* umode_t, old uid_t: the low 16 bits; the kernel drops the others of the word */
	ARG_L, /* long: the register, signed */
	ARG_UL, /* unsigned long: the register */
	ARG_I64, /* loff_t: the register; split in two on 32-bit architectures */
	ARG_U64, /* u64: the same */
	ARG_PTR, /* a pointer: says nothing but whether it is NULL */
};

#define ARG_NAMES 4

struct arg_info {
	const char *name; /* the usual name, whatever it was asked by */
	unsigned index; /* 0 to 5: of struct seccomp_data's args on this architecture */
	enum arg_kind kind;
	unsigned width; /* 32: compare the low word only; 64: both */
	unsigned bits; /* that the kernel looks at: 16, 32 or 64. Where it is less than width, compare masked */
	bool is_signed; /* negative constants mean something */
	bool filterable; /* false: two registers on this architecture; index is the first, the low word's */
};

#define ARG_UNKNOWN_CALL (-1)
#define ARG_UNKNOWN_NAME (-2)
/*
 * The argument of a call by name or alias. 0; ARG_UNKNOWN_CALL where syscalls.def does not have the call (whether the
 * architecture has it is syscall_number()'s business); ARG_UNKNOWN_NAME where it takes no argument of that name.
 */
int syscall_arg(enum arch_id arch, const char *syscall, const char *argument, struct arg_info *out);
/* The n-th argument, counted as the manual does: to list them. False when there are fewer, or no such call. */
bool syscall_arg_nth(enum arch_id arch, const char *syscall, unsigned n, struct arg_info *out);
/* The argument in a register, for formats that count registers; the second half of a split one is not filterable. */
bool syscall_arg_at(enum arch_id arch, const char *syscall, unsigned index, struct arg_info *out);
const char *arg_kind_name(enum arg_kind kind); /* as C has it: "int", "unsigned long", … */

/* ---- constants ---- */

/* Negative numbers are sign-extended to 64 bits. False when the architecture does not have the name. */
bool constant_find(enum arch_id arch, const char *name, uint64_t *value);
bool constant_known(const char *name); /* on any architecture */
const char *const *constant_names(void); /* sorted, NULL-terminated */
/* Whether the constant is one of those that the argument takes: 2 where the table names it, 1 where it names a pattern
 * ("*at.flags"), 0 where it does not. Unknown constants fit nowhere. */
unsigned constant_fits(const char *name, const char *syscall, const struct arg_info *argument);
/* What the name belongs to, e.g. "address families"; NULL when it is unknown. */
const char *constant_meaning(const char *name);

/* ---- groups; names start with "@" ---- */

struct group_row {
	const char *name;
	const char *help;
	const char *members; /* calls and "@groups", separated by blanks */
};
const struct group_row *group_find(const char *name); /* or NULL */
const char *const *group_names(void); /* sorted, NULL-terminated */
/*
 * The calls of a group and of the groups in it, sorted, each once, of every architecture. Returns how many there are;
 * at most cap are stored, out may be NULL with 0. 0 for an unknown group: no group is empty. The names are those of
 * syscall_names().
 */
size_t group_members(const char *name, const char **out, size_t cap);
bool group_has(const char *name, const char *syscall);
/* Why @dangerous has the call; NULL when it does not. */
const char *danger_reason(const char *syscall);

/* ---- calls that an architecture does not have ---- */

/*
 * What a program for the architecture uses instead, e.g. "use dup3": to follow "dup2 does not exist on aarch64: ".
 * NULL when the architecture has the call, or when it is unknown; there is an answer for all others.
 */
const char *syscall_advice(enum arch_id arch, const char *name);

#endif
