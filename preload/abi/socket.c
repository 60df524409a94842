/* SPDX-License-Identifier: BSD-2-Clause */
/* Families, types and flags. */
#include "preload/abi/socket.h"

#include <errno.h>
#include <sys/socket.h>

#include "preload/abi/map.h"
#include "rump/rumpdefs.h"
#include "rump/rumphostsock.h"

static const struct abi_pair families[] = {
	{ AF_UNSPEC, RUMP_AF_UNSPEC },
	{ AF_UNIX, RUMP_AF_LOCAL },
	{ AF_INET, RUMP_AF_INET },
	{ AF_INET6, RUMP_AF_INET6 },
};

int
abi_family_to_netbsd(int family, int *out)
{
	uint32_t value;

	if (!abi_to_netbsd(
		families, ABI_NITEMS(families), (uint32_t)family, &value))
		return EAFNOSUPPORT;
	*out = (int)value;
	return 0;
}

int
abi_family_to_linux(int family, int *out)
{
	uint32_t value;

	if (!abi_to_linux(
		families, ABI_NITEMS(families), (uint32_t)family, &value))
		return EAFNOSUPPORT;
	*out = (int)value;
	return 0;
}

/* SOCK_STREAM to SOCK_DCCP have the same numbers. */
_Static_assert(SOCK_STREAM == RUMP_SOCK_STREAM, "passed unchanged");
_Static_assert(SOCK_DGRAM == RUMP_SOCK_DGRAM, "passed unchanged");
_Static_assert(SOCK_RAW == RUMP_SOCK_RAW, "passed unchanged");
_Static_assert(SOCK_RDM == RUMP_SOCK_RDM, "passed unchanged");
_Static_assert(SOCK_SEQPACKET == RUMP_SOCK_SEQPACKET, "passed unchanged");
_Static_assert(SOCK_DCCP == RUMP_SOCK_DCCP, "passed unchanged");

#define TYPE_MASK 0xf

static const struct abi_pair type_flags[] = {
	{ SOCK_CLOEXEC, RUMP_SOCK_CLOEXEC },
	{ SOCK_NONBLOCK, RUMP_SOCK_NONBLOCK },
};

int
abi_sockflags_to_netbsd(int flags, int *out)
{
	uint32_t bits, rest;

	bits = abi_bits_to_netbsd(
	    type_flags, ABI_NITEMS(type_flags), (uint32_t)flags, &rest);
	if (rest != 0)
		return EINVAL;
	*out = (int)bits;
	return 0;
}

int
abi_socktype_to_netbsd(int type, int *out)
{
	int kind = type & TYPE_MASK, flags;

	if (kind > SOCK_PACKET ||
	    abi_sockflags_to_netbsd(type & ~TYPE_MASK, &flags) != 0)
		return EINVAL;
	if (kind < SOCK_STREAM || kind > SOCK_DCCP)
		return ESOCKTNOSUPPORT;
	*out = kind | flags;
	return 0;
}

bool
abi_socktype_is_packet(int type)
{
	return (type & TYPE_MASK) == SOCK_PACKET;
}

int
abi_socktype_to_linux(int type)
{
	return type & TYPE_MASK;
}

static const struct abi_pair msg_flags[] = {
	{ MSG_OOB, RUMP_MSG_OOB },
	{ MSG_PEEK, RUMP_MSG_PEEK },
	{ MSG_DONTROUTE, RUMP_MSG_DONTROUTE },
	{ MSG_EOR, RUMP_MSG_EOR },
	{ MSG_TRUNC, RUMP_MSG_TRUNC },
	{ MSG_CTRUNC, RUMP_MSG_CTRUNC },
	{ MSG_WAITALL, RUMP_MSG_WAITALL },
	{ MSG_DONTWAIT, RUMP_MSG_DONTWAIT },
	{ MSG_NOSIGNAL, RUMP_MSG_NOSIGNAL },
	{ MSG_CMSG_CLOEXEC, RUMP_MSG_CMSG_CLOEXEC },
	{ MSG_WAITFORONE, RUMP_MSG_WAITFORONE },
	{ MSG_MORE, RUMP_MSG_HOST_MORE },
	{ MSG_CONFIRM, RUMP_MSG_HOST_CONFIRM },
	{ MSG_ERRQUEUE, RUMP_MSG_HOST_ERRQUEUE },
	{ MSG_FASTOPEN, RUMP_MSG_HOST_FASTOPEN },
	{ MSG_ZEROCOPY, RUMP_MSG_HOST_ZEROCOPY },
};

int
abi_msgflags_to_netbsd(int flags)
{
	if (flags == 0)
		return 0;
	return (int)abi_bits_to_netbsd(
	    msg_flags, ABI_NITEMS(msg_flags), (uint32_t)flags, NULL);
}

int
abi_msgflags_to_linux(int flags)
{
	return (int)abi_bits_to_linux(
	    msg_flags, ABI_NITEMS(msg_flags), (uint32_t)flags, NULL);
}
