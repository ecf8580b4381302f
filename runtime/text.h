/* SPDX-License-Identifier: MIT */
/* The few string functions there are; no libc. */
#ifndef RUNTIME_TEXT_H
#define RUNTIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

static inline int streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Does text begin with prefix? Returns what follows, or NULL. */
static inline const char *after_prefix(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix)
		text++, prefix++;
	return *prefix ? NULL : text;
}

/* The number in decimal, at the end of `out`. */
static inline const char *decimal(char out[12], uint32_t number)
{
	char *at = out + 11;

	*at = 0;
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	return at;
}

/* Decimal digits, at most INT32_MAX. Returns what follows, or NULL. */
static inline const char *number(const char *text, uint32_t *out)
{
	const char *at = text;
	uint64_t value = 0;

	while (*at >= '0' && *at <= '9' && value <= INT32_MAX)
		value = value * 10 + (uint64_t)(*at++ - '0');
	*out = (uint32_t)value;
	return at == text || value > INT32_MAX ? NULL : at;
}

/* Puts text and a NUL at out[len], at most up to out[size - 1]. Returns the length there is then. */
static inline uint32_t append(char *out, uint32_t size, uint32_t len, const char *text)
{
	while (*text && len < size - 1)
		out[len++] = *text++;
	out[len] = 0;
	return len;
}

#endif
