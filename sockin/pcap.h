/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as a capture file has them: the classic pcap format with time stamps
 * in nanoseconds and IP packets without a link layer (LINKTYPE_RAW).  The
 * headers in front of a payload are made up from a description.  Bytes in,
 * bytes out: no I/O, no allocation, no state.
 */
#ifndef SOCKIN_PCAP_H
#define SOCKIN_PCAP_H

#include "kern/types.h"

#define PCAP_FILE_HEADER 24 /* bytes at the beginning of a file */
/* Record header, IPv6 header, TCP header with the options of a SYN. */
#define PCAP_HEAD_MAX (16 + 40 + 28)
/* The most payload in a TCP segment; other payloads end with the packet. */
#define PCAP_SEGMENT_MAX 65000

struct pcap_end {
	bool pe_ip6;
	uint8_t pe_addr[16]; /* network order; the first 4 of IPv4 */
	uint16_t pe_port;    /* host order */
};

enum pcap_kind {
	PCAP_TCP,
	PCAP_UDP,
	PCAP_ICMP,  /* payload begins with the ICMP header */
	PCAP_OTHER, /* payload follows the IP header */
	PCAP_WHOLE, /* payload begins with the IPv4 header */
};

/* pp_tcpflags */
#define PCAP_FIN 0x01
#define PCAP_SYN 0x02
#define PCAP_RST 0x04
#define PCAP_PSH 0x08
#define PCAP_ACK 0x10

struct pcap_packet {
	enum pcap_kind pp_kind;
	uint8_t pp_protocol;            /* of IP; PCAP_TCP and PCAP_UDP too */
	struct pcap_end pp_src, pp_dst; /* of one family */
	uint16_t pp_id;                 /* of IPv4 */
	uint32_t pp_sec, pp_nsec;       /* since the epoch */
	uint32_t pp_seq, pp_ack;        /* TCP */
	uint8_t pp_tcpflags;
	/*
	 * Payload of at most PCAP_SEGMENT_MAX (TCP), else what fits: more is
	 * cut off.  NULL: pp_len bytes that are not known; the record ends
	 * behind the headers, and checksums are left out.
	 */
	const uint8_t *pp_data;
	size_t pp_len;
};

void pcap_file_header(uint8_t out[PCAP_FILE_HEADER]);
/*
 * Make the record header and the headers of the packet, PCAP_HEAD_MAX bytes at
 * most.  Returns their length; *len is how many bytes of pp_data follow.
 */
size_t pcap_encode(
    const struct pcap_packet *pp, uint8_t out[PCAP_HEAD_MAX], size_t *len);

/*
 * What the host changes in a message of an ICMP socket before it is sent, in
 * data: the identifier (not of raw sockets: id < 0) and the checksum.
 */
void pcap_finish_icmp(uint8_t *data, size_t len, int id,
    const struct pcap_end *src, const struct pcap_end *dst);
/* The same for an IPv4 packet with a header of the program's: length, checksum,
 * and the source address if it is 0. */
void pcap_finish_ip4(uint8_t *data, size_t len, const struct pcap_end *src);

#endif /* !SOCKIN_PCAP_H */
