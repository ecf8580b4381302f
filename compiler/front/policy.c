/* SPDX-License-Identifier: MIT */
/*
 * From the TOML tree to the typed policy. schema.c has reported what has the wrong shape; the readers here skip such
 * values, so that one run reports the mistakes of form and of meaning together.
 */
#include "policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diag.h"
#include "include.h"
#include "kernel_abi.h"
#include "reader.h"
#include "schema.h"
#include "source.h"
#include "vocab.h"

#define FS_RO (FS_RIGHT(read_file) | FS_RIGHT(read_dir))
#define FS_CHANGE                                                                                                    \
	(FS_RIGHT(write_file) | FS_RIGHT(truncate) | FS_RIGHT(ioctl_dev) | FS_RIGHT(make_reg) | FS_RIGHT(make_dir) | \
	 FS_RIGHT(make_sym) | FS_RIGHT(make_fifo) | FS_RIGHT(make_sock) | FS_RIGHT(remove_file) |                    \
	 FS_RIGHT(remove_dir) | FS_RIGHT(refer))

uint64_t path_group_rights(enum path_group group)
{
	switch (group) {
	case GROUP_RO:
		return FS_RO;
	case GROUP_ROX:
		return FS_RO | FS_RIGHT(execute);
	case GROUP_RW:
		return FS_RO | FS_CHANGE;
	case GROUP_RWX:
		return FS_RO | FS_CHANGE | FS_RIGHT(execute);
	case GROUP_UNIX:
		return FS_RIGHT(resolve_unix);
	case GROUP_EXACT:
	case GROUP_BUNDLE:
	case GROUP_LOCK:
		break;
	}
	return 0;
}

uint64_t word_bits(const struct toml_value *table, const char *key, enum vocab vocab)
{
	uint64_t bits = 0, bit;

	for (const struct toml_value *word = first(table, key); word; word = word->next)
		if (text_of(word) && vocab_find(vocab, word->string.ptr, &bit))
			bits |= bit;
	return bits;
}

static size_t read_names(struct reader *r, const struct toml_value *table, const char *key,
			 struct policy_name **names)
{
	const struct toml_value *array = get(table, key, TOML_ARRAY);
	size_t n = 0;

	*names = NULL;
	if (!array)
		return 0;
	*names = arena_alloc(r->arena, (array->count + 1) * sizeof(**names));
	for (const struct toml_value *word = array->first; word; word = word->next)
		if (text_of(word))
			(*names)[n++] = (struct policy_name){.text = word->string.ptr, .pos = word->pos};
	return n;
}

/* ---- slots and paths ---- */

static const struct {
	const char *name, *variable, *fallback;
} builtin_slots[] = {
	{"CWD", NULL, NULL},
	{"HOME", "HOME", NULL},
	{"TMPDIR", "TMPDIR", "/tmp"},
};

static const char *defined(const struct reader *r, const char *name)
{
	for (size_t i = 0; r->options && i < r->options->ndefines; i++)
		if (!strcmp(r->options->defines[i].name, name))
			return r->options->defines[i].value;
	return NULL;
}

static struct policy_slot *add_slot(struct reader *r)
{
	struct policy *p = r->policy;

	p->slots = arena_grow(r->arena, p->slots, &p->slots_cap, p->nslots + 1, sizeof(*p->slots));
	p->slots[p->nslots] = (struct policy_slot){.dir = true, .pos = {.file = SRC_NONE}};
	return &p->slots[p->nslots++];
}

/* Index of a slot; built-in ones are entered at their first use. -1 when unknown. */
static int find_slot(struct reader *r, const char *name)
{
	struct policy *p = r->policy;

	for (size_t i = 0; i < p->nslots; i++)
		if (!strcmp(p->slots[i].name, name))
			return (int)i;
	for (size_t i = 0; i < sizeof(builtin_slots) / sizeof(builtin_slots[0]); i++) {
		if (strcmp(builtin_slots[i].name, name))
			continue;
		struct policy_slot *slot = add_slot(r);
		slot->name = builtin_slots[i].name;
		slot->builtin = true;
		slot->variable = builtin_slots[i].variable;
		slot->from = slot->variable ? SLOT_FROM_ENV : SLOT_FROM_CWD;
		slot->fallback = builtin_slots[i].fallback;
		slot->fixed = defined(r, name);
		return (int)p->nslots - 1;
	}
	return -1;
}

/*
 * Canonical spelling: no empty and no "." components, no slash at the end. ".." is refused: what it means depends on
 * the links that precede it. NULL when the path is not acceptable; *why then says it.
 */
static const char *canonical(struct arena *arena, const char *path, const char **why)
{
	char *out = arena_alloc(arena, strlen(path) + 2);
	size_t n = 0;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			*why = "\"..\" is not allowed: what it means depends on symbolic links";
			return NULL;
		}
		if (len > 255) {
			*why = "a component is longer than 255 bytes";
			return NULL;
		}
		if (len && !(len == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	if (n >= 4096) {
		*why = "longer than 4095 bytes";
		return NULL;
	}
	return n ? out : "/";
}

static struct diag_item *bad_path(struct reader *r, const struct srcpos *pos, const char *path, const char *why)
{
	return diag_report(r->diag, CHECK_BAD_PATH, pos, "path \"%s\": %s", path, why);
}

static void unknown_slot(struct reader *r, const struct srcpos *pos, const char *path, const char *name)
{
	size_t n = 0;
	const char **names = arena_alloc(r->arena, (r->policy->nslots + 6) * sizeof(*names));

	for (size_t i = 0; i < sizeof(builtin_slots) / sizeof(builtin_slots[0]); i++)
		names[n++] = builtin_slots[i].name;
	names[n++] = "UID";
	for (size_t i = 0; i < r->policy->nslots; i++)
		if (!r->policy->slots[i].builtin)
			names[n++] = r->policy->slots[i].name;
	struct diag_item *item = bad_path(r, pos, path, arena_printf(r->arena, "unknown slot ${%s}", name));
	const char *near = diag_nearest(name, names);
	if (near)
		diag_note(r->diag, item, NULL, "did you mean ${%s}?", near);
	else
		diag_note(r->diag, item, NULL, "slots are ${CWD}, ${HOME}, ${TMPDIR}, ${UID} and those of [slots]");
}

/* ${UID} stands anywhere in an absolute path, once; the blob carries the byte 0x01 in its place. */
static const char *place_uid(struct reader *r, struct policy_rule *rule, const char *path)
{
	const char *at = strstr(path, "${");

	if (!at)
		return path;
	const char *fixed = defined(r, "UID");
	if (strncmp(at, "${UID}", 6) || strstr(at + 6, "${")) {
		bad_path(r, &rule->pos, rule->path,
			 strncmp(at, "${UID}", 6) ? "a slot must stand at the beginning"
						  : "only one ${UID} is possible");
		return NULL;
	}
	if (fixed && (!*fixed || fixed[strspn(fixed, "0123456789")])) {
		diag_report(r->diag, CHECK_BAD_SLOT, &rule->pos, "-D UID=%s: not a number", fixed);
		return NULL;
	}
	rule->uid = !fixed;
	return arena_printf(r->arena, "%.*s%s%s", (int)(at - path), path, fixed ? fixed : "\x01", at + 6);
}

/* What a shell would have made of it is what was meant. */
static void relative_path(struct reader *r, const struct policy_rule *rule)
{
	static const char *const homes[] = {"~", "$HOME"};
	struct diag_item *item = bad_path(r, &rule->pos, rule->path, "must be absolute");
	const char *path = rule->path;

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		size_t len = strlen(homes[i]);
		if (!strncmp(path, homes[i], len) && (!path[len] || path[len] == '/')) {
			diag_note(r->diag, item, NULL, "write \"${HOME}%s\"", path + len);
			return;
		}
	}
	if (*path == '$' && path[1] != '{')
		diag_note(r->diag, item, NULL, "variables are named by slots: [slots] with from = \"env:NAME\"");
	if (*path == '$' || *path == '~')
		return;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	diag_note(r->diag, item, NULL, "write \"${CWD}/%s\" for a path below the caller's directory", path);
}

/* Split a path into slot and rest. False after a report. */
bool resolve_path(struct reader *r, struct policy_rule *rule)
{
	const char *path = rule->path, *why = NULL;

	rule->slot = -1;
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return bad_path(r, &rule->pos, path, "contains a control character"), false;
	if (path[0] == '$' && path[1] == '{' && strncmp(path, "${UID}", 6)) {
		size_t len = strcspn(path + 2, "}");
		const char *name = arena_strndup(r->arena, path + 2, len);
		if (!path[2 + len])
			return bad_path(r, &rule->pos, path, "the slot lacks its \"}\""), false;
		if (path[3 + len] && path[3 + len] != '/') {
			bad_path(r, &rule->pos, path, "after a slot the path goes on with \"/\"");
			return false;
		}
		rule->slot = find_slot(r, name);
		if (rule->slot < 0)
			return unknown_slot(r, &rule->pos, path, name), false;
		path += 3 + len;
		if (strstr(path, "${"))
			return bad_path(r, &rule->pos, rule->path, "a slot must stand at the beginning"), false;
		struct policy_slot *slot = &r->policy->slots[rule->slot];
		if (!slot->used && slot->builtin)
			slot->pos = rule->pos; /* a built-in slot is defined by its first use */
		slot->used = true;
		const char *fixed = slot->fixed;
		if (fixed) {
			rule->slot = -1;
			path = arena_printf(r->arena, "%s/%s", fixed, path);
		} else {
			path = *path ? path : "/";
		}
	} else {
		path = place_uid(r, rule, path);
		if (!path)
			return false;
	}
	if (path[0] != '/') {
		return relative_path(r, rule), false;
	}
	rule->rest = canonical(r->arena, path, &why);
	if (!rule->rest)
		return bad_path(r, &rule->pos, rule->path, why), false;
	if (rule->slot >= 0)
		rule->rest++; /* relative to the slot; "" the slot itself */
	return true;
}

bool read_place(struct reader *r, const struct toml_value *value, struct policy_place *place)
{
	if (!text_of(value))
		return false;
	struct policy_rule rule = {.path = value->string.ptr, .pos = value->pos};
	if (!resolve_path(r, &rule))
		return false;
	*place = (struct policy_place){
		.path = rule.path, .pos = rule.pos, .slot = rule.slot, .rest = rule.rest, .uid = rule.uid};
	return true;
}

static void read_slot(struct reader *r, const struct toml_entry *entry)
{
	const struct toml_value *table = entry->value;
	const char *name = entry->key.ptr, *from = get_text(table, "from"), *type = get_text(table, "type");
	const char *why = NULL;

	if (table->type != TOML_TABLE)
		return;
	for (const char *p = name; *p || p == name; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p) || !*p) {
			diag_report(r->diag, CHECK_BAD_SLOT, &entry->key_pos,
				    "slot name \"%s\": letters, digits, _ and - only", name);
			return;
		}
	if (find_slot(r, name) >= 0 || !strcmp(name, "UID")) {
		diag_report(r->diag, CHECK_BAD_SLOT, &entry->key_pos, "${%s} is built in", name);
		return;
	}
	struct policy_slot *slot = add_slot(r);
	slot->name = name;
	slot->pos = entry->key_pos;
	slot->dir = !type || strcmp(type, "file");
	slot->allow_root = get_bool(table, "allow_root", false);
	slot->optional = get_bool(table, "optional", false);
	slot->follow = get_bool(table, "follow", false);
	slot->fixed = defined(r, name);
	slot->fallback = get_text(table, "default");
	if (slot->fallback &&
	    (slot->fallback[0] != '/' || !(slot->fallback = canonical(r->arena, slot->fallback, &why)))) {
		const struct toml_value *value = get(table, "default", TOML_STRING);
		bad_path(r, &value->pos, value->string.ptr, why ? why : "must be absolute");
	}
	if (!from || !strcmp(from, "arg")) {
		slot->from = SLOT_FROM_ARG;
	} else if (!strcmp(from, "cwd")) {
		slot->from = SLOT_FROM_CWD;
	} else if (!strncmp(from, "env:", 4) && from[4] && !strchr(from, '=')) {
		slot->from = SLOT_FROM_ENV;
		slot->variable = from + 4;
	} else {
		struct srcpos pos = pos_of(table, "from");
		diag_report(r->diag, CHECK_BAD_SLOT, &pos,
			    "from must be \"arg\", \"cwd\" or \"env:NAME\", not \"%s\"", from);
	}
}

/* -D of something the policy does not have is a misspelling that would leave a slot open. */
static void check_defines(struct reader *r)
{
	const char *why = NULL;

	for (size_t i = 0; r->options && i < r->options->ndefines; i++) {
		const struct policy_define *define = &r->options->defines[i];
		if (!strcmp(define->name, "UID"))
			continue;
		if (find_slot(r, define->name) < 0)
			diag_report(r->diag, CHECK_BAD_SLOT, NULL, "-D %s: the policy has no such slot",
				    define->name);
		else if (define->value[0] != '/')
			diag_report(r->diag, CHECK_BAD_SLOT, NULL, "-D %s=%s: must be an absolute path", define->name,
				    define->value);
		else if (!canonical(r->arena, define->value, &why))
			diag_report(r->diag, CHECK_BAD_SLOT, NULL, "-D %s=%s: %s", define->name, define->value, why);
	}
}

/* ---- file system ---- */

static struct policy_layer *add_layer(struct reader *r, struct srcpos pos)
{
	struct policy *p = r->policy;

	p->layers = arena_grow(r->arena, p->layers, &p->layers_cap, p->nlayers + 1, sizeof(*p->layers));
	p->layers[p->nlayers] = (struct policy_layer){.pos = pos};
	return &p->layers[p->nlayers++];
}

void add_rule(struct reader *r, struct policy_layer *layer, struct policy_rule rule)
{
	if (!resolve_path(r, &rule))
		return;
	layer->rules =
		arena_grow(r->arena, layer->rules, &layer->rules_cap, layer->nrules + 1, sizeof(*layer->rules));
	layer->rules[layer->nrules++] = rule;
}

/* A path is a string, or a table { path, optional, follow }. */
static void read_path(struct reader *r, struct policy_layer *layer, const struct toml_value *value,
		      enum path_group group)
{
	bool table = value->type == TOML_TABLE;
	const struct toml_value *path = table ? get(value, "path", TOML_STRING) : value;

	if (!text_of(path))
		return;
	add_rule(r, layer,
		 (struct policy_rule){.path = path->string.ptr,
				      .pos = path->pos,
				      .access_pos = path->pos,
				      .group = group,
				      .access = path_group_rights(group),
				      .optional = table && get_bool(value, "optional", false),
				      .follow = table && get_bool(value, "follow", false)});
}

static void read_exact_rule(struct reader *r, struct policy_layer *layer, const struct toml_value *table,
			    const char *rights)
{
	const struct toml_value *path = get(table, "path", TOML_STRING);

	if (table->type != TOML_TABLE || !text_of(path))
		return;
	add_rule(r, layer,
		 (struct policy_rule){.path = path->string.ptr,
				      .pos = path->pos,
				      .access_pos = pos_of(table, rights),
				      .group = GROUP_EXACT,
				      .access = word_bits(table, rights, VOCAB_FS),
				      .optional = get_bool(table, "optional", false),
				      .follow = get_bool(table, "follow", false)});
}

static void read_bundles(struct reader *r, struct policy_layer *layer, const struct toml_value *fs)
{
	for (const struct toml_value *word = first(fs, "with"); word; word = word->next)
		for (size_t i = 0; text_of(word) && i < bundle_paths_count; i++)
			if (!strcmp(bundle_paths[i].bundle, word->string.ptr))
				add_rule(r, layer,
					 (struct policy_rule){
						 .path = bundle_paths[i].path,
						 .pos = word->pos,
						 .access_pos = word->pos,
						 .group = GROUP_BUNDLE,
						 .bundle = bundle_paths[i].bundle,
						 .access = path_group_rights((enum path_group)bundle_paths[i].group),
						 .optional = bundle_paths[i].optional});
}

static const struct {
	const char *key;
	enum path_group group;
} path_keys[] = {
	{"ro", GROUP_RO}, {"rox", GROUP_ROX}, {"rw", GROUP_RW}, {"rwx", GROUP_RWX}, {"unix", GROUP_UNIX},
};

static void read_fs(struct reader *r, const struct toml_value *fs)
{
	struct policy *p = r->policy;

	p->has_fs = true;
	p->fs_pos = fs->pos;
	if (get_bool(fs, "unrestricted", false)) {
		p->fs_unrestricted = true;
		for (const struct toml_entry *entry = fs->entries; entry; entry = entry->next)
			if (strcmp(entry->key.ptr, "unrestricted"))
				diag_report(r->diag, CHECK_MIXED_FORMS, &entry->key_pos,
					    "%s beside unrestricted = true in [fs]", entry->key.ptr);
		return;
	}
	struct policy_layer *layer = add_layer(r, fs->pos);
	uint64_t open = word_bits(fs, "unrestricted", VOCAB_FS);
	layer->plain = layer->names_refer = true;
	layer->handled_pos = pos_of(fs, "unrestricted");
	p->has_unix = toml_get(fs, "unix") != NULL;
	p->unix_pos = key_pos_of(fs, "unix");
	if (open & FS_RIGHT(refer))
		diag_report(r->diag, CHECK_BAD_VALUE, &layer->handled_pos,
			    "refer cannot be unrestricted: the kernel refuses it wherever no rule grants it");
	if (p->has_unix && (open & FS_RIGHT(resolve_unix)))
		diag_report(r->diag, CHECK_MIXED_FORMS, &layer->handled_pos,
			    "resolve_unix is unrestricted beside the key unix");
	layer->handled = abi_fs_mask(ABI_NEWEST) & ~open;
	if (!p->has_unix)
		layer->handled &= ~FS_RIGHT(resolve_unix);
	for (size_t i = 0; i < sizeof(path_keys) / sizeof(path_keys[0]); i++)
		for (const struct toml_value *value = first(fs, path_keys[i].key); value; value = value->next)
			read_path(r, layer, value, path_keys[i].group);
	for (const struct toml_value *rule = first(fs, "rule"); rule; rule = rule->next)
		read_exact_rule(r, layer, rule, "access");
	read_bundles(r, layer, fs);
}

static void read_fs_layer(struct reader *r, const struct toml_value *table)
{
	if (table->type != TOML_TABLE)
		return;
	struct policy_layer *layer = add_layer(r, table->pos);
	layer->handled = word_bits(table, "handled_access_fs", VOCAB_FS);
	layer->handled_pos = pos_of(table, "handled_access_fs");
	for (const struct toml_value *rule = first(table, "rule"); rule; rule = rule->next)
		read_exact_rule(r, layer, rule, "allowed_access");
	layer->names_refer = layer->handled & FS_RIGHT(refer);
	for (size_t i = 0; i < layer->nrules; i++)
		layer->names_refer |= (layer->rules[i].access & FS_RIGHT(refer)) != 0;
}

/* ---- network, scope ---- */

static void add_port(struct reader *r, const struct toml_value *value, uint64_t access)
{
	struct policy *p = r->policy;

	if (!value || value->type != TOML_INTEGER || value->integer < 0 || value->integer > 65535)
		return;
	p->ports = arena_grow(r->arena, p->ports, &p->ports_cap, p->nports + 1, sizeof(*p->ports));
	p->ports[p->nports++] =
		(struct policy_port){.port = (uint16_t)value->integer, .access = access, .pos = value->pos};
}

static void mixed_net(struct reader *r, const struct toml_value *net, const char *const *keys, const char *beside)
{
	for (; *keys; keys++) {
		const struct toml_entry *entry = toml_get(net, *keys);
		if (entry)
			diag_report(r->diag, CHECK_MIXED_FORMS, &entry->key_pos, "%s beside %s in [net]", *keys,
				    beside);
	}
}

static void read_net(struct reader *r, const struct toml_value *net)
{
	static const char *const plain_keys[] = {"connect_tcp", "bind_tcp", NULL};
	static const char *const other_keys[] = {"unrestricted",       "connect_tcp", "bind_tcp", "udp",
						 "handled_access_net", "rule",        NULL};
	struct policy *p = r->policy;
	bool landlockd = toml_get(net, "handled_access_net") || toml_get(net, "rule");
	const char *udp = get_text(net, "udp");

	p->has_net = true;
	p->net_pos = net->pos;
	p->has_udp = udp != NULL;
	p->udp_pos = udp ? pos_of(net, "udp") : net->pos;
	if (get_bool(net, "isolate", false)) {
		p->isolate |= K_CLONE_NEWNET;
		p->net_unrestricted = true; /* inside */
		p->isolate_pos = key_pos_of(net, "isolate");
		mixed_net(r, net, other_keys, "isolate = true");
		return;
	}
	if (get_bool(net, "unrestricted", false)) {
		p->net_unrestricted = true;
		mixed_net(r, net, other_keys + 1, "unrestricted = true");
		return;
	}
	p->net_plain = !landlockd;
	p->udp_deny = udp ? !strcmp(udp, "deny") : !landlockd;
	if (!landlockd) {
		p->net_handled = NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp);
		for (const struct toml_value *port = first(net, "connect_tcp"); port; port = port->next)
			add_port(r, port, NET_RIGHT(connect_tcp));
		for (const struct toml_value *port = first(net, "bind_tcp"); port; port = port->next)
			add_port(r, port, NET_RIGHT(bind_tcp));
		return;
	}
	mixed_net(r, net, plain_keys, "handled_access_net and [[net.rule]]");
	p->net_handled = word_bits(net, "handled_access_net", VOCAB_NET);
	if (!toml_get(net, "handled_access_net"))
		diag_report(r->diag, CHECK_MISSING_KEY, &net->pos, "[[net.rule]] needs handled_access_net in [net]");
	if (udp && p->net_handled & ~(NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp)))
		diag_report(r->diag, CHECK_MIXED_FORMS, &p->udp_pos,
			    "udp beside rights of UDP in handled_access_net");
	for (const struct toml_value *rule = first(net, "rule"); rule; rule = rule->next)
		if (rule->type == TOML_TABLE)
			add_port(r, get(rule, "port", TOML_INTEGER), word_bits(rule, "allowed_access", VOCAB_NET));
}

static void read_scope(struct reader *r, const struct toml_value *scope)
{
	struct policy *p = r->policy;

	p->has_scope = true;
	p->scope_pos = scope->pos;
	p->scope_unrestricted = get_bool(scope, "unrestricted", false);
	if (p->scope_unrestricted && scope->count > 1)
		diag_report(r->diag, CHECK_MIXED_FORMS, &scope->pos,
			    "other keys beside unrestricted = true in [scope]");
	if (!p->scope_unrestricted && get_bool(scope, "abstract_unix_socket", true))
		p->scoped |= SCOPE_RIGHT(abstract_unix_socket);
	if (!p->scope_unrestricted && get_bool(scope, "signal", true))
		p->scoped |= SCOPE_RIGHT(signal);
}

/* ---- the other tables ---- */

static void read_companions(struct reader *r, const struct toml_value *table)
{
	static const char *const names[COMPANIONS] = {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) #name,
#include "companions.def"
	};

	for (size_t i = 0; i < COMPANIONS; i++) {
		const struct toml_value *value = get(table, names[i], TOML_BOOLEAN);
		if (value)
			r->policy->companions[i] = (struct policy_companion){true, value->boolean, value->pos};
	}
}

static void read_env(struct reader *r, const struct toml_value *env)
{
	struct policy *p = r->policy;
	const struct toml_value *set = get(env, "set", TOML_TABLE);

	p->has_env = true;
	p->env_pos = env->pos;
	p->nenv_pass = read_names(r, env, "pass", &p->env_pass);
	for (size_t i = 0; i < p->nenv_pass; i++) {
		const char *star = strchr(p->env_pass[i].text, '*');
		if (strchr(p->env_pass[i].text, '='))
			diag_report(r->diag, CHECK_BAD_VALUE, &p->env_pass[i].pos,
				    "\"%s\" is not a variable's name; use set", p->env_pass[i].text);
		if (star && star[1])
			diag_report(r->diag, CHECK_BAD_VALUE, &p->env_pass[i].pos,
				    "\"%s\": * may stand at the end only", p->env_pass[i].text);
	}
	if (!set)
		return;
	p->env_set = arena_alloc(r->arena, (set->count + 1) * sizeof(*p->env_set));
	for (const struct toml_entry *entry = set->entries; entry; entry = entry->next) {
		if (entry->value->type != TOML_STRING)
			continue;
		if (!entry->key.len || strchr(entry->key.ptr, '=') || strlen(entry->key.ptr) != entry->key.len)
			diag_report(r->diag, CHECK_BAD_VALUE, &entry->key_pos, "\"%s\" is not a variable's name",
				    entry->key.ptr);
		else if (strstr(entry->value->string.ptr, "${"))
			diag_report(
				r->diag, CHECK_BAD_VALUE, &entry->value->pos,
				"slots are not expanded in the environment: write the value, or pass the variable");
		else
			p->env_set[p->nenv_set++] = (struct policy_name){
				.text = arena_printf(r->arena, "%s=%s", entry->key.ptr, entry->value->string.ptr),
				.pos = entry->key_pos};
	}
}

int read_octal(struct reader *r, const struct toml_value *table, const char *key, const char *example)
{
	const char *text = get_text(table, key);
	size_t len = text ? strspn(text, "01234567") : 0, leading = strlen(example) - 3;

	if (!text)
		return -1;
	if (!text[len] && len >= 3 && len <= 4 && (len == 3 || leading || text[0] == '0'))
		return (int)strtol(text, NULL, 8);
	struct srcpos pos = pos_of(table, key);
	diag_report(r->diag, CHECK_BAD_VALUE, &pos, "%s \"%s\": three octal digits%s, such as \"%s\"", key, text,
		    leading ? " or four" : "", example);
	return -1;
}

static void read_process(struct reader *r, const struct toml_value *process)
{
	struct policy *p = r->policy;
	const struct toml_value *fds = get(process, "keep_fds", TOML_ARRAY);
	const char *caps = get_text(process, "drop_caps");

	p->has_process = true;
	p->has_drop_caps = toml_get(process, "drop_caps") != NULL;
	p->process_pos = process->pos;
	p->close_fds = get_bool(process, "close_fds", true);
	p->new_session = get_bool(process, "new_session", false);
	if (caps)
		vocab_find(VOCAB_CAP, caps, &p->drop_caps);
	else if (get(process, "drop_caps", TOML_ARRAY))
		p->drop_caps = word_bits(process, "drop_caps", VOCAB_CAP);
	p->umask = read_octal(r, process, "umask", "022");
	if (!fds)
		return;
	p->keep_fds = arena_alloc(r->arena, (fds->count + 1) * sizeof(*p->keep_fds));
	for (const struct toml_value *fd = fds->first; fd; fd = fd->next)
		if (fd->type == TOML_INTEGER)
			p->keep_fds[p->nkeep_fds++] = (int)fd->integer;
}

static void read_audit(struct reader *r, const struct toml_value *audit)
{
	struct policy *p = r->policy;

	p->has_audit = true;
	p->audit_pos = audit->pos;
	if (!get_bool(audit, "log_same_exec", true))
		p->log_flags |= LOG_FLAG(log_same_exec_off);
	if (get_bool(audit, "log_new_exec", false))
		p->log_flags |= LOG_FLAG(log_new_exec_on);
	if (!get_bool(audit, "log_subdomains", true))
		p->log_flags |= LOG_FLAG(log_subdomains_off);
}

/* Not find_slot(): a slot that only a test names is no part of the blob. */
static bool is_slot(const struct policy *p, const char *name)
{
	bool known = !strcmp(name, "UID");

	for (size_t i = 0; i < sizeof(builtin_slots) / sizeof(builtin_slots[0]); i++)
		known |= !strcmp(builtin_slots[i].name, name);
	for (size_t i = 0; i < p->nslots; i++)
		known |= !strcmp(p->slots[i].name, name);
	return known;
}

/* A slot that is misspelt matches nothing: every denial would come true. */
static void check_test_slot(struct reader *r, const struct toml_value *table, const char *key)
{
	const char *path = get_text(table, key), *end = path ? strchr(path, '}') : NULL;

	if (!end || strncmp(path, "${", 2))
		return;
	const char *name = arena_strndup(r->arena, path + 2, (size_t)(end - path) - 2);
	struct srcpos pos = pos_of(table, key);
	if (!is_slot(r->policy, name))
		unknown_slot(r, &pos, path, name);
}

static void read_test(struct reader *r, const struct toml_value *table)
{
	struct policy *p = r->policy;
	const struct toml_value *number = get(table, "port", TOML_INTEGER);
	const char *expect = get_text(table, "expect"), *error = get_text(table, "errno");
	const struct toml_value *error_number = get(table, "errno", TOML_INTEGER);
	struct policy_test *test;

	if (table->type != TOML_TABLE)
		return;
	p->tests = arena_grow(r->arena, p->tests, &p->tests_cap, p->ntests + 1, sizeof(*p->tests));
	test = &p->tests[p->ntests++];
	*test = (struct policy_test){.pos = table->pos, .op_pos = pos_of(table, "op"), .port = -1};
	test->op = get_text(table, "op");
	test->path = get_text(table, "path");
	test->to = get_text(table, "to");
	check_test_slot(r, table, "path");
	check_test_slot(r, table, "to");
	test->syscall = get_text(table, "syscall");
	test->port = number ? (int)number->integer : -1;
	test->allow = expect && !strcmp(expect, "allow");
	test->err = (uint16_t)(error ? errno_find(error) : error_number ? (unsigned)error_number->integer : 0);
	test->arches = read_arches(table);
	for (const struct toml_value *abi = first(table, "abi"); abi; abi = abi->next)
		if (abi->type == TOML_INTEGER && abi->integer >= 0 && abi->integer <= ABI_NEWEST)
			test->abis |= UINT32_C(1) << abi->integer;
	if (test->allow && test->err)
		diag_report(r->diag, CHECK_MIXED_FORMS, &test->pos, "errno beside expect = \"allow\" in [[test]]");
}

static void read_about(struct reader *r, const struct toml_value *root)
{
	struct policy *p = r->policy;
	const struct toml_value *about = get(root, "policy", TOML_TABLE);
	const char *compat = about ? get_text(about, "compat") : NULL;
	const struct toml_value *min_abi = about ? get(about, "min_abi", TOML_INTEGER) : NULL;

	p->strict = !compat || strcmp(compat, "best-effort");
	p->min_abi = -1;
	if (about)
		p->name = get_text(about, "name");
	if (min_abi && min_abi->integer >= 0 && min_abi->integer <= ABI_NEWEST) {
		p->min_abi = (int)min_abi->integer;
		p->min_abi_pos = min_abi->pos;
	}
}

static void refuse_empty(struct reader *r, const struct toml_value *root)
{
	static const char *const about[] = {"version", "policy", "slots", "test", "command"};
	size_t told = 0;

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		told += toml_get(root, about[i]) != NULL;
	if (told < root->count || !toml_get(root, "version"))
		return;
	struct diag_item *item =
		diag_report(r->diag, CHECK_EMPTY_POLICY, &root->entries->key_pos, "this policy restricts nothing");
	diag_note(r->diag, item, NULL,
		  "add [fs], [net], [scope] or [seccomp]; `unrestricted = true` in a table says it is meant");
}

static const struct {
	const char *key;
	void (*read)(struct reader *r, const struct toml_value *table);
} table_readers[] = {
	{"fs", read_fs},           {"net", read_net},
	{"scope", read_scope},     {"seccomp", read_seccomp},
	{"env", read_env},         {"process", read_process},
	{"audit", read_audit},     {"companions", read_companions},
	{"command", read_command}, {"mount", read_mount},
	{"runtime", read_runtime},
};

struct policy *policy_read(struct arena *arena, struct diag *diag, struct sources *sources, uint32_t file,
			   struct toml_value *root, const struct policy_options *options)
{
	struct policy *p = arena_alloc(arena, sizeof(*p));
	struct reader r = {.arena = arena, .diag = diag, .sources = sources, .policy = p, .options = options};
	size_t errors = diag_count(diag, SEVERITY_ERROR);

	root = include_all(arena, diag, sources, file, root, p);
	const struct toml_value *slots = get(root, "slots", TOML_TABLE);

	p->root = root;
	p->file = file;
	p->source_path = source_name(sources, file);
	p->umask = -1;
	p->close_fds = true;
	vocab_find(VOCAB_CAP, "@dangerous", &p->drop_caps);
	schema_check(diag, root);
	read_about(&r, root);
	for (const struct toml_entry *entry = slots ? slots->entries : NULL; entry; entry = entry->next)
		read_slot(&r, entry);
	check_defines(&r);
	for (size_t i = 0; i < sizeof(table_readers) / sizeof(table_readers[0]); i++) {
		const struct toml_value *table = get(root, table_readers[i].key, TOML_TABLE);
		if (table)
			table_readers[i].read(&r, table);
	}
	for (const struct toml_value *layer = first(root, "fs_layer"); layer; layer = layer->next)
		read_fs_layer(&r, layer);
	for (const struct toml_value *test = first(root, "test"); test; test = test->next)
		read_test(&r, test);
	if (get(root, "broker", TOML_TABLE)) /* after the layers: what is static becomes rules of theirs */
		read_broker(&r, get(root, "broker", TOML_TABLE));
	check_view(&r);
	refuse_empty(&r, root);
	if (p->has_command && diag_count(diag, SEVERITY_ERROR) == errors)
		read_lock(&r);
	return diag_count(diag, SEVERITY_ERROR) > errors ? NULL : p;
}
