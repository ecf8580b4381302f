/* SPDX-License-Identifier: MIT */
/*
 * Seccomp profiles of containers: the OCI runtime specification's linux.seccomp (alone, or in a config.json), and the
 * form of Docker, Podman and containers/common, in which entries depend on capabilities, architectures and the kernel.
 * Those are decided here; what is left means what runc makes of it with libseccomp:
 *   an entry whose action is the default's is nothing; an entry without conditions beats all those with conditions of
 *   the same call, whatever the order; two conditions on one argument in an entry are or-ed, and so are the others
 *   beside them; calls above every one that the profile names fail with ENOSYS.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "inspect.h"
#include "kernel_abi.h"
#include "vocab.h"

#define EPERM_ERROR  1
#define ENOSYS_ERROR 38
#define ERRNO_MAX    4095
/* Names in a note, and conditions of an entry. */
#define LISTED_MAX 100
#define ARGS_MAX   64

struct oci_entry {
	struct srcpos pos;
	const struct toml_value *names, *name; /* one of them */
	const struct toml_value *args; /* or NULL */
	const struct import_expr *when; /* or NULL */
	uint32_t action;
	unsigned arches; /* on which it counts */
};

struct oci {
	struct import *im;
	struct oci_entry *entries;
	size_t nentries, cap;
};

/* ---- words ---- */

static const struct {
	const char *name;
	uint32_t value;
} actions[] = {
	{"SCMP_ACT_ALLOW", K_SECCOMP_RET_ALLOW},
	{"SCMP_ACT_ERRNO", K_SECCOMP_RET_ERRNO},
	{"SCMP_ACT_KILL", K_SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", K_SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", K_SECCOMP_RET_KILL_PROCESS},
	{"SCMP_ACT_TRAP", K_SECCOMP_RET_TRAP},
	{"SCMP_ACT_TRACE", K_SECCOMP_RET_TRACE},
	{"SCMP_ACT_LOG", K_SECCOMP_RET_LOG},
	{"SCMP_ACT_NOTIFY", K_SECCOMP_RET_USER_NOTIF},
};

static const struct {
	const char *name;
	enum cmp_op op;
} operators[] = {
	{"SCMP_CMP_NE", CMP_NE},
	{"SCMP_CMP_LT", CMP_LT},
	{"SCMP_CMP_LE", CMP_LE},
	{"SCMP_CMP_EQ", CMP_EQ},
	{"SCMP_CMP_GE", CMP_GE},
	{"SCMP_CMP_GT", CMP_GT},
	{"SCMP_CMP_MASKED_EQ", CMP_MASKED_EQ},
};

/* Names of architectures in includes and excludes: Go's, with libseccomp's own for two of them. */
static const struct {
	const char *name;
	enum arch_id arch;
} arch_names[] = {
	{"amd64", ARCH_X86_64},
	{"arm64", ARCH_AARCH64},
	{"x86", ARCH_I386},
	{"386", ARCH_I386},
	{"arm", ARCH_ARM},
	{"riscv64", ARCH_RISCV64},
	{"s390x", ARCH_S390X},
	{"ppc64le", ARCH_PPC64LE},
	{"x86_64", ARCH_X86_64},
	{"aarch64", ARCH_AARCH64},
	/* not supported here: without effect */
	{"x32", ARCHES},
	{"s390", ARCHES},
	{"ppc", ARCHES},
	{"ppc64", ARCHES},
	{"mips", ARCHES},
	{"mips64", ARCHES},
	{"mips64n32", ARCHES},
	{"mipsel", ARCHES},
	{"mipsel64", ARCHES},
	{"mipsel64n32", ARCHES},
	{"mipsle", ARCHES},
	{"mips64le", ARCHES},
	{"parisc", ARCHES},
	{"parisc64", ARCHES},
	{"loong64", ARCHES},
	{"loongarch64", ARCHES},
	{"m68k", ARCHES},
	{"sh", ARCHES},
	{"sheb", ARCHES},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What the error number of an action is for. */
static bool action_takes_data(uint32_t action)
{
	return action == K_SECCOMP_RET_ERRNO || action == K_SECCOMP_RET_TRACE;
}

static bool read_errno(struct import *im, const struct toml_value *number, const struct toml_value *name,
		       uint32_t *data)
{
	uint64_t value = EPERM_ERROR;

	if (number && !import_number(im, number, "errnoRet", ERRNO_MAX, &value))
		return false;
	if (!number && name) {
		const char *text = import_text(im, name, "errno");
		value = text ? errno_find(text) : 0;
		if (text && !value)
			diag_report(im->diag, CHECK_UNKNOWN_NAME, &name->pos, "unknown error name \"%s\"", text);
	}
	*data = (uint32_t)value;
	return number || value;
}

static bool read_action(struct import *im, const struct toml_value *value, const struct toml_value *number,
			const struct toml_value *name, uint32_t *action)
{
	const char *text = import_text(im, value, "action");
	const char *words[COUNT(actions) + 1] = {NULL};
	uint32_t data;
	size_t i = 0;

	for (size_t k = 0; k < COUNT(actions); k++)
		words[k] = actions[k].name;
	while (text && i < COUNT(actions) && strcmp(text, actions[i].name))
		i++;
	if (!text)
		return false;
	if (i == COUNT(actions)) {
		struct diag_item *item =
			diag_report(im->diag, CHECK_UNKNOWN_NAME, &value->pos, "unknown action \"%s\"", text);
		const char *near = diag_nearest(text, words);
		if (near)
			diag_note(im->diag, item, NULL, "did you mean \"%s\"?", near);
		return false;
	}
	*action = actions[i].value;
	if (*action == K_SECCOMP_RET_USER_NOTIF) {
		diag_report(im->diag, CHECK_UNSUPPORTED, &value->pos,
			    "SCMP_ACT_NOTIFY asks a supervisor, and nothing here would answer");
		return false;
	}
	if (action_takes_data(*action)) {
		if (!read_errno(im, number, name, &data))
			return false;
		if (!data && *action == K_SECCOMP_RET_ERRNO) {
			diag_report(im->diag, CHECK_BAD_VALUE, number ? &number->pos : &value->pos,
				    "error 0 feigns success: the policy language has no such action");
			return false;
		}
		*action |= data;
	} else if (number) {
		import_note(im, &number->pos, "dropped: errnoRet, which %s does not use", text);
	}
	return true;
}

static bool permits(uint32_t action)
{
	return action == K_SECCOMP_RET_ALLOW || action == K_SECCOMP_RET_LOG;
}

/* ---- conditions ---- */

static const struct import_expr *read_arg(struct import *im, const struct toml_value *arg)
{
	const struct toml_value *index, *value, *second, *op;
	const struct import_key keys[] = {{"index", TOML_INTEGER, &index},
					  {"value", TOML_INTEGER, &value},
					  {"valueTwo", TOML_INTEGER, &second},
					  {"op", TOML_STRING, &op},
					  {NULL, 0, NULL}};
	struct import_expr *e = import_expr(im, IMPORT_TEST, NULL, NULL, &arg->pos);
	uint64_t n = 0, a = 0, b = 0;
	size_t i = 0;

	if (!import_keys(im, arg, "an element of args", keys, false))
		return NULL;
	if (!index || !value || !op) {
		diag_report(im->diag, CHECK_MISSING_KEY, &arg->pos, "an element of args needs index, value and op");
		return NULL;
	}
	if (!import_number(im, index, "index", 5, &n) || !import_number(im, value, "value", UINT64_MAX, &a) ||
	    (second && !import_number(im, second, "valueTwo", UINT64_MAX, &b)))
		return NULL;
	while (i < COUNT(operators) && strcmp(op->string.ptr, operators[i].name))
		i++;
	if (i == COUNT(operators)) {
		diag_report(im->diag, CHECK_UNKNOWN_NAME, &op->pos, "unknown operator \"%s\"", op->string.ptr);
		return NULL;
	}
	e->index = (unsigned)n;
	e->op = operators[i].op;
	e->mask = a;
	e->value = e->op == CMP_MASKED_EQ ? b : a;
	if (e->op == CMP_MASKED_EQ && b & ~a)
		import_note(
			im, &arg->pos,
			"approximated: valueTwo has bits outside of the mask; they are ignored, as by libseccomp");
	return e;
}

static void read_args(struct import *im, struct oci_entry *entry)
{
	bool twice = false;
	unsigned seen = 0;

	if (entry->args && entry->args->count > ARGS_MAX) {
		diag_report(im->diag, CHECK_LIMIT, &entry->args->pos, "more than %d conditions", ARGS_MAX);
		return;
	}
	for (const struct toml_value *arg = entry->args ? entry->args->first : NULL; arg; arg = arg->next) {
		const struct import_expr *e = read_arg(im, arg);
		if (!e)
			return;
		twice |= seen >> e->index & 1;
		seen |= 1u << e->index;
	}
	if (twice)
		import_note(
			im, &entry->pos,
			"approximated: two conditions on one argument: any of the conditions suffices, as for runc");
	for (const struct toml_value *arg = entry->args ? entry->args->first : NULL; arg; arg = arg->next) {
		size_t notes = im->nnotes;
		const struct import_expr *e = read_arg(im, arg);
		im->nnotes = notes; /* said above */
		entry->when = entry->when
				      ? import_expr(im, twice ? IMPORT_OR : IMPORT_AND, entry->when, e, &entry->pos)
				      : e;
	}
}

/* ---- includes and excludes ---- */

struct oci_limits {
	const struct toml_value *caps, *arches, *kernel;
};

static bool read_limits(struct import *im, const struct toml_value *table, const char *what,
			struct oci_limits *limits)
{
	const struct import_key keys[] = {{"caps", TOML_ARRAY, &limits->caps},
					  {"arches", TOML_ARRAY, &limits->arches},
					  {"minKernel", TOML_STRING, &limits->kernel},
					  {NULL, 0, NULL}};

	*limits = (struct oci_limits){0};
	/* strict: a limit that is ignored would widen the profile */
	return !table || import_keys(im, table, what, keys, true);
}

static unsigned read_arches(struct import *im, const struct toml_value *list)
{
	unsigned bits = 0;

	for (const struct toml_value *word = list->first; word; word = word->next) {
		const char *text = import_text(im, word, "arches");
		size_t i = 0;
		while (text && i < COUNT(arch_names) && strcmp(arch_names[i].name, text))
			i++;
		if (text && i == COUNT(arch_names))
			import_note(im, &word->pos, "dropped: unknown architecture \"%s\"", text);
		else if (text && arch_names[i].arch != ARCHES)
			bits |= 1u << arch_names[i].arch;
	}
	return bits;
}

static bool cap_held(struct import *im, const struct toml_value *word)
{
	const char *text = import_text(im, word, "caps");
	char name[32] = "";
	uint64_t bits;

	for (size_t i = 0; text && strlen(text) > 4 && text[i + 4] && i + 1 < sizeof(name); i++)
		name[i] = text[i + 4] >= 'A' && text[i + 4] <= 'Z' ? (char)(text[i + 4] - 'A' + 'a') : text[i + 4];
	if (!text)
		return false;
	if (strncmp(text, "CAP_", 4) || !vocab_find(VOCAB_CAP, name, &bits)) {
		import_note(im, &word->pos, "dropped: unknown capability \"%s\", which nothing holds", text);
		return false;
	}
	return im->caps & bits;
}

/* Capabilities: an entry needs all that it includes, and none that it excludes. */
static bool caps_fit(struct import *im, const struct toml_value *includes, const struct toml_value *excludes)
{
	bool fit = true;

	for (const struct toml_value *word = includes ? includes->first : NULL; word; word = word->next)
		fit &= cap_held(im, word);
	for (const struct toml_value *word = excludes ? excludes->first : NULL; word; word = word->next)
		fit &= !cap_held(im, word);
	return fit;
}

/* Is the kernel at least the one named? Without --kernel it is a newer one. */
static bool kernel_reached(struct oci *o, const struct toml_value *value)
{
	struct import *im = o->im;
	const char *text = import_text(im, value, "minKernel");
	unsigned major, minor;

	if (!text)
		return false;
	if (!import_release(text, &major, &minor)) {
		diag_report(im->diag, CHECK_BAD_VALUE, &value->pos, "minKernel: a release such as \"4.8\"");
		return false;
	}
	if (!im->kernel_major)
		return true;
	return im->kernel_major > major || (im->kernel_major == major && im->kernel_minor >= minor);
}

static const char *list_names(struct oci *o, const struct oci_entry *entry)
{
	const char *list = entry->name ? entry->name->string.ptr : "";
	size_t n = 0;

	for (const struct toml_value *word = entry->names ? entry->names->first : NULL; word; word = word->next) {
		if (n++ == LISTED_MAX)
			return arena_printf(o->im->arena, "%s, and others", list);
		if (word->type == TOML_STRING)
			list = arena_printf(o->im->arena, "%s%s%.64s", list, *list ? ", " : "", word->string.ptr);
	}
	return list;
}

static void decide_entry(struct oci *o, struct oci_entry *entry, const struct toml_value *includes,
			 const struct toml_value *excludes)
{
	struct import *im = o->im;
	struct oci_limits in, out;
	unsigned all = import_arch_bits(im);

	if (!read_limits(im, includes, "includes", &in) || !read_limits(im, excludes, "excludes", &out))
		return;
	entry->arches = all;
	if (in.arches && in.arches->count)
		entry->arches &= read_arches(im, in.arches);
	if (out.arches)
		entry->arches &= ~read_arches(im, out.arches);
	bool caps = caps_fit(im, in.caps, out.caps), kernel = true;
	if (in.kernel)
		kernel = kernel_reached(o, in.kernel);
	if (out.kernel)
		kernel &= !kernel_reached(o, out.kernel);
	if (entry->arches && !caps)
		import_note(im, &entry->pos, "left out for the capabilities it depends on: %s of %s",
			    import_action(im, entry->action), list_names(o, entry));
	else if (entry->arches && !kernel)
		import_note(im, &entry->pos, "left out for the kernel it depends on: %s of %s",
			    import_action(im, entry->action), list_names(o, entry));
	if (!caps || !kernel)
		entry->arches = 0;
}

/* ---- entries ---- */

static void read_entry(struct oci *o, const struct toml_value *table)
{
	const struct toml_value *names, *name, *action, *number, *error, *args, *comment, *includes, *excludes;
	const struct import_key keys[] = {{"names", TOML_ARRAY, &names},       {"name", TOML_STRING, &name},
					  {"action", TOML_STRING, &action},    {"errnoRet", TOML_INTEGER, &number},
					  {"errno", TOML_STRING, &error},      {"args", TOML_ARRAY, &args},
					  {"comment", TOML_STRING, &comment},  {"includes", TOML_TABLE, &includes},
					  {"excludes", TOML_TABLE, &excludes}, {NULL, 0, NULL}};
	struct oci_entry entry = {.pos = table->pos};

	if (!import_keys(o->im, table, "an entry of syscalls", keys, false))
		return;
	/* Go writes fields that nobody set: "name": "" */
	if (name && !name->string.len)
		name = NULL;
	if (!action || (!names && !name) || (names && name)) {
		diag_report(o->im->diag, CHECK_MISSING_KEY, &table->pos,
			    "an entry of syscalls needs an action, and names or a name");
		return;
	}
	entry.names = names;
	entry.name = name;
	entry.args = args;
	if (!read_action(o->im, action, number, error, &entry.action))
		return;
	read_args(o->im, &entry);
	decide_entry(o, &entry, includes, excludes);
	o->entries = arena_grow(o->im->arena, o->entries, &o->cap, o->nentries + 1, sizeof(*o->entries));
	o->entries[o->nentries++] = entry;
}

/* ---- what libseccomp makes of the entries of one call ---- */

struct oci_call {
	const char *name;
	struct srcpos pos;
	size_t *entries; /* in order */
	size_t nentries, cap;
};

struct oci_calls {
	struct oci_call *items;
	size_t count, cap;
};

static void note_call(struct oci *o, struct oci_calls *calls, const struct toml_value *word, size_t entry)
{
	const char *text = import_text(o->im, word, "names"), *name;
	size_t i = 0;

	name = text ? import_syscall(o->im, text, &word->pos, false) : NULL;
	if (!name)
		return;
	while (i < calls->count && calls->items[i].name != name)
		i++;
	if (i == calls->count) {
		calls->items = arena_grow(o->im->arena, calls->items, &calls->cap, i + 1, sizeof(*calls->items));
		calls->items[calls->count++] = (struct oci_call){.name = name, .pos = word->pos};
	}
	struct oci_call *call = &calls->items[i];
	if (call->nentries && call->entries[call->nentries - 1] == entry)
		return;
	call->entries =
		arena_grow(o->im->arena, call->entries, &call->cap, call->nentries + 1, sizeof(*call->entries));
	call->entries[call->nentries++] = entry;
}

static void collect_calls(struct oci *o, struct oci_calls *calls)
{
	for (size_t i = 0; i < o->nentries; i++) {
		const struct oci_entry *entry = &o->entries[i];
		if (entry->name)
			note_call(o, calls, entry->name, i);
		for (const struct toml_value *word = entry->names ? entry->names->first : NULL; word;
		     word = word->next)
			note_call(o, calls, word, i);
	}
}

/* The entry without conditions that beats the others, or NULL. */
static const struct oci_entry *winner(struct oci *o, const struct oci_call *call, unsigned arch)
{
	for (size_t i = 0; i < call->nentries; i++) {
		const struct oci_entry *entry = &o->entries[call->entries[i]];
		if (entry->arches >> arch & 1 && !entry->when && entry->action != o->im->default_action)
			return entry;
	}
	return NULL;
}

/* Bits of the entries of the call that count on an architecture; a profile with more of them for one call is not real. */
#define ENTRIES_MAX 64

static uint64_t counting(struct oci *o, const struct oci_call *call, unsigned arch)
{
	const struct oci_entry *best = winner(o, call, arch);
	uint64_t bits = 0;

	for (size_t i = 0; i < call->nentries; i++) {
		const struct oci_entry *entry = &o->entries[call->entries[i]];
		if (entry->arches >> arch & 1 && entry->action != o->im->default_action && (!best || entry == best))
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

static void note_beaten(struct oci *o, const struct oci_call *call, unsigned arch)
{
	const struct oci_entry *best = winner(o, call, arch);

	for (size_t i = 0; best && i < call->nentries; i++) {
		const struct oci_entry *entry = &o->entries[call->entries[i]];
		if (entry != best && entry->arches >> arch & 1 && entry->action != best->action)
			import_note(o->im, &entry->pos,
				    "dropped: %s of %s, which line %u decides whatever the arguments",
				    import_action(o->im, entry->action), call->name, best->pos.line);
	}
}

static void add_decision(struct oci *o, const struct oci_call *call, unsigned arches, uint32_t action,
			 const struct import_expr *when, const struct srcpos *pos)
{
	struct import_rule *rule = import_rule(o->im, action, when, pos);

	rule->may_drop = permits(action) && !permits(o->im->default_action);
	import_rule_call(o->im, rule, call->name, arches, &call->pos);
}

/* Neighbours with the same action become one rule. */
static void add_decisions(struct oci *o, const struct oci_call *call, uint64_t bits, unsigned arches)
{
	const struct import_expr *when = NULL;
	const struct oci_entry *last = NULL;

	for (size_t i = 0; i < call->nentries; i++) {
		const struct oci_entry *entry = &o->entries[call->entries[i]];
		if (!(bits >> i & 1))
			continue;
		if (last && last->action != entry->action) {
			add_decision(o, call, arches, last->action, when, &last->pos);
			import_note(
				o->im, &entry->pos,
				"approximated: conditions on %s with different actions: the first that holds decides",
				call->name);
			when = NULL;
		}
		when = when && entry->when ? import_expr(o->im, IMPORT_OR, when, entry->when, &entry->pos)
					   : entry->when;
		last = entry;
	}
	if (last)
		add_decision(o, call, arches, last->action, when, &last->pos);
}

static void add_call(struct oci *o, const struct oci_call *call)
{
	unsigned left = import_arch_bits(o->im);

	if (call->nentries > ENTRIES_MAX) {
		diag_report(o->im->diag, CHECK_LIMIT, &call->pos, "%s is in more than %d entries", call->name,
			    ENTRIES_MAX);
		return;
	}
	for (unsigned a = 0; a < ARCHES; a++) {
		uint64_t bits = left >> a & 1 ? counting(o, call, a) : 0;
		unsigned arches = 0;
		for (unsigned b = a; bits && b < ARCHES; b++)
			if (left >> b & 1 && counting(o, call, b) == bits)
				arches |= 1u << b;
		if (!bits)
			continue;
		note_beaten(o, call, a);
		add_decisions(o, call, bits, arches);
		left &= ~arches;
	}
}

/* ---- the document ---- */

/* Names that none of the architectures has. */
static void note_foreign(struct oci *o, const struct oci_calls *calls)
{
	struct import *im = o->im;
	const char *list = "";

	for (size_t i = 0; i < calls->count; i++) {
		bool here = false;
		for (size_t k = 0; k < im->narches; k++)
			here |= syscall_number(im->arches[k], calls->items[i].name) >= 0;
		if (!here)
			list = arena_printf(im->arena, "%s%s%s", list, *list ? ", " : "", calls->items[i].name);
	}
	if (*list)
		import_note(im, NULL, "left out as calls of other architectures: %s", list);
}

/* Calls above every one that the profile names get ENOSYS, so that libc falls back to those it does name. */
static void add_newer(struct oci *o, const struct oci_calls *calls, const struct srcpos *pos)
{
	struct import *im = o->im;
	struct import_rule *rule = import_rule(im, K_SECCOMP_RET_ERRNO | ENOSYS_ERROR, NULL, pos);
	int last[ARCHES];

	rule->comment = "newer than the profile: as on a kernel that does not have them";
	for (size_t i = 0; i < im->narches; i++) {
		enum arch_id arch = im->arches[i];
		last[arch] = -1;
		for (size_t k = 0; k < calls->count; k++) {
			int nr = syscall_number(arch, calls->items[k].name);
			last[arch] = nr > last[arch] && nr < SYSCALL_NUMBERS ? nr : last[arch];
		}
	}
	for (const char *const *name = syscall_names(); *name; name++) {
		unsigned bits = 0;
		for (size_t i = 0; i < im->narches; i++) {
			int nr = syscall_number(im->arches[i], *name);
			if (last[im->arches[i]] >= 0 && nr > last[im->arches[i]] && nr < SYSCALL_NUMBERS)
				bits |= 1u << im->arches[i];
		}
		if (bits)
			import_rule_call(im, rule, *name, bits, pos);
	}
}

static void note_arches(struct oci *o, const struct toml_value *map, const struct toml_value *list)
{
	const struct toml_value *from = map ? map : list;

	if (from && from->count)
		import_note(
			o->im, &from->pos,
			"stricter: calls of another architecture, 32-bit programs and x32 included, end the process");
}

static void read_profile(struct oci *o, const struct toml_value *root)
{
	const struct toml_value *action, *number, *error, *arches, *map, *flags, *path, *meta, *calls, *comment;
	const struct import_key keys[] = {{"defaultAction", TOML_STRING, &action},
					  {"defaultErrnoRet", TOML_INTEGER, &number},
					  {"defaultErrno", TOML_STRING, &error},
					  {"architectures", TOML_ARRAY, &arches},
					  {"archMap", TOML_ARRAY, &map},
					  {"flags", TOML_ARRAY, &flags},
					  {"listenerPath", TOML_STRING, &path},
					  {"listenerMetadata", TOML_STRING, &meta},
					  {"syscalls", TOML_ARRAY, &calls},
					  {"comment", TOML_STRING, &comment},
					  {NULL, 0, NULL}};
	struct oci_calls found = {0};
	struct import *im = o->im;

	if (!import_keys(im, root, "the profile", keys, false))
		return;
	if (!action) {
		diag_report(im->diag, CHECK_MISSING_KEY, &root->pos, "the profile has no defaultAction");
		return;
	}
	if (!read_action(im, action, number, error, &im->default_action))
		return;
	if (path && path->string.len)
		import_note(im, &path->pos, "dropped: listenerPath: there is no SCMP_ACT_NOTIFY to listen to");
	if (flags && flags->count)
		import_note(im, &flags->pos, "dropped: flags of seccomp(2): llrun chooses its own");
	note_arches(o, map, arches);
	for (const struct toml_value *entry = calls ? calls->first : NULL; entry; entry = entry->next)
		read_entry(o, entry);
	if (import_failed(im))
		return;
	collect_calls(o, &found);
	note_foreign(o, &found);
	for (size_t i = 0; i < found.count; i++)
		add_call(o, &found.items[i]);
	im->newer_enosys = im->enosys && !permits(im->default_action);
	if (im->newer_enosys)
		add_newer(o, &found, &root->pos);
}

/* linux.seccomp of a config.json. */
static const struct toml_value *find_profile(struct import *im, const struct toml_value *root)
{
	const struct toml_entry *linux_entry = root->type == TOML_TABLE ? toml_get(root, "linux") : NULL;
	const struct toml_entry *seccomp = linux_entry && linux_entry->value->type == TOML_TABLE
						   ? toml_get(linux_entry->value, "seccomp")
						   : NULL;

	if (!linux_entry || toml_get(root, "defaultAction"))
		return root;
	if (!seccomp)
		diag_report(im->diag, CHECK_MISSING_KEY, &root->pos, "this configuration has no linux.seccomp");
	return seccomp ? seccomp->value : NULL;
}

void import_oci(struct import *im, uint32_t file)
{
	struct oci o = {.im = im};
	const struct toml_value *root = import_json(im, file, true);
	const struct toml_value *profile = root ? find_profile(im, root) : NULL;

	if (profile)
		read_profile(&o, profile);
}
