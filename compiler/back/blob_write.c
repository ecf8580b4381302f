/* SPDX-License-Identifier: MIT */
/*
 * The only writer of LLPB. Reproducible: everything arrives sorted, strings are shared and sorted, padding is zero,
 * nothing depends on the host, the directory, the locale or the time.
 */
#include <sha256.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "lower.h"
#include "source.h"
#include "version.h"

struct buffer {
	uint8_t *bytes;
	size_t size, cap;
};

struct strings {
	const char **text; /* sorted, unique */
	uint32_t *offset;
	size_t count, cap;
};

struct writer {
	struct arena *arena;
	struct buffer out;
	struct strings strings;
	const struct lowered *low;
	const struct sources *sources;
	bool strip;
	struct llpb_header header;
	bool collecting; /* first pass: gather the strings; second: write */
};

static void append(struct writer *w, const void *bytes, size_t size)
{
	w->out.bytes = arena_grow(w->arena, w->out.bytes, &w->out.cap, w->out.size + size, 1);
	if (size)
		memcpy(w->out.bytes + w->out.size, bytes, size);
	w->out.size += size;
}

static void pad(struct writer *w)
{
	static const uint8_t zeros[8];

	append(w, zeros, -w->out.size & 7);
}

static int compare_texts(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* In the first pass any number will do; in the second the table is complete. */
static uint32_t str(struct writer *w, const char *text)
{
	struct strings *s = &w->strings;

	if (w->collecting) {
		s->text = arena_grow(w->arena, s->text, &s->cap, s->count + 1, sizeof(*s->text));
		s->text[s->count++] = text;
		return 0;
	}
	const char **found = bsearch(&text, s->text, s->count, sizeof(*s->text), compare_texts);
	return s->offset[found - s->text];
}

/* "" sorts first, so that the table begins with NUL and offset 0 is the empty string. */
static void place_strings(struct writer *w)
{
	struct strings *s = &w->strings;
	size_t n = 0;
	uint32_t offset = 0;

	qsort(s->text, s->count, sizeof(*s->text), compare_texts);
	for (size_t i = 0; i < s->count; i++)
		if (!n || strcmp(s->text[n - 1], s->text[i]))
			s->text[n++] = s->text[i];
	s->count = n;
	s->offset = arena_alloc(w->arena, n * sizeof(*s->offset));
	for (size_t i = 0; i < n; i++) {
		s->offset[i] = offset;
		offset += (uint32_t)strlen(s->text[i]) + 1;
	}
}

/* Names of files without their directory: where a policy is compiled must not show in the blob. */
static const char *base_name(const struct writer *w, uint32_t file)
{
	if (w->strip || file == SRC_NONE)
		return "";
	const char *name = source_name(w->sources, file), *slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

static uint32_t line_of(const struct writer *w, const struct srcpos *pos)
{
	return w->strip || pos->file == SRC_NONE ? 0 : pos->line;
}

static void write_plans(struct writer *w)
{
	for (unsigned abi = 0; abi < ABI_ROWS; abi++) {
		const struct low_plan *plan = &w->low->plans[abi];
		uint32_t companions = plan->needs >> 1 << LLPB_COMPANION_SHIFT;
		struct llpb_plan row = {plan->attr_size, plan->restrict_flags, plan->group, plan->flags | companions};
		append(w, &row, sizeof(row));
	}
}

static void write_rulesets(struct writer *w)
{
	for (unsigned abi = 0; abi < ABI_ROWS; abi++)
		append(w, w->low->plans[abi].attr, w->low->nlayers * sizeof(w->low->plans[abi].attr[0]));
}

static void write_paths(struct writer *w)
{
	for (size_t i = 0; i < w->low->npaths; i++) {
		const struct low_path *path = &w->low->paths[i];
		struct llpb_path row = {.dir_access = path->access,
					.file_access = path->access & FS_FILE_RIGHTS,
					.path = str(w, path->path),
					.layer = path->layer,
					.anchor = path->anchor,
					.base = path->base,
					.flags = path->flags,
					.shown = str(w, path->shown)};
		append(w, &row, sizeof(row));
	}
}

static void write_ports(struct writer *w)
{
	for (size_t i = 0; i < w->low->nports; i++) {
		const struct policy_port *port = &w->low->ports[i];
		struct llpb_port row = {.attr = {.allowed_access = port->access, .port = port->port}};
		append(w, &row, sizeof(row));
	}
}

static void write_slots(struct writer *w)
{
	static const enum llpb_slot_from from[] = {
		[SLOT_FROM_ARG] = LLPB_SLOT_ARG,
		[SLOT_FROM_ENV] = LLPB_SLOT_ENV,
		[SLOT_FROM_CWD] = LLPB_SLOT_CWD,
	};

	for (size_t i = 0; i < w->low->nslots; i++) {
		const struct policy_slot *slot = w->low->slots[i];
		struct llpb_slot row = {.name = str(w, slot->name),
					.from = from[slot->from],
					.variable = str(w, slot->variable ? slot->variable : ""),
					.fallback = str(w, slot->fallback ? slot->fallback : "")};
		row.flags =
			(slot->dir ? LLPB_SLOT_DIR : LLPB_SLOT_FILE) | (slot->allow_root ? LLPB_SLOT_ALLOW_ROOT : 0) |
			(slot->optional ? LLPB_SLOT_OPTIONAL : 0) | (w->low->slot_follows[i] ? LLPB_SLOT_FOLLOW : 0);
		append(w, &row, sizeof(row));
	}
}

static void write_filters(struct writer *w)
{
	uint32_t first = 0;

	for (size_t i = 0; i < w->low->nfilters; i++) {
		const struct low_filter *filter = &w->low->filters[i];
		uint32_t count = (uint32_t)filter->program.count;
		struct llpb_filter row = {.arch = arch_rows[filter->arch].audit_arch,
					  .group = filter->group,
					  .first = first,
					  .count = count,
					  .converted = bpf_converted_length(filter->program.insns, count),
					  .flags = filter->group == LLPB_GROUP_NOTIFY ? LLPB_NOTIFY_FLAGS : 0};
		append(w, &row, sizeof(row));
		first += count;
	}
}

static void write_insns(struct writer *w)
{
	for (size_t i = 0; i < w->low->nfilters; i++)
		append(w, w->low->filters[i].program.insns,
		       w->low->filters[i].program.count * sizeof(struct k_sock_filter));
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(((const struct policy_name *)left)->text, ((const struct policy_name *)right)->text);
}

static const struct policy_name *sorted(struct writer *w, const struct policy_name *names, size_t count)
{
	struct policy_name *copy = arena_alloc(w->arena, (count + 1) * sizeof(*copy));

	if (count) {
		memcpy(copy, names, count * sizeof(*copy));
		qsort(copy, count, sizeof(*copy), compare_names);
	}
	return copy;
}

static void write_env(struct writer *w)
{
	const struct policy *p = w->low->policy;
	const struct policy_name *pass = sorted(w, p->env_pass, p->nenv_pass),
				 *set = sorted(w, p->env_set, p->nenv_set);

	for (size_t i = 0; i < p->nenv_pass; i++) {
		size_t len = strlen(pass[i].text);
		bool prefix = pass[i].text[len - 1] == '*';
		if (i && !strcmp(pass[i].text, pass[i - 1].text))
			continue;
		struct llpb_env row = {prefix ? LLPB_ENV_PASS_PREFIX : LLPB_ENV_PASS,
				       str(w, arena_strndup(w->arena, pass[i].text, len - prefix))};
		append(w, &row, sizeof(row));
	}
	for (size_t i = 0; i < p->nenv_set; i++) {
		struct llpb_env row = {LLPB_ENV_SET, str(w, set[i].text)};
		append(w, &row, sizeof(row));
	}
}

static int compare_ints(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;

	return (a > b) - (a < b);
}

static void write_process(struct writer *w)
{
	const struct policy *p = w->low->policy;
	struct llpb_process row = {.drop_caps = w->low->drop_caps};
	int *keep = arena_alloc(w->arena, (p->nkeep_fds + 1) * sizeof(*keep));

	row.flags = (p->has_env ? LLPB_PROC_ENV : 0) | (p->close_fds ? LLPB_PROC_CLOSE_FDS : 0) |
		    (p->new_session ? LLPB_PROC_NEW_SESSION : 0) | (p->umask >= 0 ? LLPB_PROC_UMASK : 0) |
		    (w->low->exit_1 ? LLPB_PROC_EXIT_1 : 0);
	row.umask = p->umask >= 0 ? (uint32_t)p->umask : 0;
	if (p->nkeep_fds) {
		memcpy(keep, p->keep_fds, p->nkeep_fds * sizeof(*keep));
		qsort(keep, p->nkeep_fds, sizeof(*keep), compare_ints);
	}
	for (size_t i = 0; i < p->nkeep_fds; i++)
		if (!i || keep[i] != keep[i - 1])
			row.keep[row.nkeep++] = (uint32_t)keep[i];
	append(w, &row, sizeof(row));
}

static void write_guarantees(struct writer *w)
{
	static const struct {
		const char *name, *text;
	} rows[GUARANTEES] = {
#define LL_GUARANTEE(id, name_, kind, help) [GUARANTEE_##id] = {name_, help},
#include "guarantees.def"
	};

	for (size_t i = 0; i < w->low->nguarantees; i++) {
		const struct low_guarantee *g = &w->low->guarantees[i];
		struct llpb_guarantee row = {.name = str(w, rows[g->id].name),
					     .text = str(w, rows[g->id].text),
					     .file = str(w, base_name(w, g->pos.file)),
					     .line = line_of(w, &g->pos),
					     .flags = g->firm ? LLPB_G_FIRM : 0};
		memcpy(row.mechanism, g->mechanism, sizeof(row.mechanism));
		append(w, &row, sizeof(row));
	}
}

static void write_losses(struct writer *w)
{
	for (size_t i = 0; i < w->low->nlosses; i++) {
		const struct low_loss *loss = &w->low->losses[i];
		struct llpb_loss row = {.text = str(w, loss->text), .first = loss->first, .last = loss->last};
		append(w, &row, sizeof(row));
	}
}

/* programs: of [command], on whose behalf a lock has the rule; or NULL */
static void write_position(struct writer *w, const struct srcpos *pos, const char *programs)
{
	const char *file = base_name(w, pos->file);

	if (programs)
		file = arena_printf(w->arena, "%s in %s", programs, file);
	struct llpb_source row = {str(w, file), line_of(w, pos)};

	append(w, &row, sizeof(row));
}

static void write_source(struct writer *w)
{
	if (w->strip)
		return;
	for (size_t i = 0; i < w->low->npaths; i++)
		write_position(w, &w->low->paths[i].pos, w->low->paths[i].programs);
	for (size_t i = 0; i < w->low->nports; i++)
		write_position(w, &w->low->ports[i].pos, NULL);
	for (size_t i = 0; i < w->low->nslots; i++)
		write_position(w, &w->low->slots[i]->pos, NULL);
	for (size_t i = 0; i < w->low->nmounts; i++)
		write_position(w, &w->low->mounts[i].pos, NULL);
}

/* Of all files in the order in which they were read; of one file, what sha256sum says. */
static void source_digest(const struct writer *w, uint8_t *digest)
{
	const struct policy *p = w->low->policy;
	SHA2_CTX context;
	size_t size;

	SHA256Init(&context);
	for (size_t i = 0; i < p->nfiles; i++) {
		const char *text = source_text(w->sources, p->files[i], &size);
		SHA256Update(&context, (const uint8_t *)text, size);
	}
	SHA256Final(digest, &context);
}

static void write_meta(struct writer *w)
{
	const struct policy *p = w->low->policy;
	struct llpb_meta row = {.name = str(w, p->name ? p->name : ""),
				.compiler = str(w, LLC_VERSION_STRING),
				.syscalls = str(w, syscall_table_release()),
				.source = str(w, base_name(w, p->file)),
				.min_abi = w->low->min_abi};

	row.flags = (p->strict ? LLPB_META_STRICT : 0) | (p->nlayers && p->layers[0].plain ? LLPB_META_PLAIN_FS : 0) |
		    (p->has_net && p->net_plain ? LLPB_META_PLAIN_NET : 0);
	for (unsigned i = 0; i < COMPANIONS; i++)
		row.flags |= p->companions[i].said ? LLPB_COMPANION(i) : 0;
	if (!w->strip)
		source_digest(w, row.source_digest);
	append(w, &row, sizeof(row));
}

static void write_broker(struct writer *w)
{
	for (size_t i = 0; i < w->low->nexceptions; i++) {
		const struct low_exception *e = &w->low->exceptions[i];
		struct llpb_broker row = {.kind = e->kind,
					  .flags = e->flags,
					  .path = str(w, e->path),
					  .anchor = e->slot < 0 ? LLPB_ANCHOR_NONE : LLPB_ANCHOR_SLOT,
					  .base = e->slot < 0 ? LLPB_NONE : (uint32_t)e->slot,
					  .attrs = e->attrs,
					  .source = str(w, e->source),
					  .type = str(w, e->type),
					  .shown = str(w, e->shown),
					  .file = str(w, base_name(w, e->pos.file)),
					  .line = line_of(w, &e->pos)};
		append(w, &row, sizeof(row));
	}
}

static void write_mounts(struct writer *w)
{
	for (size_t i = 0; i < w->low->nmounts; i++) {
		const struct low_mount *m = &w->low->mounts[i];
		struct llpb_mount row = {.kind = m->kind,
					 .flags = m->flags,
					 .attrs = m->attrs,
					 .spaces = m->spaces,
					 .source = str(w, m->source),
					 .source_slot = m->source_slot < 0 ? LLPB_NONE : (uint32_t)m->source_slot,
					 .target = str(w, m->target),
					 .target_slot = m->target_slot < 0 ? LLPB_NONE : (uint32_t)m->target_slot,
					 .shown_source = str(w, m->shown_source),
					 .shown_target = str(w, m->shown_target),
					 .size = str(w, m->size),
					 .inodes = str(w, m->inodes),
					 .mode = str(w, m->mode)};
		append(w, &row, sizeof(row));
	}
}

static void write_strings(struct writer *w)
{
	for (size_t i = 0; !w->collecting && i < w->strings.count; i++)
		append(w, w->strings.text[i], strlen(w->strings.text[i]) + 1);
}

static void (*const sections[LLPB_SECTIONS])(struct writer *) = {
	[LLPB_S_PLANS] = write_plans,     [LLPB_S_RULESETS] = write_rulesets,
	[LLPB_S_PATHS] = write_paths,     [LLPB_S_PORTS] = write_ports,
	[LLPB_S_SLOTS] = write_slots,     [LLPB_S_FILTERS] = write_filters,
	[LLPB_S_INSNS] = write_insns,     [LLPB_S_ENV] = write_env,
	[LLPB_S_PROCESS] = write_process, [LLPB_S_GUARANTEES] = write_guarantees,
	[LLPB_S_LOSSES] = write_losses,   [LLPB_S_SOURCE] = write_source,
	[LLPB_S_META] = write_meta,       [LLPB_S_MOUNTS] = write_mounts,
	[LLPB_S_BROKER] = write_broker,   [LLPB_S_STRINGS] = write_strings,
};

static void write_sections(struct writer *w)
{
	w->out.size = 0;
	append(w, &w->header, sizeof(w->header));
	for (unsigned i = 0; i < LLPB_SECTIONS; i++) {
		uint32_t start = (uint32_t)w->out.size;
		sections[i](w);
		w->header.section[i] = (struct llpb_extent){start, (uint32_t)w->out.size - start};
		pad(w);
	}
}

uint8_t *blob_write(struct arena *arena, struct diag *diag, const struct sources *sources, const struct lowered *low,
		    bool strip, size_t *size)
{
	struct writer w = {.arena = arena, .low = low, .sources = sources, .strip = strip, .collecting = true};

	str(&w, "");
	write_sections(&w);
	place_strings(&w);
	w.collecting = false;
	write_sections(&w);
	if (w.out.size > LLPB_MAX_SIZE) {
		diag_report(diag, CHECK_LIMIT, NULL, "the blob has %zu bytes: llrun reads at most %u", w.out.size,
			    LLPB_MAX_SIZE);
		return NULL;
	}
	memcpy(w.header.magic, LLPB_MAGIC, sizeof(w.header.magic));
	w.header.version = LLPB_VERSION;
	w.header.last_compat = LLPB_LAST_COMPAT;
	w.header.header_size = sizeof(w.header);
	w.header.total_size = (uint32_t)w.out.size;
	w.header.nlayers = low->nlayers;
	w.header.features = (low->brokered ? LLPB_F_BROKER : 0) | (low->nmounts ? LLPB_F_MOUNTS : 0);
	memcpy(w.out.bytes, &w.header, sizeof(w.header));
	/* the arena hands out memory aligned for any type, and the size is a multiple of 8 */
	w.header.checksum =
		llpb_checksum((const uint64_t *)(const void *)w.out.bytes, w.out.size / 8, LLPB_CHECKSUM_WORD);
	memcpy(w.out.bytes, &w.header, sizeof(w.header));
	*size = w.out.size;
	return w.out.bytes;
}
