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
 * packets of one step appended with one host call.  So nothing is held back in
 * memory, and the file is whole whatever becomes of the process.
 *
 * Two threads that send on one socket at a time may be recorded in another
 * order than the host's.
 */
#include "sockin/capture.h"

#include "kern/boot.h"
#include "kern/clock.h"
#include "kern/copy.h"
#include "kern/kmem.h"
#include "kern/libkern.h"
#include "kern/mutex.h"
#include "kern/netbsd.h"
#include "kern/stats.h"
#include "net/socketvar.h"
#include "rump/rumpuser.h"
#include "sockin/pcap.h"
#include "sockin/user.h"
#include "sockin/user_capture.h"

#define PATH_SIZE 4096
/* A peer acknowledges at least so often, or readers would miss it. */
#define ACK_EVERY (256 * 1024)
/* Packets of one step: handshake, data, acknowledgement. */
#define BATCH_MAX 6
/* First sequence numbers, far from each other. */
#define ISN_STEP 0x01000193u

/* One direction of a stream. */
struct side {
	uint32_t s_next;  /* sequence number of the next byte */
	uint32_t s_acked; /* of the first that the other has not acknowledged */
	bool s_fin;
};

enum stage { IDLE, STARTED, ESTABLISHED, OVER };

/* Members are under capture_lock but those marked i. */
struct capture_flow {
	int cf_hostfd;   /* i */
	bool cf_stream;  /* i */
	bool cf_raw;     /* i */
	int cf_protocol; /* i: of IP */
	enum stage cf_stage;
	bool cf_accepted;
	struct pcap_end cf_own, cf_peer; /* once STARTED */
	struct side cf_out, cf_in;
	/* A datagram socket without address: what it sends from to whom. */
	struct pcap_end cf_to, cf_from;
	bool cf_from_known;
};

struct batch {
	uint8_t ba_heads[BATCH_MAX][PCAP_HEAD_MAX];
	struct rump_iovec ba_iov[2 * BATCH_MAX];
	int ba_npackets, ba_niov;
	size_t ba_len;
};

enum { PACKETS, LOST, NSTATS };
static struct kstat stats[NSTATS] = {
	[PACKETS] = { "sockin_capture_packets", "packets captured" },
	[LOST] = { "sockin_capture_lost",
	    "messages not captured for want of memory" },
};

static kmutex_t capture_lock;
static _Atomic int capture_fd = -1; /* capture_lock to change */
static uint32_t capture_isn;        /* capture_lock */
static uint16_t capture_ipid;       /* capture_lock */

/* Addresses. */

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

static bool
end_from(struct pcap_end *pe, const void *addr, size_t len)
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
	       end_from(pe, &ss, (size_t)len);
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
find_source(struct capture_flow *cf, const struct pcap_end *peer)
{
	struct rump_sockaddr_storage to, from;
	int len = sizeof(from);

	if (cf->cf_from_known &&
	    memcmp(&cf->cf_to, peer, sizeof(*peer)) == 0)
		return;
	cf->cf_to = *peer;
	cf->cf_from_known = true;
	end_to_sockaddr(peer, &to);
	if (rumpcomp_sockin_capture_source((struct rump_sockaddr *)&to,
		(struct rump_sockaddr *)&from, &len) != 0 ||
	    !end_from(&cf->cf_from, &from, (size_t)len) ||
	    cf->cf_from.pe_ip6 != peer->pe_ip6) {
		memset(&cf->cf_from, 0, sizeof(cf->cf_from));
		cf->cf_from.pe_ip6 = peer->pe_ip6;
	}
}

/* Our end of what goes to and comes from peer. */
static bool
own_end(struct capture_flow *cf, const struct pcap_end *peer,
    struct pcap_end *own)
{
	uint16_t port;

	if (!ask_name(cf->cf_hostfd, SOCKIN_NAME_OWN, own))
		return false;
	if (is_any(own) || own->pe_ip6 != peer->pe_ip6) {
		port = own->pe_port;
		find_source(cf, peer);
		*own = cf->cf_from;
		own->pe_port = port;
	}
	return true;
}

/* The ends of a message; false when they are not known. */
static bool
datagram_ends(struct capture_flow *cf, const struct rump_sockaddr *addr,
    struct pcap_end *own, struct pcap_end *peer)
{
	if (addr != NULL ? !end_from(peer, addr, addr->sa_len)
			 : !ask_name(cf->cf_hostfd, SOCKIN_NAME_PEER, peer))
		return false;
	return own_end(cf, peer, own);
}

/* Batches: packets that are written together.  capture_lock is held. */

static void
stamp(struct pcap_packet *pp)
{
	struct rump_timespec now;

	getnanotime(&now);
	pp->pp_sec = (uint32_t)now.tv_sec;
	pp->pp_nsec = (uint32_t)now.tv_nsec;
	pp->pp_id = ++capture_ipid;
}

static void
batch_iov(struct batch *ba, const void *base, size_t len)
{
	struct rump_iovec *iov = &ba->ba_iov[ba->ba_niov];

	if (len == 0)
		return;
	iov->iov_base = (void *)(uintptr_t)base;
	iov->iov_len = len;
	ba->ba_niov++;
	ba->ba_len += len;
}

static void
batch_add(struct batch *ba, struct pcap_packet *pp)
{
	uint8_t *head = ba->ba_heads[ba->ba_npackets];
	size_t size, len;

	KASSERT(ba->ba_npackets < BATCH_MAX);
	stamp(pp);
	size = pcap_encode(pp, head, &len);
	batch_iov(ba, head, size);
	batch_iov(ba, pp->pp_data, len);
	ba->ba_npackets++;
}

static void
batch_init(struct batch *ba)
{
	ba->ba_npackets = 0;
	ba->ba_niov = 0;
	ba->ba_len = 0;
}

static void
batch_write(struct batch *ba)
{
	int error, fd = capture_fd;

	if (fd < 0 || ba->ba_npackets == 0)
		return;
	error = rumpcomp_sockin_capture_write(
	    fd, ba->ba_iov, ba->ba_niov, ba->ba_len);
	if (error == 0) {
		KSTAT_ADD(&stats[PACKETS], (uint64_t)ba->ba_npackets);
		return;
	}
	capture_fd = -1;
	rumpcomp_sockin_capture_close(fd);
	kprintf("rumpkit: the capture ends here, since its file cannot be "
		"written: %s (error %d)\n",
	    error == ENOSPC  ? "no space is left"
	    : error == EFBIG ? "it would exceed the limit on sizes"
			     : "the host refuses it",
	    error);
}

/* Streams. */

static void
segment(struct capture_flow *cf, struct batch *ba, bool out, uint8_t flags,
    const uint8_t *data, size_t len)
{
	struct side *from = out ? &cf->cf_out : &cf->cf_in;
	struct side *to = out ? &cf->cf_in : &cf->cf_out;
	struct pcap_packet pp = {
		.pp_kind = PCAP_TCP,
		.pp_protocol = IPPROTO_TCP,
		.pp_src = out ? cf->cf_own : cf->cf_peer,
		.pp_dst = out ? cf->cf_peer : cf->cf_own,
		.pp_seq = from->s_next,
		.pp_ack = (flags & PCAP_ACK) != 0 ? to->s_next : 0,
		.pp_tcpflags = flags,
		.pp_data = data,
		.pp_len = len,
	};

	batch_add(ba, &pp);
	from->s_next += (uint32_t)len;
	if ((flags & (PCAP_SYN | PCAP_FIN)) != 0)
		from->s_next++;
	if ((flags & PCAP_ACK) != 0)
		to->s_acked = to->s_next;
}

static uint32_t
new_isn(void)
{
	capture_isn += ISN_STEP;
	return capture_isn;
}

/* A first sign of the connection: who is who, and the SYN. */
static bool
stream_start(struct capture_flow *cf, struct batch *ba,
    const struct pcap_end *peer)
{
	if (cf->cf_stage != IDLE)
		return cf->cf_stage != OVER;
	if (!own_end(cf, peer, &cf->cf_own))
		return false;
	cf->cf_peer = *peer;
	cf->cf_out = (struct side){ .s_next = new_isn() };
	cf->cf_in = (struct side){ .s_next = new_isn() };
	cf->cf_stage = STARTED;
	segment(cf, ba, !cf->cf_accepted, PCAP_SYN, NULL, 0);
	return true;
}

/* The rest of the handshake, if the host says that the socket is connected. */
static bool
stream_establish(struct capture_flow *cf, struct batch *ba)
{
	struct pcap_end peer;

	if (cf->cf_stage == ESTABLISHED)
		return true;
	if (cf->cf_stage == OVER ||
	    !ask_name(cf->cf_hostfd, SOCKIN_NAME_PEER, &peer) ||
	    !stream_start(cf, ba, &peer))
		return false;
	cf->cf_stage = ESTABLISHED;
	segment(cf, ba, cf->cf_accepted, PCAP_SYN | PCAP_ACK, NULL, 0);
	segment(cf, ba, !cf->cf_accepted, PCAP_ACK, NULL, 0);
	return true;
}

static void
stream_data(struct capture_flow *cf, bool out, const uint8_t *data, size_t len)
{
	struct side *from = out ? &cf->cf_out : &cf->cf_in;
	struct batch ba;

	batch_init(&ba);
	mutex_enter(&capture_lock);
	if (stream_establish(cf, &ba) && !from->s_fin) {
		segment(cf, &ba, out, PCAP_PSH | PCAP_ACK, data, len);
		if (from->s_next - from->s_acked > ACK_EVERY)
			segment(cf, &ba, !out, PCAP_ACK, NULL, 0);
	}
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

static void
stream_fin(struct capture_flow *cf, struct batch *ba, bool out)
{
	struct side *from = out ? &cf->cf_out : &cf->cf_in;

	if (from->s_fin)
		return;
	from->s_fin = true;
	segment(cf, ba, out, PCAP_FIN | PCAP_ACK, NULL, 0);
	segment(cf, ba, !out, PCAP_ACK, NULL, 0);
}

static void
stream_reset(struct capture_flow *cf, struct batch *ba, bool out)
{
	segment(cf, ba, out, PCAP_RST | PCAP_ACK, NULL, 0);
	cf->cf_stage = OVER;
}

/* Do step with the flow, if it has a connection. */
static void
stream_step(struct capture_flow *cf,
    void (*step)(struct capture_flow *, struct batch *, bool), bool out)
{
	struct batch ba;

	batch_init(&ba);
	mutex_enter(&capture_lock);
	if (stream_establish(cf, &ba))
		step(cf, &ba, out);
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

static void
stream_close(struct capture_flow *cf, struct batch *ba, bool abrupt)
{
	if (abrupt)
		stream_reset(cf, ba, true);
	else
		stream_fin(cf, ba, true);
}

/* Life of a flow. */

void
capture_init(void)
{
	uint8_t header[PCAP_FILE_HEADER];
	struct rump_iovec iov = { header, sizeof(header) };
	char path[PATH_SIZE];
	int error, fd;
	bool empty;

	if (rumpuser_getparam("RUMPKIT_PCAP", path, sizeof(path)) != 0 ||
	    path[0] == '\0')
		return;
	mutex_init(&capture_lock, "sockin_capture");
	kstat_attach(stats, NITEMS(stats));
	pcap_file_header(header);
	error = rumpcomp_sockin_capture_open(path, &fd, &empty);
	if (error == 0 && empty) {
		error =
		    rumpcomp_sockin_capture_write(fd, &iov, 1, sizeof(header));
		if (error != 0)
			rumpcomp_sockin_capture_close(fd);
	}
	if (error != 0) {
		boot_fail(error, "RUMPKIT_PCAP names a file that cannot be "
				 "written, or is none");
		return;
	}
	capture_fd = fd;
}

struct capture_flow *
capture_open(const struct socket *so, int hostfd, int protocol)
{
	struct capture_flow *cf;

	if (PREDICT_TRUE(capture_fd < 0) || (so->so_state & SS_FILE) == 0)
		return NULL;
	cf = kmem_zalloc(sizeof(*cf), KM_SLEEP);
	cf->cf_hostfd = hostfd;
	cf->cf_stream = so->so_type == SOCK_STREAM;
	cf->cf_raw = so->so_type == SOCK_RAW;
	cf->cf_protocol = protocol;
	if (protocol == 0)
		cf->cf_protocol = cf->cf_stream ? IPPROTO_TCP : IPPROTO_UDP;
	return cf;
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
capture_close(struct capture_flow *cf)
{
	struct batch ba;

	if (cf->cf_stream && cf->cf_stage != OVER) {
		batch_init(&ba);
		mutex_enter(&capture_lock);
		if (stream_establish(cf, &ba))
			stream_close(cf, &ba,
			    rumpcomp_sockin_capture_abrupt(cf->cf_hostfd));
		else if (cf->cf_stage == STARTED &&
			 pending_error(cf->cf_hostfd) == ECONNREFUSED)
			stream_reset(cf, &ba, false);
		batch_write(&ba);
		mutex_exit(&capture_lock);
	}
	kmem_free(cf, sizeof(*cf));
}

void
capture_connect(
    struct capture_flow *cf, const struct rump_sockaddr *sa, int error)
{
	struct pcap_end peer;
	struct batch ba;

	if (!cf->cf_stream)
		return;
	batch_init(&ba);
	mutex_enter(&capture_lock);
	if (error == 0 || error == EISCONN)
		(void)stream_establish(cf, &ba);
	else if ((error == EINPROGRESS || error == ECONNREFUSED) &&
		 sa != NULL && end_from(&peer, sa, sa->sa_len))
		(void)stream_start(cf, &ba, &peer);
	if (error == ECONNREFUSED && cf->cf_stage == STARTED)
		stream_reset(cf, &ba, false);
	/* Another attempt is another connection. */
	if (cf->cf_stage == OVER)
		cf->cf_stage = IDLE;
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

void
capture_accept(struct capture_flow *cf)
{
	struct batch ba;

	batch_init(&ba);
	mutex_enter(&capture_lock);
	cf->cf_accepted = true;
	(void)stream_establish(cf, &ba);
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

void
capture_shutdown(struct capture_flow *cf, int how)
{
	if (cf->cf_stream && how != SHUT_RD)
		stream_step(cf, stream_fin, true);
}

void
capture_eof(struct capture_flow *cf)
{
	if (cf->cf_stream)
		stream_step(cf, stream_fin, false);
}

void
capture_error(struct capture_flow *cf, int error)
{
	struct batch ba;

	if (!cf->cf_stream || error != ECONNRESET)
		return;
	batch_init(&ba);
	mutex_enter(&capture_lock);
	if (cf->cf_stage == ESTABLISHED)
		stream_reset(cf, &ba, false);
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

void
capture_discard(struct capture_flow *cf, size_t len)
{
	size_t n;

	for (; cf->cf_stream && len > 0; len -= n) {
		n = MIN(len, PCAP_SEGMENT_MAX);
		stream_data(cf, false, NULL, n);
	}
}

/* Data. */

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
		stream_data(
		    cf, out, gather(cd, off, buf, n) ? buf : NULL, n);
	}
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
	else if (pp->pp_kind == PCAP_ICMP &&
		 (!cf->cf_raw || pp->pp_src.pe_ip6))
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
	       rumpcomp_sockin_capture_hdrincl(cf->cf_hostfd);
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
	struct batch ba;

	batch_init(&ba);
	mutex_enter(&capture_lock);
	if (datagram_ends(cf, cd->cd_peer, &own, &peer)) {
		pp.pp_src = out ? own : peer;
		pp.pp_dst = out ? peer : own;
		if (has_header(cf, &peer, out))
			pp.pp_kind = PCAP_WHOLE;
		if (out && pp.pp_data != NULL)
			finish(cf, &pp, buf);
		batch_add(&ba, &pp);
	}
	batch_write(&ba);
	mutex_exit(&capture_lock);
}

static void
move(struct capture_flow *cf, const struct capture_data *cd, bool out)
{
	size_t size;
	uint8_t *buf;

	if (capture_fd < 0 || (cf->cf_stream && cd->cd_len == 0))
		return;
	size = MAX(cd->cd_len, 1);
	if (cf->cf_stream)
		size = MIN(size, PCAP_SEGMENT_MAX);
	buf = kmem_alloc(size, KM_NOSLEEP);
	if (buf == NULL) {
		KSTAT_ADD(&stats[LOST], 1);
		if (cf->cf_stream)
			stream_data(cf, out, NULL, size);
		return;
	}
	if (cf->cf_stream)
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
