/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that are there without a driver. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rumpuser.h"
#include "vfs/rootfs/rootfs.h"
#include "vfs/specfs.h"

#define MAJOR_MEM 2
#define MAJOR_RANDOM 46
#define CHUNK 4096

static const char zeros[CHUNK];

static int
null_read(struct uio *uio)
{
	return 0;
}

static int
null_write(struct uio *uio)
{
	while (uio->uio_resid > 0)
		uio_advance(uio, uio->uio_resid);
	return 0;
}

static int
zero_read(struct uio *uio)
{
	int error = 0;

	while (error == 0 && uio->uio_resid > 0)
		error = uiomove((char *)(uintptr_t)zeros,
		    MIN(uio->uio_resid, sizeof(zeros)), uio);
	return error;
}

static int
full_write(struct uio *uio)
{
	return uio->uio_resid > 0 ? ENOSPC : 0;
}

static int
random_read(struct uio *uio)
{
	size_t size = MIN(uio->uio_resid, CHUNK), got;
	char *buf;
	int error = 0;

	if (size == 0)
		return 0;
	buf = kmem_alloc(size, KM_SLEEP);
	while (error == 0 && uio->uio_resid > 0) {
		error =
		    rumpuser_getrandom(buf, MIN(uio->uio_resid, size), 0, &got);
		if (error == 0 && got == 0)
			error = EIO;
		if (error == 0)
			error = uiomove(buf, got, uio);
	}
	memset(buf, 0, size);
	kmem_free(buf, size);
	return error;
}

#define RW_ALL 0666

static struct cdev devices[] = {
	{ .d_name = "null", .d_read = null_read, .d_write = null_write },
	{ .d_name = "zero", .d_read = zero_read, .d_write = null_write },
	{ .d_name = "full", .d_read = zero_read, .d_write = full_write },
	{ .d_name = "random", .d_read = random_read, .d_write = null_write },
	{ .d_name = "urandom", .d_read = random_read, .d_write = null_write },
};

void
devs_init(void)
{
	const dev_t numbers[NITEMS(devices)] = {
		makedev(MAJOR_MEM, 2),
		makedev(MAJOR_MEM, 12),
		makedev(MAJOR_MEM, 11),
		makedev(MAJOR_RANDOM, 0),
		makedev(MAJOR_RANDOM, 1),
	};

	for (size_t i = 0; i < NITEMS(devices); i++) {
		devices[i].d_dev = numbers[i];
		devices[i].d_mode = RW_ALL;
		cdev_attach(&devices[i]);
	}
}
