/* SPDX-License-Identifier: MIT */
/* Strings as TOML writes them, for all who write TOML. */
#ifndef COMPILER_QUOTE_H
#define COMPILER_QUOTE_H

#include <stdbool.h>
#include <stdio.h>

/* A basic string with its quotes; what cannot be shown is escaped. False: not UTF-8, which TOML cannot express; what was
 * written then leaves those bytes out. */
bool quote_toml(FILE *out, const char *text);

#endif
