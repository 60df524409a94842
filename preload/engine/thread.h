/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine keeps for each thread, and the stacks of routed calls. */
#ifndef ENGINE_THREAD_H
#define ENGINE_THREAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Only the thread itself and signal handlers on it touch its record.  A vfork
 * child uses the record of its suspended parent.
 */
struct birth;
struct fdview;
struct remote;

/* Sets of signals of a vfork child: what it need not ask the host for. */
struct child_signals {
	uint64_t cs_plain;    /* the default, and nothing else */
	uint64_t cs_seen;     /* the host has been called */
	uint64_t cs_learned;  /* ... and they were plain before */
	uint64_t cs_changing; /* the parent's changes at the child's birth */
};

struct thread {
	volatile uint32_t t_in_kernel; /* a routed call runs */
	volatile uint32_t t_deferred;  /* t_sig waits for the way out */
	bool t_interrupted;            /* eh_interrupt has been called */
	bool t_own;                    /* a thread of ours */
	bool t_borrowed;               /* the process-wide tables are another
					* process's: vfork child */
	bool t_swapped;                /* t_outmask is to be restored */
	int t_tid;
	uintptr_t t_stack_top; /* kernel stack, 0 none yet */

	uintptr_t t_sigstack_top; /* the host's alternate stack, 0 none */
	stack_t t_alt;            /* the program's; size 0: none */

	uint64_t t_vmask;           /* blocked, of the signals that are
					* never blocked in the host */
	uint64_t t_vpending;        /* ... and pending, sent by kill() */
	const uint64_t *t_tempmask; /* mask argument of the host call */
	uint64_t t_outmask;
	uint64_t t_entermask; /* of the handler that is being entered */

	int t_sig;           /* the deferred signal */
	uint64_t t_sigmask;  /* mask when it was taken */
	long t_result, t_nr; /* of the call on its way out */
	uintptr_t t_back;    /* where the program continues */
	uintptr_t t_again;   /* ... and where the call starts anew */
	void *t_scratch;     /* of an exec under way */
	size_t t_scratch_len;
	void *t_spare; /* ... and of the next: what one before has left */
	size_t t_spare_len;
	void *t_argv; /* engine_exec_memory() */
	size_t t_argv_len;
	char t_comm[16]; /* the next image's name; "": the host's is right */
	struct birth *t_birth;
	/* Of a vfork child, apart from its parent's; NULL: there is none. */
	struct fdview *t_view;   /* its descriptors */
	struct remote *t_remote; /* its connection to the kernel's server */
	int t_cwd;               /* with t_view: as cwd_rule() */
	bool t_apart;            /* a thread with directories and mask of its
				  * own, which are the host's */
	bool t_network;          /* it has entered a network namespace */
	bool t_users;            /* ... of users, not all told (userspace.h) */
	bool
	    t_shares_cwd; /* with t_view: but working directory, root and mask are
			    * its parent's (CLONE_FS) */
	bool t_shares_table; /* a vfork child with its parent's descriptors
				  * (CLONE_FILES) */
	struct child_signals t_child;
	siginfo_t t_info;
	siginfo_t t_vinfo[3]; /* of t_vpending */
};

/*
 * A process that is being made, and, in a vfork child, that process: the router
 * knows the rest.  Innermost first.
 */
struct birth {
	struct birth *b_outer;
	uint64_t b_mask; /* of the maker, which blocks everything meanwhile */
	bool b_failed;   /* nothing has been born */
};

extern __thread struct thread engine_thread
    __attribute__((tls_model("initial-exec")));

/* A thread that shares its parent's record while the parent runs on (clone
 * with CLONE_VM, without CLONE_SETTLS and CLONE_VFORK) can only pass through:
 * true for it. */
bool thread_is_guest(const struct thread *t);
void thread_add_guest(void);

/* The kernel stack's top; 0 when memory is short. */
uintptr_t thread_stack(struct thread *t);
/* The exec that was under way failed, or was a vfork child's: unmap what it
 * needed, or keep it for the next. */
void thread_drop_exec(struct thread *t);
/* The thread ends: give its stacks back. */
void thread_put_stacks(struct thread *t);

/*
 * The host's alternate stack is ours: frames of SIGSYS, and of handlers with
 * SA_ONSTACK, arrive there and leave at once.  Without memory there is none, and
 * frames arrive on the program's stack.
 */
void thread_take_sigstack(struct thread *t);
bool thread_on_sigstack(const struct thread *t, uintptr_t addr);
/* As in a signal frame. */
stack_t thread_host_alt(const struct thread *t);
/* Is addr on the program's alternate stack? */
bool thread_on_alt(const struct thread *t, uintptr_t addr);

/* Run fn(arg) on the kernel stack with the thread marked "in kernel". -ENOMEM
 * when there is no stack. */
long thread_run(struct thread *t, long (*fn)(void *), void *arg);

/* In the child of a fork. */
void thread_forked(struct thread *t);

/* More than one thread may execute the program's code. */
extern bool engine_threads;

#endif /* !ENGINE_THREAD_H */
