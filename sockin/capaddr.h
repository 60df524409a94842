/* SPDX-License-Identifier: BSD-2-Clause */
/* The addresses in captured packets. */
#ifndef SOCKIN_CAPADDR_H
#define SOCKIN_CAPADDR_H

#include "rump/rumpabi.h"
#include "sockin/pcap.h"

/* Of one socket; capture_lock.  Zero but for ca_hostfd at first. */
struct capaddr {
	int ca_hostfd; /* i */
	/* A socket without address: what it sends from to whom. */
	struct pcap_end ca_to, ca_from;
	bool ca_known;
};

/* Bytes of an address. */
size_t capaddr_size(const struct pcap_end *pe);
/* From a socket address of len bytes; an IPv4 one in an IPv6 address is IPv4.
 * False, and nothing in *pe, for other families. */
bool capaddr_convert(struct pcap_end *pe, const void *addr, size_t len);
/* The socket's end of what goes to and comes from peer; asks the host. */
bool capaddr_own(
    struct capaddr *ca, const struct pcap_end *peer, struct pcap_end *own);
/* Whom the host says the socket is connected to. */
bool capaddr_peer(const struct capaddr *ca, struct pcap_end *peer);

#endif /* !SOCKIN_CAPADDR_H */
