/* SPDX-License-Identifier: MIT */
/*
 * docker PROFILE.json POLICY.toml COUNTS DIRECTORY ROUNDS RUNS: rows of the table about Docker's default profile.
 * The policy is compiled here, with `newer` on and off and with weights, and proven to answer as libseccomp's program of
 * the profile does; then sizes, steps and times of the two are compared. DIRECTORY takes a file of counts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compile.h"
#include "docker.h"
#include "source.h"

/* Every system call number of x86_64, and room above. */
enum { NUMBERS = 1024 };

enum variant { OFF, ON, COUNTED, EACH, VARIANTS };

static struct compilation compilations[VARIANTS];
static struct bpf_program ours[VARIANTS], list, tree;
static bool allowed[NUMBERS];
static size_t nallowed;

/* ---- the policy ---- */

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 0;
	char *text = NULL;

	if (!file || getdelim(&text, &size, '\0', file) < 0)
		perror(path);
	if (file)
		fclose(file);
	return text;
}

/* The policy with its line `newer = …` replaced by what the variant has there. */
static char *variant_text(const char *policy, const char *newer, const char *hot_file)
{
	const char *line = strstr(policy, "\nnewer = "), *rest = line ? strchr(line + 1, '\n') : NULL;
	char *text = NULL;

	if (!rest ||
	    asprintf(&text, "%.*s\nnewer = \"%s\"%s%s%s%s", (int)(line - policy), policy, newer,
		     hot_file ? "\nhot_file = \"" : "", hot_file ? hot_file : "", hot_file ? "\"" : "", rest) < 0)
		return NULL;
	return text;
}

static bool compile(enum variant variant, const char *policy, const char *newer, const char *hot_file)
{
	struct compilation *c = &compilations[variant];
	char *text = variant_text(policy, newer, hot_file);

	compilation_begin(c);
	c->arches[0] = ARCH_X86_64;
	c->narches = 1;
	/* the compilation refers to the text until the end of the process */
	if (!text || !compilation_run(c, source_from_memory(c->sources, "docker-default.toml", text, strlen(text))) ||
	    c->lowered->nfilters != 1) {
		fprintf(stderr, "docker: the policy does not compile\n%s", text ? diag_text(c->diag) : "");
		return false;
	}
	ours[variant] = c->lowered->filters[0].program;
	return true;
}

static bool write_counts(const char *path)
{
	FILE *file = fopen(path, "w");
	bool passed = file != NULL;

	for (int nr = 0; passed && nr < NUMBERS; nr++)
		if (allowed[nr])
			passed = fprintf(file, "%s 1\n", syscall_name(ARCH_X86_64, nr)) > 0;
	return file && fclose(file) == 0 && passed;
}

/* ---- the proof ---- */

static int differences;

static uint32_t ask(const struct bpf_program *program, uint32_t arch, uint32_t nr, uint64_t a, uint64_t b)
{
	struct bpf_data data = {.nr = nr, .arch = arch, .args = {a, b}};

	return bpf_simulate(program, false, &data, NULL);
}

static void expect(uint32_t arch, uint32_t nr, uint64_t a, uint64_t b, uint32_t got, uint32_t want)
{
	if (got != want && ++differences <= 10)
		fprintf(stderr, "docker: architecture %#x, call %u(%#llx, %#llx): %#x, the profile has %#x\n", arch,
			nr, (unsigned long long)a, (unsigned long long)b, got, want);
}

/* libseccomp compares registers. The kernel looks at the low word of these; garbage above it changes nothing. */
static bool narrow(uint32_t nr)
{
	return (int)nr == syscall_number(ARCH_X86_64, "socket") ||
	       (int)nr == syscall_number(ARCH_X86_64, "personality");
}

static void compare_call(uint32_t nr, uint64_t a, uint32_t newest)
{
	uint64_t low = narrow(nr) ? (uint32_t)a : a;
	uint32_t want = ask(&tree, K_AUDIT_ARCH_X86_64, nr, low, 0);

	expect(K_AUDIT_ARCH_X86_64, nr, a, 0, ask(&list, K_AUDIT_ARCH_X86_64, nr, low, 0), want);
	expect(K_AUDIT_ARCH_X86_64, nr, a, 0, ask(&ours[OFF], K_AUDIT_ARCH_X86_64, nr, a, 0), want);
	if (nr > newest && nr < K_X32_SYSCALL_BIT)
		want = K_SECCOMP_RET_ERRNO | 38;
	for (enum variant v = ON; v < VARIANTS; v++)
		expect(K_AUDIT_ARCH_X86_64, nr, a, 0, ask(&ours[v], K_AUDIT_ARCH_X86_64, nr, a, 0), want);
}

/* Every number, plain, x32 and foreign; arguments around the profile's constants, each single bit, garbage above.
 * Not -1, which libseccomp gives the default and this compiler x32's action. */
static void compare(void)
{
	static const uint64_t edges[] = {0,       1,          7,          8,          9,         37,      38,
					 39,      40,         41,         0x1ffff,    0x20000,   0x20007, 0x20008,
					 0x20009, 0x7e020000, 0x7e01ffff, 0xfffffffe, 0xffffffff};
	uint32_t newest = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		if (syscall_name(ARCH_X86_64, (int)nr))
			newest = nr;
	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
			compare_call(nr, edges[i], newest);
			compare_call(nr, edges[i] | UINT64_C(0xdeadbeef) << 32, newest);
			compare_call(nr | K_X32_SYSCALL_BIT, edges[i], newest);
		}
		for (unsigned bit = 0; bit < 64; bit++)
			compare_call(nr, UINT64_C(1) << bit, newest);
		expect(K_AUDIT_ARCH_I386, nr, 0, 0, ask(&ours[ON], K_AUDIT_ARCH_I386, nr, 0, 0),
		       ask(&tree, K_AUDIT_ARCH_I386, nr, 0, 0));
	}
}

/* ---- the rows ---- */

static void __attribute__((format(printf, 4, 5)))
row(const char *title, const char *target, bool ok, const char *format, ...)
{
	va_list args;

	printf("| %s | %s | ", title, target);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" | %s |\n", *target == '-' ? "" : ok ? "ok" : "short");
}

static size_t constant_time(const struct bpf_program *program)
{
	size_t count = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		count += allowed[nr] && bpf_const_allow(program, K_AUDIT_ARCH_X86_64, nr, NULL);
	return count;
}

/* Instructions executed for an allowed call, weighted; NULL: all alike. */
static double mean_path(const struct bpf_program *program, const uint32_t *weights)
{
	double steps = 0, total = 0;

	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		struct bpf_data data = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64};
		unsigned n = 0;
		double weight = weights ? weights[nr] : 1;

		if (!allowed[nr] || weight <= 0)
			continue;
		bpf_simulate(program, false, &data, &n);
		steps += weight * n;
		total += weight;
	}
	return total > 0 ? steps / total : 0;
}

/* False when nothing could be read. */
static bool read_weights(const char *path, uint32_t *weights)
{
	FILE *file = fopen(path, "r");
	char line[128], name[64];
	unsigned count, known = 0;

	memset(weights, 0, NUMBERS * sizeof(*weights));
	while (file && fgets(line, sizeof(line), file)) {
		int nr = *line != '#' && sscanf(line, "%63s %u", name, &count) == 2
				 ? syscall_number(ARCH_X86_64, name)
				 : -1;

		if (nr >= 0 && nr < NUMBERS) {
			weights[nr] = count;
			known++;
		}
	}
	if (file)
		fclose(file);
	if (!known)
		fprintf(stderr, "docker: %s: no counts\n", path);
	return known > 0;
}

static void sizes(const uint32_t *weights)
{
	double mean = mean_path(&ours[COUNTED], weights), each = mean_path(&ours[EACH], NULL);

	row("Docker's default profile: instructions", "<= 92", ours[OFF].count <= 92,
	    "%zu | libseccomp: tree %zu, list %zu | ", ours[OFF].count, tree.count, list.count);
	row("Docker's default profile: instructions, ENOSYS for newer calls", "<= 95", ours[ON].count <= 95,
	    "%zu |  | ", ours[ON].count);
	row("Docker's default profile: calls allowed whatever the arguments, proven constant-time", "all",
	    constant_time(&ours[ON]) == nallowed && constant_time(&ours[OFF]) == nallowed, "%zu of %zu |  | ",
	    constant_time(&ours[ON]), nallowed);
	row("Docker's default profile: mean path of an allowed call, instructions, by the counts of usual programs",
	    "<= 9", mean <= 9, "%.1f | without weights %.1f, libseccomp's tree %.1f; %zu instructions long | ", mean,
	    mean_path(&ours[ON], weights), mean_path(&tree, weights), ours[COUNTED].count);
	row("Docker's default profile: mean path, instructions, every allowed call alike", "<= 9", each <= 9,
	    "%.1f | without weights %.1f, libseccomp's tree %.1f; %zu instructions long | ", each,
	    mean_path(&ours[ON], NULL), mean_path(&tree, NULL), ours[EACH].count);
}

static double least(const double *figures, unsigned runs)
{
	double min = figures[0];

	for (unsigned i = 1; i < runs; i++)
		min = figures[i] < min ? figures[i] : min;
	return min;
}

/* The quotient of medians of each run; the worst run is what counts. */
static void ratio_row(const char *title, double limit, const struct timing *a, const struct timing *b, unsigned runs)
{
	char each[MAX_RUNS * 8] = "", target[16];
	double worst = 0;
	size_t len = 0;

	for (unsigned i = 0; i < runs; i++) {
		double quotient = a->median[i] / b->median[i];

		worst = quotient > worst ? quotient : worst;
		len += (size_t)snprintf(each + len, sizeof(each) - len, "%s%.3f", i ? " " : "", quotient);
	}
	snprintf(target, sizeof(target), "<= %.2f", limit);
	row(title, target, worst <= limit, "%.3f | %s; %.1f us / %.1f us | %.3f", worst, each,
	    least(a->median, runs) / 1e3, least(b->median, runs) / 1e3,
	    least(a->least, runs) / least(b->least, runs));
}

static bool load_rows(unsigned rounds, unsigned runs)
{
	struct timing timings[] = {{.program = &ours[ON]}, {.program = &tree}, {.program = &list}};

	if (!time_load(timings, 3, rounds, runs))
		return false;
	ratio_row("Docker's default profile: the filter loaded / libseccomp's tree", 0.45, &timings[0], &timings[1],
		  runs);
	ratio_row("Docker's default profile: the filter loaded / libseccomp's default layout", 0.2, &timings[0],
		  &timings[2], runs);
	return true;
}

/* personality(0xffffffff) asks and changes nothing; it is allowed by its argument, so that the filter runs. */
static bool call_rows(unsigned rounds, unsigned runs)
{
	struct timing cached[] = {{0}, {.program = &ours[ON]}, {.program = &tree}};
	struct timing filtered[] = {{0}, {.program = &ours[ON]}, {.program = &tree}};
	double base, mine, theirs;

	if (!time_call(cached, 3, rounds, runs, syscall_number(ARCH_X86_64, "getppid"), 0) ||
	    !time_call(filtered, 3, rounds, runs, syscall_number(ARCH_X86_64, "personality"), 0xffffffff))
		return false;
	base = least(cached[0].least, runs);
	mine = least(cached[1].least, runs) - base;
	theirs = least(cached[2].least, runs) - base;
	row("Docker's default profile: a constant-time call, ns more than without a filter", "<= 35", mine <= 35,
	    "%.0f | of %.0f; libseccomp's tree %.0f | %.0f", mine, base, theirs, mine);
	base = least(filtered[0].least, runs);
	mine = least(filtered[1].least, runs) - base;
	theirs = least(filtered[2].least, runs) - base;
	row("Docker's default profile: a call decided by its argument, ns more / those of libseccomp's tree", "<= 1",
	    mine <= theirs, "%.2f | %.0f / %.0f | %.2f", mine / theirs, mine, theirs, mine / theirs);
	return true;
}

static bool build(const char *profile_path, const char *policy_path, const char *counts, const char *directory)
{
	struct profile *profile = profile_read(profile_path);
	char *policy = read_text(policy_path), *each = NULL;
	/* both live as long as the process */
	struct arena *arena = arena_create();
	bool passed = profile && policy && asprintf(&each, "%s/each.counts", directory) > 0 &&
		      profile_libseccomp(profile, 1, arena, &list) && profile_libseccomp(profile, 2, arena, &tree);

	if (passed) {
		nallowed = profile_allowed(profile, allowed, NUMBERS);
		passed = write_counts(each) && compile(OFF, policy, "errno EPERM", NULL) &&
			 compile(ON, policy, "errno ENOSYS", NULL) &&
			 compile(COUNTED, policy, "errno ENOSYS", counts) &&
			 compile(EACH, policy, "errno ENOSYS", each);
	}
	profile_free(profile);
	free(policy);
	free(each);
	return passed;
}

int main(int argc, char **argv)
{
	uint32_t weights[NUMBERS];
	unsigned rounds = argc == 7 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
	unsigned runs = argc == 7 ? (unsigned)strtoul(argv[6], NULL, 10) : 0;

	if (!rounds || !runs || runs > MAX_RUNS) {
		fprintf(stderr, "usage: docker PROFILE.json POLICY.toml COUNTS DIRECTORY ROUNDS RUNS\n");
		return 2;
	}
	if (!read_weights(argv[3], weights) || !build(argv[1], argv[2], argv[3], argv[4]))
		return 1;
	compare();
	if (differences) {
		fprintf(stderr, "docker: %d answers differ from the profile's\n", differences);
		return 1;
	}
	sizes(weights);
	fflush(stdout);
	return load_rows(rounds, runs) && call_rows((rounds + 9) / 10, runs) ? 0 : 1;
}
