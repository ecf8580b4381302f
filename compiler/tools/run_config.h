/* SPDX-License-Identifier: MIT */
/* sandbox.toml, for those who use it (run_config.c) and those who record that it may be used (run_trust.c). */
#ifndef COMPILER_RUN_CONFIG_H
#define COMPILER_RUN_CONFIG_H

#include "run.h"

struct config {
	const char *name; /* as given */
	const char *path; /* absolute, without links */
	const char *text;
	size_t len;
	const struct toml_value *root;
	bool absent; /* config_open() failed: there is no such file, which was not said when check_owner is false */
};

/* Read and parse; run->anchor becomes its directory. check_owner: refuse what others could have written; without it,
 * what is a symbolic link. */
bool config_open(struct run *run, struct config *config, const char *name, bool check_owner);
/* Add what a table says to the request. */
bool config_add_table(struct run *run, const struct toml_entry *table);
/* What came from the file, on stderr. */
void config_show(const struct run *run);

#endif
