/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll, select and epoll.
 *
 * Files of the rump kernel are always ready, as files are.  Sets whose only
 * descriptors that can wait are the host's wait there; sets of rump sockets
 * wait in the kernel; a set that has both is refused.  An epoll set takes no
 * rump descriptor: a file is EPERM, as on the host, and a socket too.
 */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "preload/abi/poll.h"
#include "preload/abi/time.h"
#include "preload/engine/engine.h"
#include "preload/fdmap.h"
#include "preload/resolve.h"
#include "preload/route.h"
#include "preload/usercopy.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "syscall_table/linux_routes.h"

#define NFDS_MAX (1 << 20)
#define READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

enum member { HOST_FD, FILE_FD, SOCKET_FD, NO_FD };

/* A poll set under way, in memory of its own. */
struct pollset {
	size_t ps_size; /* of the memory */
	long ps_user;   /* the program's array */
	unsigned ps_n;
	unsigned ps_host, ps_files, ps_sockets, ps_bad;
	unsigned ps_ready;       /* members that are ready whatever happens */
	struct pollfd *ps_fds;   /* host's: others have fd -1 */
	struct pollfd *ps_asked; /* the program's */
	struct rump_pollfd *ps_rump;
};

static enum member
member_kind(int fd, int *rump_fd)
{
	enum member kind = HOST_FD;
	struct rfile *rf;
	int error;

	rf = fdmap_get_rump(fd, &error);
	if (error != 0)
		return NO_FD;
	if (rf != NULL) {
		kind = rf->rf_path_only           ? NO_FD
		       : rf->rf_kind == RF_SOCKET ? SOCKET_FD
						  : FILE_FD;
		*rump_fd = rf->rf_fd;
		(void)fdmap_put(rf);
	}
	return kind;
}

static struct pollset *
pollset_create(unsigned n)
{
	size_t size =
	    sizeof(struct pollset) +
	    n * (2 * sizeof(struct pollfd) + sizeof(struct rump_pollfd));
	struct pollset *ps;
	long r;

	if (n > NFDS_MAX)
		return NULL;
	r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return NULL;
	ps = (struct pollset *)r;
	ps->ps_size = size;
	ps->ps_n = n;
	/* The host's array first: a route finds the set again from it. */
	ps->ps_fds = (struct pollfd *)(ps + 1);
	ps->ps_asked = ps->ps_fds + n;
	ps->ps_rump = (struct rump_pollfd *)(ps->ps_asked + n);
	return ps;
}

static void
pollset_destroy(struct pollset *ps)
{
	HOST(SYS_munmap, ps, ps->ps_size, 0, 0, 0, 0);
}

/* Sort the members; what is known already goes into ps_asked's revents. */
static void
pollset_sort(struct pollset *ps)
{
	for (unsigned i = 0; i < ps->ps_n; i++) {
		struct pollfd *p = &ps->ps_asked[i];
		int rump_fd = -1;

		p->revents = 0;
		ps->ps_fds[i] = (struct pollfd){ .fd = -1 };
		ps->ps_rump[i] = (struct rump_pollfd){ .fd = -1 };
		if (p->fd < 0)
			continue;
		switch (member_kind(p->fd, &rump_fd)) {
		case HOST_FD:
			ps->ps_fds[i] = *p;
			ps->ps_host++;
			break;
		case FILE_FD:
			p->revents = p->events & READY;
			ps->ps_files++;
			break;
		case SOCKET_FD:
			ps->ps_rump[i].fd = rump_fd;
			ps->ps_rump[i].events = abi_poll_to_netbsd(p->events);
			ps->ps_sockets++;
			break;
		case NO_FD:
			p->revents = POLLNVAL;
			ps->ps_bad++;
			break;
		}
		if (p->revents != 0)
			ps->ps_ready++;
	}
}

/* Does the set concern a rump kernel?  (Without copying it.) */
static bool
has_rump(long user, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int fd;

		if (usercopy_in(&fd, (struct pollfd *)user + i, sizeof(fd)) !=
		    0)
			return false;
		if (fd >= 0 && fdmap_is_rump(fd))
			return true;
	}
	return false;
}

/* Merge, and return the number of members with events. */
static long
pollset_finish(struct pollset *ps)
{
	long ready = 0;

	for (unsigned i = 0; i < ps->ps_n; i++) {
		struct pollfd *p = &ps->ps_asked[i];

		if (ps->ps_fds[i].fd >= 0)
			p->revents = ps->ps_fds[i].revents;
		else if (ps->ps_rump[i].fd >= 0)
			p->revents = abi_poll_to_linux(
			    ps->ps_rump[i].revents, p->events);
		ready += p->revents != 0;
	}
	if (usercopy_out(ps->ps_asked, (void *)ps->ps_user,
		ps->ps_n * sizeof(struct pollfd)) != 0)
		ready = -EFAULT;
	pollset_destroy(ps);
	return ready;
}

static long
pollset_fail(struct pollset *ps, long result)
{
	pollset_destroy(ps);
	return result;
}

static long
poll_after(struct call *c)
{
	struct pollset *ps = (struct pollset *)c->arg[0] - 1;

	c->arg[0] = ps->ps_user;
	if (c->result < 0)
		return pollset_fail(ps, c->result);
	return pollset_finish(ps);
}

/* Sockets: wait in the kernel.  ts NULL: for ever. */
static long
poll_kernel(struct call *c, struct pollset *ps, const struct rump_timespec *ts)
{
	static const struct rump_timespec zero;
	int64_t args[BACKEND_SLOTS] = { (int64_t)ps->ps_rump, ps->ps_n,
		(int64_t)(ps->ps_ready != 0 ? &zero : ts), 0 };
	int error = rump_call(c, RUMP_SYS_pollts, args, NULL);

	if (error == 0)
		return pollset_finish(ps);
	/* poll(2) is never restarted. */
	return pollset_fail(
	    ps, error == ROUTE_RESTART ? -EINTR : route_result(error, 0));
}

/*
 * fds at c->arg[0], n at c->arg[1].  The timeout has been checked; mask_arg is
 * the index of the signal mask argument or -1.
 */
static long
poll_set(struct call *c, const struct rump_timespec *ts, int mask_arg)
{
	unsigned n = (unsigned)c->arg[1];
	struct pollset *ps = pollset_create(n);
	long result;

	if (ps == NULL)
		return n > NFDS_MAX ? -EINVAL : -ENOMEM;
	ps->ps_user = c->arg[0];
	if (usercopy_in(ps->ps_asked, (void *)ps->ps_user,
		n * sizeof(struct pollfd)) != 0)
		return pollset_fail(ps, -EFAULT);
	pollset_sort(ps);
	route_mark_rump(c, NS_HOST);
	if (ps->ps_sockets != 0 && ps->ps_host != 0) {
		route_note(c, "rump sockets and host descriptors in one set");
		return pollset_fail(ps, -EOPNOTSUPP);
	}
	if (ps->ps_sockets != 0) {
		if (mask_arg >= 0 && c->arg[mask_arg] != 0) {
			result = engine_swap_mask((void *)c->arg[mask_arg]);
			if (result != 0)
				return pollset_fail(ps, result);
		}
		return poll_kernel(c, ps, ts);
	}
	if (ps->ps_ready != 0) {
		result = HOST(SYS_poll, ps->ps_fds, n, 0, 0, 0, 0);
		return result < 0 ? pollset_fail(ps, result)
				  : pollset_finish(ps);
	}
	result = engine_filter_mask(c);
	if (result != 0)
		return pollset_fail(ps, result);
	c->arg[0] = (long)ps->ps_fds;
	return route_to_host(c, poll_after);
}

static long
poll_run(struct call *c)
{
	long ms = (int)c->arg[2];
	struct rump_timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	if (!has_rump(c->arg[0], (unsigned)c->arg[1]))
		return CALL_TO_HOST;
	return poll_set(c, ms < 0 ? NULL : &ts, -1);
}
ROUTE(poll, poll_run)

static bool
valid(const struct rump_timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && ts->tv_nsec < 1000000000;
}

static long
filtered(struct call *c)
{
	long result = engine_filter_mask(c);

	return result != 0 ? result : CALL_TO_HOST;
}

static long
ppoll_run(struct call *c)
{
	struct rump_timespec ts;

	if (!has_rump(c->arg[0], (unsigned)c->arg[1]))
		return filtered(c);
	if (c->arg[2] != 0) {
		if (usercopy_in(&ts, (void *)c->arg[2], sizeof(ts)) != 0)
			return -EFAULT;
		if (!valid(&ts))
			return -EINVAL;
	}
	if (c->arg[3] != 0 && c->arg[4] != 8)
		return -EINVAL;
	return poll_set(c, c->arg[2] != 0 ? &ts : NULL, 3);
}
ROUTE(ppoll, ppoll_run)

/* --- select ------------------------------------------------------------ */

#define WORD_BITS 64
#define SELECT_MAX 65536
#define NWORDS (SELECT_MAX / WORD_BITS)

/* Sets as bit arrays, in memory of their own: read, write, exceptional. */
struct selectset {
	unsigned ss_nfds;
	size_t ss_bytes;
	uint64_t ss_in[3][NWORDS];
	uint64_t ss_out[3][NWORDS];
};

static bool
bit_test(const uint64_t *set, unsigned fd)
{
	return (set[fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
}

static void
bit_clear(uint64_t *set, unsigned fd)
{
	set[fd / WORD_BITS] &= ~(1UL << fd % WORD_BITS);
}

static void
bit_set(uint64_t *set, unsigned fd)
{
	set[fd / WORD_BITS] |= 1UL << fd % WORD_BITS;
}

static struct selectset *
selectset_create(const struct call *c, long *result)
{
	struct selectset *ss;
	long r = HOST(SYS_mmap, 0, sizeof(*ss), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*result = -ENOMEM;
	if (r < 0 && r > -4096)
		return NULL;
	ss = (struct selectset *)r;
	ss->ss_nfds =
	    (unsigned)c->arg[0] < SELECT_MAX ? (unsigned)c->arg[0] : SELECT_MAX;
	ss->ss_bytes = (ss->ss_nfds + WORD_BITS - 1) / WORD_BITS * 8;
	for (int i = 0; i < 3; i++) {
		if (c->arg[i + 1] == 0)
			continue;
		if (usercopy_in(ss->ss_in[i], (void *)c->arg[i + 1],
			ss->ss_bytes) != 0) {
			HOST(SYS_munmap, ss, sizeof(*ss), 0, 0, 0, 0);
			*result = -EFAULT;
			return NULL;
		}
	}
	return ss;
}

static long
selectset_finish(struct selectset *ss, const struct call *c, long result)
{
	for (int i = 0; result >= 0 && i < 3; i++) {
		if (c->arg[i + 1] != 0 &&
		    usercopy_out(ss->ss_out[i], (void *)c->arg[i + 1],
			ss->ss_bytes) != 0)
			result = -EFAULT;
	}
	HOST(SYS_munmap, ss, sizeof(*ss), 0, 0, 0, 0);
	return result;
}

static bool
in_any(const struct selectset *ss, unsigned fd)
{
	return bit_test(ss->ss_in[0], fd) || bit_test(ss->ss_in[1], fd) ||
	       bit_test(ss->ss_in[2], fd);
}

struct tally {
	unsigned host, files, sockets, bad;
	long ready; /* bits of files */
};

/* Take the files out of ss_in and put their bits into ss_out. */
static void
selectset_sort(struct selectset *ss, struct tally *t)
{
	int rump_fd;

	for (unsigned fd = 0; fd < ss->ss_nfds; fd++) {
		if (!in_any(ss, fd))
			continue;
		switch (member_kind((int)fd, &rump_fd)) {
		case HOST_FD:
			t->host++;
			break;
		case SOCKET_FD:
			t->sockets++;
			break;
		case NO_FD:
			t->bad++;
			break;
		case FILE_FD:
			t->files++;
			for (int i = 0; i < 3; i++) {
				if (i < 2 && bit_test(ss->ss_in[i], fd)) {
					bit_set(ss->ss_out[i], fd);
					t->ready++;
				}
				bit_clear(ss->ss_in[i], fd);
			}
			break;
		}
	}
}

/* Host descriptors and files that are ready: a look at the host. */
static long
select_now(struct selectset *ss, const struct call *c, const struct tally *t)
{
	struct timeval zero = { 0 };
	long n = HOST(SYS_select, ss->ss_nfds, ss->ss_in[0], ss->ss_in[1],
	    ss->ss_in[2], &zero, 0);

	if (n < 0)
		return selectset_finish(ss, c, n);
	for (int i = 0; i < 3; i++) {
		for (size_t w = 0; w < ss->ss_bytes / 8; w++)
			ss->ss_out[i][w] |= ss->ss_in[i][w];
	}
	return selectset_finish(ss, c, n + t->ready);
}

static const short select_events[3] = { POLLIN | POLLRDNORM,
	POLLOUT | POLLWRNORM, POLLPRI };
static const short select_ready[3] = { POLLIN | POLLRDNORM | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLERR, POLLPRI };

/* Sockets: as a poll set in the kernel. */
static long
select_kernel(struct call *c, struct selectset *ss, struct tally *t,
    const struct rump_timespec *ts)
{
	static const struct rump_timespec zero;
	struct pollset *ps = pollset_create(t->sockets);
	unsigned n = 0;
	long ready = t->ready;
	int error;

	if (ps == NULL)
		return selectset_finish(ss, c, -ENOMEM);
	for (unsigned fd = 0; fd < ss->ss_nfds && n < ps->ps_n; fd++) {
		short events = 0;
		int rump_fd;

		if (!in_any(ss, fd) ||
		    member_kind((int)fd, &rump_fd) != SOCKET_FD)
			continue;
		for (int i = 0; i < 3; i++) {
			if (bit_test(ss->ss_in[i], fd))
				events |= select_events[i];
		}
		ps->ps_asked[n].fd = (int)fd;
		ps->ps_rump[n].fd = rump_fd;
		ps->ps_rump[n++].events = abi_poll_to_netbsd(events);
	}
	int64_t args[BACKEND_SLOTS] = { (int64_t)ps->ps_rump, n,
		(int64_t)(t->ready != 0 ? &zero : ts), 0 };

	error = rump_call(c, RUMP_SYS_pollts, args, NULL);
	for (unsigned i = 0; error == 0 && i < n; i++) {
		unsigned fd = (unsigned)ps->ps_asked[i].fd;
		short events = abi_poll_to_linux(ps->ps_rump[i].revents, ~0);

		for (int s = 0; s < 3; s++) {
			if (bit_test(ss->ss_in[s], fd) &&
			    (events & select_ready[s]) != 0) {
				bit_set(ss->ss_out[s], fd);
				ready++;
			}
		}
	}
	pollset_destroy(ps);
	if (error == ROUTE_RESTART)
		error = EINTR;
	return selectset_finish(ss, c, error != 0 ? -error : ready);
}

/* Does one of the sets name a rump descriptor?  True when in doubt. */
static bool
select_has_rump(const struct call *c)
{
	unsigned n = (unsigned)c->arg[0];
	uint64_t word[3];

	if (n > SELECT_MAX)
		return true;
	for (unsigned fd = 0; fd < n; fd += WORD_BITS) {
		uint64_t bits = 0;

		for (int i = 0; i < 3; i++) {
			word[i] = 0;
			if (c->arg[i + 1] != 0 &&
			    usercopy_in(&word[i],
				(char *)c->arg[i + 1] + fd / 8, 8) != 0)
				return true;
			bits |= word[i];
		}
		for (; bits != 0; bits &= bits - 1) {
			if (fdmap_is_rump(fd + __builtin_ctzl(bits)))
				return true;
		}
	}
	return false;
}

/*
 * The sets at c->arg[1] to [3].  A set without anything that could be ready on
 * the rump side is the host's, without the rump descriptors, which would not
 * be in the result either.
 */
static long
select_set(
    struct call *c, const struct rump_timespec *ts, bool *to_host, long mask)
{
	struct tally t = { 0 };
	struct selectset *ss;
	long result;

	ss = selectset_create(c, &result);
	if (ss == NULL)
		return result;
	selectset_sort(ss, &t);
	if (t.files + t.sockets + t.bad == 0) {
		HOST(SYS_munmap, ss, sizeof(*ss), 0, 0, 0, 0);
		*to_host = true;
		return 0;
	}
	route_mark_rump(c, NS_HOST);
	if (t.bad != 0)
		return selectset_finish(ss, c, -EBADF);
	if (t.sockets != 0 && t.host != 0) {
		route_note(c, "rump sockets and host descriptors in one set");
		return selectset_finish(ss, c, -EOPNOTSUPP);
	}
	if (t.sockets != 0) {
		result = mask != 0 ? engine_swap_mask((void *)mask) : 0;
		return result != 0 ? selectset_finish(ss, c, result)
				   : select_kernel(c, ss, &t, ts);
	}
	if (t.ready != 0)
		return select_now(ss, c, &t);
	for (int i = 0; i < 3; i++) {
		for (size_t w = 0; w < ss->ss_bytes / 8; w++)
			ss->ss_out[i][w] = ss->ss_in[i][w];
	}
	*to_host = true;
	return selectset_finish(ss, c, 0);
}

static long
select_run(struct call *c)
{
	struct rump_timespec ts;
	struct timeval tv;
	bool to_host = false;
	long result;

	if (!select_has_rump(c))
		return CALL_TO_HOST;
	if (c->arg[4] != 0) {
		if (usercopy_in(&tv, (void *)c->arg[4], sizeof(tv)) != 0)
			return -EFAULT;
		ts = (struct rump_timespec){ tv.tv_sec + tv.tv_usec / 1000000,
			tv.tv_usec % 1000000 * 1000 };
		if (!valid(&ts))
			return -EINVAL;
	}
	if ((int)c->arg[0] < 0)
		return -EINVAL;
	result = select_set(c, c->arg[4] != 0 ? &ts : NULL, &to_host, 0);
	return to_host && result == 0 ? CALL_TO_HOST : result;
}
ROUTE(select, select_run)

static long
pselect6_run(struct call *c)
{
	struct {
		long mask;
		size_t size;
	} arg = { 0, 0 };
	struct rump_timespec ts;
	bool to_host = false;
	long result;

	if (!select_has_rump(c))
		return filtered(c);
	if (c->arg[4] != 0) {
		if (usercopy_in(&ts, (void *)c->arg[4], sizeof(ts)) != 0)
			return -EFAULT;
		if (!valid(&ts))
			return -EINVAL;
	}
	if (c->arg[5] != 0 &&
	    usercopy_in(&arg, (void *)c->arg[5], sizeof(arg)) != 0)
		return -EFAULT;
	if ((int)c->arg[0] < 0 || (arg.mask != 0 && arg.size != 8))
		return -EINVAL;
	result = select_set(c, c->arg[4] != 0 ? &ts : NULL, &to_host, arg.mask);
	return to_host && result == 0 ? filtered(c) : result;
}
ROUTE(pselect6, pselect6_run)

/* --- epoll ------------------------------------------------------------- */

static long
epoll_wait_run(struct call *c)
{
	int rump_fd;

	if (fdmap_is_hidden(c->arg[0]))
		return -EBADF;
	if (member_kind((int)c->arg[0], &rump_fd) != HOST_FD)
		return -EINVAL;
	return filtered(c);
}
ROUTE(epoll_pwait, epoll_wait_run)
ROUTE(epoll_pwait2, epoll_wait_run)

static long
epoll_ctl_run(struct call *c)
{
	int rump_fd;

	if (fdmap_is_hidden(c->arg[0]) || fdmap_is_hidden(c->arg[2]))
		return -EBADF;
	if (member_kind((int)c->arg[0], &rump_fd) != HOST_FD)
		return -EINVAL;
	switch (member_kind((int)c->arg[2], &rump_fd)) {
	case HOST_FD:
		return CALL_TO_HOST;
	case SOCKET_FD:
		route_note(c, "rump sockets in an epoll set");
		return -EPERM;
	case FILE_FD:
		return -EPERM;
	default:
		return -EBADF;
	}
}
ROUTE(epoll_ctl, epoll_ctl_run)
