/* SPDX-License-Identifier: MIT */
/*
 * Additions for what a mount, a namespace or the broker refuses. What denies there stands in the policy already and
 * cannot be added to: the answer is an edit of its line, lifted in the world and, where the policy can be compiled again,
 * tried with it.
 */
#include <errno.h>
#include <string.h>

#include "additions.h"
#include "arena.h"
#include "grants.h"
#include "inspect.h"

/* ---- edits ---- */

static struct view_mount *mount_of(const struct world *world, uint32_t record)
{
	for (size_t i = 0; i < world->nmounts; i++)
		if (world->mounts[i].record == record)
			return &world->mounts[i];
	return NULL;
}

static void lift(struct world *world, const struct decision_step *step)
{
	struct view_mount *mount = step->mount == LLPB_NONE ? NULL : mount_of(world, step->mount);

	if (step->by == BY_BROKER) {
		for (size_t i = 0; i < world->nexceptions; i++)
			if (world->exceptions[i].record == &world->blob->broker[step->record])
				world->exceptions[i].lifted = true;
	} else if (mount) {
		mount->lifted |= step->attr;
	} else {
		world->lifted_spaces |= step->space;
	}
}

void edits_undo(struct world *world)
{
	world->lifted_spaces = 0;
	for (size_t i = 0; i < world->nmounts; i++)
		world->mounts[i].lifted = 0;
	for (size_t i = 0; i < world->nexceptions; i++)
		world->exceptions[i].lifted = false;
}

/* `by`: who refuses still, if the edit does not help. */
static bool take_from(struct additions *a, const struct decision_step *step, struct addition edit, enum decider by)
{
	edit.kind = ADD_EDIT;
	edit.mount = step->mount;
	edit.attr = step->attr;
	edit.space = step->space;
	step_place(a->world->blob, step, &edit.file, &edit.line);
	if (a->count == ADDITIONS_MAX)
		return false;
	if (edit_fails(a, &edit, by)) {
		a->why = "the policy does not compile to one that permits it";
		return false;
	}
	lift(a->world, step);
	a->list[a->count++] = edit;
	return true;
}

static bool take(struct additions *a, const struct decision_step *step, struct addition edit)
{
	return take_from(a, step, edit, step->by);
}

/* ---- mounts ---- */

static const char *const kind_words[LLPB_MT_KINDS] = {
	[LLPB_MT_TMPFS] = "tmpfs", [LLPB_MT_BIND] = "bind", [LLPB_MT_PROC] = "proc"};

static const struct mount_option {
	uint32_t attr;
	const char *name, *opens; /* the option, and what is open without it */
} mount_options[] = {
	{K_MOUNT_ATTR_RDONLY, "readonly", "writing, removing and renaming"},
	{K_MOUNT_ATTR_NOEXEC, "noexec", "execution"},
	{K_MOUNT_ATTR_NODEV, "nodev", "device nodes"},
};

static const struct mount_option *mount_option(uint32_t attr)
{
	const struct mount_option *option = mount_options;

	while (option->attr != attr && option->attr != K_MOUNT_ATTR_NODEV)
		option++;
	return option;
}

static const char *mount_change(struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	const struct llpb_mount *mount = &blob->mounts[step->mount];

	if (mount->kind == LLPB_MT_VIEW)
		return "root_read_only = false in [runtime]";
	if (mount->kind == LLPB_MT_BIND && step->attr == K_MOUNT_ATTR_RDONLY)
		return arena_printf(arena, "read_only = false for the bind on \"%s\"", mount_text(blob, step->mount));
	return arena_printf(arena, "take \"%s\" out of the options of the %s on \"%s\"",
			    mount_option(step->attr)->name, kind_words[mount->kind], mount_text(blob, step->mount));
}

static const char *mount_opens(struct arena *arena, const struct blob *blob, const struct decision_step *step)
{
	const struct llpb_mount *mount = &blob->mounts[step->mount];
	const char *what = mount_option(step->attr)->opens;

	if (mount->kind == LLPB_MT_BIND)
		return arena_printf(arena, "%s on \"%s\" of the host, as far as rules grant it", what,
				    blob_str(blob, mount->shown_source));
	return arena_printf(arena, "%s on \"%s\", as far as rules grant it", what, mount_text(blob, step->mount));
}

/* compiler/front/mounts.c: a tmpfs is always nodev, a proc noexec as well. */
static bool is_implied(const struct llpb_mount *mount, uint32_t attr)
{
	return (mount->kind == LLPB_MT_PROC && attr != K_MOUNT_ATTR_RDONLY) ||
	       (mount->kind == LLPB_MT_TMPFS && attr == K_MOUNT_ATTR_NODEV);
}

static bool mount_addition(struct additions *a, const struct decision_step *step)
{
	const struct blob *blob = a->world->blob;

	if (is_implied(&blob->mounts[step->mount], step->attr)) {
		a->why = "every mount of this kind is like that; bind what is needed in its place";
		return false;
	}
	return take(a, step,
		    (struct addition){.path = mount_text(blob, step->mount),
				      .change = mount_change(a->world->arena, blob, step),
				      .opens = mount_opens(a->world->arena, blob, step)});
}

/* ---- namespaces ---- */

/* The other keys of [net] exclude isolate: one of them takes its place, and what it does not list stays denied. */
static bool net_addition(struct additions *a, const struct decision_step *step)
{
	const struct operation *op = a->op;
	struct arena *arena = a->world->arena;

	if (op->peer == PEER_TCP)
		return take(a, step,
			    (struct addition){
				    .port = op->port,
				    .rights = NET_RIGHT(connect_tcp),
				    .change = arena_printf(arena,
							   "connect_tcp = [%u] in place of isolate = true in [net]",
							   op->port),
				    .opens = arena_printf(arena,
							  "the host's network: port %u of every host; other "
							  "ports and UDP are denied then",
							  op->port)});
	if (op->peer == PEER_UDP)
		return take(a, step,
			    (struct addition){.rights = NET_RIGHT(connect_send_udp),
					      .change = "udp = \"allow\" in place of isolate = true in [net]",
					      .opens = "the host's network: UDP to every host; TCP is denied then"});
	return take(a, step,
		    (struct addition){.change = "connect_tcp = [] in place of isolate = true in [net]",
				      .opens =
					      "abstract UNIX sockets of the host's network namespace, unless [scope] "
					      "restricts them; TCP and UDP are denied then"});
}

static bool process_addition(struct additions *a, const struct decision_step *step)
{
	return take(a, step,
		    (struct addition){.change = "no proc in [mount], and no \"pid\" in isolate of [runtime]",
				      .opens = "the host's processes: all can be seen and, unless [scope] restricts "
					       "signals, those of the same user signalled; what is left running "
					       "survives the command"});
}

bool view_addition(struct additions *a, const struct decision_step *step)
{
	if (step->mount != LLPB_NONE)
		return mount_addition(a, step);
	return step->space == K_CLONE_NEWNET ? net_addition(a, step) : process_addition(a, step);
}

/* ---- the broker ---- */

bool broker_addition(struct additions *a, const struct decision_step *step)
{
	const char *shown = blob_str(a->world->blob, a->world->blob->broker[step->record].shown);

	if (step->err != EEXIST || a->op->id != OP_RENAME) {
		a->why = step->reason ? step->reason : "the broker itself refuses, whatever is granted";
		return false;
	}
	return take(a, step,
		    (struct addition){
			    .path = shown,
			    .change = arena_printf(a->world->arena, "overwrite = true for the export \"%s\"", shown),
			    .opens = "replacing every file of this export by a published one"});
}

bool exception_addition(struct additions *a, const struct decision_step *step)
{
	const struct exception *e = exception_holds(a->world, LLPB_B_READ, step);
	const char *shown = blob_str(a->world->blob, e->record->shown);
	const bool tree = covers_tree(e->record->kind, e->record->flags);
	struct decision_step broker = {
		.by = BY_BROKER, .record = (uint32_t)(e->record - a->world->blob->broker), .mount = LLPB_NONE};

	return take_from(
		a, &broker,
		(struct addition){
			.path = shown,
			.rights = FS_RIGHT(write_file),
			.change = arena_printf(a->world->arena,
					       "\"%s\" in allow_write of [broker] in place of allow_read", shown),
			.opens = arena_printf(
				a->world->arena,
				tree ? "writing every file beneath \"%s\"" : "writing \"%s\", by llrund", shown)},
		BY_LANDLOCK);
}
