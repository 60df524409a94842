/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of children.
 *
 * A child with memory of its own finds a copy of ours and puts it right.  A
 * vfork child, which shares our memory, gets a map of its own (struct fdview)
 * from the pools that both share; all of fdmap.c works on whichever the
 * caller's is.  The files in it are copies, too: what the child closes, it
 * closes in its own process of the kernel.
 *
 * Four things are copied one after the other while other threads of the parent
 * go on: the kernel's descriptors, then the map (vfork), the host's descriptors
 * and the map (fork).  A file that came after the kernel's were copied is
 * recognised by its number of births and left out; one that went away meanwhile
 * by its host descriptor.
 */
#include "preload/fdmap.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "preload/backend.h"
#include "preload/call.h"
#include "preload/classic_set.h"
#include "preload/dirs.h"
#include "preload/fdshare.h"
#include "preload/fdslots.h"
#include "preload/hidden.h"
#include "preload/nofile.h"
#include "preload/pool.h"
#include "preload/watch.h"

static struct pool views =
    POOL_INIT(sizeof(struct fdview), 4 * sizeof(struct fdview));
static struct pool seconds =
    POOL_INIT(FD_SECOND * sizeof(slot_t), 4 * FD_SECOND * sizeof(slot_t));

/* Was rf there, as far as the child's process in the kernel is concerned? */
static bool
is_older(const struct rfile *rf, unsigned birth)
{
	return birth == 0 || (int)(rf->rf_birth - birth) < 0;
}

/* Is the number still, or already, what the map says it is? */
static bool
has_number(const struct rfile *rf, long fd)
{
	if (rf->rf_fd >= 0)
		return fdmap_is_placeholder(fd);
	return HOST(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
}

slot_t *
fdview_second(void)
{
	slot_t *second = pool_get(&seconds);

	for (int j = 0; second != NULL && j < FD_SECOND; j++)
		atomic_init(&second[j], NULL);
	return second;
}

struct fdview *
fdview_current(void)
{
	return fdmap_view();
}

/* --- a map beside ours -------------------------------------------------- */

/* The copy of rf that v has under another number, or NULL. */
static struct rfile *
find_copy(const struct fdview *v, const struct rfile *rf)
{
	for (unsigned long i = 0; i < v->fv_n; i++) {
		slot_t *second = v->fv_table[i];

		for (int j = 0; second != NULL && j < FD_SECOND; j++) {
			struct rfile *copy = second[j];

			if (slot_is_file(copy) && copy->rf_fd == rf->rf_fd)
				return copy;
		}
	}
	return NULL;
}

/* A reference of v's own to what stands for rf. */
static struct rfile *
take_copy(const struct fdview *v, const struct rfile *rf)
{
	struct rfile *copy = NULL;

	/* More than its number and we. */
	if (rf->rf_fd >= 0 && atomic_load(&rf->rf_refs) > 2)
		copy = find_copy(v, rf);
	if (copy == NULL)
		return rfile_copy(rf);
	atomic_fetch_add(&copy->rf_refs, 1);
	return copy;
}

/* The entry of number fd in v.  False: out of memory. */
static bool
copy_slot(struct fdview *v, slot_t *slot, long fd, unsigned birth)
{
	struct rfile *rf, *copy = NULL;
	int error;

	if (fdmap_is_hidden(fd)) {
		atomic_init(slot, FD_HIDDEN);
		return true;
	}
	rf = fdmap_get(fd, &error);
	if (rf == NULL)
		return true;
	if (is_older(rf, birth)) {
		copy = take_copy(v, rf);
		atomic_init(slot, copy);
	} else {
		copy = rf;
	}
	(void)fdmap_put(rf);
	return copy != NULL;
}

/* from: the table of the calling process. */
static bool
copy_table(struct fdview *v, unsigned long i, slot_t *from, unsigned birth)
{
	slot_t *second = fdview_second();
	bool done = true;

	if (second == NULL)
		return false;
	v->fv_table[i] = second;
	for (int j = 0; j < FD_SECOND && done; j++) {
		if (atomic_load_explicit(&from[j], memory_order_acquire) !=
		    NULL)
			done = copy_slot(
			    v, &second[j], (long)i * FD_SECOND + j, birth);
	}
	return done;
}

struct fdview *
fdview_create(unsigned birth)
{
	const struct fdview *mine = fdmap_view();
	struct fdview *v = pool_get(&views);
	bool done = true;

	if (v == NULL)
		return NULL;
	atomic_init(&v->fv_n, mine->fv_n);
	for (unsigned long i = 0; i < v->fv_n; i++)
		atomic_init(&v->fv_table[i], NULL);
	for (unsigned long i = 0; i < v->fv_n && done; i++) {
		slot_t *from = atomic_load_explicit(
		    &mine->fv_table[i], memory_order_acquire);

		if (from != NULL)
			done = copy_table(v, i, from, birth);
	}
	if (done)
		return v;
	fdview_destroy(v);
	return NULL;
}

static void
forget(struct rfile *rf)
{
	if (slot_is_file(rf) && atomic_fetch_sub(&rf->rf_refs, 1) == 1)
		rfile_free(rf);
}

void
fdview_destroy(struct fdview *v)
{
	for (unsigned long i = 0; i < v->fv_n; i++) {
		slot_t *second = v->fv_table[i];

		if (second == NULL)
			continue;
		for (int j = 0; j < FD_SECOND; j++)
			forget(second[j]);
		pool_put(&seconds, second);
	}
	pool_put(&views, v);
}

void
fdview_check(void)
{
	for (long fd = fdmap_next(0); fd >= 0; fd = fdmap_next(fd + 1)) {
		struct rfile *rf = slot_load(fd);

		if (has_number(rf, fd))
			continue;
		*slot_find(fd) = NULL;
		forget(rf);
	}
}

/* --- in a child with memory of its own ---------------------------------- */

static void
each_slot(void (*fn)(slot_t *slot, long fd, unsigned birth), unsigned birth)
{
	for (unsigned long i = 0; i < fdmap_own.fv_n; i++) {
		slot_t *second = fdmap_own.fv_table[i];

		for (int j = 0; second != NULL && j < FD_SECOND; j++) {
			if (second[j] != NULL)
				fn(&second[j], (long)i * FD_SECOND + j, birth);
		}
	}
}

/* Calls of other threads are not under way here: only numbers count. */
static void
begin_slot(slot_t *slot, long fd, unsigned birth)
{
	struct rfile *rf = *slot;

	if (rf != FD_HIDDEN)
		atomic_store_explicit(&rf->rf_refs, 0, memory_order_relaxed);
}

static void
keep_file(struct rfile *rf)
{
	atomic_fetch_add_explicit(&rf->rf_refs, 1, memory_order_relaxed);
	/* With a server the members of epoll sets are the child's, too. */
	if (backend_state == BACKEND_SERVER)
		lock_reset(&rf->rf_watch_lock);
	else
		watches_forked(rf);
	if (rf->rf_dir != NULL)
		dirpos_forked(rf->rf_dir);
}

static void
check_slot(slot_t *slot, long fd, unsigned birth)
{
	struct rfile *rf = *slot;
	bool there;

	if (rf == FD_HIDDEN) {
		if (backend_state != BACKEND_SERVER)
			hidden_forked((int)fd);
		return;
	}
	there = has_number(rf, fd);
	if (there && (rf->rf_fd < 0 || is_older(rf, birth))) {
		keep_file(rf);
		return;
	}
	atomic_store_explicit(slot, NULL, memory_order_relaxed);
	epsets_forget(rf);
	if (there)
		HOST(SYS_close, fd, 0, 0, 0, 0, 0);
}

/* The child of a vfork child goes on with what that one had. */
static void
adopt_view(void)
{
	struct fdview *v = engine_thread.t_view;

	if (v == NULL)
		return;
	for (unsigned long i = 0; i < fdmap_own.fv_n || i < v->fv_n; i++)
		atomic_init(&fdmap_own.fv_table[i],
		    i < v->fv_n ? v->fv_table[i] : NULL);
	atomic_init(&fdmap_own.fv_n, v->fv_n);
	atomic_store(&router_numbers, atomic_load(&fdmap_own.fv_table[0]));
	engine_thread.t_view = NULL;
}

/* What is closed in a shared table is closed for all. */
static void
share_slot(slot_t *slot, long fd, unsigned birth)
{
	struct rfile *rf = *slot;

	if (rf != FD_HIDDEN)
		keep_file(rf);
}

void
fdmap_forked(unsigned birth, bool shares)
{
	pools_forked();
	nofile_forked();
	fdmap_forget_left();
	adopt_view();
	each_slot(begin_slot, birth);
	if (shares) {
		fdshare_forked();
		each_slot(share_slot, birth);
		return;
	}
	fdshare_end();
	each_slot(check_slot, birth);
}
