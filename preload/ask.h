/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library exports: a program that knows it is hijacked can ask its
 * kernel.  rumpkit(1) does, and finds these with dlsym(3).  Not for signal
 * handlers.
 */
#ifndef PRELOAD_ASK_H
#define PRELOAD_ASK_H

#include <stddef.h>
#include <stdint.h>

/* As rump_report(); also "clients" and "stats" of a server.  ENXIO: the calling
 * process has no kernel. */
int rumphijack_report(const char *name,
    void (*func)(const char *text, size_t len, void *arg), void *arg);

/* NetBSD system call num with eight argument slots.  0, a NetBSD errno, ENXIO,
 * or RUMP_ERESTART. */
int rumphijack_syscall(int num, const int64_t *args, int64_t retval[2]);

#endif /* !PRELOAD_ASK_H */
