/* SPDX-License-Identifier: MIT */
/*
 * Companion filters on every architecture, by the simulator: the socket calls of every set of companions against a
 * definition of their own, and each closing of the table one by one, garbage in the high words included. What the
 * kernel does with them is tests/companions.bats's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "llpb.h"
#include "tap.h"

#define GARBAGE  (UINT64_C(0xdeadbeef) << 32)
#define CLOSED   (K_SECCOMP_RET_ERRNO | 13)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const names[COMPANIONS] = {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) #name,
#include "companions.def"
};

/* ABI to look at is the newest: what is asked for is the same on all. */
static const struct bpf_program *compile_set(struct compilation *c, unsigned set, enum arch_id arch, char *text,
					     size_t size)
{
	size_t n = (size_t)snprintf(text, size, "version = 1\n[policy]\ncompat = \"best-effort\"\n[companions]\n");

	for (unsigned i = 0; i < COMPANIONS; i++)
		if (set >> i & 1)
			n += (size_t)snprintf(text + n, size - n, "%s = true\n", names[i]);
	return calls_compile(c, text, n, arch);
}

static uint32_t ask(const struct bpf_program *program, enum arch_id arch, const char *call, const uint64_t args[6])
{
	struct bpf_data data = {.nr = (uint32_t)syscall_number(arch, call), .arch = arch_rows[arch].audit_arch};

	memcpy(data.args, args, sizeof(data.args));
	return bpf_simulate(program, arch_rows[arch].big_endian, &data, NULL);
}

/* ---- socket(2), socketpair(2) ---- */

#define HAS(set, id) ((set) >> COMPANION_##id & 1)

static bool socket_closed(unsigned set, uint32_t domain, uint32_t type, uint32_t protocol)
{
	uint32_t kind = type & 0xf;

	if (domain == 1)
		return HAS(set, UNIX_SOCKETS);
	if (domain != 2 && domain != 10)
		return HAS(set, FAMILIES) && !(domain == 16 && protocol == 0);
	if (kind == 1 && (protocol == 0 || protocol == 6))
		return HAS(set, TCP);
	if (kind == 2 && (protocol == 0 || protocol == 17))
		return HAS(set, UDP);
	return kind == 3 || kind == 10 ? HAS(set, FAMILIES) : HAS(set, PROTOCOLS);
}

/* Pairs of connected types reach nobody else. */
static bool pair_closed(unsigned set, uint32_t domain, uint32_t type)
{
	uint32_t kind = type & 0xf;

	return domain == 1 ? HAS(set, UNIX_SOCKETS) && kind != 1 && kind != 5 : HAS(set, FAMILIES);
}

static const uint32_t domains[] = {0, 1, 2, 3, 9, 10, 11, 16, 17, 38, 40, 43, 0x10002, UINT32_MAX};
static const uint32_t types[] = {0, 1, 2, 3, 4, 5, 6, 10, 0x80001, 0x80802, 0x803, 0x80005, 0x12, UINT32_MAX};
static const uint32_t protocols[] = {0, 1, 6, 16, 17, 132, 136, 255, 256, 262, 0x10006, UINT32_MAX};

static size_t wrong_sockets(const struct bpf_program *program, unsigned set, enum arch_id arch)
{
	size_t wrong = 0;

	for (size_t d = 0; d < COUNT(domains); d++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t p = 0; p < COUNT(protocols); p++) {
				uint64_t above = (d + t + p) % 2 ? GARBAGE : 0;
				const uint64_t args[6] = {domains[d] | above, types[t] | above, protocols[p] | above};
				bool closed = socket_closed(set, domains[d], types[t], protocols[p]);
				bool pair = pair_closed(set, domains[d], types[t]);
				wrong +=
					ask(program, arch, "socket", args) != (closed ? CLOSED : K_SECCOMP_RET_ALLOW);
				wrong += ask(program, arch, "socketpair", args) !=
					 (pair ? CLOSED : K_SECCOMP_RET_ALLOW);
			}
	return wrong;
}

static void test_sockets(enum arch_id arch)
{
	static const unsigned bits[] = {COMPANION_UNIX_SOCKETS, COMPANION_FAMILIES, COMPANION_PROTOCOLS,
					COMPANION_TCP, COMPANION_UDP};
	size_t wrong = 0, sets = 0;

	for (unsigned subset = 1; subset < 1u << COUNT(bits); subset++, sets++) {
		struct compilation c;
		char text[1024];
		unsigned set = 0;
		for (size_t i = 0; i < COUNT(bits); i++)
			set |= (subset >> i & 1) << bits[i];
		const struct bpf_program *program = compile_set(&c, set, arch, text, sizeof(text));
		wrong += program ? wrong_sockets(program, set, arch) : 1;
		compilation_end(&c);
	}
	tap_ok(!wrong, "%s: sockets under %zu sets of companions are those of the definition", arch_rows[arch].name,
	       sets);
}

/* ---- the table ---- */

static const struct {
	enum llpb_companion companion;
	const char *call;
	unsigned arg;
	bool coded;
	uint32_t mask, value, answer;
} closings[] = {
#define CLOSES(id, call, argument, mask, value, error)                                                               \
	{COMPANION_##id, #call, argument, false, mask, value, ANSWER_##error},
#define CLOSES_IOCTL(id, request, error) {COMPANION_##id, "ioctl", 1, true, ~0u, request, ANSWER_##error},
#include "companions.def"
};

/* As <asm/ioctl.h> of powerpc has _IOW(type, nr, size): three bits of direction, thirteen of size. */
static uint32_t request_of(enum arch_id arch, uint32_t request)
{
	uint32_t size = request >> 16 & 0x3fff, rest = request & 0xffff;

	return arch == ARCH_PPC64LE ? 4u << 29 | size << 16 | rest : request;
}

static size_t wrong_closing(const struct bpf_program *program, size_t i, enum arch_id arch)
{
	uint32_t value = closings[i].coded ? request_of(arch, closings[i].value) : closings[i].value;
	uint32_t other = closings[i].mask == ~0u ? value + 0x100 : value ^ (closings[i].mask & -closings[i].mask);
	uint64_t args[6] = {0};
	size_t wrong = 0;

	args[closings[i].arg] = value;
	wrong += ask(program, arch, closings[i].call, args) != closings[i].answer;
	args[closings[i].arg] |= GARBAGE | (closings[i].mask == ~0u ? 0 : ~(uint64_t)closings[i].mask);
	wrong += ask(program, arch, closings[i].call, args) != closings[i].answer;
	args[closings[i].arg] = other;
	if (closings[i].mask)
		wrong += ask(program, arch, closings[i].call, args) != K_SECCOMP_RET_ALLOW;
	return wrong;
}

static void test_table(enum arch_id arch)
{
	size_t wrong = 0, tried = 0;

	for (unsigned id = 0; id < COMPANIONS; id++) {
		struct compilation c;
		char text[1024];
		const struct bpf_program *program = compile_set(&c, 1u << id, arch, text, sizeof(text));
		for (size_t i = 0; program && i < COUNT(closings); i++)
			if (closings[i].companion == id && syscall_number(arch, closings[i].call) >= 0) {
				size_t faults = wrong_closing(program, i, arch);
				if (faults)
					tap_note("%s: %s, %#x", names[id], closings[i].call, closings[i].value);
				wrong += faults;
				tried++;
			}
		wrong += !program;
		compilation_end(&c);
	}
	tap_ok(!wrong && tried > 30, "%s: %zu closings answer, and their neighbours pass", arch_rows[arch].name,
	       tried);
}

static void test_limits(enum arch_id arch)
{
	static const struct {
		uint64_t pid, limits;
		uint32_t answer;
	} cases[] = {
		{0, 0, K_SECCOMP_RET_ALLOW},
		{0, 4096, K_SECCOMP_RET_ALLOW},
		{GARBAGE, 4096, K_SECCOMP_RET_ALLOW},
		{1, 0, K_SECCOMP_RET_ALLOW},
		{1, 4096, ANSWER_EPERM},
		{1, UINT64_C(4096) << 32, ANSWER_EPERM},
		{0xffffffff, 4096, ANSWER_EPERM},
	};
	struct compilation c;
	char text[1024];
	size_t wrong = 0;
	const struct bpf_program *program = compile_set(&c, 1u << COMPANION_LIMITS, arch, text, sizeof(text));

	for (size_t i = 0; program && i < COUNT(cases); i++) {
		const uint64_t args[6] = {cases[i].pid, 1, cases[i].limits};
		wrong += ask(program, arch, "prlimit64", args) != cases[i].answer;
	}
	tap_ok(program && !wrong, "%s: limits of others are closed, of the caller's own not", arch_rows[arch].name);
	compilation_end(&c);
}

int main(void)
{
	for (int arch = 0; arch < ARCHES; arch++) {
		test_sockets((enum arch_id)arch);
		test_table((enum arch_id)arch);
		test_limits((enum arch_id)arch);
	}
	return tap_done();
}
