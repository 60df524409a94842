/* SPDX-License-Identifier: BSD-2-Clause */
/* Beginning and end of classic connections: guests, children, executed images. */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/entries.h"
#include "preload/fdmap.h"
#include "preload/hidden.h"
#include "preload/remote_classic.h"
#include "preload/text.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpabi.h"
#include "rump/rumpdefs.h"

#define COMM_SIZE 16

bool
classic_is_ours(const struct remote *rm)
{
	return rm->rm_classic != NULL && rm->rm_classic->cl_ours;
}

/* Everything but cl_users, which others count while they find that it is dead. */
static int
prepare(struct remote *rm, bool ours, enum wire_state state)
{
	const size_t keep = offsetof(struct classic, cl_rxgate);
	struct classic *cl = rm->rm_classic;

	if (cl == NULL)
		cl = classic_map(sizeof(*cl));
	if (cl == NULL)
		return RUMP_ENOMEM;
	if (cl->cl_large != NULL)
		classic_unmap(cl->cl_large, cl->cl_rx.rx_len);
	memset((char *)cl + keep, 0, offsetof(struct classic, cl_small) - keep);
	cl->cl_ours = ours;
	cl->cl_state = state;
	wire_rx_init(&cl->cl_rx, &wire_limits_client);
	rm->rm_classic = cl;
	return 0;
}

void
classic_end(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;

	rm->rm_classic = NULL;
	if (cl == NULL)
		return;
	if (cl->cl_large != NULL)
		classic_unmap(cl->cl_large, cl->cl_rx.rx_len);
	classic_unmap(cl, sizeof(*cl));
}

/* --- handshakes -------------------------------------------------------- */

static int
shake(struct remote *rm, struct wire_frame *f, size_t len, const void *data,
    size_t datalen)
{
	struct request rq = {
		.rq_patient = true, .rq_bounded = true, .rq_event = -1
	};

	return classic_request(rm, &rq, f, len, data, datalen);
}

static int
shake_by_name(struct remote *rm, enum wire_kind kind)
{
	char name[COMM_SIZE + 1];
	struct wire_frame f;
	size_t len, namelen;

	memset(name, 0, sizeof(name));
	HOST(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	namelen = text_length(name) + 1;
	len = wire_put_hello(&f, 0, kind, namelen);
	return shake(rm, &f, len, name, namelen);
}

static int
shake_by_key(struct remote *rm, const uint32_t key[WIRE_NAUTH])
{
	struct wire_frame f;
	size_t len = wire_put_fork(&f, 0, key, false);

	return shake(rm, &f, len, NULL, 0);
}

static void
call(struct remote *rm, int num, int64_t a, int64_t b, int64_t c)
{
	const int64_t args[3] = { a, b, c };
	struct request rq = { .rq_patient = true, .rq_event = -1 };

	(void)classic_syscall(rm, &rq, num, args, 3, NULL);
}

/* What our own kernel learns in other ways. */
static void
introduce(struct remote *rm)
{
	long mask = HOST(SYS_umask, 0, 0, 0, 0, 0, 0);
	struct rump_rlimit rl;
	struct rlimit host;

	HOST(SYS_umask, mask, 0, 0, 0, 0, 0);
	call(rm, RUMP_SYS_umask, mask, 0, 0);
	if (HOST(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &host, 0, 0) != 0)
		return;
	rl = (struct rump_rlimit){ host.rlim_max, host.rlim_max };
	call(rm, RUMP_SYS_setrlimit, RUMP_RLIMIT_NOFILE, (int64_t)&rl, 0);
}

int
classic_begin(struct remote *rm, bool ours)
{
	int error = prepare(rm, ours, WIRE_NEW);

	if (error == 0)
		error = shake_by_name(rm, WIRE_GUEST);
	if (error != 0)
		return error;
	introduce(rm);
	atomic_store(&rm->rm_state, REMOTE_READY);
	return 0;
}

/* Calls of the old image may have left something half done. */
int
classic_resume(struct remote *rm, bool ours)
{
	int error = prepare(rm, ours, WIRE_RUNNING);

	if (error != 0)
		return error;
	rm->rm_classic->cl_stale = true;
	error = shake_by_name(rm, WIRE_EXEC);
	if (error == 0)
		atomic_store(&rm->rm_state, REMOTE_READY);
	return error;
}

/* --- children ---------------------------------------------------------- */

static int
ask_for_key(struct remote *rm, struct request *rq)
{
	struct wire_frame f;
	size_t len = wire_put_prefork(&f, 0);

	*rq = (struct request){ .rq_patient = true, .rq_event = -1 };
	return classic_request(rm, rq, &f, len, NULL, 0);
}

static int
get_key(struct remote *rm, uint32_t key[WIRE_NAUTH])
{
	struct request rq;
	int error;

	/* Another thread's signal may have come between. */
	do
		error = ask_for_key(rm, &rq);
	while (error == 0 && rq.rq_answer.wh_class == WIRE_ERROR &&
	       rq.rq_answer.wh_u == WIRE_ERR_TRYAGAIN);
	if (error != 0)
		return error;
	if (rq.rq_answer.wh_class == WIRE_RESP &&
	    wire_get_auth(rq.rq_payload, rq.rq_len, key))
		return 0;
	return rq.rq_answer.wh_u == WIRE_ERR_NOMEM ? RUMP_ENOMEM : RUMP_EAGAIN;
}

/* The connection that the key is for. */
static int
show_key(
    struct remote *rm, struct remote *child, const uint32_t key[WIRE_NAUTH])
{
	long fd = remote_connect_again(rm);
	int error;

	if (fd >= 0)
		fd = hidden_take((int)fd);
	if (fd < 0)
		return fd == -EMFILE ? RUMP_EMFILE : RUMP_EAGAIN;
	child->rm_fd = (int)fd;
	error = prepare(child, rm->rm_classic->cl_ours, WIRE_NEW);
	if (error == 0)
		error = shake_by_key(child, key);
	if (error == 0) {
		atomic_store(&child->rm_state, REMOTE_READY);
		return 0;
	}
	classic_end(child);
	hidden_close((int)fd);
	return error == RUMP_ENOTCONN ? RUMP_EAGAIN : error;
}

int
classic_child(struct remote *rm, struct remote *child)
{
	uint32_t key[WIRE_NAUTH];
	int error = classic_enter(rm, true);

	if (error != 0)
		return error;
	error = get_key(rm, key);
	classic_leave(rm, error);
	return error != 0 ? error : show_key(rm, child, key);
}

/* --- exec -------------------------------------------------------------- */

static void
set_closing(struct remote *rm, int fd, bool closing)
{
	const int64_t args[3] = { fd, RUMP_F_SETFD,
		closing ? RUMP_FD_CLOEXEC : 0 };

	(void)classic_call(rm, true, RUMP_SYS_fcntl, args, 3, NULL);
}

/* The rump descriptors that have a number which crosses, if crossing, or one
 * that does not. */
static void
mark(struct remote *rm, bool crossing, bool closing)
{
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf;
		int error;

		rf = fdmap_get_rump(fd, &error);
		if (rf == NULL)
			continue;
		if (rf->rf_fd >= 0 && entry_crosses(fd) == crossing)
			set_closing(rm, rf->rf_fd, closing);
		(void)fdmap_put(rf);
	}
}

static void
hold(struct remote *rm, bool held)
{
	struct classic *cl = rm->rm_classic;

	lock_enter(&cl->cl_lock);
	cl->cl_held = held;
	lock_exit(&cl->cl_lock);
}

/* The rest of a frame that has arrived in part; with cl_rxgate. */
static void
finish_frame(struct remote *rm)
{
	struct pollfd pfd = { .fd = rm->rm_fd, .events = POLLIN };
	int error = 0;

	while (error == 0 && wire_rx_midframe(&rm->rm_classic->cl_rx)) {
		HOST(SYS_poll, &pfd, 1, -1, 0, 0, 0);
		error = classic_receive(rm, true);
	}
	if (error != 0)
		classic_die(rm);
}

void
classic_freeze(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;

	hold(rm, true);
	mark(rm, false, true);
	mark(rm, true, false);
	(void)gate_enter(&cl->cl_rxgate, true);
	finish_frame(rm);
	(void)gate_enter(&cl->cl_sendgate, true);
}

void
classic_thaw(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;

	gate_exit(&cl->cl_sendgate);
	gate_exit(&cl->cl_rxgate);
	mark(rm, false, false);
	hold(rm, false);
}
