/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernfs: what the kernel says about itself, a file for each report of
 * kern/report.h in one directory.
 */
#ifndef VFS_KERNFS_KERNFS_H
#define VFS_KERNFS_KERNFS_H

#include "kern/report.h"
#include "vfs/vnode.h"

/* The key of a vnode; the report's number or KERNFS_ROOT. */
typedef uint64_t kernfs_key;
#define KERNFS_ROOT UINT64_MAX

/* A vnode's data: which one it is. */
struct kernfs_node {
	kernfs_key kn_key;
	const struct report *kn_report; /* NULL: the directory */
};

extern const struct vnodeops kernfs_vnodeops;

/* The number of the file that a key stands for; never 0. */
static inline ino_t
kernfs_fileid(kernfs_key key)
{
	return key + 2; /* the directory's is 1 */
}

/*
 * The text of a report, as it was at one moment.  text_take() returns 0 or
 * ENOMEM; what was taken is freed by kernfs_text_fini().
 */
struct kernfs_text {
	char *kt_buf;
	size_t kt_len, kt_size;
};
int kernfs_text_take(struct kernfs_text *kt, const struct report *rp);
void kernfs_text_fini(struct kernfs_text *kt);
/* Move what lies at uio_offset. */
int kernfs_text_move(const struct kernfs_text *kt, struct uio *uio);

/* An open file's text is taken when it is opened: a reader gets a whole one,
 * however small its bites are. */
int kernfs_file_open(struct file *fp, const struct report *rp);

#endif /* !VFS_KERNFS_KERNFS_H */
