/* SPDX-License-Identifier: MIT */
/*
 * The broker's handlers on any call of any caller: its arguments and memory are the input, and so is what the kernel
 * answers. The files of runtime/llrund are compiled here as they are; only the system call itself is another one. What
 * must hold: no access outside of buffers, every descriptor closed or handed over, and what is made or removed is one
 * name in a directory that was looked up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define sys_call kernel_call
#include "sys.h"
#undef sys_call
static long sys_call(long nr, long a, long b, long c, long d, long e, long f);

#include "llrund/audit.h"
#include "llrund/broker.h"
#include "../../runtime/llrund/broker_change.c"
#include "../../runtime/llrund/broker_ids.c"
#include "../../runtime/llrund/broker_open.c"
#include "../../runtime/llrund/publish.c"
#include "../../runtime/llrund/resolve.c"
#include "../../runtime/llrund/status.c"
#include "../../runtime/llrund/told.c"
#undef COMMON
#define reply mount_reply
#define give  mount_give
#include "../../runtime/llrund/broker_mount.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE    0x10000u
#define FIRST   100
#define HIGHEST 400

static const uint8_t *input, *memory;
static size_t left, memory_size;
static uint8_t open_fds[HIGHEST];

static uint8_t next(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static void require(int condition)
{
	if (!condition)
		abort();
}

static long new_fd(void)
{
	static const int errors[] = {K_ENOENT, K_ELOOP, K_EACCES, K_EXDEV, K_ENOTDIR, K_EOPNOTSUPP};
	uint8_t choice = next();

	if (choice > 200)
		return -errors[choice % 6];
	for (int fd = FIRST; fd < HIGHEST; fd++)
		if (!open_fds[fd]) {
			open_fds[fd] = 1;
			return fd;
		}
	return -K_EMFILE;
}

static void check_name(long dir, const char *name)
{
	size_t len = strlen(name);

	require(dir >= FIRST && dir < HIGHEST && open_fds[dir]);
	require(len > 0 && strcmp(name, ".") && strcmp(name, "..") && strcmp(name, "./") && strcmp(name, "../"));
	require(strchr(name, '/') == NULL || strchr(name, '/') == name + len - 1);
}

static long read_memory(const struct k_iovec *local, const struct k_iovec *remote, long count)
{
	size_t done = 0;

	for (long i = 0; i < count; i++) {
		uint64_t at = (uint64_t)remote[i].base;
		size_t size = remote[i].size;
		if (at < BASE || at - BASE >= memory_size || size == 0)
			break;
		if (size > memory_size - (at - BASE))
			break;
		require(done + size <= local->size);
		memcpy((char *)(uintptr_t)local->base + done, memory + (at - BASE), size);
		done += size;
	}
	return done ? (long)done : -K_EFAULT;
}

static long read_link(char *out, size_t size)
{
	static const char *const names[] = {"/scratch",  "/scratch/a", "/export", "/export/b",
					    "/tree/x/y", "/",          "/other"};
	const char *name = names[next() % 7];

	require(size > strlen(name));
	memcpy(out, name, strlen(name));
	return (long)strlen(name);
}

static long look(struct k_statx *out)
{
	static const uint16_t types[] = {K_S_IFREG, K_S_IFDIR, K_S_IFLNK, K_S_IFIFO, K_S_IFCHR};

	memset(out, 0, sizeof(*out));
	out->ino = next() % 8;
	out->mode = types[next() % 5] | 0644;
	return next() > 240 ? -K_ENOENT : 0;
}

static long sys_call(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)d, (void)f;
	switch (nr) {
	case NR_process_vm_readv:
		return read_memory((void *)b, (void *)d, e);
	case NR_openat:
	case NR_openat2:
	case NR_open_tree:
	case NR_fsopen:
	case NR_fsmount:
	case NR_memfd_create:
		return new_fd();
	case NR_fcntl:
		return b == K_F_DUPFD_CLOEXEC ? new_fd() : 0;
	case NR_close:
		require(a >= FIRST && a < HIGHEST && open_fds[a]);
		open_fds[a] = 0;
		return 0;
	case NR_statx:
		return look((void *)e);
	case NR_readlinkat:
		return read_link((void *)c, (size_t)d);
	case NR_read: {
		size_t n = next() % 64;
		require(n < (size_t)c);
		for (size_t i = 0; i < n; i++)
			((char *)b)[i] = (char)next();
		return (long)n;
	}
	case NR_write:
		return c;
	case NR_mkdirat:
	case NR_mknodat:
		check_name(a, (const char *)b);
		return 0;
	case NR_unlinkat:
		check_name(a, (const char *)b);
		return 0;
	case NR_symlinkat:
		check_name(b, (const char *)c);
		return 0;
	case NR_renameat2:
		check_name(a, (const char *)b);
		check_name(c, (const char *)d);
		return 0;
	case NR_linkat:
		check_name(c, (const char *)d);
		return 0;
	case NR_copy_file_range:
		return 0;
	default:
		return next() > 250 ? -K_EPERM : 0;
	}
}

int audit_fits(const struct audit *audit, enum audit_event event, const struct audit_value *texts, size_t count)
{
	(void)audit, (void)event, (void)texts, (void)count;
	return next() % 4 != 0;
}

int audit_write(struct audit *audit, enum audit_event event, const struct audit_value *values, size_t count)
{
	size_t sum = 0;

	(void)audit, (void)event;
	for (size_t i = 0; i < count; i++)
		sum += values[i].text ? strlen(values[i].text) : 0;
	return sum > 1u << 20;
}

/* Not reached: the exceptions are made here. */
int bind_slots(const struct policy *policy, const struct llrun_options *options, int *slots, uint32_t *count,
	       struct llrun_error *error)
{
	(void)policy, (void)options, (void)slots, (void)count, (void)error;
	return -1;
}

int fail(struct llrun_error *error, enum llrun_code code, const char *text, const char *object)
{
	(void)error, (void)code, (void)text, (void)object;
	return -1;
}

int check_sys(struct llrun_error *error, const char *sys, long result, const char *object)
{
	(void)error, (void)sys, (void)object;
	return result < 0 ? -1 : 0;
}

static handler *const handlers[] = {
	on_openat,    on_openat2,    on_open,     on_creat,     on_truncate, on_mkdirat,       on_mkdir,
	on_mknodat,   on_mknod,      on_unlinkat, on_unlink,    on_rmdir,    on_renameat,      on_renameat2,
	on_rename,    on_linkat,     on_link,     on_symlinkat, on_symlink,  on_mount,         on_umount2,
	on_open_tree, on_move_mount, on_fsopen,   on_fsconfig,  on_fsmount,  on_mount_setattr,
};

static char strings[] = "\0/scratch\0/export\0/tree\0/mnt\0object\0tmpfs";
static const struct llpb_broker records[] = {
	{.kind = LLPB_B_READ, .path = 1, .shown = 1},
	{.kind = LLPB_B_READ, .path = 18, .shown = 18, .flags = LLPB_B_TREE},
	{.kind = LLPB_B_WRITE, .path = 18, .shown = 18, .flags = LLPB_B_CREATE},
	{.kind = LLPB_B_SCRATCH, .path = 1, .shown = 1},
	{.kind = LLPB_B_EXPORT, .path = 10, .shown = 10, .flags = LLPB_B_OVERWRITE},
	{.kind = LLPB_B_TMPFS, .path = 24, .shown = 24},
	{.kind = LLPB_B_BIND, .path = 24, .shown = 24, .source = 18},
	{.kind = LLPB_B_OBJECT, .path = 24, .shown = 24, .source = 29, .type = 36, .attrs = 9},
};
#define RECORDS (sizeof(records) / sizeof(records[0]))

static void prepare(struct broker *broker, struct exception *exceptions)
{
	static const char *const paths[] = {"/scratch", "/tree", "/", "/scratch", "/export", "", "", ""};

	for (uint32_t i = 0; i < RECORDS; i++) {
		exceptions[i] =
			(struct exception){.record = &records[i], .path = paths[i], .fd = i < 5 ? (int)i + 10 : -1};
		exceptions[i].id = (struct file_id){.ino = i, .mode = i == 0 ? K_S_IFREG : K_S_IFDIR};
		exceptions[i].mounted = i >= 5 && next() & 1;
	}
	exceptions[0].plain = next() & 1 ? MAY_READ : 0;
	exceptions[2].leaf = "new";
	broker->singles = next() & 1;
	broker->exceptions = exceptions;
	broker->count = RECORDS;
	broker->trees = next() & 1;
	broker->roots_vary = next() & 1;
	broker->ids_vary = next() & 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy;
	static struct job job = {.policy = &policy};
	static struct request request;
	struct exception exceptions[RECORDS];
	struct broker broker = {.job = &job};

	memset(open_fds, 0, sizeof(open_fds));
	memory = input = data, memory_size = left = size;
	policy.blob.strings = strings;
	prepare(&broker, exceptions);
	for (int calls = 0; calls < 4 && left; calls++) {
		request.broker = &broker;
		request.fd = -1;
		request.notif = (struct k_seccomp_notif){.id = 1, .pid = 1};
		handler *handle = handlers[next() % (sizeof(handlers) / sizeof(handlers[0]))];
		for (int i = 0; i < 6; i++) {
			uint8_t kind = next();
			request.notif.data.args[i] =
				kind & 1 ? (uint64_t)next() << (kind >> 3 & 24) : BASE + (size_t)next() * 8;
		}
		if (handle(&request) == HAND_OVER)
			require(request.fd >= FIRST && open_fds[request.fd] && (open_fds[request.fd] = 0, 1));
	}
	for (uint32_t i = 0; i < BROKER_LEASES; i++)
		if (broker.leases[i].exception && broker.leases[i].kind == LEASE_MOUNT)
			open_fds[broker.leases[i].mount] = 0;
	for (int fd = FIRST; fd < HIGHEST; fd++)
		require(!open_fds[fd]);
	return 0;
}
