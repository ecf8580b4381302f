/* SPDX-License-Identifier: MIT */
/* The few string functions there are; no libc. What they read is NUL-terminated. Size counts more than speed. */
#ifndef RUNTIME_TEXT_H
#define RUNTIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* For a path of at most 4095 bytes. One that had to be cut is too long for the kernel, too, and never another path. */
#define PATH_SIZE 4097

static __attribute__((noinline, unused)) int streq(const char *a, const char *b)
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
static __attribute__((noinline, unused)) uint32_t append(char *out, uint32_t size, uint32_t len, const char *text)
{
	while (*text && len < size - 1)
		out[len++] = *text++;
	out[len] = 0;
	return len;
}

/* What the entry NAME=VALUE gives to `name`, which ends at NUL or '='; NULL when it has another name. */
static inline const char *env_value(const char *entry, const char *name)
{
	while (*name && *name != '=' && *entry == *name)
		entry++, name++;
	return (!*name || *name == '=') && *entry == '=' ? entry + 1 : NULL;
}

/* Value of the first entry for `name` in an environment (NULL: none), or NULL. */
static inline const char *env_get(const char *const *envp, const char *name)
{
	const char *value = NULL;

	while (envp && *envp && !value)
		value = env_value(*envp++, name);
	return value;
}

/* A file name without a directory; NULL is none. */
static inline int is_bare(const char *name)
{
	while (name && *name && *name != '/')
		name++;
	return name && !*name;
}

/*
 * The next DIRECTORY, infix, name, suffix of a colon-separated list, cut at `size`; 0 at its end. An empty element is
 * the current directory.
 */
static inline int next_in(char *out, uint32_t size, const char **list, const char *infix, const char *name,
			  const char *suffix)
{
	const char *at = *list, *const parts[] = {!at || (*at && *at != ':') ? "" : ".", infix, name, suffix};
	uint32_t len = 0;

	for (; at && *at && *at != ':'; at++)
		if (len < size - 1)
			out[len++] = *at;
	for (uint32_t i = 0; at && i < sizeof(parts) / sizeof(parts[0]); i++)
		len = append(out, size, len, parts[i]);
	*list = at && *at ? at + 1 : NULL;
	return at != NULL;
}

#endif
