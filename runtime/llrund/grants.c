/* SPDX-License-Identifier: MIT */
/* What the log says about a policy: what this kernel will enforce, rule by rule; and why a command was not started. */
#include "audit.h"
#include "check.h"

int audit_refusal(struct audit *audit, const struct run *run, const struct llrun_error *error, int status)
{
	const char *reason = error->text && *error->text ? error->text : "a system call failed";

	return audit_event(audit, RUN_REFUSED, AUDIT_NUMBER(STATUS, status), AUDIT_TEXT(REASON, reason),
			   AUDIT_TEXT(OBJECT, error->object), AUDIT_TEXT(SYSCALL, error->sys),
			   AUDIT_NUMBER(ERRNO, error->err ? error->err : AUDIT_NONE), AUDIT_TEXT(FILE, error->file),
			   AUDIT_NUMBER(LINE, error->file ? error->line : AUDIT_NONE),
			   AUDIT_TEXT(POLICY_FILE, run->blob),
			   AUDIT_TEXT(ARGV0, run->command ? *run->command : NULL));
}

static const char *rights(char out[PATH_SIZE], uint64_t fs, uint64_t net, uint64_t scope, uint64_t caps)
{
	return fs | net | scope | caps ? names(out, fs, net, scope, caps) : "";
}

static const char *source_file(const struct blob *blob, uint32_t i)
{
	return blob->source ? blob_str(blob, blob->source[i].file) : NULL;
}

static int64_t source_line(const struct blob *blob, uint32_t i)
{
	return blob->source ? blob->source[i].line : AUDIT_NONE;
}

static void uncovered(struct audit *audit, const struct policy *policy)
{
	struct llrun_error lost;

	for (uint32_t next = 0; llrun_uncovered((const void *)policy, &next, &lost);)
		audit_event(audit, GRANT_UNCOVERED, AUDIT_TEXT(GUARANTEE, lost.object), AUDIT_TEXT(REASON, lost.text),
			    AUDIT_TEXT(FILE, lost.file), AUDIT_NUMBER(LINE, lost.file ? lost.line : AUDIT_NONE));
}

static void layer(struct audit *audit, uint32_t number, const struct k_landlock_ruleset_attr *attr)
{
	char fs[PATH_SIZE], net[PATH_SIZE], scoped[PATH_SIZE];

	audit_event(audit, GRANT_LAYER, AUDIT_NUMBER(LAYER, number),
		    AUDIT_TEXT(FS, rights(fs, attr->handled_access_fs, 0, 0, 0)),
		    AUDIT_TEXT(NET, rights(net, 0, attr->handled_access_net, 0, 0)),
		    AUDIT_TEXT(SCOPED, rights(scoped, 0, 0, attr->scoped, 0)));
}

static void port(struct audit *audit, const struct blob *blob, uint32_t i, uint64_t handled)
{
	const struct llpb_port *row = &blob->ports[i];
	char buffer[PATH_SIZE];

	audit_event(audit, GRANT_PORT, AUDIT_NUMBER(LAYER, row->layer), AUDIT_NUMBER(PORT, (int64_t)row->attr.port),
		    AUDIT_TEXT(ACCESS, rights(buffer, 0, row->attr.allowed_access & handled, 0, 0)),
		    AUDIT_TEXT(FILE, source_file(blob, blob->npaths + i)),
		    AUDIT_NUMBER(LINE, source_line(blob, blob->npaths + i)));
}

int audit_grants(struct audit *audit, const struct policy *policy)
{
	const struct blob *blob = &policy->blob;
	const struct k_landlock_ruleset_attr *attr = &blob->rulesets[policy->plan * blob->nlayers];
	char buffer[PATH_SIZE];

	if (!audit)
		return 0;
	audit_event(audit, GRANT_PLAN, AUDIT_NUMBER(HOST_ABI, policy->host_abi), AUDIT_NUMBER(ABI, policy->abi),
		    AUDIT_NUMBER(PLAN, policy->plan), AUDIT_NUMBER(LAYERS, blob->nlayers),
		    AUDIT_NUMBER(RULES, blob->npaths), AUDIT_NUMBER(PORTS, blob->nports),
		    AUDIT_NUMBER(FILTER, policy->filter ? policy->filter->count : 0),
		    AUDIT_TEXT(DROPPED, rights(buffer, 0, 0, 0, blob->process->drop_caps)));
	uncovered(audit, policy);
	for (uint32_t i = 0; i < blob->nlayers; i++)
		layer(audit, i, &attr[i]);
	for (uint32_t i = 0; i < blob->nports; i++)
		port(audit, blob, i, attr[blob->ports[i].layer].handled_access_net);
	return audit_failed(audit) ? -1 : 0;
}

/* In the child, before the command: a record that cannot be written ends it here. */
void audit_rule(const struct policy *policy, uint32_t rule, uint64_t access, int missing)
{
	const struct blob *blob = &policy->blob;
	struct audit *audit = ((const struct audited *)(const void *)policy)->audit;
	char buffer[PATH_SIZE];

	if (audit_event(audit, GRANT_RULE, AUDIT_NUMBER(LAYER, blob->paths[rule].layer),
			AUDIT_TEXT(PATH, blob_str(blob, blob->paths[rule].shown)),
			AUDIT_TEXT(ACCESS, rights(buffer, access, 0, 0, 0)), AUDIT_NUMBER(PRESENT, !missing),
			AUDIT_TEXT(FILE, source_file(blob, rule)), AUDIT_NUMBER(LINE, source_line(blob, rule))) < 0)
		for (;;)
			SYS(exit_group, EXIT_REFUSED);
}

/* In the child, too, and in its own view: the log is a descriptor. */
int audit_mount(const struct policy *policy, uint32_t i, int result, const struct llrun_error *error)
{
	const struct blob *blob = &policy->blob;
	const struct llpb_mount *mount = &blob->mounts[i];
	struct audit *audit = ((const struct audited *)(const void *)policy)->audit;
	const char *source = blob_str(blob, mount->shown_source), *target = blob_str(blob, mount->shown_target);
	const char *decision = result < 0 ? "error" : "allow";
	const struct audit_value pid = AUDIT_NUMBER(PID, SYS(getpid, 0)),
				 path = AUDIT_TEXT(PATH, i ? target : source),
				 decided = AUDIT_TEXT(DECISION, decision),
				 number = AUDIT_NUMBER(ERRNO, result < 0 && error->err ? error->err : AUDIT_NONE);
	const struct audit_value from = AUDIT_TEXT(SOURCE, source), to = AUDIT_TEXT(TARGET, target),
				 read_only = AUDIT_NUMBER(READ_ONLY, !!(mount->attrs & K_MOUNT_ATTR_RDONLY));
	const struct audit_value values[] = {pid, path, from, to, read_only, decided, number};
	enum audit_event event = i == 0                         ? AUDIT_E_MOUNT_ROOT
				 : mount->kind == LLPB_MT_BIND  ? AUDIT_E_MOUNT_BIND
				 : mount->kind == LLPB_MT_TMPFS ? AUDIT_E_MOUNT_TMPFS
								: AUDIT_E_MOUNT_PROC;

	if (audit_write(audit, event, values, sizeof(values) / sizeof(values[0])) < 0)
		for (;;)
			SYS(exit_group, EXIT_REFUSED);
	return result;
}
