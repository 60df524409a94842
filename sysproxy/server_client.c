/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of clients; see server.h.
 *
 * c_nworkers counts who uses the client's process beside the loop.  Quiescing
 * takes a count itself, so that it is never the loop that finds itself last with
 * work to do that may sleep: it hands that to a worker, and does only what
 * cannot.
 */
#include "sysproxy/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server_classic.h"
#include "sysproxy/server_idmap.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_lane.h"
#include "sysproxy/server_worker.h"

/* Clients that have been made and have said nothing yet, of one process or door. */
#define PENDING_MAX 4096

pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;
static struct client *clients; /* server_lock */
static uint64_t serial;        /* server_lock: of the latest */

/* Around reading and setting what several processes of the host share. */
static pthread_mutex_t masks_lock = PTHREAD_MUTEX_INITIALIZER;

static void
enlist(struct client *c)
{
	pthread_mutex_lock(&server_lock);
	c->c_serial = ++serial;
	c->c_next = clients;
	c->c_prevp = &clients;
	if (clients != NULL)
		clients->c_prevp = &c->c_next;
	clients = c;
	pthread_mutex_unlock(&server_lock);
}

static void
delist(struct client *c)
{
	pthread_mutex_lock(&server_lock);
	*c->c_prevp = c->c_next;
	if (c->c_next != NULL)
		c->c_next->c_prevp = c->c_prevp;
	pthread_mutex_unlock(&server_lock);
}

static bool
has_hung_up(const struct client *c)
{
	struct pollfd pfd = { .fd = c->c_fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) == 1 &&
	       (pfd.revents & (POLLHUP | POLLRDHUP)) != 0;
}

/*
 * Whoever has waited for a process on the host may rely on its locks being gone.
 * Its connection has ended before, but it takes a moment to deal with that.
 */
bool
client_ending(int32_t pid, uint64_t *bound)
{
	const struct client *c;
	bool ending = false;

	pthread_mutex_lock(&server_lock);
	if (*bound == 0)
		*bound = serial;
	for (c = clients; c != NULL && !ending; c = c->c_next)
		ending = c->c_serial <= *bound &&
			 (pid == 0 || c->c_pid == pid) && has_hung_up(c);
	pthread_mutex_unlock(&server_lock);
	return ending;
}

void
client_iterate(void (*func)(struct client *, void *), void *arg)
{
	struct client *c;

	pthread_mutex_lock(&server_lock);
	for (c = clients; c != NULL; c = c->c_next)
		func(c, arg);
	pthread_mutex_unlock(&server_lock);
}

int
client_pend(struct client *c, unsigned *pending)
{
	int error = RUMP_EAGAIN;

	pthread_mutex_lock(&server_lock);
	if (*pending < PENDING_MAX) {
		++*pending;
		c->c_counted = pending;
		error = 0;
	}
	pthread_mutex_unlock(&server_lock);
	return error;
}

void
client_served(struct client *c)
{
	pthread_mutex_lock(&server_lock);
	if (c->c_counted != NULL)
		--*c->c_counted;
	c->c_counted = NULL;
	pthread_mutex_unlock(&server_lock);
}

void
client_pending_end(const unsigned *pending)
{
	struct client *c;

	pthread_mutex_lock(&server_lock);
	for (c = *pending != 0 ? clients : NULL; c != NULL; c = c->c_next)
		if (c->c_counted == pending)
			c->c_counted = NULL;
	pthread_mutex_unlock(&server_lock);
}

struct client *
client_create(int fd, enum client_kind kind)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->c_lane = lane_create();
	if (c->c_lane == NULL) {
		free(c);
		return NULL;
	}
	c->c_kind = kind;
	c->c_fd = fd;
	c->c_pidfd = -1;
	c->c_right = -1;
	pthread_mutex_init(&c->c_lock, NULL);
	enlist(c);
	return c;
}

int
client_rfork(struct client *c, int flags, const char *comm)
{
	struct lwp *own;
	int error;

	cpu_upcalls.hyp_schedule();
	own = cpu_upcalls.hyp_lwproc_curlwp();
	error = cpu_upcalls.hyp_lwproc_rfork(c, flags, comm);
	if (error == 0) {
		c->c_mainlwp = cpu_upcalls.hyp_lwproc_curlwp();
		c->c_pid = cpu_upcalls.hyp_getpid();
		cpu_upcalls.hyp_lwproc_switch(own);
	}
	cpu_upcalls.hyp_unschedule();
	strncpy(c->c_comm, comm, sizeof(c->c_comm) - 1);
	return error;
}

/*
 * The process goes, with all that it has open.  May sleep, which the main lwp
 * cannot do any more if it has been told to leave.
 */
static void
end_process(struct client *c)
{
	struct lwp *own, *fresh = NULL;

	if (c->c_mainlwp == NULL)
		return;
	cpu_upcalls.hyp_schedule();
	own = cpu_upcalls.hyp_lwproc_curlwp();
	if (cpu_upcalls.hyp_lwproc_newlwp(c->c_pid) == 0)
		fresh = cpu_upcalls.hyp_lwproc_curlwp();
	cpu_upcalls.hyp_lwproc_switch(c->c_mainlwp);
	cpu_upcalls.hyp_lwproc_release();
	if (fresh != NULL) {
		cpu_upcalls.hyp_lwproc_switch(fresh);
		cpu_upcalls.hyp_lwproc_release();
	}
	cpu_upcalls.hyp_lwproc_switch(own);
	cpu_upcalls.hyp_unschedule();
}

static void
drop_area(struct client *c)
{
	counts_end(c);
	atomic_store(&c->c_shown, NULL);
	if (c->c_area != NULL)
		(void)munmap(c->c_area, (size_t)FAST_AREA);
	free(c->c_workers);
	c->c_area = NULL;
	c->c_workers = NULL;
}

/* Others may have it, see life_watch().  What has not been read may have come with
 * descriptors, which are closed with it, when it is their turn. */
static void
close_connection(struct client *c)
{
	if (c->c_fd < 0)
		return;
	if (c->c_shares || !c->c_drained)
		(void)shutdown(c->c_fd, SHUT_RDWR);
	if (c->c_drained)
		(void)close(c->c_fd);
	else
		lane_close(c->c_lane, c->c_fd);
}

void
client_destroy(struct client *c)
{
	void (*ended)(void) = c->c_ended;

	drop_area(c);
	counts_leave(c);
	received_destroy(c);
	if (c->c_maps != NULL)
		maps_destroy(c->c_maps);
	end_process(c);
	if (c->c_classic != NULL)
		classic_destroy(c->c_classic);
	client_served(c);
	client_pending_end(&c->c_pending);
	delist(c);
	if (c->c_right >= 0)
		lane_close(c->c_lane, c->c_right);
	if (c->c_pidfd >= 0)
		(void)close(c->c_pidfd);
	close_connection(c);
	lane_forget(c->c_lane);
	lane_unref(c->c_lane);
	pthread_mutex_destroy(&c->c_lock);
	free(c->c_payload);
	free(c->c_exec);
	free(c);
	if (serverkernel_has_files())
		serverkernel.sk_lock_retry();
	if (ended != NULL)
		ended();
}

static void
settle_exec(struct client *c)
{
	struct exec *e = c->c_exec;

	c->c_exec = NULL;
	cpu_upcalls.hyp_schedule();
	if (cpu_upcalls.hyp_lwproc_newlwp(c->c_pid) == 0) {
		serverkernel.sk_exec(e->e_comm, e->e_keep, e->e_n);
		cpu_upcalls.hyp_lwproc_release();
	}
	cpu_upcalls.hyp_unschedule();
	pthread_mutex_lock(&c->c_lock);
	memcpy(c->c_comm, e->e_comm, sizeof(c->c_comm));
	pthread_mutex_unlock(&c->c_lock);
	free(e);
	/* They came for calls of the old program's. */
	received_destroy(c);
	if (c->c_maps != NULL)
		maps_clear(c->c_maps);
}

static void
resume(struct client *c)
{
	if (c->c_kind == CLIENT_CLASSIC)
		classic_resume(c);
	else
		loop_pause(c->c_fd, &c->c_watch, false);
}

/* All is quiet.  Runs on a worker that belongs to no client. */
static void
settle(struct worker *w, void *arg)
{
	struct client *c = arg;
	enum client_after after;

	(void)w;
	for (;;) {
		pthread_mutex_lock(&c->c_lock);
		after = c->c_after;
		c->c_after = AFTER_NOTHING;
		if (after == AFTER_NOTHING) {
			c->c_quiescing = false;
			/* When the lock is free the loop may end it all. */
			resume(c);
			pthread_mutex_unlock(&c->c_lock);
			return;
		}
		pthread_mutex_unlock(&c->c_lock);
		switch (after) {
		case AFTER_EXIT:
			client_destroy(c);
			server_client_ended();
			return;
		case AFTER_EXEC:
			drop_area(c);
			if (c->c_kind == CLIENT_CLASSIC)
				classic_settle_exec(c);
			else
				settle_exec(c);
			break;
		default:
			drop_area(c);
			if (!control_hello(c))
				(void)shutdown(c->c_fd, SHUT_RDWR);
			break;
		}
	}
}

static bool
leave_locked(struct client *c)
{
	return --c->c_nworkers == 0 && c->c_quiescing;
}

/*
 * The end of a process that has called nothing, and has nothing open, waits for
 * nobody, nor does that of its connection, of which all has been read.  Most
 * children are such: they end before they need the kernel.
 */
static bool
ends_at_once(const struct client *c)
{
	return c->c_kind == CLIENT_FAST && c->c_area == NULL &&
	       c->c_maps == NULL && c->c_received == NULL &&
	       c->c_ended == NULL && !c->c_shares && c->c_mainlwp != NULL &&
	       !serverkernel.sk_lingers(c->c_mainlwp);
}

bool
client_enter(struct client *c)
{
	bool entered;

	pthread_mutex_lock(&c->c_lock);
	entered = !c->c_quiescing;
	c->c_nworkers += entered;
	pthread_mutex_unlock(&c->c_lock);
	return entered;
}

void
client_leave(struct client *c)
{
	bool last, ends;

	pthread_mutex_lock(&c->c_lock);
	last = leave_locked(c);
	ends = c->c_after == AFTER_EXIT;
	pthread_mutex_unlock(&c->c_lock);
	if (last && ends && ends_at_once(c))
		settle(NULL, c);
	else if (last)
		worker_submit(settle, c);
}

/* Have the process's threads leave the kernel. */
static void
interrupt_process(struct client *c)
{
	cpu_upcalls.hyp_schedule();
	if (cpu_upcalls.hyp_lwproc_newlwp(c->c_pid) == 0) {
		cpu_upcalls.hyp_lwpexit();
		cpu_upcalls.hyp_lwproc_release();
	}
	cpu_upcalls.hyp_unschedule();
}

void
client_quiesce(struct client *c, enum client_after after)
{
	bool already, busy;

	pthread_mutex_lock(&c->c_lock);
	if (after > c->c_after)
		c->c_after = after;
	already = c->c_quiescing;
	busy = c->c_nworkers != 0;
	c->c_quiescing = true;
	c->c_nworkers += !already;
	if (!already && c->c_workers != NULL) {
		for (unsigned i = 0; i < FAST_SLOTS; i++)
			if (c->c_workers[i] != NULL)
				slot_stop(c->c_workers[i]);
	}
	if (c->c_kind == CLIENT_CLASSIC)
		classic_stop(c, after == AFTER_EXIT);
	pthread_mutex_unlock(&c->c_lock);
	if (already)
		return;
	if (busy) {
		received_wake(c);
		interrupt_process(c);
	}
	client_leave(c);
}

void
client_end(struct client *c)
{
	loop_unwatch(c->c_fd);
	life_end(c);
	server_client_ends();
	client_quiesce(c, AFTER_EXIT);
}

bool
client_send(struct client *c, const struct fast_message *m, int fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)m, sizeof(*m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
	}
	do {
		n = sendmsg(c->c_fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*m);
}

static bool
accepts(const struct client *c, const struct peer *p)
{
	return !c->c_accepted || peer_owns(c->c_uids, c->c_gids, p);
}

/* Who is the server's user by number only is not the server's user. */
void
client_place(struct client *c, bool ours, const struct rump_idmap *im)
{
	atomic_store(&c->c_inside, im != NULL);
	atomic_store(&c->c_mapped, idmap_is_complete(im));
	atomic_store(&c->c_ours, ours && im == NULL);
	if (!c->c_ours)
		atomic_store(&c->c_vm, false);
}

static int
setcred_locked(struct client *c)
{
	struct rump_hostcred hc;
	struct rump_idmap *im;
	struct peer p;
	int error;

	if (!peer_status(c->c_hostpid, &p) || !peer_lives(c->c_pidfd))
		return RUMP_ESRCH;
	if (!accepts(c, &p))
		return RUMP_EPERM;
	if (!idmap_of_peer(c->c_hostpid, &im))
		return RUMP_ESRCH;
	c->c_accepted = true;
	memcpy(c->c_uids, p.p_uid, sizeof(c->c_uids));
	memcpy(c->c_gids, p.p_gid, sizeof(c->c_gids));
	atomic_store(&c->c_uid, p.p_uid[0]);
	client_place(c, peer_is_ours(&p), im);
	peer_cred(&p, &hc);
	hc.hc_pid = c->c_hostpid;
	hc.hc_idmap = im;
	error = serverkernel.sk_setcred(c->c_pid, &hc);
	free(im);
	return error;
}

int
client_setcred(struct client *c)
{
	bool shares = atomic_load(&c->c_mask);
	int error;

	/* What was read first is not to be set last. */
	if (shares)
		pthread_mutex_lock(&masks_lock);
	pthread_mutex_lock(&c->c_lock);
	error = setcred_locked(c);
	pthread_mutex_unlock(&c->c_lock);
	if (shares)
		pthread_mutex_unlock(&masks_lock);
	return error;
}

int
client_lendcred(struct client *c, pid_t tid)
{
	struct rump_hostcred hc;
	struct rump_idmap *im;
	struct peer p;
	bool accepted;

	if (!peer_thread(c->c_hostpid, tid, &p) || !peer_lives(c->c_pidfd))
		return RUMP_EPERM;
	pthread_mutex_lock(&c->c_lock);
	accepted = accepts(c, &p);
	pthread_mutex_unlock(&c->c_lock);
	if (!accepted)
		return RUMP_EPERM;
	if (!idmap_of_peer(c->c_hostpid, &im))
		return RUMP_ESRCH;
	peer_cred(&p, &hc);
	hc.hc_idmap = im;
	serverkernel.sk_lwp_setcred(&hc);
	free(im);
	return 0;
}

void
client_allow_reboot(const struct client *c, int num)
{
	static const struct rump_hostcred root = { .hc_umask = -1 };

	if (num == RUMP_SYS_reboot && c->c_ours &&
	    serverkernel.sk_setcred != NULL)
		(void)serverkernel.sk_setcred(c->c_pid, &root);
}
