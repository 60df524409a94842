/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that serves its kernel to others (docs/PROTOCOL.md): what
 * rump_init_server() does not say.  The kernel's libraries must be in the global
 * symbol scope (linked, or loaded with RTLD_GLOBAL), else clients get the
 * genuine protocol only.  Functions return 0 or a NetBSD errno.
 */
#ifndef RUMP_RUMPSERVER_H
#define RUMP_RUMPSERVER_H

#include <stddef.h>
#include <stdint.h>

/* Before rumpuser_sp_init() and rumpuser_sp_adopt(). */
#define RUMPSERVER_ANYUSER 0x1 /* unix://: not only our own user and root */
#define RUMPSERVER_TCP                                                         \
	0x2 /* tcp:// may be used: anybody who reaches the port
				* is root in the kernel */
void rumpuser_sp_setflags(uint32_t flags);

/*
 * Serve the client at the other end of fd, one end of a connected AF_UNIX stream
 * socket pair, which is consumed on success.  Nothing may have been said there
 * before this returns: who says it would not be known.  It is a new process of the kernel,
 * child of process 1, named comm; its credentials become those of the process
 * that first speaks.
 */
int rumpuser_sp_adopt(int fd, const char *comm);
/* Before that: ended is called, by any thread, when the client has ended that is
 * adopted next, and what it has left is saved, or said to be lost. */
void rumpuser_sp_setended(void (*ended)(void));

/*
 * Return when the last client has ended, of those adopted and their children, or
 * when a client has asked for the end (then true in *halted, which may be
 * NULL).  The caller then ends the kernel (rump_exit_prepare()) and the process.
 * With a listening address only the latter ends the wait.
 */
void rumpuser_sp_wait(_Bool *halted);

/* Where the server listens: an absolute path, the port that the host chose.
 * ENOENT: nowhere; ERANGE. */
int rumpuser_sp_url(char *url, size_t size);

/* Clients that there are now. */
unsigned rumpuser_sp_clients(void);

#endif /* !RUMP_RUMPSERVER_H */
