/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that entry.S and the C code share. */
#ifndef ENGINE_LAYOUT_H
#define ENGINE_LAYOUT_H

/* A patched site's stub: relocated instructions end where the fixed part,
 * assembled once and for all, begins. */
#define SLOT_SIZE 128
#define SLOT_COUNT 512
#define SLOT_PREFIX 80 /* room for relocated instructions */
#define SLOT_BACK 120  /* where the program continues */

/* Thunks that make clone, fork and vfork without a stack. */
#define THUNK_SIZE 16
#define THUNK_COUNT 256

/* Calls below this number have an entry in dispatch_how[]. */
#define CALLS_MAX 512
#define DISPATCH_PLAIN 0      /* the host's, there is nothing else to do */
#define DISPATCH_FD 1         /* plain if its first argument is the host's */
#define DISPATCH_FD_NO_NAME 2 /* ... and its fifth, of a socket, is NULL */
#define DISPATCH_ASK 3        /* engine_patched() knows */

/* Of router_numbers[]. */
#define ROUTER_NUMBERS 1024

/* struct thread's t_view */
#define THREAD_VIEW 216

/* The kernel's struct rt_sigframe: return address, ucontext, siginfo. */
#define FRAME_UCONTEXT 8
#define FRAME_UCONTEXT_SIZE 304
#define FRAME_SIGINFO (FRAME_UCONTEXT + FRAME_UCONTEXT_SIZE)
#define FRAME_SIGINFO_SIZE 128
#define FRAME_SIZE (FRAME_SIGINFO + FRAME_SIGINFO_SIZE)

#endif /* !ENGINE_LAYOUT_H */
