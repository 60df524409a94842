/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way to touch a caller's memory, after copy(9).  In process: a copy
 * whose instructions stand in one section with an exception table; a fault
 * there becomes EFAULT through rump_copy_fixup().  For a sysproxy client: the
 * proxy's memory access.
 */
#ifndef KERN_COPY_H
#define KERN_COPY_H

#include "kern/types.h"

/* 0 or EFAULT. */
int copyin(const void *uaddr, void *kaddr, size_t len);
int copyout(const void *kaddr, void *uaddr, size_t len);
/*
 * Copy a string of at most size bytes with its NUL; *done (may be NULL) gets
 * the length with the NUL.  0, EFAULT or ENAMETOOLONG.
 */
int copyinstr(const void *uaddr, char *kaddr, size_t size, size_t *done);

#endif /* !KERN_COPY_H */
