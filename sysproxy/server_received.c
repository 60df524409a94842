/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that clients have sent, until they ask about them: tokens
 * (server_token.c), and sockets of the host that the kernel is to take over.  A
 * client names what it means by its inode, which the call and the descriptor
 * have in common however they travel.
 *
 * A socket of the Internet's families stays open meanwhile.  All else is closed
 * at once: it might be the very connection that it came over.  All that is closed
 * in the client's lane.
 */
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rump/rumpuser_host.h"

#include "sysproxy/server.h"
#include "sysproxy/server_lane.h"

struct arrivals {
	struct received as_received[FAST_TOKENS];
	unsigned as_next;
};

static const struct received nothing = { .r_fd = -1 };

static bool
is_internet(int fd)
{
	socklen_t len = sizeof(int);
	int family;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 &&
	       (family == AF_INET || family == AF_INET6);
}

/* What fd, consumed, is to who asks. */
static struct received
look_at(struct lane *ln, int fd)
{
	struct received r = nothing;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) {
		r.r_inode = st.st_ino;
		r.r_token = token_ref(r.r_inode);
	}
	if (is_internet(fd))
		r.r_fd = fd;
	else
		lane_close(ln, fd);
	return r;
}

void
received_drop(const struct received *r)
{
	token_unref(r->r_token);
	if (r->r_fd >= 0)
		(void)close(r->r_fd);
}

/* The same, without waiting. */
static void
drop_later(struct lane *ln, const struct received *r)
{
	token_unref(r->r_token);
	if (r->r_fd >= 0)
		lane_close(ln, r->r_fd);
}

/* As if nobody had sent anything. */
static struct arrivals *
arrivals_create(void)
{
	struct arrivals *as = calloc(1, sizeof(*as));

	for (unsigned i = 0; as != NULL && i < FAST_TOKENS; i++)
		as->as_received[i] = nothing;
	return as;
}

/* The host has no room for descriptors of ours. */
static struct received
lost(uint64_t inode)
{
	struct received r = nothing;

	r.r_inode = inode;
	r.r_lost = true;
	return r;
}

void
received_put(struct client *c, int fd, uint64_t inode)
{
	struct received r = fd >= 0 ? look_at(c->c_lane, fd) : lost(inode);
	struct received old = r;
	struct arrivals *as;

	pthread_mutex_lock(&c->c_lock);
	if (c->c_received == NULL)
		c->c_received = arrivals_create();
	as = c->c_received;
	if (as != NULL) {
		struct received *place =
		    &as->as_received[as->as_next++ % FAST_TOKENS];

		old = *place;
		*place = r;
	}
	pthread_mutex_unlock(&c->c_lock);
	drop_later(c->c_lane, &old);
	received_wake(c);
}

void
received_wake(struct client *c)
{
	atomic_fetch_add(&c->c_arrivals, 1);
	(void)rumpuser_host_syscall(SYS_futex, &c->c_arrivals,
	    FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, 0, 0, 0);
}

void
received_destroy(struct client *c)
{
	if (c->c_received == NULL)
		return;
	for (unsigned i = 0; i < FAST_TOKENS; i++)
		drop_later(c->c_lane, &c->c_received->as_received[i]);
	free(c->c_received);
	c->c_received = NULL;
}

/* Has c sent this?  Then *rp is the caller's. */
static bool
take(struct client *c, uint64_t inode, struct received *rp)
{
	struct arrivals *as;
	bool found = false;

	pthread_mutex_lock(&c->c_lock);
	as = c->c_received;
	for (unsigned i = 0; as != NULL && !found && i < FAST_TOKENS; i++) {
		struct received *r = &as->as_received[i];

		if (inode == 0 || r->r_inode != inode)
			continue;
		*rp = *r;
		*r = nothing;
		found = true;
	}
	pthread_mutex_unlock(&c->c_lock);
	return found;
}

/* The call may be quicker than the message that was sent before it. */
bool
received_await(struct worker *w, uint64_t inode, struct received *rp)
{
	struct client *c = w->w_client;
	long args[6] = { (long)&c->c_arrivals,
		FUTEX_WAIT | FUTEX_PRIVATE_FLAG };

	for (;;) {
		args[2] = atomic_load(&c->c_arrivals);
		if (take(c, inode, rp))
			return true;
		if (atomic_load(&w->w_stop) != 0)
			return false;
		(void)rumpuser_hostops.ho_syscall_intr(
		    (const volatile uint32_t *)&w->w_stop, SYS_futex, args);
	}
}
