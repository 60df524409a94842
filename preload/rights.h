/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors in messages (SCM_RIGHTS) that leave by a socket of the host. */
#ifndef PRELOAD_RIGHTS_H
#define PRELOAD_RIGHTS_H

struct call;

/*
 * May the message header at address msg be sent?  0; EOPNOTSUPP with a note for
 * a rump descriptor in it, which nobody else could use; EBADF for one of ours.
 */
int rights_check(struct call *c, long msg);
/* The same for n headers of sendmmsg(2). */
int rights_check_all(struct call *c, long vec, unsigned n);

#endif /* !PRELOAD_RIGHTS_H */
