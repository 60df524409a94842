/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of the host in the name space: rump/rump.h has the contract, the vnode
 * layer the files. */
#ifndef KERN_ETFS_H
#define KERN_ETFS_H

#include "rump/rump.h"

struct etfsops {
	int (*eo_register)(const char *key, const char *hostpath,
	    enum rump_etfs_type type, uint64_t begin, uint64_t size);
	int (*eo_remove)(const char *key);
};

/* From a component's initialiser: what was asked for before boot is done now,
 * and what is asked for later as it comes. */
void etfs_attach(const struct etfsops *eo);

#endif /* !KERN_ETFS_H */
