/* SPDX-License-Identifier: MIT */
/*
 * The payload of a request: both processes look at it, the front to refuse, the spawner because it must not trust even
 * the front with its memory.
 *
 * MUST NOT read from anything but a memfd: another file system may never answer.
 * MUST NOT map holes: reading them allocates pages that our control group pays for and the client's descriptor keeps.
 */
#include "serve.h"

/* Whole, and all of it there. What is sealed like this can neither grow, shrink nor get holes (mm/shmem.c). */
static int is_whole(int fd, uint32_t size)
{
	struct k_statx file;

	return SYS(statx, fd, "", K_AT_EMPTY_PATH | K_AT_STATX_DONT_SYNC, K_STATX_BASIC_STATS, &file) == 0 &&
	       file.size == size && file.blocks >= (size + 511) / 512;
}

const char *payload_get(const struct proto_request *request, int fd, char *buffer, const char **why)
{
	int in = request->flags & PROTO_F_INLINE;
	long seals = in ? PROTO_SEALS : SYS(fcntl, fd, K_F_GET_SEALS), at = (long)buffer;
	uint32_t size = request->payload_size;

	*why = "the payload is not a sealed memfd";
	if (seals < 0 || (seals & PROTO_SEALS) != PROTO_SEALS)
		return NULL;
	*why = "the payload is not what the request says";
	if (size <= PAYLOAD_SMALL && !in) {
		/* one byte more, to see whether it is there */
		if (SYS(pread64, fd, buffer, size + 1) != (long)size)
			return NULL;
	} else if (!in) {
		if (!is_whole(fd, size))
			return NULL;
		at = SYS(mmap, 0, size, K_PROT_READ, K_MAP_PRIVATE, fd);
		*why = "the daemon is out of memory";
		if (at < 0 && at > -4096)
			return NULL;
		*why = "the payload is not what the request says";
	}
	if (proto_payload_ok(request, (const char *)at, size))
		return (const char *)at;
	if ((char *)at != buffer)
		SYS(munmap, at, size);
	return NULL;
}
