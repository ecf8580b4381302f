/* SPDX-License-Identifier: MIT */
/* Reading /proc/PID/status: lines "Name:\tvalue\n". */
#ifndef RUNTIME_LLRUND_STATUS_H
#define RUNTIME_LLRUND_STATUS_H

#include <stddef.h>
#include <stdint.h>

/* Reads the file and closes fd, which may be an error number instead. What there is of it up to size - 1, or negative. */
long status_read(long fd, char *text, size_t size);
/* The value of a line, which ends at a line feed; or NULL. */
const char *status_field(const char *text, const char *name);
/* One that is a number in the base; UINT64_MAX when there is none. */
uint64_t status_number(const char *text, const char *name, uint32_t base);
/* The same of what status_field() has found, or NULL. */
uint64_t status_value(const char *value, uint32_t base);
/* Are both values there and the same? One may be a copy that ends at NUL. */
int status_same(const char *one, const char *other);

#endif
