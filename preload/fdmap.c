/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * The table has two levels; the second is made on demand and never freed, so
 * that reading a slot takes no lock.  A slot holds NULL (the host's), HIDDEN
 * (ours) or a struct rfile from a type-stable pool.
 *
 * fdmap_get() takes a reference only if there is still one and looks again
 * whether the slot still holds the file: a file that is closed and reused in
 * between is never returned.  A call that is under way keeps the file open when
 * another thread closes the number, as in the host kernel.
 *
 * Changing a number always empties the slot before the host's descriptor goes
 * away and fills it after the host's descriptor has come: in between, the
 * number is a placeholder that fails with EBADF, never another file.  Two
 * threads that change one number at a time may leave a file in a slot whose
 * number is not a placeholder; whoever was last, with the slot or with the
 * host, looks and takes it out (settle()).
 *
 * A vfork child shares this memory but not the descriptor table: it changes
 * nothing here, and its host descriptors go away with exec.  A number that it
 * has given to a file of the host is told from a rump file's by looking at the
 * host's descriptor.
 *
 * The placeholder names a symbolic link of the host: nothing can be opened
 * through /proc/self/fd (ELOOP), whatever gets there past the routes.
 */
#include "preload/fdmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "preload/abi/errno.h"
#include "preload/backend.h"
#include "preload/call.h"
#include "preload/dirs.h"
#include "preload/hidden.h"
#include "preload/lock.h"
#include "preload/nofile.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/watch.h"
#include "rump/rump_syscallnum.h"

#define SECOND 1024 /* slots of a second-level table */
#define FIRST 1024
#define MAXFD (FIRST * SECOND)
#define HIDDEN ((struct rfile *)1)

typedef _Atomic(struct rfile *) slot_t;

static _Atomic(slot_t *) table[FIRST];
static struct pool rfiles = POOL_INIT(sizeof(struct rfile) + 8, 4096);
static _Atomic(struct rfile *) left; /* see leave_behind() */
static atomic_int placeholder = -1;
static struct stat placeholder_stat;

/* A pool's free list lives in the first 8 bytes; the count stands behind it. */
static struct rfile *
rfile_of(void *obj)
{
	return (struct rfile *)((char *)obj + 8);
}

/* The next one of those left behind, in the same place. */
static struct rfile **
rfile_link(struct rfile *rf)
{
	return (struct rfile **)rf - 1;
}

static slot_t *
slot_find(long fd)
{
	slot_t *second;

	if ((unsigned long)fd >= MAXFD)
		return NULL;
	second =
	    atomic_load_explicit(&table[fd / SECOND], memory_order_acquire);
	return second == NULL ? NULL : &second[fd % SECOND];
}

/* As slot_find(), making the table; NULL when memory or numbers are out. */
static slot_t *
slot_make(long fd)
{
	slot_t *second = NULL, *mine;
	long r;

	if ((unsigned long)fd >= MAXFD)
		return NULL;
	if (slot_find(fd) != NULL)
		return slot_find(fd);
	r = HOST(SYS_mmap, 0, SECOND * sizeof(slot_t), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return NULL;
	mine = (slot_t *)r;
	if (!atomic_compare_exchange_strong(&table[fd / SECOND], &second, mine))
		HOST(SYS_munmap, mine, SECOND * sizeof(slot_t), 0, 0, 0, 0);
	return slot_find(fd);
}

static struct rfile *
slot_load(long fd)
{
	slot_t *slot = slot_find(fd);

	return slot == NULL ? NULL
			    : atomic_load_explicit(slot, memory_order_acquire);
}

/* Empty a slot that is not HIDDEN; returns what it held, with its reference. */
static struct rfile *
slot_take(long fd)
{
	slot_t *slot = slot_find(fd);
	struct rfile *rf;

	if (slot == NULL)
		return NULL;
	rf = atomic_load(slot);
	while (rf != NULL && rf != HIDDEN &&
	       !atomic_compare_exchange_weak(slot, &rf, NULL))
		continue;
	return rf == HIDDEN ? NULL : rf;
}

bool
fdmap_is_rump(long fd)
{
	return slot_load((int)fd) != NULL;
}

bool
fdmap_is_hidden(long fd)
{
	return slot_load((int)fd) == HIDDEN;
}

bool
fdmap_set_hidden(long fd, bool hidden)
{
	slot_t *slot = hidden ? slot_make(fd) : slot_find(fd);

	if (slot == NULL)
		return false;
	atomic_store_explicit(
	    slot, hidden ? HIDDEN : NULL, memory_order_release);
	return true;
}

static bool
rfile_ref(struct rfile *rf)
{
	uint32_t refs =
	    atomic_load_explicit(&rf->rf_refs, memory_order_relaxed);

	while (refs != 0) {
		if (atomic_compare_exchange_weak_explicit(&rf->rf_refs, &refs,
			refs + 1, memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

bool
fdmap_is_placeholder(long fd)
{
	struct stat st;

	return HOST(SYS_fstat, fd, &st, 0, 0, 0, 0) == 0 &&
	       st.st_dev == placeholder_stat.st_dev &&
	       st.st_ino == placeholder_stat.st_ino;
}

struct rfile *
fdmap_get(long fd, int *error)
{
	struct rfile *rf;

	*error = 0;
	for (;;) {
		rf = slot_load((int)fd);
		if (rf == NULL)
			return NULL;
		if (rf == HIDDEN) {
			*error = EBADF;
			return NULL;
		}
		if (!rfile_ref(rf))
			continue;
		if (slot_load((int)fd) == rf)
			return rf;
		fdmap_put(rf);
	}
}

struct rfile *
fdmap_get_rump(long fd, int *error)
{
	struct rfile *rf = fdmap_get(fd, error);

	if (rf != NULL &&
	    (rf->rf_fd < 0 ||
		(!process_owns_memory() && !fdmap_is_placeholder((int)fd)))) {
		fdmap_put(rf);
		return NULL;
	}
	return rf;
}

long
fdmap_next(long fd)
{
	for (; fd < MAXFD; fd++) {
		struct rfile *rf;

		if (slot_find(fd) == NULL) {
			fd |= SECOND - 1;
			continue;
		}
		rf = slot_load(fd);
		if (rf != NULL && rf != HIDDEN && rf->rf_fd >= 0)
			return fd;
	}
	return -1;
}

static int
rump_close(int fd)
{
	int64_t args[BACKEND_SLOTS] = { fd }, retval[2];

	if (fd < 0 || !backend_reachable())
		return 0;
	return (int)rump_backend_syscall(RUMP_SYS_close, args, retval);
}

static int
rfile_destroy(struct rfile *rf)
{
	int fd = rf->rf_fd;

	watches_destroy(rf);
	if (rf->rf_dir != NULL)
		dirpos_destroy(rf->rf_dir);
	if (rf->rf_path != NULL)
		string_free(rf->rf_path);
	pool_put(&rfiles, (char *)rf - 8);
	return rump_close(fd);
}

/* A vfork child had the last reference, and cannot close what is its parent's:
 * the next call of the parent's does. */
static void
leave_behind(struct rfile *rf)
{
	struct rfile *next = atomic_load(&left);

	do
		*rfile_link(rf) = next;
	while (!atomic_compare_exchange_weak(&left, &next, rf));
}

static void
clean_up(void)
{
	struct rfile *rf, *next;

	if (atomic_load_explicit(&left, memory_order_relaxed) == NULL ||
	    !process_owns_memory())
		return;
	for (rf = atomic_exchange(&left, NULL); rf != NULL; rf = next) {
		next = *rfile_link(rf);
		(void)rfile_destroy(rf);
	}
}

int
fdmap_put(struct rfile *rf)
{
	if (atomic_fetch_sub_explicit(&rf->rf_refs, 1, memory_order_acq_rel) !=
	    1)
		return 0;
	if (process_owns_memory())
		return rfile_destroy(rf);
	leave_behind(rf);
	return 0;
}

static struct rfile *
rfile_create(int fd, enum rfile_kind kind, int rule, bool path_only)
{
	struct rfile *rf;
	void *obj;

	clean_up();
	obj = pool_get(&rfiles);
	if (obj == NULL)
		return NULL;
	rf = rfile_of(obj);
	rf->rf_fd = fd;
	rf->rf_kind = kind;
	rf->rf_rule = rule;
	rf->rf_path_only = path_only;
	atomic_store_explicit(
	    &rf->rf_hostfd, RF_HOSTFD_UNKNOWN, memory_order_relaxed);
	lock_reset(&rf->rf_watch_lock);
	rf->rf_watches = NULL;
	rf->rf_dir = NULL;
	rf->rf_path = NULL;
	rf->rf_isdir = 0;
	atomic_store_explicit(&rf->rf_refs, 1, memory_order_release);
	return rf;
}

/* Another thread may have changed the number at the same time. */
static void
settle(long number)
{
	struct rfile *rf, *expected;
	int error;

	if (!engine_is_threaded())
		return;
	rf = fdmap_get(number, &error);
	if (rf == NULL)
		return;
	expected = rf;
	if (rf->rf_fd >= 0 && !fdmap_is_placeholder(number) &&
	    atomic_compare_exchange_strong(slot_find(number), &expected, NULL))
		(void)fdmap_put(rf);
	(void)fdmap_put(rf);
}

static void
settle_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < MAXFD; fd++) {
		if (slot_find((long)fd) == NULL)
			fd |= SECOND - 1;
		else
			settle((long)fd);
	}
}

static void
slot_fill(slot_t *slot, struct rfile *rf)
{
	struct rfile *old = atomic_exchange(slot, rf);

	if (old != NULL && old != HIDDEN)
		(void)fdmap_put(old);
}

/* Put rf, with its reference, into the slot of a host number that is new. */
static long
rfile_enter(struct rfile *rf, long number)
{
	slot_t *slot = slot_make(number);

	if (slot == NULL) {
		HOST(SYS_close, number, 0, 0, 0, 0, 0);
		fdmap_put(rf);
		return -EMFILE;
	}
	slot_fill(slot, rf);
	settle(number);
	return number;
}

/* The placeholder may move at any time, and its number be another file's. */
static long
placeholder_dup(long min, bool cloexec)
{
	long number;
	int from;

	for (;;) {
		from = atomic_load(&placeholder);
		number = HOST(SYS_fcntl, from,
		    cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, min, 0, 0, 0);
		if (from == atomic_load(&placeholder))
			return number;
		if (number >= 0)
			HOST(SYS_close, number, 0, 0, 0, 0, 0);
	}
}

long
fdmap_install_path(int fd, enum rfile_kind kind, int rule, bool path_only,
    bool cloexec, char *path)
{
	struct rfile *rf = rfile_create(fd, kind, rule, path_only);
	long number;

	if (rf == NULL) {
		(void)rump_close(fd);
		if (path != NULL)
			string_free(path);
		return -ENOMEM;
	}
	rf->rf_path = path;
	number = placeholder_dup(0, cloexec);
	if (number < 0) {
		fdmap_put(rf);
		return number;
	}
	return rfile_enter(rf, number);
}

long
fdmap_install(
    int fd, enum rfile_kind kind, int rule, bool path_only, bool cloexec)
{
	return fdmap_install_path(fd, kind, rule, path_only, cloexec, NULL);
}

void
fdmap_enter_host(int fd, enum rfile_kind kind)
{
	struct rfile *rf;
	slot_t *slot = slot_make(fd);

	if (slot == NULL || !process_owns_memory())
		return;
	rf = rfile_create(-1, kind, -1, false);
	if (rf != NULL)
		slot_fill(slot, rf);
}

long
fdmap_close(long fd)
{
	struct rfile *rf;
	long result;
	int error = 0;

	if (fdmap_is_hidden(fd))
		return -EBADF;
	clean_up();
	rf = process_owns_memory() ? slot_take(fd) : NULL;
	result = HOST(SYS_close, fd, 0, 0, 0, 0, 0);
	if (process_owns_memory())
		settle((int)fd);
	if (rf != NULL)
		error = fdmap_put(rf);
	if (result == 0 && error != 0)
		return error > 0 ? -abi_errno_to_linux(error) : -EIO;
	return result;
}

long
fdmap_dup(long fd, long min, bool cloexec)
{
	struct rfile *rf;
	long number;
	int error;

	rf = fdmap_get(fd, &error);
	if (error != 0)
		return -error;
	/* Of a rump file, the placeholder's: fd may be another file by now. */
	if (rf != NULL && rf->rf_fd >= 0 && process_owns_memory())
		number = placeholder_dup(min, cloexec);
	else
		number = HOST(SYS_fcntl, fd,
		    cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, min, 0, 0, 0);
	if (rf == NULL)
		return number;
	if (number < 0 || !process_owns_memory()) {
		fdmap_put(rf);
		return number;
	}
	return rfile_enter(rf, number);
}

static long
host_dup2(long from, long to, long flags)
{
	if (flags < 0)
		return HOST(SYS_dup2, from, to, 0, 0, 0, 0);
	return HOST(SYS_dup3, from, to, flags, 0, 0, 0);
}

/* What would make the host's dup2 fail, before the old file is touched. */
static int
dup2_check(long from, long to, long flags, bool rump)
{
	if (HOST(SYS_fcntl, from, F_GETFD, 0, 0, 0, 0) < 0)
		return EBADF;
	if (flags >= 0 && (flags & ~(long)O_CLOEXEC) != 0)
		return EINVAL;
	return rump && slot_make(to) == NULL ? EBADF : 0;
}

static long
placeholder_dup2(long to, long flags)
{
	long result;
	int from;

	do {
		from = atomic_load(&placeholder);
		result = host_dup2(from, to, flags);
	} while (from != atomic_load(&placeholder));
	return result;
}

/* Replace what is at to; rf, if from is a rump file, with its reference. */
static long
dup2_replace(long from, long to, long flags, struct rfile *rf)
{
	struct rfile *old = slot_take(to);
	bool rump = rf != NULL && rf->rf_fd >= 0;
	long result =
	    rump ? placeholder_dup2(to, flags) : host_dup2(from, to, flags);

	if (result < 0) {
		if (old != NULL)
			rfile_enter(old, to);
		if (rf != NULL)
			(void)fdmap_put(rf);
		return result;
	}
	if (old != NULL)
		(void)fdmap_put(old);
	if (rf != NULL)
		return rfile_enter(rf, to);
	settle(to);
	return result;
}

/* flags: those of dup3(2), or -1 for dup2(2). */
long
fdmap_dup2(long from, long to, long flags)
{
	struct rfile *rf;
	int error;

	rf = fdmap_get(from, &error);
	if (error == 0 && fdmap_is_hidden(to) &&
	    (dup2_check(from, to, flags, false) != 0 ||
		!hidden_make_way((int)to)))
		error = EBADF;
	if (error == 0 && from != to && process_owns_memory()) {
		error = dup2_check(from, to, flags, rf != NULL);
		if (error == 0)
			return dup2_replace(from, to, flags, rf);
	}
	if (rf != NULL)
		(void)fdmap_put(rf);
	return error != 0 ? -error : host_dup2(from, to, flags);
}

/* The end of the range that begins at fd and has no number of ours in it. */
static unsigned long
open_until(unsigned long fd, unsigned long last)
{
	while (fd < last && fd + 1 < MAXFD && !fdmap_is_hidden((long)fd + 1)) {
		fd++;
		/* Skip tables that do not exist. */
		if (fd % SECOND == 0 && slot_find((long)fd) == NULL)
			fd += SECOND - 1;
	}
	return fd + 1 >= MAXFD || fd > last ? last : fd;
}

static void
take_range(unsigned long first, unsigned long last)
{
	for (unsigned long fd = first; fd <= last && fd < MAXFD; fd++) {
		struct rfile *rf;

		if (slot_find((long)fd) == NULL) {
			fd |= SECOND - 1;
			continue;
		}
		rf = slot_take((long)fd);
		if (rf != NULL)
			(void)fdmap_put(rf);
	}
}

long
fdmap_close_range(unsigned long first, unsigned long last, long flags)
{
	unsigned long from, to;
	long result = 0;

	/* What only marks descriptors harms neither us nor the table. */
	if (first > last || last > UINT32_MAX || (flags & ~2L) != 0)
		return HOST(SYS_close_range, first, last, flags, 0, 0, 0);
	for (from = first; from <= last && result == 0; from = to + 1) {
		if (fdmap_is_hidden((long)from)) {
			to = from;
			continue;
		}
		to = open_until(from, last);
		if (process_owns_memory())
			take_range(from, to);
		result = HOST(SYS_close_range, from, to, flags, 0, 0, 0);
		if (process_owns_memory() && engine_is_threaded())
			settle_range(from, to);
	}
	return result;
}

/* The first of some links that every host has; something else at worst. */
static long
placeholder_open(void)
{
	static const char *const names[] = { "/proc/self/exe", "/proc/self",
		"/dev/stdin", "/dev/null", "/" };
	long fd = -ENOENT;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && fd < 0; i++)
		fd = HOST(SYS_open, names[i], O_PATH | O_NOFOLLOW | O_CLOEXEC,
		    0, 0, 0, 0);
	return fd;
}

int
fdmap_init(void)
{
	long fd = placeholder_open();

	if (fd >= 0)
		fd = hidden_keep((int)fd, &placeholder);
	if (fd < 0)
		return (int)-fd;
	HOST(SYS_fstat, fd, &placeholder_stat, 0, 0, 0, 0);
	return 0;
}

/*
 * fork(2) copies descriptors before memory.  What other threads of the parent
 * did in between stands in the table, but not in the child's descriptors.
 */
static void
slot_check(slot_t *slot, long fd)
{
	struct rfile *rf = atomic_load_explicit(slot, memory_order_relaxed);

	if (rf == NULL)
		return;
	if (rf == HIDDEN) {
		hidden_forked((int)fd);
		return;
	}
	watches_forked(rf);
	if (rf->rf_fd >= 0 && fdmap_is_placeholder(fd))
		return;
	if (rf->rf_fd < 0 && HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0)
		return;
	atomic_store_explicit(slot, NULL, memory_order_relaxed);
}

void
fdmap_forked(void)
{
	pools_forked();
	nofile_forked();
	atomic_store(&left, NULL);
	for (long fd = 0; fd < MAXFD; fd++) {
		slot_t *slot = slot_find(fd);

		if (slot == NULL)
			fd |= SECOND - 1;
		else
			slot_check(slot, fd);
	}
}
