/* SPDX-License-Identifier: BSD-2-Clause */
/* What programs do with the mount of liar.h. */
#ifndef TESTS_UNIT_NFS_CLIENT_H
#define TESTS_UNIT_NFS_CLIENT_H

#include <sys/types.h>

#include <stdint.h>

#include "tests/unit/nfs/liar.h"

/* Fails the test if the result of a system call is negative. */
void must(ssize_t result);
/* The calls that the server has got of one procedure. */
unsigned count(enum nfs3_proc proc);
/* Entries of /data, read size bytes at a time, or minus the errno.  A listing
 * without end fails the test. */
int list(size_t size);
/* What read_file() has read. */
extern uint8_t content[2 * FILE_SIZE];
/* Read /data/f; its length, or minus the errno. */
int read_file(void);

#endif /* !TESTS_UNIT_NFS_CLIENT_H */
