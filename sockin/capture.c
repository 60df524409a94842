/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Theory of operation.  The host's packets are not seen here, only what socket
 * calls moved; packets that would have had that effect are made up.  A stream
 * has a sequence number each way.  The handshake is written when it is known to
 * be over: at a successful connect, or at the first data, end or close after
 * one that was in progress.  The end is a FIN each way, or an RST.
 *
 * Data are copied out of the program's memory first, without a lock, since
 * touching it may sleep.  Then, under capture_lock, headers are made and the
 * packets of one step appended with one host call.
 *
 * A connection whose two ends are both sockets of the program is recorded once,
 * as the end sees it that was first.
 *
 * Two threads that send on one socket at a time may be recorded in another
 * order than the host's.
 */
#include "sockin/capture.h"

#include "kern/boot.h"
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "net/socketvar.h"
#include "sockin/capstream.h"
#include "sockin/user.h"
#include "sockin/user_capture.h"

struct capture_flow {
	bool cf_is_stream; /* i */
	bool cf_raw;       /* i */
	int cf_protocol;   /* i: of IP */
	struct capaddr cf_addr;
	struct capstream cf_stream; /* used if cf_is_stream */
	/* Of others: whom the program has connected it to. */
	bool cf_connected;       /* capture_lock */
	struct pcap_end cf_peer; /* capture_lock */
};

static struct kstat lost = { "sockin_capture_lost",
	"messages not captured for want of memory" };

/* What the program leaves open the host closes when it ends. */
static void
end_all(int howto)
{
	mutex_enter(&capture_lock);
	capstream_end_all();
	mutex_exit(&capture_lock);
}

void
capture_init(void)
{
	int error = capfile_open();

	if (error != 0)
		boot_fail(error, "RUMPKIT_PCAP names a file that cannot be "
				 "written, or is none");
	if (!capfile_is_open())
		return;
	kstat_attach(&lost, 1);
	shutdown_hook_attach(end_all);
}

struct capture_flow *
capture_open(const struct socket *so, int hostfd, int protocol)
{
	struct capture_flow *cf;

	if (PREDICT_TRUE(!capfile_is_open()) || (so->so_state & SS_FILE) == 0)
		return NULL;
	cf = kmem_zalloc(sizeof(*cf), KM_SLEEP);
	cf->cf_addr.ca_hostfd = hostfd;
	cf->cf_is_stream = so->so_type == SOCK_STREAM;
	cf->cf_raw = so->so_type == SOCK_RAW;
	cf->cf_protocol = protocol;
	if (protocol == 0)
		cf->cf_protocol = cf->cf_is_stream ? IPPROTO_TCP : IPPROTO_UDP;
	mutex_enter(&capture_lock);
	if (cf->cf_is_stream)
		capstream_init(&cf->cf_stream, &cf->cf_addr);
	mutex_exit(&capture_lock);
	return cf;
}

void
capture_close(struct capture_flow *cf)
{
	struct capfile_batch ba;

	if (cf->cf_is_stream) {
		capfile_begin(&ba);
		mutex_enter(&capture_lock);
		capstream_end(&cf->cf_stream, &ba);
		capstream_fini(&cf->cf_stream);
		capfile_end(&ba);
		mutex_exit(&capture_lock);
	}
	kmem_free(cf, sizeof(*cf));
}

/* Of a datagram socket; AF_UNSPEC takes the peer away. */
static void
set_peer(struct capture_flow *cf, const struct rump_sockaddr *sa)
{
	mutex_enter(&capture_lock);
	cf->cf_connected = capaddr_convert(&cf->cf_peer, sa, sa->sa_len);
	mutex_exit(&capture_lock);
}

/* sa may be NULL; see capture_connect(). */
static void
connect_stream(struct capstream *cs, struct capfile_batch *ba,
    const struct rump_sockaddr *sa, int error) REQUIRES(capture_lock)
{
	struct pcap_end peer;

	if (error == 0 || error == EISCONN)
		(void)capstream_establish(cs, ba);
	else if ((error == EINPROGRESS || error == ECONNREFUSED) &&
		 sa != NULL && capaddr_convert(&peer, sa, sa->sa_len))
		(void)capstream_start(cs, ba, &peer);
	if (error == ECONNREFUSED && cs->cs_stage == CS_STARTED) {
		capstream_reset(cs, ba, false);
		/* Another attempt is another connection. */
		cs->cs_stage = CS_IDLE;
	}
}

void
capture_connect(
    struct capture_flow *cf, const struct rump_sockaddr *sa, int error)
{
	struct capfile_batch ba;

	if (!cf->cf_is_stream) {
		if (error == 0 && sa != NULL)
			set_peer(cf, sa);
		return;
	}
	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	connect_stream(&cf->cf_stream, &ba, sa, error);
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

void
capture_accept(struct capture_flow *cf)
{
	struct capfile_batch ba;

	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	cf->cf_stream.cs_accepted = true;
	(void)capstream_establish(&cf->cf_stream, &ba);
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

static void
stream_fin(struct capture_flow *cf, bool out)
{
	struct capfile_batch ba;

	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	if (capstream_establish(&cf->cf_stream, &ba))
		capstream_fin(&cf->cf_stream, &ba, out);
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

void
capture_shutdown(struct capture_flow *cf, int how)
{
	if (cf->cf_is_stream && how != SHUT_RD)
		stream_fin(cf, true);
}

void
capture_eof(struct capture_flow *cf)
{
	if (cf->cf_is_stream)
		stream_fin(cf, false);
}

void
capture_error(struct capture_flow *cf, int error)
{
	struct capfile_batch ba;

	if (!cf->cf_is_stream || error != ECONNRESET)
		return;
	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	if (cf->cf_stream.cs_stage == CS_ESTABLISHED)
		capstream_reset(&cf->cf_stream, &ba, false);
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

static void
stream_data(struct capture_flow *cf, bool out, const uint8_t *data, size_t len)
{
	struct capfile_batch ba;

	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	if (capstream_establish(&cf->cf_stream, &ba))
		capstream_data(&cf->cf_stream, &ba, out, data, len);
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

/* Data that nobody has. */
static void
stream_skip(struct capture_flow *cf, bool out, size_t len)
{
	size_t n;

	for (; len > 0; len -= n) {
		n = MIN(len, PCAP_SEGMENT_MAX);
		stream_data(cf, out, NULL, n);
	}
}

void
capture_discard(struct capture_flow *cf, size_t len)
{
	if (cf->cf_is_stream)
		stream_skip(cf, false, len);
}

/* Copy n bytes that begin at off; false when they cannot be read. */
static bool
gather(const struct capture_data *cd, size_t off, uint8_t *buf, size_t n)
{
	const struct rump_iovec *iov = cd->cd_iov;
	size_t part;

	for (; n > 0; iov++) {
		if (off >= iov->iov_len) {
			off -= iov->iov_len;
			continue;
		}
		part = MIN(n, iov->iov_len - off);
		if (cd->cd_seg == UIO_SYSSPACE)
			memcpy(buf, (const uint8_t *)iov->iov_base + off, part);
		else if (copyin((const uint8_t *)iov->iov_base + off, buf,
			     part) != 0)
			return false;
		buf += part;
		n -= part;
		off = 0;
	}
	return true;
}

static void
stream_move(struct capture_flow *cf, const struct capture_data *cd, bool out,
    uint8_t *buf, size_t size)
{
	size_t off, n;

	for (off = 0; off < cd->cd_len; off += n) {
		n = MIN(cd->cd_len - off, size);
		stream_data(cf, out, gather(cd, off, buf, n) ? buf : NULL, n);
	}
}

/* The ends of a message; false when they are not known. */
static bool
message_ends(struct capture_flow *cf, const struct rump_sockaddr *addr,
    struct pcap_end *own, struct pcap_end *peer) REQUIRES(capture_lock)
{
	if (addr != NULL) {
		if (!capaddr_convert(peer, addr, addr->sa_len))
			return false;
	} else {
		/* The host does not tell a peer without a port. */
		if (!cf->cf_connected)
			return false;
		*peer = cf->cf_peer;
	}
	return capaddr_own(&cf->cf_addr, peer, own);
}

static enum pcap_kind
message_kind(const struct capture_flow *cf)
{
	switch (cf->cf_protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return PCAP_ICMP;
	default:
		return cf->cf_raw ? PCAP_OTHER : PCAP_UDP;
	}
}

/* What the host fills in on the way out. */
static void
finish(struct capture_flow *cf, struct pcap_packet *pp, uint8_t *data)
{
	if (pp->pp_kind == PCAP_WHOLE)
		pcap_finish_ip4(data, pp->pp_len, &pp->pp_src);
	else if (pp->pp_kind == PCAP_ICMP && (!cf->cf_raw || pp->pp_src.pe_ip6))
		pcap_finish_icmp(data, pp->pp_len,
		    cf->cf_raw ? -1 : pp->pp_src.pe_port, &pp->pp_src,
		    &pp->pp_dst);
}

/* Has the message an IPv4 header of its own? */
static bool
has_header(const struct capture_flow *cf, const struct pcap_end *peer, bool out)
{
	if (!cf->cf_raw || peer->pe_ip6)
		return false;
	return !out || cf->cf_protocol == IPPROTO_RAW ||
	       rumpcomp_sockin_capture_hdrincl(cf->cf_addr.ca_hostfd);
}

static void
message_move(struct capture_flow *cf, const struct capture_data *cd, bool out,
    uint8_t *buf)
{
	struct pcap_packet pp = {
		.pp_kind = message_kind(cf),
		.pp_protocol = (uint8_t)cf->cf_protocol,
		.pp_len = cd->cd_len,
		.pp_data = gather(cd, 0, buf, cd->cd_len) ? buf : NULL,
	};
	struct pcap_end own, peer;
	struct capfile_batch ba;

	capfile_begin(&ba);
	mutex_enter(&capture_lock);
	if (message_ends(cf, cd->cd_peer, &own, &peer)) {
		pp.pp_src = out ? own : peer;
		pp.pp_dst = out ? peer : own;
		if (has_header(cf, &peer, out))
			pp.pp_kind = PCAP_WHOLE;
		if (out && pp.pp_data != NULL)
			finish(cf, &pp, buf);
		capfile_add(&ba, &pp);
	}
	capfile_end(&ba);
	mutex_exit(&capture_lock);
}

static void
move(struct capture_flow *cf, const struct capture_data *cd, bool out)
{
	size_t size;
	uint8_t *buf;

	if (!capfile_is_open() || (cf->cf_is_stream && cd->cd_len == 0))
		return;
	size = MAX(cd->cd_len, 1);
	if (cf->cf_is_stream)
		size = MIN(size, PCAP_SEGMENT_MAX);
	buf = kmem_alloc(size, KM_NOSLEEP);
	if (buf == NULL) {
		KSTAT_ADD(&lost, 1);
		if (cf->cf_is_stream)
			stream_skip(cf, out, cd->cd_len);
		return;
	}
	if (cf->cf_is_stream)
		stream_move(cf, cd, out, buf, size);
	else
		message_move(cf, cd, out, buf);
	kmem_free(buf, size);
}

void
capture_send(struct capture_flow *cf, const struct capture_data *cd)
{
	move(cf, cd, true);
}

void
capture_receive(struct capture_flow *cf, const struct capture_data *cd)
{
	move(cf, cd, false);
}
