/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of the page cache: one sparse memfd and mappings of it; FIFOs. */
#ifndef VFS_USER_H
#define VFS_USER_H

#include "kern/types.h"

/* Make the memfd (once), size bytes long and all holes.  0 or errno. */
int rumpcomp_vfs_memfd(off_t size, int *hostfd);
/* Map [off, off + len) of it for the kernel, shared and writable. */
int rumpcomp_vfs_map(int hostfd, off_t off, size_t len, void **addr);
void rumpcomp_vfs_unmap(void *addr, size_t len);
/* Make the pages at addr present; a matter of speed alone. */
void rumpcomp_vfs_populate(void *addr, size_t len);
/* Return the pages of [off, off + len) to the host. */
void rumpcomp_vfs_punch(int hostfd, off_t off, off_t len);
/* A FIFO of the host that has no name and may be read and written by all:
 * O_PATH.  0 or errno. */
int rumpcomp_vfs_fifo(int *hostfd);
void rumpcomp_vfs_close(int hostfd);
/* Bytes of memory that the host has; 0 if it does not say. */
uint64_t rumpcomp_vfs_memory(void);

#endif /* !VFS_USER_H */
