/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Path resolution.
 *
 * namei() is a loop over components.  The state is the directory reached so
 * far (a reference), what is left of the path, and the number of symbolic
 * links followed; a link's target is put in front of what is left.  Only a path
 * and a target are limited in length, the two together are not: what does not
 * fit ni_path stands in memory of its own until it does.  Mount points are
 * crossed downwards after each lookup and upwards on "..".
 *
 * In a program's process the kernel owns only part of the name space.  With
 * escapes on, an absolute link and ".." at the root of a mount that was made
 * for the program do not go on here: the path as the program would see it is
 * left in the lwp, and ENAMESPACE says so.  A process with a root directory of
 * its own has all of its name space here.
 */
#include "vfs/namei.h"

#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"
#include "kern/uio.h"
#include "rump/rump.h"
#include "rump/rumphost.h"
#include "vfs/cwd.h"
#include "vfs/etfs.h"
#include "vfs/mount.h"
#include "vfs/protect.h"
#include "vfs/vop.h"

struct walk {
	struct nameidata *wk_ni;
	struct vnode *wk_root; /* reference: what "/" and its ".." are */
	struct vnode *wk_dvp;  /* reference: directory reached */
	char *wk_next;         /* in ni_path or wk_long: what is left */
	char *wk_long;         /* or NULL */
	size_t wk_longsize;
	unsigned wk_links;
};

static _Atomic bool escape_on;

static void
escape_free(struct lwp *l)
{
	if (l->l_namei_escape == NULL)
		return;
	kmem_free(l->l_namei_escape, sizeof(struct namei_escape));
	l->l_namei_escape = NULL;
}

void
namei_init(void)
{
	static struct prochook hook = { .ph_lwpexit = escape_free };

	prochook_attach(&hook);
}

void
rump_namei_escape_set(bool on)
{
	atomic_store(&escape_on, on);
}

void
rump_namei_escape_lwp(bool on)
{
	struct lwp *l = lwp_enter();

	l->l_flag = on ? l->l_flag | LW_ESCAPE : l->l_flag & ~LW_ESCAPE;
}

static bool
escapes(const struct walk *wk)
{
	return wk->wk_root == rootvnode &&
	       (atomic_load_explicit(&escape_on, memory_order_relaxed) ||
		   (curlwp->l_flag & LW_ESCAPE) != 0);
}

static size_t
escape_take(char *buf, size_t size, unsigned *followed)
{
	struct namei_escape *ne = curlwp->l_namei_escape;
	size_t len;

	if (ne == NULL)
		return 0;
	len = strlen(ne->ne_path);
	if (len >= size)
		return 0;
	memcpy(buf, ne->ne_path, len + 1);
	*followed = ne->ne_followed;
	escape_free(curlwp);
	return len;
}

size_t
rump_namei_escaped(char *buf, size_t size, unsigned *followed)
{
	size_t len;

	rump_schedule();
	len = escape_take(buf, size, followed);
	rump_unschedule();
	return len;
}

/* Resolution goes on at first/second in the program's name space. */
static int
escape(struct walk *wk, const char *first, const char *second)
{
	struct namei_escape *ne = curlwp->l_namei_escape;
	int len;

	if (ne == NULL)
		ne = kmem_alloc(sizeof(*ne), KM_SLEEP);
	curlwp->l_namei_escape = ne;
	ne->ne_followed = wk->wk_links;
	len = ksnprintf(ne->ne_path, sizeof(ne->ne_path), "%s%s%s", first,
	    second[0] == '\0' || second[0] == '/' ? "" : "/", second);
	if (len < 0 || (size_t)len >= sizeof(ne->ne_path)) {
		escape_free(curlwp);
		return ENAMETOOLONG;
	}
	return ENAMESPACE;
}

static void
step_to(struct walk *wk, struct vnode *dvp)
{
	vrele(wk->wk_dvp);
	wk->wk_dvp = dvp;
}

/* Climb from roots of mounts to what they cover. */
static int
climb(struct walk *wk, bool *stay)
{
	*stay = false;
	for (;;) {
		struct vnode *dvp = wk->wk_dvp;
		struct mount *mp = dvp->v_mount;

		if (dvp == wk->wk_root || dvp == rootvnode) {
			*stay = true;
			return 0;
		}
		if (mp->mnt_root != dvp || mp->mnt_covered == NULL)
			return 0;
		if ((mp->mnt_iflag & IMNT_ESCAPE) != 0 && escapes(wk)) {
			char up[NAMEI_MAXPATH];
			int n =
			    ksnprintf(up, sizeof(up), "%s/..", mp->mnt_onname);

			if (n < 0 || (size_t)n >= sizeof(up))
				return ENAMETOOLONG;
			return escape(wk, up, wk->wk_next);
		}
		vref(mp->mnt_covered);
		step_to(wk, mp->mnt_covered);
	}
}

static int
read_target(
    struct vnode *vp, kauth_cred_t cred, char *buf, size_t size, size_t *len)
{
	struct rump_iovec iov;
	struct uio uio;
	int error;

	uio_init(&uio, &iov, buf, size - 1, 0, UIO_READ, UIO_SYSSPACE);
	error = VOP_READLINK(vp, &uio, cred);
	if (error != 0)
		return error;
	*len = size - 1 - uio.uio_resid;
	buf[*len] = '\0';
	if (*len == 0)
		return ENOENT;
	return strlen(buf) != *len ? EIO : 0;
}

static void
long_free(struct walk *wk)
{
	if (wk->wk_long != NULL)
		kmem_free(wk->wk_long, wk->wk_longsize);
	wk->wk_long = NULL;
}

/* Go on with the target, and behind it with what is left. */
static void
prepend(struct walk *wk, const char *target, size_t len)
{
	char *path = wk->wk_ni->ni_path, *buf = path;
	size_t rest = strlen(wk->wk_next), size = len + rest + 1;

	if (size > sizeof(wk->wk_ni->ni_path))
		buf = kmem_alloc(size, KM_SLEEP);
	memmove(buf + len, wk->wk_next, rest + 1);
	memcpy(buf, target, len);
	long_free(wk);
	if (buf != path) {
		wk->wk_long = buf;
		wk->wk_longsize = size;
	}
	wk->wk_next = buf;
}

/* The caller finds the last component in ni_path alone. */
static void
settle(struct walk *wk)
{
	struct nameidata *ni = wk->wk_ni;
	struct componentname *cn = &ni->ni_cn;

	if (wk->wk_long == NULL)
		return;
	memcpy(ni->ni_path, cn->cn_nameptr, cn->cn_namelen);
	cn->cn_nameptr = ni->ni_path;
	long_free(wk);
}

/* Replace the link just found by its target. */
static int
follow(struct walk *wk, struct vnode *link)
{
	struct nameidata *ni = wk->wk_ni;
	char target[NAMEI_MAXPATH];
	size_t len;
	int error;

	if (++wk->wk_links > NAMEI_MAXLINKS)
		return ELOOP;
	if ((ni->ni_cn.cn_flags & CN_ISLAST) != 0) {
		error = protect_follow(wk->wk_dvp, link, ni->ni_cred);
		if (error != 0)
			return error;
	}
	error = read_target(link, ni->ni_cred, target, sizeof(target), &len);
	if (error != 0)
		return error;
	if (target[0] == '/' && escapes(wk))
		return escape(wk, target, wk->wk_next);
	prepend(wk, target, len);
	if (target[0] == '/') {
		vref(wk->wk_root);
		step_to(wk, wk->wk_root);
	}
	return 0;
}

/* The component that cn begins at ends at p. */
static void
component_end(struct walk *wk, struct componentname *cn, char *p)
{
	struct nameidata *ni = wk->wk_ni;

	cn->cn_namelen = (size_t)(p - cn->cn_nameptr);
	wk->wk_next = p;
	ni->ni_trailing_slash = *p == '/';
	while (*p == '/')
		p++;
	cn->cn_flags = CN_MAKEENTRY;
	cn->cn_nameiop = LOOKUP;
	if (*p == '\0') {
		cn->cn_flags |= CN_ISLAST | ni->ni_intent;
		cn->cn_nameiop = ni->ni_op;
	}
	cn->cn_cred = ni->ni_cred;
	cn->cn_hash = cache_hash(cn->cn_nameptr, cn->cn_namelen);
}

/* Cut the next component off; false at the end of the path. */
static bool
component(struct walk *wk, struct componentname *cn)
{
	char *p = wk->wk_next;

	while (*p == '/')
		p++;
	if (*p == '\0')
		return false;
	cn->cn_nameptr = p;
	while (*p != '/' && *p != '\0')
		p++;
	component_end(wk, cn, p);
	return true;
}

static bool
is_dotdot(const struct componentname *cn)
{
	return cn->cn_namelen == 2 && cn->cn_nameptr[0] == '.' &&
	       cn->cn_nameptr[1] == '.';
}

static bool
is_dot(const struct componentname *cn)
{
	return cn->cn_namelen == 1 && cn->cn_nameptr[0] == '.';
}

/*
 * What the root directory has by key comes before what is in it; a key may be
 * several components long.  ENOENT: no key.
 */
static int
lookup_key(struct walk *wk, struct componentname *cn, struct vnode **vpp)
{
	size_t len;
	int error;

	if (wk->wk_dvp != rootvnode || !etfs_any())
		return ENOENT;
	error = etfs_lookup(cn->cn_nameptr, &len, vpp);
	if (error == 0)
		component_end(wk, cn, wk->wk_next - cn->cn_namelen + len);
	return error;
}

/* What is wrong with the directory has nothing to do with its last name. */
static int
may_search(struct vnode *dvp, struct componentname *cn)
{
	int error =
	    dvp->v_type != VDIR ? ENOTDIR : VOP_ACCESS(dvp, X_OK, cn->cn_cred);

	if (error != 0)
		cn->cn_flags &= ~CN_ISLAST;
	return error;
}

/* Look one name up in wk_dvp; *vpp is referenced, mounts are crossed. */
static int
lookup(struct walk *wk, struct componentname *cn, struct vnode **vpp)
{
	struct vnode *vp;
	bool stay = false;
	int error;

	error = may_search(wk->wk_dvp, cn);
	if (error != 0)
		return error;
	if (cn->cn_namelen > NAMEI_MAXNAME)
		return ENAMETOOLONG;
	if (is_dotdot(cn)) {
		cn->cn_flags |= CN_ISDOTDOT;
		error = climb(wk, &stay);
		if (error != 0)
			return error;
	}
	if (stay || is_dot(cn)) {
		vref(wk->wk_dvp);
		*vpp = wk->wk_dvp;
		return 0;
	}
	error = lookup_key(wk, cn, &vp);
	if (error == ENOENT)
		error = VOP_LOOKUP(wk->wk_dvp, &vp, cn);
	if (error != 0)
		return error;
	*vpp = mount_cross(vp);
	return 0;
}

/* Is the link that was found to be followed? */
static bool
wants_follow(const struct nameidata *ni, const struct componentname *cn)
{
	if ((cn->cn_flags & CN_ISLAST) == 0)
		return true;
	if (ni->ni_trailing_slash && ni->ni_op == LOOKUP)
		return true;
	return (ni->ni_flags & NI_FOLLOW) != 0;
}

/* The last component is not there: all right for those who want to make it. */
static int
absent(struct walk *wk)
{
	struct nameidata *ni = wk->wk_ni;

	if (ni->ni_op != CREATE && ni->ni_op != RENAME)
		return ENOENT;
	ni->ni_vp = NULL;
	return 0;
}

/* The walk ends at vp (reference taken over; NULL: absent). */
static int
finish(struct walk *wk, struct vnode *vp)
{
	struct nameidata *ni = wk->wk_ni;

	/* Who wants to make it says first that it is there. */
	if (vp != NULL && ni->ni_trailing_slash && vp->v_type != VDIR &&
	    ni->ni_op != CREATE) {
		vrele(vp);
		return ENOTDIR;
	}
	ni->ni_vp = vp;
	if ((ni->ni_flags & NI_PARENT) != 0) {
		vref(wk->wk_dvp);
		ni->ni_dvp = wk->wk_dvp;
	}
	return 0;
}

static int
walk(struct walk *wk)
{
	struct nameidata *ni = wk->wk_ni;
	struct componentname *cn = &ni->ni_cn;
	struct vnode *vp;
	int error;

	while (component(wk, cn)) {
		error = lookup(wk, cn, &vp);
		if (error == ENOENT &&
		    (cn->cn_flags & (CN_ISLAST | CN_ISDOTDOT)) == CN_ISLAST) {
			error = absent(wk);
			return error != 0 ? error : finish(wk, NULL);
		}
		if (error != 0)
			return error;
		if (vp->v_type == VLNK && wants_follow(ni, cn)) {
			error = follow(wk, vp);
			vrele(vp);
			if (error != 0)
				return error;
			continue;
		}
		if ((cn->cn_flags & CN_ISLAST) != 0)
			return finish(wk, vp);
		step_to(wk, vp);
	}
	/* "/" or only slashes behind a link to it: no last component. */
	cn->cn_nameptr = wk->wk_next;
	cn->cn_namelen = 0;
	cn->cn_flags = CN_ISLAST;
	cn->cn_nameiop = ni->ni_op;
	cn->cn_cred = ni->ni_cred;
	ni->ni_trailing_slash = false;
	vref(wk->wk_dvp);
	return finish(wk, wk->wk_dvp);
}

int
namei(struct nameidata *ni)
{
	struct walk wk = { .wk_ni = ni, .wk_next = ni->ni_path };
	int error;

	ni->ni_vp = ni->ni_dvp = NULL;
	ni->ni_trailing_slash = false;
	if (ni->ni_path[0] == '\0' && (ni->ni_flags & NI_EMPTYPATH) == 0)
		return ENOENT;
	wk.wk_root = cwd_root();
	if (ni->ni_path[0] == '/') {
		vref(wk.wk_root);
		wk.wk_dvp = wk.wk_root;
	} else if (ni->ni_startdir != NULL) {
		vref(ni->ni_startdir);
		wk.wk_dvp = ni->ni_startdir;
	} else {
		wk.wk_dvp = cwd_get();
	}
	error = walk(&wk);
	settle(&wk);
	vrele(wk.wk_dvp);
	vrele(wk.wk_root);
	return error;
}

void
namei_done(struct nameidata *ni)
{
	if (ni->ni_vp != NULL)
		vrele(ni->ni_vp);
	if (ni->ni_dvp != NULL)
		vrele(ni->ni_dvp);
	ni->ni_vp = ni->ni_dvp = NULL;
}

int
namei_user(const char *upath, struct vnode *start, uint32_t flags,
    uint32_t intent, struct vnode **vpp)
{
	struct nameidata ni;
	int error;

	ni.ni_startdir = start;
	ni.ni_op = LOOKUP;
	ni.ni_flags = flags;
	ni.ni_intent = intent;
	ni.ni_cred = curlwp->l_cred;
	error = copyinstr(upath, ni.ni_path, sizeof(ni.ni_path), NULL);
	if (error != 0)
		return error;
	error = namei(&ni);
	if (error != 0)
		return error;
	*vpp = ni.ni_vp;
	return 0;
}
