/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers above the program's soft limit are best: it cannot have them.  When
 * that limit is high they would make the host's table, which each fork copies,
 * large; or the hard limit leaves nothing above.  Then they stand at the top of
 * what there is.
 */
#include "preload/hidden.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/fdslots.h"
#include "preload/nofile.h"
#include "preload/process.h"

#define RESERVE 128 /* numbers at the top for our own descriptors */
#define LOWEST 1024 /* programs with a low limit may raise it */
#define HIGHEST 2048

#define NMOVABLE 5

/* Who keeps the numbers of descriptors that may change. */
static atomic_int *movable[NMOVABLE];

static long
dup_at(int fd, uint64_t min)
{
	return HOST(SYS_fcntl, fd, F_DUPFD_CLOEXEC, min, 0, 0, 0);
}

/* A duplicate above the soft limit, or -errno. */
static long
dup_above(int fd, uint64_t limit)
{
	long number = nofile_dup(fd, limit < LOWEST ? LOWEST : limit);

	return number < 0 ? nofile_dup(fd, nofile_room()) : number;
}

/* Or at least one. */
long
hidden_away(int fd)
{
	uint64_t limit = nofile_limit(), top;
	long number = -1;

	if (limit <= HIGHEST)
		number = dup_above(fd, limit);
	top = limit < HIGHEST ? limit : HIGHEST;
	if (number < 0)
		number =
		    dup_at(fd, top > 2 * RESERVE ? top - RESERVE : top / 2);
	if (number < 0)
		number = nofile_dup(fd, limit > 3 ? limit : 3);
	/* Better one that is seen than none. */
	if (number < 0)
		number = dup_at(fd, 3);
	return number;
}

long
hidden_dup(int fd)
{
	long number = hidden_away(fd);

	if (number < 0 || fdmap_set_hidden(number, true))
		return number;
	HOST(SYS_close, number, 0, 0, 0, 0, 0);
	return -EMFILE;
}

long
hidden_take(int fd)
{
	long number = hidden_dup(fd);

	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	return number;
}

void
hidden_forget(int fd)
{
	(void)fdmap_set_hidden(fd, false);
}

void
hidden_close(int fd)
{
	/* A number that is aliased stays ours. */
	if (fdalias_place(fd) >= 0 && placeholder_dup2(fd, O_CLOEXEC) >= 0)
		return;
	hidden_forget(fd);
	HOST(SYS_close, fd, 0, 0, 0, 0, 0);
}

static atomic_int *
keeper_of(int fd)
{
	for (size_t i = 0; i < NMOVABLE; i++) {
		if (movable[i] != NULL && atomic_load(movable[i]) == fd)
			return movable[i];
	}
	return NULL;
}

static void
keep_at(int number, atomic_int *where)
{
	atomic_store(where, number);
	for (size_t i = 0; i < NMOVABLE; i++) {
		if (movable[i] == NULL || movable[i] == where) {
			movable[i] = where;
			break;
		}
	}
}

long
hidden_keep(int fd, atomic_int *where)
{
	long number = hidden_take(fd);

	if (number >= 0)
		keep_at((int)number, where);
	return number;
}

long
hidden_adopt(int fd, atomic_int *where)
{
	if (!fdmap_set_hidden(fd, true)) {
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
		return -EMFILE;
	}
	keep_at(fd, where);
	return fd;
}

/* In a vfork child the numbers stand in its parent's memory. */
bool
hidden_make_way(int fd)
{
	long flags = HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0), number;
	atomic_int *where;

	where = process_owns_memory() && !fdshare_on() ? keeper_of(fd) : NULL;
	number = where != NULL ? hidden_dup(fd) : -1;
	if (number < 0)
		return false;
	if (flags == 0)
		HOST(SYS_fcntl, number, F_SETFD, 0, 0, 0, 0);
	atomic_store(where, (int)number);
	hidden_forget(fd);
	return true;
}

void
hidden_forked(int fd)
{
	if (keeper_of(fd) == NULL)
		hidden_close(fd);
}
