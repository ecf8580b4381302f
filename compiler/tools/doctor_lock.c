/* SPDX-License-Identifier: MIT */
/* llc-policy doctor, locks: is what [command] needs on this host what POLICY.lock says? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "compile.h"
#include "doctor.h"
#include "inspect.h"
#include "lock_tools.h"
#include "source.h"

#define TEXT(...) arena_printf(d->arena, __VA_ARGS__)

static const char update[] = "llc-policy compile --update-lock POLICY.toml, and a look at what changed";

static void find_difference(struct doctor *d, const char *code, enum finding_status status, const char *found,
			    const char *needed)
{
	/* the lock's own texts go with its compilation */
	doctor_find(d, code, status, found, needed ? arena_strdup(d->arena, needed) : NULL, update);
	d->stale = true;
}

static const char *first_line(struct doctor *d, const char *path, const struct lock_file *file)
{
	return TEXT("%s (%s:%" PRIu32 ")", file->path, path, file->pos.line);
}

/* In the lock and not in the closure that this host has. */
static void check_old(struct doctor *d, const char *path, const struct lock_file *file)
{
	const char *text = first_line(d, path, file);
	const char *here = d->sysroot ? TEXT("%s%s", d->sysroot, file->path) : file->path;

	if (!access(here, F_OK))
		find_difference(d, "lock-unneeded", NOTE, TEXT("%s: exists, and nothing needs it here", text), NULL);
	else if (file->sha256)
		find_difference(d, "lock-missing", MISSING, TEXT("%s: does not exist: llrun would not start", text),
				file->why);
}

static void check_new(struct doctor *d, const struct lock_file *file)
{
	if (file->sha256)
		find_difference(d, "lock-new", MISSING,
				TEXT("%s: needed here, and not granted by the lock", file->path), file->why);
}

static void check_both(struct doctor *d, const char *path, const struct lock_file *old, const struct lock_file *new)
{
	if (old->execute != new->execute)
		find_difference(d, "lock-access", MISSING,
				TEXT("%s: %s", first_line(d, path, old),
				     new->execute ? "executed here, and granted for reading alone"
						  : "granted for execution, and only read here"),
				new->why);
	if (!old->sha256 != !new->sha256 || (old->sha256 && strcmp(old->sha256, new->sha256)))
		find_difference(d, "lock-digest", NOTE,
				TEXT("%s: another file than the one that was locked", first_line(d, path, old)),
				NULL);
}

/* Both are sorted. */
static void compare(struct doctor *d, const char *path, const struct lock *old, const struct lock *new)
{
	size_t i = 0, k = 0;

	while (i < old->nfiles || k < new->nfiles) {
		int order = i == old->nfiles   ? 1
			    : k == new->nfiles ? -1
					       : strcmp(old->files[i].path, new->files[k].path);
		if (order < 0)
			check_old(d, path, &old->files[i]);
		else if (order > 0)
			check_new(d, &new->files[k]);
		else
			check_both(d, path, &old->files[i], &new->files[k]);
		i += order <= 0;
		k += order >= 0;
	}
}

static void check_lock(struct doctor *d, const char *path, const struct lock *lock)
{
	struct lock_place place = {d->sysroot, ARCHES};
	struct lock_found here;
	const char *machine = lock_machine(d->arena, &place);

	if (strcmp(machine, lock->machine)) {
		if (!d->sysroot) {
			find_difference(d, "lock-machine", MISSING,
					TEXT("%s was made for %s, this machine is %s", path, lock->machine, machine),
					NULL);
			return;
		}
		place.arch = arch_find(lock->machine);
	}
	lock_resolve(d->arena, lock, &place, &here);
	for (size_t i = 0; i < here.nproblems; i++)
		find_difference(d, "lock-unresolved", MISSING, here.problems[i], NULL);
	compare(d, path, lock, &here.lock);
	if (!d->stale)
		doctor_find(d, "lock", OK,
			    TEXT("%s: the %zu files that %s%s needs are those of the lock", path, lock->nfiles,
				 lock->program,
				 lock->ndependencies ? TEXT(" (and %zu more)", lock->ndependencies) : ""),
			    NULL, NULL);
}

bool doctor_lock(struct doctor *d, const char *path)
{
	struct compilation c;
	struct lock lock;

	compilation_begin(&c);
	uint32_t file = source_open_at(c.sources, c.diag, NULL, path);
	bool fine = file != SRC_NONE && lock_parse(c.arena, c.diag, c.sources, file, &lock);
	if (fine)
		check_lock(d, path, &lock);
	else
		diag_print(c.diag, REPORT_TEXT, stderr);
	compilation_end(&c);
	return fine;
}

/* blob_write.c: "curl, git in ci.lock" is the file of a rule that a lock brought. */
static const char *lock_of(const struct blob *blob)
{
	for (uint32_t i = 0; blob->source && i < blob->npaths; i++) {
		const char *file = blob_str(blob, blob->source[i].file), *name = NULL;
		for (const char *at = file; (at = strstr(at, " in ")); at += 4)
			name = at + 4;
		if (name && strlen(name) > 5 && !strcmp(name + strlen(name) - 5, ".lock"))
			return name;
	}
	return NULL;
}

void doctor_lock_of_blob(struct doctor *d)
{
	const char *name = lock_of(d->blob), *slash = strrchr(d->blob_path, '/');

	if (!name)
		return;
	const char *path = slash ? TEXT("%.*s/%s", (int)(slash - d->blob_path), d->blob_path, name) : name;
	if (access(path, F_OK))
		doctor_find(d, "lock", NOTE, TEXT("%s, the lock of [command], is not beside the blob", name), NULL,
			    TEXT("llc-policy doctor %s, where it is", name));
	else if (!doctor_lock(d, path))
		find_difference(d, "lock", MISSING, TEXT("%s cannot be used", path), NULL);
}
