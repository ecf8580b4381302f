/* SPDX-License-Identifier: MIT */
/*
 * llc-policy trust: which sandbox.toml of a working directory may be used. A record is an empty file in the user's state
 * directory, named by the digest of the file's absolute path and its bytes: a changed file, and the same text in another
 * place (where its relative paths mean other files), is not trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "run.h"
#include "run_config.h"
#include "tools.h"

enum { RECORD_SIZE = 4096 + 128 };

static bool state_dir(char dir[4096])
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n = -1;

	if (state && *state == '/') /* the specification: relative ones are to be ignored */
		n = snprintf(dir, 4096, "%s/llc-policy/trust", state);
	else if (home && *home == '/')
		n = snprintf(dir, 4096, "%s/.local/state/llc-policy/trust", home);
	return n > 0 && n < 4096;
}

static bool record_name(char record[RECORD_SIZE], const char *path, const char *text, size_t len)
{
	char dir[4096], hex[SHA256_DIGEST_STRING_LENGTH];
	uint8_t digest[SHA256_DIGEST_LENGTH];
	SHA2_CTX context;

	if (!state_dir(dir))
		return false;
	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)path, strlen(path) + 1);
	SHA256Update(&context, (const uint8_t *)text, len);
	SHA256Final(digest, &context);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return snprintf(record, RECORD_SIZE, "%s/%s", dir, hex) < RECORD_SIZE;
}

/* A record counts that we could have made: HOME may be another user's (sudo). */
bool trust_known(const char *path, const char *text, size_t len)
{
	char record[RECORD_SIZE];
	struct stat st;

	return record_name(record, path, text, len) && !lstat(record, &st) && S_ISREG(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & 022);
}

static bool make_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		bool failed = mkdir(path, 0700) && errno != EEXIST;
		*slash = '/';
		if (failed)
			return false;
	}
	return true;
}

static bool record(const struct run *run, const struct config *config, bool revoke)
{
	char name[RECORD_SIZE];
	int fd = -1;

	if (!record_name(name, config->path, config->text, config->len)) {
		run_say(run, RUN_ERROR,
			"neither XDG_STATE_HOME nor HOME is an absolute path: no place for the record");
		return false;
	}
	if (revoke ? !unlink(name) || errno == ENOENT
		   : make_dirs(name) && (fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) >= 0 &&
			     !close(fd))
		return true;
	run_say(run, RUN_ERROR, "%s: %s", name, strerror(errno));
	return false;
}

/* What is trusted is shown, table by table; each is read into a request of its own. */
static bool show_tables(struct run *run, const struct config *config)
{
	for (const struct toml_entry *table = config->root->entries; table; table = table->next) {
		run->npaths = run->nports = run->env.n = run->programs.n = 0;
		memset(run->flags, 0, sizeof(run->flags));
		if (!config_add_table(run, table))
			return false;
		run_say(run, RUN_ERROR, "\"%s\" is granted", table->key.ptr);
		config_show(run);
	}
	return true;
}

static int trust(struct run *run, const char *name, bool revoke)
{
	struct config config;

	if (!config_open(run, &config, name, false)) {
		if (config.absent)
			run_say(run, RUN_ERROR, "%s: %s", name, strerror(ENOENT));
		return 1;
	}
	if (!revoke && !show_tables(run, &config))
		return 1;
	if (!record(run, &config, revoke))
		return 1;
	run_say(run, RUN_ERROR, "%s: %s", config.path, revoke ? "no longer trusted" : "trusted until it is changed");
	return 0;
}

int cmd_trust(int argc, char **argv)
{
	static const struct run_tool tool = {.command = CMD_TRUST};
	struct run run = {.tool = &tool};
	struct options opts;
	enum option_id opt;
	bool revoke = false;

	options_begin(&opts, CMD_TRUST, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END)
		if (opt == OPT_REVOKE)
			revoke = true;
		else
			return options_fail(&opts, opt);
	if (opts.argc - opts.index > 1) {
		fputs("llc-policy trust: one file, please; see llc-policy trust --help\n", stderr);
		return 2;
	}
	compilation_begin(&run.c);
	int status = trust(&run, opts.index < opts.argc ? opts.argv[opts.index] : "sandbox.toml", revoke);
	compilation_end(&run.c);
	return status;
}
