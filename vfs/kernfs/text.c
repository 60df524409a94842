/* SPDX-License-Identifier: BSD-2-Clause */
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "vfs/kernfs/kernfs.h"

#define SIZE_LEAST 1024

struct taker {
	struct sink tk_sink;
	struct kernfs_text *tk_text;
	bool tk_failed;
};

static bool
grow(struct kernfs_text *kt, size_t len)
{
	struct kernfs_text wide = *kt;

	wide.kt_size = MAX(kt->kt_size * 2, ROUNDUP(len, SIZE_LEAST));
	wide.kt_buf = kmem_alloc(wide.kt_size, KM_NOSLEEP);
	if (wide.kt_buf == NULL)
		return false;
	if (kt->kt_buf != NULL) {
		memcpy(wide.kt_buf, kt->kt_buf, kt->kt_len);
		kmem_free(kt->kt_buf, kt->kt_size);
	}
	*kt = wide;
	return true;
}

static void
take(struct sink *sk, const char *text, size_t len)
{
	struct taker *tk = CONTAINER_OF(sk, struct taker, tk_sink);
	struct kernfs_text *kt = tk->tk_text;

	if (tk->tk_failed)
		return;
	if (len > kt->kt_size - kt->kt_len && !grow(kt, kt->kt_len + len)) {
		tk->tk_failed = true;
		return;
	}
	memcpy(kt->kt_buf + kt->kt_len, text, len);
	kt->kt_len += len;
}

int
kernfs_text_take(struct kernfs_text *kt, const struct report *rp)
{
	struct taker tk = { { take }, kt, false };

	*kt = (struct kernfs_text){ NULL, 0, 0 };
	rp->rp_print(&tk.tk_sink);
	if (!tk.tk_failed)
		return 0;
	kernfs_text_fini(kt);
	return ENOMEM;
}

void
kernfs_text_fini(struct kernfs_text *kt)
{
	kmem_free(kt->kt_buf, kt->kt_size);
	*kt = (struct kernfs_text){ NULL, 0, 0 };
}

int
kernfs_text_move(const struct kernfs_text *kt, struct uio *uio)
{
	if (uio->uio_offset < 0)
		return EINVAL;
	if ((uint64_t)uio->uio_offset >= kt->kt_len)
		return 0;
	return uiomove(kt->kt_buf + uio->uio_offset,
	    kt->kt_len - (size_t)uio->uio_offset, uio);
}
