/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls on descriptors that are not I/O: numbers, flags, locks.  Numbers and
 * close-on-exec are the placeholder's business and done by the host; all else
 * is the kernel's.
 */
#include "preload/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "preload/abi/fcntl.h"
#include "preload/abi/open.h"
#include "preload/async.h"
#include "preload/backend.h"
#include "preload/child.h"
#include "preload/config.h"
#include "preload/fdalias.h"
#include "preload/fileioctl.h"
#include "preload/fdslots.h"
#include "preload/fileowner.h"
#include "preload/namespace.h"
#include "preload/process.h"
#include "preload/readiness.h"
#include "preload/remote.h"
#include "preload/route.h"
#include "preload/sockets.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"
#include "syscall_table/linux_routes.h"

long
fd_run(struct call *c, bool io, long (*op)(struct call *, struct rfile *))
{
	struct rfile *rf;
	long result;
	int error;

	rf = fdmap_get_rump(c->arg[0], &error);
	if (error != 0)
		return -error;
	if (rf == NULL)
		return CALL_TO_HOST;
	route_mark_rump(c, rf->rf_rule);
	result = io && rf->rf_path_only ? -EBADF : op(c, rf);
	(void)fdmap_put(rf);
	return result;
}

int
fd_direct(struct rfile *rf)
{
	int hostfd;

	if (!backend_direct || rf->rf_kind != RF_SOCKET ||
	    member_of_file(rf, &hostfd) != MEMBER_PROXY)
		return -1;
	return hostfd;
}

/* As fd_direct(), where that is known already and nobody is told of it.  As there
 * the caller has no reference: another thread that closes the number may have given
 * the host's to another file before the call is made. */
long
router_direct(long fd)
{
	struct rfile *rf;
	int hostfd;

	if (!backend_direct || config.cf_trace != 0 || config.cf_summary ||
	    !backend_reachable())
		return -1;
	rf = slot_load(fd);
	if (!slot_is_file(rf) || rf->rf_kind != RF_SOCKET || rf->rf_path_only)
		return -1;
	hostfd = atomic_load_explicit(&rf->rf_hostfd, memory_order_acquire);
	return slot_load(fd) == rf ? hostfd : -1;
}

long
fd_run_data(struct call *c, long (*op)(struct call *, struct rfile *))
{
	struct rfile *rf;
	int error, hostfd;

	if (!backend_direct)
		return fd_run(c, true, op);
	rf = fdmap_get_rump(c->arg[0], &error);
	if (rf == NULL)
		return error != 0 ? -error : CALL_TO_HOST;
	hostfd = fd_direct(rf);
	(void)fdmap_put(rf);
	if (hostfd < 0)
		return fd_run(c, true, op);
	route_mark_rump(c, NS_HOST);
	c->arg[0] = hostfd;
	return CALL_TO_HOST;
}

long
fd_call(struct call *c, struct rfile *rf, int num, int64_t a, int64_t b,
    int64_t d, int64_t e)
{
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, a, b, d, e }, value = 0;
	int error = rump_call(c, num, args, &value);

	return route_result(error, value);
}

static bool
is_datagram_socket(struct rfile *rf)
{
	int type = 0;
	uint32_t len = sizeof(type);
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd, RUMP_SOL_SOCKET,
		RUMP_SO_TYPE, (int64_t)&type, (int64_t)&len },
		retval[2];

	return rf->rf_kind == RF_SOCKET &&
	       rump_backend_syscall(RUMP_SYS_getsockopt, args, retval) == 0 &&
	       type != RUMP_SOCK_STREAM;
}

long
fd_sigpipe(struct rfile *rf, long result)
{
	if (result == -EPIPE && !is_datagram_socket(rf))
		HOST(SYS_tgkill, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0),
		    HOST(SYS_gettid, 0, 0, 0, 0, 0, 0), SIGPIPE, 0, 0, 0);
	return result;
}

/*
 * The file goes on under other numbers, of which the kernel knows nothing.  What
 * a close does in any case is done: the process's record locks on the file end,
 * and what was written is saved.  0, or -errno of that; a signal ends the
 * waiting, and the data are saved later.
 */
static long
close_duplicate(struct call *c, struct rfile *rf)
{
	int64_t args[BACKEND_SLOTS] = { rf->rf_fd }, again;
	long flags, result;

	if (rump_call(c, RUMP_SYS_dup, args, &again) == 0) {
		args[0] = again;
		(void)rump_call(c, RUMP_SYS_close, args, NULL);
	}
	flags = fd_call(c, rf, RUMP_SYS_fcntl, RUMP_F_GETFL, 0, 0, 0);
	if (flags < 0 || (flags & RUMP_O_ACCMODE) == RUMP_O_RDONLY)
		return 0;
	result = fd_call(c, rf, RUMP_SYS_fdatasync, 0, 0, 0, 0);
	/* There is nothing to save in a device. */
	return result == CALL_RESTART || result == -EINVAL ? 0 : result;
}

/* A number is about to be closed or replaced: is it one of several?  Calls that
 * are under way count as such. */
static long
before_close(struct call *c, long fd)
{
	struct rfile *rf;
	long result = 0;
	int error;

	if (!process_owns_table() || !backend_reachable())
		return 0;
	rf = fdmap_get_rump(fd, &error);
	if (rf == NULL)
		return 0;
	if (rf->rf_kind == RF_FILE && !rf->rf_path_only &&
	    atomic_load(&rf->rf_refs) > 2)
		result = close_duplicate(c, rf);
	(void)fdmap_put(rf);
	return result;
}

/* For who looks: some of the host's objects are in the map, too. */
static void
mark_object(struct call *c)
{
	struct rfile *rf;
	int error;

	if (config.cf_trace == 0 && !config.cf_summary)
		return;
	rf = fdmap_get_rump(c->arg[0], &error);
	if (rf == NULL)
		return;
	route_mark_rump(c, -1);
	(void)fdmap_put(rf);
}

static long
close_run(struct call *c)
{
	long error, result;

	mark_object(c);
	error = before_close(c, fdalias_resolve((int)c->arg[0]));
	result = fdmap_close((int)c->arg[0]);
	return result == 0 ? error : result;
}
ROUTE(close, close_run)

/*
 * A table of its own for one thread would have to be known as such.  A program
 * with one thread shares its table with threads of the kernel at most, which
 * must keep it.
 */
static long
close_range_run(struct call *c)
{
	unsigned flags = (unsigned)c->arg[2];
	int error;

	if ((flags & CLOSE_RANGE_UNSHARE) != 0 && process_owns_memory()) {
		if (engine_has_threads()) {
			route_note(c, "descriptors of one thread alone");
			return -EINVAL;
		}
		error = child_unshares();
		if (error != 0)
			return -error;
		flags &= ~CLOSE_RANGE_UNSHARE;
	}
	return fdmap_close_range(
	    (unsigned)c->arg[0], (unsigned)c->arg[1], flags);
}
ROUTE(close_range, close_range_run)

static long
dup_run(struct call *c)
{
	long number;

	mark_object(c);
	number = fdmap_dup((int)c->arg[0], 0, false);
	/* The host's word for a lowest number above the limit. */
	return number == -EINVAL ? -EMFILE : number;
}
ROUTE(dup, dup_run)

static long
dup2_run(struct call *c)
{
	long place = fdalias_resolve((int)c->arg[1]);

	mark_object(c);
	if ((int)c->arg[0] != place)
		(void)before_close(c, place);
	return fdmap_dup2((int)c->arg[0], (int)c->arg[1], -1);
}
ROUTE(dup2, dup2_run)

static long
dup3_run(struct call *c)
{
	long place = fdalias_resolve((int)c->arg[1]);

	if ((int)c->arg[0] == place)
		return -EINVAL;
	mark_object(c);
	(void)before_close(c, place);
	return fdmap_dup2((int)c->arg[0], (int)c->arg[1], (unsigned)c->arg[2]);
}
ROUTE(dup3, dup3_run)

static bool
owned_by_file(int cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
}

static long
fcntl_lock(struct call *c, struct rfile *rf)
{
	struct flock lf;
	struct rump_flock nf;
	long result;
	int cmd, error;

	error = abi_lock_cmd_to_netbsd((int)c->arg[1], &cmd);
	if (error == 0)
		error = usercopy_in(&lf, (const void *)c->arg[2], sizeof(lf));
	if (error == 0)
		error = abi_flock_to_netbsd(&lf, &nf);
	if (error == 0 && owned_by_file((int)c->arg[1]) && lf.l_pid != 0)
		error = EINVAL;
	if (error != 0)
		return -error;
	result = fd_call(c, rf, RUMP_SYS_fcntl, cmd, (int64_t)&nf, 0, 0);
	if (result < 0 ||
	    ((int)c->arg[1] != F_GETLK && (int)c->arg[1] != F_OFD_GETLK))
		return result;
	/* Where nothing is in the way the rest stays. */
	if (nf.l_type == RUMP_F_UNLCK)
		lf.l_type = F_UNLCK;
	else
		abi_flock_to_linux(&nf, &lf);
	return -usercopy_out(&lf, (void *)c->arg[2], sizeof(lf));
}

static long
fcntl_getfl(struct call *c, struct rfile *rf)
{
	long flags;

	flags = fd_call(c, rf, RUMP_SYS_fcntl, RUMP_F_GETFL, 0, 0, 0);
	if (flags < 0)
		return flags;
	flags = abi_open_to_linux((int)flags);
	if (rf->rf_path_only)
		return O_PATH | (flags & (O_DIRECTORY | O_NOFOLLOW));
	/* Sockets are not opened, and have no mark of large files. */
	return rf->rf_kind == RF_SOCKET ? flags & ~0100000L : flags;
}

/* Whether a file is written through is decided when it is opened. */
#define OPEN_ONLY (O_SYNC | O_DSYNC)

static long
fcntl_setfl(struct call *c, struct rfile *rf, int flags)
{
	long now = 0;

	/* Sockets have nothing that could be passed by. */
	if (rf->rf_kind == RF_SOCKET && (flags & O_DIRECT) != 0)
		return -EINVAL;
	if (rf->rf_kind == RF_FILE)
		now = fcntl_getfl(c, rf);
	if (now < 0)
		return now;
	flags = (flags & ~OPEN_ONLY) | ((int)now & OPEN_ONLY);
	if ((flags & O_ASYNC) != 0)
		async_begin(rf, (int)c->arg[0]);
	return fd_call(c, rf, RUMP_SYS_fcntl, RUMP_F_SETFL,
	    abi_status_to_netbsd(flags), 0, 0);
}

/* F_DUPFD_QUERY of Linux 6.10; its argument is a number of the program's. */
#define FCNTL_DUPFD_QUERY 1027

/* A socket's locks, leases and owners are the host's; calls that wait or change
 * how the socket waits are the kernel's. */
static bool
is_hosts_command(const struct rfile *rf, int cmd)
{
	return rf->rf_kind == RF_SOCKET && cmd != F_SETFL && cmd != F_SETLKW &&
	       cmd != F_OFD_SETLKW && cmd != FCNTL_DUPFD_QUERY;
}

static long
fcntl_file(struct call *c, struct rfile *rf)
{
	if (is_hosts_command(rf, (int)c->arg[1]))
		return socket_hostcall(c, rf, RUMP_HOSTCALL_FCNTL);
	switch ((int)c->arg[1]) {
	case F_SETFL:
		return fcntl_setfl(c, rf, (int)c->arg[2]);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(c, rf);
	case F_GETOWN:
	case F_SETOWN:
	case F_GETSIG:
	case F_SETSIG:
	case F_GETOWN_EX:
	case F_SETOWN_EX:
		return fileowner_fcntl(c, rf);
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
		return fileowner_hint(c, rf);
	case F_GETLEASE:
		return F_UNLCK;
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		return -EBADF;
	default:
		route_note(c, "this fcntl command");
		return -EINVAL;
	}
}

static long
fcntl_rump(struct call *c, struct rfile *rf)
{
	switch ((int)c->arg[1]) {
	case F_GETFD:
	case F_SETFD:
		return HOST(
		    SYS_fcntl, c->arg[0], c->arg[1], c->arg[2], 0, 0, 0);
	case F_GETFL:
		return fcntl_getfl(c, rf);
	default:
		return rf->rf_path_only ? -EBADF : fcntl_file(c, rf);
	}
}

static long
fcntl_run(struct call *c)
{
	if ((int)c->arg[1] == F_DUPFD || (int)c->arg[1] == F_DUPFD_CLOEXEC)
		return fdmap_dup((int)c->arg[0], c->arg[2],
		    (int)c->arg[1] == F_DUPFD_CLOEXEC);
	return fd_run(c, false, fcntl_rump);
}
ROUTE(fcntl, fcntl_run)

static long
ioctl_int(struct call *c, struct rfile *rf, unsigned cmd)
{
	int value = 0;
	long result;
	int error = 0;

	if ((cmd & 0x80000000) != 0)
		error =
		    usercopy_in(&value, (const void *)c->arg[2], sizeof(value));
	if (error != 0)
		return -error;
	if (cmd == RUMP_FIOASYNC && value != 0)
		async_begin(rf, (int)c->arg[0]);
	result = fd_call(c, rf, RUMP_SYS_ioctl, cmd, (int64_t)&value, 0, 0);
	if (result == 0 && (cmd & 0x40000000) != 0)
		result =
		    -usercopy_out(&value, (void *)c->arg[2], sizeof(value));
	return result;
}

static long
ioctl_rump(struct call *c, struct rfile *rf)
{
	unsigned request = (unsigned)c->arg[1], cmd;

	if (request == FIOCLEX || request == FIONCLEX)
		return HOST(SYS_fcntl, c->arg[0], F_SETFD,
		    request == FIOCLEX ? FD_CLOEXEC : 0, 0, 0, 0);
	if (abi_ioctl_to_netbsd(request, &cmd) != 0)
		return rf->rf_kind == RF_SOCKET
			   ? socket_hostcall(c, rf, RUMP_HOSTCALL_IOCTL)
			   : fileioctl(c, rf);
	return ioctl_int(c, rf, cmd);
}

static long
ioctl_run(struct call *c)
{
	return fd_run(c, true, ioctl_rump);
}
ROUTE(ioctl, ioctl_run)

static long
flock_rump(struct call *c, struct rfile *rf)
{
	int op, error = abi_flock_op_to_netbsd((int)c->arg[1], &op);

	if (error != 0)
		return -error;
	return fd_call(c, rf, RUMP_SYS_flock, op, 0, 0, 0);
}

static long
flock_run(struct call *c)
{
	return fd_run(c, true, flock_rump);
}
ROUTE(flock, flock_run)
