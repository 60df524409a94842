/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * close(2), dup(2) and their like: the map and the host's table of descriptors
 * change together, as fdmap.c says.
 */
#include "preload/fdmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/call.h"
#include "preload/fdslots.h"
#include "preload/hidden.h"
#include "preload/process.h"

long
fdmap_close(long fd)
{
	struct rfile *rf;
	long result;
	int error = 0;

	if (fdmap_is_hidden(fd))
		return -EBADF;
	fdmap_clean_up();
	rf = process_owns_table() ? slot_take(fd) : NULL;
	result = HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (process_owns_table())
		fdmap_settle((int)fd);
	if (rf != NULL)
		error = fdmap_put(rf);
	if (result == 0 && error != 0)
		return error > 0 ? -abi_errno_to_linux(error) : -EIO;
	return result;
}

long
fdmap_dup(long fd, long min, bool cloexec)
{
	struct rfile *rf;
	long number;
	int error;

	rf = fdmap_get(fd, &error);
	if (error != 0)
		return -error;
	/* Of a rump file, the placeholder's: fd may be another file by now. */
	if (rf != NULL && rf->rf_fd >= 0 && process_owns_table())
		number = placeholder_dup(min, cloexec);
	else
		number = HOST(SYS_fcntl, fd,
		    cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, min, 0, 0, 0);
	if (rf == NULL)
		return number;
	if (number < 0 || !process_owns_table()) {
		fdmap_put(rf);
		return number;
	}
	return rfile_enter(rf, number);
}

long
host_dup2(long from, long to, long flags)
{
	if (flags < 0)
		return HOST(SYS_dup2, from, to, 0, 0, 0, 0);
	return HOST(SYS_dup3, from, to, flags, 0, 0, 0);
}

/* What would make the host's dup2 fail, before the old file is touched. */
static int
dup2_check(long from, long to, long flags, bool rump)
{
	if (HOST(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0)
		return EBADF;
	if (flags >= 0 && (flags & ~(long)O_CLOEXEC) != 0)
		return EINVAL;
	return rump && slot_make(to) == NULL ? EBADF : 0;
}

/* Replace what is at to; rf, if from is a rump file, with its reference. */
static long
dup2_replace(long from, long to, long flags, struct rfile *rf)
{
	struct rfile *old = slot_take(to);
	bool rump = rf != NULL && rf->rf_fd >= 0;
	long result =
	    rump ? placeholder_dup2(to, flags) : host_dup2(from, to, flags);

	if (result < 0) {
		if (old != NULL)
			rfile_enter(old, to);
		if (rf != NULL)
			(void)fdmap_put(rf);
		return result;
	}
	if (old != NULL)
		(void)fdmap_put(old);
	if (rf != NULL)
		return rfile_enter(rf, to);
	fdmap_settle(to);
	return result;
}

/* flags: those of dup3(2), or -1 for dup2(2). */
long
fdmap_dup2(long from, long to, long flags)
{
	struct rfile *rf;
	int error;

	rf = fdmap_get(from, &error);
	if (error == 0 && fdmap_is_hidden(to) &&
	    (dup2_check(from, to, flags, false) != 0 ||
		!hidden_make_way((int)to)))
		error = EBADF;
	if (error == 0 && from != to && process_owns_table()) {
		error = dup2_check(from, to, flags, rf != NULL);
		if (error == 0)
			return dup2_replace(from, to, flags, rf);
	}
	if (rf != NULL)
		(void)fdmap_put(rf);
	return error != 0 ? -error : host_dup2(from, to, flags);
}

/* The end of the range that begins at fd and has no number of ours in it. */
static unsigned long
open_until(unsigned long fd, unsigned long last)
{
	while (fd < last && fd + 1 < FD_MAX && !fdmap_is_hidden((long)fd + 1)) {
		fd++;
		/* Skip tables that do not exist. */
		if (fd % FD_SECOND == 0 && slot_find((long)fd) == NULL)
			fd += FD_SECOND - 1;
	}
	return fd + 1 >= FD_MAX || fd > last ? last : fd;
}

static void
settle_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < FD_MAX; fd++) {
		if (slot_find((long)fd) == NULL)
			fd |= FD_SECOND - 1;
		else
			fdmap_settle((long)fd);
	}
}

static void
take_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < FD_MAX; fd++) {
		struct rfile *rf;

		if (slot_find((long)fd) == NULL) {
			fd |= FD_SECOND - 1;
			continue;
		}
		rf = slot_take((long)fd);
		if (rf != NULL)
			(void)fdmap_put(rf);
	}
}

long
fdmap_close_range(unsigned long first, unsigned long last, long flags)
{
	unsigned long from, to;
	long result = 0;

	/* What only marks descriptors harms neither us nor the table. */
	if (first > last || last > UINT32_MAX || (flags & ~2L) != 0)
		return HOST(SYS_close_range, first, last, flags, 0, 0, 0);
	for (from = first; from <= last && result == 0; from = to + 1) {
		if (fdmap_is_hidden((long)from)) {
			to = from;
			continue;
		}
		to = open_until(from, last);
		if (process_owns_table())
			take_range(from, to);
		result = HOST(SYS_close_range, from, to, flags, 0, 0, 0);
		if (process_owns_table() && engine_is_threaded())
			settle_range(from, to);
	}
	return result;
}
