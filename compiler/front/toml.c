/* SPDX-License-Identifier: MIT */
/*
 * The TOML tree: tables, dotted keys, headers, and which of them may meet (TOML 1.0.0, "Table", "Inline Table", "Array
 * of Tables"); before that, which bytes may stand in a file at all. Values are in toml_scalar.c.
 */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "source.h"
#include "toml_build.h"
#include "utf8.h"

/* Errors after which a file is given up: it is not TOML with mistakes, it is something else. */
#define MAX_ERRORS 1000

/* Entries of a table in an AA tree by key: whatever keys hostile input brings, looking one up stays logarithmic. */
struct branch {
	struct toml_entry entry;
	struct branch *left, *right;
	unsigned level;
};

/* Every table and array is one of these; readers see only the first member. */
struct node {
	struct toml_value value;
	struct branch *index;
	struct toml_entry *last_entry;
	struct toml_value *last_element;
	size_t depth; /* below the root, or below the inline table being built */
	size_t height; /* of what is below; known for arrays and inline tables, which are built from inside */
};

struct toml_build {
	struct arena *arena;
	struct diag *diag;
	struct toml_scan scan;
	struct toml_value *root, *current;
	size_t errors;
	uint32_t syntax_line; /* line of the last syntax error */
	uint32_t *bad_lines; /* lines with bytes that are not text, ascending */
	size_t nbad_lines, bad_lines_cap;
};

/* ---- errors ---- */

struct arena *toml_arena(struct toml_build *build)
{
	return build->arena;
}

struct toml_scan *toml_scan(struct toml_build *build)
{
	return &build->scan;
}

_Noreturn void toml_no_memory(struct toml_build *build)
{
	arena_exhausted(build->arena, build->scan.at);
}

static struct diag_item *complain(struct toml_build *build, enum check_id check, const struct srcpos *pos,
				  const char *format, ...) __attribute__((format(printf, 4, 5)));
static struct diag_item *complain(struct toml_build *build, enum check_id check, const struct srcpos *pos,
				  const char *format, ...)
{
	struct diag_item *item;
	va_list args;

	if (build->errors > MAX_ERRORS)
		return NULL;
	if (++build->errors > MAX_ERRORS) {
		build->scan.stop = true;
		return diag_report(build->diag, CHECK_TOML_SYNTAX, pos,
				   "more than %d errors; the rest of the file was not read", MAX_ERRORS);
	}
	va_start(args, format);
	item = diag_vreport(build->diag, check, pos, format, args);
	va_end(args);
	return item;
}

/* A line with bytes that are not text was reported as that. */
static bool is_bad_text(const struct toml_build *build, const struct srcpos *pos)
{
	size_t low = 0, high = build->nbad_lines;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (build->bad_lines[middle] < pos->line)
			low = middle + 1;
		else
			high = middle;
	}
	return low < build->nbad_lines && build->bad_lines[low] <= pos->end_line;
}

void toml_value_error(struct toml_build *build, const struct srcpos *pos, const char *format, ...)
{
	va_list args;

	if (is_bad_text(build, pos))
		return;
	va_start(args, format);
	complain(build, CHECK_TOML_SYNTAX, pos, "%s", arena_vprintf(build->arena, format, args));
	va_end(args);
}

static void note_bracket(struct toml_build *build, struct diag_item *item, const struct srcpos *pos,
			 const struct toml_bracket *open)
{
	if (open->kind == '{' && build->scan.at_newline)
		diag_note(build->diag, item, &open->pos, "an inline table stands on one line");
	else if (open->pos.line != pos->line)
		diag_note(build->diag, item, &open->pos, "'%c' opened here", open->kind);
}

void toml_syntax_error(struct toml_build *build, const struct srcpos *pos, const char *format, ...)
{
	const struct toml_scan *scan = &build->scan;
	struct diag_item *item;
	va_list args;

	/* the line where the reading stopped ends early: that is no second error */
	if (pos->line == build->syntax_line || scan->stop || is_bad_text(build, pos))
		return;
	build->syntax_line = pos->line;
	va_start(args, format);
	item = complain(build, CHECK_TOML_SYNTAX, pos, "%s", arena_vprintf(build->arena, format, args));
	va_end(args);
	if (scan->depth)
		note_bracket(build, item, pos, &scan->open[scan->depth - 1]);
}

#define QUOTE_MAX 40

const char *toml_quote(struct toml_build *build, const char *text, size_t len)
{
	size_t cut = QUOTE_MAX;

	if (len <= QUOTE_MAX)
		return arena_printf(build->arena, "'%.*s'", (int)len, text);
	while (cut > QUOTE_MAX - 4 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	return arena_printf(build->arena, "'%.*s…'", (int)cut, text);
}

const char *toml_found(struct toml_build *build)
{
	const struct toml_scan *scan = &build->scan;

	if (scan->at_newline)
		return scan->at_end ? "the end of the file" : "the end of the line";
	return toml_quote(build, scan->text + scan->token_at, scan->at - scan->token_at);
}

/* ---- bytes ---- */

/* The first byte of [p, end) that may not stand in TOML text, with what to say about it; NULL when there is none. */
static const char *bad_byte(const char *p, const char *end, const char **why)
{
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		uint32_t code;
		size_t n = 1;

		if (c >= 0x80) {
			n = utf8_decode(p, (size_t)(end - p), &code);
			*why = "a byte sequence that is not UTF-8";
		} else if (c < 0x20 || c == 0x7f) {
			n = c == '\t' || (c == '\r' && p + 1 < end && p[1] == '\n') || c == '\n';
			*why = c == '\r' ? "a carriage return without a line feed"
			       : c       ? "a control character; in a string it can be written as an escape"
					 : "a NUL byte";
		}
		if (!n)
			return p;
		p += n;
	}
	return NULL;
}

static void check_line(struct toml_build *build, const char *line, const char *end, uint32_t number)
{
	const char *why, *bad = bad_byte(line, end, &why);
	struct srcpos pos;

	if (!bad)
		return;
	pos = (struct srcpos){build->scan.file, number, (uint32_t)(bad - line) + 1, number,
			      (uint32_t)(bad - line) + 2};
	complain(build, CHECK_TOML_SYNTAX, &pos, "%s", why);
	build->bad_lines = arena_grow(build->arena, build->bad_lines, &build->bad_lines_cap, build->nbad_lines + 1,
				      sizeof(*build->bad_lines));
	build->bad_lines[build->nbad_lines++] = number;
}

static void check_bytes(struct toml_build *build, const char *text, size_t len)
{
	const char *end = text + len, *next;

	for (uint32_t number = 1; text < end && !build->scan.stop; number++, text = next) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		next = nl ? nl + 1 : end;
		check_line(build, text, next, number);
	}
}

/* ---- the tree ---- */

static struct node *node_of(struct toml_value *value)
{
	return (struct node *)value;
}

struct toml_value *toml_value_new(struct toml_build *build, enum toml_type type, const struct srcpos *pos)
{
	bool container = type == TOML_TABLE || type == TOML_ARRAY;
	struct toml_value *value = arena_alloc(build->arena, container ? sizeof(struct node) : sizeof(*value));

	value->type = type;
	value->pos = *pos;
	return value;
}

static size_t height_of(struct toml_value *value)
{
	return value->type == TOML_TABLE || value->type == TOML_ARRAY ? node_of(value)->height : 0;
}

static int compare_keys(const struct toml_string *a, const struct toml_string *b)
{
	int order = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static struct toml_entry *find(struct toml_value *table, const struct toml_string *key)
{
	struct branch *b = node_of(table)->index;

	while (b) {
		int order = compare_keys(key, &b->entry.key);

		if (!order)
			return &b->entry;
		b = order < 0 ? b->left : b->right;
	}
	return NULL;
}

static struct branch *skew(struct branch *b)
{
	struct branch *left = b->left;

	if (!left || left->level != b->level)
		return b;
	b->left = left->right;
	left->right = b;
	return left;
}

static struct branch *split(struct branch *b)
{
	struct branch *right = b->right;

	if (!right || !right->right || right->right->level != b->level)
		return b;
	b->right = right->left;
	right->left = b;
	right->level++;
	return right;
}

/* The depth of recursion is that of the tree: at most twice the binary logarithm of its size. */
static struct branch *plant(struct branch *b, struct branch *leaf)
{
	if (!b)
		return leaf;
	if (compare_keys(&leaf->entry.key, &b->entry.key) < 0)
		b->left = plant(b->left, leaf);
	else
		b->right = plant(b->right, leaf);
	return split(skew(b));
}

/* The key must not be in the table yet. */
static struct toml_entry *add_entry(struct toml_build *build, struct toml_value *table, const struct toml_part *key,
				    struct toml_value *value)
{
	struct branch *leaf = arena_alloc(build->arena, sizeof(*leaf));
	struct node *node = node_of(table);

	leaf->level = 1;
	leaf->entry = (struct toml_entry){.key = key->text, .key_pos = key->pos, .value = value};
	node->index = plant(node->index, leaf);
	*(node->last_entry ? &node->last_entry->next : &table->entries) = &leaf->entry;
	node->last_entry = &leaf->entry;
	table->count++;
	return &leaf->entry;
}

static void add_element(struct toml_value *array, struct toml_value *element)
{
	struct node *node = node_of(array);

	*(node->last_element ? &node->last_element->next : &array->first) = element;
	node->last_element = element;
	array->count++;
}

/* ---- keys ---- */

bool toml_key_add(struct toml_build *build, struct toml_key *key, struct toml_word word, const struct srcpos *pos)
{
	struct toml_part *part;

	if (key->count == TOML_MAX_DEPTH) {
		toml_syntax_error(build, pos, "a key of more than %d parts", TOML_MAX_DEPTH);
		return false;
	}
	part = arena_alloc(build->arena, sizeof(*part));
	part->pos = *pos;
	part->text = toml_decode(build, word, pos);
	*(key->last ? &key->last->next : &key->first) = part;
	key->last = part;
	key->count++;
	return true;
}

/* The key up to and with `last`, for messages; cut off where it is absurdly long. */
static const char *path(struct toml_build *build, const struct toml_key *key, const struct toml_part *last)
{
	char text[256];
	size_t len = 0;

	for (const struct toml_part *part = key->first;; part = part->next) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", len ? "." : "",
					(int)(part->text.len < sizeof(text) ? part->text.len : sizeof(text)),
					part->text.ptr);
		if (len >= sizeof(text))
			return arena_printf(build->arena, "%s…", text);
		if (part == last)
			return arena_strdup(build->arena, text);
	}
}

/* The key cannot be what it is to be, because it is something else already. */
static void clash(struct toml_build *build, const struct toml_key *key, const struct toml_part *part,
		  const struct toml_entry *old, const char *what)
{
	struct diag_item *item =
		complain(build, CHECK_TOML_DUPLICATE, &part->pos, "%s %s", path(build, key, part), what);

	diag_note(build->diag, item, &old->key_pos, "defined here");
}

static struct toml_value *new_table(struct toml_build *build, struct toml_value *parent, const struct toml_part *part)
{
	struct toml_value *table = toml_value_new(build, TOML_TABLE, &part->pos);

	table->implicit = true;
	node_of(table)->depth = node_of(parent)->depth + 1;
	add_entry(build, parent, part, table);
	return table;
}

static bool too_deep(struct toml_build *build, const struct toml_part *part, size_t depth)
{
	if (depth <= TOML_MAX_DEPTH)
		return false;
	complain(build, CHECK_TOML_SYNTAX, &part->pos, "nested deeper than %d levels", TOML_MAX_DEPTH);
	return true;
}

/* The table in which the last part of a dotted key is set: tables are made on the way, and those that were made by a
 * header or written inline are closed to dotted keys. NULL after an error. */
static struct toml_value *walk_dotted(struct toml_build *build, struct toml_value *table, const struct toml_key *key)
{
	for (const struct toml_part *part = key->first; part != key->last; part = part->next) {
		struct toml_entry *old = find(table, &part->text);

		if (!old) {
			if (too_deep(build, part, node_of(table)->depth + 1))
				return NULL;
			table = new_table(build, table, part);
			table->dotted = true;
			continue;
		}
		table = old->value;
		if (table->type != TOML_TABLE || table->inline_form || !table->implicit) {
			clash(build, key, part, old,
			      table->type == TOML_TABLE ? "is a complete table: a dotted key cannot add to it"
							: "is not a table: a dotted key cannot add to it");
			return NULL;
		}
		table->dotted = true;
	}
	return table;
}

void toml_set(struct toml_build *build, struct toml_value *table, const struct toml_key *key,
	      struct toml_value *value)
{
	struct toml_value *parent, *base = table ? table : build->current;
	struct toml_entry *old;
	size_t depth;

	parent = walk_dotted(build, base, key);
	if (!parent)
		return;
	old = find(parent, &key->last->text);
	if (old) {
		clash(build, key, key->last, old, "is defined twice");
		return;
	}
	depth = node_of(parent)->depth + 1 + height_of(value);
	if (too_deep(build, key->last, depth))
		return;
	if (depth - node_of(base)->depth > node_of(base)->height)
		node_of(base)->height = depth - node_of(base)->depth;
	add_entry(build, parent, key->last, value);
}

/* The table a header's last part stands in. Headers pass through tables of any open kind, and into the last element of
 * an array of tables. NULL after an error. */
static struct toml_value *walk_header(struct toml_build *build, const struct toml_key *key)
{
	struct toml_value *table = build->root;

	for (const struct toml_part *part = key->first; part != key->last; part = part->next) {
		struct toml_entry *old = find(table, &part->text);

		if (!old) {
			if (too_deep(build, part, node_of(table)->depth + 1))
				return NULL;
			table = new_table(build, table, part);
			continue;
		}
		table = old->value->array_of_tables ? node_of(old->value)->last_element : old->value;
		if (table->type != TOML_TABLE || table->inline_form) {
			clash(build, key, part, old, "cannot be extended by a header: it was written as a value");
			return NULL;
		}
	}
	return table;
}

static struct toml_value *open_table(struct toml_build *build, struct toml_value *parent, const struct toml_key *key,
				     const struct srcpos *pos)
{
	struct toml_entry *old = find(parent, &key->last->text);
	struct toml_value *table;

	if (!old) {
		table = new_table(build, parent, key->last);
	} else if (old->value->type == TOML_TABLE && old->value->implicit && !old->value->dotted) {
		table = old->value;
		old->key_pos = key->last->pos;
	} else {
		clash(build, key, key->last, old, "is defined twice");
		return NULL;
	}
	table->implicit = false;
	table->pos = *pos;
	return table;
}

static struct toml_value *open_element(struct toml_build *build, struct toml_value *parent,
				       const struct toml_key *key, const struct srcpos *pos)
{
	struct toml_entry *old = find(parent, &key->last->text);
	struct toml_value *element = toml_value_new(build, TOML_TABLE, pos);

	if (!old) {
		struct toml_value *array = toml_value_new(build, TOML_ARRAY, pos);

		array->array_of_tables = true;
		old = add_entry(build, parent, key->last, array);
	} else if (!old->value->array_of_tables) {
		clash(build, key, key->last, old,
		      old->value->type == TOML_ARRAY ? "is an array written as a value: a header cannot add to it"
						     : "is not an array of tables");
		return NULL;
	}
	node_of(element)->depth = node_of(parent)->depth + 2;
	add_element(old->value, element);
	return element;
}

void toml_header(struct toml_build *build, const struct toml_key *key, const struct srcpos *pos, bool array_of_tables)
{
	struct toml_value *parent = walk_header(build, key), *table = NULL;

	if (parent && !too_deep(build, key->last, node_of(parent)->depth + (array_of_tables ? 2 : 1)))
		table = (array_of_tables ? open_element : open_table)(build, parent, key, pos);
	/* After an error the lines below the header go into a table of their own: they are checked, and clash with nobody. */
	build->current = table ? table : toml_value_new(build, TOML_TABLE, pos);
}

/* ---- arrays and inline tables ---- */

static struct toml_value *new_closed(struct toml_build *build, enum toml_type type)
{
	struct toml_value *value = toml_value_new(build, type, &(struct srcpos){0});

	value->inline_form = true;
	return value;
}

struct toml_value *toml_array(struct toml_build *build)
{
	return new_closed(build, TOML_ARRAY);
}

struct toml_value *toml_inline_table(struct toml_build *build)
{
	return new_closed(build, TOML_TABLE);
}

void toml_array_add(struct toml_value *array, struct toml_value *element)
{
	if (height_of(element) >= node_of(array)->height)
		node_of(array)->height = height_of(element) + 1;
	add_element(array, element);
}

struct toml_value *toml_close(struct toml_value *value, const struct srcpos *pos)
{
	value->pos = *pos;
	return value;
}

/* ---- for everybody ---- */

static void read_text(struct toml_build *build, const char *text, size_t len)
{
	struct toml_scan *scan = &build->scan;
	struct srcpos start = {scan->file, 1, 1, 1, 1};

	if (len >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2))) {
		complain(build, CHECK_TOML_SYNTAX, &start, "the file is UTF-16; TOML is UTF-8");
		return;
	}
	if (len > SOURCE_MAX_SIZE) {
		complain(build, CHECK_TOML_SYNTAX, &start, "larger than %u bytes", SOURCE_MAX_SIZE);
		return;
	}
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	check_bytes(build, text, len);
	/* The lexer's time is quadratic in a run of NUL bytes, and a file with NUL bytes is no text anyway. */
	if (scan->stop || memchr(text, '\0', len))
		return;
	scan->text = text;
	scan->len = len;
	toml_read_shape(build, text, len);
}

struct toml_value *toml_parse(struct arena *arena, struct diag *diag, uint32_t file, const char *text, size_t len)
{
	struct toml_build *build = arena_alloc(arena, sizeof(*build));

	*build = (struct toml_build){
		.arena = arena,
		.diag = diag,
		.scan = {.file = file, .line = 1, .col = 1, .at_newline = true},
	};
	build->root = toml_value_new(build, TOML_TABLE, &(struct srcpos){file, 1, 1, 1, 1});
	build->current = build->root;
	read_text(build, text, len);
	return build->errors ? NULL : build->root;
}

struct toml_entry *toml_get(const struct toml_value *table, const char *key)
{
	size_t len = strlen(key);

	for (struct toml_entry *entry = table->entries; entry; entry = entry->next) {
		if (entry->key.len == len && !memcmp(entry->key.ptr, key, len))
			return entry;
	}
	return NULL;
}

const char *toml_type_name(enum toml_type type)
{
	static const char *const names[] = {
		[TOML_STRING] = "string",
		[TOML_INTEGER] = "integer",
		[TOML_FLOAT] = "float",
		[TOML_BOOLEAN] = "boolean",
		[TOML_OFFSET_DATETIME] = "offset date-time",
		[TOML_LOCAL_DATETIME] = "local date-time",
		[TOML_LOCAL_DATE] = "local date",
		[TOML_LOCAL_TIME] = "local time",
		[TOML_ARRAY] = "array",
		[TOML_TABLE] = "table",
	};

	return names[type];
}
