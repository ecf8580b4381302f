/* SPDX-License-Identifier: MIT */
/* The closure of a program; see elfdeps.h. Here: what execve(2) does, and the lists of results. */
#include "elfdeps_impl.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *const closure_kind_names[CLOSURE_KINDS] = {
	[CLOSURE_PROGRAM] = "program", [CLOSURE_INTERPRETER] = "interpreter", [CLOSURE_LOADER] = "loader",
	[CLOSURE_LIBRARY] = "library", [CLOSURE_PRELOAD] = "preload",         [CLOSURE_DATA] = "data",
};

enum {
	MAX_SCRIPTS = 5, /* fs/exec.c, exec_binprm(): a sixth rewrite is ELOOP */
	MAX_ENV = 16 /* env(1) in a row: without a limit of the kernel's, as each is an execve(2) of its own */
};

/* ---- results ---- */

static unsigned kind_rights(enum closure_kind kind)
{
	return kind <= CLOSURE_LOADER ? CLOSURE_READ | CLOSURE_EXECUTE : CLOSURE_READ;
}

/* Files that are one by a hard link are two entries: on another host they need not be one. */
static struct closure_entry *find_entry(struct closure *closure, const struct opened *file, const char *real)
{
	for (size_t i = 0; i < closure->nentries; i++)
		if (closure->entries[i].ino == file->st.st_ino && closure->entries[i].dev == file->st.st_dev &&
		    !strcmp(closure->entries[i].real, real))
			return &closure->entries[i];
	return NULL;
}

static struct closure_entry *new_entry(struct closure *closure, const struct closure_entry *values)
{
	closure->entries = arena_grow(closure->state->arena, closure->entries, &closure->entries_cap,
				      closure->nentries + 1, sizeof(*closure->entries));
	closure->entries[closure->nentries] = *values;
	return &closure->entries[closure->nentries++];
}

bool closure_note(struct closure *closure, const struct opened *file, const char *name, enum closure_kind kind,
		  const char *needed_by, const char *variant)
{
	struct arena *arena = closure->state->arena;
	const char *real = fs_real(closure, file);
	struct closure_entry *entry;

	if (!real) {
		closure_miss(closure, name, needed_by,
			     arena_printf(arena, "its path cannot be told: %s", strerror(errno)));
		return false;
	}
	entry = find_entry(closure, file, real);
	if (!entry)
		entry = new_entry(closure, &(struct closure_entry){.real = real,
								   .kind = kind,
								   .needed_by = needed_by,
								   .variant = variant,
								   .dev = file->st.st_dev,
								   .ino = file->st.st_ino});
	entry->rights |= kind_rights(kind);
	if (kind < entry->kind)
		entry->kind = kind;
	if (!variant)
		entry->variant = NULL;
	ld_add_string(arena, &entry->names, &entry->nnames, &entry->names_cap, name);
	return true;
}

void closure_miss(struct closure *closure, const char *name, const char *needed_by, const char *why)
{
	closure->missing = arena_grow(closure->state->arena, closure->missing, &closure->missing_cap,
				      closure->nmissing + 1, sizeof(*closure->missing));
	closure->missing[closure->nmissing++] =
		(struct closure_missing){.name = name, .needed_by = needed_by, .why = why};
}

void closure_warn(struct closure *closure, const char *format, ...)
{
	struct arena *arena = closure->state->arena;
	va_list args;

	va_start(args, format);
	ld_add_string(arena, &closure->warnings, &closure->nwarnings, &closure->warnings_cap,
		      arena_vprintf(arena, format, args));
	va_end(args);
}

/* ---- programs ---- */

/* Who runs files of its own language: what these will read cannot be told from the interpreter. */
static const struct {
	const char *name, *what;
} languages[] = {
	{"bash", "commands that the script runs"},
	{"dash", "commands that the script runs"},
	{"fish", "commands that the script runs"},
	{"java", "classes"},
	{"ksh", "commands that the script runs"},
	{"lua", "modules"},
	{"node", "modules"},
	{"perl", "modules"},
	{"php", "modules"},
	{"python", "modules"},
	{"ruby", "modules"},
	{"sh", "commands that the script runs"},
	{"tclsh", "modules"},
	{"zsh", "commands that the script runs"},
};

static bool is_version(const char *text)
{
	return !text[strspn(text, "0123456789.-")];
}

static void say_language(struct closure *closure, const char *path, const char *name)
{
	name = strrchr(name, '/') + 1;
	for (size_t i = 0; i < sizeof(languages) / sizeof(*languages); i++) {
		size_t len = strlen(languages[i].name);

		if (!strncmp(name, languages[i].name, len) && is_version(name + len))
			closure_warn(closure,
				     "%s: interprets programs; %s cannot be known here: add them, or their "
				     "directory, with --rox or --ro",
				     path, languages[i].what);
	}
}

/* A program of the machine itself, or one of its 32-bit relatives, which the same kernel runs. */
static bool machine_runs(uint16_t machine, const struct elf_object *elf)
{
	if (!machine)
		return true;
	return elf->machine == machine || (machine == EM_X86_64 && elf->machine == EM_386) ||
	       (machine == EM_AARCH64 && elf->machine == EM_ARM);
}

/* What is looked at now. */
struct step {
	const char *path, *needed_by;
	enum closure_kind kind;
	unsigned scripts; /* #! lines so far */
	unsigned envs;
};

static enum closure_status fail(struct closure *closure, const struct step *step, enum closure_status status,
				const char *why)
{
	closure_miss(closure, step->path, step->needed_by, why);
	return step->needed_by ? CLOSURE_INCOMPLETE : status;
}

static enum closure_status add_file(struct closure *closure, const struct step *step);

/* A word as a shell or env(1) looks it up. A file that is there and cannot be executed is the second best answer. */
static const char *look_up(struct closure *closure, const char *word)
{
	struct arena *arena = closure->state->arena;
	const char *text = closure->state->options.path, *second = NULL;

	if (strchr(word, '/'))
		return fs_anchor(closure, word);
	while (text && *text && *word) {
		size_t len = strcspn(text, ":");
		const char *path = fs_anchor(
			closure, arena_printf(arena, "%.*s/%s", len ? (int)len : 1, len ? text : ".", word));
		struct opened file;

		if (!fs_open_file(closure, path, &file)) {
			close(file.fd);
			if (file.st.st_mode & 0111)
				return path;
			second = second ? second : path;
		}
		text += len;
		text += *text == ':';
	}
	return second;
}

/* env(1) is an interpreter that runs what its argument says. */
static enum closure_status add_env(struct closure *closure, const struct step *script, const char *argument)
{
	struct arena *arena = closure->state->arena;
	char word[SHEBANG_BYTES];
	const char *program = shebang_env(argument, word);
	struct step step = {.needed_by = script->path, .kind = CLOSURE_INTERPRETER, .envs = script->envs + 1};

	if (!program) {
		closure_warn(closure, "%s: which program its #! line runs through env cannot be told: \"%s\"",
			     script->path, argument);
		return CLOSURE_OK;
	}
	step.path = arena_strdup(arena, program);
	if (step.envs > MAX_ENV)
		return fail(closure, &step, CLOSURE_NOT_EXECUTABLE, "its #! lines lead to one another without end");
	program = look_up(closure, step.path);
	if (!program)
		return fail(closure, &step, CLOSURE_NOT_FOUND, "not found in PATH");
	step.path = program;
	return add_file(closure, &step);
}

static enum closure_status add_script(struct closure *closure, const struct step *script, const char *head)
{
	struct arena *arena = closure->state->arena;
	char name[SHEBANG_BYTES], argument[SHEBANG_BYTES];
	struct step step = {.needed_by = script->path,
			    .kind = CLOSURE_INTERPRETER,
			    .scripts = script->scripts + 1,
			    .envs = script->envs};
	enum closure_status status;
	const char *base;

	if (!shebang_parse(head, name, argument))
		return fail(closure, script, CLOSURE_NOT_EXECUTABLE,
			    "its #! line names no interpreter within the 255 bytes that the kernel reads");
	if (step.scripts > MAX_SCRIPTS)
		return fail(closure, script, CLOSURE_NOT_EXECUTABLE,
			    "more #! lines in a row than the kernel follows");
	if (*name != '/')
		closure_warn(closure, "%s: its interpreter \"%s\" depends on the directory it is started in",
			     script->path, name);
	step.path = fs_anchor(closure, arena_strdup(arena, name));
	status = add_file(closure, &step);
	base = strrchr(step.path, '/') + 1;
	if (status != CLOSURE_OK || strcmp(base, "env"))
		return status;
	return add_env(closure, script, argument);
}

static enum closure_status add_elf(struct closure *closure, const struct step *step, const struct opened *file,
				   const struct elf_object *elf)
{
	const char *real = fs_real(closure, file);

	if (!real)
		return fail(closure, step, CLOSURE_NOT_FOUND, strerror(errno));
	say_language(closure, step->path, real);
	say_language(closure, step->path, step->path);
	if (!elf->interp)
		return CLOSURE_OK;
	return ld_load_program(closure, file, elf, step->path, real) ? CLOSURE_OK : CLOSURE_INCOMPLETE;
}

/* What the kernel would do with an open file that it may execute. */
static enum closure_status execute(struct closure *closure, const struct step *step, const struct opened *file,
				   int fd)
{
	char head[SHEBANG_BYTES] = {0};
	ssize_t got = pread(fd, head, sizeof(head), 0);
	struct elf_object elf;
	const char *why;

	if (got < 0)
		return fail(closure, step, CLOSURE_NOT_EXECUTABLE, strerror(errno));
	if (head[0] != '#' || head[1] != '!') {
		if (memcmp(head, ELFMAG, SELFMAG))
			return fail(closure, step, CLOSURE_NOT_EXECUTABLE,
				    "is neither an ELF file nor a script with a #! line");
		why = elf_read(closure->state->arena, fd, &elf);
		if (elf.machine && !machine_runs(closure->state->options.machine, &elf))
			why = "is a program for another architecture";
		if (why)
			return fail(closure, step, CLOSURE_NOT_EXECUTABLE, why);
	}
	if (!closure_note(closure, file, step->path, step->kind, step->needed_by, NULL))
		return step->needed_by ? CLOSURE_INCOMPLETE : CLOSURE_NOT_FOUND;
	return head[0] == '#' ? add_script(closure, step, head) : add_elf(closure, step, file, &elf);
}

static enum closure_status add_file(struct closure *closure, const struct step *step)
{
	enum closure_status status;
	struct opened file;
	const char *why = fs_open_file(closure, step->path, &file);
	int fd;

	if (why)
		return fail(closure, step, strcmp(why, "not found") ? CLOSURE_NOT_EXECUTABLE : CLOSURE_NOT_FOUND,
			    why);
	if (!(file.st.st_mode & 0111)) {
		close(file.fd);
		return fail(closure, step, CLOSURE_NOT_EXECUTABLE, "is not executable");
	}
	fd = fs_readable(&file);
	if (fd < 0) {
		status = fail(closure, step, CLOSURE_NOT_EXECUTABLE, strerror(errno));
	} else {
		status = execute(closure, step, &file, fd);
		close(fd);
	}
	close(file.fd);
	return status;
}

enum closure_status closure_add(struct closure *closure, const char *program)
{
	struct step step = {.path = arena_strdup(closure->state->arena, program), .kind = CLOSURE_PROGRAM};
	size_t missing = closure->nmissing;
	enum closure_status status;
	const char *path;

	if (closure->error)
		return fail(closure, &step, CLOSURE_NOT_FOUND, closure->error);
	closure->state->steps = 0;
	path = look_up(closure, step.path);
	if (!path)
		return fail(closure, &step, CLOSURE_NOT_FOUND, "not found in PATH");
	step.path = path;
	status = add_file(closure, &step);
	return status == CLOSURE_OK && closure->nmissing > missing ? CLOSURE_INCOMPLETE : status;
}

/* ---- life ---- */

static uint16_t own_machine(void)
{
	static const struct {
		const char *name;
		uint16_t machine;
	} rows[] = {{"x86_64", EM_X86_64}, {"aarch64", EM_AARCH64}, {"i686", EM_386},
		    {"ppc64le", EM_PPC64}, {"riscv64", EM_RISCV},   {"s390x", EM_S390}};
	struct utsname name;

	if (!uname(&name))
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
			if (!strcmp(name.machine, rows[i].name))
				return rows[i].machine;
	return EM_NONE;
}

static const char *copy(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

static const char *working_directory(struct arena *arena, const char *sysroot)
{
	char cwd[PATH_MAX];

	if (sysroot)
		return "/";
	return getcwd(cwd, sizeof(cwd)) && *cwd == '/' ? arena_strdup(arena, cwd) : NULL;
}

struct closure *closure_create(struct arena *arena, const struct closure_options *options)
{
	struct closure *closure = arena_alloc(arena, sizeof(*closure));
	struct closure_state *state = arena_alloc(arena, sizeof(*state));

	closure->state = state;
	state->arena = arena;
	state->options = (struct closure_options){
		.sysroot = copy(arena, options->sysroot),
		.path = copy(arena, options->path),
		.library_path = copy(arena, options->library_path),
		.cwd = copy(arena, options->cwd),
		.machine = options->machine ? options->machine : own_machine(),
	};
	if (!state->options.cwd)
		state->options.cwd = working_directory(arena, options->sysroot);
	fs_open_root(closure);
	if (!state->options.cwd || *state->options.cwd != '/')
		closure->error = "there is no working directory to start relative paths at";
	return closure;
}

void closure_close(struct closure *closure)
{
	if (closure->state->root >= 0)
		close(closure->state->root);
	closure->state->root = -1;
}
