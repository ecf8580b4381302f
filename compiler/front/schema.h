/* SPDX-License-Identifier: MIT */
/*
 * The shape of a policy document, from schema/keys.def: one walk reports every unknown key, wrong type, value out of
 * range, missing key and unknown word, so that policy.c reads a document of known shape.
 */
#ifndef COMPILER_SCHEMA_H
#define COMPILER_SCHEMA_H

#include <stdbool.h>

#include "toml.h"

struct diag;

enum key_type {
	KEY_STRING,
	KEY_STRINGS,
	KEY_INT,
	KEY_BOOL,
	KEY_INTS,
	KEY_ERRNO,
	KEY_PATHS,
	KEY_TABLE,
	KEY_TABLES,
	KEY_MAP,
	KEY_TABLEMAP,
};

/* ARG column: a table, a vocabulary, or nothing. */
enum key_arg {
#define TABLE(id, path, help) ARG_##id,
#include "keys.def"
	ARG_TABLES,
	ARG_VOCAB_COMPAT = 100, /* the order of enum vocab */
	ARG_VOCAB_BUNDLE,
	ARG_VOCAB_FS,
	ARG_VOCAB_UDP,
	ARG_VOCAB_NET,
	ARG_VOCAB_SYSCALL,
	ARG_VOCAB_SLOT_TYPE,
	ARG_VOCAB_CAP,
	ARG_VOCAB_ABSOLUTE,
	ARG_VOCAB_FS_TYPE,
	ARG_VOCAB_MOUNT_ATTR,
	ARG_VOCAB_ADDFD_ACTION,
	ARG_VOCAB_ADDFD_MODE,
	ARG_VOCAB_BROKER_MODE,
	ARG_VOCAB_CALL,
	ARG_VOCAB_ACTION,
	ARG_VOCAB_ARCH,
	ARG_VOCAB_EXPECT,
	ARG_VOCAB_NAMESPACE,
	ARG_VOCAB_USER,
	ARG_VOCAB_END,
	ARG_NONE = 200,
};

/* Report every violation; the document may be read afterwards all the same: readers skip what has the wrong type. */
void schema_check(struct diag *diag, const struct toml_value *root);

#endif
