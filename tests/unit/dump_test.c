/* SPDX-License-Identifier: MIT */
/*
 * The dumper on blobs that no compiler wrote: random changes under a correct checksum. Whatever blob_open() accepts must
 * be shown, in every form, without a fault (make check-asan runs this program with sanitizers), and without a byte that
 * a terminal would act on. And the flow analysis of filters against the simulator, call by call.
 */
#include "dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "inspect.h"
#include "mkblob.h"
#include "random.h"
#include "tap.h"

static const char *const seeds[] = {
	"name full\nlayers 2\nhandled 0 all all all\nhandled 1 ro none none\nslot work arg dir\n"
	"slot home env:HOME dir optional default=/tmp\npath 0 rox /usr\npath 0 rw build slot=0 keep\n"
	"path 0 ro nested/dir rule=1 optional\npath 1 ro /run/user/%01 uid\nport 0 3 443\ndeny 101 1\nenv pass PATH\n"
	"env prefix LC_\nenv set CI=1\nclose_fds\numask 022\nkeep 5\ndrop 0x200000\nguarantee fs firm 011111111111\n"
	"guarantee seccomp firm 222222222222\nloss 0 1 refer\nrefuse 0\nmin_abi 1\n",
	"allow_filter\nlayers 1\nhandled 0 rw none none\npath 0 ro /\n",
	"plans 1\nbest-effort\nguarantee fs firm 0\n",
	"foreign_filter\nlayers 16\nstripped\n",
};
#define SEEDS (sizeof(seeds) / sizeof(seeds[0]))

/* Small numbers meet limits and indices more often than random ones. */
static void change(unsigned char *blob, size_t size)
{
	static const uint32_t values[] = {0, 1, 2, 3, 6, 8, 16, 0x7fff0000, 0x80000000, UINT32_MAX, 0x80, 0x1b, 0xff};
	uint32_t value = below(2) ? values[below(sizeof(values) / sizeof(values[0]))] : below(UINT32_MAX);
	size_t width = below(2) ? 1 : 4, at = below((uint32_t)(size / width)) * width;

	memcpy(blob + at, &value, width);
}

/* Nothing but newline below 0x20: what a blob says must not move a cursor. */
static bool clean(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			return false;
	return true;
}

static bool show(const struct blob *blob)
{
	char *text = NULL, *json = NULL, *toml = NULL;
	size_t text_size = 0, json_size = 0, toml_size = 0;
	FILE *out = open_memstream(&text, &text_size);
	bool fine;

	dump_text(out, blob, true);
	fclose(out);
	out = open_memstream(&json, &json_size);
	fine = dump_json(out, blob, true);
	fclose(out);
	out = open_memstream(&toml, &toml_size);
	const char *why = dump_toml(out, blob);
	fclose(out);
	fine = fine && text_size && json_size && (why ? !toml_size : toml_size != 0) && clean(text, text_size) &&
	       clean(json, json_size) && clean(toml, toml_size);
	free(text);
	free(json);
	free(toml);
	return fine;
}

static void changed_blobs(unsigned rounds)
{
	unsigned accepted = 0, wrong = 0;

	for (unsigned i = 0; i < rounds; i++) {
		size_t size;
		unsigned char *blob = mkblob(seeds[i % SEEDS], &size);
		struct blob open;

		for (uint32_t n = 1 + below(3); n; n--)
			change(blob, size);
		mkblob_seal(blob, size);
		if (!blob_open(&open, blob, size)) {
			accepted++;
			wrong += !show(&open);
		}
		free(blob);
	}
	tap_note("%u of %u changed blobs were accepted", accepted, rounds);
	tap_ok(accepted > rounds / 50 && !wrong, "every accepted blob is shown in every form");
}

static void good_blobs(void)
{
	for (size_t i = 0; i < SEEDS; i++) {
		size_t size;
		unsigned char *blob = mkblob(seeds[i], &size);
		struct blob open;
		tap_ok(!blob_open(&open, blob, size) && show(&open), "unchanged blob %zu is shown in every form", i);
		free(blob);
	}
}

static struct k_sock_filter random_insn(uint32_t left)
{
	static const uint16_t codes[] = {K_BPF_LD_W_ABS, K_BPF_JA,     K_BPF_JEQ_K, K_BPF_JGT_K,
					 K_BPF_JGE_K,    K_BPF_JSET_K, K_BPF_AND_K, K_BPF_RET_K};
	struct k_sock_filter insn = {.code = codes[left > 1 ? below(8) : 7]};

	insn.k = below(8);
	if (insn.code == K_BPF_LD_W_ABS)
		insn.k = below(8) * 4;
	else if (insn.code == K_BPF_JA)
		insn.k = below(left - 1);
	else if (insn.code == K_BPF_RET_K)
		insn.k = below(4) ? K_SECCOMP_RET_ERRNO | below(5) : K_SECCOMP_RET_ALLOW;
	else if (insn.code != K_BPF_AND_K) {
		insn.jt = (uint8_t)below(left - 1 < 6 ? left - 1 : 6);
		insn.jf = (uint8_t)below(left - 1 < 6 ? left - 1 : 6);
	}
	return insn;
}

static bool foretold(const struct verdicts *verdicts, uint32_t action)
{
	for (size_t i = 0; i < verdicts->count; i++)
		if (verdicts->action[i] == action)
			return true;
	return verdicts->overflow;
}

/* Every answer of the simulator is foretold; a single foretold answer is the answer. */
static void analysis(unsigned rounds)
{
	struct k_sock_filter insns[24];
	unsigned missed = 0, single = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct bpf_program program = {insns, 1 + below(24)};
		struct bpf_scope scope = {true, below(8), below(8)};
		struct verdicts verdicts = {0};

		for (size_t k = 0; k < program.count; k++)
			insns[k] = random_insn((uint32_t)(program.count - k));
		if (!bpf_valid(insns, program.count))
			continue;
		filter_verdicts(&program, &scope, &verdicts);
		single += verdicts.count == 1;
		for (unsigned k = 0; k < 8; k++) {
			struct bpf_data data = {.nr = scope.nr,
						.arch = scope.arch,
						.ip = below(8),
						.args = {below(8), below(8), below(8)}};
			missed += !foretold(&verdicts, bpf_simulate(&program, false, &data, NULL));
		}
	}
	tap_note("%u programs, %u with one answer", rounds, single);
	tap_ok(!missed && single > rounds / 10, "the analysis foretells what the simulator answers");
}

int main(void)
{

	random_begin(NULL);
	good_blobs();
	changed_blobs(4000);
	analysis(20000);
	return tap_done();
}
