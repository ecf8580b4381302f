/* SPDX-License-Identifier: MIT */
/* What a dynamic loader knows without being told by a program: its own directories, its cache, its libc. */
#include "elfdeps_impl.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

bool ld_musl_builtin(const char *name)
{
	/* ldso/dynlink.c, load_library(): the names of libraries that are part of libc */
	static const char *const reserved[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};

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
	ld_make_path(load, NULL, &load->system_path, text ? (const char *)text : "/lib:/usr/local/lib:/usr/lib",
		     ":\n");
}

/* A directory as glibc's build writes it into the loader: "/usr/lib64/". Its length with the NUL, 0: no such. */
static size_t builtin_dir(const unsigned char *text, size_t size)
{
	size_t len = 0;

	while (len < size && (ld_is_word((char)text[len]) || (text[len] && strchr("/.+-", text[len]))))
		len++;
	if (len < 5 || len >= size || text[len] || text[0] != '/' || text[len - 1] != '/' ||
	    !memmem(text, len, "/lib", 4))
		return 0;
	return len + 1;
}

/* Lists that begin in the first `end` bytes. */
static bool builtin_dirs(struct ld_load *load, const unsigned char *data, size_t size, size_t end)
{
	const unsigned char *slash;

	for (size_t i = 0; i < end && (slash = memchr(data + i, '/', end - i)); i++) {
		i = (size_t)(slash - data);
		size_t len, at = i;

		if (!builtin_dir(data + i, size - i))
			continue;
		while ((len = builtin_dir(data + at, size - at)) > 0 && load->system_path.ndirs < 16) {
			ld_add_dir(load, &load->system_path, (const char *)data + at, false);
			at += len;
		}
		/* one alone may be anything; two are the list */
		if (load->system_path.ndirs > 1)
			return true;
		load->system_path.ndirs = 0;
	}
	return false;
}

/*
 * The list stands in the loader itself (system_dirs of elf/dl-load.c), one string after the other: Debian's differs from
 * Fedora's, and the loader of another prefix has its own. Read piece by piece, as most of it is of no interest; a list
 * may reach into the next piece.
 */
static bool find_builtin_dirs(struct ld_load *load, const struct opened *loader)
{
	enum { PIECE = 16384, LIST = 4096 };
	unsigned char data[PIECE + LIST];
	int fd = fs_readable(loader);
	bool found = false;
	ssize_t got = fd < 0 ? 0 : 1;

	for (off_t at = 0; got > 0 && !found && at < MAX_TABLE; at += PIECE) {
		got = pread(fd, data, sizeof(data), at);
		if (got > 0)
			found = builtin_dirs(load, data, (size_t)got, got < PIECE ? (size_t)got : PIECE);
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* When the loader does not tell: what distributions use. */
static void usual_dirs(struct ld_load *load)
{
	static const struct {
		uint16_t machine;
		unsigned char elf_class;
		const char *dirs;
	} rows[] = {
		{EM_X86_64, ELFCLASS64, "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64"},
		{EM_X86_64, ELFCLASS32, "/lib/x86_64-linux-gnux32:/usr/lib/x86_64-linux-gnux32:/libx32:/usr/libx32"},
		{EM_386, ELFCLASS32, "/lib/i386-linux-gnu:/usr/lib/i386-linux-gnu:/lib32:/usr/lib32"},
		{EM_AARCH64, ELFCLASS64, "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/lib64:/usr/lib64"},
		{EM_NONE, ELFCLASSNONE, "/lib64:/usr/lib64"},
	};
	const struct elf_object *elf = &load->objects[0]->elf;
	size_t i = 0;

	while (rows[i].machine && (rows[i].machine != elf->machine || rows[i].elf_class != elf->elf_class))
		i++;
	ld_make_path(load, NULL, &load->system_path, rows[i].dirs, ":");
	ld_add_dir(load, &load->system_path, "/lib", false);
	ld_add_dir(load, &load->system_path, "/usr/lib", false);
}

static void begin_glibc(struct ld_load *load)
{
	struct opened loader;
	const unsigned char *data;
	const char *first;
	bool found = false;
	size_t size = 0;

	if (!fs_open_file(load->closure, load->objects[1]->path, &loader)) {
		found = find_builtin_dirs(load, &loader);
		close(loader.fd);
	}
	if (!found)
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
	ld_make_path(load, load->musl ? NULL : load->objects[0], &load->library_path,
		     load->state->options.library_path, load->musl ? ":\n" : ":;");
}
