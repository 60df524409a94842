/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rt_sigaction(2), in the process and in its vfork children.
 *
 * posix_spawn(3) asks for every signal's disposition in the child and sets most
 * of them to the default, which they have already.  actions_plain() says so of
 * the process, cs_plain of a vfork child, and the host is left alone.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/engine/actions.h"
#include "preload/engine/broken.h"
#include "preload/engine/engine.h"
#include "preload/engine/signals.h"
#include "preload/engine/thread.h"
#include "syscall_table/linux_routes.h"

/* Would the host do nothing?  It forgets ignored signals that are pending. */
static bool
is_again(int sig, const struct action *new, const struct action *old)
{
	static const uint64_t ignored = SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) |
					SIGBIT(SIGURG) | SIGBIT(SIGWINCH);

	return action_is_plain(new) && action_is_plain(old) &&
	       (SIGBIT(sig) & (ignored | SIGNAL_STRIP)) == 0;
}

static void
change_action(int sig, const struct action *new, struct action *old)
{
	uint64_t mask;

	if (action_peek(sig, old) &&
	    (new == NULL || (is_again(sig, new, old) &&
				memcmp(new, old, sizeof(*old)) == 0)))
		return;
	mask = signal_block_all();
	actions_enter();
	*old = action_ask(sig);
	if (new != NULL)
		action_set(sig, new, signal_install);
	actions_leave();
	signal_set_mask(mask);
}

void
signal_child_begin(struct thread *t)
{
	if (t->t_borrowed)
		return;
	t->t_child.cs_changing = actions_changes();
	t->t_child.cs_plain = actions_plain();
	t->t_child.cs_seen = t->t_child.cs_learned = 0;
}

void
signal_child(struct thread *t, bool shared)
{
	struct child_signals *cs = &t->t_child;

	if (shared || (cs->cs_changing & 1) != 0 ||
	    actions_changes() != cs->cs_changing)
		cs->cs_plain = 0;
}

void
signal_child_over(struct thread *t)
{
	uint64_t learned = t->t_child.cs_learned, mask;

	memset(&t->t_child, 0, sizeof(t->t_child));
	if ((learned & ~actions_known()) == 0 || t->t_borrowed)
		return;
	mask = signal_block_all();
	actions_learn(learned);
	signal_set_mask(mask);
}

/* The host has said that old was the disposition, and has made it new. */
static void
child_note(struct child_signals *cs, int sig, const struct action *new,
    const struct action *old)
{
	uint64_t bit = SIGBIT(sig);

	if ((cs->cs_seen & bit) == 0 && action_is_plain(old) &&
	    old->ac_flags == 0)
		cs->cs_learned |= bit;
	if (action_is_plain(new != NULL ? new : old))
		cs->cs_plain |= bit;
	if (BROKEN(BREAK_PLAIN))
		return;
	cs->cs_seen |= bit;
	if (!action_is_plain(new != NULL ? new : old))
		cs->cs_plain &= ~bit;
}

/*
 * A vfork child has its own dispositions in the host, or none, but shares our
 * tables with its parent: what it sets goes to the host alone.  Exec resets
 * handlers anyway, which is what such children are about.  cs: NULL in a guest.
 */
static long
borrowed_sigaction(struct child_signals *cs, int sig, const struct action *new,
    struct action *old)
{
	struct action a;
	long r;

	if ((SIGBIT(sig) & SIGNAL_STRIP) != 0) {
		*old = action_now(sig);
		return 0;
	}
	if (cs != NULL && (cs->cs_plain & SIGBIT(sig)) != 0) {
		memset(old, 0, sizeof(*old));
		if (new == NULL || is_again(sig, new, old))
			return 0;
	}
	if (new != NULL) {
		a = *new;
		a.ac_mask &= ~signal_strip();
	}
	r = HOST(SYS_rt_sigaction, sig, new != NULL ? &a : NULL, old,
	    SIGSET_SIZE, 0, 0);
	if (r == 0 && cs != NULL)
		child_note(cs, sig, new, old);
	if (r == 0 && signal_is_wrapped(old->ac_handler))
		*old = action_now(sig);
	return r;
}

long
route_rt_sigaction(struct call *c)
{
	int sig = (int)c->arg[0];
	struct action new, old;
	const struct action *np = c->arg[1] != 0 ? &new : NULL;
	struct thread *t = &engine_thread;
	long r = 0;

	if (c->arg[3] != SIGSET_SIZE || sig < 1 || sig > NSIGNALS)
		return -EINVAL;
	if (np != NULL && (sig == SIGKILL || sig == SIGSTOP))
		return -EINVAL;
	if (sig == SIGSYS && BROKEN(BREAK_VIRTUAL_SIGSYS))
		return CALL_TO_HOST;
	if (np != NULL &&
	    engine_copy(&new, (void *)c->arg[1], sizeof(new)) != 0)
		return -EFAULT;
	if (BROKEN(BREAK_BORROWED))
		change_action(sig, np, &old);
	else if (thread_is_guest(t))
		r = borrowed_sigaction(NULL, sig, np, &old);
	else if (t->t_borrowed)
		r = borrowed_sigaction(&t->t_child, sig, np, &old);
	else
		change_action(sig, np, &old);
	if (r == 0 && c->arg[2] != 0)
		r = engine_copy((void *)c->arg[2], &old, sizeof(old));
	return r;
}
