/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls over a classic connection.  What is not in the protocol fails with what
 * makes programs do without.
 *
 * A call that came to an end because of another thread's signal is made again.
 * Where it had begun to have an effect the server says how far it came; only
 * connect(2) goes on by itself, and is waited for.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/remote_classic.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "sysproxy/fast.h"

#define TRYAGAIN_PAUSE_NS 10000000

/* --- what is not NetBSD's ---------------------------------------------- */

static int
refuse_mount(const int64_t *args)
{
	struct text t;

	if (args[2] == 0 || args[3] <= 0)
		return RUMP_EOPNOTSUPP;
	text_init(&t, (char *)(uintptr_t)args[2], (size_t)args[3]);
	text_put(&t,
	    "the server speaks the classic protocol, which has no mounts by "
	    "URL: mount there, with rump_server -m");
	return RUMP_EOPNOTSUPP;
}

/* Whoever cannot map a file reads it. */
static int
beyond(int num, const int64_t *args)
{
	switch (num) {
	case FASTCALL_SAVE: /* the server does that when files are closed */
	case FASTCALL_CRED: /* ... and knows nobody's */
		return 0;
	case FASTCALL_MAP_CREATE:
		return RUMP_ENODEV;
	case FASTCALL_MOUNT:
		return refuse_mount(args);
	default:
		return RUMP_EOPNOTSUPP;
	}
}

/* --- answers ----------------------------------------------------------- */

/* The answer is no system call's. */
static int
protocol_error(const struct wire_hdr *h)
{
	const struct timespec pause = { 0, TRYAGAIN_PAUSE_NS };

	switch (h->wh_u) {
	case WIRE_ERR_TRYAGAIN:
		HOST(SYS_nanosleep, &pause, 0, 0, 0, 0, 0);
		return CLASSIC_AGAIN;
	case WIRE_ERR_NOMEM:
		return RUMP_ENOMEM;
	case WIRE_ERR_INEXEC:
		return RUMP_EBUSY;
	case WIRE_ERR_RFORK_FAILED:
		return RUMP_EIO;
	default:
		return RUMP_EINVAL;
	}
}

/* A size of 0 asks how much there is. */
static bool
is_attribute(uint64_t size, int64_t result)
{
	return result >= 0 &&
	       (uint64_t)result <= (size != 0 ? size : RUMP_XATTR_SIZE_MAX);
}

/* No more than was asked for: somebody else's buffer has that size. */
static bool
is_believable(int num, const int64_t *args, size_t n, int64_t result)
{
	switch (num) {
	case RUMP_SYS_read:
	case RUMP_SYS_write:
	case RUMP_SYS_pread:
	case RUMP_SYS_pwrite:
	case RUMP_SYS_getdents:
	case RUMP_SYS_sendto:
	case RUMP_SYS_recvfrom:
		return n > 2 && result >= 0 &&
		       (uint64_t)result <= (uint64_t)args[2];
	case RUMP_SYS_readlinkat:
		return n > 3 && result >= 0 &&
		       (uint64_t)result <= (uint64_t)args[3];
	case RUMP_SYS_getxattr:
	case RUMP_SYS_lgetxattr:
	case RUMP_SYS_fgetxattr:
		return n > 3 && is_attribute((uint64_t)args[3], result);
	case RUMP_SYS_listxattr:
	case RUMP_SYS_llistxattr:
	case RUMP_SYS_flistxattr:
		return n > 2 && is_attribute((uint64_t)args[2], result);
	case RUMP_SYS_open:
	case RUMP_SYS_openat:
	case RUMP_SYS_socket:
	case RUMP_SYS_dup:
	case RUMP_SYS_accept:
	case RUMP_SYS_paccept:
		return result >= 0 && result < INT32_MAX;
	default:
		return true;
	}
}

/* What a server says beyond the errnos of programs is not for us. */
static int
kernel_error(int error)
{
	if (error == RUMP_ERESTART)
		return RUMP_EINTR;
	return error < 0 ? RUMP_EINVAL : error;
}

/* The call was ended together with another one, or because of a signal. */
static int
ended_early(const struct request *rq)
{
	if (!rq->rq_ended || rq->rq_seen)
		return RUMP_EINTR;
	return !rq->rq_patient && remote_interrupted != 0 ? RUMP_ERESTART
							  : CLASSIC_AGAIN;
}

static int
conclude(struct remote *rm, const struct request *rq, int64_t *retval)
{
	struct wire_sysret ws;
	int error;

	if (rq->rq_answer.wh_class == WIRE_ERROR)
		return protocol_error(&rq->rq_answer);
	if (!wire_get_sysret(rq->rq_payload, rq->rq_len, &ws)) {
		classic_die(rm);
		return RUMP_ENOTCONN;
	}
	if (rq->rq_fault)
		return RUMP_EFAULT; /* and what the server says comes of that */
	error = kernel_error(ws.ws_error);
	if (error == RUMP_EINTR)
		return ended_early(rq);
	if (error == 0 && retval != NULL)
		memcpy(retval, ws.ws_retval, sizeof(ws.ws_retval));
	return error;
}

/* --- calls ------------------------------------------------------------- */

/* May the call wait for what somebody else does?  Only then does a signal end
 * it. */
static bool
may_wait(int num)
{
	switch (num) {
	case RUMP_SYS_read:
	case RUMP_SYS_write:
	case RUMP_SYS_readv:
	case RUMP_SYS_writev:
	case RUMP_SYS_open:
	case RUMP_SYS_openat:
	case RUMP_SYS_connect:
	case RUMP_SYS_accept:
	case RUMP_SYS_paccept:
	case RUMP_SYS_recvfrom:
	case RUMP_SYS_recvmsg:
	case RUMP_SYS_sendto:
	case RUMP_SYS_sendmsg:
	case RUMP_SYS_poll:
	case RUMP_SYS_fcntl:
	case RUMP_SYS_flock:
	case RUMP_SYS_ioctl:
		return true;
	default:
		return false;
	}
}

int
classic_syscall(struct remote *rm, struct request *rq, int num,
    const int64_t *args, size_t n, int64_t *retval)
{
	struct wire_frame f;
	size_t size = n * sizeof(*args), len;
	int64_t result[2] = { 0, 0 };
	int error;

	rq->rq_patient = rq->rq_patient || !may_wait(num);
	len = wire_put_syscall(&f, 0, num, size);
	error = classic_request(rm, rq, &f, len, args, size);
	if (error == 0)
		error = conclude(rm, rq, result);
	if (error == 0 && !is_believable(num, args, n, result[0])) {
		classic_die(rm);
		error = RUMP_ENOTCONN;
	}
	if (error == 0 && retval != NULL)
		memcpy(retval, result, sizeof(result));
	return error;
}

static void
leave(struct classic *cl)
{
	if (atomic_fetch_sub(&cl->cl_users, 1) == 1)
		HOST(SYS_futex, &cl->cl_users, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

void
classic_quiesce(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;
	uint32_t n;

	while ((n = atomic_load(&cl->cl_users)) != 0)
		HOST(SYS_futex, &cl->cl_users, FUTEX_WAIT_PRIVATE, n, 0, 0, 0);
}

static bool
is_ready(const struct remote *rm)
{
	return atomic_load(&rm->rm_state) == REMOTE_READY;
}

static int
find_again(struct remote *rm)
{
	int error = remote_gate_enter(rm, false);

	if (error != 0)
		return error;
	if (!is_ready(rm))
		error = remote_retry(rm);
	remote_gate_exit(rm);
	return error;
}

int
classic_enter(struct remote *rm, bool patient)
{
	struct classic *cl = rm->rm_classic;
	int error;

	for (;;) {
		atomic_fetch_add(&cl->cl_users, 1);
		if (is_ready(rm))
			return 0;
		leave(cl);
		error = patient ? RUMP_ENOTCONN : find_again(rm);
		if (error != 0)
			return error;
	}
}

void
classic_leave(struct remote *rm, int error)
{
	if (error == RUMP_ENOTCONN && rm->rm_classic->cl_dead)
		remote_die(rm, REMOTE_LOST);
	leave(rm->rm_classic);
}

/* One call, as often as it takes. */
static int
repeat(struct remote *rm, bool patient, int num, const int64_t *args, size_t n,
    int64_t *retval)
{
	int error;

	do {
		struct request rq = { .rq_patient = patient, .rq_event = -1 };

		error = classic_syscall(rm, &rq, num, args, n, retval);
	} while (error == CLASSIC_AGAIN);
	return error;
}

/* --- connect ----------------------------------------------------------- */

static bool
is_blocking(struct remote *rm, int64_t fd)
{
	const int64_t args[2] = { fd, RUMP_F_GETFL };
	int64_t flags[2];

	return repeat(rm, true, RUMP_SYS_fcntl, args, 2, flags) == 0 &&
	       (flags[0] & RUMP_O_NONBLOCK) == 0;
}

/* Wait for the attempt that is under way. */
static int
finish_connect(struct remote *rm, int64_t fd)
{
	struct rump_pollfd pfd = { .fd = (int)fd, .events = RUMP_POLLOUT };
	const int64_t pargs[3] = { (int64_t)&pfd, 1, -1 };
	uint32_t len = sizeof(int);
	int value = 0;
	const int64_t oargs[5] = { fd, RUMP_SOL_SOCKET, RUMP_SO_ERROR,
		(int64_t)&value, (int64_t)&len };
	int error;

	error = repeat(rm, false, RUMP_SYS_poll, pargs, 3, NULL);
	if (error == 0)
		error = repeat(rm, true, RUMP_SYS_getsockopt, oargs, 5, NULL);
	return error != 0 ? error : kernel_error(value);
}

/* --- epoll -------------------------------------------------------------- */

#define INPUT (POLLIN | POLLRDNORM | POLLPRI | POLLRDBAND)
#define OUTPUT (POLLOUT | POLLWRNORM | POLLWRBAND)

/* What edges may come back after the call: see classic_set.h. */
static uint32_t
conditions_of(int num, const int64_t *args, int error, int64_t result)
{
	uint32_t error_too = error != 0 ? POLLERR : 0;

	switch (num) {
	case RUMP_SYS_read:
	case RUMP_SYS_readv:
	case RUMP_SYS_recvfrom:
	case RUMP_SYS_recvmsg:
	case RUMP_SYS_accept:
	case RUMP_SYS_paccept:
		return INPUT | error_too;
	case RUMP_SYS_write:
	case RUMP_SYS_sendto:
		if (error == 0 && result >= args[2])
			return 0;
		return OUTPUT | error_too;
	case RUMP_SYS_writev:
	case RUMP_SYS_sendmsg:
		return OUTPUT | error_too;
	case RUMP_SYS_connect:
	case RUMP_SYS_listen:
	case RUMP_SYS_shutdown:
		return INPUT | OUTPUT | POLLERR | POLLHUP;
	default:
		return 0;
	}
}

int
classic_call(struct remote *rm, bool patient, int num, const int64_t *args,
    size_t n, int64_t *retval)
{
	uint32_t conditions;
	int64_t result[2] = { 0, 0 };
	int error;

	if (num >= FASTCALL_FIRST)
		return beyond(num, args);
	error = classic_enter(rm, patient);
	if (error != 0)
		return error;
	error = repeat(rm, patient, num, args, n, result);
	if (num == RUMP_SYS_connect && error == RUMP_EALREADY &&
	    is_blocking(rm, args[0]))
		error = finish_connect(rm, args[0]);
	conditions = conditions_of(num, args, error, result[0]);
	if (conditions != 0)
		epsets_note((int)args[0], conditions);
	if (error == 0 && retval != NULL)
		memcpy(retval, result, sizeof(result));
	classic_leave(rm, error);
	return error;
}
