/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: no file system here has them.  The file is looked up all
 * the same, so that a wrong name is told from a missing feature.
 */
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"
#include "vfs/syspath.h"

static int
by_path(const char *path, bool follow)
{
	struct vnode *vp;
	int error;

	error = path_vnode(AT_FDCWD, path, follow, &vp);
	if (error != 0)
		return error;
	vrele(vp);
	return EOPNOTSUPP;
}

static int
by_fd(int fd)
{
	struct vnode *vp;
	int error;

	error = descriptor_vnode(fd, &vp);
	if (error != 0)
		return error;
	vrele(vp);
	return EOPNOTSUPP;
}

#define BY_PATH(name, follow)                                                  \
	int sys_##name(struct lwp *l, const struct sys_##name##_args *uap,     \
	    register_t *retval)                                                \
	{                                                                      \
		return by_path(uap->path, (follow));                           \
	}
#define BY_FD(name)                                                            \
	int sys_##name(struct lwp *l, const struct sys_##name##_args *uap,     \
	    register_t *retval)                                                \
	{                                                                      \
		return by_fd(uap->fd);                                         \
	}

BY_PATH(extattrctl, true)
BY_PATH(extattr_set_file, true)
BY_PATH(extattr_get_file, true)
BY_PATH(extattr_delete_file, true)
BY_PATH(extattr_list_file, true)
BY_PATH(extattr_set_link, false)
BY_PATH(extattr_get_link, false)
BY_PATH(extattr_delete_link, false)
BY_PATH(extattr_list_link, false)
BY_FD(extattr_set_fd)
BY_FD(extattr_get_fd)
BY_FD(extattr_delete_fd)
BY_FD(extattr_list_fd)
BY_PATH(setxattr, true)
BY_PATH(getxattr, true)
BY_PATH(listxattr, true)
BY_PATH(removexattr, true)
BY_PATH(lsetxattr, false)
BY_PATH(lgetxattr, false)
BY_PATH(llistxattr, false)
BY_PATH(lremovexattr, false)
BY_FD(fsetxattr)
BY_FD(fgetxattr)
BY_FD(flistxattr)
BY_FD(fremovexattr)
