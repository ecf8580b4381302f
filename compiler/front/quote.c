/* SPDX-License-Identifier: MIT */
/* See quote.h. */
#include "quote.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "utf8.h"

bool quote_toml(FILE *out, const char *text)
{
	bool fine = true;
	uint32_t code;

	fputc('"', out);
	for (size_t len; *text; text += len) {
		len = utf8_decode(text, strnlen(text, 4), &code);
		if (!len) {
			fine = false;
			len = 1;
		} else if (!utf8_printable(code)) {
			fprintf(out, code > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, code);
		} else {
			fprintf(out, "%s%.*s", code == '"' || code == '\\' ? "\\" : "", (int)len, text);
		}
	}
	fputc('"', out);
	return fine;
}
