/* SPDX-License-Identifier: MIT */
/*
 * build/gen WHAT: print what is derived from the tables: the JSON Schema of policies, the page of checks, the
 * vocabulary section of llpolicy(5), shell completions. mk/generate.mk writes the files; `make check-generated`
 * fails when a table has changed and a file has not.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

enum table_id {
#define TABLE(id, path, help) TABLE_##id,
#include "keys.def"
	TABLES
};

static const struct table_row {
	const char *id, *path, *help;
} tables[] = {
#define TABLE(id_, path_, help_) [TABLE_##id_] = {#id_, path_, help_},
#include "keys.def"
};

static const struct key_row {
	enum table_id table;
	const char *name, *type;
	bool required;
	long lo, hi;
	const char *arg; /* VOCAB_… , the id of a table, or NONE */
	const char *help;
} keys[] = {
#define KEY(table_, name_, type_, required_, lo_, hi_, arg_, help_)                                                  \
	{TABLE_##table_, name_, #type_, required_, lo_, hi_, #arg_, help_},
#include "keys.def"
};

static const struct word {
	const char *vocab, *text, *help;
} words[] = {
#define WORD(vocab_, text_, value, help_) {#vocab_, text_, help_},
#include "vocab.def"
#define LL_FS(name, bit, abi, kind, help_) {"VOCAB_FS", #name, help_},
#define LL_NET(name, bit, abi, help_)      {"VOCAB_NET", #name, help_},
#include "access.def"
	{"VOCAB_CAP", "@dangerous", "every capability marked * here"},
	{"VOCAB_CAP", "@all", "every capability"},
#define CAP(name, number, dangerous, why) {"VOCAB_CAP", #name, dangerous ? "* " why : why},
#include "caps.def"
#define BUNDLE(name, help_) {"VOCAB_BUNDLE", #name, help_},
#include "bundles.def"
#define GROUP(name, help_, members) {"VOCAB_GROUP", name, help_},
#include "groups.def"
#define ACTION(name, value, data, lo, hi, help_) {"VOCAB_ACTION", #name, help_},
#include "actions.def"
#define SYSCALL(name, ...) {"VOCAB_SYSCALL", #name, NULL},
#include "syscalls.def"
#define LL_ERRNO(name, number, help_) {"ERRNO", #name, help_},
#include "errno.def"
};

static const struct {
	const char *bundle, *path, *group, *why;
} bundle_paths[] = {
#define BUNDLE_PATH(bundle, path, group, optional, why) {#bundle, path, #group, why},
#include "bundles.def"
};

static const struct {
	const char *name, *severity;
	bool fixed;
	const char *help;
} checks[] = {
#define CHECK(id, name, severity, fixed, help) {name, #severity, fixed, help},
#include "checks.def"
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* ---- JSON Schema ---- */

static void json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* The two small languages among the vocabularies. */
#define CALL_SCHEMA                                                                                                  \
	"{ \"anyOf\": [{ \"$ref\": \"#/$defs/VOCAB_SYSCALL\" }, { \"$ref\": \"#/$defs/VOCAB_GROUP\" }, "             \
	"{ \"type\": \"string\", \"pattern\": \"^(![@a-z_].*|!?nr:[0-9].*)$\" }] }"
#define ACTION_SCHEMA                                                                                                \
	"{ \"anyOf\": [{ \"$ref\": \"#/$defs/VOCAB_ACTION\" }, { \"type\": \"string\", "                             \
	"\"pattern\": \"^(errno|trap|trace)[ :] *[A-Z0-9]+$\" }] }"

/* What a table row cannot say: the shape of some strings, and the scalar forms that two keys have besides an array. */
static const struct shape {
	enum table_id table;
	const char *key, *pattern, *or_else;
} shapes[] = {
	{TABLE_PATH, "path", "^(/|\\$\\{)", NULL},
	{TABLE_FS_RULE, "path", "^(/|\\$\\{)", NULL},
	{TABLE_FS_LAYER_RULE, "path", "^(/|\\$\\{)", NULL},
	{TABLE_SLOT, "from", "^(arg$|cwd$|env:.)", NULL},
	{TABLE_SLOT, "default", "^/", NULL},
	{TABLE_PROCESS, "umask", "^[0-7]{3,4}$", NULL},
	{TABLE_FS, "unrestricted", NULL, "{ \"const\": true }"},
	{TABLE_PROCESS, "drop_caps", NULL, "{ \"$ref\": \"#/$defs/VOCAB_CAP\" }"},
	{TABLE_CALL_RULE, "syscall", NULL, CALL_SCHEMA},
};

static const struct shape *shape_of(const struct key_row *key)
{
	for (size_t i = 0; i < COUNT(shapes); i++)
		if (shapes[i].table == key->table && is(shapes[i].key, key->name))
			return &shapes[i];
	return NULL;
}

static void schema_string(const struct key_row *key)
{
	const struct shape *shape = shape_of(key);

	if (is(key->arg, "VOCAB_ABSOLUTE")) {
		printf("{ \"type\": \"string\", \"pattern\": \"^/\" }");
	} else if (is(key->arg, "VOCAB_CALL") || is(key->arg, "VOCAB_ACTION")) {
		printf("%s", is(key->arg, "VOCAB_CALL") ? CALL_SCHEMA : ACTION_SCHEMA);
	} else if (!is(key->arg, "NONE")) {
		printf("{ \"$ref\": \"#/$defs/%s\" }", key->arg);
	} else if (shape && shape->pattern) {
		printf("{ \"type\": \"string\", \"pattern\": ");
		json_string(shape->pattern);
		printf(" }");
	} else {
		printf("{ \"type\": \"string\", \"minLength\": 1 }");
	}
}

static void schema_integer(const struct key_row *key)
{
	printf("{ \"type\": \"integer\", \"minimum\": %ld, \"maximum\": %ld }", key->lo, key->hi);
}

static void schema_element(const struct key_row *key)
{
	if (is(key->type, "INTS"))
		schema_integer(key);
	else if (is(key->type, "STRINGS"))
		schema_string(key);
	else if (is(key->type, "PATHS"))
		printf("{ \"anyOf\": [{ \"type\": \"string\", \"pattern\": \"^(/|\\\\$\\\\{)\" }, "
		       "{ \"$ref\": \"#/$defs/%s\" }] }",
		       key->arg);
	else
		printf("{ \"$ref\": \"#/$defs/%s\" }", key->arg);
}

static void schema_array(const struct key_row *key)
{
	printf("{ \"type\": \"array\", ");
	/* lo bounds the numbers of an array of integers, and the length of the others */
	if (key->lo && !is(key->type, "INTS"))
		printf("\"minItems\": %ld, ", key->lo);
	printf("\"items\": ");
	schema_element(key);
	printf(" }");
}

static bool is_array(const struct key_row *key)
{
	return is(key->type, "STRINGS") || is(key->type, "INTS") || is(key->type, "PATHS") || is(key->type, "TABLES");
}

static void schema_value(const struct key_row *key)
{
	const struct shape *shape = shape_of(key);

	if (is_array(key) && shape && shape->or_else) {
		printf("{ \"anyOf\": [%s, ", shape->or_else);
		schema_array(key);
		printf("] }");
	} else if (is_array(key)) {
		schema_array(key);
	} else if (is(key->type, "STRING")) {
		schema_string(key);
	} else if (is(key->type, "INT")) {
		schema_integer(key);
	} else if (is(key->type, "BOOL")) {
		printf("{ \"type\": \"boolean\" }");
	} else if (is(key->type, "ERRNO")) {
		printf("{ \"anyOf\": [{ \"$ref\": \"#/$defs/ERRNO\" }, ");
		schema_integer(key);
		printf("] }");
	} else if (is(key->type, "MAP")) {
		printf("{ \"type\": \"object\", \"additionalProperties\": { \"type\": \"string\" } }");
	} else if (is(key->type, "TABLEMAP")) {
		printf("{ \"type\": \"object\", \"additionalProperties\": { \"$ref\": \"#/$defs/%s\" } }", key->arg);
	} else {
		printf("{ \"$ref\": \"#/$defs/%s\" }", key->arg);
	}
}

/* Of these keys a table needs at least one. */
static const struct {
	enum table_id table;
	const char *key;
} one_of[] = {
	{TABLE_SECCOMP, "deny"}, {TABLE_SECCOMP, "default"}, {TABLE_SECCOMP, "allow"},
	{TABLE_SECCOMP, "log"},  {TABLE_SECCOMP, "rule"},
};

static void schema_one_of(enum table_id table, const char *indent)
{
	const char *separator = "";

	for (size_t i = 0; i < COUNT(one_of); i++) {
		if (one_of[i].table != table)
			continue;
		if (!*separator)
			printf("%s\"anyOf\": [", indent);
		printf("%s{ \"required\": [\"%s\"] }", separator, one_of[i].key);
		separator = ", ";
	}
	if (*separator)
		printf("],\n");
}

static void schema_required(enum table_id table, const char *indent)
{
	const char *separator = "";

	printf("%s\"required\": [", indent);
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].table == table && keys[i].required) {
			printf("%s\"%s\"", separator, keys[i].name);
			separator = ", ";
		}
	printf("]\n");
}

static void schema_table(enum table_id table, const char *indent)
{
	const char *separator = "";

	printf("%s\"description\": ", indent);
	json_string(tables[table].help);
	printf(",\n%s\"type\": \"object\",\n%s\"additionalProperties\": false,\n%s\"properties\": {", indent, indent,
	       indent);
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (keys[i].table != table)
			continue;
		printf("%s\n%s  \"%s\": { \"description\": ", separator, indent, keys[i].name);
		json_string(keys[i].help);
		printf(", \"allOf\": [");
		schema_value(&keys[i]);
		printf("] }");
		separator = ",";
	}
	printf("\n%s},\n", indent);
	schema_one_of(table, indent);
	schema_required(table, indent);
}

static void schema_words(const char *vocab)
{
	const char *separator = "";

	printf(",\n    \"%s\": { \"enum\": [", vocab);
	for (size_t i = 0; i < COUNT(words); i++)
		if (is(words[i].vocab, vocab)) {
			printf("%s\"%s\"", separator, words[i].text);
			separator = ", ";
		}
	printf("] }");
}

/* The vocabularies that have words, in the order in which the pages show them. */
static const struct {
	const char *id, *title;
} vocabs[] = {
	{"VOCAB_COMPAT", "Compatibility"},
	{"VOCAB_FS", "File system rights"},
	{"VOCAB_NET", "Network rights"},
	{"VOCAB_UDP", "UDP"},
	{"VOCAB_SLOT_TYPE", "Slot types"},
	{"VOCAB_CAP", "Capabilities"},
	{"VOCAB_FS_TYPE", "File system types"},
	{"VOCAB_MOUNT_ATTR", "Mount attributes"},
	{"VOCAB_NAMESPACE", "Namespaces"},
	{"VOCAB_USER", "Users of a namespace"},
	{"VOCAB_ADDFD_ACTION", "Broker actions"},
	{"VOCAB_ADDFD_MODE", "Descriptors handed over"},
	{"VOCAB_BROKER_MODE", "Broker modes"},
	{"VOCAB_ARCH", "Architectures"},
	{"VOCAB_EXPECT", "Expectations of a test"},
	{"VOCAB_ACTION", "Actions of a filter"},
	{"VOCAB_GROUP", "Groups of system calls"},
	{"VOCAB_BUNDLE", "Bundles"},
	{"VOCAB_SYSCALL", NULL}, /* too long for a page; syscalls(2) has them */
	{"ERRNO", NULL}, /* errno(3) */
};

/* A shape whose key was renamed would silently no longer apply. */
static bool shapes_apply(void)
{
	for (size_t i = 0; i < COUNT(shapes); i++) {
		size_t k = 0;
		while (k < COUNT(keys) && shape_of(&keys[k]) != &shapes[i])
			k++;
		if (k == COUNT(keys)) {
			fprintf(stderr, "gen: no key \"%s\" for the shape that stands here\n", shapes[i].key);
			return false;
		}
	}
	return true;
}

static void print_schema(void)
{
	printf("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	       "  \"title\": \"llc-policy policy, language version 1\",\n");
	schema_table(TABLE_ROOT, "  ");
	printf("  ,\"$defs\": {");
	for (int table = TABLE_ROOT + 1; table < TABLES; table++) {
		printf("%s\n    \"%s\": {\n", table > TABLE_ROOT + 1 ? "," : "", tables[table].id);
		schema_table((enum table_id)table, "      ");
		printf("    }");
	}
	for (size_t i = 0; i < COUNT(vocabs); i++)
		schema_words(vocabs[i].id);
	printf("\n  }\n}\n");
}

/* ---- pages ---- */

static const char *severity_word(const char *severity)
{
	return is(severity, "SEVERITY_ERROR")     ? "error"
	       : is(severity, "SEVERITY_WARNING") ? "warning"
	       : is(severity, "SEVERITY_NOTE")    ? "note"
						  : "off";
}

static void print_checks(void)
{
	printf("<!-- Generated by make generate from compiler/front/checks.def. -->\n# Checks\n\n"
	       "Everything `llc-policy` can say about a policy. Each diagnostic ends in the name of its check:\n"
	       "`policy.toml:7:9: warning: … [name]`.\n\n"
	       "`-W name` reports a check as a warning, `-E name` as an error, `-Wno-name` not at all; the errors "
	       "of\n"
	       "the language itself are fixed. `llc-policy lint --list-checks` prints the same list.\n\n"
	       "| check | default | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(checks); i++)
		printf("| `%s` | %s%s | %s |\n", checks[i].name, severity_word(checks[i].severity),
		       checks[i].fixed ? ", fixed" : "", checks[i].help);
}

/* Running text in mdoc(7): a backslash is an escape, and a dot or apostrophe at the beginning a request. */
static void man_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		printf("\\&");
	for (; *text; text++)
		if (*text == '\\')
			printf("\\e");
		else
			putchar(*text);
}

static void man_key(const struct key_row *key)
{
	/* "Ic" would take punctuation words for delimiters; none of the names is one */
	printf(".It Ic %s Pq %s%s\n", key->name, key->required ? "required, " : "",
	       is(key->type, "STRING")    ? "string"
	       : is(key->type, "STRINGS") ? "array of strings"
	       : is(key->type, "INT")     ? "integer"
	       : is(key->type, "BOOL")    ? "boolean"
	       : is(key->type, "INTS")    ? "array of integers"
	       : is(key->type, "ERRNO")   ? "error name or integer"
	       : is(key->type, "PATHS")   ? "array of paths"
	       : is(key->type, "TABLE")   ? "table"
	       : is(key->type, "TABLES")  ? "array of tables"
	       : is(key->type, "MAP")     ? "table of strings"
					  : "table of tables");
	man_text(key->help);
	putchar('\n');
}

static void man_table(enum table_id table)
{
	printf(".Ss %s\n", *tables[table].path ? tables[table].path : "The document");
	man_text(tables[table].help);
	printf(".\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < COUNT(keys); i++)
		if (keys[i].table == table)
			man_key(&keys[i]);
	printf(".El\n");
}

static void man_bundle(const char *bundle)
{
	printf(".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < COUNT(bundle_paths); i++)
		if (is(bundle_paths[i].bundle, bundle)) {
			printf(".It Pa %s Pq %s\n", bundle_paths[i].path,
			       is(bundle_paths[i].group, "RO")    ? "ro"
			       : is(bundle_paths[i].group, "ROX") ? "rox"
								  : "rw");
			man_text(bundle_paths[i].why);
			putchar('\n');
		}
	printf(".El\n");
}

static void man_words(const char *vocab, const char *title)
{
	printf(".Ss %s\n.Bl -tag -width Ds\n", title);
	for (size_t i = 0; i < COUNT(words); i++) {
		if (!is(words[i].vocab, vocab))
			continue;
		printf(".It Ic %s\n", words[i].text);
		man_text(words[i].help);
		putchar('\n');
		if (is(vocab, "VOCAB_BUNDLE"))
			man_bundle(words[i].text);
	}
	printf(".El\n");
}

static void print_vocabulary(void)
{
	printf(".Sh TABLES AND KEYS\n");
	for (int table = TABLE_ROOT; table < TABLES; table++)
		man_table((enum table_id)table);
	printf(".Sh VOCABULARY\n");
	for (size_t i = 0; i < COUNT(vocabs); i++)
		if (vocabs[i].title)
			man_words(vocabs[i].id, vocabs[i].title);
}

/* ---- completions ---- */

struct command {
	const char *name, *arguments, *help;
};
static const struct command commands[COMMANDS] = {
#define COMMAND(id, name_, arguments_, help_) [CMD_##id] = {name_, arguments_, help_},
#include "../compiler/options.def"
};

struct option {
	unsigned commands;
	int letter;
	const char *name, *argument, *help;
};
static const struct option llc_options[] = {
#define OPTION(id, commands_, letter_, name_, argument_, help_) {commands_, letter_, name_, argument_, help_},
#include "../compiler/options.def"
};
struct runtime_option {
	const char *word, *argument, *help;
};
static const struct runtime_option llrun_options[] = {
#define OPTION(id, word_, argument_, help_) {word_, argument_, help_},
#include "../runtime/options.def"
};
static const struct runtime_option llrund_options[] = {
#define OPTION(id, word_, argument_, help_) {word_, argument_, help_},
#include "../runtime/llrund/options.def"
};
static const struct command llrund_commands[] = {
#define COMMAND(id, name_, arguments_, help_) {#name_, arguments_, help_},
#include "../runtime/llrund/options.def"
};

static void check_names(const char *separator)
{
	for (size_t i = 0; i < COUNT(checks); i++)
		printf("%s%s", i ? separator : "", checks[i].name);
}

static void bash_options(size_t command)
{
	for (size_t i = 0; i < COUNT(llc_options); i++) {
		if (!(llc_options[i].commands & 1u << command))
			continue;
		if (llc_options[i].letter)
			printf(" -%c", llc_options[i].letter);
		printf(" --%s", llc_options[i].name);
	}
}

static void print_bash(void)
{
	printf("# Generated by make generate from compiler/options.def.\n"
	       "_llc_policy() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	       "\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=\"");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("%s ", commands[i].name);
	printf("--help --version\"\n\telse\n\t\tcase ${COMP_WORDS[COMP_CWORD-1]}:$cur in\n"
	       "\t\t-W:*|-E:*|--warn:*|--error:*) words=\"all ");
	check_names(" ");
	printf("\" ;;\n\t\t--format:*) words=\"text json sarif\" ;;\n\t\t*:-*)\n\t\t\tcase ${COMP_WORDS[1]} in\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		printf("\t\t\t%s) words=\"", commands[i].name);
		bash_options(i);
		printf("\" ;;\n");
	}
	printf("\t\t\tesac ;;\n\t\tesac\n\tfi\n"
	       "\tCOMPREPLY=()\n"
	       "\tif [ -n \"$words\" ]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	       "\tfi\n}\ncomplete -o default -F _llc_policy llc-policy\n");
}

static void print_llrun_bash(void)
{
	printf("# Generated by make generate from runtime/options.def.\n"
	       "_llrun() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} i\n"
	       "\tCOMPREPLY=()\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	       "\t\t\tif [ $((i + 1)) = \"$COMP_CWORD\" ]; then\n"
	       "\t\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
	       "\t\t\tfi\n"
	       "\t\t\treturn\n"
	       "\t\tfi\n"
	       "\tdone\n"
	       "\tcase $cur in\n\t-*) mapfile -t COMPREPLY < <(compgen -W \"--");
	for (size_t i = 0; i < COUNT(llrun_options); i++)
		printf(" %s", llrun_options[i].word);
	printf("\" -- \"$cur\") ;;\n\tesac\n}\ncomplete -o default -F _llrun llrun\n");
}

static void print_llrund_bash(void)
{
	printf("# Generated by make generate from runtime/llrund/options.def.\n"
	       "_llrund() {\n\tCOMPREPLY=()\n\tmapfile -t COMPREPLY < <(compgen -W \"");
	for (size_t i = 0; i < COUNT(llrund_commands); i++)
		printf("%s ", llrund_commands[i].name);
	for (size_t i = 0; i < COUNT(llrund_options); i++)
		printf("%s%s", i ? " " : "", llrund_options[i].word);
	printf("\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\ncomplete -o default -F _llrund llrund\n");
}

/* Inside single quotes; a colon or bracket would end a field of zsh's _arguments. */
static void quoted(const char *text, const char *special)
{
	for (; *text; text++)
		if (*text == '\'')
			printf("'\\''");
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
}

static void zsh_option(const char *dashes, const char *word, const char *argument, const char *help)
{
	printf(" \\\n\t\t'*%s%s[", dashes, word);
	quoted(help, "[]:\\");
	putchar(']');
	if (argument && *argument) {
		putchar(':');
		quoted(argument, "[]:\\");
		printf(":%s", is(argument, "FILE") ? "_files" : "");
	}
	putchar('\'');
}

static void zsh_command(size_t command)
{
	printf("\t%s) _arguments -s", commands[command].name);
	for (size_t i = 0; i < COUNT(llc_options); i++) {
		const struct option *option = &llc_options[i];
		char letter[2] = {(char)option->letter, 0};
		if (!(option->commands & 1u << command))
			continue;
		if (option->letter)
			zsh_option("-", letter, option->argument, option->help);
		zsh_option("--", option->name, option->argument, option->help);
	}
	printf(" \\\n\t\t'*:file:_files' ;;\n");
}

static void print_zsh(void)
{
	printf("#compdef llc-policy\n# Generated by make generate from compiler/options.def.\n"
	       "local -a commands\ncommands=(\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		printf("\t'%s:", commands[i].name);
		quoted(commands[i].help, ":\\");
		printf("'\n");
	}
	printf(")\nif (( CURRENT == 2 )); then\n\t_describe command commands\n\treturn\nfi\n"
	       "local command=$words[2]\nshift words\n(( CURRENT-- ))\ncase $command in\n");
	for (size_t i = 0; i < COMMANDS; i++)
		zsh_command(i);
	printf("esac\n");
}

static void print_llrun_zsh(void)
{
	printf("#compdef llrun\n# Generated by make generate from runtime/options.def.\n_arguments");
	for (size_t i = 0; i < COUNT(llrun_options); i++)
		zsh_option("", llrun_options[i].word, llrun_options[i].argument, llrun_options[i].help);
	printf(" \\\n\t'1:policy:_files' \\\n\t'*::command:_normal'\n");
}

static void print_llrund_zsh(void)
{
	printf("#compdef llrund\n# Generated by make generate from runtime/llrund/options.def.\n"
	       "local -a commands\ncommands=(\n");
	for (size_t i = 0; i < COUNT(llrund_commands); i++) {
		printf("\t'%s:", llrund_commands[i].name);
		quoted(llrund_commands[i].help, ":\\");
		printf("'\n");
	}
	printf(")\n_arguments");
	for (size_t i = 0; i < COUNT(llrund_options); i++)
		zsh_option("", llrund_options[i].word, llrund_options[i].argument, llrund_options[i].help);
	printf(" \\\n\t'1:command:{_describe command commands}' \\\n\t'*:file:_files'\n");
}

static void fish_description(const char *help)
{
	printf(" -d '");
	/* fish knows \' and \\ inside single quotes */
	for (; *help; help++) {
		if (*help == '\'' || *help == '\\')
			putchar('\\');
		putchar(*help);
	}
	printf("'\n");
}

static void fish_option(const struct option *option)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (!(option->commands & 1u << i))
			continue;
		printf("complete -c llc-policy -n '__fish_seen_subcommand_from %s' -l %s", commands[i].name,
		       option->name);
		if (option->letter)
			printf(" -s %c", option->letter);
		printf("%s", option->argument ? " -r" : "");
		fish_description(option->help);
	}
}

static void print_fish(void)
{
	printf("# Generated by make generate from compiler/options.def.\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		printf("complete -c llc-policy -n __fish_use_subcommand -a %s", commands[i].name);
		fish_description(commands[i].help);
	}
	for (size_t i = 0; i < COUNT(llc_options); i++)
		fish_option(&llc_options[i]);
}

static void fish_runtime(const char *program, const struct runtime_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *word = options[i].word;
		if (!strncmp(word, "--", 2))
			printf("complete -c %s -l %s", program, word + 2);
		else
			printf("complete -c %s -s %s", program, word + 1);
		printf("%s", *options[i].argument ? " -r" : "");
		fish_description(options[i].help);
	}
}

static void print_llrun_fish(void)
{
	printf("# Generated by make generate from runtime/options.def.\n");
	fish_runtime("llrun", llrun_options, COUNT(llrun_options));
}

static void print_llrund_fish(void)
{
	printf("# Generated by make generate from runtime/llrund/options.def.\n");
	for (size_t i = 0; i < COUNT(llrund_commands); i++) {
		printf("complete -c llrund -n __fish_use_subcommand -a %s", llrund_commands[i].name);
		fish_description(llrund_commands[i].help);
	}
	fish_runtime("llrund", llrund_options, COUNT(llrund_options));
}

/* ---- the audit log ---- */

enum {
#define FIELD(id, name, type, help) AUDIT_##id,
#include "../runtime/llrund/events.def"
	AUDIT_FIELDS
};
struct member {
	const char *name, *type, *help;
};
static const struct member audit_common[] = {
#define COMMON(name, type, help) {name, #type, help},
#include "../runtime/llrund/events.def"
};
static const struct member audit_fields[AUDIT_FIELDS] = {
#define FIELD(id, name, type, help) {name, #type, help},
#include "../runtime/llrund/events.def"
};
#define F(id) (UINT64_C(1) << AUDIT_##id)
static const struct {
	const char *name;
	uint64_t required, optional;
	const char *help;
} audit_events[] = {
#define EVENT(id, name, required, optional, help) {name, required, optional, help},
#include "../runtime/llrund/events.def"
};

static void audit_member(const struct member *member)
{
	printf("\"%s\": { \"description\": ", member->name);
	json_string(member->help);
	printf(", %s }", is(member->type, "NUMBER")     ? "\"type\": \"integer\""
			 : is(member->type, "BOOL")     ? "\"type\": \"boolean\""
			 : is(member->type, "WORDS")    ? "\"type\": \"array\", \"items\": { \"type\": \"string\" }"
			 : is(member->type, "DECISION") ? "\"enum\": [\"allow\", \"deny\", \"error\"]"
							: "\"type\": [\"string\", \"null\"]");
}

/* Members that every event has, and what they look like beyond their type. */
static void audit_schema_common(void)
{
	for (size_t i = 0; i < COUNT(audit_common); i++) {
		const char *name = audit_common[i].name;
		const char *exact = is(name, "timestamp") ? "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\\\.[0-9]{6}Z$"
				    : is(name, "job_id")  ? "^[A-Za-z0-9._:-]{1,64}$"
				    : is(name, "policy_digest") ? "^[0-9a-f]{64}$"
								: NULL;
		printf("%s\n    ", i ? "," : "");
		if (is(name, "component"))
			printf("\"component\": { \"const\": \"llrund\" }");
		else if (exact)
			printf("\"%s\": { \"type\": %s, \"pattern\": \"%s\" }", name,
			       is(name, "policy_digest") ? "[\"string\", \"null\"]" : "\"string\"", exact);
		else if (is(name, "event"))
			printf("\"event\": { \"type\": \"string\" }");
		else if (is(name, "seq"))
			printf("\"seq\": { \"type\": \"integer\", \"minimum\": 1 }");
		else
			audit_member(&audit_common[i]);
	}
}

/* One event: a validator shall name what is wrong with it, and let events and members of later versions pass. */
static void audit_schema_event(size_t e)
{
	const char *separator = "";

	printf("    { \"if\": { \"properties\": { \"event\": { \"const\": \"%s\" } } }, \"then\": { "
	       "\"description\": ",
	       audit_events[e].name);
	json_string(audit_events[e].help);
	printf(", \"properties\": {");
	for (size_t f = 0; f < AUDIT_FIELDS; f++)
		if ((audit_events[e].required | audit_events[e].optional) >> f & 1) {
			printf("%s\n      ", separator);
			audit_member(&audit_fields[f]);
			separator = ",";
		}
	printf("\n    }, \"required\": [");
	separator = "";
	for (size_t f = 0; f < AUDIT_FIELDS; f++)
		if (audit_events[e].required >> f & 1) {
			printf("%s\"%s\"", separator, audit_fields[f].name);
			separator = ", ";
		}
	printf("] } }");
}

static void print_audit_schema(void)
{
	printf("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	       "  \"title\": \"llrund audit log: one line\",\n  \"type\": \"object\",\n  \"properties\": {");
	audit_schema_common();
	printf(",\n    \"truncated\": { \"const\": true }\n  },\n  \"required\": [");
	for (size_t i = 0; i < COUNT(audit_common); i++)
		printf("%s\"%s\"", i ? ", " : "", audit_common[i].name);
	printf("],\n  \"allOf\": [");
	for (size_t e = 0; e < COUNT(audit_events); e++) {
		printf("%s\n", e ? "," : "");
		audit_schema_event(e);
	}
	printf("\n  ]\n}\n");
}

static void audit_names(uint64_t mask, const char *mark)
{
	for (size_t f = 0; f < AUDIT_FIELDS; f++)
		if (mask >> f & 1)
			printf(" `%s`%s", audit_fields[f].name, mark);
}

static void print_audit(void)
{
	printf("## Members of every record\n\n| member | meaning |\n|---|---|\n");
	for (size_t i = 0; i < COUNT(audit_common); i++)
		printf("| `%s` | %s |\n", audit_common[i].name, audit_common[i].help);
	printf("| `truncated` | only there, and true, when texts of this record had to be cut |\n\n## Events\n\n"
	       "Members with a question mark may be absent.\n\n| event | meaning | members |\n|---|---|---|\n");
	for (size_t e = 0; e < COUNT(audit_events); e++) {
		printf("| `%s` | %s |", audit_events[e].name, audit_events[e].help);
		audit_names(audit_events[e].required, "");
		audit_names(audit_events[e].optional, "?");
		printf(" |\n");
	}
	printf("\n## Members\n\n| member | type | meaning |\n|---|---|---|\n");
	for (size_t f = 0; f < AUDIT_FIELDS; f++)
		printf("| `%s` | %s | %s |\n", audit_fields[f].name,
		       is(audit_fields[f].type, "NUMBER")     ? "integer"
		       : is(audit_fields[f].type, "BOOL")     ? "boolean"
		       : is(audit_fields[f].type, "WORDS")    ? "array of strings"
		       : is(audit_fields[f].type, "DECISION") ? "`allow`, `deny` or `error`"
							      : "string or null",
		       audit_fields[f].help);
}

/* ---- main ---- */

static const struct {
	const char *name;
	void (*print)(void);
} outputs[] = {
	{"schema", print_schema},
	{"checks", print_checks},
	{"vocabulary", print_vocabulary},
	{"bash", print_bash},
	{"zsh", print_zsh},
	{"fish", print_fish},
	{"llrun-bash", print_llrun_bash},
	{"llrun-zsh", print_llrun_zsh},
	{"llrun-fish", print_llrun_fish},
	{"audit-schema", print_audit_schema},
	{"audit", print_audit},
	{"llrund-bash", print_llrund_bash},
	{"llrund-zsh", print_llrund_zsh},
	{"llrund-fish", print_llrund_fish},
};

int main(int argc, char **argv)
{
	size_t i = 0;

	while (i < COUNT(outputs) && (argc != 2 || !is(outputs[i].name, argv[1])))
		i++;
	if (i == COUNT(outputs)) {
		fputs("usage: gen WHAT\n", stderr);
		return 2;
	}
	if (!shapes_apply())
		return 1;
	outputs[i].print();
	return fflush(stdout) || ferror(stdout);
}
