/* SPDX-License-Identifier: BSD-2-Clause */
/* What rumpkit says about Linux system calls, without the code behind it. */
#ifndef SYSCALL_TABLE_LINUX_NAMES_H
#define SYSCALL_TABLE_LINUX_NAMES_H

#include <stddef.h>

struct linux_name {
	int ln_number;
	const char *ln_name;
	const char *ln_class;   /* in words */
	const char *ln_support; /* yes, host, "partly: ...", "refused: ..." */
};

/* Generated from linux.tbl, in order of number. */
extern const struct linux_name linux_names[];
extern const size_t linux_nnames;

#endif /* !SYSCALL_TABLE_LINUX_NAMES_H */
