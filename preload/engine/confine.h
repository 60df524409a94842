/* SPDX-License-Identifier: BSD-2-Clause */
/* Seccomp filters that the program sets up for itself. */
#ifndef ENGINE_CONFINE_H
#define ENGINE_CONFINE_H

struct call;

/*
 * Argument i of c is a struct sock_fprog: have the call set up a filter that
 * knows of us instead.  CALL_TO_HOST or -errno.
 */
long confine(struct call *c, int i);

#endif /* !ENGINE_CONFINE_H */
