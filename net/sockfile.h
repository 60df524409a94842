/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets as open files. */
#ifndef NET_SOCKFILE_H
#define NET_SOCKFILE_H

#include "kern/file.h"
#include "net/socketvar.h"

/*
 * The socket behind fd and its file, with a reference on the file for this
 * call; give it back with fd_putfile().  0, EBADF or ENOTSOCK.
 */
int sockfile_get(int fd, struct file **fpp, struct socket **sop);
/*
 * Reserve a descriptor and a file; 0, EMFILE, ENFILE.  Then either
 * sockfile_affix(), which gives it the socket (its reference is consumed) and
 * makes it visible, or fd_abort().  type_flags are the SOCK_* flag bits.
 */
int sockfile_reserve(struct file **fpp, int *fdp);
void sockfile_affix(struct file *fp, int fd, struct socket *so, int type_flags);
/* MSG_NBIO when the file is in non-blocking mode, else 0. */
int sockfile_msgflags(const struct file *fp);
/* sosend() for a system call: whoever writes to a stream that has ended gets
 * SIGPIPE, unless MSG_NOSIGNAL or SO_NOSIGPIPE forbid it. */
int sockfile_send(struct socket *so, struct uio *uio,
    const struct rump_sockaddr *to, const void *control, size_t controllen,
    int flags);
/* The deadline for a call that waits on sb: now, SO_*TIMEO from now, none. */
int64_t sockfile_deadline(const struct file *fp, const struct sockbuf *sb);

#endif /* !NET_SOCKFILE_H */
