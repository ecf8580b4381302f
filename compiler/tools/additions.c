/* SPDX-License-Identifier: MIT */
/*
 * The least that would make a denied operation pass. What Landlock misses is granted to the world itself, on the very
 * file or directory that was asked about, and the operation decided again, until nothing refuses it: what comes out has
 * been tried. What the filter denies is additions_filter.c's.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "additions.h"
#include "arena.h"
#include "inspect.h"
#include "text.h"

#define ROUNDS 16 /* more than an operation asks questions */

/* ---- finding them ---- */

static bool add(struct additions *a, struct addition addition)
{
	for (size_t i = 0; i < a->count; i++) {
		struct addition *old = &a->list[i];
		if (old->kind != ADD_PATH || addition.kind != ADD_PATH || old->layer != addition.layer ||
		    strcmp(old->path, addition.path))
			continue;
		old->rights |= addition.rights;
		return true;
	}
	if (a->count == ADDITIONS_MAX)
		return false;
	a->list[a->count++] = addition;
	return true;
}

static void grant_node(struct world *world, uint32_t node, uint32_t layer, uint64_t rights, bool directory)
{
	world_add_rule(world, &(struct rule){.node = node,
					     .layer = layer,
					     .index = LLPB_NONE,
					     .dir_access = rights,
					     .file_access = rights & FS_FILE_RIGHTS,
					     .directory = directory});
}

/* Is it granted already, and only the run older than the file? Then a->why says so. */
static bool needs_new_run(struct additions *a, const struct decision_step *step, uint64_t missing)
{
	const struct llpb_broker *record = broker_outlived(a->world, step->subject, missing);

	if (!record)
		return false;
	const char *file = blob_str(a->world->blob, record->file);
	a->why = arena_printf(a->world->arena,
			      "granted by the exception \"%s\"%s%s%s, but replaced or made since the run "
			      "started: start it anew",
			      blob_str(a->world->blob, record->shown), *file ? " (" : "", file,
			      *file ? arena_printf(a->world->arena, ":%" PRIu32 ")", record->line) : "");
	return true;
}

/* What a rule beneath an export lets the command write is neither complete nor a copy. */
static bool is_published(struct additions *a, const struct decision_step *step, uint64_t missing)
{
	const uint64_t harmless =
		FS_RIGHT(read_file) | FS_RIGHT(read_dir) | FS_RIGHT(execute) | FS_RIGHT(resolve_unix);
	const struct exception *export = exception_holds(a->world, LLPB_B_EXPORT, step), *scratch;

	if (!export || !(missing & ~harmless))
		return false;
	scratch = exception_holds(a->world, LLPB_B_SCRATCH, NULL);
	a->why = arena_printf(
		a->world->arena,
		"to an export files are only published, and a rule would undo what that promises: write "
		"in %s%s%s, and rename or link it into \"%s\"",
		scratch ? "the scratch directory \"" : "a scratch directory ([broker] scratch names none yet)",
		scratch ? blob_str(a->world->blob, scratch->record->shown) : "", scratch ? "\"" : "",
		blob_str(a->world->blob, export->record->shown));
	return true;
}

static bool grant_path(struct additions *a, const struct decision_step *step, uint32_t layer, uint64_t missing)
{
	struct world *w = a->world;
	uint64_t handled = ruleset_of(w->blob, world_plan(w, a->abi), layer)->handled_access_fs;

	if (missing & ~handled) {
		a->why = "no rule can grant this right on that ABI";
		return false;
	}
	if (step->node == NODE_NONE) {
		a->why = "the path leads to nothing that a rule could name";
		return false;
	}
	if (needs_new_run(a, step, missing) || is_published(a, step, missing))
		return false;
	if (exception_holds(w, LLPB_B_READ, step) && !(missing & ~FS_OPEN_TO_WRITE))
		return exception_addition(a, step);
	grant_node(w, step->node, layer, missing, step->directory);
	if (a->count < ADDITIONS_MAX)
		a->nodes[a->count] = step->node;
	return add(a, (struct addition){.kind = ADD_PATH,
					.layer = layer,
					.path = arena_strdup(w->arena, step->subject),
					.directory = step->directory,
					.rights = missing});
}

static bool grant_port(struct additions *a, const struct decision_step *step, uint32_t layer, uint64_t missing)
{
	world_add_port(a->world, &(struct port_rule){layer, LLPB_NONE, missing, step->port});
	return add(a, (struct addition){.kind = ADD_PORT, .layer = layer, .rights = missing, .port = step->port});
}

static bool lift_scope(struct additions *a, const struct decision_step *step)
{
	a->world->lifted_scopes |= step->asked;
	return add(a, (struct addition){.kind = ADD_SCOPE, .rights = step->asked});
}

static bool grant_step(struct additions *a, const struct decision_step *step)
{
	if (step->rights == RIGHTS_SCOPE)
		return lift_scope(a, step);
	if (!step->asked) {
		a->why = "Landlock denies mounting wherever it restricts files; [mount] mounts before the "
			 "command starts, [broker] mount_tmpfs, mount_bind and mount_object let it ask llrund";
		return false;
	}
	for (uint32_t i = 0; i < a->world->blob->nlayers; i++) {
		uint64_t missing = step->layers[i].missing;
		if (missing &&
		    !(step->rights == RIGHTS_NET ? grant_port(a, step, i, missing) : grant_path(a, step, i, missing)))
			return false;
	}
	return true;
}

static bool lift_step(struct additions *a, const struct decision_step *step)
{
	if (step->by == BY_LANDLOCK)
		return grant_step(a, step);
	if (step->by == BY_FILTER)
		return filter_addition(a, step);
	if (step->by == BY_NAMESPACE)
		return view_addition(a, step);
	if (step->by == BY_BROKER)
		return broker_addition(a, step);
	a->why = "llrun does not run the policy there at all";
	return false;
}

/* ---- the least of them ---- */

/* Decides again with the additions as they stand, and no other rule beside the policy's. */
static bool suffices(struct additions *a, size_t nrules)
{
	struct decision decision;

	while (a->world->nrules > nrules)
		world_drop_rule(a->world);
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].kind == ADD_PATH && a->list[i].rights)
			grant_node(a->world, a->nodes[i], a->list[i].layer, a->list[i].rights, a->list[i].directory);
	decide(a->world, a->abi, a->arch, a->op, &decision);
	return decision.allowed;
}

/* What is granted above one directory need not be granted in it: refer, where a tree moves within another. */
static void prune(struct additions *a, size_t nrules)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->count; i++)
		for (unsigned bit = 0; a->list[i].kind == ADD_PATH && bit < RIGHT_BITS; bit++) {
			uint64_t rights = a->list[i].rights;
			a->list[i].rights &= ~(UINT64_C(1) << bit);
			if (a->list[i].rights != rights && !suffices(a, nrules))
				a->list[i].rights = rights;
		}
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].kind != ADD_PATH || a->list[i].rights)
			a->list[kept++] = a->list[i];
	a->count = kept;
}

size_t decide_additions(struct world *world, unsigned abi, enum arch_id arch, const struct operation *op,
			struct addition out[ADDITIONS_MAX], const char **why)
{
	struct additions a = {.world = world,
			      .abi = abi,
			      .arch = arch,
			      .op = op,
			      .list = out,
			      .base = {.blob = world->blob, .origin = world->origin, .arena = world->arena}};
	size_t nrules = world->nrules, nports = world->nports;
	struct decision decision;
	bool proven = false;

	for (unsigned round = 0; round < ROUNDS && !proven && !a.why; round++) {
		decide(world, abi, arch, op, &decision);
		proven = decision.allowed;
		if (!proven && decision.kernel_err && !world->textual)
			a.why = "the kernel itself refuses, whatever is granted";
		if (a.why)
			break;
		if (!proven && !lift_step(&a, &decision.steps[decision.decisive]) && !a.why)
			a.why = "more would have to be added than can be listed";
		proven |= a.proven;
	}
	if (proven && !a.proven)
		prune(&a, nrules);
	while (world->nrules > nrules)
		world_drop_rule(world);
	world->nports = nports;
	world->lifted_scopes = 0;
	world->lifted_filter = false;
	edits_undo(world);
	*why = proven ? NULL : a.why ? a.why : "nothing that was tried suffices";
	return proven ? a.count : 0;
}

/* ---- as TOML ---- */

static void put_rights(FILE *out, uint64_t rights, const char *(*name)(unsigned bit))
{
	const char *separator = "";

	fputc('[', out);
	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if (rights >> bit & 1 && name(bit)) {
			fprintf(out, "%s\"%s\"", separator, name(bit));
			separator = ", ";
		}
	fputc(']', out);
}

/* The key of [fs] that grants exactly these rights there, or NULL. */
static const char *group_for(const struct addition *a)
{
	const uint64_t read = FS_RIGHT(read_file), list = FS_RIGHT(read_dir);

	if (a->rights == FS_RIGHT(resolve_unix))
		return "unix";
	if (a->rights == (a->directory ? read | list : read))
		return "ro";
	return a->rights == (a->directory ? read | list : read) + FS_RIGHT(execute) ? "rox" : NULL;
}

static void path_toml(FILE *out, const struct blob *blob, const struct addition *a)
{
	bool plain = !a->layer && blob->meta->flags & LLPB_META_PLAIN_FS;
	const char *group = plain ? group_for(a) : NULL;

	if (group) {
		fprintf(out, "[fs]\n%s = [", group);
		put_toml(out, a->path);
		fputs("]\n", out);
		return;
	}
	if (!plain)
		fprintf(out, "# in [[fs_layer]] number %" PRIu32 "\n",
			a->layer + 1 - !!(blob->meta->flags & LLPB_META_PLAIN_FS));
	fprintf(out, "[[%s.rule]]\npath = ", plain ? "fs" : "fs_layer");
	put_toml(out, a->path);
	fprintf(out, "\n%s = ", plain ? "access" : "allowed_access");
	put_rights(out, a->rights, fs_right_name);
	fputc('\n', out);
}

static void port_toml(FILE *out, const struct blob *blob, const struct addition *a)
{
	if (blob->meta->flags & LLPB_META_PLAIN_NET) {
		fprintf(out, "[net]\n%s = [%" PRIu32 "]\n",
			a->rights == NET_RIGHT(bind_tcp) ? "bind_tcp" : "connect_tcp", a->port);
		return;
	}
	fprintf(out, "[[net.rule]]\nport = %" PRIu32 "\nallowed_access = ", a->port);
	put_rights(out, a->rights, net_right_name);
	fputc('\n', out);
}

static void call_toml(FILE *out, const struct addition *a)
{
	fputs("[[seccomp.rule]]\nsyscall = ", out);
	put_toml(out, a->call);
	fputc('\n', out);
	put_call_granted(out, a);
}

/* What cannot be appended is a comment. */
static void edit_toml(FILE *out, const struct addition *a)
{
	fputs("# ", out);
	put_text(out, a->file);
	if (*a->file)
		fprintf(out, ":%" PRIu32 ": ", a->line);
	put_text(out, a->change);
	fputc('\n', out);
}

void addition_toml(FILE *out, const struct blob *blob, const struct addition *a)
{
	if (a->kind == ADD_PATH)
		path_toml(out, blob, a);
	else if (a->kind == ADD_PORT)
		port_toml(out, blob, a);
	else if (a->kind == ADD_SCOPE)
		fprintf(out, "[scope]\n%s = false\n",
			a->rights & SCOPE_RIGHT(signal) ? "signal" : "abstract_unix_socket");
	else if (a->kind == ADD_UDP)
		fputs("[net]\nudp = \"allow\"\n", out);
	else if (a->kind == ADD_COMPANION)
		fprintf(out, "[companions]\n%s = false\n", a->call);
	else if (a->kind == ADD_EDIT)
		edit_toml(out, a);
	else
		call_toml(out, a);
}

/* ---- what else ---- */

#define COUNT_LIMIT 1000

/* Entries beneath a directory, links not followed, up to COUNT_LIMIT in all. */
static unsigned count_entries(int fd, unsigned count, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return count;
	}
	while (count < COUNT_LIMIT && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		count++;
		int below =
			entry->d_type == DT_DIR && depth < 64
				? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				: -1;
		if (below >= 0)
			count = count_entries(below, count, depth + 1);
	}
	closedir(dir);
	return count;
}

static void path_opens(FILE *out, const struct world *world, const struct addition *a)
{
	const char *separator = "";
	struct stat st;

	for (unsigned bit = 0; bit < RIGHT_BITS; bit++)
		if (a->rights >> bit & 1) {
			fprintf(out, "%s%s", separator, fs_right_name(bit));
			separator = ", ";
		}
	fputs(a->directory ? " on everything beneath " : " on ", out);
	put_text(out, a->path);
	if (!a->directory)
		fputs(" alone", out);
	if (world->textual || world->in_view || stat(a->path, &st))
		return;
	if (!a->directory && st.st_nlink > 1)
		fprintf(out, ", a file that has %ju names", (uintmax_t)st.st_nlink);
	int fd = a->directory ? open(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	unsigned count = count_entries(fd, 0, 0);
	fprintf(out,
		count < COUNT_LIMIT ? ": %u entries now, and what is made there later"
				    : ": %u entries now or more, and what is made there later",
		count);
}

void addition_opens(FILE *out, const struct world *world, const struct addition *a)
{
	if (a->kind == ADD_PATH)
		path_opens(out, world, a);
	else if (a->kind == ADD_PORT)
		fprintf(out, "port %" PRIu32 " %s", a->port,
			a->port ? "of every host" : "stands for any that the kernel chooses");
	else if (a->kind == ADD_SCOPE)
		fputs(a->rights & SCOPE_RIGHT(signal) ? "signals to every process of the same user"
						      : "every abstract UNIX socket of the network namespace",
		      out);
	else if (a->opens)
		fputs(a->opens, out);
}
