/* SPDX-License-Identifier: BSD-2-Clause */
/* The symbols of the kernel's libraries, as the host has found them. */
#ifndef KERN_KSYMS_H
#define KERN_KSYMS_H

#include "kern/types.h"

/*
 * Take over a table of ELF symbols with absolute values, and their names; both
 * stay for ever.  0; EBUSY when there is one; EINVAL, and it stays the
 * caller's, when it is not well-formed.
 */
int ksyms_load(
    void *symtab, uint64_t symbytes, char *strtab, uint64_t strbytes);
/* The function or object that addr lies in, *offset bytes from its start; NULL:
 * none. */
const char *ksyms_find(uintptr_t addr, uintptr_t *offset);

#endif /* !KERN_KSYMS_H */
