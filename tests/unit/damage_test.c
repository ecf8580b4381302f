/* SPDX-License-Identifier: MIT */
/*
 * Damage: every truncation and every single-bit flip of every starter policy's blob is refused by the reader; 2,000 of
 * them by the real llrun with exit status 125. With the checksum made right again (what an attacker would do), whatever
 * the reader accepts is walked by the dumper. `make check` runs this under AddressSanitizer and UBSan.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blob.h"
#include "compile.h"
#include "dump.h"
#include "source.h"
#include "random.h"
#include "tap.h"

#define PROCESSES 2000
#define FORGERIES 60 /* per policy */

static char llrun[4096], file[] = "/tmp/damage-test-XXXXXX";

/* A buffer of exactly `size` bytes, so that a read beyond it is seen. */
static uint8_t *copy(const uint8_t *bytes, size_t size)
{
	uint8_t *out = malloc(size ? size : 1);

	if (!out)
		exit(1);
	memcpy(out, bytes, size);
	return out;
}

static bool refused(const uint8_t *bytes, size_t size)
{
	struct blob blob;

	return blob_open(&blob, bytes, size) != NULL;
}

static size_t accepted_truncations(const uint8_t *bytes, size_t size)
{
	size_t accepted = 0;

	for (size_t n = 0; n < size; n++) {
		uint8_t *cut = copy(bytes, n);
		accepted += !refused(cut, n);
		free(cut);
	}
	return accepted;
}

static size_t accepted_flips(const uint8_t *bytes, size_t size)
{
	uint8_t *flipped = copy(bytes, size);
	size_t accepted = 0;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
		accepted += !refused(flipped, size);
		flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	accepted += refused(flipped, size); /* the undamaged blob is good */
	free(flipped);
	return accepted;
}

static void walk(const struct blob *blob, FILE *sink)
{
	dump_text(sink, blob, true);
	dump_json(sink, blob, false);
	dump_toml(sink, blob);
	rewind(sink);
}

/* Bit flips and random words with a right checksum. Returns how many the reader accepted. */
static size_t forge(const uint8_t *bytes, size_t size, FILE *sink)
{
	uint8_t *forged = copy(bytes, size);
	size_t accepted = 0;

	for (unsigned i = 0; i < FORGERIES; i++) {
		size_t at = (size_t)random_bits() % (size / 8);
		uint64_t word, sum;
		struct blob blob;
		memcpy(&word, forged + 8 * at, 8);
		word ^= random_bits() % 4 ? UINT64_C(1) << (random_bits() % 64) : random_bits();
		memcpy(forged + 8 * at, &word, 8);
		sum = llpb_checksum((const uint64_t *)(const void *)forged, size / 8, LLPB_CHECKSUM_WORD);
		memcpy(forged + 8 * LLPB_CHECKSUM_WORD, &sum, 8);
		if (!blob_open(&blob, forged, size)) {
			accepted++;
			walk(&blob, sink);
		}
		memcpy(forged, bytes, size);
	}
	free(forged);
	return accepted;
}

static int run_llrun(const uint8_t *bytes, size_t size)
{
	int status, fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd))
		exit(1);
	pid_t pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 2);
		execl(llrun, llrun, file, "--", "/bin/true", (char *)NULL);
		_exit(99);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(1);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Flips and truncations at random through the real launcher. */
static size_t not_125(const uint8_t *bytes, size_t size, size_t count)
{
	uint8_t *damaged = copy(bytes, size);
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = (size_t)random_bits() % size, n = i % 2 ? size : at;
		damaged[at] ^= (uint8_t)(1u << random_bits() % 8);
		wrong += run_llrun(damaged, n) != 125;
		damaged[at] = bytes[at];
	}
	free(damaged);
	return wrong;
}

static bool opens(const uint8_t *bytes, size_t size, uint32_t features, uint32_t spaces)
{
	uint8_t *forged = copy(bytes, size);
	struct llpb_header *header = (void *)forged;
	struct llpb_mount *view = (void *)(forged + header->section[LLPB_S_MOUNTS].off);

	header->features &= ~features;
	view->spaces &= ~spaces;
	header->checksum = llpb_checksum((const void *)forged, size / 8, LLPB_CHECKSUM_WORD);
	struct blob blob;
	bool ok = !blob_open(&blob, forged, size);
	/* named here, so that the checks of the broker's section, which llrun does without, are linked */
	ok = ok && blob_notify(&blob, K_AUDIT_ARCH_X86_64);
	free(forged);
	return ok;
}

/* Mounts at run time without a namespace for them: a broker of root's would make them on the host. */
static void try_contradictions(void)
{
	static const char text[] = "version = 1\n[fs]\nro = [\"/usr\"]\n[net]\nisolate = true\n"
				   "[broker]\nmount_tmpfs = [\"/mnt\"]\n";
	struct compilation c;

	compilation_begin(&c);
	if (tap_ok(compilation_run(&c, source_from_memory(c.sources, "text", text, sizeof(text) - 1)),
		   "a policy with mounts at run time compiles")) {
		tap_ok(opens(c.blob, c.blob_size, 0, 0), "its blob is accepted, with the checksum computed anew");
		tap_ok(opens(c.blob, c.blob_size, 0, K_CLONE_NEWNET), "without a network namespace, too");
		tap_ok(!opens(c.blob, c.blob_size, 0, K_CLONE_NEWNS), "not without a mount namespace");
		tap_ok(!opens(c.blob, c.blob_size, LLPB_F_BROKER, 0), "nor without the broker's feature bit");
		tap_ok(!opens(c.blob, c.blob_size, LLPB_F_MOUNTS, 0), "nor without the mounts'");
	}
	compilation_end(&c);
}

static void try_policy(const char *path, size_t processes, FILE *sink)
{
	struct compilation c;
	size_t wrong;

	compilation_begin(&c);
	if (!tap_ok(compilation_run(&c, source_open(c.sources, c.diag, path)), "%s compiles", path)) {
		tap_note("%s", diag_text(c.diag));
		compilation_end(&c);
		return;
	}
	wrong = accepted_truncations(c.blob, c.blob_size);
	tap_ok(!wrong, "%s: all %zu truncations are refused", path, c.blob_size);
	wrong = accepted_flips(c.blob, c.blob_size);
	tap_ok(!wrong, "%s: all %zu bit flips are refused", path, 8 * c.blob_size);
	wrong = forge(c.blob, c.blob_size, sink);
	tap_ok(true, "%s: of %d forgeries the reader accepted %zu, and the dumper walked them", path, FORGERIES,
	       wrong);
	wrong = not_125(c.blob, c.blob_size, processes);
	tap_ok(!wrong, "%s: llrun answers 125 to %zu damaged blobs", path, processes);
	compilation_end(&c);
}

int main(void)
{
	const char *build = getenv("LLRUN_BUILD") ? getenv("LLRUN_BUILD") : getenv("B") ? getenv("B") : "build";
	glob_t policies;
	FILE *sink = tmpfile();
	int fd = mkstemp(file);

	random_begin(NULL);
	snprintf(llrun, sizeof(llrun), "%s/llrun", build);
	if (!sink || fd < 0 || glob("policies/*.toml", 0, NULL, &policies) || access(llrun, X_OK)) {
		tap_ok(false, "policies/*.toml and %s are there", llrun);
		return tap_done();
	}
	close(fd);
	try_contradictions();
	for (size_t i = 0; i < policies.gl_pathc; i++)
		try_policy(policies.gl_pathv[i], (PROCESSES + policies.gl_pathc - 1) / policies.gl_pathc, sink);
	globfree(&policies);
	fclose(sink);
	unlink(file);
	return tap_done();
}
