/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes, by two families of calls.  Those of Linux's shape give
 * the whole name.  extattr(2)'s have two name spaces instead of beginnings: USER
 * holds what the others call "user." and SYSTEM "trusted.", which is for root
 * just so.  Name and value are copied in before the file is looked for, and
 * whatever is copied to or from the caller goes by a buffer of the kernel's,
 * since no file system may wait for a caller's memory.
 */
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "syscall_table/sysprotos.h"
#include "vfs/syspath.h"
#include "vfs/xattr.h"

/* The file that is meant: by path, or by descriptor. */
struct subject {
	enum { FILE_OF_PATH, LINK_OF_PATH, FILE_OF_FD } su_how;
	const char *su_path;
	int su_fd;
};

static int
find(const struct subject *su, struct vnode **vpp)
{
	if (su->su_how == FILE_OF_FD)
		return descriptor_vnode(su->su_fd, vpp);
	return path_vnode(
	    AT_FDCWD, su->su_path, su->su_how == FILE_OF_PATH, vpp);
}

/* A name as the caller gives it. */
struct named {
	const char *na_name; /* the caller's */
	bool na_native;      /* of extattr(2), in its name space below */
	int na_space;
};

/* What names begin with that the caller does not say, or NULL. */
static const char *
prefix_of(const struct named *na)
{
	if (!na->na_native)
		return "";
	switch (na->na_space) {
	case EXTATTR_NAMESPACE_USER:
		return XATTR_USER;
	case EXTATTR_NAMESPACE_SYSTEM:
		return XATTR_TRUSTED;
	default:
		return NULL;
	}
}

static int
name_in(const struct named *na, char name[XATTR_NAME_MAX + 1])
{
	const char *prefix = prefix_of(na);
	size_t len, got;
	int error;

	if (prefix == NULL)
		return EINVAL;
	len = strlen(prefix);
	memcpy(name, prefix, len);
	error =
	    copyinstr(na->na_name, name + len, XATTR_NAME_MAX + 1 - len, &got);
	if (na->na_native)
		return error != 0 ? error : got == 1 ? EINVAL : 0;
	if (error == ENAMETOOLONG || (error == 0 && got == 1))
		return ERANGE;
	return error;
}

/* A buffer for size bytes, at least one: kmem_free(*buf, *bytes). */
static int
buffer(size_t size, void **buf, size_t *bytes)
{
	*bytes = MAX(size, 1);
	*buf = kmem_alloc(*bytes, KM_NOSLEEP);
	return *buf == NULL ? ENOMEM : 0;
}

static int
set_value(const struct subject *su, const char *name, const void *value,
    size_t size, int flags)
{
	struct vnode *vp;
	int error;

	error = find(su, &vp);
	if (error != 0)
		return error;
	error = xattr_set(vp, name, value, size, flags, curlwp->l_cred);
	vrele(vp);
	return error;
}

static int
set(const struct subject *su, struct named na, const void *data, size_t size,
    int flags)
{
	char name[XATTR_NAME_MAX + 1];
	size_t bytes;
	void *value;
	int error;

	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		return EINVAL;
	error = name_in(&na, name);
	if (error == 0 && size > XATTR_SIZE_MAX)
		error = E2BIG;
	if (error == 0)
		error = buffer(size, &value, &bytes);
	if (error != 0)
		return error;
	error = copyin(data, value, size);
	if (error == 0)
		error = set_value(su, name, value, size, flags);
	kmem_free(value, bytes);
	return error;
}

/* NetBSD's own answers with the number of bytes. */
static int
set_native(const struct subject *su, struct named na, const void *data,
    size_t size, register_t *retval)
{
	int error;

	error = set(su, na, data, size, 0);
	if (error == 0)
		*retval = (register_t)size;
	return error;
}

/* How much room there is, and what becomes of more. */
struct room {
	void *ro_data;
	size_t ro_size;
	bool ro_probe; /* nothing is copied: what size is it? */
	bool ro_cut;   /* no more than that is copied; else ERANGE */
};

/* Linux asks with a size of 0, extattr(2) with no place. */
static struct room
room_of(const struct named *na, void *data, size_t size)
{
	const bool probe = na->na_native ? data == NULL : size == 0;

	return (struct room){ data, probe ? 0 : size, probe, na->na_native };
}

/* size bytes there are, of which as many as there is room for in buf. */
static int
answer(const struct room *ro, const void *buf, size_t size, register_t *retval)
{
	int error;

	if (!ro->ro_probe && size > ro->ro_size) {
		if (!ro->ro_cut)
			return ERANGE;
		size = ro->ro_size;
	}
	error = ro->ro_probe ? 0 : copyout(buf, ro->ro_data, size);
	if (error == 0)
		*retval = (register_t)size;
	return error;
}

static int
get_value(const struct subject *su, const char *name, const struct room *ro,
    register_t *retval)
{
	size_t bytes, size;
	struct vnode *vp;
	void *buf;
	int error;

	error = find(su, &vp);
	if (error != 0)
		return error;
	error = buffer(MIN(ro->ro_size, XATTR_SIZE_MAX), &buf, &bytes);
	if (error != 0)
		goto out;
	error = xattr_get(vp, name, buf, MIN(ro->ro_size, XATTR_SIZE_MAX),
	    &size, curlwp->l_cred);
	if (error == 0)
		error = answer(ro, buf, size, retval);
	kmem_free(buf, bytes);
out:
	vrele(vp);
	return error;
}

static int
get(const struct subject *su, struct named na, void *data, size_t size,
    register_t *retval)
{
	const struct room ro = room_of(&na, data, size);
	char name[XATTR_NAME_MAX + 1];
	int error;

	error = name_in(&na, name);
	return error != 0 ? error : get_value(su, name, &ro, retval);
}

/* Names as a caller wants them: each with its NUL, or with its length before
 * it and without what they have in common. */
struct listing {
	char *li_buf;
	size_t li_room;
	size_t li_size; /* of all, whether there is room or not */
	const char *li_prefix;
	bool li_lengths;
};

static void
put(struct listing *li, const char *p, size_t len)
{
	if (li->li_size < li->li_room)
		memcpy(li->li_buf + li->li_size, p,
		    MIN(len, li->li_room - li->li_size));
	li->li_size += len;
}

static void
put_name(const char *name, void *arg)
{
	struct listing *li = arg;
	size_t common = strlen(li->li_prefix);
	uint8_t len;

	if (strncmp(name, li->li_prefix, common) != 0)
		return;
	name += common;
	len = (uint8_t)strlen(name);
	if (li->li_lengths)
		put(li, (const char *)&len, 1);
	put(li, name, (size_t)len + (li->li_lengths ? 0 : 1));
}

static int
list_names(const struct subject *su, struct listing *li)
{
	struct vnode *vp;
	int error;

	error = find(su, &vp);
	if (error != 0)
		return error;
	error = xattr_each(vp, put_name, li, curlwp->l_cred);
	vrele(vp);
	return error;
}

static int
list(const struct subject *su, struct named na, void *data, size_t size,
    register_t *retval)
{
	const struct room ro = room_of(&na, data, size);
	struct listing li = { .li_prefix = prefix_of(&na),
		.li_room = MIN(ro.ro_size, XATTR_LIST_MAX),
		.li_lengths = na.na_native };
	size_t bytes;
	void *buf;
	int error;

	if (li.li_prefix == NULL)
		return EINVAL;
	error = buffer(li.li_room, &buf, &bytes);
	if (error != 0)
		return error;
	li.li_buf = buf;
	error = list_names(su, &li);
	if (error == 0)
		error = answer(&ro, buf, li.li_size, retval);
	kmem_free(buf, bytes);
	return error;
}

static int
unset(const struct subject *su, struct named na)
{
	char name[XATTR_NAME_MAX + 1];
	struct vnode *vp;
	int error;

	error = name_in(&na, name);
	if (error == 0)
		error = find(su, &vp);
	if (error != 0)
		return error;
	error = xattr_remove(vp, name, curlwp->l_cred);
	vrele(vp);
	return error;
}

#define CALL(call, which, result)                                              \
	int sys_##call(struct lwp *l, const struct sys_##call##_args *uap,     \
	    register_t *retval)                                                \
	{                                                                      \
		const struct subject su = (which);                             \
                                                                               \
		return result;                                                 \
	}
#define BY_FILE ((struct subject){ FILE_OF_PATH, uap->path, -1 })
#define BY_LINK ((struct subject){ LINK_OF_PATH, uap->path, -1 })
#define BY_FD ((struct subject){ FILE_OF_FD, NULL, uap->fd })

/* extattr(2) */
#define NATIVE(name) ((struct named){ name, true, uap->attrnamespace })
#define NATIVE_CALLS(how, which)                                               \
	CALL(extattr_set_##how, which,                                         \
	    set_native(                                                        \
		&su, NATIVE(uap->attrname), uap->data, uap->nbytes, retval))   \
	CALL(extattr_get_##how, which,                                         \
	    get(&su, NATIVE(uap->attrname), uap->data, uap->nbytes, retval))   \
	CALL(extattr_list_##how, which,                                        \
	    list(&su, NATIVE(NULL), uap->data, uap->nbytes, retval))           \
	CALL(extattr_delete_##how, which, unset(&su, NATIVE(uap->attrname)))

NATIVE_CALLS(file, BY_FILE)
NATIVE_CALLS(link, BY_LINK)
NATIVE_CALLS(fd, BY_FD)

/* Of Linux's shape. */
#define WHOLE(name) ((struct named){ .na_name = name })
#define WHOLE_CALLS(l, which)                                                  \
	CALL(l##setxattr, which,                                               \
	    set(&su, WHOLE(uap->name), uap->value, uap->size, uap->flags))     \
	CALL(l##getxattr, which,                                               \
	    get(&su, WHOLE(uap->name), uap->value, uap->size, retval))         \
	CALL(l##listxattr, which,                                              \
	    list(&su, WHOLE(NULL), uap->list, uap->size, retval))              \
	CALL(l##removexattr, which, unset(&su, WHOLE(uap->name)))

WHOLE_CALLS(, BY_FILE)
WHOLE_CALLS(l, BY_LINK)
WHOLE_CALLS(f, BY_FD)

/* No file system keeps attributes in files that it would have to be told of. */
int
sys_extattrctl(
    struct lwp *l, const struct sys_extattrctl_args *uap, register_t *retval)
{
	const struct subject su = BY_FILE;
	struct vnode *vp;
	int error;

	error = find(&su, &vp);
	if (error != 0)
		return error;
	vrele(vp);
	return EOPNOTSUPP;
}
