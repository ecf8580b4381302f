/* SPDX-License-Identifier: MIT */
/*
 * The records of calls that change something. A record comes before what it tells of: the log may be at its end by the
 * time, which the command can bring about (a limit on file sizes that it sets for us with prlimit(2)), and what was
 * published cannot be called back. What is known to fail is not done, and one record says so; what fails unforeseen has
 * two.
 */
#include "audit.h"
#include "broker.h"

static int write_told(struct request *r, const struct told *told, const char *decision, long result)
{
	const struct audit_value values[] = {AUDIT_NUMBER(PID, r->notif.pid),
					     AUDIT_TEXT(SYSCALL, told->syscall),
					     AUDIT_TEXT(SCOPE, told->scope),
					     AUDIT_TEXT(OPERATION, told->operation),
					     {.field = told->fields[0], .text = told->texts[0]},
					     {.field = told->fields[1], .text = told->texts[1]},
					     AUDIT_TEXT(DECISION, decision),
					     AUDIT_ERRNO(result)};

	return audit_write(r->broker->job->audit, told->event, values, sizeof(values) / sizeof(values[0]));
}

long tell_before(struct request *r, const struct told *told, long result)
{
	return write_told(r, told, result < 0 ? "error" : "allow", result) < 0 ? -K_EACCES : result;
}

long tell_after(struct request *r, const struct told *told, long result)
{
	if (result < 0)
		write_told(r, told, "error", result);
	return result;
}

long tell_denied(struct request *r, const struct told *told, long result)
{
	write_told(r, told, "deny", result);
	return result;
}

int can_tell(const struct request *r, const struct told *told)
{
	const struct audit_value texts[] = {{.field = told->fields[0], .text = told->texts[0]},
					    {.field = told->fields[1], .text = told->texts[1]}};

	/* a name that fills its space may have been cut before it came here */
	for (uint32_t i = 0; r->broker->job->audit && i < 2; i++)
		for (uint32_t len = 0; told->texts[i] && told->texts[i][len]; len++)
			if (len == PATH_SIZE - 2)
				return 0;
	return audit_fits(r->broker->job->audit, told->event, texts, 2);
}

const char *told_name(struct request *r, int dir, const char *leaf, uint32_t which)
{
	char *out = r->names[which];

	if (!r->broker->job->audit)
		return "";
	uint32_t len = append(out, PATH_SIZE, 0, show(r, dir));
	append(out, PATH_SIZE, append(out, PATH_SIZE, len, "/"), leaf);
	return out;
}
