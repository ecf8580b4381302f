/* SPDX-License-Identifier: MIT */
/*
 * What is known about system calls: whether the tables are whole, and what the running kernel, the kernel's headers,
 * systemd and Docker's profile say instead.
 */
#include <fnmatch.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "sysdata.h"
#include "tap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CALLS        1024

static bool listed(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static bool sorted(const char *const *list)
{
	for (; list[0] != NULL && list[1] != NULL; list++)
		if (strcmp(list[0], list[1]) >= 0)
			return false;
	return true;
}

/* ---- arguments ---- */

static void test_every_call_has_arguments(void)
{
	bool known = true, own = true, fit = true;
	struct arg_info arg, same;

	for (const char *const *call = syscall_names(); *call != NULL; call++)
		for (int a = 0; a < ARCHES; a++) {
			enum arch_id arch = (enum arch_id)a;

			known &= syscall_arg(arch, *call, "no such name", &arg) == ARG_UNKNOWN_NAME;
			if (syscall_number(arch, *call) < 0)
				continue;
			for (unsigned n = 0; syscall_arg_nth(arch, *call, n, &arg); n++) {
				own &= syscall_arg(arch, *call, arg.name, &same) == 0 && same.index == arg.index;
				fit &= arg.index + !arg.filterable <= 5;
				own &= syscall_arg_at(arch, *call, arg.index, &same) && same.name == arg.name;
			}
		}
	tap_ok(known, "every call of syscalls.def has a row");
	tap_ok(own, "every argument is found by its name and by its register");
	tap_ok(fit, "no argument lies beyond the sixth register");
	tap_ok(syscall_arg(ARCH_X86_64, "openat3", "flags", &arg) == ARG_UNKNOWN_CALL &&
		       syscall_arg(ARCHES, "openat", "flags", &arg) == ARG_UNKNOWN_CALL,
	       "an unknown call or architecture is told from an unknown argument");
	tap_ok(!syscall_arg_nth(ARCH_X86_64, "openat", 4, &arg) &&
		       !syscall_arg_nth(ARCH_X86_64, "openat", 99, &arg) &&
		       !syscall_arg_at(ARCH_X86_64, "openat", 4, &arg),
	       "openat has four arguments");
}

static void test_arguments(void)
{
	static const struct {
		enum arch_id arch;
		const char *call, *name;
		unsigned index, width, bits;
		bool is_signed, filterable;
	} rows[] = {
		{ARCH_X86_64, "socket", "domain", 0, 32, 32, true, true},
		{ARCH_X86_64, "socket", "family", 0, 32, 32, true, true},
		{ARCH_X86_64, "ioctl", "request", 1, 32, 32, false, true},
		{ARCH_X86_64, "ioctl", "cmd", 1, 32, 32, false, true},
		{ARCH_X86_64, "ioctl", "arg", 2, 64, 64, false, true},
		{ARCH_ARM, "ioctl", "arg", 2, 32, 32, false, true},
		{ARCH_X86_64, "openat", "dirfd", 0, 32, 32, true, true},
		{ARCH_X86_64, "openat", "mode", 3, 32, 16, false, true},
		{ARCH_X86_64, "lseek", "offset", 1, 64, 64, true, true},
		{ARCH_I386, "lseek", "offset", 1, 32, 32, true, true},
		{ARCH_X86_64, "mmap", "prot", 2, 64, 64, false, true},
		{ARCH_X86_64, "mmap", "fd", 4, 32, 32, true, true},
		{ARCH_I386, "mmap2", "prot", 2, 32, 32, false, true},
		{ARCH_X86_64, "clone", "flags", 0, 32, 32, false, true},
		{ARCH_X86_64, "clone", "tls", 4, 64, 64, false, true},
		{ARCH_X86_64, "clone", "child_tid", 3, 64, 64, false, true},
		{ARCH_AARCH64, "clone", "tls", 3, 64, 64, false, true},
		{ARCH_RISCV64, "clone", "child_tid", 4, 64, 64, false, true},
		{ARCH_S390X, "clone", "flags", 1, 32, 32, false, true},
		{ARCH_S390X, "clone", "stack", 0, 64, 64, false, true},
		{ARCH_X86_64, "setuid", "uid", 0, 32, 32, false, true},
		{ARCH_I386, "setuid", "uid", 0, 32, 16, false, true},
		{ARCH_I386, "setuid32", "uid", 0, 32, 32, false, true},
		{ARCH_X86_64, "pread64", "offset", 3, 64, 64, true, true},
		{ARCH_I386, "pread64", "offset", 3, 32, 64, true, false},
		{ARCH_ARM, "pread64", "offset", 4, 32, 64, true, false},
		{ARCH_I386, "fallocate", "mode", 1, 32, 32, true, true},
		{ARCH_I386, "fallocate", "len", 4, 32, 64, true, false},
		{ARCH_I386, "fadvise64", "advice", 4, 32, 32, true, true},
		{ARCH_X86_64, "fadvise64", "advice", 3, 32, 32, true, true},
		{ARCH_ARM, "readahead", "count", 4, 32, 32, false, true},
		{ARCH_I386, "readahead", "count", 3, 32, 32, false, true},
		{ARCH_I386, "fanotify_mark", "dirfd", 4, 32, 32, true, true},
		{ARCH_X86_64, "fanotify_mark", "dirfd", 3, 32, 32, true, true},
		{ARCH_I386, "sync_file_range", "flags", 5, 32, 32, false, true},
		{ARCH_PPC64LE, "mmap", "flags", 3, 64, 64, false, true},
		{ARCH_S390X, "mmap", "arg", 0, 64, 64, false, true},
		{ARCH_X86_64, "umount2", "flags", 1, 32, 32, true, true},
	};
	struct arg_info arg;

	for (size_t i = 0; i < COUNT(rows); i++)
		tap_ok(syscall_arg(rows[i].arch, rows[i].call, rows[i].name, &arg) == 0 &&
			       arg.index == rows[i].index && arg.width == rows[i].width && arg.bits == rows[i].bits &&
			       arg.is_signed == rows[i].is_signed && arg.filterable == rows[i].filterable,
		       "%s.%s on %s: register %u, %u bits", rows[i].call, rows[i].name, arch_rows[rows[i].arch].name,
		       rows[i].index, rows[i].bits);
	tap_ok(syscall_arg(ARCH_S390X, "mmap", "prot", &arg) == ARG_UNKNOWN_NAME &&
		       syscall_arg(ARCH_I386, "umount", "flags", &arg) == ARG_UNKNOWN_NAME,
	       "mmap on s390x and umount on i386 have no prot and no flags");
	tap_ok(syscall_arg_at(ARCH_I386, "pread64", 4, &arg) && !arg.filterable && strcmp(arg.name, "offset") == 0,
	       "the second half of a split argument is known as such");
}

/* ---- the running kernel ---- */

#define EVENTS "/sys/kernel/tracing/events/syscalls"

/* What include/linux/syscalls.h makes of a C type, by the kinds that it may have become. */
static bool kind_of_type(const char *type, enum arg_kind kind)
{
	static const struct {
		const char *type;
		unsigned kinds;
	} rows[] = {
		{"int", 1U << ARG_I32},
		{"unsigned int", 1U << ARG_U32},
		{"umode_t", 1U << ARG_U16},
		{"size_t", 1U << ARG_UL},
		{"off_t", 1U << ARG_L},
		{"loff_t", 1U << ARG_I64},
		{"uid_t", 1U << ARG_U32},
		{"gid_t", 1U << ARG_U32},
		{"pid_t", 1U << ARG_I32},
		{"long", 1U << ARG_L},
		{"u32", 1U << ARG_U32},
		{"clockid_t", 1U << ARG_I32},
		{"aio_context_t", 1U << ARG_UL},
		{"__u64", 1U << ARG_U64},
		{"key_t", 1U << ARG_I32},
		/* the exceptions: a descriptor, or clone's flags, of which the low word counts */
		{"unsigned long", 1U << ARG_UL | 1U << ARG_U32 | 1U << ARG_I32},
	};

	if (strchr(type, '*') != NULL)
		return kind == ARG_PTR;
	type += strncmp(type, "const ", 6) == 0 ? 6 : 0;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].type, type) == 0)
			return (rows[i].kinds >> kind & 1) != 0;
	return true;
}

/* The n-th argument of an event's format against the table. */
static bool agrees(const char *call, unsigned n, char *field)
{
	char *name = strrchr(field, ' ');
	struct arg_info arg;
	unsigned index;

	*name++ = '\0';
	name += strspn(name, "_");
	if (!syscall_arg_nth(ARCH_X86_64, call, n, &arg)) {
		tap_note("%s: the kernel has %s", call, name);
		return false;
	}
	index = arg.index;
	if (index != n || syscall_arg(ARCH_X86_64, call, name, &arg) != 0 || arg.index != n ||
	    !kind_of_type(field, arg.kind)) {
		tap_note("%s, argument %u: the kernel has %s %s", call, n, field, name);
		return false;
	}
	return true;
}

/* -1: no such event; 0: differs */
static int compare_event(const char *call, const char *event)
{
	char path[160], line[256];
	unsigned fields = 0;
	struct arg_info arg;
	bool same = true;
	FILE *file;

	snprintf(path, sizeof(path), EVENTS "/sys_enter_%s/format", event);
	file = fopen(path, "r");
	if (file == NULL)
		return -1;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *end = strchr(line, ';');

		if (strncmp(line, "\tfield:", 7) != 0 || end == NULL)
			continue;
		*end = '\0';
		/* five of the event come first */
		if (fields++ >= 5)
			same &= agrees(call, fields - 6, line + 7);
	}
	fclose(file);
	return same && (fields < 5 || !syscall_arg_nth(ARCH_X86_64, call, fields - 5, &arg));
}

static void test_running_kernel(void)
{
	static const char *const renamed[][2] = {
		{"stat", "newstat"},   {"lstat", "newlstat"},      {"fstat", "newfstat"},
		{"uname", "newuname"}, {"sendfile", "sendfile64"}, {"umount2", "umount"},
	};
	unsigned compared = 0, differ = 0;

	if (syscall_arg_nth(ARCH_X86_64, "read", 0, &(struct arg_info){0}) && compare_event("read", "read") < 0 &&
	    (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	     mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) < 0 || compare_event("read", "read") < 0)) {
		tap_skip("arguments of the running kernel", "no system call events in tracefs, or not root");
		return;
	}
	for (const char *const *call = syscall_names(); *call != NULL; call++) {
		const char *event = *call;
		int same;

		for (size_t i = 0; i < COUNT(renamed); i++)
			event = strcmp(*call, renamed[i][0]) == 0 ? renamed[i][1] : event;
		if (syscall_number(ARCH_X86_64, *call) < 0)
			continue;
		same = compare_event(*call, event);
		compared += same >= 0;
		differ += same == 0;
	}
	tap_ok(compared > 300 && differ == 0, "%u calls have the arguments that the running kernel says", compared);
}

/* ---- constants ---- */

static void test_constants(void)
{
	static const struct {
		enum arch_id arch;
		const char *name;
		int64_t value;
	} rows[] = {
		{ARCH_X86_64, "AF_INET", 2},
		{ARCH_X86_64, "AT_FDCWD", -100},
		{ARCH_ARM, "AT_FDCWD", -100},
		{ARCH_X86_64, "O_DIRECTORY", 0x10000},
		{ARCH_AARCH64, "O_DIRECTORY", 0x4000},
		{ARCH_ARM, "O_DIRECTORY", 0x4000},
		{ARCH_PPC64LE, "O_DIRECTORY", 0x4000},
		{ARCH_S390X, "O_DIRECTORY", 0x10000},
		{ARCH_X86_64, "TIOCSTI", 0x5412},
		{ARCH_PPC64LE, "TIOCSTI", 0x5412},
		{ARCH_X86_64, "TIOCGWINSZ", 0x5413},
		{ARCH_PPC64LE, "TIOCGWINSZ", 0x40087468},
		{ARCH_S390X, "POSIX_FADV_DONTNEED", 6},
		{ARCH_X86_64, "CLONE_IO", 0x80000000},
		{ARCH_X86_64, "IN_ONESHOT", 0x80000000},
		{ARCH_X86_64, "CLONE_NEWUSER", 0x10000000},
		{ARCH_X86_64, "MSG_FASTOPEN", 0x20000000},
		{ARCH_X86_64, "IPPROTO_MPTCP", 262},
		{ARCH_I386, "F_SETLK64", 13},
		{ARCH_X86_64, "FS_IOC_SETFLAGS", 0x40086602},
		{ARCH_I386, "FS_IOC_SETFLAGS", 0x40046602},
		{ARCH_X86_64, "KEY_SPEC_SESSION_KEYRING", -3},
	};
	uint64_t value = 0;
	size_t count = 0;
	bool found = true;

	for (const char *const *name = constant_names(); *name != NULL; name++, count++) {
		bool somewhere = false;

		for (int arch = 0; arch < ARCHES; arch++)
			somewhere |= constant_find((enum arch_id)arch, *name, &value);
		found &= somewhere && constant_known(*name) && constant_meaning(*name) != NULL;
	}
	tap_ok(sorted(constant_names()) && count >= 900, "%zu constants are sorted and distinct", count);
	tap_ok(found, "each is found, on some architecture, and means something");
	for (size_t i = 0; i < COUNT(rows); i++)
		tap_ok(constant_find(rows[i].arch, rows[i].name, &value) && (int64_t)value == rows[i].value,
		       "%s on %s is %lld", rows[i].name, arch_rows[rows[i].arch].name, (long long)rows[i].value);
	tap_ok(!constant_find(ARCH_X86_64, "F_SETLK64", &value) && constant_known("F_SETLK64"),
	       "a constant that an architecture lacks is not found there");
	tap_ok(!constant_find(ARCH_X86_64, "AF_NOTHING", &value) && !constant_known("af_inet") &&
		       !constant_known("") && !constant_find(ARCHES, "AF_INET", &value),
	       "others are not found at all");
}

static void test_fits(void)
{
	static const struct {
		const char *constant, *call, *argument;
		bool fits;
	} rows[] = {
		{"AF_INET", "socket", "domain", true},        {"AF_INET", "socket", "family", true},
		{"AF_INET", "socket", "type", false},         {"SOCK_CLOEXEC", "socket", "type", true},
		{"O_CREAT", "openat", "flags", true},         {"O_CREAT", "clone", "flags", false},
		{"CLONE_NEWUSER", "clone", "flags", true},    {"CLONE_NEWUSER", "unshare", "flags", true},
		{"AT_FDCWD", "openat", "dirfd", true},        {"AT_FDCWD", "renameat2", "olddfd", true},
		{"AT_EMPTY_PATH", "execveat", "flags", true}, {"S_ISUID", "fchmodat", "mode", true},
		{"TIOCSTI", "ioctl", "request", true},        {"TIOCSTI", "ioctl", "arg", false},
		{"MSG_FASTOPEN", "sendmmsg", "flags", true},  {"CLOCK_REALTIME", "clock_settime", "clockid", true},
		{"IPC_RMID", "shmctl", "cmd", true},          {"NO_SUCH", "ioctl", "request", false},
		{"AT_EMPTY_PATH", "mmap", "flags", false},    {"S_ISUID", "fallocate", "mode", false},
		{"IPC_RMID", "quotactl", "cmd", false},       {"AT_SYMLINK_NOFOLLOW", "setxattrat", "at_flags", true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arg_info arg;

		tap_ok(syscall_arg(ARCH_X86_64, rows[i].call, rows[i].argument, &arg) == 0 &&
			       !!constant_fits(rows[i].constant, rows[i].call, &arg) == rows[i].fits,
		       "%s %s %s.%s", rows[i].constant, rows[i].fits ? "fits" : "does not fit", rows[i].call,
		       rows[i].argument);
	}
}

static bool some_argument_matches(const char *pattern)
{
	for (const char *const *call = syscall_names(); *call != NULL; call++)
		for (int arch = 0; arch < ARCHES; arch++) {
			struct arg_info arg;

			for (unsigned n = 0; syscall_arg_nth((enum arch_id)arch, *call, n, &arg); n++) {
				char name[96];

				snprintf(name, sizeof(name), "%s.%s", *call, arg.name);
				if (fnmatch(pattern, name, 0) == 0)
					return true;
			}
		}
	return false;
}

static void test_families(void)
{
	static const char *const places[] = {
#define FAMILY(id, arguments, meaning) arguments,
#include "constants.def"
	};
	bool passed = true;

	for (size_t i = 0; i < COUNT(places); i++) {
		char list[1024], *rest = list;

		snprintf(list, sizeof(list), "%s", places[i]);
		for (char *word; (word = strsep(&rest, " ")) != NULL;)
			if (*word != '\0' && !some_argument_matches(word)) {
				tap_note("no argument is called %s", word);
				passed = false;
			}
	}
	tap_ok(passed, "the places of the %zu families of constants exist", COUNT(places));
}

/*
 * One translation unit asserts every constant that the headers define as a macro. Numbers with bit 31 set are compared
 * as the 32-bit flags they are.
 */
static int compile_with(const char *compiler, const char *headers, enum arch_id arch, const char *what)
{
	char command[256];
	FILE *pipe;

	snprintf(command, sizeof(command), "%s -x c -w %s - ", compiler, what);
	pipe = popen(command, "w");
	if (pipe == NULL)
		return -1;
	for (const char *header = headers; *header != '\0'; header += strlen(header) + 1)
		fprintf(pipe, "#if __has_include(<%s.h>)\n#include <%s.h>\n#endif\n", header, header);
	for (const char *const *name = constant_names(); *name != NULL; name++) {
		uint64_t value;

		if (!constant_find(arch, *name, &value))
			continue;
		fprintf(pipe,
			"#ifdef %s\n_Static_assert((unsigned long long)(%s) == %lluULL || "
			"(unsigned long long)(unsigned int)(%s) == %lluULL, \"%s\");\n#endif\n",
			*name, *name, (unsigned long long)value, *name, (unsigned long long)value, *name);
	}
	return pclose(pipe);
}

static unsigned count_asserts(const char *compiler, const char *headers, enum arch_id arch)
{
	char name[] = "/tmp/sysdata.XXXXXX", options[64], line[512];
	int fd = mkstemp(name);
	unsigned count = 0;
	FILE *file;

	if (fd < 0)
		return 0;
	snprintf(options, sizeof(options), "-E -P -o %s", name);
	compile_with(compiler, headers, arch, options);
	file = fdopen(fd, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strncmp(line, "_Static_assert", 14) == 0;
	if (file != NULL)
		fclose(file);
	remove(name);
	return count;
}

/*
 * In one unit what can be in one. The C library's headers, which have the rest, and those that include them make another.
 */
static const struct {
	const char *what, *headers;
	unsigned at_least;
} units[] = {
	{"the kernel's headers",
	 "linux/types\0stddef\0linux/posix_types\0asm/fcntl\0asm/ioctls\0asm/mman\0asm/signal\0asm/socket\0asm/stat\0"
	 "asm/ptrace\0asm/prctl\0asm/termbits\0asm/termios\0linux/bpf\0linux/close_range\0linux/falloc\0linux/"
	 "fadvise\0"
	 "linux/fanotify\0linux/fcntl\0linux/fs\0linux/futex\0linux/if_tun\0linux/in\0linux/in6\0linux/inotify\0"
	 "linux/io_uring\0linux/ioprio\0linux/ipc\0linux/kd\0linux/kexec\0linux/keyctl\0linux/landlock\0linux/loop\0"
	 "linux/memfd\0linux/mempolicy\0linux/mman\0linux/mount\0linux/module\0linux/msg\0linux/netlink\0linux/nsfs\0"
	 "linux/openat2\0linux/perf_event\0linux/personality\0linux/prctl\0linux/ptrace\0linux/quota\0linux/random\0"
	 "linux/reboot\0linux/resource\0linux/sched\0linux/seccomp\0linux/sem\0linux/sockios\0linux/stat\0linux/tcp\0"
	 "linux/time\0linux/timerfd\0linux/udp\0linux/userfaultfd\0linux/vt\0linux/wait\0linux/xattr\0",
	 900},
	{"the C library's headers",
	 "sys/socket\0netinet/in\0sys/eventfd\0sys/signalfd\0sys/epoll\0sys/timerfd\0sys/ipc\0sys/shm\0sys/sem\0"
	 "asm/termbits\0linux/input\0linux/usbdevice_fs\0linux/hidraw\0",
	 150},
};

static bool have_compiler(const char *compiler, const char *arch)
{
	char probe[128];

	snprintf(probe, sizeof(probe), "test \"$(%s -dumpmachine 2>/dev/null | cut -d- -f1)\" = %s", compiler, arch);
	return system(probe) == 0;
}

static void test_headers(void)
{
	static const struct {
		const char *compiler;
		enum arch_id arch;
	} rows[] = {
		{"cc", ARCH_X86_64},
		{"aarch64-linux-gnu-gcc", ARCH_AARCH64},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *compiler = rows[i].compiler, *arch = arch_rows[rows[i].arch].name;

		if (!have_compiler(compiler, arch)) {
			tap_skip(arch, "no compiler for it");
			continue;
		}
		for (size_t u = 0; u < COUNT(units); u++) {
			unsigned count = count_asserts(compiler, units[u].headers, rows[i].arch);

			tap_ok(compile_with(compiler, units[u].headers, rows[i].arch, "-fsyntax-only") == 0 &&
				       count >= units[u].at_least,
			       "%u macros of %s for %s have the same values", count, units[u].what, arch);
		}
	}
}

/* ---- groups ---- */

static const char *members_of[CALLS];

static bool subset(const char *inner, const char *outer)
{
	size_t count = group_members(inner, members_of, CALLS);
	bool all = count > 0;

	for (size_t i = 0; i < count; i++)
		if (!group_has(outer, members_of[i])) {
			tap_note("%s of %s is not in %s", members_of[i], inner, outer);
			all = false;
		}
	return all;
}

/* Every word is a call or a group, and no chain of groups is longer than there are groups. */
static bool sound(const char *name, unsigned depth)
{
	const struct group_row *group = group_find(name);
	const char *word;
	size_t length;

	if (group == NULL || depth > 40 || *group->help == '\0' || *group->members == '\0')
		return false;
	for (word = group->members; *word != '\0'; word += length + (word[length] == ' ')) {
		char one[64];

		length = strcspn(word, " ");
		if (length == 0 || length >= sizeof(one))
			return false;
		snprintf(one, sizeof(one), "%.*s", (int)length, word);
		if (*one == '@' ? !sound(one, depth + 1)
				: strcmp(one, "*") != 0 && strcmp(one, "!") != 0 && !syscall_known(one)) {
			tap_note("%s in %s", one, name);
			return false;
		}
	}
	return true;
}

static void test_groups(void)
{
	static const char *const documented[] = {
		"@aio",        "@basic-io",       "@chown",    "@clock",      "@cpu-emulation",  "@debug",
		"@default",    "@file-system",    "@io-event", "@ipc",        "@keyring",        "@known",
		"@memlock",    "@module",         "@mount",    "@network-io", "@obsolete",       "@pkey",
		"@privileged", "@process",        "@raw-io",   "@reboot",     "@resources",      "@sandbox",
		"@setuid",     "@signal",         "@swap",     "@sync",       "@system-service", "@timer",
		"@dangerous",  "@docker-default", "@memfd",    "@metadata",   "@io-uring",
	};
	static const char *const besides[] = {"@known", "@dangerous", "@docker-default", NULL};
	bool all = true, passed = true;
	size_t calls = 0;

	for (size_t i = 0; i < COUNT(documented); i++)
		all &= group_find(documented[i]) != NULL;
	tap_ok(all && sorted(group_names()), "the documented groups are there, and sorted");
	for (const char *const *name = group_names(); *name != NULL; name++)
		passed &= sound(*name, 0);
	tap_ok(passed, "groups name calls and groups that exist, and have no cycles");
	all = true;
	for (const char *const *call = syscall_names(); *call != NULL; call++, calls++) {
		bool some = false;

		for (const char *const *name = group_names(); *name != NULL; name++)
			some |= !listed(besides, *name) && group_has(*name, *call);
		if (!some)
			tap_note("%s is in no group", *call);
		all &= some;
	}
	tap_ok(all, "every call is in a group that says what it is for");
	tap_ok(group_members("@known", NULL, 0) == calls, "@known has them all");
	tap_ok(group_members("@nothing", NULL, 0) == 0 && group_find("default") == NULL &&
		       !group_has("@nothing", "read") && !group_has("@default", "read3"),
	       "unknown groups have nothing");
	members_of[0] = members_of[1] = members_of[2] = NULL;
	tap_ok(group_members("@keyring", members_of, 2) == 3 && strcmp(members_of[0], "add_key") == 0 &&
		       strcmp(members_of[1], "keyctl") == 0 && members_of[2] == NULL,
	       "a short array is not overrun");
	group_members("@system-service", members_of, CALLS - 1);
	members_of[group_members("@system-service", NULL, 0)] = NULL;
	tap_ok(sorted(members_of), "members of nested groups come sorted, each once");
}

static void test_subsets(void)
{
	static const char *const service[] = {
		"@aio",     "@basic-io",   "@chown",   "@default",   "@file-system", "@io-event", "@ipc",  "@keyring",
		"@memlock", "@network-io", "@process", "@resources", "@setuid",      "@signal",   "@sync", "@timer",
	};
	static const char *const privileged[] = {"@chown", "@clock", "@module", "@raw-io", "@reboot", "@swap"};
	static const char *const closed[] = {"@module", "@mount", "@raw-io", "@reboot", "@swap", "@io-uring"};
	static const char *const harmless[] = {"@default", "@basic-io", "@io-event", "@signal", "@timer", "@sync"};
	size_t dangers = group_members("@dangerous", NULL, 0);
	bool reasons = true;

	for (size_t i = 0; i < COUNT(service); i++)
		tap_ok(subset(service[i], "@system-service"), "%s is part of @system-service", service[i]);
	for (size_t i = 0; i < COUNT(privileged); i++)
		tap_ok(subset(privileged[i], "@privileged"), "%s is part of @privileged", privileged[i]);
	for (size_t i = 0; i < COUNT(closed); i++)
		tap_ok(subset(closed[i], "@dangerous"), "%s is part of @dangerous", closed[i]);
	for (size_t i = 0; i < COUNT(harmless); i++) {
		size_t count = group_members(harmless[i], members_of, CALLS);
		bool disjoint = count > 0;

		for (size_t k = 0; k < count; k++)
			disjoint &= danger_reason(members_of[k]) == NULL;
		tap_ok(disjoint, "nothing of %s is dangerous", harmless[i]);
	}
	group_members("@dangerous", members_of, CALLS);
	for (size_t i = 0; i < dangers; i++)
		reasons &= danger_reason(members_of[i]) != NULL;
	tap_ok(reasons && dangers > 60 && danger_reason("read") == NULL, "each of %zu dangers has a reason", dangers);
}

/* What `systemd-analyze syscall-filter` lists, but for calls that the table does not have (of other architectures). */
static void test_systemd(void)
{
	FILE *pipe = popen("systemd-analyze --no-pager syscall-filter 2>/dev/null", "r");
	char line[512], group[64] = "";
	unsigned compared = 0, missing = 0;

	while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
		char *word = line + strspn(line, " ");

		word[strcspn(word, "\n")] = '\0';
		if (*line == '@')
			snprintf(group, sizeof(group), "%.60s", word);
		else if (*line == '#')
			*group = '\0';
		if (*line != ' ' || *group == '\0' || *word == '#' || !syscall_known(word))
			continue;
		compared++;
		if (!group_has(group, word)) {
			tap_note("%s of systemd's %s", word, group);
			missing++;
		}
	}
	if (pipe != NULL)
		pclose(pipe);
	if (compared == 0)
		tap_skip("systemd's groups", "no systemd-analyze");
	else
		tap_ok(missing == 0 && compared > 500, "%u memberships are systemd's", compared);
}

/* Whether a row of Docker's profile allows its calls whatever the arguments, without added capabilities, on x86_64. */
static bool unconditional(json_t *row)
{
	json_t *includes = json_object_get(row, "includes"), *arches = json_object_get(includes, "arches"), *arch;
	bool here = arches == NULL;
	size_t i;

	json_array_foreach(arches, i, arch) here |= strcmp(json_string_value(arch), "amd64") == 0;
	return here && strcmp(json_string_value(json_object_get(row, "action")), "SCMP_ACT_ALLOW") == 0 &&
	       json_array_size(json_object_get(row, "args")) == 0 &&
	       json_array_size(json_object_get(includes, "caps")) == 0 &&
	       json_object_size(json_object_get(row, "excludes")) == 0;
}

static void test_docker(void)
{
	json_t *profile = json_load_file("../shared/oci/default.json", 0, NULL), *row, *name;
	unsigned allowed = 0, extra = 0, missing = 0;
	size_t i, k;

	if (profile == NULL) {
		tap_skip("Docker's default profile", "../shared/oci/default.json is not there");
		return;
	}
	for (const char *const *call = syscall_names(); *call != NULL; call++) {
		bool wanted = false;

		if (syscall_number(ARCH_X86_64, *call) < 0)
			continue;
		json_array_foreach(json_object_get(profile, "syscalls"), i, row)
			json_array_foreach(json_object_get(row, "names"), k, name) wanted |=
			strcmp(json_string_value(name), *call) == 0 && unconditional(row);
		allowed += wanted;
		missing += wanted && !group_has("@docker-default", *call);
		extra += !wanted && group_has("@docker-default", *call);
	}
	json_decref(profile);
	tap_ok(allowed == 305 && missing == 0 && extra == 0,
	       "@docker-default is the %u calls that the profile allows on x86_64 (%u missing, %u too many)", allowed,
	       missing, extra);
}

/* ---- advice ---- */

static void test_advice(void)
{
	bool answered = true, silent = true;

	for (const char *const *call = syscall_names(); *call != NULL; call++)
		for (int a = 0; a < ARCHES; a++) {
			enum arch_id arch = (enum arch_id)a;
			const char *text = syscall_advice(arch, *call);

			if (syscall_number(arch, *call) >= 0)
				silent &= text == NULL;
			else if (text == NULL || *text == '\0')
				answered = tap_ok(false, "advice for %s on %s", *call, arch_rows[arch].name);
		}
	tap_ok(answered, "there is advice for every call that an architecture lacks");
	tap_ok(silent, "and none for those it has");
	tap_ok(syscall_advice(ARCH_AARCH64, "dup2") != NULL &&
		       strcmp(syscall_advice(ARCH_AARCH64, "dup2"), "use dup3") == 0,
	       "dup2 on aarch64: use dup3");
	tap_ok(syscall_advice(ARCH_X86_64, "no_such") == NULL && syscall_advice(ARCHES, "dup2") == NULL,
	       "no advice for unknown calls and architectures");
}

int main(void)
{
	test_every_call_has_arguments();
	test_arguments();
	test_constants();
	test_fits();
	test_families();
	test_headers();
	test_groups();
	test_subsets();
	test_systemd();
	test_docker();
	test_advice();
	/* last: it may leave the mount namespace */
	test_running_kernel();
	return tap_done();
}
