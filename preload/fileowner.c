/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files are always ready, so that nobody is ever sent a signal; but what was set
 * can be read again, by all who have the file.  Processes and groups are the
 * host's: it says which there are.
 */
#include "preload/fileowner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/descriptor.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define KEEP (-1)
#define SIGNALS 64 /* that there are */

static bool
is_process(int pid)
{
	return HOST(SYS_getpgid, pid, 0, 0, 0, 0, 0) != -ESRCH;
}

static bool
is_group(int pid)
{
	return HOST(SYS_kill, -pid, 0, 0, 0, 0, 0) != -ESRCH;
}

static long
set(struct call *c, struct rfile *rf, int type, int pid, int sig)
{
	struct rump_fileowner owner = { type, pid, sig };

	return fd_call(
	    c, rf, RUMP_SYS_fcntl, (int)RUMP_F_SETOWNER, (int64_t)&owner, 0, 0);
}

static long
set_owner(struct call *c, struct rfile *rf, int type, int pid)
{
	if (pid < 0 || (pid != 0 && !is_process(pid) && !is_group(pid)))
		return -ESRCH;
	return set(c, rf, type, pid, KEEP);
}

static long
set_owner_number(struct call *c, struct rfile *rf, int who)
{
	if (who == INT_MIN)
		return -EINVAL;
	return who < 0 ? set_owner(c, rf, F_OWNER_PGRP, -who)
		       : set_owner(c, rf, F_OWNER_PID, who);
}

static long
set_owner_typed(struct call *c, struct rfile *rf)
{
	struct f_owner_ex ex;
	int error = usercopy_in(&ex, (const void *)c->arg[2], sizeof(ex));

	if (error != 0)
		return -error;
	if (ex.type != F_OWNER_TID && ex.type != F_OWNER_PID &&
	    ex.type != F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(c, rf, ex.type, ex.pid);
}

/* Who has ended owns nothing. */
static long
get(struct call *c, struct rfile *rf, struct rump_fileowner *owner)
{
	long r = fd_call(
	    c, rf, RUMP_SYS_fcntl, (int)RUMP_F_GETOWNER, (int64_t)owner, 0, 0);
	int pid = r < 0 ? 0 : owner->fo_pid;

	if (pid != 0 &&
	    !(owner->fo_type == F_OWNER_PGRP ? is_group(pid) : is_process(pid)))
		owner->fo_pid = 0;
	return r;
}

static long
get_owner_typed(struct call *c, const struct rump_fileowner *owner)
{
	struct f_owner_ex ex = { owner->fo_type, owner->fo_pid };

	return -usercopy_out(&ex, (void *)c->arg[2], sizeof(ex));
}

long
fileowner_fcntl(struct call *c, struct rfile *rf)
{
	struct rump_fileowner owner;
	int cmd = (int)c->arg[1];
	long r;

	if (cmd == F_SETOWN)
		return set_owner_number(c, rf, (int)c->arg[2]);
	if (cmd == F_SETOWN_EX)
		return set_owner_typed(c, rf);
	if (cmd == F_SETSIG)
		return (unsigned long)c->arg[2] > SIGNALS
			   ? -EINVAL
			   : set(c, rf, KEEP, 0, (int)c->arg[2]);
	r = get(c, rf, &owner);
	if (r < 0)
		return r;
	if (cmd == F_GETSIG)
		return owner.fo_signal;
	if (cmd == F_GETOWN_EX)
		return get_owner_typed(c, &owner);
	return owner.fo_type == F_OWNER_PGRP ? -owner.fo_pid : owner.fo_pid;
}

long
fileowner_hint(struct call *c, struct rfile *rf)
{
	uint64_t hint = 0;
	long r;
	int error;

	if ((int)c->arg[1] == F_GET_RW_HINT) {
		r = fd_call(c, rf, RUMP_SYS_fcntl, (int)RUMP_F_GETHINT,
		    (int64_t)&hint, 0, 0);
		return r < 0 ? r
			     : -usercopy_out(
				   &hint, (void *)c->arg[2], sizeof(hint));
	}
	error = usercopy_in(&hint, (const void *)c->arg[2], sizeof(hint));
	if (error != 0)
		return -error;
	if (hint > RWH_WRITE_LIFE_EXTREME)
		return -EINVAL;
	return fd_call(
	    c, rf, RUMP_SYS_fcntl, (int)RUMP_F_SETHINT, (int64_t)&hint, 0, 0);
}
