/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host descriptors of the kernel and of this library, which the program must
 * neither see nor touch.  All but the door and the placeholder are close-on-exec.
 *
 * The library's own make way when the program wants their numbers.  The others
 * stay where they are; what the program puts there stands elsewhere (fdalias.h).
 */
#ifndef PRELOAD_HIDDEN_H
#define PRELOAD_HIDDEN_H

#include <stdatomic.h>
#include <stdbool.h>

/* ho_fd_hide of rumpuser_host.h.  hidden_forget(): it is not hidden any more. */
long hidden_take(int fd);
void hidden_forget(int fd);

/* A hidden duplicate of fd, or -errno; and its end, which is ho_fd_close of
 * rumpuser_host.h. */
long hidden_dup(int fd);
void hidden_close(int fd);

/* A duplicate out of the program's way that is not hidden, or -errno. */
long hidden_away(int fd);

/* Take fd and keep its number at *where, which changes when the program asks
 * for it, and which a forked child keeps.  The number or -errno. */
long hidden_keep(int fd, atomic_int *where);
/* The same of one that is out of the program's way already. */
long hidden_adopt(int fd, atomic_int *where);

/* The program wants number fd: true when it is not hidden any more. */
bool hidden_make_way(int fd);

/* In a forked child, for each hidden number: close it unless it is kept.  The
 * kernel is not there, and a socket of its must end with the parent. */
void hidden_forked(int fd);

#endif /* !PRELOAD_HIDDEN_H */
