/* SPDX-License-Identifier: MIT */
/*
 * llrun --socket PATH: a command that llrund runs behaves as if it had been run here.
 *
 * MUST talk only to a server of its own user or of root: it hands over its environment.
 * MUST send what a direct run would inherit, and nothing as a path: descriptors, limits, umask, environment.
 */
#include "remote.h"

#include "msg.h"
#include "signals.h"
#include "wire.h"

#define PARTS (LLPB_MAX_SLOTS + 8)

struct relay {
	const struct run *run;
	int server, signals;
	struct proto_request request;
	/* the request, and what travels behind it: the policy, its name, arguments, slots one by one, variables */
	uint32_t nparts;
	struct k_iovec parts[PARTS];
};

static _Noreturn void refuse(const struct llrun_error *error)
{
	msg_error("llrun", error);
	for (;;)
		SYS(exit_group, EXIT_REFUSED);
}

static _Noreturn void refuse_text(const struct relay *relay, const char *text)
{
	struct llrun_error error;

	fail(&error, LLRUN_E_BLOB, text, relay->run->given[OPT_SOCKET]);
	refuse(&error);
}

/* result, or the end when it is an error number */
static long must(const char *what, long result, const char *object)
{
	struct llrun_error error;

	if (check_sys(&error, what, result, object) < 0)
		refuse(&error);
	return result;
}

/* ---- the request ---- */

static void put(struct relay *relay, const void *bytes, size_t size)
{
	relay->parts[relay->nparts++] = (struct k_iovec){bytes, size};
	relay->request.payload_size += (uint32_t)size;
	if (relay->nparts == PARTS || relay->request.payload_size > PROTO_MAX_PAYLOAD)
		refuse_text(relay, "arguments and environment are too long");
}

/* Strings stand one behind the other on the stack that the kernel made: as many as touch are one part. */
static uint32_t put_strings(struct relay *relay, const char *const *strings)
{
	uint32_t count = 0;

	while (strings[count]) {
		const char *first = strings[count], *end = first;

		for (; strings[count] == end; count++)
			end = proto_next(end);
		put(relay, first, (size_t)(end - first));
	}
	return count;
}

/*
 * The payload goes with the request when it is small, and else into the memfd that is returned; -1: there is none. Only
 * the kernel reads the policy's mapping: what is not there any more is EFAULT and no signal; what has changed is
 * verified by the daemon.
 */
static int make_payload(struct relay *relay, size_t size)
{
	const struct run *run = relay->run;
	struct proto_request *request = &relay->request;

	if (!size || size % 8)
		refuse_text(relay, "the policy is damaged (its size)");
	put(relay, (const void *)must("mmap", SYS(mmap, 0, size, K_PROT_READ, K_MAP_PRIVATE, run->fd), run->blob),
	    size);
	request->blob_size = (uint32_t)size;
	put(relay, run->blob, (size_t)(proto_next(run->blob) - run->blob));
	request->nargs = put_strings(relay, run->command);
	request->nsets = put_strings(relay, run->sets);
	request->nenv = put_strings(relay, run->options.envp);
	request->flags |= request->payload_size <= PROTO_INLINE ? PROTO_F_INLINE : 0;
	if (request->flags & PROTO_F_INLINE)
		return -1;
	long fd = must("memfd_create", SYS(memfd_create, "llrun", K_MFD_CLOEXEC | K_MFD_ALLOW_SEALING), NULL);
	long written = must("writev", SYS(writev, fd, relay->parts + 1, relay->nparts - 1), "payload");
	must("writev", written == request->payload_size ? 0 : -K_ENOSPC, "payload");
	must("fcntl", SYS(fcntl, fd, K_F_ADD_SEALS, PROTO_SEALS | K_F_SEAL_SEAL), "F_ADD_SEALS");
	relay->nparts = 1;
	return (int)fd;
}

/* Standard ones that are open, then the kept ones in ascending order. Returns the end of `fds`. */
static int *add_descriptors(struct relay *relay, int *fds)
{
	struct proto_request *request = &relay->request;
	/* no blob has a say in this */
	const struct llpb_process none = {.nkeep = 0};
	const struct policy kept = {
		.blob = {.process = &none}, .keep_fds = relay->run->keep, .nkeep_fds = relay->run->options.nkeep_fds};

	for (int fd = 0; fd < 3; fd++) {
		/* closed, or this program's own in the place of a closed one: those are close-on-exec */
		if (SYS(fcntl, fd, K_F_GETFD) != 0)
			continue;
		request->stdio |= 1u << fd;
		*fds++ = fd;
	}
	for (uint32_t fd = 3; (fd = process_kept(&kept, fd)) != UINT32_MAX; fd++) {
		request->keep[request->nkeep++] = fd;
		*fds++ = (int)fd;
	}
	return fds;
}

static void send_packet(struct relay *relay, const int *fds, uint32_t nfds)
{
	must("sendmsg", wire_send(relay->server, relay->parts, relay->nparts, fds, nfds),
	     relay->run->given[OPT_SOCKET]);
	relay->nparts = 1;
}

static void send_run(struct relay *relay, size_t size)
{
	struct proto_request *request = &relay->request;
	int fds[PROTO_MAX_FDS];
	char name[K_SUN_PATH + 16];
	struct llrun_error error;

	int memfd = make_payload(relay, size);
	fds[PROTO_FD_CWD] = (int)must("open", SYS(openat, K_AT_FDCWD, ".", K_O_ANCHOR | K_O_DIRECTORY), ".");
	request->command = PROTO_RUN;
	request->flags |= relay->run->given[OPT_QUIET] ? PROTO_F_QUIET : 0;
	request->flags |= relay->run->options.flags & LLRUN_AS_ABI ? PROTO_F_AS_ABI : 0;
	request->as_abi = relay->run->options.as_abi;
	request->umask = (uint32_t)SYS(umask, 077) & 0777;
	for (uint32_t i = 0; i < K_RLIM_NLIMITS; i++)
		must("prlimit64", SYS(prlimit64, 0, i, 0, &request->limits[i]), NULL);
	int *end = add_descriptors(relay, fds + PROTO_FD_CWD + 1);
	if (memfd >= 0)
		*end++ = memfd;
	relay->server = wire_connect(relay->run->given[OPT_SOCKET], fds, name, &error);
	if (relay->server < 0)
		refuse(&error);
	send_packet(relay, fds, (uint32_t)(end - fds));
}

static void send_signal(struct relay *relay, uint32_t signal, uint32_t flags)
{
	relay->request = (struct proto_request){.magic = PROTO_MAGIC,
						.version = PROTO_VERSION,
						.command = PROTO_SIGNAL,
						.flags = flags,
						.signal = signal};
	send_packet(relay, NULL, 0);
}

/* ---- until it ends ---- */

static void take_reply(struct relay *relay)
{
	struct proto_reply reply;
	long size = SYS(read, relay->server, &reply, sizeof(reply));

	if (size <= 0)
		refuse_text(relay, "the daemon went away, and what it ran with it");
	if (size < (long)PROTO_REPLY_HEAD || reply.magic != PROTO_MAGIC || reply.version != PROTO_VERSION)
		refuse_text(relay, "not an llrund of this version");
	uint32_t signal = (uint32_t)reply.status - 1 < K_NSIG ? (uint32_t)reply.status : K_SIGKILL;
	if (reply.kind == PROTO_EXITED || reply.kind == PROTO_KILLED)
		end_as(reply.kind == PROTO_KILLED ? (int)signal : (reply.status & 0xff) << 8);
	if (reply.kind == PROTO_STOPPED) {
		/* where nobody can continue this process (an orphaned group) it does not stop, and goes on at once */
		stop_by((int)signal, 0);
		send_signal(relay, K_SIGCONT, 0);
		return;
	}
	reply.text[PROTO_TEXT_SIZE - 1] = 0;
	refuse_text(relay, size > (long)PROTO_REPLY_HEAD ? reply.text : "refused without a reason");
}

/* As a terminal sends them to all of a foreground group, the kernel's own go to all of the job. SIGCHLD is none of its. */
static void take_signal(struct relay *relay)
{
	struct k_signalfd_siginfo info;

	if (SYS(read, relay->signals, &info, sizeof(info)) == sizeof(info) && info.signo != K_SIGCHLD)
		send_signal(relay, info.signo, info.code == K_SI_KERNEL ? PROTO_F_GROUP : 0);
}

int is_terminal(int fd)
{
	struct k_termios termios;

	return SYS(ioctl, fd, K_TCGETS, &termios) == 0;
}

_Noreturn void run_remote(const struct run *run, size_t size, uint32_t flags)
{
	const uint64_t all = ALL_SIGNALS;
	struct relay relay;

	relay.run = run;
	relay.parts[0] = (struct k_iovec){&relay.request, sizeof(relay.request)};
	relay.nparts = 1;
	relay.request = (struct proto_request){.magic = PROTO_MAGIC, .version = PROTO_VERSION, .flags = flags};
	must("rt_sigprocmask", mask_signals(K_SIG_SETMASK, all, &relay.request.blocked), NULL);
	relay.signals = (int)must("signalfd", SYS(signalfd4, -1, &all, sizeof(all), K_SFD_CLOEXEC), NULL);
	send_run(&relay, size);
	for (;;) {
		struct k_pollfd fds[] = {{relay.server, K_POLLIN, 0}, {relay.signals, K_POLLIN, 0}};

		SYS(ppoll, fds, 2);
		if (fds[1].revents)
			take_signal(&relay);
		if (fds[0].revents)
			take_reply(&relay);
	}
}
