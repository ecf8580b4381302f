/* SPDX-License-Identifier: MIT */
/*
 * Reading the kernel's audit records (security/landlock/audit.c):
 *
 *	LANDLOCK_ACCESS audit(TIME:SERIAL): domain=ID blockers=fs.read_file path="/x" …	one or two for a denial
 *	LANDLOCK_DOMAIN audit(TIME:SERIAL): domain=ID status=allocated … pid=N exe="…"	once, with a domain's first denial
 *	SYSCALL audit(TIME:SERIAL): … pid=N comm="…" exe="…"				whose call it was
 *	LANDLOCK_DOMAIN audit(TIME:SERIAL): domain=ID status=deallocated denials=N
 *
 * Records of one serial number belong together; the domain's own comes after its first denial. A text is in quotes, or,
 * when it holds a quote or anything that does not print, in hexadecimal digits (kernel/audit.c,
 * audit_log_n_untrustedstring()): no value holds a space, and nothing that a process names itself can look like a field.
 *
 * MUST take only denials of the domains that this run's child has made; the host's other records are nobody's business here.
 */
#include "check.h"
#include "denials.h"

#define LINE   9216 /* AUDIT_MESSAGE_TEXT_MAX, 8560, and a header */
#define LINES  4
#define EVENTS 4

/* Records of one serial number. */
struct event {
	char serial[48]; /* "audit(TIME:SERIAL):"; "": free */
	uint32_t lines, age; /* age: batches it has waited for */
	char access[LINES][LINE];
	char syscall[LINE];
};

struct domain {
	char id[20];
	uint64_t seen;
	int gone;
};

struct denials {
	int fd;
	uint32_t ndomains;
	struct places places;
	char exe[PATH_SIZE]; /* this program: whoever makes the domains of the run */
	struct domain domains[K_LANDLOCK_MAX_LAYERS];
	struct event events[EVENTS];
	char line[LINE + sizeof(struct k_nlmsghdr)] __attribute__((aligned(8)));
};

/* ---- text ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Where the value of key=… begins, or NULL. Values end at a space. */
static const char *find(const char *text, const char *key)
{
	while (*text) {
		const char *value = env_value(text, key);

		if (value)
			return value;
		while (*text && *text++ != ' ')
			;
	}
	return NULL;
}

/* A plain value, copied. */
static const char *word(const char *text, const char *key, char *out, uint32_t size)
{
	const char *value = find(text, key);
	uint32_t len = 0;

	for (; value && value[len] && value[len] != ' ' && len < size - 1; len++)
		out[len] = value[len];
	out[len] = 0;
	return value ? out : NULL;
}

/* A text of unknown origin, decoded. The name of an abstract socket begins with '@' here, not with NUL. */
static const char *decoded(const char *text, const char *key, char out[PATH_SIZE])
{
	const char *at = find(text, key);
	uint32_t len = 0;

	/* "(null)" */
	if (!at || (*at != '"' && digit(*at) < 0))
		return NULL;
	if (*at == '"')
		for (at++; *at && *at != '"' && len < PATH_SIZE - 1; at++)
			out[len++] = *at;
	else
		for (; digit(at[0]) >= 0 && digit(at[1]) >= 0 && len < PATH_SIZE - 1; at += 2)
			out[len++] = (char)(digit(at[0]) << 4 | digit(at[1]));
	out[len] = 0;
	if (len && !*out)
		*out = '@';
	return out;
}

static int64_t whole(const char *text, const char *key)
{
	const char *value = find(text, key);
	uint32_t result;

	return value && number(value, &result) ? (int64_t)result : AUDIT_NONE;
}

/* ---- domains ---- */

/* The parent of a process, or 0. The name before it may hold anything, parentheses included: look for the last one. */
static uint32_t parent_of(uint32_t pid)
{
	char path[32], digits[12], stat[512];
	uint32_t parent, len = append(path, sizeof(path), 0, "/proc/");
	const char *end = NULL;

	append(path, sizeof(path), append(path, sizeof(path), len, decimal(digits, pid)), "/stat");
	long fd = SYS(openat, K_AT_FDCWD, path, K_O_RDONLY | K_O_CLOEXEC);
	long size = fd < 0 ? 0 : SYS(read, fd, stat, sizeof(stat) - 1);
	if (fd >= 0)
		SYS(close, fd);
	stat[size > 0 ? size : 0] = 0;
	for (const char *at = stat; *at; at++)
		if (*at == ')')
			end = at;
	/* ") S PPID " */
	return end && end[1] && end[2] && end[3] && number(end + 4, &parent) ? parent : 0;
}

/*
 * The process that becomes the command. With a PID namespace that is a child of the job's, which makes no other but its
 * init (runtime/init.c); what the command leaves behind becomes init's.
 */
static int is_ours(const struct job *job, uint32_t pid)
{
	const struct blob *blob = &job->policy->blob;
	int apart = blob->nmounts && blob->mounts->spaces & K_CLONE_NEWPID;

	return (apart ? parent_of(pid) : pid) == (uint32_t)job->child;
}

static struct domain *known(struct denials *denials, const char *id)
{
	for (uint32_t i = 0; i < denials->ndomains; i++)
		if (streq(denials->domains[i].id, id))
			return &denials->domains[i];
	return NULL;
}

/*
 * A domain that this program's child has made before it executed the command. One that the command makes for itself has
 * another exe, or, where it runs this program in turn, was made by another process: its denials are not the policy's,
 * and must not take the places of those that are.
 */
static void meet(struct job *job, const char *id, const char *record)
{
	struct denials *denials = job->denials;
	int64_t pid = whole(record, "pid");
	char exe[PATH_SIZE];

	if (known(denials, id) || denials->ndomains == K_LANDLOCK_MAX_LAYERS || pid < 0 ||
	    !is_ours(job, (uint32_t)pid) || !decoded(record, "exe", exe) || !streq(exe, denials->exe))
		return;
	append(denials->domains[denials->ndomains].id, sizeof(denials->domains->id), 0, id);
	denials->ndomains++;
}

/* ---- from records to ours ---- */

/* "fs.read_file,net.bind_tcp": the rights as bits, and as words for the log. */
static void blockers(char *text, struct denial *denial)
{
	for (char *at = text; *at;) {
		char *end = at;

		while (*end && *end != ',')
			end++;
		int more = *end;
		*end = 0;
#define LL_FS(name, bit, abi, kind, help)                                                                            \
	if (streq(at, "fs." #name))                                                                                  \
		denial->fs |= UINT64_C(1) << (bit);
#define LL_NET(name, bit, abi, help)                                                                                 \
	if (streq(at, "net." #name))                                                                                 \
		denial->net |= UINT64_C(1) << (bit);
#define LL_SCOPE(name, bit, abi, help)                                                                               \
	if (streq(at, "scope." #name))                                                                               \
		denial->scope |= UINT64_C(1) << (bit);
#include "access.def"
		*end = more ? ' ' : 0;
		at = more ? end + 1 : end;
	}
}

static const char *needed(const struct denial *denial, char out[PATH_SIZE])
{
	return denial->fs | denial->net ? names(out, denial->fs, denial->net, 0, 0) : NULL;
}

/* "PID NAME" of the process that a signal or trace was for. */
static const char *other(const char *record, char out[PATH_SIZE])
{
	char name[PATH_SIZE];
	uint32_t len;

	if (!word(record, "opid", out, 32))
		return NULL;
	for (len = 0; out[len]; len++)
		;
	if (decoded(record, "ocomm", name))
		append(out, PATH_SIZE, append(out, PATH_SIZE, len, " "), name);
	return out;
}

static void report(struct job *job, const struct event *event, const char *record, const char *id)
{
	char blocked[512], path[PATH_SIZE], object[PATH_SIZE], address[64], comm[PATH_SIZE], exe[PATH_SIZE],
		rights[PATH_SIZE];
	const struct blob *blob = &job->policy->blob;
	struct denial denial = {.path = decoded(record, "path", path), .port = whole(record, "dest")};
	struct nearest near;

	if (denial.port < 0)
		denial.port = whole(record, "src");
	word(record, "blockers", blocked, sizeof(blocked));
	blockers(blocked, &denial);
	int found = nearest_rule(&job->denials->places, &denial, &near);
	const struct llpb_source *source = near.source >= 0 && blob->source ? &blob->source[near.source] : NULL;
	const char *from = word(record, "daddr", address, sizeof(address));
	if (!from)
		from = word(record, "saddr", address, sizeof(address));
	audit_event(job->audit, KERNEL_DENIAL, AUDIT_TEXT(DOMAIN, id), AUDIT_TEXT(BLOCKERS, blocked),
		    AUDIT_NUMBER(PID, whole(event->syscall, "pid")),
		    AUDIT_TEXT(COMM, decoded(event->syscall, "comm", comm)),
		    AUDIT_TEXT(EXE, decoded(event->syscall, "exe", exe)), AUDIT_TEXT(PATH, denial.path),
		    AUDIT_NUMBER(PORT, denial.port), AUDIT_TEXT(ADDRESS, from),
		    AUDIT_TEXT(OBJECT, other(record, object)), AUDIT_NUMBER(LAYER, found ? near.layer : AUDIT_NONE),
		    AUDIT_TEXT(NEEDS, needed(&denial, rights)), AUDIT_TEXT(NEAREST, near.path),
		    AUDIT_TEXT(FILE, source ? blob_str(blob, source->file) : NULL),
		    AUDIT_NUMBER(LINE, source ? source->line : AUDIT_NONE));
}

/* ---- events ---- */

static void finish(struct job *job, struct event *event)
{
	char id[20];

	for (uint32_t i = 0; i < event->lines; i++) {
		struct domain *domain =
			word(event->access[i], "domain", id, sizeof(id)) ? known(job->denials, id) : NULL;

		if (!domain)
			continue;
		domain->seen++;
		report(job, event, event->access[i], id);
	}
	event->serial[0] = 0;
	event->lines = event->age = 0;
	event->syscall[0] = 0;
}

/* The slot of a serial number; the oldest makes room for a new one. */
static struct event *event_of(struct job *job, const char *serial, int make)
{
	struct event *events = job->denials->events, *use = events;

	for (uint32_t i = 0; i < EVENTS; i++)
		if (streq(events[i].serial, serial))
			return &events[i];
	if (!make)
		return NULL;
	for (uint32_t i = 0; i < EVENTS; i++)
		if (!events[i].serial[0] || events[i].age > use->age)
			use = &events[i];
	finish(job, use);
	append(use->serial, sizeof(use->serial), 0, serial);
	return use;
}

static void domain_record(struct job *job, const char *record)
{
	char id[20], status[16];

	if (!word(record, "domain", id, sizeof(id)) || !word(record, "status", status, sizeof(status)))
		return;
	struct domain *domain = known(job->denials, id);
	int64_t count = whole(record, "denials");
	if (streq(status, "allocated"))
		meet(job, id, record);
	else if (domain && !domain->gone) {
		domain->gone = 1;
		if (count > (int64_t)domain->seen)
			audit_event(job->audit, KERNEL_LOST,
				    AUDIT_TEXT(REASON, "the kernel has counted more denials"),
				    AUDIT_NUMBER(COUNT, count - (int64_t)domain->seen));
	}
}

static void take(struct job *job, uint32_t type, const char *record)
{
	struct event *event;
	char serial[48];
	uint32_t len = 0;

	for (; record[len] && record[len] != ' ' && len < sizeof(serial) - 1; len++)
		serial[len] = record[len];
	serial[len] = 0;
	if (type == K_AUDIT_LANDLOCK_ACCESS) {
		event = event_of(job, serial, 1);
		if (event->lines < LINES)
			append(event->access[event->lines++], LINE, 0, record);
	} else if (type == K_AUDIT_LANDLOCK_DOMAIN) {
		domain_record(job, record);
	} else if ((type == K_AUDIT_SYSCALL || type == K_AUDIT_EOE) && (event = event_of(job, serial, 0))) {
		if (type == K_AUDIT_SYSCALL)
			append(event->syscall, LINE, 0, record);
		else
			finish(job, event);
	}
}

/* Where the kernel has no record of the call, an event has no end: it has one batch's time to get it. */
void denials_ready(struct job *job, int fd)
{
	struct denials *denials = job->denials;
	struct k_nlmsghdr header;
	long size;

	while ((size = SYS(recvfrom, fd, denials->line, sizeof(denials->line) - 1, K_MSG_DONTWAIT)) > 0) {
		denials->line[size] = 0;
		header = *(const struct k_nlmsghdr *)(const void *)denials->line;
		if (size > (long)sizeof(header))
			take(job, header.type, denials->line + sizeof(header));
	}
	if (size == -K_ENOBUFS)
		audit_event(job->audit, KERNEL_LOST, AUDIT_TEXT(REASON, "more records at once than could be read"));
	for (uint32_t i = 0; i < EVENTS; i++)
		if (denials->events[i].serial[0] && denials->events[i].age++)
			finish(job, &denials->events[i]);
}

/* ---- begin and end ---- */

/* 1 or 0, or -1 when the kernel does not say: that takes CAP_AUDIT_CONTROL. */
static int is_enabled(void)
{
	const struct k_nlmsghdr ask = {sizeof(ask), K_AUDIT_GET, K_NLM_F_REQUEST, 1, 0};
	struct {
		struct k_nlmsghdr header;
		struct k_audit_status status;
		uint32_t rest[32];
	} answer;
	const struct k_timespec second = {1, 0};
	int enabled = -1;
	long fd = SYS(socket, K_AF_NETLINK, K_SOCK_RAW | K_SOCK_CLOEXEC, K_NETLINK_AUDIT);
	struct k_pollfd poll = {(int)fd, K_POLLIN, 0};

	if (fd < 0)
		return -1;
	if (SYS(sendto, fd, &ask, sizeof(ask)) == sizeof(ask) && SYS(ppoll, &poll, 1, &second, 0) == 1 &&
	    SYS(recvfrom, fd, &answer, sizeof(answer), K_MSG_DONTWAIT) >= (long)sizeof(answer) - 128 &&
	    answer.header.type == K_AUDIT_GET)
		enabled = answer.status.enabled != 0;
	SYS(close, fd);
	return enabled;
}

/* A socket that gets the kernel's records, or why there is none. */
static long listen(const struct policy *policy, const char **why)
{
	const struct k_sockaddr_nl address = {.family = K_AF_NETLINK, .groups = K_AUDIT_GROUP_READLOG};
	const int room = 1 << 20;

	*why = policy->abi < 7         ? "this kernel's Landlock does not log (ABI 7, Linux 6.15)"
	       : !policy->blob.nlayers ? "the policy has no Landlock layer"
				       : NULL;
	if (*why)
		return 0;
	long fd = SYS(socket, K_AF_NETLINK, K_SOCK_RAW | K_SOCK_CLOEXEC, K_NETLINK_AUDIT);
	long result = fd < 0 ? fd : SYS(bind, fd, &address, sizeof(address));
	*why = result == -K_EPERM ? "reading the kernel's audit log is not permitted (CAP_AUDIT_READ)"
				  : "the kernel's audit log cannot be read";
	if (result >= 0) {
		SYS(setsockopt, fd, K_SOL_SOCKET, K_SO_RCVBUF, &room, sizeof(room));
		return fd;
	}
	if (fd >= 0)
		SYS(close, fd);
	return result;
}

int denials_open(struct job *job, struct llrun_error *error)
{
	const char *why;
	long fd, len;

	if (!job->audit)
		return 0;
	fd = listen(job->policy, &why);
	int enabled = fd > 0 ? is_enabled() : -1;
	if (fd > 0)
		why = enabled == 1   ? "the kernel logs what it denies"
		      : enabled == 0 ? "auditing is switched off in the kernel (auditctl -e 1)"
				     : "whether auditing is on in the kernel cannot be told (CAP_AUDIT_CONTROL)";
	audit_event(job->audit, KERNEL_LOG, AUDIT_NUMBER(AVAILABLE, fd > 0 && enabled != 0), AUDIT_TEXT(REASON, why),
		    AUDIT_ERRNO(fd));
	/* switched off: nothing to listen to, and nothing to wait for at the end */
	if (fd > 0 && enabled == 0)
		SYS(close, fd);
	if (fd <= 0 || enabled == 0)
		return 0;
	long memory =
		SYS(mmap, 0, sizeof(*job->denials), K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1);
	if (memory < 0 && memory > -4096)
		return check_sys(error, "mmap", memory, NULL);
	job->denials = (struct denials *)memory;
	job->denials->fd = (int)fd;
	len = SYS(readlinkat, K_AT_FDCWD, "/proc/self/exe", job->denials->exe, PATH_SIZE - 1);
	if (check_sys(error, "readlinkat", len, "/proc/self/exe") < 0 ||
	    places_find(&job->denials->places, job->policy, &job->run->options, error) < 0)
		return -1;
	job_watch(job, (int)fd, denials_ready);
	return 0;
}

enum { MOMENTS = 20, WAKEUPS = 2000 };

/*
 * Records come through a thread of the kernel, later than what they tell of. A domain's last record is that of its end,
 * which comes when its last process is gone; where none was seen, a moment is all that can be given. While there is
 * something to read it is not silence that is waited for: that thread may be slow; but others' records never end.
 */
void denials_close(struct job *job)
{
	struct denials *denials = job->denials;
	uint32_t gone = 0;

	for (uint32_t moments = 0, wakeups = 0; denials && moments < MOMENTS && wakeups < WAKEUPS; wakeups++) {
		const struct k_timespec moment = {0, 50000000};
		struct k_pollfd poll = {denials->fd, K_POLLIN, 0};
		long ready = SYS(ppoll, &poll, 1, &moment, 0);

		moments = ready > 0 ? 0 : moments + 1;
		denials_ready(job, denials->fd);
		gone = 0;
		for (uint32_t i = 0; i < denials->ndomains; i++)
			gone += (uint32_t)denials->domains[i].gone;
		if (gone == denials->ndomains && (gone || ready == 0))
			break;
	}
	for (uint32_t i = 0; denials && i < EVENTS; i++)
		finish(job, &denials->events[i]);
	/* the thread is slower still, somebody has switched auditing off, or what the command had open is open elsewhere */
	if (denials && gone < denials->ndomains)
		audit_event(
			job->audit, KERNEL_LOST,
			AUDIT_TEXT(REASON, "the kernel has not told of the domain's end: records may be missing"));
}
