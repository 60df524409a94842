/* SPDX-License-Identifier: BSD-2-Clause */
/* What is sent to a classic client; see server_classic.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sysproxy/server_classic.h"
#include "sysproxy/server_worker.h"

/* Workers wait while more is queued; the loop may add as much again. */
#define QUEUE_MAX (1024u * 1024)

static ssize_t
send_now(int fd, struct iovec *iov, size_t n)
{
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	do {
		sent = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	return sent;
}

/* Queue what remains of iov when its first skip bytes have been sent. */
static bool
enqueue(struct classic *cl, const struct iovec *iov, size_t n, size_t skip)
{
	struct outgoing *og;
	size_t total = 0, i;

	for (i = 0; i < n; i++)
		total += iov[i].iov_len;
	og = malloc(sizeof(*og) + total - skip);
	if (og == NULL)
		return false;
	og->og_next = NULL;
	og->og_len = og->og_sent = 0;
	for (i = 0; i < n; i++) {
		size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		memcpy(og->og_data + og->og_len,
		    (const char *)iov[i].iov_base + from,
		    iov[i].iov_len - from);
		og->og_len += iov[i].iov_len - from;
		skip -= from;
	}
	if (cl->cl_out == NULL)
		loop_output(cl->cl_client->c_fd, &cl->cl_client->c_watch, true);
	*cl->cl_outtail = og;
	cl->cl_outtail = &og->og_next;
	cl->cl_queued += og->og_len;
	return true;
}

static bool
send_locked(struct classic *cl, struct iovec *iov, size_t n)
{
	size_t total = 0;
	ssize_t sent = 0;

	for (size_t i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (cl->cl_out == NULL)
		sent = send_now(cl->cl_client->c_fd, iov, n);
	if (sent < 0)
		return false;
	return (size_t)sent == total || enqueue(cl, iov, n, (size_t)sent);
}

/* Room for a worker; false: it is not to wait any longer. */
static bool
await_room(struct classic *cl, struct worker *w)
{
	while (cl->cl_queued > QUEUE_MAX && !cl->cl_broken &&
	       atomic_load(&w->w_stop) == 0)
		pthread_cond_wait(&cl->cl_changed, &cl->cl_lock);
	return atomic_load(&w->w_stop) == 0;
}

bool
out_send(struct classic *cl, struct worker *w, const struct wire_frame *f,
    size_t len, const void *data, size_t datalen)
{
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)f, len },
		{ (void *)(uintptr_t)data, datalen },
	};
	bool room = true;

	pthread_mutex_lock(&cl->cl_lock);
	if (w != NULL)
		room = await_room(cl, w);
	else if (cl->cl_queued > 2 * QUEUE_MAX)
		cl->cl_broken = true;
	if (room && !cl->cl_broken &&
	    !send_locked(cl, iov, datalen > 0 ? 2 : 1))
		cl->cl_broken = true;
	room = room && !cl->cl_broken;
	pthread_mutex_unlock(&cl->cl_lock);
	return room;
}

static void
drop_first(struct classic *cl)
{
	struct outgoing *og = cl->cl_out;

	cl->cl_queued -= og->og_len;
	cl->cl_out = og->og_next;
	if (cl->cl_out == NULL)
		cl->cl_outtail = &cl->cl_out;
	free(og);
}

/* Send some of what is first; false: not now, or never. */
static bool
drain_first(struct classic *cl)
{
	struct outgoing *og = cl->cl_out;
	struct iovec iov = {
		og->og_data + og->og_sent,
		og->og_len - og->og_sent,
	};
	ssize_t sent = send_now(cl->cl_client->c_fd, &iov, 1);

	if (sent < 0)
		cl->cl_broken = true;
	if (sent <= 0)
		return false;
	og->og_sent += (size_t)sent;
	if (og->og_sent < og->og_len)
		return false;
	drop_first(cl);
	return true;
}

void
out_drain(struct classic *cl)
{
	pthread_mutex_lock(&cl->cl_lock);
	while (cl->cl_out != NULL && drain_first(cl))
		continue;
	if (cl->cl_out == NULL)
		loop_output(
		    cl->cl_client->c_fd, &cl->cl_client->c_watch, false);
	pthread_cond_broadcast(&cl->cl_changed);
	pthread_mutex_unlock(&cl->cl_lock);
}

void
out_destroy(struct classic *cl)
{
	while (cl->cl_out != NULL)
		drop_first(cl);
}
