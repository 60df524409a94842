/* SPDX-License-Identifier: BSD-2-Clause */
/* Where each call goes. */
#ifndef ENGINE_DISPATCH_H
#define ENGINE_DISPATCH_H

#include "preload/call.h"

struct thread;

/* After router_init(). */
void dispatch_init(void);

/*
 * Make the call, on whichever kernel it belongs to.  Returns the program's
 * result, CALL_REDIRECT (continue at c->redirect with the program's registers,
 * rax = c->nr), or RESULT_*.  Afterwards t->t_deferred may be set: then the
 * caller must leave through signal_finish().
 */
long dispatch_call(struct thread *t, struct call *c);

#endif /* !ENGINE_DISPATCH_H */
