/* SPDX-License-Identifier: MIT */
/* Which calls are looked at when they fail, and with which errors; see trace.h. */
#include <errno.h>
#include <string.h>

#include "inspect.h"
#include "trace.h"

static void set_error(struct trace_watch *watch, uint32_t error)
{
	if (error < 4096)
		watch->errors[error / 64] |= UINT64_C(1) << (error % 64);
}

/* May the filter answer with an error, or a signal? */
static bool may_refuse(struct trace_watch *watch, const struct verdicts *verdicts)
{
	bool refuses = verdicts->overflow;

	for (size_t i = 0; i < verdicts->count; i++) {
		uint32_t action = verdicts->action[i] & K_SECCOMP_RET_ACTION_FULL;
		if (action == K_SECCOMP_RET_ERRNO)
			set_error(watch, verdicts->action[i] & K_SECCOMP_RET_DATA);
		if (action == K_SECCOMP_RET_TRACE)
			set_error(watch, ENOSYS);
		refuses |= action <= K_SECCOMP_RET_TRACE || action == K_SECCOMP_RET_KILL_PROCESS;
	}
	return refuses;
}

static bool watch_filter(struct trace_watch *watch, const struct bpf_program *program, uint32_t audit_arch)
{
	bool any = false;

	for (uint32_t nr = 0; nr < TRACE_CALLS; nr++) {
		struct bpf_scope scope = {.nr_known = true, .nr = nr, .arch = audit_arch};
		struct verdicts verdicts = {.count = 0};
		filter_verdicts(program, &scope, &verdicts);
		if (may_refuse(watch, &verdicts)) {
			watch->shapes[nr].watch |= TRACE_W_FILTER;
			any = true;
		}
	}
	return any;
}

enum reading_watch {
	WATCH_NONE = 0,
#define TRACE_READING(id) WATCH_##id = TRACE_W_ALWAYS,
#include "trace_readings.def"
};

static void watch_calls(struct trace_watch *watch, enum arch_id arch)
{
	static const struct {
		const char *name;
		struct trace_shape shape;
	} rows[] = {
#define TRACED(name, reading, path, dir, path2, dir2, file, memory, size)                                            \
	{#name, {path, path2, dir, dir2, file, memory, size, WATCH_##reading}},
#include "trace_calls.def"
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int nr = syscall_number(arch, rows[i].name);
		if (nr >= 0 && nr < TRACE_CALLS)
			watch->shapes[nr] = rows[i].shape;
	}
}

static void watch_capabilities(struct trace_watch *watch, enum arch_id arch)
{
	static const char *const names[] = {
#define NEEDS(call, cap) #call,
#include "trace_caps.def"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int nr = syscall_number(arch, names[i]);
		if (nr >= 0 && nr < TRACE_CALLS)
			watch->shapes[nr].watch |= TRACE_W_ALWAYS;
	}
}

/* What the policy's mounts and its network namespace answer: the engine tells theirs from the kernel's own. */
static void watch_view(struct trace_watch *watch, const struct blob *blob)
{
	bool any = blob->nmounts && blob->mounts->spaces & K_CLONE_NEWNET;

	if (any)
		set_error(watch, ENETUNREACH);
	for (uint32_t i = 0; i < blob->nmounts; i++) {
		if (!(blob->mounts[i].attrs & K_MOUNT_ATTR_RDONLY))
			continue;
		set_error(watch, EROFS);
		any = true;
	}
	for (size_t nr = 0; any && nr < TRACE_CALLS; nr++)
		if (watch->shapes[nr].watch & TRACE_W_ALWAYS)
			watch->shapes[nr].watch |= TRACE_W_FILTER;
}

void trace_watch(struct trace_run *run, const struct blob *blob, uint32_t plan, enum arch_id arch)
{
	struct trace_watch *watch = &run->watch;
	const struct trace_shape none = {-1, -1, -1, -1, -1, -1, -1, 0};
	const struct llpb_filter *filter;
	struct bpf_program program;
	int missing = 0;

	memset(watch, 0, sizeof(*watch));
	for (size_t i = 0; i < TRACE_CALLS; i++)
		watch->shapes[i] = none;
	watch->restrict_self = syscall_number(arch, "landlock_restrict_self");
	watch->seccomp = syscall_number(arch, "seccomp");
	watch->prctl = syscall_number(arch, "prctl");
	watch_calls(watch, arch);
	watch_capabilities(watch, arch);
	watch_view(watch, blob);
	filter = blob_filter(blob, plan, arch_rows[arch].audit_arch, &missing);
	/* the broker's listener takes precedence over a tracer's filter, too */
	run->filtered = filter && filter_program(blob, filter, &program) &&
			watch_filter(watch, &program, arch_rows[arch].audit_arch);
	run->filtered |= blob->header->features & LLPB_F_BROKER;
}
