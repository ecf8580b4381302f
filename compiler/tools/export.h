/* SPDX-License-Identifier: MIT */
/* llc-policy export: filters for other launchers. */
#ifndef COMPILER_EXPORT_H
#define COMPILER_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "filter.h"

struct arena;

/*
 * An OCI seccomp profile of what a program answers on its architecture, written to out. Decisions by arguments become
 * SCMP_CMP_MASKED_EQ entries, exactly. False when some cannot be said: unless lossy they are listed on standard error
 * and nothing useful was written; else they get the default, which is listed as well. What differs anyway between a
 * program and a profile is told on standard error. Memory belongs to the arena.
 */
bool export_oci(struct arena *arena, FILE *out, enum arch_id arch, const struct bpf_program *program, bool lossy);

#endif
