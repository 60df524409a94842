/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that are another process of the host: clients of our server. */
#ifndef KERN_REMOTE_H
#define KERN_REMOTE_H

/* Reach the memory of such processes through the hypercalls. */
void remote_boot(void);
/* The kernel is about to end: the server answers who asked for it, and stops.
 * Nothing to do where there is no server. */
void remote_shutdown(void);

/* A write of the current process to a pipe or socket that nobody reads has
 * failed: SIGPIPE if the process is a remote one.  Otherwise its host sees to
 * it. */
void remote_sigpipe(void);

#endif /* !KERN_REMOTE_H */
