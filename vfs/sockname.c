/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * The host's socket of a node is bound to base/ID/s.  The base is a directory of
 * this kernel with a name that nobody can guess; where processes of other users
 * may be served they can search it.  ID is a directory of the user who binds,
 * and nobody else can search that: whoever connects gets the file itself, as an
 * O_PATH descriptor, after the node has been looked up and its mode checked
 * here.  So the host lets everybody write to the file, and a change of the
 * node's mode, owner or name needs nothing done.  base/ID.name is a symbolic
 * link to what the program calls the socket.
 *
 * A node that is removed often leaves a socket that goes on, and is asked for
 * its name: its files stay until many others have been removed and nothing is
 * bound any more.  The rest goes at the kernel's end.
 */
#include "vfs/sockname.h"

#include "kern/boot.h"
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/queue.h"
#include "kern/uio.h"
#include "vfs/mount.h"
#include "vfs/nodekey.h"
#include "vfs/syspath.h"
#include "vfs/user.h"
#include "vfs/vnfile.h"
#include "vfs/vop.h"

#define DIR_MAX (SOCKBASE_MAX + 9)
#define PATH_MAX_HOST (DIR_MAX + 5)
#define MAXNAMES 65536
#define MAXGONE 256 /* whose files stay without a look whether they are used */

struct sockbase {
	struct sockbase *sb_next; /* i */
	int sb_hostfd;            /* i: owned */
	char sb_path[SOCKBASE_MAX];
};

struct sockname {
	struct list sn_list; /* sockname_lock */
	char sn_dir[DIR_MAX];
	struct nodekey sn_key;
};

/* Of an open file. */
struct sockfile {
	bool sf_making; /* i: a socket is to be bound */
	int sf_hostfd;  /* i: owned; else */
	char sf_dir[DIR_MAX];
};

static kmutex_t sockname_lock;
static struct list names = LIST_INITIALIZER(names); /* sockname_lock */
/* Nodes that were removed, oldest first. */
static struct list gone = LIST_INITIALIZER(gone); /* sockname_lock */
static unsigned nnames, ngone;                    /* sockname_lock */
static _Atomic(struct sockbase *) bases;
static _Atomic uint32_t next_id;

/* --- files of the host -------------------------------------------------- */

static void
name_path(char *path, const char *dir)
{
	ksnprintf(path, PATH_MAX_HOST, "%s.name", dir);
}

static void
socket_path(char *path, const char *dir)
{
	ksnprintf(path, PATH_MAX_HOST, "%s/s", dir);
}

static int
base_make(void)
{
	struct sockbase *sb = kmem_alloc(sizeof(*sb), KM_SLEEP);
	int error;

	error = rumpcomp_vfs_sockbase(sb->sb_path, &sb->sb_hostfd);
	if (error != 0) {
		kmem_free(sb, sizeof(*sb));
		return error;
	}
	sb->sb_next = atomic_load(&bases);
	while (!atomic_compare_exchange_weak(&bases, &sb->sb_next, sb))
		continue;
	return 0;
}

static bool
is_elsewhere(int error)
{
	return error == ENOENT || error == EACCES || error == EPERM;
}

static int
dir_in(const struct sockbase *sb, char *dir)
{
	kauth_cred_t cred = curlwp->l_cred;

	ksnprintf(dir, DIR_MAX, "%s/%08x", sb->sb_path,
	    atomic_fetch_add(&next_id, 1));
	return rumpcomp_vfs_sockdir(dir, cred->cr_euid, cred->cr_egid);
}

static int
dir_in_any(char *dir)
{
	const struct sockbase *sb;
	int error = ENOENT;

	for (sb = atomic_load(&bases); sb != NULL && is_elsewhere(error);
	     sb = sb->sb_next)
		error = dir_in(sb, dir);
	return error;
}

/* Who has changed its user since does not get into an old base, nor does who
 * has had it removed. */
static int
dir_make(char *dir)
{
	int error;

	error = dir_in_any(dir);
	if (!is_elsewhere(error))
		return error;
	error = base_make();
	return error != 0 ? error : dir_in_any(dir);
}

static void
dir_remove(const char *dir)
{
	char path[PATH_MAX_HOST];

	socket_path(path, dir);
	rumpcomp_vfs_unlink(path, false);
	name_path(path, dir);
	rumpcomp_vfs_unlink(path, false);
	rumpcomp_vfs_unlink(dir, true);
}

static void
sockname_destroy(struct sockname *sn)
{
	dir_remove(sn->sn_dir);
	kmem_free(sn, sizeof(*sn) + sn->sn_key.nk_keylen);
}

/* --- nodes -------------------------------------------------------------- */

static struct sockname *
find_locked(const struct vnode *vp)
{
	struct list *n;

	KASSERT(mutex_owned(&sockname_lock));
	LIST_FOREACH (n, &names) {
		struct sockname *sn = LIST_ENTRY(n, struct sockname, sn_list);

		if (nodekey_is(&sn->sn_key, vp))
			return sn;
	}
	return NULL;
}

static void
give_up_locked(struct sockname *sn)
{
	KASSERT(mutex_owned(&sockname_lock));
	list_remove(&sn->sn_list);
	list_insert_tail(&gone, &sn->sn_list);
	nnames--;
	ngone++;
}

/* The oldest of those that are gone, if there are too many. */
static struct sockname *
take_gone(void)
{
	struct sockname *sn = NULL;

	mutex_enter(&sockname_lock);
	if (ngone > MAXGONE) {
		sn = LIST_ENTRY(gone.next, struct sockname, sn_list);
		list_remove(&sn->sn_list);
		ngone--;
	}
	mutex_exit(&sockname_lock);
	return sn;
}

static void
put_gone(struct sockname *sn)
{
	mutex_enter(&sockname_lock);
	list_insert_tail(&gone, &sn->sn_list);
	ngone++;
	mutex_exit(&sockname_lock);
}

/* Two for each that comes: there will not be more of them than sockets. */
static void
prune(void)
{
	char path[PATH_MAX_HOST];
	struct sockname *sn;

	for (int i = 0; i < 2; i++) {
		sn = take_gone();
		if (sn == NULL)
			return;
		socket_path(path, sn->sn_dir);
		if (rumpcomp_vfs_sockbound(path))
			put_gone(sn);
		else
			sockname_destroy(sn);
	}
}

void
sockname_removed(struct vnode *vp)
{
	struct vattr va;
	struct sockname *sn;

	if (vp->v_type != VSOCK ||
	    (VOP_GETATTR(vp, &va, curlwp->l_cred) == 0 && va.va_nlink > 0))
		return;
	mutex_enter(&sockname_lock);
	sn = find_locked(vp);
	if (sn != NULL)
		give_up_locked(sn);
	mutex_exit(&sockname_lock);
	prune();
}

void
sockname_unmounted(const struct mount *mp)
{
	struct list *n, *next;

	mutex_enter(&sockname_lock);
	LIST_FOREACH_SAFE(n, next, &names)
	{
		struct sockname *sn = LIST_ENTRY(n, struct sockname, sn_list);

		if (sn->sn_key.nk_mount == mp)
			give_up_locked(sn);
	}
	mutex_exit(&sockname_lock);
}

/* A node that is made anew may have the key of one that another client of its
 * server has removed. */
static void
enter(const struct vnode *vp, const char *dir)
{
	struct sockname *old,
	    *sn = kmem_zalloc(sizeof(*sn) + vp->v_keylen, KM_SLEEP);

	memcpy(sn->sn_dir, dir, sizeof(sn->sn_dir));
	nodekey_set(&sn->sn_key, vp);
	mutex_enter(&sockname_lock);
	old = find_locked(vp);
	if (old != NULL)
		give_up_locked(old);
	list_insert_head(&names, &sn->sn_list);
	nnames++;
	mutex_exit(&sockname_lock);
}

/* --- opening ------------------------------------------------------------ */

bool
sockname_wanted(int oflags, mode_t mode)
{
	const int all = O_CREAT | O_EXCL | O_ALT_IO;

	return (oflags & all) == all && (mode & S_IFMT) == S_IFSOCK;
}

static int
sockfile_make(struct sockfile **sfp)
{
	struct sockfile *sf = kmem_zalloc(sizeof(*sf), KM_SLEEP);
	bool full;
	int error;

	mutex_enter(&sockname_lock);
	full = nnames >= MAXNAMES;
	mutex_exit(&sockname_lock);
	sf->sf_making = true;
	error = full ? ENFILE : dir_make(sf->sf_dir);
	if (error != 0) {
		kmem_free(sf, sizeof(*sf));
		return error;
	}
	*sfp = sf;
	return 0;
}

int
sockname_make(int dirfd, const char *path, mode_t mode, register_t *retval)
{
	struct sockfile *sf;
	struct vnode *vp;
	struct file *fp;
	int error, fd;

	error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	error = sockfile_make(&sf);
	if (error != 0)
		goto fail_file;
	error = make_node(dirfd, path, VSOCK, mode, 0, &vp);
	if (error != 0)
		goto fail_dir;
	fp->f_fsdata = sf;
	error = vn_openfile(fp, vp, FFLAGS(O_RDWR | O_ALT_IO));
	KASSERT(error == 0);
	fd_affix(fp, fd, false);
	*retval = fd;
	return 0;

fail_dir:
	dir_remove(sf->sf_dir);
	kmem_free(sf, sizeof(*sf));
fail_file:
	fd_abort(fp, fd);
	return error;
}

/* An open file by which to connect to what is in dir. */
static int
open_bound(const char *dir, struct file *fp)
{
	struct sockfile *sf = kmem_zalloc(sizeof(*sf), KM_SLEEP);
	char path[PATH_MAX_HOST];
	int error;

	socket_path(path, dir);
	error = rumpcomp_vfs_sockopen(path, &sf->sf_hostfd);
	if (error != 0) {
		kmem_free(sf, sizeof(*sf));
		return error == ENOENT ? ENXIO : error;
	}
	fp->f_fsdata = sf;
	return 0;
}

int
sockname_open(struct vnode *vp, int fflags, struct file *fp)
{
	struct sockfile *sf = fp->f_fsdata;
	struct sockname *sn;
	char dir[DIR_MAX];

	if ((fflags & O_ALT_IO) == 0)
		return EOPNOTSUPP;
	if (sf != NULL) {
		enter(vp, sf->sf_dir);
		/* Its name may have gone while this was on its way. */
		sockname_removed(vp);
		return 0;
	}
	mutex_enter(&sockname_lock);
	sn = find_locked(vp);
	if (sn != NULL)
		memcpy(dir, sn->sn_dir, sizeof(dir));
	mutex_exit(&sockname_lock);
	if (sn == NULL || (fflags & FWRITE) == 0)
		return ENXIO;
	return open_bound(dir, fp);
}

/* --- files -------------------------------------------------------------- */

static int
sockname_read(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	const struct sockfile *sf = fp->f_fsdata;
	char path[PATH_MAX_HOST];

	if (!sf->sf_making)
		return EOPNOTSUPP;
	socket_path(path, sf->sf_dir);
	return uiomove(path, MIN(strlen(path), uio->uio_resid), uio);
}

static int
sockname_write(
    struct file *fp, off_t *offp, struct uio *uio, kauth_cred_t cred, int flags)
{
	const struct sockfile *sf = fp->f_fsdata;
	char path[PATH_MAX_HOST], name[SOCKNAME_MAX + 1];
	size_t len = uio->uio_resid;
	int error;

	if (!sf->sf_making)
		return EOPNOTSUPP;
	if (len > SOCKNAME_MAX)
		return ENAMETOOLONG;
	error = uiomove(name, len, uio);
	if (error != 0)
		return error;
	name[len] = '\0';
	name_path(path, sf->sf_dir);
	return rumpcomp_vfs_symlink(name, path);
}

static int
sockname_hostfd(struct file *fp, int *fd)
{
	const struct sockfile *sf = fp->f_fsdata;

	if (sf->sf_making)
		return EOPNOTSUPP;
	*fd = sf->sf_hostfd;
	return 0;
}

static int
sockname_close(struct file *fp)
{
	struct sockfile *sf = fp->f_fsdata;
	char path[PATH_MAX_HOST];

	if (sf->sf_making) {
		socket_path(path, sf->sf_dir);
		rumpcomp_vfs_sockopenall(path, fp->f_cred->cr_euid);
	} else {
		rumpcomp_vfs_close(sf->sf_hostfd);
	}
	kmem_free(sf, sizeof(*sf));
	return vn_closefile(fp);
}

const struct fileops sockname_fileops = {
	.fo_name = "sockname",
	.fo_read = sockname_read,
	.fo_write = sockname_write,
	.fo_stat = vn_stat,
	.fo_close = sockname_close,
	.fo_fdclose = vn_fdclose,
	.fo_hostfd = sockname_hostfd,
};

/* --- the end ------------------------------------------------------------ */

static void
destroy_all(struct list *all)
{
	struct list *n, *next;

	LIST_FOREACH_SAFE(n, next, all)
	{
		list_remove(n);
		sockname_destroy(LIST_ENTRY(n, struct sockname, sn_list));
	}
}

static void
remove_at_shutdown(int howto)
{
	struct sockbase *sb = atomic_exchange(&bases, NULL), *next;

	mutex_enter(&sockname_lock);
	destroy_all(&names);
	destroy_all(&gone);
	nnames = ngone = 0;
	mutex_exit(&sockname_lock);
	for (; sb != NULL; sb = next) {
		next = sb->sb_next;
		rumpcomp_vfs_unlink(sb->sb_path, true);
		rumpcomp_vfs_close(sb->sb_hostfd);
		kmem_free(sb, sizeof(*sb));
	}
}

void
sockname_init(void)
{
	mutex_init(&sockname_lock, "sockname");
	shutdown_hook_attach(remove_at_shutdown);
}
