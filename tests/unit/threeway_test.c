/* SPDX-License-Identifier: MIT */
/*
 * The definition of [seccomp], the simulator of its program and the kernel: one answer. Random policies of which
 * every action is an errno are installed in children, which make the calls; nothing is carried out. The policies of the
 * tree are compared for every architecture and every Landlock ABI, and with libseccomp where it can say the same.
 *   threeway_test [SEED [POLICIES]]
 */
#include <glob.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "callrules.h"
#include "calls.h"
#include "entry.h"
#include "random.h"
#include "source.h"
#include "tap.h"

enum { POLICIES = 100, PROBES_MAX = 4096, RANDOM_INPUTS = 300, NUMBERS = 1024 };

static void disagree(const struct bpf_data *d, const char *who, uint32_t got, uint32_t want)
{
	tap_note("arch %08x nr %x args %llx %llx %llx %llx %llx %llx: %s %08x, by the rules %08x", d->arch, d->nr,
		 (unsigned long long)d->args[0], (unsigned long long)d->args[1], (unsigned long long)d->args[2],
		 (unsigned long long)d->args[3], (unsigned long long)d->args[4], (unsigned long long)d->args[5], who,
		 got, want);
}

/* ---- random policies on the kernel ---- */

#ifdef __x86_64__

struct probe {
	struct bpf_data data;
	uint32_t want;
	long result;
};

static struct probe *probes; /* shared with the children */
static size_t nprobes;
static bool have_compat;

/* io_uring is closed wherever there is a filter; of two denials that of [seccomp] holds, and here it denies all else. */
static bool add_probe(const struct policy *p, const struct bpf_program *program, const struct bpf_data *d)
{
	uint32_t want = calls_answer(p, ARCH_X86_64, d), got = bpf_simulate(program, false, d, NULL);

	if (got != want) {
		disagree(d, "the simulator", got, want);
		return false;
	}
	if (nprobes < PROBES_MAX && !entry_exempt(d) && (want & K_SECCOMP_RET_ACTION_FULL) == K_SECCOMP_RET_ERRNO &&
	    (d->arch == K_AUDIT_ARCH_X86_64 || (d->arch == K_AUDIT_ARCH_I386 && have_compat)))
		probes[nprobes++] = (struct probe){.data = *d, .want = want};
	return true;
}

/* Every constant that was written, -1, 0 and +1, with and without garbage above, in every argument of every rule's call. */
static bool add_constants(const struct writing *w, const struct policy *p, const struct bpf_program *program)
{
	for (size_t i = 0; i < p->ncalls; i++) {
		struct bpf_data d = {.arch = K_AUDIT_ARCH_X86_64,
				     .nr = (uint32_t)call_number(ARCH_X86_64, p->calls[i].calls[0].text)};

		for (size_t k = 0; k < w->npool * 6; k++) {
			uint64_t value = w->pool[k / 6] + k % 3 - 1;

			if (k / 3 % 2)
				value = (value & UINT32_MAX) | random_bits() << 32;
			for (size_t arg = 0; arg < 6; arg++)
				d.args[arg] = value;
			if (!add_probe(p, program, &d))
				return false;
		}
	}
	return true;
}

static bool add_edges(const struct policy *p, const struct bpf_program *program)
{
	static const uint32_t numbers[] = {0,          1,          471,        472,        1023,
					   0x3fffffff, 0x40000000, 0x40000029, 0x400001ff, 0x7fffffff,
					   0x80000000, 0xbfffffff, 0xc0000000, 0xffffffff};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct bpf_data d = {.nr = numbers[i], .arch = K_AUDIT_ARCH_X86_64};

		if (!add_probe(p, program, &d))
			return false;
		d.arch = K_AUDIT_ARCH_I386;
		if (!add_probe(p, program, &d))
			return false;
	}
	return true;
}

static void make_calls(const void *data)
{
	if (entry_install(data) != 0)
		entry_exit(100);
	for (size_t i = 0; i < nprobes; i++) {
		struct probe *p = &probes[i];

		p->result = p->data.arch == K_AUDIT_ARCH_X86_64 ? entry_call64(&p->data) : entry_call32(&p->data);
	}
}

/* Only after the simulator has agreed: a wrong program never gets to answer a call for real. */
static bool kernel_agrees(const struct bpf_program *program)
{
	int status = entry_child(make_calls, program);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		tap_note("the child ended with wait status %#x", (unsigned)status);
		return false;
	}
	for (size_t i = 0; i < nprobes; i++)
		if (probes[i].result != -(long)(probes[i].want & K_SECCOMP_RET_DATA)) {
			disagree(&probes[i].data, "the kernel", (uint32_t)probes[i].result, probes[i].want);
			return false;
		}
	return true;
}

static bool random_policy(size_t *calls)
{
	struct writing *w = calloc(1, sizeof(*w));
	const struct bpf_program *program;
	struct compilation c;
	bool passed;

	if (!w)
		abort();
	w->arch = ARCH_X86_64;
	w->errnos = true;
	calls_write(w, "");
	program = calls_compile(&c, w->text, w->len, ARCH_X86_64);
	nprobes = 0;
	passed = program && add_edges(c.policy, program) && add_constants(w, c.policy, program);
	for (size_t i = 0; passed && i < RANDOM_INPUTS; i++) {
		struct bpf_data d;

		calls_input(w, &d);
		passed = add_probe(c.policy, program, &d);
	}
	passed = passed && kernel_agrees(program);
	*calls += nprobes;
	if (!passed)
		tap_note("%s", program ? w->text : diag_text(c.diag));
	compilation_end(&c);
	free(w);
	return passed;
}

static void getpid32(const void *data)
{
	(void)data;
	entry_exit(entry_call32(&(struct bpf_data){.nr = 20}) == getpid() ? 0 : 1);
}

static void test_live(size_t policies)
{
	bool passed = true;
	size_t calls = 0, i;

	probes = mmap(NULL, PROBES_MAX * sizeof(*probes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!tap_ok(probes != MAP_FAILED, "memory to share with the children"))
		return;
	have_compat = entry_child(getpid32, NULL) == 0;
	if (!have_compat)
		tap_skip("int 0x80", "this kernel has no 32-bit gate");
	for (i = 0; passed && i < policies; i++)
		passed = random_policy(&calls);
	tap_ok(passed, "rules, simulator and kernel agree on %zu random policies (%zu calls made)", i, calls);
}

#else

static void test_live(size_t policies)
{
	(void)policies;
	tap_skip("the kernel's answers", "written for x86_64");
}

#endif

/* ---- the policies of the tree ---- */

static const struct bpf_program *filter_of(const struct low_filter *filters, size_t count, uint32_t group,
					   enum arch_id arch)
{
	for (size_t i = 0; i < count; i++)
		if (filters[i].group == group && filters[i].arch == arch)
			return &filters[i].program;
	return NULL;
}

/* What the other tables add: the filters once more, without [seccomp]. */
static bool companions_only(struct compilation *c, struct lowered *out)
{
	const struct lower_options options = {.arches = c->arches, .narches = c->narches};

	*out = *c->lowered;
	out->nfilters = out->ngroups = 0;
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		out->plans[abi].needs &= ~(unsigned)NEED_POLICY;
	return filter_policy(c->arena, c->diag, out, &options);
}

static uint32_t joined(uint32_t want, enum arch_id arch, const struct bpf_program *companions,
		       const struct bpf_data *d)
{
	uint32_t companion = K_SECCOMP_RET_ALLOW;
	const char *name = d->nr <= INT32_MAX ? syscall_name(arch, (int)d->nr) : NULL;

	if (arch_rows[arch].x32 && d->nr & K_X32_SYSCALL_BIT)
		return want;
	if (companions)
		companion = bpf_simulate(companions, arch_rows[arch].big_endian, d, NULL);
	else if (name && !strncmp(name, "io_uring_", 9))
		companion = K_SECCOMP_RET_ERRNO | 38;
	return action_yields(want) && companion != K_SECCOMP_RET_ALLOW ? companion : want;
}

static bool has_rule(const struct policy *p, enum arch_id arch, uint32_t nr)
{
	for (size_t i = 0; i < p->ncalls; i++)
		for (size_t k = 0; k < p->calls[i].ncalls; k++)
			if (call_number(arch, p->calls[i].calls[k].text) == (int)nr)
				return true;
	return false;
}

static bool numbers_agree(const struct policy *p, enum arch_id arch, const struct bpf_program *program,
			  const struct bpf_program *companions, size_t *inputs)
{
	static const uint64_t words[] = {0,      1,      2,          10,         16,         38,        40,
					 0x5401, 0x5412, 0x10000000, 0x7e020000, 0xffffffff, UINT64_MAX};
	bool agree = true;

	for (uint32_t nr = 0; agree && nr < 2 * NUMBERS; nr++) {
		bool ruled = has_rule(p, arch, nr);
		uint32_t said = 0;

		for (size_t i = 0; agree && i < 2 * sizeof(words) / sizeof(*words); i++) {
			uint64_t word = words[i / 2] | (i % 2 ? random_bits() << 32 : 0);
			struct bpf_data d = {.nr = nr < NUMBERS ? nr : nr - NUMBERS + K_X32_SYSCALL_BIT,
					     .arch = arch_rows[arch].audit_arch,
					     .args = {word, word, word, word, word, word}};
			/* without a rule the arguments are nothing to [seccomp] */
			said = i == 0 || ruled ? calls_answer(p, arch, &d) : said;
			uint32_t want = joined(said, arch, companions, &d);
			uint32_t got = bpf_simulate(program, arch_rows[arch].big_endian, &d, NULL);

			++*inputs;
			agree = got == want;
			if (!agree)
				disagree(&d, "the simulator", got, want);
		}
	}
	return agree;
}

static bool every_filter_agrees(struct compilation *c, size_t *filters, size_t *inputs)
{
	struct lowered others;
	bool agree = companions_only(c, &others);

	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		for (size_t i = 0; agree && i < c->narches; i++) {
			enum arch_id arch = c->arches[i];
			const struct lowered *low = c->lowered;
			const struct bpf_program *program =
				filter_of(low->filters, low->nfilters, low->plans[abi].group, arch);
			const struct bpf_program *companions =
				filter_of(others.filters, others.nfilters, others.plans[abi].group, arch);

			/* one comparison for each group */
			if (!program || (abi && low->plans[abi - 1].group == low->plans[abi].group))
				continue;
			++*filters;
			agree = numbers_agree(c->policy, arch, program, companions, inputs);
		}
	return agree;
}

/* ---- libseccomp: the lists of a policy without rules ---- */

static bool add_names(scmp_filter_ctx ctx, const struct policy_name *names, size_t count, uint32_t action)
{
	bool passed = true;

	for (size_t i = 0; passed && i < count; i++) {
		int nr = call_number(ARCH_X86_64, names[i].text);

		passed = nr < 0 || seccomp_rule_add_exact(ctx, action, nr, 0) == 0;
	}
	return passed;
}

static bool libseccomp_lists(const struct policy *p, struct arena *arena, struct bpf_program *out)
{
	scmp_filter_ctx ctx = seccomp_init(p->default_action.value);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size = 0;
	/* a rule that says what the default says is an error to libseccomp */
	bool passed = ctx && fd >= 0 && add_names(ctx, p->deny, p->ndeny, SCMP_ACT_ERRNO(p->deny_errno)) &&
		      add_names(ctx, p->log, p->nlog, SCMP_ACT_LOG) &&
		      add_names(ctx, p->allow, p->nallow, SCMP_ACT_ALLOW) && seccomp_export_bpf(ctx, fd) == 0;

	if (passed)
		size = lseek(fd, 0, SEEK_END);
	out->count = (size_t)size / sizeof(*out->insns);
	out->insns = arena_alloc(arena, (size_t)size + 1);
	passed = passed && size > 0 && pread(fd, out->insns, (size_t)size, 0) == size;
	if (fd >= 0)
		close(fd);
	seccomp_release(ctx);
	return passed;
}

static bool libseccomp_agrees(struct compilation *c)
{
	struct bpf_program theirs;

	if (!libseccomp_lists(c->policy, c->arena, &theirs)) {
		tap_note("libseccomp does not take the lists");
		return false;
	}
	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		struct bpf_data d = {.nr = nr, .arch = K_AUDIT_ARCH_X86_64};
		uint32_t got, want = calls_answer(c->policy, ARCH_X86_64, &d);

		if (!syscall_name(ARCH_X86_64, (int)nr))
			continue; /* newer: libseccomp has no such action */
		got = bpf_simulate(&theirs, false, &d, NULL);
		if (got != want) {
			disagree(&d, "libseccomp", got, want);
			return false;
		}
	}
	return true;
}

static void test_policy(const char *path)
{
	struct compilation c;
	size_t filters = 0, inputs = 0;
	bool passed;

	compilation_begin(&c);
	for (c.narches = 0; c.narches < ARCHES; c.narches++)
		c.arches[c.narches] = (enum arch_id)c.narches;
	passed = compilation_run(&c, source_open(c.sources, c.diag, path));
	if (!passed)
		tap_note("%s", diag_text(c.diag));
	if (passed && !c.policy->has_seccomp) {
		tap_note("%s: no [seccomp]", path);
		compilation_end(&c);
		return;
	}
	passed = passed && every_filter_agrees(&c, &filters, &inputs);
	tap_ok(passed, "%s: rules and simulator agree, %zu filters, %zu inputs", path, filters, inputs);
	if (passed && !c.policy->ncalls)
		tap_ok(libseccomp_agrees(&c), "%s: libseccomp's program of its lists answers the same", path);
	compilation_end(&c);
}

static void test_tree(void)
{
	static const char *const patterns[] = {"policies/*.toml", "bench/policies/*.toml", "docs/examples/*.toml"};
	glob_t found = {0};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found);
	tap_ok(found.gl_pathc >= 6, "the tree has %zu policies", found.gl_pathc);
	for (size_t i = 0; i < found.gl_pathc; i++)
		test_policy(found.gl_pathv[i]);
	globfree(&found);
}

int main(int argc, char **argv)
{
	random_begin(argc > 1 ? argv[1] : NULL);
	test_live(argc > 2 ? strtoul(argv[2], NULL, 10) : POLICIES);
	test_tree();
	return tap_done();
}
