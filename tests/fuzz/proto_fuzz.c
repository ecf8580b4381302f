/* SPDX-License-Identifier: MIT */
/*
 * What a client of llrund may send: a packet, any bytes, and its payload. First as they come; then with the fields that
 * every packet must get right made right, so that the fuzzer gets behind them. What is accepted is walked as a job does.
 */
#include "../../runtime/llrund/proto.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t sink;

static void walk(const struct proto_request *request, const char *payload, size_t size)
{
	const char *at = payload + request->blob_size, *end = payload + size;

	for (uint32_t i = 0; i < 1 + request->nargs + request->nsets + request->nenv; i++) {
		if (at >= end)
			abort();
		sink += strlen(at);
		at = proto_next(at);
	}
	if (at != end)
		abort();
}

static void look(const struct proto_request *request, size_t size, const char *payload, size_t payload_size)
{
	for (uint32_t nfds = 0; nfds < PROTO_MAX_FDS + 2; nfds++)
		for (int first = 0; first < 2; first++)
			if (proto_request_ok(request, size, nfds, first)) {
				if (request->command == PROTO_RUN ? nfds <= PROTO_FD_CWD : nfds > PROTO_FD_CWD)
					abort();
				if (request->command == PROTO_RUN && proto_payload_ok(request, payload, payload_size))
					walk(request, payload, payload_size);
			}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_request request;
	size_t head = size < sizeof(request) ? size : sizeof(request), rest = size - head;
	char *payload = malloc(rest + !rest);

	/* of its own size, so that a byte too far is seen */
	if (!payload)
		return 0;
	memset(&request, 0, sizeof(request));
	memcpy(&request, data, head);
	memcpy(payload, data + head, rest);
	look(&request, size, payload, rest);
	request.magic = PROTO_MAGIC;
	request.version = PROTO_VERSION;
	request.command = (uint16_t)(request.command % PROTO_COMMANDS);
	request.flags &= PROTO_F_KNOWN;
	look(&request, sizeof(request), payload, rest);
	request.command = PROTO_RUN;
	request.signal = request.reserved = 0;
	request.umask &= 0777;
	request.stdio &= 7;
	request.nkeep %= PROTO_MAX_KEEP;
	for (uint32_t i = 0; i < PROTO_MAX_KEEP; i++)
		request.keep[i] = i < request.nkeep ? 3 + i : 0;
	request.payload_size = (uint32_t)rest;
	look(&request, sizeof(request), payload, rest);
	request.blob_size = rest ? request.blob_size % (uint32_t)rest & ~7u : 0;
	request.nargs %= 64;
	request.nsets %= 8;
	request.nenv = 0;
	for (size_t i = request.blob_size; i < rest; i++)
		request.nenv += !payload[i];
	request.nenv -= 1 + request.nargs + request.nsets;
	look(&request, sizeof(request) + (request.flags & PROTO_F_INLINE ? rest : 0), payload, rest);
	free(payload);
	return 0;
}
