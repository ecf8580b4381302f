/* SPDX-License-Identifier: MIT */
/* Checks of rules and layers: what a rule adds, what the layers leave of it. */
#include "checks.h"

#include <string.h>

#include "access.h"
#include "arena.h"
#include "kernel_abi.h"
#include "path_tree.h"
#include "vocab.h"

/* Classes of complaint about one rule, so that one mistake is told once. */
#define TOLD_EFFECT 1u

/* Exec needs both on the program and on its interpreter: landlock.rst, probed on 6.18. */
#define FS_EXEC (FS_RIGHT(execute) | FS_RIGHT(read_file))
#define FS_WX   (FS_RIGHT(execute) | FS_RIGHT(write_file))

static const char *path_of(const struct path_ref *ref)
{
	return ref->rule->path;
}

/* Not written path by path: a bundle, or the closure of [command]. */
static bool is_brought(const struct path_ref *ref)
{
	return ref->rule->group == GROUP_BUNDLE || ref->rule->group == GROUP_LOCK;
}

static bool is_exact(const struct path_ref *ref)
{
	return ref->rule->group == GROUP_EXACT;
}

static uint64_t handled_rights(const struct judge *j, const struct path_ref *ref)
{
	return ref->rule->access & j->policy->layers[ref->layer].handled;
}

/* ---- single rules ---- */

/* The plain groups widen each other on purpose (rox and rw is rwx), so a repeat is one within the same kind of list. */
static bool repeats(const struct path_ref *a, const struct path_ref *b)
{
	bool unix_a = a->rule->group == GROUP_UNIX, unix_b = b->rule->group == GROUP_UNIX;

	return a->layer == b->layer && unix_a == unix_b && is_exact(a) == is_exact(b) && !is_brought(a) &&
	       !is_brought(b);
}

static bool later(const struct srcpos *a, const struct srcpos *b)
{
	return a->line != b->line ? a->line > b->line : a->col > b->col;
}

/* Rules are kept list by list; what is reported is the second one in the file. */
void check_path_duplicate(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i], *first = ref->node->refs;
		while (first != ref && !repeats(first, ref))
			first = first->next;
		if (first == ref)
			continue;
		bool swapped = later(&first->rule->pos, &ref->rule->pos);
		struct path_ref *second = swapped ? first : ref;
		first = swapped ? ref : first;
		second->told |= TOLD_EFFECT;
		struct diag_item *item =
			diag_report(j->diag, id, &second->rule->pos,
				    "\"%s\" is listed twice; the rights are merged, write it once", path_of(second));
		diag_note(j->diag, item, &first->rule->pos, "first granted here");
	}
}

static void stray_ports(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; i < p->nports; i++) {
		uint64_t stray = p->ports[i].access & ~p->net_handled;
		if (!stray)
			continue;
		judge_say(j, id, &p->ports[i].pos,
			  "the kernel refuses such a rule: name the right in handled_access_net, or drop it here",
			  "port %u is granted a right that handled_access_net does not name", p->ports[i].port);
	}
}

/* landlock_add_rule(2) answers EINVAL to a right outside the ruleset's handled set. */
void check_right_not_handled(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		const struct policy_layer *layer = &j->policy->layers[ref->layer];
		uint64_t stray = ref->rule->access & ~layer->handled;
		if (!is_exact(ref) || !stray)
			continue;
		ref->told |= TOLD_EFFECT;
		struct diag_item *item = diag_report(j->diag, id, &ref->rule->access_pos,
						     "%s: granted on \"%s\" but not handled by this layer",
						     judge_rights(j, stray, ""), path_of(ref));
		if (!layer->plain)
			diag_note(j->diag, item, &layer->handled_pos,
				  "name it in handled_access_fs, or drop it from the rule");
		else if (stray & FS_RIGHT(resolve_unix))
			diag_note(j->diag, item, NULL,
				  "write unix = [] in [fs]: without that key sockets are unrestricted");
		else
			diag_note(j->diag, item, &layer->handled_pos,
				  "unrestricted here: drop it from one of the two");
	}
	stray_ports(j, id);
}

void check_no_effect(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		if (handled_rights(j, ref) || is_brought(ref) || (ref->told & TOLD_EFFECT))
			continue;
		ref->told |= TOLD_EFFECT;
		struct diag_item *item =
			diag_report(j->diag, id, &ref->rule->pos, "the grant on \"%s\" has no effect", path_of(ref));
		diag_note(j->diag, item, &j->policy->layers[ref->layer].handled_pos,
			  "this layer restricts none of its rights: drop the path, or the rights from this list");
	}
}

/* Links on every distribution: a rule on one grants what it leads to, wherever that lies. */
static const char *const usual_links[] = {"bin",
					  "sbin",
					  "lib",
					  "lib32",
					  "lib64",
					  "libx32",
					  "var/run",
					  "var/lock",
					  "etc/mtab",
					  "etc/resolv.conf",
					  "etc/localtime",
					  "etc/os-release",
					  "etc/ssl/cert.pem"};

static bool may_be_link(const struct policy_rule *rule, const char *key)
{
	if (rule->follow)
		return true;
	for (size_t i = 0; rule->slot < 0 && i < sizeof(usual_links) / sizeof(usual_links[0]); i++)
		if (!strcmp(usual_links[i], key))
			return true;
	return rule->slot < 0 && !strncmp(key, "etc/alternatives/", 17);
}

/* What the layer grants at this path without the rule; *by: one rule that grants some of it. */
static uint64_t granted_without(const struct path_ref *ref, const struct path_ref **by)
{
	uint64_t rights = ref->node->parent ? ref->node->parent->granted[ref->layer] : 0;

	*by = path_node_granting(ref->node->parent, ref->layer, ref->rule->access);
	for (const struct path_ref *other = ref->node->refs; other; other = other->next) {
		if (other->layer != ref->layer || !(is_brought(other) || (is_exact(ref) && !is_exact(other))))
			continue;
		rights |= other->rule->access;
		*by = other;
	}
	return rights;
}

void check_path_shadowed(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		const struct path_ref *by = NULL;
		if (is_brought(ref) || (ref->told & TOLD_EFFECT) || may_be_link(ref->rule, ref->node->key) ||
		    (handled_rights(j, ref) & ~granted_without(ref, &by)) || !by)
			continue;
		ref->told |= TOLD_EFFECT;
		struct diag_item *item = diag_report(j->diag, id, &ref->rule->pos,
						     "\"%s\" adds nothing: \"%s\" already grants these rights%s%s",
						     path_of(ref), path_of(by),
						     by->rule->bundle     ? ", in the bundle "
						     : by->rule->programs ? ", needed by "
									  : "",
						     by->rule->bundle     ? by->rule->bundle
						     : by->rule->programs ? by->rule->programs
									  : "");
		diag_note(j->diag, item, &by->rule->pos,
			  "granted here; a link that leads elsewhere is kept with follow = true");
	}
}

/* The launcher opens such a path from the descriptor of the rule above it, so that no run can redirect the next. */
void check_nested_writable(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		const struct path_ref *above = path_node_granting(ref->node->parent, SIZE_MAX, FS_PLANT);
		if (!above || is_brought(ref) || ref->rule->follow || (ref->told & TOLD_EFFECT))
			continue;
		struct diag_item *item = diag_report(j->diag, id, &ref->rule->pos,
						     "\"%s\" lies beneath \"%s\", which the command can change",
						     path_of(ref), path_of(above));
		diag_note(j->diag, item, &above->rule->pos,
			  "it is opened beneath this path and no link is followed; follow = true permits links");
	}
}

/* ---- rights and kernels ---- */

static const struct {
	const char *name;
	unsigned bit, since;
} fs_rights[] = {
#define LL_FS(name_, bit_, abi_, kind_, help_) {#name_, bit_, abi_},
#include "access.def"
};
#define NRIGHTS (sizeof(fs_rights) / sizeof(fs_rights[0]))

const char *judge_rights(const struct judge *j, uint64_t rights, const char *quotes)
{
	const char *text = "";

	for (size_t i = 0; i < NRIGHTS; i++)
		if (rights & UINT64_C(1) << fs_rights[i].bit)
			text = arena_printf(j->arena, "%s%s%s%s%s", text, *text ? ", " : "", quotes,
					    fs_rights[i].name, quotes);
	return text;
}

static void needs_abi(struct judge *j, enum check_id id, const struct srcpos *pos, uint64_t rights)
{
	uint64_t newer = rights & ~abi_fs_mask((unsigned)j->policy->min_abi);
	unsigned since = 0;

	if (!newer)
		return;
	for (size_t i = 0; i < NRIGHTS; i++)
		if ((newer & UINT64_C(1) << fs_rights[i].bit) && fs_rights[i].since > since)
			since = fs_rights[i].since;
	struct diag_item *item =
		diag_report(j->diag, id, pos, "%s: Landlock ABI %u (Linux %s) is needed, min_abi is %d",
			    judge_rights(j, newer, ""), since, abi_kernel(since), j->policy->min_abi);
	diag_note(j->diag, item, &j->policy->min_abi_pos, "write min_abi = %u, or leave the right out", since);
}

void check_right_needs_abi(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	for (size_t i = 0; p->min_abi >= 0 && i < p->nlayers; i++) {
		const struct policy_layer *layer = &p->layers[i];
		if (!layer->plain)
			needs_abi(j, id, &layer->handled_pos, layer->handled);
		for (size_t k = 0; layer->plain && k < layer->nrules; k++)
			if (layer->rules[k].group == GROUP_EXACT)
				needs_abi(j, id, &layer->rules[k].access_pos, layer->rules[k].access);
	}
}

/* Files on every Linux; a lint that looked at this host would say something else in the image that is built. */
static const char *const usual_files[] = {
	"dev/null",         "dev/zero",        "dev/full",          "dev/random",        "dev/urandom",
	"dev/tty",          "dev/ptmx",        "dev/console",       "dev/kmsg",          "dev/kvm",
	"dev/fuse",         "etc/passwd",      "etc/group",         "etc/shadow",        "etc/hosts",
	"etc/hostname",     "etc/resolv.conf", "etc/nsswitch.conf", "etc/services",      "etc/protocols",
	"etc/localtime",    "etc/timezone",    "etc/fstab",         "etc/mtab",          "etc/machine-id",
	"etc/os-release",   "etc/ld.so.cache", "etc/ld.so.conf",    "etc/ld.so.preload", "proc/cpuinfo",
	"proc/meminfo",     "proc/version",    "proc/stat",         "proc/uptime",       "proc/loadavg",
	"proc/filesystems", "proc/cmdline",
};

static bool surely_file(const struct policy *p, const struct path_node *node)
{
	const char *name = strrchr(node->key, '/') ? strrchr(node->key, '/') + 1 : node->key;
	const char *so = strstr(name, ".so");
	size_t len = strlen(name);

	if (node->slot >= 0 && !node->key[0])
		return !p->slots[node->slot].dir;
	if ((so && so != name && (!so[3] || (so[3] == '.' && so[4] >= '0' && so[4] <= '9'))) ||
	    (len > 5 && !strcmp(name + len - 5, ".sock")))
		return true;
	for (size_t i = 0; node->slot < 0 && i < sizeof(usual_files) / sizeof(usual_files[0]); i++)
		if (!strcmp(usual_files[i], node->key))
			return true;
	return false;
}

void check_dir_right_on_file(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		uint64_t lost = handled_rights(j, ref) & ~FS_FILE_RIGHTS;
		if (!lost || !is_exact(ref) || (ref->told & TOLD_EFFECT) || !surely_file(j->policy, ref->node))
			continue;
		judge_say(j, id, &ref->rule->access_pos,
			  ref->rule->access & FS_FILE_RIGHTS
				  ? "dropped when the rule is added: leave it out"
				  : "nothing is left of this rule: grant the directory, or drop it",
			  "%s: only directories have it, and \"%s\" is a file", judge_rights(j, lost, ""),
			  path_of(ref));
	}
}

/* ---- layers ---- */

/* Layers are counted as they are written: [fs] has no number. */
static const char *layer_name(const struct judge *j, size_t layer)
{
	const struct policy_layer *layers = j->policy->layers;

	return layers[layer].plain ? "[fs]" : arena_printf(j->arena, "[[fs_layer]] %zu", layer + !layers[0].plain);
}

/* One diagnostic per pair of layers; the further rules are notes, up to a number that can be read. */
#define CONFLICT_NOTES 8
struct conflict {
	struct diag_item *item;
	size_t rules;
};

/* by == ref->layer: no single layer takes the rights away, all of them together do. */
static void tell_conflict(struct judge *j, enum check_id id, const struct path_ref *ref, size_t by, uint64_t taken,
			  struct conflict *conflict)
{
	const char *rights = judge_rights(j, taken, "");

	if (conflict->rules++) {
		if (conflict->rules <= CONFLICT_NOTES)
			diag_note(j->diag, conflict->item, &ref->rule->pos, "and on \"%s\": %s", path_of(ref),
				  rights);
		return;
	}
	conflict->item =
		diag_report(j->diag, id, &ref->rule->pos, "%s granted on \"%s\", but taken away everywhere by %s",
			    rights, path_of(ref), by == ref->layer ? "the other layers together" : layer_name(j, by));
	if (by != ref->layer)
		diag_note(j->diag, conflict->item, &j->policy->layers[by].handled_pos,
			  "handled here and granted only elsewhere; layers intersect: grants that belong together go "
			  "into one [fs]");
}

/* Advice for a policy that is one [fs], and for one with layers in landlockd's form. */
static const char *by_form(const struct judge *j, const char *plain, const char *layers)
{
	return j->policy->nlayers == 1 && j->policy->layers[0].plain ? plain : layers;
}

/* A right is of use where every layer that handles it grants it: at the rule's path or anywhere beneath. */
void check_layer_conflict(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	struct conflict *conflicts = arena_alloc(j->arena, (p->nlayers * p->nlayers + 1) * sizeof(*conflicts));

	for (size_t i = 0; p->nlayers > 1 && i < j->tree->nrefs; i++) {
		const struct path_ref *ref = &j->tree->refs[i];
		struct conflict *mine = &conflicts[ref->layer * p->nlayers];
		uint64_t lost = is_brought(ref) ? 0 : handled_rights(j, ref) & ~ref->node->reachable;
		for (size_t by = 0; lost && by < p->nlayers; by++) {
			uint64_t taken = lost & p->layers[by].handled & ~ref->node->beneath[by];
			if (by != ref->layer && taken)
				tell_conflict(j, id, ref, by, taken, &mine[by]);
			lost &= ~taken;
		}
		if (lost)
			tell_conflict(j, id, ref, ref->layer, lost, &mine[ref->layer]);
	}
	for (size_t i = 0; i < p->nlayers * p->nlayers; i++)
		if (conflicts[i].rules > CONFLICT_NOTES)
			diag_note(j->diag, conflicts[i].item, NULL, "and %zu more rules",
				  conflicts[i].rules - CONFLICT_NOTES);
}

void check_exec_not_granted(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;
	bool possible = !p->nlayers || !(FS_EXEC & ~j->tree->base);

	for (size_t i = 0; !possible && i < j->tree->nnodes; i++)
		possible = !(FS_EXEC & ~j->tree->nodes[i]->effective);
	if (possible)
		return;
	judge_say(j, id, &p->layers[0].pos,
		  by_form(j, "write rox = [\"/usr/bin\"] and with = [\"loader\"] in [fs]",
			  "layers intersect: every layer that handles them must grant both where the programs lie"),
		  "nothing can be executed: no path has execute and read_file%s",
		  p->nlayers > 1 ? " in every layer" : "");
}

static const char *const program_dirs[] = {"usr/bin", "bin", "usr/sbin", "sbin", "usr/local/bin"};
static const char *const interpreter_dirs[] = {"lib64", "lib", "usr/lib64", "usr/lib", "nix/store", "gnu/store"};

static const char *executable_dir(const struct path_tree *tree, const char *const *dirs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (path_tree_has_all(tree, -1, dirs[i], FS_EXEC))
			return dirs[i];
	return NULL;
}

void check_loader_not_granted(struct judge *j, enum check_id id)
{
	const char *programs = executable_dir(j->tree, program_dirs, sizeof(program_dirs) / sizeof(program_dirs[0]));

	if (!programs ||
	    executable_dir(j->tree, interpreter_dirs, sizeof(interpreter_dirs) / sizeof(interpreter_dirs[0])))
		return;
	const struct path_node here = {.slot = -1, .key = programs};
	struct path_node *node = path_tree_above(j->tree, -1, programs);
	for (size_t i = 0; !path_node_granting(node, SIZE_MAX, FS_RIGHT(execute)) && i < j->tree->nnodes; i++)
		if (path_node_contains(&here, j->tree->nodes[i]->slot, j->tree->nodes[i]->key))
			node = j->tree->nodes[i];
	const struct path_ref *ref = path_node_granting(node, SIZE_MAX, FS_RIGHT(execute));
	judge_say(j, id, ref ? &ref->rule->pos : &j->policy->layers[0].pos,
		  by_form(j, "write with = [\"loader\"] in [fs]",
			  "grant execute and read_file on /lib64 and /usr/lib, in every layer"),
		  "programs in /%s may be executed, but no ELF interpreter: dynamically linked ones will not start",
		  programs);
}

/* Of what holds at a path, that which its mount leaves. */
static uint64_t in_view(const struct judge *j, const struct path_node *node)
{
	return view_rights(j->policy, node->slot, node->key, node->effective);
}

void check_loader_exec(struct judge *j, enum check_id id)
{
	const char *dir =
		executable_dir(j->tree, interpreter_dirs, sizeof(interpreter_dirs) / sizeof(interpreter_dirs[0]));
	const uint64_t read_write = FS_RIGHT(read_file) | FS_RIGHT(write_file);

	if (!dir || (j->tree->base & FS_EXEC))
		return;
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		const struct path_ref *ref = &j->tree->refs[i];
		const struct policy_mount *mount = view_mount(j->policy, ref->node->slot, ref->node->key);
		/* mm/mmap.c, do_mmap(): nothing of a noexec mount is mapped for execution, by ld.so neither */
		bool noexec = mount && mount->attrs & K_MOUNT_ATTR_NOEXEC;
		if (is_brought(ref) || (in_view(j, ref->node) & (FS_EXEC | FS_WX)) != read_write || noexec ||
		    surely_file(j->policy, ref->node))
			continue;
		judge_say(j, id, &ref->rule->pos,
			  arena_printf(j->arena, "the interpreter in /%s is executable, and it needs read_file alone",
				       dir),
			  "\"%s\" can be written and not executed, "
			  "yet \"ld.so FILE\" runs what is written there",
			  path_of(ref));
		return;
	}
}

void check_no_dev_null(struct judge *j, enum check_id id)
{
	const uint64_t both = FS_RIGHT(read_file) | FS_RIGHT(write_file);
	const struct policy *p = j->policy;

	if (!p->nlayers || !(both & ~path_tree_rights(j->tree, -1, "dev/null")))
		return;
	judge_say(j, id, &p->layers[0].pos,
		  by_form(j, "write with = [\"dev\"] or rw = [\"/dev/null\"] in [fs]",
			  "grant read_file and write_file on /dev/null in every layer that handles them"),
		  "/dev/null cannot be opened for reading and writing: shells and compilers expect it");
}

/* [fs] handles everything; only landlockd's form can forget a right without saying so. */
void check_right_unhandled(struct judge *j, enum check_id id)
{
	const uint64_t minor = FS_RIGHT(refer) | FS_RIGHT(ioctl_dev) | FS_RIGHT(resolve_unix);
	const uint64_t tcp = NET_RIGHT(bind_tcp) | NET_RIGHT(connect_tcp);
	const struct policy *p = j->policy;
	uint64_t open = j->tree->base & abi_fs_mask(ABI_NEWEST) & ~minor;

	if (p->has_net && !p->net_unrestricted && (tcp & ~p->net_handled)) {
		struct srcpos pos = judge_key_pos(j, "net", "handled_access_net");
		judge_say(j, id, &pos,
			  "name it in handled_access_net, or use connect_tcp and bind_tcp, which handle both",
			  "[net] does not handle %s: unrestricted",
			  p->net_handled & NET_RIGHT(bind_tcp)      ? "connect_tcp"
			  : p->net_handled & NET_RIGHT(connect_tcp) ? "bind_tcp"
								    : "bind_tcp, connect_tcp");
	}
	if (!p->nlayers || p->layers[0].plain || !open)
		return;
	judge_say(j, id, &p->layers[0].handled_pos,
		  "name them in handled_access_fs, or use [fs], which handles every right",
		  "no layer handles %s: unrestricted everywhere", judge_rights(j, open, ""));
}

static bool says_unrestricted(const struct policy *p, const char *right)
{
	const struct toml_entry *fs = p->root ? toml_get(p->root, "fs") : NULL;
	const struct toml_entry *open =
		fs && fs->value->type == TOML_TABLE ? toml_get(fs->value, "unrestricted") : NULL;

	if (!open || open->value->type != TOML_ARRAY)
		return false;
	for (const struct toml_value *word = open->value->first; word; word = word->next)
		if (word->type == TOML_STRING && !strcmp(word->string.ptr, right))
			return true;
	return false;
}

void check_unix_unrestricted(struct judge *j, enum check_id id)
{
	const struct policy *p = j->policy;

	if (!p->nlayers || !(j->tree->base & FS_RIGHT(resolve_unix)) || says_unrestricted(p, "resolve_unix"))
		return;
	judge_say(j, id, &p->layers[0].pos,
		  p->layers[0].plain
			  ? "write unix = [] in [fs], or list the sockets; unrestricted = [\"resolve_unix\"] says it "
			    "is meant"
			  : "name resolve_unix in handled_access_fs and grant it on the sockets that are needed",
		  "connections to pathname UNIX sockets are unrestricted on every kernel");
}

/* ---- writable and executable ---- */

static const struct path_ref *first_own(const struct path_node *node)
{
	const struct path_ref *ref = node->refs;

	while (ref && is_brought(ref))
		ref = ref->next;
	return ref;
}

static const struct path_ref *grants_both(const struct path_node *node)
{
	const struct path_ref *ref = node->refs;

	while (ref && (is_brought(ref) || (FS_WX & ~ref->rule->access)))
		ref = ref->next;
	return ref;
}

static void tell_nested(struct judge *j, enum check_id id, const struct path_ref *ref)
{
	uint64_t missing = FS_WX & ~ref->rule->access;
	const struct path_ref *other = path_node_granting(ref->node, SIZE_MAX, missing);
	struct diag_item *item =
		diag_report(j->diag, id, &ref->rule->pos, "\"%s\" is both writable and executable: \"%s\" grants %s",
			    path_of(ref), other ? path_of(other) : path_of(ref), judge_rights(j, missing, ""));

	diag_note(j->diag, item, other ? &other->rule->pos : NULL,
		  "granted here; rwx says it is meant, a narrower path avoids it");
}

/* Two rows: one rule that says so (rwx), and two rules that meet. */
void check_write_execute(struct judge *j, enum check_id id)
{
	for (size_t i = 0; !(j->tree->base & FS_WX) && i < j->tree->nnodes; i++) {
		const struct path_node *node = j->tree->nodes[i];
		const struct path_ref *both = grants_both(node), *own = first_own(node);
		bool device = node->slot < 0 && !strncmp(node->key, "dev/", 4) && surely_file(j->policy, node);
		if ((FS_WX & ~in_view(j, node)) || (node->parent && !(FS_WX & ~in_view(j, node->parent))) || !own ||
		    device)
			continue;
		if (both && id == CHECK_WRITE_AND_EXECUTE)
			diag_report(j->diag, id, &both->rule->pos,
				    "\"%s\" is writable and executable: what the command writes there "
				    "it can run",
				    path_of(both));
		else if (!both && id == CHECK_WRITE_EXECUTE_NESTED)
			tell_nested(j, id, own);
	}
}
