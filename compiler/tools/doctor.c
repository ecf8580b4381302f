/* SPDX-License-Identifier: MIT */
/*
 * llc-policy doctor: what this host offers, what a blob needs, how to fix the difference. Every line is a finding with
 * a code that stays the same from version to version; text may change.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "arena.h"
#include "inspect.h"
#include "options.h"
#include "sibling.h"
#include "text.h"
#include "tools.h"
#include "trace.h"
#include "vocab.h"

static const char *const status_names[] = {"ok", "note", "missing"};

void doctor_find(struct doctor *d, const char *code, enum finding_status status, const char *found,
		 const char *needed, const char *fix)
{
	d->findings = arena_grow(d->arena, d->findings, &d->cap, d->count + 1, sizeof(*d->findings));
	d->findings[d->count++] = (struct finding){code, status, found, needed, fix};
}

/* A finding about the blob: what is missing makes it unenforceable here. */
static void find_gap(struct doctor *d, const char *code, const char *found, const char *needed, const char *fix)
{
	doctor_find(d, code, MISSING, found, needed, fix);
	d->cannot = true;
}

/* A host without the two pillars can enforce no policy worth the name; with a blob at hand, the blob decides. */
static void find_pillar(struct doctor *d, const char *code, const char *found, const char *needed, const char *fix)
{
	doctor_find(d, code, MISSING, found, needed, fix);
	d->cannot |= !d->blob;
}

#define TEXT(...) arena_printf(d->arena, __VA_ARGS__)

/* ---- the host ---- */

static const char *lsm_advice(struct doctor *d)
{
	if (*d->host.lsm)
		return TEXT("boot with lsm=landlock,%s", d->host.lsm);
	return "boot with landlock first in lsm= (mount -t securityfs none /sys/kernel/security and read "
	       "/sys/kernel/security/lsm for the rest of the line)";
}

static void check_landlock(struct doctor *d)
{
	static const char needed[] = "Landlock, Linux 5.13 or later";
	const char *error = strerror(d->host.landlock_errno);

	switch (d->host.landlock) {
	case LANDLOCK_AVAILABLE:
		doctor_find(d, "landlock", OK,
			    d->host.abi > ABI_NEWEST
				    ? TEXT("Landlock ABI %u, newer than this program knows: treated as %u",
					   d->host.abi, ABI_NEWEST)
				    : TEXT("Landlock ABI %u, as in Linux %s", d->host.abi, abi_kernel(d->host.abi)),
			    NULL, NULL);
		break;
	case LANDLOCK_NOT_BUILT:
		find_pillar(d, "landlock-not-built", TEXT("no Landlock: %s, Linux %s", error, d->host.release),
			    needed, "a kernel built with CONFIG_SECURITY_LANDLOCK=y");
		break;
	case LANDLOCK_DISABLED:
		find_pillar(d, "landlock-disabled", "Landlock is built in and was not enabled at boot", needed,
			    lsm_advice(d));
		break;
	case LANDLOCK_FILTERED:
		find_pillar(
			d, "landlock-filtered",
			TEXT("the kernel has Landlock, and something answers %s in its place: a container's seccomp "
			     "filter",
			     error),
			needed, "permit the landlock_* system calls in the container's seccomp profile");
		break;
	case LANDLOCK_AMBIGUOUS:
		find_pillar(d, "landlock-ambiguous",
			    TEXT("%s, under %s: most likely a container's filter, perhaps a kernel without Landlock",
				 error,
				 d->host.filters > 0 ? TEXT("%d seccomp filter(s)", d->host.filters)
						     : "seccomp filters that cannot be counted"),
			    needed,
			    "permit the landlock_* system calls in the container's seccomp profile; if that does not "
			    "help, a kernel built with CONFIG_SECURITY_LANDLOCK=y");
		break;
	case LANDLOCK_BROKEN:
		find_pillar(d, "landlock-broken", TEXT("asking for Landlock's ABI fails: %s", error), needed, NULL);
		break;
	}
}

/* Documentation/userspace-api/landlock.rst, "Errata" */
static const struct {
	unsigned number, abi;
	const char *text;
} errata[] = {
	{1, 4, "TCP rules also hit other stream sockets (SMC, MPTCP, SCTP)"},
	{2, 6, "the signal scope also separates threads of one process"},
	{3, 1, "renames of directories moved out of their mount can dodge the refer right"},
};

static void check_errata(struct doctor *d)
{
	size_t missing = 0;

	if (!d->host.abi)
		return;
	if (!d->host.errata_known) {
		doctor_find(d, "landlock-errata", NOTE, "the kernel does not tell which Landlock errata it has fixed",
			    NULL, "a later stable release of the kernel");
		return;
	}
	for (size_t i = 0; i < sizeof(errata) / sizeof(errata[0]); i++) {
		if (errata[i].abi > d->host.abi || d->host.errata >> (errata[i].number - 1) & 1)
			continue;
		missing++;
		doctor_find(d, "landlock-errata", NOTE,
			    TEXT("Landlock erratum %u is not fixed: %s", errata[i].number, errata[i].text), NULL,
			    "a later stable release of the kernel");
	}
	if (!missing)
		doctor_find(d, "landlock-errata", OK, "every Landlock erratum known here is fixed", NULL, NULL);
}

static void check_layers(struct doctor *d)
{
	unsigned left = d->host.layers_left;

	if (!d->host.abi)
		return;
	if (left == K_LANDLOCK_MAX_LAYERS)
		doctor_find(d, "landlock-layers", OK, TEXT("not in a Landlock domain: all %u layers are free", left),
			    NULL, NULL);
	else
		doctor_find(d, "landlock-layers", NOTE,
			    TEXT("in a Landlock domain already: %u of %u layers are left; what it restricts cannot "
				 "be read, "
				 "and "
				 "stays restricted",
				 left, K_LANDLOCK_MAX_LAYERS),
			    NULL, NULL);
}

static void check_seccomp(struct doctor *d)
{
	const struct host *host = &d->host;
	const char *missing = "";

	if (!host->seccomp) {
		find_pillar(d, "seccomp", TEXT("no system call filters: %s", strerror(host->seccomp_errno)),
			    "CONFIG_SECCOMP_FILTER",
			    host->filters ? "permit seccomp(2) in the container's seccomp profile"
					  : "a kernel built with CONFIG_SECCOMP_FILTER=y");
		return;
	}
	doctor_find(d, "seccomp", OK, "system call filters", NULL, NULL);
	for (unsigned i = 0; i < HOST_ACTIONS; i++)
		if (!(host->actions >> i & 1))
			missing = TEXT("%s %s", missing, host_actions[i].name);
	if (*missing)
		doctor_find(d, "seccomp-actions", NOTE, TEXT("filter actions that this kernel lacks:%s", missing),
			    NULL, "Linux 5.0 or later");
	else
		doctor_find(d, "seccomp-actions", OK, "every filter action", NULL, NULL);
	if (host->filters > 0)
		doctor_find(
			d, "seccomp-nesting", NOTE,
			TEXT("%d filter(s) in force already; they add to every system call, and their lengths to the "
			     "limit",
			     host->filters),
			NULL, NULL);
	else
		doctor_find(d, "seccomp-nesting", host->filters ? NOTE : OK,
			    host->filters ? "whether filters are in force cannot be read" : "no filter in force",
			    NULL, NULL);
}

static void check_call(struct doctor *d, const char *code, const char *name, int error, const char *use,
		       const char *kernel)
{
	if (!error)
		doctor_find(d, code, OK, name, NULL, NULL);
	else
		doctor_find(d, code, MISSING, TEXT("%s: %s", name, strerror(error)), use,
			    d->host.filters
				    ? TEXT("permit %s in the container's seccomp profile, or Linux %s", name, kernel)
				    : TEXT("Linux %s or later", kernel));
}

static void check_privileges(struct doctor *d)
{
	const struct host *host = &d->host;
	const char *error = strerror(host->no_new_privs_errno);

	if (host->no_new_privs_errno)
		find_pillar(d, "no-new-privs", TEXT("no_new_privs cannot be set: %s", error),
			    "prctl(PR_SET_NO_NEW_PRIVS)", "permit prctl(2) in the container's seccomp profile");
	else
		doctor_find(d, "no-new-privs", OK,
			    host->no_new_privs ? "no_new_privs is set already" : "no_new_privs can be set", NULL,
			    NULL);
	if (host->userns_errno)
		doctor_find(d, "user-namespaces", NOTE, TEXT("no user namespaces: %s", strerror(host->userns_errno)),
			    "by policies with [mount], [runtime] or net.isolate alone", host->userns_remedy);
	else
		doctor_find(d, "user-namespaces", OK, "user namespaces", NULL, NULL);
}

static void check_surroundings(struct doctor *d)
{
	if (d->host.yama < 0)
		doctor_find(d, "yama", NOTE, "no Yama: processes of one user may trace each other", NULL,
			    "CONFIG_SECURITY_YAMA=y and yama in lsm=; the signal scope and Landlock's own ptrace "
			    "rule hold "
			    "without it");
	else
		doctor_find(d, "yama", OK, TEXT("Yama, kernel.yama.ptrace_scope=%d", d->host.yama), NULL, NULL);
	doctor_find(d, "audit", d->host.audit ? OK : NOTE,
		    d->host.audit ? "the kernel has an audit log"
				  : "no audit log: denials leave no trace in the kernel's log",
		    NULL, d->host.audit ? NULL : "a kernel built with CONFIG_AUDIT=y");
}

/* What `llc-policy trace` has; it does without, slower. */
static void check_trace(struct doctor *d)
{
	const char *missing = trace_bpf_missing(d->arena);

	if (missing)
		doctor_find(d, "trace", NOTE, TEXT("llc-policy trace observes by ptrace, not by eBPF: %s", missing),
			    NULL,
			    "root, or CAP_BPF and CAP_PERFMON; llc-trace installed; a kernel with "
			    "/sys/kernel/btf/vmlinux "
			    "(CONFIG_DEBUG_INFO_BTF=y)");
	else
		doctor_find(d, "trace", OK, "llc-policy trace observes by eBPF", NULL, NULL);
}

static void check_host(struct doctor *d)
{
	check_landlock(d);
	check_errata(d);
	check_layers(d);
	check_seccomp(d);
	check_privileges(d);
	check_call(d, "openat2", "openat2", d->host.openat2_errno, "by policies with slots or nested writable trees",
		   "5.6");
	check_call(d, "close-range", "close_range", d->host.close_range_errno,
		   "by policies with close_fds, the default", "5.9");
	check_surroundings(d);
	check_trace(d);
}

/* ---- the blob ---- */

static uint32_t plan_here(const struct doctor *d)
{
	uint32_t newest = newest_plan(d->blob);

	return d->host.abi < newest ? d->host.abi : newest;
}

static void check_plan(struct doctor *d)
{
	const struct blob *blob = d->blob;
	uint32_t plan = plan_here(d), min = blob->meta->min_abi;

	if (d->host.landlock != LANDLOCK_AVAILABLE && d->host.landlock != LANDLOCK_NOT_BUILT &&
	    d->host.landlock != LANDLOCK_DISABLED && d->host.landlock_errno != ENOSYS) {
		find_gap(d, "blob-plan", "llrun does not start when the kernel's ABI cannot be asked for",
			 "an answer", NULL);
		return;
	}
	if (blob->plans[plan].flags & LLPB_PLAN_REFUSE)
		find_gap(d, "blob-plan", TEXT("the policy refuses to run on ABI %" PRIu32, plan),
			 min < blob->nplans ? TEXT("ABI %" PRIu32 " (Linux %s)", min, abi_kernel(min))
					    : "no ABI known covers it",
			 "a newer kernel; or, knowing what is lost, compat = \"best-effort\" and a lower min_abi");
	else
		doctor_find(d, "blob-plan", OK, TEXT("the policy runs with the plan of ABI %" PRIu32, plan), NULL,
			    NULL);
}

static void check_guarantees(struct doctor *d)
{
	const struct blob *blob = d->blob;
	uint32_t plan = plan_here(d);

	for (uint32_t i = 0; i < blob->nguarantees; i++) {
		const struct llpb_guarantee *row = &blob->guarantees[i];
		if (row->mechanism[plan] == LLPB_M_NOT_COVERED)
			doctor_find(d, "blob-guarantee", row->flags & LLPB_G_FIRM ? MISSING : NOTE,
				    TEXT("not covered on ABI %" PRIu32 ": %s (%s)", plan, blob_str(blob, row->name),
					 blob_str(blob, row->text)),
				    NULL, NULL);
	}
	for (uint32_t i = 0; i < blob->nlosses; i++)
		if (blob->losses[i].first <= plan && plan <= blob->losses[i].last)
			doctor_find(d, "blob-loss", NOTE,
				    TEXT("lost to the command on ABI %" PRIu32 ": %s", plan,
					 blob_str(blob, blob->losses[i].text)),
				    NULL, NULL);
}

static void check_blob_layers(struct doctor *d)
{
	uint32_t plan = plan_here(d);
	unsigned layers = 0;

	for (uint32_t i = 0; i < d->blob->nlayers; i++) {
		const struct k_landlock_ruleset_attr *attr = ruleset_of(d->blob, plan, i);
		layers += (attr->handled_access_fs | attr->handled_access_net | attr->scoped) != 0;
	}
	if (!d->host.abi || layers <= d->host.layers_left)
		return;
	find_gap(d, "blob-layers", TEXT("%u Landlock layers are left here", d->host.layers_left), TEXT("%u", layers),
		 "fewer sandboxes around this one, or fewer [[fs_layer]] tables");
}

static void check_filter(struct doctor *d)
{
	enum arch_id arch = host_arch();
	int missing = 0, error;
	const struct llpb_filter *filter = NULL;
	struct bpf_program program;

	if (arch < ARCHES)
		filter = blob_filter(d->blob, plan_here(d), arch_rows[arch].audit_arch, &missing);
	else
		missing = d->blob->nfilters != 0;
	if (missing)
		find_gap(d, "blob-arch", TEXT("no filter for this architecture (%s) in the blob", d->host.machine),
			 TEXT("a filter for %s", d->host.machine), TEXT("compile with --arch %s", d->host.machine));
	if (!filter)
		return;
	if (!filter_program(d->blob, filter, &program)) {
		find_gap(d, "blob-filter", "the blob's filter is not a program that the kernel accepts", NULL,
			 "compile it again");
		return;
	}
	error = host_tries_filter(&program);
	if (error)
		find_gap(d, "blob-filter", TEXT("the kernel does not take the filter: %s", strerror(error)),
			 TEXT("room for %" PRIu32 " of %u converted instructions", filter->converted + 4,
			      K_SECCOMP_MAX_INSNS_PER_PATH),
			 error == ENOMEM ? "fewer seccomp filters around this one" : NULL);
	else
		doctor_find(d, "blob-filter", OK,
			    TEXT("the kernel takes the filter: %" PRIu32 " converted instructions of %u",
				 filter->converted, K_SECCOMP_MAX_INSNS_PER_PATH),
			    NULL, NULL);
}

static bool needs_openat2(const struct blob *blob)
{
	for (uint32_t i = 0; i < blob->npaths; i++)
		if (blob->paths[i].anchor != LLPB_ANCHOR_NONE && !(blob->paths[i].flags & LLPB_P_FOLLOW) &&
		    *blob_str(blob, blob->paths[i].path))
			return true;
	return false;
}

static void check_blob_calls(struct doctor *d)
{
	if (d->host.openat2_errno && needs_openat2(d->blob))
		find_gap(d, "blob-openat2", "openat2 is missing",
			 "openat2: the policy has slots or nested writable trees",
			 "Linux 5.6 or later; or follow = true on those entries, if links may lead elsewhere");
	if (d->host.close_range_errno && d->blob->process->flags & LLPB_PROC_CLOSE_FDS)
		find_gap(d, "blob-close-range", "close_range is missing",
			 "close_range: the policy closes descriptors",
			 "Linux 5.9 or later; or [process] close_fds = false, if the caller's descriptors are "
			 "harmless");
}

static void check_view(struct doctor *d)
{
	const struct llpb_mount *view = d->blob->mounts;

	if (!d->blob->nmounts || !(view->spaces || view->flags & LLPB_MT_AS_ROOT))
		return;
	if (d->host.userns_errno)
		find_gap(d, "blob-namespaces", TEXT("no user namespaces: %s", strerror(d->host.userns_errno)),
			 "a user namespace: the policy has mounts, a root or namespaces of its own",
			 d->host.userns_remedy);
	else
		doctor_find(d, "blob-namespaces", OK, "the policy's namespaces can be made", NULL, NULL);
}

/* ---- slots and paths ---- */

/* What a slot would be bound to if llrun were started from here; NULL when that is said on its command line. */
static const char *slot_value(const struct blob *blob, const struct llpb_slot *slot)
{
	const char *value = slot->from == LLPB_SLOT_CWD   ? "."
			    : slot->from == LLPB_SLOT_ENV ? getenv(blob_str(blob, slot->variable))
							  : NULL;

	if (value && *value)
		return value;
	return slot->fallback ? blob_str(blob, slot->fallback) : NULL;
}

static bool is_root(const char *path)
{
	struct stat file, root;

	return !stat(path, &file) && !stat("/", &root) && file.st_dev == root.st_dev && file.st_ino == root.st_ino;
}

static void check_slot(struct doctor *d, const struct llpb_slot *slot)
{
	const char *name = blob_str(d->blob, slot->name), *value = slot_value(d->blob, slot);

	if (!value && slot->from == LLPB_SLOT_ARG)
		doctor_find(d, "blob-slot", NOTE, TEXT("slot %s is bound when it is run", name), NULL,
			    TEXT("llrun --set %s=PATH", name));
	else if (!value)
		doctor_find(d, "blob-slot", NOTE,
			    TEXT("slot %s: the environment variable %s is unset or empty", name,
				 blob_str(d->blob, slot->variable)),
			    "a value", TEXT("set %s where llrun is started", blob_str(d->blob, slot->variable)));
	else if (!(slot->flags & LLPB_SLOT_ALLOW_ROOT) && is_root(value))
		doctor_find(d, "blob-slot", NOTE, TEXT("slot %s would be the root directory here", name), NULL,
			    "start llrun elsewhere, or allow_root = true for the slot");
	else
		doctor_find(d, "blob-slot", OK, TEXT("slot %s would be %s", name, value), NULL, NULL);
}

/* The path of a rule with this process's slots and uid in it; NULL when a slot has no value yet. */
static const char *path_here(struct doctor *d, uint32_t which)
{
	char buffer[PATH_TEXT_MAX];
	const char *text = path_text(d->blob, which, buffer), *rest, *value = "", *uid;
	const struct llpb_path *path = &d->blob->paths[which];

	while (path->anchor == LLPB_ANCHOR_RULE)
		path = &d->blob->paths[path->base];
	rest = text;
	if (path->anchor == LLPB_ANCHOR_SLOT) {
		value = slot_value(d->blob, &d->blob->slots[path->base]);
		rest = strchr(text, '}');
		if (!value || !rest)
			return NULL;
		rest++;
	}
	uid = strstr(rest, "${UID}");
	if (uid && path->flags & LLPB_P_UID)
		return TEXT("%s%.*s%u%s", value, (int)(uid - rest), rest, (unsigned)getuid(), uid + strlen("${UID}"));
	return TEXT("%s%s", value, rest);
}

static const char *where(struct doctor *d, uint32_t which)
{
	if (!d->blob->source)
		return "";
	return TEXT(" (%s:%" PRIu32 ")", blob_str(d->blob, d->blob->source[which].file), d->blob->source[which].line);
}

/* Returns true for an optional path that does not exist: there may be many of those, and nothing is wrong with them. */
static bool check_path(struct doctor *d, uint32_t which)
{
	const char *path = path_here(d, which);
	int fd = path ? open(path, O_PATH | O_CLOEXEC) : -1, error = errno;

	if (fd >= 0)
		close(fd);
	if (fd >= 0 || !path)
		return false;
	if (d->blob->paths[which].flags & LLPB_P_OPTIONAL && (error == ENOENT || error == ENOTDIR))
		return true;
	find_gap(d, "blob-path", TEXT("%s: %s%s", path, strerror(error), where(d, which)), "the path",
		 error == ENOENT || error == ENOTDIR ? "create it, or optional = true in the policy" : NULL);
	return false;
}

/* What lies in mounts that nobody has made cannot be looked at; what they are made of can. */
static void check_sources(struct doctor *d)
{
	const struct blob *blob = d->blob;
	size_t before = d->count;

	for (uint32_t i = 0; i < blob->nmounts; i++) {
		const struct llpb_mount *m = &blob->mounts[i];
		const char *source = blob_str(blob, m->source);
		if (*source != '/' || strchr(source, 1) || m->flags & LLPB_MT_OPTIONAL || !access(source, F_OK))
			continue;
		find_gap(d, "blob-mount", TEXT("%s: %s", source, strerror(errno)),
			 i ? "the source of a mount" : "the new root", "create it, or optional = true");
	}
	if (d->count == before)
		doctor_find(d, "blob-mount", NOTE,
			    "what is mounted exists; whether its targets do, and the rules' paths in it, is not "
			    "asked here",
			    NULL, TEXT("llrun --check %s makes the mounts and looks", d->blob_path));
}

static void check_paths(struct doctor *d)
{
	unsigned skipped = 0;
	size_t before = d->count;

	if (d->blob->nmounts && d->blob->mounts->spaces & K_CLONE_NEWNS) {
		check_sources(d);
		return;
	}
	for (uint32_t i = 0; i < d->blob->npaths; i++)
		skipped += check_path(d, i);
	if (d->count == before && d->blob->npaths)
		doctor_find(d, "blob-path", OK,
			    TEXT("every required path exists; %u optional ones do not and are skipped", skipped),
			    NULL, NULL);
}

/* The same question that llrun asks; a blob built in a work tree with a lax umask is refused only when it is run. */
static void check_owner(struct doctor *d)
{
	struct stat st;

	if (stat(d->blob_path, &st))
		return;
	if (st.st_uid && st.st_uid != getuid() && st.st_uid != geteuid())
		find_gap(d, "blob-owner", TEXT("the blob belongs to uid %u", (unsigned)st.st_uid),
			 "root or the caller", "chown it, or llrun --trust-blob");
	else if (st.st_mode & 022)
		find_gap(d, "blob-owner", "the blob is writable by group or others",
			 "a file that only its owner can change",
			 TEXT("chmod go-w %s, or llrun --trust-blob", d->blob_path));
	else
		doctor_find(d, "blob-owner", OK, "owner and mode of the blob", NULL, NULL);
}

/* Where llrun looks for it, which is installed beside us. */
static void check_supervisor(struct doctor *d)
{
	const char *path;

	if (!blob_brokered(d->blob))
		return;
	path = sibling_program(d->arena, "llrund", LLC_BINDIR);
	if (access(path, X_OK))
		find_gap(d, "blob-supervisor", TEXT("%s: %s", path, strerror(errno)),
			 "llrund: the policy has a broker", "install llrund beside llrun");
	else
		doctor_find(d, "blob-supervisor", OK, TEXT("the broker's supervisor: %s", path), NULL, NULL);
}

static void check_blob(struct doctor *d)
{
	check_owner(d);
	check_plan(d);
	check_guarantees(d);
	check_blob_layers(d);
	check_filter(d);
	check_blob_calls(d);
	check_view(d);
	check_supervisor(d);
	for (uint32_t i = 0; i < d->blob->nslots; i++)
		check_slot(d, &d->blob->slots[i]);
	check_paths(d);
	doctor_lock_of_blob(d);
	if (d->blob->plans[plan_here(d)].restrict_flags && !d->host.audit)
		doctor_find(d, "blob-audit", NOTE, "the policy sets log switches, and this kernel has no audit log",
			    NULL, NULL);
}

/* ---- output ---- */

static const char *verdict(const struct doctor *d)
{
	if (d->stale && !d->cannot)
		return "the lock is out of date";
	if (d->lock_only)
		return "the lock is what is here";
	if (d->cannot)
		return d->blob ? "this host cannot enforce the policy" : "this host cannot enforce policies";
	return d->blob ? "this host enforces the policy" : "this host enforces policies";
}

static void put_line(FILE *out, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(out, "%-9s", label);
	put_text(out, text);
	fputc('\n', out);
}

static void print_finding(const struct finding *f, const char *fix)
{
	put_line(stdout, status_names[f->status], f->found);
	put_line(stdout, f->needed ? "  needed" : "", f->needed);
	put_line(stdout, fix ? "  fix" : "", fix);
}

/* Differences of a lock: of another machine's, one for each library. */
static bool is_one_of_many(const struct finding *f)
{
	return !strncmp(f->code, "lock-", 5);
}

static bool is_first(const struct doctor *d, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!strcmp(d->findings[i].code, d->findings[at].code))
			return false;
	return true;
}

#define SHOWN 3 /* of each kind */

/* All of the first one's kind, with what to do about them once. */
static void print_group(const struct doctor *d, size_t first)
{
	size_t count = 0;

	for (size_t i = first; i < d->count; i++) {
		if (strcmp(d->findings[i].code, d->findings[first].code))
			continue;
		if (count++ < SHOWN || d->verbose)
			print_finding(&d->findings[i], NULL);
	}
	if (count > SHOWN && !d->verbose)
		printf("%-9s%zu more of this kind, %zu in all; --verbose prints each\n", "", count - SHOWN, count);
	put_line(stdout, "  fix", d->findings[first].fix);
}

static void print_text(const struct doctor *d)
{
	if (!d->lock_only)
		printf("Linux %s, %s\n", d->host.release, d->host.machine);
	for (size_t i = 0; i < d->count; i++)
		if (!is_one_of_many(&d->findings[i]))
			print_finding(&d->findings[i], d->findings[i].fix);
		else if (is_first(d, i))
			print_group(d, i);
	printf("%s\n", verdict(d));
}

static json_t *text_or_null(const char *text)
{
	return text ? json_text(text) : json_null();
}

static bool print_json(const struct doctor *d)
{
	json_t *findings = json_array(), *root;
	bool ok;

	for (size_t i = 0; i < d->count; i++) {
		const struct finding *f = &d->findings[i];
		json_append(findings, json_pack("{s:s, s:s, s:o, s:o, s:o}", "code", f->code, "status",
						status_names[f->status], "found", text_or_null(f->found), "needed",
						text_or_null(f->needed), "fix", text_or_null(f->fix)));
	}
	root = json_pack("{s:s, s:s, s:i, s:b, s:o}", "kernel", d->host.release, "machine", d->host.machine,
			 "landlock_abi", (int)d->host.abi, "enforceable", !d->cannot, "findings", findings);
	ok = root && !json_dumpf(root, stdout, JSON_INDENT(2)) && putchar('\n') != EOF;
	json_decref(root);
	return ok;
}

/* False: it cannot be read, which was said. */
static bool look(struct doctor *d, struct blob_file *file)
{
	host_probe(&d->host);
	if (d->lock_only)
		return doctor_lock(d, d->blob_path);
	if (d->blob_path && !blob_load(file, "doctor", d->blob_path))
		return false;
	d->blob = d->blob_path ? &file->blob : NULL;
	check_host(d);
	if (d->blob)
		check_blob(d);
	return true;
}

static int print(const struct doctor *d, bool json)
{
	bool written = true;

	if (json)
		written = print_json(d);
	else
		print_text(d);
	if (!fflush(stdout) && !ferror(stdout) && written)
		return d->cannot ? 3 : d->stale ? 1 : 0;
	fputs("llc-policy doctor: writing standard output failed\n", stderr);
	return 2;
}

static int examine(struct doctor *d, bool json)
{
	struct blob_file file = {.data = NULL};
	int status = 1;

	d->arena = arena_create();
	if (look(d, &file))
		status = print(d, json);
	blob_unload(&file);
	arena_destroy(&d->arena);
	return status;
}

static bool is_lock(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && !strcmp(path + len - 5, ".lock");
}

int cmd_doctor(int argc, char **argv)
{
	struct options opts;
	enum option_id opt;
	struct doctor d = {.blob_path = NULL};
	bool json = false;

	options_begin(&opts, CMD_DOCTOR, argc, argv);
	while ((opt = options_next(&opts)) != OPT_END)
		if (opt == OPT_JSON)
			json = true;
		else if (opt == OPT_VERBOSE)
			d.verbose = true;
		else if (opt == OPT_SYSROOT)
			d.sysroot = opts.value;
		else
			return options_fail(&opts, opt);
	if (opts.argc - opts.index > 1) {
		fputs("llc-policy doctor: at most one POLICY.llb or POLICY.lock; see llc-policy doctor --help\n",
		      stderr);
		return 2;
	}
	d.blob_path = opts.argc > opts.index ? opts.argv[opts.index] : NULL;
	d.lock_only = d.blob_path && is_lock(d.blob_path);
	if (d.sysroot && !d.lock_only) {
		fputs("llc-policy doctor: --sysroot is for a POLICY.lock; kernels have none\n", stderr);
		return 2;
	}
	return examine(&d, json);
}
