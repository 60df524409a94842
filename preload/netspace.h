/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network namespaces.  A kernel in a server has the network that the server is
 * in.  A thread that enters another one (unshare(2), setns(2), clone(2)) has
 * t_network set, for good and with all that it makes; its sockets come from
 * there.
 */
#ifndef PRELOAD_NETSPACE_H
#define PRELOAD_NETSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

/* Is the kernel's network not the one that the calling thread is in? */
bool netspace_is_other(void);
/* Does a server make the sockets, whose rights are not the calling thread's? */
bool netspace_has_server(void);

/*
 * A socket of the host's, made here for socket(2) call c, and with it a socket
 * of the kernel's of that family and type.  0, or a Linux errno.
 */
int netspace_socket(struct call *c, int family, int type, int64_t *fd);

/* For the next image. */
#define NETSPACE_VARIABLE "RUMPKIT_NETWORK"
size_t netspace_exec_env(char *buf, size_t size);
void netspace_take(const char *value);

#endif /* !PRELOAD_NETSPACE_H */
