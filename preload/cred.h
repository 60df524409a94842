/* SPDX-License-Identifier: BSD-2-Clause */
/* With whose rights the kernel does what a thread asks for. */
#ifndef PRELOAD_CRED_H
#define PRELOAD_CRED_H

#include <stdbool.h>
#include <stdint.h>

/* Raw calls of the host, here and in the others. */

/* The kernel's process has the credentials of the calling thread. */
void cred_set_process(void);
/* What ids are called has changed: numbers of credentials stand for nothing. */
void cred_forget(void);
/* The calling thread may have changed its credentials. */
void cred_changed(void);
/* Call nr of the set*id family changes nothing, whether it fails or not. */
bool cred_stays(long nr, const long *args);
/* In a forked child, which has one thread. */
void cred_forked(void);

/* Threads have credentials of their own. */
extern bool cred_apart;

/*
 * A number for the calling thread's credentials: the same number stands for the
 * same ones as long as the process lives.  0: those of the process.
 */
uint32_t cred_number_apart(void);
static inline uint32_t
cred_number(void)
{
	return __builtin_expect(cred_apart, 0) ? cred_number_apart() : 0;
}

/* Before a call to a kernel in this process. */
void cred_tell_apart(void);
static inline void
cred_tell(void)
{
	if (__builtin_expect(cred_apart, 0))
		cred_tell_apart();
}

#endif /* !PRELOAD_CRED_H */
