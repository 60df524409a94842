/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files and descriptor tables.  A struct file is reference counted: one
 * reference for each descriptor and one for each call that uses it.  Per-open
 * state of a file system hangs on f_fsdata.
 */
#ifndef KERN_FILE_H
#define KERN_FILE_H

#include <stdatomic.h>

#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/types.h"
#include "rump/rumphost.h"

struct file;
struct filedesc;
struct lwp;
struct rump_stat;
struct selector;
struct uio;

enum file_type {
	DTYPE_VNODE = 1,
	DTYPE_SOCKET = 2,
	DTYPE_PIPE = 3,
	DTYPE_KQUEUE = 4,
	DTYPE_MISC = 5
};

/* fo_read/fo_write: *offp is the position to use; with FOF_UPDATE_OFFSET it
 * is &fp->f_offset, locked by the operation, and moved by what was done. */
#define FOF_UPDATE_OFFSET 1

/*
 * Every operation may sleep and returns 0 or an errno; any may be NULL, which
 * answers EOPNOTSUPP (fo_ioctl: ENOTTY; fo_poll: always ready).
 *
 * A change of O_NONBLOCK reaches the object as fo_ioctl(FIONBIO), whether it
 * came by fcntl or ioctl; f_flag has the new value then, and ENOTTY means that
 * the object looks there itself.  fo_fcntl gets the record lock commands
 * (F_GETLK, F_SETLK, F_SETLKW; data: struct rump_flock) and F_FSCTL ones.
 */
struct fileops {
	const char *fo_name;
	/* May the caller have RUMP_O_NOATIME switched on?  0 or EPERM. */
	int (*fo_traceless)(struct file *fp);
	int (*fo_read)(struct file *fp, off_t *offp, struct uio *uio,
	    kauth_cred_t cred, int flags);
	int (*fo_write)(struct file *fp, off_t *offp, struct uio *uio,
	    kauth_cred_t cred, int flags);
	/* data: kernel memory of IOCPARM_LEN(cmd) bytes, in and out. */
	int (*fo_ioctl)(struct file *fp, unsigned long cmd, void *data);
	int (*fo_fcntl)(struct file *fp, unsigned cmd, void *data);
	/* Return ready NetBSD POLL* bits; record sel for wake-up if none and
	 * sel is not NULL. */
	int (*fo_poll)(struct file *fp, int events, struct selector *sel);
	int (*fo_stat)(struct file *fp, struct rump_stat *st);
	/* Last reference is gone. */
	int (*fo_close)(struct file *fp);
	/* fpathconf(2); NULL answers EINVAL. */
	int (*fo_fpathconf)(struct file *fp, int name, register_t *retval);
	/* flock(2), how: NetBSD LOCK_*. */
	int (*fo_flock)(struct file *fp, int how);
	/* The current process closed a descriptor of fp, perhaps not the last:
	 * POSIX record locks of the process end here. */
	void (*fo_fdclose)(struct file *fp);
	/* The host descriptor that the object is: its readiness is the
	 * object's.  *fd is the same for the life of fp.  NULL: there is none,
	 * and readiness is to be had from fo_poll. */
	int (*fo_hostfd)(struct file *fp, int *fd);
};

struct file {
	const struct fileops *f_ops; /* i */
	enum file_type f_type;       /* i */
	_Atomic uint32_t f_count;
	_Atomic uint32_t f_flag; /* FREAD | FWRITE | FNONBLOCK ... */
	kauth_cred_t f_cred;     /* i: owned, credential of the opener */
	void *f_data;            /* i: vnode, socket, ... (owned) */
	void *f_fsdata;          /* per-open state of the file system */
	kmutex_t f_lock;         /* protects f_offset */
	off_t f_offset;          /* f */
	_Atomic uint32_t f_seen; /* errors of delayed writes, of vfs/vnfile.c */
	struct rump_fileowner f_owner; /* f_lock */
};

/* Kernel open flags: FFLAGS(O_*) = O_* + 1, as in NetBSD. */
#define FREAD 0x1
#define FWRITE 0x2
#define FFLAGS(oflags) ((oflags) + 1)
#define OFLAGS(fflags) ((fflags)-1)

/*
 * Reserve a descriptor (lowest >= 0) and a file with one reference and the
 * current credential.  0, EMFILE, ENFILE.  Then either fd_affix() or
 * fd_abort().
 */
int fd_allocfile(struct file **fpp, int *fdp);
/* As fd_allocfile() but the lowest descriptor >= min, for an existing file;
 * EINVAL for a min that cannot be a descriptor. */
int fd_dup(struct file *fp, int min, int *fdp, bool cloexec);
/* Make the reserved descriptor visible; consumes the creator's reference. */
void fd_affix(struct file *fp, int fd, bool cloexec);
void fd_abort(struct file *fp, int fd);
/* The file behind fd with a reference for this call, or NULL (EBADF). */
struct file *fd_getfile(int fd);
void fd_putfile(struct file *fp);
/* Replace whatever is at newfd by fp (dup2).  0, EBADF or EMFILE. */
int fd_dup2(struct file *fp, int newfd, bool cloexec);
int fd_close(int fd);

/* Number of descriptors below which a table can be used. */
#define FD_LIMIT 65536

/* Descriptor flags: 0 or EBADF. */
int fd_getcloexec(int fd, bool *cloexec);
int fd_setcloexec(int fd, bool cloexec);
/* Close every descriptor >= min (F_CLOSEM), or all marked close-on-exec. */
void fd_closefrom(int min);
void fd_closeexec(struct filedesc *fdt);
/* Close every descriptor whose bit is not set in keep, of FD_LIMIT bits. */
void fd_closeexcept(const uint64_t *keep);
/* Highest descriptor in use, -1 if none. */
int fd_highest(void);

/* fo_ioctl, or ENOTTY. */
int file_ioctl(struct file *fp, unsigned long cmd, void *data);
/* Switch O_NONBLOCK or O_ASYNC and tell the object; when that refuses the
 * flag is as before. */
int file_setflag(struct file *fp, uint32_t flag, bool on);

/* A file without a descriptor, one reference and the current credential; for
 * files that never get one use this and file_unref().  0 or ENFILE. */
int file_create(struct file **fpp);
/* Take a reference unless the last one is gone. */
bool file_tryref(struct file *fp);
/* Drop a reference; the last one closes.  The error of fo_close, or 0. */
int file_unref(struct file *fp);
static inline void
file_ref(struct file *fp)
{
	atomic_fetch_add_explicit(&fp->f_count, 1, memory_order_relaxed);
}

/* Descriptor tables. */
struct filedesc *fdtable_create(void);
struct filedesc *fdtable_copy(struct filedesc *fdt);
void fdtable_ref(struct filedesc *fdt);
/* Drop a reference; closes everything with the last one. */
void fdtable_unref(struct filedesc *fdt);
bool fdtable_is_empty(struct filedesc *fdt);

#endif /* !KERN_FILE_H */
