/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file system for tests of writing: a root directory with the files "0" to
 * "3", and behind it a "server" in memory that keeps what was written on stable
 * storage or not, forgets what was not when it is restarted, and does everything
 * when and how the test wants.
 */
#ifndef TESTS_UNIT_VFS_SERVFS_H
#define TESTS_UNIT_VFS_SERVFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVFS_NFILES 4
#define SERVFS_SIZE (2 << 20) /* the most that a file can be */

enum servfs_mode {
	SERVFS_AT_ONCE, /* writes end before pc_write returns */
	SERVFS_WAITER,  /* whoever waits ends all that are queued, last first */
	SERVFS_MANUAL,  /* servfs_finish() ends them */
};

struct servfs {
	_Atomic int mode;
	_Atomic size_t wsize;
	_Atomic int64_t space;    /* no file may be longer */
	_Atomic bool unreadable;  /* reads fail with EACCES */
	_Atomic bool interrupt;   /* waits end with ERESTART */
	_Atomic bool honest;      /* stable writes are; else all are unstable */
	_Atomic int write_error;  /* of the next write, then 0 */
	_Atomic int commit_error; /* of the next commit, then 0 */
	_Atomic int restart_in;   /* the server restarts at this write */
	_Atomic unsigned queued;  /* writes that have not ended */
	_Atomic unsigned reads, writes, stable, commits;
	_Atomic size_t longest; /* write */
};
extern struct servfs servfs;

/* Attach the type, once, and mount it at dir. */
int servfs_mount(const char *dir);
/* Defaults, and empty files. */
void servfs_reset(void);
/* End the n-th queued write (0: the oldest); false if there is none. */
bool servfs_finish(unsigned n, int error);
/* Lose what is not stable. */
void servfs_restart(void);
/* A file as the server has it now, and as it would have it after a restart. */
const uint8_t *servfs_data(int file, int64_t *size);
const uint8_t *servfs_disk(int file, int64_t *size);
/* Somebody else changes the file on the server. */
void servfs_poke(int file, int64_t off, const void *data, size_t len);

/* For an open file. */
void servfs_invalidate(int fd, int64_t lo, int64_t hi);
bool servfs_unsaved(int fd);
int servfs_map_dirty(int fd, int64_t lo, int64_t hi);

#endif /* !TESTS_UNIT_VFS_SERVFS_H */
