/* SPDX-License-Identifier: MIT */
/* UTF-8 in and out. See utf8.h. */
#include "utf8.h"

struct range {
	uint32_t first, last;
};

static bool is_scalar(uint32_t code)
{
	return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

size_t utf8_decode(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t lead = len ? (unsigned char)text[0] : 0x80;
	size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

	if (!n || n > len)
		return 0;
	if (n == 1) {
		*code = lead;
		return 1;
	}
	*code = lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		uint32_t byte = (unsigned char)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (byte & 0x3f);
	}
	return *code >= least[n] && is_scalar(*code) ? n : 0;
}

size_t utf8_put(uint32_t code, char out[4])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (!is_scalar(code))
		return 0;
	if (n == 1) {
		out[0] = (char)code;
		return 1;
	}
	for (size_t i = n - 1; i; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(0xf00u >> n | code);
	return n;
}

static bool in_ranges(uint32_t code, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}
#define IN(code, ranges) in_ranges(code, ranges, sizeof(ranges) / sizeof((ranges)[0]))

bool utf8_printable(uint32_t code)
{
	static const struct range hidden[] = {
		{0x00, 0x1f},     {0x7f, 0x9f}, /* C0, DEL, C1: terminal control */
		{0xad, 0xad},     {0x61c, 0x61c}, /* soft hyphen, Arabic letter mark */
		{0x200b, 0x200f}, {0x2028, 0x202e}, /* zero width, line separators, directional overrides */
		{0x2060, 0x206f}, {0xfeff, 0xfeff}, /* word joiner, isolates, byte order mark */
		{0xfff9, 0xfffb}, {0xe0000, 0xe007f}, /* annotations, tags */
	};

	return !IN(code, hidden);
}

unsigned utf8_width(uint32_t code)
{
	static const struct range combining[] = {
		{0x300, 0x36f},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
		{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	};
	static const struct range wide[] = {
		{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
		{0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
		{0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	};

	return IN(code, combining) ? 0 : IN(code, wide) ? 2 : 1;
}
