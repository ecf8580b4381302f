/* SPDX-License-Identifier: MIT */
/* llc-policy dump --json: every fact of the text form, for programs. Keys are stable; new ones may be added. */
#include "dump.h"

#include <jansson.h>

#include "inspect.h"
#include "text.h"
#include "vocab.h"

static json_t *blob_text(const struct blob *blob, uint32_t off)
{
	return json_text(blob_str(blob, off));
}

static json_t *text_or_null(const struct blob *blob, uint32_t off)
{
	return off ? blob_text(blob, off) : json_null();
}

static json_t *bits(uint64_t mask, const char *(*name)(unsigned bit))
{
	json_t *list = json_array();
	char number[16];

	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(mask >> bit & 1))
			continue;
		snprintf(number, sizeof(number), "bit%u", bit);
		json_append(list, json_string(name(bit) ? name(bit) : number));
	}
	return list;
}

static json_t *source(const struct blob *blob, uint32_t which)
{
	if (!blob->source)
		return json_null();
	return json_pack("{s:o, s:I}", "file", blob_text(blob, blob->source[which].file), "line",
			 (json_int_t)blob->source[which].line);
}

static json_t *head(const struct blob *blob)
{
	const struct llpb_header *header = blob->header;

	return json_pack("{s:i, s:i, s:I, s:I}", "version", header->version, "last_compat", header->last_compat,
			 "features", (json_int_t)header->features, "size", (json_int_t)header->total_size);
}

static json_t *policy(const struct blob *blob)
{
	const struct llpb_meta *meta = blob->meta;
	char digest[65];

	for (size_t i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02x", meta->source_digest[i]);
	return json_pack("{s:o, s:s, s:I, s:s, s:o, s:o}", "name", text_or_null(blob, meta->name), "compat",
			 meta->flags & LLPB_META_STRICT ? "strict" : "best-effort", "min_abi",
			 (json_int_t)meta->min_abi, "min_kernel", abi_kernel(meta->min_abi), "source",
			 text_or_null(blob, meta->source), "source_sha256",
			 meta->source ? json_string(digest) : json_null());
}

static json_t *guarantee(const struct blob *blob, const struct llpb_guarantee *row)
{
	json_t *mechanisms = json_array();

	for (uint32_t plan = 0; plan < blob->nplans; plan++)
		json_append(mechanisms, json_string(mechanism_name(row->mechanism[plan])));
	return json_pack("{s:o, s:o, s:b, s:o, s:I, s:o}", "name", blob_text(blob, row->name), "text",
			 blob_text(blob, row->text), "firm", (row->flags & LLPB_G_FIRM) != 0, "file",
			 text_or_null(blob, row->file), "line", (json_int_t)row->line, "by_abi", mechanisms);
}

static json_t *coverage(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->nguarantees; i++)
		json_append(list, guarantee(blob, &blob->guarantees[i]));
	return list;
}

/* By name: whether the policy asks for it or refuses it (null: neither), and the ABIs whose programs hold it. */
static json_t *companions(const struct blob *blob)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < COMPANIONS; i++) {
		json_t *abis = json_array();
		bool value, said = companion_said(blob, i, &value);
		for (uint32_t plan = 0; plan < blob->nplans; plan++)
			if (has_companion(blob, plan, i))
				json_append(abis, json_integer(plan));
		json_object_set_new(
			object, companion_name(i),
			json_pack("{s:o, s:o}", "policy", said ? json_boolean(value) : json_null(), "abis", abis));
	}
	return object;
}

static json_t *losses(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->nlosses; i++)
		json_append(list, json_pack("{s:o, s:I, s:I}", "text", blob_text(blob, blob->losses[i].text),
					    "first_abi", (json_int_t)blob->losses[i].first, "last_abi",
					    (json_int_t)blob->losses[i].last));
	return list;
}

static json_t *ruleset(const struct k_landlock_ruleset_attr *attr)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "fs", bits(attr->handled_access_fs, fs_right_name), "net",
			 bits(attr->handled_access_net, net_right_name), "scope", bits(attr->scoped, scope_name),
			 "quiet_fs", bits(attr->quiet_access_fs, fs_right_name), "quiet_net",
			 bits(attr->quiet_access_net, net_right_name), "quiet_scope",
			 bits(attr->quiet_scoped, scope_name));
}

static json_t *plan(const struct blob *blob, uint32_t abi)
{
	const struct llpb_plan *row = &blob->plans[abi];
	json_t *layers = json_array();

	for (uint32_t layer = 0; layer < blob->nlayers; layer++)
		json_append(layers, ruleset(ruleset_of(blob, abi, layer)));
	return json_pack("{s:I, s:s, s:b, s:I, s:o, s:o, s:o}", "abi", (json_int_t)abi, "kernel", abi_kernel(abi),
			 "refuse", (row->flags & LLPB_PLAN_REFUSE) != 0, "attr_size", (json_int_t)row->attr_size,
			 "log_flags", bits(row->restrict_flags, log_flag_name), "filter_group",
			 row->filter_group == LLPB_NONE ? json_null() : json_integer(row->filter_group), "layers",
			 layers);
}

static json_t *plans(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t abi = 0; abi < blob->nplans; abi++)
		json_append(list, plan(blob, abi));
	return list;
}

static json_t *path_rule(const struct blob *blob, uint32_t which)
{
	const struct llpb_path *path = &blob->paths[which];
	char buffer[PATH_TEXT_MAX];

	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:o}", "layer", (json_int_t)path->layer, "path",
			 json_text(path_text(blob, which, buffer)), "called", blob_text(blob, path->shown), "rights",
			 bits(path->dir_access, fs_right_name), "rights_if_file",
			 bits(path->file_access, fs_right_name), "optional", (path->flags & LLPB_P_OPTIONAL) != 0,
			 "follow", (path->flags & LLPB_P_FOLLOW) != 0, "beneath_rule",
			 path->anchor == LLPB_ANCHOR_RULE ? json_integer(path->base) : json_null(), "source",
			 source(blob, which));
}

static json_t *path_rules(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->npaths; i++)
		json_append(list, path_rule(blob, i));
	return list;
}

static json_t *port_rules(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->nports; i++) {
		const struct llpb_port *port = &blob->ports[i];
		json_append(list, json_pack("{s:I, s:I, s:o, s:o}", "layer", (json_int_t)port->layer, "port",
					    (json_int_t)port->attr.port, "rights",
					    bits(port->attr.allowed_access, net_right_name), "source",
					    source(blob, blob->npaths + i)));
	}
	return list;
}

static json_t *slot(const struct blob *blob, uint32_t which)
{
	static const char *const from[LLPB_SLOT_FROMS] = {"arg", "env", "cwd"};
	const struct llpb_slot *row = &blob->slots[which];

	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:o}", "name", blob_text(blob, row->name), "type",
			 row->flags & LLPB_SLOT_DIR    ? "dir"
			 : row->flags & LLPB_SLOT_FILE ? "file"
						       : "any",
			 "from", from[row->from], "variable", text_or_null(blob, row->variable), "default",
			 text_or_null(blob, row->fallback), "allow_root", (row->flags & LLPB_SLOT_ALLOW_ROOT) != 0,
			 "optional", (row->flags & LLPB_SLOT_OPTIONAL) != 0, "follow",
			 (row->flags & LLPB_SLOT_FOLLOW) != 0, "source",
			 source(blob, blob->npaths + blob->nports + which));
}

static json_t *slots(const struct blob *blob)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->nslots; i++)
		json_append(list, slot(blob, i));
	return list;
}

static json_t *mount(const struct blob *blob, uint32_t which)
{
	const struct llpb_mount *m = &blob->mounts[which];

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b, s:o}", "kind",
			 mount_kind_name(m->kind), "source", text_or_null(blob, m->shown_source), "target",
			 blob_text(blob, m->shown_target), "attributes", bits(m->attrs, mount_attr_name), "size",
			 text_or_null(blob, m->size), "inodes", text_or_null(blob, m->inodes), "mode",
			 text_or_null(blob, m->mode), "create", (m->flags & LLPB_MT_CREATE) != 0, "optional",
			 (m->flags & LLPB_MT_OPTIONAL) != 0, "follow_source", (m->flags & LLPB_MT_FOLLOW_SOURCE) != 0,
			 "follow_target", (m->flags & LLPB_MT_FOLLOW_TARGET) != 0, "in_root",
			 (m->flags & LLPB_MT_IN_ROOT) != 0, "where",
			 source(blob, blob->npaths + blob->nports + blob->nslots + which));
}

/* null: the command sees what its caller sees. */
static json_t *view(const struct blob *blob)
{
	const struct llpb_mount *row = blob->mounts;
	json_t *list = json_array();

	for (uint32_t i = 1; i < blob->nmounts; i++)
		json_append(list, mount(blob, i));
	if (blob->nmounts)
		return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "namespaces", bits(row->spaces, namespace_name),
				 "user", row->flags & LLPB_MT_AS_ROOT ? "root" : "caller", "root",
				 text_or_null(blob, row->shown_source), "root_attributes",
				 bits(row->attrs, mount_attr_name), "cwd", text_or_null(blob, row->target), "mounts",
				 list);
	json_decref(list);
	return json_null();
}

static json_t *environment(const struct blob *blob)
{
	static const char *const ops[LLPB_ENV_OPS] = {"pass", "pass_prefix", "set"};
	json_t *list;

	if (!(blob->process->flags & LLPB_PROC_ENV))
		return json_null();
	list = json_array();
	for (uint32_t i = 0; i < blob->nenv; i++)
		json_append(list, json_pack("{s:o}", ops[blob->env[i].op], blob_text(blob, blob->env[i].text)));
	return list;
}

static json_t *process(const struct blob *blob)
{
	const struct llpb_process *row = blob->process;
	json_t *keep = json_array();

	for (uint32_t i = 0; i < row->nkeep; i++)
		json_append(keep, json_integer(row->keep[i]));
	return json_pack("{s:o, s:b, s:o, s:b, s:o, s:b}", "drop_caps", bits(row->drop_caps, cap_name), "close_fds",
			 (row->flags & LLPB_PROC_CLOSE_FDS) != 0, "keep_fds", keep, "new_session",
			 (row->flags & LLPB_PROC_NEW_SESSION) != 0, "umask",
			 row->flags & LLPB_PROC_UMASK ? json_integer(row->umask) : json_null(), "own_failures_exit_1",
			 (row->flags & LLPB_PROC_EXIT_1) != 0);
}

static json_t *broker(const struct blob *blob)
{
	json_t *list;

	if (!(blob->header->features & LLPB_F_BROKER))
		return json_null();
	list = json_array();
	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *e = &blob->broker[i];
		json_append(list,
			    json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "kind", broker_kind_name(e->kind),
				      "path", blob_text(blob, e->shown), "flags", bits(e->flags, broker_flag_name),
				      "source", text_or_null(blob, e->source), "fs_type", text_or_null(blob, e->type),
				      "attrs", bits(e->attrs, mount_attr_name), "file", text_or_null(blob, e->file),
				      "line", (json_int_t)e->line));
	}
	return list;
}

static json_t *actions(const struct verdicts *verdicts)
{
	json_t *list = json_array();
	char buffer[32];

	for (size_t i = 0; i < verdicts->count; i++)
		json_append(list, json_string(action_text(verdicts->action[i], buffer)));
	if (verdicts->overflow)
		json_append(list, json_string("..."));
	return list;
}

/* Calls that are not simply allowed; those without a name together under null. */
static json_t *calls(const struct bpf_program *program, enum arch_id arch)
{
	struct call_walk walk = {.program = program, .arch = arch};
	json_t *list = json_array();

	for (const char *name; (name = call_next(&walk));)
		json_append(list, json_pack("{s:s, s:I, s:o}", "name", name, "number", (json_int_t)walk.nr, "actions",
					    actions(&walk.verdicts)));
	json_append(list, json_pack("{s:n, s:n, s:o}", "name", "number", "actions", actions(&walk.unnamed)));
	return list;
}

static json_t *constant_time(const struct bpf_program *program, enum arch_id arch)
{
	json_t *others = json_array();
	struct constant_calls found;

	filter_constant(program, arch, &found);
	for (size_t i = 0; i < found.nothers; i++)
		json_append(others, json_string(syscall_name(arch, found.others[i])));
	return json_pack("{s:I, s:I, s:o}", "allowed", (json_int_t)found.allowed, "constant",
			 (json_int_t)found.constant, "by_arguments", others);
}

static void behaviour(json_t *object, const struct bpf_program *program, uint32_t audit_arch)
{
	enum arch_id arch = arch_by_audit(audit_arch);
	struct verdicts foreign = {0}, x32 = {0};

	filter_foreign(program, audit_arch, &foreign);
	json_object_set_new(object, "other_architectures", actions(&foreign));
	if (arch == ARCHES)
		return;
	if (arch_rows[arch].x32) {
		filter_x32(program, audit_arch, &x32);
		json_object_set_new(object, "x32", actions(&x32));
	}
	json_object_set_new(object, "calls", calls(program, arch));
	json_object_set_new(object, "constant_time", constant_time(program, arch));
}

static json_t *instructions(const struct blob *blob, const struct llpb_filter *row)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < row->count; i++) {
		const struct k_sock_filter *insn = &blob->insns[row->first + i];
		json_append(list, json_pack("[i, i, i, I]", insn->code, insn->jt, insn->jf, (json_int_t)insn->k));
	}
	return list;
}

static json_t *filter(const struct blob *blob, const struct llpb_filter *row, bool bpf)
{
	enum arch_id arch = arch_by_audit(row->arch);
	json_t *users = json_array(), *object;
	struct bpf_program program;
	bool valid = filter_program(blob, row, &program);

	for (uint32_t abi = 0; abi < blob->nplans; abi++)
		if (blob->plans[abi].filter_group == row->group)
			json_append(users, json_integer(abi));
	object = json_pack("{s:s?, s:I, s:I, s:o, s:I, s:I, s:b}", "arch",
			   arch < ARCHES ? arch_rows[arch].name : NULL, "audit_arch", (json_int_t)row->arch, "group",
			   (json_int_t)row->group, "abis", users, "instructions", (json_int_t)row->count, "converted",
			   (json_int_t)row->converted, "valid", valid);
	if (object && valid)
		behaviour(object, &program, row->arch);
	if (object && bpf)
		json_object_set_new(object, "bpf", instructions(blob, row));
	return object;
}

static json_t *filters(const struct blob *blob, bool bpf)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < blob->nfilters; i++)
		json_append(list, filter(blob, &blob->filters[i], bpf));
	return list;
}

bool dump_json(FILE *out, const struct blob *blob, bool bpf)
{
	json_t *root = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				 "format", head(blob), "compiler", blob_text(blob, blob->meta->compiler), "syscalls",
				 blob_text(blob, blob->meta->syscalls), "policy", policy(blob), "coverage",
				 coverage(blob), "companions", companions(blob), "losses", losses(blob), "plans",
				 plans(blob), "path_rules", path_rules(blob), "port_rules", port_rules(blob), "slots",
				 slots(blob), "view", view(blob), "environment", environment(blob), "process",
				 process(blob), "broker", broker(blob), "filters", filters(blob, bpf));
	bool ok = root && !json_dumpf(root, out, JSON_INDENT(2)) && fputc('\n', out) != EOF;

	json_decref(root);
	return ok;
}
