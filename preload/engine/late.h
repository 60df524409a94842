/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LATE is for large objects that the start of a program leaves alone, or nearly
 * so.  They come behind all others (the linker sorts sections by name): a start
 * dirties few pages, each of which costs as much as several system calls.
 */
#ifndef ENGINE_LATE_H
#define ENGINE_LATE_H

#define LATE __attribute__((section(".bss.late")))

#endif /* !ENGINE_LATE_H */
