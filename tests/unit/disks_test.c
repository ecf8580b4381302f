/* SPDX-License-Identifier: MIT */
/* Which files llrund closes itself: the lines of mountinfo, whole and in any pieces. */
/* the runtime's, before the compiler's of that name */
#include "../../runtime/text.h"

#include "../../runtime/llrund/disks.c"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static const char text[] =
	"22 27 0:21 / /proc rw,relatime - proc proc rw\n"
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
	"28 27 8:17 / /mnt/a rw shared:1 master:2 propagate_from:3 - xfs /dev/sdb1 rw\n"
	"29 27 8:18 / /mnt/usb rw,user_id=0 shared:7 - fuseblk /dev/sdb2 rw\n"
	"30 27 7:0 / /mnt/loop rw - ext4 /dev/loop0 rw\n"
	"31 27 43:0 / /mnt/nbd rw - ext4 /dev/nbd0 rw\n"
	"32 27 0:40 / - rw - btrfs - ext4\n"
	"33 27 8:19 - - rw - fuseblk - ext4 - ext4\n"
	"34 27 8:20 / /mnt/ext4\\040-\\040ext4 rw - vfat ext4 ext4\n"
	"35 27 8:x / /mnt/b rw - ext4 /dev/sdb rw\n"
	"36 27 4095:1048575 / /mnt/a/name/that/is/longer/than/any/word/that/matters rw - f2fs x rw\n"
	"37 27 254:0 /sub /again rw - ext4 /dev/vda rw\n"
	"38 27 8:21 / /cut rw - ext4";

static void lines(void)
{
	for (size_t piece = 1; piece < sizeof(text); piece += piece < 40 ? 1 : 97) {
		struct disks disks = {.count = 0};

		for (size_t at = 0; at < sizeof(text) - 1; at += piece)
			disks_read(&disks, text + at, sizeof(text) - 1 - at < piece ? sizeof(text) - 1 - at : piece);
		tap_ok(disks.count == 3 && disks_have(&disks, 254, 0) && disks_have(&disks, 8, 17) &&
			       disks_have(&disks, 4095, 1048575),
		       "three disks, in pieces of %zu", piece);
		tap_ok(!disks_have(&disks, 0, 21) && !disks_have(&disks, 8, 18) && !disks_have(&disks, 7, 0) &&
			       !disks_have(&disks, 43, 0) && !disks_have(&disks, 8, 19),
		       "nothing that others answer for");
	}
}

static void many(void)
{
	struct disks disks = {.count = 0};
	char line[64];

	for (int i = 0; i < 2 * MAX_DISKS; i++)
		disks_read(&disks, line, (size_t)sprintf(line, "1 1 8:%d / / rw - ext4 x rw\n", i));
	tap_ok(disks.count == MAX_DISKS && disks_have(&disks, 8, MAX_DISKS - 1) && !disks_have(&disks, 8, MAX_DISKS),
	       "as many as there is room for");
}

int main(void)
{
	lines();
	many();
	return tap_done();
}
