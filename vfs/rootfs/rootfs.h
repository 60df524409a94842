/* SPDX-License-Identifier: BSD-2-Clause */
/* rumpfs, the file system in memory that the kernel boots on. */
#ifndef VFS_ROOTFS_ROOTFS_H
#define VFS_ROOTFS_ROOTFS_H

/* Boot: attach the type, mount it as root, fill /dev. */
void rootfs_init(void);
/* devs.c: attach the devices that need no driver. */
void devs_init(void);

#endif /* !VFS_ROOTFS_ROOTFS_H */
