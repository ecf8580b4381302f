/* SPDX-License-Identifier: MIT */
/*
 * What a dynamic loader maps before main(), in its order: breadth first (glibc: elf/dl-deps.c; musl: load_deps()). The
 * order decides: a library is looked for once, on behalf of who needed it first, and whatever later has its name
 * gets that one.
 */
#include "elfdeps_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *directory(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static struct ld_object *add_object(struct ld_load *load, const struct opened *file, const struct elf_object *elf,
				    const char *path, const char *seen_at)
{
	struct arena *arena = load->state->arena;
	struct ld_object *object = arena_alloc(arena, sizeof(*object));

	object->elf = *elf;
	object->path = path;
	object->origin = directory(arena, seen_at);
	object->dev = file->st.st_dev;
	object->ino = file->st.st_ino;
	load->objects =
		arena_grow(arena, load->objects, &load->objects_cap, load->nobjects + 1, sizeof(*load->objects));
	load->objects[load->nobjects++] = object;
	return object;
}

static void add_name(struct ld_load *load, struct ld_object *object, const char *name)
{
	ld_add_string(load->state->arena, &object->names, &object->nnames, &object->names_cap, name);
}

/* _dl_name_match_p(), and the DT_SONAME that _dl_map_object() compares */
static bool has_name(const struct ld_load *load, const struct ld_object *object, const char *name)
{
	for (size_t i = 0; i < object->nnames; i++)
		if (!strcmp(object->names[i], name))
			return true;
	if (load->musl)
		return false;
	return !strcmp(object->path, name) || (object->elf.soname && !strcmp(object->elf.soname, name));
}

static bool is_loaded(const struct ld_load *load, const char *name)
{
	if (load->musl && ld_musl_builtin(name))
		return true;
	/* nothing asks for the program by name; its DT_SONAME counts all the same */
	for (size_t i = 0; i < load->nobjects; i++)
		if (has_name(load, load->objects[i], name))
			return true;
	return false;
}

static struct ld_object *same_file(const struct ld_load *load, const struct opened *file)
{
	for (size_t i = 0; i < load->nobjects; i++)
		if (load->objects[i]->ino == file->st.st_ino && load->objects[i]->dev == file->st.st_dev)
			return load->objects[i];
	return NULL;
}

/* Read a candidate: NULL, or why the loader would stop at it. *skip: it goes on to the next place instead. */
static const char *judge(struct ld_load *load, const struct opened *file, struct elf_object *elf, bool *skip)
{
	const struct elf_object *program = &load->objects[0]->elf;
	const char *why;
	int fd;

	*skip = false;
	if (!S_ISREG(file->st.st_mode))
		return "is not a regular file";
	fd = fs_readable(file);
	if (fd < 0) {
		*skip = errno == EACCES;
		return strerror(errno);
	}
	why = elf_read(load->state->arena, fd, elf);
	close(fd);
	if (elf->machine && !elf_same_machine(elf, program)) {
		*skip = !load->musl;
		return "is for another architecture";
	}
	return why;
}

static enum ld_found load_file(struct ld_load *load, struct ld_request *rq, const char *path, const char *variant,
			       const struct opened *file)
{
	struct arena *arena = load->state->arena;
	struct ld_object *object = same_file(load, file);
	struct elf_object elf;
	const char *why;
	bool skip;

	path = arena_strdup(arena, path);
	if (!object) {
		why = judge(load, file, &elf, &skip);
		if (!why && load->nobjects == MAX_OBJECTS)
			why = "is one library too many";
		if (why) {
			rq->why = arena_printf(arena, "%s: %s", path, why);
			return skip ? LD_NOT_HERE : LD_BROKEN;
		}
		object = add_object(load, file, &elf, path, path);
		object->loader = rq->needed_by;
	}
	add_name(load, object, rq->name);
	closure_note(load->closure, file, path, rq->kind, rq->needed_by->path, variant);
	return LD_FOUND;
}

enum ld_found ld_try(struct ld_load *load, struct ld_request *request, const char *path, const char *variant)
{
	struct opened file;
	enum ld_found found;
	int error;

	if (!ld_spend(load, PROBE_STEPS)) {
		request->why = "there are more places to look at than anybody can mean";
		return LD_BROKEN;
	}
	error = fs_open(load->closure, path, &file);
	if (error) {
		if (error != ENOENT && error != ENOTDIR)
			request->why = arena_printf(load->state->arena, "%s: %s", path, strerror(error));
		return LD_NOT_HERE;
	}
	if (request->ahead)
		fs_read_ahead(&file);
	found = request->ahead ? LD_FOUND : load_file(load, request, path, variant, &file);
	close(file.fd);
	return found;
}

/* ---- one library ---- */

/* A name with a '/' is a path. */
static void try_name(struct ld_load *load, struct ld_request *rq, bool conditional)
{
	if (!strchr(rq->name, '/')) {
		ld_search(load, rq);
		return;
	}
	if (*rq->name != '/')
		closure_warn(load->closure, "%s: needs \"%s\", which depends on the directory it is started in",
			     rq->needed_by->path, rq->name);
	if (ld_try(load, rq, fs_anchor(load->closure, rq->name), conditional ? "$PLATFORM" : NULL) == LD_FOUND)
		*(conditional ? &rq->variant_found : &rq->found) = true;
}

static const char *not_found(const struct ld_load *load, const struct ld_request *rq)
{
	if (rq->why)
		return rq->why;
	return load->musl ? "not found in LD_LIBRARY_PATH, DT_RUNPATH or DT_RPATH, and the loader's directories"
			  : "not found in DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, ld.so.cache and the loader's "
			    "directories";
}

static void settle(struct ld_load *load, const struct ld_request *rq, bool optional)
{
	if (rq->found)
		return;
	if (rq->variant_found)
		closure_warn(load->closure, "%s: %s was found for some processors only", rq->needed_by->path,
			     rq->name);
	else if (optional)
		closure_warn(load->closure, "%s: %s is missing, and the loader goes on without it: %s",
			     rq->needed_by->path, rq->name, not_found(load, rq));
	else
		closure_miss(load->closure, rq->name, rq->needed_by->path, not_found(load, rq));
}

/* DT_NEEDED may hold $ORIGIN and the like, which musl does not expand. */
static void need(struct ld_load *load, struct ld_object *by, const char *text, enum closure_kind kind, bool optional)
{
	struct ld_request rq = {.name = text, .needed_by = by, .kind = kind};
	bool conditional = false;

	if (load->musl || !strchr(text, '$')) {
		if (!is_loaded(load, text))
			try_name(load, &rq, false);
		else
			rq.found = true;
	} else {
		for (const char *const *platform = ld_platforms(load); *platform; platform++) {
			rq.name = ld_expand(load, by, text, strlen(text), *platform, &conditional);
			if (!rq.name)
				break;
			if (is_loaded(load, rq.name))
				rq.found = true;
			else
				try_name(load, &rq, conditional);
			if (!conditional)
				break;
		}
		rq.name = text;
	}
	settle(load, &rq, optional);
}

/* ---- the program ---- */

/* elf/rtld.c, dl_main(): names between blanks and colons; '#' begins a comment */
static void preload(struct ld_load *load)
{
	static const char path[] = "/etc/ld.so.preload";
	struct arena *arena = load->state->arena;
	struct opened file;
	const char *text;
	size_t size;

	if (fs_open_file(load->closure, path, &file))
		return;
	text = (const char *)fs_read(load->closure, &file, MAX_PATH_TEXT, &size);
	if (text)
		closure_note(load->closure, &file, path, CLOSURE_DATA, load->objects[1]->path, NULL);
	else
		closure_warn(load->closure, "%s: cannot be read", path);
	close(file.fd);
	while (text && *text) {
		size_t len = strcspn(text, " \t\n:#");

		if (len)
			need(load, load->objects[0], arena_strndup(arena, text, len), CLOSURE_PRELOAD, true);
		text += len;
		text += *text == '#' ? strcspn(text, "\n") : *text != 0;
	}
}

/* One library after the other is one wait for the disk after the other; asked for together, they come together. */
static void read_ahead(struct ld_load *load, struct ld_object *by)
{
	enum { WORTH_IT = 4 };

	for (size_t n = 0; by->elf.nneeded >= WORTH_IT && n < by->elf.nneeded; n++) {
		struct ld_request rq = {.name = by->elf.needed[n].name, .needed_by = by, .ahead = true};

		if (!strpbrk(rq.name, "/$") && !is_loaded(load, rq.name))
			ld_search(load, &rq);
	}
}

static void load_all(struct ld_load *load)
{
	size_t total = 0;

	/* the list grows as it is walked */
	for (size_t i = 0; i < load->nobjects; i++) {
		struct ld_object *object = load->objects[i];

		if (i == 1)
			continue; /* the loader needs nothing */
		total += object->elf.nneeded;
		if (total > MAX_NEEDED_ALL || load->state->steps > MAX_STEPS - PROBE_STEPS) {
			closure_miss(load->closure, "its libraries", object->path, "there is no end to them");
			return;
		}
		read_ahead(load, object);
		for (size_t n = 0; n < object->elf.nneeded; n++)
			need(load, object, object->elf.needed[n].name, CLOSURE_LIBRARY,
			     object->elf.needed[n].kind == NEED_OPTIONAL);
	}
}

/* ---- what cannot be known ---- */

static const struct {
	enum elf_use use;
	const char *bundle;
} bundles[] = {{USE_NSS, "nss"}, {USE_LOCALE, "locale"}, {USE_TLS, "tls"}, {USE_TTY, "tty"}};

static const char *first_use(const struct ld_load *load, enum elf_use use, const struct ld_object **by)
{
	for (size_t i = 0; i < load->nobjects; i++) {
		*by = load->objects[i];
		if (i != 1 && (*by)->elf.uses[use])
			return (*by)->elf.uses[use];
	}
	return NULL;
}

static void say_unknown(struct ld_load *load)
{
	struct arena *arena = load->state->arena;
	const char *words = "", *because = "", *function;
	const struct ld_object *by;

	for (size_t i = 0; i < sizeof(bundles) / sizeof(*bundles); i++) {
		function = first_use(load, bundles[i].use, &by);
		if (!function)
			continue;
		words = arena_printf(arena, "%s%s%s", words, *words ? "," : "", bundles[i].bundle);
		because = arena_printf(arena, "%s%s%s of %s", because, *because ? ", " : "", function,
				       strrchr(by->path, '/') + 1);
	}
	if (*words)
		closure_warn(load->closure,
			     "%s: may open files that cannot be known here (%s); if it does, add --with %s",
			     load->objects[0]->path, because, words);
	function = first_use(load, USE_DLOPEN, &by);
	if (function)
		closure_warn(load->closure,
			     "%s: may load libraries by name while it runs (%s of %s), which cannot be known "
			     "here; if it does, add them or their directory with --ro",
			     load->objects[0]->path, function, strrchr(by->path, '/') + 1);
	for (size_t i = 0; i < load->nobjects; i++)
		if (load->objects[i]->elf.audited)
			closure_warn(load->closure,
				     "%s: names auditors of the loader (DT_AUDIT), which are not followed",
				     load->objects[i]->path);
}

/* PT_INTERP is executed by the kernel, and then reads the rest. */
static const char *open_loader(struct ld_load *load, const char *path, const char *needed_by, const char *name)
{
	struct closure *closure = load->closure;
	struct elf_object elf;
	struct opened file;
	const char *why = fs_open_file(closure, path, &file);
	bool skip;

	if (why)
		return why;
	why = judge(load, &file, &elf, &skip);
	if (!why && !(file.st.st_mode & 0111))
		why = "is not executable";
	if (!why) {
		add_name(load, add_object(load, &file, &elf, path, path), name);
		closure_note(closure, &file, path, CLOSURE_LOADER, needed_by, NULL);
	}
	close(file.fd);
	return why;
}

bool ld_load_program(struct closure *closure, const struct opened *file, const struct elf_object *elf,
		     const char *path, const char *real)
{
	struct ld_load load = {.closure = closure, .state = closure->state};
	const char *loader = fs_anchor(closure, elf->interp), *base = strrchr(loader, '/') + 1, *why;
	size_t missing = closure->nmissing;

	load.musl = !strncmp(base, "ld-musl-", strlen("ld-musl-"));
	add_object(&load, file, elf, path, real);
	why = open_loader(&load, loader, path, elf->interp);
	if (why) {
		closure_miss(closure, elf->interp, path, why);
		return false;
	}
	ld_search_begin(&load);
	if (!load.musl)
		preload(&load);
	load_all(&load);
	say_unknown(&load);
	return closure->nmissing == missing;
}
