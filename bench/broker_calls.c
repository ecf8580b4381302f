/* SPDX-License-Identifier: MIT */
/*
 * broker_calls LLRUN BROKERED.llb LANDLOCK.llb DIR ROUNDS LOOPS WHAT...: what a brokered call costs, beside the same call
 * unsandboxed, under Landlock alone, and answered by a bare supervisor written here: the floor. Interleaved, one CPU.
 * broker_calls call WHAT LOOPS DIR: one loop; prints nanoseconds per call. The first form starts the second.
 *
 * The floor of a brokered open: memory read, id check, openat2, ADDFD|SEND, close. That of one that is left to the
 * kernel: an answer; and, beside it, an answer by who has read the path and looked it up, which is the least that tells
 * whether it is an exception. All with SYNC_WAKE_UP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel_broker.h"

#define MAX_ROUNDS 64

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the calls ---- */

static const char *self; /* this program */
static char readable[512], writable[512], scratch[512], scratch2[512], artifact[512], export_dir[512];
#define UNDECLARED "/usr/share/doc/bash/copyright"

static void open_close(const char *path, int flags)
{
	int fd = openat(AT_FDCWD, path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die(path);
	close(fd);
}

static void do_read(int i)
{
	(void)i;
	open_close(readable, O_RDONLY);
}

static void do_undeclared(int i)
{
	(void)i;
	open_close(UNDECLARED, O_RDONLY);
}

static void do_write(int i)
{
	(void)i;
	open_close(writable, O_WRONLY);
}

static void do_create(int i)
{
	(void)i;
	open_close(scratch, O_CREAT | O_EXCL | O_WRONLY);
	if (unlink(scratch))
		die("unlink");
}

static void do_rename(int i)
{
	if (i & 1 ? rename(scratch2, scratch) : rename(scratch, scratch2))
		die("rename");
}

static void do_publish(int i)
{
	char to[600];

	snprintf(to, sizeof(to), "%s/%d-%d", export_dir, getpid(), i);
	if (link(artifact, to))
		die("link");
}

static const struct kind {
	const char *name, *title;
	void (*call)(int i);
	int fewer;
	const char *target;
	double limit; /* of the floor; 0: it has none */
	enum floor { FLOOR_OPEN, FLOOR_ANSWER, FLOOR_LOOK, FLOOR_READ, FLOOR_MEM, FLOOR_WALK } floor;
} kinds[] = {
	{"read", "brokered read open, close", do_read, 1, "<= 1.15", 1.15, FLOOR_OPEN},
	{"undeclared", "undeclared open under the broker (continue), close", do_undeclared, 1, "<= 1.2", 1.2,
	 FLOOR_ANSWER},
	{"undeclared", "the same / floor that reads the path and looks it up", do_undeclared, 1, "<= 1.15", 1.15,
	 FLOOR_LOOK},
	{"left", "undeclared open that the filter leaves alone, close", do_undeclared, 1, "-", 0, FLOOR_OPEN},
	{"write", "brokered write open, close", do_write, 1, "-", 0, FLOOR_OPEN},
	{"create", "brokered create in scratch, close, unlink", do_create, 1, "-", 0, FLOOR_OPEN},
	{"rename", "brokered rename in scratch", do_rename, 1, "-", 0, FLOOR_OPEN},
	{"publish", "publication of 1 MiB (unsandboxed and Landlock: a hard link)", do_publish, 20, "-", 0,
	 FLOOR_OPEN},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void name_paths(const char *dir)
{
	snprintf(readable, sizeof(readable), "%s/readable", dir);
	snprintf(writable, sizeof(writable), "%s/writable", dir);
	snprintf(scratch, sizeof(scratch), "%s/scratch/a", dir);
	snprintf(scratch2, sizeof(scratch2), "%s/scratch/b", dir);
	snprintf(artifact, sizeof(artifact), "%s/scratch/artifact", dir);
	snprintf(export_dir, sizeof(export_dir), "%s/export", dir);
}

static double measure(const struct kind *kind, int loops)
{
	double begin;

	loops = loops / kind->fewer + 1;
	loops += loops & 1;
	if (kind->call == do_rename)
		open_close(scratch, O_CREAT | O_WRONLY);
	for (int i = 0; i < loops / 10 && kind->fewer == 1; i += 2)
		kind->call(i), kind->call(i + 1);
	begin = now();
	for (int i = 0; i < loops; i++)
		kind->call(i);
	double each = (now() - begin) / loops;
	if (kind->call == do_rename)
		unlink(scratch);
	return each;
}

/* ---- the floor ---- */

static int install(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct k_seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0x80000000u),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct k_seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x7fc00000u),
		BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u),
	};
	struct sock_fprog program = {sizeof(insns) / sizeof(insns[0]), insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("prctl");
	return (int)syscall(SYS_seccomp, 1, 0x28, &program);
}

/* The caller is under Landlock in both: reading below /usr is granted, everything the kernel knows is handled. */
static void restrict_self(void)
{
	struct k_landlock_ruleset_attr attr = {.handled_access_fs = 0x1fff};
	struct k_landlock_path_beneath_attr rule = {.allowed_access = 0xd};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, 8, 0);

	rule.parent_fd = open("/usr", O_PATH | O_CLOEXEC);
	if (ruleset < 0 || syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, ruleset, 0))
		die("landlock");
	close(rule.parent_fd);
	close(ruleset);
}

/* Without looking for the process again; but it may have another memory by now (execve), as a broker would have to know. */
static void read_kept(const struct k_seccomp_notif *n, char path[128])
{
	static uint32_t of;
	static int fd = -1;
	char name[32];

	if (of != n->pid) {
		close(fd);
		snprintf(name, sizeof(name), "/proc/%u/mem", of = n->pid);
		fd = open(name, O_RDONLY | O_CLOEXEC);
	}
	if (pread(fd, path, 128, (off_t)n->data.args[1]) <= 0)
		die("/proc/PID/mem");
}

/* By its inode; or by whether the path leads there without a link, which opens nothing where it is no directory. */
static void look(const char *path, enum floor how)
{
	const struct k_open_how walk = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0, K_RESOLVE_NO_SYMLINKS};
	struct statx file;

	if (how == FLOOR_LOOK)
		statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &file);
	else if (how == FLOOR_WALK && syscall(SYS_openat2, AT_FDCWD, path, &walk, sizeof(walk)) >= 0)
		exit(1);
}

static void answer(int listener, struct k_seccomp_notif *n, enum floor floor_)
{
	struct k_seccomp_notif_resp reply = {.id = n->id, .flags = K_SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	struct k_seccomp_notif_addfd add = {
		.id = n->id, .flags = K_SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = O_CLOEXEC};
	char path[256];
	struct iovec local = {path, 128}, remote = {(void *)(uintptr_t)n->data.args[1], 128};
	struct k_open_how how = {O_RDONLY | O_CLOEXEC, 0, 2 /* RESOLVE_NO_MAGICLINKS */};

	if (floor_ == FLOOR_MEM)
		read_kept(n, path);
	else if (floor_ != FLOOR_ANSWER && process_vm_readv((pid_t)n->pid, &local, 1, &remote, 1, 0) <= 0)
		return;
	if (floor_ != FLOOR_OPEN) {
		look(path, floor_);
		ioctl(listener, K_SECCOMP_IOCTL_NOTIF_SEND, &reply);
		return;
	}
	if (ioctl(listener, K_SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id))
		return;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	add.srcfd = (uint32_t)fd;
	if (ioctl(listener, K_SECCOMP_IOCTL_NOTIF_ADDFD, &add) < 0)
		perror("ADDFD");
	close(fd);
}

/* The child's listener is fetched by number: it says which through memory they share. */
static double floor_of(const struct kind *kind, int loops)
{
	struct shared {
		volatile int listener, taken;
		double each;
	} *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();

	if (child == 0) {
		restrict_self();
		shared->listener = install();
		while (!shared->taken)
			sched_yield();
		shared->each = measure(kind, loops);
		_exit(0);
	}
	while (!shared->listener)
		sched_yield();
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	int listener = (int)syscall(SYS_pidfd_getfd, pidfd, shared->listener, 0);
	if (listener < 0)
		die("pidfd_getfd");
	ioctl(listener, K_SECCOMP_IOCTL_NOTIF_SET_FLAGS, K_SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	shared->taken = 1;
	for (struct k_seccomp_notif n;;) {
		memset(&n, 0, sizeof(n));
		if (ioctl(listener, K_SECCOMP_IOCTL_NOTIF_RECV, &n) == 0)
			answer(listener, &n, kind->floor);
		else if (errno != EINTR)
			break;
	}
	waitpid(child, NULL, 0);
	close(listener);
	close(pidfd);
	double each = shared->each;
	munmap(shared, 4096);
	return each;
}

/* ---- the table ---- */

static double run_one(const char *llrun, const char *blob, const struct kind *kind, const char *loops,
		      const char *dir)
{
	int pipe_[2];
	double each = 0;

	if (pipe(pipe_))
		die("pipe");
	pid_t child = fork();
	if (child == 0) {
		dup2(pipe_[1], 1);
		if (blob)
			execl(llrun, llrun, "--quiet", blob, "--", self, "call", kind->name, loops, dir, (char *)0);
		execl(self, self, "call", kind->name, loops, dir, (char *)0);
		die(llrun);
	}
	close(pipe_[1]);
	FILE *in = fdopen(pipe_[0], "r");
	if (fscanf(in, "%lf", &each) != 1 || each <= 0) {
		fprintf(stderr, "%s: no figure\n", kind->title);
		exit(1);
	}
	fclose(in);
	waitpid(child, NULL, 0);
	return each;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[n / 2];
}

static void prepare(const char *dir)
{
	static char block[1 << 20];

	name_paths(dir);
	open_close(readable, O_CREAT | O_WRONLY);
	open_close(writable, O_CREAT | O_WRONLY);
	mkdir(export_dir, 0755);
	*strrchr(scratch, '/') = 0;
	mkdir(scratch, 0755);
	name_paths(dir);
	int fd = open(artifact, O_CREAT | O_WRONLY, 0644);
	if (fd < 0 || write(fd, block, sizeof(block)) != sizeof(block))
		die(artifact);
	close(fd);
}

static void clear_export(void)
{
	char command[700];

	snprintf(command, sizeof(command), "rm -f %s/*", export_dir);
	if (system(command))
		die("rm");
}

static void print_row(const struct kind *kind, double *direct, double *landlock, double *ours, double *floor_, int n)
{
	double least = ours[0], least_floor = floor_ ? floor_[0] : 0;

	for (int i = 0; i < n; i++) {
		least = ours[i] < least ? ours[i] : least;
		least_floor = floor_ && floor_[i] < least_floor ? floor_[i] : least_floor;
	}
	double mine = median(ours, n), bare = floor_ ? median(floor_, n) : 0;
	double plain = median(direct, n), ruled = median(landlock, n);
	printf("| %s%s | %s | ", kind->title,
	       !floor_                     ? ", us"
	       : kind->floor == FLOOR_LOOK ? ""
					   : " / floor",
	       kind->target);
	if (floor_)
		printf("%.3f | %.2f us, floor %.2f us; unsandboxed %.2f, Landlock %.2f | %.3f | %s |\n", mine / bare,
		       mine / 1e3, bare / 1e3, plain / 1e3, ruled / 1e3, least / least_floor,
		       mine / bare <= kind->limit ? "ok" : "short");
	else
		printf("%.2f | unsandboxed %.2f, Landlock %.2f | %.2f |  |\n", mine / 1e3, plain / 1e3, ruled / 1e3,
		       least / 1e3);
}

/* Where the time of an answer goes: each floor beside the barest, in the same rounds. */
static void steps(int rounds, int loops)
{
	static const struct {
		enum floor floor;
		const char *title;
	} all[] = {
		{FLOOR_ANSWER, "answered at once"},
		{FLOOR_READ, "path read by process_vm_readv"},
		{FLOOR_MEM, "read from a kept /proc/PID/mem"},
		{FLOOR_LOOK, "read (process_vm_readv) and statx"},
		{FLOOR_WALK, "read and openat2 without links"},
	};
	enum { STEPS = sizeof(all) / sizeof(all[0]) };
	static double each[STEPS][MAX_ROUNDS], middle[STEPS];
	struct kind kind = {.call = do_undeclared, .fewer = 1};

	for (int i = 0; i < rounds; i++)
		for (size_t k = 0; k < STEPS; k++) {
			kind.floor = all[k].floor;
			each[k][i] = floor_of(&kind, loops);
		}
	printf("| undeclared open by a bare supervisor, us | - | ");
	for (size_t k = 0; k < STEPS; k++) {
		middle[k] = median(each[k], rounds);
		if (!k)
			printf("%.2f | %s", middle[k] / 1e3, all[k].title);
		else
			printf("; %s %.2f (%.2f)", all[k].title, middle[k] / 1e3, middle[k] / middle[0]);
	}
	printf(" | %.2f |  |\n", each[0][0] / 1e3);
}

static int wanted(const char *name, char **names)
{
	while (*names && strcmp(*names, name))
		names++;
	return *names != NULL;
}

static void table(char **argv)
{
	static double direct[MAX_ROUNDS], landlock[MAX_ROUNDS], ours[MAX_ROUNDS], bare[MAX_ROUNDS];
	int rounds = atoi(argv[5]), loops = atoi(argv[6]);

	rounds = rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
	prepare(argv[4]);
	if (wanted("steps", argv + 7))
		steps(rounds, loops);
	for (size_t k = 0; k < KINDS; k++) {
		if (!wanted(kinds[k].name, argv + 7))
			continue;
		for (int i = 0; i < rounds; i++) {
			direct[i] = run_one(argv[1], NULL, &kinds[k], argv[6], argv[4]);
			landlock[i] = run_one(argv[1], argv[3], &kinds[k], argv[6], argv[4]);
			ours[i] = run_one(argv[1], argv[2], &kinds[k], argv[6], argv[4]);
			if (kinds[k].limit > 0)
				bare[i] = floor_of(&kinds[k], loops);
			clear_export();
		}
		print_row(&kinds[k], direct, landlock, ours, kinds[k].limit > 0 ? bare : NULL, rounds);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "call")) {
		name_paths(argv[4]);
		for (size_t k = 0; k < KINDS; k++)
			if (!strcmp(kinds[k].name, argv[2])) {
				printf("%f\n", measure(&kinds[k], atoi(argv[3])));
				return 0;
			}
		return 2;
	}
	self = argv[0];
	if (argc < 8)
		return 2;
	table(argv);
	return 0;
}
