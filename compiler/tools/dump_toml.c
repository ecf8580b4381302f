/* SPDX-License-Identifier: MIT */
/*
 * llc-policy dump --toml: back from masks and programs to the policy language, with every default written out. The
 * newest plan is the one to read: in the older ones rights are missing that the policy spoke of.
 */
#include "dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "inspect.h"
#include "policy.h"
#include "quote.h"
#include "vocab.h"

struct toml_out {
	FILE *file;
	const struct blob *blob;
	const char *why; /* first thing that could not be expressed */
};

#define UDP_RIGHTS (NET_RIGHT(bind_udp) | NET_RIGHT(connect_send_udp))

static void fail(struct toml_out *out, const char *why)
{
	if (!out->why)
		out->why = why;
}

/* A basic string. TOML is UTF-8; a path that is not has no spelling. */
static void put_string(struct toml_out *out, const char *text)
{
	if (!quote_toml(out->file, text))
		fail(out, "a string is not UTF-8, which TOML cannot express");
}

static void put_pair(struct toml_out *out, const char *key, const char *value)
{
	fprintf(out->file, "%s = ", key);
	put_string(out, value);
	fputc('\n', out->file);
}

static void put_bool(struct toml_out *out, const char *key, bool value)
{
	fprintf(out->file, "%s = %s\n", key, value ? "true" : "false");
}

static void put_bit_list(struct toml_out *out, const char *key, uint64_t mask, const char *(*name)(unsigned bit))
{
	const char *separator = "";

	fprintf(out->file, "%s = [", key);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(mask >> bit & 1))
			continue;
		if (!name(bit))
			fail(out, "a right or capability has no name in this version");
		fprintf(out->file, "%s\"%s\"", separator, name(bit) ? name(bit) : "?");
		separator = ", ";
	}
	fputc(']', out->file);
}

static void put_bits(struct toml_out *out, const char *key, uint64_t mask, const char *(*name)(unsigned bit))
{
	put_bit_list(out, key, mask, name);
	fputc('\n', out->file);
}

/* ---- head ---- */

static bool first_of_arch(const struct blob *blob, uint32_t which)
{
	uint32_t i = 0;

	while (blob->filters[i].arch != blob->filters[which].arch)
		i++;
	return i == which;
}

static void put_arches(struct toml_out *out)
{
	const char *separator = "# compile with --arch ";

	for (uint32_t i = 0; i < out->blob->nfilters; i++) {
		enum arch_id arch = arch_by_audit(out->blob->filters[i].arch);
		if (!first_of_arch(out->blob, i))
			continue;
		if (arch == ARCHES)
			fail(out, "a filter is for an architecture that this version does not know");
		else
			fprintf(out->file, "%s%s", separator, arch_rows[arch].name);
		separator = ",";
	}
	if (*separator == ',')
		fputc('\n', out->file);
}

static void put_head(struct toml_out *out)
{
	const struct llpb_meta *meta = out->blob->meta;

	put_arches(out);
	fputs("version = 1\n\n[policy]\n", out->file);
	if (meta->name)
		put_pair(out, "name", blob_str(out->blob, meta->name));
	put_pair(out, "compat", meta->flags & LLPB_META_STRICT ? "strict" : "best-effort");
	/* one past the newest: no ABI covers the policy, which is also what compiling it again finds */
	if (meta->min_abi <= ABI_NEWEST)
		fprintf(out->file, "min_abi = %" PRIu32 "\n", meta->min_abi);
}

/* ---- layers ---- */

static const char *full_path(struct toml_out *out, uint32_t which, char buffer[PATH_TEXT_MAX])
{
	const char *text = path_text(out->blob, which, buffer);

	if (path_text_cut(text))
		fail(out, "a path is longer than any the kernel takes");
	return text;
}

/* The keys of [fs] that list paths. */
struct path_key {
	const char *name;
	enum path_group group;
};

static const struct path_key path_keys[] = {
	{"ro", GROUP_RO},
	{"rox", GROUP_ROX},
	{"rw", GROUP_RW},
	{"rwx", GROUP_RWX},
};
#define PATH_KEYS (sizeof(path_keys) / sizeof(path_keys[0]))

static uint64_t handled_rights(const struct blob *blob, uint32_t layer)
{
	return ruleset_of(blob, newest_plan(blob), layer)->handled_access_fs;
}

/*
 * The key that gives a rule its rights, or NULL for [[fs.rule]]. A rule may well grant nothing (its rights are all
 * unrestricted, but its path must exist): only a key can say that.
 */
static const struct path_key *key_of(const struct blob *blob, const struct llpb_path *path)
{
	uint64_t handled = handled_rights(blob, 0), access = path->dir_access & ~FS_RIGHT(resolve_unix);

	for (size_t i = 0; i < PATH_KEYS; i++)
		if ((path_group_rights(path_keys[i].group) & (handled | FS_RIGHT(refer))) == access)
			return &path_keys[i];
	return NULL;
}

static void put_path_entry(struct toml_out *out, uint32_t which)
{
	const struct llpb_path *path = &out->blob->paths[which];
	char buffer[PATH_TEXT_MAX];

	if (!(path->flags & (LLPB_P_OPTIONAL | LLPB_P_FOLLOW))) {
		fputs("  ", out->file);
		put_string(out, full_path(out, which, buffer));
		fputs(",\n", out->file);
		return;
	}
	fputs("  { path = ", out->file);
	put_string(out, full_path(out, which, buffer));
	fputs(path->flags & LLPB_P_OPTIONAL ? ", optional = true" : "", out->file);
	fputs(path->flags & LLPB_P_FOLLOW ? ", follow = true },\n" : " },\n", out->file);
}

static bool unix_only(const struct llpb_path *path)
{
	return path->dir_access == FS_RIGHT(resolve_unix);
}

static void put_path_key(struct toml_out *out, const struct path_key *key)
{
	const struct blob *blob = out->blob;
	bool begun = false;

	for (uint32_t i = 0; i < blob->npaths; i++) {
		if (blob->paths[i].layer || unix_only(&blob->paths[i]) || key_of(blob, &blob->paths[i]) != key)
			continue;
		if (!begun)
			fprintf(out->file, "%s = [\n", key->name);
		begun = true;
		put_path_entry(out, i);
	}
	if (begun)
		fputs("]\n", out->file);
}

/* The key stands even when it is empty: its presence denies. */
static void put_unix_key(struct toml_out *out)
{
	fputs("unix = [\n", out->file);
	for (uint32_t i = 0; i < out->blob->npaths; i++)
		if (!out->blob->paths[i].layer && out->blob->paths[i].dir_access & FS_RIGHT(resolve_unix))
			put_path_entry(out, i);
	fputs("]\n", out->file);
}

static void put_fs_rule(struct toml_out *out, uint32_t which)
{
	const struct llpb_path *path = &out->blob->paths[which];
	uint64_t access = path->dir_access & ~FS_RIGHT(resolve_unix);
	char buffer[PATH_TEXT_MAX];

	if (path->layer || unix_only(path) || key_of(out->blob, path))
		return;
	if (!access)
		fail(out, "a rule grants nothing");
	fputs("\n[[fs.rule]]\n", out->file);
	put_pair(out, "path", full_path(out, which, buffer));
	put_bits(out, "access", access, fs_right_name);
	if (path->flags & LLPB_P_OPTIONAL)
		put_bool(out, "optional", true);
	if (path->flags & LLPB_P_FOLLOW)
		put_bool(out, "follow", true);
}

static void put_fs(struct toml_out *out)
{
	const struct blob *blob = out->blob;
	uint64_t handled = handled_rights(blob, 0);
	uint64_t open = abi_fs_mask(ABI_NEWEST) & ~handled & ~FS_RIGHT(resolve_unix);

	fputs("\n[fs]\n", out->file);
	if (open)
		put_bits(out, "unrestricted", open, fs_right_name);
	for (size_t i = 0; i < PATH_KEYS; i++)
		put_path_key(out, &path_keys[i]);
	if (handled & FS_RIGHT(resolve_unix))
		put_unix_key(out);
	for (uint32_t i = 0; i < blob->npaths; i++)
		put_fs_rule(out, i);
}

static bool anchored_at(const struct blob *blob, uint32_t which)
{
	for (uint32_t i = which + 1; i < blob->npaths; i++)
		if (blob->paths[i].anchor == LLPB_ANCHOR_RULE && blob->paths[i].base == which &&
		    *blob_str(blob, blob->paths[i].path))
			return true;
	return false;
}

/*
 * A layer that does not speak of refer is compiled to handle it and to grant it on the root (compiler/back/lower.c).
 * Returns the index of that grant, or LLPB_NONE when the layer spoke of refer: elsewhere too, or so that the root counts
 * as a writable tree.
 */
static uint32_t implied_refer(const struct blob *blob, uint32_t layer)
{
	const char *root = blob_has_root(blob) ? blob_str(blob, blob->mounts->shown_source) : "/";
	uint32_t found = LLPB_NONE;

	if (!(handled_rights(blob, layer) & FS_RIGHT(refer)))
		return LLPB_NONE;
	for (uint32_t i = 0; i < blob->npaths; i++) {
		const struct llpb_path *path = &blob->paths[i];
		char buffer[PATH_TEXT_MAX];
		if (path->layer != layer || !(path->dir_access & FS_RIGHT(refer)))
			continue;
		if (found != LLPB_NONE || strcmp(path_text(blob, i, buffer), root))
			return LLPB_NONE;
		found = i;
	}
	if (found != LLPB_NONE && blob->paths[found].dir_access == FS_RIGHT(refer) && anchored_at(blob, found))
		return LLPB_NONE;
	return found;
}

static void put_layer_rule(struct toml_out *out, uint32_t which, bool implied)
{
	const struct llpb_path *path = &out->blob->paths[which];
	uint64_t access = path->dir_access & ~(implied ? FS_RIGHT(refer) : 0);
	char buffer[PATH_TEXT_MAX];

	if (!path->dir_access)
		fail(out, "a rule grants nothing");
	if (path->flags & (LLPB_P_FOLLOW | LLPB_P_OPTIONAL))
		fail(out, "[[fs_layer.rule]] has neither \"optional\" nor \"follow\"");
	if (!access)
		return;
	fputs("\n  [[fs_layer.rule]]\n  ", out->file);
	put_pair(out, "path", full_path(out, which, buffer));
	fputs("  ", out->file);
	put_bits(out, "allowed_access", access, fs_right_name);
}

static void put_layer(struct toml_out *out, uint32_t layer)
{
	const struct blob *blob = out->blob;
	uint64_t handled = handled_rights(blob, layer);
	uint32_t refer;

	if (!handled) /* a layer that carries net and scope alone */
		return;
	refer = implied_refer(blob, layer);
	fputs("\n[[fs_layer]]\n", out->file);
	put_bits(out, "handled_access_fs", handled & ~(refer != LLPB_NONE ? FS_RIGHT(refer) : 0), fs_right_name);
	for (uint32_t i = 0; i < blob->npaths; i++)
		if (blob->paths[i].layer == layer)
			put_layer_rule(out, i, i == refer);
}

static void put_layers(struct toml_out *out)
{
	uint32_t layer = 0;

	if (out->blob->nlayers && out->blob->meta->flags & LLPB_META_PLAIN_FS) {
		put_fs(out);
		layer = 1;
	}
	for (; layer < out->blob->nlayers; layer++)
		put_layer(out, layer);
}

/* ---- net, scope ---- */

static void put_ports(struct toml_out *out, const char *key, uint64_t right)
{
	const struct blob *blob = out->blob;
	const char *separator = "";

	fprintf(out->file, "%s = [", key);
	for (uint32_t i = 0; i < blob->nports; i++) {
		if (!(blob->ports[i].attr.allowed_access & right))
			continue;
		fprintf(out->file, "%s%" PRIu64, separator, blob->ports[i].attr.port);
		separator = ", ";
	}
	fputs("]\n", out->file);
}

static void put_net_rules(struct toml_out *out)
{
	const struct blob *blob = out->blob;

	for (uint32_t i = 0; i < blob->nports; i++) {
		fprintf(out->file, "\n  [[net.rule]]\n  port = %" PRIu64 "\n  ", blob->ports[i].attr.port);
		put_bits(out, "allowed_access", blob->ports[i].attr.allowed_access, net_right_name);
	}
}

static bool has_guarantee(const struct blob *blob, const char *name)
{
	uint32_t i = 0;

	while (i < blob->nguarantees && strcmp(blob_str(blob, blob->guarantees[i].name), name))
		i++;
	return i < blob->nguarantees;
}

static void put_plain_net(struct toml_out *out, uint64_t handled)
{
	put_ports(out, "connect_tcp", NET_RIGHT(connect_tcp));
	put_ports(out, "bind_tcp", NET_RIGHT(bind_tcp));
	put_pair(out, "udp", handled & UDP_RIGHTS ? "deny" : "allow");
}

/* Is the guarantee there, and not because [companions] asks for the filter? */
static bool promised_by_net(const struct blob *blob, const char *guarantee, unsigned companion)
{
	bool value, said = companion_said(blob, companion, &value);

	return has_guarantee(blob, guarantee) && !(said && value);
}

/*
 * In landlockd's form: the UDP rights may have been stated one by one, and the filter that udp = "deny" adds may have been
 * refused. What else it closes tells then.
 */
static bool denies_udp(const struct blob *blob, uint64_t handled)
{
	return (handled & UDP_RIGHTS) == UDP_RIGHTS && (has_companion(blob, newest_plan(blob), COMPANION_UDP) ||
							promised_by_net(blob, "net.families", COMPANION_FAMILIES) ||
							promised_by_net(blob, "net.protocols", COMPANION_PROTOCOLS));
}

static void put_net(struct toml_out *out)
{
	const struct blob *blob = out->blob;
	uint64_t handled = blob->nlayers ? ruleset_of(blob, newest_plan(blob), 0)->handled_access_net : 0;
	bool udp_deny = denies_udp(blob, handled);

	if (blob->nmounts && blob->mounts->spaces & K_CLONE_NEWNET) {
		fputs("\n[net]\nisolate = true\n", out->file);
		return;
	}
	if (!handled)
		return;
	fputs("\n[net]\n", out->file);
	if (blob->meta->flags & LLPB_META_PLAIN_NET) {
		put_plain_net(out, handled);
		return;
	}
	put_bits(out, "handled_access_net", udp_deny ? handled & ~UDP_RIGHTS : handled, net_right_name);
	if (udp_deny)
		put_pair(out, "udp", "deny");
	put_net_rules(out);
}

static void put_scope(struct toml_out *out)
{
	const struct blob *blob = out->blob;
	uint64_t scoped = blob->nlayers ? ruleset_of(blob, newest_plan(blob), 0)->scoped : 0;

	if (!scoped)
		return;
	fputs("\n[scope]\n", out->file);
	put_bool(out, "abstract_unix_socket", scoped & SCOPE_RIGHT(abstract_unix_socket));
	put_bool(out, "signal", scoped & SCOPE_RIGHT(signal));
}

/* ---- seccomp ---- */

static uint32_t filter_error(struct toml_out *out, const struct llpb_filter *filter, int nr)
{
	struct verdicts verdicts = {0};
	struct bpf_program program;

	if (!filter_program(out->blob, filter, &program)) {
		fail(out, "a filter is not a program that the kernel accepts");
		return 0;
	}
	filter_verdicts(&program, &(struct bpf_scope){true, (uint32_t)nr, filter->arch}, &verdicts);
	if (verdicts.count != 1 || verdicts.action[0] == K_SECCOMP_RET_ALLOW)
		return 0;
	if ((verdicts.action[0] & K_SECCOMP_RET_ACTION_FULL) != K_SECCOMP_RET_ERRNO)
		fail(out, "a filter has an action that [seccomp] deny cannot express");
	return verdicts.action[0] & K_SECCOMP_RET_DATA;
}

/*
 * The error that a call gets whatever its arguments on every ABI and architecture that has it, or 0. What the compiler
 * adds for Landlock's sake it adds on some ABIs only; what the policy denies is denied on all.
 */
static uint32_t denied_with(struct toml_out *out, const char *name)
{
	uint32_t error = 0;

	for (uint32_t i = 0; i < out->blob->nfilters; i++) {
		const struct llpb_filter *filter = &out->blob->filters[i];
		int nr = syscall_number(arch_by_audit(filter->arch), name);
		if (filter->group == LLPB_GROUP_NOTIFY)
			continue;
		uint32_t one = nr < 0 ? error : filter_error(out, filter, nr);
		if (nr >= 0 && (!one || (error && one != error)))
			return 0;
		error = one;
	}
	return error;
}

static void put_errno(struct toml_out *out, uint32_t error)
{
	const char *name = errno_name(error);

	if (name)
		put_pair(out, "errno", name);
	else
		fprintf(out->file, "errno = %" PRIu32 "\n", error);
}

/* One error serves the whole list. Calls that the compiler would deny anyway count only when nothing else does. */
static uint32_t list_error(struct toml_out *out)
{
	uint32_t error = 0, added = 0;

	for (const char *const *name = syscall_names(); *name; name++) {
		uint32_t one = denied_with(out, *name);
		if (one && companion_answers(out->blob, *name, K_SECCOMP_RET_ERRNO | one))
			added = one;
		else if (one && error && one != error)
			fail(out, "denied calls have different errors, which [seccomp] deny cannot express");
		else if (one)
			error = one;
	}
	return error ? error : added;
}

static void put_seccomp(struct toml_out *out)
{
	uint32_t error;

	if (!has_guarantee(out->blob, "seccomp"))
		return;
	if (!dump_plain_calls(out->blob)) {
		dump_calls(out->file, out->blob);
		return;
	}
	error = list_error(out);
	if (!error)
		return;
	fputs("\n[seccomp]\ndeny = [\n", out->file);
	for (const char *const *name = syscall_names(); *name; name++)
		if (denied_with(out, *name) == error)
			fprintf(out->file, "  \"%s\",\n", *name);
	fputs("]\n", out->file);
	put_errno(out, error);
}

static void put_companions(struct toml_out *out)
{
	const char *title = "\n[companions]\n";

	for (unsigned i = 0; i < COMPANIONS; i++) {
		bool value;
		if (!companion_said(out->blob, i, &value))
			continue;
		fputs(title, out->file);
		title = "";
		put_bool(out, companion_name(i), value);
	}
}

/* ---- environment, process, audit, slots ---- */

static void put_env_pass(struct toml_out *out)
{
	const struct blob *blob = out->blob;
	char *prefix;

	fputs("pass = [\n", out->file);
	for (uint32_t i = 0; i < blob->nenv; i++) {
		const char *text = blob_str(blob, blob->env[i].text);
		if (blob->env[i].op == LLPB_ENV_SET)
			continue;
		if (asprintf(&prefix, "%s%s", text, blob->env[i].op == LLPB_ENV_PASS_PREFIX ? "*" : "") < 0) {
			fail(out, "out of memory");
			return;
		}
		fputs("  ", out->file);
		put_string(out, prefix);
		fputs(",\n", out->file);
		free(prefix);
	}
	fputs("]\n", out->file);
}

static void put_env_set(struct toml_out *out)
{
	const struct blob *blob = out->blob;

	fputs("\n[env.set]\n", out->file);
	for (uint32_t i = 0; i < blob->nenv; i++) {
		const char *text = blob_str(blob, blob->env[i].text);
		size_t len = strcspn(text, "=");
		char *name = strndup(text, len);
		if (!name) {
			fail(out, "out of memory");
			return;
		}
		if (blob->env[i].op == LLPB_ENV_SET) {
			put_string(out, name);
			fputs(" = ", out->file);
			put_string(out, text + len + (text[len] == '='));
			fputc('\n', out->file);
		}
		free(name);
	}
}

static void put_env(struct toml_out *out)
{
	if (!(out->blob->process->flags & LLPB_PROC_ENV))
		return;
	fputs("\n[env]\n", out->file);
	put_env_pass(out);
	put_env_set(out);
}

static void put_process(struct toml_out *out)
{
	const struct llpb_process *process = out->blob->process;

	fputs("\n[process]\n", out->file);
	put_bits(out, "drop_caps", process->drop_caps, cap_name);
	put_bool(out, "close_fds", process->flags & LLPB_PROC_CLOSE_FDS);
	fputs("keep_fds = [", out->file);
	for (uint32_t i = 0; i < process->nkeep; i++)
		fprintf(out->file, "%s%" PRIu32, i ? ", " : "", process->keep[i]);
	fputs("]\n", out->file);
	put_bool(out, "new_session", process->flags & LLPB_PROC_NEW_SESSION);
	if (process->flags & LLPB_PROC_UMASK)
		fprintf(out->file, "umask = \"%04" PRIo32 "\"\n", process->umask);
	if (process->flags & LLPB_PROC_EXIT_1)
		fail(out, "its own failures exit 1, which the policy language has no key for");
}

static void put_audit(struct toml_out *out)
{
	uint32_t flags = out->blob->plans[newest_plan(out->blob)].restrict_flags;

	if (!flags)
		return;
	fputs("\n[audit]\n", out->file);
	put_bool(out, "log_same_exec", !(flags & LOG_FLAG(log_same_exec_off)));
	put_bool(out, "log_new_exec", flags & LOG_FLAG(log_new_exec_on));
	put_bool(out, "log_subdomains", !(flags & LOG_FLAG(log_subdomains_off)));
}

static void put_slot(struct toml_out *out, const struct llpb_slot *slot)
{
	const struct blob *blob = out->blob;

	fputs("\n[slots.", out->file);
	put_string(out, blob_str(blob, slot->name));
	fputs("]\n", out->file);
	put_pair(out, "type", slot->flags & LLPB_SLOT_FILE ? "file" : "dir");
	fputs("from = ", out->file);
	if (slot->from == LLPB_SLOT_ENV) {
		char *from;
		if (asprintf(&from, "env:%s", blob_str(blob, slot->variable)) < 0) {
			fail(out, "out of memory");
			return;
		}
		put_string(out, from);
		free(from);
	} else {
		fputs(slot->from == LLPB_SLOT_CWD ? "\"cwd\"" : "\"arg\"", out->file);
	}
	fputc('\n', out->file);
	if (slot->fallback)
		put_pair(out, "default", blob_str(blob, slot->fallback));
	if (slot->flags & LLPB_SLOT_ALLOW_ROOT)
		put_bool(out, "allow_root", true);
	if (slot->flags & LLPB_SLOT_OPTIONAL)
		put_bool(out, "optional", true);
	if (slot->flags & LLPB_SLOT_FOLLOW)
		put_bool(out, "follow", true);
}

/* The language has these slots without being told. */
static bool builtin_slot(const char *name)
{
	return !strcmp(name, "CWD") || !strcmp(name, "HOME") || !strcmp(name, "TMPDIR");
}

static void put_slots(struct toml_out *out)
{
	for (uint32_t i = 0; i < out->blob->nslots; i++)
		if (!builtin_slot(blob_str(out->blob, out->blob->slots[i].name)))
			put_slot(out, &out->blob->slots[i]);
}

/* ---- broker ---- */

static void put_flag(struct toml_out *out, const struct llpb_broker *e, uint32_t flag, const char *key)
{
	if (e->flags & flag)
		fprintf(out->file, ", %s = true", key);
}

static void put_entries(struct toml_out *out, enum llpb_broker_kind kind, const char *key)
{
	fprintf(out->file, "%s = [\n", key);
	for (uint32_t i = 0; i < out->blob->nbroker; i++) {
		const struct llpb_broker *e = &out->blob->broker[i];
		if (e->kind != kind)
			continue;
		fputs("  { path = ", out->file);
		put_string(out, blob_str(out->blob, e->shown));
		put_flag(out, e, LLPB_B_TREE, "tree");
		put_flag(out, e, LLPB_B_CREATE, "create");
		put_flag(out, e, LLPB_B_OVERWRITE, "overwrite");
		put_flag(out, e, LLPB_B_OPTIONAL, "optional");
		fputs(" },\n", out->file);
	}
	fputs("]\n", out->file);
}

static void put_gate(struct toml_out *out, const char *action, const char *target, const char *mode)
{
	fprintf(out->file, "  { action = \"%s\", target = ", action);
	put_string(out, target);
	fprintf(out->file, mode ? ", mode = \"%s\" },\n" : " },\n", mode);
}

/* The rule that leaves a record the descriptors it has. */
static void put_gates_of(struct toml_out *out, const struct llpb_broker *e)
{
	const uint32_t neither = LLPB_B_NO_READ | LLPB_B_NO_WRITE;
	const char *path = blob_str(out->blob, e->shown);
	const char *mode = e->flags & LLPB_B_NO_READ ? "write" : e->flags & LLPB_B_NO_WRITE ? "read" : NULL;

	if (e->kind == LLPB_B_READ || e->kind == LLPB_B_WRITE)
		put_gate(out, "open", path, e->kind == LLPB_B_READ ? "read" : mode);
	else if (e->kind == LLPB_B_SCRATCH && (e->flags & neither) != neither)
		put_gate(out, "scratch_open", path, mode);
	else if (e->kind == LLPB_B_BIND && !(e->flags & LLPB_B_NO_FD))
		put_gate(out, "open_tree", blob_str(out->blob, e->source), NULL);
	if (e->kind != LLPB_B_OBJECT || e->flags & LLPB_B_NO_FD)
		return;
	put_gate(out, "fsopen", path, NULL);
	put_gate(out, "fsmount", path, NULL);
}

static void put_gates(struct toml_out *out)
{
	uint32_t gated = 0;

	for (uint32_t i = 0; i < out->blob->nbroker; i++)
		gated |= out->blob->broker[i].flags & (LLPB_B_NO_READ | LLPB_B_NO_WRITE | LLPB_B_NO_FD);
	if (!gated)
		return;
	fputs("addfd = [\n", out->file);
	for (uint32_t i = 0; i < out->blob->nbroker; i++)
		put_gates_of(out, &out->blob->broker[i]);
	fputs("]\n", out->file);
}

static void put_binds(struct toml_out *out, const struct llpb_broker *e)
{
	fputs("\n[[broker.mount_bind]]\n", out->file);
	if (blob_has_root(out->blob))
		fail(out, "the source of a brokered bind is within a root of its own");
	put_pair(out, "source", blob_str(out->blob, e->source));
	put_pair(out, "target", blob_str(out->blob, e->shown));
	put_bool(out, "read_only", e->flags & LLPB_B_READ_ONLY);
}

/* The places of one object follow each other: `first` of them, and the others. */
static void put_object(struct toml_out *out, uint32_t first)
{
	const struct blob *blob = out->blob;
	const struct llpb_broker *e = &blob->broker[first];
	const char *name = blob_str(blob, e->source), *separator = "";

	if (first && blob->broker[first - 1].kind == e->kind &&
	    !strcmp(name, blob_str(blob, blob->broker[first - 1].source)))
		return;
	fputs("\n[[broker.mount_object]]\n", out->file);
	put_pair(out, "name", name);
	put_pair(out, "fs_type", blob_str(blob, e->type));
	if (e->attrs)
		put_bits(out, "attrs", e->attrs, mount_attr_name);
	fputs("attach = [", out->file);
	for (uint32_t i = first; i < blob->nbroker && !strcmp(name, blob_str(blob, blob->broker[i].source)); i++) {
		fputs(separator, out->file);
		put_string(out, blob_str(blob, blob->broker[i].shown));
		separator = ", ";
	}
	fputs("]\n", out->file);
}

static void put_broker(struct toml_out *out)
{
	static const struct {
		enum llpb_broker_kind kind;
		const char *key;
	} keys[] = {{LLPB_B_READ, "allow_read"},
		    {LLPB_B_WRITE, "allow_write"},
		    {LLPB_B_SCRATCH, "scratch"},
		    {LLPB_B_EXPORT, "export"}};
	const struct blob *blob = out->blob;
	const char *separator = "mount_tmpfs = [";

	if (!(blob->header->features & LLPB_F_BROKER))
		return;
	fputs("\n[broker]\n", out->file);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put_entries(out, keys[i].kind, keys[i].key);
	for (uint32_t i = 0; i < blob->nbroker; i++)
		if (blob->broker[i].kind == LLPB_B_TMPFS) {
			fputs(separator, out->file);
			put_string(out, blob_str(blob, blob->broker[i].shown));
			separator = ", ";
		}
	fputs(*separator == ',' ? "]\n" : "", out->file);
	put_gates(out);
	for (uint32_t i = 0; i < blob->nbroker; i++)
		if (blob->broker[i].kind == LLPB_B_BIND)
			put_binds(out, &blob->broker[i]);
	for (uint32_t i = 0; i < blob->nbroker; i++)
		if (blob->broker[i].kind == LLPB_B_OBJECT)
			put_object(out, i);
}

/* ---- view ---- */

/* What a kind of mount has without being told. */
static uint32_t implied_attrs(const struct llpb_mount *m)
{
	return m->kind == LLPB_MT_BIND ? K_MOUNT_ATTR_RDONLY
				       : K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV |
						 (m->kind == LLPB_MT_PROC ? K_MOUNT_ATTR_NOEXEC : 0);
}

/* follow = true sets both flags; one of them alone is what the compiler finds by itself. */
static bool put_follow(const struct llpb_mount *m)
{
	return m->flags & LLPB_MT_FOLLOW_TARGET && (m->kind != LLPB_MT_BIND || m->flags & LLPB_MT_FOLLOW_SOURCE);
}

static void put_mount_options(struct toml_out *out, const struct llpb_mount *m)
{
	const struct blob *blob = out->blob;

	if (m->attrs & ~implied_attrs(m)) {
		fputs(", ", out->file);
		put_bit_list(out, "options", m->attrs & ~implied_attrs(m), mount_attr_name);
	}
	if (*blob_str(blob, m->size)) {
		fputs(", size = ", out->file);
		put_string(out, blob_str(blob, m->size));
	}
	if (*blob_str(blob, m->inodes))
		fprintf(out->file, ", inodes = %s", blob_str(blob, m->inodes));
	if (*blob_str(blob, m->mode)) {
		fputs(", mode = ", out->file);
		put_string(out, blob_str(blob, m->mode));
	}
	fputs(m->flags & LLPB_MT_CREATE ? ", create = true" : "", out->file);
	fputs(m->flags & LLPB_MT_OPTIONAL ? ", optional = true" : "", out->file);
	fputs(put_follow(m) ? ", follow = true" : "", out->file);
	if (m->kind == LLPB_MT_BIND && !(m->attrs & K_MOUNT_ATTR_RDONLY))
		fputs(", read_only = false", out->file);
}

static void put_mounts(struct toml_out *out, enum llpb_mount_kind kind, const char *key)
{
	const struct blob *blob = out->blob;
	bool begun = false;

	for (uint32_t i = 1; i < blob->nmounts; i++) {
		const struct llpb_mount *m = &blob->mounts[i];
		if (m->kind != kind)
			continue;
		fputs(begun ? "" : key, out->file);
		fputs(begun ? "  { " : " = [\n  { ", out->file);
		begun = true;
		if (kind == LLPB_MT_BIND) {
			fputs("source = ", out->file);
			put_string(out, blob_str(blob, m->shown_source));
		}
		fputs(kind == LLPB_MT_BIND ? ", target = " : "path = ", out->file);
		put_string(out, blob_str(blob, m->shown_target));
		put_mount_options(out, m);
		fputs(" },\n", out->file);
	}
	fputs(begun ? "]\n" : "", out->file);
}

/* Namespaces that other keys ask for are left out. */
static void put_runtime(struct toml_out *out)
{
	const struct blob *blob = out->blob;
	const struct llpb_mount *view = blob->mounts;
	uint32_t spaces = view->spaces & ~(K_CLONE_NEWNS | K_CLONE_NEWNET);

	if (!spaces && !blob_has_root(blob) && !*blob_str(blob, view->target) && !(view->flags & LLPB_MT_AS_ROOT))
		return;
	fputs("\n[runtime]\n", out->file);
	if (spaces)
		put_bits(out, "isolate", spaces, namespace_name);
	if (blob_has_root(blob))
		put_pair(out, "root", blob_str(blob, view->shown_source));
	if (view->attrs)
		put_bool(out, "root_read_only", true);
	if (*blob_str(blob, view->target))
		put_pair(out, "cwd", blob_str(blob, view->target));
	put_pair(out, "user", view->flags & LLPB_MT_AS_ROOT ? "root" : "caller");
}

static void put_view(struct toml_out *out)
{
	if (!out->blob->nmounts)
		return;
	put_runtime(out);
	if (out->blob->nmounts < 2)
		return;
	fputs("\n[mount]\n", out->file);
	put_mounts(out, LLPB_MT_TMPFS, "tmpfs");
	put_mounts(out, LLPB_MT_BIND, "bind");
	put_mounts(out, LLPB_MT_PROC, "proc");
}

static void put_document(struct toml_out *out)
{
	put_head(out);
	put_layers(out);
	put_net(out);
	put_scope(out);
	put_seccomp(out);
	put_companions(out);
	put_env(out);
	put_process(out);
	put_audit(out);
	put_broker(out);
	put_view(out);
	put_slots(out);
}

const char *dump_toml(FILE *file, const struct blob *blob)
{
	char *text = NULL;
	size_t size = 0;
	struct toml_out out = {.file = open_memstream(&text, &size), .blob = blob};

	if (newest_plan(blob) < ABI_NEWEST)
		fail(&out, "it was written by an older compiler that knew fewer Landlock ABIs");
	if (!out.file)
		return "out of memory";
	put_document(&out);
	if (fclose(out.file))
		fail(&out, "out of memory");
	if (!out.why && (has_guarantee(blob, "seccomp") || blob->header->features & LLPB_F_BROKER) &&
	    !dump_matches(blob, text, size))
		fail(&out, "its filter tests arguments or is laid out by weights, which cannot be read back: keep "
			   "the source");
	if (!out.why)
		fwrite(text, 1, size, file);
	free(text);
	return out.why;
}
