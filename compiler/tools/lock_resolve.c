/* SPDX-License-Identifier: MIT */
/* From the names of programs to the files of a lock; see lock_tools.h. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "arena.h"
#include "elfdeps.h"
#include "host.h"
#include "lock_tools.h"

struct resolver {
	struct arena *arena;
	const struct lock *wanted;
	const struct lock_place *place;
	struct lock_found *found;
};

static void add_text(struct arena *arena, const char ***list, size_t *count, size_t *cap, const char *text)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*list)[i], text))
			return;
	*list = arena_grow(arena, *list, cap, *count + 1, sizeof(**list));
	(*list)[(*count)++] = text;
}

static void problem(struct resolver *r, const char *name, const char *why, const char *needed_by)
{
	add_text(r->arena, &r->found->problems, &r->found->nproblems, &r->found->problems_cap,
		 arena_printf(r->arena, "%s: %s%s%s", name, why, needed_by ? "; needed by " : "",
			      needed_by ? needed_by : ""));
}

static struct lock_file *file_of(struct resolver *r, const char *path)
{
	struct lock *lock = &r->found->lock;

	for (size_t i = 0; i < lock->nfiles; i++)
		if (!strcmp(lock->files[i].path, path))
			return &lock->files[i];
	lock->files = arena_grow(r->arena, lock->files, &lock->files_cap, lock->nfiles + 1, sizeof(*lock->files));
	lock->files[lock->nfiles] = (struct lock_file){.path = path};
	return &lock->files[lock->nfiles++];
}

static const char *why(struct resolver *r, const struct closure_entry *entry)
{
	return arena_printf(r->arena, "%s%s%s%s", closure_kind_names[entry->kind], entry->needed_by ? " of " : "",
			    entry->needed_by ? entry->needed_by : "", entry->variant ? ", on some processors" : "");
}

/* What the loader's own files hold changes with every package that is installed; what they lead to has digests. */
static const char *digest(struct resolver *r, struct closure *closure, const struct closure_entry *entry)
{
	char hex[CLOSURE_HEX];

	if (entry->kind == CLOSURE_DATA)
		return NULL;
	if (closure_digest(closure, entry, hex))
		return arena_strdup(r->arena, hex);
	problem(r, entry->real, strerror(errno), entry->needed_by);
	return NULL;
}

static void add_entry(struct resolver *r, struct closure *closure, const struct closure_entry *entry,
		      const char *program)
{
	const char *bad = lock_bad_path(entry->real);
	struct lock_file *file;

	if (bad) {
		problem(r, entry->real, bad, entry->needed_by);
		return;
	}
	file = file_of(r, entry->real);
	file->execute |= (entry->rights & CLOSURE_EXECUTE) != 0;
	if (!file->why) {
		file->why = why(r, entry);
		file->sha256 = digest(r, closure, entry);
	}
	add_text(r->arena, &file->programs, &file->nprograms, &file->programs_cap, program);
}

static void add_program(struct resolver *r, const char *program)
{
	struct closure_options options = {
		.sysroot = r->place->sysroot, .path = LOCK_PATH, .library_path = r->wanted->library_path, .cwd = "/"};
	struct closure *closure;

	/* include/uapi/linux/audit.h: the low half of AUDIT_ARCH_* is EM_* */
	if (r->place->arch != ARCHES)
		options.machine = (uint16_t)arch_rows[r->place->arch].audit_arch;
	closure = closure_create(r->arena, &options);
	if (closure_add(closure, program) != CLOSURE_OK && !closure->nmissing)
		problem(r, program, "cannot be examined", NULL);
	for (size_t i = 0; i < closure->nmissing; i++)
		problem(r, closure->missing[i].name, closure->missing[i].why, closure->missing[i].needed_by);
	for (size_t i = 0; i < closure->nentries; i++)
		add_entry(r, closure, &closure->entries[i], program);
	for (size_t i = 0; i < closure->nwarnings; i++)
		add_text(r->arena, &r->found->warnings, &r->found->nwarnings, &r->found->warnings_cap,
			 closure->warnings[i]);
	closure_close(closure);
}

const char *lock_machine(struct arena *arena, const struct lock_place *place)
{
	enum arch_id arch = place->arch == ARCHES ? host_arch() : place->arch;
	struct utsname name;

	if (arch != ARCHES)
		return arch_rows[arch].name;
	return uname(&name) ? "unknown" : arena_strdup(arena, name.machine);
}

void lock_resolve(struct arena *arena, const struct lock *wanted, const struct lock_place *place,
		  struct lock_found *found)
{
	struct resolver r = {arena, wanted, place, found};

	*found = (struct lock_found){.lock = *wanted};
	found->lock.files = NULL;
	found->lock.nfiles = found->lock.files_cap = 0;
	found->lock.machine = lock_machine(arena, place);
	add_program(&r, wanted->program);
	for (size_t i = 0; i < wanted->ndependencies; i++)
		if (strcmp(wanted->dependencies[i], wanted->program))
			add_program(&r, wanted->dependencies[i]);
	lock_sort(&found->lock);
}
