/* SPDX-License-Identifier: MIT */
/*
 * The semantic checks: the order in which they run, and those that are not about paths. All of them run, whatever was
 * found before; a check marks the item it has spoken about, so that one mistake is told once. Severity is the row's.
 */
#include "checks.h"

#include <stdarg.h>
#include <string.h>

#include "access.h"
#include "arena.h"
#include "kernel_abi.h"
#include "path_tree.h"
#include "vocab.h"

static const struct toml_value *find_table(const struct judge *j, const char *name)
{
	const struct toml_entry *entry = j->policy->root ? toml_get(j->policy->root, name) : NULL;

	return entry && entry->value->type == TOML_TABLE ? entry->value : NULL;
}

struct srcpos judge_key_pos(const struct judge *j, const char *table, const char *key)
{
	const struct toml_value *value = find_table(j, table);
	const struct toml_entry *entry = value ? toml_get(value, key) : NULL;

	return entry ? entry->value->pos : value ? value->pos : j->top;
}

void judge_say(const struct judge *j, enum check_id id, const struct srcpos *pos, const char *advice,
	       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct diag_item *item = diag_vreport(j->diag, id, pos, format, args);
	va_end(args);
	if (advice)
		diag_note(j->diag, item, NULL, "%s", advice);
}

/* ---- what the policy leaves open as a whole ---- */

static void check_subject_unrestricted(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct {
		bool present;
		const char *table, *subject;
	} subjects[] = {
		{p->has_fs || p->nlayers, "fs", "the file system is"},
		{p->has_net, "net", "the network is"},
		{p->has_scope, "scope", "signals and abstract UNIX sockets are"},
	};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (subjects[i].present)
			continue;
		judge_say(j, id, &j->top,
			  arena_printf(j->arena, "write [%s], with unrestricted = true if that is meant",
				       subjects[i].table),
			  "no [%s]: %s unrestricted", subjects[i].table, subjects[i].subject);
	}
	if (p->has_scope && !p->scoped && !p->scope_unrestricted)
		judge_say(j, id, &p->scope_pos, "write unrestricted = true if that is meant",
			  "[scope] switches both scopes off: it restricts nothing");
}

static void check_no_seccomp(struct judge *j, enum check_id id)
{
	if (!j->policy->has_seccomp)
		diag_report(j->diag, id, &j->top,
			    "no [seccomp]: system calls are unrestricted but for what [fs] and [net] need");
}

static void check_env_inherited(struct judge *j, enum check_id id)
{
	if (!j->policy->has_env)
		judge_say(j, id, &j->top,
			  "write [env] pass = [\"PATH\", \"LANG\", \"LC_*\"]; pass = [\"*\"] says that it is meant",
			  "no [env]: the command inherits every variable, secrets included");
}

static void check_best_effort(struct judge *j, enum check_id id)
{
	struct srcpos pos = judge_key_pos(j, "policy", "compat");

	if (!j->policy->strict)
		diag_report(j->diag, id, &pos,
			    "on older kernels guarantees may be lost: the run goes on and prints each of them");
}

static void check_min_abi_zero(struct judge *j, enum check_id id)
{
	if (!j->policy->min_abi)
		judge_say(j, id, &j->policy->min_abi_pos,
			  "write 1 or more; below that no path, port or scope is restricted by Landlock",
			  "min_abi = 0 permits runs without Landlock");
}

static void check_too_many_layers(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	if (p->nlayers <= K_LANDLOCK_MAX_LAYERS)
		return;
	judge_say(j, id, &p->layers[K_LANDLOCK_MAX_LAYERS].pos,
		  "layers intersect; grants that belong together go into one layer or into [fs]",
		  "%zu layers: the kernel stacks at most %d on a process", p->nlayers, K_LANDLOCK_MAX_LAYERS);
}

static void check_always_fail(struct judge *j, enum check_id id)
{
	diag_report(j->diag, id, &j->top, "always-fail was asked for");
}

/* ---- network ---- */

static const struct policy_port *find_port(const struct policy *p, uint16_t port, uint64_t access)
{
	for (size_t i = 0; i < p->nports; i++)
		if (p->ports[i].port == port && (p->ports[i].access & access))
			return &p->ports[i];
	return NULL;
}

static bool udp_open(const struct policy *p)
{
	return !p->udp_deny && !(p->net_handled & (NET_RIGHT(bind_udp) | NET_RIGHT(connect_send_udp)));
}

/* Two rows: a TCP list that forgets UDP, and one whose port 53 looks as if it spoke of UDP. */
static void check_udp(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct policy_port *dns = find_port(p, 53, NET_RIGHT(connect_tcp));

	if (!p->has_net || p->net_unrestricted || !udp_open(p) || (id == CHECK_UDP_DNS_ONLY) != (dns != NULL))
		return;
	struct diag_item *item =
		dns ? diag_report(j->diag, id, &dns->pos,
				  "port 53 is granted for TCP alone, and UDP is open to every port")
		    : diag_report(j->diag, id, p->has_udp ? &p->udp_pos : &p->net_pos,
				  "UDP stays open beside the TCP list: QUIC, DNS and any datagram pass");
	diag_note(j->diag, item, dns && p->has_udp ? &p->udp_pos : NULL, "%s",
		  dns ? "write udp = \"deny\"; names are then resolved over TCP (RES_OPTIONS = \"use-vc\" in [env] "
			"set)"
		      : "write udp = \"deny\"");
}

/* No Landlock right sees a socket that listens unbound (reference: include/net, inet_csk_listen_start() autobinds). */
static void check_listen(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	if (!p->net_plain || p->net_unrestricted || find_port(p, 0, NET_RIGHT(bind_tcp)))
		return;
	for (size_t i = 0; i < p->nports; i++) {
		if (!(p->ports[i].access & NET_RIGHT(bind_tcp)))
			continue;
		diag_note(
			j->diag,
			diag_report(j->diag, id, &p->ports[i].pos,
				    "listen(2) without bind(2) takes an ephemeral port that bind_tcp does not list"),
			NULL, "bind_tcp = [0, %u] says that it is meant", p->ports[i].port);
		return;
	}
}

static const struct policy_name *sets_variable(const struct policy *p, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < p->nenv_set; i++)
		if (!strncmp(p->env_set[i].text, name, len) && p->env_set[i].text[len] == '=')
			return &p->env_set[i];
	return NULL;
}

static void check_dns_over_tcp(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct policy_port *dns = find_port(p, 53, NET_RIGHT(connect_tcp));
	const struct policy_name *options = sets_variable(p, "RES_OPTIONS");

	if (!dns || udp_open(p) || (options && strstr(options->text, "use-vc")))
		return;
	judge_say(j, id, &dns->pos, "write RES_OPTIONS = \"use-vc\" in [env] set: glibc then asks over TCP",
		  "port 53 is granted for TCP, but resolvers ask over UDP first, which is denied");
}

static void check_no_dns(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct policy_port *first = NULL;

	for (size_t i = 0; !first && i < p->nports; i++)
		if (p->ports[i].access & NET_RIGHT(connect_tcp))
			first = &p->ports[i];
	if (!first || udp_open(p) || find_port(p, 53, NET_RIGHT(connect_tcp) | NET_RIGHT(connect_send_udp)))
		return;
	judge_say(j, id, &first->pos,
		  "fine for connections by address; else add 53 to connect_tcp and RES_OPTIONS = \"use-vc\" to [env] "
		  "set",
		  "names cannot be resolved: UDP is denied and TCP port 53 not granted");
}

static void check_port_duplicate(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct policy_port **seen = p->nports > 1 ? arena_alloc(j->arena, 65536 * sizeof(*seen)) : NULL;

	for (size_t i = 0; seen && i < p->nports; i++) {
		const struct policy_port *port = &p->ports[i], **first = &seen[port->port];
		if (*first && ((*first)->access & port->access))
			diag_note(j->diag,
				  diag_report(j->diag, id, &port->pos, "port %u is listed twice", port->port),
				  &(*first)->pos, "first granted here");
		if (!*first)
			*first = port;
	}
}

static void check_port_zero(struct judge *j, enum check_id id)
{
	const struct policy_port *zero = find_port(j->policy, 0, NET_RIGHT(connect_tcp));

	if (zero)
		diag_report(j->diag, id, &zero->pos, "nothing listens on port 0: the grant has no effect");
}

/* ---- system calls ---- */

/* Without execve the launcher's last step fails; the others end every program right after it. */
static const char *const exec_calls[] = {"execve", NULL};
static const char *const start_calls[] = {"brk",          "mmap",       "munmap",          "mprotect",
					  "openat",       "read",       "close",           "exit_group",
					  "rt_sigreturn", "arch_prctl", "set_tid_address", NULL};

static bool permits(const struct policy_action *action)
{
	return action->value == K_SECCOMP_RET_ALLOW || action->value == K_SECCOMP_RET_LOG;
}

static const struct policy_name *find_name(const struct policy_name *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i].text, name))
			return &names[i];
	return NULL;
}

/* Does anything but the default speak of the call, on some architecture, under some condition? */
static bool spoken_of(const struct policy *p, const char *name)
{
	bool found = find_name(p->deny, p->ndeny, name) || find_name(p->log, p->nlog, name) ||
		     find_name(p->allow, p->nallow, name);

	for (size_t r = 0; !found && r < p->ncalls; r++)
		found = find_name(p->calls[r].calls, p->calls[r].ncalls, name);
	return found;
}

/* The rule that denies the call whatever its arguments; NULL where none does, or one before it lets some through. */
static const struct policy_call_rule *denying_rule(const struct policy *p, const char *name,
						   const struct policy_name **where)
{
	for (size_t r = 0; r < p->ncalls; r++) {
		const struct policy_call_rule *rule = &p->calls[r];
		uint32_t kind = rule->action.value & K_SECCOMP_RET_ACTION_FULL;
		*where = find_name(rule->calls, rule->ncalls, name);
		if (*where)
			return rule->when || (kind != K_SECCOMP_RET_ERRNO && kind != K_SECCOMP_RET_KILL_PROCESS &&
					      kind != K_SECCOMP_RET_KILL_THREAD && kind != K_SECCOMP_RET_TRAP)
				       ? NULL
				       : rule;
	}
	return NULL;
}

/* Where the call is denied, by a rule or the list, and with which action; NULL where it is not, or only at times. */
static const struct policy_name *denial_of(const struct policy *p, const char *name, uint32_t *action)
{
	const struct policy_name *where = NULL;
	const struct policy_call_rule *rule = denying_rule(p, name, &where);

	if (rule)
		*action = rule->action.value;
	if (where) /* rules come first */
		return rule ? where : NULL;
	*action = K_SECCOMP_RET_ERRNO | p->deny_errno;
	return find_name(p->deny, p->ndeny, name);
}

bool may_pass(const struct policy *p, const char *name)
{
	uint32_t action;

	if (!p->has_seccomp || permits(&p->default_action))
		return !denial_of(p, name, &action);
	return spoken_of(p, name) && !denial_of(p, name, &action);
}

/* An allowlist that forgot what every program needs. */
static void check_forgotten(struct judge *j, enum check_id id, const char *const *names)
{
	const struct policy *p = j->policy;
	const char *missing = "";

	for (; p->has_seccomp && !permits(&p->default_action) && *names; names++)
		if (!spoken_of(p, *names))
			missing = arena_printf(j->arena, "%s%s%s", missing, *missing ? ", " : "", *names);
	if (*missing)
		judge_say(j, id, &p->default_action.pos,
			  "allow \"@default\", \"@basic-io\" and \"@file-system\", or the calls by name",
			  "the list does not allow %s: ordinary programs can neither start nor end without", missing);
}

static void check_start(struct judge *j, enum check_id id)
{
	bool exec = id == CHECK_EXEC_BLOCKED;

	if (!exec)
		check_forgotten(j, id, start_calls);

	for (const char *const *name = exec ? exec_calls : start_calls; *name; name++) {
		const struct policy_name *found = find_name(j->policy->deny, j->policy->ndeny, *name);
		if (!found)
			continue;
		judge_say(j, id, &found->pos,
			  exec ? "to limit what may be executed, grant execute ([fs] rox) on fewer paths"
			       : "leave it out; what is opened is limited by [fs]",
			  "%s is denied: %s", *name,
			  exec ? "the command itself could not be started"
			       : "ordinary programs can neither start nor end without it");
	}
}

static void check_deny_duplicate(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; i < p->ndeny; i++)
		for (size_t k = 0; k < i; k++)
			/* fragments that are included together may each say what they need */
			if (p->deny[i].pos.file == p->deny[k].pos.file && !strcmp(p->deny[i].text, p->deny[k].text)) {
				diag_note(j->diag,
					  diag_report(j->diag, id, &p->deny[i].pos, "%s is listed twice",
						      p->deny[i].text),
					  &p->deny[k].pos, "first denied here");
				break;
			}
}

/*
 * Calls that reach the same thing: a list that denies one of a family and not the others stops nobody. heads: only the
 * first so many say what the list is about (0: every one). openat2 and clone3 alone are denied because their flags lie
 * behind a pointer, process_vm_readv where debuggers are wanted.
 */
#define FAMILY_MAX 8
static const struct family {
	size_t heads;
	const char *names[FAMILY_MAX];
} families[] = {
	{3, {"open", "openat", "creat", "openat2"}},
	{0, {"mount", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr"}},
	{1, {"ptrace", "process_vm_readv", "process_vm_writev"}},
	{0, {"chmod", "fchmod", "fchmodat", "fchmodat2"}},
	{0, {"chown", "fchown", "lchown", "fchownat"}},
	{0, {"setxattr", "lsetxattr", "fsetxattr", "setxattrat"}},
	{0, {"removexattr", "lremovexattr", "fremovexattr", "removexattrat"}},
	{0, {"utime", "utimes", "futimesat", "utimensat"}},
	{0, {"rename", "renameat", "renameat2"}},
	{0, {"link", "linkat"}},
	{0, {"symlink", "symlinkat"}},
	{0, {"unlink", "unlinkat"}},
	{0, {"mkdir", "mkdirat"}},
	{0, {"mknod", "mknodat"}},
	{0, {"truncate", "ftruncate"}},
	{3, {"fork", "vfork", "clone", "clone3"}},
	{0, {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}},
	{0, {"init_module", "finit_module"}},
	{0, {"kexec_load", "kexec_file_load"}},
	{0, {"settimeofday", "clock_settime", "adjtimex", "clock_adjtime"}},
	{0, {"setuid", "setreuid", "setresuid"}},
	{0, {"setgid", "setregid", "setresgid"}},
	{0, {"io_uring_setup", "io_uring_enter", "io_uring_register"}},
};

static bool before(const struct srcpos *a, const struct srcpos *b)
{
	return a->line != b->line ? a->line < b->line : a->col < b->col;
}

static void check_deny_gap(struct judge *j, enum check_id id)
{
	uint32_t action;

	/* an allowlist denies the others, too */
	if (j->policy->has_seccomp && !permits(&j->policy->default_action))
		return;
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		const struct family *family = &families[f];
		const struct policy_name *first = NULL;
		const char *open = "";
		for (size_t i = 0; i < FAMILY_MAX && family->names[i]; i++) {
			const struct policy_name *found = denial_of(j->policy, family->names[i], &action);
			/* what a list or a rule names, whatever it says, was not forgotten */
			if (!found && !spoken_of(j->policy, family->names[i]))
				open = arena_printf(j->arena, "%s%s%s", open, *open ? ", " : "", family->names[i]);
			if (found && (!family->heads || i < family->heads) &&
			    (!first || before(&found->pos, &first->pos)))
				first = found;
		}
		if (first && *open)
			judge_say(j, id, &first->pos, "deny the whole family, or none of it",
				  "%s is denied, but %s can do the same", first->text, open);
	}
}

/* libc and others fall back to an older call on ENOSYS and on nothing else. Where that is closed, too, nothing is lost. */
static const struct {
	enum check_id id;
	const char *name, *older;
} fallbacks[] = {
	{CHECK_CLONE3_ERRNO, "clone3", "clone"},           {CHECK_FALLBACK_ERRNO, "statx", "newfstatat"},
	{CHECK_FALLBACK_ERRNO, "faccessat2", "faccessat"}, {CHECK_FALLBACK_ERRNO, "fchmodat2", "fchmodat"},
	{CHECK_FALLBACK_ERRNO, "openat2", "openat"},       {CHECK_FALLBACK_ERRNO, "close_range", "close"},
};

/* An allowlist whose answer to what it forgot makes programs give up. */
static void check_default_errno(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	if (!p->has_seccomp || permits(&p->default_action) || spoken_of(p, "clone3") || !may_pass(p, "clone") ||
	    p->default_action.value == (K_SECCOMP_RET_ERRNO | errno_find("ENOSYS")))
		return;
	judge_say(j, id, &p->default_action.pos,
		  "allow clone3, or answer it with a rule of its own: action = \"errno ENOSYS\"",
		  "clone3 gets the default: libc falls back to clone on ENOSYS only, and no program can start a "
		  "thread");
}

static const char *answer_text(struct judge *j, uint32_t action)
{
	const char *name = errno_name(action & K_SECCOMP_RET_DATA);

	if ((action & K_SECCOMP_RET_ACTION_FULL) != K_SECCOMP_RET_ERRNO)
		return "is not answered";
	return arena_printf(j->arena, "answers %s", name ? name : "an error without a name");
}

static void check_fallback_errno(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	uint32_t action;

	if (id == CHECK_CLONE3_ERRNO)
		check_default_errno(j, id);
	for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++) {
		const char *name = fallbacks[i].name;
		const struct policy_name *found = fallbacks[i].id == id ? denial_of(p, name, &action) : NULL;
		if (!found || action == (K_SECCOMP_RET_ERRNO | errno_find("ENOSYS")) ||
		    !may_pass(p, fallbacks[i].older))
			continue;
		judge_say(j, id, &found->pos,
			  arena_printf(j->arena, "answer it with \"errno ENOSYS\", or leave %s out%s", name,
				       id == CHECK_CLONE3_ERRNO ? ": with this answer no program can start a thread"
								: ""),
			  "%s %s: programs fall back to the older call on ENOSYS only", name, answer_text(j, action));
	}
}

/* Whatever the table says about native calls, these pass. */
static void check_foreign_open(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const struct {
		const struct policy_action *action;
		const char *what;
	} keys[] = {{&p->foreign_action, "calls of another architecture"},
		    {&p->x32_action, "calls with an x32 number"}};

	for (size_t i = 0; p->has_seccomp && i < sizeof(keys) / sizeof(keys[0]); i++)
		if (permits(keys[i].action))
			judge_say(j, id, &keys[i].action->pos, "write \"errno ENOSYS\" or \"kill_process\"",
				  "%s pass, whatever the lists and rules say", keys[i].what);
}

/* ---- companion filters ---- */

static const struct {
	const char *name, *open;
} companions[COMPANIONS] = {
#define COMPANION(id, name, mode, uring, guarantee, second, help, open) [COMPANION_##id] = {#name, open},
#include "companions.def"
};

static bool companion_asked(const struct policy *p, enum llpb_companion id)
{
	return p->companions[id].said && p->companions[id].value;
}

static void check_companion_refused(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < COMPANIONS; i++) {
		const struct policy_companion *said = &j->policy->companions[i];
		if (said->said && !said->value)
			diag_report(j->diag, id, &said->pos, "%s = false leaves open: %s", companions[i].name,
				    companions[i].open);
	}
}

static void check_ro_metadata(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	uint32_t action;

	if (p->nlayers && !companion_asked(p, COMPANION_METADATA) &&
	    !(denial_of(p, "fchmodat", &action) && denial_of(p, "fchownat", &action) &&
	      denial_of(p, "utimensat", &action)))
		judge_say(j, id, &p->layers[0].pos, "write metadata = true in [companions]",
			  "modes, owners, times and attributes of files outside the grants can be changed: no "
			  "Landlock right covers them");
}

static void check_memory_exec(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	uint32_t action;

	if (p->nlayers && p->layers[0].handled & FS_RIGHT(execute) && !companion_asked(p, COMPANION_MEMORY_FILES) &&
	    !denial_of(p, "memfd_create", &action))
		judge_say(j, id, &p->layers[0].pos, "write memory_files = true in [companions]",
			  "programs that are in no granted path can be executed from memory (memfd_create): no "
			  "Landlock right covers them");
}

/* ---- environment and process ---- */

/* Does a `pass` pattern let `name` through? */
static bool passes(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	return len && pattern[len - 1] == '*' ? !strncmp(pattern, name, len - 1) : !strcmp(pattern, name);
}

static const char *const preload_names[] = {"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", NULL};
static const char *const secret_names[] = {"SSH_AUTH_SOCK",
					   "GITHUB_TOKEN",
					   "GH_TOKEN",
					   "GITLAB_TOKEN",
					   "CI_JOB_TOKEN",
					   "NPM_TOKEN",
					   "AWS_SECRET_ACCESS_KEY",
					   "AWS_SESSION_TOKEN",
					   "DOCKER_AUTH_CONFIG",
					   "KUBECONFIG",
					   "ACTIONS_RUNTIME_TOKEN",
					   "GOOGLE_APPLICATION_CREDENTIALS",
					   NULL};

/* pass = ["*"] is how a policy says that it means the whole environment. */
static void check_env_pass(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	const char *const *names = id == CHECK_ENV_PRELOAD ? preload_names : secret_names;

	for (size_t i = 0; i < p->nenv_pass; i++) {
		const char *pattern = p->env_pass[i].text;
		const char *const *name = names;
		while (*name && !passes(pattern, *name))
			name++;
		if (!*name || !strcmp(pattern, "*"))
			continue;
		judge_say(
			j, id, &p->env_pass[i].pos,
			id == CHECK_ENV_PRELOAD
				? "the caller's environment then chooses code for every program inside; write it in "
				  "set if it is needed"
				: "the command can use it as the caller would; leave it out where it is not needed",
			"\"%s\" passes %s", pattern, *name);
	}
}

static void check_env_no_path(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	bool found = !p->has_env || sets_variable(p, "PATH");

	for (size_t i = 0; i < p->nenv_pass; i++)
		found |= passes(p->env_pass[i].text, "PATH");
	if (!found)
		diag_report(j->diag, id, &p->env_pos,
			    "PATH is neither passed nor set: programs started by name depend on built-in defaults");
}

static void check_dangerous_caps(struct judge *j, enum check_id id)
{
	uint64_t dangerous = 0;
	const char *kept = "";
	struct srcpos pos = judge_key_pos(j, "process", "drop_caps");

	vocab_find(VOCAB_CAP, "@dangerous", &dangerous);
	for (const char *const *name = vocab_words(VOCAB_CAP); *name; name++) {
		uint64_t bit = 0;
		if (**name != '@' && vocab_find(VOCAB_CAP, *name, &bit) && (bit & dangerous & ~j->policy->drop_caps))
			kept = arena_printf(j->arena, "%s%s%s", kept, *kept ? ", " : "", *name);
	}
	if (*kept)
		judge_say(j, id, &pos, "drop \"@dangerous\" and keep only what the work needs",
			  "run as root, the command keeps %s: Landlock cannot contain them", kept);
}

static void check_fds_inherited(struct judge *j, enum check_id id)
{
	struct srcpos pos = judge_key_pos(j, "process", "close_fds");

	if (!j->policy->close_fds)
		judge_say(j, id, &pos, "leave close_fds out and list what must stay in keep_fds",
			  "inherited descriptors stay open: Landlock does not restrict them");
}

/* ---- slots ---- */

/* Three rows over the slots that the policy declares. */
static void check_slots(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->policy->nslots; i++) {
		const struct policy_slot *slot = &j->policy->slots[i];
		if (slot->builtin)
			continue;
		if (id == CHECK_SLOT_UNUSED && !slot->used)
			diag_report(j->diag, id, &slot->pos, "no rule uses ${%s}", slot->name);
		else if (id == CHECK_SLOT_ROOT && slot->allow_root && !slot->fixed)
			diag_report(j->diag, id, &slot->pos,
				    "${%s} may be /: what is granted on it may hold everywhere", slot->name);
		else if (id == CHECK_SLOT_ENV_CONTROLLED && slot->from == SLOT_FROM_ENV && slot->used && !slot->fixed)
			diag_report(j->diag, id, &slot->pos,
				    "whoever sets the variable %s decides what is granted as ${%s}", slot->variable,
				    slot->name);
	}
}

/* ---- the runner ---- */

/* In this order: what says most about an item comes first and silences what would follow from it. */
static const struct {
	enum check_id id;
	check_fn *run;
	bool needs_tree;
} steps[] = {
	{CHECK_ALWAYS_FAIL, check_always_fail, false},
	{CHECK_SUBJECT_UNRESTRICTED, check_subject_unrestricted, false},
	{CHECK_NO_SECCOMP, check_no_seccomp, false},
	{CHECK_ENV_INHERITED, check_env_inherited, false},
	{CHECK_BEST_EFFORT, check_best_effort, false},
	{CHECK_MIN_ABI_ZERO, check_min_abi_zero, false},
	{CHECK_TOO_MANY_LAYERS, check_too_many_layers, false},
	{CHECK_RIGHT_NEEDS_ABI, check_right_needs_abi, true},
	{CHECK_RIGHT_NOT_HANDLED, check_right_not_handled, true},
	{CHECK_RIGHT_UNHANDLED, check_right_unhandled, true},
	{CHECK_NO_EFFECT, check_no_effect, true},
	{CHECK_PATH_DUPLICATE, check_path_duplicate, true},
	{CHECK_PATH_SHADOWED, check_path_shadowed, true},
	{CHECK_DIR_RIGHT_ON_FILE, check_dir_right_on_file, true},
	{CHECK_NESTED_WRITABLE, check_nested_writable, true},
	{CHECK_LAYER_CONFLICT, check_layer_conflict, true},
	{CHECK_EXEC_NOT_GRANTED, check_exec_not_granted, true},
	{CHECK_LOADER_NOT_GRANTED, check_loader_not_granted, true},
	{CHECK_LOADER_EXEC, check_loader_exec, true},
	{CHECK_NO_DEV_NULL, check_no_dev_null, true},
	{CHECK_UNIX_UNRESTRICTED, check_unix_unrestricted, true},
	{CHECK_WRITE_AND_EXECUTE, check_write_execute, true},
	{CHECK_WRITE_EXECUTE_NESTED, check_write_execute, true},
	{CHECK_RULE_HIDDEN, check_rule_hidden, false},
	{CHECK_MOUNT_NOT_GRANTED, check_mount_not_granted, false},
	{CHECK_MOUNT_READ_ONLY, check_mount_read_only, false},
	{CHECK_GRANT_ON_ROOT, check_grant_on_root, true},
	{CHECK_PROC_SELF, check_proc_self, true},
	{CHECK_BROKER_UNREACHABLE, check_broker_unreachable, false},
	{CHECK_BROKER_OVERLAP, check_broker_overlap, false},
	{CHECK_BROKER_STATIC, check_broker_static, false},
	{CHECK_HOME_WRITE, check_place, true},
	{CHECK_SYSTEM_WRITE, check_place, true},
	{CHECK_SECRET_READ, check_place, true},
	{CHECK_TMP_SHARED, check_place, true},
	{CHECK_SOCKET_DIR_OPEN, check_place, true},
	{CHECK_CONTROL_SOCKET, check_place, true},
	{CHECK_GIT_HOOKS, check_git_hooks, true},
	{CHECK_WRITABLE_POLICY, check_writable_policy, true},
	{CHECK_WRITABLE_POLICY_CWD, check_writable_policy, true},
	{CHECK_UDP_DNS_ONLY, check_udp, false},
	{CHECK_UDP_OPEN, check_udp, false},
	{CHECK_LISTEN_EPHEMERAL, check_listen, false},
	{CHECK_DNS_OVER_TCP, check_dns_over_tcp, false},
	{CHECK_NO_DNS, check_no_dns, false},
	{CHECK_PORT_DUPLICATE, check_port_duplicate, false},
	{CHECK_PORT_ZERO, check_port_zero, false},
	{CHECK_EXEC_BLOCKED, check_start, false},
	{CHECK_START_BLOCKED, check_start, false},
	{CHECK_DENY_DUPLICATE, check_deny_duplicate, false},
	{CHECK_DENY_GAP, check_deny_gap, false},
	{CHECK_CLONE3_ERRNO, check_fallback_errno, false},
	{CHECK_FALLBACK_ERRNO, check_fallback_errno, false},
	{CHECK_FOREIGN_OPEN, check_foreign_open, false},
	{CHECK_COMPANION_REFUSED, check_companion_refused, false},
	{CHECK_RO_METADATA, check_ro_metadata, false},
	{CHECK_MEMORY_EXEC, check_memory_exec, false},
	{CHECK_ENV_PRELOAD, check_env_pass, false},
	{CHECK_ENV_SECRET, check_env_pass, false},
	{CHECK_ENV_NO_PATH, check_env_no_path, false},
	{CHECK_DANGEROUS_CAPS_KEPT, check_dangerous_caps, false},
	{CHECK_FDS_INHERITED, check_fds_inherited, false},
	{CHECK_SLOT_UNUSED, check_slots, false},
	{CHECK_SLOT_ROOT, check_slots, false},
	{CHECK_SLOT_ENV_CONTROLLED, check_slots, false},
};

void checks_run(struct arena *arena, struct diag *diag, const struct policy *policy)
{
	struct judge j = {.arena = arena, .diag = diag, .policy = policy, .top = {.file = SRC_NONE}};

	if (policy->root)
		j.top = policy->root->entries ? policy->root->entries->key_pos : policy->root->pos;
	if (policy->nlayers <= K_LANDLOCK_MAX_LAYERS)
		j.tree = path_tree_build(arena, policy);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (j.tree || !steps[i].needs_tree)
			steps[i].run(&j, steps[i].id);
}
