/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_births.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "preload/engine/engine.h"
#include "preload/engine/thread.h"

#define NBIRTHS 64

struct fake_birth {
	struct birth b; /* first */
	atomic_bool used;
	long maker;
	bool shares;
};

static struct fake_births *births;
static struct fake_birth table[NBIRTHS];

/* What can be blocked is. */
static bool
is_blocked(void)
{
	uint64_t mask = 0;

	HOST(SYS_rt_sigprocmask, SIG_BLOCK, 0, &mask, sizeof(mask), 0, 0);
	return (mask & 1UL << (SIGALRM - 1)) != 0;
}

static void
check(const struct birth *b, bool shares, long maker)
{
	const struct fake_birth *f = (const struct fake_birth *)b;

	if (f != NULL && f->used && f->maker == maker && f->shares == shares &&
	    is_blocked())
		return;
	atomic_fetch_add(&births->fb_wrong, 1);
}

static long
begin(uint64_t flags, struct birth **bp)
{
	for (int i = 0; i < NBIRTHS; i++) {
		bool used = false;

		if (!atomic_compare_exchange_strong(
			&table[i].used, &used, true))
			continue;
		table[i].maker = HOST(SYS_getpid, 0, 0, 0, 0, 0, 0);
		table[i].shares = (flags & CLONE_VM) != 0;
		*bp = &table[i].b;
		atomic_fetch_add(&births->fb_begun, 1);
		return 0;
	}
	return -ENOMEM;
}

static void
borrow(struct birth *b)
{
	check(b, true, HOST(SYS_getppid, 0, 0, 0, 0, 0, 0));
	atomic_fetch_add(&births->fb_borrowed, 1);
}

static void
over(struct birth *b)
{
	struct fake_birth *f = (struct fake_birth *)b;

	check(b, f->shares, HOST(SYS_getpid, 0, 0, 0, 0, 0, 0));
	f->used = false;
	atomic_fetch_add(&births->fb_failed, b->b_failed);
	atomic_fetch_add(&births->fb_over, 1);
}

void
fake_births_start(struct fake_births *fb)
{
	births = fb;
	engine_hooks.eh_birth = begin;
	engine_hooks.eh_borrow = borrow;
	engine_hooks.eh_birth_over = over;
}

void
fake_births_forked(bool shares)
{
	struct birth *b = engine_thread.t_birth;

	if (births == NULL)
		return;
	check(b, false, HOST(SYS_getppid, 0, 0, 0, 0, 0, 0));
	atomic_fetch_add(&births->fb_forked, 1);
	atomic_fetch_add(&births->fb_sharing, shares);
	/* What the maker's threads have begun is not for this process. */
	for (int i = 0; i < NBIRTHS; i++)
		table[i].used = false;
}
