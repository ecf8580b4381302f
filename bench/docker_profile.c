/* SPDX-License-Identifier: MIT */
/*
 * Docker's profile read for x86_64 without added capabilities, and given to libseccomp as it is written. Calls that
 * libseccomp's table lacks are given by number: the two programs are to mean the same.
 */
#include <jansson.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "docker.h"

struct profile {
	json_t *root;
};

static bool named(const json_t *object, const char *key, const char *name)
{
	const json_t *list = json_object_get(object, key), *item;
	size_t i;

	json_array_foreach(list, i, item) if (!strcmp(json_string_value(item), name)) return true;
	return false;
}

/* minKernel is older than any kernel with Landlock. */
static bool applies(const json_t *rule)
{
	const json_t *with = json_object_get(rule, "includes"), *without = json_object_get(rule, "excludes");

	return json_array_size(json_object_get(with, "caps")) == 0 && !named(without, "arches", "amd64") &&
	       (json_array_size(json_object_get(with, "arches")) == 0 || named(with, "arches", "amd64"));
}

struct profile *profile_read(const char *path)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	json_error_t error;

	if (profile)
		profile->root = json_load_file(path, 0, &error);
	if (profile && profile->root && json_is_array(json_object_get(profile->root, "syscalls")))
		return profile;
	fprintf(stderr, "docker: %s: %s\n", path, profile && !profile->root ? error.text : "not a profile");
	profile_free(profile);
	return NULL;
}

void profile_free(struct profile *profile)
{
	if (profile)
		json_decref(profile->root);
	free(profile);
}

static uint32_t errno_action(const json_t *holder, const char *key)
{
	const json_t *number = json_object_get(holder, key);

	return SCMP_ACT_ERRNO(number ? (uint32_t)json_integer_value(number) : 1);
}

static const struct {
	const char *name;
	enum scmp_compare op;
} comparisons[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static uint64_t integer(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* How many comparisons the rule has; -1 when there is one that is not known. */
static int read_comparisons(const json_t *rule, struct scmp_arg_cmp *out)
{
	const json_t *args = json_object_get(rule, "args"), *arg;
	size_t i, k;

	if (json_array_size(args) > 6)
		return -1;
	json_array_foreach(args, i, arg)
	{
		const char *op = json_string_value(json_object_get(arg, "op"));

		for (k = 0; k < sizeof(comparisons) / sizeof(*comparisons); k++)
			if (op && !strcmp(op, comparisons[k].name))
				break;
		if (k == sizeof(comparisons) / sizeof(*comparisons))
			return -1;
		out[i] = (struct scmp_arg_cmp){(unsigned)integer(arg, "index"), comparisons[k].op,
					       integer(arg, "value"), integer(arg, "valueTwo")};
	}
	return (int)json_array_size(args);
}

static bool add_rule(scmp_filter_ctx ctx, const json_t *rule)
{
	const json_t *names = json_object_get(rule, "names"), *name;
	const char *action = json_string_value(json_object_get(rule, "action"));
	struct scmp_arg_cmp args[6];
	int count = read_comparisons(rule, args);
	size_t i;

	if (count < 0 || !action)
		return false;
	json_array_foreach(names, i, name)
	{
		int nr = syscall_number(ARCH_X86_64, json_string_value(name));
		uint32_t value = strcmp(action, "SCMP_ACT_ALLOW") ? errno_action(rule, "errnoRet") : SCMP_ACT_ALLOW;

		if (nr >= 0 && seccomp_rule_add_exact_array(ctx, value, nr, (unsigned)count, args))
			return false;
	}
	return true;
}

static bool export_program(scmp_filter_ctx ctx, struct arena *arena, struct bpf_program *out)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size = fd >= 0 && !seccomp_export_bpf(ctx, fd) ? lseek(fd, 0, SEEK_END) : 0;
	bool passed;

	out->insns = arena_alloc(arena, (size_t)size + 1);
	out->count = (size_t)size / sizeof(*out->insns);
	passed = size > 0 && pread(fd, out->insns, (size_t)size, 0) == size;
	close(fd);
	return passed;
}

bool profile_libseccomp(const struct profile *profile, uint32_t level, struct arena *arena, struct bpf_program *out)
{
	scmp_filter_ctx ctx = seccomp_init(errno_action(profile->root, "defaultErrnoRet"));
	bool passed = ctx && !seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, level) &&
		      !seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(profile->root, "syscalls"), i, rule) passed =
		passed && (!applies(rule) || add_rule(ctx, rule));
	passed = passed && export_program(ctx, arena, out);
	seccomp_release(ctx);
	if (!passed)
		fprintf(stderr, "docker: libseccomp does not take the profile\n");
	return passed;
}

size_t profile_allowed(const struct profile *profile, bool *allowed, uint32_t numbers)
{
	const json_t *rule, *name;
	size_t i, k, count = 0;

	memset(allowed, 0, numbers * sizeof(*allowed));
	json_array_foreach(json_object_get(profile->root, "syscalls"), i, rule)
	{
		const char *action = json_string_value(json_object_get(rule, "action"));

		if (!applies(rule) || json_array_size(json_object_get(rule, "args")) || !action ||
		    strcmp(action, "SCMP_ACT_ALLOW"))
			continue;
		json_array_foreach(json_object_get(rule, "names"), k, name)
		{
			int nr = syscall_number(ARCH_X86_64, json_string_value(name));

			if (nr >= 0 && (uint32_t)nr < numbers && !allowed[nr]) {
				allowed[nr] = true;
				count++;
			}
		}
	}
	return count;
}
