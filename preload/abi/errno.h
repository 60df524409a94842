/* SPDX-License-Identifier: BSD-2-Clause */
/* Error numbers. */
#ifndef PRELOAD_ABI_ERRNO_H
#define PRELOAD_ABI_ERRNO_H

/* A NetBSD errno (positive) as Linux's; what Linux has no name for becomes
 * the nearest one, unknown numbers EINVAL.  0 stays 0. */
int abi_errno_to_linux(int error);
/* The other way; unknown numbers become EINVAL. */
int abi_errno_to_netbsd(int error);
/* "ENOENT" for a Linux errno; NULL if it has no name here. */
const char *abi_errno_name(int error);

#endif /* !PRELOAD_ABI_ERRNO_H */
