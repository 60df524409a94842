/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose working directory counts: the host keeps its own while the program's is
 * in a rump kernel, which keeps that one.
 */
#ifndef PRELOAD_CWD_H
#define PRELOAD_CWD_H

#include <stddef.h>

/* The name space rule that led to the rump working directory, or NS_HOST. */
int cwd_rule(void);
void cwd_set(int rule);

/* The host's working directory, or that of a host descriptor, as an absolute
 * path; 0 or a Linux errno (ENOENT: unlinked or unreachable). */
int cwd_host_path(long dirfd, char *buf, size_t size);

#endif /* !PRELOAD_CWD_H */
