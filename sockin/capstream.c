/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockin/capstream.h"

#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "sockin/user.h"
#include "sockin/user_capture.h"

/* A peer acknowledges at least so often, or readers would miss it. */
#define ACK_EVERY (256 * 1024)
/* First sequence numbers, far from each other. */
#define ISN_STEP 0x01000193u

static struct list streams = LIST_INITIALIZER(streams); /* capture_lock */
static uint32_t last_isn;                               /* capture_lock */

void
capstream_init(struct capstream *cs, struct capaddr *ca)
{
	cs->cs_addr = ca;
	cs->cs_stage = CS_IDLE;
	list_insert_tail(&streams, &cs->cs_list);
}

void
capstream_fini(struct capstream *cs)
{
	list_remove(&cs->cs_list);
}

static void
segment(struct capstream *cs, struct capfile_batch *ba, bool out, uint8_t flags,
    const uint8_t *data, size_t len) REQUIRES(capture_lock)
{
	struct capstream_side *from = out ? &cs->cs_out : &cs->cs_in;
	struct capstream_side *to = out ? &cs->cs_in : &cs->cs_out;
	struct pcap_packet pp = {
		.pp_kind = PCAP_TCP,
		.pp_protocol = IPPROTO_TCP,
		.pp_src = out ? cs->cs_own : cs->cs_peer,
		.pp_dst = out ? cs->cs_peer : cs->cs_own,
		.pp_seq = from->s_next,
		.pp_ack = (flags & PCAP_ACK) != 0 ? to->s_next : 0,
		.pp_tcpflags = flags,
		.pp_data = data,
		.pp_len = len,
	};

	KASSERT(mutex_owned(&capture_lock));
	if (!cs->cs_mirror)
		capfile_add(ba, &pp);
	from->s_next += (uint32_t)len;
	if ((flags & (PCAP_SYN | PCAP_FIN)) != 0)
		from->s_next++;
	if ((flags & PCAP_ACK) != 0)
		to->s_acked = to->s_next;
}

static uint32_t
new_isn(void)
{
	last_isn += ISN_STEP;
	return last_isn;
}

static bool
same_end(const struct pcap_end *a, const struct pcap_end *b)
{
	return a->pe_ip6 == b->pe_ip6 && a->pe_port == b->pe_port &&
	       memcmp(a->pe_addr, b->pe_addr, capaddr_size(a)) == 0;
}

/* Is the other end a socket of the program, too? */
static bool
has_mirror(const struct capstream *cs)
{
	struct list *n;

	LIST_FOREACH (n, &streams) {
		const struct capstream *other =
		    LIST_ENTRY(n, struct capstream, cs_list);

		if (other != cs && other->cs_stage != CS_IDLE &&
		    !other->cs_mirror &&
		    same_end(&other->cs_own, &cs->cs_peer) &&
		    same_end(&other->cs_peer, &cs->cs_own))
			return true;
	}
	return false;
}

bool
capstream_start(
    struct capstream *cs, struct capfile_batch *ba, const struct pcap_end *peer)
{
	if (cs->cs_stage != CS_IDLE)
		return cs->cs_stage != CS_OVER;
	if (!capaddr_own(cs->cs_addr, peer, &cs->cs_own))
		return false;
	cs->cs_peer = *peer;
	cs->cs_out = (struct capstream_side){ .s_next = new_isn() };
	cs->cs_in = (struct capstream_side){ .s_next = new_isn() };
	cs->cs_stage = CS_STARTED;
	cs->cs_mirror = has_mirror(cs);
	segment(cs, ba, !cs->cs_accepted, PCAP_SYN, NULL, 0);
	return true;
}

bool
capstream_establish(struct capstream *cs, struct capfile_batch *ba)
{
	struct pcap_end peer;

	if (cs->cs_stage == CS_ESTABLISHED)
		return true;
	if (cs->cs_stage == CS_OVER || !capaddr_peer(cs->cs_addr, &peer) ||
	    !capstream_start(cs, ba, &peer))
		return false;
	cs->cs_stage = CS_ESTABLISHED;
	segment(cs, ba, cs->cs_accepted, PCAP_SYN | PCAP_ACK, NULL, 0);
	segment(cs, ba, !cs->cs_accepted, PCAP_ACK, NULL, 0);
	return true;
}

void
capstream_data(struct capstream *cs, struct capfile_batch *ba, bool out,
    const uint8_t *data, size_t len)
{
	struct capstream_side *from = out ? &cs->cs_out : &cs->cs_in;

	/* Another thread has seen the end first. */
	if (from->s_fin)
		return;
	segment(cs, ba, out, PCAP_PSH | PCAP_ACK, data, len);
	if (from->s_next - from->s_acked > ACK_EVERY)
		segment(cs, ba, !out, PCAP_ACK, NULL, 0);
}

void
capstream_fin(struct capstream *cs, struct capfile_batch *ba, bool out)
{
	struct capstream_side *from = out ? &cs->cs_out : &cs->cs_in;

	if (from->s_fin)
		return;
	from->s_fin = true;
	segment(cs, ba, out, PCAP_FIN | PCAP_ACK, NULL, 0);
	segment(cs, ba, !out, PCAP_ACK, NULL, 0);
}

void
capstream_reset(struct capstream *cs, struct capfile_batch *ba, bool out)
{
	segment(cs, ba, out, PCAP_RST | PCAP_ACK, NULL, 0);
	cs->cs_stage = CS_OVER;
}

static int
pending_error(int fd)
{
	int value = 0, len = sizeof(value);

	(void)rumpcomp_sockin_getsockopt(
	    fd, SOL_SOCKET, SO_ERROR, &value, &len);
	return value;
}

void
capstream_end(struct capstream *cs, struct capfile_batch *ba)
{
	int fd = cs->cs_addr->ca_hostfd;

	if (!capstream_establish(cs, ba)) {
		if (cs->cs_stage == CS_STARTED &&
		    pending_error(fd) == ECONNREFUSED)
			capstream_reset(cs, ba, false);
	} else if (rumpcomp_sockin_capture_abrupt(fd)) {
		capstream_reset(cs, ba, true);
	} else {
		capstream_fin(cs, ba, true);
	}
}

void
capstream_end_all(void)
{
	struct capfile_batch ba;
	struct list *n;

	LIST_FOREACH (n, &streams) {
		capfile_begin(&ba);
		capstream_end(LIST_ENTRY(n, struct capstream, cs_list), &ba);
		capfile_end(&ba);
	}
}
