/* SPDX-License-Identifier: MIT */
/* See load.h. */
#include "load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
