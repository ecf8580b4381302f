/* SPDX-License-Identifier: MIT */
/*
 * A model of Landlock's decision against the live kernel: random policies, random operations, compiled and run for
 * real. The model works on the policy as generated, textually, and shares no code with the compiler's lowering.
 *
 *     SEED=n PAIRS=n build/tests/model_test
 *
 * Rules of the model (Documentation/userspace-api/landlock.rst; security/landlock/fs.c):
 *   - within a layer the grants on a path and on all its parents add up; every layer must agree;
 *   - rename and link into another directory need refer in both directories, and the moved object must not gain a
 *     right (EXDEV); a missing remove or make right comes first (EACCES).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "live.h"
#include "random.h"
#include "tap.h"

#define MAX_RULES      6
#define MAX_LAYERS     3
#define OPS_PER_POLICY 16

static const char *const dirs[] = {"/a", "/a/b", "/a/b/c", "/d", "/d/e", "/f"};
#define NDIRS (sizeof(dirs) / sizeof(dirs[0]))

struct rule {
	unsigned dir;
	uint64_t access;
};

struct layer {
	bool plain;
	uint64_t handled;
	struct rule rules[MAX_RULES];
	unsigned nrules;
};

struct model {
	struct layer layers[MAX_LAYERS];
	unsigned nlayers, abi;
	bool denies_truncate; /* the companion filter below ABI 3 */
};

enum expect { ALLOWED, DENIED, CROSSED }; /* 0, EACCES, EXDEV */

struct operation {
	const char *name;
	enum expect expect;
	char text[400];
};

/* ---- the model ---- */

static bool lies_beneath(unsigned dir, unsigned parent)
{
	size_t len = strlen(dirs[parent]);

	return !strncmp(dirs[dir], dirs[parent], len) && (!dirs[dir][len] || dirs[dir][len] == '/');
}

/* What one layer permits in a directory; what it does not handle is permitted. */
static uint64_t permitted(const struct model *m, const struct layer *layer, unsigned dir)
{
	uint64_t known = abi_fs_mask(m->abi), handled = layer->handled & known, granted = 0;

	for (unsigned i = 0; i < layer->nrules; i++)
		if (lies_beneath(dir, layer->rules[i].dir))
			granted |= layer->rules[i].access;
	/* refer: denied unless granted by a layer that speaks of it; below ABI 2 nothing can grant it */
	if (layer->plain || layer->handled & FS_RIGHT(refer))
		handled |= FS_RIGHT(refer);
	if (m->abi < 2) {
		handled |= FS_RIGHT(refer);
		granted &= ~FS_RIGHT(refer);
	}
	return granted | ~handled;
}

static bool permits(const struct model *m, unsigned dir, uint64_t rights)
{
	for (unsigned i = 0; i < m->nlayers; i++)
		if (rights & ~permitted(m, &m->layers[i], dir))
			return false;
	return true;
}

/* The moved object has no rule of its own here: what its new place permits must be permitted at the old one. */
static bool gains(const struct model *m, unsigned from, unsigned to, bool directory)
{
	uint64_t relevant = directory ? abi_fs_mask(m->abi) : abi_fs_mask(m->abi) & FS_FILE_RIGHTS;

	for (unsigned i = 0; i < m->nlayers; i++) {
		uint64_t handled = (m->layers[i].handled | FS_RIGHT(refer)) & relevant;
		if (permitted(m, &m->layers[i], to) & ~permitted(m, &m->layers[i], from) & handled)
			return true;
	}
	return false;
}

static enum expect moved(const struct model *m, unsigned from, unsigned to, uint64_t leave, uint64_t arrive,
			 bool directory)
{
	if (!permits(m, from, leave) || !permits(m, to, arrive))
		return DENIED;
	if (from == to)
		return ALLOWED;
	if (!permits(m, from, FS_RIGHT(refer)) || !permits(m, to, FS_RIGHT(refer)) || gains(m, from, to, directory))
		return CROSSED;
	return ALLOWED;
}

/* ---- operations: each on objects of its own ---- */

enum subject { ON_FILE, ON_DIR, ON_NOTHING };

static const struct single {
	const char *name;
	enum subject subject;
	uint64_t rights;
	const char *before, *after; /* words around the path */
} singles[] = {
	{"read", ON_FILE, FS_RIGHT(read_file), "", ""},
	{"write", ON_FILE, FS_RIGHT(write_file), "", ""},
	{"append", ON_FILE, FS_RIGHT(write_file), "", ""},
	{"open-trunc", ON_FILE, FS_RIGHT(write_file) | FS_RIGHT(truncate), "", ""},
	{"truncate", ON_FILE, FS_RIGHT(truncate), "", ""},
	{"ftruncate", ON_FILE, FS_RIGHT(write_file) | FS_RIGHT(truncate), "", ""},
	{"unlink", ON_FILE, FS_RIGHT(remove_file), "", ""},
	{"exec", ON_FILE, FS_RIGHT(execute) | FS_RIGHT(read_file), "", " exit 0"},
	{"list", ON_DIR, FS_RIGHT(read_dir), "", ""},
	{"rmdir", ON_DIR, FS_RIGHT(remove_dir), "", ""},
	{"create", ON_NOTHING, FS_RIGHT(make_reg) | FS_RIGHT(write_file), "", ""},
	{"mkreg", ON_NOTHING, FS_RIGHT(make_reg), "", ""},
	{"mkdir", ON_NOTHING, FS_RIGHT(make_dir), "", ""},
	{"mkfifo", ON_NOTHING, FS_RIGHT(make_fifo), "", ""},
	{"mksock", ON_NOTHING, FS_RIGHT(make_sock), "", ""},
	{"symlink", ON_NOTHING, FS_RIGHT(make_sym), "nowhere ", ""},
};
#define NSINGLES (sizeof(singles) / sizeof(singles[0]))

static bool make_subject(enum subject subject, const char *name, const char *path)
{
	if (subject == ON_DIR)
		return !mkdir(path, 0755);
	if (subject == ON_NOTHING)
		return true;
	if (!strcmp(name, "exec"))
		return live_copy(live_probe, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool fine = fd >= 0 && write(fd, "0123456789", 10) == 10;
	if (fd >= 0)
		close(fd);
	return fine;
}

static bool single_operation(const struct model *m, unsigned number, struct operation *op)
{
	const struct single *s = &singles[below(NSINGLES)];
	unsigned dir = below(NDIRS);
	uint64_t rights;
	char path[80];

	/* ftruncate needs a descriptor opened for writing: where there can be none, ask for that */
	while (!strcmp(s->name, "ftruncate") && !permits(m, dir, FS_RIGHT(write_file)))
		s = &singles[below(NSINGLES)];
	rights = s->rights;
	snprintf(path, sizeof(path), "%s%s/o%u", live_root, dirs[dir], number);
	op->name = s->name;
	op->expect = permits(m, dir, rights) ? ALLOWED : DENIED;
	if (m->denies_truncate && !strcmp(s->name, "truncate"))
		op->expect = DENIED;
	snprintf(op->text, sizeof(op->text), "%s %s%s%s", s->name, s->before, path, s->after);
	return make_subject(s->subject, s->name, path);
}

static bool moving_operation(const struct model *m, unsigned number, struct operation *op)
{
	unsigned from = below(NDIRS), to = below(3) ? below(NDIRS) : from;
	bool link = !below(3), directory = !link && !below(3);
	uint64_t leave = link ? 0 : directory ? FS_RIGHT(remove_dir) : FS_RIGHT(remove_file);
	uint64_t arrive = directory ? FS_RIGHT(make_dir) : FS_RIGHT(make_reg);
	char path[80];

	snprintf(path, sizeof(path), "%s%s/o%u", live_root, dirs[from], number);
	op->name = link ? "link" : "rename";
	op->expect = moved(m, from, to, leave, arrive, directory);
	snprintf(op->text, sizeof(op->text), "%s %s %s%s/n%u", op->name, path, live_root, dirs[to], number);
	return make_subject(directory ? ON_DIR : ON_FILE, op->name, path);
}

/* ---- policies ---- */

static void random_layer(struct layer *layer, bool plain)
{
	*layer = (struct layer){.plain = plain, .nrules = below(MAX_RULES)};
	layer->handled = plain ? abi_fs_mask(7) : random_rights();
	if (!(layer->handled & abi_fs_mask(1)))
		layer->handled |= FS_RIGHT(read_dir);
	for (unsigned i = 0; i < layer->nrules; i++) {
		layer->rules[i] = (struct rule){below(NDIRS), random_rights() & layer->handled};
		if (!layer->rules[i].access)
			layer->rules[i].access = layer->handled & -layer->handled;
	}
}

static void print_layer(FILE *out, const struct layer *layer)
{
	uint64_t start = (FS_RIGHT(execute) | FS_RIGHT(read_file)) & layer->handled;

	if (layer->plain) {
		fputs("[fs]\n", out);
	} else {
		fputs("[[fs_layer]]\nhandled_access_fs = ", out);
		put_rights(out, layer->handled);
	}
	for (unsigned i = 0; i < layer->nrules; i++) {
		fprintf(out, "[[%s.rule]]\npath = \"%s%s\"\n%s = ", layer->plain ? "fs" : "fs_layer", live_root,
			dirs[layer->rules[i].dir], layer->plain ? "access" : "allowed_access");
		put_rights(out, layer->rules[i].access);
	}
	if (start) {
		fprintf(out, "[[%s.rule]]\npath = \"%s\"\n%s = ", layer->plain ? "fs" : "fs_layer", live_probe,
			layer->plain ? "access" : "allowed_access");
		put_rights(out, start);
	}
}

static char *random_policy(struct model *m, unsigned host, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	uint64_t handled = 0;

	*m = (struct model){.nlayers = 1 + below(MAX_LAYERS), .abi = 1 + below(host)};
	/* best-effort: rows on which a guarantee is lost run too, and the model knows what is lost there */
	fprintf(out, "version = 1\n[policy]\ncompat = \"best-effort\"\n");
	for (unsigned i = 0; i < m->nlayers; i++) {
		random_layer(&m->layers[i], !i && below(2));
		print_layer(out, &m->layers[i]);
		handled |= m->layers[i].handled;
	}
	m->denies_truncate = m->abi < 3 && handled & FS_RIGHT(truncate) && handled & FS_RIGHT(write_file);
	fclose(out);
	return text;
}

static void make_tree(void)
{
	char path[80];

	for (unsigned i = 0; i < NDIRS; i++) {
		snprintf(path, sizeof(path), "%s%s", live_root, dirs[i]);
		if (mkdir(path, 0755)) {
			perror(path);
			exit(1);
		}
	}
}

static void remove_tree(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'/[adf]", live_root);
	if (system(command))
		exit(1);
}

/* One policy and its operations; returns the number of differences. */
static unsigned try_policy(unsigned host, unsigned counts[3])
{
	static const char *const answers[] = {"allowed", "EACCES", "EXDEV"};
	struct operation ops[OPS_PER_POLICY];
	struct model m;
	char blob[64], answer[LIVE_ANSWER];
	size_t size;
	const char *lines[OPS_PER_POLICY];
	unsigned differences = 0;
	char *text = random_policy(&m, host, &size);

	make_tree();
	snprintf(blob, sizeof(blob), "%s/model.llb", live_root);
	for (unsigned i = 0; i < OPS_PER_POLICY; i++)
		if (!(below(3) ? single_operation(&m, i, &ops[i]) : moving_operation(&m, i, &ops[i])))
			exit(1);
	for (unsigned i = 0; i < OPS_PER_POLICY; i++)
		lines[i] = ops[i].text;
	FILE *output = live_compile(blob, text, size) ? live_batch(blob, m.abi, lines, OPS_PER_POLICY) : NULL;
	for (unsigned i = 0; i < OPS_PER_POLICY; i++) {
		if (!output || !live_answer(output, answer))
			strcpy(answer, "no answer");
		counts[ops[i].expect]++;
		if (strcmp(answer, answers[ops[i].expect])) {
			tap_note("ABI %u, %s: the model says %s, the kernel %s", m.abi, ops[i].text,
				 answers[ops[i].expect], answer);
			differences++;
		}
	}
	if (output)
		fclose(output);
	if (differences)
		tap_note("%s", text);
	free(text);
	remove_tree();
	return differences;
}

int main(void)
{
	const char *pairs = getenv("PAIRS");
	unsigned wanted = pairs ? (unsigned)strtoul(pairs, NULL, 10) : 2400, done = 0, differences = 0,
		 counts[3] = {0};
	long host = live_abi();

	if (host < 1) {
		tap_skip("the model against the live kernel", "no Landlock here");
		return tap_done();
	}
	random_begin(NULL);
	tap_note("Landlock ABI %ld", host);
	live_begin();
	while (done < wanted) {
		differences += try_policy(host > 7 ? 7 : (unsigned)host, counts);
		done += OPS_PER_POLICY;
	}
	tap_ok(!differences, "%u pairs of policy and operation, %u differences between model and kernel", done,
	       differences);
	tap_ok(counts[ALLOWED] > done / 10 && counts[DENIED] > done / 10 && counts[CROSSED] > done / 100,
	       "all answers occurred: %u allowed, %u EACCES, %u EXDEV", counts[ALLOWED], counts[DENIED],
	       counts[CROSSED]);
	live_end();
	return tap_done();
}
