/* SPDX-License-Identifier: MIT */
/*
 * What a caller means, and whether the policy names it.
 *
 * MUST look a path up from where the caller stands (its root, working directory, descriptors), by descriptor.
 * MUST compare objects by device and inode; a path only tells where to look.
 * MUST NOT use what was read of a process before still_there() has said that it is the one that asked.
 */
#include "broker.h"
#include "store.h"

/* ---- objects ---- */

long identify(int fd, const char *path, int flags, struct file_id *id)
{
	struct k_statx file;
	long result = SYS(statx, fd, path, flags | K_AT_STATX_DONT_SYNC, K_STATX_INO | K_STATX_TYPE | K_STATX_MNT_ID,
			  &file);

	*id = (struct file_id){file.ino, file.spare[0], file.dev_major, file.dev_minor, file.mode};
	return result;
}

/* A bind mount shows the same file elsewhere: it is the same to Landlock, and here. */
int same_object(const struct file_id *a, const struct file_id *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

int is_mount(const struct exception *e, const struct file_id *id)
{
	return __atomic_load_n(&e->mounted, __ATOMIC_ACQUIRE) && same_object(&e->id, id) && e->id.mount == id->mount;
}

static void kernel_name(const struct broker *broker, int fd, char name[PATH_SIZE])
{
	char number[12];
	long size = SYS(readlinkat, broker->self, decimal(number, (uint32_t)fd), name, PATH_SIZE - 1);

	name[size < 0 ? 0 : size] = 0;
}

const char *show(struct request *r, int fd)
{
	kernel_name(r->broker, fd, r->shown);
	return r->shown;
}

/* ---- the table ---- */

int is_tree(const struct exception *e)
{
	return covers_tree(e->record->kind, e->record->flags);
}

/* Where the names of the exceptions go, side by side: they are looked at for every call. And space to make them in. */
struct names {
	struct store kept;
	char wanted[PATH_SIZE], found[PATH_SIZE];
};

static long open_place(const struct llpb_broker *record, int base, const char *path)
{
	int slot = record->anchor == LLPB_ANCHOR_SLOT;
	const struct k_open_how how = {
		K_O_ANCHOR, 0,
		(uint64_t)(slot || record->flags & LLPB_B_NOFOLLOW ? K_RESOLVE_NO_SYMLINKS : 0) |
			(slot ? K_RESOLVE_BENEATH : 0)};

	if (slot && !*path)
		return SYS(fcntl, base, K_F_DUPFD_CLOEXEC, 3);
	return SYS(openat2, base, path, &how, sizeof(how));
}

/* A file that may be created need not exist: its directory must. */
static long open_future(struct exception *e, int base, struct names *names)
{
	uint32_t cut = 0;

	for (uint32_t i = 0; names->wanted[i]; i++)
		if (names->wanted[i] == '/')
			cut = i + 1;
	e->leaf = keep(&names->kept, names->wanted + cut);
	names->wanted[cut > 1 ? cut - 1 : cut] = 0;
	return open_place(e->record, base, names->wanted);
}

/* What /proc says of one process it says to whoever looks of himself: a tree of it would be the broker's own. */
static int check_exception(const struct exception *e, struct llrun_error *error)
{
	int tree = is_tree(e);
	uint32_t type = e->id.mode & K_S_IFMT;
	struct k_statfs fs;
	long result = SYS(fstatfs, e->fd, &fs);

	if (check_sys(error, "fstatfs", result, NULL) < 0)
		return -1;
	if (tree && type != K_S_IFDIR)
		return fail(
			error, LLRUN_E_BLOB,
			"brokered as a tree, and no directory; scratch and export take directories, allow_read and "
			"allow_write a file, without tree = true",
			NULL);
	if (fs.type == K_PROC_SUPER_MAGIC && (tree || type == K_S_IFDIR))
		return fail(error, LLRUN_E_BLOB, "brokered, and a directory of /proc: name single files", NULL);
	return 0;
}

static int open_exception(struct broker *broker, struct exception *e, const int *slots, struct names *names,
			  struct llrun_error *error)
{
	const struct blob *blob = &broker->job->policy->blob;
	const struct llpb_broker *record = e->record;
	const char *path = blob_str(blob, record->path);
	int base = record->anchor == LLPB_ANCHOR_SLOT ? slots[record->base] : K_AT_FDCWD,
	    unbound = base < 0 && base != K_AT_FDCWD;
	uint32_t exact = record->kind == LLPB_B_WRITE && !(record->flags & LLPB_B_TREE);

	path_with_uid(names->wanted, path);
	long fd = unbound ? -K_ENOENT : open_place(record, base, names->wanted);
	if (fd == -K_ENOENT && !unbound && exact && record->flags & LLPB_B_CREATE)
		fd = open_future(e, base, names);
	e->fd = fd < 0 ? -1 : (int)fd;
	if ((fd == -K_ENOENT || fd == -K_ENOTDIR) && record->flags & LLPB_B_OPTIONAL)
		return 0;
	if (check_sys(error, "openat2", fd, NULL) < 0 ||
	    check_sys(error, "statx", identify((int)fd, "", K_AT_EMPTY_PATH, &e->id), NULL) < 0 ||
	    check_exception(e, error) < 0)
		return -1;
	kernel_name(broker, e->fd, names->found);
	e->path = keep(&names->kept, names->found);
	if (is_tree(e))
		broker->trees++;
	else
		broker->singles++;
	broker->vague |= e->leaf != NULL;
	if (!e->leaf && record->kind <= LLPB_B_WRITE && !(record->flags & (LLPB_B_TREE | LLPB_B_NOFOLLOW)) &&
	    (e->id.mode & K_S_IFMT) == K_S_IFREG)
		e->plain = grants_of(record->kind, record->flags);
	return 0;
}

const char *rest_within(const char *path, const char *dir)
{
	const char *rest = *dir ? after_prefix(path, dir) : NULL;

	return rest && (!*rest || *rest == '/' || !dir[1]) ? rest : NULL;
}

/* The compiler compares what is written; here it is what it leads to. */
static int check_apart(const struct broker *broker, const struct exception *e, struct llrun_error *error)
{
	for (uint32_t i = 0; i < broker->count; i++) {
		const struct exception *other = &broker->exceptions[i];
		const struct exception *export = e->record->kind == LLPB_B_EXPORT ? e : other;
		const struct exception *writes = export == e ? other : e;

		if (export->fd < 0 || writes->fd < 0 || export->record->kind != LLPB_B_EXPORT ||
		    (writes->record->kind != LLPB_B_SCRATCH && writes->record->kind != LLPB_B_WRITE))
			continue;
		/* a bind shows one directory by two names */
		if (same_object(&writes->id, &export->id) || rest_within(writes->path, export->path) ||
		    (rest_within(export->path, writes->path) && is_tree(writes)))
			return fail(error, LLRUN_E_BLOB,
				    "leads into an export, or around one: it could change what is published", NULL);
	}
	return 0;
}

/* Mounts are looked up when they are asked for: their targets may come and go. */
int broker_open_exceptions(struct broker *broker, struct llrun_error *error)
{
	const struct blob *blob = &broker->job->policy->blob;
	const size_t each = sizeof(struct exception) + 2 * PATH_SIZE, size = each * blob->nbroker + PATH_SIZE;
	int slots[LLPB_MAX_SLOTS];
	uint32_t nslots = 0;
	long at =
		SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1);
	struct names names;

	if (check_sys(error, "mmap", at < 0 && at > -4096 ? at : 0, NULL) < 0 ||
	    bind_slots(broker->job->policy, &broker->job->run->options, slots, &nslots, error) < 0)
		return -1;
	broker->exceptions = (struct exception *)at;
	names.kept = (struct store){(char *)(broker->exceptions + blob->nbroker), (char *)at + size};
	for (; broker->count < blob->nbroker; broker->count++) {
		struct exception *e = &broker->exceptions[broker->count];

		*e = (struct exception){.record = &blob->broker[broker->count], .fd = -1};
		broker->mounts |= names_mount(e->record->kind) != 0;
		if (names_mount(e->record->kind) ||
		    (open_exception(broker, e, slots, &names, error) == 0 && check_apart(broker, e, error) == 0))
			continue;
		error->object = blob_str(blob, e->record->shown);
		error->line = e->record->line;
		error->file = e->record->line ? blob_str(blob, e->record->file) : NULL;
		return -1;
	}
	for (uint32_t i = 0; i < blob->nslots; i++)
		if (slots[i] >= 0)
			SYS(close, slots[i]);
	return 0;
}

/* ---- the caller ---- */

int still_there(const struct request *r)
{
	return SYS(ioctl, r->broker->listener, K_SECCOMP_IOCTL_NOTIF_ID_VALID, &r->notif.id) == 0;
}

long copy_bytes(const struct request *r, uint64_t address, void *out, size_t size)
{
	/* one page at a time: what could be read of the first is not lost with the second */
	size_t first = K_PAGE_SIZE - address % K_PAGE_SIZE;
	const struct k_iovec local = {out, size};
	const struct k_iovec remote[2] = {{(const void *)address, first < size ? first : size},
					  {(const void *)(address + first), first < size ? size - first : 0}};

	return SYS(process_vm_readv, r->notif.pid, &local, 1, remote, first < size ? 2 : 1, 0);
}

/* Most paths are short: a few bytes first. */
long copy_string(const struct request *r, uint64_t address, char *out, uint32_t size)
{
	uint32_t have = 0;

	for (uint32_t step = 128; have < size; step = size) {
		long result = copy_bytes(r, address + have, out + have, step < size - have ? step : size - have);

		if (result <= 0)
			return result ? result : -K_EFAULT;
		for (long i = 0; i < result; i++)
			if (!out[have + i])
				return 0;
		have += (uint32_t)result;
	}
	return -K_ENAMETOOLONG;
}

long open_proc(const struct request *r, const char *rest, int flags)
{
	char path[64], number[12];
	uint32_t len = append(path, sizeof(path), 0, decimal(number, r->notif.pid));

	append(path, sizeof(path), len, rest);
	return SYS(openat, r->broker->proc, path, flags | K_O_CLOEXEC);
}

static long open_base(const struct request *r, int dirfd)
{
	char rest[20], number[12];

	if (dirfd == K_AT_FDCWD)
		return open_proc(r, "/cwd", K_O_PATH);
	if (dirfd < 0)
		return -K_EBADF;
	append(rest, sizeof(rest), append(rest, sizeof(rest), 0, "/fd/"), decimal(number, (uint32_t)dirfd));
	return open_proc(r, rest, K_O_PATH);
}

/* What the caller may not search leads nowhere. */
static long open_as(struct request *r, long base, const char *path, const struct k_open_how *how)
{
	long fd = act_as(r, 0);

	fd = fd < 0 ? fd : SYS(openat2, base, path, how, sizeof(*how));
	act_as_self(r);
	return fd;
}

/* A root of its own: paths from there stay in there; where it stands in it cannot be told. */
static long lookup_elsewhere(struct request *r, const char *path, struct k_open_how *how)
{
	struct file_id id;
	long root = open_proc(r, "/root", K_O_PATH), fd = -K_EXDEV;

	if (root < 0)
		return root;
	if (identify((int)root, "", K_AT_EMPTY_PATH, &id) == 0 && same_object(&id, &r->broker->root) &&
	    id.mount == r->broker->root.mount)
		fd = 0;
	else if (*path == '/' && still_there(r)) {
		how->resolve |= K_RESOLVE_IN_ROOT;
		fd = open_as(r, root, path, how);
	}
	SYS(close, root);
	return fd;
}

/*
 * The links of /proc that lead to open files are the looker's own, not the caller's: never followed. An absolute path
 * needs nothing of the caller; its root is ours, as long as nobody has changed his.
 */
long lookup(struct request *r, int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct k_open_how how = {K_O_ANCHOR | flags, 0, resolve | K_RESOLVE_NO_MAGICLINKS};
	int relative = *path != '/' || resolve & (K_RESOLVE_IN_ROOT | K_RESOLVE_BENEATH);

	if (__atomic_load_n(&r->broker->roots_vary, __ATOMIC_ACQUIRE)) {
		long fd = lookup_elsewhere(r, path, &how);

		if (fd)
			return fd;
	}
	long base = relative ? open_base(r, dirfd) : K_AT_FDCWD;
	if (relative && base < 0)
		return base;
	long fd = still_there(r) ? open_as(r, base, path, &how) : -K_ESRCH;
	if (relative)
		SYS(close, base);
	return fd;
}

/* "a/b/" names b in a, and that it is a directory: the slash stays with the name. */
long lookup_parent(struct request *r, int dirfd, char *path, char **leaf)
{
	char *end = path, *name;

	while (*end)
		end++;
	name = end;
	while (name > path && name[-1] == '/')
		name--;
	if (name < end)
		name[1] = 0; /* one slash says it */
	while (name > path && name[-1] != '/')
		name--;
	*leaf = name;
	int dots = name[0] == '.' && (!name[1] || name[1] == '/' || (name[1] == '.' && (!name[2] || name[2] == '/')));
	if (!*name || *name == '/' || dots)
		return -K_EINVAL;
	if (name == path)
		return lookup(r, dirfd, ".", K_O_DIRECTORY, 0);
	/* the name moves by one, so that what precedes it can end */
	for (char *at = end + 1; at > name; at--)
		*at = at[-1];
	*name = 0;
	*leaf = name + 1;
	return lookup(r, dirfd, path, K_O_DIRECTORY, 0);
}

/* ---- matching ---- */

/* In a mount of its own the command does as it likes. */
static uint32_t grants_in(const struct exception *e)
{
	const struct llpb_broker *record = e->record;

	if (!names_mount(record->kind))
		return grants_of(record->kind, record->flags);
	return record->kind == LLPB_B_BIND && record->flags & LLPB_B_READ_ONLY
		       ? MAY_READ
		       : MAY_READ | MAY_WRITE | MAY_CREATE | IN_SCRATCH;
}

static int is_proc(int fd)
{
	struct k_statfs fs;

	return SYS(fstatfs, fd, &fs) < 0 || fs.type == K_PROC_SUPER_MAGIC;
}

/* By name where to look; then the object that stands there, found from the tree's own descriptor, must be this one. */
static int beneath(const struct exception *tree, const char *path, const struct file_id *id)
{
	const struct k_open_how how = {K_O_ANCHOR | K_O_NOFOLLOW, 0,
				       K_RESOLVE_BENEATH | K_RESOLVE_NO_SYMLINKS | K_RESOLVE_NO_MAGICLINKS};
	const char *rest = rest_within(path, tree->path);
	struct file_id found;

	if (!rest)
		return 0;
	if (!*rest)
		return same_object(&tree->id, id);
	long fd = SYS(openat2, tree->fd, rest + (*rest == '/'), &how, sizeof(how));
	if (fd < 0)
		return 0;
	int same = identify((int)fd, "", K_AT_EMPTY_PATH, &found) == 0 && same_object(&found, id);
	if (same && (found.dev_major != tree->id.dev_major || found.dev_minor != tree->id.dev_minor))
		same = !is_proc((int)fd);
	SYS(close, fd);
	return same;
}

/*
 * A mount is not held open, as it could not be unmounted then: found again by its path, and compared. What /proc says of
 * one process it says to whoever looks of himself (check_exception()): a mount of it is left to the kernel.
 */
static int in_mount(const struct request *r, const struct exception *e, const char *path, const struct file_id *id)
{
	const struct k_open_how how = {K_O_ANCHOR, 0, K_RESOLVE_NO_SYMLINKS};
	struct exception now = *e;
	struct file_id found;

	now.path = blob_str(&r->broker->job->policy->blob, e->record->path);
	now.fd = (int)SYS(openat2, K_AT_FDCWD, now.path, &how, sizeof(how));
	if (now.fd < 0)
		return 0;
	int match = identify(now.fd, "", K_AT_EMPTY_PATH, &found) == 0 && is_mount(&now, &found) &&
		    beneath(&now, path, id) && !is_proc(now.fd);
	SYS(close, now.fd);
	return match;
}

static int is_leaf(const struct exception *e, const struct file_id *id)
{
	struct file_id found;

	return identify(e->fd, e->leaf, K_AT_SYMLINK_NOFOLLOW, &found) == 0 && same_object(&found, id);
}

uint32_t granted(struct request *r, int fd, const struct file_id *id, const struct exception **which)
{
	const struct broker *broker = r->broker;
	const char *path = NULL;
	uint32_t all = 0;

	for (uint32_t i = 0; i < broker->count; i++) {
		const struct exception *e = &broker->exceptions[i];
		int match;

		if (e->fd < 0 && !e->mounted)
			continue;
		if (e->mounted || is_tree(e)) {
			path = path ? path : show(r, fd);
			match = e->mounted ? in_mount(r, e, path, id) : beneath(e, path, id);
		} else {
			match = e->leaf ? is_leaf(e, id) : same_object(&e->id, id);
		}
		if (match && which)
			*which = e;
		all |= match ? grants_in(e) : 0;
	}
	return all;
}

uint32_t granted_new(struct request *r, int parent, const char *leaf)
{
	struct file_id id;
	const struct broker *broker = r->broker;
	uint32_t all = 0;

	if (identify(parent, "", K_AT_EMPTY_PATH, &id) < 0)
		return 0;
	const char *path = show(r, parent);
	for (uint32_t i = 0; i < broker->count; i++) {
		const struct exception *e = &broker->exceptions[i];

		if (e->mounted ? in_mount(r, e, path, &id)
			       : e->fd >= 0 &&
					 (is_tree(e) ? beneath(e, path, &id)
						     : e->leaf && same_object(&e->id, &id) && streq(e->leaf, leaf)))
			all |= grants_in(e);
	}
	return all;
}
