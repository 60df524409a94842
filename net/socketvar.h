/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket layer, for system calls and for in-kernel users (NFS).
 *
 * A protocol's user-requests may move data themselves, without the socket
 * buffers (sockin: host recvmsg straight into the caller's memory), and may let
 * the calling thread wait in the host: "direct" protocols.  Protocols that do
 * not provide pr_send, pr_recv and pr_wait use so_snd and so_rcv and the
 * socket's condition variable, see net/sockbuf.h: "buffered" protocols.
 *
 * References: the creator (or the open file) owns one, and each call that may
 * sleep in the socket holds one, so that a socket that is closed under a
 * sleeper goes away with the sleeper's call.
 */
#ifndef NET_SOCKETVAR_H
#define NET_SOCKETVAR_H

#include <stdatomic.h>

#include "kern/condvar.h"
#include "kern/cred.h"
#include "kern/mutex.h"
#include "kern/poll.h"
#include "kern/queue.h"
#include "kern/types.h"
#include "rump/rumpabi.h"

struct mbuf;
struct protosw;
struct rump_stat;
struct selector;
struct socket;
struct uio;

struct sockbuf {
	struct mbuf *sb_mb;          /* s: records, linked by m_nextpkt */
	size_t sb_cc;                /* s: bytes held */
	size_t sb_hiwat;             /* s */
	_Atomic size_t sb_lowat;     /* s for writing */
	_Atomic int64_t sb_timeo_ns; /* SO_RCVTIMEO / SO_SNDTIMEO, 0 none */
	struct selinfo sb_sel;
};

struct socket {
	const struct protosw *so_proto; /* i */
	short so_type;                  /* i */
	kmutex_t so_lock;               /* protects s: fields */
	kcondvar_t so_cv;
	_Atomic uint32_t so_options; /* s for writing: SO_* switches */
	_Atomic uint32_t so_state;   /* s for writing: SS_* */
	int so_linger;               /* s: seconds */
	_Atomic int so_error;        /* pending, taken by the next call */
	void *so_pcb;                /* i after attach: protocol's own */
	kauth_cred_t so_cred;        /* i: owned */
	struct sockbuf so_snd, so_rcv;
	_Atomic uint32_t so_refcnt;
	_Atomic uint64_t so_nreceived, so_nsent; /* bytes, for netstat */
	/* netstat.c: owned, i once set; the peer, for when it has gone */
	_Atomic(struct rump_sockaddr_storage *) so_lastpeer;
	struct list so_list; /* solist.c */
	uint64_t so_serial;  /* i; 0: not in the list */
};

/* so_state */
#define SS_ISCONNECTED 0x2
#define SS_ISCONNECTING 0x4
#define SS_ISDISCONNECTING 0x8
#define SS_CANTSENDMORE 0x10
#define SS_CANTRCVMORE 0x20
#define SS_NBIO 0x100
#define SS_LISTENING 0x200
#define SS_FILE 0x400 /* an open file's; SS_NBIO is its O_NONBLOCK */

/* ctl operations of pr_ctloutput */
enum sockopt_op { SOPT_GET, SOPT_SET };
/*
 * SOL_SOCKET options pass by the protocol first.  ENOPROTOOPT means that it
 * has no business with the option: the socket layer's own record is enough.
 */
struct sockopt {
	enum sockopt_op so_op;
	int so_level;
	int so_name;
	void *so_val;  /* kernel memory */
	size_t so_len; /* in: size; out (GET): length */
};

/*
 * What goes with the data of a message that is received.  In: where there is
 * room, flags of the call; out: results.
 */
struct somsg {
	struct rump_sockaddr_storage *sm_from; /* may be NULL */
	void *sm_control;                      /* may be NULL */
	size_t sm_controllen;                  /* in: room */
	int sm_flags;                          /* MSG_* */
	bool sm_plain; /* in: nobody looks at flags and control data */
	/* Out: the length of the message, or, of a stream, what MSG_TRUNC threw
	 * away; 0 when that is not known. */
	size_t sm_whole;
};

#define PR_ANYPROTO (-1)

/* For netstat. */
struct soinfo {
	int si_protocol;      /* of IP */
	const char *si_state; /* of a connection, a constant; or NULL */
	uint64_t si_received, si_sent; /* bytes that the kernel has counted */
	bool si_uncounted; /* there may be more, and nobody knows how many */
};

struct protosw {
	short pr_type;
	int pr_protocol; /* or PR_ANYPROTO: pr_attach looks at it */
	struct domain *pr_domain;
	/* User-requests.  0 or errno; may sleep; called without so_lock unless
	 * stated.  NULL: EOPNOTSUPP. */
	int (*pr_attach)(struct socket *so, int proto);
	/* The same around a duplicate of host socket hostfd.  EPROTOTYPE: it is
	 * not of this family and type. */
	int (*pr_adopt)(struct socket *so, int proto, int hostfd);
	void (*pr_detach)(struct socket *so);
	int (*pr_bind)(struct socket *so, const struct rump_sockaddr *sa);
	int (*pr_listen)(struct socket *so, int backlog);
	/* EINPROGRESS when started; then pr_wait for POLLOUT and SO_ERROR.
	 * For SS_FILE as pr_send. */
	int (*pr_connect)(struct socket *so, const struct rump_sockaddr *sa);
	int (*pr_connect2)(struct socket *so, struct socket *so2);
	/* EWOULDBLOCK when none waits.  newso is attached by the protocol and
	 * has the so_state that it will live with.  For SS_FILE as pr_send. */
	int (*pr_accept)(struct socket *so, struct socket *newso,
	    struct rump_sockaddr_storage *peer);
	int (*pr_disconnect)(struct socket *so);
	int (*pr_shutdown)(struct socket *so, int how);
	/*
	 * EWOULDBLOCK when nothing could be moved.  The lengths in uio_iov add
	 * up to uio_resid.  With SS_FILE and neither MSG_DONTWAIT nor MSG_NBIO
	 * the protocol waits itself, with the socket's own SO_*TIMEO and
	 * SO_RCVLOWAT (EWOULDBLOCK, ERESTART); else it never does.
	 */
	int (*pr_send)(struct socket *so, struct uio *uio,
	    const struct rump_sockaddr *to, const void *control,
	    size_t controllen, int flags);
	int (*pr_recv)(struct socket *so, struct uio *uio, struct somsg *sm);
	/*
	 * Wait in the calling thread until one of the NetBSD POLL* events, the
	 * deadline (absolute monotonic ns, 0 none: EWOULDBLOCK) or a signal
	 * (ERESTART).
	 */
	int (*pr_wait)(struct socket *so, int events, int64_t deadline_ns);
	/* Readiness for poll; sel as in fo_poll. */
	int (*pr_poll)(struct socket *so, int events, struct selector *sel);
	int (*pr_ctloutput)(struct socket *so, struct sockopt *sopt);
	/* FIONBIO and FIOASYNC too; ENOTTY: no concern of the protocol. */
	int (*pr_ioctl)(struct socket *so, unsigned long cmd, void *data);
	/* Fill in what the protocol knows of stat(2); NULL: nothing. */
	int (*pr_stat)(struct socket *so, struct rump_stat *st);
	/* Buffered protocols: so_snd has got data; so_rcv has been read. */
	void (*pr_output)(struct socket *so);
	void (*pr_rcvd)(struct socket *so);
	/* The host descriptor that the socket is, for fo_hostfd; NULL for
	 * protocols that are not the host's.  Does not sleep. */
	int (*pr_hostfd)(struct socket *so, int *fd);
	/* Fill in what the protocol knows better; NULL: nothing. */
	void (*pr_info)(struct socket *so, struct soinfo *si);
	int (*pr_sockaddr)(struct socket *so, struct rump_sockaddr_storage *ss);
	int (*pr_peeraddr)(struct socket *so, struct rump_sockaddr_storage *ss);
};

struct domain {
	int dom_family; /* AF_*, NetBSD numbering */
	const char *dom_name;
	const struct protosw *dom_protosw;
	size_t dom_nprotosw;
	void (*dom_init)(void);
	struct domain *dom_next;
};

/* Make a protocol family known; called from component initialisers.  The
 * first one for a family wins; EEXIST afterwards. */
int domain_attach(struct domain *dom);

/* In place of a deadline: do not wait at all. */
#define SO_DEADLINE_NOW (-1)

/*
 * Sockets for in-kernel users, after socket(9).  Addresses and options are in
 * NetBSD format, buffers are kernel or user memory as uio says.
 */
/* EAFNOSUPPORT, EPROTONOSUPPORT, EPROTOTYPE, EMFILE, ENOBUFS.  *sop has one
 * reference, to be given back by soclose(). */
int socreate(
    int family, struct socket **sop, int type, int proto, kauth_cred_t cred);
/* The same for an open file; type may have SOCK_* flags. */
int socreate_file(
    int family, struct socket **sop, int type, int proto, kauth_cred_t cred);
/* ... around host socket hostfd, as pr_adopt. */
int soadopt_file(int family, struct socket **sop, int type, int proto,
    kauth_cred_t cred, int hostfd);
/* A socket without protocol state, for pr_accept() and pr_connect2(). */
struct socket *soalloc(const struct protosw *pr, kauth_cred_t cred);
/*
 * Close and free; never fails; lingers as SO_LINGER says.  Threads that sleep
 * in the socket are woken as by soshutdown() and the last of them frees it.
 */
void soclose(struct socket *so);
int sobind(struct socket *so, const struct rump_sockaddr *sa);
int solisten(struct socket *so, int backlog);
/* Connect and wait until connected, failed, deadline (ETIMEDOUT) or signal
 * (ERESTART; calling again goes on waiting); with SS_NBIO or SO_DEADLINE_NOW
 * returns EINPROGRESS at once. */
int soconnect(
    struct socket *so, const struct rump_sockaddr *sa, int64_t deadline_ns);
/* EWOULDBLOCK at the deadline.  state: SS_FILE and SS_NBIO of the new one. */
int soaccept(struct socket *so, struct socket **newp,
    struct rump_sockaddr_storage *peer, int64_t deadline_ns, uint32_t state);
int soconnect2(struct socket *so, struct socket *so2);
/*
 * Move data; flags are NetBSD MSG_*.  Waits unless SS_NBIO or MSG_DONTWAIT
 * (EWOULDBLOCK), at most as long as SO_SNDTIMEO or SO_RCVTIMEO (EWOULDBLOCK);
 * ERESTART or, with such a timeout, EINTR when a signal came before data moved.
 * Success with uio_resid > 0 is a partial transfer; 0 bytes received on a
 * stream is end of file.  EPIPE after the peer has gone; nobody is sent
 * SIGPIPE.  Concurrent sends on one stream may interleave where a send had to
 * wait.  soreceive() writes the MSG_* of the result to *flags; from, control,
 * controllen and flags may be NULL.  On a socket of an open file either makes
 * one call of a direct protocol, which may move less than was asked for.
 */
int sosend(struct socket *so, struct uio *uio, const struct rump_sockaddr *to,
    const void *control, size_t controllen, int flags);
int soreceive(struct socket *so, struct uio *uio,
    struct rump_sockaddr_storage *from, void *control, size_t *controllen,
    int *flags);
/* soreceive() with everything that a message can have. */
int soreceivemsg(struct socket *so, struct uio *uio, struct somsg *sm);
/* As pr_wait; EWOULDBLOCK at once with SO_DEADLINE_NOW. */
int sowait(struct socket *so, int events, int64_t deadline_ns);
/* As pr_poll. */
int sopoll(struct socket *so, int events, struct selector *sel);
int soshutdown(struct socket *so, int how);
int sosetopt(
    struct socket *so, int level, int name, const void *val, size_t len);
int sogetopt(struct socket *so, int level, int name, void *val, size_t *len);

/* One reference more or less; the last one destroys the socket. */
void soref(struct socket *so);
void sounref(struct socket *so);
/* The pending error, which is cleared; 0 if there is none. */
int sotakeerror(struct socket *so);
/*
 * An error ended a call that did something before: keep it for the next one,
 * unless it was the call's own (EWOULDBLOCK, EFAULT, bad arguments and such).
 */
void sokeeperror(struct socket *so, int error);

#endif /* !NET_SOCKETVAR_H */
