/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving and carrying out; see server_classic.h. */
#include "sysproxy/server_classic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#include "rumpuser/cpu.h"
#include "sysproxy/server_idmap.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_lane.h"
#include "sysproxy/server_listen.h"
#include "sysproxy/server_worker.h"

#define CHUNK 16384
#define NARGS (WIRE_ARGS_MAX / sizeof(int64_t))
/* System calls that wait for a worker; beyond them TRYAGAIN. */
#define CALLS_MAX 1024

int rumpsp_maxworker = 128;
int rumpsp_idleworker = 16;

/* A system call, or PREFORK (ca_num < 0), that has been received. */
struct call {
	struct call *ca_next;
	uint64_t ca_reqno;
	int ca_num;
	size_t ca_len; /* bytes of ca_args that came */
	int64_t ca_args[NARGS];
};
#define CALL_PREFORK (-1)

/* --- answers ------------------------------------------------------------- */

/* From the loop; false: the connection is to be ended. */
static bool
answer_error(struct classic *cl, uint64_t reqno, enum wire_errcode code)
{
	struct wire_frame f;
	size_t len = wire_put_error(&f, reqno, code);

	return out_send(cl, NULL, &f, len, NULL, 0);
}

static bool
answer_welcome(struct classic *cl, uint64_t reqno)
{
	struct wire_frame f;
	size_t len = wire_put_welcome(&f, reqno);

	return out_send(cl, NULL, &f, len, NULL, 0);
}

/* --- system calls ----------------------------------------------------------- */

static void
enlist(struct classic *cl, struct worker *w)
{
	pthread_mutex_lock(&cl->cl_lock);
	atomic_store(&w->w_stop, cl->cl_ending);
	w->w_peer = cl->cl_workers;
	cl->cl_workers = w;
	pthread_mutex_unlock(&cl->cl_lock);
}

static void
delist(struct classic *cl, struct worker *w)
{
	struct worker **wp;

	pthread_mutex_lock(&cl->cl_lock);
	for (wp = &cl->cl_workers; *wp != w; wp = &(*wp)->w_peer)
		continue;
	*wp = w->w_peer;
	pthread_mutex_unlock(&cl->cl_lock);
}

/* With our own kernel: short arguments are noticed. */
static int
checked_syscall(const struct call *ca, int64_t *retval)
{
	int error;

	error = serverkernel.sk_syscall(
	    ca->ca_num, ca->ca_args, ca->ca_len, retval);
	if (error == RUMP_ERESTART)
		return RUMP_EINTR;
	return error == RUMP_ENAMESPACE ? RUMP_ENOENT : error;
}

static void
run_syscall(struct worker *w, struct client *c, struct call *ca)
{
	int64_t result[2] = { 0, 0 };
	long retval[2] = { 0, 0 };
	struct wire_frame f;
	size_t len;
	int error;

	w->w_reqno = ca->ca_reqno;
	client_allow_reboot(c, ca->ca_num);
	cpu_upcalls.hyp_schedule();
	if (serverkernel_is_ours()) {
		error = checked_syscall(ca, result);
	} else {
		error =
		    cpu_upcalls.hyp_syscall(ca->ca_num, ca->ca_args, retval);
		result[0] = retval[0];
		result[1] = retval[1];
	}
	cpu_upcalls.hyp_unschedule();
	len = wire_put_sysret(&f, ca->ca_reqno, error, result);
	(void)out_send(c->c_classic, w, &f, len, NULL, 0);
}

static void
fail_call(struct worker *w, struct client *c, const struct call *ca, int error)
{
	struct wire_frame f;
	size_t len;

	if (ca->ca_num == CALL_PREFORK)
		len = wire_put_error(&f, ca->ca_reqno, WIRE_ERR_TRYAGAIN);
	else
		len = wire_put_sysret(&f, ca->ca_reqno, error, NULL);
	(void)out_send(c->c_classic, w, &f, len, NULL, 0);
}

/* The process's lwps are told to leave after the flags are set: this one has
 * either been told or sees them. */
static void
run_call(struct worker *w, struct client *c, struct call *ca)
{
	if (!worker_bind_lwp(c)) {
		fail_call(w, c, ca, RUMP_EBUSY);
		return;
	}
	if (atomic_load(&w->w_stop) != 0 ||
	    atomic_load(&c->c_classic->cl_execing))
		fail_call(w, c, ca, RUMP_EINTR);
	else if (ca->ca_num == CALL_PREFORK)
		prefork_make(c, ca->ca_reqno);
	else
		run_syscall(w, c, ca);
	worker_unbind_lwp();
}

/* The next call that waits; NULL: this worker is one less. */
static struct call *
next_call(struct classic *cl)
{
	struct call *ca;

	pthread_mutex_lock(&cl->cl_lock);
	ca = cl->cl_calls;
	if (ca != NULL) {
		cl->cl_calls = ca->ca_next;
		if (cl->cl_calls == NULL)
			cl->cl_callstail = &cl->cl_calls;
		cl->cl_ncalls--;
	} else {
		cl->cl_nworkers--;
	}
	pthread_mutex_unlock(&cl->cl_lock);
	return ca;
}

static void
work(struct worker *w, void *arg)
{
	struct client *c = arg;
	struct classic *cl = c->c_classic;
	struct call *ca;

	w->w_client = c;
	enlist(cl, w);
	while ((ca = next_call(cl)) != NULL) {
		atomic_fetch_add(&c->c_calls, 1);
		run_call(w, c, ca);
		free(ca);
	}
	delist(cl, w);
	w->w_client = NULL;
	client_leave(c);
}

/* False: no memory, or too many. */
static bool
queue_call(struct classic *cl, const struct call *call, bool *more)
{
	struct call *ca = malloc(sizeof(*ca));
	bool queued = false;

	*more = false;
	if (ca == NULL)
		return false;
	*ca = *call;
	pthread_mutex_lock(&cl->cl_lock);
	if (cl->cl_ncalls < CALLS_MAX) {
		queued = true;
		*cl->cl_callstail = ca;
		cl->cl_callstail = &ca->ca_next;
		cl->cl_ncalls++;
		*more = cl->cl_nworkers < (unsigned)rumpsp_maxworker;
		cl->cl_nworkers += *more;
	}
	pthread_mutex_unlock(&cl->cl_lock);
	if (!queued)
		free(ca);
	return queued;
}

/* One that has been counted.  While all is to be quiet the call waits until
 * classic_resume(). */
static void
start_worker(struct client *c)
{
	struct classic *cl = c->c_classic;

	if (client_enter(c)) {
		worker_submit(work, c);
		return;
	}
	pthread_mutex_lock(&cl->cl_lock);
	cl->cl_nworkers--;
	pthread_mutex_unlock(&cl->cl_lock);
}

void
classic_resume(struct client *c)
{
	struct classic *cl = c->c_classic;
	bool waiting;

	pthread_mutex_lock(&cl->cl_lock);
	waiting = cl->cl_calls != NULL;
	cl->cl_nworkers += waiting;
	pthread_mutex_unlock(&cl->cl_lock);
	if (waiting) {
		c->c_nworkers++;
		worker_submit(work, c);
	}
}

static bool
got_call(struct client *c, const struct wire_hdr *h, int num)
{
	struct classic *cl = c->c_classic;
	struct call call = { .ca_reqno = h->wh_reqno, .ca_num = num };
	size_t len = (size_t)cl->cl_rx.rx_len;
	bool more;

	if (len > 0 && cl->cl_payload != NULL) {
		call.ca_len =
		    len < sizeof(call.ca_args) ? len : sizeof(call.ca_args);
		memcpy(call.ca_args, cl->cl_payload, call.ca_len);
	}
	if (!queue_call(cl, &call, &more))
		return answer_error(cl, h->wh_reqno, WIRE_ERR_TRYAGAIN);
	if (more)
		start_worker(c);
	return true;
}

/* --- handshakes ------------------------------------------------------------- */

static enum wire_errcode
welcome_guest(struct client *c, const char *name)
{
	struct rump_hostcred hc;

	if (client_rfork(c, RUMP_RFCFDG, name) != 0)
		return WIRE_ERR_RFORK_FAILED;
	if (c->c_classic->cl_local && serverkernel.sk_setcred != NULL) {
		peer_cred(&c->c_classic->cl_peer, &hc);
		hc.hc_idmap = c->c_classic->cl_idmap;
		(void)serverkernel.sk_setcred(c->c_pid, &hc);
	}
	return WIRE_ERR_NONE;
}

static bool
got_guest(struct client *c, const struct wire_hdr *h)
{
	struct classic *cl = c->c_classic;
	char name[sizeof(c->c_comm)];

	if (!wire_get_name(
		cl->cl_payload, (size_t)cl->cl_rx.rx_len, name, sizeof(name))) {
		(void)answer_error(cl, h->wh_reqno, WIRE_ERR_MALFORMED);
		return false;
	}
	/* As the genuine server: without an answer. */
	if (welcome_guest(c, name) != WIRE_ERR_NONE)
		return false;
	c->c_kind = CLIENT_CLASSIC;
	return answer_welcome(cl, h->wh_reqno);
}

static bool
got_fork(struct client *c, const struct wire_hdr *h)
{
	struct classic *cl = c->c_classic;
	enum wire_errcode code = WIRE_ERR_MALFORMED;
	struct wire_fork wf;

	if (wire_get_fork(cl->cl_payload, (size_t)cl->cl_rx.rx_len, &wf))
		code = prefork_take(c, &wf);
	if (code != WIRE_ERR_NONE) {
		(void)answer_error(cl, h->wh_reqno, code);
		return false;
	}
	if (wf.wf_cancel != 0)
		return false;
	c->c_kind = CLIENT_CLASSIC;
	return answer_welcome(cl, h->wh_reqno);
}

static bool
got_exec(struct client *c, const struct wire_hdr *h)
{
	struct classic *cl = c->c_classic;

	if (!wire_get_name(cl->cl_payload, (size_t)cl->cl_rx.rx_len,
		cl->cl_execname, sizeof(cl->cl_execname))) {
		(void)answer_error(cl, h->wh_reqno, WIRE_ERR_MALFORMED);
		return false;
	}
	cl->cl_execno = h->wh_reqno;
	client_quiesce(c, AFTER_EXEC);
	return true;
}

void
classic_settle_exec(struct client *c)
{
	struct classic *cl = c->c_classic;

	cpu_upcalls.hyp_schedule();
	if (cpu_upcalls.hyp_lwproc_newlwp(c->c_pid) == 0) {
		cpu_upcalls.hyp_execnotify(cl->cl_execname);
		cpu_upcalls.hyp_lwproc_release();
	}
	cpu_upcalls.hyp_unschedule();
	pthread_mutex_lock(&c->c_lock);
	memcpy(c->c_comm, cl->cl_execname, sizeof(c->c_comm));
	pthread_mutex_unlock(&c->c_lock);
	atomic_store(&cl->cl_execing, false);
	(void)answer_welcome(cl, cl->cl_execno);
}

/* Over to the fast transport. */
static bool
got_upgrade(struct client *c, const struct wire_hdr *h)
{
	struct classic *cl = c->c_classic;
	char name[sizeof(c->c_comm)];

	if (!wire_get_name(
		cl->cl_payload, (size_t)cl->cl_rx.rx_len, name, sizeof(name))) {
		(void)answer_error(cl, h->wh_reqno, WIRE_ERR_MALFORMED);
		return false;
	}
	if (welcome_guest(c, name) != WIRE_ERR_NONE)
		return false;
	if (!answer_welcome(cl, h->wh_reqno))
		return false;
	c->c_kind = CLIENT_FAST;
	control_take(c);
	return cl->cl_out == NULL;
}

static bool
is_upgrade(const struct classic *cl, const struct wire_hdr *h)
{
	return cl->cl_state == WIRE_NEW && h->wh_class == WIRE_REQ &&
	       h->wh_type == WIRE_HANDSHAKE && h->wh_u == FAST_HANDSHAKE &&
	       cl->cl_local && serverkernel_is_ours();
}

/* --- frames -------------------------------------------------------------------- */

static bool
serve(struct client *c, const struct wire_hdr *h)
{
	struct classic *cl = c->c_classic;
	bool go_on;

	if (h->wh_type == WIRE_SYSCALL)
		return got_call(
		    c, h, h->wh_u < INT32_MAX ? (int)h->wh_u : INT32_MAX);
	if (h->wh_type == WIRE_PREFORK)
		return got_call(c, h, CALL_PREFORK);
	if (h->wh_u == WIRE_EXEC) {
		atomic_store(&cl->cl_execing, true);
		return got_exec(c, h);
	}
	go_on = h->wh_u == WIRE_FORK ? got_fork(c, h) : got_guest(c, h);
	cl->cl_state = WIRE_RUNNING;
	return go_on;
}

static enum wire_state
state_now(struct classic *cl)
{
	if (cl->cl_state == WIRE_RUNNING && atomic_load(&cl->cl_execing))
		return WIRE_EXECING;
	return cl->cl_state;
}

static bool
got_frame(struct client *c)
{
	struct classic *cl = c->c_classic;
	const struct wire_hdr h = cl->cl_rx.rx_hdr;
	struct wire_verdict v;
	struct wire_frame f;
	size_t len;

	if (is_upgrade(cl, &h))
		return got_upgrade(c, &h);
	v = wire_server_verdict(state_now(cl), &h);
	switch (v.wv_do) {
	case WIRE_DO_SERVE:
		return serve(c, &h);
	case WIRE_DO_MATCH:
		ask_answered(cl, &h, cl->cl_payload, (size_t)cl->cl_rx.rx_len);
		cl->cl_payload = NULL;
		return true;
	case WIRE_DO_BUSY:
		len = wire_put_sysret(
		    &f, h.wh_reqno, RUMP_EBUSY, (const int64_t[2]){ -1, 0 });
		return out_send(cl, NULL, &f, len, NULL, 0);
	case WIRE_DO_REFUSE:
		return answer_error(cl, h.wh_reqno, v.wv_code);
	default:
		(void)answer_error(cl, h.wh_reqno, v.wv_code);
		return false;
	}
}

/* A frame has begun: where its payload goes. */
static bool
got_header(struct classic *cl)
{
	const struct wire_hdr *h = &cl->cl_rx.rx_hdr;
	size_t len = (size_t)cl->cl_rx.rx_len;

	if (h->wh_class == WIRE_RESP)
		cl->cl_payload = ask_place(cl, h, len);
	else if (h->wh_class == WIRE_REQ && len > 0) {
		cl->cl_payload = malloc(len);
		if (cl->cl_payload == NULL)
			return false;
	}
	if (cl->cl_payload != NULL)
		wire_rx_payload(&cl->cl_rx, cl->cl_payload, len);
	return true;
}

/* False: the connection is to be ended.  *taken: bytes of data. */
static bool
feed(struct client *c, const char *data, size_t len)
{
	struct classic *cl = c->c_classic;
	enum wire_event ev;
	bool go_on = true;
	size_t n;

	do {
		n = wire_rx_feed(&cl->cl_rx, data, len, &ev);
		data += n;
		len -= n;
		switch (ev) {
		case WIRE_EV_HEADER:
			go_on = got_header(cl);
			break;
		case WIRE_EV_FRAME:
			go_on = got_frame(c);
			free(cl->cl_payload);
			cl->cl_payload = NULL;
			/* What comes next is another protocol. */
			if (go_on && c->c_kind == CLIENT_FAST)
				return len == 0;
			break;
		case WIRE_EV_BAD:
			go_on = false;
			break;
		default:
			break;
		}
	} while (go_on && ev != WIRE_EV_MORE);
	return go_on;
}

static void
classic_ready(void *arg, uint32_t events)
{
	static char chunk[CHUNK]; /* the loop's */
	struct iovec iov = { chunk, sizeof(chunk) };
	struct client *c = arg;
	struct sender sender;
	int right = -1;
	ssize_t n;

	if ((events & EPOLLOUT) != 0)
		out_drain(c->c_classic);
	if ((events & EPOLLPRI) != 0) {
		client_end(c);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0)
		return;
	n = message_receive_all(c->c_fd, &iov, 1, &right, &sender, c->c_lane);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* No message of the genuine protocol brings a descriptor. */
	if (right >= 0)
		lane_close(c->c_lane, right);
	if (n <= 0 || right >= 0 || !feed(c, chunk, (size_t)n))
		client_end(c);
}

/* --- life ----------------------------------------------------------------------- */

void
classic_stop(struct client *c, bool end)
{
	struct classic *cl = c->c_classic;
	struct worker *w;

	pthread_mutex_lock(&cl->cl_lock);
	cl->cl_ending = cl->cl_ending || end;
	for (w = cl->cl_workers; w != NULL; w = w->w_peer) {
		if (end)
			atomic_store(&w->w_stop, 1);
		worker_kick(w);
	}
	pthread_cond_broadcast(&cl->cl_changed);
	pthread_mutex_unlock(&cl->cl_lock);
}

void
classic_destroy(struct classic *cl)
{
	struct call *ca;

	out_destroy(cl);
	while ((ca = cl->cl_calls) != NULL) {
		cl->cl_calls = ca->ca_next;
		free(ca);
	}
	free(cl->cl_payload);
	free(cl->cl_idmap);
	pthread_cond_destroy(&cl->cl_changed);
	pthread_mutex_destroy(&cl->cl_lock);
	free(cl);
}

static struct classic *
classic_create(struct client *c, bool local, const struct peer *peer)
{
	struct classic *cl = calloc(1, sizeof(*cl));

	if (cl == NULL)
		return NULL;
	cl->cl_client = c;
	cl->cl_local = local;
	if (local)
		cl->cl_peer = *peer;
	cl->cl_state = WIRE_NEW;
	wire_rx_init(&cl->cl_rx, &wire_limits_server);
	pthread_mutex_init(&cl->cl_lock, NULL);
	pthread_cond_init(&cl->cl_changed, NULL);
	cl->cl_outtail = &cl->cl_out;
	cl->cl_callstail = &cl->cl_calls;
	return cl;
}

/* The namespace of who has connected.  A process that cannot be seen from here, in
 * a PID namespace around this one, is in no user namespace below. */
static bool
find_idmap(struct classic *cl, int fd)
{
	struct peer p;
	pid_t pid;

	return !cl->cl_local ||
	       (peer_of_socket(fd, &pid, &p) &&
		   (pid == 0 || idmap_of_peer(pid, &cl->cl_idmap)));
}

static struct classic *
classic_connected(struct client *c, int fd, bool local, const struct peer *peer)
{
	struct classic *cl = classic_create(c, local, peer);

	if (cl != NULL && !find_idmap(cl, fd)) {
		classic_destroy(cl);
		return NULL;
	}
	return cl;
}

struct client *
classic_begin(int fd, bool local, const struct peer *peer)
{
	struct client *c = client_create(fd, CLIENT_FRESH);

	if (c == NULL)
		return NULL;
	c->c_classic = classic_connected(c, fd, local, peer);
	if (c->c_classic == NULL) {
		c->c_fd = -1;
		client_destroy(c);
		return NULL;
	}
	c->c_watch.wa_ready = classic_ready;
	c->c_watch.wa_arg = c;
	if (local) {
		c->c_uid = peer->p_uid[0];
		client_place(c, peer_is_ours(peer), c->c_classic->cl_idmap);
	}
	return c;
}
