/* SPDX-License-Identifier: MIT */
/* Text without stdio: one line, one write(2). Bytes that do not print are shown as \xHH wherever they come from. */
#ifndef RUNTIME_MSG_H
#define RUNTIME_MSG_H

#include "llrun.h"

/* A line. Knows %s (NULL is empty) and %u. */
void msg(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "PROGRAM: …" on standard error: what failed, on what, why, where the policy asks for it, and what to do about it. */
void msg_error(const char *program, const struct llrun_error *error);

#endif
