/* SPDX-License-Identifier: MIT */
/* Search paths of a dynamic loader: lists of directories, with $ORIGIN and the like, and what lies below each for some
 * processors only. */
#include "elfdeps_impl.h"

#include <dirent.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
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
static const char *const legacy_hwcaps[] = {"tls",      "haswell", "xeon_phi", "i686",   "i586",
					    "avx512_1", "sse2",    "x86_64",   "atomics"};
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
	return dir;
}

bool ld_dir_exists(struct ld_load *load, struct ld_dir *dir)
{
	if (dir->looked_at)
		return dir->exists;
	dir->looked_at = true;
	dir->exists = is_directory(load, dir->path);
	if (dir->exists) {
		find_hwcaps(load, dir);
		find_legacy(load, dir, "", 0);
	}
	return dir->exists;
}

void ld_add_dir(struct ld_load *load, struct ld_path *path, const char *text, bool conditional)
{
	struct arena *arena = load->state->arena;

	if (path->ndirs == MAX_DIRS) {
		closure_warn(load->closure, "%s: only the first %d directories of a search path are looked at",
			     load->objects[0]->path, MAX_DIRS);
		return;
	}
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
	static const char *const x86_64[] = {"x86_64", "haswell", "xeon_phi", NULL};
	static const char *const i386[] = {"i686", "i586", "i486", "i386", "haswell", "xeon_phi", NULL};
	static const char *const aarch64[] = {"aarch64", NULL}, *const none[] = {"", NULL};

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

bool ld_is_word(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Bytes of "NAME" or "{NAME}" at text; 0: something else. Like is_dst() of elf/dl-load.c. */
static size_t match_token(const char *text, size_t len, const char *name)
{
	size_t curly = len && *text == '{', size = strlen(name);

	if (len < size + 2 * curly || memcmp(text + curly, name, size) || (curly && text[1 + size] != '}'))
		return 0;
	if (!curly && len > size && ld_is_word(text[size]))
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
	const struct token tokens[3] = {{"ORIGIN", object->origin}, {"LIB", load->lib}, {"PLATFORM", platform}};
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

/* False: the loader drops the element. object NULL: text holds no tokens. */
static bool add_element(struct ld_load *load, const struct ld_object *object, struct ld_path *path, const char *text,
			size_t len)
{
	bool conditional = false;

	for (const char *const *platform = ld_platforms(load); *platform; platform++) {
		const char *dir = object ? ld_expand(load, object, text, len, *platform, &conditional)
					 : arena_strndup(load->state->arena, text, len);

		if (!dir)
			return false;
		if (*dir != '/')
			closure_warn(
				load->closure,
				"%s: looks for libraries in \"%s\", which depends on the directory it is started in",
				(object ? object : load->objects[0])->path, dir);
		ld_add_dir(load, path, *dir ? dir : ".", conditional);
		if (!conditional)
			break;
	}
	return true;
}

struct ld_path *ld_make_path(struct ld_load *load, const struct ld_object *object, struct ld_path *path,
			     const char *text, const char *separators)
{
	if (path->ready)
		return path;
	path->ready = true;
	if (!text || !*text)
		return path;
	for (;;) {
		size_t len = strcspn(text, separators);

		/* an empty element is the working directory for glibc, nothing for musl */
		if ((len || !load->musl) && !add_element(load, object, path, text, len) && load->musl) {
			path->ndirs = 0; /* fixup_rpath() gives the whole of it up */
			return path;
		}
		text += len;
		if (!*text++)
			return path;
	}
}
