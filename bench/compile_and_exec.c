/* SPDX-License-Identifier: MIT */
/*
 * compile_and_exec POLICY.toml CMD ARGS...: what a launcher that reads its policy as text does at every start, with this
 * project's own compiler and launcher core in one process. The difference to llrun is what compiling ahead saves.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compile.h"
#include "llrun.h"
#include "source.h"

int main(int argc, char **argv)
{
	/* for this machine only, as such a launcher would */
	const struct llrun_options options = {.flags = LLRUN_LEAVE_FDS};
	struct llrun_policy policy;
	struct llrun_error error = {0};
	struct compilation c;
	const char *bad;

	if (argc < 3) {
		fputs("usage: compile_and_exec POLICY.toml CMD ARGS...\n", stderr);
		return 2;
	}
	compilation_begin(&c);
	c.strip = true;
	if (!compilation_arches(&c, "x86_64", &bad) ||
	    !compilation_run(&c, source_open(c.sources, c.diag, argv[1]))) {
		diag_print(c.diag, REPORT_TEXT, stderr);
		return 125;
	}
	if (llrun_prepare(&policy, c.blob, c.blob_size, &options, &error) || llrun_enter(&policy, &error)) {
		fprintf(stderr, "compile_and_exec: %s: %s\n", error.text ? error.text : error.sys,
			strerror(error.err));
		return 125;
	}
	execv(argv[2], argv + 2);
	return errno == ENOENT ? 127 : 126;
}
