/* SPDX-License-Identifier: BSD-2-Clause */
/* The user namespace that a client's process is in. */
#ifndef SYSPROXY_SERVER_IDMAP_H
#define SYSPROXY_SERVER_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

struct rump_idmap;

/*
 * *im: what ids are called in the namespace of process pid, to be freed with
 * free(); NULL: it is in that of this process, or in one around it.  False: it
 * cannot be told, since there is no such process, or no memory.
 */
bool idmap_of_peer(pid_t pid, struct rump_idmap **im);
/* Somebody has written both maps of the namespace, or im is NULL. */
bool idmap_is_complete(const struct rump_idmap *im);

#endif /* !SYSPROXY_SERVER_IDMAP_H */
