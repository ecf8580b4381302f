/* SPDX-License-Identifier: MIT */
/*
 * Warm rulesets.
 *
 * A ruleset holds the files that its paths named when it was filled. It is right as long as every name on the way is
 * what it was: each directory on the way is watched by inotify, for that name; mounts by polling mountinfo. Both queue
 * their news before the call that makes them returns, so that whoever changes a path and then asks for a run gets what
 * a direct run would get.
 *
 * MUST NOT keep what cannot be watched: file systems whose changes come from elsewhere, or whose names mean something
 * else to another process (/proc/self), "..", directories that may not be read.
 * MUST NOT use a ruleset before the news are read.
 * MUST NOT lend a ruleset: who has its descriptor can add rules to it. They are close-on-exec, in children of our own.
 */
#include "warm.h"

#include "children.h"
#include "clone.h"

#define ENTRIES    WARM_ENTRIES
#define SEEN       64 /* small policies that are remembered by their checksums */
#define MAX_DEPS   8192
#define MAX_LINKS  40
#define VALUES     2048
#define MAX_EVENTS 256 /* looked at one by one; more spoil everything, so that nobody can keep us busy */

enum state { EMPTY, FILLING, READY, UNFIT };

/* A name in a watched directory. */
struct dep {
	int watch;
	uint32_t name; /* hash */
};

struct entry {
	uint32_t state; /* enum state; the filler's last word */
	int dirty; /* mounts have changed while it was being filled */
	uint32_t used; /* grows with every use of any */
	int cwd; /* its own descriptor: the inode number is not given to another */
	struct identity cwd_id;
	uint64_t cwd_mount;
	int cwd_matters;
	uint32_t parked; /* children that it is to have; 0: no job has used it, none is expected */
	uint32_t asked; /* jobs that have used it since warm_served() */
	struct proto_request request;
	char *payload; /* a copy, mapped */
	char values[VALUES]; /* of the slots, NUL-terminated each */
	struct policy policy;
	uint32_t ndeps;
	struct dep deps[MAX_DEPS];
};

static struct {
	struct board *board;
	struct entry entries[ENTRIES];
	int inotify, mounts, parent;
	uint32_t clock, filling; /* the kernel clears `filling` when the filler is gone */
	int filler; /* process id of the last one; 0: it has been reaped */
	char *stack;
	uint64_t seen[SEEN];
	uint32_t nseen;
} warm;

#define FILLER_STACK (1u << 20)

static uint32_t hash(const char *name, uint32_t size)
{
	uint32_t sum = 2166136261u;

	for (uint32_t i = 0; i < size && name[i]; i++)
		sum = (sum ^ (unsigned char)name[i]) * 16777619u;
	return sum;
}

/* ---- what an entry is for ---- */

/* Values of the slots, one behind the other; 0 when they do not fit. *relative: they depend on the directory. */
static int slot_values(const struct blob *blob, const struct llrun_options *options, char out[VALUES], int *relative)
{
	uint32_t len = 0;

	*relative = 0;
	for (uint32_t i = 0; i < blob->nslots; i++) {
		const char *value = slot_value(blob, &blob->slots[i], options);

		*relative |= *value != '/';
		len = append(out, VALUES, len, value) + 1;
		if (len >= VALUES)
			return 0;
	}
	return 1;
}

/* What was given for slots has been found right for the entry: the same, in the same order, is right again. */
static int same_sets(const struct entry *entry, const struct run *run)
{
	const char *at = entry->payload + entry->request.blob_size;

	for (uint32_t i = 0; i < 1 + entry->request.nargs; i++)
		at = proto_next(at);
	for (uint32_t i = 0; i < run->nsets; i++, at = proto_next(at))
		if (!streq(run->sets[i], at))
			return 0;
	return 1;
}

static int same_values(const struct entry *entry, const struct start *start)
{
	const struct blob *blob = &entry->policy.blob;
	const struct proto_request *request = &start->request.run;
	char values[VALUES];
	struct run run;
	int relative;

	if (request->nsets != entry->request.nsets)
		return 0;
	if (!blob->nslots && !request->nsets)
		return 1;
	const char **words = __builtin_alloca((request->nargs + request->nenv + 2) * sizeof(*words));
	start_describe(request, start->payload, &run, words);
	if (!same_sets(entry, &run))
		return 0;
	if (!slot_values(blob, &run.options, values, &relative))
		return 0;
	const char *a = values, *b = entry->values;
	for (uint32_t i = 0; i < blob->nslots; i++, a = proto_next(a), b = proto_next(b))
		if (!streq(a, b))
			return 0;
	return 1;
}

static int same_directory(const struct entry *entry, int cwd)
{
	struct k_statx file;

	if (!entry->cwd_matters)
		return 1;
	if (SYS(statx, cwd, "", K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC, K_STATX_BASIC_STATS | K_STATX_MNT_ID, &file) <
	    0)
		return 0;
	const struct identity id = identity_of(&file);
	return same_file(&id, &entry->cwd_id) && file.mask & K_STATX_MNT_ID && file.spare[0] == entry->cwd_mount;
}

static int is_for(const struct entry *entry, const struct start *start)
{
	const struct proto_request *a = &entry->request, *b = &start->request.run;

	return a->blob_size == b->blob_size && a->as_abi == b->as_abi && !((a->flags ^ b->flags) & PROTO_F_AS_ABI) &&
	       same_words(entry->payload, start->payload, a->blob_size) && same_values(entry, start) &&
	       same_directory(entry, start->fds[START_CWD]);
}

/* ---- forgetting ---- */

static void count(int more)
{
	__atomic_add_fetch(&warm.board->warm_entries, (uint32_t)more, __ATOMIC_RELAXED);
}

static int watched_by_other(const struct entry *but, int watch)
{
	for (uint32_t e = 0; e < ENTRIES; e++)
		for (uint32_t i = 0; &warm.entries[e] != but && i < warm.entries[e].ndeps; i++)
			if (warm.entries[e].state != EMPTY && warm.entries[e].deps[i].watch == watch)
				return 1;
	return 0;
}

/* The memory of an entry in use stays until nobody uses it; its rulesets are the children's own copies by then. */
static void forget(struct entry *entry)
{
	if (entry->state == EMPTY || entry->state == FILLING)
		return;
	parked_end(&entry->policy);
	if (child_uses(&entry->policy))
		return;
	llrun_release((struct llrun_policy *)&entry->policy);
	for (uint32_t i = 0; i < entry->ndeps; i++)
		if ((i == 0 || entry->deps[i].watch != entry->deps[i - 1].watch) &&
		    !watched_by_other(entry, entry->deps[i].watch))
			SYS(inotify_rm_watch, warm.inotify, entry->deps[i].watch);
	if (entry->payload)
		SYS(munmap, entry->payload, entry->request.payload_size);
	if (entry->cwd >= 0)
		SYS(close, entry->cwd);
	if (entry->state == READY)
		count(-1);
	entry->payload = NULL;
	entry->ndeps = 0;
	entry->state = EMPTY;
}

/* No longer right: the next run fills anew. What still uses it keeps what it has, as a direct run does. */
static void spoil(struct entry *entry)
{
	if (entry->state == READY) {
		entry->state = UNFIT;
		count(-1);
		entry->dirty = 1;
	}
}

static void take_event(const struct k_inotify_event *event, int too_many)
{
	uint32_t name = hash((const char *)(event + 1), event->size);

	if (event->mask & K_IN_IGNORED)
		return;
	for (uint32_t e = 0; e < ENTRIES; e++)
		for (uint32_t i = 0; i < warm.entries[e].ndeps && warm.entries[e].state == READY; i++) {
			const struct dep *dep = &warm.entries[e].deps[i];

			/* without a name: the directory itself has changed */
			if (too_many || event->mask & K_IN_Q_OVERFLOW ||
			    (dep->watch == event->wd && (!event->size || dep->name == name)))
				spoil(&warm.entries[e]);
		}
}

/*
 * The news since the last time. While an entry is being filled its names are not all known yet: its news wait in the
 * queue, and whether there are some is all that can be said of the others. 0: nothing is certain now.
 */
static int read_news(void)
{
	struct k_pollfd fds[] = {{warm.inotify, K_POLLIN, 0}, {warm.mounts, K_POLLPRI, 0}};
	const struct k_timespec now = {0, 0};
	char buffer[8192] __attribute__((aligned(8)));

	SYS(ppoll, fds, 2, &now);
	for (uint32_t e = 0; e < ENTRIES && fds[1].revents; e++) {
		spoil(&warm.entries[e]);
		warm.entries[e].dirty |= warm.entries[e].state == FILLING;
	}
	if (!fds[0].revents)
		return 1;
	for (uint32_t e = 0; e < ENTRIES; e++)
		if (__atomic_load_n(&warm.entries[e].state, __ATOMIC_ACQUIRE) == FILLING)
			return 0;
	uint32_t events = 0;
	for (long size; (size = SYS(read, warm.inotify, buffer, sizeof(buffer))) > 0 && events < 2 * MAX_EVENTS;)
		for (long at = 0; at < size; events++) {
			const struct k_inotify_event *event = (const void *)(buffer + at);

			take_event(event, events >= MAX_EVENTS);
			at += (long)(sizeof(*event) + event->size);
		}
	return events < 2 * MAX_EVENTS;
}

/* ---- filling: the filler ---- */

/* Local file systems, whose every change passes through this kernel's directory operations (linux/magic.h). */
static int tells_changes(const char *dir)
{
	static const uint32_t known[] = {0xef53 /* ext4 */,
					 0x58465342 /* xfs */,
					 0x9123683e /* btrfs */,
					 0x01021994 /* tmpfs */,
					 0xf2f52010 /* f2fs */,
					 0xca451a4e /* bcachefs */,
					 0x2fc12fc1 /* zfs */,
					 0x858458f6 /* ramfs */,
					 0xe0f5e1e2 /* erofs */,
					 0x73717368 /* squashfs */,
					 0x794c7630 /* overlayfs */};
	uint64_t statfs[15] = {0}; /* the first word is the type */

	if (SYS(statfs, dir, statfs) < 0)
		return 0;
	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((uint32_t)statfs[0] == known[i])
			return 1;
	return 0;
}

static int watch_name(struct entry *entry, const char *dir, const char *name, uint32_t size)
{
	const uint32_t mask = K_IN_ATTRIB | K_IN_CREATE | K_IN_DELETE | K_IN_MOVED_FROM | K_IN_MOVED_TO |
			      K_IN_DELETE_SELF | K_IN_MOVE_SELF | K_IN_ONLYDIR;
	long watch = SYS(inotify_add_watch, warm.inotify, dir, mask);
	const struct dep dep = {(int)watch, hash(name, size)};

	if (watch < 0 || !tells_changes(dir))
		return -1;
	for (uint32_t i = 0; i < entry->ndeps; i++)
		if (entry->deps[i].watch == dep.watch && entry->deps[i].name == dep.name)
			return 0;
	if (entry->ndeps == MAX_DEPS)
		return -1;
	entry->deps[entry->ndeps++] = dep;
	return 0;
}

/*
 * Every name on the way along `rest`, from the directory in at[0..len) on, which grows; symbolic links are followed.
 * A name that does not exist is watched, too. 0 or -1.
 */
static int watch_path(struct entry *entry, char at[PATH_SIZE], uint32_t len, const char *rest)
{
	char first[PATH_SIZE], second[PATH_SIZE], target[PATH_SIZE], *now = first, *other = second;
	int links = 0;

	append(now, PATH_SIZE, 0, rest);
	for (const char *left = now; *left;) {
		uint32_t size = 0, before = len;

		while (left[size] && left[size] != '/')
			size++;
		if (size == 0 || (size == 1 && *left == '.')) {
			left += size + (left[size] == '/');
			continue;
		}
		if (size == 2 && left[0] == '.' && left[1] == '.')
			return -1;
		if (len + size + 2 >= PATH_SIZE || watch_name(entry, len ? at : "/", left, size) < 0)
			return -1;
		at[len++] = '/';
		for (uint32_t i = 0; i < size; i++)
			at[len++] = left[i];
		at[len] = 0;
		left += size;
		long got = SYS(readlinkat, K_AT_FDCWD, at, target, PATH_SIZE - 1);
		if (got == -K_ENOENT || got == -K_ENOTDIR)
			return 0;
		if (got < 0 && got != -K_EINVAL)
			return -1;
		if (got < 0)
			continue;
		/* a link: its target stands in for its name */
		target[got] = 0;
		if (++links > MAX_LINKS ||
		    append(other, PATH_SIZE, append(other, PATH_SIZE, 0, target), left) >= PATH_SIZE - 1)
			return -1;
		len = *target == '/' ? 0 : before;
		at[len] = 0;
		left = other;
		other = now;
		now = now == first ? second : first;
	}
	return 0;
}

/* "/proc/self/fd/N", where a relative value starts. */
static uint32_t put_cwd(const struct entry *entry, char at[PATH_SIZE])
{
	char digits[12];

	return append(at, PATH_SIZE, append(at, PATH_SIZE, 0, "/proc/self/fd/"),
		      decimal(digits, (uint32_t)entry->cwd));
}

/* The path of a rule as a lookup from the root goes: its anchors before it. 0 when it is too long. */
static uint32_t rule_path(const struct entry *entry, const struct llpb_path *rule, char out[PATH_SIZE], int *from_cwd)
{
	const struct blob *blob = &entry->policy.blob;
	const char *path = blob_str(blob, rule->path), *value = entry->values;
	uint32_t len = 0;
	char digits[12];

	if (rule->anchor == LLPB_ANCHOR_RULE)
		len = rule_path(entry, &blob->paths[rule->base], out, from_cwd);
	if (rule->anchor == LLPB_ANCHOR_SLOT) {
		for (uint32_t i = 0; i < rule->base; i++)
			value = proto_next(value);
		*from_cwd = *value != '/';
		len = append(out, PATH_SIZE, 0, value);
	}
	if (rule->anchor != LLPB_ANCHOR_NONE)
		len = append(out, PATH_SIZE, len, "/");
	for (; *path && len < PATH_SIZE - 12; path++) {
		const char one[2] = {*path, 0};

		len = append(out, PATH_SIZE, len, *path == 1 ? decimal(digits, (uint32_t)SYS(getuid, 0)) : one);
	}
	return *path ? 0 : len;
}

static int watch_rules(struct entry *entry)
{
	const struct blob *blob = &entry->policy.blob;
	char path[PATH_SIZE], at[PATH_SIZE];

	for (uint32_t i = 0; i < blob->npaths; i++) {
		int from_cwd = 0;
		uint32_t len = 0;

		if (!rule_path(entry, &blob->paths[i], path, &from_cwd))
			return -1;
		at[0] = 0;
		if (from_cwd)
			len = put_cwd(entry, at);
		if (watch_path(entry, at, len, path) < 0)
			return -1;
	}
	return 0;
}

static enum state fill_entry(struct entry *entry)
{
	const struct proto_request *request = &entry->request;
	const char **words = __builtin_alloca((request->nargs + request->nenv + 2) * sizeof(*words));
	struct llrun_error error;
	struct k_statx file;
	struct run run;

	start_describe(request, entry->payload, &run, words);
	/* later ones are the filler's alone */
	run.options.flags &= ~(uint32_t)LLRUN_LEAVE_FDS;
	run.options.nkeep_fds = 0;
	if (policy_open(&entry->policy, entry->payload, request->blob_size, &run.options, &error) < 0) {
		entry->policy.blob.nslots = 0;
		return UNFIT;
	}
	if (!slot_values(&entry->policy.blob, &run.options, entry->values, &entry->cwd_matters) ||
	    SYS(statx, entry->cwd, "", K_AT_EMPTY_PATH, K_STATX_BASIC_STATS | K_STATX_MNT_ID, &file) < 0 ||
	    SYS(fchdir, entry->cwd) < 0)
		return UNFIT;
	entry->cwd_id = identity_of(&file);
	entry->cwd_mount = file.spare[0];
	/* first the watches, so that nothing between them and the lookup goes unseen */
	if (watch_rules(entry) < 0)
		return UNFIT;
	/* what fails now may succeed later: not remembered */
	if (policy_fill(&entry->policy, &run.options, NULL, &error) < 0) {
		entry->dirty = 1;
		return UNFIT;
	}
	count(1);
	return READY;
}

static long filler(void *argument)
{
	struct entry *entry = argument;

	SYS(prctl, K_PR_SET_NAME, "llrund-filler");
	/* it has died already */
	if (SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGKILL) < 0 || SYS(getppid, 0) != warm.parent)
		return 1;
	__atomic_store_n(&entry->state, (uint32_t)fill_entry(entry), __ATOMIC_RELEASE);
	return 0;
}

/* ---- the spawner's side ---- */

/*
 * A process with our memory, our descriptors and a current directory of its own: a path that never answers stops nothing
 * else. Not a thread, without which our own process would not end. No exit signal: it is none of the jobs.
 */
static void begin(struct entry *entry)
{
	const struct k_clone_args args = {.flags = K_CLONE_VM | K_CLONE_FILES | K_CLONE_CHILD_CLEARTID,
					  .child_tid = (uintptr_t)&warm.filling,
					  .stack = (uintptr_t)warm.stack,
					  .stack_size = FILLER_STACK};

	warm.filling = 1;
	entry->state = FILLING;
	entry->dirty = 0;
	long pid = clone_call(&args, filler, entry);
	warm.filler = pid < 0 ? 0 : (int)pid;
	if (pid < 0) {
		warm.filling = 0;
		/* the next job's may succeed */
		entry->dirty = 1;
		entry->state = UNFIT;
	}
}

int warm_filler_is(int pid)
{
	return pid == warm.filler;
}

/* Is there none? What one has begun that somebody has killed is unfit, until it is tried anew. */
static int filler_is_gone(void)
{
	struct k_siginfo info = {.pid = 0};

	if (!warm.filler)
		return 1;
	if (__atomic_load_n(&warm.filling, __ATOMIC_ACQUIRE) ||
	    (SYS(waitid, K_P_PID, warm.filler, &info, K_WEXITED | K_WNOHANG | K_WALL, 0) == 0 && !info.pid))
		return 0;
	warm.filler = 0;
	for (uint32_t e = 0; e < ENTRIES; e++)
		if (warm.entries[e].state == FILLING) {
			warm.entries[e].dirty = 1;
			warm.entries[e].state = UNFIT;
		}
	return 1;
}

static int copy_payload(struct entry *entry, const struct start *start)
{
	uint32_t size = start->request.run.payload_size;
	long at = SYS(mmap, 0, size, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1);
	long cwd = SYS(fcntl, start->fds[START_CWD], K_F_DUPFD_CLOEXEC, 3);

	entry->payload = at < 0 && at > -4096 ? NULL : (char *)at;
	entry->cwd = (int)cwd;
	entry->request = start->request.run;
	for (uint32_t i = 0; entry->payload && i < size; i++)
		entry->payload[i] = start->payload[i];
	return entry->payload && cwd >= 0;
}

/* The entry that nobody has used for the longest time. */
static void consider(const struct start *start)
{
	struct entry *oldest = NULL;

	if (!filler_is_gone())
		return;
	for (uint32_t e = 0; e < ENTRIES; e++) {
		struct entry *entry = &warm.entries[e];

		if (entry->state == UNFIT && entry->dirty)
			forget(entry);
		if (!oldest || (oldest->state != EMPTY && (entry->state == EMPTY || entry->used < oldest->used)))
			oldest = entry;
	}
	forget(oldest);
	if (oldest->state != EMPTY)
		return;
	oldest->used = ++warm.clock;
	oldest->ndeps = 0;
	oldest->parked = oldest->asked = 0;
	for (uint32_t i = 0; i < K_LANDLOCK_MAX_LAYERS; i++)
		oldest->policy.rulesets[i] = -1;
	if (!copy_payload(oldest, start)) {
		oldest->state = UNFIT;
		forget(oldest);
		return;
	}
	warm.board->warm_fills++;
	begin(oldest);
}

/* Filling costs several runs of a small policy: one that is never seen again is not worth it. */
static int seen_before(const struct llpb_header *header)
{
	if (header->section[LLPB_S_PATHS].size >= WARM_RULES * sizeof(struct llpb_path))
		return 1;
	for (uint32_t i = 0; i < SEEN; i++)
		if (warm.seen[i] == header->checksum)
			return 1;
	warm.seen[warm.nseen++ % SEEN] = header->checksum;
	return 0;
}

const struct policy *warm_hot(uint32_t i, uint32_t *parked)
{
	const struct entry *entry = &warm.entries[i];

	*parked = entry->parked;
	return entry->state == READY && entry->parked && !entry->dirty ? &entry->policy : NULL;
}

static uint32_t within(uint32_t parked)
{
	return parked < PARKED_LEAST ? PARKED_LEAST : parked > PARKED_MOST ? PARKED_MOST : parked;
}

/* Twice as many as there were jobs, and fewer only slowly: the next moment is as the last ones. */
void warm_served(void)
{
	for (uint32_t e = 0; e < ENTRIES; e++) {
		struct entry *entry = &warm.entries[e];

		if (entry->asked && 2 * entry->asked < entry->parked)
			entry->parked = within(entry->parked - 1);
		entry->asked = 0;
	}
}

void warm_cool(void)
{
	for (uint32_t e = 0; e < ENTRIES; e++)
		warm.entries[e].parked = 0;
}

static void is_used(struct entry *entry)
{
	if (2 * ++entry->asked > entry->parked)
		entry->parked = within(2 * entry->asked);
}

const struct policy *warm_find(struct start *start)
{
	const struct llpb_header *header = (const void *)start->payload;

	if (warm.inotify < 0 || start->request.run.nkeep || start->request.run.blob_size < sizeof(*header) ||
	    header->features || !seen_before(header))
		return NULL;
	filler_is_gone();
	int certain = read_news();
	for (uint32_t e = 0; e < ENTRIES; e++) {
		struct entry *entry = &warm.entries[e];
		uint32_t state = __atomic_load_n(&entry->state, __ATOMIC_ACQUIRE);

		if (state == READY && entry->dirty)
			spoil(entry);
		/* what came while it was filled is still to be read */
		if ((state != READY && state != UNFIT) || entry->dirty || !is_for(entry, start))
			continue;
		entry->used = ++warm.clock;
		if (state == UNFIT || !certain)
			return NULL;
		warm.board->warm_hits++;
		is_used(entry);
		return &entry->policy;
	}
	consider(start);
	return NULL;
}

void warm_init(struct board *board)
{
	long stack = SYS(mmap, 0, FILLER_STACK, K_PROT_READ | K_PROT_WRITE,
			 K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1);

	warm.board = board;
	warm.parent = (int)SYS(getpid, 0);
	warm.inotify = -1;
	warm.stack = (char *)stack;
	warm.mounts = (int)SYS(openat, K_AT_FDCWD, "/proc/self/mountinfo", K_O_RDONLY | K_O_CLOEXEC);
	if ((stack < 0 && stack > -4096) || warm.mounts < 0)
		return;
	warm.inotify = (int)SYS(inotify_init1, K_IN_CLOEXEC | K_IN_NONBLOCK);
}
