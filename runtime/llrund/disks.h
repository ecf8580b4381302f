/* SPDX-License-Identifier: MIT */
/* Which files lie on this machine's own disks: closing one waits for the disk, and for nobody else. */
#ifndef LLRUND_DISKS_H
#define LLRUND_DISKS_H

#include <stddef.h>
#include <stdint.h>

#define MAX_DISKS 32

struct disks {
	uint32_t devices[MAX_DISKS][2]; /* major, minor */
	uint32_t count;
	/* of the line that is being read */
	char word[16];
	uint32_t length, field, place, device[2];
};

/* More of the text of /proc/self/mountinfo, of which *disks (zero at first) knows what came before. */
void disks_read(struct disks *disks, const char *text, size_t size);
int disks_have(const struct disks *disks, uint32_t major, uint32_t minor);

#endif
