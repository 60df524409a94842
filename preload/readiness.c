/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation
 *
 * Whatever a program can wait for is a host descriptor: its own ones, and those
 * behind rump sockets, which sockin keeps hidden (rump_hostfd()).  So a call
 * that waits becomes one host call on a copy of the set, in which hidden
 * descriptors stand for the rump ones; an epoll set is the host's and has the
 * hidden descriptors as members.  There is no thread, no pipe, and nothing to
 * be paid for a socket that is idle.
 *
 * A rump file is ready at once: then the rest of the set is only looked at.
 *
 * Only of a server that speaks the classic protocol there is no such descriptor;
 * it is asked (remote_classic_poll.c), while the thread is in the kernel.
 *
 * No reference is held while the host waits: a handler that interrupts the wait
 * may longjmp away.  A descriptor that is closed meanwhile is missed by the
 * host, as one of its own would be.
 */
#include "preload/readiness.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/classic_set.h"
#include "preload/engine/engine.h"
#include "preload/engine/late.h"
#include "preload/fdalias.h"
#include "preload/fdmap.h"
#include "preload/fdshare.h"
#include "preload/hidden.h"
#include "preload/kernel.h"
#include "preload/pool.h"
#include "preload/process.h"
#include "preload/remote.h"
#include "preload/remote_classic.h"
#include "preload/route.h"

#define SMALL 4096 /* what comes without a system call */
#define BUCKETS 64

/* In front of the memory. */
struct waitmem {
	struct pool_free *wm_free; /* the pool's */
	struct waitmem *wm_next;   /* bk_lock */
	const struct call *wm_call;
	size_t wm_size; /* all of it */
};

static struct pool small = POOL_INIT(SMALL, 16 * SMALL);

/* Memory of calls that wait, by the place of their struct call. */
static LATE struct bucket {
	struct lock bk_lock;
	struct waitmem *bk_first; /* bk_lock */
} buckets[BUCKETS];

/* Of those who share the socket one asks. */
static int
ask_hostfd(struct rfile *rf)
{
	int fd, known;

	if (kernel.k_hostfd(rf->rf_fd, &fd) != 0)
		return RF_HOSTFD_NONE;
	known = fdshare_hostfd(rf, fd);
	if (known != fd && backend_state == BACKEND_SERVER)
		hidden_close(fd);
	return known;
}

/* The kernel's answer does not change: ask once.  A server answers each time
 * with another duplicate; of two threads that ask at one time one keeps its. */
static int
hostfd_of(struct rfile *rf)
{
	int fd = atomic_load_explicit(&rf->rf_hostfd, memory_order_relaxed);
	int seen = RF_HOSTFD_UNKNOWN;

	if (fd != RF_HOSTFD_UNKNOWN)
		return fd;
	fd = fdshare_hostfd(rf, RF_HOSTFD_UNKNOWN);
	if (fd == RF_HOSTFD_UNKNOWN)
		fd = ask_hostfd(rf);
	if (atomic_compare_exchange_strong(&rf->rf_hostfd, &seen, fd))
		return fd;
	if (fd >= 0 && backend_state == BACKEND_SERVER)
		hidden_close(fd);
	return seen;
}

enum member
member_of_file(struct rfile *rf, int *hostfd)
{
	int fd;

	if (rf->rf_path_only)
		return MEMBER_HOST;
	if (backend_state == BACKEND_SERVER && backend_reachable() &&
	    remote_kind() != CONFIG_KERNEL_FAST) {
		*hostfd = CLASSIC_POLLFD(rf->rf_fd);
		return MEMBER_ASKED;
	}
	if (rf->rf_kind != RF_SOCKET)
		return MEMBER_READY;
	if (!backend_reachable())
		return MEMBER_ALIEN;
	fd = hostfd_of(rf);
	if (fd < 0)
		return MEMBER_ALIEN;
	*hostfd = fd;
	return MEMBER_PROXY;
}

bool
member_is_mixed(int fd)
{
	struct rfile *set;
	bool mixed;

	if (!fdmap_is_rump(fd))
		return false;
	set = fdmap_get_epoll(fd);
	if (set == NULL)
		return false;
	mixed = epset_size(set->rf_epset) != 0;
	(void)fdmap_put(set);
	return mixed;
}

enum member
member_find(int fd, int *hostfd)
{
	enum member kind;
	long at = fdalias_resolve(fd);
	struct rfile *rf;
	int error;

	rf = fdmap_get_rump(at, &error);
	if (error != 0 || (at < 0 && fd >= 0))
		return MEMBER_NONE;
	if (rf == NULL && member_is_mixed((int)at))
		return MEMBER_ALIEN;
	if (rf == NULL && at == fd)
		return MEMBER_HOST;
	if (rf == NULL) {
		*hostfd = (int)at;
		return MEMBER_PROXY;
	}
	kind = member_of_file(rf, hostfd);
	(void)fdmap_put(rf);
	if (kind == MEMBER_HOST && at != fd) {
		*hostfd = (int)at;
		kind = MEMBER_PROXY;
	}
	return kind;
}

long
waiting_mask(long mask, long size)
{
	if (mask == 0)
		return 0;
	if (size != sizeof(uint64_t))
		return -EINVAL;
	return engine_swap_mask((const void *)mask);
}

int64_t
waiting_clock(void)
{
	struct timespec ts = { 0, 0 };

	HOST(SYS_clock_gettime, CLOCK_MONOTONIC, &ts, 0, 0, 0, 0);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
waiting_left(int64_t ms, int64_t since)
{
	int64_t passed = waiting_clock() - since;

	if (ms <= 0)
		return ms;
	return ms > passed ? ms - passed : 0;
}

long
member_refuse(struct call *c)
{
	if (!backend_reachable())
		return -process_refuse(c);
	route_note(c, "no host descriptor to wait for");
	return -EOPNOTSUPP;
}

static struct waitmem *
waitmem_alloc(size_t size)
{
	long r;

	if (size <= SMALL)
		return pool_get(&small);
	r = HOST(SYS_mmap, 0, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r < 0 && r > -4096 ? NULL : (struct waitmem *)r;
}

static void
waitmem_free(struct waitmem *wm)
{
	if (wm->wm_size <= SMALL)
		pool_put(&small, wm);
	else
		HOST(SYS_munmap, wm, wm->wm_size, 0, 0, 0, 0);
}

static struct bucket *
bucket_of(const struct call *c)
{
	uint64_t hash = (uintptr_t)c * 0x9e3779b97f4a7c15UL;

	return &buckets[hash >> 32 & (BUCKETS - 1)];
}

/* Take one out: wm, or, if NULL, any that c has; NULL when there is none. */
static struct waitmem *
take_out(const struct call *c, const struct waitmem *wm)
{
	struct bucket *bk = bucket_of(c);
	struct waitmem **at, *found;

	lock_enter(&bk->bk_lock);
	at = &bk->bk_first;
	while ((found = *at) != NULL &&
	       (wm != NULL ? found != wm : found->wm_call != c))
		at = &found->wm_next;
	if (found != NULL)
		*at = found->wm_next;
	lock_exit(&bk->bk_lock);
	return found;
}

static void
enter(const struct call *c, struct waitmem *wm)
{
	struct bucket *bk = bucket_of(c);

	lock_enter(&bk->bk_lock);
	wm->wm_next = bk->bk_first;
	__atomic_store_n(&bk->bk_first, wm, __ATOMIC_RELEASE);
	lock_exit(&bk->bk_lock);
}

void *
waitmem_get(size_t size, const struct call *c)
{
	struct waitmem *wm;

	/* Two calls under way are never in one place. */
	while (c != NULL && (wm = take_out(c, NULL)) != NULL)
		waitmem_free(wm);
	size += sizeof(*wm);
	wm = waitmem_alloc(size);
	if (wm == NULL)
		return NULL;
	wm->wm_call = c;
	wm->wm_size = size;
	if (c != NULL)
		enter(c, wm);
	return wm + 1;
}

void
waitmem_put(void *mem)
{
	struct waitmem *wm = (struct waitmem *)mem - 1;

	if (wm->wm_call != NULL)
		(void)take_out(wm->wm_call, wm);
	waitmem_free(wm);
}

/* A list is consistent at each instant, as those of pools are. */
void
waitmem_forked(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		lock_reset(&buckets[i].bk_lock);
}
