/* SPDX-License-Identifier: BSD-2-Clause */
/* The program's signals: virtual where interception needs the real ones. */
#ifndef ENGINE_SIGNALS_H
#define ENGINE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

struct thread;

#define SIGBIT(sig) (1UL << ((sig)-1))
/* Never blocked in the host. */
#define SIGNAL_STRIP (SIGBIT(SIGSYS) | SIGBIT(SIGSEGV) | SIGBIT(SIGBUS))

/* Results in t_result besides those of the host: the call starts again,
 * depending on SA_RESTART (ERESTARTSYS) or in any case (ERESTARTNOINTR). */
#define RESULT_RESTART (-512)
#define RESULT_AGAIN (-513)

/* Read the dispositions at start and take over what is needed. */
void signal_init(void);
/* In a forked child; cleared: made with CLONE_CLEAR_SIGHAND. */
void signal_forked(bool cleared);
/* Make the host's disposition what sig's asks for; and is that ours? */
void signal_install(int sig);
bool signal_is_wrapped(uintptr_t handler);
/* In a vfork child made with CLONE_CLEAR_SIGHAND. */
void signal_reinstall(void);

/*
 * A vfork child shares the parent's record t: before it is made, in it, and in
 * the parent behind it.  shared: it was made with CLONE_SIGHAND.
 */
void signal_child_begin(struct thread *t);
void signal_child(struct thread *t, bool shared);
void signal_child_over(struct thread *t);

/* A SIGSYS that did not come from Syscall User Dispatch. */
void signal_foreign_sigsys(siginfo_t *si, ucontext_t *uc);

/*
 * The deferred signal of t: uc, with its siginfo si, is a SIGSYS or SIGSEGV
 * frame of the program as it stands behind its call.  Write t_result, or the
 * restart, into it and enter the program's handler on top of it.  Returns only
 * when there is no handler to run.
 */
void signal_finish(struct thread *t, siginfo_t *si, ucontext_t *uc);

/* Around exec: signals that are ours are made as they should be inherited. */
void signal_exec_begin(void);
void signal_exec_failed(void);

/* The signals to take out of a mask: SIGNAL_STRIP. */
uint64_t signal_strip(void);
/* The mask that a frame restores. */
uint64_t *signal_frame_mask(ucontext_t *uc);
/* Signals that were pending virtually and are not blocked any more. */
void signal_release_pending(struct thread *t);

/* Block everything and back; all but what is never blocked. */
uint64_t signal_block_all(void);
uint64_t signal_close(void);
void signal_set_mask(uint64_t mask);

#endif /* !ENGINE_SIGNALS_H */
