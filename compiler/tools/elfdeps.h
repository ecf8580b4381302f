/* SPDX-License-Identifier: MIT */
/*
 * The closure of a program: every file that the kernel and the dynamic loader open before its main() runs, found from
 * the files alone. Nothing is executed. The rules are those of execve(2) (#! lines, PT_INTERP) and of the loader that
 * PT_INTERP names: glibc's (ld.so(8)), or musl's.
 *
 * What is opened later cannot be known from the files (dlopen(3), NSS, gconv, modules of Python): it is not followed,
 * and closure.warnings says so.
 */
#ifndef COMPILER_ELFDEPS_H
#define COMPILER_ELFDEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum closure_kind {
	CLOSURE_PROGRAM,
	CLOSURE_INTERPRETER, /* named by a #! line */
	CLOSURE_LOADER, /* named by PT_INTERP */
	CLOSURE_LIBRARY,
	CLOSURE_PRELOAD, /* named by /etc/ld.so.preload */
	CLOSURE_DATA, /* what the loader itself reads */
	CLOSURE_KINDS
};
extern const char *const closure_kind_names[CLOSURE_KINDS];

/* Landlock asks for EXECUTE when the kernel executes a file (program, interpreter, loader); mapping a library asks
 * for nothing, opening it for READ_FILE. */
enum { CLOSURE_READ = 1, CLOSURE_EXECUTE = 2 };

struct closure_entry {
	const char *real; /* absolute, without symbolic links; inside the sysroot */
	const char **names; /* as the kernel or the loader will open it, in order of discovery */
	size_t nnames, names_cap;
	enum closure_kind kind; /* the first row of the enum that holds */
	unsigned rights;
	const char *needed_by; /* who was first to ask for it, as opened; NULL: the caller */
	/* Not NULL: loaded by some processors only (a glibc-hwcaps directory, or $PLATFORM). The loader chooses when the
	 * program starts, so that every one that exists is here, and what all others load as well. */
	const char *variant;
	uint64_t dev, ino;
};

struct closure_missing {
	const char *name; /* as asked for: a soname, or a path */
	const char *needed_by; /* NULL: the caller */
	const char *why; /* "not found in …", "is not an ELF file", … */
};

struct closure_options {
	/* Resolve inside this directory: every path and every symbolic link means what it would mean after chroot(2).
	 * NULL: this system. */
	const char *sysroot;
	const char *path; /* directories for a bare name, ':' between; NULL or "": none are found */
	const char *library_path; /* what LD_LIBRARY_PATH will be; NULL: not set */
	/* Absolute; where relative paths start: of programs, of #! lines, of search directories. NULL: the working
	 * directory; with a sysroot, its root. Where a file names a relative directory, a warning says so. */
	const char *cwd;
	uint16_t machine; /* EM_*; 0: this machine's. 32-bit programs of the same family are let through */
};

struct closure {
	struct closure_entry *entries; /* in order of discovery, one per file */
	size_t nentries, entries_cap;
	struct closure_missing *missing;
	size_t nmissing, missing_cap;
	const char **warnings; /* no newline, each said once */
	size_t nwarnings, warnings_cap;
	const char *error; /* of closure_create() */
	struct closure_state *state;
};

enum closure_status {
	CLOSURE_OK,
	CLOSURE_INCOMPLETE, /* something it needs is missing: see closure.missing */
	CLOSURE_NOT_EXECUTABLE, /* exists, and execve(2) would fail; 126 for shells. The reason is the last of missing */
	CLOSURE_NOT_FOUND /* 127 for shells; likewise */
};

/*
 * An empty closure; it and all it will point to live in the arena, but closure_close() must be called. Never NULL;
 * closure.error is set when the sysroot cannot be used, and closure_add() then fails with CLOSURE_NOT_FOUND. The
 * options are copied.
 */
struct closure *closure_create(struct arena *arena, const struct closure_options *options);
/* Closes the sysroot. What was found stays readable as long as the arena. */
void closure_close(struct closure *closure);
/* Adds a program, its #! chain, its loader and its libraries: a path where the word holds a slash, else a name to look
 * up in options.path. Several programs may be added. */
enum closure_status closure_add(struct closure *closure, const char *program);
/* Whether there is such a path, an absolute one, inside the sysroot: 0, or an errno. */
int closure_stat(struct closure *closure, const char *path);
/* The SHA-256 of an entry's file, in hexadecimal; the closure must be open. False with errno, ESTALE when the file is not
 * the one that was found. */
enum { CLOSURE_HEX = 65 };
bool closure_digest(struct closure *closure, const struct closure_entry *entry, char hex[CLOSURE_HEX]);

#endif
