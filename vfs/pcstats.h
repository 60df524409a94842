/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of the page cache among the kernel's statistics. */
#ifndef VFS_PCSTATS_H
#define VFS_PCSTATS_H

/* Part of booting. */
void pcstats_init(void);

#endif /* !VFS_PCSTATS_H */
