/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The remote system call protocol, version 0.4, as bytes: layouts, receiver,
 * encoders, decoders, and the rules about who may say what when.  Pure
 * functions, freestanding, no I/O and no memory of their own, so that the
 * server, the client library and the hijack library share them and cannot
 * disagree.  docs/PROTOCOL.md describes the protocol.
 *
 * Layouts are those of amd64 and need no conversion; the structures below are
 * the wire's.  Functions that decode take any alignment and any length.
 */
#ifndef SYSPROXY_WIRE_H
#define SYSPROXY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAJOR 0
#define WIRE_MINOR 4

enum wire_class { WIRE_REQ = 0, WIRE_RESP = 1, WIRE_ERROR = 2, WIRE_NCLASSES };

enum wire_type {
	WIRE_HANDSHAKE = 0,  /* client asks, server answers */
	WIRE_SYSCALL = 1,    /* client asks, server answers */
	WIRE_COPYIN = 2,     /* server asks, client answers */
	WIRE_COPYINSTR = 3,  /* server asks; the answer's type is WIRE_COPYIN */
	WIRE_COPYOUT = 4,    /* server asks, no answer */
	WIRE_COPYOUTSTR = 5, /* the same; genuine servers do not send it */
	WIRE_ANONMMAP = 6,   /* server asks, client answers */
	WIRE_PREFORK = 7,    /* client asks, server answers */
	WIRE_RAISE = 8,      /* server asks, no answer */
	WIRE_NTYPES
};

/* wh_u of a request for a handshake. */
enum wire_kind {
	WIRE_GUEST = 0,
	WIRE_AUTH = 1, /* always refused */
	WIRE_FORK = 2,
	WIRE_EXEC = 3
};

/* wh_u of class WIRE_ERROR. */
enum wire_errcode {
	WIRE_ERR_NONE = 0,
	WIRE_ERR_TRYAGAIN = 1,
	WIRE_ERR_AUTH = 2,
	WIRE_ERR_INVALID_PREFORK = 3,
	WIRE_ERR_RFORK_FAILED = 4,
	WIRE_ERR_INEXEC = 5,
	WIRE_ERR_NOMEM = 6,
	WIRE_ERR_MALFORMED = 7
};

struct wire_hdr {
	uint64_t wh_len;   /* of the frame with this header */
	uint64_t wh_reqno; /* the requester's counter, repeated in the answer */
	uint16_t wh_class; /* enum wire_class */
	uint16_t wh_type;  /* enum wire_type */
	uint32_t wh_u;     /* system call, kind, signal or errcode */
};
#define WIRE_HDRLEN 24
_Static_assert(sizeof(struct wire_hdr) == WIRE_HDRLEN, "rump_sp header");

#define WIRE_NAUTH 4
struct wire_fork { /* handshake of kind WIRE_FORK */
	uint32_t wf_auth[WIRE_NAUTH];
	int32_t wf_cancel;
};
_Static_assert(sizeof(struct wire_fork) == 20, "rump_sp fork handshake");

struct wire_sysret {      /* answer to a system call */
	int32_t ws_error; /* 0 or a NetBSD errno */
	int32_t ws_zero;
	int64_t ws_retval[2];
};
_Static_assert(sizeof(struct wire_sysret) == 24, "rump_sp system call answer");

struct wire_copy { /* request to copy; the data of a COPYOUT follow */
	uint64_t wc_len;
	uint64_t wc_addr;
};
_Static_assert(sizeof(struct wire_copy) == 16, "rump_sp copy request");

/*
 * Bounds of payloads, which the genuine code does not have.  A server splits a
 * copy of more than WIRE_COPY_MAX bytes.
 */
#define WIRE_ARGS_MAX 64    /* eight slots */
#define WIRE_SMALL_MAX 4096 /* a command's name, and what nobody sends */
#define WIRE_COPY_MAX (64u << 20)

/* The banner: the server's first and only line. */

#define WIRE_BANNER_MAX 95 /* bytes, with the newline */
/* The word of servers of ours that do not offer the fast transport, fast.h. */
#define WIRE_OURS "rumpkit"

struct wire_banner {
	unsigned wb_major;
	unsigned wb_minor;
	char wb_ostype[WIRE_BANNER_MAX];    /* between the first two dashes */
	char wb_osrelease[WIRE_BANNER_MAX]; /* may have dashes */
	char wb_machine[WIRE_BANNER_MAX];   /* behind the last slash */
	char wb_word[WIRE_BANNER_MAX];      /* behind that and a space, or "" */
};

enum wire_bannerstate {
	WIRE_BANNER_OK,
	WIRE_BANNER_MORE,    /* no newline yet: read on */
	WIRE_BANNER_BAD,     /* not a banner, too long, or bytes behind it */
	WIRE_BANNER_VERSION, /* well-formed, but not version 0.4 */
	WIRE_BANNER_MACHINE  /* ... or not an amd64: layouts differ */
};

/*
 * Read what has arrived so far, len bytes.  *wb is written for OK, VERSION and
 * MACHINE.  Reads on MORE only up to WIRE_BANNER_MAX bytes.
 */
enum wire_bannerstate wire_banner_parse(
    const char *buf, size_t len, struct wire_banner *wb);
/*
 * Write the banner into buf of WIRE_BANNER_MAX bytes (no NUL); word may be
 * NULL.  Returns its length, or 0 when that is too long or the parser would not
 * find the same parts again.
 */
size_t wire_banner_make(char *buf, const char *ostype, const char *osrelease,
    const char *machine, const char *word);

/* The receiver: bytes in, frames out. */

/* The largest payload that is accepted, by class REQ and RESP and by type;
 * wl_other: for WIRE_ERROR, unknown classes and types. */
struct wire_limits {
	uint64_t wl_max[2][WIRE_NTYPES];
	uint64_t wl_other;
};
extern const struct wire_limits wire_limits_server; /* what clients send */
extern const struct wire_limits wire_limits_client; /* what servers send */

enum wire_event {
	WIRE_EV_MORE,   /* all bytes taken, nothing new */
	WIRE_EV_HEADER, /* rx_hdr is there: choose a place for the payload */
	WIRE_EV_FRAME,  /* the payload is complete; rx_hdr still stands */
	WIRE_EV_BAD     /* a length under 24 or over the limit: disconnect */
};

struct wire_rx {
	const struct wire_limits *rx_limits;
	struct wire_hdr rx_hdr;
	uint32_t rx_state;
	uint32_t rx_hdrlen;   /* bytes of rx_hdr that are there */
	uint64_t rx_len;      /* payload of this frame */
	uint64_t rx_got;      /* of it that has arrived */
	unsigned char *rx_to; /* where it goes, */
	uint64_t rx_size;     /* up to so many bytes */
};

void wire_rx_init(struct wire_rx *rx, const struct wire_limits *limits);
/*
 * Take bytes from data; returns how many (perhaps fewer than len, perhaps 0)
 * and what came of it.  Call again with the rest, also when that is nothing,
 * until it says MORE.  Every frame makes HEADER, then FRAME.  Between them
 * wire_rx_payload() may be called; a payload without a place is dropped.  BAD
 * is for ever.
 */
size_t wire_rx_feed(
    struct wire_rx *rx, const void *data, size_t len, enum wire_event *ev);
/* The payload of rx_len bytes goes to buf; what is beyond size is dropped. */
void wire_rx_payload(struct wire_rx *rx, void *buf, size_t size);
/*
 * Without a copy: where the next bytes of the stream may be stored, as far as
 * that is known (0: nowhere, use wire_rx_feed()), and the news that n of them
 * were.  As with feed, HEADER and FRAME may come one after the other: call
 * wire_rx_feed() with len 0 until it says MORE.
 */
size_t wire_rx_place(struct wire_rx *rx, void **where);
void wire_rx_stored(struct wire_rx *rx, size_t n);
/* Has a part of a frame arrived, so that the end of the stream is an error? */
bool wire_rx_midframe(const struct wire_rx *rx);

/*
 * A client that cannot read what it is asked for has no way to say so in the
 * genuine protocol.  To servers of ours, which it knows by the word in their
 * banner, ours sends fewer bytes than asked for COPYIN and none for COPYINSTR:
 * EFAULT.  From genuine clients such answers do not come.
 */

/* Header and the fixed part of the payload, in one piece. */
struct wire_frame {
	struct wire_hdr fr_hdr;
	union {
		struct wire_fork fr_fork;
		struct wire_sysret fr_sysret;
		struct wire_copy fr_copy;
		uint32_t fr_auth[WIRE_NAUTH];
		uint64_t fr_word;
		int32_t fr_error;
	};
};

/*
 * Each fills *f, leaves no byte of it undefined, and returns how many bytes of
 * it are to be sent.  datalen more bytes, the caller's, follow where there is
 * such a parameter.
 */

/* By the client. */
size_t wire_put_hello(struct wire_frame *f, uint64_t reqno, enum wire_kind kind,
    size_t datalen); /* GUEST, EXEC; data: the command's name with its NUL */
size_t wire_put_fork(struct wire_frame *f, uint64_t reqno,
    const uint32_t auth[WIRE_NAUTH], bool cancel);
size_t wire_put_syscall(struct wire_frame *f, uint64_t reqno, int num,
    size_t datalen); /* data: the argument slots */
size_t wire_put_prefork(struct wire_frame *f, uint64_t reqno);
size_t wire_put_copied(struct wire_frame *f, uint64_t reqno,
    size_t datalen); /* answer to COPYIN, COPYINSTR; see below */
size_t wire_put_mapped(struct wire_frame *f, uint64_t reqno,
    uint64_t addr); /* answer to ANONMMAP; 0: failed */

/* By the server. */
size_t wire_put_welcome(struct wire_frame *f, uint64_t reqno); /* to hello */
size_t wire_put_sysret(struct wire_frame *f, uint64_t reqno, int error,
    const int64_t retval[2]); /* retval NULL: zeros */
size_t wire_put_auth(struct wire_frame *f, uint64_t reqno,
    const uint32_t auth[WIRE_NAUTH]); /* answer to PREFORK */
size_t wire_put_error(
    struct wire_frame *f, uint64_t reqno, enum wire_errcode code);
size_t wire_put_copyin(
    struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t len);
size_t wire_put_copyinstr(
    struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t max);
size_t wire_put_copyout(
    struct wire_frame *f, uint64_t reqno, uint64_t addr, size_t datalen);
size_t wire_put_anonmmap(struct wire_frame *f, uint64_t reqno, size_t len);
size_t wire_put_raise(struct wire_frame *f, uint64_t reqno, int sig);

/* Decoders of payloads.  False: malformed, nothing written. */

/*
 * The command's name of a handshake GUEST or EXEC as a string, cut to size - 1
 * bytes (size > 0).  It ends at the first NUL or with the payload, which is
 * not empty.
 */
bool wire_get_name(const void *data, size_t len, char *name, size_t size);
/* Exactly 20 bytes. */
bool wire_get_fork(const void *data, size_t len, struct wire_fork *wf);
/* Exactly 24 bytes; ws_zero is 0 whatever the peer sent. */
bool wire_get_sysret(const void *data, size_t len, struct wire_sysret *ws);
/* Exactly 4 bytes: the answer to a handshake. */
bool wire_get_welcome(const void *data, size_t len, int32_t *error);
/* Exactly 16 bytes: the answer to PREFORK. */
bool wire_get_auth(const void *data, size_t len, uint32_t auth[WIRE_NAUTH]);
/* Exactly 16 bytes: COPYIN, COPYINSTR. */
bool wire_get_copy(const void *data, size_t len, struct wire_copy *wc);
/* COPYOUT: 16 bytes and wc_len more, which begin at data + 16. */
bool wire_get_copyout(const void *data, size_t len, struct wire_copy *wc);
/* Exactly 8 bytes: ANONMMAP, request and answer. */
bool wire_get_word(const void *data, size_t len, uint64_t *word);

/* Who may say what when. */

enum wire_state {
	WIRE_NEW,      /* connected; nothing said but the banner */
	WIRE_GREETING, /* handshake GUEST or FORK under way */
	WIRE_RUNNING,  /* a process of the kernel */
	WIRE_EXECING,  /* handshake EXEC under way */
	WIRE_NSTATES
};

/* What the server does with a frame from the client. */
enum wire_do {
	WIRE_DO_SERVE, /* a request that is in order */
	WIRE_DO_MATCH, /* an answer: for the request with that number, if any */
	WIRE_DO_BUSY, /* a system call while execing: its answer is EBUSY, -1 */
	WIRE_DO_REFUSE, /* answer error wv_code, go on */
	WIRE_DO_CLOSE   /* answer error wv_code, then disconnect */
};
struct wire_verdict {
	enum wire_do wv_do;
	enum wire_errcode wv_code;
};
struct wire_verdict wire_server_verdict(
    enum wire_state state, const struct wire_hdr *h);

/* May the client send this now?  (The server will serve or match it.) */
bool wire_client_may_send(enum wire_state state, const struct wire_hdr *h);

/* What the client does with a frame from the server. */
enum wire_take {
	WIRE_TAKE_REQUEST, /* COPYIN ... RAISE: carry out */
	WIRE_TAKE_ANSWER,  /* RESP, ERROR: for the request with that number */
	WIRE_TAKE_BROKEN   /* not the protocol: disconnect */
};
enum wire_take wire_client_take(
    enum wire_state state, const struct wire_hdr *h);
/* Is an answer of this class and type one to a request of type? */
bool wire_answers(const struct wire_hdr *answer, enum wire_type type);

/* The state after a request that is served was sent or received ... */
enum wire_state wire_state_asked(
    enum wire_state state, const struct wire_hdr *h);
/* ... and after a handshake was answered without error. */
enum wire_state wire_state_welcomed(enum wire_state state);

#endif /* !SYSPROXY_WIRE_H */
