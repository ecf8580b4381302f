/* SPDX-License-Identifier: MIT */
/*
 * What llrund does for the command beyond what Landlock grants it. A declared exception is found by what was opened and
 * by where it lies, as runtime/llrund/resolve.c finds it; what is none stays with the kernel and Landlock.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"
#include "grants.h"

static bool is_tree(const struct llpb_broker *record)
{
	return covers_tree(record->kind, record->flags);
}

/* ---- binding ---- */

static bool beneath(const char *path, const char *dir)
{
	size_t len = strcmp(dir, "/") ? strlen(dir) : 0;

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/* A path of the table, in the world's terms: absolute, or with the text of its slot; in a new root, as seen from there. */
static const char *record_path(struct world *world, const struct llpb_broker *record)
{
	bool inside = world->in_view && blob_has_root(world->blob);
	const char *shown = blob_str(world->blob, inside ? record->path : record->shown);
	char *buffer = arena_alloc(world->arena, 2 * K_PATH_MAX);
	const char *full = world_expand(world, shown, buffer);
	char *path = arena_strdup(world->arena, full ? full : shown);

	if (world->textual)
		path_normalize(path);
	return path;
}

/* runtime/llrund/resolve.c, open_place(): no link is followed beneath what the command may change. */
static bool meets_link(const struct world *world, const struct llpb_broker *record, const char *path)
{
	const struct k_open_how how = {K_O_ANCHOR, 0, K_RESOLVE_NO_SYMLINKS};
	int fd = -1;

	if (world->textual || world->in_view || !(record->flags & LLPB_B_NOFOLLOW))
		return false;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ELOOP;
}

/* What /proc says of one process it says to whoever looks of himself. `name` in the directory, or "" for fd itself. */
static bool is_proc(int fd, const char *name)
{
	struct statfs fs;
	int object = *name ? openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : fd;
	bool is = object >= 0 && !fstatfs(object, &fs) && fs.f_type == PROC_SUPER_MAGIC;

	if (object >= 0 && object != fd)
		close(object);
	return is;
}

/* The object, or with `dir` the directory that holds its name. */
static bool place_in_proc(const struct world *world, const struct place *place, bool dir)
{
	const char *name = "";
	int fd = dir ? place->dir_fd : place_object(place, &name);

	return world->textual ? beneath(place->text, "/proc") : fd >= 0 && is_proc(fd, name);
}

/* runtime/llrund/resolve.c, check_exception() */
static void check_kind(struct world *world, const struct exception *e, const struct place *place)
{
	bool directory = S_ISDIR(place->mode);
	const char *shown = blob_str(world->blob, e->record->shown);

	if (!place->exists || world->textual)
		return;
	if (is_tree(e->record) && !directory)
		world_problem(world, LLPB_NONE, "an exception for a tree, and no directory", shown, ENOTDIR);
	else if (directory && place_in_proc(world, place, false))
		world_problem(world, LLPB_NONE, "an exception for a directory of /proc: name single files", shown, 0);
}

/* runtime/llrund/resolve.c: what does not exist and may be created is a name in its directory. */
static void bind_record(struct world *world, struct exception *e)
{
	struct place *place = &world->places[0];
	const char *path = record_path(world, e->record);

	if (meets_link(world, e->record, path)) {
		world_problem(world, LLPB_NONE, "a symbolic link on the way to an exception",
			      blob_str(world->blob, e->record->shown), ELOOP);
		return;
	}
	place_find(world, place, path, PLACE_FOLLOW);
	e->path = arena_strdup(world->arena, place->text);
	check_kind(world, e, place);
	if (place->exists) {
		e->node = place->nodes[0];
		return;
	}
	if (place->count > 1 && e->record->flags & LLPB_B_CREATE && !is_tree(e->record) && *place->name) {
		e->dir = place->nodes[1];
		e->leaf = arena_strdup(world->arena, place->name);
		return;
	}
	if (!(e->record->flags & LLPB_B_OPTIONAL))
		world_problem(world, LLPB_NONE, "the path of an exception cannot be opened",
			      blob_str(world->blob, e->record->shown), place->err ? place->err : ENOENT);
}

/* runtime/llrund/resolve.c, check_apart(): what leads into an export, or around one, could change what is published. */
static void check_apart(struct world *world, const struct exception *export, const struct exception *writes)
{
	bool tree = is_tree(writes->record);

	if (export->record->kind != LLPB_B_EXPORT || !export->path || !writes->path ||
	    (writes->record->kind != LLPB_B_SCRATCH && writes->record->kind != LLPB_B_WRITE))
		return;
	/* a bind shows one directory by two names */
	bool same = export->node != NODE_NONE && (export->node == writes->node || export->node == writes->dir);
	if (same || beneath(writes->path, export->path) || (tree && beneath(export->path, writes->path)))
		world_problem(world, LLPB_NONE, "an exception leads into an export, or around one",
			      blob_str(world->blob, writes->record->shown), 0);
}

void broker_bind(struct world *world)
{
	const struct blob *blob = world->blob;

	world->exceptions = arena_alloc(world->arena, (blob->nbroker + 1) * sizeof(*world->exceptions));
	for (uint32_t i = 0; i < blob->nbroker; i++) {
		struct exception *e = &world->exceptions[world->nexceptions];
		*e = (struct exception){.record = &blob->broker[i], .node = NODE_NONE, .dir = NODE_NONE};
		/* run-time mounts are carried out for mount(2) and its like */
		if (names_mount(e->record->kind))
			continue;
		world->nexceptions++;
		bind_record(world, e);
	}
	for (size_t i = 0; i < world->nexceptions; i++)
		for (size_t j = 0; j < world->nexceptions; j++)
			check_apart(world, &world->exceptions[i], &world->exceptions[j]);
}

/* ---- matching ---- */

/* The directory of the place, by its real name. */
static const char *directory_text(const struct place *place, char out[2 * K_PATH_MAX])
{
	snprintf(out, 2 * K_PATH_MAX, "%s", place->text);
	char *slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = 0;
	return out;
}

/* Is it on another file system than the tree itself? */
static bool is_beside(const struct world *world, const struct exception *e, const struct place *place, size_t first)
{
	return world->textual || place->nodes[first] == NODE_NONE ||
	       world->nodes[place->nodes[first]].device != world->nodes[e->node].device;
}

static bool tree_holds(const struct world *world, const struct exception *e, const struct place *place, size_t first)
{
	char text[2 * K_PATH_MAX];
	bool inside = false;

	for (size_t i = first; i < place->count; i++)
		inside |= place->nodes[i] == e->node;
	return inside && e->node != NODE_NONE &&
	       beneath(first ? directory_text(place, text) : place->text, e->path) &&
	       (!is_beside(world, e, place, first) || !place_in_proc(world, place, first));
}

/* A file that did not exist when the run began: its name; or whatever has that name by now, under any other. */
static bool is_leaf(const struct world *world, const struct exception *e, const struct place *place)
{
	struct stat st;

	if (place->count > 1 && place->nodes[1] == e->dir && !strcmp(place->name, e->leaf))
		return true;
	return place->exists && place->nodes[0] != NODE_NONE && !world->textual && !world->in_view &&
	       !lstat(e->path, &st) && world->nodes[place->nodes[0]].inode == st.st_ino &&
	       world->nodes[place->nodes[0]].device == st.st_dev;
}

/* granted(), and granted_new() where the object does not exist. */
static unsigned granted(const struct world *world, const struct place *place, bool directory,
			const struct exception **which)
{
	bool new = directory || !place->exists;
	unsigned all = 0;

	for (size_t i = 0; i < world->nexceptions && place->count; i++) {
		const struct exception *e = &world->exceptions[i];
		bool match;
		if (is_tree(e->record))
			match = tree_holds(world, e, place, new);
		else if (e->leaf)
			match = !directory && is_leaf(world, e, place);
		else
			match = !new && place->nodes[0] == e->node;
		if (match)
			*which = e;
		all |= match ? grants_of(e->record->kind, e->record->flags) : 0;
		all |= match && e->lifted && e->record->kind == LLPB_B_READ ? MAY_WRITE : 0;
	}
	return all;
}

/* One file, rather than a name or all in a tree: runtime/llrund/resolve.c compares with what it opened at the start. */
static bool is_pinned(const struct asking *a, const struct exception *e)
{
	return !is_tree(e->record) && !e->leaf && !a->world->textual;
}

static bool acts(struct asking *a, const struct exception *which, const char *call)
{
	struct decision_step *step = step_add(a, BY_BROKER, call);

	if (is_pinned(a, which))
		a->out->note = "the exception is the file that is there when the run starts, not its name: one that "
			       "replaces it later is left to Landlock";
	step->subject = blob_str(a->world->blob, which->record->shown);
	step->record = (uint32_t)(which->record - a->world->blob->broker);
	return true;
}

static bool is_named(const struct exception *e)
{
	return !is_tree(e->record);
}

/* broker_open.c, open_object() */
bool broker_opens(struct asking *a, const struct place *place, int mode, const char *call)
{
	const struct exception *which = NULL;

	if (!a->world->nexceptions || place->err || !place->exists)
		return false;
	if (!S_ISREG(place->mode) && !S_ISDIR(place->mode) && !S_ISCHR(place->mode))
		return false;
	unsigned grants = granted(a->world, place, false, &which);
	if (!which || (a->unnotified && !which->lifted) || !(grants & (mode & W_OK ? MAY_WRITE : MAY_READ)) ||
	    (S_ISCHR(place->mode) && !is_named(which)))
		return false;
	return acts(a, which, call);
}

/* broker_open.c, open_new() */
bool broker_creates(struct asking *a, const struct place *place, const char *call)
{
	const struct exception *which = NULL;

	if (!a->world->nexceptions || a->unnotified || place->err || (place->exists && !a->world->textual) ||
	    place->last != LAST_NAME || place->slash)
		return false;
	return granted(a->world, place, false, &which) & MAY_CREATE && acts(a, which, call);
}

/* broker_open.c, on_truncate() */
bool broker_truncates(struct asking *a, const struct place *place, const char *call)
{
	const struct exception *which = NULL;

	return a->world->nexceptions && !place->err && place->exists && S_ISREG(place->mode) &&
	       granted(a->world, place, false, &which) & MAY_WRITE && acts(a, which, call);
}

/* broker_change.c, change_one() */
bool broker_changes(struct asking *a, const struct place *place, const char *call)
{
	const struct exception *which = NULL;

	return a->world->nexceptions && !place->err && place->last == LAST_NAME &&
	       granted(a->world, place, true, &which) & IN_SCRATCH && acts(a, which, call);
}

/* broker_change.c, move(), publish_spot(); publish.c: 0 or an errno, with the reason where it is the broker's own. */
static int publish_error(const struct place *from, const struct place *to, enum operation_id id, bool replace,
			 const char **reason)
{
	if (id == OP_EXCHANGE) {
		*reason = "an export takes files, and gives none back";
		return EINVAL;
	}
	if (!from->exists) {
		*reason = "there is nothing of that name";
		return from->too_long ? ENAMETOOLONG : ENOENT;
	}
	*reason = "an export takes regular files only";
	if (from->slash || to->slash)
		return ENOTDIR;
	if (!S_ISREG(from->mode))
		return EACCES;
	*reason = NULL;
	if (to->too_long)
		return ENAMETOOLONG;
	if (!to->exists || (replace && id == OP_RENAME))
		return 0;
	*reason = id == OP_RENAME ? "the name is taken, and the export does not say overwrite = true"
				  : "the name is taken, and link(2) never replaces";
	return EEXIST;
}

/* broker_change.c, gains(): a file of a tree that may not be read, or not be written, becomes none of one that may. */
static const char *gained(unsigned from, unsigned to)
{
	unsigned more = to & IN_SCRATCH ? to & ~from & (MAY_READ | MAY_WRITE) : 0;

	return more & MAY_READ    ? "by addfd it could be read at its new place, and not at its old one"
	       : more & MAY_WRITE ? "by addfd it could be written at its new place, and not at its old one"
				  : NULL;
}

/* broker_change.c, holds_tree() */
static bool holds_tree(const struct world *world, const struct place *place)
{
	for (size_t i = 0; i < world->nexceptions; i++) {
		const struct exception *e = &world->exceptions[i];

		if (e->path && is_tree(e->record) && beneath(e->path, place->text))
			return true;
	}
	return false;
}

static enum broker_move refuse_move(struct asking *a, const char *reason, int err)
{
	struct decision_step *step = &a->out->steps[a->out->nsteps - 1];

	step->reason = reason;
	step->allowed = false;
	step->err = err;
	a->refused = true;
	return MOVE_OUT;
}

/* broker_change.c, rename_spots(), on_linkat(): within scratch, or into an export, which gets a copy. */
enum broker_move broker_moves(struct asking *a, const struct place *from, const struct place *to, const char *call)
{
	const struct exception *which = NULL;
	unsigned gives, grants;
	const char *reason;

	if (!a->world->nexceptions || from->err || to->err || from->last != LAST_NAME || to->last != LAST_NAME ||
	    !((gives = granted(a->world, from, true, &which)) & IN_SCRATCH))
		return MOVE_NOT;
	grants = granted(a->world, to, true, &which);
	if (!(grants & (IN_SCRATCH | IN_EXPORT)))
		return MOVE_NOT;
	acts(a, which, call);
	reason = gained(gives, grants);
	if (!reason && a->op->id == OP_EXCHANGE && grants & IN_SCRATCH)
		reason = gained(grants, gives);
	if (reason)
		return refuse_move(a, reason, EXDEV);
	if ((a->op->id != OP_LINK && holds_tree(a->world, from)) ||
	    (a->op->id == OP_EXCHANGE && holds_tree(a->world, to)))
		return refuse_move(a, "it is a tree of the policy, or holds one, which stays where it is", EBUSY);
	if (grants & IN_SCRATCH)
		return MOVE_WITHIN;
	bool replace = grants & MAY_REPLACE || which->lifted;
	int err = a->world->textual ? 0 : publish_error(from, to, a->op->id, replace, &reason);
	return err ? refuse_move(a, reason, err) : MOVE_OUT;
}

/* ---- what a refusal was about ---- */

/* Is there another file now, or one that was not there at all? */
static bool was_replaced(const struct world *world, const struct exception *e)
{
	struct stat st;

	if (stat(e->path, &st))
		return false;
	return e->node == NODE_NONE || world->nodes[e->node].inode != st.st_ino ||
	       world->nodes[e->node].device != st.st_dev;
}

const struct llpb_broker *broker_outlived(const struct world *world, const char *path, uint64_t rights)
{
	const uint64_t reads = FS_RIGHT(read_file) | FS_RIGHT(read_dir);
	const uint64_t writes = FS_RIGHT(write_file) | FS_RIGHT(truncate);

	for (size_t i = 0; i < world->nexceptions && !world->textual && !world->in_view; i++) {
		const struct exception *e = &world->exceptions[i];
		unsigned grants = grants_of(e->record->kind, e->record->flags);
		uint64_t granted = (grants & MAY_READ ? reads : 0) | (grants & MAY_WRITE ? writes : 0) |
				   (grants & IN_SCRATCH ? ~(reads | writes | FS_RIGHT(execute)) : 0);
		bool named = e->path && (is_tree(e->record) ? beneath(path, e->path) : !strcmp(path, e->path));
		if (named && !e->leaf && !(rights & ~granted) && was_replaced(world, e))
			return e->record;
	}
	return NULL;
}

const struct exception *exception_holds(const struct world *world, uint32_t kind, const struct decision_step *step)
{
	for (size_t i = 0; i < world->nexceptions; i++) {
		const struct exception *e = &world->exceptions[i];
		if (e->record->kind != kind || !e->path)
			continue;
		if (!step || (e->node != NODE_NONE && e->node == step->node) ||
		    (is_tree(e->record) ? beneath(step->subject, e->path) : !strcmp(step->subject, e->path)))
			return e;
	}
	return NULL;
}
