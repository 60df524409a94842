/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a node is known by when its vnode has gone: for things that the host
 * keeps behind nodes.
 */
#ifndef VFS_NODEKEY_H
#define VFS_NODEKEY_H

#include "kern/libkern.h"
#include "kern/types.h"
#include "vfs/vnode.h"

struct nodekey {
	struct mount *nk_mount; /* i */
	uint32_t nk_keylen;     /* i */
	uint8_t nk_key[];       /* i: the vnode's */
};

static inline void
nodekey_set(struct nodekey *nk, const struct vnode *vp)
{
	nk->nk_mount = vp->v_mount;
	nk->nk_keylen = vp->v_keylen;
	memcpy(nk->nk_key, vp->v_key, vp->v_keylen);
}

static inline bool
nodekey_is(const struct nodekey *nk, const struct vnode *vp)
{
	return nk->nk_mount == vp->v_mount && nk->nk_keylen == vp->v_keylen &&
	       memcmp(nk->nk_key, vp->v_key, vp->v_keylen) == 0;
}

#endif /* !VFS_NODEKEY_H */
