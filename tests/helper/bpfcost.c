/* SPDX-License-Identifier: MIT */
/*
 * What a list of system calls costs as a filter.
 *   bpfcost deny|allow [-d] [-c] [-s] < NAMES      names or numbers of x86_64, separated by white space
 * deny: EPERM for the names, the rest allowed; allow: the other way round. Another architecture and x32 numbers are
 * killed. One line per compiler: name, instructions, steps of the kernel's emulation at installation, modelled
 * microseconds for installation, measured microseconds for compilation (best of several runs). -s adds libseccomp's
 * two layouts, -d lists our program, -c prints it as C initialisers.
 */
#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "arena.h"
#include "filter.h"

#define NAMES_MAX 1024
#define RUNS      20

struct request {
	uint32_t numbers[NAMES_MAX];
	size_t count;
	uint32_t hit, miss;
};

static _Noreturn void die(const char *what, const char *name)
{
	fprintf(stderr, "bpfcost: %s: %s\n", name, what);
	exit(2);
}

static uint32_t to_number(const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 0);
	int known = syscall_number(ARCH_X86_64, word);

	if (*end == '\0' && number <= UINT32_MAX)
		return (uint32_t)number;
	if (known < 0)
		die("unknown on x86_64", word);
	return (uint32_t)known;
}

static void read_names(struct request *r)
{
	char word[64];

	while (scanf("%63s", word) == 1) {
		uint32_t number = to_number(word);
		size_t i = 0;

		while (i < r->count && r->numbers[i] != number)
			i++;
		if (r->count == NAMES_MAX)
			die("too many names", word);
		r->numbers[i] = number;
		r->count += i == r->count;
	}
}

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void print_cost(const char *name, const struct bpf_program *program, double compile)
{
	uint64_t steps = bpf_install_steps(program, ARCH_X86_64);

	printf("%s %zu %" PRIu64 " %.2f %.0f\n", name, program->count, steps, bpf_install_cost(program->count, steps),
	       compile);
}

static void print_program(const struct bpf_program *program, const char *format)
{
	for (size_t i = 0; i < program->count; i++) {
		const struct k_sock_filter *f = &program->insns[i];

		printf(format, f->code, f->jt, f->jf, f->k);
	}
}

static void ours(const struct request *r, const char *format)
{
	double best = 0;

	for (int run = 0; run < RUNS; run++) {
		struct arena *arena = arena_create();
		double start = microseconds(), took;
		struct filter_rule *rules = arena_alloc(arena, (r->count + 1) * sizeof(*rules));
		struct filter filter = {
			.arch = ARCH_X86_64,
			.default_action = r->miss,
			.foreign_action = K_SECCOMP_RET_KILL_PROCESS,
			.x32_action = K_SECCOMP_RET_KILL_PROCESS,
			.rules = rules,
			.nrules = r->count,
		};
		struct bpf_program program;
		const char *error;

		for (size_t i = 0; i < r->count; i++)
			rules[i] = (struct filter_rule){.nr = r->numbers[i], .action = r->hit};
		error = bpf_assemble(arena, &filter, &program);
		if (error != NULL)
			die(error, "bpf_assemble");
		took = microseconds() - start;
		best = run == 0 || took < best ? took : best;
		if (run == RUNS - 1) {
			print_cost("ours", &program, best);
			if (format != NULL)
				print_program(&program, format);
		}
		arena_destroy(&arena);
	}
}

static void libseccomp(const struct request *r, uint32_t level)
{
	int fd = memfd_create("bpfcost", MFD_CLOEXEC);
	double start = microseconds(), took;
	scmp_filter_ctx ctx = seccomp_init(r->miss);
	struct bpf_program program;
	off_t size;

	if (fd < 0 || ctx == NULL || seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, level) != 0 ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		die("cannot start", "libseccomp");
	for (size_t i = 0; i < r->count; i++)
		if (seccomp_rule_add(ctx, r->hit, (int)r->numbers[i], 0) != 0)
			die("refuses a rule", "libseccomp");
	if (seccomp_export_bpf(ctx, fd) != 0)
		die("cannot export", "libseccomp");
	took = microseconds() - start;
	size = lseek(fd, 0, SEEK_END);
	program.count = (size_t)size / sizeof(*program.insns);
	program.insns = malloc((size_t)size);
	if (program.insns == NULL || pread(fd, program.insns, (size_t)size, 0) != size)
		die(strerror(errno), "libseccomp's program");
	print_cost(level == 1 ? "libseccomp-list" : "libseccomp-tree", &program, took);
	free(program.insns);
	seccomp_release(ctx);
	close(fd);
}

int main(int argc, char **argv)
{
	struct request request = {.count = 0};
	const char *format = NULL;
	bool compare = false;

	if (argc < 2 || (strcmp(argv[1], "deny") != 0 && strcmp(argv[1], "allow") != 0))
		die("usage: bpfcost deny|allow [-d] [-c] [-s] < NAMES", "arguments");
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-d") == 0)
			format = "%04x %3u %3u 0x%08x\n";
		else if (strcmp(argv[i], "-c") == 0)
			format = "{ 0x%02x, %u, %u, 0x%08xu },\n";
		else if (strcmp(argv[i], "-s") == 0)
			compare = true;
		else
			die("no such option", argv[i]);
	}
	request.hit = argv[1][0] == 'd' ? K_SECCOMP_RET_ERRNO | EPERM : K_SECCOMP_RET_ALLOW;
	request.miss = argv[1][0] == 'd' ? K_SECCOMP_RET_ALLOW : K_SECCOMP_RET_ERRNO | EPERM;
	read_names(&request);
	ours(&request, format);
	if (compare) {
		libseccomp(&request, 1);
		libseccomp(&request, 2);
	}
	return 0;
}
