/* SPDX-License-Identifier: MIT */
/*
 * sandbox.toml: one table per command, in the format of runlock; see run.h.
 *
 * A table can only grant. It comes from a directory that may be anybody's: a cloned repository must not hand itself
 * permissions unseen. So a file that $SANDBOX_CONFIG names must be writable by nobody else, and the one that merely lies
 * in the working directory must have been shown to the user, as it is now, by `llc-policy trust`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "policy.h"
#include "run.h"
#include "run_config.h"
#include "source.h"
#include "text.h"

enum kind { PATHS, PORTS, VARIABLES, PROGRAMS, FLAG, FLAG_OFF };

static const struct key {
	const char *name;
	enum kind kind;
	int which;
} keys[] = {
	{"ro", PATHS, GROUP_RO},
	{"rox", PATHS, GROUP_ROX},
	{"rw", PATHS, GROUP_RW},
	{"rwx", PATHS, GROUP_RWX},
	{"bind_tcp", PORTS, true},
	{"connect_tcp", PORTS, false},
	{"env", VARIABLES, 0},
	{"executable_dependencies", PROGRAMS, 0},
	{"unrestricted_filesystem", FLAG, RUN_UNRESTRICTED_FS},
	{"unrestricted_network", FLAG, RUN_UNRESTRICTED_NET},
	{"auto_add_binary_dependencies", FLAG_OFF, RUN_NO_IMPORT},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

/* ---- reading a table ---- */

static const struct key *find_key(struct run *run, const struct toml_entry *entry)
{
	const char *names[KEYS + 1] = {NULL};

	for (size_t i = 0; i < KEYS; i++) {
		names[i] = keys[i].name;
		if (!strcmp(entry->key.ptr, keys[i].name))
			return &keys[i];
	}
	struct diag_item *item =
		diag_report(run->c.diag, CHECK_UNKNOWN_KEY, &entry->key_pos, "unknown key \"%s\"", entry->key.ptr);
	const char *near = diag_nearest(entry->key.ptr, names);
	if (near)
		diag_note(run->c.diag, item, NULL, "did you mean \"%s\"?", near);
	return NULL;
}

static bool has_type(struct run *run, const char *key, const struct toml_value *value, enum toml_type type)
{
	if (value->type != type) {
		diag_report(run->c.diag, CHECK_WRONG_TYPE, &value->pos, "%s: %s expected, not %s", key,
			    toml_type_name(type), toml_type_name(value->type));
		return false;
	}
	if (type != TOML_STRING || strlen(value->string.ptr) == value->string.len)
		return true;
	diag_report(run->c.diag, CHECK_BAD_VALUE, &value->pos, "%s: contains a NUL character", key);
	return false;
}

static bool add_element(struct run *run, const struct key *key, const struct toml_value *value)
{
	if (!has_type(run, key->name, value, key->kind == PORTS ? TOML_INTEGER : TOML_STRING))
		return true; /* reported; more may be said about the rest */
	const char *origin = arena_printf(run->c.arena, "%s:%u: %s", source_name(run->c.sources, value->pos.file),
					  value->pos.line, key->name);
	if (key->kind == PATHS)
		return run_add_path(run, key->which, value->string.ptr, origin);
	if (key->kind == PORTS)
		return run_add_port(run, key->which, arena_printf(run->c.arena, "%lld", (long long)value->integer),
				    origin);
	if (key->kind == VARIABLES)
		return run_add_env(run, value->string.ptr, origin);
	run_add_word(run, &run->programs, value->string.ptr, NULL, origin);
	return true;
}

static bool add_key(struct run *run, const struct toml_entry *entry)
{
	const struct key *key = find_key(run, entry);
	bool flag = key && (key->kind == FLAG || key->kind == FLAG_OFF), fine = true;

	if (!key || !has_type(run, key->name, entry->value, flag ? TOML_BOOLEAN : TOML_ARRAY))
		return true;
	if (flag)
		run->flags[key->which] |= entry->value->boolean == (key->kind == FLAG);
	else
		for (const struct toml_value *v = entry->value->first; fine && v; v = v->next)
			fine = add_element(run, key, v);
	return fine;
}

bool config_add_table(struct run *run, const struct toml_entry *table)
{
	bool fine = true;

	run->in_config = true;
	if (has_type(run, table->key.ptr, table->value, TOML_TABLE))
		for (const struct toml_entry *entry = table->value->entries; fine && entry; entry = entry->next)
			fine = add_key(run, entry);
	run->in_config = false;
	if (!fine || !diag_count(run->c.diag, SEVERITY_ERROR))
		return fine;
	diag_print(run->c.diag, REPORT_TEXT, stderr);
	return false;
}

/* ---- the file ---- */

/* Those who can write the file decide what is granted. */
static const char *foreign(const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return "belongs neither to root nor to you; chown it";
	return st->st_mode & 022 ? "can be written by others; chmod go-w it" : NULL;
}

static bool read_config(struct run *run, struct config *config, int fd, bool check_owner)
{
	struct stat st;
	const char *why = NULL;

	if (fstat(fd, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)SOURCE_MAX_SIZE)
		why = "not a regular file of at most 16 MiB";
	else if (check_owner)
		why = foreign(&st);
	size_t size = why ? 0 : (size_t)st.st_size;
	char *text = arena_alloc(run->c.arena, size + 1);
	for (ssize_t n = 1; !why && config->len < size && n; config->len += (size_t)n)
		if ((n = read(fd, text + config->len, size - config->len)) < 0) {
			why = strerror(errno);
			n = 0;
		}
	char *real = why ? NULL : realpath(config->name, NULL);
	if (!real) {
		run_say(run, RUN_ERROR, "%s%s: %s", check_owner ? "$SANDBOX_CONFIG: " : "", config->name,
			why ? why : strerror(errno));
		return false;
	}
	config->text = text;
	config->path = arena_strdup(run->c.arena, real);
	free(real);
	return true;
}

/*
 * A link in a foreign directory may lead to a file that was trusted for another one: its grants would be handed to what
 * runs here. The name in $SANDBOX_CONFIG is the caller's own.
 */
bool config_open(struct run *run, struct config *config, const char *name, bool check_owner)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (check_owner ? 0 : O_NOFOLLOW));

	*config = (struct config){.name = name};
	if (fd < 0) {
		config->absent = errno == ENOENT;
		if (!config->absent || check_owner)
			run_say(run, RUN_ERROR, "%s%s: %s", check_owner ? "$SANDBOX_CONFIG: " : "", name,
				errno == ELOOP && !check_owner ? "is a symbolic link" : strerror(errno));
		return false;
	}
	bool fine = read_config(run, config, fd, check_owner);
	close(fd);
	if (!fine)
		return false;
	uint32_t file = source_from_memory(run->c.sources, name, config->text, config->len);
	config->root = toml_parse(run->c.arena, run->c.diag, file, config->text, config->len);
	if (!config->root)
		diag_print(run->c.diag, REPORT_TEXT, stderr);
	const char *slash = strrchr(config->path, '/');
	run->anchor = slash == config->path
			      ? "/"
			      : arena_strndup(run->c.arena, config->path, (size_t)(slash - config->path));
	return config->root;
}

static void show(const char *what, const char *value)
{
	fprintf(stderr, "    %s ", what);
	put_text(stderr, value);
	fputc('\n', stderr);
}

void config_show(const struct run *run)
{
	static const char *const groups[] = {
		[GROUP_RO] = "ro", [GROUP_ROX] = "rox", [GROUP_RW] = "rw", [GROUP_RWX] = "rwx"};

	for (size_t i = 0; i < run->npaths; i++)
		if (run->paths[i].config)
			show(groups[run->paths[i].group], run->paths[i].path);
	for (size_t i = 0; i < run->nports; i++)
		if (run->ports[i].config)
			fprintf(stderr, "    %s %u\n", run->ports[i].bind ? "bind_tcp" : "connect_tcp",
				run->ports[i].port);
	for (size_t i = 0; i < run->env.n; i++)
		if (run->env.items[i].config)
			show("env", !run->env.items[i].value
					    ? run->env.items[i].name
					    : arena_printf(run->c.arena, "%s=%s", run->env.items[i].name,
							   run->env.items[i].value));
	for (size_t i = 0; i < run->programs.n; i++)
		if (run->programs.items[i].config)
			show("program", run->programs.items[i].name);
	if (run->flags[RUN_UNRESTRICTED_FS])
		show("unrestricted:", "every file");
	if (run->flags[RUN_UNRESTRICTED_NET])
		show("unrestricted:", "the network");
}

/* ---- the table of the command ---- */

static const struct toml_entry *find_table(const struct run *run, const struct config *config)
{
	const char *command = run->command[0], *slash = strrchr(command, '/');
	const struct toml_entry *table = toml_get(config->root, command);

	return table || !slash ? table : toml_get(config->root, slash + 1);
}

static bool may_use(const struct run *run, const struct config *config, const char *table)
{
	if (run->flags[RUN_TRUST_CONFIG] || trust_known(config->path, config->text, config->len))
		return true;
	run_say(run, RUN_ERROR, "%s is not trusted as it is now; for \"%s\" it grants", config->path, table);
	config_show(run);
	fputs("  if that is right: llc-policy trust ", stderr);
	put_text(stderr, config->name);
	fputs("\n  for this once: --trust-config\n", stderr);
	return false;
}

bool run_config(struct run *run)
{
	const char *named = getenv("SANDBOX_CONFIG");
	struct config config;

	if (!run->tool->config || !*run->command)
		return true;
	if (named && !*named)
		named = NULL;
	if (!config_open(run, &config, named ? named : "sandbox.toml", named != NULL))
		return !named && config.absent;
	const struct toml_entry *table = find_table(run, &config);
	if (!table) {
		run_say(run, RUN_WARN, "%s has no table for \"%s\"", config.name, run->command[0]);
		run->anchor = run->cwd;
		return true;
	}
	bool fine = config_add_table(run, table) && (named || may_use(run, &config, table->key.ptr));
	run->anchor = run->cwd;
	return fine;
}
