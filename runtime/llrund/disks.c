/* SPDX-License-Identifier: MIT */
/*
 * The mounts whose files can be closed without help: those on block devices of file systems without ->flush() of their
 * own. What the last close of such a file waits for is the disk: space for what was written late (fs/ext4/file.c,
 * ext4_release_file(); fs/xfs/xfs_file.c, xfs_file_release()) or the blocks of a file without a name.
 *
 * No system call, no state but the caller's: a test links it as it is.
 *
 * MUST NOT take a device that somebody else answers for: loop (a file of any file system) and nbd (a server). FUSE on a
 * block device is of another type, "fuseblk", and not here; where it comes later, under the same number, closer.c sees
 * that by what statx(2) knows of the file.
 */
#include "disks.h"

#include "text.h"

enum { FIELD_DEVICE = 2, FIELD_OPTIONS = 6 }; /* counted from 0; Documentation/filesystems/proc.rst */
enum { BEFORE_TYPE, AT_TYPE, BEHIND_TYPE };
enum { MAJOR_ANONYMOUS = 0, MAJOR_LOOP = 7, MAJOR_NBD = 43 };

static void add(struct disks *disks)
{
	const uint32_t major = disks->device[0];

	if (major == MAJOR_ANONYMOUS || major == MAJOR_LOOP || major == MAJOR_NBD || disks->count == MAX_DISKS ||
	    disks_have(disks, major, disks->device[1]))
		return;
	disks->devices[disks->count][0] = major;
	disks->devices[disks->count++][1] = disks->device[1];
}

static int is_known(const char *type)
{
	return streq(type, "ext4") || streq(type, "ext3") || streq(type, "ext2") || streq(type, "xfs") ||
	       streq(type, "f2fs");
}

/* MAJOR:MINOR; anything else is no device of ours. */
static void take_device(struct disks *disks)
{
	const char *minor = number(disks->word, &disks->device[0]);

	if (!minor || *minor != ':' || !number(minor + 1, &disks->device[1]))
		disks->device[0] = MAJOR_ANONYMOUS;
}

static void take_word(struct disks *disks)
{
	if (disks->field == FIELD_DEVICE)
		take_device(disks);
	if (disks->place == AT_TYPE) {
		if (is_known(disks->word))
			add(disks);
		disks->place = BEHIND_TYPE;
	}
	/* the type follows the first lonely hyphen behind any number of options */
	if (disks->place == BEFORE_TYPE && disks->field >= FIELD_OPTIONS && streq(disks->word, "-"))
		disks->place = AT_TYPE;
	disks->field++;
}

void disks_read(struct disks *disks, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] != ' ' && text[i] != '\n') {
			/* a longer word is none of those looked for */
			disks->word[disks->length] = text[i];
			disks->length += disks->length < sizeof(disks->word) - 1;
			continue;
		}
		disks->word[disks->length] = 0;
		disks->length = 0;
		take_word(disks);
		if (text[i] == '\n')
			disks->field = disks->place = 0;
	}
}

int disks_have(const struct disks *disks, uint32_t major, uint32_t minor)
{
	for (uint32_t i = 0; i < disks->count; i++)
		if (disks->devices[i][0] == major && disks->devices[i][1] == minor)
			return 1;
	return 0;
}
