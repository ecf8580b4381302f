/* SPDX-License-Identifier: MIT */
/*
 * [broker] → exceptions. addfd narrows what descriptors are handed over; it is worked in here, so that a record says all
 * there is to know. What is static, and means the same to Landlock, becomes rules of every layer.
 */
#include <string.h>

#include "access.h"
#include "arena.h"
#include "diag.h"
#include "llpb.h"
#include "reader.h"
#include "vocab.h"

/* The values of VOCAB_ADDFD_ACTION in vocab.def. */
enum gate_action { GATE_OPEN, GATE_OPEN_TREE, GATE_SCRATCH_OPEN, GATE_FSOPEN, GATE_FSMOUNT };
enum { MODE_READ = 1 << 0, MODE_WRITE = 1 << 1, MODE_BOTH = MODE_READ | MODE_WRITE };

struct gate {
	enum gate_action action;
	unsigned modes;
	struct policy_rule target;
};

struct broker_reader {
	struct reader *r;
	struct gate *gates;
	size_t ngates;
	bool gated; /* the key addfd is there */
	bool all_static;
};

/* ---- static ones ---- */

/* Rights that let Landlock grant what the broker would; 0: only the broker can. */
static uint64_t static_rights(const struct policy_exception *e)
{
	const uint64_t list = e->flags & LLPB_B_TREE || e->kind == LLPB_B_SCRATCH ? FS_RIGHT(read_dir) : 0;
	const uint64_t read = FS_RIGHT(read_file) | list;
	const uint64_t write = read | FS_RIGHT(write_file) | FS_RIGHT(truncate);

	if (e->flags & (LLPB_B_NO_READ | LLPB_B_NO_WRITE))
		return 0;
	if (e->kind == LLPB_B_READ)
		return read;
	if (e->kind == LLPB_B_WRITE && e->flags & LLPB_B_CREATE)
		return e->flags & LLPB_B_TREE ? write | FS_RIGHT(make_reg) : 0;
	if (e->kind == LLPB_B_WRITE)
		return write;
	if (e->kind == LLPB_B_SCRATCH)
		return write | FS_RIGHT(make_reg) | FS_RIGHT(make_dir) | FS_RIGHT(make_sym) | FS_RIGHT(make_fifo) |
		       FS_RIGHT(remove_file) | FS_RIGHT(remove_dir) | FS_RIGHT(refer);
	return 0;
}

static void make_static(struct reader *r, const struct policy_exception *e)
{
	struct policy *p = r->policy;
	struct policy_rule rule = e->place;

	rule.group = GROUP_EXACT;
	rule.access = static_rights(e);
	if (!p->nlayers)
		diag_report(r->diag, CHECK_NO_EFFECT, &rule.pos,
			    "no layer restricts files: there is nothing to grant");
	for (size_t i = 0; i < p->nlayers; i++) {
		struct policy_layer *layer = &p->layers[i];
		rule.access = static_rights(e) & layer->handled;
		if (!rule.access)
			continue;
		layer->rules = arena_grow(r->arena, layer->rules, &layer->rules_cap, layer->nrules + 1,
					  sizeof(*layer->rules));
		layer->rules[layer->nrules++] = rule;
	}
}

/* ---- addfd ---- */

static void read_gates(struct broker_reader *b, const struct toml_value *broker)
{
	const struct toml_value *list = get(broker, "addfd", TOML_ARRAY);

	b->gated = list;
	if (!list)
		return;
	b->gates = arena_alloc(b->r->arena, (list->count + 1) * sizeof(*b->gates));
	for (const struct toml_value *row = list->first; row; row = row->next) {
		struct gate *gate = &b->gates[b->ngates];
		const char *action = get_text(row, "action"), *mode = get_text(row, "mode");
		const struct toml_value *target = get(row, "target", TOML_STRING);
		uint64_t value = 0;
		if (!action || !text_of(target) || !vocab_find(VOCAB_ADDFD_ACTION, action, &value))
			continue;
		*gate = (struct gate){.action = (enum gate_action)value, .modes = MODE_BOTH};
		gate->target = (struct policy_rule){.path = target->string.ptr, .pos = target->pos};
		if (mode)
			gate->modes = strcmp(mode, "read") ? MODE_WRITE : MODE_READ;
		b->ngates += resolve_path(b->r, &gate->target);
	}
}

bool rule_within(const struct policy_rule *rule, const struct policy_rule *dir)
{
	size_t len = strlen(dir->rest);

	if (dir->slot != rule->slot || dir->uid != rule->uid)
		return false;
	if (!len || !strcmp(dir->rest, "/"))
		return true;
	return !strncmp(dir->rest, rule->rest, len) && (!rule->rest[len] || rule->rest[len] == '/');
}

/* The modes that gates of `action` open on the whole of `place`. */
static unsigned gate_modes(const struct broker_reader *b, enum gate_action action, const struct policy_rule *place)
{
	unsigned modes = b->gated ? 0 : MODE_BOTH;

	for (size_t i = 0; i < b->ngates; i++)
		if (b->gates[i].action == action && rule_within(place, &b->gates[i].target))
			modes |= b->gates[i].modes;
	return modes;
}

static void add_exception(struct broker_reader *b, const struct policy_exception *e)
{
	struct policy *p = b->r->policy;

	p->exceptions = arena_grow(b->r->arena, p->exceptions, &p->exceptions_cap, p->nexceptions + 1,
				   sizeof(*p->exceptions));
	p->exceptions[p->nexceptions++] = *e;
}

/* A tree, of which the gates open parts only. Returns whether there was one. */
static bool add_gated_parts(struct broker_reader *b, const struct policy_exception *tree, enum gate_action action)
{
	bool any = false;

	for (size_t i = 0; i < b->ngates; i++) {
		const struct gate *gate = &b->gates[i];
		struct policy_exception part = *tree;
		if (gate->action != action || !rule_within(&gate->target, &tree->place) ||
		    (tree->kind == LLPB_B_READ && !(gate->modes & MODE_READ)))
			continue;
		part.place.rest = gate->target.rest;
		part.place.pos = gate->target.pos;
		part.flags = (part.flags & ~(LLPB_B_NO_READ | LLPB_B_NO_WRITE)) | LLPB_B_TREE;
		if (tree->kind == LLPB_B_SCRATCH)
			part.kind = LLPB_B_WRITE, part.flags |= LLPB_B_CREATE;
		if (!(gate->modes & MODE_WRITE))
			part.kind = LLPB_B_READ, part.flags &= ~LLPB_B_CREATE;
		else if (!(gate->modes & MODE_READ))
			part.flags |= LLPB_B_NO_READ;
		add_exception(b, &part);
		any = true;
	}
	return any;
}

static void add_gated(struct broker_reader *b, struct policy_exception e, bool make)
{
	bool scratch = e.kind == LLPB_B_SCRATCH, export = e.kind == LLPB_B_EXPORT;
	enum gate_action action = scratch ? GATE_SCRATCH_OPEN : GATE_OPEN;
	unsigned modes = export ? MODE_BOTH : gate_modes(b, action, &e.place);
	bool tree = scratch || e.flags & LLPB_B_TREE, parts = false;

	if (scratch) {
		e.flags |= (modes & MODE_READ ? 0 : LLPB_B_NO_READ) | (modes & MODE_WRITE ? 0 : LLPB_B_NO_WRITE);
	} else if (e.kind == LLPB_B_WRITE && modes == MODE_READ) {
		e.kind = LLPB_B_READ;
		e.flags &= ~LLPB_B_CREATE;
	} else if (e.kind == LLPB_B_WRITE && modes == MODE_WRITE) {
		e.flags |= LLPB_B_NO_READ;
	} else if (e.kind == LLPB_B_READ) {
		modes &= MODE_READ;
	}
	if (tree && modes != MODE_BOTH && !(e.kind == LLPB_B_READ && modes))
		parts = add_gated_parts(b, &e, action);
	if (!modes && !parts)
		diag_report(b->r->diag, CHECK_BROKER_UNREACHABLE, &e.place.pos,
			    "addfd hands no descriptor of \"%s\" over: this entry opens nothing", e.place.path);
	if (!modes && !scratch)
		return;
	if (make && static_rights(&e))
		make_static(b->r, &e);
	else
		add_exception(b, &e);
}

/* ---- the keys ---- */

/* A process's own directory is another one for the broker; all of /proc would hand it the broker's. */
static bool broker_path(struct broker_reader *b, const struct policy_rule *rule, bool tree)
{
	const char *rest = rule->slot < 0 && !strncmp(rule->rest, "/proc", 5) ? rule->rest + 5 : "no";
	bool own = rest[0] == '/' && (!strncmp(rest + 1, "self", 4) || !strncmp(rest + 1, "thread-self", 11) ||
				      strspn(rest + 1, "0123456789"));

	if (!own && !(!*rest && tree))
		return true;
	struct diag_item *item = diag_report(b->r->diag, CHECK_BAD_PATH, &rule->pos,
					     "path \"%s\": means another process to the broker", rule->path);
	diag_note(b->r->diag, item, NULL, "grant it by [fs], or name single files of /proc");
	return false;
}

static void read_entry(struct broker_reader *b, const struct toml_value *value, enum llpb_broker_kind kind)
{
	const struct toml_value *table = value->type == TOML_TABLE ? value : NULL;
	const struct toml_value *path = table ? get(table, "path", TOML_STRING) : value;
	const char *mode = table ? get_text(table, "mode") : NULL;
	struct policy_exception e = {.kind = kind, .source = "", .type = ""};

	if (!text_of(path))
		return;
	e.place = (struct policy_rule){.path = path->string.ptr,
				       .pos = path->pos,
				       .access_pos = path->pos,
				       .optional = get_bool(table, "optional", false)};
	e.flags = (get_bool(table, "tree", false) ? LLPB_B_TREE : 0) |
		  (get_bool(table, "create", false) ? LLPB_B_CREATE : 0) |
		  (get_bool(table, "overwrite", false) ? LLPB_B_OVERWRITE : 0);
	if (!resolve_path(b->r, &e.place) ||
	    !broker_path(b, &e.place, e.flags & LLPB_B_TREE || kind >= LLPB_B_SCRATCH))
		return;
	add_gated(b, e, mode ? !strcmp(mode, "static") : b->all_static);
}

static bool read_exception_place(struct broker_reader *b, const struct toml_value *path, struct policy_exception *e)
{
	if (!text_of(path))
		return false;
	e->place = (struct policy_rule){.path = path->string.ptr, .pos = path->pos, .access_pos = path->pos};
	if (!resolve_path(b->r, &e->place))
		return false;
	if (e->place.slot < 0 && !e->place.uid)
		return true;
	/* else it has been refused as no absolute path */
	if (*path->string.ptr != '/')
		return false;
	struct diag_item *item =
		diag_report(b->r->diag, CHECK_BAD_PATH, &path->pos,
			    "path \"%s\": slots cannot be part of a run-time mount's path", path->string.ptr);
	diag_note(b->r->diag, item, NULL,
		  "write the path out; or mount before the command starts: [mount] takes slots");
	return false;
}

static void read_bind(struct broker_reader *b, const struct toml_value *table)
{
	struct policy_exception e = {.kind = LLPB_B_BIND, .type = ""}, source;

	if (table->type != TOML_TABLE || !read_exception_place(b, get(table, "source", TOML_STRING), &source) ||
	    !read_exception_place(b, get(table, "target", TOML_STRING), &e))
		return;
	e.source = source.place.rest;
	e.flags = (get_bool(table, "read_only", true) ? LLPB_B_READ_ONLY : 0) |
		  (gate_modes(b, GATE_OPEN_TREE, &source.place) ? 0 : LLPB_B_NO_FD);
	add_exception(b, &e);
}

/*
 * The broker makes what it mounts, and stays in the PID namespace that the run was started in: of that one the command's
 * user namespace may mount no /proc (fs/proc/root.c, proc_init_fs_context(): the owner of the PID namespace is asked).
 */
static void refuse_proc(const struct broker_reader *b, const struct toml_value *table, const char *type)
{
	struct srcpos pos = pos_of(table, "fs_type");

	if (!strcmp(type, "proc"))
		diag_note(b->r->diag,
			  diag_report(b->r->diag, CHECK_BAD_VALUE, &pos,
				      "a proc at run time would always be refused by the kernel (EPERM)"),
			  NULL, "mount it before the command starts: [mount] proc = [\"/proc\"]");
}

static void read_object(struct broker_reader *b, const struct toml_value *table)
{
	const char *name = get_text(table, "name"), *type = get_text(table, "fs_type");
	struct policy_exception e = {.kind = LLPB_B_OBJECT, .source = name, .type = type};
	bool open = true;
	uint64_t bit;

	if (!name || !type)
		return;
	if (strchr(name, '/')) {
		struct srcpos pos = pos_of(table, "name");
		diag_report(b->r->diag, CHECK_BAD_VALUE, &pos, "name \"%s\" contains \"/\"", name);
		return;
	}
	refuse_proc(b, table, type);
	for (const struct toml_value *word = first(table, "attrs"); word; word = word->next)
		if (text_of(word) && vocab_find(VOCAB_MOUNT_ATTR, word->string.ptr, &bit))
			e.attrs |= (uint32_t)bit;
	/* the descriptor of an object is one for all its places: the gates must open every one */
	for (const struct toml_value *path = first(table, "attach"); path; path = path->next)
		open &= read_exception_place(b, path, &e) && gate_modes(b, GATE_FSOPEN, &e.place) &&
			gate_modes(b, GATE_FSMOUNT, &e.place);
	e.flags = open ? 0 : LLPB_B_NO_FD;
	for (const struct toml_value *path = first(table, "attach"); path; path = path->next)
		if (read_exception_place(b, path, &e))
			add_exception(b, &e);
}

void read_broker(struct reader *r, const struct toml_value *broker)
{
	static const struct {
		const char *key;
		enum llpb_broker_kind kind;
	} keys[] = {{"allow_read", LLPB_B_READ},
		    {"allow_write", LLPB_B_WRITE},
		    {"scratch", LLPB_B_SCRATCH},
		    {"export", LLPB_B_EXPORT}};
	const char *mode = get_text(broker, "mode");
	struct broker_reader b = {.r = r, .all_static = mode && !strcmp(mode, "static")};

	r->policy->has_broker = true;
	r->policy->broker_pos = broker->pos;
	read_gates(&b, broker);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		for (const struct toml_value *entry = first(broker, keys[i].key); entry; entry = entry->next)
			read_entry(&b, entry, keys[i].kind);
	for (const struct toml_value *path = first(broker, "mount_tmpfs"); path; path = path->next) {
		struct policy_exception e = {.kind = LLPB_B_TMPFS, .source = "", .type = ""};
		if (read_exception_place(&b, path, &e))
			add_exception(&b, &e);
	}
	for (const struct toml_value *bind = first(broker, "mount_bind"); bind; bind = bind->next)
		read_bind(&b, bind);
	for (const struct toml_value *object = first(broker, "mount_object"); object; object = object->next)
		read_object(&b, object);
}
