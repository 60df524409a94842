/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only way in which routes touch memory that the program named: a bad
 * pointer becomes EFAULT, a page of a mapped rump file that was not there yet
 * is filled.
 */
#ifndef PRELOAD_USERCOPY_H
#define PRELOAD_USERCOPY_H

#include <stddef.h>

/* 0 or EFAULT (Linux numbers). */
int usercopy_in(void *dst, const void *uaddr, size_t len);
int usercopy_out(const void *src, void *uaddr, size_t len);
/* Copy a string of at most size bytes with its NUL; *len (may be NULL) gets
 * its length without.  0, EFAULT or ENAMETOOLONG. */
int usercopy_string(char *dst, const void *uaddr, size_t size, size_t *len);

#endif /* !PRELOAD_USERCOPY_H */
