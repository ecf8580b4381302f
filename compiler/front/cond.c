/* SPDX-License-Identifier: MIT */
/* The tree of a condition, and where each of its bytes stands in the policy file. See cond.h. */
#include "cond.h"

#include <stdarg.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "source.h"

struct cond_build {
	struct arena *arena;
	struct diag *diag;
	struct cond_scan scan;
	size_t nodes, errors;
	const struct cond *result;
};

struct arena *cond_arena(struct cond_build *build)
{
	return build->arena;
}

struct cond_scan *cond_scan(struct cond_build *build)
{
	return &build->scan;
}

_Noreturn void cond_no_memory(struct cond_build *build)
{
	arena_exhausted(build->arena, build->scan.len);
}

void cond_error(struct cond_build *build, const struct srcpos *pos, const char *format, ...)
{
	va_list args;

	if (build->errors++)
		return;
	va_start(args, format);
	diag_vreport(build->diag, CHECK_BAD_CONDITION, pos, format, args);
	va_end(args);
}

/* ---- places ---- */

/* The raw text of a TOML string while it is followed. */
struct follow {
	const char *p, *end;
	struct srcpos at;
};

static void follow_byte(struct follow *f)
{
	if (*f->p == '\n') {
		f->at.line++;
		f->at.col = 1;
	} else {
		f->at.col++;
	}
	f->p++;
}

static void follow_bytes(struct follow *f, size_t n)
{
	while (n-- && f->p < f->end)
		follow_byte(f);
}

/* At the opening quotes; true for a string with escapes. */
static bool follow_open(struct follow *f)
{
	char quote = *f->p;
	bool joined = f->end - f->p >= 3 && f->p[1] == quote && f->p[2] == quote;

	follow_bytes(f, joined ? 3 : 1);
	if (joined && f->p < f->end && *f->p == '\r')
		follow_byte(f);
	if (joined && f->p < f->end && *f->p == '\n')
		follow_byte(f);
	return quote == '"';
}

/* Length of an escape that stands for a character; 0 for a backslash that joins lines. */
static size_t escape_length(const struct follow *f)
{
	char kind = f->end - f->p > 1 ? f->p[1] : ' ';

	return kind == 'u' ? 6 : kind == 'U' ? 10 : strchr(" \t\r\n", kind) ? 0 : 2;
}

static void skip_joined(struct follow *f)
{
	follow_byte(f);
	while (f->p < f->end && strchr(" \t\r\n", *f->p))
		follow_byte(f);
}

static size_t utf8_length(const char *p, size_t rest)
{
	size_t n = 1;

	while (n < rest && ((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* The raw length of the character that the decoded text continues with. */
static size_t raw_length(struct follow *f, bool escapes, size_t decoded)
{
	while (escapes && f->p < f->end && *f->p == '\\' && !escape_length(f))
		skip_joined(f);
	if (f->p >= f->end)
		return 0;
	return escapes && *f->p == '\\' ? escape_length(f) : decoded;
}

static void place_all(struct cond_scan *scan, struct follow *f, const char *text, size_t len)
{
	bool escapes = follow_open(f);

	for (size_t i = 0; i < len;) {
		size_t decoded = utf8_length(text + i, len - i), raw = raw_length(f, escapes, decoded);
		struct srcpos pos = f->at;
		follow_bytes(f, raw);
		pos.end_line = pos.line;
		pos.end_col = pos.col + (uint32_t)raw;
		for (; decoded--; i++)
			scan->places[i] = pos;
	}
	scan->places[len] = f->at;
	scan->places[len].end_line = f->at.line;
	scan->places[len].end_col = f->at.col + 1;
}

static void find_places(struct cond_build *build, const struct sources *sources, const struct toml_value *string)
{
	struct cond_scan *scan = &build->scan;
	const struct srcpos *pos = &string->pos;
	size_t size = 0, line_len = 0;
	const char *all = pos->file == SRC_NONE ? NULL : source_text(sources, pos->file, &size);
	const char *line = all ? source_line(sources, pos->file, pos->line, &line_len) : NULL;

	scan->places = arena_alloc(build->arena, (scan->len + 1) * sizeof(*scan->places));
	if (!line || pos->col > line_len || (line[pos->col - 1] != '"' && line[pos->col - 1] != '\'')) {
		for (size_t i = 0; i <= scan->len; i++)
			scan->places[i] = *pos;
		return;
	}
	place_all(scan, &(struct follow){line + pos->col - 1, all + size, *pos}, scan->text, scan->len);
}

/* ---- the builder ---- */

static void count_node(struct cond_build *build, const struct srcpos *pos)
{
	if (++build->nodes == COND_MAX_NODES)
		cond_error(build, pos, "a condition has at most %d parts", COND_MAX_NODES);
}

struct cond *cond_node(struct cond_build *build, enum cond_kind kind, const struct srcpos *pos,
		       const struct cond *left, const struct cond *right)
{
	struct cond *cond = arena_alloc(build->arena, sizeof(*cond));

	count_node(build, pos);
	*cond = (struct cond){.kind = kind, .pos = *pos, .left = left, .right = right};
	return cond;
}

struct cond *cond_argument(struct cond_build *build, struct cond_word name, const struct srcpos *pos)
{
	struct cond *test = cond_node(build, COND_TEST, pos, NULL, NULL);

	test->argument = arena_strndup(build->arena, name.ptr, name.len);
	test->argument_pos = *pos;
	return test;
}

struct cond *cond_mask(struct cond *test, const struct cond_value *mask)
{
	test->mask = mask;
	return test;
}

struct cond *cond_relate(struct cond *test, enum cond_relation relation, const struct cond_value *value,
			 const struct srcpos *pos)
{
	test->relation = relation;
	test->value = value;
	test->pos = *pos;
	return test;
}

struct cond *cond_in(struct cond *test, struct cond_item *items, const struct srcpos *pos)
{
	struct cond_item *turned = NULL;

	while (items) {
		struct cond_item *next = items->next;
		items->next = turned;
		turned = items;
		items = next;
	}
	test->relation = COND_IN;
	test->items = turned;
	test->pos = *pos;
	return test;
}

struct cond_value *cond_join(struct cond_build *build, enum cond_value_kind kind, const struct srcpos *pos,
			     const struct cond_value *left, const struct cond_value *right)
{
	struct cond_value *value = arena_alloc(build->arena, sizeof(*value));

	count_node(build, pos);
	*value = (struct cond_value){.kind = kind, .pos = *pos, .left = left, .right = right};
	return value;
}

struct cond_value *cond_name(struct cond_build *build, struct cond_word word, const struct srcpos *pos)
{
	struct cond_value *value = cond_join(build, COND_NAME, pos, NULL, NULL);

	value->name = arena_strndup(build->arena, word.ptr, word.len);
	return value;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* 0x, 0o and 0b as in TOML, and a leading 0 as in C: modes are written so. */
static unsigned number_base(struct cond_word *word)
{
	char kind = word->len > 1 && word->ptr[0] == '0' ? word->ptr[1] : 0;
	unsigned base = !kind ? 10 : kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
	size_t skip = kind == 'x' || kind == 'b' || kind == 'o' ? 2 : kind ? 1 : 0;

	word->ptr += skip;
	word->len -= skip;
	return base;
}

struct cond_value *cond_number(struct cond_build *build, struct cond_word word, const struct srcpos *pos)
{
	struct cond_value *value = cond_join(build, COND_NUMBER, pos, NULL, NULL);
	struct cond_word digits = word;
	unsigned base = number_base(&digits);

	if (!digits.len)
		cond_error(build, pos, "%.*s is not a number", (int)word.len, word.ptr);
	for (size_t i = 0; i < digits.len; i++) {
		int digit = digit_of(digits.ptr[i]);
		if ((unsigned)digit >= base)
			cond_error(build, pos, "%.*s is not a number", (int)word.len, word.ptr);
		else if (value->number > (UINT64_MAX - (unsigned)digit) / base)
			cond_error(build, pos, "%.*s has more than 64 bits", (int)word.len, word.ptr);
		value->number = value->number * base + (unsigned)digit;
	}
	return value;
}

struct cond_item *cond_item(struct cond_build *build, struct cond_item *before, const struct cond_value *low,
			    const struct cond_value *high)
{
	struct cond_item *item = arena_alloc(build->arena, sizeof(*item));

	*item = (struct cond_item){low, high, before};
	return item;
}

void cond_finish(struct cond_build *build, const struct cond *cond)
{
	build->result = cond;
}

const struct cond *cond_parse(struct arena *arena, struct diag *diag, const struct sources *sources,
			      const struct toml_value *string)
{
	struct cond_build build = {.arena = arena, .diag = diag};

	build.scan.text = string->string.ptr;
	build.scan.len = string->string.len;
	if (build.scan.len > COND_MAX_NODES * 16) {
		cond_error(&build, &string->pos, "a condition has at most %d bytes", COND_MAX_NODES * 16);
		return NULL;
	}
	find_places(&build, sources, string);
	cond_read(&build);
	return build.errors ? NULL : build.result;
}
