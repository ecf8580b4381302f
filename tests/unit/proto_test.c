/* SPDX-License-Identifier: MIT */
/* What llrund's front lets through: every field of a request, one at a time; the payload's strings to the byte. */
#include "../../runtime/llrund/proto.c"

#include <string.h>

#include "tap.h"

static struct proto_request good(void)
{
	struct proto_request request;

	memset(&request, 0, sizeof(request));
	request.magic = PROTO_MAGIC;
	request.version = PROTO_VERSION;
	request.command = PROTO_RUN;
	request.stdio = 5;
	request.nkeep = 2;
	request.keep[0] = 3;
	request.keep[1] = 9;
	request.payload_size = 24;
	request.blob_size = 8;
	request.nargs = 2;
	request.nsets = 1;
	request.nenv = 1;
	return request;
}

/* token, root, directory, two standard ones, two kept, payload */
enum { FDS = 8 };

#define BAD(what, ...)                                                                                               \
	do {                                                                                                         \
		struct proto_request r = good();                                                                     \
		__VA_ARGS__;                                                                                         \
		tap_ok(!proto_request_ok(&r, sizeof(r), FDS, 1), "refused: " what);                                  \
	} while (0)

static void whole(void)
{
	struct proto_request r = good();

	tap_ok(proto_request_ok(&r, sizeof(r), FDS, 1), "a good request");
	tap_ok(!proto_request_ok(&r, sizeof(r), FDS, 0), "not as a later packet");
	tap_ok(!proto_request_ok(&r, sizeof(r) - 1, FDS, 1), "not a byte short");
	tap_ok(!proto_request_ok(&r, sizeof(r), FDS - 1, 1) && !proto_request_ok(&r, sizeof(r), FDS + 1, 1),
	       "exactly its descriptors");
	r.flags = PROTO_F_INLINE;
	tap_ok(proto_request_ok(&r, sizeof(r) + 24, FDS - 1, 1), "the payload inline");
	tap_ok(!proto_request_ok(&r, sizeof(r) + 24, FDS, 1), "inline, and not in a memfd as well");
	tap_ok(!proto_request_ok(&r, sizeof(r) + 23, FDS - 1, 1) &&
		       !proto_request_ok(&r, sizeof(r) + 25, FDS - 1, 1) &&
		       !proto_request_ok(&r, sizeof(r), FDS - 1, 1),
	       "inline, of the size it states");
	r.payload_size = PROTO_INLINE + 1;
	tap_ok(!proto_request_ok(&r, sizeof(r) + r.payload_size, FDS - 1, 1), "too large to be inline");
	r.payload_size = UINT32_MAX;
	tap_ok(!proto_request_ok(&r, sizeof(r) - 1, FDS - 1, 1), "a size that would wrap");
}

static void fields(void)
{
	BAD("magic", r.magic++);
	BAD("version", r.version++);
	BAD("command 0", r.command = 0);
	BAD("a command beyond", r.command = PROTO_COMMANDS);
	BAD("PROTO_F_GROUP", r.flags = PROTO_F_GROUP);
	BAD("an unknown flag", r.flags = PROTO_F_KNOWN + 1);
	BAD("a terminal without standard input", r.flags = PROTO_F_TTY, r.stdio = 6);
	BAD("a signal", r.signal = 1);
	BAD("umask 01000", r.umask = 01000);
	BAD("standard descriptor 3", r.stdio = 13);
	BAD("33 kept", r.nkeep = 33);
	BAD("kept 2", r.keep[0] = 2);
	BAD("kept in disorder", r.keep[1] = 3);
	BAD("kept beyond INT_MAX", r.keep[1] = 0x80000000u);
	BAD("a number beyond the kept ones", r.keep[2] = 10);
	BAD("no argument", r.nargs = 0);
	BAD("more strings than bytes", r.nenv = 13);
	BAD("counts that wrap", r.nargs = UINT32_MAX);
	BAD("65 slots", r.nsets = 65);
	BAD("a blob larger than the payload", r.blob_size = 32);
	BAD("a blob of odd size", r.blob_size = 7);
	BAD("a payload too large", r.payload_size = PROTO_MAX_PAYLOAD + 1);
	BAD("reserved", r.reserved = 1);
}

static void others(void)
{
	struct proto_request r;

	memset(&r, 0, sizeof(r));
	r.magic = PROTO_MAGIC;
	r.version = PROTO_VERSION;
	r.command = PROTO_SIGNAL;
	r.signal = 64;
	tap_ok(proto_request_ok(&r, sizeof(r), 0, 0), "signal 64");
	tap_ok(!proto_request_ok(&r, sizeof(r), 0, 1), "no signal before a run");
	tap_ok(!proto_request_ok(&r, sizeof(r), 1, 0), "no descriptor with a signal");
	r.signal = 65;
	tap_ok(!proto_request_ok(&r, sizeof(r), 0, 0), "no signal 65");
	r.signal = 0;
	tap_ok(!proto_request_ok(&r, sizeof(r), 0, 0), "no signal 0");
	r.signal = K_SIGSTOP;
	tap_ok(!proto_request_ok(&r, sizeof(r), 0, 0), "nor SIGSTOP, which no client can have got");
	r.signal = K_SIGKILL;
	tap_ok(!proto_request_ok(&r, sizeof(r), 0, 0), "nor SIGKILL");
	r.signal = 0;
	r.command = PROTO_STATUS;
	tap_ok(proto_request_ok(&r, sizeof(r), PROTO_FD_CWD, 1) && !proto_request_ok(&r, sizeof(r), 1, 1) &&
		       !proto_request_ok(&r, sizeof(r), 3, 1),
	       "status, with its proofs");
	r.limits[15].max = 1;
	tap_ok(!proto_request_ok(&r, sizeof(r), PROTO_FD_CWD, 1), "status with something behind it");
	r.limits[15].max = 0;
	r.flags = PROTO_F_INLINE;
	tap_ok(!proto_request_ok(&r, sizeof(r), PROTO_FD_CWD, 1), "status with a payload");
	r.flags = 0;
	r.command = PROTO_STOP;
	tap_ok(proto_request_ok(&r, sizeof(r), PROTO_FD_CWD, 1) && !proto_request_ok(&r, sizeof(r), 1, 1) &&
		       !proto_request_ok(&r, sizeof(r), 0, 1),
	       "stop, with its proofs");
}

static void payloads(void)
{
	struct proto_request r = good();
	char payload[25] = "BLOBBLOB"
			   "n\0a\0bb\0s=x\0v=yz\0";

	tap_ok(proto_payload_ok(&r, payload, 24), "five strings");
	tap_ok(!proto_payload_ok(&r, payload, 23) && !proto_payload_ok(&r, payload, 25),
	       "its size is the one it states");
	r.nenv = 0;
	tap_ok(!proto_payload_ok(&r, payload, 24), "one too many");
	r.nenv = 2;
	tap_ok(!proto_payload_ok(&r, payload, 24), "one too few");
	r.nenv = 1;
	payload[23] = 'x';
	tap_ok(!proto_payload_ok(&r, payload, 24), "the last one not terminated");
	payload[23] = 0;
	r.blob_size = 24;
	tap_ok(!proto_payload_ok(&r, payload, 24), "nothing but the blob");
}

int main(void)
{
	whole();
	fields();
	others();
	payloads();
	return tap_done();
}
