/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a file of the kernel's lies. */
#ifndef PRELOAD_REALNAME_H
#define PRELOAD_REALNAME_H

struct call;
struct place;

/* The program's path of what is at pl, behind the symbolic links that pl may
 * end with; from string_keep(), or NULL: it is not known. */
char *realname_of(struct call *c, const struct place *pl);

#endif /* !PRELOAD_REALNAME_H */
