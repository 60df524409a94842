/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A copy for which memory that is not there is an error.  The host makes it, past
 * a file: containers may forbid process_vm_readv(2).  By plain calls, since
 * sanitizers look at such memory before libc's.
 */
#ifndef TESTS_LIB_CAREFULCOPY_H
#define TESTS_LIB_CAREFULCOPY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline bool
careful_copy(void *to, const void *from, size_t len)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	bool copied = syscall(SYS_pwrite64, fd, from, len, 0L) == (long)len &&
		      syscall(SYS_pread64, fd, to, len, 0L) == (long)len;

	close(fd);
	return copied;
}

#endif /* !TESTS_LIB_CAREFULCOPY_H */
