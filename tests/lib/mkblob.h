/* SPDX-License-Identifier: MIT */
/*
 * A second encoder of LLPB, written from schema/llpb.h alone: good blobs without the compiler, and blobs that the
 * compiler would never write. A blob is described by lines of words, in this order where one refers to another:
 *
 *	name NAME | best-effort | plans N | layers N | stripped
 *	handled LAYER RIGHTS NET SCOPE
 *	slot NAME arg|cwd|env:VARIABLE [dir] [file] [root] [optional] [default=PATH]
 *	path LAYER RIGHTS PATH [optional] [follow] [keep] [uid] [slot=INDEX] [rule=INDEX] [root]
 *	port LAYER NET PORT
 *	deny NUMBER ERRNO | kill NUMBER		a linear filter for this machine's architecture, on every plan
 *	allow_filter				a filter that allows everything
 *	foreign_filter				a filter for another architecture only
 *	env pass NAME | env prefix PREFIX | env set NAME=VALUE
 *	close_fds | new_session | exit_1 | umask OCTAL | drop MASK | keep N
 *	guarantee NAME firm|extra MECHANISMS	one digit per plan, e.g. 001111111111
 *	loss FIRST LAST WORD
 *	view SPACES [root=PATH] [from=SLOT] [cwd=PATH] [as_root] [attrs=MASK] [follow_source]
 *	tmpfs TARGET | proc TARGET | bind SOURCE TARGET		"-" is ""; and then any of in_root, create, optional,
 *				follow_source, follow_target, attrs=MASK, size=, inodes=, mode=, from=SLOT, at=SLOT
 *	refuse N				plan N refuses
 *	min_abi N
 *
 * RIGHTS, NET, SCOPE: a number, or ro, rox, rw, rwx, all, none. Words are separated by one blank; "%20" in a word is a
 * byte in hexadecimal. Sources are "test.toml", lines those of the description. Errors abort: this is a test tool.
 */
#ifndef TESTS_MKBLOB_H
#define TESTS_MKBLOB_H

#include <stddef.h>

#include "llpb.h"

/* A blob in malloc()ed memory of exactly its size. */
unsigned char *mkblob(const char *description, size_t *size);
/* Make the checksum right again after a change. */
void mkblob_seal(unsigned char *blob, size_t size);
/* The first record of a section. */
void *mkblob_at(unsigned char *blob, enum llpb_section section);

#endif
