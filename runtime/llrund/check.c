/* SPDX-License-Identifier: MIT */
/* llrun --check: what would be enforced, in words. Here, because nothing of it is needed to enforce it. */
#include "check.h"

#include "msg.h"

/* The names of rights, and of capabilities. */
const char *names(char out[PATH_SIZE], uint64_t fs, uint64_t net, uint64_t scope, uint64_t caps)
{
	uint32_t len = append(out, PATH_SIZE, 0, fs | net | scope | caps ? "" : " nothing");

#define ADD(mask, name, bit)              len = append(out, PATH_SIZE, len, mask >> (bit)&1 ? " " #name : "");
#define LL_FS(name, bit, abi, kind, help) ADD(fs, name, bit)
#define LL_NET(name, bit, abi, help)      ADD(net, name, bit)
#define LL_SCOPE(name, bit, abi, help)    ADD(scope, name, bit)
#define CAP(name, bit, dangerous, why)    ADD(caps, name, bit)
#include "access.def"
#include "caps.def"
	return out;
}

void say_rule(const struct policy *policy, uint32_t rule, uint64_t access, int missing)
{
	const struct llpb_path *path = &policy->blob.paths[rule];
	char buffer[PATH_SIZE];

	msg(1, "layer %u path \"%s\":%s", path->layer, blob_str(&policy->blob, path->shown),
	    missing ? " does not exist, skipped" : names(buffer, access, 0, 0, 0));
}

/* Of this process: with a PID namespace the one that goes on is a copy made before any mount. */
static int left_out;

int say_target(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;

	/* mkdirat, mknodat: of all calls that make the view, only these write to a file system of the host */
	if (result >= 0 || error->err != K_EROFS || !error->sys || !after_prefix(error->sys, "mk"))
		return result;
	msg(1, "would make \"%s\" on this host (--check does not): its mount is left out here",
	    blob_str(blob, blob->mounts[i].shown_target));
	left_out = 1;
	return 0;
}

void say_left_out(void)
{
	if (left_out)
		msg(1, "stops here: what is missing may be what a run would make");
}

static void say_view(const struct blob *blob)
{
	static const char *const kinds[LLPB_MT_KINDS] = {"view", "tmpfs", "bind", "proc"};
	const struct llpb_mount *view = blob->mounts;
	const uint32_t spaces = view->spaces;

	if (spaces || view->flags & LLPB_MT_AS_ROOT)
		msg(1, "namespaces: user%s%s%s%s%s%s", spaces & K_CLONE_NEWNS ? " mount" : "",
		    spaces & K_CLONE_NEWPID ? " pid" : "", spaces & K_CLONE_NEWNET ? " net" : "",
		    spaces & K_CLONE_NEWIPC ? " ipc" : "", spaces & K_CLONE_NEWUTS ? " uts" : "",
		    spaces & K_CLONE_NEWCGROUP ? " cgroup" : "");
	if (blob_has_root(blob))
		msg(1, "root \"%s\"", blob_str(blob, view->shown_source));
	for (uint32_t i = 1; i < blob->nmounts; i++)
		msg(1, "mount %s on \"%s\"%s%s", kinds[blob->mounts[i].kind],
		    blob_str(blob, blob->mounts[i].shown_target), blob->mounts[i].kind == LLPB_MT_BIND ? " of " : "",
		    blob_str(blob, blob->mounts[i].shown_source));
}

static void say_broker(const struct blob *blob)
{
	static const char *const kinds[LLPB_B_KINDS] = {"read",  "write",   "scratch", "export",
							"tmpfs", "bind on", "mount on"};

	for (uint32_t i = 0; i < blob->nbroker; i++) {
		const struct llpb_broker *record = &blob->broker[i];
		const char *source = blob_str(blob, record->source);

		msg(1, "broker %s \"%s\"%s%s%s", kinds[record->kind], blob_str(blob, record->shown),
		    record->flags & LLPB_B_TREE ? " and beneath" : "", *source ? " of " : "", source);
	}
}

void say_plan(const struct policy *policy)
{
	static const char *const how[LLPB_MECHANISMS] = {"NOT COVERED", "landlock", "seccomp", "namespace", "broker"};
	const struct blob *blob = &policy->blob;
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[policy->plan * blob->nlayers];
	char buffer[PATH_SIZE];

	msg(1, "policy \"%s\" from \"%s\" by %s", blob_str(blob, blob->meta->name),
	    blob_str(blob, blob->meta->source), blob_str(blob, blob->meta->compiler));
	msg(1, "kernel Landlock ABI %u, applied %u, plan %u", policy->host_abi, policy->abi, policy->plan);
	for (uint32_t i = 0; i < blob->nguarantees; i++)
		msg(1, "guarantee %s: %s", blob_str(blob, blob->guarantees[i].name),
		    how[blob->guarantees[i].mechanism[policy->plan]]);
	for (uint32_t i = 0; i < blob->nlosses; i++)
		if (blob->losses[i].first <= policy->plan && policy->plan <= blob->losses[i].last)
			msg(1, "loss: %s", blob_str(blob, blob->losses[i].text));
	for (uint32_t i = 0; i < blob->nlayers; i++)
		msg(1, "layer %u handles:%s", i,
		    names(buffer, attr[i].handled_access_fs, attr[i].handled_access_net, attr[i].scoped, 0));
	for (uint32_t i = 0; i < blob->nports; i++)
		msg(1, "layer %u port %u:%s", blob->ports[i].layer, (uint32_t)blob->ports[i].attr.port,
		    names(buffer, 0,
			  blob->ports[i].attr.allowed_access & attr[blob->ports[i].layer].handled_access_net, 0, 0));
	if (blob->nmounts)
		say_view(blob);
	say_broker(blob);
	msg(1, "filter: %u instructions", policy->filter ? policy->filter->count : 0);
	msg(1, "capabilities dropped:%s; descriptors: %s", names(buffer, 0, 0, 0, blob->process->drop_caps),
	    blob->process->flags & LLPB_PROC_CLOSE_FDS ? "closed but for the kept ones" : "inherited");
}
