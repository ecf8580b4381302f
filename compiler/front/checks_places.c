/* SPDX-License-Identifier: MIT */
/* Checks of paths that mean something on every Linux: /, home directories, /tmp, sockets, /proc/self, the policy itself. */
#include "checks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "arena.h"
#include "path_tree.h"

#define TOLD_PLACE 2u

#define READS    FS_RIGHT(read_file)
#define WRITES   (FS_RIGHT(write_file) | FS_RIGHT(make_reg))
#define CONNECTS FS_RIGHT(resolve_unix)

/* How a rule touches a place: contains it, is it, lies beneath it, directly in it, or has its components anywhere. */
#define ABOVE  1u
#define SELF   2u
#define BELOW  4u
#define CHILD  8u
#define PART   16u
#define AROUND (ABOVE | SELF | BELOW)

struct place {
	enum check_id check;
	uint64_t rights;
	unsigned touch;
	const char *slot; /* built-in slot, or NULL: beneath / */
	const char *key;
	const char *why;
};

static const struct place places[] = {
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".ssh", "who writes there logs in as the user"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".bashrc", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".bash_profile", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".profile", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".zshrc", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".zshenv", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".gitconfig", "git executes the commands it names"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".config/git", "git executes the commands it names"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".config/fish", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".config/autostart", "the desktop starts what lies there"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".config/systemd", "systemd starts what lies there"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".local/bin", "on the user's PATH"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", ".cargo/bin", "on the user's PATH"},
	{CHECK_HOME_WRITE, WRITES, AROUND, "HOME", "bin", "on the user's PATH"},
	{CHECK_HOME_WRITE, WRITES, SELF | CHILD, NULL, "home", "keys and shell start files"},
	{CHECK_HOME_WRITE, WRITES, AROUND, NULL, "root/.ssh", "who writes there logs in as root"},
	{CHECK_HOME_WRITE, WRITES, PART, NULL, ".ssh", "who writes there logs in as the user"},
	{CHECK_HOME_WRITE, WRITES, PART, NULL, ".bashrc", "the user's shells execute it"},
	{CHECK_HOME_WRITE, WRITES, PART, NULL, ".git/hooks", "git executes it outside the sandbox"},
	{CHECK_HOME_WRITE, WRITES, PART, NULL, ".github/workflows", "CI executes it outside the sandbox"},

	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".ssh", "private keys"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".gnupg", "private keys"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".aws", "credentials"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".kube", "credentials"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".netrc", "passwords"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".npmrc", "tokens"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".pypirc", "tokens"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".git-credentials", "passwords"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".docker/config.json", "credentials"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".config/gh", "tokens"},
	{CHECK_SECRET_READ, READS, AROUND, "HOME", ".config/gcloud", "credentials"},
	{CHECK_SECRET_READ, READS, SELF | CHILD, NULL, "home", "keys and tokens"},
	{CHECK_SECRET_READ, READS, AROUND, NULL, "root/.ssh", "private keys"},
	{CHECK_SECRET_READ, READS, PART, NULL, ".ssh", "private keys"},
	{CHECK_SECRET_READ, READS, PART, NULL, ".gnupg", "private keys"},
	{CHECK_SECRET_READ, READS, PART, NULL, ".aws", "credentials"},
	{CHECK_SECRET_READ, READS, SELF | BELOW, NULL, "etc/shadow", "password hashes"},
	{CHECK_SECRET_READ, READS, SELF | BELOW, NULL, "etc/ssl/private", "private keys of this host"},
	{CHECK_SECRET_READ, READS, SELF | BELOW, NULL, "etc/ssh", "private keys of this host"},
	{CHECK_SECRET_READ, READS, AROUND, NULL, "run/secrets", "a container's secrets"},
	{CHECK_SECRET_READ, READS, AROUND, NULL, "var/run/secrets", "a container's secrets"},

	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "usr", "programs and libraries of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "bin", "programs of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "sbin", "programs of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "lib", "libraries of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "lib64", "libraries of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "etc", "configuration of the whole system"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "boot", "the kernel"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "sys", "settings of the kernel"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "proc/sys", "settings of the kernel"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "dev/mem", "disks and memory"},
	{CHECK_SYSTEM_WRITE, WRITES, AROUND, NULL, "var/spool/cron", "cron executes it"},

	{CHECK_TMP_SHARED, WRITES, SELF, NULL, "tmp", "shared with every program and user of the host"},
	{CHECK_TMP_SHARED, WRITES, SELF, NULL, "var/tmp", "shared with every program and user of the host"},
	{CHECK_TMP_SHARED, WRITES, SELF, NULL, "dev/shm", "shared with every program and user of the host"},

	{CHECK_CONTROL_SOCKET, CONNECTS, SELF | BELOW, NULL, "run/docker.sock", "its clients are root on the host"},
	{CHECK_CONTROL_SOCKET, CONNECTS, SELF | BELOW, NULL, "var/run/docker.sock",
	 "its clients are root on the host"},
	{CHECK_CONTROL_SOCKET, CONNECTS, AROUND, NULL, "run/containerd/containerd.sock",
	 "its clients are root on the host"},
	{CHECK_CONTROL_SOCKET, CONNECTS, AROUND, NULL, "run/crio/crio.sock", "its clients are root on the host"},
	{CHECK_CONTROL_SOCKET, CONNECTS, AROUND, NULL, "run/podman/podman.sock", "its clients start containers"},
	{CHECK_CONTROL_SOCKET, CONNECTS, AROUND, NULL, "run/systemd/private", "its clients start services"},
	{CHECK_CONTROL_SOCKET, CONNECTS, AROUND, NULL, "run/dbus/system_bus_socket",
	 "services of the host act for its clients"},

	/* PATH.d/token beside llrund's socket: who can read it may ask */
	{CHECK_CONTROL_SOCKET, CONNECTS, PART, NULL, "llrund.sock", "llrund runs commands for its clients"},
	{CHECK_CONTROL_SOCKET, READS, PART, NULL, "llrund.sock.d", "llrund runs commands for who reads its token"},
	{CHECK_CONTROL_SOCKET, READS, SELF | CHILD, NULL, "run/user", "llrund keeps its token there (llrund.sock.d)"},

	{CHECK_SOCKET_DIR_OPEN, CONNECTS, SELF, NULL, "", "every service of the host listens beneath it"},
	{CHECK_SOCKET_DIR_OPEN, CONNECTS, SELF, NULL, "run", "every service of the host listens beneath it"},
	{CHECK_SOCKET_DIR_OPEN, CONNECTS, SELF, NULL, "var/run", "every service of the host listens beneath it"},
	{CHECK_SOCKET_DIR_OPEN, CONNECTS, SELF | BELOW, NULL, "run/user", "the user's session listens beneath it"},
	{CHECK_SOCKET_DIR_OPEN, CONNECTS, SELF, NULL, "tmp", "agents and desktops listen beneath it"},
};

/* Does `path` lie beneath `dir`? */
static bool beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] && (!len || path[len] == '/');
}

static bool has_components(const char *path, const char *part)
{
	size_t len = strlen(part);

	for (const char *at = path; (at = strstr(at, part)); at++)
		if ((at == path || at[-1] == '/') && (!at[len] || at[len] == '/'))
			return true;
	return false;
}

static bool touches(const struct policy *p, const struct path_node *node, const struct place *place)
{
	if (place->touch & PART)
		return has_components(node->key, place->key);
	if (place->slot ? node->slot < 0 || strcmp(p->slots[node->slot].name, place->slot) : node->slot >= 0)
		return false;
	return ((place->touch & SELF) && !strcmp(node->key, place->key)) ||
	       ((place->touch & ABOVE) && beneath(place->key, node->key)) ||
	       ((place->touch & (BELOW | CHILD)) && beneath(node->key, place->key) &&
		((place->touch & BELOW) || !strchr(node->key + strlen(place->key) + 1, '/')));
}

static const struct place *find_place(const struct policy *p, const struct path_node *node, enum check_id id)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].check == id && touches(p, node, &places[i]))
			return &places[i];
	return NULL;
}

static const char *const advice[CHECKS] = {
	[CHECK_HOME_WRITE] = "grant the directories the work needs, one by one",
	[CHECK_SECRET_READ] = "grant the files the work needs, one by one",
	[CHECK_SYSTEM_WRITE] = "file modes are all that protects it from this policy's commands",
	[CHECK_TMP_SHARED] = "others may plant links there and read what is left; write \"${TMPDIR}\" and give each "
			     "run a directory of its own",
	[CHECK_CONTROL_SOCKET] = "what is asked of the service is done outside the sandbox",
	[CHECK_SOCKET_DIR_OPEN] = "list the sockets, one by one",
};

/* The rule's path, or what a bind mount shows at or beneath it. */
struct granted_place {
	const struct path_ref *ref;
	struct path_node at; /* on the host */
	const char *shown; /* as the policy writes it, in quotes */
	uint64_t rights;
};

/* What a mount of the policy lies upon is not in reach from above. */
static bool is_covered(const struct judge *j, const struct granted_place *g, const struct place *place)
{
	return !strcmp(g->at.key, g->ref->node->key) && view_mount(j->policy, g->at.slot, place->key);
}

/* A socket that has a name of its own is told by that, wherever it lies. */
static bool has_own_name(const struct policy *p, const struct path_node *node)
{
	const struct place *place = find_place(p, node, CHECK_CONTROL_SOCKET);

	return place && place->rights == CONNECTS && place->touch & PART;
}

static bool tell_place(struct judge *j, enum check_id id, const struct granted_place *g)
{
	const struct place *place = find_place(j->policy, &g->at, id);
	bool contains = place && !(place->touch & PART) && beneath(place->key, g->at.key);

	if (!place || !(g->rights & place->rights) || (contains && is_covered(j, g, place)) ||
	    (id == CHECK_SOCKET_DIR_OPEN && has_own_name(j->policy, &g->at)))
		return false;
	const char *what = place->rights == READS ? "read" : place->rights == WRITES ? "written" : "connected to";
	const struct srcpos *pos = &g->ref->rule->pos;
	struct diag_item *item =
		contains ? diag_report(j->diag, id, pos, "%s can be %s, and with it %s: %s", g->shown, what,
				       place->key, place->why)
			 : diag_report(j->diag, id, pos, "%s can be %s: %s", g->shown, what, place->why);
	diag_note(j->diag, item, NULL, "%s", advice[id]);
	return true;
}

/* The binds beneath a rule are of the tree that it grants, and their sources anywhere. */
static bool tell_bound_places(struct judge *j, enum check_id id, const struct path_ref *ref, uint64_t rights)
{
	const struct policy *p = j->policy;
	bool told = false;

	for (size_t i = 0; i < p->nmounts && !told; i++) {
		const struct policy_mount *bind = &p->mounts[i];
		const char *key = bind->target.rest + (*bind->target.rest == '/');
		struct granted_place g = {.ref = ref, .rights = view_rights(p, bind->target.slot, key, rights)};
		if (bind->kind != MOUNT_BIND || !place_beneath(&bind->target, ref->rule->slot, ref->rule->rest) ||
		    !view_source(j, bind->target.slot, key, &g.at))
			continue;
		g.shown = arena_printf(j->arena, "\"%s\", bound from \"%s\",", bind->target.path, bind->source.path);
		told = tell_place(j, id, &g);
	}
	return told;
}

/* One row of checks.def per kind of place. */
void check_place(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		const struct path_node *node = ref->node;
		uint64_t rights = ref->rule->access & node->effective;
		struct granted_place g = {.ref = ref,
					  .rights = view_rights(j->policy, node->slot, node->key, rights)};
		if (ref->rule->group == GROUP_BUNDLE || (ref->told & TOLD_PLACE))
			continue;
		bool hosts = view_source(j, node->slot, node->key, &g.at);
		bool bound = view_mount(j->policy, node->slot, node->key);
		g.shown = arena_printf(j->arena, bound ? "\"%s\", bound from the host," : "\"%s\"", ref->rule->path);
		if ((hosts && tell_place(j, id, &g)) || tell_bound_places(j, id, ref, rights))
			ref->told |= TOLD_PLACE;
	}
}

/* refer on / is how landlockd's policies say that renames are not restricted. */
void check_grant_on_root(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		uint64_t rights = ref->rule->access & j->policy->layers[ref->layer].handled & ~FS_RIGHT(refer);
		if (ref->rule->slot >= 0 || ref->node->key[0] || !rights || ref->rule->group == GROUP_UNIX)
			continue;
		ref->told |= TOLD_PLACE;
		struct diag_item *item =
			diag_report(j->diag, id, &ref->rule->pos, "a grant on \"/\": %s hold everywhere",
				    judge_rights(j, rights, ""));
		if (j->policy->layers[ref->layer].plain)
			diag_note(j->diag, item, NULL,
				  "if it is meant, unrestricted = [%s] says so and costs nothing at run time",
				  judge_rights(j, rights, "\""));
		else
			diag_note(j->diag, item, NULL, "if it is meant, leave the rights out of handled_access_fs");
	}
}

/* A rule pins the directory that /proc/self leads to when the sandbox is entered; measured: a child's own is denied. */
void check_proc_self(struct judge *j, enum check_id id)
{
	static const char *const links[] = {"proc/self", "proc/thread-self", "dev/fd",
					    "dev/stdin", "dev/stdout",       "dev/stderr"};

	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		const char *key = ref->node->key;
		bool pinned = !strncmp(key, "proc/", 5) && key[5] >= '1' && key[5] <= '9';
		for (size_t k = 0; k < sizeof(links) / sizeof(links[0]); k++)
			pinned |= !strcmp(key, links[k]) || beneath(key, links[k]);
		if (!pinned || ref->rule->slot >= 0 || ref->rule->group == GROUP_BUNDLE)
			continue;
		ref->told |= TOLD_PLACE;
		judge_say(j, id, &ref->rule->pos,
			  "grant \"/proc\" for reading, or leave it out: open descriptors need no rule",
			  "\"%s\" is looked up once: the rule holds for one process, not for its children",
			  ref->rule->path);
	}
}

void check_git_hooks(struct judge *j, enum check_id id)
{
	for (size_t i = 0; i < j->tree->nrefs; i++) {
		struct path_ref *ref = &j->tree->refs[i];
		bool cwd = ref->rule->slot >= 0 && j->policy->slots[ref->rule->slot].from == SLOT_FROM_CWD;
		uint64_t rights = ref->rule->access & ref->node->effective & WRITES;
		/* what is bound read-only upon the hooks protects them */
		if (!cwd || ref->node->key[0] || !view_rights(j->policy, ref->node->slot, ".git/hooks", rights))
			continue;
		judge_say(j, id, &ref->rule->pos,
			  "git executes what they say outside the sandbox: use a work tree without .git, or grant "
			  "directories beneath it",
			  "in a git work tree \"%s\" includes .git/hooks and .git/config", ref->rule->path);
	}
}

/* ---- the policy itself ---- */

/* Absolute and without "." and "..", by the letters alone. NULL when the current directory is unknown. */
static const char *lexical(struct arena *arena, const char *name)
{
	char *cwd = name[0] == '/' ? NULL : getcwd(NULL, 0);
	const char *full = name[0] == '/' ? name : cwd ? arena_printf(arena, "%s/%s", cwd, name) : NULL;
	char *out = full ? arena_alloc(arena, strlen(full) + 2) : NULL;
	size_t n = 0;

	free(cwd);
	for (const char *p = full; p && *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (n && out[--n] != '/')
				;
		} else if (len && !(len == 1 && p[0] == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	if (out)
		out[n] = '\0';
	return out;
}

struct writable {
	struct judge *j;
	enum check_id id;
	const char *what, *name; /* "policy", and the file */
	bool cwd; /* by a slot, run from here */
	int slot; /* of the host */
	const char *key;
};

/* The rule by which the file can be written under the name `at`, as the rules for the name `by` have it. */
static const struct path_ref *writes_through(const struct judge *j, const struct bound_name *at, int slot,
					     const char *by)
{
	struct path_node *node = path_tree_above(j->tree, slot, by);
	const struct path_ref *ref = path_node_granting(node, SIZE_MAX, WRITES);

	return ref && view_rights(j->policy, at->slot, at->key, node->effective) & WRITES ? ref : NULL;
}

/* A rule on what is bound, or on something in it, holds under the new name, too; one above the source does not. */
static const struct path_ref *writes_by_source(const struct writable *w, const struct bound_name *at)
{
	const struct path_ref *ref = at->bind ? writes_through(w->j, at, w->slot, w->key) : NULL;
	const char *source = at->bind ? at->bind->source.rest + (*at->bind->source.rest == '/') : "";

	return ref && (!strcmp(ref->node->key, source) || beneath(ref->node->key, source)) ? ref : NULL;
}

static bool tell_writable(void *data, const struct bound_name *at)
{
	const struct writable *w = data;
	const struct path_ref *ref = writes_through(w->j, at, at->slot, at->key);

	ref = ref ? ref : writes_by_source(w, at);
	if (!ref)
		return false;
	judge_say(w->j, w->id, &ref->rule->pos,
		  arena_printf(w->j->arena,
			       "it could rewrite what confines the next run: keep the %s outside the grants",
			       w->what),
		  w->cwd ? "run from this directory, the command may write \"%s\" and with it the %s %s"
			 : "the command may write \"%s\" and with it the %s %s",
		  ref->rule->path, w->what, w->name);
	return true;
}

static bool can_be_written(struct writable *w, int slot, const char *key)
{
	w->slot = slot;
	w->key = key;
	return view_names(w->j, slot, key, tell_writable, w);
}

/* Two rows: writable by name, and writable when the current directory is granted through a slot. */
static bool writable_file(struct judge *j, enum check_id id, const char *what, const char *name)
{
	const char *path = name && *name && strcmp(name, "-") && name[0] != '<' ? lexical(j->arena, name) : NULL;
	const char *cwd = lexical(j->arena, ".");
	struct writable w = {.j = j, .id = id, .what = what, .name = name, .cwd = id == CHECK_WRITABLE_POLICY_CWD};
	bool told = path && !w.cwd && can_be_written(&w, -1, path + 1);

	for (size_t i = 0; path && cwd && w.cwd && i < j->policy->nslots; i++)
		if (j->policy->slots[i].from == SLOT_FROM_CWD && beneath(path, cwd))
			told |= can_be_written(&w, (int)i, path + strlen(cwd) + 1);
	return told;
}

void check_writable_policy(struct judge *j, enum check_id id)
{
	if (!writable_file(j, id, "policy", j->policy->source_path))
		if (!writable_file(j, id, "blob", j->policy->blob_path))
			writable_file(j, id, "lock", j->policy->lock_path);
}
