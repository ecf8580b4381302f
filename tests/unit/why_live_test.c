/* SPDX-License-Identifier: MIT */
/*
 * The decision engine against the live kernel: random policies, a tree with symbolic links, hard links and mounts, random
 * operations. Each is decided, then performed under llrun --as-abi N, and the two answers compared, errno included. Each
 * sees what those before it have left behind, so objects move and lose their rules on the way.
 *
 *     SEED=n PAIRS=n build/tests/why_live_test     SEED=random: new ones, which is how to look for differences
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "arena.h"
#include "compile.h"
#include "decide.h"
#include "host.h"
#include "live.h"
#include "source.h"
#include "random.h"
#include "tap.h"
#include "vocab.h"

#define OPS_PER_POLICY 40
#define FILTER_ERRNO   "ENOTNAM" /* the answer of no call that is tried here */

static char tree[48], llrun[4096];
static bool mounts; /* a mount namespace of our own */
static bool views; /* policies may mount */
static enum { NO_VIEW, BIND_VIEW, TMPFS_VIEW, ROOT_VIEW } view; /* what the policy at hand mounts */
static bool broker; /* the policy at hand has exceptions */
static bool gated; /* two scratch trees among them, of which different things may be opened */
static bool entries; /* the machine has calls of i386, and numbers of x32 */
static uint16_t ports[4]; /* two that listen, two that are free */

static bool chance(unsigned n)
{
	return !below(n);
}

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the tree ---- */

/* Letters: d directory, f file, x program, i set-ID program, y dynamic program, s script, p pipe, u listening socket, c device; l symbolic link,
 * h hard link, with their targets; b bind mount, t new file system, where there is a mount namespace. @ is the tree. */
static const struct thing {
	char kind;
	const char *name, *target;
} things[] = {
	{'d', "a", NULL},
	{'d', "a/b", NULL},
	{'d', "a/b/c", NULL},
	{'d', "a/b/c/g", NULL},
	{'d', "d", NULL},
	{'d', "d/e", NULL},
	{'d', "f", NULL},
	{'d', "m", NULL},
	{'d', "m/t", NULL},
	{'d', "m/bd", NULL},
	{'d', "m/ba", NULL},
	{'f', "m/bf", NULL},
	{'d', "a/b/over", NULL},
	{'f', "a/x", NULL},
	{'f', "a/b/x", NULL},
	{'f', "a/b/c/x", NULL},
	{'f', "a/b/c/y", NULL},
	{'f', "d/x", NULL},
	{'f', "d/e/x", NULL},
	{'f', "f/x", NULL},
	{'f', "a/b/over/hidden", NULL},
	{'x', "a/prog", NULL},
	{'y', "f/dyn", NULL},
	{'s', "d/script", "@/a/prog"},
	{'s', "f/script", "@/d/script"},
	{'i', "d/ids", NULL},
	{'p', "a/pipe", NULL},
	{'c', "f/zero", NULL},
	{'u', "d/e/sock", NULL},
	{'u', "f/sock", NULL},
	{'h', "f/hx", "a/b/x"},
	{'h', "d/e/hp", "a/prog"},
	{'h', "d/hc", "a/b/c/x"},
	{'l', "la", "a"},
	{'l', "a/lb", "../d/e"},
	{'l', "d/labs", "@/a/b"},
	{'l', "f/lx", "../a/x"},
	{'l', "f/llx", "lx"},
	{'l', "f/gone", "nowhere/x"},
	{'l', "f/gone2", "../d/new"},
	{'l', "f/loop", "pool"},
	{'l', "f/pool", "loop"},
	{'l', "d/self", "."},
	{'l', "a/up", ".."},
	{'b', "m/bd", "a/b"},
	{'b', "m/bf", "d/e/x"},
	{'b', "a/b/over", "d"},
	{'t', "m/t", NULL},
	{'d', "m/t/u", NULL},
	{'f', "m/t/u/x", NULL},
	{'f', "m/t/x", NULL},
	{'b', "m/ba", "a"},
};
#define NTHINGS (sizeof(things) / sizeof(things[0]))

static const char *in_tree(const char *name)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", tree, name);
	return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd))
		give_up(path);
}

static void listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 128))
		give_up(path);
}

static void make_script(const char *path, const char *interpreter)
{
	char text[256];

	snprintf(text, sizeof(text), "#!%s%s argv\n", tree, interpreter + 1);
	write_file(path, text, 0755);
}

static bool make_thing(const struct thing *thing, const char *path)
{
	char target[256];

	snprintf(target, sizeof(target), "%s%s", thing->target && thing->target[0] == '@' ? tree : "",
		 thing->target ? thing->target + (thing->target[0] == '@') : "");
	switch (thing->kind) {
	case 'd':
		return !mkdir(path, 0755);
	case 'f':
		write_file(path, "content", 0644);
		return true;
	case 'x':
		return live_copy(live_probe, path);
	case 'i':
		/* no_new_privs takes the identity from it, and nothing else */
		return live_copy(live_probe, path) && (geteuid() || !chown(path, 65534, 65534)) &&
		       !chmod(path, 06755);
	case 'y':
		return live_copy("/bin/true", path);
	case 's':
		make_script(path, thing->target);
		return true;
	case 'p':
		return !mkfifo(path, 0644);
	case 'c':
		/* on a file system without devices, or without the capability: a file does as well */
		return !mknod(path, S_IFCHR | 0666, 1 << 8 | 5) || !mknod(path, S_IFREG | 0666, 0);
	case 'u':
		listen_at(path);
		return true;
	case 'l':
		return !symlink(target, path);
	case 'h':
		return !link(in_tree(thing->target), path);
	case 'b':
		return !mounts || !mount(in_tree(thing->target), path, NULL, MS_BIND, NULL);
	default:
		return !mounts || !mount("none", path, "tmpfs", 0, NULL);
	}
}

static int pins[NTHINGS + 2], npins;

static void close_pins(void)
{
	while (npins)
		close(pins[--npins]);
}

/* Inodes stay pinned for as long as a policy's rules may be bound to them: a number that is used again would lie. */
static void make_tree(void)
{
	int first = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (first < 0 || mkdir(tree, 0755) || (mounts && mount("none", tree, "tmpfs", 0, NULL)))
		give_up(tree);
	for (size_t i = 0; i < NTHINGS; i++) {
		const char *path = in_tree(things[i].name);
		if (!make_thing(&things[i], path))
			give_up(path);
		pins[npins] = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		npins += pins[npins] >= 0;
	}
	close(first);
}

/* Everything above the standard descriptors is the tree's: pins and listening sockets. */
static void remove_tree(int keep)
{
	char command[128];

	close_pins();
	syscall(SYS_close_range, keep, ~0U, 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", tree);
	if (mounts ? umount2(tree, MNT_DETACH) || rmdir(tree) : system(command))
		give_up(tree);
}

/* ---- paths ---- */

static const char *random_name(void)
{
	return things[below(NTHINGS)].name;
}

static void append(char *out, size_t size, const char *format, ...)
{
	size_t len = strlen(out);
	va_list args;

	va_start(args, format);
	vsnprintf(out + len, size - len, format, args);
	va_end(args);
}

/* Mostly something that exists, spelled in one of many ways. */
static void random_path(char *out, size_t size)
{
	static const char *const below_links[] = {"la/b/x",        "la/b/c",
						  "d/labs/c/x",    "a/lb/x",
						  "d/self/self/x", "a/up/d/x",
						  "la/lb",         "m/bd/c",
						  "m/bd/c/x",      "m/ba/b",
						  "m/ba/b/c/x",    "m/bd/x",
						  "m/ba/x",        "m/ba/b/over/hidden",
						  "a/b/over/e",    "a/b/over/e/x",
						  "a/b/over/x"};
	static const char *const odd[] = {"nowhere", "nowhere/x", "a/x/y", "f/loop/x", "a/b/../x",          "a/./b/x",
					  "a//b/x",  "d/..",      "d/e/.", "",         "a/b/c/../../../d/x"};

	*out = 0;
	append(out, size, "%s/%s", tree,
	       chance(4)    ? below_links[below(sizeof(below_links) / sizeof(below_links[0]))]
	       : chance(12) ? odd[below(sizeof(odd) / sizeof(odd[0]))]
			    : random_name());
	if (chance(16))
		append(out, size, "/");
	if (chance(400))
		append(out, size, "/%0300d", 1);
}

static void random_new(char *out, size_t size)
{
	static const char *const parents[] = {"a",    "a/b",  "a/b/c", "d",      "d/e",        "f",
					      "la/b", "m/bd", "m/t",   "m/ba/b", "a/b/over/e", "m/t/u"};

	if (chance(6)) {
		random_path(out, size);
		return;
	}
	*out = 0;
	append(out, size, "%s/%s/n%u", tree, parents[below(sizeof(parents) / sizeof(parents[0]))], below(40));
}

/* ---- policies ---- */

/* The path of a rule: what exists, without the odd; sometimes the tree, or /. */
static void rule_path(char *out, size_t size)
{
	struct stat st;

	do {
		random_path(out, size);
		if (chance(20))
			snprintf(out, size, "%s", chance(4) && view != ROOT_VIEW ? "/" : tree);
	} while (stat(out, &st) || out[strlen(out) - 1] == '/' || strstr(out, "..") || strstr(out, "//") ||
		 strstr(out, "/."));
}

static void put_rules(FILE *out, const char *table, uint64_t handled)
{
	for (unsigned i = below(7); i > 0; i--) {
		uint64_t access = random_rights() & handled;
		char path[512];

		rule_path(path, sizeof(path));
		if (!access)
			continue;
		fprintf(out, "[[%s.rule]]\npath = \"%s\"\n%s = ", table, path,
			table[2] ? "allowed_access" : "access");
		put_rights(out, access);
	}
}

static void put_start(FILE *out, const char *table, uint64_t handled)
{
	uint64_t start = (FS_RIGHT(execute) | FS_RIGHT(read_file)) & handled;

	if (!start)
		return;
	fprintf(out, "[[%s.rule]]\npath = \"%s\"\n%s = ", table, view == ROOT_VIEW ? in_tree("a/prog") : live_probe,
		table[2] ? "allowed_access" : "access");
	put_rights(out, start);
}

static void put_fs(FILE *out)
{
	static const char *const groups[] = {"ro", "rox", "rw", "rwx"};
	char path[512];

	fputs("[fs]\n", out);
	for (unsigned i = 0; i < 4; i++) {
		fprintf(out, "%s = [", groups[i]);
		for (unsigned n = below(4); n > 0; n--) {
			rule_path(path, sizeof(path));
			fprintf(out, "\"%s\", ", path);
		}
		if (chance(9))
			fprintf(out, "{ path = \"%s/nowhere\", optional = true }, ", tree);
		if (i == 1 && chance(2) && view != ROOT_VIEW)
			fputs("\"/lib64\", \"/usr\", \"/lib\"", out);
		fputs("]\n", out);
	}
	put_rules(out, "fs", abi_fs_mask(7));
	put_start(out, "fs", abi_fs_mask(7));
}

static void put_layer(FILE *out)
{
	uint64_t handled = random_rights();

	if (!(handled & abi_fs_mask(1)))
		handled |= FS_RIGHT(read_dir);
	fputs("[[fs_layer]]\nhandled_access_fs = ", out);
	put_rights(out, handled);
	put_rules(out, "fs_layer", handled);
	put_start(out, "fs_layer", handled);
}

static void put_net(FILE *out)
{
	fputs("[net]\nconnect_tcp = [", out);
	for (unsigned i = 0; i < 4; i++)
		if (chance(2))
			fprintf(out, "%u, ", ports[i]);
	fputs("]\nbind_tcp = [", out);
	for (unsigned i = 0; i < 4; i++)
		if (chance(2))
			fprintf(out, "%u, ", ports[i]);
	fprintf(out, "]\nudp = \"%s\"\n", chance(2) ? "allow" : "deny");
}

/* Calls whose refusal leaves the probe able to say what it got. */
static const char *const deniable[] = {"mkdir",       "rename",      "link",      "truncate",  "symlink", "mknodat",
				       "unlink",      "rmdir",       "connect",   "bind",      "kill",    "getppid",
				       "getpriority", "personality", "renameat2", "socketpair"};
#define NDENIABLE (sizeof(deniable) / sizeof(deniable[0]))

/* What calls through the other entries get: companion filters let nobody allow them. */
static void put_entries(FILE *out)
{
	static const char *const keys[] = {"foreign_arch", "x32"}, *const actions[] = {"errno ENOSYS",
										       "errno " FILTER_ERRNO,
										       "kill_process", "trap"};

	for (unsigned key = 0; key < 2; key++)
		if (chance(2))
			fprintf(out, "%s = \"%s\"\n", keys[key], actions[below(4)]);
}

static void put_seccomp(FILE *out)
{
	fputs("[seccomp]\ndeny = [\"acct\", ", out);
	for (size_t i = 0; i < NDENIABLE; i++)
		if (chance(8))
			fprintf(out, "\"%s\", ", deniable[i]);
	fputs("]\nerrno = \"" FILTER_ERRNO "\"\n", out);
	put_entries(out);
	if (chance(3))
		fputs("[[seccomp.rule]]\nsyscall = \"getpriority\"\naction = \"errno " FILTER_ERRNO
		      "\"\nwhen = \"which == 1 || who > 5\"\n",
		      out);
	if (chance(3))
		fputs("[[seccomp.rule]]\nsyscall = \"personality\"\naction = \"kill_process\"\nwhen = \"persona != "
		      "0xffffffff\"\n",
		      out);
	if (chance(4))
		fputs("[[seccomp.rule]]\nsyscall = \"kill\"\naction = \"errno " FILTER_ERRNO
		      "\"\nwhen = \"sig == 15\"\n",
		      out);
}

static const char *const targets[] = {"d/e", "f", "a/b/c", "a/b/c/g", "d"};

/* Directories on directories; a tmpfs, in which targets are made. What holds in there is what was mounted in it. */
static void put_mount(FILE *out)
{
	unsigned at = below(5);

	view = chance(2) ? BIND_VIEW : TMPFS_VIEW;
	fputs("[mount]\n", out);
	if (view == TMPFS_VIEW)
		fprintf(out, "tmpfs = [\"%s/%s\"]\n", tree, targets[at]);
	fprintf(out, "bind = [{ source = \"%s/%s\", target = \"%s/%s%s\", create = true, read_only = %s },\n", tree,
		targets[below(5)], tree, targets[at], view == TMPFS_VIEW ? "/new/dir" : "",
		chance(2) ? "true" : "false");
	fprintf(out, "{ source = \"%s/a/x\", target = \"%s/a/b/x\", options = [%s] },\n", tree, tree,
		chance(2) ? "\"noexec\"" : "");
	fprintf(out, "{ source = \"%s/nowhere\", target = \"%s/m\", optional = true }]\n", tree, tree);
}

/* Which descriptors are handed over. Gates of a scratch tree decide what may be moved there from another. */
static void put_gates(FILE *out)
{
	fputs("addfd = [", out);
	for (unsigned n = 1 + below(8); n > 0; n--)
		fprintf(out, "{ action = \"%s\", target = \"%s/%s\"%s }, ", chance(3) ? "open" : "scratch_open", tree,
			targets[below(5)],
			chance(3)   ? ""
			: chance(2) ? ", mode = \"read\""
				    : ", mode = \"write\"");
	fputs("]\n", out);
}

/* Exceptions on what is there, and on files that may be made. */
static void put_broker(FILE *out)
{
	static const char *const keys[] = {"allow_read", "allow_write", "scratch", "export"};
	char path[512];

	fputs("[broker]\n", out);
	gated = chance(3);
	if (gated) {
		fprintf(out, "scratch = [\"%s/d/e\", \"%s/f\"]\n", tree, tree);
		put_gates(out);
		return;
	}
	for (unsigned key = 0; key < 4; key++) {
		fprintf(out, "%s = [", keys[key]);
		for (unsigned n = below(3); n > 0; n--) {
			rule_path(path, sizeof(path));
			if (key > 1 || chance(3))
				snprintf(path, sizeof(path), "%s/%s", tree, targets[below(5)]);
			fprintf(out, "{ path = \"%s\"%s }, ", path, key < 2 && chance(2) ? ", tree = true" : "");
		}
		if (key == 1 && !chance(4))
			fprintf(out, "{ path = \"%s/d/n%u\", create = true }", tree, below(40));
		if (key == 0 &&
		    chance(10)) /* with other file systems in it, of which the broker opens nothing of /proc */
			fputs("{ path = \"/\", tree = true }", out);
		fputs("]\n", out);
	}
	if (chance(3))
		put_gates(out);
}

static char *random_policy(size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	broker = chance(4);
	gated = false;
	view = broker || !views || !chance(4) ? NO_VIEW : chance(3) ? ROOT_VIEW : BIND_VIEW;
	/* best-effort: rows on which a guarantee is lost run too */
	fputs("version = 1\n[policy]\ncompat = \"best-effort\"\nmin_abi = 0\n", out);
	unsigned layers = below(3);
	if (!layers || chance(2))
		put_fs(out);
	for (; layers > 0; layers--)
		put_layer(out);
	if (chance(3))
		put_net(out);
	if (chance(3))
		fprintf(out, "[scope]\nsignal = %s\nabstract_unix_socket = %s\n", chance(2) ? "true" : "false",
			chance(2) ? "true" : "false");
	if (chance(3))
		put_seccomp(out);
	if (broker)
		put_broker(out);
	if (view == BIND_VIEW)
		put_mount(out);
	if (view == ROOT_VIEW)
		fprintf(out, "[runtime]\nroot = \"%s\"\n", tree);
	fclose(out);
	return text;
}

/* ---- operations ---- */

struct step {
	char words[1400]; /* as decide.h parses them */
	char probe[1400]; /* as the probe performs them */
};

#ifdef SYS_mkdir
#define MKDIR(path)      "syscall %d s:%s 511", SYS_mkdir, path
#define SYMLINK(path)    "syscall %d s:nowhere s:%s", SYS_symlink, path
#define UNLINK(path)     "syscall %d s:%s", SYS_unlink, path
#define RMDIR(path)      "syscall %d s:%s", SYS_rmdir, path
#define RENAME(from, to) "syscall %d s:%s s:%s", SYS_rename, from, to
#define LINK(from, to)   "syscall %d s:%s s:%s", SYS_link, from, to
#else
#define MKDIR(path)      "mkdir %s", path
#define SYMLINK(path)    "symlink nowhere %s", path
#define UNLINK(path)     "unlink %s", path
#define RMDIR(path)      "rmdir %s", path
#define RENAME(from, to) "syscall %d -100 s:%s -100 s:%s", SYS_renameat, from, to
#define LINK(from, to)   "link %s %s", from, to
#endif

static void say_words(struct step *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->words, sizeof(s->words), format, args);
	va_end(args);
}

static void say_probe(struct step *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->probe, sizeof(s->probe), format, args);
	va_end(args);
}

static void create_step(struct step *s)
{
	char path[600];
	unsigned kind = below(8);
	static const char *const kinds[] = {"",      "regular ", "dir ",  "symlink ",
					    "fifo ", "socket ",  "char ", "block "};

	random_new(path, sizeof(path));
	say_words(s, "create %s%s", kinds[kind], path);
	if (kind == 0)
		say_probe(s, "create %s", path);
	else if (kind == 2)
		say_probe(s, MKDIR(path));
	else if (kind == 3)
		say_probe(s, SYMLINK(path));
	else
		say_probe(s, "%s %s",
			  kind == 1   ? "mkreg"
			  : kind == 4 ? "mkfifo"
			  : kind == 5 ? "mksock"
			  : kind == 6 ? "mknod-char"
				      : "mknod-block",
			  path);
}

static void remove_step(struct step *s, const char *path)
{
	char bare[600];
	struct stat st;

	/* what a name is is seen without its slashes, which would follow a link */
	snprintf(bare, sizeof(bare), "%s", path);
	for (size_t len = strlen(bare); len > 1 && bare[len - 1] == '/'; len--)
		bare[len - 1] = 0;
	bool directory = !lstat(bare, &st) && S_ISDIR(st.st_mode);
	say_words(s, "remove %s", path);
	if (directory)
		say_probe(s, RMDIR(path));
	else
		say_probe(s, UNLINK(path));
}

static void pair_step(struct step *s)
{
	char from[600], to[600];
	/* what something is mounted in must not move: the engine's idea of the view is a list of paths */
	unsigned kind = view && view != ROOT_VIEW ? 0 : below(5);

	random_path(from, sizeof(from));
	if (kind == 4 || chance(4))
		random_path(to, sizeof(to));
	else
		random_new(to, sizeof(to));
	if (gated && chance(2)) {
		bool back = chance(2);
		snprintf(from, sizeof(from), "%s/%s", tree, back ? "f/script" : "d/e/hp");
		snprintf(to, sizeof(to), "%s/%s%u", tree, back ? "d/e/n" : "f/n", below(4));
	}
	/* two error numbers that the engine does not know: of a link that leads nowhere, with a slash behind it, for the
	 * broker; of a mount's root, which is its own parent, linked into itself */
	while (broker && *from && from[1] && from[strlen(from) - 1] == '/')
		from[strlen(from) - 1] = 0;
	if (kind == 0 && !strncmp(to, from, strlen(from)) && to[strlen(from)] == '/')
		kind = 1;
	if (kind == 0) {
		say_words(s, "link %s %s", from, to);
		say_probe(s, LINK(from, to));
	} else if (kind == 4) {
		say_words(s, "exchange %s %s", from, to);
		say_probe(s, "exchange %s %s", from, to);
	} else {
		say_words(s, "rename %s %s", from, to);
		say_probe(s, RENAME(from, to));
	}
}

static void file_step(struct step *s)
{
	char path[600];
	unsigned kind = below(view && view != ROOT_VIEW ? 7 : 8);

	random_path(path, sizeof(path));
	if (view && view != ROOT_VIEW && chance(3))
		snprintf(path, sizeof(path), "%s/%s%s", tree, targets[below(5)], chance(2) ? "/new/dir/x" : "/new");
	if (kind == 0 || kind == 1) {
		say_words(s, "read %s", path);
		say_probe(s, "openat rdonly,nonblock %s", path);
	} else if (kind == 2) {
		say_words(s, "write %s", path);
		say_probe(s, "openat wronly,nonblock %s", path);
	} else if (kind == 3) {
		say_words(s, "list %s", path);
		say_probe(s, "openat rdonly,directory %s", path);
	} else if (kind == 4) {
		static const char *const programs[] = {"a/prog", "d/e/hp",    "d/script", "f/script",
						       "f/dyn",  "m/ba/prog", "d/ids"};
		if (!chance(4))
			snprintf(path, sizeof(path), "%s", in_tree(programs[below(7)]));
		say_words(s, "exec %s", path);
		say_probe(s, "exec %s argv", path);
	} else if (kind == 5) {
		say_words(s, "truncate %s", path);
		say_probe(s, "truncate %s", path);
	} else if (kind == 6) {
		if (chance(2))
			snprintf(path, sizeof(path), "%s", in_tree("f/zero"));
		say_words(s, "ioctl %s", path);
		say_probe(s, "open-ioctl %s", path);
	} else {
		remove_step(s, path);
	}
}

/* Calls that do no harm: numbers of i386 by int $0x80, of x32 by the entry of x86_64. */
static void entry_step(struct step *s, bool i386, unsigned value)
{
	static const struct {
		const char *name;
		unsigned i386, x32;
	} calls[] = {{"getppid", 64, 0x4000006e},
		     {"getpid", 20, 0x40000027},
		     {"sched_yield", 158, 0x40000018},
		     {"getuid", 24, 0x40000066}};
	unsigned i = value % 4;

	if (i386) {
		say_words(s, "syscall i386:%s", calls[i].name);
		say_probe(s, "syscall32 %u", calls[i].i386);
	} else {
		say_words(s, "syscall 0x%x", calls[i].x32);
		say_probe(s, "syscall 0x%x", calls[i].x32);
	}
}

static void call_step(struct step *s)
{
	unsigned kind = below(entries ? 11 : 9), value = below(8);

	if (kind == 7) {
		say_words(s, "syscall %s", value % 2 ? "landlock_create_ruleset" : "landlock_restrict_self");
		say_probe(s, "syscall %d -1 0 0",
			  value % 2 ? SYS_landlock_create_ruleset : SYS_landlock_restrict_self);
	} else if (kind == 8) {
		say_words(s, "read /proc/%s", value % 2 ? "meminfo" : "sys/kernel/ostype");
		say_probe(s, "openat rdonly,nonblock /proc/%s", value % 2 ? "meminfo" : "sys/kernel/ostype");
	} else if (kind == 0) {
		say_words(s, "signal");
		say_probe(s, "signal %d 15", (int)getpid());
	} else if (kind == 1) {
		say_words(s, "connect abstract why-live-%d", (int)getpid());
		say_probe(s, "connect-abstract @why-live-%d", (int)getpid());
	} else if (kind == 2) {
		say_words(s, "connect tcp %u", ports[value % 2]);
		say_probe(s, "connect-tcp %u", ports[value % 2]);
	} else if (kind == 3) {
		say_words(s, "bind tcp %u", ports[2 + value % 2]);
		say_probe(s, "bind-tcp %u", ports[2 + value % 2]);
	} else if (kind == 4) {
		const char *path = in_tree(chance(2) ? "d/e/sock" : chance(2) ? "f/sock" : "a/x");
		say_words(s, "connect unix %s", path);
		say_probe(s, "connect-unix %s", path);
	} else if (kind == 5) {
		say_words(s, "syscall getpriority which=%u who=%u", value % 3, value);
		say_probe(s, "syscall %d %u %u", SYS_getpriority, value % 3, value);
	} else if (kind == 6) {
		say_words(s, "syscall personality persona=%s", value % 2 ? "0xffffffff" : "0");
		say_probe(s, "syscall %d %s", SYS_personality, value % 2 ? "0xffffffff" : "0");
	} else {
		entry_step(s, kind == 9, value);
	}
}

/* In a new root paths begin there. */
static void take_root_out(char *words)
{
	size_t len = strlen(tree);

	for (char *at = words; (at = strstr(at, tree));)
		memmove(at, at + len, strlen(at + len) + 1);
}

static void random_step(struct step *s)
{
	unsigned kind = view == TMPFS_VIEW ? 9 * chance(4) : below(10);

	if (kind < 4)
		file_step(s);
	else if (kind < 6)
		create_step(s);
	else if (kind < 9)
		pair_step(s);
	else
		call_step(s);
	if (view == ROOT_VIEW) {
		take_root_out(s->words);
		take_root_out(s->probe);
	}
}

/* ---- the live side: llrun, and the probe as a server ---- */

struct server {
	pid_t pid;
	FILE *to, *from;
};

static bool serve(struct server *server, const char *blob, unsigned abi)
{
	int to[2], from[2];
	char row[16];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		give_up("pipe");
	snprintf(row, sizeof(row), "%u", abi);
	server->pid = fork();
	if (!server->pid) {
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(quiet, 2);
		execl(llrun, llrun, "--quiet", "--as-abi", row, blob, "--",
		      view == ROOT_VIEW ? "/a/prog" : live_probe, "batch", (char *)NULL);
		_exit(99);
	}
	close(to[0]);
	close(from[1]);
	server->to = fdopen(to[1], "w");
	server->from = fdopen(from[0], "r");
	return server->pid > 0 && server->to && server->from;
}

static int server_end(struct server *server)
{
	int status = -1;

	fclose(server->to);
	fclose(server->from);
	waitpid(server->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* "allowed", "killed", or the name of an errno; "gone" when there is no answer. */
static void perform(struct server *server, const char *words, char answer[LIVE_ANSWER])
{
	char line[4096] = "";

	snprintf(answer, LIVE_ANSWER, "gone");
	if (fprintf(server->to, "%s\n", words) < 0 || fflush(server->to))
		return;
	while (fgets(line, sizeof(line), server->from)) {
		int status;
		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "= %d", &status) != 1) {
			snprintf(answer, LIVE_ANSWER, "%.60s", line);
			continue;
		}
		if (status >= 128)
			snprintf(answer, LIVE_ANSWER, "killed");
		else if (status < 10 || status > 14)
			snprintf(answer, LIVE_ANSWER, status == 2 || status == 3 ? "not attempted" : "allowed");
		return;
	}
}

/* ---- both ---- */

struct counts {
	unsigned added, excessive, /* additions that were tried; those that grant too little or too much */
		pairs, differences, allowed, denied, crossed, kernels, filtered, entered, refused, viewed, brokered,
		kept_apart;
};

static const char *expected(const struct decision *d)
{
	const char *name = errno_name((unsigned)d->err);

	return d->kills ? "killed" : !d->err ? "allowed" : name ? name : "?";
}

/* Where the engine says the call gets through, the call's own outcome is not its business. */
static bool agree(const struct operation *op, const struct decision *d, const char *answer)
{
	if (op->id == OP_SYSCALL && d->allowed)
		return strcmp(answer, FILTER_ERRNO) && strcmp(answer, "killed");
	/* in a new root the probe runs from a file of the tree; the kernel says so before Landlock is asked */
	if (view == ROOT_VIEW && (op->id == OP_WRITE || op->id == OP_TRUNCATE) && !strcmp(answer, "ETXTBSY"))
		return true;
	/* a pipe that nobody reads, and this call does not wait for a reader */
	if (op->id == OP_WRITE && !d->err && !strcmp(answer, "ENXIO"))
		return true;
	return !strcmp(answer, expected(d));
}

static void count(struct counts *counts, const struct operation *op, const struct decision *d)
{
	counts->pairs++;
	counts->viewed += view != NO_VIEW;
	for (size_t i = 0; i < d->nsteps; i++)
		counts->brokered += d->steps[i].by == BY_BROKER;
	for (size_t i = 0; i < d->nsteps; i++)
		counts->kept_apart += d->steps[i].by == BY_BROKER && d->steps[i].err == EXDEV;
	counts->allowed += d->allowed && !d->err;
	counts->kernels += d->kernel_err != 0;
	counts->denied += d->by == BY_LANDLOCK && d->err == EACCES;
	counts->crossed += d->by == BY_LANDLOCK && d->err == EXDEV;
	counts->filtered += d->by == BY_FILTER;
	counts->entered += op->id == OP_SYSCALL && (op->foreign || op->nr & K_X32_SYSCALL_BIT) && d->by == BY_FILTER;
}

static void note_steps(unsigned nlayers, const struct decision *d)
{
	for (size_t i = 0; i < d->nsteps; i++) {
		const struct decision_step *step = &d->steps[i];
		tap_note("  %s %s %s: %s %d", decider_names[step->by], step->call ? step->call : "",
			 step->subject ? step->subject : "", step->allowed ? "passes" : "refuses", step->err);
		for (unsigned layer = 0; step->by == BY_LANDLOCK && layer < nlayers; layer++)
			if (step->layers[layer].asked)
				tap_note("    layer %u asked %llx missing %llx", layer,
					 (unsigned long long)step->layers[layer].asked,
					 (unsigned long long)step->layers[layer].missing);
	}
}

/* ---- additions: as much as needed, and no right more ---- */

static char *policy_text; /* of the policy at hand */

/* The policy with a rule of its own for the addition, in the layer it is for. */
static char *text_with(const struct blob *blob, const struct addition *additions, size_t count, size_t *size)
{
	bool plain = blob->meta->flags & LLPB_META_PLAIN_FS;
	char *text = NULL, *copy = strdup(policy_text), *rest = copy, *line;
	FILE *out = open_memstream(&text, size);
	unsigned layer = UINT32_MAX;

	while ((line = strsep(&rest, "\n"))) {
		bool first = !strcmp(line, "[fs]"), next = !strcmp(line, "[[fs_layer]]");
		bool here = !strncmp(line, "handled_access_fs", 17) || (!*line && first);
		layer += first || next;
		fprintf(out, "%s\n", line);
		for (size_t i = 0; i < count && !first; i++) {
			/* [fs]: behind its last key, which put_fs() writes */
			bool last_key = plain && !layer && !strncmp(line, "rwx = ", 6);
			if (additions[i].layer != layer || !(here || last_key) || !additions[i].rights)
				continue;
			bool in_fs = plain && !layer;
			fprintf(out, "[[%s.rule]]\npath = \"%s\"\n%s = ", in_fs ? "fs" : "fs_layer",
				additions[i].path, in_fs ? "access" : "allowed_access");
			put_rights(out, additions[i].rights);
		}
	}
	fclose(out);
	free(copy);
	return text;
}

static bool allowed_with(const struct blob *old, const struct operation *op, unsigned abi,
			 const struct addition *additions, size_t count, bool *refused)
{
	static struct decision decision;
	const struct world_options options = {.envp = NULL};
	struct compilation c;
	struct blob blob;
	size_t size;
	char *text = text_with(old, additions, count, &size);
	bool allowed = false;

	compilation_begin(&c);
	if (!compilation_run(&c, source_from_memory(c.sources, "added.toml", text, size))) {
		tap_note("%s\n%s", diag_text(c.diag), text);
	} else if (!blob_open(&blob, c.blob, c.blob_size)) {
		struct world *world = world_open(&blob, &options);
		size_t problems;
		world_problems(world, &problems);
		decide(world, abi, host_arch(), op, &decision);
		/* a tree that becomes writable lets no link of another rule be followed: llrun says so, and why before it */
		allowed = decision.allowed || problems;
		*refused |= problems != 0;
		world_close(world);
	}
	compilation_end(&c);
	free(text);
	return allowed;
}

/* Everything together allows; without any one right it does not. */
static bool right_size(const struct blob *blob, const struct operation *op, unsigned abi, struct addition *additions,
		       size_t count)
{
	bool refused = false, fine = allowed_with(blob, op, abi, additions, count, &refused);

	if (refused)
		return true;
	for (size_t i = 0; fine && i < count; i++)
		for (unsigned bit = 0; fine && bit < RIGHT_BITS; bit++) {
			uint64_t right = UINT64_C(1) << bit, rights = additions[i].rights;
			if (!(rights & right))
				continue;
			additions[i].rights &= ~right;
			fine = !allowed_with(blob, op, abi, additions, count, &refused) || refused;
			additions[i].rights = rights;
		}
	return fine;
}

/*
 * Of a world bound to files anew, as that with the additions will be: what was renamed meanwhile may have put another
 * directory under a rule's path.
 */
static bool try_additions(const struct blob *blob, const struct operation *op, unsigned abi, struct counts *counts)
{
	const struct world_options options = {.envp = NULL};
	struct world *world = world_open(blob, &options);
	struct addition additions[ADDITIONS_MAX];
	const char *why;
	size_t count = decide_additions(world, abi, host_arch(), op, additions, &why);
	bool paths = true, fine = true;

	for (size_t i = 0; i < count; i++)
		paths &= additions[i].kind == ADD_PATH;
	if (count && paths) {
		counts->added++;
		fine = right_size(blob, op, abi, additions, count);
	}
	for (size_t i = 0; !fine && i < count; i++)
		tap_note("layer %u, %s: rights %llx", additions[i].layer, additions[i].path,
			 (unsigned long long)additions[i].rights);
	counts->excessive += !fine;
	world_close(world);
	return fine;
}

static bool try_step(struct world *world, struct server *server, unsigned abi, const struct blob *blob,
		     struct counts *counts)
{
	static struct decision decision;
	struct arena *arena = arena_create();
	const char *const *words, *why;
	struct operation op;
	struct step step;
	size_t nwords;
	char answer[LIVE_ANSWER];
	bool fine = true;

	random_step(&step);
	why = operation_words(arena, step.words, &words, &nwords);
	why = why ? why : operation_parse(arena, host_arch(), words, nwords, &op);
	if (why) {
		tap_note("%s: %s", step.words, why);
		exit(1);
	}
	decide(world, abi, host_arch(), &op, &decision);
	if (decision.by == BY_LANDLOCK && !view && chance(20) && !try_additions(blob, &op, abi, counts)) {
		tap_note("ABI %u, %s: the addition grants too little, or too much", abi, step.words);
		fine = false;
	}
	perform(server, step.probe, answer);
	count(counts, &op, &decision);
	if (!agree(&op, &decision, answer)) {
		tap_note("ABI %u, %s (%s): the engine says %s by %s, the kernel %s", abi, step.words, step.probe,
			 expected(&decision), decider_names[decision.by], answer);
		note_steps(blob->nlayers, &decision);
		fine = false;
		counts->differences++;
	}
	arena_destroy(&arena);
	return fine;
}

static bool try_blob(const struct compilation *c, const char *path, unsigned abi, struct counts *counts)
{
	struct world_options options = {.envp = NULL};
	struct blob blob;
	struct server server;
	size_t problems;
	bool fine = true;

	if (blob_open(&blob, c->blob, c->blob_size) || !serve(&server, path, abi))
		return false;
	struct world *world = world_open(&blob, &options);
	world_problems(world, &problems);
	for (unsigned i = 0; !problems && i < OPS_PER_POLICY; i++)
		fine &= try_step(world, &server, abi, &blob, counts);
	int status = server_end(&server);
	/* what the engine calls a problem makes llrun refuse, and nothing else does */
	if ((status == 125) != (problems != 0)) {
		tap_note("%zu problems, exit status %d: %s", problems, status,
			 problems ? world_problems(world, &problems)->text : "");
		counts->differences++;
		fine = false;
	}
	counts->refused += problems != 0;
	world_close(world);
	return fine;
}

static void try_policy(unsigned host, struct counts *counts)
{
	struct compilation c;
	char path[64];
	size_t size;
	int mark = open("/dev/null", O_RDONLY | O_CLOEXEC);

	make_tree();
	char *text = policy_text = random_policy(&size);
	compilation_begin(&c);
	bool fine = compilation_run(&c, source_from_memory(c.sources, "random.toml", text, size));
	/* the compiler refuses exports that something can change: another policy then */
	if (!fine && !strstr(diag_text(c.diag), "[broker-overlap]")) {
		tap_note("%s\n%s", diag_text(c.diag), text);
		exit(1);
	}
	snprintf(path, sizeof(path), "%s/why.llb", live_root);
	int fd = fine ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	if (fine && (fd < 0 || write(fd, c.blob, c.blob_size) != (ssize_t)c.blob_size || close(fd)))
		give_up(path);
	if (fine && !try_blob(&c, path, below(host + 1), counts))
		tap_note("%s", text);
	compilation_end(&c);
	free(text);
	remove_tree(mark);
}

/* ---- servers outside, and the whole ---- */

static int tcp_socket(uint16_t *port, bool listens)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
	    getsockname(fd, (struct sockaddr *)&address, &size) || (listens && listen(fd, 4096)))
		give_up("socket");
	*port = ntohs(address.sin_port);
	return fd;
}

static void begin_servers(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "why-live-%d", (int)getpid());

	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) ||
	    listen(fd, 4096))
		give_up("abstract socket");
	tcp_socket(&ports[0], true);
	tcp_socket(&ports[1], true);
	close(tcp_socket(&ports[2], false));
	close(tcp_socket(&ports[3], false));
}

static void begin(void)
{
	const char *build = getenv("B") ? getenv("B") : "build";
	char path[4000];

	snprintf(path, sizeof(path), "%s/llrun", build);
	if (!realpath(path, llrun))
		give_up(path);
	/* the same pairs in each run of the suite, so that it fails for a change and not by chance; others by SEED=random */
	random_begin("4001");
	live_network();
	mounts = !geteuid() && !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	pid_t pid = fork();
	int status;
	if (!pid)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0);
	views = waitpid(pid, &status, 0) == pid && !status;
	umask(022);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	live_begin();
	entries = host_arch() == ARCH_X86_64 && !live_run((const char *const[]){"{probe}", "syscall32", "20", NULL});
	snprintf(tree, sizeof(tree), "%s/w", live_root);
	begin_servers();
}

int main(void)
{
	const char *pairs = getenv("PAIRS");
	unsigned wanted = pairs ? (unsigned)strtoul(pairs, NULL, 10) : 10000;
	struct counts counts = {0};
	long host = live_abi();

	if (host < 1) {
		tap_skip("the engine against the live kernel", "no Landlock here");
		return tap_done();
	}
	begin();
	tap_note("Landlock ABI %ld, %s, %s", host, mounts ? "with mounts" : "without mounts",
		 views ? "with views" : "without views");
	while (counts.pairs < wanted)
		try_policy(host > 7 ? 7 : (unsigned)host, &counts);
	tap_ok(!counts.differences, "%u pairs of policy and operation, %u differences between engine and kernel",
	       counts.pairs, counts.differences);
	tap_ok(counts.allowed > counts.pairs / 20 && counts.denied > counts.pairs / 20 &&
		       counts.crossed > counts.pairs / 500 && counts.kernels > counts.pairs / 50 &&
		       counts.filtered > counts.pairs / 500,
	       "all answers occurred: %u allowed, %u EACCES and %u EXDEV by Landlock, %u of the kernel, %u of the "
	       "filter",
	       counts.allowed, counts.denied, counts.crossed, counts.kernels, counts.filtered);
	tap_ok(counts.added > counts.pairs / 1000 && !counts.excessive,
	       "%u additions, each of which allows, and none of whose rights can be left out", counts.added);
	tap_ok(counts.brokered > counts.pairs / 2000 && counts.kept_apart > 0,
	       "%u pairs that the broker carries out, or, %u, refuses to move", counts.brokered, counts.kept_apart);
	if (entries)
		tap_ok(counts.entered > counts.pairs / 2000,
		       "%u calls of i386, or with numbers of x32, that the filter refuses", counts.entered);
	else
		tap_skip("calls of i386", "this kernel has no such entry");
	tap_ok(!views || counts.viewed > counts.pairs / 50,
	       "%u pairs in views of mounts or a new root, %u policies refused", counts.viewed, counts.refused);
	live_end();
	return tap_done();
}
