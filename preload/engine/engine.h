/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the interception engine offers to the router, beyond preload/call.h.
 * All of it may be called on the kernel stack unless said otherwise.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/call.h"
#include "rump/rumpuser_host.h"

struct birth;

/* Host calls of the hypercall layer: raw, from the range that SUD lets
 * through.  ho_fd_hide and ho_fd_close are the router's and NULL here: copy
 * the table and fill them in. */
extern const struct rumpuser_hostops engine_hostops;

/*
 * Set by the router in router_init(), before interception is armed; NULL where
 * nothing is to be done.
 */
#define EXEC_DESCRIPTORS 3 /* of eh_exec, in scratch[] */

struct engine_hooks {
	/* From a signal handler that interrupted a routed call: end its sleep,
	 * and, at the next routed call of the thread, take that back.
	 * rump_interrupt(), rump_interrupt_clear(). */
	void (*eh_interrupt)(void);
	void (*eh_interrupt_clear)(void);
	/* rump_copy_fixup(). */
	uintptr_t (*eh_copy_fixup)(uintptr_t ip);
	/* The thread is about to end: rump_thread_fini(). */
	void (*eh_thread_exit)(void);
	/* Before execve and execveat: 0 or -errno.  It may change the call;
	 * the first of scratch[] are then one more than a descriptor that
	 * is closed when the exec comes to nothing, or 0.  In that case the
	 * other is called.  After 0 *fd is the host's file that will be
	 * executed, open for reading and from now on the engine's, or -1. */
	long (*eh_exec)(struct call *c, long *fd);
	void (*eh_exec_failed)(void);
	/* End our threads, which return from their functions within a bounded
	 * time, and start them again.  In pairs; several may overlap.
	 * rump_threads_park(), rump_threads_unpark(). */
	void (*eh_park)(void);
	void (*eh_unpark)(void);
	/*
	 * A process is about to be made, which may share our memory until it
	 * executes something: 0 and *birth, or -errno.  In a child that shares
	 * it eh_borrow, in one with memory of its own router_forked() follows,
	 * with the birth in t_birth; in the parent, when it goes on,
	 * eh_birth_over.  All on the kernel stack, with all signals blocked.
	 */
	long (*eh_birth)(uint64_t flags, struct birth **birth);
	void (*eh_borrow)(struct birth *birth);
	/* A child with these flags is going to have the caller's table of
	 * descriptors, or, with CLONE_FS, its directories and mask; and the
	 * caller wants its own of what the flags say (with CLONE_FS the host
	 * has done so).  0 or -errno. */
	long (*eh_share)(uint64_t flags);
	long (*eh_unshare)(uint64_t flags);
	/* The host has given the process another working directory. */
	void (*eh_left_directory)(void);
	void (*eh_birth_over)(struct birth *birth);
};
extern struct engine_hooks engine_hooks;

/* From now on calls with descriptors among their arguments are looked at before
 * they are made, of the host's alone as well: router_looks has been set. */
void engine_watch_descriptors(void);

/* For eh_exec: memory that lives as long as the exec, or NULL.  Once. */
void *engine_exec_memory(size_t len);

/*
 * Set by the router while rump files are mapped: a host call that takes
 * something out of a queue must find its buffers present, for what the host
 * could not copy may be lost.
 */
extern bool engine_fill_first;

/* The calling thread is ours: its calls are never intercepted. */
void engine_own_thread(void);

/*
 * Find the thread-local objects of the kernel's libraries, which are loaded by
 * now: without them no thread of ours can be made.  Uses libc: from the
 * constructor only.
 */
void engine_learn_tls(void);
/* The process has changed what each thread of the host has for itself (user,
 * groups, capabilities): replace ours by threads made by this one. */
void engine_renew_threads(void);

/*
 * Copy to or from the program's memory, which may be bad: 0 or -EFAULT.
 * String: at most size bytes with the NUL; the length without it, or -EFAULT,
 * -ENAMETOOLONG.
 */
long engine_copy(void *to, const void *from, size_t len);
long engine_copy_string(char *to, const void *from, size_t size);

/*
 * ppoll, pselect6, epoll_pwait, epoll_pwait2 on their way to the host: replace
 * the mask argument by a copy without the signals that interception lives on.
 * The copy is in c->scratch[5] to [7].  0, -EFAULT or -EINVAL.  Nothing is
 * done for other calls and without a mask.
 */
long engine_filter_mask(struct call *c);

/*
 * The same calls, routed: until the call returns to the program, the thread's
 * mask is the one at address mask (8 bytes); a signal that it lets through
 * ends the kernel's sleep, and its handler runs on the way out, before the old
 * mask is back.  0 or -EFAULT.
 */
long engine_swap_mask(const void *mask);

/* fn(arg) with the program's vector registers saved around it: for functions
 * of libc. */
long engine_call_saved(long (*fn)(void *), void *arg);

/* The environment as it was at start; after start-up only LD_PRELOAD, RUMP*
 * and RUMPKIT* are found. */
const char *engine_getenv(const char *name);

/* Absolute path of this library; "" if unknown. */
extern const char *engine_library;

/* setfsgid(2) has been called: an exec may be one that the dynamic linker calls
 * secure. */
extern atomic_bool engine_file_group;

/* How calls are caught, for doctor and --trace. */
enum engine_mode {
	ENGINE_LAZY,  /* SUD, sites patched when they are used often */
	ENGINE_TRAPS, /* SUD alone */
	ENGINE_EAGER, /* patches alone: no SUD here */
	ENGINE_BOTH,  /* all sites patched at start, SUD for what comes later */
};
extern enum engine_mode engine_mode;

#endif /* !ENGINE_ENGINE_H */
