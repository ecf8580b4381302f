/* SPDX-License-Identifier: MIT */
/* Untrusted strings as text and JSON; see text.h. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void put_text(FILE *out, const char *text)
{
	while (*text) {
		uint32_t code;
		size_t len = utf8_decode(text, strnlen(text, 4), &code);
		if (len == 0 || !utf8_printable(code)) {
			fprintf(out, "\\x%02x", (unsigned char)*text++);
			continue;
		}
		if (*text == '\\')
			fputc('\\', out);
		fwrite(text, 1, len, out);
		text += len;
	}
}

json_t *json_text(const char *text)
{
	size_t size = strlen(text) * 4 + 1, n = 0;
	char *clean = malloc(size);
	json_t *value;

	if (!clean)
		return NULL;
	while (*text) {
		uint32_t code;
		size_t len = utf8_decode(text, strnlen(text, 4), &code);
		if (len == 0) {
			n += (size_t)snprintf(clean + n, size - n, "\\x%02x", (unsigned char)*text++);
			continue;
		}
		if (*text == '\\')
			clean[n++] = '\\';
		memcpy(clean + n, text, len);
		n += len;
		text += len;
	}
	value = json_stringn(clean, n);
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
