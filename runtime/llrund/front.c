/* SPDX-License-Identifier: MIT */
/*
 * The front: everything that clients send arrives here, and nowhere else.
 *
 * MUST be confined before it reads the first byte.
 * MUST NOT wait for a client, nor for anything that a client controls: what it asks of descriptors that clients have sent
 * is answered without the file system that they belong to, and others close them (closer.h).
 * MUST NOT take descriptors from who may not ask.
 * MUST bound what clients can hold: MAX_JOBS connections, of which MAX_WAITING have yet to say what they want, each for
 * WAIT_TICKS; the oldest makes room.
 */
#include "access.h"
#include "closer.h"
#include "confine.h"
#include "msg.h"
#include "serve.h"
#include "version.h"
#include "wire.h"

#define MAX_WAITING 128
#define WAIT_TICKS  5 /* seconds */

enum state { FREE, WAITING, RUNNING, STOPPING };

struct connection {
	int fd;
	enum state state;
	uint32_t generation; /* of the slot's last job */
	uint32_t age; /* grows with every connection */
	uint32_t deadline; /* tick: WAITING; or RUNNING, but the job has ended */
};

static struct {
	struct server *server;
	struct connection connections[MAX_JOBS];
	int epoll, timer, parent;
	uint32_t open, waiting, next, tick, age, generation, refused;
	int ticking, listening, closed, draining;
	char payload[PAYLOAD_SMALL + 8] __attribute__((aligned(8)));
} front;

/* What epoll says is ready: a slot, or one of these. */
enum { LISTENER = MAX_JOBS, CHANNEL, TIMER, PARENT };

/* ---- replies ---- */

/* To a client that does not read nothing is said. */
static void reply(int fd, enum proto_kind kind, const char *text)
{
	struct proto_reply packet = {.magic = PROTO_MAGIC, .version = PROTO_VERSION, .kind = (uint16_t)kind};

	packet.size = append(packet.text, sizeof(packet.text), 0, text) + 1;
	struct k_iovec parts[2] = {{&packet, PROTO_REPLY_HEAD + packet.size}};
	wire_send(fd, parts, 2, NULL, 0);
}

/* ---- connections ---- */

static void watch(int fd, uint64_t what, uint32_t events)
{
	struct k_epoll_event event = {.events = events, .data = what};

	SYS(epoll_ctl, front.epoll, K_EPOLL_CTL_ADD, fd, &event);
}

static void unwatch(int fd)
{
	SYS(epoll_ctl, front.epoll, K_EPOLL_CTL_DEL, fd, 0);
}

/* A second from now, and on: as long as there is a connection. */
static void tick(int on)
{
	const struct k_itimerspec each = {{on, 0}, {on, 0}};

	if (on != front.ticking)
		SYS(timerfd_settime, front.timer, 0, &each, 0);
	front.ticking = on;
}

/* The spawner holds the connection, too: closing it does not end the watch. */
static void drop(uint32_t slot)
{
	struct connection *connection = &front.connections[slot];

	unwatch(connection->fd);
	closers_take_connection(connection->fd);
	front.waiting -= connection->state == WAITING;
	front.open--;
	connection->state = FREE;
}

static int has_ended(uint32_t slot)
{
	return __atomic_load_n(&front.server->board->ended[slot], __ATOMIC_ACQUIRE) ==
	       front.connections[slot].generation;
}

static void tell_spawner(enum spawn_kind kind, uint32_t slot, const struct proto_request *run)
{
	struct spawn_request request = {.kind = kind, .slot = slot, .generation = front.connections[slot].generation};
	struct k_iovec parts[2] = {{&request, sizeof(request)}};

	if (run)
		request.run = *run;
	wire_send(front.server->channel, parts, 2, NULL, 0);
}

/* The client has left, or must: its job ends with it. */
static void leave(uint32_t slot)
{
	if (front.connections[slot].state == RUNNING && !has_ended(slot))
		tell_spawner(SPAWN_GONE, slot, NULL);
	drop(slot);
}

static void refuse_client(uint32_t slot, const char *why)
{
	front.refused++;
	reply(front.connections[slot].fd, PROTO_REFUSED, why);
	drop(slot);
}

/* ---- requests ---- */

struct incoming {
	struct proto_request request;
	int fds[K_SCM_MAX_FD];
	uint32_t nfds;
	long size;
	int truncated;
};

/*
 * The size of the next packet, which stays where it is; 0: the end. *carries: it has descriptors, for which there is no
 * room here (net/core/scm.c, scm_recv_unix()).
 */
static long peek(int fd, int *carries)
{
	struct k_iovec iov = {front.payload, sizeof(struct proto_request)};
	struct k_msghdr message = {.iov = &iov, .niov = 1};
	long size = SYS(recvmsg, fd, &message, K_MSG_PEEK | K_MSG_DONTWAIT);

	*carries = size >= 0 && message.flags & K_MSG_CTRUNC;
	return size;
}

/*
 * An inline payload goes to front.payload. As many descriptors as one packet can have: what there is no room for, the
 * kernel closes here and now.
 */
static void receive(int fd, struct incoming *in)
{
	struct {
		struct k_cmsghdr header;
		int fds[K_SCM_MAX_FD];
	} control = {.header = {.size = 0}};
	struct k_iovec iov[2] = {{&in->request, sizeof(in->request)}, {front.payload, PROTO_INLINE}};
	struct k_msghdr message = {.iov = iov, .niov = 2, .control = &control, .control_size = sizeof(control)};

	in->size = SYS(recvmsg, fd, &message, K_MSG_CMSG_CLOEXEC | K_MSG_DONTWAIT);
	in->truncated = in->size > 0 && message.flags & (K_MSG_CTRUNC | K_MSG_TRUNC);
	in->nfds = 0;
	in->fds[0] = -1;
	if (in->size <= 0 || message.control_size < sizeof(control.header) || control.header.type != K_SCM_RIGHTS)
		return;
	in->nfds = (uint32_t)((control.header.size - sizeof(control.header)) / sizeof(int));
	for (uint32_t i = 0; i < in->nfds; i++)
		in->fds[i] = control.fds[i];
}

static const char *check_payload(const struct incoming *in)
{
	const struct proto_request *request = &in->request;
	const char *why, *payload = payload_get(request, in->fds[in->nfds - 1], front.payload, &why);

	if (payload && payload != front.payload)
		SYS(munmap, payload, request->payload_size);
	return payload ? NULL : why;
}

static const char *hand_over(uint32_t slot, const struct incoming *in, const struct peer *peer)
{
	struct connection *connection = &front.connections[slot];
	struct spawn_request request = {.kind = SPAWN_RUN,
					.slot = slot,
					.generation = front.generation + 1,
					.peer = peer->pid,
					.ignored = peer->ignored,
					.run = in->request};
	int fds[SPAWN_MAX_FDS] = {connection->fd, peer->pidfd >= 0 ? peer->pidfd : connection->fd};

	for (uint32_t i = PROTO_FD_CWD; i < in->nfds; i++)
		fds[i] = in->fds[i];
	struct k_iovec parts[2] = {{&request, sizeof(request)},
				   {front.payload, (size_t)in->size - sizeof(in->request)}};
	if (wire_send(front.server->channel, parts, 2, fds, in->nfds) < 0)
		return "the daemon cannot take more runs now";
	connection->generation = ++front.generation;
	connection->state = RUNNING;
	connection->deadline = 0;
	front.waiting--;
	return NULL;
}

static uint32_t append_count(char *text, uint32_t len, const char *name, uint32_t count)
{
	char digits[12];

	len = append(text, PROTO_TEXT_SIZE, len, name);
	return append(text, PROTO_TEXT_SIZE, len, decimal(digits, count));
}

static void answer_status(int fd)
{
	const struct board *board = front.server->board;
	uint32_t running = 0, len = 0;
	char text[PROTO_TEXT_SIZE];

	for (uint32_t i = 0; i < MAX_JOBS; i++)
		running += front.connections[i].state == RUNNING && !has_ended(i);
	len = append(text, sizeof(text), len, "{\"version\":\"" LLC_VERSION "\"");
	len = append_count(text, len, ",\"protocol\":", PROTO_VERSION);
	len = append_count(text, len, ",\"pid\":", (uint32_t)front.server->main);
	len = append_count(text, len, ",\"connections\":", front.open);
	len = append_count(text, len, ",\"running\":", running);
	len = append_count(text, len, ",\"started\":", board->started);
	len = append_count(text, len, ",\"refused\":", front.refused);
	len = append_count(text, len, ",\"warm\":{\"entries\":", board->warm_entries);
	len = append_count(text, len, ",\"hits\":", board->warm_hits);
	len = append_count(text, len, ",\"fills\":", board->warm_fills);
	len = append_count(text, len, ",\"parked\":", board->parked);
	len = append_count(text, len, ",\"taken\":", board->taken);
	append(text, sizeof(text), len, front.draining ? "},\"draining\":true}" : "},\"draining\":false}");
	reply(fd, PROTO_TEXT, text);
}

static void stop_listening(void)
{
	if (front.listening)
		unwatch(front.server->listener.socket);
	front.listening = 0;
}

/*
 * No more runs; who asks is told. A socket of systemd's is left to the next daemon, which is started for whoever connects
 * meanwhile.
 */
static void drain(void)
{
	if (!front.draining && !front.server->listener.own) {
		stop_listening();
		closers_take_connection(front.server->listener.socket);
		front.closed = 1;
	}
	front.draining = 1;
}

/* What cannot be written to the audit log does not happen. */
static const char *note_peer(const struct peer *peer, const char *why)
{
	if (!front.server->audit)
		return why;
	int lost = audit_event(front.server->audit, DAEMON_PEER, AUDIT_NUMBER(PID, peer->pid),
			       AUDIT_NUMBER(UID, peer->uid), AUDIT_TEXT(DECISION, why ? "deny" : "allow"),
			       AUDIT_TEXT(REASON, why));
	return why ? why : lost ? "the daemon cannot write its audit log" : NULL;
}

static const char *note_request(const struct peer *peer, const struct proto_request *request, const char *why)
{
	int run = request->command == PROTO_RUN, named = run && !why && request->payload_size <= PAYLOAD_SMALL;

	if (!front.server->audit)
		return why;
	int lost = audit_event(front.server->audit, DAEMON_REQUEST, AUDIT_NUMBER(PID, peer->pid),
			       AUDIT_TEXT(COMMAND, run                              ? "run"
						   : request->command == PROTO_STOP ? "stop"
										    : "status"),
			       AUDIT_TEXT(POLICY_FILE, named ? front.payload + request->blob_size : NULL),
			       AUDIT_NUMBER(ARGC, run ? (int64_t)request->nargs : AUDIT_NONE),
			       AUDIT_TEXT(DECISION, why ? "deny" : "allow"), AUDIT_TEXT(REASON, why));
	return why ? why : lost ? "the daemon cannot write its audit log" : NULL;
}

static const char *serve_peer(uint32_t slot, const struct incoming *in, const struct peer *peer)
{
	int run = in->request.command == PROTO_RUN;
	const char *why = run && front.draining ? "the daemon is stopping" : run ? check_payload(in) : NULL;

	why = note_request(peer, &in->request, why);
	return !why && run ? hand_over(slot, in, peer) : why;
}

/* A file of our own, on a file system that we depend on anyway. */
static void drop_own(int *fd)
{
	SYS(close, *fd);
	*fd = -1;
}

static const char *check_proofs(struct incoming *in)
{
	if (!peer_token(&front.server->listener, in->fds[PROTO_FD_TOKEN]))
		return "the asking process has no right to read the daemon's token, or is in another mount namespace";
	drop_own(&in->fds[PROTO_FD_TOKEN]);
	if (!peer_root(&front.server->self, in->fds[PROTO_FD_ROOT]))
		return "the asking process has another root directory or mount namespace than the daemon";
	drop_own(&in->fds[PROTO_FD_ROOT]);
	return NULL;
}

/* The first packet of a connection, from a peer that may ask: NULL, or why it is the last one, too. */
static const char *serve(uint32_t slot, struct incoming *in, const struct peer *peer)
{
	const struct proto_request *request = &in->request;

	if (in->truncated || !proto_request_ok(request, (size_t)in->size, in->nfds, 1))
		return "not a request of this version: start the daemon of the llrun that asks";
	const char *why = note_peer(peer, check_proofs(in));
	return why ? why : serve_peer(slot, in, peer);
}

/* Who may not ask is refused before its descriptors are here. */
static const char *take_request(uint32_t slot, struct incoming *in)
{
	int fd = front.connections[slot].fd;
	struct peer peer;
	const char *why = peer_check(&front.server->self, fd, &peer);

	in->nfds = 0;
	if (why)
		why = note_peer(&peer, why);
	else if (!closers_have_room(CLOSERS_SOME) || front.server->board->stuck)
		why = CLOSERS_WHY;
	if (!why) {
		receive(fd, in);
		why = in->size > 0 ? serve(slot, in, &peer) : "";
		closers_take(in->fds, in->nfds);
	}
	if (peer.pidfd >= 0)
		SYS(close, peer.pidfd);
	return why;
}

static void first_packet(uint32_t slot)
{
	struct connection *connection = &front.connections[slot];
	struct incoming in;

	in.size = 1;
	const char *why = take_request(slot, &in);
	if (in.size <= 0)
		drop(slot);
	else if (why)
		refuse_client(slot, why);
	else if (in.request.command == PROTO_STATUS) {
		answer_status(connection->fd);
		drop(slot);
	} else if (in.request.command == PROTO_STOP) {
		connection->state = STOPPING;
		connection->deadline = 0;
		front.waiting--;
		struct spawn_request stop = {.kind = SPAWN_STOP};
		struct k_iovec part = {&stop, sizeof(stop)};
		wire_send(front.server->channel, &part, 1, &connection->fd, 1);
		drain();
	}
}

/* Later ones have no descriptors. */
static void later_packet(uint32_t slot)
{
	struct incoming in;
	int carries;

	in.nfds = 0;
	in.truncated = 0;
	in.size = peek(front.connections[slot].fd, &carries);
	if (in.size == -K_EAGAIN)
		return;
	if (in.size > 0 && !carries)
		receive(front.connections[slot].fd, &in);
	if (in.size <= 0 || carries || in.truncated || front.connections[slot].state != RUNNING ||
	    !proto_request_ok(&in.request, (size_t)in.size, in.nfds, 0))
		leave(slot);
	else
		tell_spawner(SPAWN_SIGNAL, slot, &in.request);
}

/* ---- new connections ---- */

static void drop_oldest(void)
{
	uint32_t oldest = MAX_JOBS;

	for (uint32_t i = 0; i < MAX_JOBS; i++)
		if (front.connections[i].state == WAITING &&
		    (oldest == MAX_JOBS || front.connections[i].age < front.connections[oldest].age))
			oldest = i;
	if (oldest < MAX_JOBS)
		drop(oldest);
}

/* A slot whose last job has ended; MAX_JOBS: none. */
static uint32_t free_slot(void)
{
	for (uint32_t i = 0; i < MAX_JOBS; i++) {
		uint32_t slot = (front.next + i) % MAX_JOBS;

		if (front.connections[slot].state == FREE && has_ended(slot)) {
			front.next = slot + 1;
			return slot;
		}
	}
	return MAX_JOBS;
}

static void take_connection(int fd)
{
	uint32_t slot = free_slot();

	if (slot == MAX_JOBS) {
		reply(fd, PROTO_REFUSED, "the daemon has as many runs as it can");
		closers_take_connection(fd);
		return;
	}
	if (front.waiting == MAX_WAITING)
		drop_oldest();
	front.connections[slot].fd = fd;
	front.connections[slot].state = WAITING;
	front.connections[slot].age = ++front.age;
	front.connections[slot].deadline = front.tick + WAIT_TICKS;
	front.open++;
	front.waiting++;
	watch(fd, slot, K_POLLIN | K_POLLRDHUP);
	tick(1);
}

/* One: where more wait, epoll tells. */
static void accept_one(void)
{
	long fd = -K_EMFILE;

	if (!front.listening)
		return;
	if (closers_have_room(CLOSERS_MANY))
		fd = SYS(accept4, front.server->listener.socket, 0, 0, K_SOCK_CLOEXEC | K_SOCK_NONBLOCK);
	if (fd >= 0)
		take_connection((int)fd);
	else if (fd != -K_EAGAIN && fd != -K_EINTR && fd != -K_ECONNABORTED) {
		/* no descriptors, no memory: not again before the next second */
		stop_listening();
		tick(1);
	}
}

static void take_tick(void)
{
	uint64_t count;

	if (SYS(read, front.timer, &count, sizeof(count)) != sizeof(count))
		return;
	front.tick += (uint32_t)count;
	if (!front.listening && !front.closed) {
		watch(front.server->listener.socket, LISTENER, K_POLLIN);
		front.listening = 1;
	}
	for (uint32_t i = 0; i < MAX_JOBS; i++) {
		struct connection *connection = &front.connections[i];

		if (connection->state == RUNNING && !connection->deadline && has_ended(i))
			connection->deadline = front.tick + WAIT_TICKS;
		if (connection->state != FREE && connection->deadline && connection->deadline <= front.tick)
			drop(i);
	}
	tick(front.open > 0);
}

/* ---- confinement ---- */

/* Beside system calls: of all files, those of /proc may be read. Without Landlock the filter is all there is. */
static int only_proc(struct llrun_error *error)
{
	struct k_landlock_ruleset_attr attr = {.handled_access_fs = abi_fs_mask(1)};
	struct k_landlock_path_beneath_attr rule = {.allowed_access = FS_RIGHT(read_file)};
	long ruleset = SYS(landlock_create_ruleset, &attr, 8, 0);

	if (ruleset == -K_ENOSYS || ruleset == -K_EOPNOTSUPP)
		return 0;
	rule.parent_fd = (int)SYS(openat, K_AT_FDCWD, "/proc", K_O_ANCHOR | K_O_DIRECTORY);
	if (check_sys(error, "landlock_create_ruleset", ruleset, NULL) < 0 ||
	    check_sys(error, "open", rule.parent_fd, "/proc") < 0 ||
	    check_sys(error, "landlock_add_rule",
		      SYS(landlock_add_rule, ruleset, K_LANDLOCK_RULE_PATH_BENEATH, &rule), "/proc") < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_NO_NEW_PRIVS, 1), "PR_SET_NO_NEW_PRIVS") < 0 ||
	    check_sys(error, "landlock_restrict_self", SYS(landlock_restrict_self, ruleset, 0), NULL) < 0)
		return -1;
	SYS(close, rule.parent_fd);
	SYS(close, ruleset);
	return 0;
}

static int confine_front(struct llrun_error *error)
{
	static const struct confine_row rows[] = {
		CONFINE_ANY(epoll_pwait),
		CONFINE_ANY(epoll_ctl),
		CONFINE_ANY(recvmsg),
		CONFINE_ANY(sendmsg),
		CONFINE_ANY(accept4),
		CONFINE_ANY(close),
		CONFINE_ANY(getsockopt),
		CONFINE_ARG(openat, 2, UINT32_MAX, K_O_RDONLY | K_O_CLOEXEC),
		CONFINE_ANY(read),
		CONFINE_ARG(statx, 2, UINT32_MAX, K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC),
		CONFINE_ARG(fcntl, 1, UINT32_MAX, K_F_GETFL),
		CONFINE_ARG(fcntl, 1, UINT32_MAX, K_F_GET_SEALS),
		CONFINE_ARG(mmap, 2, K_PROT_WRITE | K_PROT_EXEC, 0),
		CONFINE_ANY(munmap),
		CONFINE_ANY(pread64),
		CONFINE_ARG(pidfd_send_signal, 1, UINT32_MAX, 0),
		CONFINE_ANY(timerfd_settime),
		CONFINE_ANY(write),
		/* the audit log: its time, its order, its reader */
		CONFINE_ANY(clock_gettime),
		CONFINE_ANY(futex),
		CONFINE_ANY(gettid),
		CONFINE_ANY(set_robust_list),
		CONFINE_ANY(ppoll),
		/* its failure, told to this process itself */
		CONFINE_ANY(getpid),
		CONFINE_ARG(kill, 1, UINT32_MAX, K_SIGCHLD),
		/* closers; the spawner's death */
		CONFINE_ARG(kill, 1, UINT32_MAX, K_SIGALRM),
		CONFINE_ANY(shutdown),
		CONFINE_ANY(getppid),
		CONFINE_ANY(exit_group),
	};

	return only_proc(error) < 0 ? -1 : confine(rows, sizeof(rows) / sizeof(rows[0]), 0, error);
}

/* ---- the loop ---- */

/* The spawner asks to stop; or it is gone, and there is nothing left to do. */
static int take_word(void)
{
	char byte;

	if (SYS(read, front.server->channel, &byte, 1) != 1)
		return -1;
	drain();
	return 0;
}

/* -1: the spawner is gone, and everything ends. What is in its channel cannot tell that: others may hold the other end. */
static int take_death(void)
{
	struct k_signalfd_siginfo info;

	SYS(read, front.parent, &info, sizeof(info));
	return SYS(getppid, 0) == front.server->main ? 0 : -1;
}

static int take_event(const struct k_epoll_event *event)
{
	if (event->data == LISTENER)
		accept_one();
	else if (event->data == TIMER)
		take_tick();
	else if (event->data == CHANNEL)
		return take_word();
	else if (event->data == PARENT)
		return take_death();
	else if (front.connections[event->data].state == WAITING)
		first_packet((uint32_t)event->data);
	else if (front.connections[event->data].state != FREE)
		later_packet((uint32_t)event->data);
	return 0;
}

/* Nothing runs, and nobody waits for it. */
static int all_ended(void)
{
	for (uint32_t i = 0; i < MAX_JOBS; i++)
		if (front.connections[i].state == RUNNING && !has_ended(i))
			return 0;
	return 1;
}

/*
 * Clients hear of it even where a closer that still waits keeps their connections open. Who has asked for the end hears
 * of it from the spawner, unless that has failed.
 */
static void say_goodbye(int failed)
{
	for (uint32_t i = 0; i < MAX_JOBS; i++)
		if (front.connections[i].state != FREE && (failed || front.connections[i].state != STOPPING))
			SYS(shutdown, front.connections[i].fd, K_SHUT_RDWR);
}

static int init(struct server *server, struct llrun_error *error)
{
	const uint64_t death = K_SIG_BIT(K_SIGHUP); /* blocked since forget_caller() */

	front.server = server;
	front.epoll = (int)SYS(epoll_create1, K_EPOLL_CLOEXEC);
	front.timer = (int)SYS(timerfd_create, K_CLOCK_MONOTONIC, K_TFD_CLOEXEC | K_TFD_NONBLOCK);
	front.parent = (int)SYS(signalfd4, -1, &death, sizeof(death), K_SFD_CLOEXEC | K_SFD_NONBLOCK);
	if (check_sys(error, "epoll_create1", front.epoll, NULL) < 0 ||
	    check_sys(error, "timerfd_create", front.timer, NULL) < 0 ||
	    check_sys(error, "signalfd4", front.parent, NULL) < 0 ||
	    check_sys(error, "prctl", SYS(prctl, K_PR_SET_PDEATHSIG, K_SIGHUP), "PR_SET_PDEATHSIG") < 0 ||
	    closers_start(error) < 0)
		return -1;
	watch(server->channel, CHANNEL, K_POLLIN);
	watch(front.parent, PARENT, K_POLLIN);
	watch(front.timer, TIMER, K_POLLIN);
	watch(server->listener.socket, LISTENER, K_POLLIN);
	front.listening = 1;
	return confine_front(error);
}

static int serve_all(void)
{
	struct k_epoll_event events[64];

	while (!front.draining || !all_ended()) {
		long count = SYS(epoll_pwait, front.epoll, events, 64, closers_look(), 0, sizeof(uint64_t));

		for (long i = 0; i < count; i++)
			if (take_event(&events[i]) < 0)
				return 125;
	}
	return 0;
}

int front_run(struct server *server)
{
	struct llrun_error error;

	if (init(server, &error) < 0) {
		msg_error("llrund", &error);
		return 125;
	}
	int status = serve_all();
	say_goodbye(status);
	return status;
}
