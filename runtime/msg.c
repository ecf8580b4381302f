/* SPDX-License-Identifier: MIT */
/* Messages. MUST NOT let a byte from a blob, an argument or the environment reach a terminal unescaped. */
#include "msg.h"

#include <stdarg.h>

#include "sys.h"

/* A failed write changes nothing: there is nobody left to tell, and the exit status says it too. */
static void flush(struct msg *msg)
{
	SYS(write, msg->fd, msg->text, msg->len);
	msg->len = 0;
}

static void put(struct msg *msg, char c)
{
	if (msg->len == sizeof(msg->text))
		flush(msg);
	msg->text[msg->len++] = c;
}

static void put_number(struct msg *msg, uint64_t number, uint32_t base)
{
	uint64_t scale = 1;

	while (number / scale >= base)
		scale *= base;
	for (; scale; scale /= base)
		put(msg, "0123456789abcdef"[number / scale % base]);
}

static void put_text(struct msg *msg, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7f && c != '\\' && c != '"') {
			put(msg, (char)c);
			continue;
		}
		put(msg, '\\');
		put(msg, 'x');
		put(msg, "0123456789abcdef"[c >> 4]);
		put(msg, "0123456789abcdef"[c & 15]);
	}
}

static void vadd(struct msg *msg, const char *format, va_list args)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(msg, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			put_text(msg, va_arg(args, const char *));
			break;
		case 'u':
			put_number(msg, va_arg(args, unsigned int), 10);
			break;
		default: /* llx */
			format += 2;
			put_number(msg, va_arg(args, unsigned long long), 16);
		}
	}
}

void msg_add(struct msg *msg, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vadd(msg, format, args);
	va_end(args);
}

void msg_end(struct msg *msg)
{
	put(msg, '\n');
	flush(msg);
}

void msg_line(int fd, const char *format, ...)
{
	struct msg msg;
	va_list args;

	msg.fd = fd;
	msg.len = 0;
	va_start(args, format);
	vadd(&msg, format, args);
	va_end(args);
	msg_end(&msg);
}

/* Parallel tables without pointers, which would double their size: numbers, and as many NUL-terminated strings. */
static const uint8_t error_numbers[] = {
#define LL_ERRNO(name, number, text) number,
#include "errno.def"
};
static const char error_texts[] =
#define LL_ERRNO(name, number, text) #name ", " text "\0"
#include "errno.def"
	;

/* The next step, for failures whose cause is elsewhere than the error's text suggests. */
static const struct {
	const char *sys;
	int err;
	const char *hint;
} hints[] = {
	{ "openat", K_ENOENT, "create it, or mark it optional in the policy" },
	{ "openat", K_ENOTDIR, "a parent is not a directory; or mark it optional in the policy" },
	{ "openat", K_EMFILE, "raise the limit of open files (ulimit -n)" },
	{ "openat2", K_ENOENT, "create it, or mark it optional in the policy" },
	{ "openat2", K_ELOOP, "a symbolic link beneath a slot or a writable tree; follow = true would permit it" },
	{ "openat2", K_EXDEV, "it leads out of the slot or writable tree; follow = true would permit it" },
	{ "landlock_create_ruleset", K_ENOSYS,
	  "Landlock is not built into this kernel (CONFIG_SECURITY_LANDLOCK, Linux 5.13)" },
	{ "landlock_create_ruleset", K_EOPNOTSUPP,
	  "Landlock is disabled at boot: add landlock to the kernel's lsm= parameter" },
	{ "landlock_create_ruleset", K_EPERM, "a container's system call filter may block Landlock; see llc-policy doctor" },
	{ "landlock_add_rule", K_EBADFD, "not a file or directory of a file system" },
	{ "landlock_restrict_self", K_E2BIG, "the kernel stacks 16 layers at most, those of the caller included" },
	{ "seccomp", K_EINVAL, "the kernel needs CONFIG_SECCOMP_FILTER" },
	{ "seccomp", K_ENOMEM, "with the filters of the caller this exceeds the kernel's 32768 instructions" },
	{ "setsid", K_EPERM, "the process leads a group that others are in; start it through setsid(1)" },
	{ "execve", K_ENOENT, "the program, its #! interpreter or its ELF interpreter does not exist" },
	{ "execve", K_EACCES, "unless its mode forbids it, the policy must grant execute and read_file on the program, its "
			      "#! interpreters and its ELF interpreter, and read_file on its libraries" },
	{ "execve", K_EPERM, "the policy's system call filter may forbid it" },
	{ "execve", K_ENOEXEC, "neither an ELF program for this machine nor a script that begins with #!" },
};

static void add_reason(struct msg *msg, int err)
{
	const char *text = error_texts;

	for (uint32_t i = 0; i < sizeof(error_numbers); i++) {
		if (error_numbers[i] == err) {
			msg_add(msg, ": %s", text);
			return;
		}
		while (*text++)
			;
	}
	msg_add(msg, ": error %u", (uint32_t)err);
}

void msg_error(const struct llrun_error *error)
{
	struct msg msg;

	msg.fd = 2;
	msg.len = 0;
	msg_add(&msg, "llrun: %s", error->sys ? error->sys : error->text);
	if (error->object)
		msg_add(&msg, error->sys ? "(\"%s\")" : ": \"%s\"", error->object);
	if (error->err)
		add_reason(&msg, error->err);
	if (error->file)
		msg_add(&msg, " (%s:%u)", error->file, error->line);
	for (uint32_t i = 0; error->sys && i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].err == error->err && streq(hints[i].sys, error->sys))
			msg_add(&msg, "; %s", hints[i].hint);
	if (error->sys && error->text)
		msg_add(&msg, "; %s", error->text);
	msg_end(&msg);
}
