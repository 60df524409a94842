/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that are another process of the host: clients of our server. */
#ifndef KERN_REMOTE_H
#define KERN_REMOTE_H

/* Reach the memory of such processes through the hypercalls. */
void remote_boot(void);
/* The kernel is about to end: the server answers who asked for it, and stops.
 * Nothing to do where there is no server. */
void remote_shutdown(void);

#endif /* !KERN_REMOTE_H */
