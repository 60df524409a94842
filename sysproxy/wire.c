/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames: receiver, encoders, decoders.  Nothing here waits or allocates. */
#include "sysproxy/wire.h"

enum rx_state { RX_HEADER, RX_PAYLOAD, RX_BAD };

/* Clients' answers may be large; the rest is small. */
const struct wire_limits wire_limits_server = {
	.wl_max = {
		[WIRE_REQ] = {
			[WIRE_HANDSHAKE] = WIRE_SMALL_MAX,
			[WIRE_SYSCALL] = WIRE_ARGS_MAX,
			[WIRE_COPYIN] = WIRE_SMALL_MAX,
			[WIRE_COPYINSTR] = WIRE_SMALL_MAX,
			[WIRE_COPYOUT] = WIRE_SMALL_MAX,
			[WIRE_COPYOUTSTR] = WIRE_SMALL_MAX,
			[WIRE_ANONMMAP] = WIRE_SMALL_MAX,
			[WIRE_PREFORK] = WIRE_SMALL_MAX,
			[WIRE_RAISE] = WIRE_SMALL_MAX,
		},
		[WIRE_RESP] = {
			[WIRE_HANDSHAKE] = WIRE_SMALL_MAX,
			[WIRE_SYSCALL] = WIRE_SMALL_MAX,
			[WIRE_COPYIN] = WIRE_COPY_MAX,
			[WIRE_COPYINSTR] = WIRE_COPY_MAX,
			[WIRE_COPYOUT] = WIRE_SMALL_MAX,
			[WIRE_COPYOUTSTR] = WIRE_SMALL_MAX,
			[WIRE_ANONMMAP] = WIRE_SMALL_MAX,
			[WIRE_PREFORK] = WIRE_SMALL_MAX,
			[WIRE_RAISE] = WIRE_SMALL_MAX,
		},
	},
	.wl_other = WIRE_SMALL_MAX,
};

/* Servers' copies may be large.  What a server never sends has no room. */
const struct wire_limits wire_limits_client = {
	.wl_max = {
		[WIRE_REQ] = {
			[WIRE_COPYIN] = WIRE_SMALL_MAX,
			[WIRE_COPYINSTR] = WIRE_SMALL_MAX,
			[WIRE_COPYOUT] = sizeof(struct wire_copy) +
			    WIRE_COPY_MAX,
			[WIRE_COPYOUTSTR] = sizeof(struct wire_copy) +
			    WIRE_COPY_MAX,
			[WIRE_ANONMMAP] = WIRE_SMALL_MAX,
			[WIRE_RAISE] = WIRE_SMALL_MAX,
		},
		[WIRE_RESP] = {
			[WIRE_HANDSHAKE] = WIRE_SMALL_MAX,
			[WIRE_SYSCALL] = WIRE_SMALL_MAX,
			[WIRE_PREFORK] = WIRE_SMALL_MAX,
		},
	},
	.wl_other = WIRE_SMALL_MAX,
};

/* Everybody has a memcpy(), but it must not see NULL. */
static void
copy_bytes(void *to, const void *from, size_t len)
{
	if (len > 0)
		__builtin_memcpy(to, from, len);
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void
wire_rx_init(struct wire_rx *rx, const struct wire_limits *limits)
{
	*rx = (struct wire_rx){ .rx_limits = limits, .rx_state = RX_HEADER };
}

static uint64_t
limit_of(const struct wire_limits *limits, const struct wire_hdr *h)
{
	if (h->wh_class > WIRE_RESP || h->wh_type >= WIRE_NTYPES)
		return limits->wl_other;
	return limits->wl_max[h->wh_class][h->wh_type];
}

/* The header is complete. */
static enum wire_event
begin_payload(struct wire_rx *rx)
{
	uint64_t len = rx->rx_hdr.wh_len;

	if (len < WIRE_HDRLEN ||
	    len - WIRE_HDRLEN > limit_of(rx->rx_limits, &rx->rx_hdr)) {
		rx->rx_state = RX_BAD;
		return WIRE_EV_BAD;
	}
	rx->rx_len = len - WIRE_HDRLEN;
	rx->rx_got = 0;
	rx->rx_to = NULL;
	rx->rx_size = 0;
	rx->rx_state = RX_PAYLOAD;
	return WIRE_EV_HEADER;
}

static size_t
feed_header(
    struct wire_rx *rx, const void *data, size_t len, enum wire_event *ev)
{
	size_t n = min_u64(len, WIRE_HDRLEN - rx->rx_hdrlen);

	copy_bytes((unsigned char *)&rx->rx_hdr + rx->rx_hdrlen, data, n);
	rx->rx_hdrlen += n;
	*ev = rx->rx_hdrlen == WIRE_HDRLEN ? begin_payload(rx) : WIRE_EV_MORE;
	return n;
}

static size_t
feed_payload(
    struct wire_rx *rx, const void *data, size_t len, enum wire_event *ev)
{
	size_t n = min_u64(len, rx->rx_len - rx->rx_got);

	if (rx->rx_got < rx->rx_size)
		copy_bytes(rx->rx_to + rx->rx_got, data,
		    min_u64(n, rx->rx_size - rx->rx_got));
	rx->rx_got += n;
	if (rx->rx_got < rx->rx_len) {
		*ev = WIRE_EV_MORE;
		return n;
	}
	rx->rx_hdrlen = 0;
	rx->rx_state = RX_HEADER;
	*ev = WIRE_EV_FRAME;
	return n;
}

size_t
wire_rx_feed(
    struct wire_rx *rx, const void *data, size_t len, enum wire_event *ev)
{
	if (rx->rx_state == RX_HEADER)
		return feed_header(rx, data, len, ev);
	if (rx->rx_state == RX_PAYLOAD)
		return feed_payload(rx, data, len, ev);
	*ev = WIRE_EV_BAD;
	return 0;
}

void
wire_rx_payload(struct wire_rx *rx, void *buf, size_t size)
{
	rx->rx_to = buf;
	rx->rx_size = min_u64(size, rx->rx_len);
}

size_t
wire_rx_place(struct wire_rx *rx, void **where)
{
	if (rx->rx_state == RX_HEADER) {
		*where = (unsigned char *)&rx->rx_hdr + rx->rx_hdrlen;
		return WIRE_HDRLEN - rx->rx_hdrlen;
	}
	if (rx->rx_state == RX_PAYLOAD && rx->rx_got < rx->rx_size) {
		*where = rx->rx_to + rx->rx_got;
		return rx->rx_size - rx->rx_got;
	}
	return 0;
}

void
wire_rx_stored(struct wire_rx *rx, size_t n)
{
	if (rx->rx_state == RX_HEADER)
		rx->rx_hdrlen += n;
	else
		rx->rx_got += n;
}

bool
wire_rx_midframe(const struct wire_rx *rx)
{
	return rx->rx_state == RX_PAYLOAD ||
	       (rx->rx_state == RX_HEADER && rx->rx_hdrlen != 0);
}

/* A frame with fixed bytes of the union and datalen bytes behind it. */
static size_t
put(struct wire_frame *f, struct wire_hdr h, size_t fixed, size_t datalen)
{
	h.wh_len = WIRE_HDRLEN + fixed + datalen;
	f->fr_hdr = h;
	return WIRE_HDRLEN + fixed;
}

static struct wire_hdr
request(enum wire_type type, uint64_t reqno, uint32_t u)
{
	return (struct wire_hdr){
		.wh_class = WIRE_REQ,
		.wh_type = type,
		.wh_reqno = reqno,
		.wh_u = u,
	};
}

static struct wire_hdr
answer(enum wire_type type, uint64_t reqno)
{
	return (struct wire_hdr){
		.wh_class = WIRE_RESP,
		.wh_type = type,
		.wh_reqno = reqno,
	};
}

static void
clear(struct wire_frame *f)
{
	*f = (struct wire_frame){ 0 };
	f->fr_sysret = (struct wire_sysret){ 0 }; /* the largest member */
}

size_t
wire_put_hello(
    struct wire_frame *f, uint64_t reqno, enum wire_kind kind, size_t datalen)
{
	clear(f);
	return put(f, request(WIRE_HANDSHAKE, reqno, kind), 0, datalen);
}

size_t
wire_put_fork(struct wire_frame *f, uint64_t reqno,
    const uint32_t auth[WIRE_NAUTH], bool cancel)
{
	clear(f);
	copy_bytes(f->fr_fork.wf_auth, auth, sizeof(f->fr_fork.wf_auth));
	f->fr_fork.wf_cancel = cancel;
	return put(f, request(WIRE_HANDSHAKE, reqno, WIRE_FORK),
	    sizeof(f->fr_fork), 0);
}

size_t
wire_put_syscall(struct wire_frame *f, uint64_t reqno, int num, size_t datalen)
{
	clear(f);
	return put(f, request(WIRE_SYSCALL, reqno, (uint32_t)num), 0, datalen);
}

size_t
wire_put_prefork(struct wire_frame *f, uint64_t reqno)
{
	clear(f);
	return put(f, request(WIRE_PREFORK, reqno, 0), 0, 0);
}

size_t
wire_put_copied(struct wire_frame *f, uint64_t reqno, size_t datalen)
{
	clear(f);
	return put(f, answer(WIRE_COPYIN, reqno), 0, datalen);
}

size_t
wire_put_mapped(struct wire_frame *f, uint64_t reqno, uint64_t addr)
{
	clear(f);
	f->fr_word = addr;
	return put(f, answer(WIRE_ANONMMAP, reqno), sizeof(f->fr_word), 0);
}

size_t
wire_put_welcome(struct wire_frame *f, uint64_t reqno)
{
	clear(f);
	return put(f, answer(WIRE_HANDSHAKE, reqno), sizeof(f->fr_error), 0);
}

size_t
wire_put_sysret(
    struct wire_frame *f, uint64_t reqno, int error, const int64_t retval[2])
{
	clear(f);
	f->fr_sysret.ws_error = error;
	if (retval != NULL) {
		f->fr_sysret.ws_retval[0] = retval[0];
		f->fr_sysret.ws_retval[1] = retval[1];
	}
	return put(f, answer(WIRE_SYSCALL, reqno), sizeof(f->fr_sysret), 0);
}

size_t
wire_put_auth(
    struct wire_frame *f, uint64_t reqno, const uint32_t auth[WIRE_NAUTH])
{
	clear(f);
	copy_bytes(f->fr_auth, auth, sizeof(f->fr_auth));
	return put(f, answer(WIRE_PREFORK, reqno), sizeof(f->fr_auth), 0);
}

size_t
wire_put_error(struct wire_frame *f, uint64_t reqno, enum wire_errcode code)
{
	struct wire_hdr h = {
		.wh_class = WIRE_ERROR,
		.wh_reqno = reqno,
		.wh_u = code,
	};

	clear(f);
	return put(f, h, 0, 0);
}

/* Length and address in front; datalen of data behind. */
static size_t
put_copy(struct wire_frame *f, struct wire_hdr h, uint64_t addr, size_t len,
    size_t datalen)
{
	clear(f);
	f->fr_copy.wc_len = len;
	f->fr_copy.wc_addr = addr;
	return put(f, h, sizeof(f->fr_copy), datalen);
}

size_t
wire_put_copyin(struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t len)
{
	return put_copy(f, request(WIRE_COPYIN, reqno, 0), addr, len, 0);
}

size_t
wire_put_copyinstr(
    struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t max)
{
	return put_copy(f, request(WIRE_COPYINSTR, reqno, 0), addr, max, 0);
}

size_t
wire_put_copyout(
    struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t datalen)
{
	return put_copy(
	    f, request(WIRE_COPYOUT, reqno, 0), addr, datalen, datalen);
}

size_t
wire_put_anonmmap(struct wire_frame *f, uint64_t reqno, size_t len)
{
	clear(f);
	f->fr_word = len;
	return put(f, request(WIRE_ANONMMAP, reqno, 0), sizeof(f->fr_word), 0);
}

size_t
wire_put_raise(struct wire_frame *f, uint64_t reqno, int sig)
{
	clear(f);
	return put(f, request(WIRE_RAISE, reqno, (uint32_t)sig), 0, 0);
}

static bool
get_exactly(const void *data, size_t len, void *to, size_t want)
{
	if (len != want)
		return false;
	copy_bytes(to, data, want);
	return true;
}

bool
wire_get_name(const void *data, size_t len, char *name, size_t size)
{
	const char *s = data;
	size_t i;

	if (len == 0)
		return false;
	for (i = 0; i < len && i < size - 1 && s[i] != '\0'; i++)
		name[i] = s[i];
	name[i] = '\0';
	return true;
}

bool
wire_get_fork(const void *data, size_t len, struct wire_fork *wf)
{
	return get_exactly(data, len, wf, sizeof(*wf));
}

bool
wire_get_sysret(const void *data, size_t len, struct wire_sysret *ws)
{
	if (!get_exactly(data, len, ws, sizeof(*ws)))
		return false;
	ws->ws_zero = 0;
	return true;
}

bool
wire_get_welcome(const void *data, size_t len, int32_t *error)
{
	return get_exactly(data, len, error, sizeof(*error));
}

bool
wire_get_auth(const void *data, size_t len, uint32_t auth[WIRE_NAUTH])
{
	return get_exactly(data, len, auth, WIRE_NAUTH * sizeof(auth[0]));
}

bool
wire_get_copy(const void *data, size_t len, struct wire_copy *wc)
{
	return get_exactly(data, len, wc, sizeof(*wc));
}

bool
wire_get_copyout(const void *data, size_t len, struct wire_copy *wc)
{
	struct wire_copy got;

	if (len < sizeof(got))
		return false;
	copy_bytes(&got, data, sizeof(got));
	if (got.wc_len != len - sizeof(got))
		return false;
	*wc = got;
	return true;
}

bool
wire_get_word(const void *data, size_t len, uint64_t *word)
{
	return get_exactly(data, len, word, sizeof(*word));
}
