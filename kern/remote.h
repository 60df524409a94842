/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that are another process of the host: clients of our server. */
#ifndef KERN_REMOTE_H
#define KERN_REMOTE_H

#include "kern/types.h"

/* Reach the memory of such processes through the hypercalls. */
void remote_boot(void);
/* The kernel is about to end: the server answers who asked for it, and stops.
 * Nothing to do where there is no server. */
void remote_shutdown(void);
/* Since when, in uptime_ns(), nobody is left who could call: processes end, and
 * that is all.  0: there is somebody. */
int64_t remote_deserted(void);

#endif /* !KERN_REMOTE_H */
