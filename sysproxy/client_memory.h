/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This process's memory as the server names it, at addresses that a program
 * passed to a system call and that may be wrong: EFAULT instead of a crash.
 */
#ifndef SYSPROXY_CLIENT_MEMORY_H
#define SYSPROXY_CLIENT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* 0 or EFAULT; then the target may have been written in part. */
int client_memory_read(void *to, uint64_t addr, size_t len);
int client_memory_write(uint64_t addr, const void *from, size_t len);
/*
 * Copy up to max bytes, but not beyond a NUL, which is copied; *len is their
 * number.  0 or EFAULT.
 */
int client_memory_read_string(char *to, uint64_t addr, size_t max, size_t *len);
/* New memory of zeros; 0: there is none. */
uint64_t client_memory_map(uint64_t len);

#endif /* !SYSPROXY_CLIENT_MEMORY_H */
