/* SPDX-License-Identifier: MIT */
/*
 * Calls that fail in the processes of one command, seen where they return. Loaded by llc-trace, which fills in `watch`.
 *
 * At sys_exit alone: a call that a filter refuses never reaches sys_enter (kernel/entry/common.c, syscall_trace_enter()
 * returns before the tracepoint), the arguments are still in the registers of the caller, and the pages that the kernel
 * has just read strings from are in memory, where a program that may not sleep can read them. A program costs what most
 * calls pay, so it looks at the result first: that of an ordinary call ends it.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "calls.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL"; /* reading other memory is for programs that say GPL */

#define EINVAL      22
#define SIGSYS      31
#define SYS_SECCOMP 1

#define PR_SET_SECCOMP 22
#define AF_UNIX        1

const volatile struct trace_watch watch;
struct calls_stats stats;
/* Root directory of the observer, by which all paths are told. */
static struct path observer_root;

/* Marks the processes of the command. Storage of the task itself: it is gone when the task is, and cannot be full. */
struct mark {
	__u32 armed; /* sandboxed by now */
	__u32 killed; /* its SIGSYS was told */
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mark);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

struct scratch {
	struct calls_part part;
	char room[256]; /* for the name that begins at the end of part.text */
	struct calls_head head;
	__u32 failed;
	/* How full part.text is. In memory, of which the verifier knows nothing: a variable's bounds would multiply what
	 * it has to look at by the length of the loop. */
	__u32 at;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* ---- the call ---- */

struct call {
	__u64 args[TRACE_ARGS];
	int nr;
	int result;
	__u32 foreign;
};

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: the call came by the 32-bit entry */

static __always_inline void read_call(struct call *call, const struct pt_regs *regs, struct task_struct *task)
{
	call->args[0] = BPF_CORE_READ(regs, di);
	call->args[1] = BPF_CORE_READ(regs, si);
	call->args[2] = BPF_CORE_READ(regs, dx);
	call->args[3] = BPF_CORE_READ(regs, r10);
	call->args[4] = BPF_CORE_READ(regs, r8);
	call->args[5] = BPF_CORE_READ(regs, r9);
	call->foreign = !!(BPF_CORE_READ(task, thread_info.status) & TS_COMPAT);
}

static __always_inline int call_number(const struct pt_regs *regs)
{
	return (int)BPF_CORE_READ(regs, orig_ax);
}
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT 22

static __always_inline void read_call(struct call *call, const struct pt_regs *regs, struct task_struct *task)
{
	call->args[0] = BPF_CORE_READ(regs, orig_x0);
	call->args[1] = BPF_CORE_READ(regs, regs[1]);
	call->args[2] = BPF_CORE_READ(regs, regs[2]);
	call->args[3] = BPF_CORE_READ(regs, regs[3]);
	call->args[4] = BPF_CORE_READ(regs, regs[4]);
	call->args[5] = BPF_CORE_READ(regs, regs[5]);
	call->foreign = BPF_CORE_READ(task, thread_info.flags) >> TIF_32BIT & 1;
}

static __always_inline int call_number(const struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, syscallno);
}
#endif

/* ---- its strings ---- */

static __always_inline void put_part(struct scratch *s, __u32 part, long size)
{
	if (size <= 0 || size > TRACE_PART_MAX) {
		s->head.head.cut |= 1u << part;
		return;
	}
	s->part.cpu = bpf_get_smp_processor_id();
	s->part.part = part;
	s->part.size = (__u32)size;
	if (bpf_ringbuf_output(&events, &s->part, CALLS_PART_SIZE(size), 0))
		s->failed = 1;
	s->head.head.parts |= 1u << part;
	s->head.head.size[part] = (__u16)size;
	if (size == TRACE_PART_MAX)
		s->head.head.cut |= 1u << part;
}

static __always_inline bool relative(const struct scratch *s, __u64 pointer)
{
	char first = 0;

	bpf_probe_read_user(&first, 1, (const void *)pointer);
	return first != '/';
}

/* The way up from a directory, or from an open file. */
struct way {
	struct scratch *s;
	struct vfsmount *vfs;
	struct dentry *dentry;
	bool arrived; /* at the root */
};

/* One step up. See fs/d_path.c, __prepend_path(). Not 0: there is no other. */
static long step_up(__u32 index, void *context)
{
	struct way *way = context;
	struct scratch *s = way->s;
	struct vfsmount *vfs = way->vfs;
	struct dentry *dentry = way->dentry, *parent;
	__u32 at = s->at & (TRACE_PART_MAX - 1);

	way->arrived = vfs == observer_root.mnt && dentry == observer_root.dentry;
	if (way->arrived)
		return 1;
	if (dentry == BPF_CORE_READ(vfs, mnt_root)) {
		struct mount *mount = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
		struct mount *below = BPF_CORE_READ(mount, mnt_parent);
		way->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		way->vfs = (void *)below + bpf_core_field_offset(struct mount, mnt);
		way->arrived = below == mount;
		return way->arrived;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	way->dentry = parent;
	way->arrived = parent == dentry;
	if (way->arrived)
		return 1;
	long n = bpf_probe_read_kernel_str(s->part.text + at, 256, BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0 || at + (__u32)n > TRACE_PART_MAX - 1)
		return 1;
	s->at = at + (__u32)n;
	return 0;
}

/*
 * Names of the directories above, from the last to the first. Not static: the verifier then looks at it once, and not at
 * every call; and by bpf_loop() (Linux 5.17) at one step, and not at CALLS_DEPTH of them, which took most of the time
 * that loading takes.
 */
__noinline int put_names(struct scratch *s, __u64 mnt, __u64 entry)
{
	struct way way = {.s = s, .vfs = (void *)mnt, .dentry = (void *)entry};

	if (!s)
		return -1;
	s->at = 0;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(CALLS_DEPTH, step_up, &way, 0);
	} else {
		for (__u32 i = 0; i < CALLS_DEPTH; i++)
			if (step_up(i, &way))
				break;
	}
	if (!way.arrived)
		return -1;
	/* the root directory has no name: one NUL */
	if (!s->at)
		s->part.text[s->at++] = 0;
	return (int)s->at;
}

static __always_inline void put_path(struct scratch *s, __u32 part, const struct path *path)
{
	put_part(s, part, put_names(s, (__u64)path->mnt, (__u64)path->dentry));
}

#define AT_FDCWD (-100)

static __noinline int put_directory(struct scratch *s, struct task_struct *task, __u32 part, int fd)
{
	struct path path = {};

	if (fd == AT_FDCWD) {
		path.mnt = BPF_CORE_READ(task, fs, pwd.mnt);
		path.dentry = BPF_CORE_READ(task, fs, pwd.dentry);
	} else {
		struct fdtable *table = BPF_CORE_READ(task, files, fdt);
		struct file *file = NULL;
		if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
			return 0;
		bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
		if (!file)
			return 0;
		path.mnt = BPF_CORE_READ(file, f_path.mnt);
		path.dentry = BPF_CORE_READ(file, f_path.dentry);
	}
	put_path(s, part, &path);
	return 0;
}

/* A path argument, and the directory that it starts from: where it is relative, and where the process has a root of
 * its own. */
static __noinline int put_argument(struct scratch *s, struct task_struct *task, __u64 pointer, int fd, __u32 second)
{
	long size = bpf_probe_read_user_str(s->part.text, TRACE_PART_MAX, (const void *)pointer);

	put_part(s, TRACE_PATH + (second & 1), size);
	if (relative(s, pointer))
		return put_directory(s, task, TRACE_BASE + (second & 1), fd);
	struct path root = {.mnt = BPF_CORE_READ(task, fs, root.mnt), .dentry = BPF_CORE_READ(task, fs, root.dentry)};
	if (root.mnt != observer_root.mnt || root.dentry != observer_root.dentry)
		put_path(s, TRACE_BASE + (second & 1), &root);
	return 0;
}

/* An address: by pointer and size, or by a struct msghdr, which begins with both. */
static __noinline int put_memory(struct scratch *s, struct task_struct *task, __u64 pointer, __u64 size, bool header)
{
	struct {
		__u64 name;
		__u32 size;
	} message = {pointer, (__u32)size};

	if (header && bpf_probe_read_user(&message, sizeof(message), (const void *)pointer))
		message.size = 0;
	if (!message.size || !message.name)
		return 0;
	if (message.size > 128)
		message.size = 128;
	if (bpf_probe_read_user(s->part.text, message.size & 0xff, (const void *)message.name))
		message.size = 0;
	put_part(s, TRACE_MEMORY, message.size);
	/* a relative name of a UNIX socket */
	if (message.size > 2 && *(__u16 *)s->part.text == AF_UNIX && s->part.text[2] && s->part.text[2] != '/')
		return put_directory(s, task, TRACE_BASE, AT_FDCWD);
	return 0;
}

static __always_inline __u64 argument(const struct call *call, int index)
{
	__u32 i = (__u32)index & 7;

	return call->args[i < TRACE_ARGS ? i : 0];
}

static __noinline int put_strings(struct scratch *s, struct task_struct *task, const struct call *call)
{
	__u32 nr = (__u32)call->nr & (TRACE_CALLS - 1);
	const volatile struct trace_shape *shape = &watch.shapes[nr];
	struct path exe = {};

	if (shape->path >= 0)
		put_argument(s, task, argument(call, shape->path),
			     shape->dir >= 0 ? (int)argument(call, shape->dir) : AT_FDCWD, 0);
	if (shape->path2 >= 0)
		put_argument(s, task, argument(call, shape->path2),
			     shape->dir2 >= 0 ? (int)argument(call, shape->dir2) : AT_FDCWD, 1);
	if (shape->file >= 0)
		put_directory(s, task, TRACE_FILE, (int)argument(call, shape->file));
	if (shape->memory >= 0)
		put_memory(s, task, argument(call, shape->memory), argument(call, shape->memory_size),
			   shape->memory_size < 0);
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	exe.mnt = BPF_CORE_READ(file, f_path.mnt);
	exe.dentry = BPF_CORE_READ(file, f_path.dentry);
	put_path(s, TRACE_EXE, &exe);
	return 0;
}

/* ---- telling ---- */

/* The number that the process sees, in its own namespace. */
static __always_inline int own_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	int nr = 0;

	bpf_probe_read_kernel(&nr, sizeof(nr),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (level & 0x1f) * bpf_core_type_size(struct upid) +
				      bpf_core_field_offset(struct upid, nr));
	return nr;
}

static __always_inline void tell(struct task_struct *task, const struct call *call, __u32 kind)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return;
	s->failed = 0;
	s->head.cpu = bpf_get_smp_processor_id();
	s->head.part = TRACE_PARTS;
	s->head.head.kind = kind;
	s->head.head.pid = own_pid(task);
	s->head.head.nr = call->nr;
	s->head.head.result = call->result;
	s->head.head.foreign = call->foreign;
	s->head.head.parts = 0;
	s->head.head.cut = 0;
	for (int i = 0; i < TRACE_ARGS; i++)
		s->head.head.args[i] = call->args[i];
	bpf_get_current_comm(s->head.head.comm, sizeof(s->head.head.comm));
	/* what a filter ends, it ends for its number and arguments; and the verifier has less to look at */
	if (kind == TRACE_K_CALL && !call->foreign)
		put_strings(s, task, call);
	if (s->failed || bpf_ringbuf_output(&events, &s->head, sizeof(s->head), 0))
		__sync_fetch_and_add(&stats.lost, 1);
}

/* The command's process calls prctl(TRACE_MARK, cookie): process numbers need not be compared across namespaces. */
static __always_inline void recognise(struct task_struct *task, const struct pt_regs *regs)
{
	struct call call;

	read_call(&call, regs, task);
	if (call.foreign || call.args[0] != TRACE_MARK || call.args[1] != watch.cookie ||
	    __sync_val_compare_and_swap(&stats.marked, 0, 1))
		return;
	observer_root.mnt = BPF_CORE_READ(task, fs, root.mnt);
	observer_root.dentry = BPF_CORE_READ(task, fs, root.dentry);
	if (!bpf_task_storage_get(&marks, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE))
		__sync_fetch_and_add(&stats.unfollowed, 1);
}

/* Success of what sandboxes, and the mark: rare calls, whose result is not an error that is told. */
static __always_inline void notice(struct task_struct *task, const struct pt_regs *regs, long ret)
{
	int nr = call_number(regs);
	struct mark *mark;

	if (nr == watch.prctl && ret == -EINVAL && !stats.marked)
		recognise(task, regs);
	if (ret || (nr != watch.restrict_self && nr != watch.seccomp && nr != watch.prctl))
		return;
	mark = bpf_task_storage_get(&marks, task, NULL, 0);
	if (!mark)
		return;
	struct call call;
	read_call(&call, regs, task);
	if (nr != watch.prctl || call.args[0] == PR_SET_SECCOMP)
		mark->armed = 1;
}

static __always_inline bool wanted(int nr, long ret)
{
	__u32 error = (__u32)-ret & 4095;
	__u32 word = error / 64;
	__u8 why;

	if (nr < 0 || nr >= TRACE_CALLS)
		return false;
	why = watch.shapes[nr & (TRACE_CALLS - 1)].watch;
	if (why & TRACE_W_ALWAYS && (error == 1 || error == 13 || error == 18))
		return true;
	return why & TRACE_W_FILTER && watch.errors[word & 63] >> (error & 63) & 1;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returns, struct pt_regs *regs, long ret)
{
	struct task_struct *task;
	struct mark *mark;
	struct call call;

	if (ret > 0 || ret < -4095)
		return 0;
	task = bpf_get_current_task_btf();
	if (ret == 0 || ret == -EINVAL)
		notice(task, regs, ret);
	call.nr = call_number(regs);
	if (!ret || !wanted(call.nr, ret))
		return 0;
	mark = bpf_task_storage_get(&marks, task, NULL, 0);
	if (!mark || !mark->armed)
		return 0;
	read_call(&call, regs, task);
	call.result = (int)ret;
	tell(task, &call, TRACE_K_CALL);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_forks, struct task_struct *parent, struct task_struct *child)
{
	struct mark *mark = bpf_task_storage_get(&marks, parent, NULL, 0), *copy;

	if (!mark)
		return 0;
	copy = bpf_task_storage_get(&marks, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (copy)
		copy->armed = mark->armed;
	else
		__sync_fetch_and_add(&stats.unfollowed, 1);
	return 0;
}

/* The registers as a filter found them: the kernel rolls the call back before the signal (kernel/seccomp.c). */
static __always_inline void tell_killed(struct task_struct *task, bool again)
{
	struct mark *mark = bpf_task_storage_get(&marks, task, NULL, 0);
	struct call call = {};

	if (!mark || !mark->armed || (mark->killed && !again))
		return;
	mark->killed = 1;
	call.nr = -1;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(task);
		read_call(&call, regs, task);
		call.nr = call_number(regs);
	}
	tell(task, &call, TRACE_K_SIGSYS);
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_arrives, int sig, struct kernel_siginfo *info)
{
	if (sig == SIGSYS && BPF_CORE_READ(info, si_code) == SYS_SECCOMP)
		tell_killed(bpf_get_current_task_btf(), true);
	return 0;
}

/* kill_thread in a process with others ends the thread without a signal. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exits, struct task_struct *task)
{
	if ((BPF_CORE_READ(task, exit_code) & 0x7f) == SIGSYS)
		tell_killed(bpf_get_current_task_btf(), false);
	return 0;
}
