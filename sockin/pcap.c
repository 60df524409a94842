/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 791, 8200, 9293, 768, 1071; the file format is that of pcap-savefile(5),
 * written in the byte order of this machine, as it may be. */
#include "sockin/pcap.h"

#include "kern/libkern.h"

#define MAGIC_NANOSECONDS 0xa1b23c4d
#define VERSION_MAJOR 2
#define VERSION_MINOR 4
#define SNAPLEN 262144
#define LINKTYPE_RAW 101

#define RECORD_HEADER 16
#define IP4_HEADER 20
#define IP6_HEADER 40
#define TCP_HEADER 20
#define TCP_SYN_OPTIONS 8
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define IP_MAX 65535
#define TTL 64
#define DONT_FRAGMENT 0x4000
#define WINDOW 65535
#define WINDOW_SHIFT 7

#define PROTO_ICMP6 58

static void
put16(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void
put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

/* In the byte order of this machine. */
static void
store32(uint8_t *p, uint32_t n)
{
	memcpy(p, &n, sizeof(n));
}

void
pcap_file_header(uint8_t out[PCAP_FILE_HEADER])
{
	const uint16_t version[2] = { VERSION_MAJOR, VERSION_MINOR };

	memset(out, 0, PCAP_FILE_HEADER);
	store32(out, MAGIC_NANOSECONDS);
	memcpy(out + 4, version, sizeof(version));
	store32(out + 16, SNAPLEN);
	store32(out + 20, LINKTYPE_RAW);
}

/* Add to a sum of 16-bit words; only the last piece may be of odd length. */
static uint64_t
sum(uint64_t total, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		total += (uint32_t)p[0] << 8 | p[1];
	return len != 0 ? total + ((uint32_t)p[0] << 8) : total;
}

static uint16_t
fold(uint64_t total)
{
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

static size_t
address_size(const struct pcap_end *pe)
{
	return pe->pe_ip6 ? 16 : 4;
}

/* What the checksums of transport protocols count besides their bytes. */
static uint64_t
pseudo_header(const struct pcap_end *src, const struct pcap_end *dst,
    uint8_t protocol, size_t len)
{
	uint64_t total = protocol + len;

	total = sum(total, src->pe_addr, address_size(src));
	return sum(total, dst->pe_addr, address_size(dst));
}

static size_t
transport_size(const struct pcap_packet *pp)
{
	switch (pp->pp_kind) {
	case PCAP_TCP:
		return TCP_HEADER + ((pp->pp_tcpflags & PCAP_SYN) != 0
					    ? TCP_SYN_OPTIONS
					    : 0);
	case PCAP_UDP:
		return UDP_HEADER;
	default:
		return 0;
	}
}

static size_t
network_size(const struct pcap_packet *pp)
{
	if (pp->pp_kind == PCAP_WHOLE)
		return 0;
	return pp->pp_src.pe_ip6 ? IP6_HEADER : IP4_HEADER;
}

/* The most payload that the packet can have. */
static size_t
payload_max(const struct pcap_packet *pp)
{
	size_t head = transport_size(pp);

	if (pp->pp_kind == PCAP_TCP)
		return PCAP_SEGMENT_MAX;
	/* The length in an IPv6 header does not count that header. */
	if (!pp->pp_src.pe_ip6)
		head += network_size(pp);
	return IP_MAX - head;
}

static void
put_ip4(uint8_t *p, const struct pcap_packet *pp, size_t len)
{
	memset(p, 0, IP4_HEADER);
	p[0] = 4 << 4 | IP4_HEADER / 4;
	put16(p + 2, (uint32_t)(IP4_HEADER + len));
	put16(p + 4, pp->pp_id);
	put16(p + 6, DONT_FRAGMENT);
	p[8] = TTL;
	p[9] = pp->pp_protocol;
	memcpy(p + 12, pp->pp_src.pe_addr, 4);
	memcpy(p + 16, pp->pp_dst.pe_addr, 4);
	put16(p + 10, fold(sum(0, p, IP4_HEADER)));
}

static void
put_ip6(uint8_t *p, const struct pcap_packet *pp, size_t len)
{
	memset(p, 0, 8);
	p[0] = 6 << 4;
	put16(p + 4, (uint32_t)len);
	p[6] = pp->pp_protocol;
	p[7] = TTL;
	memcpy(p + 8, pp->pp_src.pe_addr, 16);
	memcpy(p + 24, pp->pp_dst.pe_addr, 16);
}

/* Maximum segment size, and a shift that makes the window a wide one. */
static void
put_syn_options(uint8_t *p)
{
	p[0] = 2;
	p[1] = 4;
	put16(p + 2, PCAP_SEGMENT_MAX);
	p[4] = 1; /* no operation */
	p[5] = 3;
	p[6] = 3;
	p[7] = WINDOW_SHIFT;
}

static void
put_tcp(uint8_t *p, const struct pcap_packet *pp)
{
	size_t size = transport_size(pp);

	memset(p, 0, size);
	put16(p, pp->pp_src.pe_port);
	put16(p + 2, pp->pp_dst.pe_port);
	put32(p + 4, pp->pp_seq);
	put32(p + 8, pp->pp_ack);
	p[12] = (uint8_t)(size / 4 << 4);
	p[13] = pp->pp_tcpflags;
	put16(p + 14, WINDOW);
	if (size > TCP_HEADER)
		put_syn_options(p + TCP_HEADER);
}

static void
put_udp(uint8_t *p, const struct pcap_packet *pp, size_t len)
{
	put16(p, pp->pp_src.pe_port);
	put16(p + 2, pp->pp_dst.pe_port);
	put16(p + 4, (uint32_t)(UDP_HEADER + len));
	put16(p + 6, 0);
}

static uint16_t
transport_checksum(
    const struct pcap_packet *pp, const uint8_t *head, size_t size, size_t len)
{
	uint64_t total;

	total = pseudo_header(
	    &pp->pp_src, &pp->pp_dst, pp->pp_protocol, size + len);
	total = sum(total, head, size);
	return fold(sum(total, pp->pp_data, len));
}

/* The header of the transport protocol, if we make one. */
static void
put_transport(uint8_t *p, const struct pcap_packet *pp, size_t len)
{
	size_t size = transport_size(pp);
	uint16_t checksum;

	if (size == 0)
		return;
	if (pp->pp_kind == PCAP_TCP)
		put_tcp(p, pp);
	else
		put_udp(p, pp, len);
	if (pp->pp_data == NULL && len != 0)
		return;
	checksum = transport_checksum(pp, p, size, len);
	/* 0 means that there is none. */
	if (pp->pp_kind == PCAP_UDP && checksum == 0)
		checksum = 0xffff;
	put16(p + (pp->pp_kind == PCAP_TCP ? 16 : 6), checksum);
}

size_t
pcap_encode(
    const struct pcap_packet *pp, uint8_t out[PCAP_HEAD_MAX], size_t *len)
{
	size_t network = network_size(pp), head = network + transport_size(pp);
	size_t data = MIN(pp->pp_len, payload_max(pp));
	uint8_t *ip = out + RECORD_HEADER;

	*len = pp->pp_data != NULL ? data : 0;
	store32(out, pp->pp_sec);
	store32(out + 4, pp->pp_nsec);
	store32(out + 8, (uint32_t)(head + *len));
	store32(out + 12, (uint32_t)(head + data));
	if (network == IP6_HEADER)
		put_ip6(ip, pp, head - network + data);
	else if (network == IP4_HEADER)
		put_ip4(ip, pp, head - network + data);
	put_transport(ip + network, pp, data);
	return RECORD_HEADER + head;
}

void
pcap_finish_icmp(uint8_t *data, size_t len, int id, const struct pcap_end *src,
    const struct pcap_end *dst)
{
	uint64_t total = 0;

	if (len < ICMP_HEADER)
		return;
	if (id >= 0)
		put16(data + 4, (uint32_t)id);
	if (src->pe_ip6)
		total = pseudo_header(src, dst, PROTO_ICMP6, len);
	put16(data + 2, 0);
	put16(data + 2, fold(sum(total, data, len)));
}

void
pcap_finish_ip4(uint8_t *data, size_t len, const struct pcap_end *src)
{
	static const uint8_t any[4];
	size_t header;

	if (len < IP4_HEADER || len > IP_MAX)
		return;
	header = (size_t)(data[0] & 0xf) * 4;
	if (header < IP4_HEADER || header > len)
		return;
	put16(data + 2, (uint32_t)len);
	if (memcmp(data + 12, any, sizeof(any)) == 0)
		memcpy(data + 12, src->pe_addr, sizeof(any));
	put16(data + 10, 0);
	put16(data + 10, fold(sum(0, data, header)));
}
