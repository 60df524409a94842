/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of ours and their answers; see remote_classic.h for the theory. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <linux/futex.h>

#include "preload/call.h"
#include "preload/classic_link.h"
#include "preload/engine/engine.h"
#include "preload/engine/entry.h"
#include "preload/remote_classic.h"
#include "preload/text.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#define COMM_SIZE 16

/* --- requests ---------------------------------------------------------- */

/* With cl_lock, which its thread takes before it goes on. */
static void
wake(struct request *rq)
{
	const uint64_t one = 1;

	if (!rq->rq_asleep)
		return;
	rq->rq_asleep = false;
	atomic_store(&rq->rq_woken, 1);
	HOST(SYS_futex, &rq->rq_woken, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
	if (rq->rq_event >= 0)
		HOST(SYS_write, rq->rq_event, &one, sizeof(one), 0, 0, 0);
}

static void
request_end(struct classic *cl, struct request *rq, enum request_state state)
{
	struct request **at = &cl->cl_requests;

	while (*at != rq)
		at = &(*at)->rq_next;
	*at = rq->rq_next;
	rq->rq_state = state;
	wake(rq);
}

/* With cl_lock: what threads wait for before they send has changed. */
static void
changed(struct classic *cl)
{
	atomic_fetch_add(&cl->cl_changed, 1);
	HOST(SYS_futex, &cl->cl_changed, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

void
classic_die(struct remote *rm)
{
	struct classic *cl = rm->rm_classic;

	lock_enter(&cl->cl_lock);
	cl->cl_dead = true;
	while (cl->cl_requests != NULL)
		request_end(cl, cl->cl_requests, REQUEST_LOST);
	/* Somebody may be waiting for the socket. */
	HOST(SYS_shutdown, rm->rm_fd, SHUT_RDWR, 0, 0, 0, 0);
	changed(cl);
	lock_exit(&cl->cl_lock);
}

/* With a handshake that is refused nothing more can be said. */
static bool
is_welcome(const struct wire_hdr *h, const void *data, size_t len)
{
	int32_t answer;

	return h->wh_class == WIRE_RESP &&
	       wire_get_welcome(data, len, &answer) && answer == 0;
}

/* With cl_lock. */
static bool
take_answer(struct classic *cl, struct request *rq, const struct wire_hdr *h,
    const void *data, size_t len)
{
	if (!wire_answers(h, rq->rq_type) || len > sizeof(rq->rq_payload))
		return false;
	if (rq->rq_type == WIRE_HANDSHAKE) {
		if (!is_welcome(h, data, len))
			return false;
		cl->cl_state = wire_state_welcomed(cl->cl_state);
		cl->cl_stale = false;
		changed(cl);
	}
	rq->rq_answer = *h;
	rq->rq_len = len;
	memcpy(rq->rq_payload, data, len);
	request_end(cl, rq, REQUEST_ANSWERED);
	return true;
}

int
classic_deliver(
    struct classic *cl, const struct wire_hdr *h, const void *data, size_t len)
{
	struct request *rq;
	bool good = true;

	lock_enter(&cl->cl_lock);
	rq = cl->cl_requests;
	while (rq != NULL && rq->rq_number != h->wh_reqno)
		rq = rq->rq_next;
	if (rq != NULL)
		good = take_answer(cl, rq, h, data, len);
	lock_exit(&cl->cl_lock);
	return good ? 0 : RUMP_ENOTCONN;
}

void
classic_blame(struct classic *cl)
{
	struct request *found = NULL;
	int n = 0;

	lock_enter(&cl->cl_lock);
	for (struct request *rq = cl->cl_requests; rq != NULL;
	     rq = rq->rq_next) {
		if (rq->rq_type == WIRE_SYSCALL) {
			found = rq;
			n++;
		}
	}
	if (n == 1)
		found->rq_fault = true;
	lock_exit(&cl->cl_lock);
}

bool
classic_is_alone(struct classic *cl)
{
	bool alone;

	lock_enter(&cl->cl_lock);
	alone = cl->cl_requests == NULL || cl->cl_requests->rq_next == NULL;
	lock_exit(&cl->cl_lock);
	return alone;
}

/* --- sending ----------------------------------------------------------- */

/* What is left of the pieces when n bytes are gone. */
static void
advance(struct iovec iov[2], size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t part = n < iov[i].iov_len ? n : iov[i].iov_len;

		if (part == 0)
			continue; /* there may be no base at all */
		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		n -= part;
	}
}

/* With cl_sendgate. */
static int
send_all(struct remote *rm, const struct wire_frame *f, size_t len,
    const void *data, size_t datalen)
{
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)f, len },
		{ (void *)(uintptr_t)data, datalen },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	while (iov[0].iov_len + iov[1].iov_len > 0) {
		long r =
		    HOST(SYS_sendmsg, rm->rm_fd, &mh, MSG_NOSIGNAL, 0, 0, 0);

		if (r >= 0)
			advance(iov, (size_t)r);
		else if (r != -EINTR)
			return RUMP_ENOTCONN;
	}
	return 0;
}

int
classic_answer(struct remote *rm, const struct wire_frame *f, size_t len,
    const void *data, size_t datalen)
{
	struct remote_gate *gate = &rm->rm_classic->cl_sendgate;
	int error;

	(void)gate_enter(gate, true);
	error = send_all(rm, f, len, data, datalen);
	gate_exit(gate);
	return error;
}

/* With cl_lock. */
static void
enlist(struct classic *cl, struct request *rq, struct wire_hdr *h)
{
	rq->rq_number = h->wh_reqno = ++cl->cl_number;
	rq->rq_type = (enum wire_type)h->wh_type;
	rq->rq_state = REQUEST_WAITING;
	rq->rq_next = cl->cl_requests;
	cl->cl_requests = rq;
	cl->cl_state = wire_state_asked(cl->cl_state, h);
}

/* Wait for cl_changed not to be seen any more. */
static int
await_change(struct classic *cl, uint32_t seen, bool patient)
{
	const volatile uint32_t *intr = patient ? NULL : &remote_interrupted;
	const long args[6] = { (long)&cl->cl_changed, FUTEX_WAIT_PRIVATE,
		seen };

	if (intr != NULL && *intr != 0)
		return RUMP_ERESTART;
	engine_host_call_intr(intr, SYS_futex, args);
	return 0;
}

/*
 * Enter cl_sendgate when the request may be sent, which is not the case during
 * an exec.  0, RUMP_ERESTART, RUMP_ENOTCONN.
 */
static int
begin(struct classic *cl, struct request *rq, struct wire_hdr *h)
{
	uint32_t seen;
	bool may, dead;
	int error;

	for (;;) {
		error = gate_enter(&cl->cl_sendgate, rq->rq_patient);
		if (error != 0)
			return error;
		lock_enter(&cl->cl_lock);
		dead = cl->cl_dead;
		may = !dead && wire_client_may_send(cl->cl_state, h);
		seen = atomic_load(&cl->cl_changed);
		if (may)
			enlist(cl, rq, h);
		lock_exit(&cl->cl_lock);
		if (may)
			return 0;
		gate_exit(&cl->cl_sendgate);
		error = dead ? RUMP_ENOTCONN
			     : await_change(cl, seen, rq->rq_patient);
		if (error != 0)
			return error;
	}
}

static int
start(struct remote *rm, struct request *rq, struct wire_frame *f, size_t len,
    const void *data, size_t datalen)
{
	struct classic *cl = rm->rm_classic;
	int error = begin(cl, rq, &f->fr_hdr);

	if (error != 0)
		return error;
	error = send_all(rm, f, len, data, datalen);
	gate_exit(&cl->cl_sendgate);
	if (error != 0)
		classic_die(rm);
	return 0;
}

/* --- waiting ----------------------------------------------------------- */

static bool
is_waiting(struct classic *cl, const struct request *rq)
{
	bool waiting;

	lock_enter(&cl->cl_lock);
	waiting = rq->rq_state == REQUEST_WAITING;
	lock_exit(&cl->cl_lock);
	return waiting;
}

/*
 * Wait for fd, or for what the request watches.  True: fd is ready.  An error of
 * poll(2), no memory, say, is the watched descriptors' business.
 */
static bool
watch(struct request *rq, int fd, const volatile uint32_t *intr)
{
	struct pollfd one,
	    *pfd = rq->rq_watched != NULL ? rq->rq_watched : &one;
	unsigned n = rq->rq_watched != NULL ? rq->rq_nwatched : 1;
	const long args[6] = { (long)pfd, n,
		rq->rq_bounded ? CLASSIC_PATIENCE_MS : -1 };
	long r;

	*pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	r = engine_host_call_intr(intr, SYS_poll, args);
	if (r < 0 && r != -EINTR)
		rq->rq_seen = true;
	if (r == 0)
		rq->rq_late = true;
	if (r > (pfd[0].revents != 0))
		rq->rq_seen = true;
	return r > 0 && pfd[0].revents != 0;
}

/* The receiver's turn. */
static void
take_turn(struct remote *rm, struct request *rq, const volatile uint32_t *intr)
{
	struct remote_gate *gate = &rm->rm_classic->cl_rxgate;
	int error;

	if (!watch(rq, rm->rm_fd, intr)) {
		if (rq->rq_late)
			classic_die(rm);
		return;
	}
	(void)gate_enter(gate, true);
	error = classic_receive(rm, false);
	gate_exit(gate);
	if (error != 0)
		classic_die(rm);
}

static void
sleep_on(struct request *rq, const volatile uint32_t *intr)
{
	const long args[6] = { (long)&rq->rq_woken, FUTEX_WAIT_PRIVATE, 0 };
	uint64_t count;

	if (rq->rq_event < 0) {
		engine_host_call_intr(intr, SYS_futex, args);
		return;
	}
	if (watch(rq, rq->rq_event, intr))
		HOST(SYS_read, rq->rq_event, &count, sizeof(count), 0, 0, 0);
}

/* With cl_lock. */
static void
pass_role(struct classic *cl)
{
	struct request *rq = cl->cl_requests;

	cl->cl_receiver = NULL;
	while (rq != NULL && !rq->rq_asleep)
		rq = rq->rq_next;
	if (rq != NULL)
		wake(rq);
}

/* Wait a little. */
static void
step(struct remote *rm, struct request *rq, const volatile uint32_t *intr)
{
	struct classic *cl = rm->rm_classic;
	bool mine, waiting;

	lock_enter(&cl->cl_lock);
	waiting = rq->rq_state == REQUEST_WAITING;
	mine = cl->cl_receiver == NULL || cl->cl_receiver == rq;
	if (waiting && mine) {
		cl->cl_receiver = rq;
	} else if (waiting) {
		atomic_store(&rq->rq_woken, 0);
		rq->rq_asleep = true;
	}
	lock_exit(&cl->cl_lock);
	if (waiting && mine)
		take_turn(rm, rq, intr);
	else if (waiting)
		sleep_on(rq, intr);
	lock_enter(&cl->cl_lock);
	rq->rq_asleep = false;
	lock_exit(&cl->cl_lock);
}

/* Wait for the answer, whatever comes. */
static void
await(struct remote *rm, struct request *rq)
{
	struct classic *cl = rm->rm_classic;

	while (is_waiting(cl, rq))
		step(rm, rq, NULL);
	lock_enter(&cl->cl_lock);
	if (cl->cl_receiver == rq)
		pass_role(cl);
	lock_exit(&cl->cl_lock);
}

/* --- ending calls ------------------------------------------------------ */

static size_t
put_exec(struct wire_frame *f, char name[COMM_SIZE], size_t *namelen)
{
	memset(name, 0, COMM_SIZE);
	HOST(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	*namelen = text_length(name) + 1;
	return wire_put_hello(f, 0, WIRE_EXEC, *namelen);
}

/* With cl_lock; the calls that are under way are those that end. */
static bool
mark_ended(struct classic *cl)
{
	if (cl->cl_dead || cl->cl_held || cl->cl_state != WIRE_RUNNING)
		return false;
	for (struct request *rq = cl->cl_requests; rq != NULL; rq = rq->rq_next)
		rq->rq_ended = true;
	return true;
}

/*
 * End all calls.  True: xq waits for that.  Not when somebody else does the same
 * already: what was sent before that ends.
 */
static bool
end_calls(struct remote *rm, struct request *xq)
{
	struct classic *cl = rm->rm_classic;
	struct wire_frame f;
	char name[COMM_SIZE];
	size_t namelen, len = put_exec(&f, name, &namelen);
	bool go;

	(void)gate_enter(&cl->cl_sendgate, true);
	lock_enter(&cl->cl_lock);
	go = mark_ended(cl);
	if (go)
		enlist(cl, xq, &f.fr_hdr);
	lock_exit(&cl->cl_lock);
	if (go && send_all(rm, &f, len, name, namelen) != 0)
		classic_die(rm);
	gate_exit(&cl->cl_sendgate);
	return go;
}

static bool
is_to_end(const struct request *rq)
{
	return rq->rq_seen || (!rq->rq_patient && remote_interrupted != 0);
}

/* Wait for the answer to rq, and see to it that it comes when it must. */
static void
await_or_end(struct remote *rm, struct request *rq)
{
	struct classic *cl = rm->rm_classic;
	const volatile uint32_t *intr =
	    rq->rq_patient ? NULL : &remote_interrupted;
	struct request xq = { .rq_patient = true, .rq_event = -1 };
	bool waits = false;

	while (is_waiting(cl, rq) && !is_to_end(rq))
		step(rm, rq, intr);
	if (is_waiting(cl, rq))
		waits = end_calls(rm, &xq);
	rq->rq_watched = NULL;
	await(rm, rq);
	if (waits)
		await(rm, &xq);
}

int
classic_request(struct remote *rm, struct request *rq, struct wire_frame *f,
    size_t len, const void *data, size_t datalen)
{
	int error = start(rm, rq, f, len, data, datalen);

	if (error != 0)
		return error;
	await_or_end(rm, rq);
	return rq->rq_state == REQUEST_ANSWERED ? 0 : RUMP_ENOTCONN;
}
