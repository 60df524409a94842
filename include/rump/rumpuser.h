/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercalls: everything that a rump kernel asks of its host, interface
 * version 17.
 *
 * A hypercall is entered with the calling host thread scheduled, that is, with
 * a virtual CPU of the kernel's, and returns so.  Those marked "wrap" give the
 * CPU up, by hyp_backend_unschedule(0, &n, NULL), around what they do and take
 * one again by hyp_backend_schedule(n, NULL); "contended" ones do so only when
 * they would otherwise block.  All others keep the CPU.
 *
 * int results are 0 or NetBSD errno numbers; host errors are translated by
 * name, and those without a name in NetBSD are EINVAL.  What results through a
 * pointer is written on success only.  A broken contract (an alignment that is
 * none, a lock destroyed while held) ends the process with a message.
 */
#ifndef RUMP_RUMPUSER_H
#define RUMP_RUMPUSER_H

#include <stddef.h>
#include <stdint.h>

#define RUMPUSER_VERSION 17

struct lwp;
struct rump_component;
struct modinfo;

/*
 * Upcalls, made by this library:
 *  schedule, unschedule    enter and leave the kernel from outside
 *  backend_unschedule      release the CPU inside a hypercall: nlocks is 0,
 *                          *countp becomes the number to give back,
 *  backend_schedule        ... here.  interlock: NULL, or in a condition wait
 *                          its mutex
 *  lwproc_switch           be l on this thread, NULL nobody
 *  lwproc_release          destroy the thread's lwp at unschedule
 *  lwproc_newlwp           be a new lwp of process pid, 0 the kernel's
 *  lwproc_curlwp           the thread's lwp, NULL for a temporary one
 *  lwproc_rfork, syscall, lwpexit, execnotify, getpid   for remote clients
 */
struct rumpuser_hyperup {
	void (*hyp_schedule)(void);
	void (*hyp_unschedule)(void);
	void (*hyp_backend_unschedule)(
	    int nlocks, int *countp, void *interlock);
	void (*hyp_backend_schedule)(int nlocks, void *interlock);
	void (*hyp_lwproc_switch)(struct lwp *l);
	void (*hyp_lwproc_release)(void);
	int (*hyp_lwproc_rfork)(void *priv, int flags, const char *comm);
	int (*hyp_lwproc_newlwp)(int32_t pid);
	struct lwp *(*hyp_lwproc_curlwp)(void);
	int (*hyp_syscall)(int num, void *args, long retval[2]);
	void (*hyp_lwpexit)(void);
	void (*hyp_execnotify)(const char *comm);
	int32_t (*hyp_getpid)(void);
	void *hyp__extra[8];
};
_Static_assert(sizeof(struct rumpuser_hyperup) == 168, "hypercall ABI 17");

/*
 * The first hypercall of all.  *hyp is copied.  EINVAL, with a line on stderr,
 * when the kernel speaks another version than RUMPUSER_VERSION.
 */
int rumpuser_init(int version, const struct rumpuser_hyperup *hyp);

/*
 * Memory, not cleared; align is 0 (that of a pointer) or a power of two.
 * ENOMEM: *mem is NULL.  free is told the length that was asked for.
 */
int rumpuser_malloc(size_t len, int align, void **mem);
void rumpuser_free(void *mem, size_t len);
/*
 * Pages of zeros, readable, writable, executable if exec != 0, aligned to
 * 1 << alignbit (0: no matter); prefaddr is a wish.  unmap also takes what a
 * component has mapped itself.
 */
int rumpuser_anonmmap(
    void *prefaddr, size_t len, int alignbit, int exec, void **mem);
void rumpuser_unmap(void *mem, size_t len);

/* Files. */
#define RUMPUSER_OPEN_RDONLY 0
#define RUMPUSER_OPEN_WRONLY 1
#define RUMPUSER_OPEN_RDWR 2
#define RUMPUSER_OPEN_ACCMODE 3
#define RUMPUSER_OPEN_CREATE 4
#define RUMPUSER_OPEN_EXCL 8
#define RUMPUSER_OPEN_BIO 0x10
#define RUMPUSER_FT_OTHER 0
#define RUMPUSER_FT_DIR 1
#define RUMPUSER_FT_REG 2
#define RUMPUSER_FT_BLK 3
#define RUMPUSER_FT_CHR 4
#define RUMPUSER_IOV_NOSEEK (-1)
struct rumpuser_iovec {
	void *iov_base;
	size_t iov_len;
};
/*
 * Open a host file.  New ones have mode 0644 but for the umask; EINVAL for the
 * access mode RUMPUSER_OPEN_ACCMODE.  RUMPUSER_OPEN_BIO is advice.  The
 * descriptor is close-on-exec and, in a hijacked process, hidden.  wrap
 */
int rumpuser_open(const char *path, int flags, int *fd);
/* Write out and close; always 0.  wrap */
int rumpuser_close(int fd);
/*
 * Size and RUMPUSER_FT_* of what path leads to; either pointer may be NULL.  A
 * device's size is where its end is; EOPNOTSUPP if that cannot be told.
 */
int rumpuser_getfileinfo(const char *path, uint64_t *size, int *type);
/*
 * Transfer at offset off, or at the file position for RUMPUSER_IOV_NOSEEK; only
 * the latter moves it.  Short counts are no errors; 0 is the end of file.  wrap
 */
int rumpuser_iovread(
    int fd, struct rumpuser_iovec *iov, size_t n, int64_t off, size_t *got);
int rumpuser_iovwrite(int fd, const struct rumpuser_iovec *iov, size_t n,
    int64_t off, size_t *put);
/*
 * Transfer len bytes at off without waiting, SYNC: a write reaches the disk.
 * Then done(arg, bytes, error) is called once, with a CPU, on a thread that has
 * an lwp of process 0; bytes is 0 on errors and may be short.  Requests are
 * carried out one by one in the order in which they were made; with 127 of them
 * waiting the caller waits, too.  Where RUMP_THREADS=0 or the host has no
 * threads left, all is done before the return.  wrap
 */
#define RUMPUSER_BIO_READ 1
#define RUMPUSER_BIO_WRITE 2
#define RUMPUSER_BIO_SYNC 4
typedef void (*rump_biodone_fn)(void *arg, size_t bytes, int error);
void rumpuser_bio(int fd, int op, void *data, size_t len, int64_t off,
    rump_biodone_fn done, void *arg);
/*
 * Have what was written to the whole file reach the disk, if flags have WRITE;
 * nothing to do for READ alone; EINVAL for neither.
 */
#define RUMPUSER_SYNCFD_READ 1
#define RUMPUSER_SYNCFD_WRITE 2
#define RUMPUSER_SYNCFD_BARRIER 4
#define RUMPUSER_SYNCFD_SYNC 8
int rumpuser_syncfd(int fd, int flags, uint64_t start, uint64_t len);

/* Clocks. */
#define RUMPUSER_CLOCK_RELWALL 0
#define RUMPUSER_CLOCK_ABSMONO 1
int rumpuser_clock_gettime(int clk, int64_t *sec, long *nsec);
/* At least that long (RELWALL), or until then (ABSMONO); signals do not shorten
 * it.  wrap */
int rumpuser_clock_sleep(int clk, int64_t sec, long nsec);

/* Parameters, termination, console. */
#define RUMPUSER_PARAM_NCPU "_RUMPUSER_NCPU"
#define RUMPUSER_PARAM_HOSTNAME "_RUMPUSER_HOSTNAME"
#define RUMPUSER_PID_SELF (-1)
#define RUMPUSER_PANIC (-1)
/*
 * Copy the value of a parameter, a string, to buf.  The two names above are
 * worked out here (RUMP_NCPU, by default 2, "host" the number of processors;
 * rump-PID.HOST), other names with "_" in front are EINVAL, and all else comes
 * from the environment: ENOENT, or ERANGE when len is too small.
 */
int rumpuser_getparam(const char *name, void *buf, size_t len);
/* Set errno of the calling thread, untranslated. */
void rumpuser_seterrno(int error);
/* Raise a NetBSD signal in the calling thread; those that the host lacks are
 * nothing.  Always 0. */
int rumpuser_kill(int64_t pid, int sig);
/* Say "halted"; end the process with this status, RUMPUSER_PANIC: abort. */
void rumpuser_exit(int value) __attribute__((__noreturn__));
/* The console is stdout; messages go to stderr, also without a CPU. */
void rumpuser_putchar(int c);
void rumpuser_dprintf(const char *fmt, ...)
    __attribute__((__format__(__printf__, 1, 2)));
/* Random bytes, perhaps fewer than asked for; EAGAIN with NOWAIT. */
#define RUMPUSER_RANDOM_HARD 1
#define RUMPUSER_RANDOM_NOWAIT 2
int rumpuser_getrandom(void *buf, size_t len, int flags, size_t *got);

/* Threads. */
/*
 * Start a thread that runs func(arg), without a CPU and without lwp, and ends
 * by thread_exit.  name may be NULL and is cut to what the host takes.  Only
 * with mustjoin *cookie is set, for thread_join, which must follow.  pri and
 * cpuidx (-1: any) are advice.  EAGAIN when the host has none left for 100 ms.
 */
int rumpuser_thread_create(void *(*func)(void *), void *arg, const char *name,
    int mustjoin, int pri, int cpuidx, void **cookie);
/* Called without a CPU. */
void rumpuser_thread_exit(void) __attribute__((__noreturn__));
/* Frees the cookie.  wrap */
int rumpuser_thread_join(void *cookie);
/*
 * The lwp of the calling host thread, NULL in a new thread.  SET: there is none
 * yet; CLEAR: l is it.  CREATE and DESTROY are news without effect.
 */
enum rumplwpop {
	RUMPUSER_LWP_CREATE,
	RUMPUSER_LWP_DESTROY,
	RUMPUSER_LWP_SET,
	RUMPUSER_LWP_CLEAR
};
void rumpuser_curlwpop(int op, struct lwp *l);
struct lwp *rumpuser_curlwp(void);

/*
 * Mutexes, not recursive.  KMUTEX: the owner can be asked for; SPIN: whoever
 * enters keeps its CPU.  At least one of the two.
 */
#define RUMPUSER_MTX_SPIN 1
#define RUMPUSER_MTX_KMUTEX 2
struct rumpuser_mtx;
void rumpuser_mutex_init(struct rumpuser_mtx **mtxp, int flags);
/* contended, unless SPIN */
void rumpuser_mutex_enter(struct rumpuser_mtx *mtx);
/* SPIN only; keeps the CPU. */
void rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *mtx);
/* 0 or EBUSY. */
int rumpuser_mutex_tryenter(struct rumpuser_mtx *mtx);
void rumpuser_mutex_exit(struct rumpuser_mtx *mtx);
void rumpuser_mutex_destroy(struct rumpuser_mtx *mtx);
/* KMUTEX only; NULL when it is free. */
void rumpuser_mutex_owner(struct rumpuser_mtx *mtx, struct lwp **lp);

/*
 * Condition variables.  A wait hands its mutex to the upcalls as interlock:
 * when it is the kernel's own scheduler mutex, which the caller has not locked,
 * they lock and unlock it.  The CPU comes back before the mutex if that is both
 * SPIN and KMUTEX, else after it.  A wait may end for no reason.  Signals need
 * not hold the mutex.
 */
struct rumpuser_cv;
void rumpuser_cv_init(struct rumpuser_cv **cvp);
void rumpuser_cv_destroy(struct rumpuser_cv *cv);
/* wrap */
void rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
/* For threads without a CPU, which have nothing to give up. */
void rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
/* sec and nsec from now on; 0 or ETIMEDOUT.  wrap */
int rumpuser_cv_timedwait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx,
    int64_t sec, int64_t nsec);
void rumpuser_cv_signal(struct rumpuser_cv *cv);
void rumpuser_cv_broadcast(struct rumpuser_cv *cv);
/* Threads inside a wait, from before they release the CPU. */
void rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *n);

/* Reader/writer locks. */
#define RUMPUSER_RW_READER 0
#define RUMPUSER_RW_WRITER 1
struct rumpuser_rw;
void rumpuser_rw_init(struct rumpuser_rw **rwp);
void rumpuser_rw_destroy(struct rumpuser_rw *rw);
/* contended */
void rumpuser_rw_enter(int op, struct rumpuser_rw *rw);
/* 0 or EBUSY; EINVAL for an op that is none. */
int rumpuser_rw_tryenter(int op, struct rumpuser_rw *rw);
/* From the only reader to writer: 0, else EBUSY. */
int rumpuser_rw_tryupgrade(struct rumpuser_rw *rw);
/* From writer to reader; no other writer comes between. */
void rumpuser_rw_downgrade(struct rumpuser_rw *rw);
void rumpuser_rw_exit(struct rumpuser_rw *rw);
/* WRITER: is the calling lwp the writer?  READER: how many readers are there? */
void rumpuser_rw_held(int op, struct rumpuser_rw *rw, int *held);

/*
 * Going into the background, before rumpuser_init().  begin returns in a child
 * in a session of its own, while the process itself waits and then ends with
 * the status given to done; ESRCH if there is none.  EINPROGRESS the second
 * time.  done(0) also points the standard descriptors to /dev/null; ENOENT
 * without begin, EPIPE when nobody waits any more.
 */
int rumpuser_daemonize_begin(void);
int rumpuser_daemonize_done(int error);

/*
 * Loader: tell the kernel what the dynamic linker has loaded, from the last
 * object to the first.  symload gets, once, the symbols beginning with rump,
 * RUMP or __ of the program and of all objects with "librump" in their path, as
 * Elf64_Sym with absolute addresses and their strings; the memory is the
 * kernel's if it returns 0.  modinit and compload get what the link sets
 * "modules" and "rump_components" of each object contain.  In a static program
 * nothing happens.  A callback that is NULL is left out, with the work for it.
 */
typedef void (*rump_modinit_fn)(const struct modinfo *const *, size_t);
typedef int (*rump_symload_fn)(void *, uint64_t, char *, uint64_t);
typedef void (*rump_compload_fn)(const struct rump_component *);
void rumpuser_dl_bootstrap(rump_modinit_fn modinit, rump_symload_fn symload,
    rump_compload_fn compload);

/*
 * Remote system calls (docs/PROTOCOL.md).  sp_init: listen at url, unix://path
 * or tcp://a.b.c.d:port/; the other strings are for the banner.  EINVAL,
 * EOPNOTSUPP, ENAMETOOLONG, EPERM (tcp, which is to be permitted first), or what
 * the host says; a line on stderr says more.
 *
 * ctl is what hyp_lwproc_rfork() was given as priv.  copyin and the like: 0 or
 * EFAULT; *len is at most so many bytes, and then how many there were, with a NUL
 * as the last one if it was among them.  anonmmap: also ENOMEM.  raise: a NetBSD
 * signal for the process.  wrap
 *
 * sp_fini: the kernel halts.  Answers the call of the client ctl (NULL: it is
 * none's) and removes the address.
 */
extern int rumpsp_maxworker;  /* threads for the calls of one client */
extern int rumpsp_idleworker; /* without effect */
int rumpuser_sp_init(const char *url, const char *ostype, const char *osrelease,
    const char *machine);
int rumpuser_sp_copyin(void *ctl, const void *remote, void *local, size_t len);
int rumpuser_sp_copyinstr(
    void *ctl, const void *remote, void *local, size_t *len);
int rumpuser_sp_copyout(void *ctl, const void *local, void *remote, size_t len);
int rumpuser_sp_copyoutstr(
    void *ctl, const void *local, void *remote, size_t *len);
int rumpuser_sp_anonmmap(void *ctl, size_t len, void **addr);
int rumpuser_sp_raise(void *ctl, int sig);
void rumpuser_sp_fini(void *ctl);

/*
 * For components' host halves (governed by the soname, not by version 17).
 * unschedule gives the CPU up; schedule, with what it returned, takes one
 * again.  A thread that the host half has made enters by schedule(NULL).
 */
void *rumpuser_component_unschedule(void);
void rumpuser_component_schedule(void *cookie);
/* From a host errno to NetBSD's. */
int rumpuser_component_errtrans(int hosterr);
/* The calling thread, without CPU and lwp, gets an lwp of process 0; and
 * loses it. */
void rumpuser_component_kthread(void);
void rumpuser_component_kthread_release(void);
/* Called without a CPU. */
struct lwp *rumpuser_component_curlwp(void);
void rumpuser_component_switchlwp(struct lwp *l);

#endif /* !RUMP_RUMPUSER_H */
