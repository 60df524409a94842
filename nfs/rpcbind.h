/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port mapper as rpcbind, versions 3 and 4 (RFC 1833), which know of more
 * than IPv4: arguments and results, without I/O.  Version 2 is in proto.h.
 */
#ifndef NFS_RPCBIND_H
#define NFS_RPCBIND_H

#include "nfs/xdr.h"

#define RPCBIND_VERS_FIRST 3
#define RPCBIND_VERS_LAST 4
#define RPCBPROC_GETADDR 3
#define RPCBIND_ARGS_MAX 64 /* of GETADDR */
#define RPCBIND_RESULT_MAX 132

/* netid: "tcp", "udp", "tcp6", "udp6". */
void rpcbind_getaddr_args(
    struct xdr_out *xo, uint32_t prog, uint32_t vers, const char *netid);
/*
 * The universal address that comes back ends in the port; the host in it is the
 * one that was asked.  *port: 1..65535, or 0 when the program is not
 * registered.  0 or EBADRPC.
 */
int rpcbind_getaddr_result(struct xdr_in *xi, uint16_t *port);

#endif /* !NFS_RPCBIND_H */
