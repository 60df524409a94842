/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that many results have in common; for proto*.c. */
#ifndef NFS_PROTOXDR_H
#define NFS_PROTOXDR_H

#include "nfs/proto.h"

void nfs3_get_fh(struct xdr_in *xi, struct nfs3_fh *fh);
void nfs3_get_time(struct xdr_in *xi, struct nfs3_time *t);
void nfs3_get_opt_attr(struct xdr_in *xi, struct nfs3_opt_attr *oa);
/* 0, or EBADRPC if anything that was read before was wrong. */
int nfs3_finish(const struct xdr_in *xi);

#endif /* !NFS_PROTOXDR_H */
