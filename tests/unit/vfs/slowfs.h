/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file system for tests of the page cache: a root directory with the files
 * "0" to "7", whose bytes are a function of file, offset and generation, and
 * whose fills end when and how the test wants.
 */
#ifndef TESTS_UNIT_VFS_SLOWFS_H
#define TESTS_UNIT_VFS_SLOWFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOWFS_NFILES 8

enum slowfs_mode {
	SLOWFS_AT_ONCE, /* fills end before pc_start returns */
	SLOWFS_WAITER,  /* whoever waits ends all that are queued, last first */
	SLOWFS_MANUAL,  /* slowfs_finish() ends them */
};

struct slowfs {
	_Atomic int mode;
	_Atomic int64_t size;        /* of every file */
	_Atomic unsigned generation; /* of the contents */
	_Atomic unsigned readahead;  /* blocks */
	_Atomic int error;           /* the next fill's, then 0 */
	_Atomic bool interrupt;      /* waits end with ERESTART */
	_Atomic unsigned queued;     /* fills that have not ended */
	_Atomic unsigned starts, flushes;
	_Atomic int64_t started_to; /* end of the furthest fill */
};
extern struct slowfs slowfs;

/* Attach the type, once, and mount it at dir. */
int slowfs_mount(const char *dir);
/* Defaults: at once, 1 MiB, no readahead. */
void slowfs_reset(void);
/* End the n-th queued fill (0: the oldest) with error; false if there is no
 * such fill. */
bool slowfs_finish(unsigned n, int error);
uint8_t slowfs_byte(unsigned file, int64_t off, unsigned generation);
/* Drop cached pages of an open file. */
void slowfs_invalidate(int fd, int64_t lo, int64_t hi);

#endif /* !TESTS_UNIT_VFS_SLOWFS_H */
