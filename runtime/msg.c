/* SPDX-License-Identifier: MIT */
/* Messages. MUST NOT let a byte from a blob, an argument or the environment reach a terminal unescaped. */
#include "msg.h"

#include <stdarg.h>

#include "enter.h"

struct line {
	int fd;
	uint32_t len;
	char text[2000];
};

/* A failed write changes nothing: there is nobody left to tell, and the exit status says it too. */
static void put(struct line *line, char c)
{
	line->text[line->len++] = c;
	if (c != '\n' && line->len < sizeof(line->text))
		return;
	SYS(write, line->fd, line->text, line->len);
	line->len = 0;
}

static void put_text(struct line *line, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;
		char hex[4] = {'\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};

		if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"')
			put(line, *text);
		else
			for (uint32_t i = 0; i < sizeof(hex); i++)
				put(line, hex[i]);
	}
}

static void put_format(struct line *line, const char *format, va_list args)
{
	char number[12];

	for (; *format; format++) {
		if (*format != '%')
			put(line, *format);
		else if (*++format == 'u')
			put_text(line, decimal(number, va_arg(args, unsigned int)));
		else
			put_text(line, va_arg(args, const char *));
	}
}

static __attribute__((format(printf, 2, 3))) void add(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_format(line, format, args);
	va_end(args);
}

void msg(int fd, const char *format, ...)
{
	struct line line;
	va_list args;

	line.fd = fd;
	line.len = 0;
	va_start(args, format);
	put_format(&line, format, args);
	va_end(args);
	put(&line, '\n');
}

static const char *error_text(int err)
{
#define LL_ERRNO(name, number, text)                                                                                 \
	if (err == (number))                                                                                         \
		return #name ", " text;
#include "errno.def"
	return "unknown error";
}

static const char *hint(const char *sys, int err)
{
#define HINT(name, number, text)                                                                                     \
	if (err == (number) && streq(sys, name))                                                                     \
		return text;
#include "hints.def"
	return NULL;
}

void msg_error(const char *program, const struct llrun_error *error)
{
	const char *next = error->sys ? hint(error->sys, error->err) : NULL;
	struct line line;

	line.fd = 2;
	line.len = 0;
	add(&line, "%s: %s", program, error->sys ? error->sys : error->text);
	if (error->object)
		add(&line, error->sys ? "(\"%s\")" : ": \"%s\"", error->object);
	add(&line, "%s%s", error->err ? ": " : "", error->err ? error_text(error->err) : "");
	if (error->file)
		add(&line, " (%s:%u)", error->file, error->line);
	add(&line, "%s%s", next ? "; " : "", next);
	add(&line, "%s%s", error->sys && error->text ? "; " : "", error->sys ? error->text : "");
	put(&line, '\n');
}
