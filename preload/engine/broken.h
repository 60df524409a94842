/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remedies that can be switched off, one by one, by ENGINE_BREAK=name in the
 * environment of a test build, to prove that the test of each trap fails
 * without its remedy.  In the product BROKEN() is the constant false.
 */
#ifndef ENGINE_BROKEN_H
#define ENGINE_BROKEN_H

#include <stdbool.h>

enum broken {
	BREAK_NONE,
	BREAK_REARM,          /* 3: children are not armed */
	BREAK_STRIP,          /* 4, 30: masks not filtered */
	BREAK_VIRTUAL_SIGSYS, /* 5: the program's SIGSYS handler replaces ours */
	BREAK_SIGRETURN,      /* 6: executed on a frame of ours */
	BREAK_THUNK,          /* 7: clone made by a function */
	BREAK_BORROWED,       /* 8: vfork child writes the parent's tables */
	BREAK_CLEAR_SIGHAND,  /* 9 */
	BREAK_EXEC_ENV,       /* 10 */
	BREAK_SIGSYS_STACK,   /* 11: SIGSYS frames on the program's stack */
	BREAK_PATCH_LOCK,     /* 13 */
	BREAK_PRCTL,          /* 17 */
	BREAK_DEFER,          /* 19: handlers run inside routed calls */
	BREAK_WAKE,           /* 19: a deferred signal does not end the sleep */
	BREAK_RESTART,        /* 19: SA_RESTART forgotten */
	BREAK_BLOCK,          /* 19: signals stay open while one is deferred */
	BREAK_INTERRUPT,      /* 19: check and sleep are two steps */
	BREAK_LATE_STACK,     /* 19: deferred handlers ignore SA_ONSTACK */
	BREAK_RESETHAND,      /* 19 */
	BREAK_TRACEME,        /* 21: a traced vfork child is left armed */
	BREAK_INT80,          /* 25 */
	BREAK_OWN_THREAD,     /* 29: our threads are intercepted */
	BREAK_FIXUP,          /* 30 */
	BREAK_VMASK,          /* 30: virtual masks not kept in frames */
	BREAK_EFAULT,         /* plain calls of unfilled mappings fail */
	BREAK_IMAGE,          /* 32: exec does not look at its target */
};

#ifdef ENGINE_BREAK
extern enum broken engine_broken;
#define BROKEN(what) (engine_broken == (what))
#else
#define BROKEN(what) false
#endif

#endif /* !ENGINE_BROKEN_H */
