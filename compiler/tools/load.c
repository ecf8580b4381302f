/* SPDX-License-Identifier: MIT */
/* See load.h. */
#include "load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "compile.h"
#include "source.h"
#include "text.h"

/* Damaged blobs must not be taken for bad TOML: the first byte of the magic is in no text. */
static bool begins_as_blob(const char *path)
{
	unsigned char first = 0;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	bool blob;

	if (fd < 0)
		return strcmp(path, "-"); /* blob_load() says why */
	blob = read(fd, &first, 1) == 1 && first == (unsigned char)LLPB_MAGIC[0];
	close(fd);
	return blob;
}

static bool compile(struct blob_file *file, const char *path)
{
	struct compilation c;
	bool fine;

	compilation_begin(&c);
	diag_show(c.diag, SEVERITY_ERROR);
	fine = compilation_run(&c, source_open(c.sources, c.diag, path));
	if (!fine)
		diag_print(c.diag, REPORT_TEXT, stderr);
	file->data = NULL;
	if (fine) {
		file->data = malloc(c.blob_size);
		if (!file->data)
			abort();
		memcpy(file->data, c.blob, c.blob_size);
		fine = !blob_open(&file->blob, file->data, c.blob_size);
	}
	compilation_end(&c);
	return fine;
}

bool policy_load(struct blob_file *file, const char *command, const char *path)
{
	if (begins_as_blob(path))
		return blob_load(file, command, path);
	if (compile(file, path))
		return true;
	blob_unload(file);
	return false;
}

/* As compile made it, without further options. */
static bool compiles_to(const struct blob *blob, const char *path)
{
	struct compilation c;

	compilation_begin(&c);
	c.narches = 0;
	for (int arch = 0; arch < ARCHES; arch++)
		for (uint32_t i = 0; i < blob->nfilters; i++)
			if (blob->filters[i].arch == arch_rows[arch].audit_arch) {
				c.arches[c.narches++] = (enum arch_id)arch;
				break;
			}
	bool same = c.narches && !access(path, R_OK) && compilation_run(&c, source_open(c.sources, c.diag, path)) &&
		    c.blob_size == blob->header->total_size && !memcmp(c.blob, blob->header, c.blob_size);
	compilation_end(&c);
	return same;
}

const char *policy_source(struct arena *arena, const struct blob *blob, const char *path)
{
	const char *name = blob_str(blob, blob->meta->source), *slash = strrchr(path, '/'), *source;

	if (!strcmp(path, "-"))
		return NULL;
	if (!begins_as_blob(path))
		return path;
	source = slash ? arena_printf(arena, "%.*s%s", (int)(slash - path) + 1, path, name) : name;
	return *name && compiles_to(blob, source) ? source : NULL;
}

bool report_format_named(const char *command, const char *name, enum report_format *format)
{
	static const char *const names[] = {[REPORT_TEXT] = "text", [REPORT_JSON] = "json", [REPORT_SARIF] = "sarif"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(name, names[i])) {
			*format = (enum report_format)i;
			return true;
		}
	say(stderr, "llc-policy %s: --format %s: text, json or sarif", command, name);
	return false;
}
