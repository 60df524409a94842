/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public functions on files of the host.  Names of files are the vnode
 * layer's; without it they are ENOSYS, and what was registered before boot keeps
 * its status of -1.
 */
#include "kern/etfs.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"

static const struct etfsops *ops;    /* set while booting */
static struct rump_boot_etfs *first; /* before boot, by one thread */
static struct rump_boot_etfs **lastp = &first;

void
rump_boot_etfs_register(struct rump_boot_etfs *eb)
{
	eb->eb_status = -1;
	eb->_eb_next = NULL;
	*lastp = eb;
	lastp = &eb->_eb_next;
}

void
etfs_attach(const struct etfsops *eo)
{
	struct rump_boot_etfs *eb, *next;

	ops = eo;
	for (eb = first; eb != NULL; eb = next) {
		next = eb->_eb_next;
		eb->eb_status = eo->eo_register(eb->eb_key, eb->eb_hostpath,
		    eb->eb_type, eb->eb_begin, eb->eb_size);
	}
	first = NULL;
	lastp = &first;
}

int
rump_pub_etfs_register_withsize(const char *key, const char *hostpath,
    enum rump_etfs_type type, uint64_t begin, uint64_t size)
{
	int error;

	if (ops == NULL)
		return ENOSYS;
	rump_schedule();
	error = ops->eo_register(key, hostpath, type, begin, size);
	rump_unschedule();
	return error;
}

int
rump_pub_etfs_register(
    const char *key, const char *hostpath, enum rump_etfs_type type)
{
	return rump_pub_etfs_register_withsize(
	    key, hostpath, type, 0, RUMP_ETFS_SIZE_ENDOFF);
}

int
rump_pub_etfs_remove(const char *key)
{
	int error;

	if (ops == NULL)
		return ENOSYS;
	rump_schedule();
	error = ops->eo_remove(key);
	rump_unschedule();
	return error;
}
