/* SPDX-License-Identifier: MIT */
/* llc-policy import: the command. The formats are in import_*.c; see import.h. */
#include "import.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "compile.h"
#include "diag.h"
#include "inspect.h"
#include "options.h"
#include "output.h"
#include "source.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

/* Every format; several files only where the format composes them. */
static const struct format {
	const char *name;
	void (*one)(struct import *im, uint32_t file);
	void (*all)(struct import *im, const uint32_t *files, size_t nfiles);
	bool calls; /* decisions about system calls are written by import_write_rules() */
} formats[] = {
	{"oci", import_oci, NULL, true},
	{"minijail", import_minijail, NULL, true},
	{"kafel", import_kafel, NULL, true},
	{"landlockd", import_landlockd, NULL, false},
	{"landlockconfig", NULL, import_landlockconfig, false},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

void import_note(struct import *im, const struct srcpos *pos, const char *format, ...)
{
	va_list args;

	if (im->nnotes == IMPORT_NOTES_MAX) {
		if (!im->notes_full)
			diag_report(im->diag, CHECK_LIMIT, pos, "more than %d things to tell", IMPORT_NOTES_MAX);
		im->notes_full = true;
		return;
	}
	im->notes = arena_grow(im->arena, im->notes, &im->notes_cap, im->nnotes + 1, sizeof(*im->notes));
	struct import_note *note = &im->notes[im->nnotes++];
	note->pos = pos ? *pos : (struct srcpos){.file = SRC_NONE};
	va_start(args, format);
	note->text = arena_vprintf(im->arena, format, args);
	va_end(args);
}

bool import_failed(const struct import *im)
{
	return diag_count(im->diag, SEVERITY_ERROR) > 0;
}

bool import_release(const char *text, unsigned *major, unsigned *minor)
{
	size_t a = strspn(text, "0123456789"), b = text[a] == '.' ? strspn(text + a + 1, "0123456789") : 0;

	if (!a || !b || a > 4 || b > 4 || text[a + 1 + b])
		return false;
	*major = (unsigned)strtoul(text, NULL, 10);
	*minor = (unsigned)strtoul(text + a + 1, NULL, 10);
	return true;
}

/* ---- options ---- */

static bool add_cap(struct import *im, const char *word)
{
	char name[32] = "";
	uint64_t bits = 0;

	if (!strncasecmp(word, "CAP_", 4))
		word += 4;
	for (size_t i = 0; word[i] && i + 1 < sizeof(name); i++)
		name[i] = (char)tolower((unsigned char)word[i]);
	if (*name == '@' || !vocab_find(VOCAB_CAP, name, &bits)) {
		fprintf(stderr, "llc-policy import: --cap %s: unknown capability\n", word);
		return false;
	}
	im->caps |= bits;
	return true;
}

static bool set_kernel(struct import *im, const char *text)
{
	if (import_release(text, &im->kernel_major, &im->kernel_minor) && im->kernel_major)
		return true;
	fprintf(stderr, "llc-policy import: --kernel %s: a release such as 6.12\n", text);
	return false;
}

static bool set_arches(struct import *im, struct compilation *c, const char *list)
{
	const char *bad = NULL;

	if (!compilation_arches(c, list, &bad)) {
		fprintf(stderr, "llc-policy import: --arch %s: \"%s\" is unknown or repeated\n", list, bad);
		return false;
	}
	memcpy(im->arches, c->arches, sizeof(im->arches));
	im->narches = c->narches;
	return true;
}

/* ---- output ---- */

static void print_notes(const struct import *im)
{
	for (size_t i = 0; i < im->nnotes; i++) {
		const struct import_note *note = &im->notes[i];
		if (note->pos.file == SRC_NONE)
			fputs("llc-policy import: ", stderr);
		else {
			put_text(stderr, source_name(im->sources, note->pos.file));
			fprintf(stderr, ":%u:%u: ", note->pos.line, note->pos.col);
		}
		put_text(stderr, note->text);
		fputc('\n', stderr);
	}
}

/* What follows is in im's body already; everything from the document goes through put_text(), so that it stays a comment. */
static void write_head(FILE *out, const struct import *im, const struct format *format, const char *const *files,
		       size_t nfiles, bool default_arches)
{
	fprintf(out, "# Imported from %s", format->name);
	for (size_t i = 0; i < nfiles; i++) {
		fputc(' ', out);
		put_text(out, files[i]);
	}
	fputc('\n', out);
	if (format->calls && !default_arches) {
		fputs("# compile with --arch ", out);
		for (size_t i = 0; i < im->narches; i++)
			fprintf(out, "%s%s", i ? "," : "", arch_rows[im->arches[i]].name);
		fputc('\n', out);
	}
	for (size_t i = 0; i < im->nnotes; i++) {
		fputs("# ", out);
		if (im->notes[i].pos.file != SRC_NONE)
			fprintf(out, "line %u: ", im->notes[i].pos.line);
		put_text(out, im->notes[i].text);
		fputc('\n', out);
	}
	fputs("version = 1\n", out);
}

static int finish(struct import *im, const struct format *format, const char *const *files, size_t nfiles,
		  bool default_arches, const char *output, const char *body)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool written;

	if (!out) {
		perror("llc-policy import");
		return 2;
	}
	write_head(out, im, format, files, nfiles, default_arches);
	fputs(body, out);
	written = !ferror(out);
	written = !fclose(out) && written && output_file("llc-policy import", output, text, size);
	free(text);
	return written ? 0 : 2;
}

static int import(struct import *im, const struct format *format, char **files, size_t nfiles, bool default_arches,
		  const char *output)
{
	uint32_t *sources = arena_alloc(im->arena, nfiles * sizeof(*sources));
	char *body = NULL;
	size_t size = 0;
	int status = 1;

	for (size_t i = 0; i < nfiles; i++) {
		sources[i] = source_open(im->sources, im->diag, files[i]);
		source_show(im->sources, sources[i]);
	}
	im->out = open_memstream(&body, &size);
	if (!im->out) {
		perror("llc-policy import");
		return 2;
	}
	if (!import_failed(im) && format->all)
		format->all(im, sources, nfiles);
	else if (!import_failed(im))
		format->one(im, sources[0]);
	if (!import_failed(im) && format->calls)
		import_write_rules(im);
	if (fclose(im->out)) {
		perror("llc-policy import");
		status = 2;
	} else if (!import_failed(im)) {
		print_notes(im);
		status = finish(im, format, (const char *const *)files, nfiles, default_arches, output, body);
	}
	diag_print(im->diag, REPORT_TEXT, stderr);
	free(body);
	return status;
}

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	fprintf(stderr, "llc-policy import: unknown format \"%s\"; known are", name);
	for (size_t i = 0; i < FORMATS; i++)
		fprintf(stderr, " %s", formats[i].name);
	fputc('\n', stderr);
	return NULL;
}

static int usage(const char *why)
{
	fprintf(stderr, "llc-policy import: %s; see llc-policy import --help\n", why);
	return 2;
}

struct settings {
	const char *output;
	bool default_arches;
};

/* False after a message. */
static bool take_option(struct import *im, struct compilation *c, struct settings *set, enum option_id opt,
			const char *value)
{
	if (opt == OPT_OUTPUT)
		set->output = value;
	else if (opt == OPT_CAP)
		return add_cap(im, value);
	else if (opt == OPT_KERNEL)
		return set_kernel(im, value);
	else if (opt == OPT_MERGE)
		im->merge = true;
	else if (opt == OPT_NO_ENOSYS)
		im->enosys = false;
	else {
		set->default_arches = false;
		return set_arches(im, c, value);
	}
	return true;
}

static int run(struct import *im, struct compilation *c, int argc, char **argv)
{
	struct settings set = {.output = "-", .default_arches = true};
	const struct format *format;
	struct options opts;
	enum option_id opt;

	options_begin(&opts, CMD_IMPORT, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END) {
		if (opt != OPT_OUTPUT && opt != OPT_CAP && opt != OPT_KERNEL && opt != OPT_MERGE &&
		    opt != OPT_NO_ENOSYS && opt != OPT_ARCH)
			return options_fail(&opts, opt);
		if (!take_option(im, c, &set, opt, opts.value))
			return 2;
	}
	if (opts.argc - opts.index < 2)
		return usage("FORMAT and FILE expected");
	format = find_format(opts.argv[opts.index]);
	if (!format)
		return 2;
	if (opts.argc - opts.index != 2 && !format->all)
		return usage("one FILE expected");
	return import(im, format, opts.argv + opts.index + 1, (size_t)(opts.argc - opts.index - 1),
		      set.default_arches, set.output);
}

int cmd_import(int argc, char **argv)
{
	struct compilation c;
	int status;

	compilation_begin(&c);
	struct import im = {.arena = c.arena,
			    .sources = c.sources,
			    .diag = c.diag,
			    .narches = c.narches,
			    .enosys = true,
			    .default_action = K_SECCOMP_RET_KILL_PROCESS};
	memcpy(im.arches, c.arches, sizeof(im.arches));
	status = run(&im, &c, argc, argv);
	compilation_end(&c);
	return status;
}
