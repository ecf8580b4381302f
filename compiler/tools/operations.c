/* SPDX-License-Identifier: MIT */
/* Operations as words: why's command line and standard input, [[test]] tables, what trace prints. See decide.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "decide_impl.h"
#include "inspect.h"
#include "sysdata.h"

#define TCGETS 0x5401 /* include/uapi/asm-generic/ioctls.h: harmless, and known to every driver of terminals */

const struct operation_row operation_rows[OPERATION_IDS] = {
#define OPERATION(id, word_, arguments_, help_) [OP_##id] = {word_, arguments_, help_},
#include "operations.def"
};

const struct node_row node_rows[NODE_IDS] = {
#define NODE(id, word_, type_, right_, help_) [NODE_##id] = {word_, type_, FS_RIGHT(right_)},
#include "operations.def"
};

static const char *const peer_words[] = {
	[PEER_TCP] = "tcp", [PEER_UDP] = "udp", [PEER_UNIX] = "unix", [PEER_ABSTRACT] = "abstract"};
#define PEERS (sizeof(peer_words) / sizeof(peer_words[0]))

static size_t find_word(const char *const *words, size_t count, const char *word)
{
	size_t i = 0;

	while (i < count && strcmp(words[i], word))
		i++;
	return i;
}

/* ---- parsing ---- */

struct parsing {
	struct arena *arena;
	enum arch_id arch;
	const char *const *words; /* what is left */
	size_t nwords;
	struct operation *op;
	const char *call; /* the name of the system call, without an architecture */
	const char *why;
};

static bool bad(struct parsing *p, const char *format, const char *word)
{
	p->why = arena_printf(p->arena, format, word);
	return false;
}

static bool take(struct parsing *p, const char *what, const char **word)
{
	if (!p->nwords)
		return bad(p, "%s is missing", what);
	*word = *p->words++;
	p->nwords--;
	return true;
}

static bool take_path(struct parsing *p, const char *what, const char **path)
{
	if (!take(p, what, path))
		return false;
	if ((*path)[0] != '/' && strncmp(*path, "${", 2))
		return bad(p, "\"%s\": a path must be absolute, or begin with a slot such as ${CWD}", *path);
	if (strlen(*path) >= K_PATH_MAX)
		return bad(p, "the path is longer than the kernel takes%s", "");
	return true;
}

/* The whole word as a number up to max: decimal, 0x or 0. */
static bool read_number(const char *word, uint64_t max, uint64_t *value)
{
	char *end;

	if (*word < '0' || *word > '9' || strlen(word) > 22)
		return false;
	*value = strtoull(word, &end, 0);
	/* what overflows comes back as the largest number, which is longer than its digits say */
	return !*end && *value <= max && !(*value == UINT64_MAX && strlen(word) > 20);
}

static bool parse_port(struct parsing *p)
{
	const char *word;
	uint64_t port;

	if (!take(p, "the port", &word))
		return false;
	if (!read_number(word, 65535, &port))
		return bad(p, "\"%s\" is not a port: a number from 0 to 65535", word);
	p->op->port = (uint32_t)port;
	return true;
}

static bool parse_peer(struct parsing *p)
{
	const char *word;

	if (!take(p, p->op->id == OP_BIND ? "tcp or udp" : "tcp, udp, unix or abstract", &word))
		return false;
	size_t peer = find_word(peer_words, PEERS, word);
	if (peer == PEERS || (p->op->id == OP_BIND && peer > PEER_UDP))
		return bad(p,
			   p->op->id == OP_BIND ? "\"%s\": tcp or udp expected"
						: "\"%s\": tcp, udp, unix or abstract expected",
			   word);
	p->op->peer = (enum peer)peer;
	if (peer <= PEER_UDP)
		return parse_port(p);
	if (peer == PEER_UNIX)
		return take_path(p, "the path", &p->op->path);
	return take(p, "the name", &p->op->path);
}

static bool parse_create(struct parsing *p)
{
	size_t node = 0;

	while (node < NODE_IDS && p->nwords && strcmp(node_rows[node].word, *p->words))
		node++;
	if (p->nwords && node < NODE_IDS) {
		p->op->node = (enum node_id)node;
		p->words++;
		p->nwords--;
	} else if (p->nwords > 1) {
		return bad(p, "\"%s\" is nothing that can be created; see llc-policy why --help", *p->words);
	}
	return take_path(p, "the path", &p->op->path);
}

static bool parse_ioctl(struct parsing *p)
{
	const char *word;
	uint64_t request = TCGETS;

	if (!take_path(p, "the path", &p->op->path))
		return false;
	if (p->nwords && take(p, "", &word) && !constant_find(p->arch, word, &request) &&
	    !read_number(word, UINT32_MAX, &request))
		return bad(p, "\"%s\" is not an ioctl request", word);
	p->op->request = (uint32_t)request;
	return true;
}

/* ---- system calls ---- */

/* A number, negative ones too, or constants joined by "|". */
static bool read_value(struct parsing *p, const char *text, uint64_t *value)
{
	bool minus = *text == '-';
	uint64_t part;

	if (read_number(text + minus, UINT64_MAX, value)) {
		*value = minus ? -*value : *value;
		return true;
	}
	*value = 0;
	for (size_t len; *text; text += len + (text[len] == '|')) {
		len = strcspn(text, "|");
		const char *name = arena_strndup(p->arena, text, len);
		if (!constant_find(p->arch, name, &part) && !read_number(name, UINT64_MAX, &part))
			return false;
		*value |= part;
	}
	return true;
}

/* An argument by its name, or by its register: a0 to a5. */
static bool find_argument(const struct parsing *p, const char *name, unsigned *index)
{
	struct arg_info info;

	if (name[0] == 'a' && name[1] >= '0' && name[1] <= '5' && !name[2]) {
		*index = (unsigned)(name[1] - '0');
		return true;
	}
	if (syscall_arg(p->arch, p->call, name, &info) || !info.filterable)
		return false;
	*index = info.index;
	return true;
}

static bool parse_argument(struct parsing *p, const char *word)
{
	const char *equals = strchr(word, '=');
	unsigned index;
	uint64_t value;

	if (!equals)
		return bad(p, "\"%s\": ARGUMENT=VALUE expected", word);
	const char *name = arena_strndup(p->arena, word, (size_t)(equals - word));
	if (!find_argument(p, name, &index)) {
		p->why = arena_printf(p->arena, "%s has no argument \"%s\"; a0 to a5 are its registers", p->op->call,
				      name);
		return false;
	}
	if (!read_value(p, equals + 1, &value))
		return bad(p, "\"%s\": neither a number nor constants of this architecture", equals + 1);
	if (p->op->known & 1u << index)
		return bad(p, "\"%s\": this argument is given twice", word);
	p->op->args[index] = value;
	p->op->known |= 1u << index;
	return true;
}

/* The numbers that an architecture can have: below SYSCALL_NUMBERS, with the bit of x32, or one that has a name (arm). */
static bool read_call_number(const struct parsing *p, const char *word, uint32_t *nr)
{
	uint64_t number;
	bool prefixed = !strncmp(word, "nr:", 3);

	if (!read_number(prefixed ? word + 3 : word, UINT32_MAX, &number))
		return false;
	*nr = (uint32_t)number;
	return (*nr & ~(arch_rows[p->arch].x32 ? K_X32_SYSCALL_BIT : 0)) < SYSCALL_NUMBERS ||
	       (*nr <= INT32_MAX && syscall_name(p->arch, (int)*nr));
}

/* "i386:NAME" on x86_64: *word is the name then, and what follows is that architecture's. */
static bool take_entry(struct parsing *p, const char **word)
{
	const char *colon = strchr(*word, ':');
	enum arch_id entry = colon ? arch_find(arena_strndup(p->arena, *word, (size_t)(colon - *word))) : ARCHES;

	if (entry == ARCHES)
		return true;
	if (entry != p->arch && entry != arch_rows[p->arch].compat)
		return bad(p, "\"%s\": this architecture has no such entry", *word);
	*word = colon + 1;
	p->op->foreign = entry != p->arch;
	p->op->entry = p->arch = entry;
	return true;
}

static bool parse_syscall(struct parsing *p)
{
	const char *word;

	if (!take(p, "the name of the system call", &word))
		return false;
	p->op->call = word;
	if (!take_entry(p, &word))
		return false;
	if (!p->op->foreign)
		p->op->call = word;
	p->call = word;
	int nr = syscall_number(p->arch, word);
	p->op->nr = (uint32_t)nr;
	if (nr < 0 && syscall_known(word)) {
		const char *advice = syscall_advice(p->arch, word);
		p->why = arena_printf(p->arena, "%s does not exist on %s%s%s", word, arch_rows[p->arch].name,
				      advice ? ": " : "", advice ? advice : "");
		return false;
	}
	if (nr < 0 && !read_call_number(p, word, &p->op->nr))
		return bad(p,
			   *word >= '0' && *word <= '9' ? "\"%s\" is out of the range of system calls"
							: "\"%s\" is not a system call",
			   word);
	while (p->nwords && take(p, "", &word))
		if (!parse_argument(p, word))
			return false;
	return true;
}

static bool parse_pair(struct parsing *p)
{
	return take_path(p, "FROM", &p->op->path) && take_path(p, "TO", &p->op->to);
}

static bool parse_path(struct parsing *p)
{
	return take_path(p, "the path", &p->op->path);
}

static bool parse_nothing(struct parsing *p)
{
	(void)p;
	return true;
}

static bool (*const parsers[OPERATION_IDS])(struct parsing *) = {
	[OP_READ] = parse_path,     [OP_WRITE] = parse_path,     [OP_LIST] = parse_path,
	[OP_EXEC] = parse_path,     [OP_CREATE] = parse_create,  [OP_REMOVE] = parse_path,
	[OP_TRUNCATE] = parse_path, [OP_IOCTL] = parse_ioctl,    [OP_RENAME] = parse_pair,
	[OP_EXCHANGE] = parse_pair, [OP_LINK] = parse_pair,      [OP_CONNECT] = parse_peer,
	[OP_BIND] = parse_peer,     [OP_SIGNAL] = parse_nothing, [OP_SYSCALL] = parse_syscall,
};

const char *operation_parse(struct arena *arena, enum arch_id arch, const char *const *words, size_t nwords,
			    struct operation *op)
{
	struct parsing p = {.arena = arena, .arch = arch, .words = words, .nwords = nwords, .op = op};
	size_t id = 0;

	*op = (struct operation){0};
	if (!nwords)
		return "no operation";
	while (id < OPERATION_IDS && strcmp(operation_rows[id].word, *words))
		id++;
	if (id == OPERATION_IDS)
		return arena_printf(arena, "\"%s\" is not an operation; see llc-policy why --help", *words);
	op->id = (enum operation_id)id;
	p.words++;
	p.nwords--;
	if (parsers[id](&p) && p.nwords)
		return arena_printf(arena, "\"%s\": nothing more is expected after %s", *p.words,
				    operation_rows[id].word);
	return p.why;
}

/* ---- lines ---- */

/* One word of a line, unquoted, to *out; returns what follows, or NULL where a quote is not closed. */
static const char *one_word(struct arena *arena, const char *line, const char **out)
{
	char *word = arena_alloc(arena, strlen(line) + 1), *end = word;
	bool quoted = false;

	for (; *line && (quoted || !strchr(" \t\r\n", *line)); line++) {
		if (*line == '"') {
			quoted = !quoted;
			continue;
		}
		if (*line == '\\' && !*++line)
			return NULL;
		*end++ = *line;
	}
	*out = word;
	return quoted ? NULL : line;
}

const char *operation_words(struct arena *arena, const char *line, const char *const **words, size_t *nwords)
{
	const char **list = NULL;
	size_t cap = 0;

	*nwords = 0;
	for (line += strspn(line, " \t\r\n"); *line && *line != '#'; line += strspn(line, " \t\r\n")) {
		list = arena_grow(arena, list, &cap, *nwords + 1, sizeof(*list));
		line = one_word(arena, line, &list[(*nwords)++]);
		if (!line)
			return "a quote is not closed, or a backslash ends the line";
	}
	*words = list;
	return NULL;
}

static const char *quoted(struct arena *arena, const char *word)
{
	char *out = arena_alloc(arena, 2 * strlen(word) + 3), *end = out;
	bool quote = !*word || strpbrk(word, " \t\r\n\"\\#");

	if (quote)
		*end++ = '"';
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			*end++ = '\\';
		*end++ = *word;
	}
	if (quote)
		*end = '"';
	return out;
}

/* As much of the register as the kernel looks at. */
static uint64_t seen_of(const struct arg_info *info, uint64_t value)
{
	return info->bits < 64 ? value & ((UINT64_C(1) << info->bits) - 1) : value;
}

/* A combination, rather than one of several? By its name: the tables do not say. */
static bool combines(const char *argument)
{
	static const char *const words[] = {"flag", "flg", "prot", "mask", "mode", "options"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(argument, words[i]))
			return true;
	return !strcmp(argument, "type"); /* of a socket: with its flags */
}

/*
 * The constant of this argument that has most of the value in it, and nothing else; NULL when none has. Of two the one
 * that is meant for the very call: openat's flags are not those of other *at() calls.
 */
static const char *largest_constant(enum arch_id arch, const char *call, const struct arg_info *info, uint64_t value,
				    uint64_t *part)
{
	const char *best = NULL;
	unsigned best_fit = 0;
	uint64_t constant;

	for (const char *const *name = constant_names(); *name; name++) {
		if (!constant_find(arch, *name, &constant))
			continue;
		constant = seen_of(info, constant);
		if (constant & ~value || (!constant && value))
			continue;
		unsigned fit = constant_fits(*name, call, info);
		if (fit < best_fit || !fit || (fit == best_fit && constant <= *part))
			continue;
		best = *name;
		best_fit = fit;
		*part = constant;
	}
	return best;
}

/* Has a constant of another family the same value? Options of setsockopt(2) are such: their level tells them apart. */
static bool is_ambiguous(enum arch_id arch, const char *call, const struct arg_info *info, const char *best,
			 uint64_t value)
{
	uint64_t constant;

	for (const char *const *name = constant_names(); *name; name++)
		if (constant_find(arch, *name, &constant) && seen_of(info, constant) == value &&
		    constant_fits(*name, call, info) && strcmp(constant_meaning(*name), constant_meaning(best)))
			return true;
	return false;
}

const char *argument_text(struct arena *arena, enum arch_id arch, const char *call, const struct arg_info *info,
			  uint64_t value)
{
	uint64_t left = seen_of(info, value), part = 0;
	const char *text = largest_constant(arch, call, info, left, &part), *next;

	if (!text || (!combines(info->name) && (part != left || is_ambiguous(arch, call, info, text, left))))
		return arena_printf(arena, "0x%" PRIx64, left);
	while ((left &= ~part)) {
		part = 0;
		next = largest_constant(arch, call, info, left, &part);
		if (!next)
			return arena_printf(arena, "%s|0x%" PRIx64, text, left);
		text = arena_printf(arena, "%s|%s", text, next);
	}
	return text;
}

static const char *syscall_text(struct arena *arena, enum arch_id arch, const struct operation *op)
{
	const char *text = arena_printf(arena, "syscall %s", op->call);
	struct arg_info info;

	for (unsigned i = 0; i < 6; i++) {
		if (!(op->known & 1u << i))
			continue;
		if (syscall_arg_at(arch, op->call, i, &info) && info.filterable)
			text = arena_printf(arena, "%s %s=%s", text, info.name,
					    argument_text(arena, arch, op->call, &info, op->args[i]));
		else
			text = arena_printf(arena, "%s a%u=0x%" PRIx64, text, i, op->args[i]);
	}
	return text;
}

static const char *ioctl_text(struct arena *arena, enum arch_id arch, const struct operation *op, const char *path)
{
	struct arg_info info;

	if (op->request == TCGETS || syscall_arg(arch, "ioctl", "request", &info))
		return arena_printf(arena, "ioctl %s", path);
	return arena_printf(arena, "ioctl %s %s", path, argument_text(arena, arch, "ioctl", &info, op->request));
}

const char *operation_text(struct arena *arena, enum arch_id arch, const struct operation *op)
{
	const char *word = operation_rows[op->id].word, *path = op->path ? quoted(arena, op->path) : NULL;

	if (op->id == OP_SYSCALL)
		return syscall_text(arena, arch, op);
	if (op->to)
		return arena_printf(arena, "%s %s %s", word, path, quoted(arena, op->to));
	if (op->id == OP_CREATE && op->node != NODE_FILE)
		return arena_printf(arena, "%s %s %s", word, node_rows[op->node].word, path);
	if (op->id == OP_IOCTL)
		return ioctl_text(arena, arch, op, path);
	if (op->id != OP_CONNECT && op->id != OP_BIND)
		return path ? arena_printf(arena, "%s %s", word, path) : word;
	if (path)
		return arena_printf(arena, "%s %s %s", word, peer_words[op->peer], path);
	return arena_printf(arena, "%s %s %" PRIu32, word, peer_words[op->peer], op->port);
}
