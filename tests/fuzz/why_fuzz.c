/* SPDX-License-Identifier: MIT */
/*
 * The decision engine on any blob that is accepted, and any operation: lines of operations, then a blob, whose header is
 * made right. Paths are compared as text and, as far as they exist, resolved; nothing is opened but as a place. What is
 * said to make an operation pass must make it pass: decide_additions() sees to that, or abort() here.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const usual[] = {"read /usr/share/x",
				    "write ${CWD}/a",
				    "list /",
				    "exec /bin/sh",
				    "create /tmp/x/",
				    "create dir /tmp/d",
				    "remove /tmp/../x",
				    "truncate /etc/passwd",
				    "ioctl /dev/null",
				    "rename /tmp/a ${TMPDIR}/b",
				    "exchange /a/ /b/",
				    "link /a /tmp/b",
				    "connect tcp 443",
				    "connect udp 53",
				    "connect unix /run/x",
				    "connect abstract n",
				    "bind tcp 0",
				    "bind udp 1",
				    "signal",
				    "syscall mount",
				    "syscall socket",
				    "syscall nr:1000"};

static void ask(struct world *world, const struct blob *blob, const char *line)
{
	static struct decision decision;
	static struct addition additions[ADDITIONS_MAX];
	struct arena *arena = arena_create();
	const char *const *words, *why;
	struct operation op;
	size_t nwords;

	why = operation_words(arena, line, &words, &nwords);
	if (!why && nwords && !operation_parse(arena, ARCH_X86_64, words, nwords, &op)) {
		operation_text(arena, ARCH_X86_64, &op);
		for (unsigned abi = 0; abi < blob->nplans; abi += blob->nplans - 1 + (blob->nplans == 1)) {
			decide(world, abi, ARCH_X86_64, &op, &decision);
			if (decision.allowed == (decision.by != BY_NOBODY) || decision.nsteps > DECISION_STEPS)
				abort();
		}
		/* a filter's additions are compiled: compile_fuzz is for that */
		if (!decision.allowed && decision.by == BY_LANDLOCK)
			decide_additions(world, blob->nplans - 1, ARCH_X86_64, &op, additions, &why);
	}
	arena_destroy(&arena);
}

static void ask_all(const struct blob *blob, bool textual, const char *lines, size_t size)
{
	static const char *const sets[] = {"workspace=/tmp", "work=/usr", NULL};
	const struct world_options options = {.sets = sets, .textual = textual};
	struct world *world = world_open(blob, &options);
	char *text = malloc(size + 1), *rest = text, *line;

	if (!text)
		abort();
	memcpy(text, lines, size);
	text[size] = 0;
	while ((line = strsep(&rest, "\n")))
		ask(world, blob, line);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		ask(world, blob, usual[i]);
	free(text);
	world_close(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *magic = size ? memchr(data, LLPB_MAGIC[0] & 0xff, size) : NULL;
	size_t before = magic ? (size_t)(magic - data) : size, rounded = (size - before) / 8 * 8;
	struct llpb_header *header;
	struct blob blob;

	if (rounded < sizeof(struct llpb_header))
		return 0;
	unsigned char *copy = malloc(rounded);
	if (!copy)
		return 0;
	memcpy(copy, magic, rounded);
	memcpy(copy, LLPB_MAGIC, 8);
	header = (void *)copy;
	header->total_size = (uint32_t)rounded;
	header->checksum = llpb_checksum((const void *)copy, rounded / 8, LLPB_CHECKSUM_WORD);
	if (!blob_open(&blob, copy, rounded)) {
		ask_all(&blob, true, (const char *)data, before);
		ask_all(&blob, false, (const char *)data, before);
	}
	free(copy);
	return 0;
}
