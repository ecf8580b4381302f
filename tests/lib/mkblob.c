/* SPDX-License-Identifier: MIT */
/* See mkblob.h. Shares nothing with the compiler but the header of the format and the table of rights. */
#include "mkblob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"

#define RO (FS_RIGHT(read_file) | FS_RIGHT(read_dir))
#define RW                                                                                                           \
	(RO | FS_RIGHT(write_file) | FS_RIGHT(truncate) | FS_RIGHT(make_reg) | FS_RIGHT(make_dir) |                  \
	 FS_RIGHT(make_sym) | FS_RIGHT(remove_file) | FS_RIGHT(remove_dir) | FS_RIGHT(refer) | FS_RIGHT(ioctl_dev))

struct bytes {
	unsigned char *data;
	size_t size;
};

struct builder {
	struct bytes sections[LLPB_SECTIONS];
	struct llpb_plan plans[LLPB_PLAN_MAX];
	uint32_t nplans, nlayers;
	struct k_landlock_ruleset_attr handled[K_LANDLOCK_MAX_LAYERS];
	struct llpb_process process;
	struct llpb_meta meta;
	uint32_t lines[4][1024], nlines[4]; /* of paths, ports, slots, mounts */
	struct k_sock_filter deny[256];
	uint32_t ndeny;
	int filter, foreign, stripped;
	uint32_t line;
};

static _Noreturn void bad(const struct builder *b, const char *what)
{
	fprintf(stderr, "mkblob: line %u: %s\n", b->line, what);
	exit(2);
}

static uint32_t add(struct builder *b, enum llpb_section section, const void *record, size_t size)
{
	struct bytes *bytes = &b->sections[section];
	size_t at = bytes->size;

	bytes->data = realloc(bytes->data, at + size + 1);
	if (!bytes->data)
		abort();
	memcpy(bytes->data + at, record, size);
	bytes->size += size;
	return (uint32_t)at;
}

static uint32_t string(struct builder *b, const char *text)
{
	return *text ? add(b, LLPB_S_STRINGS, text, strlen(text) + 1) : 0;
}

/* Next word of the line, with %XX decoded in place; NULL at its end. */
static char *word(char **at)
{
	char *begin = *at, *in, *out;

	while (*begin == ' ')
		begin++;
	if (!*begin)
		return NULL;
	for (in = out = begin; *in && *in != ' '; out++) {
		if (*in == '%') {
			char hex[3] = {in[1], in[2], 0};

			*out = (char)strtoul(hex, NULL, 16);
			in += 3;
		} else {
			*out = *in++;
		}
	}
	*at = *in ? in + 1 : in;
	*out = 0;
	return begin;
}

static char *need(struct builder *b, char **at)
{
	char *text = word(at);

	if (!text)
		bad(b, "a word is missing");
	return text;
}

static uint64_t number(struct builder *b, char **at)
{
	const char *text = need(b, at);
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (*end || end == text)
		bad(b, "not a number");
	return value;
}

static uint64_t mask(struct builder *b, char **at, uint64_t all)
{
	static const struct {
		const char *name;
		uint64_t mask;
	} groups[] = {
		{"none", 0}, {"ro", RO}, {"rox", RO | FS_RIGHT(execute)}, {"rw", RW}, {"rwx", RW | FS_RIGHT(execute)},
	};
	const char *text = need(b, at);

	if (!strcmp(text, "all"))
		return all;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!strcmp(text, groups[i].name))
			return groups[i].mask;
	return strtoull(text, NULL, 0);
}

static void place(struct builder *b, unsigned kind)
{
	b->lines[kind][b->nlines[kind]++ % 1024] = b->line;
}

static void do_path(struct builder *b, char **at)
{
	struct llpb_path path = {.layer = (uint32_t)number(b, at), .base = LLPB_NONE};
	char *text;

	path.dir_access = mask(b, at, abi_fs_mask(LLPB_PLAN_MAX));
	path.file_access = path.dir_access & FS_FILE_RIGHTS;
	text = need(b, at);
	path.path = string(b, strcmp(text, "-") ? text : "");
	path.shown = string(b, text);
	while ((text = word(at))) {
		if (!strcmp(text, "optional"))
			path.flags |= LLPB_P_OPTIONAL;
		else if (!strcmp(text, "follow"))
			path.flags |= LLPB_P_FOLLOW;
		else if (!strcmp(text, "keep"))
			path.flags |= LLPB_P_KEEP;
		else if (!strcmp(text, "uid"))
			path.flags |= LLPB_P_UID;
		else if (!strncmp(text, "slot=", 5))
			path.anchor = LLPB_ANCHOR_SLOT, path.base = (uint32_t)atoi(text + 5);
		else if (!strcmp(text, "root"))
			path.anchor = LLPB_ANCHOR_ROOT;
		else if (!strncmp(text, "rule=", 5))
			path.anchor = LLPB_ANCHOR_RULE, path.base = (uint32_t)atoi(text + 5);
		else
			bad(b, "unknown word");
	}
	add(b, LLPB_S_PATHS, &path, sizeof(path));
	place(b, 0);
}

static void do_port(struct builder *b, char **at)
{
	struct llpb_port port = {.layer = (uint32_t)number(b, at)};

	port.attr.allowed_access = mask(b, at, abi_net_mask(LLPB_PLAN_MAX));
	port.attr.port = number(b, at);
	add(b, LLPB_S_PORTS, &port, sizeof(port));
	place(b, 1);
}

static void do_slot(struct builder *b, char **at)
{
	struct llpb_slot slot = {.name = string(b, need(b, at))};
	char *text = need(b, at);

	if (!strncmp(text, "env:", 4))
		slot.from = LLPB_SLOT_ENV, slot.variable = string(b, text + 4);
	else
		slot.from = strcmp(text, "cwd") ? LLPB_SLOT_ARG : LLPB_SLOT_CWD;
	while ((text = word(at))) {
		if (!strcmp(text, "dir"))
			slot.flags |= LLPB_SLOT_DIR;
		else if (!strcmp(text, "file"))
			slot.flags |= LLPB_SLOT_FILE;
		else if (!strcmp(text, "root"))
			slot.flags |= LLPB_SLOT_ALLOW_ROOT;
		else if (!strcmp(text, "optional"))
			slot.flags |= LLPB_SLOT_OPTIONAL;
		else if (!strcmp(text, "follow"))
			slot.flags |= LLPB_SLOT_FOLLOW;
		else if (!strncmp(text, "default=", 8))
			slot.fallback = string(b, text + 8);
		else
			bad(b, "unknown word");
	}
	add(b, LLPB_S_SLOTS, &slot, sizeof(slot));
	place(b, 2);
}

static void do_env(struct builder *b, char **at)
{
	const char *op = need(b, at);
	struct llpb_env env = {.op = !strcmp(op, "pass")     ? LLPB_ENV_PASS
				     : !strcmp(op, "prefix") ? LLPB_ENV_PASS_PREFIX
							     : LLPB_ENV_SET};
	char *text = word(at);

	env.text = string(b, text ? text : "");
	b->process.flags |= LLPB_PROC_ENV;
	add(b, LLPB_S_ENV, &env, sizeof(env));
}

static void do_guarantee(struct builder *b, char **at)
{
	struct llpb_guarantee guarantee = {.line = b->line};
	char *text = need(b, at);

	guarantee.name = string(b, text);
	guarantee.text = string(b, "what the guarantee means");
	guarantee.file = string(b, "test.toml");
	guarantee.flags = strcmp(need(b, at), "firm") ? 0 : LLPB_G_FIRM;
	text = need(b, at);
	for (size_t i = 0; i < LLPB_PLAN_MAX && text[i]; i++)
		guarantee.mechanism[i] = (uint8_t)(text[i] - '0');
	add(b, LLPB_S_GUARANTEES, &guarantee, sizeof(guarantee));
}

static void do_loss(struct builder *b, char **at)
{
	struct llpb_loss loss = {.first = (uint32_t)number(b, at), .last = (uint32_t)number(b, at)};

	loss.text = string(b, need(b, at));
	add(b, LLPB_S_LOSSES, &loss, sizeof(loss));
}

/* What follows a mount or a view: flags, and strings and numbers as NAME=VALUE. */
static int mount_word(struct builder *b, struct llpb_mount *m, const char *text)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = {
		{"in_root", LLPB_MT_IN_ROOT},
		{"create", LLPB_MT_CREATE},
		{"optional", LLPB_MT_OPTIONAL},
		{"follow_source", LLPB_MT_FOLLOW_SOURCE},
		{"follow_target", LLPB_MT_FOLLOW_TARGET},
		{"as_root", LLPB_MT_AS_ROOT},
	};
	const struct {
		const char *name;
		uint32_t *string;
	} strings[] = {{"size=", &m->size}, {"inodes=", &m->inodes}, {"mode=", &m->mode}};
	const struct {
		const char *name;
		uint32_t *number;
	} numbers[] = {{"attrs=", &m->attrs}, {"from=", &m->source_slot}, {"at=", &m->target_slot}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(text, flags[i].name))
			return m->flags |= flags[i].flag, 1;
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(strings[i].name);

		if (!strncmp(text, strings[i].name, len))
			return *strings[i].string = string(b, text + len), 1;
		len = strlen(numbers[i].name);
		if (!strncmp(text, numbers[i].name, len))
			return *numbers[i].number = (uint32_t)strtoul(text + len, NULL, 0), 1;
	}
	return 0;
}

static uint32_t place_text(struct builder *b, const char *text)
{
	return string(b, strcmp(text, "-") ? text : "");
}

static void do_mount(struct builder *b, enum llpb_mount_kind kind, char **at)
{
	struct llpb_mount m = {.kind = kind, .source_slot = LLPB_NONE, .target_slot = LLPB_NONE};
	char *text;

	if (kind == LLPB_MT_VIEW)
		m.spaces = (uint32_t)number(b, at);
	if (kind == LLPB_MT_BIND) {
		text = need(b, at);
		m.source = place_text(b, text);
		m.shown_source = string(b, text);
	}
	if (kind != LLPB_MT_VIEW) {
		text = need(b, at);
		m.target = place_text(b, text);
		m.shown_target = string(b, text);
	}
	while ((text = word(at)))
		if (kind == LLPB_MT_VIEW && !strncmp(text, "root=", 5)) {
			m.source = place_text(b, text + 5);
			m.shown_source = string(b, text + 5);
		} else if (kind == LLPB_MT_VIEW && !strncmp(text, "cwd=", 4)) {
			m.target = string(b, text + 4);
		} else if (!mount_word(b, &m, text)) {
			bad(b, "unknown word");
		}
	add(b, LLPB_S_MOUNTS, &m, sizeof(m));
	place(b, 3);
}

static void do_handled(struct builder *b, char **at)
{
	struct k_landlock_ruleset_attr *attr = &b->handled[number(b, at) % K_LANDLOCK_MAX_LAYERS];

	attr->handled_access_fs = mask(b, at, abi_fs_mask(LLPB_PLAN_MAX));
	attr->handled_access_net = mask(b, at, abi_net_mask(LLPB_PLAN_MAX));
	attr->scoped = mask(b, at, abi_scope_mask(LLPB_PLAN_MAX));
}

static void add_insn(struct builder *b, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	struct k_sock_filter insn = {code, jt, jf, k};

	add(b, LLPB_S_INSNS, &insn, sizeof(insn));
}

static void do_line(struct builder *b, char *line)
{
	char *key = word(&line);

	if (!key || *key == '#')
		return;
	if (!strcmp(key, "name"))
		b->meta.name = string(b, need(b, &line));
	else if (!strcmp(key, "best-effort"))
		b->meta.flags &= ~LLPB_META_STRICT;
	else if (!strcmp(key, "plans"))
		b->nplans = (uint32_t)number(b, &line);
	else if (!strcmp(key, "layers"))
		b->nlayers = (uint32_t)number(b, &line);
	else if (!strcmp(key, "stripped"))
		b->stripped = 1;
	else if (!strcmp(key, "handled"))
		do_handled(b, &line);
	else if (!strcmp(key, "slot"))
		do_slot(b, &line);
	else if (!strcmp(key, "path"))
		do_path(b, &line);
	else if (!strcmp(key, "port"))
		do_port(b, &line);
	else if (!strcmp(key, "env"))
		do_env(b, &line);
	else if (!strcmp(key, "guarantee"))
		do_guarantee(b, &line);
	else if (!strcmp(key, "loss"))
		do_loss(b, &line);
	else if (!strcmp(key, "view"))
		do_mount(b, LLPB_MT_VIEW, &line);
	else if (!strcmp(key, "tmpfs"))
		do_mount(b, LLPB_MT_TMPFS, &line);
	else if (!strcmp(key, "bind"))
		do_mount(b, LLPB_MT_BIND, &line);
	else if (!strcmp(key, "proc"))
		do_mount(b, LLPB_MT_PROC, &line);
	else if (!strcmp(key, "allow_filter"))
		b->filter = 1;
	else if (!strcmp(key, "foreign_filter"))
		b->filter = b->foreign = 1;
	else if (!strcmp(key, "deny") || !strcmp(key, "kill")) {
		uint32_t nr = (uint32_t)number(b, &line);

		b->deny[b->ndeny].k = nr;
		b->deny[b->ndeny++].code = *key == 'k' ? 0 : (uint16_t)number(b, &line);
		b->filter = 1;
	} else if (!strcmp(key, "close_fds"))
		b->process.flags |= LLPB_PROC_CLOSE_FDS;
	else if (!strcmp(key, "new_session"))
		b->process.flags |= LLPB_PROC_NEW_SESSION;
	else if (!strcmp(key, "exit_1"))
		b->process.flags |= LLPB_PROC_EXIT_1;
	else if (!strcmp(key, "umask")) {
		b->process.flags |= LLPB_PROC_UMASK;
		b->process.umask = (uint32_t)number(b, &line);
	} else if (!strcmp(key, "drop"))
		b->process.drop_caps = number(b, &line);
	else if (!strcmp(key, "keep"))
		b->process.keep[b->process.nkeep++] = (uint32_t)number(b, &line);
	else if (!strcmp(key, "refuse"))
		b->plans[number(b, &line) % LLPB_PLAN_MAX].flags = LLPB_PLAN_REFUSE;
	else if (!strcmp(key, "min_abi"))
		b->meta.min_abi = (uint32_t)number(b, &line);
	else
		bad(b, "unknown key");
}

/* Load the architecture, let another one die, then one comparison and one return per system call. */
static void add_filter(struct builder *b)
{
#ifdef __aarch64__
	uint32_t native = K_AUDIT_ARCH_AARCH64, other = K_AUDIT_ARCH_X86_64;
#else
	uint32_t native = K_AUDIT_ARCH_X86_64, other = K_AUDIT_ARCH_AARCH64;
#endif
	struct llpb_filter filter = {.arch = b->foreign ? other : native};

	if (!b->filter)
		return;
	add_insn(b, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_ARCH);
	add_insn(b, K_BPF_JEQ_K, 1, 0, filter.arch);
	add_insn(b, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_KILL_PROCESS);
	add_insn(b, K_BPF_LD_W_ABS, 0, 0, K_SECCOMP_DATA_NR);
	for (uint32_t i = 0; i < b->ndeny; i++) {
		add_insn(b, K_BPF_JEQ_K, 0, 1, b->deny[i].k);
		add_insn(b, K_BPF_RET_K, 0, 0,
			 b->deny[i].code ? K_SECCOMP_RET_ERRNO | b->deny[i].code : K_SECCOMP_RET_KILL_PROCESS);
	}
	add_insn(b, K_BPF_RET_K, 0, 0, K_SECCOMP_RET_ALLOW);
	filter.count = (uint32_t)(b->sections[LLPB_S_INSNS].size / sizeof(struct k_sock_filter));
	filter.converted = filter.count;
	add(b, LLPB_S_FILTERS, &filter, sizeof(filter));
}

static void add_plans(struct builder *b)
{
	static const uint32_t sizes[] = {
#define LL_ABI(n, kernel, size, help) size,
#include "abi.def"
	};

	for (uint32_t i = 0; i < b->nplans; i++) {
		b->plans[i].attr_size = sizes[i < ABI_NEWEST ? i : ABI_NEWEST];
		b->plans[i].filter_group = b->filter ? 0 : LLPB_NONE;
		if (i < b->meta.min_abi)
			b->plans[i].flags = LLPB_PLAN_REFUSE;
		add(b, LLPB_S_PLANS, &b->plans[i], sizeof(b->plans[i]));
		for (uint32_t layer = 0; layer < b->nlayers; layer++) {
			struct k_landlock_ruleset_attr attr = b->handled[layer];

			attr.handled_access_fs &= abi_fs_mask(i);
			attr.handled_access_net &= abi_net_mask(i);
			attr.scoped &= abi_scope_mask(i);
			add(b, LLPB_S_RULESETS, &attr, sizeof(attr));
		}
	}
}

static void add_sources(struct builder *b)
{
	uint32_t file = string(b, "test.toml");

	for (unsigned kind = 0; kind < 4; kind++)
		for (uint32_t i = 0; i < b->nlines[kind]; i++) {
			struct llpb_source source = {file, b->lines[kind][i % 1024]};

			add(b, LLPB_S_SOURCE, &source, sizeof(source));
		}
}

static unsigned char *lay_out(struct builder *b, size_t *size)
{
	struct llpb_header header = {.version = LLPB_VERSION, .last_compat = LLPB_LAST_COMPAT};
	unsigned char *blob;

	memcpy(header.magic, LLPB_MAGIC, 8);
	header.header_size = sizeof(header);
	header.nlayers = b->nlayers;
	header.features = b->sections[LLPB_S_MOUNTS].size ? LLPB_F_MOUNTS : 0;
	*size = sizeof(header);
	for (unsigned s = 0; s < LLPB_SECTIONS; s++) {
		header.section[s].off = (uint32_t)*size;
		header.section[s].size = (uint32_t)b->sections[s].size;
		*size = (*size + b->sections[s].size + 7) / 8 * 8;
	}
	header.total_size = (uint32_t)*size;
	blob = calloc(1, *size);
	if (!blob)
		abort();
	memcpy(blob, &header, sizeof(header));
	for (unsigned s = 0; s < LLPB_SECTIONS; s++) {
		if (b->sections[s].size)
			memcpy(blob + header.section[s].off, b->sections[s].data, b->sections[s].size);
		free(b->sections[s].data);
	}
	mkblob_seal(blob, *size);
	return blob;
}

unsigned char *mkblob(const char *description, size_t *size)
{
	struct builder *b = calloc(1, sizeof(*b));
	char *copy = strdup(description), *next = copy, *line;
	unsigned char *blob;

	if (!b || !copy)
		abort();
	add(b, LLPB_S_STRINGS, "", 1);
	b->nplans = ABI_ROWS;
	b->meta.flags = LLPB_META_STRICT;
	b->meta.compiler = string(b, "mkblob");
	b->meta.source = string(b, "test.toml");
	while ((line = strsep(&next, "\n"))) {
		b->line++;
		do_line(b, line);
	}
	add_filter(b);
	add_plans(b);
	if (!b->stripped)
		add_sources(b);
	add(b, LLPB_S_PROCESS, &b->process, sizeof(b->process));
	add(b, LLPB_S_META, &b->meta, sizeof(b->meta));
	blob = lay_out(b, size);
	free(copy);
	free(b);
	return blob;
}

/* Word by word, as llpb.h describes it; not by its function. */
void mkblob_seal(unsigned char *blob, size_t size)
{
	uint64_t sum[5], value;

	for (size_t lane = 0; lane < 4; lane++)
		sum[lane] = UINT64_C(0x6c6c2d706f6c6963) + lane;
	sum[4] = size / 8;
	for (size_t i = 0; i < size / 8 + 4; i++) {
		uint64_t *to = &sum[i < size / 8 ? i % 4 : 4];
		if (i < size / 8)
			memcpy(&value, blob + 8 * i, 8);
		else
			value = sum[i - size / 8];
		*to = (*to ^ (8 * i == offsetof(struct llpb_header, checksum) ? 0 : value)) *
		      UINT64_C(0x9e3779b97f4a7c15);
		*to ^= *to >> 29;
	}
	memcpy(blob + offsetof(struct llpb_header, checksum), &sum[4], 8);
}

void *mkblob_at(unsigned char *blob, enum llpb_section section)
{
	struct llpb_header header;

	memcpy(&header, blob, sizeof(header));
	return blob + header.section[section].off;
}
