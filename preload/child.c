/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * A child's process in the kernel is made by its parent, just before the host
 * makes the child (remote_child_make()), and so is what a vfork child has for
 * itself: a map of descriptors and a working directory.  All signals are
 * blocked from then until both have landed (engine/process.c), so that no
 * handler comes between, which might make a child of its own or never return.
 *
 * A vfork child uses its parent's record of the thread, in which the parent has
 * to find everything as it was: what the child changes there is kept here.
 *
 * A server that has ended does not keep programs from making children, whose
 * calls fail as their parent's do.
 */
#include "preload/child.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/cwd.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/pool.h"
#include "preload/remote.h"

struct child {
	struct pool_free *ch_free; /* the pool's */
	struct birth ch_birth;
	unsigned ch_number;       /* of fdmap_birth() */
	struct remote *ch_remote; /* NULL: the server has ended */
	struct fdview *ch_view;   /* NULL: memory of its own */
	/* The parent's. */
	struct fdview *ch_outer_view;
	struct remote *ch_outer_remote;
	int ch_outer_cwd;
};

static long own_pid;
static struct pool children = POOL_INIT(sizeof(struct child), 4096);

static struct child *
child_of(struct birth *b)
{
	return (struct child *)((char *)b - offsetof(struct child, ch_birth));
}

/* Its process in the kernel.  0 or a Linux errno. */
static int
make_process(struct child *ch)
{
	int error;

	ch->ch_number = fdmap_birth();
	error = remote_child_make(&ch->ch_remote);
	if (error == ENOTCONN) {
		ch->ch_remote = NULL;
		error = 0;
	}
	return error;
}

static void
keep_outer(struct child *ch)
{
	ch->ch_outer_view = engine_thread.t_view;
	ch->ch_outer_remote = engine_thread.t_remote;
	ch->ch_outer_cwd = engine_thread.t_cwd;
}

static long
birth(bool shares, struct birth **bp)
{
	struct child *ch = pool_get(&children);
	int error;

	if (ch == NULL)
		return -ENOMEM;
	ch->ch_view = NULL;
	keep_outer(ch);
	error = make_process(ch);
	if (error != 0)
		goto fail_put;
	if (shares) {
		ch->ch_view = fdview_create(ch->ch_number);
		error = ENOMEM;
		if (ch->ch_view == NULL)
			goto fail_end;
	}
	*bp = &ch->ch_birth;
	return 0;

fail_end:
	if (ch->ch_remote != NULL)
		remote_child_end(ch->ch_remote);
fail_put:
	pool_put(&children, ch);
	return -error;
}

/* In a vfork child. */
static void
borrow(struct birth *b)
{
	struct child *ch = child_of(b);
	int cwd = cwd_rule();

	engine_thread.t_view = ch->ch_view;
	engine_thread.t_cwd = cwd;
	if (engine_is_threaded())
		fdview_check();
	if (ch->ch_remote != NULL)
		remote_child_borrow(ch->ch_remote);
}

/* In the parent, when it goes on. */
static void
birth_over(struct birth *b)
{
	struct child *ch = child_of(b);

	engine_thread.t_view = ch->ch_outer_view;
	engine_thread.t_cwd = ch->ch_outer_cwd;
	if (ch->ch_remote != NULL)
		remote_child_end(ch->ch_remote);
	engine_thread.t_remote = ch->ch_outer_remote;
	if (ch->ch_view != NULL)
		fdview_destroy(ch->ch_view);
	pool_put(&children, ch);
}

void
child_init(void)
{
	own_pid = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
	engine_hooks.eh_birth = birth;
	engine_hooks.eh_borrow = borrow;
	engine_hooks.eh_birth_over = birth_over;
}

bool
child_is_known(void)
{
	return engine_thread.t_view != NULL ||
	       HOST(SYS_getpid, 0, 0, 0, 0, 0, 0) == own_pid;
}

unsigned
child_birth(void)
{
	struct birth *b = engine_thread.t_birth;

	return b != NULL ? child_of(b)->ch_number : 0;
}

void
child_forked(void)
{
	struct birth *b = engine_thread.t_birth;
	struct remote *mine;

	if (b == NULL)
		return;
	own_pid = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
	mine = child_of(b)->ch_remote;
	pool_put(&children, child_of(b));
	if (mine != NULL)
		remote_child_here(mine);
}
