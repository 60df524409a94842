/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps of fast clients: handles instead of pointers.
 *
 * The kernel has pages taken away from a program before it sends them
 * (rmh_protect), so that the next store is noticed.  A client can be asked that
 * only while a worker serves a call of its own.  The kernel is told whether that
 * was everybody (rmh_alone), and looks after the pages of the others.
 *
 * A handle is an index.  ms_lock is held for looking at the table; calls of the
 * kernel are made with a reference to the map and without the lock.
 *
 * Parent and child show the same pages after a fork, and share the kernel's map
 * until one of them wants to give up some of its pages: then it gets a map of its
 * own, whose pages are counted for it alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "rump/rumpdefs.h"
#include "rump/rumphost.h"
#include "rump/rumpuser.h"

#include "rumpuser/text.h"
#include "sysproxy/server.h"
#include "sysproxy/server_files.h"
#include "sysproxy/server_kernel.h"
#include "sysproxy/server_worker.h"

#define MAPS_MAX 65536
struct map {
	void *m_handle;     /* the kernel's, one reference; NULL: free */
	const void *m_file; /* i */
	int m_hostfd;       /* i: the kernel's, as long as the map is there */
	bool m_writable;    /* i */
	bool m_shared;      /* another process may show its pages */
	uint32_t m_refs;    /* so many MAP_DESTROY are to come */
};

struct maps {
	pthread_mutex_t ms_lock;
	struct map *ms_map; /* ms_lock, and all below */
	size_t ms_n;
	size_t ms_hint; /* no free one below */
};

static uint64_t secret; /* i: hides where our memory lies */

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

/* m is out of the table. */
static void
map_release(struct map *m)
{
	files_remove(m->m_file);
	serverkernel.sk_map_destroy(m->m_handle);
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
map_copy(struct map *m, struct map *old)
{
	if (old->m_handle == NULL)
		return true;
	if (!files_add(old->m_file))
		return false;
	old->m_shared = true;
	*m = *old;
	serverkernel.sk_map_ref(m->m_handle);
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

/* So many of the client's maps are of file. */
static size_t
maps_count(struct maps *ms, const void *file)
{
	size_t n = 0;

	pthread_mutex_lock(&ms->ms_lock);
	for (size_t i = 0; i < ms->ms_n; i++)
		n += ms->ms_map[i].m_handle != NULL &&
		     ms->ms_map[i].m_file == file;
	pthread_mutex_unlock(&ms->ms_lock);
	return n;
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
	return ms != NULL && maps_count(ms, file) != 0 ? w : NULL;
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
	(void)slot_service(w, FAST_PROTECT);
}

static bool
hook_alone(const void *file)
{
	struct worker *w = asked_worker(file);

	return w != NULL && maps_count(atomic_load(&w->w_client->c_maps),
				file) == files_count(file);
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
		.rmh_alone = hook_alone,
		.rmh_apart = true,
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
enter(struct worker *w, const struct rump_map *rm, bool writable, int64_t to)
{
	struct map m = {
		.m_handle = rm->rm_handle,
		.m_file = rm->rm_file,
		.m_hostfd = rm->rm_hostfd,
		.m_writable = writable,
		.m_refs = 1,
	};
	struct fast_map fp = {
		.fp_file = file_id(rm->rm_file),
		.fp_hostoff = rm->rm_hostoff,
		.fp_writable = writable,
		.fp_memory = rm->rm_memory,
	};
	struct maps *ms = own_maps(w->w_client);
	int error;

	if (ms == NULL || !files_add(rm->rm_file)) {
		serverkernel.sk_map_destroy(rm->rm_handle);
		return RUMP_ENOMEM;
	}
	error = maps_insert(ms, &m, &fp.fp_handle);
	if (error != 0) {
		map_release(&m);
		return error;
	}
	return copy_out(w, &fp, (uint64_t)to, sizeof(fp));
}

/*
 * Whoever can write to a file's memory can also cut it off under our feet.  Our
 * own user may end us anyway; others may read, if it is that file's alone, and
 * write when nobody can cut that any more.
 */
static int
map_create(struct worker *w, const int64_t *args)
{
	bool stores = (args[3] & RUMP_PROT_WRITE) != 0 &&
		      (args[4] & RUMP_MAP_SHARED) != 0;
	bool ours = w->w_client->c_ours;
	struct rump_map rm;
	int error;

	error = serverkernel.sk_map_create((int)args[0], args[1],
	    (size_t)args[2], (int)args[3], (int)args[4], &rm);
	if (error != 0)
		return error;
	if (ours || (rm.rm_apart && (!stores || serverkernel.sk_map_firm(
						    rm.rm_handle) == 0)))
		return enter(
		    w, &rm, rm.rm_writable && (ours || stores), args[5]);
	serverkernel.sk_map_destroy(rm.rm_handle);
	return RUMP_ENODEV;
}

/* Is number handle's still, and may it be stored into? */
static bool
is_writable(struct maps *ms, uint64_t number, const void *handle)
{
	const struct map *m;
	bool writable;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, number);
	writable = m != NULL && m->m_handle == handle && m->m_writable;
	pthread_mutex_unlock(&ms->ms_lock);
	return writable;
}

static int
map_again(struct worker *w, struct maps *ms, void *handle, const int64_t *args)
{
	bool writable = is_writable(ms, (uint64_t)args[0], handle);
	struct rump_map rm;
	int error;

	error =
	    serverkernel.sk_map_again(handle, args[1], (size_t)args[2], &rm);
	return error != 0 ? error : enter(w, &rm, writable, args[3]);
}

/* Stores are reported. */
static int
map_dirty(struct maps *ms, void *handle, const int64_t *args)
{
	int64_t off = args[1], end;

	if (off < 0 || args[2] <= 0 ||
	    __builtin_add_overflow(off, args[2], &end) || args[3] < 0)
		return RUMP_EINVAL;
	if (!is_writable(ms, (uint64_t)args[0], handle))
		return RUMP_EACCES;
	return serverkernel.sk_map_dirty(handle, off, (size_t)args[2], args[3]);
}

static int
map_punch(struct maps *ms, void *handle, const int64_t *args)
{
	int64_t off = args[1], end;

	if (off < 0 || args[2] <= 0 ||
	    __builtin_add_overflow(off, args[2], &end))
		return RUMP_EINVAL;
	if (!is_writable(ms, (uint64_t)args[0], handle))
		return RUMP_EACCES;
	return serverkernel.sk_map_punch(handle, off, (size_t)args[2]);
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

/* The same memory for reading. */
static int
give_readable(struct worker *w, int fd)
{
	char path[32];
	int error, copy;

	(void)text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDONLY | O_CLOEXEC);
	if (copy < 0)
		return rumpuser_component_errtrans(errno);
	error = fastcall_give(w, copy);
	(void)close(copy);
	return error;
}

/* With a reference to the map, which keeps the descriptor. */
static int
map_memory(struct worker *w, struct maps *ms, uint64_t handle)
{
	bool whole = w->w_client->c_ours;
	const struct map *m;
	int fd = -1;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, handle);
	if (m != NULL) {
		fd = m->m_hostfd;
		whole = whole || m->m_writable;
	}
	pthread_mutex_unlock(&ms->ms_lock);
	if (fd < 0)
		return RUMP_EBADF;
	return whole ? fastcall_give(w, fd) : give_readable(w, fd);
}

static bool
is_shared(struct maps *ms, uint64_t handle)
{
	const struct map *m;
	bool shared;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, handle);
	shared = m != NULL && m->m_shared;
	pthread_mutex_unlock(&ms->ms_lock);
	return shared;
}

/* The client's map number becomes clone, a copy of handle.  False: it is another
 * one by now. */
static bool
replace(struct maps *ms, uint64_t number, void *handle, void *clone)
{
	struct map *m;
	bool replaced = false;

	pthread_mutex_lock(&ms->ms_lock);
	m = maps_find(ms, number);
	if (m != NULL && m->m_handle == handle) {
		m->m_handle = clone;
		m->m_shared = false;
		replaced = true;
	}
	pthread_mutex_unlock(&ms->ms_lock);
	return replaced;
}

/* Pages are given up.  Without memory they are not, which hurts nobody. */
static int
map_drop(struct maps *ms, void *handle, const int64_t *args)
{
	uint64_t number = (uint64_t)args[0];
	void *clone;

	if (args[1] < 0 || args[2] < 0)
		return RUMP_EINVAL;
	if (!is_shared(ms, number)) {
		serverkernel.sk_map_drop(handle, args[1], (size_t)args[2]);
		return 0;
	}
	clone = serverkernel.sk_map_clone(handle);
	if (clone == NULL)
		return 0;
	serverkernel.sk_map_drop(clone, args[1], (size_t)args[2]);
	serverkernel.sk_map_destroy(
	    replace(ms, number, handle, clone) ? handle : clone);
	return 0;
}

/* Calls on a map that exists; handle has a reference of ours. */
static int
on_map(struct worker *w, struct maps *ms, void *handle, int num,
    const int64_t *args, int64_t *retval)
{
	switch (num) {
	case FASTCALL_MAP_AGAIN:
		return map_again(w, ms, handle, args);
	case FASTCALL_MAP_FILL:
		return serverkernel.sk_map_fill(
		    handle, args[1], (size_t)args[2]);
	case FASTCALL_MAP_SIZE:
		return serverkernel.sk_map_size(handle, &retval[0]);
	case FASTCALL_MAP_DIRTY:
		return map_dirty(ms, handle, args);
	case FASTCALL_MAP_PUNCH:
		return map_punch(ms, handle, args);
	case FASTCALL_MAP_SYNC:
		if (args[1] < 0 || args[2] < 0)
			return RUMP_EINVAL;
		return serverkernel.sk_map_sync(
		    handle, args[1], (size_t)args[2]);
	case FASTCALL_MAP_DROP:
		return map_drop(ms, handle, args);
	case FASTCALL_MAP_MEMORY:
		return map_memory(w, ms, (uint64_t)args[0]);
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
