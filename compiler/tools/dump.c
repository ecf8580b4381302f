/* SPDX-License-Identifier: MIT */
/* llc-policy dump: the command, and the text form. */
#include "dump.h"

#include <inttypes.h>
#include <string.h>

#include "inspect.h"
#include "options.h"
#include "text.h"
#include "tools.h"
#include "vocab.h"

/* ---- small words ---- */

typedef const char *name_of(unsigned bit);

static void put_bits(FILE *out, uint64_t mask, name_of *name)
{
	const char *separator = "";

	if (!mask)
		fputs("none", out);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(mask >> bit & 1))
			continue;
		fputs(separator, out);
		separator = " ";
		if (name(bit))
			fputs(name(bit), out);
		else
			fprintf(out, "bit%u", bit);
	}
}

/* Is what a row of text says the same on two ABIs? `which` is a layer, a guarantee, … */
typedef bool same_plan(const struct blob *blob, uint32_t a, uint32_t b, uint32_t which);

/* Last plan of the run that begins with `first`. */
static uint32_t run_end(const struct blob *blob, uint32_t first, same_plan *same, uint32_t which)
{
	uint32_t last = first;

	while (last + 1 < blob->nplans && same(blob, first, last + 1, which))
		last++;
	return last;
}

static void put_range(FILE *out, uint32_t first, uint32_t last)
{
	if (first == last)
		fprintf(out, "abi %" PRIu32, first);
	else
		fprintf(out, "abi %" PRIu32 "-%" PRIu32, first, last);
}

/* Where the policy asked for a thing; which is its index among paths, ports, slots and mounts. */
static void put_source(FILE *out, const struct blob *blob, uint32_t which)
{
	if (!blob->source)
		return;
	fputs("  # ", out);
	put_text(out, blob_str(blob, blob->source[which].file));
	fprintf(out, ":%" PRIu32, blob->source[which].line);
}

/* ---- head ---- */

static void put_digest(FILE *out, const uint8_t digest[32])
{
	fputs("sha256:", out);
	for (int i = 0; i < 32; i++)
		fprintf(out, "%02x", digest[i]);
}

static void text_head(FILE *out, const struct blob *blob)
{
	const struct llpb_header *header = blob->header;
	const struct llpb_meta *meta = blob->meta;

	fprintf(out, "format: LLPB %u, for readers since %u, features 0x%" PRIx32 ", %" PRIu32 " bytes\n",
		header->version, header->last_compat, header->features, header->total_size);
	fputs("compiler: ", out);
	put_text(out, blob_str(blob, meta->compiler));
	fputs("\nsyscalls: Linux ", out);
	put_text(out, blob_str(blob, meta->syscalls));
	fputs("\nsource: ", out);
	if (meta->source) {
		put_text(out, blob_str(blob, meta->source));
		fputc(' ', out);
		put_digest(out, meta->source_digest);
	} else {
		fputs("stripped", out);
	}
	fputs("\nname: ", out);
	put_text(out, meta->name ? blob_str(blob, meta->name) : "-");
	fprintf(out, "\ncompat: %s\nmin_abi: %" PRIu32, meta->flags & LLPB_META_STRICT ? "strict" : "best-effort",
		meta->min_abi);
	if (*abi_kernel(meta->min_abi))
		fprintf(out, " (Linux %s)", abi_kernel(meta->min_abi));
	fputc('\n', out);
}

/* ---- guarantees and losses ---- */

static bool same_mechanism(const struct blob *blob, uint32_t a, uint32_t b, uint32_t which)
{
	return blob->guarantees[which].mechanism[a] == blob->guarantees[which].mechanism[b];
}

static void text_guarantee(FILE *out, const struct blob *blob, uint32_t which)
{
	const struct llpb_guarantee *row = &blob->guarantees[which];

	fputs("  ", out);
	put_text(out, blob_str(blob, row->name));
	fprintf(out, " (%s): ", row->flags & LLPB_G_FIRM ? "firm" : "extra");
	put_text(out, blob_str(blob, row->text));
	if (row->line) {
		fputs("  # ", out);
		put_text(out, blob_str(blob, row->file));
		fprintf(out, ":%" PRIu32, row->line);
	}
	fputc('\n', out);
	for (uint32_t last, first = 0; first < blob->nplans; first = last + 1) {
		last = run_end(blob, first, same_mechanism, which);
		fputs("    ", out);
		put_range(out, first, last);
		fprintf(out, ": %s\n", mechanism_name(row->mechanism[first]));
	}
}

static bool same_companion(const struct blob *blob, uint32_t a, uint32_t b, uint32_t which)
{
	return has_companion(blob, a, which) == has_companion(blob, b, which);
}

static void text_companion(FILE *out, const struct blob *blob, uint32_t which)
{
	bool value, said = companion_said(blob, which, &value);
	const char *separator = "";

	fprintf(out, "  %s: ", companion_name(which));
	for (uint32_t last, first = 0; first < blob->nplans; first = last + 1) {
		last = run_end(blob, first, same_companion, which);
		if (!has_companion(blob, first, which))
			continue;
		fputs(separator, out);
		put_range(out, first, last);
		separator = ", ";
	}
	fputs(!said ? "\n" : value ? ", asked for\n" : "refused\n", out);
}

static void text_companions(FILE *out, const struct blob *blob)
{
	const char *title = "\ncompanion filters, which close what Landlock leaves open:\n";

	for (uint32_t i = 0; i < COMPANIONS; i++) {
		bool value, found = companion_said(blob, i, &value);
		for (uint32_t plan = 0; plan < blob->nplans; plan++)
			found |= has_companion(blob, plan, i);
		if (!found)
			continue;
		fputs(title, out);
		title = "";
		text_companion(out, blob, i);
	}
}

void dump_coverage(FILE *out, const struct blob *blob)
{
	fputs("\ncoverage:\n", out);
	for (uint32_t i = 0; i < blob->nguarantees; i++)
		text_guarantee(out, blob, i);
	text_companions(out, blob);
	if (blob->nlosses)
		fputs("\nlost to the command on old kernels:\n", out);
	for (uint32_t i = 0; i < blob->nlosses; i++) {
		fputs("  ", out);
		put_range(out, blob->losses[i].first, blob->losses[i].last);
		fputs(": ", out);
		put_text(out, blob_str(blob, blob->losses[i].text));
		fputc('\n', out);
	}
}

/* ---- plans and layers ---- */

static bool same_setup(const struct blob *blob, uint32_t a, uint32_t b, uint32_t which)
{
	(void)which;
	return !memcmp(&blob->plans[a], &blob->plans[b], sizeof(blob->plans[a]));
}

static void text_plans(FILE *out, const struct blob *blob)
{
	fputs("\nplans:\n", out);
	for (uint32_t last, first = 0; first < blob->nplans; first = last + 1) {
		const struct llpb_plan *plan = &blob->plans[first];
		last = run_end(blob, first, same_setup, 0);
		fputs("  ", out);
		put_range(out, first, last);
		fprintf(out, ": %s, filter group ", plan->flags & LLPB_PLAN_REFUSE ? "refuse" : "run");
		if (plan->filter_group == LLPB_NONE)
			fputs("none", out);
		else
			fprintf(out, "%" PRIu32, plan->filter_group);
		fprintf(out, ", ruleset attribute %" PRIu32 " bytes, log flags ", plan->attr_size);
		put_bits(out, plan->restrict_flags, log_flag_name);
		fputc('\n', out);
	}
}

static bool same_ruleset(const struct blob *blob, uint32_t a, uint32_t b, uint32_t layer)
{
	return !memcmp(ruleset_of(blob, a, layer), ruleset_of(blob, b, layer), sizeof(*blob->rulesets));
}

static void text_masks(FILE *out, const char *name, uint64_t mask, uint64_t quiet, name_of *bit_name)
{
	if (mask) {
		fprintf(out, "      %s: ", name);
		put_bits(out, mask, bit_name);
		fputc('\n', out);
	}
	if (quiet) {
		fprintf(out, "      %s, not logged: ", name);
		put_bits(out, quiet, bit_name);
		fputc('\n', out);
	}
}

static void text_layer(FILE *out, const struct blob *blob, uint32_t layer)
{
	fprintf(out, "\nlayer %" PRIu32 ", what it denies unless a rule grants it:\n", layer);
	for (uint32_t last, first = 0; first < blob->nplans; first = last + 1) {
		const struct k_landlock_ruleset_attr *attr = ruleset_of(blob, first, layer);
		last = run_end(blob, first, same_ruleset, layer);
		fputs("    ", out);
		put_range(out, first, last);
		fputs(attr->handled_access_fs | attr->handled_access_net | attr->scoped ? ":\n" : ": nothing\n", out);
		text_masks(out, "fs", attr->handled_access_fs, attr->quiet_access_fs, fs_right_name);
		text_masks(out, "net", attr->handled_access_net, attr->quiet_access_net, net_right_name);
		text_masks(out, "scope", attr->scoped, attr->quiet_scoped, scope_name);
	}
}

/* ---- rules ---- */

static void text_path(FILE *out, const struct blob *blob, uint32_t which)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{LLPB_P_OPTIONAL, "optional"}, {LLPB_P_FOLLOW, "follow"}};
	const struct llpb_path *path = &blob->paths[which];
	char buffer[PATH_TEXT_MAX];
	const char *text = path_text(blob, which, buffer);

	fprintf(out, "  %" PRIu32 ": layer %" PRIu32 " ", which, path->layer);
	put_text(out, text);
	fputs(": ", out);
	put_bits(out, path->dir_access, fs_right_name);
	if (path->file_access != path->dir_access) {
		fputs("; if a file: ", out);
		put_bits(out, path->file_access, fs_right_name);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (path->flags & flags[i].flag)
			fprintf(out, "; %s", flags[i].word);
	if (path->anchor == LLPB_ANCHOR_RULE)
		fprintf(out, "; opened beneath rule %" PRIu32, path->base);
	if (strcmp(text, blob_str(blob, path->shown))) {
		fputs("; called ", out);
		put_text(out, blob_str(blob, path->shown));
	}
	put_source(out, blob, which);
	fputc('\n', out);
}

static void text_rules(FILE *out, const struct blob *blob)
{
	if (blob->npaths)
		fputs("\npath rules:\n", out);
	for (uint32_t i = 0; i < blob->npaths; i++)
		text_path(out, blob, i);
	if (blob->nports)
		fputs("\nport rules:\n", out);
	for (uint32_t i = 0; i < blob->nports; i++) {
		fprintf(out, "  layer %" PRIu32 " port %" PRIu64 ": ", blob->ports[i].layer,
			blob->ports[i].attr.port);
		put_bits(out, blob->ports[i].attr.allowed_access, net_right_name);
		put_source(out, blob, blob->npaths + i);
		fputc('\n', out);
	}
}

static void text_slot(FILE *out, const struct blob *blob, uint32_t which)
{
	static const char *const from[LLPB_SLOT_FROMS] = {"--set", "environment variable", "current directory"};
	const struct llpb_slot *slot = &blob->slots[which];

	fputs("  ", out);
	put_text(out, blob_str(blob, slot->name));
	fprintf(out, ": %s, from %s",
		slot->flags & LLPB_SLOT_DIR    ? "directory"
		: slot->flags & LLPB_SLOT_FILE ? "file"
					       : "any",
		from[slot->from]);
	if (slot->from == LLPB_SLOT_ENV) {
		fputc(' ', out);
		put_text(out, blob_str(blob, slot->variable));
	}
	if (slot->fallback) {
		fputs(", default ", out);
		put_text(out, blob_str(blob, slot->fallback));
	}
	if (slot->flags & LLPB_SLOT_ALLOW_ROOT)
		fputs(", may be /", out);
	if (slot->flags & LLPB_SLOT_OPTIONAL)
		fputs(", optional", out);
	fputs(slot->flags & LLPB_SLOT_FOLLOW ? ", links are followed" : ", links are refused", out);
	put_source(out, blob, blob->npaths + blob->nports + which);
	fputc('\n', out);
}

static void text_slots(FILE *out, const struct blob *blob)
{
	if (blob->nslots)
		fputs("\nslots:\n", out);
	for (uint32_t i = 0; i < blob->nslots; i++)
		text_slot(out, blob, i);
}

/* ---- broker ---- */

static void text_exception(FILE *out, const struct blob *blob, const struct llpb_broker *e)
{
	fprintf(out, "  %s ", broker_kind_name(e->kind));
	put_text(out, blob_str(blob, e->shown));
	for (unsigned bit = 0; bit < 32; bit++)
		if (e->flags >> bit & 1)
			fprintf(out, "; %s", broker_flag_name(bit));
	if (e->source) {
		fputs(e->kind == LLPB_B_BIND ? "; from " : "; called ", out);
		put_text(out, blob_str(blob, e->source));
	}
	if (e->type) {
		fputs("; ", out);
		put_text(out, blob_str(blob, e->type));
		fputs(" ", out);
		put_bits(out, e->attrs, mount_attr_name);
	}
	if (e->line) {
		fputs("  # ", out);
		put_text(out, blob_str(blob, e->file));
		fprintf(out, ":%" PRIu32, e->line);
	}
	fputc('\n', out);
}

static void text_broker(FILE *out, const struct blob *blob)
{
	if (!(blob->header->features & LLPB_F_BROKER))
		return;
	fputs("\nbroker, what llrund does for the command:\n", out);
	if (!blob->nbroker)
		fputs("  nothing: calls are recorded only\n", out);
	for (uint32_t i = 0; i < blob->nbroker; i++)
		text_exception(out, blob, &blob->broker[i]);
}

/* ---- view ---- */

static void text_view_head(FILE *out, const struct blob *blob)
{
	const struct llpb_mount *view = blob->mounts;

	fputs("\nview:\n  namespaces: ", out);
	fputs(view->spaces || view->flags & LLPB_MT_AS_ROOT ? "user " : "", out);
	put_bits(out, view->spaces, namespace_name);
	fprintf(out, "\n  user: %s\n  root: ", view->flags & LLPB_MT_AS_ROOT ? "root" : "caller");
	put_text(out, blob_has_root(blob) ? blob_str(blob, view->shown_source) : "the caller's");
	fputs(view->attrs ? ", " : "", out);
	if (view->attrs)
		put_bits(out, view->attrs, mount_attr_name);
	fputs("\n  working directory: ", out);
	put_text(out, *blob_str(blob, view->target) ? blob_str(blob, view->target)
		      : blob_has_root(blob)         ? "/"
						    : "the caller's");
	put_source(out, blob, blob->npaths + blob->nports + blob->nslots);
	fputc('\n', out);
}

static void text_mount(FILE *out, const struct blob *blob, uint32_t which)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} flags[] = {{LLPB_MT_CREATE, "created if missing"},
		     {LLPB_MT_OPTIONAL, "optional"},
		     {LLPB_MT_FOLLOW_SOURCE, "links of the source are followed"},
		     {LLPB_MT_FOLLOW_TARGET, "links of the target are followed"}};
	const struct llpb_mount *m = &blob->mounts[which];
	const struct {
		const char *name, *value;
	} options[] = {{"size", blob_str(blob, m->size)},
		       {"inodes", blob_str(blob, m->inodes)},
		       {"mode", blob_str(blob, m->mode)}};

	fprintf(out, "  %s ", mount_kind_name(m->kind));
	put_text(out, blob_str(blob, m->shown_source));
	fputs(*blob_str(blob, m->shown_source) ? " on " : "", out);
	put_text(out, blob_str(blob, m->shown_target));
	fputs(": ", out);
	put_bits(out, m->attrs, mount_attr_name);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (*options[i].value) {
			fprintf(out, "; %s ", options[i].name);
			put_text(out, options[i].value);
		}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (m->flags & flags[i].flag)
			fprintf(out, "; %s", flags[i].word);
	put_source(out, blob, blob->npaths + blob->nports + blob->nslots + which);
	fputc('\n', out);
}

static void text_view(FILE *out, const struct blob *blob)
{
	if (blob->nmounts)
		text_view_head(out, blob);
	for (uint32_t i = 1; i < blob->nmounts; i++)
		text_mount(out, blob, i);
}

/* ---- process ---- */

static void text_env(FILE *out, const struct blob *blob)
{
	static const char *const ops[LLPB_ENV_OPS] = {"pass", "pass", "set"};

	fputs("\nenvironment:\n", out);
	if (!(blob->process->flags & LLPB_PROC_ENV)) {
		fputs("  inherited\n", out);
		return;
	}
	if (!blob->nenv)
		fputs("  empty\n", out);
	for (uint32_t i = 0; i < blob->nenv; i++) {
		fprintf(out, "  %s ", ops[blob->env[i].op]);
		put_text(out, blob_str(blob, blob->env[i].text));
		fputs(blob->env[i].op == LLPB_ENV_PASS_PREFIX ? "*\n" : "\n", out);
	}
}

static void text_process(FILE *out, const struct blob *blob)
{
	const struct llpb_process *process = blob->process;

	fputs("\nprocess:\n  drop capabilities: ", out);
	put_bits(out, process->drop_caps, cap_name);
	fprintf(out, "\n  close descriptors: %s", process->flags & LLPB_PROC_CLOSE_FDS ? "yes" : "no");
	for (uint32_t i = 0; i < process->nkeep; i++)
		fprintf(out, "%s%" PRIu32, i ? " " : ", but keep ", process->keep[i]);
	fprintf(out, "\n  new session: %s\n  umask: ", process->flags & LLPB_PROC_NEW_SESSION ? "yes" : "no");
	if (process->flags & LLPB_PROC_UMASK)
		fprintf(out, "%04" PRIo32 "\n", process->umask);
	else
		fputs("inherited\n", out);
	fprintf(out, "  own failures exit: %s\n", process->flags & LLPB_PROC_EXIT_1 ? "1" : "125, 126, 127");
}

/* ---- filters ---- */

static void put_verdicts(FILE *out, const struct verdicts *verdicts)
{
	char buffer[32];

	for (size_t i = 0; i < verdicts->count; i++)
		fprintf(out, "%s%s", i ? " or " : "", action_text(verdicts->action[i], buffer));
	if (verdicts->overflow)
		fputs(" or others", out);
	if (verdicts->count > 1)
		fputs(", by arguments", out);
}

static void text_verdicts(FILE *out, const char *what, const struct verdicts *verdicts)
{
	fprintf(out, "    %s: ", what);
	put_verdicts(out, verdicts);
	fputc('\n', out);
}

static void text_calls(FILE *out, const struct bpf_program *program, enum arch_id arch)
{
	struct call_walk walk = {.program = program, .arch = arch};

	for (const char *name; (name = call_next(&walk));)
		text_verdicts(out, name, &walk.verdicts);
	text_verdicts(out, "numbers without a name", &walk.unnamed);
	fputs("    ", out);
	put_constant(out, program, arch);
}

static void text_behaviour(FILE *out, const struct bpf_program *program, uint32_t audit_arch)
{
	enum arch_id arch = arch_by_audit(audit_arch);
	struct verdicts foreign = {0}, x32 = {0};

	filter_foreign(program, audit_arch, &foreign);
	text_verdicts(out, "other architectures", &foreign);
	if (arch == ARCHES)
		return;
	if (arch_rows[arch].x32) {
		filter_x32(program, audit_arch, &x32);
		text_verdicts(out, "x32", &x32);
	}
	text_calls(out, program, arch);
}

static bool same_group(const struct blob *blob, uint32_t a, uint32_t b, uint32_t which)
{
	(void)which;
	return blob->plans[a].filter_group == blob->plans[b].filter_group;
}

static void put_users(FILE *out, const struct blob *blob, uint32_t group)
{
	const char *separator = "";

	for (uint32_t last, first = 0; first < blob->nplans; first = last + 1) {
		last = run_end(blob, first, same_group, 0);
		if (blob->plans[first].filter_group != group)
			continue;
		fputs(separator, out);
		put_range(out, first, last);
		separator = ", ";
	}
	if (!*separator)
		fputs("no plan", out);
}

static void text_filter(FILE *out, const struct blob *blob, const struct llpb_filter *filter, bool bpf)
{
	enum arch_id arch = arch_by_audit(filter->arch);
	struct bpf_program program;

	if (arch < ARCHES)
		fprintf(out, "\nfilter %s", arch_rows[arch].name);
	else
		fprintf(out, "\nfilter arch 0x%08" PRIx32, filter->arch);
	if (filter->group == LLPB_GROUP_NOTIFY) {
		fputs(" notify (every plan, before the other", out);
	} else {
		fprintf(out, " group %" PRIu32 " (", filter->group);
		put_users(out, blob, filter->group);
	}
	fprintf(out, "): %" PRIu32 " instructions, %" PRIu32 " converted\n", filter->count, filter->converted);
	if (!filter_program(blob, filter, &program)) {
		fputs("    not a program that the kernel accepts\n", out);
		return;
	}
	text_behaviour(out, &program, filter->arch);
	if (bpf)
		dump_bpf(out, blob, filter);
}

void dump_text(FILE *out, const struct blob *blob, bool bpf)
{
	text_head(out, blob);
	dump_coverage(out, blob);
	text_plans(out, blob);
	for (uint32_t layer = 0; layer < blob->nlayers; layer++)
		text_layer(out, blob, layer);
	text_rules(out, blob);
	text_slots(out, blob);
	text_broker(out, blob);
	text_view(out, blob);
	text_env(out, blob);
	text_process(out, blob);
	for (uint32_t i = 0; i < blob->nfilters; i++)
		text_filter(out, blob, &blob->filters[i], bpf);
}

/* ---- command ---- */

enum form { FORM_TEXT, FORM_JSON, FORM_TOML };

static int dump(const char *path, enum form form, bool bpf)
{
	struct blob_file file;
	const char *why = NULL;
	bool written = true;

	if (!blob_load(&file, "dump", path))
		return 1;
	if (form == FORM_JSON)
		written = dump_json(stdout, &file.blob, bpf);
	else if (form == FORM_TOML)
		why = dump_toml(stdout, &file.blob);
	else
		dump_text(stdout, &file.blob, bpf);
	written = !fflush(stdout) && !ferror(stdout) && written;
	blob_unload(&file);
	if (why)
		say(stderr, "llc-policy dump: %s: %s", path, why);
	if (!written)
		fputs("llc-policy dump: writing standard output failed\n", stderr);
	return why ? 1 : written ? 0 : 2;
}

int cmd_dump(int argc, char **argv)
{
	struct options opts;
	enum option_id opt;
	enum form form = FORM_TEXT;
	bool bpf = false;

	options_begin(&opts, CMD_DUMP, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END)
		if (opt == OPT_JSON)
			form = FORM_JSON;
		else if (opt == OPT_TOML)
			form = FORM_TOML;
		else if (opt == OPT_BPF)
			bpf = true;
		else
			return options_fail(&opts, opt);
	if (opts.argc - opts.index != 1) {
		fputs("llc-policy dump: one POLICY.llb expected; see llc-policy dump --help\n", stderr);
		return 2;
	}
	return dump(opts.argv[opts.index], form, bpf);
}
