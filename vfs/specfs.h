/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: what opening a device node of any file system reaches. */
#ifndef VFS_SPECFS_H
#define VFS_SPECFS_H

#include "kern/file.h"
#include "kern/queue.h"
#include "kern/types.h"

struct uio;
struct vnode;

/* Operations move what they can and return 0 or an errno; NULL: ENODEV. */
struct cdev {
	const char *d_name; /* name of the node below /dev, or NULL: none */
	dev_t d_dev;        /* see makedev() */
	mode_t d_mode;      /* of the node below /dev */
	int (*d_read)(struct uio *uio);
	int (*d_write)(struct uio *uio);
	/* Of a device that keeps a state for each open file: set fp's f_fsdata.
	 * Its files have d_fileops, whose fo_close gives that back and calls
	 * vn_closefile(); and it may have block nodes. */
	int (*d_open)(
	    struct cdev *d, struct vnode *vp, int fflags, struct file *fp);
	const struct fileops *d_fileops;
	struct list d_list;
};

/* NetBSD's encoding. */
static inline dev_t
makedev(uint32_t major, uint32_t minor)
{
	return ((dev_t)major << 8 & 0xfff00) |
	       ((dev_t)minor << 12 & 0xfff00000) | (minor & 0xff);
}

/* From component initialisers only. */
void cdev_attach(struct cdev *d);
/* NULL: no such device. */
struct cdev *cdev_find(dev_t dev);
/* The n-th device attached, or NULL. */
struct cdev *cdev_nth(size_t n);

/* For files whose f_data is a device vnode and f_fsdata its struct cdev. */
extern const struct fileops spec_fileops;

#endif /* !VFS_SPECFS_H */
