/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock order, checked while the kernel runs.  mutex.c and rwlock.c report what
 * they do in builds with KERN_LOCKDEBUG; in others the macros are nothing.
 */
#ifndef KERN_LOCKDEBUG_H
#define KERN_LOCKDEBUG_H

#include "kern/types.h"

/*
 * The calling thread is about to take a lock of the class called name, and
 * will wait for it (or, with wait false, has it by a try, which cannot
 * deadlock).  Panics with both names if a lock that it holds was taken under
 * this class before, by whatever way round.
 */
void lockdebug_enter(const char *name, bool wait);
/* It gave one of them back, in any order. */
void lockdebug_exit(const char *name);

#ifdef KERN_LOCKDEBUG
#define LOCKDEBUG_ENTER(name, wait) lockdebug_enter((name), (wait))
#define LOCKDEBUG_EXIT(name) lockdebug_exit(name)
#else
#define LOCKDEBUG_ENTER(name, wait) ((void)0)
#define LOCKDEBUG_EXIT(name) ((void)0)
#endif

#endif /* !KERN_LOCKDEBUG_H */
