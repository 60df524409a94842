/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings of rump files, beside what rump/rumphost.h has.
 */
#ifndef VFS_MAP_H
#define VFS_MAP_H

#include "kern/types.h"

/*
 * Undo rump_map_fill() for the 64 KiB blocks that lie wholly in [off, off +
 * len) of the file: the caller has made them inaccessible in every mapping
 * made from handle, and fills them again before they are used.
 */
void rump_map_drop(void *handle, off_t off, size_t len);

#endif /* !VFS_MAP_H */
