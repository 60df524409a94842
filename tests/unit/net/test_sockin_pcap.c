/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets are decoded again, byte by byte, by rules of the RFCs written down a
 * second time: lengths, checksums, places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sockin/pcap.h"

#define TCP 6
#define UDP 17
#define ICMP6 58

static const struct pcap_end a4 = { false, { 127, 0, 0, 1 }, 1025 };
static const struct pcap_end b4 = { false, { 10, 1, 2, 3 }, 80 };
static const struct pcap_end a6 = { true, { [15] = 1 }, 1025 };
static const struct pcap_end b6 = { true, { 0xfe, 0x80, [15] = 2 }, 80 };

static uint8_t head[PCAP_HEAD_MAX], data[70000];

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t
host32(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/* RFC 1071 over pieces of even length but the last. */
static uint32_t
ones(uint32_t total, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		total += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		total = (total & 0xffff) + (total >> 16);
	}
	return total;
}

static uint32_t
pseudo(const struct pcap_end *src, const struct pcap_end *dst, unsigned proto,
    size_t len)
{
	uint8_t tail[8] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0,
		(uint8_t)proto };
	size_t n = src->pe_ip6 ? 16 : 4;

	return ones(ones(ones(0, src->pe_addr, n), dst->pe_addr, n), tail, 8);
}

static struct pcap_packet
packet(enum pcap_kind kind, bool ip6, size_t len)
{
	return (struct pcap_packet){
		.pp_kind = kind,
		.pp_protocol = kind == PCAP_UDP ? UDP : TCP,
		.pp_src = ip6 ? a6 : a4,
		.pp_dst = ip6 ? b6 : b4,
		.pp_id = 0x1234,
		.pp_sec = 5,
		.pp_nsec = 999999999,
		.pp_seq = 0xfffffff0,
		.pp_ack = 7,
		.pp_tcpflags = PCAP_PSH | PCAP_ACK,
		.pp_data = data,
		.pp_len = len,
	};
}

/* Encode and check what every packet has; the transport header. */
static const uint8_t *
encode(const struct pcap_packet *pp, size_t transport, size_t payload)
{
	size_t ip = pp->pp_src.pe_ip6 ? 40 : 20, size, len;
	const uint8_t *p = head + 16, *t = p + ip;
	uint32_t total;

	memset(head, 0xee, sizeof(head));
	size = pcap_encode(pp, head, &len);
	assert_int_equal(size, 16 + ip + transport);
	assert_int_equal(len, payload);
	assert_int_equal(host32(head), 5);
	assert_int_equal(host32(head + 4), 999999999);
	assert_int_equal(host32(head + 8), ip + transport + len);
	assert_int_equal(host32(head + 12), ip + transport + payload);
	if (pp->pp_src.pe_ip6) {
		assert_int_equal(p[0] >> 4, 6);
		assert_int_equal(get16(p + 4), transport + payload);
		assert_int_equal(p[6], pp->pp_protocol);
		assert_memory_equal(p + 8, pp->pp_src.pe_addr, 16);
		assert_memory_equal(p + 24, pp->pp_dst.pe_addr, 16);
	} else {
		assert_int_equal(p[0], 0x45);
		assert_int_equal(get16(p + 2), 20 + transport + payload);
		assert_int_equal(p[9], pp->pp_protocol);
		assert_memory_equal(p + 12, pp->pp_src.pe_addr, 4);
		assert_memory_equal(p + 16, pp->pp_dst.pe_addr, 4);
		assert_int_equal(ones(0, p, 20), 0xffff);
	}
	if (transport == 0)
		return t;
	total = pseudo(
	    &pp->pp_src, &pp->pp_dst, pp->pp_protocol, transport + payload);
	total = ones(ones(total, t, transport), data, payload);
	assert_int_equal(total, 0xffff);
	assert_int_equal(get16(t), 1025);
	assert_int_equal(get16(t + 2), 80);
	return t;
}

static void
a_file_begins_as_readers_expect(void **state)
{
	uint8_t header[PCAP_FILE_HEADER];

	pcap_file_header(header);
	assert_int_equal(host32(header), 0xa1b23c4d);
	assert_int_equal(host32(header + 4), 2 | 4 << 16);
	assert_int_equal(host32(header + 8), 0);
	assert_int_equal(host32(header + 12), 0);
	assert_in_range(host32(header + 16), 65535, 262144);
	assert_int_equal(host32(header + 20), 101);
}

static void
segments_have_their_numbers_and_right_checksums(void **state)
{
	const size_t sizes[] = { 0, 1, 2, 1459, 65000 };
	struct pcap_packet pp;
	const uint8_t *t;
	size_t i;
	int ip6;

	for (i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		ip6 = (int)(i % 2);
		pp = packet(PCAP_TCP, ip6, sizes[i / 2]);
		t = encode(&pp, 20, sizes[i / 2]);
		assert_int_equal(get32(t + 4), 0xfffffff0);
		assert_int_equal(get32(t + 8), 7);
		assert_int_equal(t[12], 0x50);
		assert_int_equal(t[13], PCAP_PSH | PCAP_ACK);
	}
}

static void
a_syn_announces_segment_size_and_a_wide_window(void **state)
{
	struct pcap_packet pp = packet(PCAP_TCP, false, 0);
	const uint8_t *t;

	pp.pp_tcpflags = PCAP_SYN;
	t = encode(&pp, 28, 0);
	assert_int_equal(t[12], 0x70);
	assert_int_equal(t[20], 2);
	assert_int_equal(t[21], 4);
	assert_int_equal(get16(t + 22), PCAP_SEGMENT_MAX);
	assert_int_equal(t[24], 1);
	assert_int_equal(t[25], 3);
	assert_int_equal(t[26], 3);
}

static void
datagrams_fill_a_packet_and_no_more(void **state)
{
	struct pcap_packet pp;
	const uint8_t *t;

	pp = packet(PCAP_UDP, false, 65507);
	t = encode(&pp, 8, 65507);
	assert_int_equal(get16(t + 4), 65515);
	pp = packet(PCAP_UDP, false, 70000);
	encode(&pp, 8, 65507);
	pp = packet(PCAP_UDP, true, 70000);
	t = encode(&pp, 8, 65527);
	assert_int_equal(get16(t + 4), 65535);
	pp = packet(PCAP_UDP, true, 0);
	encode(&pp, 8, 0);
}

static void
a_udp_checksum_of_zero_is_sent_as_all_ones(void **state)
{
	struct pcap_packet pp = packet(PCAP_UDP, false, 2);
	const uint8_t *t;
	uint32_t rest;

	/* Choose the payload so that the sum without it leaves nothing. */
	memset(data, 0, 2);
	t = encode(&pp, 8, 2);
	rest = get16(t + 6);
	data[0] = (uint8_t)(rest >> 8);
	data[1] = (uint8_t)rest;
	t = encode(&pp, 8, 2);
	assert_int_equal(get16(t + 6), 0xffff);
	memset(data, 0, 2);
}

static void
data_that_are_not_known_are_counted_only(void **state)
{
	struct pcap_packet pp = packet(PCAP_TCP, false, 1000);
	size_t size, len = 99;

	pp.pp_data = NULL;
	size = pcap_encode(&pp, head, &len);
	assert_int_equal(size, 16 + 20 + 20);
	assert_int_equal(len, 0);
	assert_int_equal(host32(head + 8), 40);
	assert_int_equal(host32(head + 12), 1040);
	assert_int_equal(get16(head + 16 + 2), 1040);
}

static void
other_protocols_follow_the_ip_header(void **state)
{
	struct pcap_packet pp = packet(PCAP_OTHER, true, 33);
	size_t len;

	pp.pp_protocol = 89;
	encode(&pp, 0, 33);
	pp.pp_src = a4;
	pp.pp_dst = b4;
	encode(&pp, 0, 33);
	pp.pp_kind = PCAP_WHOLE;
	assert_int_equal(pcap_encode(&pp, head, &len), 16);
	assert_int_equal(len, 33);
	assert_int_equal(host32(head + 12), 33);
}

static void
icmp_messages_get_identifier_and_checksum(void **state)
{
	uint8_t m[13] = { 8, 0, 0xaa, 0xaa, 1, 2, 3, 4, 'd', 'a', 't', 'a',
		'!' };
	uint8_t kept[sizeof(m)];

	pcap_finish_icmp(m, sizeof(m), 0x5678, &a4, &b4);
	assert_int_equal(get16(m + 4), 0x5678);
	assert_int_equal(ones(0, m, sizeof(m)), 0xffff);
	pcap_finish_icmp(m, sizeof(m), -1, &a6, &b6);
	assert_int_equal(get16(m + 4), 0x5678);
	assert_int_equal(
	    ones(pseudo(&a6, &b6, ICMP6, sizeof(m)), m, sizeof(m)), 0xffff);
	memcpy(kept, m, sizeof(m));
	pcap_finish_icmp(m, 7, 1, &a4, &b4);
	assert_memory_equal(kept, m, sizeof(m));
}

static void
headers_of_the_program_are_completed(void **state)
{
	uint8_t m[24] = { 0x45, [8] = 64, [9] = 17, [16] = 10, [19] = 3 };
	uint8_t kept[sizeof(m)];

	pcap_finish_ip4(m, sizeof(m), &a4);
	assert_int_equal(get16(m + 2), sizeof(m));
	assert_memory_equal(m + 12, a4.pe_addr, 4);
	assert_int_equal(ones(0, m, 20), 0xffff);
	m[12] = 1;
	pcap_finish_ip4(m, sizeof(m), &b4);
	assert_int_equal(m[12], 1);
	assert_int_equal(ones(0, m, 20), 0xffff);
	/* What is no header stays as it is. */
	memcpy(kept, m, sizeof(m));
	pcap_finish_ip4(m, 19, &a4);
	m[0] = kept[0] = 0x4f;
	pcap_finish_ip4(m, sizeof(m), &a4);
	m[0] = kept[0] = 0x41;
	pcap_finish_ip4(m, sizeof(m), &a4);
	assert_memory_equal(kept, m, sizeof(m));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_begins_as_readers_expect),
		cmocka_unit_test(
		    segments_have_their_numbers_and_right_checksums),
		cmocka_unit_test(
		    a_syn_announces_segment_size_and_a_wide_window),
		cmocka_unit_test(datagrams_fill_a_packet_and_no_more),
		cmocka_unit_test(a_udp_checksum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(data_that_are_not_known_are_counted_only),
		cmocka_unit_test(other_protocols_follow_the_ip_header),
		cmocka_unit_test(icmp_messages_get_identifier_and_checksum),
		cmocka_unit_test(headers_of_the_program_are_completed),
	};
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
