/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes that this one makes, where they can reach the kernel: in server
 * mode. */
#ifndef PRELOAD_CHILD_H
#define PRELOAD_CHILD_H

#include <stdbool.h>

/* Have the engine ask here. */
void child_init(void);

/* In a forked child: what fdmap_forked() wants to know; and, when all else has
 * been put right, its connection takes the place of its maker's. */
unsigned child_birth(void);
void child_forked(void);

/* The calling process is about to execute something.  0 or a Linux errno. */
int child_executes(void);

/* The calling process is to have a table of descriptors of its own: where it is
 * shared with others (fdshare.h), the host's is now.  0 or a Linux errno. */
int child_unshares(void);

/* The host has made its directories and mask its own: so does the kernel. */
void child_unshares_cwd(void);

/* Has the calling process a connection of its own?  Not so one whose birth was
 * not seen, which happens without Syscall User Dispatch. */
bool child_is_known(void);

#endif /* !PRELOAD_CHILD_H */
