/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens: host descriptors that stand for open files of the kernel while they
 * travel between clients over SCM_RIGHTS.
 *
 * A token is one end of a socket pair.  The other end is ours and has the file;
 * when all copies of the token have been closed it hangs up, and the file is
 * dropped.  To see whether a descriptor is a token of ours the one that has it
 * sends it to us and names its inode (server_received.c): that of a token's socket
 * is known, and no other socket has it as long as ours is open.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_lane.h"

#define HASH 256

struct token {
	struct token *t_next; /* tokens_lock; NULL: t_gone */
	uint32_t t_refs;      /* tokens_lock: received, and not yet taken */
	bool t_gone;          /* tokens_lock: all copies are closed */
	int t_fd;             /* i: our end */
	uint64_t t_inode;     /* i: of the other end */
	struct file *t_file;  /* i: reference */
	struct lane *t_lane;  /* i: reference, of who has exported it */
	struct watch t_watch; /* i */
};

static pthread_mutex_t tokens_lock = PTHREAD_MUTEX_INITIALIZER;
static struct token *tokens[HASH]; /* tokens_lock */

static bool
inode_of(int fd, uint64_t *inode)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	*inode = st.st_ino;
	return true;
}

static void
drop(struct worker *w, void *arg)
{
	struct token *t = arg;

	(void)w;
	serverkernel.sk_file_put(t->t_file);
	(void)close(t->t_fd);
	lane_unref(t->t_lane);
	free(t);
}

struct token *
token_ref(uint64_t inode)
{
	struct token *t;

	pthread_mutex_lock(&tokens_lock);
	for (t = tokens[inode % HASH]; t != NULL; t = t->t_next)
		if (t->t_inode == inode)
			break;
	if (t != NULL)
		t->t_refs++;
	pthread_mutex_unlock(&tokens_lock);
	return t;
}

void
token_unref(struct token *t)
{
	bool last;

	if (t == NULL)
		return;
	pthread_mutex_lock(&tokens_lock);
	last = --t->t_refs == 0 && t->t_gone;
	pthread_mutex_unlock(&tokens_lock);
	if (last)
		lane_submit(t->t_lane, drop, t);
}

static void
delist_locked(struct token *t)
{
	struct token **tp = &tokens[t->t_inode % HASH];

	while (*tp != t)
		tp = &(*tp)->t_next;
	*tp = t->t_next;
}

/* All copies of the token are closed, or somebody has written to one. */
static void
token_ready(void *arg, uint32_t events)
{
	struct token *t = arg;
	bool last;

	if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) == 0) {
		loop_pause(t->t_fd, &t->t_watch, true);
		return;
	}
	loop_unwatch(t->t_fd);
	pthread_mutex_lock(&tokens_lock);
	delist_locked(t);
	t->t_gone = true;
	last = t->t_refs == 0;
	pthread_mutex_unlock(&tokens_lock);
	if (last)
		lane_submit(t->t_lane, drop, t);
}

static void
enlist(struct token *t)
{
	struct token **head = &tokens[t->t_inode % HASH];

	pthread_mutex_lock(&tokens_lock);
	t->t_next = *head;
	*head = t;
	pthread_mutex_unlock(&tokens_lock);
}

/* From here on it goes when the other end is closed. */
static int
publish(struct token *t, int other)
{
	int error;

	if (!inode_of(other, &t->t_inode))
		return RUMP_EINVAL;
	lane_ref(t->t_lane);
	enlist(t);
	error = loop_watch(t->t_fd, &t->t_watch);
	if (error == 0)
		return 0;
	pthread_mutex_lock(&tokens_lock);
	delist_locked(t);
	pthread_mutex_unlock(&tokens_lock);
	lane_unref(t->t_lane);
	return error;
}

int
token_export(struct worker *w, int rumpfd)
{
	struct token *t = calloc(1, sizeof(*t));
	int error, fds[2];

	if (t == NULL)
		return RUMP_ENOMEM;
	t->t_lane = w->w_client->c_lane;
	error = serverkernel.sk_file_get(rumpfd, &t->t_file);
	if (error != 0)
		goto fail_free;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
		error = rumpuser_component_errtrans(errno);
		goto fail_file;
	}
	t->t_fd = fds[0];
	t->t_watch.wa_ready = token_ready;
	t->t_watch.wa_arg = t;
	error = publish(t, fds[1]);
	if (error != 0)
		goto fail_pair;
	error = fastcall_give(w, fds[1]);
	(void)close(fds[1]);
	return error;

fail_pair:
	(void)close(fds[1]);
	(void)close(fds[0]);
fail_file:
	serverkernel.sk_file_put(t->t_file);
fail_free:
	free(t);
	return error;
}

int
token_import(struct worker *w, uint64_t inode, int *rumpfd)
{
	struct received r;
	int error = RUMP_EBADF;

	if (!received_await(w, inode, &r))
		return RUMP_EBADF;
	if (r.r_token != NULL)
		error = serverkernel.sk_file_install(r.r_token->t_file, rumpfd);
	received_drop(&r);
	return error;
}
