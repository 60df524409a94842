/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercalls: everything that a rump kernel asks of its host, interface
 * version 17.  A hypercall is entered with the calling host thread scheduled
 * and returns so; those marked "wrap" give the virtual CPU up while they
 * block, by the upcalls of struct rumpuser_hyperup.  int results are NetBSD
 * errno numbers unless noted.
 */
#ifndef RUMP_RUMPUSER_H
#define RUMP_RUMPUSER_H

#include <stddef.h>
#include <stdint.h>

#define RUMPUSER_VERSION 17

struct lwp;
struct rump_component;
struct modinfo;

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

int rumpuser_init(int version, const struct rumpuser_hyperup *hyp);

/* Memory.  align: 0 (pointer size) or a power of two. */
int rumpuser_malloc(size_t len, int align, void **mem);
void rumpuser_free(void *mem, size_t len);
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
int rumpuser_open(const char *path, int flags, int *fd); /* wrap */
int rumpuser_close(int fd);                              /* wrap */
int rumpuser_getfileinfo(const char *path, uint64_t *size, int *type);
int rumpuser_iovread(int fd, struct rumpuser_iovec *iov, size_t n, int64_t off,
    size_t *got); /* wrap */
int rumpuser_iovwrite(int fd, const struct rumpuser_iovec *iov, size_t n,
    int64_t off, size_t *put); /* wrap */

/* Clocks. */
#define RUMPUSER_CLOCK_RELWALL 0
#define RUMPUSER_CLOCK_ABSMONO 1
int rumpuser_clock_gettime(int clk, int64_t *sec, long *nsec);
int rumpuser_clock_sleep(int clk, int64_t sec, long nsec); /* wrap */

/* Parameters, termination, console. */
#define RUMPUSER_PARAM_NCPU "_RUMPUSER_NCPU"
#define RUMPUSER_PARAM_HOSTNAME "_RUMPUSER_HOSTNAME"
#define RUMPUSER_PID_SELF (-1)
#define RUMPUSER_PANIC (-1)
int rumpuser_getparam(const char *name, void *buf, size_t len);
void rumpuser_seterrno(int error);
int rumpuser_kill(int64_t pid, int sig);
void rumpuser_exit(int value) __attribute__((__noreturn__));
void rumpuser_putchar(int c);
void rumpuser_dprintf(const char *fmt, ...)
    __attribute__((__format__(__printf__, 1, 2)));
#define RUMPUSER_RANDOM_HARD 1
#define RUMPUSER_RANDOM_NOWAIT 2
int rumpuser_getrandom(void *buf, size_t len, int flags, size_t *got);

/* Threads. */
int rumpuser_thread_create(void *(*func)(void *), void *arg, const char *name,
    int mustjoin, int pri, int cpuidx, void **cookie);
void rumpuser_thread_exit(void) __attribute__((__noreturn__));
int rumpuser_thread_join(void *cookie); /* wrap */
enum rumplwpop {
	RUMPUSER_LWP_CREATE,
	RUMPUSER_LWP_DESTROY,
	RUMPUSER_LWP_SET,
	RUMPUSER_LWP_CLEAR
};
void rumpuser_curlwpop(int op, struct lwp *l);
struct lwp *rumpuser_curlwp(void);

/* Mutexes. */
#define RUMPUSER_MTX_SPIN 1
#define RUMPUSER_MTX_KMUTEX 2
struct rumpuser_mtx;
void rumpuser_mutex_init(struct rumpuser_mtx **mtxp, int flags);
void rumpuser_mutex_enter(struct rumpuser_mtx *mtx);
void rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *mtx);
int rumpuser_mutex_tryenter(struct rumpuser_mtx *mtx);
void rumpuser_mutex_exit(struct rumpuser_mtx *mtx);
void rumpuser_mutex_destroy(struct rumpuser_mtx *mtx);
void rumpuser_mutex_owner(struct rumpuser_mtx *mtx, struct lwp **lp);

/* Condition variables. */
struct rumpuser_cv;
void rumpuser_cv_init(struct rumpuser_cv **cvp);
void rumpuser_cv_destroy(struct rumpuser_cv *cv);
void rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
void rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
int rumpuser_cv_timedwait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx,
    int64_t sec, int64_t nsec);
void rumpuser_cv_signal(struct rumpuser_cv *cv);
void rumpuser_cv_broadcast(struct rumpuser_cv *cv);
void rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *n);

/* Reader/writer locks. */
#define RUMPUSER_RW_READER 0
#define RUMPUSER_RW_WRITER 1
struct rumpuser_rw;
void rumpuser_rw_init(struct rumpuser_rw **rwp);
void rumpuser_rw_destroy(struct rumpuser_rw *rw);
void rumpuser_rw_enter(int op, struct rumpuser_rw *rw);
int rumpuser_rw_tryenter(int op, struct rumpuser_rw *rw);
int rumpuser_rw_tryupgrade(struct rumpuser_rw *rw);
void rumpuser_rw_downgrade(struct rumpuser_rw *rw);
void rumpuser_rw_exit(struct rumpuser_rw *rw);
void rumpuser_rw_held(int op, struct rumpuser_rw *rw, int *held);

/* Loader.  A callback that is NULL is left out, with the work for it. */
typedef void (*rump_modinit_fn)(const struct modinfo *const *, size_t);
typedef int (*rump_symload_fn)(void *, uint64_t, char *, uint64_t);
typedef void (*rump_compload_fn)(const struct rump_component *);
void rumpuser_dl_bootstrap(rump_modinit_fn modinit, rump_symload_fn symload,
    rump_compload_fn compload);

/*
 * For components' host halves (governed by the soname, not by version 17).
 */
void *rumpuser_component_unschedule(void);
void rumpuser_component_schedule(void *cookie);
int rumpuser_component_errtrans(int hosterr);
void rumpuser_component_kthread(void);
void rumpuser_component_kthread_release(void);
struct lwp *rumpuser_component_curlwp(void);
void rumpuser_component_switchlwp(struct lwp *l);

#endif /* !RUMP_RUMPUSER_H */
