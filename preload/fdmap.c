/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * The table has two levels; the second is made on demand and never freed, so
 * that reading a slot takes no lock.  A slot holds NULL (the host's), FD_HIDDEN
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
 * threads, or processes that share the table, that change one number at a time
 * may leave a file in a slot whose number is not a placeholder; whoever was last,
 * with the slot or with the host, looks and takes it out (settle()).
 *
 * A vfork child shares this memory but not the descriptor table.  Where it can
 * reach the kernel it has a map of its own (fdview.c).  Where not, it changes
 * nothing here, and its host descriptors go away with exec; a number that it
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
#include "preload/classic_set.h"
#include "preload/dirs.h"
#include "preload/engine/late.h"
#include "preload/engine/layout.h"
#include "preload/hidden.h"
#include "preload/fdshare.h"
#include "preload/fdslots.h"
#include "preload/lock.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/text.h"
#include "preload/watch.h"
#include "rump/rump_syscallnum.h"

LATE struct fdview fdmap_own;
void *_Atomic router_numbers;
_Static_assert(FD_SECOND == ROUTER_NUMBERS, "it is the first table");

static struct pool rfiles = POOL_INIT(sizeof(struct rfile) + 8, 4096);
static _Atomic(struct rfile *) left; /* see leave_behind() */
static atomic_int placeholder = -1;
static struct stat placeholder_stat;
static atomic_uint births; /* see fdmap_birth() */
static atomic_bool has_had_files;

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

/* Pages of it that are never written to cost nothing.  The first one is here:
 * most processes have no other. */
static slot_t *
second_map(void)
{
	static LATE slot_t here[FD_SECOND];
	static atomic_bool taken;
	long r;

	if (!atomic_exchange(&taken, true))
		return here;
	r = HOST(SYS_mmap, 0, FD_SECOND * sizeof(slot_t),
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r < 0 && r > -4096 ? NULL : (slot_t *)r;
}

/* The table of v has room for entry i.  A view is one thread's; ours is zero from
 * the beginning. */
static void
reach(struct fdview *v, unsigned long i)
{
	unsigned long n = atomic_load(&v->fv_n);

	for (unsigned long j = n; v != &fdmap_own && j <= i; j++)
		atomic_init(&v->fv_table[j], NULL);
	while (n <= i && !atomic_compare_exchange_weak(&v->fv_n, &n, i + 1))
		continue;
}

slot_t *
slot_make(long fd)
{
	struct fdview *v = fdmap_view();
	slot_t *second = NULL, *mine;

	if ((unsigned long)fd >= FD_MAX)
		return NULL;
	if (slot_find(fd) != NULL)
		return slot_find(fd);
	mine = v == &fdmap_own ? second_map() : fdview_second();
	if (mine == NULL)
		return NULL;
	reach(v, (unsigned long)fd / FD_SECOND);
	/* Who comes second leaves a table behind, of which no page is there. */
	(void)atomic_compare_exchange_strong(
	    &v->fv_table[fd / FD_SECOND], &second, mine);
	if (v == &fdmap_own && fd < ROUTER_NUMBERS)
		atomic_store(&router_numbers, atomic_load(&v->fv_table[0]));
	return slot_find(fd);
}

struct rfile *
slot_take(long fd)
{
	slot_t *slot = slot_find(fd);
	struct rfile *rf;

	if (slot == NULL)
		return NULL;
	do
		rf = atomic_load(slot);
	while (slot_is_file(rf) && !fdshare_take(fd, slot, rf));
	return slot_is_file(rf) ? rf : NULL;
}

bool
fdmap_is_rump(long fd)
{
	return slot_load((int)fd) != NULL;
}

bool
fdmap_is_hidden(long fd)
{
	return slot_load((int)fd) == FD_HIDDEN;
}

bool
fdmap_set_hidden(long fd, bool hidden)
{
	slot_t *slot = hidden ? slot_make(fd) : slot_find(fd);

	if (slot == NULL)
		return false;
	(void)fdshare_set(fd, slot, hidden ? FD_HIDDEN : NULL);
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
		if (rf == FD_HIDDEN) {
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
		(!process_owns_table() && !fdmap_is_placeholder((int)fd)))) {
		fdmap_put(rf);
		return NULL;
	}
	return rf;
}

long
fdmap_next(long fd)
{
	if (!fdmap_has_had_files())
		return -1;
	for (; fd < FD_MAX; fd++) {
		struct rfile *rf;

		if (slot_find(fd) == NULL) {
			fd |= FD_SECOND - 1;
			continue;
		}
		rf = slot_load(fd);
		if (rf != NULL && rf != FD_HIDDEN && rf->rf_fd >= 0)
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

void
rfile_free(struct rfile *rf)
{
	if (rf->rf_dir != NULL)
		dirpos_destroy(rf->rf_dir);
	if (rf->rf_path != NULL)
		string_free(rf->rf_path);
	pool_put(&rfiles, (char *)rf - 8);
}

/* With a server the host descriptor behind a socket is a duplicate, which would
 * keep the connection open. */
static void
drop_hostfd(struct rfile *rf)
{
	int fd = atomic_load_explicit(&rf->rf_hostfd, memory_order_relaxed);

	if (backend_state == BACKEND_SERVER && fd >= 0)
		hidden_close(fd);
}

static int
rfile_destroy(struct rfile *rf)
{
	bool closes = fdshare_closes(rf);
	int fd = rf->rf_fd;

	if (closes)
		watches_destroy(rf);
	else
		watches_forked(rf);
	epsets_forget(rf);
	if (rf->rf_epset != NULL)
		epset_destroy(rf->rf_epset);
	if (closes)
		drop_hostfd(rf);
	rfile_free(rf);
	return closes ? rump_close(fd) : 0;
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

void
fdmap_clean_up(void)
{
	struct rfile *rf, *next;

	if (atomic_load_explicit(&left, memory_order_relaxed) == NULL ||
	    !process_owns_table())
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
	if (process_owns_table())
		return rfile_destroy(rf);
	leave_behind(rf);
	return 0;
}

struct rfile *
rfile_create(int fd, enum rfile_kind kind, int rule, bool path_only)
{
	struct rfile *rf;
	void *obj;

	fdmap_clean_up();
	obj = pool_get(&rfiles);
	if (obj == NULL)
		return NULL;
	rf = rfile_of(obj);
	/* Before its number of births is looked at. */
	if (fd >= 0 && !fdmap_has_had_files())
		atomic_store(&has_had_files, true);
	rf->rf_fd = fd;
	rf->rf_kind = kind;
	rf->rf_rule = rule;
	rf->rf_path_only = path_only;
	atomic_store_explicit(
	    &rf->rf_hostfd, RF_HOSTFD_UNKNOWN, memory_order_relaxed);
	lock_reset(&rf->rf_watch_lock);
	rf->rf_watches = NULL;
	rf->rf_opening = 0;
	rf->rf_dir = NULL;
	rf->rf_epset = NULL;
	rf->rf_path = NULL;
	rf->rf_isdir = 0;
	rf->rf_birth = atomic_load(&births);
	atomic_store_explicit(&rf->rf_refs, 1, memory_order_release);
	return rf;
}

struct rfile *
rfile_copy(const struct rfile *rf)
{
	struct rfile *copy =
	    rfile_create(rf->rf_fd, rf->rf_kind, rf->rf_rule, rf->rf_path_only);

	if (copy == NULL)
		return NULL;
	copy->rf_isdir = rf->rf_isdir;
	copy->rf_birth = rf->rf_birth;
	atomic_store(&copy->rf_hostfd, rf->rf_hostfd);
	if (rf->rf_path != NULL)
		copy->rf_path = string_keep(rf->rf_path);
	if (rf->rf_path == NULL || copy->rf_path != NULL)
		return copy;
	rfile_free(copy);
	return NULL;
}

bool
fdmap_has_had_files(void)
{
	return atomic_load_explicit(&has_had_files, memory_order_relaxed);
}

void
fdmap_forget_left(void)
{
	atomic_store(&left, NULL);
}

unsigned
fdmap_birth(void)
{
	return atomic_fetch_add(&births, 1) + 1;
}

unsigned
fdmap_births(void)
{
	return atomic_load(&births);
}

void
fdmap_settle(long number)
{
	struct rfile *rf;
	int error;

	if (!engine_is_threaded() && !fdshare_on())
		return;
	fdshare_look(number);
	rf = fdmap_get(number, &error);
	if (rf == NULL)
		return;
	if (rf->rf_fd >= 0 && !fdmap_is_placeholder(number) &&
	    fdshare_drop(number, slot_find(number), rf))
		(void)fdmap_put(rf);
	(void)fdmap_put(rf);
}

static void
slot_fill(long number, slot_t *slot, struct rfile *rf)
{
	struct rfile *old = fdshare_set(number, slot, rf);

	if (old != NULL && old != FD_HIDDEN)
		(void)fdmap_put(old);
}

long
rfile_enter(struct rfile *rf, long number)
{
	slot_t *slot = slot_make(number);

	if (slot == NULL) {
		HOST(SYS_close, number, 0, 0, 0, 0, 0);
		fdmap_put(rf);
		return -EMFILE;
	}
	slot_fill(number, slot, rf);
	fdmap_settle(number);
	return number;
}

/* The placeholder may move at any time, and its number be another file's: is
 * number, a duplicate of what was at from, good?  It is closed if not. */
static bool
is_duplicate(int from, long number)
{
	if (from == atomic_load(&placeholder))
		return true;
	if (number >= 0)
		HOST(SYS_close, number, 0, 0, 0, 0, 0);
	return false;
}

long
placeholder_dup(long min, bool cloexec)
{
	long number;
	int from;

	do {
		from = atomic_load(&placeholder);
		number = host_dup(from, min, cloexec);
	} while (!is_duplicate(from, number));
	return number;
}

long
placeholder_away(void)
{
	long number;
	int from;

	do {
		from = atomic_load(&placeholder);
		number = hidden_away(from);
	} while (!is_duplicate(from, number));
	return number;
}

long
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

/* To a program that may have no number at all the host calls 0 invalid. */
static long
placeholder_lowest(bool cloexec)
{
	long number = placeholder_dup(0, cloexec);

	return number == -EINVAL ? -EMFILE : number;
}

int
fdmap_room(void)
{
	long number = placeholder_lowest(true), behind = 0;

	if (number < 0)
		return (int)-number;
	if (backend_state == BACKEND_HERE)
		behind = placeholder_away();
	if (behind > 0)
		HOST(SYS_close, behind, 0, 0, 0, 0, 0);
	HOST(SYS_close, number, 0, 0, 0, 0, 0);
	return behind < 0 ? (int)-behind : 0;
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
	number = placeholder_lowest(cloexec);
	if (number < 0) {
		fdmap_put(rf);
		return number;
	}
	return rfile_enter(rf, number);
}

long
fdmap_adopt(int number, int fd, enum rfile_kind kind, int rule, bool path_only,
    bool cloexec, char *path)
{
	struct rfile *rf = rfile_create(fd, kind, rule, path_only);
	long result = -ENOMEM;

	if (rf == NULL) {
		if (path != NULL)
			string_free(path);
		return result;
	}
	rf->rf_path = path;
	if (slot_make(number) != NULL)
		result = placeholder_dup2(number, cloexec ? O_CLOEXEC : 0);
	if (result < 0)
		rfile_free(rf);
	else
		slot_fill(number, slot_find(number), rf);
	return result;
}

long
fdmap_install(
    int fd, enum rfile_kind kind, int rule, bool path_only, bool cloexec)
{
	return fdmap_install_path(fd, kind, rule, path_only, cloexec, NULL);
}

/* The entry, or NULL. */
static struct rfile *
enter_host(int fd, enum rfile_kind kind, struct epset *es)
{
	struct rfile *rf;
	slot_t *slot = slot_make(fd);

	if (slot == NULL || !process_owns_table())
		return NULL;
	rf = rfile_create(-1, kind, -1, false);
	if (rf == NULL)
		return NULL;
	rf->rf_epset = es;
	slot_fill(fd, slot, rf);
	return rf;
}

void
fdmap_enter_host(int fd, enum rfile_kind kind)
{
	(void)enter_host(fd, kind, NULL);
}

void
fdmap_enter_epoll(int fd, struct epset *es)
{
	if (enter_host(fd, RF_EPOLL, es) == NULL)
		epset_destroy(es);
}

struct rfile *
fdmap_get_epoll(long fd)
{
	struct rfile *rf;
	int error;

	rf = fdmap_get(fd, &error);
	if (rf == NULL || rf->rf_epset != NULL)
		return rf;
	(void)fdmap_put(rf);
	return NULL;
}

/* The first of some links that every host has; something else at worst. */
static long
placeholder_open(void)
{
	static const char *const names[] = { "/proc/self", "/dev/stdin",
		"/dev/null", "/" };
	long fd = -ENOENT;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && fd < 0; i++)
		fd = HOST(SYS_open, names[i], O_PATH | O_NOFOLLOW | O_CLOEXEC,
		    0, 0, 0, 0);
	return fd;
}

/* It is there, and no other file: only O_PATH gives descriptors of links. */
static bool
placeholder_take(const char *handed)
{
	long fd = 0;

	for (; *handed >= '0' && *handed <= '9' && fd < FD_MAX; handed++)
		fd = fd * 10 + (*handed - '0');
	return *handed == '\0' &&
	       HOST(SYS_fstat, fd, &placeholder_stat, 0, 0, 0, 0) == 0 &&
	       S_ISLNK(placeholder_stat.st_mode) &&
	       hidden_adopt((int)fd, &placeholder) >= 0;
}

int
fdmap_init(const char *handed)
{
	long fd;

	/* A page that is written before it is read is one page fault, not two. */
	atomic_store(&fdmap_own.fv_n, 0);
	if (handed != NULL && placeholder_take(handed))
		return 0;
	fd = placeholder_open();
	if (fd >= 0)
		fd = hidden_keep((int)fd, &placeholder);
	if (fd < 0)
		return (int)-fd;
	HOST(SYS_fcntl, fd, F_SETFD, 0, 0, 0, 0);
	HOST(SYS_fstat, fd, &placeholder_stat, 0, 0, 0, 0);
	return 0;
}

size_t
fdmap_exec_env(char *buf, size_t size)
{
	struct text t;

	if (placeholder < 0 || !S_ISLNK(placeholder_stat.st_mode))
		return 0;
	text_init(&t, buf, size);
	text_put(&t, PLACE_VARIABLE "=");
	text_dec(&t, placeholder);
	return t.t_len;
}
