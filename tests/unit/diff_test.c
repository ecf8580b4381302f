/* SPDX-License-Identifier: MIT */
/*
 * llc-policy diff against brute force. Random pairs of policies are written as text and compiled; what they permit is
 * worked out from what was generated, path by path and port by port, for every Landlock ABI and every place that a slot
 * may have, and must be what diff_blobs() says. Random pairs of filters: every call that is answered differently must
 * be among the differences, every difference must be true of its example.
 *	diff_test [SEED [PAIRS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access.h"
#include "arena.h"
#include "bpf_compare.h"
#include "calls.h"
#include "compile.h"
#include "diff.h"
#include "filters.h"
#include "inspect.h"
#include "source.h"
#include "tap.h"

/* ---- filters ---- */

struct found {
	struct {
		uint32_t words[BPF_DATA_WORDS], before, after;
	} all[4096];
	size_t count;
};
static struct found found;

static void collect(void *context, const uint32_t words[BPF_DATA_WORDS], uint32_t before, uint32_t after,
		    bool by_arguments)
{
	struct found *f = context;

	(void)by_arguments;
	if (f->count == sizeof(f->all) / sizeof(*f->all))
		return;
	memcpy(f->all[f->count].words, words, sizeof(f->all->words));
	f->all[f->count].before = before;
	f->all[f->count++].after = after;
}

static struct bpf_data call_of(const uint32_t words[BPF_DATA_WORDS], bool big)
{
	struct bpf_data data = {.nr = words[0], .arch = words[1]};

	for (size_t i = 0; i < 6; i++) {
		const uint32_t *half = &words[K_SECCOMP_DATA_ARGS / 4 + 2 * i];
		data.args[i] = (uint64_t)half[!big] << 32 | half[big];
	}
	return data;
}

static bool examples_hold(const struct bpf_program *a, const struct bpf_program *b, bool big)
{
	for (size_t i = 0; i < found.count; i++) {
		struct bpf_data data = call_of(found.all[i].words, big);
		if (bpf_simulate(a, big, &data, NULL) != found.all[i].before ||
		    bpf_simulate(b, big, &data, NULL) != found.all[i].after ||
		    found.all[i].before == found.all[i].after) {
			tap_note("nr %x arch %x: %08x, %08x claimed", data.nr, data.arch, found.all[i].before,
				 found.all[i].after);
			return false;
		}
	}
	return true;
}

/* A call that is answered differently must be found when only its number and architecture are compared. */
static bool call_is_found(const struct bpf_program *a, const struct bpf_program *b, bool big,
			  const struct bpf_data *data)
{
	uint32_t before = bpf_simulate(a, big, data, NULL), after = bpf_simulate(b, big, data, NULL);
	struct bpf_calls calls = {.nr_known = true, .arch_known = true, .nr = data->nr, .arch = data->arch};

	if (before == after)
		return true;
	found.count = 0;
	if (!bpf_compare(a, b, &calls, collect, &found))
		return false;
	for (size_t i = 0; i < found.count; i++)
		if (found.all[i].before == before && found.all[i].after == after)
			return true;
	tap_note("nr %x arch %x: %08x -> %08x not found", data->nr, data->arch, before, after);
	return false;
}

/* One decision of a copy made otherwise, as an edit of a policy does. */
static void edit(struct filter *filter, struct rng *rng)
{
	struct filter_rule *rule;

	if (!filter->nrules || rng_below(rng, 8) == 0) {
		filter->default_action ^= 1;
		return;
	}
	rule = &filter->rules[rng_below(rng, (uint32_t)filter->nrules)];
	if (rule->nclauses && rule->clauses->nconds && rng_below(rng, 2))
		rule->clauses->conds->value ^= 1u << rng_below(rng, 8);
	else
		rule->action = rule->action == K_SECCOMP_RET_ALLOW ? K_SECCOMP_RET_ERRNO | 13 : K_SECCOMP_RET_ALLOW;
}

static bool compare_filters(struct rng *rng, unsigned pair)
{
	struct arena *arena = arena_create();
	const struct filter_shape shape = {.rules = 12, .numbers = 64, .clauses = 4, .actions = 4};
	enum arch_id arch = (enum arch_id)rng_below(rng, ARCHES);
	struct rng again = *rng;
	struct filter one = filter_random(arena, rng, arch, &shape), two;
	struct bpf_program a, b;
	bool fine = true, big = arch_rows[arch].big_endian, found_any, differs = false;

	if (pair % 2) {
		two = filter_random(arena, &again, arch, &shape);
		edit(&two, rng);
	} else {
		two = filter_random(arena, rng, arch, &shape);
	}
	if (bpf_assemble(arena, &one, &a) || bpf_assemble(arena, &two, &b)) {
		arena_destroy(&arena);
		return true; /* a condition of the edit that no argument can have */
	}
	found.count = 0;
	if (!bpf_compare(&a, &b, &(struct bpf_calls){0}, collect, &found) || !examples_hold(&a, &b, big))
		fine = false;
	found_any = found.count != 0;
	for (unsigned i = 0; fine && i < 300; i++) {
		struct bpf_data data = filter_probe(i % 2 ? &one : &two, rng);
		differs |= bpf_simulate(&a, big, &data, NULL) != bpf_simulate(&b, big, &data, NULL);
		fine = call_is_found(&a, &b, big, &data);
	}
	if (fine && differs && !found_any) {
		tap_note("the whole was compared and nothing found");
		fine = false;
	}
	arena_destroy(&arena);
	return fine;
}

/* ---- policies ---- */

#define SLOTS 2
static const char *const places[] = {"/", "/a", "/a/b", "/a/b/c", "/d", "/d/e", "/f"};
#define PLACES (sizeof(places) / sizeof(*places))
#define RULES  5
#define LAYERS 3
static const char *const slot_names[SLOTS] = {"${CWD}", "${HOME}"};
static const char *const slot_rests[] = {"", "/x", "/x/y"};
static const uint16_t ports[] = {0, 22, 80, 81, 443, 65535};
#define PORTS (sizeof(ports) / sizeof(*ports))
static const char *const calls[] = {"ptrace", "bpf", "mount", "socket", "kexec_load", "getpid"};
#define CALLS (sizeof(calls) / sizeof(*calls))

struct rule {
	int slot; /* -1: places[at]; else slot_rests[at] beneath it */
	unsigned at;
	uint64_t access;
};

struct model {
	struct {
		uint64_t handled;
		struct rule rules[RULES];
		unsigned nrules;
	} layers[LAYERS];
	unsigned nlayers;
	bool has_net, scope[2];
	uint64_t net[PORTS]; /* bits of NET_RIGHT() */
	bool denied[CALLS];
	char text[8192];
	size_t len;
};

static void put(struct model *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct model *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	m->len += (size_t)vsnprintf(m->text + m->len, sizeof(m->text) - m->len, format, args);
	va_end(args);
	if (m->len >= sizeof(m->text))
		abort();
}

static uint64_t random_rights(struct rng *rng, uint64_t from)
{
	uint64_t rights = rng_next(rng) & rng_next(rng) & from;

	return rights ? rights : from & -from;
}

static void invent_layer(struct model *m, struct rng *rng, unsigned layer, bool slots)
{
	uint64_t all = (UINT64_C(1) << 16) - 1;

	m->layers[layer].handled = random_rights(rng, all) | random_rights(rng, all);
	m->layers[layer].nrules = rng_below(rng, RULES + 1);
	for (unsigned i = 0; i < m->layers[layer].nrules; i++) {
		struct rule *rule = &m->layers[layer].rules[i];
		rule->slot = slots && rng_below(rng, 2) ? (int)rng_below(rng, SLOTS) : -1;
		rule->at = rng_below(rng, rule->slot < 0 ? PLACES : 3);
		rule->access = random_rights(rng, m->layers[layer].handled);
	}
}

static void invent(struct model *m, struct rng *rng, bool slots)
{
	memset(m, 0, sizeof(*m));
	m->nlayers = rng_below(rng, LAYERS + 1);
	for (unsigned i = 0; i < m->nlayers; i++)
		invent_layer(m, rng, i, slots);
	m->has_net = rng_below(rng, 2);
	for (unsigned i = 0; m->has_net && i < PORTS; i++)
		m->net[i] = rng_next(rng) & rng_next(rng) & 3;
	m->scope[0] = rng_below(rng, 2);
	m->scope[1] = rng_below(rng, 2);
	for (unsigned i = 0; i < CALLS; i++)
		m->denied[i] = !rng_below(rng, 3);
}

/* What a reviewer sees: one thing in it changed. */
static void change(struct model *m, struct rng *rng, bool slots)
{
	unsigned what = rng_below(rng, 6), i;

	if (what == 0 && m->nlayers) {
		invent_layer(m, rng, rng_below(rng, m->nlayers), slots);
	} else if (what == 1 && m->nlayers) {
		i = rng_below(rng, m->nlayers);
		if (m->layers[i].nrules)
			m->layers[i].rules[rng_below(rng, m->layers[i].nrules)].access =
				random_rights(rng, m->layers[i].handled);
	} else if (what == 2 && m->has_net) {
		m->net[rng_below(rng, PORTS)] ^= 1 + rng_below(rng, 3);
	} else if (what == 3) {
		m->scope[rng_below(rng, 2)] ^= 1;
	} else if (what == 4) {
		m->denied[rng_below(rng, CALLS)] ^= 1;
	} else if (m->nlayers) {
		m->nlayers--;
	}
}

static void put_names(struct model *m, const char *key, uint64_t rights, const char *(*name)(unsigned bit))
{
	const char *comma = "";

	put(m, "%s = [", key);
	for (unsigned bit = 0; rights >> bit; bit++)
		if (rights >> bit & 1) {
			put(m, "%s\"%s\"", comma, name(bit));
			comma = ", ";
		}
	put(m, "]\n");
}

static void write_layers(struct model *m)
{
	for (unsigned layer = 0; layer < m->nlayers; layer++) {
		put(m, "[[fs_layer]]\n");
		put_names(m, "handled_access_fs", m->layers[layer].handled, fs_right_name);
		for (unsigned i = 0; i < m->layers[layer].nrules; i++) {
			const struct rule *rule = &m->layers[layer].rules[i];
			put(m, "[[fs_layer.rule]]\npath = \"%s%s\"\n", rule->slot < 0 ? "" : slot_names[rule->slot],
			    rule->slot < 0 ? places[rule->at] : slot_rests[rule->at]);
			put_names(m, "allowed_access", rule->access, fs_right_name);
		}
	}
}

static void write_text(struct model *m)
{
	const char *comma = "";

	m->len = 0;
	put(m, "version = 1\n[policy]\ncompat = \"best-effort\"\nmin_abi = 0\n");
	put(m, "[scope]\nabstract_unix_socket = %s\nsignal = %s\n", m->scope[0] ? "true" : "false",
	    m->scope[1] ? "true" : "false");
	put(m, "[seccomp]\ndeny = [\"reboot\"");
	for (unsigned i = 0; i < CALLS; i++)
		if (m->denied[i])
			put(m, ", \"%s\"", calls[i]);
	put(m, "]\n");
	if (m->has_net) {
		put(m, "[net]\nudp = \"allow\"\n");
		for (unsigned right = 0; right < 2; right++) {
			put(m, "%s = [", right ? "connect_tcp" : "bind_tcp");
			comma = "";
			for (unsigned i = 0; i < PORTS; i++)
				if (m->net[i] >> right & 1) {
					put(m, "%s%u", comma, ports[i]);
					comma = ", ";
				}
			put(m, "]\n");
		}
	}
	write_layers(m);
}

/* ---- brute force ---- */

/* A slot's place: 0 elsewhere, else places[n - 1] or, beyond those, beneath the other slot. */
struct placing {
	char at[SLOTS][64];
};

static bool lies_beneath(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	return !strcmp(parent, "/") || (!strncmp(path, parent, len) && (!path[len] || path[len] == '/'));
}

static uint64_t model_permits(const struct model *m, const struct placing *placing, unsigned row, const char *path)
{
	uint64_t known = abi_fs_mask(row) | FS_RIGHT(refer), rights = known;

	for (unsigned i = 0; i < m->nlayers; i++) {
		uint64_t handled = m->layers[i].handled & abi_fs_mask(row), granted = 0;
		for (unsigned r = 0; r < m->layers[i].nrules; r++) {
			const struct rule *rule = &m->layers[i].rules[r];
			char full[96];
			snprintf(full, sizeof(full), "%s%s", rule->slot < 0 ? "" : placing->at[rule->slot],
				 rule->slot < 0 ? places[rule->at] : slot_rests[rule->at]);
			if (lies_beneath(path, full))
				granted |= rule->access;
		}
		if (row == 1 && handled) {
			handled |= FS_RIGHT(refer);
			granted &= ~FS_RIGHT(refer);
		}
		rights &= ~handled | granted;
	}
	return rights;
}

struct tally {
	uint64_t fs[ABI_ROWS], net[ABI_ROWS], scope[ABI_ROWS];
	bool calls[ABI_ROWS];
};

/* Every node of every root, so every region. */
static void tally_files(const struct model *m, const struct model *n, const struct placing *placing,
			struct tally *gained)
{
	char path[128];

	for (unsigned row = 0; row < ABI_ROWS; row++) {
		for (unsigned i = 0; i < PLACES; i++)
			gained->fs[row] |= model_permits(n, placing, row, places[i]) &
					   ~model_permits(m, placing, row, places[i]);
		for (unsigned s = 0; s < SLOTS; s++)
			for (unsigned r = 0; r < 3; r++) {
				snprintf(path, sizeof(path), "%s%s", placing->at[s], slot_rests[r]);
				gained->fs[row] |=
					model_permits(n, placing, row, path) & ~model_permits(m, placing, row, path);
			}
	}
}

/* All places: each slot elsewhere, beneath each absolute path, and the second beneath each path of the first. */
static void tally_places(const struct model *m, const struct model *n, bool slots, struct tally *gained)
{
	struct placing placing;

	for (unsigned first = 0; first <= (slots ? PLACES : 0); first++)
		for (unsigned second = 0; second <= (slots ? PLACES + 3 : 0); second++) {
			snprintf(placing.at[0], sizeof(placing.at[0]), "%s/one",
				 first > 1 ? places[first - 1]
				 : first   ? ""
					   : "/elsewhere");
			if (second > PLACES)
				snprintf(placing.at[1], sizeof(placing.at[1]), "%.40s%s/two", placing.at[0],
					 slot_rests[second - PLACES - 1]);
			else
				snprintf(placing.at[1], sizeof(placing.at[1]), "%s/two",
					 second > 1 ? places[second - 1]
					 : second   ? ""
						    : "/nowhere");
			tally_files(m, n, &placing, gained);
		}
	if (!slots)
		return;
	/* and the first beneath the second */
	for (unsigned second = 0; second <= PLACES; second++)
		for (unsigned rest = 0; rest < 3; rest++) {
			snprintf(placing.at[1], sizeof(placing.at[1]), "%s/two",
				 second > 1 ? places[second - 1]
				 : second   ? ""
					    : "/nowhere");
			snprintf(placing.at[0], sizeof(placing.at[0]), "%.40s%s/one", placing.at[1],
				 slot_rests[rest]);
			tally_files(m, n, &placing, gained);
		}
}

static void tally_rest(const struct model *m, const struct model *n, struct tally *gained)
{
	for (unsigned row = 0; row < ABI_ROWS; row++) {
		uint64_t known = abi_net_mask(row) & 3;
		for (unsigned i = 0; i <= PORTS; i++) { /* the last stands for ports that are not listed */
			uint64_t was = m->has_net && row >= 4 ? i < PORTS ? m->net[i] : 0 : known;
			uint64_t is = n->has_net && row >= 4 ? i < PORTS ? n->net[i] : 0 : known;
			gained->net[row] |= is & ~was & known;
		}
		for (unsigned i = 0; row >= 6 && i < 2; i++)
			if (m->scope[i] && !n->scope[i])
				gained->scope[row] |= UINT64_C(1) << i;
		for (unsigned i = 0; i < CALLS; i++)
			gained->calls[row] |= m->denied[i] && !n->denied[i];
	}
}

/* ---- what diff says ---- */

static void tally_diff(const struct diff *diff, enum diff_way way, struct tally *said)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_item *item = &diff->items[i];
		for (unsigned row = 0; row < ABI_ROWS; row++) {
			if (item->way != way || !(item->rows >> row & 1))
				continue;
			if (!strcmp(item->area, "fs"))
				said->fs[row] |= item->rights;
			else if (!strcmp(item->area, "net"))
				said->net[row] |= item->rights & 3;
			else if (!strcmp(item->area, "scope"))
				said->scope[row] |= item->rights;
			else if (!strcmp(item->area, "syscall"))
				for (unsigned call = 0; call < CALLS; call++)
					said->calls[row] |= strstr(item->text, calls[call]) != NULL;
		}
	}
}

static bool compile(struct compilation *c, struct model *m, struct blob *blob)
{
	compilation_begin(c);
	diag_show(c->diag, SEVERITY_ERROR);
	for (int i = 0; i < CHECKS; i++)
		diag_set_severity(c->diag, (enum check_id)i, SEVERITY_OFF);
	c->arches[0] = ARCH_X86_64;
	c->narches = 1;
	write_text(m);
	if (compilation_run(c, source_from_memory(c->sources, "policy", m->text, m->len)) &&
	    !blob_open(blob, c->blob, c->blob_size))
		return true;
	tap_note("%s", diag_text(c->diag));
	return false;
}

/* Companion filters come and go with the Landlock part, so of calls only presence is compared. */
static bool same_tally(const struct tally *brute, const struct tally *said, const char *way)
{
	for (unsigned row = 0; row < ABI_ROWS; row++)
		if (brute->fs[row] != said->fs[row] || brute->net[row] != said->net[row] ||
		    brute->scope[row] != said->scope[row] || (brute->calls[row] && !said->calls[row])) {
			tap_note("%s, ABI %u: fs %llx brute force, %llx said; net %llx, %llx; scope %llx, %llx; "
				 "calls %d, %d",
				 way, row, (unsigned long long)brute->fs[row], (unsigned long long)said->fs[row],
				 (unsigned long long)brute->net[row], (unsigned long long)said->net[row],
				 (unsigned long long)brute->scope[row], (unsigned long long)said->scope[row],
				 brute->calls[row], said->calls[row]);
			return false;
		}
	return true;
}

static bool compare_policies(struct rng *rng, unsigned pair)
{
	static struct model one, two;
	struct compilation c, d;
	struct blob old, new;
	struct diff diff = {.arena = arena_create(), .old = &old, .new = &new};
	struct tally brute[2], said[2];
	bool slots = pair % 3 == 0, fine;

	memset(brute, 0, sizeof(brute));
	memset(said, 0, sizeof(said));
	invent(&one, rng, slots);
	if (pair % 2) {
		two = one;
		change(&two, rng, slots);
	} else {
		invent(&two, rng, slots);
	}
	fine = compile(&c, &one, &old);
	fine = compile(&d, &two, &new) && fine;
	if (fine) {
		diff_blobs(&diff);
		tally_places(&one, &two, slots, &brute[0]);
		tally_places(&two, &one, slots, &brute[1]);
		tally_rest(&one, &two, &brute[0]);
		tally_rest(&two, &one, &brute[1]);
		tally_diff(&diff, DIFF_WIDENED, &said[0]);
		tally_diff(&diff, DIFF_NARROWED, &said[1]);
		fine = same_tally(&brute[0], &said[0], "widened") && same_tally(&brute[1], &said[1], "narrowed");
	}
	if (!fine)
		tap_note("%s---\n%s", one.text, two.text);
	compilation_end(&c);
	compilation_end(&d);
	arena_destroy(&diff.arena);
	return fine;
}

/* Brute force is slow where every access is checked, and proves the same arithmetic there. */
#ifdef __SANITIZE_ADDRESS__
#define PAIRS 100
#else
#define PAIRS 2000
#endif

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	unsigned pairs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : PAIRS, done;
	struct rng rng = {seed ? seed : 1};

	tap_note("seed %llu", (unsigned long long)seed);
	for (done = 0; done < pairs && compare_policies(&rng, done);)
		done++;
	tap_ok(done == pairs, "%u pairs of policies: what widened and narrowed is what brute force finds", pairs);
	for (done = 0; done < pairs && compare_filters(&rng, done);)
		done++;
	tap_ok(done == pairs, "%u pairs of filters: every different answer is found, every example is true", pairs);
	return tap_done();
}
