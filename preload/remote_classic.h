/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A server that does not know our fast transport, or that is not on this
 * machine, is spoken to in the classic protocol (docs/PROTOCOL.md) over the
 * same struct remote: remote_call() and its relatives come here when
 * rm_classic is set.  librumpclient speaks it, too, on top of libc's locks,
 * memory and signal masks; here nothing of libc may be used, and a program's
 * handlers are deferred by the engine, so that only the codec is shared.
 *
 * Any number of threads have requests under way.  One of those that wait is the
 * receiver for all: it reads what comes, answers the server's own requests, and
 * hands answers to the others.  When its own has come the role passes on.
 *
 * The protocol has no way to end a call.  But it has the handshake of an exec,
 * which ends all calls of the process with EINTR and closes what is
 * close-on-exec; the kernel's descriptors never are, because the flag is the
 * host number's.  So a signal makes the receiver say that the process executes
 * itself; the calls of other threads, which were ended along with the one that
 * it is about, are made again.  A wait for descriptors of both kernels is one
 * call to the server during which the thread watches the host's; when one of
 * those is first, the call is ended by the same means.
 *
 * A child's process is made before the host makes the child: its parent asks
 * for a key, connects, and shows the key, and the child finds a connection that
 * is greeted.
 */
#ifndef PRELOAD_REMOTE_CLASSIC_H
#define PRELOAD_REMOTE_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoll_event;
struct epset;
struct pollfd;
struct remote;

/* How long a new connection waits for a server that accepts it, or not even
 * that, and says nothing. */
#define CLASSIC_PATIENCE_MS 30000

/*
 * rm_fd is a connection that has been greeted by its server: become a guest.
 * ours: the server is one of ours, see wire.h.  Also again, for another
 * connection.  0, RUMP_ENOMEM, RUMP_ENOTCONN: it does not want us.
 */
int classic_begin(struct remote *rm, bool ours);
/* rm_fd is the connection of the image before this one: take it over. */
int classic_resume(struct remote *rm, bool ours);
bool classic_is_ours(const struct remote *rm);
/* Free what belongs to rm, not its socket.  No call is under way. */
void classic_end(struct remote *rm);

/* As remote_call() and remote_call_patient(). */
int classic_call(struct remote *rm, bool patient, int num, const int64_t *args,
    size_t n, int64_t *retval);

/* A connection for a child that is about to be made, in child->rm_fd.  0 or a
 * NetBSD errno. */
int classic_child(struct remote *rm, struct remote *child);

/*
 * The program is about to be replaced: the kernel's descriptors that do not
 * cross become close-on-exec, and the stream stays at the border between two
 * frames; or not after all.  No call is ended meanwhile.
 */
void classic_freeze(struct remote *rm);
void classic_thaw(struct remote *rm);

/* Wait until no call is under way, all of which end soon: rm is dead. */
void classic_quiesce(struct remote *rm);

/* --- remote_classic_poll.c --------------------------------------------- */

/* In an array for classic_poll(): descriptor fd of the rump kernel. */
#define CLASSIC_POLLFD(fd) (-2 - (fd))

/*
 * poll(2) for descriptors of both kernels (-1: none), the rump kernel's as
 * CLASSIC_POLLFD(); ms < 0: for ever.  How many are ready, -EINTR, or what else
 * is wrong.
 */
long classic_poll(struct pollfd *fds, unsigned n, int64_t ms);

/*
 * Who waits for something that nobody can tell, because no descriptor is left
 * for it, looks again after so long.
 */
#define CLASSIC_SLICE_MS 100
static inline int64_t
classic_slice(int64_t ms)
{
	return ms < 0 || ms > CLASSIC_SLICE_MS ? CLASSIC_SLICE_MS : ms;
}

/* --- remote_classic_epoll.c -------------------------------------------- */

/*
 * epoll_wait(2) for set es, which is number epfd: up to max events to the
 * program's array.  How many, or -errno.
 */
long classic_epoll(struct epset *es, int epfd, struct epoll_event *events,
    int max, int64_t ms);

#endif /* !PRELOAD_REMOTE_CLASSIC_H */
