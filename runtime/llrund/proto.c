/* SPDX-License-Identifier: MIT */
/*
 * What a packet may say. No allocation, no system call, no state: the fuzzer links it as it is.
 *
 * MUST accept any bytes without reading outside them.
 */
#include "proto.h"

/*
 * The two that no client can have got, and a supervisor cannot keep from itself: stopped while it has the lock of the audit
 * log, it would stop all others that write to it.
 */
static int can_be_sent(uint32_t signal)
{
	return signal - 1 < K_NSIG && signal != K_SIGKILL && signal != K_SIGSTOP;
}

static uint32_t bits(uint32_t word)
{
	uint32_t count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

static int keep_ok(const struct proto_request *request)
{
	uint32_t above = 2;

	for (uint32_t i = 0; i < PROTO_MAX_KEEP; i++) {
		uint32_t fd = request->keep[i];

		if (i < request->nkeep ? fd <= above || fd > INT32_MAX : fd != 0)
			return 0;
		above = fd;
	}
	return 1;
}

static int run_ok(const struct proto_request *request)
{
	const uint32_t flags = PROTO_F_QUIET | PROTO_F_AS_ABI | PROTO_F_TTY | PROTO_F_INLINE;
	const uint32_t most = request->flags & PROTO_F_INLINE ? PROTO_INLINE : PROTO_MAX_PAYLOAD;

	/* each string has at least its NUL, so that the size bounds the counts; no sum can wrap */
	return !(request->flags & ~flags) && request->stdio < 8 &&
	       (!(request->flags & PROTO_F_TTY) || request->stdio & 1) && request->umask < 01000 &&
	       request->nkeep <= PROTO_MAX_KEEP && keep_ok(request) && request->payload_size <= most &&
	       request->blob_size <= LLPB_MAX_SIZE && request->blob_size % 8 == 0 &&
	       request->nargs - 1 < PROTO_MAX_STRINGS && request->nsets <= LLPB_MAX_SLOTS &&
	       request->nenv < PROTO_MAX_STRINGS && !request->signal && !request->reserved &&
	       request->payload_size >= request->blob_size &&
	       request->payload_size - request->blob_size > request->nargs + request->nsets + request->nenv;
}

/* Whatever lies behind the first four fields belongs to PROTO_RUN. */
static int rest_is_zero(const struct proto_request *request)
{
	const char *at = (const char *)&request->as_abi, *end = (const char *)(request + 1);

	while (at < end && !*at)
		at++;
	return at == end;
}

int proto_request_ok(const struct proto_request *request, size_t size, uint32_t nfds, int first)
{
	uint32_t in = size < sizeof(*request) ? 0 : request->flags & PROTO_F_INLINE;

	if (size != sizeof(*request) + (in ? request->payload_size : 0) || request->magic != PROTO_MAGIC ||
	    request->version != PROTO_VERSION || request->flags & ~PROTO_F_KNOWN)
		return 0;
	if (!first)
		return request->command == PROTO_SIGNAL && !nfds && can_be_sent(request->signal) &&
		       !(request->flags & ~PROTO_F_GROUP) && rest_is_zero(request);
	if (request->command == PROTO_STATUS || request->command == PROTO_STOP)
		return nfds == PROTO_FD_CWD && !request->flags && !request->signal && rest_is_zero(request);
	return request->command == PROTO_RUN && run_ok(request) &&
	       nfds == PROTO_FD_CWD + 1 + bits(request->stdio) + request->nkeep + !in;
}

int proto_payload_ok(const struct proto_request *request, const char *payload, size_t size)
{
	uint32_t strings = 0;

	if (size != request->payload_size || size <= request->blob_size || payload[size - 1])
		return 0;
	for (size_t i = request->blob_size; i < size; i++)
		strings += !payload[i];
	return strings == 1 + request->nargs + request->nsets + request->nenv;
}
