/* SPDX-License-Identifier: MIT */
/* Shared by the readers of a document (policy.c, seccomp.c): access to a tree whose shape may be wrong. */
#ifndef COMPILER_READER_H
#define COMPILER_READER_H

#include <stdbool.h>
#include <string.h>

#include "policy.h"
#include "vocab.h"

struct reader {
	struct arena *arena;
	struct diag *diag;
	struct sources *sources;
	struct policy *policy;
	const struct policy_options *options;
};

static inline const struct toml_value *get(const struct toml_value *table, const char *key, enum toml_type type)
{
	const struct toml_entry *entry = table && table->type == TOML_TABLE ? toml_get(table, key) : NULL;

	return entry && entry->value->type == type ? entry->value : NULL;
}

static inline const char *text_of(const struct toml_value *value)
{
	if (!value || value->type != TOML_STRING || !value->string.len ||
	    strlen(value->string.ptr) != value->string.len)
		return NULL;
	return value->string.ptr;
}

static inline const char *get_text(const struct toml_value *table, const char *key)
{
	return text_of(get(table, key, TOML_STRING));
}

static inline bool get_bool(const struct toml_value *table, const char *key, bool fallback)
{
	const struct toml_value *value = get(table, key, TOML_BOOLEAN);

	return value ? value->boolean : fallback;
}

static inline const struct toml_value *first(const struct toml_value *table, const char *key)
{
	const struct toml_value *array = get(table, key, TOML_ARRAY);

	return array ? array->first : NULL;
}

static inline struct srcpos pos_of(const struct toml_value *table, const char *key)
{
	const struct toml_entry *entry = toml_get(table, key);

	return entry ? entry->value->pos : table->pos;
}

static inline struct srcpos key_pos_of(const struct toml_value *table, const char *key)
{
	const struct toml_entry *entry = toml_get(table, key);

	return entry ? entry->key_pos : table->pos;
}

/* Names of architectures in the key "arch" to bits of enum arch_id; all of them when it is absent. */
unsigned read_arches(const struct toml_value *table);
/* policy.c: a rule, after its path was resolved or reported */
void add_rule(struct reader *r, struct policy_layer *layer, struct policy_rule rule);
/* policy.c: split rule->path into slot and canonical rest; false after a report */
bool resolve_path(struct reader *r, struct policy_rule *rule);
/* broker.c: the table [broker] */
void read_broker(struct reader *r, const struct toml_value *broker);
/* policy.c: a path with its slot, canonical. False after a report, or when the value is not a text. */
bool read_place(struct reader *r, const struct toml_value *value, struct policy_place *place);
/* The bits of an array of words; unknown words were reported by the schema walk. */
uint64_t word_bits(const struct toml_value *table, const char *key, enum vocab vocab);
/* Three octal digits, or four where the example has four; -1 when the key is absent, or after a report. */
int read_octal(struct reader *r, const struct toml_value *table, const char *key, const char *example);

/* mounts.c: the tables [mount] and [runtime], and what spans them */
void read_mount(struct reader *r, const struct toml_value *mount);
void read_runtime(struct reader *r, const struct toml_value *runtime);
void check_view(struct reader *r);

/* seccomp.c: the table [seccomp] */
void read_seccomp(struct reader *r, const struct toml_value *seccomp);
/* lock.c: the table [command], and when all tables are read, the rules that its lock has */
void read_command(struct reader *r, const struct toml_value *command);
void read_lock(struct reader *r);

#endif
