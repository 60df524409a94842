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
 * A vfork child that shares its parent's descriptors (CLONE_FILES) is lent its
 * parent's map and process, until it executes something.  A child with memory of
 * its own that shares them has a process of its own, with the same descriptors,
 * and a map that follows its parent's (fdshare.h).
 *
 * A child of a process that has nothing there comes by itself when it needs the
 * kernel (remote_child_later()); most never do.
 *
 * A server that has ended does not keep programs from making children, whose
 * calls fail as their parent's do.
 */
#include "preload/child.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/config.h"
#include "preload/cred.h"
#include "preload/cwd.h"
#include "preload/engine/engine.h"
#include "preload/engine/thread.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/fsize.h"
#include "preload/kernel.h"
#include "preload/mappings.h"
#include "preload/names.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/remote.h"
#include "rump/rump_syscallnum.h"
#include "rump/rumpdefs.h"

struct child {
	struct pool_free *ch_free; /* the pool's */
	struct birth ch_birth;
	unsigned ch_number;       /* of fdmap_birth() */
	struct remote *ch_remote; /* NULL: the server has ended */
	struct fdview *ch_view;   /* NULL: memory of its own */
	bool ch_lent;             /* it has its parent's map and process */
	unsigned ch_shares;       /* REMOTE_*: what it has of its parent's */
	int ch_cwd;               /* as cwd_rule() */
	int64_t ch_directory;     /* lent: the parent's, or -1 */
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

/* Has the calling process nothing in the kernel that a child would have?  After
 * fdmap_birth(): what another thread is opening now is either seen here or too
 * young for the child. */
static bool
has_nothing(const struct child *ch)
{
	return ch->ch_shares == 0 && !fdshare_on() && !cwd_is_shared() &&
	       cwd_rule() == NS_HOST && !names_entered() && mappings_n == 0 &&
	       !fsize_is_told() && !fdmap_has_had_files();
}

/* Its process in the kernel: now, or when it needs one; but what it counts is to
 * be counted.  0 or a Linux errno. */
static int
make_process(struct child *ch, bool forks)
{
	int error = ENOTSUP;

	ch->ch_number = fdmap_birth();
	if (!config.cf_summary && has_nothing(ch))
		error = remote_child_later(forks, &ch->ch_remote);
	if (error == ENOTSUP)
		error = remote_child_make(forks, ch->ch_shares, &ch->ch_remote);
	if (error == ENOTCONN) {
		ch->ch_remote = NULL;
		error = 0;
	}
	/* No fork(2) fails for want of descriptors. */
	return error == EMFILE || error == ENFILE ? EAGAIN : error;
}

static void
keep_outer(struct child *ch)
{
	ch->ch_outer_view = engine_thread.t_view;
	ch->ch_outer_remote = engine_thread.t_remote;
	ch->ch_outer_cwd = engine_thread.t_cwd;
}

/* The process in the kernel is lent, and its working directory may come back
 * another one. */
static int
keep_directory(struct child *ch)
{
	int64_t args[BACKEND_SLOTS] = { RUMP_AT_FDCWD, (int64_t) ".",
		RUMP_O_RDONLY | RUMP_O_DIRECTORY | RUMP_O_CLOEXEC };
	int64_t retval[2];
	long error;

	if (cwd_rule() == NS_HOST)
		return 0;
	error = rump_backend_syscall(RUMP_SYS_openat, args, retval);
	if (error == 0)
		ch->ch_directory = retval[0];
	return error < 0 ? EINTR : abi_errno_to_linux((int)error);
}

static void
restore_directory(const struct child *ch)
{
	int64_t args[BACKEND_SLOTS] = { ch->ch_directory }, retval[2];

	/* The mask is the parent's again, too. */
	if ((ch->ch_shares & REMOTE_CWD) == 0 && backend_reachable())
		cred_set_process();
	if (ch->ch_directory < 0)
		return;
	(void)rump_backend_syscall(RUMP_SYS_fchdir, args, retval);
	(void)rump_backend_syscall(RUMP_SYS_close, args, retval);
}

/* For a child that shares descriptors and memory. */
static long
lend(struct child *ch, struct birth **bp)
{
	int error = 0;

	if ((ch->ch_shares & REMOTE_CWD) == 0)
		error = keep_directory(ch);
	if (error != 0) {
		pool_put(&children, ch);
		return -error;
	}
	ch->ch_number = 0;
	ch->ch_remote = NULL;
	ch->ch_lent = true;
	*bp = &ch->ch_birth;
	return 0;
}

/* A lent process has all of its parent's. */
static unsigned
shared_by(uint64_t flags)
{
	unsigned shares = 0;

	if ((flags & (CLONE_FILES | CLONE_VM)) == CLONE_FILES)
		shares |= REMOTE_TABLE;
	if ((flags & CLONE_FS) != 0)
		shares |= REMOTE_CWD;
	return shares;
}

static long
birth(uint64_t flags, struct birth **bp)
{
	bool shares = (flags & CLONE_VM) != 0;
	struct child *ch = pool_get(&children);
	int error;

	if (ch == NULL)
		return -ENOMEM;
	ch->ch_view = NULL;
	ch->ch_lent = false;
	ch->ch_cwd = cwd_rule();
	ch->ch_directory = -1;
	ch->ch_shares = shared_by(flags);
	keep_outer(ch);
	if ((flags & CLONE_FILES) != 0 && shares)
		return lend(ch, bp);
	error = make_process(ch, (flags & (CLONE_VM | CLONE_VFORK)) == 0);
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

	engine_thread.t_view = ch->ch_lent ? fdview_current() : ch->ch_view;
	engine_thread.t_cwd = ch->ch_cwd;
	if (engine_is_threaded() && !ch->ch_lent)
		fdview_check();
	if (ch->ch_remote != NULL)
		remote_child_borrow(ch->ch_remote);
}

/* With a kernel in the process its threads follow. */
static int
unshare_here(void)
{
	int error = (int)-HOST(SYS_unshare, CLONE_FILES, 0, 0, 0, 0, 0);

	if (error != 0)
		return error;
	fdshare_end();
	fdview_check();
	if (backend_state == BACKEND_HERE)
		engine_renew_threads();
	return 0;
}

/* With a server it is a copy of the process in the kernel, at the same moment,
 * which goes on. */
int
child_unshares(void)
{
	struct remote *copy;
	int error;

	if (!fdshare_on() || engine_thread.t_borrowed)
		return 0;
	if (engine_has_threads()) {
		engine_say("descriptors that are shared with another process "
			   "cannot be had alone by a program with threads");
		return EAGAIN;
	}
	fdshare_sync();
	if (backend_state != BACKEND_SERVER)
		return unshare_here();
	error =
	    remote_child_make(false, cwd_is_shared() ? REMOTE_CWD : 0, &copy);
	if (error != 0)
		return error;
	error = (int)-HOST(SYS_unshare, CLONE_FILES, 0, 0, 0, 0, 0);
	if (error != 0) {
		remote_child_end(copy);
		return error;
	}
	remote_leave(copy);
	fdshare_end();
	fdview_check();
	remote_replace(copy);
	return 0;
}

/* The host has done so.  A child whose process in the kernel is its parent's
 * gives back what it has changed there. */
void
child_unshares_cwd(void)
{
	struct birth *b = engine_thread.t_birth;
	struct child *ch = b != NULL ? child_of(b) : NULL;

	if (!cwd_is_shared())
		return;
	if (ch != NULL && engine_thread.t_borrowed) {
		engine_thread.t_cwd = cwd_rule();
		engine_thread.t_shares_cwd = false;
		ch->ch_shares &= ~(unsigned)REMOTE_CWD;
	}
	if (ch != NULL && ch->ch_lent && ch->ch_remote == NULL)
		(void)keep_directory(ch);
	else if (backend_state == BACKEND_SERVER)
		remote_unshare_cwd();
	if (process_owns_memory())
		cwd_unshare();
}

/*
 * What a child that shares descriptors executes has a table of its own.  It is
 * given one a moment earlier, when the connection that the parent will close is
 * in both.
 */
int
child_executes(void)
{
	struct birth *b = engine_thread.t_birth;
	struct child *ch = b != NULL ? child_of(b) : NULL;
	int error;

	if (backend_state == BACKEND_SERVER && fdshare_on() &&
	    !engine_thread.t_borrowed)
		return child_unshares();
	if (ch == NULL || !engine_thread.t_borrowed || !ch->ch_lent ||
	    ch->ch_view != NULL)
		return 0;
	error = ch->ch_remote == NULL ? make_process(ch, false) : 0;
	if (error == 0)
		error = (int)-HOST(SYS_unshare, CLONE_FILES, 0, 0, 0, 0, 0);
	if (error == 0)
		ch->ch_view = fdview_create(ch->ch_number);
	if (error != 0 || ch->ch_view == NULL)
		return error != 0 ? error : ENOMEM;
	engine_thread.t_view = ch->ch_view;
	if (ch->ch_remote != NULL)
		remote_child_borrow(ch->ch_remote);
	return 0;
}

/* In the parent, when it goes on. */
static void
birth_over(struct birth *b)
{
	struct child *ch = child_of(b);

	engine_thread.t_view = ch->ch_outer_view;
	engine_thread.t_cwd = ch->ch_outer_cwd;
	if (ch->ch_remote != NULL && (ch->ch_shares & REMOTE_TABLE) != 0 &&
	    !b->b_failed)
		remote_child_shares(ch->ch_remote);
	else if (ch->ch_remote != NULL)
		remote_child_end(ch->ch_remote);
	engine_thread.t_remote = ch->ch_outer_remote;
	if (ch->ch_view != NULL)
		fdview_destroy(ch->ch_view);
	if (ch->ch_lent)
		restore_directory(ch);
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
	bool shares;

	if (b == NULL)
		return;
	own_pid = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
	mine = child_of(b)->ch_remote;
	shares = (child_of(b)->ch_shares & REMOTE_TABLE) != 0;
	pool_put(&children, child_of(b));
	if (mine != NULL)
		remote_child_here(mine);
	if (mine != NULL && shares)
		remote_introduce();
}
