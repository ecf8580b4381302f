/* SPDX-License-Identifier: MIT */
/*
 * Includes; see include.h. Documents are united as trees, before anything is typed: arrays are joined, the including
 * file's elements first, tables are merged key by key, and where two files give one key different values neither wins.
 */
#include "include.h"

#include <string.h>

#include "arena.h"
#include "diag.h"
#include "reader.h"
#include "source.h"

struct includer {
	struct arena *arena;
	struct diag *diag;
	struct sources *sources;
	struct policy *policy;
	uint32_t chain[INCLUDE_MAX_DEPTH + 1]; /* the files that are being read, outermost first */
	size_t depth;
};

void include_remember(struct arena *arena, struct policy *p, uint32_t file)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (p->files[i] == file)
			return;
	p->files = arena_grow(arena, p->files, &p->files_cap, p->nfiles + 1, sizeof(*p->files));
	p->files[p->nfiles++] = file;
}

const char *include_path(struct arena *arena, const struct sources *sources, uint32_t file, const char *path)
{
	const char *name = source_name(sources, file), *slash = name ? strrchr(name, '/') : NULL;

	if (path[0] == '/' || !slash)
		return path;
	return arena_printf(arena, "%.*s/%s", (int)(slash - name), name, path);
}

/* ---- union ---- */

/*
 * Keys whose lists are not joined: each loosens the table as a whole, so that a fragment would open what its includer
 * restricts. They must be the same in every file that has the table.
 */
static bool whole_table(const struct toml_entry *entry)
{
	return !strcmp(entry->key.ptr, "unrestricted");
}

static bool same_table(const struct toml_value *a, const struct toml_value *b)
{
	const struct toml_entry *entry = a->entries;

	for (; entry; entry = entry->next) {
		const struct toml_entry *other = toml_get(b, entry->key.ptr);
		if (!other || !include_same(entry->value, other->value))
			return false;
	}
	return a->count == b->count;
}

/* The recursion is as deep as documents are, which the TOML reader bounds. */
bool include_same(const struct toml_value *a, const struct toml_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == TOML_TABLE)
		return same_table(a, b);
	if (a->type == TOML_BOOLEAN)
		return a->boolean == b->boolean;
	if (a->type == TOML_INTEGER)
		return a->integer == b->integer;
	if (a->type == TOML_STRING)
		return a->string.len == b->string.len && !memcmp(a->string.ptr, b->string.ptr, a->string.len);
	if (a->type != TOML_ARRAY)
		return false; /* floats and dates: no key takes them */
	const struct toml_value *x = a->first, *y = b->first;
	for (; x && y && include_same(x, y); x = x->next)
		y = y->next;
	return !x && !y;
}

static void conflict(struct includer *in, const struct toml_entry *one, const struct srcpos *other)
{
	struct diag_item *item = diag_report(in->diag, CHECK_INCLUDE_CONFLICT, &one->value->pos,
					     "%s differs between files that are included together", one->key.ptr);

	diag_note(in->diag, item, other, "said otherwise here");
}

static struct toml_value *join_arrays(struct includer *in, const struct toml_value *a, const struct toml_value *b)
{
	struct toml_value *both = arena_alloc(in->arena, sizeof(*both)), **end = &both->first;
	const struct toml_value *sides[] = {a, b};

	*both = *a;
	both->first = NULL;
	both->count = a->count + b->count;
	for (size_t i = 0; i < 2; i++)
		for (const struct toml_value *element = sides[i]->first; element; element = element->next) {
			*end = arena_alloc(in->arena, sizeof(**end));
			**end = *element;
			(*end)->next = NULL;
			end = &(*end)->next;
		}
	return both;
}

static struct toml_value *join_tables(struct includer *in, struct toml_value *a, struct toml_value *b);

static struct toml_value *join_values(struct includer *in, const struct toml_entry *a, const struct toml_entry *b)
{
	if (a->value->type == TOML_TABLE && b->value->type == TOML_TABLE)
		return join_tables(in, a->value, b->value);
	if (a->value->type == TOML_ARRAY && b->value->type == TOML_ARRAY && !whole_table(a))
		return join_arrays(in, a->value, b->value);
	if (!include_same(a->value, b->value))
		conflict(in, b, &a->value->pos);
	return a->value;
}

static void append_entry(struct includer *in, struct toml_value *table, struct toml_entry ***end,
			 const struct toml_entry *entry, struct toml_value *value)
{
	**end = arena_alloc(in->arena, sizeof(***end));
	***end = *entry;
	(**end)->value = value;
	(**end)->next = NULL;
	*end = &(**end)->next;
	table->count++;
}

/* The recursion is as deep as documents are, which the TOML reader bounds. */
static struct toml_value *join_tables(struct includer *in, struct toml_value *a, struct toml_value *b)
{
	struct toml_value *both = arena_alloc(in->arena, sizeof(*both));
	struct toml_entry **end = &both->entries;

	*both = *a;
	both->entries = NULL;
	both->count = 0;
	for (const struct toml_entry *entry = a->entries; entry; entry = entry->next) {
		const struct toml_entry *other = toml_get(b, entry->key.ptr);
		if (!other && whole_table(entry))
			conflict(in, entry, &b->pos);
		append_entry(in, both, &end, entry, other ? join_values(in, entry, other) : entry->value);
	}
	for (const struct toml_entry *entry = b->entries; entry; entry = entry->next) {
		if (toml_get(a, entry->key.ptr))
			continue;
		if (whole_table(entry))
			conflict(in, entry, &a->pos);
		append_entry(in, both, &end, entry, entry->value);
	}
	return both;
}

/* ---- files ---- */

static bool in_chain(const struct includer *in, const struct srcpos *pos, const char *path)
{
	for (size_t i = 0; i < in->depth; i++) {
		if (strcmp(source_name(in->sources, in->chain[i]), path))
			continue;
		struct diag_item *item = diag_report(in->diag, CHECK_INCLUDE, pos, "\"%s\" includes itself", path);
		for (size_t k = i + 1; k < in->depth; k++)
			diag_note(in->diag, item, NULL, "by way of %s", source_name(in->sources, in->chain[k]));
		return true;
	}
	return false;
}

/* A file that was read for another includer counts once: unions with itself change nothing. */
static bool read_before(const struct includer *in, const char *path)
{
	for (size_t i = 0; i < in->policy->nfiles; i++)
		if (!strcmp(source_name(in->sources, in->policy->files[i]), path))
			return true;
	return false;
}

static struct toml_value *include_file(struct includer *in, uint32_t file, struct toml_value *root);

static struct toml_value *open_include(struct includer *in, const struct srcpos *pos, const char *path)
{
	size_t len;

	if (in->depth == INCLUDE_MAX_DEPTH) {
		diag_report(in->diag, CHECK_INCLUDE, pos, "includes are nested deeper than %d files",
			    INCLUDE_MAX_DEPTH);
		return NULL;
	}
	if (in->policy->nfiles == INCLUDE_MAX_FILES) {
		diag_report(in->diag, CHECK_INCLUDE, pos, "more than %d files", INCLUDE_MAX_FILES);
		return NULL;
	}
	uint32_t file = source_open_at(in->sources, in->diag, pos, path);
	if (file == SRC_NONE)
		return NULL;
	const char *text = source_text(in->sources, file, &len);
	struct toml_value *root = toml_parse(in->arena, in->diag, file, text, len);
	if (root && !toml_get(root, "version"))
		diag_report(in->diag, CHECK_MISSING_KEY, &root->pos,
			    "an included file needs the key \"version\", too");
	/* what is no policy is not joined: of its keys and values, later messages would tell */
	return root && toml_get(root, "version") ? include_file(in, file, root) : NULL;
}

/* Elements of the wrong type are left to the schema walk. */
static struct toml_value *include_file(struct includer *in, uint32_t file, struct toml_value *root)
{
	const struct toml_value *list = get(root, "include", TOML_ARRAY);

	include_remember(in->arena, in->policy, file);
	in->chain[in->depth++] = file;
	for (const struct toml_value *name = list ? list->first : NULL; name; name = name->next) {
		const char *written = text_of(name);
		const char *path = written ? include_path(in->arena, in->sources, file, written) : NULL;
		if (!path || in_chain(in, &name->pos, path) || read_before(in, path))
			continue;
		struct toml_value *other = open_include(in, &name->pos, path);
		if (other)
			root = join_tables(in, root, other);
	}
	in->depth--;
	return root;
}

struct toml_value *include_all(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file,
			       struct toml_value *root, struct policy *p)
{
	struct includer in = {.arena = arena, .diag = diag, .sources = sources, .policy = p};

	return include_file(&in, file, root);
}
