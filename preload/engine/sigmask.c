/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Masks that the program passes to the host, in rt_sigprocmask and as an
 * argument of calls that wait: the signals that interception lives on are taken
 * out on the way, and kept virtually where the program can ask for them.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "preload/engine/broken.h"
#include "preload/call.h"
#include "preload/engine/engine.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

#define SIGSET_SIZE 8

static uint64_t
virtual_mask(uint64_t mask, long how, uint64_t set)
{
	set &= SIGNAL_STRIP;
	switch (how) {
	case SIG_BLOCK:
		return mask | set;
	case SIG_UNBLOCK:
		return mask & ~set;
	default:
		return set;
	}
}

long
route_rt_sigprocmask(struct call *c)
{
	struct thread *t = &engine_thread;
	uint64_t want = 0, real, old;
	long r;

	if (c->arg[3] != SIGSET_SIZE)
		return -EINVAL;
	if (c->arg[1] != 0 &&
	    engine_copy(&want, (void *)c->arg[1], sizeof(want)) != 0)
		return -EFAULT;
	real = want & ~signal_strip();
	r = HOST(SYS_rt_sigprocmask, c->arg[0], c->arg[1] != 0 ? &real : NULL,
	    &old, SIGSET_SIZE, 0, 0);
	if (r != 0)
		return r;
	old |= t->t_vmask;
	if (c->arg[1] != 0) {
		t->t_vmask = virtual_mask(t->t_vmask, c->arg[0], want);
		if ((t->t_vpending & ~t->t_vmask) != 0)
			signal_release_pending(t);
	}
	if (c->arg[2] != 0)
		return engine_copy((void *)c->arg[2], &old, sizeof(old));
	return 0;
}

/* Argument argi is a mask: replace it by a filtered copy. */
static long
filter_argument(struct call *c, int argi, const void *user)
{
	uint64_t mask;

	if (user == NULL)
		return 0;
	if (engine_copy(&mask, user, sizeof(mask)) != 0)
		return -EFAULT;
	c->scratch[7] = mask & ~signal_strip();
	if (argi >= 0)
		c->arg[argi] = (long)&c->scratch[7];
	engine_thread.t_tempmask = &c->scratch[7];
	return 0;
}

static long
filter_pselect6(struct call *c)
{
	uint64_t pair[2];
	long r;

	if (c->arg[5] == 0)
		return 0;
	if (engine_copy(pair, (void *)c->arg[5], sizeof(pair)) != 0)
		return -EFAULT;
	if (pair[0] == 0)
		return 0;
	if (pair[1] != SIGSET_SIZE)
		return -EINVAL;
	r = filter_argument(c, -1, (void *)pair[0]);
	if (r != 0)
		return r;
	c->scratch[5] = (uint64_t)&c->scratch[7];
	c->scratch[6] = SIGSET_SIZE;
	c->arg[5] = (long)&c->scratch[5];
	return 0;
}

long
engine_filter_mask(struct call *c)
{
	int argi;

	switch (c->nr) {
	case SYS_pselect6:
		return filter_pselect6(c);
	case SYS_ppoll:
		argi = 3;
		break;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		argi = 4;
		break;
	default:
		return 0;
	}
	if (c->arg[argi] == 0)
		return 0;
	if (c->arg[argi + 1] != SIGSET_SIZE)
		return -EINVAL;
	return filter_argument(c, argi, (void *)c->arg[argi]);
}

long
engine_swap_mask(const void *mask)
{
	struct thread *t = &engine_thread;
	uint64_t real;

	if (mask == NULL)
		return 0;
	if (engine_copy(&real, mask, sizeof(real)) != 0)
		return -EFAULT;
	t->t_outmask = signal_close();
	/* A signal that waits already ends the sleep; no other may come. */
	if (t->t_deferred)
		return 0;
	t->t_swapped = true;
	signal_set_mask(real & ~signal_strip());
	return 0;
}

static long
to_host(long error)
{
	return error != 0 ? error : CALL_TO_HOST;
}

long
route_rt_sigsuspend(struct call *c)
{
	if (c->arg[1] != SIGSET_SIZE || c->arg[0] == 0)
		return CALL_TO_HOST;
	return to_host(filter_argument(c, 0, (void *)c->arg[0]));
}

long
route_rt_sigtimedwait(struct call *c)
{
	if (c->arg[3] != SIGSET_SIZE || c->arg[0] == 0)
		return CALL_TO_HOST;
	return to_host(filter_argument(c, 0, (void *)c->arg[0]));
}

long
route_signalfd4(struct call *c)
{
	if (c->arg[2] != SIGSET_SIZE || c->arg[1] == 0)
		return CALL_TO_HOST;
	return to_host(filter_argument(c, 1, (void *)c->arg[1]));
}

long
route_signalfd(struct call *c)
{
	return route_signalfd4(c);
}

long
route_rt_sigpending(struct call *c)
{
	uint64_t set = 0;
	long r;

	if ((unsigned long)c->arg[1] > SIGSET_SIZE)
		return -EINVAL;
	r = HOST(SYS_rt_sigpending, &set, c->arg[1], 0, 0, 0, 0);
	if (r != 0)
		return r;
	set |= engine_thread.t_vpending;
	return engine_copy((void *)c->arg[0], &set, (size_t)c->arg[1]);
}
