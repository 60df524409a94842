/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change is a new name space, and a pointer that leads to it.  The one before
 * is never freed, since nobody knows who still reads it: it is a page, and
 * programs change their root directory once, if at all.
 *
 * Who leaves a root directory of the kernel's for one of the host's finds the
 * rules again that were in force there.
 */
#include "preload/names.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/call.h"
#include "preload/lock.h"

static struct namespace first;
static _Atomic(const struct namespace *) current = &first;

static struct lock change_lock = LOCK_INIT;
static const struct namespace *on_host = &first; /* change_lock: without those
						  * of names_enter() */
static struct namespace *spare;                  /* change_lock, or NULL */

const struct namespace *
names_now(void)
{
	return atomic_load_explicit(&current, memory_order_acquire);
}

int
names_add(enum ns_kind kind, const char *prefix)
{
	return namespace_add(&first, kind, prefix);
}

static void
reserve(void)
{
	long r;

	if (spare != NULL)
		return;
	r = HOST(SYS_mmap, 0, sizeof(*spare), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r > 0 || r < -4095)
		spare = (struct namespace *)r;
}

int
names_reserve(void)
{
	bool has;

	lock_enter(&change_lock);
	reserve();
	has = spare != NULL;
	lock_exit(&change_lock);
	return has ? 0 : ENOMEM;
}

/* A copy of the host's rules, to be changed and put in force; or NULL. */
static struct namespace *
copy_host(void)
{
	struct namespace *ns;

	reserve();
	ns = spare;
	spare = NULL;
	if (ns != NULL)
		*ns = *on_host;
	return ns;
}

static void
put_in_force(const struct namespace *ns)
{
	atomic_store_explicit(&current, ns, memory_order_release);
}

bool
names_chroot(const char *root)
{
	struct namespace *ns;

	lock_enter(&change_lock);
	ns = copy_host();
	if (ns != NULL) {
		namespace_chroot(ns, root);
		on_host = ns;
		put_in_force(ns);
	}
	lock_exit(&change_lock);
	return ns != NULL;
}

bool
names_enter(void)
{
	struct namespace *ns = NULL;
	bool entered;

	lock_enter(&change_lock);
	entered = names_entered();
	if (!entered) {
		ns = copy_host();
		entered = ns != NULL;
	}
	if (ns != NULL) {
		namespace_enter(ns);
		put_in_force(ns);
	}
	lock_exit(&change_lock);
	return entered;
}

bool
names_entered(void)
{
	return names_now()->ns_entered;
}

void
names_forked(void)
{
	lock_reset(&change_lock);
}
