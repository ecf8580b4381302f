/* SPDX-License-Identifier: MIT */
/*
 * brokered TEST ARGS...: what a command does, or tries, beneath a broker; run by tests/broker.bats under a policy. Each
 * test is a row of the table at the end. Exit status 0: as it should be; 1: not, with a line that says what; 2: usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition, ...)                                                                                        \
	do {                                                                                                         \
		if (!(condition)) {                                                                                  \
			int error_ = errno;                                                                          \
			printf("line %d: ", __LINE__);                                                               \
			printf(__VA_ARGS__);                                                                         \
			printf(" (%s)\n", strerror(error_));                                                         \
			exit(1);                                                                                     \
		}                                                                                                    \
	} while (0)

struct how {
	uint64_t flags, mode, resolve;
};

static char *join(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		exit(2);
	return path;
}

static int denied(long result)
{
	return result < 0 && (errno == EACCES || errno == EPERM || errno == EXDEV);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);

	CHECK(fd >= 0, "create %s", path);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write");
	close(fd);
}

/* ---- ordinary use ---- */

/* legacy SCRATCH: the calls of old, whatever the libc would make of them. */
static void legacy(char **args)
{
#ifdef SYS_creat
	const char *a = join(args[0], "la"), *b = join(args[0], "lb"), *d = join(args[0], "ld");
	long fd = syscall(SYS_creat, a, 0644);

	CHECK(fd >= 0, "creat");
	close((int)fd);
	fd = syscall(SYS_open, b, O_CREAT | O_EXCL | O_RDWR, 0644);
	CHECK(fd >= 0, "open");
	close((int)fd);
	CHECK(syscall(SYS_open, b, O_CREAT | O_EXCL | O_RDWR, 0644) < 0 && errno == EEXIST, "open, again");
	CHECK(syscall(SYS_unlink, b) == 0, "unlink");
	CHECK(syscall(SYS_link, a, b) == 0, "link");
	CHECK(syscall(SYS_rename, b, join(args[0], "lc")) == 0, "rename");
	CHECK(syscall(SYS_symlink, "la", b) == 0, "symlink");
	CHECK(syscall(SYS_mkdir, d, 0755) == 0, "mkdir");
	CHECK(syscall(SYS_rmdir, d) == 0, "rmdir");
	CHECK(syscall(SYS_mkdir, join(args[0], "slash/"), 0755) == 0, "mkdir with a slash");
	CHECK(syscall(SYS_rmdir, join(args[0], "slash/")) == 0, "rmdir with a slash");
	CHECK(syscall(SYS_mknod, d, S_IFIFO | 0600, 0) == 0, "mknod");
	CHECK(syscall(SYS_truncate, a, 5L) == 0, "truncate");
#else
	(void)args;
#endif
}

/* flags SCRATCH READABLE: every flag that programs use. */
static void flags(char **args)
{
	static const int plain[] = {O_CLOEXEC,    O_NOCTTY, O_NONBLOCK, O_LARGEFILE, O_NOFOLLOW,
				    O_DIRECT * 0, O_SYNC,   O_DSYNC,    O_APPEND};
	const char *file = join(args[0], "flags");
	struct stat st;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		int fd = open(args[1], O_RDONLY | (plain[i] & ~O_APPEND));
		CHECK(fd >= 0, "read with flag %#x", plain[i]);
		CHECK(!!(fcntl(fd, F_GETFD) & FD_CLOEXEC) == (plain[i] == O_CLOEXEC), "close-on-exec");
		CHECK(!!(fcntl(fd, F_GETFL) & O_NONBLOCK) == (plain[i] == O_NONBLOCK), "O_NONBLOCK");
		close(fd);
		fd = open(file, O_CREAT | O_RDWR | plain[i], 0644);
		CHECK(fd >= 0, "create with flag %#x", plain[i]);
		CHECK(!!(fcntl(fd, F_GETFL) & O_NONBLOCK) == (plain[i] == O_NONBLOCK), "O_NONBLOCK");
		CHECK(!!(fcntl(fd, F_GETFL) & O_APPEND) == (plain[i] == O_APPEND), "O_APPEND");
		close(fd);
		unlink(file);
	}
	int dir = open(args[0], O_RDONLY | O_DIRECTORY), path = open(args[0], O_PATH);
	CHECK(dir >= 0 && path >= 0, "directory, O_PATH");
	CHECK(open(file, O_RDONLY) < 0 && errno == ENOENT, "what is not there");
	CHECK(open(args[1], O_RDONLY | O_DIRECTORY) < 0 && errno == ENOTDIR, "a file as a directory");
	int fd = openat(path, "under", O_CREAT | O_WRONLY, 0644);
	CHECK(fd >= 0 && unlinkat(dir, "under", 0) == 0, "beneath descriptors");
	fd = open(args[0], O_TMPFILE | O_RDWR, 0644);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1, "O_TMPFILE");
	char own[64];
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, own, AT_FDCWD, file, AT_SYMLINK_FOLLOW) == 0, "a name for it");
	CHECK(stat(file, &st) == 0 && st.st_size == 1, "its size");
	umask(077);
	unlink(file);
	close(open(file, O_CREAT | O_WRONLY, 0666));
	CHECK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "umask: %o", st.st_mode);
	CHECK(unlink(file) == 0 && mkdir(file, 0777) == 0 && stat(file, &st) == 0 && (st.st_mode & 0777) == 0700,
	      "umask of a directory");
	CHECK(chdir(args[0]) == 0 && open("rel", O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0, "relative to the cwd");
	CHECK(access("rel", W_OK) == 0 && rename("rel", "./rel2") == 0 && unlink("rel2") == 0, "relative names");
	CHECK(rmdir(file) == 0, "rmdir");
}

static long open_how(const char *path, const struct how *how, size_t size)
{
	return syscall(SYS_openat2, AT_FDCWD, path, how, size);
}

/* how READABLE SCRATCH: open_how's size, RESOLVE_*, and the errors of what cannot be. */
static void how(char **args)
{
	struct {
		struct how how;
		uint64_t more[8];
	} big = {.how = {.flags = O_RDONLY}};
	struct how create = {.flags = O_CREAT | O_RDWR | O_EXCL, .mode = 0600, .resolve = 0x04};

	CHECK(open_how(args[0], &big.how, sizeof(big.how)) >= 0, "openat2");
	CHECK(open_how(args[0], &big.how, sizeof(big)) >= 0, "a larger structure of zeros");
	big.more[7] = 1;
	CHECK(open_how(args[0], &big.how, sizeof(big)) < 0 && errno == E2BIG,
	      "a larger structure with something in it");
	CHECK(open_how(args[0], &big.how, 23) < 0 && errno == EINVAL, "too small a structure");
	CHECK(open_how(args[0], &big.how, 1 << 20) < 0 && errno == E2BIG, "too large a structure");
	CHECK(open_how(args[0], (void *)8, 24) < 0 && errno == EFAULT, "no structure");
	CHECK(syscall(SYS_openat, AT_FDCWD, (void *)8, O_RDONLY) < 0 && errno == EFAULT, "no path");
	big.how.mode = 0600;
	CHECK(open_how(args[0], &big.how, 24) < 0 && errno == EINVAL, "a mode without O_CREAT");
	big.how = (struct how){.flags = 1ull << 40};
	CHECK(open_how(args[0], &big.how, 24) < 0 && errno == EINVAL, "an unknown flag");
	big.how = (struct how){.flags = O_RDONLY, .resolve = 0x08};
	CHECK(open_how(args[0], &big.how, 24) < 0 && errno == EXDEV, "RESOLVE_BENEATH of an absolute path");
	CHECK(open_how(join(args[1], "how"), &create, 24) >= 0, "O_CREAT with RESOLVE_NO_SYMLINKS");
	CHECK(open_how(join(args[1], "how"), &create, 24) < 0 && errno == EEXIST, "O_EXCL");
	char *path = malloc(5000);
	memset(path, 'x', 4999);
	path[0] = '/', path[4999] = 0;
	CHECK(open(path, O_RDONLY) < 0 && errno == ENAMETOOLONG, "a long path");
	CHECK(open("", O_RDONLY) < 0 && errno == ENOENT, "an empty path");
	struct rlimit limit = {3, 3};
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	CHECK(open(args[0], O_RDONLY) < 0 && errno == EMFILE, "no descriptor left");
}

/* publish SCRATCH EXPORT */
static void publish(char **args)
{
	const char *from = join(args[0], "art"), *to = join(args[1], "art");
	struct stat st;

	put(from, "one");
	chmod(from, 06777);
	int writer = open(from, O_WRONLY);
	CHECK(rename(from, to) == 0, "rename");
	CHECK(stat(to, &st) == 0 && st.st_size == 3 && (st.st_mode & 07777) == 0755, "mode %o", st.st_mode);
	CHECK(access(from, F_OK) < 0, "the source stayed");
	CHECK(write(writer, "two", 3) == 3 && stat(to, &st) == 0 && st.st_size == 3, "write to the source");
	put(from, "three");
	CHECK(rename(from, to) < 0 && errno == EEXIST, "replaced");
	CHECK(link(from, to) < 0 && errno == EEXIST, "replaced by link");
	CHECK(link(from, join(args[1], "linked")) == 0 && access(from, F_OK) == 0, "link");
	CHECK(stat(join(args[1], "linked"), &st) == 0 && st.st_nlink == 1, "an alias");
	CHECK(symlink("/etc/shadow", join(args[0], "sym")) == 0, "symlink");
	CHECK(rename(join(args[0], "sym"), join(args[1], "sym")) < 0 && errno == EACCES, "a link was published");
	CHECK(mkdir(join(args[0], "dir"), 0755) == 0, "mkdir");
	CHECK(rename(join(args[0], "dir"), join(args[1], "dir")) < 0 && errno == EACCES, "a directory was published");
	CHECK(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 2) < 0 && errno == EINVAL, "exchanged");
	CHECK(denied(rename(to, join(args[0], "back"))), "taken back");
	CHECK(denied(unlink(to)), "removed");
	CHECK(denied(open(to, O_WRONLY)), "opened for writing");
	CHECK(denied(open(join(args[1], "new"), O_CREAT | O_WRONLY, 0644)), "created");
	CHECK(denied(mkdir(join(args[1], "new"), 0755)), "made a directory");
}

/* signals SCRATCH: what was carried out is not carried out again because a signal came. */
static volatile sig_atomic_t ticks;

static void tick(int signal)
{
	(void)signal;
	ticks++;
}

static void signals(char **args)
{
	struct sigaction action = {.sa_handler = tick};
	struct itimerval often = {{0, 100}, {0, 100}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 3000; i++) {
		const char *path = join(args[0], "sig");
		int fd;
		while ((fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)) < 0 && errno == EINTR)
			;
		CHECK(fd >= 0, "create %d", i);
		close(fd);
		int result;
		while ((result = unlink(path)) < 0 && errno == EINTR)
			;
		CHECK(result == 0, "unlink %d", i);
		free((void *)path);
	}
	CHECK(ticks > 10, "no signal came");
}

/* ---- attacks ---- */

static volatile int stop;

static int is_secret(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "SECRET");
}

struct swap {
	char *path;
	const char *one, *other;
};

/* path-swap READABLE SECRET: the string changes between the look and the open. */
static void *swap_string(void *argument)
{
	struct swap *s = argument;

	while (!stop) {
		strcpy(s->path, s->one);
		strcpy(s->path, s->other);
	}
	return NULL;
}

static void path_swap(char **args)
{
	static char path[4096];
	struct swap s = {path, args[0], args[1]};
	pthread_t thread;
	int opened = 0;

	strcpy(path, args[0]);
	CHECK(pthread_create(&thread, NULL, swap_string, &s) == 0, "thread");
	for (int i = 0; i < 20000; i++) {
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		CHECK(!is_secret(fd), "read the secret");
		close(fd);
		opened++;
	}
	stop = 1;
	pthread_join(thread, NULL);
	CHECK(opened > 0, "nothing could be opened");
}

/* link-race SCRATCH SECRET: a file, then a link out of the tree, under one name. */
static void *swap_link(void *argument)
{
	struct swap *s = argument;
	char *good = join(s->path, "good"), *bad = join(s->path, "bad"), *name = join(s->path, "name");

	while (!stop) {
		put(good, "fine");
		rename(good, name);
		unlink(bad);
		symlink(s->other, bad);
		rename(bad, name);
	}
	return NULL;
}

static void link_race(char **args)
{
	struct swap s = {args[0], NULL, args[1]};
	char *name = join(args[0], "name");
	pthread_t thread;
	int opened = 0;

	CHECK(pthread_create(&thread, NULL, swap_link, &s) == 0, "thread");
	for (int i = 0; i < 4000 || !opened; i++) {
		int fd = open(name, i & 1 ? O_RDONLY : O_RDWR | O_CREAT, 0644);
		if (fd < 0)
			continue;
		CHECK(!is_secret(fd), "read the secret");
		close(fd);
		opened++;
	}
	stop = 1;
	pthread_join(thread, NULL);
}

/* dir-race SCRATCH OUTSIDE: the directory on the way is a link out of the tree every other time. */
static void *swap_dir(void *argument)
{
	struct swap *s = argument;
	char *dir = join(s->path, "dir"), *link = join(s->path, "link");

	mkdir(dir, 0755);
	symlink(s->other, link);
	while (!stop)
		syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link, 2 /* RENAME_EXCHANGE */);
	return NULL;
}

static void dir_race(char **args)
{
	struct swap s = {args[0], NULL, args[1]};
	char *file = join(args[0], "dir/file"), *other = join(args[0], "dir/other"), *made = join(args[0], "dir/sub");
	pthread_t thread;
	int done = 0;

	CHECK(pthread_create(&thread, NULL, swap_dir, &s) == 0, "thread");
	for (int i = 0; i < 3000 || !done; i++) {
		int fd = open(file, O_CREAT | O_WRONLY, 0644);
		done += fd >= 0;
		if (fd >= 0)
			close(fd);
		rename(file, other);
		mkdir(made, 0755);
		rmdir(made);
		unlink(other);
		CHECK(access(join(args[1], "file"), F_OK) < 0 && access(join(args[1], "other"), F_OK) < 0 &&
			      access(join(args[1], "sub"), F_OK) < 0,
		      "something was made outside");
	}
	stop = 1;
	pthread_join(thread, NULL);
}

/* publish-race SCRATCH EXPORT SECRET: what is published is what was looked at. */
static void publish_race(char **args)
{
	struct swap s = {args[0], NULL, args[2]};
	char *name = join(args[0], "name"), to[256];
	pthread_t thread;
	int done = 0;

	CHECK(pthread_create(&thread, NULL, swap_link, &s) == 0, "thread");
	for (int i = 0; i < 2000 || !done; i++) {
		snprintf(to, sizeof(to), "%s/p%d", args[1], i);
		done += link(name, to) == 0;
	}
	stop = 1;
	pthread_join(thread, NULL);
}

/*
 * rename-race SCRATCH EXPORT SECRET: by rename(2), while the name changes and whoever published it still has it open; and by
 * four at once under one name, which one of them gets.
 */
static int publish_kept(const char *name, const char *to)
{
	int fd = open(name, O_RDWR | O_NOFOLLOW), done = rename(name, to) == 0;

	CHECK(fd < 0 || pwrite(fd, "late", 4, 0) == 4, "write");
	close(fd);
	return done;
}

static void rename_race(char **args)
{
	struct swap s = {args[0], NULL, args[2]};
	char *name = join(args[0], "name"), to[256], own[256];
	pthread_t thread;
	int done = 0, status, won;

	CHECK(pthread_create(&thread, NULL, swap_link, &s) == 0, "thread");
	for (int i = 0; i < 2000 || !done; i++) {
		snprintf(to, sizeof(to), "%s/r%d", args[1], i);
		done += publish_kept(name, to);
	}
	stop = 1;
	pthread_join(thread, NULL);
	for (int i = 0; i < 50; i++) {
		snprintf(to, sizeof(to), "%s/one%d", args[1], i);
		for (int k = 0; k < 4; k++) {
			if (fork())
				continue;
			snprintf(own, sizeof(own), "%s/own%d", args[0], k);
			put(own, "fine");
			_exit(rename(own, to) == 0 ? 0 : errno == EEXIST ? 1 : 2);
		}
		for (won = 0; wait(&status) > 0; won += status == 0)
			CHECK(status == 0 || status == 1 << 8, "status %x", status);
		CHECK(won == 1, "%d got one name", won);
	}
}

/* fd-swap SCRATCH OUTSIDE: the descriptor that a call starts from changes between the look and the call. */
struct swap_fd {
	int at, in, out;
};

static void *swap_descriptor(void *argument)
{
	const struct swap_fd *s = argument;

	while (!stop) {
		dup2(s->out, s->at);
		dup2(s->in, s->at);
	}
	return NULL;
}

static void fd_swap(char **args)
{
	static const char *const names[] = {"f", "g", "h", "d", "l"};
	struct swap_fd s = {.in = open(args[0], O_PATH | O_DIRECTORY), .out = open(args[1], O_PATH | O_DIRECTORY)};
	pthread_t thread;
	int done = 0;

	s.at = dup(s.in);
	CHECK(s.in >= 0 && s.out >= 0 && s.at >= 0, "open");
	CHECK(pthread_create(&thread, NULL, swap_descriptor, &s) == 0, "thread");
	for (int i = 0; i < 3000 || !done; i++) {
		int fd = openat(s.at, "f", O_CREAT | O_WRONLY, 0644);
		done += fd >= 0;
		close(fd);
		linkat(s.at, "f", s.at, "h", 0);
		renameat(s.at, "f", s.at, "g");
		symlinkat("f", s.at, "l");
		mkdirat(s.at, "d", 0755);
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			CHECK(access(join(args[1], names[k]), F_OK) < 0, "%s was made outside", names[k]);
			unlinkat(s.at, names[k], names[k][0] == 'd' ? AT_REMOVEDIR : 0);
		}
	}
	stop = 1;
	pthread_join(thread, NULL);
}

/*
 * pid-reuse SCRATCH COUNT: where there are few process ids: callers die while they are answered, and soon another has the
 * id, another directory and another string at the same address. What one asked for must not happen where another stands.
 */
static _Noreturn void make_in(const char *scratch, int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "%s/%d", scratch, i);
	CHECK(chdir(name) == 0, "chdir %s", name);
	snprintf(name, sizeof(name), "made%d", i);
	for (;;) {
		close(open(name, O_CREAT | O_WRONLY, 0600));
		mkdir("sub", 0700);
		unlink(name);
	}
}

static void pid_reuse(char **args)
{
	static unsigned char seen[65536];
	char path[64];
	pid_t children[8];
	int again = 0, count = atoi(args[1]);

	CHECK(chdir(args[0]) == 0, "chdir");
	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%d", i);
		CHECK(mkdir(path, 0700) == 0, "mkdir");
	}
	for (int i = 0; i < count + 8; i++) {
		pid_t *child = &children[i % 8];
		if (i >= 8) {
			kill(*child, SIGKILL);
			CHECK(waitpid(*child, NULL, 0) == *child, "waitpid");
		}
		if (i >= count)
			continue;
		*child = fork();
		if (*child == 0)
			make_in(".", i % 7);
		CHECK(*child > 0 && *child < (int)sizeof(seen), "fork");
		again += seen[*child];
		seen[*child] = 1;
	}
	CHECK(again > count / 2, "only %d of the ids were used again", again);
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < 8; k++) {
			snprintf(path, sizeof(path), "%d/made%d", i, k);
			CHECK(i == k || access(path, F_OK) < 0, "%s: made where another stood", path);
		}
}

/* smuggle SCRATCH OTHER: a file that the broker did not make gets no name in a scratch tree. */
static void smuggle(char **args)
{
	int fd = open(args[1], O_RDONLY), path = open("/etc/passwd", O_PATH);
	char own[64];

	CHECK(fd >= 0 && path >= 0, "open %s", args[1]);
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, own, AT_FDCWD, join(args[0], "smuggled"), AT_SYMLINK_FOLLOW) < 0, "linked");
	CHECK(linkat(fd, "", AT_FDCWD, join(args[0], "smuggled"), AT_EMPTY_PATH) < 0, "linked by descriptor");
	CHECK(denied(link(args[1], join(args[0], "alias"))), "a hard link from outside");
	CHECK(denied(rename(args[1], join(args[0], "moved"))), "moved in from outside");
	CHECK(denied(link(join(args[0], "."), join(args[0], "alias"))), "a link to a directory");
	snprintf(own, sizeof(own), "/proc/self/fd/%d", path);
	CHECK(denied(open(own, O_RDONLY)), "reopened by /proc/self/fd");
	CHECK(denied(open("/proc/self/root/etc/shadow", O_RDONLY)), "by /proc/self/root");
}

/* reuse SCRATCH SECRET: a file without a name is made and given up, another one gets its number: it is not the same one. */
static void reuse(char **args)
{
	int fd = open(args[0], O_TMPFILE | O_RDWR, 0600);
	const char *stolen = join(args[0], "stolen");
	struct stat file;
	char own[64];

	CHECK(fd >= 0 && fstat(fd, &file) == 0, "O_TMPFILE");
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, own, AT_FDCWD, join(args[0], "named"), AT_SYMLINK_FOLLOW) == 0,
	      "linked while it is there");
	close(fd);
	fd = open(args[0], O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0 && fstat(fd, &file) == 0, "O_TMPFILE again");
	close(fd);
	printf("made %ju\n", (uintmax_t)file.st_ino);
	fflush(stdout);
	getchar();
	fd = open(args[1], O_PATH);
	CHECK(fd >= 0 && denied(open(args[1], O_RDONLY)), "%s", args[1]);
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, own, AT_FDCWD, stolen, AT_SYMLINK_FOLLOW) < 0, "linked");
	CHECK(linkat(fd, "", AT_FDCWD, stolen, AT_EMPTY_PATH) < 0, "linked by descriptor");
}

/* broker-attack: the broker is our parent; nothing may be done to it. */
static void broker_attack(char **args)
{
	(void)args;
	char path[64], byte = 0;
	pid_t broker = getppid();
	struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};

	CHECK(ptrace(PTRACE_SEIZE, broker, 0, 0) < 0 && (errno == EPERM || errno == ESRCH), "traced");
	CHECK(ptrace(PTRACE_ATTACH, broker, 0, 0) < 0, "attached");
	CHECK(process_vm_readv(broker, &local, 1, &remote, 1, 0) < 0, "its memory was read");
	CHECK(process_vm_writev(broker, &local, 1, &remote, 1, 0) < 0, "its memory was written");
	snprintf(path, sizeof(path), "/proc/%d/mem", broker);
	CHECK(open(path, O_RDONLY) < 0 && open(path, O_RDWR) < 0, "%s", path);
	snprintf(path, sizeof(path), "/proc/%d/environ", broker);
	CHECK(open(path, O_RDONLY) < 0, "%s", path);
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", broker, fd);
		CHECK(open(path, O_RDONLY) < 0 && open(path, O_PATH) < 0, "%s", path);
#ifdef SYS_pidfd_getfd
		int pidfd = (int)syscall(SYS_pidfd_open, broker, 0);
		CHECK(pidfd < 0 || syscall(SYS_pidfd_getfd, pidfd, fd, 0) < 0, "pidfd_getfd %d", fd);
		close(pidfd);
#endif
	}
	CHECK(syscall(SYS_seccomp, 1, 8, &(struct {
			      unsigned short n;
			      void *f;
		      }){1, &(uint64_t){0x7fff000000000006}}) < 0 &&
		      errno == EBUSY,
	      "a listener of its own");
}

/* closed: ways past the filter. */
static void closed(char **args)
{
	struct {
		uint32_t bytes;
		int type;
		char handle[128];
	} handle = {.bytes = 128};
	int mount;
	char params[256] = "";

	CHECK(syscall(SYS_io_uring_setup, 1, params) < 0 && errno == ENOSYS, "io_uring_setup");
	CHECK(syscall(SYS_name_to_handle_at, AT_FDCWD, args[0], &handle, &mount, 0) < 0 && errno == EOPNOTSUPP,
	      "name_to_handle_at");
	CHECK(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY) < 0 && errno == EPERM, "open_by_handle_at");
}

/* exhaust SCRATCH READABLE: a hundred callers, and FIFOs that nobody writes to. */
static void exhaust(char **args)
{
	char path[256];
	pid_t children[100];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/fifo%d", args[0], i);
		CHECK(mknod(path, S_IFIFO | 0600, 0) == 0, "mkfifo");
		children[i] = fork();
		if (children[i])
			continue;
		for (int k = 0; i & 1 && k < 100; k++)
			if (open(args[1], O_RDONLY) < 0)
				_exit(1);
		_exit(i & 1 ? 0 : open(path, O_RDONLY) >= 0);
	}
	CHECK(open(args[1], O_RDONLY) >= 0, "another open waits");
	for (int i = 0; i < 100; i++) {
		int status;
		if (!(i & 1))
			kill(children[i], SIGKILL);
		CHECK(waitpid(children[i], &status, 0) > 0, "waitpid");
		CHECK(!(i & 1) || status == 0, "child %d: %x", i, status);
	}
}

/*
 * hold-up SCRATCH EXPORT READABLE: while a large file is published, others are answered. Where file systems share blocks
 * there is no while.
 */
static void hold_up(char **args)
{
	const char *big = join(args[0], "big"), *to = join(args[1], "big");
	int fd = open(big, O_CREAT | O_WRONLY, 0644), done = 0, status;
	struct timespec begun, ended;

	CHECK(fd >= 0 && ftruncate(fd, 256 << 20) == 0, "a large file");
	clock_gettime(CLOCK_MONOTONIC, &begun);
	pid_t child = fork();
	if (child == 0)
		_exit(link(big, to) != 0);
	do {
		CHECK(close(open(args[2], O_RDONLY)) == 0, "open");
		done++;
	} while (waitpid(child, &status, WNOHANG) == 0);
	CHECK(status == 0, "the publication");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	long long took = (ended.tv_sec - begun.tv_sec) * 1000LL + (ended.tv_nsec - begun.tv_nsec) / 1000000;
	CHECK(done > 10 || took < 100, "%d opens in %lld ms", done, took);
}

/* mute WHAT SCRATCH EXPORT HOW: a change, after ("shut") the log of whoever supervises cannot grow. */
static void mute(char **args)
{
	const char *what = args[0], *evil = join(args[1], "evil"), *new = join(args[1], "new"),
		   *out = join(args[2], "backdoor"), *dir = join(args[1], "dir");
	const struct rlimit limit = {16, 16};
	int (*two)(const char *, const char *) = NULL;
	const uint64_t read_only[4] = {1}; /* struct mount_attr */
	int result = -1;

	if (!strcmp(what, "umount") || !strcmp(what, "mount_setattr"))
		CHECK(mount("tmpfs", args[1], "tmpfs", 0, NULL) == 0, "mount");
	if (!strcmp(args[3], "shut"))
		CHECK(prlimit(getppid(), RLIMIT_FSIZE, &limit, NULL) == 0, "prlimit");
	if (!strcmp(what, "publish-rename") || !strcmp(what, "rename"))
		two = rename;
	else if (!strcmp(what, "publish-link") || !strcmp(what, "link"))
		two = link;
	if (two)
		result = two(evil, *what == 'p' ? out : new);
	else if (!strcmp(what, "mkdir"))
		result = mkdir(new, 0755);
	else if (!strcmp(what, "mknod"))
		result = mknod(new, S_IFIFO | 0600, 0);
	else if (!strcmp(what, "symlink"))
		result = symlink("/", new);
	else if (!strcmp(what, "unlink"))
		result = unlink(evil);
	else if (!strcmp(what, "rmdir"))
		result = rmdir(dir);
	else if (!strcmp(what, "truncate"))
		result = truncate(evil, 1);
	else if (!strcmp(what, "open-trunc"))
		result = open(evil, O_WRONLY | O_TRUNC) < 0;
	else if (!strcmp(what, "mount"))
		result = mount("tmpfs", args[1], "tmpfs", 0, NULL);
	else if (!strcmp(what, "umount"))
		result = umount2(args[1], 0);
	else if (!strcmp(what, "mount_setattr"))
		result = (int)syscall(SYS_mount_setattr, AT_FDCWD, args[1], 0, read_only, sizeof(read_only));
	else if (!strcmp(what, "create"))
		result = open(new, O_WRONLY | O_CREAT, 0644) < 0;
	CHECK(strcmp(args[3], "shut") || result, "%s: done", what);
	CHECK(!strcmp(args[3], "shut") || !result, "%s", what);
	while (!strcmp(args[3], "shut"))
		pause();
}

/*
 * saturate SCRATCH READABLE: as many calls that take long as there are threads, and more, until one that is granted is
 * refused; calls that a rule reports, all the while. Prints how many those were.
 */
static void *make_dirs(void *dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%p", (const char *)dir, (void *)&path);
	while (!stop) {
		mkdir(path, 0755);
		rmdir(path);
	}
	return NULL;
}

static void saturate(char **args)
{
	pthread_t threads[48];
	int count = 0, fd = 0, refused = 0;

	for (size_t i = 0; i < 48; i++)
		CHECK(pthread_create(&threads[i], NULL, make_dirs, args[0]) == 0, "thread");
	for (time_t end = time(NULL) + 90; !refused && time(NULL) < end; usleep(10000)) {
		CHECK(getpgid(0) >= 0, "getpgid");
		count++;
		fd = open(args[1], O_RDONLY);
		refused = fd < 0;
		close(fd);
	}
	for (int i = 0; i < 100; i++, count++)
		CHECK(getpgid(0) >= 0, "getpgid");
	stop = 1;
	for (size_t i = 0; i < 48; i++)
		pthread_join(threads[i], NULL);
	CHECK(refused, "never saturated");
	/* the last thread's successor is another, which serves */
	for (time_t end = time(NULL) + 30; (fd = open(args[1], O_RDONLY)) < 0 && time(NULL) < end; usleep(10000))
		;
	CHECK(fd >= 0, "never relieved");
	printf("calls: %d\n", count);
}

/*
 * publish-many COUNT SCRATCH EXPORT READABLE: as many publications at once, and opens meanwhile, none of which is refused.
 * Prints how many publications were, because too many waited.
 */
static void publish_many(char **args)
{
	const char *file = join(args[1], "file");
	int status, left = atoi(args[0]), refused = 0;
	char to[512];

	put(file, "published");
	for (int i = 0; i < left; i++) {
		snprintf(to, sizeof(to), "%s/%d", args[2], i);
		if (fork() == 0)
			_exit(link(file, to) ? errno : 0);
	}
	while (left) {
		CHECK(close(open(args[3], O_RDONLY)) == 0, "open");
		if (waitpid(-1, &status, WNOHANG) > 0) {
			CHECK(status == 0 || status == EAGAIN << 8, "a publication: %x", status);
			refused += status != 0;
			left--;
		}
		usleep(1000);
	}
	printf("refused: %d\n", refused);
}

/* churn READABLE: callers die while they are being answered, and others get their ids. */
static void churn(char **args)
{
	for (int i = 0; i < 300; i++) {
		pid_t child = fork();
		if (child == 0)
			for (;;)
				close(open(args[0], O_RDONLY));
		close(open(args[0], O_RDONLY));
		kill(child, SIGKILL);
		CHECK(waitpid(child, NULL, 0) == child, "waitpid");
	}
	CHECK(open(args[0], O_RDONLY) >= 0, "the broker has gone");
}

/* drop READABLE PRIVATE UID: another user now; what only root may read stays root's. */
static void drop(char **args)
{
	uid_t uid = (uid_t)atoi(args[2]);

	CHECK(open(args[1], O_RDONLY) >= 0, "before");
	CHECK(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0, "setresuid");
	CHECK(open(args[1], O_RDONLY) < 0 && errno == EACCES, "still root");
	CHECK(open(args[0], O_RDONLY) >= 0, "what all may read");
	/* where it is forbidden, there is nothing to be had by it */
	CHECK(unshare(CLONE_NEWUSER) < 0 || open(args[1], O_RDONLY) < 0, "root again in a user namespace of its own");
}

/* What takes capabilities over files away, but capset(2); in a child where it must be. */
static void lose(const char *how)
{
	uint64_t args[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
	long child = 0;
	int status;

	if (!strcmp(how, "noroot"))
		CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) == 0, "securebits");
	if (!strcmp(how, "bounding"))
		CHECK(prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) == 0, "bounding set");
	if (!strcmp(how, "unshare"))
		CHECK(unshare(CLONE_NEWUSER) == 0, "unshare");
	if (!strcmp(how, "clone"))
		child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (!strcmp(how, "clone3"))
		child = syscall(SYS_clone3, args, sizeof(args));
	if (!strcmp(how, "name"))
		CHECK(prctl(PR_SET_NAME, "other") == 0, "name");
	CHECK(child >= 0, "%s", how);
	if (child) {
		CHECK(waitpid((pid_t)child, &status, 0) == child && WIFEXITED(status), "waitpid");
		exit(WEXITSTATUS(status));
	}
}

/* give-up HOW FILE: the next program has no capability to open FILE by, which this one has; HOW none, name: it has. */
static void give_up(char **args)
{
	const int kept = !strcmp(args[0], "none") || !strcmp(args[0], "name");
	char *const next[] = {"brokered", "give-up", kept ? "may" : "may-not", args[1], NULL};
	int fd = open(args[1], O_RDONLY);

	if (!strcmp(args[0], "may-not")) {
		CHECK(fd < 0 && errno == EACCES, "opened");
		return;
	}
	CHECK(fd >= 0, "not opened");
	if (!strcmp(args[0], "may"))
		return;
	lose(args[0]);
	CHECK(execv("/proc/self/exe", next) == 0, "exec");
}

/* mounts TMPFS OTHER: mount(2) on what is declared, and on what is not. */
static void mounts(char **args)
{
	const char *file = join(args[0], "file");

	CHECK(mount("tmpfs", args[1], "tmpfs", 0, NULL) < 0, "mounted on an undeclared target");
	CHECK(mount("none", args[0], "proc", 0, NULL) < 0, "another file system");
	CHECK(umount2(args[0], 0) < 0, "unmounted what is not mounted");
	CHECK(umount2("/", MNT_DETACH) < 0 && umount2("/proc", MNT_DETACH) < 0, "unmounted another mount");
	CHECK(mount("tmpfs", args[0], "tmpfs", MS_NOEXEC, NULL) == 0, "tmpfs");
	CHECK(mount("tmpfs", args[0], "tmpfs", 0, NULL) < 0 && errno == EBUSY, "twice");
	put(file, "in memory");
	CHECK(mkdir(join(args[0], "dir"), 0755) == 0 && rename(file, join(args[0], "dir/file")) == 0, "names in it");
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0, "propagation");
	CHECK(umount2(args[0], 0) == 0, "umount");
	CHECK(access(join(args[0], "dir"), F_OK) < 0, "still there");
	CHECK(mount("tmpfs", args[0], "tmpfs", 0, NULL) == 0, "again");
	int held = open(args[0], O_RDONLY | O_DIRECTORY);
	CHECK(held >= 0 && umount2(args[0], 0) < 0 && errno == EBUSY, "in use");
	CHECK(umount2(args[0], MNT_DETACH) == 0, "detached");
}

/* mount-fd SOURCE TARGET OTHER: open_tree and move_mount. */
static void mount_fd(char **args)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, args[0], 1 | O_CLOEXEC), other;

	CHECK(tree >= 0, "open_tree");
	CHECK(syscall(SYS_open_tree, AT_FDCWD, args[2], 1) < 0, "open_tree of another source");
	CHECK(syscall(SYS_move_mount, tree, "", AT_FDCWD, args[2], 4) < 0, "move_mount to another target");
	other = open("/usr", O_PATH);
	CHECK(syscall(SYS_move_mount, other, "", AT_FDCWD, args[1], 4) < 0, "move_mount of something else");
	CHECK(dup2(tree, 200) == 200 && close(tree) == 0, "dup2");
	CHECK(syscall(SYS_move_mount, 200, "", AT_FDCWD, args[1], 4) == 0, "move_mount");
	CHECK(open(join(args[1], "file"), O_RDONLY) >= 0, "read");
	CHECK(open(join(args[1], "file"), O_WRONLY) < 0 && (errno == EROFS || errno == EACCES), "written");
	CHECK(umount2(args[1], MNT_DETACH) == 0, "umount");
	CHECK(syscall(SYS_move_mount, AT_FDCWD, args[0], AT_FDCWD, args[1], 0) == 0, "move_mount by paths");
	CHECK(open(join(args[1], "file"), O_RDONLY) >= 0, "read");
}

/* other-name SOURCE TARGET: a mount's root is its source's directory, but another mount. */
static void other_name(char **args)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = {.set = 8};
	struct stat source, target;

	CHECK(mount(args[0], args[1], NULL, MS_BIND, NULL) == 0, "bind");
	CHECK(stat(args[0], &source) == 0 && stat(args[1], &target) == 0 && source.st_ino == target.st_ino, "stat");
	CHECK(umount2(args[0], 0) < 0 && errno == EPERM, "unmounted by its source");
	CHECK(syscall(SYS_mount_setattr, AT_FDCWD, args[0], 0, &attr, sizeof(attr)) < 0 && errno == EPERM,
	      "changed by its source");
	CHECK(open(join(args[1], "file"), O_RDONLY) >= 0, "read");
	CHECK(syscall(SYS_mount_setattr, AT_FDCWD, args[1], 0, &attr, sizeof(attr)) == 0, "mount_setattr");
	CHECK(umount2(args[1], MNT_DETACH) == 0, "umount");
	CHECK(open(join(args[1], "file"), O_RDONLY) < 0, "still there");
}

/* exchange A B: refused where either gains a right. */
static void exchange(char **args)
{
	put(args[1], "other");
	CHECK(syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 2) < 0 && errno == EXDEV, "one way");
	CHECK(syscall(SYS_renameat2, AT_FDCWD, args[1], AT_FDCWD, args[0], 2) < 0 && errno == EXDEV, "the other way");
}

/* exchange-places A B: refused either way: one of them is a tree of the policy, or holds one. */
static void exchange_places(char **args)
{
	CHECK(syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 2) < 0 && errno == EBUSY, "one way");
	CHECK(syscall(SYS_renameat2, AT_FDCWD, args[1], AT_FDCWD, args[0], 2) < 0 && errno == EBUSY, "the other way");
}

/* mount-object NAME TARGET OTHER: fsopen, fsconfig, fsmount, move_mount, mount_setattr. */
static void mount_object(char **args)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = {.set = 1};
	int context = (int)syscall(SYS_fsopen, args[0], 1), mounted;

	CHECK(context >= 0, "fsopen");
	CHECK(syscall(SYS_fsopen, "ext4", 1) < 0, "fsopen of something else");
	CHECK(syscall(SYS_fsmount, context, 1, 0) < 0, "fsmount before it is created");
	CHECK(syscall(SYS_fsconfig, context, 1, "size", "1g", 0) < 0, "a parameter");
	CHECK(syscall(SYS_fsconfig, context, 6, NULL, NULL, 0) == 0, "fsconfig");
	mounted = (int)syscall(SYS_fsmount, context, 1, 0x8);
	CHECK(mounted >= 0, "fsmount");
	CHECK(syscall(SYS_fsmount, context, 1, 0) < 0, "fsmount twice");
	CHECK(syscall(SYS_move_mount, mounted, "", AT_FDCWD, args[2], 4) < 0, "move_mount to another target");
	CHECK(syscall(SYS_move_mount, mounted, "", AT_FDCWD, args[1], 4) == 0, "move_mount");
	close(mounted);
	put(join(args[1], "file"), "x");
	CHECK(syscall(SYS_mount_setattr, AT_FDCWD, args[2], 0, &attr, sizeof(attr)) < 0, "mount_setattr elsewhere");
	CHECK(syscall(SYS_mount_setattr, AT_FDCWD, args[1], 0, &attr, sizeof(attr)) == 0, "mount_setattr");
	CHECK(open(join(args[1], "file"), O_WRONLY) < 0 && errno == EROFS, "written");
	attr.set = 0, attr.clear = 1;
	CHECK(syscall(SYS_mount_setattr, AT_FDCWD, args[1], 0, &attr, sizeof(attr)) < 0, "writable again");
	CHECK(umount2(args[1], 0) == 0, "umount");
}

/* chroot SCRATCH READABLE: with a root of its own a process means other files by the same names. */
static void change_root(char **args)
{
	put(join(args[0], "inside"), "fine");
	mkdir(join(args[0], "etc"), 0755);
	CHECK(unshare(CLONE_NEWUSER) == 0, "unshare");
	CHECK(chroot(args[0]) == 0 && chdir("/") == 0, "chroot");
	int fd = open("/inside", O_RDONLY);
	CHECK(fd >= 0 || errno == EACCES, "open in the new root");
	CHECK(open(args[1], O_RDONLY) < 0, "by the old name");
	CHECK(open("/etc/passwd", O_RDONLY) < 0 && open("/../../../../etc/passwd", O_RDONLY) < 0, "out of it");
	puts(fd >= 0 ? "served" : "left alone");
}

/* loop COUNT PATH: open and close. */
static void loop(char **args)
{
	for (long i = atol(args[0]); i > 0; i--) {
		int fd = open(args[1], O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0, "open, %ld to go", i);
		close(fd);
	}
}

/* soak COUNT READABLE SCRATCH EXPORT: COUNT brokered calls of every kind; the broker's id before and behind, each waits for a line. */
static void soak_some(char **args, long count)
{
	const char *a = join(args[2], "a"), *b = join(args[2], "b"), *out = join(args[3], "out");

	for (long i = 0; i < count; i += 8) {
		close(open(args[1], O_RDONLY | O_CLOEXEC));
		int fd = open(a, O_CREAT | O_EXCL | O_WRONLY, 0600);
		CHECK(fd >= 0, "create");
		close(fd);
		CHECK(rename(a, b) == 0 && symlink("b", a) == 0, "rename, symlink");
		CHECK(link(b, out) == 0 || errno == EEXIST, "publish");
		CHECK(unlink(a) == 0 && unlink(b) == 0, "unlink");
		CHECK(open("/nowhere", O_RDONLY) < 0, "undeclared");
	}
}

static void soak(char **args)
{
	char line[16];

	for (int i = 0; i < 2; i++) {
		soak_some(args, i ? atol(args[0]) : 2000);
		printf("%d\n", getppid());
		fflush(stdout);
		CHECK(fgets(line, sizeof(line), stdin) != NULL, "nobody asks");
	}
}

/* wait: say so, and wait for the end. */
static void wait_for_end(char **args)
{
	(void)args;
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		pause();
}

/* r, w: for reading, writing; c: O_CREAT; x: and O_EXCL; t: O_TRUNC. One call; its error number is the exit status. */
static void opens(char **args)
{
	const char *how = args[1];
	int reads = strchr(how, 'r') != NULL, writes = strchr(how, 'w') != NULL;
	int flags = !writes ? O_RDONLY : reads ? O_RDWR : O_WRONLY;

	flags |= strchr(how, 'x') ? O_CREAT | O_EXCL : strchr(how, 'c') ? O_CREAT : 0;
	flags |= strchr(how, 't') ? O_TRUNC : 0;
	exit(syscall(SYS_openat, AT_FDCWD, args[0], flags, 0644) < 0 ? errno : 0);
}

static const struct {
	const char *name;
	void (*run)(char **args);
	int args;
} tests[] = {
	{"legacy", legacy, 1},
	{"flags", flags, 2},
	{"opens", opens, 2},
	{"how", how, 2},
	{"publish", publish, 2},
	{"signals", signals, 1},
	{"path-swap", path_swap, 2},
	{"link-race", link_race, 2},
	{"dir-race", dir_race, 2},
	{"publish-race", publish_race, 3},
	{"rename-race", rename_race, 3},
	{"fd-swap", fd_swap, 2},
	{"pid-reuse", pid_reuse, 2},
	{"smuggle", smuggle, 2},
	{"reuse", reuse, 2},
	{"broker-attack", broker_attack, 0},
	{"closed", closed, 1},
	{"exhaust", exhaust, 2},
	{"hold-up", hold_up, 3},
	{"mute", mute, 4},
	{"saturate", saturate, 2},
	{"publish-many", publish_many, 4},
	{"churn", churn, 1},
	{"drop", drop, 3},
	{"give-up", give_up, 2},
	{"mounts", mounts, 2},
	{"mount-fd", mount_fd, 3},
	{"mount-object", mount_object, 3},
	{"other-name", other_name, 2},
	{"exchange", exchange, 2},
	{"exchange-places", exchange_places, 2},
	{"chroot", change_root, 2},
	{"loop", loop, 2},
	{"soak", soak, 4},
	{"wait", wait_for_end, 0},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(tests) / sizeof(tests[0]); i++)
		if (!strcmp(tests[i].name, argv[1]) && tests[i].args == argc - 2) {
			tests[i].run(argv + 2);
			return 0;
		}
	fputs("brokered TEST ARGS...: see the table\n", stderr);
	return 2;
}
