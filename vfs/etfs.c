/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of keys.  An entry is referenced by the table and by each vnode and
 * each call that uses it, and so is what it leads to until nobody does.
 */
#include "vfs/etfs.h"

#include "kern/clock.h"
#include "kern/etfs.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "rump/rumpuser.h"

_Atomic uint32_t etfs_nkeys;

static kmutex_t etfs_lock;
static struct list entries = LIST_INITIALIZER(entries); /* etfs_lock */
static uint64_t last_id;                                /* etfs_lock */

char *
etfs_strdup(const char *first, const char *second)
{
	size_t n = strlen(first), m = strlen(second);
	char *s = kmem_alloc(n + m + 1, KM_SLEEP);

	memcpy(s, first, n);
	memcpy(s + n, second, m + 1);
	return s;
}

void
etfs_strfree(char *s)
{
	kmem_free(s, strlen(s) + 1);
}

void
etfs_unref(struct etfs *ef)
{
	if (atomic_fetch_sub_explicit(
		&ef->ef_refcnt, 1, memory_order_acq_rel) != 1)
		return;
	if (ef->ef_blk != NULL)
		etblk_unref(ef->ef_blk);
	etfs_strfree(ef->ef_key);
	etfs_strfree(ef->ef_hostpath);
	kmem_free(ef, sizeof(*ef));
}

/* Does path begin with ef's key?  A directory's may be followed by names, any
 * by slashes. */
static bool
matches(const struct etfs *ef, const char *path, size_t *len)
{
	size_t n = strlen(ef->ef_key);
	const char *rest = path + n;

	if (strncmp(path, ef->ef_key, n) != 0)
		return false;
	*len = n;
	if (etfs_isdir(ef))
		return *rest == '\0' || *rest == '/';
	while (*rest == '/')
		rest++;
	return *rest == '\0';
}

/* The longest key that path begins with. */
static struct etfs *
find(const char *path, size_t *len) REQUIRES(etfs_lock)
{
	struct etfs *best = NULL;
	struct list *n;
	size_t most = 0;

	LIST_FOREACH (n, &entries) {
		struct etfs *ef = LIST_ENTRY(n, struct etfs, ef_list);

		if (!matches(ef, path, len) || *len < most)
			continue;
		most = *len;
		best = ef;
	}
	*len = most;
	return best;
}

static struct etfs *
find_key(const char *key) REQUIRES(etfs_lock)
{
	struct list *n;

	LIST_FOREACH (n, &entries) {
		struct etfs *ef = LIST_ENTRY(n, struct etfs, ef_list);

		if (strcmp(ef->ef_key, key) == 0)
			return ef;
	}
	return NULL;
}

static void
ref(struct etfs *ef)
{
	atomic_fetch_add_explicit(&ef->ef_refcnt, 1, memory_order_relaxed);
}

struct etfs *
etfs_byid(uint64_t id)
{
	struct etfs *found = NULL;
	struct list *n;

	mutex_enter(&etfs_lock);
	LIST_FOREACH (n, &entries) {
		struct etfs *ef = LIST_ENTRY(n, struct etfs, ef_list);

		if (ef->ef_id != id)
			continue;
		ref(ef);
		found = ef;
		break;
	}
	mutex_exit(&etfs_lock);
	return found;
}

int
etfs_lookup(const char *path, size_t *len, struct vnode **vpp)
{
	struct etfs *ef;
	int error;

	mutex_enter(&etfs_lock);
	ef = find(path, len);
	if (ef != NULL)
		ref(ef);
	mutex_exit(&etfs_lock);
	if (ef == NULL)
		return ENOENT;
	error = etnode_get(ef, vpp);
	etfs_unref(ef);
	return error;
}

/* Is the host's file what a key of the type can lead to? */
static int
check_hosttype(enum rump_etfs_type type, int hosttype)
{
	switch (type) {
	case RUMP_ETFS_DIR:
	case RUMP_ETFS_DIR_SUBDIRS:
		return hosttype == RUMPUSER_FT_DIR ? 0 : ENOTDIR;
	case RUMP_ETFS_REG:
		if (hosttype == RUMPUSER_FT_DIR)
			return EISDIR;
		break;
	default:
		break;
	}
	return hosttype == RUMPUSER_FT_REG || hosttype == RUMPUSER_FT_BLK ||
		       hosttype == RUMPUSER_FT_CHR
		   ? 0
		   : EINVAL;
}

/* What part of the host's file it is. */
static int
set_bounds(struct etfs *ef, uint64_t begin, uint64_t size, uint64_t hostsize)
{
	ef->ef_openend = size == RUMP_ETFS_SIZE_ENDOFF;
	if (etfs_isdir(ef))
		return begin == 0 && ef->ef_openend ? 0 : EISDIR;
	if (begin > hostsize || begin > INT64_MAX)
		return EINVAL;
	if (ef->ef_openend)
		size = hostsize - begin;
	if (size > hostsize - begin || size > INT64_MAX - begin)
		return EINVAL;
	ef->ef_begin = begin;
	atomic_init(&ef->ef_size, size);
	return 0;
}

/* The key as paths are compared with it, or NULL if it is none. */
static char *
normal_key(const char *key, enum rump_etfs_type type)
{
	char *copy, *end, *result;

	if (*key != '/')
		return NULL;
	while (*key == '/')
		key++;
	if (*key == '\0')
		return NULL;
	if (type != RUMP_ETFS_DIR && type != RUMP_ETFS_DIR_SUBDIRS)
		return etfs_strdup(key, "");
	/* What follows a directory begins with a slash. */
	copy = etfs_strdup(key, "");
	end = copy + strlen(copy);
	while (end[-1] == '/')
		end--;
	*end = '\0';
	result = etfs_strdup(copy, "");
	kmem_free(copy, strlen(key) + 1);
	return result;
}

/* Everything about an entry but its place in the table. */
static int
prepare(struct etfs *ef, uint64_t begin, uint64_t size)
{
	uint64_t hostsize;
	int error, hosttype;

	error = rumpuser_getfileinfo(ef->ef_hostpath, &hostsize, &hosttype);
	if (error == 0)
		error = check_hosttype(ef->ef_type, hosttype);
	if (error == 0)
		error = set_bounds(ef, begin, size, hostsize);
	if (error == 0 && etfs_isdev(ef))
		error = etblk_create(ef->ef_hostpath, ef->ef_begin,
		    atomic_load(&ef->ef_size), &ef->ef_blk);
	return error;
}

static int
enter(struct etfs *ef)
{
	int error = EEXIST;

	mutex_enter(&etfs_lock);
	if (find_key(ef->ef_key) == NULL) {
		ef->ef_id = ++last_id;
		list_insert_tail(&entries, &ef->ef_list);
		atomic_fetch_add(&etfs_nkeys, 1);
		error = 0;
	}
	mutex_exit(&etfs_lock);
	return error;
}

static bool
is_known(const char *key)
{
	bool known;

	mutex_enter(&etfs_lock);
	known = find_key(key) != NULL;
	mutex_exit(&etfs_lock);
	return known;
}

static int
etfs_register(const char *key, const char *hostpath, enum rump_etfs_type type,
    uint64_t begin, uint64_t size)
{
	struct etfs *ef;
	char *normal;
	int error;

	if ((unsigned)type > RUMP_ETFS_DIR_SUBDIRS)
		return EINVAL;
	normal = normal_key(key, type);
	if (normal == NULL)
		return EINVAL;
	ef = kmem_zalloc(sizeof(*ef), KM_SLEEP);
	atomic_init(&ef->ef_refcnt, 1);
	ef->ef_type = type;
	ef->ef_key = normal;
	ef->ef_hostpath = etfs_strdup(hostpath, "");
	getnanotime(&ef->ef_time);
	error = is_known(normal) ? EEXIST : prepare(ef, begin, size);
	if (error != 0)
		goto fail_entry;
	error = enter(ef);
	if (error != 0)
		goto fail_device;
	return 0;

fail_device:
	if (ef->ef_blk != NULL)
		etblk_remove(ef->ef_blk);
fail_entry:
	etfs_unref(ef);
	return error;
}

/* Written either way, a directory's key is the same one. */
static struct etfs *
take(const char *key)
{
	char *file = normal_key(key, RUMP_ETFS_REG);
	char *dir = normal_key(key, RUMP_ETFS_DIR);
	struct etfs *ef = NULL;

	if (file == NULL)
		return NULL;
	mutex_enter(&etfs_lock);
	ef = find_key(file);
	if (ef == NULL)
		ef = find_key(dir);
	if (ef != NULL && strcmp(ef->ef_key, file) != 0 && !etfs_isdir(ef))
		ef = NULL;
	if (ef != NULL) {
		list_remove(&ef->ef_list);
		atomic_store(&ef->ef_removed, true);
		atomic_fetch_sub(&etfs_nkeys, 1);
	}
	mutex_exit(&etfs_lock);
	etfs_strfree(file);
	etfs_strfree(dir);
	return ef;
}

static int
etfs_remove(const char *key)
{
	struct etfs *ef = take(key);

	if (ef == NULL)
		return ENOENT;
	if (ef->ef_blk != NULL)
		etblk_remove(ef->ef_blk);
	etfs_unref(ef);
	return 0;
}

void
etfs_init(void)
{
	static const struct etfsops ops = {
		.eo_register = etfs_register,
		.eo_remove = etfs_remove,
	};

	mutex_init(&etfs_lock, "etfs");
	etblk_init();
	etnode_init();
	etfs_attach(&ops);
}
