/* SPDX-License-Identifier: MIT */
/* Random numbers of a test program, repeatable by the environment variable SEED, and the random rights of its policies. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>
#include <stdio.h>

/* Once, at the beginning: the seed is SEED's, else `otherwise`; NULL or "random": a new one. It is printed as a TAP note. */
void random_begin(const char *otherwise);
uint64_t random_bits(void);
/* 0 to n - 1; n must not be 0. */
unsigned below(unsigned n);
/* File system rights up to Landlock ABI 7; dense enough that allowed and denied operations are about equally frequent. */
uint64_t random_rights(void);
/* The rights' names as a TOML array, and a newline. */
void put_rights(FILE *out, uint64_t rights);

#endif
