/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Additions to NetBSD's system call interface for sockets that are sockets of
 * the host (sockin).  A caller that was written for the host reaches with them
 * what NetBSD has no name for; what both have goes by NetBSD's names.  Other
 * sockets answer ENOPROTOOPT, EOPNOTSUPP and ENOTTY.
 */
#ifndef RUMP_RUMPHOSTSOCK_H
#define RUMP_RUMPHOSTSOCK_H

#include <stdint.h>

/*
 * A level of getsockopt(2), setsockopt(2) and of control messages: the host's
 * level under this mark.  The name or type and the bytes of the value are the
 * host's too.
 */
#define RUMP_SOL_HOST 0x48000000
#define RUMP_SOL_HOST_MASK 0x7f000000

/*
 * An address that is not PF_INET's or PF_INET6's as NetBSD knows them: behind
 * the length and this family stand the bytes that the host is to have.
 */
#define RUMP_AF_HOST 0xfe
/*
 * Control data that are no well-formed messages: all of them are one message of
 * this level, whose data the host is to have.
 */
#define RUMP_SOL_HOST_RAW 0x49000000

/* Message flags that only the host has, in bits that NetBSD does not use. */
#define RUMP_MSG_HOST_MORE 0x010000
#define RUMP_MSG_HOST_CONFIRM 0x020000
#define RUMP_MSG_HOST_ERRQUEUE 0x040000 /* also in results */
#define RUMP_MSG_HOST_FASTOPEN 0x080000
#define RUMP_MSG_HOST_ZEROCOPY 0x100000
/* Of a receive that follows another in one call: an error is for the next
 * call, unless it is EWOULDBLOCK. */
#define RUMP_MSG_HOST_KEEPERROR 0x200000
#define RUMP_MSG_HOST_MASK 0x3f0000

/*
 * An ioctl(2) or an fcntl(2) on the host socket, but for what makes descriptors,
 * changes how the socket waits, or waits.  hc_arg is the host's argument; a
 * pointer is one into the caller's memory.  The data of RUMP_SIOCHOST, an
 * ioctl(2) of ours.
 */
enum rump_hostcall_kind { RUMP_HOSTCALL_IOCTL, RUMP_HOSTCALL_FCNTL };
struct rump_hostcall {
	int32_t hc_kind;
	uint32_t hc_request;
	uint64_t hc_arg;
	int64_t hc_result; /* out */
};
_Static_assert(sizeof(struct rump_hostcall) == 24, "size in RUMP_SIOCHOST");
#define RUMP_SIOCHOST 0xc0184801 /* in and out, 24 bytes, 'H', 1 */

#endif /* !RUMP_RUMPHOSTSOCK_H */
