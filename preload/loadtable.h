/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process tells the dynamic linker of the image that it becomes about
 * libraries: a socket that the next image inherits holds messages, and their
 * sender has closed its end.  A message is a number of entries,
 *
 *     KIND NAME NUL PATH NUL DIRECTORY NUL DEVICE NUL INODE NUL
 *
 * and for each of kind LOAD_COPY, in that order, a descriptor.  NAME is what a
 * file needs or LD_PRELOAD says; PATH is where the program finds it, in the
 * absolute DIRECTORY (empty: not known), and it will show these numbers (0: not
 * known).
 */
#ifndef PRELOAD_LOADTABLE_H
#define PRELOAD_LOADTABLE_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_VARIABLE "RUMPKIT_LIBRARIES" /* the socket's number */
#define LOAD_LIBRARY "librumpaudit.so.0"  /* beside the hijack library */

#define LOAD_COPY 'c' /* a copy of a file of a kernel's */
#define LOAD_HOST 'h' /* the host's own */
#define LOAD_PROGRAM                                                           \
	'p' /* NAME is the number of the program's copy, which is
			  * inherited */

#define LOAD_MESSAGE 16384 /* bytes of a message at most */
#define LOAD_COPIES 64     /* descriptors of a message at most */
#define LOAD_ENTRIES 1024  /* of all messages; more are not taken */

struct load_entry {
	char le_kind;
	const char *le_name, *le_path;
	const char *le_directory; /* or NULL */
	uint64_t le_device, le_inode;
	long le_copy;
};

/* A table in the making. */
struct loadtable {
	int lt_ends[2];
	size_t lt_len;
	unsigned lt_ncopies;
	int lt_copies[LOAD_COPIES];
	char lt_text[LOAD_MESSAGE];
};

/* 0 or a Linux errno. */
int loadtable_open(struct loadtable *lt);
int loadtable_put(struct loadtable *lt, const struct load_entry *le);
/* The end that is to be inherited, close-on-exec still; or there is none. */
int loadtable_close(struct loadtable *lt, long *fd);
void loadtable_drop(struct loadtable *lt);

#endif /* !PRELOAD_LOADTABLE_H */
