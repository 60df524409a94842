/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's functions, behind whatever a preloaded library has put in front of
 * them, and the place of the connection's descriptors.  The pointers are
 * exported, as in the genuine library.
 */
#ifndef SYSPROXY_CLIENT_HOST_H
#define SYSPROXY_CLIENT_HOST_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

extern int (*host_socket)(int, int, int);
extern int (*host_close)(int);
extern int (*host_connect)(int, const struct sockaddr *, socklen_t);
extern int (*host_fcntl)(int, int, ...);
extern int (*host_poll)(struct pollfd *, nfds_t, int);
extern ssize_t (*host_read)(int, void *, size_t);
extern ssize_t (*host_sendmsg)(int, const struct msghdr *, int);
extern int (*host_setsockopt)(int, int, int, const void *, socklen_t);
extern int (*host_dup)(int);
extern int (*host_execve)(const char *, char *const *, char *const *);
extern int (*host_signalfd)(int, const sigset_t *, int);

/* A preloaded library may define it; else dlsym(3). */
void *rumphijack_dlsym(void *handle, const char *name);

/* Find them.  ENOSYS, with a line on stderr: one is missing. */
int client_host_init(void);

/*
 * Move fd to where programs do not meet it, never 0 to 2, close-on-exec; it is
 * closed in any case.  Returns 0 and sets *kept, or an errno.
 */
int client_host_keep(int fd, int *kept);
/* The same with a copy: fd itself remains. */
int client_host_copy(int fd, int *copy);
/* ppoll(2) for one descriptor, for ever; 0 or an errno. */
int client_host_wait(int fd, short events, const sigset_t *mask);

#endif /* !SYSPROXY_CLIENT_HOST_H */
