/* SPDX-License-Identifier: MIT */
/* Policies compiled in process and run for real: build/llrun starts build/tests/probe under them. */
#ifndef TESTS_LIVE_H
#define TESTS_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A temporary directory and a copy of the probe in it; short names, so that nothing built from them can be cut. */
extern char live_root[32], live_probe[48];

/* Landlock ABI of this kernel, or less than 1. */
long live_abi(void);
/* Finds the programs (environment variable B: the build directory) and makes live_root; exits when it cannot. */
void live_begin(void);
void live_end(void);
/* As root, a network namespace of our own: elsewhere another run, or anybody, may have the ports and abstract names. */
void live_network(void);
bool live_copy(const char *from, const char *to);
/* Policy text to blob file; reports diagnostics as TAP notes. */
bool live_compile(const char *blob, const char *text, size_t size);
/*
 * One sandboxed `probe batch` performs the operations in order. Returns its output for live_answer(); NULL when llrun
 * did not exit with 0.
 */
FILE *live_batch(const char *blob, unsigned abi, const char *const *operations, unsigned count);
#define LIVE_ANSWER 64
/* Next operation: "allowed", or the name of its errno; "" when it was not attempted. False at the end. */
bool live_answer(FILE *output, char answer[LIVE_ANSWER]);
/* Run argv, "{llrun}" and "{probe}" replaced, and return its exit status, or -1 when it died by a signal. */
int live_run(const char *const *argv);

#endif
