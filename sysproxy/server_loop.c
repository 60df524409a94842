/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loop, and the server as a whole.
 *
 * What is watched is level-triggered, and each event leads to one message at
 * most, so that nobody who floods keeps others waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rump/rump.h"
#include "rump/rumpdefs.h"
#include "rump/rumpserver.h"
#include "rump/rumpuser.h"

#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_listen.h"
#include "sysproxy/server_worker.h"

#define EVENTS 64
#define RETRY_MS 50 /* the host had no thread or descriptor for us */
#define INPUT (EPOLLIN | EPOLLPRI | EPOLLRDHUP)

static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t state_changed = PTHREAD_COND_INITIALIZER;
static bool running;      /* state_lock */
static bool halted;       /* state_lock */
static unsigned nclients; /* state_lock: and doors */
static unsigned nending;  /* state_lock: of these, whose connections are gone */
static int epoll_fd = -1; /* i */

static void *
loop_main(void *arg)
{
	struct epoll_event events[EVENTS];
	bool again;
	int n;

	(void)arg;
	for (;;) {
		again = workers_retry();
		again |= listen_retry();
		n = epoll_wait(epoll_fd, events, EVENTS, again ? RETRY_MS : -1);
		for (int i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;

			w->wa_ready(w->wa_arg, events[i].events);
		}
		life_reap();
	}
	return NULL;
}

int
loop_watch(int fd, struct watch *w)
{
	struct epoll_event ev = { INPUT, { .ptr = w } };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return rumpuser_component_errtrans(errno);
	return 0;
}

void
loop_unwatch(int fd)
{
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void
loop_pause(int fd, struct watch *w, bool pause)
{
	struct epoll_event ev = { pause ? EPOLLET : INPUT, { .ptr = w } };

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev);
}

void
loop_output(int fd, struct watch *w, bool on)
{
	struct epoll_event ev = { INPUT | (on ? EPOLLOUT : 0), { .ptr = w } };

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev);
}

/* Each client takes descriptors. */
static void
raise_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static int
start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int error;

	error = pthread_attr_init(&attr);
	if (error != 0)
		return error;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, &attr, loop_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

static int
start_locked(void)
{
	int error;

	serverkernel_init();
	raise_limit();
	error = workers_init();
	if (error != 0)
		return error;
	if (serverkernel_has_files()) {
		maps_init();
		serverkernel.sk_lock_sethook(client_ending);
	}
	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return rumpuser_component_errtrans(errno);
	error = start_thread();
	return error != 0 ? rumpuser_component_errtrans(error) : 0;
}

int
loop_start(void)
{
	int error = 0;

	pthread_mutex_lock(&state_lock);
	if (!running)
		error = start_locked();
	running = error == 0;
	pthread_mutex_unlock(&state_lock);
	return error;
}

/* Who ends does not call any more, and nobody else sends us others. */
static void
tell_whether_deserted(void)
{
	if (serverkernel.sk_desert != NULL)
		serverkernel.sk_desert(nclients == nending && !listen_active());
}

void
server_client_came(void)
{
	pthread_mutex_lock(&state_lock);
	nclients++;
	tell_whether_deserted();
	pthread_mutex_unlock(&state_lock);
}

void
server_client_ends(void)
{
	pthread_mutex_lock(&state_lock);
	nending++;
	tell_whether_deserted();
	pthread_mutex_unlock(&state_lock);
}

static void
gone_locked(void)
{
	if (--nclients == 0)
		pthread_cond_broadcast(&state_changed);
	tell_whether_deserted();
}

void
server_client_ended(void)
{
	pthread_mutex_lock(&state_lock);
	nending--;
	gone_locked();
	pthread_mutex_unlock(&state_lock);
}

void
server_client_gone(void)
{
	pthread_mutex_lock(&state_lock);
	gone_locked();
	pthread_mutex_unlock(&state_lock);
}

void
server_halt(void)
{
	pthread_mutex_lock(&state_lock);
	halted = true;
	pthread_cond_broadcast(&state_changed);
	pthread_mutex_unlock(&state_lock);
}

void
rumpuser_sp_wait(bool *haltedp)
{
	pthread_mutex_lock(&state_lock);
	while (!halted && (nclients > 0 || listen_active()))
		pthread_cond_wait(&state_changed, &state_lock);
	if (haltedp != NULL)
		*haltedp = halted;
	pthread_mutex_unlock(&state_lock);
}

unsigned
rumpuser_sp_clients(void)
{
	unsigned n;

	pthread_mutex_lock(&state_lock);
	n = nclients;
	pthread_mutex_unlock(&state_lock);
	return n;
}

static void (*adopted_ended)(void);

void
rumpuser_sp_setended(void (*ended)(void))
{
	adopted_ended = ended;
}

int
rumpuser_sp_adopt(int fd, const char *comm)
{
	struct client *c;
	struct peer p;
	pid_t pid;
	int error;

	error = loop_start();
	if (error != 0)
		return error;
	if (!serverkernel_is_ours())
		return RUMP_EOPNOTSUPP;
	c = client_create(fd, CLIENT_FAST);
	if (c == NULL)
		return RUMP_ENOMEM;
	c->c_ended = adopted_ended;
	adopted_ended = NULL;
	/* Who made the connection becomes the program; HELLO tells. */
	if (peer_of_socket(fd, &pid, &p)) {
		c->c_hostpid = pid;
		c->c_uid = p.p_uid[0];
	}
	error = client_rfork(c, RUMP_RFCFDG, comm);
	if (error == 0)
		error = control_begin(c);
	if (error != 0) {
		/* The caller keeps the descriptor. */
		c->c_fd = -1;
		c->c_ended = NULL;
		client_destroy(c);
	}
	return error;
}
