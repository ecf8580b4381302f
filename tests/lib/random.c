/* SPDX-License-Identifier: MIT */
#include "random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access.h"
#include "tap.h"

static uint64_t state;

void random_begin(const char *otherwise)
{
	const char *seed = getenv("SEED") ? getenv("SEED") : otherwise;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	state = seed && strcmp(seed, "random") ? strtoull(seed, NULL, 0)
					       : (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
	if (!state)
		state = 1; /* xorshift stays at 0 */
	tap_note("SEED=%" PRIu64, state);
}

uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

unsigned below(unsigned n)
{
	return (unsigned)(random_bits() >> 33) % n;
}

uint64_t random_rights(void)
{
	uint64_t rights = random_bits() & abi_fs_mask(7);

	return below(3) ? rights | (random_bits() & abi_fs_mask(7)) : rights;
}

void put_rights(FILE *out, uint64_t rights)
{
	const char *separator = "";

	fputc('[', out);
#define LL_FS(name, bit, abi, kind, help)                                                                            \
	if (rights & UINT64_C(1) << (bit)) {                                                                         \
		fprintf(out, "%s\"%s\"", separator, #name);                                                          \
		separator = ", ";                                                                                    \
	}
#include "access.def"
	fputs("]\n", out);
}
