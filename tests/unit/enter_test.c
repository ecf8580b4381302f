/* SPDX-License-Identifier: MIT */
/*
 * libllrun in a threaded program with a C library: children made by fork and vfork are confined, the program and its
 * threads are not; errors are structures; no descriptor is lost.
 */
#include "llrun.h"
#include "mkblob.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/enter-test.XXXXXX";

static int open_descriptors(void)
{
	DIR *fds = opendir("/proc/self/fd");
	int count = 0;

	while (fds && readdir(fds))
		count++;
	closedir(fds);
	return count;
}

static unsigned char *policy_blob(size_t *size, const char *extra)
{
	char text[1024];

	snprintf(text, sizeof(text), "layers 1\nhandled 0 all none none\npath 0 rox /\npath 0 rw /dev/null\n%s",
		 extra);
	return mkblob(text, size);
}

static int can_write(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* 0: confined; 1: not; 2: llrun_enter() failed; 255: died */
static int in_fork(const struct llrun_policy *policy)
{
	struct llrun_error error;
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(llrun_enter(policy, &error) < 0 ? 2 : can_write());
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int in_vfork(const struct llrun_policy *policy)
{
	char path[64];
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"! (: >\"$0\") 2>/dev/null", path, NULL};
	char *envp[] = {NULL};
	struct llrun_error error;
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/vfork", dir);
	child = vfork();
	if (child == 0) {
		if (llrun_enter(policy, &error) == 0)
			execve("/bin/sh", argv, envp);
		_exit(2);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

struct job {
	const struct llrun_policy *policy;
	int confined, wrote;
};

static void *spawn_many(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < 10; i++) {
		job->confined += in_vfork(job->policy) == 0;
		job->wrote += can_write();
	}
	return NULL;
}

static void test_threads(const struct llrun_policy *policy)
{
	pthread_t threads[4];
	struct job jobs[4] = {0};
	int confined = 0, wrote = 0;

	for (int i = 0; i < 4; i++) {
		jobs[i].policy = policy;
		pthread_create(&threads[i], NULL, spawn_many, &jobs[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		confined += jobs[i].confined;
		wrote += jobs[i].wrote;
	}
	tap_ok(confined == 40, "40 children of 4 threads are confined (%d)", confined);
	tap_ok(wrote == 40, "the threads themselves are not (%d)", wrote);
}

static void test_enter(void)
{
	struct llrun_policy policy;
	struct llrun_error error;
	struct llrun_options options = {0};
	size_t size;
	unsigned char *blob = policy_blob(&size, "close_fds\nallow_filter\nguarantee fs firm 111111111111\n");
	int before = open_descriptors();
	uint32_t next = 0;

	if (!tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == 0, "prepare"))
		return;
	tap_ok(open_descriptors() == before + 1, "a prepared policy holds one descriptor per layer");
	tap_ok(can_write(), "before: the program may write");
	errno = 77;
	tap_ok(in_fork(&policy) == 0, "a forked child is confined");
	tap_ok(in_vfork(&policy) == 0, "a vforked child is confined, and so is what it executes");
	tap_ok(in_fork(&policy) == 0, "a prepared policy can be entered again");
	test_threads(&policy);
	tap_ok(can_write(), "after: the program may still write");
	tap_ok(!llrun_uncovered(&policy, &next, &error), "no guarantee is uncovered");
	llrun_release(&policy);
	llrun_release(&policy);
	tap_ok(open_descriptors() == before, "released, nothing stays open");
	free(blob);
}

/* A failure at each step: the error says which, and no descriptor stays. */
static void test_errors(void)
{
	static const struct {
		const char *what, *description;
		enum llrun_code code;
		uint32_t flags, as_abi;
		const char *sys, *object;
		int err;
		uint32_t line;
	} cases[] = {
		{"missing path", "path 0 ro /no/such/path\n", LLRUN_E_SYSCALL, 0, 0, "openat", "/no/such/path",
		 ENOENT, 5},
		{"missing path on a later layer", "slot here cwd\npath 0 ro /etc/passwd/x keep\n", LLRUN_E_SYSCALL, 0,
		 0, "openat", "/etc/passwd/x", ENOTDIR, 6},
		{"unset slot", "slot work arg dir\n", LLRUN_E_SLOT, 0, 0, NULL, "work", 0, 5},
		{"unset environment", "slot work env:WORK dir\n", LLRUN_E_SLOT, 0, 0, NULL, "WORK", 0, 5},
		{"slot on nothing", "slot work arg dir default=/no/such\n", LLRUN_E_SYSCALL, 0, 0, "openat2",
		 "/no/such", ENOENT, 5},
		{"ABI beyond the kernel's", "", LLRUN_E_ABI, LLRUN_AS_ABI, 99, NULL, NULL, 0, 0},
		{"plan that refuses", "refuse 0\nmin_abi 1\n", LLRUN_E_REFUSED, LLRUN_AS_ABI, 0, NULL, NULL, 0, 0},
		{"other architecture", "foreign_filter\n", LLRUN_E_ARCH, 0, 0, NULL, NULL, 0, 0},
	};
	int before = open_descriptors();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct llrun_policy policy;
		struct llrun_error error;
		struct llrun_options options = {.flags = cases[i].flags, .as_abi = cases[i].as_abi};
		size_t size;
		unsigned char *blob = policy_blob(&size, cases[i].description);

		tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == -1 && error.code == cases[i].code &&
			       error.err == cases[i].err && error.line == cases[i].line &&
			       (!cases[i].sys || !strcmp(error.sys, cases[i].sys)) && (cases[i].sys || error.text) &&
			       (!cases[i].object || !strcmp(error.object, cases[i].object)),
		       "%s: code, call, object, line", cases[i].what);
		llrun_release(&policy);
		tap_ok(open_descriptors() == before, "%s: no descriptor stays, none is closed", cases[i].what);
		free(blob);
	}
}

static void test_bad_blob(void)
{
	struct llrun_policy policy;
	struct llrun_error error;
	struct llrun_options options = {0};
	size_t size;
	unsigned char *blob = policy_blob(&size, "");

	blob[size - 1] ^= 1;
	tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == -1 && error.code == LLRUN_E_BLOB &&
		       !strcmp(error.text, "damaged (checksum)"),
	       "a damaged blob is refused");
	int before = open_descriptors();
	llrun_release(&policy);
	tap_ok(open_descriptors() == before, "releasing what was refused closes nothing");
	free(blob);
}

static void test_slots(void)
{
	struct llrun_policy policy;
	struct llrun_error error;
	char set[64];
	const char *sets[] = {set, NULL};
	struct llrun_options options = {.sets = sets};
	int before = open_descriptors();
	size_t size;
	unsigned char *blob = mkblob("layers 1\nhandled 0 all none none\nslot work arg dir\npath 0 rox /\n"
				     "path 0 rw - slot=0 keep\npath 0 ro sub rule=1 optional\n",
				     &size);

	snprintf(set, sizeof(set), "work=%s", dir);
	tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == 0, "prepare with a slot and nested rules");
	tap_ok(open_descriptors() == before + 1, "slots and anchors are closed");
	tap_ok(in_fork(&policy) == 1, "the slot is writable");
	llrun_release(&policy);
	snprintf(set, sizeof(set), "work=/");
	tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == -1 && error.code == LLRUN_E_SLOT,
	       "not the root directory");
	tap_ok(open_descriptors() == before, "no descriptor stays");
	free(blob);
}

static void test_environment(void)
{
	static const char *const envp[] = {"PATH=/bin", "SECRET=1", "LC_ALL=C", "CI=old", "PATHX=2", NULL};
	static const char *const want[] = {"PATH=/bin", "LC_ALL=C", "CI=new"};
	struct llrun_policy policy;
	struct llrun_error error;
	struct llrun_options options = {0};
	size_t size, count = 0;
	unsigned char *blob = mkblob("env pass PATH\nenv pass CI\nenv prefix LC_\nenv set CI=new\n", &size);
	const char *out[16];
	bool same = true;

	tap_ok(llrun_prepare(&policy, blob, size, &options, &error) == 0, "prepare with an environment");
	tap_ok(llrun_env_size(&policy, envp) <= 16 && llrun_env_size(&policy, NULL) == 5, "room for the environment");
	llrun_env_build(&policy, envp, out);
	for (; out[count]; count++)
		same = same && count < 3 && !strcmp(out[count], want[count]);
	tap_ok(same && count == 3, "what passes, then what is set");
	llrun_env_build(&policy, NULL, out);
	tap_ok(out[0] && !strcmp(out[0], "CI=new") && !out[1], "without an environment, what is set");
	llrun_release(&policy);
	free(blob);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 2;
	test_enter();
	test_errors();
	test_bad_blob();
	test_slots();
	test_environment();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) ? 2 : tap_done();
}
