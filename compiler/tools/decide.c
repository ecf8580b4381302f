/* SPDX-License-Identifier: MIT */
/*
 * What each operation asks of the kernel, in the kernel's order: the filter sees the call, the path is walked, Landlock
 * is asked, the file system does it. fs/namei.c, fs/open.c and fs/exec.c say what comes before the LSM's hook and what
 * after.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "decide_impl.h"
#include "elfdeps_impl.h"
#include "inspect.h"
#include "sysdata.h"

const char *const decider_names[DECIDERS] = {
	[BY_NOBODY] = "nobody",     [BY_PLAN] = "llrun",          [BY_FILTER] = "seccomp", [BY_KERNEL] = "kernel",
	[BY_LANDLOCK] = "landlock", [BY_NAMESPACE] = "namespace", [BY_BROKER] = "broker",
};

/* Arguments of calls whose value no policy can depend on: somewhere in memory, a descriptor, a process. */
#define POINTER  UINT64_C(0x10000)
#define CWD      ((uint64_t)(int64_t)K_AT_FDCWD)
#define SOME_FD  3
#define SOME_PID 2
#define SIGTERM_ 15
#define LEN      16

/* include/uapi/asm-generic/fcntl.h, linux/fcntl.h, linux/fs.h: the same wherever this compiler has system calls */
#define O_CREAT_      0100
#define O_EXCL_       0200
#define AT_REMOVEDIR_ 0x200
#define EXCHANGE      2

#define FORMS(list) (list), sizeof(list) / sizeof((list)[0])

/* ---- the kernel's own answers ---- */

/* An error that the kernel gives whatever the policy says; the policy is asked all the same. */
static void kernel_says(struct asking *a, int err, const char *call)
{
	struct decision_step *step;

	if (!err || a->refused)
		return;
	step = step_add(a, BY_KERNEL, call);
	step->allowed = false;
	step->err = err;
	if (!a->out->kernel_err)
		a->out->kernel_err = err;
}

/* What permissions say of the calling user; EROFS is everybody's. */
static void access_says(struct asking *a, int err, const char *call)
{
	if (!err || a->refused || a->out->kernel_err)
		return;
	a->out->access_err = err;
	kernel_says(a, err, call);
}

/* ---- the view ---- */

/* What a namespace of the policy refuses: K_CLONE_NEW*. */
static struct decision_step *namespace_refuses(struct asking *a, uint32_t space, int err, const char *call)
{
	struct decision_step *step = step_add(a, BY_NAMESPACE, call);

	step->allowed = false;
	step->err = err;
	step->space = space;
	step->mount = LLPB_NONE;
	a->refused = true;
	return step;
}

/* What a mount of the policy's refuses, by an attribute: read_only, noexec, nodev. `tag`: of struct place. */
static bool mount_permits(struct asking *a, uint32_t tag, uint32_t attr, int err, const char *call)
{
	const struct view_mount *mount = tag ? &a->world->mounts[tag - 1] : NULL;

	if (!mount || !(mount->attrs & ~mount->lifted & attr))
		return true;
	struct decision_step *step = namespace_refuses(a, K_CLONE_NEWNS, err, call);
	step->mount = mount->record;
	step->attr = attr;
	return false;
}

static bool has_space(const struct asking *a, uint32_t space)
{
	const struct blob *blob = a->world->blob;

	return blob->nmounts && blob->mounts->spaces & ~a->world->lifted_spaces & space;
}

/* ---- open(2) ---- */

static bool filter_open(struct asking *a, uint64_t flags, const char **call)
{
	const struct call_form forms[] = {{"openat", {CWD, POINTER, flags}}, {"open", {POINTER, flags}}};

	return ask_filter(a, FORMS(forms), call);
}

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

/* fs/namei.c, may_open(): before security_file_open(). */
static int open_error(const struct place *place, int mode)
{
	if (place->err)
		return place->err;
	if (S_ISDIR(place->mode) && mode & W_OK)
		return EISDIR;
	return 0;
}

/* fs/open.c, do_dentry_open(): a socket has no open function, and is found out after the hook. */
static void open_done(struct asking *a, const struct place *place, const char *call)
{
	if (S_ISSOCK(place->mode))
		kernel_says(a, ENXIO, call);
}

/* security/landlock/fs.c, get_required_file_open_access() */
static uint64_t open_rights(const struct place *place, int mode)
{
	uint64_t rights = mode & W_OK ? FS_RIGHT(write_file) : 0;

	if (mode & R_OK)
		rights |= S_ISDIR(place->mode) ? FS_RIGHT(read_dir) : FS_RIGHT(read_file);
	return rights;
}

static bool open_place(struct asking *a, struct place *place, int mode, const char *call)
{
	bool changes = mode & W_OK && (S_ISREG(place->mode) || S_ISDIR(place->mode));

	kernel_says(a, open_error(place, mode), call);
	/* in the kernel's order: may_open() asks for permission, do_dentry_open() the mount, and then Landlock */
	if (!mount_permits(a, place->object_tag, is_device(place->mode) ? K_MOUNT_ATTR_NODEV : 0, EACCES, call))
		return false;
	access_says(a, place_access(place, mode), call);
	if (!mount_permits(a, place->object_tag, changes ? K_MOUNT_ATTR_RDONLY : 0, EROFS, call))
		return false;
	return broker_opens(a, place, mode, call) || ask_object(a, place, open_rights(place, mode), call);
}

static struct place *find(struct asking *a, unsigned which, const char *path, unsigned flags, mode_t textual_mode)
{
	struct place *place = &a->world->places[which];

	place_find(a->world, place, path, flags);
	if (place->unbound)
		a->out->note = "the slot has no value here: give it by --set, or by its variable";
	else if (place->outside)
		a->out->note = "the policy's root does not hold this path, and no mount shows it there";
	if (a->world->textual)
		place->mode = place->slash ? S_IFDIR : textual_mode;
	return place;
}

static void op_read(struct asking *a)
{
	const char *call = NULL;

	if (!filter_open(a, K_O_RDONLY, &call))
		return;
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFREG);
	if (open_place(a, place, R_OK, call))
		open_done(a, place, call);
}

static void op_write(struct asking *a)
{
	const char *call = NULL;

	if (!filter_open(a, O_WRONLY, &call))
		return;
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFREG);
	if (open_place(a, place, W_OK, call))
		open_done(a, place, call);
}

static void op_list(struct asking *a)
{
	const char *call = NULL;
	uint64_t flag = K_O_DIRECTORY;

	constant_find(a->arch, "O_DIRECTORY", &flag);
	if (!filter_open(a, flag, &call))
		return;
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFDIR);
	if (place->exists && !S_ISDIR(place->mode))
		kernel_says(a, ENOTDIR, call);
	/* for what the policy would say of a directory */
	place->mode = S_IFDIR;
	open_place(a, place, R_OK, call);
}

/*
 * security/landlock/fs.c, is_masked_device_ioctl(): requests that the virtual file system answers by itself.
 * include/uapi/asm-generic/ioctls.h, linux/fs.h.
 */
static bool harmless_request(uint32_t request)
{
	static const uint32_t requests[] = {
		0x5450, /* FIONCLEX */
		0x5451, /* FIOCLEX */
		0x5421, /* FIONBIO */
		0x5452, /* FIOASYNC */
		0x5460, /* FIOQSIZE */
		0xc0045877, /* FIFREEZE */
		0xc0045878, /* FITHAW */
		0xc020660b, /* FS_IOC_FIEMAP */
		2, /* FIGETBSZ */
		0x40049409, /* FICLONE */
		0x4020940d, /* FICLONERANGE */
		0xc0189436, /* FIDEDUPERANGE */
		0x80111500, /* FS_IOC_GETFSUUID */
		0x80811501, /* FS_IOC_GETFSSYSFSPATH */
	};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i] == request)
			return true;
	return false;
}

static void op_ioctl(struct asking *a)
{
	const struct call_form forms[] = {{"ioctl", {SOME_FD, a->op->request, POINTER}}};
	const char *call = NULL;

	if (!filter_open(a, K_O_RDONLY | K_O_NONBLOCK, &call))
		return;
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFCHR);
	if (!open_place(a, place, R_OK, call))
		return;
	/* a descriptor has the rights of whoever opened it (security/landlock/fs.c, hook_file_open()): the broker has all */
	bool brokered = a->out->nsteps && a->out->steps[a->out->nsteps - 1].by == BY_BROKER;
	open_done(a, place, call);
	if (!ask_filter(a, FORMS(forms), &call))
		return;
	if (brokered) {
		a->out->note = "the broker's descriptors are not bound by the Landlock right ioctl_dev";
		return;
	}
	/* security/landlock/fs.c, hook_file_ioctl(): what is no device is nobody's business */
	if (place->exists && !is_device(place->mode)) {
		a->out->note = "not a device: Landlock restricts ioctl(2) on devices only";
		return;
	}
	if (!harmless_request(a->op->request))
		ask_object(a, place, FS_RIGHT(ioctl_dev), call);
}

static void op_truncate(struct asking *a)
{
	const struct call_form forms[] = {{"truncate", {POINTER, 0}}};
	const char *call = NULL;

	if (!ask_filter(a, FORMS(forms), &call))
		return;
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFREG);
	/* fs/open.c, vfs_truncate() */
	kernel_says(a, place->err, call);
	if (place->exists && !S_ISREG(place->mode))
		kernel_says(a, S_ISDIR(place->mode) ? EISDIR : EINVAL, call);
	/* in this order since Linux 6.14 */
	access_says(a, place_access(place, W_OK), call);
	if (!mount_permits(a, place->object_tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	if (!broker_truncates(a, place, call))
		ask_object(a, place, FS_RIGHT(truncate), call);
}

/* ---- execve(2) ---- */

#define MAX_SCRIPTS 5 /* fs/exec.c, exec_binprm(): so many interpreters in a row, then ELOOP */

/*
 * The interpreter that the kernel opens besides the file; NULL: none. *err: ENOEXEC for what is neither a script nor ELF
 * (binfmt_misc is not looked at).
 */
static const char *interpreter(struct arena *arena, const struct place *place, bool *script, int *err)
{
	char head[SHEBANG_BYTES] = {0}, argument[SHEBANG_BYTES], *name = arena_alloc(arena, SHEBANG_BYTES);
	struct elf_object elf = {0};
	const char *found = NULL;
	int fd = S_ISREG(place->mode) ? place_open(place) : -1;

	*script = false;
	*err = 0;
	if (fd < 0)
		return NULL;
	if (pread(fd, head, sizeof(head), 0) > 2 && shebang_parse(head, name, argument)) {
		*script = true;
		found = name;
	} else if (!memcmp(head, "\177ELF", 4) && !elf_read(arena, fd, &elf)) {
		found = elf.interp;
	} else {
		*err = ENOEXEC;
	}
	close(fd);
	return found;
}

/* fs/exec.c, do_open_execat(): may_open() and the hook; what cannot be executed is EACCES. */
static bool exec_file(struct asking *a, struct place *place, const char *call)
{
	kernel_says(a, place->err, call);
	if (place->exists && !S_ISREG(place->mode))
		kernel_says(a, EACCES, call);
	if (!mount_permits(a, place->object_tag, K_MOUNT_ATTR_NOEXEC, EACCES, call))
		return false;
	access_says(a, place_access(place, X_OK), call);
	return ask_object(a, place, FS_RIGHT(execute) | FS_RIGHT(read_file), call);
}

static void op_exec(struct asking *a)
{
	const struct call_form forms[] = {{"execve", {POINTER, POINTER, POINTER}}};
	struct arena *arena = arena_create();
	const char *call = NULL, *path = a->op->path;
	bool script = true, fine = ask_filter(a, FORMS(forms), &call);
	int err = 0;

	for (int scripts = 0; fine && path && script; scripts++) {
		struct place *place = find(a, 0, path, PLACE_FOLLOW, S_IFREG);
		if (scripts > MAX_SCRIPTS)
			kernel_says(a, ELOOP, call);
		fine = exec_file(a, place, call) && !a->out->kernel_err;
		path = fine ? interpreter(arena, place, &script, &err) : NULL;
		kernel_says(a, err, call);
	}
	/* the ELF interpreter is opened in the same way, and asked for no interpreter of its own */
	if (fine && path) {
		struct place *place = find(a, 0, path, PLACE_FOLLOW, S_IFREG);
		exec_file(a, place, call);
		if (place->err)
			a->out->note = "the interpreter that the program asks for is not there";
	}
	if (fine && !a->refused && !a->out->note)
		a->out->note = "libraries are opened by the program itself: ask read for each";
	arena_destroy(&arena);
}

/* ---- making names ---- */

/* fs/namei.c, filename_create(): what comes before the hook of mkdir, mknod, symlink and link. */
static int create_error(const struct place *place, bool directory)
{
	if (place->err)
		return place->err;
	if (place->last != LAST_NAME || place->exists)
		return EEXIST;
	if (place->too_long)
		return ENAMETOOLONG;
	if (place->slash && !directory)
		return ENOENT;
	return place_dir_access(place, W_OK) == EROFS ? EROFS : 0;
}

/* The same for open(2): link_path_walk() and lookup_open(). */
static int open_create_error(const struct place *place)
{
	if (place->err)
		return place->err;
	/* open_last_lookups(): "." and ".." are there, whatever follows */
	if (place->last != LAST_NAME)
		return EEXIST;
	if (place->slash)
		return EISDIR;
	if (place->too_long)
		return ENAMETOOLONG;
	if (place->exists)
		return EEXIST;
	return place_dir_access(place, W_OK) == EROFS ? EROFS : 0;
}

static bool filter_node(struct asking *a, const char **call)
{
	const mode_t type = node_rows[a->op->node].type;
	const uint64_t mode = type | 0666, device = is_device(type) ? 1 << 8 | 3 : 0;
	const struct call_form mkdirs[] = {{"mkdir", {POINTER, 0777}}, {"mkdirat", {CWD, POINTER, 0777}}};
	const struct call_form links[] = {{"symlink", {POINTER, POINTER}}, {"symlinkat", {POINTER, CWD, POINTER}}};
	const struct call_form nodes[] = {{"mknodat", {CWD, POINTER, mode, device}}};

	if (type == S_IFDIR)
		return ask_filter(a, FORMS(mkdirs), call);
	return type == S_IFLNK ? ask_filter(a, FORMS(links), call) : ask_filter(a, FORMS(nodes), call);
}

static void create_node(struct asking *a)
{
	const struct node_row *row = &node_rows[a->op->node];
	const char *call = NULL;

	if (!filter_node(a, &call))
		return;
	struct place *place = find(a, 0, a->op->path, 0, row->type);
	if (!a->world->textual)
		kernel_says(a, create_error(place, row->type == S_IFDIR), call);
	if (!mount_permits(a, place->tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	if (!(!is_device(row->type) && broker_changes(a, place, call)) && !ask_directory(a, place, row->right, call))
		return;
	access_says(a, place_dir_access(place, W_OK | X_OK), call);
	/* vfs_mknod(); policies drop the capability unless told */
	bool dropped = a->world->blob->process->drop_caps >> 27 & 1; /* CAP_MKNOD */
	if (is_device(row->type) && (dropped || geteuid()))
		access_says(a, EPERM, call);
}

static void op_create(struct asking *a)
{
	const char *call = NULL;

	if (a->op->node != NODE_FILE) {
		create_node(a);
		return;
	}
	if (!filter_open(a, O_WRONLY | O_CREAT_ | O_EXCL_, &call))
		return;
	struct place *place = find(a, 0, a->op->path, 0, S_IFREG);
	if (!a->world->textual)
		kernel_says(a, open_create_error(place), call);
	if (!mount_permits(a, place->tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	if (broker_creates(a, place, call)) {
		access_says(a, place_dir_access(place, W_OK | X_OK), call);
		return;
	}
	if (!ask_directory(a, place, FS_RIGHT(make_reg), call))
		return;
	access_says(a, place_dir_access(place, W_OK | X_OK), call);
	/* the new file is opened, and has no rule of its own */
	if (place->count)
		place->nodes[0] = a->world->textual ? place->nodes[0] : NODE_NONE;
	place->mode = S_IFREG;
	if (!ask_object(a, place, FS_RIGHT(write_file), call) && !a->out->kernel_err)
		a->out->note = "the file is created, empty, before opening it is refused";
}

/* ---- removing names ---- */

static int remove_error(const struct place *place)
{
	static const int dots[] = {[LAST_DOT] = EINVAL, [LAST_DOTDOT] = ENOTEMPTY, [LAST_ROOT] = EBUSY};

	if (place->err)
		return place->err;
	/* do_rmdir(); do_unlinkat() would say EISDIR */
	if (place->last != LAST_NAME)
		return dots[place->last];
	return place_dir_access(place, W_OK) == EROFS ? EROFS : 0;
}

/* After mnt_want_write(): is there something of that kind? */
static int remove_name_error(const struct place *place, bool directory)
{
	if (!place->exists)
		return place->too_long ? ENAMETOOLONG : ENOENT;
	return place->slash && !directory ? ENOTDIR : 0;
}

static void op_remove(struct asking *a)
{
	const struct call_form files[] = {{"unlink", {POINTER}}, {"unlinkat", {CWD, POINTER, 0}}};
	const struct call_form dirs[] = {{"rmdir", {POINTER}}, {"unlinkat", {CWD, POINTER, AT_REMOVEDIR_}}};
	struct place *place = find(a, 0, a->op->path, 0, S_IFREG);
	bool directory = S_ISDIR(place->mode);
	const char *call = NULL;

	if (!(directory ? ask_filter(a, FORMS(dirs), &call) : ask_filter(a, FORMS(files), &call)))
		return;
	kernel_says(a, remove_error(place), call);
	if (!mount_permits(a, place->tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	kernel_says(a, remove_name_error(place, directory), call);
	if (!broker_changes(a, place, call) &&
	    !ask_directory(a, place, directory ? FS_RIGHT(remove_dir) : FS_RIGHT(remove_file), call))
		return;
	access_says(a, place_dir_access(place, W_OK | X_OK), call);
	/* vfs_rmdir(), vfs_unlink() */
	if (place->mounted)
		kernel_says(a, EBUSY, call);
	else if (directory && place_holds_entries(place))
		kernel_says(a, ENOTEMPTY, call);
}

/* ---- rename(2), link(2) ---- */

/* Is `dir` at or above what `place` is in: lock_rename() finds it out. */
static bool holds(const struct place *dir, const struct place *place)
{
	/* what something is mounted on is not what the path beneath it leads through */
	if (!dir->count || dir->nodes[0] == NODE_NONE || dir->mounted || !S_ISDIR(dir->mode))
		return false;
	for (size_t i = 1; i < place->count; i++)
		if (place->nodes[i] == dir->nodes[0])
			return true;
	return false;
}

/* fs/namei.c, do_renameat2(): up to mnt_want_write(). */
static int rename_error(const struct place *from, const struct place *to)
{
	if (from->err || to->err)
		return from->err ? from->err : to->err;
	if (from->parent_mount != to->parent_mount)
		return EXDEV;
	if (from->last != LAST_NAME || to->last != LAST_NAME)
		return EBUSY;
	return place_dir_access(from, W_OK) == EROFS ? EROFS : 0;
}

/* From there to security_path_rename(). */
static int rename_name_error(const struct place *from, const struct place *to, bool exchange)
{
	if (!from->exists)
		return from->too_long ? ENAMETOOLONG : ENOENT;
	if (to->too_long)
		return ENAMETOOLONG;
	if (exchange && !to->exists)
		return ENOENT;
	if (exchange && !S_ISDIR(to->mode) && to->slash)
		return ENOTDIR;
	/* the source is no directory: neither name may claim to be one */
	if (!S_ISDIR(from->mode) && (from->slash || (!exchange && to->slash)))
		return ENOTDIR;
	if (holds(from, to))
		return EINVAL;
	return holds(to, from) ? (exchange ? EINVAL : ENOTEMPTY) : 0;
}

static bool same_file(const struct place *from, const struct place *to)
{
	if (!to->exists)
		return false;
	/* of what is mounted on both nothing is known but the name */
	if (from->mounted || to->mounted)
		return from->nodes[1] == to->nodes[1] && !strcmp(from->name, to->name);
	return from->nodes[0] == to->nodes[0];
}

/* vfs_rename(): what the file system says after all. */
static int rename_done_error(const struct place *from, const struct place *to, bool exchange)
{
	if (!from->exists || same_file(from, to))
		return 0;
	int err = place_dir_access(from, W_OK | X_OK);
	if (!err)
		err = place_dir_access(to, W_OK | X_OK);
	if (!err && to->exists && !exchange && S_ISDIR(from->mode) != S_ISDIR(to->mode))
		err = S_ISDIR(from->mode) ? ENOTDIR : EISDIR;
	if (!err && (from->mounted || (to->exists && to->mounted)))
		err = EBUSY;
	if (!err && to->exists && !exchange && S_ISDIR(to->mode) && place_holds_entries(to))
		err = ENOTEMPTY;
	return err;
}

static void op_rename(struct asking *a)
{
	const struct call_form renames[] = {{"rename", {POINTER, POINTER}},
					    {"renameat", {CWD, POINTER, CWD, POINTER}},
					    {"renameat2", {CWD, POINTER, CWD, POINTER, 0}}};
	const struct call_form exchanges[] = {{"renameat2", {CWD, POINTER, CWD, POINTER, EXCHANGE}}};
	bool exchange = a->op->id == OP_EXCHANGE;
	const char *call = NULL;

	if (!(exchange ? ask_filter(a, FORMS(exchanges), &call) : ask_filter(a, FORMS(renames), &call)))
		return;
	struct place *from = find(a, 0, a->op->path, 0, S_IFREG), *to = find(a, 1, a->op->to, 0, S_IFREG);
	enum broker_move brokered = broker_moves(a, from, to, call);

	if (brokered == MOVE_OUT)
		return;
	if (a->world->textual)
		to->exists = exchange;
	else
		kernel_says(a, rename_error(from, to), call);
	if (!mount_permits(a, from->tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	if (!a->world->textual)
		kernel_says(a, rename_name_error(from, to, exchange), call);
	if ((brokered || ask_refer(a, from, to, true, exchange, call)) && !a->world->textual)
		access_says(a, rename_done_error(from, to, exchange), call);
}

/* do_linkat(): before the mounts are compared. */
static int link_error(const struct place *from, const struct place *to)
{
	if (from->err || !from->exists)
		return from->err ? from->err : from->too_long ? ENAMETOOLONG : ENOENT;
	return create_error(to, false);
}

static void op_link(struct asking *a)
{
	const struct call_form forms[] = {{"link", {POINTER, POINTER}}, {"linkat", {CWD, POINTER, CWD, POINTER, 0}}};
	const char *call = NULL;

	if (!ask_filter(a, FORMS(forms), &call))
		return;
	/* the source is an ordinary look-up, which a slash at the end makes one of a directory */
	size_t len = strlen(a->op->path);
	unsigned flags = a->op->path[len - 1] == '/' ? PLACE_FOLLOW : 0;
	struct place *from = find(a, 0, a->op->path, flags, S_IFREG), *to = find(a, 1, a->op->to, 0, S_IFREG);
	enum broker_move brokered = broker_moves(a, from, to, call);

	if (brokered == MOVE_OUT)
		return;
	if (a->world->textual)
		to->exists = false;
	else
		kernel_says(a, link_error(from, to), call);
	if (!mount_permits(a, to->tag, K_MOUNT_ATTR_RDONLY, EROFS, call))
		return;
	kernel_says(a, from->object_mount != to->mount ? EXDEV : 0, call);
	if (!a->world->textual)
		access_says(a, place_link_access(from), call);
	if ((!brokered && !ask_refer(a, from, to, false, false, call)) || a->world->textual)
		return;
	access_says(a, place_dir_access(to, W_OK | X_OK), call);
	if (S_ISDIR(from->mode))
		kernel_says(a, EPERM, call);
}

/* ---- sockets, signals ---- */

enum { FAMILY_UNIX = 1, FAMILY_INET = 2, TYPE_STREAM = 1, TYPE_DGRAM = 2 };

static bool filter_socket(struct asking *a, uint64_t family, uint64_t type)
{
	const struct call_form forms[] = {{"socket", {family, type, 0}}, {"socketcall", {1, POINTER}}};
	const char *call = NULL;

	return ask_filter(a, FORMS(forms), &call);
}

static bool filter_address(struct asking *a, const char **call)
{
	const struct call_form connects[] = {{"connect", {SOME_FD, POINTER, LEN}}, {"socketcall", {3, POINTER}}};
	const struct call_form binds[] = {{"bind", {SOME_FD, POINTER, LEN}}, {"socketcall", {2, POINTER}}};

	return a->op->id == OP_CONNECT ? ask_filter(a, FORMS(connects), call) : ask_filter(a, FORMS(binds), call);
}

static void connect_unix(struct asking *a)
{
	const char *call = NULL;

	if (!filter_socket(a, FAMILY_UNIX, TYPE_STREAM) || !filter_address(a, &call))
		return;
	if (a->op->peer == PEER_ABSTRACT) {
		a->out->note = "for a socket that was bound outside of the sandbox";
		/* net/unix/af_unix.c: names belong to the network namespace */
		if (has_space(a, K_CLONE_NEWNET))
			namespace_refuses(a, K_CLONE_NEWNET, ECONNREFUSED, call);
		else
			ask_scope(a, SCOPE_RIGHT(abstract_unix_socket), call);
		return;
	}
	/* net/unix/af_unix.c, unix_find_bsd() */
	struct place *place = find(a, 0, a->op->path, PLACE_FOLLOW, S_IFSOCK);
	kernel_says(a, place->err, call);
	access_says(a, place_access(place, W_OK), call);
	if (place->exists && !S_ISSOCK(place->mode))
		kernel_says(a, ECONNREFUSED, call);
	ask_object(a, place, FS_RIGHT(resolve_unix), call);
}

static void op_address(struct asking *a)
{
	bool udp = a->op->peer == PEER_UDP, connects = a->op->id == OP_CONNECT;
	uint64_t tcp_right = connects ? NET_RIGHT(connect_tcp) : NET_RIGHT(bind_tcp);
	uint64_t udp_right = connects ? NET_RIGHT(connect_send_udp) : NET_RIGHT(bind_udp);
	const char *call = NULL;

	if (a->op->peer > PEER_UDP) {
		connect_unix(a);
		return;
	}
	if (!filter_socket(a, FAMILY_INET, udp ? TYPE_DGRAM : TYPE_STREAM) || !filter_address(a, &call) ||
	    !ask_port(a, udp ? udp_right : tcp_right, call) || !connects || !has_space(a, K_CLONE_NEWNET))
		return;
	a->out->note = "the network is isolated: what the command itself serves on the loopback can be reached";
	namespace_refuses(a, K_CLONE_NEWNET, ENETUNREACH, call);
}

static void op_signal(struct asking *a)
{
	const struct call_form forms[] = {{"kill", {SOME_PID, SIGTERM_}}};
	const char *call = NULL;

	if (!ask_filter(a, FORMS(forms), &call))
		return;
	/* kernel/signal.c, kill_something_info(): no number stands for it in there */
	if (has_space(a, K_CLONE_NEWPID))
		namespace_refuses(a, K_CLONE_NEWPID, ESRCH, call);
	else
		ask_scope(a, SCOPE_RIGHT(signal), call);
}

static void op_syscall(struct asking *a)
{
	static const char *const mounting[] = {"mount", "umount", "umount2", "move_mount", "pivot_root"};

	const char *colon = a->op->foreign ? strchr(a->op->call, ':') : NULL;

	if (!ask_syscall(a))
		return;
	for (size_t i = 0; i < sizeof(mounting) / sizeof(mounting[0]); i++)
		if (!strcmp(colon ? colon + 1 : a->op->call, mounting[i]))
			ask_mount(a, a->op->call);
}

static void (*const performers[OPERATION_IDS])(struct asking *) = {
	[OP_READ] = op_read,     [OP_WRITE] = op_write,     [OP_LIST] = op_list,         [OP_EXEC] = op_exec,
	[OP_CREATE] = op_create, [OP_REMOVE] = op_remove,   [OP_TRUNCATE] = op_truncate, [OP_IOCTL] = op_ioctl,
	[OP_RENAME] = op_rename, [OP_EXCHANGE] = op_rename, [OP_LINK] = op_link,         [OP_CONNECT] = op_address,
	[OP_BIND] = op_address,  [OP_SIGNAL] = op_signal,   [OP_SYSCALL] = op_syscall,
};

/* ---- the whole ---- */

/* The first step that refuses says what the program sees; the first of the policy's, who denies. */
static void conclude(struct asking *a)
{
	struct decision *out = a->out;

	out->allowed = !a->refused;
	out->decisive = out->nsteps;
	for (size_t i = out->nsteps; i-- > 0;) {
		const struct decision_step *step = &out->steps[i];
		if (step->allowed)
			continue;
		out->err = step->err;
		out->kills = step->kills;
		if (step->by == BY_KERNEL && a->refused)
			continue;
		out->decisive = i;
		out->by = step->by == BY_KERNEL ? BY_NOBODY : step->by;
		out->unsure = step->unsure;
	}
}

void decide(struct world *world, unsigned abi, enum arch_id arch, const struct operation *op, struct decision *out)
{
	struct asking a = {
		.world = world, .abi = abi, .plan = world_plan(world, abi), .arch = arch, .op = op, .out = out};

	memset(out, 0, offsetof(struct decision, steps));
	out->nsteps = 0;
	if (world->blob->plans[a.plan].flags & LLPB_PLAN_REFUSE || !filter_exists(&a)) {
		step_add(&a, BY_PLAN, NULL)->allowed = false;
		a.refused = true;
	} else {
		performers[op->id](&a);
	}
	conclude(&a);
}
