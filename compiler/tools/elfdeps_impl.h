/* SPDX-License-Identifier: MIT */
/*
 * Between the files of elfdeps: shebang.c, elf_read.c and ld_cache.c read one file each, ld_path.c, ld_system.c and
 * ld_search.c know where a loader looks, ld_load.c what it loads in which order, closure_fs.c opens files, elfdeps.c
 * adds it all up.
 */
#ifndef COMPILER_ELFDEPS_IMPL_H
#define COMPILER_ELFDEPS_IMPL_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "arena.h"
#include "elfdeps.h"

/* What no honest file exceeds: an end to the work that a hostile one can ask for. */
enum {
	MAX_OBJECTS = 2048, /* loaded into one program */
	MAX_NEEDED = 4096, /* by one object */
	MAX_NEEDED_ALL = 1 << 16, /* by all objects of one program */
	MAX_VARIANTS = 256, /* of one directory */
	MAX_DIRS = 4096, /* in one search path */
	MAX_PATH_TEXT = 1 << 20, /* bytes of one search path */
	PROBE_STEPS = 64, /* a file looked for costs as much as that many directories passed by */
	MAX_STEPS = 1 << 26, /* per closure_add() */
	MAX_TABLE = 64 << 20 /* bytes of a string table, of ld.so.cache */
};

/* ---- closure_fs.c: paths inside the sysroot ---- */

struct closure_state {
	struct arena *arena;
	struct closure_options options;
	int root; /* -1: no sysroot */
	char *root_path; /* as /proc shows it, "" for / */
	unsigned steps;
	struct ld_dir *dirs[1024]; /* see ld_path.c */
};

struct opened {
	int fd; /* O_PATH: opening a device or a FIFO for real has effects */
	struct stat st;
};

/* False and closure.error when the sysroot cannot be opened. */
bool fs_open_root(struct closure *closure);
/* An absolute path, below the root; 0, or an errno. On success the caller closes file->fd. */
int fs_open(struct closure *closure, const char *path, struct opened *file);
/* The same, and a regular file: NULL, or why not. */
const char *fs_open_file(struct closure *closure, const char *path, struct opened *file);
/* Have the kernel fetch the part of a library that elf_read() looks at. */
void fs_read_ahead(const struct opened *file);
/* A descriptor to read from, or -1 and errno. */
int fs_readable(const struct opened *file);
/* Without symbolic links; NULL and errno when /proc cannot tell. In the arena. */
const char *fs_real(struct closure *closure, const struct opened *file);
/* All of a file of at most `limit` bytes, in the arena; NULL: unreadable or larger. */
const unsigned char *fs_read(struct closure *closure, const struct opened *file, size_t limit, size_t *size);
/* An absolute path for one that may be relative. In the arena. */
const char *fs_anchor(const struct closure *closure, const char *path);

/* ---- shebang.c ---- */

enum { SHEBANG_BYTES = 256 }; /* BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h */

/*
 * The #! line in the first bytes of a file, as load_script() of fs/binfmt_script.c reads it; what the file does not
 * have is zero. False: the kernel would not run it. argument is "" when there is none, and else one word whatever it
 * holds.
 */
bool shebang_parse(const char head[SHEBANG_BYTES], char name[SHEBANG_BYTES], char argument[SHEBANG_BYTES]);
/* The program that env(1) runs, given the one argument of a #! line; NULL when that cannot be told. */
const char *shebang_env(const char *argument, char program[SHEBANG_BYTES]);

/* ---- elf_read.c ---- */

/* What a program may open by name while it runs, told by the functions it imports. */
enum elf_use { USE_DLOPEN, USE_NSS, USE_LOCALE, USE_TLS, USE_TTY, USES };

enum need_kind { NEED_LIBRARY, NEED_OPTIONAL /* DT_AUXILIARY: ignored by the loader when missing */ };

struct elf_need {
	const char *name;
	enum need_kind kind;
};

struct elf_object {
	uint16_t machine, type;
	unsigned char elf_class, data;
	const char *interp; /* NULL: none */
	const char *soname, *rpath, *runpath; /* NULL: none */
	struct elf_need *needed;
	size_t nneeded, needed_cap;
	bool no_default_dirs; /* DF_1_NODEFLIB */
	bool audited; /* DT_AUDIT or DT_DEPAUDIT */
	const char *uses[USES]; /* a function that tells, or NULL */
};

/* NULL, or why the file cannot be run or loaded. Strings are in the arena. The offset of fd may change. */
const char *elf_read(struct arena *arena, int fd, struct elf_object *out);

/* ---- ld_cache.c ---- */

struct ld_cache {
	const unsigned char *entries, *strings; /* NULL: none */
	size_t count, entry_size, strings_size;
};

struct ld_cache_hit {
	const char *path;
	bool variant; /* for some processors only */
};

/* An /etc/ld.so.cache in either format; false when it is none. The data must stay. */
bool ld_cache_open(struct ld_cache *cache, const unsigned char *data, size_t size, unsigned char elf_data);
/* The next entry for such a library at or after *at, which starts at 0. */
bool ld_cache_next(const struct ld_cache *cache, const char *name, const struct elf_object *program, size_t *at,
		   struct ld_cache_hit *hit);

/* ---- ld_search.c, ld_load.c ---- */

/* A directory of a search path, and the directories below it that some processors prefer. */
struct ld_dir {
	const char *path; /* no '/' at the end */
	bool looked_at, exists; /* ld_dir_exists() */
	const char **variants; /* relative to path */
	size_t nvariants, variants_cap;
	struct ld_dir *next; /* in the hash table */
};

struct ld_path {
	struct ld_dir **dirs;
	bool *conditional; /* expanded from $PLATFORM */
	size_t ndirs, dirs_cap, conditional_cap;
	bool ready;
};

struct ld_object {
	struct elf_object elf;
	const char *path; /* as opened */
	const char *origin; /* what $ORIGIN is */
	struct ld_object *loader; /* who was first to need it */
	const char **names; /* by which it was asked for */
	size_t nnames, names_cap;
	struct ld_path rpath, runpath;
	uint64_t dev, ino;
	bool unscanned; /* the loader: it needs nothing */
};

/* One program on its way to main(). */
struct ld_load {
	struct closure *closure;
	struct closure_state *state;
	bool musl;
	struct ld_object **objects; /* [0] the program, [1] its loader, then in the order of loading */
	size_t nobjects, objects_cap;
	struct ld_path library_path, system_path;
	struct ld_cache cache;
	const char *lib; /* what $LIB is */
};

struct ld_request {
	const char *name;
	struct ld_object *needed_by;
	enum closure_kind kind;
	bool ahead; /* the file is not read now: the kernel is to fetch it */
	bool found; /* by every processor */
	bool variant_found; /* by some */
	const char *why; /* nothing was found: what was met instead */
};

/* Steps of work; false: too many were made, and the answer would be a guess. */
bool ld_spend(struct ld_load *load, unsigned steps);
/* $ORIGIN, $LIB and one of the values of $PLATFORM put in; NULL: the loader drops it. *platform: tells whether there
 * was a $PLATFORM. */
const char *ld_expand(struct ld_load *load, const struct ld_object *object, const char *text, size_t len,
		      const char *platform, bool *conditional);
/* What $PLATFORM may be, NULL at the end. */
const char *const *ld_platforms(const struct ld_load *load);
/* A letter, a digit or '_'. */
bool ld_is_word(char c);
/* Fills a path from a list of directories, once. object: whose $ORIGIN it is; NULL: there are no tokens in it. */
struct ld_path *ld_make_path(struct ld_load *load, const struct ld_object *object, struct ld_path *path,
			     const char *text, const char *separators);
/* Is it there? Its variants are known afterwards. Most directories are never asked about: the cache has the library. */
bool ld_dir_exists(struct ld_load *load, struct ld_dir *dir);
void ld_add_dir(struct ld_load *load, struct ld_path *path, const char *text, bool conditional);
/* What every program of musl finds in the loader itself: libc.so, libpthread.so.0, … */
bool ld_musl_builtin(const char *name);
/* `add` to a list of strings, once. */
void ld_add_string(struct arena *arena, const char ***list, size_t *count, size_t *cap, const char *add);

/* Where the loader looks by default, its cache; to be called when objects[0] and [1] are there. */
void ld_search_begin(struct ld_load *load);
/* Every file that the loader may take is tried with ld_try(), in its order. */
void ld_search(struct ld_load *load, struct ld_request *request);

enum ld_found { LD_NOT_HERE, LD_FOUND, LD_BROKEN };
/* Load a file if the loader would; variant: see closure_entry. */
enum ld_found ld_try(struct ld_load *load, struct ld_request *request, const char *path, const char *variant);
/* Everything that a program with PT_INTERP loads. `file` stays the caller's. False: something is missing. */
bool ld_load_program(struct closure *closure, const struct opened *file, const struct elf_object *elf,
		     const char *path, const char *real);

/* ---- elfdeps.c: results ---- */

/* An entry for the file, or more rights and names for one that is there. False: its path cannot be told. */
bool closure_note(struct closure *closure, const struct opened *file, const char *name, enum closure_kind kind,
		  const char *needed_by, const char *variant);
void closure_miss(struct closure *closure, const char *name, const char *needed_by, const char *why);
void closure_warn(struct closure *closure, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether two kinds of ELF file belong to one process. */
bool elf_same_machine(const struct elf_object *a, const struct elf_object *b);

#endif
