/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding an export: port mapper, MOUNT, and the first calls to NFS itself.
 */
#ifndef NFS_MOUNT_H
#define NFS_MOUNT_H

#include "kern/cred.h"
#include "nfs/nfsmount.h"
#include "nfs/url.h"

/*
 * Find the export that url names and make nm ready for use: ports, root handle,
 * connection, limits.  Ends within about ten seconds.  0, or an errno with one
 * line in text (size > 0) that says what failed, why, and what would help.
 */
int nfsmount_url(struct nfsmount *nm, const struct nfs_url *url,
    kauth_cred_t cred, char *text, size_t size);
/*
 * The same when the root handle and the NFS port are known already (nm_addr,
 * nm_port, nm_root, nm_options).
 */
int nfsmount_connect(
    struct nfsmount *nm, kauth_cred_t cred, char *text, size_t size);
/* Tell the server that we are gone, if it is quick to listen. */
void nfsmount_tell_umount(struct nfsmount *nm, kauth_cred_t cred);

#endif /* !NFS_MOUNT_H */
