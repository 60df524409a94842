/* SPDX-License-Identifier: BSD-2-Clause */
/* Host half of the page cache: sparse memfds and mappings of them; FIFOs;
 * names of sockets. */
#ifndef VFS_USER_H
#define VFS_USER_H

#include "kern/types.h"

/* Make a memfd, size bytes long and all holes, that no other user can open.  0
 * or errno. */
int rumpcomp_vfs_memfd(off_t size, int *hostfd);
int rumpcomp_vfs_resize(int hostfd, off_t size);
/* From now on it cannot shrink and not be sealed, whoever has it.  0; errno: it
 * cannot be had so, or cannot be written to or grow already. */
int rumpcomp_vfs_seal(int hostfd);
/* Map [off, off + len) of it for the kernel, shared and writable. */
int rumpcomp_vfs_map(int hostfd, off_t off, size_t len, void **addr);
/* Put there [off, off + len) of a memfd, or private zeros (hostfd -1), at
 * once: who is using the memory meanwhile notices nothing.  0 or errno. */
int rumpcomp_vfs_remap(void *addr, size_t len, int hostfd, off_t off);
/* Private memory there becomes zeros. */
void rumpcomp_vfs_forget(void *addr, size_t len);
void rumpcomp_vfs_unmap(void *addr, size_t len);
/* Make the pages at addr present; a matter of speed alone. */
void rumpcomp_vfs_populate(void *addr, size_t len);
/* Return the pages of [off, off + len) to the host. */
void rumpcomp_vfs_punch(int hostfd, off_t off, off_t len);
/* A FIFO of the host that may be read and written by all: O_PATH.  It has no name
 * any more, but the host tells the one it had, which ends in ".DEV.INO"
 * (preload/fifostat.c).  0 or errno. */
int rumpcomp_vfs_fifo(uint64_t dev, uint64_t ino, int *hostfd);
void rumpcomp_vfs_close(int hostfd);

/* --- names of sockets; see vfs/sockname.c --------------------------------- */

#define SOCKBASE_MAX 34 /* with its NUL */

/* Make a directory with a name that nobody can guess, and put its path into
 * base; *hostfd, for rumpcomp_vfs_close(), says that somebody has it.  What
 * kernels that were killed have left is removed.  0 or errno. */
int rumpcomp_vfs_sockbase(char *base, int *hostfd);
/* Make a directory that is the user's alone. */
int rumpcomp_vfs_sockdir(const char *dir, uid_t uid, gid_t gid);
/* An O_PATH descriptor, for rumpcomp_vfs_close(). */
int rumpcomp_vfs_sockopen(const char *path, int *hostfd);
/* Let everybody write to it who gets there, as far as the user may: the
 * directory is his, and so is what lies there. */
void rumpcomp_vfs_sockopenall(const char *path, uid_t uid);
/* Is a socket bound to it still?  True when in doubt. */
bool rumpcomp_vfs_sockbound(const char *path);
int rumpcomp_vfs_symlink(const char *target, const char *path);
void rumpcomp_vfs_unlink(const char *path, bool directory);

/* --- the machine ---------------------------------------------------------- */

/* So many descriptors may be open. */
uint32_t rumpcomp_vfs_descriptors(void);
/* Bytes of memory that the host has; 0 if it does not say. */
uint64_t rumpcomp_vfs_memory(void);
/* The digit that a file in /proc/sys holds; 0 if there is none. */
uint32_t rumpcomp_vfs_setting(const char *path);

#endif /* !VFS_USER_H */
