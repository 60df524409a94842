/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts by URL for the program that hosts the kernel.  They are made with the
 * kernel's credential, whoever the program is: its mount table is its own.
 */
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "rump/rump.h"
#include "rump/rumperr.h"
#include "rump/rumphost.h"
#include "vfs/mount.h"
#include "vfs/namei.h"
#include "vfs/vop.h"

static int
lookup_kernel(const char *path, size_t len, enum nameiop op, uint32_t flags,
    struct nameidata *ni)
{
	ni->ni_startdir = NULL;
	ni->ni_op = op;
	ni->ni_flags = flags;
	ni->ni_intent = 0;
	ni->ni_cred = kauth_cred_kernel();
	memcpy(ni->ni_path, path, len);
	ni->ni_path[len] = '\0';
	return namei(ni);
}

/* Make the directory that the first len bytes of path name, if need be. */
static int
make_directory(const char *path, size_t len)
{
	struct nameidata ni;
	struct vattr va;
	int error;

	error = lookup_kernel(path, len, CREATE, NI_PARENT | NI_FOLLOW, &ni);
	if (error != 0)
		return error;
	if (ni.ni_vp == NULL) {
		error = ENOENT;
		if (ni.ni_dvp->v_mount == rootvnode->v_mount) {
			vattr_null(&va);
			va.va_type = VDIR;
			va.va_mode =
			    S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH;
			error = VOP_MKDIR(ni.ni_dvp, &ni.ni_vp, &ni.ni_cn, &va);
		}
	} else if (ni.ni_vp->v_type != VDIR) {
		error = ENOTDIR;
	}
	namei_done(&ni);
	return error;
}

/* Make each directory on the way. */
static int
make_path(const char *path)
{
	const char *p = path;
	int error = 0;

	while (error == 0) {
		while (*p == '/')
			p++;
		if (*p == '\0')
			break;
		while (*p != '/' && *p != '\0')
			p++;
		error = make_directory(path, (size_t)(p - path));
	}
	return error;
}

static const char *
explain(int error)
{
	switch (error) {
	case ENOENT:
		return "it does not exist there, and directories are made "
		       "only outside of other mounts";
	case ENOTDIR:
		return "a component of the path is not a directory";
	case ENAMESPACE:
		return "the path leads through an absolute symbolic link";
	case ELOOP:
		return "too many symbolic links";
	case ENAMETOOLONG:
		return "the path is too long";
	default:
		return rump_strerror(error);
	}
}

/* Check the mount point and copy it without slashes at its end. */
static int
check_directory(const char *dir, char *path, char *text, size_t size)
{
	size_t len = strnlen(dir, MAXPATHLEN);

	if (dir[0] != '/' || len == MAXPATHLEN) {
		ksnprintf(text, size,
		    "mount point '%s' is not an absolute path of less than "
		    "%d bytes",
		    dir, MAXPATHLEN);
		return EINVAL;
	}
	while (len > 1 && dir[len - 1] == '/')
		len--;
	memcpy(path, dir, len);
	path[len] = '\0';
	return 0;
}

/* The directory to mount on, made if need be. */
static int
find_directory(const char *path, struct nameidata *ni, char *text, size_t size)
{
	int error;

	error = make_path(path);
	if (error == 0)
		error =
		    lookup_kernel(path, strlen(path), LOOKUP, NI_FOLLOW, ni);
	if (error != 0)
		ksnprintf(
		    text, size, "cannot mount on %s: %s", path, explain(error));
	return error;
}

static int
mount_at(const char *dir, const char *source, char *text, size_t size)
{
	const struct vfsops *ops = vfs_byscheme(source);
	char path[MAXPATHLEN];
	struct nameidata ni;
	int error;

	error = check_directory(dir, path, text, size);
	if (error != 0)
		return error;
	if (ops == NULL) {
		ksnprintf(text, size,
		    "no file system takes '%s': the scheme before ':' is not "
		    "known",
		    source);
		return ENODEV;
	}
	error = find_directory(path, &ni, text, size);
	if (error != 0)
		return error;
	error = vfs_domount(ops, ni.ni_vp, path, 0, IMNT_ESCAPE, NULL, NULL,
	    source, text, size);
	namei_done(&ni);
	if (error != 0 && size > 0 && text[0] == '\0')
		ksnprintf(text, size, "cannot mount %s on %s: %s", source, path,
		    rump_strerror(error));
	return error;
}

int
rump_mount_url(const char *dir, const char *source, char *text, size_t size)
{
	int error;

	if (size > 0)
		text[0] = '\0';
	rump_schedule();
	error = mount_at(dir, source, text, size);
	rump_unschedule();
	return error;
}
