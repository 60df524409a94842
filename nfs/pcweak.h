/* SPDX-License-Identifier: BSD-2-Clause */
/* Until the page cache can write. */
#ifndef NFS_PCWEAK_H
#define NFS_PCWEAK_H
#include "vfs/pagecache.h"
__typeof__(pagecache_unsaved) pagecache_unsaved __attribute__((weak));
__typeof__(pagecache_sync) pagecache_sync __attribute__((weak));
__typeof__(pagecache_truncate) pagecache_truncate __attribute__((weak));
__typeof__(pagecache_write_behind) pagecache_write_behind __attribute__((weak));
__typeof__(pagecache_write_done) pagecache_write_done __attribute__((weak));
__typeof__(pagecache_sync_mount) pagecache_sync_mount __attribute__((weak));
#endif
