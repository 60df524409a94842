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

/*
 * How to reach the memory of processes with a p_vmspace, which is passed as
 * cookie; attached once by what makes such processes.  Results as above.
 */
struct copyops {
	int (*co_in)(void *cookie, const void *uaddr, void *kaddr, size_t len);
	int (*co_out)(void *cookie, const void *kaddr, void *uaddr, size_t len);
	int (*co_instr)(void *cookie, const void *uaddr, char *kaddr,
	    size_t size, size_t *done);
};
void copyops_attach(const struct copyops *ops);

#endif /* !KERN_COPY_H */
