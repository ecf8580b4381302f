/* SPDX-License-Identifier: MIT */
/* What the words of TOML mean: strings and their escapes, numbers, dates and times. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arena.h"
#include "toml_build.h"
#include "utf8.h"

/* ---- strings ---- */

/* A walk through the inside of a string that knows where it is. */
struct cursor {
	struct toml_build *build;
	const char *p, *end;
	struct srcpos pos; /* of p; as long as one byte */
	char *out;
};

static void step(struct cursor *c, size_t n)
{
	for (; n; n--, c->p++) {
		if (*c->p == '\n') {
			c->pos.line++;
			c->pos.col = 1;
		} else {
			c->pos.col++;
		}
	}
}

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* Length of the line ending at p: 0 when there is none. */
static size_t newline(const char *p, const char *end)
{
	if (p < end && *p == '\n')
		return 1;
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

static void bad_escape(const struct cursor *c, size_t len, const char *why)
{
	struct srcpos pos = c->pos;

	if (toml_scan(c->build)->stop)
		return;
	pos.end_line = pos.line;
	pos.end_col = pos.col + (uint32_t)len;
	toml_value_error(c->build, &pos, "%s %s", toml_quote(c->build, c->p, len), why);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* \uXXXX, \UXXXXXXXX */
static void unicode_escape(struct cursor *c, size_t digits)
{
	uint32_t code = 0;
	size_t n = 0, len;

	for (; n < digits && n + 2 < left(c) && hex_digit(c->p[n + 2]) >= 0; n++)
		code = code << 4 | (uint32_t)hex_digit(c->p[n + 2]);
	if (n < digits) {
		bad_escape(c, n + 2,
			   digits == 4 ? "needs four hexadecimal digits" : "needs eight hexadecimal digits");
		step(c, n + 2);
		return;
	}
	len = utf8_put(code, c->out);
	if (!len)
		bad_escape(c, n + 2, "is not a Unicode character");
	c->out += len;
	step(c, n + 2);
}

/* A backslash at the end of a line swallows everything up to the next character that is not blank. */
static bool line_continuation(struct cursor *c)
{
	const char *p = c->p + 1;

	while (p < c->end && (*p == ' ' || *p == '\t'))
		p++;
	if (!newline(p, c->end))
		return false;
	while (p < c->end && (*p == ' ' || *p == '\t' || newline(p, c->end)))
		p += newline(p, c->end) ? newline(p, c->end) : 1;
	step(c, (size_t)(p - c->p));
	return true;
}

static void escape(struct cursor *c, bool multi_line)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	const char *letter = left(c) > 1 && c->p[1] ? strchr(letters, c->p[1]) : NULL;

	if (letter) {
		*c->out++ = meanings[letter - letters];
		step(c, 2);
	} else if (left(c) > 1 && (c->p[1] == 'u' || c->p[1] == 'U')) {
		unicode_escape(c, c->p[1] == 'u' ? 4 : 8);
	} else if (!multi_line || !line_continuation(c)) {
		uint32_t code;
		size_t n = left(c) > 1 ? utf8_decode(c->p + 1, left(c) - 1, &code) : 0;

		bad_escape(c, 1 + n, "is not an escape; a backslash is written \\\\");
		step(c, 1 + n);
	}
}

/* Line endings become line feeds: a file means the same however it was checked out. */
static struct toml_string decode(struct cursor *c, bool escapes, bool multi_line)
{
	char *start = arena_alloc(toml_arena(c->build), left(c) + 1);

	c->out = start; /* no escape is longer than what it stands for */
	if (multi_line)
		step(c, newline(c->p, c->end));
	while (c->p < c->end) {
		if (*c->p == '\\' && escapes) {
			escape(c, multi_line);
		} else if (newline(c->p, c->end)) {
			*c->out++ = '\n';
			step(c, newline(c->p, c->end));
		} else {
			*c->out++ = *c->p;
			step(c, 1);
		}
	}
	return (struct toml_string){start, (size_t)(c->out - start)};
}

struct toml_string toml_decode(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	static const size_t quotes[SHAPES] = {
		[SHAPE_BASIC] = 1,
		[SHAPE_LITERAL] = 1,
		[SHAPE_ML_BASIC] = 3,
		[SHAPE_ML_LITERAL] = 3,
	};
	size_t n = quotes[word.shape];
	struct cursor c = {.build = build, .p = word.ptr + n, .end = word.ptr + word.len - n, .pos = *pos};

	c.pos.col += (uint32_t)n;
	return decode(&c, word.shape == SHAPE_BASIC || word.shape == SHAPE_ML_BASIC, n == 3);
}

static struct toml_value *make_string(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	struct toml_value *value = toml_value_new(build, TOML_STRING, pos);

	value->string = toml_decode(build, word, pos);
	return value;
}

/* ---- numbers ---- */

static char *without_underscores(struct toml_build *build, struct toml_word word)
{
	char *text = arena_alloc(toml_arena(build), word.len + 1), *out = text;

	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] != '_')
			*out++ = word.ptr[i];
	}
	return text;
}

/* The digits as a number of at most `limit`. */
static bool read_digits(const char *digits, unsigned base, uint64_t limit, uint64_t *number)
{
	*number = 0;
	for (; *digits; digits++) {
		unsigned digit = (unsigned)hex_digit(*digits);

		if (*number > (limit - digit) / base)
			return false;
		*number = *number * base + digit;
	}
	return true;
}

static struct toml_value *make_integer(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	struct toml_value *value = toml_value_new(build, TOML_INTEGER, pos);
	const char *text = without_underscores(build, word);
	bool negative = *text == '-';
	unsigned base = 10;
	uint64_t number;

	if (word.shape == SHAPE_BASED) {
		base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
		text += 2;
	} else if (negative || *text == '+') {
		text++;
	}
	if (!read_digits(text, base, (uint64_t)INT64_MAX + negative, &number))
		toml_value_error(build, pos, "%s does not fit in 64 bits", toml_quote(build, word.ptr, word.len));
	else if (negative && number)
		value->integer = -(int64_t)(number - 1) - 1; /* INT64_MIN has no positive counterpart */
	else
		value->integer = (int64_t)number;
	return value;
}

/* strtod() reads the locale's decimal point; a policy means the same in every locale. */
static double read_double(struct toml_build *build, const char *text)
{
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0), previous;
	double number;

	if (!c_locale)
		toml_no_memory(build);
	previous = uselocale(c_locale);
	number = strtod(text, NULL);
	uselocale(previous);
	freelocale(c_locale);
	return number;
}

static struct toml_value *make_float(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	struct toml_value *value = toml_value_new(build, TOML_FLOAT, pos);
	const char *text = without_underscores(build, word);

	value->real = read_double(build, text);
	if (isinf(value->real) && !strstr(text, "inf"))
		toml_value_error(build, pos, "%s does not fit in a 64-bit float",
				 toml_quote(build, word.ptr, word.len));
	return value;
}

static struct toml_value *make_boolean(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	struct toml_value *value = toml_value_new(build, TOML_BOOLEAN, pos);

	value->boolean = *word.ptr == 't';
	return value;
}

/* ---- dates and times ---- */

static unsigned number_at(const char *digits, size_t n)
{
	unsigned number = 0;

	while (n--)
		number = number * 10 + (unsigned)(*digits++ - '0');
	return number;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* These name what is out of range, or NULL. */
static const char *check_date(const char *date)
{
	unsigned year = number_at(date, 4), month = number_at(date + 5, 2), day = number_at(date + 8, 2);

	if (month < 1 || month > 12)
		return "month";
	return day < 1 || day > days_in(year, month) ? "day" : NULL;
}

/* Second 60 is a leap second (RFC 3339, 5.7); which ones there were is no matter of syntax. */
static const char *check_time(const char *time)
{
	if (number_at(time, 2) > 23 || number_at(time + 3, 2) > 59)
		return "hour or minute";
	return number_at(time + 6, 2) > 60 ? "second" : NULL;
}

static const char *check_zone(const char *zone)
{
	if (*zone == 'Z')
		return NULL;
	return number_at(zone + 1, 2) > 23 || number_at(zone + 4, 2) > 59 ? "offset" : NULL;
}

static struct toml_value *make_datetime(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	static const enum toml_type types[SHAPES] = {
		[SHAPE_OFFSET_DATETIME] = TOML_OFFSET_DATETIME,
		[SHAPE_LOCAL_DATETIME] = TOML_LOCAL_DATETIME,
		[SHAPE_LOCAL_DATE] = TOML_LOCAL_DATE,
		[SHAPE_LOCAL_TIME] = TOML_LOCAL_TIME,
	};
	struct toml_value *value = toml_value_new(build, types[word.shape], pos);
	char *text = arena_strndup(toml_arena(build), word.ptr, word.len);
	bool has_date = word.shape != SHAPE_LOCAL_TIME, has_time = word.shape != SHAPE_LOCAL_DATE;
	char *time = has_date ? text + strlen("YYYY-MM-DDT") : text;
	const char *why = has_date ? check_date(text) : NULL;

	if (has_date && has_time)
		time[-1] = 'T';
	if (has_time && !why)
		why = check_time(time);
	if (word.shape == SHAPE_OFFSET_DATETIME) {
		char *zone = time + strcspn(time, "zZ+-");

		if (*zone == 'z')
			*zone = 'Z';
		if (!why)
			why = check_zone(zone);
	}
	if (why)
		toml_value_error(build, pos, "%s: there is no such %s", text, why);
	value->string = (struct toml_string){text, word.len};
	return value;
}

/* ---- words that are no value ---- */

static bool is_word_of(const char *const *words, const char *text)
{
	for (; *words; words++) {
		if (!strcasecmp(*words, text))
			return true;
	}
	return false;
}

/* Inside an array, a word and '=' behind it is the next statement: a bracket is missing before it. */
static bool is_next_statement(struct toml_build *build, struct toml_word word)
{
	const struct toml_scan *scan = toml_scan(build);
	const char *p = word.ptr + word.len, *end = scan->text + scan->len;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return scan->depth && p < end && *p == '=';
}

static struct toml_value *make_unknown(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	static const char *const booleans[] = {"true", "false", "yes", "no", "on", "off", NULL};
	static const char *const specials[] = {"inf", "+inf", "-inf", "nan", "+nan", "-nan", NULL};
	const char *text = word.len < 8 ? arena_strndup(toml_arena(build), word.ptr, word.len) : "";
	const char *digit = word.ptr + (*word.ptr == '+' || *word.ptr == '-');
	const char *why;

	if (is_next_statement(build, word)) {
		toml_syntax_error(build, pos, "%s is a key: the array before it is not closed",
				  toml_quote(build, word.ptr, word.len));
		return toml_value_new(build, TOML_STRING, pos);
	}
	if (is_word_of(booleans, text))
		why = "booleans are written true and false";
	else if (is_word_of(specials, text))
		why = "inf and nan are written in lower case";
	else if (digit == word.ptr + word.len || !strchr(".0123456789", *digit))
		why = "strings are written in quotes";
	else if (*digit == '0')
		why = "a decimal number has no leading zero, and only 0x 0o 0b begin another base";
	else
		why = "it is no number, date or time";
	toml_value_error(build, pos, "%s is not a value: %s", toml_quote(build, word.ptr, word.len), why);
	return toml_value_new(build, TOML_STRING, pos);
}

struct toml_value *toml_scalar(struct toml_build *build, struct toml_word word, const struct srcpos *pos)
{
	static struct toml_value *(*const makers[SHAPES])(struct toml_build *, struct toml_word,
							  const struct srcpos *) = {
		[SHAPE_BARE] = make_unknown,
		[SHAPE_BASIC] = make_string,
		[SHAPE_LITERAL] = make_string,
		[SHAPE_ML_BASIC] = make_string,
		[SHAPE_ML_LITERAL] = make_string,
		[SHAPE_DECIMAL] = make_integer,
		[SHAPE_BASED] = make_integer,
		[SHAPE_FLOAT] = make_float,
		[SHAPE_BOOLEAN] = make_boolean,
		[SHAPE_OFFSET_DATETIME] = make_datetime,
		[SHAPE_LOCAL_DATETIME] = make_datetime,
		[SHAPE_LOCAL_DATE] = make_datetime,
		[SHAPE_LOCAL_TIME] = make_datetime,
		[SHAPE_UNKNOWN] = make_unknown,
	};

	return makers[word.shape](build, word, pos);
}
