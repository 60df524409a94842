/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files of kernfs have operations of their own, since what they read is
 * theirs and not the vnode's: f_fsdata is the text.  The rest is as for any
 * vnode.
 */
#include "kern/file.h"

#include "kern/kmem.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/kernfs/kernfs.h"
#include "vfs/vnfile.h"

static int
file_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	int error;

	if ((flags & FOF_UPDATE_OFFSET) == 0) {
		uio->uio_offset = *offp;
		return kernfs_text_move(fp->f_fsdata, uio);
	}
	mutex_enter(&fp->f_lock);
	uio->uio_offset = *offp;
	error = kernfs_text_move(fp->f_fsdata, uio);
	*offp = uio->uio_offset;
	mutex_exit(&fp->f_lock);
	return error;
}

static int
file_ioctl_none(struct file *fp, unsigned long cmd, void *data)
{
	return cmd == FIONBIO || cmd == FIOASYNC ? 0 : ENOTTY;
}

static int
file_close(struct file *fp)
{
	struct kernfs_text *kt = fp->f_fsdata;

	kernfs_text_fini(kt);
	kmem_free(kt, sizeof(*kt));
	return vn_closefile(fp);
}

static const struct fileops kernfs_fileops = {
	.fo_name = "kernfs",
	.fo_read = file_read,
	.fo_ioctl = file_ioctl_none,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_close = file_close,
	.fo_fpathconf = vn_fpathconf,
	.fo_flock = vn_flock,
	.fo_fdclose = vn_fdclose,
};

int
kernfs_file_open(struct file *fp, const struct report *rp)
{
	struct kernfs_text *kt;
	int error;

	kt = kmem_alloc(sizeof(*kt), KM_SLEEP);
	error = kernfs_text_take(kt, rp);
	if (error != 0) {
		kmem_free(kt, sizeof(*kt));
		return error;
	}
	fp->f_fsdata = kt;
	fp->f_ops = &kernfs_fileops;
	return 0;
}
