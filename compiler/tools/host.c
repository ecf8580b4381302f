/* SPDX-License-Identifier: MIT */
/* Probes of the running kernel; see host.h. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access.h"
#include "kernel_abi.h"

/* The same on every architecture but alpha; older headers lack them. */
#define NR_LANDLOCK_CREATE_RULESET 444
#define NR_LANDLOCK_RESTRICT_SELF  446
#define NR_CLOSE_RANGE             436
#define NR_OPENAT2                 437

const struct host_action host_actions[HOST_ACTIONS] = {
	{"kill_process", K_SECCOMP_RET_KILL_PROCESS},
	{"errno", K_SECCOMP_RET_ERRNO},
	{"log", K_SECCOMP_RET_LOG},
	{"trap", K_SECCOMP_RET_TRAP},
	{"trace", K_SECCOMP_RET_TRACE},
	{"user_notif", K_SECCOMP_RET_USER_NOTIF},
};

/* ---- files ---- */

/* First line, without its end; false when the file cannot be read. */
static bool read_line(const char *path, char line[HOST_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, HOST_TEXT - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	return n >= 0;
}

/* A number from /proc/self/status, or -1. */
static int status_field(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[HOST_TEXT];
	int value = -1;
	size_t len = strlen(name);

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == ':')
			value = (int)strtol(line + len + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* ---- in a child ---- */

/* What `try` returns (0 to 255) in a child, or: */
enum { CHILD_KILLED = 256, NO_CHILD };

static int in_child(int (*try)(const void *arg), const void *arg)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(try(arg));
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return NO_CHILD;
	if (pid < 0)
		return NO_CHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_KILLED;
}

/* The same for a `try` that returns 0 or an error number. */
static int error_in_child(int (*try)(const void *arg), const void *arg)
{
	int error = in_child(try, arg);

	return error == NO_CHILD ? EAGAIN : error == CHILD_KILLED ? EPERM : error;
}

static int try_no_new_privs(const void *arg)
{
	(void)arg;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? errno : 0;
}

static int try_userns(const void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE,
		  NULL)) /* AppArmor gives the namespace, and no right in it */
		return errno;
	return 0;
}

/* The number in a file of /proc/sys, or -1. */
static long setting(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -1;

	if (file && fscanf(file, "%ld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

/* The settings of kernels and distributions that switch user namespaces off, and what a container can add to that. */
static const char *userns_remedy(int error)
{
	if (!error)
		return NULL;
	if (setting("/proc/sys/user/max_user_namespaces") == 0 || error == ENOSPC)
		return "sysctl user.max_user_namespaces=10000, and user.max_mnt_namespaces and the like above 0";
	if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return "sysctl kernel.unprivileged_userns_clone=1";
	if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
		return "an AppArmor profile for llrun with \"userns,\", or sysctl "
		       "kernel.apparmor_restrict_unprivileged_userns=0";
	return "permit unshare(2) and mount(2) with user namespaces in the container's seccomp profile; a chroot has "
	       "none";
}

/* How many layers fit: the kernel counts those of outer sandboxes, and shows them nowhere. */
static int try_layers(const void *arg)
{
	struct k_landlock_ruleset_attr attr = {.handled_access_fs = FS_RIGHT(make_block)};
	long fd = syscall(NR_LANDLOCK_CREATE_RULESET, &attr, 8, 0);
	int layers = 0;

	(void)arg;
	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 0;
	while (layers <= K_LANDLOCK_MAX_LAYERS && !syscall(NR_LANDLOCK_RESTRICT_SELF, fd, 0))
		layers++;
	return layers;
}

static int try_filter(const void *arg)
{
	const struct bpf_program *program = arg;
	struct k_sock_fprog fprog = {(uint16_t)program->count, program->insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errno;
	return syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, &fprog) ? errno : 0;
}

int host_tries_filter(const struct bpf_program *program)
{
	int error = in_child(try_filter, program);

	/* the child may well die of the filter that it has just installed: then the kernel took it */
	return error == CHILD_KILLED ? 0 : error == NO_CHILD ? EAGAIN : error;
}

/* ---- Landlock ---- */

long host_landlock_abi(void)
{
	long abi = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	return abi < 0 ? -errno : abi;
}

static bool lists_landlock(const char *lsm)
{
	while (*lsm) {
		size_t len = strcspn(lsm, ",");
		if (len == strlen("landlock") && !strncmp(lsm, "landlock", len))
			return true;
		lsm += len + (lsm[len] == ',');
	}
	return false;
}

/* A container's filter answers EPERM or ENOSYS, as a kernel without Landlock does: other signs must tell them apart. */
static enum landlock_state landlock_state(const struct host *host)
{
	int error = host->landlock_errno;

	if (!error)
		return LANDLOCK_AVAILABLE;
	if (error == EOPNOTSUPP)
		return LANDLOCK_DISABLED;
	if (lists_landlock(host->lsm))
		return LANDLOCK_FILTERED;
	if ((error == ENOSYS && host->filters > 0) || (error == EPERM && host->filters))
		return LANDLOCK_AMBIGUOUS;
	return error == ENOSYS ? LANDLOCK_NOT_BUILT : LANDLOCK_BROKEN;
}

static void probe_landlock(struct host *host)
{
	long abi = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
	long errata;

	host->landlock_errno = abi < 0 ? errno : 0;
	host->abi = abi > 0 ? (unsigned)abi : 0;
	host->landlock = landlock_state(host);
	if (host->landlock != LANDLOCK_AVAILABLE)
		return;
	errata = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, K_LANDLOCK_CREATE_RULESET_ERRATA);
	host->errata_known = errata >= 0;
	host->errata = errata > 0 ? (uint64_t)errata : 0;
	host->layers_left = (unsigned)in_child(try_layers, NULL);
	if (host->layers_left > K_LANDLOCK_MAX_LAYERS)
		host->layers_left = 0;
}

/* ---- the rest ---- */

static void probe_seccomp(struct host *host)
{
	/* A null program is refused with EFAULT where filters exist, and with EINVAL where they do not. */
	long result = syscall(SYS_seccomp, K_SECCOMP_SET_MODE_FILTER, 0, NULL);

	host->seccomp = result < 0 && errno == EFAULT;
	host->seccomp_errno = host->seccomp ? 0 : errno;
	for (unsigned i = 0; i < HOST_ACTIONS; i++)
		if (!syscall(SYS_seccomp, K_SECCOMP_GET_ACTION_AVAIL, 0, &host_actions[i].action))
			host->actions |= 1u << i;
}

/* Seccomp_filters is in /proc since 5.9; before, the mode tells that there is at least one. */
static int filters_in_force(void)
{
	int filters = status_field("Seccomp_filters"), mode = status_field("Seccomp");

	return filters >= 0 ? filters : mode == 0 ? 0 : mode == 2 ? 1 : -1;
}

static void probe_calls(struct host *host)
{
	struct k_open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = K_RESOLVE_NO_SYMLINKS};
	long fd = syscall(NR_OPENAT2, AT_FDCWD, "/", &how, sizeof(how));

	host->openat2_errno = fd < 0 ? errno : 0;
	if (fd >= 0)
		close((int)fd);
	/* no descriptor has this number */
	host->close_range_errno = syscall(NR_CLOSE_RANGE, ~0u, ~0u, 0) ? errno : 0;
}

void host_probe(struct host *host)
{
	struct utsname name;
	char line[HOST_TEXT];

	memset(host, 0, sizeof(*host));
	if (!uname(&name)) {
		snprintf(host->release, sizeof(host->release), "%s", name.release);
		snprintf(host->machine, sizeof(host->machine), "%s", name.machine);
	}
	read_line("/sys/kernel/security/lsm", host->lsm);
	host->filters = filters_in_force();
	probe_landlock(host);
	probe_seccomp(host);
	probe_calls(host);
	host->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	host->no_new_privs_errno = error_in_child(try_no_new_privs, NULL);
	host->userns_errno = error_in_child(try_userns, NULL);
	host->userns_remedy = userns_remedy(host->userns_errno);
	host->yama = read_line("/proc/sys/kernel/yama/ptrace_scope", line) ? atoi(line) : -1;
	host->audit = !access("/proc/self/loginuid", F_OK);
}

enum arch_id host_arch(void)
{
#if defined(__x86_64__)
	return ARCH_X86_64;
#elif defined(__aarch64__)
	return ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
	return ARCH_RISCV64;
#else
	return ARCHES;
#endif
}
