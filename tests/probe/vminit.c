/* SPDX-License-Identifier: MIT */
/*
 * The first and only process of a test machine (tests/vm/boot): mounts the pseudo file systems, runs every case of
 * /cases, and reports on the console.
 *
 * /cases holds lines "NAME COMMAND", made of a file tests/vm/NAME.cases by tests/vm/expand.awk; the host judges the
 * report. Each case runs with a fresh /t, in which every file holds "full\n":
 *   /t/ro/file   /t/ro/dir/   /t/rw/file   /t/rw/sub/   /t/other/file
 * /root is a root directory for runs: bin/probe, build/, etc/where with the word "inside".
 * The report, one line each:
 *   vm release R        uname
 *   vm landlock N       the ABI, or the name of the error
 *   vm begin NAME
 *   | TEXT              what the case wrote, both streams
 *   vm end NAME STATUS CHANGED  exit status or 128+signal; which of ro, rw, other lost or changed its file,
 *                       joined by commas, or "-"
 *   vm done             the last line; without it the report is incomplete
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_abi.h"

enum { MAX_WORDS = 32, LINE = 1024, SECONDS_PER_CASE = 60 };

/* Ends the machine; the missing "vm done" fails the run on the host. */
static _Noreturn void stop(const char *what)
{
	if (what)
		printf("vm failed %s: %s\n", what, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT); /* -no-reboot: qemu exits */
	for (;;)
		pause();
}

static void check(int ret, const char *what)
{
	if (ret < 0)
		stop(what);
}

/*
 * The file system that the kernel unpacked the machine into is the root of all mounts, and pivot_root(2) wants one that is
 * mounted on something (fs/namespace.c): itself, as with every initramfs whose root file system is entered.
 */
static void enter_root(void)
{
	check(mkdir("/here", 0755), "mkdir /here");
	check(mount("/", "/here", NULL, MS_BIND, NULL), "mount /here");
	check(chdir("/here"), "chdir /here");
	check(mount(".", "/", NULL, MS_MOVE, NULL), "mount /");
	check(chroot("."), "chroot");
	check(chdir("/"), "chdir /");
}

static void mount_all(void)
{
	check(mount("proc", "/proc", "proc", 0, NULL), "mount /proc");
	check(mount("sysfs", "/sys", "sysfs", 0, NULL), "mount /sys");
	/* EBUSY: the kernel mounts it itself when so configured */
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		stop("mount /dev");
	check(mount("tmpfs", "/t", "tmpfs", 0, "mode=0755"), "mount /t");
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(fd, "socket");
	check(ioctl(fd, SIOCSIFFLAGS, &request), "loopback");
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	return walk->level ? remove(path) : 0;
}

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	check(fd, path);
	if (write(fd, "full\n", 5) != 5)
		stop(path);
	close(fd);
}

static const char *const trees[] = {"ro", "rw", "other"};
enum { TREES = sizeof(trees) / sizeof(trees[0]) };

static const char *file_of(int tree)
{
	static char path[32];
	snprintf(path, sizeof(path), "/t/%s/file", trees[tree]);
	return path;
}

static void fresh_tree(void)
{
	static const char *const dirs[] = {"/t/ro", "/t/ro/dir", "/t/rw", "/t/rw/sub", "/t/other"};
	check(nftw("/t", remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), "empty /t");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		check(mkdir(dirs[i], 0755), dirs[i]);
	for (int i = 0; i < TREES; i++)
		write_file(file_of(i));
}

static int is_whole(const char *path)
{
	char text[8];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	return n == 5 && !memcmp(text, "full\n", 5);
}

static void print_changed(void)
{
	const char *separator = "";
	for (int i = 0; i < TREES; i++) {
		if (is_whole(file_of(i)))
			continue;
		printf("%s%s", separator, trees[i]);
		separator = ",";
	}
	puts(*separator ? "" : "-");
}

static void split(char *command, char **words)
{
	int count = 0;
	for (char *word = strtok(command, " \t\n"); word; word = strtok(NULL, " \t\n")) {
		if (count == MAX_WORDS)
			stop("too many words in a case");
		words[count++] = word;
	}
	words[count] = NULL;
	if (!count)
		stop("a case without a command");
}

static _Noreturn void child(char *command, int out)
{
	static char *const environment[] = {"PATH=/bin", NULL};
	char *words[MAX_WORDS + 1];
	split(command, words);
	if (dup2(out, 1) < 0 || dup2(out, 2) < 0 || chdir("/t"))
		_exit(120);
	alarm(SECONDS_PER_CASE); /* survives exec: a case that hangs dies of SIGALRM, which no case expects */
	execve(words[0], words, environment);
	dprintf(2, "%s: %s\n", words[0], strerror(errno));
	_exit(121);
}

/* Both ends of every line are ours, so that a case cannot forge a report. */
static void copy_output(int fd)
{
	char line[LINE];
	FILE *in = fdopen(fd, "r");
	if (!in)
		stop("fdopen");
	while (fgets(line, sizeof(line), in))
		printf("| %.*s\n", (int)strcspn(line, "\n"), line);
	fclose(in);
}

static void run_case(const char *name, char *command)
{
	int out[2], status;
	fresh_tree();
	printf("vm begin %s\n", name);
	fflush(stdout);
	check(pipe2(out, O_CLOEXEC), "pipe");
	pid_t pid = fork();
	check(pid, "fork");
	if (!pid)
		child(command, out[1]);
	close(out[1]);
	copy_output(out[0]);
	if (waitpid(pid, &status, 0) != pid)
		stop("waitpid");
	printf("vm end %s %d ", name, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	print_changed();
}

static void run_cases(void)
{
	char line[LINE];
	FILE *cases = fopen("/cases", "re");
	if (!cases)
		stop("/cases");
	while (fgets(line, sizeof(line), cases)) {
		char *command = strchr(line, ' ');
		if (!command)
			stop("a case without a command");
		*command = '\0';
		run_case(line, command + 1);
	}
	fclose(cases);
}

static void report_kernel(void)
{
	struct utsname name;
	check(uname(&name), "uname");
	/* the firmware leaves the cursor behind escape sequences */
	printf("\nvm release %s\n", name.release);
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
	if (abi >= 0)
		printf("vm landlock %ld\n", abi);
	else
		printf("vm landlock %s\n", errno == EOPNOTSUPP ? "EOPNOTSUPP" : errno == ENOSYS ? "ENOSYS" : "error");
}

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "vminit: not the first process of a machine\n");
		return 2;
	}
	enter_root();
	mount_all();
	loopback_up();
	report_kernel();
	run_cases();
	puts("vm done");
	stop(NULL);
}
