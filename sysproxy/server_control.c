/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control connection of a fast client.  One message at a time is received,
 * never more than is still missing of it, because credentials and descriptors
 * come with the bytes that they were sent with.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>

#include "rump/rumpdefs.h"
#include "rump/rumpuser.h"

#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_lane.h"

#define AREA_BYTES ((size_t)FAST_AREA)

/* --- hello ------------------------------------------------------------------ */

static bool
refuse(struct client *c, int error)
{
	struct fast_message m = {
		.fm_type = FAST_REFUSED,
		.fm_arg = (uint32_t)error,
	};

	(void)client_send(c, &m, -1);
	return false;
}

/* Memory that is ours and cannot change its size under us. */
static int
area_create(struct client *c, int *fdp)
{
	int fd = memfd_create("rumpkit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *area;

	if (fd < 0)
		return RUMP_EMFILE;
	if (ftruncate(fd, (off_t)AREA_BYTES) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
		0)
		goto fail;
	area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (area == MAP_FAILED)
		goto fail;
	c->c_workers = calloc(FAST_SLOTS, sizeof(struct worker *));
	if (c->c_workers == NULL) {
		(void)munmap(area, AREA_BYTES);
		goto fail;
	}
	(void)madvise(area, AREA_BYTES, MADV_DONTDUMP);
	c->c_area = area;
	atomic_store(
	    &c->c_shown, (struct fast_shown *)(c->c_area + FAST_SHOWN));
	*fdp = fd;
	return 0;
fail:
	(void)close(fd);
	return RUMP_ENOMEM;
}

/* Who speaks, from now on. */
static int
learn_peer(struct client *c)
{
	int error;

	if (!c->c_sender.given || c->c_sender.pid <= 0)
		return RUMP_EPERM;
	if (c->c_pidfd >= 0)
		(void)close(c->c_pidfd);
	c->c_hostpid = c->c_sender.pid;
	c->c_pidfd = (int)syscall(SYS_pidfd_open, c->c_hostpid, 0);
	if (c->c_pidfd < 0)
		return rumpuser_component_errtrans(errno);
	(void)fcntl(c->c_pidfd, F_SETFD, FD_CLOEXEC);
	c->c_accepted = false;
	error = client_setcred(c);
	if (error != 0)
		return error;
	atomic_store(
	    &c->c_vm, c->c_ours && (c->c_msg.fm_addr & FAST_NO_VM) == 0);
	return 0;
}

static bool
welcome(struct client *c, int fd)
{
	struct fast_message m = {
		.fm_type = FAST_WELCOME,
		.fm_arg = (uint32_t)c->c_pid,
		.fm_addr = c->c_msg.fm_addr & FAST_NONCE,
		.fm_pad = (uint32_t)getpid(),
	};

	if (atomic_load(&c->c_vm))
		m.fm_addr |= FAST_BY_VM;
	/* Who counts or records what sockets carry must see it. */
	if (getenv("RUMPKIT_PCAP") == NULL &&
	    getenv("RUMPKIT_SUMMARY") == NULL &&
	    !serverkernel.sk_stats_watched())
		m.fm_addr |= FAST_DIRECT;
	return client_send(c, &m, fd);
}

bool
control_hello(struct client *c)
{
	int error, fd = -1;
	bool sent;

	if (c->c_msg.fm_arg != FAST_VERSION)
		return refuse(c, RUMP_EPROGMISMATCH);
	error = learn_peer(c);
	if (error == 0)
		error = area_create(c, &fd);
	if (error != 0)
		return refuse(c, error);
	if ((c->c_msg.fm_addr & FAST_COUNTING) != 0)
		counts_begin(c);
	sent = welcome(c, fd);
	(void)close(fd);
	return sent;
}

/* --- messages ---------------------------------------------------------------- */

/* Each handler returns false for what ends the connection. */

static bool
got_hello(struct client *c)
{
	if (c->c_msg.fm_len != 0)
		return false;
	atomic_store(&c->c_children, c->c_msg.fm_pad);
	if (c->c_workers == NULL) {
		client_served(c);
		if (!control_hello(c))
			return false;
		if (c->c_shares)
			life_watch(c);
		return true;
	}
	loop_pause(c->c_fd, &c->c_watch, true);
	client_quiesce(c, AFTER_HELLO);
	return true;
}

static bool
got_start(struct client *c)
{
	return c->c_msg.fm_len == 0 && slot_start(c, c->c_msg.fm_arg);
}

static bool
got_intr(struct client *c)
{
	if (c->c_msg.fm_len != 0)
		return false;
	slot_interrupt(c, c->c_msg.fm_arg, (uint32_t)c->c_msg.fm_addr);
	return true;
}

static bool
got_exec(struct client *c)
{
	uint32_t len = c->c_msg.fm_len, namelen = c->c_msg.fm_arg;
	struct exec *e;

	if (namelen > len || (len - namelen) % sizeof(uint32_t) != 0)
		return false;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return false;
	e->e_n = (len - namelen) / sizeof(uint32_t);
	if (len > 0)
		memcpy(e->e_keep, c->c_payload, len - namelen);
	if (namelen > sizeof(e->e_comm) - 1)
		namelen = sizeof(e->e_comm) - 1;
	if (namelen > 0)
		memcpy(
		    e->e_comm, c->c_payload + (len - c->c_msg.fm_arg), namelen);
	c->c_exec = e;
	if (c->c_hostpid == 0 && c->c_sender.given) {
		c->c_hostpid = c->c_sender.pid;
		atomic_store(&c->c_uid, c->c_sender.uid);
	}
	loop_pause(c->c_fd, &c->c_watch, true);
	client_quiesce(c, AFTER_EXEC);
	return true;
}

/* What came with the message is the caller's now. */
static int
take_right(struct client *c)
{
	int fd = c->c_right;

	c->c_right = -1;
	return fd;
}

static bool
got_token(struct client *c)
{
	received_put(c, take_right(c), c->c_msg.fm_addr);
	return c->c_msg.fm_len == 0;
}

static bool
got_child(struct client *c)
{
	child_make(c, take_right(c), c->c_msg.fm_arg);
	return c->c_msg.fm_len == 0;
}

/* One is enough for all of a process's children. */
static bool
got_door(struct client *c)
{
	int fd = take_right(c);

	if (c->c_door || !c->c_sender.given || c->c_msg.fm_len != 0) {
		if (fd >= 0)
			lane_close(c->c_lane, fd);
		return false;
	}
	c->c_door = true;
	if (fd >= 0)
		door_open(c->c_lane, fd, c->c_sender.uid);
	return true;
}

static bool
dispatch(struct client *c)
{
	switch (c->c_msg.fm_type) {
	case FAST_HELLO:
		return got_hello(c);
	case FAST_START:
		return got_start(c);
	case FAST_INTR:
		return got_intr(c);
	case FAST_EXEC:
		return got_exec(c);
	case FAST_TOKEN:
		return got_token(c);
	case FAST_CHILD:
		return got_child(c);
	case FAST_DOOR:
		return got_door(c);
	default:
		return false;
	}
}

/* --- receiving ----------------------------------------------------------------- */

/* 1: something, 0: nothing now, -1: the end. */
static int
receive(struct client *c, void *to, size_t len)
{
	struct iovec iov = { to, len };
	struct sender sender;
	ssize_t n;

	n = message_receive(c->c_fd, &iov, 1, &c->c_right, &sender, c->c_lane);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	c->c_drained = n == 0 || (n < 0 && errno == ECONNRESET);
	if (n <= 0)
		return -1;
	if (sender.given && c->c_got == 0)
		c->c_sender = sender;
	c->c_got += (size_t)n;
	return 1;
}

/* Receive some; true when the message is complete.  *end: it is the end. */
static bool
receive_message(struct client *c, bool *end)
{
	const size_t header = sizeof(c->c_msg);

	*end = false;
	if (c->c_got < header) {
		if (c->c_got == 0)
			c->c_sender.given = false;
		if (receive(
			c, (char *)&c->c_msg + c->c_got, header - c->c_got) < 0)
			*end = true;
		if (*end || c->c_got < header)
			return false;
		if (c->c_msg.fm_len > FAST_PAYLOAD) {
			*end = true;
			return false;
		}
		if (c->c_msg.fm_len == 0)
			return true;
		c->c_payload = malloc(c->c_msg.fm_len);
		*end = c->c_payload == NULL;
		return false;
	}
	if (receive(c, c->c_payload + (c->c_got - header),
		c->c_msg.fm_len - (c->c_got - header)) < 0)
		*end = true;
	return !*end && c->c_got == header + c->c_msg.fm_len;
}

/* One message; false: the connection has ended, or is not to be looked at. */
static bool
control_receive(struct client *c)
{
	bool end, complete, more = false;

	complete = receive_message(c, &end);
	if (complete) {
		c->c_got = 0;
		/* START often comes along with it. */
		more = c->c_msg.fm_type == FAST_HELLO && c->c_workers == NULL;
		end = !dispatch(c);
		if (c->c_right >= 0)
			lane_close(c->c_lane, take_right(c));
		free(c->c_payload);
		c->c_payload = NULL;
	}
	if (end)
		client_end(c);
	return more && !end;
}

/* Whoever settles something for c does so itself, when it is done. */
static void
look_again(void *arg)
{
	struct client *c = arg;

	pthread_mutex_lock(&c->c_lock);
	if (!c->c_quiescing)
		loop_pause(c->c_fd, &c->c_watch, false);
	pthread_mutex_unlock(&c->c_lock);
}

/* What was sent before the end is read first. */
static void
control_ready(void *arg, uint32_t events)
{
	struct client *c = arg;

	/* Who settled something for c handed it back under the lock. */
	pthread_mutex_lock(&c->c_lock);
	pthread_mutex_unlock(&c->c_lock);
	if ((events & EPOLLPRI) != 0) {
		client_end(c);
		return;
	}
	if (lane_admits(c->c_lane, events, c->c_fd, &c->c_watch, look_again) &&
	    control_receive(c))
		(void)control_receive(c);
}

void
control_take(struct client *c)
{
	c->c_watch.wa_ready = control_ready;
	c->c_watch.wa_arg = c;
}

int
control_begin(struct client *c)
{
	const int on = 1;
	int error;

	if (setsockopt(c->c_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) !=
		0 ||
	    setsockopt(c->c_fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)) != 0)
		return rumpuser_component_errtrans(errno);
	control_take(c);
	server_client_came();
	error = loop_watch(c->c_fd, &c->c_watch);
	if (error != 0)
		server_client_gone();
	return error;
}
