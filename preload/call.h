/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One intercepted Linux system call on its way through the hijack library.
 *
 *   site -> stub or SIGSYS -> hijack_dispatch() -> class says host? raw call
 *        -> otherwise, on this thread's kernel stack: linux_call_run(call)
 *        -> CALL_TO_HOST? back on the program's stack, raw call with the
 *           arguments as they now stand, then (kernel stack) c_after
 *
 * A route never makes a host call that may block: it asks for it with
 * CALL_TO_HOST, so that a program's signal handler that interrupts the host
 * call finds no frame of ours.  Routes run with the thread marked "in kernel":
 * signals that arrive are deferred to the way out.
 */
#ifndef PRELOAD_CALL_H
#define PRELOAD_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Results of a route beyond a Linux result or -errno. */
#define CALL_TO_HOST (-0x10000L)  /* make the host call with call->arg */
#define CALL_RESTART (-0x10001L)  /* ERESTARTSYS: restart or EINTR */
#define CALL_REDIRECT (-0x10002L) /* continue at call->redirect */
#define CALL_AGAIN (-0x10003L)    /* ERESTARTNOINTR: it had not begun */

struct call {
	long nr;
	long arg[6];
	uintptr_t site; /* address of the syscall instruction */
	uintptr_t redirect;
	long result; /* host result, for after */
	/* Set by a route together with CALL_TO_HOST: run on the kernel stack
	 * after the host call; returns the result for the program. */
	long (*after)(struct call *c);
	/* Scratch that lives until after has run, e.g. a filtered signal mask
	 * that arg points at. */
	uint64_t scratch[8];
};

/* Translation classes of Linux calls; the table in syscall_table/linux.tbl. */
enum call_class {
	CALL_HOST,      /* always the host's */
	CALL_PATH,      /* routed by path */
	CALL_FD,        /* routed by descriptor */
	CALL_CREATE,    /* makes a descriptor */
	CALL_READINESS, /* mixed readiness */
	CALL_MEMORY,
	CALL_PROCESS,
	CALL_SIGNAL,
	CALL_BOTH,    /* concerns both kernels */
	CALL_REFUSED, /* refused when anything is routed */
};

/* Generated from syscall_table/linux.tbl.  Without pointers: each program of a
 * tree would have to relocate them, in pages of its own. */
struct linux_call {
	char lc_name[24];
	uint8_t lc_class; /* enum call_class */
	uint8_t lc_nargs;
	/* Argument indices, -1 none: first and second descriptor (or dirfd),
	 * first and second path.  CALL_FD: a socket's address in place of the
	 * path. */
	int8_t lc_fd, lc_fd2, lc_path, lc_path2;
	/* One letter an argument, for the trace: f fd, F dirfd, s path or
	 * string, o open flags, m mode, d decimal, u unsigned, x hex,
	 * p pointer, b buffer (length in the next argument), a sockaddr,
	 * S signal. */
	char lc_format[8];
	bool lc_routed; /* else a plain host call */
};
extern const struct linux_call linux_calls[];
extern const unsigned linux_ncalls;
/* The route of c->nr, which is routed. */
long linux_call_run(struct call *c);

/* --- offered by the engine (preload/engine/) ------------------------- */

/* Raw host call from the allowed range: result or -errno. */
extern long (*host_call)(
    long nr, long a, long b, long c, long d, long e, long f);
#define HOST(nr, a, b, c, d, e, f)                                             \
	host_call((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
	    (long)(f))

/* True once, in the process that the constructor ran in; false in a forked
 * child (also in a vfork child, which shares our memory). */
bool engine_is_owner(void);
/* The number of live threads may exceed one: that there have been more, and that
 * the program has more now. */
bool engine_is_threaded(void);
bool engine_has_threads(void);
/* Print "rumpkit: text\n" to the program's standard error, raw. */
void engine_say(const char *fmt, ...)
    __attribute__((__format__(__printf__, 1, 2)));

/* --- offered by the router (preload/) -------------------------------- */

/* Read the configuration from envp and start the kernel if anything is routed
 * to it.  Called once from the constructor, before interception is armed, on
 * the program's main thread.  May _exit(125) with a message. */
void router_init(int argc, char **argv, char **envp);
/* True when nothing can be routed: then only signal and process calls, which
 * keep interception alive, need routes. */
extern bool router_idle;
/* Names of sockets that are paths of the kernel's have been seen: recvfrom(2) may
 * give one. */
extern bool router_names;
/* Fast test, no lock: may descriptor fd be a rump file's? */
bool fdmap_is_rump(long fd);
/* The same for the lowest numbers (layout.h says how many) of a process that has
 * no map of its own besides its parent's: not NULL, it may be.  The pointer is
 * NULL as long as nothing is known. */
extern void *_Atomic router_numbers;
/* The host's descriptor that reading and writing descriptor fd, a socket of the
 * kernel's, is all about, or -1.  On any stack. */
long router_direct(long fd);
/* The router wants to see each call that has descriptors before anything else
 * does, and may change the arguments: numbers stand elsewhere in the host
 * (fdalias.h), or others change them (fdshare.h).  On the kernel stack. */
extern bool router_looks;
/* No path is routed or told of but those below /proc and /dev, which may name
 * descriptors. */
extern bool router_no_paths;
void router_look(struct call *c);
/* Is the working directory the host's?  On the kernel stack. */
bool router_is_on_host(void);
/* Does the call, of a process that is not the program (a guest), concern no object
 * of the kernel's?  On any stack, without the thread's record. */
bool router_is_host(const struct call *c);
/* The program is about to leave with exit_group (flush, summary).  Quietly: there
 * is nothing to do. */
void router_exit(void);
bool router_leaves_quietly(void);
/* In the child of a clone without CLONE_VM and with flags: first call after
 * arming. */
void router_forked(uint64_t flags);
/* Try to resolve a fault of the program at addr in a mapping of a rump file;
 * prot: the PROT_ bit that it wanted.  0: retry the instruction; else the
 * signal to deliver (SIGBUS, SIGSEGV).  Runs on the kernel stack, may sleep. */
int router_fault(uintptr_t addr, int prot);
/* A host call failed with EFAULT: make the pages of rump mappings among the
 * arguments present; true when a retry makes sense. */
bool router_efault(struct call *c);
/*
 * Strings for the environment of a program that is about to be executed, which
 * = 0: "RUMPKIT_CWD=/data/dir", 1: "RUMPKIT_FDS=...", 2: "RUMPKIT_KERNEL=99",
 * 3: "RUMPKIT_NUMBERS=2001:1920,", 4: "RUMPKIT_COMM=script",
 * 5: "RUMPKIT_NOFILE=256", 6: "RUMPKIT_DOOR=1921",
 * 7: "RUMPKIT_NETWORK=other", 8: "RUMPKIT_PLACE=1920",
 * 9: "RUMPKIT_ROOT=/data/jail", 10: "RUMPKIT_USERS=other".
 * The length; 0: there is nothing to say.
 */
#define EXEC_STRINGS 11
size_t router_exec_env(unsigned which, char *buf, size_t size);

#endif /* !PRELOAD_CALL_H */
