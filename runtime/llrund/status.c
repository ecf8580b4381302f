/* SPDX-License-Identifier: MIT */
/* See status.h. Labels are found at the beginning of a line only: a process chooses its own name, which is a value. */
#include "status.h"

#include "sys.h"
#include "text.h"

long status_read(long fd, char *text, size_t size)
{
	long got = fd < 0 ? fd : SYS(read, fd, text, size - 1);

	text[got < 0 ? 0 : got] = 0;
	if (fd >= 0)
		SYS(close, fd);
	return got;
}

const char *status_field(const char *text, const char *name)
{
	while (*text) {
		const char *value = after_prefix(text, name);

		if (value && value[0] == ':' && value[1] == '\t')
			return value + 2;
		while (*text && *text++ != '\n')
			;
	}
	return NULL;
}

static uint32_t digit(char c)
{
	return c >= '0' && c <= '9' ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10 : 16;
}

uint64_t status_value(const char *value, uint32_t base)
{
	uint64_t number = 0;

	if (!value || digit(*value) >= base)
		return UINT64_MAX;
	for (; digit(*value) < base; value++)
		number = number * base + digit(*value);
	return number;
}

uint64_t status_number(const char *text, const char *name, uint32_t base)
{
	return status_value(status_field(text, name), base);
}

static int is_end(char c)
{
	return !c || c == '\n';
}

int status_same(const char *one, const char *other)
{
	if (!one || !other)
		return 0;
	while (*one == *other && !is_end(*one))
		one++, other++;
	return is_end(*one) && is_end(*other);
}
