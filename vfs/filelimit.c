/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/filelimit.h"

#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/signal.h"
#include "kern/uio.h"
#include "vfs/vop.h"

static uint64_t
limit(const struct vnode *vp)
{
	if (vp->v_type != VREG)
		return RLIM_INFINITY;
	return atomic_load_explicit(&curproc->p_fsize, memory_order_relaxed);
}

static int
exceeded(void)
{
	proc_signal(SIGXFSZ);
	return EFBIG;
}

static int
size_of(struct vnode *vp, off_t *size)
{
	struct vattr va;
	int error;

	error = VOP_GETATTR(vp, &va, curlwp->l_cred);
	if (error == 0)
		*size = va.va_size;
	return error;
}

/* Others may append meanwhile: then the file ends that much behind the limit. */
int
filelimit_write(struct vnode *vp, int ioflag, struct uio *uio, size_t *cut)
{
	uint64_t most = limit(vp);
	off_t pos = uio->uio_offset;
	int error;

	*cut = 0;
	if (most == RLIM_INFINITY || uio->uio_resid == 0)
		return 0;
	if ((ioflag & IO_APPEND) != 0) {
		error = size_of(vp, &pos);
		if (error != 0)
			return error;
	}
	if (pos < 0)
		return 0;
	if ((uint64_t)pos >= most)
		return exceeded();
	if (uio->uio_resid > most - (uint64_t)pos)
		*cut = uio->uio_resid - (size_t)(most - (uint64_t)pos);
	uio->uio_resid -= *cut;
	return 0;
}

int
filelimit_size(struct vnode *vp, off_t size)
{
	uint64_t most = limit(vp);
	off_t now;
	int error;

	if (size < 0 || (uint64_t)size <= most)
		return 0;
	error = size_of(vp, &now);
	if (error != 0 || size <= now)
		return error;
	return exceeded();
}
