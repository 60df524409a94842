/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System call dispatch.  The tables are generated from syscall_table/; each
 * library that provides handlers registers its part from its component.
 */
#ifndef KERN_SYSCALL_H
#define KERN_SYSCALL_H

#include "kern/lwp.h"
#include "kern/types.h"

#define SYS_MAXSYSCALL 512

/* uap: the argument structure, see the generated kern/sysargs.h. */
typedef int sy_call_t(struct lwp *l, const void *uap, register_t *retval);

struct syscall_entry {
	uint16_t sy_num;
	uint8_t sy_nslots;
	bool sy_noerr;
	const char *sy_name;
	sy_call_t *sy_call; /* NULL: not there, ENOSYS */
};

/* Enter n entries; those whose sy_call is NULL are skipped. */
void syscall_register(const struct syscall_entry *table, size_t n);

#endif /* !KERN_SYSCALL_H */
