/* SPDX-License-Identifier: MIT */
/* What is asked for, element by element, whoever asks: the command line or sandbox.toml. See run.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arena.h"
#include "elfdeps.h"
#include "kernel_abi.h"
#include "lock.h"
#include "policy.h"
#include "run.h"
#include "utf8.h"
#include "vocab.h"

/* ---- paths ---- */

/* A policy is UTF-8 text, its paths have no control characters, and "${" begins a slot there. */
static const char *unspeakable(const char *text, bool controls)
{
	uint32_t code;

	if (strstr(text, "${"))
		return "\"${\" begins a slot in policies, and cannot be meant literally";
	for (size_t len; *text; text += len) {
		len = utf8_decode(text, strnlen(text, 4), &code);
		if (!len)
			return "not UTF-8, which policies are";
		if (!controls && (code < 0x20 || code == 0x7f))
			return "a control character";
	}
	return NULL;
}

/*
 * Without "..": policies refuse it, since what it means depends on links. Here it means what it means to the kernel
 * now. NULL with errno when what stands before it does not exist.
 */
static const char *without_dotdot(struct run *run, const char *path)
{
	const char *last = NULL;

	for (const char *p = path; (p = strstr(p, "/..")); p += 3)
		if (!p[3] || p[3] == '/')
			last = p + 3;
	if (!last)
		return path;
	char *real = realpath(arena_strndup(run->c.arena, path, (size_t)(last - path)), NULL);
	if (!real)
		return NULL;
	path = arena_printf(run->c.arena, "%s%s", strcmp(real, "/") || !*last ? real : "", last);
	free(real);
	return path;
}

/*
 * A file may be trusted, the directory it lies in go on changing: what its relative paths name must not be a link that
 * leads out of there tomorrow.
 */
static const char *by_links(const char *path)
{
	struct k_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = K_RESOLVE_NO_SYMLINKS};
	long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd >= 0)
		close((int)fd);
	if (fd >= 0 || errno == ENOENT || errno == ENOTDIR)
		return NULL;
	return errno == ELOOP ? "leads through a symbolic link; write where it leads" : strerror(errno);
}

/* As policies are written, and what is granted is shown: no "." and no "/" in excess. */
static const char *tidy(struct run *run, const char *path)
{
	char *out = arena_alloc(run->c.arena, strlen(path) + 2), *end = out;

	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		if (len && (len != 1 || *p != '.')) {
			*end++ = '/';
			memcpy(end, p, len);
			end += len;
		}
		p += len;
		p += *p == '/';
	}
	return end == out ? "/" : out;
}

bool run_add_path(struct run *run, int group, const char *path, const char *origin)
{
	const char *why = *path ? unspeakable(path, false) : "an empty path", *whole = path;

	if (!why && *path != '/')
		whole = arena_printf(run->c.arena, "%s/%s", run->anchor, path);
	if (!why && *path != '/' && run->in_config)
		why = by_links(whole);
	whole = why ? NULL : without_dotdot(run, whole);
	if (!whole) {
		run_say(run, RUN_ERROR, "%s %s: %s", origin, path, why ? why : strerror(errno));
		return false;
	}
	bool here = *path != '/' || strcmp(whole, path);
	whole = tidy(run, whole);
	for (size_t i = 0; i < run->npaths; i++)
		if (run->paths[i].group == group && !strcmp(run->paths[i].path, whole))
			return true;
	run->paths = arena_grow(run->c.arena, run->paths, &run->paths_cap, run->npaths + 1, sizeof(*run->paths));
	run->paths[run->npaths++] = (struct run_path){
		.group = group, .path = whole, .origin = origin, .config = run->in_config, .here = here};
	return true;
}

/* ---- ports, variables, words ---- */

bool run_add_port(struct run *run, bool bind, const char *text, const char *origin)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	/* digits only: strtoul() takes signs and blanks, too; a leading 0 is octal to some */
	if (!*text || text[strspn(text, "0123456789")] || (*text == '0' && text[1]) || *end || port > 65535) {
		run_say(run, RUN_ERROR, "%s %s: not a port; ports are decimal numbers from 0 to 65535", origin, text);
		return false;
	}
	for (size_t i = 0; i < run->nports; i++)
		if (run->ports[i].port == port && run->ports[i].bind == bind)
			return true;
	run->ports = arena_grow(run->c.arena, run->ports, &run->ports_cap, run->nports + 1, sizeof(*run->ports));
	run->ports[run->nports++] = (struct run_port){(unsigned)port, bind, origin, run->in_config};
	return true;
}

void run_add_word(struct run *run, struct run_words *words, const char *name, const char *value, const char *origin)
{
	words->items = arena_grow(run->c.arena, words->items, &words->cap, words->n + 1, sizeof(*words->items));
	words->items[words->n++] = (struct run_word){name, value, origin, run->in_config};
}

/* The policy language has "*" at the end of a name for "the rest of it"; the other tools take names literally. */
bool run_add_env(struct run *run, const char *text, const char *origin)
{
	const char *equals = strchr(text, '='), *star = strchr(text, '*');
	const char *name = equals ? arena_strndup(run->c.arena, text, (size_t)(equals - text)) : text;
	const char *why = NULL;

	if (!*name)
		why = "a variable without name; write KEY or KEY=VALUE";
	else if (star && (!equals || star < equals) && (run->tool->lenient || equals || star[1] || star == text))
		why = "\"*\" stands at the end of a name that is passed, and only for llc-policy run";
	else
		why = unspeakable(text, true);
	for (size_t i = 0; !why && i < run->env.n; i++) {
		const struct run_word *other = &run->env.items[i];
		if (strcmp(other->name, name))
			continue;
		if (!equals == !other->value && (!equals || !strcmp(equals + 1, other->value)))
			return true;
		/* the command line is read first, and has the last word */
		if (run->in_config && !other->config)
			return true;
		why = "this variable was given otherwise before";
	}
	if (why) {
		run_say(run, RUN_ERROR, "%s %s: %s", origin, text, why);
		return false;
	}
	run_add_word(run, &run->env, name, equals ? equals + 1 : NULL, origin);
	return true;
}

/* ---- the whole ---- */

static bool pointless(const struct run *run, const char *origin, const char *what, const char *because)
{
	run_say(run, run->tool->lenient ? RUN_INFO : RUN_ERROR, "%s %s: pointless beside %s; leave one of them out",
		origin, what, because);
	return run->tool->lenient;
}

static bool check_contradictions(const struct run *run)
{
	bool fine = true;

	for (size_t i = 0; fine && run->flags[RUN_UNRESTRICTED_FS] && i < run->npaths; i++)
		fine = pointless(run, run->paths[i].origin, run->paths[i].path, "--unrestricted-filesystem");
	if (fine && run->flags[RUN_UNRESTRICTED_FS] && run->bundles.n)
		fine = pointless(run, "--with", run->bundles.items[0].name, "--unrestricted-filesystem");
	for (size_t i = 0; fine && run->flags[RUN_UNRESTRICTED_NET] && i < run->nports; i++)
		fine = pointless(run, run->ports[i].origin, "PORT", "--unrestricted-network");
	if (fine && run->flags[RUN_UNRESTRICTED_NET] && run->flags[RUN_ALLOW_UDP])
		fine = pointless(run, "--allow-udp", "", "--unrestricted-network");
	for (size_t i = 0; fine && run->flags[RUN_NO_IMPORT] && i < run->programs.n; i++)
		if (!run->programs.items[i].config)
			fine = pointless(run, "--executable-dependency", run->programs.items[i].name,
					 "--disable-auto-import");
	return fine;
}

static bool check_bundles(const struct run *run)
{
	for (size_t i = 0; i < run->bundles.n; i++) {
		const char *name = run->bundles.items[i].name;
		if (vocab_find(VOCAB_BUNDLE, name, NULL))
			continue;
		const char *near = diag_nearest(name, vocab_words(VOCAB_BUNDLE));
		run_say(run, RUN_ERROR, "--with %s: no such bundle%s%s%s", name,
			near ? "; did you mean " : "; see llpolicy(5)", near ? near : "", near ? "?" : "");
		return false;
	}
	return true;
}

/* llrun would refuse as well; here the message names the option, and the one that helps. */
static bool check_path(const struct run *run, const struct run_path *p)
{
	int error = closure_stat(run->closure, p->path);
	bool missing = error == ENOENT || error == ENOTDIR;

	if (run->sysroot && p->here) {
		run_say(run, RUN_ERROR, "%s %s: with --sysroot, paths are absolute and without \"..\"", p->origin,
			p->path);
		return false;
	}
	if (!error)
		return true;
	if (missing && run->flags[RUN_IGNORE_MISSING]) {
		run_say(run, RUN_INFO, "%s %s: does not exist, skipped", p->origin, p->path);
		return true;
	}
	run_say(run, RUN_ERROR, "%s %s: %s%s", p->origin, p->path, strerror(error),
		!missing                            ? ""
		: run->tool->command == CMD_RUNLOCK ? "; leave it out"
						    : "; --ignore-missing skips it");
	return false;
}

/* What LD_LIBRARY_PATH will be for the command, not for us. */
static const char *library_path(const struct run *run)
{
	for (size_t i = 0; i < run->env.n; i++)
		if (!strcmp(run->env.items[i].name, "LD_LIBRARY_PATH"))
			return run->env.items[i].value ? run->env.items[i].value : getenv("LD_LIBRARY_PATH");
	return NULL;
}

static bool check_paths(struct run *run)
{
	struct closure_options options = {.path = getenv("PATH"), .library_path = library_path(run), .cwd = run->cwd};

	if (run->sysroot)
		options = (struct closure_options){run->sysroot, LOCK_PATH, library_path(run), "/", 0};
	run->closure = closure_create(run->c.arena, &options);
	if (run->closure->error)
		run_say(run, RUN_ERROR, "%s", run->closure->error);
	bool fine = !run->closure->error;
	for (size_t i = 0; fine && i < run->npaths && !run->flags[RUN_UNRESTRICTED_FS]; i++)
		fine = check_path(run, &run->paths[i]);
	return fine;
}

bool run_check(struct run *run)
{
	return check_contradictions(run) && check_bundles(run) && check_paths(run);
}
