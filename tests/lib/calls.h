/* SPDX-License-Identifier: MIT */
/*
 * Random policies of [seccomp] as text (random.h), the definition of the language as an evaluator that walks the rules as they
 * were read, with numbers of any width, and the calls at which a wrong compiler shows. The evaluator shares the tables
 * of numbers, arguments and constants with the compiler and nothing else.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compile.h"

struct writing {
	char text[16384];
	size_t len;
	uint64_t pool[256]; /* constants that were written */
	size_t npool;
	enum arch_id arch;
	const char *call; /* whose rule is being written */
	bool errnos; /* every action an errno but for execve and exit_group: nothing is carried out */
};

/* Write a policy for w->arch; net is text for a table of its own, or "". */
void calls_write(struct writing *w, const char *net);
/* A call at or next to what was written: constants -1/0/+1, garbage in high words, x32, foreign, the largest numbers. */
void calls_input(const struct writing *w, struct bpf_data *data);
/* What [seccomp] says about a call. */
uint32_t calls_answer(const struct policy *p, enum arch_id arch, const struct bpf_data *data);
/*
 * The filter of the newest plan, or NULL; compilation_end() is the caller's business in either case. The text must live
 * as long as the compilation.
 */
const struct bpf_program *calls_compile(struct compilation *c, const char *text, size_t len, enum arch_id arch);

#endif
