/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of fast clients: handles instead of pointers, and what becomes of stores.
 *
 * The kernel has pages taken away from a program before it sends them
 * (rmh_protect), so that the next store is noticed.  A client can be asked that
 * only while a worker serves a call of its own.  So each map remembers which of
 * its pages the client may be writing to: what it has reported (MAP_DIRTY) and
 * has not been asked to take away since.  These count as written again when the
 * map is synchronised, and when it goes: no store is lost, and at worst a page is
 * written that has not changed.
 *
 * A handle is an index.  ms_lock is held for looking at the table; calls of the
 * kernel are made with a reference to the map and without the lock.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"

#include "sysproxy/server.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_worker.h"

#define MAPS_MAX 65536
#define DIRTY_MAX 65536 /* ranges of one map; then they are joined */

struct range {
	int64_t lo, hi;
};

struct map {
	void *m_handle;     /* i: the kernel's, one reference; NULL: free */
	const void *m_file; /* i */
	bool m_writable;    /* i */
	bool m_memory;      /* i: stores need not be noticed */
	uint32_t m_refs;    /* so many MAP_DESTROY are to come */
	struct range *m_dirty;
	size_t m_ndirty, m_sdirty;
};

struct maps {
	pthread_mutex_t ms_lock;
	struct map *ms_map; /* ms_lock, and all below */
	size_t ms_n;
	size_t ms_hint; /* no free one below */
};

static _Atomic int memory_fd = -1; /* of the kernel's memfd, once known */
static uint64_t secret;            /* i: hides where our memory lies */

/* --- dirty ranges ----------------------------------------------------------- */

static void
range_drop(struct map *m, size_t i)
{
	m->m_dirty[i] = m->m_dirty[--m->m_ndirty];
}

/* Without room all become one: more than necessary, never less. */
static void
range_collapse(struct map *m, int64_t lo, int64_t hi)
{
	for (size_t i = 0; i < m->m_ndirty; i++) {
		lo = m->m_dirty[i].lo < lo ? m->m_dirty[i].lo : lo;
		hi = m->m_dirty[i].hi > hi ? m->m_dirty[i].hi : hi;
	}
	m->m_dirty[0] = (struct range){ lo, hi };
	m->m_ndirty = 1;
}

static bool
range_grow(struct map *m)
{
	size_t size = m->m_sdirty == 0 ? 8 : 2 * m->m_sdirty;
	struct range *larger;

	if (size > DIRTY_MAX)
		return false;
	larger = realloc(m->m_dirty, size * sizeof(*larger));
	if (larger == NULL)
		return false;
	m->m_dirty = larger;
	m->m_sdirty = size;
	return true;
}

/* False: no memory at all. */
static bool
range_add(struct map *m, int64_t lo, int64_t hi)
{
	struct range *last;

	if (m->m_ndirty > 0) {
		last = &m->m_dirty[m->m_ndirty - 1];
		if (lo <= last->hi && hi >= last->lo) {
			last->lo = lo < last->lo ? lo : last->lo;
			last->hi = hi > last->hi ? hi : last->hi;
			return true;
		}
	}
	if (m->m_ndirty == m->m_sdirty && !range_grow(m)) {
		if (m->m_sdirty == 0)
			return false;
		range_collapse(m, lo, hi);
		return true;
	}
	m->m_dirty[m->m_ndirty++] = (struct range){ lo, hi };
	return true;
}

/* The client cannot write to [lo, hi) unnoticed any more. */
static void
range_remove(struct map *m, int64_t lo, int64_t hi)
{
	struct range r;

	for (size_t i = m->m_ndirty; i > 0; i--) {
		r = m->m_dirty[i - 1];
		if (r.hi <= lo || r.lo >= hi)
			continue;
		if (r.lo >= lo && r.hi <= hi)
			range_drop(m, i - 1);
		else if (r.lo >= lo)
			m->m_dirty[i - 1].lo = hi;
		else if (r.hi <= hi)
			m->m_dirty[i - 1].hi = lo;
		else if (m->m_ndirty < m->m_sdirty || range_grow(m)) {
			m->m_dirty[i - 1].hi = lo;
			m->m_dirty[m->m_ndirty++] = (struct range){ hi, r.hi };
		}
	}
}

/* --- the table ---------------------------------------------------------------- */

struct maps *
maps_create(void)
{
	struct maps *ms = calloc(1, sizeof(*ms));

	if (ms != NULL)
		pthread_mutex_init(&ms->ms_lock, NULL);
	return ms;
}

static int
maps_insert(struct maps *ms, const struct map *m, uint64_t *handle)
{
	struct map *larger;
	size_t i, size;
	int error = 0;

	pthread_mutex_lock(&ms->ms_lock);
	for (i = ms->ms_hint; i < ms->ms_n; i++)
		if (ms->ms_map[i].m_handle == NULL)
			break;
	if (i == ms->ms_n) {
		size = ms->ms_n == 0 ? 16 : 2 * ms->ms_n;
		larger = size <= MAPS_MAX
			     ? realloc(ms->ms_map, size * sizeof(*larger))
			     : NULL;
		if (larger == NULL) {
			error = RUMP_ENOMEM;
		} else {
			memset(larger + ms->ms_n, 0,
			    (size - ms->ms_n) * sizeof(*larger));
			ms->ms_map = larger;
			ms->ms_n = size;
		}
	}
	if (error == 0) {
		ms->ms_map[i] = *m;
		ms->ms_hint = i + 1;
		*handle = i;
	}
	pthread_mutex_unlock(&ms->ms_lock);
	return error;
}

static struct map *
maps_find(struct maps *ms, uint64_t handle)
{
	if (ms == NULL || handle >= ms->ms_n ||
	    ms->ms_map[handle].m_handle == NULL)
		return NULL;
	return &ms->ms_map[handle];
}

/* The kernel's handle with a reference, or NULL. */
static void *
maps_get(struct maps *ms, uint64_t handle)
{
	void *result = NULL;
	struct map *m;

	if (ms == NULL)
		return NULL;
	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, handle);
	if (m != NULL) {
		result = m->m_handle;
		serverkernel.sk_map_ref(result);
	}
	pthread_mutex_unlock(&ms->ms_lock);
	return result;
}

/* Mark what the client may have written to, as far as it is within [lo, hi). */
static void
mark_again(const struct map *m, int64_t lo, int64_t hi)
{
	int64_t size, from, to;

	if (m->m_ndirty == 0 ||
	    serverkernel.sk_map_size(m->m_handle, &size) != 0)
		return;
	for (size_t i = 0; i < m->m_ndirty; i++) {
		from = m->m_dirty[i].lo > lo ? m->m_dirty[i].lo : lo;
		to = m->m_dirty[i].hi < hi ? m->m_dirty[i].hi : hi;
		if (from < to && from < size)
			(void)serverkernel.sk_map_dirty(
			    m->m_handle, from, (size_t)(to - from), size);
	}
}

/* m is out of the table. */
static void
map_release(struct map *m)
{
	mark_again(m, 0, INT64_MAX);
	serverkernel.sk_map_destroy(m->m_handle);
	free(m->m_dirty);
}

void
maps_clear(struct maps *ms)
{
	for (size_t i = 0; i < ms->ms_n; i++)
		if (ms->ms_map[i].m_handle != NULL)
			map_release(&ms->ms_map[i]);
	free(ms->ms_map);
	ms->ms_map = NULL;
	ms->ms_n = ms->ms_hint = 0;
}

void
maps_destroy(struct maps *ms)
{
	maps_clear(ms);
	pthread_mutex_destroy(&ms->ms_lock);
	free(ms);
}

static bool
map_copy(struct map *m, const struct map *old)
{
	*m = *old;
	m->m_dirty = NULL;
	m->m_ndirty = m->m_sdirty = 0;
	if (m->m_handle == NULL)
		return true;
	serverkernel.sk_map_ref(m->m_handle);
	for (size_t i = 0; i < old->m_ndirty; i++)
		if (!range_add(m, old->m_dirty[i].lo, old->m_dirty[i].hi))
			return false;
	return true;
}

struct maps *
maps_copy(struct maps *old)
{
	struct maps *ms = maps_create();
	bool copied = ms != NULL;

	if (!copied)
		return NULL;
	pthread_mutex_lock(&old->ms_lock);
	if (old->ms_n > 0)
		ms->ms_map = calloc(old->ms_n, sizeof(*ms->ms_map));
	copied = old->ms_n == 0 || ms->ms_map != NULL;
	while (copied && ms->ms_n < old->ms_n) {
		copied =
		    map_copy(&ms->ms_map[ms->ms_n], &old->ms_map[ms->ms_n]);
		ms->ms_n++;
	}
	pthread_mutex_unlock(&old->ms_lock);
	if (!copied) {
		maps_destroy(ms);
		return NULL;
	}
	return ms;
}

/* --- hooks ---------------------------------------------------------------------- */

static uint64_t
file_id(const void *file)
{
	return (uint64_t)(uintptr_t)file ^ secret;
}

static bool
maps_file(struct maps *ms, const void *file)
{
	bool found = false;

	pthread_mutex_lock(&ms->ms_lock);
	for (size_t i = 0; i < ms->ms_n && !found; i++)
		found = ms->ms_map[i].m_handle != NULL &&
			ms->ms_map[i].m_file == file;
	pthread_mutex_unlock(&ms->ms_lock);
	return found;
}

/* The worker whose client is to be asked, or NULL. */
static struct worker *
asked_worker(const void *file)
{
	struct worker *w = worker_self();
	struct maps *ms;

	if (w == NULL || w->w_client == NULL ||
	    w->w_client->c_kind != CLIENT_FAST)
		return NULL;
	ms = atomic_load(&w->w_client->c_maps);
	return ms != NULL && maps_file(ms, file) ? w : NULL;
}

static void protected(struct maps *ms, const void *file, int64_t lo, int64_t hi)
{
	pthread_mutex_lock(&ms->ms_lock);
	for (size_t i = 0; i < ms->ms_n; i++) {
		struct map *m = &ms->ms_map[i];

		if (m->m_handle != NULL && m->m_file == file)
			range_remove(m, lo, hi);
	}
	pthread_mutex_unlock(&ms->ms_lock);
}

static void
hook_protect(const void *file, int64_t lo, int64_t hi)
{
	struct worker *w = asked_worker(file);

	if (w == NULL)
		return;
	w->w_sl->sl_addr = file_id(file);
	w->w_sl->sl_arg[0] = lo;
	w->w_sl->sl_arg[1] = hi;
	/* First: what another thread of the client's notes while that one works
	 * on it is to be remembered. */
	protected(atomic_load(&w->w_client->c_maps), file, lo, hi);
	(void)slot_service(w, FAST_PROTECT);
}

static void
hook_cut(const void *file, int64_t size)
{
	struct worker *w = asked_worker(file);

	if (w == NULL)
		return;
	w->w_sl->sl_addr = file_id(file);
	w->w_sl->sl_arg[0] = size;
	(void)slot_service(w, FAST_CUT);
}

void
maps_init(void)
{
	static const struct rump_maphooks hooks = {
		.rmh_protect = hook_protect,
		.rmh_cut = hook_cut,
	};

	if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(secret))
		secret = (uintptr_t)&hooks;
	serverkernel.sk_map_sethooks(&hooks);
}

/* --- calls ------------------------------------------------------------------------ */

static struct maps *
own_maps(struct client *c)
{
	struct maps *ms = atomic_load(&c->c_maps), *fresh;

	if (ms != NULL)
		return ms;
	fresh = maps_create();
	if (fresh == NULL)
		return NULL;
	if (atomic_compare_exchange_strong(&c->c_maps, &ms, fresh))
		return fresh;
	maps_destroy(fresh);
	return ms;
}

/* Enter a new map and tell the client. */
static int
enter(struct worker *w, const struct rump_map *rm, int64_t to)
{
	struct map m = {
		.m_handle = rm->rm_handle,
		.m_file = rm->rm_file,
		.m_writable = rm->rm_writable,
		.m_memory = rm->rm_memory,
		.m_refs = 1,
	};
	struct fast_map fp = {
		.fp_file = file_id(rm->rm_file),
		.fp_hostoff = rm->rm_hostoff,
		.fp_writable = rm->rm_writable,
		.fp_memory = rm->rm_memory,
	};
	struct maps *ms = own_maps(w->w_client);
	int error;

	error = ms == NULL ? RUMP_ENOMEM : maps_insert(ms, &m, &fp.fp_handle);
	if (error != 0) {
		serverkernel.sk_map_destroy(rm->rm_handle);
		return error;
	}
	atomic_store(&memory_fd, rm->rm_hostfd);
	return copy_out(w, &fp, (uint64_t)to, sizeof(fp));
}

static int
map_create(struct worker *w, const int64_t *args)
{
	struct rump_map rm;
	int error;

	if (!w->w_client->c_ours)
		return RUMP_ENODEV;
	error = serverkernel.sk_map_create((int)args[0], args[1],
	    (size_t)args[2], (int)args[3], (int)args[4], &rm);
	return error != 0 ? error : enter(w, &rm, args[5]);
}

static int
map_again(struct worker *w, void *handle, const int64_t *args)
{
	struct rump_map rm;
	int error;

	error =
	    serverkernel.sk_map_again(handle, args[1], (size_t)args[2], &rm);
	return error != 0 ? error : enter(w, &rm, args[3]);
}

/* Report stores, and remember that there may be more. */
static int
map_dirty(struct maps *ms, void *handle, const int64_t *args)
{
	int64_t off = args[1], end;
	struct map *m;
	int error = RUMP_EBADF;

	if (off < 0 || args[2] <= 0 ||
	    __builtin_add_overflow(off, args[2], &end) || args[3] < 0)
		return RUMP_EINVAL;
	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, (uint64_t)args[0]);
	if (m != NULL && m->m_handle == handle) {
		error = 0;
		if (!m->m_writable)
			error = RUMP_EACCES;
		else if (!m->m_memory && !range_add(m, off, end))
			error = RUMP_ENOMEM;
	}
	pthread_mutex_unlock(&ms->ms_lock);
	if (error != 0)
		return error;
	return serverkernel.sk_map_dirty(handle, off, (size_t)args[2], args[3]);
}

static int
map_sync(struct maps *ms, void *handle, const int64_t *args)
{
	struct map copy = { 0 };
	struct map *m;
	int64_t end;
	bool copied = false;

	if (args[1] < 0 || args[2] < 0 ||
	    __builtin_add_overflow(args[1], args[2], &end))
		return RUMP_EINVAL;
	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, (uint64_t)args[0]);
	if (m != NULL && m->m_handle == handle)
		copied = map_copy(&copy, m);
	pthread_mutex_unlock(&ms->ms_lock);
	if (copied)
		mark_again(&copy, args[1], end);
	if (copy.m_handle != NULL)
		serverkernel.sk_map_destroy(copy.m_handle);
	free(copy.m_dirty);
	if (!copied)
		return RUMP_ENOMEM;
	return serverkernel.sk_map_sync(handle, args[1], (size_t)args[2]);
}

static int
map_ref(struct maps *ms, uint64_t handle)
{
	struct map *m;
	int error = RUMP_EBADF;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, handle);
	if (m != NULL) {
		error = m->m_refs < UINT32_MAX ? 0 : RUMP_ENOMEM;
		m->m_refs += error == 0;
	}
	pthread_mutex_unlock(&ms->ms_lock);
	return error;
}

static int
map_unref(struct maps *ms, uint64_t handle)
{
	struct map *m, gone = { 0 };
	bool found = false;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, handle);
	if (m != NULL) {
		found = true;
		if (--m->m_refs == 0) {
			gone = *m;
			memset(m, 0, sizeof(*m));
			if (handle < ms->ms_hint)
				ms->ms_hint = handle;
		}
	}
	pthread_mutex_unlock(&ms->ms_lock);
	if (gone.m_handle != NULL)
		map_release(&gone);
	return found ? 0 : RUMP_EBADF;
}

static int
map_memory(struct worker *w)
{
	int fd = atomic_load(&memory_fd);

	if (!w->w_client->c_ours)
		return RUMP_EPERM;
	/* Nobody can want it before the first map. */
	return fd < 0 ? RUMP_ENODEV : fastcall_give(w, fd);
}

/* Calls on a map that exists; handle has a reference of ours. */
static int
on_map(struct worker *w, struct maps *ms, void *handle, int num,
    const int64_t *args, int64_t *retval)
{
	switch (num) {
	case FASTCALL_MAP_AGAIN:
		return map_again(w, handle, args);
	case FASTCALL_MAP_FILL:
		return serverkernel.sk_map_fill(
		    handle, args[1], (size_t)args[2]);
	case FASTCALL_MAP_SIZE:
		return serverkernel.sk_map_size(handle, &retval[0]);
	case FASTCALL_MAP_DIRTY:
		return map_dirty(ms, handle, args);
	case FASTCALL_MAP_SYNC:
		return map_sync(ms, handle, args);
	case FASTCALL_MAP_DROP:
		if (args[1] < 0 || args[2] < 0)
			return RUMP_EINVAL;
		serverkernel.sk_map_drop(handle, args[1], (size_t)args[2]);
		return 0;
	default:
		return RUMP_ENOSYS;
	}
}

int
maps_call(struct worker *w, int num, const int64_t *args, int64_t *retval)
{
	struct maps *ms = atomic_load(&w->w_client->c_maps);
	void *handle;
	int error;

	if (num == FASTCALL_MAP_CREATE)
		return map_create(w, args);
	if (num == FASTCALL_MAP_MEMORY)
		return map_memory(w);
	if (ms == NULL)
		return RUMP_EBADF;
	if (num == FASTCALL_MAP_REF)
		return map_ref(ms, (uint64_t)args[0]);
	if (num == FASTCALL_MAP_DESTROY)
		return map_unref(ms, (uint64_t)args[0]);
	handle = maps_get(ms, (uint64_t)args[0]);
	if (handle == NULL)
		return RUMP_EBADF;
	error = on_map(w, ms, handle, num, args, retval);
	serverkernel.sk_map_destroy(handle);
	return error;
}
