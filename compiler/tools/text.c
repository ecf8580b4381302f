/* SPDX-License-Identifier: MIT */
/* Untrusted strings as text and JSON; see text.h. */
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* The next piece of text as it may be shown; returns what follows it. */
static const char *shown(const char *text, char piece[8])
{
	uint32_t code;
	size_t len = utf8_decode(text, strnlen(text, 4), &code);

	if (len == 0 || !utf8_printable(code)) {
		snprintf(piece, 8, "\\x%02x", (unsigned char)*text);
		return text + 1;
	}
	snprintf(piece, 8, "%s%.*s", *text == '\\' ? "\\" : "", (int)len, text);
	return text + len;
}

void put_text(FILE *out, const char *text)
{
	char piece[8];

	while (*text) {
		text = shown(text, piece);
		fputs(piece, out);
	}
}

void put_toml(FILE *out, const char *text)
{
	uint32_t code;

	fputc('"', out);
	while (*text) {
		size_t len = utf8_decode(text, strnlen(text, 4), &code);
		if (len == 0)
			fputs("\\uFFFD", out);
		else if (!utf8_printable(code))
			fprintf(out, code > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, code);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else
			fwrite(text, 1, len, out);
		text += len ? len : 1;
	}
	fputc('"', out);
}

void say(FILE *out, const char *format, ...)
{
	char *line = NULL;
	va_list args;

	va_start(args, format);
	int n = vasprintf(&line, format, args);
	va_end(args);
	put_text(out, n < 0 ? "out of memory" : line);
	fputc('\n', out);
	if (n >= 0)
		free(line);
}

json_t *json_text(const char *text)
{
	char *clean = malloc(strlen(text) * 4 + 8), *end = clean;
	json_t *value;

	if (!clean)
		return NULL;
	*end = 0;
	while (*text) {
		text = shown(text, end);
		end += strlen(end);
	}
	value = json_string(clean);
	free(clean);
	return value;
}

void json_append(json_t *list, json_t *element)
{
	if (!json_array_append_new(list, element))
		return;
	fputs("llc-policy: out of memory\n", stderr);
	abort();
}
