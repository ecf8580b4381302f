/* SPDX-License-Identifier: MIT */
/*
 * probe OP ARGS...: perform one operation and say what the kernel answered. Static, for use under policies, in
 * virtual machines and in empty roots. The table at the end of the file is the list of operations; `probe help`
 * prints it.
 *
 * Exit status:
 *   0        the operation succeeded
 *   2        usage: unknown operation, wrong arguments
 *   3        what the operation needs first failed (it was not attempted); a message on stderr says what
 *   10 EACCES   11 EPERM   12 EXDEV   13 ENOSYS   14 any other errno: the operation failed, and its name
 *            ("EACCES") is the last line on stdout
 *   128+N    with-* and batch: their child died by signal N
 * exec and with-* end with the status of the program they start.
 *
 * Each operation makes exactly the system call it is named after for the step that counts, whatever a libc would
 * choose; where an architecture lacks the legacy call, its *at form.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <dirent.h>
#include <termios.h>
#include <unistd.h>

#include "kernel_abi.h"

enum { EXIT_USAGE = 2, EXIT_SETUP = 3, EXIT_ERRNO = 14, MAX_WORDS = 32, MAX_FDS = 4096 };

struct word {
	const char *name;
	long value;
};

extern char **environ;

static _Noreturn void usage(const char *what, const char *word)
{
	fprintf(stderr, "probe: %s: %s\n", what, word);
	exit(EXIT_USAGE);
}

static _Noreturn void setup_failed(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(EXIT_SETUP);
}

static const char *errno_name(int number)
{
	static const struct word names[] = {
#define LL_ERRNO(name, number, help) {#name, number},
#include "errno.def"
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].value == number)
			return names[i].name;
	return "unknown errno";
}

/* The exit status for what a system call returned; prints the error's name. */
static int outcome(long ret)
{
	if (ret >= 0)
		return 0;
	printf("%s\n", errno_name(errno));
	switch (errno) {
	case EACCES:
		return 10;
	case EPERM:
		return 11;
	case EXDEV:
		return 12;
	case ENOSYS:
		return 13;
	}
	return EXIT_ERRNO;
}

static long number(const char *text)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 0);
	if (errno || end == text || *end)
		usage("not a number", text);
	return value;
}

/* A name of the table, or a plain number. */
static long lookup(const struct word *table, const char *text)
{
	for (; table->name; table++)
		if (!strcmp(table->name, text))
			return table->value;
	return number(text);
}

/* The next argument, or the default when there are no more. */
static const char *optional(char **args, int index, const char *fallback)
{
	for (int i = 0; i < index; i++)
		if (!args[i])
			return fallback;
	return args[index] ? args[index] : fallback;
}

/* ---- opening ---- */

static const struct word open_flags[] = {
	{"rdonly", O_RDONLY},
	{"wronly", O_WRONLY},
	{"rdwr", O_RDWR},
	{"trunc", O_TRUNC},
	{"creat", O_CREAT},
	{"excl", O_EXCL},
	{"append", O_APPEND},
	{"directory", O_DIRECTORY},
	{"path", O_PATH},
	{"tmpfile", O_TMPFILE},
	{"nofollow", O_NOFOLLOW},
	{"nonblock", O_NONBLOCK},
	/* neither read nor write, yet accepted: open(2), "nonstandard access mode 3" */
	{"accmode3", 3},
	{NULL, 0},
};

/* "wronly,trunc" to flag bits. */
static int flags_of(const char *list)
{
	char copy[128];
	if (strlen(list) >= sizeof(copy))
		usage("too many flags", list);
	strcpy(copy, list);
	int flags = 0;
	for (char *name = strtok(copy, ","); name; name = strtok(NULL, ","))
		flags |= (int)lookup(open_flags, name);
	return flags;
}

static long sys_open(const char *path, int flags)
{
#ifdef SYS_open
	return syscall(SYS_open, path, flags, 0644);
#else
	return syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
#endif
}

/* A descriptor that the operation needs but is not about. */
static int must_open(const char *path, int flags)
{
	int fd = (int)sys_open(path, flags);
	if (fd < 0)
		setup_failed(path);
	return fd;
}

static int op_read(char **args)
{
	char buf[256];
	int fd = (int)sys_open(args[0], O_RDONLY | O_NONBLOCK);
	return outcome(fd < 0 ? fd : read(fd, buf, sizeof(buf)));
}

static int op_cat(char **args)
{
	char buf[4096];
	ssize_t n;
	int fd = (int)sys_open(args[0], O_RDONLY);
	if (fd < 0)
		return outcome(fd);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	return outcome(n);
}

static int write_with(const char *path, int flags)
{
	int fd = (int)sys_open(path, flags);
	return outcome(fd < 0 ? fd : write(fd, "x\n", 2));
}

static int op_write(char **args)
{
	return write_with(args[0], O_WRONLY);
}

static int op_append(char **args)
{
	return write_with(args[0], O_WRONLY | O_APPEND);
}

static int op_create(char **args)
{
	return outcome(sys_open(args[0], O_WRONLY | O_CREAT | O_EXCL));
}

static int op_creat(char **args)
{
#ifdef SYS_creat
	return outcome(syscall(SYS_creat, args[0], 0644));
#else
	return outcome(syscall(SYS_openat, AT_FDCWD, args[0], O_CREAT | O_WRONLY | O_TRUNC, 0644));
#endif
}

static int op_open(char **args)
{
	return outcome(sys_open(args[1], flags_of(args[0])));
}

static int op_openat(char **args)
{
	return outcome(syscall(SYS_openat, AT_FDCWD, args[1], flags_of(args[0]), 0644));
}

static int op_openat2(char **args)
{
	int flags = flags_of(args[0]);
	struct k_open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? 0644 : 0,
	};
	return outcome(syscall(SYS_openat2, AT_FDCWD, args[1], &how, sizeof(how)));
}

/* Opens by handle, which needs CAP_DAC_READ_SEARCH and names no path. */
static int op_open_by_handle(char **args)
{
	struct {
		unsigned bytes;
		int type;
		unsigned char data[128];
	} handle = {.bytes = sizeof(handle.data)};
	int mount_id, flags = flags_of(args[0]);
	int mount = must_open(args[2], O_RDONLY | O_DIRECTORY);
	if (syscall(SYS_name_to_handle_at, AT_FDCWD, args[1], &handle, &mount_id, 0) < 0)
		setup_failed("name_to_handle_at");
	return outcome(syscall(SYS_open_by_handle_at, mount, &handle, flags));
}

static int op_open_trunc(char **args)
{
	return outcome(sys_open(args[0], O_WRONLY | O_TRUNC));
}

/* ---- contents and names ---- */

static int op_truncate(char **args)
{
	return outcome(syscall(SYS_truncate, args[0], 0L));
}

static int op_ftruncate(char **args)
{
	return outcome(syscall(SYS_ftruncate, must_open(args[0], O_WRONLY), 0L));
}

static int op_ftruncate_fd(char **args)
{
	return outcome(syscall(SYS_ftruncate, number(args[0]), 0L));
}

static int op_write_fd(char **args)
{
	return outcome(write((int)number(args[0]), "x\n", 2));
}

static int op_size(char **args)
{
	struct stat st;
	int ret = stat(args[0], &st);
	if (!ret)
		printf("%lld\n", (long long)st.st_size);
	return outcome(ret);
}

static int op_stat(char **args)
{
	struct stat st;
	int ret = lstat(args[0], &st);
	if (!ret)
		printf("mode %o uid %u size %lld\n", st.st_mode, st.st_uid, (long long)st.st_size);
	return outcome(ret);
}

static int op_chmod(char **args)
{
	return outcome(fchmodat(AT_FDCWD, args[1], (mode_t)strtoul(args[0], NULL, 8), 0));
}

static int op_mkdir(char **args)
{
	return outcome(mkdirat(AT_FDCWD, args[0], 0755));
}

static int make_node(const char *path, mode_t type, dev_t dev)
{
	return outcome(mknodat(AT_FDCWD, path, type | 0644, dev));
}

static int op_mkreg(char **args)
{
	return make_node(args[0], S_IFREG, 0);
}

static int op_mkfifo(char **args)
{
	return make_node(args[0], S_IFIFO, 0);
}

static int op_mksock(char **args)
{
	return make_node(args[0], S_IFSOCK, 0);
}

/* 1:3 is the null device, 7:200 a loop device that nothing sets up; the kernel's encoding of small numbers. */
static int op_mknod_char(char **args)
{
	return make_node(args[0], S_IFCHR, 1 << 8 | 3);
}

static int op_mknod_block(char **args)
{
	return make_node(args[0], S_IFBLK, 7 << 8 | 200);
}

static int op_symlink(char **args)
{
	return outcome(symlinkat(args[0], AT_FDCWD, args[1]));
}

static int op_link(char **args)
{
	return outcome(linkat(AT_FDCWD, args[0], AT_FDCWD, args[1], 0));
}

static int op_rename(char **args)
{
	return outcome(syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 0));
}

static int op_exchange(char **args)
{
	return outcome(syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 1 << 1));
}

static int op_unlink(char **args)
{
	return outcome(unlinkat(AT_FDCWD, args[0], 0));
}

static int op_rmdir(char **args)
{
	return outcome(unlinkat(AT_FDCWD, args[0], AT_REMOVEDIR));
}

static int op_list(char **args)
{
	char buf[4096];
	int fd = (int)sys_open(args[0], O_RDONLY | O_DIRECTORY);
	return outcome(fd < 0 ? fd : syscall(SYS_getdents64, fd, buf, sizeof(buf)));
}

static int op_chdir(char **args)
{
	return outcome(chdir(args[0]));
}

static int op_exec(char **args)
{
	fflush(stdout);
	execve(args[0], args, environ);
	return outcome(-1);
}

/*
 * An ioctl that every driver may be asked and that is not on Landlock's list of harmless ones. ENOTTY is the
 * driver's own answer: the call got through.
 */
static int op_ioctl_dev(char **args)
{
	struct termios attributes;
	int fd = must_open(args[0], O_RDONLY | O_NONBLOCK);
	int ret = ioctl(fd, TCGETS, &attributes);
	return outcome(ret < 0 && errno == ENOTTY ? 0 : ret);
}

/* The same, with what opening the device answers. */
static int op_open_ioctl(char **args)
{
	struct termios attributes;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, args[0], O_RDONLY | O_NONBLOCK);
	int ret = fd < 0 ? fd : ioctl(fd, TCGETS, &attributes);
	return outcome(ret < 0 && errno == ENOTTY ? 0 : ret);
}

/* ---- sockets ---- */

static const struct word families[] = {
	{"unix", AF_UNIX},     {"inet", AF_INET}, {"inet6", AF_INET6}, {"netlink", AF_NETLINK},
	{"packet", AF_PACKET}, {"vsock", 40},     {"alg", 38},         {NULL, 0},
};
static const struct word types[] = {
	{"stream", SOCK_STREAM},
	{"dgram", SOCK_DGRAM},
	{"raw", SOCK_RAW},
	{"seqpacket", SOCK_SEQPACKET},
	{"cloexec", SOCK_CLOEXEC | SOCK_STREAM},
	{NULL, 0},
};
/* 262 is MPTCP: include/uapi/linux/in.h */
static const struct word protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"icmp", IPPROTO_ICMP},
	{"sctp", 132},
	{"mptcp", 262},
	{"udplite", 136},
	{NULL, 0},
};

static int op_socket(char **args)
{
	return outcome(syscall(SYS_socket, lookup(families, args[0]), lookup(types, args[1]),
			       lookup(protocols, optional(args, 2, "0"))));
}

static int op_socketpair(char **args)
{
	int fds[2];
	return outcome(syscall(SYS_socketpair, lookup(families, args[0]), lookup(types, args[1]), 0L, fds));
}

static int must_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	/* A filter's answer to socket(2) is the outcome of every operation that needs one. */
	if (fd < 0)
		exit(outcome(-1));
	return fd;
}

static struct sockaddr_in inet_address(const char *port, const char *host)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(port))};
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		usage("not an IPv4 address", host);
	return address;
}

static int inet_connect(char **args, int type)
{
	struct sockaddr_in address = inet_address(args[0], optional(args, 1, "127.0.0.1"));
	return outcome(connect(must_socket(AF_INET, type), (struct sockaddr *)&address, sizeof(address)));
}

static int inet_bind(char **args, int type)
{
	struct sockaddr_in address = inet_address(args[0], optional(args, 1, "127.0.0.1"));
	return outcome(bind(must_socket(AF_INET, type), (struct sockaddr *)&address, sizeof(address)));
}

static int op_connect_tcp(char **args)
{
	return inet_connect(args, SOCK_STREAM);
}

static int op_bind_tcp(char **args)
{
	return inet_bind(args, SOCK_STREAM);
}

static int op_connect_udp(char **args)
{
	return inet_connect(args, SOCK_DGRAM);
}

static int op_bind_udp(char **args)
{
	return inet_bind(args, SOCK_DGRAM);
}

static int op_listen_tcp(char **args)
{
	(void)args;
	/* listen(2) on an unbound socket binds an ephemeral port without bind(2) */
	return outcome(listen(must_socket(AF_INET, SOCK_STREAM), 1));
}

/* Of a directory or file, the root unless told; what its file system does not know: ENOTTY. */
static int op_ioctl(char **args)
{
	char nothing[4096] = {0};
	int fd = open(optional(args, 1, "/"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		setup_failed("open");
	return outcome(ioctl(fd, strtoul(args[0], NULL, 0), nothing));
}

static int op_limit(char **args)
{
	pid_t pid = strcmp(args[0], "self") ? getppid() : 0;
	struct rlimit limit;

	if (syscall(SYS_prlimit64, pid, RLIMIT_FSIZE, NULL, &limit))
		setup_failed("prlimit64");
	return outcome(syscall(SYS_prlimit64, pid, RLIMIT_FSIZE, strcmp(args[0], "ask") ? &limit : NULL, NULL));
}

/* A terminal of its own, made the controlling one; what was typed into it is what its reader gets. */
static int op_type_terminal(char **args)
{
	struct termios raw;
	char typed[64] = {0};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave = -1;

	if (master >= 0 && !grantpt(master) && !unlockpt(master) && ptsname(master))
		slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw))
		setup_failed("terminal");
	cfmakeraw(&raw);
	/* a session leader cannot become one again */
	if (tcsetattr(slave, TCSANOW, &raw) || (setsid() < 0 && errno != EPERM) || ioctl(slave, TIOCSCTTY, 0))
		setup_failed("controlling terminal");
	for (const char *c = args[0]; *c; c++)
		if (ioctl(slave, strtoul(args[1], NULL, 0), c))
			return outcome(-1);
	if (read(slave, typed, sizeof(typed) - 1) < 0)
		setup_failed("read");
	printf("%s\n", typed);
	return 0;
}

/* A copy of this program in memory, executed with the arguments that follow. */
static int op_memfd_exec(char **args)
{
	char buffer[65536];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	long to = syscall(SYS_memfd_create, "probe", (unsigned)strtoul(args[0], NULL, 0));

	if (to < 0)
		return outcome(to);
	if (from < 0)
		setup_failed("/proc/self/exe");
	for (ssize_t n; (n = read(from, buffer, sizeof(buffer))) != 0;)
		if (n < 0 || write((int)to, buffer, (size_t)n) != n)
			setup_failed("copy");
	return outcome(syscall(SYS_execveat, (int)to, "", args, environ, AT_EMPTY_PATH));
}

/* The same of a file that is open: what fexecve(3) does. */
static int op_fexec(char **args)
{
	int fd = open(args[0], O_PATH | O_CLOEXEC);

	if (fd < 0)
		setup_failed(args[0]);
	return outcome(syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH));
}

/* TCP_ULP "smc" makes an SMC socket of a TCP one. A protocol that no kernel knows: ENOENT. */
static int op_ulp_tcp(char **args)
{
	return outcome(setsockopt(must_socket(AF_INET, SOCK_STREAM), IPPROTO_TCP, TCP_ULP, args[0],
				  (socklen_t)strlen(args[0])));
}

static int op_sendto_udp(char **args)
{
	struct sockaddr_in address = inet_address(args[0], optional(args, 1, "127.0.0.1"));
	return outcome(
		sendto(must_socket(AF_INET, SOCK_DGRAM), "x", 1, 0, (struct sockaddr *)&address, sizeof(address)));
}

/* TCP fast open connects without connect(2). */
static int op_fastopen_tcp(char **args)
{
	struct sockaddr_in address = inet_address(args[0], optional(args, 1, "127.0.0.1"));
	return outcome(sendto(must_socket(AF_INET, SOCK_STREAM), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address,
			      sizeof(address)));
}

/* A path, or "@name" for an abstract socket. */
static socklen_t unix_address(struct sockaddr_un *address, const char *path)
{
	size_t length = strlen(path);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (length >= sizeof(address->sun_path))
		usage("too long for a socket", path);
	memcpy(address->sun_path, path, length);
	if (*path == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*path != '@'));
}

static const struct word unix_types[] = {{"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {NULL, 0}};

static int op_connect_unix(char **args)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[0]);
	int fd = must_socket(AF_UNIX, (int)lookup(unix_types, optional(args, 1, "stream")));
	return outcome(connect(fd, (struct sockaddr *)&address, length));
}

static int op_bind_unix(char **args)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[0]);
	return outcome(bind(must_socket(AF_UNIX, SOCK_STREAM), (struct sockaddr *)&address, length));
}

static int op_sendto_unix(char **args)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[0]);
	return outcome(sendto(must_socket(AF_UNIX, SOCK_DGRAM), "x", 1, 0, (struct sockaddr *)&address, length));
}

/* The way around a filter on socket(2): one end of a pair, sent to somewhere else. */
static int op_pair_sendto_unix(char **args)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[0]);
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fds))
		return outcome(-1);
	return outcome(sendto(fds[0], "x", 1, 0, (struct sockaddr *)&address, length));
}

/* ---- a server around a command, so that nothing depends on timing ---- */

static int run(char **command)
{
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		setup_failed("fork");
	if (!pid) {
		execve(command[0], command, environ);
		setup_failed(command[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			setup_failed("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void serve(int fd, const struct sockaddr *address, socklen_t length, int type)
{
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, address, length) ||
	    (type == SOCK_STREAM && listen(fd, 16)))
		setup_failed("server");
}

static int with_inet(char **args, int type)
{
	struct sockaddr_in address = inet_address(args[0], "127.0.0.1");
	serve(must_socket(AF_INET, type), (struct sockaddr *)&address, sizeof(address), type);
	return run(args + 1);
}

static int op_with_tcp(char **args)
{
	return with_inet(args, SOCK_STREAM);
}

static int op_with_udp(char **args)
{
	return with_inet(args, SOCK_DGRAM);
}

static int with_unix(char **args, int type)
{
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[0]);
	serve(must_socket(AF_UNIX, type), (struct sockaddr *)&address, length, type);
	int status = run(args + 1);
	if (*args[0] != '@')
		unlink(args[0]);
	return status;
}

static int op_with_unix(char **args)
{
	return with_unix(args, SOCK_STREAM);
}

static int op_with_unix_dgram(char **args)
{
	return with_unix(args, SOCK_DGRAM);
}

/* llrund around a command: it is there when somebody can connect. */
static int op_with_daemon(char **args)
{
	char *const daemon[] = {args[0], "serve", "--socket", args[1], NULL};
	struct sockaddr_un address;
	socklen_t length = unix_address(&address, args[1]);
	int tries = 3000, there = 0;
	pid_t pid = fork();
	if (pid < 0)
		setup_failed("fork");
	if (!pid) {
		execve(daemon[0], daemon, environ);
		setup_failed(daemon[0]);
	}
	while (!there && tries-- && waitpid(pid, NULL, WNOHANG) == 0) {
		int fd = must_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC);
		there = !connect(fd, (struct sockaddr *)&address, length);
		close(fd);
		if (!there)
			usleep(10000);
	}
	if (!there)
		setup_failed(args[1]);
	int status = run(args + 2);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return status;
}

/* ---- processes and what they carry ---- */

static int op_as(char **args)
{
	gid_t id = (gid_t)number(args[0]);
	if (setgroups(0, NULL) || setgid(id) || setuid(id))
		setup_failed("setuid");
	fflush(stdout);
	execve(args[1], args + 1, environ);
	return outcome(-1);
}

static int op_signal(char **args)
{
	static const struct word who[] = {{"parent", -1}, {"self", -2}, {NULL, 0}};
	long pid = lookup(who, args[0]);
	if (pid == -1)
		pid = getppid();
	else if (pid == -2)
		pid = getpid();
	return outcome(kill((pid_t)pid, (int)number(optional(args, 1, "0"))));
}

/* An argument of a raw call: a number, or "s:text" for a pointer to text. */
static long argument(char *text)
{
	return strncmp(text, "s:", 2) ? number(text) : (long)(text + 2);
}

static int op_syscall(char **args)
{
	long value[7] = {0};
	for (int i = 0; i < 7 && args[i]; i++)
		value[i] = argument(args[i]);
	long ret = syscall(value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
	if (ret >= 0)
		printf("%ld\n", ret);
	return outcome(ret);
}

#if defined(__x86_64__)
/* The i386 entry; a kernel without it delivers SIGSEGV. */
static int op_syscall32(char **args)
{
	long value[4] = {0};
	for (int i = 0; i < 4 && args[i]; i++)
		value[i] = number(args[i]);
	long ret;
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(value[0]), "b"(value[1]), "c"(value[2]), "d"(value[3])
			 : "memory", "r8", "r9", "r10", "r11");
	ret = (int)ret;
	if (ret >= 0) {
		printf("%ld\n", ret);
		return 0;
	}
	errno = (int)-ret;
	return outcome(-1);
}
#endif

static int op_io_uring_setup(char **args)
{
	/* struct io_uring_params: 120 bytes, zero for the defaults (include/uapi/linux/io_uring.h) */
	char parameters[120] = {0};
	(void)args;
	return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}

static int op_getppid(char **args)
{
	(void)args;
	return outcome(syscall(SYS_getppid));
}

static int op_landlock_abi(char **args)
{
	(void)args;
	long ret = syscall(SYS_landlock_create_ruleset, NULL, 0, K_LANDLOCK_CREATE_RULESET_VERSION);
	if (ret >= 0)
		printf("%ld\n", ret);
	return outcome(ret);
}

static int op_env(char **args)
{
	if (args[0]) {
		const char *value = getenv(args[0]);
		if (value)
			puts(value);
		return value ? 0 : 1;
	}
	for (char **variable = environ; *variable; variable++)
		puts(*variable);
	return 0;
}

static int op_argv(char **args)
{
	for (; *args; args++) {
		putchar('[');
		for (const unsigned char *c = (unsigned char *)*args; *c; c++)
			printf(*c > ' ' && *c < 0x7f && *c != '\\' ? "%c" : "\\%03o", *c);
		puts("]");
	}
	return 0;
}

static int op_fds(char **args)
{
	(void)args;
	for (int fd = 0; fd < MAX_FDS; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d\n", fd);
	return 0;
}

static int op_caps(char **args)
{
	struct {
		uint32_t version;
		int pid;
	} header = {K_LINUX_CAPABILITY_VERSION_3, 0};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2];
	(void)args;
	long ret = syscall(SYS_capget, &header, data);
	if (ret < 0)
		return outcome(ret);
	printf("effective %08x%08x\npermitted %08x%08x\ninheritable %08x%08x\n", data[1].effective, data[0].effective,
	       data[1].permitted, data[0].permitted, data[1].inheritable, data[0].inheritable);
	printf("no_new_privs %d\nseccomp %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	return 0;
}

static int op_umask(char **args)
{
	(void)args;
	printf("%04o\n", umask(0));
	return 0;
}

static int op_session(char **args)
{
	(void)args;
	printf("leader %s\n", getsid(0) == getpid() ? "yes" : "no");
	printf("terminal %s\n", open("/dev/tty", O_RDWR | O_NOCTTY) >= 0 ? "yes" : "no");
	return 0;
}

static int op_cwd(char **args)
{
	char path[4096];
	(void)args;
	long ret = syscall(SYS_getcwd, path, sizeof(path));
	if (ret >= 0)
		puts(path);
	return outcome(ret);
}

static int op_exit(char **args)
{
	exit((int)number(args[0]));
}

static int op_batch(char **args);
static int op_help(char **args);

struct op {
	const char *name;
	int (*run)(char **args);
	int least, most; /* number of arguments; -1: any number */
	const char *args;
	const char *help;
};

static const struct op ops[] = {
	{"read", op_read, 1, 1, "PATH", "open(O_RDONLY) and read"},
	{"cat", op_cat, 1, 1, "PATH", "print the contents"},
	{"write", op_write, 1, 1, "PATH", "open(O_WRONLY) an existing file and write at its start"},
	{"append", op_append, 1, 1, "PATH", "open(O_WRONLY|O_APPEND) and write"},
	{"create", op_create, 1, 1, "PATH", "open(O_CREAT|O_EXCL|O_WRONLY)"},
	{"creat", op_creat, 1, 1, "PATH", "creat(2)"},
	{"open", op_open, 2, 2, "FLAGS PATH", "open(2) with e.g. rdonly,trunc"},
	{"openat", op_openat, 2, 2, "FLAGS PATH", "openat(2)"},
	{"openat2", op_openat2, 2, 2, "FLAGS PATH", "openat2(2)"},
	{"open-by-handle", op_open_by_handle, 3, 3, "FLAGS PATH MOUNT",
	 "open_by_handle_at(2); MOUNT a directory there"},
	{"open-trunc", op_open_trunc, 1, 1, "PATH", "open(O_WRONLY|O_TRUNC)"},
	{"truncate", op_truncate, 1, 1, "PATH", "truncate(2) to 0"},
	{"ftruncate", op_ftruncate, 1, 1, "PATH", "ftruncate(2) to 0 of a descriptor opened for writing"},
	{"ftruncate-fd", op_ftruncate_fd, 1, 1, "FD", "ftruncate(2) to 0 of an inherited descriptor"},
	{"write-fd", op_write_fd, 1, 1, "FD", "write(2) to an inherited descriptor"},
	{"size", op_size, 1, 1, "PATH", "print the size in bytes"},
	{"stat", op_stat, 1, 1, "PATH", "print mode, owner and size, of a link itself"},
	{"chmod", op_chmod, 2, 2, "MODE PATH", "fchmodat(2); MODE octal"},
	{"mkdir", op_mkdir, 1, 1, "PATH", "mkdirat(2)"},
	{"mkreg", op_mkreg, 1, 1, "PATH", "mknodat(2), a regular file"},
	{"mkfifo", op_mkfifo, 1, 1, "PATH", "mknodat(2), a named pipe"},
	{"mksock", op_mksock, 1, 1, "PATH", "mknodat(2), a socket"},
	{"mknod-char", op_mknod_char, 1, 1, "PATH", "mknodat(2), character device 1:3"},
	{"mknod-block", op_mknod_block, 1, 1, "PATH", "mknodat(2), block device 7:200"},
	{"symlink", op_symlink, 2, 2, "TARGET PATH", "symlinkat(2)"},
	{"link", op_link, 2, 2, "FROM TO", "linkat(2)"},
	{"rename", op_rename, 2, 2, "FROM TO", "renameat2(2)"},
	{"exchange", op_exchange, 2, 2, "A B", "renameat2(2) with RENAME_EXCHANGE"},
	{"unlink", op_unlink, 1, 1, "PATH", "unlinkat(2)"},
	{"rmdir", op_rmdir, 1, 1, "PATH", "unlinkat(2) with AT_REMOVEDIR"},
	{"list", op_list, 1, 1, "DIR", "open(O_DIRECTORY) and getdents64"},
	{"chdir", op_chdir, 1, 1, "DIR", "chdir(2)"},
	{"exec", op_exec, 1, -1, "PATH ARGS", "execve(2)"},
	{"ioctl-dev", op_ioctl_dev, 1, 1, "PATH", "ioctl(TCGETS) of a device; the driver's ENOTTY is success"},
	{"open-ioctl", op_open_ioctl, 1, 1, "PATH", "openat(O_RDONLY) and the same"},
	{"socket", op_socket, 2, 3, "FAMILY TYPE [PROTO]", "socket(2); names or numbers"},
	{"socketpair", op_socketpair, 2, 2, "FAMILY TYPE", "socketpair(2)"},
	{"connect-tcp", op_connect_tcp, 1, 2, "PORT [ADDR]", "connect(2); ADDR 127.0.0.1"},
	{"bind-tcp", op_bind_tcp, 1, 2, "PORT [ADDR]", "bind(2)"},
	{"listen-tcp", op_listen_tcp, 0, 0, "", "listen(2) without bind(2)"},
	{"ioctl", op_ioctl, 1, 2, "REQUEST [PATH]", "ioctl(2) of what is opened for reading; PATH /"},
	{"limit", op_limit, 1, 1, "self|parent|ask",
	 "prlimit64(2) with the limits of file sizes as they are: own; the parent's; the parent's, only asked for"},
	{"type-terminal", op_type_terminal, 2, 2, "TEXT REQUEST",
	 "ioctl(REQUEST) of a terminal per character; print what arrived"},
	{"memfd-exec", op_memfd_exec, 1, -1, "FLAGS OP ARGS",
	 "memfd_create(2), execveat(2): probe OP ARGS from memory"},
	{"fexec", op_fexec, 1, -1, "PATH ARGS", "execveat(2) of a descriptor"},
	{"ulp-tcp", op_ulp_tcp, 1, 1, "NAME", "setsockopt(TCP_ULP)"},
	{"fastopen-tcp", op_fastopen_tcp, 1, 2, "PORT [ADDR]", "sendto(MSG_FASTOPEN)"},
	{"connect-udp", op_connect_udp, 1, 2, "PORT [ADDR]", "connect(2)"},
	{"bind-udp", op_bind_udp, 1, 2, "PORT [ADDR]", "bind(2)"},
	{"sendto-udp", op_sendto_udp, 1, 2, "PORT [ADDR]", "sendto(2)"},
	{"connect-unix", op_connect_unix, 1, 2, "PATH|@NAME [stream|dgram]", "connect(2)"},
	{"connect-abstract", op_connect_unix, 1, 2, "@NAME [stream|dgram]", "connect(2)"},
	{"bind-unix", op_bind_unix, 1, 1, "PATH|@NAME", "bind(2)"},
	{"sendto-unix", op_sendto_unix, 1, 1, "PATH|@NAME", "sendto(2), datagram"},
	{"pair-sendto-unix", op_pair_sendto_unix, 1, 1, "PATH|@NAME", "socketpair(2), then sendto(2) from one end"},
	{"with-tcp", op_with_tcp, 2, -1, "PORT CMD...", "run CMD (an absolute path) while 127.0.0.1:PORT listens"},
	{"with-udp", op_with_udp, 2, -1, "PORT CMD...", "run CMD while 127.0.0.1:PORT receives"},
	{"with-unix", op_with_unix, 2, -1, "PATH|@NAME CMD...", "run CMD while a stream socket listens"},
	{"with-unix-dgram", op_with_unix_dgram, 2, -1, "PATH|@NAME CMD...",
	 "run CMD while a datagram socket receives"},
	{"with-daemon", op_with_daemon, 3, -1, "LLRUND SOCKET CMD...", "run CMD while LLRUND serves at SOCKET"},
	{"as", op_as, 2, -1, "UID CMD...", "execve(2) as another user"},
	{"signal", op_signal, 1, 2, "PID|parent|self [SIG]", "kill(2); signal 0 unless told"},
	{"syscall", op_syscall, 1, 7, "NR ARGS...", "raw call; ARGS numbers or s:TEXT; prints the result"},
#if defined(__x86_64__)
	{"syscall32", op_syscall32, 1, 4, "NR ARGS...", "the same by int $0x80, with i386 numbers"},
#endif
	{"io_uring_setup", op_io_uring_setup, 0, 0, "", "io_uring_setup(2), one entry"},
	{"getppid", op_getppid, 0, 0, "", "getppid(2), harmless and uncached: for filters"},
	{"landlock-abi", op_landlock_abi, 0, 0, "", "print the kernel's Landlock ABI"},
	{"env", op_env, 0, 1, "[NAME]", "print one variable (exit 1: unset) or all"},
	{"argv", op_argv, 0, -1, "ARGS...", "print the arguments, one [escaped] per line"},
	{"fds", op_fds, 0, 0, "", "print the open descriptors below 4096"},
	{"caps", op_caps, 0, 0, "", "print capability sets, no_new_privs, seccomp mode"},
	{"umask", op_umask, 0, 0, "", "print the umask"},
	{"session", op_session, 0, 0, "", "print whether session leader, whether there is a terminal"},
	{"cwd", op_cwd, 0, 0, "", "print the working directory"},
	{"exit", op_exit, 1, 1, "N", "exit with N"},
	{"batch", op_batch, 0, 0, "",
	 "run each line of stdin (OP ARGS, split at blanks) in a child; print its\n"
	 "                                 output and then \"= STATUS\""},
	{"help", op_help, 0, 0, "", "print this list"},
};

static int op_help(char **args)
{
	(void)args;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		int width = printf("%s %s", ops[i].name, ops[i].args);
		printf("%*s%s\n", width < 32 ? 33 - width : 1, "", ops[i].help);
	}
	return 0;
}

/* args is NULL-terminated. */
static int perform(const char *name, char **args)
{
	int count = 0;
	while (args[count])
		count++;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, name))
			continue;
		if (count < ops[i].least || (ops[i].most >= 0 && count > ops[i].most))
			usage(name, ops[i].args);
		return ops[i].run(args);
	}
	usage("unknown operation", name);
}

static int perform_line(char *line)
{
	char *words[MAX_WORDS + 1];
	int count = 0;
	for (char *word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n")) {
		if (count == MAX_WORDS)
			usage("too many words on a line after", word);
		words[count++] = word;
	}
	words[count] = NULL;
	if (!count)
		usage("empty line", "");
	return perform(words[0], words + 1);
}

static int op_batch(char **args)
{
	char line[4096];
	(void)args;
	/* Unbuffered: a child's exit(3) would seek the shared descriptor back to where its copy of the buffer stands. */
	setvbuf(stdin, NULL, _IONBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		int status;
		fflush(stdout);
		pid_t pid = fork();
		if (pid < 0)
			setup_failed("fork");
		if (!pid) {
			int ret = perform_line(line);
			fflush(stdout);
			_exit(ret);
		}
		if (waitpid(pid, &status, 0) != pid)
			setup_failed("waitpid");
		/* at once: who asked may be waiting for it before asking more */
		printf("= %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage("no operation", "probe help lists them");
	int status = perform(argv[1], argv + 2);
	if (fflush(stdout))
		return EXIT_SETUP;
	return status;
}
