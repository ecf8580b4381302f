/* SPDX-License-Identifier: MIT */
/* A failed call as operations: what `why` would be asked; see trace.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "arena.h"
#include "trace.h"

struct reading {
	struct arena *arena;
	enum arch_id arch;
	const struct trace_event *event;
	const uint64_t *args;
	struct trace_op *out;
	size_t count;
};

/* ---- paths ---- */

/* "." and empty names out of it; ".." stays, which only the file system can answer. */
static const char *join(struct arena *arena, const char *base, const char *path)
{
	const char *full = arena_printf(arena, "%s/%s", base ? base : "", path);
	char *out = arena_alloc(arena, strlen(full) + 2), *end = out;

	for (const char *at = full; *at;) {
		size_t len = strcspn(at, "/");
		if (len && !(len == 1 && *at == '.')) {
			*end++ = '/';
			memcpy(end, at, len);
			end += len;
		}
		at += len + (at[len] == '/');
	}
	if (end == out)
		*end++ = '/';
	return out;
}

/* Means another thing to whoever looks at it. */
static bool own_proc(const char *path)
{
	static const char *const own[] = {"/proc/self", "/proc/thread-self", "/dev/fd",
					  "/dev/stdin", "/dev/stdout",       "/dev/stderr"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		size_t len = strlen(own[i]);
		if (!strncmp(path, own[i], len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

/* Links of /proc lead to whoever asks: the process that asked was another one. */
static const char *as_self(struct arena *arena, const char *path)
{
	char own[32];
	int len = snprintf(own, sizeof(own), "/proc/%d", (int)getpid());

	if (strncmp(path, own, (size_t)len) || (path[len] && path[len] != '/'))
		return path;
	return arena_printf(arena, "/proc/self%s", path + len);
}

/* What of the path exists, resolved; then the rest as it is. */
static const char *resolve_prefix(struct arena *arena, const char *path)
{
	char real[PATH_MAX];
	size_t len = strlen(path);

	for (;;) {
		const char *head = arena_strndup(arena, path, len);
		if (realpath(len ? head : "/", real))
			break;
		while (len && path[len - 1] != '/')
			len--;
		while (len && path[len - 1] == '/')
			len--;
		if (!len && !realpath("/", real))
			return path;
	}
	return as_self(arena, arena_printf(arena, "%s%s", !path[len] || strcmp(real, "/") ? real : "", path + len));
}

const char *trace_resolve(struct arena *arena, const char *base, const char *path, bool follow)
{
	const char *full = join(arena, *path == '/' && base && !base[1] ? NULL : base, path);
	const char *slash = strrchr(full, '/');

	if (own_proc(full))
		return full;
	if (follow || !slash[1] || !strcmp(slash, "/.."))
		return resolve_prefix(arena, full);
	const char *dir = resolve_prefix(arena, arena_strndup(arena, full, (size_t)(slash - full)));
	return arena_printf(arena, "%s%s", strcmp(dir, "/") ? dir : "", slash);
}

/* The first or second path of the call; NULL when it could not be read. */
static const char *path_of(const struct reading *r, unsigned second, bool follow)
{
	const char *path = r->event->part[TRACE_PATH + second];

	if (!path || r->event->head.cut >> (TRACE_PATH + second) & 1)
		return NULL;
	if (*path != '/' && !r->event->part[TRACE_BASE + second])
		return NULL;
	return trace_resolve(r->arena, r->event->part[TRACE_BASE + second], path, follow);
}

/* ---- operations ---- */

static struct trace_op *add(struct reading *r, enum operation_id id, const char *path)
{
	struct trace_op *op;

	if (r->count == TRACE_OPS)
		return NULL;
	op = &r->out[r->count++];
	*op = (struct trace_op){.op = {.id = id, .path = path}};
	return op;
}

static void add_create(struct reading *r, enum node_id node, const char *path)
{
	struct trace_op *op = path ? add(r, OP_CREATE, path) : NULL;

	if (op)
		op->op.node = node;
}

static void add_absent(struct reading *r, enum operation_id id, const char *path)
{
	struct trace_op *op = add(r, id, path);

	if (op)
		op->absent = true;
}

/* It was there when the call failed: else that would have been ENOENT. */
static void read_gone(struct reading *r, const char *path, bool reads, bool writes, bool truncates)
{
	if (reads)
		add_absent(r, OP_READ, path);
	if (writes)
		add_absent(r, OP_WRITE, path);
	if (truncates)
		add_absent(r, OP_TRUNCATE, path);
}

/* Made, or opened where it is gone by now: then emptied as well, which a file that is made is not (fs/namei.c, do_open()). */
static void read_made(struct reading *r, const char *path, bool reads, bool truncates)
{
	add_create(r, NODE_FILE, path);
	if (r->count)
		r->out[r->count - 1].empties = truncates;
	if (reads)
		add_absent(r, OP_READ, path);
	if (truncates)
		add_absent(r, OP_TRUNCATE, path);
	r->out[r->count - 1].last = truncates;
}

/* fs/namei.c, do_open(): permission of the file, its truncation; lookup_open(): what does not exist is made. */
static void read_open(struct reading *r, uint64_t flags)
{
	const char *path = path_of(r, 0, !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL));
	bool reads = (flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == 3;
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	struct stat st;

	if (!path || flags & O_PATH)
		return;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		add_absent(r, OP_WRITE, arena_printf(r->arena, "%s/#tmpfile", path));
		if (reads)
			add_absent(r, OP_READ, arena_printf(r->arena, "%s/#tmpfile", path));
	} else if (stat(path, &st)) {
		if (flags & O_CREAT)
			read_made(r, path, reads, flags & O_TRUNC && !(flags & O_EXCL));
		else
			read_gone(r, path, reads, writes, flags & O_TRUNC);
	} else if (S_ISDIR(st.st_mode)) {
		add(r, OP_LIST, path);
	} else {
		if (reads)
			add(r, OP_READ, path);
		if (writes)
			add(r, OP_WRITE, path);
		if (flags & O_TRUNC && S_ISREG(st.st_mode))
			add(r, OP_TRUNCATE, path);
	}
}

static void read_OPEN(struct reading *r)
{
	read_open(r, r->args[1]);
}

static void read_CREAT(struct reading *r)
{
	read_open(r, O_CREAT | O_WRONLY | O_TRUNC);
}

static void read_OPENAT(struct reading *r)
{
	read_open(r, r->args[2]);
}

static void read_OPENAT2(struct reading *r)
{
	uint64_t flags;

	if (!r->event->part[TRACE_MEMORY] || r->event->head.size[TRACE_MEMORY] < sizeof(flags))
		return;
	memcpy(&flags, r->event->part[TRACE_MEMORY], sizeof(flags));
	read_open(r, flags);
}

static void add_path(struct reading *r, enum operation_id id, const char *path)
{
	if (path)
		add(r, id, path);
}

static void read_EXEC(struct reading *r)
{
	add_path(r, OP_EXEC, path_of(r, 0, true));
}

static void read_EXECAT(struct reading *r)
{
	add_path(r, OP_EXEC, path_of(r, 0, !(r->args[4] & AT_SYMLINK_NOFOLLOW)));
}

static void read_TRUNCATE(struct reading *r)
{
	add_path(r, OP_TRUNCATE, path_of(r, 0, true));
}

static void read_FTRUNCATE(struct reading *r)
{
	add_path(r, OP_TRUNCATE, r->event->part[TRACE_FILE]);
}

static void read_IOCTL(struct reading *r)
{
	struct trace_op *op = r->event->part[TRACE_FILE] ? add(r, OP_IOCTL, r->event->part[TRACE_FILE]) : NULL;

	if (op)
		op->op.request = (uint32_t)r->args[1];
}

static void read_MKDIR(struct reading *r)
{
	add_create(r, NODE_DIR, path_of(r, 0, false));
}

static void read_node(struct reading *r, uint64_t mode)
{
	static const struct {
		mode_t type;
		enum node_id node;
	} nodes[] = {{0, NODE_REGULAR},       {S_IFREG, NODE_REGULAR}, {S_IFIFO, NODE_FIFO},
		     {S_IFSOCK, NODE_SOCKET}, {S_IFCHR, NODE_CHAR},    {S_IFBLK, NODE_BLOCK}};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if ((mode & S_IFMT) == nodes[i].type)
			add_create(r, nodes[i].node, path_of(r, 0, false));
}

static void read_MKNOD(struct reading *r)
{
	read_node(r, r->args[1]);
}

static void read_MKNODAT(struct reading *r)
{
	read_node(r, r->args[2]);
}

static void read_SYMLINK(struct reading *r)
{
	add_create(r, NODE_SYMLINK, path_of(r, 0, false));
}

static void read_REMOVE(struct reading *r)
{
	add_path(r, OP_REMOVE, path_of(r, 0, false));
}

static void read_two(struct reading *r, enum operation_id id, bool follow)
{
	const char *from = path_of(r, 0, follow), *to = path_of(r, 1, false);
	struct trace_op *op = from && to ? add(r, id, from) : NULL;

	if (op)
		op->op.to = to;
}

static void read_RENAME(struct reading *r)
{
	read_two(r, OP_RENAME, false);
}

static void read_RENAME2(struct reading *r)
{
	read_two(r, r->args[4] & RENAME_EXCHANGE ? OP_EXCHANGE : OP_RENAME, false);
}

static void read_LINK(struct reading *r)
{
	read_two(r, OP_LINK, false);
}

static void read_LINKAT(struct reading *r)
{
	read_two(r, OP_LINK, r->args[4] & AT_SYMLINK_FOLLOW);
}

/* ---- addresses ---- */

static void read_unix(struct reading *r, const char *path, size_t size, bool binds)
{
	struct trace_op *op;

	if (!size || !*path) {
		op = size && !binds ? add(r, OP_CONNECT, arena_strndup(r->arena, path + 1, size - 1)) : NULL;
		if (op)
			op->op.peer = PEER_ABSTRACT;
		return;
	}
	const char *name = arena_strndup(r->arena, path, strnlen(path, size));
	if (*name != '/' && !r->event->part[TRACE_BASE])
		return;
	name = trace_resolve(r->arena, *name == '/' ? NULL : r->event->part[TRACE_BASE], name, !binds);
	if (binds) {
		add_create(r, NODE_SOCKET, name);
		return;
	}
	op = add(r, OP_CONNECT, name);
	if (op)
		op->op.peer = PEER_UNIX;
}

static void read_address(struct reading *r, enum operation_id id, bool datagram)
{
	const char *address = r->event->part[TRACE_MEMORY];
	size_t size = r->event->head.size[TRACE_MEMORY];
	sa_family_t family;
	in_port_t port;
	struct trace_op *op;

	if (!address || size < sizeof(family) + sizeof(port))
		return;
	memcpy(&family, address, sizeof(family));
	memcpy(&port, address + sizeof(family), sizeof(port));
	if (family == AF_UNIX)
		read_unix(r, address + sizeof(family), size - sizeof(family), id == OP_BIND);
	if (family != AF_INET && family != AF_INET6)
		return;
	op = add(r, id, NULL);
	op->op.peer = datagram ? PEER_UDP : PEER_TCP;
	op->op.port = ntohs(port);
	/* which of the two the socket is cannot be seen from outside: the policy may refuse either */
	op = datagram ? NULL : add(r, id, NULL);
	if (op) {
		op->op.peer = PEER_UDP;
		op->op.port = ntohs(port);
	}
}

static void read_CONNECT(struct reading *r)
{
	read_address(r, OP_CONNECT, false);
}

static void read_BIND(struct reading *r)
{
	read_address(r, OP_BIND, false);
}

static void read_SENDTO(struct reading *r)
{
	read_address(r, OP_CONNECT, true);
}

/* ---- processes ---- */

/* Another user's process is out of reach with or without a policy; one that is gone is not known to be. */
static void read_KILL(struct reading *r)
{
	pid_t target = (pid_t)r->args[0];

	if (target <= 0 || !kill(target, 0) || errno != EPERM)
		add(r, OP_SIGNAL, NULL);
}

static void read_TGKILL(struct reading *r)
{
	read_KILL(r);
}

static void read_SIGNALFD(struct reading *r)
{
	add(r, OP_SIGNAL, NULL);
}

static void read_DOMAIN(struct reading *r)
{
	struct trace_op *op = add(r, OP_SYSCALL, NULL);

	op->op.call = syscall_name(r->arch, r->event->head.nr);
	op->op.nr = (uint32_t)r->event->head.nr;
	memcpy(op->op.args, r->args, sizeof(op->op.args));
	op->op.known = 0x3f;
}

/* Who is observed by ptrace cannot be traced by another, which is our doing and not the policy's. */
static bool is_observed(pid_t pid)
{
	char path[64], line[256];
	bool ours = false;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		ours |= !strncmp(line, "TracerPid:", 10) && atoi(line + 10) == getpid();
	if (status)
		fclose(status);
	return ours;
}

/* ptrace(2) names the process second, the others first. PTRACE_TRACEME (0) is about the caller's parent, which is in the
 * same domain. */
static void read_PTRACE(struct reading *r)
{
	bool is_ptrace = r->event->head.nr == syscall_number(r->arch, "ptrace");
	pid_t target = (pid_t)r->args[is_ptrace];

	if ((is_ptrace && r->args[0] == 0) || is_observed(target))
		return;
	read_DOMAIN(r);
	r->out[r->count - 1].always = "a process in a Landlock domain may not look into processes outside of it";
}

size_t trace_operations(struct arena *arena, enum arch_id arch, const struct trace_event *event,
			struct trace_op out[TRACE_OPS])
{
	static const struct {
		const char *name;
		void (*read)(struct reading *r);
	} rows[] = {
#define read_NONE                                                         NULL
#define TRACED(name, reading, path, dir, path2, dir2, file, memory, size) {#name, read_##reading},
#include "trace_calls.def"
	};
	struct reading r = {.arena = arena, .arch = arch, .event = event, .args = event->head.args, .out = out};
	const char *name = event->head.foreign ? NULL : syscall_name(arch, event->head.nr);

	for (size_t i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name) && rows[i].read)
			rows[i].read(&r);
	return r.count;
}
