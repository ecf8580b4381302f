/* SPDX-License-Identifier: MIT */
/* TAP output for the unit tests: one line per check, the plan at the end. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>

/* Both return `passed`, so that a check can guard what follows. The text names what holds, not what failed. */
bool tap_ok(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of explanation. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tap_skip(const char *what, const char *why);
/* Prints the plan. For main(): 0 when every check has passed and there was at least one. */
int tap_done(void);

#endif
