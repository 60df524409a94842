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
	BREAK_FRAME,          /* 1, 2: calls are made in the SIGSYS handler */
	BREAK_REARM,          /* 3: children are not armed */
	BREAK_STRIP,          /* 4, 30: masks not filtered */
	BREAK_VIRTUAL_SIGSYS, /* 5: the program's SIGSYS handler replaces ours */
	BREAK_SIGRETURN,      /* 6: executed on a frame of ours */
	BREAK_THUNK,          /* 7: clone made by a function */
	BREAK_BORROWED,       /* 8: vfork child writes the parent's tables */
	BREAK_CLEAR_SIGHAND,  /* 9 */
	BREAK_EXEC_ENV,       /* 10 */
	BREAK_SIGSYS_STACK,   /* 11: SIGSYS frames on the program's stack */
	BREAK_FRAME_STACK,    /* 11: handlers' frames stay on our stack */
	BREAK_LATE_MASK,      /* 11: signals let in before a frame is entered */
	BREAK_STATE,          /* 12: host calls leave a mark while they block */
	BREAK_PATCH_LOCK,     /* 13 */
	BREAK_TORN,           /* 14: the jump is stored byte by byte */
	BREAK_LINE,           /* 14: so it is, across a cache line */
	BREAK_WINDOW,         /* 15: the patch covers the syscall */
	BREAK_RANGE,          /* 16: the range ends with a syscall */
	BREAK_PRCTL,          /* 17 */
	BREAK_SECCOMP,        /* 17: sites are patched under a filter */
	BREAK_CONFINE,        /* 17: filters see calls of ours */
	BREAK_DEFER,          /* 19: handlers run inside routed calls */
	BREAK_WAKE,           /* 19: a deferred signal does not end the sleep */
	BREAK_RESTART,        /* 19: SA_RESTART forgotten */
	BREAK_BLOCK,          /* 19: signals stay open while one is deferred */
	BREAK_INTERRUPT,      /* 19: check and sleep are two steps */
	BREAK_FORCE,          /* 19: the mask of ppoll() is not looked at */
	BREAK_OUTMASK,        /* 19: nor the one to go back to */
	BREAK_LATE_STACK,     /* 19: deferred handlers ignore SA_ONSTACK */
	BREAK_RESETHAND,      /* 19 */
	BREAK_TRACEME,        /* 21: a traced vfork child is left armed */
	BREAK_INT80,          /* 25 */
	BREAK_DECODE,         /* 27: bytes are taken for an instruction */
	BREAK_OWN_THREAD,     /* 29: our threads are intercepted */
	BREAK_FIXUP,          /* 30 */
	BREAK_VMASK,          /* 30: virtual masks not kept in frames */
	BREAK_KERNEL_STACK,   /* 31: routes run on the program's stack */
	BREAK_EFAULT,         /* plain calls of unfilled mappings fail */
	BREAK_IMAGE,          /* 32: exec does not look at its target */
	BREAK_PARK,           /* 28: our threads stay while others must not */
	BREAK_UNLISTED,       /* 28: nobody waits until they are unlisted */
	BREAK_LAST_EXIT,      /* 28: our threads keep the process alive */
	BREAK_BARE,           /* 28: our threads are libc's */
	BREAK_OWN_MASK,       /* 28: our threads take signals */
	BREAK_OWN_FORK,       /* 28: a child thinks that it has our threads */
	BREAK_TEXT,           /* 33: refused mprotect is not heeded */
	BREAK_PLAIN,          /* 8: nor is it noted what the child sets */
	BREAK_VDSO,           /* 33: text that cannot be patched ends it all */
	BREAK_NUMBER,         /* more than 32 bits of the number count */
	BREAK_BIRTH,          /* signals come between a process's beginnings */
	BREAK_UNWIND,         /* handlers return to code without CFI */
};

#ifdef ENGINE_BREAK
extern enum broken engine_broken;
#define BROKEN(what) (engine_broken == (what))
#else
#define BROKEN(what) false
#endif

#endif /* !ENGINE_BROKEN_H */
