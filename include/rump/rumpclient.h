/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls of a rump kernel in another process: the client's side of the
 * remote system call protocol.  The rump_sys_*() functions of librumpclient go
 * there; never link it together with librump.
 *
 * Functions return -1 and set errno, unless they say otherwise.  Errors of the
 * kernel are NetBSD's numbers; those of the connection are the host's, ENOTCONN
 * above all.
 *
 * Threads: any function by any thread; a connection carries any number of calls
 * at a time.  All signals are held back while a call exchanges messages and
 * delivered while it waits; a handler may make calls, but the call that it
 * interrupted goes on, because the protocol has no way to end it.  A server can
 * read and write the memory of its clients: that is how calls get their data.
 */
#ifndef RUMP_RUMPCLIENT_H
#define RUMP_RUMPCLIENT_H

#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Become a process of the kernel at the URL in the environment's RUMP_SERVER,
 * or continue to be the one that called rumpclient_exec().  Nothing happens
 * when this process is one already.  ENOENT: no RUMP_SERVER; EINVAL,
 * ENAMETOOLONG, EOPNOTSUPP: not such a URL; EPROTONOSUPPORT: the server speaks
 * another protocol; EPROTO: not a server; ENOTCONN: it hung up; or what the
 * host says.  A line on stderr explains.
 */
int rumpclient_init(void);

/*
 * System call num with the argument structure of len bytes at args.  Returns 0
 * and fills retval, or an errno.  ENOTCONN before rumpclient_init(), and in a
 * child of fork(2) that has not called it.
 */
int rumpclient_syscall(
    int num, const void *args, size_t len, register_t retval[2]);

/*
 * What happens to a call that finds the server gone: fail with ENOTCONN (0, the
 * default), try for so many seconds to make a new connection, for ever, once,
 * or end the program with status 1.  With a new connection the call is made
 * again, as a new process of the kernel.  Other values are ignored.
 */
#define RUMPCLIENT_RETRYCONN_INFTIME ((time_t)-1)
#define RUMPCLIENT_RETRYCONN_ONCE ((time_t)-2)
#define RUMPCLIENT_RETRYCONN_DIE ((time_t)-3)
void rumpclient_setconnretry(time_t retry);

/*
 * fork(2) with a kernel process for the child, a copy of the parent's.  The
 * child gets -1 when it cannot connect.  The pieces: prefork copies the kernel
 * process; then the host forks; fork_init makes the child that process;
 * fork_cancel ends it when the fork has failed; fork_vparent is for the parent
 * of vfork(2), when it runs again.
 */
struct rumpclient_fork;
pid_t rumpclient_fork(void);
struct rumpclient_fork *rumpclient_prefork(void);
int rumpclient_fork_init(struct rumpclient_fork *rf);
void rumpclient_fork_cancel(struct rumpclient_fork *rf);
void rumpclient_fork_vparent(struct rumpclient_fork *rf);

/* vfork(2) must be called by the function that its child stays in. */
#define rumpclient_vfork()                                                     \
	__extension__({                                                        \
		struct rumpclient_fork *rf_ = rumpclient_prefork();            \
		pid_t pid_ = rf_ != NULL ? vfork() : -1;                       \
		rumpclient__forked(rf_, pid_);                                 \
	})
/* What follows a fork with result pid: fork_init, fork_cancel or
 * fork_vparent.  Returns pid, or -1 in a child without connection. */
pid_t rumpclient__forked(struct rumpclient_fork *rf, pid_t pid);

/* daemon(3), remaining the kernel process. */
int rumpclient_daemon(int nochdir, int noclose);

/* execve(2), remaining the kernel process, if the new program calls
 * rumpclient_init(). */
int rumpclient_exec(const char *path, char *const argv[], char *const envp[]);

/*
 * The program is going to close *fd, or to replace it by dup2(2), or to close
 * *fd and all above it.  A descriptor of the connection in the way is moved; in
 * the last case what lies below it is closed here and *fd raised.  Not to be
 * called while another thread does the same.
 */
enum rumpclient_closevariant {
	RUMPCLIENT_CLOSE_CLOSE,
	RUMPCLIENT_CLOSE_DUP2,
	RUMPCLIENT_CLOSE_FCLOSEM
};
int rumpclient__closenotify(int *fd, enum rumpclient_closevariant variant);

#ifdef __cplusplus
}
#endif

#endif /* !RUMP_RUMPCLIENT_H */
