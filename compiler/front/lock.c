/* SPDX-License-Identifier: MIT */
/* The table [command] and its lock; see lock.h. */
#include "lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "arena.h"
#include "diag.h"
#include "include.h"
#include "quote.h"
#include "reader.h"
#include "source.h"
#include "utf8.h"

/* ---- names ---- */

const char *lock_name(struct arena *arena, const char *policy)
{
	size_t len = strlen(policy);

	if (*policy == '<' || !strcmp(policy, "-"))
		return NULL;
	if (len > 5 && !strcmp(policy + len - 5, ".toml"))
		len -= 5;
	return arena_printf(arena, "%.*s.lock", (int)len, policy);
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static size_t sort_texts(const char **texts, size_t count)
{
	size_t n = 0;

	if (count)
		qsort(texts, count, sizeof(*texts), by_text);
	for (size_t i = 0; i < count; i++)
		if (!n || strcmp(texts[n - 1], texts[i]))
			texts[n++] = texts[i];
	return n;
}

static int by_path(const void *left, const void *right)
{
	return strcmp(((const struct lock_file *)left)->path, ((const struct lock_file *)right)->path);
}

void lock_sort(struct lock *lock)
{
	if (lock->nfiles)
		qsort(lock->files, lock->nfiles, sizeof(*lock->files), by_path);
	for (size_t i = 0; i < lock->nfiles; i++)
		lock->files[i].nprograms = sort_texts(lock->files[i].programs, lock->files[i].nprograms);
}

static bool canonical(const char *path)
{
	for (const char *p = path; *p == '/';) {
		size_t len = strcspn(++p, "/");
		if (!len || (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.'))))
			return false;
		p += len;
	}
	return true;
}

const char *lock_bad_path(const char *path)
{
	uint32_t code;

	if (*path != '/')
		return "must be absolute";
	if (!canonical(path))
		return "is not canonical: \".\", \"..\" or \"/\" in excess";
	if (strstr(path, "${"))
		return "\"${\" begins a slot in policies, and cannot be meant literally";
	for (size_t len; *path; path += len) {
		len = utf8_decode(path, strnlen(path, 4), &code);
		if (!len)
			return "not UTF-8, which policies are";
		if (code < 0x20 || code == 0x7f)
			return "contains a control character";
	}
	return NULL;
}

/* ---- [command] ---- */

static void check_program(struct reader *r, const struct toml_value *value)
{
	const char *name = text_of(value);
	const char *why = !name ? NULL : strchr(name, '/') || !*name ? lock_bad_path(name) : NULL;

	if (name && !why && !strchr(name, '/') && lock_bad_path(arena_printf(r->arena, "/%s", name)))
		why = "not a name of a program";
	if (!why)
		return;
	struct diag_item *item = diag_report(r->diag, CHECK_BAD_PATH, &value->pos, "program \"%s\": %s", name, why);
	diag_note(r->diag, item, NULL, "an absolute path, or a name in " LOCK_PATH);
}

void read_command(struct reader *r, const struct toml_value *command)
{
	struct policy *p = r->policy;
	const struct toml_value *list = get(command, "dependencies", TOML_ARRAY);

	p->has_command = true;
	p->command_pos = command->pos;
	p->program = get_text(command, "program");
	check_program(r, get(command, "program", TOML_STRING));
	p->dependencies = arena_alloc(r->arena, ((list ? list->count : 0) + 1) * sizeof(*p->dependencies));
	for (const struct toml_value *word = list ? list->first : NULL; word; word = word->next) {
		check_program(r, word);
		if (text_of(word))
			p->dependencies[p->ndependencies++] = text_of(word);
	}
	p->ndependencies = sort_texts(p->dependencies, p->ndependencies);
}

void lock_for_policy(const struct policy *policy, struct lock *lock)
{
	static const char name[] = "LD_LIBRARY_PATH=";

	*lock = (struct lock){.program = policy->program,
			      .dependencies = policy->dependencies,
			      .ndependencies = policy->ndependencies};
	for (size_t i = 0; i < policy->nenv_set; i++)
		if (!strncmp(policy->env_set[i].text, name, sizeof(name) - 1))
			lock->library_path = policy->env_set[i].text + sizeof(name) - 1;
}

/* ---- the one spelling ---- */

static void put_list(FILE *out, const char *const *texts, size_t count)
{
	fputc('[', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		quote_toml(out, texts[i]);
	}
	fputc(']', out);
}

static void put_key(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s = ", key);
	quote_toml(out, value);
}

static void put_file(FILE *out, const struct lock_file *file)
{
	fputs("\t{ ", out);
	put_key(out, "path", file->path);
	put_key(out, ", access", file->execute ? "rox" : "ro");
	if (file->sha256)
		put_key(out, ", sha256", file->sha256);
	else
		fputs(", optional = true", out);
	fputs(", for = ", out);
	put_list(out, file->programs, file->nprograms);
	put_key(out, ", why", file->why);
	fputs(" },\n", out);
}

const char *lock_text(struct arena *arena, const struct lock *lock, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (!out)
		arena_exhausted(arena, 0);
	fprintf(out,
		"# What the programs of [command] need to start. Written by llc-policy compile --update-lock:\n"
		"# review it, commit it beside the policy, do not edit it.\nversion = %d\n",
		LOCK_VERSION);
	put_key(out, "program", lock->program);
	fputs("\ndependencies = ", out);
	put_list(out, lock->dependencies, lock->ndependencies);
	if (lock->library_path)
		put_key(out, "\nlibrary_path", lock->library_path);
	put_key(out, "\nmachine", lock->machine);
	fputs("\nfiles = [\n", out);
	for (size_t i = 0; i < lock->nfiles; i++)
		put_file(out, &lock->files[i]);
	fputs("]\n", out);
	if (fclose(out))
		arena_exhausted(arena, *len);
	const char *kept = arena_strndup(arena, text, *len);
	free(text);
	return kept;
}

/* ---- reading ---- */

static void advise(struct diag *diag, struct diag_item *item, const char *policy)
{
	diag_note(diag, item, NULL, "write it anew: llc-policy compile --update-lock%s%s", *policy ? " " : "",
		  policy);
}

static bool advised(struct diag *diag, struct diag_item *item)
{
	diag_note(diag, item, NULL, "write it anew: llc-policy compile --update-lock");
	return false;
}

static bool damaged(struct diag *diag, const struct srcpos *pos, const char *format, const char *what)
{
	return advised(diag, diag_report(diag, CHECK_LOCK, pos, format, what));
}

static size_t parse_texts(struct arena *arena, const struct toml_value *table, const char *key, const char ***texts)
{
	const struct toml_value *list = get(table, key, TOML_ARRAY);
	size_t n = 0;

	*texts = arena_alloc(arena, ((list ? list->count : 0) + 1) * sizeof(**texts));
	for (const struct toml_value *word = list ? list->first : NULL; word; word = word->next)
		if (text_of(word))
			(*texts)[n++] = text_of(word);
	return n;
}

/* What is missing or of another type becomes an empty text; the comparison of spellings finds it. */
static const char *parse_text(const struct toml_value *table, const char *key)
{
	const char *text = get_text(table, key);

	return text ? text : "";
}

static bool is_command(const struct lock *lock, const char *program)
{
	return !strcmp(lock->program, program) ||
	       (lock->ndependencies &&
		bsearch(&program, lock->dependencies, lock->ndependencies, sizeof(program), by_text));
}

/* Some of the lock's own programs, in order, each once: provenance that can be believed. */
static bool good_programs(const struct lock *lock, const struct lock_file *file)
{
	bool fine = file->nprograms > 0;

	for (size_t i = 0; fine && i < file->nprograms; i++)
		fine = is_command(lock, file->programs[i]) &&
		       (!i || strcmp(file->programs[i - 1], file->programs[i]) < 0);
	return fine;
}

static bool parse_file(struct arena *arena, struct diag *diag, const struct toml_value *table, struct lock *lock)
{
	const struct toml_value *path = get(table, "path", TOML_STRING);
	struct lock_file file = {.path = text_of(path), .pos = path ? path->pos : table->pos};
	const char *why = file.path ? lock_bad_path(file.path) : "not a path";
	const struct lock_file *last = lock->nfiles ? &lock->files[lock->nfiles - 1] : NULL;

	if (!why && last && strcmp(last->path, file.path) >= 0)
		why = strcmp(last->path, file.path) ? "out of order" : "named twice";
	if (why)
		return damaged(diag, &file.pos, "a file of the lock: %s", why);
	file.execute = !strcmp(parse_text(table, "access"), "rox");
	file.sha256 = get_text(table, "sha256");
	if (file.sha256 && (strlen(file.sha256) != 64 || file.sha256[strspn(file.sha256, "0123456789abcdef")]))
		return damaged(diag, &file.pos, "%s: sha256 is not the digest of a file", file.path);
	file.nprograms = parse_texts(arena, table, "for", &file.programs);
	file.why = parse_text(table, "why");
	if (!good_programs(lock, &file))
		return damaged(diag, &file.pos, "%s: needed by no program of this lock, or by one named out of order",
			       file.path);
	lock->files = arena_grow(arena, lock->files, &lock->files_cap, lock->nfiles + 1, sizeof(*lock->files));
	lock->files[lock->nfiles++] = file;
	return true;
}

/* The first line at which two texts differ, from 1. */
static uint32_t differing_line(const char *a, const char *b)
{
	uint32_t line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

static bool spelled(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file,
		    const struct lock *lock)
{
	size_t len, own_len;
	const char *text = source_text(sources, file, &len), *own = lock_text(arena, lock, &own_len);

	if (len == own_len && !memcmp(text, own, len))
		return true;
	uint32_t line = differing_line(text, own);
	struct srcpos pos = {file, line, 1, line, 2};
	return advised(diag, diag_report(diag, CHECK_LOCK, &pos, "this line is not as --update-lock writes it"));
}

bool lock_parse(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file, struct lock *lock)
{
	size_t len;
	const char *text = source_text(sources, file, &len);
	const struct toml_value *root = toml_parse(arena, diag, file, text, len), *version;

	*lock = (struct lock){0};
	if (!root)
		return advised(diag, diag_report(diag, CHECK_LOCK, &(struct srcpos){file, 1, 1, 1, 2},
						 "this lock is not even TOML"));
	version = get(root, "version", TOML_INTEGER);
	if (!version || version->integer != LOCK_VERSION)
		return advised(diag, diag_report(diag, CHECK_LOCK, version ? &version->pos : &root->pos,
						 "not a lock that this version reads"));
	lock->program = parse_text(root, "program");
	lock->ndependencies = parse_texts(arena, root, "dependencies", &lock->dependencies);
	lock->library_path = get_text(root, "library_path");
	lock->machine = parse_text(root, "machine");
	for (const struct toml_value *table = first(root, "files"); table; table = table->next)
		if (!parse_file(arena, diag, table, lock))
			return false;
	return spelled(arena, diag, sources, file, lock);
}

/* ---- the lock of a policy ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* False after a report: the lock was made for another command. */
static bool check_command(struct reader *r, const struct lock *lock, const char *name)
{
	struct policy *p = r->policy;
	struct lock want;
	const char *what = NULL;

	lock_for_policy(p, &want);
	if (!same_text(lock->program, want.program))
		what = arena_printf(r->arena, "program is \"%s\" there", lock->program);
	else if (!same_text(lock->library_path, want.library_path))
		what = arena_printf(r->arena, "LD_LIBRARY_PATH is %s there",
				    lock->library_path ? lock->library_path : "not set");
	else if (lock->ndependencies != want.ndependencies)
		what = "it has other dependencies";
	for (size_t i = 0; !what && i < want.ndependencies; i++)
		if (strcmp(lock->dependencies[i], want.dependencies[i]))
			what = "it has other dependencies";
	if (!what)
		return true;
	struct diag_item *item = diag_report(r->diag, CHECK_LOCK, &p->command_pos,
					     "%s was made for another [command]: %s", name, what);
	advise(r->diag, item, p->source_path);
	return false;
}

static const char *joined(struct arena *arena, const struct lock_file *file)
{
	const char *text = "";

	for (size_t i = 0; i < file->nprograms; i++)
		text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", file->programs[i]);
	return text;
}

/* Rights on a file: a lock has nothing to say about directories. */
static void add_files(struct reader *r, const struct lock *lock)
{
	for (size_t i = 0; i < lock->nfiles; i++) {
		const struct lock_file *file = &lock->files[i];
		enum path_group like = file->execute ? GROUP_ROX : GROUP_RO;
		add_rule(r, &r->policy->layers[0],
			 (struct policy_rule){.path = file->path,
					      .pos = file->pos,
					      .access_pos = file->pos,
					      .group = GROUP_LOCK,
					      .programs = joined(r->arena, file),
					      .access = path_group_rights(like) & FS_FILE_RIGHTS,
					      .optional = !file->sha256});
	}
}

static const char *find_lock(struct reader *r)
{
	struct policy *p = r->policy;
	const char *name = r->options && r->options->lock ? r->options->lock : lock_name(r->arena, p->source_path);

	if (!name) {
		diag_report(r->diag, CHECK_LOCK, &p->command_pos,
			    "[command] needs a lock beside the policy, and this policy is not a file");
		return NULL;
	}
	if (!access(name, F_OK))
		return p->lock_path = name;
	struct diag_item *item = diag_report(r->diag, CHECK_LOCK, &p->command_pos, "the lock of [command], %s: %s",
					     name, strerror(errno));
	advise(r->diag, item, p->source_path);
	return NULL;
}

void read_lock(struct reader *r)
{
	struct policy *p = r->policy;
	struct lock lock;

	if (!p->has_fs || p->fs_unrestricted) {
		struct diag_item *item = diag_report(r->diag, CHECK_BAD_VALUE, &p->command_pos,
						     "[command] grants files, and nothing restricts them");
		diag_note(r->diag, item, NULL, "add [fs], if only with ro = []; or leave [command] out");
		return;
	}
	if (r->options && r->options->without_lock)
		return;
	const char *name = find_lock(r);
	uint32_t file = name ? source_open_at(r->sources, r->diag, &p->command_pos, name) : SRC_NONE;
	if (file == SRC_NONE)
		return;
	include_remember(r->arena, p, file);
	if (lock_parse(r->arena, r->diag, r->sources, file, &lock) && check_command(r, &lock, name))
		add_files(r, &lock);
}
