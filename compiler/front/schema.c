/* SPDX-License-Identifier: MIT */
/* The shape of a policy document; see schema.h. */
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diag.h"
#include "vocab.h"

_Static_assert((int)ARG_VOCAB_END - (int)ARG_VOCAB_COMPAT == (int)VOCABS, "enum key_arg follows enum vocab");

struct key_row {
	enum key_arg table;
	const char *name;
	enum key_type type;
	bool required;
	long lo, hi;
	enum key_arg arg;
};

static const struct key_row keys[] = {
#define KEY(table_, name_, type_, required_, lo_, hi_, arg_, help_)                                                  \
	{.table = ARG_##table_,                                                                                      \
	 .name = name_,                                                                                              \
	 .type = KEY_##type_,                                                                                        \
	 .required = required_,                                                                                      \
	 .lo = lo_,                                                                                                  \
	 .hi = hi_,                                                                                                  \
	 .arg = ARG_##arg_},
#include "keys.def"
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static const char *const table_names[] = {
#define TABLE(id, path, help) [ARG_##id] = path,
#include "keys.def"
};

static void check_table(struct diag *diag, const struct toml_value *table, enum key_arg id, const struct srcpos *pos);

/* "[fs]", "[[fs.rule]]", "the document": how messages call a table. */
static const char *table_title(enum key_arg id)
{
	return table_names[id][0] ? table_names[id] : "the document";
}

static bool wrong_type(struct diag *diag, const struct toml_value *value, const char *key, const char *want)
{
	diag_report(diag, CHECK_WRONG_TYPE, &value->pos, "%s must be %s, not %s", key, want,
		    toml_type_name(value->type));
	return false;
}

static bool check_string(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	bool listed = key->arg >= ARG_VOCAB_COMPAT && key->arg < ARG_VOCAB_END;
	enum vocab vocab = listed ? (enum vocab)(key->arg - ARG_VOCAB_COMPAT) : VOCAB_ABSOLUTE;
	if (value->type != TOML_STRING) {
		struct diag_item *item = diag_report(diag, CHECK_WRONG_TYPE, &value->pos, "%s must be %s, not %s",
						     key->name, "a string", toml_type_name(value->type));
		if (vocab != VOCAB_ABSOLUTE)
			diag_suggest(diag, item, "", vocab_words(vocab));
		return false;
	}
	const char *text = value->string.ptr;
	if (!value->string.len) {
		diag_report(diag, CHECK_BAD_VALUE, &value->pos, "%s is empty", key->name);
		return false;
	}
	if (strlen(text) != value->string.len) {
		diag_report(diag, CHECK_BAD_VALUE, &value->pos, "%s contains a NUL character", key->name);
		return false;
	}
	if (!listed || vocab_find(vocab, text, NULL))
		return true;
	if (vocab == VOCAB_ABSOLUTE) {
		struct diag_item *item =
			diag_report(diag, CHECK_BAD_PATH, &value->pos, "%s must be an absolute path", key->name);
		if (*text == '$')
			diag_note(diag, item, NULL, "slots cannot be part of it: write the path out");
		return false;
	}
	struct diag_item *item =
		diag_report(diag, vocab == VOCAB_SYSCALL ? CHECK_UNKNOWN_SYSCALL : CHECK_UNKNOWN_NAME, &value->pos,
			    "unknown %s \"%s\"", vocab_noun(vocab), text);
	diag_suggest(diag, item, text, vocab_words(vocab));
	return false;
}

static void check_int(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	if (value->type != TOML_INTEGER) {
		wrong_type(diag, value, key->name, "an integer");
		return;
	}
	if (value->integer >= key->lo && value->integer <= key->hi)
		return;
	/* without arguments, as such a file's text must not be told: diag_report() */
	if (!strcmp(key->name, "version"))
		diag_report(diag, CHECK_BAD_VALUE, &value->pos, "version must be 1");
	else
		diag_report(diag, CHECK_BAD_VALUE, &value->pos, "%s: %" PRId64 " is out of range (%ld to %ld)",
			    key->name, value->integer, key->lo, key->hi);
}

static void check_errno(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	if (value->type == TOML_INTEGER) {
		check_int(diag, value, key);
		return;
	}
	if (value->type != TOML_STRING) {
		wrong_type(diag, value, key->name, "an error name or an integer");
		return;
	}
	if (strlen(value->string.ptr) == value->string.len && errno_find(value->string.ptr))
		return;
	struct diag_item *item =
		diag_report(diag, CHECK_UNKNOWN_NAME, &value->pos, "unknown error name \"%s\"", value->string.ptr);
	diag_suggest(diag, item, value->string.ptr, errno_names());
}

static void check_element(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	if (key->type == KEY_INTS)
		check_int(diag, value, key);
	else if (key->type == KEY_TABLES && value->type != TOML_TABLE)
		wrong_type(diag, value, key->name, "an array of tables");
	else if (key->type == KEY_STRINGS || (key->type == KEY_PATHS && value->type != TOML_TABLE))
		check_string(diag, value, key);
	else
		check_table(diag, value, key->arg, &value->pos);
}

static const char *array_title(enum key_type type)
{
	return type == KEY_INTS     ? "an array of integers"
	       : type == KEY_TABLES ? "an array of tables"
	       : type == KEY_PATHS  ? "an array of paths"
				    : "an array of strings";
}

static void check_array(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	if (value->type != TOML_ARRAY) {
		struct diag_item *item = diag_report(diag, CHECK_WRONG_TYPE, &value->pos, "%s must be %s, not %s",
						     key->name, array_title(key->type), toml_type_name(value->type));
		if (key->type == KEY_TABLES && value->type == TOML_TABLE)
			diag_note(diag, item, NULL, "write [[%s%s%s]]", table_names[key->table],
				  table_names[key->table][0] ? "." : "", key->name);
		else if (key->type == KEY_INTS && value->type == TOML_INTEGER)
			diag_note(diag, item, NULL, "write %s = [%" PRId64 "]", key->name, value->integer);
		else if ((key->type == KEY_STRINGS || key->type == KEY_PATHS) && value->type == TOML_STRING)
			diag_note(diag, item, NULL, "write %s = [\"%s\"]", key->name, value->string.ptr);
		return;
	}
	if (key->type != KEY_INTS && value->count < (size_t)key->lo)
		diag_report(diag, CHECK_BAD_VALUE, &value->pos, "%s is empty", key->name);
	for (const struct toml_value *element = value->first; element; element = element->next)
		check_element(diag, element, key);
}

static void check_map(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	if (value->type != TOML_TABLE) {
		wrong_type(diag, value, key->name, "a table");
		return;
	}
	for (const struct toml_entry *entry = value->entries; entry; entry = entry->next) {
		if (key->type == KEY_TABLEMAP && entry->value->type == TOML_TABLE)
			check_table(diag, entry->value, key->arg, &entry->key_pos);
		else if (key->type == KEY_TABLEMAP)
			wrong_type(diag, entry->value, entry->key.ptr, "a table");
		else if (entry->value->type != TOML_STRING)
			wrong_type(diag, entry->value, entry->key.ptr, "a string");
		else if (strlen(entry->value->string.ptr) != entry->value->string.len)
			diag_report(diag, CHECK_BAD_VALUE, &entry->value->pos, "%s contains a NUL character",
				    entry->key.ptr);
	}
}

/* The keys that have a second, scalar form. */
static bool scalar_form(const struct toml_value *value, const struct key_row *key)
{
	return (key->table == ARG_FS && !strcmp(key->name, "unrestricted") && value->type == TOML_BOOLEAN) ||
	       (key->table == ARG_CALL_RULE && !strcmp(key->name, "syscall") && value->type == TOML_STRING) ||
	       (key->table == ARG_PROCESS && !strcmp(key->name, "drop_caps") && value->type == TOML_STRING);
}

static void check_value(struct diag *diag, const struct toml_value *value, const struct key_row *key)
{
	switch (key->type) {
	case KEY_STRING:
		check_string(diag, value, key);
		break;
	case KEY_INT:
		check_int(diag, value, key);
		break;
	case KEY_BOOL:
		if (value->type != TOML_BOOLEAN)
			wrong_type(diag, value, key->name, "a boolean");
		break;
	case KEY_ERRNO:
		check_errno(diag, value, key);
		break;
	case KEY_STRINGS:
	case KEY_INTS:
	case KEY_PATHS:
	case KEY_TABLES:
		if (!scalar_form(value, key))
			check_array(diag, value, key);
		else if (value->type == TOML_STRING)
			check_string(diag, value, key);
		break;
	case KEY_TABLE:
		if (value->type != TOML_TABLE)
			wrong_type(diag, value, key->name, "a table");
		else
			check_table(diag, value, key->arg, &value->pos);
		break;
	case KEY_MAP:
	case KEY_TABLEMAP:
		check_map(diag, value, key);
		break;
	}
}

/* A table of the document that has such a key: a header stands above the keys that belong to it. NULL: none. */
static const char *elsewhere(const char *name, enum key_arg id)
{
	for (size_t i = 0; i < NKEYS; i++) {
		const char *table = table_names[keys[i].table];
		if (keys[i].table != id && *table && !strpbrk(table, ".[<") && !strcmp(keys[i].name, name))
			return table;
	}
	return NULL;
}

static void unknown_key(struct diag *diag, const struct toml_entry *entry, enum key_arg id)
{
	const char *names[NKEYS + 1];
	size_t n = 0;

	for (size_t i = 0; i < NKEYS; i++)
		if (keys[i].table == id)
			names[n++] = keys[i].name;
	names[n] = NULL;
	struct diag_item *item = diag_report(diag, CHECK_UNKNOWN_KEY, &entry->key_pos, "unknown key \"%s\" in %s",
					     entry->key.ptr, table_title(id));
	const char *table = elsewhere(entry->key.ptr, id);
	if (table)
		diag_note(diag, item, NULL, "it is a key of [%s]: write it beneath that header", table);
	else
		diag_suggest(diag, item, entry->key.ptr, names);
}

static void missing_key(struct diag *diag, const struct key_row *key, const struct srcpos *pos)
{
	struct diag_item *item = diag_report(diag, CHECK_MISSING_KEY, pos, "%s needs the key \"%s\"",
					     table_title(key->table), key->name);

	if (key->type == KEY_INT && key->lo == key->hi)
		diag_note(diag, item, NULL, "write %s = %ld", key->name, key->lo);
	else if (key->arg >= ARG_VOCAB_COMPAT && key->arg < ARG_VOCAB_END)
		diag_suggest(diag, item, "", vocab_words((enum vocab)(key->arg - ARG_VOCAB_COMPAT)));
}

static void check_table(struct diag *diag, const struct toml_value *table, enum key_arg id, const struct srcpos *pos)
{
	for (const struct toml_entry *entry = table->entries; entry; entry = entry->next) {
		size_t i = 0;
		while (i < NKEYS && (keys[i].table != id || strlen(keys[i].name) != entry->key.len ||
				     memcmp(keys[i].name, entry->key.ptr, entry->key.len)))
			i++;
		if (i < NKEYS)
			check_value(diag, entry->value, &keys[i]);
		else
			unknown_key(diag, entry, id);
	}
	for (size_t i = 0; i < NKEYS; i++)
		if (keys[i].table == id && keys[i].required && !toml_get(table, keys[i].name))
			missing_key(diag, &keys[i], pos);
}

void schema_check(struct diag *diag, const struct toml_value *root)
{
	check_table(diag, root, ARG_ROOT, &root->pos);
}
