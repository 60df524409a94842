/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockin/capaddr.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "sockin/user.h"
#include "sockin/user_capture.h"

size_t
capaddr_size(const struct pcap_end *pe)
{
	return pe->pe_ip6 ? 16 : 4;
}

static void
end_from_in6(struct pcap_end *pe, const struct rump_sockaddr_in6 *sin6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	pe->pe_port = __builtin_bswap16(sin6->sin6_port);
	pe->pe_ip6 = memcmp(sin6->sin6_addr, mapped, sizeof(mapped)) != 0;
	if (pe->pe_ip6)
		memcpy(pe->pe_addr, sin6->sin6_addr, 16);
	else
		memcpy(pe->pe_addr, sin6->sin6_addr + sizeof(mapped), 4);
}

bool
capaddr_convert(struct pcap_end *pe, const void *addr, size_t len)
{
	const struct rump_sockaddr_in *sin = addr;

	memset(pe, 0, sizeof(*pe));
	if (len >= sizeof(*sin) && sin->sin_family == AF_INET) {
		pe->pe_port = __builtin_bswap16(sin->sin_port);
		memcpy(pe->pe_addr, &sin->sin_addr, 4);
		return true;
	}
	if (len < sizeof(struct rump_sockaddr_in6) ||
	    sin->sin_family != AF_INET6)
		return false;
	end_from_in6(pe, addr);
	return true;
}

static bool
ask_name(int fd, int which, struct pcap_end *pe)
{
	struct rump_sockaddr_storage ss;
	int len = sizeof(ss);

	return rumpcomp_sockin_getname(
		   fd, (struct rump_sockaddr *)&ss, &len, which) == 0 &&
	       capaddr_convert(pe, &ss, (size_t)len);
}

static bool
is_any(const struct pcap_end *pe)
{
	static const uint8_t any[16];

	return memcmp(pe->pe_addr, any, sizeof(any)) == 0;
}

/* As a socket address, with a port that can be connected to. */
static void
end_to_sockaddr(const struct pcap_end *pe, struct rump_sockaddr_storage *ss)
{
	struct rump_sockaddr_in6 *sin6 = (struct rump_sockaddr_in6 *)ss;
	struct rump_sockaddr_in *sin = (struct rump_sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (pe->pe_ip6) {
		sin6->sin6_len = sizeof(*sin6);
		sin6->sin6_family = AF_INET6;
		memcpy(sin6->sin6_addr, pe->pe_addr, 16);
		sin6->sin6_port = __builtin_bswap16(MAX(pe->pe_port, 1));
	} else {
		sin->sin_len = sizeof(*sin);
		sin->sin_family = AF_INET;
		memcpy(&sin->sin_addr, pe->pe_addr, 4);
		sin->sin_port = __builtin_bswap16(MAX(pe->pe_port, 1));
	}
}

/* The host chooses the source address; ask for each new peer. */
static void
find_source(struct capaddr *ca, const struct pcap_end *peer)
{
	struct rump_sockaddr_storage to, from;
	int len = sizeof(from);

	if (ca->ca_known && memcmp(&ca->ca_to, peer, sizeof(*peer)) == 0)
		return;
	ca->ca_to = *peer;
	ca->ca_known = true;
	end_to_sockaddr(peer, &to);
	if (rumpcomp_sockin_capture_source((struct rump_sockaddr *)&to,
		(struct rump_sockaddr *)&from, &len) != 0 ||
	    !capaddr_convert(&ca->ca_from, &from, (size_t)len) ||
	    ca->ca_from.pe_ip6 != peer->pe_ip6) {
		memset(&ca->ca_from, 0, sizeof(ca->ca_from));
		ca->ca_from.pe_ip6 = peer->pe_ip6;
	}
}

bool
capaddr_own(
    struct capaddr *ca, const struct pcap_end *peer, struct pcap_end *own)
{
	uint16_t port;

	if (!ask_name(ca->ca_hostfd, SOCKIN_NAME_OWN, own))
		return false;
	if (is_any(own) || own->pe_ip6 != peer->pe_ip6) {
		port = own->pe_port;
		find_source(ca, peer);
		*own = ca->ca_from;
		own->pe_port = port;
	}
	return true;
}

bool
capaddr_peer(const struct capaddr *ca, struct pcap_end *peer)
{
	return ask_name(ca->ca_hostfd, SOCKIN_NAME_PEER, peer);
}
