/* SPDX-License-Identifier: MIT */
/*
 * The closure of a program, in trees of made-up ELF files (a sysroot each); #! lines against the running kernel;
 * ld.so.cache; damaged files. That real programs get what the real loader says is tests/elfdeps.bats.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elfdeps_impl.h"
#include "mkelf.h"
#include "tap.h"

static char root[] = "/tmp/elfdeps-test.XXXXXX";

/* ---- trees ---- */

struct file {
	const char *path;
	enum { FILE_END, FILE_ELF, FILE_TEXT, FILE_LINK, FILE_FIFO } what;
	struct mkelf elf;
	const char *text; /* content, or what the link says */
	mode_t mode; /* 0: 0755 */
};

struct test {
	const char *name;
	struct file files[12];
	/* Entries "KIND:REAL" (P I L l p d, '*' behind the kind of a variant) and "!NAME<NEEDED_BY", in order; the
	 * loader every glibc program has, and the program itself, are left out. */
	const char *want;
	const char *says; /* part of a warning or of a reason; NULL: no warning at all */
	const char *library_path, *program; /* NULL: not set; "/p" */
	enum closure_status status;
};

#define LOADER "/lib64/ld.so"
/* clang-format off */
#define PROGRAM(...) { "/p", FILE_ELF, .elf = { .interp = LOADER, __VA_ARGS__ } }
#define LIB(path, ...) { path, FILE_ELF, .elf = { __VA_ARGS__ } }
#define UNEXECUTABLE(path) { path, FILE_ELF, .mode = 0644 }
#define TEXT(path, text_) { path, FILE_TEXT, .text = text_ }
#define LINK(path, text_) { path, FILE_LINK, .text = text_ }
/* clang-format on */
#define MUSL "/lib/ld-musl-x86_64.so.1"

static const struct test tests[] = {
	{"default directories, breadth first",
	 {PROGRAM(.needed = {"a.so", "b.so"}), LIB("/usr/lib/a.so", .needed = {"c.so"}), LIB("/lib/b.so"),
	  LIB("/usr/lib64/c.so")},
	 .want = "l:/usr/lib/a.so l:/lib/b.so l:/usr/lib64/c.so"},
	{"multi-arch directories come first",
	 {PROGRAM(.needed = {"a.so"}), LIB("/usr/lib/x86_64-linux-gnu/a.so"), LIB("/usr/lib/a.so")},
	 .want = "l:/usr/lib/x86_64-linux-gnu/a.so"},
	{"libraries that need each other",
	 {PROGRAM(.needed = {"a.so"}), LIB("/lib/a.so", .needed = {"b.so"}), LIB("/lib/b.so", .needed = {"a.so"})},
	 .want = "l:/lib/a.so l:/lib/b.so"},
	{"what is missing, and who needs it",
	 {PROGRAM(.needed = {"a.so"}), LIB("/lib/a.so", .needed = {"gone.so"})},
	 .want = "l:/lib/a.so !gone.so</lib/a.so",
	 .says = "not found in",
	 .status = CLOSURE_INCOMPLETE},
	{"DT_RPATH holds for what libraries need",
	 {PROGRAM(.needed = {"a.so"}, .rpath = "/opt"), LIB("/opt/a.so", .needed = {"b.so"}), LIB("/opt/b.so")},
	 .want = "l:/opt/a.so l:/opt/b.so"},
	{"DT_RUNPATH holds for its own object only",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/opt"), LIB("/opt/a.so", .needed = {"b.so"}), LIB("/opt/b.so")},
	 .want = "l:/opt/a.so !b.so</opt/a.so",
	 .says = "not found",
	 .status = CLOSURE_INCOMPLETE},
	{"DT_RPATH beside DT_RUNPATH is nothing",
	 {PROGRAM(.needed = {"a.so"}, .rpath = "/r", .runpath = "/u"), LIB("/r/a.so"), LIB("/u/a.so")},
	 .want = "l:/u/a.so"},
	{"DT_RPATH of the program does not serve a library with DT_RUNPATH",
	 {PROGRAM(.needed = {"a.so"}, .rpath = "/r"), LIB("/r/a.so", .needed = {"b.so"}, .runpath = "/u"),
	  LIB("/r/b.so"), LIB("/lib/b.so")},
	 .want = "l:/r/a.so l:/lib/b.so"},
	{"DT_RPATH before LD_LIBRARY_PATH before DT_RUNPATH",
	 {PROGRAM(.needed = {"a.so", "b.so"}, .rpath = "/r"), LIB("/r/a.so", .needed = {"c.so"}, .runpath = "/u"),
	  LIB("/e/a.so"), LIB("/e/b.so"), LIB("/lib/b.so"), LIB("/u/c.so"), LIB("/e/c.so")},
	 .want = "l:/r/a.so l:/e/b.so l:/e/c.so",
	 .library_path = "/none:/e"},
	{"a name that is loaded already is not looked for",
	 {PROGRAM(.needed = {"b.so", "a.so"}, .runpath = "/u"), LIB("/u/b.so"), LIB("/lib/a.so", .needed = {"b.so"}),
	  LIB("/lib/b.so")},
	 .want = "l:/u/b.so l:/lib/a.so"},
	{"a DT_SONAME that is loaded already is not looked for",
	 {PROGRAM(.needed = {"/u/x.so", "a.so"}), LIB("/u/x.so", .soname = "b.so.1"),
	  LIB("/lib/a.so", .needed = {"b.so.1"})},
	 .want = "l:/u/x.so l:/lib/a.so"},
	{"$ORIGIN is where the program really is, and where a library was found",
	 {LIB("/real/bin/q", .interp = LOADER, .needed = {"a.so"}, .runpath = "$ORIGIN/../lib"),
	  LINK("/p", "real/bin/q"), LINK("/real/lib", "/store"),
	  LIB("/store/a.so", .needed = {"b.so"}, .runpath = "${ORIGIN}/sub"), LIB("/store/sub/b.so")},
	 .want = "l:/store/a.so l:/store/sub/b.so"},
	{"$ORIGIN in DT_NEEDED", {PROGRAM(.needed = {"$ORIGIN/x/a.so"}), LIB("/x/a.so")}, .want = "l:/x/a.so"},
	{"what only looks like $ORIGIN",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/$ORIGINS:/${ORIGIN:/$"), LIB("/$ORIGINS/a.so")},
	 .want = "l:/$ORIGINS/a.so"},
	{"$LIB is the first of the loader's directories",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/opt/$LIB"), LIB("/opt/lib/x86_64-linux-gnu/a.so")},
	 .want = "l:/opt/lib/x86_64-linux-gnu/a.so"},
	{"every $PLATFORM that exists",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/opt/${PLATFORM}"), LIB("/opt/haswell/a.so"),
	  LIB("/opt/x86_64/a.so"), LIB("/lib/a.so")},
	 .want = "l*:/opt/x86_64/a.so l*:/opt/haswell/a.so l:/lib/a.so"},
	{"every glibc-hwcaps directory, and the file for all others",
	 {PROGRAM(.needed = {"a.so"}), LIB("/usr/lib/glibc-hwcaps/x86-64-v3/a.so", .needed = {"m.so"}),
	  LIB("/usr/lib/glibc-hwcaps/x86-64-v2/a.so"), LIB("/usr/lib/a.so"), LIB("/lib/m.so")},
	 .want = "l*:/usr/lib/glibc-hwcaps/x86-64-v2/a.so l*:/usr/lib/glibc-hwcaps/x86-64-v3/a.so l:/usr/lib/a.so "
		 "l:/lib/m.so"},
	{"directories of processors before glibc 2.37",
	 {PROGRAM(.needed = {"a.so"}), LIB("/usr/lib/tls/haswell/a.so"), LIB("/usr/lib/a.so")},
	 .want = "l*:/usr/lib/tls/haswell/a.so l:/usr/lib/a.so"},
	{"a library for some processors only",
	 {PROGRAM(.needed = {"a.so"}), LIB("/usr/lib/glibc-hwcaps/x86-64-v3/a.so")},
	 .want = "l*:/usr/lib/glibc-hwcaps/x86-64-v3/a.so",
	 .says = "some processors only"},
	{"-z nodeflib",
	 {PROGRAM(.needed = {"a.so"}, .flags_1 = DF_1_NODEFLIB), LIB("/lib/a.so")},
	 .want = "!a.so</p",
	 .says = "not found",
	 .status = CLOSURE_INCOMPLETE},
	{"a file for another architecture is passed by",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/u"), LIB("/u/a.so", .machine = EM_AARCH64), LIB("/lib/a.so")},
	 .want = "l:/lib/a.so"},
	{"nothing but a file for another architecture",
	 {PROGRAM(.needed = {"a.so"}), LIB("/lib/a.so", .machine = EM_AARCH64)},
	 .want = "!a.so</p",
	 .says = "/lib/a.so: is for another architecture",
	 .status = CLOSURE_INCOMPLETE},
	{"a file that is no library ends the search, as in the loader",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "/u"), TEXT("/u/a.so", "GROUP ( libc.so.6 )\n"), LIB("/lib/a.so")},
	 .want = "!a.so</p",
	 .says = "/u/a.so: is not an ELF file",
	 .status = CLOSURE_INCOMPLETE},
	{"a FIFO is not opened",
	 {PROGRAM(.needed = {"a.so"}), {"/lib/a.so", .what = FILE_FIFO}},
	 .want = "!a.so</p",
	 .says = "not a regular file",
	 .status = CLOSURE_INCOMPLETE},
	{"links that lead to each other",
	 {PROGRAM(.needed = {"a.so"}), LINK("/lib/a.so", "b.so"), LINK("/lib/b.so", "a.so")},
	 .want = "!a.so</p",
	 .says = "Too many levels",
	 .status = CLOSURE_INCOMPLETE},
	{"links stay inside the sysroot",
	 {PROGRAM(.needed = {"a.so", "b.so"}), LINK("/lib/a.so", "/opt/a.so.1"),
	  LINK("/lib/b.so", "../../../../../../../../opt/b.so.1"), LIB("/opt/a.so.1"), LIB("/opt/b.so.1")},
	 .want = "l:/opt/a.so.1 l:/opt/b.so.1"},
	{"a link out of the sysroot leads nowhere",
	 {PROGRAM(.needed = {"a.so"}), LINK("/lib/a.so", "/proc/self/exe")},
	 .want = "!a.so</p",
	 .says = "not found",
	 .status = CLOSURE_INCOMPLETE},
	{"/etc/ld.so.preload",
	 {PROGRAM(.needed = {"a.so"}), LIB("/lib/a.so"), LIB("/lib/q.so", .needed = {"r.so"}), LIB("/lib/r.so"),
	  TEXT("/etc/ld.so.preload", "# no.so\n/lib/q.so:gone.so # no.so\n")},
	 .want = "d:/etc/ld.so.preload p:/lib/q.so l:/lib/a.so l:/lib/r.so",
	 .says = "goes on without it"},
	{"an auxiliary filter may be missing",
	 {PROGRAM(.auxiliary = "gone.so")},
	 .want = "",
	 .says = "goes on without it"},
	{"a relative search directory",
	 {PROGRAM(.needed = {"a.so"}, .runpath = "x"), LIB("/x/a.so")},
	 .want = "l:/x/a.so",
	 .says = "depends on"},
	{"an ld.so.cache that is none",
	 {PROGRAM(), TEXT("/etc/ld.so.cache", "glibc-ld.so.cache")},
	 .want = "d:/etc/ld.so.cache",
	 .says = "not used"},
	{"imports that tell of files to come",
	 {PROGRAM(.needed = {"a.so"}, .imports = {"setlocale", "xsetlocale"}),
	  LIB("/lib/a.so", .imports = {"getaddrinfo"})},
	 .want = "l:/lib/a.so",
	 .says = "(getaddrinfo of a.so, setlocale of p); if it does, add --with nss,locale"},
	{"dlopen", {PROGRAM(.imports = {"dlopen"})}, .want = "", .says = "(dlopen of p)"},
	{"the loader's own list of directories",
	 {LIB("/p", .interp = "/lib/l", .needed = {"a.so", "b.so"}, .runpath = "/opt/$LIB"),
	  LIB("/lib/l", .imports = {"/x/lib/", "/y/lib64/"}), LIB("/lib/a.so"), LIB("/y/lib64/a.so"),
	  LIB("/opt/lib/b.so")},
	 .want = "L:/lib/l l:/y/lib64/a.so l:/opt/lib/b.so"},
	{"one file by two names",
	 {PROGRAM(.needed = {"a.so", "b.so"}), LIB("/opt/x"), LINK("/lib/a.so", "/opt/x"),
	  LINK("/lib/b.so", "/opt/x")},
	 .want = "l:/opt/x"},
	{"a static program, whatever it says it needs",
	 {LIB("/p", .type = ET_EXEC, .needed = {"a.so"}), LIB("/lib/a.so")},
	 .want = ""},
	{"no loader",
	 {LIB("/p", .interp = "/lib/none")},
	 .want = "!/lib/none</p",
	 .says = "not found",
	 .status = CLOSURE_INCOMPLETE},
	{"a loader that cannot be executed",
	 {LIB("/p", .interp = "/lib/l"), UNEXECUTABLE("/lib/l")},
	 .want = "!/lib/l</p",
	 .says = "is not executable",
	 .status = CLOSURE_INCOMPLETE},
	{"a program for another architecture",
	 {LIB("/p", .machine = EM_AARCH64)},
	 .want = "!/p",
	 .says = "another architecture",
	 .status = CLOSURE_NOT_EXECUTABLE},
	{"an object file",
	 {LIB("/p", .type = ET_REL)},
	 .want = "!/p",
	 .says = "cannot be run",
	 .status = CLOSURE_NOT_EXECUTABLE},
	{"no program", {LIB("/q")}, .want = "!/p", .says = "not found", .status = CLOSURE_NOT_FOUND},
	{"a program without x",
	 {UNEXECUTABLE("/p")},
	 .want = "!/p",
	 .says = "is not executable",
	 .status = CLOSURE_NOT_EXECUTABLE},
	{"a text without #!",
	 {TEXT("/p", "echo\n")},
	 .want = "!/p",
	 .says = "neither",
	 .status = CLOSURE_NOT_EXECUTABLE},
	{"an empty file", {TEXT("/p", "")}, .want = "!/p", .says = "neither", .status = CLOSURE_NOT_EXECUTABLE},
	/* PATH is /bin1:/bin2 */
	{"PATH: a file without x is passed by",
	 {UNEXECUTABLE("/bin1/t"), LIB("/bin2/t")},
	 .want = "P:/bin2/t",
	 .program = "t"},
	{"PATH: nothing but a file without x",
	 {UNEXECUTABLE("/bin1/t")},
	 .want = "!/bin1/t",
	 .says = "is not executable",
	 .program = "t",
	 .status = CLOSURE_NOT_EXECUTABLE},
	{"PATH: not found", {LIB("/t")}, .want = "!t", .says = "PATH", .program = "t", .status = CLOSURE_NOT_FOUND},
	{"an empty word", {LIB("/t")}, .want = "!", .says = "PATH", .program = "", .status = CLOSURE_NOT_FOUND},
	{"a script",
	 {TEXT("/p", "#! /bin2/i -x\n"), LIB("/bin2/i", .interp = LOADER, .needed = {"a.so"}), LIB("/lib/a.so")},
	 .want = "I:/bin2/i l:/lib/a.so"},
	{"five #! lines in a row",
	 {TEXT("/p", "#!/2\n"), TEXT("/2", "#!/3\n"), TEXT("/3", "#!/4\n"), TEXT("/4", "#!/5\n"),
	  TEXT("/5", "#!/6\n"), LIB("/6")},
	 .want = "I:/2 I:/3 I:/4 I:/5 I:/6"},
	{"six #! lines in a row",
	 {TEXT("/p", "#!/2\n"), TEXT("/2", "#!/3\n"), TEXT("/3", "#!/4\n"), TEXT("/4", "#!/5\n"),
	  TEXT("/5", "#!/6\n"), TEXT("/6", "#!/7\n"), LIB("/7")},
	 .want = "I:/2 I:/3 I:/4 I:/5 I:/6 !/6</5",
	 .says = "more #! lines",
	 .status = CLOSURE_INCOMPLETE},
	{"a script that is its own interpreter",
	 {TEXT("/p", "#!/p\n")},
	 .want = "!/p</p",
	 .says = "more #! lines",
	 .status = CLOSURE_INCOMPLETE},
	{"an interpreter that is missing",
	 {TEXT("/p", "#!/no/such\n")},
	 .want = "!/no/such</p",
	 .says = "not found",
	 .status = CLOSURE_INCOMPLETE},
	{"env",
	 {TEXT("/p", "#!/bin1/env t\n"), LIB("/bin1/env"), TEXT("/bin2/t", "#!/bin2/i\n"), LIB("/bin2/i")},
	 .want = "I:/bin1/env I:/bin2/t I:/bin2/i"},
	{"env -S",
	 {TEXT("/p", "#!/bin1/env -S -i A=b t -x\n"), LIB("/bin1/env"), LIB("/bin2/t")},
	 .want = "I:/bin1/env I:/bin2/t"},
	{"env with two words and no -S",
	 {TEXT("/p", "#!/bin1/env t -x\n"), LIB("/bin1/env"), LIB("/bin2/t")},
	 .want = "I:/bin1/env !t -x</p",
	 .says = "PATH",
	 .status = CLOSURE_INCOMPLETE},
	{"env that leads back",
	 {TEXT("/p", "#!/bin1/env t\n"), LIB("/bin1/env"), TEXT("/bin2/t", "#!/bin1/env t\n")},
	 .want = "I:/bin1/env I:/bin2/t !t</bin2/t",
	 .says = "without end",
	 .status = CLOSURE_INCOMPLETE},
	{"env and a variable",
	 {TEXT("/p", "#!/bin1/env -S ${X}\n"), LIB("/bin1/env")},
	 .want = "I:/bin1/env",
	 .says = "cannot be told"},
	{"an interpreter of scripts",
	 {TEXT("/p", "#!/bin1/python3.11\n"), LIB("/bin1/python3.11")},
	 .want = "I:/bin1/python3.11",
	 .says = "modules cannot be known"},
	/* musl */
	{"musl: path file, libc is the loader",
	 {LIB("/p", .interp = MUSL, .needed = {"libc.so", "a.so", "libpthread.so.0", "libc.musl-x86_64.so.1"}),
	  LIB(MUSL), TEXT("/etc/ld-musl-x86_64.path", "/none\n/m\n"), LIB("/m/a.so"), LIB("/lib/a.so")},
	 .want = "L:" MUSL " d:/etc/ld-musl-x86_64.path l:/m/a.so"},
	{"musl: default directories, no hwcaps, no preload",
	 {LIB("/p", .interp = MUSL, .needed = {"a.so"}), LIB(MUSL), LIB("/usr/local/lib/a.so"), LIB("/usr/lib/a.so"),
	  LIB("/usr/local/lib/glibc-hwcaps/x86-64-v2/a.so"), TEXT("/etc/ld.so.preload", "a.so")},
	 .want = "L:" MUSL " l:/usr/local/lib/a.so"},
	{"musl: LD_LIBRARY_PATH first, DT_RUNPATH inherited",
	 {LIB("/p", .interp = MUSL, .needed = {"a.so", "b.so"}, .runpath = "/u"), LIB(MUSL),
	  LIB("/u/a.so", .needed = {"c.so"}), LIB("/u/b.so"), LIB("/e/b.so"), LIB("/u/c.so")},
	 .want = "L:" MUSL " l:/u/a.so l:/e/b.so l:/u/c.so",
	 .library_path = "/e"},
	{"musl: another architecture ends the search, $LIB is not known",
	 {LIB("/p", .interp = MUSL, .needed = {"a.so", "b.so"}, .runpath = "/u/$LIB"), LIB(MUSL),
	  LIB("/lib/a.so", .machine = EM_386), LIB("/usr/lib/a.so"), LIB("/u/lib/b.so"), LIB("/u/$LIB/b.so")},
	 .want = "L:" MUSL " !a.so</p !b.so</p",
	 .says = "another architecture",
	 .status = CLOSURE_INCOMPLETE},
	{"musl: another prefix",
	 {LIB("/p", .interp = "/opt/m/lib/ld-musl-x86_64.so.1", .needed = {"a.so"}),
	  LIB("/opt/m/lib/ld-musl-x86_64.so.1"), TEXT("/opt/m/etc/ld-musl-x86_64.path", "/m"), LIB("/m/a.so")},
	 .want = "L:/opt/m/lib/ld-musl-x86_64.so.1 d:/opt/m/etc/ld-musl-x86_64.path l:/m/a.so"},
};

static void must(bool worked, const char *what)
{
	if (worked)
		return;
	perror(what);
	exit(1);
}

static void write_file(const char *path, const void *data, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size && !fchmod(fd, mode) && !close(fd), path);
}

static void make_file(const char *tree, const struct file *file)
{
	mode_t mode = file->mode ? file->mode : 0755;
	unsigned char *data;
	char path[512];
	size_t size;

	snprintf(path, sizeof(path), "%s%s", tree, file->path);
	for (char *slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		must(!mkdir(path, 0755) || errno == EEXIST, path);
	}
	switch (file->what) {
	case FILE_ELF:
		data = mkelf(&file->elf, &size);
		write_file(path, data, size, mode);
		free(data);
		break;
	case FILE_TEXT:
		write_file(path, file->text, strlen(file->text), mode);
		break;
	case FILE_LINK:
		must(!symlink(file->text, path), path);
		break;
	case FILE_FIFO:
		must(!mkfifo(path, mode), path);
		break;
	case FILE_END:
		break;
	}
}

static char *describe(struct arena *arena, const struct closure *closure)
{
	char *text = arena_strdup(arena, "");

	for (size_t i = 0; i < closure->nentries; i++) {
		const struct closure_entry *e = &closure->entries[i];

		if (!strcmp(e->real, LOADER) ||
		    (e->kind == CLOSURE_PROGRAM && !strcmp(e->real, e->names[0]) && !strcmp(e->real, "/p")) ||
		    !strcmp(e->real, "/real/bin/q"))
			continue;
		text = arena_printf(arena, "%s%s%c%s:%s", text, *text ? " " : "", "PILlpd"[e->kind],
				    e -> variant ? "*" : "", e->real);
	}
	for (size_t i = 0; i < closure->nmissing; i++) {
		const struct closure_missing *m = &closure->missing[i];

		text = arena_printf(arena, "%s%s!%s%s%s", text, *text ? " " : "", m->name, m->needed_by ? "<" : "",
				    m->needed_by ? m->needed_by : "");
	}
	return text;
}

static bool says(const struct closure *closure, const char *part)
{
	if (!part)
		return !closure->nwarnings;
	for (size_t i = 0; i < closure->nwarnings; i++)
		if (strstr(closure->warnings[i], part))
			return true;
	for (size_t i = 0; i < closure->nmissing; i++)
		if (strstr(closure->missing[i].why, part))
			return true;
	return false;
}

static bool rights_hold(const struct closure *closure)
{
	for (size_t i = 0; i < closure->nentries; i++) {
		const struct closure_entry *e = &closure->entries[i];

		if (e->rights != (e->kind <= CLOSURE_LOADER ? CLOSURE_READ | CLOSURE_EXECUTE : CLOSURE_READ))
			return false;
	}
	return true;
}

static void run_test(const struct test *test, size_t number)
{
	const struct file loader = LIB(LOADER, .soname = "ld.so");
	struct arena *arena = arena_create();
	const char *tree = arena_printf(arena, "%s/%zu", root, number), *got;
	struct closure_options options = {
		.sysroot = tree, .path = "/bin1:/bin2", .library_path = test->library_path, .machine = EM_X86_64};
	enum closure_status status;
	struct closure *closure;

	must(!mkdir(tree, 0755), tree);
	make_file(tree, &loader);
	for (const struct file *file = test->files; file->what != FILE_END; file++)
		make_file(tree, file);
	closure = closure_create(arena, &options);
	status = closure_add(closure, test->program ? test->program : "/p");
	closure_close(closure);
	got = describe(arena, closure);
	if (!tap_ok(!strcmp(got, test->want) && status == test->status && says(closure, test->says) &&
			    rights_hold(closure),
		    "%s", test->name)) {
		tap_note("want %d %s", (int)test->status, test->want);
		tap_note("got  %d %s", (int)status, got);
		for (size_t i = 0; i < closure->nwarnings; i++)
			tap_note("%s", closure->warnings[i]);
		for (size_t i = 0; i < closure->nmissing; i++)
			tap_note("%s", closure->missing[i].why);
	}
	arena_destroy(&arena);
}

/* ---- #! lines, as the kernel of this machine reads them ---- */

struct line {
	const char *before; /* then `fill` bytes of `with`, then after */
	size_t fill;
	char with;
	const char *after;
};

static const struct line lines[] = {
	{"#!/bin/echo\n", 0, 0, ""},
	{"#!/bin/echo", 0, 0, ""},
	{"#! \t /bin/echo \t \n", 0, 0, ""},
	{"#!/bin/echo a\n", 0, 0, ""},
	{"#!/bin/echo a b  c \t\nx", 0, 0, ""},
	{"#!/bin/echo\ta", 0, 0, ""},
	{"#!\n", 0, 0, ""},
	{"#!", 0, 0, ""},
	{"#! \n", 0, 0, ""},
	{"#!  ", 0, 0, ""},
	{"#", 0, 0, ""},
	{"#!", 240, ' ', "/bin/echo\n"},
	{"#!", 244, ' ', "/bin/echo\n"},
	{"#!", 245, ' ', "/bin/echo\n"},
	{"#!", 246, ' ', "/bin/echo a\n"},
	{"#!", 253, ' ', "/bin/echo\n"},
	{"#!", 254, ' ', "/bin/echo\n"},
	{"#!", 300, ' ', "/bin/echo\n"},
	{"#!/bin/echo ", 300, 'a', "\n"},
	{"#!/bin/echo ", 300, ' ', "a\n"},
	{"#!/bin/", 300, 'e', "\n"},
	{"#!", 10000, 'x', "\n"},
	{"#!/bin/echo\r", 0, 0, "\n"},
	{"#!/bin/echo a\n#!/bin/false", 0, 0, ""},
};

/* Output of a script, or "errno N". */
static void execute(const char *script, char *out, size_t size)
{
	int ends[2], status;
	ssize_t n, got = 0;
	pid_t child;

	must(!pipe(ends), "pipe");
	child = fork();
	if (child == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		execl(script, script, (char *)NULL);
		dprintf(1, "errno %d", errno);
		_exit(1);
	}
	close(ends[1]);
	while ((n = read(ends[0], out + got, size - 1 - (size_t)got)) > 0)
		got += n;
	out[got] = 0;
	close(ends[0]);
	waitpid(child, &status, 0);
}

static void test_line(const struct line *line, size_t number)
{
	char script[64], want[1024], got[1024], name[SHEBANG_BYTES], argument[SHEBANG_BYTES],
		head[SHEBANG_BYTES] = {0};
	size_t before = strlen(line->before), after = strlen(line->after), size = before + line->fill + after;
	char *text = malloc(size + 1);

	must(text, "malloc");
	memcpy(text, line->before, before);
	memset(text + before, line->with, line->fill);
	memcpy(text + before + line->fill, line->after, after);
	snprintf(script, sizeof(script), "%s/line%zu", root, number);
	write_file(script, text, size, 0755);
	memcpy(head, text, size < sizeof(head) ? size : sizeof(head));
	if (!shebang_parse(head, name, argument))
		snprintf(want, sizeof(want), "errno %d", ENOEXEC);
	else if (strcmp(name, "/bin/echo"))
		/* no name at all is the working directory */
		snprintf(want, sizeof(want), "errno %d", *name ? ENOENT : EACCES);
	else
		snprintf(want, sizeof(want), "%s%s%s\n", argument, *argument ? " " : "", script);
	execute(script, got, sizeof(got));
	if (!tap_ok(!strcmp(got, want), "#! line %zu: as the kernel reads it", number))
		tap_note("kernel: %s, we: %s", got, want);
	free(text);
}

static void test_depth(unsigned scripts, bool runs)
{
	char path[64], text[80], got[256];

	for (unsigned i = 0; i < scripts; i++) {
		snprintf(path, sizeof(path), "%s/depth%u-%u", root, scripts, i);
		if (i + 1 < scripts)
			snprintf(text, sizeof(text), "#!%s/depth%u-%u\n", root, scripts, i + 1);
		else
			snprintf(text, sizeof(text), "#!/bin/echo\n");
		write_file(path, text, strlen(text), 0755);
	}
	snprintf(path, sizeof(path), "%s/depth%u-0", root, scripts);
	execute(path, got, sizeof(got));
	snprintf(text, sizeof(text), "errno %d", ELOOP);
	if (!tap_ok(runs != !strcmp(got, text), "the kernel %s %u #! lines in a row",
		    runs ? "follows" : "does not follow", scripts))
		tap_note("%s", got);
}

static const struct {
	const char *argument, *program;
} envs[] = {
	{"python3", "python3"},
	{"python3 -u", "python3 -u"},
	{"-S python3 -u", "python3"},
	{"-Spython3", "python3"},
	{"-vS a", "a"},
	{"--split-string=a b", "a"},
	{"-S -u X -C / A=b c", "c"},
	{"-S -uX c", "c"},
	{"-S \"a b\" c", "a b"},
	{"-S a\\ b", "a b"},
	{"-S 'a'b", "ab"},
	{"-S -- a", "a"},
	{"-S - a", "a"},
	{"-S A=b -x", "-x"},
	{"-S ${A}", NULL},
	{"-S # a", NULL},
	{"-S", NULL},
	{"", NULL},
	{"-i", NULL},
	{"A=b", NULL},
	{"-S 'a", NULL},
	{"-S -u", NULL},
	{"-S '$a'", "$a"},
};

static void test_envs(void)
{
	char word[SHEBANG_BYTES];

	for (size_t i = 0; i < sizeof(envs) / sizeof(*envs); i++) {
		const char *got = shebang_env(envs[i].argument, word);

		if (!tap_ok(got && envs[i].program ? !strcmp(got, envs[i].program) : !got && !envs[i].program,
			    "env %s", envs[i].argument))
			tap_note("%s", got ? got : "none");
	}
}

/* ---- damaged ELF files ---- */

static const struct mkelf sample = {.interp = LOADER,
				    .needed = {"a.so", "b.so"},
				    .soname = "s",
				    .rpath = "/r",
				    .runpath = "/u",
				    .auxiliary = "x",
				    .imports = {"dlopen"}};

static const char *read_bytes(int fd, const unsigned char *data, size_t size, struct arena *arena,
			      struct elf_object *out)
{
	must(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size, "memfd");
	return elf_read(arena, fd, out);
}

static void test_truncated(int fd)
{
	struct arena *arena = arena_create();
	struct elf_object out;
	unsigned char *data;
	size_t size, accepted = 0;

	data = mkelf(&sample, &size);
	tap_ok(!read_bytes(fd, data, size, arena, &out) && out.nneeded == 3 && !strcmp(out.needed[1].name, "b.so") &&
		       !strcmp(out.interp, LOADER) && !strcmp(out.runpath, "/u") && out.uses[USE_DLOPEN],
	       "an ELF file is read");
	/* the last entry is DT_NULL, which nobody misses */
	for (size_t cut = 0; cut < size - sizeof(Elf64_Dyn); cut++)
		accepted += !read_bytes(fd, data, cut, arena, &out);
	tap_ok(accepted == 0, "cut at every one of %zu bytes: refused (%zu accepted)", size, accepted);
	free(data);
	arena_destroy(&arena);
}

static void test_flipped(int fd)
{
	static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct arena *arena = arena_create();
	struct elf_object out;
	unsigned char *data;
	size_t size, refused = 0;

	data = mkelf(&sample, &size);
	for (size_t i = 0; i < size; i++)
		for (size_t v = 0; v < sizeof(values); v++) {
			unsigned char old = data[i];

			data[i] = values[v];
			refused += read_bytes(fd, data, size, arena, &out) != NULL;
			data[i] = old;
		}
	tap_ok(refused > 0, "every byte changed to %zu values: no crash, %zu files refused", sizeof(values), refused);
	free(data);
	arena_destroy(&arena);
}

/* ---- ld.so.cache ---- */

struct cache_row {
	uint32_t flags;
	const char *name, *path;
	uint64_t hwcap;
};

static const struct cache_row cache_rows[] = {
	{0x303, "a.so", "/x/glibc-hwcaps/x86-64-v3/a.so", 1ULL << 62},
	{0x303, "a.so", "/x/a.so", 0},
	{0x003, "a.so", "/lib32/a.so", 0},
	{0x303, "ab.so", "/x/ab.so", 0},
	{0x303, "rel.so", "rel.so", 0},
};
enum { ROWS = sizeof(cache_rows) / sizeof(*cache_rows) };

static size_t cache_put(unsigned char *data, size_t at, const void *from, size_t size)
{
	memcpy(data + at, from, size);
	return at + size;
}

/* One of the two formats at `begin`; offsets of strings count from there, or from behind the entries. */
static size_t make_cache(unsigned char *data, size_t begin, bool new_format, const char *suffix)
{
	size_t header = new_format ? 48 : 16, entry = new_format ? 24 : 12, strings = begin + header + ROWS * entry;
	size_t base = new_format ? begin : strings, end = strings, length = strlen(suffix) + 1;
	uint32_t count = ROWS;

	memcpy(data + begin, new_format ? "glibc-ld.so.cache1.1" : "ld.so-1.7.0", new_format ? 20 : 11);
	memcpy(data + begin + (new_format ? 20 : 12), &count, 4);
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t words[3] = {cache_rows[i].flags, (uint32_t)(end - base), 0};

		end = cache_put(data, end, cache_rows[i].name, strlen(cache_rows[i].name) + 1);
		words[2] = (uint32_t)(end - base);
		end = cache_put(data, end, cache_rows[i].path, strlen(cache_rows[i].path));
		end = cache_put(data, end, suffix, length);
		memcpy(data + begin + header + i * entry, words, sizeof(words));
		if (new_format)
			memcpy(data + begin + header + i * entry + 16, &cache_rows[i].hwcap, 8);
	}
	return end;
}

static void look(const unsigned char *data, size_t size, const char *name, uint16_t machine, const char *want,
		 const char *what)
{
	const struct elf_object program = {.machine = machine,
					   .elf_class = machine == EM_386 ? ELFCLASS32 : ELFCLASS64};
	char got[256] = "";
	struct ld_cache cache;
	struct ld_cache_hit hit;

	if (ld_cache_open(&cache, data, size, ELFDATA2LSB))
		for (size_t at = 0; ld_cache_next(&cache, name, &program, &at, &hit);)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s ", hit.path,
				 hit.variant ? "*" : "");
	else
		strcpy(got, "refused");
	if (!tap_ok(!strcmp(got, want), "ld.so.cache: %s", what))
		tap_note("%s", got);
}

static void test_cache(void)
{
	static unsigned char new_format[1024], old_format[1024], both[2048];
	size_t new_size = make_cache(new_format, 0, true, ""), old_size = make_cache(old_format, 0, false, "");
	size_t half = 16 + ROWS * 12, size, crashes = 0;
	struct ld_cache cache;
	struct ld_cache_hit hit;

	memcpy(both, old_format, half);
	size = make_cache(both, (half + 7) / 8 * 8, true, ".n");
	look(new_format, new_size, "a.so", EM_X86_64, "/x/glibc-hwcaps/x86-64-v3/a.so* /x/a.so ",
	     "new format, hwcaps");
	look(new_format, new_size, "a.so", EM_386, "/lib32/a.so ", "new format, another machine");
	look(new_format, new_size, "a", EM_X86_64, "", "a name that is a beginning");
	look(new_format, new_size, "rel.so", EM_X86_64, "", "a relative path");
	look(old_format, old_size, "ab.so", EM_X86_64, "/x/ab.so ", "old format");
	look(both, size, "ab.so", EM_X86_64, "/x/ab.so.n ", "both formats: the new one");
	look((const unsigned char *)"ld.so-1.7.0\0\xff\xff\xff\xff", 16, "a", EM_X86_64, "refused",
	     "too many entries");
	new_format[28] = 3;
	look(new_format, new_size, "a.so", EM_X86_64, "refused", "another byte order");
	new_format[28] = 2;
	for (size_t cut = 0; cut < new_size; cut++) {
		unsigned char *exact = malloc(cut + 1);

		must(exact, "malloc");
		memcpy(exact, new_format, cut);
		if (ld_cache_open(&cache, exact, cut, ELFDATA2LSB))
			for (size_t at = 0; ld_cache_next(&cache, "a.so", &(struct elf_object){0}, &at, &hit);)
				crashes += strlen(hit.path) > cut;
		free(exact);
	}
	tap_ok(!crashes, "ld.so.cache: cut at every byte");
}

/* ---- options ---- */

static void test_options(void)
{
	struct closure_options options = {.sysroot = "/no/such/directory"};
	struct arena *arena = arena_create();
	struct closure *closure = closure_create(arena, &options);

	tap_ok(closure->error && strstr(closure->error, "/no/such/directory") &&
		       closure_add(closure, "/p") == CLOSURE_NOT_FOUND && closure->nmissing == 1,
	       "a sysroot that is not there");
	closure_close(closure);
	options = (struct closure_options){.cwd = root, .machine = EM_X86_64};
	closure = closure_create(arena, &options);
	tap_ok(closure_add(closure, "0/p") == CLOSURE_INCOMPLETE && closure->nentries >= 1 &&
		       !strncmp(closure->entries[0].real, root, strlen(root)),
	       "a relative program starts at cwd");
	closure_close(closure);
	options = (struct closure_options){.sysroot = arena_printf(arena, "%s/0", root), .machine = EM_X86_64};
	closure = closure_create(arena, &options);
	tap_ok(closure_add(closure, "/p") == CLOSURE_OK && closure_add(closure, "./p") == CLOSURE_OK &&
		       closure->nentries == 5 && closure->entries[0].nnames == 2,
	       "a program added twice");
	closure_close(closure);
	arena_destroy(&arena);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	must(fd >= 0 && mkdtemp(root), root);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		run_test(&tests[i], i);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		test_line(&lines[i], i);
	test_depth(5, true);
	test_depth(6, false);
	test_envs();
	test_truncated(fd);
	test_flipped(fd);
	test_cache();
	test_options();
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
