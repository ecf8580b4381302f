/* SPDX-License-Identifier: MIT */
/* Random policies of [seccomp] and what they mean: calls.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "callrules.h"
#include "calls.h"
#include "cond.h"
#include "random.h"
#include "source.h"
#include "sysdata.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef __int128 number;

/* ---- a random policy, as text ---- */

static const char *const calls[] = {"socket",   "socketpair", "ioctl",  "clone",       "openat", "mmap",
				    "mprotect", "prctl",      "fcntl",  "personality", "kill",   "lseek",
				    "fchmod",   "fchmodat",   "sendto", "setsockopt",  "getpid", "listen",
				    "truncate", "unshare",    "nr:451", "nr:600",      "close",  "tgkill"};
static const char *const constants[] = {"AF_INET",      "AF_NETLINK", "O_CREAT",       "CLONE_NEWUSER",
					"PROT_EXEC",    "AT_FDCWD",   "MAP_ANONYMOUS", "TIOCSTI",
					"SOCK_CLOEXEC", "O_RDWR",     "O_TRUNC",       "MSG_FASTOPEN"};
static const char *const actions[] = {"allow", "errno EPERM",  "errno 38",    "errno:EACCES",
				      "errno", "kill_process", "kill_thread", "trap 7",
				      "trap",  "trace 65535",  "log"};
static const char *const relations[] = {"==", "!=", "<", "<=", ">", ">="};

static void put(struct writing *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writing *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	w->len += (size_t)vsnprintf(w->text + w->len, sizeof(w->text) - w->len, format, args);
	va_end(args);
	if (w->len >= sizeof(w->text))
		abort();
}

static void remember(struct writing *w, uint64_t value)
{
	if (w->npool < COUNT(w->pool))
		w->pool[w->npool++] = value;
}

/* A number that fits the argument, most often near an edge. */
static uint64_t fitting(const struct arg_info *arg)
{
	uint64_t all = arg->bits == 64 ? UINT64_MAX : (UINT64_C(1) << arg->bits) - 1, sign = UINT64_C(1)
											     << (arg->bits - 1);
	const uint64_t edges[] = {0, 1, 2, 3, 0xff, sign - 1, sign, sign + 1, all, all - 1, random_bits() & all};

	return edges[below(COUNT(edges))];
}

static void put_number(struct writing *w, const struct arg_info *arg, bool ordered)
{
	uint64_t value = fitting(arg), sign = UINT64_C(1) << (arg->bits - 1);
	const char *name = constants[below(COUNT(constants))];
	uint64_t named;

	if (!ordered && arg->bits >= 32 && below(3) == 0 && constant_find(w->arch, name, &named)) {
		put(w, "%s", name);
		remember(w, named);
		return;
	}
	remember(w, value);
	if (arg->is_signed && value & sign && (ordered || below(2)))
		put(w, "-%llu", (unsigned long long)(arg->bits == 64 ? -value : (sign << 1) - value));
	else
		put(w, below(2) ? "%llu" : "0x%llx", (unsigned long long)value);
}

static void put_value(struct writing *w, const struct arg_info *arg)
{
	if (below(6) == 0)
		put(w, "~");
	if (below(5) == 0) {
		put(w, "(");
		put_number(w, arg, false);
		put(w, " | ");
		put_number(w, arg, false);
		put(w, ")");
	} else {
		put_number(w, arg, false);
	}
}

static number as_number(const struct arg_info *arg, uint64_t bits)
{
	uint64_t sign = UINT64_C(1) << (arg->bits - 1), all = sign | (sign - 1);

	bits &= all;
	return arg->is_signed && bits & sign ? (number)bits - (number)all - 1 : (number)bits;
}

static void put_signed(struct writing *w, number n)
{
	put(w, n < 0 ? "-%llu" : "%llu", (unsigned long long)(n < 0 ? -n : n));
}

static void put_range(struct writing *w, const struct arg_info *arg)
{
	uint64_t a = fitting(arg), b = fitting(arg);
	bool swap = as_number(arg, a) > as_number(arg, b);

	remember(w, a);
	remember(w, b);
	put_signed(w, as_number(arg, swap ? b : a));
	put(w, "..");
	put_signed(w, as_number(arg, swap ? a : b));
}

static void put_set(struct writing *w, const struct arg_info *arg, bool masked)
{
	put(w, below(2) ? " in {" : " not in {");
	for (size_t i = below(4) + 1; i--;) {
		if (!masked && below(3) == 0)
			put_range(w, arg);
		else
			put_number(w, arg, false);
		put(w, i ? ", " : "}");
	}
}

static void put_test(struct writing *w)
{
	struct arg_info arg;
	unsigned n = (unsigned)below(6);
	bool numbered = !strncmp(w->call, "nr:", 3);

	if (numbered) {
		arg = (struct arg_info){.name = "arg3",
					.index = 3,
					.bits = w->arch == ARCH_I386 || w->arch == ARCH_ARM ? 32 : 64,
					.kind = ARG_UL};
	} else {
		while (!syscall_arg_nth(w->arch, w->call, n, &arg) || (!arg.filterable && n))
			n = n ? n - 1 : 0;
	}
	if (arg.kind == ARG_PTR) {
		put(w, "%s %s 0", arg.name, relations[below(2)]);
		return;
	}
	bool masked = below(3) == 0;
	put(w, masked ? "(%s & " : "%s", arg.name);
	if (masked) {
		put_value(w, &arg);
		put(w, ")");
	}
	if (masked && below(3) == 0)
		return;
	if (below(3) == 0) {
		put_set(w, &arg, masked);
		return;
	}
	size_t relation = below(masked ? 2 : COUNT(relations));
	put(w, " %s ", relations[relation]);
	if (relation < 2)
		put_value(w, &arg);
	else
		put_number(w, &arg, true);
}

static void put_condition(struct writing *w, unsigned depth)
{
	size_t shape = depth ? below(5) : 4;

	if (shape >= 3) {
		put_test(w);
		return;
	}
	put(w, shape == 2 ? "!(" : "(");
	put_condition(w, depth - 1);
	put(w, ")");
	if (shape == 2)
		return;
	put(w, "%s(", shape ? below(2) ? " && " : " and " : below(2) ? " || " : " or ");
	put_condition(w, depth - 1);
	put(w, ")");
}

static bool testable(enum arch_id arch, const char *call)
{
	struct arg_info arg;

	return !strncmp(call, "nr:", 3) ||
	       (call_number(arch, call) >= 0 && syscall_arg_nth(arch, call, 0, &arg) && arg.filterable);
}

/* As errnos many different ones: which rule decided is seen. */
static void put_action(struct writing *w, const char *key)
{
	if (w->errnos)
		put(w, "%s = \"errno %u\"\n", key, 1 + below(4095));
	else
		put(w, "%s = \"%s\"\n", key, actions[below(COUNT(actions))]);
}

static void put_rule(struct writing *w)
{
	w->call = calls[below(COUNT(calls))];
	if (call_number(w->arch, w->call) < 0)
		return;
	put(w, "[[seccomp.rule]]\nsyscall = \"%s\"\n", w->call);
	put_action(w, "action");
	if (!testable(w->arch, w->call) || below(8) == 0)
		return;
	put(w, "when = '''");
	put_condition(w, (unsigned)below(4));
	put(w, "'''\n");
}

static void put_list(struct writing *w, const char *key, size_t from, size_t to)
{
	put(w, "%s = [", key);
	for (size_t i = from; i < to; i++)
		if (call_number(w->arch, calls[i]) >= 0 && below(2))
			put(w, "\"%s\", ", calls[i]);
	put(w, "\"%s\"]\n", *key == 'd' ? "getppid" : *key == 'l' ? "getuid" : "execve");
}

void calls_write(struct writing *w, const char *net)
{
	static const char *const strict[] = {"errno", "kill_process", "errno ENOSYS", "trap 3"};

	put(w, "version = 1\n[policy]\ncompat = \"best-effort\"\n%s[seccomp]\n", net);
	if (w->errnos || below(4))
		put_action(w, "default");
	else
		put(w, "default = \"allow\"\n");
	if (w->errnos || below(3) == 0)
		put_action(w, "newer");
	if (w->errnos) {
		put_action(w, "x32");
		put_action(w, "foreign_arch");
	} else if (below(3) == 0) {
		put(w, "x32 = \"%s\"\nforeign_arch = \"%s\"\n", strict[below(COUNT(strict))],
		    strict[below(COUNT(strict))]);
	}
	if (below(3) == 0)
		put(w, "hot = [\"%s\", \"close\"]\n", calls[below(8)]);
	put_list(w, "deny", 0, 8);
	if (w->errnos) {
		put(w, "allow = [\"execve\", \"exit_group\"]\n");
	} else {
		put_list(w, "log", 8, 12);
		put_list(w, "allow", 12, COUNT(calls));
	}
	for (size_t i = below(6); i--;)
		put_rule(w);
}

/* ---- inputs ---- */

static uint64_t input_word(const struct writing *w)
{
	uint64_t value = w->npool && below(8) ? w->pool[below((unsigned)w->npool)]
			 : below(2)           ? below(4)
					      : random_bits();

	value += below(3) - 1;
	if (below(3) == 0)
		value = (value & UINT32_MAX) | random_bits() << 32;
	if (below(6) == 0)
		value ^= UINT64_C(1) << below(64);
	return value;
}

void calls_input(const struct writing *w, struct bpf_data *data)
{
	const uint32_t odd[] = {UINT32_MAX, K_X32_SYSCALL_BIT, K_X32_SYSCALL_BIT | 41, 471, 472, 600, 1023, 983042,
				0};
	int nr = call_number(w->arch, calls[below(COUNT(calls))]);

	*data = (struct bpf_data){.arch = arch_rows[w->arch].audit_arch};
	data->nr = below(6) && nr >= 0 ? (uint32_t)nr + (uint32_t)(below(12) == 0) - (uint32_t)(below(12) == 0)
		   : below(2)          ? odd[below(COUNT(odd))]
				       : (uint32_t)below(480);
	if (below(40) == 0)
		data->arch = arch_rows[(w->arch + 1 + below(ARCHES - 1)) % ARCHES].audit_arch;
	for (size_t i = 0; i < 6; i++)
		data->args[i] = input_word(w);
}

/* ---- the evaluator ---- */

static uint64_t bits_of(enum arch_id arch, const struct cond_value *value)
{
	uint64_t bits = value->number;

	switch (value->kind) {
	case COND_NUMBER:
		return bits;
	case COND_NAME:
		if (!constant_find(arch, value->name, &bits))
			abort();
		return bits;
	case COND_INVERT:
		return ~bits_of(arch, value->left);
	case COND_NEGATE:
		return -bits_of(arch, value->left);
	case COND_BITS_OR:
		break;
	}
	return bits_of(arch, value->left) | bits_of(arch, value->right);
}

static struct arg_info argument_of(enum arch_id arch, const char *call, const char *name)
{
	bool narrow = arch == ARCH_I386 || arch == ARCH_ARM;
	struct arg_info arg;

	if (!syscall_arg(arch, call, name, &arg))
		return arg;
	return (struct arg_info){.index = (unsigned)(name[3] - '0'), .bits = narrow ? 32 : 64};
}

static bool relates(enum cond_relation relation, number a, number b)
{
	switch (relation) {
	case COND_EQ:
		return a == b;
	case COND_NE:
	case COND_ANY_BIT:
		return a != b;
	case COND_LT:
		return a < b;
	case COND_LE:
		return a <= b;
	case COND_GT:
		return a > b;
	case COND_GE:
		return a >= b;
	case COND_IN:
		break;
	}
	abort();
}

static bool test_holds(enum arch_id arch, const char *call, const struct cond *test, const uint64_t *args)
{
	struct arg_info arg = argument_of(arch, call, test->argument);
	uint64_t raw = args[arg.index];

	if (test->mask) {
		raw &= bits_of(arch, test->mask);
		arg.is_signed = false;
	}
	number value = as_number(&arg, raw);
	for (const struct cond_item *item = test->items; item; item = item->next) {
		number low = as_number(&arg, bits_of(arch, item->low));
		number high = item->high ? as_number(&arg, bits_of(arch, item->high)) : low;
		if (value >= low && value <= high)
			return true;
	}
	if (test->relation == COND_IN)
		return false;
	return relates(test->relation, value, test->value ? as_number(&arg, bits_of(arch, test->value)) : 0);
}

static bool holds(enum arch_id arch, const char *call, const struct cond *cond, const uint64_t *args)
{
	if (!cond)
		return true;
	if (cond->kind == COND_TEST)
		return test_holds(arch, call, cond, args);
	if (cond->kind == COND_NOT)
		return !holds(arch, call, cond->left, args);
	if (cond->kind == COND_AND)
		return holds(arch, call, cond->left, args) && holds(arch, call, cond->right, args);
	return holds(arch, call, cond->left, args) || holds(arch, call, cond->right, args);
}

static bool in_list(enum arch_id arch, const struct policy_name *names, size_t count, uint32_t nr)
{
	for (size_t i = 0; i < count; i++)
		if (call_number(arch, names[i].text) == (int)nr)
			return true;
	return false;
}

static uint32_t newest_number(enum arch_id arch)
{
	static int newest[ARCHES];
	int last = 0;

	if (newest[arch])
		return (uint32_t)newest[arch];
	for (const char *const *name = syscall_names(); *name; name++)
		if (syscall_number(arch, *name) < 1000 && syscall_number(arch, *name) > last)
			last = syscall_number(arch, *name);
	newest[arch] = last;
	return (uint32_t)last;
}

uint32_t calls_answer(const struct policy *p, enum arch_id arch, const struct bpf_data *data)
{
	uint32_t nr = data->nr;

	if (data->arch != arch_rows[arch].audit_arch)
		return p->foreign_action.value;
	if (arch_rows[arch].x32 && nr >= K_X32_SYSCALL_BIT)
		return p->x32_action.value;
	for (size_t i = 0; i < p->ncalls; i++)
		for (size_t k = 0; k < p->calls[i].ncalls; k++)
			if (call_number(arch, p->calls[i].calls[k].text) == (int)nr &&
			    p->calls[i].arches >> arch & 1 &&
			    holds(arch, p->calls[i].calls[k].text, p->calls[i].when, data->args))
				return p->calls[i].action.value;
	if (in_list(arch, p->deny, p->ndeny, nr))
		return K_SECCOMP_RET_ERRNO | p->deny_errno;
	if (in_list(arch, p->log, p->nlog, nr))
		return K_SECCOMP_RET_LOG;
	if (in_list(arch, p->allow, p->nallow, nr))
		return K_SECCOMP_RET_ALLOW;
	bool known = nr <= INT32_MAX && syscall_name(arch, (int)nr);
	return !known && nr > newest_number(arch) ? p->newer_action.value : p->default_action.value;
}

/* ---- the compiler ---- */

static void quiet(struct diag *diag)
{
	static const enum check_id off[] = {CHECK_CONDITION_NEVER, CHECK_RULE_UNREACHABLE};

	for (size_t i = 0; i < COUNT(off); i++)
		diag_set_severity(diag, off[i], SEVERITY_OFF);
}

/* The filter of the newest plan, or NULL. */
const struct bpf_program *calls_compile(struct compilation *c, const char *text, size_t len, enum arch_id arch)
{
	compilation_begin(c);
	quiet(c->diag);
	c->arches[0] = arch;
	c->narches = 1;
	if (!compilation_run(c, source_from_memory(c->sources, "policy", text, len)))
		return NULL;
	for (size_t i = 0; i < c->lowered->nfilters; i++)
		if (c->lowered->filters[i].group == c->lowered->plans[ABI_NEWEST].group)
			return &c->lowered->filters[i].program;
	return NULL;
}
