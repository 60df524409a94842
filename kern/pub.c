/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions of rump/rump.h that lend the kernel's things to its host. */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rumpuser.h"

/* A uio with the one vector that it describes. */
struct pubuio {
	struct uio pu_uio;
	struct rump_iovec pu_iov;
};

struct uio *
rump_pub_uio_setup(void *buf, size_t len, int64_t off, enum rump_uiorw rw)
{
	struct pubuio *pu;

	rump_schedule();
	pu = kmem_alloc(sizeof(*pu), KM_SLEEP);
	uio_init(&pu->pu_uio, &pu->pu_iov, buf, len, off,
	    rw == RUMPUIO_READ ? UIO_READ : UIO_WRITE, UIO_SYSSPACE);
	rump_unschedule();
	return &pu->pu_uio;
}

size_t
rump_pub_uio_getresid(struct uio *uio)
{
	return uio->uio_resid;
}

int64_t
rump_pub_uio_getoff(struct uio *uio)
{
	return uio->uio_offset;
}

size_t
rump_pub_uio_free(struct uio *uio)
{
	struct pubuio *pu = CONTAINER_OF(uio, struct pubuio, pu_uio);
	size_t resid = uio->uio_resid;

	rump_schedule();
	kmem_free(pu, sizeof(*pu));
	rump_unschedule();
	return resid;
}

/* A module of the native kernel has other ideas of our structures. */
int
rump_nativeabi_p(void)
{
	return 0;
}

static void
print_count(const struct kstat *ks, void *arg)
{
	const char *label = ks->ks_label;

	rumpuser_dprintf("%s%s%s%s %lu\n", ks->ks_name,
	    label != NULL ? "{" : "", label != NULL ? label : "",
	    label != NULL ? "}" : "", kstat_value(ks));
}

void
rump_printevcnts(void)
{
	kstat_iterate(print_count, NULL);
}
