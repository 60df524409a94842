/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  A thread with a request sends it, being the sender for
 * the length of the frame, and then waits.  One of those who wait is the
 * receiver: it polls the socket, carries out what the server asks for, whoever
 * it is for, and gives answers to their requests.  The others sleep, each on a
 * futex of its own, until their answer is there or the role is to be had;
 * whoever leaves with its answer wakes one of them.
 *
 * Signals are blocked, except in the sleep of those who do not receive.  The
 * receiver polls a signalfd beside the socket; when a signal waits it gives the
 * role away, lets the handler run, and waits on.  So no handler ever runs on
 * top of a role or a lock: it may make calls, and it may jump out of the call,
 * whose request then stays in the pool until its answer comes.
 *
 * A sender that must wait for the socket lets only those signals through that
 * have no handler, so that a program whose server is stuck can be ended.
 *
 * When the connection ends, all requests are lost, and the link is dead for
 * ever; client.c makes another one.
 */
#include "sysproxy/client_linkvar.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sysproxy/client_host.h"
#include "sysproxy/client_signals.h"

#define SIGSET_BYTES 8 /* of a sigset_t, that the host knows of */

static _Atomic(struct link *) spare;

static struct link *
link_allocate(void)
{
	struct link *lk = atomic_exchange(&spare, NULL);

	if (lk == NULL)
		return calloc(1, sizeof(*lk));
	free(lk->lk_large);
	memset(lk, 0, sizeof(*lk));
	return lk;
}

/* After an exec, answers to the old program's requests may still come. */
static uint64_t
first_reqno(enum wire_state state)
{
	struct timespec now;

	if (state == WIRE_NEW)
		return 0;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec << 30 | (uint64_t)now.tv_nsec;
}

static int
make_signalfd(int *sigfd)
{
	sigset_t none;
	int fd;

	sigemptyset(&none);
	fd = host_signalfd(-1, &none, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		return errno;
	return client_host_keep(fd, sigfd);
}

static int
make_nonblocking(int fd)
{
	int flags = host_fcntl(fd, F_GETFL);

	if (flags == -1 || host_fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return errno;
	return 0;
}

static void
link_init(struct link *lk, int fd, int sigfd, enum wire_state state, bool ours)
{
	(void)pthread_mutex_init(&lk->lk_lock, NULL);
	(void)pthread_cond_init(&lk->lk_changed, NULL);
	atomic_init(&lk->lk_refs, 1);
	atomic_init(&lk->lk_fd, fd);
	atomic_init(&lk->lk_sigfd, sigfd);
	lk->lk_state = state;
	lk->lk_ours = ours;
	lk->lk_reqno = first_reqno(state);
	sigfillset(&lk->lk_sigmask);
	wire_rx_init(&lk->lk_rx, &wire_limits_client);
}

int
link_create(
    int fd, int sigfd, enum wire_state state, bool ours, struct link **lkp)
{
	struct link *lk;
	int error;

	error = make_nonblocking(fd);
	if (error == 0 && sigfd == -1)
		error = make_signalfd(&sigfd);
	if (error != 0)
		goto fail_close;
	lk = link_allocate();
	if (lk == NULL) {
		error = ENOMEM;
		goto fail_close;
	}
	link_init(lk, fd, sigfd, state, ours);
	*lkp = lk;
	return 0;

fail_close:
	(void)host_close(fd);
	if (sigfd != -1)
		(void)host_close(sigfd);
	return error;
}

void
link_ref(struct link *lk)
{
	atomic_fetch_add(&lk->lk_refs, 1);
}

static void
link_free(struct link *lk)
{
	free(lk->lk_large);
	(void)pthread_cond_destroy(&lk->lk_changed);
	(void)pthread_mutex_destroy(&lk->lk_lock);
	free(lk);
}

void
link_unref(struct link *lk)
{
	if (atomic_fetch_sub(&lk->lk_refs, 1) > 1)
		return;
	(void)host_close(lk->lk_fd);
	(void)host_close(lk->lk_sigfd);
	link_free(lk);
}

void
link_unref_foreign(struct link *lk)
{
	if (atomic_fetch_sub(&lk->lk_refs, 1) == 1)
		link_free(lk);
}

/*
 * Other threads, which are not here, may have held locks and changed lists: new
 * locks, and lk_dead keeps everybody from the lists.
 */
void
link_orphan(struct link *lk)
{
	(void)host_close(atomic_exchange(&lk->lk_fd, -1));
	(void)host_close(atomic_exchange(&lk->lk_sigfd, -1));
	(void)pthread_mutex_init(&lk->lk_lock, NULL);
	(void)pthread_cond_init(&lk->lk_changed, NULL);
	lk->lk_dead = true;
	if (atomic_fetch_sub(&lk->lk_refs, 1) == 1)
		free(atomic_exchange(&spare, lk));
}

static void
lock(struct link *lk)
{
	(void)pthread_mutex_lock(&lk->lk_lock);
}

static void
unlock(struct link *lk)
{
	(void)pthread_mutex_unlock(&lk->lk_lock);
}

bool
link_is_dead(struct link *lk)
{
	bool dead;

	lock(lk);
	dead = lk->lk_dead;
	unlock(lk);
	return dead;
}

bool
link_is_ours(const struct link *lk)
{
	return lk->lk_ours;
}

/* Requests; all with lk_lock. */

static struct request *
request_find_free(struct link *lk)
{
	for (int i = 0; i < LINK_POOL; i++) {
		if (lk->lk_pool[i].rq_state == REQUEST_FREE) {
			lk->lk_pool[i].rq_pooled = true;
			return &lk->lk_pool[i];
		}
	}
	return calloc(1, sizeof(struct request));
}

static struct request *
request_create(struct link *lk, enum wire_type type)
{
	struct request *rq = request_find_free(lk);

	if (rq == NULL)
		return NULL;
	rq->rq_reqno = ++lk->lk_reqno;
	rq->rq_type = type;
	rq->rq_state = REQUEST_WAITING;
	rq->rq_asleep = false;
	rq->rq_fault = false;
	rq->rq_next = lk->lk_requests;
	lk->lk_requests = rq;
	return rq;
}

static void
request_destroy(struct request *rq)
{
	if (rq->rq_pooled)
		rq->rq_state = REQUEST_FREE;
	else
		free(rq);
}

static void
request_wake(struct request *rq)
{
	if (!rq->rq_asleep)
		return;
	rq->rq_asleep = false;
	atomic_store(&rq->rq_wake, 1);
	(void)syscall(
	    SYS_futex, &rq->rq_wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* It is not waiting any more. */
static void
request_end(struct link *lk, struct request *rq, enum request_state state)
{
	struct request **rqp = &lk->lk_requests;

	while (*rqp != rq)
		rqp = &(*rqp)->rq_next;
	*rqp = rq->rq_next;
	rq->rq_state = state;
	request_wake(rq);
}

static void
link_die(struct link *lk)
{
	lk->lk_dead = true;
	while (lk->lk_requests != NULL)
		request_end(lk, lk->lk_requests, REQUEST_LOST);
	/* The receiver may be waiting for this socket. */
	(void)syscall(SYS_shutdown, lk->lk_fd, SHUT_RDWR);
	(void)pthread_cond_broadcast(&lk->lk_changed);
}

int
link_deliver(
    struct link *lk, const struct wire_hdr *h, const void *data, size_t len)
{
	struct request *rq;
	int error = 0;

	lock(lk);
	rq = lk->lk_requests;
	while (rq != NULL && rq->rq_reqno != h->wh_reqno)
		rq = rq->rq_next;
	if (rq == NULL)
		goto out; /* nobody's; to be ignored */
	if (!wire_answers(h, rq->rq_type) || len > sizeof(rq->rq_payload)) {
		error = ENOTCONN;
		goto out;
	}
	rq->rq_answer = *h;
	rq->rq_len = len;
	memcpy(rq->rq_payload, data, len);
	request_end(lk, rq, REQUEST_ANSWERED);
out:
	unlock(lk);
	return error;
}

void
link_blame(struct link *lk)
{
	struct request *found = NULL, *rq;
	int n = 0;

	lock(lk);
	for (rq = lk->lk_requests; rq != NULL; rq = rq->rq_next) {
		if (rq->rq_type == WIRE_SYSCALL) {
			found = rq;
			n++;
		}
	}
	if (n == 1)
		found->rq_fault = true;
	unlock(lk);
}

bool
link_is_alone(struct link *lk)
{
	bool alone;

	lock(lk);
	alone = lk->lk_requests == NULL || lk->lk_requests->rq_next == NULL;
	unlock(lk);
	return alone;
}

/* Sending. */

static bool
may_proceed(const struct link *lk)
{
	return !lk->lk_frozen || pthread_equal(lk->lk_freezer, pthread_self());
}

/* What is left of two pieces when n bytes are gone. */
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

static int
send_all(struct link *lk, struct iovec iov[2], const sigset_t *mask)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	sigset_t handled;

	while (iov[0].iov_len + iov[1].iov_len > 0) {
		ssize_t n = host_sendmsg(lk->lk_fd, &msg, MSG_NOSIGNAL);

		if (n >= 0) {
			advance(iov, (size_t)n);
		} else if (errno == EAGAIN) {
			client_signals_handled(mask, &handled);
			(void)client_host_wait(lk->lk_fd, POLLOUT, &handled);
		} else if (errno != EINTR) {
			return ENOTCONN;
		}
	}
	return 0;
}

int
link_send(struct link *lk, const struct wire_frame *f, size_t framelen,
    const void *data, size_t datalen, const sigset_t *mask)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)f, .iov_len = framelen },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = datalen },
	};
	int error;

	lock(lk);
	while (!lk->lk_dead && (lk->lk_sending || !may_proceed(lk)))
		(void)pthread_cond_wait(&lk->lk_changed, &lk->lk_lock);
	if (lk->lk_dead) {
		unlock(lk);
		return ENOTCONN;
	}
	lk->lk_sending = true;
	unlock(lk);
	error = send_all(lk, iov, mask);
	lock(lk);
	lk->lk_sending = false;
	(void)pthread_cond_broadcast(&lk->lk_changed);
	unlock(lk);
	return error;
}

/* Waiting; all with lk_lock, which is released meanwhile. */

/* Somebody else may become the receiver. */
static void
leave_role(struct link *lk)
{
	struct request *rq = lk->lk_requests;

	lk->lk_receiving = false;
	while (rq != NULL && !rq->rq_asleep)
		rq = rq->rq_next;
	if (rq != NULL)
		request_wake(rq);
}

static void
sleep_on(struct link *lk, struct request *rq, const sigset_t *mask)
{
	sigset_t blocked;

	atomic_store(&rq->rq_wake, 0);
	rq->rq_asleep = true;
	unlock(lk);
	(void)pthread_sigmask(SIG_SETMASK, mask, &blocked);
	(void)syscall(
	    SYS_futex, &rq->rq_wake, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	(void)pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	lock(lk);
	rq->rq_asleep = false;
}

/* Have the signalfd tell about what mask lets through. */
static void
watch_signals(struct link *lk, const sigset_t *mask)
{
	sigset_t wanted;

	if (memcmp(mask, &lk->lk_sigmask, SIGSET_BYTES) == 0)
		return;
	sigfillset(&wanted);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(mask, sig) == 1)
			sigdelset(&wanted, sig);
	if (host_signalfd(lk->lk_sigfd, &wanted, 0) != -1)
		lk->lk_sigmask = *mask;
}

/*
 * Wait for the socket or a signal; *signalled: there is a signal.  ENOTCONN:
 * the program has closed the signalfd.
 */
static int
poll_both(struct link *lk, const sigset_t *mask, bool *signalled)
{
	struct pollfd pfd[2] = {
		{ .fd = lk->lk_fd, .events = POLLIN },
		{ .fd = lk->lk_sigfd, .events = POLLIN },
	};

	watch_signals(lk, mask);
	*signalled = host_poll(pfd, 2, -1) > 0 && pfd[1].revents != 0;
	return *signalled && (pfd[1].revents & POLLNVAL) != 0 ? ENOTCONN : 0;
}

static int
process(struct link *lk, const sigset_t *mask)
{
	int error;

	lk->lk_processing = true;
	lk->lk_mask = mask;
	unlock(lk);
	error = link_receive(lk, false);
	lock(lk);
	lk->lk_processing = false;
	(void)pthread_cond_broadcast(&lk->lk_changed);
	return error;
}

/* The receiver's turn: a wait, and what it brought. */
static void
take_turn(struct link *lk, const sigset_t *mask)
{
	bool signalled;
	int error;

	lk->lk_receiving = true;
	unlock(lk);
	error = poll_both(lk, mask, &signalled);
	lock(lk);
	while (!may_proceed(lk))
		(void)pthread_cond_wait(&lk->lk_changed, &lk->lk_lock);
	if (error == 0)
		error = process(lk, mask);
	lk->lk_receiving = false;
	if (error != 0)
		link_die(lk);
	if (signalled && !lk->lk_dead) {
		leave_role(lk);
		unlock(lk);
		client_signals_deliver(mask);
		lock(lk);
	}
}

static void
await(struct link *lk, struct request *rq, const sigset_t *mask)
{
	while (rq->rq_state == REQUEST_WAITING && !lk->lk_dead) {
		if (lk->lk_receiving)
			sleep_on(lk, rq, mask);
		else
			take_turn(lk, mask);
	}
	if (!lk->lk_receiving && !lk->lk_dead)
		leave_role(lk);
}

/* The answer, and the state that follows from it. */
static int
conclude(struct link *lk, struct request *rq, struct call *ca)
{
	const struct wire_hdr *h = &rq->rq_answer;

	if (rq->rq_state != REQUEST_ANSWERED)
		return ENOTCONN;
	ca->ca_answer = *h;
	ca->ca_len = rq->rq_len;
	ca->ca_fault = rq->rq_fault;
	memcpy(ca->ca_payload, rq->rq_payload, rq->rq_len);
	if (h->wh_class == WIRE_RESP && h->wh_type == WIRE_HANDSHAKE)
		lk->lk_state = wire_state_welcomed(lk->lk_state);
	return 0;
}

int
link_call(struct link *lk, struct call *ca, const sigset_t *mask)
{
	struct wire_hdr *h = &ca->ca_frame.fr_hdr;
	struct request *rq = NULL;
	int error = ENOTCONN;

	lock(lk);
	if (lk->lk_dead || !wire_client_may_send(lk->lk_state, h))
		goto out;
	rq = request_create(lk, h->wh_type);
	if (rq == NULL) {
		error = ENOMEM;
		goto out;
	}
	h->wh_reqno = rq->rq_reqno;
	lk->lk_state = wire_state_asked(lk->lk_state, h);
	unlock(lk);
	error = link_send(lk, &ca->ca_frame, ca->ca_framelen, ca->ca_data,
	    ca->ca_datalen, mask);
	lock(lk);
	if (error != 0)
		link_die(lk);
	await(lk, rq, mask);
	error = conclude(lk, rq, ca);
	request_destroy(rq);
out:
	unlock(lk);
	return error;
}

/* For client_exec.c and rumpclient__closenotify(). */

/* The rest of a frame that has arrived in part. */
static int
finish_frame(struct link *lk, const sigset_t *mask)
{
	sigset_t handled;
	int error = 0;

	lk->lk_mask = mask;
	while (error == 0 && wire_rx_midframe(&lk->lk_rx)) {
		client_signals_handled(mask, &handled);
		(void)client_host_wait(lk->lk_fd, POLLIN, &handled);
		error = link_receive(lk, true);
	}
	return error;
}

int
link_freeze(struct link *lk, const sigset_t *mask)
{
	int error;

	lock(lk);
	while (lk->lk_frozen || lk->lk_sending || lk->lk_processing)
		(void)pthread_cond_wait(&lk->lk_changed, &lk->lk_lock);
	lk->lk_frozen = true;
	lk->lk_freezer = pthread_self();
	error = lk->lk_dead ? ENOTCONN : 0;
	unlock(lk);
	if (error == 0)
		error = finish_frame(lk, mask);
	if (error != 0)
		link_thaw(lk);
	return error;
}

void
link_thaw(struct link *lk)
{
	lock(lk);
	lk->lk_frozen = false;
	(void)pthread_cond_broadcast(&lk->lk_changed);
	unlock(lk);
}

void
link_descriptors(struct link *lk, int fds[2])
{
	fds[0] = lk->lk_fd;
	fds[1] = lk->lk_sigfd;
}

int
link_move(struct link *lk, int fd)
{
	_Atomic int *place = fd == lk->lk_fd ? &lk->lk_fd : &lk->lk_sigfd;
	int copy, error;

	error = client_host_copy(fd, &copy);
	if (error == 0)
		atomic_store(place, copy);
	return error;
}
