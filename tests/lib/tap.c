/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned checks, failures;

bool tap_ok(bool passed, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", passed ? "" : "not ", ++checks);
	failures += !passed;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	/* a child or a crash must neither repeat nor lose what was said */
	fflush(stdout);
	return passed;
}

void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void tap_skip(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++checks, what, why);
	fflush(stdout);
}

int tap_done(void)
{
	printf("1..%u\n", checks);
	return failures != 0 || checks == 0;
}
