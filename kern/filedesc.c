/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables: an array of pointers to chunks of slots.  Chunks are made
 * when a descriptor in them is first reserved and stay until the table goes, so
 * that lookups (see file.c) need no lock.  Each has a bitmap of the descriptors
 * in use, with reserved ones, and one of those marked close-on-exec; ft_hint is
 * a descriptor below which none is free.
 */
#include "kern/file.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/lwp.h"
#include "kern/netbsd.h"

#define CHUNK 256
#define NCHUNKS (FD_LIMIT / CHUNK)
#define WORDS (CHUNK / 64)

struct fdchunk {
	_Atomic(struct file *) fc_file[CHUNK]; /* ft_lock for writing */
	uint64_t fc_used[WORDS];               /* ft_lock */
	uint64_t fc_cloexec[WORDS];            /* ft_lock */
};

struct filedesc {
	_Atomic uint32_t ft_refcnt;
	kmutex_t ft_lock;
	int ft_hint;                                 /* ft_lock */
	_Atomic(struct fdchunk *) ft_chunk[NCHUNKS]; /* ft_lock for writing */
};

static inline struct fdchunk *
chunk_of(struct filedesc *ft, int fd)
{
	return atomic_load_explicit(
	    &ft->ft_chunk[fd / CHUNK], memory_order_acquire);
}

static inline bool
valid(int fd)
{
	return (unsigned)fd < FD_LIMIT;
}

static bool
bit_test(const uint64_t *map, int fd)
{
	return (map[fd % CHUNK / 64] >> (fd % 64) & 1) != 0;
}

static void
bit_set(uint64_t *map, int fd, bool on)
{
	uint64_t mask = (uint64_t)1 << (fd % 64);

	if (on)
		map[fd % CHUNK / 64] |= mask;
	else
		map[fd % CHUNK / 64] &= ~mask;
}

static struct fdchunk *
chunk_make(struct filedesc *ft, int fd)
{
	struct fdchunk *fc = chunk_of(ft, fd);

	if (fc != NULL)
		return fc;
	fc = kmem_zalloc(sizeof(*fc), KM_NOSLEEP);
	if (fc != NULL)
		atomic_store_explicit(
		    &ft->ft_chunk[fd / CHUNK], fc, memory_order_release);
	return fc;
}

/* The lowest free descriptor >= fd, or FD_LIMIT. */
static int
find_free(struct filedesc *ft, int fd)
{
	struct fdchunk *fc;
	uint64_t avail;

	while (fd < FD_LIMIT) {
		fc = chunk_of(ft, fd);
		if (fc == NULL)
			return fd;
		avail = ~fc->fc_used[fd % CHUNK / 64] >> (fd % 64);
		if (avail != 0)
			return fd + __builtin_ctzl(avail);
		fd = (fd / 64 + 1) * 64;
	}
	return FD_LIMIT;
}

/* Descriptors from here on are out of the process's limit. */
static int
fd_limit(void)
{
	return atomic_load_explicit(&curproc->p_nofile, memory_order_relaxed);
}

/* Reserve the lowest descriptor >= min. */
static int
reserve(struct filedesc *ft, int min, int *fdp)
{
	struct fdchunk *fc;
	int fd;

	KASSERT(mutex_owned(&ft->ft_lock));
	fd = find_free(ft, MAX(min, ft->ft_hint));
	if (fd >= fd_limit())
		return EMFILE;
	fc = chunk_make(ft, fd);
	if (fc == NULL)
		return EMFILE;
	bit_set(fc->fc_used, fd, true);
	bit_set(fc->fc_cloexec, fd, false);
	if (min <= ft->ft_hint)
		ft->ft_hint = fd + 1;
	*fdp = fd;
	return 0;
}

static void
release(struct filedesc *ft, struct fdchunk *fc, int fd)
{
	bit_set(fc->fc_used, fd, false);
	bit_set(fc->fc_cloexec, fd, false);
	if (fd < ft->ft_hint)
		ft->ft_hint = fd;
}

/* Take the file out of its slot and free the descriptor; NULL if not open. */
static struct file *
detach(struct filedesc *ft, int fd)
{
	struct fdchunk *fc = chunk_of(ft, fd);
	struct file *fp;

	KASSERT(mutex_owned(&ft->ft_lock));
	if (fc == NULL)
		return NULL;
	fp = atomic_load_explicit(
	    &fc->fc_file[fd % CHUNK], memory_order_relaxed);
	if (fp == NULL)
		return NULL;
	atomic_store_explicit(
	    &fc->fc_file[fd % CHUNK], NULL, memory_order_relaxed);
	release(ft, fc, fd);
	return fp;
}

/* fp has lost a descriptor of the current process. */
static int
drop(struct file *fp)
{
	if (fp->f_ops->fo_fdclose != NULL)
		fp->f_ops->fo_fdclose(fp);
	return file_unref(fp);
}

static void
publish(struct fdchunk *fc, int fd, struct file *fp, bool cloexec)
{
	bit_set(fc->fc_cloexec, fd, cloexec);
	atomic_store_explicit(
	    &fc->fc_file[fd % CHUNK], fp, memory_order_release);
}

int
fd_allocfile(struct file **fpp, int *fdp)
{
	struct filedesc *ft = curproc->p_fd;
	struct file *fp;
	int error, fd;

	error = file_create(&fp);
	if (error != 0)
		return error;
	mutex_enter(&ft->ft_lock);
	error = reserve(ft, 0, &fd);
	mutex_exit(&ft->ft_lock);
	if (error != 0) {
		(void)file_unref(fp);
		return error;
	}
	*fpp = fp;
	*fdp = fd;
	return 0;
}

void
fd_affix(struct file *fp, int fd, bool cloexec)
{
	struct filedesc *ft = curproc->p_fd;

	mutex_enter(&ft->ft_lock);
	publish(chunk_of(ft, fd), fd, fp, cloexec);
	mutex_exit(&ft->ft_lock);
}

void
fd_abort(struct file *fp, int fd)
{
	struct filedesc *ft = curproc->p_fd;

	mutex_enter(&ft->ft_lock);
	release(ft, chunk_of(ft, fd), fd);
	mutex_exit(&ft->ft_lock);
	(void)file_unref(fp);
}

struct file *
fd_getfile(int fd)
{
	_Atomic(struct file *) *slot;
	struct fdchunk *fc;
	struct file *fp;

	if (PREDICT_FALSE(!valid(fd)))
		return NULL;
	fc = chunk_of(curproc->p_fd, fd);
	if (PREDICT_FALSE(fc == NULL))
		return NULL;
	slot = &fc->fc_file[fd % CHUNK];
	for (;;) {
		fp = atomic_load_explicit(slot, memory_order_acquire);
		if (fp == NULL)
			return NULL;
		if (PREDICT_FALSE(!file_tryref(fp)))
			continue;
		if (PREDICT_TRUE(
			atomic_load_explicit(slot, memory_order_acquire) == fp))
			return fp;
		(void)file_unref(fp);
	}
}

void
fd_putfile(struct file *fp)
{
	(void)file_unref(fp);
}

int
fd_dup(struct file *fp, int min, int *fdp, bool cloexec)
{
	struct filedesc *ft = curproc->p_fd;
	int error, fd;

	/* No room at all, as for dup(2), is EMFILE. */
	if (min < 0 || (min > 0 && min >= fd_limit()))
		return EINVAL;
	mutex_enter(&ft->ft_lock);
	error = reserve(ft, min, &fd);
	if (error == 0) {
		file_ref(fp);
		publish(chunk_of(ft, fd), fd, fp, cloexec);
	}
	mutex_exit(&ft->ft_lock);
	if (error == 0)
		*fdp = fd;
	return error;
}

/* Put fp at fd, whatever is there; *oldp gets what was. */
static int
replace(struct filedesc *ft, struct file *fp, int fd, bool cloexec,
    struct file **oldp)
{
	struct fdchunk *fc = chunk_make(ft, fd);
	struct file *old;

	if (fc == NULL)
		return EMFILE;
	old = atomic_load_explicit(
	    &fc->fc_file[fd % CHUNK], memory_order_relaxed);
	/* Reserved by an open(2) that is still going on. */
	if (old == NULL && bit_test(fc->fc_used, fd))
		return EBADF;
	bit_set(fc->fc_used, fd, true);
	file_ref(fp);
	publish(fc, fd, fp, cloexec);
	*oldp = old;
	return 0;
}

int
fd_dup2(struct file *fp, int newfd, bool cloexec)
{
	struct filedesc *ft = curproc->p_fd;
	struct file *old = NULL;
	int error;

	if (newfd < 0 || newfd >= fd_limit())
		return EBADF;
	mutex_enter(&ft->ft_lock);
	error = replace(ft, fp, newfd, cloexec, &old);
	mutex_exit(&ft->ft_lock);
	if (old != NULL)
		(void)drop(old);
	return error;
}

int
fd_close(int fd)
{
	struct filedesc *ft = curproc->p_fd;
	struct file *fp;

	if (!valid(fd))
		return EBADF;
	mutex_enter(&ft->ft_lock);
	fp = detach(ft, fd);
	mutex_exit(&ft->ft_lock);
	return fp == NULL ? EBADF : drop(fp);
}

/* The chunk of an open descriptor, or NULL. */
static struct fdchunk *
chunk_open(struct filedesc *ft, int fd)
{
	struct fdchunk *fc = valid(fd) ? chunk_of(ft, fd) : NULL;

	if (fc == NULL || atomic_load_explicit(&fc->fc_file[fd % CHUNK],
			      memory_order_relaxed) == NULL)
		return NULL;
	return fc;
}

int
fd_getcloexec(int fd, bool *cloexec)
{
	struct filedesc *ft = curproc->p_fd;
	struct fdchunk *fc;

	mutex_enter(&ft->ft_lock);
	fc = chunk_open(ft, fd);
	if (fc != NULL)
		*cloexec = bit_test(fc->fc_cloexec, fd);
	mutex_exit(&ft->ft_lock);
	return fc == NULL ? EBADF : 0;
}

int
fd_setcloexec(int fd, bool cloexec)
{
	struct filedesc *ft = curproc->p_fd;
	struct fdchunk *fc;

	mutex_enter(&ft->ft_lock);
	fc = chunk_open(ft, fd);
	if (fc != NULL)
		bit_set(fc->fc_cloexec, fd, cloexec);
	mutex_exit(&ft->ft_lock);
	return fc == NULL ? EBADF : 0;
}

/* The next open descriptor >= fd in a chunk that exists, or FD_LIMIT. */
static int
next_open(struct filedesc *ft, int fd)
{
	while (fd < FD_LIMIT) {
		if (chunk_of(ft, fd) == NULL)
			fd = (fd / CHUNK + 1) * CHUNK;
		else if (chunk_open(ft, fd) == NULL)
			fd++;
		else
			break;
	}
	return fd;
}

/* For nobody who asks how that went. */
static void
drop_unheard(struct file *fp)
{
	bool inner = (curlwp->l_flag & LW_UNHEARD) != 0;

	curlwp->l_flag |= LW_UNHEARD;
	(void)drop(fp);
	if (!inner)
		curlwp->l_flag &= ~(uint32_t)LW_UNHEARD;
}

/* Close the open descriptors >= min, or of them those marked. */
static void
close_many(struct filedesc *ft, int min, bool marked_only)
{
	struct file *fp;
	int fd;

	for (fd = next_open(ft, min); fd < FD_LIMIT;
	     fd = next_open(ft, fd + 1)) {
		fp = NULL;
		mutex_enter(&ft->ft_lock);
		if (!marked_only || bit_test(chunk_of(ft, fd)->fc_cloexec, fd))
			fp = detach(ft, fd);
		mutex_exit(&ft->ft_lock);
		if (fp != NULL)
			drop_unheard(fp);
	}
}

void
fd_closefrom(int min)
{
	close_many(curproc->p_fd, MAX(min, 0), false);
}

void
fd_closeexec(struct filedesc *ft)
{
	close_many(ft, 0, true);
}

void
fd_closeexcept(const uint64_t *keep)
{
	struct filedesc *ft = curproc->p_fd;
	struct file *fp;
	int fd;

	for (fd = next_open(ft, 0); fd < FD_LIMIT; fd = next_open(ft, fd + 1)) {
		if ((keep[fd / 64] >> (fd % 64) & 1) != 0)
			continue;
		mutex_enter(&ft->ft_lock);
		fp = detach(ft, fd);
		mutex_exit(&ft->ft_lock);
		if (fp != NULL)
			drop_unheard(fp);
	}
}

int
fd_highest(void)
{
	struct filedesc *ft = curproc->p_fd;
	int fd, last = -1;

	for (fd = next_open(ft, 0); fd < FD_LIMIT; fd = next_open(ft, fd + 1))
		last = fd;
	return last;
}

struct filedesc *
fdtable_create(void)
{
	struct filedesc *ft = kmem_zalloc(sizeof(*ft), KM_SLEEP);

	atomic_init(&ft->ft_refcnt, 1);
	mutex_init(&ft->ft_lock, "filedesc");
	return ft;
}

static void
copy_chunk(struct filedesc *ft, struct fdchunk *fc, unsigned i)
{
	struct fdchunk *new = kmem_zalloc(sizeof(*new), KM_SLEEP);
	struct file *fp;

	for (int fd = 0; fd < CHUNK; fd++) {
		fp = atomic_load_explicit(
		    &fc->fc_file[fd], memory_order_relaxed);
		if (fp == NULL)
			continue;
		file_ref(fp);
		bit_set(new->fc_used, fd, true);
		publish(new, fd, fp, bit_test(fc->fc_cloexec, fd));
	}
	atomic_store_explicit(&ft->ft_chunk[i], new, memory_order_release);
}

struct filedesc *
fdtable_copy(struct filedesc *old)
{
	struct filedesc *ft = fdtable_create();
	struct fdchunk *fc;

	mutex_enter(&old->ft_lock);
	for (unsigned i = 0; i < NCHUNKS; i++) {
		fc = chunk_of(old, i * CHUNK);
		if (fc != NULL)
			copy_chunk(ft, fc, i);
	}
	mutex_exit(&old->ft_lock);
	return ft;
}

void
fdtable_ref(struct filedesc *ft)
{
	atomic_fetch_add_explicit(&ft->ft_refcnt, 1, memory_order_relaxed);
}

bool
fdtable_is_empty(struct filedesc *ft)
{
	return next_open(ft, 0) >= FD_LIMIT;
}

void
fdtable_unref(struct filedesc *ft)
{
	struct fdchunk *fc;

	if (atomic_fetch_sub_explicit(
		&ft->ft_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	close_many(ft, 0, false);
	for (unsigned i = 0; i < NCHUNKS; i++) {
		fc = chunk_of(ft, i * CHUNK);
		if (fc != NULL)
			kmem_free(fc, sizeof(*fc));
	}
	mutex_destroy(&ft->ft_lock);
	kmem_free(ft, sizeof(*ft));
}
