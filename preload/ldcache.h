/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache of libraries' places that ldconfig(8) makes.  Pure. */
#ifndef PRELOAD_LDCACHE_H
#define PRELOAD_LDCACHE_H

#include <stddef.h>

#define LDCACHE_PATH "/etc/ld.so.cache"

/* The path, within the size bytes of the cache, of a library for this machine;
 * NULL: it has none, or this is no such cache. */
const char *ldcache_find(const void *cache, size_t size, const char *name);

#endif /* !PRELOAD_LDCACHE_H */
