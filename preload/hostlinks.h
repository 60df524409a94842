/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbolic links of the host that lead into a rump kernel. */
#ifndef PRELOAD_HOSTLINKS_H
#define PRELOAD_HOSTLINKS_H

#include <stdbool.h>
#include <stddef.h>

struct namespace;

#define HOSTLINKS_MAX 40 /* as the host's own limit */

/*
 * Walk an absolute path of the host, following its symbolic links (the last
 * component's too unless nofollow).  True when the walk comes to a rump name;
 * out (size bytes) then has the absolute path with the links replaced so far.
 */
bool hostlinks_walk(const struct namespace *ns, const char *path, bool nofollow,
    char *out, size_t size);

#endif /* !PRELOAD_HOSTLINKS_H */
