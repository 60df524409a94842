/* SPDX-License-Identifier: BSD-2-Clause */
/* See server_lane.h.  The worker that is at work has a reference of its own. */
#include "sysproxy/server_lane.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sysproxy/server.h"

#define WAITING_MAX 256

struct lane {
	pthread_mutex_t ln_lock;
	unsigned ln_refs;    /* ln_lock, as all that follows */
	bool ln_working;     /* a worker is at it, or called for */
	unsigned ln_waiting; /* jobs */
	struct job *ln_first, **ln_last;
	void (*ln_room)(void *); /* NULL: nobody wants to know */
	void *ln_arg;
};

struct lane *
lane_create(void)
{
	struct lane *ln = calloc(1, sizeof(*ln));

	if (ln == NULL)
		return NULL;
	pthread_mutex_init(&ln->ln_lock, NULL);
	ln->ln_refs = 1;
	ln->ln_last = &ln->ln_first;
	return ln;
}

void
lane_ref(struct lane *ln)
{
	pthread_mutex_lock(&ln->ln_lock);
	ln->ln_refs++;
	pthread_mutex_unlock(&ln->ln_lock);
}

void
lane_unref(struct lane *ln)
{
	bool last;

	pthread_mutex_lock(&ln->ln_lock);
	last = --ln->ln_refs == 0;
	pthread_mutex_unlock(&ln->ln_lock);
	if (!last)
		return;
	pthread_mutex_destroy(&ln->ln_lock);
	free(ln);
}

static void
tell_locked(struct lane *ln)
{
	void (*room)(void *) = ln->ln_room;

	if (room == NULL || ln->ln_waiting > WAITING_MAX / 2)
		return;
	ln->ln_room = NULL;
	room(ln->ln_arg);
}

/* NULL: nothing waits, and nobody is at work any more. */
static struct job *
take(struct lane *ln)
{
	struct job *j;

	pthread_mutex_lock(&ln->ln_lock);
	j = ln->ln_first;
	if (j != NULL) {
		ln->ln_first = j->j_next;
		if (ln->ln_first == NULL)
			ln->ln_last = &ln->ln_first;
		ln->ln_waiting--;
	}
	ln->ln_working = j != NULL;
	tell_locked(ln);
	pthread_mutex_unlock(&ln->ln_lock);
	return j;
}

static void
work(struct worker *w, void *arg)
{
	struct lane *ln = arg;
	struct job *j;

	while ((j = take(ln)) != NULL) {
		j->j_func(w, j->j_arg);
		free(j);
	}
	lane_unref(ln);
}

void
lane_submit(struct lane *ln, worker_func *func, void *arg)
{
	struct job *j = job_create(func, arg);
	bool starts;

	pthread_mutex_lock(&ln->ln_lock);
	*ln->ln_last = j;
	ln->ln_last = &j->j_next;
	ln->ln_waiting++;
	starts = !ln->ln_working;
	ln->ln_working = true;
	ln->ln_refs += starts;
	pthread_mutex_unlock(&ln->ln_lock);
	if (starts)
		worker_submit(work, ln);
}

static void
close_one(struct worker *w, void *arg)
{
	(void)w;
	(void)close((int)(intptr_t)arg);
}

void
lane_close(struct lane *ln, int fd)
{
	lane_submit(ln, close_one, (void *)(intptr_t)fd);
}

static bool
is_full(struct lane *ln)
{
	bool full;

	pthread_mutex_lock(&ln->ln_lock);
	full = ln->ln_waiting > WAITING_MAX;
	pthread_mutex_unlock(&ln->ln_lock);
	return full;
}

/* Perhaps there is room by now. */
static void
await_room(struct lane *ln, void (*room)(void *), void *arg)
{
	pthread_mutex_lock(&ln->ln_lock);
	ln->ln_room = room;
	ln->ln_arg = arg;
	tell_locked(ln);
	pthread_mutex_unlock(&ln->ln_lock);
}

bool
lane_admits(struct lane *ln, uint32_t events, int fd, struct watch *wa,
    void (*look_again)(void *arg))
{
	/* It is paused, and its other end is gone. */
	if ((events & EPOLLIN) == 0) {
		look_again(wa->wa_arg);
		return false;
	}
	if ((events & (EPOLLHUP | EPOLLRDHUP)) != 0 || !is_full(ln))
		return true;
	loop_pause(fd, wa, true);
	await_room(ln, look_again, wa->wa_arg);
	return false;
}

void
lane_forget(struct lane *ln)
{
	await_room(ln, NULL, NULL);
}
