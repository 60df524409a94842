/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's console as an open file. */
#ifndef KERN_CONSOLE_H
#define KERN_CONSOLE_H

/*
 * Open it for writing on descriptors 0, 1 and 2 of the current process, which
 * has none yet.  Without memory for files it has none of them.
 */
void console_attach(void);

#endif /* !KERN_CONSOLE_H */
