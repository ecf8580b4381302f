/* SPDX-License-Identifier: MIT */
/*
 * [seccomp]: lists of system calls, actions, rules. Lists are expanded here, groups and subtractions resolved; numbers
 * and arguments differ between architectures and are the lowering's (back/callrules.c).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "cond.h"
#include "diag.h"
#include "include.h"
#include "kernel_abi.h"
#include "reader.h"
#include "source.h"
#include "sysdata.h"
#include "vocab.h"

#define ENOSYS_ERROR 38
/* Elements of one list as written: far more than there are calls. */
#define LIST_MAX 4096

/* ---- actions ---- */

enum action_data { DATA_NONE, DATA_ERRNO, DATA_NUMBER };

static const struct action_row {
	const char *name;
	uint32_t value;
	enum action_data data;
	unsigned long lo, hi;
} actions[] = {
#define ACTION(name, value, data, lo, hi, help) {#name, value, DATA_##data, lo, hi},
#include "actions.def"
};
#define NACTIONS (sizeof(actions) / sizeof(actions[0]))

static const struct action_row *find_action(const char *name, size_t len)
{
	for (size_t i = 0; i < NACTIONS; i++)
		if (strlen(actions[i].name) == len && !strncmp(actions[i].name, name, len))
			return &actions[i];
	return NULL;
}

static void unknown_action(struct reader *r, const struct srcpos *pos, const char *text, const char *word)
{
	struct diag_item *item = diag_report(r->diag, CHECK_UNKNOWN_NAME, pos, "unknown action \"%s\"", text);

	if (errno_find(word))
		diag_note(r->diag, item, NULL, "did you mean \"errno %s\"?", word);
	else if (!strcmp(word, "deny"))
		diag_note(r->diag, item, NULL,
			  "write \"errno\", or with another error than the table's \"errno EACCES\"");
	else if (!strcmp(word, "kill"))
		diag_note(r->diag, item, NULL, "did you mean \"kill_process\"?");
	else
		diag_suggest(r->diag, item, word, vocab_words(VOCAB_ACTION));
}

/* The data of an action, as written behind its name; "" where there is none. */
static bool action_data(struct reader *r, const struct srcpos *pos, const struct action_row *row, const char *text,
			uint32_t *data)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*data = row->data == DATA_ERRNO ? r->policy->deny_errno : 0;
	if (!*text)
		return true;
	if (row->data == DATA_NONE) {
		diag_report(r->diag, CHECK_BAD_VALUE, pos, "%s takes no \"%s\"", row->name, text);
		return false;
	}
	if (row->data == DATA_ERRNO && errno_find(text)) {
		*data = errno_find(text);
		return true;
	}
	if (*text >= '0' && *text <= '9' && !*end && number >= row->lo && number <= row->hi) {
		*data = (uint32_t)number;
		return true;
	}
	bool word = row->data == DATA_ERRNO && (*text < '0' || *text > '9');
	struct diag_item *item =
		word ? diag_report(r->diag, CHECK_UNKNOWN_NAME, pos, "unknown error name \"%s\"", text)
		     : diag_report(r->diag, CHECK_BAD_VALUE, pos, "%s %s: a number from %lu to %lu", row->name, text,
				   row->lo, row->hi);
	const char *near = word ? diag_nearest(text, errno_names()) : NULL;
	if (near)
		diag_note(r->diag, item, NULL, "did you mean \"%s\"?", near);
	return false;
}

/* `rule`: of [[seccomp.rule]], where the supervisor may be asked. */
static bool read_action(struct reader *r, const struct toml_value *value, struct policy_action *action, bool rule)
{
	const char *text = text_of(value);
	size_t len = text ? strcspn(text, " :") : 0;
	const struct action_row *row = text ? find_action(text, len) : NULL;
	uint32_t data;

	if (!text)
		return false;
	action->pos = value->pos;
	if (!row) {
		unknown_action(r, &value->pos, text, arena_strndup(r->arena, text, len));
		return false;
	}
	text += len + (text[len] != 0);
	if (!action_data(r, &value->pos, row, text + strspn(text, " "), &data))
		return false;
	if (row->value == K_SECCOMP_RET_USER_NOTIF && !(rule && get(r->policy->root, "broker", TOML_TABLE))) {
		struct diag_item *item = diag_report(r->diag, CHECK_UNSUPPORTED, &value->pos,
						     "notify asks a supervisor, and nothing here would answer");
		diag_note(r->diag, item, NULL,
			  rule ? "a table [broker], even an empty one, makes llrund the supervisor"
			       : "it is an action of single rules: [[seccomp.rule]], with a table [broker]");
		return false;
	}
	action->given = true;
	action->value = row->value | data;
	return true;
}

static void read_action_key(struct reader *r, const struct toml_value *table, const char *key,
			    struct policy_action *action, uint32_t fallback)
{
	const struct toml_value *value = get(table, key, TOML_STRING);

	*action = (struct policy_action){.value = fallback, .pos = table->pos};
	if (value)
		read_action(r, value, action, !strcmp(key, "action"));
}

/* ---- lists of calls ---- */

struct call_list {
	struct policy_name *names;
	size_t count, cap;
	size_t *where; /* per known call: 1 + its first place in names, or 0 */
};

static size_t call_index(const char *name)
{
	static size_t count;
	const char *const *names = syscall_names();
	size_t low = 0;

	while (!count || names[count])
		count++;
	for (size_t high = count; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, names[middle]);
		if (!order)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SIZE_MAX;
}

static size_t calls_known(void)
{
	size_t n = 0;

	while (syscall_names()[n])
		n++;
	return n;
}

/* A name that a group brought is dropped when it is there already, and gives way to the name itself. */
static void add_call(struct reader *r, struct call_list *list, const char *name, const struct srcpos *pos,
		     const char *group)
{
	size_t index = call_index(name), *where = index == SIZE_MAX ? NULL : &list->where[index];
	struct policy_name entry = {.text = name, .pos = *pos, .group = group};

	if (where && *where && (group || list->names[*where - 1].group)) {
		if (!group)
			list->names[*where - 1] = entry;
		return;
	}
	list->names = arena_grow(r->arena, list->names, &list->cap, list->count + 1, sizeof(*list->names));
	list->names[list->count++] = entry;
	if (where && !*where)
		*where = list->count;
}

static bool remove_call(struct call_list *list, const char *name, const struct srcpos *pos)
{
	size_t index = call_index(name);
	bool removed = false;

	for (size_t i = 0; i < list->count; i++)
		if (list->names[i].text && !strcmp(list->names[i].text, name) &&
		    list->names[i].pos.file == pos->file) {
			list->names[i].text = NULL;
			removed = true;
		}
	if (removed && index != SIZE_MAX)
		list->where[index] = 0;
	return removed;
}

static bool remove_group(struct reader *r, struct call_list *list, const char *group, const struct srcpos *pos)
{
	size_t cap = calls_known(), n;
	const char **members = arena_alloc(r->arena, cap * sizeof(*members));
	bool removed = false;

	n = group_members(group, members, cap);
	for (size_t i = 0; i < n; i++)
		if (list->where[call_index(members[i])])
			removed |= remove_call(list, members[i], pos);
	return removed;
}

static void add_group(struct reader *r, struct call_list *list, const char *group, const struct srcpos *pos)
{
	size_t cap = calls_known(), n;
	const char **members = arena_alloc(r->arena, cap * sizeof(*members));

	n = group_members(group, members, cap);
	for (size_t i = 0; i < n; i++)
		add_call(r, list, members[i], pos, group);
}

static void unknown_call(struct reader *r, const struct srcpos *pos, const char *name)
{
	struct diag_item *item = diag_report(r->diag, CHECK_UNKNOWN_SYSCALL, pos, "unknown system call \"%s\"", name);
	const char *near = diag_nearest(name, syscall_names());

	if (near)
		diag_note(r->diag, item, NULL, "did you mean \"%s\"?", near);
	else if (name[strspn(name, "0123456789")] == 0)
		diag_note(r->diag, item, NULL, "a number is written \"nr:%s\"", name);
}

/* x32 numbers have an action of their own, and negative ones are no calls. 041 would be 33 to some and 41 to others. */
static bool valid_number(struct reader *r, const struct srcpos *pos, const char *name)
{
	char *end;
	unsigned long long number = strtoull(name + 3, &end, 0);

	bool octal = name[3] == '0' && name[4] >= '0' && name[4] <= '9';

	if (name[3] >= '0' && name[3] <= '9' && !octal && !*end && number < K_X32_SYSCALL_BIT)
		return true;
	diag_report(r->diag, CHECK_BAD_VALUE, pos, "\"%s\": nr: takes a number from 0 to %u", name,
		    K_X32_SYSCALL_BIT - 1);
	return false;
}

static bool valid_call(struct reader *r, const struct srcpos *pos, const char *name)
{
	if (!strncmp(name, "nr:", 3))
		return valid_number(r, pos, name);
	if (name[0] == '@' && !group_find(name)) {
		struct diag_item *item = diag_report(r->diag, CHECK_UNKNOWN_GROUP, pos, "unknown group \"%s\"", name);
		const char *near = diag_nearest(name, group_names());
		if (near)
			diag_note(r->diag, item, NULL, "did you mean \"%s\"?", near);
		return false;
	}
	if (name[0] != '@' && !syscall_known(name)) {
		unknown_call(r, pos, name);
		return false;
	}
	return true;
}

/* One spelling of a number, so that equal ones are equal texts. */
static const char *canonical_call(struct reader *r, const char *name)
{
	return strncmp(name, "nr:", 3) ? name : arena_printf(r->arena, "nr:%llu", strtoull(name + 3, NULL, 0));
}

/* Subtraction reaches what the same list of the same file named before: a fragment takes nothing from its includer. */
static void read_call(struct reader *r, struct call_list *list, const struct toml_value *value)
{
	const char *text = text_of(value);
	bool subtract = text && *text == '!';

	if (!text || !valid_call(r, &value->pos, text + subtract))
		return;
	const char *name = canonical_call(r, text + subtract);
	if (subtract &&
	    !(*name == '@' ? remove_group(r, list, name, &value->pos) : remove_call(list, name, &value->pos)))
		diag_report(r->diag, CHECK_NO_EFFECT, &value->pos,
			    "\"%s\" takes nothing away: nothing before it names %s", text,
			    *name == '@' ? "any of these" : "that");
	else if (!subtract && *name == '@')
		add_group(r, list, name, &value->pos);
	else if (!subtract)
		add_call(r, list, name, &value->pos, NULL);
}

static size_t compact(struct call_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->names[i].text)
			list->names[n++] = list->names[i];
	return n;
}

/* value: a string, an array, or of a wrong type, which was reported. */
static size_t read_calls(struct reader *r, const struct toml_value *value, struct policy_name **names)
{
	struct call_list list = {.where = arena_alloc(r->arena, calls_known() * sizeof(size_t))};
	const struct srcpos *pos = value ? &value->pos : NULL;
	bool array = value && value->type == TOML_ARRAY;
	size_t errors = diag_count(r->diag, SEVERITY_ERROR), n;

	if (array && value->count > LIST_MAX)
		diag_report(r->diag, CHECK_LIMIT, pos, "a list of system calls has at most %d elements", LIST_MAX);
	else if (array)
		for (const struct toml_value *element = value->first; element; element = element->next)
			read_call(r, &list, element);
	else if (value)
		read_call(r, &list, value);
	n = compact(&list);
	*names = list.names;
	if (array && value->count && !n && errors == diag_count(r->diag, SEVERITY_ERROR))
		diag_report(r->diag, CHECK_BAD_VALUE, pos, "nothing is left of this list");
	return n;
}

static const struct toml_value *value_of(const struct toml_value *table, const char *key)
{
	const struct toml_entry *entry = table->type == TOML_TABLE ? toml_get(table, key) : NULL;

	return entry ? entry->value : NULL;
}

/* ---- conflicts between lists ---- */

static const struct policy_name *find_name(const struct policy_name *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i].text, text))
			return &names[i];
	return NULL;
}

/* A name written in a list says what is meant; where a stronger list takes the call, it would say nothing. */
static void check_conflict(struct reader *r, const char *stronger, const struct policy_name *strong, size_t nstrong,
			   const char *weaker, const struct policy_name *weak, size_t nweak)
{
	for (size_t i = 0; i < nweak; i++) {
		const struct policy_name *other = weak[i].group ? NULL : find_name(strong, nstrong, weak[i].text);
		if (!other)
			continue;
		struct diag_item *item = diag_report(r->diag, CHECK_SYSCALL_CONFLICT, &weak[i].pos,
						     "%s is in %s and in %s", weak[i].text, weaker, stronger);
		if (other->group)
			diag_note(r->diag, item, &other->pos, "%s has it: \"!%s\" behind it takes it away",
				  other->group, weak[i].text);
		else
			diag_note(r->diag, item, &other->pos, "%s wins", stronger);
	}
}

static void check_conflicts(struct reader *r)
{
	const struct policy *p = r->policy;

	check_conflict(r, "deny", p->deny, p->ndeny, "log", p->log, p->nlog);
	check_conflict(r, "deny", p->deny, p->ndeny, "allow", p->allow, p->nallow);
	check_conflict(r, "log", p->log, p->nlog, "allow", p->allow, p->nallow);
}

/* ---- rules ---- */

unsigned read_arches(const struct toml_value *table)
{
	unsigned bits = 0;
	uint64_t arch;

	for (const struct toml_value *word = first(table, "arch"); word; word = word->next)
		if (text_of(word) && vocab_find(VOCAB_ARCH, word->string.ptr, &arch))
			bits |= 1u << arch;
	return bits ? bits : (1u << ARCHES) - 1;
}

/* Fragments that are included together may each bring a rule that they need: it counts once. */
static bool read_before(const struct toml_value *list, const struct toml_value *table)
{
	for (const struct toml_value *other = list; other != table; other = other->next)
		if (other->pos.file != table->pos.file && include_same(other, table))
			return true;
	return false;
}

/*
 * The child installs the notify program and then sends its listener: a call that nobody could answer yet. What follows it,
 * up to the command, is answered: the broker serves before it says that it does (runtime/llrund/broker.c, surrender()).
 */
static void check_handover(struct reader *r, const struct policy_call_rule *rule)
{
	for (size_t i = 0; i < rule->ncalls; i++) {
		const struct policy_name *name = &rule->calls[i];
		if (strcmp(name->text, HANDOVER_CALL))
			continue;
		struct diag_item *item =
			diag_report(r->diag, CHECK_UNSUPPORTED, &name->pos,
				    "notify on " HANDOVER_CALL
				    ", with which a run is handed to its supervisor%s%s: it would never start",
				    name->group ? ", and which is in " : "", name->group ? name->group : "");
		if (name->group)
			diag_note(r->diag, item, NULL, "\"!" HANDOVER_CALL "\" behind the group takes it away");
	}
}

static void read_rule(struct reader *r, const struct toml_value *list, const struct toml_value *table)
{
	struct policy *p = r->policy;
	const struct toml_value *when = get(table, "when", TOML_STRING);

	if (table->type != TOML_TABLE || read_before(list, table))
		return;
	p->calls = arena_grow(r->arena, p->calls, &p->calls_cap, p->ncalls + 1, sizeof(*p->calls));
	struct policy_call_rule *rule = &p->calls[p->ncalls++];
	*rule = (struct policy_call_rule){.pos = table->pos, .arches = read_arches(table)};
	rule->ncalls = read_calls(r, value_of(table, "syscall"), &rule->calls);
	read_action_key(r, table, "action", &rule->action, K_SECCOMP_RET_KILL_PROCESS);
	if (rule->action.value == K_SECCOMP_RET_USER_NOTIF)
		check_handover(r, rule);
	rule->when_pos = when ? when->pos : table->pos;
	rule->override = get_bool(table, "override", false);
	if (text_of(when))
		rule->when = cond_parse(r->arena, r->diag, r->sources, when);
}

/* An included file's rules stand behind those of the file that includes it, and suggestions are included. */
static void put_overrides_first(struct reader *r)
{
	struct policy *p = r->policy;
	struct policy_call_rule *sorted = arena_alloc(r->arena, (p->ncalls + 1) * sizeof(*sorted));
	size_t n = 0;

	for (int override = 1; override >= 0; override--)
		for (size_t i = 0; i < p->ncalls; i++)
			if (p->calls[i].override == (override == 1))
				sorted[n++] = p->calls[i];
	if (n)
		memcpy(p->calls, sorted, n * sizeof(*sorted));
}

/* ---- weights ---- */

static void add_weight(struct reader *r, const char *call, uint32_t weight)
{
	struct policy *p = r->policy;

	p->weights = arena_grow(r->arena, p->weights, &p->weights_cap, p->nweights + 1, sizeof(*p->weights));
	p->weights[p->nweights++] = (struct policy_weight){call, weight};
}

#define WEIGHT_MAX 1000000

/* How often calls are made falls with their rank about as 1/rank: all that an order can tell. */
static void read_hot(struct reader *r, const struct toml_value *list)
{
	struct policy_name *names;
	size_t n = read_calls(r, list, &names);

	for (size_t i = 0; i < n; i++)
		add_weight(r, names[i].text, WEIGHT_MAX / (uint32_t)(i + 1));
}

struct count_line {
	const char *call;
	uint64_t count;
};

/* "name count"; false for an empty line or a comment, and after an error. */
static bool read_count(struct reader *r, const char *line, size_t len, const struct srcpos *pos,
		       struct count_line *out)
{
	char *text = arena_strndup(r->arena, line, len), *save, *end;
	const char *name = strtok_r(text, " \t\r", &save), *number = name ? strtok_r(NULL, " \t\r", &save) : NULL;

	if (!name || *name == '#')
		return false;
	*out = (struct count_line){.call = name};
	if (!number || *number < '0' || *number > '9' || strtok_r(NULL, " \t\r", &save)) {
		diag_report(r->diag, CHECK_BAD_VALUE, pos, "a line is \"name count\"");
		return false;
	}
	out->count = strtoull(number, &end, 10);
	if (*end)
		diag_report(r->diag, CHECK_BAD_VALUE, pos, "%s is not a count", number);
	return !*end && *name != '@' && valid_call(r, pos, name);
}

static void read_hot_file(struct reader *r, const struct toml_value *value)
{
	const char *path = include_path(r->arena, r->sources, value->pos.file, value->string.ptr), *line;
	uint32_t file = source_open_at(r->sources, r->diag, &value->pos, path);
	struct count_line *lines = NULL;
	size_t n = 0, cap = 0, len;
	uint64_t most = 1;

	if (file == SRC_NONE)
		return;
	include_remember(r->arena, r->policy, file);
	for (uint32_t number = 1; n < LIST_MAX && (line = source_line(r->sources, file, number, &len)); number++) {
		struct srcpos pos = {file, number, 1, number, (uint32_t)len + 1};
		lines = arena_grow(r->arena, lines, &cap, n + 1, sizeof(*lines));
		if (!read_count(r, line, len, &pos, &lines[n]))
			continue;
		most = lines[n].count > most ? lines[n].count : most;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		add_weight(r, canonical_call(r, lines[i].call),
			   (uint32_t)((double)lines[i].count / (double)most * (WEIGHT_MAX - 1)) + 1);
}

static void read_weights(struct reader *r, const struct toml_value *seccomp)
{
	const struct toml_value *hot = get(seccomp, "hot", TOML_ARRAY), *file = get(seccomp, "hot_file", TOML_STRING);

	if (hot && file)
		diag_report(r->diag, CHECK_MIXED_FORMS, &file->pos, "hot_file beside hot in [seccomp]");
	else if (hot)
		read_hot(r, hot);
	else if (text_of(file))
		read_hot_file(r, file);
}

/* ---- the table ---- */

static void read_actions(struct reader *r, const struct toml_value *seccomp)
{
	struct policy *p = r->policy;
	const uint32_t absent = K_SECCOMP_RET_ERRNO | ENOSYS_ERROR;

	read_action_key(r, seccomp, "default", &p->default_action, K_SECCOMP_RET_ALLOW);
	read_action_key(r, seccomp, "foreign_arch", &p->foreign_action, K_SECCOMP_RET_KILL_PROCESS);
	read_action_key(r, seccomp, "x32", &p->x32_action, K_SECCOMP_RET_KILL_PROCESS);
	bool open = p->default_action.value == K_SECCOMP_RET_ALLOW || p->default_action.value == K_SECCOMP_RET_LOG;
	read_action_key(r, seccomp, "newer", &p->newer_action, open ? p->default_action.value : absent);
}

static void require_keys(struct reader *r, const struct toml_value *seccomp)
{
	static const char *const keys[] = {"default", "deny", "allow", "log", "rule"};
	const struct toml_entry *allow = toml_get(seccomp, "allow");
	size_t present = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		present += toml_get(seccomp, keys[i]) != NULL;
	if (!present)
		diag_report(r->diag, CHECK_MISSING_KEY, &seccomp->pos,
			    "seccomp needs deny, default, allow, log or rule");
	if (!allow || toml_get(seccomp, "default"))
		return;
	struct diag_item *item = diag_report(r->diag, CHECK_MISSING_KEY, &allow->key_pos,
					     "allow needs the key \"default\": what do all other calls get?");
	diag_note(r->diag, item, NULL, "default = \"errno\" makes an allowlist of it");
}

void read_seccomp(struct reader *r, const struct toml_value *seccomp)
{
	const struct toml_entry *number = toml_get(seccomp, "errno");
	struct policy *p = r->policy;

	p->has_seccomp = true;
	p->seccomp_pos = seccomp->pos;
	p->deny_errno = 1; /* EPERM */
	p->errno_pos = number ? number->value->pos : seccomp->pos;
	if (number && number->value->type == TOML_INTEGER)
		p->deny_errno = (uint16_t)number->value->integer;
	else if (number && text_of(number->value))
		p->deny_errno = (uint16_t)errno_find(number->value->string.ptr);
	require_keys(r, seccomp);
	read_actions(r, seccomp);
	p->ndeny = read_calls(r, get(seccomp, "deny", TOML_ARRAY), &p->deny);
	p->nlog = read_calls(r, get(seccomp, "log", TOML_ARRAY), &p->log);
	p->nallow = read_calls(r, get(seccomp, "allow", TOML_ARRAY), &p->allow);
	check_conflicts(r);
	const struct toml_value *rules = first(seccomp, "rule");
	for (const struct toml_value *rule = rules; rule; rule = rule->next)
		read_rule(r, rules, rule);
	put_overrides_first(r);
	read_weights(r, seccomp);
}
