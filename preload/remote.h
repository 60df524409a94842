/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel in a server process.  remote_attach() fills the table of kernel.h
 * with functions that ask the server, so that nothing above knows the
 * difference.
 *
 * A process has one connection; a vfork child, which shares our memory, has one
 * of its own, kept in its thread's record: whoever calls, remote_syscall() uses
 * the connection of the calling process.  No host call but a write on the
 * control connection and futexes is made once a thread has its slot.
 */
#ifndef PRELOAD_REMOTE_H
#define PRELOAD_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/config.h"

struct remote; /* a connection */

/* Did the thread's last call that ended with RUMP_ERESTART do so before the
 * server had it? */
extern __thread bool remote_unbegun __attribute__((tls_model("initial-exec")));

/*
 * Use the connection that is descriptor fd (consumed, hidden), or, with fd < 0,
 * connect to address (RUMP_SERVER), at once, or by the door, when it is needed.
 * Nothing is said to the server before the first call.  False and one line in
 * text on failure.  From the constructor.
 */
bool remote_attach(
    int fd, int door, const char *address, char *text, size_t size);

/* The number of the calling process's control connection, for the environment
 * of what is executed; -1: there is none. */
int remote_descriptor(void);
/* What is spoken on it. */
enum config_kernel remote_kind(void);
/* It stays open across the exec that is about to be made, or not after all. */
void remote_keep(bool keep);

/*
 * A child is about to be made: its connection, with which the server makes a
 * copy of the calling process's table of descriptors.  0 and *child, or a Linux
 * errno.  Exactly one of the others follows: remote_child_here() in a child
 * with memory of its own, which then uses it; remote_child_borrow() in a child
 * that shares ours, with remote_child_end() in the parent when that goes on;
 * remote_child_end() alone in the parent otherwise.
 *
 * shares: what is not copied, but the child's, too, REMOTE_TABLE and REMOTE_CWD
 * (ENOTSUP: this server does not know how).  forks: the parent goes on at once,
 * and descriptors are copied.  Until then no other thread makes a child, which
 * would keep open what it does not know of.
 */
int remote_child_make(bool forks, unsigned shares, struct remote **child);
/*
 * Instead, for a child of a process that has nothing in the kernel: the child asks
 * for a connection itself, when it needs one.  ENOTSUP: it could not.
 */
int remote_child_later(bool forks, struct remote **child);
#define REMOTE_TABLE 0x1 /* of descriptors */
#define REMOTE_CWD 0x2   /* working directory, root directory, mask */
/* The calling process has them alone from now on. */
void remote_unshare_cwd(void);
void remote_child_here(struct remote *child);
/* Have the server know the calling process, which shares descriptors. */
void remote_introduce(void);
void remote_child_borrow(struct remote *child);
void remote_child_end(struct remote *child);
/* Instead of remote_child_end(): shares, and the child has come to be. */
void remote_child_shares(struct remote *child);

/*
 * The calling process, which has shared its descriptors with others, has a table
 * of the host's of its own: child is its connection from now on, with copies of
 * what it has in the kernel.  Others are told first what they may close.
 */
void remote_leave(struct remote *child);
void remote_replace(struct remote *child);

/* The calling process is about to become another user's: whoever descends from it
 * will need a connection of its own.  0, or EAGAIN: it has none itself, and cannot
 * have one now. */
int remote_door_shut(void);
/* As router_exec_env(). */
size_t remote_door_exec_env(char *buf, size_t size);

/* Have the server look at the credentials of this process, and at the maps of its
 * user namespace: have both been written, so that it need not look again? */
bool remote_look_at_cred(void);

/* Have the server write a line of the trace, which begins behind the process id.
 * 0 or a NetBSD errno. */
int remote_log(const char *line, size_t len);

/* This process ends: have it end in the kernel, and wait for that.  What other
 * threads ask for from now on they wait for until the host ends them. */
void remote_exit(void);

/* This image, new, keeps these rump descriptors of the one before it. */
void remote_execed(const uint32_t *fds, size_t n);

/*
 * Another process of the tree, by its number on the host: a rump descriptor, which
 * is the caller's, of what it has at number, with the path that it was opened by,
 * as far as that is known, and the kernel's path of its working directory.  0, or an error of the kernel's: nothing of that is the kernel's, or
 * known, or the caller's business; RUMP_ERESTART.
 */
int remote_look_file(
    long pid, long number, char *path, size_t size, int *rumpfd);
int remote_look_cwd(long pid, char *path, size_t size);

/* SCM_RIGHTS: a host descriptor that stands for rump descriptor rumpfd while it
 * travels (the caller closes it), and back (fd is not consumed; EBADF: it is
 * not one).  0 or a Linux errno. */
int remote_export(int rumpfd, int *fd);
int remote_import(int fd, int *rumpfd);
/* rump_hostsocket() of a socket that this process has made.  0 or an error of the
 * kernel's. */
int remote_hostsocket(
    int family, int type, int protocol, int hostfd, int *rumpfd);

#endif /* !PRELOAD_REMOTE_H */
