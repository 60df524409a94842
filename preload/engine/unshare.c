/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * unshare(2) and setns(2).  Some of it the host does for processes of one thread
 * only: ours step aside meanwhile.  Tables of descriptors and directories are
 * known to the router, which keeps up with the host.
 */
#include <errno.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/ownthread.h"
#include "preload/engine/process.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

/* How often unshare and setns are made again; see run_alone(). */
#define ALONE_TRIES 1000

static bool
can_park(void)
{
	return engine_hooks.eh_park != NULL && engine_hooks.eh_unpark != NULL &&
	       !BROKEN(BREAK_PARK);
}

void
engine_renew_threads(void)
{
	if (!can_park() || !ownthread_any())
		return;
	engine_hooks.eh_park();
	(void)ownthread_await();
	engine_hooks.eh_unpark();
}

/*
 * Refused to a process with threads, so ours step aside.  Not even a handler
 * comes between, which might not return.  A thread has lost its name a moment
 * before it is off the host's last list: hence more than one try, as long as the
 * program itself has one thread.
 */
static long
run_alone(void *arg)
{
	struct call *c = arg;
	unsigned tries = 0;
	long r;

	engine_hooks.eh_park();
	if (ownthread_await() && atomic_load(&program_threads) == 1 &&
	    !BROKEN(BREAK_UNLISTED))
		(void)ownthread_await_unlisted();
	do {
		r = HOST(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
		    c->arg[4], c->arg[5]);
		if (r != -EINVAL || atomic_load(&program_threads) != 1)
			break;
		HOST(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	} while (++tries < ALONE_TRIES);
	engine_hooks.eh_unpark();
	return r;
}

static long
alone(struct call *c)
{
	struct thread *t = &engine_thread;

	if (t->t_borrowed || thread_is_guest(t) || !can_park() ||
	    (!ownthread_any() && !ownthread_listed()))
		return CALL_TO_HOST;
	return thread_run(t, run_alone, c);
}

static long
run_unshare(void *arg)
{
	return engine_hooks.eh_unshare(*(const uint64_t *)arg);
}

static long
run_is_on_host(void *arg)
{
	return router_is_on_host();
}

/* A new user or mount name space has its own directories. */
static bool
unshares_cwd(const struct call *c)
{
	return (c->arg[0] & (CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER)) != 0 &&
	       !router_idle && engine_hooks.eh_unshare != NULL;
}

static long
cwd_unshared(struct call *c)
{
	struct thread *t = &engine_thread;
	uint64_t flags = CLONE_FS;

	if (c->result == 0 && engine_has_threads() && !t->t_borrowed)
		t->t_apart = true;
	else if (c->result == 0)
		(void)thread_run(t, run_unshare, &flags);
	return c->result;
}

/* One of several threads would have a working directory of its own in the
 * kernel: that is not to be had. */
static bool
may_unshare_cwd(const struct call *c)
{
	struct thread *t = &engine_thread;

	if (!unshares_cwd(c) || !engine_has_threads() || t->t_borrowed ||
	    t->t_apart || thread_is_guest(t) ||
	    thread_run(t, run_is_on_host, NULL) != 0)
		return true;
	engine_say("unshare(2): a thread that is in a directory of a rump "
		   "kernel cannot have a directory of its own");
	return false;
}

/* A guest's record is its parent's. */
static void
enter_network(void)
{
	struct thread *t = &engine_thread;

	if (!thread_is_guest(t))
		t->t_network = true;
}

static void
enter_users(void)
{
	struct thread *t = &engine_thread;

	if (!thread_is_guest(t))
		t->t_users = true;
}

/*
 * A table of descriptors of its own for one thread would have to be known as
 * such.  Where the program has one thread nobody but ours shares it.
 */
static long
unshare_table(struct call *c)
{
	uint64_t flags = CLONE_FILES;
	long r = 0;

	if ((c->arg[0] & CLONE_FILES) == 0 || router_idle ||
	    engine_thread.t_borrowed)
		return 0;
	if (engine_has_threads())
		return -EINVAL;
	if (engine_hooks.eh_unshare != NULL)
		r = thread_run(&engine_thread, run_unshare, &flags);
	if (r == 0)
		c->arg[0] &= ~(long)CLONE_FILES;
	return r;
}

static long
unshared(struct call *c)
{
	if (c->result == 0 && (c->arg[0] & CLONE_NEWNET) != 0)
		enter_network();
	if (c->result == 0 && (c->arg[0] & CLONE_NEWUSER) != 0)
		enter_users();
	return unshares_cwd(c) ? cwd_unshared(c) : c->result;
}

/* The host's call has been made, with this result, or will be. */
static long
then(struct call *c, long r, long (*after)(struct call *c))
{
	if (r == CALL_TO_HOST) {
		c->after = after;
		return r;
	}
	c->result = r;
	return after(c);
}

long
route_unshare(struct call *c)
{
	long r;

	if (!may_unshare_cwd(c))
		return -EPERM;
	r = unshare_table(c);
	return r != 0 ? r : then(c, alone(c), unshared);
}

/* Of any kind: what kind it is the descriptor says. */
static bool
names_kind(const struct call *c, long kind)
{
	if (c->arg[1] != 0)
		return (c->arg[1] & kind) != 0;
	return HOST(SYS_ioctl, c->arg[0], NS_GET_NSTYPE, 0, 0, 0, 0) == kind;
}

static long
run_left(void *arg)
{
	engine_hooks.eh_left_directory();
	return 0;
}

static long
entered(struct call *c)
{
	if (c->result == 0 && names_kind(c, CLONE_NEWNET))
		enter_network();
	if (c->result == 0 && names_kind(c, CLONE_NEWUSER))
		enter_users();
	return c->result;
}

/* The host has gone to the root directory of the mount namespace. */
static long
entered_mounts(struct call *c)
{
	struct thread *t = &engine_thread;

	(void)entered(c);
	if (c->result == 0 && !router_idle && !thread_is_guest(t) &&
	    engine_hooks.eh_left_directory != NULL)
		(void)thread_run(t, run_left, NULL);
	return c->result;
}

long
route_setns(struct call *c)
{
	if (names_kind(c, CLONE_NEWNS))
		return then(c, alone(c), entered_mounts);
	return then(c, alone(c), entered);
}
