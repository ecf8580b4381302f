/* SPDX-License-Identifier: MIT */
/* The table of input files. See source.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "arena.h"
#include "diag.h"
#include "source.h"

struct source {
	const char *name;
	const char *text;
	size_t len;
	size_t *lines; /* offset of the start of each line; made when a line is first asked for */
	size_t nlines, lines_cap;
	bool shown; /* its text may be told */
};

struct sources {
	struct arena *arena;
	struct source *files;
	size_t count, cap;
};

struct sources *sources_create(struct arena *arena)
{
	struct sources *sources = arena_alloc(arena, sizeof(*sources));

	sources->arena = arena;
	return sources;
}

static uint32_t add_source(struct sources *sources, const char *name, const char *text, size_t len, bool shown)
{
	sources->files = arena_grow(sources->arena, sources->files, &sources->cap, sources->count + 1,
				    sizeof(*sources->files));
	sources->files[sources->count] = (struct source){
		.name = arena_strdup(sources->arena, name),
		.text = text,
		.len = len,
		.shown = shown,
	};
	return (uint32_t)sources->count++;
}

uint32_t source_from_memory(struct sources *sources, const char *name, const char *text, size_t len)
{
	return add_source(sources, name, text, len, true);
}

static const char *skip_blank(const char *p)
{
	return p + strspn(p, " \t");
}

/*
 * Comments and empty lines, then `version = 1`. Deliberately not the parser: what is no policy need not be TOML, and a
 * file of secrets must not pass because it can be read as some. `text` ends with NUL.
 */
static bool begins_like_policy(const char *text)
{
	static const char key[] = "version";
	const char *p = strncmp(text, "\xef\xbb\xbf", 3) ? text : text + 3;

	for (p += strspn(p, " \t\r\n"); *p == '#'; p += strspn(p, " \t\r\n"))
		p += strcspn(p, "\n");
	if (strncmp(p, key, sizeof(key) - 1))
		return false;
	p = skip_blank(p + sizeof(key) - 1);
	if (*p != '=')
		return false;
	p = skip_blank(p + 1);
	return *p == '1' && strchr("\r\n#", *skip_blank(p + 1));
}

/* Everything up to the end of the file, or up to one byte more than is allowed. NULL with errno set. */
static char *read_all(struct arena *arena, int fd, size_t expected, size_t *len)
{
	char *text = NULL;
	size_t cap = 0;

	for (*len = 0; *len <= SOURCE_MAX_SIZE;) {
		ssize_t n;

		/* one byte for the NUL, one to see the end of a file of the expected size without growing */
		text = arena_grow(arena, text, &cap, (*len > expected ? *len + 4096 : expected) + 2, 1);
		n = read(fd, text + *len, cap - 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	text[*len] = '\0';
	return text;
}

static uint32_t refuse(struct diag *diag, const struct srcpos *pos, const char *name, const char *why)
{
	diag_report(diag, CHECK_SOURCE_UNREADABLE, pos, "%s: %s", name, why);
	return SRC_NONE;
}

static uint32_t read_source(struct sources *sources, struct diag *diag, const struct srcpos *pos, const char *name,
			    int fd, size_t expected)
{
	size_t len;
	char *text = read_all(sources->arena, fd, expected, &len);

	if (!text)
		return refuse(diag, pos, name, strerror(errno));
	if (len > SOURCE_MAX_SIZE)
		return refuse(diag, pos, name, "larger than 16 MiB");
	return add_source(sources, name, text, len, begins_like_policy(text));
}

static uint32_t read_regular(struct sources *sources, struct diag *diag, const struct srcpos *pos, const char *path,
			     int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return refuse(diag, pos, path, strerror(errno));
	if (fs.f_type == PROC_SUPER_MAGIC)
		return refuse(diag, pos, path, "a file of procfs, which tells of processes and is no policy");
	if (S_ISDIR(st.st_mode))
		return refuse(diag, pos, path, strerror(EISDIR));
	if (!S_ISREG(st.st_mode))
		return refuse(diag, pos, path, "not a regular file");
	if (st.st_size > (off_t)SOURCE_MAX_SIZE)
		return refuse(diag, pos, path, "larger than 16 MiB");
	return read_source(sources, diag, pos, path, fd, (size_t)st.st_size);
}

uint32_t source_open_at(struct sources *sources, struct diag *diag, const struct srcpos *pos, const char *path)
{
	/* O_NONBLOCK: a FIFO must be refused, not waited for */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint32_t file;

	if (fd < 0)
		return refuse(diag, pos, path, strerror(errno));
	file = read_regular(sources, diag, pos, path, fd);
	close(fd);
	return file;
}

uint32_t source_open(struct sources *sources, struct diag *diag, const char *path)
{
	if (!strcmp(path, "-"))
		return read_source(sources, diag, NULL, "<stdin>", STDIN_FILENO, 65536);
	return source_open_at(sources, diag, NULL, path);
}

bool source_shown(const struct sources *sources, uint32_t file)
{
	return file < sources->count && sources->files[file].shown;
}

void source_show(struct sources *sources, uint32_t file)
{
	if (file < sources->count)
		sources->files[file].shown = true;
}

const char *source_name(const struct sources *sources, uint32_t file)
{
	return file < sources->count ? sources->files[file].name : NULL;
}

const char *source_text(const struct sources *sources, uint32_t file, size_t *len)
{
	if (file >= sources->count)
		return NULL;
	*len = sources->files[file].len;
	return sources->files[file].text;
}

static void add_line(struct arena *arena, struct source *f, size_t start)
{
	f->lines = arena_grow(arena, f->lines, &f->lines_cap, f->nlines + 1, sizeof(*f->lines));
	f->lines[f->nlines++] = start;
}

static void index_lines(struct arena *arena, struct source *f)
{
	/* A byte order mark is no part of line 1: column 1 is what an editor shows first. */
	add_line(arena, f, f->len >= 3 && !memcmp(f->text, "\xef\xbb\xbf", 3) ? 3 : 0);
	for (size_t at = f->lines[0]; at < f->len;) {
		const char *nl = memchr(f->text + at, '\n', f->len - at);

		if (!nl)
			break;
		at = (size_t)(nl - f->text) + 1;
		add_line(arena, f, at);
	}
}

const char *source_line(const struct sources *sources, uint32_t file, uint32_t line, size_t *len)
{
	struct source *f;
	size_t start, end;

	if (file >= sources->count || !line)
		return NULL;
	f = &sources->files[file];
	if (!f->nlines)
		index_lines(sources->arena, f);
	if (line > f->nlines)
		return NULL;
	start = f->lines[line - 1];
	end = line < f->nlines ? f->lines[line] - 1 : f->len;
	if (end > start && line < f->nlines && f->text[end - 1] == '\r')
		end--;
	*len = end - start;
	return f->text + start;
}
