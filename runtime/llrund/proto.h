/* SPDX-License-Identifier: MIT */
/*
 * What llrun and llrund say to each other: one packet (SOCK_SEQPACKET) per message, in the byte order of the machine;
 * descriptors by SCM_RIGHTS; what is of variable size behind the request in its packet, or in a sealed memfd. Never
 * leaves the machine.
 *
 *	client → daemon   struct proto_request: PROTO_RUN, PROTO_STATUS or PROTO_STOP first, with its descriptors;
 *	                  after PROTO_RUN any number of PROTO_SIGNAL
 *	daemon → client   struct proto_reply: PROTO_STOPPED any number of times, then one of the others, then the end
 *
 * Descriptors of every first request: the token, opened for reading; the client's root directory, by O_PATH. Of PROTO_RUN
 * then: the current directory; standard input, output and error as far as `stdio` says they are open; the `nkeep` kept
 * ones; the payload, unless it is inline.
 */
#ifndef LLRUND_PROTO_H
#define LLRUND_PROTO_H

#include "kernel_run.h"
#include "llpb.h"

#define PROTO_MAGIC   0x64726c6cu /* "llrd" */
#define PROTO_VERSION 2

/* Beside the socket PATH the daemon keeps a directory of mode 0700; a sandbox that cannot read it has no token. */
#define PROTO_DIR_SUFFIX ".d"
#define PROTO_TOKEN      "/token"

#define PROTO_MAX_KEEP    LLPB_MAX_KEEP
#define PROTO_MAX_FDS     (4 + 3 + PROTO_MAX_KEEP)
#define PROTO_INLINE      (64u << 10) /* the largest payload that travels in the packet: a memfd costs 12 us */
#define PROTO_MAX_PAYLOAD (32u << 20) /* a blob of 16 MiB, and more strings than execve(2) takes */
#define PROTO_MAX_STRINGS (1u << 20)
#define PROTO_SEALS       (K_F_SEAL_SHRINK | K_F_SEAL_GROW | K_F_SEAL_WRITE)

enum proto_fds { PROTO_FD_TOKEN, PROTO_FD_ROOT, PROTO_FD_CWD };
enum proto_command { PROTO_RUN = 1, PROTO_STATUS, PROTO_STOP, PROTO_SIGNAL, PROTO_COMMANDS };

#define PROTO_F_QUIET  (1u << 0) /* --quiet */
#define PROTO_F_AS_ABI (1u << 1) /* as_abi is meant */
#define PROTO_F_TTY    (1u << 2) /* standard input is a terminal of the client's making: the job's controlling one */
#define PROTO_F_GROUP  (1u << 3) /* PROTO_SIGNAL: to the whole process group, as a terminal does it */
#define PROTO_F_INLINE (1u << 4) /* the payload follows the request */
#define PROTO_F_KNOWN  0x1fu

struct proto_request {
	uint32_t magic; /* PROTO_MAGIC */
	uint16_t version; /* PROTO_VERSION */
	uint16_t command; /* enum proto_command */
	uint32_t flags; /* PROTO_F_* */
	uint32_t signal; /* PROTO_SIGNAL: 1 to K_NSIG, but SIGKILL and SIGSTOP */
	/* PROTO_RUN from here on; zero otherwise */
	uint32_t as_abi;
	uint32_t umask;
	uint32_t stdio; /* bit n: descriptor n is open, and travels */
	uint32_t nkeep;
	uint32_t keep[PROTO_MAX_KEEP]; /* their numbers in the job, all above 2, ascending; 0 beyond nkeep */
	/* The payload: the blob, `blob_size` bytes, a multiple of 8; then NUL-terminated strings: the policy's name for
	 * messages, nargs arguments (at least one), nsets NAME=PATH of slots, nenv variables. Nothing follows. */
	uint32_t payload_size, blob_size;
	uint32_t nargs, nsets, nenv;
	uint32_t reserved;
	uint64_t blocked; /* the client's signal mask before it began */
	struct k_rlimit limits[K_RLIM_NLIMITS];
};
_Static_assert(sizeof(struct proto_request) == 448, "no hidden padding");

enum proto_kind {
	PROTO_REFUSED = 1, /* text: why nothing was run */
	PROTO_EXITED, /* status: exit status of the job */
	PROTO_KILLED, /* status: the signal that killed it */
	PROTO_STOPPED, /* status: the signal that stopped it; the client may send SIGCONT */
	PROTO_TEXT, /* text: the answer to PROTO_STATUS or PROTO_STOP */
	PROTO_KINDS
};

#define PROTO_TEXT_SIZE 1008
struct proto_reply {
	uint32_t magic;
	uint16_t version, kind;
	int32_t status;
	uint32_t size; /* bytes of text that follow, the final NUL included; 0: none */
	char text[PROTO_TEXT_SIZE];
};
#define PROTO_REPLY_HEAD offsetof(struct proto_reply, text)

/* Is this packet a request whose every field makes sense, with as many descriptors as it takes? Reads `size` bytes. */
int proto_request_ok(const struct proto_request *request, size_t size, uint32_t nfds, int first);

/*
 * Is the payload laid out as the request says? `payload` is what must not change meanwhile: sealed. Every string that
 * the request counts is then there and terminated.
 */
int proto_payload_ok(const struct proto_request *request, const char *payload, size_t size);

/* The string behind this one; of strings that proto_payload_ok() has seen. */
static inline const char *proto_next(const char *string)
{
	while (*string)
		string++;
	return string + 1;
}

#endif
