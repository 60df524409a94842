/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that are removed while they are in use here.  A server forgets a file
 * with its last name, so it gets another one, .nfs and a number, which goes
 * when the last use ends.  In this kernel that name cannot be seen.
 */
#ifndef NFS_SILLY_H
#define NFS_SILLY_H

#include "nfs/node.h"

/* Is vp open or mapped, and has it a name of its own? */
bool nfssilly_needed(struct vnode *vp);
/* Remove (dvp, cnp), which is vp, from sight: it is renamed. */
int nfssilly_rename(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp);
/*
 * The name (dvp, cnp) of vp is about to be another file's: give vp one more.
 * If the server knows no links, vp is renamed.
 */
int nfssilly_keep(
    struct vnode *dvp, struct vnode *vp, const struct componentname *cnp);
/* The name that nfssilly_keep() has given is not needed after all. */
void nfssilly_undo(struct vnode *vp);
/* If vp is such a file and not in use any more: remove it. */
void nfssilly_unused(struct vnode *vp);
/* vp is reclaimed: its name stays with the server, if it has one. */
void nfssilly_forget(struct vnode *vp);
/* Remove them all, whatever uses them; for the end of the kernel. */
void nfssilly_end(struct nfsmount *nm);
/* Is this such a name in dvp? */
bool nfssilly_hides(struct vnode *dvp, const char *name, size_t len);
/*
 * Directory dvp is to be removed and is not empty: move such files from it to
 * its parent.  *moved: there were some.
 */
int nfssilly_move(struct vnode *dvp, struct vnode *parent, bool *moved);

#endif /* !NFS_SILLY_H */
