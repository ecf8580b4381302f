/* SPDX-License-Identifier: MIT */
/*
 * The nursery: what follows a job without anybody waiting for it.
 *
 * It is not done by the spawner "when nothing has happened for a moment": a timer of less than a tick is programmed into
 * the hardware by whoever waits, which costs a virtual machine 20 us, twice in each run. Nor at once: where there is but
 * one CPU the client's own end would wait for it. So a thread does it, some ticks later, for all the jobs that have
 * ended by then.
 *
 * MUST live as long as the process: the children that it starts are told that their parent died when the thread ends
 * that is their parent (kernel/exit.c, forget_original_parent(), of PR_SET_PDEATHSIG).
 * MUST NOT hold the lock for longer than one child takes.
 */
#include "nursery.h"

#include "clone.h"
#include "kernel_broker.h"
#include "kernel_run.h"

enum { FREE, HELD, AWAITED };
enum { NOT_CALLED, CALLED, CALLED_NOW };

#define DELAY_MS 5

#define STACK_SIZE (64u << 10)

static struct {
	uint32_t lock; /* AWAITED: held, and somebody may sleep until it is free */
	uint32_t called; /* a futex, one of the above; changes under the lock only */
	int (*work)(void);
} nursery;

void nursery_enter(void)
{
	uint32_t was = FREE;

	if (__atomic_compare_exchange_n(&nursery.lock, &was, HELD, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&nursery.lock, AWAITED, __ATOMIC_ACQUIRE) != FREE)
		SYS(futex, &nursery.lock, K_FUTEX_WAIT_PRIVATE, AWAITED, 0);
}

/* Did somebody wait for it? */
static int leave(void)
{
	if (__atomic_exchange_n(&nursery.lock, FREE, __ATOMIC_RELEASE) != AWAITED)
		return 0;
	SYS(futex, &nursery.lock, K_FUTEX_WAKE_PRIVATE, 1);
	return 1;
}

void nursery_leave(void)
{
	leave();
}

void nursery_wake(int now)
{
	uint32_t call = now ? CALLED_NOW : CALLED, was = nursery.called;

	if (was >= call)
		return;
	__atomic_store_n(&nursery.called, call, __ATOMIC_SEQ_CST);
	SYS(futex, &nursery.called, K_FUTEX_WAKE_PRIVATE, 1);
}

static void wait_for_call(void)
{
	const struct k_timespec delay = {.nsec = DELAY_MS * 1000000};

	while (__atomic_load_n(&nursery.called, __ATOMIC_SEQ_CST) == NOT_CALLED)
		SYS(futex, &nursery.called, K_FUTEX_WAIT_PRIVATE, NOT_CALLED, 0);
	/* shorter when the call becomes an urgent one */
	SYS(futex, &nursery.called, K_FUTEX_WAIT_PRIVATE, CALLED, &delay);
}

static long live(void *argument)
{
	(void)argument;
	for (;;) {
		wait_for_call();
		for (int more = 1; more;) {
			nursery_enter();
			more = nursery.work();
			if (!more)
				__atomic_store_n(&nursery.called, NOT_CALLED, __ATOMIC_SEQ_CST);
			/* the spawner first */
			if (leave())
				SYS(sched_yield, 0);
		}
	}
	return 0;
}

int nursery_start(int (*work)(void), struct llrun_error *error)
{
	struct k_clone_args args = {.flags = K_CLONE_VM | K_CLONE_FILES | K_CLONE_SIGHAND | K_CLONE_THREAD,
				    .stack_size = STACK_SIZE};
	long at = SYS(mmap, 0, STACK_SIZE, K_PROT_READ | K_PROT_WRITE, K_MAP_PRIVATE | K_MAP_ANONYMOUS, -1);

	if (check_sys(error, "mmap", at < 0 && at > -4096 ? at : 0, NULL) < 0)
		return -1;
	args.stack = (uint64_t)at;
	nursery.work = work;
	return check_sys(error, "clone3", clone_call(&args, live, NULL), "the nursery");
}
