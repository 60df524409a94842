/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text in which open rump files are told to the next image.  One entry an
 * open file description:
 *
 *     NUMBER[+NUMBER...],KIND,FLAGS,POSITION,INODE,LENGTH,PATH;
 *
 * FLAGS are those of open(2) on Linux; KIND and what the other fields mean: see
 * inherit.c and handover.c.  PATH may contain anything and has LENGTH bytes.
 */
#ifndef PRELOAD_ENTRIES_H
#define PRELOAD_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/pool.h"

#define ENTRIES_MAX (128 * 1024) /* the host's limit for one string */

struct rfile;
struct text;

struct entry {
	const char *e_numbers; /* digits and '+', ends with ',' */
	char e_kind;
	int64_t e_flags;
	int64_t e_position;
	uint64_t e_inode;
	char e_path[PATHBUF_SIZE];
};

/* Does number fd stay open when something is executed? */
bool entry_crosses(long fd);
/* Has rf, which the caller has a reference to, a number below fd that does? */
bool entry_is_known(long fd, const struct rfile *rf);

/* fd, and the numbers above it that rf has and that cross, too. */
void entry_put_numbers(struct text *t, long fd, const struct rfile *rf);
/* Everything behind the kind. */
void entry_put_fields(struct text *t, int64_t flags, int64_t position,
    uint64_t inode, const char *path);

/* The entry at *p, which goes on to the next one.  False: there is none. */
bool entry_take(const char **p, struct entry *e);
/* The number at *p of an entry's, and *p to the next one; -1 when there is
 * none. */
int entry_next_number(const char **p);
/* Is there an old placeholder at fd?  Whatever the text says, nothing else is
 * closed. */
bool entry_is_left(int fd);

#endif /* !PRELOAD_ENTRIES_H */
