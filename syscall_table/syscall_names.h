/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of NetBSD system calls by number, for traces. */
#ifndef SYSCALL_TABLE_SYSCALL_NAMES_H
#define SYSCALL_TABLE_SYSCALL_NAMES_H

/* Generated from netbsd.tbl, indexed by number below 512; NULL: no such call. */
extern const char *const netbsd_syscall_names[512];

#endif /* !SYSCALL_TABLE_SYSCALL_NAMES_H */
