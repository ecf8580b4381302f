/* SPDX-License-Identifier: MIT */
/*
 * Strings of a blob on their way out. They may hold any byte but NUL: a terminal must not act on them, a line must stay
 * a line, and JSON is UTF-8. In both forms a backslash is doubled and what cannot be shown becomes \xNN.
 */
#ifndef COMPILER_TEXT_H
#define COMPILER_TEXT_H

#include <jansson.h>
#include <stdio.h>

void put_text(FILE *out, const char *text);
/* One line, spelled like that as a whole: for what carries arguments of the command line, names of files above all. */
__attribute__((format(printf, 2, 3))) void say(FILE *out, const char *format, ...);
/* A basic string of TOML, in its quotes. What TOML cannot express, bytes that are not UTF-8, becomes U+FFFD: such a path
 * has no spelling. */
void put_toml(FILE *out, const char *text);
/* A new string, spelled as put_text() does. NULL when memory is exhausted. */
json_t *json_text(const char *text);
/* Takes the element. An element that got lost would be a lie about the policy: without memory the program ends. */
void json_append(json_t *list, json_t *element);

#endif
