/* SPDX-License-Identifier: MIT */
/* UTF-8, strictly: no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef COMPILER_UTF8_H
#define COMPILER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length (1 to 4) of the sequence that starts at text, its code point in *code; 0 when it is not valid or cut off. */
size_t utf8_decode(const char *text, size_t len, uint32_t *code);
/* Writes 1 to 4 bytes, returns how many; 0 for what is not a Unicode scalar value. */
size_t utf8_put(uint32_t code, char out[4]);
/* May be shown on a terminal as it is: no control character (C0, C1), nothing that reorders or hides text. */
bool utf8_printable(uint32_t code);
/* Columns on a terminal: 0 combining, 2 wide East Asian or emoji, else 1. */
unsigned utf8_width(uint32_t code);

#endif
