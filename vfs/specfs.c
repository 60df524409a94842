/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attributes of a device file are its file system's; reading and writing
 * go to the device.
 */
#include "vfs/specfs.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/vnfile.h"

static struct list cdevs = LIST_INITIALIZER(cdevs); /* boot only */

void
cdev_attach(struct cdev *d)
{
	list_insert_tail(&cdevs, &d->d_list);
}

struct cdev *
cdev_find(dev_t dev)
{
	struct list *n;

	LIST_FOREACH (n, &cdevs) {
		struct cdev *d = LIST_ENTRY(n, struct cdev, d_list);

		if (d->d_dev == dev)
			return d;
	}
	return NULL;
}

struct cdev *
cdev_nth(size_t nth)
{
	struct list *n;

	LIST_FOREACH (n, &cdevs) {
		if (nth-- == 0)
			return LIST_ENTRY(n, struct cdev, d_list);
	}
	return NULL;
}

static int
spec_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	const struct cdev *d = fp->f_fsdata;

	return d->d_read == NULL ? ENODEV : d->d_read(uio);
}

static int
spec_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	const struct cdev *d = fp->f_fsdata;

	return d->d_write == NULL ? ENODEV : d->d_write(uio);
}

static int
spec_ioctl(struct file *fp, unsigned long cmd, void *data)
{
	return cmd == FIONBIO || cmd == FIOASYNC ? 0 : ENOTTY;
}

const struct fileops spec_fileops = {
	.fo_name = "device",
	.fo_read = spec_read,
	.fo_write = spec_write,
	.fo_ioctl = spec_ioctl,
	.fo_fcntl = vn_fcntl,
	.fo_stat = vn_stat,
	.fo_close = vn_closefile,
	.fo_fpathconf = vn_fpathconf,
	.fo_flock = vn_flock,
	.fo_fdclose = vn_fdclose,
};
