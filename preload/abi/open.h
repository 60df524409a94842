/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags of open(2), of the *at(2) calls, and lseek(2)'s whence. */
#ifndef PRELOAD_ABI_OPEN_H
#define PRELOAD_ABI_OPEN_H

#include <stdint.h>

/*
 * Linux open flags as NetBSD's, with those that rump/rumphost.h adds.  O_PATH
 * becomes O_SEARCH.  0, or EINVAL.  Bits without meaning are dropped, as Linux's
 * open(2) does.
 */
int abi_open_to_netbsd(int flags, int *out);
/* What F_GETFL answers of a file that is not O_PATH. */
int abi_open_to_linux(int flags);
/* Linux status flags for F_SETFL. */
int abi_status_to_netbsd(int flags);
/* All bits that openat2(2) accepts. */
uint64_t abi_open_known(void);

enum abi_at {
	ABI_AT_STAT,
	ABI_AT_ACCESS,
	ABI_AT_UNLINK,
	ABI_AT_LINK,
	ABI_AT_CHOWN,
	ABI_AT_UTIMENS
};

/*
 * Linux AT_ flags of a call of the given kind as NetBSD's; AT_EMPTY_PATH is
 * accepted and not passed on.  0 or EINVAL.
 */
int abi_at_to_netbsd(enum abi_at kind, int flags, int *out);

#endif /* !PRELOAD_ABI_OPEN_H */
