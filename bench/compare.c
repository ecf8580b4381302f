/* SPDX-License-Identifier: MIT */
/*
 * compare BLOB: does the blob mean what the hand-written floor does? Both are compared on the plan of this kernel:
 * handled rights, every path and port with its rights, the filter's answer to every system call number, and that
 * nothing else is asked for. A benchmark of two different policies would be worth nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blob.h"
#include "filter.h"
#include "policy_p.h"

#define AUDIT_ARCH_X86_64 0xc000003eu
#define AUDIT_ARCH_I386   0x40000003u

static int differences;

static void __attribute__((format(printf, 1, 2))) differ(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("compare: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	differences++;
}

static void expect(const char *what, uint64_t blob, uint64_t floor)
{
	if (blob != floor)
		differ("%s: blob %#llx, floor %#llx", what, (unsigned long long)blob, (unsigned long long)floor);
}

static const char *open_blob(struct blob *blob, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st))
		return strerror(errno);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return strerror(errno);
	return blob_open(blob, map, (size_t)st.st_size);
}

static void compare_rules(const struct blob *blob, uint32_t plan)
{
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[plan * blob->nlayers];

	expect("layers", blob->nlayers, 1);
	expect("handled fs rights", attr->handled_access_fs, P_HANDLED_FS);
	expect("handled net rights", attr->handled_access_net, P_HANDLED_NET);
	expect("scopes", attr->scoped, 0);
	expect("restrict_self flags", blob->plans[plan].restrict_flags, 0);
	expect("path rules", blob->npaths, P_COUNT(p_paths));
	for (size_t i = 0; i < P_COUNT(p_paths); i++) {
		uint32_t at = 0;

		while (at < blob->npaths && strcmp(blob_str(blob, blob->paths[at].path), p_paths[i].path))
			at++;
		if (at == blob->npaths) {
			differ("no rule for %s", p_paths[i].path);
			continue;
		}
		expect(p_paths[i].path, blob->paths[at].dir_access & attr->handled_access_fs, p_paths[i].access);
		expect("anchor", blob->paths[at].anchor, LLPB_ANCHOR_NONE);
	}
	expect("port rules", blob->nports, 1);
	if (blob->nports == 1) {
		expect("port", blob->ports[0].attr.port, p_port.port);
		expect("rights on the port", blob->ports[0].attr.allowed_access, p_port.allowed_access);
	}
}

static void compare_answers(const struct bpf_program *blob, const struct bpf_program *floor, uint32_t arch,
			    uint32_t nr)
{
	const struct bpf_data data = {.nr = nr, .arch = arch};
	uint32_t a = bpf_simulate(blob, false, &data, NULL), b = bpf_simulate(floor, false, &data, NULL);

	if (a != b)
		differ("architecture %#x, system call %u: blob %#x, floor %#x", arch, nr, a, b);
}

static void compare_filter(const struct blob *blob, uint32_t plan)
{
	int missing = 0;
	const struct llpb_filter *filter = blob_filter(blob, plan, AUDIT_ARCH_X86_64, &missing);
	struct k_sock_filter mine[P_COUNT(p_filter)];
	struct bpf_program floor = {mine, P_COUNT(p_filter)}, theirs;
	struct k_sock_filter *copy;

	if (!filter) {
		differ("the blob has no filter for x86_64");
		return;
	}
	copy = malloc(filter->count * sizeof(*copy));
	if (!copy) {
		differ("out of memory");
		return;
	}
	memcpy(mine, p_filter, sizeof(mine));
	memcpy(copy, blob->insns + filter->first, filter->count * sizeof(*copy));
	theirs = (struct bpf_program){copy, filter->count};
	for (uint32_t nr = 0; nr < 1024; nr++) {
		compare_answers(&theirs, &floor, AUDIT_ARCH_X86_64, nr);
		compare_answers(&theirs, &floor, AUDIT_ARCH_X86_64, nr | K_X32_SYSCALL_BIT);
		compare_answers(&theirs, &floor, AUDIT_ARCH_I386, nr);
	}
	printf("filter: blob %u instructions, floor %zu\n", filter->count, P_COUNT(p_filter));
	free(copy);
}

int main(int argc, char **argv)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
	struct blob blob;
	const char *error;
	uint32_t plan;

	if (argc != 2 || abi < 5) {
		fprintf(stderr, argc != 2 ? "usage: compare BLOB\n" : "compare: needs Landlock ABI 5\n");
		return 2;
	}
	error = open_blob(&blob, argv[1]);
	if (error) {
		fprintf(stderr, "compare: %s: %s\n", argv[1], error);
		return 2;
	}
	plan = abi < blob.nplans ? (uint32_t)abi : blob.nplans - 1;
	compare_rules(&blob, plan);
	compare_filter(&blob, plan);
	expect("environment records", blob.nenv, 0);
	expect("slots", blob.nslots, 0);
	expect("process settings", blob.process->flags, 0);
	expect("dropped capabilities", blob.process->drop_caps, 0);
	if (!differences)
		printf("%s: the floor's policy, plan %u, %u paths\n", argv[1], plan, blob.npaths);
	return differences != 0;
}
