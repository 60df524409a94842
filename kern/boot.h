/* SPDX-License-Identifier: BSD-2-Clause */
/* What is decided when the kernel boots, and how it goes down. */
#ifndef KERN_BOOT_H
#define KERN_BOOT_H

#include "kern/types.h"

#define OSTYPE "NetBSD"
#define OSRELEASE "7.99.34"

extern int boot_howto;     /* RB_* | AB_*, constant after boot */
extern unsigned boot_ncpu; /* i */
extern bool boot_verbose;  /* i */

/*
 * Initialise every registered component, in the order of their types, up to the
 * first that calls boot_fail().  0 or its error.
 */
int component_initall(void);

/*
 * From a component's initialiser: the host lacks what the kernel cannot do
 * without.  rump_init() returns error (> 0), now and when called again; what
 * says on the console what is missing.
 */
void boot_fail(int error, const char *what);
/* The error of boot_fail(), or 0. */
int boot_failure(void);

/*
 * Have func(howto) called once when the kernel is halted, before the process
 * ends; unless RB_NOSYNC it writes out what is dirty.  At most 4.
 */
void shutdown_hook_attach(void (*func)(int howto));
void kern_shutdown(int howto) NORETURN;

/*
 * Parse RUMP_MEMLIMIT: decimal, optionally with one of k, m, g behind it.
 * 0 or EINVAL.
 */
int boot_parse_memlimit(const char *text, size_t *bytes);

#endif /* !KERN_BOOT_H */
