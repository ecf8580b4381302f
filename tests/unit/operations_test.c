/* SPDX-License-Identifier: MIT */
/*
 * Operations as text: what `why` and `trace` print is what `why` reads, to the same operation. Of system calls every
 * argument that a filter can test is tried, with its constants, with several of them at once and with any number.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "decide.h"
#include "random.h"
#include "sysdata.h"
#include "tap.h"

static uint64_t seen(const struct arg_info *info, uint64_t value)
{
	return info->bits < 64 ? value & ((UINT64_C(1) << info->bits) - 1) : value;
}

/* Read back, and the same as far as the kernel looks. */
static bool returns(enum arch_id arch, const char *call, const struct arg_info *info, uint64_t value)
{
	struct arena *arena = arena_create();
	struct operation op = {.id = OP_SYSCALL, .call = call, .known = 1u << info->index}, back;
	const char *const *words, *text;
	size_t count;

	op.args[info->index] = value;
	text = operation_text(arena, arch, &op);
	bool same = !operation_words(arena, text, &words, &count) &&
		    !operation_parse(arena, arch, words, count, &back) && back.id == OP_SYSCALL &&
		    back.known == op.known && seen(info, back.args[info->index]) == seen(info, value);
	if (!same)
		tap_note("%s: 0x%llx: %s", arch_rows[arch].name, (unsigned long long)value, text);
	arena_destroy(&arena);
	return same;
}

/* One constant of the argument, any; false: it takes none. */
static bool some_constant(enum arch_id arch, const char *call, const struct arg_info *info, uint64_t *value)
{
	const char *const *names = constant_names();
	size_t count = 0, first;

	while (names[count])
		count++;
	first = random_bits() % count;
	for (size_t i = 0; i < count; i++) {
		const char *name = names[(first + i) % count];
		if (constant_find(arch, name, value) && constant_fits(name, call, info))
			return true;
	}
	return false;
}

static void test_arguments(enum arch_id arch)
{
	struct arg_info info;
	uint64_t one, other;
	bool same = true;
	size_t tried = 0;

	for (const char *const *call = syscall_names(); *call; call++) {
		if (syscall_number(arch, *call) < 0)
			continue;
		for (unsigned n = 0; syscall_arg_nth(arch, *call, n, &info); n++) {
			if (!info.filterable)
				continue;
			same &= returns(arch, *call, &info, random_bits());
			tried++;
			if (!some_constant(arch, *call, &info, &one) || !some_constant(arch, *call, &info, &other))
				continue;
			same &= returns(arch, *call, &info, one);
			same &= returns(arch, *call, &info, one | other | (random_bits() & 0x40));
		}
	}
	tap_ok(same && tried > 500,
	       "%s: %zu arguments, each as any number, as a constant, as several: read back as they were",
	       arch_rows[arch].name, tried);
}

static void test_texts(void)
{
	static const struct {
		const char *words, *text;
	} rows[] = {
		{"syscall socket domain=16 type=0x80003",
		 "syscall socket domain=AF_NETLINK type=SOCK_CLOEXEC|SOCK_RAW"},
		{"syscall chmod mode=0644", "syscall chmod mode=S_IRUSR|S_IWUSR|S_IRGRP|S_IROTH"},
		{"syscall openat dirfd=-100 flags=0x241",
		 "syscall openat dirfd=AT_FDCWD flags=O_TRUNC|O_CREAT|O_WRONLY"},
		{"syscall prlimit64 a0=0 a1=7", "syscall prlimit64 pid=0x0 resource=RLIMIT_NOFILE"},
		{"syscall getpriority a0=9", "syscall getpriority which=0x9"},
		{"ioctl /dev/tty 0x5412", "ioctl /dev/tty TIOCSTI"},
		{"ioctl /dev/tty 0x12345678", "ioctl /dev/tty 0x12345678"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_create();
		const char *const *words, *text = NULL;
		struct operation op;
		size_t count;

		if (!operation_words(arena, rows[i].words, &words, &count) &&
		    !operation_parse(arena, ARCH_X86_64, words, count, &op))
			text = operation_text(arena, ARCH_X86_64, &op);
		if (text && strcmp(text, rows[i].text))
			tap_note("%s", text);
		tap_ok(text && !strcmp(text, rows[i].text), "%s", rows[i].words);
		arena_destroy(&arena);
	}
}

int main(void)
{
	random_begin("1");
	test_arguments(ARCH_X86_64);
	test_arguments(ARCH_AARCH64);
	test_texts();
	return tap_done();
}
