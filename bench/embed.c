/* SPDX-License-Identifier: MIT */
/* Policy P in the child of a program that embeds it: by libllrun, and by hand with the ruleset filled beforehand. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "embed.h"
#include "llrun.h"
#include "policy_p.h"

/* ---- by hand ---- */

static int hand_ruleset = -1;

static const char *hand_prepare(char *const argv[])
{
	struct k_landlock_ruleset_attr attr = {P_HANDLED_FS, P_HANDLED_NET, 0, 0, 0, 0};

	(void)argv;
	/* a descriptor stays good for any number of restrict_self calls */
	hand_ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, 24, 0);
	if (hand_ruleset < 0)
		return "landlock_create_ruleset failed";
	for (size_t i = 0; i < P_COUNT(p_paths); i++) {
		struct k_landlock_path_beneath_attr rule = {.allowed_access = p_paths[i].access};
		long failed;

		rule.parent_fd = open(p_paths[i].path, O_PATH | O_CLOEXEC);
		if (rule.parent_fd < 0)
			return p_paths[i].path;
		failed = syscall(SYS_landlock_add_rule, hand_ruleset, K_LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
		close(rule.parent_fd);
		if (failed)
			return "landlock_add_rule failed";
	}
	if (syscall(SYS_landlock_add_rule, hand_ruleset, K_LANDLOCK_RULE_NET_PORT, &p_port, 0))
		return "landlock_add_rule failed";
	return NULL;
}

static int hand_enter(void)
{
	static const struct k_sock_fprog program = {P_COUNT(p_filter), p_filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 121;
	if (syscall(SYS_landlock_restrict_self, hand_ruleset, 0))
		return 122;
	if (syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &program))
		return 123;
	return 0;
}

/* ---- by libllrun: @enter BLOB TARGET... ---- */

static struct llrun_policy policy;

static const char *enter_prepare(char *const argv[])
{
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	struct llrun_error error;
	struct stat st;
	void *blob;

	if (fd < 0 || fstat(fd, &st))
		return "cannot open the blob";
	blob = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (blob == MAP_FAILED)
		return "cannot map the blob";
	if (llrun_prepare(&policy, blob, (size_t)st.st_size, &(struct llrun_options){0}, &error))
		return error.text ? error.text : error.sys;
	return NULL;
}

static int enter_enter(void)
{
	struct llrun_error error;

	return llrun_enter(&policy, &error) ? 125 : 0;
}

static const struct embed launchers[] = {
	{"enter", 2, enter_prepare, enter_enter},
	{"hand", 1, hand_prepare, hand_enter},
};

const struct embed *embed_find(const char *name)
{
	for (size_t i = 0; i < sizeof(launchers) / sizeof(*launchers); i++)
		if (!strcmp(launchers[i].name, name))
			return &launchers[i];
	return NULL;
}
