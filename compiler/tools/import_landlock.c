/* SPDX-License-Identifier: MIT */
/*
 * Landlock policies of others as [fs], [net] and [scope].
 *
 * landlockconfig (JSON and TOML, one data model): rights that a rule names are handled; groups expand by the `abi` of
 * the file; several files are composed as that library does it, which only ever loosens: what is handled is intersected,
 * rules are united. Each loss is a note that begins with "weaker".
 *
 * landlockd: its layers intersect, here as there, and such a file compiles as it is. --merge writes the union of the
 * layers as one [fs], for files whose author took rules to add up.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diag.h"
#include "inspect.h"
#include "policy.h"
#include "source.h"
#include "vocab.h"

#define ABI_READ_EXECUTE (FS_RIGHT(execute) | FS_RIGHT(read_file) | FS_RIGHT(read_dir) | FS_RIGHT(refer))
/* What the format has names for: TCP alone. */
#define NET_RIGHTS (NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp))
/* Paths of one template, and of one policy: an end to the product of variables. */
#define PATHS_MAX     8192
#define STEPS_MAX     262144
#define VARIABLES_MAX 1024
/* Longer ones than the kernel takes. */
#define PATH_BYTES 8192

enum category { CAT_FS, CAT_NET, CAT_SCOPE, CATEGORIES };

struct variable {
	const char *name;
	const char **values; /* sorted, each once */
	size_t nvalues, cap;
};

struct llc_rule {
	const char *key; /* template or path; of a port, its digits */
	uint64_t port, access;
	struct srcpos pos;
};

struct llc_rules {
	struct llc_rule *items;
	size_t count, cap;
};

struct llc {
	struct import *im;
	unsigned abi; /* 0: not said */
	uint64_t handled[CATEGORIES];
	struct llc_rules paths, ports;
	struct variable *variables;
	size_t nvariables, variables_cap;
	struct srcpos pos;
};

/* ---- rules and variables ---- */

/* The path as the library compares it: without "./" and repeated slashes. */
static const char *normal_path(struct import *im, const char *path)
{
	char *out = arena_strdup(im->arena, path), *to = out;
	const char *from = path;

	if (*from == '/')
		*to++ = *from++;
	while (*from) {
		size_t n = strcspn(from, "/");
		bool nothing = n == 0 || (n == 1 && *from == '.');
		if (!nothing && to > out && to[-1] != '/')
			*to++ = '/';
		if (!nothing) {
			memmove(to, from, n);
			to += n;
		}
		from += n + (from[n] == '/');
	}
	*to = 0;
	return *out ? out : ".";
}

static void add_rule(struct import *im, struct llc_rules *rules, const char *key, uint64_t port, uint64_t access,
		     const struct srcpos *pos)
{
	for (size_t i = 0; i < rules->count; i++)
		if (!strcmp(rules->items[i].key, key)) {
			rules->items[i].access |= access;
			return;
		}
	if (rules->count == PATHS_MAX) {
		diag_report(im->diag, CHECK_LIMIT, pos, "more than %d rules", PATHS_MAX);
		return;
	}
	rules->items = arena_grow(im->arena, rules->items, &rules->cap, rules->count + 1, sizeof(*rules->items));
	rules->items[rules->count++] = (struct llc_rule){key, port, access, *pos};
}

static struct variable *find_variable(const struct llc *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->nvariables; i++)
		if (strlen(l->variables[i].name) == len && !memcmp(l->variables[i].name, name, len))
			return &l->variables[i];
	return NULL;
}

static struct variable *add_variable(struct llc *l, const char *name)
{
	struct variable *found = find_variable(l, name, strlen(name));

	if (found)
		return found;
	if (l->nvariables == VARIABLES_MAX) {
		diag_report(l->im->diag, CHECK_LIMIT, &l->pos, "more than %d variables", VARIABLES_MAX);
		return &l->variables[0];
	}
	l->variables =
		arena_grow(l->im->arena, l->variables, &l->variables_cap, l->nvariables + 1, sizeof(*l->variables));
	l->variables[l->nvariables] = (struct variable){.name = name};
	return &l->variables[l->nvariables++];
}

static void add_value(struct llc *l, struct variable *variable, const char *value)
{
	size_t at = 0;

	while (at < variable->nvalues && strcmp(variable->values[at], value) < 0)
		at++;
	if (at < variable->nvalues && !strcmp(variable->values[at], value))
		return;
	if (variable->nvalues == PATHS_MAX) {
		diag_report(l->im->diag, CHECK_LIMIT, &l->pos, "more than %d values of one variable", PATHS_MAX);
		return;
	}
	variable->values = arena_grow(l->im->arena, variable->values, &variable->cap, variable->nvalues + 1,
				      sizeof(*variable->values));
	memmove(&variable->values[at + 1], &variable->values[at],
		(variable->nvalues - at) * sizeof(*variable->values));
	variable->values[at] = value;
	variable->nvalues++;
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	while ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
	       (n && ((text[n] >= '0' && text[n] <= '9') || text[n] == '_')))
		n++;
	return n;
}

/* ---- access rights ---- */

static uint64_t group_fs(const char *group, uint64_t all)
{
	if (!strcmp(group, "read_execute"))
		return ABI_READ_EXECUTE & all;
	return !strcmp(group, "read_write") ? all & ~FS_RIGHT(execute) : 0;
}

static uint64_t group_rights(struct llc *l, enum category category, const char *group, const struct srcpos *pos)
{
	const uint64_t all[CATEGORIES] = {[CAT_FS] = abi_fs_mask(l->abi),
					  [CAT_NET] = abi_net_mask(l->abi) & NET_RIGHTS,
					  [CAT_SCOPE] = abi_scope_mask(l->abi)};

	if (!l->abi)
		diag_report(l->im->diag, CHECK_MISSING_KEY, pos, "abi.%s needs the key \"abi\"", group);
	else if (l->abi > ABI_NEWEST)
		diag_report(l->im->diag, CHECK_BAD_VALUE, pos,
			    "abi.%s of ABI %u: what it stands for is not known; the newest known is %u", group,
			    l->abi, ABI_NEWEST);
	else if (!strcmp(group, "all"))
		return all[category];
	else if (category == CAT_FS && group_fs(group, UINT64_MAX))
		return group_fs(group, all[CAT_FS]);
	else
		diag_report(l->im->diag, CHECK_UNKNOWN_NAME, pos, "unknown group \"abi.%s\"", group);
	return 0;
}

/* Landlock's newest file system right has no name in the format; groups may bring it. */
static const char *(*const right_name[CATEGORIES])(unsigned) = {fs_right_name, net_right_name, scope_name};

static uint64_t right_named(enum category category, const char *word)
{
	const uint64_t known[CATEGORIES] = {abi_fs_mask(8), NET_RIGHTS, abi_scope_mask(ABI_NEWEST)};

	for (unsigned bit = 0; bit < 64; bit++)
		if (known[category] >> bit & 1 && !strcmp(right_name[category](bit), word))
			return UINT64_C(1) << bit;
	return 0;
}

static uint64_t read_access(struct llc *l, enum category category, const struct toml_value *list, const char *what)
{
	uint64_t rights = 0, one;

	if (list && !list->first)
		diag_report(l->im->diag, CHECK_BAD_VALUE, &list->pos, "%s is empty", what);
	for (const struct toml_value *word = list ? list->first : NULL; word; word = word->next) {
		const char *text = import_text(l->im, word, what);
		if (!text)
			continue;
		if (!strncmp(text, "abi.", 4)) {
			rights |= group_rights(l, category, text + 4, &word->pos);
			continue;
		}
		one = right_named(category, text);
		if (!one)
			diag_report(l->im->diag, CHECK_UNKNOWN_NAME, &word->pos, "unknown right \"%s\" in %s", text,
				    what);
		rights |= one;
	}
	return rights;
}

/* ---- one file ---- */

/* The keys of a file, as JSON and as TOML spell them. */
struct spelling {
	const char *path_beneath, *net_port, *handled_fs, *handled_net, *allowed;
};
static const struct spelling spellings[] = {
	{"path_beneath", "net_port", "handled_access_fs", "handled_access_net", "allowed_access"},
	{"pathBeneath", "netPort", "handledAccessFs", "handledAccessNet", "allowedAccess"},
};

static void read_variable(struct llc *l, const struct toml_value *table)
{
	const struct toml_value *name, *literal;
	const struct import_key keys[] = {
		{"name", TOML_STRING, &name}, {"literal", TOML_ARRAY, &literal}, {NULL, 0, NULL}};
	const char *text;

	if (!import_keys(l->im, table, "a variable", keys, true))
		return;
	text = name ? import_text(l->im, name, "name") : NULL;
	if (!text) {
		if (!name)
			diag_report(l->im->diag, CHECK_MISSING_KEY, &table->pos, "a variable needs a name");
		return;
	}
	if (name_length(text) != strlen(text))
		diag_report(l->im->diag, CHECK_BAD_VALUE, &name->pos,
			    "\"%s\": a name is a letter, then letters, digits and _", text);
	if (literal && !literal->first)
		diag_report(l->im->diag, CHECK_BAD_VALUE, &literal->pos, "literal is empty");
	struct variable *variable = add_variable(l, text);
	for (const struct toml_value *word = literal ? literal->first : NULL; word; word = word->next)
		if (word->type == TOML_STRING && strlen(word->string.ptr) == word->string.len)
			add_value(l, variable, word->string.ptr);
		else
			import_text(l->im, word, "literal");
}

static void read_ruleset(struct llc *l, const struct toml_value *table, const struct spelling *spelling)
{
	const struct toml_value *fs, *net, *scoped;
	const struct import_key keys[] = {{spelling->handled_fs, TOML_ARRAY, &fs},
					  {spelling->handled_net, TOML_ARRAY, &net},
					  {"scoped", TOML_ARRAY, &scoped},
					  {NULL, 0, NULL}};

	if (!import_keys(l->im, table, "a ruleset", keys, true))
		return;
	if (!fs && !net && !scoped)
		diag_report(l->im->diag, CHECK_MISSING_KEY, &table->pos, "a ruleset handles nothing");
	l->handled[CAT_FS] |= read_access(l, CAT_FS, fs, spelling->handled_fs);
	l->handled[CAT_NET] |= read_access(l, CAT_NET, net, spelling->handled_net);
	l->handled[CAT_SCOPE] |= read_access(l, CAT_SCOPE, scoped, "scoped");
}

/* "$$" is a dollar, "${name}" a variable, any other "$" itself. */
static void check_template(struct llc *l, const char *text, const struct srcpos *pos)
{
	for (const char *p = text; *p; p++) {
		if (p[0] != '$' || (p[1] != '$' && p[1] != '{'))
			continue;
		size_t n = p[1] == '{' ? name_length(p + 2) : 0;
		if (p[1] == '{' && (!n || p[2 + n] != '}')) {
			diag_report(l->im->diag, CHECK_BAD_VALUE, pos, "\"%s\": ${ without a name and }", text);
			return;
		}
		p += p[1] == '$' ? 1 : n + 2;
	}
}

static void read_paths(struct llc *l, const struct toml_value *list, uint64_t access)
{
	for (const struct toml_value *word = list->first; word; word = word->next) {
		const char *text = import_text(l->im, word, "parent");
		if (!text)
			continue;
		check_template(l, text, &word->pos);
		if (access)
			add_rule(l->im, &l->paths, text, 0, access, &word->pos);
	}
}

static void read_ports(struct llc *l, const struct toml_value *list, uint64_t access)
{
	uint64_t port;

	for (const struct toml_value *word = list->first; word; word = word->next)
		if (import_number(l->im, word, "port", UINT64_MAX, &port) && access)
			add_rule(l->im, &l->ports, arena_printf(l->im->arena, "%llu", (unsigned long long)port), port,
				 access, &word->pos);
}

static void read_rule(struct llc *l, const struct toml_value *table, enum category category,
		      const struct spelling *spelling)
{
	const char *what = category == CAT_FS ? spelling->path_beneath : spelling->net_port;
	const struct toml_value *allowed, *subjects;
	const struct import_key keys[] = {{spelling->allowed, TOML_ARRAY, &allowed},
					  {category == CAT_FS ? "parent" : "port", TOML_ARRAY, &subjects},
					  {NULL, 0, NULL}};
	uint64_t access;

	if (!import_keys(l->im, table, what, keys, true))
		return;
	if (!allowed || !subjects) {
		diag_report(l->im->diag, CHECK_MISSING_KEY, &table->pos, "%s needs %s and %s", what, keys[0].name,
			    keys[1].name);
		return;
	}
	if (!subjects->first)
		diag_report(l->im->diag, CHECK_BAD_VALUE, &subjects->pos, "%s is empty", keys[1].name);
	access = read_access(l, category, allowed, spelling->allowed);
	/* a rule restricts what it names elsewhere */
	l->handled[category] |= access;
	if (category == CAT_FS)
		read_paths(l, subjects, access);
	else
		read_ports(l, subjects, access);
	if (!access && !import_failed(l->im))
		import_note(l->im, &table->pos, "dropped: a rule whose groups are empty in this ABI");
}

static const struct toml_value *each(struct llc *l, const struct toml_value *list, const char *what)
{
	if (list && !list->first)
		diag_report(l->im->diag, CHECK_BAD_VALUE, &list->pos, "%s is empty", what);
	return list ? list->first : NULL;
}

static void read_document(struct llc *l, const struct toml_value *root, const struct spelling *spelling)
{
	const struct toml_value *abi, *variables, *rulesets, *paths, *ports;
	const struct import_key keys[] = {{"abi", TOML_INTEGER, &abi},
					  {"variable", TOML_ARRAY, &variables},
					  {"ruleset", TOML_ARRAY, &rulesets},
					  {spelling->path_beneath, TOML_ARRAY, &paths},
					  {spelling->net_port, TOML_ARRAY, &ports},
					  {NULL, 0, NULL}};
	uint64_t number = 0;

	l->pos = root->pos;
	if (!import_keys(l->im, root, "the document", keys, true))
		return;
	if (abi && import_number(l->im, abi, "abi", INT32_MAX, &number) && !number)
		diag_report(l->im->diag, CHECK_BAD_VALUE, &abi->pos, "abi: a number from 1");
	l->abi = (unsigned)number;
	if (!variables && !rulesets && !paths && !ports)
		diag_report(l->im->diag, CHECK_MISSING_KEY, &root->pos, "the document says nothing");
	for (const struct toml_value *v = each(l, variables, "variable"); v; v = v->next)
		read_variable(l, v);
	for (const struct toml_value *v = each(l, rulesets, "ruleset"); v; v = v->next)
		read_ruleset(l, v, spelling);
	for (const struct toml_value *v = each(l, paths, spelling->path_beneath); v; v = v->next)
		read_rule(l, v, CAT_FS, spelling);
	for (const struct toml_value *v = each(l, ports, spelling->net_port); v; v = v->next)
		read_rule(l, v, CAT_NET, spelling);
}

/* A JSON document is an object; TOML cannot begin with a brace. */
static void read_file(struct llc *l, uint32_t file)
{
	size_t len;
	const char *text = source_text(l->im->sources, file, &len);
	size_t at = 0;
	const struct toml_value *root;
	bool json;

	while (at < len && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	json = at < len && text[at] == '{';
	root = json ? import_json(l->im, file, false) : toml_parse(l->im->arena, l->im->diag, file, text, len);
	if (root)
		read_document(l, root, &spellings[json]);
}

/* ---- composition ---- */

static const char *rights_text(struct import *im, enum category category, uint64_t rights)
{
	const char *text = "";

	for (unsigned bit = 0; bit < 64; bit++)
		if (rights >> bit & 1 && right_name[category](bit))
			text = arena_printf(im->arena, "%s%s%s", text, *text ? ", " : "", right_name[category](bit));
	return text;
}

static void unite(struct import *im, struct llc_rules *into, const struct llc_rules *from)
{
	for (size_t i = 0; i < from->count; i++)
		add_rule(im, into, from->items[i].key, from->items[i].port, from->items[i].access,
			 &from->items[i].pos);
}

static void compose(struct llc *into, const struct llc *from)
{
	struct import *im = into->im;

	for (int c = 0; c < CATEGORIES; c++) {
		uint64_t lost = into->handled[c] ^ from->handled[c];
		into->handled[c] &= from->handled[c];
		if (lost)
			import_note(im, &from->pos,
				    "weaker: composed with this file, these are restricted no more: %s",
				    rights_text(im, (enum category)c, lost));
	}
	unite(im, &into->paths, &from->paths);
	unite(im, &into->ports, &from->ports);
	for (size_t i = 0; i < from->nvariables; i++) {
		struct variable *variable = add_variable(into, from->variables[i].name);
		for (size_t k = 0; k < from->variables[i].nvalues; k++)
			add_value(into, variable, from->variables[i].values[k]);
	}
	if (from->abi && (!into->abi || from->abi < into->abi))
		into->abi = from->abi;
}

/* ---- templates ---- */

struct expansion {
	struct llc *l;
	const struct llc_rule *rule;
	struct llc_rules *out;
	size_t made, steps;
	char path[PATH_BYTES];
};

/* Behind the first len bytes of the path; false after an error. */
static bool append(struct expansion *e, size_t *len, const char *text, size_t n)
{
	if (n >= PATH_BYTES - *len || ++e->steps > STEPS_MAX) {
		if (!import_failed(e->l->im))
			diag_report(e->l->im->diag, CHECK_LIMIT, &e->rule->pos,
				    "\"%.100s\": too long, or too many paths", e->rule->key);
		return false;
	}
	memcpy(e->path + *len, text, n);
	*len += n;
	e->path[*len] = 0;
	return true;
}

static bool expand(struct expansion *e, size_t len, const char *rest);

static bool expand_variable(struct expansion *e, size_t len, const char *name)
{
	size_t n = name_length(name);
	const struct variable *variable = find_variable(e->l, name, n);

	if (!variable)
		diag_report(e->l->im->diag, CHECK_UNKNOWN_NAME, &e->rule->pos, "no variable \"%.*s\"", (int)n, name);
	for (size_t i = 0; variable && i < variable->nvalues; i++) {
		size_t longer = len;
		if (!append(e, &longer, variable->values[i], strlen(variable->values[i])) ||
		    !expand(e, longer, name + n + 1))
			return false;
	}
	return variable;
}

/* All values of the variables in the rest, in order; len bytes of the path are done. False after an error. */
static bool expand(struct expansion *e, size_t len, const char *rest)
{
	struct import *im = e->l->im;

	for (;;) {
		const char *dollar = strchr(rest, '$');
		size_t n = dollar ? (size_t)(dollar - rest) : strlen(rest);
		bool variable = dollar && dollar[1] == '{';
		if (!append(e, &len, rest, n))
			return false;
		if (variable)
			return expand_variable(e, len, dollar + 2);
		if (!dollar)
			break;
		if (!append(e, &len, "$", 1))
			return false;
		rest = dollar + (dollar[1] == '$' ? 2 : 1);
	}
	e->made++;
	add_rule(im, e->out, normal_path(im, e->path), 0, e->rule->access, &e->rule->pos);
	return !import_failed(im);
}

static void expand_all(struct llc *l)
{
	struct llc_rules out = {0};

	for (size_t i = 0; i < l->paths.count; i++) {
		struct expansion e = {.l = l, .rule = &l->paths.items[i], .out = &out};
		if (!expand(&e, 0, l->paths.items[i].key))
			break;
		if (!e.made)
			import_note(l->im, &e.rule->pos, "dropped: \"%s\" uses a variable without a value",
				    e.rule->key);
	}
	l->paths = out;
}

/* ---- writing ---- */

static void put_rights(FILE *out, const char *key, uint64_t rights, const char *(*name)(unsigned))
{
	const char *separator = "";

	fprintf(out, "%s = [", key);
	for (unsigned bit = 0; bit < 64; bit++)
		if (rights >> bit & 1 && name(bit)) {
			fprintf(out, "%s\"%s\"", separator, name(bit));
			separator = ", ";
		}
	fputs("]\n", out);
}

static void put_path(FILE *out, const char *path)
{
	if (*path != '/') {
		char *slot = NULL;
		if (asprintf(&slot, strcmp(path, ".") ? "${CWD}/%s" : "${CWD}", path) < 0)
			abort();
		import_put_string(out, slot);
		free(slot);
	} else {
		import_put_string(out, path);
	}
}

static int compare_rules(const void *left, const void *right)
{
	const struct llc_rule *a = left, *b = right;
	int order = a->port < b->port ? -1 : a->port > b->port;

	return order ? order : strcmp(a->key, b->key);
}

static void sort_rules(struct llc_rules *rules)
{
	if (rules->count)
		qsort(rules->items, rules->count, sizeof(*rules->items), compare_rules);
}

/* What the kernel would be asked to grant, and the policy language cannot name. */
static void check_path(struct import *im, const struct llc_rule *rule)
{
	const char *p = rule->key;

	if (strstr(p, "${"))
		diag_report(im->diag, CHECK_UNSUPPORTED, &rule->pos,
			    "\"%s\": a path with a literal ${ cannot be expressed", p);
	for (; *p; p += strcspn(p, "/"), p += *p == '/')
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/')) {
			diag_report(im->diag, CHECK_UNSUPPORTED, &rule->pos,
				    "\"%s\": .. in a path cannot be expressed", rule->key);
			return;
		}
}

static void put_unix(struct llc *l)
{
	const uint64_t right = FS_RIGHT(resolve_unix);

	if (!(l->handled[CAT_FS] & right))
		return;
	fputs("unix = [\n", l->im->out);
	for (size_t i = 0; i < l->paths.count; i++)
		if (l->paths.items[i].access & right) {
			fputs("  { path = ", l->im->out);
			put_path(l->im->out, l->paths.items[i].key);
			fputs(", optional = true, follow = true },\n", l->im->out);
		}
	fputs("]\n", l->im->out);
}

static void put_fs(struct llc *l)
{
	FILE *out = l->im->out;
	uint64_t handled = l->handled[CAT_FS] | FS_RIGHT(refer);
	uint64_t open = abi_fs_mask(ABI_NEWEST) & ~handled & ~FS_RIGHT(resolve_unix);
	bool relative = false;

	if (!l->handled[CAT_FS])
		return;
	fputs("\n[fs]\n", out);
	if (open)
		put_rights(out, "unrestricted", open, fs_right_name);
	put_unix(l);
	for (size_t i = 0; i < l->paths.count; i++) {
		const struct llc_rule *rule = &l->paths.items[i];
		uint64_t access = rule->access & ~FS_RIGHT(resolve_unix);
		check_path(l->im, rule);
		relative |= *rule->key != '/';
		if (!access)
			continue;
		fputs("\n[[fs.rule]]\npath = ", out);
		put_path(out, rule->key);
		fputc('\n', out);
		put_rights(out, "access", access, fs_right_name);
		fputs("optional = true\nfollow = true\n", out);
	}
	if (relative)
		import_note(l->im, NULL, "approximated: relative paths are those of where the command is started");
}

static void put_net(struct llc *l)
{
	FILE *out = l->im->out;

	if (!l->handled[CAT_NET])
		return;
	fputs("\n[net]\n", out);
	put_rights(out, "handled_access_net", l->handled[CAT_NET], net_right_name);
	for (size_t i = 0; i < l->ports.count; i++) {
		const struct llc_rule *rule = &l->ports.items[i];
		if (rule->port > UINT16_MAX) {
			import_note(l->im, &rule->pos, "dropped: there is no port %s", rule->key);
			continue;
		}
		fprintf(out, "\n[[net.rule]]\nport = %s\n", rule->key);
		put_rights(out, "allowed_access", rule->access, net_right_name);
	}
}

static void put_scope(struct llc *l)
{
	if (!l->handled[CAT_SCOPE])
		return;
	fprintf(l->im->out, "\n[scope]\nabstract_unix_socket = %s\nsignal = %s\n",
		l->handled[CAT_SCOPE] & SCOPE_RIGHT(abstract_unix_socket) ? "true" : "false",
		l->handled[CAT_SCOPE] & SCOPE_RIGHT(signal) ? "true" : "false");
}

static void mask_rules(struct llc_rules *rules, uint64_t handled)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->count; i++) {
		rules->items[i].access &= handled;
		if (rules->items[i].access)
			rules->items[n++] = rules->items[i];
	}
	rules->count = n;
	sort_rules(rules);
}

static void write_policy(struct llc *l)
{
	mask_rules(&l->paths, l->handled[CAT_FS]);
	mask_rules(&l->ports, l->handled[CAT_NET]);
	put_fs(l);
	put_net(l);
	put_scope(l);
}

void import_landlockconfig(struct import *im, const uint32_t *files, size_t nfiles)
{
	struct llc all = {.im = im};

	read_file(&all, files[0]);
	for (size_t i = 1; i < nfiles && !import_failed(im); i++) {
		struct llc one = {.im = im};
		read_file(&one, files[i]);
		if (!import_failed(im))
			compose(&all, &one);
	}
	if (import_failed(im))
		return;
	if (!all.handled[CAT_FS] && !all.handled[CAT_NET] && !all.handled[CAT_SCOPE]) {
		diag_report(im->diag, CHECK_EMPTY_POLICY, &all.pos, "nothing is restricted%s",
			    nfiles > 1 ? " by what these files have in common" : "");
		return;
	}
	expand_all(&all);
	if (import_failed(im))
		return;
	if (all.handled[CAT_FS] && !(all.handled[CAT_FS] & FS_RIGHT(refer)))
		import_note(im, NULL,
			    "refer is not handled, and Landlock denies it all the same where it handles anything");
	import_note(im, NULL,
		    "stricter: on kernels where Landlock lacks a right that is used here, the command is refused or "
		    "a filter takes its place; compat = \"best-effort\" in [policy] runs it with less");
	write_policy(&all);
}

/* ---- landlockd ---- */

static void put_key(FILE *out, const struct toml_string *key)
{
	if (key->len && strlen(key->ptr) == key->len &&
	    strspn(key->ptr, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == key->len)
		fputs(key->ptr, out);
	else
		import_put_bytes(out, key->ptr, key->len);
}

/* What the text of a value becomes: paths outside the root, where the command sees them (front/mounts.c). */
struct moving {
	struct import *im;
	const char *root; /* NULL: nothing is moved */
	bool sources; /* of binds, too */
};

static void put_string(const struct moving *m, const struct toml_value *value)
{
	const char *text = value->string.ptr, *path = normal_path(m->im, text);
	size_t len = m->root ? strlen(m->root) : 0;

	if (!m->root || *text != '/' || strlen(text) != value->string.len ||
	    (!strncmp(path, m->root, len) && (!path[len] || path[len] == '/'))) {
		import_put_bytes(m->im->out, text, value->string.len);
		return;
	}
	import_note(m->im, &value->pos, "\"%s\" lies outside the root: written as the command sees it", text);
	text = arena_printf(m->im->arena, "%s%s", m->root, path[1] ? path : "");
	import_put_bytes(m->im->out, text, strlen(text));
}

static void put_value(const struct moving *m, const struct toml_value *value)
{
	FILE *out = m->im->out;
	const char *separator = "";

	switch (value->type) {
	case TOML_STRING:
		put_string(m, value);
		break;
	case TOML_INTEGER:
		fprintf(out, "%lld", (long long)value->integer);
		break;
	case TOML_FLOAT:
		/* no key of a policy takes one: that stays an error */
		fputs("nan", out);
		break;
	case TOML_BOOLEAN:
		fputs(value->boolean ? "true" : "false", out);
		break;
	case TOML_OFFSET_DATETIME:
	case TOML_LOCAL_DATETIME:
	case TOML_LOCAL_DATE:
	case TOML_LOCAL_TIME:
		fputs(value->string.ptr, out);
		break;
	case TOML_ARRAY:
		fputc('[', out);
		for (const struct toml_value *one = value->first; one; one = one->next, separator = ", ") {
			fputs(separator, out);
			put_value(m, one);
		}
		fputc(']', out);
		break;
	case TOML_TABLE:
		fputc('{', out);
		for (const struct toml_entry *entry = value->entries; entry; entry = entry->next, separator = ",") {
			fprintf(out, "%s ", separator);
			put_key(out, &entry->key);
			fputs(" = ", out);
			put_value(strcmp(entry->key.ptr, "source") || m->sources ? m : &(struct moving){.im = m->im},
				  entry->value);
		}
		fputs(" }", out);
		break;
	}
}

/* Where the command's new root lies; NULL: it has none. */
static const char *new_root(struct import *im, const struct toml_value *document)
{
	const struct toml_entry *runtime = toml_get(document, "runtime");
	const struct toml_entry *root =
		runtime && runtime->value->type == TOML_TABLE ? toml_get(runtime->value, "root") : NULL;

	return root && root->value->type == TOML_STRING ? normal_path(im, root->value->string.ptr) : NULL;
}

/* Everything but the layers, as it was said. */
static void put_other_tables(struct import *im, const struct toml_value *root)
{
	FILE *out = im->out;

	for (const struct toml_entry *entry = root->entries; entry; entry = entry->next) {
		bool table = entry->value->type == TOML_TABLE;
		if (!strcmp(entry->key.ptr, "version") || !strcmp(entry->key.ptr, "fs_layer"))
			continue;
		if (!table) {
			diag_report(im->diag, CHECK_UNKNOWN_KEY, &entry->key_pos, "unknown key \"%s\"",
				    entry->key.ptr);
			continue;
		}
		bool broker = !strcmp(entry->key.ptr, "broker");
		const struct moving moving = {
			im, broker || !strcmp(entry->key.ptr, "mount") ? new_root(im, root) : NULL, broker};
		fputs("\n[", out);
		put_key(out, &entry->key);
		fputs("]\n", out);
		for (const struct toml_entry *one = entry->value->entries; one; one = one->next) {
			put_key(out, &one->key);
			fputs(" = ", out);
			put_value(&moving, one->value);
			fputc('\n', out);
		}
	}
}

static void read_layer_rule(struct llc *l, const struct toml_value *table)
{
	const struct toml_value *path, *allowed;
	const struct import_key keys[] = {
		{"path", TOML_STRING, &path}, {"allowed_access", TOML_ARRAY, &allowed}, {NULL, 0, NULL}};
	const char *text;

	if (!import_keys(l->im, table, "[[fs_layer.rule]]", keys, true))
		return;
	if (!path || !allowed) {
		diag_report(l->im->diag, CHECK_MISSING_KEY, &table->pos, "a rule needs path and allowed_access");
		return;
	}
	text = import_text(l->im, path, "path");
	if (text)
		add_rule(l->im, &l->paths, normal_path(l->im, text), 0,
			 read_access(l, CAT_FS, allowed, "allowed_access"), &path->pos);
}

static void read_layer(struct llc *l, const struct toml_value *table)
{
	const struct toml_value *handled, *rules;
	const struct import_key keys[] = {
		{"handled_access_fs", TOML_ARRAY, &handled}, {"rule", TOML_ARRAY, &rules}, {NULL, 0, NULL}};

	if (!import_keys(l->im, table, "[[fs_layer]]", keys, true))
		return;
	if (!handled)
		diag_report(l->im->diag, CHECK_MISSING_KEY, &table->pos, "a layer needs handled_access_fs");
	l->handled[CAT_FS] |= read_access(l, CAT_FS, handled, "handled_access_fs");
	for (const struct toml_value *rule = rules ? rules->first : NULL; rule; rule = rule->next)
		read_layer_rule(l, rule);
}

static void put_merged(struct llc *l)
{
	FILE *out = l->im->out;
	uint64_t handled = l->handled[CAT_FS] | FS_RIGHT(refer);

	mask_rules(&l->paths, handled);
	fputs("\n[fs]\n", out);
	if (abi_fs_mask(8) & ~handled)
		put_rights(out, "unrestricted", abi_fs_mask(8) & ~handled, fs_right_name);
	for (size_t i = 0; i < l->paths.count; i++) {
		check_path(l->im, &l->paths.items[i]);
		fputs("\n[[fs.rule]]\npath = ", out);
		put_path(out, l->paths.items[i].key);
		fputc('\n', out);
		put_rights(out, "access", l->paths.items[i].access, fs_right_name);
	}
}

void import_landlockd(struct import *im, uint32_t file)
{
	size_t len;
	const char *text = source_text(im->sources, file, &len);
	const struct toml_value *root = toml_parse(im->arena, im->diag, file, text, len);
	const struct toml_entry *layers = root ? toml_get(root, "fs_layer") : NULL;
	struct llc l = {.im = im};

	if (!root)
		return;
	if (!im->merge) {
		diag_report(im->diag, CHECK_UNSUPPORTED, &root->pos,
			    "a policy of landlockd compiles as it is; --merge writes the union of its layers as one "
			    "[fs]");
		return;
	}
	if (!layers || layers->value->type != TOML_ARRAY || !layers->value->count) {
		diag_report(im->diag, CHECK_MISSING_KEY, layers ? &layers->value->pos : &root->pos,
			    "no [[fs_layer]] to merge");
		return;
	}
	if (toml_get(root, "fs"))
		diag_report(im->diag, CHECK_MIXED_FORMS, &root->pos, "[fs] beside [[fs_layer]]");
	for (const struct toml_value *layer = layers->value->first; layer; layer = layer->next)
		read_layer(&l, layer);
	if (import_failed(im))
		return;
	if (layers->value->count > 1)
		import_note(im, &layers->value->pos,
			    "weaker: %zu layers, which intersect, became one: what any of them grants is granted",
			    layers->value->count);
	put_merged(&l);
	put_other_tables(im, root);
}
