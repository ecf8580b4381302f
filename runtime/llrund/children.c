/* SPDX-License-Identifier: MIT */
/*
 * Children that share the spawner's memory until they execute: their stacks; and the parked ones.
 *
 * MUST NOT give a job to a parked child whose ruleset may be stale: who asks for one has asked warm_find() before.
 * MUST NOT lose a job: what a child has not taken is taken back when it has died.
 * MUST NOT hold open what a job has been given: the spawner closes its own as soon as it is sent.
 */
#include "children.h"

#include "clone.h"
#include "warm.h"
#include "wire.h"

/* Children between clone3(2) and execve(2), and parked ones; more than these get their own memory. */
#define STACKS 64

/* One of them by its bit: a run does not look at them all, which are cold. */
typedef uint64_t set;
_Static_assert(STACKS == 8 * sizeof(set), "one bit each");

static struct {
	struct start starts[STACKS];
	char *stacks[STACKS];
	set used; /* all that are; and some that the children have left meanwhile */
	set parked, ending; /* STAGE_PARKED, STAGE_ENDING */
} children;

/* for (each `start` of this set, as it is now) */
#define EACH(start, members)                                                                                         \
	set left_ = (members);                                                                                       \
	left_ && (start = &children.starts[__builtin_ctzll(left_)], 1);                                              \
	left_ &= left_ - 1

static set bit(const struct start *start)
{
	return (set)1 << (start - children.starts);
}

static uint32_t count(set members)
{
	uint32_t n = 0;

	for (; members; members &= members - 1)
		n++;
	return n;
}

/* ---- memory ---- */

static void unmap(struct start *start)
{
	if (start->payload && start->payload != start->buffer)
		SYS(munmap, start->payload, start->request.run.payload_size);
	start->payload = NULL;
}

/* All changes to and from STAGE_PARKED. */
static void set_stage(struct start *start, uint32_t stage)
{
	children.parked = (children.parked & ~bit(start)) | (stage == STAGE_PARKED ? bit(start) : 0);
	children.ending = (children.ending & ~bit(start)) | (stage == STAGE_ENDING ? bit(start) : 0);
	__atomic_store_n(&start->stage, stage, __ATOMIC_RELEASE);
}

static void release(struct start *start)
{
	unmap(start);
	if (start->stage == STAGE_NONE)
		return;
	SYS(close, start->pair[0]);
	SYS(close, start->pair[1]);
	set_stage(start, STAGE_NONE);
}

/* One that waited for a job and died is in use until it is reaped. */
static int in_use(const struct start *start)
{
	uint32_t stage;

	if (__atomic_load_n(&start->busy, __ATOMIC_ACQUIRE))
		return 1;
	stage = __atomic_load_n(&start->stage, __ATOMIC_ACQUIRE);
	return stage != STAGE_NONE && stage != STAGE_TAKEN;
}

int child_uses(const struct policy *policy)
{
	const struct start *start;

	for (EACH(start, children.used))
		if (start->warm == policy && in_use(start))
			return 1;
	return 0;
}

/* The payload's buffer, an inaccessible page, the stack. What is looked through, the starts, lies close together. */
static int make_stack(uint32_t i)
{
	const uint32_t buffer = (PAYLOAD_SMALL + 8 + 4095) & ~4095u;
	long at = SYS(mmap, 0, buffer + 4096 + START_STACK, K_PROT_READ | K_PROT_WRITE,
		      K_MAP_PRIVATE | K_MAP_ANONYMOUS | K_MAP_NORESERVE, -1);

	if ((at < 0 && at > -4096) || SYS(mprotect, at + buffer, 4096, 0) < 0)
		return -1;
	children.starts[i].buffer = (char *)at;
	children.stacks[i] = (char *)at + buffer + 4096;
	return 0;
}

void children_sweep(void)
{
	struct start *start;

	for (EACH(start, children.used))
		if (!in_use(start)) {
			release(start);
			children.used &= ~bit(start);
		}
}

struct start *child_memory(void)
{
	if (!~children.used)
		children_sweep();
	if (!~children.used)
		return NULL;
	uint32_t i = (uint32_t)__builtin_ctzll(~children.used);
	return children.starts[i].buffer || make_stack(i) == 0 ? &children.starts[i] : NULL;
}

void child_unmap(struct start *start)
{
	if (!start->busy)
		unmap(start);
}

int child_memory_is(const struct start *start)
{
	return start >= children.starts && start < children.starts + STACKS;
}

long child_clone(struct start *start, struct k_clone_args *args, long (*function)(void *start))
{
	args->flags |= K_CLONE_VM | K_CLONE_CHILD_CLEARTID;
	args->child_tid = (uintptr_t)&start->busy;
	args->stack = (uintptr_t)children.stacks[start - children.starts];
	args->stack_size = START_STACK;
	start->forked = 0;
	start->busy = 1;
	children.used |= bit(start);
	long pid = clone_call(args, function, start);
	if (pid < 0)
		start->busy = 0;
	return pid;
}

/* ---- parked ---- */

/* NULL: of all. */
static set parked_of(const struct policy *policy)
{
	struct start *start;
	set members = children.parked;

	for (EACH(start, children.parked))
		if (policy && start->warm != policy)
			members &= ~bit(start);
	return members;
}

struct start *parked_for(const struct policy *policy)
{
	struct start *start;

	for (EACH(start, children.parked))
		if (start->warm == policy)
			return start;
	return NULL;
}

uint32_t parked_any(void)
{
	return count(children.parked);
}

void parked_end(const struct policy *policy)
{
	struct start *start;

	for (EACH(start, parked_of(policy))) {
		SYS(kill, start->pid, K_SIGKILL);
		set_stage(start, STAGE_ENDING);
	}
}

static int park(const struct policy *policy, int parent, const struct k_rlimit *limits)
{
	struct k_clone_args args = {.exit_signal = K_SIGCHLD};
	struct start *start = child_memory();

	if (!start || SYS(socketpair, K_AF_UNIX, K_SOCK_SEQPACKET | K_SOCK_CLOEXEC, 0, start->pair) < 0)
		return -1;
	start->parent = parent;
	start->limits = limits;
	start->warm = policy;
	start->audit = NULL;
	start->note = NULL;
	set_stage(start, STAGE_PARKED);
	start->pid = (int)child_clone(start, &args, start_parked);
	if (start->pid > 0)
		return 0;
	release(start);
	return -1;
}

int parked_few(void)
{
	const struct policy *policy;
	uint32_t wanted;

	for (uint32_t i = 0; i < WARM_ENTRIES; i++) {
		policy = warm_hot(i, &wanted);
		uint32_t has = policy ? count(parked_of(policy)) : wanted;
		if (policy && has <= wanted / 4 && (has < PARKED_LEAST || parked_any() < PARKED_ALL))
			return 1;
	}
	return 0;
}

/* One of a policy that has more than it must have is ended for one that has not. 0: there is none. */
static int make_room(void)
{
	struct start *start;

	for (EACH(start, children.parked))
		if (count(parked_of(start->warm)) > PARKED_LEAST) {
			SYS(kill, start->pid, K_SIGKILL);
			set_stage(start, STAGE_ENDING);
			return 1;
		}
	return 0;
}

int parked_refill(int parent, const struct k_rlimit *limits)
{
	const struct policy *policy;
	uint32_t wanted;

	for (uint32_t i = 0; i < WARM_ENTRIES; i++) {
		policy = warm_hot(i, &wanted);
		uint32_t has = policy ? count(parked_of(policy)) : wanted;
		if (has >= wanted || (parked_any() >= PARKED_ALL && (has >= PARKED_LEAST || !make_room())))
			continue;
		return park(policy, parent, limits) == 0;
	}
	warm_served();
	return 0;
}

/* In the order of PARKED_FDS, so that the standard ones become what they shall be where those are free. */
long parked_give(struct start *parked, const struct start *start)
{
	struct k_iovec parts[2] = {{"", 1}};
	int fds[PARKED_FDS];

	const struct proto_request *run = &start->request.run;

	parked->request = start->request;
	/* of the blob, which it has, the header */
	__builtin_memcpy(parked->buffer, start->payload, sizeof(struct llpb_header));
	__builtin_memcpy(parked->buffer + run->blob_size, start->payload + run->blob_size,
			 run->payload_size - run->blob_size);
	parked->payload = parked->buffer;
	for (uint32_t i = 0; i < 3; i++)
		fds[i] = start->fds[START_STDIO + i];
	fds[3] = start->fds[START_CWD];
	set_stage(parked, STAGE_GIVEN);
	long result = wire_send(parked->pair[0], parts, 2, fds, PARKED_FDS);
	if (result < 0)
		set_stage(parked, STAGE_PARKED);
	return result < 0 ? result : 0;
}

int parked_has_not_taken(const struct start *parked)
{
	return __atomic_load_n(&parked->stage, __ATOMIC_ACQUIRE) == STAGE_GIVEN;
}

int parked_take_back(struct start *parked)
{
	int fds[PARKED_FDS];

	int result = start_receive(parked->pair[1], fds, K_MSG_CMSG_CLOEXEC | K_MSG_DONTWAIT);
	release(parked);
	if (result < 0)
		return 0;
	parked->payload = parked->buffer;
	for (uint32_t i = 0; i < 3; i++)
		parked->fds[START_STDIO + i] = fds[i];
	parked->fds[START_CWD] = fds[3];
	parked->nfds = START_STDIO + 3;
	return 1;
}

static struct start *find_parked(int pid)
{
	struct start *start;

	for (EACH(start, children.parked | children.ending))
		if (start->pid == pid)
			return start;
	return NULL;
}

int parked_is(int pid)
{
	return find_parked(pid) != NULL;
}

int parked_changed(int pid, int stopped)
{
	struct start *start = find_parked(pid);

	if (start && stopped)
		SYS(kill, pid, K_SIGKILL);
	else if (start)
		release(start);
	return start != NULL;
}
