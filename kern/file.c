/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  A descriptor is looked up without a lock: read the
 * slot, take a reference unless the count is 0, and look whether the slot still
 * says the same.  That is safe because the memory of a struct file is a struct
 * file for ever (files go back to a free list of their own, and a free one has
 * the count 0), and because the chunks of a descriptor table never move.  A
 * reference that was taken on a file that had meanwhile left the slot is
 * dropped again, and is as good as any other: if it is the last, it closes.
 */
#include "kern/file.h"

#include "kern/guard.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumphost.h"

#define BATCH_BYTES 16384

/* Free files, chained through f_data. */
static _Atomic uint32_t pool_guard;
static struct file *pool; /* pool_guard */

static struct file *
pool_get(void)
{
	struct file *fp;

	guard_enter(&pool_guard);
	fp = pool;
	if (fp != NULL)
		pool = fp->f_data;
	guard_exit(&pool_guard);
	return fp;
}

static void
pool_put(struct file *fp)
{
	guard_enter(&pool_guard);
	fp->f_data = pool;
	pool = fp;
	guard_exit(&pool_guard);
}

static struct file *
pool_grow(void)
{
	struct file *batch = kmem_hostalloc(BATCH_BYTES);

	if (batch == NULL)
		return NULL;
	for (size_t i = 1; i < BATCH_BYTES / sizeof(*batch); i++)
		pool_put(&batch[i]);
	return &batch[0];
}

int
file_create(struct file **fpp)
{
	struct file *fp = pool_get();

	if (fp == NULL && (fp = pool_grow()) == NULL)
		return ENFILE;
	kmem_account(sizeof(*fp));
	fp->f_ops = NULL;
	fp->f_type = 0;
	atomic_store_explicit(&fp->f_flag, 0, memory_order_relaxed);
	fp->f_cred = curlwp->l_cred;
	kauth_cred_hold(fp->f_cred);
	fp->f_data = NULL;
	fp->f_fsdata = NULL;
	fp->f_offset = 0;
	fp->f_owner = (struct rump_fileowner){ 0 };
	mutex_init(&fp->f_lock, "file");
	/* From here on a stray lookup may take and drop a reference. */
	atomic_store_explicit(&fp->f_count, 1, memory_order_release);
	*fpp = fp;
	return 0;
}

bool
file_tryref(struct file *fp)
{
	uint32_t n = atomic_load_explicit(&fp->f_count, memory_order_relaxed);

	do {
		if (n == 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&fp->f_count, &n, n + 1,
	    memory_order_acquire, memory_order_relaxed));
	return true;
}

int
file_unref(struct file *fp)
{
	int error = 0;

	if (PREDICT_TRUE(atomic_fetch_sub_explicit(
			     &fp->f_count, 1, memory_order_acq_rel) != 1))
		return 0;
	if (fp->f_ops != NULL && fp->f_ops->fo_close != NULL)
		error = fp->f_ops->fo_close(fp);
	kauth_cred_free(fp->f_cred);
	kmem_account(-(int64_t)sizeof(*fp));
	pool_put(fp);
	return error;
}

int
rump_hostfd(int rumpfd, int *hostfd)
{
	struct file *fp;
	int error = EBADF;

	rump_schedule();
	fp = fd_getfile(rumpfd);
	if (fp != NULL) {
		error = EOPNOTSUPP;
		if (fp->f_ops->fo_hostfd != NULL)
			error = fp->f_ops->fo_hostfd(fp, hostfd);
		fd_putfile(fp);
	}
	rump_unschedule();
	return error;
}
