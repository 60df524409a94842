/* SPDX-License-Identifier: BSD-2-Clause */
/* Vnode operations of the NFS client. */
#ifndef NFS_VNOPS_H
#define NFS_VNOPS_H

#include "vfs/vnode.h"

extern const struct vnodeops nfs_vnodeops;

#endif /* !NFS_VNOPS_H */
