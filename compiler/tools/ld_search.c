/* SPDX-License-Identifier: MIT */
/*
 * Where a dynamic loader looks for a library. glibc: elf/dl-load.c, _dl_map_object(); musl: ldso/dynlink.c,
 * load_library().
 */
#include "elfdeps_impl.h"

#include <dirent.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

bool ld_spend(struct ld_load *load, unsigned steps)
{
	struct closure_state *state = load->state;

	if (state->steps > MAX_STEPS - steps)
		return false;
	state->steps += steps;
	return true;
}

void ld_add_string(struct arena *arena, const char ***list, size_t *count, size_t *cap, const char *add)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*list)[i], add))
			return;
	*list = arena_grow(arena, *list, cap, *count + 1, sizeof(**list));
	(*list)[(*count)++] = add;
}

/* ---- directories ---- */

/* Directories that glibc up to 2.36 looked into, in any combination that keeps this order (elf/dl-hwcaps.c, of this
 * machine's family and its relatives); the processor and AT_PLATFORM decide which. */
static const char *const legacy_hwcaps[] = { "tls",      "haswell", "xeon_phi", "i686",   "i586",
					     "avx512_1", "sse2",    "x86_64",   "atomics" };
enum { LEGACY = sizeof(legacy_hwcaps) / sizeof(*legacy_hwcaps) };

static bool is_directory(struct ld_load *load, const char *path)
{
	struct opened file;

	if (!ld_spend(load, PROBE_STEPS) || fs_open(load->closure, *path ? path : "/", &file))
		return false;
	close(file.fd);
	return S_ISDIR(file.st.st_mode);
}

static void add_variant(struct ld_load *load, struct ld_dir *dir, const char *name)
{
	if (dir->nvariants < MAX_VARIANTS)
		ld_add_string(load->state->arena, &dir->variants, &dir->nvariants, &dir->variants_cap, name);
}

static void find_legacy(struct ld_load *load, struct ld_dir *dir, const char *below, size_t from)
{
	struct arena *arena = load->state->arena;

	for (size_t i = from; i < LEGACY; i++) {
		const char *name = arena_printf(arena, "%s%s%s", below, *below ? "/" : "", legacy_hwcaps[i]);

		if (!is_directory(load, arena_printf(arena, "%s/%s", dir->path, name)))
			continue;
		find_legacy(load, dir, name, i + 1);
		add_variant(load, dir, name);
	}
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Any name below glibc-hwcaps: which there are depends on the loader's version, too. */
static void find_hwcaps(struct ld_load *load, struct ld_dir *dir)
{
	struct arena *arena = load->state->arena;
	struct opened file;
	struct dirent *entry;
	DIR *stream = NULL;
	int fd;

	if (fs_open(load->closure, arena_printf(arena, "%s/glibc-hwcaps", dir->path), &file))
		return;
	fd = S_ISDIR(file.st.st_mode) ? fs_readable(&file) : -1;
	close(file.fd);
	if (fd >= 0)
		stream = fdopendir(fd);
	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream)) != NULL)
		if (entry->d_name[0] != '.')
			add_variant(load, dir, arena_printf(arena, "glibc-hwcaps/%s", entry->d_name));
	closedir(stream);
	qsort(dir->variants, dir->nvariants, sizeof(*dir->variants), compare_strings);
}

static struct ld_dir *get_dir(struct ld_load *load, const char *path)
{
	struct closure_state *state = load->state;
	size_t len = strlen(path), hash = 5381;
	struct ld_dir *dir, **bucket;

	while (len && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)path[i];
	bucket = &state->dirs[hash % (sizeof(state->dirs) / sizeof(*state->dirs))];
	for (dir = *bucket; dir; dir = dir->next)
		if (!strncmp(dir->path, path, len) && !dir->path[len])
			return dir;
	dir = arena_alloc(state->arena, sizeof(*dir));
	dir->path = arena_strndup(state->arena, path, len);
	dir->next = *bucket;
	*bucket = dir;
	dir->exists = is_directory(load, dir->path);
	if (dir->exists) {
		find_hwcaps(load, dir);
		find_legacy(load, dir, "", 0);
	}
	return dir;
}

static void add_dir(struct ld_load *load, struct ld_path *path, const char *text, bool conditional)
{
	struct arena *arena = load->state->arena;

	if (path->ndirs == MAX_DIRS)
		return;
	path->dirs = arena_grow(arena, path->dirs, &path->dirs_cap, path->ndirs + 1, sizeof(*path->dirs));
	path->conditional = arena_grow(arena, path->conditional, &path->conditional_cap, path->ndirs + 1,
				       sizeof(*path->conditional));
	path->conditional[path->ndirs] = conditional;
	path->dirs[path->ndirs++] = get_dir(load, fs_anchor(load->closure, text));
}

/* ---- $ORIGIN, $LIB, $PLATFORM ---- */

const char *const *ld_platforms(const struct ld_load *load)
{
	/* AT_PLATFORM of the kernel, or what glibc up to 2.36 put in its place */
	static const char *const x86_64[] = { "x86_64", "haswell", "xeon_phi", NULL };
	static const char *const i386[] = { "i686", "i586", "i486", "i386", "haswell", "xeon_phi", NULL };
	static const char *const aarch64[] = { "aarch64", NULL }, *const none[] = { "", NULL };

	switch (load->objects[0]->elf.machine) {
	case EM_X86_64:
		return x86_64;
	case EM_386:
		return i386;
	case EM_AARCH64:
		return aarch64;
	default:
		return none;
	}
}

static bool is_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes of "NAME" or "{NAME}" at text; 0: something else. Like is_dst() of elf/dl-load.c. */
static size_t match_token(const char *text, size_t len, const char *name)
{
	size_t curly = len && *text == '{', size = strlen(name);

	if (len < size + 2 * curly || memcmp(text + curly, name, size) || (curly && text[1 + size] != '}'))
		return 0;
	if (!curly && len > size && is_word(text[size]))
		return 0;
	return size + 2 * curly;
}

struct token {
	const char *name, *value;
};

/* Appends to out what stands at text, and returns how much of text that was; 0: the loader drops the whole. */
static size_t expand_one(const struct ld_load *load, const struct token tokens[3], const char *text, size_t len,
			 const char **out)
{
	*out = NULL;
	for (size_t i = 0; *text == '$' && i < 3; i++) {
		size_t size = match_token(text + 1, len - 1, tokens[i].name);

		if (!size || (load->musl && i > 0))
			continue;
		*out = tokens[i].value;
		return *out ? size + 1 : 0;
	}
	/* musl knows $ORIGIN alone, and gives the path up for any other '$' */
	return *text == '$' && load->musl ? 0 : 1;
}

const char *ld_expand(struct ld_load *load, const struct ld_object *object, const char *text, size_t len,
		      const char *platform, bool *conditional)
{
	const struct token tokens[3] = { { "ORIGIN", object->origin },
					 { "LIB", load->lib },
					 { "PLATFORM", platform } };
	char path[PATH_MAX];
	size_t size = 0;

	*conditional = false;
	for (size_t i = 0; i < len;) {
		const char *value;
		size_t used = expand_one(load, tokens, text + i, len - i, &value), more = value ? strlen(value) : 1;

		if (!used || size + more >= sizeof(path))
			return NULL;
		*conditional |= value && value == platform;
		memcpy(path + size, value ? value : text + i, more);
		size += more;
		i += used;
	}
	return arena_strndup(load->state->arena, path, size);
}

static void add_element(struct ld_load *load, const struct ld_object *object, struct ld_path *path, const char *text,
			size_t len)
{
	bool conditional;

	for (const char *const *platform = ld_platforms(load); *platform; platform++) {
		const char *dir = ld_expand(load, object, text, len, *platform, &conditional);

		if (!dir)
			return;
		if (*dir != '/')
			closure_warn(load->closure,
				     "%s: looks for libraries in \"%s\", which depends on the "
				     "directory it is started in",
				     object->path, dir);
		add_dir(load, path, *dir ? dir : ".", conditional);
		if (!conditional)
			return;
	}
}

/* An empty element is the working directory for glibc, nothing for musl. */
static struct ld_path *make_path(struct ld_load *load, const struct ld_object *object, struct ld_path *path,
				 const char *text, const char *separators)
{
	if (path->ready)
		return path;
	path->ready = true;
	if (!text || !*text)
		return path;
	for (;;) {
		size_t len = strcspn(text, separators);

		if (len || !load->musl)
			add_element(load, object, path, text, len);
		text += len;
		if (!*text++)
			return path;
	}
}

/* ---- the search ---- */

static bool try_file(struct ld_load *load, struct ld_request *rq, const char *dir, const char *below, bool variant)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s%s%s", dir, below, *below ? "/" : "", rq->name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	switch (ld_try(load, rq, path, !variant ? NULL : *below ? below : "$PLATFORM")) {
	case LD_FOUND:
		rq->found |= !variant;
		rq->variant_found |= variant;
		return !variant;
	case LD_BROKEN:
		return true;
	case LD_NOT_HERE:
		break;
	}
	return false;
}

/* True: the search is over. */
static bool try_path(struct ld_load *load, struct ld_request *rq, const struct ld_path *path)
{
	for (size_t i = 0; i < path->ndirs; i++) {
		const struct ld_dir *dir = path->dirs[i];

		if (!ld_spend(load, 1)) {
			rq->why = "gives more places to look at than anybody can mean";
			return true;
		}
		if (!dir->exists)
			continue;
		for (size_t v = 0; v < dir->nvariants && !load->musl; v++)
			if (try_file(load, rq, dir->path, dir->variants[v], true))
				return true;
		if (try_file(load, rq, dir->path, "", path->conditional[i]))
			return true;
	}
	return false;
}

/* DT_RPATH of an object holds for what it needs and all below, but DT_RUNPATH beside it switches it off, and in
 * the object that needs the library switches off all of them. */
static bool try_rpaths(struct ld_load *load, struct ld_request *rq)
{
	bool main_done = false;

	if (rq->needed_by->elf.runpath)
		return false;
	for (struct ld_object *o = rq->needed_by; o; o = o->loader) {
		main_done |= o == load->objects[0];
		if (!o->elf.runpath && try_path(load, rq, make_path(load, o, &o->rpath, o->elf.rpath, ":")))
			return true;
	}
	if (main_done || load->objects[0]->elf.runpath)
		return false;
	return try_path(
		load, rq,
		make_path(load, load->objects[0], &load->objects[0]->rpath, load->objects[0]->elf.rpath, ":"));
}

static bool in_system_dir(const struct ld_load *load, const char *path)
{
	for (size_t i = 0; i < load->system_path.ndirs; i++) {
		const char *dir = load->system_path.dirs[i]->path;

		if (!strncmp(path, dir, strlen(dir)) && path[strlen(dir)] == '/')
			return true;
	}
	return false;
}

static bool try_cache(struct ld_load *load, struct ld_request *rq)
{
	struct ld_cache_hit hit;
	size_t at = 0;

	while (ld_cache_next(&load->cache, rq->name, &load->objects[0]->elf, &at, &hit)) {
		if (rq->needed_by->elf.no_default_dirs && in_system_dir(load, hit.path))
			continue;
		switch (ld_try(load, rq, hit.path, hit.variant ? "ld.so.cache" : NULL)) {
		case LD_FOUND:
			rq->found |= !hit.variant;
			rq->variant_found |= hit.variant;
			if (!hit.variant)
				return true;
			break;
		case LD_BROKEN:
			return true;
		case LD_NOT_HERE:
			break;
		}
	}
	return false;
}

static void search_glibc(struct ld_load *load, struct ld_request *rq)
{
	struct ld_object *by = rq->needed_by;

	if (try_rpaths(load, rq) || try_path(load, rq, &load->library_path) ||
	    try_path(load, rq, make_path(load, by, &by->runpath, by->elf.runpath, ":")) || try_cache(load, rq) ||
	    by->elf.no_default_dirs)
		return;
	try_path(load, rq, &load->system_path);
}

/* DT_RUNPATH and DT_RPATH mean the same, that of every object up to the program is searched, and the first file that
 * has the name ends the search. */
static void search_musl(struct ld_load *load, struct ld_request *rq)
{
	if (try_path(load, rq, &load->library_path))
		return;
	for (struct ld_object *o = rq->needed_by; o; o = o->loader)
		if (try_path(load, rq,
			     make_path(load, o, &o->rpath, o->elf.runpath ? o->elf.runpath : o->elf.rpath, ":\n")))
			return;
	try_path(load, rq, &load->system_path);
}

void ld_search(struct ld_load *load, struct ld_request *request)
{
	(load->musl ? search_musl : search_glibc)(load, request);
}

/* ---- default directories ---- */

bool ld_musl_builtin(const char *name)
{
	/* ldso/dynlink.c, load_library(): the names of libraries that are part of libc */
	static const char *const reserved[] = { "c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet." };

	if (strncmp(name, "lib", 3))
		return false;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (!strncmp(name + 3, reserved[i], strlen(reserved[i])))
			return true;
	return false;
}

static const unsigned char *read_data(struct ld_load *load, const char *path, size_t *size)
{
	const unsigned char *data;
	struct opened file;

	if (fs_open_file(load->closure, path, &file))
		return NULL;
	data = fs_read(load->closure, &file, MAX_TABLE, size);
	if (data)
		closure_note(load->closure, &file, path, CLOSURE_DATA, load->objects[1]->path, NULL);
	close(file.fd);
	return data;
}

/* PREFIX/etc/ld-musl-ARCH.path for a loader PREFIX/lib/ld-musl-ARCH.so.1 */
static void begin_musl(struct ld_load *load)
{
	const char *loader = load->objects[1]->path, *base = strrchr(loader, '/') + 1, *end = strstr(base, ".so"),
		   *prefix;
	const unsigned char *text;
	size_t size;

	for (prefix = base - 1; prefix > loader && prefix[-1] != '/';)
		prefix--;
	if (prefix > loader)
		prefix--;
	text = read_data(load,
			 arena_printf(load->state->arena, "%.*s/etc/%.*s.path", (int)(prefix - loader), loader,
				      (int)(end ? end - base : (int)strlen(base)), base),
			 &size);
	make_path(load, load->objects[1], &load->system_path,
		  text ? (const char *)text : "/lib:/usr/local/lib:/usr/lib", ":\n");
}

/* A directory as glibc's build writes it into the loader: "/usr/lib64/". Its length with the NUL, 0: no such. */
static size_t builtin_dir(const unsigned char *text, size_t size)
{
	size_t len = 0;

	while (len < size && (is_word((char)text[len]) || (text[len] && strchr("/.+-", text[len]))))
		len++;
	if (len < 5 || len >= size || text[len] || text[0] != '/' || text[len - 1] != '/' ||
	    !memmem(text, len, "/lib", 4))
		return 0;
	return len + 1;
}

/* The list stands in the loader itself (system_dirs of elf/dl-load.c), one string after the other: Debian's differs
 * from Fedora's, and the loader of another prefix has its own. */
static bool builtin_dirs(struct ld_load *load, const unsigned char *data, size_t size)
{
	for (size_t i = 1; i < size; i++) {
		size_t len, at = i;

		if (data[i] != '/' || is_word((char)data[i - 1]) || data[i - 1] == '/')
			continue;
		if (!builtin_dir(data + i, size - i))
			continue;
		while ((len = builtin_dir(data + at, size - at)) > 0 && load->system_path.ndirs < 16) {
			add_dir(load, &load->system_path, (const char *)data + at, false);
			at += len;
		}
		/* one alone may be anything; two are the list */
		if (load->system_path.ndirs > 1)
			return true;
		load->system_path.ndirs = 0;
	}
	return false;
}

/* When the loader does not tell: what distributions use. */
static void usual_dirs(struct ld_load *load)
{
	static const struct {
		uint16_t machine;
		unsigned char elf_class;
		const char *dirs;
	} rows[] = {
		{ EM_X86_64, ELFCLASS64, "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64" },
		{ EM_X86_64, ELFCLASS32,
		  "/lib/x86_64-linux-gnux32:/usr/lib/x86_64-linux-gnux32:/libx32:/usr/libx32" },
		{ EM_386, ELFCLASS32, "/lib/i386-linux-gnu:/usr/lib/i386-linux-gnu:/lib32:/usr/lib32" },
		{ EM_AARCH64, ELFCLASS64, "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/lib64:/usr/lib64" },
		{ EM_NONE, ELFCLASSNONE, "/lib64:/usr/lib64" },
	};
	const struct elf_object *elf = &load->objects[0]->elf;
	size_t i = 0;

	while (rows[i].machine && (rows[i].machine != elf->machine || rows[i].elf_class != elf->elf_class))
		i++;
	make_path(load, load->objects[1], &load->system_path, rows[i].dirs, ":");
	add_dir(load, &load->system_path, "/lib", false);
	add_dir(load, &load->system_path, "/usr/lib", false);
}

static void begin_glibc(struct ld_load *load)
{
	struct opened loader;
	const unsigned char *data = NULL;
	const char *first;
	size_t size;

	if (!fs_open_file(load->closure, load->objects[1]->path, &loader)) {
		data = fs_read(load->closure, &loader, MAX_TABLE, &size);
		close(loader.fd);
	}
	if (!data || !builtin_dirs(load, data, size))
		usual_dirs(load);
	/* $LIB is the first of them without its slash: lib64, or lib/x86_64-linux-gnu */
	first = load->system_path.dirs[0]->path;
	load->lib = strncmp(first, "/lib", 4) ? "lib" : first + 1;
	data = read_data(load, "/etc/ld.so.cache", &size);
	if (data && !ld_cache_open(&load->cache, data, size, load->objects[0]->elf.data))
		closure_warn(load->closure, "/etc/ld.so.cache: is not one for this kind of program, and not used");
}

void ld_search_begin(struct ld_load *load)
{
	(load->musl ? begin_musl : begin_glibc)(load);
	make_path(load, load->objects[0], &load->library_path, load->state->options.library_path,
		  load->musl ? ":\n" : ":;");
}
