/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs/filepath.h"

#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "vfs/cwd.h"
#include "vfs/namei.h"
#include "vfs/vop.h"

/* The path of directory dvp with name (NULL: without) behind it. */
static int
path_below(struct vnode *dvp, const char *name, char *buf, size_t size)
{
	size_t len = name == NULL ? 0 : strlen(name) + 1;
	char *start;
	int error;

	if (len + 2 > size)
		return ERANGE;
	error = cwd_path(dvp, buf, size - len, &start);
	if (error != 0)
		return error;
	if (name != NULL) {
		/* The root's has a slash at its end. */
		if (start[0] == '/' && start[1] == '\0')
			start++;
		buf[size - len - 1] = '/';
		memcpy(buf + size - len, name, len);
	}
	memmove(buf, start, (size_t)(buf + size - start));
	return 0;
}

/* The directory and the name that path leads to, if that is vp. */
static bool
follow(
    const char *path, const struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct nameidata ni = {
		.ni_op = LOOKUP,
		.ni_flags = NI_FOLLOW | NI_PARENT,
		.ni_intent = CN_WANTATTR,
		.ni_cred = curlwp->l_cred,
	};
	bool same;

	if (path[0] != '/' || strlen(path) >= sizeof(ni.ni_path))
		return false;
	memcpy(ni.ni_path, path, strlen(path) + 1);
	if (namei(&ni) != 0)
		return false;
	same = ni.ni_vp == vp && ni.ni_dvp != NULL &&
	       ni.ni_cn.cn_namelen <= NAMEI_MAXNAME;
	if (same) {
		memcpy(name, ni.ni_cn.cn_nameptr, ni.ni_cn.cn_namelen);
		name[ni.ni_cn.cn_namelen] = '\0';
		vref(ni.ni_dvp);
		*dvpp = ni.ni_dvp;
	}
	namei_done(&ni);
	return same;
}

/* Of several names it is not to be known which is meant. */
static bool
known(struct vnode *vp, struct vnode **dvpp, char *name)
{
	struct vattr va;

	return VOP_GETATTR(vp, &va, curlwp->l_cred) == 0 && va.va_nlink == 1 &&
	       cache_revlookup(vp, dvpp, name);
}

int
filepath_get(struct vnode *vp, char *buf, size_t size)
{
	char name[NAMEI_MAXNAME + 1];
	struct vnode *dvp;
	int error;

	buf[size - 1] = '\0';
	if (vp->v_type == VDIR)
		return path_below(vp, NULL, buf, size);
	if (!follow(buf, vp, &dvp, name) && !known(vp, &dvp, name))
		return ENOENT;
	error = path_below(dvp, name, buf, size);
	vrele(dvp);
	return error;
}
