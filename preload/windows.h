/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of mapped rump files the program can access: disjoint windows,
 * each within one mapping.  What is not in one is without access, but for pages
 * of mappings whose pages are not taken away again (m_keep).
 *
 * Every function wants the table of mappings locked.
 */
#ifndef PRELOAD_WINDOWS_H
#define PRELOAD_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping;

/* What m's pages show before a store has been noticed. */
int windows_first_prot(const struct mapping *m);
/* Does m notice stores? */
bool windows_tracked(const struct mapping *m);

/*
 * Give the program windows_first_prot() to [start, end) of mapping m, whose
 * pages are filled.  Old windows are taken away when there are too many.  False:
 * the host does not want to.
 */
bool windows_show(const struct mapping *m, uintptr_t start, uintptr_t end);
/* Let the program also write to [start, end), within a window. */
bool windows_show_writable(
    const struct mapping *m, uintptr_t start, uintptr_t end);
/* Is there a window at addr?  *end gets its end. */
bool windows_find(uintptr_t addr, uintptr_t *end);
/* Stores to [start, end), which is within one tracked mapping, are to be noticed
 * again. */
void windows_guard(const struct mapping *m, uintptr_t start, uintptr_t end);
/* Take all access from [start, end), which is within one mapping. */
void windows_conceal(uintptr_t start, uintptr_t end);
/* ... because the host does so or has done so. */
void windows_forget(uintptr_t start, uintptr_t end);

/* In a forked child: no store is noticed any more, so none is possible. */
void windows_forked(void);

#endif /* !PRELOAD_WINDOWS_H */
