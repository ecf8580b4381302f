/* SPDX-License-Identifier: MIT */
/* Text without stdio: one line, one write(2). Bytes that do not print are shown as \xHH wherever they come from. */
#ifndef RUNTIME_MSG_H
#define RUNTIME_MSG_H

#include "llrun.h"

struct msg {
	int fd;
	uint32_t len;
	char text[2000];
};

/* Begin with msg.fd set and msg.len zero. Knows %s, %c, %u and %llx; msg_end() adds the newline and writes. */
void msg_add(struct msg *msg, const char *format, ...) __attribute__((format(printf, 2, 3)));
void msg_end(struct msg *msg);
/* A whole line. */
void msg_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "llrun: …" on standard error: what failed, on what, why, where the policy asks for it, and what to do about it. */
void msg_error(const struct llrun_error *error);

#endif
