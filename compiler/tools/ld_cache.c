/* SPDX-License-Identifier: MIT */
/*
 * /etc/ld.so.cache, in glibc's formats (sysdeps/generic/dl-cache.h): "ld.so-1.7.0", which libc5 knew,
 * "glibc-ld.so.cache1.1", and the first followed by the second. Strings are found by offset; nothing is believed before it was compared.
 */
#include "elfdeps_impl.h"

#include <elf.h>
#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"
enum {
	OLD_HEADER = 16, /* magic, padding, count */
	OLD_ENTRY = 12, /* flags, key, value */
	NEW_HEADER = 48, /* magic, count, size of strings, byte order, extensions, three words unused */
	NEW_ENTRY = 24, /* flags, key, value, OS version, hwcap (64 bits) */
	NEW_ORDER = 28, /* offset of the byte order */
	ORDER_MASK = 3,
	ORDER_LITTLE = 2,
	ORDER_BIG = 3
};

static uint32_t word(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool begins(const unsigned char *data, size_t size, const char *magic)
{
	return size >= strlen(magic) && !memcmp(data, magic, strlen(magic));
}

static bool open_new(struct ld_cache *cache, const unsigned char *data, size_t size, unsigned char elf_data)
{
	unsigned order;

	if (size < NEW_HEADER || !begins(data, size, NEW_MAGIC))
		return false;
	order = data[NEW_ORDER] & ORDER_MASK;
	/* 0: written before glibc 2.33, which said nothing; 1 is not valid */
	if (order && order != (elf_data == ELFDATA2LSB ? ORDER_LITTLE : ORDER_BIG))
		return false;
	cache->count = word(data + strlen(NEW_MAGIC));
	if (cache->count > (size - NEW_HEADER) / NEW_ENTRY)
		return false;
	cache->entries = data + NEW_HEADER;
	cache->entry_size = NEW_ENTRY;
	cache->strings = data;
	cache->strings_size = size;
	return true;
}

bool ld_cache_open(struct ld_cache *cache, const unsigned char *data, size_t size, unsigned char elf_data)
{
	size_t count, end;

	memset(cache, 0, sizeof(*cache));
	/* numbers are read in this machine's order */
	if (elf_data != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
		return false;
	if (!begins(data, size, OLD_MAGIC) || size < OLD_HEADER)
		return open_new(cache, data, size, elf_data);
	count = word(data + OLD_HEADER - 4);
	if (count > (size - OLD_HEADER) / OLD_ENTRY)
		return false;
	end = OLD_HEADER + count * OLD_ENTRY;
	/* the second format is aligned as its widest member: 8 bytes, 4 on i386 */
	for (size_t align = 8; align >= 4; align /= 2) {
		size_t at = (end + align - 1) / align * align;

		if (at < size && open_new(cache, data + at, size - at, elf_data))
			return true;
	}
	*cache = (struct ld_cache){.entries = data + OLD_HEADER,
				   .count = count,
				   .entry_size = OLD_ENTRY,
				   .strings = data + end,
				   .strings_size = size - end};
	return true;
}

/* _DL_CACHE_DEFAULT_ID of each machine's dl-cache.h; 0: not in this table, and any entry will do */
static uint32_t cache_id(const struct elf_object *program)
{
	static const struct {
		uint16_t machine;
		unsigned char elf_class;
		uint32_t id;
	} rows[] = {
		{EM_X86_64, ELFCLASS64, 0x303},
		{EM_X86_64, ELFCLASS32, 0x803},
		{EM_386, ELFCLASS32, 0x003},
		{EM_AARCH64, ELFCLASS64, 0xa03},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].machine == program->machine && rows[i].elf_class == program->elf_class)
			return rows[i].id;
	return 0;
}

/* NULL: not a string of the cache */
static const char *cache_string(const struct ld_cache *cache, uint32_t at)
{
	const char *text;

	if (at >= cache->strings_size)
		return NULL;
	text = (const char *)cache->strings + at;
	return memchr(text, 0, cache->strings_size - at) ? text : NULL;
}

static bool same_name(const struct ld_cache *cache, uint32_t at, const char *name, size_t size)
{
	return at < cache->strings_size && cache->strings_size - at >= size &&
	       !memcmp(cache->strings + at, name, size);
}

bool ld_cache_next(const struct ld_cache *cache, const char *name, const struct elf_object *program, size_t *at,
		   struct ld_cache_hit *hit)
{
	uint32_t id = cache_id(program);
	size_t size = strlen(name) + 1;

	while (*at < cache->count) {
		const unsigned char *entry = cache->entries + cache->entry_size * (*at)++;
		static const unsigned char none[8];

		if (!same_name(cache, word(entry + 4), name, size) || (id && word(entry) != id))
			continue;
		hit->path = cache_string(cache, word(entry + 8));
		hit->variant = cache->entry_size == NEW_ENTRY && memcmp(entry + 16, none, sizeof(none));
		if (hit->path && *hit->path == '/')
			return true;
	}
	return false;
}
